// SPDX-License-Identifier: Apache-2.0
//
// Input of an engine, or PIPELINED that of a port for its multicasts: takes packets with the set of
// ports that get them and sends them into the crossbar. Guarantees: each port of the set gets the
// packet exactly once and whole, without a gap; a port without room holds back only its own copy.
// The set is served by fan-out splitting: whatever ports grant in a cycle get the packet together,
// the others later; nothing is held while waiting, so multicasts cannot block each other.

module sp_injector #(
    /// External ports.
    parameter int unsigned N_PORTS = 4,
    /// Outputs.
    parameter int unsigned N_OUT = 5,
    /// Bits of a flit.
    parameter int unsigned FLIT_W = 128,
    /// Bits of the word that is kept of a flit.
    parameter int unsigned WORD_W = FLIT_W,
    /// Bits that are kept of a packet besides: its header and what goes with it.
    parameter int unsigned HEAD_W = sp_pkg::HDR_W,
    /// Packets held, 2 or more: one is sent while the next comes.
    parameter int unsigned SLOTS = 2,
    /// 1: flits of a packet come without a gap, so it may be sent while it comes; PIPELINED only.
    parameter bit STREAMS = 1'b0,
    /// 1: registers between the steps of a cycle, for FPGAs; see docs/crossbar.md.
    parameter bit PIPELINED = 1'b0
) (
    /// Clock.
    input  logic               clk_i,
    /// Reset, active low, asynchronous; forgets all packets.
    input  logic               rst_ni,

    /// A flit comes.
    input  logic               in_valid_i,
    /// It is taken.
    output logic               in_ready_o,
    /// First flit of its packet.
    input  logic               in_first_i,
    /// Last flit of its packet.
    input  logic               in_last_i,
    /// Header and what goes with it, with the first flit.
    input  logic [HEAD_W-1:0]  in_head_i,
    /// STREAMS: flits of the packet, with the first one.
    input  logic [sp_pkg::LEN_W-1:0] in_flits_i,
    /// Word.
    input  logic [WORD_W-1:0]  in_word_i,
    /// Ports that get the packet, with the first flit.
    input  logic [N_PORTS-1:0] in_mask_i,

    /// Outputs that still lack the packet at the head; all are asked for at once.
    output logic [N_OUT-1:0]   ready_o,
    /// A packet can be started.
    output logic               idle_o,
    /// Last flit of the packet is being read.
    output logic               last_o,
    /// PIPELINED: the packet at the head has more than one, two, three flits.
    output logic [2:0]         more_o,
    /// PIPELINED: flits of a pass that has started before that are still to be read.
    output logic [sp_pkg::LEN_W-1:0] left_o,
    /// PIPELINED: there will be one in the next cycle.
    output logic               stays_o,
    /// Start the packet: its first flit is read in the next cycle. PIPELINED: in this one.
    input  logic               start_i,
    /// Outputs that get it now.
    input  logic [N_OUT-1:0]   start_mask_i,
    /// The packet at the head is read to its end and has been for all: its place is free.
    output logic               done_o,
    /// A flit is here.
    output logic               flit_valid_o,
    /// First flit of a packet.
    output logic               flit_first_o,
    /// Last flit of a packet.
    output logic               flit_last_o,
    /// Header and what goes with it, with the first flit and until the next one.
    output logic [HEAD_W-1:0]  flit_head_o,
    /// Word.
    output logic [WORD_W-1:0]  flit_word_o
);
  /* verilator no_inline_module */  // one C++ body for all engines

  import sp_pkg::*;

  localparam int unsigned FlitDim = 1 << $clog2(max_flits(FLIT_W));
  localparam int unsigned FlitAw = $clog2(FlitDim);
  localparam int unsigned SlotW = $clog2(SLOTS);
  localparam int unsigned CntW = $clog2(SLOTS + 1);

  if (SLOTS < 2) begin : g_bad_slots
    $fatal(1, "sp_injector: SLOTS = %0d is not 2 or more", SLOTS);
  end
  if (STREAMS && !PIPELINED) begin : g_bad_streams
    $fatal(1, "sp_injector: STREAMS = 1 is not built with PIPELINED = 0");
  end

  // A packet is read when it is whole; STREAMS: each flit a cycle after it was written, or later.
  (* no_rw_check *)
  logic [WORD_W-1:0]  data_mem [SLOTS*FlitDim];
  logic [HEAD_W-1:0]  head_q   [SLOTS];
  logic [N_PORTS-1:0] mask_q   [SLOTS];   // ports that still lack the packet
  logic [FlitAw-1:0]  last_q   [SLOTS];   // place of the last flit
  logic [SlotW-1:0]   wslot_q;
  logic [FlitAw-1:0]  wpos_q;
  logic [SlotW-1:0]   rslot_q;
  logic [CntW-1:0]    whole_q;            // packets that are whole, or come without a gap

  function automatic logic [SlotW-1:0] next_slot(logic [SlotW-1:0] slot);
    return (slot == SlotW'(SLOTS - 1)) ? '0 : slot + SlotW'(1);
  endfunction

  // ------------------------------------------------------------------------------------- write

  logic push;
  logic push_last;
  logic counts;     // a packet is one that may be read
  logic pop;

  assign in_ready_o = whole_q != CntW'(SLOTS) || (STREAMS && !in_first_i);
  assign counts     = STREAMS ? push && in_first_i : push_last;
  assign push       = in_valid_i && in_ready_o;
  assign push_last  = push && in_last_i;

  always_ff @(posedge clk_i) begin
    if (push) begin
      data_mem[($clog2(SLOTS*FlitDim))'({wslot_q, wpos_q})] <= in_word_i;
      if (!STREAMS) last_q[wslot_q] <= wpos_q;
      else if (in_first_i) last_q[wslot_q] <= FlitAw'(in_flits_i - LEN_W'(1));
      if (in_first_i) head_q[wslot_q] <= in_head_i;
    end
  end

  // -------------------------------------------------------------------------------------- read

  logic              rd;       // a flit is read
  logic              rd_first; // it is a first one
  logic              more_q;   // a later one is read
  logic [FlitAw-1:0] rpos_q;
  logic [FlitAw-1:0] rpos;
  logic [SlotW-1:0]  head;     // slot whose packet may start
  logic              left;     // there is one
  logic [N_PORTS-1:0] lacking; // ports that lack the packet when this pass is over

  assign rd     = rd_first || more_q;
  assign last_o = rd && (rpos == last_q[rslot_q]);
  // The head is done when it is read for the last time.
  assign pop    = last_o && (lacking == '0);
  assign done_o = pop;

  if (PIPELINED) begin : g_later
    // As late as the flits of the ports: what is read is known before it is started.
    logic [LEN_W-1:0] left_q;

    assign rd_first = start_i;
    assign rpos     = more_q ? rpos_q : '0;
    assign lacking  = mask_q[rslot_q] & ~(start_i ? start_mask_i[N_PORTS-1:0] : '0);
    assign head     = rslot_q;
    assign left     = whole_q != '0;
    assign idle_o   = 1'b0;
    assign more_o   = {32'(last_q[rslot_q]) > 2, 32'(last_q[rslot_q]) > 1, last_q[rslot_q] != '0};
    assign left_o   = left_q;
    assign stays_o  = more_q && !last_o;

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) left_q <= '0;
      else if (start_i) left_q <= LEN_W'(last_q[rslot_q]);
      else if (more_q) left_q <= left_q - LEN_W'(1);
    end
  end else begin : g_now
    logic first_q;

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) first_q <= 1'b0;
      else first_q <= start_i;
    end

    assign rd_first = first_q;
    assign rpos     = first_q ? '0 : rpos_q;
    assign lacking  = mask_q[rslot_q];
    assign idle_o   = !rd || last_o;
    // While the head leaves, the packet behind it is shown, so that no cycle is lost.
    assign head     = pop ? next_slot(rslot_q) : rslot_q;
    assign left     = whole_q > CntW'(pop);
    assign more_o   = '0;
    assign left_o   = '0;
    assign stays_o  = 1'b0;
  end

  always_comb begin
    ready_o = '0;
    if (left) ready_o[N_PORTS-1:0] = mask_q[head];
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      wslot_q      <= '0;
      wpos_q       <= '0;
      rslot_q      <= '0;
      whole_q      <= '0;
      more_q       <= 1'b0;
      flit_valid_o <= 1'b0;
      flit_first_o <= 1'b0;
      flit_last_o  <= 1'b0;
    end else begin
      if (push) wpos_q <= in_last_i ? '0 : wpos_q + FlitAw'(1);
      if (push_last) wslot_q <= next_slot(wslot_q);
      if (pop) rslot_q <= next_slot(rslot_q);
      if (counts && !pop) whole_q <= whole_q + CntW'(1);
      else if (pop && !counts) whole_q <= whole_q - CntW'(1);
      more_q       <= rd && !last_o;
      flit_valid_o <= rd;
      flit_first_o <= rd_first;
      flit_last_o  <= last_o;
    end
  end

  always_ff @(posedge clk_i) begin
    if (push && in_first_i) mask_q[wslot_q] <= in_mask_i;
    if (start_i) mask_q[head] <= mask_q[head] & ~start_mask_i[N_PORTS-1:0];
    if (rd) begin
      rpos_q      <= rpos + FlitAw'(1);
      flit_word_o <= data_mem[($clog2(SLOTS*FlitDim))'({rslot_q, rpos})];
    end
    if (rd_first) flit_head_o <= head_q[rslot_q];
  end

  if (!STREAMS) begin : g_no_length
    logic unused_flits;
    assign unused_flits = &{1'b0, in_flits_i};
  end

  if (N_OUT > N_PORTS) begin : g_no_engine_copy
    logic unused;
    assign unused = &{1'b0, start_mask_i[N_OUT-1:N_PORTS]};
  end

endmodule
