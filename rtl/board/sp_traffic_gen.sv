// SPDX-License-Identifier: Apache-2.0
//
// Makes packets at full rate for one port of a switch. Guarantees: a beat in every cycle while
// gap_i is 0, something is to be sent and nothing holds it; packets are always whole; a packet is
// started only when the room of its VC was seen three cycles before it shows; what is sent, in each
// VC in which order, follows from the configuration, seed_i and own_i alone, whatever holds it (but
// see count_i); the flows of a run begin at sequence number 0.
//
//   draw (operation in turn, dst, len) --> queue of each operation, 4 packets --> pick --> stream
//
// Queues let a VC with room pass one without: by at most 4 packets, so that every VC gets its
// share.
//
//   cycle    0       1          2          3       4       5
//            issue | multiply | add, put | pick  | start | first beat     each step from registers

module sp_traffic_gen #(
    /// Ports of the switch, 2 to 64: destinations and flows.
    parameter int unsigned N_PORTS = 4,
    /// Bits of a flit: 128, 256 or 512.
    parameter int unsigned FLIT_W = 128,
    localparam int unsigned PortW = $clog2(N_PORTS)
) (
    /// Clock.
    input  logic                      clk_i,
    /// Reset, active low, asynchronous.
    input  logic                      rst_ni,

    /// Port at which this generator sits.
    input  logic [PortW-1:0]          own_i,
    /// A run: begins when it rises; when it falls, the packet on its way is the last. The other
    /// settings stay the same during a run.
    input  logic                      run_i,
    /// Packets of a run. 0: no end, and a VC whose queue is full is passed over.
    input  logic [31:0]               count_i,
    /// Destinations: 0 dst_i; 1 all ports in turn, own_i first; 2 random; 3 random, never own_i.
    input  logic [1:0]                dst_mode_i,
    /// Destination of mode 0.
    input  logic [PortW-1:0]          dst_i,
    /// Shortest packet, in units of payload, at least 1.
    input  logic [sp_pkg::LEN_W-1:0]  len_min_i,
    /// Longest packet, in units of payload, len_min_i to 16.
    input  logic [sp_pkg::LEN_W-1:0]  len_max_i,
    /// Operations to use in turn: WRITE, READ_RSP, MGT_WRITE; none is as WRITE alone.
    input  logic [2:0]                op_mask_i,
    /// Idle cycles between packets, at least.
    input  logic [15:0]               gap_i,
    /// Where the random bits come from.
    input  logic [31:0]               seed_i,
    /// Time in the next cycle, counts cycles.
    input  logic [15:0]               next_i,

    /// Stream out: valid.
    output logic                      m_tvalid_o,
    /// Stream out: ready.
    input  logic                      m_tready_i,
    /// Stream out: payload.
    output logic [FLIT_W-1:0]         m_tdata_o,
    /// Stream out: {error mark, always 0; header, with every beat}.
    output logic [sp_pkg::USER_W-1:0] m_tuser_o,
    /// Stream out: last beat.
    output logic                      m_tlast_o,
    /// By VC: a longest packet can be taken.
    input  logic [sp_pkg::NUM_VC-1:0] vc_room_i,

    /// Nothing is on its way and nothing will come in this run.
    output logic                      done_o,
    /// A run begins: what was sent before it counts no more.
    output logic                      zero_o,
    /// A packet was sent.
    output logic                      ev_packet_o,
    /// A beat was sent.
    output logic                      ev_flit_o
);

  import sp_pkg::*;
  import sp_traffic_pkg::*;

  localparam int unsigned UnitsPerFlit = FLIT_W / UNIT_W;
  localparam int unsigned FlowW = PortW + 2;
  localparam int unsigned Ops = 3;     // operations, each on a VC of its own
  localparam int unsigned QueueW = 3;  // a queue holds what is drawn until one leaves
  localparam int unsigned Depth = 1 << QueueW;
  localparam int unsigned DrawW = 12;  // random bits of a destination
  localparam int unsigned SizeW = 8;   // random bits of a length

  if (N_PORTS < 2 || N_PORTS > 64) begin : g_bad_ports
    $fatal(1, "sp_traffic_gen: N_PORTS = %0d is not in 2..64", N_PORTS);
  end
  if (FLIT_W != 128 && FLIT_W != 256 && FLIT_W != 512) begin : g_bad_width
    $fatal(1, "sp_traffic_gen: FLIT_W = %0d is not 128, 256 or 512", FLIT_W);
  end

  // VC of an operation: 0, 1, 3.
  function automatic logic [1:0] vc_of(logic [1:0] op);
    return {op[1], op[1] | op[0]};
  endfunction

  // ------------------------------------------------------------------------------------ the run

  typedef enum logic [1:0] {
    StIdle,  // no run
    StWarm,  // sequence numbers to zero; the shift register leaves the neighbourhood of its seed
    StRun,
    StDrain  // the last packet leaves
  } state_e;

  state_e           state_q;
  logic [FlowW-1:0] warm_q;
  logic             active_q;   // a packet is offered
  logic             last_q;     // its last beat
  logic             beat;
  logic             beat_last;

  assign beat      = active_q && m_tready_i;
  assign beat_last = beat && last_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q     <= StIdle;
      warm_q      <= '0;
      zero_o      <= 1'b1;
      ev_packet_o <= 1'b0;
      ev_flit_o   <= 1'b0;
    end else begin
      zero_o      <= (state_q == StIdle) && run_i;
      ev_packet_o <= beat_last;
      ev_flit_o   <= beat;
      warm_q      <= (state_q == StWarm) ? warm_q + FlowW'(1) : '0;
      case (state_q)
        StIdle:  if (run_i) state_q <= StWarm;
        StWarm:  if (warm_q == '1) state_q <= StRun;
        StRun:   if (!run_i) state_q <= StDrain;
        default: if (!active_q) state_q <= StIdle;
      endcase
    end
  end

  // ----------------------------------------------------------------------------------- drawing

  logic [31:0]         lfsr_q;
  logic [31:0]         seeded;
  logic [31:0]         issued_q;   // packets drawn
  logic                endless_q;
  logic                more;       // packets are left to draw
  logic                issue;      // a packet is drawn
  logic                pass;       // an operation with a full queue is passed over
  logic [1:0]          turn_q;     // operation whose turn it is
  logic [1:0]          turn_next;
  logic                turn_wrap;
  logic [2:0]          ops;
  logic [PortW-1:0]    walk_q;     // destination of mode 1
  logic [Depth-1:0]    taken_q [Ops];  // ones: places of the queue taken, from the draw on
  logic                full;       // all of the operation whose turn it is

  assign seeded = seed_i ^ 32'h9E37_79B9 ^ {16'(own_i), 16'b0};
  assign ops    = (op_mask_i == '0) ? 3'b001 : op_mask_i;

  always_comb begin
    turn_next = '0;
    turn_wrap = 1'b1;
    if (turn_q == 2'd0 && ops[1]) begin
      turn_next = 2'd1;
      turn_wrap = 1'b0;
    end else if (turn_q != 2'd2 && ops[2]) begin
      turn_next = 2'd2;
      turn_wrap = 1'b0;
    end else if (ops[0]) begin
      turn_next = 2'd0;
    end else begin
      turn_next = ops[1] ? 2'd1 : 2'd2;
    end
  end

  assign full  = turn_q[1] ? taken_q[2][Depth-1]
                           : turn_q[0] ? taken_q[1][Depth-1] : taken_q[0][Depth-1];
  assign more  = endless_q || (issued_q != count_i);
  assign issue = (state_q == StRun) && more && !full;
  assign pass  = endless_q && full;

  always_ff @(posedge clk_i) begin
    if (state_q == StIdle) begin
      lfsr_q <= (seeded == '0) ? '1 : seeded;
      turn_q <= ops[0] ? 2'd0 : ops[1] ? 2'd1 : 2'd2;
      walk_q <= own_i;
    end else begin
      if (issue || (state_q == StWarm)) lfsr_q <= lfsr_next(lfsr_q);
      if (issue || pass) turn_q <= turn_next;
      if (issue && turn_wrap) walk_q <= (walk_q == PortW'(N_PORTS - 1)) ? '0 : walk_q + PortW'(1);
    end
    endless_q <= count_i == '0;
    if (state_q == StWarm) issued_q <= '0;
    else if (issue) issued_q <= issued_q + 32'd1;
  end

  // A number below `limit`, from a fraction.
  function automatic logic [PortW-1:0] scaled(logic [DrawW-1:0] fraction, logic [PortW:0] limit);
    return PortW'(((PortW + DrawW)'(fraction) * (PortW + DrawW)'(limit)) >> DrawW);
  endfunction

  // Two cycles from the drawn bits to destination and length. The number of lengths is multiplied
  // by two bits at a time; 16 lengths are four times four.
  logic               drawn_q;
  logic [1:0]         drawn_op_q;
  logic [PortW-1:0]   drawn_walk_q;
  logic [DrawW-1:0]   draw_dst_q;
  logic [SizeW-1:0]   draw_len_q;
  logic [LEN_W-1:0]   range_q;      // lengths to choose from
  logic               put_q;
  logic [1:0]         put_op_q;
  logic [PortW-1:0]   put_walk_q;
  logic [PortW-1:0]   put_any_q;    // destination among all
  logic [PortW-1:0]   put_other_q;  // among all but one
  logic [SizeW+1:0]   put_low_q;
  logic [SizeW+1:0]   put_high_q;
  logic [PortW-1:0]   new_dst;
  logic [LEN_W-1:0]   new_len;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      drawn_q <= 1'b0;
      put_q   <= 1'b0;
    end else begin
      drawn_q <= issue;
      put_q   <= drawn_q && (state_q == StRun);
    end
  end

  always_ff @(posedge clk_i) begin
    range_q      <= len_max_i - len_min_i + LEN_W'(1);
    drawn_op_q   <= turn_q;
    drawn_walk_q <= walk_q;
    draw_dst_q   <= lfsr_q[DrawW+SizeW-1:SizeW];
    draw_len_q   <= lfsr_q[SizeW-1:0];
    put_op_q     <= drawn_op_q;
    put_walk_q   <= drawn_walk_q;
    put_any_q    <= scaled(draw_dst_q, (PortW + 1)'(N_PORTS));
    put_other_q  <= scaled(draw_dst_q, (PortW + 1)'(N_PORTS - 1));
    put_low_q    <= (SizeW + 2)'(draw_len_q) * (SizeW + 2)'(range_q[1:0]);
    put_high_q   <= range_q[4] ? {draw_len_q, 2'b0}
                               : (SizeW + 2)'(draw_len_q) * (SizeW + 2)'(range_q[3:2]);
  end

  always_comb begin
    logic [SizeW+3:0] product;
    product = {put_high_q, 2'b0} + (SizeW + 4)'(put_low_q);
    new_len = len_min_i + LEN_W'(product >> SizeW);
    case (dst_mode_i)
      2'd0:    new_dst = dst_i;
      2'd1:    new_dst = put_walk_q;
      2'd2:    new_dst = put_any_q;
      default: new_dst = put_other_q + PortW'(put_other_q >= own_i);
    endcase
  end

  // ------------------------------------------------------------------------------------- queues
  // Ones, from bit 0 on, count: a step up or down is a shift.

  logic [Depth-1:0]       there_q [Ops];  // packets in the queue
  logic [QueueW-1:0]      wptr_q  [Ops];
  logic [QueueW-1:0]      rptr_q  [Ops];
  logic [PortW+LEN_W-1:0] queue_mem [4<<QueueW];
  logic [Ops-1:0]         put;    // into which
  logic [Ops-1:0]         draw;   // for which
  logic [Ops-1:0]         pop;    // out of which
  logic                   drained;

  function automatic logic [Depth-1:0] counted(logic [Depth-1:0] ones, logic up, logic down);
    if (up && !down) return {ones[Depth-2:0], 1'b1};
    if (down && !up) return {1'b0, ones[Depth-1:1]};
    return ones;
  endfunction

  always_comb begin
    drained = 1'b1;
    for (int unsigned o = 0; o < Ops; o++) begin
      put[o]  = put_q && (put_op_q == 2'(o));
      draw[o] = issue && (turn_q == 2'(o));
      if (taken_q[o][0]) drained = 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (put_q) begin
      queue_mem[{put_op_q, wptr_q[put_op_q]}] <= {new_dst, new_len};
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      for (int unsigned o = 0; o < Ops; o++) begin
        taken_q[o] <= '0;
        there_q[o] <= '0;
        wptr_q[o]  <= '0;
        rptr_q[o]  <= '0;
      end
    end else begin
      for (int unsigned o = 0; o < Ops; o++) begin
        if (state_q == StIdle) begin
          taken_q[o] <= '0;
          there_q[o] <= '0;
          wptr_q[o]  <= '0;
          rptr_q[o]  <= '0;
        end else begin
          taken_q[o] <= counted(taken_q[o], draw[o], pop[o]);
          there_q[o] <= counted(there_q[o], put[o], pop[o]);
          if (put[o]) wptr_q[o] <= wptr_q[o] + QueueW'(1);
          if (pop[o]) rptr_q[o] <= rptr_q[o] + QueueW'(1);
        end
      end
    end
  end

  // --------------------------------------------------------------------------------------- pick
  // One cycle before a packet may start it is known which one it would be.

  logic [NUM_VC-1:0] room_q;
  logic [Ops-1:0]    pick_q;    // operation that is picked, one-hot or zero
  logic [Ops-1:0]    picked_q;  // the last one that started, one-hot
  logic [Ops-1:0]    prior;     // the last one before the next pick
  logic [Ops-1:0]    able;      // has a packet, and room, after this cycle
  logic [Ops-1:0]    pick;
  logic              free;      // a packet can be on the stream in the next cycle
  logic              start;
  logic              gapless_q; // no gap
  logic              short_q;   // one idle cycle at most
  logic [15:0]       gap_q;     // idle cycles that are left
  logic              open_q;    // one at most
  logic [1:0]        op;
  logic [QueueW-1:0] rptr;
  logic [PortW-1:0]  dst;
  logic [LEN_W-1:0]  len;

  assign free   = active_q ? (beat_last && gapless_q) : open_q;
  assign start  = free && (pick_q != '0);
  assign pop    = start ? pick_q : '0;
  assign prior = start ? pick_q : picked_q;

  always_comb begin
    for (int unsigned o = 0; o < Ops; o++) begin
      able[o] = room_q[vc_of(2'(o))] && (pop[o] ? there_q[o][1] : there_q[o][0]);
    end
    for (int unsigned o = 0; o < Ops; o++) begin
      pick[o] = able[o] && !(prior[o] && (able[(o+1)%Ops] || able[(o+2)%Ops]))
                        && !(prior[(o+1)%Ops] && able[(o+2)%Ops]);
    end
  end

  assign op   = {pick_q[2], pick_q[1]};
  assign rptr = ({QueueW{pick_q[0]}} & rptr_q[0]) | ({QueueW{pick_q[1]}} & rptr_q[1])
              | ({QueueW{pick_q[2]}} & rptr_q[2]);
  assign {dst, len} = queue_mem[{op, rptr}];

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      pick_q   <= '0;
      picked_q <= Ops'(1 << (Ops - 1));
    end else begin
      pick_q   <= ((state_q == StRun) && run_i) ? pick : '0;
      picked_q <= prior;
    end
  end

  // ------------------------------------------------------------------------------------- stream
  // A sequence number is read for as long as its packet is offered, and stepped with the last beat.

  logic [31:0]      seq_mem [1<<FlowW];
  logic [FlowW-1:0] flow;
  logic [31:0]      seq;
  logic [1:0]       vc_q;
  logic [PortW-1:0] dst_q;
  logic [LEN_W-1:0] len_q;
  logic [15:0]      stamp_q;
  logic [LEN_W-1:0] unit_q;    // first unit of the beat
  logic [31:0]      word;
  hdr_t             hdr;

  assign flow = {dst_q, vc_q};
  assign seq  = seq_mem[flow];

  always_ff @(posedge clk_i) begin
    if (beat_last || (state_q == StWarm)) begin
      seq_mem[(state_q == StWarm) ? warm_q : flow] <= (state_q == StWarm) ? '0 : seq + 32'd1;
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      active_q <= 1'b0;
      done_o   <= 1'b0;
    end else begin
      active_q <= start || (active_q && !beat_last);
      done_o   <= ((state_q == StIdle) && !run_i)
               || ((state_q == StRun) && !more && drained && !active_q);
    end
  end

  always_ff @(posedge clk_i) begin
    room_q    <= vc_room_i;
    gapless_q <= gap_i == '0;
    short_q   <= gap_i[15:1] == '0;
    if (start) begin
      vc_q    <= vc_of(op);
      dst_q   <= dst;
      len_q   <= len;
      stamp_q <= next_i;
      unit_q  <= '0;
      last_q  <= len <= LEN_W'(UnitsPerFlit);
    end else if (beat) begin
      unit_q <= unit_q + LEN_W'(UnitsPerFlit);
      last_q <= (LEN_W + 1)'(unit_q) + (LEN_W + 1)'(2 * UnitsPerFlit) >= (LEN_W + 1)'(len_q);
    end

    if (beat_last) gap_q <= gap_i;
    else if (state_q == StIdle) gap_q <= '0;
    else if (!open_q) gap_q <= gap_q - 16'd1;
    open_q <= beat_last ? short_q : (gap_q <= 16'd2);
  end

  always_comb begin
    hdr         = '0;
    hdr.version = VERSION;
    hdr.op      = (vc_q == VC_REQ) ? OP_WRITE : (vc_q == VC_RSP) ? OP_READ_RSP : OP_MGT_WRITE;
    hdr.dst     = ID_W'(dst_q);
    hdr.src     = ID_W'(own_i);
    hdr.tag     = seq[TAG_W-1:0];
    hdr.len     = len_q;
    hdr.cls     = {MARK, stamp_q, seq};
  end

  assign word = flow_word(10'(dst_q), 10'(own_i), vc_q, len_q);

  always_comb begin
    for (int unsigned i = 0; i < UnitsPerFlit; i++) begin
      m_tdata_o[UNIT_W*i+:UNIT_W] = payload(seq, word, unit_q + LEN_W'(i));
      // Behind the last unit: zero.
      if (i != 0 && unit_q + LEN_W'(i) >= len_q) m_tdata_o[UNIT_W*i+:UNIT_W] = '0;
    end
  end

  assign m_tvalid_o = active_q;
  assign m_tuser_o  = {1'b0, hdr};
  assign m_tlast_o  = last_q;

endmodule
