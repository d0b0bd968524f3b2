// SPDX-License-Identifier: Apache-2.0
//
// Events that can come several in a cycle, one after the other. Guarantee: as many leave as came,
// as long as no more than 2^WIDTH - 1 wait; beyond that they are lost.

module sp_event_queue #(
    /// Events that can come in a cycle.
    parameter int unsigned N = 2,
    /// Bits of how many can wait.
    parameter int unsigned WIDTH = 12
) (
    /// Clock.
    input  logic         clk_i,
    /// Reset, active low, asynchronous.
    input  logic         rst_ni,
    /// Events.
    input  logic [N-1:0] event_i,
    /// One event.
    output logic         event_o
);

  if (N < 1 || WIDTH < $clog2(N + 1)) begin : g_bad
    $fatal(1, "sp_event_queue: N = %0d does not go with WIDTH = %0d", N, WIDTH);
  end

  logic [WIDTH-1:0] waiting_q;
  logic [WIDTH:0]   waiting;

  assign waiting = (WIDTH + 1)'(waiting_q) + (WIDTH + 1)'($countones(event_i))
                   - (WIDTH + 1)'(event_o);
  assign event_o = waiting_q != '0;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) waiting_q <= '0;
    else waiting_q <= waiting[WIDTH] ? '1 : waiting[WIDTH-1:0];
  end

endmodule
