// SPDX-License-Identifier: Apache-2.0
//
// Reduction engine: contributions in, one result per reduction out. docs/reduction.md tells what
// it guarantees; in short:
//   - a granted packet is always taken at one flit a cycle; `want_o` holds back what cannot be;
//   - whether a contribution is taken or refused is decided in the cycle of its grant, so want,
//     grant and state never disagree, whatever the latency from grant to flits;
//   - contexts lie in two sets (bit 0 of their index): one is read out while the other collects.
//
//   head -> classify -> want -> (scheduler) -> grant -> context, or answer queue
//                                               |
//   flits ------------------------------> flight queue -> lanes -> result buffer -> out
module sp_reduction_engine #(
    /// External ports of the switch.
    parameter int unsigned N_PORTS    = 8,
    /// Bits of a flit: 128, 256 or 512.
    parameter int unsigned FLIT_W     = 128,
    /// Reductions in flight: even, 2 to 64.
    parameter int unsigned N_CONTEXTS = 8,
    /// Rows of the group table.
    parameter int unsigned N_GROUPS   = 64,
    /// 1: registers between look, decision and grant, for FPGAs; see docs/crossbar.md.
    parameter bit          PIPELINED  = 1'b0,
    localparam int unsigned PW        = $clog2(N_PORTS),
    localparam int unsigned GW        = (N_GROUPS > 1) ? $clog2(N_GROUPS) : 1,
    localparam int unsigned UW        = $clog2(N_CONTEXTS + 1)
) (
    /// Clock.
    input  logic               clk_i,
    /// Reset, active low.
    input  logic               rst_ni,
    /// The queue of each port for this engine has a packet; it stays until granted.
    input  logic [N_PORTS-1:0] head_valid_i,
    /// Header of that packet.
    input  sp_pkg::hdr_t       head_hdr_i[N_PORTS],
    /// That packet may be granted in this cycle. Combinational from the heads and the state.
    output logic [N_PORTS-1:0] want_o,
    /// The scheduler grants a packet that is wanted in this very cycle.
    input  logic               grant_i,
    /// Whose.
    input  logic [PW-1:0]      grant_port_i,
    /// A flit of a granted packet: two cycles or more after the grant, no gaps, in grant order.
    input  logic               in_valid_i,
    /// First flit of its packet.
    input  logic               in_first_i,
    /// Last flit of its packet.
    input  logic               in_last_i,
    /// With the last flit: the packet is damaged.
    input  logic               in_err_i,
    /// Port the packet came from.
    input  logic [PW-1:0]      in_port_i,
    /// Header, with the first flit.
    // verilator lint_off UNUSEDSIGNAL
    input  sp_pkg::hdr_t       in_hdr_i,  // only `poison`: the rest was read at the grant
    // verilator lint_on UNUSEDSIGNAL
    /// Payload.
    input  logic [FLIT_W-1:0]  in_data_i,
    /// A flit of a result or an answer. All flits of a packet are there when the first is offered.
    output logic               out_valid_o,
    /// It is taken.
    input  logic               out_ready_i,
    /// First flit of its packet.
    output logic               out_first_o,
    /// Last flit of its packet.
    output logic               out_last_o,
    /// Header, stable through the packet.
    output sp_pkg::hdr_t       out_hdr_o,
    /// Payload.
    output logic [FLIT_W-1:0]  out_data_o,
    /// Ports that the packet goes to, stable through the packet.
    output logic [N_PORTS-1:0] out_mask_o,
    /// Write a row of the group table.
    input  logic               grp_we_i,
    /// Which row.
    input  logic [GW-1:0]      grp_addr_i,
    /// Its members; none: there is no such group.
    input  logic [N_PORTS-1:0] grp_mask_i,
    /// A reduction that is incomplete after this many cycles is given up; 0: never.
    input  logic [31:0]        timeout_i,
    /// Pulse: a contribution was accepted.
    output logic               ev_contribution_o,
    /// Pulse: the last flit of a result was taken.
    output logic               ev_result_o,
    /// Pulse: a contribution was refused.
    output logic               ev_refused_o,
    /// With ev_refused_o: why.
    output logic [3:0]         ev_status_o,
    /// Pulse: a reduction was given up.
    output logic               ev_timeout_o,
    /// Contexts in use.
    output logic [UW-1:0]      contexts_used_o
);

  import sp_pkg::*;

  // -------------------------------------------------------------------------------- constants

  /// Payload flits of the longest packet.
  localparam int unsigned BEATS  = 8 * UNIT_BYTES * MAX_UNITS / FLIT_W;
  localparam int unsigned BW     = $clog2(BEATS);
  localparam int unsigned CW     = $clog2(N_CONTEXTS);
  localparam int unsigned ELEMS  = (N_CONTEXTS / 2) * BEATS;
  localparam int unsigned EW     = $clog2(ELEMS);
  /// Packets between grant and last flit.
  localparam int unsigned FLIGHT = 16;
  localparam int unsigned FW     = $clog2(FLIGHT);
  /// Answers that wait to be sent.
  localparam int unsigned ANSWERS = 4;
  localparam int unsigned AW      = $clog2(ANSWERS);
  /// Results that wait or are under way from the lanes.
  localparam int unsigned RESULTS = 4;
  localparam int unsigned RW      = $clog2(RESULTS);
  /// Flits of the result buffer: two of the longest packets.
  localparam int unsigned BUF     = 2 * BEATS;
  localparam int unsigned BUFW    = $clog2(BUF);

  if (N_PORTS < 2 || N_PORTS > 1024) begin : gen_bad_ports
    $fatal(1, "sp_reduction_engine: N_PORTS = %0d is not in 2..1024", N_PORTS);
  end
  if (FLIT_W != 128 && FLIT_W != 256 && FLIT_W != 512) begin : gen_bad_flit
    $fatal(1, "sp_reduction_engine: FLIT_W = %0d is not 128, 256 or 512", FLIT_W);
  end
  if (N_CONTEXTS < 2 || N_CONTEXTS > 64 || N_CONTEXTS % 2 != 0) begin : gen_bad_contexts
    $fatal(1, "sp_reduction_engine: N_CONTEXTS = %0d is not an even number in 2..64", N_CONTEXTS);
  end
  if (N_GROUPS < 1 || N_GROUPS > 4096) begin : gen_bad_groups
    $fatal(1, "sp_reduction_engine: N_GROUPS = %0d is not in 1..4096", N_GROUPS);
  end

  /// What names a reduction. Of a group that is not in the table none is ever open.
  typedef struct packed {
    logic [SEQ_W-1:0]   seq;
    logic [SLICE_W-1:0] slice;
    logic [GW-1:0]      group;
  } key_t;

  /// What all contributions to a reduction have in common besides.
  typedef struct packed {
    logic              reduce;  // OP_REDUCE instead of OP_ALLREDUCE
    logic [2:0]        etype;
    logic [2:0]        redop;
    logic [ROOT_W-1:0] root;
    logic [LEN_W-1:0]  len;
  } attr_t;

  /// What is found out about a head.
  typedef struct packed {
    logic op;         // not a contribution
    logic etype;      // not built in
    logic member;     // the port is a member of the open context
    logic root;       // so is the root, if there is one
    logic grp_member; // the same of the group, for when no context is open
    logic grp_root;
    logic duplicate;  // the port is in the open context
    logic mismatch;   // the open context's attributes are others
  } look_t;

  /// A head that is granted, and what was decided of it.
  typedef struct packed {
    logic               refuse;
    logic               opens;   // a context
    logic               whole;   // it is the last contribution
    logic [3:0]         status;
    logic [PW-1:0]      port;
    logic [CW-1:0]      ctx;
    logic [N_PORTS-1:0] row;     // members
    logic [N_PORTS-1:0] got;     // those that are in, with this one
    hdr_t               hdr;
  } grant_t;

  /// A granted packet on its way.
  typedef struct packed {
    logic          drop;
    logic          first;  // opened the context
    logic          cmp;
    logic          max;
    logic          bf16;
    logic [CW-1:0] ctx;
    logic [PW-1:0] port;   // for the check of the order only
  } flight_t;

  /// A packet to send.
  typedef struct packed {
    hdr_t               hdr;
    logic [N_PORTS-1:0] mask;
  } send_t;

  // each function reads some fields of what it is given
  // verilator lint_off UNUSEDSIGNAL
  function automatic key_t key_of(coll_t c);
    return '{seq: c.seq, slice: c.slice, group: GW'(c.group)};
  endfunction

  function automatic attr_t attr_of(hdr_t h);
    coll_t c;
    c = h.cls.coll;
    return '{reduce: h.op == OP_REDUCE, etype: c.etype, redop: c.redop, root: c.root, len: h.len};
  endfunction

  /// Whether the engine computes what the header asks for.
  function automatic logic type_ok(hdr_t h);
    coll_t c;
    c = h.cls.coll;
    return (c.etype == ET_FP32 || c.etype == ET_BF16) && (c.mode == '0) && (h.ext == '0)
        && (c.redop == RO_SUM || c.redop == RO_MIN || c.redop == RO_MAX);
  endfunction

  // verilator lint_on UNUSEDSIGNAL

  /// Payload flits, less one.
  function automatic logic [BW-1:0] last_beat(logic [LEN_W-1:0] len);
    return BW'(num_flits(len, '0, FLIT_W / UNIT_W) - LEN_W'(1));
  endfunction

  // ------------------------------------------------------------------------------------ state

  logic [N_PORTS-1:0]    grp_q      [N_GROUPS];
  logic [N_CONTEXTS-1:0] busy_q;    // in use
  logic [N_CONTEXTS-1:0] open_q;    // more contributions may come
  logic [N_CONTEXTS-1:0] dead_q;    // given up
  logic [N_CONTEXTS-1:0] poison_q;
  key_t                  key_q      [N_CONTEXTS];
  attr_t                 attr_q     [N_CONTEXTS];
  logic [ID_W-1:0]       dst_q      [N_CONTEXTS];
  logic [N_PORTS-1:0]    members_q  [N_CONTEXTS];
  logic [N_PORTS-1:0]    got_q      [N_CONTEXTS];
  logic [31:0]           opened_q   [N_CONTEXTS];
  logic [FW:0]           pending_q  [N_CONTEXTS];  // granted packets that are not in memory yet
  logic [N_CONTEXTS-1:0] drained;

  logic                  job_q;      // a context is read out
  logic [CW-1:0]         job_ctx_q;

  logic [FW:0]           flight_cnt_q;
  logic [AW:0]           ans_cnt_q;
  logic [RW:0]           res_cnt_q;

  // --------------------------------------------------------------------- classification, want

  logic               [1:0] set_busy, set_free, set_good;
  logic                     prefer_q, alloc_set;
  logic            [CW-1:0] alloc_ctx;
  logic                     flight_room, ans_room;

  // What is seen of the head of each port, in the order of its making: it is compared with the
  // contexts; the look says what that means; then it is decided; and that is kept for its grant.
  logic [N_CONTEXTS-1:0] same_now  [N_PORTS];  // open contexts of its key
  logic [N_CONTEXTS-1:0] same      [N_PORTS];
  logic [N_CONTEXTS-1:0] other_now [N_PORTS];  // contexts of other attributes
  logic [N_CONTEXTS-1:0] other     [N_PORTS];
  logic [N_PORTS-1:0] look_valid, look_hit, seen_valid, seen_hit, hit;
  logic [CW-1:0]      look_ctx   [N_PORTS];
  logic [CW-1:0]      seen_ctx   [N_PORTS];
  logic [CW-1:0]      hit_ctx    [N_PORTS];
  look_t              look       [N_PORTS];
  look_t              seen       [N_PORTS];
  logic [N_PORTS-1:0] look_group [N_PORTS];
  logic [N_PORTS-1:0] seen_group [N_PORTS];
  logic [3:0]         seen_status[N_PORTS];
  logic [3:0]         hit_status [N_PORTS];
  logic [N_PORTS-1:0] seen_row   [N_PORTS];
  logic [N_PORTS-1:0] hit_row    [N_PORTS];
  logic [N_PORTS-1:0] seen_got   [N_PORTS];  // members that are in, with this one
  logic [N_PORTS-1:0] hit_got    [N_PORTS];
  logic [N_PORTS-1:0] seen_whole, whole;      // they are all
  logic [CW-1:0]      open_ctx;               // for a context to open
  logic [N_PORTS-1:0] seen_refuse, refuse, able, better, want;
  logic               chosen_valid;                // a head is granted
  logic [PW-1:0]      chosen_port;                 // of this port
  grant_t             chosen, grant;          // this one
  logic               g_valid;                // and what follows is done
  coll_t              g_coll;
  logic               g_take, g_open, g_refuse;
  logic [N_PORTS-1:0] g_bit;
  logic               calm;                   // no grant is on its way to a late context
  logic               late;                   // a context waits for too long
  logic [CW-1:0]      late_ctx_q;             // this one
  logic               expire;                 // it is given up

  assign flight_room = !flight_cnt_q[FW];
  assign ans_room    = !ans_cnt_q[AW];

  // A set is good for a new context if it has a free one, best if it is not being read out.
  always_comb begin
    set_busy  = '0;
    set_free  = '0;
    alloc_ctx = '0;
    for (int unsigned c = 0; c < N_CONTEXTS; c++) if (!busy_q[c]) set_free[c%2] = 1'b1;
    if (job_q) set_busy[job_ctx_q[0]] = 1'b1;
    set_good  = ((set_free & ~set_busy) != '0) ? set_free & ~set_busy : set_free;
    alloc_set = set_good[prefer_q] ? prefer_q : !prefer_q;
    for (int unsigned c = 0; c < N_CONTEXTS; c++) begin
      if (!busy_q[c] && (1'(c % 2) == alloc_set)) alloc_ctx = CW'(c);
    end
  end

  always_comb begin
    for (int unsigned p = 0; p < N_PORTS; p++) begin
      automatic logic in_table = 32'(head_hdr_i[p].cls.coll.group) < (1 << GW);
      for (int unsigned c = 0; c < N_CONTEXTS; c++) begin
        same_now[p][c]  = open_q[c] && in_table
                          && (key_q[c] == key_of(head_hdr_i[p].cls.coll));
        other_now[p][c] = attr_q[c] != attr_of(head_hdr_i[p]);
      end
    end
  end

  always_comb begin
    look_hit = '0;
    for (int unsigned p = 0; p < N_PORTS; p++) begin
      look_ctx[p]   = '0;
      look_group[p] = '0;
      look[p]       = '0;
      if (look_valid[p]) begin
        automatic hdr_t               h       = head_hdr_i[p];
        automatic logic               reduce  = h.op == OP_REDUCE;
        automatic logic [ROOT_W-1:0]  root    = h.cls.coll.root;
        automatic logic [GROUP_W-1:0] group   = h.cls.coll.group;
        automatic logic               in_root = 32'(root) < N_PORTS;
        if (32'(group) < N_GROUPS) look_group[p] = grp_q[GW'(group)];
        look[p].op    = (h.op != OP_ALLREDUCE) && (h.op != OP_REDUCE);
        look[p].etype = !type_ok(h);
        for (int unsigned c = 0; c < N_CONTEXTS; c++) begin
          if (same[p][c]) begin
            look_hit[p] = 1'b1;
            look_ctx[p] |= CW'(c);
            look[p].member    |= members_q[c][p];
            look[p].root      |= !reduce || (in_root && members_q[c][PW'(root)]);
            look[p].duplicate |= got_q[c][p];
            look[p].mismatch  |= other[p][c];
          end
        end
        look[p].grp_member = look_group[p][p];
        look[p].grp_root   = !reduce || (in_root && look_group[p][PW'(root)]);
      end
    end
  end

  always_comb begin
    seen_refuse = '0;
    seen_whole  = '0;
    able        = '0;
    better      = '0;
    for (int unsigned p = 0; p < N_PORTS; p++) begin
      seen_status[p] = ST_OK;
      seen_row[p]    = '0;
      seen_got[p]    = '0;
      if (seen_valid[p]) begin
        automatic logic old = seen_hit[p];
        seen_row[p]   = old ? members_q[seen_ctx[p]] : seen_group[p];
        seen_got[p]   = (old ? got_q[seen_ctx[p]] : '0) | N_PORTS'(1) << p;
        seen_whole[p] = seen_got[p] == seen_row[p];

        if (seen[p].op)                              seen_status[p] = ST_OP;
        else if (seen[p].etype)                      seen_status[p] = ST_TYPE;
        else if (old ? !seen[p].member || !seen[p].root
                     : !seen[p].grp_member || !seen[p].grp_root)
          seen_status[p] = ST_NOT_MEMBER;
        else if (seen[p].duplicate)                  seen_status[p] = ST_DUPLICATE;
        else if (seen[p].mismatch)                   seen_status[p] = ST_MISMATCH;

        seen_refuse[p] = seen_status[p] != ST_OK;
        able[p]   = seen_refuse[p] ? ans_room : old || (set_free != '0);
        better[p] = able[p] && (seen_refuse[p] || !set_busy[old ? seen_ctx[p][0] : alloc_set]);
      end
    end
    // what would make a read-out wait comes when there is nothing else
    want = !flight_room ? '0 : (better != '0) ? better : able;
  end

  if (PIPELINED) begin : g_steps
    // Comparison, look, decision, grant and what follows take a cycle each. What they say holds
    // until a head is granted or a context expires; then nothing is wanted until that is seen.
    localparam int unsigned STEPS = 5;
    logic [STEPS-1:0]   after_q;   // ones for the cycles after such an event
    logic [N_PORTS-1:0] want_q;

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        look_valid <= '0;
        seen_valid <= '0;
        want_q     <= '0;
        chosen_valid    <= 1'b0;
        g_valid    <= 1'b0;
        after_q    <= '0;
      end else begin
        look_valid <= head_valid_i;
        seen_valid <= look_valid;
        want_q     <= want;
        chosen_valid    <= grant_i;
        g_valid    <= chosen_valid;
        after_q    <= (grant_i || expire) ? '1 : after_q >> 1;
      end
    end

    always_ff @(posedge clk_i) begin
      chosen_port     <= grant_port_i;
      grant      <= chosen;
      same       <= same_now;
      other      <= other_now;
      seen_hit   <= look_hit;
      seen_ctx   <= look_ctx;
      seen       <= look;
      seen_group <= look_group;
      hit        <= seen_hit;
      hit_ctx    <= seen_ctx;
      hit_status <= seen_status;
      hit_row    <= seen_row;
      hit_got    <= seen_got;
      whole      <= seen_whole;
      refuse     <= seen_refuse;
      open_ctx   <= alloc_ctx;
    end

    // Before a context is given up, nothing more is wanted, and what may have been granted is done:
    // a grant comes two cycles after its head was wanted.
    logic       hold_q;
    logic [2:0] calm_q;
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        hold_q <= 1'b0;
        calm_q <= '0;
      end else begin
        hold_q <= late;
        calm_q <= (grant_i || chosen_valid || g_valid || !late) ? '0 : {calm_q[1:0], 1'b1};
      end
    end

    assign calm   = calm_q[2];
    assign want_o = (after_q != '0 || hold_q) ? '0 : want_q;
  end else begin : g_one_step
    assign look_valid = head_valid_i;
    assign same       = same_now;
    assign other      = other_now;
    assign seen_valid = look_valid;
    assign seen_hit   = look_hit;
    assign seen_ctx   = look_ctx;
    assign seen       = look;
    assign seen_group = look_group;
    assign hit        = seen_hit;
    assign hit_ctx    = seen_ctx;
    assign hit_status = seen_status;
    assign hit_row    = seen_row;
    assign hit_got    = seen_got;
    assign whole      = seen_whole;
    assign refuse     = seen_refuse;
    assign open_ctx   = alloc_ctx;
    assign want_o     = want;
    assign chosen_valid    = grant_i;
    assign chosen_port     = grant_port_i;
    assign g_valid    = chosen_valid;
    assign grant      = chosen;
    // A grant to a context in the cycle in which it expires goes first.
    assign calm       = !(g_take && (grant.ctx == late_ctx_q));
  end

  // ------------------------------------------------------------------------------------ grant

  assign chosen = '{
      refuse: refuse[chosen_port],
      opens: !refuse[chosen_port] && !hit[chosen_port],
      whole: whole[chosen_port],
      status: hit_status[chosen_port],
      port: chosen_port,
      ctx: hit[chosen_port] ? hit_ctx[chosen_port] : open_ctx,
      row: hit_row[chosen_port],
      got: hit_got[chosen_port],
      hdr: head_hdr_i[chosen_port]};

  assign g_coll   = grant.hdr.cls.coll;
  assign g_refuse = g_valid && grant.refuse;
  assign g_take   = g_valid && !grant.refuse;
  assign g_open   = g_valid && grant.opens;
  assign g_bit    = N_PORTS'(1) << grant.port;

  assign ev_contribution_o = g_take;
  assign ev_refused_o      = g_refuse;
  assign ev_status_o       = g_refuse ? grant.status : '0;

  // ----------------------------------------------------------- flits: flight queue and lanes

  flight_t       flight_q [FLIGHT];
  logic [FW-1:0] flight_wp_q, flight_rp_q;
  flight_t       fl;
  logic          fl_pop;
  logic [BW-1:0] beat, beat_q;

  assign fl     = flight_q[flight_rp_q];
  assign fl_pop = in_valid_i && in_last_i;
  assign beat   = in_first_i ? '0 : beat_q;

  always_ff @(posedge clk_i) begin
    if (g_valid) begin
      flight_q[flight_wp_q] <= '{
          drop: g_refuse, first: g_open, cmp: g_coll.redop != RO_SUM, max: g_coll.redop == RO_MAX,
          bf16: g_coll.etype == ET_BF16, ctx: grant.ctx, port: grant.port};
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      flight_wp_q  <= '0;
      flight_rp_q  <= '0;
      flight_cnt_q <= '0;
    end else begin
      if (g_valid) flight_wp_q <= flight_wp_q + FW'(1);
      if (fl_pop) flight_rp_q <= flight_rp_q + FW'(1);
      if (g_valid != fl_pop) flight_cnt_q <= g_valid ? flight_cnt_q + 1'b1 : flight_cnt_q - 1'b1;
    end
  end

  logic              acc_valid_q, acc_first_q, acc_cmp_q, acc_max_q, acc_bf16_q;
  logic [CW-1:0]     acc_ctx_q;
  logic [BW-1:0]     acc_beat_q;
  logic [FLIT_W-1:0] acc_data_q;
  logic [3:0]        done_q;         // a packet's last flit on its way through the lanes
  logic [CW-1:0]     done_ctx_q [1:3];  // its context; acc_ctx_q for the first step

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      acc_valid_q <= 1'b0;
      done_q      <= '0;
    end else begin
      acc_valid_q <= in_valid_i && !fl.drop;
      done_q      <= {done_q[2:0], fl_pop && !fl.drop};
    end
  end

  always_ff @(posedge clk_i) begin
    if (in_valid_i) begin
      beat_q      <= beat + BW'(1);
      acc_first_q <= fl.first;
      acc_cmp_q   <= fl.cmp;
      acc_max_q   <= fl.max;
      acc_bf16_q  <= fl.bf16;
      acc_ctx_q   <= fl.ctx;
      acc_beat_q  <= beat;
      acc_data_q  <= in_data_i;
    end
    if (acc_valid_q || (done_q != '0)) begin
      done_ctx_q[1] <= acc_ctx_q;
      done_ctx_q[2] <= done_ctx_q[1];
      done_ctx_q[3] <= done_ctx_q[2];
    end
  end

  function automatic logic [EW-1:0] elem_of(logic [CW-1:0] ctx, logic [BW-1:0] b);
    return EW'(32'(ctx) >> 1 << BW) | EW'(b);
  endfunction

  // -------------------------------------------------------------------------------- time-outs

  logic [31:0]   now_q, age_q;
  logic [CW-1:0] scan_q, age_ctx_q;
  logic          age_valid_q, over_q, over;
  logic          scan_go;

  // One context a cycle is looked at: its age, whether that is too much. The way stops while one is
  // late. What is on it is of no worth when its context begins another reduction.
  assign over    = age_valid_q && (timeout_i != '0) && (age_q > timeout_i);
  assign late    = over_q && open_q[late_ctx_q];
  assign expire  = late && calm;
  assign scan_go = !late || expire;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      now_q       <= '0;
      scan_q      <= '0;
      age_valid_q <= 1'b0;
      over_q      <= 1'b0;
    end else begin
      if (busy_q != '0) now_q <= now_q + 32'd1;
      if (scan_go) begin
        scan_q      <= (scan_q == CW'(N_CONTEXTS - 1)) ? '0 : scan_q + CW'(1);
        age_valid_q <= open_q[scan_q] && !(g_open && (grant.ctx == scan_q));
        over_q      <= over && !(g_open && (grant.ctx == age_ctx_q));
      end else begin
        if (g_open && (grant.ctx == age_ctx_q)) age_valid_q <= 1'b0;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (scan_go) begin
      age_q      <= now_q - opened_q[scan_q];
      age_ctx_q  <= scan_q;
      late_ctx_q <= age_ctx_q;
    end
  end

  // --------------------------------------------------------------------------------- contexts

  logic                  job_start, job_dead, job_free;
  logic                  dead;   // the context that is fetched was given up
  logic [CW-1:0]         pick_ctx;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      busy_q   <= '0;
      open_q   <= '0;
      dead_q   <= '0;
      prefer_q <= 1'b0;
      for (int unsigned c = 0; c < N_CONTEXTS; c++) pending_q[c] <= '0;
    end else begin
      if (g_take) open_q[grant.ctx] <= !grant.whole;
      if (g_open) begin
        busy_q[grant.ctx] <= 1'b1;
        prefer_q      <= !grant.ctx[0];
      end
      if (expire) begin
        open_q[late_ctx_q] <= 1'b0;
        dead_q[late_ctx_q] <= 1'b1;
      end
      if (job_dead) begin
        busy_q[pick_ctx] <= 1'b0;
        dead_q[pick_ctx] <= 1'b0;
      end
      if (job_free) busy_q[job_ctx_q] <= 1'b0;

      if (g_take && !(done_q[3] && (done_ctx_q[3] == grant.ctx)))
        pending_q[grant.ctx] <= pending_q[grant.ctx] + 1'b1;
      if (done_q[3] && !(g_take && (done_ctx_q[3] == grant.ctx)))
        pending_q[done_ctx_q[3]] <= pending_q[done_ctx_q[3]] - 1'b1;
    end
  end

  // Long before the flits of a context are all in its memory it is known whether one is spoilt.
  logic          spoils_q;
  logic [CW-1:0] spoils_ctx_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) spoils_q <= 1'b0;
    else spoils_q <= in_valid_i && !fl.drop
                     && ((in_first_i && in_hdr_i.poison) || (in_last_i && in_err_i));
  end

  always_ff @(posedge clk_i) begin
    if (g_open) begin
      key_q[grant.ctx]     <= key_of(g_coll);
      attr_q[grant.ctx]    <= attr_of(grant.hdr);
      dst_q[grant.ctx]     <= grant.hdr.dst;
      members_q[grant.ctx] <= grant.row;
      opened_q[grant.ctx]  <= now_q;
      poison_q[grant.ctx]  <= 1'b0;
    end
    if (g_take) got_q[grant.ctx] <= grant.got;
    if (spoils_q) poison_q[spoils_ctx_q] <= 1'b1;
    spoils_ctx_q <= fl.ctx;
  end

  always_comb begin
    for (int unsigned c = 0; c < N_CONTEXTS; c++) drained[c] = pending_q[c] == '0;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) contexts_used_o <= '0;
    else if (g_open != (job_dead || job_free))
      contexts_used_o <= g_open ? contexts_used_o + 1'b1 : contexts_used_o - 1'b1;
  end

  // Row of a group: what an open context took stays; see docs/reduction.md on rewriting.
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) for (int unsigned g = 0; g < N_GROUPS; g++) grp_q[g] <= '0;
    else if (grp_we_i && (32'(grp_addr_i) < N_GROUPS)) grp_q[grp_addr_i] <= grp_mask_i;
  end

  // --------------------------------------------------------------------------------- read-out
  // Contexts that are complete, or given up, and whose packets are in memory take turns.

  logic [N_CONTEXTS-1:0] ready;
  logic                  pick;
  logic [CW-1:0]         last_pick_q;
  logic                  res_room;
  logic [BW-1:0]         ro_beat_q, ro_last_q;
  logic                  ro_valid, ro_ready, ro_done;
  logic                  ro_issue_q;
  logic                  rv, rl;
  logic [FLIT_W-1:0]     rdata;
  attr_t                 job_attr;
  logic                  job_cmp_q, job_bf16_q;
  logic [N_CONTEXTS-1:0] job_bit;
  hdr_t                  job_hdr;
  coll_t                 job_coll;
  logic [BUFW:0]         buf_cnt_q;

  // that which is read out is busy, too, but has no turn any more
  assign job_bit  = job_q ? N_CONTEXTS'(1) << job_ctx_q : '0;
  assign ready    = busy_q & ~open_q & drained & ~job_bit;
  assign res_room = !res_cnt_q[RW] && (32'(buf_cnt_q) <= BUF - BEATS);

  // While one is read out the next is chosen and what it needs is fetched. A context that is ready
  // stays so until it is picked.
  logic               next_q, fetched_q;    // one is chosen; all that is known of it is in job_*
  logic [CW-1:0]      next_ctx, next_ctx_q;
  logic [BW-1:0]      job_last_q;           // of its flits
  logic               job_dead_q;
  send_t              job_send, job_send_q;

  always_comb begin
    // the lowest one, unless there is one behind the last
    next_ctx = '0;
    for (int unsigned i = N_CONTEXTS; i > 0; i--)
      if (ready[i-1]) next_ctx = CW'(i - 1);
    for (int unsigned i = N_CONTEXTS; i > 0; i--)
      if (ready[i-1] && (CW'(i - 1) > last_pick_q)) next_ctx = CW'(i - 1);
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      next_q    <= 1'b0;
      fetched_q <= 1'b0;
    end else begin
      next_q    <= next_q ? !pick : ready != '0;
      fetched_q <= next_q && !pick;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!next_q) next_ctx_q <= next_ctx;
    if (next_q && !fetched_q) begin
      job_cmp_q  <= job_attr.redop != RO_SUM;
      job_bf16_q <= job_attr.etype == ET_BF16;
      job_last_q <= last_beat(job_attr.len);
      job_dead_q <= dead;
      job_send_q <= job_send;
    end
  end

  assign pick_ctx  = next_ctx_q;
  assign pick      = fetched_q && !job_q && res_room;
  assign job_dead  = pick && job_dead_q;
  assign job_start = pick && !job_dead_q;

  assign ro_valid = job_q && ro_issue_q;
  assign job_free = job_q && !ro_issue_q && ro_done;

  logic run_cmp_q, run_bf16_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      job_q       <= 1'b0;
      ro_issue_q  <= 1'b0;
      job_ctx_q   <= '0;
      last_pick_q <= '0;
    end else begin
      if (pick) last_pick_q <= pick_ctx;
      if (job_start) begin
        job_q      <= 1'b1;
        ro_issue_q <= 1'b1;
        job_ctx_q  <= pick_ctx;
      end
      if (ro_valid && ro_ready) ro_issue_q <= ro_beat_q != ro_last_q;
      if (job_free) job_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (job_start) begin
      ro_beat_q  <= '0;
      ro_last_q  <= job_last_q;
      run_cmp_q  <= job_cmp_q;
      run_bf16_q <= job_bf16_q;
    end else if (ro_valid && ro_ready) begin
      ro_beat_q <= ro_beat_q + BW'(1);
    end
  end

  arith_t acc_arith, ro_arith;

  assign acc_arith = '{saturate: 1'b0, redop: !acc_cmp_q ? RO_SUM : acc_max_q ? RO_MAX : RO_MIN,
                       etype: acc_bf16_q ? ET_BF16 : ET_FP32};
  // minima and maxima are read out alike
  assign ro_arith  = '{saturate: 1'b0, redop: run_cmp_q ? RO_MIN : RO_SUM,
                       etype: run_bf16_q ? ET_BF16 : ET_FP32};

  sp_exact_lanes #(
      .FLIT_W (FLIT_W),
      .ELEMS  (ELEMS),
      .MEMBERS(N_PORTS)
  ) i_lanes (
      .clk_i,
      .rst_ni,
      .acc_valid_i(acc_valid_q),
      .acc_set_i  (acc_ctx_q[0]),
      .acc_elem_i (elem_of(acc_ctx_q, acc_beat_q)),
      .acc_first_i(acc_first_q),
      .acc_arith_i(acc_arith),
      .acc_data_i (acc_data_q),
      .ro_valid_i (ro_valid),
      .ro_ready_o (ro_ready),
      .ro_done_o  (ro_done),
      .ro_set_i   (job_ctx_q[0]),
      .ro_elem_i  (elem_of(job_ctx_q, ro_beat_q)),
      .ro_arith_i (ro_arith),
      .ro_last_i  (ro_beat_q == ro_last_q),
      .res_valid_o(rv),
      .res_last_o (rl),
      .res_data_o (rdata)
  );

  // ------------------------------------------------------------------- results and answers

  assign job_attr = attr_q[next_ctx_q];
  assign dead     = dead_q[next_ctx_q];

  always_comb begin
    job_coll       = '0;
    job_coll.seq   = key_q[next_ctx_q].seq;
    job_coll.slice = key_q[next_ctx_q].slice;
    job_coll.group = GROUP_W'(key_q[next_ctx_q].group);
    job_coll.root  = job_attr.root;
    job_coll.redop = job_attr.redop;
    job_coll.etype = job_attr.etype;
    job_hdr         = '0;
    job_hdr.version = VERSION;
    job_hdr.op      = dead ? OP_COLL_ERROR : OP_RESULT;
    job_hdr.dst     = ID_GROUP;
    job_hdr.src     = dst_q[next_ctx_q];
    job_hdr.len     = dead ? '0 : job_attr.len;
    job_hdr.status  = dead ? ST_TIMEOUT : ST_OK;
    job_hdr.poison  = !dead && poison_q[next_ctx_q];
    job_hdr.cls     = job_coll;
    job_send = '{hdr: job_hdr,
        mask: (!dead && job_attr.reduce) ? N_PORTS'(1) << PW'(job_attr.root)
                                         : members_q[next_ctx_q]};
  end

  /// A result or notice that waits to be sent.
  typedef struct packed {
    send_t         send;
    logic          bare;  // it has no flits but its header
    logic [BW-1:0] last;  // of its flits
  } result_t;

  result_t       res_q [RESULTS];
  logic [RW-1:0] res_wp_q, res_rp_q;
  logic [RW:0]   whole_q;           // results whose flits are all in the buffer
  send_t         ans_q [ANSWERS];
  logic [AW-1:0] ans_wp_q, ans_rp_q;
  logic          res_pop, ans_pop;

  always_ff @(posedge clk_i) begin
    if (pick) begin
      res_q[res_wp_q] <= '{send: job_send_q, bare: job_dead_q, last: job_last_q};
    end
    if (g_refuse) begin
      ans_q[ans_wp_q] <= '{hdr: error_answer(grant.hdr, grant.status), mask: g_bit};
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      res_wp_q  <= '0;
      res_rp_q  <= '0;
      res_cnt_q <= '0;
      ans_wp_q  <= '0;
      ans_rp_q  <= '0;
      ans_cnt_q <= '0;
    end else begin
      if (pick) res_wp_q <= res_wp_q + RW'(1);
      if (res_pop) res_rp_q <= res_rp_q + RW'(1);
      if (pick != res_pop) res_cnt_q <= pick ? res_cnt_q + 1'b1 : res_cnt_q - 1'b1;
      if (g_refuse) ans_wp_q <= ans_wp_q + AW'(1);
      if (ans_pop) ans_rp_q <= ans_rp_q + AW'(1);
      if (g_refuse != ans_pop) ans_cnt_q <= g_refuse ? ans_cnt_q + 1'b1 : ans_cnt_q - 1'b1;
    end
  end

  // The buffer is written as results come from the lanes and read one flit ahead of the output.
  // a flit is read again after it was written
  (* no_rw_check *) logic [FLIT_W-1:0] buf_mem [BUF];
  logic [FLIT_W-1:0] buf_rdata_q;
  logic [BUFW-1:0]   buf_wp_q, buf_rp_q, buf_rp_d;
  logic              buf_adv;

  assign buf_rp_d = buf_rp_q + BUFW'(buf_adv);

  always_ff @(posedge clk_i) begin
    if (rv) buf_mem[buf_wp_q] <= rdata;
  end
  always_ff @(posedge clk_i) begin
    if (res_cnt_q != '0) buf_rdata_q <= buf_mem[buf_rp_d];
  end

  typedef enum logic [1:0] {SND_IDLE, SND_RESULT, SND_BARE} snd_e;
  snd_e          snd_q;
  logic          snd_ans_q;          // the answer queue is served, not the results
  logic [BW-1:0] left_q;
  logic          first_q, turn_q;
  logic          res_go, ans_go, res_turn, take;
  result_t       res_head;
  send_t         out_q;              // stays through the packet

  assign res_head = res_q[res_rp_q];
  // a time-out notice has no flits to wait for
  assign res_go   = (res_cnt_q != '0) && (res_head.bare || (whole_q != '0));
  assign res_turn = res_go && !(ans_go && turn_q);
  assign ans_go   = ans_cnt_q != '0;

  assign out_valid_o = snd_q != SND_IDLE;
  assign out_first_o = first_q;
  assign out_last_o  = left_q == '0;
  assign out_data_o  = (snd_q == SND_RESULT) ? buf_rdata_q : '0;
  assign out_hdr_o   = out_q.hdr;
  assign out_mask_o  = out_q.mask;
  assign take        = out_valid_o && out_ready_i;
  assign buf_adv     = take && (snd_q == SND_RESULT);
  assign res_pop     = take && out_last_o && !snd_ans_q;
  assign ans_pop     = take && out_last_o && snd_ans_q;
  assign ev_result_o = take && out_last_o && (snd_q == SND_RESULT);
  assign ev_timeout_o = job_dead;

  always_ff @(posedge clk_i) begin
    if (snd_q == SND_IDLE) out_q <= res_turn ? res_head.send : ans_q[ans_rp_q];
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      snd_q     <= SND_IDLE;
      snd_ans_q <= 1'b0;
      left_q    <= '0;
      first_q   <= 1'b0;
      turn_q    <= 1'b0;
      buf_wp_q  <= '0;
      buf_rp_q  <= '0;
      buf_cnt_q <= '0;
      whole_q   <= '0;
    end else begin
      if (snd_q == SND_IDLE) begin
        if (res_turn) begin
          snd_q     <= res_head.bare ? SND_BARE : SND_RESULT;
          snd_ans_q <= 1'b0;
          left_q    <= res_head.bare ? '0 : res_head.last;
          first_q   <= 1'b1;
          turn_q    <= 1'b1;
        end else if (ans_go) begin
          snd_q     <= SND_BARE;
          snd_ans_q <= 1'b1;
          left_q    <= '0;
          first_q   <= 1'b1;
          turn_q    <= 1'b0;
        end
      end else if (out_ready_i) begin
        first_q <= 1'b0;
        if (out_last_o) snd_q <= SND_IDLE;
        else left_q <= left_q - BW'(1);
      end

      buf_rp_q <= buf_rp_d;
      if (rv) buf_wp_q <= buf_wp_q + BUFW'(1);
      // room is taken when the read-out starts
      buf_cnt_q <= buf_cnt_q + (job_start ? (BUFW + 1)'(job_last_q) + 1'b1 : '0)
                   - (BUFW + 1)'(buf_adv);
      // SND_IDLE lasts a cycle at least: time to fetch the first flit
      if ((rv && rl) != ev_result_o) whole_q <= ev_result_o ? whole_q - 1'b1 : whole_q + 1'b1;
    end
  end

  // ------------------------------------------------------------------------------- assertions

`ifndef SYNTHESIS
  logic in_packet_q;
  logic was_reset_q;  // registers hold anything before the first reset
  logic [N_PORTS-1:0] want_last_q;  // the pipelined crossbar grants what was wanted a cycle ago
  initial was_reset_q = 1'b0;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      in_packet_q <= 1'b0;
      want_last_q <= '0;
      was_reset_q <= 1'b1;
    end else if (was_reset_q) begin
      if (in_valid_i) in_packet_q <= !in_last_i;
      want_last_q <= want_o;
      a_grant_wanted : assert (!grant_i || (PIPELINED ? want_last_q[grant_port_i]
                                                      : want_o[grant_port_i]))
        else $error("a packet was granted that was not wanted");
      a_grant_head : assert (!g_valid || grant.refuse || grant.row[grant.port])
        else $error("a packet was granted on a decision that was not made for it");
      a_calm : assert (!expire || !PIPELINED || !(grant_i || chosen_valid || g_valid))
        else $error("a context is given up while a grant is on its way");
      a_flit_granted : assert (!in_valid_i || (flight_cnt_q != '0))
        else $error("a flit came without a grant");
      a_flit_order : assert (!(in_valid_i && in_first_i) || (in_port_i == fl.port))
        else $error("packets do not come in the order of grants");
      a_flit_first : assert (!in_valid_i || (in_first_i != in_packet_q))
        else $error("first flit in the middle of a packet, or none at its start");
      a_no_gap : assert (!in_packet_q || in_valid_i)
        else $error("a gap inside a packet");
      a_quiet : assert (!(job_q && acc_valid_q && (acc_ctx_q == job_ctx_q)))
        else $error("a flit came to a context that is read out");
      a_pending : assert (!done_q[3] || (pending_q[done_ctx_q[3]] != '0))
        else $error("more packets came than were granted");
    end
  end
`endif

endmodule
