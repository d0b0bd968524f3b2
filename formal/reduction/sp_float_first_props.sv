// SPDX-License-Identifier: Apache-2.0
//
// A first contribution is added to -0 (sp_ordered_lanes): every FP32 number comes out of the adder
// as it went in, zeros of both signs too, and only NaNs become the canonical one.

module sp_float_first_props #(
    /// Bits of the exponent.
    parameter int unsigned EXP_W = 8,
    /// Bits of the fraction.
    parameter int unsigned FRAC_W = 23,
    localparam int unsigned Width = 1 + EXP_W + FRAC_W
) (
    /// Clock.
    input logic             clk_i,
    /// A number, free.
    input logic [Width-1:0] number_i
);

  localparam int unsigned Latency = sp_float_pkg::add_latency(FRAC_W);
  localparam logic [Width-2:0] Inf = {{EXP_W{1'b1}}, {FRAC_W{1'b0}}};
  localparam logic [Width-1:0] Nan = {1'b0, Inf | (Width - 1)'(1 << (FRAC_W - 1))};

  logic [Latency:0][Width-1:0] number;  // [n]: n cycles ago
  logic [Width-1:0]            sum;
  logic [3:0]                  cycles_q;

  sp_float_add #(
      .EXP_W (EXP_W),
      .FRAC_W(FRAC_W)
  ) i_add (
      .clk_i,
      .a_i  (number_i),
      .b_i  ({1'b1, {Width - 1{1'b0}}}),
      .sum_o(sum)
  );

  initial cycles_q = '0;
  assign number[0] = number_i;

  always_ff @(posedge clk_i) begin
    number[Latency:1] <= number[Latency-1:0];
    if (32'(cycles_q) < Latency) cycles_q <= cycles_q + 4'd1;
  end

  always_comb begin
    is_itself: assert (32'(cycles_q) < Latency
        || sum == ((number[Latency][Width-2:0] > Inf) ? Nan : number[Latency]));
  end

  always_comb begin
    zero: cover (32'(cycles_q) == Latency && sum == '0);
    subnormal: cover (32'(cycles_q) == Latency && sum == Width'(5));
  end

endmodule
