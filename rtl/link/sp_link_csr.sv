// SPDX-License-Identifier: Apache-2.0
//
// Registers and counters of one sp_link_port (docs/link-registers.md) on AXI4-Lite: what the host
// sets goes to the port, what happens there is counted. Guarantees: every access is answered; no
// event is lost, counters stop at their end; an access to what is not there is refused and counted.
// The port may be reset alone: settings and counters stay.

module sp_link_csr #(
    /// Lanes of the port.
    parameter int unsigned K = 1,
    /// Parameters of the port, to be shown; it checks them.
    parameter int unsigned FRAME_UNITS = 64,
    parameter int unsigned SEQ_W = 13,
    parameter int unsigned REPLAY_BEATS = 512,
    parameter logic [sp_pkg::NUM_VC-1:0][sp_link_pkg::RESERVED_W-1:0] RESERVED = {4{12'd32}},
    parameter int unsigned SHARED = 128,
    localparam int unsigned ADDR_W = 8
) (
    /// Core clock.
    input  logic                            clk_i,
    /// Reset, active low, asynchronous: settings are what the map says, counters zero.
    input  logic                            rst_ni,

    /// AXI4-Lite write address: valid.
    input  logic                            csr_awvalid_i,
    /// AXI4-Lite write address: ready.
    output logic                            csr_awready_o,
    /// AXI4-Lite write address.
    input  logic [ADDR_W-1:0]               csr_awaddr_i,
    /// AXI4-Lite write address: protection, ignored.
    input  logic [2:0]                      csr_awprot_i,
    /// AXI4-Lite write data: valid.
    input  logic                            csr_wvalid_i,
    /// AXI4-Lite write data: ready.
    output logic                            csr_wready_o,
    /// AXI4-Lite write data.
    input  logic [31:0]                     csr_wdata_i,
    /// AXI4-Lite write data: bytes that count.
    input  logic [3:0]                      csr_wstrb_i,
    /// AXI4-Lite write response: valid.
    output logic                            csr_bvalid_o,
    /// AXI4-Lite write response: ready.
    input  logic                            csr_bready_i,
    /// AXI4-Lite write response: OKAY or SLVERR.
    output logic [1:0]                      csr_bresp_o,
    /// AXI4-Lite read address: valid.
    input  logic                            csr_arvalid_i,
    /// AXI4-Lite read address: ready.
    output logic                            csr_arready_o,
    /// AXI4-Lite read address.
    input  logic [ADDR_W-1:0]               csr_araddr_i,
    /// AXI4-Lite read address: protection, ignored.
    input  logic [2:0]                      csr_arprot_i,
    /// AXI4-Lite read data: valid.
    output logic                            csr_rvalid_o,
    /// AXI4-Lite read data: ready.
    input  logic                            csr_rready_i,
    /// AXI4-Lite read data.
    output logic [31:0]                     csr_rdata_o,
    /// AXI4-Lite read data: OKAY or SLVERR.
    output logic [1:0]                      csr_rresp_o,

    /// To the port: the link is to be up.
    output logic                            enable_o,
    /// To the port: what becomes of packets while it is not.
    output sp_link_pkg::policy_e            policy_o,
    /// To the port: HOLD_CYCLES.
    output logic [sp_link_pkg::TIMER_W-1:0] hold_cycles_o,
    /// To the port: TRAIN_BEATS.
    output logic [15:0]                     train_beats_o,
    /// To the port: LANE_CYCLES.
    output logic [sp_link_pkg::TIMER_W-1:0] lane_cycles_o,
    /// To the port: SKIP_BEATS, never 1.
    output logic [sp_link_pkg::TIMER_W-1:0] skip_beats_o,
    /// To the port: REPLAY_CYCLES.
    output logic [sp_link_pkg::TIMER_W-1:0] replay_cycles_o,
    /// To the port: KEEPALIVE_CYCLES.
    output logic [sp_link_pkg::TIMER_W-1:0] keepalive_cycles_o,
    /// To the port: DEAD_CYCLES.
    output logic [sp_link_pkg::TIMER_W-1:0] dead_cycles_o,
    /// To the port: AGE_CYCLES.
    output logic [sp_link_pkg::TIMER_W-1:0] age_cycles_o,
    /// To the port: REPLAY_LIMIT.
    output logic [7:0]                      replay_limit_o,
    /// To the port: RETRAIN_LIMIT.
    output logic [7:0]                      retrain_limit_o,
    /// To the port: how often a bit is wrong.
    output logic [31:0]                     inject_rate_o,
    /// To the port: take the seed.
    output logic                            inject_load_o,
    /// To the port: the seed.
    output logic [31:0]                     inject_seed_o,
    /// To the port: one wrong bit.
    output logic                            inject_shot_o,
    /// To the wire, by lane: it carries no signal.
    output logic [K-1:0]                    silent_o,

    /// From the port: a wrong bit left.
    input  logic                            ev_injected_i,
    /// From the port: lanes on which beats come.
    input  logic [K-1:0]                    rx_lanes_i,
    /// From the port: lanes on which beats leave.
    input  logic [K-1:0]                    tx_lanes_i,
    /// From the port: something was left out between the clocks.
    input  logic                            ev_dropped_i,
    /// From the port: words were lost between the clocks.
    input  logic                            ev_overflow_i,
    /// From the port: the place within beats was found again.
    input  logic                            ev_shifted_i,
    /// From the port: state.
    input  sp_link_pkg::state_e             state_i,
    /// From the port: {version, sequence numbers, width} of the peer do not fit.
    input  logic [2:0]                      unfit_i,
    /// From the port: events.
    input  sp_link_pkg::events_t            events_i,
    /// From the port, with the event `flush`: packets that are lost.
    input  logic [sp_link_pkg::COUNT_W-1:0] lost_packets_i
);

  import sp_link_pkg::*;

  if (K != 1 && K != 2 && K != 4) begin : g_bad_k
    $fatal(1, "sp_link_csr: K = %0d is not 1, 2 or 4", K);
  end

  // Counters, in the order of the map: events_t, and what is not in it.
  localparam int unsigned Events = $bits(events_t);
  localparam int unsigned Counters = Events + 6;
  localparam int unsigned CountW = $clog2(Counters);

  if (Counters != 31) begin : g_bad_events
    $fatal(1, "sp_link_csr: events_t has %0d events, sp_link.rdl has 25", Events);
  end

  sp_link_regs_pkg::sp_link__in_t  hw_in;
  sp_link_regs_pkg::sp_link__out_t hw_out;
  logic                            clear;
  logic                            bad_access;
  logic [31:0]                     bad_q;
  logic                            done;      // an access to a counter is answered
  logic                            refused_q; // it is refused
  logic                            ask;
  logic                            there;
  logic                            wr_q;

  sp_link_regs i_regs (
      .clk           (clk_i),
      .arst_n        (rst_ni),
      .csr_awready_o,
      .csr_awvalid_i,
      .csr_awaddr_i,
      .csr_awprot_i,
      .csr_wready_o,
      .csr_wvalid_i,
      .csr_wdata_i,
      .csr_wstrb_i,
      .csr_bready_i,
      .csr_bvalid_o,
      .csr_bresp_o,
      .csr_arready_o,
      .csr_arvalid_i,
      .csr_araddr_i,
      .csr_arprot_i,
      .csr_rready_i,
      .csr_rvalid_o,
      .csr_rdata_o,
      .csr_rresp_o,
      .external_err_i(refused_q),
      .bad_access_o  (bad_access),
      .hwif_in       (hw_in),
      .hwif_out      (hw_out)
  );

  assign clear              = hw_out.command.clear.value;
  assign enable_o           = hw_out.control.enable.value;
  assign policy_o           = policy_e'(hw_out.control.policy.value);
  assign silent_o           = hw_out.control.silent.value[K-1:0];
  assign hold_cycles_o      = hw_out.hold_cycles.cycles.value;
  assign lane_cycles_o      = hw_out.lane_cycles.cycles.value;
  assign replay_cycles_o    = hw_out.replay_cycles.cycles.value;
  assign keepalive_cycles_o = hw_out.keepalive_cycles.cycles.value;
  assign dead_cycles_o      = hw_out.dead_cycles.cycles.value;
  assign age_cycles_o       = hw_out.age_cycles.cycles.value;
  assign train_beats_o      = hw_out.limits.train_beats.value;
  assign replay_limit_o     = hw_out.limits.replay.value;
  assign retrain_limit_o    = hw_out.limits.retrain.value;
  assign inject_rate_o      = hw_out.inject_rate.value.value;
  assign inject_seed_o      = hw_out.inject_seed.value.value;
  assign inject_shot_o      = hw_out.command.shot.value;
  assign inject_load_o      = hw_out.command.load.value;

  // A SKIP in every cycle would leave no room for anything else.
  always_comb begin
    skip_beats_o = hw_out.skip_beats.cycles.value;
    if (skip_beats_o == TIMER_W'(1)) skip_beats_o = TIMER_W'(2);
  end

  // ------------------------------------------------------------------------------------ counters

  logic [Events-1:0]   events;
  logic [Counters-1:0] count;
  logic                up_q;
  logic [COUNT_W-1:0]  lost_q;      // packets that are still to be counted, one a cycle
  logic                value_done;
  logic [32:0]         value;

  // The first field of a struct is its highest bit.
  always_comb begin
    for (int unsigned e = 0; e < Events; e++) events[e] = events_i[Events-1-e];
  end

  assign count = {ev_injected_i, (lost_q != '0) && !clear, (state_i == LINK_UP) && !up_q,
                  ev_shifted_i, ev_overflow_i, ev_dropped_i, events};

  // Packets that are lost in a flush came one a cycle at most, so the last have been counted, or
  // there are fewer of them than room: their number never exceeds that of one flush.
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      up_q   <= 1'b0;
      lost_q <= '0;
    end else begin
      up_q   <= state_i == LINK_UP;
      lost_q <= (clear ? '0 : lost_q - COUNT_W'(lost_q != '0)) +
                (events_i.flush ? lost_packets_i : '0);
    end
  end

  assign there = 32'(hw_out.counters.addr[6:2]) < Counters;
  assign ask   = hw_out.counters.req && !hw_out.counters.req_is_wr && there;

  sp_event_counters #(
      .N     (Counters),
      .W     (33),
      .STOPS ('1),
      .STOP_W(32)
  ) i_counters (
      .clk_i,
      .rst_ni,
      .clear_i(clear),
      .ev_i   (count),
      .take_i (ask),
      .sel_i  (CountW'(hw_out.counters.addr[6:2])),
      .done_o (value_done),
      .value_o(value)
  );

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      refused_q <= 1'b0;
      wr_q      <= 1'b0;
    end else begin
      refused_q <= hw_out.counters.req && !ask;
      if (hw_out.counters.req) wr_q <= hw_out.counters.req_is_wr;
    end
  end

  assign done = value_done || refused_q;

  // --------------------------------------------------------------------------------------- state

  typedef struct packed {
    logic disabled;
    logic over;
    logic peer;
    logic aged;
    logic dead;
  } causes_t;

  causes_t    causes;
  causes_t    causes_q;  // of the cycle before
  causes_t    left_q;
  logic [1:0] to_q;

  assign causes = '{
      disabled: !enable_o,
      over:     events_i.rx_over,
      peer:     events_i.peer,
      aged:     events_i.aged,
      dead:     events_i.dead
  };

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      causes_q <= '0;
      left_q   <= '0;
      to_q     <= '0;
      bad_q    <= '0;
    end else begin
      causes_q <= causes;
      // A retraining is told in the cycle of its cause, FLUSH in its own first cycle.
      if (events_i.flush || events_i.retrain) begin
        to_q   <= events_i.flush ? 2'd2 : 2'd1;
        left_q <= events_i.flush ? causes_q : causes;
      end else if (clear) begin
        to_q   <= '0;
        left_q <= '0;
      end
      if (clear) bad_q <= 32'(bad_access);
      else if (bad_access) bad_q <= bad_q + 32'd1;
    end
  end

  always_comb begin
    hw_in.status.state.next         = state_i;
    hw_in.status.unfit_width.next   = unfit_i[0];
    hw_in.status.unfit_seq.next     = unfit_i[1];
    hw_in.status.unfit_version.next = unfit_i[2];
    hw_in.status.rx_lanes.next      = 4'(rx_lanes_i);
    hw_in.status.tx_lanes.next      = 4'(tx_lanes_i);
    hw_in.left.to.next              = to_q;
    hw_in.left.dead.next            = left_q.dead;
    hw_in.left.aged.next            = left_q.aged;
    hw_in.left.peer.next            = left_q.peer;
    hw_in.left.over.next            = left_q.over;
    hw_in.left.disabled.next        = left_q.disabled;
    hw_in.bad_accesses.count.next   = bad_q;
    hw_in.lanes.value.next          = K;
    hw_in.frame_units.value.next    = FRAME_UNITS;
    hw_in.seq_width.value.next      = SEQ_W;
    hw_in.replay_beats.value.next   = REPLAY_BEATS;
    hw_in.shared_flits.value.next   = SHARED;
    hw_in.reserved_flits.value.next = '0;
    for (int unsigned v = 0; v < sp_pkg::NUM_VC; v++) begin
      if (32'(RESERVED[v]) > hw_in.reserved_flits.value.next) begin
        hw_in.reserved_flits.value.next = 32'(RESERVED[v]);
      end
    end
    hw_in.counters.rd_ack  = done && !wr_q;
    hw_in.counters.wr_ack  = done && wr_q;
    hw_in.counters.rd_data = refused_q ? '0 : value[31:0];
  end

  // A counter never passes its end; its words are only read.
  logic unused;
  assign unused = &{1'b0, value[32], hw_out.counters.addr[1:0], hw_out.counters.wr_data,
                    hw_out.counters.wr_biten, hw_out.control.silent.value};

endmodule
