// SPDX-License-Identifier: Apache-2.0
//
// FIFO with the oldest word always visible (first word falls through, one cycle after it came).
// Guarantees: words leave in the order in which they came, none lost, none twice; a push while
// full and a pop while empty are ignored. Proven in formal/common.

module sp_fifo #(
    /// Bits of a word, 1 or more.
    parameter int unsigned WIDTH = 8,
    /// Words, 2 or more; need not be a power of two.
    parameter int unsigned DEPTH = 4
) (
    /// Clock.
    input  logic                         clk_i,
    /// Reset, active low, asynchronous; empties the FIFO.
    input  logic                         rst_ni,
    /// Push `data_i`.
    input  logic                         push_i,
    /// Word to push.
    input  logic [WIDTH-1:0]             data_i,
    /// No room: a push now is ignored.
    output logic                         full_o,
    /// Pop the word that is visible.
    input  logic                         pop_i,
    /// The oldest word, while not empty.
    output logic [WIDTH-1:0]             data_o,
    /// No word: a pop now is ignored.
    output logic                         empty_o,
    /// Words held.
    output logic [$clog2(DEPTH+1)-1:0]   count_o
);

  localparam int unsigned PtrW = $clog2(DEPTH);
  localparam int unsigned CntW = $clog2(DEPTH + 1);

  if (WIDTH < 1) begin : g_bad_width
    $fatal(1, "sp_fifo: WIDTH = %0d is not 1 or more", WIDTH);
  end
  if (DEPTH < 2) begin : g_bad_depth
    $fatal(1, "sp_fifo: DEPTH = %0d is not 2 or more", DEPTH);
  end

  logic [WIDTH-1:0] mem     [DEPTH];
  logic [PtrW-1:0]  rptr_q;
  logic [PtrW-1:0]  wptr_q;
  logic [CntW-1:0]  count_q;
  logic             push;
  logic             pop;

  assign full_o  = count_q == CntW'(DEPTH);
  assign empty_o = count_q == '0;
  assign count_o = count_q;
  assign data_o  = mem[rptr_q];
  assign push    = push_i && !full_o;
  assign pop     = pop_i && !empty_o;

  always_ff @(posedge clk_i) begin
    if (push) mem[wptr_q] <= data_i;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      rptr_q  <= '0;
      wptr_q  <= '0;
      count_q <= '0;
    end else begin
      if (push) wptr_q <= (wptr_q == PtrW'(DEPTH - 1)) ? '0 : wptr_q + PtrW'(1);
      if (pop) rptr_q <= (rptr_q == PtrW'(DEPTH - 1)) ? '0 : rptr_q + PtrW'(1);
      if (push && !pop) count_q <= count_q + CntW'(1);
      else if (pop && !push) count_q <= count_q - CntW'(1);
    end
  end

endmodule
