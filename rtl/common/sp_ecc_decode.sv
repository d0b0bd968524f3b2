// SPDX-License-Identifier: Apache-2.0
//
// Mends a word with its check bits, by the code of sp_ecc_pkg. Guarantees: no wrong bit: the word
// as it is; one wrong bit, among data or check bits: the word as it was, `corrected_o`; two:
// `failed_o`, never `corrected_o`. Three or more may look like one.

module sp_ecc_decode #(
    /// Bits of a word, 1 to 640.
    parameter int unsigned WIDTH = 64,
    localparam int unsigned CheckW = sp_ecc_pkg::check_bits(WIDTH)
) (
    /// The word.
    input  logic [WIDTH-1:0]  data_i,
    /// Its check bits.
    input  logic [CheckW-1:0] check_i,
    /// The word, mended.
    output logic [WIDTH-1:0]  data_o,
    /// One bit was wrong, and is right now.
    output logic              corrected_o,
    /// More bits are wrong than can be mended.
    output logic              failed_o
);

  logic [CheckW-1:0] expected;
  logic [CheckW-1:0] syndrome;
  logic [WIDTH-1:0]  wrong;      // one-hot or zero
  logic              check_bit;  // the wrong one is a check bit

  sp_ecc_encode #(
      .WIDTH(WIDTH)
  ) i_encode (
      .data_i,
      .check_o(expected)
  );

  assign syndrome  = expected ^ check_i;
  assign check_bit = (syndrome & (syndrome - CheckW'(1))) == '0;

  always_comb begin
    wrong = '0;
    // Hardly ever true: what simulation need not look at.
    if (syndrome != '0) begin
      for (int unsigned n = 0; n < WIDTH; n++) begin
        wrong[n] = syndrome == sp_ecc_pkg::COLUMNS[n][CheckW-1:0];
      end
    end
  end

  assign data_o      = data_i ^ wrong;
  assign corrected_o = (syndrome != '0) && (check_bit || (wrong != '0));
  assign failed_o    = (syndrome != '0) && !corrected_o;

endmodule
