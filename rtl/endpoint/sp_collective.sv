// SPDX-License-Identifier: Apache-2.0
//
// Takes part in collectives for its accelerator: contributions out of its memory, results into it,
// by commands that each name a whole vector; and contributions that an engine fetches
// (docs/endpoint.md).
//
// Guarantees: every command ends, with an error if answers do not come (`timeout_i`); a slice that
// fails stops no other; nothing is written but results that a command waits for, that are whole and
// without poison; what comes from the planes waits for the memory, never for what is sent.

module sp_collective #(
    /// Bits of a flit: 128, 256 or 512.
    parameter int unsigned FLIT_W = 128,
    /// Bits of the memory's data bus: a power of two, 32 to FLIT_W.
    parameter int unsigned DATA_W = FLIT_W,
    /// Bits of an ID on the memory's bus; all are zero.
    parameter int unsigned AXI_ID_W = 4,
    /// Commands at work: 2, 4, 8 or 16.
    parameter int unsigned N_COMMANDS = 4,
    /// Slices of a command between its first that is not done and the last that is begun: 1, 2, 4,
    /// 8 or 16.
    parameter int unsigned WINDOW = 8,
    /// Rows of the fetch table: groups below this number can be fetched from.
    parameter int unsigned N_GROUPS = 16,
    /// Planes, 1 to 64.
    parameter int unsigned N_PLANES = 2,
    /// Fetches that wait, 2 or more: contexts of all engines.
    parameter int unsigned FETCHES = 16,
    /// Packets whose payload is being read or waits to be sent, 2 or more: covers the memory's
    /// delay.
    parameter int unsigned READS = 8,
    /// Results that wait to be written, of 256 bytes each: a power of two from 2 on.
    parameter int unsigned RESULTS = 4,
    /// Writes that the memory may owe an answer for: 2 or more.
    parameter int unsigned WRITES = 16,
    localparam int unsigned PlaneW = (N_PLANES > 1) ? $clog2(N_PLANES) : 1,
    localparam int unsigned RowW = (N_GROUPS > 1) ? $clog2(N_GROUPS) : 1
) (
    /// Clock.
    input  logic                                     clk_i,
    /// Reset, active low, asynchronous; forgets all commands.
    input  logic                                     rst_ni,

    /// ID of this endpoint.
    input  logic [sp_pkg::ID_W-1:0]                  source_i,
    /// A plane carries packets.
    input  logic [N_PLANES-1:0]                      plane_up_i,
    /// Planes that slices are spread over: the same at all members.
    input  logic [N_PLANES-1:0]                      planes_i,
    /// Cycles without progress after which a command stops to wait for answers; 0: never.
    input  logic [31:0]                              timeout_i,

    /// Command: valid.
    input  logic                                     cmd_valid_i,
    /// Command: ready.
    output logic                                     cmd_ready_o,
    /// Command.
    input  sp_endpoint_pkg::collective_t             cmd_i,
    /// Result of a command: valid.
    output logic                                     res_valid_o,
    /// Result of a command: ready.
    input  logic                                     res_ready_i,
    /// Result of a command.
    output sp_endpoint_pkg::collective_result_t      res_o,

    /// Fetch table: write a row.
    input  logic                                     row_we_i,
    /// Fetch table: group of the row.
    input  logic [RowW-1:0]                          row_group_i,
    /// Fetch table: the row.
    input  sp_endpoint_pkg::fetch_row_t              row_i,

    /// Packets out: valid.
    output logic                                     col_tvalid_o,
    /// Packets out: ready.
    input  logic                                     col_tready_i,
    /// Packets out: payload.
    output logic [FLIT_W-1:0]                        col_tdata_o,
    /// Packets out: {error mark, header}, the same with all beats.
    output logic [sp_pkg::USER_W-1:0]                col_tuser_o,
    /// Packets out: last beat.
    output logic                                     col_tlast_o,
    /// Packets out: plane, the same for all of a packet.
    output logic [PlaneW-1:0]                        col_plane_o,

    /// Packets in: valid.
    input  logic                                     in_tvalid_i,
    /// Packets in: ready.
    output logic                                     in_tready_o,
    /// Packets in: payload.
    input  logic [FLIT_W-1:0]                        in_tdata_i,
    /// Packets in: {error mark with the last beat, header with the first}.
    input  logic [sp_pkg::USER_W-1:0]                in_tuser_i,
    /// Packets in: last beat.
    input  logic                                     in_tlast_i,
    /// Packets in: plane by which the packet came.
    input  logic [PlaneW-1:0]                        in_plane_i,

    /// Memory, write address: valid.
    output logic                                     m_axi_awvalid_o,
    /// Memory, write address: ready.
    input  logic                                     m_axi_awready_i,
    /// Memory, write address: ID.
    output logic [AXI_ID_W-1:0]                      m_axi_awid_o,
    /// Memory, write address.
    output logic [sp_endpoint_pkg::AXI_ADDR_W-1:0]   m_axi_awaddr_o,
    /// Memory, write address: beats less one.
    output logic [7:0]                               m_axi_awlen_o,
    /// Memory, write address: bytes of a beat, logarithm.
    output logic [2:0]                               m_axi_awsize_o,
    /// Memory, write address: INCR.
    output logic [1:0]                               m_axi_awburst_o,
    /// Memory, write data: valid.
    output logic                                     m_axi_wvalid_o,
    /// Memory, write data: ready.
    input  logic                                     m_axi_wready_i,
    /// Memory, write data.
    output logic [DATA_W-1:0]                        m_axi_wdata_o,
    /// Memory, write data: bytes that are written.
    output logic [DATA_W/8-1:0]                      m_axi_wstrb_o,
    /// Memory, write data: last beat.
    output logic                                     m_axi_wlast_o,
    /// Memory, answer to a write: valid.
    input  logic                                     m_axi_bvalid_i,
    /// Memory, answer to a write: ready.
    output logic                                     m_axi_bready_o,
    /// Memory, answer to a write: ID, not looked at.
    input  logic [AXI_ID_W-1:0]                      m_axi_bid_i,
    /// Memory, answer to a write: response.
    input  logic [1:0]                               m_axi_bresp_i,
    /// Memory, read address: valid.
    output logic                                     m_axi_arvalid_o,
    /// Memory, read address: ready.
    input  logic                                     m_axi_arready_i,
    /// Memory, read address: ID.
    output logic [AXI_ID_W-1:0]                      m_axi_arid_o,
    /// Memory, read address.
    output logic [sp_endpoint_pkg::AXI_ADDR_W-1:0]   m_axi_araddr_o,
    /// Memory, read address: beats less one.
    output logic [7:0]                               m_axi_arlen_o,
    /// Memory, read address: bytes of a beat, logarithm.
    output logic [2:0]                               m_axi_arsize_o,
    /// Memory, read address: INCR.
    output logic [1:0]                               m_axi_arburst_o,
    /// Memory, read data: valid.
    input  logic                                     m_axi_rvalid_i,
    /// Memory, read data: ready.
    output logic                                     m_axi_rready_o,
    /// Memory, read data: ID, not looked at.
    input  logic [AXI_ID_W-1:0]                      m_axi_rid_i,
    /// Memory, read data.
    input  logic [DATA_W-1:0]                        m_axi_rdata_i,
    /// Memory, read data: response.
    input  logic [1:0]                               m_axi_rresp_i,
    /// Memory, read data: last beat.
    input  logic                                     m_axi_rlast_i,

    /// What happened in this cycle.
    output sp_endpoint_pkg::collective_event_t       event_o
);

  import sp_pkg::*;
  import sp_endpoint_pkg::*;

  localparam int unsigned CmdW = $clog2(N_COMMANDS);
  localparam int unsigned PlaceW = (WINDOW > 1) ? $clog2(WINDOW) : 1;
  localparam int unsigned GenW = TAG_W - 2 - CmdW - PlaceW;  // 2 or more
  localparam int unsigned CountW = SLICE_W + 1;
  localparam int unsigned K = FLIT_W / UNIT_W;
  localparam logic [CountW-1:0] Window = CountW'(WINDOW);

  if (N_COMMANDS != 2 && N_COMMANDS != 4 && N_COMMANDS != 8 && N_COMMANDS != 16) begin : g_bad_cmds
    $fatal(1, "sp_collective: N_COMMANDS = %0d is not 2, 4, 8 or 16", N_COMMANDS);
  end
  if (WINDOW < 1 || WINDOW > 16 || 2 ** $clog2(WINDOW) != WINDOW) begin : g_bad_window
    $fatal(1, "sp_collective: WINDOW = %0d is not 1, 2, 4, 8 or 16", WINDOW);
  end
  if (N_GROUPS < 1 || N_GROUPS > 2 ** GROUP_W) begin : g_bad_groups
    $fatal(1, "sp_collective: N_GROUPS = %0d is not 1 to %0d", N_GROUPS, 2 ** GROUP_W);
  end
  if (FETCHES < 2) begin : g_bad_fetches
    $fatal(1, "sp_collective: FETCHES = %0d is not 2 or more", FETCHES);
  end
  if (AXI_ID_W < 1) begin : g_bad_id
    $fatal(1, "sp_collective: AXI_ID_W = %0d is not 1 or more", AXI_ID_W);
  end

  /// Where a slice of a command is noted.
  typedef struct packed {
    logic              own;    // it belongs to a command, not to a fetch
    logic [CmdW-1:0]   cmd;
    logic [PlaceW-1:0] place;
    logic [PlaneW-1:0] plane;
  } side_t;

  /// Place of a step of a command: modulo WINDOW.
  function automatic logic [PlaceW-1:0] place_of(logic [SLICE_W-1:0] step);
    return PlaceW'(step & SLICE_W'(WINDOW - 1));
  endfunction

  /// Slice of a step, from the first slice: rounds of `mask` + 1, each turned by `by`; and by its
  /// negative the step of a slice.
  function automatic logic [SLICE_W-1:0] turned(
      logic [SLICE_W-1:0] step, logic [SLICE_W-1:0] mask, logic [SLICE_W-1:0] by);
    return (step & ~mask) | ((step + by) & mask);
  endfunction

  // ------------------------------------------------------------------------------------- commands

  // What is compared with what comes lies apart: all commands are compared at once.
  collective_t                            table_q [N_COMMANDS];
  logic [N_COMMANDS-1:0]                  active_q;
  logic [N_COMMANDS-1:0]                  store_q;   // CK_MCAST_STORE
  logic [N_COMMANDS-1:0][GROUP_W-1:0]     group_q;
  logic [N_COMMANDS-1:0][SEQ_W-1:0]       seq_q;
  logic [N_COMMANDS-1:0][SLICE_W-1:0]     slice_q;   // first one
  logic [N_COMMANDS-1:0][CountW-1:0]      total_q;   // slices
  logic [N_COMMANDS-1:0][SLICE_W-1:0]     mask_q;    // slices of a round less one
  logic [N_COMMANDS-1:0][SLICE_W-1:0]     skew_q;
  logic [N_COMMANDS-1:0][CountW-1:0]      steps_q;   // slices, rounds being full
  logic [N_COMMANDS-1:0][CountW-1:0]      head_q;    // steps before this one are done
  logic [N_COMMANDS-1:0][CountW-1:0]      next_q;    // steps before this one are begun
  logic [N_COMMANDS-1:0][GenW-1:0]        gen_q;     // of the tags that are made next
  logic [N_COMMANDS-1:0]                  failed_q;
  logic [N_COMMANDS-1:0][SLICE_W-1:0]     at_q;      // first slice that failed, from 0
  logic [N_COMMANDS-1:0][3:0]             why_q;     // its status
  logic [N_COMMANDS-1:0]                  late_q;    // answers that did not come
  logic [N_COMMANDS-1:0]                  poison_q;
  logic [N_COMMANDS-1:0][31:0]            idle_q;    // cycles without progress

  // Slices that are begun. One that is in none of these three is done.
  logic [N_COMMANDS-1:0][WINDOW-1:0]      unsent_q;  // its packet has not left
  logic [N_COMMANDS-1:0][WINDOW-1:0]      awaits_q;  // an answer is to come
  logic [N_COMMANDS-1:0][WINDOW-1:0]      writes_q;  // the result has come and is not yet in memory
  logic [N_COMMANDS-1:0][WINDOW-1:0][3:0] status_q;
  logic [N_COMMANDS-1:0][WINDOW-1:0]      fresh_q;   // of a store: no answer has come yet

  logic                  take;      // a command comes
  logic [N_COMMANDS-1:0] free;      // its place, one-hot
  logic [CmdW-1:0]       take_at;
  logic                  bad_kind;
  logic                  bad_bytes;
  logic [CountW-1:0]     take_total;
  logic [SLICE_W-1:0]    take_mask;
  logic [N_COMMANDS-1:0] ends;      // all slices are done
  logic [N_COMMANDS-1:0] leaves;    // one-hot: its result is taken
  logic [N_COMMANDS-1:0] retires;   // its first slice is done
  logic [N_COMMANDS-1:0] expires;
  logic [N_COMMANDS-1:0] progress;

  assign free        = ~active_q & (active_q + N_COMMANDS'(1));
  assign cmd_ready_o = active_q != '1;
  assign take        = cmd_valid_i && cmd_ready_o;
  assign bad_kind    = cmd_i.kind > CK_MCAST_STORE;
  assign bad_bytes   = (cmd_i.kind != CK_BARRIER)
                       && ((cmd_i.bytes == '0) || (cmd_i.bytes > VECTOR_W'(1 << 24))
                           || ((cmd_i.kind == CK_MCAST_STORE) && (cmd_i.bytes[3:0] != '0)));

  assign take_total  = (bad_kind || bad_bytes) ? '0
                       : (cmd_i.kind == CK_BARRIER) ? CountW'(1)
                       : CountW'((cmd_i.bytes + VECTOR_W'(255)) >> 8);
  assign take_mask   = ~({SLICE_W{1'b1}} << cmd_i.round_log2);

  always_comb begin
    take_at = '0;
    for (int unsigned c = 0; c < N_COMMANDS; c++) begin
      if (free[c]) take_at |= CmdW'(c);
    end
  end

  always_ff @(posedge clk_i) begin
    if (take) table_q[take_at] <= cmd_i;
  end

  // --------------------------------------------------------------------------------- slices begin

  logic [N_COMMANDS-1:0] wants;   // it has a slice to begin
  logic [N_COMMANDS-1:0] begins;  // one-hot
  logic                  move;    // the steps below move on
  logic [CmdW-1:0]       begin_cmd;
  logic [SLICE_W-1:0]    begin_next;
  logic [SLICE_W-1:0]    begin_off;
  logic                  begin_none;  // a step behind the vector's end
  logic [N_COMMANDS-1:0][SLICE_W-1:0] next_off;
  logic [N_COMMANDS-1:0]              next_none;
  logic [SLICE_W-1:0]    begin_slice;

  // One step behind the other: choose a command, divide its slice by the planes, make the packet.
  logic [3:1]              step_q;
  logic [3:1][CmdW-1:0]    step_cmd_q;
  logic [3:1][PlaceW-1:0]  step_place_q;
  logic [3:1][SLICE_W-1:0] step_off_q;   // from the first slice
  logic [3:1]              step_last_q;  // the last slice of the command
  logic [3:1][SLICE_W-1:0] step_slice_q;
  logic [3:1][GenW-1:0]    step_gen_q;

  for (genvar c = 0; c < N_COMMANDS; c++) begin : g_wants
    assign wants[c] = active_q[c] && (next_q[c] != steps_q[c])
                      && ((next_q[c] - head_q[c]) < Window);
    assign next_off[c]  = turned(next_q[c][SLICE_W-1:0], mask_q[c], skew_q[c]);
    assign next_none[c] = CountW'(next_off[c]) >= total_q[c];
  end

  sp_rr_arbiter #(
      .N(N_COMMANDS)
  ) i_begin (
      .clk_i,
      .rst_ni,
      .req_i    (wants & {N_COMMANDS{move}}),
      .advance_i(1'b1),
      .gnt_o    (begins)
  );

  always_comb begin
    begin_cmd   = '0;
    begin_next  = '0;
    begin_off   = '0;
    begin_none  = 1'b0;
    begin_slice = '0;
    for (int unsigned c = 0; c < N_COMMANDS; c++) begin
      if (begins[c]) begin
        begin_cmd   |= CmdW'(c);
        begin_next  |= next_q[c][SLICE_W-1:0];
        begin_off   |= next_off[c];
        begin_none  |= next_none[c];
        begin_slice |= slice_q[c] + next_off[c];
      end
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) step_q <= '0;
    else if (move) step_q <= {step_q[2:1], (begins != '0) && !begin_none};
  end
  always_ff @(posedge clk_i) begin
    if (move) begin
      step_cmd_q   <= {step_cmd_q[2:1], begin_cmd};
      step_off_q   <= {step_off_q[2:1], begin_off};
      step_place_q <= {step_place_q[2:1], place_of(begin_next)};
      step_last_q  <= {step_last_q[2:1], CountW'(begin_off) + CountW'(1) == total_q[begin_cmd]};
      step_slice_q <= {step_slice_q[2:1], begin_slice};
      step_gen_q   <= {step_gen_q[2:1], gen_q[begin_cmd]};
    end
  end

  logic               no_plane;
  logic [PlaneW-1:0]  plane;
  logic [SLICE_W-1:0] turn;

  sp_collective_path #(
      .N_PLANES(N_PLANES)
  ) i_path (
      .clk_i,
      .en_i    (move),
      .planes_i,
      .slice_i (begin_slice),
      .none_o  (no_plane),
      .plane_o (plane),
      .turn_o  (turn)
  );

  // What the slice at the last step becomes.
  collective_t           what;
  logic [CmdW-1:0]       made_cmd;
  logic [PlaceW-1:0]     made_place;
  logic                  down;        // its plane is
  logic                  expects;     // an answer is to come
  logic [LEN_W-1:0]      made_units;
  logic [ROOT_W-1:0]     made_root;
  hdr_t                  made;
  logic                  made_valid;
  logic                  made_load;
  logic                  made_ready;
  logic [AXI_ADDR_W-1:0] made_addr;
  logic                  decided;     // the slice leaves the last step

  /// Bytes of a slice, of a vector whose bytes end in `rest`.
  function automatic logic [8:0] slice_bytes(logic last, logic [7:0] rest);
    return (last && (rest != '0)) ? {1'b0, rest} : 9'd256;
  endfunction

  /// Units of so many bytes.
  function automatic logic [LEN_W-1:0] units_of(logic [8:0] bytes);
    return LEN_W'((10'(bytes) + 10'd15) >> 4);
  endfunction

  assign made_cmd   = step_cmd_q[3];
  assign what       = table_q[made_cmd];
  assign made_place = step_place_q[3];
  assign made_units = units_of(slice_bytes(step_last_q[3], what.bytes[7:0]));
  assign made_root  = what.scatter ? what.root + ROOT_W'(step_slice_q[3] >> what.root_log2)
                                   : what.root;
  assign made_load  = (what.kind != CK_BARRIER) && (what.kind != CK_LOAD_REDUCE);
  assign made_addr  = what.from + AXI_ADDR_W'({step_off_q[3], 8'd0});
  assign down       = no_plane || !plane_up_i[plane];
  assign made_valid = step_q[3] && !down;
  assign move       = !step_q[3] || down || made_ready;
  assign decided    = step_q[3] && move;

  always_comb begin
    case (what.kind)
      CK_REDUCE:      expects = made_root == what.port;
      CK_MCAST_STORE: expects = what.answers != '0;
      default:        expects = 1'b1;
    endcase
  end

  always_comb begin
    made     = '0;
    made.src = source_i;
    made.dst = what.dst
               + (turn[ID_W-1:0] & ~({ID_W{1'b1}} << what.engines_log2));
    made.len = made_load ? made_units : '0;
    made.version      = VERSION;
    made.cls.coll.seq   = what.seq;
    made.cls.coll.slice = step_slice_q[3];
    made.cls.coll.mode  = what.mode;
    made.cls.coll.redop = what.redop;
    made.cls.coll.etype = what.etype;
    made.cls.coll.group = what.group;
    case (what.kind)
      CK_ALLREDUCE: made.op = OP_ALLREDUCE;
      CK_REDUCE: begin
        made.op            = OP_REDUCE;
        made.cls.coll.root = made_root;
      end
      CK_BARRIER: made.op = OP_BARRIER;
      CK_LOAD_REDUCE: begin
        made.op            = OP_LOAD_REDUCE;
        made.cls.coll.root = ROOT_W'(made_units - LEN_W'(1));
      end
      default: begin
        made.op           = OP_MCAST_WRITE;
        made.dst          = what.dst;
        made.tag          = {2'b11, step_gen_q[3], made_cmd, made_place};
        made.ext[EXT_SET] = what.sparse;
        made.cls          = '0;
        made.cls.mem.addr = what.remote + ADDR_W'({step_off_q[3], 8'd0});
      end
    endcase
  end

  // -------------------------------------------------------------------------------------- fetches

  /// A fetch that waits.
  typedef struct packed {
    logic [PlaneW-1:0] plane;
    logic [ID_W-1:0]   engine;
    logic [TAG_W-1:0]  units;
    coll_t             coll;
  } fetch_t;

  logic   fetch_push;
  logic   fetch_full;
  logic   fetch_none;
  logic   fetch_pop;
  fetch_t fetch_in;
  fetch_t fetch;
  fetch_t fetched_q;
  logic [$bits(fetch_t)-1:0] fetch_word;
  logic [$clog2(FETCHES+1)-1:0] unused_fetches;

  sp_fifo #(
      .WIDTH($bits(fetch_t)),
      .DEPTH(FETCHES)
  ) i_fetches (
      .clk_i,
      .rst_ni,
      .push_i (fetch_push),
      .data_i (fetch_in),
      .full_o (fetch_full),
      .pop_i  (fetch_pop),
      .data_o (fetch_word),
      .empty_o(fetch_none),
      .count_o(unused_fetches)
  );
  assign fetch = fetch_t'(fetch_word);

  logic [AXI_ADDR_W-1:0] base_mem  [N_GROUPS];
  logic [VECTOR_W-1:0]   bytes_mem [N_GROUPS];
  logic [N_GROUPS-1:0]   row_valid_q;
  logic                  row_there;
  logic                  row_there_q;
  logic [AXI_ADDR_W-1:0] row_base_q;
  logic [VECTOR_W-1:0]   row_bytes_q;
  logic                  fetched_valid_q;
  logic                  covered;      // the row has all that is wanted
  logic                  fetched_ok;
  logic                  fetched_takes;
  logic [RowW-1:0]       row;
  hdr_t                  fetched;
  logic [AXI_ADDR_W-1:0] fetched_addr;

  assign row       = fetch.coll.group[RowW-1:0];
  assign row_there = (32'(fetch.coll.group) < N_GROUPS) && row_valid_q[row];
  assign fetch_pop = !fetch_none && (!fetched_valid_q || fetched_takes);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      row_valid_q     <= '0;
      fetched_valid_q <= 1'b0;
    end else begin
      if (row_we_i) row_valid_q[row_group_i] <= row_i.valid;
      if (fetch_pop) fetched_valid_q <= 1'b1;
      else if (fetched_takes) fetched_valid_q <= 1'b0;
    end
  end
  always_ff @(posedge clk_i) begin
    if (row_we_i) begin
      base_mem[row_group_i]  <= row_i.base;
      bytes_mem[row_group_i] <= row_i.bytes;
    end
    if (fetch_pop) begin
      fetched_q   <= fetch;
      row_there_q <= row_there;
      row_base_q  <= base_mem[row];
      row_bytes_q <= bytes_mem[row];
    end
  end

  assign covered = row_there_q && (fetched_q.units != '0) && (fetched_q.units <= TAG_W'(MAX_UNITS))
                   && (22'({fetched_q.coll.slice, 4'd0}) + 22'(fetched_q.units)
                       <= 22'(row_bytes_q >> 4));
  assign fetched_ok   = fetched_valid_q && covered;
  assign fetched_addr = row_base_q + AXI_ADDR_W'({fetched_q.coll.slice, 8'd0});

  always_comb begin
    fetched          = '0;
    fetched.cls.coll = fetched_q.coll;
    fetched.len      = fetched_q.units[LEN_W-1:0];
    fetched.src      = source_i;
    fetched.dst      = fetched_q.engine;
    fetched.op       = OP_REDUCE;
    fetched.version  = VERSION;
  end

  // ---------------------------------------------------------------------------------- packets out

  logic  give_ready;
  logic  give_fetch;   // the one of both that goes now
  logic  turn_q;       // a fetch goes first
  side_t give_side;
  side_t sent_side;
  side_t out_side;
  logic  sent;
  logic  read_broken;
  logic [HDR_W-1:0] out_hdr;

  assign give_fetch    = fetched_ok && (turn_q || !made_valid);
  assign made_ready    = give_ready && !give_fetch;
  assign fetched_takes = fetched_valid_q && (!covered || (give_fetch && give_ready));

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) turn_q <= 1'b0;
    else if (give_ready && (fetched_ok || made_valid)) turn_q <= !give_fetch;
  end

  always_comb begin
    give_side       = '0;
    give_side.own   = !give_fetch;
    give_side.cmd   = made_cmd;
    give_side.place = made_place;
    give_side.plane = give_fetch ? fetched_q.plane : plane;
  end

  sp_collective_send #(
      .FLIT_W (FLIT_W),
      .DATA_W (DATA_W),
      .PACKETS(READS),
      .SIDE_W ($bits(side_t))
  ) i_send (
      .clk_i,
      .rst_ni,
      .valid_i   (fetched_ok || made_valid),
      .ready_o   (give_ready),
      .hdr_i     (give_fetch ? fetched : made),
      .load_i    (give_fetch || made_load),
      .addr_i    (give_fetch ? fetched_addr : made_addr),
      .side_i    (give_side),
      .sent_o    (sent),
      .broken_o  (read_broken),
      .side_o    (sent_side),
      .set_i     (table_q[sent_side.cmd].members),
      .m_tvalid_o(col_tvalid_o),
      .m_tready_i(col_tready_i),
      .m_tdata_o (col_tdata_o),
      .m_hdr_o   (out_hdr),
      .m_tlast_o (col_tlast_o),
      .m_side_o  (out_side),
      .arvalid_o (m_axi_arvalid_o),
      .arready_i (m_axi_arready_i),
      .araddr_o  (m_axi_araddr_o),
      .arlen_o   (m_axi_arlen_o),
      .rvalid_i  (m_axi_rvalid_i),
      .rdata_i   (m_axi_rdata_i),
      .rresp_i   (m_axi_rresp_i),
      .rlast_i   (m_axi_rlast_i)
  );

  assign col_tuser_o     = {1'b0, out_hdr};
  assign col_plane_o     = out_side.plane;
  assign m_axi_arid_o    = '0;
  assign m_axi_arsize_o  = 3'($clog2(DATA_W / 8));
  assign m_axi_arburst_o = 2'b01;
  assign m_axi_rready_o  = 1'b1;

  // ----------------------------------------------------------------------------------- packets in

  logic              a_valid;
  logic              a_ready;
  logic              a_last;
  logic              a_mark;
  logic [FLIT_W-1:0] a_data;
  logic [PlaneW-1:0] a_plane;
  hdr_t              a_hdr;
  logic [HDR_W-1:0]  a_word;
  logic              a_inside_q;  // behind the first beat

  sp_stage #(
      .WIDTH(PlaneW + 1 + USER_W + FLIT_W)
  ) i_in (
      .clk_i,
      .rst_ni,
      .valid_i(in_tvalid_i),
      .ready_o(in_tready_o),
      .data_i ({in_plane_i, in_tlast_i, in_tuser_i, in_tdata_i}),
      .valid_o(a_valid),
      .ready_i(a_ready),
      .data_o ({a_plane, a_last, a_mark, a_word, a_data})
  );
  assign a_hdr = hdr_t'(a_word);

  // Who waits for it. A last answer to a store is known one step behind: what follows it is late.
  logic                            a_reduced;  // result of a reduction, or an error of one
  logic                            a_answer;   // answer to a store
  logic [N_COMMANDS-1:0]           hit;
  logic [CmdW-1:0]                 hit_cmd;
  logic [SLICE_W-1:0]              hit_off;
  logic [PlaceW-1:0]               hit_place;
  logic [N_COMMANDS-1:0][SLICE_W-1:0] hit_step;
  logic [CmdW-1:0]                 tag_cmd;
  logic [PlaceW-1:0]               tag_place;
  logic [GenW-1:0]                 tag_gen;
  logic [GenW-1:0]                 want_gen;
  logic                            tag_hit;
  logic                            answered;  // an answer to a store that counts
  logic                            all_here;  // the last one
  logic [CmdW-1:0]                 b_cmd_q;
  logic [PlaceW-1:0]               b_place_q;

  assign {tag_gen, tag_cmd, tag_place} = a_hdr.tag[TAG_W-3:0];
  assign a_reduced = (a_hdr.op == OP_RESULT) || (a_hdr.op == OP_COLL_ERROR);
  assign a_answer  = (a_hdr.op == OP_WRITE_RSP) || (a_hdr.op == OP_ERROR);

  for (genvar c = 0; c < N_COMMANDS; c++) begin : g_hit
    logic [SLICE_W-1:0] offset;
    logic [SLICE_W-1:0] ahead;
    assign offset = a_hdr.cls.coll.slice - slice_q[c];
    assign hit_step[c] = turned(offset, mask_q[c], -skew_q[c]);
    assign ahead  = hit_step[c] - head_q[c][SLICE_W-1:0];
    assign hit[c] = active_q[c] && !store_q[c] && (a_hdr.cls.coll.group == group_q[c])
                    && (a_hdr.cls.coll.seq == seq_q[c])
                    && (CountW'(ahead) < (next_q[c] - head_q[c]))
                    && awaits_q[c][place_of(hit_step[c])];
  end

  // Tags that were made before the places were last gone through are of the generation before.
  assign want_gen = (tag_place < place_of(next_q[tag_cmd][SLICE_W-1:0]))
                    ? gen_q[tag_cmd] : gen_q[tag_cmd] - GenW'(1);
  assign tag_hit  = active_q[tag_cmd] && store_q[tag_cmd] && awaits_q[tag_cmd][tag_place]
                    && (tag_gen == want_gen) && (a_hdr.tag[TAG_W-1-:2] == 2'b11)
                    && !(answered && all_here && (b_cmd_q == tag_cmd) && (b_place_q == tag_place));

  always_comb begin
    logic [N_COMMANDS-1:0] first;
    first   = hit & (~hit + N_COMMANDS'(1));
    hit_cmd = '0;
    hit_off = '0;
    hit_place = '0;
    for (int unsigned c = 0; c < N_COMMANDS; c++) begin
      if (first[c]) begin
        hit_cmd |= CmdW'(c);
        hit_off |= a_hdr.cls.coll.slice - slice_q[c];
        hit_place |= place_of(hit_step[c]);
      end
    end
  end

  // The step behind: what is known with the first beat, and the beat.
  logic               b_valid_q;
  logic               b_last_q;
  logic               b_mark_q;
  logic [FLIT_W-1:0]  b_data_q;
  logic               b_result_q;   // a command waits for this result, or error of a reduction
  logic               b_answer_q;   // or for this answer to a store
  logic               b_payload_q;  // OP_RESULT
  logic               b_error_q;    // OP_COLL_ERROR or OP_ERROR
  logic               b_poison_q;
  logic [3:0]         b_status_q;
  logic [LEN_W-1:0]   b_len_q;
  logic               b_ext_q;
  logic [SLICE_W-1:0] b_off_q;
  logic [LEN_W-1:0]   b_flit_q;
  logic               b_ready;
  logic               b_goes;
  logic               a_moves;
  logic               a_first;
  logic               taken;        // a result or error of a reduction that is waited for
  logic               a_late;       // nobody waits for it

  assign a_ready    = !b_valid_q || b_ready;
  assign a_moves    = a_valid && a_ready;
  assign a_first    = a_moves && !a_inside_q;
  assign taken      = a_first && a_reduced && (hit != '0);
  assign a_late     = a_first && ((a_reduced && (hit == '0)) || (a_answer && !tag_hit));
  assign fetch_push = a_first && (a_hdr.op == OP_FETCH);
  assign b_goes     = b_valid_q && b_ready;

  always_comb begin
    fetch_in           = '0;
    fetch_in.plane     = a_plane;
    fetch_in.engine    = a_hdr.src;
    fetch_in.units     = a_hdr.tag;
    fetch_in.coll      = a_hdr.cls.coll;
    fetch_in.coll.rsvd = 1'b0;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      a_inside_q <= 1'b0;
      b_valid_q  <= 1'b0;
      b_flit_q   <= '0;
    end else begin
      if (a_moves) a_inside_q <= !a_last;
      if (a_ready) b_valid_q <= a_valid;
      // Packets of too many beats stop at the highest number.
      if (b_goes) b_flit_q <= b_last_q ? '0 : (b_flit_q == '1) ? '1 : b_flit_q + LEN_W'(1);
    end
  end
  always_ff @(posedge clk_i) begin
    if (a_moves) begin
      b_last_q  <= a_last;
      b_mark_q  <= a_mark;
      b_data_q  <= a_data;
    end
    if (a_first) begin
      b_result_q  <= a_reduced && (hit != '0);
      b_answer_q  <= a_answer && tag_hit;
      b_payload_q <= a_hdr.op == OP_RESULT;
      b_error_q   <= (a_hdr.op == OP_COLL_ERROR) || (a_hdr.op == OP_ERROR);
      b_poison_q  <= a_hdr.poison;
      b_status_q  <= a_hdr.status;
      b_len_q     <= a_hdr.len;
      b_ext_q     <= a_hdr.ext != '0;
      b_cmd_q     <= a_answer ? tag_cmd : hit_cmd;
      b_off_q     <= hit_off;
      b_place_q   <= a_answer ? tag_place : hit_place;
    end
  end

  // What becomes of it, known with its last beat.
  collective_t           hers;         // the command that waits
  logic                  b_memory;     // it has a place for results
  logic [8:0]            b_bytes;
  logic [LEN_W-1:0]      b_units;      // that must have come
  logic                  b_push;
  logic                  b_end;
  logic                  b_spoilt;     // poison or the error mark
  logic                  b_wrong;      // not the units that were wanted
  logic                  b_keep;
  logic [3:0]            b_why;
  logic                  store_ready;
  logic                  done;
  logic                  write_broken;
  side_t                 done_side;
  side_t                 b_side;

  assign hers     = table_q[b_cmd_q];
  assign b_memory = hers.kind != CK_BARRIER;
  assign b_bytes  = slice_bytes(CountW'(b_off_q) + CountW'(1) == total_q[b_cmd_q], hers.bytes[7:0]);
  assign b_units  = b_memory ? units_of(b_bytes) : '0;
  assign b_ready  = store_ready || !b_result_q;
  assign b_push   = b_goes && b_result_q && b_payload_q && (b_units != '0)
                    && (b_flit_q < num_flits(b_units, '0, K));
  assign b_end    = b_goes && b_result_q && b_last_q;
  assign b_spoilt = b_poison_q || b_mark_q;
  assign b_wrong  = (b_len_q != b_units) || b_ext_q
                    || (b_flit_q != num_flits(b_units, '0, K) - LEN_W'(1));

  always_comb begin
    if (b_error_q) b_why = (b_status_q == ST_OK) ? 4'(ST_BROKEN) : b_status_q;
    else if (b_spoilt) b_why = ST_BROKEN;
    else if (b_result_q && b_wrong) b_why = ST_LEN;
    else b_why = ST_OK;
  end
  assign b_keep = (b_why == ST_OK) && b_memory;

  always_comb begin
    b_side       = '0;
    b_side.own   = 1'b1;
    b_side.cmd   = b_cmd_q;
    b_side.place = b_place_q;
  end

  sp_collective_store #(
      .FLIT_W (FLIT_W),
      .DATA_W (DATA_W),
      .RESULTS(RESULTS),
      .WRITES (WRITES),
      .SIDE_W ($bits(side_t))
  ) i_store (
      .clk_i,
      .rst_ni,
      .ready_o  (store_ready),
      .push_i   (b_push),
      .data_i   (b_data_q),
      .end_i    (b_end),
      .keep_i   (b_keep),
      .addr_i   (hers.to + AXI_ADDR_W'({b_off_q, 8'd0})),
      .bytes_i  (b_bytes),
      .side_i   (b_side),
      .done_o   (done),
      .broken_o (write_broken),
      .side_o   (done_side),
      .awvalid_o(m_axi_awvalid_o),
      .awready_i(m_axi_awready_i),
      .awaddr_o (m_axi_awaddr_o),
      .awlen_o  (m_axi_awlen_o),
      .wvalid_o (m_axi_wvalid_o),
      .wready_i (m_axi_wready_i),
      .wdata_o  (m_axi_wdata_o),
      .wstrb_o  (m_axi_wstrb_o),
      .wlast_o  (m_axi_wlast_o),
      .bvalid_i (m_axi_bvalid_i),
      .bresp_i  (m_axi_bresp_i)
  );

  assign m_axi_awid_o    = '0;
  assign m_axi_awsize_o  = 3'($clog2(DATA_W / 8));
  assign m_axi_awburst_o = 2'b01;
  assign m_axi_bready_o  = 1'b1;

  // Answers to stores: counted. A switch that refuses one does so for all destinations, with one
  // answer; the statuses from ST_BROKEN on are those of a destination.
  logic [ROOT_W:0] seen_mem [N_COMMANDS*WINDOW];
  logic [ROOT_W:0] seen;
  localparam int unsigned SeenW = (WINDOW > 1) ? CmdW + PlaceW : CmdW;
  logic [SeenW-1:0] seen_at;

  assign seen_at  = SeenW'({b_cmd_q, b_place_q} >> ((WINDOW > 1) ? 0 : 1));
  assign seen     = (fresh_q[b_cmd_q][b_place_q] ? '0 : seen_mem[seen_at]) + (ROOT_W + 1)'(1);
  assign answered = b_goes && b_answer_q && b_last_q;
  assign all_here = (seen == hers.answers) || (b_error_q && (b_why < ST_BROKEN));

  always_ff @(posedge clk_i) begin
    if (answered) seen_mem[seen_at] <= seen;
  end

  // -------------------------------------------------------------------- what becomes of the slices

  for (genvar c = 0; c < N_COMMANDS; c++) begin : g_command
    logic [WINDOW-1:0] busy;
    logic [PlaceW-1:0] first;
    logic [SLICE_W-1:0] off;  // slice of the first step

    assign busy       = unsent_q[c] | awaits_q[c] | writes_q[c];
    assign first      = place_of(head_q[c][SLICE_W-1:0]);
    assign retires[c] = active_q[c] && (head_q[c] != next_q[c]) && !busy[first];
    assign ends[c]    = active_q[c] && (head_q[c] == steps_q[c]);
    assign off        = turned(head_q[c][SLICE_W-1:0], mask_q[c], skew_q[c]);
    assign progress[c] = (taken && hit_cmd == CmdW'(c)) || (answered && b_cmd_q == CmdW'(c))
                         || (a_first && a_answer && tag_hit && tag_cmd == CmdW'(c))
                         || (done && done_side.cmd == CmdW'(c))
                         || (sent && sent_side.own && sent_side.cmd == CmdW'(c))
                         || (decided && made_cmd == CmdW'(c));
    assign expires[c] = (timeout_i != '0) && (idle_q[c] >= timeout_i) && !progress[c];

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        active_q[c] <= 1'b0;
        unsent_q[c] <= '0;
        awaits_q[c] <= '0;
        writes_q[c] <= '0;
        gen_q[c]    <= '0;
      end else begin
        if (take && free[c]) active_q[c] <= 1'b1;
        if (leaves[c]) active_q[c] <= 1'b0;
        // Tags of a generation are in use for one round of places.
        if ((take && free[c])
            || (begins[c] && place_of(next_q[c][SLICE_W-1:0]) == PlaceW'(WINDOW - 1))) begin
          gen_q[c] <= gen_q[c] + GenW'(1);
        end
        if (expires[c]) awaits_q[c] <= '0;
        if (begins[c] && !begin_none) unsent_q[c][place_of(next_q[c][SLICE_W-1:0])] <= 1'b1;
        if (decided && made_cmd == CmdW'(c)) begin
          if (down) unsent_q[c][made_place] <= 1'b0;
          else awaits_q[c][made_place] <= expects;
        end
        if (sent && sent_side.own && sent_side.cmd == CmdW'(c)) begin
          unsent_q[c][sent_side.place] <= 1'b0;
        end
        if (taken && hit_cmd == CmdW'(c)) begin
          awaits_q[c][hit_place] <= 1'b0;
          writes_q[c][hit_place] <= 1'b1;
        end
        if (answered && all_here && b_cmd_q == CmdW'(c)) awaits_q[c][b_place_q] <= 1'b0;
        if (b_end && !b_keep && b_cmd_q == CmdW'(c)) writes_q[c][b_place_q] <= 1'b0;
        if (done && done_side.cmd == CmdW'(c)) writes_q[c][done_side.place] <= 1'b0;
      end
    end

    always_ff @(posedge clk_i) begin
      idle_q[c] <= (progress[c] || awaits_q[c] == '0 || expires[c]) ? '0 : idle_q[c] + 32'd1;
      if (take && free[c]) begin
        store_q[c]  <= cmd_i.kind == CK_MCAST_STORE;
        group_q[c]  <= cmd_i.group;
        seq_q[c]    <= cmd_i.seq;
        slice_q[c]  <= cmd_i.slice;
        total_q[c]  <= take_total;
        steps_q[c]  <= (take_total + CountW'(take_mask)) & ~CountW'(take_mask);
        mask_q[c]   <= take_mask;
        skew_q[c]   <= cmd_i.skew;
        head_q[c]   <= '0;
        next_q[c]   <= '0;
        failed_q[c] <= bad_kind || bad_bytes;
        at_q[c]     <= '0;
        why_q[c]    <= bad_kind ? ST_OP : bad_bytes ? ST_LEN : ST_OK;
        late_q[c]   <= 1'b0;
        poison_q[c] <= 1'b0;
      end
      if (begins[c]) begin
        next_q[c] <= next_q[c] + CountW'(1);
        status_q[c][place_of(next_q[c][SLICE_W-1:0])] <= ST_OK;
        fresh_q[c][place_of(next_q[c][SLICE_W-1:0])]  <= 1'b1;
      end
      // The first thing that goes wrong with a slice is its status.
      for (int unsigned w = 0; w < WINDOW; w++) begin
        if (status_q[c][w] == ST_OK) begin
          if (expires[c] && awaits_q[c][w]) status_q[c][w] <= ST_TIMEOUT;
          if (decided && down && made_cmd == CmdW'(c) && made_place == PlaceW'(w)) begin
            status_q[c][w] <= ST_DST;
          end
          if ((b_end || answered) && b_cmd_q == CmdW'(c) && b_place_q == PlaceW'(w)) begin
            status_q[c][w] <= b_why;
          end
          if (done && write_broken && done_side.cmd == CmdW'(c)
              && done_side.place == PlaceW'(w)) begin
            status_q[c][w] <= ST_MEMORY;
          end
          if (sent && read_broken && sent_side.own && sent_side.cmd == CmdW'(c)
              && sent_side.place == PlaceW'(w)) begin
            status_q[c][w] <= ST_MEMORY;
          end
        end
      end
      if (answered && b_cmd_q == CmdW'(c)) fresh_q[c][b_place_q] <= 1'b0;
      if (expires[c]) late_q[c] <= 1'b1;
      if ((b_end || answered) && !b_error_q && b_spoilt && b_cmd_q == CmdW'(c)) begin
        poison_q[c] <= 1'b1;
      end
      if (retires[c]) begin
        head_q[c] <= head_q[c] + CountW'(1);
        if (status_q[c][first] != ST_OK && (!failed_q[c] || off < at_q[c])) begin
          failed_q[c] <= 1'b1;
          at_q[c]     <= off;
          why_q[c]    <= status_q[c][first];
        end
      end
    end
  end

  // --------------------------------------------------------------------------- results of commands

  logic [N_COMMANDS-1:0] ends_first;
  logic                  leave_ready;
  collective_result_t    leave;

  sp_rr_arbiter #(
      .N(N_COMMANDS)
  ) i_end (
      .clk_i,
      .rst_ni,
      .req_i    (ends),
      .advance_i(leave_ready),
      .gnt_o    (ends_first)
  );
  assign leaves = ends_first & {N_COMMANDS{leave_ready}};

  always_comb begin
    leave = '0;
    for (int unsigned c = 0; c < N_COMMANDS; c++) begin
      if (ends_first[c]) begin
        leave.id       |= table_q[c].id;
        leave.status   |= why_q[c];
        leave.timeout  |= late_q[c];
        leave.poisoned |= poison_q[c];
        leave.slice    |= slice_q[c] + at_q[c];
      end
    end
  end

  sp_stage #(
      .WIDTH($bits(collective_result_t))
  ) i_result (
      .clk_i,
      .rst_ni,
      .valid_i(ends != '0),
      .ready_o(leave_ready),
      .data_i (leave),
      .valid_o(res_valid_o),
      .ready_i(res_ready_i),
      .data_o (res_o)
  );

  // --------------------------------------------------------------------------------------- events

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) event_o <= '0;
    else begin
      event_o.sent          <= sent && sent_side.own;
      event_o.fetched       <= sent && !sent_side.own;
      event_o.result        <= b_end;
      event_o.answer        <= answered;
      event_o.failed        <= (b_end || answered) && (b_why != ST_OK);
      event_o.late          <= a_late;
      event_o.timeout       <= expires != '0;
      event_o.plane_down    <= decided && down;
      event_o.memory        <= (sent && read_broken) || (done && write_broken);
      event_o.fetch_dropped <= fetch_push && fetch_full;
      event_o.fetch_refused <= fetched_valid_q && !covered;
    end
  end

  logic unused;
  assign unused = ^{m_axi_bid_i, m_axi_rid_i, unused_fetches, out_side, done_side, sent_side,
                    turn, a_hdr, what, hers};

endmodule
