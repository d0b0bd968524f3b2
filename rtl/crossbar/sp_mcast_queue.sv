// SPDX-License-Identifier: Apache-2.0
//
// Multicasts of one input: a queue beside its VOQs, each packet with the set of ports that get it.
// Guarantees: each port of the set gets the packet exactly once, whole and without a gap; packets
// reach a port in the order in which they were committed; what is written and not committed is as
// if it never came. The set is served by fan-out splitting: whatever ports are matched in a cycle
// get the packet together, in one pass over it, the others in later passes; nothing is held
// meanwhile, so multicasts cannot block each other.
//
// It is written like sp_voq and starts as late: its first flit is on flit_* two cycles after start.

module sp_mcast_queue #(
    /// External ports; engines get no multicasts.
    parameter int unsigned N_PORTS = 4,
    /// Bits of a flit.
    parameter int unsigned FLIT_W = 128,
    /// Flits of the queue, a power of two.
    parameter int unsigned DEPTH = 32,
    /// 1: packets carry a time stamp.
    parameter bit TIMED = 1'b0,
    /// 1: its input is the pipelined one, with more on the way.
    parameter bit PIPELINED = 1'b0,
    /// Bits of the word that is kept of a flit.
    parameter int unsigned WORD_W = FLIT_W,
    localparam int unsigned PtrW = $clog2(DEPTH)
) (
    /// Clock.
    input  logic                                       clk_i,
    /// Reset, active low, asynchronous; empties the queue.
    input  logic                                       rst_ni,
    /// Flits that nothing has taken.
    output logic [PtrW:0]                              free_o,
    /// Place of the first of them.
    output logic [PtrW-1:0]                            place_o,
    /// A packet takes flits.
    input  logic                                       take_i,
    /// It gives them back; it was the last to take.
    input  logic                                       give_i,
    /// How many flits are taken or given back.
    input  logic [sp_pkg::LEN_W-1:0]                   take_flits_i,
    /// Write a flit.
    input  logic                                       wr_valid_i,
    /// Its place.
    input  logic [PtrW-1:0]                            wr_place_i,
    /// It is the first flit of its packet.
    input  logic                                       wr_first_i,
    /// Header, with the first flit.
    input  sp_pkg::hdr_t                               wr_hdr_i,
    /// Time stamp, with the first flit.
    input  logic [sp_pkg::STAMP_W-1:0]                 wr_stamp_i,
    /// Flits of the packet, with the first flit.
    input  logic [sp_pkg::LEN_W-1:0]                   wr_flits_i,
    /// Word.
    input  logic [WORD_W-1:0]                          wr_word_i,
    /// Error mark.
    input  logic                                       wr_err_i,
    /// The packet that is written is whole.
    input  logic                                       commit_i,
    /// Ports that get it, one at least.
    input  logic [N_PORTS-1:0]                         commit_ports_i,
    /// It carries a member set.
    input  logic                                       commit_sparse_i,
    /// Where its destinations go.
    input  sp_pkg::member_ports_t                      commit_members_i,
    /// A longest packet and what may be on the way have room.
    output logic                                       room_o,

    /// Ports that still lack the packet at the head; all are asked for at once.
    output logic [N_PORTS-1:0]                         ready_o,
    /// A packet can be started: with this cycle its flits do not overlap.
    output logic                                       idle_o,
    /// A flit is being read: it is here in the next cycle.
    output logic                                       read_o,
    /// The last flit of a pass is being read.
    output logic                                       last_o,
    /// Start a pass over the packet at the head.
    input  logic                                       start_i,
    /// Ports that get it now.
    input  logic [N_PORTS-1:0]                         start_ports_i,

    /// A flit is here.
    output logic                                       flit_valid_o,
    /// First flit of a packet.
    output logic                                       flit_first_o,
    /// Last flit of a packet.
    output logic                                       flit_last_o,
    /// Error mark.
    output logic                                       flit_err_o,
    /// Header, with the first flit.
    output sp_pkg::hdr_t                               flit_hdr_o,
    /// Time stamp, with the first flit.
    output logic [sp_pkg::STAMP_W-1:0]                 flit_stamp_o,
    /// Flits of the packet.
    output logic [sp_pkg::LEN_W-1:0]                   flit_flits_o,
    /// Word.
    output logic [WORD_W-1:0]                          flit_word_o,
    /// Ports that get the packet, or have got it in earlier passes.
    output logic [N_PORTS-1:0]                         flit_ports_o,
    /// The flit ends with a member set.
    output logic                                       flit_set_o,
    /// Where its destinations go.
    output sp_pkg::member_ports_t                      flit_members_o
);
  /* verilator no_inline_module */  // one C++ body for all ports

  import sp_pkg::*;

  // As in the queues beside it: room is seen a few cycles late.
  localparam int unsigned Slack = PIPELINED ? 8 : 6;
  localparam int unsigned Room = max_flits(FLIT_W) + Slack;

  if (DEPTH < Room || (DEPTH & (DEPTH - 1)) != 0) begin : g_bad_depth
    $fatal(1, "sp_mcast_queue: DEPTH = %0d is not a power of two of %0d or more", DEPTH, Room);
  end

  /// What is known of a packet when it is whole.
  typedef struct packed {
    logic [N_PORTS-1:0] ports;
    logic               sparse;
    member_ports_t      members;
  } whole_t;

  // A flit is read long after it was written, never in the same cycle.
  (* no_rw_check *)
  logic [WORD_W:0]    data_mem  [DEPTH];  // {error mark, word}
  hdr_t               hdr_mem   [DEPTH];  // these at the place of the first flit of each packet
  logic [LEN_W-1:0]   len_mem   [DEPTH];
  whole_t             whole_mem [DEPTH];

  logic [PtrW-1:0]    wptr_q;       // behind what is taken
  logic [PtrW-1:0]    first_q;      // first flit of the packet that is written
  logic [PtrW-1:0]    first;
  logic [PtrW-1:0]    head_q;       // first flit of the packet at the head
  logic [PtrW:0]      free_q;
  logic [PtrW:0]      count_q;      // whole packets that some port lacks and no pass serves
  logic [N_PORTS-1:0] served_q;     // ports that have the packet at the head
  /* verilator lint_off UNUSEDSIGNAL */  // destinations are looked at when it is read
  whole_t             head;
  /* verilator lint_on UNUSEDSIGNAL */
  logic               final_pass;   // the pass that starts serves all that were left

  logic               begins_q;     // first flit of a pass is being read
  logic               rd_q;         // a flit is being read
  logic               frees_q;      // in the final pass its place is free then
  logic [PtrW-1:0]    rd_place_q;
  logic [LEN_W-1:0]   left_q;       // flits left to read
  logic               sparse_q;

  // -------------------------------------------------------------------------------------- write

  logic [PtrW:0] delta;  // by so much the free flits change, but for those read

  assign free_o  = free_q;
  assign place_o = wptr_q;
  assign first   = wr_first_i ? wr_place_i : first_q;

  always_comb begin
    delta = '0;
    if (give_i) delta = (PtrW + 1)'(take_flits_i);
    else if (take_i) delta = -(PtrW + 1)'(take_flits_i);
  end

  always_ff @(posedge clk_i) begin
    if (wr_valid_i) data_mem[wr_place_i] <= {wr_err_i, wr_word_i};
    if (wr_valid_i && wr_first_i) begin
      hdr_mem[wr_place_i] <= wr_hdr_i;
      len_mem[wr_place_i] <= wr_flits_i;
      first_q             <= wr_place_i;
    end
    if (commit_i) begin
      whole_mem[first] <= '{
          ports: commit_ports_i, sparse: commit_sparse_i, members: commit_members_i};
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      wptr_q <= '0;
      free_q <= (PtrW + 1)'(DEPTH);
      room_o <= 1'b1;
    end else begin
      wptr_q <= wptr_q - delta[PtrW-1:0];
      free_q <= free_q + delta + (PtrW + 1)'(rd_q && frees_q);
      room_o <= free_q >= (PtrW + 1)'(Room);
    end
  end

  // --------------------------------------------------------------------------------------- read

  assign head       = whole_mem[head_q];
  assign ready_o    = (count_q != '0) ? head.ports & ~served_q : '0;
  assign final_pass = (ready_o & ~start_ports_i) == '0;
  assign read_o     = rd_q;
  assign last_o     = rd_q && (left_q == LEN_W'(1));
  assign idle_o     = !rd_q || last_o;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      head_q       <= '0;
      count_q      <= '0;
      served_q     <= '0;
      begins_q     <= 1'b0;
      rd_q         <= 1'b0;
      flit_valid_o <= 1'b0;
      flit_first_o <= 1'b0;
      flit_last_o  <= 1'b0;
    end else begin
      count_q <= count_q + (PtrW + 1)'(commit_i) - (PtrW + 1)'(start_i && final_pass);
      if (start_i) begin
        // The next packet is at the head while this one is still being read.
        if (final_pass) head_q <= head_q + PtrW'(len_mem[head_q]);
        served_q <= final_pass ? '0 : served_q | start_ports_i;
      end
      begins_q     <= start_i;
      rd_q         <= start_i || (rd_q && !last_o);
      flit_valid_o <= rd_q;
      flit_first_o <= begins_q;
      flit_last_o  <= last_o;

      assert (!start_i || (idle_o && start_ports_i != '0 && (start_ports_i & ~ready_o) == '0))
        else $error("sp_mcast_queue: a pass serves a port that does not lack the packet");
      assert (!take_i || free_q >= (PtrW + 1)'(take_flits_i))
        else $error("sp_mcast_queue: a packet takes what is not free");
      assert (!commit_i || commit_ports_i != '0)
        else $error("sp_mcast_queue: a packet for nobody");
    end
  end

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      rd_place_q <= head_q;
      left_q     <= len_mem[head_q];
      frees_q    <= final_pass;
    end else if (rd_q) begin
      rd_place_q <= rd_place_q + PtrW'(1);
      left_q     <= left_q - LEN_W'(1);
    end
    if (rd_q) {flit_err_o, flit_word_o} <= data_mem[rd_place_q];
    if (begins_q) begin
      flit_hdr_o  <= hdr_mem[rd_place_q];
      flit_flits_o <= left_q;
      flit_ports_o <= whole_mem[rd_place_q].ports;
      sparse_q    <= whole_mem[rd_place_q].sparse;
      flit_members_o <= whole_mem[rd_place_q].members;
    end
  end

  assign flit_set_o = flit_last_o && sparse_q;

  if (TIMED) begin : g_stamp
    logic [STAMP_W-1:0] stamp_mem [DEPTH];  // at the place of the first flit of each packet
    always_ff @(posedge clk_i) begin
      if (wr_valid_i && wr_first_i) stamp_mem[wr_place_i] <= wr_stamp_i;
      if (begins_q) flit_stamp_o <= stamp_mem[rd_place_q];
    end
  end else begin : g_no_stamp
    logic unused_stamp;
    assign unused_stamp = &{1'b0, wr_stamp_i};
    assign flit_stamp_o = '0;
  end

endmodule
