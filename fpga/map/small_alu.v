// SPDX-License-Identifier: Apache-2.0
//
// Adders and comparisons of few bits, made of tables. A carry chain begins and ends with a cell of
// its own and is one rigid column: for a counter of five bits it takes more of the part than tables
// do, and none of it can be moved by itself.

(* techmap_celltype = "$alu" *)
module sp_small_alu (A, B, CI, BI, X, Y, CO);
  parameter A_SIGNED = 0;
  parameter B_SIGNED = 0;
  parameter A_WIDTH = 1;
  parameter B_WIDTH = 1;
  parameter Y_WIDTH = 1;

  /// Bits of the widest one that is made of tables.
  localparam Most = 7;

  input  [A_WIDTH-1:0] A;
  input  [B_WIDTH-1:0] B;
  input                CI, BI;
  output [Y_WIDTH-1:0] X, Y, CO;

  wire _TECHMAP_FAIL_ = Y_WIDTH > Most || A_WIDTH == 0 || B_WIDTH == 0;

  wire [Y_WIDTH-1:0] a, b_given;
  generate
    if (A_SIGNED) assign a = $signed(A);
    else assign a = A;
    if (B_SIGNED) assign b_given = $signed(B);
    else assign b_given = B;
  endgenerate

  wire [Y_WIDTH-1:0] b = BI ? ~b_given : b_given;
  wire [Y_WIDTH:0]   carry;

  assign carry[0] = CI;
  genvar i;
  generate
    for (i = 0; i < Y_WIDTH; i = i + 1) begin : g_bit
      assign carry[i+1] = (a[i] & b[i]) | ((a[i] | b[i]) & carry[i]);
    end
  endgenerate

  assign X  = a ^ b;
  assign Y  = X ^ carry[Y_WIDTH-1:0];
  assign CO = carry[Y_WIDTH:1];
endmodule
