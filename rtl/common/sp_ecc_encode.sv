// SPDX-License-Identifier: Apache-2.0
//
// Check bits of a word, by the code of sp_ecc_pkg.

module sp_ecc_encode #(
    /// Bits of a word, 1 to 640.
    parameter int unsigned WIDTH = 64,
    localparam int unsigned CheckW = sp_ecc_pkg::check_bits(WIDTH)
) (
    /// The word.
    input  logic [WIDTH-1:0]  data_i,
    /// Its check bits.
    output logic [CheckW-1:0] check_o
);

  if (WIDTH < 1 || WIDTH > sp_ecc_pkg::MAX_W) begin : g_bad_width
    $fatal(1, "sp_ecc_encode: WIDTH = %0d is not in 1..%0d", WIDTH, sp_ecc_pkg::MAX_W);
  end

  // Row r: the data bits that check bit r looks at.
  typedef logic [CheckW-1:0][WIDTH-1:0] rows_t;
  function automatic rows_t list_rows();
    rows_t rows;
    for (int unsigned r = 0; r < CheckW; r++) begin
      for (int unsigned n = 0; n < WIDTH; n++) rows[r][n] = sp_ecc_pkg::COLUMNS[n][r];
    end
    return rows;
  endfunction
  localparam rows_t Rows = list_rows();

  always_comb begin
    for (int unsigned r = 0; r < CheckW; r++) check_o[r] = ^(data_i & Rows[r]);
  end

endmodule
