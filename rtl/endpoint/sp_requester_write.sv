// SPDX-License-Identifier: Apache-2.0
//
// Stores: from write addresses and data to requests and their payload, and from ended requests to
// write responses. A block of 256 bytes is gathered in a buffer; when its last beat has come it
// becomes one request, or two if it has holes and spans more than 8 units. What no strobe names is
// zero in the buffer. A burst that is refused is one request that has ended.

module sp_requester_write
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
    /// Buffers of 256 bytes.
    parameter int unsigned N         = 16,
    localparam int unsigned IdxW     = $clog2(N),
    localparam int unsigned U        = FLIT_W / UNIT_W,
    localparam int unsigned RowW     = IdxW + $clog2(MAX_UNITS / U),
    /// Bits that are kept for the end of a request.
    localparam int unsigned RetW     = AXI_ID_W + 4
) (
    /// Clock.
    input  logic                    clk_i,
    /// Reset, active low, asynchronous.
    input  logic                    rst_ni,
    /// AXI4 write address.
    input  logic [AXI_ID_W-1:0]     awid_i,
    /// First byte.
    input  logic [AXI_ADDR_W-1:0]   awaddr_i,
    /// Beats less one.
    input  logic [7:0]              awlen_i,
    /// Bytes of a beat, as a power of two.
    input  logic [2:0]              awsize_i,
    /// Kind of burst.
    input  logic [1:0]              awburst_i,
    /// An address comes.
    input  logic                    awvalid_i,
    /// It is taken.
    output logic                    awready_o,
    /// AXI4 write data.
    input  logic [DATA_W-1:0]       wdata_i,
    /// Bytes that are written.
    input  logic [DATA_W/8-1:0]     wstrb_i,
    /// A beat.
    input  logic                    wvalid_i,
    /// It is taken.
    output logic                    wready_o,
    /// AXI4 write response: ID.
    output logic [AXI_ID_W-1:0]     bid_o,
    /// Response: the worst of the blocks.
    output logic [1:0]              bresp_o,
    /// A response.
    output logic                    bvalid_o,
    /// It is taken.
    input  logic                    bready_i,
    /// A request is made.
    output logic                    make_o,
    /// Its packet.
    output ask_t                    make_ask_o,
    /// {buffer, strobes}.
    output logic [EXTRA_W-1:0]      make_extra_o,
    /// What is kept for its end.
    output logic [RetW-1:0]         make_ret_o,
    /// Nothing is to be sent.
    output logic                    make_ended_o,
    /// An address for the map.
    output logic                    map_valid_o,
    /// They may be two.
    output logic                    map_two_o,
    /// It is taken; only when there is room for its requests.
    input  logic                    map_ready_i,
    /// The address.
    output logic [AXI_ADDR_W-1:0]   map_addr_o,
    /// The map tells what has become of it.
    input  logic                    map_valid_i,
    /// That is needed no longer.
    output logic                    map_taken_o,
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
    /// It is let go.
    output logic                    pop_o,
    /// Its response.
    output logic [1:0]              pop_resp_o,
    /// Write banks of the buffers.
    output logic [U-1:0]            write_o,
    /// Row of each.
    output logic [U-1:0][RowW-1:0]  write_row_o,
    /// Data.
    output logic [FLIT_W-1:0]       write_data_o
);

  localparam int unsigned Words  = FLIT_W / DATA_W;
  localparam int unsigned ByteW  = $clog2(DATA_W / 8);
  localparam int unsigned WordW  = (Words > 1) ? $clog2(Words) : 1;
  localparam int unsigned FlitBW = $clog2(FLIT_W / 8);
  localparam int unsigned Block  = UNIT_BYTES * MAX_UNITS;

  /// A burst.
  typedef struct packed {
    logic [AXI_ID_W-1:0]   id;
    logic [AXI_ADDR_W-1:0] addr;
    logic [7:0]            len;
    logic [2:0]            size;
    logic [1:0]            burst;
  } burst_t;

  /// A beat.
  typedef struct packed {
    logic [DATA_W-1:0]   data;
    logic [DATA_W/8-1:0] strb;
  } beat_t;

  /// What is kept for the end of a request.
  typedef struct packed {
    logic [AXI_ID_W-1:0] id;
    logic                last;   // of its burst
    logic                frees;  // last of its buffer
    logic [1:0]          resp;   // of what was not to be sent
  } ret_t;

  /// A run of units.
  typedef struct packed {
    logic [3:0]       first;
    logic [LEN_W-1:0] len;
    logic             holes;  // not all of its bytes are written
  } run_t;

  /// What goes beside the address map.
  typedef struct packed {
    logic [AXI_ID_W-1:0] id;
    logic                last;
    logic                refused;
    logic                none;    // no byte is written
    logic                two;     // there is a second run
    logic [IdxW-1:0]     buffer;
    run_t                one;
    run_t                other;
    logic [Block-1:0]    strobes; // of the whole block
  } beside_t;

  // -------------------------------------------------------------------------------- addresses

  logic   aw_valid;
  logic   aw_ready;
  burst_t aw;

  sp_skid_buffer #(
      .WIDTH($bits(burst_t))
  ) u_aw (
      .clk_i,
      .rst_ni,
      .valid_i(awvalid_i),
      .ready_o(awready_o),
      .data_i ({awid_i, awaddr_i, awlen_i, awsize_i, awburst_i}),
      .valid_o(aw_valid),
      .ready_i(aw_ready),
      .data_o (aw)
  );

  logic  w_valid;
  logic  w_ready;
  beat_t w;

  sp_skid_buffer #(
      .WIDTH($bits(beat_t))
  ) u_w (
      .clk_i,
      .rst_ni,
      .valid_i(wvalid_i),
      .ready_o(wready_o),
      .data_i ({wdata_i, wstrb_i}),
      .valid_o(w_valid),
      .ready_i(w_ready),
      .data_o (w)
  );

  // ------------------------------------------------------------------------------------- beats

  logic                  busy_q;
  burst_t                burst_q;  // its address is that of the next beat, len counts down
  logic                  refused_q;
  logic [IdxW-1:0]       buffer_q;  // that is filled
  logic [IdxW:0]         used_q;    // filled ones, until their requests have ended
  logic                  freed;
  logic                  closed_q;  // a block has been filled

  logic [6:0]            in_beat;  // bits of an address within a beat
  logic [AXI_ADDR_W-1:0] next;
  logic                  go;
  logic                  last;
  logic                  row_end;
  logic                  block_end;
  logic                  close;

  assign w_ready  = busy_q && !used_q[IdxW] && (!closed_q || map_ready_i);
  assign go       = w_valid && w_ready;
  assign aw_ready = !busy_q || (go && last);

  // To the next multiple of the size of a beat.
  assign in_beat   = 7'((8'd1 << burst_q.size) - 8'd1);
  assign next      = (burst_q.addr | AXI_ADDR_W'(in_beat)) + AXI_ADDR_W'(1);
  assign last      = burst_q.len == '0;
  assign block_end = last || next[8] != burst_q.addr[8];
  assign row_end   = block_end || next[FlitBW] != burst_q.addr[FlitBW];
  assign close     = go && (refused_q ? last : block_end);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      busy_q   <= 1'b0;
      buffer_q <= '0;
      used_q   <= '0;
    end else begin
      if (aw_ready) busy_q <= aw_valid;
      if (close) buffer_q <= buffer_q + IdxW'(1);
      used_q <= used_q + (IdxW + 1)'(close) - (IdxW + 1)'(freed);
    end
  end

  always_ff @(posedge clk_i) begin
    if (aw_ready) begin
      burst_q   <= aw;
      refused_q <= aw.burst[1] || (aw.burst == 2'b00 && aw.len != '0) || 32'(aw.size) > ByteW;
    end else if (go) begin
      burst_q.addr <= next;
      burst_q.len  <= burst_q.len - 8'd1;
    end
  end

  // A row of the buffer is written when its last beat has come. What a block begins with takes the
  // place of the strobes that were there: they stay until the block goes, so they need no other
  // place to wait in.
  logic [FLIT_W-1:0] row_q;        // what has come of it, the rest is zero
  logic [FLIT_W-1:0] row;
  logic [Block-1:0]  strobes_q;    // of the block, or the last one that was closed
  logic              block_new_q;  // the next beat begins a block
  logic [DATA_W-1:0] written;
  logic [WordW-1:0]  word;

  assign word = (Words > 1) ? burst_q.addr[ByteW +: WordW] : '0;

  always_comb begin
    for (int unsigned b = 0; b < DATA_W / 8; b++) begin
      written[8*b +: 8] = w.strb[b] ? w.data[8*b +: 8] : 8'd0;
    end
    row = row_q;
    // Beats of one word name different bytes of it.
    for (int unsigned k = 0; k < Words; k++) begin
      if (word == WordW'(k)) row[DATA_W*k +: DATA_W] |= written;
    end
  end

  assign write_o      = {U{go && row_end && !refused_q}};
  assign write_data_o = row;
  for (genvar b = 0; b < U; b++) begin : g_row
    assign write_row_o[b] = {buffer_q, burst_q.addr[7:FlitBW]};
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) block_new_q <= 1'b1;
    else if (go && !refused_q) block_new_q <= block_end;
  end

  always_ff @(posedge clk_i) begin
    // Zero when a burst is taken and behind each row, so that it costs no gate in front of a row.
    if (aw_ready || (go && row_end)) row_q <= '0;
    else if (go) row_q <= row;
    if (go && !refused_q) begin
      strobes_q <= (block_new_q ? '0 : strobes_q) |
                   (Block'(w.strb) << {burst_q.addr[7:ByteW], ByteW'(0)});
    end
  end

  // ------------------------------------------------------------------------------------ blocks

  logic [AXI_ADDR_W-1:0] closed_addr_q;
  logic [AXI_ID_W-1:0]   closed_id_q;
  logic                  closed_last_q;
  logic                  closed_refused_q;
  logic [IdxW-1:0]       closed_buffer_q;
  beside_t               block;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) closed_q <= 1'b0;
    else if (!closed_q || map_ready_i) closed_q <= close;
  end

  always_ff @(posedge clk_i) begin
    if (close) begin
      closed_addr_q    <= {burst_q.addr[AXI_ADDR_W-1:8], 8'd0};
      closed_id_q      <= burst_q.id;
      closed_last_q    <= last;
      closed_refused_q <= refused_q;
      closed_buffer_q  <= buffer_q;
    end
  end

  /// The lowest one of 16 bits.
  function automatic logic [3:0] lowest(logic [MAX_UNITS-1:0] bits);
    lowest = '0;
    for (int unsigned k = MAX_UNITS; k > 0; k--) if (bits[k-1]) lowest = 4'(k - 1);
  endfunction

  /// The highest one of 16 bits.
  function automatic logic [3:0] highest(logic [MAX_UNITS-1:0] bits);
    highest = '0;
    for (int unsigned k = 0; k < MAX_UNITS; k++) if (bits[k]) highest = 4'(k);
  endfunction

  /// The run of the units of `any`, of which those of `all` are written as a whole.
  function automatic run_t run_of(logic [MAX_UNITS-1:0] any, logic [MAX_UNITS-1:0] all);
    logic [3:0]           end_unit;
    logic [MAX_UNITS-1:0] units;
    end_unit       = highest(any);
    run_of.first   = lowest(any);
    run_of.len     = LEN_W'(end_unit) - LEN_W'(run_of.first) + LEN_W'(1);
    units          = (~MAX_UNITS'(0) << run_of.first) &
                     (~MAX_UNITS'(0) >> (4'(MAX_UNITS - 1) - end_unit));
    run_of.holes   = (units & ~all) != '0;
  endfunction

  logic [MAX_UNITS-1:0] any;
  logic [MAX_UNITS-1:0] all;
  logic [MAX_UNITS-1:0] near;  // as far as strobes reach
  run_t                 whole;

  always_comb begin
    for (int unsigned k = 0; k < MAX_UNITS; k++) begin
      any[k] = |strobes_q[UNIT_BYTES*k +: UNIT_BYTES];
      all[k] = &strobes_q[UNIT_BYTES*k +: UNIT_BYTES];
    end
    whole = run_of(any, all);
    near  = MAX_UNITS'((1 << STROBE_UNITS) - 1) << whole.first;

    block.id      = closed_id_q;
    block.last    = closed_last_q;
    block.refused = closed_refused_q;
    block.none    = any == '0;
    block.two     = whole.holes && (any & ~near) != '0;
    block.buffer  = closed_buffer_q;
    block.one     = block.two ? run_of(any & near, all) : whole;
    block.other   = run_of(any & ~near, all);
    block.strobes = strobes_q;
  end

  // ---------------------------------------------------------------------------------- requests

  beside_t           mapped;
  logic              second_q;  // the first of two has been made
  logic              two;
  run_t              run;
  ret_t              make_ret;

  // Beside the map.
  always_ff @(posedge clk_i) begin
    if (closed_q && map_ready_i) mapped <= block;
  end

  logic unused;
  assign unused = &{1'b0, burst_q.burst, map_to_i[7:0]};

  assign map_valid_o  = closed_q;
  assign map_two_o    = block.two;
  assign map_addr_o   = closed_addr_q;
  assign make_ended_o = mapped.refused || !map_found_i || mapped.none;
  assign two          = mapped.two && !make_ended_o;
  assign make_o       = map_valid_i;
  assign map_taken_o  = !two || second_q;
  assign run          = second_q ? mapped.other : mapped.one;
  assign make_ret_o   = make_ret;
  // Strobes of the run, to the front. Here, where it is one run at a time, and by the widest steps
  // first: what only narrower ones could bring to the front falls away.
  logic [Block-1:0]  moved;
  logic [UNIT_W-1:0] front;
  always_comb begin
    moved = mapped.strobes;
    for (int unsigned k = 4; k > 0; k--) begin
      if (run.first[k-1]) moved >>= UNIT_BYTES << (k - 1);
    end
    front = moved[UNIT_W-1:0];
  end
  assign make_extra_o = EXTRA_W'({mapped.buffer, front});

  always_comb begin
    make_ask_o             = '0;
    make_ask_o.strobes     = run.holes;
    make_ask_o.len         = run.len;
    make_ask_o.dst         = map_dst_i;
    make_ask_o.mem.relaxed = !map_strict_i;
    make_ask_o.mem.addr    = {map_to_i[ADDR_W-1:8], run.first, 4'd0};

    make_ret.id    = mapped.id;
    make_ret.last  = mapped.last && (!two || second_q);
    make_ret.frees = !two || second_q;
    make_ret.resp  = mapped.refused ? RESP_SLVERR : (!map_found_i ? RESP_DECERR : RESP_OKAY);
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) second_q <= 1'b0;
    else if (make_o) second_q <= two && !second_q;
  end

  // --------------------------------------------------------------------------------- responses

  ret_t                ret;
  logic [1:0]          worst;
  logic [1:0]          worst_q;   // of this burst so far
  logic                b_valid_q;
  logic [AXI_ID_W-1:0] b_id_q;
  logic [1:0]          b_resp_q;

  assign ret        = done_ret_i;
  assign pop_resp_o = (done_end_i == END_INSIDE) ? ret.resp :
                      (done_end_i == END_ANSWER) ? done_resp_i : RESP_SLVERR;
  assign worst      = (pop_resp_o > worst_q) ? pop_resp_o : worst_q;
  assign pop_o      = done_i && (!ret.last || !b_valid_q || bready_i);
  assign freed      = pop_o && ret.frees;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      b_valid_q <= 1'b0;
      worst_q   <= RESP_OKAY;
    end else begin
      if (!b_valid_q || bready_i) b_valid_q <= done_i && ret.last;
      if (pop_o) worst_q <= ret.last ? RESP_OKAY : worst;
    end
  end

  always_ff @(posedge clk_i) begin
    if (pop_o && ret.last) begin
      b_id_q   <= ret.id;
      b_resp_q <= worst;
    end
  end

  assign bvalid_o = b_valid_q;
  assign bid_o    = b_id_q;
  assign bresp_o  = b_resp_q;

endmodule
