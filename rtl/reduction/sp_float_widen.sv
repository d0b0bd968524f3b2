// SPDX-License-Identifier: Apache-2.0
//
// An element as an FP32 number, one in every cycle.
// Guarantees: the number is the same, for every type: all of them lie in FP32's range, with
// subnormal numbers of FP16, E4M3 and E5M2 as normal ones. A NaN is some NaN: payload and sign mean
// nothing.
//
//   cycle  0                        1                     2
//          sign, exponent, fraction shift left by 4 or 8  shift left by 1 to 4
//          as those of FP32         (subnormal numbers of the small types only)
//
// There are no valid bits: what comes in cycle t is out in cycle t + widen_latency().

module sp_float_widen
  import sp_pkg::*;
#(
    /// Bits of the widest element: 8, 16 or 32. Narrower ones are in the low bits.
    parameter int unsigned WIDTH = 32,
    /// Types that are built in: bit t is that of etype_e t. INT32 and types that are wider than
    /// WIDTH count for nothing.
    parameter logic [7:0] TYPES = 8'h03
) (
    /// Clock.
    input  logic             clk_i,
    /// Type of the element: one that is built in.
    input  logic [2:0]       etype_i,
    /// The element.
    input  logic [WIDTH-1:0] number_i,
    /// The same number as FP32.
    output logic [31:0]      number_o
);

  localparam bit HasFp32 = WIDTH >= 32 && TYPES[ET_FP32];
  localparam bit HasBf16 = WIDTH >= 16 && TYPES[ET_BF16];
  localparam bit HasFp16 = WIDTH >= 16 && TYPES[ET_FP16];
  localparam bit HasE4m3 = TYPES[ET_E4M3];
  localparam bit HasE5m2 = TYPES[ET_E5M2];

  if (WIDTH != 8 && WIDTH != 16 && WIDTH != 32) begin : g_bad_width
    $fatal(1, "sp_float_widen: WIDTH = %0d is not 8, 16 or 32", WIDTH);
  end
  if (!(HasFp32 || HasBf16 || HasFp16 || HasE4m3 || HasE5m2)) begin : g_bad_types
    $fatal(1, "sp_float_widen: TYPES = %b has no floating-point type of %0d bits", TYPES, WIDTH);
  end

  // Places behind the point that a subnormal number of a small type can have: those of FP16.
  localparam int unsigned NearW = 10;

  /// An FP32 number by its parts. `tiny`: it has no hidden one yet.
  typedef struct packed {
    logic        sign;
    logic        tiny;
    logic [7:0]  exp;
    logic [22:0] frac;
  } num_t;

  // --------------------------------------------------------------------------- by the type
  // 112, or 120 for E4M3, is added to an exponent: that turns copies of its upper bit around. A
  // subnormal number has the exponent of the smallest normal one.

  logic [31:0] all;   // the element, and zeros where none is so wide
  num_t        first, first_q;

  assign all = 32'(number_i);

  always_comb begin
    first = '0;
    if (HasFp32 && etype_i == ET_FP32) begin
      {first.sign, first.exp, first.frac} = all;
    end
    if (HasBf16 && etype_i == ET_BF16) begin
      {first.sign, first.exp, first.frac[22:16]} = all[15:0];
    end
    if (HasFp16 && etype_i == ET_FP16) begin
      first.sign = all[15];
      first.tiny = all[14:10] == '0 && all[9:0] != '0;
      first.exp  = {all[14], {3{!all[14]}}, all[13:11], all[10] || first.tiny};
      first.frac[22:13] = all[9:0];
      if (all[14:0] == '0) first.exp = '0;
      if (all[14:10] == '1) first.exp = '1;
    end
    if (HasE4m3 && etype_i == ET_E4M3) begin
      first.sign = all[7];
      first.tiny = all[6:3] == '0 && all[2:0] != '0;
      first.exp  = {all[6], {4{!all[6]}}, all[5:4], all[3] || first.tiny};
      first.frac[22:20] = all[2:0];
      if (all[6:0] == '0) first.exp = '0;
      if (all[6:0] == '1) first.exp = '1;  // the only NaN; there is no infinity
    end
    if (HasE5m2 && etype_i == ET_E5M2) begin
      first.sign = all[7];
      first.tiny = all[6:2] == '0 && all[1:0] != '0;
      first.exp  = {all[6], {3{!all[6]}}, all[5:3], all[2] || first.tiny};
      first.frac[22:21] = all[1:0];
      if (all[6:0] == '0) first.exp = '0;
      if (all[6:2] == '1) first.exp = '1;
    end
  end

  // ------------------------------------------------------------------ the hidden one, two steps

  num_t             far, far_q;
  logic [7:0]       near_exp;
  logic [22:0]      near_frac;
  logic [NearW-1:0] far_bits, near_bits;
  logic [3:0]       by_far;
  logic [2:0]       by_near;

  // The first one comes among the four upper bits, then just out of them.
  always_comb begin
    far_bits = first_q.frac[22-:NearW];
    by_far   = '0;
    if (first_q.tiny && far_bits[NearW-1-:4] == '0) by_far = 4'd4;
    if (first_q.tiny && far_bits[NearW-1-:8] == '0) by_far = 4'd8;
    far = first_q;
    far.frac[22-:NearW] = far_bits << by_far;
    far.exp = first_q.exp - 8'(by_far);

    near_bits = far_q.frac[22-:NearW];
    by_near   = '0;
    if (far_q.tiny) begin
      by_near = 3'd4;
      for (int unsigned n = 3; n > 0; n--) if (near_bits[NearW-n]) by_near = 3'(n);
    end
    near_frac = far_q.frac;
    near_frac[22-:NearW] = near_bits << by_near;
    near_exp  = far_q.exp - 8'(by_near);
  end

  always_ff @(posedge clk_i) begin
    first_q  <= first;
    far_q    <= far;
    number_o <= {far_q.sign, near_exp, near_frac};
  end

endmodule
