// SPDX-License-Identifier: Apache-2.0
//
// Remainder of a message, most significant bit first, as one XOR of message bits for each bit of
// the remainder. It begins with zero: whoever has a remainder of what came before adds it (XOR) to
// the first W bits of the message.

module sp_link_crc #(
    /// Bits of the remainder.
    parameter int unsigned W = 32,
    /// Polynomial without its highest term.
    parameter logic [W-1:0] POLY = 32'h741B_8CD7,
    /// Bits of the message, W or more.
    parameter int unsigned N = 129
) (
    /// Message.
    input  logic [N-1:0] data_i,
    /// Its remainder.
    output logic [W-1:0] crc_o
);

  if (N < W) begin : g_bad_n
    $fatal(1, "sp_link_crc: N = %0d is not %0d or more", N, W);
  end

  localparam logic [W-1:0][N-1:0] Mask = masks();

  // Bits of the message that each bit of the remainder is made of.
  function automatic logic [W-1:0][N-1:0] masks();
    logic [W-1:0] column;  // remainder of bit n alone
    column = POLY;
    for (int unsigned n = 0; n < N; n++) begin
      for (int unsigned w = 0; w < W; w++) masks[w][n] = column[w];
      column = {column[W-2:0], 1'b0} ^ (column[W-1] ? POLY : '0);
    end
  endfunction

  always_comb begin
    for (int unsigned w = 0; w < W; w++) crc_o[w] = ^(data_i & Mask[w]);
  end

endmodule
