// SPDX-License-Identifier: Apache-2.0
//
// A supernode: endpoints, and planes of switches that each have a port for every endpoint, with
// links between them (LINKS) or wires. Guarantees are those of the parts: what one endpoint stores
// another one loads, over any plane; a plane that is lost costs no load, no store and no atomic.
//
// Registers, 2^26 bytes for each unit: the switches of the planes, the endpoints; with LINKS for
// each endpoint and plane (endpoint * N_PLANES + plane) the end at the endpoint, then those at the
// planes. Behind the registers of an endpoint or an end they repeat.

module sp_supernode #(
    /// Endpoints, 2 or more.
    parameter int unsigned N_ENDPOINTS = 4,
    /// 1: a link between every endpoint and every plane.
    parameter bit LINKS = 1'b0,
    /// Bits of a flit: 128, 256 or 512.
    parameter int unsigned FLIT_W = 128,
    /// Bits of the data buses: a power of two, 64 to FLIT_W.
    parameter int unsigned DATA_W = 128,
    /// Bits of an AXI ID.
    parameter int unsigned AXI_ID_W = 4,
    /// Loads, stores and atomics under way, a power of two.
    parameter int unsigned N_TAGS = 16,
    /// Regions of the address map, 1 to 16.
    parameter int unsigned N_REGIONS = 4,
    /// Planes, 1 to 8: switches, each with a port for every endpoint.
    parameter int unsigned N_PLANES = 2,
    /// Requests of others that are executed at a time, 2 to 16.
    parameter int unsigned N_ACTIVE = 8,
    /// Atomics that are remembered.
    parameter int unsigned N_ATOMICS = 16,
    /// Collectives under way: 2, 4, 8 or 16.
    parameter int unsigned N_COMMANDS = 4,
    /// Slices of a collective that are under way.
    parameter int unsigned WINDOW = 8,
    /// Rows of the group tables, and of the fetch tables: 1 to 64.
    parameter int unsigned N_GROUPS = 16,
    /// Contexts of all engines of the switches.
    parameter int unsigned FETCHES = 16,
    /// Flits of others' requests that wait, for each plane.
    parameter int unsigned REQ_FLITS = 64,
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
    /// Units of the longest frame of a link.
    parameter int unsigned FRAME_UNITS = 32,
    /// Beats of the replay memory of a link, a power of two.
    parameter int unsigned REPLAY_BEATS = 128,
    /// R(v) of a link, in flits, the same for each VC; see docs/link.md, "Numbers".
    parameter int unsigned RESERVED = 20,
    /// S of a link, in flits.
    parameter int unsigned SHARED = 44,
    localparam int unsigned Pairs   = N_ENDPOINTS * N_PLANES,
    localparam int unsigned Units   = N_PLANES + N_ENDPOINTS + (LINKS ? 2 * Pairs : 0),
    localparam int unsigned UnitW   = 26,
    localparam int unsigned AddrW   = UnitW + $clog2(Units + 1)
) (
    /// Clock.
    input  logic clk_i,
    /// Reset, active low, asynchronous.
    input  logic rst_ni,
    /// By endpoint and plane: the wires between them carry nothing.
    input  logic [N_ENDPOINTS-1:0][N_PLANES-1:0] cut_i,
    /// By endpoint and plane: packets go through.
    output logic [N_ENDPOINTS-1:0][N_PLANES-1:0] up_o,
    /// By endpoint: level, something happened that the mask of interrupts names.
    output logic [N_ENDPOINTS-1:0] irq_o,
    /// By plane: level, something happened that the mask of interrupts of its switch names.
    output logic [N_PLANES-1:0] plane_irq_o,
    /// Registers, AXI4-Lite, write address: valid.
    input  logic             csr_awvalid_i,
    /// Registers, AXI4-Lite, write address: ready.
    output logic             csr_awready_o,
    /// Registers, AXI4-Lite, write address.
    input  logic [AddrW-1:0] csr_awaddr_i,
    /// Registers, AXI4-Lite, write address: protection, ignored.
    input  logic [2:0]       csr_awprot_i,
    /// Registers, AXI4-Lite, write data: valid.
    input  logic             csr_wvalid_i,
    /// Registers, AXI4-Lite, write data: ready.
    output logic             csr_wready_o,
    /// Registers, AXI4-Lite, write data.
    input  logic [31:0]      csr_wdata_i,
    /// Registers, AXI4-Lite, write data: bytes that count.
    input  logic [3:0]       csr_wstrb_i,
    /// Registers, AXI4-Lite, write response: valid.
    output logic             csr_bvalid_o,
    /// Registers, AXI4-Lite, write response: ready.
    input  logic             csr_bready_i,
    /// Registers, AXI4-Lite, write response.
    output logic [1:0]       csr_bresp_o,
    /// Registers, AXI4-Lite, read address: valid.
    input  logic             csr_arvalid_i,
    /// Registers, AXI4-Lite, read address: ready.
    output logic             csr_arready_o,
    /// Registers, AXI4-Lite, read address.
    input  logic [AddrW-1:0] csr_araddr_i,
    /// Registers, AXI4-Lite, read address: protection, ignored.
    input  logic [2:0]       csr_arprot_i,
    /// Registers, AXI4-Lite, read data: valid.
    output logic             csr_rvalid_o,
    /// Registers, AXI4-Lite, read data: ready.
    input  logic             csr_rready_i,
    /// Registers, AXI4-Lite, read data.
    output logic [31:0]      csr_rdata_o,
    /// Registers, AXI4-Lite, read data: response.
    output logic [1:0]       csr_rresp_o,
    /// By endpoint: accelerator's loads and stores, write address: ID.
    input  logic [N_ENDPOINTS-1:0][AXI_ID_W-1:0] s_axi_awid_i,
    /// By endpoint: accelerator's loads and stores, write address.
    input  logic [N_ENDPOINTS-1:0][sp_endpoint_pkg::AXI_ADDR_W-1:0] s_axi_awaddr_i,
    /// By endpoint: accelerator's loads and stores, write address: beats less one.
    input  logic [N_ENDPOINTS-1:0][7:0] s_axi_awlen_i,
    /// By endpoint: accelerator's loads and stores, write address: bytes of a beat, log2.
    input  logic [N_ENDPOINTS-1:0][2:0] s_axi_awsize_i,
    /// By endpoint: accelerator's loads and stores, write address: kind of burst.
    input  logic [N_ENDPOINTS-1:0][1:0] s_axi_awburst_i,
    /// By endpoint: accelerator's loads and stores, write address: lock.
    input  logic [N_ENDPOINTS-1:0] s_axi_awlock_i,
    /// By endpoint: accelerator's loads and stores, write address: cache.
    input  logic [N_ENDPOINTS-1:0][3:0] s_axi_awcache_i,
    /// By endpoint: accelerator's loads and stores, write address: protection.
    input  logic [N_ENDPOINTS-1:0][2:0] s_axi_awprot_i,
    /// By endpoint: accelerator's loads and stores, write address: quality of service.
    input  logic [N_ENDPOINTS-1:0][3:0] s_axi_awqos_i,
    /// By endpoint: accelerator's loads and stores, write address: valid.
    input  logic [N_ENDPOINTS-1:0] s_axi_awvalid_i,
    /// By endpoint: accelerator's loads and stores, write address: ready.
    output logic [N_ENDPOINTS-1:0] s_axi_awready_o,
    /// By endpoint: accelerator's loads and stores, write data.
    input  logic [N_ENDPOINTS-1:0][DATA_W-1:0] s_axi_wdata_i,
    /// By endpoint: accelerator's loads and stores, write data: bytes that count.
    input  logic [N_ENDPOINTS-1:0][DATA_W/8-1:0] s_axi_wstrb_i,
    /// By endpoint: accelerator's loads and stores, write data: last beat.
    input  logic [N_ENDPOINTS-1:0] s_axi_wlast_i,
    /// By endpoint: accelerator's loads and stores, write data: valid.
    input  logic [N_ENDPOINTS-1:0] s_axi_wvalid_i,
    /// By endpoint: accelerator's loads and stores, write data: ready.
    output logic [N_ENDPOINTS-1:0] s_axi_wready_o,
    /// By endpoint: accelerator's loads and stores, write response: ID.
    output logic [N_ENDPOINTS-1:0][AXI_ID_W-1:0] s_axi_bid_o,
    /// By endpoint: accelerator's loads and stores, write response.
    output logic [N_ENDPOINTS-1:0][1:0] s_axi_bresp_o,
    /// By endpoint: accelerator's loads and stores, write response: valid.
    output logic [N_ENDPOINTS-1:0] s_axi_bvalid_o,
    /// By endpoint: accelerator's loads and stores, write response: ready.
    input  logic [N_ENDPOINTS-1:0] s_axi_bready_i,
    /// By endpoint: accelerator's loads and stores, read address: ID.
    input  logic [N_ENDPOINTS-1:0][AXI_ID_W-1:0] s_axi_arid_i,
    /// By endpoint: accelerator's loads and stores, read address.
    input  logic [N_ENDPOINTS-1:0][sp_endpoint_pkg::AXI_ADDR_W-1:0] s_axi_araddr_i,
    /// By endpoint: accelerator's loads and stores, read address: beats less one.
    input  logic [N_ENDPOINTS-1:0][7:0] s_axi_arlen_i,
    /// By endpoint: accelerator's loads and stores, read address: bytes of a beat, log2.
    input  logic [N_ENDPOINTS-1:0][2:0] s_axi_arsize_i,
    /// By endpoint: accelerator's loads and stores, read address: kind of burst.
    input  logic [N_ENDPOINTS-1:0][1:0] s_axi_arburst_i,
    /// By endpoint: accelerator's loads and stores, read address: lock.
    input  logic [N_ENDPOINTS-1:0] s_axi_arlock_i,
    /// By endpoint: accelerator's loads and stores, read address: cache.
    input  logic [N_ENDPOINTS-1:0][3:0] s_axi_arcache_i,
    /// By endpoint: accelerator's loads and stores, read address: protection.
    input  logic [N_ENDPOINTS-1:0][2:0] s_axi_arprot_i,
    /// By endpoint: accelerator's loads and stores, read address: quality of service.
    input  logic [N_ENDPOINTS-1:0][3:0] s_axi_arqos_i,
    /// By endpoint: accelerator's loads and stores, read address: valid.
    input  logic [N_ENDPOINTS-1:0] s_axi_arvalid_i,
    /// By endpoint: accelerator's loads and stores, read address: ready.
    output logic [N_ENDPOINTS-1:0] s_axi_arready_o,
    /// By endpoint: accelerator's loads and stores, read data: ID.
    output logic [N_ENDPOINTS-1:0][AXI_ID_W-1:0] s_axi_rid_o,
    /// By endpoint: accelerator's loads and stores, read data.
    output logic [N_ENDPOINTS-1:0][DATA_W-1:0] s_axi_rdata_o,
    /// By endpoint: accelerator's loads and stores, read data: response.
    output logic [N_ENDPOINTS-1:0][1:0] s_axi_rresp_o,
    /// By endpoint: accelerator's loads and stores, read data: last beat.
    output logic [N_ENDPOINTS-1:0] s_axi_rlast_o,
    /// By endpoint: accelerator's loads and stores, read data: valid.
    output logic [N_ENDPOINTS-1:0] s_axi_rvalid_o,
    /// By endpoint: accelerator's loads and stores, read data: ready.
    input  logic [N_ENDPOINTS-1:0] s_axi_rready_i,
    /// By endpoint: command: valid.
    input  logic [N_ENDPOINTS-1:0] cmd_valid_i,
    /// By endpoint: command: ready.
    output logic [N_ENDPOINTS-1:0] cmd_ready_o,
    /// By endpoint: command.
    input  sp_endpoint_pkg::command_t [N_ENDPOINTS-1:0] cmd_i,
    /// By endpoint: result of a command: valid.
    output logic [N_ENDPOINTS-1:0] res_valid_o,
    /// By endpoint: result of a command: ready.
    input  logic [N_ENDPOINTS-1:0] res_ready_i,
    /// By endpoint: result of a command.
    output sp_endpoint_pkg::result_t [N_ENDPOINTS-1:0] res_o,
    /// By endpoint: command to take part in a collective: valid.
    input  logic [N_ENDPOINTS-1:0] col_cmd_valid_i,
    /// By endpoint: command to take part in a collective: ready.
    output logic [N_ENDPOINTS-1:0] col_cmd_ready_o,
    /// By endpoint: command to take part in a collective.
    input  sp_endpoint_pkg::collective_t [N_ENDPOINTS-1:0] col_cmd_i,
    /// By endpoint: result of that: valid.
    output logic [N_ENDPOINTS-1:0] col_res_valid_o,
    /// By endpoint: result of that: ready.
    input  logic [N_ENDPOINTS-1:0] col_res_ready_i,
    /// By endpoint: result of that.
    output sp_endpoint_pkg::collective_result_t [N_ENDPOINTS-1:0] col_res_o,
    /// By endpoint: others' loads and stores to the memory, write address: ID.
    output logic [N_ENDPOINTS-1:0][AXI_ID_W-1:0] m_axi_awid_o,
    /// By endpoint: others' loads and stores to the memory, write address.
    output logic [N_ENDPOINTS-1:0][sp_endpoint_pkg::AXI_ADDR_W-1:0] m_axi_awaddr_o,
    /// By endpoint: others' loads and stores to the memory, write address: beats less one.
    output logic [N_ENDPOINTS-1:0][7:0] m_axi_awlen_o,
    /// By endpoint: others' loads and stores to the memory, write address: bytes of a beat, log2.
    output logic [N_ENDPOINTS-1:0][2:0] m_axi_awsize_o,
    /// By endpoint: others' loads and stores to the memory, write address: kind of burst.
    output logic [N_ENDPOINTS-1:0][1:0] m_axi_awburst_o,
    /// By endpoint: others' loads and stores to the memory, write address: lock.
    output logic [N_ENDPOINTS-1:0] m_axi_awlock_o,
    /// By endpoint: others' loads and stores to the memory, write address: cache.
    output logic [N_ENDPOINTS-1:0][3:0] m_axi_awcache_o,
    /// By endpoint: others' loads and stores to the memory, write address: protection.
    output logic [N_ENDPOINTS-1:0][2:0] m_axi_awprot_o,
    /// By endpoint: others' loads and stores to the memory, write address: quality of service.
    output logic [N_ENDPOINTS-1:0][3:0] m_axi_awqos_o,
    /// By endpoint: others' loads and stores to the memory, write address: valid.
    output logic [N_ENDPOINTS-1:0] m_axi_awvalid_o,
    /// By endpoint: others' loads and stores to the memory, write address: ready.
    input  logic [N_ENDPOINTS-1:0] m_axi_awready_i,
    /// By endpoint: others' loads and stores to the memory, write data.
    output logic [N_ENDPOINTS-1:0][DATA_W-1:0] m_axi_wdata_o,
    /// By endpoint: others' loads and stores to the memory, write data: bytes that count.
    output logic [N_ENDPOINTS-1:0][DATA_W/8-1:0] m_axi_wstrb_o,
    /// By endpoint: others' loads and stores to the memory, write data: last beat.
    output logic [N_ENDPOINTS-1:0] m_axi_wlast_o,
    /// By endpoint: others' loads and stores to the memory, write data: valid.
    output logic [N_ENDPOINTS-1:0] m_axi_wvalid_o,
    /// By endpoint: others' loads and stores to the memory, write data: ready.
    input  logic [N_ENDPOINTS-1:0] m_axi_wready_i,
    /// By endpoint: others' loads and stores to the memory, write response: ID.
    input  logic [N_ENDPOINTS-1:0][AXI_ID_W-1:0] m_axi_bid_i,
    /// By endpoint: others' loads and stores to the memory, write response.
    input  logic [N_ENDPOINTS-1:0][1:0] m_axi_bresp_i,
    /// By endpoint: others' loads and stores to the memory, write response: valid.
    input  logic [N_ENDPOINTS-1:0] m_axi_bvalid_i,
    /// By endpoint: others' loads and stores to the memory, write response: ready.
    output logic [N_ENDPOINTS-1:0] m_axi_bready_o,
    /// By endpoint: others' loads and stores to the memory, read address: ID.
    output logic [N_ENDPOINTS-1:0][AXI_ID_W-1:0] m_axi_arid_o,
    /// By endpoint: others' loads and stores to the memory, read address.
    output logic [N_ENDPOINTS-1:0][sp_endpoint_pkg::AXI_ADDR_W-1:0] m_axi_araddr_o,
    /// By endpoint: others' loads and stores to the memory, read address: beats less one.
    output logic [N_ENDPOINTS-1:0][7:0] m_axi_arlen_o,
    /// By endpoint: others' loads and stores to the memory, read address: bytes of a beat, log2.
    output logic [N_ENDPOINTS-1:0][2:0] m_axi_arsize_o,
    /// By endpoint: others' loads and stores to the memory, read address: kind of burst.
    output logic [N_ENDPOINTS-1:0][1:0] m_axi_arburst_o,
    /// By endpoint: others' loads and stores to the memory, read address: lock.
    output logic [N_ENDPOINTS-1:0] m_axi_arlock_o,
    /// By endpoint: others' loads and stores to the memory, read address: cache.
    output logic [N_ENDPOINTS-1:0][3:0] m_axi_arcache_o,
    /// By endpoint: others' loads and stores to the memory, read address: protection.
    output logic [N_ENDPOINTS-1:0][2:0] m_axi_arprot_o,
    /// By endpoint: others' loads and stores to the memory, read address: quality of service.
    output logic [N_ENDPOINTS-1:0][3:0] m_axi_arqos_o,
    /// By endpoint: others' loads and stores to the memory, read address: valid.
    output logic [N_ENDPOINTS-1:0] m_axi_arvalid_o,
    /// By endpoint: others' loads and stores to the memory, read address: ready.
    input  logic [N_ENDPOINTS-1:0] m_axi_arready_i,
    /// By endpoint: others' loads and stores to the memory, read data: ID.
    input  logic [N_ENDPOINTS-1:0][AXI_ID_W-1:0] m_axi_rid_i,
    /// By endpoint: others' loads and stores to the memory, read data.
    input  logic [N_ENDPOINTS-1:0][DATA_W-1:0] m_axi_rdata_i,
    /// By endpoint: others' loads and stores to the memory, read data: response.
    input  logic [N_ENDPOINTS-1:0][1:0] m_axi_rresp_i,
    /// By endpoint: others' loads and stores to the memory, read data: last beat.
    input  logic [N_ENDPOINTS-1:0] m_axi_rlast_i,
    /// By endpoint: others' loads and stores to the memory, read data: valid.
    input  logic [N_ENDPOINTS-1:0] m_axi_rvalid_i,
    /// By endpoint: others' loads and stores to the memory, read data: ready.
    output logic [N_ENDPOINTS-1:0] m_axi_rready_o,
    /// By endpoint: collectives to the memory, write address: ID.
    output logic [N_ENDPOINTS-1:0][AXI_ID_W-1:0] c_axi_awid_o,
    /// By endpoint: collectives to the memory, write address.
    output logic [N_ENDPOINTS-1:0][sp_endpoint_pkg::AXI_ADDR_W-1:0] c_axi_awaddr_o,
    /// By endpoint: collectives to the memory, write address: beats less one.
    output logic [N_ENDPOINTS-1:0][7:0] c_axi_awlen_o,
    /// By endpoint: collectives to the memory, write address: bytes of a beat, log2.
    output logic [N_ENDPOINTS-1:0][2:0] c_axi_awsize_o,
    /// By endpoint: collectives to the memory, write address: kind of burst.
    output logic [N_ENDPOINTS-1:0][1:0] c_axi_awburst_o,
    /// By endpoint: collectives to the memory, write address: valid.
    output logic [N_ENDPOINTS-1:0] c_axi_awvalid_o,
    /// By endpoint: collectives to the memory, write address: ready.
    input  logic [N_ENDPOINTS-1:0] c_axi_awready_i,
    /// By endpoint: collectives to the memory, write data.
    output logic [N_ENDPOINTS-1:0][DATA_W-1:0] c_axi_wdata_o,
    /// By endpoint: collectives to the memory, write data: bytes that count.
    output logic [N_ENDPOINTS-1:0][DATA_W/8-1:0] c_axi_wstrb_o,
    /// By endpoint: collectives to the memory, write data: last beat.
    output logic [N_ENDPOINTS-1:0] c_axi_wlast_o,
    /// By endpoint: collectives to the memory, write data: valid.
    output logic [N_ENDPOINTS-1:0] c_axi_wvalid_o,
    /// By endpoint: collectives to the memory, write data: ready.
    input  logic [N_ENDPOINTS-1:0] c_axi_wready_i,
    /// By endpoint: collectives to the memory, write response: ID.
    input  logic [N_ENDPOINTS-1:0][AXI_ID_W-1:0] c_axi_bid_i,
    /// By endpoint: collectives to the memory, write response.
    input  logic [N_ENDPOINTS-1:0][1:0] c_axi_bresp_i,
    /// By endpoint: collectives to the memory, write response: valid.
    input  logic [N_ENDPOINTS-1:0] c_axi_bvalid_i,
    /// By endpoint: collectives to the memory, write response: ready.
    output logic [N_ENDPOINTS-1:0] c_axi_bready_o,
    /// By endpoint: collectives to the memory, read address: ID.
    output logic [N_ENDPOINTS-1:0][AXI_ID_W-1:0] c_axi_arid_o,
    /// By endpoint: collectives to the memory, read address.
    output logic [N_ENDPOINTS-1:0][sp_endpoint_pkg::AXI_ADDR_W-1:0] c_axi_araddr_o,
    /// By endpoint: collectives to the memory, read address: beats less one.
    output logic [N_ENDPOINTS-1:0][7:0] c_axi_arlen_o,
    /// By endpoint: collectives to the memory, read address: bytes of a beat, log2.
    output logic [N_ENDPOINTS-1:0][2:0] c_axi_arsize_o,
    /// By endpoint: collectives to the memory, read address: kind of burst.
    output logic [N_ENDPOINTS-1:0][1:0] c_axi_arburst_o,
    /// By endpoint: collectives to the memory, read address: valid.
    output logic [N_ENDPOINTS-1:0] c_axi_arvalid_o,
    /// By endpoint: collectives to the memory, read address: ready.
    input  logic [N_ENDPOINTS-1:0] c_axi_arready_i,
    /// By endpoint: collectives to the memory, read data: ID.
    input  logic [N_ENDPOINTS-1:0][AXI_ID_W-1:0] c_axi_rid_i,
    /// By endpoint: collectives to the memory, read data.
    input  logic [N_ENDPOINTS-1:0][DATA_W-1:0] c_axi_rdata_i,
    /// By endpoint: collectives to the memory, read data: response.
    input  logic [N_ENDPOINTS-1:0][1:0] c_axi_rresp_i,
    /// By endpoint: collectives to the memory, read data: last beat.
    input  logic [N_ENDPOINTS-1:0] c_axi_rlast_i,
    /// By endpoint: collectives to the memory, read data: valid.
    input  logic [N_ENDPOINTS-1:0] c_axi_rvalid_i,
    /// By endpoint: collectives to the memory, read data: ready.
    output logic [N_ENDPOINTS-1:0] c_axi_rready_o
);

  import sp_pkg::*;
  import sp_link_pkg::*;

  localparam int unsigned K = FLIT_W / UNIT_W;

  // ----------------------------------------------------------------------------------- registers

  logic [Units-1:0]       awvalid, awready, wvalid, wready, bvalid, bready;
  logic [Units-1:0]       arvalid, arready, rvalid, rready;
  logic [Units-1:0][1:0]  bresp, rresp;
  logic [Units-1:0][31:0] rdata;
  logic [UnitW-1:0]       awaddr, araddr;
  logic [31:0]            wdata;
  logic [3:0]             wstrb;

  sp_axil_demux #(
      .N     (Units),
      .SUB_W (UnitW),
      .ADDR_W(AddrW)
  ) i_demux (
      .clk_i,
      .rst_ni,
      .s_awvalid_i(csr_awvalid_i),
      .s_awready_o(csr_awready_o),
      .s_awaddr_i(csr_awaddr_i),
      .s_wvalid_i(csr_wvalid_i),
      .s_wready_o(csr_wready_o),
      .s_wdata_i(csr_wdata_i),
      .s_wstrb_i(csr_wstrb_i),
      .s_bvalid_o(csr_bvalid_o),
      .s_bready_i(csr_bready_i),
      .s_bresp_o(csr_bresp_o),
      .s_arvalid_i(csr_arvalid_i),
      .s_arready_o(csr_arready_o),
      .s_araddr_i(csr_araddr_i),
      .s_rvalid_o(csr_rvalid_o),
      .s_rready_i(csr_rready_i),
      .s_rdata_o(csr_rdata_o),
      .s_rresp_o(csr_rresp_o),
      .m_awvalid_o(awvalid),
      .m_awready_i(awready),
      .m_awaddr_o(awaddr),
      .m_wvalid_o(wvalid),
      .m_wready_i(wready),
      .m_wdata_o(wdata),
      .m_wstrb_o(wstrb),
      .m_bvalid_i(bvalid),
      .m_bready_o(bready),
      .m_bresp_i(bresp),
      .m_arvalid_o(arvalid),
      .m_arready_i(arready),
      .m_araddr_o(araddr),
      .m_rvalid_i(rvalid),
      .m_rready_o(rready),
      .m_rdata_i(rdata),
      .m_rresp_i(rresp)
  );

  // -------------------------------------------------------------------- endpoints, planes, links
  // By endpoint and plane: e is at the endpoint, t goes out of it and r into it; p is at the plane,
  // s goes into its switch and m out of it.

  logic [N_ENDPOINTS-1:0][N_PLANES-1:0]             et_tvalid, et_tready, et_tlast;
  logic [N_ENDPOINTS-1:0][N_PLANES-1:0][FLIT_W-1:0] et_tdata;
  logic [N_ENDPOINTS-1:0][N_PLANES-1:0][USER_W-1:0] et_tuser;
  logic [N_ENDPOINTS-1:0][N_PLANES-1:0][NUM_VC-1:0] et_room;
  logic [N_ENDPOINTS-1:0][N_PLANES-1:0]             er_tvalid, er_tready, er_tlast;
  logic [N_ENDPOINTS-1:0][N_PLANES-1:0][FLIT_W-1:0] er_tdata;
  logic [N_ENDPOINTS-1:0][N_PLANES-1:0][USER_W-1:0] er_tuser;
  logic [N_ENDPOINTS-1:0][N_PLANES-1:0][NUM_VC-1:0] er_room;
  logic [N_PLANES-1:0][N_ENDPOINTS-1:0]             ps_tvalid, ps_tready, ps_tlast;
  logic [N_PLANES-1:0][N_ENDPOINTS-1:0][FLIT_W-1:0] ps_tdata;
  logic [N_PLANES-1:0][N_ENDPOINTS-1:0][USER_W-1:0] ps_tuser;
  logic [N_PLANES-1:0][N_ENDPOINTS-1:0][NUM_VC-1:0] ps_room;
  logic [N_PLANES-1:0][N_ENDPOINTS-1:0]             pm_tvalid, pm_tready, pm_tlast;
  logic [N_PLANES-1:0][N_ENDPOINTS-1:0][FLIT_W-1:0] pm_tdata;
  logic [N_PLANES-1:0][N_ENDPOINTS-1:0][USER_W-1:0] pm_tuser;
  logic [N_PLANES-1:0][N_ENDPOINTS-1:0][NUM_VC-1:0] pm_room;
  logic [N_PLANES-1:0][N_ENDPOINTS-1:0]             p_down_q;

  for (genvar e = 0; e < N_ENDPOINTS; e++) begin : g_endpoint
    localparam int unsigned U = N_PLANES + e;

    sp_endpoint #(
        .FLIT_W    (FLIT_W),
        .DATA_W    (DATA_W),
        .AXI_ID_W  (AXI_ID_W),
        .N_TAGS    (N_TAGS),
        .N_REGIONS (N_REGIONS),
        .N_PLANES  (N_PLANES),
        .N_ACTIVE  (N_ACTIVE),
        .N_ATOMICS (N_ATOMICS),
        .N_COMMANDS(N_COMMANDS),
        .WINDOW    (WINDOW),
        .N_GROUPS  (N_GROUPS),
        .FETCHES   (FETCHES),
        .REQ_FLITS (REQ_FLITS)
    ) i_endpoint (
        .clk_i,
        .rst_ni,
        .plane_up_i      (up_o[e]),
        .irq_o           (irq_o[e]),
        .csr_awvalid_i   (awvalid[U]),
        .csr_awready_o   (awready[U]),
        .csr_awaddr_i    (awaddr[10:0]),
        .csr_awprot_i    (csr_awprot_i),
        .csr_wvalid_i    (wvalid[U]),
        .csr_wready_o    (wready[U]),
        .csr_wdata_i     (wdata),
        .csr_wstrb_i     (wstrb),
        .csr_bvalid_o    (bvalid[U]),
        .csr_bready_i    (bready[U]),
        .csr_bresp_o     (bresp[U]),
        .csr_arvalid_i   (arvalid[U]),
        .csr_arready_o   (arready[U]),
        .csr_araddr_i    (araddr[10:0]),
        .csr_arprot_i    (csr_arprot_i),
        .csr_rvalid_o    (rvalid[U]),
        .csr_rready_i    (rready[U]),
        .csr_rdata_o     (rdata[U]),
        .csr_rresp_o     (rresp[U]),
        .s_axi_awid_i(s_axi_awid_i[e]),
        .s_axi_awaddr_i(s_axi_awaddr_i[e]),
        .s_axi_awlen_i(s_axi_awlen_i[e]),
        .s_axi_awsize_i(s_axi_awsize_i[e]),
        .s_axi_awburst_i(s_axi_awburst_i[e]),
        .s_axi_awlock_i(s_axi_awlock_i[e]),
        .s_axi_awcache_i(s_axi_awcache_i[e]),
        .s_axi_awprot_i(s_axi_awprot_i[e]),
        .s_axi_awqos_i(s_axi_awqos_i[e]),
        .s_axi_awvalid_i(s_axi_awvalid_i[e]),
        .s_axi_awready_o(s_axi_awready_o[e]),
        .s_axi_wdata_i(s_axi_wdata_i[e]),
        .s_axi_wstrb_i(s_axi_wstrb_i[e]),
        .s_axi_wlast_i(s_axi_wlast_i[e]),
        .s_axi_wvalid_i(s_axi_wvalid_i[e]),
        .s_axi_wready_o(s_axi_wready_o[e]),
        .s_axi_bid_o(s_axi_bid_o[e]),
        .s_axi_bresp_o(s_axi_bresp_o[e]),
        .s_axi_bvalid_o(s_axi_bvalid_o[e]),
        .s_axi_bready_i(s_axi_bready_i[e]),
        .s_axi_arid_i(s_axi_arid_i[e]),
        .s_axi_araddr_i(s_axi_araddr_i[e]),
        .s_axi_arlen_i(s_axi_arlen_i[e]),
        .s_axi_arsize_i(s_axi_arsize_i[e]),
        .s_axi_arburst_i(s_axi_arburst_i[e]),
        .s_axi_arlock_i(s_axi_arlock_i[e]),
        .s_axi_arcache_i(s_axi_arcache_i[e]),
        .s_axi_arprot_i(s_axi_arprot_i[e]),
        .s_axi_arqos_i(s_axi_arqos_i[e]),
        .s_axi_arvalid_i(s_axi_arvalid_i[e]),
        .s_axi_arready_o(s_axi_arready_o[e]),
        .s_axi_rid_o(s_axi_rid_o[e]),
        .s_axi_rdata_o(s_axi_rdata_o[e]),
        .s_axi_rresp_o(s_axi_rresp_o[e]),
        .s_axi_rlast_o(s_axi_rlast_o[e]),
        .s_axi_rvalid_o(s_axi_rvalid_o[e]),
        .s_axi_rready_i(s_axi_rready_i[e]),
        .cmd_valid_i(cmd_valid_i[e]),
        .cmd_ready_o(cmd_ready_o[e]),
        .cmd_i(cmd_i[e]),
        .res_valid_o(res_valid_o[e]),
        .res_ready_i(res_ready_i[e]),
        .res_o(res_o[e]),
        .col_cmd_valid_i(col_cmd_valid_i[e]),
        .col_cmd_ready_o(col_cmd_ready_o[e]),
        .col_cmd_i(col_cmd_i[e]),
        .col_res_valid_o(col_res_valid_o[e]),
        .col_res_ready_i(col_res_ready_i[e]),
        .col_res_o(col_res_o[e]),
        .m_axi_awid_o(m_axi_awid_o[e]),
        .m_axi_awaddr_o(m_axi_awaddr_o[e]),
        .m_axi_awlen_o(m_axi_awlen_o[e]),
        .m_axi_awsize_o(m_axi_awsize_o[e]),
        .m_axi_awburst_o(m_axi_awburst_o[e]),
        .m_axi_awlock_o(m_axi_awlock_o[e]),
        .m_axi_awcache_o(m_axi_awcache_o[e]),
        .m_axi_awprot_o(m_axi_awprot_o[e]),
        .m_axi_awqos_o(m_axi_awqos_o[e]),
        .m_axi_awvalid_o(m_axi_awvalid_o[e]),
        .m_axi_awready_i(m_axi_awready_i[e]),
        .m_axi_wdata_o(m_axi_wdata_o[e]),
        .m_axi_wstrb_o(m_axi_wstrb_o[e]),
        .m_axi_wlast_o(m_axi_wlast_o[e]),
        .m_axi_wvalid_o(m_axi_wvalid_o[e]),
        .m_axi_wready_i(m_axi_wready_i[e]),
        .m_axi_bid_i(m_axi_bid_i[e]),
        .m_axi_bresp_i(m_axi_bresp_i[e]),
        .m_axi_bvalid_i(m_axi_bvalid_i[e]),
        .m_axi_bready_o(m_axi_bready_o[e]),
        .m_axi_arid_o(m_axi_arid_o[e]),
        .m_axi_araddr_o(m_axi_araddr_o[e]),
        .m_axi_arlen_o(m_axi_arlen_o[e]),
        .m_axi_arsize_o(m_axi_arsize_o[e]),
        .m_axi_arburst_o(m_axi_arburst_o[e]),
        .m_axi_arlock_o(m_axi_arlock_o[e]),
        .m_axi_arcache_o(m_axi_arcache_o[e]),
        .m_axi_arprot_o(m_axi_arprot_o[e]),
        .m_axi_arqos_o(m_axi_arqos_o[e]),
        .m_axi_arvalid_o(m_axi_arvalid_o[e]),
        .m_axi_arready_i(m_axi_arready_i[e]),
        .m_axi_rid_i(m_axi_rid_i[e]),
        .m_axi_rdata_i(m_axi_rdata_i[e]),
        .m_axi_rresp_i(m_axi_rresp_i[e]),
        .m_axi_rlast_i(m_axi_rlast_i[e]),
        .m_axi_rvalid_i(m_axi_rvalid_i[e]),
        .m_axi_rready_o(m_axi_rready_o[e]),
        .c_axi_awid_o(c_axi_awid_o[e]),
        .c_axi_awaddr_o(c_axi_awaddr_o[e]),
        .c_axi_awlen_o(c_axi_awlen_o[e]),
        .c_axi_awsize_o(c_axi_awsize_o[e]),
        .c_axi_awburst_o(c_axi_awburst_o[e]),
        .c_axi_awvalid_o(c_axi_awvalid_o[e]),
        .c_axi_awready_i(c_axi_awready_i[e]),
        .c_axi_wdata_o(c_axi_wdata_o[e]),
        .c_axi_wstrb_o(c_axi_wstrb_o[e]),
        .c_axi_wlast_o(c_axi_wlast_o[e]),
        .c_axi_wvalid_o(c_axi_wvalid_o[e]),
        .c_axi_wready_i(c_axi_wready_i[e]),
        .c_axi_bid_i(c_axi_bid_i[e]),
        .c_axi_bresp_i(c_axi_bresp_i[e]),
        .c_axi_bvalid_i(c_axi_bvalid_i[e]),
        .c_axi_bready_o(c_axi_bready_o[e]),
        .c_axi_arid_o(c_axi_arid_o[e]),
        .c_axi_araddr_o(c_axi_araddr_o[e]),
        .c_axi_arlen_o(c_axi_arlen_o[e]),
        .c_axi_arsize_o(c_axi_arsize_o[e]),
        .c_axi_arburst_o(c_axi_arburst_o[e]),
        .c_axi_arvalid_o(c_axi_arvalid_o[e]),
        .c_axi_arready_i(c_axi_arready_i[e]),
        .c_axi_rid_i(c_axi_rid_i[e]),
        .c_axi_rdata_i(c_axi_rdata_i[e]),
        .c_axi_rresp_i(c_axi_rresp_i[e]),
        .c_axi_rlast_i(c_axi_rlast_i[e]),
        .c_axi_rvalid_i(c_axi_rvalid_i[e]),
        .c_axi_rready_o(c_axi_rready_o[e]),
        .tx_tvalid_o     (et_tvalid[e]),
        .tx_tready_i     (et_tready[e]),
        .tx_tdata_o      (et_tdata[e]),
        .tx_tuser_o      (et_tuser[e]),
        .tx_tlast_o      (et_tlast[e]),
        .tx_vc_room_i    (et_room[e]),
        .rx_tvalid_i     (er_tvalid[e]),
        .rx_tready_o     (er_tready[e]),
        .rx_tdata_i      (er_tdata[e]),
        .rx_tuser_i      (er_tuser[e]),
        .rx_tlast_i      (er_tlast[e]),
        .rx_vc_room_o    (er_room[e])
    );

    for (genvar p = 0; p < N_PLANES; p++) begin : g_way
      if (LINKS) begin : g_link
        // {at the plane, at the endpoint}
        logic [1:0][K-1:0][MARK_W-1:0] tx_mark, wire_mark_q;
        logic [1:0][K-1:0][UNIT_W-1:0] tx_unit, wire_unit_q;
        logic [1:0][K-1:0]             tx_valid, wire_valid_q;
        logic [1:0]                    up;

        for (genvar s = 0; s < 2; s++) begin : g_end
          localparam int unsigned L = N_PLANES + N_ENDPOINTS + s * Pairs + e * N_PLANES + p;
          logic              s_tvalid, s_tready, s_tlast, m_tvalid, m_tready, m_tlast;
          logic [FLIT_W-1:0] s_tdata, m_tdata;
          logic [USER_W-1:0] s_tuser, m_tuser;
          logic [NUM_VC-1:0] s_room, m_room;

          if (s == 0) begin : g_near
            assign {s_tvalid, s_tlast, s_tdata} = {et_tvalid[e][p], et_tlast[e][p], et_tdata[e][p]};
            assign {s_tuser, m_room}            = {et_tuser[e][p], er_room[e][p]};
            assign m_tready                     = er_tready[e][p];
            assign {et_tready[e][p], et_room[e][p]}  = {s_tready, s_room};
            assign {er_tvalid[e][p], er_tlast[e][p]} = {m_tvalid, m_tlast};
            assign {er_tdata[e][p], er_tuser[e][p]}  = {m_tdata, m_tuser};
          end else begin : g_far
            assign {s_tvalid, s_tlast, s_tdata} = {pm_tvalid[p][e], pm_tlast[p][e], pm_tdata[p][e]};
            assign {s_tuser, m_room}            = {pm_tuser[p][e], ps_room[p][e]};
            assign m_tready                     = ps_tready[p][e];
            assign {pm_tready[p][e], pm_room[p][e]}  = {s_tready, s_room};
            assign {ps_tvalid[p][e], ps_tlast[p][e]} = {m_tvalid, m_tlast};
            assign {ps_tdata[p][e], ps_tuser[p][e]}  = {m_tdata, m_tuser};
          end

          sp_link_end #(
              .FLIT_W      (FLIT_W),
              .FRAME_UNITS (FRAME_UNITS),
              .REPLAY_BEATS(REPLAY_BEATS),
              .RESERVED    ({NUM_VC{sp_link_pkg::RESERVED_W'(RESERVED)}}),
              .SHARED      (SHARED)
          ) i_end (
              .clk_i,
              .rx_clk_i     (clk_i),
              .rst_ni,
              .core_rst_ni  (rst_ni),
              .csr_awvalid_i(awvalid[L]),
              .csr_awready_o(awready[L]),
              .csr_awaddr_i (awaddr[7:0]),
              .csr_awprot_i (csr_awprot_i),
              .csr_wvalid_i (wvalid[L]),
              .csr_wready_o (wready[L]),
              .csr_wdata_i  (wdata),
              .csr_wstrb_i  (wstrb),
              .csr_bvalid_o (bvalid[L]),
              .csr_bready_i (bready[L]),
              .csr_bresp_o  (bresp[L]),
              .csr_arvalid_i(arvalid[L]),
              .csr_arready_o(arready[L]),
              .csr_araddr_i (araddr[7:0]),
              .csr_arprot_i (csr_arprot_i),
              .csr_rvalid_o (rvalid[L]),
              .csr_rready_i (rready[L]),
              .csr_rdata_o  (rdata[L]),
              .csr_rresp_o  (rresp[L]),
              .s_tvalid_i   (s_tvalid),
              .s_tready_o   (s_tready),
              .s_tdata_i    (s_tdata),
              .s_tuser_i    (s_tuser),
              .s_tlast_i    (s_tlast),
              .s_room_o     (s_room),
              .m_tvalid_o   (m_tvalid),
              .m_tready_i   (m_tready),
              .m_tdata_o    (m_tdata),
              .m_tuser_o    (m_tuser),
              .m_tlast_o    (m_tlast),
              .m_room_i     (m_room),
              .tx_mark_o    (tx_mark[s]),
              .tx_unit_o    (tx_unit[s]),
              .tx_valid_o   (tx_valid[s]),
              .rx_valid_i   (wire_valid_q[1-s]),
              .rx_mark_i    (wire_mark_q[1-s]),
              .rx_unit_i    (wire_unit_q[1-s]),
              .up_o         (up[s])
          );
        end

        always_ff @(posedge clk_i or negedge rst_ni) begin
          if (!rst_ni) wire_valid_q <= '0;
          else wire_valid_q <= cut_i[e][p] ? '0 : tx_valid;
        end
        always_ff @(posedge clk_i) begin
          wire_mark_q <= tx_mark;
          wire_unit_q <= tx_unit;
        end
        always_ff @(posedge clk_i or negedge rst_ni) begin
          if (!rst_ni) p_down_q[p][e] <= 1'b1;
          else p_down_q[p][e] <= !up[1];
        end
        assign up_o[e][p] = up[0];
      end else begin : g_wire
        assign ps_tvalid[p][e] = et_tvalid[e][p];
        assign et_tready[e][p] = ps_tready[p][e];
        assign ps_tdata[p][e]  = et_tdata[e][p];
        assign ps_tuser[p][e]  = et_tuser[e][p];
        assign ps_tlast[p][e]  = et_tlast[e][p];
        assign et_room[e][p]   = ps_room[p][e];
        assign er_tvalid[e][p] = pm_tvalid[p][e];
        assign pm_tready[p][e] = er_tready[e][p];
        assign er_tdata[e][p]  = pm_tdata[p][e];
        assign er_tuser[e][p]  = pm_tuser[p][e];
        assign er_tlast[e][p]  = pm_tlast[p][e];
        assign pm_room[p][e]   = er_room[e][p];
        // The endpoint looks at a register of its own: so both see it in the same cycle.
        always_ff @(posedge clk_i or negedge rst_ni) begin
          if (!rst_ni) p_down_q[p][e] <= 1'b1;
          else p_down_q[p][e] <= cut_i[e][p];
        end
        assign up_o[e][p] = !cut_i[e][p];
      end
    end
  end

  for (genvar p = 0; p < N_PLANES; p++) begin : g_plane
    sp_switch_core #(
        .N_PORTS     (N_ENDPOINTS),
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
        .s_axis_tvalid_i(ps_tvalid[p]),
        .s_axis_tready_o(ps_tready[p]),
        .s_axis_tdata_i (ps_tdata[p]),
        .s_axis_tuser_i (ps_tuser[p]),
        .s_axis_tlast_i (ps_tlast[p]),
        .s_vc_room_o    (ps_room[p]),
        .m_axis_tvalid_o(pm_tvalid[p]),
        .m_axis_tready_i(pm_tready[p]),
        .m_axis_tdata_o (pm_tdata[p]),
        .m_axis_tuser_o (pm_tuser[p]),
        .m_axis_tlast_o (pm_tlast[p]),
        .m_vc_room_i    (pm_room[p]),
        .link_down_i    (p_down_q[p]),
        .irq_o          (plane_irq_o[p]),
        .csr_awvalid_i  (awvalid[p]),
        .csr_awready_o  (awready[p]),
        .csr_awaddr_i   (awaddr),
        .csr_awprot_i   (csr_awprot_i),
        .csr_wvalid_i   (wvalid[p]),
        .csr_wready_o   (wready[p]),
        .csr_wdata_i    (wdata),
        .csr_wstrb_i    (wstrb),
        .csr_bvalid_o   (bvalid[p]),
        .csr_bready_i   (bready[p]),
        .csr_bresp_o    (bresp[p]),
        .csr_arvalid_i  (arvalid[p]),
        .csr_arready_o  (arready[p]),
        .csr_araddr_i   (araddr),
        .csr_arprot_i   (csr_arprot_i),
        .csr_rvalid_o   (rvalid[p]),
        .csr_rready_i   (rready[p]),
        .csr_rdata_o    (rdata[p]),
        .csr_rresp_o    (rresp[p])
    );
  end

endmodule
