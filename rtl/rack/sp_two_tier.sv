// SPDX-License-Identifier: Apache-2.0
//
// Two tiers of switches: N_LEAVES leaves, each with DOWN ports for accelerators and one to each of
// N_SPINES spines, which have a port for each leaf.
//
//   external port l * DOWN + d = port d of leaf l;   port DOWN + s of leaf l = port l of spine s
//
// Where a packet goes is said by the tables alone (docs/chip.md): switchproof.models.fabric makes
// those that lead up to any spine and down again, and shows that nothing can then wait in a circle.
// Guarantees are those of the switches.
//
// With PARTIALS there is an uplink (sp_uplink) between every leaf and spine, and a reduction can
// have members behind any leaves.
//
// Registers: switch c (leaves, then spines) has the 2^26 bytes from c * 2^26 on; behind them, with
// PARTIALS, so has the uplink of leaf l to spine s, unit N_LEAVES + N_SPINES + l * N_SPINES + s.

module sp_two_tier #(
    /// Leaves, 2 or more.
    parameter int unsigned N_LEAVES = 4,
    /// Ports of a leaf for accelerators.
    parameter int unsigned DOWN = 2,
    /// Spines, 1 or more.
    parameter int unsigned N_SPINES = 2,
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
    localparam int unsigned N_PORTS = N_LEAVES * DOWN,
    localparam int unsigned N_CHIPS = N_LEAVES + N_SPINES,
    localparam int unsigned N_UNITS = N_CHIPS + (PARTIALS ? N_LEAVES * N_SPINES : 0),
    localparam int unsigned SubW    = 26,
    localparam int unsigned AddrW   = SubW + $clog2(N_UNITS + 1)
) (
    /// Clock.
    input  logic                                             clk_i,
    /// Reset, active low, asynchronous.
    input  logic                                             rst_ni,

    /// Streams in: valid.
    input  logic [N_PORTS-1:0]                               s_axis_tvalid_i,
    /// Streams in: ready.
    output logic [N_PORTS-1:0]                               s_axis_tready_o,
    /// Streams in: payload.
    input  logic [N_PORTS-1:0][FLIT_W-1:0]                   s_axis_tdata_i,
    /// Streams in: {error mark with the last beat, header with the first}.
    input  logic [N_PORTS-1:0][sp_pkg::USER_W-1:0]           s_axis_tuser_i,
    /// Streams in: last beat.
    input  logic [N_PORTS-1:0]                               s_axis_tlast_i,
    /// Streams in: a longest packet of the VC can be taken.
    output logic [N_PORTS-1:0][sp_pkg::NUM_VC-1:0]           s_vc_room_o,
    /// Streams out: valid.
    output logic [N_PORTS-1:0]                               m_axis_tvalid_o,
    /// Streams out: ready.
    input  logic [N_PORTS-1:0]                               m_axis_tready_i,
    /// Streams out: payload.
    output logic [N_PORTS-1:0][FLIT_W-1:0]                   m_axis_tdata_o,
    /// Streams out: {error mark with the last beat, header with the first}.
    output logic [N_PORTS-1:0][sp_pkg::USER_W-1:0]           m_axis_tuser_o,
    /// Streams out: last beat.
    output logic [N_PORTS-1:0]                               m_axis_tlast_o,
    /// Streams out: the receiver lets a packet of the VC start.
    input  logic [N_PORTS-1:0][sp_pkg::NUM_VC-1:0]           m_vc_room_i,
    /// Links of the external ports that carry no packets.
    input  logic [N_PORTS-1:0]                               link_down_i,
    /// Links between the tiers, by leaf and spine, that carry no packets.
    input  logic [N_LEAVES-1:0][N_SPINES-1:0]                up_down_i,
    /// Levels: something happened that the `irq_mask` of a switch names; leaves first.
    output logic [N_CHIPS-1:0]                               irq_o,

    /// AXI4-Lite, write address: valid.
    input  logic                                             csr_awvalid_i,
    /// AXI4-Lite, write address: ready.
    output logic                                             csr_awready_o,
    /// AXI4-Lite, write address.
    input  logic [AddrW-1:0]                                 csr_awaddr_i,
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
    input  logic [AddrW-1:0]                                 csr_araddr_i,
    /// AXI4-Lite, read address: protection, ignored.
    input  logic [2:0]                                       csr_arprot_i,
    /// AXI4-Lite, read data: valid.
    output logic                                             csr_rvalid_o,
    /// AXI4-Lite, read data: ready.
    input  logic                                             csr_rready_i,
    /// AXI4-Lite, read data.
    output logic [31:0]                                      csr_rdata_o,
    /// AXI4-Lite, read data: response.
    output logic [1:0]                                       csr_rresp_o
);

  import sp_pkg::*;

  localparam int unsigned LeafPorts = DOWN + N_SPINES;

  if (N_LEAVES < 2 || DOWN < 1 || N_SPINES < 1) begin : g_bad
    $fatal(1, "sp_two_tier: N_LEAVES = %0d, DOWN = %0d, N_SPINES = %0d make no two tiers", N_LEAVES,
           DOWN, N_SPINES);
  end

  // ----------------------------------------------------------------------------------- registers

  logic [N_UNITS-1:0]       awvalid, awready, wvalid, wready, bvalid, bready;
  logic [N_UNITS-1:0]       arvalid, arready, rvalid, rready;
  logic [N_UNITS-1:0][1:0]  bresp, rresp;
  logic [N_UNITS-1:0][31:0] rdata;
  logic [SubW-1:0]          awaddr, araddr;
  logic [31:0]              wdata;
  logic [3:0]               wstrb;

  sp_axil_demux #(
      .N     (N_UNITS),
      .SUB_W (SubW),
      .ADDR_W(AddrW)
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

  // ------------------------------------------------------------------------------------- switches
  // Between the tiers, by leaf and spine: u goes up, d goes down; at the leaf, and at the spine.

  logic [N_LEAVES-1:0][N_SPINES-1:0]             u_tvalid, u_tready, u_tlast;
  logic [N_LEAVES-1:0][N_SPINES-1:0]             d_tvalid, d_tready, d_tlast;
  logic [N_LEAVES-1:0][N_SPINES-1:0][FLIT_W-1:0] u_tdata, d_tdata;
  logic [N_LEAVES-1:0][N_SPINES-1:0][USER_W-1:0] u_tuser, d_tuser;
  logic [N_LEAVES-1:0][N_SPINES-1:0][NUM_VC-1:0] u_room, d_room;
  logic [N_LEAVES-1:0][N_SPINES-1:0]             us_tvalid, us_tready, us_tlast;
  logic [N_LEAVES-1:0][N_SPINES-1:0]             ds_tvalid, ds_tready, ds_tlast;
  logic [N_LEAVES-1:0][N_SPINES-1:0][FLIT_W-1:0] us_tdata, ds_tdata;
  logic [N_LEAVES-1:0][N_SPINES-1:0][USER_W-1:0] us_tuser, ds_tuser;
  logic [N_LEAVES-1:0][N_SPINES-1:0][NUM_VC-1:0] us_room, ds_room;

  for (genvar l = 0; l < N_LEAVES; l++) begin : g_leaf
    for (genvar s = 0; s < N_SPINES; s++) begin : g_uplink
      if (PARTIALS) begin : g_used
        localparam int unsigned Unit = N_CHIPS + l * N_SPINES + s;

        sp_uplink #(
            .FLIT_W  (FLIT_W),
            .N_GROUPS(N_GROUPS),
            .N_DOWN  (DOWN)
        ) i_uplink (
            .clk_i,
            .rst_ni,
            .link_down_i    (up_down_i[l][s]),
            .up_s_tvalid_i  (u_tvalid[l][s]),
            .up_s_tready_o  (u_tready[l][s]),
            .up_s_tdata_i   (u_tdata[l][s]),
            .up_s_tuser_i   (u_tuser[l][s]),
            .up_s_tlast_i   (u_tlast[l][s]),
            .up_s_room_o    (u_room[l][s]),
            .up_m_tvalid_o  (us_tvalid[l][s]),
            .up_m_tready_i  (us_tready[l][s]),
            .up_m_tdata_o   (us_tdata[l][s]),
            .up_m_tuser_o   (us_tuser[l][s]),
            .up_m_tlast_o   (us_tlast[l][s]),
            .up_m_room_i    (us_room[l][s]),
            .down_s_tvalid_i(ds_tvalid[l][s]),
            .down_s_tready_o(ds_tready[l][s]),
            .down_s_tdata_i (ds_tdata[l][s]),
            .down_s_tuser_i (ds_tuser[l][s]),
            .down_s_tlast_i (ds_tlast[l][s]),
            .down_s_room_o  (ds_room[l][s]),
            .down_m_tvalid_o(d_tvalid[l][s]),
            .down_m_tready_i(d_tready[l][s]),
            .down_m_tdata_o (d_tdata[l][s]),
            .down_m_tuser_o (d_tuser[l][s]),
            .down_m_tlast_o (d_tlast[l][s]),
            .down_m_room_i  (d_room[l][s]),
            .csr_awvalid_i  (awvalid[Unit]),
            .csr_awready_o  (awready[Unit]),
            .csr_awaddr_i   (awaddr[15:0]),
            .csr_awprot_i   (csr_awprot_i),
            .csr_wvalid_i   (wvalid[Unit]),
            .csr_wready_o   (wready[Unit]),
            .csr_wdata_i    (wdata),
            .csr_wstrb_i    (wstrb),
            .csr_bvalid_o   (bvalid[Unit]),
            .csr_bready_i   (bready[Unit]),
            .csr_bresp_o    (bresp[Unit]),
            .csr_arvalid_i  (arvalid[Unit]),
            .csr_arready_o  (arready[Unit]),
            .csr_araddr_i   (araddr[15:0]),
            .csr_arprot_i   (csr_arprot_i),
            .csr_rvalid_o   (rvalid[Unit]),
            .csr_rready_i   (rready[Unit]),
            .csr_rdata_o    (rdata[Unit]),
            .csr_rresp_o    (rresp[Unit])
        );
      end else begin : g_wires
        assign {us_tvalid[l][s], us_tlast[l][s]} = {u_tvalid[l][s], u_tlast[l][s]};
        assign {us_tdata[l][s], us_tuser[l][s]}  = {u_tdata[l][s], u_tuser[l][s]};
        assign {u_tready[l][s], u_room[l][s]}    = {us_tready[l][s], us_room[l][s]};
        assign {d_tvalid[l][s], d_tlast[l][s]}   = {ds_tvalid[l][s], ds_tlast[l][s]};
        assign {d_tdata[l][s], d_tuser[l][s]}    = {ds_tdata[l][s], ds_tuser[l][s]};
        assign {ds_tready[l][s], ds_room[l][s]}  = {d_tready[l][s], d_room[l][s]};
      end
    end
  end

  for (genvar c = 0; c < N_CHIPS; c++) begin : g_chip
    localparam bit          Leaf  = c < N_LEAVES;
    localparam int unsigned S     = Leaf ? 0 : c - N_LEAVES;
    localparam int unsigned Ports = Leaf ? LeafPorts : N_LEAVES;

    logic [Ports-1:0]             s_tvalid, s_tready, s_tlast, m_tvalid, m_tready, m_tlast, down;
    logic [Ports-1:0][FLIT_W-1:0] s_tdata, m_tdata;
    logic [Ports-1:0][USER_W-1:0] s_tuser, m_tuser;
    logic [Ports-1:0][NUM_VC-1:0] s_room, m_room;

    for (genvar p = 0; p < Ports; p++) begin : g_port
      if (Leaf && p < DOWN) begin : g_external
        localparam int unsigned X = c * DOWN + p;
        assign {s_tvalid[p], s_tlast[p]} = {s_axis_tvalid_i[X], s_axis_tlast_i[X]};
        assign {s_tdata[p], s_tuser[p]}  = {s_axis_tdata_i[X], s_axis_tuser_i[X]};
        assign s_axis_tready_o[X] = s_tready[p];
        assign s_vc_room_o[X]     = s_room[p];
        assign m_axis_tvalid_o[X] = m_tvalid[p];
        assign m_axis_tlast_o[X]  = m_tlast[p];
        assign m_axis_tdata_o[X]  = m_tdata[p];
        assign m_axis_tuser_o[X]  = m_tuser[p];
        assign m_tready[p]        = m_axis_tready_i[X];
        assign m_room[p]          = m_vc_room_i[X];
        assign down[p]            = link_down_i[X];
      end else if (Leaf) begin : g_up
        localparam int unsigned U = p - DOWN;
        assign {s_tvalid[p], s_tlast[p]} = {d_tvalid[c][U], d_tlast[c][U]};
        assign {s_tdata[p], s_tuser[p]}  = {d_tdata[c][U], d_tuser[c][U]};
        assign d_tready[c][U] = s_tready[p];
        assign d_room[c][U]   = s_room[p];
        assign u_tvalid[c][U] = m_tvalid[p];
        assign u_tlast[c][U]  = m_tlast[p];
        assign u_tdata[c][U]  = m_tdata[p];
        assign u_tuser[c][U]  = m_tuser[p];
        assign m_tready[p]    = u_tready[c][U];
        assign m_room[p]      = u_room[c][U];
        assign down[p]        = up_down_i[c][U];
      end else begin : g_down
        assign {s_tvalid[p], s_tlast[p]} = {us_tvalid[p][S], us_tlast[p][S]};
        assign {s_tdata[p], s_tuser[p]}  = {us_tdata[p][S], us_tuser[p][S]};
        assign us_tready[p][S] = s_tready[p];
        assign us_room[p][S]   = s_room[p];
        assign ds_tvalid[p][S] = m_tvalid[p];
        assign ds_tlast[p][S]  = m_tlast[p];
        assign ds_tdata[p][S]  = m_tdata[p];
        assign ds_tuser[p][S]  = m_tuser[p];
        assign m_tready[p]    = ds_tready[p][S];
        assign m_room[p]      = ds_room[p][S];
        assign down[p]        = up_down_i[p][S];
      end
    end

    sp_switch_core #(
        .N_PORTS     (Ports),
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
        .PARTIALS    (PARTIALS)
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
        .link_down_i    (down),
        .irq_o          (irq_o[c]),
        .csr_awvalid_i  (awvalid[c]),
        .csr_awready_o  (awready[c]),
        .csr_awaddr_i   (awaddr),
        .csr_awprot_i   (csr_awprot_i),
        .csr_wvalid_i   (wvalid[c]),
        .csr_wready_o   (wready[c]),
        .csr_wdata_i    (wdata),
        .csr_wstrb_i    (wstrb),
        .csr_bvalid_o   (bvalid[c]),
        .csr_bready_i   (bready[c]),
        .csr_bresp_o    (bresp[c]),
        .csr_arvalid_i  (arvalid[c]),
        .csr_arready_o  (arready[c]),
        .csr_araddr_i   (araddr),
        .csr_arprot_i   (csr_arprot_i),
        .csr_rvalid_o   (rvalid[c]),
        .csr_rready_i   (rready[c]),
        .csr_rdata_o    (rdata[c]),
        .csr_rresp_o    (rresp[c])
    );
  end

endmodule
