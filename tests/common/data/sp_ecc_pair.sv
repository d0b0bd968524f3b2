// SPDX-License-Identifier: Apache-2.0
//
// A word is encoded, bits of it turn wrong, it is decoded.

module sp_ecc_pair #(
    /// Bits of a word.
    parameter int unsigned WIDTH = 129,
    localparam int unsigned CheckW = sp_ecc_pkg::check_bits(WIDTH)
) (
    /// The word.
    input  logic [WIDTH-1:0]        data_i,
    /// Bits of {check bits, word} that turn wrong.
    input  logic [WIDTH+CheckW-1:0] wrong_i,
    /// Check bits of the word.
    output logic [CheckW-1:0]       check_o,
    /// The word, mended.
    output logic [WIDTH-1:0]        data_o,
    /// A bit was corrected.
    output logic                    corrected_o,
    /// More are wrong.
    output logic                    failed_o
);

  logic [WIDTH+CheckW-1:0] stored;

  sp_ecc_encode #(
      .WIDTH(WIDTH)
  ) i_encode (
      .data_i,
      .check_o
  );

  assign stored = {check_o, data_i} ^ wrong_i;

  sp_ecc_decode #(
      .WIDTH(WIDTH)
  ) i_decode (
      .data_i (stored[WIDTH-1:0]),
      .check_i(stored[WIDTH+CheckW-1:WIDTH]),
      .data_o,
      .corrected_o,
      .failed_o
  );

endmodule
