// SPDX-License-Identifier: Apache-2.0
//
// The switch with traffic made on chip and nothing else: what the simulator does without a
// testbench. Clocked from C++ (raw_main.cpp).

module raw_bench #(
    /// As in sp_switch_core.
    parameter int unsigned N_PORTS = 16,
    /// As in sp_switch_core.
    parameter int unsigned FLIT_W = 128,
    /// As in sp_switch_core.
    parameter int unsigned ISLIP_ITERS = 4,
    /// As in sp_switch_core.
    parameter int unsigned AUGMENT = 0,
    /// As in sp_switch_core.
    parameter int unsigned VOQ_FLITS = 64,
    /// Flits of a pool that the VOQs of an input share; 0: none. Not with PIPELINED.
    parameter int unsigned VOQ_SHARED = 0,
    /// As in sp_switch_core.
    parameter int unsigned EGRESS_FLITS = 64,
    /// As in sp_switch_core.
    parameter int unsigned N_ENGINES = 1,
    /// As in sp_switch_core.
    parameter int unsigned N_CONTEXTS = 8,
    /// As in sp_switch_core.
    parameter int unsigned N_GROUPS = 64,
    /// As in sp_switch_core.
    parameter int unsigned N_IDS = 64,
    /// As in sp_switch_core.
    parameter bit PIPELINED = 1'b0,
    /// As in sp_switch_core.
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
    /// As in sp_switch_core.
    parameter bit MCAST = 1'b0
) (
    /// Clock.
    input  logic                     clk_i,
    /// Reset, active low.
    input  logic                     rst_ni,
    /// Make traffic.
    input  logic                     run_i,
    /// Register write.
    input  logic                     wvalid_i,
    /// Register write: address.
    input  logic [25:0]              waddr_i,
    /// Register write: data.
    input  logic [31:0]              wdata_i,
    /// Register write: answered.
    output logic                     bvalid_o,
    /// Register write: the answer.
    output logic [1:0]               bresp_o,
    /// Flits that left each port.
    output logic [N_PORTS-1:0][31:0] flits_o
);
  import sp_pkg::*;

  logic [N_PORTS-1:0]             s_tvalid, s_tready, s_tlast, m_tvalid, m_tready, m_tlast;
  logic [N_PORTS-1:0][FLIT_W-1:0] s_tdata, m_tdata;
  logic [N_PORTS-1:0][USER_W-1:0] s_tuser, m_tuser;
  logic [N_PORTS-1:0][NUM_VC-1:0] s_vc_room;
  logic                           aw_done_q, w_done_q, awready, wready;
  logic                           irq, unused;

  for (genvar i = 0; i < N_PORTS; i++) begin : g_port
    traffic_gen #(
        .FLIT_W (FLIT_W),
        .N_PORTS(N_PORTS)
    ) i_gen (
        .clk_i,
        .rst_ni,
        .run_i,
        .id_i     (ID_W'(i)),
        .tvalid_o (s_tvalid[i]),
        .tready_i (s_tready[i]),
        .tdata_o  (s_tdata[i]),
        .tuser_o  (s_tuser[i]),
        .tlast_o  (s_tlast[i]),
        .vc_room_i(s_vc_room[i])
    );

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) flits_o[i] <= '0;
      else if (m_tvalid[i] && m_tready[i]) flits_o[i] <= flits_o[i] + 32'd1;
    end
  end

  // Ready from a register, as the pipes drive it.
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      m_tready  <= '0;
      aw_done_q <= 1'b0;
      w_done_q  <= 1'b0;
    end else begin
      m_tready  <= '1;
      aw_done_q <= wvalid_i && (aw_done_q || awready) && !bvalid_o;
      w_done_q  <= wvalid_i && (w_done_q || wready) && !bvalid_o;
    end
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
      .COUNTERS    (COUNTERS),
      .ECC         (ECC),
      .CUT_THROUGH (CUT_THROUGH),
      .TYPES       (TYPES),
      .ORDERED     (ORDERED),
      .PARTIALS    (PARTIALS),
      .MCAST       (MCAST)
  ) i_dut (
      .clk_i,
      .rst_ni,
      .s_axis_tvalid_i(s_tvalid),
      .s_axis_tready_o(s_tready),
      .s_axis_tdata_i (s_tdata),
      .s_axis_tuser_i (s_tuser),
      .s_axis_tlast_i (s_tlast),
      .s_vc_room_o    (s_vc_room),
      .m_axis_tvalid_o(m_tvalid),
      .m_axis_tready_i(m_tready),
      .m_axis_tdata_o (m_tdata),
      .m_axis_tuser_o (m_tuser),
      .m_axis_tlast_o (m_tlast),
      .m_vc_room_i    ('1),
      .link_down_i    ('0),
      .irq_o          (irq),
      .csr_awvalid_i  (wvalid_i && !aw_done_q),
      .csr_awready_o  (awready),
      .csr_awaddr_i   (waddr_i),
      .csr_awprot_i   ('0),
      .csr_wvalid_i   (wvalid_i && !w_done_q),
      .csr_wready_o   (wready),
      .csr_wdata_i    (wdata_i),
      .csr_wstrb_i    ('1),
      .csr_bvalid_o   (bvalid_o),
      .csr_bready_i   (1'b1),
      .csr_bresp_o    (bresp_o),
      .csr_arvalid_i  (1'b0),
      .csr_arready_o  (),
      .csr_araddr_i   ('0),
      .csr_arprot_i   ('0),
      .csr_rvalid_o   (),
      .csr_rready_i   (1'b1),
      .csr_rdata_o    (),
      .csr_rresp_o    ()
  );

  assign unused = &{1'b0, irq, m_tdata, m_tuser, m_tlast};

endmodule
