// SPDX-License-Identifier: Apache-2.0
//
// sp_fifo whose memory reads with a clock, as block memories of FPGAs do: the oldest word is read
// before it is the oldest, and one that nothing lies in front of is seen from a register meanwhile.
// Guarantees, ports and cycles are those of sp_fifo.

module sp_fifo_block #(
    /// Bits of a word.
    parameter int unsigned WIDTH = 8,
    /// Words, 2 or more.
    parameter int unsigned DEPTH = 64
) (
    /// Clock.
    input  logic                         clk_i,
    /// Reset, active low, asynchronous.
    input  logic                         rst_ni,
    /// A word comes.
    input  logic                         push_i,
    /// The word.
    input  logic [WIDTH-1:0]             data_i,
    /// There is no room.
    output logic                         full_o,
    /// The oldest word is taken.
    input  logic                         pop_i,
    /// The oldest word.
    output logic [WIDTH-1:0]             data_o,
    /// There is none.
    output logic                         empty_o,
    /// Words.
    output logic [$clog2(DEPTH+1)-1:0]   count_o
);

  localparam int unsigned PtrW = $clog2(DEPTH);
  localparam int unsigned CntW = $clog2(DEPTH + 1);

  if (WIDTH < 1) begin : g_bad_width
    $fatal(1, "sp_fifo_block: WIDTH = %0d is not 1 or more", WIDTH);
  end
  if (DEPTH < 2) begin : g_bad_depth
    $fatal(1, "sp_fifo_block: DEPTH = %0d is not 2 or more", DEPTH);
  end

  // A word that is read while it is written is seen from the register.
  (* no_rw_check, ram_style = "block" *)
  logic [WIDTH-1:0] mem [DEPTH];
  logic [WIDTH-1:0] read_q;
  logic [WIDTH-1:0] came_q;   // the newest word
  logic             fresh_q;  // it is the oldest, too, and came in the cycle before
  logic [PtrW-1:0]  rptr_q;
  logic [PtrW-1:0]  rptr;     // in the next cycle
  logic [PtrW-1:0]  wptr_q;
  logic [CntW-1:0]  count_q;
  logic             push;
  logic             pop;

  function automatic logic [PtrW-1:0] behind(logic [PtrW-1:0] ptr);
    return (ptr == PtrW'(DEPTH - 1)) ? '0 : ptr + PtrW'(1);
  endfunction

  assign full_o  = count_q == CntW'(DEPTH);
  assign empty_o = count_q == '0;
  assign count_o = count_q;
  assign data_o  = fresh_q ? came_q : read_q;
  assign push    = push_i && !full_o;
  assign pop     = pop_i && !empty_o;
  assign rptr    = pop ? behind(rptr_q) : rptr_q;

  always_ff @(posedge clk_i) begin
    if (push) mem[wptr_q] <= data_i;
    read_q <= mem[rptr];
    if (push) came_q <= data_i;
    fresh_q <= push && wptr_q == rptr;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      rptr_q  <= '0;
      wptr_q  <= '0;
      count_q <= '0;
    end else begin
      rptr_q <= rptr;
      if (push) wptr_q <= behind(wptr_q);
      if (push && !pop) count_q <= count_q + CntW'(1);
      else if (pop && !push) count_q <= count_q - CntW'(1);
    end
  end

endmodule
