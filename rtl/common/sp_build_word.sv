// SPDX-License-Identifier: Apache-2.0
//
// The word that tells which build this is. It is a module so that synthesis for FPGAs can put it in
// last: two images that differ only in this word are placed and routed alike.

module sp_build_word #(
    /// First 32 bits of the commit.
    parameter logic [31:0] WORD = '0
) (
    /// WORD.
    output logic [31:0] word_o
);

  assign word_o = WORD;

endmodule
