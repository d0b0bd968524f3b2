// SPDX-License-Identifier: Apache-2.0
//
// Slots of one memory, shared by queues as linked lists. Guarantees: each slot is in one place: it
// is free, or in one queue, or belongs to the packet that is being written; none is lost, none is
// in two places; slots leave a queue in the order in which they were committed to it.
//
//   wr       a slot for the next flit of the packet at hand; wr_first_i with its first flit
//   commit   with the last flit: the packet is at the end of its queue
//   give     the packet at hand gives its slots back: as if it never came
//   rd       the slot at the head of a queue is read and is free again from the next cycle on
//
// One packet at a time is written. Nothing is written while no slot is free, and nothing read of a
// queue without a committed flit: who counts the flits (sp_shared_room, sp_voq_shared) sees to
// that.

module sp_slot_lists #(
    /// Queues.
    parameter int unsigned N_Q = 8,
    /// Slots; need not be a power of two.
    parameter int unsigned SLOTS = 64,
    localparam int unsigned QW = $clog2(N_Q),
    localparam int unsigned SlotW = $clog2(SLOTS)
) (
    /// Clock.
    input  logic             clk_i,
    /// Reset, active low, asynchronous; empties the queues.
    input  logic             rst_ni,
    /// A flit is written.
    input  logic             wr_i,
    /// Its queue.
    input  logic [QW-1:0]    wr_q_i,
    /// It is the first flit of its packet.
    input  logic             wr_first_i,
    /// Its slot.
    output logic [SlotW-1:0] wr_slot_o,
    /// It comes to the head of its queue: nothing committed is in front of it.
    output logic             wr_head_o,
    /// It is the last flit of its packet, which is whole.
    input  logic             commit_i,
    /// The packet at hand is given up.
    input  logic             give_i,
    /// The head of a queue is read.
    input  logic             rd_i,
    /// That queue.
    input  logic [QW-1:0]    rd_q_i,
    /// Slot at its head.
    output logic [SlotW-1:0] rd_slot_o,
    /// Slot behind it, if there is one; the packet at hand counts.
    output logic [SlotW-1:0] rd_next_o
);

  if (N_Q < 2) begin : g_bad_queues
    $fatal(1, "sp_slot_lists: N_Q = %0d is not 2 or more", N_Q);
  end
  if (SLOTS < 2) begin : g_bad_slots
    $fatal(1, "sp_slot_lists: SLOTS = %0d is not 2 or more", SLOTS);
  end

  // Free slots stand in a ring of as many places. In its first round a place holds its own number,
  // so that nothing has to be written into it after reset. A place is written again only when
  // its slot has been through a queue, so the places of a packet that is given up are as they were.
  logic [SlotW-1:0] free_mem [SLOTS];
  logic [SlotW-1:0] get_q;         // place of the next free slot
  logic             fresh_q;       // in the first round
  logic [SlotW-1:0] begin_q;       // both, as they were when the packet at hand began
  logic             begin_fresh_q;
  logic [SlotW-1:0] put_q;         // place of the next slot that becomes free
  logic [SlotW-1:0] get;
  logic             fresh;

  logic [SlotW-1:0] next_mem [SLOTS];  // slot behind each slot
  logic [SlotW-1:0] head_q  [N_Q];
  logic [SlotW-1:0] tail_q  [N_Q];     // last slot that was committed
  logic [N_Q-1:0]   empty_q;           // nothing committed is there: head and tail are void
  logic [SlotW-1:0] last_q;            // slot that was written last
  logic             drains;            // the last committed slot of a queue is read
  logic             lone;              // no committed slot will be in front of what is written

  function automatic logic [SlotW-1:0] behind(logic [SlotW-1:0] at);
    return (at == SlotW'(SLOTS - 1)) ? '0 : at + SlotW'(1);
  endfunction

  assign wr_slot_o = fresh_q ? get_q : free_mem[get_q];
  assign get       = wr_i ? behind(get_q) : get_q;
  assign fresh     = fresh_q && !(wr_i && get_q == SlotW'(SLOTS - 1));

  assign rd_slot_o = head_q[rd_q_i];
  assign rd_next_o = next_mem[rd_slot_o];
  assign drains    = rd_i && rd_slot_o == tail_q[rd_q_i];
  assign lone      = empty_q[wr_q_i] || (drains && rd_q_i == wr_q_i);
  assign wr_head_o = wr_i && wr_first_i && lone;

  always_ff @(posedge clk_i) begin
    if (rd_i) free_mem[put_q] <= rd_slot_o;
    // The first flit of a packet is behind what was committed. If its packet is given up, that link
    // leads astray until the next packet of the queue mends it; nobody follows it until then.
    if (wr_i && !wr_head_o) next_mem[wr_first_i ? tail_q[wr_q_i] : last_q] <= wr_slot_o;
    if (wr_i) last_q <= wr_slot_o;
    if (rd_i) head_q[rd_q_i] <= rd_next_o;
    if (wr_head_o) head_q[wr_q_i] <= wr_slot_o;
    if (commit_i) tail_q[wr_q_i] <= wr_slot_o;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      get_q         <= '0;
      fresh_q       <= 1'b1;
      begin_q       <= '0;
      begin_fresh_q <= 1'b1;
      put_q         <= '0;
      empty_q       <= '1;
    end else begin
      get_q   <= give_i ? begin_q : get;
      fresh_q <= give_i ? begin_fresh_q : fresh;
      if (commit_i) begin
        begin_q       <= get;
        begin_fresh_q <= fresh;
      end
      if (rd_i) put_q <= behind(put_q);
      if (drains) empty_q[rd_q_i] <= 1'b1;
      if (commit_i) empty_q[wr_q_i] <= 1'b0;

      assert (!(empty_q == '1 && get_q == begin_q) || put_q == get_q)
        else $error("sp_slot_lists: nothing is queued or at hand, and a slot is missing");
    end
  end

endmodule
