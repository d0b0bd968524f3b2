// SPDX-License-Identifier: Apache-2.0
//
// From the receive clock to the core clock. Guarantees: words leave in the order in which they
// came, each once, but for those that may be dropped: these are dropped while the memory is half
// full, so that a receive clock that is a little faster (its sender gives SKIP often enough) never
// makes it overflow. One that is slower leaves cycles in which nothing comes. A word leaves in the
// third core cycle after it came at the latest, if no others wait. Overflow is told, and loses the
// word.
//
//   receive clock: word --> memory --> word :core clock        pointers cross in Gray code,
//                             ^ write   ^ read                  two flip-flops each way
//
// The word that leaves is in a register, which follows the memory while its pointer is on the way:
// it costs no cycle.

module sp_link_clock #(
    /// Bits of a word.
    parameter int unsigned WIDTH = 8,
    /// Bits that go the other way, and seldom change.
    parameter int unsigned BACK = 1,
    /// Words, a power of two, 16 or more.
    parameter int unsigned DEPTH = 16
) (
    /// Core clock.
    input  logic             clk_i,
    /// Reset, active low, asynchronous.
    input  logic             rst_ni,
    /// Receive clock.
    input  logic             rx_clk_i,
    /// The same reset, released with the receive clock.
    output logic             rx_rst_no,

    /// Receive clock: a word.
    input  logic             rx_valid_i,
    /// Receive clock: it may be dropped.
    input  logic             rx_spare_i,
    /// Receive clock: the word.
    input  logic [WIDTH-1:0] rx_data_i,
    /// Core clock: a word.
    output logic             valid_o,
    /// Core clock: the word.
    output logic [WIDTH-1:0] data_o,

    /// Core clock: what goes the other way, each bit for itself.
    input  logic [BACK-1:0]  back_i,
    /// Receive clock: the same, later.
    output logic [BACK-1:0]  rx_back_o,

    /// Core clock: a word that may be dropped was.
    output logic             ev_dropped_o,
    /// Core clock: words were lost.
    output logic             ev_overflow_o
);

  localparam int unsigned PtrW = $clog2(DEPTH) + 1;

  // Words that are on their way through both pairs of flip-flops are four: half must be well above.
  if (DEPTH < 16 || (DEPTH & (DEPTH - 1)) != 0) begin : g_bad_depth
    $fatal(1, "sp_link_clock: DEPTH = %0d is not a power of two, 16 or more", DEPTH);
  end

  function automatic logic [PtrW-1:0] gray_of(logic [PtrW-1:0] value);
    return value ^ (value >> 1);
  endfunction

  function automatic logic [PtrW-1:0] value_of(logic [PtrW-1:0] gray);
    for (int unsigned n = 0; n < PtrW; n++) value_of[n] = ^(gray >> n);
  endfunction

  logic [WIDTH-1:0] mem [DEPTH];
  logic [PtrW-1:0]  rgray_q;            // read pointer, in the core clock

  // ------------------------------------------------------------------------------- receive clock

  logic             rx_rst_meta_q;
  logic             rx_rst_q;
  logic [PtrW-1:0]  wptr_q;
  logic [PtrW-1:0]  wgray_q;
  logic [1:0][PtrW-1:0] rgray_rx_q;     // read pointer, as seen here
  logic [1:0][BACK-1:0] back_rx_q;
  logic             dropped_q;          // changes with each event
  logic             overflow_q;
  logic [PtrW-1:0]  held;               // words, or a few more
  logic             half_q;             // half of the memory is in use, or a cycle before was
  logic             drop;
  logic             full;
  logic             write;

  always_ff @(posedge rx_clk_i or negedge rst_ni) begin
    if (!rst_ni) {rx_rst_q, rx_rst_meta_q} <= '0;
    else {rx_rst_q, rx_rst_meta_q} <= {rx_rst_meta_q, 1'b1};
  end

  assign rx_rst_no = rx_rst_q;
  assign rx_back_o = back_rx_q[1];
  assign held      = wptr_q - value_of(rgray_rx_q[1]);
  assign drop      = rx_valid_i && rx_spare_i && half_q;
  assign full      = held[PtrW-1];
  assign write     = rx_valid_i && !drop && !full;

  // A word that is not to stay is written over by the next.
  always_ff @(posedge rx_clk_i) begin
    if (!full) mem[wptr_q[PtrW-2:0]] <= rx_data_i;
  end

  always_ff @(posedge rx_clk_i or negedge rx_rst_no) begin
    if (!rx_rst_no) begin
      wptr_q     <= '0;
      wgray_q    <= '0;
      rgray_rx_q <= '0;
      back_rx_q  <= '0;
      dropped_q  <= 1'b0;
      overflow_q <= 1'b0;
      half_q     <= 1'b0;
    end else begin
      half_q     <= held >= PtrW'(DEPTH / 2);
      rgray_rx_q <= {rgray_rx_q[0], rgray_q};
      back_rx_q  <= {back_rx_q[0], back_i};
      if (write) begin
        wptr_q  <= wptr_q + PtrW'(1);
        wgray_q <= gray_of(wptr_q + PtrW'(1));
      end
      if (drop) dropped_q <= !dropped_q;
      if (rx_valid_i && !drop && full) overflow_q <= !overflow_q;
    end
  end

  // ---------------------------------------------------------------------------------- core clock

  logic [PtrW-1:0]      rptr_q;
  logic [PtrW-1:0]      rptr;
  logic [1:0][PtrW-1:0] wgray_core_q;   // write pointer, as seen here
  logic [2:0]           dropped_core_q;
  logic [2:0]           overflow_core_q;

  assign valid_o       = rgray_q != wgray_core_q[1];
  assign rptr          = rptr_q + PtrW'(valid_o);
  assign ev_dropped_o  = dropped_core_q[2] != dropped_core_q[1];
  assign ev_overflow_o = overflow_core_q[2] != overflow_core_q[1];

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      rptr_q          <= '0;
      rgray_q         <= '0;
      wgray_core_q    <= '0;
      dropped_core_q  <= '0;
      overflow_core_q <= '0;
    end else begin
      wgray_core_q    <= {wgray_core_q[0], wgray_q};
      dropped_core_q  <= {dropped_core_q[1:0], dropped_q};
      overflow_core_q <= {overflow_core_q[1:0], overflow_q};
      rptr_q  <= rptr;
      rgray_q <= gray_of(rptr);
    end
  end

  always_ff @(posedge clk_i) data_o <= mem[rptr[PtrW-2:0]];

endmodule
