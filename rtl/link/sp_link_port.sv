// SPDX-License-Identifier: Apache-2.0
//
// A port of a link with everything it needs towards its lanes (docs/link.md): the link itself
// (sp_link), lanes that may be skewed or fail, a receive clock of its own, wrong bits on demand.
// Guarantees are those of its parts. A lone header-only packet that comes in cycle 0 leaves the
// other end in cycle 8, as with sp_link alone; wire, skew and the way from clock to clock not
// counted.
//
//   stream --> sp_link --> lanes --> inject --> wire
//   stream <-- sp_link <-- lanes <-- clock <-- align <-- wire      align is in the receive clock

module sp_link_port #(
    /// Bits of a flit: 128, 256 or 512; so the link has 1, 2 or 4 lanes.
    parameter int unsigned FLIT_W = 128,
    /// Units of the longest frame, a multiple of FLIT_W / 128.
    parameter int unsigned FRAME_UNITS = 64,
    /// Bits of a sequence number.
    parameter int unsigned SEQ_W = 13,
    /// Beats of the replay memory, a power of two.
    parameter int unsigned REPLAY_BEATS = 512,
    /// R(v): flits of the receive buffer that are a VC's own, VC 0 lowest.
    parameter logic [sp_pkg::NUM_VC-1:0][sp_link_pkg::RESERVED_W-1:0] RESERVED = {4{12'd32}},
    /// S: flits of the receive buffer for all VCs.
    parameter int unsigned SHARED = 128,
    /// Bits of the flits that a VC uses at the other end (sp_link_credit).
    parameter int unsigned USED_W = sp_link_pkg::COUNT_W,
    /// Cycles that a lane may come later than another.
    parameter int unsigned MAX_SKEW = 8,
    /// Words between receive clock and core clock, a power of two, 16 or more; 0: `rx_clk_i` is not
    /// used, and what comes comes with `clk_i`.
    parameter int unsigned CLOCK_DEPTH = 16,
    /// Wrong bits can be injected into what leaves.
    parameter bit INJECT = 1'b1,
    localparam int unsigned K = FLIT_W / sp_pkg::UNIT_W
) (
    /// Core clock; what leaves leaves with it.
    input  logic                                  clk_i,
    /// Reset, active low, asynchronous.
    input  logic                                  rst_ni,
    /// Receive clock: at most 200 ppm from that of the core, or SKIP must be more frequent.
    input  logic                                  rx_clk_i,

    /// The link is to be up.
    input  logic                                  enable_i,
    /// What becomes of packets in FLUSH, DOWN and TRAIN.
    input  sp_link_pkg::policy_e                  policy_i,
    /// BEST_EFFORT: cycles from leaving UP to dropping.
    input  logic [sp_link_pkg::TIMER_W-1:0]       hold_cycles_i,
    /// Training beats to be sent with the peer's nonce.
    input  logic [15:0]                           train_beats_i,
    /// Cycles after the first TRAIN block in which other lanes are waited for.
    input  logic [sp_link_pkg::TIMER_W-1:0]       lane_cycles_i,
    /// Cycles from one SKIP to the next, 2 or more; 0: none.
    input  logic [sp_link_pkg::TIMER_W-1:0]       skip_beats_i,
    /// Cycles without progress that start a replay.
    input  logic [sp_link_pkg::TIMER_W-1:0]       replay_cycles_i,
    /// Cycles from one trailer to the next, at most.
    input  logic [sp_link_pkg::TIMER_W-1:0]       keepalive_cycles_i,
    /// Cycles without a good frame that start a retraining.
    input  logic [sp_link_pkg::TIMER_W-1:0]       dead_cycles_i,
    /// Cycles without progress that flush the link.
    input  logic [sp_link_pkg::TIMER_W-1:0]       age_cycles_i,
    /// Replays without progress.
    input  logic [7:0]                            replay_limit_i,
    /// Retrainings without progress.
    input  logic [7:0]                            retrain_limit_i,

    /// Stream in: valid.
    input  logic                                  s_tvalid_i,
    /// Stream in: ready.
    output logic                                  s_tready_o,
    /// Stream in: payload.
    input  logic [FLIT_W-1:0]                     s_tdata_i,
    /// Stream in: {error mark with the last beat, header with the first}.
    input  logic [sp_pkg::USER_W-1:0]             s_tuser_i,
    /// Stream in: last beat.
    input  logic                                  s_tlast_i,
    /// By VC: a longest packet has room at the other end.
    output logic [sp_pkg::NUM_VC-1:0]             s_vc_room_o,

    /// Stream out: valid.
    output logic                                  m_tvalid_o,
    /// Stream out: ready.
    input  logic                                  m_tready_i,
    /// Stream out: payload.
    output logic [FLIT_W-1:0]                     m_tdata_o,
    /// Stream out: {error mark with the last beat, header with the first}.
    output logic [sp_pkg::USER_W-1:0]             m_tuser_o,
    /// Stream out: last beat.
    output logic                                  m_tlast_o,
    /// By VC: the receiver lets a packet start.
    input  logic [sp_pkg::NUM_VC-1:0]             m_vc_room_i,

    /// To the wire, by lane: mark.
    output logic [K-1:0][sp_link_pkg::MARK_W-1:0] tx_mark_o,
    /// To the wire, by lane: unit.
    output logic [K-1:0][sp_pkg::UNIT_W-1:0]      tx_unit_o,
    /// From the wire, by lane: a block comes.
    input  logic [K-1:0]                          rx_valid_i,
    /// From the wire, by lane: its mark.
    input  logic [K-1:0][sp_link_pkg::MARK_W-1:0] rx_mark_i,
    /// From the wire, by lane: its unit.
    input  logic [K-1:0][sp_pkg::UNIT_W-1:0]      rx_unit_i,

    /// How often in 2^32 cycles a bit of what leaves is wrong; 0: never.
    input  logic [31:0]                           inject_rate_i,
    /// Take the seed of the injector.
    input  logic                                  inject_load_i,
    /// The seed.
    input  logic [31:0]                           inject_seed_i,
    /// One wrong bit.
    input  logic                                  inject_shot_i,
    /// Wrong bits since the seed was taken.
    output logic [31:0]                           injected_o,
    /// Event: there is one more of them.
    output logic                                  ev_injected_o,

    /// Lanes on which beats come; none until that is settled.
    output logic [K-1:0]                          rx_lanes_o,
    /// Lanes on which beats leave.
    output logic [K-1:0]                          tx_lanes_o,
    /// Event: a SKIP, or a block of training, was dropped between the clocks.
    output logic                                  ev_dropped_o,
    /// Event: words were lost between the clocks.
    output logic                                  ev_overflow_o,
    /// Event: beats that are spread over cycles had lost their place, and a trailer gave it back.
    output logic                                  ev_shifted_o,

    /// State.
    output sp_link_pkg::state_e                   state_o,
    /// Training: the peer has {another version, other sequence numbers, another width}.
    output logic [2:0]                            unfit_o,
    /// Events, one cycle each.
    output sp_link_pkg::events_t                  events_o,
    /// With the event `flush`: packets that were taken and not acknowledged.
    output logic [sp_link_pkg::COUNT_W-1:0]       lost_packets_o
);

  import sp_pkg::*;
  import sp_link_pkg::*;

  /// What comes, in the core clock.
  typedef struct packed {
    logic                     aligned;
    logic                     lost;
    logic                     skip;
    logic [K-1:0]             train;
    logic [K-1:0][MARK_W-1:0] mark;
    logic [K-1:0][UNIT_W-1:0] unit;
  } word_t;

  logic                     round;
  logic                     came_valid;   // as aligned, in the receive clock
  word_t                    came;
  logic                     valid;
  word_t                    word;
  logic                     beat_valid;
  logic [K-1:0][MARK_W-1:0] beat_mark;
  logic [K-1:0][UNIT_W-1:0] beat_unit;
  logic                     send_ready;
  logic [K-1:0][MARK_W-1:0] send_mark, lane_mark;
  logic [K-1:0][UNIT_W-1:0] send_unit, lane_unit;

  // --------------------------------------------------------------------------------- what comes

  logic         align_clk;
  logic         align_rst_n;
  logic         align_round;
  logic [K-1:0] align_lanes;

  sp_link_align #(
      .K       (K),
      .MAX_SKEW(MAX_SKEW)
  ) i_align (
      .clk_i     (align_clk),
      .rst_ni    (align_rst_n),
      .round_i   (align_round),
      .lanes_i   (align_lanes),
      .rx_valid_i,
      .rx_mark_i,
      .rx_unit_i,
      .valid_o   (came_valid),
      .aligned_o (came.aligned),
      .lost_o    (came.lost),
      .skip_o    (came.skip),
      .train_o   (came.train),
      .mark_o    (came.mark),
      .unit_o    (came.unit)
  );

  if (CLOCK_DEPTH > 0) begin : g_clock
    assign align_clk = rx_clk_i;

    // Training repeats itself: any of its blocks can be spared.
    sp_link_clock #(
        .WIDTH($bits(word_t)),
        .BACK (K + 1),
        .DEPTH(CLOCK_DEPTH)
    ) i_clock (
        .clk_i,
        .rst_ni,
        .rx_clk_i,
        .rx_rst_no    (align_rst_n),
        .rx_valid_i   (came_valid),
        .rx_spare_i   (!came.aligned || came.skip || (came.train != '0)),
        .rx_data_i    (came),
        .valid_o      (valid),
        .data_o       (word),
        .back_i       ({round, rx_lanes_o}),
        .rx_back_o    ({align_round, align_lanes}),
        .ev_dropped_o,
        .ev_overflow_o
    );
  end else begin : g_one_clock
    assign align_clk     = clk_i;
    assign align_rst_n   = rst_ni;
    assign align_round   = round;
    assign align_lanes   = rx_lanes_o;
    assign valid         = came_valid;
    assign word          = came;
    assign ev_dropped_o  = 1'b0;
    assign ev_overflow_o = 1'b0;
    /* verilator lint_off UNUSEDSIGNAL */  // there is one clock
    logic no_clk;
    /* verilator lint_on UNUSEDSIGNAL */
    assign no_clk = rx_clk_i;
  end

  // --------------------------------------------------------------------------------------- lanes

  sp_link_lanes #(
      .K(K)
  ) i_lanes (
      .clk_i,
      .rst_ni,
      .tx_lanes_i  (tx_lanes_o),
      .tx_mark_i   (send_mark),
      .tx_unit_i   (send_unit),
      .tx_ready_o  (send_ready),
      .tx_mark_o   (lane_mark),
      .tx_unit_o   (lane_unit),
      .rx_lanes_i  (rx_lanes_o),
      .rx_valid_i  (valid),
      .rx_aligned_i(word.aligned),
      .rx_skip_i   (word.skip),
      .rx_train_i  (word.train),
      .rx_mark_i   (word.mark),
      .rx_unit_i   (word.unit),
      .rx_valid_o  (beat_valid),
      .rx_mark_o   (beat_mark),
      .rx_unit_o   (beat_unit),
      .ev_shifted_o
  );

  if (INJECT) begin : g_inject
    sp_link_inject #(
        .K(K)
    ) i_inject (
        .clk_i,
        .rst_ni,
        .rate_i (inject_rate_i),
        .load_i (inject_load_i),
        .seed_i (inject_seed_i),
        .shot_i (inject_shot_i),
        .count_o(injected_o),
        .ev_wrong_o(ev_injected_o),
        .mark_i (lane_mark),
        .unit_i (lane_unit),
        .mark_o (tx_mark_o),
        .unit_o (tx_unit_o)
    );
  end else begin : g_no_inject
    assign tx_mark_o  = lane_mark;
    assign tx_unit_o  = lane_unit;
    assign injected_o = '0;
    assign ev_injected_o = 1'b0;
    /* verilator lint_off UNUSEDSIGNAL */  // there is no injector
    logic no_inject;
    /* verilator lint_on UNUSEDSIGNAL */
    assign no_inject = ^{inject_rate_i, inject_load_i, inject_seed_i, inject_shot_i};
  end

  // ---------------------------------------------------------------------------------------- link

  sp_link #(
      .FLIT_W      (FLIT_W),
      .FRAME_UNITS (FRAME_UNITS),
      .SEQ_W       (SEQ_W),
      .REPLAY_BEATS(REPLAY_BEATS),
      .RESERVED    (RESERVED),
      .SHARED      (SHARED),
      .USED_W      (USED_W),
      .LANES       (1'b1)
  ) i_link (
      .clk_i,
      .rst_ni,
      .enable_i,
      .policy_i,
      .hold_cycles_i,
      .train_beats_i,
      .lane_cycles_i,
      .skip_beats_i,
      .replay_cycles_i,
      .keepalive_cycles_i,
      .dead_cycles_i,
      .age_cycles_i,
      .replay_limit_i,
      .retrain_limit_i,
      .s_tvalid_i,
      .s_tready_o,
      .s_tdata_i,
      .s_tuser_i,
      .s_tlast_i,
      .s_vc_room_o,
      .m_tvalid_o,
      .m_tready_i,
      .m_tdata_o,
      .m_tuser_o,
      .m_tlast_o,
      .m_vc_room_i,
      .tx_mark_o (send_mark),
      .tx_unit_o (send_unit),
      .tx_ready_i(send_ready),
      .rx_valid_i(beat_valid),
      .rx_mark_i (beat_mark),
      .rx_unit_i (beat_unit),
      .rx_lost_i (valid && word.aligned && word.lost),
      .rx_train_i(valid ? word.train : '0),
      .rx_lane_i (word.unit),
      .round_o   (round),
      .rx_lanes_o,
      .tx_lanes_o,
      .state_o,
      .unfit_o,
      .events_o,
      .lost_packets_o
  );

endmodule
