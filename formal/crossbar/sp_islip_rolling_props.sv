// SPDX-License-Identifier: Apache-2.0
//
// What the pipelined switch relies on from sp_islip_rolling, whatever is asked for, however long
// the packets are and a reset at any time. An induction of a few steps suffices: what the slots in
// flight hold at first has left after SLOTS + 2 cycles.

module sp_islip_rolling_props #(
    /// Inputs.
    parameter int unsigned N_IN = 3,
    /// Outputs.
    parameter int unsigned N_OUT = 3,
    /// Slots in flight.
    parameter int unsigned SLOTS = 4,
    /// First multicast input.
    parameter int unsigned FIRST_MCAST = N_IN,
    /// Bits of a count of flits.
    parameter int unsigned LEFT_W = 3
) (
    /// Clock.
    input logic                            clk_i,
    /// Reset.
    input logic                            rst_ni,
    /// As in sp_islip_rolling, row by row.
    input logic [N_IN-1:0][N_OUT-1:0]      fresh_i,
    /// As in sp_islip_rolling.
    input logic [N_IN-1:0][N_OUT-1:0]      some_i,
    /// As in sp_islip_rolling.
    input logic [N_IN-1:0][N_OUT-1:0]      two_i,
    /// As in sp_islip_rolling.
    input logic [N_IN-1:0][N_OUT-1:0]      three_i,
    /// As in sp_islip_rolling.
    input logic [N_IN-1:0][2:0][N_OUT-1:0] more_i,
    /// As in sp_islip_rolling.
    input logic [N_IN-1:0][LEFT_W-1:0]     in_left_i,
    /// As in sp_islip_rolling.
    input logic [N_OUT-1:0][LEFT_W-1:0]    out_left_i
);

  logic [N_OUT-1:0]      fresh    [N_IN];
  logic [N_OUT-1:0]      some     [N_IN];
  logic [N_OUT-1:0]      two      [N_IN];
  logic [N_OUT-1:0]      three    [N_IN];
  logic [2:0][N_OUT-1:0] more     [N_IN];
  logic [LEFT_W-1:0]     in_left  [N_IN];
  logic [LEFT_W-1:0]     out_left [N_OUT];
  logic [N_OUT-1:0]      match    [N_IN];

  always_comb begin
    for (int unsigned i = 0; i < N_IN; i++) begin
      fresh[i]   = fresh_i[i];
      some[i]    = some_i[i];
      two[i]     = two_i[i];
      three[i]   = three_i[i];
      more[i]    = more_i[i];
      in_left[i] = in_left_i[i];
    end
    for (int unsigned j = 0; j < N_OUT; j++) out_left[j] = out_left_i[j];
  end

  sp_islip_rolling #(
      .N_IN       (N_IN),
      .N_OUT      (N_OUT),
      .SLOTS      (SLOTS),
      .FIRST_MCAST(FIRST_MCAST),
      .LEFT_W     (LEFT_W)
  ) dut (
      .clk_i,
      .rst_ni,
      .fresh_i   (fresh),
      .some_i    (some),
      .two_i     (two),
      .three_i   (three),
      .more_i    (more),
      .in_left_i (in_left),
      .out_left_i(out_left),
      .match_o   (match)
  );

  // A slot is granted for the first time Span cycles before it begins.
  localparam int unsigned Span = SLOTS + 1;
  // Cycles in which a pair that asks alone is served: what others were promised before leaves, and
  // so do the slots that it keeps taken.
  localparam int unsigned Wait = 2 * SLOTS + 6;
  localparam int unsigned WaitW = $clog2(Wait + 1);

  logic                       started_q = 1'b0;
  logic [N_IN-1:0][N_OUT-1:0] asks;
  logic [N_IN-1:0][N_OUT-1:0] asked_q  [Span+1];  // by cycles ago
  logic [N_IN-1:0]            in_late_q  [Span+1];  // inputs known to be busy when the slot came
  logic [N_OUT-1:0]           out_late_q [Span+1];
  logic                       nothing;            // nobody asks, nobody is busy
  logic                       alone;              // but for pair 0, 0
  logic [WaitW-1:0]           quiet_q;            // so many cycles of nothing
  logic [WaitW-1:0]           alone_q;            // so many of that pair alone, without a match

  logic [N_IN-1:0]  several;  // unicast inputs with more than one output
  logic [N_OUT-1:0] shared;   // outputs with more than one input
  logic [N_OUT-1:0] outs;
  logic [N_IN-1:0]  ins;
  logic             asked;    // every match was asked for while its slot was granted

  always_comb begin
    asks    = fresh_i | some_i | two_i | three_i;
    several = '0;
    shared  = '0;
    outs    = '0;
    ins     = '0;
    asked   = 1'b1;
    for (int unsigned i = 0; i < N_IN; i++) begin
      logic [N_OUT-1:0] ever;
      ever = '0;
      for (int unsigned n = 1; n <= Span; n++) ever |= asked_q[n][i];
      several[i] = i < FIRST_MCAST && (match[i] & (match[i] - N_OUT'(1))) != '0;
      ins[i]     = match[i] != '0;
      shared    |= outs & match[i];
      outs      |= match[i];
      if ((match[i] & ~ever) != '0) asked = 1'b0;
    end
    nothing = asks == '0 && in_left_i == '0 && out_left_i == '0;
    alone   = (asks & ~(N_IN * N_OUT)'(1)) == '0 && some_i[0][0] && in_left_i == '0
              && out_left_i == '0;
  end

  always_ff @(posedge clk_i) started_q <= 1'b1;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      for (int unsigned n = 0; n <= Span; n++) begin
        asked_q[n]    <= '0;
        in_late_q[n]  <= '0;
        out_late_q[n] <= '0;
      end
      quiet_q <= '0;
      alone_q <= '0;
    end else begin
      asked_q[1] <= asks;
      for (int unsigned i = 0; i < N_IN; i++) in_late_q[0][i] <= 32'(in_left_i[i]) >= SLOTS + 3;
      for (int unsigned j = 0; j < N_OUT; j++) out_late_q[0][j] <= 32'(out_left_i[j]) >= SLOTS + 3;
      for (int unsigned n = 1; n <= Span; n++) begin
        if (n > 1) asked_q[n] <= asked_q[n-1];
        in_late_q[n]  <= in_late_q[n-1];
        out_late_q[n] <= out_late_q[n-1];
      end
      if (!nothing) quiet_q <= '0;
      else if (quiet_q != WaitW'(Wait)) quiet_q <= quiet_q + WaitW'(1);
      if (!alone || match[0][0]) alone_q <= '0;
      else if (alone_q != WaitW'(Wait)) alone_q <= alone_q + WaitW'(1);
    end
  end

  // A lone packet that came two cycles ago, when nothing had been asked for in a whole span.
  logic [2:0] lone_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) lone_q <= '0;
    else begin
      lone_q <= {lone_q[1:0], quiet_q == WaitW'(Wait) && fresh_i == (N_IN * N_OUT)'(1)
                              && (some_i | two_i | three_i) == '0 && in_left_i == '0
                              && out_left_i == '0};
    end
  end

  always_comb begin
    reset_first: assume (started_q || !rst_ni);
    if (started_q && rst_ni) begin
      // Two inputs never send to one output, a unicast input sends to one.
      one_input_per_output: assert (shared == '0);
      one_output_per_input: assert (several == '0);
      // Nothing is matched that did not ask.
      only_requests: assert (asked);
      // An input or output that was busy beyond the slot when it was opened has no match in it.
      not_busy_in: assert ((ins & in_late_q[Span]) == '0);
      not_busy_out: assert ((outs & out_late_q[Span]) == '0);
      // A lone packet is in the slot that begins two cycles after it came.
      lone_at_once: assert (!lone_q[1] || match[0][0]);
      // A pair to which its input and its output are left is served: what is needed for the bound.
      alone_is_served: assert (alone_q < WaitW'(Wait));
      all_matched: cover (outs == '1);
      long_known: cover (in_late_q[Span] != '0 && outs != '0);
      lone: cover (lone_q[1]);
    end
  end

endmodule
