// SPDX-License-Identifier: Apache-2.0
//
// The lanes of a flit and the control that they share: one flit of contributions a cycle is
// accumulated without ever stalling, elements are read out one in PAIRS cycles. In a cycle in
// which both want the same set, read-out waits. A flit's states are one word of memory.
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
  /// Bits of an element's state.
  localparam int unsigned STATE_W = 13;

  if (FLIT_W != 128 && FLIT_W != 256 && FLIT_W != 512) begin : gen_bad_flit
    $fatal(1, "sp_exact_lanes: FLIT_W = %0d is not 128, 256 or 512", FLIT_W);
  end

  // ------------------------------------------------------------------------------- accumulate

  logic [6:0]         a_valid;
  logic [5:0]         a_set;
  logic [6:1]         a_valid_q, a_set_q;
  logic [6:1][EW-1:0] a_elem_q;
  logic [5:1]         a_cmp_q, a_max_q;
  logic [6:0]         a_bf16;
  logic [6:1]         a_bf16_q;
  logic [3:1]         near, a1_same_q, a2_same_q;
  logic               a1_stale_q;

  assign a_valid = {a_valid_q, acc_valid_i};
  assign a_set   = {a_set_q[5:1], acc_set_i};
  assign a_bf16  = {a_bf16_q, acc_bf16_i};

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
      a_cmp_q    <= {a_cmp_q[4:1], acc_cmp_i};
      a_max_q    <= {a_max_q[4:1], acc_max_i};
      a_bf16_q   <= a_bf16[5:0];
      a1_same_q  <= near;
      a1_stale_q <= acc_first_i || (near != '0);
      a2_same_q  <= a1_same_q;
    end
  end

  // --------------------------------------------------------------------------------- read-out

  logic               r0_busy_q;
  logic [2:0]         r0_pair_q;
  logic               r0_set_q, r0_cmp_q, r0_bf16_q, r0_last_q;
  logic [EW-1:0]      r0_elem_q;
  logic               r0_go, r0_end;
  logic [7:1]         r_valid_q;
  logic [7:1][2:0]    r_pair_q;
  logic [4:1]         r_set_q;
  logic [2:1][EW-1:0] r_elem_q;
  logic [16:8]        n_valid_q;
  logic [16:1]        r_bf16_q, r_last_q;
  logic [15:1]        r_cmp_q;

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
      r0_cmp_q  <= ro_cmp_i;
      r0_bf16_q <= ro_bf16_i;
      r0_last_q <= ro_last_i;
    end else if (r0_go) begin
      r0_pair_q <= r0_pair_q + 3'd1;
    end
    if (r0_busy_q || (r_valid_q != '0) || (n_valid_q != '0)) begin
      r_pair_q <= {r_pair_q[6:1], r0_pair_q};
      r_set_q  <= {r_set_q[3:1], r0_set_q};
      r_elem_q <= {r_elem_q[1], r0_elem_q};
      r_bf16_q <= {r_bf16_q[15:1], r0_bf16_q};
      r_cmp_q  <= {r_cmp_q[14:1], r0_cmp_q};
      r_last_q <= {r_last_q[15:1], r0_last_q};
    end
  end

  // ------------------------------------------------------------------- one read port of a set
  // What is read out follows the stages of an addend, so the two never meet at a set's memories.

  logic [1:0]               rd_valid_q;
  logic [EW-1:0]            rd_elem_q [2];
  logic [LANES*STATE_W-1:0] st_new;
  logic [LANES*STATE_W-1:0] st_old [2];

  for (genvar s = 0; s < 2; s++) begin : gen_set
    // a state that is read while it is written is forwarded: what memory gives then is never used
    (* no_rw_check, ram_style = "block" *) logic [LANES*STATE_W-1:0] mem_s [1 << EW];
    logic [LANES*STATE_W-1:0] state;
    logic                     read_0, read_2;  // for read-out, in stages 0 and 2

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

  logic [31:0] res [LANES];

  for (genvar l = 0; l < LANES; l++) begin : gen_lane
    /// Odd lanes hold BF16 only and rest otherwise.
    localparam bit ODD = (l % 2) == 1;
    logic [31:0]        data;
    logic [STATE_W-1:0] lane_old [2];
    assign lane_old[0] = st_old[0][STATE_W*l+:STATE_W];
    assign lane_old[1] = st_old[1][STATE_W*l+:STATE_W];
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
        .a_valid_i (a_valid & (a_bf16 | {7{!ODD}})),
        .a_set_i   (a_set_q),
        .a_cmp_i   (a_cmp_q),
        .a0_data_i (data),
        .a1_stale_i(a1_stale_q),
        .a1_same_i (a1_same_q[3:2]),
        .a2_same_i (a2_same_q),
        .a5_max_i  (a_max_q[5]),
        .a6_elem_i (a_elem_q[6]),
        .r_valid_i (r_valid_q & (r_bf16_q[7:1] | {7{!ODD}})),
        .r_set_i   (r_set_q),
        .r_pair_i  (r_pair_q[7:2]),
        .n_valid_i (n_valid_q[15:8] & (r_bf16_q[15:8] | {8{!ODD}})),
        .n13_bf16_i(ODD || r_bf16_q[13]),
        .n15_bf16_i(ODD || r_bf16_q[15]),
        .n15_cmp_i (r_cmp_q[15]),
        .rd_valid_i(rd_valid_q),
        .rd_elem_i (rd_elem_q),
        .st_i      (lane_old),
        .st_o      (st_new[STATE_W*l+:STATE_W]),
        .res_o     (res[l])
    );
  end

  for (genvar e = 0; e < LANES / 2; e++) begin : gen_res
    assign res_data_o[32*e+:32] =
        r_bf16_q[16] ? {res[2*e+1][31:16], res[2*e][31:16]} : res[2*e];
  end
  assign res_valid_o = n_valid_q[16];
  assign res_last_o  = r_last_q[16];

endmodule
