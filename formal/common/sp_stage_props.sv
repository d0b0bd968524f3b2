// SPDX-License-Identifier: Apache-2.0
//
// What a user of sp_stage relies on; upstream and downstream may do as they like.

module sp_stage_props #(
    /// Bits of a word.
    parameter int unsigned WIDTH = 4
) (
    /// Clock.
    input logic             clk_i,
    /// Reset.
    input logic             rst_ni,
    /// A word comes, free.
    input logic             valid_i,
    /// The word, free.
    input logic [WIDTH-1:0] data_i,
    /// Downstream takes a word, free.
    input logic             ready_i
);

  logic             ready;
  logic             valid;
  logic [WIDTH-1:0] data;

  sp_stage #(
      .WIDTH(WIDTH)
  ) dut (
      .clk_i,
      .rst_ni,
      .valid_i,
      .ready_o(ready),
      .data_i,
      .valid_o(valid),
      .ready_i,
      .data_o (data)
  );

  logic             started_q = 1'b0;
  logic             stalled_q;
  logic [WIDTH-1:0] shown_q;
  // The model: a place that is empty or holds the last word taken.
  logic             held_q;
  logic [WIDTH-1:0] word_q;

  always_ff @(posedge clk_i) begin
    started_q <= 1'b1;
    shown_q   <= data;
    if (valid_i && ready) word_q <= data_i;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      held_q    <= 1'b0;
      stalled_q <= 1'b0;
    end else begin
      held_q    <= (valid_i && ready) || (held_q && !ready_i);
      stalled_q <= valid && !ready_i;
    end
  end

  always_comb begin
    reset_first: assume (started_q || !rst_ni);
    if (rst_ni) begin
      // A word is offered exactly when one was taken and has not been given.
      offers_what_it_has: assert (valid == held_q);
      // It is the word that was taken.
      order: assert (!held_q || data == word_q);
      // An offer stays as it is until it is taken.
      offer_stays: assert (!stalled_q || (valid && data == shown_q));
      // Nothing is taken while the place is full, but for the cycle in which it gets free.
      full_rate: assert (ready == (!held_q || ready_i));
      passes: cover (held_q && valid_i && ready && ready_i);
      waits: cover (stalled_q && valid_i && !ready);
    end
  end

endmodule
