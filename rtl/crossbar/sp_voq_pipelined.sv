// SPDX-License-Identifier: Apache-2.0
//
// The queues of sp_voq for the pipelined switch: one for each output and VC, each with DEPTH flits
// of its own. Guarantees: packets of a queue leave whole, without a gap, in the order in which they
// were committed; what is written and not committed is as if it never came; a queue that is full or
// held back stops no other.
//
//   cycle  0         1          2        3        4             5
//          sel_*,    wr_*,      grant    accept   go_i, memory  flit_*
//          fits_o    commit_i                     is read
//
// A match comes in the cycle in which its packet starts, with all that is needed in registers
// (sp_heads). Memories answer into the switch and into nothing else.

module sp_voq_pipelined #(
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
    /// The packet that is to take room there has one flit.
    input  logic                                   sel_single_i,
    /// It has room. May be down though it has; then `sel_free_o` says it.
    output logic                                   fits_o,
    /// Flits of that queue that nothing has taken, if it was looked at in the cycle before as well;
    /// a packet counts from the second cycle after it was looked for.
    output logic [PtrW:0]                          sel_free_o,
    /// A refused packet, the last to be written, gives its flits back.
    input  logic                                   give_i,
    /// Write a flit.
    input  logic                                   wr_valid_i,
    /// Queue that is written or given back to: VC.
    input  logic [1:0]                             wr_vc_i,
    /// Queue that is written or given back to: output.
    input  logic [OutW-1:0]                        wr_out_i,
    /// It is the first flit of its packet, which takes its flits now.
    input  logic                                   wr_first_i,
    /// Header, with the first flit.
    input  sp_pkg::hdr_t                           wr_hdr_i,
    /// Time stamp, with the first flit.
    input  logic [sp_pkg::STAMP_W-1:0]             wr_stamp_i,
    /// Flits of the packet, with the first flit and when they are given back.
    input  logic [sp_pkg::LEN_W-1:0]               wr_flits_i,
    /// Word.
    input  logic [WORD_W-1:0]                      wr_word_i,
    /// Error mark.
    input  logic                                   wr_err_i,
    /// The packet in the queue that is written is whole.
    input  logic                                   commit_i,
    /// Room for a longest packet, whatever its output, by VC.
    output logic [sp_pkg::NUM_VC-1:0]              vc_room_o,

    /// By VC: outputs that let a packet start.
    input  logic [N_OUT-1:0]                       room_i [sp_pkg::NUM_VC],
    /// Outputs that have just got their first packet.
    output logic [N_OUT-1:0]                       fresh_o,
    /// Outputs with a packet that may start.
    output logic [N_OUT-1:0]                       some_o,
    /// With two.
    output logic [N_OUT-1:0]                       two_o,
    /// With three.
    output logic [N_OUT-1:0]                       three_o,
    /// Outputs whose head has more than one, two, three flits.
    output logic [2:0][N_OUT-1:0]                  more_o,
    /// Outputs with a head that may be started in this cycle.
    output logic [N_OUT-1:0]                       ready_o,
    /// Output that is matched, one-hot or zero.
    input  logic [N_OUT-1:0]                       match_i,
    /// The same if its head starts.
    input  logic [N_OUT-1:0]                       go_i,
    /// The packet that starts has more than one flit.
    output logic                                   long_o,
    /// Flits of an earlier packet that are still to be read, that of this cycle included.
    output logic [sp_pkg::LEN_W-1:0]               left_o,
    /// One is read in this cycle.
    output logic                                   reads_o,
    /// There will be such a flit in the next cycle.
    output logic                                   stays_o,

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
  localparam int unsigned Slack = 8;
  localparam int unsigned Room = max_flits(FLIT_W) + Slack;
  // Flits that may have been taken since `fits_o` was found.
  localparam int unsigned Late = 2;

  if (DEPTH < 8 || (DEPTH & (DEPTH - 1)) != 0) begin : g_bad_depth
    $fatal(1, "sp_voq_pipelined: DEPTH = %0d is not a power of two of 8 or more", DEPTH);
  end
  if (DEPTH < Room) begin : g_shallow
    $fatal(1,
      "sp_voq_pipelined: DEPTH = %0d is below the longest packet and %0d flits on the way: %0d",
      DEPTH, Slack, Room);
  end

  function automatic logic [QW-1:0] queue(logic [1:0] q_vc, logic [OutW-1:0] q_out);
    return QW'({q_out, q_vc});
  endfunction

  // --------------------------------------------------------------------------------------- room

  // A packet takes its flits with its first one; a flit is free again two cycles after it was read.
  // What is in a queue follows from the places of its two ends, and changes in a cycle only of the
  // one that is written and the one that is read. A counter for each of them took a quarter of all
  // tables here. Whether there is room is kept of each queue.

  logic [PtrW-1:0] wptr_q  [NumQ];  // place of the next packet
  logic [NumQ-1:0] short_q;         // a packet of one flit fits
  logic [NumQ-1:0] long_q;          // the longest one does
  logic [N_OUT-1:0] roomy_q [NUM_VC];
  logic [QW-1:0]   sel_q;           // queue that is looked at
  logic [QW-1:0]   wr_q;            // queue that is written
  logic            moves;           // room is taken or given back
  logic            again;           // and the queue is looked at once more
  logic [PtrW-1:0] delta;           // by so much the free flits of the queue change
  logic            read_q;          // a flit was read in the cycle before
  logic [QW-1:0]   read_sel_q;      // from this queue
  logic [PtrW-1:0] later_place_q;   // place behind it
  logic [NUM_VC-1:0] later_vc_q;    // its VC, one-hot
  logic [N_OUT-1:0]  later_out_q;   // its output, one-hot

  assign sel_q  = queue(sel_vc_i, sel_out_i);
  assign wr_q   = queue(wr_vc_i, wr_out_i);
  assign fits_o = sel_single_i ? short_q[sel_q] : long_q[sel_q];
  assign moves  = (wr_valid_i && wr_first_i) || give_i;
  assign again  = moves && wr_q == sel_q;
  assign delta  = give_i ? PtrW'(wr_flits_i) : -PtrW'(wr_flits_i);

  // Contributions are all that is queued for an engine.
  function automatic bit used(int unsigned q);
    return q / NUM_VC < N_PORTS || q % NUM_VC == 32'(VC_RED);
  endfunction

  // The queue that is written was looked at in the cycle before, and so were its places.
  logic [PtrW-1:0] place_q;
  logic [PtrW-1:0] next_place;  // of the packet behind
  logic [PtrW-1:0] sel_oldest;  // place of the next flit that is read from the queue looked at
  logic [PtrW-1:0] oldest_q;
  logic            took_q;      // room was taken in it
  logic [QW-1:0]   was_q;       // queue that was looked at

  assign next_place = place_q - delta;

  always_ff @(posedge clk_i) begin
    was_q    <= sel_q;
    place_q  <= again ? next_place : wptr_q[sel_q];
    oldest_q <= sel_oldest;
    took_q   <= again && !give_i;
  end

  // Places do not tell a full queue from an empty one. A full one had no room for one flit either,
  // or was filled just now.
  logic [PtrW-1:0] held;
  logic            full;

  assign held       = place_q - oldest_q;
  assign full       = held == '0 && (took_q || !short_q[sel_q]);
  assign sel_free_o = (PtrW + 1)'(DEPTH) - {full, held};

  // Of the queue that is written: it has at least a flit when one has come.
  logic [PtrW-1:0]   had;         // flits in it until now
  logic [PtrW-1:0]   wr_held;
  logic [PtrW:0]     wr_held_q;
  logic [NUM_VC-1:0] wr_vc_q;     // one-hot, zero when nothing changes
  logic [N_OUT-1:0]  wr_out_q;
  // Of the one that is read: it lacks at least a flit.
  logic [PtrW-1:0]   wptr_mem [NumQ];  // once more wptr_q
  logic [PtrW-1:0]   rd_held_q;
  logic [NUM_VC-1:0] rd_vc_q;
  logic [N_OUT-1:0]  rd_out_q;
  logic              same;        // both are the same

  assign same    = read_sel_q == wr_q;
  assign had     = held - PtrW'(read_q && same);
  assign wr_held = had - delta;

  always_ff @(posedge clk_i) begin
    if (moves) wptr_mem[wr_q] <= next_place;
    wr_held_q <= {!give_i && wr_held == '0, wr_held};
    rd_held_q <= wptr_mem[read_sel_q] - later_place_q;
    wr_vc_q   <= NUM_VC'(1) << wr_vc_i;
    rd_vc_q   <= later_vc_q;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      wr_out_q <= '0;
      rd_out_q <= '0;
    end else begin
      wr_out_q <= N_OUT'(moves) << wr_out_i;
      rd_out_q <= (read_q && !(moves && same)) ? later_out_q : '0;
    end
  end

  localparam int unsigned Single = DEPTH - 1 - Late;
  localparam int unsigned Longest = DEPTH - max_flits(FLIT_W) - Late;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      for (int unsigned q = 0; q < NumQ; q++) begin
        wptr_q[q] <= '0;
        roomy_q[q%NUM_VC][q/NUM_VC] <= 1'b1;
      end
      short_q <= '1;
      long_q  <= '1;
    end else begin
      assert (!moves || wr_q == was_q)
        else $error("sp_voq_pipelined: queue %0d is written and %0d was looked at", wr_q, was_q);
      assert (!(wr_valid_i && wr_first_i)
              || 32'({held == '0 && (took_q || !short_q[wr_q]), held}) + 32'(wr_flits_i) <= DEPTH)
        else $error("sp_voq_pipelined: a packet found no room in queue %0d", wr_q);
      for (int unsigned q = 0; q < NumQ; q++) begin
        automatic logic wr = wr_out_q[q/NUM_VC] && wr_vc_q[q%NUM_VC];
        automatic logic rd = rd_out_q[q/NUM_VC] && rd_vc_q[q%NUM_VC];
        if (!used(q)) continue;
        if (moves && wr_q == QW'(q)) wptr_q[q] <= next_place;
        if (wr || rd) begin
          short_q[q] <= wr ? 32'(wr_held_q) <= Single : 32'(rd_held_q) <= Single;
          long_q[q]  <= wr ? 32'(wr_held_q) <= Longest : 32'(rd_held_q) <= Longest;
          roomy_q[q%NUM_VC][q/NUM_VC] <= wr ? 32'(wr_held_q) <= DEPTH - Room
                                            : 32'(rd_held_q) <= DEPTH - Room;
        end
      end
    end
  end

  always_comb begin
    for (int unsigned v = 0; v < NUM_VC; v++) vc_room_o[v] = &roomy_q[v];
  end

  // -------------------------------------------------------------------------------------- write

  typedef struct packed {
    logic [LEN_W-1:0] rest;  // flits behind the second one
    hdr_t             hdr;
  } head_t;

  // A flit is read long after it was written, never in the same cycle.
  (* no_rw_check *)
  logic [WORD_W:0] data_mem [NumQ*DEPTH];  // {error mark, word}
  (* no_rw_check *)
  head_t           head_mem [NumQ*DEPTH];  // at the place of the first flit of each packet

  logic [PtrW-1:0] wr_place;
  logic [PtrW-1:0] wr_place_q;  // behind the flit before

  assign wr_place = wr_first_i ? place_q : wr_place_q;

  always_ff @(posedge clk_i) begin
    if (wr_valid_i) begin
      wr_place_q <= wr_place + PtrW'(1);
      data_mem[{wr_q, wr_place}] <= {wr_err_i, wr_word_i};
      if (wr_first_i) begin
        head_mem[{wr_q, wr_place}] <= '{rest: wr_flits_i - LEN_W'(2), hdr: wr_hdr_i};
      end
    end
  end

  // --------------------------------------------------------------------------------------- read

  logic [NUM_VC-1:0] head_vc    [N_OUT];
  logic [PtrW-1:0]   head_place [N_OUT];
  logic [2:0]        head_more  [N_OUT];
  logic [N_OUT-1:0]  head_long;
  logic [N_OUT-1:0]  head_gets;
  logic [EngDim-1:0] filled;          // engines: the queue has a packet
  logic [PtrW-1:0]   oldest [EngDim]; // its place

  logic              later_q;         // a later flit of a packet is read
  logic [LEN_W-1:0]  left_q;          // flits to read, that of this cycle included
  logic              second_q;        // it is a second one, and the memory tells how many follow
  logic [QW-1:0]     later_sel_q;     // its queue; its place is later_place_q

  logic              first;           // a packet starts
  logic [NUM_VC-1:0] vc;              // of the packet that is matched
  logic [OutW-1:0]   out;
  logic [2:0]        more;
  logic [PtrW-1:0]   first_place;
  logic [QW-1:0]     rd_sel;
  logic [PtrW-1:0]   rd_place;
  logic [PtrW-1:0]   behind;          // place behind that one
  head_t             head_q;
  logic [3:0]        len_q;           // what len_mem says

  always_comb begin
    vc          = '0;
    out         = '0;
    more        = '0;
    first_place = '0;
    for (int unsigned j = 0; j < N_OUT; j++) begin
      if (match_i[j]) begin
        vc          |= head_vc[j];
        out         |= OutW'(j);
        more        |= head_more[j];
        first_place |= head_place[j];
      end
    end
  end

  assign first    = go_i != '0;
  // What the memory says of it comes late: nothing is behind it but this.
  assign long_o   = (match_i & head_long) != '0 || (len_q[3] && (match_i & head_gets) != '0);
  assign rd_sel   = later_q ? later_sel_q
                            : queue({vc[3] | vc[2], vc[3] | vc[1]}, out);
  assign rd_place = later_q ? later_place_q : first_place;
  assign behind   = rd_place + PtrW'(1);
  assign left_o   = left_q;
  assign reads_o  = later_q;
  assign stays_o  = later_q && (second_q || left_q > LEN_W'(1));

  // Lengths of packets once more: that of the packet behind a flit is read with the flit, and is
  // there when that packet can be a head. A packet that comes to an empty queue tells its own: it
  // is a head in the second cycle behind at the earliest, so that there is one to see that.
  (* no_rw_check *)
  logic [3:0]        len_mem [NumQ*DEPTH];  // {any, flits behind the first}, at the place in front
  logic [2:0]        more_q;                // of the packet that has come
  logic              first_q;               // one has
  logic              none_q, one_q;         // it found no flit, found one in its queue
  logic [2:0]        wr_more;
  logic              left_behind;           // nothing is left in front of it

  assign wr_more     = (wr_flits_i > LEN_W'(7)) ? 3'd7 : 3'(wr_flits_i - LEN_W'(1));
  assign left_behind = (read_q && later_vc_q == wr_vc_q && later_out_q == wr_out_q) ? one_q
                                                                                    : none_q;

  always_ff @(posedge clk_i) begin
    if (wr_valid_i && wr_first_i) len_mem[{wr_q, place_q - PtrW'(1)}] <= {wr_more != '0, wr_more};
    len_q  <= len_mem[{rd_sel, rd_place}];
    more_q <= wr_more;
    none_q <= had == '0;
    one_q  <= had == PtrW'(1);
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) first_q <= 1'b0;
    else first_q <= wr_valid_i && wr_first_i;
  end

  // What is read although nothing is to be read is not looked at.
  always_ff @(posedge clk_i) begin
    {flit_err_o, flit_word_o} <= data_mem[{rd_sel, rd_place}];
    head_q        <= head_mem[{rd_sel, rd_place}];
    flit_vc_o     <= rd_sel[1:0];
    read_sel_q    <= rd_sel;
    later_sel_q   <= rd_sel;
    later_place_q <= behind;
    if (!later_q) begin
      later_vc_q  <= vc;
      later_out_q <= match_i;
    end
  end

  assign flit_hdr_o = head_q.hdr;

  if (TIMED) begin : g_stamp
    (* no_rw_check *)
    logic [STAMP_W-1:0] stamp_mem [NumQ*DEPTH];  // at the place of the first flit of each packet
    always_ff @(posedge clk_i) begin
      if (wr_valid_i && wr_first_i) stamp_mem[{wr_q, wr_place}] <= wr_stamp_i;
      flit_stamp_o <= stamp_mem[{rd_sel, rd_place}];
    end
  end else begin : g_no_stamp
    logic unused;
    assign unused       = &{1'b0, wr_stamp_i};
    assign flit_stamp_o = '0;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      later_q      <= 1'b0;
      second_q     <= 1'b0;
      left_q       <= '0;
      read_q       <= 1'b0;
      flit_valid_o <= 1'b0;
      flit_first_o <= 1'b0;
      flit_last_o  <= 1'b0;
    end else begin
      second_q <= first && more == '1;
      if (first) begin
        later_q <= more != '0;
        left_q  <= LEN_W'(more);
      end else if (later_q) begin
        later_q <= stays_o;
        left_q  <= second_q ? head_q.rest : left_q - LEN_W'(1);
      end
      read_q       <= first || later_q;
      flit_valid_o <= first || later_q;
      flit_first_o <= first;
      flit_last_o  <= first ? more == '0 : later_q && !stays_o;
    end
  end

  sp_heads #(
      .N_OUT  (N_OUT),
      .N_PORTS(N_PORTS),
      .DEPTH  (DEPTH)
  ) i_heads (
      .clk_i,
      .rst_ni,
      .commit_i,
      .wr_vc_i,
      .wr_out_i,
      .room_i,
      .go_i,
      .read_i      (later_q),
      .read_vc_i   (later_vc_q),
      .read_out_i  (later_out_q),
      .behind_i    (behind),
      .get_vc_i    (read_q ? later_vc_q : '0),
      .get_out_i   (later_out_q),
      .get_more_i  (flit_last_o ? len_q[2:0] : '0),
      .get_long_i  (flit_last_o && len_q[3]),
      .set_vc_i    (wr_vc_q),
      .set_out_i   ((first_q && left_behind) ? wr_out_q : '0),
      .set_more_i  (more_q),
      .sel_vc_i,
      .sel_out_i,
      .sel_oldest_o(sel_oldest),
      .fresh_o,
      .some_o,
      .two_o,
      .three_o,
      .more_o,
      .ready_o,
      .head_vc_o   (head_vc),
      .head_place_o(head_place),
      .head_more_o (head_more),
      .head_long_o (head_long),
      .head_gets_o (head_gets),
      .filled_o    (filled),
      .oldest_o    (oldest)
  );

  // ------------------------------------------------------------------------ heads for engines

  // Headers of contributions once more, as an engine looks at every head before it lets one come.
  if (NumEng == 0) begin : g_no_engine
    assign head_valid_o = '0;
    always_comb head_hdr_o[0] = '0;
    logic unused;
    assign unused = &{1'b0, filled, oldest[0]};
  end else begin : g_engine
    localparam int unsigned HeadW = $clog2(NumEng * DEPTH);
    (* no_rw_check, ram_style = "block" *)
    hdr_t red_mem [NumEng*DEPTH];

    always_ff @(posedge clk_i) begin
      if (wr_valid_i && wr_first_i && 32'(wr_out_i) >= N_PORTS) begin
        red_mem[HeadW'((32'(wr_out_i) - N_PORTS) * DEPTH) + HeadW'(wr_place)] <= wr_hdr_i;
      end
    end

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) head_valid_o <= '0;
      else begin
        // While a packet is read its queue does not show the next one: it is where the reader is.
        for (int unsigned e = 0; e < NumEng; e++) begin
          head_valid_o[e] <= filled[e] && !(later_q && later_out_q[N_PORTS+e]);
        end
      end
    end

    always_ff @(posedge clk_i) begin
      for (int unsigned e = 0; e < NumEng; e++) begin
        head_hdr_o[e] <= red_mem[HeadW'(e * DEPTH) + HeadW'(oldest[e])];
      end
    end
  end

endmodule
