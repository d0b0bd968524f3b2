// SPDX-License-Identifier: Apache-2.0
//
// Matches multicasts with outputs, before iSLIP matches the rest: those of the ports' queues and
// the results of engines alike. Every output takes the first multicast in turn that asks for it,
// and the turn is one for all outputs, so that they meet at the same input and its whole fan-out
// leaves in few passes. It moves to the first input that did not get all it asked for, or if all
// did behind the one that was first.
//
// An output at which unicasts wait too lets them have the next cycle in which it is free after a
// multicast; so neither keeps the other away.
//
// Guarantees: an output has at most one input; a match is always a request; no output that an input
// asks for and that does not yield is left without a match, so that multicasts never wait for each
// other in a circle; a request that stands is served within a bound, if others ask for no more
// before they have had what they asked for, as heads of queues do. Proven in formal/crossbar.

module sp_mcast_match #(
    /// Inputs, 1 or more.
    parameter int unsigned N_IN = 5,
    /// Outputs, 1 or more.
    parameter int unsigned N_OUT = 5,
    localparam int unsigned InW = (N_IN == 1) ? 1 : $clog2(N_IN)
) (
    /// Clock.
    input  logic             clk_i,
    /// Reset, active low, asynchronous.
    input  logic             rst_ni,
    /// Row i: the outputs that the multicast of input i asks for.
    input  logic [N_OUT-1:0] req_i     [N_IN],
    /// Outputs that a unicast asks for.
    input  logic [N_OUT-1:0] unicast_i,
    /// Row i: the outputs that input i is matched with, in the same cycle.
    output logic [N_OUT-1:0] match_o   [N_IN],
    /// Inputs that are matched.
    output logic [N_IN-1:0]  in_o,
    /// Outputs that are matched.
    output logic [N_OUT-1:0] out_o,
    /// The input of each of these.
    output logic [InW-1:0]   source_o  [N_OUT]
);

  if (N_IN < 1) begin : g_bad_in
    $fatal(1, "sp_mcast_match: N_IN = %0d is not 1 or more", N_IN);
  end
  if (N_OUT < 1) begin : g_bad_out
    $fatal(1, "sp_mcast_match: N_OUT = %0d is not 1 or more", N_OUT);
  end

  logic [N_IN-1:0]  first_q;   // as in sp_rr_arbiter: ones from the first in turn upwards
  logic [N_IN-1:0]  first_d;
  logic             lacks;     // an input has not had all that it asked for
  logic [N_OUT-1:0] yields_q;  // outputs whose last packet was a multicast
  logic [N_OUT-1:0] left;      // outputs that would take a multicast still

  always_comb begin
    left    = ~(yields_q & unicast_i);
    first_d = first_q;
    lacks   = 1'b0;
    in_o    = '0;
    for (int unsigned i = 0; i < N_IN; i++) match_o[i] = '0;
    for (int unsigned j = 0; j < N_OUT; j++) source_o[j] = '0;
    // From the first in turn upwards, then those below it.
    for (int unsigned half = 0; half < 2; half++) begin
      for (int unsigned i = 0; i < N_IN; i++) begin
        if (first_q[i] == (half == 0) && req_i[i] != '0) begin
          match_o[i] = req_i[i] & left;
          left      &= ~req_i[i];
          if (match_o[i] != '0) begin
            for (int unsigned j = 0; j < N_OUT; j++) begin
              if (match_o[i][j]) source_o[j] = InW'(i);
            end
            if (in_o == '0 && !lacks) first_d = ~((N_IN'(2) << i) - N_IN'(1));
            in_o[i] = 1'b1;
          end
          if (match_o[i] != req_i[i] && !lacks) begin
            first_d = ~((N_IN'(1) << i) - N_IN'(1));
            lacks   = 1'b1;
          end
        end
      end
    end
    out_o = '0;
    for (int unsigned i = 0; i < N_IN; i++) out_o |= match_o[i];
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      first_q  <= '1;
      yields_q <= '0;
    end else begin
      first_q  <= first_d;
      yields_q <= (yields_q & ~unicast_i) | out_o;
    end
  end

endmodule
