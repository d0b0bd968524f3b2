// SPDX-License-Identifier: Apache-2.0
//
// What users of the floating-point modules must know of them.

package sp_float_pkg;

  /// Steps in which sp_float_add shifts a sum to the left, one a cycle.
  function automatic int unsigned add_steps(int unsigned frac_w);
    return $clog2(frac_w + 5) - 1;
  endfunction

  /// Cycles from two numbers to their sum in sp_float_add: 11 for FP32.
  function automatic int unsigned add_latency(int unsigned frac_w);
    return 7 + add_steps(frac_w);
  endfunction

endpackage
