// SPDX-License-Identifier: Apache-2.0
//
// A supernode whose endpoints' buses lie in scopes of their own, for cocotbext-axi:
// g_ep[e].s_axi_*, m_axi_*, c_axi_*. Commands and their results are words there.

module sp_supernode_bench #(
    parameter int unsigned N         = 4,
    parameter int unsigned N_PLANES  = 2,
    parameter bit          LINKS     = 1'b0,
    parameter int unsigned FLIT_W    = 128,
    parameter int unsigned DATA_W    = 128,
    parameter int unsigned N_ENGINES = 1,
    parameter int unsigned N_IDS     = 16
) (
    input  logic                       clk_i,
    input  logic                       rst_ni,
    input  logic [N-1:0][N_PLANES-1:0] cut_i,
    output logic [N-1:0][N_PLANES-1:0] up_o,
    output logic [N-1:0]               irq_o,
    output logic [N_PLANES-1:0]        plane_irq_o,
    input  logic                       csr_awvalid,
    output logic                       csr_awready,
    input  logic [31:0]                csr_awaddr,
    input  logic                       csr_wvalid,
    output logic                       csr_wready,
    input  logic [31:0]                csr_wdata,
    input  logic [3:0]                 csr_wstrb,
    output logic                       csr_bvalid,
    input  logic                       csr_bready,
    output logic [1:0]                 csr_bresp,
    input  logic                       csr_arvalid,
    output logic                       csr_arready,
    input  logic [31:0]                csr_araddr,
    output logic                       csr_rvalid,
    input  logic                       csr_rready,
    output logic [31:0]                csr_rdata,
    output logic [1:0]                 csr_rresp
);

  import sp_endpoint_pkg::*;

  localparam int unsigned AXI_ID_W = 4;
  localparam int unsigned Units = N_PLANES + N + (LINKS ? 2 * N * N_PLANES : 0);
  localparam int unsigned AddrW = 26 + $clog2(Units + 1);

  logic [N-1:0][AXI_ID_W-1:0] s_axi_awid;
  logic [N-1:0][AXI_ADDR_W-1:0] s_axi_awaddr;
  logic [N-1:0][7:0] s_axi_awlen;
  logic [N-1:0][2:0] s_axi_awsize;
  logic [N-1:0][1:0] s_axi_awburst;
  logic [N-1:0] s_axi_awlock;
  logic [N-1:0][3:0] s_axi_awcache;
  logic [N-1:0][2:0] s_axi_awprot;
  logic [N-1:0][3:0] s_axi_awqos;
  logic [N-1:0] s_axi_awvalid;
  logic [N-1:0] s_axi_awready;
  logic [N-1:0][DATA_W-1:0] s_axi_wdata;
  logic [N-1:0][DATA_W/8-1:0] s_axi_wstrb;
  logic [N-1:0] s_axi_wlast;
  logic [N-1:0] s_axi_wvalid;
  logic [N-1:0] s_axi_wready;
  logic [N-1:0][AXI_ID_W-1:0] s_axi_bid;
  logic [N-1:0][1:0] s_axi_bresp;
  logic [N-1:0] s_axi_bvalid;
  logic [N-1:0] s_axi_bready;
  logic [N-1:0][AXI_ID_W-1:0] s_axi_arid;
  logic [N-1:0][AXI_ADDR_W-1:0] s_axi_araddr;
  logic [N-1:0][7:0] s_axi_arlen;
  logic [N-1:0][2:0] s_axi_arsize;
  logic [N-1:0][1:0] s_axi_arburst;
  logic [N-1:0] s_axi_arlock;
  logic [N-1:0][3:0] s_axi_arcache;
  logic [N-1:0][2:0] s_axi_arprot;
  logic [N-1:0][3:0] s_axi_arqos;
  logic [N-1:0] s_axi_arvalid;
  logic [N-1:0] s_axi_arready;
  logic [N-1:0][AXI_ID_W-1:0] s_axi_rid;
  logic [N-1:0][DATA_W-1:0] s_axi_rdata;
  logic [N-1:0][1:0] s_axi_rresp;
  logic [N-1:0] s_axi_rlast;
  logic [N-1:0] s_axi_rvalid;
  logic [N-1:0] s_axi_rready;
  logic [N-1:0] cmd_valid;
  logic [N-1:0] cmd_ready;
  command_t [N-1:0] cmd;
  logic [N-1:0] res_valid;
  logic [N-1:0] res_ready;
  result_t [N-1:0] res;
  logic [N-1:0] col_cmd_valid;
  logic [N-1:0] col_cmd_ready;
  collective_t [N-1:0] col_cmd;
  logic [N-1:0] col_res_valid;
  logic [N-1:0] col_res_ready;
  collective_result_t [N-1:0] col_res;
  logic [N-1:0][AXI_ID_W-1:0] m_axi_awid;
  logic [N-1:0][AXI_ADDR_W-1:0] m_axi_awaddr;
  logic [N-1:0][7:0] m_axi_awlen;
  logic [N-1:0][2:0] m_axi_awsize;
  logic [N-1:0][1:0] m_axi_awburst;
  logic [N-1:0] m_axi_awlock;
  logic [N-1:0][3:0] m_axi_awcache;
  logic [N-1:0][2:0] m_axi_awprot;
  logic [N-1:0][3:0] m_axi_awqos;
  logic [N-1:0] m_axi_awvalid;
  logic [N-1:0] m_axi_awready;
  logic [N-1:0][DATA_W-1:0] m_axi_wdata;
  logic [N-1:0][DATA_W/8-1:0] m_axi_wstrb;
  logic [N-1:0] m_axi_wlast;
  logic [N-1:0] m_axi_wvalid;
  logic [N-1:0] m_axi_wready;
  logic [N-1:0][AXI_ID_W-1:0] m_axi_bid;
  logic [N-1:0][1:0] m_axi_bresp;
  logic [N-1:0] m_axi_bvalid;
  logic [N-1:0] m_axi_bready;
  logic [N-1:0][AXI_ID_W-1:0] m_axi_arid;
  logic [N-1:0][AXI_ADDR_W-1:0] m_axi_araddr;
  logic [N-1:0][7:0] m_axi_arlen;
  logic [N-1:0][2:0] m_axi_arsize;
  logic [N-1:0][1:0] m_axi_arburst;
  logic [N-1:0] m_axi_arlock;
  logic [N-1:0][3:0] m_axi_arcache;
  logic [N-1:0][2:0] m_axi_arprot;
  logic [N-1:0][3:0] m_axi_arqos;
  logic [N-1:0] m_axi_arvalid;
  logic [N-1:0] m_axi_arready;
  logic [N-1:0][AXI_ID_W-1:0] m_axi_rid;
  logic [N-1:0][DATA_W-1:0] m_axi_rdata;
  logic [N-1:0][1:0] m_axi_rresp;
  logic [N-1:0] m_axi_rlast;
  logic [N-1:0] m_axi_rvalid;
  logic [N-1:0] m_axi_rready;
  logic [N-1:0][AXI_ID_W-1:0] c_axi_awid;
  logic [N-1:0][AXI_ADDR_W-1:0] c_axi_awaddr;
  logic [N-1:0][7:0] c_axi_awlen;
  logic [N-1:0][2:0] c_axi_awsize;
  logic [N-1:0][1:0] c_axi_awburst;
  logic [N-1:0] c_axi_awvalid;
  logic [N-1:0] c_axi_awready;
  logic [N-1:0][DATA_W-1:0] c_axi_wdata;
  logic [N-1:0][DATA_W/8-1:0] c_axi_wstrb;
  logic [N-1:0] c_axi_wlast;
  logic [N-1:0] c_axi_wvalid;
  logic [N-1:0] c_axi_wready;
  logic [N-1:0][AXI_ID_W-1:0] c_axi_bid;
  logic [N-1:0][1:0] c_axi_bresp;
  logic [N-1:0] c_axi_bvalid;
  logic [N-1:0] c_axi_bready;
  logic [N-1:0][AXI_ID_W-1:0] c_axi_arid;
  logic [N-1:0][AXI_ADDR_W-1:0] c_axi_araddr;
  logic [N-1:0][7:0] c_axi_arlen;
  logic [N-1:0][2:0] c_axi_arsize;
  logic [N-1:0][1:0] c_axi_arburst;
  logic [N-1:0] c_axi_arvalid;
  logic [N-1:0] c_axi_arready;
  logic [N-1:0][AXI_ID_W-1:0] c_axi_rid;
  logic [N-1:0][DATA_W-1:0] c_axi_rdata;
  logic [N-1:0][1:0] c_axi_rresp;
  logic [N-1:0] c_axi_rlast;
  logic [N-1:0] c_axi_rvalid;
  logic [N-1:0] c_axi_rready;

  // Inputs begin with anything: an edge of the clock before the test has spoken finds it in reset.
  logic began_q = 1'b0;
  logic rst_n;
  always_ff @(posedge clk_i) began_q <= 1'b1;
  assign rst_n = rst_ni && began_q;

  sp_supernode #(
      .N_ENDPOINTS (N),
      .LINKS       (LINKS),
      .FLIT_W      (FLIT_W),
      .DATA_W      (DATA_W),
      .AXI_ID_W    (AXI_ID_W),
      .N_PLANES    (N_PLANES),
      .VOQ_FLITS   (32),
      .EGRESS_FLITS(32),
      .N_ENGINES   (N_ENGINES),
      .N_CONTEXTS  (8),
      .N_IDS       (N_IDS),
      .MCAST       (1'b1)
  ) i_rack (
      .clk_i,
      .rst_ni       (rst_n),
      .cut_i,
      .up_o,
      .irq_o,
      .plane_irq_o,
      .csr_awvalid_i(csr_awvalid),
      .csr_awready_o(csr_awready),
      .csr_awaddr_i(csr_awaddr[AddrW-1:0]),
      .csr_awprot_i(3'b0),
      .csr_wvalid_i(csr_wvalid),
      .csr_wready_o(csr_wready),
      .csr_wdata_i(csr_wdata),
      .csr_wstrb_i(csr_wstrb),
      .csr_bvalid_o(csr_bvalid),
      .csr_bready_i(csr_bready),
      .csr_bresp_o(csr_bresp),
      .csr_arvalid_i(csr_arvalid),
      .csr_arready_o(csr_arready),
      .csr_araddr_i(csr_araddr[AddrW-1:0]),
      .csr_arprot_i(3'b0),
      .csr_rvalid_o(csr_rvalid),
      .csr_rready_i(csr_rready),
      .csr_rdata_o(csr_rdata),
      .csr_rresp_o(csr_rresp),
      .s_axi_awid_i(s_axi_awid),
      .s_axi_awaddr_i(s_axi_awaddr),
      .s_axi_awlen_i(s_axi_awlen),
      .s_axi_awsize_i(s_axi_awsize),
      .s_axi_awburst_i(s_axi_awburst),
      .s_axi_awlock_i(s_axi_awlock),
      .s_axi_awcache_i(s_axi_awcache),
      .s_axi_awprot_i(s_axi_awprot),
      .s_axi_awqos_i(s_axi_awqos),
      .s_axi_awvalid_i(s_axi_awvalid),
      .s_axi_awready_o(s_axi_awready),
      .s_axi_wdata_i(s_axi_wdata),
      .s_axi_wstrb_i(s_axi_wstrb),
      .s_axi_wlast_i(s_axi_wlast),
      .s_axi_wvalid_i(s_axi_wvalid),
      .s_axi_wready_o(s_axi_wready),
      .s_axi_bid_o(s_axi_bid),
      .s_axi_bresp_o(s_axi_bresp),
      .s_axi_bvalid_o(s_axi_bvalid),
      .s_axi_bready_i(s_axi_bready),
      .s_axi_arid_i(s_axi_arid),
      .s_axi_araddr_i(s_axi_araddr),
      .s_axi_arlen_i(s_axi_arlen),
      .s_axi_arsize_i(s_axi_arsize),
      .s_axi_arburst_i(s_axi_arburst),
      .s_axi_arlock_i(s_axi_arlock),
      .s_axi_arcache_i(s_axi_arcache),
      .s_axi_arprot_i(s_axi_arprot),
      .s_axi_arqos_i(s_axi_arqos),
      .s_axi_arvalid_i(s_axi_arvalid),
      .s_axi_arready_o(s_axi_arready),
      .s_axi_rid_o(s_axi_rid),
      .s_axi_rdata_o(s_axi_rdata),
      .s_axi_rresp_o(s_axi_rresp),
      .s_axi_rlast_o(s_axi_rlast),
      .s_axi_rvalid_o(s_axi_rvalid),
      .s_axi_rready_i(s_axi_rready),
      .cmd_valid_i(cmd_valid),
      .cmd_ready_o(cmd_ready),
      .cmd_i(cmd),
      .res_valid_o(res_valid),
      .res_ready_i(res_ready),
      .res_o(res),
      .col_cmd_valid_i(col_cmd_valid),
      .col_cmd_ready_o(col_cmd_ready),
      .col_cmd_i(col_cmd),
      .col_res_valid_o(col_res_valid),
      .col_res_ready_i(col_res_ready),
      .col_res_o(col_res),
      .m_axi_awid_o(m_axi_awid),
      .m_axi_awaddr_o(m_axi_awaddr),
      .m_axi_awlen_o(m_axi_awlen),
      .m_axi_awsize_o(m_axi_awsize),
      .m_axi_awburst_o(m_axi_awburst),
      .m_axi_awlock_o(m_axi_awlock),
      .m_axi_awcache_o(m_axi_awcache),
      .m_axi_awprot_o(m_axi_awprot),
      .m_axi_awqos_o(m_axi_awqos),
      .m_axi_awvalid_o(m_axi_awvalid),
      .m_axi_awready_i(m_axi_awready),
      .m_axi_wdata_o(m_axi_wdata),
      .m_axi_wstrb_o(m_axi_wstrb),
      .m_axi_wlast_o(m_axi_wlast),
      .m_axi_wvalid_o(m_axi_wvalid),
      .m_axi_wready_i(m_axi_wready),
      .m_axi_bid_i(m_axi_bid),
      .m_axi_bresp_i(m_axi_bresp),
      .m_axi_bvalid_i(m_axi_bvalid),
      .m_axi_bready_o(m_axi_bready),
      .m_axi_arid_o(m_axi_arid),
      .m_axi_araddr_o(m_axi_araddr),
      .m_axi_arlen_o(m_axi_arlen),
      .m_axi_arsize_o(m_axi_arsize),
      .m_axi_arburst_o(m_axi_arburst),
      .m_axi_arlock_o(m_axi_arlock),
      .m_axi_arcache_o(m_axi_arcache),
      .m_axi_arprot_o(m_axi_arprot),
      .m_axi_arqos_o(m_axi_arqos),
      .m_axi_arvalid_o(m_axi_arvalid),
      .m_axi_arready_i(m_axi_arready),
      .m_axi_rid_i(m_axi_rid),
      .m_axi_rdata_i(m_axi_rdata),
      .m_axi_rresp_i(m_axi_rresp),
      .m_axi_rlast_i(m_axi_rlast),
      .m_axi_rvalid_i(m_axi_rvalid),
      .m_axi_rready_o(m_axi_rready),
      .c_axi_awid_o(c_axi_awid),
      .c_axi_awaddr_o(c_axi_awaddr),
      .c_axi_awlen_o(c_axi_awlen),
      .c_axi_awsize_o(c_axi_awsize),
      .c_axi_awburst_o(c_axi_awburst),
      .c_axi_awvalid_o(c_axi_awvalid),
      .c_axi_awready_i(c_axi_awready),
      .c_axi_wdata_o(c_axi_wdata),
      .c_axi_wstrb_o(c_axi_wstrb),
      .c_axi_wlast_o(c_axi_wlast),
      .c_axi_wvalid_o(c_axi_wvalid),
      .c_axi_wready_i(c_axi_wready),
      .c_axi_bid_i(c_axi_bid),
      .c_axi_bresp_i(c_axi_bresp),
      .c_axi_bvalid_i(c_axi_bvalid),
      .c_axi_bready_o(c_axi_bready),
      .c_axi_arid_o(c_axi_arid),
      .c_axi_araddr_o(c_axi_araddr),
      .c_axi_arlen_o(c_axi_arlen),
      .c_axi_arsize_o(c_axi_arsize),
      .c_axi_arburst_o(c_axi_arburst),
      .c_axi_arvalid_o(c_axi_arvalid),
      .c_axi_arready_i(c_axi_arready),
      .c_axi_rid_i(c_axi_rid),
      .c_axi_rdata_i(c_axi_rdata),
      .c_axi_rresp_i(c_axi_rresp),
      .c_axi_rlast_i(c_axi_rlast),
      .c_axi_rvalid_i(c_axi_rvalid),
      .c_axi_rready_o(c_axi_rready)
  );

  for (genvar e = 0; e < N; e++) begin : g_ep
    logic [AXI_ID_W-1:0] s_axi_awid;
    logic [sp_endpoint_pkg::AXI_ADDR_W-1:0] s_axi_awaddr;
    logic [7:0] s_axi_awlen;
    logic [2:0] s_axi_awsize;
    logic [1:0] s_axi_awburst;
    logic s_axi_awlock;
    logic [3:0] s_axi_awcache;
    logic [2:0] s_axi_awprot;
    logic [3:0] s_axi_awqos;
    logic s_axi_awvalid;
    logic s_axi_awready;
    logic [DATA_W-1:0] s_axi_wdata;
    logic [DATA_W/8-1:0] s_axi_wstrb;
    logic s_axi_wlast;
    logic s_axi_wvalid;
    logic s_axi_wready;
    logic [AXI_ID_W-1:0] s_axi_bid;
    logic [1:0] s_axi_bresp;
    logic s_axi_bvalid;
    logic s_axi_bready;
    logic [AXI_ID_W-1:0] s_axi_arid;
    logic [sp_endpoint_pkg::AXI_ADDR_W-1:0] s_axi_araddr;
    logic [7:0] s_axi_arlen;
    logic [2:0] s_axi_arsize;
    logic [1:0] s_axi_arburst;
    logic s_axi_arlock;
    logic [3:0] s_axi_arcache;
    logic [2:0] s_axi_arprot;
    logic [3:0] s_axi_arqos;
    logic s_axi_arvalid;
    logic s_axi_arready;
    logic [AXI_ID_W-1:0] s_axi_rid;
    logic [DATA_W-1:0] s_axi_rdata;
    logic [1:0] s_axi_rresp;
    logic s_axi_rlast;
    logic s_axi_rvalid;
    logic s_axi_rready;
    logic cmd_valid;
    logic cmd_ready;
    logic [$bits(command_t)-1:0] cmd;
    logic res_valid;
    logic res_ready;
    logic [$bits(result_t)-1:0] res;
    logic col_cmd_valid;
    logic col_cmd_ready;
    logic [$bits(collective_t)-1:0] col_cmd;
    logic col_res_valid;
    logic col_res_ready;
    logic [$bits(collective_result_t)-1:0] col_res;
    logic [AXI_ID_W-1:0] m_axi_awid;
    logic [sp_endpoint_pkg::AXI_ADDR_W-1:0] m_axi_awaddr;
    logic [7:0] m_axi_awlen;
    logic [2:0] m_axi_awsize;
    logic [1:0] m_axi_awburst;
    logic m_axi_awlock;
    logic [3:0] m_axi_awcache;
    logic [2:0] m_axi_awprot;
    logic [3:0] m_axi_awqos;
    logic m_axi_awvalid;
    logic m_axi_awready;
    logic [DATA_W-1:0] m_axi_wdata;
    logic [DATA_W/8-1:0] m_axi_wstrb;
    logic m_axi_wlast;
    logic m_axi_wvalid;
    logic m_axi_wready;
    logic [AXI_ID_W-1:0] m_axi_bid;
    logic [1:0] m_axi_bresp;
    logic m_axi_bvalid;
    logic m_axi_bready;
    logic [AXI_ID_W-1:0] m_axi_arid;
    logic [sp_endpoint_pkg::AXI_ADDR_W-1:0] m_axi_araddr;
    logic [7:0] m_axi_arlen;
    logic [2:0] m_axi_arsize;
    logic [1:0] m_axi_arburst;
    logic m_axi_arlock;
    logic [3:0] m_axi_arcache;
    logic [2:0] m_axi_arprot;
    logic [3:0] m_axi_arqos;
    logic m_axi_arvalid;
    logic m_axi_arready;
    logic [AXI_ID_W-1:0] m_axi_rid;
    logic [DATA_W-1:0] m_axi_rdata;
    logic [1:0] m_axi_rresp;
    logic m_axi_rlast;
    logic m_axi_rvalid;
    logic m_axi_rready;
    logic [AXI_ID_W-1:0] c_axi_awid;
    logic [sp_endpoint_pkg::AXI_ADDR_W-1:0] c_axi_awaddr;
    logic [7:0] c_axi_awlen;
    logic [2:0] c_axi_awsize;
    logic [1:0] c_axi_awburst;
    logic c_axi_awvalid;
    logic c_axi_awready;
    logic [DATA_W-1:0] c_axi_wdata;
    logic [DATA_W/8-1:0] c_axi_wstrb;
    logic c_axi_wlast;
    logic c_axi_wvalid;
    logic c_axi_wready;
    logic [AXI_ID_W-1:0] c_axi_bid;
    logic [1:0] c_axi_bresp;
    logic c_axi_bvalid;
    logic c_axi_bready;
    logic [AXI_ID_W-1:0] c_axi_arid;
    logic [sp_endpoint_pkg::AXI_ADDR_W-1:0] c_axi_araddr;
    logic [7:0] c_axi_arlen;
    logic [2:0] c_axi_arsize;
    logic [1:0] c_axi_arburst;
    logic c_axi_arvalid;
    logic c_axi_arready;
    logic [AXI_ID_W-1:0] c_axi_rid;
    logic [DATA_W-1:0] c_axi_rdata;
    logic [1:0] c_axi_rresp;
    logic c_axi_rlast;
    logic c_axi_rvalid;
    logic c_axi_rready;
    assign sp_supernode_bench.s_axi_awid[e] = s_axi_awid;
    assign sp_supernode_bench.s_axi_awaddr[e] = s_axi_awaddr;
    assign sp_supernode_bench.s_axi_awlen[e] = s_axi_awlen;
    assign sp_supernode_bench.s_axi_awsize[e] = s_axi_awsize;
    assign sp_supernode_bench.s_axi_awburst[e] = s_axi_awburst;
    assign sp_supernode_bench.s_axi_awlock[e] = s_axi_awlock;
    assign sp_supernode_bench.s_axi_awcache[e] = s_axi_awcache;
    assign sp_supernode_bench.s_axi_awprot[e] = s_axi_awprot;
    assign sp_supernode_bench.s_axi_awqos[e] = s_axi_awqos;
    assign sp_supernode_bench.s_axi_awvalid[e] = s_axi_awvalid;
    assign s_axi_awready = sp_supernode_bench.s_axi_awready[e];
    assign sp_supernode_bench.s_axi_wdata[e] = s_axi_wdata;
    assign sp_supernode_bench.s_axi_wstrb[e] = s_axi_wstrb;
    assign sp_supernode_bench.s_axi_wlast[e] = s_axi_wlast;
    assign sp_supernode_bench.s_axi_wvalid[e] = s_axi_wvalid;
    assign s_axi_wready = sp_supernode_bench.s_axi_wready[e];
    assign s_axi_bid = sp_supernode_bench.s_axi_bid[e];
    assign s_axi_bresp = sp_supernode_bench.s_axi_bresp[e];
    assign s_axi_bvalid = sp_supernode_bench.s_axi_bvalid[e];
    assign sp_supernode_bench.s_axi_bready[e] = s_axi_bready;
    assign sp_supernode_bench.s_axi_arid[e] = s_axi_arid;
    assign sp_supernode_bench.s_axi_araddr[e] = s_axi_araddr;
    assign sp_supernode_bench.s_axi_arlen[e] = s_axi_arlen;
    assign sp_supernode_bench.s_axi_arsize[e] = s_axi_arsize;
    assign sp_supernode_bench.s_axi_arburst[e] = s_axi_arburst;
    assign sp_supernode_bench.s_axi_arlock[e] = s_axi_arlock;
    assign sp_supernode_bench.s_axi_arcache[e] = s_axi_arcache;
    assign sp_supernode_bench.s_axi_arprot[e] = s_axi_arprot;
    assign sp_supernode_bench.s_axi_arqos[e] = s_axi_arqos;
    assign sp_supernode_bench.s_axi_arvalid[e] = s_axi_arvalid;
    assign s_axi_arready = sp_supernode_bench.s_axi_arready[e];
    assign s_axi_rid = sp_supernode_bench.s_axi_rid[e];
    assign s_axi_rdata = sp_supernode_bench.s_axi_rdata[e];
    assign s_axi_rresp = sp_supernode_bench.s_axi_rresp[e];
    assign s_axi_rlast = sp_supernode_bench.s_axi_rlast[e];
    assign s_axi_rvalid = sp_supernode_bench.s_axi_rvalid[e];
    assign sp_supernode_bench.s_axi_rready[e] = s_axi_rready;
    assign sp_supernode_bench.cmd_valid[e] = cmd_valid;
    assign cmd_ready = sp_supernode_bench.cmd_ready[e];
    assign sp_supernode_bench.cmd[e] = cmd;
    assign res_valid = sp_supernode_bench.res_valid[e];
    assign sp_supernode_bench.res_ready[e] = res_ready;
    assign res = sp_supernode_bench.res[e];
    assign sp_supernode_bench.col_cmd_valid[e] = col_cmd_valid;
    assign col_cmd_ready = sp_supernode_bench.col_cmd_ready[e];
    assign sp_supernode_bench.col_cmd[e] = col_cmd;
    assign col_res_valid = sp_supernode_bench.col_res_valid[e];
    assign sp_supernode_bench.col_res_ready[e] = col_res_ready;
    assign col_res = sp_supernode_bench.col_res[e];
    assign m_axi_awid = sp_supernode_bench.m_axi_awid[e];
    assign m_axi_awaddr = sp_supernode_bench.m_axi_awaddr[e];
    assign m_axi_awlen = sp_supernode_bench.m_axi_awlen[e];
    assign m_axi_awsize = sp_supernode_bench.m_axi_awsize[e];
    assign m_axi_awburst = sp_supernode_bench.m_axi_awburst[e];
    assign m_axi_awlock = sp_supernode_bench.m_axi_awlock[e];
    assign m_axi_awcache = sp_supernode_bench.m_axi_awcache[e];
    assign m_axi_awprot = sp_supernode_bench.m_axi_awprot[e];
    assign m_axi_awqos = sp_supernode_bench.m_axi_awqos[e];
    assign m_axi_awvalid = sp_supernode_bench.m_axi_awvalid[e];
    assign sp_supernode_bench.m_axi_awready[e] = m_axi_awready;
    assign m_axi_wdata = sp_supernode_bench.m_axi_wdata[e];
    assign m_axi_wstrb = sp_supernode_bench.m_axi_wstrb[e];
    assign m_axi_wlast = sp_supernode_bench.m_axi_wlast[e];
    assign m_axi_wvalid = sp_supernode_bench.m_axi_wvalid[e];
    assign sp_supernode_bench.m_axi_wready[e] = m_axi_wready;
    assign sp_supernode_bench.m_axi_bid[e] = m_axi_bid;
    assign sp_supernode_bench.m_axi_bresp[e] = m_axi_bresp;
    assign sp_supernode_bench.m_axi_bvalid[e] = m_axi_bvalid;
    assign m_axi_bready = sp_supernode_bench.m_axi_bready[e];
    assign m_axi_arid = sp_supernode_bench.m_axi_arid[e];
    assign m_axi_araddr = sp_supernode_bench.m_axi_araddr[e];
    assign m_axi_arlen = sp_supernode_bench.m_axi_arlen[e];
    assign m_axi_arsize = sp_supernode_bench.m_axi_arsize[e];
    assign m_axi_arburst = sp_supernode_bench.m_axi_arburst[e];
    assign m_axi_arlock = sp_supernode_bench.m_axi_arlock[e];
    assign m_axi_arcache = sp_supernode_bench.m_axi_arcache[e];
    assign m_axi_arprot = sp_supernode_bench.m_axi_arprot[e];
    assign m_axi_arqos = sp_supernode_bench.m_axi_arqos[e];
    assign m_axi_arvalid = sp_supernode_bench.m_axi_arvalid[e];
    assign sp_supernode_bench.m_axi_arready[e] = m_axi_arready;
    assign sp_supernode_bench.m_axi_rid[e] = m_axi_rid;
    assign sp_supernode_bench.m_axi_rdata[e] = m_axi_rdata;
    assign sp_supernode_bench.m_axi_rresp[e] = m_axi_rresp;
    assign sp_supernode_bench.m_axi_rlast[e] = m_axi_rlast;
    assign sp_supernode_bench.m_axi_rvalid[e] = m_axi_rvalid;
    assign m_axi_rready = sp_supernode_bench.m_axi_rready[e];
    assign c_axi_awid = sp_supernode_bench.c_axi_awid[e];
    assign c_axi_awaddr = sp_supernode_bench.c_axi_awaddr[e];
    assign c_axi_awlen = sp_supernode_bench.c_axi_awlen[e];
    assign c_axi_awsize = sp_supernode_bench.c_axi_awsize[e];
    assign c_axi_awburst = sp_supernode_bench.c_axi_awburst[e];
    assign c_axi_awvalid = sp_supernode_bench.c_axi_awvalid[e];
    assign sp_supernode_bench.c_axi_awready[e] = c_axi_awready;
    assign c_axi_wdata = sp_supernode_bench.c_axi_wdata[e];
    assign c_axi_wstrb = sp_supernode_bench.c_axi_wstrb[e];
    assign c_axi_wlast = sp_supernode_bench.c_axi_wlast[e];
    assign c_axi_wvalid = sp_supernode_bench.c_axi_wvalid[e];
    assign sp_supernode_bench.c_axi_wready[e] = c_axi_wready;
    assign sp_supernode_bench.c_axi_bid[e] = c_axi_bid;
    assign sp_supernode_bench.c_axi_bresp[e] = c_axi_bresp;
    assign sp_supernode_bench.c_axi_bvalid[e] = c_axi_bvalid;
    assign c_axi_bready = sp_supernode_bench.c_axi_bready[e];
    assign c_axi_arid = sp_supernode_bench.c_axi_arid[e];
    assign c_axi_araddr = sp_supernode_bench.c_axi_araddr[e];
    assign c_axi_arlen = sp_supernode_bench.c_axi_arlen[e];
    assign c_axi_arsize = sp_supernode_bench.c_axi_arsize[e];
    assign c_axi_arburst = sp_supernode_bench.c_axi_arburst[e];
    assign c_axi_arvalid = sp_supernode_bench.c_axi_arvalid[e];
    assign sp_supernode_bench.c_axi_arready[e] = c_axi_arready;
    assign sp_supernode_bench.c_axi_rid[e] = c_axi_rid;
    assign sp_supernode_bench.c_axi_rdata[e] = c_axi_rdata;
    assign sp_supernode_bench.c_axi_rresp[e] = c_axi_rresp;
    assign sp_supernode_bench.c_axi_rlast[e] = c_axi_rlast;
    assign sp_supernode_bench.c_axi_rvalid[e] = c_axi_rvalid;
    assign c_axi_rready = sp_supernode_bench.c_axi_rready[e];
  end

endmodule
