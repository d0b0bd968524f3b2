// SPDX-License-Identifier: Apache-2.0
//
// A host at a UART reads and writes registers: LiteX's UARTBone protocol to AXI4-Lite. Guarantees:
// what a host sends, in whatever rate and however it stops, never makes an access of which not
// every byte came with its stop bit; after a framing error or a lost byte nothing is obeyed until
// the line has been idle for two frames, and after TIMEOUT_US of silence the next byte is a command
// again. docs/board-bridge.md has the protocol and what to expect after each kind of error.
//
//   rx_i -> sp_uart_rx -> RX_DEPTH bytes -> sp_uart_bridge <-> AXI4-Lite
//   tx_o <------------- sp_uart_tx <-----------'

module sp_uartbone #(
    /// Frequency of the clock in Hz.
    parameter int unsigned CLK_HZ = 50_000_000,
    /// Bits per second; at most an eighth of CLK_HZ, need not divide it.
    parameter int unsigned BAUD = 3_000_000,
    /// Silence in microseconds after which a command is given up; two frames or more.
    parameter int unsigned TIMEOUT_US = 40_000,
    /// Bytes that may come while an answer leaves, 3 or more.
    parameter int unsigned RX_DEPTH = 64
) (
    /// Clock.
    input  logic        clk_i,
    /// Reset, active low, asynchronous.
    input  logic        rst_ni,
    /// Line from the host, asynchronous.
    input  logic        rx_i,
    /// Line to the host.
    output logic        tx_o,

    /// AXI4-Lite write address.
    output logic        m_awvalid_o,
    /// Write address taken.
    input  logic        m_awready_i,
    /// Byte address.
    output logic [31:0] m_awaddr_o,
    /// Protection, always 0.
    output logic [2:0]  m_awprot_o,
    /// Write data.
    output logic        m_wvalid_o,
    /// Write data taken.
    input  logic        m_wready_i,
    /// Word.
    output logic [31:0] m_wdata_o,
    /// Bytes of it, always all.
    output logic [3:0]  m_wstrb_o,
    /// Write response.
    input  logic        m_bvalid_i,
    /// Write response taken.
    output logic        m_bready_o,
    /// Response.
    input  logic [1:0]  m_bresp_i,
    /// Read address.
    output logic        m_arvalid_o,
    /// Read address taken.
    input  logic        m_arready_i,
    /// Byte address.
    output logic [31:0] m_araddr_o,
    /// Protection, always 0.
    output logic [2:0]  m_arprot_o,
    /// Read data.
    input  logic        m_rvalid_i,
    /// Read data taken.
    output logic        m_rready_o,
    /// Word.
    input  logic [31:0] m_rdata_i,
    /// Response.
    input  logic [1:0]  m_rresp_i,

    /// A byte came.
    output logic        ev_rx_o,
    /// A byte leaves.
    output logic        ev_tx_o,
    /// A stop bit was low.
    output logic        ev_frame_error_o,
    /// A command was given up in the middle.
    output logic        ev_abort_o,
    /// A byte that is no command came where a command begins; it is ignored.
    output logic        ev_bad_command_o,
    /// A byte came and the buffer was full.
    output logic        ev_overflow_o,
    /// The bus answered with an error.
    output logic        ev_bus_error_o
);

  localparam longint unsigned Timeout = 64'(CLK_HZ) * 64'(TIMEOUT_US) / 1_000_000;

  if (Timeout * 64'(BAUD) < 20 * 64'(CLK_HZ) || Timeout > 64'h7FFF_FFFF) begin : g_bad_timeout
    $fatal(1, "sp_uartbone: TIMEOUT_US = %0d is not two frames or more, or not below 2^31 cycles",
           TIMEOUT_US);
  end
  if (RX_DEPTH < 3) begin : g_bad_depth
    $fatal(1, "sp_uartbone: RX_DEPTH = %0d is not 3 or more", RX_DEPTH);
  end

  // The last of the RX_DEPTH bytes stands in the register behind the memory.
  localparam int unsigned BufferDepth = RX_DEPTH < 3 ? 2 : RX_DEPTH - 1;

  logic       rx_valid;
  logic [7:0] rx_data;
  logic       full;
  logic       lost;       // bytes are lost in this cycle
  logic       lost_q;     // bytes were lost, and the buffer could not yet be told
  logic       empty;
  logic       byte_ready;
  logic       byte_lost;
  logic [7:0] byte_data;
  logic       in_valid;
  logic       in_ready;
  logic       in_lost;
  logic [7:0] in_data;
  logic       out_valid;
  logic       out_ready;
  logic [7:0] out_data;
  /* verilator lint_off UNUSEDSIGNAL */
  logic [$clog2(BufferDepth+1)-1:0] count;
  /* verilator lint_on UNUSEDSIGNAL */

  sp_uart_rx #(
      .CLK_HZ(CLK_HZ),
      .BAUD  (BAUD)
  ) i_rx (
      .clk_i,
      .rst_ni,
      .rx_i,
      .resync_i     (ev_overflow_o),
      .valid_o      (rx_valid),
      .data_o       (rx_data),
      .frame_error_o(ev_frame_error_o)
  );

  // ------------------------------------------------------------------------------------- buffer

  // Where bytes are lost a mark goes into the buffer in their place: commands that came whole
  // before it are still obeyed, the one that it falls into is not.
  assign ev_rx_o       = rx_valid;
  assign ev_overflow_o = rx_valid && (full || lost_q);
  assign lost          = ev_frame_error_o || ev_overflow_o || lost_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) lost_q <= 1'b0;
    else lost_q <= lost && full;
  end

  sp_fifo #(
      .WIDTH(9),
      .DEPTH(BufferDepth)
  ) i_buffer (
      .clk_i,
      .rst_ni,
      .push_i (rx_valid || lost),
      .data_i ({lost, rx_data}),
      .full_o (full),
      .pop_i  (byte_ready),
      .data_o ({byte_lost, byte_data}),
      .empty_o(empty),
      .count_o(count)
  );

  // The memory is slow: the bridge sees a register.
  sp_stage #(
      .WIDTH(9)
  ) i_byte (
      .clk_i,
      .rst_ni,
      .valid_i(!empty),
      .ready_o(byte_ready),
      .data_i ({byte_lost, byte_data}),
      .valid_o(in_valid),
      .ready_i(in_ready),
      .data_o ({in_lost, in_data})
  );

  // ------------------------------------------------------------------------------------- bridge

  sp_uart_bridge #(
      .TIMEOUT(32'(Timeout))
  ) i_bridge (
      .clk_i,
      .rst_ni,
      .in_valid_i (in_valid),
      .in_ready_o (in_ready),
      .in_lost_i  (in_lost),
      .in_data_i  (in_data),
      .out_valid_o(out_valid),
      .out_ready_i(out_ready),
      .out_data_o (out_data),
      .m_awvalid_o,
      .m_awready_i,
      .m_awaddr_o,
      .m_awprot_o,
      .m_wvalid_o,
      .m_wready_i,
      .m_wdata_o,
      .m_wstrb_o,
      .m_bvalid_i,
      .m_bready_o,
      .m_bresp_i,
      .m_arvalid_o,
      .m_arready_i,
      .m_araddr_o,
      .m_arprot_o,
      .m_rvalid_i,
      .m_rready_o,
      .m_rdata_i,
      .m_rresp_i,
      .ev_abort_o,
      .ev_bad_command_o,
      .ev_bus_error_o
  );

  assign ev_tx_o = out_valid && out_ready;

  sp_uart_tx #(
      .CLK_HZ(CLK_HZ),
      .BAUD  (BAUD)
  ) i_tx (
      .clk_i,
      .rst_ni,
      .valid_i(out_valid),
      .ready_o(out_ready),
      .data_i (out_data),
      .tx_o
  );

endmodule
