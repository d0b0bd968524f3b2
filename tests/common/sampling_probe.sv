// SPDX-License-Identifier: Apache-2.0
//
// Test article: a counter, a register and a wire, clocked from outside or from inside.

module sampling_probe #(
    /// Make the clock here instead of taking `clk_i`.
    parameter bit OWN_CLOCK = 1'b0
) (
    input  logic       clk_i,
    input  logic [7:0] d_i,
    output logic       clk_o,
    output logic [7:0] count_o,
    output logic [7:0] q_o,
    output logic [7:0] sum_o
);
  if (OWN_CLOCK) begin : g_own
    bit clk = 1'b0;
    always #1 clk = !clk;
    assign clk_o = clk;
  end else begin : g_given
    assign clk_o = clk_i;
  end

  initial begin
    count_o = '0;
    q_o = '0;
  end
  always_ff @(posedge clk_o) begin
    count_o <= count_o + 8'd1;
    q_o     <= d_i;
  end
  assign sum_o = d_i + q_o;
endmodule
