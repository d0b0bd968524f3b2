// SPDX-License-Identifier: Apache-2.0
//
// Sender of a link: puts beats into frames, closes each with a trailer, keeps the frames until they
// are acknowledged and sends them again when they are asked for or nothing is heard. Guarantees:
// frames leave in the order of their numbers, each replay from the oldest unacknowledged one on,
// its blocks unchanged; a frame stays until it is acknowledged or the link is cleared.
//
//   pack --> choose --> beat, CRC of the frame --> wire      a register at each arrow
//                  ^           v
//                  replay memory

module sp_link_tx #(
    /// Blocks of a beat.
    parameter int unsigned K = 1,
    /// Units of the longest frame, a multiple of K.
    parameter int unsigned FRAME_UNITS = 64,
    /// Bits of a sequence number.
    parameter int unsigned SEQ_W = 13,
    /// Beats of the replay memory, a power of two.
    parameter int unsigned REPLAY_BEATS = 512
) (
    /// Clock.
    input  logic                                      clk_i,
    /// Reset, active low, asynchronous.
    input  logic                                      rst_ni,

    /// State of the link.
    input  sp_link_pkg::state_e                       state_i,
    /// Everything begins anew: nothing is kept.
    input  logic                                      clear_i,
    /// Epoch of this training.
    input  logic [sp_link_pkg::EPOCH_W-1:0]           epoch_i,
    /// Training blocks.
    input  logic [K-1:0][sp_pkg::UNIT_W-1:0]          train_i,
    /// Cycles from one SKIP to the next, 2 or more; 0: none.
    input  logic [sp_link_pkg::TIMER_W-1:0]           skip_beats_i,
    /// Cycles without progress that start a replay.
    input  logic [sp_link_pkg::TIMER_W-1:0]           replay_cycles_i,
    /// Cycles from one trailer to the next, at most.
    input  logic [sp_link_pkg::TIMER_W-1:0]           keepalive_cycles_i,
    /// Replays without progress.
    input  logic [7:0]                                replay_limit_i,

    /// A beat of packets.
    input  logic                                      pack_valid_i,
    /// It is taken.
    output logic                                      pack_ready_o,
    /// Its blocks: control.
    input  logic [K-1:0]                              pack_ctl_i,
    /// Its blocks: units.
    input  logic [K-1:0][sp_pkg::UNIT_W-1:0]          pack_unit_i,
    /// Its last block is free.
    input  logic                                      pack_free_i,
    /// It and the next must lie in one frame.
    input  logic                                      pack_hold_i,
    /// Its first unit goes on with a packet.
    input  logic                                      pack_cont_i,
    /// A packet ends in it.
    input  logic                                      pack_end_i,
    /// Another follows it at once.
    input  logic                                      pack_next_i,
    /// The one that follows is to leave its last block free.
    output logic                                      pack_short_o,

    /// The next number expected from the peer.
    input  logic [SEQ_W-1:0]                          expected_i,
    /// Acknowledge although nothing is new.
    input  logic                                      reack_i,
    /// Ask for everything from `expected_i` on.
    input  logic                                      nack_i,
    /// Lowest bit of `round` of the last good frame.
    input  logic                                      heard_i,
    /// Flits freed.
    input  logic [sp_pkg::NUM_VC-1:0][sp_link_pkg::COUNT_W-1:0] freed_i,

    /// An acknowledgement came.
    input  logic                                      ack_valid_i,
    /// Its number.
    input  logic [SEQ_W-1:0]                          ack_i,
    /// It asks for a replay.
    input  logic                                      ack_nack_i,
    /// Lowest bit of the round that the peer had heard.
    input  logic                                      ack_heard_i,

    /// Beat to the wire: marks.
    output logic [K-1:0][sp_link_pkg::MARK_W-1:0]     tx_mark_o,
    /// Beat to the wire: units.
    output logic [K-1:0][sp_pkg::UNIT_W-1:0]          tx_unit_o,
    /// The wire takes a beat.
    input  logic                                      tx_ready_i,

    /// A frame is unacknowledged.
    output logic                                      unacked_o,
    /// An acknowledgement freed a frame.
    output logic                                      progress_o,
    /// More replays than the limit.
    output logic                                      exhausted_o,
    /// A beat of training blocks leaves.
    output logic                                      train_sent_o,
    /// Packets that ended in frames acknowledged.
    output logic [sp_link_pkg::COUNT_W-1:0]           acked_o,
    /// Event: a data frame leaves for the first time.
    output logic                                      ev_frame_o,
    /// Event: a control frame leaves.
    output logic                                      ev_control_o,
    /// Event: a replay begins.
    output logic                                      ev_replay_o,
    /// Event: a frame leaves again.
    output logic                                      ev_again_o,
    /// Event: a NACK leaves.
    output logic                                      ev_nack_o,
    /// Event: a NACK of the peer started a replay.
    output logic                                      ev_nacked_o,
    /// Event: a NACK of the peer that was already answered.
    output logic                                      ev_nack_old_o,
    /// Event: a replay for want of progress.
    output logic                                      ev_timeout_o,
    /// Event: an acknowledgement outside of the window was ignored.
    output logic                                      ev_ack_bad_o
);

  import sp_pkg::*;
  import sp_link_pkg::*;

  localparam int unsigned PtrW = $clog2(REPLAY_BEATS);
  localparam int unsigned FrameBeats = FRAME_UNITS / K;
  localparam int unsigned Longest = FrameBeats + 2;  // beats, with POISON and trailer
  localparam int unsigned BeatW = $clog2(Longest + 1);
  localparam int unsigned Window = 2 ** (SEQ_W - 1) - 1;

  if (SEQ_W < 3 || SEQ_W > SEQ_FIELD_W) begin : g_bad_seq
    $fatal(1, "sp_link_tx: SEQ_W = %0d is not in 3..%0d", SEQ_W, SEQ_FIELD_W);
  end
  if (FRAME_UNITS < 2 * K || FRAME_UNITS > 120 || FRAME_UNITS % K != 0) begin : g_bad_frame
    $fatal(1, "sp_link_tx: FRAME_UNITS = %0d is not a multiple of %0d in %0d..120", FRAME_UNITS, K,
           2 * K);
  end
  if (REPLAY_BEATS < 2 * Longest || (REPLAY_BEATS & (REPLAY_BEATS - 1)) != 0) begin : g_bad_depth
    $fatal(1, "sp_link_tx: REPLAY_BEATS = %0d is not a power of two of %0d or more", REPLAY_BEATS,
           2 * Longest);
  end

  /// A beat of blocks.
  typedef struct packed {
    logic [K-1:0]             ctl;
    logic [K-1:0][UNIT_W-1:0] unit;
  } beat_t;

  logic up;
  logic up_q;       // the same a cycle later: early enough for what is sent
  logic training;
  assign up       = state_i == LINK_UP;
  assign training = (state_i == LINK_TRAIN) || (state_i == LINK_RETRAIN);

  // Training blocks are made in two cycles: before, they say what held before this training, and a
  // peer that retrains would take this side for one that starts anew.
  logic [1:0] fresh_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      fresh_q <= '0;
      up_q    <= 1'b0;
    end else begin
      fresh_q <= {fresh_q[0] && training, training};
      up_q    <= up;
    end
  end

  // ------------------------------------------------------------------------------------- choose

  // What leaves in a cycle: one of these, or NULL. Each follows from registers alone, not from the
  // others, where what they are registers of excludes it: a replay begins between frames, and no
  // frame begins within it.
  logic             send_skip;
  logic             send_trailer;  // trailer of a new frame
  logic             send_pack;     // a beat of a new frame, its trailer too if there is place
  logic             send_train;
  logic             send_again;    // a beat out of the replay memory
  logic             send_control;  // control frame
  logic             closes;       // a new frame ends with this beat
  trailer_t         trailer;
  logic             with_trailer;

  logic             open_q;       // a new frame is open
  logic             cont_q;       // its first unit goes on with a packet
  logic             hold_q;       // POISON is due
  logic [BeatW-1:0] beats_q;      // its beats so far
  logic             full_q;       // it takes no more but what lies beside the trailer
  logic             hurry;        // it is to end
  logic             stop;         // so that no beat of packets comes before
  logic             may_open_q;   // there is room for a longest frame
  logic             skip_due_q;
  logic             control_due_q;
  logic             nack_q;       // a NACK is to leave
  logic             replay_due_q;
  logic             replay_q;     // a replay runs
  logic             mid_q;        // in the middle of a frame of it
  logic             again_q;      // a beat of it is there
  beat_t            again_beat_q;
  logic             again_trailer_q;  // a frame ends with it
  /* verilator lint_off UNUSEDSIGNAL */  // most of it is told anew
  trailer_t         again;        // its trailer, if it has one
  /* verilator lint_on UNUSEDSIGNAL */
  logic             start_replay;
  logic             unacked;

  assign hurry = nack_q || replay_due_q || !up_q;
  assign again = trailer_t'(again_beat_q.unit[K-1]);

  // With one block a beat none is free.
  assign stop         = hurry || (full_q && !((K > 1) && pack_free_i));
  assign send_skip    = skip_due_q;
  assign send_trailer = !skip_due_q && open_q && !hold_q && (!pack_valid_i || stop);
  assign send_pack    = !skip_due_q && pack_valid_i &&
                        (open_q ? hold_q || !stop : may_open_q && !replay_q && !hurry);
  assign send_train   = !skip_due_q && !open_q && fresh_q[1];
  assign start_replay = !skip_due_q && !open_q && up && replay_due_q && !mid_q;
  assign send_again   = !skip_due_q && up_q && replay_q && again_q && (mid_q || !replay_due_q);
  assign send_control = !skip_due_q && !open_q && up_q && !replay_q && !replay_due_q &&
                        !send_pack && (control_due_q || nack_q);
  assign closes       = send_trailer ||
                        ((K > 1) && send_pack && pack_free_i && !pack_hold_i &&
                         (!pack_next_i || hurry || full_q));

  assign with_trailer = closes || send_control || (send_again && again_trailer_q);
  assign pack_ready_o = tx_ready_i && send_pack;
  // The beat behind this one goes beside the trailer.
  assign pack_short_o = pack_valid_i && !closes && (beats_q == BeatW'(FrameBeats - 1)) && open_q;

  logic [SEQ_W-1:0]   seq_q;     // number of the data frame sent next
  logic [ROUND_W-1:0] round_q;

  always_comb begin
    trailer       = '0;
    trailer.kind  = KIND_TRAILER;
    // A control frame leaves only between frames.
    trailer.data  = open_q || replay_q || ((K > 1) && send_pack);
    trailer.nack  = nack_q;
    trailer.cont  = trailer.data && (replay_q ? again.cont : open_q ? cont_q : pack_cont_i);
    trailer.round = round_q;
    trailer.epoch = epoch_i;
    trailer.seq   = SEQ_FIELD_W'(seq_q);
    trailer.ack   = SEQ_FIELD_W'(expected_i);
    trailer.freed = freed_i;
    trailer.heard = heard_i;
  end

  // --------------------------------------------------------------------------- frames and numbers

  logic [SEQ_W-1:0]   next_q;    // number of the next new frame
  logic [SEQ_W-1:0]   oldest_q;  // oldest unacknowledged number, or next_q
  logic [PtrW:0]      wptr_q;    // replay memory: one behind the last beat
  logic [PtrW:0]      optr_q;    // first beat of the oldest frame
  logic [PtrW:0]      rptr_q;    // the beat that is in the memory's output, or will be next
  logic [COUNT_W-1:0] ended_q;   // packets that ended in new frames so far
  logic [COUNT_W-1:0] acked_q;   // and of these in frames acknowledged
  logic               keep;      // the beat belongs to a new frame
  logic [COUNT_W-1:0] ended;
  logic               sent;      // a beat leaves
  logic [TIMER_W-1:0] skip_q;    // cycles since a SKIP
  logic [TIMER_W-1:0] quiet_q;   // cycles since a trailer
  logic [SEQ_W-1:0]   told_q;    // expected number of the last trailer
  logic [NUM_VC-1:0][COUNT_W-1:0] told_freed_q;
  logic               reack_q;

  assign sent    = tx_ready_i;
  assign keep    = send_pack || send_trailer;
  assign ended   = ended_q + COUNT_W'(send_pack && pack_end_i);
  assign unacked = next_q != oldest_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      open_q        <= 1'b0;
      hold_q        <= 1'b0;
      beats_q       <= '0;
      full_q        <= 1'b0;
      next_q        <= '0;
      seq_q         <= '0;
      wptr_q        <= '0;
      ended_q       <= '0;
      may_open_q    <= 1'b0;
      skip_q        <= '0;
      skip_due_q    <= 1'b0;
      quiet_q       <= '0;
      control_due_q <= 1'b0;
      nack_q        <= 1'b0;
      reack_q       <= 1'b0;
      told_q        <= '0;
      told_freed_q  <= '0;
    end else begin
      may_open_q <= (SEQ_W'(next_q - oldest_q) < (closes ? SEQ_W'(Window - 1) : SEQ_W'(Window))) &&
                    ((PtrW + 1)'(wptr_q - optr_q) <= (PtrW + 1)'(REPLAY_BEATS - Longest - 2));
      if (sent) begin
        if (keep) begin
          open_q  <= !closes;
          hold_q  <= send_pack && pack_hold_i;
          beats_q <= closes ? '0 : beats_q + BeatW'(!full_q);
          full_q  <= !closes && (full_q || (beats_q == BeatW'(FrameBeats - 1)));
          wptr_q  <= wptr_q + (PtrW + 1)'(1);
          ended_q <= ended;
          if (closes) next_q <= next_q + SEQ_W'(1);
        end
        if (closes || (send_again && again_trailer_q)) seq_q <= seq_q + SEQ_W'(1);
        if (start_replay) seq_q <= oldest_q;
      end

      // A clock drifts by the cycle, not by the beat.
      skip_due_q <= !clear_i && (skip_beats_i != '0) && (skip_q >= skip_beats_i - TIMER_W'(1));
      if (skip_q != '1) skip_q <= skip_q + TIMER_W'(1);
      if (sent && send_skip) begin
        skip_due_q <= 1'b0;
        skip_q     <= TIMER_W'(1);
      end

      // What a trailer has to tell.
      quiet_q       <= (quiet_q == '1) ? quiet_q : quiet_q + TIMER_W'(1);
      reack_q       <= reack_q || reack_i;
      nack_q        <= nack_q || nack_i;
      control_due_q <= (told_q != expected_i) || (told_freed_q != freed_i) || reack_q ||
                       (quiet_q >= keepalive_cycles_i);
      if (sent && with_trailer) begin
        quiet_q       <= '0;
        reack_q       <= reack_i;
        nack_q        <= nack_i;
        control_due_q <= 1'b0;
        told_q        <= expected_i;
        told_freed_q  <= freed_i;
      end
      if (!up) begin
        nack_q  <= 1'b0;
        reack_q <= 1'b1;  // a side that goes up says so
      end
      if (clear_i) begin
        open_q  <= 1'b0;
        hold_q  <= 1'b0;
        beats_q <= '0;
        full_q  <= 1'b0;
        next_q  <= '0;
        seq_q   <= '0;
        wptr_q  <= '0;
        ended_q <= '0;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (sent && send_pack && !open_q) cont_q <= pack_cont_i;
  end

  // ------------------------------------------------------------------------------ acknowledgement

  /// What is known of the end of a frame.
  typedef struct packed {
    logic [PtrW:0]      wptr;
    logic [COUNT_W-1:0] ended;
  } end_t;

  // The end of a frame that is just being closed is not looked at: nothing acknowledges it yet.
  (* no_rw_check, ram_style = "block" *)
  end_t             end_mem [2**(SEQ_W-1)];
  end_t             end_q;
  logic             ack_valid_q;
  logic [SEQ_W-1:0] ack_q;
  logic             ack_fits_q;   // it is between the oldest number and the next, as it came
  logic             ack_moves_q;  // it is not the oldest
  logic             ack_nack_q;
  logic             ack_heard_q;
  logic             ack_ok;

  always_ff @(posedge clk_i) begin
    if (sent && closes)
      end_mem[next_q[SEQ_W-2:0]] <= '{wptr: wptr_q + (PtrW + 1)'(1), ended: ended};
    end_q <= end_mem[(SEQ_W-1)'(ack_i - SEQ_W'(1))];
  end

  assign ack_ok     = ack_valid_q && ack_fits_q;
  assign progress_o = ack_ok && ack_moves_q;
  assign unacked_o  = unacked;
  assign acked_o    = acked_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      ack_valid_q <= 1'b0;
      ack_q       <= '0;
      ack_fits_q  <= 1'b0;
      ack_moves_q <= 1'b0;
      ack_nack_q  <= 1'b0;
      ack_heard_q <= 1'b0;
      oldest_q    <= '0;
      optr_q      <= '0;
      acked_q     <= '0;
    end else begin
      ack_valid_q <= ack_valid_i;
      ack_q       <= ack_i;
      // The one before may free frames just now.
      if (progress_o) begin
        ack_fits_q  <= SEQ_W'(ack_i - ack_q) <= SEQ_W'(next_q - ack_q);
        ack_moves_q <= ack_i != ack_q;
      end else begin
        ack_fits_q  <= SEQ_W'(ack_i - oldest_q) <= SEQ_W'(next_q - oldest_q);
        ack_moves_q <= ack_i != oldest_q;
      end
      ack_nack_q  <= ack_nack_i;
      ack_heard_q <= ack_heard_i;
      if (progress_o) begin
        oldest_q <= ack_q;
        optr_q   <= end_q.wptr;
        acked_q  <= end_q.ended;
      end
      if (clear_i) begin
        ack_valid_q <= 1'b0;
        oldest_q    <= '0;
        optr_q      <= '0;
        acked_q     <= '0;
      end
    end
  end

  // -------------------------------------------------------------------------------------- replay

  (* no_rw_check *)  // no beat is read in the cycle in which it is written
  logic [K*BLOCK_W:0] replay_mem [REPLAY_BEATS];  // {a frame ends, beat}
  logic [K*BLOCK_W:0] mem_out_q;
  logic               mem_q;        // the next beat of the replay is there
  logic               begins;       // a replay begins
  logic               again_sent;
  logic               moves;        // the beat out of the memory goes where it is sent from
  logic               read;
  logic [PtrW:0]      next_rptr;
  logic [PtrW-1:0]    read_at;
  logic               keep_q;       // the beat behind `choose` is to be written
  logic [PtrW-1:0]    keep_at_q;    // to here
  beat_t              beat;         // that beat
  logic               crc_trailer_q;  // it has a trailer
  logic               nacked;       // a NACK that is to be answered
  logic               late;         // no progress for too long
  logic [TIMER_W-1:0] wait_q;
  logic [7:0]         replays_q;    // replays without progress

  assign nacked = ack_ok && ack_nack_q && up && (next_q != ack_q) && (ack_heard_q == round_q[0]) &&
                  !replay_due_q;
  assign late   = up && unacked && !replay_due_q && (wait_q >= replay_cycles_i);

  // A memory is slow to answer, so its beats wait in a register. The first of a replay is read in
  // the cycle in which it begins, if it is not just being written.
  assign begins     = sent && start_replay;
  assign again_sent = sent && send_again;
  assign moves      = mem_q && (!again_q || again_sent);
  assign next_rptr  = rptr_q + (PtrW + 1)'(mem_q);
  assign read       = begins ? unacked && (K == 1 || !keep_q || (keep_at_q != optr_q[PtrW-1:0])) :
                      replay_q && (next_rptr != wptr_q) && (!mem_q || moves);
  assign read_at    = begins ? optr_q[PtrW-1:0] : next_rptr[PtrW-1:0];

  always_ff @(posedge clk_i) begin
    if (keep_q) replay_mem[keep_at_q] <= {crc_trailer_q, beat};
    if (read) mem_out_q <= replay_mem[read_at];
    if (moves) {again_trailer_q, again_beat_q} <= mem_out_q;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) keep_q <= 1'b0;
    else keep_q <= sent && keep;
  end

  always_ff @(posedge clk_i) begin
    if (sent) keep_at_q <= wptr_q[PtrW-1:0];
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      replay_due_q <= 1'b0;
      replay_q     <= 1'b0;
      mid_q        <= 1'b0;
      again_q      <= 1'b0;
      mem_q        <= 1'b0;
      rptr_q       <= '0;
      round_q      <= '0;
      wait_q       <= '0;
      replays_q    <= '0;
      exhausted_o  <= 1'b0;
    end else begin
      if (begins) rptr_q <= optr_q;
      else if (moves) rptr_q <= next_rptr;
      if (read) mem_q <= 1'b1;
      else if (moves || begins) mem_q <= 1'b0;
      if (moves) again_q <= 1'b1;
      else if (again_sent) again_q <= 1'b0;
      if (again_sent) begin
        mid_q <= !again_trailer_q;
        if (again_trailer_q && !mem_q && (rptr_q == wptr_q)) replay_q <= 1'b0;
      end

      // A cause for a replay.
      exhausted_o <= 1'b0;
      if (nacked || late) begin
        if (replays_q >= replay_limit_i) exhausted_o <= 1'b1;
        else begin
          replays_q    <= replays_q + 8'd1;
          replay_due_q <= 1'b1;
        end
      end
      if (progress_o) replays_q <= '0;

      wait_q <= wait_q + TIMER_W'(1);
      if (!unacked || progress_o || late || replay_due_q ||
          (sent && with_trailer && (seq_q == oldest_q))) wait_q <= '0;

      if (begins) begin
        replay_due_q <= 1'b0;
        replay_q     <= unacked;
        again_q      <= 1'b0;
        if (unacked) round_q <= round_q + ROUND_W'(1);
      end
      if (state_i == LINK_RETRAIN) begin
        replay_due_q <= 1'b1;
        replay_q     <= 1'b0;
        mid_q        <= 1'b0;
        again_q      <= 1'b0;
        mem_q        <= 1'b0;
        replays_q    <= '0;
      end
      if (clear_i) begin
        replay_due_q <= 1'b0;
        replay_q     <= 1'b0;
        mid_q        <= 1'b0;
        again_q      <= 1'b0;
        mem_q        <= 1'b0;
        round_q      <= '0;
        wait_q       <= '0;
        replays_q    <= '0;
      end

      assert (!(sent && send_pack && replay_q))
        else $error("sp_link_tx: a new beat within a replay");
      assert (replay_q || replay_due_q || !up || (seq_q == next_q))
        else $error("sp_link_tx: number of a frame is not the next one");
      assert ((PtrW + 1)'(wptr_q - optr_q) <= (PtrW + 1)'(REPLAY_BEATS))
        else $error("sp_link_tx: replay memory overflows");
    end
  end

  // -------------------------------------------------------------------------- CRC, then the wire

  // What was chosen is put together behind a register, and its CRC is made of that: one sum for
  // blocks of packets, those of a replay and trailers. What the frame has brought so far is added
  // to the first bits of the beat.
  beat_t            given;          // blocks out of a packet or the replay memory
  beat_t            crc_beat_q;     // those that leave, NULL instead of others
  trailer_t         crc_tail_q;     // trailer, its CRC zero; nothing if none leaves
  logic             crc_there_q;    // something was chosen since reset
  logic             crc_train_q;
  logic             crc_skip_q;
  logic             crc_covered_q;  // it counts
  logic [CRC_W-1:0] crc_q;          // of the frame so far
  logic [CRC_W-1:0] crc;            // with this beat
  logic [K*BLOCK_W-1:0] message;

  assign given = again_q ? again_beat_q : {pack_ctl_i, pack_unit_i};

  always_comb begin
    beat = crc_beat_q;
    beat.unit[K-1] = crc_beat_q.unit[K-1] | crc_tail_q;
  end

  always_comb begin
    for (int unsigned k = 0; k < K; k++)
      message[BLOCK_W*(K-1-k)+:BLOCK_W] = {beat.ctl[k], beat.unit[k]};
    message[K*BLOCK_W-1-:CRC_W] = message[K*BLOCK_W-1-:CRC_W] ^ crc_q;
  end

  sp_link_crc #(
      .W      (CRC_W),
      .POLY   (CRC_POLY),
      .N      (K * BLOCK_W),
      .FOLD_AT(CRC_FOLD_AT),
      .FOLD   (CRC_FOLD)
  ) i_crc (
      .data_i(message),
      .crc_o (crc)
  );

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      crc_there_q   <= 1'b0;
      crc_trailer_q <= 1'b0;
      crc_train_q   <= 1'b0;
      crc_skip_q    <= 1'b0;
      crc_covered_q <= 1'b0;
      crc_q         <= '1;
      tx_mark_o     <= {K{MARK_CTRL}};
      tx_unit_o     <= '0;
    end else if (tx_ready_i) begin
      crc_there_q   <= 1'b1;
      crc_trailer_q <= with_trailer;
      crc_train_q   <= send_train;
      crc_skip_q    <= send_skip;
      crc_covered_q <= keep || send_again || send_control;
      if (crc_covered_q) crc_q <= crc_trailer_q ? '1 : crc;
      if (crc_train_q || clear_i) crc_q <= '1;
      if (crc_there_q) begin
        for (int unsigned k = 0; k < K; k++) begin
          tx_mark_o[k] <= beat.ctl[k] ? MARK_CTRL : MARK_DATA;
          tx_unit_o[k] <= beat.unit[k] | (crc_train_q ? train_i[k] : '0) |
                          (crc_skip_q ? UNIT_W'(KIND_SKIP) : '0);
        end
        if (crc_trailer_q) tx_unit_o[K-1][UNIT_W-1-:CRC_W] <= ~crc;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (tx_ready_i) begin
      crc_beat_q <= given;
      crc_tail_q <= trailer;
      if (!send_pack && !send_again) crc_beat_q <= '{ctl: '1, unit: '0};
      if (with_trailer) begin
        crc_beat_q.ctl[K-1]  <= 1'b1;
        crc_beat_q.unit[K-1] <= '0;
      end else begin
        crc_tail_q <= '0;
      end
    end
  end

  assign train_sent_o  = sent && send_train;
  assign ev_frame_o    = sent && closes;
  assign ev_control_o  = sent && send_control;
  assign ev_replay_o   = begins && unacked;
  assign ev_again_o    = again_sent && again_trailer_q;
  assign ev_nack_o     = sent && with_trailer && nack_q;
  assign ev_nacked_o   = nacked;
  assign ev_nack_old_o = ack_ok && ack_nack_q && !nacked;
  assign ev_timeout_o  = late;
  assign ev_ack_bad_o  = ack_valid_q && !ack_ok;

endmodule
