// SPDX-License-Identifier: Apache-2.0
//
// No flit slot of sp_voq is lost or given twice. The writer takes, writes, commits and gives back
// in any order that a queue can be asked for, with any pauses: one packet at a time, as sp_ingress
// does; the reader starts what is offered when it may. One queue is followed by a bookkeeping of
// its own: of each slot whether it is owned, whether its packet is whole, where packets begin and
// end.

module sp_voq_room_props
  import sp_pkg::*;
#(
    /// Bits of a flit: 512 makes packets of up to five flits.
    parameter int unsigned FLIT_W = 512,
    /// Flits of each queue.
    parameter int unsigned DEPTH = 16,
    /// The queue that is followed: {output, VC}.
    parameter int unsigned WATCHED = 0
) (
    /// Clock.
    input logic             clk_i,
    /// Reset.
    input logic             rst_ni,
    /// Take room for a packet where none is being written, or write its next flit, free.
    input logic             beat_i,
    /// VC of a new packet, free.
    input logic [1:0]       vc_i,
    /// Its output, free.
    input logic             out_i,
    /// Its flits, free up to the longest packet.
    input logic [LEN_W-1:0] flits_i,
    /// With its last flit: the packet is committed, free.
    input logic             good_i,
    /// The packet that is not committed is given back, free.
    input logic             give_i,
    /// A packet is started, free where one is offered.
    input logic             start_i,
    /// Of this VC, free.
    input logic [1:0]       start_vc_i,
    /// Of this output, free.
    input logic             start_out_i
);

  localparam int unsigned PtrW = $clog2(DEPTH);
  localparam int unsigned LevelW = PtrW + 2;

  logic started_q = 1'b0;
  always_ff @(posedge clk_i) started_q <= 1'b1;

  localparam logic [2:0] Watched = 3'(WATCHED);

  // --------------------------------------------------------------------------------------- writer

  logic             open_q;     // a packet has taken room and is not committed
  logic [2:0]       queue_q;    // in this queue
  logic [LEN_W-1:0] flits_q;
  logic [LEN_W-1:0] left_q;     // flits that have not been written
  logic [PtrW-1:0]  first_at_q; // place of its first flit
  logic [PtrW-1:0]  at_q;       // of its next one
  logic [PtrW:0]    free;
  logic [PtrW-1:0]  first_at;
  logic             take, write, gives, commit;
  logic [2:0]       queue;

  assign queue  = open_q ? queue_q : {out_i, vc_i};
  assign take   = beat_i && !open_q && free >= (PtrW + 1)'(flits_i);
  assign gives  = open_q && give_i;
  assign write  = take || (beat_i && open_q && left_q != '0 && !gives);
  assign commit = write && good_i && (take ? flits_i : left_q) == LEN_W'(1);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) open_q <= 1'b0;
    else if (take) open_q <= !commit;
    else if (gives || commit) open_q <= 1'b0;
  end

  always_ff @(posedge clk_i) begin
    if (take) begin
      queue_q    <= queue;
      flits_q    <= flits_i;
      first_at_q <= first_at;
    end
    if (write) begin
      left_q <= (take ? flits_i : left_q) - LEN_W'(1);
      at_q   <= (take ? first_at : at_q) + PtrW'(1);
    end
  end

  // ------------------------------------------------------------------------------------------ dut

  logic [1:0]        ready [NUM_VC];
  logic              idle, last, unused_waits;
  logic [NUM_VC-1:0] room;
  logic              unused_valid, unused_first, unused_last, unused_err, unused_head, unused_word;
  hdr_t              unused_heads [1];
  hdr_t              unused_hdr;
  logic [1:0]        unused_vc;
  logic [STAMP_W-1:0] unused_stamp;

  sp_voq #(
      .N_OUT  (2),
      .N_PORTS(2),
      .FLIT_W (FLIT_W),
      .DEPTH  (DEPTH),
      .WORD_W (1)
  ) dut (
      .clk_i,
      .rst_ni,
      .sel_vc_i    (queue[1:0]),
      .sel_out_i   (queue[2]),
      .sel_free_o  (free),
      .sel_place_o (first_at),
      .take_i      (take),
      .give_i      (gives),
      .take_flits_i(open_q ? flits_q : flits_i),
      .wr_valid_i  (write),
      .wr_vc_i     (queue[1:0]),
      .wr_out_i    (queue[2]),
      .wr_place_i  (take ? first_at : at_q),
      .wr_first_i  (take),
      .wr_hdr_i    ('0),
      .wr_stamp_i  ('0),
      .wr_flits_i  (flits_i),
      .wr_word_i   (1'b0),
      .wr_err_i    (1'b0),
      .wr_more_i   (1'b0),
      .commit_i    (commit),
      .vc_room_o   (room),
      .ready_o     (ready),
      .idle_o      (idle),
      .last_o      (last),
      .waits_o     (unused_waits),
      .start_i,
      .start_vc_i,
      .start_out_i,
      .head_valid_o(unused_head),
      .head_hdr_o  (unused_heads),
      .flit_valid_o(unused_valid),
      .flit_first_o(unused_first),
      .flit_last_o (unused_last),
      .flit_err_o  (unused_err),
      .flit_vc_o   (unused_vc),
      .flit_hdr_o  (unused_hdr),
      .flit_stamp_o(unused_stamp),
      .flit_word_o (unused_word)
  );

  always_comb begin
    reset_first: assume (started_q || !rst_ni);
    length_exists: assume (flits_i != '0 && 32'(flits_i) <= max_flits(FLIT_W));
    starts_what_is_there: assume (!start_i || (idle && ready[start_vc_i][start_out_i]));
  end

  // ---------------------------------------------------------------------------- the queue followed

  logic [DEPTH-1:0] owned_q;  // slots that a packet has taken and that have not been read
  logic [DEPTH-1:0] whole_q;  // of packets that are committed
  logic [DEPTH-1:0] head_q;   // where packets begin
  logic [DEPTH-1:0] tail_q;   // where they end
  logic [DEPTH-1:0] taken, open, one;
  logic             ours;     // the writer is at this queue
  logic             reads;    // a flit of it is read
  logic [PtrW-1:0]  rd_at;

  function automatic logic [PtrW-1:0] from(int unsigned slot, logic [PtrW-1:0] first);
    return PtrW'(slot) - first;
  endfunction

  assign ours  = queue == Watched;
  assign reads = dut.rd && dut.rd_q == Watched;
  assign rd_at = dut.rd_place;
  assign one   = reads ? DEPTH'(1) << rd_at : '0;
  assign open  = (open_q && ours) ? owned_q & ~whole_q : '0;

  always_comb begin
    for (int unsigned p = 0; p < DEPTH; p++) begin
      taken[p] = take && ours && LEN_W'(from(p, first_at)) < flits_i;
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      owned_q <= '0;
      whole_q <= '0;
    end else begin
      owned_q <= (owned_q & ~one & (gives ? ~open : '1)) | taken;
      whole_q <= (whole_q & ~one) | (commit ? taken | open : '0);
    end
  end

  always_ff @(posedge clk_i) begin
    for (int unsigned p = 0; p < DEPTH; p++) begin
      if (taken[p]) begin
        head_q[p] <= PtrW'(p) == first_at;
        tail_q[p] <= LEN_W'(from(p, first_at)) == flits_i - LEN_W'(1);
      end
    end
  end

  // ---------------------------------------------------------------- what the state must look like
  // Of each packet only neighbours are looked at: one is `Longest` slots at most.

  localparam int unsigned Longest = max_flits(FLIT_W);

  logic [PtrW-1:0]   rptr;
  logic [PtrW:0]     count;
  logic [LevelW-1:0] level;   // slots that the queue says it has given away
  logic [LevelW-1:0] whole;   // those of packets that are committed
  logic [PtrW-1:0]   newest;  // the last slot of those that are given away
  logic              mine;    // the writer's packet is in this queue
  logic              midway;  // within a packet that is read
  logic              in_ring, in_order, neighbours, lengths, rest, writer;

  // From a slot on there are `length` flits of one packet.
  function automatic logic is_rest(logic [PtrW-1:0] slot, logic [LEN_W-1:0] length, logic begins);
    logic good;
    good = length != '0 && 32'(length) <= Longest;
    for (int unsigned k = 0; k < Longest; k++) begin
      if (LEN_W'(k) < length) begin
        good &= owned_q[PtrW'(slot+PtrW'(k))] && whole_q[PtrW'(slot+PtrW'(k))] == whole_q[slot]
                && head_q[PtrW'(slot+PtrW'(k))] == (begins && k == 0)
                && tail_q[PtrW'(slot+PtrW'(k))] == (LEN_W'(k) == length - LEN_W'(1));
      end
    end
    return good;
  endfunction

  assign rptr   = dut.rptr_q[Watched];
  assign count  = dut.count_q[Watched];
  assign mine   = open_q && ours;
  assign level  = LevelW'(DEPTH) - LevelW'(dut.free_q[Watched]);
  assign whole  = level - (mine ? LevelW'(flits_q) : '0);
  assign midway = dut.more_q && dut.rd_sel_q == Watched;
  assign newest = dut.wptr_q[Watched] - PtrW'(1);

  always_comb begin
    in_ring = dut.free_q[Watched] <= (PtrW + 1)'(DEPTH) && whole <= level
              && dut.wptr_q[Watched] == PtrW'(LevelW'(rptr) + level);
    in_order   = 1'b1;
    neighbours = level == '0 || (tail_q[newest] && head_q[rptr] != midway);
    lengths    = 1'b1;
    for (int unsigned p = 0; p < DEPTH; p++) begin
      if (owned_q[p] != (LevelW'(from(p, rptr)) < level)) in_order = 1'b0;
      if (whole_q[p] != (LevelW'(from(p, rptr)) < whole)) in_order = 1'b0;
      if (owned_q[p] && owned_q[PtrW'(p+1)] && PtrW'(p + 1) != rptr
          && tail_q[p] != head_q[PtrW'(p+1)]) begin
        neighbours = 1'b0;
      end
      if (owned_q[p] && head_q[p]) begin
        lengths &= is_rest(PtrW'(p), dut.len_mem[{Watched, PtrW'(p)}], 1'b1);
      end
    end
    writer = !mine || (first_at_q == PtrW'(LevelW'(rptr) + whole)
                       && is_rest(first_at_q, flits_q, 1'b1));
    rest   = !(dut.first_q && dut.more_q)
             && !(dut.first_q && dut.rd_sel_q == Watched && count == '0)
             && (!midway || (whole_q[rptr] && is_rest(rptr, dut.left_q, 1'b0)))
             && 32'(count) == $countones(head_q & whole_q)
             && dut.ready_q[Watched[1:0]][Watched[2]] == (count != '0);
  end

  always_comb begin
    if (rst_ni) begin
      // Free room is the depth less the slots that packets own, whole ones and the open one.
      room_is_exact: assert (32'(dut.free_q[Watched]) + 32'($countones(owned_q)) == DEPTH);
      // No slot is given twice: what a packet takes nobody owns.
      taken_once: assert ((taken & owned_q) == '0);
      // None is lost or freed twice: what is read is owned, and of a whole packet.
      read_once: assert (!reads || (owned_q[rd_at] && whole_q[rd_at]));
      // Given back is what was taken.
      given_once: assert (!(gives && ours) || 32'($countones(open)) == 32'(flits_q));
      // As many flits are read of a packet as it took.
      reads_to_the_end: assert (!reads || last == tail_q[rd_at]);
      // What the proof needs to know of the state.
      ring: assert (in_ring);
      order: assert (in_order);
      between: assert (neighbours);
      length: assert (lengths);
      open_packet: assert (writer);
      packet_read: assert (rest);
    end
  end

  logic gave_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) gave_q <= 1'b0;
    else if (gives && ours && flits_q == LEN_W'(2)) gave_q <= 1'b1;
  end

  always_comb begin
    // A queue is full.
    fills: cover (rst_ni && owned_q == '1);
    // A packet is read to its end while one behind it is given back.
    gives_while_read: cover (rst_ni && gives && ours && reads && last && gave_q);
    // A packet takes room in the cycle in which a flit of the queue is read.
    takes_while_read: cover (rst_ni && take && ours && reads && gave_q);
  end

  logic unused;
  assign unused = &{1'b0, room};

endmodule
