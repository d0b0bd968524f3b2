// SPDX-License-Identifier: Apache-2.0
//
// What a user of sp_rr_arbiter relies on, for every request, every grant taken or not, and a reset
// at any time.

module sp_rr_arbiter_props #(
    /// Requesters.
    parameter int unsigned N = 4,
    localparam int unsigned IndexW = (N == 1) ? 1 : $clog2(N)
) (
    /// Clock.
    input logic              clk_i,
    /// Reset.
    input logic              rst_ni,
    /// Requests, free.
    input logic [N-1:0]      req_i,
    /// Grants are taken, free.
    input logic              advance_i,
    /// The requester that is watched: any, but always the same.
    input logic [IndexW-1:0] who_i
);

  logic [N-1:0] gnt;

  sp_rr_arbiter #(
      .N(N)
  ) dut (
      .clk_i,
      .rst_ni,
      .req_i,
      .advance_i,
      .gnt_o(gnt)
  );

  logic              started_q = 1'b0;
  logic [IndexW-1:0] who_q;
  always_ff @(posedge clk_i) begin
    started_q <= 1'b1;
    who_q     <= who_i;
  end

  always_comb begin
    reset_first: assume (started_q || !rst_ni);
    who_exists: assume (32'(who_i) < N);
    who_stays: assume (!started_q || who_i == who_q);
  end

  // Grants to others while the watched request stands.
  logic [31:0] others_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) others_q <= '0;
    else if (!req_i[who_i] || (gnt[who_i] && advance_i)) others_q <= '0;
    else if (advance_i && gnt != '0) others_q <= others_q + 32'd1;
  end

  // Places between the one that comes first and the watched one: all that may pass before it.
  logic [31:0] before_who;
  always_comb begin
    before_who = '0;
    for (int unsigned n = 0; n < N; n++) begin
      if (dut.first_q[who_i] || dut.first_q == '0) begin
        if (n < 32'(who_i) && (dut.first_q[n] || dut.first_q == '0)) before_who++;
      end else begin
        if (n < 32'(who_i) || dut.first_q[n]) before_who++;
      end
    end
  end

  always_comb begin
    if (rst_ni) begin
      // Two requesters never believe that they own the resource at once.
      at_most_one_grant: assert ($countones(gnt) <= 1);
      // Nobody gets what it did not ask for.
      grant_is_request: assert ((gnt & ~req_i) == '0);
      // The resource is never idle while somebody waits.
      work_conserving: assert ((gnt != '0) == (req_i != '0));
      // A request that stands sees at most N - 1 grants to others: nobody starves.
      waits_at_most_n_minus_1: assert (others_q <= N - 1);
      // Why so, for induction: who has been passed cannot pass again.
      each_passes_once: assert (others_q + before_who <= N - 1);
      // Why so: the state is always ones from one place upwards.
      first_is_upper_ones: assert ((~dut.first_q & (~dut.first_q + N'(1))) == '0);
    end
  end

  always_comb begin
    // The bound is met: somebody waits for all others.
    longest_wait: cover (rst_ni && others_q == N - 1 && gnt[who_i]);
    // The grant comes round to the lowest requester again.
    goes_round: cover (rst_ni && started_q && dut.first_q != '1 && gnt[0] && (req_i == '1));
  end

endmodule
