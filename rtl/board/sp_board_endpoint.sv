// SPDX-License-Identifier: Apache-2.0
//
// What sits at a port of the switch on a board that has endpoints: an endpoint (sp_endpoint, one
// plane), the memory that others load from and store into, and a unit that makes accesses for the
// host: `port[].host` of docs/board-registers.md (a word is 32 bits, numbered from the first of the
// port).
//
//   host's registers --> host unit --AXI4--> endpoint <--> switch
//                          |   +--commands-->   |
//   host's windows ----> sp_board_ram <--AXI4---+
//
// A command stores bytes of the memory, loads bytes into it, stores or loads one word, or is an
// atomic. It runs by itself, so that nothing that the host asks for waits: an access whose answer
// is lost ends with the time-out of the endpoint; one that the endpoint does not take
// (`control.shut`) goes on when it does.
// Guarantees: every access of the host is answered, also while core_rst_ni holds all in reset (then
// refused); one command runs at a time, and while it does, only `window` can be written; a load
// that ends with an error leaves the bytes of its bad beats as they were.

module sp_board_endpoint #(
    /// Bits of a flit: 128, 256 or 512.
    parameter int unsigned FLIT_W = 128,
    /// Bytes of the memory, a power of two, 256 to 65536.
    parameter int unsigned BYTES = 4096,
    /// 1: the endpoint has the end-to-end check.
    parameter bit CHECK = 1'b1,
    localparam int unsigned WordW = 6,
    localparam int unsigned CsrW = 11
) (
    /// Clock.
    input  logic                      clk_i,
    /// Reset of what answers the host, active low, asynchronous.
    input  logic                      rst_ni,
    /// Reset of all else, active low, asynchronous; what is in the memory stays.
    input  logic                      core_rst_ni,
    /// Nothing is held in core_rst_ni.
    input  logic                      core_up_i,
    /// The way to the switch carries packets.
    input  logic                      plane_up_i,

    /// To the switch: valid.
    output logic                      s_tvalid_o,
    /// To the switch: ready.
    input  logic                      s_tready_i,
    /// To the switch: payload.
    output logic [FLIT_W-1:0]         s_tdata_o,
    /// To the switch: {error mark, header}.
    output logic [sp_pkg::USER_W-1:0] s_tuser_o,
    /// To the switch: last beat.
    output logic                      s_tlast_o,
    /// To the switch: room of its VCs.
    input  logic [sp_pkg::NUM_VC-1:0] s_room_i,
    /// From the switch: valid.
    input  logic                      m_tvalid_i,
    /// From the switch: ready.
    output logic                      m_tready_o,
    /// From the switch: payload.
    input  logic [FLIT_W-1:0]         m_tdata_i,
    /// From the switch: {error mark, header}.
    input  logic [sp_pkg::USER_W-1:0] m_tuser_i,
    /// From the switch: last beat.
    input  logic                      m_tlast_i,
    /// From the switch: room for its VCs.
    output logic [sp_pkg::NUM_VC-1:0] m_room_o,

    /// Registers of the endpoint, AXI4-Lite, write address: valid.
    input  logic                      csr_awvalid_i,
    /// Registers of the endpoint, AXI4-Lite, write address: ready.
    output logic                      csr_awready_o,
    /// Registers of the endpoint, AXI4-Lite, write address.
    input  logic [CsrW-1:0]           csr_awaddr_i,
    /// Registers of the endpoint, AXI4-Lite, write address: protection, ignored.
    input  logic [2:0]                csr_awprot_i,
    /// Registers of the endpoint, AXI4-Lite, write data: valid.
    input  logic                      csr_wvalid_i,
    /// Registers of the endpoint, AXI4-Lite, write data: ready.
    output logic                      csr_wready_o,
    /// Registers of the endpoint, AXI4-Lite, write data.
    input  logic [31:0]               csr_wdata_i,
    /// Registers of the endpoint, AXI4-Lite, write data: bytes that count.
    input  logic [3:0]                csr_wstrb_i,
    /// Registers of the endpoint, AXI4-Lite, write response: valid.
    output logic                      csr_bvalid_o,
    /// Registers of the endpoint, AXI4-Lite, write response: ready.
    input  logic                      csr_bready_i,
    /// Registers of the endpoint, AXI4-Lite, write response.
    output logic [1:0]                csr_bresp_o,
    /// Registers of the endpoint, AXI4-Lite, read address: valid.
    input  logic                      csr_arvalid_i,
    /// Registers of the endpoint, AXI4-Lite, read address: ready.
    output logic                      csr_arready_o,
    /// Registers of the endpoint, AXI4-Lite, read address.
    input  logic [CsrW-1:0]           csr_araddr_i,
    /// Registers of the endpoint, AXI4-Lite, read address: protection, ignored.
    input  logic [2:0]                csr_arprot_i,
    /// Registers of the endpoint, AXI4-Lite, read data: valid.
    output logic                      csr_rvalid_o,
    /// Registers of the endpoint, AXI4-Lite, read data: ready.
    input  logic                      csr_rready_i,
    /// Registers of the endpoint, AXI4-Lite, read data.
    output logic [31:0]               csr_rdata_o,
    /// Registers of the endpoint, AXI4-Lite, read data: response.
    output logic [1:0]                csr_rresp_o,

    /// Write the next word of the memory.
    input  logic                      push_i,
    /// There is no next word; then nothing is written.
    output logic                      full_o,
    /// Read the next word of the memory; not again before the answer.
    input  logic                      pop_i,
    /// The answer.
    output logic                      pop_ack_o,
    /// With the answer: there was no word.
    output logic                      pop_err_o,
    /// With the answer, if there was one: the word.
    output logic [31:0]               pop_word_o,

    /// Write a register; the answer comes in the next cycle.
    input  logic                      write_i,
    /// Read a register; the answer comes in the next cycle.
    input  logic                      read_i,
    /// Which one.
    input  logic [WordW-1:0]          word_i,
    /// What is written, also to the memory.
    input  logic [31:0]               data_i,
    /// The answer.
    output logic                      done_o,
    /// With the answer: there is no such register, or it cannot be written now.
    output logic                      err_o,
    /// With the answer to a read: the word, zero with an error.
    output logic [31:0]               data_o,

    /// Something happened that the endpoint's mask of interrupts names.
    output logic                      irq_o
);

  import sp_pkg::*;
  import sp_endpoint_pkg::*;

  localparam int unsigned DATA_W   = 64;  // two words of the host
  localparam int unsigned Lanes    = DATA_W / 8;
  localparam int unsigned AxiIdW   = 2;
  // The host has no commands for them.
  localparam bit          Collectives = 1'b0;
  localparam int unsigned ByteW    = $clog2(BYTES);
  localparam int unsigned RowW     = ByteW - 3;
  localparam int unsigned MoveW    = 12;    // bits of a number of bytes
  localparam int unsigned MoveMost = 2048;  // a burst of 256 beats
  localparam int unsigned Page     = 4096;  // no burst crosses a multiple of it

  if (BYTES < 256 || BYTES > 65536 || BYTES != (1 << ByteW)) begin : g_bad_bytes
    $fatal(1, "sp_board_endpoint: BYTES = %0d is not a power of two, 256 to 65536", BYTES);
  end

  typedef enum logic [WordW-1:0] {
    RgBytesThere  = 6'h28,
    RgWindow      = 6'h29,
    RgLocal       = 6'h2a,
    RgBytes       = 6'h2b,
    RgAddressLow  = 6'h2c,
    RgAddressHigh = 6'h2d,
    RgOperandLow  = 6'h2e,
    RgOperandHigh = 6'h2f,
    RgCompareLow  = 6'h30,
    RgCompareHigh = 6'h31,
    RgCommand     = 6'h32,
    RgStatus      = 6'h33,
    RgResultLow   = 6'h34,
    RgResultHigh  = 6'h35
  } word_e;

  typedef enum logic [1:0] {
    DO_STORE  = 2'd0,
    DO_LOAD   = 2'd1,
    DO_ATOMIC = 2'd2
  } op_e;  // 3 is none

  /// The command register.
  typedef struct packed {
    logic [3:0] kind;   // of an atomic
    logic       word;   // operand and result instead of bytes of the memory
    logic       quiet;  // of an atomic: the old value is not wanted
    logic       wide;   // 64 bits instead of 32
    logic [1:0] op;
  } host_t;

  typedef enum logic [2:0] {
    H_IDLE,
    H_ADDRESS,  // of a load or store
    H_STORE,    // its data
    H_STORED,   // its answer
    H_LOAD,     // data come
    H_ATOMIC,   // the command is offered
    H_RESULT    // its result comes
  } state_e;

  // --------------------------------------------------------------------------------- registers

  state_e             state_q;
  host_t              host_q;
  host_t              host_new;
  logic [ByteW-1:0]   local_q;
  logic [MoveW-1:0]   bytes_q;
  logic [63:0]        address_q;
  logic [63:0]        operand_q;
  logic [63:0]        compare_q;
  logic [ByteW-2:0]   window_q;    // in words; at the end there is none
  logic               busy;
  logic               write_ok;    // there is such a register, and it can be written now
  logic               start;
  logic               bad_move_q;
  logic               window_step;
  logic [1:0]         resp_q;
  logic [3:0]         status_q;
  logic               decerr_q;
  logic               timeout_q;
  logic [63:0]        result_q;

  assign busy     = state_q != H_IDLE;
  assign host_new = '{kind: data_i[11:8], word: data_i[6], quiet: data_i[5], wide: data_i[4],
                      op: data_i[1:0]};

  always_comb begin
    case (word_i)
      RgWindow: write_ok = 1'b1;
      RgLocal, RgBytes, RgAddressLow, RgAddressHigh, RgOperandLow, RgOperandHigh, RgCompareLow,
      RgCompareHigh: write_ok = !busy;
      RgCommand: begin
        case (host_new.op)
          DO_STORE, DO_LOAD: write_ok = !busy && (host_new.word || !bad_move_q);
          DO_ATOMIC:         write_ok = !busy;
          default:           write_ok = 1'b0;
        endcase
      end
      default: write_ok = 1'b0;
    endcase
    if (!core_up_i) write_ok = 1'b0;
  end

  assign start = write_i && write_ok && (word_i == RgCommand);

  always_ff @(posedge clk_i or negedge core_rst_ni) begin
    if (!core_rst_ni) begin
      host_q    <= '0;
      local_q   <= '0;
      bytes_q   <= '0;
      address_q <= '0;
      operand_q <= '0;
      compare_q <= '0;
      window_q  <= '0;
    end else begin
      if (window_step) window_q <= window_q + (ByteW-1)'(1);
      if (write_i && write_ok) begin
        case (word_i)
          RgWindow:      window_q         <= data_i[ByteW:2];
          RgLocal:       local_q          <= data_i[ByteW-1:0];
          RgBytes:       bytes_q          <= data_i[MoveW-1:0];
          RgAddressLow:  address_q[31:0]  <= data_i;
          RgAddressHigh: address_q[63:32] <= data_i;
          RgOperandLow:  operand_q[31:0]  <= data_i;
          RgOperandHigh: operand_q[63:32] <= data_i;
          RgCompareLow:  compare_q[31:0]  <= data_i;
          RgCompareHigh: compare_q[63:32] <= data_i;
          default:       host_q           <= host_new;
        endcase
      end
    end
  end

  // A move is one burst, and bytes keep their lanes.
  logic [MoveW:0]   spread;    // from the first lane of the first beat on
  logic [ByteW+1:0] local_end;
  logic [13:0]      page_end;

  assign spread    = (MoveW + 1)'(address_q[2:0]) + (MoveW + 1)'(bytes_q);
  assign local_end = (ByteW + 2)'(local_q) + (ByteW + 2)'(bytes_q);
  assign page_end  = 14'(address_q[11:0]) + 14'(bytes_q);

  always_ff @(posedge clk_i) begin
    bad_move_q <= (bytes_q == '0) || (32'(spread) > MoveMost) || (local_q[2:0] != address_q[2:0])
               || (32'(local_end) > BYTES) || (32'(page_end) > Page);
  end

  logic        readable;
  logic [31:0] shown;

  always_comb begin
    readable = 1'b1;
    case (word_i)
      RgBytesThere:  shown = BYTES;
      RgWindow:      shown = 32'({window_q, 2'b0});
      RgLocal:       shown = 32'(local_q);
      RgBytes:       shown = 32'(bytes_q);
      RgAddressLow:  shown = address_q[31:0];
      RgAddressHigh: shown = address_q[63:32];
      RgOperandLow:  shown = operand_q[31:0];
      RgOperandHigh: shown = operand_q[63:32];
      RgCompareLow:  shown = compare_q[31:0];
      RgCompareHigh: shown = compare_q[63:32];
      RgCommand: begin
        shown = {20'b0, host_q.kind, 1'b0, host_q.word, host_q.quiet, host_q.wide, 2'b0,
                 host_q.op};
      end
      RgStatus: begin
        shown = {18'b0, timeout_q, decerr_q, status_q, 2'b0, resp_q, 2'b0, plane_up_i, busy};
      end
      RgResultLow:   shown = result_q[31:0];
      RgResultHigh:  shown = result_q[63:32];
      default: begin
        shown = '0;
        readable = 1'b0;
      end
    endcase
    if (!core_up_i) begin
      shown = '0;
      readable = 1'b0;
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) done_o <= 1'b0;
    else done_o <= write_i || read_i;
  end

  always_ff @(posedge clk_i) begin
    err_o  <= write_i ? !write_ok : !readable;
    data_o <= write_i ? '0 : shown;
  end

  // -------------------------------------------------------------------------------- the memory

  logic [1:0][AxiIdW-1:0] aw_id, ar_id;
  logic [1:0][63:0]       aw_addr, ar_addr;
  logic [1:0][7:0]        ar_len;
  logic [1:0][DATA_W-1:0] w_data;
  logic [1:0][Lanes-1:0]  w_strb;
  logic [1:0]             aw_valid, aw_ready, w_last, w_valid, w_ready, b_valid, b_ready;
  logic [1:0]             ar_valid, ar_ready, r_valid, r_ready;
  logic [AxiIdW-1:0]      b_id, r_id;
  logic [1:0]             b_resp, r_resp;
  logic [DATA_W-1:0]      r_data;
  logic                   r_last;
  logic                   put, ask, ask_ready;
  logic [RowW-1:0]        put_row, ask_row;
  logic [DATA_W-1:0]      put_data, ask_data;
  logic [Lanes-1:0]       put_strb;

  sp_board_ram #(
      .BYTES   (BYTES),
      .DATA_W  (DATA_W),
      .AXI_ID_W(AxiIdW),
      .SECOND  (Collectives)
  ) i_ram (
      .clk_i,
      .rst_ni      (core_rst_ni),
      .awid_i      (aw_id),
      .awaddr_i    (aw_addr),
      .awvalid_i   (aw_valid),
      .awready_o   (aw_ready),
      .wdata_i     (w_data),
      .wstrb_i     (w_strb),
      .wlast_i     (w_last),
      .wvalid_i    (w_valid),
      .wready_o    (w_ready),
      .bid_o       (b_id),
      .bresp_o     (b_resp),
      .bvalid_o    (b_valid),
      .bready_i    (b_ready),
      .arid_i      (ar_id),
      .araddr_i    (ar_addr),
      .arlen_i     (ar_len),
      .arvalid_i   (ar_valid),
      .arready_o   (ar_ready),
      .rid_o       (r_id),
      .rdata_o     (r_data),
      .rresp_o     (r_resp),
      .rlast_o     (r_last),
      .rvalid_o    (r_valid),
      .rready_i    (r_ready),
      .write_i     (put),
      .write_row_i (put_row),
      .write_data_i(put_data),
      .write_strb_i(put_strb),
      .read_i      (ask),
      .read_ready_o(ask_ready),
      .read_row_i  (ask_row),
      .read_data_o (ask_data)
  );

  // ------------------------------------------------------------------------------- the windows

  logic pop_wait_q;  // a word is to be read
  logic pop_got_q;   // it is there
  logic pop_none_q;  // there is none

  assign full_o      = window_q[ByteW-2];
  assign window_step = (push_i && !full_o) || pop_got_q;
  assign pop_ack_o   = pop_got_q || pop_none_q;
  assign pop_err_o   = pop_none_q;
  assign pop_word_o  = window_q[0] ? ask_data[63:32] : ask_data[31:0];

  always_ff @(posedge clk_i or negedge core_rst_ni) begin
    if (!core_rst_ni) begin
      pop_wait_q <= 1'b0;
      pop_got_q  <= 1'b0;
      pop_none_q <= 1'b0;
    end else begin
      if (pop_i) pop_wait_q <= !full_o;
      else if (ask_ready) pop_wait_q <= 1'b0;
      pop_got_q  <= pop_wait_q && ask_ready;
      pop_none_q <= pop_i && full_o;
    end
  end

  // ----------------------------------------------------------------------------- the host unit

  logic [RowW-1:0]   row_q;      // of the next beat
  logic [8:0]        beats_q;    // of the burst
  logic [8:0]        left_q;     // beats that are still to come or go
  logic              first_q;    // none has
  logic              got_q;      // a word of the memory comes
  logic              have_q;     // a beat is offered
  logic [DATA_W-1:0] beat_q;
  logic [2:0]        last_lane;  // of a move: that of its last byte
  logic [Lanes-1:0]  strb;       // bytes of the next beat
  logic              fetch;      // a word of the memory is wanted
  logic              came;       // a beat of a load
  logic              sent;       // a beat of a store
  logic              aw_take, ar_take;
  logic              s_awready, s_wready, s_bvalid, s_arready, s_rvalid, s_rlast;
  logic [1:0]        s_bresp, s_rresp;
  logic [DATA_W-1:0] s_rdata;
  logic              cmd_ready, res_valid;
  /* verilator lint_off UNUSEDSIGNAL */  // one command at a time: no use for its ID
  result_t           res;
  /* verilator lint_on UNUSEDSIGNAL */

  assign last_lane = address_q[2:0] + bytes_q[2:0] - 3'd1;

  always_comb begin
    strb = '1;
    if (host_q.word) begin
      // Beyond the word there is nothing, whatever its first lane.
      strb = host_q.wide ? '1 : address_q[2] ? 8'hf0 : 8'h0f;
      strb &= 8'hff << address_q[2:0];
    end else begin
      if (first_q) strb &= 8'hff << address_q[2:0];
      if (left_q == 9'd1) strb &= 8'hff >> (3'd7 - last_lane);
    end
  end

  assign aw_take = (state_q == H_ADDRESS) && (host_q.op == DO_STORE);
  assign ar_take = (state_q == H_ADDRESS) && (host_q.op == DO_LOAD);
  assign came    = (state_q == H_LOAD) && s_rvalid && !push_i;
  assign sent    = have_q && s_wready;
  assign fetch   = (state_q == H_STORE) && !host_q.word && !got_q && !have_q && !pop_wait_q;

  assign put      = (push_i && !full_o) || (came && !host_q.word && !s_rresp[1]);
  assign put_row  = push_i ? window_q[ByteW-3:1] : row_q;
  assign put_data = push_i ? {data_i, data_i} : s_rdata;
  assign put_strb = !push_i ? strb : window_q[0] ? 8'hf0 : 8'h0f;
  assign ask      = pop_wait_q || fetch;
  assign ask_row  = pop_wait_q ? window_q[ByteW-3:1] : row_q;

  always_ff @(posedge clk_i or negedge core_rst_ni) begin
    if (!core_rst_ni) begin
      state_q <= H_IDLE;
      got_q   <= 1'b0;
      have_q  <= 1'b0;
    end else begin
      got_q <= fetch && ask_ready;
      if (sent) have_q <= 1'b0;
      else if (got_q || (aw_take && s_awready && host_q.word)) have_q <= 1'b1;
      case (state_q)
        H_IDLE:    if (start) state_q <= (host_new.op == DO_ATOMIC) ? H_ATOMIC : H_ADDRESS;
        H_ADDRESS: begin
          if (aw_take && s_awready) state_q <= H_STORE;
          if (ar_take && s_arready) state_q <= H_LOAD;
        end
        H_STORE:   if (sent && (left_q == 9'd1)) state_q <= H_STORED;
        H_STORED:  if (s_bvalid) state_q <= H_IDLE;
        H_LOAD:    if (came && s_rlast) state_q <= H_IDLE;
        H_ATOMIC:  if (cmd_ready) state_q <= H_RESULT;
        default:   if (res_valid) state_q <= H_IDLE;
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    if (state_q == H_ADDRESS) begin
      row_q   <= local_q[ByteW-1:3];
      left_q  <= beats_q;
      first_q <= 1'b1;
    end else if (sent || came) begin
      row_q   <= row_q + RowW'(1);
      left_q  <= left_q - 9'd1;
      first_q <= 1'b0;
    end
    // The command is there a cycle before the address is offered for the first time.
    if (start) beats_q <= host_new.word ? 9'd1 : 9'((spread + (MoveW + 1)'(7)) >> 3);
    if (got_q) beat_q <= ask_data;
    else if (aw_take) beat_q <= host_q.wide ? operand_q : {2{operand_q[31:0]}};
  end

  always_ff @(posedge clk_i or negedge core_rst_ni) begin
    if (!core_rst_ni) begin
      resp_q    <= RESP_OKAY;
      status_q  <= ST_OK;
      decerr_q  <= 1'b0;
      timeout_q <= 1'b0;
      result_q  <= '0;
    end else begin
      if (start) begin
        resp_q    <= RESP_OKAY;
        status_q  <= ST_OK;
        decerr_q  <= 1'b0;
        timeout_q <= 1'b0;
        result_q  <= '0;
      end
      // Of several answers the worst: DECERR is the highest.
      if (came && (s_rresp > resp_q)) resp_q <= s_rresp;
      if ((state_q == H_STORED) && s_bvalid) resp_q <= s_bresp;
      if (came && host_q.word) begin
        result_q <= host_q.wide ? s_rdata
                                : {32'b0, address_q[2] ? s_rdata[63:32] : s_rdata[31:0]};
      end
      if ((state_q == H_RESULT) && res_valid) begin
        status_q  <= res.status;
        decerr_q  <= res.decerr;
        timeout_q <= res.timeout;
        result_q  <= res.old;
      end
    end
  end

  // ------------------------------------------------------------------------------ the endpoint

  logic [2:0] size;
  logic [7:0] s_len;
  command_t   cmd;

  assign size  = (host_q.word && !host_q.wide) ? 3'd2 : 3'd3;
  assign s_len = 8'(beats_q - 9'd1);
  assign cmd   = '{id: '0, wide: host_q.wide, quiet: host_q.quiet, kind: host_q.kind,
                   addr: address_q, operand: operand_q, compare: compare_q};

  // What the memory has no use for: one ID at a time, normal accesses, bursts of whole beats.
  /* verilator lint_off UNUSEDSIGNAL */
  logic [1:0]      m_awlock_arlock;
  logic [3:0]      m_awcache, m_arcache, m_awqos, m_arqos;
  logic [2:0]      m_awprot, m_arprot;
  logic [1:0][7:0] aw_len;
  logic [1:0][2:0] aw_size, ar_size;
  logic [1:0][1:0] aw_burst, ar_burst;
  logic [AxiIdW-1:0] s_bid, s_rid;
  logic            col_cmd_ready, col_res_valid;
  collective_result_t col_res;
  /* verilator lint_on UNUSEDSIGNAL */

  sp_endpoint #(
      .FLIT_W    (FLIT_W),
      .DATA_W    (DATA_W),
      .AXI_ID_W  (AxiIdW),
      .N_TAGS    (8),
      .N_REGIONS (2),
      .N_PLANES  (1),
      .N_ACTIVE  (2),
      .N_ATOMICS (2),
      .COLLECTIVES(Collectives),
      .N_GROUPS  (1),
      .REQ_FLITS (64),
      .CHECK     (CHECK)
  ) i_endpoint (
      .clk_i,
      .rst_ni         (core_rst_ni),
      .plane_up_i,
      .irq_o,
      .csr_awvalid_i,
      .csr_awready_o,
      .csr_awaddr_i,
      .csr_awprot_i,
      .csr_wvalid_i,
      .csr_wready_o,
      .csr_wdata_i,
      .csr_wstrb_i,
      .csr_bvalid_o,
      .csr_bready_i,
      .csr_bresp_o,
      .csr_arvalid_i,
      .csr_arready_o,
      .csr_araddr_i,
      .csr_arprot_i,
      .csr_rvalid_o,
      .csr_rready_i,
      .csr_rdata_o,
      .csr_rresp_o,
      .s_axi_awid_i   ('0),
      .s_axi_awaddr_i (address_q),
      .s_axi_awlen_i  (s_len),
      .s_axi_awsize_i (size),
      .s_axi_awburst_i(2'd1),
      .s_axi_awlock_i (1'b0),
      .s_axi_awcache_i('0),
      .s_axi_awprot_i ('0),
      .s_axi_awqos_i  ('0),
      .s_axi_awvalid_i(aw_take),
      .s_axi_awready_o(s_awready),
      .s_axi_wdata_i  (beat_q),
      .s_axi_wstrb_i  (strb),
      .s_axi_wlast_i  (left_q == 9'd1),
      .s_axi_wvalid_i (have_q),
      .s_axi_wready_o (s_wready),
      .s_axi_bid_o    (s_bid),
      .s_axi_bresp_o  (s_bresp),
      .s_axi_bvalid_o (s_bvalid),
      .s_axi_bready_i (state_q == H_STORED),
      .s_axi_arid_i   ('0),
      .s_axi_araddr_i (address_q),
      .s_axi_arlen_i  (s_len),
      .s_axi_arsize_i (size),
      .s_axi_arburst_i(2'd1),
      .s_axi_arlock_i (1'b0),
      .s_axi_arcache_i('0),
      .s_axi_arprot_i ('0),
      .s_axi_arqos_i  ('0),
      .s_axi_arvalid_i(ar_take),
      .s_axi_arready_o(s_arready),
      .s_axi_rid_o    (s_rid),
      .s_axi_rdata_o  (s_rdata),
      .s_axi_rresp_o  (s_rresp),
      .s_axi_rlast_o  (s_rlast),
      .s_axi_rvalid_o (s_rvalid),
      .s_axi_rready_i ((state_q == H_LOAD) && !push_i),
      .cmd_valid_i    (state_q == H_ATOMIC),
      .cmd_ready_o    (cmd_ready),
      .cmd_i          (cmd),
      .res_valid_o    (res_valid),
      .res_ready_i    (state_q == H_RESULT),
      .res_o          (res),
      .col_cmd_valid_i(1'b0),
      .col_cmd_ready_o(col_cmd_ready),
      .col_cmd_i      ('0),
      .col_res_valid_o(col_res_valid),
      .col_res_ready_i(1'b1),
      .col_res_o      (col_res),
      .m_axi_awid_o   (aw_id[0]),
      .m_axi_awaddr_o (aw_addr[0]),
      .m_axi_awlen_o  (aw_len[0]),
      .m_axi_awsize_o (aw_size[0]),
      .m_axi_awburst_o(aw_burst[0]),
      .m_axi_awlock_o (m_awlock_arlock[0]),
      .m_axi_awcache_o(m_awcache),
      .m_axi_awprot_o (m_awprot),
      .m_axi_awqos_o  (m_awqos),
      .m_axi_awvalid_o(aw_valid[0]),
      .m_axi_awready_i(aw_ready[0]),
      .m_axi_wdata_o  (w_data[0]),
      .m_axi_wstrb_o  (w_strb[0]),
      .m_axi_wlast_o  (w_last[0]),
      .m_axi_wvalid_o (w_valid[0]),
      .m_axi_wready_i (w_ready[0]),
      .m_axi_bid_i    (b_id),
      .m_axi_bresp_i  (b_resp),
      .m_axi_bvalid_i (b_valid[0]),
      .m_axi_bready_o (b_ready[0]),
      .m_axi_arid_o   (ar_id[0]),
      .m_axi_araddr_o (ar_addr[0]),
      .m_axi_arlen_o  (ar_len[0]),
      .m_axi_arsize_o (ar_size[0]),
      .m_axi_arburst_o(ar_burst[0]),
      .m_axi_arlock_o (m_awlock_arlock[1]),
      .m_axi_arcache_o(m_arcache),
      .m_axi_arprot_o (m_arprot),
      .m_axi_arqos_o  (m_arqos),
      .m_axi_arvalid_o(ar_valid[0]),
      .m_axi_arready_i(ar_ready[0]),
      .m_axi_rid_i    (r_id),
      .m_axi_rdata_i  (r_data),
      .m_axi_rresp_i  (r_resp),
      .m_axi_rlast_i  (r_last),
      .m_axi_rvalid_i (r_valid[0]),
      .m_axi_rready_o (r_ready[0]),
      .c_axi_awid_o   (aw_id[1]),
      .c_axi_awaddr_o (aw_addr[1]),
      .c_axi_awlen_o  (aw_len[1]),
      .c_axi_awsize_o (aw_size[1]),
      .c_axi_awburst_o(aw_burst[1]),
      .c_axi_awvalid_o(aw_valid[1]),
      .c_axi_awready_i(aw_ready[1]),
      .c_axi_wdata_o  (w_data[1]),
      .c_axi_wstrb_o  (w_strb[1]),
      .c_axi_wlast_o  (w_last[1]),
      .c_axi_wvalid_o (w_valid[1]),
      .c_axi_wready_i (w_ready[1]),
      .c_axi_bid_i    (b_id),
      .c_axi_bresp_i  (b_resp),
      .c_axi_bvalid_i (b_valid[1]),
      .c_axi_bready_o (b_ready[1]),
      .c_axi_arid_o   (ar_id[1]),
      .c_axi_araddr_o (ar_addr[1]),
      .c_axi_arlen_o  (ar_len[1]),
      .c_axi_arsize_o (ar_size[1]),
      .c_axi_arburst_o(ar_burst[1]),
      .c_axi_arvalid_o(ar_valid[1]),
      .c_axi_arready_i(ar_ready[1]),
      .c_axi_rid_i    (r_id),
      .c_axi_rdata_i  (r_data),
      .c_axi_rresp_i  (r_resp),
      .c_axi_rlast_i  (r_last),
      .c_axi_rvalid_i (r_valid[1]),
      .c_axi_rready_o (r_ready[1]),
      .tx_tvalid_o    (s_tvalid_o),
      .tx_tready_i    (s_tready_i),
      .tx_tdata_o     (s_tdata_o),
      .tx_tuser_o     (s_tuser_o),
      .tx_tlast_o     (s_tlast_o),
      .tx_vc_room_i   (s_room_i),
      .rx_tvalid_i    (m_tvalid_i),
      .rx_tready_o    (m_tready_o),
      .rx_tdata_i     (m_tdata_i),
      .rx_tuser_i     (m_tuser_i),
      .rx_tlast_i     (m_tlast_i),
      .rx_vc_room_o   (m_room_o)
  );

endmodule
