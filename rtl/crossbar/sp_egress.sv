// SPDX-License-Identifier: Apache-2.0
//
// One external output: a buffer for each VC, then the port. Guarantees: the crossbar is never
// stopped in mid-packet, since a packet is only sent here while `room_o` says that the longest one
// fits; packets of a VC leave in order and packets never interleave; a VC that the receiver does
// not let start stops no other VC; VCs take turns packet by packet.
//
// A flit that meets an empty buffer and a free port is on the port in the next cycle. PIPELINED: so
// it is; what goes through the buffer is written a cycle later, and whose turn it is next is known
// before the packet on its way ends.

module sp_egress #(
    /// Bits of a flit.
    parameter int unsigned FLIT_W = 128,
    /// Flits of the buffer of each VC, a power of two.
    parameter int unsigned DEPTH = 64,
    /// 1: registers between the steps of a cycle, for FPGAs; see docs/crossbar.md.
    parameter bit PIPELINED = 1'b0,
    /// 1: a flit that meets an empty buffer and a free port passes the buffer by; 0, with
    /// PIPELINED: all go through it.
    parameter bit PASS = 1'b1,
    /// 1: packets carry the time at which they came.
    parameter bit TIMED = 1'b0,
    /// 1: what is kept of flits has check bits; see sp_flit_code.
    parameter bit ECC = 1'b0,
    localparam int unsigned WordW = sp_ecc_pkg::word_bits(FLIT_W, sp_pkg::HDR_W, ECC)
) (
    /// Clock.
    input  logic                      clk_i,
    /// Reset, active low, asynchronous; empties the buffers.
    input  logic                      rst_ni,

    /// A flit comes from the crossbar.
    input  logic                      valid_i,
    /// First flit of its packet.
    input  logic                      first_i,
    /// Last flit of its packet.
    input  logic                      last_i,
    /// Error mark.
    input  logic                      err_i,
    /// VC.
    input  logic [1:0]                vc_i,
    /// Header, with the first flit.
    input  sp_pkg::hdr_t              hdr_i,
    /// Time at which the packet came, with the first flit.
    input  logic [sp_pkg::STAMP_W-1:0] stamp_i,
    /// Word; see sp_flit_code.
    input  logic [WordW-1:0]          word_i,
    /// By VC: a longest packet may be sent here. PIPELINED: also in the next cycle.
    output logic [sp_pkg::NUM_VC-1:0] room_o,
    /// Flits of a buffer from which on packets are marked; 0: never.
    input  logic [sp_pkg::LEVEL_W-1:0] threshold_i,
    /// Time.
    input  logic [sp_pkg::STAMP_W-1:0] now_i,

    /// Stream out: valid.
    output logic                      m_tvalid_o,
    /// Stream out: ready.
    input  logic                      m_tready_i,
    /// Stream out: payload.
    output logic [FLIT_W-1:0]         m_tdata_o,
    /// Stream out: {error mark with the last beat, header with the first}.
    output logic [sp_pkg::USER_W-1:0] m_tuser_o,
    /// Stream out: last beat.
    output logic                      m_tlast_o,
    /// By VC: the receiver lets a packet start. It is looked at up to OutFlits flits before a
    /// packet is on the port, so that many flits may still come after it falls.
    input  logic [sp_pkg::NUM_VC-1:0] m_vc_room_i,
    /// Injection of errors into the memory.
    input  sp_pkg::inject_t           inject_i,
    /// Event: wrong bits of a flit were mended.
    output logic                      ev_corrected_o,
    /// Event: there are more than can be mended; its packet leaves with the error mark.
    output logic                      ev_failed_o,
    /// Event, for the counters by VC.
    output sp_pkg::egress_event_t     event_o
);
  /* verilator no_inline_module */  // one C++ body for all ports

  import sp_pkg::*;

  localparam int unsigned PtrW = $clog2(DEPTH);
  // Flits that the crossbar may have on the way when it looks at `room_o`, PIPELINED at what it was
  // in the cycle before.
  localparam int unsigned OnTheWay = PIPELINED ? 5 : 4;
  localparam int unsigned Room = max_flits(FLIT_W) + OnTheWay;
  // Stage behind the buffers: one flit being read, one on the port, one to keep the pace.
  localparam int unsigned OutFlits = 3;

  if (DEPTH < Room || (DEPTH & (DEPTH - 1)) != 0) begin : g_bad_depth
    $fatal(1, "sp_egress: DEPTH = %0d is not a power of two of %0d or more", DEPTH, Room);
  end

  // Pointers count modulo 2 * DEPTH, so that full and empty differ.
  logic [PtrW:0]     wptr_q [NUM_VC];
  logic [PtrW:0]     rptr_q [NUM_VC];
  // A flit is read in a later cycle than it is written.
  (* no_rw_check *)
  logic [WordW:0]    data_mem [NUM_VC*DEPTH];  // {error mark, word}
  (* no_rw_check *)
  hdr_t              hdr_mem  [NUM_VC*DEPTH];
  logic [PtrW:0]     level [NUM_VC];  // flits in the buffer of a VC
  logic [NUM_VC-1:0] last_head;  // the next flit of a buffer is a last one

  logic [NUM_VC-1:0] filled;     // buffers that hold a flit
  logic [NUM_VC-1:0] lone;       // PIPELINED: a single one
  logic [NUM_VC-1:0] comes;      // PIPELINED: that get one
  logic [NUM_VC-1:0] goes;       // PIPELINED: from which one is read
  logic              active_q;   // a packet has started and its last flit has not been taken
  logic [1:0]        vc_q;       // its VC
  logic [1:0]        vc;         // the VC served in this cycle
  logic              read;       // a flit is read from its buffer
  logic              pass;       // the flit that comes passes by the buffer
  logic              out_full;   // of the output stage
  logic              reading_q;  // a flit read comes out of the memory
  logic              read_first; // the flit read is the first one of its packet
  logic              space;      // the output stage has room for one more

  // ------------------------------------------------------------------------- from the crossbar

  logic              c_valid;
  logic              c_first;
  logic              c_last;
  logic              c_err;
  logic [1:0]        c_vc;
  hdr_t              c_hdr;
  logic [WordW-1:0]  c_word;
  logic              c_came;   // a flit has come
  logic              c_write;  // it goes into the buffer

  if (PIPELINED) begin : g_in
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        c_came  <= 1'b0;
        c_valid <= 1'b0;
      end else begin
        c_came  <= valid_i;
        c_valid <= valid_i && !pass;
      end
    end
    always_ff @(posedge clk_i) begin
      c_first <= first_i;
      c_last  <= last_i;
      c_err   <= err_i;
      c_vc    <= vc_i;
      c_hdr   <= hdr_i;
      c_word  <= word_i;
    end
    assign c_write = c_valid;
  end else begin : g_through
    assign c_valid = valid_i;
    assign c_first = first_i;
    assign c_last  = last_i;
    assign c_err   = err_i;
    assign c_vc    = vc_i;
    assign c_hdr   = hdr_i;
    assign c_word  = word_i;
    assign c_came  = valid_i;
    assign c_write = c_valid && !pass;
  end

  // A packet that comes to a long buffer is marked, but for an answer to one that was refused. The
  // buffer is looked at a cycle before.
  logic [NUM_VC-1:0] long_q;
  hdr_t              marked_hdr;
  logic [WordW-1:0]  marked_word;
  logic [WordW-1:0]  mark_word;    // by so much the word of a flit differs when it is marked
  logic [2:0]        flips;        // bits that a test turns wrong on their way into memory
  hdr_t              hdr_flips;
  logic              marks;

  // Check bits are sums, so those of the mark alone are the difference.
  sp_flit_code #(
      .FLIT_W(FLIT_W),
      .ECC   (ECC)
  ) i_mark (
      .hdr_i ('{ecn: 1'b1, default: '0}),
      .err_i (1'b0),
      .data_i('0),
      .word_o(mark_word)
  );

  sp_ecc_inject i_inject (
      .clk_i,
      .rst_ni,
      .inject_i,
      .flit_i     (c_write),
      .header_i   (c_first),
      .flips_o    (flips),
      .hdr_flips_o(hdr_flips)
  );

  logic marking;  // a buffer can be as long as that

  assign marking = threshold_i != '0 && threshold_i <= LEVEL_W'(DEPTH);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) long_q <= '0;
    else begin
      for (int unsigned v = 0; v < NUM_VC; v++) begin
        long_q[v] <= marking && level[v] >= threshold_i[PtrW:0];
      end
    end
  end

  always_comb begin
    marks       = c_first && long_q[c_vc] && !c_hdr.ecn
                  && c_hdr.op != OP_ERROR && c_hdr.op != OP_COLL_ERROR;
    marked_hdr  = c_hdr;
    marked_word = c_word;
    if (marks) begin
      marked_hdr.ecn = 1'b1;
      marked_word    = c_word ^ mark_word;
    end
  end

  // ------------------------------------------------------------------------------------ buffers

  logic [PtrW+1:0] waddr;
  logic [PtrW+1:0] raddr;

  assign waddr = {c_vc, wptr_q[c_vc][PtrW-1:0]};
  assign raddr = {vc, rptr_q[vc][PtrW-1:0]};

  logic            rd_err_q;
  logic            rd_last_q;
  hdr_t            rd_hdr_q;
  logic [WordW-1:0]  rd_word_q;
  logic            rd_first_q;

  always_ff @(posedge clk_i) begin
    if (c_write) begin
      data_mem[waddr] <= {c_err, marked_word ^ WordW'(flips)};
      if (c_first) hdr_mem[waddr] <= marked_hdr ^ hdr_flips;
    end
    // PIPELINED: what is read although nothing is to be read is not looked at.
    if (read || PIPELINED) begin
      {rd_err_q, rd_word_q} <= data_mem[raddr];
      rd_first_q <= read_first;
      rd_last_q  <= last_head[vc];
      if (read_first) rd_hdr_q <= hdr_mem[raddr];
    end
  end

  // Where packets end, apart for each VC: what is next is known before a VC is chosen.
  for (genvar v = 0; v < int'(NUM_VC); v++) begin : g_last
    logic last_mem [DEPTH];
    always_ff @(posedge clk_i) begin
      if (c_write && c_vc == 2'(v)) last_mem[wptr_q[v][PtrW-1:0]] <= c_last;
    end
    if (PIPELINED) begin : g_ahead
      // That of the next flit is fetched when one is read, or comes by itself.
      logic [PtrW-1:0] behind_q;  // place behind the one to be read
      logic            head_q;
      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) behind_q <= PtrW'(1);
        else if (goes[v]) behind_q <= behind_q + PtrW'(1);
      end
      always_ff @(posedge clk_i) begin
        if (comes[v] && (goes[v] ? lone[v] : !filled[v])) head_q <= c_last;
        else if (goes[v]) head_q <= last_mem[behind_q];
      end
      assign last_head[v] = head_q;
    end else begin : g_now
      assign last_head[v] = last_mem[rptr_q[v][PtrW-1:0]];
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      for (int unsigned v = 0; v < NUM_VC; v++) begin
        wptr_q[v] <= '0;
        rptr_q[v] <= '0;
      end
    end else begin
      if (c_write) wptr_q[c_vc] <= wptr_q[c_vc] + (PtrW + 1)'(1);
      if (read) rptr_q[vc] <= rptr_q[vc] + (PtrW + 1)'(1);
    end
  end

  // ------------------------------------------------------------------------- which flit is next

  if (PIPELINED) begin : g_ahead
    // Whose turn it is next is known before the packet on its way ends.
    logic [PtrW:0]     firsts_q [NUM_VC];  // packets that have come and not been started
    logic [NUM_VC-1:0] one_q;              // there is one, there are two
    logic [NUM_VC-1:0] two_q;
    logic [PtrW:0]     level_q  [NUM_VC];
    logic [NUM_VC-1:0] filled_q;           // there is one
    logic [NUM_VC-1:0] first_vc_q;         // as in sp_rr_arbiter
    logic [NUM_VC-1:0] turn_q;             // whose packet is next, one-hot or zero
    logic [NUM_VC-1:0] behind_turn;        // as first_vc_q, when that one has started
    logic [NUM_VC-1:0] in, out;            // packets that come, that start
    logic              begins;             // one starts from its buffer
    logic              take_last;

    function automatic logic [NUM_VC-1:0] pick(logic [NUM_VC-1:0] req, logic [NUM_VC-1:0] first);
      logic [NUM_VC-1:0] above;
      above = req & first;
      return (above != '0) ? (above & (~above + NUM_VC'(1))) : (req & (~req + NUM_VC'(1)));
    endfunction

    assign behind_turn = ~((turn_q << 1) - NUM_VC'(1));
    assign begins      = !active_q && space && (turn_q & m_vc_room_i) != '0;
    assign vc          = active_q ? vc_q : {turn_q[3] | turn_q[2], turn_q[3] | turn_q[1]};
    assign filled      = filled_q;
    assign level       = level_q;
    assign read        = active_q ? space && filled_q[vc_q] : begins;
    assign read_first  = !active_q;
    // Past the buffer goes what nothing is in front of.
    assign pass        = PASS && valid_i && space && !reading_q && !c_valid && !filled_q[vc_i]
                         && (active_q ? vc_i == vc_q
                                      : first_i && m_vc_room_i[vc_i] && turn_q == '0);
    assign take_last   = (read && last_head[vc]) || (pass && last_i);

    always_comb begin
      for (int unsigned v = 0; v < NUM_VC; v++) begin
        comes[v] = c_valid && (c_vc == 2'(v));
        goes[v]  = read && (vc == 2'(v));
        lone[v]  = level_q[v] == (PtrW + 1)'(1);
        in[v]    = comes[v] && c_first;
      end
      out = begins ? turn_q : '0;
    end

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        active_q   <= 1'b0;
        vc_q       <= '0;
        turn_q     <= '0;
        first_vc_q <= '1;
        one_q      <= '0;
        two_q      <= '0;
        filled_q   <= '0;
        room_o     <= '0;
        for (int unsigned v = 0; v < NUM_VC; v++) begin
          firsts_q[v] <= '0;
          level_q[v]  <= '0;
        end
      end else begin
        active_q <= (read || pass) ? !take_last : active_q;
        // Of a packet that does not start now, this says nothing.
        if (!active_q) vc_q <= (turn_q != '0) ? vc : vc_i;
        if (begins) first_vc_q <= behind_turn;
        turn_q <= begins ? pick(((one_q & ~turn_q) | two_q) & m_vc_room_i, behind_turn)
                         : pick(one_q & m_vc_room_i, first_vc_q);
        for (int unsigned v = 0; v < NUM_VC; v++) begin
          level_q[v]  <= level_q[v] + (PtrW + 1)'(comes[v]) - (PtrW + 1)'(goes[v]);
          filled_q[v] <= comes[v] || (filled_q[v] && !(goes[v] && lone[v]));
          room_o[v]   <= level_q[v] <= (PtrW + 1)'(DEPTH - Room);
          if (in[v] != out[v]) begin
            firsts_q[v] <= in[v] ? firsts_q[v] + (PtrW + 1)'(1) : firsts_q[v] - (PtrW + 1)'(1);
            one_q[v]    <= in[v] || two_q[v];
            two_q[v]    <= in[v] ? one_q[v] : firsts_q[v] > (PtrW + 1)'(2);
          end
        end
      end
    end
  end else begin : g_now
    logic [NUM_VC-1:0] may_start;
    logic [NUM_VC-1:0] turn;       // round-robin choice, one-hot or zero
    logic              serve;      // a VC is served
    logic              take_last;  // the flit read or passed is a last one

    always_comb begin
      for (int unsigned v = 0; v < NUM_VC; v++) begin
        filled[v] = wptr_q[v] != rptr_q[v];
        level[v]  = wptr_q[v] - rptr_q[v];
      end
      may_start = filled;
      if (c_valid && c_first) may_start[c_vc] = 1'b1;
      may_start &= m_vc_room_i;
    end

    sp_rr_arbiter #(
        .N(NUM_VC)
    ) i_turn (
        .clk_i,
        .rst_ni,
        .req_i    (may_start),
        .advance_i((read || pass) && !active_q),
        .gnt_o    (turn)
    );

    logic unused;
    assign unused = &{1'b0, lone, comes, goes};
    assign {lone, comes, goes} = '0;
    assign vc         = active_q ? vc_q : {turn[3] | turn[2], turn[3] | turn[1]};
    assign serve      = active_q || (turn != '0);
    assign read       = serve && space && filled[vc];
    assign read_first = !active_q;
    assign pass       = serve && space && !filled[vc] && !reading_q && c_valid && (c_vc == vc);
    assign take_last  = (read && last_head[vc]) || (pass && c_last);

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        active_q <= 1'b0;
        room_o   <= '0;
      end else begin
        if (read || pass) active_q <= !take_last;
        for (int unsigned v = 0; v < NUM_VC; v++) begin
          room_o[v] <= (PtrW + 1)'(DEPTH) - (wptr_q[v] - rptr_q[v]) >= (PtrW + 1)'(Room);
        end
      end
    end

    always_ff @(posedge clk_i) begin
      if (read || pass) vc_q <= vc;
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      reading_q <= 1'b0;
    end else begin
      reading_q <= read;

      assert (!(out_full && (reading_q || pass)))
        else $error("sp_egress: a flit found the output stage full");
      assert (!c_write || (wptr_q[c_vc] - rptr_q[c_vc]) < (PtrW + 1)'(DEPTH))
        else $error("sp_egress: a flit found the buffer of VC %0d full", c_vc);
    end
  end

  // ------------------------------------------------------------------------------- output stage

  localparam int unsigned OutW = 1 + USER_W + FLIT_W;
  logic [1:0]      out_count;
  logic            out_empty;
  logic [OutW-1:0] out_flit;

  // Behind the first flit of a packet the header says nothing.
  logic             out_first;
  logic             out_last;
  logic             out_err,  sent_err;
  hdr_t             out_hdr,  sent_hdr;
  logic [WordW-1:0] out_word;
  logic [FLIT_W-1:0] sent_data;

  always_comb begin
    {out_first, out_last, out_err, out_hdr, out_word} =
        {rd_first_q, rd_last_q, rd_err_q, rd_hdr_q, rd_word_q};
    if (!reading_q && (PASS || !PIPELINED)) begin
      // PIPELINED: the buffer is empty, so it is not marked.
      if (PIPELINED) begin
        {out_first, out_last, out_err, out_hdr, out_word} =
            {first_i, last_i, err_i, hdr_i, word_i};
      end else begin
        {out_first, out_last, out_err, out_hdr, out_word} =
            {c_first, c_last, c_err, marked_hdr, marked_word};
      end
    end
  end

  sp_flit_check #(
      .FLIT_W(FLIT_W),
      .ECC   (ECC)
  ) i_check (
      .clk_i,
      .rst_ni,
      .valid_i       (reading_q || pass),
      .first_i       (out_first),
      .last_i        (out_last),
      .hdr_i         (out_hdr),
      .err_i         (out_err),
      .word_i        (out_word),
      .hdr_o         (sent_hdr),
      .err_o         (sent_err),
      .data_o        (sent_data),
      .ev_corrected_o,
      .ev_failed_o
  );

  assign out_flit = {out_last, sent_err, sent_hdr, sent_data};

  // A word that is being read lands in the next cycle, so it counts.
  assign space  = {1'b0, out_count} + 3'(reading_q) < 3'(OutFlits);

  // As sp_fifo, but PIPELINED a place that is free is written in every cycle: whether a flit passes
  // is known late, and to tell all small memories of a flit would take a wire over the whole part.
  logic [OutW-1:0] out_mem [OutFlits];
  logic [1:0]      out_wptr_q;
  logic [1:0]      out_rptr_q;
  logic [1:0]      out_count_q;
  logic            out_push;
  logic            out_pop;

  assign out_push  = reading_q || pass;
  assign out_pop   = m_tready_i && !out_empty;
  assign out_full  = out_count_q == 2'(OutFlits);
  assign out_empty = out_count_q == '0;
  assign out_count = out_count_q;
  assign {m_tlast_o, m_tuser_o, m_tdata_o} = out_mem[out_rptr_q];

  always_ff @(posedge clk_i) begin
    if (!out_full && (PIPELINED || out_push)) out_mem[out_wptr_q] <= out_flit;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      out_wptr_q  <= '0;
      out_rptr_q  <= '0;
      out_count_q <= '0;
    end else begin
      if (out_push) out_wptr_q <= (out_wptr_q == 2'(OutFlits - 1)) ? '0 : out_wptr_q + 2'd1;
      if (out_pop) out_rptr_q <= (out_rptr_q == 2'(OutFlits - 1)) ? '0 : out_rptr_q + 2'd1;
      out_count_q <= out_count_q + 2'(out_push) - 2'(out_pop);
    end
  end

  assign m_tvalid_o = !out_empty;

  // -------------------------------------------------------------------------------------- events

  logic       out_first_q;  // the next beat on the port is a first one
  logic [1:0] out_vc_q;
  logic [1:0] out_vc;
  /* verilator lint_off UNUSEDSIGNAL */  // but for the VC
  hdr_t       port_hdr;
  /* verilator lint_on UNUSEDSIGNAL */
  logic [STAMP_W-1:0] out_stamp;  // of the packet whose first beat is on the port

  assign port_hdr = m_tuser_o[HDR_W-1:0];
  assign out_vc   = out_first_q ? op_vc(port_hdr.op) : out_vc_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) out_first_q <= 1'b1;
    else if (m_tvalid_o && m_tready_i) out_first_q <= m_tlast_o;
  end

  always_ff @(posedge clk_i) out_vc_q <= out_vc;

  always_comb begin
    event_o.queued    = c_came;
    event_o.in_vc     = c_vc;
    event_o.marked    = (PIPELINED ? c_write : c_came) && marks;
    event_o.level     = LEVEL_W'(level[c_vc]) + LEVEL_W'(c_write);
    event_o.out_vc    = out_vc;
    event_o.out_first = out_first_q;
    event_o.latency   = now_i - out_stamp;
  end

  if (TIMED) begin : g_time
    logic [STAMP_W-1:0] c_stamp;
    logic [STAMP_W-1:0] stamp_mem [NUM_VC*DEPTH];
    logic [STAMP_W-1:0] rd_stamp_q;
    logic               unused_full, unused_empty;
    logic [1:0]         unused_count;

    if (PIPELINED) begin : g_in
      always_ff @(posedge clk_i) c_stamp <= stamp_i;
    end else begin : g_through
      assign c_stamp = stamp_i;
    end

    always_ff @(posedge clk_i) begin
      if (c_write && c_first) stamp_mem[waddr] <= c_stamp;
      if (read && read_first) rd_stamp_q <= stamp_mem[raddr];
    end

    sp_fifo #(
        .WIDTH(STAMP_W),
        .DEPTH(OutFlits)
    ) i_stamps (
        .clk_i,
        .rst_ni,
        .push_i (reading_q || pass),
        .data_i (reading_q ? rd_stamp_q : stamp_i),
        .full_o (unused_full),
        .pop_i  (m_tready_i),
        .data_o (out_stamp),
        .empty_o(unused_empty),
        .count_o(unused_count)
    );
  end else begin : g_no_time
    logic unused;
    assign unused    = &{1'b0, stamp_i, now_i};
    assign out_stamp = '0;
  end

endmodule
