// SPDX-License-Identifier: Apache-2.0
//
// UARTBone commands, byte by byte, to AXI4-Lite accesses. Guarantees: a word is written only when
// all of its four bytes have come, and read only when its command has; accesses happen one after
// the other in the order of the commands; a command that stops in the middle is given up and leaves
// nothing behind. Proven in formal/board.
//
//   write  | 1 or 3 | words | address / 4, 4 bytes | word | word | ...   each is written as soon
//   read   | 2 or 4 | words | address / 4, 4 bytes |                     as it is whole
//   answer                                         | word | word | ...   most significant first

module sp_uart_bridge #(
    /// Cycles without a byte after which a command is given up, 2 or more.
    parameter int unsigned TIMEOUT = 2_000_000
) (
    /// Clock.
    input  logic        clk_i,
    /// Reset, active low, asynchronous.
    input  logic        rst_ni,

    /// Bytes in: valid.
    input  logic        in_valid_i,
    /// Bytes in: taken.
    output logic        in_ready_o,
    /// Bytes in: this is no byte, but the place where some were lost; the command is given up.
    input  logic        in_lost_i,
    /// Bytes in: the byte.
    input  logic [7:0]  in_data_i,

    /// Bytes out: valid.
    output logic        out_valid_o,
    /// Bytes out: taken.
    input  logic        out_ready_i,
    /// Bytes out: the byte.
    output logic [7:0]  out_data_o,

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

    /// A command was given up in the middle.
    output logic        ev_abort_o,
    /// A byte that is no command came where a command begins.
    output logic        ev_bad_command_o,
    /// The bus answered with an error.
    output logic        ev_bus_error_o
);

  if (TIMEOUT < 2) begin : g_bad_timeout
    $fatal(1, "sp_uart_bridge: TIMEOUT = %0d is not 2 or more", TIMEOUT);
  end

  localparam int unsigned TimerW = $clog2(TIMEOUT);

  /// What the bridge does.
  typedef enum logic [2:0] {
    COMMAND  = 3'd0,
    LENGTH   = 3'd1,
    ADDRESS  = 3'd2,
    DATA     = 3'd3,  // reads the bytes of a word
    WRITE    = 3'd4,  // writes it
    READ     = 3'd5,  // reads a word
    ANSWER   = 3'd6   // sends it
  } state_e;

  state_e            state_q;
  logic              write_q;   // the command writes
  logic              fixed_q;   // all words at one address
  logic [7:0]        left_q;    // words left, 0 for 256
  logic [1:0]        byte_q;    // byte of address or word
  logic [29:0]       addr_q;    // in words
  logic [31:0]       data_q;
  logic              addr_valid_q;
  logic              data_valid_q;
  logic [TimerW-1:0] timer_q;

  logic              waits;     // for a byte
  logic              begun;     // a command has begun and is not complete
  logic              take;      // a byte comes
  logic              give_up;
  logic              late;
  logic              done;      // the access of a word is over
  logic              last_word;

  assign begun      = state_q == LENGTH || state_q == ADDRESS || state_q == DATA;
  assign waits      = begun || state_q == COMMAND;
  assign in_ready_o = waits;
  assign take       = in_valid_i && !in_lost_i && waits;
  assign late       = begun && !in_valid_i && timer_q == TimerW'(TIMEOUT - 1);
  assign give_up    = late || (begun && in_valid_i && in_lost_i);
  assign last_word  = left_q == 8'd1;
  assign done       = (m_bvalid_i && m_bready_o) || (m_rvalid_i && m_rready_o);

  assign m_awvalid_o = addr_valid_q && write_q;
  assign m_arvalid_o = addr_valid_q && !write_q;
  assign m_wvalid_o  = data_valid_q;
  assign m_awaddr_o  = {addr_q, 2'b00};
  assign m_araddr_o  = {addr_q, 2'b00};
  assign m_awprot_o  = 3'b000;
  assign m_arprot_o  = 3'b000;
  assign m_wdata_o   = data_q;
  assign m_wstrb_o   = 4'b1111;
  assign m_bready_o  = state_q == WRITE;
  assign m_rready_o  = state_q == READ;

  assign out_valid_o = state_q == ANSWER;
  assign out_data_o  = data_q[31:24];

  assign ev_abort_o       = give_up;
  assign ev_bad_command_o = take && state_q == COMMAND && (in_data_i < 8'd1 || in_data_i > 8'd4);
  assign ev_bus_error_o   = (m_bvalid_i && m_bready_o && m_bresp_i != 2'b00)
                         || (m_rvalid_i && m_rready_o && m_rresp_i != 2'b00);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q      <= COMMAND;
      addr_valid_q <= 1'b0;
      data_valid_q <= 1'b0;
      timer_q      <= '0;
    end else begin
      timer_q <= begun && !in_valid_i ? timer_q + TimerW'(1) : '0;
      if ((m_awvalid_o && m_awready_i) || (m_arvalid_o && m_arready_i)) addr_valid_q <= 1'b0;
      if (m_wvalid_o && m_wready_i) data_valid_q <= 1'b0;
      if (give_up) begin
        state_q <= COMMAND;
      end else begin
        case (state_q)
          COMMAND: if (take && !ev_bad_command_o) state_q <= LENGTH;
          LENGTH:  if (take) state_q <= ADDRESS;
          ADDRESS: begin
            if (take && byte_q == 2'd3) begin
              state_q      <= write_q ? DATA : READ;
              addr_valid_q <= !write_q;
            end
          end
          DATA: begin
            if (take && byte_q == 2'd3) begin
              state_q      <= WRITE;
              addr_valid_q <= 1'b1;
              data_valid_q <= 1'b1;
            end
          end
          WRITE: if (done) state_q <= last_word ? COMMAND : DATA;
          READ:  if (done) state_q <= ANSWER;
          default: begin
            // The next word is read while the last byte of this one is on the line.
            if (out_ready_i && byte_q == 2'd3) begin
              state_q      <= last_word ? COMMAND : READ;
              addr_valid_q <= !last_word;
            end
          end
        endcase
      end
    end
  end

  always_ff @(posedge clk_i) begin
    case (state_q)
      COMMAND: begin
        write_q <= in_data_i[0];
        fixed_q <= in_data_i > 8'd2;
        byte_q  <= '0;
      end
      LENGTH: left_q <= in_data_i;
      ADDRESS: begin
        if (take) begin
          addr_q <= {addr_q[21:0], in_data_i};
          byte_q <= byte_q + 2'd1;
        end
      end
      DATA: begin
        if (take) begin
          data_q <= {data_q[23:0], in_data_i};
          byte_q <= byte_q + 2'd1;
        end
      end
      READ: if (done) data_q <= m_rdata_i;
      ANSWER: begin
        if (out_ready_i) begin
          data_q <= {data_q[23:0], 8'd0};
          byte_q <= byte_q + 2'd1;
        end
      end
      default: ;
    endcase
    // A word is over: after its response, or with the last byte of the answer.
    if ((state_q == WRITE && done) || (state_q == ANSWER && out_ready_i && byte_q == 2'd3)) begin
      left_q <= left_q - 8'd1;
      addr_q <= addr_q + 30'(!fixed_q);
    end
  end

endmodule
