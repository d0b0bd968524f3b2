// SPDX-License-Identifier: Apache-2.0
//
// The floating-point adder between registers of a scan chain, for place and route.

module sp_float_add_scan #(
    /// As in sp_float_add.
    parameter int unsigned EXP_W = 8,
    /// As in sp_float_add.
    parameter int unsigned FRAC_W = 23
) (
    /// Clock.
    input  logic clk_i,
    /// Into the chain.
    input  logic scan_i,
    /// The sum goes into the chain instead of what is there.
    input  logic load_i,
    /// Out of the chain.
    output logic scan_o
);

  localparam int unsigned Width = 1 + EXP_W + FRAC_W;

  logic [2*Width-1:0] numbers_q;
  logic [Width-1:0]   sum;
  logic [Width-1:0]   sum_q;

  sp_float_add #(
      .EXP_W (EXP_W),
      .FRAC_W(FRAC_W)
  ) i_add (
      .clk_i,
      .a_i  (numbers_q[Width-1:0]),
      .b_i  (numbers_q[2*Width-1:Width]),
      .sum_o(sum)
  );

  always_ff @(posedge clk_i) begin
    numbers_q <= {numbers_q[2*Width-2:0], scan_i};
    sum_q     <= load_i ? sum : {sum_q[Width-2:0], numbers_q[2*Width-1]};
    scan_o    <= sum_q[Width-1];
  end

endmodule
