// SPDX-License-Identifier: Apache-2.0
//
// What the pipelined switch relies on from sp_islip_steps, for every matrix of requests, whatever
// may be matched and a reset at any time. An induction of a few steps suffices: what the pipeline
// holds at first has left it after three cycles.

module sp_islip_steps_props #(
    /// Inputs.
    parameter int unsigned N_IN = 4,
    /// Outputs.
    parameter int unsigned N_OUT = 4,
    /// First multicast input.
    parameter int unsigned FIRST_MCAST = N_IN
) (
    /// Clock.
    input logic                       clk_i,
    /// Reset.
    input logic                       rst_ni,
    /// Requests, row by row.
    input logic [N_IN-1:0][N_OUT-1:0] req_i,
    /// What may be matched, row by row.
    input logic [N_IN-1:0][N_OUT-1:0] may_i
);

  logic [N_OUT-1:0] req   [N_IN];
  logic [N_OUT-1:0] may   [N_IN];
  logic [N_OUT-1:0] match [N_IN];
  logic [N_IN-1:0]  from  [N_OUT];

  always_comb begin
    for (int unsigned i = 0; i < N_IN; i++) begin
      req[i] = req_i[i];
      may[i] = may_i[i];
    end
  end

  sp_islip_steps #(
      .N_IN       (N_IN),
      .N_OUT      (N_OUT),
      .FIRST_MCAST(FIRST_MCAST)
  ) dut (
      .clk_i,
      .rst_ni,
      .req_i  (req),
      .may_i  (may),
      .match_o(match),
      .from_o (from)
  );

  // Requests and matches of the cycles before.
  logic                       started_q = 1'b0;
  logic [N_IN-1:0][N_OUT-1:0] req_q   [2];
  logic [N_IN-1:0]            in_q    [2];
  logic [N_OUT-1:0]           out_q   [2];
  logic [1:0]                 known_q;      // cycles since reset, at most two

  logic [N_IN-1:0]  several;       // unicast inputs with more than one output
  logic [N_OUT-1:0] shared;        // outputs with more than one input
  logic [N_IN-1:0]  ins;           // inputs that are matched
  logic [N_OUT-1:0] outs;
  logic             asked;         // every match was a request, and may be
  logic             tables_agree;

  always_comb begin
    several      = '0;
    ins          = '0;
    outs         = '0;
    shared       = '0;
    asked        = 1'b1;
    tables_agree = 1'b1;
    for (int unsigned i = 0; i < N_IN; i++) begin
      several[i] = i < FIRST_MCAST && (match[i] & (match[i] - N_OUT'(1))) != '0;
      ins[i]     = match[i] != '0;
      shared    |= outs & match[i];
      outs      |= match[i];
      if ((match[i] & ~(req_q[1][i] & may_i[i])) != '0) asked = 1'b0;
      for (int unsigned j = 0; j < N_OUT; j++) begin
        if (from[j][i] != match[i][j]) tables_agree = 1'b0;
      end
    end
  end

  always_ff @(posedge clk_i) started_q <= 1'b1;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      for (int unsigned n = 0; n < 2; n++) begin
        req_q[n] <= '0;
        in_q[n]  <= '0;
        out_q[n] <= '0;
      end
      known_q <= '0;
    end else begin
      req_q[0] <= req_i;
      req_q[1] <= req_q[0];
      in_q[0]  <= ins;
      in_q[1]  <= in_q[0];
      out_q[0] <= outs;
      out_q[1] <= out_q[0];
      if (known_q != 2'd2) known_q <= known_q + 2'd1;
    end
  end

  always_comb begin
    reset_first: assume (started_q || !rst_ni);
    if (started_q) begin
      one_input_per_output: assert (shared == '0);
      one_output_per_input: assert (several == '0);
      only_requests: assert (asked);
      both_tables: assert (tables_agree);
      not_again_in: assert ((ins & (in_q[0] | in_q[1])) == '0);
      not_again_out: assert ((outs & (out_q[0] | out_q[1])) == '0);
      // Nobody asks in vain: where all that asked two cycles ago may still be matched, and nothing
      // was matched since, something is.
      some_match: assert (req_q[1] == '0 || (req_q[1] & ~may_i) != '0 || in_q[0] != '0
                          || in_q[1] != '0 || ins != '0);
      all_matched: cover (rst_ni && outs == '1);
      turns: cover (rst_ni && known_q == 2'd2 && ins[0] && ins[N_IN-1]);
    end
  end

endmodule
