// SPDX-License-Identifier: Apache-2.0
//
// Registers of the switch on AXI4-Lite: identity, forwarding tables, groups, time-out, counters.
// docs/csr.md is the programmer's view. sp_csr_regs, made from sp_switch.rdl, decodes the bus and
// holds the single registers; the tables and counters are here, sized by the parameters.
//
// What is guaranteed:
//  - every access is answered; what the configuration does not have, a write to what is read-only,
//    a table write that is not of a whole word or of a value that could lead a packet nowhere, is
//    answered with SLVERR, has no effect and is counted;
//  - after reset the tables are swept: they are written empty, here and at the ingresses and
//    engines, one row a cycle, and accesses to tables and counters wait until that is done;
//  - a group changes in one cycle as a whole, when the word of its highest ports is written;
//  - a write has reached the ingresses (fwd_*, row_*, source_o) or engines (grp_*) before its
//    answer is given; after one to the partitions of a port all groups have been sent again.
//
// An access to a table or counter:
//            ____      ____      ____      ____      ____
//   clk_i  _/    \____/    \____/    \____/    \____/    \___
//   ext_req  /====\                                             from the decoder; kept in a sweep
//   state_q  IDLE |  READ   |  HOLD   |  DONE   |  IDLE         READ: the row comes from the table
//   *_we_o                            /=========\               DONE: changed, back; answered
//
// HOLD lasts until the value of a counter has been taken, up to 20 cycles. After HOLD of a write to
// the partitions of a port comes GROUPS: row_we_o, then grp_we_o with each group as it is.

module sp_csr #(
  /// External ports, 2..512.
  parameter int unsigned N_PORTS      = 4,
  /// Bits of a flit: shown in a register only.
  parameter int unsigned FLIT_W       = 256,
  /// iSLIP iterations a cycle: shown in a register only.
  parameter int unsigned ISLIP_ITERS  = 2,
  /// Depth of a VOQ: shown in a register only.
  parameter int unsigned VOQ_FLITS    = 32,
  /// Egress buffer of a VC: shown in a register only.
  parameter int unsigned EGRESS_FLITS = 32,
  /// Reduction engines, 0..512.
  parameter int unsigned N_ENGINES    = 1,
  /// Contexts of an engine, 2..64.
  parameter int unsigned N_CONTEXTS   = 4,
  /// Rows of the group table, 1..4096.
  parameter int unsigned N_GROUPS     = 16,
  /// Destination IDs in a forwarding table, 2..16384.
  parameter int unsigned N_IDS        = 16,
  /// Multicasts: shown in a register only.
  parameter bit          MCAST        = 1'b0,
  /// What is counted: 0 by port, 1 by VC too, 2 latencies too.
  parameter int unsigned COUNTERS     = 0,
  /// 1: packet memories have check bits: shown in a register only.
  parameter bit          ECC          = 1'b0,
  /// 1: packets may leave before they have come whole: shown in a register only.
  parameter bit          CUT_THROUGH  = 1'b0,
  /// Flits that the queues of an input share: shown in a register only.
  parameter int unsigned VOQ_SHARED   = 0,
  /// Element types of the engines: shown in a register only.
  parameter int unsigned TYPES        = 3,
  /// 1: sums in the order of members: shown in a register only.
  parameter bit          ORDERED      = 1'b0,
  /// 1: sums that are passed on unrounded: shown in a register, and their refusals are counted.
  parameter bit          PARTIALS     = 1'b0,
  /// What was built: the commit, or any other word of the builder.
  parameter logic [31:0] BUILD        = '0,
  /// Bits of a byte address: the map is the same for every configuration.
  localparam int unsigned CSR_ADDR_W  = 26,
  /// Engine ports of this module; one, without use, when there is no engine.
  localparam int unsigned NE          = (N_ENGINES > 0) ? N_ENGINES : 1,
  /// Bits of an index into the forwarding table.
  localparam int unsigned IDS_W       = $clog2(N_IDS),
  /// Bits of the number of a port.
  localparam int unsigned PORT_W      = $clog2(N_PORTS),
  /// Bits of an index into the group table.
  localparam int unsigned GW          = (N_GROUPS > 1) ? $clog2(N_GROUPS) : 1,
  /// Bits of the number of open contexts.
  localparam int unsigned CTX_W       = $clog2(N_CONTEXTS + 1)
) (
  /// Clock.
  input  logic                   clk_i,
  /// Reset, active low.
  input  logic                   rst_ni,

  /// AXI4-Lite: write address.
  input  logic                   csr_awvalid_i,
  output logic                   csr_awready_o,
  input  logic [CSR_ADDR_W-1:0]  csr_awaddr_i,
  input  logic [2:0]             csr_awprot_i,
  /// AXI4-Lite: write data.
  input  logic                   csr_wvalid_i,
  output logic                   csr_wready_o,
  input  logic [31:0]            csr_wdata_i,
  input  logic [3:0]             csr_wstrb_i,
  /// AXI4-Lite: write response, OKAY or SLVERR.
  output logic                   csr_bvalid_o,
  input  logic                   csr_bready_i,
  output logic [1:0]             csr_bresp_o,
  /// AXI4-Lite: read address.
  input  logic                   csr_arvalid_i,
  output logic                   csr_arready_o,
  input  logic [CSR_ADDR_W-1:0]  csr_araddr_i,
  input  logic [2:0]             csr_arprot_i,
  /// AXI4-Lite: read data and response, OKAY or SLVERR (data zero).
  output logic                   csr_rvalid_o,
  input  logic                   csr_rready_i,
  output logic [31:0]            csr_rdata_o,
  output logic [1:0]             csr_rresp_o,

  /// Forwarding tables: write strobe of each port's copy.
  output logic [N_PORTS-1:0]     fwd_we_o,
  /// Destination ID that is written.
  output logic [IDS_W-1:0]       fwd_addr_o,
  /// The ID has a route.
  output logic                   fwd_valid_o,
  /// Log2 of its number of paths.
  output logic [2:0]             fwd_paths_log2_o,
  /// Its first output; all paths are below N_PORTS + N_ENGINES.
  output logic [9:0]             fwd_out_o,

  /// Partitions: those of a port change.
  output logic                   row_we_o,
  /// That port.
  output logic [PORT_W-1:0]      row_port_o,
  /// Ports that share a partition with it now.
  output logic [N_PORTS-1:0]     row_o,
  /// Sources that the packets of a port may name.
  output sp_pkg::source_t        source_o [N_PORTS],
  /// Ports that are shut.
  output logic [N_PORTS-1:0]     shut_o,

  /// Group table: write strobe; a group that is sent again is what it was.
  output logic                   grp_we_o,
  /// Group that is written.
  output logic [GW-1:0]          grp_addr_o,
  /// Its members.
  output logic [N_PORTS-1:0]     grp_mask_o,

  /// Cycles after which a reduction is given up; 0: never.
  output logic [31:0]            timeout_o,
  /// Flits from which on queues mark packets.
  output sp_pkg::threshold_t     threshold_o,
  /// Cycles for which a sender may pause in a packet that is cut through; 0: any.
  output sp_pkg::pause_t    pause_o,
  /// Errors for the memory of each ingress.
  output sp_pkg::inject_t        voq_inject_o [N_PORTS],
  /// Errors for that of each egress.
  output sp_pkg::inject_t        egress_inject_o [N_PORTS],
  /// All counters go to zero.
  output logic                   clear_o,
  /// Counters by VC: take a value of this port.
  output logic [N_PORTS-1:0]     stat_take_o,
  /// Which one.
  output sp_pkg::stat_sel_t      stat_sel_o,
  /// It, in the next cycle.
  input  logic [31:0]            stat_value_i [N_PORTS],

  /// Level: something happened that `irq_mask` names and software has not cleared.
  output logic                   irq_o,
  /// Ports that are down.
  input  logic [N_PORTS-1:0]     link_down_i,

  /// A beat came in.
  input  logic [N_PORTS-1:0]     ev_rx_beat_i,
  /// The last beat of a packet came in.
  input  logic [N_PORTS-1:0]     ev_rx_packet_i,
  /// A beat went out.
  input  logic [N_PORTS-1:0]     ev_tx_beat_i,
  /// The last beat of a packet went out.
  input  logic [N_PORTS-1:0]     ev_tx_packet_i,
  /// A beat was offered and not taken.
  input  logic [N_PORTS-1:0]     ev_rx_stall_i,
  /// The receiver did not take a beat.
  input  logic [N_PORTS-1:0]     ev_tx_stall_i,
  /// A packet was refused.
  input  logic [N_PORTS-1:0]     ev_refused_i,
  /// Why (sp_pkg::status_e).
  input  logic [3:0]             ev_refused_status_i [N_PORTS],
  /// A refused response was dropped.
  input  logic [N_PORTS-1:0]     ev_dropped_i,
  /// A multicast came in.
  input  logic [N_PORTS-1:0]     ev_mcast_i,
  /// A copy of one goes out.
  input  logic [N_PORTS-1:0]     ev_copy_i,
  /// A packet was half in when the port went down, or came while it was shut.
  input  logic [N_PORTS-1:0]     ev_rx_discarded_i,
  /// A packet did not leave, since the port was down.
  input  logic [N_PORTS-1:0]     ev_tx_dropped_i,
  /// Wrong bits of a flit that left were mended.
  input  logic [N_PORTS-1:0]     ev_corrected_i,
  /// There were more than can be mended.
  input  logic [N_PORTS-1:0]     ev_failed_i,

  /// A contribution was taken.
  input  logic [NE-1:0]          ev_contribution_i,
  /// A result was sent.
  input  logic [NE-1:0]          ev_result_i,
  /// A context was closed by time-out.
  input  logic [NE-1:0]          ev_timeout_i,
  /// Wrong bits of a flit that it got were mended.
  input  logic [NE-1:0]          ev_eng_corrected_i,
  /// There were more than can be mended.
  input  logic [NE-1:0]          ev_eng_failed_i,
  /// A contribution was refused.
  input  logic [NE-1:0]          ev_eng_refused_i,
  /// Why (sp_pkg::status_e).
  input  logic [3:0]             ev_eng_status_i [NE],
  /// Contexts that are open.
  input  logic [CTX_W-1:0]       contexts_used_i [NE]
);

  // -------------------------------------------------------------------------------- parameters

  if (N_PORTS < 2 || N_PORTS > 512) begin : g_bad_n_ports
    $fatal(1, "sp_csr: N_PORTS = %0d is not in 2..512", N_PORTS);
  end
  if (N_ENGINES > 512) begin : g_bad_n_engines
    $fatal(1, "sp_csr: N_ENGINES = %0d is not in 0..512", N_ENGINES);
  end
  if (N_CONTEXTS < 2 || N_CONTEXTS > 64) begin : g_bad_n_contexts
    $fatal(1, "sp_csr: N_CONTEXTS = %0d is not in 2..64", N_CONTEXTS);
  end
  if (COUNTERS > 2) begin : g_bad_counters
    $fatal(1, "sp_csr: COUNTERS = %0d is not in 0..2", COUNTERS);
  end
  if (N_GROUPS < 1 || N_GROUPS > 4096) begin : g_bad_n_groups
    $fatal(1, "sp_csr: N_GROUPS = %0d is not in 1..4096", N_GROUPS);
  end
  if (N_IDS < 2 || N_IDS > 16384) begin : g_bad_n_ids
    $fatal(1, "sp_csr: N_IDS = %0d is not in 2..16384", N_IDS);
  end

  localparam int unsigned N_OUTPUTS = N_PORTS + N_ENGINES;
  localparam int unsigned ENG_W     = (NE > 1) ? $clog2(NE) : 1;
  /// Words of a group, and the bits of the last one that are there.
  localparam int unsigned GRP_WORDS = (N_PORTS + 31) / 32;
  localparam int unsigned GRP_WI_W  = (GRP_WORDS > 1) ? $clog2(GRP_WORDS) : 1;
  localparam int unsigned GRP_LAST  = N_PORTS - 32 * (GRP_WORDS - 1);
  localparam logic [31:0] LAST_MASK = 32'hFFFF_FFFF >> (32 - GRP_LAST);
  /// Rows that the sweep after reset goes through.
  localparam int unsigned ROWS      = (N_IDS > N_GROUPS) ? N_IDS : N_GROUPS;
  localparam int unsigned ROWS_W    = $clog2(ROWS);
  /// Registers of a port and of an engine.
  localparam int unsigned PORT_REGS = 16;
  localparam int unsigned ENG_REGS  = 13;
  localparam int unsigned VC_REGS   = 15;

  /// Entry of a forwarding table as it is kept: an entry that is not valid is all zero.
  typedef struct packed {
    logic       valid;
    logic [2:0] paths_log2;
    logic [9:0] out;
  } fwd_t;
  localparam int unsigned FWD_W = $bits(fwd_t);

  typedef enum logic [2:0] {
    RG_PORT    = 3'd0,
    RG_ENGINE  = 3'd1,
    RG_FWD_ALL = 3'd2,
    RG_GROUP   = 3'd3,
    RG_FWD     = 3'd4,
    RG_RIGHTS  = 3'd5,
    RG_VC      = 3'd6,
    RG_LATENCY = 3'd7
  } region_e;

  typedef enum logic [2:0] {
    S_SWEEP  = 3'd0,
    S_IDLE   = 3'd1,
    S_READ   = 3'd2,
    S_HOLD   = 3'd3,
    S_DONE   = 3'd4,
    S_GROUPS = 3'd5
  } state_e;

  // --------------------------------------------------------------------------------- registers

  sp_csr_regs_pkg::sp_switch__in_t  hw_in;
  sp_csr_regs_pkg::sp_switch__out_t hw_out;
  logic        bad_access;
  logic        clear;
  logic [31:0] bad_q;

  state_e      state_q;
  region_e     region_q;
  logic        wr_q;
  logic [24:2] addr_q;
  logic [31:0] wdata_q;
  logic        whole_q;
  logic        pending_q;
  logic        done;
  logic        bad_place;   // there is no such word, or it cannot be written
  logic        bad_value;
  logic        bad_place_q;
  logic        bad_value_q;
  logic        refused;
  logic        counting_q;  // HOLD lasts until the value of a counter is there
  logic        port_done;
  logic        eng_done;
  logic [31:0] rdata;
  logic [31:0] rdata_q;

  sp_csr_regs i_regs (
    .clk           (clk_i),
    .arst_n        (rst_ni),
    .csr_awready_o (csr_awready_o),
    .csr_awvalid_i (csr_awvalid_i),
    .csr_awaddr_i  (csr_awaddr_i),
    .csr_awprot_i  (csr_awprot_i),
    .csr_wready_o  (csr_wready_o),
    .csr_wvalid_i  (csr_wvalid_i),
    .csr_wdata_i   (csr_wdata_i),
    .csr_wstrb_i   (csr_wstrb_i),
    .csr_bready_i  (csr_bready_i),
    .csr_bvalid_o  (csr_bvalid_o),
    .csr_bresp_o   (csr_bresp_o),
    .csr_arready_o (csr_arready_o),
    .csr_arvalid_i (csr_arvalid_i),
    .csr_araddr_i  (csr_araddr_i),
    .csr_arprot_i  (csr_arprot_i),
    .csr_rready_i  (csr_rready_i),
    .csr_rvalid_o  (csr_rvalid_o),
    .csr_rdata_o   (csr_rdata_o),
    .csr_rresp_o   (csr_rresp_o),
    .external_err_i(done && refused),
    .bad_access_o  (bad_access),
    .hwif_in       (hw_in),
    .hwif_out      (hw_out)
  );

  // -------------------------------------------------------------------------------- interrupts
  // Of all ports and engines: a cycle late, as there may be a thousand of them.

  typedef struct packed {
    logic bad_access;
    logic contribution_refused;
    logic reduction_timeout;
    logic ecc_failed;
    logic ecc_corrected;
    logic refused;
    logic packet_lost;
    logic port_down;
  } irq_t;

  irq_t               irq_event_q;
  irq_t               irq_status;
  irq_t               irq_mask;
  logic [N_PORTS-1:0] down_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      irq_event_q <= '0;
      down_q      <= '1;  // what is down from the begin did not go down
    end else begin
      down_q      <= link_down_i;
      irq_event_q <= '{
          bad_access:           bad_access,
          contribution_refused: ev_eng_refused_i != '0,
          reduction_timeout:    ev_timeout_i != '0,
          ecc_failed:           (ev_failed_i != '0) || (ev_eng_failed_i != '0),
          ecc_corrected:        (ev_corrected_i != '0) || (ev_eng_corrected_i != '0),
          refused:              ev_refused_i != '0,
          packet_lost:          (ev_dropped_i | ev_rx_discarded_i | ev_tx_dropped_i) != '0,
          port_down:            (link_down_i & ~down_q) != '0
      };
    end
  end

  assign irq_status = '{
      bad_access:           hw_out.irq_status.bad_access.value,
      contribution_refused: hw_out.irq_status.contribution_refused.value,
      reduction_timeout:    hw_out.irq_status.reduction_timeout.value,
      ecc_failed:           hw_out.irq_status.ecc_failed.value,
      ecc_corrected:        hw_out.irq_status.ecc_corrected.value,
      refused:              hw_out.irq_status.refused.value,
      packet_lost:          hw_out.irq_status.packet_lost.value,
      port_down:            hw_out.irq_status.port_down.value
  };
  assign irq_mask = '{
      bad_access:           hw_out.irq_mask.bad_access.value,
      contribution_refused: hw_out.irq_mask.contribution_refused.value,
      reduction_timeout:    hw_out.irq_mask.reduction_timeout.value,
      ecc_failed:           hw_out.irq_mask.ecc_failed.value,
      ecc_corrected:        hw_out.irq_mask.ecc_corrected.value,
      refused:              hw_out.irq_mask.refused.value,
      packet_lost:          hw_out.irq_mask.packet_lost.value,
      port_down:            hw_out.irq_mask.port_down.value
  };
  assign irq_o = (irq_status & irq_mask) != '0;

  assign clear     = hw_out.control.clear.value;
  assign timeout_o = hw_out.reduction_timeout.cycles.value;
  assign pause_o   = hw_out.cut_timeout.cycles.value;
  assign clear_o   = clear;
  always_comb begin
    for (int unsigned p = 0; p < N_PORTS; p++) begin
      voq_inject_o[p].arm       = hw_out.ecc_inject.go.value && !hw_out.ecc_inject.egress.value
                                 && (32'(hw_out.ecc_inject.port.value) == p);
      egress_inject_o[p].arm    = hw_out.ecc_inject.go.value && hw_out.ecc_inject.egress.value
                                 && (32'(hw_out.ecc_inject.port.value) == p);
      voq_inject_o[p].header    = hw_out.ecc_inject.header.value;
      voq_inject_o[p].count     = hw_out.ecc_inject.count.value;
      egress_inject_o[p].header = hw_out.ecc_inject.header.value;
      egress_inject_o[p].count  = hw_out.ecc_inject.count.value;
    end
  end
  assign threshold_o = '{egress: hw_out.ecn_threshold.egress.value,
                         voq: hw_out.ecn_threshold.voq.value};

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) bad_q <= '0;
    else if (clear) bad_q <= 32'(bad_access);
    else if (bad_access) bad_q <= bad_q + 32'd1;
  end

  // Events are looked at a cycle later: to count those of all ports is long.
  logic [N_PORTS-1:0] mcast_ev_q;
  logic [N_PORTS-1:0] copy_ev_q;
  logic               clear_q;
  logic [31:0]        mcast_q;
  logic [31:0]        copies_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      mcast_ev_q <= '0;
      copy_ev_q  <= '0;
      clear_q    <= 1'b0;
      mcast_q    <= '0;
      copies_q   <= '0;
    end else begin
      mcast_ev_q <= ev_mcast_i;
      copy_ev_q  <= ev_copy_i;
      clear_q    <= clear;
      mcast_q    <= (clear_q ? '0 : mcast_q) + 32'($countones(mcast_ev_q));
      copies_q   <= (clear_q ? '0 : copies_q) + 32'($countones(copy_ev_q));
    end
  end

  logic [31:0] build_word;

  sp_build_word #(
      .WORD(BUILD)
  ) u_build_word (
      .word_o(build_word)
  );

  always_comb begin
    hw_in.irq_status.port_down.hwset            = irq_event_q.port_down;
    hw_in.irq_status.packet_lost.hwset          = irq_event_q.packet_lost;
    hw_in.irq_status.refused.hwset              = irq_event_q.refused;
    hw_in.irq_status.ecc_corrected.hwset        = irq_event_q.ecc_corrected;
    hw_in.irq_status.ecc_failed.hwset           = irq_event_q.ecc_failed;
    hw_in.irq_status.reduction_timeout.hwset    = irq_event_q.reduction_timeout;
    hw_in.irq_status.contribution_refused.hwset = irq_event_q.contribution_refused;
    hw_in.irq_status.bad_access.hwset           = irq_event_q.bad_access;
    hw_in.build.value.next        = build_word;
    hw_in.status.ready.next       = state_q != S_SWEEP;
    hw_in.bad_accesses.count.next = bad_q;
    hw_in.ports.value.next        = N_PORTS;
    hw_in.flit_width.value.next   = FLIT_W;
    hw_in.vcs.value.next          = sp_pkg::NUM_VC;
    hw_in.iterations.value.next   = ISLIP_ITERS;
    hw_in.engines.value.next      = N_ENGINES;
    hw_in.contexts.value.next     = N_CONTEXTS;
    hw_in.groups.value.next       = N_GROUPS;
    hw_in.ids.value.next          = N_IDS;
    hw_in.voq_flits.value.next    = VOQ_FLITS;
    hw_in.egress_flits.value.next = EGRESS_FLITS;
    hw_in.counters.value.next     = COUNTERS;
    hw_in.ecc.value.next          = 32'(ECC);
    hw_in.multicast.value.next    = 32'(MCAST);
    hw_in.cut_through.value.next  = 32'(CUT_THROUGH);
    hw_in.voq_shared.value.next   = VOQ_SHARED;
    hw_in.types.value.next        = TYPES;
    hw_in.ordered.value.next      = 32'(ORDERED);
    hw_in.partials.value.next     = 32'(PARTIALS);
    hw_in.mcast_packets.count.next = mcast_q;
    hw_in.mcast_copies.count.next = copies_q;

    // One access is under way at a time, so that all regions share data and only the
    // acknowledgement says whose it is.
    hw_in.port_counters.rd_data   = rdata_q;
    hw_in.engine_counters.rd_data = rdata_q;
    hw_in.fwd_all_window.rd_data  = rdata_q;
    hw_in.rights_table.rd_data    = rdata_q;
    hw_in.vc_counters.rd_data     = rdata_q;
    hw_in.latency_bins.rd_data    = rdata_q;
    hw_in.vc_counters.rd_ack      = done && !wr_q && (region_q == RG_VC);
    hw_in.latency_bins.rd_ack     = done && !wr_q && (region_q == RG_LATENCY);
    hw_in.vc_counters.wr_ack      = done && wr_q && (region_q == RG_VC);
    hw_in.latency_bins.wr_ack     = done && wr_q && (region_q == RG_LATENCY);
    hw_in.group_table.rd_data     = rdata_q;
    hw_in.fwd_table.rd_data       = rdata_q;
    hw_in.port_counters.rd_ack    = done && !wr_q && (region_q == RG_PORT);
    hw_in.engine_counters.rd_ack  = done && !wr_q && (region_q == RG_ENGINE);
    hw_in.fwd_all_window.rd_ack   = done && !wr_q && (region_q == RG_FWD_ALL);
    hw_in.rights_table.rd_ack     = done && !wr_q && (region_q == RG_RIGHTS);
    hw_in.group_table.rd_ack      = done && !wr_q && (region_q == RG_GROUP);
    hw_in.fwd_table.rd_ack        = done && !wr_q && (region_q == RG_FWD);
    hw_in.port_counters.wr_ack    = done && wr_q && (region_q == RG_PORT);
    hw_in.engine_counters.wr_ack  = done && wr_q && (region_q == RG_ENGINE);
    hw_in.fwd_all_window.wr_ack   = done && wr_q && (region_q == RG_FWD_ALL);
    hw_in.rights_table.wr_ack     = done && wr_q && (region_q == RG_RIGHTS);
    hw_in.group_table.wr_ack      = done && wr_q && (region_q == RG_GROUP);
    hw_in.fwd_table.wr_ack        = done && wr_q && (region_q == RG_FWD);
  end

  // --------------------------------------------------------------------- access to the regions

  region_e           req_region;
  logic              req;
  logic              req_wr;
  logic              take;       // what is counted
  logic              take_port;
  logic              take_eng;
  logic [24:2]       req_addr;
  logic [31:0]       req_wdata;
  logic [31:0]       req_biten;
  logic [ROWS_W:0]   row_q;     // of the sweep, or of the groups that are sent again
  logic              new_mask;  // a write to the partitions of a port

  always_comb begin
    req        = 1'b1;
    req_region = RG_PORT;
    req_addr   = 23'(hw_out.port_counters.addr[14:2]);
    if (hw_out.fwd_table.req) begin
      req_region = RG_FWD;
      req_addr   = hw_out.fwd_table.addr[24:2];
    end else if (hw_out.fwd_all_window.req) begin
      req_region = RG_FWD_ALL;
      req_addr   = 23'(hw_out.fwd_all_window.addr[15:2]);
    end else if (hw_out.rights_table.req) begin
      req_region = RG_RIGHTS;
      req_addr   = 23'(hw_out.rights_table.addr[11:2]);
    end else if (hw_out.vc_counters.req) begin
      req_region = RG_VC;
      req_addr   = 23'(hw_out.vc_counters.addr[16:2]);
    end else if (hw_out.latency_bins.req) begin
      req_region = RG_LATENCY;
      req_addr   = 23'(hw_out.latency_bins.addr[16:2]);
    end else if (hw_out.group_table.req) begin
      req_region = RG_GROUP;
      req_addr   = 23'(hw_out.group_table.addr[17:2]);
    end else if (hw_out.engine_counters.req) begin
      req_region = RG_ENGINE;
      req_addr   = 23'(hw_out.engine_counters.addr[14:2]);
    end else begin
      req        = hw_out.port_counters.req;
    end
  end

  // The same at every region.
  assign req_wr    = hw_out.fwd_table.req_is_wr;
  assign req_wdata = hw_out.fwd_table.wr_data;
  assign req_biten = hw_out.fwd_table.wr_biten;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q   <= S_SWEEP;
      row_q     <= '0;
      pending_q <= 1'b0;
      region_q  <= RG_PORT;
      wr_q      <= 1'b0;
      addr_q    <= '0;
      wdata_q   <= '0;
      whole_q   <= 1'b0;
    end else begin
      if (req) begin
        region_q <= req_region;
        wr_q     <= req_wr;
        addr_q   <= req_addr;
        wdata_q  <= req_wdata;
        whole_q  <= &req_biten;
      end
      case (state_q)
        S_SWEEP: begin
          row_q <= row_q + 1'b1;
          if (req) pending_q <= 1'b1;
          if (row_q == (ROWS_W + 1)'(ROWS - 1)) state_q <= S_IDLE;
        end
        S_IDLE: begin
          pending_q <= 1'b0;
          row_q     <= '0;
          if (req || pending_q) state_q <= S_READ;
        end
        S_READ:  state_q <= S_HOLD;
        S_HOLD: begin
          if (new_mask) state_q <= S_GROUPS;
          else if (!counting_q || port_done || eng_done) state_q <= S_DONE;
        end
        S_GROUPS: begin
          row_q <= row_q + 1'b1;
          if (row_q == (ROWS_W + 1)'(N_GROUPS)) state_q <= S_DONE;
        end
        default: state_q <= S_IDLE;
      endcase
    end
  end

  assign done = state_q == S_DONE;

  always_ff @(posedge clk_i) begin
    bad_place_q <= bad_place;
    bad_value_q <= bad_value;
    counting_q      <= (state_q == S_READ) ? take_port || take_eng : counting_q;
    rdata_q     <= rdata;
  end

  // Fields of the address, by region.
  logic [8:0]  a_unit;  // port or engine of a counter
  logic [3:0]  a_reg;   // word of a port, an engine or a group
  logic [13:0] a_id;
  logic [8:0]  a_port;  // port of a forwarding entry
  logic [11:0] a_group;
  logic [8:0]  a_owner; // port whose rights these are
  logic        a_source; // which of them
  logic [8:0]  a_stat_port;
  logic [1:0]  a_stat_vc;
  assign a_unit  = addr_q[14:6];
  assign a_reg   = addr_q[5:2];
  assign a_id    = addr_q[15:2];
  assign a_port  = addr_q[24:16];
  assign a_group = addr_q[17:6];
  assign a_owner  = addr_q[11:3];
  assign a_source = addr_q[2];
  assign a_stat_port = addr_q[16:8];
  assign a_stat_vc   = addr_q[7:6];

  // The last output that an entry names.
  fwd_t        entry;
  logic        entry_bad;
  logic [10:0] last_out;
  assign entry     = wdata_q[31] ? {1'b1, wdata_q[18:16], wdata_q[9:0]} : '0;
  assign last_out  = 11'(entry.out) + (11'd1 << entry.paths_log2) - 11'd1;
  assign entry_bad = entry.valid && (32'(last_out) >= N_OUTPUTS);

  logic        engine_there;
  logic        mask_bad;
  logic        last_word;
  assign last_word = 32'(a_reg) == GRP_WORDS - 1;
  assign mask_bad  = last_word && |(wdata_q & ~LAST_MASK);

  always_comb begin
    bad_value = 1'b0;
    case (region_q)
      RG_PORT:    bad_place = wr_q || (32'(a_unit) >= N_PORTS) || (32'(a_reg) >= PORT_REGS);
      RG_ENGINE:  bad_place = wr_q || !engine_there || (32'(a_reg) >= ENG_REGS);
      RG_FWD_ALL: begin
        bad_place = 32'(a_id) >= N_IDS;
        bad_value = wr_q && (!whole_q || entry_bad);
      end
      RG_GROUP: begin
        bad_place = (32'(a_group) >= N_GROUPS) || (32'(a_reg) >= GRP_WORDS);
        bad_value = wr_q && (!whole_q || mask_bad);
      end
      RG_RIGHTS: begin
        bad_place = 32'(a_owner) >= N_PORTS;
        bad_value = wr_q && !whole_q;
      end
      RG_VC: begin
        bad_place = wr_q || (32'(a_stat_port) >= N_PORTS) || (32'(a_reg) >= VC_REGS)
                    || (COUNTERS < 1);
      end
      RG_LATENCY: bad_place = wr_q || (32'(a_stat_port) >= N_PORTS) || (COUNTERS < 2);
      default: begin
        bad_place = (32'(a_id) >= N_IDS) || (32'(a_port) >= N_PORTS);
        bad_value = wr_q && (!whole_q || entry_bad);
      end
    endcase
  end

  // From registers: asked for in DONE, two cycles after the access came.
  assign refused = bad_place_q || bad_value_q;

  logic sweep_fwd;
  logic sweep_grp;
  logic write;
  assign sweep_fwd = (state_q == S_SWEEP) && (32'(row_q) < N_IDS);
  assign sweep_grp = (state_q == S_SWEEP) && (32'(row_q) < N_GROUPS);
  assign write = done && wr_q && !refused;

  // ------------------------------------------------------------------------- forwarding tables
  // A row holds the entry of one ID at every port. A row is read, changed and written as a whole:
  // a memory with one read and one write port, without partial writes, whatever N_PORTS is.

  logic [N_PORTS-1:0][FWD_W-1:0] fwd_mem [N_IDS];
  logic [N_PORTS-1:0][FWD_W-1:0] fwd_row_q;
  logic [N_PORTS-1:0][FWD_W-1:0] fwd_row_d;
  logic                          fwd_write;
  logic [PORT_W-1:0]             fwd_port;
  fwd_t                          fwd_read;

  assign fwd_write = write && ((region_q == RG_FWD) || (region_q == RG_FWD_ALL));
  assign fwd_port  = (region_q == RG_FWD) ? PORT_W'(a_port) : '0;
  assign fwd_read  = fwd_row_q[fwd_port];

  always_comb begin
    fwd_row_d = fwd_row_q;
    if (sweep_fwd) fwd_row_d = '0;
    else if (region_q == RG_FWD_ALL) fwd_row_d = {N_PORTS{entry}};
    else fwd_row_d[fwd_port] = entry;
  end

  always_ff @(posedge clk_i) begin
    if (state_q == S_READ) fwd_row_q <= fwd_mem[IDS_W'(a_id)];
    if (sweep_fwd || fwd_write) fwd_mem[fwd_addr_o] <= fwd_row_d;
  end

  always_comb begin
    fwd_we_o = '0;
    if (sweep_fwd) fwd_we_o = '1;
    else if (fwd_write && (region_q == RG_FWD_ALL)) fwd_we_o = '1;
    else if (fwd_write) fwd_we_o[fwd_port] = 1'b1;
  end

  assign fwd_addr_o       = sweep_fwd ? IDS_W'(row_q) : IDS_W'(a_id);
  assign fwd_valid_o      = !sweep_fwd && entry.valid;
  assign fwd_paths_log2_o = entry.paths_log2;
  assign fwd_out_o        = entry.out;

  // ------------------------------------------------------------------------------------- rights
  // Only a write compares the partitions of two ports: what the ingresses look at is the outcome.

  localparam int unsigned PARTITIONS = 16;

  logic [N_PORTS-1:0][PARTITIONS-1:0] mask_q;
  logic [PORT_W-1:0]                  owner;
  logic [31:0]                        rights_read;

  assign owner      = PORT_W'(a_owner);
  assign new_mask   = wr_q && (region_q == RG_RIGHTS) && !a_source && !refused;
  assign row_we_o   = (state_q == S_GROUPS) && (row_q == '0);
  assign row_port_o = owner;

  always_comb begin
    row_o = '0;
    if (row_we_o) begin
      for (int unsigned p = 0; p < N_PORTS; p++) begin
        row_o[p] = (mask_q[p] & wdata_q[PARTITIONS-1:0]) != '0;
      end
      row_o[owner] = wdata_q[PARTITIONS-1:0] != '0;
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      mask_q <= {N_PORTS{PARTITIONS'(1)}};
      shut_o <= '0;
      for (int unsigned p = 0; p < N_PORTS; p++) source_o[p] <= '0;
    end else begin
      if (row_we_o) begin
        mask_q[owner] <= wdata_q[PARTITIONS-1:0];
        shut_o[owner] <= wdata_q[31];
      end
      if (write && (region_q == RG_RIGHTS) && a_source) begin
        source_o[owner] <= '{care: wdata_q[29:16], id: wdata_q[13:0]};
      end
    end
  end

  assign rights_read = a_source ? {2'd0, source_o[owner].care, 2'd0, source_o[owner].id}
                                : {shut_o[owner], 15'd0, mask_q[owner]};

  // -------------------------------------------------------------------------------- group table

  logic [N_PORTS-1:0] grp_mem [N_GROUPS];
  logic [N_PORTS-1:0] grp_row_q;
  logic [N_PORTS-1:0] grp_new;
  logic [31:0]        grp_read;
  logic               grp_write;
  logic               grp_again;  // a group is sent again

  assign grp_again = (state_q == S_GROUPS) && (row_q != '0);

  assign grp_write = write && (region_q == RG_GROUP);

  if (GRP_WORDS == 1) begin : g_one_word
    assign grp_new  = wdata_q[N_PORTS-1:0];
    assign grp_read = 32'(grp_row_q);
  end else begin : g_words
    localparam int unsigned WAIT_W = (GRP_WORDS > 2) ? $clog2(GRP_WORDS - 1) : 1;

    // Words of one group that wait for its last word.
    logic [GRP_WORDS-2:0][31:0] wait_q;
    logic [GRP_WORDS-2:0]       wait_valid_q;
    logic [11:0]                wait_group_q;
    logic                       wait_same;

    assign wait_same = wait_group_q == a_group;

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        wait_q       <= '0;
        wait_valid_q <= '0;
        wait_group_q <= '0;
      end else if (grp_write) begin
        wait_group_q <= a_group;
        if (last_word || !wait_same) wait_valid_q <= '0;
        if (!last_word) begin
          wait_q[WAIT_W'(a_reg)]       <= wdata_q;
          wait_valid_q[WAIT_W'(a_reg)] <= 1'b1;
        end
      end
    end

    // Words that were not written stay as they are.
    for (genvar w = 0; w < GRP_WORDS - 1; w++) begin : g_word
      assign grp_new[32*w +: 32] = (wait_same && wait_valid_q[w]) ? wait_q[w]
                                                                  : grp_row_q[32*w +: 32];
    end
    assign grp_new[N_PORTS-1 -: GRP_LAST] = wdata_q[GRP_LAST-1:0];
    assign grp_read = 32'(grp_row_q >> {GRP_WI_W'(a_reg), 5'd0});
  end

  always_ff @(posedge clk_i) begin
    if (state_q == S_READ) grp_row_q <= grp_mem[GW'(a_group)];
    else if (state_q == S_GROUPS) grp_row_q <= grp_mem[GW'(row_q)];
    if (grp_we_o) grp_mem[grp_addr_o] <= grp_mask_o;
  end

  assign grp_we_o   = sweep_grp || (grp_write && last_word) || grp_again;
  assign grp_addr_o = sweep_grp ? GW'(row_q) : grp_again ? GW'(row_q - 1'b1) : GW'(a_group);
  assign grp_mask_o = sweep_grp ? '0 : grp_again ? grp_row_q : grp_new;

  // ----------------------------------------------------------------------------------- counters
  // Events are ordered by register, then by port: the counter of register r and port p is number
  // r * N_PORTS + p. The value is taken in READ, as the rows of the tables are.

  // The last two registers are of ECC; without it nothing counts there.
  localparam int unsigned PORT_CNT_REGS = ECC ? PORT_REGS : PORT_REGS - 2;
  localparam int unsigned PORT_CNTS  = PORT_CNT_REGS * N_PORTS;
  localparam int unsigned PORT_CNT_W = $clog2(PORT_CNTS);

  logic [PORT_CNTS-1:0]  port_ev;
  logic [PORT_CNT_W-1:0] port_sel;
  logic [31:0]           port_value;
  logic                  port_counts;  // there is a counter
  logic [31:0]           eng_value;
  logic [N_PORTS-1:0]    refused_ev [5];

  assign take      = state_q == S_READ;
  assign port_counts = 32'(a_reg) < PORT_CNT_REGS;
  assign take_port = take && (region_q == RG_PORT) && port_counts;
  assign take_eng  = take && (region_q == RG_ENGINE) && (N_ENGINES > 0);

  always_comb begin
    for (int unsigned r = 0; r < 5; r++) refused_ev[r] = '0;
    if (|ev_refused_i) begin
      for (int unsigned p = 0; p < N_PORTS; p++) begin
        refused_ev[0][p] = ev_refused_i[p] && (ev_refused_status_i[p] == sp_pkg::ST_VERSION);
        refused_ev[1][p] = ev_refused_i[p] && (ev_refused_status_i[p] == sp_pkg::ST_OP);
        refused_ev[2][p] = ev_refused_i[p] && (ev_refused_status_i[p] == sp_pkg::ST_LEN);
        refused_ev[3][p] = ev_refused_i[p] && (ev_refused_status_i[p] == sp_pkg::ST_DST);
        refused_ev[4][p] = ev_refused_i[p] && (ev_refused_status_i[p] == sp_pkg::ST_PARTITION);
      end
    end
  end

  assign port_ev = PORT_CNTS'({ev_failed_i, ev_corrected_i, ev_tx_dropped_i, ev_rx_discarded_i,
                    refused_ev[4], ev_dropped_i,
                    refused_ev[3], refused_ev[2], refused_ev[1], refused_ev[0],
                    ev_tx_stall_i, ev_rx_stall_i, ev_tx_beat_i, ev_tx_packet_i, ev_rx_beat_i,
                    ev_rx_packet_i});
  assign port_sel = PORT_CNT_W'(32'(a_reg) * N_PORTS + 32'(a_unit));

  sp_event_counters #(.N(PORT_CNTS)) i_port_counters (
    .clk_i, .rst_ni, .clear_i(clear), .ev_i(port_ev), .take_i(take_port),
    .sel_i(port_sel), .done_o(port_done), .value_o(port_value));

  // Those by VC are kept beside the ports, which answer in a cycle.
  always_comb begin
    stat_take_o = '0;
    if (take && !bad_place && (region_q == RG_VC || region_q == RG_LATENCY)) begin
      stat_take_o[PORT_W'(a_stat_port)] = 1'b1;
    end
  end
  assign stat_sel_o = '{latency: region_q == RG_LATENCY, vc: a_stat_vc, index: a_reg};

  if (N_ENGINES > 0) begin : g_engines
    // Ten counters, two registers that are none, and one more counter, which came later, of what is
    // only refused with PARTIALS.
    localparam int unsigned ENG_CNT_REGS = ENG_REGS - 3;
    localparam int unsigned ENG_CNTS     = (PARTIALS ? ENG_CNT_REGS + 1 : ENG_CNT_REGS) * NE;
    localparam int unsigned ENG_CNT_W    = $clog2(ENG_CNTS);

    logic [ENG_CNTS-1:0]  eng_ev;
    logic [ENG_CNT_W-1:0] eng_sel;
    logic [31:0]          eng_count;
    logic [NE-1:0]        eng_refused_ev [6];
    logic [3:0]           eng_reg;
    logic [CTX_W-1:0]     high_q [NE];
    logic [CTX_W-1:0]     used_q;
    logic [CTX_W-1:0]     most_q;

    assign engine_there = 32'(a_unit) < N_ENGINES;

    always_comb begin
      for (int unsigned r = 0; r < 6; r++) eng_refused_ev[r] = '0;
      if (|ev_eng_refused_i) begin
        for (int unsigned e = 0; e < NE; e++) begin
          eng_refused_ev[0][e] = ev_eng_refused_i[e] && (ev_eng_status_i[e] == sp_pkg::ST_TYPE);
          eng_refused_ev[1][e] = ev_eng_refused_i[e]
                              && (ev_eng_status_i[e] == sp_pkg::ST_NOT_MEMBER);
          eng_refused_ev[2][e] = ev_eng_refused_i[e]
                              && (ev_eng_status_i[e] == sp_pkg::ST_DUPLICATE);
          eng_refused_ev[3][e] = ev_eng_refused_i[e]
                              && (ev_eng_status_i[e] == sp_pkg::ST_MISMATCH);
          eng_refused_ev[4][e] = ev_eng_refused_i[e]
                              && (ev_eng_status_i[e] == sp_pkg::ST_TIMEOUT);
          eng_refused_ev[5][e] = PARTIALS && ev_eng_refused_i[e]
                              && (ev_eng_status_i[e] == sp_pkg::ST_LEN);
        end
      end
    end

    assign eng_ev  = ENG_CNTS'({eng_refused_ev[5], ev_eng_failed_i, ev_eng_corrected_i,
                      eng_refused_ev[4], eng_refused_ev[3], eng_refused_ev[2], eng_refused_ev[1],
                      eng_refused_ev[0], ev_timeout_i, ev_result_i, ev_contribution_i});
    assign eng_reg = (32'(a_reg) != ENG_REGS - 1) ? a_reg : PARTIALS ? 4'(ENG_CNT_REGS) : '0;
    assign eng_sel = ENG_CNT_W'(32'(eng_reg) * NE + 32'(a_unit));

    sp_event_counters #(.N(ENG_CNTS)) i_engine_counters (
      .clk_i, .rst_ni, .clear_i(clear), .ev_i(eng_ev), .take_i(take_eng),
      .sel_i(eng_sel), .done_o(eng_done), .value_o(eng_count));

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        for (int unsigned e = 0; e < NE; e++) high_q[e] <= '0;
      end else begin
        for (int unsigned e = 0; e < NE; e++) begin
          if (clear || (contexts_used_i[e] > high_q[e])) high_q[e] <= contexts_used_i[e];
        end
      end
    end

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        used_q <= '0;
        most_q <= '0;
      end else if (take) begin
        used_q <= contexts_used_i[ENG_W'(a_unit)];
        most_q <= high_q[ENG_W'(a_unit)];
      end
    end

    always_comb begin
      case (32'(a_reg))
        ENG_CNT_REGS:     eng_value = 32'(used_q);
        ENG_CNT_REGS + 1: eng_value = 32'(most_q);
        ENG_CNT_REGS + 2: eng_value = PARTIALS ? eng_count : '0;
        default:          eng_value = eng_count;
      endcase
    end
  end else begin : g_no_engines
    // The event inputs of the engine that is not there have no use.
    logic unused;
    assign unused = &{1'b0, ev_contribution_i, ev_result_i, ev_timeout_i, ev_eng_refused_i,
                      ev_eng_corrected_i, ev_eng_failed_i,
                      ev_eng_status_i[0], contexts_used_i[0]};
    assign engine_there = 1'b0;
    assign eng_value    = '0;
    assign eng_done     = 1'b0;
  end

  // ---------------------------------------------------------------------------------- read data

  always_comb begin
    rdata = '0;
    if (!wr_q && !refused) begin
      case (region_q)
        RG_PORT:   rdata = port_counts ? port_value : '0;
        RG_ENGINE: rdata = eng_value;
        RG_GROUP:  rdata = grp_read;
        RG_RIGHTS: rdata = rights_read;
        RG_VC, RG_LATENCY: rdata = stat_value_i[PORT_W'(a_stat_port)];
        default:   rdata = {fwd_read.valid, 12'd0, fwd_read.paths_log2, 6'd0, fwd_read.out};
      endcase
    end
  end

endmodule
