// SPDX-License-Identifier: Apache-2.0
//
// Virtual output queues of one input: a queue for each output and VC, each with DEPTH flits of its
// own. Guarantees: packets of a queue leave whole, without a gap, in the order in which they were
// committed; what is written and not committed is as if it never came; a queue that is full or held
// back stops no other.
//
//            write side                                     read side
//   wr_*     flit k of the packet that is arriving  start   begin to send the head of a queue
//   open     its queue and length, for the room     +1 clk  first flit on flit_*
//   commit   it is whole: it may be sent            idle_o  a start is taken
//
// PIPELINED: the first flit comes a cycle later, since the length is looked up first; packets of three
// flits or more follow each other without a gap, shorter ones can be started every third cycle.

module sp_voq #(
    /// Outputs, external ports first, then engines.
    parameter int unsigned N_OUT = 5,
    /// External ports; outputs from here on are engines.
    parameter int unsigned N_PORTS = 4,
    /// Bits of a flit.
    parameter int unsigned FLIT_W = 128,
    /// Flits of each queue, a power of two.
    parameter int unsigned DEPTH = 32,
    /// 1: registers between the steps of a cycle, for FPGAs; see docs/crossbar.md.
    parameter bit PIPELINED = 1'b0,
    localparam int unsigned OutW = $clog2(N_OUT),
    localparam int unsigned PtrW = $clog2(DEPTH),
    localparam int unsigned NumEng = N_OUT - N_PORTS,
    localparam int unsigned EngDim = (NumEng == 0) ? 1 : NumEng
) (
    /// Clock.
    input  logic                                   clk_i,
    /// Reset, active low, asynchronous; empties the queues.
    input  logic                                   rst_ni,
    /// Output of the port to which this input belongs: answers go there.
    input  logic [OutW-1:0]                        own_i,

    /// Queue that is looked at or written: VC.
    input  logic [1:0]                             wr_vc_i,
    /// Queue that is looked at or written: output.
    input  logic [OutW-1:0]                        wr_out_i,
    /// Free flits of that queue.
    output logic [PtrW:0]                          wr_free_o,
    /// Write a flit.
    input  logic                                   wr_valid_i,
    /// Its place in its packet.
    input  logic [sp_pkg::LEN_W-1:0]               wr_offset_i,
    /// Header, written with the flit at offset 0.
    input  sp_pkg::hdr_t                           wr_hdr_i,
    /// Payload.
    input  logic [FLIT_W-1:0]                      wr_data_i,
    /// Error mark.
    input  logic                                   wr_err_i,
    /// The packet is whole.
    input  logic                                   commit_i,
    /// Its flits; also what an open packet will take.
    input  logic [sp_pkg::LEN_W-1:0]               commit_flits_i,
    /// A packet is open in the queue `open_vc_i`, `open_out_i`.
    input  logic                                   open_i,
    /// Queue of the open packet: VC.
    input  logic [1:0]                             open_vc_i,
    /// Queue of the open packet: output.
    input  logic [OutW-1:0]                        open_out_i,
    /// Flits of the open packet.
    input  logic [sp_pkg::LEN_W-1:0]               open_flits_i,
    /// Room for a longest packet, whatever its output, by VC.
    output logic [sp_pkg::NUM_VC-1:0]              vc_room_o,

    /// Queues with a packet to send: by VC, a bit for each output.
    output logic [N_OUT-1:0]                       ready_o [sp_pkg::NUM_VC],
    /// The input can start a packet: with this cycle its flits do not overlap.
    output logic                                   idle_o,
    /// The packet on its way leaves the output to another one that is started in this cycle.
    output logic                                   ends_o,
    /// Its last flit is being read.
    output logic                                   last_o,
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
    /// Payload.
    output logic [FLIT_W-1:0]                      flit_data_o
);

  import sp_pkg::*;

  localparam int unsigned NumQ = NUM_VC * N_OUT;
  localparam int unsigned QW = $clog2(NumQ);
  // Room is seen a few cycles late: a sender that starts on it may have this many flits on the way.
  localparam int unsigned Slack = PIPELINED ? 12 : 6;
  localparam int unsigned Room = max_flits(FLIT_W) + Slack;

  if (DEPTH < 8 || (DEPTH & (DEPTH - 1)) != 0) begin : g_bad_depth
    $fatal(1, "sp_voq: DEPTH = %0d is not a power of two of 8 or more", DEPTH);
  end
  if (DEPTH < Room) begin : g_shallow
    $fatal(1, "sp_voq: DEPTH = %0d does not hold the longest packet and %0d flits on the way: %0d",
           DEPTH, Slack, Room);
  end

  // Pointers count modulo 2 * DEPTH, so that full and empty differ.
  logic [PtrW:0]     wptr_q  [NumQ];
  logic [PtrW:0]     rptr_q  [NumQ];
  logic [PtrW:0]     count_q [NumQ];  // committed packets
  logic [N_OUT-1:0]  ready_q [NUM_VC];
  logic [N_OUT-1:0]  roomy_q [NUM_VC];

  logic [FLIT_W:0]   data_mem [NumQ*DEPTH];  // {error mark, payload}
  hdr_t              hdr_mem  [NumQ*DEPTH];
  logic [LEN_W-1:0]  len_mem  [NumQ*DEPTH];  // at the place of the first flit of each packet

  function automatic logic [QW-1:0] queue(logic [1:0] q_vc, logic [OutW-1:0] q_out);
    return QW'(32'(q_vc) * N_OUT) + QW'(q_out);
  endfunction

  function automatic logic [PtrW:0] free(logic [PtrW:0] wptr, logic [PtrW:0] rptr);
    return (PtrW + 1)'(DEPTH) - (wptr - rptr);
  endfunction

  // ------------------------------------------------------------------------------------- write

  logic [QW-1:0]   wr_q;
  logic [PtrW-1:0] wr_ptr;

  assign wr_q      = queue(wr_vc_i, wr_out_i);
  assign wr_free_o = free(wptr_q[wr_q], rptr_q[wr_q]);
  assign wr_ptr    = wptr_q[wr_q][PtrW-1:0] + PtrW'(wr_offset_i);

  always_ff @(posedge clk_i) begin
    if (wr_valid_i) begin
      data_mem[{wr_q, wr_ptr}] <= {wr_err_i, wr_data_i};
      if (wr_offset_i == '0) hdr_mem[{wr_q, wr_ptr}] <= wr_hdr_i;
    end
    if (commit_i) len_mem[{wr_q, wptr_q[wr_q][PtrW-1:0]}] <= commit_flits_i;
  end

  // -------------------------------------------------------------------------------------- read

  logic             first_q;  // first cycle of a packet: its length is being read
  logic             more_q;   // a later cycle of it
  logic [LEN_W-1:0] left_q;   // flits left to read, from the second cycle on
  logic [LEN_W-1:0] left;
  logic [1:0]       rd_vc_q;
  logic [OutW-1:0]  rd_out_q;
  logic [QW-1:0]    rd_q;
  logic [PtrW-1:0]  rd_ptr;
  logic             rd;
  logic             same;     // packet committed to the queue from which one is started
  logic             first;    // the next cycle is the first one of a packet
  logic [1:0]       next_vc;  // of this queue
  logic [OutW-1:0]  next_out;
  logic             look;     // its length is being looked up

  assign rd_q   = queue(rd_vc_q, rd_out_q);
  assign rd_ptr = rptr_q[rd_q][PtrW-1:0];
  assign rd     = first_q || more_q;
  assign last_o = rd && (left == LEN_W'(1));
  assign same   = commit_i && (wr_q == rd_q);

  if (PIPELINED) begin : g_look
    logic             look_q;
    logic [1:0]       look_vc_q;
    logic [OutW-1:0]  look_out_q;
    logic [QW-1:0]    look_queue;
    logic [PtrW-1:0]  look_ptr;
    logic [LEN_W-1:0] len_q;

    assign look_queue = queue(look_vc_q, look_out_q);
    // While the packet before it is read to its end, the head is the place behind the reader.
    assign look_ptr   = rptr_q[look_queue][PtrW-1:0] + PtrW'(rd && rd_q == look_queue);

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) look_q <= 1'b0;
      else look_q <= start_i;
    end

    always_ff @(posedge clk_i) begin
      if (start_i) begin
        look_vc_q  <= start_vc_i;
        look_out_q <= start_out_i;
      end
      if (look_q) len_q <= len_mem[{look_queue, look_ptr}];
    end

    assign look     = look_q;
    assign first    = look_q;
    assign next_vc  = look_vc_q;
    assign next_out = look_out_q;
    // From the second flit on, while at most two are left.
    logic ends_q;
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) ends_q <= 1'b0;
      else ends_q <= rd && !last_o && (left <= LEN_W'(3));
    end

    assign left     = first_q ? len_q : left_q;
    assign ends_o   = ends_q;
    assign idle_o   = !look_q && (!rd || ends_q);
  end else begin : g_no_look
    assign look     = 1'b0;
    assign first    = start_i;
    assign next_vc  = start_vc_i;
    assign next_out = start_out_i;
    assign left     = first_q ? len_mem[{rd_q, rd_ptr}] : left_q;
    assign ends_o   = last_o;
    assign idle_o   = !rd || last_o;
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
      more_q       <= rd && !last_o;
      flit_valid_o <= rd;
      flit_first_o <= first_q;
      flit_last_o  <= last_o;
    end
  end

  always_ff @(posedge clk_i) begin
    if (first) begin
      rd_vc_q  <= next_vc;
      rd_out_q <= next_out;
    end
    if (rd) begin
      left_q <= left - LEN_W'(1);
      {flit_err_o, flit_data_o} <= data_mem[{rd_q, rd_ptr}];
      flit_vc_o <= rd_vc_q;
    end
    if (first_q) flit_hdr_o <= hdr_mem[{rd_q, rd_ptr}];
  end

  // ----------------------------------------------------------------------------- queue states

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      for (int unsigned q = 0; q < NumQ; q++) begin
        wptr_q[q]  <= '0;
        rptr_q[q]  <= '0;
        count_q[q] <= '0;
      end
      for (int unsigned v = 0; v < NUM_VC; v++) ready_q[v] <= '0;
    end else begin
      if (commit_i) begin
        wptr_q[wr_q] <= wptr_q[wr_q] + (PtrW + 1)'(commit_flits_i);
        ready_q[wr_vc_i][wr_out_i] <= 1'b1;
        if (!(first_q && same)) count_q[wr_q] <= count_q[wr_q] + (PtrW + 1)'(1);
      end
      if (rd) rptr_q[rd_q] <= rptr_q[rd_q] + (PtrW + 1)'(1);
      if (first_q && !same) begin
        count_q[rd_q] <= count_q[rd_q] - (PtrW + 1)'(1);
        if (count_q[rd_q] == (PtrW + 1)'(1)) ready_q[rd_vc_q][rd_out_q] <= 1'b0;
      end
    end
  end

  // Until the first cycle of a packet is over its queue still counts it. A queue of an engine shows
  // its next head only when the packet before it has been read: the head is where the reader stands.
  always_comb begin
    ready_o = ready_q;
    if (look) ready_o[next_vc][next_out] = 1'b0;
    if ((first_q && count_q[rd_q] == (PtrW + 1)'(1)) || (rd && 32'(rd_out_q) >= N_PORTS)) begin
      ready_o[rd_vc_q][rd_out_q] = 1'b0;
    end
  end

  // -------------------------------------------------------------------------------------- room

  // A queue's room changes when it is written, read, or opened and given up. One look a cycle at
  // each queue to which that can happen keeps the bits true without looking at all of them.
  logic [QW-1:0] open_q;
  logic [QW-1:0] own_q;
  logic [PtrW:0] open_free;
  logic [PtrW:0] own_free;

  assign open_q    = queue(open_vc_i, open_out_i);
  assign own_q     = queue(VC_RSP, own_i);
  assign open_free = free(wptr_q[open_q], rptr_q[open_q]) + (PtrW + 1)'(rd && rd_q == open_q);
  assign own_free  = free(wptr_q[own_q], rptr_q[own_q]) + (PtrW + 1)'(rd && rd_q == own_q);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      for (int unsigned v = 0; v < NUM_VC; v++) roomy_q[v] <= '1;
    end else begin
      if (rd) begin
        roomy_q[rd_vc_q][rd_out_q] <= free(wptr_q[rd_q], rptr_q[rd_q]) + (PtrW + 1)'(1)
                                      >= (PtrW + 1)'(Room);
      end
      roomy_q[VC_RSP][own_i] <= own_free >= (PtrW + 1)'(Room);
      roomy_q[open_vc_i][open_out_i] <=
          open_free >= (PtrW + 1)'(Room) + (open_i ? (PtrW + 1)'(open_flits_i) : '0);
    end
  end

  always_comb begin
    for (int unsigned v = 0; v < NUM_VC; v++) vc_room_o[v] = &roomy_q[v];
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
      if (wr_valid_i && wr_offset_i == '0 && 32'(wr_out_i) >= N_PORTS) begin
        red_mem[HeadW'((32'(wr_out_i) - N_PORTS) * DEPTH) + HeadW'(wr_ptr)] <= wr_hdr_i;
      end
    end

    always_comb begin
      for (int unsigned e = 0; e < NumEng; e++) begin
        head_valid_o[e] = ready_o[VC_RED][N_PORTS+e];
        head_hdr_o[e]   = red_mem[HeadW'(e * DEPTH) + HeadW'(
                                  rptr_q[QW'(32'(VC_RED) * N_OUT + N_PORTS + e)][PtrW-1:0])];
      end
    end
  end

endmodule
