// SPDX-License-Identifier: Apache-2.0
//
// Every pair of numbers, one in every cycle, against a specification that is plain: both numbers as
// integers in units of the smallest subnormal number, their sum, and that rounded once.

module sp_float_add_props #(
    /// Bits of the exponent.
    parameter int unsigned EXP_W = 5,
    /// Bits of the fraction.
    parameter int unsigned FRAC_W = 2,
    localparam int unsigned Width = 1 + EXP_W + FRAC_W
) (
    /// Clock.
    input logic             clk_i,
    /// A number, free.
    input logic [Width-1:0] a_i,
    /// Another one, free.
    input logic [Width-1:0] b_i
);

  localparam int unsigned Latency = sp_float_pkg::add_latency(FRAC_W);
  // Bits of the greatest finite number as an integer, and of a sum of two with its sign.
  localparam int unsigned WholeW = 2 ** EXP_W - 2 + FRAC_W;
  localparam int unsigned SumW = WholeW + 2;
  localparam logic [Width-2:0] Inf = {{EXP_W{1'b1}}, {FRAC_W{1'b0}}};
  localparam logic [Width-1:0] Nan = {1'b0, Inf | (Width - 1)'(1 << (FRAC_W - 1))};

  logic [Width-1:0] sum;

  sp_float_add #(
      .EXP_W (EXP_W),
      .FRAC_W(FRAC_W)
  ) i_add (
      .clk_i,
      .a_i,
      .b_i,
      .sum_o(sum)
  );

  // ---------------------------------------------------------------------------- specification

  function automatic logic signed [SumW-1:0] whole(logic [Width-1:0] n);
    logic [WholeW-1:0] magnitude;
    magnitude = WholeW'(n[FRAC_W-1:0]);
    if (n[FRAC_W+:EXP_W] != '0) begin
      magnitude = WholeW'({1'b1, n[FRAC_W-1:0]}) << (n[FRAC_W+:EXP_W] - EXP_W'(1));
    end
    return n[Width-1] ? -SumW'(magnitude) : SumW'(magnitude);
  endfunction

  // Numbers below the second binade are their own patterns. Above it the binade is one more for
  // each place that is dropped.
  function automatic logic [Width-2:0] rounded(logic [SumW-2:0] magnitude);
    logic [SumW-2:0] kept, rest, half;
    logic [SumW-1:0] pattern;
    int unsigned     drop;
    drop = 0;
    for (int unsigned n = FRAC_W + 1; n < SumW - 1; n++) if (magnitude[n]) drop = n - FRAC_W;
    kept = magnitude >> drop;
    rest = magnitude - (kept << drop);
    half = (drop == 0) ? '0 : (SumW - 1)'(1) << (drop - 1);
    pattern = SumW'(drop << FRAC_W) + SumW'(kept);
    if (drop != 0 && (rest > half || (rest == half && kept[0]))) pattern++;
    return (pattern >= SumW'(Inf)) ? Inf : pattern[Width-2:0];
  endfunction

  function automatic logic [Width-1:0] specified(logic [Width-1:0] a, logic [Width-1:0] b);
    logic signed [SumW-1:0] total;
    if (a[Width-2:0] > Inf || b[Width-2:0] > Inf) return Nan;
    if (a[Width-2:0] == Inf && b[Width-2:0] == Inf) return (a == b) ? a : Nan;
    if (a[Width-2:0] == Inf) return a;
    if (b[Width-2:0] == Inf) return b;
    total = whole(a) + whole(b);
    if (total == 0) return {a[Width-1] && b[Width-1], {Width - 1{1'b0}}};
    return {total < 0, rounded((SumW - 1)'((total < 0) ? -total : total))};
  endfunction

  // --------------------------------------------------------------------------------- the pairs

  logic [Width-1:0]     a_q [Latency];
  logic [Width-1:0]     b_q [Latency];
  logic [4:0]           cycles_q;
  logic [Width-1:0]     wanted;

  initial cycles_q = '0;

  always_ff @(posedge clk_i) begin
    a_q[0] <= a_i;
    b_q[0] <= b_i;
    for (int unsigned n = 1; n < Latency; n++) begin
      a_q[n] <= a_q[n-1];
      b_q[n] <= b_q[n-1];
    end
    if (32'(cycles_q) < Latency) cycles_q <= cycles_q + 5'd1;
  end

  assign wanted = specified(a_q[Latency-1], b_q[Latency-1]);

  always_comb begin
    sum_is_specified: assert (32'(cycles_q) < Latency || sum == wanted);
  end

  always_comb begin
    rounds_up: cover (32'(cycles_q) == Latency && a_q[Latency-1][FRAC_W+:EXP_W] == EXP_W'(3)
                      && b_q[Latency-1][FRAC_W+:EXP_W] == EXP_W'(1)
                      && sum[Width-2:0] > a_q[Latency-1][Width-2:0]);
    leaves_subnormal: cover (32'(cycles_q) == Latency && a_q[Latency-1][FRAC_W+:EXP_W] == '0
                             && b_q[Latency-1][FRAC_W+:EXP_W] == '0
                             && sum[FRAC_W+:EXP_W] != '0);
    overflows: cover (32'(cycles_q) == Latency && a_q[Latency-1][Width-2:0] < Inf
                      && b_q[Latency-1][Width-2:0] < Inf && sum[Width-2:0] == Inf);
    cancels: cover (32'(cycles_q) == Latency && a_q[Latency-1][FRAC_W+:EXP_W] == EXP_W'(3)
                    && sum[FRAC_W+:EXP_W] == '0 && sum[FRAC_W-1:0] != '0);
  end

endmodule
