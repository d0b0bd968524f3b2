// SPDX-License-Identifier: Apache-2.0
//
// An endpoint: an accelerator's loads, stores, atomics and collectives to packets, and others'
// packets to its memory (docs/endpoint.md). Guarantees are those of its parts:
//
//   sp_requester  <--> sp_checks <--> |           | <--> plane 0
//   sp_completer  <--> sp_checks <--> | sp_planes | <--> plane 1
//   sp_collective <--> sp_checks <--> |           | ...               sp_endpoint_csr: registers

module sp_endpoint #(
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
    /// Planes, 1 to 8.
    parameter int unsigned N_PLANES = 2,
    /// Requests of others that are executed at a time, 2 to 16.
    parameter int unsigned N_ACTIVE = 8,
    /// Atomics that are remembered.
    parameter int unsigned N_ATOMICS = 16,
    /// Collectives; without, their commands are answered with ST_OP and their packets dropped.
    parameter bit COLLECTIVES = 1'b1,
    /// Collectives under way: 2, 4, 8 or 16.
    parameter int unsigned N_COMMANDS = 4,
    /// Slices of a collective that are under way.
    parameter int unsigned WINDOW = 8,
    /// Rows of the fetch table, 1 to 64.
    parameter int unsigned N_GROUPS = 4,
    /// Contexts of all engines of the switches.
    parameter int unsigned FETCHES = 16,
    /// Flits of others' requests that wait, for each plane.
    parameter int unsigned REQ_FLITS = 64,
    /// The end-to-end check; without, packets leave without it, and those that have one are marked.
    parameter bit CHECK = 1'b1,
    localparam int unsigned CsrW = 11
) (
    /// Clock.
    input  logic                                    clk_i,
    /// Reset, active low, asynchronous.
    input  logic                                    rst_ni,
    /// A plane carries packets; what it had on its way is lost when it does not.
    input  logic [N_PLANES-1:0]                     plane_up_i,
    /// Level: something happened that the mask of interrupts names.
    output logic                                    irq_o,
    /// Registers, AXI4-Lite, write address: valid.
    input  logic                                    csr_awvalid_i,
    /// Registers, AXI4-Lite, write address: ready.
    output logic                                    csr_awready_o,
    /// Registers, AXI4-Lite, write address.
    input  logic [CsrW-1:0]                         csr_awaddr_i,
    /// Registers, AXI4-Lite, write address: protection, ignored.
    input  logic [2:0]                              csr_awprot_i,
    /// Registers, AXI4-Lite, write data: valid.
    input  logic                                    csr_wvalid_i,
    /// Registers, AXI4-Lite, write data: ready.
    output logic                                    csr_wready_o,
    /// Registers, AXI4-Lite, write data.
    input  logic [31:0]                             csr_wdata_i,
    /// Registers, AXI4-Lite, write data: bytes that count.
    input  logic [3:0]                              csr_wstrb_i,
    /// Registers, AXI4-Lite, write response: valid.
    output logic                                    csr_bvalid_o,
    /// Registers, AXI4-Lite, write response: ready.
    input  logic                                    csr_bready_i,
    /// Registers, AXI4-Lite, write response.
    output logic [1:0]                              csr_bresp_o,
    /// Registers, AXI4-Lite, read address: valid.
    input  logic                                    csr_arvalid_i,
    /// Registers, AXI4-Lite, read address: ready.
    output logic                                    csr_arready_o,
    /// Registers, AXI4-Lite, read address.
    input  logic [CsrW-1:0]                         csr_araddr_i,
    /// Registers, AXI4-Lite, read address: protection, ignored.
    input  logic [2:0]                              csr_arprot_i,
    /// Registers, AXI4-Lite, read data: valid.
    output logic                                    csr_rvalid_o,
    /// Registers, AXI4-Lite, read data: ready.
    input  logic                                    csr_rready_i,
    /// Registers, AXI4-Lite, read data.
    output logic [31:0]                             csr_rdata_o,
    /// Registers, AXI4-Lite, read data: response.
    output logic [1:0]                              csr_rresp_o,
    /// Accelerator's loads and stores, write address: ID.
    input  logic [AXI_ID_W-1:0]                     s_axi_awid_i,
    /// Accelerator's loads and stores, write address.
    input  logic [sp_endpoint_pkg::AXI_ADDR_W-1:0]  s_axi_awaddr_i,
    /// Accelerator's loads and stores, write address: beats less one.
    input  logic [7:0]                              s_axi_awlen_i,
    /// Accelerator's loads and stores, write address: bytes of a beat, log2.
    input  logic [2:0]                              s_axi_awsize_i,
    /// Accelerator's loads and stores, write address: kind of burst.
    input  logic [1:0]                              s_axi_awburst_i,
    /// Accelerator's loads and stores, write address: lock.
    input  logic                                    s_axi_awlock_i,
    /// Accelerator's loads and stores, write address: cache.
    input  logic [3:0]                              s_axi_awcache_i,
    /// Accelerator's loads and stores, write address: protection.
    input  logic [2:0]                              s_axi_awprot_i,
    /// Accelerator's loads and stores, write address: quality of service.
    input  logic [3:0]                              s_axi_awqos_i,
    /// Accelerator's loads and stores, write address: valid.
    input  logic                                    s_axi_awvalid_i,
    /// Accelerator's loads and stores, write address: ready.
    output logic                                    s_axi_awready_o,
    /// Accelerator's loads and stores, write data.
    input  logic [DATA_W-1:0]                       s_axi_wdata_i,
    /// Accelerator's loads and stores, write data: bytes that count.
    input  logic [DATA_W/8-1:0]                     s_axi_wstrb_i,
    /// Accelerator's loads and stores, write data: last beat.
    input  logic                                    s_axi_wlast_i,
    /// Accelerator's loads and stores, write data: valid.
    input  logic                                    s_axi_wvalid_i,
    /// Accelerator's loads and stores, write data: ready.
    output logic                                    s_axi_wready_o,
    /// Accelerator's loads and stores, write response: ID.
    output logic [AXI_ID_W-1:0]                     s_axi_bid_o,
    /// Accelerator's loads and stores, write response.
    output logic [1:0]                              s_axi_bresp_o,
    /// Accelerator's loads and stores, write response: valid.
    output logic                                    s_axi_bvalid_o,
    /// Accelerator's loads and stores, write response: ready.
    input  logic                                    s_axi_bready_i,
    /// Accelerator's loads and stores, read address: ID.
    input  logic [AXI_ID_W-1:0]                     s_axi_arid_i,
    /// Accelerator's loads and stores, read address.
    input  logic [sp_endpoint_pkg::AXI_ADDR_W-1:0]  s_axi_araddr_i,
    /// Accelerator's loads and stores, read address: beats less one.
    input  logic [7:0]                              s_axi_arlen_i,
    /// Accelerator's loads and stores, read address: bytes of a beat, log2.
    input  logic [2:0]                              s_axi_arsize_i,
    /// Accelerator's loads and stores, read address: kind of burst.
    input  logic [1:0]                              s_axi_arburst_i,
    /// Accelerator's loads and stores, read address: lock.
    input  logic                                    s_axi_arlock_i,
    /// Accelerator's loads and stores, read address: cache.
    input  logic [3:0]                              s_axi_arcache_i,
    /// Accelerator's loads and stores, read address: protection.
    input  logic [2:0]                              s_axi_arprot_i,
    /// Accelerator's loads and stores, read address: quality of service.
    input  logic [3:0]                              s_axi_arqos_i,
    /// Accelerator's loads and stores, read address: valid.
    input  logic                                    s_axi_arvalid_i,
    /// Accelerator's loads and stores, read address: ready.
    output logic                                    s_axi_arready_o,
    /// Accelerator's loads and stores, read data: ID.
    output logic [AXI_ID_W-1:0]                     s_axi_rid_o,
    /// Accelerator's loads and stores, read data.
    output logic [DATA_W-1:0]                       s_axi_rdata_o,
    /// Accelerator's loads and stores, read data: response.
    output logic [1:0]                              s_axi_rresp_o,
    /// Accelerator's loads and stores, read data: last beat.
    output logic                                    s_axi_rlast_o,
    /// Accelerator's loads and stores, read data: valid.
    output logic                                    s_axi_rvalid_o,
    /// Accelerator's loads and stores, read data: ready.
    input  logic                                    s_axi_rready_i,
    /// Command: valid.
    input  logic                                    cmd_valid_i,
    /// Command: ready.
    output logic                                    cmd_ready_o,
    /// Command.
    input  sp_endpoint_pkg::command_t               cmd_i,
    /// Result of a command: valid.
    output logic                                    res_valid_o,
    /// Result of a command: ready.
    input  logic                                    res_ready_i,
    /// Result of a command.
    output sp_endpoint_pkg::result_t                res_o,
    /// Command to take part in a collective: valid.
    input  logic                                    col_cmd_valid_i,
    /// Command to take part in a collective: ready.
    output logic                                    col_cmd_ready_o,
    /// Command to take part in a collective.
    input  sp_endpoint_pkg::collective_t            col_cmd_i,
    /// Result of that: valid.
    output logic                                    col_res_valid_o,
    /// Result of that: ready.
    input  logic                                    col_res_ready_i,
    /// Result of that.
    output sp_endpoint_pkg::collective_result_t     col_res_o,
    /// Others' loads and stores to the memory, write address: ID.
    output logic [AXI_ID_W-1:0]                     m_axi_awid_o,
    /// Others' loads and stores to the memory, write address.
    output logic [sp_endpoint_pkg::AXI_ADDR_W-1:0]  m_axi_awaddr_o,
    /// Others' loads and stores to the memory, write address: beats less one.
    output logic [7:0]                              m_axi_awlen_o,
    /// Others' loads and stores to the memory, write address: bytes of a beat, log2.
    output logic [2:0]                              m_axi_awsize_o,
    /// Others' loads and stores to the memory, write address: kind of burst.
    output logic [1:0]                              m_axi_awburst_o,
    /// Others' loads and stores to the memory, write address: lock.
    output logic                                    m_axi_awlock_o,
    /// Others' loads and stores to the memory, write address: cache.
    output logic [3:0]                              m_axi_awcache_o,
    /// Others' loads and stores to the memory, write address: protection.
    output logic [2:0]                              m_axi_awprot_o,
    /// Others' loads and stores to the memory, write address: quality of service.
    output logic [3:0]                              m_axi_awqos_o,
    /// Others' loads and stores to the memory, write address: valid.
    output logic                                    m_axi_awvalid_o,
    /// Others' loads and stores to the memory, write address: ready.
    input  logic                                    m_axi_awready_i,
    /// Others' loads and stores to the memory, write data.
    output logic [DATA_W-1:0]                       m_axi_wdata_o,
    /// Others' loads and stores to the memory, write data: bytes that count.
    output logic [DATA_W/8-1:0]                     m_axi_wstrb_o,
    /// Others' loads and stores to the memory, write data: last beat.
    output logic                                    m_axi_wlast_o,
    /// Others' loads and stores to the memory, write data: valid.
    output logic                                    m_axi_wvalid_o,
    /// Others' loads and stores to the memory, write data: ready.
    input  logic                                    m_axi_wready_i,
    /// Others' loads and stores to the memory, write response: ID.
    input  logic [AXI_ID_W-1:0]                     m_axi_bid_i,
    /// Others' loads and stores to the memory, write response.
    input  logic [1:0]                              m_axi_bresp_i,
    /// Others' loads and stores to the memory, write response: valid.
    input  logic                                    m_axi_bvalid_i,
    /// Others' loads and stores to the memory, write response: ready.
    output logic                                    m_axi_bready_o,
    /// Others' loads and stores to the memory, read address: ID.
    output logic [AXI_ID_W-1:0]                     m_axi_arid_o,
    /// Others' loads and stores to the memory, read address.
    output logic [sp_endpoint_pkg::AXI_ADDR_W-1:0]  m_axi_araddr_o,
    /// Others' loads and stores to the memory, read address: beats less one.
    output logic [7:0]                              m_axi_arlen_o,
    /// Others' loads and stores to the memory, read address: bytes of a beat, log2.
    output logic [2:0]                              m_axi_arsize_o,
    /// Others' loads and stores to the memory, read address: kind of burst.
    output logic [1:0]                              m_axi_arburst_o,
    /// Others' loads and stores to the memory, read address: lock.
    output logic                                    m_axi_arlock_o,
    /// Others' loads and stores to the memory, read address: cache.
    output logic [3:0]                              m_axi_arcache_o,
    /// Others' loads and stores to the memory, read address: protection.
    output logic [2:0]                              m_axi_arprot_o,
    /// Others' loads and stores to the memory, read address: quality of service.
    output logic [3:0]                              m_axi_arqos_o,
    /// Others' loads and stores to the memory, read address: valid.
    output logic                                    m_axi_arvalid_o,
    /// Others' loads and stores to the memory, read address: ready.
    input  logic                                    m_axi_arready_i,
    /// Others' loads and stores to the memory, read data: ID.
    input  logic [AXI_ID_W-1:0]                     m_axi_rid_i,
    /// Others' loads and stores to the memory, read data.
    input  logic [DATA_W-1:0]                       m_axi_rdata_i,
    /// Others' loads and stores to the memory, read data: response.
    input  logic [1:0]                              m_axi_rresp_i,
    /// Others' loads and stores to the memory, read data: last beat.
    input  logic                                    m_axi_rlast_i,
    /// Others' loads and stores to the memory, read data: valid.
    input  logic                                    m_axi_rvalid_i,
    /// Others' loads and stores to the memory, read data: ready.
    output logic                                    m_axi_rready_o,
    /// Collectives to the memory, write address: ID.
    output logic [AXI_ID_W-1:0]                     c_axi_awid_o,
    /// Collectives to the memory, write address.
    output logic [sp_endpoint_pkg::AXI_ADDR_W-1:0]  c_axi_awaddr_o,
    /// Collectives to the memory, write address: beats less one.
    output logic [7:0]                              c_axi_awlen_o,
    /// Collectives to the memory, write address: bytes of a beat, log2.
    output logic [2:0]                              c_axi_awsize_o,
    /// Collectives to the memory, write address: kind of burst.
    output logic [1:0]                              c_axi_awburst_o,
    /// Collectives to the memory, write address: valid.
    output logic                                    c_axi_awvalid_o,
    /// Collectives to the memory, write address: ready.
    input  logic                                    c_axi_awready_i,
    /// Collectives to the memory, write data.
    output logic [DATA_W-1:0]                       c_axi_wdata_o,
    /// Collectives to the memory, write data: bytes that count.
    output logic [DATA_W/8-1:0]                     c_axi_wstrb_o,
    /// Collectives to the memory, write data: last beat.
    output logic                                    c_axi_wlast_o,
    /// Collectives to the memory, write data: valid.
    output logic                                    c_axi_wvalid_o,
    /// Collectives to the memory, write data: ready.
    input  logic                                    c_axi_wready_i,
    /// Collectives to the memory, write response: ID.
    input  logic [AXI_ID_W-1:0]                     c_axi_bid_i,
    /// Collectives to the memory, write response.
    input  logic [1:0]                              c_axi_bresp_i,
    /// Collectives to the memory, write response: valid.
    input  logic                                    c_axi_bvalid_i,
    /// Collectives to the memory, write response: ready.
    output logic                                    c_axi_bready_o,
    /// Collectives to the memory, read address: ID.
    output logic [AXI_ID_W-1:0]                     c_axi_arid_o,
    /// Collectives to the memory, read address.
    output logic [sp_endpoint_pkg::AXI_ADDR_W-1:0]  c_axi_araddr_o,
    /// Collectives to the memory, read address: beats less one.
    output logic [7:0]                              c_axi_arlen_o,
    /// Collectives to the memory, read address: bytes of a beat, log2.
    output logic [2:0]                              c_axi_arsize_o,
    /// Collectives to the memory, read address: kind of burst.
    output logic [1:0]                              c_axi_arburst_o,
    /// Collectives to the memory, read address: valid.
    output logic                                    c_axi_arvalid_o,
    /// Collectives to the memory, read address: ready.
    input  logic                                    c_axi_arready_i,
    /// Collectives to the memory, read data: ID.
    input  logic [AXI_ID_W-1:0]                     c_axi_rid_i,
    /// Collectives to the memory, read data.
    input  logic [DATA_W-1:0]                       c_axi_rdata_i,
    /// Collectives to the memory, read data: response.
    input  logic [1:0]                              c_axi_rresp_i,
    /// Collectives to the memory, read data: last beat.
    input  logic                                    c_axi_rlast_i,
    /// Collectives to the memory, read data: valid.
    input  logic                                    c_axi_rvalid_i,
    /// Collectives to the memory, read data: ready.
    output logic                                    c_axi_rready_o,
    /// To the planes: valid.
    output logic [N_PLANES-1:0]                     tx_tvalid_o,
    /// To the planes: ready.
    input  logic [N_PLANES-1:0]                     tx_tready_i,
    /// To the planes: payload.
    output logic [N_PLANES-1:0][FLIT_W-1:0]         tx_tdata_o,
    /// To the planes: {error mark with the last beat, header with the first}.
    output logic [N_PLANES-1:0][sp_pkg::USER_W-1:0] tx_tuser_o,
    /// To the planes: last beat.
    output logic [N_PLANES-1:0]                     tx_tlast_o,
    /// To the planes, by VC: a longest packet can be sent.
    input  logic [N_PLANES-1:0][sp_pkg::NUM_VC-1:0] tx_vc_room_i,
    /// From the planes: valid.
    input  logic [N_PLANES-1:0]                     rx_tvalid_i,
    /// From the planes: ready.
    output logic [N_PLANES-1:0]                     rx_tready_o,
    /// From the planes: payload.
    input  logic [N_PLANES-1:0][FLIT_W-1:0]         rx_tdata_i,
    /// From the planes: {error mark with the last beat, header with the first}.
    input  logic [N_PLANES-1:0][sp_pkg::USER_W-1:0] rx_tuser_i,
    /// From the planes: last beat.
    input  logic [N_PLANES-1:0]                     rx_tlast_i,
    /// From the planes, by VC: a longest packet can be taken.
    output logic [N_PLANES-1:0][sp_pkg::NUM_VC-1:0] rx_vc_room_o
);
  /* verilator no_inline_module */  // one C++ body for all

  import sp_pkg::*;
  import sp_endpoint_pkg::*;
  import sp_endpoint_event_pkg::*;

  localparam int unsigned PlaneW = (N_PLANES > 1) ? $clog2(N_PLANES) : 1;
  // Without collectives there is no fetch table; what shows it has a row still.
  localparam int unsigned Groups = COLLECTIVES ? N_GROUPS : 1;
  localparam int unsigned RowW = (Groups > 1) ? $clog2(Groups) : 1;

  // ------------------------------------------------------------------------------------ registers

  logic                    seal, must_seal, shut;
  logic [ID_W-1:0]         source;
  logic [31:0]             tag_timeout, reissue_delay, remember, collective_timeout;
  logic [31:0]             loss_timeout, avoid_time;
  logic                    least;
  logic [N_PLANES-1:0]     planes, spare, up_q;
  region_t                 region [N_REGIONS];
  region_t [N_REGIONS-1:0] regions;
  logic                    fetch_valid [Groups];
  logic [AXI_ADDR_W-1:0]   fetch_base [Groups];
  logic [31:0]             fetch_bytes [Groups];
  logic                    fetch_we;
  logic [RowW-1:0]         fetch_row;
  logic [N_EVENTS-1:0]     event_bits;

  for (genvar r = 0; r < N_REGIONS; r++) begin : g_region
    assign regions[r] = region[r];
  end

  // The parts see a plane go down in the same cycle.
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) up_q <= '0;
    else up_q <= plane_up_i;
  end

  sp_endpoint_csr #(
      .N_REGIONS (N_REGIONS),
      .N_GROUPS  (COLLECTIVES ? N_GROUPS : 0),
      .N_PLANES  (N_PLANES),
      .FLIT_W    (FLIT_W),
      .DATA_W    (DATA_W),
      .N_TAGS    (N_TAGS),
      .N_COMMANDS(COLLECTIVES ? N_COMMANDS : 0),
      .CHECK     (CHECK)
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
      .irq_o,
      .seal_o              (seal),
      .require_o           (must_seal),
      .shut_o              (shut),
      .source_o            (source),
      .tag_timeout_o       (tag_timeout),
      .reissue_delay_o     (reissue_delay),
      .remember_o          (remember),
      .collective_timeout_o(collective_timeout),
      .loss_timeout_o      (loss_timeout),
      .avoid_time_o        (avoid_time),
      .least_o             (least),
      .spare_o             (spare),
      .planes_o            (planes),
      .region_o            (region),
      .fetch_valid_o       (fetch_valid),
      .fetch_base_o        (fetch_base),
      .fetch_bytes_o       (fetch_bytes),
      .fetch_we_o          (fetch_we),
      .fetch_row_o         (fetch_row),
      .plane_up_i          (up_q),
      .event_i             (event_bits)
  );

  // ---------------------------------------------------------------------------------------- parts
  // Streams of the parts: requests out (q) and in (r), answers out (a) and in (b), collectives out
  // (c) and in (d), each sealed (s) on the side of the planes.

  logic                    q_tvalid, q_tready, q_tlast;
  logic [FLIT_W-1:0]       q_tdata;
  logic [USER_W-1:0]       q_tuser;
  logic [PlaneW-1:0]       q_plane;
  logic                    qs_tvalid, qs_tready, qs_tlast;
  logic [FLIT_W-1:0]       qs_tdata;
  logic [USER_W-1:0]       qs_tuser;
  logic [PlaneW-1:0]       qs_plane;
  logic                    r_tvalid, r_tready, r_tlast;
  logic [FLIT_W-1:0]       r_tdata;
  logic [USER_W-1:0]       r_tuser;
  logic [PlaneW-1:0]       r_plane;
  logic                    rs_tvalid, rs_tready, rs_tlast;
  logic [FLIT_W-1:0]       rs_tdata;
  logic [USER_W-1:0]       rs_tuser;
  logic [PlaneW-1:0]       rs_plane;
  logic                    a_tvalid, a_tready, a_tlast;
  logic [FLIT_W-1:0]       a_tdata;
  logic [USER_W-1:0]       a_tuser;
  logic [PlaneW-1:0]       a_plane;
  logic                    as_tvalid, as_tready, as_tlast;
  logic [FLIT_W-1:0]       as_tdata;
  logic [USER_W-1:0]       as_tuser;
  logic [PlaneW-1:0]       as_plane;
  logic                    b_tvalid, b_tready, b_tlast;
  logic [FLIT_W-1:0]       b_tdata;
  logic [USER_W-1:0]       b_tuser;
  logic                    b_void;
  logic                    bs_tvalid, bs_tready, bs_tlast;
  logic [FLIT_W-1:0]       bs_tdata;
  logic [USER_W-1:0]       bs_tuser;
  /* verilator lint_off UNUSEDSIGNAL */  // the tag of an answer says what it is for
  logic [PlaneW-1:0]       bs_plane;
  /* verilator lint_on UNUSEDSIGNAL */
  logic                    cs_tvalid, cs_tready, cs_tlast;
  logic [FLIT_W-1:0]       cs_tdata;
  logic [USER_W-1:0]       cs_tuser;
  logic [PlaneW-1:0]       cs_plane;
  logic                    ds_tvalid, ds_tready, ds_tlast;
  logic [FLIT_W-1:0]       ds_tdata;
  logic [USER_W-1:0]       ds_tuser;
  logic [PlaneW-1:0]       ds_plane;
  logic                    bs_void;
  /* verilator lint_off UNUSEDSIGNAL */  // these look at the error mark, which it has too
  logic                    d_void, r_void;
  /* verilator lint_on UNUSEDSIGNAL */
  requester_event_t        requester_event;
  completer_event_t        completer_event;
  collective_event_t       collective_event;
  logic                    open_aw, open_ar, open_cmd;
  logic                    broken_request, broken_answer, broken_collective;
  logic [N_PLANES-1:0]     dropped, closed, stray;

  // What is shut begins nothing new; what has begun ends.
  assign open_aw  = s_axi_awvalid_i && !shut;
  assign open_ar  = s_axi_arvalid_i && !shut;
  assign open_cmd = cmd_valid_i && !shut;
  logic aw_ready, ar_ready, cmd_ready;
  assign s_axi_awready_o = aw_ready && !shut;
  assign s_axi_arready_o = ar_ready && !shut;
  assign cmd_ready_o     = cmd_ready && !shut;

  sp_requester #(
      .FLIT_W   (FLIT_W),
      .DATA_W   (DATA_W),
      .AXI_ID_W (AXI_ID_W),
      .N_TAGS   (N_TAGS),
      .N_REGIONS(N_REGIONS),
      .N_PLANES (N_PLANES)
  ) i_requester (
      .clk_i,
      .rst_ni,
      .source_i       (source),
      .region_i       (regions),
      .tag_timeout_i  (tag_timeout),
      .reissue_delay_i(reissue_delay),
      .loss_timeout_i (loss_timeout),
      .avoid_time_i   (avoid_time),
      .spare_i        (spare),
      .least_i        (least),
      .plane_up_i     (up_q),
      .s_axi_awid_i,
      .s_axi_awaddr_i,
      .s_axi_awlen_i,
      .s_axi_awsize_i,
      .s_axi_awburst_i,
      .s_axi_awlock_i,
      .s_axi_awcache_i,
      .s_axi_awprot_i,
      .s_axi_awqos_i,
      .s_axi_awvalid_i(open_aw),
      .s_axi_awready_o(aw_ready),
      .s_axi_wdata_i,
      .s_axi_wstrb_i,
      .s_axi_wlast_i,
      .s_axi_wvalid_i,
      .s_axi_wready_o,
      .s_axi_bid_o,
      .s_axi_bresp_o,
      .s_axi_bvalid_o,
      .s_axi_bready_i,
      .s_axi_arid_i,
      .s_axi_araddr_i,
      .s_axi_arlen_i,
      .s_axi_arsize_i,
      .s_axi_arburst_i,
      .s_axi_arlock_i,
      .s_axi_arcache_i,
      .s_axi_arprot_i,
      .s_axi_arqos_i,
      .s_axi_arvalid_i(open_ar),
      .s_axi_arready_o(ar_ready),
      .s_axi_rid_o,
      .s_axi_rdata_o,
      .s_axi_rresp_o,
      .s_axi_rlast_o,
      .s_axi_rvalid_o,
      .s_axi_rready_i,
      .cmd_valid_i    (open_cmd),
      .cmd_ready_o    (cmd_ready),
      .cmd_i,
      .res_valid_o,
      .res_ready_i,
      .res_o,
      .req_tvalid_o   (q_tvalid),
      .req_tready_i   (q_tready),
      .req_tdata_o    (q_tdata),
      .req_tuser_o    (q_tuser),
      .req_tlast_o    (q_tlast),
      .req_plane_o    (q_plane),
      .rsp_tvalid_i   (b_tvalid),
      .rsp_tready_o   (b_tready),
      .rsp_tdata_i    (b_tdata),
      .rsp_tuser_i    (b_tuser),
      .rsp_tlast_i    (b_tlast),
      .rsp_void_i     (b_void),
      .event_o        (requester_event)
  );

  sp_completer #(
      .FLIT_W   (FLIT_W),
      .DATA_W   (DATA_W),
      .AXI_ID_W (AXI_ID_W),
      .N_ACTIVE (N_ACTIVE),
      .N_ATOMICS(N_ATOMICS),
      .N_PLANES (N_PLANES)
  ) i_completer (
      .clk_i,
      .rst_ni,
      .source_i    (source),
      .remember_i  (remember),
      .req_tvalid_i(r_tvalid),
      .req_tready_o(r_tready),
      .req_tdata_i (r_tdata),
      .req_tuser_i (r_tuser),
      .req_tlast_i (r_tlast),
      .req_plane_i (r_plane),
      .rsp_tvalid_o(a_tvalid),
      .rsp_tready_i(a_tready),
      .rsp_tdata_o (a_tdata),
      .rsp_tuser_o (a_tuser),
      .rsp_tlast_o (a_tlast),
      .rsp_plane_o (a_plane),
      .m_axi_awid_o,
      .m_axi_awaddr_o,
      .m_axi_awlen_o,
      .m_axi_awsize_o,
      .m_axi_awburst_o,
      .m_axi_awlock_o,
      .m_axi_awcache_o,
      .m_axi_awprot_o,
      .m_axi_awqos_o,
      .m_axi_awvalid_o,
      .m_axi_awready_i,
      .m_axi_wdata_o,
      .m_axi_wstrb_o,
      .m_axi_wlast_o,
      .m_axi_wvalid_o,
      .m_axi_wready_i,
      .m_axi_bid_i,
      .m_axi_bresp_i,
      .m_axi_bvalid_i,
      .m_axi_bready_o,
      .m_axi_arid_o,
      .m_axi_araddr_o,
      .m_axi_arlen_o,
      .m_axi_arsize_o,
      .m_axi_arburst_o,
      .m_axi_arlock_o,
      .m_axi_arcache_o,
      .m_axi_arprot_o,
      .m_axi_arqos_o,
      .m_axi_arvalid_o,
      .m_axi_arready_i,
      .m_axi_rid_i,
      .m_axi_rdata_i,
      .m_axi_rresp_i,
      .m_axi_rlast_i,
      .m_axi_rvalid_i,
      .m_axi_rready_o,
      .event_o     (completer_event)
  );

  // --------------------------------------------------------------------------------------- checks

  sp_checks #(
      .FLIT_W(FLIT_W),
      .OUT_W (PlaneW),
      .IN_W  (1),
      .CHECK (CHECK)
  ) i_requester_checks (
      .clk_i,
      .rst_ni,
      .seal_i        (seal),
      .require_i     (must_seal),
      .s_out_tvalid_i(q_tvalid),
      .s_out_tready_o(q_tready),
      .s_out_tdata_i (q_tdata),
      .s_out_tuser_i (q_tuser),
      .s_out_tlast_i (q_tlast),
      .s_out_side_i  (q_plane),
      .m_out_tvalid_o(qs_tvalid),
      .m_out_tready_i(qs_tready),
      .m_out_tdata_o (qs_tdata),
      .m_out_tuser_o (qs_tuser),
      .m_out_tlast_o (qs_tlast),
      .m_out_side_o  (qs_plane),
      .s_in_tvalid_i (bs_tvalid),
      .s_in_tready_o (bs_tready),
      .s_in_tdata_i  (bs_tdata),
      .s_in_tuser_i  (bs_tuser),
      .s_in_tlast_i  (bs_tlast),
      .s_in_side_i   (bs_void),
      .m_in_tvalid_o (b_tvalid),
      .m_in_tready_i (b_tready),
      .m_in_tdata_o  (b_tdata),
      .m_in_tuser_o  (b_tuser),
      .m_in_tlast_o  (b_tlast),
      .m_in_side_o   (b_void),
      .ev_broken_o   (broken_answer)
  );

  sp_checks #(
      .FLIT_W(FLIT_W),
      .OUT_W (PlaneW),
      .IN_W  (PlaneW),
      .CHECK (CHECK)
  ) i_completer_checks (
      .clk_i,
      .rst_ni,
      .seal_i        (seal),
      .require_i     (must_seal),
      .s_out_tvalid_i(a_tvalid),
      .s_out_tready_o(a_tready),
      .s_out_tdata_i (a_tdata),
      .s_out_tuser_i (a_tuser),
      .s_out_tlast_i (a_tlast),
      .s_out_side_i  (a_plane),
      .m_out_tvalid_o(as_tvalid),
      .m_out_tready_i(as_tready),
      .m_out_tdata_o (as_tdata),
      .m_out_tuser_o (as_tuser),
      .m_out_tlast_o (as_tlast),
      .m_out_side_o  (as_plane),
      .s_in_tvalid_i (rs_tvalid),
      .s_in_tready_o (rs_tready),
      .s_in_tdata_i  (rs_tdata),
      .s_in_tuser_i  (rs_tuser),
      .s_in_tlast_i  (rs_tlast),
      .s_in_side_i   (rs_plane),
      .m_in_tvalid_o (r_tvalid),
      .m_in_tready_i (r_tready),
      .m_in_tdata_o  (r_tdata),
      .m_in_tuser_o  (r_tuser),
      .m_in_tlast_o  (r_tlast),
      .m_in_side_o   (r_plane),
      .ev_broken_o   (broken_request)
  );

  // --------------------------------------------------------------------------------- collectives

  fetch_row_t row;
  assign row = '{valid: fetch_valid[fetch_row], base: fetch_base[fetch_row],
                 bytes: VECTOR_W'(fetch_bytes[fetch_row])};

  if (COLLECTIVES) begin : g_collectives
    logic                    c_tvalid, c_tready, c_tlast;
    logic [FLIT_W-1:0]       c_tdata;
    logic [USER_W-1:0]       c_tuser;
    logic [PlaneW-1:0]       c_plane;
    logic                    d_tvalid, d_tready, d_tlast;
    logic [FLIT_W-1:0]       d_tdata;
    logic [USER_W-1:0]       d_tuser;
    logic [PlaneW-1:0]       d_plane;

    sp_collective #(
        .FLIT_W    (FLIT_W),
        .DATA_W    (DATA_W),
        .AXI_ID_W  (AXI_ID_W),
        .N_COMMANDS(N_COMMANDS),
        .WINDOW    (WINDOW),
        .N_GROUPS  (N_GROUPS),
        .N_PLANES  (N_PLANES),
        .FETCHES   (FETCHES)
    ) i_collective (
        .clk_i,
        .rst_ni,
        .source_i   (source),
        .plane_up_i (up_q),
        .planes_i   (planes),
        .timeout_i  (collective_timeout),
        .cmd_valid_i(col_cmd_valid_i),
        .cmd_ready_o(col_cmd_ready_o),
        .cmd_i      (col_cmd_i),
        .res_valid_o(col_res_valid_o),
        .res_ready_i(col_res_ready_i),
        .res_o      (col_res_o),
        .row_we_i   (fetch_we),
        .row_group_i(fetch_row),
        .row_i      (row),
        .col_tvalid_o(c_tvalid),
        .col_tready_i(c_tready),
        .col_tdata_o(c_tdata),
        .col_tuser_o(c_tuser),
        .col_tlast_o(c_tlast),
        .col_plane_o(c_plane),
        .in_tvalid_i(d_tvalid),
        .in_tready_o(d_tready),
        .in_tdata_i (d_tdata),
        .in_tuser_i (d_tuser),
        .in_tlast_i (d_tlast),
        .in_plane_i (d_plane),
        .m_axi_awid_o(c_axi_awid_o),
        .m_axi_awaddr_o(c_axi_awaddr_o),
        .m_axi_awlen_o(c_axi_awlen_o),
        .m_axi_awsize_o(c_axi_awsize_o),
        .m_axi_awburst_o(c_axi_awburst_o),
        .m_axi_awvalid_o(c_axi_awvalid_o),
        .m_axi_awready_i(c_axi_awready_i),
        .m_axi_wdata_o(c_axi_wdata_o),
        .m_axi_wstrb_o(c_axi_wstrb_o),
        .m_axi_wlast_o(c_axi_wlast_o),
        .m_axi_wvalid_o(c_axi_wvalid_o),
        .m_axi_wready_i(c_axi_wready_i),
        .m_axi_bid_i(c_axi_bid_i),
        .m_axi_bresp_i(c_axi_bresp_i),
        .m_axi_bvalid_i(c_axi_bvalid_i),
        .m_axi_bready_o(c_axi_bready_o),
        .m_axi_arid_o(c_axi_arid_o),
        .m_axi_araddr_o(c_axi_araddr_o),
        .m_axi_arlen_o(c_axi_arlen_o),
        .m_axi_arsize_o(c_axi_arsize_o),
        .m_axi_arburst_o(c_axi_arburst_o),
        .m_axi_arvalid_o(c_axi_arvalid_o),
        .m_axi_arready_i(c_axi_arready_i),
        .m_axi_rid_i(c_axi_rid_i),
        .m_axi_rdata_i(c_axi_rdata_i),
        .m_axi_rresp_i(c_axi_rresp_i),
        .m_axi_rlast_i(c_axi_rlast_i),
        .m_axi_rvalid_i(c_axi_rvalid_i),
        .m_axi_rready_o(c_axi_rready_o),
        .event_o    (collective_event)
    );

    sp_checks #(
        .FLIT_W(FLIT_W),
        .OUT_W (PlaneW),
        .IN_W  (PlaneW),
        .CHECK (CHECK)
    ) i_checks (
        .clk_i,
        .rst_ni,
        .seal_i        (seal),
        .require_i     (must_seal),
        .s_out_tvalid_i(c_tvalid),
        .s_out_tready_o(c_tready),
        .s_out_tdata_i (c_tdata),
        .s_out_tuser_i (c_tuser),
        .s_out_tlast_i (c_tlast),
        .s_out_side_i  (c_plane),
        .m_out_tvalid_o(cs_tvalid),
        .m_out_tready_i(cs_tready),
        .m_out_tdata_o (cs_tdata),
        .m_out_tuser_o (cs_tuser),
        .m_out_tlast_o (cs_tlast),
        .m_out_side_o  (cs_plane),
        .s_in_tvalid_i (ds_tvalid),
        .s_in_tready_o (ds_tready),
        .s_in_tdata_i  (ds_tdata),
        .s_in_tuser_i  (ds_tuser),
        .s_in_tlast_i  (ds_tlast),
        .s_in_side_i   (ds_plane),
        .m_in_tvalid_o (d_tvalid),
        .m_in_tready_i (d_tready),
        .m_in_tdata_o  (d_tdata),
        .m_in_tuser_o  (d_tuser),
        .m_in_tlast_o  (d_tlast),
        .m_in_side_o   (d_plane),
        .ev_broken_o   (broken_collective)
    );
  end else begin : g_none
    /* verilator lint_off UNUSEDSIGNAL */  // there is nothing here that they are for
    hdr_t d_hdr;
    logic unused;
    /* verilator lint_on UNUSEDSIGNAL */
    assign d_hdr  = hdr_t'(ds_tuser[HDR_W-1:0]);
    assign unused = &{1'b0, col_cmd_i, ds_tdata, ds_tuser, ds_plane, collective_timeout, planes,
                      fetch_we, fetch_row, row, cs_tready, c_axi_awready_i, c_axi_wready_i,
                      c_axi_bid_i, c_axi_bresp_i, c_axi_bvalid_i, c_axi_arready_i, c_axi_rid_i,
                      c_axi_rdata_i, c_axi_rresp_i, c_axi_rlast_i, c_axi_rvalid_i};

    sp_collective_none i_none (
        .clk_i,
        .rst_ni,
        .cmd_valid_i(col_cmd_valid_i),
        .cmd_ready_o(col_cmd_ready_o),
        .cmd_id_i   (col_cmd_i.id),
        .res_valid_o(col_res_valid_o),
        .res_ready_i(col_res_ready_i),
        .res_o      (col_res_o),
        .in_tvalid_i(ds_tvalid),
        .in_op_i    (d_hdr.op),
        .in_tlast_i (ds_tlast),
        .event_o    (collective_event)
    );

    assign ds_tready         = 1'b1;
    assign broken_collective = 1'b0;
    assign {cs_tvalid, cs_tdata, cs_tuser, cs_tlast, cs_plane} = '0;
    assign {c_axi_awid_o, c_axi_awaddr_o, c_axi_awlen_o, c_axi_awsize_o, c_axi_awburst_o} = '0;
    assign {c_axi_awvalid_o, c_axi_wdata_o, c_axi_wstrb_o, c_axi_wlast_o, c_axi_wvalid_o} = '0;
    assign {c_axi_arid_o, c_axi_araddr_o, c_axi_arlen_o, c_axi_arsize_o, c_axi_arburst_o} = '0;
    assign {c_axi_bready_o, c_axi_arvalid_o, c_axi_rready_o} = '0;
  end

  sp_planes #(
      .FLIT_W   (FLIT_W),
      .N_PLANES (N_PLANES),
      .REQ_FLITS(REQ_FLITS)
  ) i_planes (
      .clk_i,
      .rst_ni,
      .plane_up_i  (up_q),
      .s_tvalid_i  ({cs_tvalid, as_tvalid, qs_tvalid}),
      .s_tready_o  ({cs_tready, as_tready, qs_tready}),
      .s_tdata_i   ({cs_tdata, as_tdata, qs_tdata}),
      .s_tuser_i   ({cs_tuser, as_tuser, qs_tuser}),
      .s_tlast_i   ({cs_tlast, as_tlast, qs_tlast}),
      .s_plane_i   ({cs_plane, as_plane, qs_plane}),
      .m_tvalid_o  ({ds_tvalid, bs_tvalid, rs_tvalid}),
      .m_tready_i  ({ds_tready, bs_tready, rs_tready}),
      .m_tdata_o   ({ds_tdata, bs_tdata, rs_tdata}),
      .m_tuser_o   ({ds_tuser, bs_tuser, rs_tuser}),
      .m_tlast_o   ({ds_tlast, bs_tlast, rs_tlast}),
      .m_void_o    ({d_void, bs_void, r_void}),
      .m_plane_o   ({ds_plane, bs_plane, rs_plane}),
      .tx_tvalid_o,
      .tx_tready_i,
      .tx_tdata_o,
      .tx_tuser_o,
      .tx_tlast_o,
      .tx_vc_room_i,
      .rx_tvalid_i,
      .rx_tready_o,
      .rx_tdata_i,
      .rx_tuser_i,
      .rx_tlast_i,
      .rx_vc_room_o,
      .ev_dropped_o(dropped),
      .ev_closed_o (closed),
      .ev_stray_o  (stray)
  );

  // ---------------------------------------------------------------------------------------- events
  // What can happen several times in a cycle is counted one after the other.

  logic [12:0]         queued;
  logic [2:0]          broken_check;
  logic [N_PLANES-1:0] went_down;
  logic [1:0]          memory_error;

  assign broken_check = {broken_collective, broken_request, broken_answer};
  assign went_down    = up_q & ~plane_up_i;
  assign memory_error = {collective_event.memory, completer_event.memory};

  always_comb begin
    event_bits = '0;
    event_bits[EV_REQUESTS]           = requester_event.request;
    event_bits[EV_ANSWERS]            = requester_event.answer;
    event_bits[EV_MALFORMED_ANSWERS]  = requester_event.malformed;
    event_bits[EV_REISSUED]           = requester_event.reissue;
    event_bits[EV_DETOURS]            = requester_event.detour;
    event_bits[EV_LOADS]              = completer_event.load;
    event_bits[EV_STORES]             = completer_event.store;
    event_bits[EV_ATOMICS]            = completer_event.atomic;
    event_bits[EV_ATOMICS_REPLAYED]   = completer_event.replayed;
    event_bits[EV_ATOMICS_UNKNOWN]    = completer_event.unknown;
    event_bits[EV_BROKEN_REQUESTS]    = completer_event.broken;
    event_bits[EV_REFUSED_REQUESTS]   = completer_event.refused;
    event_bits[EV_RESULTS]            = collective_event.result || collective_event.answer;
    event_bits[EV_UNKNOWN_RESULTS]    = collective_event.late;
    event_bits[EV_COLLECTIVE_TIMEOUTS] = collective_event.timeout;
    event_bits[EV_MULTICASTS]         = collective_event.answer;
    event_bits[EV_LATE_ANSWERS]       = queued[0];
    event_bits[EV_TAG_TIMEOUTS]       = queued[1];
    event_bits[EV_DECODE_ERRORS]      = queued[2];
    event_bits[EV_SLAVE_ERRORS]       = queued[3];
    event_bits[EV_MEMORY_ERRORS]      = queued[4];
    event_bits[EV_COLLECTIVE_ERRORS]  = queued[5];
    event_bits[EV_BROKEN_CHECKS]      = queued[6];
    event_bits[EV_PLANES_DROPPED]     = queued[7];
    event_bits[EV_PLANES_CLOSED]      = queued[8];
    event_bits[EV_PLANES_STRAY]       = queued[9];
    event_bits[EV_PLANES_DOWN]        = queued[10];
    event_bits[EV_CONTRIBUTIONS]      = queued[11];
    event_bits[EV_DROPPED_FETCHES]    = queued[12];
  end

  sp_event_queue #(
      .N(2)
  ) i_queue_0 (
      .clk_i,
      .rst_ni,
      .event_i({requester_event.unknown, requester_event.late}),
      .event_o(queued[0])
  );
  sp_event_queue #(
      .N(3)
  ) i_queue_1 (
      .clk_i,
      .rst_ni,
      .event_i(requester_event.timeout),
      .event_o(queued[1])
  );
  sp_event_queue #(
      .N(3)
  ) i_queue_2 (
      .clk_i,
      .rst_ni,
      .event_i(requester_event.decerr),
      .event_o(queued[2])
  );
  sp_event_queue #(
      .N(3)
  ) i_queue_3 (
      .clk_i,
      .rst_ni,
      .event_i(requester_event.slverr),
      .event_o(queued[3])
  );
  sp_event_queue #(
      .N(2)
  ) i_queue_4 (
      .clk_i,
      .rst_ni,
      .event_i(memory_error),
      .event_o(queued[4])
  );
  sp_event_queue #(
      .N(2)
  ) i_queue_5 (
      .clk_i,
      .rst_ni,
      .event_i({collective_event.plane_down, collective_event.failed}),
      .event_o(queued[5])
  );
  sp_event_queue #(
      .N(3)
  ) i_queue_6 (
      .clk_i,
      .rst_ni,
      .event_i(broken_check),
      .event_o(queued[6])
  );
  sp_event_queue #(
      .N(N_PLANES)
  ) i_queue_7 (
      .clk_i,
      .rst_ni,
      .event_i(dropped),
      .event_o(queued[7])
  );
  sp_event_queue #(
      .N(N_PLANES)
  ) i_queue_8 (
      .clk_i,
      .rst_ni,
      .event_i(closed),
      .event_o(queued[8])
  );
  sp_event_queue #(
      .N(N_PLANES)
  ) i_queue_9 (
      .clk_i,
      .rst_ni,
      .event_i(stray),
      .event_o(queued[9])
  );
  sp_event_queue #(
      .N(N_PLANES)
  ) i_queue_10 (
      .clk_i,
      .rst_ni,
      .event_i(went_down),
      .event_o(queued[10])
  );
  sp_event_queue #(
      .N(2)
  ) i_queue_11 (
      .clk_i,
      .rst_ni,
      .event_i({collective_event.fetched, collective_event.sent}),
      .event_o(queued[11])
  );
  sp_event_queue #(
      .N(2)
  ) i_queue_12 (
      .clk_i,
      .rst_ni,
      .event_i({collective_event.fetch_refused, collective_event.fetch_dropped}),
      .event_o(queued[12])
  );

endmodule
