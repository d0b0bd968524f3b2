// SPDX-License-Identifier: Apache-2.0
//
// The scheduler alone, as sp_crossbar joins it together for unicasts, to see how much logic it is.

module sp_matching #(
    /// Inputs and outputs.
    parameter int unsigned N = 8,
    /// iSLIP iterations.
    parameter int unsigned ITERS = 4,
    /// Rounds of augmenting paths.
    parameter int unsigned AUGMENT = 0
) (
    /// Clock.
    input  logic                clk_i,
    /// Reset, active low.
    input  logic                rst_ni,
    /// Requests, row by row.
    input  logic [N-1:0][N-1:0] req_i,
    /// Matches, row by row.
    output logic [N-1:0][N-1:0] match_o
);

  logic [N-1:0] req         [N];
  logic [N-1:0] islip_match [N];
  logic [N-1:0] islip_from  [N];
  logic [N-1:0] match       [N];

  always_comb begin
    for (int unsigned i = 0; i < N; i++) begin
      req[i]     = req_i[i];
      match_o[i] = match[i];
    end
  end

  sp_islip #(
      .N_IN (N),
      .N_OUT(N),
      .ITERS(ITERS)
  ) i_islip (
      .clk_i,
      .rst_ni,
      .req_i  (req),
      .match_o(islip_match),
      .from_o (islip_from)
  );

  if (AUGMENT == 0) begin : g_as_it_is
    logic unused;
    always_comb begin
      unused = 1'b0;
      for (int unsigned j = 0; j < N; j++) unused ^= &islip_from[j];
    end
    assign match = islip_match;
  end else begin : g_augment
    logic [N-1:0] from [N];
    logic         unused;
    always_comb begin
      unused = 1'b0;
      for (int unsigned j = 0; j < N; j++) unused ^= &from[j];
    end
    sp_augment #(
        .N_IN  (N),
        .N_OUT (N),
        .ROUNDS(AUGMENT)
    ) i_augment (
        .clk_i,
        .rst_ni,
        .req_i  (req),
        .match_i(islip_match),
        .from_i (islip_from),
        .match_o(match),
        .from_o (from)
    );
  end

endmodule
