// SPDX-License-Identifier: Apache-2.0
//
// One end of a link (docs/link.md). Guarantees, while it is up: what goes in at one end comes out
// at the other, once, unchanged, in order within each VC, whatever the wire does; when that cannot
// be kept the link goes down through FLUSH, and says why. A packet comes out whole or, when the
// link goes down in its middle, filled with zeros and with the error mark.
//
// A lone header-only packet that comes in cycle 0 leaves the other end in cycle 8, the wire not
// counted.

module sp_link #(
    /// Bits of a flit: 128, 256 or 512.
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
    /// TRAIN blocks come lane by lane beside the beats, and lanes may be missing (sp_link_port);
    /// 0: they come among the beats, on all lanes.
    parameter bit LANES = 1'b0,
    localparam int unsigned K = FLIT_W / sp_pkg::UNIT_W
) (
    /// Clock.
    input  logic                                  clk_i,
    /// Reset, active low, asynchronous.
    input  logic                                  rst_ni,

    /// The link is to be up.
    input  logic                                  enable_i,
    /// What becomes of packets in FLUSH, DOWN and TRAIN.
    input  sp_link_pkg::policy_e                  policy_i,
    /// BEST_EFFORT: cycles from leaving UP to dropping.
    input  logic [sp_link_pkg::TIMER_W-1:0]       hold_cycles_i,
    /// Training beats to be sent with the peer's nonce.
    input  logic [15:0]                           train_beats_i,
    /// LANES: cycles after the first TRAIN block in which other lanes are waited for.
    input  logic [sp_link_pkg::TIMER_W-1:0]       lane_cycles_i = '0,
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

    /// Beat to the wire: marks.
    output logic [K-1:0][sp_link_pkg::MARK_W-1:0] tx_mark_o,
    /// Beat to the wire: units.
    output logic [K-1:0][sp_pkg::UNIT_W-1:0]      tx_unit_o,
    /// The wire takes a beat.
    input  logic                                  tx_ready_i,
    /// A beat from the wire.
    input  logic                                  rx_valid_i,
    /// Its marks.
    input  logic [K-1:0][sp_link_pkg::MARK_W-1:0] rx_mark_i,
    /// Its units.
    input  logic [K-1:0][sp_pkg::UNIT_W-1:0]      rx_unit_i,
    /// LANES: before what comes now there was a cycle in which nothing came.
    input  logic                                  rx_lost_i = 1'b0,
    /// LANES, by lane: a TRAIN block that is right comes.
    input  logic [K-1:0]                          rx_train_i = '0,
    /// LANES, by lane: its unit.
    input  logic [K-1:0][sp_pkg::UNIT_W-1:0]      rx_lane_i = '0,
    /// Changes with each training.
    output logic                                  round_o,
    /// LANES: those on which beats come; none until that is settled.
    output logic [K-1:0]                          rx_lanes_o,
    /// LANES: those on which beats leave.
    output logic [K-1:0]                          tx_lanes_o,

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

  logic                               up;
  logic                               clear;
  logic                               discard;
  logic                               flush;
  logic                               done;
  logic [COUNT_W-1:0]                 done_q;     // packets taken from the user
  logic [COUNT_W-1:0]                 acked;      // and of these acknowledged by the peer
  logic [EPOCH_W-1:0]                 epoch;
  logic [NUM_VC-1:0][RESERVED_W-1:0]  reserved;
  logic [SHARED_W-1:0]                shared;
  logic [TIMER_W-1:0]                 hold_q;     // cycles since UP

  assign flush   = state_o == LINK_FLUSH;
  assign clear   = (state_o == LINK_FLUSH) || (state_o == LINK_DOWN);
  assign discard = !up && (state_o != LINK_RETRAIN) &&
                   ((policy_i == POLICY_DISCARD) ||
                    ((policy_i == POLICY_BEST_EFFORT) && (hold_q >= hold_cycles_i)));

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) hold_q <= '0;
    else if (up) hold_q <= '0;
    else if (hold_q != '1) hold_q <= hold_q + TIMER_W'(1);
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) done_q <= '0;
    else if (clear) done_q <= '0;
    else if (done) done_q <= done_q + COUNT_W'(1);
  end

  assign lost_packets_o = done_q - acked;

  // ------------------------------------------------------------------------------------- sending

  logic                     head_waits;
  logic [1:0]               head_vc;
  logic [LEN_W-1:0]         head_flits;
  logic                     go;
  logic                     start;
  logic [NUM_VC-1:0]        room;
  logic                     pack_valid, pack_ready, pack_free, pack_hold, pack_cont, pack_end;
  logic                     pack_next, pack_short;
  logic [K-1:0]             pack_ctl;
  logic [K-1:0][UNIT_W-1:0] pack_unit;
  logic [K-1:0][UNIT_W-1:0] train;
  logic                     train_sent, train_ok;
  logic [SEQ_W-1:0]         expected;
  logic                     reack, nack, heard, good, over_rx, over_buffer;
  /* verilator lint_off UNUSEDSIGNAL */  // the rest stays with the receiver
  trailer_t                 trailer;
  /* verilator lint_on UNUSEDSIGNAL */
  logic                     unacked, progress, exhausted, resume;
  logic [SEQ_W-1:0]         resume_ack;
  logic [NUM_VC-1:0]        freed_bad;
  logic [NUM_VC-1:0][COUNT_W-1:0] freed;

  // Where packets are dropped there is room for all; where they wait there is none.
  assign s_vc_room_o = discard ? '1 : up ? room : '0;

  sp_link_pack #(
      .FLIT_W(FLIT_W)
  ) i_pack (
      .clk_i,
      .rst_ni,
      .up_i        (up),
      .discard_i   (discard),
      .clear_i     (clear),
      .s_tvalid_i,
      .s_tready_o,
      .s_tdata_i,
      .s_tuser_i,
      .s_tlast_i,
      .head_waits_o(head_waits),
      .head_vc_o   (head_vc),
      .head_flits_o(head_flits),
      .go_i        (go),
      .start_o     (start),
      .valid_o     (pack_valid),
      .ready_i     (pack_ready),
      .ctl_o       (pack_ctl),
      .unit_o      (pack_unit),
      .free_o      (pack_free),
      .hold_o      (pack_hold),
      .cont_o      (pack_cont),
      .end_o       (pack_end),
      .next_o      (pack_next),
      .short_i     (pack_short),
      .done_o      (done),
      .ev_length_o (events_o.length),
      .ev_dropped_o(events_o.dropped)
  );

  sp_link_credit #(
      .FLIT_W(FLIT_W),
      .USED_W(USED_W)
  ) i_credit (
      .clk_i,
      .rst_ni,
      .clear_i       (clear),
      .reserved_i    (reserved),
      .shared_i      (shared),
      .waits_i       (head_waits),
      .vc_i          (head_vc),
      .flits_i       (head_flits),
      .go_o          (go),
      .start_i       (start),
      .freed_valid_i (good),
      .freed_i       (trailer.freed),
      .room_o        (room),
      .ev_freed_bad_o(freed_bad)
  );

  sp_link_tx #(
      .K           (K),
      .FRAME_UNITS (FRAME_UNITS),
      .SEQ_W       (SEQ_W),
      .REPLAY_BEATS(REPLAY_BEATS)
  ) i_tx (
      .clk_i,
      .rst_ni,
      .state_i       (state_o),
      .clear_i       (clear),
      .epoch_i       (epoch),
      .train_i       (train),
      .skip_beats_i,
      .replay_cycles_i,
      .keepalive_cycles_i,
      .replay_limit_i,
      .pack_valid_i  (pack_valid),
      .pack_ready_o  (pack_ready),
      .pack_ctl_i    (pack_ctl),
      .pack_unit_i   (pack_unit),
      .pack_free_i   (pack_free),
      .pack_hold_i   (pack_hold),
      .pack_cont_i   (pack_cont),
      .pack_end_i    (pack_end),
      .pack_next_i   (pack_next),
      .pack_short_o  (pack_short),
      .expected_i    (expected),
      .reack_i       (reack),
      .nack_i        (nack),
      .heard_i       (heard),
      .freed_i       (freed),
      .ack_valid_i   (good || resume),
      .ack_i         (good ? SEQ_W'(trailer.ack) : resume_ack),
      .ack_nack_i    (trailer.nack && good),
      .ack_heard_i   (trailer.heard),
      .tx_mark_o,
      .tx_unit_o,
      .tx_ready_i,
      .unacked_o     (unacked),
      .progress_o    (progress),
      .exhausted_o   (exhausted),
      .train_sent_o  (train_sent),
      .acked_o       (acked),
      .ev_frame_o    (events_o.tx_frame),
      .ev_control_o  (events_o.tx_control),
      .ev_replay_o   (events_o.replay),
      .ev_again_o    (events_o.tx_again),
      .ev_nack_o     (events_o.tx_nack),
      .ev_nacked_o   (events_o.nacked),
      .ev_nack_old_o (events_o.nack_old),
      .ev_timeout_o  (events_o.replay_timeout),
      .ev_ack_bad_o  (events_o.ack_bad)
  );

  // ----------------------------------------------------------------------------------- receiving

  logic              push, push_last, push_err, push_head, poison, commit, rollback, overflow;
  logic [1:0]        push_vc;
  hdr_t              push_hdr;
  logic [FLIT_W-1:0] push_data;
  logic              rx_open;
  logic              empty;

  sp_link_rx #(
      .FLIT_W(FLIT_W),
      .SEQ_W (SEQ_W)
  ) i_rx (
      .clk_i,
      .rst_ni,
      .up_i          (up),
      .clear_i       (state_o == LINK_DOWN),
      .flush_i       (flush),
      .epoch_i       (epoch),
      .rx_valid_i,
      .rx_mark_i,
      .rx_unit_i,
      .rx_lost_i,
      .train_ok_i    (train_ok),
      .push_o        (push),
      .push_last_o   (push_last),
      .push_err_o    (push_err),
      .push_vc_o     (push_vc),
      .push_head_o   (push_head),
      .push_hdr_o    (push_hdr),
      .push_data_o   (push_data),
      .poison_o      (poison),
      .commit_o      (commit),
      .rollback_o    (rollback),
      .overflow_i    (overflow),
      .open_o        (rx_open),
      .expected_o    (expected),
      .reack_o       (reack),
      .nack_o        (nack),
      .heard_o       (heard),
      .good_o        (good),
      .trailer_o     (trailer),
      .over_o        (over_rx),
      .ev_frame_o    (events_o.rx_frame),
      .ev_duplicate_o(events_o.rx_duplicate),
      .ev_ahead_o    (events_o.rx_ahead),
      .ev_damaged_o  (events_o.rx_damaged),
      .ev_crc_o      (events_o.rx_crc),
      .ev_malformed_o(events_o.rx_malformed),
      .ev_epoch_o    (events_o.rx_epoch)
  );

  sp_link_buffer #(
      .FLIT_W  (FLIT_W),
      .RESERVED(RESERVED),
      .SHARED  (SHARED)
  ) i_buffer (
      .clk_i,
      .rst_ni,
      .clear_i     (state_o == LINK_DOWN),
      .push_i      (push),
      .push_last_i (push_last),
      .push_err_i  (push_err),
      .push_vc_i   (push_vc),
      .push_head_i (push_head),
      .push_hdr_i  (push_hdr),
      .push_data_i (push_data),
      .poison_i    (poison),
      .commit_i    (commit),
      .rollback_i  (rollback),
      .overflow_o  (overflow),
      .over_o      (over_buffer),
      .m_tvalid_o,
      .m_tready_i,
      .m_tdata_o,
      .m_tuser_o,
      .m_tlast_o,
      .m_vc_room_i,
      .freed_o     (freed),
      .empty_o     (empty)
  );

  // ------------------------------------------------------------------------------------- states

  logic                     flushed_q;  // FLUSH has lasted long enough for all that was on its way
  logic [K-1:0]             train_came;
  logic [K-1:0][UNIT_W-1:0] train_unit;

  if (LANES) begin : g_lanes
    assign train_came = rx_train_i;
    assign train_unit = rx_lane_i;
  end else begin : g_beats
    logic [K-1:0] right;
    for (genvar k = 0; k < K; k++) begin : g_check
      sp_link_check #(
          .LANE(k)
      ) i_check (
          .mark_i (rx_mark_i[k]),
          .unit_i (rx_unit_i[k]),
          .right_o(right[k])
      );
    end
    assign train_came = {K{rx_valid_i && (&right)}};
    assign train_unit = rx_unit_i;
    /* verilator lint_off UNUSEDSIGNAL */  // what lanes bring
    logic [K-1:0]             no_train;
    logic [K-1:0][UNIT_W-1:0] no_lane;
    /* verilator lint_on UNUSEDSIGNAL */
    assign no_train = rx_train_i;
    assign no_lane  = rx_lane_i;
  end

  sp_link_train #(
      .K       (K),
      .SEQ_W   (SEQ_W),
      .RESERVED(RESERVED),
      .SHARED  (SHARED),
      .LANES   (LANES)
  ) i_train (
      .clk_i,
      .rst_ni,
      .enable_i,
      .train_beats_i,
      .lane_cycles_i,
      .dead_cycles_i,
      .age_cycles_i,
      .retrain_limit_i,
      .rx_train_i   (train_came),
      .rx_lane_i    (train_unit),
      .train_ok_o   (train_ok),
      .train_o      (train),
      .train_sent_i (train_sent),
      .expected_i   (expected),
      .good_i       (good),
      .over_i       (over_rx || over_buffer),
      .unacked_i    (unacked),
      .progress_i   (progress),
      .exhausted_i  (exhausted),
      .drained_i    (flushed_q && !rx_open && empty),
      .state_o,
      .up_o         (up),
      .round_o,
      .rx_lanes_o,
      .tx_lanes_o,
      .epoch_o      (epoch),
      .reserved_o   (reserved),
      .shared_o     (shared),
      .resume_o     (resume),
      .resume_ack_o (resume_ack),
      .bad_width_o  (unfit_o[0]),
      .bad_seqw_o   (unfit_o[1]),
      .bad_version_o(unfit_o[2]),
      .ev_retrain_o (events_o.retrain),
      .ev_dead_o    (events_o.dead),
      .ev_aged_o    (events_o.aged),
      .ev_peer_o    (events_o.peer)
  );

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) flushed_q <= 1'b0;
    else flushed_q <= flush;
  end

  // In the first cycle of FLUSH: what was taken in the last one of UP is among what is lost.
  assign events_o.flush     = flush && !flushed_q;
  assign events_o.rx_over   = over_rx || over_buffer;
  assign events_o.freed_bad = freed_bad != '0;

endmodule
