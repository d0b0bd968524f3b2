// SPDX-License-Identifier: Apache-2.0
//
// iSLIP: matches inputs with outputs, ITERS iterations of request, grant and accept in one cycle.
//
//   request   every unmatched input asks every output that it has a packet for
//   grant     every unmatched output grants one of the inputs that ask, round robin
//   accept    an input takes one of its grants, round robin; a multicast input takes all of them
//
// Guarantees: an output has at most one input; a unicast input has at most one output; a match is
// always a request; no request between an unmatched unicast input and an unmatched output is left
// after N iterations. Pointers move only for grants accepted in the first iteration, so that they
// drift apart under load and a request that stays up is served: nobody starves. Proven in
// formal/crossbar.

module sp_islip #(
    /// Inputs, 1 or more.
    parameter int unsigned N_IN = 5,
    /// Outputs, 1 or more.
    parameter int unsigned N_OUT = 5,
    /// Iterations in a cycle, 1 to 4.
    parameter int unsigned ITERS = 1,
    /// Inputs from this one on are multicast inputs: they accept every grant.
    parameter int unsigned FIRST_MCAST = N_IN
) (
    /// Clock.
    input  logic                 clk_i,
    /// Reset, active low, asynchronous.
    input  logic                 rst_ni,
    /// Row i: the outputs that input i asks for.
    input  logic [N_OUT-1:0]     req_i   [N_IN],
    /// Row i: the outputs that input i is matched with, in the same cycle.
    output logic [N_OUT-1:0]     match_o [N_IN],
    /// Column j: the input that output j is matched with, one-hot or zero.
    output logic [N_IN-1:0]      from_o  [N_OUT]
);

  if (N_IN < 1) begin : g_bad_in
    $fatal(1, "sp_islip: N_IN = %0d is not 1 or more", N_IN);
  end
  if (N_OUT < 1) begin : g_bad_out
    $fatal(1, "sp_islip: N_OUT = %0d is not 1 or more", N_OUT);
  end
  if (ITERS < 1 || ITERS > 4) begin : g_bad_iters
    $fatal(1, "sp_islip: ITERS = %0d is not in 1..4", ITERS);
  end

  // Rows become columns, which in hardware is wires. For a simulator they are a step for each bit;
  // with many ports it goes word by word and passes over what is empty, which is nearly all.
  localparam bit Large = N_IN > 32 && N_OUT > 32;
  localparam int unsigned Word = 32;
  localparam int unsigned InWhole = (N_IN + Word - 1) / Word * Word;
  localparam int unsigned OutWhole = (N_OUT + Word - 1) / Word * Word;

  // Round-robin state as in sp_rr_arbiter: ones from the first in turn upwards.
  logic [N_IN-1:0]  gnt_first_q [N_OUT];
  logic [N_OUT-1:0] acc_first_q [N_IN];

  logic [N_IN-1:0]     column  [N_OUT];  // requests, by output
  logic [N_IN-1:0]     granted [N_OUT];  // grants of an iteration, by output
  logic [N_OUT-1:0]    offers  [N_IN];   // the same, by input
  logic [N_IN-1:0]     got;              // inputs with a grant in this iteration
  logic [N_IN-1:0]     in_free;
  logic [N_OUT-1:0]    out_free;
  logic [N_OUT-1:0]    accepts;          // grants that one input accepts
  logic [N_OUT-1:0]    accepted;         // outputs whose grant was accepted in this iteration
  logic [N_IN-1:0]     first_in;         // matched in the first iteration
  logic [N_OUT-1:0]    first_out;

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

  always_comb begin
    in_free   = '1;
    out_free  = '1;
    got       = '0;
    accepts   = '0;
    accepted  = '0;
    first_in  = '0;
    first_out = '0;
    for (int unsigned j = 0; j < N_OUT; j++) begin
      column[j]  = '0;
      granted[j] = '0;
      from_o[j]  = '0;
    end
    for (int unsigned i = 0; i < N_IN; i++) begin
      offers[i]  = '0;
      match_o[i] = '0;
    end

    for (int unsigned i = 0; i < N_IN; i++) begin
      automatic logic [OutWhole-1:0] asks = OutWhole'(req_i[i]);
      if (!Large) begin
        for (int unsigned j = 0; j < N_OUT; j++) column[j][i] = req_i[i][j];
      end else begin
        for (int unsigned w = 0; w < OutWhole; w += Word) begin
          automatic logic [Word-1:0] some = asks[w+:Word];
          if (some != '0) begin
            for (int unsigned b = 0; b < Word && w + b < N_OUT; b++) begin
              if (some[b]) column[w+b][i] = 1'b1;
            end
          end
        end
      end
    end

    for (int unsigned it = 0; it < ITERS; it++) begin
      got      = '0;
      accepted = '0;
      for (int unsigned j = 0; j < N_OUT; j++) begin
        automatic logic [InWhole-1:0] grants = '0;
        granted[j] = '0;
        if (out_free[j] && (!Large || column[j] != '0)) begin
          granted[j] = pick_in(column[j] & in_free, gnt_first_q[j]);
          got |= granted[j];
          if (Large) begin
            grants = InWhole'(granted[j]);
            for (int unsigned w = 0; w < InWhole; w += Word) begin
              automatic logic [Word-1:0] some = grants[w+:Word];
              if (some != '0) begin
                for (int unsigned b = 0; b < Word && w + b < N_IN; b++) begin
                  if (some[b]) offers[w+b][j] = 1'b1;
                end
              end
            end
          end
        end
      end
      for (int unsigned i = 0; i < N_IN; i++) begin
        // Skipping inputs without a grant changes nothing; it is what makes simulation fast.
        if (got[i]) begin
          if (!Large) begin
            for (int unsigned j = 0; j < N_OUT; j++) accepts[j] = granted[j][i];
          end else begin
            accepts   = offers[i];
            offers[i] = '0;
          end
          if (i < FIRST_MCAST) begin
            accepts    = pick_out(accepts, acc_first_q[i]);
            in_free[i] = 1'b0;
          end
          match_o[i] |= accepts;
          accepted   |= accepts;
        end
      end
      for (int unsigned j = 0; j < N_OUT; j++) begin
        if (accepted[j]) from_o[j] = granted[j];
      end
      out_free &= ~accepted;
      if (it == 0) begin
        first_in  = got;
        first_out = accepted;
      end
    end
  end

  // A pointer moves behind the partner of the first iteration. Who was matched then has no other:
  // an output never, an input unless it is multicast.
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      for (int unsigned j = 0; j < N_OUT; j++) gnt_first_q[j] <= '1;
      for (int unsigned i = 0; i < N_IN; i++) acc_first_q[i] <= '1;
    end else begin
      for (int unsigned j = 0; j < N_OUT; j++) begin
        if (first_out[j]) gnt_first_q[j] <= ~((from_o[j] << 1) - N_IN'(1));
      end
      for (int unsigned i = 0; i < FIRST_MCAST; i++) begin
        if (first_in[i]) acc_first_q[i] <= ~((match_o[i] << 1) - N_OUT'(1));
      end
    end
  end

endmodule
