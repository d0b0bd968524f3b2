// SPDX-License-Identifier: Apache-2.0
//
// Any word of which up to two bits, among data and check bits, turn wrong in memory.

module sp_ecc_props #(
    /// Bits of a word.
    parameter int unsigned WIDTH = 8,
    localparam int unsigned CheckW = sp_ecc_pkg::check_bits(WIDTH),
    localparam int unsigned AllW = WIDTH + CheckW,
    localparam int unsigned PlaceW = $clog2(AllW)
) (
    /// The word, free.
    input logic [WIDTH-1:0]  data_i,
    /// Wrong bits, 0 to 2, free.
    input logic [1:0]        errors_i,
    /// Place of the first, free.
    input logic [PlaceW-1:0] one_i,
    /// Place of the second, free.
    input logic [PlaceW-1:0] two_i
);

  logic [CheckW-1:0] check;
  logic [AllW-1:0]   stored, wrong;
  logic [WIDTH-1:0]  data;
  logic              corrected, failed;

  sp_ecc_encode #(
      .WIDTH(WIDTH)
  ) i_encode (
      .data_i,
      .check_o(check)
  );

  assign wrong  = ((errors_i != 2'd0) ? AllW'(1) << one_i : '0)
                  ^ ((errors_i == 2'd2) ? AllW'(1) << two_i : '0);
  assign stored = {check, data_i} ^ wrong;

  sp_ecc_decode #(
      .WIDTH(WIDTH)
  ) i_decode (
      .data_i     (stored[WIDTH-1:0]),
      .check_i    (stored[AllW-1:WIDTH]),
      .data_o     (data),
      .corrected_o(corrected),
      .failed_o   (failed)
  );

  always_comb begin
    places: assume (32'(one_i) < AllW && 32'(two_i) < AllW && one_i != two_i && errors_i != 2'd3);
  end

  always_comb begin
    right_stays: assert (errors_i != 2'd0 || (data == data_i && !corrected && !failed));
    one_is_mended: assert (errors_i != 2'd1 || (data == data_i && corrected && !failed));
    two_are_found: assert (errors_i != 2'd2 || (failed && !corrected));
  end

  always_comb begin
    mends_data: cover (corrected && 32'(one_i) < WIDTH);
    mends_check: cover (corrected && 32'(one_i) >= WIDTH);
    finds_two: cover (failed);
  end

endmodule
