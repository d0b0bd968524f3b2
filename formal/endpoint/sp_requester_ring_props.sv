// SPDX-License-Identifier: Apache-2.0
//
// What the requester relies on in a ring of requests, whatever comes: answers to any number at any
// time, planes that come and go in any phase. One request, chosen freely when it is made, is
// followed to its end. The sender may keep a request for ever.

module sp_requester_ring_props
  import sp_pkg::*;
  import sp_requester_pkg::*;
#(
    /// Requests.
    parameter int unsigned N       = 4,
    /// Repeat what was answered, too.
    parameter bit          ORDERED = 1'b1
) (
    /// Clock.
    input logic             clk_i,
    /// Reset.
    input logic             rst_ni,
    /// A request, free.
    input logic             make_i,
    /// Nothing is to be sent, free.
    input logic             ended_i,
    /// Follow it, free.
    input logic             follow_i,
    /// The sender takes what is offered, free.
    input logic             take_i,
    /// Over this plane, free.
    input logic             plane_i,
    /// It lets go, free.
    input logic             let_go_i,
    /// An answer, free.
    input logic             answer_i,
    /// Its number, free.
    input logic [NUM_W-1:0] number_i,
    /// It is a good one, free.
    input logic             okay_i,
    /// It sends the request over another plane, free.
    input logic             again_i,
    /// The oldest is let go if it has ended, free.
    input logic             pop_i,
    /// Phase, free.
    input logic [1:0]       phase_i,
    /// It begins anew, free.
    input logic             restart_i,
    /// A plane is up, free.
    input logic             up_i,
    /// Planes that were lost, free.
    input logic [1:0]       lost_i,
    /// Planes that destinations were lost by, free.
    input logic [1:0]       blamed_i,
    /// What these had has arrived, free.
    input logic             waited_i,
    /// What is overdue is believed to be, free.
    input logic             believe_i,
    /// The request is strict, free.
    input logic             strict_i
);

  /// Cycles that a request lives.
  localparam int unsigned Life = 4;

  logic [$clog2(N):0] room;
  logic             offer;
  logic [NUM_W-1:0] offer_num;
  logic             live;
  logic             done;
  logic             held_q;   // the sender has a request
  logic             void_q;   // that has ended
  logic             void_now;
  logic [NUM_W-1:0] held_num_q;
  logic [31:0]      now_q;
  logic             make;
  logic             take;
  logic             answer;
  logic             pop;
  logic             more;
  logic             again;
  logic             overdue;
  ask_t             ask;
  ask_t             sent;

  always_comb begin
    ask             = '0;
    ask.mem.relaxed = !strict_i;
  end
  assign again  = again_i && more;
  assign make   = make_i && room != '0;
  assign take   = take_i && offer && (!held_q || let_go_i);
  assign answer = answer_i && live;
  assign pop    = pop_i && done;

  sp_requester_ring #(
      .N       (N),
      .RET_W   (1),
      .ANS_W   (1),
      .ORDERED (ORDERED),
      .PLANE_W (1),
      .N_PLANES(2)
  ) dut (
      .clk_i,
      .rst_ni,
      .make_i       (make),
      .make_ask_i   (ask),
      .make_extra_i ('0),
      .make_ret_i   ('0),
      .make_ended_i (ended_i),
      .room_o       (room),
      .offer_o      (offer),
      .offer_ask_o  (sent),
      .taken_extra_o(),
      .offer_num_o  (offer_num),
      .offer_again_o(),
      .take_i       (take),
      .take_plane_i (plane_i),
      .held_i       (held_q),
      .held_num_i   (held_num_q),
      .held_void_o  (void_now),
      .answer_num_i (number_i),
      .answer_next_i('0),
      .answer_live_o(live),
      .answer_ask_o (),
      .answer_plane_o(),
      .answer_more_o(more),
      .answer_i     (answer),
      .answer_again_i(again),
      .answer_data_i('0),
      .answer_okay_i(okay_i),
      .done_o       (done),
      .done_end_o   (),
      .done_ret_o   (),
      .done_data_o  (),
      .done_place_o (),
      .pop_i        (pop),
      .now_i        (now_q),
      .timeout_i    (32'(Life)),
      .loss_timeout_i(32'd2),
      .tries_i      (TRIES_W'(1)),
      .phase_i      (phase_e'(phase_i)),
      .restart_i,
      .up_i,
      .lost_i,
      .blamed_i     ({2**AVOID_W{blamed_i}}),
      .waited_i,
      .phase_done_o (),
      .overdue_o    (overdue),
      .overdue_row_o(),
      .overdue_plane_o(),
      .overdue_take_i(overdue && believe_i),
      .ev_timeout_o (),
      .ev_lost_o    ()
  );

  logic started_q = 1'b0;
  always_ff @(posedge clk_i) started_q <= 1'b1;
  always_comb reset_first: assume (started_q || !rst_ni);

  // The model: numbers of the oldest and the next request, and what happened to the followed one.
  logic [NUM_W-1:0] head_q;
  logic [NUM_W-1:0] tail_q;
  logic             followed_q;
  logic [NUM_W-1:0] number_q;
  logic [5:0]       age_q;
  logic [3:0]       idle_q;     // cycles since its place was taken, or had an answer, or was made
  logic             reason_q;   // it has ended without or with its answer
  logic             sent_q;     // it was taken
  logic             tried_q;    // and is to be sent again over another plane
  logic             alone_q;    // it is strict, and was taken since marking left nothing on the way
  logic [2:0]       oldest_q;   // cycles as the oldest, since marking could take its end back

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      now_q      <= '0;
      held_q     <= 1'b0;
      void_q     <= 1'b0;
      held_num_q <= '0;
      head_q     <= '0;
      tail_q     <= '0;
      followed_q <= 1'b0;
      number_q   <= '0;
      age_q      <= '0;
      idle_q     <= '0;
      reason_q   <= 1'b0;
      sent_q     <= 1'b0;
      tried_q    <= 1'b0;
      alone_q    <= 1'b0;
      oldest_q   <= '0;
    end else begin
      now_q <= now_q + 32'd1;
      if (take) begin
        held_q     <= 1'b1;
        held_num_q <= offer_num;
        void_q     <= 1'b0;
      end else if (let_go_i) held_q <= 1'b0;
      else if (void_now) void_q <= 1'b1;
      head_q <= head_q + NUM_W'(pop);
      tail_q <= tail_q + NUM_W'(make);
      if (followed_q) begin
        if (age_q != '1) age_q <= age_q + 6'd1;
        if ((take && offer_num[$clog2(N)-1:0] == number_q[$clog2(N)-1:0])
            || (answer && number_i == number_q)) idle_q <= '0;
        else if (idle_q != '1) idle_q <= idle_q + 4'd1;
        if (answer && !again && number_i == number_q) reason_q <= 1'b1;
        if (answer && again && number_i == number_q) tried_q <= 1'b1;
        if (take && offer_num == number_q) sent_q <= 1'b1;
        if (phase_i == PHASE_MARK) alone_q <= 1'b0;
        else if (take && offer_num == number_q) alone_q <= !sent.mem.relaxed;
        if (phase_i == PHASE_MARK) oldest_q <= '0;
        else if (head_q == number_q && oldest_q != '1) oldest_q <= oldest_q + 3'd1;
        if (pop && head_q == number_q) followed_q <= 1'b0;
      end else if (make && follow_i) begin
        followed_q <= 1'b1;
        number_q   <= tail_q;
        age_q      <= '0;
        idle_q     <= '0;
        reason_q   <= ended_i;
        sent_q     <= 1'b0;
        tried_q    <= 1'b0;
        alone_q    <= 1'b0;
        oldest_q   <= '0;
      end
    end
  end

  logic at_head;
  assign at_head = followed_q && head_q == number_q;

  always_comb begin
    if (rst_ni) begin
      // A place is never taken twice: as many requests as places, no more.
      in_place: assert ((tail_q - head_q) <= NUM_W'(N) &&
                        NUM_W'(room) == NUM_W'(N) - (tail_q - head_q));
      // It ends by its own answer, or with its time, or because nothing was to be sent; no answer to
      // another request, older use of its place included, ends it.
      for_a_reason: assert (!(at_head && done) || reason_q || age_q >= 6'(Life));
      // What the sender still needs is there: it has not ended, or the sender is told so.
      still_there: assert (!(followed_q && held_q && !void_q && held_num_q == number_q)
                           || !(at_head && done));
      // An answer counts only for what was sent.
      was_sent: assert (!(answer && followed_q && number_i == number_q) || sent_q);
      // While it is strict and on the way, no other strict one is sent.
      alone: assert (!(ORDERED && followed_q && alone_q && !reason_q && age_q < 6'(Life) && take &&
                       !sent.mem.relaxed && offer_num != number_q));
      // It ends, whatever comes: a scan after its time, once it is the oldest; marking, which takes
      // an end back, is over in the end. Being taken, or answered, counts first if it is scanned in
      // that cycle.
      in_time: assert (!(at_head && oldest_q == '1 && age_q >= 6'(Life + N + 1)
                         && idle_q >= 4'(N + 1)) || done || phase_i == PHASE_MARK);
    end
  end

  always_comb begin
    // An answer ends the followed request behind others.
    answered: cover (rst_ni && at_head && done && sent_q && reason_q && number_q != '0);
    // One that another plane was tried for ends with its answer.
    tried: cover (rst_ni && at_head && done && tried_q && reason_q);
    // Its time ends it, sent and unsent.
    timed_out: cover (rst_ni && at_head && done && sent_q && !reason_q);
    unsent: cover (rst_ni && at_head && done && !sent_q && !reason_q);
    // And while the sender has it.
    held: cover (rst_ni && at_head && done && sent_q && !reason_q && void_q);
  end

endmodule
