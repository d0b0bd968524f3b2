// SPDX-License-Identifier: Apache-2.0
//
// An FP32 number as an element, rounded once to nearest, ties to even, one in every cycle.
// Guarantees: the result of docs/numerics.md for every pattern, subnormal results included. What
// is beyond the largest number is infinity, NaN for E4M3, and for E4M3 and E5M2 the largest number
// if that is asked for; an infinity stays one (NaN for E4M3). A NaN is canonical.
//
//   cycle  0              1              2, 3                       4    5
//          distance from  what is kept,  a subnormal result's shift add  beyond the largest,
//          the subnormal  by the type    to the right                    NaN
//
// There are no valid bits: what comes in cycle t is out in cycle t + narrow_latency().

module sp_float_narrow
  import sp_pkg::*;
#(
    /// Bits of the widest element: 8, 16 or 32. Narrower ones are in the low bits, zeros above.
    parameter int unsigned WIDTH = 32,
    /// Types that are built in: bit t is that of etype_e t. INT32 and types that are wider than
    /// WIDTH count for nothing.
    parameter logic [7:0] TYPES = 8'h03
) (
    /// Clock.
    input  logic             clk_i,
    /// Type of the element: one that is built in.
    input  logic [2:0]       etype_i,
    /// E4M3 and E5M2: overflow gives the largest number. Nothing to the other types.
    input  logic             saturate_i,
    /// The FP32 number.
    input  logic [31:0]      number_i,
    /// The element.
    output logic [WIDTH-1:0] number_o
);

  localparam bit HasFp32 = WIDTH >= 32 && TYPES[ET_FP32];
  localparam bit HasBf16 = WIDTH >= 16 && TYPES[ET_BF16];
  localparam bit HasFp16 = WIDTH >= 16 && TYPES[ET_FP16];
  localparam bit HasE4m3 = TYPES[ET_E4M3];
  localparam bit HasE5m2 = TYPES[ET_E5M2];

  if (WIDTH != 8 && WIDTH != 16 && WIDTH != 32) begin : g_bad_width
    $fatal(1, "sp_float_narrow: WIDTH = %0d is not 8, 16 or 32", WIDTH);
  end
  if (!(HasFp32 || HasBf16 || HasFp16 || HasE4m3 || HasE5m2)) begin : g_bad_types
    $fatal(1, "sp_float_narrow: TYPES = %b has no floating-point type of %0d bits", TYPES, WIDTH);
  end

  // A significand of FP16 and the bit behind it are what is shifted and rounded; all that FP32 has
  // more lies above and takes part in neither.
  localparam int unsigned NearW = 11;
  // Bits of a rounded magnitude: BF16 and FP16 have most.
  localparam int unsigned SumW = 15;

  /// The type, one of them; a type that is not built in is never it.
  typedef struct packed {
    logic fp32;
    logic bf16;
    logic fp16;
    logic e4m3;
    logic e5m2;
  } type_t;

  /// What does not depend on rounding.
  typedef struct packed {
    type_t is_a;
    logic  saturate;
    logic  sign;
    logic  nan;       // the number is NaN
    logic  inf;       // it is infinity
    logic  beyond;    // its exponent alone is too large
  } fate_t;

  // ----------------------------------------------------------------- cycle 0: where it lies

  type_t       type0;
  fate_t       fate1_q, fate2_q, fate3_q, fate4_q;
  logic [7:0]  exp1_q;
  logic [22:0] frac1_q;
  logic        ones1_q, some1_q;  // the exponent is all ones; the fraction is not zero
  logic [8:0]  above1_q;          // exponent above the smallest normal one of a small type
  logic        low12_q;           // a one among the 12 lowest bits of the fraction

  assign type0 = '{
      fp32: HasFp32 && etype_i == ET_FP32, bf16: HasBf16 && etype_i == ET_BF16,
      fp16: HasFp16 && etype_i == ET_FP16, e4m3: HasE4m3 && etype_i == ET_E4M3,
      e5m2: HasE5m2 && etype_i == ET_E5M2};

  always_ff @(posedge clk_i) begin
    fate1_q          <= '0;
    fate1_q.is_a     <= type0;
    fate1_q.saturate <= saturate_i;
    fate1_q.sign     <= number_i[31];
    exp1_q           <= number_i[30:23];
    frac1_q          <= number_i[22:0];
    ones1_q          <= number_i[30:23] == '1;
    some1_q          <= number_i[22:0] != '0;
    above1_q         <= 9'(number_i[30:23]) - (type0.e4m3 ? 9'd121 : 9'd113);
    low12_q          <= number_i[11:0] != '0;
  end

  // ------------------------------------------------------------ cycle 1: what the type keeps
  // FP32 and BF16 have the exponent as it is and the fraction without its hidden one. In the other
  // types `base` is 0 for both the subnormal numbers and the first normal binade, and the hidden
  // one counts one more; FP32 numbers that have none are too small for it to be kept.

  logic             wide1;         // FP32 or BF16
  logic             below1;        // subnormal result of a small type
  logic [22:0]      kept1;
  logic             guard1;        // the first bit that is not kept
  logic             sticky1;       // one of the others
  logic [7:0]       base2_q;
  logic [3:0]       drop2_q;       // places to the right
  logic [22:0]      kept2_q;
  logic             guard2_q, sticky2_q;

  assign wide1  = fate1_q.is_a.fp32 || fate1_q.is_a.bf16;
  assign below1 = !wide1 && above1_q[8];

  always_comb begin
    kept1   = fate1_q.is_a.fp32 ? frac1_q : '0;
    guard1  = 1'b0;
    sticky1 = 1'b0;
    case (1'b1)
      fate1_q.is_a.bf16: begin
        kept1   = 23'(frac1_q[22:16]);
        guard1  = frac1_q[15];
        sticky1 = frac1_q[14:12] != '0 || low12_q;
      end
      fate1_q.is_a.fp16: begin
        kept1   = 23'({1'b1, frac1_q[22:13]});
        guard1  = frac1_q[12];
        sticky1 = low12_q;
      end
      fate1_q.is_a.e4m3: begin
        kept1   = 23'({1'b1, frac1_q[22:20]});
        guard1  = frac1_q[19];
        sticky1 = frac1_q[18:12] != '0 || low12_q;
      end
      fate1_q.is_a.e5m2: begin
        kept1   = 23'({1'b1, frac1_q[22:21]});
        guard1  = frac1_q[20];
        sticky1 = frac1_q[19:12] != '0 || low12_q;
      end
    endcase
  end

  // From 12 places on nothing but the sticky bit is left, so 15 do for all of them.
  always_ff @(posedge clk_i) begin
    kept2_q   <= kept1;
    guard2_q  <= guard1;
    sticky2_q <= sticky1;
    base2_q   <= wide1 ? exp1_q : below1 ? '0 : above1_q[7:0];
    if (!below1) drop2_q <= '0;
    else if (above1_q[7:4] != '1 || above1_q[3:0] == '0) drop2_q <= '1;
    else drop2_q <= -above1_q[3:0];
    fate2_q        <= fate1_q;
    fate2_q.nan    <= ones1_q && some1_q;
    fate2_q.inf    <= ones1_q && !some1_q;
    fate2_q.beyond <= !wide1 && !above1_q[8]
                      && above1_q[7:0] >= (fate1_q.is_a.e4m3 ? 8'd15 : 8'd30);
  end

  // ------------------------------------------------------- cycles 2, 3: subnormal, its exponent

  logic [NearW:0]  far_q, near;
  logic [NearW:0]  low2, far, lost2, lost3;
  logic            sticky3_q, sticky4_q;
  logic [1:0]      rest_q;
  logic [7:0]      base3_q;
  logic [22:NearW] high3_q;
  logic [NearW-1:0] kept4_q;
  logic            guard4_q;
  logic [SumW-1:0] base4_q;
  logic [30:SumW]  high4_q;        // of FP32's magnitude
  logic [SumW-1:NearW] mid4_q;

  assign low2  = {kept2_q[NearW-1:0], guard2_q};
  assign far   = low2 >> {drop2_q[3:2], 2'b0};
  assign lost2 = low2 & ~({NearW + 1{1'b1}} << {drop2_q[3:2], 2'b0});
  assign near  = far_q >> rest_q;
  assign lost3 = far_q & ~({NearW + 1{1'b1}} << rest_q);

  always_ff @(posedge clk_i) begin
    far_q     <= far;
    sticky3_q <= sticky2_q || lost2 != '0;
    rest_q    <= drop2_q[1:0];
    base3_q   <= base2_q;
    high3_q   <= kept2_q[22:NearW];
    fate3_q   <= fate2_q;

    {kept4_q, guard4_q} <= near;
    sticky4_q <= sticky3_q || lost3 != '0;
    mid4_q    <= high3_q[SumW-1:NearW];
    high4_q   <= fate3_q.is_a.fp32 ? {base3_q, high3_q[22:SumW]} : '0;
    fate4_q   <= fate3_q;
    base4_q   <= '0;
    case (1'b1)
      fate3_q.is_a.bf16: base4_q <= {base3_q, 7'b0};
      fate3_q.is_a.fp16: base4_q <= {base3_q[4:0], 10'b0};
      fate3_q.is_a.e4m3: base4_q <= {8'b0, base3_q[3:0], 3'b0};
      fate3_q.is_a.e5m2: base4_q <= {8'b0, base3_q[4:0], 2'b0};
    endcase
  end

  // -------------------------------------------------------------------------- cycle 4: round
  // A carry makes the next binade, the smallest normal number and infinity. FP32 is never rounded,
  // so what it has above these bits stands still. Beside it is made what stands for numbers that
  // are too large, or for what is no number.

  type_t           is4;
  logic            up;
  logic            special;        // whatever rounding gives, it is not that
  logic            none;           // a special one that is NaN
  logic [31:0]     limit;          // what it is instead

  assign is4     = fate4_q.is_a;
  assign up      = guard4_q && (sticky4_q || kept4_q[0]);
  assign special = fate4_q.nan || fate4_q.inf || fate4_q.beyond;
  assign none    = fate4_q.nan || (is4.e4m3 && (fate4_q.inf || !fate4_q.saturate));

  always_comb begin
    limit = '0;
    case (1'b1)
      is4.fp32: limit = none ? 32'h7FC0_0000 : {fate4_q.sign, 31'h7F80_0000};
      is4.bf16: limit = none ? 32'h7FC0 : {16'b0, fate4_q.sign, 15'h7F80};
      is4.fp16: limit = none ? 32'h7E00 : {16'b0, fate4_q.sign, 15'h7C00};
      is4.e4m3: limit = none ? 32'h7F : {24'b0, fate4_q.sign, 7'h7E};
      is4.e5m2: begin
        limit = none ? 32'h7E : {24'b0, fate4_q.sign, 7'h7C};
        if (!none && !fate4_q.inf && fate4_q.saturate) limit[6:0] = 7'h7B;
      end
    endcase
  end

  logic [SumW-1:0] sum5_q;
  logic [30:SumW]  high5_q;
  type_t           is5_q;
  logic            sign5_q, special5_q;
  logic [31:0]     limit5_q;

  always_ff @(posedge clk_i) begin
    sum5_q     <= base4_q + {mid4_q, kept4_q} + SumW'(up);
    high5_q    <= high4_q;
    is5_q      <= is4;
    sign5_q    <= fate4_q.sign;
    special5_q <= special;
    limit5_q   <= limit;
  end

  // --------------------------------------------------------- cycle 5: beyond the largest number
  // BF16 and FP16 are rounded to infinity as to any other number. E5M2 may be told to stop before
  // it; E4M3 has its NaN there instead, and may be rounded past it.

  logic        over;
  // verilator lint_off UNUSEDSIGNAL
  logic [31:0] element;            // and what is wider than any built-in type
  // verilator lint_on UNUSEDSIGNAL

  assign over = (is5_q.e4m3 && (sum5_q[7] || sum5_q[6:0] == '1))
                || (is5_q.e5m2 && sum5_q[6:2] == '1);

  always_comb begin
    element = {is5_q.fp32 && sign5_q, high5_q, sum5_q};
    if (is5_q.bf16 || is5_q.fp16) element[15] = sign5_q;
    if (is5_q.e4m3 || is5_q.e5m2) element[7] = sign5_q;
    if (special5_q || over) element = limit5_q;
  end

  always_ff @(posedge clk_i) number_o <= element[WIDTH-1:0];

endmodule
