// SPDX-License-Identifier: Apache-2.0
//
// N counters of events, W bits each, that wrap. No event is lost: one that comes in the cycle of a
// clear is the first of the new count.
//
// All N can count in the same cycle, yet there is one adder. The low LOW_W bits of the counters lie
// in planes, bit k of all N in one word, and count by rippling a word of carries through the planes:
// few operations for a simulator, and none in a cycle without events. The high bits lie in a memory;
// a counter whose low bits wrapped waits in `carry_q` until the scan comes by, at most N cycles later
// and so before it can wrap again. Clear and reset only mark the words of the memory as not begun.

module sp_event_counters #(
  /// Counters, at least 2.
  parameter int unsigned N = 2,
  /// Bits of a counter, more than those of an index.
  parameter int unsigned W = 32,
  /// Bits of an index.
  localparam int unsigned IDX_W = $clog2(N)
) (
  /// Clock.
  input  logic             clk_i,
  /// Reset, active low: all counters are zero.
  input  logic             rst_ni,
  /// All counters go to zero.
  input  logic             clear_i,
  /// One event of each counter.
  input  logic [N-1:0]     ev_i,
  /// Take the value of the counter `sel_i`.
  input  logic             take_i,
  /// A counter, below N.
  input  logic [IDX_W-1:0] sel_i,
  /// The value that was taken, from the cycle after on.
  output logic [W-1:0]     value_o
);

  /// A counter that counts in every cycle wraps its low bits every 2^LOW_W >= N cycles.
  localparam int unsigned LOW_W  = IDX_W;
  localparam int unsigned HIGH_W = W - LOW_W;

  if (N < 2) begin : g_bad_n
    $fatal(1, "sp_event_counters: N = %0d is less than 2", N);
  end
  if (W <= LOW_W) begin : g_bad_w
    $fatal(1, "sp_event_counters: W = %0d is not above $clog2(N) = %0d", W, LOW_W);
  end

  // Events come from the ends of long paths: they count a cycle later, and so does a clear.
  logic [N-1:0]      ev_q;
  logic              clear_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      ev_q    <= '0;
      clear_q <= 1'b0;
    end else begin
      ev_q    <= ev_i;
      clear_q <= clear_i;
    end
  end

  logic [N-1:0]      low_q [LOW_W];
  logic [HIGH_W-1:0] high_mem [N];
  logic [N-1:0]      begun_q;  // the word of the memory counts
  logic [N-1:0]      carry_q;  // one more than the word of the memory says
  logic [IDX_W-1:0]  scan_q;
  logic              scan_carry;
  logic [HIGH_W-1:0] scan_high;

  assign scan_carry = carry_q[scan_q];
  assign scan_high  = begun_q[scan_q] ? high_mem[scan_q] : '0;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      scan_q  <= '0;
      carry_q <= '0;
      begun_q <= '0;
      for (int unsigned k = 0; k < LOW_W; k++) low_q[k] <= '0;
    end else begin
      scan_q <= (scan_q == IDX_W'(N - 1)) ? '0 : scan_q + 1'b1;
      if (clear_q) begin
        carry_q  <= '0;
        begun_q  <= '0;
        low_q[0] <= ev_q;
        for (int unsigned k = 1; k < LOW_W; k++) low_q[k] <= '0;
      end else begin
        automatic logic [N-1:0] carry = ev_q;
        if (|ev_q) begin
          for (int unsigned k = 0; k < LOW_W; k++) begin
            low_q[k] <= low_q[k] ^ carry;
            carry     = carry & low_q[k];
          end
          if (|carry) carry_q <= carry_q | carry;
        end
        if (scan_carry) begin
          carry_q[scan_q] <= carry[scan_q];
          begun_q[scan_q] <= 1'b1;
        end
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (scan_carry) high_mem[scan_q] <= scan_high + 1'b1;
  end

  logic [HIGH_W-1:0] sel_high;
  assign sel_high = begun_q[sel_i] ? high_mem[sel_i] : '0;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      value_o <= '0;
    end else if (take_i) begin
      for (int unsigned k = 0; k < LOW_W; k++) value_o[k] <= low_q[k][sel_i];
      value_o[W-1:LOW_W] <= sel_high + HIGH_W'(carry_q[sel_i]);
    end
  end

endmodule
