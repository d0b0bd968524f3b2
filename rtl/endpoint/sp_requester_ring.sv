// SPDX-License-Identifier: Apache-2.0
//
// Requests of one kind that are on the way, in the order in which they were made. A request is
// known by its number, modulo 2^NUM_W; its place is the lower bits. From the oldest on:
//
//     head ...... sent ...... tail       a request is free when it is the oldest and has ended
//       |  sent     |  waits    |
//
// Guarantees: each request is offered for sending until it is taken, in order; it ends once: by its
// answer, or `timeout_i` cycles after it was made, whichever is first; answers to others are not
// live. While the sender has it (`held_i`) it has no answer; if its time runs out, the sender is
// told. After planes were lost, or ways by a plane to a destination, what they had is sent again in
// order; with ORDERED also what was answered behind something that was not, so that an older store
// never takes effect after a younger one, and what is strict is sent when nothing strict is on the
// way, so that it is never seen before an older one.

module sp_requester_ring
  import sp_pkg::*;
  import sp_requester_pkg::*;
#(
    /// Requests, a power of two.
    parameter int unsigned N       = 16,
    /// Bits of what is kept for the end of a request.
    parameter int unsigned RET_W   = 8,
    /// Bits of what an answer says.
    parameter int unsigned ANS_W   = 2,
    /// Repeat what was answered, too, behind something that was not; what is strict goes alone.
    parameter bit          ORDERED = 1'b0,
    /// Bits of a plane.
    parameter int unsigned PLANE_W = 1,
    /// Planes.
    parameter int unsigned N_PLANES = 1,
    localparam int unsigned IdxW   = $clog2(N)
) (
    /// Clock.
    input  logic                clk_i,
    /// Reset, active low, asynchronous.
    input  logic                rst_ni,
    /// A request is made; only while `room_o`.
    input  logic                make_i,
    /// Its packet.
    input  ask_t                make_ask_i,
    /// What its packet has besides.
    input  logic [EXTRA_W-1:0]  make_extra_i,
    /// What is kept for its end.
    input  logic [RET_W-1:0]    make_ret_i,
    /// Nothing is to be sent: it has ended.
    input  logic                make_ended_i,
    /// Requests that there is room for.
    output logic [IdxW:0]       room_o,
    /// A request is to be sent.
    output logic                offer_o,
    /// Its packet.
    output ask_t                offer_ask_o,
    /// Its number.
    output logic [NUM_W-1:0]    offer_num_o,
    /// It was sent before.
    output logic                offer_again_o,
    /// It is taken.
    input  logic                take_i,
    /// To be sent over this plane.
    input  logic [PLANE_W-1:0]  take_plane_i,
    /// What the packet of the last one that was taken has besides.
    output logic [EXTRA_W-1:0]  taken_extra_o,
    /// A request of this kind was taken and still needs what is kept for it.
    input  logic                held_i,
    /// Its number.
    input  logic [NUM_W-1:0]    held_num_i,
    /// It ends now without an answer, or one that has its place by now.
    output logic                held_void_o,
    /// Number in an answer.
    input  logic [NUM_W-1:0]    answer_num_i,
    /// What it will be in the next cycle.
    input  logic [NUM_W-1:0]    answer_next_i,
    /// Such a request waits for its answer.
    output logic                answer_live_o,
    /// Its packet.
    output ask_t                answer_ask_o,
    /// The plane that it took.
    output logic [PLANE_W-1:0]  answer_plane_o,
    /// It may be tried over another plane.
    output logic                answer_more_o,
    /// This is its answer: it ends, unless
    input  logic                answer_i,
    /// it is to be sent again.
    input  logic                answer_again_i,
    /// What the answer says.
    input  logic [ANS_W-1:0]    answer_data_i,
    /// The answer says that all is well.
    input  logic                answer_okay_i,
    /// The oldest request has ended.
    output logic                done_o,
    /// How.
    output end_e                done_end_o,
    /// What was kept for it.
    output logic [RET_W-1:0]    done_ret_o,
    /// What the answer said.
    output logic [ANS_W-1:0]    done_data_o,
    /// Place of the oldest request.
    output logic [IdxW-1:0]     done_place_o,
    /// It is let go; only while `done_o`.
    input  logic                pop_i,
    /// Cycles.
    input  logic [31:0]         now_i,
    /// Cycles that a request lives; 0: for ever.
    input  logic [31:0]         timeout_i,
    /// Cycles from sending until an answer is taken for lost; 0: never.
    input  logic [31:0]         loss_timeout_i,
    /// Times that a request may be tried again over another plane.
    input  logic [TRIES_W-1:0]  tries_i,
    /// What is to be done.
    input  phase_e              phase_i,
    /// It begins anew in the next cycle.
    input  logic                restart_i,
    /// A plane is up.
    input  logic                up_i,
    /// Planes that were lost.
    input  logic [N_PLANES-1:0] lost_i,
    /// By row of destinations: planes by which they were lost.
    input  logic [2**AVOID_W-1:0][N_PLANES-1:0] blamed_i,
    /// What these had has arrived by now, or never will.
    input  logic                waited_i,
    /// The phase is over.
    output logic                phase_done_o,
    /// A request has no answer for too long.
    output logic                overdue_o,
    /// Row of its destination.
    output logic [AVOID_W-1:0]  overdue_row_o,
    /// The plane that it took.
    output logic [PLANE_W-1:0]  overdue_plane_o,
    /// This is believed: it is tried again.
    input  logic                overdue_take_i,
    /// Pulse: the time of a request ran out.
    output logic                ev_timeout_o,
    /// Pulse: and it had been sent.
    output logic                ev_lost_o
);

  if (N < 4 || N > 256 || (1 << IdxW) != N) begin : g_bad_n
    $fatal(1, "sp_requester_ring: N = %0d is not a power of two in 4..256", N);
  end

  ask_t               ask_mem   [N];
  // The widest one reads with a clock, for block memories; what is taken is not made meanwhile.
  (* no_rw_check, ram_style = "block" *)
  logic [EXTRA_W-1:0] extra_mem [N];
  // So does what answers are compared with. It is read in each cycle, so it is that of the request
  // whose place it is by the time that this can be answered.
  (* no_rw_check, ram_style = "block" *)
  ask_t               asked_mem [N];
  logic [RET_W-1:0]   ret_mem   [N];
  logic [ANS_W-1:0]   ans_mem   [N];
  logic [31:0]        stamp_mem [N];  // when it was made
  logic [31:0]        sent_mem  [N];  // and taken
  logic [PLANE_W-1:0] plane_mem [N];
  logic [AVOID_W-1:0] row_mem   [N];  // of its destination
  end_e               end_q     [N];

  logic [N-1:0]       done_q;   // it has ended
  logic [N-1:0]       okay_q;   // with an answer that all is well
  logic [N-1:0]       again_q;  // it is to be sent again
  logic [TRIES_W-1:0] tries_q [N];  // over another plane
  logic [NUM_W-1:0]   head_q;
  logic [NUM_W-1:0]   sent_q;
  logic [NUM_W-1:0]   tail_q;
  logic [NUM_W-1:0]   walk_q;   // where a phase other than PHASE_RUN is
  logic               found_q;  // behind something that lost planes had and was not answered
  logic [IdxW-1:0]    scan_q;

  logic [IdxW-1:0] head_at;
  logic [IdxW-1:0] sent_at;
  logic [IdxW-1:0] tail_at;
  logic [IdxW-1:0] walk_at;
  logic [IdxW-1:0] held_at;
  logic [IdxW-1:0] answer_at;
  logic [IdxW-1:0] offer_at;
  assign head_at   = head_q[IdxW-1:0];
  assign sent_at   = sent_q[IdxW-1:0];
  assign tail_at   = tail_q[IdxW-1:0];
  assign walk_at   = walk_q[IdxW-1:0];
  assign held_at   = held_num_i[IdxW-1:0];
  assign answer_at = answer_num_i[IdxW-1:0];

  logic unused;
  assign unused = &{1'b0, held_num_i, answer_next_i};  // their places are enough

  // Numbers are wide so that old answers are known; what the ring holds is counted in few bits.
  logic [IdxW:0] gone;   // requests from the oldest on that were sent, or have ended unsent
  logic [IdxW:0] there;  // and those behind them
  assign gone   = sent_q[IdxW:0] - head_q[IdxW:0];
  assign there  = tail_q[IdxW:0] - head_q[IdxW:0];
  assign room_o = (IdxW + 1)'(N) - there;

  // ---------------------------------------------------------------------------------- sending

  logic resend;
  logic waits;   // for an older one that is strict, too
  logic wanted;  // the request at hand is to be sent
  logic more;    // there is one at hand
  logic step;    // the next one that waits; what has ended already is passed over at any time

  assign resend   = phase_i == PHASE_RESEND;
  assign offer_at = resend ? walk_at : sent_at;
  assign more     = resend ? walk_q != sent_q : phase_i == PHASE_RUN && sent_q != tail_q;
  assign wanted   = !done_q[offer_at] && (!resend || again_q[offer_at]);
  assign offer_o  = more && wanted && up_i && !waits;
  assign step     = sent_q != tail_q && (done_q[sent_at] || (take_i && !resend));

  // The one strict request that can be on the way. What was lost goes through RESEND in order, from
  // the oldest on: all before it has been sent again and is looked at here, or has ended.
  logic            strict_q;
  logic [IdxW-1:0] strict_at_q;
  assign waits = ORDERED && strict_q && !done_q[strict_at_q] && !offer_ask_o.mem.relaxed;

  assign offer_ask_o   = ask_mem[offer_at];
  assign offer_num_o   = resend ? walk_q : sent_q;
  assign offer_again_o = resend;

  // ------------------------------------------------------------ what planes had that were lost

  logic walk_live;  // the walk has not been overtaken by the oldest request
  logic walk_open;  // a request is there that waits for its answer
  logic walk_lost;  // it is with a plane that was lost
  logic walk_stays;
  logic walk_step;
  logic mark;

  logic [NUM_W-1:0] walk_left;
  assign walk_left  = sent_q - walk_q;
  assign walk_live  = (walk_left >> (IdxW + 1)) == '0 && walk_left[IdxW:0] <= gone;
  logic walk_blamed;  // its destination is lost by its plane

  assign walk_blamed = blamed_i[row_mem[walk_at]][plane_mem[walk_at]];
  assign walk_lost   = lost_i[plane_mem[walk_at]] || walk_blamed;
  assign walk_open   = walk_live && !done_q[walk_at];
  // Answers can still come over a plane that others of its destinations are lost by.
  assign walk_stays  = phase_i == PHASE_SETTLE && walk_open && !again_q[walk_at] &&
                       !(walk_lost && (waited_i || lost_i[plane_mem[walk_at]]));
  assign walk_step  = walk_q != sent_q && (resend ? take_i || !wanted : !walk_stays);
  assign mark = phase_i == PHASE_MARK && walk_q != sent_q && walk_lost &&
                (walk_open || (ORDERED && walk_live && found_q && okay_q[walk_at]));

  assign phase_done_o = walk_q == sent_q;

  // ------------------------------------------------------------------------------------ answers

  logic [NUM_W-1:0] answer_age;
  assign answer_age    = answer_num_i - head_q;
  assign answer_live_o = (answer_age >> (IdxW + 1)) == '0 && answer_age[IdxW:0] < gone &&
                         !done_q[answer_at] && !again_q[answer_at] &&
                         !(held_i && held_at == answer_at);
  assign answer_plane_o = plane_mem[answer_at];
  assign answer_more_o  = tries_q[answer_at] < tries_i;

  // ----------------------------------------------------------------------------------- time-out

  logic            expired;
  logic [IdxW-1:0] scan_age;   // places from the oldest on
  logic            scan_sent;

  assign scan_age  = scan_q - head_at;
  assign scan_sent = (IdxW + 1)'(scan_age) < gone;
  assign expired   = timeout_i != '0 && (IdxW + 1)'(scan_age) < there &&
                     !done_q[scan_q] && !(take_i && offer_at == scan_q) &&
                     !(answer_i && answer_at == scan_q) &&
                     (now_i - stamp_mem[scan_q]) >= timeout_i;
  assign held_void_o  = expired && held_i && held_at == scan_q;
  assign ev_timeout_o = expired;
  assign ev_lost_o    = expired && scan_sent;

  assign overdue_row_o   = row_mem[scan_q];
  assign overdue_plane_o = plane_mem[scan_q];
  assign overdue_o       = loss_timeout_i != '0 && scan_sent && !done_q[scan_q] &&
                           !again_q[scan_q] && !(held_i && held_at == scan_q) &&
                           !(take_i && offer_at == scan_q) &&
                           !(answer_i && answer_at == scan_q) && !expired &&
                           (now_i - sent_mem[scan_q]) >= loss_timeout_i &&
                           tries_q[scan_q] < tries_i && !lost_i[overdue_plane_o] &&
                           !blamed_i[overdue_row_o][overdue_plane_o];

  // ---------------------------------------------------------------------------------------- end

  // Marking takes an end back; until it is over nothing may rely on one.
  assign done_o       = head_q != sent_q && done_q[head_at] && phase_i != PHASE_MARK;
  assign done_end_o   = end_q[head_at];
  assign done_ret_o   = ret_mem[head_at];
  assign done_data_o  = ans_mem[head_at];
  assign done_place_o = head_at;

  always_ff @(posedge clk_i) begin
    answer_ask_o <= asked_mem[answer_next_i[IdxW-1:0]];
    if (make_i) begin
      ask_mem[tail_at]   <= make_ask_i;
      asked_mem[tail_at] <= make_ask_i;
      extra_mem[tail_at] <= make_extra_i;
      ret_mem[tail_at]   <= make_ret_i;
      stamp_mem[tail_at] <= now_i;
      row_mem[tail_at]   <= make_ask_i.dst[AVOID_W-1:0];
      tries_q[tail_at]   <= '0;
      end_q[tail_at]     <= END_INSIDE;
    end
    if (take_i) begin
      plane_mem[offer_at] <= take_plane_i;
      sent_mem[offer_at]  <= now_i;
      strict_at_q         <= offer_ask_o.mem.relaxed ? strict_at_q : offer_at;
      taken_extra_o       <= extra_mem[offer_at];
    end
    if (answer_i && answer_again_i) tries_q[answer_at] <= tries_q[answer_at] + TRIES_W'(1);
    if (overdue_take_i) tries_q[scan_q] <= tries_q[scan_q] + TRIES_W'(1);
    if (answer_i) begin
      ans_mem[answer_at] <= answer_data_i;
      end_q[answer_at]   <= END_ANSWER;
    end
    if (expired) end_q[scan_q] <= scan_sent ? END_LOST : END_UNSENT;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      done_q  <= '0;
      okay_q  <= '0;
      again_q <= '0;
      head_q  <= '0;
      sent_q  <= '0;
      tail_q  <= '0;
      walk_q  <= '0;
      found_q <= 1'b0;
      scan_q  <= '0;
      strict_q <= 1'b0;
    end else begin
      scan_q <= scan_q + IdxW'(1);
      if (pop_i) head_q <= head_q + NUM_W'(1);
      if (step) sent_q <= sent_q + NUM_W'(1);
      if (walk_step && resend) again_q[walk_at] <= 1'b0;
      if (mark) begin
        again_q[walk_at] <= 1'b1;
        if (done_q[walk_at]) done_q[walk_at] <= 1'b0;
      end
      if (restart_i) begin
        walk_q  <= head_q;
        found_q <= 1'b0;
      end else if (phase_i != PHASE_RUN) begin
        if (walk_step) walk_q <= walk_q + NUM_W'(1);
        if (mark && walk_open) found_q <= 1'b1;
      end
      if (make_i) begin
        tail_q           <= tail_q + NUM_W'(1);
        done_q[tail_at]  <= make_ended_i;
        okay_q[tail_at]  <= 1'b0;
        again_q[tail_at] <= 1'b0;
      end
      // Marking leaves nothing on the way; the place of what has ended is used again.
      if (take_i && !offer_ask_o.mem.relaxed) strict_q <= 1'b1;
      else if (phase_i == PHASE_MARK || done_q[strict_at_q]) strict_q <= 1'b0;
      if (answer_i && answer_again_i) again_q[answer_at] <= 1'b1;
      else if (answer_i) begin
        done_q[answer_at] <= 1'b1;
        okay_q[answer_at] <= answer_okay_i;
      end
      if (expired) begin
        done_q[scan_q] <= 1'b1;
        okay_q[scan_q] <= 1'b0;
      end
    end
  end

endmodule
