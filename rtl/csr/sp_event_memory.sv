// SPDX-License-Identifier: Apache-2.0
//
// N counters of events of one kind, of which at most one counts in a cycle; 32 bits, they wrap.
// They lie in a memory of which only the word that counts is touched. No event is lost: one that
// comes in the cycle of a clear is the first of the new count. Reset clears.

module sp_event_memory #(
    /// Counters, at least 2.
    parameter int unsigned N = 4,
    localparam int unsigned IdxW = $clog2(N)
) (
    /// Clock.
    input  logic            clk_i,
    /// Reset, active low: all counters are zero.
    input  logic            rst_ni,
    /// All counters go to zero.
    input  logic            clear_i,
    /// An event.
    input  logic            ev_i,
    /// Of this counter.
    input  logic [IdxW-1:0] at_i,
    /// Counter that is looked at.
    input  logic [IdxW-1:0] sel_i,
    /// Its value, without the events of this cycle and the one before.
    output logic [31:0]     value_o
);

  if (N < 2) begin : g_bad_n
    $fatal(1, "sp_event_memory: N = %0d is less than 2", N);
  end

  logic            ev_q;
  logic            clear_q;
  logic [IdxW-1:0] at_q;
  logic [N-1:0]    begun_q;  // the word of the memory counts; else it is zero
  logic [31:0]     count_mem [N];

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      ev_q    <= 1'b0;
      clear_q <= 1'b0;
      begun_q <= '0;
    end else begin
      ev_q    <= ev_i;
      clear_q <= clear_i;
      if (clear_q) begun_q <= '0;
      if (ev_q) begun_q[at_q] <= 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (ev_i) at_q <= at_i;
    if (ev_q) count_mem[at_q] <= (begun_q[at_q] && !clear_q) ? count_mem[at_q] + 32'd1 : 32'd1;
  end

  assign value_o = begun_q[sel_i] ? count_mem[sel_i] : '0;

endmodule
