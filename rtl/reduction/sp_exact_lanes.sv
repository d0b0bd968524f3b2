// SPDX-License-Identifier: Apache-2.0
//
// The lanes of a flit and the control that they share: one flit of contributions a cycle is
// accumulated without ever stalling, elements are read out one in PAIRS cycles. In a cycle in
// which both want the same set, read-out waits.
//
// A flit of FLIT_W bits has FLIT_W/16 lanes. Lane 2e holds 32-bit element e or 16-bit element 2e,
// lane 2e+1 holds 16-bit element 2e+1.
//
// The caller guarantees that the flits of a place come three cycles or more before its read-out is
// asked for, and that none comes until the read-out is done.
module sp_exact_lanes #(
    /// Bits of a flit.
    parameter int unsigned FLIT_W  = 128,
    /// Flits of elements of one set.
    parameter int unsigned ELEMS   = 64,
    /// Contributions to an element, at most.
    parameter int unsigned MEMBERS = 1024,
    /// Bits of an element's address; follows from ELEMS.
    localparam int unsigned EW     = (ELEMS > 1) ? $clog2(ELEMS) : 1
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
    /// Minimum or maximum instead of sum.
    input  logic              acc_cmp_i,
    /// Maximum.
    input  logic              acc_max_i,
    /// Elements are BF16 instead of FP32.
    input  logic              acc_bf16_i,
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
    /// It holds minima or maxima.
    input  logic              ro_cmp_i,
    /// It holds BF16.
    input  logic              ro_bf16_i,
    /// Handed through to the result.
    input  logic              ro_last_i,
    /// A flit of results, in the order of read-out.
    output logic              res_valid_o,
    /// `ro_last_i` of that flit.
    output logic              res_last_o,
    /// The results.
    output logic [FLIT_W-1:0] res_data_o
);

  localparam int unsigned LANES = FLIT_W / 16;
  /// Cycles to read an element: nine words through two banks.
  localparam logic [2:0] PAIRS = 3'd5;

  if (FLIT_W != 128 && FLIT_W != 256 && FLIT_W != 512) begin : gen_bad_flit
    $fatal(1, "sp_exact_lanes: FLIT_W = %0d is not 128, 256 or 512", FLIT_W);
  end

  // ------------------------------------------------------------------------------- accumulate

  logic          a1_valid_q, a2_valid_q, a3_valid_q;
  logic          a1_set_q, a2_set_q, a3_set_q;
  logic [EW-1:0] a1_elem_q, a2_elem_q, a3_elem_q;
  logic          a1_first_q, a1_cmp_q, a2_cmp_q, a1_max_q, a2_max_q;
  logic          a1_bf16_q, a2_bf16_q, a3_bf16_q;
  logic [2:0]    a1_same_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      a1_valid_q <= 1'b0;
      a2_valid_q <= 1'b0;
      a3_valid_q <= 1'b0;
    end else begin
      a1_valid_q <= acc_valid_i;
      a2_valid_q <= a1_valid_q;
      a3_valid_q <= a2_valid_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (acc_valid_i) begin
      a1_set_q   <= acc_set_i;
      a1_elem_q  <= acc_elem_i;
      a1_first_q <= acc_first_i;
      a1_cmp_q   <= acc_cmp_i;
      a1_max_q   <= acc_max_i;
      a1_bf16_q  <= acc_bf16_i;
      // who is in stage 1 + d now is in stage 2 + d when this flit is in stage 1
      a1_same_q  <= {
        a3_valid_q && (a3_set_q == acc_set_i) && (a3_elem_q == acc_elem_i),
        a2_valid_q && (a2_set_q == acc_set_i) && (a2_elem_q == acc_elem_i),
        a1_valid_q && (a1_set_q == acc_set_i) && (a1_elem_q == acc_elem_i)};
    end
    if (a1_valid_q) begin
      a2_set_q  <= a1_set_q;
      a2_elem_q <= a1_elem_q;
      a2_cmp_q  <= a1_cmp_q;
      a2_max_q  <= a1_max_q;
      a2_bf16_q <= a1_bf16_q;
    end
    if (a2_valid_q) begin
      a3_set_q  <= a2_set_q;
      a3_elem_q <= a2_elem_q;
      a3_bf16_q <= a2_bf16_q;
    end
  end

  // --------------------------------------------------------------------------------- read-out

  logic          r0_busy_q;
  logic [2:0]    r0_pair_q;
  logic          r0_set_q, r0_cmp_q, r0_bf16_q, r0_last_q;
  logic [EW-1:0] r0_elem_q;
  logic          r0_go, r0_end;
  logic [4:1]    r_valid_q;
  logic [2:0]    r1_pair_q, r2_pair_q, r3_pair_q, r4_pair_q;
  logic          r1_set_q;
  logic [12:5]   n_valid_q;
  logic [12:1]   r_bf16_q, r_last_q;
  logic [11:1]   r_cmp_q;

  // a flit that is accumulated in the same set has the memories' read port first
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
      r_valid_q <= {r_valid_q[3:1], r0_go};
      n_valid_q <= {n_valid_q[11:5], r_valid_q[4] && (r4_pair_q == PAIRS - 3'd1)};
    end
  end

  always_ff @(posedge clk_i) begin
    if (ro_ready_o && ro_valid_i) begin
      r0_pair_q <= '0;
      r0_set_q  <= ro_set_i;
      r0_elem_q <= ro_elem_i;
      r0_cmp_q  <= ro_cmp_i;
      r0_bf16_q <= ro_bf16_i;
      r0_last_q <= ro_last_i;
    end else if (r0_go) begin
      r0_pair_q <= r0_pair_q + 3'd1;
    end
    if (r0_busy_q || (r_valid_q != '0) || (n_valid_q != '0)) begin
      r1_pair_q <= r0_pair_q;
      r2_pair_q <= r1_pair_q;
      r3_pair_q <= r2_pair_q;
      r4_pair_q <= r3_pair_q;
      r1_set_q  <= r0_set_q;
      r_bf16_q  <= {r_bf16_q[11:1], r0_bf16_q};
      r_cmp_q   <= {r_cmp_q[10:1], r0_cmp_q};
      r_last_q  <= {r_last_q[11:1], r0_last_q};
    end
  end

  // ------------------------------------------------------------------------------------ lanes

  logic [31:0] res [LANES];

  for (genvar l = 0; l < LANES; l++) begin : gen_lane
    /// Odd lanes hold BF16 only and rest otherwise.
    localparam bit ODD = (l % 2) == 1;
    logic [31:0] data;
    if (ODD) begin : gen_odd
      assign data = {acc_data_i[16*l+:16], 16'b0};
    end else begin : gen_even
      assign data = acc_bf16_i ? {acc_data_i[16*l+:16], 16'b0} : acc_data_i[16*l+:32];
    end

    sp_exact_lane #(
        .ELEMS  (ELEMS),
        .MEMBERS(MEMBERS)
    ) i_lane (
        .clk_i,
        .a0_valid_i(acc_valid_i && (!ODD || acc_bf16_i)),
        .a0_set_i  (acc_set_i),
        .a0_elem_i (acc_elem_i),
        .a0_cmp_i  (acc_cmp_i),
        .a0_data_i (data),
        .a1_valid_i(a1_valid_q && (!ODD || a1_bf16_q)),
        .a1_set_i  (a1_set_q),
        .a1_first_i(a1_first_q),
        .a1_cmp_i  (a1_cmp_q),
        .a1_same_i (a1_same_q),
        .a2_valid_i(a2_valid_q && (!ODD || a2_bf16_q)),
        .a2_set_i  (a2_set_q),
        .a2_elem_i (a2_elem_q),
        .a2_cmp_i  (a2_cmp_q),
        .a2_max_i  (a2_max_q),
        .a3_valid_i(a3_valid_q && (!ODD || a3_bf16_q)),
        .a3_set_i  (a3_set_q),
        .a3_elem_i (a3_elem_q),
        .r0_valid_i(r0_go && (!ODD || r0_bf16_q)),
        .r0_set_i  (r0_set_q),
        .r0_elem_i (r0_elem_q),
        .r0_pair_i (r0_pair_q),
        .r1_valid_i(r_valid_q[1] && (!ODD || r_bf16_q[1])),
        .r1_set_i  (r1_set_q),
        .r1_pair_i (r1_pair_q),
        .r2_valid_i(r_valid_q[2] && (!ODD || r_bf16_q[2])),
        .r3_valid_i(r_valid_q[3] && (!ODD || r_bf16_q[3])),
        .r3_first_i(r3_pair_q == '0),
        .r4_valid_i(r_valid_q[4] && (!ODD || r_bf16_q[4])),
        .r4_pair_i (r4_pair_q),
        .r_valid_i (n_valid_q[11:5] & (r_bf16_q[11:5] | {7{!ODD}})),
        .r10_bf16_i(ODD || r_bf16_q[10]),
        .r11_cmp_i (r_cmp_q[11]),
        .res_o     (res[l])
    );
  end

  for (genvar e = 0; e < LANES / 2; e++) begin : gen_res
    assign res_data_o[32*e+:32] =
        r_bf16_q[12] ? {res[2*e+1][31:16], res[2*e][31:16]} : res[2*e];
  end
  assign res_valid_o = n_valid_q[12];
  assign res_last_o  = r_last_q[12];

endmodule
