// SPDX-License-Identifier: Apache-2.0
//
// N counters of one kind of event, 32 bits each, that wrap. No event is lost: one that comes in the
// cycle of a clear is the first of the new count. Cycles without an event cost a simulator one test.

module sp_event_counters #(
  /// Counters.
  parameter int unsigned N = 2,
  /// Bits of an index.
  localparam int unsigned IDX_W = (N > 1) ? $clog2(N) : 1
) (
  /// Clock.
  input  logic             clk_i,
  /// Reset, active low: all counters are zero.
  input  logic             rst_ni,
  /// All counters go to zero.
  input  logic             clear_i,
  /// One event of each counter.
  input  logic [N-1:0]     ev_i,
  /// The counter that `value_o` shows; below N.
  input  logic [IDX_W-1:0] sel_i,
  /// Value of the selected counter.
  output logic [31:0]      value_o
);

  logic [31:0] count_q [N];

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      for (int unsigned n = 0; n < N; n++) count_q[n] <= '0;
    end else if (clear_i) begin
      for (int unsigned n = 0; n < N; n++) count_q[n] <= 32'(ev_i[n]);
    end else if (|ev_i) begin
      for (int unsigned n = 0; n < N; n++) if (ev_i[n]) count_q[n] <= count_q[n] + 32'd1;
    end
  end

  assign value_o = count_q[sel_i];

endmodule
