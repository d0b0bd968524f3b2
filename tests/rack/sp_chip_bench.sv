// SPDX-License-Identifier: Apache-2.0
//
// A switch chip and, at the other end of each of its links, another end and a stream.
//
// Registers: the chip from 0, the end of port p from 0x8000000 + 0x100 p.

module sp_chip_bench #(
    /// As in sp_switch_chip.
    parameter int unsigned N_PORTS = 4,
    parameter int unsigned FLIT_W = 128,
    parameter int unsigned ISLIP_ITERS = 1,
    parameter int unsigned VOQ_FLITS = 32,
    parameter int unsigned EGRESS_FLITS = 64,
    parameter int unsigned N_ENGINES = 1,
    parameter int unsigned N_CONTEXTS = 4,
    parameter int unsigned N_GROUPS = 16,
    parameter int unsigned N_IDS = 16,
    parameter bit          MCAST = 1'b0,
    localparam int unsigned ChipW = 27,
    localparam int unsigned LinkW = 8
) (
    /// Clock.
    input  logic                                    clk_i,
    /// Reset, active low.
    input  logic                                    rst_ni,
    /// Ports whose wires carry nothing.
    input  logic [N_PORTS-1:0]                      cut_i,
    /// Links that are up at both ends.
    output logic [N_PORTS-1:0]                      up_o,
    /// Of the switch.
    output logic                                    irq_o,

    /// Streams in.
    input  logic [N_PORTS-1:0]                      s_tvalid_i,
    output logic [N_PORTS-1:0]                      s_tready_o,
    input  logic [N_PORTS-1:0][FLIT_W-1:0]          s_tdata_i,
    input  logic [N_PORTS-1:0][sp_pkg::USER_W-1:0]  s_tuser_i,
    input  logic [N_PORTS-1:0]                      s_tlast_i,
    output logic [N_PORTS-1:0][sp_pkg::NUM_VC-1:0]  s_room_o,
    /// Streams out.
    output logic [N_PORTS-1:0]                      m_tvalid_o,
    input  logic [N_PORTS-1:0]                      m_tready_i,
    output logic [N_PORTS-1:0][FLIT_W-1:0]          m_tdata_o,
    output logic [N_PORTS-1:0][sp_pkg::USER_W-1:0]  m_tuser_o,
    output logic [N_PORTS-1:0]                      m_tlast_o,
    input  logic [N_PORTS-1:0][sp_pkg::NUM_VC-1:0]  m_room_i,

    /// AXI4-Lite.
    input  logic                                    csr_awvalid_i,
    output logic                                    csr_awready_o,
    input  logic [ChipW:0]                          csr_awaddr_i,
    input  logic [2:0]                              csr_awprot_i,
    input  logic                                    csr_wvalid_i,
    output logic                                    csr_wready_o,
    input  logic [31:0]                             csr_wdata_i,
    input  logic [3:0]                              csr_wstrb_i,
    output logic                                    csr_bvalid_o,
    input  logic                                    csr_bready_i,
    output logic [1:0]                              csr_bresp_o,
    input  logic                                    csr_arvalid_i,
    output logic                                    csr_arready_o,
    input  logic [ChipW:0]                          csr_araddr_i,
    input  logic [2:0]                              csr_arprot_i,
    output logic                                    csr_rvalid_o,
    input  logic                                    csr_rready_i,
    output logic [31:0]                             csr_rdata_o,
    output logic [1:0]                              csr_rresp_o
);

  import sp_pkg::*;
  import sp_link_pkg::*;

  localparam int unsigned K = FLIT_W / UNIT_W;

  logic [1:0]               awvalid, awready, wvalid, wready, bvalid, bready;
  logic [1:0]               arvalid, arready, rvalid, rready;
  logic [1:0][1:0]          bresp, rresp;
  logic [1:0][31:0]         rdata;
  logic [ChipW-1:0]         awaddr, araddr;
  logic [31:0]              wdata, l_wdata;
  logic [3:0]               wstrb, l_wstrb;
  logic [N_PORTS-1:0]       l_awvalid, l_awready, l_wvalid, l_wready, l_bvalid, l_bready;
  logic [N_PORTS-1:0]       l_arvalid, l_arready, l_rvalid, l_rready;
  logic [N_PORTS-1:0][1:0]  l_bresp, l_rresp;
  logic [N_PORTS-1:0][31:0] l_rdata;
  logic [LinkW-1:0]         l_awaddr, l_araddr;

  sp_axil_demux #(
      .N     (2),
      .SUB_W (ChipW),
      .ADDR_W(ChipW + 1)
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
      .ADDR_W(ChipW)
  ) i_ends (
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

  // {chip, far ends} to the wire, and behind it.
  logic [1:0][N_PORTS-1:0][K-1:0][MARK_W-1:0] tx_mark, wire_mark_q;
  logic [1:0][N_PORTS-1:0][K-1:0][UNIT_W-1:0] tx_unit, wire_unit_q;
  logic [1:0][N_PORTS-1:0][K-1:0]             tx_valid, wire_valid_q;
  logic [N_PORTS-1:0]                         far_up;

  sp_switch_chip #(
      .N_PORTS     (N_PORTS),
      .FLIT_W      (FLIT_W),
      .ISLIP_ITERS (ISLIP_ITERS),
      .VOQ_FLITS   (VOQ_FLITS),
      .EGRESS_FLITS(EGRESS_FLITS),
      .N_ENGINES   (N_ENGINES),
      .N_CONTEXTS  (N_CONTEXTS),
      .N_GROUPS    (N_GROUPS),
      .N_IDS       (N_IDS),
      .MCAST       (MCAST)
  ) i_chip (
      .clk_i,
      .rst_ni,
      .irq_o,
      .csr_awvalid_i(awvalid[0]),
      .csr_awready_o(awready[0]),
      .csr_awaddr_i (32'(awaddr)),
      .csr_awprot_i (csr_awprot_i),
      .csr_wvalid_i (wvalid[0]),
      .csr_wready_o (wready[0]),
      .csr_wdata_i  (wdata),
      .csr_wstrb_i  (wstrb),
      .csr_bvalid_o (bvalid[0]),
      .csr_bready_i (bready[0]),
      .csr_bresp_o  (bresp[0]),
      .csr_arvalid_i(arvalid[0]),
      .csr_arready_o(arready[0]),
      .csr_araddr_i (32'(araddr)),
      .csr_arprot_i (csr_arprot_i),
      .csr_rvalid_o (rvalid[0]),
      .csr_rready_i (rready[0]),
      .csr_rdata_o  (rdata[0]),
      .csr_rresp_o  (rresp[0]),
      .tx_mark_o    (tx_mark[1]),
      .tx_unit_o    (tx_unit[1]),
      .tx_valid_o   (tx_valid[1]),
      .rx_valid_i   (wire_valid_q[0]),
      .rx_mark_i    (wire_mark_q[0]),
      .rx_unit_i    (wire_unit_q[0])
  );

  for (genvar p = 0; p < N_PORTS; p++) begin : g_end
    sp_link_end #(
        .FLIT_W(FLIT_W)
    ) i_end (
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
        .s_tvalid_i   (s_tvalid_i[p]),
        .s_tready_o   (s_tready_o[p]),
        .s_tdata_i    (s_tdata_i[p]),
        .s_tuser_i    (s_tuser_i[p]),
        .s_tlast_i    (s_tlast_i[p]),
        .s_room_o     (s_room_o[p]),
        .m_tvalid_o   (m_tvalid_o[p]),
        .m_tready_i   (m_tready_i[p]),
        .m_tdata_o    (m_tdata_o[p]),
        .m_tuser_o    (m_tuser_o[p]),
        .m_tlast_o    (m_tlast_o[p]),
        .m_room_i     (m_room_i[p]),
        .tx_mark_o    (tx_mark[0][p]),
        .tx_unit_o    (tx_unit[0][p]),
        .tx_valid_o   (tx_valid[0][p]),
        .rx_valid_i   (wire_valid_q[1][p]),
        .rx_mark_i    (wire_mark_q[1][p]),
        .rx_unit_i    (wire_unit_q[1][p]),
        .up_o         (far_up[p])
    );
    assign up_o[p] = far_up[p] && i_chip.up[p];
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) wire_valid_q <= '0;
    else begin
      for (int unsigned p = 0; p < N_PORTS; p++) begin
        wire_valid_q[0][p] <= tx_valid[0][p] & {K{!cut_i[p]}};
        wire_valid_q[1][p] <= tx_valid[1][p] & {K{!cut_i[p]}};
      end
    end
  end
  always_ff @(posedge clk_i) begin
    wire_mark_q <= tx_mark;
    wire_unit_q <= tx_unit;
  end

endmodule
