// SPDX-License-Identifier: Apache-2.0
//
// Skid buffer: cuts the path of `ready` and costs no latency. Guarantees: words leave in order,
// none lost, none twice; `ready_o` comes from a register; an empty buffer passes a word through in
// the cycle in which it comes; a word that is offered stays until it is taken.

module sp_skid_buffer #(
    /// Bits of a word, 1 or more.
    parameter int unsigned WIDTH = 8
) (
    /// Clock.
    input  logic             clk_i,
    /// Reset, active low, asynchronous; empties the buffer.
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
    $fatal(1, "sp_skid_buffer: WIDTH = %0d is not 1 or more", WIDTH);
  end

  logic             held_q;
  logic [WIDTH-1:0] data_q;

  assign ready_o = !held_q;
  assign valid_o = held_q || valid_i;
  assign data_o  = held_q ? data_q : data_i;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) held_q <= 1'b0;
    else held_q <= valid_o && !ready_i;
  end

  always_ff @(posedge clk_i) begin
    if (!held_q) data_q <= data_i;  // whether it is needed is known late
  end

endmodule
