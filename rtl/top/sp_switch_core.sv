// SPDX-License-Identifier: Apache-2.0
//
// The switch: crossbar, reduction engines and registers. External ports are AXI4-Stream; the link
// layer will sit there. A stream that looks at s_vc_room_o before it starts a packet never has one
// VC wait for another; a plain AXI4-Stream that does not is held by tready.
//
// Outputs 0..N_PORTS-1 in forwarding entries are external ports, N_PORTS+e is engine e.

module sp_switch_core #(
    /// External ports, 2 to 512.
    parameter int unsigned N_PORTS = 4,
    /// Bits of a flit: 128, 256 or 512.
    parameter int unsigned FLIT_W = 128,
    /// iSLIP iterations in a cycle, 1 to 4.
    parameter int unsigned ISLIP_ITERS = 1,
    /// Rounds of augmenting paths behind them, 0 to 2.
    parameter int unsigned AUGMENT = 0,
    /// Flits of each VOQ, a power of two.
    parameter int unsigned VOQ_FLITS = 32,
    /// Flits of a pool that the VOQs of an input share; 0: none. Not with PIPELINED.
    parameter int unsigned VOQ_SHARED = 0,
    /// Flits of the egress buffer of each VC, a power of two.
    parameter int unsigned EGRESS_FLITS = 64,
    /// Reduction engines, 0 to 512.
    parameter int unsigned N_ENGINES = 1,
    /// Reductions in flight in an engine.
    parameter int unsigned N_CONTEXTS = 4,
    /// Rows of the group table.
    parameter int unsigned N_GROUPS = 16,
    /// Destination IDs with a forwarding entry.
    parameter int unsigned N_IDS = 16,
    /// 1: registers between the steps of a cycle, for FPGAs; see docs/crossbar.md.
    parameter bit PIPELINED = 1'b0,
    /// 1: multicasts, with a queue for them at each input.
    parameter bit MCAST = 1'b0,
    /// What is counted: 0 by port, 1 by VC too, 2 latencies too; see docs/csr.md.
    parameter int unsigned COUNTERS = 0,
    /// 1: packet memories have check bits: one wrong bit is mended, two are found.
    parameter bit ECC = 1'b0,
    /// 1: packets to ports may leave before they have come whole; not with PIPELINED.
    parameter bit CUT_THROUGH = 1'b0,
    /// Bit t: the engines have elements of type t (sp_pkg::etype_e).
    parameter int unsigned TYPES = 3,
    /// 1: the engines have sums in the order of members too.
    parameter bit ORDERED = 1'b0,
    /// 1: the engines pass exact sums on unrounded and take such sums; see docs/reduction.md.
    parameter bit PARTIALS = 1'b0,
    /// Word that a register shows: the commit, or any other word of the builder.
    parameter logic [31:0] BUILD = '0,
    localparam int unsigned CsrAddrW = 26
) (
    /// Clock.
    input  logic                                   clk_i,
    /// Reset, active low, asynchronous.
    input  logic                                   rst_ni,

    /// Streams in: valid.
    input  logic [N_PORTS-1:0]                     s_axis_tvalid_i,
    /// Streams in: ready.
    output logic [N_PORTS-1:0]                     s_axis_tready_o,
    /// Streams in: payload.
    input  logic [N_PORTS-1:0][FLIT_W-1:0]         s_axis_tdata_i,
    /// Streams in: {error mark with the last beat, header with the first}.
    input  logic [N_PORTS-1:0][sp_pkg::USER_W-1:0] s_axis_tuser_i,
    /// Streams in: last beat.
    input  logic [N_PORTS-1:0]                     s_axis_tlast_i,
    /// Streams in: a longest packet of the VC can be taken.
    output logic [N_PORTS-1:0][sp_pkg::NUM_VC-1:0] s_vc_room_o,

    /// Streams out: valid.
    output logic [N_PORTS-1:0]                     m_axis_tvalid_o,
    /// Streams out: ready.
    input  logic [N_PORTS-1:0]                     m_axis_tready_i,
    /// Streams out: payload.
    output logic [N_PORTS-1:0][FLIT_W-1:0]         m_axis_tdata_o,
    /// Streams out: {error mark with the last beat, header with the first}.
    output logic [N_PORTS-1:0][sp_pkg::USER_W-1:0] m_axis_tuser_o,
    /// Streams out: last beat.
    output logic [N_PORTS-1:0]                     m_axis_tlast_o,
    /// Streams out: the receiver lets a packet of the VC start; tie to ones for plain AXI4-Stream.
    input  logic [N_PORTS-1:0][sp_pkg::NUM_VC-1:0] m_vc_room_i,
    /// Links: the link of a port carries no packets; from registers. What the port had on its way
    /// is closed or dropped, and nothing waits for it; see sp_port_guard.
    input  logic [N_PORTS-1:0]                     link_down_i,

    /// Level: something happened that `irq_mask` names; see docs/csr.md.
    output logic                                   irq_o,

    /// AXI4-Lite, write address: valid.
    input  logic                                   csr_awvalid_i,
    /// AXI4-Lite, write address: ready.
    output logic                                   csr_awready_o,
    /// AXI4-Lite, write address: byte address.
    input  logic [CsrAddrW-1:0]                    csr_awaddr_i,
    /// AXI4-Lite, write address: protection, ignored.
    input  logic [2:0]                             csr_awprot_i,
    /// AXI4-Lite, write data: valid.
    input  logic                                   csr_wvalid_i,
    /// AXI4-Lite, write data: ready.
    output logic                                   csr_wready_o,
    /// AXI4-Lite, write data.
    input  logic [31:0]                            csr_wdata_i,
    /// AXI4-Lite, write data: bytes that count.
    input  logic [3:0]                             csr_wstrb_i,
    /// AXI4-Lite, write response: valid.
    output logic                                   csr_bvalid_o,
    /// AXI4-Lite, write response: ready.
    input  logic                                   csr_bready_i,
    /// AXI4-Lite, write response.
    output logic [1:0]                             csr_bresp_o,
    /// AXI4-Lite, read address: valid.
    input  logic                                   csr_arvalid_i,
    /// AXI4-Lite, read address: ready.
    output logic                                   csr_arready_o,
    /// AXI4-Lite, read address: byte address.
    input  logic [CsrAddrW-1:0]                    csr_araddr_i,
    /// AXI4-Lite, read address: protection, ignored.
    input  logic [2:0]                             csr_arprot_i,
    /// AXI4-Lite, read data: valid.
    output logic                                   csr_rvalid_o,
    /// AXI4-Lite, read data: ready.
    input  logic                                   csr_rready_i,
    /// AXI4-Lite, read data.
    output logic [31:0]                            csr_rdata_o,
    /// AXI4-Lite, read data: response.
    output logic [1:0]                             csr_rresp_o
);

  import sp_pkg::*;

  localparam int unsigned NE = (N_ENGINES == 0) ? 1 : N_ENGINES;
  localparam int unsigned PortW = $clog2(N_PORTS);
  localparam int unsigned IdW = $clog2(N_IDS);
  localparam int unsigned GroupW = (N_GROUPS > 1) ? $clog2(N_GROUPS) : 1;
  localparam int unsigned CtxW = $clog2(N_CONTEXTS + 1);

  // Tables.
  logic [N_PORTS-1:0] fwd_we;
  logic [IdW-1:0]     fwd_addr;
  logic               fwd_valid;
  logic [2:0]         fwd_paths_log2;
  logic [9:0]         fwd_out;
  logic               grp_we;
  logic [GroupW-1:0]  grp_addr;
  logic [N_PORTS-1:0] grp_mask;
  logic               row_we;
  logic [PortW-1:0]   row_port;
  logic [N_PORTS-1:0] row;
  source_t            source [N_PORTS];
  logic [31:0]        timeout;

  // Between crossbar and engines.
  logic [N_PORTS-1:0] head_valid [NE];
  hdr_t               head_hdr   [NE][N_PORTS];
  logic [N_PORTS-1:0] want       [NE];
  logic [NE-1:0]      grant;
  logic [PortW-1:0]   grant_port [NE];
  logic [NE-1:0]      eng_valid;
  logic [NE-1:0]      eng_first;
  logic [NE-1:0]      eng_last;
  logic [NE-1:0]      eng_err;
  logic [PortW-1:0]   eng_port   [NE];
  hdr_t               eng_hdr    [NE];
  logic [FLIT_W-1:0]  eng_data   [NE];
  logic [NE-1:0]      res_valid;
  logic [NE-1:0]      res_ready;
  logic [NE-1:0]      res_first;
  logic [NE-1:0]      res_last;
  hdr_t               res_hdr    [NE];
  logic [FLIT_W-1:0]  res_data   [NE];
  logic [N_PORTS-1:0] res_mask   [NE];

  // Events.
  logic [N_PORTS-1:0] ev_rx_beat;
  logic [N_PORTS-1:0] ev_rx_packet;
  logic [N_PORTS-1:0] ev_rx_stall;
  logic [N_PORTS-1:0] ev_tx_beat;
  logic [N_PORTS-1:0] ev_tx_packet;
  logic [N_PORTS-1:0] ev_tx_stall;
  logic [N_PORTS-1:0] ev_refused;
  logic [3:0]         ev_refused_status [N_PORTS];
  logic [N_PORTS-1:0] ev_dropped;
  logic [N_PORTS-1:0] ev_mcast;
  logic [N_PORTS-1:0] ev_copy;
  logic [NE-1:0]      ev_contribution;
  logic [NE-1:0]      ev_result;
  logic [NE-1:0]      ev_timeout;
  logic [NE-1:0]      ev_eng_refused;
  logic [3:0]         ev_eng_status     [NE];
  logic [CtxW-1:0]    contexts_used     [NE];
  ingress_event_t     ingress_event     [N_PORTS];
  egress_event_t      egress_event      [N_PORTS];
  threshold_t         threshold;
  pause_t pause;
  logic               clear;
  logic [N_PORTS-1:0] stat_take;
  stat_sel_t          stat_sel;
  logic [31:0]        stat_value        [N_PORTS];

  // Between guards and crossbar.
  logic [N_PORTS-1:0] in_tvalid;
  logic [N_PORTS-1:0] in_tready;
  logic [N_PORTS-1:0] in_tlast;
  logic [N_PORTS-1:0] in_abort;
  logic [N_PORTS-1:0] out_tvalid;
  logic [N_PORTS-1:0] out_tready;
  logic [N_PORTS-1:0] port_down;
  logic [N_PORTS-1:0] shut;
  logic [N_PORTS-1:0] ev_rx_discarded;
  logic [N_PORTS-1:0] ev_tx_dropped;

  // Errors in memories.
  inject_t            voq_inject    [N_PORTS];
  inject_t            egress_inject [N_PORTS];
  logic [N_PORTS-1:0] ev_corrected;
  logic [N_PORTS-1:0] ev_failed;
  logic [NE-1:0]      ev_eng_corrected;
  logic [NE-1:0]      ev_eng_failed;

  // Streams, port by port.
  logic [FLIT_W-1:0]  s_tdata   [N_PORTS];
  logic [USER_W-1:0]  s_tuser   [N_PORTS];
  logic [NUM_VC-1:0]  s_vc_room [N_PORTS];
  logic [FLIT_W-1:0]  m_tdata   [N_PORTS];
  logic [USER_W-1:0]  m_tuser   [N_PORTS];
  logic [NUM_VC-1:0]  m_vc_room [N_PORTS];

  for (genvar i = 0; i < N_PORTS; i++) begin : g_stream
    assign s_tdata[i]        = s_axis_tdata_i[i];
    assign s_tuser[i]        = s_axis_tuser_i[i];
    assign s_vc_room_o[i]    = s_vc_room[i];
    assign m_axis_tdata_o[i] = m_tdata[i];
    assign m_axis_tuser_o[i] = m_tuser[i];

    sp_port_guard i_guard (
        .clk_i,
        .rst_ni,
        .link_down_i   (link_down_i[i]),
        .shut_i        (shut[i]),
        .down_o        (port_down[i]),
        .s_tvalid_i    (s_axis_tvalid_i[i]),
        .s_tready_o    (s_axis_tready_o[i]),
        .s_tlast_i     (s_axis_tlast_i[i]),
        .in_tvalid_o   (in_tvalid[i]),
        .in_tready_i   (in_tready[i]),
        .in_tlast_o    (in_tlast[i]),
        .in_abort_o    (in_abort[i]),
        .out_tvalid_i  (out_tvalid[i]),
        .out_tready_o  (out_tready[i]),
        .out_tlast_i   (m_axis_tlast_o[i]),
        .m_tvalid_o    (m_axis_tvalid_o[i]),
        .m_tready_i    (m_axis_tready_i[i]),
        .m_vc_room_i   (m_vc_room_i[i]),
        .out_vc_room_o (m_vc_room[i]),
        .ev_discarded_o(ev_rx_discarded[i]),
        .ev_dropped_o  (ev_tx_dropped[i])
    );
  end

  sp_crossbar #(
      .N_PORTS     (N_PORTS),
      .N_ENGINES   (N_ENGINES),
      .FLIT_W      (FLIT_W),
      .ISLIP_ITERS (ISLIP_ITERS),
      .AUGMENT     (AUGMENT),
      .VOQ_FLITS   (VOQ_FLITS),
      .VOQ_SHARED  (VOQ_SHARED),
      .EGRESS_FLITS(EGRESS_FLITS),
      .N_IDS       (N_IDS),
      .N_GROUPS    (N_GROUPS),
      .PIPELINED   (PIPELINED),
      .MCAST       (MCAST),
      .TIMED       (COUNTERS > 1),
      .ECC         (ECC),
      .CUT_THROUGH (CUT_THROUGH)
  ) i_crossbar (
      .clk_i,
      .rst_ni,
      .s_tvalid_i      (in_tvalid),
      .s_tready_o      (in_tready),
      .s_tdata_i       (s_tdata),
      .s_tuser_i       (s_tuser),
      .s_tlast_i       (in_tlast),
      .s_abort_i       (in_abort),
      .s_vc_room_o     (s_vc_room),
      .m_tvalid_o      (out_tvalid),
      .m_tready_i      (out_tready),
      .m_tdata_o       (m_tdata),
      .m_tuser_o       (m_tuser),
      .m_tlast_o       (m_axis_tlast_o),
      .m_vc_room_i     (m_vc_room),
      .fwd_we_i        (fwd_we),
      .fwd_addr_i      (fwd_addr),
      .fwd_valid_i     (fwd_valid),
      .fwd_paths_log2_i(fwd_paths_log2),
      .fwd_out_i       (fwd_out),
      .row_we_i        (row_we),
      .row_port_i      (row_port),
      .row_i           (row),
      .grp_we_i        (grp_we),
      .grp_addr_i      (grp_addr),
      .grp_mask_i      (grp_mask),
      .source_i        (source),
      .threshold_i     (threshold),
      .pause_i         (pause),
      .voq_inject_i    (voq_inject),
      .egress_inject_i (egress_inject),
      .port_down_i     (port_down),
      .head_valid_o    (head_valid),
      .head_hdr_o      (head_hdr),
      .want_i          (want),
      .grant_o         (grant),
      .grant_port_o    (grant_port),
      .eng_valid_o     (eng_valid),
      .eng_first_o     (eng_first),
      .eng_last_o      (eng_last),
      .eng_err_o       (eng_err),
      .eng_port_o      (eng_port),
      .eng_hdr_o       (eng_hdr),
      .eng_data_o      (eng_data),
      .res_valid_i     (res_valid),
      .res_ready_o     (res_ready),
      .res_first_i     (res_first),
      .res_last_i      (res_last),
      .res_hdr_i       (res_hdr),
      .res_data_i      (res_data),
      .res_mask_i      (res_mask),
      .ev_rx_beat_o    (ev_rx_beat),
      .ev_rx_packet_o  (ev_rx_packet),
      .ev_rx_stall_o   (ev_rx_stall),
      .ev_tx_beat_o    (ev_tx_beat),
      .ev_tx_packet_o  (ev_tx_packet),
      .ev_tx_stall_o   (ev_tx_stall),
      .ev_refused_o    (ev_refused),
      .ev_status_o     (ev_refused_status),
      .ev_dropped_o    (ev_dropped),
      .ev_mcast_o      (ev_mcast),
      .ev_copy_o       (ev_copy),
      .ev_corrected_o  (ev_corrected),
      .ev_failed_o     (ev_failed),
      .ev_eng_corrected_o(ev_eng_corrected),
      .ev_eng_failed_o (ev_eng_failed),
      .ingress_o       (ingress_event),
      .egress_o        (egress_event)
  );

  for (genvar i = 0; i < N_PORTS; i++) begin : g_stats
    if (COUNTERS > 0) begin : g_used
      sp_port_stats #(
          .TIMED(COUNTERS > 1)
      ) i_stats (
          .clk_i,
          .rst_ni,
          .clear_i       (clear),
          .ev_rx_beat_i  (ev_rx_beat[i]),
          .ev_rx_packet_i(ev_rx_packet[i]),
          .ev_rx_stall_i (ev_rx_stall[i]),
          .ev_refused_i  (ev_refused[i]),
          .ev_status_i   (ev_refused_status[i]),
          .ingress_i     (ingress_event[i]),
          .ev_tx_beat_i  (ev_tx_beat[i]),
          .ev_tx_packet_i(ev_tx_packet[i]),
          .ev_tx_stall_i (ev_tx_stall[i]),
          .egress_i      (egress_event[i]),
          .take_i        (stat_take[i]),
          .sel_i         (stat_sel),
          .value_o       (stat_value[i])
      );
    end else begin : g_none
      logic unused;
      assign unused        = &{1'b0, clear, ingress_event[i], egress_event[i], stat_take[i],
                               stat_sel};
      assign stat_value[i] = '0;
    end
  end

  for (genvar e = 0; e < NE; e++) begin : g_engine
    if (e < N_ENGINES) begin : g_used
      sp_reduction_engine #(
          .N_PORTS   (N_PORTS),
          .FLIT_W    (FLIT_W),
          .N_CONTEXTS(N_CONTEXTS),
          .N_GROUPS  (N_GROUPS),
          .TYPES     (TYPES),
          .ORDERED   (ORDERED),
          .PARTIALS  (PARTIALS),
          .PIPELINED (PIPELINED)
      ) i_engine (
          .clk_i,
          .rst_ni,
          .head_valid_i     (head_valid[e]),
          .head_hdr_i       (head_hdr[e]),
          .want_o           (want[e]),
          .grant_i          (grant[e]),
          .grant_port_i     (grant_port[e]),
          .in_valid_i       (eng_valid[e]),
          .in_first_i       (eng_first[e]),
          .in_last_i        (eng_last[e]),
          .in_err_i         (eng_err[e]),
          .in_port_i        (eng_port[e]),
          .in_hdr_i         (eng_hdr[e]),
          .in_data_i        (eng_data[e]),
          .out_valid_o      (res_valid[e]),
          .out_ready_i      (res_ready[e]),
          .out_first_o      (res_first[e]),
          .out_last_o       (res_last[e]),
          .out_hdr_o        (res_hdr[e]),
          .out_data_o       (res_data[e]),
          .out_mask_o       (res_mask[e]),
          .grp_we_i         (grp_we),
          .grp_addr_i       (grp_addr),
          .grp_mask_i       (grp_mask),
          .timeout_i        (timeout),
          .ev_contribution_o(ev_contribution[e]),
          .ev_result_o      (ev_result[e]),
          .ev_refused_o     (ev_eng_refused[e]),
          .ev_status_o      (ev_eng_status[e]),
          .ev_timeout_o     (ev_timeout[e]),
          .contexts_used_o  (contexts_used[e])
      );
    end else begin : g_none
      logic unused;
      always_comb begin
        unused = &{1'b0, head_valid[e], grant[e], grant_port[e], eng_valid[e], eng_first[e],
                   eng_last[e], eng_err[e], eng_port[e], eng_hdr[e], eng_data[e], res_ready[e],
                   grp_we, grp_addr, grp_mask, timeout};
        for (int unsigned i = 0; i < N_PORTS; i++) unused &= &head_hdr[e][i];
      end
      assign want[e]            = '0;
      assign res_valid[e]       = 1'b0;
      assign res_first[e]       = 1'b0;
      assign res_last[e]        = 1'b0;
      assign res_hdr[e]         = '0;
      assign res_data[e]        = '0;
      assign res_mask[e]        = '0;
      assign ev_contribution[e] = 1'b0;
      assign ev_result[e]       = 1'b0;
      assign ev_eng_refused[e]  = 1'b0;
      assign ev_eng_status[e]   = '0;
      assign ev_timeout[e]      = 1'b0;
      assign contexts_used[e]   = '0;
    end
  end

  sp_csr #(
      .N_PORTS     (N_PORTS),
      .FLIT_W      (FLIT_W),
      .ISLIP_ITERS (ISLIP_ITERS),
      .VOQ_FLITS   (VOQ_FLITS),
      .EGRESS_FLITS(EGRESS_FLITS),
      .N_ENGINES   (N_ENGINES),
      .N_CONTEXTS  (N_CONTEXTS),
      .N_GROUPS    (N_GROUPS),
      .N_IDS       (N_IDS),
      .MCAST       (MCAST),
      .COUNTERS    (COUNTERS),
      .ECC         (ECC),
      .CUT_THROUGH (CUT_THROUGH),
      .VOQ_SHARED  (VOQ_SHARED),
      .TYPES       (TYPES),
      .ORDERED     (ORDERED),
      .PARTIALS    (PARTIALS),
      .BUILD       (BUILD)
  ) i_csr (
      .clk_i,
      .rst_ni,
      .csr_awvalid_i,
      .csr_awready_o,
      .csr_awaddr_i,
      .csr_awprot_i,
      .csr_wvalid_i,
      .csr_wready_o,
      .csr_wdata_i,
      .csr_wstrb_i,
      .csr_bvalid_o,
      .csr_bready_i,
      .csr_bresp_o,
      .csr_arvalid_i,
      .csr_arready_o,
      .csr_araddr_i,
      .csr_arprot_i,
      .csr_rvalid_o,
      .csr_rready_i,
      .csr_rdata_o,
      .csr_rresp_o,
      .fwd_we_o           (fwd_we),
      .fwd_addr_o         (fwd_addr),
      .fwd_valid_o        (fwd_valid),
      .fwd_paths_log2_o   (fwd_paths_log2),
      .fwd_out_o          (fwd_out),
      .grp_we_o           (grp_we),
      .grp_addr_o         (grp_addr),
      .grp_mask_o         (grp_mask),
      .row_we_o           (row_we),
      .row_port_o         (row_port),
      .row_o              (row),
      .source_o           (source),
      .threshold_o        (threshold),
      .pause_o            (pause),
      .voq_inject_o       (voq_inject),
      .egress_inject_o    (egress_inject),
      .shut_o             (shut),
      .clear_o            (clear),
      .stat_take_o        (stat_take),
      .stat_sel_o         (stat_sel),
      .stat_value_i       (stat_value),
      .timeout_o          (timeout),
      .irq_o,
      .link_down_i,
      .ev_rx_beat_i       (ev_rx_beat),
      .ev_rx_packet_i     (ev_rx_packet),
      .ev_tx_beat_i       (ev_tx_beat),
      .ev_tx_packet_i     (ev_tx_packet),
      .ev_rx_stall_i      (ev_rx_stall),
      .ev_tx_stall_i      (ev_tx_stall),
      .ev_refused_i       (ev_refused),
      .ev_refused_status_i(ev_refused_status),
      .ev_dropped_i       (ev_dropped),
      .ev_mcast_i         (ev_mcast),
      .ev_copy_i          (ev_copy),
      .ev_rx_discarded_i  (ev_rx_discarded),
      .ev_tx_dropped_i    (ev_tx_dropped),
      .ev_corrected_i     (ev_corrected),
      .ev_failed_i        (ev_failed),
      .ev_contribution_i  (ev_contribution),
      .ev_result_i        (ev_result),
      .ev_timeout_i       (ev_timeout),
      .ev_eng_corrected_i (ev_eng_corrected),
      .ev_eng_failed_i    (ev_eng_failed),
      .ev_eng_refused_i   (ev_eng_refused),
      .ev_eng_status_i    (ev_eng_status),
      .contexts_used_i    (contexts_used)
  );

endmodule
