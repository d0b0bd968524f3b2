// SPDX-License-Identifier: Apache-2.0
//
// Pipeline register: cuts the path of the words, not that of `ready`. Guarantees: words leave in
// order, one cycle after they came, none lost, none twice; a word that is offered stays until it is
// taken; a full register takes the next word in the cycle in which its own leaves.

module sp_stage #(
    /// Bits of a word, 1 or more.
    parameter int unsigned WIDTH = 8
) (
    /// Clock.
    input  logic             clk_i,
    /// Reset, active low, asynchronous; empties the register.
    input  logic             rst_ni,
    /// A word comes.
    input  logic             valid_i,
    /// It is taken.
    output logic             ready_o,
    /// The word.
    input  logic [WIDTH-1:0] data_i,
    /// A word is offered.
    output logic             valid_o,
    /// It is taken downstream.
    input  logic             ready_i,
    /// The word offered.
    output logic [WIDTH-1:0] data_o
);

  if (WIDTH < 1) begin : g_bad_width
    $fatal(1, "sp_stage: WIDTH = %0d is not 1 or more", WIDTH);
  end

  assign ready_o = !valid_o || ready_i;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) valid_o <= 1'b0;
    else if (ready_o) valid_o <= valid_i;
  end

  always_ff @(posedge clk_i) begin
    if (ready_o && valid_i) data_o <= data_i;
  end

endmodule
