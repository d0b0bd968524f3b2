// SPDX-License-Identifier: Apache-2.0
//
// In place of sp_unseal in an endpoint without the end-to-end check. Guarantee: a packet that has a
// check gets the error mark, since nobody here can tell whether it is right, so what it asks for is
// not done; all others stay as they are. Nothing is held up.

module sp_check_none (
    /// Clock.
    input  logic                      clk_i,
    /// Reset, active low, asynchronous.
    input  logic                      rst_ni,

    /// Stream: valid.
    input  logic                      tvalid_i,
    /// Stream: ready.
    input  logic                      tready_i,
    /// Stream in: {error mark with the last beat, header with the first}.
    input  logic [sp_pkg::USER_W-1:0] tuser_i,
    /// Stream: last beat.
    input  logic                      tlast_i,

    /// Stream out: the same, with its error mark.
    output logic [sp_pkg::USER_W-1:0] tuser_o,
    /// Event: a packet with a check.
    output logic                      ev_broken_o
);

  import sp_pkg::*;

  logic inside_q;  // behind the first beat of a packet
  logic sealed_q;  // it has a check
  logic sealed;
  /* verilator lint_off UNUSEDSIGNAL */  // only one bit is looked at
  hdr_t hdr;
  /* verilator lint_on UNUSEDSIGNAL */

  assign hdr         = hdr_t'(tuser_i[HDR_W-1:0]);
  assign sealed      = inside_q ? sealed_q : hdr.ext[EXT_CHECK];
  assign tuser_o     = {tuser_i[HDR_W] || (sealed && tlast_i), tuser_i[HDR_W-1:0]};
  assign ev_broken_o = tvalid_i && tready_i && tlast_i && sealed;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) inside_q <= 1'b0;
    else if (tvalid_i && tready_i) inside_q <= !tlast_i;
  end

  always_ff @(posedge clk_i) begin
    if (tvalid_i && tready_i) sealed_q <= sealed;
  end

endmodule
