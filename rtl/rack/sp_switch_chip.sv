// SPDX-License-Identifier: Apache-2.0
//
// A switch chip: a link at each port (sp_link_end), and between them crossbar, engines and
// registers (sp_switch_core). Guarantees are those of its parts; a port whose link is down harms no
// other.
//
// Registers: the switch from 0x0000000 (docs/csr.md), the link of port p from 0x4000000 + 0x100 p
// (docs/link-registers.md). After reset the links are down.

module sp_switch_chip #(
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
    /// Units of the longest frame of a link.
    parameter int unsigned FRAME_UNITS = 32,
    /// Bits of a sequence number of a link.
    parameter int unsigned SEQ_W = 6,
    /// Beats of the replay memory of a link, a power of two.
    parameter int unsigned REPLAY_BEATS = 128,
    /// R(v) of the links, VC 0 lowest.
    parameter logic [sp_pkg::NUM_VC-1:0][sp_link_pkg::RESERVED_W-1:0] RESERVED = {4{12'd20}},
    /// S of the links.
    parameter int unsigned SHARED = 44,
    localparam int unsigned K = FLIT_W / sp_pkg::UNIT_W
) (
    /// Clock.
    input  logic                                             clk_i,
    /// Reset, active low, asynchronous.
    input  logic                                             rst_ni,

    /// Level: something happened that the `irq_mask` of the switch names.
    output logic                                             irq_o,

    /// AXI4-Lite, write address: valid.
    input  logic                                             csr_awvalid_i,
    /// AXI4-Lite, write address: ready.
    output logic                                             csr_awready_o,
    /// AXI4-Lite, write address.
    input  logic [31:0]                                      csr_awaddr_i,
    /// AXI4-Lite, write address: protection, ignored.
    input  logic [2:0]                                       csr_awprot_i,
    /// AXI4-Lite, write data: valid.
    input  logic                                             csr_wvalid_i,
    /// AXI4-Lite, write data: ready.
    output logic                                             csr_wready_o,
    /// AXI4-Lite, write data.
    input  logic [31:0]                                      csr_wdata_i,
    /// AXI4-Lite, write data: bytes that count.
    input  logic [3:0]                                       csr_wstrb_i,
    /// AXI4-Lite, write response: valid.
    output logic                                             csr_bvalid_o,
    /// AXI4-Lite, write response: ready.
    input  logic                                             csr_bready_i,
    /// AXI4-Lite, write response.
    output logic [1:0]                                       csr_bresp_o,
    /// AXI4-Lite, read address: valid.
    input  logic                                             csr_arvalid_i,
    /// AXI4-Lite, read address: ready.
    output logic                                             csr_arready_o,
    /// AXI4-Lite, read address.
    input  logic [31:0]                                      csr_araddr_i,
    /// AXI4-Lite, read address: protection, ignored.
    input  logic [2:0]                                       csr_arprot_i,
    /// AXI4-Lite, read data: valid.
    output logic                                             csr_rvalid_o,
    /// AXI4-Lite, read data: ready.
    input  logic                                             csr_rready_i,
    /// AXI4-Lite, read data.
    output logic [31:0]                                      csr_rdata_o,
    /// AXI4-Lite, read data: response.
    output logic [1:0]                                       csr_rresp_o,

    /// To the wires, by port and lane: mark.
    output logic [N_PORTS-1:0][K-1:0][sp_link_pkg::MARK_W-1:0] tx_mark_o,
    /// To the wires, by port and lane: unit.
    output logic [N_PORTS-1:0][K-1:0][sp_pkg::UNIT_W-1:0]      tx_unit_o,
    /// To the wires, by port and lane: there is a signal.
    output logic [N_PORTS-1:0][K-1:0]                          tx_valid_o,
    /// From the wires, by port and lane: a block comes.
    input  logic [N_PORTS-1:0][K-1:0]                          rx_valid_i,
    /// From the wires, by port and lane: its mark.
    input  logic [N_PORTS-1:0][K-1:0][sp_link_pkg::MARK_W-1:0] rx_mark_i,
    /// From the wires, by port and lane: its unit.
    input  logic [N_PORTS-1:0][K-1:0][sp_pkg::UNIT_W-1:0]      rx_unit_i
);

  import sp_pkg::*;

  localparam int unsigned SwitchW = 26;
  localparam int unsigned LinkW = 8;

  // {links, switch} on the registers' bus, then the links.
  logic [1:0]               awvalid, awready, wvalid, wready, bvalid, bready;
  logic [1:0]               arvalid, arready, rvalid, rready;
  logic [1:0][1:0]          bresp, rresp;
  logic [1:0][31:0]         rdata;
  logic [SwitchW-1:0]       awaddr, araddr;
  logic [31:0]              wdata, l_wdata;
  logic [3:0]               wstrb, l_wstrb;
  logic [N_PORTS-1:0]       l_awvalid, l_awready, l_wvalid, l_wready, l_bvalid, l_bready;
  logic [N_PORTS-1:0]       l_arvalid, l_arready, l_rvalid, l_rready;
  logic [N_PORTS-1:0][1:0]  l_bresp, l_rresp;
  logic [N_PORTS-1:0][31:0] l_rdata;
  logic [LinkW-1:0]         l_awaddr, l_araddr;

  sp_axil_demux #(
      .N     (2),
      .SUB_W (SwitchW),
      .ADDR_W(32)
  ) i_demux (
      .clk_i,
      .rst_ni,
      .s_awvalid_i(csr_awvalid_i),
      .s_awready_o(csr_awready_o),
      .s_awaddr_i (csr_awaddr_i),
      .s_wvalid_i (csr_wvalid_i),
      .s_wready_o (csr_wready_o),
      .s_wdata_i  (csr_wdata_i),
      .s_wstrb_i  (csr_wstrb_i),
      .s_bvalid_o (csr_bvalid_o),
      .s_bready_i (csr_bready_i),
      .s_bresp_o  (csr_bresp_o),
      .s_arvalid_i(csr_arvalid_i),
      .s_arready_o(csr_arready_o),
      .s_araddr_i (csr_araddr_i),
      .s_rvalid_o (csr_rvalid_o),
      .s_rready_i (csr_rready_i),
      .s_rdata_o  (csr_rdata_o),
      .s_rresp_o  (csr_rresp_o),
      .m_awvalid_o(awvalid),
      .m_awready_i(awready),
      .m_awaddr_o (awaddr),
      .m_wvalid_o (wvalid),
      .m_wready_i (wready),
      .m_wdata_o  (wdata),
      .m_wstrb_o  (wstrb),
      .m_bvalid_i (bvalid),
      .m_bready_o (bready),
      .m_bresp_i  (bresp),
      .m_arvalid_o(arvalid),
      .m_arready_i(arready),
      .m_araddr_o (araddr),
      .m_rvalid_i (rvalid),
      .m_rready_o (rready),
      .m_rdata_i  (rdata),
      .m_rresp_i  (rresp)
  );

  sp_axil_demux #(
      .N     (N_PORTS),
      .SUB_W (LinkW),
      .ADDR_W(SwitchW)
  ) i_links (
      .clk_i,
      .rst_ni,
      .s_awvalid_i(awvalid[1]),
      .s_awready_o(awready[1]),
      .s_awaddr_i (awaddr),
      .s_wvalid_i (wvalid[1]),
      .s_wready_o (wready[1]),
      .s_wdata_i  (wdata),
      .s_wstrb_i  (wstrb),
      .s_bvalid_o (bvalid[1]),
      .s_bready_i (bready[1]),
      .s_bresp_o  (bresp[1]),
      .s_arvalid_i(arvalid[1]),
      .s_arready_o(arready[1]),
      .s_araddr_i (araddr),
      .s_rvalid_o (rvalid[1]),
      .s_rready_i (rready[1]),
      .s_rdata_o  (rdata[1]),
      .s_rresp_o  (rresp[1]),
      .m_awvalid_o(l_awvalid),
      .m_awready_i(l_awready),
      .m_awaddr_o (l_awaddr),
      .m_wvalid_o (l_wvalid),
      .m_wready_i (l_wready),
      .m_wdata_o  (l_wdata),
      .m_wstrb_o  (l_wstrb),
      .m_bvalid_i (l_bvalid),
      .m_bready_o (l_bready),
      .m_bresp_i  (l_bresp),
      .m_arvalid_o(l_arvalid),
      .m_arready_i(l_arready),
      .m_araddr_o (l_araddr),
      .m_rvalid_i (l_rvalid),
      .m_rready_o (l_rready),
      .m_rdata_i  (l_rdata),
      .m_rresp_i  (l_rresp)
  );

  // Streams: s into the switch, m out of it.
  logic [N_PORTS-1:0]             s_tvalid, s_tready, s_tlast, m_tvalid, m_tready, m_tlast, up;
  logic [N_PORTS-1:0][FLIT_W-1:0] s_tdata, m_tdata;
  logic [N_PORTS-1:0][USER_W-1:0] s_tuser, m_tuser;
  logic [N_PORTS-1:0][NUM_VC-1:0] s_room, m_room;

  for (genvar p = 0; p < N_PORTS; p++) begin : g_port
    sp_link_end #(
        .FLIT_W      (FLIT_W),
        .FRAME_UNITS (FRAME_UNITS),
        .SEQ_W       (SEQ_W),
        .REPLAY_BEATS(REPLAY_BEATS),
        .RESERVED    (RESERVED),
        .SHARED      (SHARED)
    ) i_link (
        .clk_i,
        .rx_clk_i     (clk_i),
        .rst_ni,
        .core_rst_ni  (rst_ni),
        .csr_awvalid_i(l_awvalid[p]),
        .csr_awready_o(l_awready[p]),
        .csr_awaddr_i (l_awaddr),
        .csr_awprot_i (csr_awprot_i),
        .csr_wvalid_i (l_wvalid[p]),
        .csr_wready_o (l_wready[p]),
        .csr_wdata_i  (l_wdata),
        .csr_wstrb_i  (l_wstrb),
        .csr_bvalid_o (l_bvalid[p]),
        .csr_bready_i (l_bready[p]),
        .csr_bresp_o  (l_bresp[p]),
        .csr_arvalid_i(l_arvalid[p]),
        .csr_arready_o(l_arready[p]),
        .csr_araddr_i (l_araddr),
        .csr_arprot_i (csr_arprot_i),
        .csr_rvalid_o (l_rvalid[p]),
        .csr_rready_i (l_rready[p]),
        .csr_rdata_o  (l_rdata[p]),
        .csr_rresp_o  (l_rresp[p]),
        .s_tvalid_i   (m_tvalid[p]),
        .s_tready_o   (m_tready[p]),
        .s_tdata_i    (m_tdata[p]),
        .s_tuser_i    (m_tuser[p]),
        .s_tlast_i    (m_tlast[p]),
        .s_room_o     (m_room[p]),
        .m_tvalid_o   (s_tvalid[p]),
        .m_tready_i   (s_tready[p]),
        .m_tdata_o    (s_tdata[p]),
        .m_tuser_o    (s_tuser[p]),
        .m_tlast_o    (s_tlast[p]),
        .m_room_i     (s_room[p]),
        .tx_mark_o    (tx_mark_o[p]),
        .tx_unit_o    (tx_unit_o[p]),
        .tx_valid_o   (tx_valid_o[p]),
        .rx_valid_i   (rx_valid_i[p]),
        .rx_mark_i    (rx_mark_i[p]),
        .rx_unit_i    (rx_unit_i[p]),
        .up_o         (up[p])
    );
  end

  // The switch looks at a register.
  logic [N_PORTS-1:0] down_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) down_q <= '1;
    else down_q <= ~up;
  end

  sp_switch_core #(
      .N_PORTS     (N_PORTS),
      .FLIT_W      (FLIT_W),
      .ISLIP_ITERS (ISLIP_ITERS),
      .AUGMENT     (AUGMENT),
      .VOQ_FLITS   (VOQ_FLITS),
      .VOQ_SHARED  (VOQ_SHARED),
      .EGRESS_FLITS(EGRESS_FLITS),
      .N_ENGINES   (N_ENGINES),
      .N_CONTEXTS  (N_CONTEXTS),
      .N_GROUPS    (N_GROUPS),
      .N_IDS       (N_IDS),
      .PIPELINED   (PIPELINED),
      .MCAST       (MCAST),
      .COUNTERS    (COUNTERS),
      .ECC         (ECC),
      .CUT_THROUGH (CUT_THROUGH),
      .TYPES       (TYPES),
      .ORDERED     (ORDERED),
      .PARTIALS    (PARTIALS),
      .BUILD       (BUILD)
  ) i_switch (
      .clk_i,
      .rst_ni,
      .s_axis_tvalid_i(s_tvalid),
      .s_axis_tready_o(s_tready),
      .s_axis_tdata_i (s_tdata),
      .s_axis_tuser_i (s_tuser),
      .s_axis_tlast_i (s_tlast),
      .s_vc_room_o    (s_room),
      .m_axis_tvalid_o(m_tvalid),
      .m_axis_tready_i(m_tready),
      .m_axis_tdata_o (m_tdata),
      .m_axis_tuser_o (m_tuser),
      .m_axis_tlast_o (m_tlast),
      .m_vc_room_i    (m_room),
      .link_down_i    (down_q),
      .irq_o,
      .csr_awvalid_i  (awvalid[0]),
      .csr_awready_o  (awready[0]),
      .csr_awaddr_i   (awaddr),
      .csr_awprot_i   (csr_awprot_i),
      .csr_wvalid_i   (wvalid[0]),
      .csr_wready_o   (wready[0]),
      .csr_wdata_i    (wdata),
      .csr_wstrb_i    (wstrb),
      .csr_bvalid_o   (bvalid[0]),
      .csr_bready_i   (bready[0]),
      .csr_bresp_o    (bresp[0]),
      .csr_arvalid_i  (arvalid[0]),
      .csr_arready_o  (arready[0]),
      .csr_araddr_i   (araddr),
      .csr_arprot_i   (csr_arprot_i),
      .csr_rvalid_o   (rvalid[0]),
      .csr_rready_i   (rready[0]),
      .csr_rdata_o    (rdata[0]),
      .csr_rresp_o    (rresp[0])
  );

endmodule
