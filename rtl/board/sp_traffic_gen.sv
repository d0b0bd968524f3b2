// SPDX-License-Identifier: Apache-2.0
//
// Makes packets at full rate for one port of a switch. Guarantees: a beat in every cycle while
// gap_i is 0, something is to be sent and nothing holds it; packets are always whole; a packet is
// started only when the room of its VC was seen in the cycle before; what is sent, in each VC in
// which order, follows from the configuration, seed_i and own_i alone, whatever holds it (but see
// count_i); the flows of a run begin at sequence number 0.
//
//   draw (VC in turn, dst, len) --> queue of each VC, 4 packets --> pick --> stream
//
// Queues let a VC with room pass one without: by at most 4 packets, so that every VC gets its share.

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
    /// Time, counts cycles.
    input  logic [15:0]               now_i,

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
    /// Packets sent since the run began.
    output logic [31:0]               sent_packets_o,
    /// Beats sent since the run began.
    output logic [31:0]               sent_flits_o
);

  import sp_pkg::*;
  import sp_traffic_pkg::*;

  localparam int unsigned UnitsPerFlit = FLIT_W / UNIT_W;
  localparam int unsigned FlowW = PortW + 2;
  // Packets of the queue of a VC: a step more than a draw takes to come back as room for another.
  localparam int unsigned QueueW = 2;
  localparam int unsigned DrawW = 12;  // random bits of a destination
  localparam int unsigned SizeW = 8;   // random bits of a length

  if (N_PORTS < 2 || N_PORTS > 64) begin : g_bad_ports
    $fatal(1, "sp_traffic_gen: N_PORTS = %0d is not in 2..64", N_PORTS);
  end
  if (FLIT_W != 128 && FLIT_W != 256 && FLIT_W != 512) begin : g_bad_width
    $fatal(1, "sp_traffic_gen: FLIT_W = %0d is not 128, 256 or 512", FLIT_W);
  end

  // ------------------------------------------------------------------------------------ the run

  typedef enum logic [1:0] {
    StIdle,  // no run
    StWarm,  // sequence numbers to zero; the shift register leaves the neighbourhood of its seed
    StRun,
    StDrain  // the last packet leaves
  } state_e;

  state_e           state_q;
  logic [FlowW-1:0] warm_q;
  logic             zero_q;    // begin of a run: counters to zero
  logic             active_q;  // a packet is offered
  logic             beat;
  logic             beat_last;

  assign beat      = active_q && m_tready_i;
  assign beat_last = beat && m_tlast_o;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q <= StIdle;
      warm_q  <= '0;
      zero_q  <= 1'b1;
    end else begin
      zero_q <= (state_q == StIdle) && run_i;
      warm_q <= (state_q == StWarm) ? warm_q + FlowW'(1) : '0;
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
  logic                more;       // packets are left to draw
  logic                issue;      // a packet is drawn
  logic                pass;       // a VC with a full queue is passed over
  logic [1:0]          turn_q;     // operation whose turn it is: 0 to 2
  logic [1:0]          turn_next;
  logic                turn_wrap;
  logic [1:0]          turn_vc;
  logic [2:0]          ops;
  logic [PortW-1:0]    walk_q;     // destination of mode 1
  logic [NUM_VC-1:0]   full;       // drawn and not sent: as many as the queue holds

  assign seeded = seed_i ^ 32'h9E37_79B9 ^ {16'(own_i), 16'b0};
  assign ops    = (op_mask_i == '0) ? 3'b001 : op_mask_i;

  always_comb begin
    turn_vc   = (turn_q == 2'd0) ? VC_REQ : (turn_q == 2'd1) ? VC_RSP : VC_MGT;
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

  assign more  = (count_i == '0) || (issued_q != count_i);
  assign issue = (state_q == StRun) && more && !full[turn_vc];
  assign pass  = (count_i == '0) && full[turn_vc];

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
    if (zero_q) issued_q <= '0;
    else if (issue) issued_q <= issued_q + 32'd1;
  end

  // Destination and length from the drawn bits, one cycle later.
  logic               drawn_q;
  logic [1:0]         drawn_vc_q;
  logic [PortW-1:0]   drawn_walk_q;
  logic [DrawW-1:0]   draw_dst_q;
  logic [SizeW-1:0]   draw_len_q;
  logic [PortW-1:0]   new_dst;
  logic [LEN_W-1:0]   new_len;
  logic [LEN_W-1:0]   range;     // lengths to choose from

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) drawn_q <= 1'b0;
    else drawn_q <= issue;
  end

  always_ff @(posedge clk_i) begin
    drawn_vc_q   <= turn_vc;
    drawn_walk_q <= walk_q;
    draw_dst_q   <= lfsr_q[DrawW+SizeW-1:SizeW];
    draw_len_q   <= lfsr_q[SizeW-1:0];
  end

  // A number below `limit`, from a fraction.
  function automatic logic [PortW-1:0] scaled(logic [DrawW-1:0] fraction, logic [PortW:0] limit);
    return PortW'(((PortW + DrawW)'(fraction) * (PortW + DrawW)'(limit)) >> DrawW);
  endfunction

  assign range = len_max_i - len_min_i + LEN_W'(1);

  always_comb begin
    logic [PortW-1:0] other;
    new_len = len_min_i + LEN_W'(((LEN_W + SizeW)'(draw_len_q) * (LEN_W + SizeW)'(range)) >> SizeW);
    other   = scaled(draw_dst_q, (PortW + 1)'(N_PORTS - 1));
    case (dst_mode_i)
      2'd0:    new_dst = dst_i;
      2'd1:    new_dst = drawn_walk_q;
      2'd2:    new_dst = scaled(draw_dst_q, (PortW + 1)'(N_PORTS));
      default: new_dst = other + PortW'(other >= own_i);
    endcase
  end

  // ------------------------------------------------------------------------------------- queues

  // Pointers: drawn, written, sent; modulo twice the depth.
  logic [QueueW:0]          iptr_q [NUM_VC];
  logic [QueueW:0]          wptr_q [NUM_VC];
  logic [QueueW:0]          rptr_q [NUM_VC];
  logic [PortW+LEN_W-1:0]   queue_mem [NUM_VC<<QueueW];
  logic [NUM_VC-1:0]        filled;
  logic                     drained;   // no packet is drawn and not sent

  always_comb begin
    drained = 1'b1;
    for (int unsigned v = 0; v < NUM_VC; v++) begin
      full[v]   = iptr_q[v] - rptr_q[v] == (QueueW + 1)'(1 << QueueW);
      filled[v] = wptr_q[v] != rptr_q[v];
      if (iptr_q[v] != rptr_q[v]) drained = 1'b0;
    end
  end

  // --------------------------------------------------------------------------------------- pick

  logic [NUM_VC-1:0]  turn;      // VC that is picked, one-hot or zero
  logic [1:0]         vc;
  logic               free;      // a packet can be on the stream in the next cycle
  logic               start;
  logic [15:0]        gap_q;     // idle cycles that are left
  logic [PortW-1:0]   dst;
  logic [LEN_W-1:0]   len;

  assign free = active_q ? (beat_last && (gap_i == '0)) : (gap_q[15:1] == '0);

  sp_rr_arbiter #(
      .N(NUM_VC)
  ) i_turn (
      .clk_i,
      .rst_ni,
      .req_i    (filled & vc_room_i),
      .advance_i(start),
      .gnt_o    (turn)
  );

  assign vc    = {turn[3] | turn[2], turn[3] | turn[1]};
  assign start = (state_q == StRun) && run_i && free && (turn != '0);
  assign {dst, len} = queue_mem[{vc, rptr_q[vc][QueueW-1:0]}];

  always_ff @(posedge clk_i) begin
    if (drawn_q) queue_mem[{drawn_vc_q, wptr_q[drawn_vc_q][QueueW-1:0]}] <= {new_dst, new_len};
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      for (int unsigned v = 0; v < NUM_VC; v++) begin
        iptr_q[v] <= '0;
        wptr_q[v] <= '0;
        rptr_q[v] <= '0;
      end
    end else if (state_q == StIdle) begin
      for (int unsigned v = 0; v < NUM_VC; v++) begin
        iptr_q[v] <= '0;
        wptr_q[v] <= '0;
        rptr_q[v] <= '0;
      end
    end else begin
      if (issue) iptr_q[turn_vc] <= iptr_q[turn_vc] + (QueueW + 1)'(1);
      if (drawn_q) wptr_q[drawn_vc_q] <= wptr_q[drawn_vc_q] + (QueueW + 1)'(1);
      if (start) rptr_q[vc] <= rptr_q[vc] + (QueueW + 1)'(1);
    end
  end

  // ------------------------------------------------------------------ sequence number of a flow

  logic [31:0]      seq_mem [1<<FlowW];
  logic [FlowW-1:0] flow;
  logic [31:0]      seq;

  assign flow = {dst, vc};
  assign seq  = seq_mem[flow];

  always_ff @(posedge clk_i) begin
    if (start || (state_q == StWarm)) begin
      seq_mem[start ? flow : warm_q] <= start ? seq + 32'd1 : '0;
    end
  end

  // ------------------------------------------------------------------------------------- stream

  logic [1:0]         vc_q;
  logic [PortW-1:0]   dst_q;
  logic [LEN_W-1:0]   len_q;
  logic [31:0]        seq_q;
  logic [15:0]        stamp_q;
  logic [LEN_W-1:0]   unit_q;    // first unit of the beat
  hdr_t               hdr;
  logic [31:0]        word;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) active_q <= 1'b0;
    else if (start) active_q <= 1'b1;
    else if (beat_last) active_q <= 1'b0;
  end

  always_ff @(posedge clk_i) begin
    if (start) begin
      vc_q    <= vc;
      dst_q   <= dst;
      len_q   <= len;
      seq_q   <= seq;
      stamp_q <= now_i + 16'd1;  // the first beat shows in the next cycle
      unit_q  <= '0;
    end else if (beat) begin
      unit_q <= unit_q + LEN_W'(UnitsPerFlit);
    end

    if (beat_last) gap_q <= gap_i;
    else if (state_q == StIdle) gap_q <= '0;
    else if (gap_q != '0) gap_q <= gap_q - 16'd1;

    if (zero_q) sent_packets_o <= '0;
    else if (beat_last) sent_packets_o <= sent_packets_o + 32'd1;
    if (zero_q) sent_flits_o <= '0;
    else if (beat) sent_flits_o <= sent_flits_o + 32'd1;
  end

  always_comb begin
    hdr         = '0;
    hdr.version = VERSION;
    hdr.op      = (vc_q == VC_REQ) ? OP_WRITE : (vc_q == VC_RSP) ? OP_READ_RSP : OP_MGT_WRITE;
    hdr.dst     = ID_W'(dst_q);
    hdr.src     = ID_W'(own_i);
    hdr.tag     = seq_q[TAG_W-1:0];
    hdr.len     = len_q;
    hdr.cls     = {MARK, stamp_q, seq_q};
  end

  assign word = flow_word(10'(dst_q), 10'(own_i), vc_q, len_q);

  always_comb begin
    for (int unsigned i = 0; i < UnitsPerFlit; i++) begin
      m_tdata_o[UNIT_W*i+:UNIT_W] = payload(seq_q, word, unit_q + LEN_W'(i));
      // Behind the last unit: zero.
      if (i != 0 && unit_q + LEN_W'(i) >= len_q) m_tdata_o[UNIT_W*i+:UNIT_W] = '0;
    end
  end

  assign m_tvalid_o = active_q;
  assign m_tuser_o  = {1'b0, hdr};
  assign m_tlast_o  = (LEN_W + 1)'(unit_q) + (LEN_W + 1)'(UnitsPerFlit) >= (LEN_W + 1)'(len_q);
  assign done_o     = ((state_q == StIdle) && !run_i)
                    || ((state_q == StRun) && !more && drained && !active_q);

endmodule
