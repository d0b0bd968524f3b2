// SPDX-License-Identifier: Apache-2.0
//
// Virtual output queues of one input: a queue for each output and VC, each with DEPTH flits of its
// own. Guarantees: packets of a queue leave whole, without a gap, in the order in which they were
// committed; what is written and not committed is as if it never came; a queue that is full or held
// back stops no other. CUT_THROUGH: a packet may be committed with its first flit; no flit is read
// before it was written, so that such a packet has gaps where its writer has.
//
//   take_*   a packet takes its flits     wr_*    flit by flit    commit   it may be sent
//   give     it gives them back: as if it never came
//   start    begin to send the head of a queue; its first flit is on flit_* two cycles later, and
//            its flits do not overlap those of the packet before it if idle_o was up then
//
// sp_voq_pipelined is the same for PIPELINED.

module sp_voq #(
    /// Outputs, external ports first, then engines.
    parameter int unsigned N_OUT = 5,
    /// External ports; outputs from here on are engines.
    parameter int unsigned N_PORTS = 4,
    /// Bits of a flit.
    parameter int unsigned FLIT_W = 128,
    /// Flits of each queue, a power of two.
    parameter int unsigned DEPTH = 32,
    /// 1: packets carry a time stamp.
    parameter bit TIMED = 1'b0,
    /// Bits of the word that is kept of a flit.
    parameter int unsigned WORD_W = FLIT_W,
    /// 1: packets may be committed before they are whole; see wr_more_i.
    parameter bit CUT_THROUGH = 1'b0,
    localparam int unsigned OutW = $clog2(N_OUT),
    localparam int unsigned PtrW = $clog2(DEPTH),
    localparam int unsigned NumEng = N_OUT - N_PORTS,
    localparam int unsigned EngDim = (NumEng == 0) ? 1 : NumEng
) (
    /// Clock.
    input  logic                                   clk_i,
    /// Reset, active low, asynchronous; empties the queues.
    input  logic                                   rst_ni,
    /// Queue that is looked at: VC.
    input  logic [1:0]                             sel_vc_i,
    /// Queue that is looked at: output.
    input  logic [OutW-1:0]                        sel_out_i,
    /// Flits of that queue that nothing has taken.
    output logic [PtrW:0]                          sel_free_o,
    /// Place of the first of them.
    output logic [PtrW-1:0]                        sel_place_o,
    /// A packet takes flits of that queue.
    input  logic                                   take_i,
    /// It gives them back; it was the last to take.
    input  logic                                   give_i,
    /// How many flits are taken or given back.
    input  logic [sp_pkg::LEN_W-1:0]               take_flits_i,
    /// Write a flit.
    input  logic                                   wr_valid_i,
    /// Queue that is written: VC.
    input  logic [1:0]                             wr_vc_i,
    /// Queue that is written: output.
    input  logic [OutW-1:0]                        wr_out_i,
    /// Its place in the queue.
    input  logic [PtrW-1:0]                        wr_place_i,
    /// It is the first flit of its packet.
    input  logic                                   wr_first_i,
    /// Header, with the first flit.
    input  sp_pkg::hdr_t                           wr_hdr_i,
    /// Time stamp, with the first flit.
    input  logic [sp_pkg::STAMP_W-1:0]             wr_stamp_i,
    /// Flits of the packet, with the first flit.
    input  logic [sp_pkg::LEN_W-1:0]               wr_flits_i,
    /// Word.
    input  logic [WORD_W-1:0]                      wr_word_i,
    /// Error mark.
    input  logic                                   wr_err_i,
    /// CUT_THROUGH: the packet is committed, and this is not its last flit.
    input  logic                                   wr_more_i,
    /// The packet in the queue that is written may be sent.
    input  logic                                   commit_i,
    /// Room for a longest packet, whatever its output, by VC.
    output logic [sp_pkg::NUM_VC-1:0]              vc_room_o,

    /// Queues with a packet to send: by VC, a bit for each output.
    output logic [N_OUT-1:0]                       ready_o [sp_pkg::NUM_VC],
    /// The input can start a packet: with this cycle its flits do not overlap.
    output logic                                   idle_o,
    /// Last flit of the packet is being read.
    output logic                                   last_o,
    /// CUT_THROUGH: the next flit of the packet has not been written.
    output logic                                   waits_o,
    /// Start the head packet of a queue.
    input  logic                                   start_i,
    /// Queue: VC.
    input  logic [1:0]                             start_vc_i,
    /// Queue: output.
    input  logic [OutW-1:0]                        start_out_i,

    /// Contribution at the head of the queue of each engine.
    output logic [EngDim-1:0]                      head_valid_o,
    /// Its header.
    output sp_pkg::hdr_t                           head_hdr_o [EngDim],

    /// A flit is here.
    output logic                                   flit_valid_o,
    /// First flit of a packet.
    output logic                                   flit_first_o,
    /// Last flit of a packet.
    output logic                                   flit_last_o,
    /// Error mark.
    output logic                                   flit_err_o,
    /// VC of the packet.
    output logic [1:0]                             flit_vc_o,
    /// Header, with the first flit.
    output sp_pkg::hdr_t                           flit_hdr_o,
    /// Time stamp, with the first flit.
    output logic [sp_pkg::STAMP_W-1:0]             flit_stamp_o,
    /// Word.
    output logic [WORD_W-1:0]                      flit_word_o
);

  import sp_pkg::*;

  localparam int unsigned NumQ = NUM_VC * N_OUT;
  localparam int unsigned QW = $clog2(NumQ);
  // Room is seen a few cycles late: a sender that starts on it may have this many flits on the way.
  localparam int unsigned Slack = 6;
  localparam int unsigned Room = max_flits(FLIT_W) + Slack;

  if (DEPTH < 8 || (DEPTH & (DEPTH - 1)) != 0) begin : g_bad_depth
    $fatal(1, "sp_voq: DEPTH = %0d is not a power of two of 8 or more", DEPTH);
  end
  if (DEPTH < Room) begin : g_shallow
    $fatal(1, "sp_voq: DEPTH = %0d does not hold the longest packet and %0d flits on the way: %0d",
           DEPTH, Slack, Room);
  end

  // Flits that are taken lie from rptr to wptr; pointers count modulo DEPTH.
  logic [PtrW-1:0]   wptr_q  [NumQ];
  logic [PtrW-1:0]   rptr_q  [NumQ];
  logic [PtrW:0]     free_q  [NumQ];  // flits that nothing has taken
  logic [PtrW:0]     count_q [NumQ];  // committed packets that have not been started
  logic [N_OUT-1:0]  ready_q [NUM_VC];
  logic [N_OUT-1:0]  roomy_q [NUM_VC];

  // A flit is read long after it was written, never in the same cycle.
  (* no_rw_check *)
  logic [WORD_W:0]   data_mem [NumQ*DEPTH];  // {error mark, word}

  function automatic logic [QW-1:0] queue(logic [1:0] q_vc, logic [OutW-1:0] q_out);
    return QW'({q_out, q_vc});
  endfunction

  // --------------------------------------------------------------------------------------- room

  logic [QW-1:0] take_q;   // queue that is looked at, whose room changes
  logic [QW-1:0] rd_q;     // queue that is read
  logic          rd;       // a flit is read
  logic          moves;    // room is taken or given back
  logic [PtrW:0] delta;    // by so much the free flits of the queue change

  assign take_q      = queue(sel_vc_i, sel_out_i);
  assign sel_free_o  = free_q[take_q];
  assign sel_place_o = wptr_q[take_q];
  assign moves       = take_i || give_i;
  assign delta       = give_i ? (PtrW + 1)'(take_flits_i) : -(PtrW + 1)'(take_flits_i);

  // Only the two queues whose room changed a cycle ago are looked at.
  logic          moved_q;
  logic          read_q;
  logic [QW-1:0] moved_take_q;
  logic [QW-1:0] read_sel_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      for (int unsigned q = 0; q < NumQ; q++) begin
        wptr_q[q] <= '0;
        rptr_q[q] <= '0;
        free_q[q] <= (PtrW + 1)'(DEPTH);
      end
      for (int unsigned v = 0; v < NUM_VC; v++) roomy_q[v] <= '1;
      moved_q     <= 1'b0;
      read_q      <= 1'b0;
      moved_take_q <= '0;
      read_sel_q   <= '0;
    end else begin
      if (rd) begin
        rptr_q[rd_q] <= rptr_q[rd_q] + PtrW'(1);
        free_q[rd_q] <= free_q[rd_q] + (PtrW + 1)'(1);
      end
      if (moves) begin
        wptr_q[take_q] <= wptr_q[take_q] - delta[PtrW-1:0];
        free_q[take_q] <= free_q[take_q] + delta + (PtrW + 1)'(rd && rd_q == take_q);
      end
      moved_q     <= moves;
      read_q      <= rd;
      moved_take_q <= take_q;
      read_sel_q   <= rd_q;
      if (moved_q) roomy_q[moved_take_q[1:0]][moved_take_q[QW-1:2]] <= roomy(free_q[moved_take_q]);
      if (read_q) roomy_q[read_sel_q[1:0]][read_sel_q[QW-1:2]] <= roomy(free_q[read_sel_q]);
    end
  end

  function automatic logic roomy(logic [PtrW:0] n_free);
    return n_free >= (PtrW + 1)'(Room);
  endfunction

  always_comb begin
    for (int unsigned v = 0; v < NUM_VC; v++) vc_room_o[v] = &roomy_q[v];
  end

  // -------------------------------------------------------------------------------------- write

  logic [QW-1:0] wr_q;

  assign wr_q = queue(wr_vc_i, wr_out_i);

  always_ff @(posedge clk_i) begin
    if (wr_valid_i) data_mem[{wr_q, wr_place_i}] <= {wr_err_i, wr_word_i};
  end

  // --------------------------------------------------------------------------------------- read

  logic            first_q;  // first flit of a packet is being read
  logic            more_q;   // a later one, or it is waited for
  logic            waits;    // the next flit has not been written
  logic            done;     // a packet is started for good: its queue has one less
  logic [QW-1:0]   done_q;   // that queue
  logic            first;    // the next cycle is the first one of a packet
  logic [PtrW-1:0] rd_place;

  assign rd = (first_q || more_q) && !waits;

  hdr_t             hdr_mem [NumQ*DEPTH];  // both at the place of the first flit of each packet
  logic [LEN_W-1:0] len_mem [NumQ*DEPTH];
  logic [QW-1:0]    rd_sel_q;
  logic [LEN_W-1:0] left_q;    // flits left to read, from the second one on
  logic [LEN_W-1:0] left;

  always_ff @(posedge clk_i) begin
    if (wr_valid_i && wr_first_i) begin
      hdr_mem[{wr_q, wr_place_i}] <= wr_hdr_i;
      len_mem[{wr_q, wr_place_i}] <= wr_flits_i;
    end
    if (first) rd_sel_q <= queue(start_vc_i, start_out_i);
    if (rd) left_q <= left - LEN_W'(1);
    if (first_q) flit_hdr_o <= hdr_mem[{rd_q, rd_place}];
  end

  assign first    = start_i;
  assign done     = first_q;
  assign done_q   = rd_sel_q;
  assign rd_q     = rd_sel_q;
  assign rd_place = rptr_q[rd_q];
  assign left     = first_q ? len_mem[{rd_q, rd_place}] : left_q;
  assign last_o   = rd && (left == LEN_W'(1));
  assign idle_o   = !(first_q || more_q) || last_o;
  assign waits_o  = (first_q || more_q) && waits;
  // Until the first cycle of a packet is over its queue still counts it. A queue of an engine
  // shows its next head only when the packet before it has been read: it is where the reader is.
  always_comb begin
    ready_o = ready_q;
    if ((first_q && count_q[rd_q] == (PtrW + 1)'(1))
        || (rd && 32'(rd_q[QW-1:2]) >= N_PORTS)) begin
      ready_o[rd_q[1:0]][rd_q[QW-1:2]] = 1'b0;
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      first_q      <= 1'b0;
      more_q       <= 1'b0;
      flit_valid_o <= 1'b0;
      flit_first_o <= 1'b0;
      flit_last_o  <= 1'b0;
    end else begin
      first_q      <= first;
      more_q       <= !idle_o;
      flit_valid_o <= rd;
      flit_first_o <= first_q;
      flit_last_o  <= last_o;
    end
  end

  always_ff @(posedge clk_i) begin
    if (rd) begin
      {flit_err_o, flit_word_o} <= data_mem[{rd_q, rd_place}];
      flit_vc_o <= rd_q[1:0];
    end
  end

  // A single packet is being written at a time. The reader waits where the writer will go on: it is
  // never ahead of it, and what the writer has taken is no more than the queue.
  if (CUT_THROUGH) begin : g_cut
    logic            open_q;  // a packet that is committed is not whole
    logic [QW-1:0]   open_sel_q;
    logic [PtrW-1:0] open_place_q;

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) open_q <= 1'b0;
      else if (wr_valid_i) open_q <= wr_more_i;
    end

    always_ff @(posedge clk_i) begin
      if (wr_valid_i) begin
        open_sel_q   <= wr_q;
        open_place_q <= wr_place_i + PtrW'(1);
      end
    end

    assign waits = open_q && (rd_q == open_sel_q) && (rd_place == open_place_q);
  end else begin : g_whole
    logic unused;
    assign unused = &{1'b0, wr_more_i};
    assign waits  = 1'b0;
  end

  if (TIMED) begin : g_stamp
    (* no_rw_check *)
    logic [STAMP_W-1:0] stamp_mem [NumQ*DEPTH];  // at the place of the first flit of each packet
    always_ff @(posedge clk_i) begin
      if (wr_valid_i && wr_first_i) stamp_mem[{wr_q, wr_place_i}] <= wr_stamp_i;
      if (first_q) flit_stamp_o <= stamp_mem[{rd_q, rd_place}];
    end
  end else begin : g_no_stamp
    logic unused_stamp;
    assign unused_stamp = &{1'b0, wr_stamp_i};
    assign flit_stamp_o = '0;
  end

  // ------------------------------------------------------------------------------ packets queued

  logic same;  // a packet is committed to the queue from which one is started
  assign same = commit_i && (wr_q == done_q);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      for (int unsigned q = 0; q < NumQ; q++) count_q[q] <= '0;
      for (int unsigned v = 0; v < NUM_VC; v++) ready_q[v] <= '0;
    end else begin
      if (commit_i) begin
        ready_q[wr_vc_i][wr_out_i] <= 1'b1;
        if (!(done && same)) count_q[wr_q] <= count_q[wr_q] + (PtrW + 1)'(1);
      end
      if (done && !same) begin
        count_q[done_q] <= count_q[done_q] - (PtrW + 1)'(1);
        if (count_q[done_q] == (PtrW + 1)'(1)) ready_q[done_q[1:0]][done_q[QW-1:2]] <= 1'b0;
      end
    end
  end

  // ------------------------------------------------------------------------ heads for engines

  // Headers of contributions once more, where they can be read without a clock: an engine looks at
  // every head before it lets one come.
  if (NumEng == 0) begin : g_no_engine
    assign head_valid_o = '0;
    always_comb head_hdr_o[0] = '0;
  end else begin : g_engine
    localparam int unsigned HeadW = $clog2(NumEng * DEPTH);
    hdr_t red_mem [NumEng*DEPTH];

    always_ff @(posedge clk_i) begin
      if (wr_valid_i && wr_first_i && 32'(wr_out_i) >= N_PORTS) begin
        red_mem[HeadW'((32'(wr_out_i) - N_PORTS) * DEPTH) + HeadW'(wr_place_i)] <= wr_hdr_i;
      end
    end

    always_comb begin
      for (int unsigned e = 0; e < NumEng; e++) begin
        head_valid_o[e] = ready_o[VC_RED][N_PORTS+e];
        head_hdr_o[e]   = red_mem[HeadW'(e * DEPTH)
                                  + HeadW'(rptr_q[queue(VC_RED, OutW'(N_PORTS + e))])];
      end
    end
  end

endmodule
