// SPDX-License-Identifier: Apache-2.0
//
// One lane of exact accumulators for FP32 and BF16 (a BF16 number is an FP32 number whose low 16
// bits are zero), and of running minima and maxima.
//
// An element is a 288-bit integer in units of 2^-149, kept as 9 signed words of 32 bits and room for
// carries, which wait until read-out. An addend has 24 bits and touches two neighbouring words, one
// in the even and one in the odd bank, so one addend a cycle is sustained.
// `state` says which words of an element are in use (an unused word counts as zero, so nothing is
// ever cleared) and what special values were seen.
//
//   accumulate   0 decode, address | 1 old words, state, shift | 2 add or compare | 3 write
//   read-out     0 address | 1 words | 2 join a pair | 3 carry | 4 capture the leading digit
//                5-8 normalise | 9 negate | 10 round | 11 special values, result
//
// Control is common to all lanes and lives in sp_exact_lanes; this module holds no valid bit.
// The two sets have memories of their own: one may be read out while the other accumulates.
module sp_exact_lane #(
    /// Elements of one set: contexts of the set times flits of the longest packet.
    parameter int unsigned ELEMS   = 64,
    /// Contributions to an element, at most: they size the room for carries.
    parameter int unsigned MEMBERS = 1024,
    /// Bits of an element's address; follows from ELEMS.
    localparam int unsigned EW     = (ELEMS > 1) ? $clog2(ELEMS) : 1
) (
    /// Clock.
    input  logic          clk_i,
    /// Stage 0: an addend is here.
    input  logic          a0_valid_i,
    /// Stage 0: its set.
    input  logic          a0_set_i,
    /// Stage 0: its element.
    input  logic [EW-1:0] a0_elem_i,
    /// Stage 0: minimum or maximum instead of sum.
    input  logic          a0_cmp_i,
    /// Stage 0: the number, as FP32.
    input  logic [31:0]   a0_data_i,
    /// Stage 1: an addend is here.
    input  logic          a1_valid_i,
    /// Stage 1: its set.
    input  logic          a1_set_i,
    /// Stage 1: it is the first of its element: what memory holds counts as nothing.
    input  logic          a1_first_i,
    /// Stage 1: minimum or maximum.
    input  logic          a1_cmp_i,
    /// Stage 1: bit d says that the addend in stage 2 + d is there and of the same element.
    input  logic [2:0]    a1_same_i,
    /// Stage 2: an addend is here.
    input  logic          a2_valid_i,
    /// Stage 2: its set.
    input  logic          a2_set_i,
    /// Stage 2: its element.
    input  logic [EW-1:0] a2_elem_i,
    /// Stage 2: minimum or maximum.
    input  logic          a2_cmp_i,
    /// Stage 2: maximum.
    input  logic          a2_max_i,
    /// Stage 3: an addend is here.
    input  logic          a3_valid_i,
    /// Stage 3: its set.
    input  logic          a3_set_i,
    /// Stage 3: its element.
    input  logic [EW-1:0] a3_elem_i,
    /// Read-out stage 0: a pair of words is read.
    input  logic          r0_valid_i,
    /// Read-out stage 0: set.
    input  logic          r0_set_i,
    /// Read-out stage 0: element.
    input  logic [EW-1:0] r0_elem_i,
    /// Read-out stage 0: pair, 0 (least significant) to 4.
    input  logic [2:0]    r0_pair_i,
    /// Read-out stage 1: valid.
    input  logic          r1_valid_i,
    /// Read-out stage 1: set.
    input  logic          r1_set_i,
    /// Read-out stage 1: pair.
    input  logic [2:0]    r1_pair_i,
    /// Read-out stage 2: valid.
    input  logic          r2_valid_i,
    /// Read-out stage 3: valid.
    input  logic          r3_valid_i,
    /// Read-out stage 3: pair 0.
    input  logic          r3_first_i,
    /// Read-out stage 4: valid.
    input  logic          r4_valid_i,
    /// Read-out stage 4: pair.
    input  logic [2:0]    r4_pair_i,
    /// Read-out stages 5 to 11: an element is in stage k.
    input  logic [11:5]   r_valid_i,
    /// Read-out stage 10: round to BF16.
    input  logic          r10_bf16_i,
    /// Read-out stage 11: minimum or maximum.
    input  logic          r11_cmp_i,
    /// Result as FP32 (BF16 in the upper half), one cycle after stage 11.
    output logic [31:0]   res_o
);

  /// Bits of a word: 32, the carries of all addends, and a sign.
  localparam int unsigned WW = 33 + $clog2(MEMBERS);
  /// Bits of a pair of words and the carry of the pair below it.
  localparam int unsigned PW = 33 + WW;

  if (ELEMS < 1 || ELEMS > 4096) begin : gen_bad_elems
    $fatal(1, "sp_exact_lane: ELEMS = %0d is not in 1..4096", ELEMS);
  end
  if (MEMBERS < 2 || MEMBERS > 1024) begin : gen_bad_members
    $fatal(1, "sp_exact_lane: MEMBERS = %0d is not in 2..1024", MEMBERS);
  end

  /// State of an element: a bit that is set stays until the first addend of the next life.
  typedef struct packed {
    logic       other;  // something that is not -0 was seen
    logic       ninf;
    logic       pinf;
    logic       nan;
    logic [8:0] used;   // words that hold something
  } state_t;

  // ------------------------------------------------------------------------- stage 0: decode

  logic [7:0] a0_exp, a0_shift;
  logic [2:0] a0_word;
  logic [2:0] a0_pe;
  logic [1:0] a0_po;

  assign a0_exp   = a0_data_i[30:23];
  assign a0_shift = a0_exp - 8'(a0_exp != '0);
  assign a0_word  = a0_cmp_i ? 3'd0 : a0_shift[7:5];
  assign a0_pe    = 3'((4'(a0_word) + 4'd1) >> 1);  // the even word of {word, word + 1}, halved
  assign a0_po    = a0_word[2:1];                   // the odd one

  logic [31:0] a1_data_q;
  logic [4:0]  a1_off_q;
  logic [2:0]  a1_word_q;

  always_ff @(posedge clk_i) begin
    if (a0_valid_i) begin
      a1_data_q <= a0_data_i;
      a1_off_q  <= a0_shift[4:0];
      a1_word_q <= a0_word;
    end
  end

  // ------------------------------------------------------------------------------- memories

  logic [WW-1:0] ram_e [2];
  logic [WW-1:0] ram_o [2];
  state_t        ram_s [2];

  logic          a3_we_e_q, a3_we_o_q;
  logic [2:0]    a3_pe_q;
  logic [1:0]    a3_po_q;
  logic [WW-1:0] a3_e_q, a3_o_q;
  state_t        a2_state_q;

  for (genvar s = 0; s < 2; s++) begin : gen_set
    // a word that is read while it is written is forwarded: what memory gives then is never used
    (* no_rw_check *) logic [WW-1:0] mem_e [5 << EW];
    (* no_rw_check *) logic [WW-1:0] mem_o [4 << EW];
    (* no_rw_check *) logic [12:0]   mem_s [1 << EW];
    logic          ro, rd;
    logic [EW-1:0] elem;
    logic [2:0]    pe;
    logic [1:0]    po;
    logic [WW-1:0] even, odd;
    logic [12:0]   state;

    assign ro   = r0_valid_i && (r0_set_i == 1'(s));
    assign rd   = ro || (a0_valid_i && (a0_set_i == 1'(s)));
    assign elem = ro ? r0_elem_i : a0_elem_i;
    assign pe   = ro ? r0_pair_i : a0_pe;
    assign po   = ro ? r0_pair_i[1:0] : a0_po;

    always_ff @(posedge clk_i) begin
      if (rd) begin
        even  <= mem_e[{pe, elem}];
        odd   <= mem_o[{po, elem}];
        state <= mem_s[elem];
      end
    end
    assign ram_e[s] = even;
    assign ram_o[s] = odd;
    assign ram_s[s] = state;

    always_ff @(posedge clk_i) begin
      if (a3_valid_i && a3_we_e_q && (a3_set_i == 1'(s))) mem_e[{a3_pe_q, a3_elem_i}] <= a3_e_q;
    end
    always_ff @(posedge clk_i) begin
      if (a3_valid_i && a3_we_o_q && (a3_set_i == 1'(s))) mem_o[{a3_po_q, a3_elem_i}] <= a3_o_q;
    end
    always_ff @(posedge clk_i) begin
      if (a2_valid_i && (a2_set_i == 1'(s))) mem_s[a2_elem_i] <= a2_state_q;
    end
  end

  // ------------------------------------------- stage 1: state, old words, shifted addend
  // The state is complete at the end of this stage, so that stage 2 of the next addend sees it.
  // Words are complete one stage later: the addend right in front is forwarded in stage 2.

  logic [2:0]    a1_pe;
  logic [1:0]    a1_po;
  logic          a1_neg, a1_special, a1_zero, a1_add;
  logic [54:0]   a1_wide;
  logic [31:0]   a1_hi, a1_lo;
  state_t        a1_old, a1_new, a3_state_q;
  logic [8:0]    a1_touch;
  logic          a1_use_e, a1_use_o;
  logic [WW-1:0] a1_e, a1_o;

  logic          a2_we_e_q, a2_we_o_q, a4_we_e_q, a4_we_o_q;
  logic [2:0]    a2_pe_q, a4_pe_q;
  logic [1:0]    a2_po_q, a4_po_q;
  logic [WW-1:0] a4_e_q, a4_o_q;
  logic          a2_hit_e_q, a2_hit_o_q, a2_use_q, a2_neg_q;
  logic [WW-1:0] a2_e_q, a2_o_q;
  logic [31:0]   a2_add_e_q, a2_add_o_q;

  assign a1_pe      = 3'((4'(a1_word_q) + 4'd1) >> 1);
  assign a1_po      = a1_word_q[2:1];
  assign a1_neg     = a1_data_q[31];
  assign a1_special = a1_data_q[30:23] == '1;
  assign a1_zero    = a1_data_q[30:0] == '0;
  assign a1_add     = !a1_cmp_i && !a1_special && !a1_zero;

  always_comb begin
    a1_wide  = '0;
    a1_old   = '0;
    a1_new   = '0;
    a1_touch = '0;
    a1_e     = '0;
    a1_o     = '0;
    if (a1_valid_i) begin
      a1_wide = {31'b0, a1_data_q[30:23] != '0, a1_data_q[22:0]} << a1_off_q;

      if (a1_first_i)        a1_old = '0;
      else if (a1_same_i[0]) a1_old = a2_state_q;
      else if (a1_same_i[1]) a1_old = a3_state_q;
      else                   a1_old = ram_s[a1_set_i];
      if (a1_cmp_i)    a1_touch[0] = 1'b1;
      else if (a1_add) a1_touch = 9'b11 << a1_word_q;
      a1_new.used  = a1_old.used  | a1_touch;
      a1_new.nan   = a1_old.nan   | (a1_special && a1_data_q[22:0] != '0);
      a1_new.pinf  = a1_old.pinf  | (a1_special && a1_data_q[22:0] == '0 && !a1_neg);
      a1_new.ninf  = a1_old.ninf  | (a1_special && a1_data_q[22:0] == '0 && a1_neg);
      a1_new.other = a1_old.other | !a1_zero | !a1_neg;

      if (a1_same_i[1] && a3_we_e_q && a3_pe_q == a1_pe)      a1_e = a3_e_q;
      else if (a1_same_i[2] && a4_we_e_q && a4_pe_q == a1_pe) a1_e = a4_e_q;
      else                                                    a1_e = ram_e[a1_set_i];
      if (a1_same_i[1] && a3_we_o_q && a3_po_q == a1_po)      a1_o = a3_o_q;
      else if (a1_same_i[2] && a4_we_o_q && a4_po_q == a1_po) a1_o = a4_o_q;
      else                                                    a1_o = ram_o[a1_set_i];
    end
  end

  assign a1_lo    = a1_wide[31:0];
  assign a1_hi    = {9'b0, a1_wide[54:32]};
  assign a1_use_e = a1_old.used[{a1_pe, 1'b0}];
  assign a1_use_o = a1_old.used[{1'b0, a1_po, 1'b1}];

  always_ff @(posedge clk_i) begin
    if (a1_valid_i) begin
      a2_state_q <= a1_new;
      a2_we_e_q  <= a1_cmp_i || a1_add;
      a2_we_o_q  <= a1_add;
      a2_pe_q    <= a1_pe;
      a2_po_q    <= a1_po;
      a2_hit_e_q <= a1_same_i[0] && !a1_first_i && a2_we_e_q && (a2_pe_q == a1_pe);
      a2_hit_o_q <= a1_same_i[0] && !a1_first_i && a2_we_o_q && (a2_po_q == a1_po);
      a2_use_q   <= a1_use_e;
      a2_neg_q   <= a1_neg;
      a2_e_q     <= a1_use_e ? a1_e : '0;
      a2_o_q     <= a1_use_o ? a1_o : '0;
      // a number to compare becomes an unsigned key in the order of the numbers, -0 below +0
      a2_add_e_q <= a1_cmp_i ? (a1_data_q ^ {1'b1, {31{a1_neg}}})
                             : (a1_word_q[0] ? a1_hi : a1_lo);
      a2_add_o_q <= a1_word_q[0] ? a1_lo : a1_hi;
    end
  end

  // ---------------------------------------------------------------- stage 2: add or compare

  logic [WW-1:0] a2_e, a2_o, a2_sum_e, a2_sum_o;
  logic          a2_less, a2_take;

  assign a2_e     = a2_hit_e_q ? a3_e_q : a2_e_q;
  assign a2_o     = a2_hit_o_q ? a3_o_q : a2_o_q;
  assign a2_sum_e = a2_e + (WW'(a2_add_e_q) ^ {WW{a2_neg_q}}) + WW'(a2_neg_q);
  assign a2_sum_o = a2_o + (WW'(a2_add_o_q) ^ {WW{a2_neg_q}}) + WW'(a2_neg_q);
  assign a2_less  = a2_add_e_q < a2_e[31:0];
  assign a2_take  = !a2_use_q || (a2_less != a2_max_i);

  always_ff @(posedge clk_i) begin
    if (a2_valid_i) begin
      a3_state_q <= a2_state_q;
      a3_we_e_q  <= a2_we_e_q;
      a3_we_o_q  <= a2_we_o_q;
      a3_pe_q    <= a2_pe_q;
      a3_po_q    <= a2_po_q;
      a3_e_q     <= !a2_cmp_i ? a2_sum_e : a2_take ? WW'(a2_add_e_q) : a2_e;
      a3_o_q     <= a2_sum_o;
    end
    if (a3_valid_i) begin
      a4_we_e_q <= a3_we_e_q;
      a4_we_o_q <= a3_we_o_q;
      a4_pe_q   <= a3_pe_q;
      a4_po_q   <= a3_po_q;
      a4_e_q    <= a3_e_q;
      a4_o_q    <= a3_o_q;
    end
  end

  // ------------------------------------------------ read-out, stages 1 to 4: words to digits
  // A pair of words makes a 64-bit digit of the two's complement sum, least significant first.

  state_t        r1_state;
  logic [WW-1:0] r2_e_q, r2_o_q;
  logic [PW-1:0] r3_pair_q, r3_sum;
  logic [PW-65:0] r3_carry_q;
  logic [63:0]   r4_dig_q;
  logic [3:0]    r2_flags_q;

  assign r1_state = ram_s[r1_set_i];
  assign r3_sum   = r3_pair_q + (r3_first_i ? PW'(0) : {{64{r3_carry_q[PW-65]}}, r3_carry_q});

  always_ff @(posedge clk_i) begin
    if (r1_valid_i) begin
      r2_e_q     <= r1_state.used[{r1_pair_i, 1'b0}] ? ram_e[r1_set_i] : '0;
      r2_o_q     <= (!r1_pair_i[2] && r1_state.used[{r1_pair_i, 1'b1}]) ? ram_o[r1_set_i] : '0;
      if (r1_pair_i[2]) r2_flags_q <= r1_state[12:9];
    end
    if (r2_valid_i) begin
      r3_pair_q[31:0]  <= r2_e_q[31:0];
      r3_pair_q[PW-1:32] <= {r2_o_q[WW-1], r2_o_q} + {{33{r2_e_q[WW-1]}}, r2_e_q[WW-1:32]};
    end
    if (r3_valid_i) begin
      r4_dig_q   <= r3_sum[63:0];
      r3_carry_q <= r3_sum[PW-1:64];
    end
  end

  // A digit that only repeats the sign of the digit below it adds nothing. The last one that
  // does more is the leading digit: with the one below it holds every bit that rounding needs.
  logic [63:0] r5_hi_q, r5_lo_q, r5_prev_q;
  logic        r5_sticky_q, r5_below_q;
  logic [2:0]  r5_top_q;

  always_ff @(posedge clk_i) begin
    if (r4_valid_i) begin
      r5_prev_q <= r4_dig_q;
      if (r4_pair_i == '0) begin
        r5_hi_q     <= r4_dig_q;
        r5_lo_q     <= '0;
        r5_sticky_q <= 1'b0;
        r5_below_q  <= 1'b0;
        r5_top_q    <= '0;
      end else begin
        r5_below_q <= r5_below_q | (r5_prev_q != '0);
        if (r4_dig_q != {64{r5_prev_q[63]}}) begin
          r5_hi_q     <= r4_dig_q;
          r5_lo_q     <= r5_prev_q;
          r5_sticky_q <= r5_below_q;
          r5_top_q    <= r4_pair_i;
        end
      end
    end
  end

  // ---------------------------------------------------- read-out, stages 5 to 8: normalise
  // The bits are inverted if the sum is negative; the missing + 1 comes in stage 9, where only
  // what was dropped decides whether it reaches the significand. Dropped bits are compared with
  // the sign, so `sticky` is that of the number itself. The shift stops where FP32 ends (2^-149).

  logic [88:0] r5_x;
  logic        r5_neg, r5_s32;
  logic [56:0] r6_x_q;
  logic        r6_neg_q, r6_sticky_q, r6_low_q, r6_s32_q;
  logic [2:0]  r6_top_q;
  logic        r6_s16, r6_s8;
  logic [40:0] r6_y;
  logic [32:0] r7_x_q;
  logic        r7_neg_q, r7_sticky_q, r7_stop_q;
  logic [2:0]  r7_top_q, r7_s_q;
  logic        r7_s4, r7_s2;
  logic [28:0] r7_y;
  logic [26:0] r8_x_q;
  logic        r8_neg_q, r8_sticky_q, r8_stop_q;
  logic [2:0]  r8_top_q;
  logic [4:0]  r8_s_q;
  logic        r8_s1, r8_sx;
  logic [25:0] r8_y;
  logic [24:0] r8_z;
  logic [9:0]  r8_exp;

  assign r5_neg = r5_hi_q[63];
  assign r5_x   = {r5_hi_q, r5_lo_q[63:39]} ^ {89{r5_neg}};
  assign r5_s32 = r5_x[88:57] == '0;

  assign r6_s16 = (r6_x_q[56:41] == '0) && !(r6_low_q && r6_s32_q);
  assign r6_y   = r6_s16 ? r6_x_q[40:0] : r6_x_q[56:16];
  assign r6_s8  = r6_y[40:33] == '0;

  assign r7_s4 = (r7_x_q[32:29] == '0) && !r7_stop_q;
  assign r7_y  = r7_s4 ? r7_x_q[28:0] : r7_x_q[32:4];
  assign r7_s2 = (r7_y[28:27] == '0) && !r7_stop_q;

  assign r8_s1 = !r8_x_q[26] && !r8_stop_q;
  assign r8_y  = r8_s1 ? r8_x_q[25:0] : r8_x_q[26:1];
  assign r8_sx = !r8_y[25] && !r8_stop_q;  // the leading one is the first bit of the lower digit
  assign r8_z  = r8_sx ? r8_y[24:0] : r8_y[25:1];
  assign r8_exp = {1'b0, r8_top_q, 6'd41} - 10'({r8_s_q, r8_s1}) - 10'(r8_sx);

  logic [3:0]  r6_flags_q, r9_flags_q;
  logic [31:0] r6_key_q, r9_key_q;
  logic [33:0] r9_num_q;
  logic        r9_neg_q, r9_sticky_q;

  always_ff @(posedge clk_i) begin
    if (r_valid_i[5]) begin
      r6_x_q      <= r5_s32 ? r5_x[56:0] : r5_x[88:32];
      r6_neg_q    <= r5_neg;
      r6_sticky_q <= r5_sticky_q | (r5_lo_q[38:0] != '0)
                     | (!r5_s32 && (r5_x[31:0] != {32{r5_neg}}));
      r6_low_q    <= r5_top_q == '0;
      r6_s32_q    <= r5_s32;
      r6_top_q    <= r5_top_q;
      r6_flags_q  <= r2_flags_q;
      r6_key_q    <= r5_hi_q[31:0];
    end
    if (r_valid_i[6]) begin
      r7_x_q      <= r6_s8 ? r6_y[32:0] : r6_y[40:8];
      r7_neg_q    <= r6_neg_q;
      r7_sticky_q <= r6_sticky_q | (!r6_s16 && (r6_x_q[15:0] != {16{r6_neg_q}}))
                     | (!r6_s8 && (r6_y[7:0] != {8{r6_neg_q}}));
      r7_stop_q   <= r6_low_q && r6_s32_q && r6_s8;
      r7_top_q    <= r6_top_q;
      r7_s_q      <= {r6_s32_q, r6_s16, r6_s8};
    end
    if (r_valid_i[7]) begin
      r8_x_q      <= r7_s2 ? r7_y[26:0] : r7_y[28:2];
      r8_neg_q    <= r7_neg_q;
      r8_sticky_q <= r7_sticky_q | (!r7_s4 && (r7_x_q[3:0] != {4{r7_neg_q}}))
                     | (!r7_s2 && (r7_y[1:0] != {2{r7_neg_q}}));
      r8_stop_q   <= r7_stop_q;
      r8_top_q    <= r7_top_q;
      r8_s_q      <= {r7_s_q, r7_s4, r7_s2};
    end
    if (r_valid_i[8]) begin
      // {exponent, fraction, guard}; no leading one left means a subnormal number or zero
      r9_num_q    <= {r8_z[24] ? r8_exp : 10'd0, r8_z[23:0]};
      r9_neg_q    <= r8_neg_q;
      r9_sticky_q <= r8_sticky_q | (!r8_s1 && (r8_x_q[0] != r8_neg_q))
                     | (!r8_sx && (r8_y[0] != r8_neg_q));
      r9_flags_q  <= r6_flags_q;
      r9_key_q    <= r6_key_q;
    end
  end

  // ------------------------------------------- read-out, stages 9 to 11: negate, round, pack

  logic [33:0] r10_num_q;
  logic        r10_neg_q, r10_sticky_q;
  logic        r10_up32, r10_up16;
  logic [32:0] r11_num_q;
  logic        r11_neg_q;

  assign r10_up32 = r10_num_q[0] && (r10_sticky_q || r10_num_q[1]);
  assign r10_up16 = r10_num_q[16] && (r10_sticky_q || (r10_num_q[15:0] != '0) || r10_num_q[17]);

  always_ff @(posedge clk_i) begin
    if (r_valid_i[9]) begin
      r10_num_q    <= r9_num_q + 34'(r9_neg_q && !r9_sticky_q);
      r10_neg_q    <= r9_neg_q;
      r10_sticky_q <= r9_sticky_q;
    end
    if (r_valid_i[10]) begin
      r11_num_q <= r10_bf16_i ? {r10_num_q[33:17] + 17'(r10_up16), 16'b0}
                              : r10_num_q[33:1] + 33'(r10_up32);
      r11_neg_q <= r10_neg_q;
    end
    if (r_valid_i[11]) begin
      // flags: {other, ninf, pinf, nan}
      if (r9_flags_q[0] || (!r11_cmp_i && r9_flags_q[1] && r9_flags_q[2])) begin
        res_o <= 32'h7FC0_0000;
      end else if (r11_cmp_i) begin
        res_o <= r9_key_q ^ {1'b1, {31{!r9_key_q[31]}}};
      end else if (r9_flags_q[1] || r9_flags_q[2]) begin
        res_o <= {r9_flags_q[2], 31'h7F80_0000};
      end else if (r11_num_q[32:23] >= 10'd255) begin
        res_o <= {r11_neg_q, 31'h7F80_0000};
      end else begin
        res_o <= {r11_neg_q || !r9_flags_q[3], r11_num_q[30:0]};
      end
    end
  end

endmodule
