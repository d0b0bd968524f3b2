// SPDX-License-Identifier: Apache-2.0
//
// A counter to try the runner on: adds or mixes in what it is given.
module sp_tiny #(
  /// Bits of the counter.
  parameter int unsigned WIDTH = 8
) (
  /// Clock.
  input  logic             clk_i,
  /// Reset, active low.
  input  logic             rst_ni,
  /// What is added when it is odd, mixed in when it is even.
  input  logic [WIDTH-1:0] a_i,
  /// The counter.
  output logic [WIDTH-1:0] q_o
);
  if (WIDTH < 2) begin : g_bad
    $fatal(1, "sp_tiny: WIDTH = %0d is not in 2..64", WIDTH);
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) q_o <= '0;
    else if (a_i[0]) q_o <= q_o + a_i;
    else q_o <= q_o ^ a_i;
  end
endmodule
