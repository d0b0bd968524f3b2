// SPDX-License-Identifier: Apache-2.0
//
// A supernode with accelerators that are sources and memories: chip_main.cpp says what they do.
// Here is what AXI4 makes of it: bursts of 256 bytes back to back, and memories that answer in the
// next cycle. Behaviour only.

/* verilator lint_off DECLFILENAME */
package chip_dpi_pkg;
  /* verilator lint_on DECLFILENAME */
  // In each: e is the endpoint. What is asked for a number gets -1 when there is none.

  /// ID of the next burst to store, and its address.
  import "DPI-C" function int chip_store(input int e, output longint addr);
  /// Its next beat: 1, of the last 3.
  import "DPI-C" function int chip_store_beat(input int e, output bit [511:0] data);
  import "DPI-C" function void chip_stored(input int e, input int id, input int resp);
  /// ID of the next burst to load, and its address.
  import "DPI-C" function int chip_load(input int e, output longint addr);
  import "DPI-C" function void chip_load_taken(input int e);
  import "DPI-C" function void chip_loaded(
      input int e, input int id, input int resp, input int last, input bit [511:0] data);
  /// Atomics and collectives: 1 when there is one.
  import "DPI-C" function int chip_atomic(input int e, output bit [511:0] word);
  import "DPI-C" function void chip_atomic_done(input int e, input bit [511:0] word);
  import "DPI-C" function int chip_collective(input int e, output bit [511:0] word);
  import "DPI-C" function void chip_collective_done(input int e, input bit [511:0] word);
  /// The memory of e: port 0 is that of loads and stores, 1 of collectives.
  import "DPI-C" function void chip_memory_aw(
      input int e, input int port, input longint addr, input int id);
  import "DPI-C" function void chip_memory_w(
      input int e, input int port, input int last, input bit [63:0] strb, input bit [511:0] data);
  /// ID of the next answer.
  import "DPI-C" function int chip_memory_b(input int e, input int port);
  import "DPI-C" function void chip_memory_ar(
      input int e, input int port, input longint addr, input int id, input int beats);
  /// ID of the next beat, and 256 more if it is a last one.
  import "DPI-C" function int chip_memory_r(input int e, input int port, output bit [511:0] data);
endpackage

/// A memory's port: takes all, answers in the next cycle, in order.
/* verilator lint_off DECLFILENAME */
module chip_memory #(
    /* verilator lint_on DECLFILENAME */
    /// Endpoint.
    parameter int E = 0,
    /// Which of its ports.
    parameter int PORT = 0,
    /// Bits of the data bus.
    parameter int unsigned DATA_W = 128,
    /// Bits of an ID.
    parameter int unsigned ID_W = 4
) (
    input  logic                clk_i,
    input  logic                rst_ni,
    input  logic                awvalid_i,
    output logic                awready_o,
    input  logic [63:0]         awaddr_i,
    input  logic [ID_W-1:0]     awid_i,
    input  logic                wvalid_i,
    output logic                wready_o,
    input  logic [DATA_W-1:0]   wdata_i,
    input  logic [DATA_W/8-1:0] wstrb_i,
    input  logic                wlast_i,
    output logic                bvalid_o,
    input  logic                bready_i,
    output logic [ID_W-1:0]     bid_o,
    input  logic                arvalid_i,
    output logic                arready_o,
    input  logic [63:0]         araddr_i,
    input  logic [ID_W-1:0]     arid_i,
    input  logic [7:0]          arlen_i,
    output logic                rvalid_o,
    input  logic                rready_i,
    output logic [ID_W-1:0]     rid_o,
    output logic [DATA_W-1:0]   rdata_o,
    output logic                rlast_o
);

  import chip_dpi_pkg::*;

  int         b, r;
  bit [511:0] data;

  assign {awready_o, wready_o, arready_o} = '1;

  always @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      bvalid_o <= 1'b0;
      rvalid_o <= 1'b0;
    end else begin
      if (awvalid_i) chip_memory_aw(E, PORT, longint'(awaddr_i), int'(awid_i));
      if (wvalid_i) chip_memory_w(E, PORT, int'(wlast_i), 64'(wstrb_i), 512'(wdata_i));
      if (arvalid_i) begin
        chip_memory_ar(E, PORT, longint'(araddr_i), int'(arid_i), int'(arlen_i) + 1);
      end
      if (!bvalid_o || bready_i) begin
        b = chip_memory_b(E, PORT);
        bvalid_o <= b >= 0;
        bid_o    <= ID_W'(b);
      end
      if (!rvalid_o || rready_i) begin
        r = chip_memory_r(E, PORT, data);
        rvalid_o <= r >= 0;
        rid_o    <= ID_W'(r);
        rlast_o  <= r[8];
        rdata_o  <= data[DATA_W-1:0];
      end
    end
  end

endmodule

module sp_chip_traffic #(
    /// Endpoints.
    parameter int unsigned N = 4,
    /// Planes.
    parameter int unsigned N_PLANES = 2,
    /// 1: links between endpoints and planes.
    parameter bit LINKS = 1'b1,
    /// Bits of a flit and of the data buses.
    parameter int unsigned FLIT_W = 128,
    /// Engines of a plane.
    parameter int unsigned N_ENGINES = 1,
    /// The others are those of sp_supernode.
    parameter int unsigned N_CONTEXTS = 4,
    parameter int unsigned N_TAGS = 64,
    parameter int unsigned N_ACTIVE = 16,
    parameter int unsigned N_COMMANDS = 4,
    parameter int unsigned WINDOW = 16,
    parameter int unsigned N_IDS = 32,
    parameter int unsigned REQ_FLITS = 64,
    parameter int unsigned ISLIP_ITERS = 2,
    parameter int unsigned VOQ_FLITS = 64,
    parameter int unsigned EGRESS_FLITS = 64,
    parameter int unsigned COUNTERS = 2,
    parameter bit ECC = 1'b1,
    parameter bit CUT_THROUGH = 1'b1,
    parameter int unsigned TYPES = 63,
    parameter bit ORDERED = 1'b1,
    parameter int unsigned FRAME_UNITS = 32,
    parameter int unsigned REPLAY_BEATS = 256,
    parameter int unsigned RESERVED = 32,
    parameter int unsigned SHARED = 128
) (
    input  logic                       clk_i,
    input  logic                       rst_ni,
    input  logic [N-1:0][N_PLANES-1:0] cut_i,
    output logic [N-1:0][N_PLANES-1:0] up_o,
    input  logic                       awvalid_i,
    output logic                       awready_o,
    input  logic [63:0]                awaddr_i,
    input  logic                       wvalid_i,
    output logic                       wready_o,
    input  logic [31:0]                wdata_i,
    output logic                       bvalid_o,
    output logic [1:0]                 bresp_o,
    input  logic                       arvalid_i,
    output logic                       arready_o,
    input  logic [63:0]                araddr_i,
    output logic                       rvalid_o,
    output logic [31:0]                rdata_o,
    output logic [1:0]                 rresp_o
);

  import sp_endpoint_pkg::*;
  import chip_dpi_pkg::*;

  localparam int unsigned AXI_ID_W = 4;
  localparam int unsigned DATA_W = FLIT_W;
  localparam int unsigned Units = N_PLANES + N + (LINKS ? 2 * N * N_PLANES : 0);
  localparam int unsigned AddrW = 26 + $clog2(Units + 1);
  localparam logic [7:0] Len = 8'(2048 / DATA_W - 1);
  localparam logic [2:0] Size = 3'($clog2(DATA_W / 8));

  /* verilator lint_off UNUSEDSIGNAL */  // memories look at less than there is
  logic [N-1:0][AXI_ID_W-1:0] s_axi_awid_i;
  logic [N-1:0][AXI_ADDR_W-1:0] s_axi_awaddr_i;
  logic [N-1:0][7:0] s_axi_awlen_i;
  logic [N-1:0][2:0] s_axi_awsize_i;
  logic [N-1:0][1:0] s_axi_awburst_i;
  logic [N-1:0] s_axi_awlock_i;
  logic [N-1:0][3:0] s_axi_awcache_i;
  logic [N-1:0][2:0] s_axi_awprot_i;
  logic [N-1:0][3:0] s_axi_awqos_i;
  logic [N-1:0] s_axi_awvalid_i;
  logic [N-1:0] s_axi_awready_o;
  logic [N-1:0][DATA_W-1:0] s_axi_wdata_i;
  logic [N-1:0][DATA_W/8-1:0] s_axi_wstrb_i;
  logic [N-1:0] s_axi_wlast_i;
  logic [N-1:0] s_axi_wvalid_i;
  logic [N-1:0] s_axi_wready_o;
  logic [N-1:0][AXI_ID_W-1:0] s_axi_bid_o;
  logic [N-1:0][1:0] s_axi_bresp_o;
  logic [N-1:0] s_axi_bvalid_o;
  logic [N-1:0] s_axi_bready_i;
  logic [N-1:0][AXI_ID_W-1:0] s_axi_arid_i;
  logic [N-1:0][AXI_ADDR_W-1:0] s_axi_araddr_i;
  logic [N-1:0][7:0] s_axi_arlen_i;
  logic [N-1:0][2:0] s_axi_arsize_i;
  logic [N-1:0][1:0] s_axi_arburst_i;
  logic [N-1:0] s_axi_arlock_i;
  logic [N-1:0][3:0] s_axi_arcache_i;
  logic [N-1:0][2:0] s_axi_arprot_i;
  logic [N-1:0][3:0] s_axi_arqos_i;
  logic [N-1:0] s_axi_arvalid_i;
  logic [N-1:0] s_axi_arready_o;
  logic [N-1:0][AXI_ID_W-1:0] s_axi_rid_o;
  logic [N-1:0][DATA_W-1:0] s_axi_rdata_o;
  logic [N-1:0][1:0] s_axi_rresp_o;
  logic [N-1:0] s_axi_rlast_o;
  logic [N-1:0] s_axi_rvalid_o;
  logic [N-1:0] s_axi_rready_i;
  logic [N-1:0] cmd_valid_i;
  logic [N-1:0] cmd_ready_o;
  command_t [N-1:0] cmd_i;
  logic [N-1:0] res_valid_o;
  logic [N-1:0] res_ready_i;
  result_t [N-1:0] res_o;
  logic [N-1:0] col_cmd_valid_i;
  logic [N-1:0] col_cmd_ready_o;
  collective_t [N-1:0] col_cmd_i;
  logic [N-1:0] col_res_valid_o;
  logic [N-1:0] col_res_ready_i;
  collective_result_t [N-1:0] col_res_o;
  logic [N-1:0][AXI_ID_W-1:0] m_axi_awid_o;
  logic [N-1:0][AXI_ADDR_W-1:0] m_axi_awaddr_o;
  logic [N-1:0][7:0] m_axi_awlen_o;
  logic [N-1:0][2:0] m_axi_awsize_o;
  logic [N-1:0][1:0] m_axi_awburst_o;
  logic [N-1:0] m_axi_awlock_o;
  logic [N-1:0][3:0] m_axi_awcache_o;
  logic [N-1:0][2:0] m_axi_awprot_o;
  logic [N-1:0][3:0] m_axi_awqos_o;
  logic [N-1:0] m_axi_awvalid_o;
  logic [N-1:0] m_axi_awready_i;
  logic [N-1:0][DATA_W-1:0] m_axi_wdata_o;
  logic [N-1:0][DATA_W/8-1:0] m_axi_wstrb_o;
  logic [N-1:0] m_axi_wlast_o;
  logic [N-1:0] m_axi_wvalid_o;
  logic [N-1:0] m_axi_wready_i;
  logic [N-1:0][AXI_ID_W-1:0] m_axi_bid_i;
  logic [N-1:0][1:0] m_axi_bresp_i;
  logic [N-1:0] m_axi_bvalid_i;
  logic [N-1:0] m_axi_bready_o;
  logic [N-1:0][AXI_ID_W-1:0] m_axi_arid_o;
  logic [N-1:0][AXI_ADDR_W-1:0] m_axi_araddr_o;
  logic [N-1:0][7:0] m_axi_arlen_o;
  logic [N-1:0][2:0] m_axi_arsize_o;
  logic [N-1:0][1:0] m_axi_arburst_o;
  logic [N-1:0] m_axi_arlock_o;
  logic [N-1:0][3:0] m_axi_arcache_o;
  logic [N-1:0][2:0] m_axi_arprot_o;
  logic [N-1:0][3:0] m_axi_arqos_o;
  logic [N-1:0] m_axi_arvalid_o;
  logic [N-1:0] m_axi_arready_i;
  logic [N-1:0][AXI_ID_W-1:0] m_axi_rid_i;
  logic [N-1:0][DATA_W-1:0] m_axi_rdata_i;
  logic [N-1:0][1:0] m_axi_rresp_i;
  logic [N-1:0] m_axi_rlast_i;
  logic [N-1:0] m_axi_rvalid_i;
  logic [N-1:0] m_axi_rready_o;
  logic [N-1:0][AXI_ID_W-1:0] c_axi_awid_o;
  logic [N-1:0][AXI_ADDR_W-1:0] c_axi_awaddr_o;
  logic [N-1:0][7:0] c_axi_awlen_o;
  logic [N-1:0][2:0] c_axi_awsize_o;
  logic [N-1:0][1:0] c_axi_awburst_o;
  logic [N-1:0] c_axi_awvalid_o;
  logic [N-1:0] c_axi_awready_i;
  logic [N-1:0][DATA_W-1:0] c_axi_wdata_o;
  logic [N-1:0][DATA_W/8-1:0] c_axi_wstrb_o;
  logic [N-1:0] c_axi_wlast_o;
  logic [N-1:0] c_axi_wvalid_o;
  logic [N-1:0] c_axi_wready_i;
  logic [N-1:0][AXI_ID_W-1:0] c_axi_bid_i;
  logic [N-1:0][1:0] c_axi_bresp_i;
  logic [N-1:0] c_axi_bvalid_i;
  logic [N-1:0] c_axi_bready_o;
  logic [N-1:0][AXI_ID_W-1:0] c_axi_arid_o;
  logic [N-1:0][AXI_ADDR_W-1:0] c_axi_araddr_o;
  logic [N-1:0][7:0] c_axi_arlen_o;
  logic [N-1:0][2:0] c_axi_arsize_o;
  logic [N-1:0][1:0] c_axi_arburst_o;
  logic [N-1:0] c_axi_arvalid_o;
  logic [N-1:0] c_axi_arready_i;
  logic [N-1:0][AXI_ID_W-1:0] c_axi_rid_i;
  logic [N-1:0][DATA_W-1:0] c_axi_rdata_i;
  logic [N-1:0][1:0] c_axi_rresp_i;
  logic [N-1:0] c_axi_rlast_i;
  logic [N-1:0] c_axi_rvalid_i;
  logic [N-1:0] c_axi_rready_o;
  logic [N-1:0] irq_o;
  logic [N_PLANES-1:0] plane_irq_o;
  /* verilator lint_on UNUSEDSIGNAL */

  sp_supernode #(
      .N_ENDPOINTS (N),
      .LINKS       (LINKS),
      .FLIT_W      (FLIT_W),
      .DATA_W      (DATA_W),
      .AXI_ID_W    (AXI_ID_W),
      .N_TAGS      (N_TAGS),
      .N_PLANES    (N_PLANES),
      .N_ACTIVE    (N_ACTIVE),
      .N_COMMANDS  (N_COMMANDS),
      .WINDOW      (WINDOW),
      .REQ_FLITS   (REQ_FLITS),
      .ISLIP_ITERS (ISLIP_ITERS),
      .VOQ_FLITS   (VOQ_FLITS),
      .EGRESS_FLITS(EGRESS_FLITS),
      .N_ENGINES   (N_ENGINES),
      .N_CONTEXTS  (N_CONTEXTS),
      .N_IDS       (N_IDS),
      .MCAST       (1'b1),
      .COUNTERS    (COUNTERS),
      .ECC         (ECC),
      .CUT_THROUGH (CUT_THROUGH),
      .TYPES       (TYPES),
      .ORDERED     (ORDERED),
      .FRAME_UNITS (FRAME_UNITS),
      .REPLAY_BEATS(REPLAY_BEATS),
      .RESERVED    (RESERVED),
      .SHARED      (SHARED)
  ) i_rack (
      .csr_awvalid_i(awvalid_i),
      .csr_awready_o(awready_o),
      .csr_awaddr_i (awaddr_i[AddrW-1:0]),
      .csr_awprot_i ('0),
      .csr_wvalid_i (wvalid_i),
      .csr_wready_o (wready_o),
      .csr_wdata_i  (wdata_i),
      .csr_wstrb_i  ('1),
      .csr_bvalid_o (bvalid_o),
      .csr_bready_i (1'b1),
      .csr_bresp_o  (bresp_o),
      .csr_arvalid_i(arvalid_i),
      .csr_arready_o(arready_o),
      .csr_araddr_i (araddr_i[AddrW-1:0]),
      .csr_arprot_i ('0),
      .csr_rvalid_o (rvalid_o),
      .csr_rready_i (1'b1),
      .csr_rdata_o  (rdata_o),
      .csr_rresp_o  (rresp_o),
      .*
  );

  for (genvar e = 0; e < N; e++) begin : g_ep
    int         aw, w, ar, at, co;
    longint     aw_addr, ar_addr;
    bit [511:0] w_data, at_word, co_word;

    // What never changes.
    assign s_axi_awlen_i[e]   = Len;
    assign s_axi_arlen_i[e]   = Len;
    assign s_axi_awsize_i[e]  = Size;
    assign s_axi_arsize_i[e]  = Size;
    assign s_axi_awburst_i[e] = 2'b01;
    assign s_axi_arburst_i[e] = 2'b01;
    assign s_axi_wstrb_i[e]   = '1;
    assign s_axi_bready_i[e]  = 1'b1;
    assign s_axi_rready_i[e]  = 1'b1;
    assign res_ready_i[e]     = 1'b1;
    assign col_res_ready_i[e] = 1'b1;
    assign {s_axi_awlock_i[e], s_axi_awcache_i[e], s_axi_awprot_i[e], s_axi_awqos_i[e]} = '0;
    assign {s_axi_arlock_i[e], s_axi_arcache_i[e], s_axi_arprot_i[e], s_axi_arqos_i[e]} = '0;

    always @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        s_axi_awvalid_i[e] <= 1'b0;
        s_axi_wvalid_i[e]  <= 1'b0;
        s_axi_arvalid_i[e] <= 1'b0;
        cmd_valid_i[e]     <= 1'b0;
        col_cmd_valid_i[e] <= 1'b0;
      end else begin
        if (s_axi_bvalid_o[e]) chip_stored(e, int'(s_axi_bid_o[e]), int'(s_axi_bresp_o[e]));
        if (s_axi_rvalid_o[e]) begin
          chip_loaded(e, int'(s_axi_rid_o[e]), int'(s_axi_rresp_o[e]), int'(s_axi_rlast_o[e]),
                      512'(s_axi_rdata_o[e]));
        end
        if (res_valid_o[e]) chip_atomic_done(e, 512'(res_o[e]));
        if (col_res_valid_o[e]) chip_collective_done(e, 512'(col_res_o[e]));
        if (!s_axi_awvalid_i[e] || s_axi_awready_o[e]) begin
          aw = chip_store(e, aw_addr);
          s_axi_awvalid_i[e] <= aw >= 0;
          s_axi_awid_i[e]    <= AXI_ID_W'(aw);
          s_axi_awaddr_i[e]  <= aw_addr;
        end
        if (!s_axi_wvalid_i[e] || s_axi_wready_o[e]) begin
          w = chip_store_beat(e, w_data);
          s_axi_wvalid_i[e] <= w >= 0;
          s_axi_wlast_i[e]  <= w == 3;
          s_axi_wdata_i[e]  <= w_data[DATA_W-1:0];
        end
        if (s_axi_arvalid_i[e] && s_axi_arready_o[e]) chip_load_taken(e);
        if (!s_axi_arvalid_i[e] || s_axi_arready_o[e]) begin
          ar = chip_load(e, ar_addr);
          s_axi_arvalid_i[e] <= ar >= 0;
          s_axi_arid_i[e]    <= AXI_ID_W'(ar);
          s_axi_araddr_i[e]  <= ar_addr;
        end
        if (!cmd_valid_i[e] || cmd_ready_o[e]) begin
          at = chip_atomic(e, at_word);
          cmd_valid_i[e] <= at >= 0;
          cmd_i[e]       <= at_word[$bits(command_t)-1:0];
        end
        if (!col_cmd_valid_i[e] || col_cmd_ready_o[e]) begin
          co = chip_collective(e, co_word);
          col_cmd_valid_i[e] <= co >= 0;
          col_cmd_i[e]       <= co_word[$bits(collective_t)-1:0];
        end
      end
    end

    chip_memory #(
        .E     (e),
        .PORT  (0),
        .DATA_W(DATA_W),
        .ID_W  (AXI_ID_W)
    ) i_m (
        .clk_i,
        .rst_ni,
        .awvalid_i(m_axi_awvalid_o[e]),
        .awready_o(m_axi_awready_i[e]),
        .awaddr_i (m_axi_awaddr_o[e]),
        .awid_i   (m_axi_awid_o[e]),
        .wvalid_i (m_axi_wvalid_o[e]),
        .wready_o (m_axi_wready_i[e]),
        .wdata_i  (m_axi_wdata_o[e]),
        .wstrb_i  (m_axi_wstrb_o[e]),
        .wlast_i  (m_axi_wlast_o[e]),
        .bvalid_o (m_axi_bvalid_i[e]),
        .bready_i (m_axi_bready_o[e]),
        .bid_o    (m_axi_bid_i[e]),
        .arvalid_i(m_axi_arvalid_o[e]),
        .arready_o(m_axi_arready_i[e]),
        .araddr_i (m_axi_araddr_o[e]),
        .arid_i   (m_axi_arid_o[e]),
        .arlen_i  (m_axi_arlen_o[e]),
        .rvalid_o (m_axi_rvalid_i[e]),
        .rready_i (m_axi_rready_o[e]),
        .rid_o    (m_axi_rid_i[e]),
        .rdata_o  (m_axi_rdata_i[e]),
        .rlast_o  (m_axi_rlast_i[e])
    );
    assign m_axi_bresp_i[e] = '0;
    assign m_axi_rresp_i[e] = '0;

    chip_memory #(
        .E     (e),
        .PORT  (1),
        .DATA_W(DATA_W),
        .ID_W  (AXI_ID_W)
    ) i_c (
        .clk_i,
        .rst_ni,
        .awvalid_i(c_axi_awvalid_o[e]),
        .awready_o(c_axi_awready_i[e]),
        .awaddr_i (c_axi_awaddr_o[e]),
        .awid_i   (c_axi_awid_o[e]),
        .wvalid_i (c_axi_wvalid_o[e]),
        .wready_o (c_axi_wready_i[e]),
        .wdata_i  (c_axi_wdata_o[e]),
        .wstrb_i  (c_axi_wstrb_o[e]),
        .wlast_i  (c_axi_wlast_o[e]),
        .bvalid_o (c_axi_bvalid_i[e]),
        .bready_i (c_axi_bready_o[e]),
        .bid_o    (c_axi_bid_i[e]),
        .arvalid_i(c_axi_arvalid_o[e]),
        .arready_o(c_axi_arready_i[e]),
        .araddr_i (c_axi_araddr_o[e]),
        .arid_i   (c_axi_arid_o[e]),
        .arlen_i  (c_axi_arlen_o[e]),
        .rvalid_o (c_axi_rvalid_i[e]),
        .rready_i (c_axi_rready_o[e]),
        .rid_o    (c_axi_rid_i[e]),
        .rdata_o  (c_axi_rdata_i[e]),
        .rlast_o  (c_axi_rlast_i[e])
    );
    assign c_axi_bresp_i[e] = '0;
    assign c_axi_rresp_i[e] = '0;
  end

endmodule
