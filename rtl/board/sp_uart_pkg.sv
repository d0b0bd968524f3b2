// SPDX-License-Identifier: Apache-2.0
//
// What sender and receiver of the UART share: bit times that are fractions of cycles. One bit is
// num / den cycles; a phase grows by den a cycle, and a bit is over when it passes num.

package sp_uart_pkg;

  /// Greatest common divisor: frequencies divided by it make the phase as narrow as it can be.
  function automatic int unsigned gcd(int unsigned a, int unsigned b);
    int unsigned x, y, rest;
    x = a;
    y = b;
    while (y != 0) begin
      rest = x % y;
      x    = y;
      y    = rest;
    end
    return x;
  endfunction

endpackage
