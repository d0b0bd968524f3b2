// SPDX-License-Identifier: Apache-2.0
//
// Round-robin arbiter. Guarantees: at most one grant; a grant only to a request; a grant whenever
// there is a request (work-conserving); a request that stays up is granted after at most N - 1
// grants to others, if every grant advances. Proven in formal/common.

module sp_rr_arbiter #(
    /// Requesters, 1 or more.
    parameter int unsigned N = 4
) (
    /// Clock.
    input  logic         clk_i,
    /// Reset, active low, asynchronous.
    input  logic         rst_ni,
    /// Requests.
    input  logic [N-1:0] req_i,
    /// The grant is taken: the requester behind the granted one comes first next time.
    input  logic         advance_i,
    /// Grant, one-hot or zero, in the same cycle.
    output logic [N-1:0] gnt_o
);

  if (N < 1) begin : g_bad_n
    $fatal(1, "sp_rr_arbiter: N = %0d is not 1 or more", N);
  end

  // Ones from the requester that comes first up to N - 1: no pointer to decode.
  logic [N-1:0] first_q;

  logic [N-1:0] above;

  // The lowest request at or above the first, else the lowest of all.
  assign above = req_i & first_q;
  assign gnt_o = (above != '0) ? (above & (~above + N'(1))) : (req_i & (~req_i + N'(1)));

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) first_q <= '1;
    else if (advance_i && (gnt_o != '0)) first_q <= ~N'({gnt_o, 1'b0} - (N + 1)'(1));
  end

endmodule
