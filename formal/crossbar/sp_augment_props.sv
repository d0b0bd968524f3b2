// SPDX-License-Identifier: Apache-2.0
//
// What the switch relies on from sp_augment, for every request matrix, every matching of requests
// in front of it, and a reset at any time.

module sp_augment_props #(
    /// Inputs.
    parameter int unsigned N_IN = 4,
    /// Outputs.
    parameter int unsigned N_OUT = 4,
    /// Rounds.
    parameter int unsigned ROUNDS = 1,
    /// First multicast input.
    parameter int unsigned FIRST_MCAST = N_IN
) (
    /// Clock.
    input logic                       clk_i,
    /// Reset.
    input logic                       rst_ni,
    /// Requests, row by row.
    input logic [N_IN-1:0][N_OUT-1:0] req_i,
    /// The matching in front, row by row.
    input logic [N_IN-1:0][N_OUT-1:0] given_i
);

  logic [N_OUT-1:0] req        [N_IN];
  logic [N_OUT-1:0] given      [N_IN];
  logic [N_IN-1:0]  given_from [N_OUT];
  logic [N_OUT-1:0] match      [N_IN];
  logic [N_IN-1:0]  from       [N_OUT];

  always_comb begin
    for (int unsigned i = 0; i < N_IN; i++) begin
      req[i]   = req_i[i];
      given[i] = given_i[i];
      for (int unsigned j = 0; j < N_OUT; j++) given_from[j][i] = given_i[i][j];
    end
  end

  sp_augment #(
      .N_IN       (N_IN),
      .N_OUT      (N_OUT),
      .ROUNDS     (ROUNDS),
      .FIRST_MCAST(FIRST_MCAST)
  ) dut (
      .clk_i,
      .rst_ni,
      .req_i  (req),
      .match_i(given),
      .from_i (given_from),
      .match_o(match),
      .from_o (from)
  );

  logic                       started_q = 1'b0;
  logic [N_IN-1:0][N_OUT-1:0] rows;
  logic [N_OUT-1:0]           given_shared, given_taken, shared, taken;
  logic [N_IN-1:0]            given_several, several, lost_in, changed;
  logic                       path;      // one of three steps, from a free input to a free output
  logic                       tables_agree;

  always_ff @(posedge clk_i) started_q <= 1'b1;

  always_comb begin
    {given_shared, given_taken, shared, taken} = '0;
    {given_several, several, lost_in, changed} = '0;
    path         = 1'b0;
    tables_agree = 1'b1;
    for (int unsigned i = 0; i < N_IN; i++) begin
      rows[i]          = match[i];
      given_several[i] = i < FIRST_MCAST && (given[i] & (given[i] - N_OUT'(1))) != '0;
      several[i]       = i < FIRST_MCAST && (match[i] & (match[i] - N_OUT'(1))) != '0;
      lost_in[i]       = given[i] != '0 && match[i] == '0;
      changed[i]       = i >= FIRST_MCAST && match[i] != given[i];
      given_shared    |= given_taken & given[i];
      given_taken     |= given[i];
      shared          |= taken & match[i];
      taken           |= match[i];
      for (int unsigned j = 0; j < N_OUT; j++) if (from[j][i] != match[i][j]) tables_agree = 1'b0;
    end
    for (int unsigned i = 0; i < FIRST_MCAST; i++) begin
      for (int unsigned k = 0; k < FIRST_MCAST; k++) begin
        if (given[i] == '0 && (req[i] & given[k]) != '0 && (req[k] & ~given_taken) != '0) begin
          path = 1'b1;
        end
      end
    end
  end

  always_comb begin
    reset_first: assume (started_q || !rst_ni);
    given_is_a_matching: assume (given_shared == '0 && given_several == '0
                                 && (given_i & ~req_i) == '0);
  end

  always_comb begin
    if (rst_ni) begin
      // Two inputs never send to one output.
      one_input_per_output: assert (shared == '0);
      // A unicast input sends one packet to one output.
      one_output_per_input: assert (several == '0);
      // Nothing is sent that is not there.
      only_requests: assert ((rows & ~req_i) == '0);
      // Input and output are told the same story.
      tables_agree_always: assert (tables_agree);
      // Who was matched stays matched: a due pair, which asks for nothing else, with the same.
      nobody_loses: assert (lost_in == '0 && (given_taken & ~taken) == '0);
      // Multicasts stay as they were.
      multicasts_stay: assert (changed == '0);
      // Where there is a path of three steps, there is a match more.
      finds_one: assert (!path || $countones(taken) > $countones(given_taken));
    end
  end

  always_comb begin
    // Two inputs come in at once.
    two_at_once: cover (rst_ni && started_q && $countones(taken) == $countones(given_taken) + 2);
  end

endmodule
