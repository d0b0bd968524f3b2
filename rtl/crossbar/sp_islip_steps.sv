// SPDX-License-Identifier: Apache-2.0
//
// iSLIP in steps: an iteration begins in every cycle, with the requests of that cycle, and takes
// three: request, grant, accept. For chips on which a whole iteration is too long for a cycle.
//
//   cycle    t            t + 1                     t + 2
//            request_i    outputs grant, with the   inputs accept: match_o
//                         requests of cycle t
//
// A match makes grants of later iterations void that were asked for before it was known: those of
// its input and its output in the two accepts after it. The requester sees it in the cycle after
// match_o, and must not ask for its input or its output from then on until they are free again.
//
// Guarantees: an output has at most one input, a unicast input at most one output; a match was a
// request two cycles ago and is still in may_i; an input or output that was matched is not matched
// again in the two cycles after that. Proven in formal/crossbar.

module sp_islip_steps #(
    /// Inputs, 1 or more.
    parameter int unsigned N_IN = 5,
    /// Outputs, 1 or more.
    parameter int unsigned N_OUT = 5,
    /// Inputs from this one on are multicast inputs: they accept every grant.
    parameter int unsigned FIRST_MCAST = N_IN
) (
    /// Clock.
    input  logic             clk_i,
    /// Reset, active low, asynchronous.
    input  logic             rst_ni,
    /// Row i: the outputs that input i asks for.
    input  logic [N_OUT-1:0] req_i   [N_IN],
    /// Row i: the outputs that input i may be matched with in this cycle.
    input  logic [N_OUT-1:0] may_i   [N_IN],
    /// Row i: the outputs that input i is matched with.
    output logic [N_OUT-1:0] match_o [N_IN],
    /// Column j: the input that output j is matched with, one-hot or zero.
    output logic [N_IN-1:0]  from_o  [N_OUT]
);

  if (N_IN < 1) begin : g_bad_in
    $fatal(1, "sp_islip_steps: N_IN = %0d is not 1 or more", N_IN);
  end
  if (N_OUT < 1) begin : g_bad_out
    $fatal(1, "sp_islip_steps: N_OUT = %0d is not 1 or more", N_OUT);
  end

  // Round-robin state as in sp_rr_arbiter: ones from the first in turn upwards.
  logic [N_IN-1:0]  gnt_first_q [N_OUT];
  logic [N_OUT-1:0] acc_first_q [N_IN];

  logic [N_OUT-1:0] req_q     [N_IN];
  logic [N_IN-1:0]  column    [N_OUT];  // requests, by output
  logic [N_IN-1:0]  granted_q [N_OUT];
  logic [N_OUT-1:0] offers    [N_IN];   // grants that hold, by input
  logic [N_IN-1:0]  in_q      [2];      // inputs matched one and two cycles ago
  logic [N_OUT-1:0] out_q     [2];      // and outputs
  logic [N_OUT-1:0] match_q   [N_IN];   // matches of a cycle ago
  logic [N_IN-1:0]  from_q    [N_OUT];  // the same, by output
  logic [N_IN-1:0]  in_new;
  logic [N_OUT-1:0] out_new;

  function automatic logic [N_IN-1:0] pick_in(logic [N_IN-1:0] req, logic [N_IN-1:0] first);
    logic [N_IN-1:0] above;
    above = req & first;
    return (above != '0) ? (above & (~above + N_IN'(1))) : (req & (~req + N_IN'(1)));
  endfunction

  function automatic logic [N_OUT-1:0] pick_out(logic [N_OUT-1:0] req, logic [N_OUT-1:0] first);
    logic [N_OUT-1:0] above;
    above = req & first;
    return (above != '0) ? (above & (~above + N_OUT'(1))) : (req & (~req + N_OUT'(1)));
  endfunction

  // -------------------------------------------------------------------------------------- grant

  always_comb begin
    for (int unsigned j = 0; j < N_OUT; j++) begin
      for (int unsigned i = 0; i < N_IN; i++) column[j][i] = req_q[i][j];
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      for (int unsigned i = 0; i < N_IN; i++) req_q[i] <= '0;
      for (int unsigned j = 0; j < N_OUT; j++) granted_q[j] <= '0;
    end else begin
      for (int unsigned i = 0; i < N_IN; i++) req_q[i] <= req_i[i];
      for (int unsigned j = 0; j < N_OUT; j++) granted_q[j] <= pick_in(column[j], gnt_first_q[j]);
    end
  end

  // ------------------------------------------------------------------------------------- accept

  always_comb begin
    for (int unsigned i = 0; i < N_IN; i++) begin
      for (int unsigned j = 0; j < N_OUT; j++) begin
        offers[i][j] = granted_q[j][i] && may_i[i][j] && !in_q[0][i] && !in_q[1][i]
                       && !out_q[0][j] && !out_q[1][j];
      end
      match_o[i] = (i < FIRST_MCAST) ? pick_out(offers[i], acc_first_q[i]) : offers[i];
      in_new[i]  = offers[i] != '0;
    end
    for (int unsigned j = 0; j < N_OUT; j++) begin
      for (int unsigned i = 0; i < N_IN; i++) from_o[j][i] = match_o[i][j];
      out_new[j] = from_o[j] != '0;
    end
  end

  // A pointer moves behind the partner, a cycle late: what is granted in between is void.
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      in_q[0]  <= '0;
      in_q[1]  <= '0;
      out_q[0] <= '0;
      out_q[1] <= '0;
      for (int unsigned j = 0; j < N_OUT; j++) begin
        from_q[j]      <= '0;
        gnt_first_q[j] <= '1;
      end
      for (int unsigned i = 0; i < N_IN; i++) begin
        match_q[i]     <= '0;
        acc_first_q[i] <= '1;
      end
    end else begin
      in_q[0]  <= in_new;
      in_q[1]  <= in_q[0];
      out_q[0] <= out_new;
      out_q[1] <= out_q[0];
      for (int unsigned j = 0; j < N_OUT; j++) begin
        from_q[j] <= from_o[j];
        if (out_q[0][j]) gnt_first_q[j] <= ~((from_q[j] << 1) - N_IN'(1));
      end
      for (int unsigned i = 0; i < N_IN; i++) begin
        match_q[i] <= match_o[i];
        if (i < FIRST_MCAST && in_q[0][i]) acc_first_q[i] <= ~((match_q[i] << 1) - N_OUT'(1));
      end
    end
  end

endmodule
