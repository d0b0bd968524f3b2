// SPDX-License-Identifier: Apache-2.0
//
// Reads the build word bit by bit: for the test of what becomes of it in netlists.

module sp_word_reader #(
    /// First 32 bits of the commit.
    parameter logic [31:0] BUILD = '0
) (
    /// Clock.
    input  logic       clk_i,
    /// Bit to read.
    input  logic [4:0] bit_i,
    /// That bit, a cycle later.
    output logic       value_o
);

  logic [31:0] word;

  sp_build_word #(
      .WORD(BUILD)
  ) u_build_word (
      .word_o(word)
  );

  always_ff @(posedge clk_i) value_o <= word[bit_i];

endmodule
