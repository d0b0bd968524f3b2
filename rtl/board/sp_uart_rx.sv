// SPDX-License-Identifier: Apache-2.0
//
// Receiver of a UART: 8 data bits, no parity, 1 stop bit. Guarantees: a low pulse shorter than half
// a bit starts nothing; a byte comes out only with a stop bit; after a stop bit that was low, and
// after reset, nothing comes out until the line has been idle (high) for two frames, so that it
// never begins to read in the middle of a byte.
//
//   line   ‾‾\_____/‾‾0‾‾\__1__/ ... \__7__/‾‾‾‾‾      bit times may be fractions of cycles:
//   looks      ^      ^     ^           ^    ^         right on average, each within one cycle

module sp_uart_rx #(
    /// Frequency of the clock in Hz.
    parameter int unsigned CLK_HZ = 50_000_000,
    /// Bits per second; at most an eighth of CLK_HZ.
    parameter int unsigned BAUD = 3_000_000
) (
    /// Clock.
    input  logic       clk_i,
    /// Reset, active low, asynchronous.
    input  logic       rst_ni,
    /// The line, asynchronous to the clock.
    input  logic       rx_i,
    /// Give up what is coming and wait for an idle line, as after a stop bit that was low.
    input  logic       resync_i,
    /// A byte came, for one cycle.
    output logic       valid_o,
    /// The byte.
    output logic [7:0] data_o,
    /// A stop bit was low, for one cycle.
    output logic       frame_error_o
);

  if (BAUD < 1 || 64'(CLK_HZ) < 8 * 64'(BAUD)) begin : g_bad_baud
    $fatal(1, "sp_uart_rx: BAUD = %0d is not in 1..%0d, an eighth of CLK_HZ", BAUD, CLK_HZ / 8);
  end

  // See sp_uart_pkg.
  localparam int unsigned Gcd = sp_uart_pkg::gcd(CLK_HZ, BAUD);
  localparam int unsigned Num = CLK_HZ / Gcd;
  localparam int unsigned Den = BAUD / Gcd;
  localparam int unsigned PhaseW = $clog2(Num + Den);
  // The edge that begins a frame was on average half a cycle before it was seen.
  localparam int unsigned Half = Num / 2 + Den;
  localparam int unsigned IdleBits = 20;

  /// What the receiver does.
  typedef enum logic [1:0] {
    HUNT  = 2'd0,  // waits for a line that is idle for two frames
    IDLE  = 2'd1,  // waits for a start bit
    FRAME = 2'd2   // reads a frame
  } state_e;

  state_e            state_q;
  logic [3:0]        rx_q;     // two flip-flops to synchronise, then two older values
  logic              line;     // majority of three: one odd sample does no harm
  logic [PhaseW-1:0] phase_q;
  logic [PhaseW-1:0] phase;
  logic              tick;
  logic [4:0]        bit_q;    // bit of the frame, or idle bits seen

  assign line  = (rx_q[1] & rx_q[2]) | (rx_q[1] & rx_q[3]) | (rx_q[2] & rx_q[3]);
  assign phase = phase_q + PhaseW'(Den);
  assign tick  = phase >= PhaseW'(Num);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      rx_q          <= '1;
      state_q       <= HUNT;
      phase_q       <= '0;
      bit_q         <= '0;
      valid_o       <= 1'b0;
      frame_error_o <= 1'b0;
    end else begin
      rx_q          <= {rx_q[2:0], rx_i};
      valid_o       <= 1'b0;
      frame_error_o <= 1'b0;
      phase_q       <= tick ? phase - PhaseW'(Num) : phase;
      if (tick) bit_q <= bit_q + 5'd1;
      case (state_q)
        IDLE: begin
          phase_q <= PhaseW'(Half);
          bit_q   <= '0;
          if (!line) state_q <= FRAME;
        end
        FRAME: begin
          if (tick && bit_q == 5'd0 && line) state_q <= IDLE;  // was no start bit
          if (tick && bit_q == 5'd9) begin
            bit_q         <= '0;
            valid_o       <= line;
            frame_error_o <= !line;
            state_q       <= line ? IDLE : HUNT;
          end
        end
        default: begin
          if (!line) begin
            phase_q <= '0;
            bit_q   <= '0;
          end else if (tick && bit_q == 5'(IdleBits - 1)) begin
            state_q <= IDLE;
          end
        end
      endcase
      if (resync_i) begin
        phase_q <= '0;
        bit_q   <= '0;
        state_q <= HUNT;
      end
    end
  end

  // Least significant bit first; the start bit falls out at the end, the stop bit never enters.
  always_ff @(posedge clk_i) begin
    if (state_q == FRAME && tick && bit_q != 5'd9) data_o <= {line, data_o[7:1]};
  end

endmodule
