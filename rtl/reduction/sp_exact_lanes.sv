// SPDX-License-Identifier: Apache-2.0
//
// The lanes of a flit and the control that they share: one flit of contributions a cycle is
// accumulated without ever stalling, elements are read out one in PAIRS cycles. In a cycle in
// which both want the same set, read-out waits. A flit's states are one word of memory.
//
// Lane l begins at byte l of the flit and holds the element that does, if there is one of the
// flit's type: every fourth lane one of 32 bits, every second one of 16 bits, each one of 8 bits.
// Lanes that no type needs which is built in are left out.
//
// All numbers go through a lane in the frame of FP32: sign and exponent at its places, the fraction
// below, zeros in the rest. A number of FP16, E5M2 or E4M3 so becomes another one by the factor
// 2^-112 or 2^-120, a subnormal number too, and so do sums: neither exponents nor subnormal results
// want anything of their own. Only the places of rounding and overflow are the type's.
//
// The caller guarantees that the flits of a place come three cycles or more before its read-out is
// asked for, and that none comes until the read-out is done.
module sp_exact_lanes #(
    /// Bits of a flit: 128, 256 or 512. 32 is lane 0 alone, to be measured.
    parameter int unsigned FLIT_W  = 128,
    /// Flits of elements of one set.
    parameter int unsigned ELEMS   = 64,
    /// Contributions to an element, at most.
    parameter int unsigned MEMBERS = 1024,
    /// Element types that are built in: bit t is sp_pkg::etype_e t.
    parameter logic [7:0]  TYPES   = 8'h03,
    /// 1: planes of partials can be accumulated, and sums be read out unrounded. FLIT_W is 128.
    parameter bit          PARTIALS = 1'b0,
    /// Bits of an element's address; follows from ELEMS.
    localparam int unsigned EW     = (ELEMS > 1) ? $clog2(ELEMS) : 1,
    /// Lanes, those too that are left out; follows from FLIT_W.
    localparam int unsigned LANES  = (FLIT_W == 32) ? 1 : FLIT_W / 8
) (
    /// Clock.
    input  logic              clk_i,
    /// Reset, active low: nothing is in the pipelines.
    input  logic              rst_ni,
    /// A flit of contributions is here.
    input  logic              acc_valid_i,
    /// Its set.
    input  logic              acc_set_i,
    /// Its place in the set.
    input  logic [EW-1:0]     acc_elem_i,
    /// It is the first for this place: what was there counts as nothing.
    input  logic              acc_first_i,
    /// What is computed; the type is one that is built in.
    input  sp_pkg::arith_t    acc_arith_i,
    // without PARTIALS nobody looks at it
    // verilator lint_off UNUSEDSIGNAL
    /// It is a plane of a partial.
    input  sp_pkg::plane_t    acc_plane_i,
    // verilator lint_on UNUSEDSIGNAL
    /// The elements.
    input  logic [FLIT_W-1:0] acc_data_i,
    /// Read out a flit; held until taken.
    input  logic              ro_valid_i,
    /// The flit is taken.
    output logic              ro_ready_o,
    /// The last words of the flit are read in this cycle: its place may be used again.
    output logic              ro_done_o,
    /// Set of the flit.
    input  logic              ro_set_i,
    /// Place of the flit.
    input  logic [EW-1:0]     ro_elem_i,
    /// What was computed there.
    input  sp_pkg::arith_t    ro_arith_i,
    /// Unrounded: instead of a result there are words and what was seen.
    input  logic              ro_part_i,
    /// Handed through to the result.
    input  logic              ro_last_i,
    /// A flit of results, in the order of read-out.
    output logic              res_valid_o,
    /// `ro_last_i` of that flit.
    output logic              res_last_o,
    /// The results.
    output logic [FLIT_W-1:0] res_data_o,
    /// Two words of each lane's sum, unrounded: for each flit five times, ...
    output logic              dig_valid_o,
    /// ... from the least significant pair, 0, to 4.
    output logic [2:0]        dig_pair_o,
    /// The words: as two's complement, of all of them together.
    output logic [LANES-1:0][63:0] dig_o,
    /// What each lane saw, two cycles after its last pair: {not only -0, -Inf, +Inf, NaN}.
    output logic              seen_valid_o,
    /// It.
    output logic [LANES-1:0][3:0] seen_o
);

  import sp_pkg::*;

  /// Cycles to read an element: nine words through two banks.
  localparam logic [2:0] PAIRS = 3'd5;
  /// A set of types.
  typedef logic [5:0] set_t;
  /// Those that are built in.
  localparam set_t BUILT = TYPES[5:0];
  /// Of these the ones of 8 bits.
  localparam set_t BYTES = BUILT & (6'd1 << ET_E4M3 | 6'd1 << ET_E5M2);
  /// Of these the ones of 8 and 16 bits.
  localparam set_t HALVES = BUILT & (BYTES | 6'd1 << ET_BF16 | 6'd1 << ET_FP16);

  if (FLIT_W != 32 && FLIT_W != 128 && FLIT_W != 256 && FLIT_W != 512) begin : gen_bad_flit
    $fatal(1, "sp_exact_lanes: FLIT_W = %0d is not 128, 256 or 512", FLIT_W);
  end
  if (TYPES == '0 || TYPES[7:6] != '0) begin : gen_bad_types
    $fatal(1, "sp_exact_lanes: TYPES = 'b%b is no set of element types", TYPES);
  end

  if (PARTIALS && FLIT_W != 128) begin : gen_bad_partials
    $fatal(1, "sp_exact_lanes: PARTIALS with FLIT_W = %0d, which is not 128", FLIT_W);
  end

  /// Types that lane l has.
  function automatic set_t types_of(int unsigned l);
    return (l % 4 == 0) ? BUILT : (l % 2 == 0) ? HALVES : BYTES;
  endfunction

  /// Bits of an element's state in a lane with some types: 4 and the words that it has.
  function automatic int unsigned state_bits(set_t has);
    if ((has & (6'd1 << ET_FP32 | 6'd1 << ET_BF16)) != '0) return 13;
    return (!PARTIALS && (has & ~BYTES) == '0) ? 5 : 6;
  endfunction

  /// First bit of the state of lane l in the word of all; for l = LANES the bits of that word.
  function automatic int unsigned state_at(int unsigned l);
    state_at = 0;
    for (int unsigned i = 0; i < l; i++) begin
      if (types_of(i) != '0) state_at += state_bits(types_of(i));
    end
  endfunction

  localparam int unsigned STATES_W = state_at(LANES);

  /// What is computed, decoded.
  typedef struct packed {
    logic clamp;  // overflow of E4M3, E5M2 or INT32 gives the largest number
    logic num;    // NaNs are passed over
    logic max;    // maximum
    logic cmp;    // minimum or maximum instead of sum
    set_t is;     // the type alone
  } op_t;

  function automatic op_t op_of(arith_t arith);
    op_of.is    = BUILT & (6'd1 << arith.etype);
    op_of.cmp   = arith.redop != RO_SUM;
    op_of.max   = arith.redop == RO_MAX || arith.redop == RO_MAXNUM;
    op_of.num   = arith.redop == RO_MINNUM || arith.redop == RO_MAXNUM;
    op_of.clamp = arith.saturate && ((op_of.is & (BYTES | 6'd1 << ET_INT32)) != '0);
  endfunction

  /// An element in the frame of FP32. An exponent of all ones becomes all ones there, as does what
  /// is NaN in E4M3. Negative integers are turned round: all compare as sign and magnitude.
  function automatic logic [31:0] framed(logic [31:0] d, set_t is);
    framed = '0;
    if (is[ET_FP32]) framed |= d;
    if (is[ET_BF16]) framed |= {d[15:0], 16'b0};
    if (is[ET_FP16]) framed |= {d[15], {3{d[14:10] == '1}}, d[14:0], 13'b0};
    if (is[ET_E4M3]) framed |= {d[7], {4{d[6:0] == '1}}, d[6:0], 20'b0};
    if (is[ET_E5M2]) framed |= {d[7], {3{d[6:2] == '1}}, d[6:0], 21'b0};
    if (is[ET_INT32]) framed |= {d[31], d[30:0] ^ {31{d[31]}}};
  endfunction

  /// Which portion of its unit an element at byte l belongs to.
  function automatic logic [1:0] part_of(int unsigned l, set_t is);
    if ((is & BYTES) != '0) return 2'(l / 4);
    return ((is & HALVES) != '0) ? 2'(l / 8) : 2'd0;
  endfunction

  /// Which element of the portion it is.
  function automatic int unsigned word_of(int unsigned l, set_t is);
    if ((is & BYTES) != '0) return l % 4;
    return ((is & HALVES) != '0) ? (l / 2) % 4 : l / 4;
  endfunction

  // ------------------------------------------------------------------------------- accumulate

  logic [6:0]         a_valid;
  logic [5:0]         a_set;
  logic [6:1]         a_valid_q, a_set_q;
  logic [6:1][EW-1:0] a_elem_q;
  // not every stage has a use for all that is computed
  // verilator lint_off UNUSEDSIGNAL
  op_t [6:0]          a_op;
  op_t [6:1]          a_op_q;
  // verilator lint_on UNUSEDSIGNAL
  plane_t [3:0]       a_plane;
  plane_t [4:1]       a_plane_q;
  logic [3:1]         near, a1_same_q, a2_same_q;
  logic               a1_stale_q;

  assign a_valid = {a_valid_q, acc_valid_i};
  assign a_set   = {a_set_q[5:1], acc_set_i};
  assign a_op    = {a_op_q, op_of(acc_arith_i)};
  assign a_plane = {a_plane_q[3:1], PARTIALS ? acc_plane_i : '0};

  // who is in stage d now is d in front of this flit
  always_comb begin
    for (int unsigned d = 1; d <= 3; d++) begin
      near[d] = a_valid_q[d] && (a_set_q[d] == acc_set_i) && (a_elem_q[d] == acc_elem_i)
                && !acc_first_i;
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) a_valid_q <= '0;
    else a_valid_q <= a_valid[5:0];
  end

  always_ff @(posedge clk_i) begin
    if (a_valid != '0) begin
      a_set_q    <= a_set;
      a_elem_q   <= {a_elem_q[5:1], acc_elem_i};
      a_op_q     <= a_op[5:0];
      a_plane_q  <= a_plane;
      a1_same_q  <= near;
      a1_stale_q <= acc_first_i || (near != '0);
      a2_same_q  <= a1_same_q;
    end
  end

  // --------------------------------------------------------------------------------- read-out

  logic               r0_busy_q;
  logic [2:0]         r0_pair_q;
  logic               r0_set_q, r0_last_q;
  op_t                r0_op_q;
  logic [EW-1:0]      r0_elem_q;
  logic               r0_go, r0_end;
  logic [7:1]         r_valid_q;
  logic [7:1][2:0]    r_pair_q;
  logic [4:1]         r_set_q;
  logic [2:1][EW-1:0] r_elem_q;
  logic [16:8]        n_valid_q;
  logic [16:1]        r_last_q, r_part_q;
  logic               r0_part_q;
  // verilator lint_off UNUSEDSIGNAL
  op_t [16:1]         r_op_q;
  // verilator lint_on UNUSEDSIGNAL

  // a flit that is accumulated in the same set has the memories' read ports first
  assign r0_go      = r0_busy_q && !(acc_valid_i && (acc_set_i == r0_set_q));
  assign r0_end     = r0_go && (r0_pair_q == PAIRS - 3'd1);
  assign ro_ready_o = !r0_busy_q || r0_end;
  assign ro_done_o  = r0_end;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      r0_busy_q <= 1'b0;
      r_valid_q <= '0;
      n_valid_q <= '0;
    end else begin
      if (ro_ready_o) r0_busy_q <= ro_valid_i;
      r_valid_q <= {r_valid_q[6:1], r0_go};
      n_valid_q <= {n_valid_q[15:8], r_valid_q[7] && (r_pair_q[7] == PAIRS - 3'd1)};
    end
  end

  always_ff @(posedge clk_i) begin
    if (ro_ready_o && ro_valid_i) begin
      r0_pair_q <= '0;
      r0_set_q  <= ro_set_i;
      r0_elem_q <= ro_elem_i;
      r0_op_q   <= op_of(ro_arith_i);
      r0_last_q <= ro_last_i;
      r0_part_q <= PARTIALS && ro_part_i;
    end else if (r0_go) begin
      r0_pair_q <= r0_pair_q + 3'd1;
    end
    if (r0_busy_q || (r_valid_q != '0) || (n_valid_q != '0)) begin
      r_pair_q <= {r_pair_q[6:1], r0_pair_q};
      r_set_q  <= {r_set_q[3:1], r0_set_q};
      r_elem_q <= {r_elem_q[1], r0_elem_q};
      r_op_q   <= {r_op_q[15:1], r0_op_q};
      r_last_q <= {r_last_q[15:1], r0_last_q};
      r_part_q <= {r_part_q[15:1], r0_part_q};
    end
  end

  // ------------------------------------------------------------------- one read port of a set
  // What is read out follows the stages of an addend, so the two never meet at a set's memories.

  logic [1:0]          rd_valid_q;
  logic [EW-1:0]       rd_elem_q [2];
  logic [STATES_W-1:0] st_new;
  logic [STATES_W-1:0] st_old [2];

  for (genvar s = 0; s < 2; s++) begin : gen_set
    // a state that is read while it is written is forwarded: what memory gives then is never used
    (* no_rw_check, ram_style = "block" *) logic [STATES_W-1:0] mem_s [1 << EW];
    logic [STATES_W-1:0] state;
    logic                read_0, read_2;  // for read-out, in stages 0 and 2

    assign read_0 = r0_go && (r0_set_q == 1'(s));
    assign read_2 = r_valid_q[2] && (r_set_q[2] == 1'(s));

    always_ff @(posedge clk_i) begin
      if (read_0 || (a_valid[0] && (a_set[0] == 1'(s))))
        state <= mem_s[read_0 ? r0_elem_q : acc_elem_i];
      rd_valid_q[s] <= read_2 || (a_valid[2] && (a_set[2] == 1'(s)));
      rd_elem_q[s]  <= read_2 ? r_elem_q[2] : a_elem_q[2];
    end
    assign st_old[s] = state;

    always_ff @(posedge clk_i) begin
      if (a_valid[3] && (a_set[3] == 1'(s))) mem_s[a_elem_q[3]] <= st_new;
    end
  end

  // ------------------------------------------------------------------------------------ lanes

  logic [31:0] res [(LANES + 3) / 4 * 4];  // in the frame of FP32

  for (genvar l = 0; l < LANES; l++) begin : gen_lane
    localparam set_t        HAS     = types_of(l);
    localparam int unsigned STATE_W = state_bits(HAS);
    /// First and number of the bits that its largest element has.
    localparam int unsigned LSB   = 8 * l;
    localparam int unsigned WIDTH = (l % 4 == 0) ? 32 : (l % 2 == 0) ? 16 : 8;

    if (HAS == '0) begin : gen_none
      assign res[l]    = '0;
      assign dig_o[l]  = '0;
      assign seen_o[l] = '0;
    end else begin : gen_one
      logic [STATE_W-1:0] lane_old [2];
      logic [6:0]         a_on;   // bit k: the addend in stage k concerns this lane
      logic [15:1]        r_on;   // bit k: the same for read-out
      logic [5:1]         a_cmp;
      logic [4:1]         a_int;
      /// The lane's type of least number, which it is if it is no other.
      localparam set_t LEAST = HAS & (~HAS + 6'd1);
      /// The type in a lane.
      function automatic set_t own(set_t is);
        own = is & HAS & ~LEAST;
        if (own == '0) own = LEAST;
      endfunction

      assign lane_old[0] = st_old[0][state_at(l)+:STATE_W];
      assign lane_old[1] = st_old[1][state_at(l)+:STATE_W];

      if (l % 4 == 0) begin : gen_always
        assign a_on = '1;
        assign r_on = '1;
      end else begin : gen_sometimes
        always_comb begin
          for (int unsigned k = 0; k <= 6; k++) a_on[k] = (a_op[k].is & HAS) != '0;
          for (int unsigned k = 1; k <= 15; k++) r_on[k] = (r_op_q[k].is & HAS) != '0;
        end
      end

      always_comb begin
        for (int unsigned k = 1; k <= 5; k++) a_cmp[k] = a_op_q[k].cmp;
        for (int unsigned k = 1; k <= 4; k++)
          a_int[k] = (HAS[ET_INT32] && a_op_q[k].is[ET_INT32]) || a_plane_q[k].valid;
      end

      logic [31:0] word, elem;  // of a partial, or an element
      always_comb begin
        elem = framed(32'(acc_data_i[LSB+:WIDTH]), own(a_op[0].is));
        if (PARTIALS && acc_plane_i.valid) begin
          word = acc_data_i[32*(word_of(l, a_op[0].is)%(FLIT_W/32))+:32];
          elem = {word[31], word[30:0] ^ {31{word[31]}}};
        end else begin
          word = '0;
        end
      end

      sp_exact_lane #(
          .ELEMS  (ELEMS),
          .MEMBERS(MEMBERS),
          .TYPES  (8'(HAS)),
          .PARTIALS(PARTIALS)
      ) i_lane (
          .clk_i,
          .a_valid_i  (a_valid & a_on),
          .a_set_i    (a_set_q),
          .a_cmp_i    (a_cmp),
          .a_int_i    (a_int),
          .a0_data_i  (elem),
          .a1_stale_i (a1_stale_q),
          .a1_plane_i (a_plane_q[1]),
          .a1_null_i  (PARTIALS && (a_plane_q[1].part != part_of(l, a_op_q[1].is))),
          .a1_same_i  (a1_same_q[3:2]),
          .a2_same_i  (a2_same_q),
          .a5_max_i   (a_op_q[5].max),
          .a6_elem_i  (a_elem_q[6]),
          .r_valid_i  (r_valid_q & r_on[7:1]),
          .r_set_i    (r_set_q),
          .r_pair_i   (r_pair_q[7:2]),
          .r2_num_i   (r_op_q[2].num),
          .n_valid_i  (n_valid_q[15:8] & r_on[15:8]),
          .n12_int_i  (r_op_q[12].is[ET_INT32]),
          .n12_cmp_i  (r_op_q[12].cmp),
          .n12_clamp_i(r_op_q[12].clamp),
          .n13_is_i   (own(r_op_q[13].is)),
          .n15_is_i   (own(r_op_q[15].is)),
          .n15_cmp_i  (r_op_q[15].cmp),
          .n15_clamp_i(r_op_q[15].clamp),
          .rd_valid_i (rd_valid_q),
          .rd_elem_i  (rd_elem_q),
          .st_i       (lane_old),
          .st_o       (st_new[state_at(l)+:STATE_W]),
          .res_o      (res[l]),
          .dig_o      (dig_o[l]),
          .seen_o     (seen_o[l])
      );
    end
  end

  if (LANES % 4 != 0) begin : gen_alone
    assign res[1] = '0;
    assign res[2] = '0;
    assign res[3] = '0;
  end

  for (genvar e = 0; e < FLIT_W / 32; e++) begin : gen_res
    logic [3:0][31:0] r;
    assign r = {res[4*e+3], res[4*e+2], res[4*e+1], res[4*e]};
    always_comb begin
      res_data_o[32*e+:32] = r[0];
      if (r_op_q[16].is[ET_BF16]) res_data_o[32*e+:32] = {r[2][31:16], r[0][31:16]};
      if (r_op_q[16].is[ET_FP16]) begin
        for (int unsigned i = 0; i < 2; i++) begin
          res_data_o[32*e+16*i+:16] = {r[2*i][31], r[2*i][27:13]};
        end
      end
      for (int unsigned i = 0; i < 4; i++) begin
        if (r_op_q[16].is[ET_E5M2]) res_data_o[32*e+8*i+:8] = {r[i][31], r[i][27:21]};
        if (r_op_q[16].is[ET_E4M3]) res_data_o[32*e+8*i+:8] = {r[i][31], r[i][26:20]};
      end
    end
  end
  assign res_valid_o  = n_valid_q[16] && !r_part_q[16];
  assign dig_valid_o  = r_valid_q[6] && r_part_q[6];
  assign dig_pair_o   = r_pair_q[6];
  assign seen_valid_o = n_valid_q[8] && r_part_q[8];
  assign res_last_o  = r_last_q[16];

endmodule
