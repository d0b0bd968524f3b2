// SPDX-License-Identifier: Apache-2.0
//
// What a user of sp_fifo relies on, for every push and pop (also when full and empty), every word,
// and a reset at any time. One word, chosen freely when it is pushed, is followed to its pop: what
// holds for it holds for all.

module sp_fifo_props #(
    /// Bits of a word.
    parameter int unsigned WIDTH = 2,
    /// Words.
    parameter int unsigned DEPTH = 4
) (
    /// Clock.
    input logic             clk_i,
    /// Reset.
    input logic             rst_ni,
    /// Push, free.
    input logic             push_i,
    /// Word, free.
    input logic [WIDTH-1:0] data_i,
    /// Pop, free.
    input logic             pop_i,
    /// Follow the word that is pushed now, free.
    input logic             follow_i
);

  localparam int unsigned CntW = $clog2(DEPTH + 1);

  logic             full;
  logic             empty;
  logic [WIDTH-1:0] data;
  logic [CntW-1:0]  count;

  sp_fifo #(
      .WIDTH(WIDTH),
      .DEPTH(DEPTH)
  ) dut (
      .clk_i,
      .rst_ni,
      .push_i,
      .data_i,
      .full_o (full),
      .pop_i,
      .data_o (data),
      .empty_o(empty),
      .count_o(count)
  );

  logic started_q = 1'b0;
  always_ff @(posedge clk_i) started_q <= 1'b1;
  always_comb reset_first: assume (started_q || !rst_ni);

  // The model: how many words are held, and how many of them are ahead of the followed one.
  logic [CntW-1:0]  held_q;
  logic             followed_q;
  logic [CntW-1:0]  ahead_q;
  logic [WIDTH-1:0] word_q;
  logic             push;
  logic             pop;

  assign push = push_i && held_q != CntW'(DEPTH);
  assign pop  = pop_i && held_q != '0;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      held_q     <= '0;
      followed_q <= 1'b0;
      ahead_q    <= '0;
      word_q     <= '0;
    end else begin
      held_q <= held_q + CntW'(push) - CntW'(pop);
      if (followed_q) begin
        if (pop && ahead_q == '0) followed_q <= 1'b0;
        else if (pop) ahead_q <= ahead_q - CntW'(1);
      end else if (push && follow_i) begin
        followed_q <= 1'b1;
        ahead_q    <= held_q - CntW'(pop);
        word_q     <= data_i;
      end
    end
  end

  always_comb begin
    if (rst_ni) begin
      // The count is pushes taken minus pops taken: a push while full or a pop while empty is as if
      // it never was.
      count_right: assert (count == held_q);
      // Back-pressure comes exactly when DEPTH words are held: no overflow, no lost room.
      full_right: assert (full == (held_q == CntW'(DEPTH)));
      // A word that is held is visible, and none is made up.
      empty_right: assert (empty == (held_q == '0));
      // A word comes out unchanged, after those pushed before it and before those pushed later:
      // in order, none lost, none twice.
      order: assert (!followed_q || ahead_q != '0 || data == word_q);
    end
  end

  logic was_full_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) was_full_q <= 1'b0;
    else if (held_q == CntW'(DEPTH)) was_full_q <= 1'b1;
  end

  always_comb begin
    // Push and pop while full.
    full_push_pop: cover (rst_ni && full && push_i && pop_i);
    // Emptied after it was full, then a pop that finds nothing.
    drained: cover (rst_ni && was_full_q && empty && pop_i);
    // A word waits behind all others and leaves.
    followed_to_the_end: cover (rst_ni && was_full_q && followed_q && ahead_q == '0 && pop);
  end

endmodule
