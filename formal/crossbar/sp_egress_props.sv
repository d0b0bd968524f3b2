// SPDX-License-Identifier: Apache-2.0
//
// What the crossbar and a receiver rely on from sp_egress, when the crossbar keeps the rule of
// room: a packet is chosen only in a cycle in which room_o is up for its VC (PIPELINED: was, in the
// cycle before), its first flit comes two cycles later, and its flits come without a gap; GAPS:
// with any gaps, as a sender makes them whose packet is cut through. The receiver may do as it
// likes.
//
// CONTENT = 0: no flit is ever lost for want of room; proved for all time. CONTENT = 1: what
// leaves is what came, in order and not mixed, up to a number of cycles; one packet, chosen freely,
// is marked, and each flit says its VC, its place and whether it is the last.

module sp_egress_props
  import sp_pkg::*;
#(
    /// Bits of a flit: 512 makes packets of up to five flits.
    parameter int unsigned FLIT_W = 512,
    /// Flits of the buffer of each VC.
    parameter int unsigned DEPTH = 16,
    /// Look at contents, too.
    parameter int unsigned CONTENT = 0,
    /// The pipelined form.
    parameter int unsigned PIPELINED = 0,
    /// As in sp_egress.
    parameter int unsigned PASS = 1,
    /// Flits of a packet may come with gaps.
    parameter int unsigned GAPS = 0
) (
    /// Clock.
    input logic              clk_i,
    /// Reset.
    input logic              rst_ni,
    /// A packet is chosen, free when there is room.
    input logic              choose_i,
    /// Its VC, free.
    input logic [1:0]        vc_i,
    /// Its flits, free up to the longest packet.
    input logic [LEN_W-1:0]  flits_i,
    /// Mark it, free.
    input logic              follow_i,
    /// A gap, free.
    input logic              gap_i,
    /// Receiver takes a beat, free.
    input logic              tready_i,
    /// Receiver lets packets start, free.
    input logic [NUM_VC-1:0] vc_room_i,
    /// Marks packets of long buffers, free.
    input logic [LEVEL_W-1:0] threshold_i
);

  localparam int unsigned MaxFlits = max_flits(FLIT_W);
  localparam int unsigned OccW = $clog2(2 * DEPTH + 2 * MaxFlits + 4);

  /// A flit: which packet (0 before, 1 marked, 2 behind, of the marked VC), place, last, VC.
  typedef struct packed {
    logic             valid;
    logic [1:0]       which;
    logic [LEN_W-1:0] pos;
    logic             last;
    logic [1:0]       vc;
  } flit_t;

  logic              started_q = 1'b0;
  logic [NUM_VC-1:0] room;
  logic [NUM_VC-1:0] room_q;
  logic [NUM_VC-1:0] seen;        // room that a packet is chosen by
  flit_t             chosen;      // flit that is being read in the queues, two cycles from here
  flit_t             way_q;       // one cycle from here
  flit_t             here_q;      // it comes
  logic [LEN_W-1:0]  left_q;      // flits of the packet that are still to be read
  flit_t             packet_q;    // the packet being read: its VC, and the place that is next
  logic              marked_q;    // there has been a marked packet
  logic [1:0]        marked_vc_q;

  logic [1:0]        new_which;
  always_comb begin
    new_which = 2'd0;
    if (marked_q) new_which = (vc_i == marked_vc_q) ? 2'd2 : 2'd0;
    else if (follow_i) new_which = 2'd1;
    chosen       = packet_q;
    chosen.valid = left_q != '0 && !(GAPS != 0 && gap_i);
    chosen.last  = left_q == LEN_W'(1);
    if (choose_i) begin
      chosen = '{valid: 1'b1, which: new_which, pos: '0, last: flits_i == LEN_W'(1), vc: vc_i};
    end
  end

  always_comb begin
    reset_first: assume (started_q || !rst_ni);
    one_by_one: assume (!choose_i || left_q == '0);
    only_with_room: assume (!choose_i || seen[vc_i]);
    length_exists: assume (!choose_i || (flits_i != '0 && 32'(flits_i) <= MaxFlits));
  end

  assign seen = (PIPELINED != 0) ? room_q : room;

  always_ff @(posedge clk_i) started_q <= 1'b1;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) room_q <= '0;
    else room_q <= room;
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      way_q       <= '0;
      here_q      <= '0;
      left_q      <= '0;
      packet_q    <= '0;
      marked_q    <= 1'b0;
      marked_vc_q <= '0;
    end else begin
      way_q        <= chosen;
      here_q       <= way_q;
      packet_q     <= chosen;
      packet_q.pos <= chosen.pos + LEN_W'(chosen.valid);
      if (choose_i) left_q <= flits_i - LEN_W'(1);
      else if (chosen.valid) left_q <= left_q - LEN_W'(1);
      if (choose_i && follow_i && !marked_q) begin
        marked_q    <= 1'b1;
        marked_vc_q <= vc_i;
      end
    end
  end

  hdr_t              hdr;
  egress_event_t     unused_event;
  logic              tvalid;
  logic [FLIT_W-1:0] tdata;
  logic [USER_W-1:0] tuser;
  logic              tlast;
  logic              unused_corrected, unused_failed;

  always_comb begin
    hdr     = '0;
    hdr.tag = TAG_W'({here_q.which, 1'b1});
    hdr.ecn = here_q.which == 2'd1;  // it brings a mark along
  end

  sp_egress #(
      .FLIT_W   (FLIT_W),
      .DEPTH    (DEPTH),
      .PIPELINED(PIPELINED != 0),
      .PASS     (PASS != 0)
  ) dut (
      .clk_i,
      .rst_ni,
      .valid_i    (here_q.valid),
      .first_i    (here_q.valid && here_q.pos == '0),
      .last_i     (here_q.last),
      .err_i      (here_q.valid && here_q.last && here_q.which == 2'd1),
      .vc_i       (here_q.vc),
      .hdr_i      (hdr),
      .stamp_i    ('0),
      .word_i     (FLIT_W'(here_q)),
      .room_o     (room),
      .threshold_i(threshold_i),
      .now_i      ('0),
      .m_tvalid_o (tvalid),
      .m_tready_i (tready_i),
      .m_tdata_o  (tdata),
      .m_tuser_o  (tuser),
      .m_tlast_o  (tlast),
      .m_vc_room_i(vc_room_i),
      .inject_i   ('0),
      .ev_corrected_o(unused_corrected),
      .ev_failed_o(unused_failed),
      .event_o    (unused_event)
  );

  // -------------------------------------------------------------------------------------- room

  // Flits of each VC that are held or on the way.
  logic [$clog2(DEPTH):0] used [NUM_VC];
  logic [OccW-1:0]   held   [NUM_VC];
  logic [OccW-1:0]   coming [NUM_VC];
  logic [NUM_VC-1:0] over;
  logic [NUM_VC-1:0] misled;
  always_comb begin
    for (int unsigned v = 0; v < NUM_VC; v++) begin
      used[v] = dut.wptr_q[v] - dut.rptr_q[v];
      held[v] = OccW'(used[v]);
      coming[v] = OccW'(here_q.valid && here_q.vc == 2'(v))
                  + OccW'(way_q.valid && way_q.vc == 2'(v))
                  + OccW'(PIPELINED != 0 && dut.c_write && dut.c_vc == 2'(v));
      over[v] = held[v] + coming[v] + ((packet_q.vc == 2'(v)) ? OccW'(left_q) : '0)
                > OccW'(DEPTH);
      misled[v] = seen[v] && held[v] + coming[v] + OccW'(MaxFlits) > OccW'(DEPTH);
    end
  end

  always_comb begin
    if (rst_ni) begin
      // All that is on the way and still to come of a packet finds room: no flit is lost.
      never_overflows: assert (over == '0);
      // Why so: `room_o` is old by some cycles and keeps that many flits in hand.
      room_is_true: assert (misled == '0);
      // The packet of the environment is one that can be.
      no_longer_packet: assert (32'(left_q) < MaxFlits);
      // Why so: the output stage has room for the flit that is being read.
      stage_fits: assert (3'(dut.out_count) + 3'(dut.reading_q) <= 3'd3);
    end
  end

  if (PIPELINED != 0) begin : g_level
    // Why so: the count of a buffer is that of its pointers.
    logic [NUM_VC-1:0] wrong;
    always_comb begin
      for (int unsigned v = 0; v < NUM_VC; v++) begin
        wrong[v] = dut.g_ahead.level_q[v] != used[v]
                   || dut.g_ahead.filled_q[v] != (used[v] != '0);
      end
    end
    always_comb if (rst_ni) level_is_true: assert (wrong == '0);
  end

  // ----------------------------------------------------------------------------------- content

  if (CONTENT != 0) begin : g_content
    flit_t      out;
    hdr_t       out_hdr;
    logic       out_first_q;   // the next beat is a first one
    logic [1:0] vc_q;          // packet that is leaving
    logic [LEN_W-1:0] pos_q;
    logic       marked_out_q;  // the marked packet has begun to leave
    logic       on_q;          // a threshold was set
    logic       stalled_q;
    flit_t      stalled_out_q;

    assign out     = tdata[$bits(flit_t)-1:0];
    assign out_hdr = tuser[HDR_W-1:0];

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        out_first_q   <= 1'b1;
        vc_q          <= '0;
        pos_q         <= '0;
        marked_out_q  <= 1'b0;
        on_q          <= 1'b0;
        stalled_q     <= 1'b0;
        stalled_out_q <= '0;
      end else begin
        stalled_q     <= tvalid && !tready_i;
        if (threshold_i != '0) on_q <= 1'b1;
        stalled_out_q <= out;
        if (tvalid && tready_i) begin
          out_first_q <= tlast;
          vc_q        <= out.vc;
          pos_q       <= out.pos + LEN_W'(1);
          if (out.which == 2'd1) marked_out_q <= 1'b1;
        end
      end
    end

    always_comb begin
      if (rst_ni && tvalid) begin
        // Packets are never mixed: from first to last beat all flits are of one VC, in place.
        not_mixed: assert (out.valid && (out_first_q ? out.pos == '0
                                                     : out.vc == vc_q && out.pos == pos_q));
        // The last beat is the last flit.
        last_is_last: assert (tlast == out.last);
        // The header comes with the first beat, and it is that of the packet.
        right_header: assert (!out_first_q || out_hdr.tag == TAG_W'({out.which, 1'b1}));
        // A congestion mark that came stays, and none is made while no buffer is to make one.
        mark_stays: assert (!out_first_q || out.which != 2'd1 || out_hdr.ecn);
        off_marks_none: assert (!out_first_q || out.which == 2'd1 || !out_hdr.ecn || on_q);
        // The error mark comes with the last beat of the packet that had it.
        right_error: assert (tuser[HDR_W] == (out.last && out.which == 2'd1));
        // Packets of a VC leave in order.
        order: assert (!(out.which == 2'd2 && !marked_out_q)
                       && !(out.which == 2'd1 && out.pos == '0 && marked_out_q));
        // A beat that is offered stays until it is taken, as AXI4-Stream wants.
        offer_stays: assert (!stalled_q || out == stalled_out_q);
      end
      if (rst_ni) begin
        // And a beat is not withdrawn.
        not_withdrawn: assert (!stalled_q || tvalid);
      end
    end

    always_comb begin
      // The marked packet leaves after it was held in a buffer, one behind it comes at once.
      marked_leaves: cover (rst_ni && tvalid && out.which == 2'd2 && out_first_q && marked_out_q);
    end
  end

  always_comb begin
    // Two VCs hold flits at once while a packet leaves.
    two_wait: cover (rst_ni && held[0] >= OccW'(2) && held[3] >= OccW'(2) && tvalid);
    // A buffer is so full that room is refused.
    refused: cover (rst_ni && started_q && !room[2] && held[2] >= OccW'(8));
  end

endmodule
