// SPDX-License-Identifier: Apache-2.0
//
// Widening and narrowing beside each other, of all types, each told the same: a program plays
// both.
module sp_float_convert_player #(
    /// Bits of the widest element.
    parameter int unsigned WIDTH = 32,
    localparam logic [7:0] Types = 8'h1F
) (
    /// Clock.
    input  logic             clk_i,
    /// Type of the element.
    input  logic [2:0]       etype_i,
    /// Overflow gives the largest number.
    input  logic             saturate_i,
    /// An element to be widened, or a number to be narrowed.
    input  logic [31:0]      number_i,
    /// It widened.
    output logic [31:0]      wide_o,
    /// It narrowed.
    output logic [WIDTH-1:0] narrow_o
);

  sp_float_widen #(
      .WIDTH(WIDTH),
      .TYPES(Types)
  ) i_widen (
      .clk_i,
      .etype_i,
      .number_i(number_i[WIDTH-1:0]),
      .number_o(wide_o)
  );

  sp_float_narrow #(
      .WIDTH(WIDTH),
      .TYPES(Types)
  ) i_narrow (
      .clk_i,
      .etype_i,
      .saturate_i,
      .number_i,
      .number_o(narrow_o)
  );

endmodule
