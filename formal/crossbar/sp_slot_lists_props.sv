// SPDX-License-Identifier: Apache-2.0
//
// Properties of sp_slot_lists. Beside it stands a book of where each slot is: free, of the packet
// at hand, or in a queue, and at which place of it. The book follows what the module says of the
// slots that it hands out and reads; how many there must be it counts by itself.

module sp_slot_lists_props #(
    parameter int unsigned N_Q = 2,
    parameter int unsigned SLOTS = 3,
    localparam int unsigned QW = $clog2(N_Q),
    localparam int unsigned SlotW = $clog2(SLOTS),
    localparam int unsigned CntW = $clog2(SLOTS + 1)
) (
    input logic          clk_i,
    input logic          rst_ni,
    input logic          wr_i,
    input logic [QW-1:0] wr_q_i,
    input logic          commit_i,
    input logic          give_i,
    input logic          rd_i,
    input logic [QW-1:0] rd_q_i
);

  logic             started_q = 1'b0;
  logic             wr_first;
  logic [SlotW-1:0] wr_slot;
  logic [SlotW-1:0] rd_slot;

  sp_slot_lists #(
      .N_Q  (N_Q),
      .SLOTS(SLOTS)
  ) dut (
      .clk_i,
      .rst_ni,
      .wr_i,
      .wr_q_i,
      .wr_first_i(wr_first),
      .wr_slot_o (wr_slot),
      .wr_head_o (),
      .commit_i,
      .give_i,
      .rd_i,
      .rd_q_i,
      .rd_slot_o (rd_slot),
      .rd_next_o ()
  );

  always_ff @(posedge clk_i) started_q <= 1'b1;

  // ------------------------------------------------------------------------------------- counts

  logic [CntW-1:0] free_q;         // slots that nobody has
  logic [CntW-1:0] hand_q;         // of the packet at hand
  logic [QW-1:0]   hand_queue_q;   // its queue
  logic [CntW-1:0] held_q  [N_Q];  // committed and not read
  logic [CntW-1:0] first_q [N_Q];  // place of the oldest of them, modulo a number above SLOTS

  assign wr_first = hand_q == '0;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      free_q <= CntW'(SLOTS);
      hand_q <= '0;
      for (int unsigned q = 0; q < N_Q; q++) begin
        held_q[q]  <= '0;
        first_q[q] <= '0;
      end
    end else begin
      free_q <= free_q + CntW'(rd_i) - CntW'(wr_i) + (give_i ? hand_q : '0);
      hand_q <= (give_i || commit_i) ? '0 : hand_q + CntW'(wr_i);
      for (int unsigned q = 0; q < N_Q; q++) begin
        held_q[q] <= held_q[q] - CntW'(rd_i && 32'(rd_q_i) == q)
                     + ((commit_i && 32'(wr_q_i) == q) ? hand_q + CntW'(1) : '0);
        if (rd_i && 32'(rd_q_i) == q) first_q[q] <= first_q[q] + CntW'(1);
      end
    end
  end

  always_ff @(posedge clk_i) if (wr_i) hand_queue_q <= wr_q_i;

  // ------------------------------------------------------------------------------------ the book

  typedef enum logic [1:0] {Free, AtHand, Queued} where_e;

  where_e          where_q [SLOTS];
  logic [QW-1:0]   queue_q [SLOTS];
  logic [CntW-1:0] place_q [SLOTS];
  logic [CntW-1:0] frees;

  always_comb begin
    frees = '0;
    for (int unsigned s = 0; s < SLOTS; s++) frees += CntW'(where_q[s] == Free);
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      for (int unsigned s = 0; s < SLOTS; s++) where_q[s] <= Free;
    end else begin
      for (int unsigned s = 0; s < SLOTS; s++) begin
        if (give_i && where_q[s] == AtHand) where_q[s] <= Free;
        if (commit_i && where_q[s] == AtHand) where_q[s] <= Queued;
        if (rd_i && 32'(rd_slot) == s) where_q[s] <= Free;
        if (wr_i && 32'(wr_slot) == s) where_q[s] <= commit_i ? Queued : AtHand;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    for (int unsigned s = 0; s < SLOTS; s++) begin
      if (wr_i && 32'(wr_slot) == s) begin
        queue_q[s] <= wr_q_i;
        place_q[s] <= first_q[wr_q_i] + held_q[wr_q_i] + hand_q;
      end
    end
  end

  // ------------------------------------------------------------------------------- environment

  always_comb begin
    reset_first: assume (started_q || !rst_ni);
    queues_exist: assume (32'(wr_q_i) < N_Q && 32'(rd_q_i) < N_Q);
    // Who counts the flits writes none without room, and reads what is there.
    writes_with_room: assume (!wr_i || free_q != '0);
    reads_what_is_there: assume (!rd_i || held_q[rd_q_i] != '0);
    one_packet_at_a_time: assume (!wr_i || wr_first || wr_q_i == hand_queue_q);
    ends_with_a_flit: assume (!commit_i || wr_i);
    gives_what_it_has: assume (!give_i || (hand_q != '0 && !wr_i));
  end

  // -------------------------------------------------------------------------------- properties

  always_comb begin
    if (rst_ni) begin
      // No slot is in use twice: one that is handed out is nobody's.
      no_slot_twice: assert (!wr_i || (32'(wr_slot) < SLOTS && where_q[wr_slot] == Free));
      // What is read of a queue is a slot of this queue.
      own_slots: assert (!rd_i || (32'(rd_slot) < SLOTS && where_q[rd_slot] == Queued
                                   && queue_q[rd_slot] == rd_q_i));
      // Slots leave a queue in the order in which they were committed.
      order: assert (!rd_i || place_q[rd_slot] == first_q[rd_q_i]);
      // Free slots and those in use are all, always; when all has been read all are free. With
      // no_slot_twice each of them can be had again: as many writes hand out as many slots.
      all_are_there: assert (frees == free_q);
    end
  end

  // ------------------------------------------------------------- what makes the proof inductive

  // How the registers and memories of the module mirror the book; see the comments of the module.
  logic counts_right;  // the book has as many slots of each kind as are counted
  logic queues_right;  // places follow each other, and so do links
  logic ring_right;    // the packet at hand, then what is free, from where the packet began
  logic ends_right;    // registers that point into the ring

  always_comb begin
    automatic int unsigned all = 32'(free_q) + 32'(hand_q);
    counts_right = 1'b1;
    for (int unsigned q = 0; q < N_Q; q++) begin
      automatic int unsigned of_queue = 0;
      for (int unsigned s = 0; s < SLOTS; s++) begin
        of_queue += 32'(where_q[s] == Queued && 32'(queue_q[s]) == q);
      end
      counts_right &= of_queue == 32'(held_q[q]) && dut.empty_q[q] == (held_q[q] == '0);
      all += 32'(held_q[q]);
    end
    counts_right &= all == SLOTS && (hand_q == '0 || 32'(hand_queue_q) < N_Q);
  end

  always_comb begin
    queues_right = 1'b1;
    for (int unsigned s = 0; s < SLOTS; s++) begin
      automatic logic [QW-1:0]   q  = queue_q[s];
      automatic logic [CntW-1:0] at = place_q[s] - first_q[q];  // places in front of it
      automatic logic            in = where_q[s] != Free;
      if (in) queues_right &= 32'(q) < N_Q && (at != '0 || 32'(dut.head_q[q]) == s);
      if (where_q[s] == Queued) begin
        queues_right &= at < held_q[q]
                        && (at + CntW'(1) != held_q[q] || 32'(dut.tail_q[q]) == s);
      end
      if (where_q[s] == AtHand) begin
        queues_right &= q == hand_queue_q && at >= held_q[q] && at - held_q[q] < hand_q
                        && (at - held_q[q] + CntW'(1) != hand_q || 32'(dut.last_q) == s);
      end
      for (int unsigned o = 0; o < SLOTS; o++) begin
        if (o != s && in && where_q[o] != Free && queue_q[o] == q) begin
          queues_right &= place_q[o] != place_q[s];
          if (place_q[o] == place_q[s] + CntW'(1)) queues_right &= 32'(dut.next_mem[s]) == o;
        end
      end
    end
  end

  logic [SlotW-1:0] ring [SLOTS];
  always_comb begin
    ring_right = 1'b1;
    for (int unsigned d = 0; d < SLOTS; d++) begin
      automatic int unsigned place = 32'(dut.begin_q) + d;
      automatic logic        round = place < SLOTS;  // not over the end
      if (!round) place -= SLOTS;
      ring[d] = (dut.begin_fresh_q && round) ? SlotW'(place) : dut.free_mem[SlotW'(place)];
      if (d < 32'(hand_q) + 32'(free_q)) ring_right &= 32'(ring[d]) < SLOTS;
      if (d < 32'(hand_q)) begin
        ring_right &= where_q[ring[d]] == AtHand
                      && place_q[ring[d]]
                         == first_q[hand_queue_q] + held_q[hand_queue_q] + CntW'(d);
      end else if (d < 32'(hand_q) + 32'(free_q)) begin
        ring_right &= where_q[ring[d]] == Free;
        for (int unsigned e = 0; e < d; e++) ring_right &= ring[e] != ring[d];
      end
    end
  end

  function automatic logic [SlotW-1:0] wrapped(int unsigned place);
    return SlotW'(place < SLOTS ? place : place < 2 * SLOTS ? place - SLOTS : place - 2 * SLOTS);
  endfunction

  always_comb begin
    automatic int unsigned get = 32'(dut.begin_q) + 32'(hand_q);
    automatic int unsigned put = get + 32'(free_q);
    ends_right = 32'(dut.begin_q) < SLOTS && dut.get_q == wrapped(get) && dut.put_q == wrapped(put)
                 && dut.fresh_q == (dut.begin_fresh_q && get < SLOTS)
                 && (!dut.begin_fresh_q || put >= SLOTS);
  end

  always_comb begin
    if (rst_ni) begin
      book_counts: assert (counts_right);
      book_queues: assert (queues_right);
      book_ring: assert (ring_right);
      book_ends: assert (ends_right);
    end
  end

  always_comb begin
    // All slots are in use, by a packet at hand and by both queues.
    all_in_use: cover (rst_ni && free_q == '0 && hand_q != '0 && held_q[0] != '0
                       && held_q[N_Q-1] != '0);
    // The last slot is taken in the second round of the ring.
    second_round: cover (rst_ni && started_q && !dut.fresh_q && wr_i && free_q == CntW'(1));
    // A packet is given up that lies on both sides of the ring's end.
    given_over_end: cover (rst_ni && give_i && hand_q >= CntW'(2) && !dut.fresh_q
                           && dut.begin_fresh_q);
    // The queue runs empty while a packet for it is at hand.
    runs_empty: cover (rst_ni && rd_i && held_q[rd_q_i] == CntW'(1) && hand_q != '0
                       && hand_queue_q == rd_q_i && !commit_i && !wr_i);
    // A packet of one flit comes into the queue whose last flit is read.
    meets_the_last: cover (rst_ni && rd_i && held_q[rd_q_i] == CntW'(1) && commit_i && wr_first
                           && wr_q_i == rd_q_i);
  end

endmodule
