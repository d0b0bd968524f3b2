// SPDX-License-Identifier: Apache-2.0
//
// One lane of exact accumulators for the element types that it is built with, and of running minima
// and maxima. Numbers come in the frame of FP32 (sp_exact_lanes): a BF16 number is an FP32 number
// whose low 16 bits are zero, one of FP16 or 8 bits such a number with one of the least exponents.
//
// An element is an integer in units of 2^-150, kept as 9 signed words of 32 bits and room for
// carries, which wait until read-out. An addend has 24 bits and touches two neighbouring words, one
// in the even and one in the odd bank, so one addend a cycle is sustained. In these units the
// exponent of a number is its shift; only that of a subnormal number is 1 too low. A number of FP16
// or 8 bits touches words 0 and 1 only; a lane that has no larger ones keeps just these, and one
// that has 8 bits only keeps them as one word without the low 20 bits, which are always zero. INT32
// is added to word 0, minima and maxima lie there as they are.
// The state says which words of an element are in use (an unused word counts as zero, so nothing is
// ever cleared) and what special values were seen.
//
//   accumulate   0 read state | 1 decode | 2 new state | 3 read words, write state | 4 words, shift
//                5 add or compare | 6 write words
//   read-out     0 read state | 2 used words | 3 read words | 5 carry | 6 digit
//                7 capture the leading digit | 8-12 normalise | 13, 14 round | 15 result
//
// Control is common to all lanes and lives in sp_exact_lanes, as does the memory of the states;
// this module holds no valid bit. The two sets have memories of their own: one may be read out
// while the other accumulates.
module sp_exact_lane #(
    /// Elements of one set: contexts of the set times flits of the longest packet.
    parameter int unsigned ELEMS   = 64,
    /// Contributions to an element, at most: they size the room for carries.
    parameter int unsigned MEMBERS = 1024,
    /// Element types that the lane has: bit t is sp_pkg::etype_e t.
    parameter logic [7:0]  TYPES   = 8'h03,
    /// 1: words of partials can be added, and sums be read out as words.
    parameter bit          PARTIALS = 1'b0,
    /// Bits of an element's address; follows from ELEMS.
    localparam int unsigned EW     = (ELEMS > 1) ? $clog2(ELEMS) : 1,
    /// It has types with all exponents of FP32; follows from TYPES.
    localparam bit WIDE            = TYPES[sp_pkg::ET_FP32] || TYPES[sp_pkg::ET_BF16],
    /// It has types of 8 bits only, and whole words are not added; follows from TYPES.
    localparam bit SMALL           = !PARTIALS && TYPES == (TYPES & (8'd1 << sp_pkg::ET_E4M3
                                                        | 8'd1 << sp_pkg::ET_E5M2)),
    /// Words of an element; follows from TYPES.
    localparam int unsigned WORDS  = WIDE ? 9 : SMALL ? 1 : 2
) (
    /// Clock.
    input  logic                   clk_i,
    // not every stage has a use for what is told of all
    // verilator lint_off UNUSEDSIGNAL
    /// Bit k: an addend is in stage k.
    input  logic [6:0]             a_valid_i,
    /// Bit k: set of the addend in stage k.
    input  logic [6:1]             a_set_i,
    /// Bit k: the addend in stage k is for a minimum or maximum instead of a sum.
    input  logic [5:1]             a_cmp_i,
    /// Bit k: the addend in stage k is INT32, or of a partial.
    input  logic [4:1]             a_int_i,
    /// Stage 0: the number, in the frame of FP32; INT32 with its low 31 bits inverted if negative,
    /// words of partials likewise.
    input  logic [31:0]            a0_data_i,
    /// Stage 1: what the memory of states holds is not valid: there are younger states, or none.
    input  logic                   a1_stale_i,
    /// Stage 1: what it is of a partial.
    input  sp_pkg::plane_t         a1_plane_i,
    /// Stage 1: its portion is in other lanes; only the state passes.
    input  logic                   a1_null_i,
    /// Stage 1: bit d says that the addend in stage 1 + d is there, of the same element and life.
    input  logic [3:2]             a1_same_i,
    /// Stage 2: the same for stage 2 + d.
    input  logic [3:1]             a2_same_i,
    /// Stage 5: maximum.
    input  logic                   a5_max_i,
    /// Stage 6: element.
    input  logic [EW-1:0]          a6_elem_i,
    /// Read-out, bit k: a pair of words is in stage k.
    input  logic [7:1]             r_valid_i,
    /// Read-out, bit k: set of the pair in stage k.
    input  logic [4:1]             r_set_i,
    /// Read-out, [k]: the pair in stage k, 0 (least significant) to 4.
    input  logic [7:2][2:0]        r_pair_i,
    /// Read-out stage 2: NaNs are passed over.
    input  logic                   r2_num_i,
    // verilator lint_on UNUSEDSIGNAL
    /// Read-out, bit k: an element is in stage k.
    input  logic [15:8]            n_valid_i,
    // of the types not every one makes a difference
    // verilator lint_off UNUSEDSIGNAL
    /// Read-out stage 12: it is INT32.
    input  logic                   n12_int_i,
    /// Read-out stage 12: minimum or maximum.
    input  logic                   n12_cmp_i,
    /// Read-out stage 12: an INT32 sum is clamped.
    input  logic                   n12_clamp_i,
    /// Read-out stage 13: the type, one bit of TYPES.
    input  logic [5:0]             n13_is_i,
    /// Read-out stage 15: the type, one bit of TYPES.
    input  logic [5:0]             n15_is_i,
    /// Read-out stage 15: minimum or maximum.
    input  logic                   n15_cmp_i,
    /// Read-out stage 15: a sum of E4M3 or E5M2 that is too large becomes the largest number.
    input  logic                   n15_clamp_i,
    // verilator lint_on UNUSEDSIGNAL
    /// Stage 3: words are read from this set, for an addend or for read-out.
    input  logic [1:0]             rd_valid_i,
    /// Stage 3: element of this set.
    input  logic [EW-1:0]          rd_elem_i [2],
    /// Stage 1: state of an element of each set, as it was read.
    input  logic [WORDS+3:0]       st_i [2],
    /// Stage 3: new state of the addend's element.
    output logic [WORDS+3:0]       st_o,
    /// Result in the frame of FP32 or as INT32, one cycle after stage 15. Of the smaller types the
    /// sign, the low bits of the exponent and the high bits of the fraction count.
    output logic [31:0]            res_o,
    /// Read-out stage 6: two words of the sum, of the pair in that stage; with PARTIALS.
    output logic [63:0]            dig_o,
    /// Read-out stage 8, first cycle: {not only -0, -Inf, +Inf, NaN} were seen; with PARTIALS.
    output logic [3:0]             seen_o
);

  import sp_pkg::*;

  /// Low bits of word 0 that are not kept.
  localparam int unsigned CUT = SMALL ? 20 : 0;
  /// Bits of an addend in a word: of 54 bits those that are kept.
  localparam int unsigned AW = SMALL ? 54 - CUT : 32;
  /// Sign of what is compared.
  localparam int unsigned KEY = 31 - CUT;
  /// Bits of a word: an addend, the carries of all, and a sign.
  localparam int unsigned WW = AW + 1 + $clog2(MEMBERS);
  /// The words that there are.
  localparam logic [8:0] ALL = 9'((1 << WORDS) - 1);
  /// Last pair of an element: its even word alone.
  localparam logic [2:0] TOP = 3'd4;

  if (ELEMS < 1 || ELEMS > 4096) begin : gen_bad_elems
    $fatal(1, "sp_exact_lane: ELEMS = %0d is not in 1..4096", ELEMS);
  end
  if (TYPES == '0 || TYPES[7:6] != '0) begin : gen_bad_types
    $fatal(1, "sp_exact_lane: TYPES = 'b%b is no set of element types", TYPES);
  end
  if (MEMBERS < 2 || MEMBERS > 1024) begin : gen_bad_members
    $fatal(1, "sp_exact_lane: MEMBERS = %0d is not in 2..1024", MEMBERS);
  end

  /// What was seen of an element: a bit that is set stays until the first addend of the next life.
  typedef struct packed {
    logic other;  // something that is not -0
    logic ninf;
    logic pinf;
    logic nan;
  } seen_t;

  /// State of an element.
  typedef struct packed {
    seen_t      seen;
    logic [8:0] used;  // words that hold something; the low WORDS
  } state_t;

  // ------------------------------------------------------------------------- stage 1: decode

  logic [31:0] a1_data_q;
  logic [2:0]  a1_word;
  logic        a1_tiny, a1_raw;
  logic [2:0]  a1_plane_word;

  logic [23:0] a2_sig_q;           // significand
  logic [7:0]  a2_top_q;           // what a minimum or maximum needs besides
  logic [4:0]  a2_off_q;
  logic [2:0]  a2_word_q, a2_pe_q;
  logic        a2_neg_q, a2_tiny_q, a2_special_q, a2_frac_q, a2_raw_q;
  logic        a2_add, a2_put;
  seen_t       a2_seen;
  // of a partial
  logic        a2_part_q;    // it is
  logic        a2_word_e_q, a2_word_o_q;  // a word for this lane, in the even or odd bank
  logic        a2_told_q;    // what was seen, for this lane
  logic        a2_plain_q;   // something that is not -0 was, in this lane
  logic [8:0]  a2_which_q;   // which word

  assign a1_tiny = a1_data_q[30:23] == '0;
  assign a1_raw  = a_cmp_i[1] || a_int_i[1];
  assign a1_word = (PARTIALS && a1_plane_i.valid) ? a1_plane_word
                   : (a1_raw || !WIDE) ? 3'd0 : a1_data_q[30:28];
  assign a2_add  = !a2_raw_q && !a2_special_q && (!a2_tiny_q || a2_frac_q);
  // NaN decides without being compared
  assign a2_put  = a2_raw_q && !a2_part_q && !(a2_special_q && a2_frac_q);

  always_comb begin
    a2_seen = '{
        nan: a2_special_q && a2_frac_q, pinf: a2_special_q && !a2_frac_q && !a2_neg_q,
        ninf: a2_special_q && !a2_frac_q && a2_neg_q, other: !a2_neg_q || !a2_tiny_q || a2_frac_q};
    if (a2_part_q) a2_seen = a2_told_q ? seen_t'(a2_sig_q[3:0]) : seen_t'({a2_plain_q, 3'b0});
  end

  always_ff @(posedge clk_i) begin
    if (a_valid_i[0]) a1_data_q <= a0_data_i;
    if (a_valid_i[1]) begin
      a2_sig_q  <= {a1_raw ? a1_data_q[23] : !a1_tiny, a1_data_q[22:0]};
      a2_top_q  <= a1_raw ? {a1_data_q[31] && a_cmp_i[1], a1_data_q[30:24]} : '0;
      a2_off_q  <= a1_raw ? '0 : {a1_data_q[27:24], a1_data_q[23] || a1_tiny};
      a2_word_q <= a1_word;
      a2_pe_q   <= {1'b0, a1_word[2:1]} + 3'(a1_word[0]);  // the even word of {word, word + 1}
      a2_neg_q  <= a1_data_q[31];
      a2_tiny_q    <= a1_tiny;
      a2_raw_q     <= a1_raw;
      a2_special_q <= a1_data_q[30:23] == '1 && !a_int_i[1];
      a2_frac_q    <= a1_data_q[22:0] != '0;
    end
  end

  // A word of a partial is added as it is, like an integer, to the one word that it belongs to. For
  // a portion in other lanes the element is begun if need be, and nothing is added.
  assign a1_plane_word = (WIDE && a1_plane_i.plane[3]) ? 3'd7
                         : a1_plane_i.plane[2:0] & {{2{WIDE}}, 1'b1};

  always_ff @(posedge clk_i) begin
    if (a_valid_i[1]) begin
      a2_part_q   <= PARTIALS && a1_plane_i.valid;
      a2_word_e_q <= PARTIALS && a1_plane_i.valid && !a1_null_i && !a1_plane_i.plane[0];
      a2_word_o_q <= PARTIALS && a1_plane_i.valid && !a1_null_i && a1_plane_i.plane[0]
                     && (a1_plane_i.plane != PLANE_SEEN);
      a2_told_q   <= PARTIALS && a1_plane_i.valid && !a1_null_i && (a1_plane_i.plane == PLANE_SEEN);
      a2_plain_q  <= PARTIALS && a1_plane_i.valid && !a1_null_i && a1_plane_i.plain;
      a2_which_q  <= PARTIALS ? 9'b1 << a1_plane_i.plane : '0;
    end
  end

  // ------------------------------------------------------------------ stages 1 to 3: the state
  // Bits are only ever added in a life, so the states of addends that are not in memory yet are
  // simply ORed; what memory holds is dropped if there is any of them.

  /// A state as it lies in memory.
  function automatic state_t state_of(logic [WORDS+3:0] kept);
    return '{seen: kept[WORDS+:4], used: 9'(kept[WORDS-1:0])};
  endfunction

  state_t     a2_mem_q, a2_young_q, a3_state_q, a4_state_q;
  state_t     a2_old;
  logic [8:0] a2_touch, a3_used_q;

  assign a2_old   = a2_mem_q | a2_young_q | (a2_same_i[1] ? a3_state_q : '0);
  assign a2_touch = (a2_word_e_q || a2_word_o_q) ? a2_which_q
                    : a2_add ? 9'b11 << a2_word_q : 9'(a2_put);
  assign st_o     = {a3_state_q.seen, a3_state_q.used[WORDS-1:0]};

  always_ff @(posedge clk_i) begin
    if (a_valid_i[1]) begin
      a2_mem_q   <= a1_stale_i ? '0 : state_of(st_i[a_set_i[1]]);
      a2_young_q <= (a1_same_i[2] ? a3_state_q : '0) | (a1_same_i[3] ? a4_state_q : '0);
    end
    if (a_valid_i[2]) begin
      a3_state_q <= (a2_old | {a2_seen, a2_touch}) & {4'hF, ALL};
      a3_used_q  <= a2_old.used & ALL;
    end
    if (a_valid_i[3]) a4_state_q <= a3_state_q;
  end

  // ------------------------------------------- stages 2 and 3: what to forward, what to read
  // A word that an addend 1, 2 or 3 in front works on is not in memory when it is read. That of the
  // next in front comes from there, in place of what memory gives.

  /// What an addend does to its two words.
  typedef struct packed {
    logic       we_e, we_o;
    logic [2:0] pe;
    logic [1:0] po;
  } touch_t;

  touch_t     a2_t, a3_t_q, a4_t_q, a5_t_q;
  // the odd bank is not everywhere
  // verilator lint_off UNUSEDSIGNAL
  touch_t     a6_t_q;
  // verilator lint_on UNUSEDSIGNAL
  logic [3:1] a3_hit_e_q, a3_hit_o_q;  // by distance
  logic       a3_use_e, a3_use_o;
  logic       a4_clear_e_q, a4_clear_o_q, a4_use_q, a5_use_q;
  logic [2:1] a4_hit_e_q, a4_hit_o_q;  // of distances 1 and 2, the least only
  logic       a4_far_e_q, a4_far_o_q;  // of distance 3, if it is the least
  logic       a5_hit_e_q, a5_hit_o_q;  // of distance 1

  assign a2_t = '{we_e: a2_put || a2_add || a2_word_e_q, we_o: (a2_add || a2_word_o_q) && !SMALL,
                  pe: a2_pe_q, po: a2_word_q[2:1]};

  assign a3_use_e = a3_used_q[{a3_t_q.pe, 1'b0}];
  assign a3_use_o = a3_used_q[{1'b0, a3_t_q.po, 1'b1}];

  always_ff @(posedge clk_i) begin
    if (a_valid_i[2]) begin
      a3_t_q     <= a2_t;
      a3_hit_e_q <= a2_same_i & {a5_t_q.we_e && (a5_t_q.pe == a2_t.pe),
                                 a4_t_q.we_e && (a4_t_q.pe == a2_t.pe),
                                 a3_t_q.we_e && (a3_t_q.pe == a2_t.pe)};
      a3_hit_o_q <= a2_same_i & {a5_t_q.we_o && (a5_t_q.po == a2_t.po),
                                 a4_t_q.we_o && (a4_t_q.po == a2_t.po),
                                 a3_t_q.we_o && (a3_t_q.po == a2_t.po)};
    end
    if (a_valid_i[3]) begin
      a4_t_q       <= a3_t_q;
      a4_use_q     <= a3_use_e;
      a4_clear_e_q <= !a3_use_e || (a3_hit_e_q != '0);
      a4_clear_o_q <= !a3_use_o || (a3_hit_o_q != '0);
      a4_hit_e_q   <= {a3_hit_e_q[2] && !a3_hit_e_q[1], a3_hit_e_q[1]};
      a4_hit_o_q   <= {a3_hit_o_q[2] && !a3_hit_o_q[1], a3_hit_o_q[1]};
      a4_far_e_q   <= a3_hit_e_q == 3'b100;
      a4_far_o_q   <= a3_hit_o_q == 3'b100;
    end
    if (a_valid_i[4]) begin
      a5_t_q     <= a4_t_q;
      a5_use_q   <= a4_use_q;
      a5_hit_e_q <= a4_hit_e_q[1];
      a5_hit_o_q <= a4_hit_o_q[1];
    end
    if (a_valid_i[5]) a6_t_q <= a5_t_q;
  end

  // ------------------------------------------------------------------------------- the words

  /// Address bits of the banks.
  localparam int unsigned AE = EW + (WIDE ? 3 : 0);
  localparam int unsigned AO = EW + (WIDE ? 2 : 0);

  logic [WW-1:0] ram_e [2];
  logic [WW-1:0] ram_o [2];
  logic [WW-1:0] a6_e, a6_o_q;

  for (genvar s = 0; s < 2; s++) begin : gen_set
    // a word that is read while it is written is forwarded: what memory gives then is never used
    (* no_rw_check, ram_style = "block" *) logic [WW-1:0] mem_e [WIDE ? 5 << EW : 1 << EW];
    logic [2:0]    pe_q;
    logic [WW-1:0] even;
    logic          read;   // for read-out

    assign read = r_valid_i[2] && (r_set_i[2] == 1'(s));

    always_ff @(posedge clk_i) begin
      pe_q <= read ? r_pair_i[2] : a2_t.pe;
      if (rd_valid_i[s]) begin
        even <= mem_e[AE'({pe_q, rd_elem_i[s]})];
      end
    end
    assign ram_e[s] = even;
    always_ff @(posedge clk_i) begin
      if (a_valid_i[6] && a6_t_q.we_e && (a_set_i[6] == 1'(s)))
        mem_e[AE'({a6_t_q.pe, a6_elem_i})] <= a6_e;
    end

    if (SMALL) begin : gen_even
      assign ram_o[s] = '0;
    end else begin : gen_odd
      (* no_rw_check, ram_style = "block" *) logic [WW-1:0] mem_o [WIDE ? 4 << EW : 1 << EW];
      logic [1:0]    po_q;
      logic [WW-1:0] odd;

      always_ff @(posedge clk_i) begin
        po_q <= read ? r_pair_i[2][1:0] : a2_t.po;
        if (rd_valid_i[s]) odd <= mem_o[AO'({po_q, rd_elem_i[s]})];
      end
      assign ram_o[s] = odd;

      always_ff @(posedge clk_i) begin
        if (a_valid_i[6] && a6_t_q.we_o && (a_set_i[6] == 1'(s)))
          mem_o[AO'({a6_t_q.po, a6_elem_i})] <= a6_o_q;
      end
    end
  end

  // ------------------------------------------------------------ stages 2 to 4: shifted addend
  // The significand is rotated within 32 bits. What lies at its offset or above belongs to the
  // lower word, the rest has gone round and belongs to the upper one.

  logic [26:0] a2_rot, a3_rot_q;
  logic [31:0] a3_rot, a4_rot_q, a4_even, a4_add_l, a4_add_u;
  logic [7:0]  a3_top_q, a4_top_q;
  logic [4:2]  a3_off_q;
  logic [2:0]  a3_low_q;
  logic [4:3]  a4_off_q;
  logic [7:0]  a4_fine_q;
  logic        a3_odd_q, a3_neg_q, a4_odd_q, a4_neg_q, a4_neg, a5_neg_q, a5_inc_q;
  logic [AW-1:0] a4_add_e, a5_add_e_q;   // inverted to be subtracted
  logic [31:0]   a5_add_o_q;

  assign a4_neg   = a4_neg_q || a_cmp_i[4];
  assign a4_add_l = (a4_rot_q & a4_even) | {a4_top_q, 24'b0};
  // of a whole word the bank that it is not for takes nothing
  assign a4_add_u = (a4_rot_q & ~a4_even) | (PARTIALS ? {a4_top_q, 24'b0} : '0);
  assign a4_add_e = SMALL ? AW'({a4_add_u, a4_add_l} >> CUT) : AW'(a4_add_l);

  always_comb begin
    a2_rot = 27'(a2_sig_q) << a2_off_q[1:0];
    unique case (a3_off_q[3:2])
      2'd0: a3_rot = {5'b0, a3_rot_q};
      2'd1: a3_rot = {1'b0, a3_rot_q, 4'b0};
      2'd2: a3_rot = {a3_rot_q[23:0], 5'b0, a3_rot_q[26:24]};
      2'd3: a3_rot = {a3_rot_q[19:0], 5'b0, a3_rot_q[26:20]};
    endcase
    if (a3_off_q[4]) a3_rot = {a3_rot[15:0], a3_rot[31:16]};
    for (int unsigned i = 0; i < 32; i++) begin
      a4_even[i] = a4_odd_q ^ ((2'(i / 8) > a4_off_q[4:3])
                               || ((2'(i / 8) == a4_off_q[4:3]) && a4_fine_q[i%8]));
    end
  end

  always_ff @(posedge clk_i) begin
    if (a_valid_i[2]) begin
      a3_rot_q <= a2_rot;
      a3_top_q <= a2_top_q;
      a3_off_q <= a2_off_q[4:2];
      a3_low_q <= a2_off_q[2:0];
      a3_odd_q <= a2_part_q ? a2_word_o_q : a2_word_q[0];
      a3_neg_q <= a2_neg_q;
    end
    if (a_valid_i[3]) begin
      a4_rot_q  <= a3_rot;
      a4_top_q  <= a3_top_q;
      a4_off_q  <= a3_off_q[4:3];
      a4_fine_q <= 8'hFF << a3_low_q;
      a4_odd_q  <= a3_odd_q;
      a4_neg_q  <= a3_neg_q;
    end
    if (a_valid_i[4]) begin
      a5_neg_q   <= a4_neg;
      a5_inc_q   <= a4_neg && (a_cmp_i[4] || !a_int_i[4]);  // INT32 came inverted
      a5_add_e_q <= a4_add_e ^ {AW{a4_neg}};
      a5_add_o_q <= a4_add_u ^ {32{a4_neg}};
    end
  end

  // ---------------------------------------------------------- stages 4 and 5: add or compare

  logic [WW-1:0] a5_mem_e_q, a5_mem_o_q, a5_young_e_q, a5_young_o_q, a7_e_q, a7_o_q;
  logic [WW-1:0] a5_e, a5_o, a5_sum_e, a5_sum_o;
  logic [WW-1:0] a6_old_q;
  logic [AW-1:0] a6_new_q;  // inverted
  logic          a6_take_q;

  assign a5_e     = a5_mem_e_q | a5_young_e_q | (a5_hit_e_q ? a6_e : '0);
  assign a5_o     = a5_mem_o_q | a5_young_o_q | (a5_hit_o_q ? a6_o_q : '0);
  assign a5_sum_e = a5_e + {{WW - AW{a5_neg_q}}, a5_add_e_q} + WW'(a5_inc_q);
  assign a5_sum_o = a5_o + {{WW - 32{a5_neg_q}}, a5_add_o_q} + WW'(a5_inc_q);
  // Numbers are compared as patterns: the bit of the difference above them says that the addend's
  // is above. If either is negative that turns the order round, and does if just one is, -0 below
  // +0. The choice is made a stage later.
  assign a6_e     = a6_take_q ? {{WW - AW{1'b0}}, ~a6_new_q} : a6_old_q;

  always_ff @(posedge clk_i) begin
    if (a_valid_i[4]) begin
      a5_mem_e_q   <= a4_clear_e_q ? '0 : ram_e[a_set_i[4]];
      a5_mem_o_q   <= a4_clear_o_q ? '0 : ram_o[a_set_i[4]];
      a5_young_e_q <= (a4_hit_e_q[2] ? a6_e : '0) | (a4_far_e_q ? a7_e_q : '0);
      a5_young_o_q <= (a4_hit_o_q[2] ? a6_o_q : '0) | (a4_far_o_q ? a7_o_q : '0);
    end
    if (a_valid_i[5]) begin
      a6_old_q  <= a_cmp_i[5] ? a5_e : a5_sum_e;
      a6_new_q  <= a5_add_e_q;
      a6_take_q <= a_cmp_i[5]
          && (!a5_use_q || (a5_sum_e[KEY+1] ^ (a5_e[KEY] || !a5_add_e_q[KEY]) ^ !a5_max_i));
      a6_o_q    <= a5_sum_o;
    end
    if (a_valid_i[6]) begin
      a7_e_q <= a6_e;
      a7_o_q <= a6_o_q;
    end
  end

  // ------------------------------------------------ read-out, stages 1 to 7: words to digits
  // A pair of words and the carry of the pair below make a 64-bit digit of the two's complement
  // sum, least significant first.

  state_t         r2_state_q;
  seen_t          r2_seen_q, r8_seen_q, r13_seen_q;
  logic [4:3]     r_use_e_q, r_use_o_q;
  logic [WW-1:0]  r4_e, r4_o, r5_e_q, r5_o_q, r5_sum_e, r5_sum_o;
  logic [WW-33:0] r5_carry_q;
  logic [63:0]    r6_dig_q, r7_dig_q;
  logic [1:0]     r7_zero_q, r7_ones_q;   // of its words

  // the one word of a lane with 8 bits only becomes two
  always_comb begin
    r4_e = r_use_e_q[4] ? ram_e[r_set_i[4]] : '0;
    r4_o = r_use_o_q[4] ? ram_o[r_set_i[4]] : '0;
    if (SMALL) begin
      r4_o = WW'($signed(r4_e[WW-1:KEY+1]));
      r4_e = WW'(r4_e[KEY:0]) << CUT;
    end
  end

  assign r5_sum_e = r5_e_q + {{32{r5_carry_q[WW-33]}}, r5_carry_q};
  assign r5_sum_o = r5_o_q + {{32{r5_sum_e[WW-1]}}, r5_sum_e[WW-1:32]};

  always_ff @(posedge clk_i) begin
    if (r_valid_i[1]) r2_state_q <= state_of(st_i[r_set_i[1]]);
    if (r_valid_i[2]) begin
      r_use_e_q[3] <= r2_state_q.used[{r_pair_i[2], 1'b0}];
      r_use_o_q[3] <= !r_pair_i[2][2] && r2_state_q.used[{r_pair_i[2], 1'b1}];
      if (r_pair_i[2] == TOP) begin
        r2_seen_q <= r2_state_q.seen;
        // a number is in word 0: a NaN that is passed over does not count
        r2_seen_q.nan <= r2_state_q.seen.nan && !(r2_num_i && r2_state_q.used[0]);
      end
    end
    r_use_e_q[4] <= r_use_e_q[3];
    r_use_o_q[4] <= r_use_o_q[3];
    if (r_valid_i[4]) begin
      r5_e_q <= r4_e;
      r5_o_q <= r4_o;
    end
    if (r_valid_i[4] && (r_pair_i[4] == '0)) r5_carry_q <= '0;
    else if (r_valid_i[5]) r5_carry_q <= r5_sum_o[WW-1:32];
    if (r_valid_i[5]) r6_dig_q <= {r5_sum_o[31:0], r5_sum_e[31:0]};
    if (r_valid_i[6]) begin
      r7_dig_q  <= r6_dig_q;
      r7_zero_q <= {r6_dig_q[63:32] == '0, r6_dig_q[31:0] == '0};
      r7_ones_q <= {r6_dig_q[63:32] == '1, r6_dig_q[31:0] == '1};
    end
  end

  assign dig_o  = PARTIALS ? r6_dig_q : '0;
  assign seen_o = PARTIALS ? r8_seen_q : '0;

  // A digit that only repeats the sign of the digit below it adds nothing. The last one that
  // does more is the leading digit: with the word below it, and whether any bit below that is set,
  // it holds all that rounding needs.
  logic [31:0] r8_prev_q;                    // upper word of the digit below
  logic [1:0]  r8_prev_zero_q;
  logic [63:0] r8_hi_q;
  logic [31:0] r8_lo_q;
  logic        r8_s32_q, r8_sticky_q, r8_lo_zero_q, r8_below_q;
  logic [2:0]  r8_top_q;

  always_ff @(posedge clk_i) begin
    if (r_valid_i[7]) begin
      r8_prev_q      <= r7_dig_q[63:32];
      r8_prev_zero_q <= r7_zero_q;
      r8_below_q     <= (r_pair_i[7] != '0) && (r8_below_q || (r8_prev_zero_q != '1));
      if ((r_pair_i[7] == '0) || !(r8_prev_q[31] ? (r7_ones_q == '1) : (r7_zero_q == '1))) begin
        r8_hi_q      <= r7_dig_q;
        r8_s32_q     <= r7_dig_q[63] ? r7_ones_q[1] : r7_zero_q[1];
        r8_lo_q      <= (r_pair_i[7] == '0) ? '0 : r8_prev_q;
        r8_lo_zero_q <= (r_pair_i[7] == '0) || r8_prev_zero_q[1];
        r8_sticky_q  <= (r_pair_i[7] != '0) && (r8_below_q || !r8_prev_zero_q[0]);
        r8_top_q     <= r_pair_i[7];
      end
      if (r_pair_i[7] == TOP) r8_seen_q <= r2_seen_q;
    end
  end

  // --------------------------------------------------- read-out, stages 8 to 12: normalise
  // The bits are inverted if the sum is negative; the missing + 1 comes when it is rounded, where
  // only what was dropped decides whether it reaches the significand. A dropped bit counts if it is
  // not the sign, so `sticky` is that of the sum. The shift stops where FP32 ends (2^-149).

  /// What goes along with the bits that are left.
  typedef struct packed {
    logic       neg, sticky;
    logic       stop;        // 32 was shifted out of the lowest digit
    logic [2:0] top;
  } norm_t;

  norm_t       n9_q, n10_q, n11_q, n12_q;
  logic        n8_neg;
  logic [63:0] n8_x, n9_x_q;
  logic        n9_s32_q, n9_s16;
  logic [40:0] n10_x_q;
  logic [1:0]  n10_s_q;
  logic        n10_s8;
  logic [32:0] n11_x_q;
  logic [2:0]  n11_s_q;
  logic        n11_s4, n11_s2;
  logic [28:0] n11_y;
  logic [26:0] n12_x_q;
  logic [4:0]  n12_s_q;
  logic        n12_s1, n12_sx;
  logic [25:0] n12_y;
  logic [24:0] n12_z;
  logic [9:0]  n12_exp;

  assign n8_neg = r8_hi_q[63];
  assign n8_x   = (r8_s32_q ? {r8_hi_q[31:0], r8_lo_q} : r8_hi_q) ^ {64{n8_neg}};
  assign n9_s16 = (n9_x_q[63:48] == '0) && !n9_q.stop;
  assign n10_s8 = (n10_x_q[40:33] == '0) && !n10_q.stop;
  assign n11_s4 = n11_x_q[32:29] == '0;
  assign n11_y  = n11_s4 ? n11_x_q[28:0] : n11_x_q[32:4];
  assign n11_s2 = n11_y[28:27] == '0;
  assign n12_s1 = !n12_x_q[26];
  assign n12_y  = n12_s1 ? n12_x_q[25:0] : n12_x_q[26:1];
  assign n12_sx = !n12_y[25] && !n12_q.stop;  // the leading one is the first bit of the lower digit
  assign n12_z  = n12_sx ? n12_y[24:0] : n12_y[25:1];
  assign n12_exp = {1'b0, n12_q.top, 6'd40} - 10'({n12_s_q, n12_s1}) - 10'(n12_sx);

  logic [31:0] n9_key_q, n12_key, n13_key_q;
  logic        n9_over_q;  // an integer is none of 32 bits
  logic [33:0] n13_num_q;
  logic        n13_neg_q, n13_sticky_q;

  // what is not rounded: minima, maxima and integers
  always_comb begin
    n12_key = n9_key_q;
    if (TYPES[ET_INT32] && n12_int_i) begin
      if (n12_cmp_i) n12_key[30:0] ^= {31{n9_key_q[31]}};
      else if (n12_clamp_i && n9_over_q) n12_key = {n9_q.neg, {31{!n9_q.neg}}};
    end
  end

  always_ff @(posedge clk_i) begin
    if (n_valid_i[8]) begin
      n9_x_q   <= n8_x;
      n9_s32_q <= r8_s32_q;
      n9_q     <= '{neg: n8_neg, sticky: r8_sticky_q || (!r8_s32_q && !r8_lo_zero_q),
                    stop: r8_s32_q && (r8_top_q == '0), top: r8_top_q};
      n9_key_q  <= r8_hi_q[31:0];
      n9_over_q <= !r8_s32_q || (r8_hi_q[31] != n8_neg);
    end
    if (n_valid_i[9]) begin
      n10_x_q <= n9_s16 ? n9_x_q[47:7] : n9_x_q[63:23];
      n10_s_q <= {n9_s32_q, n9_s16};
      n10_q   <= n9_q;
      n10_q.sticky <= n9_q.sticky || (n9_x_q[6:0] != {7{n9_q.neg}})
                      || (!n9_s16 && (n9_x_q[22:7] != {16{n9_q.neg}}));
    end
    if (n_valid_i[10]) begin
      n11_x_q <= n10_s8 ? n10_x_q[32:0] : n10_x_q[40:8];
      n11_s_q <= {n10_s_q, n10_s8};
      n11_q   <= n10_q;
      n11_q.sticky <= n10_q.sticky || (!n10_s8 && (n10_x_q[7:0] != {8{n10_q.neg}}));
    end
    if (n_valid_i[11]) begin
      n12_x_q <= n11_s2 ? n11_y[26:0] : n11_y[28:2];
      n12_s_q <= {n11_s_q, n11_s4, n11_s2};
      n12_q   <= n11_q;
      n12_q.sticky <= n11_q.sticky || (!n11_s4 && (n11_x_q[3:0] != {4{n11_q.neg}}))
                      || (!n11_s2 && (n11_y[1:0] != {2{n11_q.neg}}));
    end
    if (n_valid_i[12]) begin
      // {exponent, fraction, guard}; no leading one left means a subnormal number or zero
      n13_num_q    <= {n12_z[24] ? n12_exp : 10'd0, n12_z[23:0]};
      n13_neg_q    <= n12_q.neg;
      n13_sticky_q <= n12_q.sticky || (!n12_s1 && (n12_x_q[0] != n12_q.neg))
                      || (!n12_sx && (n12_y[0] != n12_q.neg));
      r13_seen_q   <= r8_seen_q;
      n13_key_q    <= n12_key;
    end
  end

  // ------------------------------------------------- read-out, stages 13 to 15: round, pack
  // Half of the last place or more is left: one more, but to even if it is just half. The + 1 of a
  // negative number is at the end of what is left if nothing but ones was dropped: then all ones
  // are one more, the rest is by one nearer to it.

  /// Fraction bits of the types, in the order of etype_e; INT32 is not rounded.
  localparam int unsigned FRAC [5] = '{23, 7, 10, 3, 2};

  logic [4:0]  n13_up;
  logic        n13_plus;
  logic [32:0] n14_num_q, n14_ups, n15_num_q;
  logic [4:0]  n14_up_q;  // by type
  logic        n14_neg_q, n15_neg_q;
  logic        n15_int, n15_over, n15_big, n15_nan, n15_inf;

  assign n13_plus = n13_neg_q && !n13_sticky_q;

  always_comb begin
    n14_ups = '0;
    for (int unsigned t = 0; t < 5; t++) begin
      // last place that stays, the bit below, and what is below that
      logic        last, half;
      logic [22:0] rest;
      last = n13_num_q[24-FRAC[t]];
      half = n13_num_q[23-FRAC[t]];
      rest = n13_num_q[22:0] & 23'((32'd1 << (23 - FRAC[t])) - 1);
      n13_up[t] = TYPES[t] && (n13_plus
          ? half || (last && rest == 23'((32'd1 << (23 - FRAC[t])) - 1))
          : half && (n13_sticky_q || last || rest != '0));
      n14_ups[23-FRAC[t]] = n14_up_q[t];
    end
  end

  // the number is beyond the largest one of its type
  always_comb begin
    n15_over = n15_num_q[32:31] != '0 || n15_num_q[30:23] == '1;
    if (n15_is_i[ET_FP16] || n15_is_i[ET_E5M2]) begin
      n15_over = n15_num_q[32:28] != '0 || n15_num_q[27:23] == '1;
    end
    if (n15_is_i[ET_E4M3]) n15_over = n15_num_q[32:27] != '0 || n15_num_q[26:20] == '1;
  end

  assign n15_int = n15_is_i[ET_INT32];
  assign n15_big = n15_clamp_i && n15_over && !n15_cmp_i && !n15_int;
  assign n15_inf = !n15_cmp_i && !n15_int && (r13_seen_q.pinf || r13_seen_q.ninf || n15_over);
  assign n15_nan = r13_seen_q.nan || (!n15_cmp_i && r13_seen_q.pinf && r13_seen_q.ninf)
      || (n15_inf && !n15_big && n15_is_i[ET_E4M3]);

  always_ff @(posedge clk_i) begin
    if (n_valid_i[13]) begin
      n14_num_q <= n13_num_q[33:1];
      n14_up_q  <= n13_up & n13_is_i[4:0];
      n14_neg_q <= n13_neg_q;
    end
    if (n_valid_i[14]) begin
      n15_num_q <= n14_num_q + n14_ups;
      n15_neg_q <= n14_neg_q;
    end
    if (n_valid_i[15]) begin
      if (n15_nan) begin
        res_o[30:0] <= {9'h1FF, {2{n15_is_i[ET_E4M3]}}, 20'b0};
      end else if (n15_inf) begin
        res_o[30:0] <= (n15_big && !r13_seen_q.pinf && !r13_seen_q.ninf)
            ? {7'h0F, n15_is_i[ET_E4M3], 23'h60_0000} : {8'hFF, 23'b0};
      end else begin
        res_o[30:0] <= (n15_cmp_i || n15_int) ? n13_key_q[30:0] : n15_num_q[30:0];
      end
      if (n15_nan) res_o[31] <= 1'b0;
      else if (n15_cmp_i || n15_int) res_o[31] <= n13_key_q[31];
      else if (r13_seen_q.pinf || r13_seen_q.ninf) res_o[31] <= r13_seen_q.ninf;
      else res_o[31] <= n15_neg_q || !r13_seen_q.other;
    end
  end

endmodule
