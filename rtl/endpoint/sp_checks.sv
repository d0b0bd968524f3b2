// SPDX-License-Identifier: Apache-2.0
//
// The end-to-end check of one part of an endpoint, both ways: on the way out sp_seal, on the way in
// sp_unseal; without CHECK a register and sp_check_none. Guarantees are those of these: packets
// leave in order; what comes out of m_out stays until it is taken.

module sp_checks #(
    /// Bits of a flit: 128, 256 or 512.
    parameter int unsigned FLIT_W = 128,
    /// Bits that go along with a packet on its way out.
    parameter int unsigned OUT_W = 1,
    /// Bits that go along with a packet on its way in.
    parameter int unsigned IN_W = 1,
    /// There is a check; without, packets that come with one get the error mark.
    parameter bit CHECK = 1'b1
) (
    /// Clock.
    input  logic                      clk_i,
    /// Reset, active low, asynchronous.
    input  logic                      rst_ni,
    /// Packets out get a check (sp_seal).
    input  logic                      seal_i,
    /// Packets in must have one (sp_unseal).
    input  logic                      require_i,

    /// Out, from the part: valid.
    input  logic                      s_out_tvalid_i,
    /// Out, from the part: ready.
    output logic                      s_out_tready_o,
    /// Out, from the part: payload.
    input  logic [FLIT_W-1:0]         s_out_tdata_i,
    /// Out, from the part: {error mark with the last beat, header with the first}.
    input  logic [sp_pkg::USER_W-1:0] s_out_tuser_i,
    /// Out, from the part: last beat.
    input  logic                      s_out_tlast_i,
    /// Out, from the part: what goes along.
    input  logic [OUT_W-1:0]          s_out_side_i,
    /// Out, to the planes: valid.
    output logic                      m_out_tvalid_o,
    /// Out, to the planes: ready.
    input  logic                      m_out_tready_i,
    /// Out, to the planes: payload.
    output logic [FLIT_W-1:0]         m_out_tdata_o,
    /// Out, to the planes: {error mark with the last beat, header with the first}.
    output logic [sp_pkg::USER_W-1:0] m_out_tuser_o,
    /// Out, to the planes: last beat.
    output logic                      m_out_tlast_o,
    /// Out, to the planes: what goes along.
    output logic [OUT_W-1:0]          m_out_side_o,

    /// In, from the planes: valid.
    input  logic                      s_in_tvalid_i,
    /// In, from the planes: ready.
    output logic                      s_in_tready_o,
    /// In, from the planes: payload.
    input  logic [FLIT_W-1:0]         s_in_tdata_i,
    /// In, from the planes: {error mark with the last beat, header with the first}.
    input  logic [sp_pkg::USER_W-1:0] s_in_tuser_i,
    /// In, from the planes: last beat.
    input  logic                      s_in_tlast_i,
    /// In, from the planes: what goes along; with the last beat it counts.
    input  logic [IN_W-1:0]           s_in_side_i,
    /// In, to the part: valid.
    output logic                      m_in_tvalid_o,
    /// In, to the part: ready.
    input  logic                      m_in_tready_i,
    /// In, to the part: payload.
    output logic [FLIT_W-1:0]         m_in_tdata_o,
    /// In, to the part: {error mark with the last beat, header with the first}.
    output logic [sp_pkg::USER_W-1:0] m_in_tuser_o,
    /// In, to the part: last beat.
    output logic                      m_in_tlast_o,
    /// In, to the part: what goes along.
    output logic [IN_W-1:0]           m_in_side_o,

    /// Event: a check was wrong, missing, or there without CHECK.
    output logic                      ev_broken_o
);

  import sp_pkg::*;

  if (CHECK) begin : g_check
    sp_seal #(
        .FLIT_W(FLIT_W),
        .SIDE_W(OUT_W)
    ) i_seal (
        .clk_i,
        .rst_ni,
        .enable_i  (seal_i),
        .s_tvalid_i(s_out_tvalid_i),
        .s_tready_o(s_out_tready_o),
        .s_tdata_i (s_out_tdata_i),
        .s_tuser_i (s_out_tuser_i),
        .s_tlast_i (s_out_tlast_i),
        .s_side_i  (s_out_side_i),
        .m_tvalid_o(m_out_tvalid_o),
        .m_tready_i(m_out_tready_i),
        .m_tdata_o (m_out_tdata_o),
        .m_tuser_o (m_out_tuser_o),
        .m_tlast_o (m_out_tlast_o),
        .m_side_o  (m_out_side_o)
    );

    sp_unseal #(
        .FLIT_W(FLIT_W),
        .SIDE_W(IN_W)
    ) i_unseal (
        .clk_i,
        .rst_ni,
        .require_i,
        .s_tvalid_i (s_in_tvalid_i),
        .s_tready_o (s_in_tready_o),
        .s_tdata_i  (s_in_tdata_i),
        .s_tuser_i  (s_in_tuser_i),
        .s_tlast_i  (s_in_tlast_i),
        .s_side_i   (s_in_side_i),
        .m_tvalid_o (m_in_tvalid_o),
        .m_tready_i (m_in_tready_i),
        .m_tdata_o  (m_in_tdata_o),
        .m_tuser_o  (m_in_tuser_o),
        .m_tlast_o  (m_in_tlast_o),
        .m_side_o   (m_in_side_o),
        .ev_broken_o
    );
  end else begin : g_none
    // A register, as sp_seal has: while a plane that is up takes nothing, the request that waits
    // here and one in the sender can end with their time.
    sp_stage #(
        .WIDTH(FLIT_W + USER_W + 1 + OUT_W)
    ) i_out (
        .clk_i,
        .rst_ni,
        .valid_i(s_out_tvalid_i),
        .ready_o(s_out_tready_o),
        .data_i ({s_out_tdata_i, s_out_tuser_i, s_out_tlast_i, s_out_side_i}),
        .valid_o(m_out_tvalid_o),
        .ready_i(m_out_tready_i),
        .data_o ({m_out_tdata_o, m_out_tuser_o, m_out_tlast_o, m_out_side_o})
    );

    assign m_in_tvalid_o = s_in_tvalid_i;
    assign s_in_tready_o = m_in_tready_i;
    assign m_in_tdata_o  = s_in_tdata_i;
    assign m_in_tlast_o  = s_in_tlast_i;
    assign m_in_side_o   = s_in_side_i;

    sp_check_none i_in (
        .clk_i,
        .rst_ni,
        .tvalid_i(s_in_tvalid_i),
        .tready_i(m_in_tready_i),
        .tuser_i (s_in_tuser_i),
        .tlast_i (s_in_tlast_i),
        .tuser_o (m_in_tuser_o),
        .ev_broken_o
    );

    logic unused;
    assign unused = &{1'b0, seal_i, require_i};
  end

endmodule
