// SPDX-License-Identifier: Apache-2.0
//
// What the pipelined scheduler asks of the queues of one input: which outputs have packets, and for
// each output which VC is next, where the head of its queue lies and how long it is. All of it is
// ready before it is asked for, so that a match starts its packet in the cycle in which it is
// known.
//
// Guarantees: `go_i` of an output whose `ready_o` is up starts a packet that is whole; the head
// that is shown is the oldest packet of its queue; the VCs of an output take turns.
//
//   cycle  0          1           2                3
//          commit_i   fresh_o,    turns are        ready_o, head_*: may be started
//                     counted     chosen           some_o, two_o, three_o

module sp_heads #(
    /// Outputs, external ports first, then engines.
    parameter int unsigned N_OUT = 5,
    /// External ports; outputs from here on are engines.
    parameter int unsigned N_PORTS = 4,
    /// Flits of each queue, a power of two.
    parameter int unsigned DEPTH = 32,
    localparam int unsigned OutW = $clog2(N_OUT),
    localparam int unsigned PtrW = $clog2(DEPTH),
    localparam int unsigned EngDim = (N_OUT == N_PORTS) ? 1 : N_OUT - N_PORTS
) (
    /// Clock.
    input  logic                       clk_i,
    /// Reset, active low, asynchronous.
    input  logic                       rst_ni,

    /// A packet is whole.
    input  logic                       commit_i,
    /// Its queue: VC.
    input  logic [1:0]                 wr_vc_i,
    /// Its queue: output.
    input  logic [OutW-1:0]            wr_out_i,

    /// By VC: outputs that let a packet start.
    input  logic [N_OUT-1:0]           room_i [sp_pkg::NUM_VC],
    /// Outputs whose head starts.
    input  logic [N_OUT-1:0]           go_i,
    /// A later flit of a packet is read.
    input  logic                       read_i,
    /// Its queue: VC, one-hot.
    input  logic [sp_pkg::NUM_VC-1:0]  read_vc_i,
    /// Its queue: output, one-hot.
    input  logic [N_OUT-1:0]           read_out_i,
    /// Place behind the flit that is read, whether it is a later one or the first of a head.
    input  logic [PtrW-1:0]            behind_i,

    /// A flit was read in the cycle before from the queue of this VC, one-hot or zero.
    input  logic [sp_pkg::NUM_VC-1:0]  get_vc_i,
    /// Its output, one-hot.
    input  logic [N_OUT-1:0]           get_out_i,
    /// Flits behind the first of a packet at the place behind it, at most 7.
    input  logic [2:0]                 get_more_i,
    /// There are any.
    input  logic                       get_long_i,
    /// A packet came to a queue with none in front of it: VC, one-hot.
    input  logic [sp_pkg::NUM_VC-1:0]  set_vc_i,
    /// Output, one-hot or zero.
    input  logic [N_OUT-1:0]           set_out_i,
    /// Its flits behind the first, at most 7.
    input  logic [2:0]                 set_more_i,

    /// Queue that is looked at: VC.
    input  logic [1:0]                 sel_vc_i,
    /// Queue that is looked at: output.
    input  logic [OutW-1:0]            sel_out_i,
    /// Place of the next flit that is read from it.
    output logic [PtrW-1:0]            sel_oldest_o,

    /// Outputs that have just got their first packet.
    output logic [N_OUT-1:0]           fresh_o,
    /// Outputs with a packet that may start.
    output logic [N_OUT-1:0]           some_o,
    /// With two.
    output logic [N_OUT-1:0]           two_o,
    /// With three.
    output logic [N_OUT-1:0]           three_o,
    /// Outputs whose head has more than one, two, three flits.
    output logic [2:0][N_OUT-1:0]      more_o,

    /// Outputs with a head that may be started in this cycle.
    output logic [N_OUT-1:0]           ready_o,
    /// By output: VC of the head, one-hot.
    output logic [sp_pkg::NUM_VC-1:0]  head_vc_o    [N_OUT],
    /// Place of its first flit.
    output logic [PtrW-1:0]            head_place_o [N_OUT],
    /// Flits behind that one, at most 7.
    output logic [2:0]                 head_more_o  [N_OUT],
    /// There are any, but by `get_long_i`.
    output logic [N_OUT-1:0]           head_long_o,
    /// Outputs of whose head `get_long_i` says that.
    output logic [N_OUT-1:0]           head_gets_o,
    /// Engines: their queue has a packet.
    output logic [EngDim-1:0]          filled_o,
    /// Place of its next flit.
    output logic [PtrW-1:0]            oldest_o     [EngDim]
);

  import sp_pkg::*;

  localparam int unsigned CountW = PtrW + 1;
  localparam int unsigned QW = $clog2(N_OUT * NUM_VC);

  // The first VC in turn; `lead`: ones from the first upwards, as in sp_rr_arbiter.
  function automatic logic [NUM_VC-1:0] pick(logic [NUM_VC-1:0] req, logic [NUM_VC-1:0] lead);
    logic [NUM_VC-1:0] above;
    above = req & lead;
    return (above != '0) ? (above & (~above + NUM_VC'(1))) : (req & (~req + NUM_VC'(1)));
  endfunction

  logic [PtrW-1:0] oldest [N_OUT*NUM_VC];  // place of the next flit that is read, by queue

  assign sel_oldest_o = oldest[QW'({sel_out_i, sel_vc_i})];

  for (genvar j = 0; j < int'(N_OUT); j++) begin : g_out
    localparam bit Engine = j >= int'(N_PORTS);

    logic [CountW-1:0]             count_q [NUM_VC];  // packets that have not been started
    logic [NUM_VC-1:0]             one_q;             // there is one, there are two, three of them
    logic [NUM_VC-1:0]             two_q;
    logic [NUM_VC-1:0]             three_q;
    logic [PtrW-1:0]               rptr_q  [NUM_VC];  // place of the next flit that is read
    logic [NUM_VC-1:0]             turn_q;            // VC whose head is shown, one-hot or zero
    logic [NUM_VC-1:0]             first_q;           // VCs that come first behind the last one
    logic [NUM_VC-1:0]             room;
    logic [NUM_VC-1:0]             stays;             // VCs that may start if none starts now
    logic [NUM_VC-1:0]             next;              // if that of turn_q does
    logic [NUM_VC-1:0]             turn_stays, turn_next, turn;
    logic [NUM_VC-1:0]             first_next;
    logic [NUM_VC-1:0]             up, down, later;
    logic [NUM_VC-1:0]             moves;             // VCs of which a flit is read
    logic [PtrW-1:0]               place;             // of the head that is shown
    logic                          ours;              // the queue that is written is of this output

    assign ours = 32'(wr_out_i) == j;

    for (genvar v = 0; v < int'(NUM_VC); v++) begin : g_oldest
      assign oldest[int'(NUM_VC)*j+v] = rptr_q[v];
    end

    always_comb begin
      for (int unsigned v = 0; v < NUM_VC; v++) begin
        // Nothing but contributions is queued for an engine.
        room[v]  = room_i[v][j] && (!Engine || v == 32'(VC_RED));
        up[v]    = commit_i && ours && (wr_vc_i == 2'(v)) && (!Engine || v == 32'(VC_RED));
        later[v] = read_i && read_out_i[j] && read_vc_i[v];
      end
      down       = go_i[j] ? turn_q : '0;
      stays      = one_q & room;
      next       = ((one_q & ~turn_q) | two_q) & room;
      first_next = ~((turn_q << 1) - NUM_VC'(1));
      turn_stays = pick(stays, first_q);
      turn_next  = pick(next, first_next);
      turn       = go_i[j] ? turn_next : turn_stays;

      // Of an input one flit is read in a cycle, so that the places of all its queues need one
      // adder.
      moves = down | later;
      place = '0;
      for (int unsigned v = 0; v < NUM_VC; v++) begin
        if (turn_q[v] && (!Engine || v == 32'(VC_RED))) place |= rptr_q[v];
      end
    end

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        for (int unsigned v = 0; v < NUM_VC; v++) begin
          count_q[v] <= '0;
          rptr_q[v]  <= '0;
        end
        one_q   <= '0;
        two_q   <= '0;
        three_q <= '0;
        turn_q  <= '0;
        first_q <= '1;
      end else begin
        for (int unsigned v = 0; v < NUM_VC; v++) begin
          if (up[v] != down[v]) begin
            count_q[v] <= count_q[v] + (up[v] ? CountW'(1) : '1);  // one sum for both ways
            one_q[v]   <= up[v] || two_q[v];
            two_q[v]   <= up[v] ? one_q[v] : three_q[v];
            three_q[v] <= up[v] ? two_q[v] : (count_q[v] > CountW'(3));
          end
          if (moves[v]) rptr_q[v] <= behind_i;
        end
        turn_q <= turn;
        if (go_i[j]) first_q <= first_next;
      end
    end

    // The length at the place of the next flit, for each queue. It comes from a memory in the cycle
    // behind the one in which the place moves.
    logic [2:0] more_q [NUM_VC];
    logic [2:0] more;
    logic       gets;  // that of the head that is shown comes
    logic [NUM_VC-1:0] long_q;  // more_q is not zero

    always_ff @(posedge clk_i) begin
      for (int unsigned v = 0; v < NUM_VC; v++) begin
        if (set_out_i[j] && set_vc_i[v]) begin
          more_q[v] <= set_more_i;
          long_q[v] <= set_more_i != '0;
        end else if (get_out_i[j] && get_vc_i[v]) begin
          more_q[v] <= get_more_i;
          long_q[v] <= get_long_i;
        end
      end
    end

    assign gets = get_out_i[j] && (get_vc_i & turn_q) != '0;

    always_comb begin
      more = gets ? get_more_i : '0;
      for (int unsigned v = 0; v < NUM_VC; v++) begin
        if (turn_q[v] && !gets && (!Engine || v == 32'(VC_RED))) more |= more_q[v];
      end
    end

    assign ready_o[j]      = turn_q != '0;
    assign head_vc_o[j]    = turn_q;
    assign head_place_o[j] = place;
    assign head_more_o[j]  = more;
    assign head_long_o[j]  = !gets && (turn_q & long_q) != '0;
    assign head_gets_o[j]  = gets;

    // What the scheduler is told may be a cycle old.
    logic [NUM_VC-1:0] ones, twos;
    assign ones = one_q & room;
    assign twos = two_q & room;

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        some_o[j]  <= 1'b0;
        two_o[j]   <= 1'b0;
        three_o[j] <= 1'b0;
      end else begin
        some_o[j]  <= ones != '0;
        two_o[j]   <= twos != '0 || (ones & (ones - NUM_VC'(1))) != '0;
        three_o[j] <= (three_q & room) != '0 || (twos != '0 && (ones & ~twos) != '0)
                      || (twos & (twos - NUM_VC'(1))) != '0
                      || $countones(ones) >= 3;
      end
    end

    always_ff @(posedge clk_i) begin
      for (int unsigned n = 0; n < 3; n++) more_o[n][j] <= ready_o[j] && head_more_o[j] > 3'(n);
    end

    // A packet that is whole goes to the queue that was looked at in the cycle before; whether it
    // is the first one of its output is found meanwhile, as the grant is made in the cycle it
    // comes. It is not seen to be when the last one in front of it has started just now.
    logic fresh_q;

    always_ff @(posedge clk_i) begin
      fresh_q <= 32'(sel_out_i) == j && (!Engine || sel_vc_i == VC_RED) && room_i[sel_vc_i][j]
                 && one_q == '0 && !(commit_i && ours);
    end

    assign fresh_o[j] = commit_i && fresh_q;

    if (Engine) begin : g_engine
      assign filled_o[j-int'(N_PORTS)] = one_q[VC_RED];
      assign oldest_o[j-int'(N_PORTS)] = rptr_q[VC_RED];
    end
  end

  if (N_OUT == N_PORTS) begin : g_no_engine
    assign filled_o    = '0;
    assign oldest_o[0] = '0;
  end

endmodule
