// SPDX-License-Identifier: Apache-2.0
//
// The code of words in memories: single errors are corrected, double errors are found (SECDED).
//
// A word of W bits has R check bits. Column n of the code, n = 0..W-1, is the n-th number with an
// odd number of ones that is no power of two: 7, 11, 13, 14, 19, ... Check bit r is the parity of
// all data bits whose column has bit r. Every column, with the powers of two as those of the check
// bits, has an odd number of ones, so that one wrong bit gives an odd syndrome, which names it, and
// two give an even one, which is never zero (M. Y. Hsiao, 1970).

package sp_ecc_pkg;

  /// Bits of the longest word.
  localparam int unsigned MAX_W = 640;
  /// Its check bits.
  localparam int unsigned MAX_R = 11;

  /// All columns, in order.
  typedef logic [MAX_W-1:0][MAX_R-1:0] columns_t;

  /// Check bits of a word of `width` bits: below 2^r there are 2^(r-1) - r columns.
  function automatic int unsigned check_bits(int unsigned width);
    int unsigned r;
    r = 3;
    while ((1 << (r - 1)) - r < width) r++;
    return r;
  endfunction

  /// Bits of what is kept of a flit: payload, and with `ecc` the check bits of header and payload.
  function automatic int unsigned word_bits(int unsigned flit_w, int unsigned hdr_w, bit ecc);
    return flit_w + (ecc ? check_bits(hdr_w) + check_bits(flit_w + 1) : 0);
  endfunction

  function automatic columns_t list_columns();
    columns_t    columns;
    int unsigned n;
    n       = 0;
    columns = '0;
    for (int unsigned c = 3; n < MAX_W; c++) begin
      if (((^c) != 1'b0) && ((c & (c - 1)) != 0)) begin
        columns[n] = MAX_R'(c);
        n++;
      end
    end
    return columns;
  endfunction

  /* verilator lint_off UNUSEDPARAM */  // by tops without a code
  localparam columns_t COLUMNS = list_columns();
  /* verilator lint_on UNUSEDPARAM */

endpackage
