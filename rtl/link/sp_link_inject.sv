// SPDX-License-Identifier: Apache-2.0
//
// Wrong bits for a board to try: now and then, or one on demand. Guarantees: no cycle of latency,
// whether on or off; off it changes nothing; a cycle gets one wrong bit at most; each is counted;
// the same seed, taken in the same cycle, makes the same ones. Chance is a linear feedback shift
// register of 64 bits (Marsaglia's xorshift 13, 7, 17: period 2^64 - 1) that moves on every cycle.

module sp_link_inject #(
    /// Lanes.
    parameter int unsigned K = 1
) (
    /// Clock.
    input  logic                                  clk_i,
    /// Reset, active low, asynchronous.
    input  logic                                  rst_ni,
    /// How often in 2^32 cycles; 0: never.
    input  logic [31:0]                           rate_i,
    /// Take the seed; the count begins anew.
    input  logic                                  load_i,
    /// The seed.
    input  logic [31:0]                           seed_i,
    /// One wrong bit in the next cycle; held, one in each.
    input  logic                                  shot_i,
    /// Wrong bits so far, modulo 2^32.
    output logic [31:0]                           count_o,
    /// Event: one more, in the cycle in which the count shows it.
    output logic                                  ev_wrong_o,

    /// By lane: marks.
    input  logic [K-1:0][sp_link_pkg::MARK_W-1:0] mark_i,
    /// By lane: units.
    input  logic [K-1:0][sp_pkg::UNIT_W-1:0]      unit_i,
    /// By lane: the same, with what was injected.
    output logic [K-1:0][sp_link_pkg::MARK_W-1:0] mark_o,
    /// By lane: the same, with what was injected.
    output logic [K-1:0][sp_pkg::UNIT_W-1:0]      unit_o
);

  import sp_pkg::*;
  import sp_link_pkg::*;

  localparam int unsigned LaneBits = MARK_W + UNIT_W;
  localparam int unsigned AtW = $clog2(LaneBits);

  if (K != 1 && K != 2 && K != 4) begin : g_bad_k
    $fatal(1, "sp_link_inject: K = %0d is not 1, 2 or 4", K);
  end

  logic [63:0]    state_q;
  logic [63:0]    state;
  logic           hit_q;   // a bit of this cycle is wrong
  logic [1:0]     lane_q;
  logic [AtW-1:0] at_q;    // which one, the mark on top

  always_comb begin
    state = state_q;
    state = state ^ (state << 13);
    state = state ^ (state >> 7);
    state = state ^ (state << 17);
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q <= {32'd1, ~32'd1};
      hit_q   <= 1'b0;
      lane_q  <= '0;
      at_q    <= '0;
      count_o <= '0;
      ev_wrong_o <= 1'b0;
    end else begin
      // Never zero, whatever the seed.
      state_q <= load_i ? {seed_i, ~seed_i} : state;
      hit_q   <= shot_i || (state[63:32] < rate_i);
      lane_q  <= state[1:0] & 2'(K - 1);
      // 256 numbers for 130 bits: most bits have two.
      at_q    <= (state[9:2] < 8'(LaneBits)) ? state[9:2] : state[9:2] - 8'(256 - LaneBits);
      ev_wrong_o <= hit_q && !load_i;
      if (load_i) count_o <= '0;
      else if (hit_q) count_o <= count_o + 32'd1;
    end
  end

  always_comb begin
    for (int unsigned k = 0; k < K; k++) begin
      {mark_o[k], unit_o[k]} = {mark_i[k], unit_i[k]} ^
                               (LaneBits'(hit_q && (lane_q == 2'(k))) << at_q);
    end
  end

endmodule
