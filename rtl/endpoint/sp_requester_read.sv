// SPDX-License-Identifier: Apache-2.0
//
// Loads: from read addresses to requests, one for each block of 256 bytes that a burst touches, and
// from ended requests to read data. A burst that is refused is one request that has ended.

module sp_requester_read
  import sp_pkg::*;
  import sp_endpoint_pkg::*;
  import sp_requester_pkg::*;
#(
    /// Bits of a flit: 128, 256 or 512.
    parameter int unsigned FLIT_W    = 128,
    /// Bits of the bus: 64 to FLIT_W.
    parameter int unsigned DATA_W    = 128,
    /// Bits of an ID on the bus.
    parameter int unsigned AXI_ID_W  = 4,
    /// Requests.
    parameter int unsigned N         = 16,
    localparam int unsigned IdxW     = $clog2(N),
    localparam int unsigned U        = FLIT_W / UNIT_W,
    localparam int unsigned RowW     = IdxW + $clog2(MAX_UNITS / U),
    /// Bits that are kept for the end of a request.
    localparam int unsigned RetW     = AXI_ID_W + 22
) (
    /// Clock.
    input  logic                    clk_i,
    /// Reset, active low, asynchronous.
    input  logic                    rst_ni,
    /// AXI4 read address.
    input  logic [AXI_ID_W-1:0]     arid_i,
    /// First byte.
    input  logic [AXI_ADDR_W-1:0]   araddr_i,
    /// Beats less one.
    input  logic [7:0]              arlen_i,
    /// Bytes of a beat, as a power of two.
    input  logic [2:0]              arsize_i,
    /// Kind of burst.
    input  logic [1:0]              arburst_i,
    /// An address comes.
    input  logic                    arvalid_i,
    /// It is taken.
    output logic                    arready_o,
    /// AXI4 read data: ID.
    output logic [AXI_ID_W-1:0]     rid_o,
    /// Data; zero with an error.
    output logic [DATA_W-1:0]       rdata_o,
    /// Response.
    output logic [1:0]              rresp_o,
    /// Last beat of its burst.
    output logic                    rlast_o,
    /// A beat.
    output logic                    rvalid_o,
    /// It is taken.
    input  logic                    rready_i,
    /// A request is made.
    output logic                    make_o,
    /// Its packet.
    output ask_t                    make_ask_o,
    /// What is kept for its end.
    output logic [RetW-1:0]         make_ret_o,
    /// Nothing is to be sent.
    output logic                    make_ended_o,
    /// An address for the map.
    output logic                    map_valid_o,
    /// It is taken; only when there is room for its request.
    input  logic                    map_ready_i,
    /// The address.
    output logic [AXI_ADDR_W-1:0]   map_addr_o,
    /// The map tells what has become of it.
    input  logic                    map_valid_i,
    /// It lies in a region.
    input  logic                    map_found_i,
    /// The region keeps all order.
    input  logic                    map_strict_i,
    /// Destination.
    input  logic [ID_W-1:0]         map_dst_i,
    /// Address there.
    input  logic [ADDR_W-1:0]       map_to_i,
    /// The oldest request has ended.
    input  logic                    done_i,
    /// How.
    input  end_e                    done_end_i,
    /// What was kept for it.
    input  logic [RetW-1:0]         done_ret_i,
    /// Response in its answer.
    input  logic [1:0]              done_resp_i,
    /// Its place.
    input  logic [IdxW-1:0]         done_place_i,
    /// It is let go.
    output logic                    pop_o,
    /// Its response.
    output logic [1:0]              pop_resp_o,
    /// Read a row.
    output logic                    read_o,
    /// Row of each bank.
    output logic [U-1:0][RowW-1:0]  read_row_o,
    /// Data, in the next cycle.
    input  logic [FLIT_W-1:0]       read_data_i
);

  localparam int unsigned Words = FLIT_W / DATA_W;
  localparam int unsigned ByteW = $clog2(DATA_W / 8);
  localparam int unsigned WordW = (Words > 1) ? $clog2(Words) : 1;

  /// A burst.
  typedef struct packed {
    logic [AXI_ID_W-1:0]   id;
    logic [AXI_ADDR_W-1:0] addr;
    logic [7:0]            len;
    logic [2:0]            size;
    logic [1:0]            burst;
  } burst_t;

  /// What is kept for the end of a request.
  typedef struct packed {
    logic [AXI_ID_W-1:0] id;
    logic [7:0]          offset;  // of the first byte in the block
    logic [7:0]          beats;   // less one
    logic [2:0]          size;
    logic                last;    // of its burst
    logic [1:0]          resp;    // of what was not to be sent
  } ret_t;

  /// What goes beside the address map.
  typedef struct packed {
    ret_t       ret;
    logic       refused;
    logic [3:0] last_unit;
  } beside_t;

  // ----------------------------------------------------------------------- bursts into blocks

  logic   ar_valid;
  logic   ar_ready;
  burst_t ar;

  sp_skid_buffer #(
      .WIDTH($bits(burst_t))
  ) u_ar (
      .clk_i,
      .rst_ni,
      .valid_i(arvalid_i),
      .ready_o(arready_o),
      .data_i ({arid_i, araddr_i, arlen_i, arsize_i, arburst_i}),
      .valid_o(ar_valid),
      .ready_i(ar_ready),
      .data_o (ar)
  );

  logic                  busy_q;
  burst_t                burst_q;
  logic                  refused_q;
  logic [AXI_ADDR_W-1:0] end_q;  // last byte of the burst
  logic                  refused;
  logic [6:0]            in_beat;  // bits of an address within a beat
  logic [AXI_ADDR_W-1:0] last_byte;

  // FIXED of one beat is INCR of one.
  assign refused   = ar.burst[1] || (ar.burst == 2'b00 && ar.len != '0) ||
                     32'(ar.size) > ByteW;
  // Of the first beat, and the other ones behind it.
  assign in_beat   = 7'((8'd1 << ar.size) - 8'd1);
  assign last_byte = (ar.addr | AXI_ADDR_W'(in_beat)) + AXI_ADDR_W'(15'(ar.len) << ar.size);

  logic unused;
  assign unused = &{1'b0, burst_q.burst, map_to_i[3:0]};

  logic    block_last;
  logic    block_go;
  beside_t block;

  assign block_last = refused_q || end_q[AXI_ADDR_W-1:8] == burst_q.addr[AXI_ADDR_W-1:8];
  assign block_go   = busy_q && map_ready_i;
  assign ar_ready   = !busy_q || (block_go && block_last);

  always_comb begin
    logic [7:0] last_of_block;
    last_of_block    = block_last ? end_q[7:0] : 8'hFF;
    block.ret.id     = burst_q.id;
    block.ret.offset = burst_q.addr[7:0];
    block.ret.beats  = refused_q ? burst_q.len :
                       (last_of_block >> burst_q.size) - (burst_q.addr[7:0] >> burst_q.size);
    block.ret.size   = burst_q.size;
    block.ret.last   = block_last;
    block.ret.resp   = '0;
    block.refused    = refused_q;
    block.last_unit  = last_of_block[7:4];
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) busy_q <= 1'b0;
    else if (ar_ready) busy_q <= ar_valid;
  end

  always_ff @(posedge clk_i) begin
    if (ar_ready) begin
      burst_q   <= ar;
      refused_q <= refused;
      end_q     <= last_byte;
    end else if (block_go) begin
      burst_q.addr <= {burst_q.addr[AXI_ADDR_W-1:8] + (AXI_ADDR_W - 8)'(1), 8'd0};
    end
  end

  // -------------------------------------------------------------------------------- requests

  beside_t           mapped;
  ret_t              make_ret;

  // Beside the map.
  always_ff @(posedge clk_i) begin
    if (block_go) mapped <= block;
  end

  assign map_valid_o  = busy_q;
  assign map_addr_o   = burst_q.addr;
  assign make_o       = map_valid_i;
  assign make_ended_o = mapped.refused || !map_found_i;
  assign make_ret_o   = make_ret;

  always_comb begin
    make_ask_o             = '0;
    make_ask_o.dst         = map_dst_i;
    make_ask_o.mem.relaxed = !map_strict_i;
    make_ask_o.mem.arg     = mapped.last_unit - map_to_i[7:4];
    make_ask_o.mem.addr    = {map_to_i[ADDR_W-1:4], 4'd0};

    make_ret      = mapped.ret;
    make_ret.resp = mapped.refused ? RESP_SLVERR : RESP_DECERR;
  end

  // ------------------------------------------------------------------------------- read data

  ret_t                ret;
  logic [1:0]          resp;
  logic                begun_q;   // the oldest request has given a beat
  logic [7:0]          offset_q;  // of its next beat
  logic [7:0]          left_q;
  logic [7:0]          offset;
  logic [7:0]          left;
  logic                go;
  logic                r_valid_q;
  logic [AXI_ID_W-1:0] r_id_q;
  logic [1:0]          r_resp_q;
  logic                r_last_q;
  logic [WordW-1:0]    r_word_q;

  assign ret    = done_ret_i;
  assign resp   = (done_end_i == END_INSIDE) ? ret.resp :
                  (done_end_i == END_ANSWER) ? done_resp_i : RESP_SLVERR;
  assign offset = begun_q ? offset_q : ret.offset;
  assign left   = begun_q ? left_q : ret.beats;
  assign go     = done_i && (!r_valid_q || rready_i);
  assign pop_o  = go && left == '0;
  assign pop_resp_o = resp;

  assign read_o = go;
  for (genvar b = 0; b < U; b++) begin : g_row
    assign read_row_o[b] = {done_place_i, offset[7 : $clog2(FLIT_W / 8)]};
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      begun_q   <= 1'b0;
      r_valid_q <= 1'b0;
    end else begin
      if (go) begun_q <= left != '0;
      if (!r_valid_q || rready_i) r_valid_q <= done_i;
    end
  end

  always_ff @(posedge clk_i) begin
    if (go) begin
      offset_q <= ((offset >> ret.size) + 8'd1) << ret.size;
      left_q   <= left - 8'd1;
      r_id_q   <= ret.id;
      r_resp_q <= resp;
      r_last_q <= ret.last && left == '0;
      r_word_q <= (Words > 1) ? offset[ByteW +: WordW] : '0;
    end
  end

  assign rvalid_o = r_valid_q;
  assign rid_o    = r_id_q;
  assign rresp_o  = r_resp_q;
  assign rlast_o  = r_last_q;
  assign rdata_o  = (r_resp_q == RESP_OKAY) ? read_data_i[DATA_W*r_word_q +: DATA_W] : '0;

endmodule
