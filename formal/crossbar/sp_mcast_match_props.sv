// SPDX-License-Identifier: Apache-2.0
//
// What the crossbar relies on from sp_mcast_match, for every matrix of requests and a reset at any
// time. Only `never_starves` needs an assumption: that an input asks for the same until it has had
// all of it, as the head of a queue does when packets are one flit long.

module sp_mcast_match_props #(
    /// Inputs.
    parameter int unsigned N_IN = 3,
    /// Outputs.
    parameter int unsigned N_OUT = 2,
    localparam int unsigned InW = (N_IN == 1) ? 1 : $clog2(N_IN),
    localparam int unsigned OutW = (N_OUT == 1) ? 1 : $clog2(N_OUT)
) (
    /// Clock.
    input logic                       clk_i,
    /// Reset.
    input logic                       rst_ni,
    /// Requests, row by row.
    input logic [N_IN-1:0][N_OUT-1:0] req_i,
    /// Outputs that a unicast asks for.
    input logic [N_OUT-1:0]           unicast_i,
    /// The request that is watched: its input. Any, but always the same.
    input logic [InW-1:0]             who_in_i,
    /// Its output.
    input logic [OutW-1:0]            who_out_i
);

  // The turn never passes an input that lacks something. Who is first in turn gets all that it asks
  // for in two cycles, since no output yields twice; then the turn moves on.
  localparam int unsigned Bound = 2 * N_IN;
  localparam int unsigned WaitW = $clog2(Bound + 2);

  logic [N_OUT-1:0] req    [N_IN];
  logic [N_OUT-1:0] match  [N_IN];
  logic [N_IN-1:0]  in;
  logic [N_OUT-1:0] out;
  logic [InW-1:0]   source [N_OUT];

  always_comb for (int unsigned i = 0; i < N_IN; i++) req[i] = req_i[i];

  sp_mcast_match #(
      .N_IN (N_IN),
      .N_OUT(N_OUT)
  ) dut (
      .clk_i,
      .rst_ni,
      .req_i   (req),
      .unicast_i,
      .match_o (match),
      .in_o    (in),
      .out_o   (out),
      .source_o(source)
  );

  // ------------------------------------------------------------------------------- assumptions

  logic                       started_q = 1'b0;
  logic [InW-1:0]             who_in_q;
  logic [OutW-1:0]            who_out_q;
  logic [N_IN-1:0][N_OUT-1:0] unserved_q;
  logic [N_IN-1:0][N_OUT-1:0] rows;

  always_comb for (int unsigned i = 0; i < N_IN; i++) rows[i] = match[i];

  always_ff @(posedge clk_i) begin
    started_q <= 1'b1;
    who_in_q  <= who_in_i;
    who_out_q <= who_out_i;
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) unserved_q <= '0;
    else unserved_q <= req_i & ~rows;
  end

  always_comb begin
    reset_first: assume (started_q || !rst_ni);
    who_exists: assume (32'(who_in_i) < N_IN && 32'(who_out_i) < N_OUT);
    who_stays: assume (!started_q || (who_in_i == who_in_q && who_out_i == who_out_q));
    for (int unsigned i = 0; i < N_IN; i++) begin
      if (rst_ni && unserved_q[i] != '0) assume (req_i[i] == unserved_q[i]);
    end
  end

  // ---------------------------------------------------------------------------------- matching

  logic [N_OUT-1:0] shared;       // outputs with more than one input
  logic [N_OUT-1:0] taken;        // outputs that are matched
  logic [N_OUT-1:0] yielded_q;    // outputs that had a multicast, and no cycle with a unicast since
  logic             left_over;    // a request for an output that is free and need not yield
  logic             tables_agree;
  logic [WaitW-1:0] waited_q;     // cycles that the watched request has stood

  always_comb begin
    shared       = '0;
    taken        = '0;
    left_over    = 1'b0;
    tables_agree = 1'b1;
    for (int unsigned i = 0; i < N_IN; i++) begin
      shared |= taken & match[i];
      taken |= match[i];
      if (in[i] != (match[i] != '0)) tables_agree = 1'b0;
    end
    for (int unsigned i = 0; i < N_IN; i++) begin
      if ((req[i] & ~taken & ~(yielded_q & unicast_i)) != '0) left_over = 1'b1;
      for (int unsigned j = 0; j < N_OUT; j++) begin
        if (match[i][j] && source[j] != InW'(i)) tables_agree = 1'b0;
      end
    end
    if (out != taken) tables_agree = 1'b0;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      waited_q  <= '0;
      yielded_q <= '0;
    end else begin
      yielded_q <= (yielded_q & ~unicast_i) | taken;
      if (!req_i[who_in_i][who_out_i] || rows[who_in_i][who_out_i]) waited_q <= '0;
      else waited_q <= waited_q + WaitW'(1);
    end
  end

  always_comb begin
    if (rst_ni) begin
      // Two inputs never send to one output: no packet is mixed with another.
      one_input_per_output: assert (shared == '0);
      // Nothing is sent that is not there.
      only_requests: assert ((rows & ~req_i) == '0);
      // Inputs and outputs are told the same story.
      tables_agree_always: assert (tables_agree);
      // A copy that can go goes: the others of its packet do not matter.
      none_left_over: assert (!left_over);
      // A unicast has its cycle after each multicast.
      unicasts_have_turns: assert ((taken & yielded_q & unicast_i) == '0);
      // A request that stands is served: nobody starves.
      never_starves: assert (waited_q < WaitW'(Bound));
    end
  end

  always_comb begin
    // A whole fan-out leaves in one pass, another one in two.
    whole: cover (rst_ni && match[0] == '1);
    split: cover (rst_ni && req[0] == '1 && match[0] != '0 && match[0] != '1 && match[1] != '0);
    // A request waits for all other inputs, and is then served.
    long_wait: cover (rst_ni && waited_q == WaitW'(N_IN - 1) && rows[who_in_i][who_out_i]);
  end

endmodule
