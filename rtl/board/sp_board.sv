// SPDX-License-Identifier: Apache-2.0
//
// A board image but for clock, reset and pins: the switch with a traffic generator, a checker and
// two packet memories at each port, and registers behind a UART that speaks LiteX's UARTBone.
// docs/board.md is the user's guide, docs/board-registers.md the map.
//
//   host - sp_uartbone - sp_axil_split -+- registers of the switch, from 0x0000000
//                                       +- sp_board_regs, from 0x4000000: traffic, memories
//                                       +- sp_link_csr of each end of a link, from 0x4040000
//                                       +- sp_endpoint_csr of each endpoint, from 0x4080000
//
// Guarantees: every access is answered; `control.reset` holds all but bridge and registers in reset
// and brings them back as after power-up; packets in the memories are never lost or changed. The
// first N_LINKS ports reach the switch through a pair of linked ends (sp_board_link). The first
// N_ENDPOINTS ports have an endpoint and its memory (sp_board_endpoint) instead of generator,
// checker and memories.

module sp_board #(
    /// Clock, Hz.
    parameter int unsigned CLK_HZ = 50_000_000,
    /// Bits a second of the host's UART.
    parameter int unsigned BAUD = 3_000_000,
    /// Microseconds without a byte after which a command is given up.
    parameter int unsigned TIMEOUT_US = 40_000,
    /// Four letters that name the board.
    parameter logic [31:0] BOARD = "NONE",
    /// Word that a register shows: the commit, or any other word of the builder.
    parameter logic [31:0] BUILD = '0,
    /// Rows of each packet memory, a power of two.
    parameter int unsigned MEMORY_ROWS = 128,
    /// External ports, 2 to 4.
    parameter int unsigned N_PORTS = 4,
    /// Bits of a flit: 128, 256 or 512.
    parameter int unsigned FLIT_W = 128,
    /// iSLIP iterations in a cycle, 1 to 4.
    parameter int unsigned ISLIP_ITERS = 1,
    /// As in sp_switch_core.
    parameter int unsigned AUGMENT = 0,
    /// Flits of each VOQ, a power of two.
    parameter int unsigned VOQ_FLITS = 32,
    /// Flits of a pool that the VOQs of an input share; 0: none. Not with PIPELINED.
    parameter int unsigned VOQ_SHARED = 0,
    /// Flits of the egress buffer of each VC, a power of two.
    parameter int unsigned EGRESS_FLITS = 64,
    /// Reduction engines.
    parameter int unsigned N_ENGINES = 1,
    /// Reductions in flight in an engine.
    parameter int unsigned N_CONTEXTS = 4,
    /// Rows of the group table.
    parameter int unsigned N_GROUPS = 16,
    /// Destination IDs with a forwarding entry.
    parameter int unsigned N_IDS = 16,
    /// 1: registers between the steps of a cycle, for FPGAs; see docs/crossbar.md.
    parameter bit PIPELINED = 1'b0,
    /// 1: multicasts.
    parameter bit MCAST = 1'b0,
    /// What the switch counts: 0 by port, 1 by VC too, 2 latencies too.
    parameter int unsigned COUNTERS = 0,
    /// As in sp_switch_core.
    parameter bit ECC = 1'b0,
    /// As in sp_switch_core.
    parameter bit CUT_THROUGH = 1'b0,
    /// Bit t: the engines have elements of type t.
    parameter int unsigned TYPES = 3,
    /// 1: the engines have sums in the order of members too.
    parameter bit ORDERED = 1'b0,
    /// 1: the engines pass exact sums on unrounded and take such sums; see docs/reduction.md.
    parameter bit PARTIALS = 1'b0,
    /// Ports that reach the switch through a pair of linked ends: the first ones, 0 to N_PORTS.
    parameter int unsigned N_LINKS = 0,
    /// Ports with an endpoint instead of generator, checker and packet memories: the first ones.
    parameter int unsigned N_ENDPOINTS = 0,
    /// 1: endpoints have the end-to-end check.
    parameter bit CHECK = 1'b1
) (
    /// Clock.
    input  logic       clk_i,
    /// Reset, active low, asynchronous.
    input  logic       rst_ni,
    /// UART from the host; asynchronous.
    input  logic       uart_rx_i,
    /// UART to the host.
    output logic       uart_tx_o,
    /// {ports 3..0 pass traffic, an error was seen, bytes to the host, bytes from the host,
    /// heartbeat}.
    output logic [7:0] led_o
);

  import sp_pkg::*;

  localparam int unsigned SubW = 26;
  localparam int unsigned RegsW = 18;    // bits of an address of sp_board_regs
  localparam int unsigned MapPorts = 4;  // room in the register map
  localparam int unsigned UnitW = 12;    // bits of an address within a link's end, or an endpoint
  localparam logic [1:0] SlvErr = 2'b10;

  if (N_PORTS < 2 || N_PORTS > MapPorts) begin : g_bad_ports
    $fatal(1, "sp_board: N_PORTS = %0d is not in 2..%0d", N_PORTS, MapPorts);
  end

  if (N_LINKS > N_PORTS) begin : g_bad_links
    $fatal(1, "sp_board: N_LINKS = %0d is not in 0..%0d", N_LINKS, N_PORTS);
  end

  if (N_ENDPOINTS > N_PORTS) begin : g_bad_endpoints
    $fatal(1, "sp_board: N_ENDPOINTS = %0d is not in 0..%0d", N_ENDPOINTS, N_PORTS);
  end

  // -------------------------------------------------------------------------- bridge, buses

  logic        b_awvalid, b_awready, b_wvalid, b_wready, b_bvalid, b_bready;
  logic        b_arvalid, b_arready, b_rvalid, b_rready;
  logic [31:0] b_awaddr, b_wdata, b_araddr, b_rdata;
  logic [3:0]  b_wstrb;
  logic [1:0]  b_bresp, b_rresp;
  logic [2:0]  b_awprot, b_arprot;
  logic        ev_rx, ev_tx, ev_frame_error, ev_abort, ev_bad_command, ev_overflow, ev_bus_error;

  sp_uartbone #(
      .CLK_HZ    (CLK_HZ),
      .BAUD      (BAUD),
      .TIMEOUT_US(TIMEOUT_US)
  ) i_bridge (
      .clk_i,
      .rst_ni,
      .rx_i            (uart_rx_i),
      .tx_o            (uart_tx_o),
      .m_awvalid_o     (b_awvalid),
      .m_awready_i     (b_awready),
      .m_awaddr_o      (b_awaddr),
      .m_awprot_o      (b_awprot),
      .m_wvalid_o      (b_wvalid),
      .m_wready_i      (b_wready),
      .m_wdata_o       (b_wdata),
      .m_wstrb_o       (b_wstrb),
      .m_bvalid_i      (b_bvalid),
      .m_bready_o      (b_bready),
      .m_bresp_i       (b_bresp),
      .m_arvalid_o     (b_arvalid),
      .m_arready_i     (b_arready),
      .m_araddr_o      (b_araddr),
      .m_arprot_o      (b_arprot),
      .m_rvalid_i      (b_rvalid),
      .m_rready_o      (b_rready),
      .m_rdata_i       (b_rdata),
      .m_rresp_i       (b_rresp),
      .ev_rx_o         (ev_rx),
      .ev_tx_o         (ev_tx),
      .ev_frame_error_o(ev_frame_error),
      .ev_abort_o      (ev_abort),
      .ev_bad_command_o(ev_bad_command),
      .ev_overflow_o   (ev_overflow),
      .ev_bus_error_o  (ev_bus_error)
  );

  logic [1:0]      m_awvalid, m_awready, m_wvalid, m_wready, m_bvalid, m_bready;
  logic [1:0]      m_arvalid, m_arready, m_rvalid, m_rready;
  logic [SubW-1:0] m_awaddr, m_araddr;
  logic [31:0]     m_wdata;
  logic [3:0]      m_wstrb;
  logic [1:0]      m_bresp [2];
  logic [1:0]      m_rresp [2];
  logic [31:0]     m_rdata [2];

  sp_axil_split #(
      .HIGH_W(RegsW + ((N_ENDPOINTS > 0) ? 2 : (N_LINKS > 0) ? 1 : 0))
  ) i_split (
      .clk_i,
      .rst_ni,
      .s_awvalid_i(b_awvalid),
      .s_awready_o(b_awready),
      .s_awaddr_i (b_awaddr),
      .s_wvalid_i (b_wvalid),
      .s_wready_o (b_wready),
      .s_wdata_i  (b_wdata),
      .s_wstrb_i  (b_wstrb),
      .s_bvalid_o (b_bvalid),
      .s_bready_i (b_bready),
      .s_bresp_o  (b_bresp),
      .s_arvalid_i(b_arvalid),
      .s_arready_o(b_arready),
      .s_araddr_i (b_araddr),
      .s_rvalid_o (b_rvalid),
      .s_rready_i (b_rready),
      .s_rdata_o  (b_rdata),
      .s_rresp_o  (b_rresp),
      .m_awvalid_o(m_awvalid),
      .m_awready_i(m_awready),
      .m_awaddr_o (m_awaddr),
      .m_wvalid_o (m_wvalid),
      .m_wready_i (m_wready),
      .m_wdata_o  (m_wdata),
      .m_wstrb_o  (m_wstrb),
      .m_bvalid_i (m_bvalid),
      .m_bready_o (m_bready),
      .m_bresp_i  (m_bresp),
      .m_arvalid_o(m_arvalid),
      .m_arready_i(m_arready),
      .m_araddr_o (m_araddr),
      .m_rvalid_i (m_rvalid),
      .m_rready_o (m_rready),
      .m_rdata_i  (m_rdata),
      .m_rresp_i  (m_rresp)
  );

  // -------------------------------------------------------------------------- board registers

  logic        rg_awready, rg_wready, rg_bvalid, rg_arready, rg_rvalid;
  logic [1:0]  rg_bresp, rg_rresp;
  logic [31:0] rg_rdata;
  logic        wr_unit, rd_unit;   // it goes to a link or an endpoint

  sp_board_regs_pkg::sp_board__in_t  hw_in;
  sp_board_regs_pkg::sp_board__out_t hw_out;
  logic                              bad_access;
  logic                              answer_q;       // of a port
  logic                              answer_err_q;
  logic [31:0]                       answer_word_q;
  logic                              clear;
  logic                              run;
  logic                              hold;
  logic                              core_rst_n;
  logic                              core_up_q;   // the same, to be looked at
  logic [63:0]                       cycles_q;
  logic [63:0]                       cycles_next;
  logic [31:0]                       cycles_high_q;

  sp_board_regs i_regs (
      .clk           (clk_i),
      .arst_n        (rst_ni),
      .csr_awready_o (rg_awready),
      .csr_awvalid_i (m_awvalid[1] && !wr_unit),
      .csr_awaddr_i  (m_awaddr[RegsW-1:0]),
      .csr_awprot_i  (b_awprot),
      .csr_wready_o  (rg_wready),
      .csr_wvalid_i  (m_wvalid[1] && !wr_unit),
      .csr_wdata_i   (m_wdata),
      .csr_wstrb_i   (m_wstrb),
      .csr_bready_i  (m_bready[1] && !wr_unit),
      .csr_bvalid_o  (rg_bvalid),
      .csr_bresp_o   (rg_bresp),
      .csr_arready_o (rg_arready),
      .csr_arvalid_i (m_arvalid[1] && !rd_unit),
      .csr_araddr_i  (m_araddr[RegsW-1:0]),
      .csr_arprot_i  (b_arprot),
      .csr_rready_i  (m_rready[1] && !rd_unit),
      .csr_rvalid_o  (rg_rvalid),
      .csr_rdata_o   (rg_rdata),
      .csr_rresp_o   (rg_rresp),
      .external_err_i(answer_err_q),
      .bad_access_o  (bad_access),
      .hwif_in       (hw_in),
      .hwif_out      (hw_out)
  );

  assign clear = hw_out.control.clear.value;
  assign run   = hw_out.control.run.value;
  assign hold  = hw_out.control.hold.value;

  // A flip-flop of its own, so that nothing but a register is on the reset of the switch.
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      core_rst_n <= 1'b0;
      core_up_q  <= 1'b0;
    end else begin
      core_rst_n <= !hw_out.control.reset.value;
      core_up_q  <= !hw_out.control.reset.value;
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      cycles_q      <= '0;
      cycles_high_q <= '0;
    end else begin
      cycles_q <= cycles_next;
      if (hw_out.cycles.value.swacc) cycles_high_q <= cycles_q[63:32];
    end
  end

  assign cycles_next = cycles_q + 64'd1;

  // Counters of the bridge and of refused accesses.
  localparam int unsigned BridgeCounters = 6;
  logic [BridgeCounters-1:0] bridge_event_q;
  logic [31:0]               bridge_count_q [BridgeCounters];

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      bridge_event_q <= '0;
      for (int unsigned k = 0; k < BridgeCounters; k++) bridge_count_q[k] <= '0;
    end else begin
      bridge_event_q <= {bad_access, ev_bus_error, ev_overflow, ev_bad_command, ev_abort,
                       ev_frame_error};
      for (int unsigned k = 0; k < BridgeCounters; k++) begin
        if (clear) bridge_count_q[k] <= 32'(bridge_event_q[k]);
        else if (bridge_event_q[k]) bridge_count_q[k] <= bridge_count_q[k] + 32'd1;
      end
    end
  end

  // ------------------------------------------------------------------------------- the switch

  logic [N_PORTS-1:0]             s_tvalid, s_tready, s_tlast;
  logic [N_PORTS-1:0][FLIT_W-1:0] s_tdata, m_tdata;
  logic [N_PORTS-1:0][USER_W-1:0] s_tuser, m_tuser;
  logic [N_PORTS-1:0][NUM_VC-1:0] s_room, m_room;
  logic [N_PORTS-1:0]             m_tvalid, m_tready, m_tlast;

  logic [N_PORTS-1:0]             port_down;   // an endpoint's, whose link carries no packets

  // While the switch is held in reset its registers are answered for: refused.
  logic        sw_awready, sw_wready, sw_bvalid, sw_arready, sw_rvalid;
  logic        unused_irq;  // the host asks
  logic [1:0]  sw_bresp, sw_rresp;
  logic [31:0] sw_rdata;

  assign m_awready[0] = sw_awready || !core_up_q;
  assign m_wready[0]  = sw_wready || !core_up_q;
  assign m_bvalid[0]  = sw_bvalid || !core_up_q;
  assign m_bresp[0]   = core_up_q ? sw_bresp : SlvErr;
  assign m_arready[0] = sw_arready || !core_up_q;
  assign m_rvalid[0]  = sw_rvalid || !core_up_q;
  assign m_rresp[0]   = core_up_q ? sw_rresp : SlvErr;
  assign m_rdata[0]   = core_up_q ? sw_rdata : '0;

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
      .rst_ni         (core_rst_n),
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
      .link_down_i    (port_down),
      .irq_o          (unused_irq),
      .csr_awvalid_i  (m_awvalid[0]),
      .csr_awready_o  (sw_awready),
      .csr_awaddr_i   (m_awaddr),
      .csr_awprot_i   (b_awprot),
      .csr_wvalid_i   (m_wvalid[0]),
      .csr_wready_o   (sw_wready),
      .csr_wdata_i    (m_wdata),
      .csr_wstrb_i    (m_wstrb),
      .csr_bvalid_o   (sw_bvalid),
      .csr_bready_i   (m_bready[0]),
      .csr_bresp_o    (sw_bresp),
      .csr_arvalid_i  (m_arvalid[0]),
      .csr_arready_o  (sw_arready),
      .csr_araddr_i   (m_araddr),
      .csr_arprot_i   (b_arprot),
      .csr_rvalid_o   (sw_rvalid),
      .csr_rready_i   (m_rready[0]),
      .csr_rdata_o    (sw_rdata),
      .csr_rresp_o    (sw_rresp)
  );

  // ----------------------------------------------------- registers of ends of links, of endpoints
  // The address of an access stays until its answer: it says which unit has it. Ends of links come
  // first, then endpoints, which are in reset with the switch and refuse meanwhile.

  localparam int unsigned Ends = 2 * N_LINKS;
  localparam int unsigned Units = Ends + N_ENDPOINTS;
  localparam int unsigned UnitsThere = (Units > 0) ? Units : 1;

  logic [RegsW-UnitW-1:0]      wr_number, rd_number;
  logic                        wr_high, rd_high;   // an endpoint's
  logic [UnitsThere-1:0]       wr_at, rd_at;
  logic [UnitsThere-1:0]       u_awready, u_wready, u_bvalid, u_arready, u_rvalid;
  logic [UnitsThere-1:0]       u_awvalid, u_wvalid, u_bready, u_arvalid, u_rready;
  logic [UnitsThere-1:0][1:0]  u_bresp, u_rresp;
  logic [UnitsThere-1:0][31:0] u_rdata;
  logic                        wr_none, rd_none;
  logic [1:0]                  unit_bresp, unit_rresp;
  logic [31:0]                 unit_rdata;

  assign wr_high   = (N_ENDPOINTS > 0) && m_awaddr[RegsW+1];
  assign rd_high   = (N_ENDPOINTS > 0) && m_araddr[RegsW+1];
  assign wr_unit   = (Units > 0) && (m_awaddr[RegsW] || wr_high);
  assign rd_unit   = (Units > 0) && (m_araddr[RegsW] || rd_high);
  assign wr_number = m_awaddr[RegsW-1:UnitW];
  assign rd_number = m_araddr[RegsW-1:UnitW];
  assign wr_none   = wr_unit && (wr_at == '0);
  assign rd_none   = rd_unit && (rd_at == '0);

  // Behind the registers of a unit there is nothing.
  for (genvar e = 0; e < Ends; e++) begin : g_at_end
    assign wr_at[e] = wr_unit && !wr_high && (32'(wr_number) == e) && (m_awaddr[UnitW-1:8] == '0);
    assign rd_at[e] = rd_unit && !rd_high && (32'(rd_number) == e) && (m_araddr[UnitW-1:8] == '0);
  end
  for (genvar e = 0; e < N_ENDPOINTS; e++) begin : g_at_endpoint
    assign wr_at[Ends+e] = wr_high && !m_awaddr[RegsW] && (32'(wr_number) == e)
                           && !m_awaddr[UnitW-1] && core_up_q;
    assign rd_at[Ends+e] = rd_high && !m_araddr[RegsW] && (32'(rd_number) == e)
                           && !m_araddr[UnitW-1] && core_up_q;
  end
  if (Units == 0) begin : g_no_units
    assign {wr_at, rd_at, u_awready, u_wready, u_bvalid, u_arready, u_rvalid} = '0;
    assign {u_bresp, u_rresp, u_rdata} = '0;
  end

  assign u_awvalid = wr_at & {UnitsThere{m_awvalid[1]}};
  assign u_wvalid  = wr_at & {UnitsThere{m_wvalid[1]}};
  assign u_bready  = wr_at & {UnitsThere{m_bready[1]}};
  assign u_arvalid = rd_at & {UnitsThere{m_arvalid[1]}};
  assign u_rready  = rd_at & {UnitsThere{m_rready[1]}};

  always_comb begin
    unit_bresp = wr_none ? SlvErr : '0;
    unit_rresp = rd_none ? SlvErr : '0;
    unit_rdata = '0;
    for (int unsigned u = 0; u < UnitsThere; u++) begin
      if (wr_at[u]) unit_bresp |= u_bresp[u];
      if (rd_at[u]) unit_rresp |= u_rresp[u];
      if (rd_at[u]) unit_rdata |= u_rdata[u];
    end
  end

  assign m_awready[1] = wr_unit ? wr_none || ((u_awready & wr_at) != '0) : rg_awready;
  assign m_wready[1]  = wr_unit ? wr_none || ((u_wready & wr_at) != '0) : rg_wready;
  assign m_bvalid[1]  = wr_unit ? wr_none || ((u_bvalid & wr_at) != '0) : rg_bvalid;
  assign m_bresp[1]   = wr_unit ? unit_bresp : rg_bresp;
  assign m_arready[1] = rd_unit ? rd_none || ((u_arready & rd_at) != '0) : rg_arready;
  assign m_rvalid[1]  = rd_unit ? rd_none || ((u_rvalid & rd_at) != '0) : rg_rvalid;
  assign m_rresp[1]   = rd_unit ? unit_rresp : rg_rresp;
  assign m_rdata[1]   = rd_unit ? unit_rdata : rg_rdata;

  // -------------------------------------------------------------------------------- the links
  // Streams at the ports of the board; p_s goes into the switch, p_m comes out of it.

  logic [N_PORTS-1:0]             p_s_tvalid, p_s_tready, p_s_tlast;
  logic [N_PORTS-1:0][FLIT_W-1:0] p_s_tdata, p_m_tdata;
  logic [N_PORTS-1:0][USER_W-1:0] p_s_tuser, p_m_tuser;
  logic [N_PORTS-1:0][NUM_VC-1:0] p_s_room, p_m_room;
  logic [N_PORTS-1:0]             p_m_tvalid, p_m_tready, p_m_tlast;

  for (genvar p = N_LINKS; p < N_PORTS; p++) begin : g_straight
    assign s_tvalid[p]   = p_s_tvalid[p];
    assign s_tdata[p]    = p_s_tdata[p];
    assign s_tuser[p]    = p_s_tuser[p];
    assign s_tlast[p]    = p_s_tlast[p];
    assign p_s_tready[p] = s_tready[p];
    assign p_s_room[p]   = s_room[p];
    assign p_m_tvalid[p] = m_tvalid[p];
    assign p_m_tdata[p]  = m_tdata[p];
    assign p_m_tuser[p]  = m_tuser[p];
    assign p_m_tlast[p]  = m_tlast[p];
    assign m_tready[p]   = p_m_tready[p];
    assign m_room[p]     = p_m_room[p];
  end

  // Both ends of a link, and what has none: packets pass.
  logic [N_PORTS-1:0] way_up, far_up;

  // A port without an endpoint waits for its link. An endpoint waits for answers, not for ever: so
  // that nothing waits for it, the switch takes its port down with the link.
  for (genvar p = 0; p < N_PORTS; p++) begin : g_down
    if (p < N_LINKS && p < N_ENDPOINTS) begin : g_follow
      logic down_q;
      always_ff @(posedge clk_i or negedge core_rst_n) begin
        if (!core_rst_n) down_q <= 1'b1;
        else down_q <= !far_up[p];
      end
      assign port_down[p] = down_q;
    end else begin : g_never
      assign port_down[p] = 1'b0;
    end
    if (p >= N_LINKS) begin : g_no_link
      assign way_up[p] = core_up_q;
      assign far_up[p] = core_up_q;
    end
  end

  for (genvar p = 0; p < N_LINKS; p++) begin : g_link
    sp_board_link #(
        .FLIT_W(FLIT_W)
    ) i_link (
        .clk_i,
        .rst_ni,
        .core_rst_ni  (core_rst_n),
        .csr_awvalid_i(u_awvalid[2*p+:2]),
        .csr_awready_o(u_awready[2*p+:2]),
        .csr_awaddr_i (m_awaddr[7:0]),
        .csr_awprot_i (b_awprot),
        .csr_wvalid_i (u_wvalid[2*p+:2]),
        .csr_wready_o (u_wready[2*p+:2]),
        .csr_wdata_i  (m_wdata),
        .csr_wstrb_i  (m_wstrb),
        .csr_bvalid_o (u_bvalid[2*p+:2]),
        .csr_bready_i (u_bready[2*p+:2]),
        .csr_bresp_o  (u_bresp[2*p+:2]),
        .csr_arvalid_i(u_arvalid[2*p+:2]),
        .csr_arready_o(u_arready[2*p+:2]),
        .csr_araddr_i (m_araddr[7:0]),
        .csr_arprot_i (b_arprot),
        .csr_rvalid_o (u_rvalid[2*p+:2]),
        .csr_rready_i (u_rready[2*p+:2]),
        .csr_rdata_o  (u_rdata[2*p+:2]),
        .csr_rresp_o  (u_rresp[2*p+:2]),
        .s_tvalid_i   ({m_tvalid[p], p_s_tvalid[p]}),
        .s_tready_o   ({m_tready[p], p_s_tready[p]}),
        .s_tdata_i    ({m_tdata[p], p_s_tdata[p]}),
        .s_tuser_i    ({m_tuser[p], p_s_tuser[p]}),
        .s_tlast_i    ({m_tlast[p], p_s_tlast[p]}),
        .s_room_o     ({m_room[p], p_s_room[p]}),
        .m_tvalid_o   ({s_tvalid[p], p_m_tvalid[p]}),
        .m_tready_i   ({s_tready[p], p_m_tready[p]}),
        .m_tdata_o    ({s_tdata[p], p_m_tdata[p]}),
        .m_tuser_o    ({s_tuser[p], p_m_tuser[p]}),
        .m_tlast_o    ({s_tlast[p], p_m_tlast[p]}),
        .m_room_i     ({s_room[p], p_m_room[p]}),
        .up_o         ({far_up[p], way_up[p]})
    );
  end

  // -------------------------------------------------------------------------------- the ports
  // An access to a port's registers or memories is kept until it is answered.

  typedef enum logic [1:0] {
    RG_PORT,  // registers of a port
    RG_TX,    // memory of packets to send
    RG_RX     // memory of packets that came
  } region_e;

  region_e            region_q;
  logic               ask;           // comes from the decoder
  logic               ask_q;         // goes to a port
  logic               wr_q;
  logic               whole_q;       // all bytes of a word are written
  logic [9:0]         place_q;       // in words
  logic [31:0]        data_q;
  logic [1:0]         port_number;
  logic [N_PORTS-1:0] at_port;
  logic [N_PORTS-1:0] tx_full;
  logic [N_PORTS-1:0] rx_ack, rx_err, port_done, port_err;
  logic [31:0]        rx_word   [N_PORTS];
  logic [31:0]        port_word [N_PORTS];
  logic [N_PORTS-1:0] error_seen;

  assign ask = hw_out.port_windows.req || hw_out.tx_windows.req || hw_out.rx_windows.req;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      ask_q    <= 1'b0;
      region_q <= RG_PORT;
      wr_q     <= 1'b0;
      whole_q  <= 1'b0;
      place_q  <= '0;
      data_q   <= '0;
    end else begin
      ask_q <= ask;
      if (ask) begin
        // The same at every region, but for the bits of the address.
        region_q <= hw_out.tx_windows.req ? RG_TX : hw_out.rx_windows.req ? RG_RX : RG_PORT;
        wr_q     <= hw_out.tx_windows.req_is_wr;
        whole_q  <= &hw_out.tx_windows.wr_biten;
        place_q  <= hw_out.port_windows.req ? 10'(hw_out.port_windows.addr[9:2])
                                            : hw_out.tx_windows.addr[11:2];
        data_q   <= hw_out.tx_windows.wr_data;
      end
    end
  end

  assign port_number = (region_q == RG_PORT) ? place_q[7:6] : place_q[9:8];

  for (genvar p = N_ENDPOINTS; p < N_PORTS; p++) begin : g_port
    assign at_port[p] = ask_q && (port_number == 2'(p));

    sp_board_port #(
        .N_PORTS    (N_PORTS),
        .FLIT_W     (FLIT_W),
        .MEMORY_ROWS(MEMORY_ROWS),
        .OWN        (p)
    ) i_port (
        .clk_i,
        .rst_ni,
        .core_rst_ni(core_rst_n),
        .core_up_i  (core_up_q),
        .run_i      (run),
        .hold_i     (hold),
        .clear_i    (clear),
        .now_i      (cycles_q[31:0]),
        .next_i     (cycles_next[15:0]),
        .s_tvalid_o (p_s_tvalid[p]),
        .s_tready_i (p_s_tready[p]),
        .s_tdata_o  (p_s_tdata[p]),
        .s_tuser_o  (p_s_tuser[p]),
        .s_tlast_o  (p_s_tlast[p]),
        .s_room_i   (p_s_room[p]),
        .m_tvalid_i (p_m_tvalid[p]),
        .m_tready_o (p_m_tready[p]),
        .m_tdata_i  (p_m_tdata[p]),
        .m_tuser_i  (p_m_tuser[p]),
        .m_tlast_i  (p_m_tlast[p]),
        .m_room_o   (p_m_room[p]),
        .push_i     (at_port[p] && (region_q == RG_TX) && wr_q),
        .full_o     (tx_full[p]),
        .pop_i      (at_port[p] && (region_q == RG_RX) && !wr_q && core_up_q),
        .pop_ack_o  (rx_ack[p]),
        .pop_err_o  (rx_err[p]),
        .pop_word_o (rx_word[p]),
        .write_i    (at_port[p] && (region_q == RG_PORT) && wr_q && whole_q),
        .read_i     (at_port[p] && (region_q == RG_PORT) && !wr_q),
        .word_i     (place_q[5:0]),
        .data_i     (data_q),
        .done_o     (port_done[p]),
        .err_o      (port_err[p]),
        .data_o     (port_word[p]),
        .error_o    (error_seen[p])
    );
  end

  for (genvar p = 0; p < N_ENDPOINTS; p++) begin : g_endpoint
    localparam int unsigned U = Ends + p;

    assign at_port[p] = ask_q && (port_number == 2'(p));

    sp_board_endpoint #(
        .FLIT_W(FLIT_W),
        .CHECK (CHECK)
    ) i_endpoint (
        .clk_i,
        .rst_ni,
        .core_rst_ni  (core_rst_n),
        .core_up_i    (core_up_q),
        .plane_up_i   (way_up[p]),
        .s_tvalid_o   (p_s_tvalid[p]),
        .s_tready_i   (p_s_tready[p]),
        .s_tdata_o    (p_s_tdata[p]),
        .s_tuser_o    (p_s_tuser[p]),
        .s_tlast_o    (p_s_tlast[p]),
        .s_room_i     (p_s_room[p]),
        .m_tvalid_i   (p_m_tvalid[p]),
        .m_tready_o   (p_m_tready[p]),
        .m_tdata_i    (p_m_tdata[p]),
        .m_tuser_i    (p_m_tuser[p]),
        .m_tlast_i    (p_m_tlast[p]),
        .m_room_o     (p_m_room[p]),
        .csr_awvalid_i(u_awvalid[U]),
        .csr_awready_o(u_awready[U]),
        .csr_awaddr_i (m_awaddr[UnitW-2:0]),
        .csr_awprot_i (b_awprot),
        .csr_wvalid_i (u_wvalid[U]),
        .csr_wready_o (u_wready[U]),
        .csr_wdata_i  (m_wdata),
        .csr_wstrb_i  (m_wstrb),
        .csr_bvalid_o (u_bvalid[U]),
        .csr_bready_i (u_bready[U]),
        .csr_bresp_o  (u_bresp[U]),
        .csr_arvalid_i(u_arvalid[U]),
        .csr_arready_o(u_arready[U]),
        .csr_araddr_i (m_araddr[UnitW-2:0]),
        .csr_arprot_i (b_arprot),
        .csr_rvalid_o (u_rvalid[U]),
        .csr_rready_i (u_rready[U]),
        .csr_rdata_o  (u_rdata[U]),
        .csr_rresp_o  (u_rresp[U]),
        .push_i       (at_port[p] && (region_q == RG_TX) && wr_q && core_up_q),
        .full_o       (tx_full[p]),
        .pop_i        (at_port[p] && (region_q == RG_RX) && !wr_q && core_up_q),
        .pop_ack_o    (rx_ack[p]),
        .pop_err_o    (rx_err[p]),
        .pop_word_o   (rx_word[p]),
        .write_i      (at_port[p] && (region_q == RG_PORT) && wr_q && whole_q),
        .read_i       (at_port[p] && (region_q == RG_PORT) && !wr_q),
        .word_i       (place_q[5:0]),
        .data_i       (data_q),
        .done_o       (port_done[p]),
        .err_o        (port_err[p]),
        .data_o       (port_word[p]),
        .irq_o        (error_seen[p])
    );
  end

  // ----------------------------------------------------------------------------------- answers
  // A word is refused when its port is not there, it cannot be read or written, there is no room
  // for it, or it is not whole.

  logic        at_once;       // answered without asking a port
  logic        refused;
  logic [31:0] word;

  always_comb begin
    refused = at_port == '0;
    case (region_q)
      RG_TX:   refused |= !wr_q || !core_up_q || ((at_port & tx_full) != '0);
      RG_RX:   refused |= wr_q || !core_up_q;
      default: refused |= wr_q && !whole_q;
    endcase
    at_once = ask_q && (refused || (region_q == RG_TX));
  end

  always_comb begin
    word = '0;
    for (int unsigned p = 0; p < N_PORTS; p++) begin
      if (rx_ack[p] && !rx_err[p]) word |= rx_word[p];
      if (port_done[p]) word |= port_word[p];
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      answer_q      <= 1'b0;
      answer_err_q  <= 1'b0;
      answer_word_q <= '0;
    end else begin
      answer_q      <= at_once || (rx_ack != '0) || (port_done != '0);
      answer_err_q  <= (at_once && refused) || ((rx_ack & rx_err) != '0)
                    || ((port_done & port_err) != '0);
      answer_word_q <= word;
    end
  end

  logic [31:0] build_word;

  sp_build_word #(
      .WORD(BUILD)
  ) u_build_word (
      .word_o(build_word)
  );

  always_comb begin
    hw_in.build.value.next        = build_word;
    hw_in.board.value.next        = BOARD;
    hw_in.clock_hz.value.next     = CLK_HZ;
    hw_in.baud.value.next         = BAUD;
    hw_in.ports.value.next        = N_PORTS;
    hw_in.memory_rows.value.next  = MEMORY_ROWS;
    hw_in.cycles.value.next       = cycles_q[31:0];
    hw_in.cycles_high.value.next  = cycles_high_q;
    hw_in.frame_errors.value.next = bridge_count_q[0];
    hw_in.aborts.value.next       = bridge_count_q[1];
    hw_in.bad_commands.value.next = bridge_count_q[2];
    hw_in.overflows.value.next    = bridge_count_q[3];
    hw_in.bus_errors.value.next   = bridge_count_q[4];
    hw_in.bad_accesses.value.next = bridge_count_q[5];
    hw_in.port_windows.wr_ack     = answer_q && wr_q && (region_q == RG_PORT);
    hw_in.port_windows.rd_ack     = answer_q && !wr_q && (region_q == RG_PORT);
    hw_in.port_windows.rd_data    = answer_word_q;
    hw_in.tx_windows.wr_ack       = answer_q && wr_q && (region_q == RG_TX);
    hw_in.tx_windows.rd_ack       = answer_q && !wr_q && (region_q == RG_TX);
    hw_in.tx_windows.rd_data      = '0;
    hw_in.rx_windows.wr_ack       = answer_q && wr_q && (region_q == RG_RX);
    hw_in.rx_windows.rd_ack       = answer_q && !wr_q && (region_q == RG_RX);
    hw_in.rx_windows.rd_data      = answer_word_q;
  end

  // ------------------------------------------------------------------------------------ lights

  localparam int unsigned Blink = $clog2(CLK_HZ / 16);
  logic [Blink-1:0] rx_light_q;
  logic [Blink-1:0] tx_light_q;
  logic [Blink-1:0] port_light_q [N_PORTS];
  logic             error_light_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      rx_light_q    <= '0;
      tx_light_q    <= '0;
      error_light_q <= 1'b0;
      for (int unsigned p = 0; p < N_PORTS; p++) port_light_q[p] <= '0;
    end else begin
      if (ev_rx) rx_light_q <= '1;
      else if (rx_light_q != '0) rx_light_q <= rx_light_q - Blink'(1);
      if (ev_tx) tx_light_q <= '1;
      else if (tx_light_q != '0) tx_light_q <= tx_light_q - Blink'(1);
      for (int unsigned p = 0; p < N_PORTS; p++) begin
        if (p_m_tvalid[p] && p_m_tready[p]) port_light_q[p] <= '1;
        else if (port_light_q[p] != '0) port_light_q[p] <= port_light_q[p] - Blink'(1);
      end
      error_light_q <= (error_seen != '0) || (bridge_event_q != '0) || (error_light_q && !clear);
    end
  end

  always_comb begin
    led_o    = '0;
    led_o[0] = cycles_q[Blink+2];
    led_o[1] = rx_light_q != '0;
    led_o[2] = tx_light_q != '0;
    led_o[3] = error_light_q;
    for (int unsigned p = 0; p < N_PORTS; p++) led_o[4+p] = port_light_q[p] != '0;
  end

  // The place within a window says nothing; what is the same at every region is taken from one.
  logic unused;
  assign unused = &{1'b0, unused_irq, hw_out.tx_windows.addr, hw_out.rx_windows.addr,
                    hw_out.rx_windows.req_is_wr, hw_out.rx_windows.wr_data,
                    hw_out.rx_windows.wr_biten, hw_out.port_windows.req_is_wr,
                    hw_out.port_windows.wr_data, hw_out.port_windows.wr_biten,
                    // With endpoints at all ports there is nothing to run, and there may be none.
                    run, hold, cycles_next, way_up, far_up, wr_number, rd_number, u_awvalid,
                    u_wvalid, u_bready, u_arvalid, u_rready};

endmodule
