// SPDX-License-Identifier: Apache-2.0
//
// Beats over the lanes that work: all of them, the two lowest or the lowest. Guarantees: over all
// lanes a beat takes no cycle longer; over fewer its blocks follow each other, lowest block first,
// and the sender waits; TRAIN and SKIP go over all lanes at once; other lanes carry NULL. A
// receiver that has lost its place within a beat finds it again at the next trailer, which always
// ends one, and gives a damaged beat for what was shifted.

module sp_link_lanes #(
    /// Lanes, and blocks of a beat.
    parameter int unsigned K = 1
) (
    /// Clock.
    input  logic                                  clk_i,
    /// Reset, active low, asynchronous.
    input  logic                                  rst_ni,

    /// Lanes on which beats leave.
    input  logic [K-1:0]                          tx_lanes_i,
    /// A beat: marks.
    input  logic [K-1:0][sp_link_pkg::MARK_W-1:0] tx_mark_i,
    /// A beat: units.
    input  logic [K-1:0][sp_pkg::UNIT_W-1:0]      tx_unit_i,
    /// It is taken.
    output logic                                  tx_ready_o,
    /// By lane: marks.
    output logic [K-1:0][sp_link_pkg::MARK_W-1:0] tx_mark_o,
    /// By lane: units.
    output logic [K-1:0][sp_pkg::UNIT_W-1:0]      tx_unit_o,

    /// Lanes on which beats come.
    input  logic [K-1:0]                          rx_lanes_i,
    /// Blocks come.
    input  logic                                  rx_valid_i,
    /// They are aligned.
    input  logic                                  rx_aligned_i,
    /// They are SKIP.
    input  logic                                  rx_skip_i,
    /// By lane: TRAIN, and right.
    input  logic [K-1:0]                          rx_train_i,
    /// By lane: marks.
    input  logic [K-1:0][sp_link_pkg::MARK_W-1:0] rx_mark_i,
    /// By lane: units.
    input  logic [K-1:0][sp_pkg::UNIT_W-1:0]      rx_unit_i,
    /// A beat comes.
    output logic                                  rx_valid_o,
    /// Its marks.
    output logic [K-1:0][sp_link_pkg::MARK_W-1:0] rx_mark_o,
    /// Its units.
    output logic [K-1:0][sp_pkg::UNIT_W-1:0]      rx_unit_o,
    /// Event: a trailer did not end a beat where one was to end.
    output logic                                  ev_shifted_o
);

  import sp_pkg::*;
  import sp_link_pkg::*;

  localparam int unsigned LaneW = (K > 1) ? $clog2(K) : 1;
  localparam int unsigned CntW = $clog2(K + 1);
  localparam int unsigned Held = (K > 1) ? K - 1 : 1;

  if (K != 1 && K != 2 && K != 4) begin : g_bad_k
    $fatal(1, "sp_link_lanes: K = %0d is not 1, 2 or 4", K);
  end

  /// Which lanes carry the blocks of a beat, and how many at once.
  typedef struct packed {
    logic [CntW-1:0]  count;
    logic [LaneW-1:0] low;
    logic [LaneW-1:0] high;  // the second, if there are two
  } share_t;

  // None at all is as good as all: nothing but TRAIN is sent then.
  function automatic share_t share_of(logic [K-1:0] lanes);
    share_t share;
    share.count = ((lanes == '0) || (lanes == '1)) ? CntW'(K) :
                  ((lanes & (lanes - K'(1))) != '0) ? CntW'(2) : CntW'(1);
    share.low   = '0;
    share.high  = '0;
    for (int unsigned k = K; k > 0; k--) begin
      if (lanes[k-1]) begin
        share.high = share.low;
        share.low  = LaneW'(k - 1);
      end
    end
    return share;
  endfunction

  // ------------------------------------------------------------------------------------- sending

  share_t          tx;
  logic            alone;    // all of it leaves at once
  logic [CntW-1:0] left_q;   // blocks of it that have left
  logic [CntW-1:0] left;
  kind_e           first;

  assign tx         = share_of(tx_lanes_i);
  assign first      = kind_e'(tx_unit_i[0][KIND_W-1:0]);
  assign alone      = (tx.count == CntW'(K)) ||
                      ((tx_mark_i[0] == MARK_CTRL) &&
                       ((first == KIND_TRAIN) || (first == KIND_SKIP)));
  assign left       = left_q + tx.count;
  assign tx_ready_o = alone || (left == CntW'(K));

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) left_q <= '0;
    else left_q <= tx_ready_o ? '0 : left;
  end

  always_comb begin
    tx_mark_o = tx_mark_i;
    tx_unit_o = tx_unit_i;
    if (!alone) begin
      tx_mark_o = {K{MARK_CTRL}};
      tx_unit_o = '0;
      // The second lane first: with one lane both are the same.
      if (tx.count == CntW'(2)) begin
        tx_mark_o[tx.high] = tx_mark_i[LaneW'(left_q)+LaneW'(1)];
        tx_unit_o[tx.high] = tx_unit_i[LaneW'(left_q)+LaneW'(1)];
      end
      tx_mark_o[tx.low] = tx_mark_i[LaneW'(left_q)];
      tx_unit_o[tx.low] = tx_unit_i[LaneW'(left_q)];
    end
  end

  // ----------------------------------------------------------------------------------- receiving

  share_t                      rx;
  logic [CntW-1:0]             came_q;    // blocks of the beat that came before
  logic [CntW-1:0]             came;
  logic [Held-1:0][MARK_W-1:0] mark_q;
  logic [Held-1:0][UNIT_W-1:0] unit_q;
  logic                        blocks;    // blocks of a beat come
  logic [LaneW-1:0]            end_lane;  // with the last of them
  logic                        trailer;

  assign rx       = share_of(rx_lanes_i);
  assign blocks   = rx_valid_i && rx_aligned_i && !rx_skip_i &&
                    ((rx_train_i & rx_lanes_i) == '0);
  assign end_lane = (rx.count == CntW'(K)) ? LaneW'(K - 1) :
                    (rx.count == CntW'(2)) ? rx.high : rx.low;
  assign trailer  = (rx_mark_i[end_lane] == MARK_CTRL) &&
                    (kind_e'(rx_unit_i[end_lane][KIND_W-1:0]) == KIND_TRAILER);
  assign came     = came_q + rx.count;

  assign rx_valid_o   = blocks && ((came == CntW'(K)) || trailer);
  assign ev_shifted_o = blocks && (came != CntW'(K)) && trailer;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) came_q <= '0;
    else if (!rx_aligned_i || rx_valid_o) came_q <= '0;
    else if (blocks) came_q <= came;
  end

  always_ff @(posedge clk_i) begin
    if (blocks) begin
      for (int unsigned k = 0; k < Held; k++) begin
        if (CntW'(k) == came_q) begin
          mark_q[k] <= rx_mark_i[rx.low];
          unit_q[k] <= rx_unit_i[rx.low];
        end
        if ((rx.count == CntW'(2)) && (CntW'(k) == came_q + CntW'(1))) begin
          mark_q[k] <= rx_mark_i[rx.high];
          unit_q[k] <= rx_unit_i[rx.high];
        end
      end
    end
  end

  always_comb begin
    rx_mark_o = rx_mark_i;
    rx_unit_o = rx_unit_i;
    if (rx.count != CntW'(K)) begin
      for (int unsigned k = 0; k + 1 < K; k++) begin
        rx_mark_o[k] = mark_q[k];
        rx_unit_o[k] = unit_q[k];
      end
      rx_mark_o[K-1] = rx_mark_i[end_lane];
      rx_unit_o[K-1] = rx_unit_i[end_lane];
      if ((K > 1) && (rx.count == CntW'(2))) begin
        rx_mark_o[(K+K-2)%K] = rx_mark_i[rx.low];
        rx_unit_o[(K+K-2)%K] = rx_unit_i[rx.low];
      end
      if (ev_shifted_o) rx_mark_o[0] = '0;
    end
  end

endmodule
