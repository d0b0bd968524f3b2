// SPDX-License-Identifier: Apache-2.0
//
// N counters of events, W bits each, that wrap, or stop at 2^STOP_W - 1 when STOPS says so. No
// event is lost: one that comes in the cycle of a clear is the first of the new count.
//
// All N can count in the same cycle, yet there is one adder. The low LOW_W bits of the counters lie
// in planes, bit k of all N in one word, and count by rippling a word of carries through the
// planes: few operations for a simulator, and none in a cycle without events. The high bits lie in
// a memory with one port to read: a counter whose low bits wrapped waits in `carry_q` until the
// scan comes by, before it can wrap again. A value is taken through the same port, in place of
// steps of the scan. Clear and reset only mark the words of the memory as not begun. Reset clears.
//
//   a step of the scan   carry is read | high bits too | their sum is written
//   a value     StWait | all are read | high bits too | summed               | shown with done_o

module sp_event_counters #(
  /// Counters, at least 2.
  parameter int unsigned N = 2,
  /// Bits of a counter, more than the low ones.
  parameter int unsigned W = 32,
  /// Counters that stop.
  parameter logic [N-1:0] STOPS = '0,
  /// Bits at whose greatest value they do, more than the low ones, less than W.
  parameter int unsigned STOP_W = W - 1,
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
  /// Take the value of the counter `sel_i`; not again before done_o.
  input  logic             take_i,
  /// A counter, below N.
  input  logic [IDX_W-1:0] sel_i,
  /// It is taken, 6 to 21 cycles later.
  output logic             done_o,
  /// The value that was taken, as it was three cycles before done_o; stays.
  output logic [W-1:0]     value_o
);

  /// Cycles from a value to the next, at least.
  localparam int unsigned REST = 16;
  /// A counter that counts in every cycle wraps its low bits every 2^LOW_W cycles; so often the
  /// scan, which rests two cycles for a value, must have come by.
  localparam int unsigned LOW_W  = $clog2((8 * N + 6) / 7 > N + 2 ? (8 * N + 6) / 7 : N + 2);
  localparam int unsigned HIGH_W = W - LOW_W;

  if (N < 2) begin : g_bad_n
    $fatal(1, "sp_event_counters: N = %0d is less than 2", N);
  end
  if (W <= LOW_W) begin : g_bad_w
    $fatal(1, "sp_event_counters: W = %0d is not above the %0d low bits", W, LOW_W);
  end
  if (STOP_W <= LOW_W || STOP_W >= W) begin : g_bad_stop
    $fatal(1, "sp_event_counters: STOP_W = %0d is not in %0d..%0d", STOP_W, LOW_W + 1, W - 1);
  end

  // Events come from the ends of long paths: they count a cycle later, and so does a clear.
  logic [N-1:0] ev_q;
  logic         any_q;    // an event
  logic         clear_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      ev_q    <= '0;
      any_q   <= 1'b0;
      clear_q <= 1'b1;
    end else begin
      ev_q    <= ev_i;
      any_q   <= |ev_i;
      clear_q <= clear_i;
    end
  end

  typedef enum logic [1:0] {
    StScan,
    StWait,  // the last step of the scan is written
    StTake
  } state_e;

  logic [N-1:0]      low_q [LOW_W];
  logic [HIGH_W-1:0] high_mem [N];
  logic [N-1:0]      begun_q;     // the word of the memory counts
  logic [N-1:0]      carry_q;     // one more than the word of the memory says
  state_e            state_q;
  logic [IDX_W-1:0]  scan_q;
  logic [IDX_W-1:0]  scan_next;
  logic [N-1:0]      ring_q;      // scan_q, one-hot
  logic [N-1:0]      scan;        // the counter whose carry is added
  logic              asked_q;     // for a value
  logic [IDX_W-1:0]  sel_q;
  logic [3:0]        rest_q;
  logic              take;
  logic [IDX_W-1:0]  at_q;        // what is read
  logic              step_q;      // second cycle of a step
  logic              write_q;
  logic              taken_q;
  logic              summed_q;
  logic [IDX_W-1:0]  was_q;       // what was read
  logic [IDX_W-1:0]  write_at_q;
  logic              carries;
  logic              carries_q;
  logic              stops_q;
  logic [HIGH_W-1:0] high_q;
  logic [LOW_W-1:0]  lows_q;
  logic [HIGH_W-1:0] sum;

  assign take      = asked_q && (rest_q == '0) && (state_q == StScan);
  assign scan_next = (scan_q == IDX_W'(N - 1)) ? '0 : scan_q + 1'b1;
  assign scan      = (state_q == StScan) ? ring_q : '0;
  // One that has passed its end stays there.
  assign sum       = high_q + HIGH_W'(carries_q && !(stops_q && high_q[STOP_W-LOW_W]));

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q <= StScan;
      scan_q  <= '0;
      ring_q  <= N'(1);
      at_q    <= '0;
      asked_q <= 1'b0;
      rest_q  <= '0;
      step_q   <= 1'b0;
      write_q  <= 1'b0;
      taken_q  <= 1'b0;
      summed_q <= 1'b0;
      done_o   <= 1'b0;
    end else begin
      asked_q <= (asked_q && !take) || take_i;
      rest_q  <= take ? 4'(REST - 1) : rest_q - 4'(rest_q != '0);
      case (state_q)
        StScan: begin
          scan_q <= scan_next;
          ring_q <= {ring_q[N-2:0], ring_q[N-1]};
          at_q   <= take ? sel_q : scan_next;
          if (take) state_q <= StWait;
        end
        StWait: state_q <= StTake;
        default: begin
          state_q <= StScan;
          at_q    <= scan_q;
        end
      endcase
      step_q   <= state_q == StScan;
      write_q  <= step_q && carries;
      taken_q  <= state_q == StTake;
      summed_q <= taken_q;
      done_o   <= summed_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (clear_q) begin
      begun_q  <= '0;
      carry_q  <= '0;
      low_q[0] <= ev_q;
      for (int unsigned k = 1; k < LOW_W; k++) low_q[k] <= '0;
    end else begin
      automatic logic [N-1:0] carry = ev_q;
      begun_q <= begun_q | (scan & carry_q);
      if (any_q) begin
        for (int unsigned k = 0; k < LOW_W; k++) begin
          low_q[k] <= low_q[k] ^ carry;
          carry     = carry & low_q[k];
        end
      end
      carry_q <= (carry_q & ~scan) | (any_q ? carry : '0);
    end
  end

  // One of N in two cycles: first in each group of 8, then one of the groups. A plane that is
  // shifted by the place in the group has those bits at the lowest places of the groups. The others
  // are constant: no hardware, and whole words for a simulator.
  localparam int unsigned Groups = (N + 7) / 8;
  localparam int unsigned Whole = 8 * Groups;
  localparam int unsigned WholeW = $clog2(Whole);
  localparam logic [Whole-1:0] Lowest = {Groups{8'd1}};

  logic [Whole-1:0]  begun_group_q;
  logic [Whole-1:0]  carry_group_q;
  logic [Whole-1:0]  low_group_q [LOW_W];
  logic [2:0]        in_group;
  logic [WholeW-1:0] group;       // its lowest place
  logic              bits_begun;
  logic [LOW_W-1:0]  lows;

  assign in_group   = 3'(at_q);
  assign group      = WholeW'(was_q) & ~WholeW'(7);
  assign bits_begun = begun_group_q[group];
  assign carries    = carry_group_q[group];
  always_comb for (int unsigned k = 0; k < LOW_W; k++) lows[k] = low_group_q[k][group];

  always_ff @(posedge clk_i) begin
    begun_group_q <= (Whole'(begun_q) >> in_group) & Lowest;
    carry_group_q <= (Whole'(carry_q) >> in_group) & Lowest;
    for (int unsigned k = 0; k < LOW_W; k++) begin
      low_group_q[k] <= (Whole'(low_q[k]) >> in_group) & Lowest;
    end
  end

  always_ff @(posedge clk_i) begin
    if (take_i) sel_q <= sel_i;
    was_q      <= at_q;
    write_at_q <= was_q;
    carries_q  <= carries;
    stops_q    <= STOPS[was_q];
    high_q     <= bits_begun ? high_mem[was_q] : '0;
    lows_q     <= lows;
    if (write_q) high_mem[write_at_q] <= sum;
    // A value that passed its end is shown as the end.
    if (summed_q) begin
      value_o <= (stops_q && sum[STOP_W-LOW_W]) ? W'({STOP_W{1'b1}}) : {sum, lows_q};
    end
  end

endmodule
