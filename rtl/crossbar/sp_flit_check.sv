// SPDX-License-Identifier: Apache-2.0
//
// Takes apart the words that sp_flit_code makes, where a packet leaves the memories. Guarantees:
// what one wrong bit of header or payload has changed is as it was; a packet with more in one of
// them leaves whole, with the error mark on its last flit. Without ECC all is as it comes.

module sp_flit_check #(
    /// Bits of a flit.
    parameter int unsigned FLIT_W = 128,
    /// 1: words have check bits.
    parameter bit ECC = 1'b1,
    localparam int unsigned WordW = sp_ecc_pkg::word_bits(FLIT_W, sp_pkg::HDR_W, ECC)
) (
    /// Clock.
    input  logic              clk_i,
    /// Reset, active low, asynchronous.
    input  logic              rst_ni,
    /// A flit is here.
    input  logic              valid_i,
    /// First flit of its packet.
    input  logic              first_i,
    /// Last flit of its packet.
    input  logic              last_i,
    /// Header, with the first flit.
    input  sp_pkg::hdr_t      hdr_i,
    /// Error mark.
    input  logic              err_i,
    /// Its word.
    input  logic [WordW-1:0]  word_i,
    /// Header, mended.
    output sp_pkg::hdr_t      hdr_o,
    /// Error mark: as it was, or with the last flit: the packet cannot be mended.
    output logic              err_o,
    /// Payload, mended.
    output logic [FLIT_W-1:0] data_o,
    /// Event: wrong bits of this flit were mended.
    output logic              ev_corrected_o,
    /// Event: there are more than can be mended.
    output logic              ev_failed_o
);

  if (ECC) begin : g_code
    localparam int unsigned HdrCheckW = sp_ecc_pkg::check_bits(sp_pkg::HDR_W);
    localparam int unsigned DataCheckW = sp_ecc_pkg::check_bits(FLIT_W + 1);

    logic [HdrCheckW-1:0]  hdr_check;
    logic [DataCheckW-1:0] data_check;
    logic [FLIT_W-1:0]     data;
    logic                  err;
    logic                  hdr_corrected, data_corrected;
    logic                  hdr_failed, data_failed;
    logic                  failed_q;  // a flit of this packet before

    assign {hdr_check, data_check, data} = word_i;

    sp_ecc_decode #(
        .WIDTH(sp_pkg::HDR_W)
    ) i_hdr (
        .data_i     (hdr_i),
        .check_i    (hdr_check),
        .data_o     (hdr_o),
        .corrected_o(hdr_corrected),
        .failed_o   (hdr_failed)
    );

    sp_ecc_decode #(
        .WIDTH(FLIT_W + 1)
    ) i_data (
        .data_i     ({err_i, data}),
        .check_i    (data_check),
        .data_o     ({err, data_o}),
        .corrected_o(data_corrected),
        .failed_o   (data_failed)
    );

    assign ev_corrected_o = valid_i && (data_corrected || (first_i && hdr_corrected));
    assign ev_failed_o    = valid_i && (data_failed || (first_i && hdr_failed));
    assign err_o          = last_i && (err || ev_failed_o || failed_q);

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) failed_q <= 1'b0;
      else if (valid_i) failed_q <= !last_i && (ev_failed_o || failed_q);
    end
  end else begin : g_plain
    logic unused;
    assign unused         = &{1'b0, clk_i, rst_ni, valid_i, first_i, last_i};
    assign hdr_o          = hdr_i;
    assign err_o          = err_i;
    assign data_o         = word_i;
    assign ev_corrected_o = 1'b0;
    assign ev_failed_o    = 1'b0;
  end

endmodule
