// SPDX-License-Identifier: Apache-2.0
//
// What the switch relies on from sp_islip, for every request matrix and a reset at any time. Only
// `never_starves` needs an assumption: that a request stands until it is served, as that of a queue
// that is not empty does. How long it can take follows from a figure that falls in every cycle:
//
//   d      inputs that come before the watched one in the turn of the watched output
//   r      those of them that come before the first one that asks; the output grants to this one
//   a      outputs that come before the watched one in the turn of the input that is granted
//
// A grant that is declined was declined for one of the a outputs, so a falls, or an input with a
// new request steps in front and r falls. A grant that is accepted moves the turn and d falls.
// So the wait is below the sum over d = 0 .. N_IN-1 of (d + 1) * (N_OUT - 1) + 1.

module sp_islip_props #(
    /// Inputs.
    parameter int unsigned N_IN = 4,
    /// Outputs.
    parameter int unsigned N_OUT = 4,
    /// Iterations.
    parameter int unsigned ITERS = 1,
    /// First multicast input.
    parameter int unsigned FIRST_MCAST = N_IN,
    localparam int unsigned InW = (N_IN == 1) ? 1 : $clog2(N_IN),
    localparam int unsigned OutW = (N_OUT == 1) ? 1 : $clog2(N_OUT)
) (
    /// Clock.
    input logic                       clk_i,
    /// Reset.
    input logic                       rst_ni,
    /// Requests, row by row.
    input logic [N_IN-1:0][N_OUT-1:0] req_i,
    /// The request that is watched: its input. Any, but always the same.
    input logic [InW-1:0]             who_in_i,
    /// Its output.
    input logic [OutW-1:0]            who_out_i
);

  logic [N_OUT-1:0] req   [N_IN];
  logic [N_OUT-1:0] match [N_IN];
  logic [N_IN-1:0]  from  [N_OUT];

  always_comb for (int unsigned i = 0; i < N_IN; i++) req[i] = req_i[i];

  sp_islip #(
      .N_IN       (N_IN),
      .N_OUT      (N_OUT),
      .ITERS      (ITERS),
      .FIRST_MCAST(FIRST_MCAST)
  ) dut (
      .clk_i,
      .rst_ni,
      .req_i  (req),
      .match_o(match),
      .from_o (from)
  );

  // Cycles in which a request can stand without being served, `d` inputs being before it.
  function automatic int unsigned longest(int unsigned d);
    int unsigned sum;
    sum = 0;
    for (int unsigned n = 0; n < d; n++) sum += (n + 1) * (N_OUT - 1) + 1;
    return sum;
  endfunction
  localparam int unsigned Bound = longest(N_IN);
  localparam int unsigned SumW = $clog2(2 * Bound + 2);

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
    requests_stand: assume (!rst_ni || (unserved_q & ~req_i) == '0);
  end

  // ---------------------------------------------------------------------------------- matching

  logic [N_IN-1:0] several;       // unicast inputs with more than one output
  logic [N_OUT-1:0] shared;       // outputs with more than one input
  logic [N_OUT-1:0] taken;        // outputs that are matched
  logic left_over;                // a request between an input and an output that are both free
  logic tables_agree;

  always_comb begin
    several      = '0;
    shared       = '0;
    taken        = '0;
    left_over    = 1'b0;
    tables_agree = 1'b1;
    for (int unsigned i = 0; i < N_IN; i++) begin
      several[i] = i < FIRST_MCAST && (match[i] & (match[i] - N_OUT'(1))) != '0;
      shared |= taken & match[i];
      taken |= match[i];
    end
    for (int unsigned i = 0; i < N_IN; i++) begin
      if ((i >= FIRST_MCAST || match[i] == '0) && (req[i] & ~taken) != '0) left_over = 1'b1;
      for (int unsigned j = 0; j < N_OUT; j++) begin
        if (from[j][i] != match[i][j]) tables_agree = 1'b0;
      end
    end
  end

  // ---------------------------------------------------------------------------------- the wait

  logic [N_IN-1:0]  column;     // requests for the watched output
  logic [N_IN-1:0]  gnt_first;  // its turn, as in sp_islip: ones from the first upwards
  logic             turns_whole;
  logic [SumW-1:0]  waited_q;   // cycles that the request has stood
  logic [SumW-1:0]  d;
  logic [SumW-1:0]  r;
  logic [SumW-1:0]  a;
  logic [SumW-1:0]  left;       // cycles that it can still stand

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) waited_q <= '0;
    else if (!req_i[who_in_i][who_out_i] || rows[who_in_i][who_out_i]) waited_q <= '0;
    else waited_q <= waited_q + SumW'(1);
  end

  // Places from the first in turn to place n.
  function automatic logic [SumW-1:0] in_places(logic [N_IN-1:0] first, int unsigned n);
    logic [SumW-1:0] places;
    places = '0;
    for (int unsigned m = 0; m < N_IN; m++) begin
      if (first == '0 || first[n]) places += SumW'(m < n && (first == '0 || first[m]));
      else places += SumW'(m < n || first[m]);
    end
    return places;
  endfunction
  function automatic logic [SumW-1:0] out_places(logic [N_OUT-1:0] first, int unsigned n);
    logic [SumW-1:0] places;
    places = '0;
    for (int unsigned m = 0; m < N_OUT; m++) begin
      if (first == '0 || first[n]) places += SumW'(m < n && (first == '0 || first[m]));
      else places += SumW'(m < n || first[m]);
    end
    return places;
  endfunction

  always_comb begin
    column      = '0;
    gnt_first   = '0;
    turns_whole = 1'b1;
    for (int unsigned j = 0; j < N_OUT; j++) begin
      if (j == 32'(who_out_i)) begin
        gnt_first = dut.gnt_first_q[j];
        for (int unsigned i = 0; i < N_IN; i++) column[i] = req_i[i][j];
      end
      if ((~dut.gnt_first_q[j] & (~dut.gnt_first_q[j] + N_IN'(1))) != '0) turns_whole = 1'b0;
    end
    for (int unsigned i = 0; i < N_IN; i++) begin
      if ((~dut.acc_first_q[i] & (~dut.acc_first_q[i] + N_OUT'(1))) != '0) turns_whole = 1'b0;
    end

    d = '0;
    r = '1;
    a = '0;
    for (int unsigned i = 0; i < N_IN; i++) begin
      if (i == 32'(who_in_i)) d = in_places(gnt_first, i);
      if (column[i] && in_places(gnt_first, i) < r) begin
        r = in_places(gnt_first, i);
        a = '0;
        for (int unsigned j = 0; j < N_OUT; j++) begin
          if (j == 32'(who_out_i) && i < FIRST_MCAST) a = out_places(dut.acc_first_q[i], j);
        end
      end
    end

    left = '0;
    for (int unsigned n = 0; n < N_IN; n++) if (d == SumW'(n)) left = SumW'(longest(n));
    for (int unsigned n = 1; n < N_IN; n++) if (r >= SumW'(n)) left += SumW'(N_OUT - 1);
    left += a + SumW'(1);
  end

  always_comb begin
    if (rst_ni) begin
      // Two inputs never send to one output: no packet is mixed with another.
      one_input_per_output: assert (shared == '0);
      // A unicast input sends one packet to one output: no packet goes astray.
      one_output_per_input: assert (several == '0);
      // Nothing is sent that is not there.
      only_requests: assert ((rows & ~req_i) == '0);
      // Input and output are told the same story.
      tables_agree_always: assert (tables_agree);
      // Each iteration adds a match while one is possible: a free output with a free input that
      // asks for it is left only when ITERS outputs work; so never, when ITERS is the number of
      // inputs or outputs.
      maximal: assert (!left_over || $countones(taken) >= ITERS);
      // A request that stands is served: nobody starves.
      never_starves: assert (waited_q < SumW'(Bound));
      // Why so, for induction: see above.
      wait_shrinks: assert (!req_i[who_in_i][who_out_i] || waited_q + left <= SumW'(Bound));
      // Why so: the turn is always ones from one place upwards.
      turns_are_upper_ones: assert (turns_whole);
    end
  end

  always_comb begin
    // All outputs work at once.
    full_match: cover (rst_ni && started_q && taken == '1);
    // A request waits N_IN cycles, that is: longer than one round, and is then served.
    long_wait: cover (rst_ni && waited_q == SumW'(N_IN) && rows[who_in_i][who_out_i]);
  end

  if (FIRST_MCAST < N_IN && N_OUT > 1) begin : g_multicast
    // A multicast gets two outputs in one cycle while a unicast input gets another.
    always_comb begin
      multicast_and_unicast: cover (rst_ni && $countones(match[N_IN-1]) == 2 && match[0] != '0);
    end
  end

endmodule
