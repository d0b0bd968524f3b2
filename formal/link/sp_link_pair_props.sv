// SPDX-License-Identifier: Apache-2.0
//
// What a user relies on from sp_link_tx and sp_link_rx together, with a wire between them that
// loses, damages, delays and repeats: every packet comes once, unchanged and in order. K = 1.
// Packets are a header, or a header and a unit of payload; each carries its number. The way back
// is a register: the prover tells the sender, when it wants and as often as it wants, what the
// receiver had acknowledged and heard at some time not before what was told last, with a NACK or
// without. So much is more than what trailers of a peer could do.
//
// Frames are numbered from a number that is free: so numbers begin anew within the cycles looked
// at. The CRC is one that misses nothing (sp_link_crc_told).

module sp_link_pair_props
  import sp_pkg::*;
  import sp_link_pkg::*;
#(
    /// Bits of a sequence number.
    parameter int unsigned SEQ_W = 3,
    /// Beats on the wire.
    parameter int unsigned WIRE = 2,
    /// Bits of a packet's number: more packets than can be on their way.
    localparam int unsigned NumW = 4
) (
    /// Clock.
    input logic clk_i,
    /// Reset.
    input logic rst_ni,
    /// The sender has a unit, free.
    input logic pack_valid_i,
    /// The next packet has payload, free.
    input logic long_i,
    /// A trailer is to leave, free.
    input logic trailer_i,
    /// A replay is to begin, free.
    input logic late_i,
    /// The wire loses a beat, free.
    input logic lose_i,
    /// A beat leaves the wire, free.
    input logic move_i,
    /// It is damaged, free.
    input logic damage_i,
    /// The last frame leaves the wire again, free.
    input logic repeat_i,
    /// What the receiver acknowledges is looked at, free.
    input logic look_i,
    /// What was seen then comes to the sender, free.
    input logic tell_i,
    /// With a NACK, free.
    input logic nack_i
);

  // Number of a packet: where a header has `dst`, and in the same bits of its payload.
  localparam int unsigned NumAt = 8;
  localparam int unsigned LenAt = 48;

  logic started_q = 1'b0;
  always_ff @(posedge clk_i) started_q <= 1'b1;

  // Instead of a reset both ends begin in the state behind it, but for the number.
  logic [SEQ_W-1:0] start;
  assign start = rx.expected_q;

  always_comb begin
    no_reset: assume (started_q == rst_ni);
    if (!started_q) begin
      begins_at_rest: assume (!pack_valid_i && !trailer_i && !late_i);
      sender_is_new: assume (tx.next_q == start && tx.seq_q == start && tx.oldest_q == start
          && tx.told_q == '0 && tx.told_freed_q == '0 && tx.beats_q == '0 && tx.wptr_q == '0
          && tx.optr_q == '0 && tx.rptr_q == '0 && tx.ended_q == '0 && tx.acked_q == '0
          && tx.round_q == '0 && tx.wait_q == '0 && tx.replays_q == '0 && tx.quiet_q == '0
          && {tx.open_q, tx.hold_q, tx.may_open_q, tx.skip_due_q, tx.control_due_q, tx.nack_q,
              tx.reack_q, tx.replay_due_q, tx.replay_q, tx.mid_q, tx.again_q, tx.mem_q,
              tx.ack_valid_q, tx.full_q, tx.keep_q, tx.crc_there_q, tx.crc_trailer_q,
              tx.crc_train_q, tx.crc_skip_q, tx.fresh_q} == '0 && tx.up_q
          && tx.tx_mark_o == MARK_CTRL && tx.tx_unit_o == '0);
      receiver_counts: assume (rx.after_q == SEQ_W'(start + SEQ_W'(1)) && !rx.filling_q
          && rx.b_data_q == '0);
      receiver_is_new: assume (rx.place_q == '0 && rx.stable_q == '0 && rx.heard_q == '0
          && {rx.a_valid_q, rx.a_train_q, rx.a_damaged_q, rx.b_valid_q, rx.b_closing_q,
              rx.broken_q, rx.units_q, rx.ended_q, rx.wrong_q, rx.over_q, rx.nacked_q} == '0);
    end
  end

  // ------------------------------------------------------------------------------------- sending

  logic [NumW-1:0]   sent_q;     // number of the packet that is sent
  logic              payload_q;  // its payload is next
  logic              pack_ready;
  logic [UNIT_W-1:0] unit;
  logic              ends;

  assign ends = payload_q || !long_i;

  always_comb begin
    unit = '0;
    unit[NumAt+:NumW] = sent_q;
    if (!payload_q) unit[LenAt] = long_i;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      sent_q    <= '0;
      payload_q <= 1'b0;
    end else if (pack_valid_i && pack_ready) begin
      payload_q <= !ends;
      if (ends) sent_q <= sent_q + NumW'(1);
    end
  end

  logic [MARK_W-1:0]  tx_mark;
  logic [UNIT_W-1:0]  tx_unit;
  logic [COUNT_W-1:0] acked;
  logic               again;

  logic               told_q;
  logic [SEQ_W-1:0]   told_ack_q;
  logic               told_heard_q;

  sp_link_tx #(
      .K           (1),
      .FRAME_UNITS (2),
      .SEQ_W       (SEQ_W),
      .REPLAY_BEATS(16)
  ) tx (
      .clk_i,
      .rst_ni            (1'b1),
      .state_i           (LINK_UP),
      .clear_i           (1'b0),
      .epoch_i           ('0),
      .train_i           ('0),
      .skip_beats_i      ('0),
      .replay_cycles_i   (late_i ? '0 : '1),
      .keepalive_cycles_i('1),
      .replay_limit_i    ('1),
      .pack_valid_i,
      .pack_ready_o      (pack_ready),
      .pack_ctl_i        (1'b0),
      .pack_unit_i       (unit),
      .pack_free_i       (1'b0),
      .pack_hold_i       (1'b0),
      .pack_cont_i       (payload_q),
      .pack_end_i        (ends),
      .pack_next_i       (1'b0),
      .pack_short_o      (),
      .expected_i        ('0),
      .reack_i           (trailer_i),
      .nack_i            (1'b0),
      .heard_i           (1'b0),
      .freed_i           ('0),
      .ack_valid_i       (tell_i && told_q),
      .ack_i             (told_ack_q),
      .ack_nack_i        (nack_i),
      .ack_heard_i       (told_heard_q),
      .tx_mark_o         (tx_mark),
      .tx_unit_o         (tx_unit),
      .tx_ready_i        (1'b1),
      .unacked_o         (),
      .progress_o        (),
      .exhausted_o       (),
      .train_sent_o      (),
      .acked_o           (acked),
      .ev_frame_o        (),
      .ev_control_o      (),
      .ev_replay_o       (),
      .ev_again_o        (again),
      .ev_nack_o         (),
      .ev_nacked_o       (),
      .ev_nack_old_o     (),
      .ev_timeout_o      (),
      .ev_ack_bad_o      ()
  );

  // ------------------------------------------------------------------------------------ the wire

  logic              rx_valid;
  logic [MARK_W-1:0] rx_mark;
  logic [UNIT_W-1:0] rx_unit;
  logic              hurt;

  sp_link_wire #(
      .DEPTH(WIRE),
      .SEQ_W(SEQ_W)
  ) wire_ab (
      .clk_i,
      .rst_ni,
      .mark_i  (tx_mark),
      .unit_i  (tx_unit),
      .lose_i,
      .move_i,
      .damage_i,
      .repeat_i,
      .valid_o (rx_valid),
      .mark_o  (rx_mark),
      .unit_o  (rx_unit),
      .hurt_o  (hurt),
      .busy_o  ()
  );

  // ----------------------------------------------------------------------------------- receiving

  logic              push;
  logic              push_head;
  logic              push_last;
  logic              push_err;
  logic              commit;
  logic              rollback;
  logic              poison;
  hdr_t              hdr;
  logic [UNIT_W-1:0] data;
  logic [SEQ_W-1:0]  expected;
  logic              heard;
  logic              twice;
  logic              taken;

  sp_link_rx #(
      .FLIT_W(UNIT_W),
      .SEQ_W (SEQ_W)
  ) rx (
      .clk_i,
      .rst_ni        (1'b1),
      .up_i          (1'b1),
      .clear_i       (1'b0),
      .flush_i       (1'b0),
      .epoch_i       ('0),
      .rx_valid_i    (rx_valid),
      .rx_mark_i     (rx_mark),
      .rx_unit_i     (rx_unit),
      .train_ok_i    (1'b0),
      .rx_lost_i     (1'b0),
      .push_o        (push),
      .push_last_o   (push_last),
      .push_err_o    (push_err),
      .push_vc_o     (),
      .push_head_o   (push_head),
      .push_hdr_o    (hdr),
      .push_data_o   (data),
      .poison_o      (poison),
      .commit_o      (commit),
      .rollback_o    (rollback),
      .overflow_i    (1'b0),
      .open_o        (),
      .expected_o    (expected),
      .reack_o       (),
      .nack_o        (),
      .heard_o       (heard),
      .good_o        (),
      .trailer_o     (),
      .over_o        (),
      .ev_frame_o    (taken),
      .ev_duplicate_o(twice),
      .ev_ahead_o    (),
      .ev_damaged_o  (),
      .ev_crc_o      (),
      .ev_malformed_o(),
      .ev_epoch_o    ()
  );

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      told_q       <= 1'b0;
      told_ack_q   <= '0;
      told_heard_q <= 1'b0;
    end else if (look_i) begin
      told_q       <= 1'b1;
      told_ack_q   <= expected;
      told_heard_q <= heard;
    end
  end

  // --------------------------------------------------------------------------------- what has come

  logic [NumW-1:0] came_q;    // packets that came, those of the frame that comes too
  logic [NumW-1:0] kept_q;    // and were handed on
  logic            wrong_q;   // of the frame that comes one is not what it must be
  logic            wrong;
  logic [NumW-1:0] came;

  /// What is looked at of a header.
  typedef struct packed {
    logic [LEN_W-1:0] len;
    logic [ID_W-1:0]  dst;
  } head_t;

  // A header comes with the first flit of its packet or before it, and is kept at its place.
  head_t head_q [2**NumW];
  head_t head;

  always_ff @(posedge clk_i) begin
    if (push_head) head_q[came_q] <= '{len: hdr.len, dst: hdr.dst};
  end

  assign head  = push_head ? head_t'({hdr.len, hdr.dst}) : head_q[came_q];
  assign came  = came_q + NumW'(push);
  assign wrong = wrong_q || poison || (push && (push_err || !push_last || head.dst != ID_W'(came_q)
                 || (head.len != '0 && data[NumAt+:NumW] != came_q)));

  logic hurt_q;     // the wire did harm
  logic again_q;    // a frame was sent again
  logic wraps_q;    // numbers of frames have begun anew

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      came_q   <= '0;
      kept_q   <= '0;
      wrong_q  <= 1'b0;
      hurt_q  <= 1'b0;
      again_q <= 1'b0;
      wraps_q <= 1'b0;
    end else begin
      came_q  <= came;
      wrong_q <= wrong;
      if (rollback) begin
        came_q  <= kept_q;
        wrong_q <= 1'b0;
      end
      if (commit) begin
        kept_q  <= came;
        wrong_q <= 1'b0;
      end
      if (hurt) hurt_q <= 1'b1;
      if (again) again_q <= 1'b1;
      if (taken && expected == '1) wraps_q <= 1'b1;
    end
  end

  always_comb begin
    if (rst_ni) begin
      // What is handed on is the next packet, whole and unchanged: in order, none twice, none left
      // out.
      in_order_once: assert (!commit || !wrong);
      // Nothing is acknowledged that was not handed on, so nothing is lost.
      kept_until_it_came: assert (NumW'(kept_q - acked[NumW-1:0])
                                  <= NumW'(sent_q - acked[NumW-1:0]));
    end
  end

  always_comb begin
    // A frame was hurt, came with a replay, and the next came too.
    mended: cover (rst_ni && hurt_q && again_q && taken && kept_q >= NumW'(2));
    // A frame that had come comes again.
    doubled: cover (rst_ni && twice);
    // Numbers begin anew, after a loss and a replay.
    wrapped: cover (rst_ni && hurt_q && again_q && wraps_q && taken);
    // A packet lies in two frames.
    split: cover (rst_ni && taken && rx.stable_q.open);
  end

endmodule
