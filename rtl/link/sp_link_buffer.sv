// SPDX-License-Identifier: Apache-2.0
//
// Receive buffer of a link: a queue for each VC in one memory, room of its own for each and a pool
// for all. Guarantees: what is written stays invisible until it is committed, and a rollback leaves
// the queues as they were; packets of a VC leave in order, whole and without a pause of the
// buffer's own; a VC that may not start stops no other; VCs take turns packet by packet.
//
// The place behind a queue's last flit is chosen before the flit for it comes, so that each word
// says where the next one lies. Places go round: ring of free ones, read to write, written back
// when read out; a rollback turns the reading end back. The next free place is read ahead, one more
// than could be in use.

module sp_link_buffer #(
    /// Bits of a flit.
    parameter int unsigned FLIT_W = 128,
    /// R(v): flits that are a VC's own, VC 0 lowest.
    parameter logic [sp_pkg::NUM_VC-1:0][sp_link_pkg::RESERVED_W-1:0] RESERVED = {4{12'd32}},
    /// S: flits for all VCs.
    parameter int unsigned SHARED = 32
) (
    /// Clock.
    input  logic                          clk_i,
    /// Reset, active low, asynchronous.
    input  logic                          rst_ni,
    /// Counts begin anew; the buffer is empty then.
    input  logic                          clear_i,

    /// A flit.
    input  logic                          push_i,
    /// Last of its packet.
    input  logic                          push_last_i,
    /// Error mark.
    input  logic                          push_err_i,
    /// VC of its packet, or of the header.
    input  logic [1:0]                    push_vc_i,
    /// A header, with the first flit of its packet or before it.
    input  logic                          push_head_i,
    /// The header.
    input  sp_pkg::hdr_t                  push_hdr_i,
    /// Payload.
    input  logic [FLIT_W-1:0]             push_data_i,
    /// The flit that was written last gets the error mark.
    input  logic                          poison_i,
    /// What was written since the last commit stays, this flit too.
    input  logic                          commit_i,
    /// It goes, this flit too.
    input  logic                          rollback_i,
    /// This flit finds no place.
    output logic                          overflow_o,
    /// A VC holds more than it has credit for.
    output logic                          over_o,

    /// Stream out: valid.
    output logic                          m_tvalid_o,
    /// Stream out: ready.
    input  logic                          m_tready_i,
    /// Stream out: payload.
    output logic [FLIT_W-1:0]             m_tdata_o,
    /// Stream out: {error mark with the last beat, header with the first}.
    output logic [sp_pkg::USER_W-1:0]     m_tuser_o,
    /// Stream out: last beat.
    output logic                          m_tlast_o,
    /// By VC: the receiver lets a packet start.
    input  logic [sp_pkg::NUM_VC-1:0]     m_vc_room_i,

    /// Flits freed, by VC.
    output logic [sp_pkg::NUM_VC-1:0][sp_link_pkg::COUNT_W-1:0] freed_o,
    /// Nothing is left, on the stream neither.
    output logic                          empty_o
);

  import sp_pkg::*;
  import sp_link_pkg::*;

  localparam int unsigned Sum = 32'(RESERVED[0]) + 32'(RESERVED[1]) + 32'(RESERVED[2]) +
                                32'(RESERVED[3]) + SHARED;
  localparam int unsigned Ring = Sum + 1;          // that which is read ahead
  localparam int unsigned Places = Ring + NUM_VC;  // one more for each queue: that of the next flit
  localparam int unsigned PlaceW = $clog2(Places);
  localparam int unsigned RingW = $clog2(Ring);
  localparam int unsigned HeldW = $clog2(Sum + 1);  // flits at hand

  if (SHARED >= 2 ** SHARED_W) begin : g_bad_shared
    $fatal(1, "sp_link_buffer: SHARED = %0d is not in 0..%0d", SHARED, 2 ** SHARED_W - 1);
  end
  if (Sum < 2 || Sum >= 2 ** COUNT_W) begin : g_bad_sum
    $fatal(1, "sp_link_buffer: RESERVED and SHARED make %0d flits, not 2..%0d", Sum,
           2 ** COUNT_W - 1);
  end

  /// A place on the ring of free ones.
  typedef struct packed {
    logic             used;  // all places of the ring have been written
    logic             wrap;  // changes with every turn
    logic [RingW-1:0] at;
  } ring_t;

  /// What a rollback restores.
  typedef struct packed {
    logic [NUM_VC-1:0][PlaceW-1:0]  tail;     // place of the next flit
    logic [NUM_VC-1:0][HeldW-1:0]   written;  // flits, modulo more than fit
    logic [NUM_VC-1:0][RingW:0]     packets;  // packets, modulo more than fit
    logic [PlaceW-1:0]              next;     // next free place
    ring_t                          free;     // where on the ring the one behind it lies
  } tails_t;

  function automatic ring_t after(ring_t ring);
    after = ring;
    if (ring.at == RingW'(Ring - 1)) begin
      after.at   = '0;
      after.wrap = !ring.wrap;
      after.used = 1'b1;
    end else begin
      after.at = ring.at + RingW'(1);
    end
  endfunction

  // -------------------------------------------------------------------------------------- writing

  // What is read was committed before: no place is read and written in one cycle, if it is looked
  // at.
  (* no_rw_check *)
  logic [PlaceW+FLIT_W:0] data_mem [Places];  // {next place, last, payload}
  (* no_rw_check *)
  hdr_t                   hdr_mem  [Places];
  (* no_rw_check, ram_style = "block" *)
  logic                   err_mem  [Places];
  (* no_rw_check, ram_style = "block" *)
  logic [PlaceW-1:0]      free_mem [Ring];

  tails_t            tails_q;
  tails_t            stable_q;    // as committed
  tails_t            tails;
  ring_t             back_q;      // where the next place that is freed goes
  logic [1:0]        vc;
  logic              write;
  logic [PlaceW-1:0] place;       // of this flit
  logic [PlaceW-1:0] ahead;       // free place behind the next
  logic [RingW-1:0]  free_at;     // where on the ring the one that is next then lies
  logic [PlaceW-1:0] free_q;      // the place there
  logic              freed_q;     // unless it was written just then
  logic [PlaceW-1:0] freed_place_q;
  logic [PlaceW-1:0] place_q;     // of the last one

  assign vc         = push_vc_i;
  assign overflow_o = push_i && (tails_q.free.at == back_q.at) &&
                      (tails_q.free.wrap == back_q.wrap);
  assign write      = push_i && !overflow_o;
  assign place      = tails_q.tail[vc];
  assign free_at    = rollback_i ? stable_q.free.at : tails.free.at;
  assign ahead      = !tails_q.free.used ? PlaceW'(tails_q.free.at) + PlaceW'(NUM_VC) :
                      freed_q ? freed_place_q : free_q;

  always_comb begin
    tails = tails_q;
    if (write) begin
      tails.tail[vc]    = tails_q.next;
      tails.written[vc] = tails_q.written[vc] + HeldW'(1);
      tails.packets[vc] = tails_q.packets[vc] + (RingW + 1)'(push_last_i);
      tails.next        = ahead;
      tails.free        = after(tails_q.free);
    end
  end

  always_ff @(posedge clk_i) begin
    if (write) data_mem[place] <= {tails_q.next, push_last_i, push_data_i};
    if (push_head_i) hdr_mem[place] <= push_hdr_i;
    if (write || poison_i) err_mem[poison_i ? place_q : place] <= poison_i || push_err_i;
    if (write) place_q <= place;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      tails_q         <= '0;
      tails_q.next    <= PlaceW'(NUM_VC);
      tails_q.free.at <= RingW'(1);
      for (int unsigned v = 0; v < NUM_VC; v++) tails_q.tail[v] <= PlaceW'(v);
    end else begin
      tails_q <= rollback_i ? stable_q : tails;
      if (clear_i) tails_q.written <= '0;
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      stable_q         <= '0;
      stable_q.next    <= PlaceW'(NUM_VC);
      stable_q.free.at <= RingW'(1);
      for (int unsigned v = 0; v < NUM_VC; v++) stable_q.tail[v] <= PlaceW'(v);
    end else begin
      if (commit_i) stable_q <= tails;
      if (clear_i) stable_q.written <= '0;
    end
  end

  // -------------------------------------------------------------------------------------- reading

  logic [PlaceW-1:0] head_q  [NUM_VC];
  // Packets whose first flit has been read, and one and two more; that of the last cycle is not
  // counted yet: whether a packet begins is known late.
  logic [RingW:0]    taken_q [NUM_VC][3];
  logic [NUM_VC-1:0] begun_q;           // it is to be counted
  logic [NUM_VC-1:0][2:0] more;         // there are others than these
  logic [NUM_VC-1:0] waits_q;           // there were others than those that were begun
  logic [NUM_VC-1:0] came_q;            // others have just been committed
  logic [NUM_VC-1:0] new_q;             // the frame that comes has some
  logic [NUM_VC-1:0] fresh;             // with this flit
  logic [NUM_VC-1:0] may_start;
  logic [NUM_VC-1:0] turn;
  logic [1:0]        turn_vc;
  logic [PlaceW-1:0] turn_place;
  logic              turn_again;        // the VC on the stream has the next turn
  logic              go_on;             // the packet on the stream has more flits
  logic              ends;              // the stream is free for another
  logic [NUM_VC-1:0] begins;            // one is begun
  logic              read;
  logic [PlaceW-1:0] head_place;        // of the packet that may be begun
  logic [PlaceW-1:0] read_place;
  logic [1:0]        out_vc_q;          // VC on the stream
  logic [PlaceW-1:0] out_next;          // place of the flit behind that on the stream
  logic              out_err;
  hdr_t              out_hdr;
  logic              was_read_q;        // a flit was read in the cycle before
  logic [PlaceW-1:0] was_place_q;       // its place

  sp_rr_arbiter #(
      .N(NUM_VC)
  ) i_turn (
      .clk_i,
      .rst_ni,
      .req_i    (may_start),
      .advance_i(ends),
      .gnt_o    (turn)
  );

  always_comb begin
    turn_place = '0;
    for (int unsigned v = 0; v < NUM_VC; v++) turn_place |= turn[v] ? head_q[v] : '0;
  end

  // What the memory says of the flit on the stream comes late: all else is at hand by then.
  assign may_start  = (waits_q | came_q) & m_vc_room_i;
  assign turn_vc    = {turn[3] | turn[2], turn[3] | turn[1]};
  assign turn_again = turn[out_vc_q];
  assign go_on      = m_tvalid_o && m_tready_i && !m_tlast_o;
  assign ends       = !m_tvalid_o || (m_tready_i && m_tlast_o);
  assign begins     = ends ? turn : '0;
  assign read       = go_on || (ends && (may_start != '0));
  // The queue on the stream begins behind the flit there.
  assign head_place = (m_tvalid_o && turn_again) ? out_next : turn_place;
  assign read_place = (m_tvalid_o && !m_tlast_o) ? out_next : head_place;

  always_ff @(posedge clk_i) begin
    // Where no flit is to be read whatever comes is not looked at. With later flits the header
    // says nothing.
    if (!m_tvalid_o || m_tready_i) begin
      {out_next, m_tlast_o, m_tdata_o} <= data_mem[read_place];
      out_hdr <= hdr_mem[head_place];
      out_err <= err_mem[read_place];
    end
    if (ends) out_vc_q <= turn_vc;
    was_place_q <= read_place;
    // The next free place is read ahead; one that comes back just then is kept besides.
    if (was_read_q) free_mem[back_q.at] <= was_place_q;
    free_q        <= free_mem[free_at];
    freed_q       <= was_read_q && (free_at == back_q.at);
    freed_place_q <= was_place_q;
  end

  always_comb begin
    for (int unsigned v = 0; v < NUM_VC; v++)
      for (int unsigned n = 0; n < 3; n++) more[v][n] = stable_q.packets[v] != taken_q[v][n];
  end

  always_comb begin
    fresh = new_q;
    if (write && push_last_i) fresh[vc] = 1'b1;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      m_tvalid_o <= 1'b0;
      was_read_q <= 1'b0;
      back_q     <= '{wrap: 1'b1, default: '0};
      freed_o    <= '0;
      waits_q    <= '0;
      begun_q    <= '0;
      came_q     <= '0;
      new_q      <= '0;
      for (int unsigned v = 0; v < NUM_VC; v++) begin
        head_q[v]  <= PlaceW'(v);
        for (int unsigned n = 0; n < 3; n++) taken_q[v][n] <= (RingW + 1)'(n);
      end
    end else begin
      if (m_tready_i) m_tvalid_o <= 1'b0;
      if (read) m_tvalid_o <= 1'b1;
      for (int unsigned v = 0; v < NUM_VC; v++) begin
        if (m_tvalid_o && (out_vc_q == 2'(v))) head_q[v] <= out_next;
        if (begun_q[v]) begin
          taken_q[v][0] <= taken_q[v][1];
          taken_q[v][1] <= taken_q[v][2];
          taken_q[v][2] <= taken_q[v][2] + (RingW + 1)'(1);
        end
        waits_q[v] <= begins[v] ? (begun_q[v] ? more[v][2] : more[v][1]) :
                                  (begun_q[v] ? more[v][1] : more[v][0]);
        if (was_read_q && (out_vc_q == 2'(v))) freed_o[v] <= freed_o[v] + COUNT_W'(1);
      end
      begun_q <= begins;
      came_q  <= commit_i ? fresh : '0;
      new_q <= (commit_i || rollback_i) ? '0 : fresh;
      // A place is free again a cycle after it was read.
      was_read_q <= read;
      if (was_read_q) back_q <= after(back_q);
      if (clear_i) freed_o <= '0;
    end
  end

  assign m_tuser_o = {out_err && m_tlast_o, out_hdr};

  // ------------------------------------------------------------------------------ was there credit

  // Freed counts are those that the sender may know: a flit that is read counts no more.
  logic [HeldW-1:0] held_q  [NUM_VC];
  logic [HeldW+1:0] excess_q;
  logic [HeldW-1:0] over    [NUM_VC];

  always_comb begin
    for (int unsigned v = 0; v < NUM_VC; v++)
      over[v] = (held_q[v] > HeldW'(RESERVED[v])) ? held_q[v] - HeldW'(RESERVED[v]) : '0;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      for (int unsigned v = 0; v < NUM_VC; v++) held_q[v] <= '0;
      excess_q <= '0;
    end else begin
      for (int unsigned v = 0; v < NUM_VC; v++) begin
        held_q[v] <= stable_q.written[v] - HeldW'(freed_o[v]);
      end
      excess_q <= ((HeldW + 2)'(over[0]) + (HeldW + 2)'(over[1])) +
                  ((HeldW + 2)'(over[2]) + (HeldW + 2)'(over[3]));
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) over_o <= 1'b0;
    else over_o <= excess_q > (HeldW + 2)'(SHARED);
  end

  assign empty_o = !m_tvalid_o && ((waits_q | came_q) == '0);

endmodule
