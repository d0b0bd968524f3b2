// SPDX-License-Identifier: Apache-2.0
//
// No lock between multicasts, whatever the order in which outputs grant them: packets of several
// flits at the heads of N_IN queues, each with any set of outputs, and outputs that have room when
// they like and send unicasts when they like. Once they have room for good and nothing new comes,
// every copy that was waiting goes within a bound, from whatever state they were in.
//
// The rules are those of sp_crossbar: an input starts a pass with the outputs that it is given and
// keeps none when it does not start. The twin is the other school: it starts only when it has all
// outputs that it lacks, and keeps those that it has until then.

module sp_mcast_lock_props #(
    /// Inputs.
    parameter int unsigned N_IN = 2,
    /// Outputs.
    parameter int unsigned N_OUT = 2
) (
    /// Clock.
    input logic                       clk_i,
    /// Reset.
    input logic                       rst_ni,
    /// Outputs with room.
    input logic [N_OUT-1:0]           room_i,
    /// Outputs for which a unicast asks.
    input logic [N_OUT-1:0]           unicast_i,
    /// Outputs of the next packet of each input; none: there is no packet yet.
    input logic [N_IN-1:0][N_OUT-1:0] next_i,
    /// A pass, of a multicast or a unicast, that could end goes on for a cycle more.
    input logic [N_IN+N_OUT-1:0]      longer_i,
    /// From now on all have room and nothing new comes.
    input logic                       calm_i
);

  // A copy waits for the passes of all others, each of up to two cycles and one between.
  localparam int unsigned Bound = 3 * N_IN * N_OUT + 3;
  localparam int unsigned CountW = $clog2(Bound + 2);

  logic                       started_q = 1'b0;
  logic                       calm;
  logic                       calm_q;
  logic [CountW-1:0]          count_q;   // cycles of calm
  logic [N_IN-1:0][N_OUT-1:0] lacks_q;   // outputs that lack the packet at the head
  logic [N_IN-1:0]            runs_q;    // a pass is in its first cycle
  logic [N_IN-1:0]            ends_q;    // in its last one
  logic [N_IN-1:0][N_OUT-1:0] to_q;      // outputs of the pass
  logic [N_OUT-1:0]           uni_q;     // outputs with a unicast
  logic [N_IN-1:0][N_OUT-1:0] kept_q;    // outputs that wait with an input: never any
  logic [N_IN-1:0][N_OUT-1:0] has;       // outputs that an input can start with
  logic [N_IN-1:0]            go;        // it starts
  logic [N_OUT-1:0]           busy;
  logic [N_OUT-1:0]           asks_uni;
  logic [N_OUT-1:0]           req    [N_IN];
  logic [N_OUT-1:0]           match  [N_IN];
  logic [N_OUT-1:0]           out;

  sp_mcast_match #(
      .N_IN (N_IN),
      .N_OUT(N_OUT)
  ) dut (
      .clk_i,
      .rst_ni,
      .req_i    (req),
      .unicast_i(asks_uni),
      .match_o  (match),
      .in_o     (),
      .out_o    (out),
      .source_o ()
  );

  assign calm = calm_q || calm_i;

  always_comb begin
    busy = uni_q;
    for (int unsigned i = 0; i < N_IN; i++) begin
      busy |= kept_q[i];
      if (runs_q[i] || ends_q[i]) busy |= to_q[i];
    end
    asks_uni = calm ? '0 : unicast_i & ~busy;
    for (int unsigned i = 0; i < N_IN; i++) begin
      req[i] = '0;
      if (!runs_q[i] && !ends_q[i]) begin
        req[i] = lacks_q[i] & ~kept_q[i] & ~busy & (calm ? '1 : room_i);
      end
      has[i] = match[i] | kept_q[i];
      go[i]  = has[i] != '0;
    end
  end

  always_ff @(posedge clk_i) started_q <= 1'b1;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      calm_q    <= 1'b0;
      count_q   <= '0;
      lacks_q   <= '0;
      runs_q    <= '0;
      ends_q    <= '0;
      to_q      <= '0;
      uni_q     <= '0;
      kept_q    <= '0;
    end else begin
      calm_q <= calm;
      if (calm && count_q != '1) count_q <= count_q + CountW'(1);
      for (int unsigned i = 0; i < N_IN; i++) begin
        kept_q[i] <= go[i] ? '0 : has[i];
        runs_q[i] <= go[i] && longer_i[i];
        ends_q[i] <= (go[i] && !longer_i[i]) || runs_q[i];
        if (go[i]) to_q[i] <= has[i];
        if (go[i]) lacks_q[i] <= lacks_q[i] & ~has[i];
        else if (lacks_q[i] == '0 && !calm) lacks_q[i] <= next_i[i];
      end
      for (int unsigned j = 0; j < N_OUT; j++) begin
        uni_q[j] <= (asks_uni[j] && !out[j]) || (uni_q[j] && longer_i[N_IN+j] && !calm);
      end
    end
  end

  always_comb begin
    reset_first: assume (started_q || !rst_ni);
    if (rst_ni) begin
      // No lock: all that waited is gone.
      all_delivered: assert (count_q < CountW'(Bound) || lacks_q == '0);
    end
  end

  always_comb begin
    // Both have one output of two and lack the other one: the opposite orders.
    crossed: cover (rst_ni && lacks_q[0] == N_OUT'(1) && to_q[0] == N_OUT'(2) && ends_q[0]
                    && lacks_q[1] == N_OUT'(2) && to_q[1] == N_OUT'(1) && ends_q[1]);
    // It takes a while.
    late: cover (rst_ni && count_q == CountW'(4) && lacks_q != '0);
  end

endmodule
