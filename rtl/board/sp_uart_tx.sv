// SPDX-License-Identifier: Apache-2.0
//
// Sender of a UART: 8 data bits, no parity, 1 stop bit. Guarantees: bytes that are offered in time
// leave without a gap, at exactly BAUD on average, each edge within one cycle of its place.

module sp_uart_tx #(
    /// Frequency of the clock in Hz.
    parameter int unsigned CLK_HZ = 50_000_000,
    /// Bits per second; at most an eighth of CLK_HZ.
    parameter int unsigned BAUD = 3_000_000
) (
    /// Clock.
    input  logic       clk_i,
    /// Reset, active low, asynchronous.
    input  logic       rst_ni,
    /// A byte is offered.
    input  logic       valid_i,
    /// It is taken; not before the stop bit of the one before it ends.
    output logic       ready_o,
    /// The byte.
    input  logic [7:0] data_i,
    /// The line, from a flip-flop; high when idle.
    output logic       tx_o
);

  if (BAUD < 1 || 64'(CLK_HZ) < 8 * 64'(BAUD)) begin : g_bad_baud
    $fatal(1, "sp_uart_tx: BAUD = %0d is not in 1..%0d, an eighth of CLK_HZ", BAUD, CLK_HZ / 8);
  end

  // See sp_uart_pkg.
  localparam int unsigned Gcd = sp_uart_pkg::gcd(CLK_HZ, BAUD);
  localparam int unsigned Num = CLK_HZ / Gcd;
  localparam int unsigned Den = BAUD / Gcd;
  localparam int unsigned PhaseW = $clog2(Num + Den);

  logic [PhaseW-1:0] phase_q;
  logic [PhaseW-1:0] phase;
  logic              tick;
  logic [8:0]        shift_q;  // what follows; ones come in behind and make the stop bit
  logic [3:0]        left_q;   // bits left, with the one on the line; 0 when idle

  assign phase   = phase_q + PhaseW'(Den);
  assign tick    = phase >= PhaseW'(Num);
  assign ready_o = left_q == 4'd0 || (left_q == 4'd1 && tick);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      phase_q <= '0;
      shift_q <= '1;
      left_q  <= '0;
      tx_o    <= 1'b1;
    end else begin
      // What is over of the last bit is kept for the next byte if that follows at once.
      phase_q <= left_q == 4'd0 ? '0 : (tick ? phase - PhaseW'(Num) : phase);
      if (valid_i && ready_o) begin
        shift_q <= {1'b1, data_i};
        left_q  <= 4'd10;
        tx_o    <= 1'b0;
      end else if (left_q != 4'd0 && tick) begin
        shift_q <= {1'b1, shift_q[8:1]};
        left_q  <= left_q - 4'd1;
        tx_o    <= shift_q[0];
      end
    end
  end

endmodule
