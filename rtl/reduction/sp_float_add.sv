// SPDX-License-Identifier: Apache-2.0
//
// Floating-point adder: a + b, rounded once to nearest, ties to even, a sum in every cycle.
// Guarantees: the sum of IEEE 754 for every pair of patterns, subnormal numbers included. Any NaN
// in, and Inf - Inf, give the canonical NaN; an exact zero is -0 only if both numbers are -0.
//
//   cycle  0         1        2           3          4           5      6 ...       last
//          which is  exchange exponents'  shift far  shift near  add    shift left  round
//          greater            difference
//
// There are no valid bits: what comes in cycle t is out in cycle t + add_latency(FRAC_W).

module sp_float_add #(
    /// Bits of the exponent, 3 to 8.
    parameter int unsigned EXP_W = 8,
    /// Bits of the fraction, 2 to 23.
    parameter int unsigned FRAC_W = 23,
    localparam int unsigned Width = 1 + EXP_W + FRAC_W
) (
    /// Clock.
    input  logic             clk_i,
    /// A number.
    input  logic [Width-1:0] a_i,
    /// Another one.
    input  logic [Width-1:0] b_i,
    /// Their sum.
    output logic [Width-1:0] sum_o
);

  if (EXP_W < 3 || EXP_W > 8) begin : g_bad_exp
    $fatal(1, "sp_float_add: EXP_W = %0d is not in 3..8", EXP_W);
  end
  if (FRAC_W < 2 || FRAC_W > 23) begin : g_bad_frac
    $fatal(1, "sp_float_add: FRAC_W = %0d is not in 2..23", FRAC_W);
  end

  // A significand with its hidden one, and guard, round and sticky bit behind it; and with a carry.
  localparam int unsigned SigW = FRAC_W + 4;
  localparam int unsigned SumW = SigW + 1;
  // A shift to the right: multiples of 2^NearW first, then the rest.
  localparam int unsigned ShiftW = $clog2(SigW);
  localparam int unsigned NearW = (ShiftW + 1) / 2;
  localparam int unsigned FarW = ShiftW - NearW;
  localparam int unsigned Steps = sp_float_pkg::add_steps(FRAC_W);

  typedef logic [EXP_W-1:0] exp_t;

  /// A number by its parts.
  typedef struct packed {
    logic              sign;
    exp_t              exp;
    logic [FRAC_W-1:0] frac;
  } num_t;

  /// What does not depend on the sum of the significands.
  typedef struct packed {
    logic nan;
    logic inf;
    logic sign;   // of the greater number, or of the infinity
    logic minus;  // of a sum that is zero
  } fate_t;

  // ------------------------------------------------------------------------ which is greater

  num_t a_q, b_q;
  logic less_q;              // |a| < |b|
  logic a_ones_q, b_ones_q;  // the exponent is all ones
  logic a_zero_q, b_zero_q;  // it is zero
  logic a_some_q, b_some_q;  // the fraction is not zero

  always_ff @(posedge clk_i) begin
    a_q      <= a_i;
    b_q      <= b_i;
    less_q   <= a_i[Width-2:0] < b_i[Width-2:0];
    a_ones_q <= &a_i[FRAC_W+:EXP_W];
    b_ones_q <= &b_i[FRAC_W+:EXP_W];
    a_zero_q <= a_i[FRAC_W+:EXP_W] == '0;
    b_zero_q <= b_i[FRAC_W+:EXP_W] == '0;
    a_some_q <= a_i[FRAC_W-1:0] != '0;
    b_some_q <= b_i[FRAC_W-1:0] != '0;
  end

  // -------------------------------------------------------------------------------- exchange

  exp_t            big_exp_q, small_exp_q;
  logic [FRAC_W:0] big_q, small_q;          // significands
  logic            subtract_q;
  fate_t           fate_q;

  // A subnormal number has the exponent of the smallest normal one, without the hidden one.
  always_ff @(posedge clk_i) begin
    if (less_q) begin
      big_exp_q   <= b_q.exp | exp_t'(b_zero_q);
      big_q       <= {!b_zero_q, b_q.frac};
      small_exp_q <= a_q.exp | exp_t'(a_zero_q);
      small_q     <= {!a_zero_q, a_q.frac};
    end else begin
      big_exp_q   <= a_q.exp | exp_t'(a_zero_q);
      big_q       <= {!a_zero_q, a_q.frac};
      small_exp_q <= b_q.exp | exp_t'(b_zero_q);
      small_q     <= {!b_zero_q, b_q.frac};
    end
    subtract_q   <= a_q.sign != b_q.sign;
    fate_q.nan   <= (a_ones_q && a_some_q) || (b_ones_q && b_some_q)
                    || (a_ones_q && b_ones_q && a_q.sign != b_q.sign);
    fate_q.inf   <= a_ones_q || b_ones_q;
    fate_q.sign  <= less_q ? b_q.sign : a_q.sign;
    fate_q.minus <= a_q.sign && b_q.sign;
  end

  // ------------------------------------------------------------------- difference, two shifts

  exp_t             apart_q;
  exp_t             exp3_q, exp4_q, exp5_q;
  logic [FRAC_W:0]  big3_q, big4_q, big5_q;
  logic [FRAC_W:0]  small3_q;
  logic [SigW-1:0]  far, near;
  logic             far_lost, near_lost;      // a one was shifted out
  logic [SigW-1:0]  far_q, near_q;
  logic             far_lost_q;
  logic [NearW-1:0] rest_q;                   // of the shift
  logic             subtract3_q, subtract4_q, subtract5_q;
  fate_t            fate3_q, fate4_q, fate5_q;
  logic             gone;                     // all of it is shifted out

  assign gone = (apart_q >> ShiftW) != '0;

  always_comb begin
    far      = '0;
    far_lost = gone && small3_q != '0;
    for (int unsigned n = 0; n < 2 ** FarW; n++) begin
      if (!gone && FarW'(apart_q >> NearW) == FarW'(n)) begin
        far      |= {small3_q, 3'b0} >> (n << NearW);
        far_lost |= ({small3_q, 3'b0} & ~({SigW{1'b1}} << (n << NearW))) != '0;
      end
    end
    near      = far_q >> rest_q;
    near_lost = (far_q & ~({SigW{1'b1}} << rest_q)) != '0;
  end

  always_ff @(posedge clk_i) begin
    apart_q     <= big_exp_q - small_exp_q;
    exp3_q      <= big_exp_q;
    big3_q      <= big_q;
    small3_q    <= small_q;
    subtract3_q <= subtract_q;
    fate3_q     <= fate_q;

    far_q       <= far;
    far_lost_q  <= far_lost;
    rest_q      <= gone ? '0 : apart_q[NearW-1:0];
    exp4_q      <= exp3_q;
    big4_q      <= big3_q;
    subtract4_q <= subtract3_q;
    fate4_q     <= fate3_q;

    near_q      <= {near[SigW-1:1], near[0] || near_lost || far_lost_q};
    exp5_q      <= exp4_q;
    big5_q      <= big4_q;
    subtract5_q <= subtract4_q;
    fate5_q     <= fate4_q;
  end

  // ------------------------------------------------------------------------- add, normalise

  // The exponent is that of the place of the carry. A sum moves left until its first one is there,
  // or until its exponent is that of subnormal numbers, 1: `room` places at most.
  logic [SumW-1:0] sum_q  [Steps+1];
  exp_t            room_q [Steps+1];
  fate_t           made_q [Steps+1];
  logic            none_q [Steps+1];  // the sum is zero; from the second step on
  logic [SumW-1:0] shifted [Steps];
  exp_t            left    [Steps];

  always_ff @(posedge clk_i) begin
    sum_q[0]  <= subtract5_q ? {1'b0, big5_q, 3'b0} - {1'b0, near_q}
                             : {1'b0, big5_q, 3'b0} + {1'b0, near_q};
    room_q[0] <= exp5_q;
    made_q[0] <= fate5_q;
  end

  for (genvar s = 0; s < int'(Steps); s++) begin : g_step
    if (s < int'(Steps) - 1) begin : g_far
      localparam int unsigned Unit = 2 ** (Steps - s);
      logic moves;
      assign moves      = sum_q[s][SumW-1-:Unit] == '0 && 32'(room_q[s]) >= Unit;
      assign shifted[s] = moves ? sum_q[s] << Unit : sum_q[s];
      assign left[s]    = moves ? room_q[s] - exp_t'(Unit) : room_q[s];
    end else begin : g_near
      logic [1:0] by;  // as many places as zeros in front, and as there is room for
      always_comb begin
        by = 2'd0;
        for (int unsigned n = 1; n < 4; n++) begin
          if ((sum_q[s] >> (SumW - n)) == '0 && 32'(room_q[s]) >= n) by = 2'(n);
        end
      end
      assign shifted[s] = sum_q[s] << by;
      assign left[s]    = room_q[s] - exp_t'(by);
    end

    always_ff @(posedge clk_i) begin
      sum_q[s+1]  <= shifted[s];
      room_q[s+1] <= left[s];
      made_q[s+1] <= made_q[s];
      none_q[s+1] <= (s == 0) ? sum_q[0] == '0 : none_q[s];
      // A carry out of the greatest exponent.
      if (s == 0 && sum_q[0][SumW-1] && room_q[0] == exp_t'(2 ** EXP_W - 2)) begin
        made_q[1].inf <= 1'b1;
      end
    end
  end
  assign none_q[0] = 1'b0;

  // ---------------------------------------------------------------------------------- round

  logic [FRAC_W:0]  kept;
  logic             up;
  exp_t             exp;
  logic [Width-2:0] magnitude;

  // The first one, if it came to its place, counts in the exponent; so does a carry from rounding:
  // from a subnormal number to the smallest normal one, to the next power of two, to infinity.
  always_comb begin
    kept = sum_q[Steps][SumW-1:4];
    up   = sum_q[Steps][3] && (sum_q[Steps][2:0] != '0 || kept[0]);
    exp  = none_q[Steps] ? '0 : room_q[Steps];
    magnitude = {exp, {FRAC_W{1'b0}}} + (Width - 1)'(kept) + (Width - 1)'(up);
    if (made_q[Steps].nan) magnitude = {{EXP_W{1'b1}}, 1'b1, {FRAC_W - 1{1'b0}}};
    else if (made_q[Steps].inf) magnitude = {{EXP_W{1'b1}}, {FRAC_W{1'b0}}};
  end

  always_ff @(posedge clk_i) begin
    sum_o[Width-2:0] <= magnitude;
    sum_o[Width-1]   <= !made_q[Steps].nan
                        && (none_q[Steps] ? made_q[Steps].minus : made_q[Steps].sign);
  end

endmodule
