// SPDX-License-Identifier: Apache-2.0
//
// That replay and credits do not stop each other, as far as it lies with sp_link_tx: whatever
// packets do, which is whatever credits do, since a packet without credit is not offered,
// - the oldest frame that is unacknowledged leaves again within a bound, or its time is up;
// - what is to be told (flits freed, an acknowledgement, a NACK) leaves within a bound, in a replay
//   as well as while packets wait.
// Each is a figure that falls in every cycle, so that no state is left out. K = 1, short frames and
// a small replay memory; the wire takes a beat at least in every second cycle.

module sp_link_tx_props
  import sp_pkg::*;
  import sp_link_pkg::*;
#(
    /// REPLAY_CYCLES.
    parameter int unsigned REPLAY_CYCLES = 16,
    localparam int unsigned SeqW = 3,
    localparam int unsigned Depth = 8,              // beats of the replay memory
    localparam int unsigned Longest = 4,            // beats of the longest frame
    // Cycles from the oldest frame's trailer to the same again: REPLAY_CYCLES; one in which it is
    // noticed; a frame that was begun, sent again, is ended; the replay begins; the frame.
    localparam int unsigned Again = REPLAY_CYCLES + 1 + 2 * (Longest + 1 + 1 + Longest),
    // Cycles until something is told: one in which it is noticed; a replay begins; its first frame.
    localparam int unsigned Tell = 1 + 2 * (1 + 1 + Longest)
) (
    /// Clock.
    input logic                           clk_i,
    /// Reset.
    input logic                           rst_ni,
    /// The link is up; else it retrains. Free.
    input logic                           up_i,
    /// The sender has a beat, free.
    input logic                           pack_valid_i,
    /// It is POISON, free when that is due.
    input logic                           pack_poison_i,
    /// POISON follows, free.
    input logic                           pack_hold_i,
    /// The next number expected, free.
    input logic [SeqW-1:0]                expected_i,
    /// Acknowledge although nothing is new, free.
    input logic                           reack_i,
    /// A NACK is to leave, free.
    input logic                           nack_i,
    /// Flits freed, free.
    input logic [NUM_VC-1:0][COUNT_W-1:0] freed_i,
    /// An acknowledgement comes, free.
    input logic                           ack_valid_i,
    /// Its number, free.
    input logic [SeqW-1:0]                ack_i,
    /// It is a NACK, free.
    input logic                           ack_nack_i,
    /// What the peer heard, free.
    input logic                           ack_heard_i,
    /// The wire takes a beat, free but for the above.
    input logic                           ready_i
);

  logic started_q = 1'b0;
  always_ff @(posedge clk_i) started_q <= 1'b1;

  logic              pack_ready;
  logic              unacked, progress, exhausted;
  logic              ev_frame, ev_control, ev_again, ev_replay, ev_nacked, ev_timeout;
  logic [MARK_W-1:0] tx_mark;
  logic [UNIT_W-1:0] tx_unit;

  sp_link_tx #(
      .K           (1),
      .FRAME_UNITS (2),
      .SEQ_W       (SeqW),
      .REPLAY_BEATS(Depth)
  ) tx (
      .clk_i,
      .rst_ni,
      .state_i           (up_i ? LINK_UP : LINK_RETRAIN),
      .clear_i           (1'b0),
      .epoch_i           ('0),
      .train_i           ('0),
      .skip_beats_i      ('0),
      .replay_cycles_i   (TIMER_W'(REPLAY_CYCLES)),
      .keepalive_cycles_i('1),
      .replay_limit_i    ('1),
      .pack_valid_i,
      .pack_ready_o      (pack_ready),
      .pack_ctl_i        (pack_poison_i),
      .pack_unit_i       (pack_poison_i ? UNIT_W'(KIND_POISON) : UNIT_W'(0)),
      .pack_free_i       (1'b0),
      .pack_hold_i,
      .pack_cont_i       (1'b0),
      .pack_end_i        (1'b0),
      .pack_next_i       (1'b0),
      .pack_short_o      (),
      .expected_i,
      .reack_i,
      .nack_i,
      .heard_i           (1'b0),
      .freed_i,
      .ack_valid_i,
      .ack_i,
      .ack_nack_i,
      .ack_heard_i,
      .tx_mark_o         (tx_mark),
      .tx_unit_o         (tx_unit),
      .tx_ready_i        (ready_i),
      .unacked_o         (unacked),
      .progress_o        (progress),
      .exhausted_o       (exhausted),
      .train_sent_o      (),
      .acked_o           (),
      .ev_frame_o        (ev_frame),
      .ev_control_o      (ev_control),
      .ev_replay_o       (ev_replay),
      .ev_again_o        (ev_again),
      .ev_nack_o         (),
      .ev_nacked_o       (ev_nacked),
      .ev_nack_old_o     (),
      .ev_timeout_o      (ev_timeout),
      .ev_ack_bad_o      ()
  );

  // -------------------------------------------------------------------------------------- counting

  logic                           stall_q;    // the wire took nothing in the cycle before
  logic                           closes;     // a trailer leaves
  logic                           oldest;     // that of the oldest frame
  logic [7:0]                     again_q;    // cycles since then
  logic [7:0]                     tell_q;     // cycles for which something has been to be told
  logic [NUM_VC-1:0][COUNT_W-1:0] said_q;     // freed counts of the last trailer
  logic [SeqW-1:0]                said_ack_q; // its acknowledgement
  logic                           nack_q;     // a NACK is to leave
  logic                           news;       // something is to be told
  logic                           first_q;    // a replay has begun, its first frame has not left
  logic [7:0]                     dry_q;      // cycles without a packet, no credit
  logic [SeqW-1:0]                known_q;    // the next new frame, as an acknowledgement came
  logic                           was_up_q;   // the link was up in the cycle before

  assign closes = ev_frame || ev_control || ev_again;
  assign oldest = (ev_frame || ev_again) && (tx.seq_q == tx.oldest_q);
  assign news   = (said_q != freed_i) || (said_ack_q != expected_i) || nack_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      stall_q    <= 1'b0;
      again_q    <= '0;
      tell_q     <= '0;
      said_q     <= '0;
      said_ack_q <= '0;
      nack_q     <= 1'b0;
      first_q    <= 1'b0;
      dry_q      <= '0;
      known_q    <= '0;
      was_up_q   <= 1'b0;
    end else begin
      stall_q <= !ready_i;
      // It begins anew with each NACK that is answered, and when retries are exhausted.
      again_q <= again_q + 8'd1;
      if (!up_i || !unacked || progress || oldest || ev_nacked || exhausted) again_q <= '0;
      // It begins anew with each cause for a replay.
      tell_q <= tell_q + 8'd1;
      if (!up_i || !news || closes || ev_nacked || ev_timeout) tell_q <= '0;
      nack_q <= up_i && ((nack_q && !closes) || nack_i);
      if (closes) begin
        said_q     <= freed_i;
        said_ack_q <= expected_i;
      end
      known_q  <= tx.next_q;
      was_up_q <= up_i;
      if (ready_i && tx.start_replay) first_q <= unacked && !progress;
      else if (oldest || progress || !up_i) first_q <= 1'b0;
      dry_q <= pack_valid_i ? '0 : dry_q + 8'd1;
    end
  end

  always_comb begin
    reset_first: assume (started_q || !rst_ni);
    wire_takes: assume (ready_i || !stall_q);
    // sp_link_pack: POISON comes when it was told of, at once, and only then.
    poison_is_due: assume (pack_poison_i == tx.hold_q && (!tx.hold_q || pack_valid_i));
    one_poison: assume (!pack_poison_i || !pack_hold_i);
  end

  // ------------------------------------------------------------------------------ the replay memory

  // By beat: its place in its frame, known when it is written.
  logic [1:0]    place_q [Depth];
  logic [Depth-1:0] ends_q;         // it is a trailer
  logic [2:0]    run_q;             // beats of the open frame
  logic [3:0]    base;              // of a replay: the next beat that leaves
  logic [3:0]    first;             // beat from which on all must be there
  logic [3:0]    kept;              // so many
  logic          write;

  assign write = ready_i && tx.keep;
  assign base  = tx.again_q ? tx.rptr_q - 4'd1 : tx.rptr_q;
  assign first = (tx.replay_q && (4'(tx.wptr_q - base) > 4'(tx.wptr_q - tx.optr_q))) ? base
                                                                                  : tx.optr_q;
  assign kept  = tx.wptr_q - first;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) run_q <= '0;
    else if (write) run_q <= ev_frame ? '0 : run_q + 3'd1;
  end

  always_ff @(posedge clk_i) begin
    if (write) begin
      place_q[tx.wptr_q[2:0]] <= run_q[1:0];
      ends_q[tx.wptr_q[2:0]]  <= ev_frame;
    end
  end

  // Where frames end, by number.
  logic [3:0] ends [4];
  always_comb begin
    for (int unsigned i = 0; i < 4; i++) ends[i] = tx.end_mem[i].wptr;
  end

  logic [SeqW-1:0] frames;     // that are kept
  logic [SeqW-1:0] first_seq;  // the first of them
  logic [3:0]      first_beat; // its first beat
  logic [2:0]      seq_last;   // trailer of the frame that a replay sends
  logic            behind;     // a replay is in frames that were acknowledged since it began
  assign behind     = tx.replay_q
                      && (SeqW'(tx.next_q - tx.seq_q) > SeqW'(tx.next_q - tx.oldest_q));
  assign first_seq  = behind ? tx.seq_q : tx.oldest_q;
  assign first_beat = behind ? base - 4'(place_q[base[2:0]]) : tx.optr_q;
  assign frames     = tx.next_q - first_seq;
  assign seq_last   = 3'(ends[tx.seq_q[1:0]] - 4'd1);

  // Beats until the trailer of the frame that a replay sends has left.
  logic [5:0] rest;
  logic [5:0] to_oldest;   // beats until the trailer of the oldest frame leaves, in a replay
  logic [5:0] to_trailer;  // beats until a trailer leaves
  logic       stage;       // a replay is due, or has begun and not sent its first frame
  assign rest  = (tx.again_q ? 6'd0 : 6'd1) + 6'(Longest) - 6'(place_q[base[2:0]]);
  assign stage = tx.replay_due_q || first_q;

  always_comb begin
    to_oldest = tx.replay_due_q ? 6'(1 + 1 + Longest) +
                                  (tx.mid_q ? rest : tx.open_q ? 6'd1 + 6'(tx.hold_q) : 6'd0)
                                : rest;
    if (tx.open_q) to_trailer = 6'(Longest) - 6'(run_q);
    else if (tx.mid_q || (tx.replay_q && !tx.replay_due_q)) to_trailer = rest;
    else if (tx.replay_due_q) to_trailer = 6'(1 + 1 + Longest);
    else to_trailer = 6'(Longest) + 6'(!tx.control_due_q && !tx.nack_q) + 6'(!tx.up_q);
  end

  // ------------------------------------------------------------------------------------ properties

  always_comb begin
    if (rst_ni) begin
      // The oldest frame that is unacknowledged leaves again and again, until retries are exhausted.
      comes_again: assert (again_q <= 8'(Again));
      // What is to be told is told.
      tells: assert (tell_q <= 8'(Tell));
      // A replay that has begun sends its first frame at once, before its time is up once more.
      replay_is_quick: assert (!first_q || tx.replay_due_q ||
                              (8'(tx.wait_q) + 2 * rest - 8'(stall_q) <= 8'(2 * (1 + Longest))));
      // Why so: the cycles that are left fall.
      falls: assert (!up_i || exhausted || !unacked ||
          (stage ? again_q + 2 * to_oldest - 8'(stall_q) <= 8'(Again)
                 : again_q <= 8'(tx.wait_q)));
      tell_falls: assert (tell_q == '0 || tell_q + 2 * to_trailer - 8'(stall_q) <= 8'(Tell));
      waits_little: assert (32'(tx.wait_q) <= REPLAY_CYCLES + 32'(tx.replay_due_q));
      // Why so: it is the oldest frame.
      first_is_first: assert (!first_q || (tx.replay_q && unacked && tx.seq_q == tx.oldest_q));
      // Why so: what the sender holds.
      no_skip: assert (!tx.skip_due_q);
      told_is_said: assert (tx.told_freed_q == said_q && tx.told_q == said_ack_q);
      nack_is_told: assert (!nack_q || tx.nack_q);
      one_at_a_time: assert (!(tx.open_q && tx.replay_q) && (tx.replay_q || !tx.mid_q)
                             && (tx.replay_q || !tx.again_q));
      open_is_true: assert (tx.open_q == (run_q != '0) && run_q < 3'(Longest)
                            && tx.beats_q == ((run_q > 2) ? 3'd2 : run_q)
                            && (!tx.hold_q || (tx.open_q && run_q < 3'd3)));
      replay_has_beats: assert (!tx.replay_q || (base != tx.wptr_q && kept <= 4'(Depth)
                                                 && 4'(tx.wptr_q - base) <= 4'(Depth)));
      begins_at_a_frame: assert (tx.optr_q == tx.wptr_q || place_q[tx.optr_q[2:0]] == '0);
      mid_is_true: assert (!tx.replay_q || (tx.mid_q == (place_q[base[2:0]] != '0)
                                            && (!tx.mid_q || tx.again_q)));
      number_is_next: assert (tx.replay_q || tx.replay_due_q || !up_i || tx.seq_q == tx.next_q);
      // Why so: a replay is in the frame whose number it gives.
      replay_is_true: assert (!tx.replay_q || (
          SeqW'(tx.next_q - tx.seq_q - SeqW'(1)) < SeqW'(3) && ends_q[seq_last]
          && 4'(ends[tx.seq_q[1:0]] - base + 4'(place_q[base[2:0]])) == 4'(place_q[seq_last]) + 4'd1
          && 4'(ends[tx.seq_q[1:0]] - base) <= 4'(tx.wptr_q - base)
          && (!behind || tx.optr_q == ends[2'(tx.oldest_q - SeqW'(1))])));
      unacked_is_there: assert (unacked == (tx.optr_q != 4'(tx.wptr_q - 4'(run_q))));
      beat_is_read: assert (!tx.again_q || (
          tx.again_trailer_q == ends_q[base[2:0]]
          && tx.again_trailer_q == closing(tx.again_beat_q)));
      memory_is_read: assert (!tx.mem_q || (
          tx.replay_q && tx.rptr_q != tx.wptr_q && tx.mem_out_q[BLOCK_W] == ends_q[tx.rptr_q[2:0]]
          && tx.mem_out_q[BLOCK_W] == closing(tx.mem_out_q[BLOCK_W-1:0])));
      memory_is_quick: assert (!tx.replay_q || tx.mem_q
                               || (tx.again_q && tx.rptr_q == tx.wptr_q));
      kept_is_last: assert (!tx.keep_q || (!tx.replay_q && tx.keep_at_q == 3'(tx.wptr_q - 4'd1)
                                           && tx.crc_trailer_q == ends_q[tx.keep_at_q]));
      window: assert (SeqW'(tx.next_q - tx.oldest_q) <= SeqW'(3)
                      && (!(tx.open_q || tx.may_open_q)
                          || SeqW'(tx.next_q - tx.oldest_q) < SeqW'(3)));
      has_room: assert (4'(tx.wptr_q - tx.optr_q) <= 4'(Depth)
                        && (!tx.may_open_q || 4'(tx.wptr_q - tx.optr_q) <= 4'd3)
                        && (!tx.open_q || 4'(tx.wptr_q - tx.optr_q) <= 4'd3 + 4'(run_q)));
      ack_is_known: assert (!tx.ack_valid_q || (
          SeqW'(known_q - tx.oldest_q) <= SeqW'(tx.next_q - tx.oldest_q)
          && tx.ack_fits_q == (SeqW'(tx.ack_q - tx.oldest_q) <= SeqW'(known_q - tx.oldest_q))
          && tx.ack_moves_q == (tx.ack_q != tx.oldest_q)));
      full_is_true: assert (tx.full_q == (tx.beats_q == 3'd2));
      was_up: assert (tx.up_q == was_up_q
                      && (tx.up_q || (!tx.replay_q && !tx.mem_q && tell_q == '0
                                      && again_q == '0)));
      end_is_read: assert (!progress || tx.end_q.wptr == ends[2'(tx.ack_q - SeqW'(1))]);
    end
  end

  for (genvar i = 0; i < Depth; i++) begin : g_beat
    logic [3:0] pos;   // pointer to this beat
    logic [2:0] next;
    logic       there;
    logic       newest;
    logic       pending;  // it is just being written
    assign pending = tx.keep_q && (tx.keep_at_q == 3'(i));
    assign pos    = first + 4'(3'(3'(i) - first[2:0]));
    assign next   = 3'(i) + 3'd1;
    assign there  = 4'(pos - first) < kept;
    assign newest = 4'(pos + 4'd1) == tx.wptr_q;
    always_comb begin
      if (rst_ni) begin
        // A frame has at most so many beats, the last of which is its trailer.
        frame_is_true: assert (!there || (
            (pending ? ends_q[i] == tx.crc_trailer_q
                     : ends_q[i] == tx.replay_mem[i][BLOCK_W]
                       && ends_q[i] == closing(tx.replay_mem[i][BLOCK_W-1:0]))
            && (ends_q[i] ? place_q[i] != '0 : 32'(place_q[i]) < Longest - 1)
            && (newest ? (ends_q[i] ? run_q == '0 : run_q == 3'(place_q[i]) + 3'd1)
                       : place_q[next] == (ends_q[i] ? '0 : place_q[i] + 2'd1))));
      end
    end
  end

  // Frames that are kept end where it was noted, one behind the other.
  for (genvar i = 0; i < 3; i++) begin : g_frame
    logic [1:0] at;
    logic [3:0] from, to, all;
    logic [2:0] last;
    assign at   = 2'(first_seq + SeqW'(i));
    assign from = (i == 0) ? first_beat : ends[2'(at-2'd1)];
    assign to   = ends[at];
    assign all  = tx.wptr_q - 4'(run_q) - first_beat;
    assign last = 3'(to - 4'd1);
    always_comb begin
      if (rst_ni) begin
        frames_end: assert (SeqW'(i) >= frames
            || (ends_q[last] && 4'(to - from) == 4'(place_q[last]) + 4'd1
                && 4'(to - first_beat) > 4'(from - first_beat) && 4'(to - first_beat) <= all
                && (SeqW'(i + 1) != frames || 4'(to - first_beat) == all)));
      end
    end
  end

  function automatic logic closing(logic [BLOCK_W-1:0] block);
    return block[BLOCK_W-1] && (block[KIND_W-1:0] == KIND_TRAILER);
  endfunction

  // What a trailer tells is what was true when it was made.
  logic [NUM_VC-1:0][COUNT_W-1:0] made_q [2];
  /* verilator lint_off UNUSEDSIGNAL */
  trailer_t                       out, made;
  /* verilator lint_on UNUSEDSIGNAL */
  assign out  = trailer_t'(tx_unit);
  assign made = tx.crc_tail_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      made_q[0] <= '0;
      made_q[1] <= '0;
    end else if (ready_i) begin
      if (closes) made_q[0] <= freed_i;
      made_q[1] <= made_q[0];
    end
  end

  always_comb begin
    if (rst_ni) begin
      // Trailers, those of frames that are sent again too, tell what has been freed by now.
      tells_the_newest: assert (tx_mark != MARK_CTRL || out.kind != KIND_TRAILER
                                || out.freed == made_q[1]);
      // Why so.
      trailer_is_true: assert (!tx.crc_trailer_q || (made.kind == KIND_TRAILER
                                                     && made.freed == made_q[0]));
      // Why so: what else is sent is none.
      others_are_none: assert (!tx.crc_there_q || tx.crc_trailer_q
                               || (tx.crc_tail_q == '0
                                   && !closing({tx.crc_beat_q.ctl, tx.crc_beat_q.unit})));
      trailer_is_alone: assert (!tx.crc_trailer_q || (tx.crc_beat_q.ctl == 1'b1
                                                      && tx.crc_beat_q.unit == '0));
      something_was_chosen: assert (tx.crc_there_q || (!tx.keep_q && !tx.crc_trailer_q
                                                      && tx_mark == MARK_CTRL && tx_unit == '0));
    end
  end

  always_comb begin
    // A frame is sent again while no packet has had credit for long, and freed counts go with it.
    without_credit: cover (rst_ni && ev_again && oldest && dry_q > 8'd6 && said_q != freed_i);
    // Counts leave in a control frame while no packet has credit.
    counts_alone: cover (rst_ni && ev_control && dry_q > 8'd4 && said_q != freed_i && unacked);
    // A NACK puts a replay off once more.
    put_off: cover (rst_ni && first_q && ev_nacked);
    // The memory goes round.
    goes_round: cover (rst_ni && tx.wptr_q[3] && ev_again);
  end

endmodule
