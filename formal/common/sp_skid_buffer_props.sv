// SPDX-License-Identifier: Apache-2.0
//
// What a user of sp_skid_buffer relies on, when the upstream keeps the rule of AXI4-Stream that a
// word stays until it is taken; the downstream may do as it likes.

module sp_skid_buffer_props #(
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
    input logic             ready_i,
    /// Follow the word that is taken now, free.
    input logic             follow_i
);

  logic             ready;
  logic             valid;
  logic [WIDTH-1:0] data;

  sp_skid_buffer #(
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

  // What was there one cycle ago; nothing was, when there was a reset.
  logic             started_q = 1'b0;
  logic             was_up_q;
  logic             in_stalled_q;
  logic [WIDTH-1:0] in_data_q;
  logic             out_stalled_q;
  logic [WIDTH-1:0] out_data_q;
  always_ff @(posedge clk_i) begin
    started_q  <= 1'b1;
    in_data_q  <= data_i;
    out_data_q <= data;
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      in_stalled_q  <= 1'b0;
      out_stalled_q <= 1'b0;
      was_up_q      <= 1'b0;
    end else begin
      in_stalled_q  <= valid_i && !ready;
      out_stalled_q <= valid && !ready_i;
      was_up_q      <= 1'b1;
    end
  end

  always_comb begin
    reset_first: assume (started_q || !rst_ni);
    upstream_keeps_word: assume (!rst_ni || !in_stalled_q || (valid_i && data_i == in_data_q));
  end

  // The model: words taken and not given, and whether the followed word is among them.
  logic [1:0]       held_q;
  logic             followed_q;
  logic [1:0]       ahead_q;
  logic [WIDTH-1:0] word_q;
  logic             push;
  logic             pop;

  assign push = valid_i && ready;
  assign pop  = valid && ready_i;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      held_q     <= '0;
      followed_q <= 1'b0;
      ahead_q    <= '0;
      word_q     <= '0;
    end else begin
      held_q <= held_q + 2'(push) - 2'(pop);
      if (followed_q) begin
        if (pop && ahead_q == '0) followed_q <= 1'b0;
        else if (pop) ahead_q <= ahead_q - 2'd1;
      end else if (push && follow_i && !(pop && held_q == '0)) begin
        followed_q <= 1'b1;
        ahead_q    <= held_q - 2'(pop);
        word_q     <= data_i;
      end
    end
  end

  always_comb begin
    if (rst_ni) begin
      // At most one word is kept, and none is given that did not come.
      holds_at_most_one: assert (held_q <= 2'd1);
      // `ready_o` is a function of state alone: no path from input or downstream reaches it.
      ready_from_register: assert (ready == (held_q == '0));
      // A word is offered exactly when one is held or comes: no word waits without reason.
      offers_what_it_has: assert (valid == (held_q != '0 || valid_i));
      // An empty buffer costs no latency and changes nothing.
      passes_through: assert (held_q != '0 || !valid_i || data == data_i);
      // A word kept comes out unchanged and in its turn: in order, none lost, none twice.
      order: assert (!followed_q || (ahead_q == '0 && valid && data == word_q));
      // A word that is offered stays, unchanged, until it is taken.
      offer_stays: assert (!out_stalled_q || (valid && data == out_data_q));
    end
  end

  always_comb begin
    // A word is kept while the next one waits outside.
    stalled_both: cover (rst_ni && out_stalled_q && in_stalled_q && valid_i);
    // A word that was kept leaves in the cycle after.
    kept_and_left: cover (rst_ni && was_up_q && followed_q && pop);
    // Words flow through in every cycle.
    streams: cover (rst_ni && was_up_q && push && pop && held_q == '0);
  end

endmodule
