// SPDX-License-Identifier: Apache-2.0
//
// sp_voq with one memory for all queues of the input: each has DEPTH flits of its own, and all
// together a pool of SHARED. Ports, cycles and guarantees are those of sp_voq, but for the place of
// a flit, which is nobody's business here. sp_shared_room says how much a queue may take of the
// pool, sp_slot_lists keeps the flits of each queue in order.
//
// Heads and links of the lists are read without a clock, as the length of a packet is in sp_voq.

module sp_voq_shared #(
    /// Outputs, external ports first, then engines.
    parameter int unsigned N_OUT = 5,
    /// External ports; outputs from here on are engines.
    parameter int unsigned N_PORTS = 4,
    /// Bits of a flit.
    parameter int unsigned FLIT_W = 128,
    /// Flits of each queue's own, a power of two.
    parameter int unsigned DEPTH = 32,
    /// Flits of the pool.
    parameter int unsigned SHARED = 64,
    /// 1: packets carry a time stamp.
    parameter bit TIMED = 1'b0,
    /// Bits of the word that is kept of a flit.
    parameter int unsigned WORD_W = FLIT_W,
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
    /// Flits that a packet may take of that queue, DEPTH at most.
    output logic [PtrW:0]                          sel_free_o,
    /// Flits that the queue holds.
    output logic [sp_pkg::LEVEL_W-1:0]             sel_used_o,
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
    /// The packet in the queue that is written is whole.
    input  logic                                   commit_i,
    /// Room for a longest packet, whatever its output, by VC.
    output logic [sp_pkg::NUM_VC-1:0]              vc_room_o,

    /// Queues with a packet to send: by VC, a bit for each output.
    output logic [N_OUT-1:0]                       ready_o [sp_pkg::NUM_VC],
    /// The input can start a packet: with this cycle its flits do not overlap.
    output logic                                   idle_o,
    /// Last flit of the packet is being read.
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
    /// Time stamp, with the first flit.
    output logic [sp_pkg::STAMP_W-1:0]             flit_stamp_o,
    /// Word.
    output logic [WORD_W-1:0]                      flit_word_o
);

  import sp_pkg::*;

  localparam int unsigned NumQ = NUM_VC * N_OUT;
  localparam int unsigned QW = $clog2(NumQ);
  localparam int unsigned Slots = NumQ * DEPTH + SHARED;
  localparam int unsigned SlotW = $clog2(Slots);
  localparam int unsigned UsedW = $clog2(DEPTH + SHARED + 1);
  // Room is seen a few cycles late: a sender that starts on it may have this many flits on the way.
  // What they take of the pool for this very queue counts twice, as the queue grows and the pool
  // shrinks by it.
  localparam int unsigned Slack = 6;
  localparam int unsigned Room = max_flits(FLIT_W) + 2 * Slack;

  if (DEPTH < 8 || (DEPTH & (DEPTH - 1)) != 0) begin : g_bad_depth
    $fatal(1, "sp_voq_shared: DEPTH = %0d is not a power of two of 8 or more", DEPTH);
  end
  if (DEPTH < Room) begin : g_shallow
    $fatal(1, "sp_voq_shared: DEPTH = %0d does not hold the longest packet and %0d flits: %0d",
           DEPTH, 2 * Slack, Room);
  end
  if (SHARED < 1 || SHARED > 4096) begin : g_bad_shared
    $fatal(1, "sp_voq_shared: SHARED = %0d is not in 1..4096", SHARED);
  end

  function automatic logic [QW-1:0] queue(logic [1:0] q_vc, logic [OutW-1:0] q_out);
    return QW'({q_out, q_vc});
  endfunction

  // --------------------------------------------------------------------------------------- room

  logic [QW-1:0]     rd_q;      // queue that is read
  logic              rd;        // a flit is read
  logic [UsedW-1:0]  sel_used;
  logic [NumQ-1:0]   roomy;
  logic [NUM_VC-1:0] vc_roomy;

  sp_shared_room #(
      .N_Q    (NumQ),
      .RESERVE(DEPTH),
      .SHARED (SHARED),
      .NEED   (Room)
  ) i_room (
      .clk_i,
      .rst_ni,
      .sel_q_i   (queue(sel_vc_i, sel_out_i)),
      .sel_free_o,
      .sel_used_o(sel_used),
      .take_i,
      .give_i,
      .flits_i   (take_flits_i),
      .rd_i      (rd),
      .rd_q_i    (rd_q),
      .roomy_o   (roomy)
  );

  assign sel_used_o = LEVEL_W'(sel_used);

  always_comb begin
    vc_roomy = '1;
    for (int unsigned q = 0; q < NumQ; q++) if (!roomy[q]) vc_roomy[q%NUM_VC] = 1'b0;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) vc_room_o <= '1;
    else vc_room_o <= vc_roomy;
  end

  // -------------------------------------------------------------------------------------- slots

  logic [QW-1:0]    wr_q;
  logic [SlotW-1:0] wr_slot;
  logic             wr_head;   // the flit that is written comes to the head of its queue
  logic [SlotW-1:0] rd_slot;
  logic [SlotW-1:0] rd_next;

  assign wr_q = queue(wr_vc_i, wr_out_i);

  sp_slot_lists #(
      .N_Q  (NumQ),
      .SLOTS(Slots)
  ) i_lists (
      .clk_i,
      .rst_ni,
      .wr_i      (wr_valid_i),
      .wr_q_i    (wr_q),
      .wr_first_i,
      .wr_slot_o (wr_slot),
      .wr_head_o (wr_head),
      .commit_i,
      .give_i,
      .rd_i      (rd),
      .rd_q_i    (rd_q),
      .rd_slot_o (rd_slot),
      .rd_next_o (rd_next)
  );

  // A flit is read long after it was written, never in the same cycle.
  (* no_rw_check *)
  logic [WORD_W:0]  data_mem [Slots];  // {error mark, word}
  hdr_t             hdr_mem  [Slots];  // both in the slot of the first flit of each packet
  logic [LEN_W-1:0] len_mem  [Slots];

  always_ff @(posedge clk_i) begin
    if (wr_valid_i) data_mem[wr_slot] <= {wr_err_i, wr_word_i};
    if (wr_valid_i && wr_first_i) begin
      hdr_mem[wr_slot] <= wr_hdr_i;
      len_mem[wr_slot] <= wr_flits_i;
    end
  end

  // --------------------------------------------------------------------------------------- read

  logic             first_q;   // first flit of a packet is being read
  logic             more_q;    // a later one
  logic [LEN_W-1:0] left_q;    // flits left to read, from the second one on
  logic [LEN_W-1:0] left;

  assign rd     = first_q || more_q;
  assign left   = first_q ? len_mem[rd_slot] : left_q;
  assign last_o = rd && (left == LEN_W'(1));
  assign idle_o = !rd || last_o;

  always_ff @(posedge clk_i) begin
    if (start_i) rd_q <= queue(start_vc_i, start_out_i);
    if (rd) begin
      left_q <= left - LEN_W'(1);
      {flit_err_o, flit_word_o} <= data_mem[rd_slot];
      flit_vc_o <= rd_q[1:0];
    end
    if (first_q) flit_hdr_o <= hdr_mem[rd_slot];
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      first_q      <= 1'b0;
      more_q       <= 1'b0;
      flit_valid_o <= 1'b0;
      flit_first_o <= 1'b0;
      flit_last_o  <= 1'b0;
    end else begin
      first_q      <= start_i;
      more_q       <= rd && !last_o;
      flit_valid_o <= rd;
      flit_first_o <= first_q;
      flit_last_o  <= last_o;
    end
  end

  if (TIMED) begin : g_stamp
    (* no_rw_check *)
    logic [STAMP_W-1:0] stamp_mem [Slots];  // in the slot of the first flit of each packet
    always_ff @(posedge clk_i) begin
      if (wr_valid_i && wr_first_i) stamp_mem[wr_slot] <= wr_stamp_i;
      if (first_q) flit_stamp_o <= stamp_mem[rd_slot];
    end
  end else begin : g_no_stamp
    logic unused_stamp;
    assign unused_stamp = &{1'b0, wr_stamp_i};
    assign flit_stamp_o = '0;
  end

  // ------------------------------------------------------------------------------ packets queued

  logic [UsedW-1:0] count_q [NumQ];  // committed packets whose first flit has not been read
  logic [N_OUT-1:0] ready_q [NUM_VC];
  logic             same;  // a packet is committed to the queue from which one is started
  logic             lone;  // the packet that is started is the last one of its queue

  assign same = commit_i && wr_q == rd_q;
  assign lone = count_q[rd_q] == UsedW'(1);

  // Until the first cycle of a packet is over its queue still counts it. A queue of an engine
  // shows its next head only when the packet before it has been read: it is where the reader is.
  always_comb begin
    ready_o = ready_q;
    if ((first_q && lone) || (rd && 32'(rd_q[QW-1:2]) >= N_PORTS)) begin
      ready_o[rd_q[1:0]][rd_q[QW-1:2]] = 1'b0;
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      for (int unsigned q = 0; q < NumQ; q++) count_q[q] <= '0;
      for (int unsigned v = 0; v < NUM_VC; v++) ready_q[v] <= '0;
    end else begin
      if (commit_i) begin
        ready_q[wr_vc_i][wr_out_i] <= 1'b1;
        if (!(first_q && same)) count_q[wr_q] <= count_q[wr_q] + UsedW'(1);
      end
      if (first_q && !same) begin
        count_q[rd_q] <= count_q[rd_q] - UsedW'(1);
        if (lone) ready_q[rd_q[1:0]][rd_q[QW-1:2]] <= 1'b0;
      end

      assert (!commit_i || wr_valid_i)
        else $error("sp_voq_shared: a packet became whole without its last flit");
      assert (!(wr_valid_i && wr_first_i) || sel_used_o >= LEVEL_W'(wr_flits_i) || take_i)
        else $error("sp_voq_shared: a packet is written that took no room");
    end
  end

  // ------------------------------------------------------------------------ heads for engines

  // An engine looks at every head before it lets one come. A header comes into its register when
  // its packet comes to the head of its queue: written there, or behind what is read.
  if (NumEng == 0) begin : g_no_engine
    logic unused_head;
    assign unused_head  = &{1'b0, wr_head, rd_next};
    assign head_valid_o = '0;
    always_comb head_hdr_o[0] = '0;
  end else begin : g_engine
    hdr_t behind_hdr;

    assign behind_hdr = hdr_mem[rd_next];

    always_ff @(posedge clk_i) begin
      for (int unsigned e = 0; e < NumEng; e++) begin
        if (rd && rd_q == queue(VC_RED, OutW'(N_PORTS + e))) head_hdr_o[e] <= behind_hdr;
        if (wr_head && wr_q == queue(VC_RED, OutW'(N_PORTS + e))) head_hdr_o[e] <= wr_hdr_i;
      end
    end

    always_comb begin
      for (int unsigned e = 0; e < NumEng; e++) head_valid_o[e] = ready_o[VC_RED][N_PORTS+e];
    end
  end

endmodule
