// SPDX-License-Identifier: Apache-2.0
//
// Makes of a flit the word that is kept in memories: {check bits of header, check bits of {error
// mark, payload}, payload}. Those of the header count with the first flit of a packet. Without ECC
// the word is the payload. sp_flit_check takes it apart again.

module sp_flit_code #(
    /// Bits of a flit.
    parameter int unsigned FLIT_W = 128,
    /// 1: words have check bits.
    parameter bit ECC = 1'b1,
    localparam int unsigned WordW = sp_ecc_pkg::word_bits(FLIT_W, sp_pkg::HDR_W, ECC)
) (
    /// Header, with the first flit of a packet.
    input  sp_pkg::hdr_t      hdr_i,
    /// Error mark, with the last flit.
    input  logic              err_i,
    /// Payload.
    input  logic [FLIT_W-1:0] data_i,
    /// The word.
    output logic [WordW-1:0]  word_o
);

  if (ECC) begin : g_code
    logic [sp_ecc_pkg::check_bits(sp_pkg::HDR_W)-1:0] hdr_check;
    logic [sp_ecc_pkg::check_bits(FLIT_W+1)-1:0]      data_check;

    sp_ecc_encode #(
        .WIDTH(sp_pkg::HDR_W)
    ) i_hdr (
        .data_i (hdr_i),
        .check_o(hdr_check)
    );

    sp_ecc_encode #(
        .WIDTH(FLIT_W + 1)
    ) i_data (
        .data_i ({err_i, data_i}),
        .check_o(data_check)
    );

    assign word_o = {hdr_check, data_check, data_i};
  end else begin : g_plain
    logic unused;
    assign unused = &{1'b0, hdr_i, err_i};
    assign word_o = data_i;
  end

endmodule
