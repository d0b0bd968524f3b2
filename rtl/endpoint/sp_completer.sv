// SPDX-License-Identifier: Apache-2.0
//
// Executes requests on an AXI4 memory and answers them; docs/endpoint.md, "Execution".
// Guarantees: each request is answered once, over the plane by which it came; what a request does
// to a 256-byte block, it does alone, and in the order in which requests came; a store or atomic
// that is not relaxed begins when those of its source before it have ended; a request whose packet
// is broken or not understood touches nothing; a packet that is offered has no gaps, and no AXI
// burst waits for a packet. Answers and blocks: proven up to a depth in formal/endpoint.
//
// A request gets a slot with its first beat and gives it back with the last beat of its answer:
//
//   requests -> gather -> in order, alone in its block: issue -> AR, or AW and W
//   R: load -> done; atomic -> operate -> AW and W           B: -> done
//   done, in turn -> answer

module sp_completer #(
    /// Bits of a flit: 128, 256 or 512.
    parameter int unsigned FLIT_W    = 128,
    /// Bits of AXI data: 64 to 512, a power of two, not more than FLIT_W.
    parameter int unsigned DATA_W    = 128,
    /// Bits of AXI IDs, enough to number the requests at work.
    parameter int unsigned AXI_ID_W  = 4,
    /// Requests at work, 2 to 16.
    parameter int unsigned N_ACTIVE  = 8,
    /// Atomics that are remembered, 2 or more.
    parameter int unsigned N_ATOMICS = 16,
    /// Planes, 1 to 8.
    parameter int unsigned N_PLANES  = 2,
    /// Bits of the number of a plane; not to be set.
    parameter int unsigned PlaneW    = (N_PLANES > 1) ? $clog2(N_PLANES) : 1
) (
    /// Clock.
    input  logic                              clk_i,
    /// Reset, active low, asynchronous.
    input  logic                              rst_ni,
    /// Own ID: the source of answers to stores at many.
    input  logic [sp_pkg::ID_W-1:0]           source_i,
    /// Cycles for which an atomic may be sent again.
    input  logic [31:0]                       remember_i,

    /// Requests, of virtual channel 0 only: a beat comes.
    input  logic                              req_tvalid_i,
    /// It is taken.
    output logic                              req_tready_o,
    /// Units.
    input  logic [FLIT_W-1:0]                 req_tdata_i,
    /// {error mark with the last beat, header with the first}.
    input  logic [sp_pkg::USER_W-1:0]         req_tuser_i,
    /// Last beat of its packet.
    input  logic                              req_tlast_i,
    /// Plane by which the packet came.
    input  logic [PlaneW-1:0]                 req_plane_i,

    /// Answers: a beat is offered.
    output logic                              rsp_tvalid_o,
    /// It is taken.
    input  logic                              rsp_tready_i,
    /// Units.
    output logic [FLIT_W-1:0]                 rsp_tdata_o,
    /// {zero, header}.
    output logic [sp_pkg::USER_W-1:0]         rsp_tuser_o,
    /// Last beat of its packet.
    output logic                              rsp_tlast_o,
    /// Plane over which the packet goes.
    output logic [PlaneW-1:0]                 rsp_plane_o,

    /// AXI4: the number of the slot.
    output logic [AXI_ID_W-1:0]               m_axi_awid_o,
    /// First byte of the burst, a multiple of the bus.
    output logic [63:0]                       m_axi_awaddr_o,
    /// Beats less one.
    output logic [7:0]                        m_axi_awlen_o,
    /// All bytes of the bus.
    output logic [2:0]                        m_axi_awsize_o,
    /// INCR.
    output logic [1:0]                        m_axi_awburst_o,
    /// Normal access.
    output logic                              m_axi_awlock_o,
    /// Not bufferable: an answer says that all can see it.
    output logic [3:0]                        m_axi_awcache_o,
    /// Unprivileged, not secure, data.
    output logic [2:0]                        m_axi_awprot_o,
    /// No quality of service.
    output logic [3:0]                        m_axi_awqos_o,
    /// A write burst is offered.
    output logic                              m_axi_awvalid_o,
    /// It is taken.
    input  logic                              m_axi_awready_i,
    /// Data, in the order of the bursts.
    output logic [DATA_W-1:0]                 m_axi_wdata_o,
    /// Bytes that are written.
    output logic [DATA_W/8-1:0]               m_axi_wstrb_o,
    /// Last beat of its burst.
    output logic                              m_axi_wlast_o,
    /// A beat is offered.
    output logic                              m_axi_wvalid_o,
    /// It is taken.
    input  logic                              m_axi_wready_i,
    /* verilator lint_off UNUSEDSIGNAL */  // an ID is a slot; bit 1 says that it is an error
    /// Which burst is written.
    input  logic [AXI_ID_W-1:0]               m_axi_bid_i,
    /// How it ended.
    input  logic [1:0]                        m_axi_bresp_i,
    /* verilator lint_on UNUSEDSIGNAL */
    /// A burst is written.
    input  logic                              m_axi_bvalid_i,
    /// Always.
    output logic                              m_axi_bready_o,
    /// The number of the slot.
    output logic [AXI_ID_W-1:0]               m_axi_arid_o,
    /// First byte of the burst, a multiple of the bus.
    output logic [63:0]                       m_axi_araddr_o,
    /// Beats less one.
    output logic [7:0]                        m_axi_arlen_o,
    /// All bytes of the bus.
    output logic [2:0]                        m_axi_arsize_o,
    /// INCR.
    output logic [1:0]                        m_axi_arburst_o,
    /// Normal access.
    output logic                              m_axi_arlock_o,
    /// Not bufferable.
    output logic [3:0]                        m_axi_arcache_o,
    /// Unprivileged, not secure, data.
    output logic [2:0]                        m_axi_arprot_o,
    /// No quality of service.
    output logic [3:0]                        m_axi_arqos_o,
    /// A read burst is offered.
    output logic                              m_axi_arvalid_o,
    /// It is taken.
    input  logic                              m_axi_arready_i,
    /* verilator lint_off UNUSEDSIGNAL */
    /// Which burst the beat is of.
    input  logic [AXI_ID_W-1:0]               m_axi_rid_i,
    /// Data.
    input  logic [DATA_W-1:0]                 m_axi_rdata_i,
    /// How the beat was read.
    input  logic [1:0]                        m_axi_rresp_i,
    /* verilator lint_on UNUSEDSIGNAL */
    /// Last beat of its burst.
    input  logic                              m_axi_rlast_i,
    /// A beat comes.
    input  logic                              m_axi_rvalid_i,
    /// Always.
    output logic                              m_axi_rready_o,

    /// What became of the request that is answered now.
    output sp_endpoint_pkg::completer_event_t event_o
);

  import sp_pkg::*;
  import sp_endpoint_pkg::*;

  localparam int unsigned U      = FLIT_W / UNIT_W;          // units of a flit
  localparam int unsigned UB     = (U > 1) ? $clog2(U) : 1;
  localparam int unsigned Rows   = MAX_UNITS / U;            // flits of a block
  localparam int unsigned RowW   = $clog2(Rows);
  localparam int unsigned SlotW  = $clog2(N_ACTIVE);
  localparam int unsigned Depth  = N_ACTIVE * Rows;
  localparam int unsigned DepthW = $clog2(Depth);
  localparam int unsigned Lb     = $clog2(DATA_W / 8);       // address bits within the bus
  localparam int unsigned BeatW  = 8 - Lb;                   // of a bus beat's place in its block
  localparam int unsigned G      = (DATA_W < UNIT_W) ? DATA_W : UNIT_W;  // bits of a load bank
  localparam int unsigned GU     = UNIT_W / G;               // load banks of a unit
  localparam int unsigned GD     = DATA_W / G;               // of a bus beat
  localparam int unsigned Turns  = FLIT_W / DATA_W;          // bus beats of a flit
  localparam int unsigned Bus    = (DATA_W < UNIT_W) ? 1 : DATA_W / UNIT_W;  // units of a bus beat
  localparam int unsigned KeyW   = ID_W + TAG_W + 16;

  if (FLIT_W != 128 && FLIT_W != 256 && FLIT_W != 512) begin : g_bad_flit
    $fatal(1, "sp_completer: FLIT_W = %0d is not 128, 256 or 512", FLIT_W);
  end
  if (DATA_W < 64 || DATA_W > FLIT_W || DATA_W != (1 << $clog2(DATA_W))) begin : g_bad_data
    $fatal(1, "sp_completer: DATA_W = %0d is not a power of two of 64 to FLIT_W", DATA_W);
  end
  if (N_ACTIVE < 2 || N_ACTIVE > 16) begin : g_bad_active
    $fatal(1, "sp_completer: N_ACTIVE = %0d is not 2 to 16", N_ACTIVE);
  end
  if (AXI_ID_W < $clog2(N_ACTIVE)) begin : g_bad_id
    $fatal(1, "sp_completer: AXI_ID_W = %0d is not enough for %0d requests", AXI_ID_W, N_ACTIVE);
  end
  if (N_PLANES < 1 || N_PLANES > 8 || PlaneW != ((N_PLANES > 1) ? $clog2(N_PLANES) : 1))
  begin : g_bad_planes
    $fatal(1, "sp_completer: N_PLANES = %0d is not 1 to 8, or PlaneW was set", N_PLANES);
  end

  typedef logic [SlotW-1:0] slot_t;
  typedef logic [BeatW-1:0] beat_t;

  /// Lower bits of the first unit of an atomic.
  typedef struct packed {
    logic        quiet;
    logic        retry;
    logic [15:0] epoch;
    logic [63:0] operand;
  } atom_t;

  /// Request that has come as a whole.
  typedef struct packed {
    slot_t      slot;
    logic [3:0] status;  // not ST_OK: it is refused
  } gathered_t;

  /// What is looked at when it is issued.
  typedef struct packed {
    logic        retry;
    logic [15:0] epoch;
    hdr_t        hdr;
  } issue_t;

  /// What is looked at of an atomic when it is computed.
  typedef struct packed {
    logic [ADDR_W-1:0] addr;
    logic              wide;
    logic [3:0]        kind;
    logic [63:0]       operand;
  } calc_t;

  /// Burst.
  typedef struct packed {
    slot_t             slot;
    logic [ADDR_W-1:0] addr;
    beat_t             len;
  } burst_t;

  /// Data of a write burst.
  typedef struct packed {
    slot_t            slot;
    logic             atomic;
    logic             wide;
    logic             strobes;  // there is a unit of strobes
    logic [LEN_W-1:0] len;      // units
    logic [7:0]       addr;     // of the first byte, in its block
  } write_t;

  /// What becomes of the beats that are read for a slot.
  typedef struct packed {
    logic       atomic;
    logic       wide;
    logic [5:2] addr;
  } read_t;

  function automatic logic is_store(logic [5:0] op);
    return (op == OP_WRITE) || (op == OP_MCAST_WRITE);
  endfunction

  /// Why a request is refused; ST_OK: it is not.
  /* verilator lint_off UNUSEDSIGNAL */  // some of the header does not matter
  function automatic logic [3:0] check(hdr_t hdr, logic mark, logic [LEN_W-1:0] beats);
    logic [5:0] past;   // units from the begin of the block to the end of the request
    logic       known;
    logic       whole;  // what is announced has come
    logic       fits;
    mem_t       mem;
    mem   = hdr.cls.mem;
    past  = 6'(mem.addr[7:4]) + ((hdr.op == OP_READ) ? 6'(mem.arg) + 6'd1 : 6'(hdr.len));
    whole = len_legal(hdr.op, hdr.len) && (beats == num_flits(hdr.len, hdr.ext, U));
    known = (hdr.op == OP_READ) || is_store(hdr.op);
    fits  = (mem.addr[3:0] == '0) && (past <= 6'(MAX_UNITS));
    if (is_store(hdr.op) && hdr.ext[EXT_STROBE] && (hdr.len > LEN_W'(STROBE_UNITS))) fits = 1'b0;
    if (hdr.op == OP_ATOMIC) begin
      known = mem.arg <= AO_CAS;
      fits  = (mem.addr[1:0] == '0) && !(mem.wide && mem.addr[2])
              && (hdr.len == ((mem.arg == AO_CAS) ? LEN_W'(2) : LEN_W'(1)));
    end
    check = ST_OK;
    if (!whole || !fits) check = ST_LEN;
    if (!known) check = ST_OP;
    if (hdr.poison || mark) check = ST_BROKEN;
    if (hdr.version != VERSION) check = ST_VERSION;
  endfunction
  /* verilator lint_on UNUSEDSIGNAL */

  // ------------------------------------------------------------------------------- the slots

  logic [N_ACTIVE-1:0]      used_q;      // from the first beat of a request to the last answer beat
  logic [N_ACTIVE-1:0]      work_q;      // its block is at work
  logic [N_ACTIVE-1:0]      done_q;      // it can be answered
  logic [N_ACTIVE-1:0]      replayed_q;  // its answer is that of the table
  logic [N_ACTIVE-1:0]      ran_q;       // atomic that was executed: to be remembered
  logic [N_ACTIVE-1:0][3:0] status_q;
  logic [N_ACTIVE-1:0]      changes_q;   // it changes memory: a store or an atomic
  logic [ADDR_W-9:0]        blocks_q [N_ACTIVE];
  logic [ID_W-1:0]          sources_q[N_ACTIVE];
  hdr_t                     hdrs     [N_ACTIVE];
  logic [PlaneW-1:0]        planes   [N_ACTIVE];
  atom_t                    atoms    [N_ACTIVE];
  logic [63:0]              olds     [N_ACTIVE];  // what was in memory
  logic [63:0]              results  [N_ACTIVE];  // what is written, or the answer of the table
  logic [UNIT_W-1:0]        strobes  [N_ACTIVE];
  read_t                    reads    [N_ACTIVE];

  // The same for steps that can read with a clock, as block memories do. A place is not read in the
  // cycle in which it is written.
  (* no_rw_check, ram_style = "block" *)
  issue_t                   issues   [N_ACTIVE];
  (* no_rw_check, ram_style = "block" *)
  calc_t                    calcs    [N_ACTIVE];
  (* no_rw_check, ram_style = "block" *)
  logic [63:0]              compares [N_ACTIVE];
  (* no_rw_check, ram_style = "block" *)
  logic [63:0]              calc_olds[N_ACTIVE];

  // Queues with a place for each slot are never full.
  /* verilator lint_off UNUSEDSIGNAL */
  logic                          queue_full;
  logic                          calc_full;
  logic                          w_full;
  logic [$clog2(N_ACTIVE+1)-1:0] queue_count;
  logic [$clog2(N_ACTIVE+1)-1:0] calc_count;
  logic [$clog2(N_ACTIVE+1)-1:0] w_count;
  logic [1:0]                    ar_count;
  logic [1:0]                    aw_count;
  /* verilator lint_on UNUSEDSIGNAL */

  // ---------------------------------------------------------------------------------- gather

  logic               first_q;   // the next beat is a first one
  logic [LEN_W-1:0]   count_q;   // beats of the packet that have come; stops at the largest
  slot_t              slot_q;
  hdr_t               hdr_q;

  logic               take;
  slot_t              free;
  slot_t              g_slot;
  hdr_t               g_hdr;
  logic [LEN_W-1:0]   g_beat;
  logic [3:0]         g_from;    // place of the first unit in the block
  logic [UB-1:0]      g_lane;    // where the strobes lie in their flit
  logic               g_strobe;  // they lie in this one
  logic [U-1:0][UNIT_W-1:0] g_unit;
  atom_t              g_atom;    // if it is one

  logic [U-1:0]             put;
  logic [U-1:0][DepthW-1:0] put_addr;
  logic [U-1:0][UNIT_W-1:0] put_data;
  logic [U-1:0][DepthW-1:0] get_addr;
  logic [U-1:0][UNIT_W-1:0] get_data;
  logic                     w_go;

  always_comb begin
    free = '0;
    for (int unsigned i = N_ACTIVE; i > 0; i--) if (!used_q[i-1]) free = slot_t'(i - 1);
  end

  assign req_tready_o = !first_q || (used_q != '1);
  assign take     = req_tvalid_i && req_tready_o;
  assign g_slot   = first_q ? free : slot_q;
  assign g_hdr    = first_q ? hdr_t'(req_tuser_i[HDR_W-1:0]) : hdr_q;
  assign g_beat   = first_q ? '0 : count_q;
  assign g_unit   = req_tdata_i;
  assign g_atom   = atom_t'(req_tdata_i[$bits(atom_t)-1:0]);
  assign g_from   = g_hdr.cls.mem.addr[7:4];
  assign g_lane   = UB'(g_hdr.len) & UB'(U - 1);
  assign g_strobe = (g_hdr.len >> $clog2(U)) == g_beat;

  // Units are kept where they lie in their block, so that the bus finds them where it wants them.
  // Extensions are kept behind them if there is room, and not looked at.
  for (genvar b = 0; b < U; b++) begin : g_put
    logic [3:0] lane;   // unit of the flit that lies in this bank
    logic [7:0] place;
    assign lane        = (4'(b) - g_from) & 4'(U - 1);
    assign place       = 8'(g_from) + 8'(g_beat) * 8'(U) + 8'(lane);
    assign put[b]      = take && (place < 8'(MAX_UNITS));
    assign put_addr[b] = DepthW'(g_slot) * DepthW'(Rows) + DepthW'(place >> $clog2(U));
    assign put_data[b] = g_unit[lane[UB-1:0]];
  end

  sp_banks #(
      .BANKS(U),
      .WIDTH(UNIT_W),
      .DEPTH(Depth)
  ) u_store (
      .clk_i,
      .write_i(put),
      .waddr_i(put_addr),
      .wdata_i(put_data),
      .read_i (w_go),
      .raddr_i(get_addr),
      .rdata_o(get_data)
  );

  always_ff @(posedge clk_i) begin
    if (take && first_q) begin
      hdr_q          <= g_hdr;
      slot_q         <= free;
      hdrs[g_slot]   <= g_hdr;
      planes[g_slot] <= req_plane_i;
      atoms[g_slot]  <= g_atom;
      issues[g_slot] <= '{retry: g_atom.retry, epoch: g_atom.epoch, hdr: g_hdr};
      calcs[g_slot]  <= '{addr: g_hdr.cls.mem.addr, wide: g_hdr.cls.mem.wide,
                          kind: g_hdr.cls.mem.arg, operand: g_atom.operand};
    end
    if (take && g_strobe) strobes[g_slot] <= g_unit[g_lane];
    if (take && (g_beat == ((U > 1) ? '0 : LEN_W'(1)))) compares[g_slot] <= g_unit[U > 1][63:0];
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      first_q <= 1'b1;
      count_q <= '0;
    end else if (take) begin
      first_q <= req_tlast_i;
      if (g_beat != '1) count_q <= g_beat + LEN_W'(1);
    end
  end

  gathered_t gathered;
  gathered_t queued;
  logic      queue_empty;
  logic      queue_pop;

  assign gathered = '{
      slot: g_slot, status: check(g_hdr, req_tuser_i[HDR_W], g_beat + LEN_W'(1))};

  sp_fifo #(
      .WIDTH($bits(gathered_t)),
      .DEPTH(N_ACTIVE)
  ) u_queue (
      .clk_i,
      .rst_ni,
      .push_i (take && req_tlast_i),
      .data_i (gathered),
      .full_o (queue_full),
      .pop_i  (queue_pop),
      .data_o (queued),
      .empty_o(queue_empty),
      .count_o(queue_count)
  );

  // ----------------------------------------------------------------------------------- issue

  gathered_t   issue_what;
  issue_t      issue_q;
  logic        issue_valid;
  logic        issue_go;
  /* verilator lint_off UNUSEDSIGNAL */
  mem_t        i_mem;       // but for what only the answer keeps
  /* verilator lint_on UNUSEDSIGNAL */
  slot_t       i_slot;
  logic        i_ok;        // a request that is executed or replayed
  logic        i_atomic;
  logic        i_conflict;
  logic        i_replay;
  logic        i_unknown;
  logic        i_read;
  logic        i_write;
  logic        i_changes;
  logic [7:0]  i_more;      // units behind the first
  logic [7:0]  i_last;      // of the last byte in the block
  logic [64:0] kept;        // {memory error, old value}
  logic        kept_hit;
  logic        kept_unknown;

  burst_t      ar_in;
  burst_t      ar;
  logic        ar_push;
  logic        ar_full;
  logic        ar_empty;
  burst_t      aw_in;
  burst_t      aw;
  logic        aw_push;
  logic        aw_full;
  logic        aw_empty;
  write_t      w_in;

  slot_t       op_slot;
  calc_t       op_q;
  logic [63:0] op_compare_q;
  logic [63:0] op_old_q;
  logic        op_valid;
  logic        op_write;
  logic        op_go;
  logic [63:0] op_new;

  sp_stage #(
      .WIDTH($bits(gathered_t))
  ) u_issue (
      .clk_i,
      .rst_ni,
      .valid_i(!queue_empty),
      .ready_o(queue_pop),
      .data_i (queued),
      .valid_o(issue_valid),
      .ready_i(issue_go),
      .data_o (issue_what)
  );

  always_ff @(posedge clk_i) begin
    if (!queue_empty && queue_pop) issue_q <= issues[queued.slot];
  end

  assign i_mem     = issue_q.hdr.cls.mem;
  assign i_slot    = issue_what.slot;
  assign i_ok      = issue_what.status == ST_OK;
  assign i_atomic  = i_ok && (issue_q.hdr.op == OP_ATOMIC);
  assign i_replay  = i_atomic && issue_q.retry && kept_hit;
  assign i_unknown = i_atomic && issue_q.retry && !kept_hit && kept_unknown;
  assign i_read    = (i_ok && (issue_q.hdr.op == OP_READ))
                     || (i_atomic && !i_replay && !i_unknown);
  assign i_write   = i_ok && is_store(issue_q.hdr.op);
  assign i_changes = i_write || i_atomic;
  assign i_more    = (issue_q.hdr.op == OP_READ) ? 8'(i_mem.arg) : 8'(issue_q.hdr.len) - 8'd1;
  assign i_last    = i_mem.addr[7:0] + (i_more << 4) + 8'd15;

  always_comb begin
    i_conflict = 1'b0;
    for (int unsigned i = 0; i < N_ACTIVE; i++) begin
      if (work_q[i] && (blocks_q[i] == i_mem.addr[ADDR_W-1:8])) i_conflict = 1'b1;
      // AXI keeps no order between addresses; what was answered, all can see.
      if (i_changes && !i_mem.relaxed && work_q[i] && changes_q[i]
          && (sources_q[i] == issue_q.hdr.src)) i_conflict = 1'b1;
    end
  end

  // An atomic that is to be written goes first: it takes the way to AW and the place of results.
  assign issue_go = issue_valid && !i_conflict && !(i_read && ar_full) && !(i_write && aw_full)
                    && !(op_valid && (i_write || i_replay));

  function automatic beat_t place(logic [7:0] addr);
    return beat_t'(addr >> Lb);
  endfunction

  assign ar_push = issue_go && i_read;
  assign ar_in   = '{
      slot: i_slot, addr: {i_mem.addr[ADDR_W-1:Lb], Lb'(0)},
      len: i_atomic ? '0 : place(i_last) - place(i_mem.addr[7:0])};

  sp_fifo #(
      .WIDTH($bits(burst_t)),
      .DEPTH(2)
  ) u_ar (
      .clk_i,
      .rst_ni,
      .push_i (ar_push),
      .data_i (ar_in),
      .full_o (ar_full),
      .pop_i  (m_axi_arready_i),
      .data_o (ar),
      .empty_o(ar_empty),
      .count_o(ar_count)
  );

  // --------------------------------------------------------------------------------- operate

  slot_t    calc_slot;
  logic     calc_empty;
  logic     calc_pop;
  logic     calc_push;

  logic                r_valid_q;
  slot_t               r_slot_q;
  logic                r_last_q;
  logic                r_bad_q;
  logic [DATA_W-1:0]   r_data_q;

  sp_fifo #(
      .WIDTH(SlotW),
      .DEPTH(N_ACTIVE)
  ) u_calc (
      .clk_i,
      .rst_ni,
      .push_i (calc_push),
      .data_i (r_slot_q),
      .full_o (calc_full),
      .pop_i  (calc_pop),
      .data_o (calc_slot),
      .empty_o(calc_empty),
      .count_o(calc_count)
  );

  sp_stage #(
      .WIDTH(SlotW)
  ) u_operate (
      .clk_i,
      .rst_ni,
      .valid_i(!calc_empty),
      .ready_o(calc_pop),
      .data_i (calc_slot),
      .valid_o(op_valid),
      .ready_i(op_go),
      .data_o (op_slot)
  );

  always_ff @(posedge clk_i) begin
    if (!calc_empty && calc_pop) begin
      op_q         <= calcs[calc_slot];
      op_compare_q <= compares[calc_slot];
      op_old_q     <= calc_olds[calc_slot];
    end
  end

  sp_atomic_alu u_alu (
      .kind_i   (op_q.kind),
      .wide_i   (op_q.wide),
      .old_i    (op_old_q),
      .operand_i(op_q.operand),
      .compare_i(op_compare_q),
      .new_o    (op_new),
      .write_o  (op_write)
  );

  assign op_go = op_valid && (!op_write || !aw_full);

  // ------------------------------------------------------------------------------------ write

  write_t                w;
  logic                  w_empty;
  logic                  w_last;
  logic                  w_first_q;  // the next beat is a first one
  beat_t                 w_beat_q;
  beat_t                 w_beat;
  logic                  w_ready;
  logic [7:0]            w_end;
  logic [DATA_W/8-1:0]   w_strb;
  logic [Bus-1:0][UNIT_BYTES-1:0] w_units;  // bytes that are written, by unit of the beat
  logic [DATA_W/8-1:0]   w_part;     // the same of the beat
  logic [63:0]           w_result;
  logic                  m_atomic;   // the beat that is offered is of an atomic
  logic [63:0]           m_result;
  beat_t                 m_beat;
  logic [Turns-1:0][DATA_W-1:0] m_row;

  assign aw_push = (op_go && op_write) || (issue_go && i_write);
  assign aw_in   = op_valid ? '{slot: op_slot, addr: {op_q.addr[ADDR_W-1:Lb], Lb'(0)}, len: '0}
                 : '{slot: i_slot, addr: {i_mem.addr[ADDR_W-1:Lb], Lb'(0)},
                     len: place(i_last) - place(i_mem.addr[7:0])};
  assign w_in    = op_valid ? '{slot: op_slot, atomic: 1'b1, wide: op_q.wide, strobes: 1'b0,
                                len: LEN_W'(1), addr: op_q.addr[7:0]}
                 : '{slot: i_slot, atomic: 1'b0, wide: 1'b0, strobes: issue_q.hdr.ext[EXT_STROBE],
                     len: issue_q.hdr.len, addr: i_mem.addr[7:0]};

  sp_fifo #(
      .WIDTH($bits(burst_t)),
      .DEPTH(2)
  ) u_aw (
      .clk_i,
      .rst_ni,
      .push_i (aw_push),
      .data_i (aw_in),
      .full_o (aw_full),
      .pop_i  (m_axi_awready_i),
      .data_o (aw),
      .empty_o(aw_empty),
      .count_o(aw_count)
  );

  sp_fifo #(
      .WIDTH($bits(write_t)),
      .DEPTH(N_ACTIVE)
  ) u_w (
      .clk_i,
      .rst_ni,
      .push_i (aw_push),
      .data_i (w_in),
      .full_o (w_full),
      .pop_i  (w_go && w_last),
      .data_o (w),
      .empty_o(w_empty),
      .count_o(w_count)
  );

  assign w_beat = w_first_q ? place(w.addr) : w_beat_q;
  assign w_end  = w.addr + (8'(w.len) << 4) - 8'd1;
  assign w_last = w.atomic || (w_beat == place(w_end));
  assign w_go   = !w_empty && w_ready;

  for (genvar b = 0; b < U; b++) begin : g_get
    assign get_addr[b] = DepthW'(w.slot) * DepthW'(Rows) + DepthW'(w_beat / beat_t'(Turns));
  end

  always_comb begin
    logic [3:0] unit;    // of the block
    logic [3:0] behind;  // the first one of the store
    for (int unsigned k = 0; k < Bus; k++) begin
      unit   = 4'(UNIT_BYTES > DATA_W / 8 ? 8'(w_beat) / 8'(GU) : 8'(w_beat) * 8'(Bus) + 8'(k));
      behind = unit - w.addr[7:4];
      w_units[k] = '0;
      if (unit >= w.addr[7:4] && LEN_W'(behind) < w.len) begin
        if (!w.strobes) w_units[k] = '1;
        else if (!behind[3]) w_units[k] = strobes[w.slot][behind[2:0]*UNIT_BYTES+:UNIT_BYTES];
      end
    end
  end

  if (DATA_W < UNIT_W) begin : g_part_of_unit
    assign w_part = w_units[0][32'(w_beat[0])*(DATA_W/8)+:DATA_W/8];
  end else begin : g_units
    assign w_part = w_units;
  end

  always_comb begin
    w_strb = w_part;
    if (w.atomic) w_strb = (DATA_W / 8)'(w.wide ? 8'hff : 8'h0f) << w.addr[Lb-1:0];
    w_result = results[w.slot];
    if (!w.wide) w_result[63:32] = w_result[31:0];
  end

  // What the memory reads of the beat is there when this is.
  sp_stage #(
      .WIDTH(1 + BeatW + 64 + DATA_W / 8 + 1)
  ) u_w_out (
      .clk_i,
      .rst_ni,
      .valid_i(!w_empty),
      .ready_o(w_ready),
      .data_i ({w.atomic, w_beat, w_result, w_strb, w_last}),
      .valid_o(m_axi_wvalid_o),
      .ready_i(m_axi_wready_i),
      .data_o ({m_atomic, m_beat, m_result, m_axi_wstrb_o, m_axi_wlast_o})
  );

  assign m_row         = get_data;
  assign m_axi_wdata_o = m_atomic ? {(DATA_W / 64) {m_result}} : m_row[m_beat&beat_t'(Turns-1)];

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) w_first_q <= 1'b1;
    else if (w_go) w_first_q <= w_last;
  end

  always_ff @(posedge clk_i) begin
    if (w_go) w_beat_q <= w_beat + beat_t'(1);
  end

  // ------------------------------------------------------------------------------------- read

  beat_t                       r_beats [N_ACTIVE];  // place of the next beat in the block
  beat_t                       r_beat;
  read_t                       r_read;
  logic [63:0]                 r_word;
  logic [FLIT_W/G-1:0]         fill;
  logic [FLIT_W/G-1:0][DepthW-1:0] fill_addr;
  logic [FLIT_W/G-1:0][G-1:0]  fill_data;
  logic                        show;
  logic [FLIT_W/G-1:0][DepthW-1:0] show_addr;
  logic [FLIT_W/G-1:0][G-1:0]  show_data;

  // Room is there for all that is asked for.
  assign m_axi_rready_o = 1'b1;
  assign m_axi_bready_o = 1'b1;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) r_valid_q <= 1'b0;
    else r_valid_q <= m_axi_rvalid_i;
  end

  always_ff @(posedge clk_i) begin
    r_slot_q <= slot_t'(m_axi_rid_i);
    r_last_q <= m_axi_rlast_i;
    r_bad_q  <= m_axi_rresp_i[1];
    r_data_q <= m_axi_rdata_i;
  end

  assign r_beat = r_beats[r_slot_q];
  assign r_read = reads[r_slot_q];

  always_comb begin
    r_word = 64'(r_data_q >> {r_read.addr & 4'(DATA_W / 32 - 1), 5'd0});
    if (!r_read.wide) r_word[63:32] = '0;
  end

  for (genvar b = 0; b < FLIT_W / G; b++) begin : g_fill
    assign fill[b]      = r_valid_q && ((r_beat & beat_t'(Turns - 1)) == beat_t'(b / GD));
    assign fill_addr[b] = DepthW'(r_slot_q) * DepthW'(Rows) + DepthW'(r_beat / beat_t'(Turns));
    assign fill_data[b] = r_data_q[(b%GD)*G+:G];
  end

  sp_banks #(
      .BANKS(FLIT_W / G),
      .WIDTH(G),
      .DEPTH(Depth)
  ) u_load (
      .clk_i,
      .write_i(fill),
      .waddr_i(fill_addr),
      .wdata_i(fill_data),
      .read_i (show),
      .raddr_i(show_addr),
      .rdata_o(show_data)
  );

  always_ff @(posedge clk_i) begin
    if (ar_push) begin
      r_beats[i_slot] <= place(i_mem.addr[7:0]);
      reads[i_slot]   <= '{atomic: i_atomic, wide: i_mem.wide, addr: i_mem.addr[5:2]};
    end
    if (r_valid_q) begin
      r_beats[r_slot_q] <= r_beat + beat_t'(1);
      olds[r_slot_q]    <= r_word;
      calc_olds[r_slot_q] <= r_word;
    end
    if (op_go) results[op_slot] <= op_new;
    else if (issue_go && i_replay) results[i_slot] <= kept[63:0];
  end

  // ----------------------------------------------------------------------------------- answer

  logic [N_ACTIVE-1:0] grant;
  slot_t               a_slot;       // the one that is answered next
  hdr_t                a_hdr;
  /* verilator lint_off UNUSEDSIGNAL */
  atom_t               a_atom;       // but for what was looked at before
  /* verilator lint_on UNUSEDSIGNAL */
  logic                a_take;
  logic                a_atomic;
  hdr_t                a_answer;

  logic                s_valid_q;    // an answer is being sent
  slot_t               s_slot_q;
  hdr_t                s_hdr_q;
  logic [PlaneW-1:0]   s_plane_q;
  logic [3:0]          s_from_q;     // place of its first unit in the block
  logic                s_atomic_q;
  logic [63:0]         s_old_q;
  logic [LEN_W-1:0]    s_beat_q;
  logic                s_ready;
  logic                s_last;
  logic                s_end;        // the last beat goes
  logic [U-1:0]        s_some;       // units that are sent
  logic [U-1:0]        o_some;       // the same of the beat that is offered
  logic [3:0]          o_from;
  logic                o_atomic;
  logic [63:0]         o_old;
  logic [U-1:0][UNIT_W-1:0] o_data;
  logic [U-1:0][UNIT_W-1:0] o_unit;  // by bank

  sp_rr_arbiter #(
      .N(N_ACTIVE)
  ) u_turn (
      .clk_i,
      .rst_ni,
      .req_i    (done_q),
      .advance_i(a_take),
      .gnt_o    (grant)
  );

  always_comb begin
    a_slot = '0;
    for (int unsigned i = 0; i < N_ACTIVE; i++) if (grant[i]) a_slot |= slot_t'(i);
  end

  assign a_take   = (done_q != '0) && (!s_valid_q || s_end);
  assign a_hdr    = hdrs[a_slot];
  assign a_atom   = atoms[a_slot];
  assign a_atomic = a_hdr.op == OP_ATOMIC;

  always_comb begin
    a_answer = error_answer(a_hdr, status_q[a_slot]);
    if (a_hdr.op == OP_MCAST_WRITE) a_answer.src = source_i;  // dst is not this endpoint
    if (status_q[a_slot] == ST_OK) begin
      a_answer.op = OP_WRITE_RSP;
      if (a_hdr.op == OP_READ) begin
        a_answer.op  = OP_READ_RSP;
        a_answer.len = LEN_W'(a_hdr.cls.mem.arg) + LEN_W'(1);
      end else if (a_atomic && !a_atom.quiet) begin
        a_answer.op  = OP_ATOMIC_RSP;
        a_answer.len = LEN_W'(1);
      end
    end
  end

  assign event_o = '{
      memory:   a_take && (status_q[a_slot] == ST_MEMORY),
      refused:  a_take && ((status_q[a_slot] == ST_VERSION) || (status_q[a_slot] == ST_OP)
                           || (status_q[a_slot] == ST_LEN)),
      broken:   a_take && (status_q[a_slot] == ST_BROKEN),
      unknown:  a_take && (status_q[a_slot] == ST_UNKNOWN),
      replayed: a_take && (status_q[a_slot] == ST_OK) && replayed_q[a_slot],
      atomic:   a_take && (status_q[a_slot] == ST_OK) && a_atomic && !replayed_q[a_slot],
      store:    a_take && (status_q[a_slot] == ST_OK) && is_store(a_hdr.op),
      load:     a_take && (status_q[a_slot] == ST_OK) && (a_hdr.op == OP_READ)};

  // Here, because from the next cycle on another request of the block may come to be issued.
  sp_atomic_table #(
      .ENTRIES (N_ATOMICS),
      .KEY_W   (KeyW),
      .ANSWER_W(65)
  ) u_table (
      .clk_i,
      .rst_ni,
      .remember_i,
      .key_i        ({issue_q.hdr.src, issue_q.hdr.tag, issue_q.epoch}),
      .hit_o        (kept_hit),
      .answer_o     (kept),
      .unknown_o    (kept_unknown),
      .reuse_i      (issue_go && i_atomic && !issue_q.retry),
      .keep_i       (a_take && ran_q[a_slot]),
      .keep_key_i   ({a_hdr.src, a_hdr.tag, a_atom.epoch}),
      .keep_answer_i({status_q[a_slot] == ST_MEMORY, olds[a_slot]})
  );

  for (genvar b = 0; b < U; b++) begin : g_show
    logic [3:0] lane;   // unit of the flit that lies in this bank
    logic [7:0] spot;
    assign lane  = (4'(b) - s_from_q) & 4'(U - 1);
    assign spot  = 8'(s_from_q) + 8'(s_beat_q) * 8'(U) + 8'(lane);
    for (genvar g = 0; g < GU; g++) begin : g_part
      // Behind the block lies another slot: what is read there is not sent.
      assign show_addr[b*GU+g] = DepthW'(s_slot_q) * DepthW'(Rows)
                                 + DepthW'(RowW'(spot >> $clog2(U)));
      assign o_unit[b][g*G+:G] = show_data[b*GU+g];
    end
  end

  for (genvar j = 0; j < U; j++) begin : g_some
    assign s_some[j] = 8'(s_beat_q) * 8'(U) + 8'(j) < 8'(s_hdr_q.len);
  end

  assign s_last = s_beat_q == (num_flits(s_hdr_q.len, '0, U) - LEN_W'(1));
  assign s_end  = s_valid_q && s_ready && s_last;
  assign show   = s_valid_q && s_ready;

  // What the memory shows of the beat is there when this is.
  sp_stage #(
      .WIDTH(U + 4 + 1 + 64 + HDR_W + 1 + PlaneW)
  ) u_out (
      .clk_i,
      .rst_ni,
      .valid_i(s_valid_q),
      .ready_o(s_ready),
      .data_i ({s_plane_q, s_last, s_hdr_q, s_old_q, s_atomic_q, s_from_q, s_some}),
      .valid_o(rsp_tvalid_o),
      .ready_i(rsp_tready_i),
      .data_o ({rsp_plane_o, rsp_tlast_o, rsp_tuser_o[HDR_W-1:0], o_old, o_atomic, o_from, o_some})
  );

  always_comb begin
    for (int unsigned j = 0; j < U; j++) begin
      o_data[j] = '0;  // no unit of an earlier request leaves behind the last one
      if (o_some[j]) o_data[j] = o_unit[UB'((4'(j) + o_from) & 4'(U - 1))];
    end
    if (o_atomic) o_data[0] = UNIT_W'(o_old);
  end

  assign rsp_tdata_o          = o_data;
  assign rsp_tuser_o[HDR_W] = 1'b0;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) s_valid_q <= 1'b0;
    else if (a_take) s_valid_q <= 1'b1;
    else if (s_end) s_valid_q <= 1'b0;
  end

  always_ff @(posedge clk_i) begin
    if (a_take) begin
      s_slot_q   <= a_slot;
      s_hdr_q    <= a_answer;
      s_plane_q  <= planes[a_slot];
      s_from_q   <= a_hdr.cls.mem.addr[7:4];
      s_atomic_q <= a_answer.op == OP_ATOMIC_RSP;
      s_old_q    <= replayed_q[a_slot] ? results[a_slot] : olds[a_slot];
      s_beat_q   <= '0;
    end else if (s_valid_q && s_ready) begin
      s_beat_q <= s_beat_q + LEN_W'(1);
    end
  end

  // --------------------------------------------------------------------- state of the slots

  logic  b_bad;
  slot_t b_slot;

  assign b_bad     = m_axi_bresp_i[1];
  assign b_slot    = slot_t'(m_axi_bid_i);
  assign calc_push = r_valid_q && r_last_q && r_read.atomic
                     && !r_bad_q && (status_q[r_slot_q] == ST_OK);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      used_q     <= '0;
      work_q     <= '0;
      done_q     <= '0;
      replayed_q <= '0;
      ran_q      <= '0;
      status_q   <= '0;
    end else begin
      if (take && first_q) used_q[free] <= 1'b1;
      if (issue_go) begin
        work_q[i_slot]     <= 1'b1;
        done_q[i_slot]     <= !i_read && !i_write;
        replayed_q[i_slot] <= i_replay;
        ran_q[i_slot]      <= i_atomic && i_read;
        status_q[i_slot]   <= i_unknown ? ST_UNKNOWN
                              : (i_replay && kept[64]) ? ST_MEMORY : issue_what.status;
      end
      if (r_valid_q) begin
        if (r_bad_q) status_q[r_slot_q] <= ST_MEMORY;
        if (r_last_q) done_q[r_slot_q] <= !calc_push;
      end
      if (op_go && !op_write) done_q[op_slot] <= 1'b1;
      if (m_axi_bvalid_i) begin
        done_q[b_slot] <= 1'b1;
        if (b_bad) status_q[b_slot] <= ST_MEMORY;
      end
      if (a_take) begin
        work_q[a_slot] <= 1'b0;
        done_q[a_slot] <= 1'b0;
      end
      if (s_end) used_q[s_slot_q] <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (issue_go) begin
      blocks_q[i_slot]  <= i_mem.addr[ADDR_W-1:8];
      sources_q[i_slot] <= issue_q.hdr.src;
      changes_q[i_slot] <= i_changes;
    end
  end

  // -------------------------------------------------------------------------------- AXI, fixed

  assign m_axi_awvalid_o = !aw_empty;
  assign m_axi_awid_o    = AXI_ID_W'(aw.slot);
  assign m_axi_awaddr_o  = AXI_ADDR_W'(aw.addr);
  assign m_axi_awlen_o   = 8'(aw.len);
  assign m_axi_awsize_o  = 3'(Lb);
  assign m_axi_awburst_o = 2'b01;
  assign m_axi_awlock_o  = 1'b0;
  assign m_axi_awcache_o = 4'b0010;
  assign m_axi_awprot_o  = 3'b010;
  assign m_axi_awqos_o   = '0;
  assign m_axi_arvalid_o = !ar_empty;
  assign m_axi_arid_o    = AXI_ID_W'(ar.slot);
  assign m_axi_araddr_o  = AXI_ADDR_W'(ar.addr);
  assign m_axi_arlen_o   = 8'(ar.len);
  assign m_axi_arsize_o  = 3'(Lb);
  assign m_axi_arburst_o = 2'b01;
  assign m_axi_arlock_o  = 1'b0;
  assign m_axi_arcache_o = 4'b0010;
  assign m_axi_arprot_o  = 3'b010;
  assign m_axi_arqos_o   = '0;

endmodule
