// SPDX-License-Identifier: Apache-2.0
//
// What the lanes bring, made one beat again: each lane is delayed until all that carry beats go
// from TRAIN to something else in the same cycle. Guarantees: lanes up to MAX_SKEW cycles apart are
// aligned, without a cycle for the one that comes last; lanes farther apart never are, in this
// training. Works in the receive clock, since a SKIP can be dropped only when it is whole.

module sp_link_align #(
    /// Lanes.
    parameter int unsigned K = 1,
    /// Cycles that a lane may come later than another.
    parameter int unsigned MAX_SKEW = 8,
    localparam int unsigned DelayW = (MAX_SKEW > 0) ? $clog2(MAX_SKEW + 1) : 1
) (
    /// Clock.
    input  logic                                  clk_i,
    /// Reset, active low, asynchronous.
    input  logic                                  rst_ni,
    /// Changes with each training.
    input  logic                                  round_i,
    /// Lanes that carry beats; none as long as that is not known.
    input  logic [K-1:0]                          lanes_i,

    /// By lane: a block comes.
    input  logic [K-1:0]                          rx_valid_i,
    /// By lane: its mark.
    input  logic [K-1:0][sp_link_pkg::MARK_W-1:0] rx_mark_i,
    /// By lane: its unit.
    input  logic [K-1:0][sp_pkg::UNIT_W-1:0]      rx_unit_i,

    /// There is a block on a lane; if they are aligned, on one that carries beats.
    output logic                                  valid_o,
    /// The lanes are aligned.
    output logic                                  aligned_o,
    /// They were so in the cycle before, and there was no block.
    output logic                                  lost_o,
    /// All lanes that carry beats have SKIP.
    output logic                                  skip_o,
    /// By lane: the block is TRAIN, and right.
    output logic [K-1:0]                          train_o,
    /// By lane: mark.
    output logic [K-1:0][sp_link_pkg::MARK_W-1:0] mark_o,
    /// By lane: unit.
    output logic [K-1:0][sp_pkg::UNIT_W-1:0]      unit_o
);

  import sp_pkg::*;
  import sp_link_pkg::*;

  if (MAX_SKEW > 255) begin : g_bad_skew
    $fatal(1, "sp_link_align: MAX_SKEW = %0d is not in 0..255", MAX_SKEW);
  end

  /// What a lane brings in a cycle.
  typedef struct packed {
    logic              valid;
    logic              train;
    logic [MARK_W-1:0] mark;
    logic [UNIT_W-1:0] unit;
  } block_t;

  logic              round_q;
  logic              restart;
  logic [DelayW-1:0] wptr_q;
  logic [K-1:0]      started;    // carries frames
  logic [K-1:0]      too_late;   // waited in vain
  logic [K-1:0]      valid;
  logic [K-1:0]      skip;
  logic              all;

  assign restart   = round_i != round_q;
  assign all       = (lanes_i != '0) && ((lanes_i & ~started) == '0);
  assign aligned_o = all && ((lanes_i & too_late) == '0);
  assign valid_o   = (aligned_o ? valid & lanes_i : valid) != '0;
  assign skip_o    = (lanes_i & ~skip) == '0;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      round_q <= 1'b0;
      wptr_q  <= '0;
      lost_o  <= 1'b0;
    end else begin
      round_q <= round_i;
      wptr_q  <= wptr_q + DelayW'(1);
      lost_o  <= aligned_o && !valid_o;
    end
  end

  for (genvar k = 0; k < K; k++) begin : g_lane
    block_t            mem [2**DelayW];
    block_t            came;
    logic              right;
    block_t            out;
    kind_e             kind;
    logic              trained_q;  // a TRAIN block came in this training
    logic              started_q;
    logic              too_late_q;
    logic [DelayW-1:0] delay_q;
    logic              frame;      // neither damaged, nor TRAIN or SKIP

    assign came.valid = rx_valid_i[k];
    assign came.mark  = rx_mark_i[k];
    assign came.unit  = rx_unit_i[k];
    assign kind       = kind_e'(rx_unit_i[k][KIND_W-1:0]);

    sp_link_check #(
        .LANE(k)
    ) i_check (
        .mark_i (rx_mark_i[k]),
        .unit_i (rx_unit_i[k]),
        .right_o(right)
    );

    assign came.train = right && rx_valid_i[k];

    assign frame = (came.mark == MARK_DATA) ||
                   ((came.mark == MARK_CTRL) &&
                    ((kind == KIND_NULL) || (kind == KIND_TRAILER) || (kind == KIND_POISON)));
    assign started[k]  = started_q || (trained_q && came.valid && frame);
    assign too_late[k] = too_late_q;

    always_ff @(posedge clk_i) begin
      mem[wptr_q] <= came;
    end

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        trained_q  <= 1'b0;
        started_q  <= 1'b0;
        too_late_q <= 1'b0;
        delay_q    <= '0;
      end else if (restart) begin
        trained_q  <= 1'b0;
        started_q  <= 1'b0;
        too_late_q <= 1'b0;
        delay_q    <= '0;
      end else if (came.train) begin
        // What looked like the begin of frames before was none.
        trained_q  <= 1'b1;
        started_q  <= 1'b0;
        too_late_q <= 1'b0;
        delay_q    <= '0;
      end else begin
        started_q <= started[k];
        // The begin of its frames waits for the other lanes.
        if (started[k] && !all) begin
          if (delay_q == DelayW'(MAX_SKEW)) too_late_q <= 1'b1;
          else delay_q <= delay_q + DelayW'(1);
        end
      end
    end

    assign out       = ((MAX_SKEW == 0) || (delay_q == '0)) ? came : mem[wptr_q-delay_q];
    assign valid[k]  = out.valid;
    assign train_o[k] = out.train;
    assign skip[k]   = out.valid && (out.mark == MARK_CTRL) &&
                       (kind_e'(out.unit[KIND_W-1:0]) == KIND_SKIP);
    // Nothing where others have something is damage.
    assign mark_o[k] = out.valid ? out.mark : '0;
    assign unit_o[k] = out.unit;
  end

endmodule
