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
//   flits ------------------------------> flight queue -> lanes -> sender -> out
module sp_reduction_engine #(
    /// External ports of the switch.
    parameter int unsigned N_PORTS    = 8,
    /// Bits of a flit: 128, 256 or 512.
    parameter int unsigned FLIT_W     = 128,
    /// Reductions in flight: even, 2 to 64.
    parameter int unsigned N_CONTEXTS = 8,
    /// Rows of the group table.
    parameter int unsigned N_GROUPS   = 64,
    /// Bit t: elements of type t (sp_pkg::etype_e) are built in.
    parameter int unsigned TYPES      = 3,
    /// 1: sums in the order of members are built in.
    parameter bit          ORDERED    = 1'b0,
    /// 1: exact sums are passed on unrounded, and taken so; N_PORTS is 128 at most, FLIT_W 128.
    parameter bit          PARTIALS   = 1'b0,
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
  /// Packets between grant and last flit.
  localparam int unsigned FLIGHT = 16;
  localparam int unsigned FW     = $clog2(FLIGHT);
  /// Contributions to a reduction, at most.
  localparam int unsigned CONTRIBUTIONS = PARTIALS ? 8 * N_PORTS : N_PORTS;
  /// Element types, by number.
  localparam logic [7:0]  BUILT         = 8'(TYPES);
  /// Bits of `mode`.
  localparam int unsigned MODE_ORDERED  = 0;
  localparam int unsigned MODE_SATURATE = 1;
  localparam int unsigned MODE_PARTIAL  = 2;

  if (N_PORTS < 2 || N_PORTS > 1024) begin : gen_bad_ports
    $fatal(1, "sp_reduction_engine: N_PORTS = %0d is not in 2..1024", N_PORTS);
  end
  if (FLIT_W != 128 && FLIT_W != 256 && FLIT_W != 512) begin : gen_bad_flit
    $fatal(1, "sp_reduction_engine: FLIT_W = %0d is not 128, 256 or 512", FLIT_W);
  end
  if (N_CONTEXTS < 2 || N_CONTEXTS > 64 || N_CONTEXTS % 2 != 0) begin : gen_bad_contexts
    $fatal(1, "sp_reduction_engine: N_CONTEXTS = %0d is not an even number in 2..64", N_CONTEXTS);
  end
  if (PARTIALS && FLIT_W != 128) begin : gen_bad_partials_flit
    $fatal(1, "sp_reduction_engine: PARTIALS with FLIT_W = %0d, which is not 128", FLIT_W);
  end
  if (PARTIALS && N_PORTS > 128) begin : gen_bad_partials_ports
    $fatal(1, "sp_reduction_engine: PARTIALS with N_PORTS = %0d, which is more than 128", N_PORTS);
  end
  if (TYPES < 1 || TYPES > 63) begin : gen_bad_types
    $fatal(1, "sp_reduction_engine: TYPES = %0d names no element type, or one that is none", TYPES);
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

  /// What a packet asks for: of op_e, what tells those apart that an engine knows.
  typedef enum logic [1:0] {
    KIND_ALL     = 2'(OP_ALLREDUCE),
    KIND_ONE     = 2'(OP_REDUCE),
    KIND_BARRIER = 2'(OP_BARRIER),
    KIND_FETCH   = 2'(OP_LOAD_REDUCE)   // no contribution: opens a reduction of KIND_ONE
  } kind_e;

  /// What all contributions to a reduction have in common besides.
  typedef struct packed {
    kind_e             kind;
    logic              ordered;  // mode bit
    logic              pass;     // the result is wanted as a partial
    arith_t            arith;
    logic [ROOT_W-1:0] root;
    logic [LEN_W-1:0]  len;
  } attr_t;

  /// How far a contribution of several packets is: raw ones that have come, by the number of the
  /// member behind the port; or the portion that comes next. 0: none is in the middle.
  typedef struct packed {
    logic       raw;
    logic [5:0] at;
  } so_far_t;

  /// What is found out about a head.
  typedef struct packed {
    logic op;         // not a contribution
    logic etype;      // not built in
    logic shape;      // no packet of a partial looks so
    logic member;     // the port is a member of the open context
    logic root;       // so is the root, if there is one
    logic grp_member; // the same of the group, for when no context is open
    logic grp_root;
    logic duplicate;  // the port is in the open context
    logic mismatch;   // the open context's attributes are others
    logic late;       // it was waited for in a reduction that was given up
    logic early;      // a member before it has to come first, and one has not
    logic grp_early;  // the same for when no context is open
    logic close;       // the contribution before it is not in memory yet
    logic more;        // what it belongs to is not over with it
    logic others;      // nor is that of another member
    so_far_t so_far;   // how far it is then
  } look_t;

  /// A head that is granted, and what was decided of it.
  typedef struct packed {
    logic               refuse;
    logic               announce; // it stays where it is, and its context is opened for it
    logic               opens;   // a context
    logic               whole;   // it is the last contribution
    logic [3:0]         status;
    logic [PW-1:0]      port;
    logic [CW-1:0]      ctx;
    logic [N_PORTS-1:0] row;     // members
    logic [N_PORTS-1:0] got;     // those that are in, with this one
    so_far_t            so_far;  // of its port, with this one
    hdr_t               hdr;
  } grant_t;

  /// A granted packet on its way.
  typedef struct packed {
    logic          drop;
    logic          bare;     // it has no elements
    logic          ordered;  // its elements are added in the order of members
    logic          first;    // of its context
    logic [PLANES-1:0] planes;  // of a partial
    logic [5:0]    index;    // its first portion
    arith_t        arith;
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

  /// Whether the result is wanted as a partial.
  function automatic logic passes(hdr_t h);
    return PARTIALS && h.cls.coll.mode[MODE_PARTIAL] && (h.op == OP_REDUCE);
  endfunction

  /// Whether it is a packet of a partial, or one of several raw contributions of a port.
  function automatic logic is_part(hdr_t h);
    return PARTIALS && h.cls.coll.mode[MODE_PARTIAL] && (h.op == OP_ALLREDUCE);
  endfunction

  /// Planes that a packet of a partial has, and a raw contribution as none.
  function automatic logic [PLANES-1:0] planes_of(hdr_t h);
    return is_part(h) ? PLANES'(h.cls.coll.root) : '0;
  endfunction

  /// Portions of a packet of a partial with so many planes; 0 if its length is none for them.
  function automatic logic [4:0] portions(logic [LEN_W-1:0] len, logic [3:0] planes);
    portions = '0;
    for (int unsigned n = 1; n <= MAX_UNITS; n++) begin
      if (9'(len) == 9'(n) * 9'(planes)) portions = 5'(n);
    end
  endfunction

  /// Whether such a packet cannot be.
  function automatic logic bad_part(hdr_t h);
    coll_t      c;
    logic [4:0] whole;  // units of a contribution
    logic [6:0] ends;
    c     = h.cls.coll;
    whole = 5'(h.tag[9:6]) + 5'd1;
    ends  = 7'(h.tag[5:0]) + 7'(portions(h.len, 4'($countones(c.root))));
    if (c.root == '0) begin
      return (h.len != whole) || (h.tag[11:10] != '0) || (32'(h.tag[5:3]) >= MAX_RAW)
             || (h.tag[2:0] > h.tag[5:3]);
    end
    return (portions(h.len, 4'($countones(c.root))) == '0) || (h.tag[11:10] != '0)
        || (ends > 7'(whole) << portions_log2(c.etype))
        || (!(c.etype inside {ET_FP32, ET_BF16}) && (c.root[8:2] != '0));
  endfunction

  /// How far a contribution is with a packet, and whether that is all of it.
  function automatic logic [7:0] advance(hdr_t h, so_far_t old);
    so_far_t    now;
    logic [6:0] ends;
    logic       all;
    ends = 7'(h.tag[5:0]) + 7'(portions(h.len, 4'($countones(h.cls.coll.root))));
    now  = '{raw: h.cls.coll.root == '0, at: ends[5:0]};
    all  = ends == (7'(h.tag[9:6]) + 7'd1) << portions_log2(h.cls.coll.etype);
    if (now.raw) begin
      now.at = old.at | 6'd1 << h.tag[2:0];
      all    = now.at == 6'((7'd2 << h.tag[5:3]) - 7'd1);
    end
    if (!is_part(h)) all = 1'b1;
    return {!all, all ? '0 : now};
  endfunction

  /// Whether a packet belongs to a contribution that is in the middle, and can come next.
  function automatic logic continues(hdr_t h, so_far_t old);
    if (!is_part(h) || (old == '0) || (old.raw != (h.cls.coll.root == '0))) return 1'b0;
    return old.raw ? !old.at[h.tag[2:0]] : old.at == h.tag[5:0];
  endfunction

  /// Whether it can only be in the middle of one.
  function automatic logic in_middle(hdr_t h);
    return is_part(h) && (h.cls.coll.root != '0) && (h.tag[5:0] != '0);
  endfunction

  function automatic attr_t attr_of(hdr_t h);
    coll_t c;
    c = h.cls.coll;
    attr_of = '{kind: kind_e'(h.op[1:0]), ordered: c.mode[MODE_ORDERED], pass: passes(h),
                arith: '{saturate: c.mode[MODE_SATURATE], redop: c.redop, etype: c.etype},
                root: c.root, len: h.len};
    if (is_part(h)) begin
      attr_of.root = '0;
      attr_of.len  = LEN_W'(h.tag[9:6]) + LEN_W'(1);
    end
  endfunction

  /// What the contributions have in common that a load asks for, by what came at port `p`.
  function automatic attr_t fetched(attr_t asked, logic [PW-1:0] p);
    fetched      = asked;
    fetched.kind = KIND_ONE;
    fetched.root = ROOT_W'(p);
    fetched.len  = LEN_W'(asked.root[3:0]) + LEN_W'(1);
  endfunction

  /// Whether the engine computes what the header asks for.
  function automatic logic type_ok(hdr_t h);
    coll_t c;
    c = h.cls.coll;
    if (h.op == OP_BARRIER) return h.ext == '0;
    return BUILT[c.etype] && (c.redop <= RO_MAXNUM) && (h.ext == '0)
        && (!c.mode[MODE_PARTIAL] || ((is_part(h) || passes(h)) && (c.redop == RO_SUM)
                                      && !c.mode[MODE_ORDERED]))
        && (ORDERED || !c.mode[MODE_ORDERED])
        && ((h.op != OP_LOAD_REDUCE) || (32'(c.root) < MAX_UNITS));
  endfunction

  /// Whether members must come in their order: where each step of a sum is rounded.
  function automatic logic in_order(attr_t a);
    return ORDERED && a.ordered && (a.arith.redop == RO_SUM) && (a.arith.etype != ET_INT32)
        && (a.kind != KIND_BARRIER);
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
  logic [N_CONTEXTS-1:0] past_q;    // given up, and free; who is missing is still known
  logic [N_CONTEXTS-1:0] near_q;    // the next member's flits could come too early
  logic [N_CONTEXTS-1:0] poison_q;
  key_t                  key_q      [N_CONTEXTS];
  attr_t                 attr_q     [N_CONTEXTS];
  logic [ID_W-1:0]       dst_q      [N_CONTEXTS];
  logic [N_PORTS-1:0]    members_q  [N_CONTEXTS];
  logic [N_PORTS-1:0]    got_q      [N_CONTEXTS];
  so_far_t [N_PORTS-1:0] so_far_q   [N_CONTEXTS];
  logic [N_PORTS-1:0]    middle     [N_CONTEXTS];  // members whose contribution is in the middle
  logic [32:0]           opened_q   [N_CONTEXTS];
  logic [FW:0]           pending_q  [N_CONTEXTS];  // granted packets that are not in memory yet
  logic [N_CONTEXTS-1:0] drained;

  logic                  job_q;      // a context is read out
  logic [CW-1:0]         job_ctx_q;

  logic [FW:0]           flight_cnt_q;

  // --------------------------------------------------------------------- classification, want

  logic               [1:0] set_busy, set_free, set_good;
  logic                     prefer_q, alloc_set;
  logic            [CW-1:0] alloc_ctx;
  logic                     flight_room, ans_room;
  logic                     pause;                  // grants have had their time

  // What is seen of the head of each port, in the order of its making: it is compared with the
  // contexts; the look says what that means; then it is decided; and that is kept for its grant.
  logic [N_CONTEXTS-1:0] same_now  [N_PORTS];  // open contexts of its key
  logic [N_CONTEXTS-1:0] same      [N_PORTS];
  logic [N_CONTEXTS-1:0] other_now [N_PORTS];  // contexts of other attributes
  logic [N_CONTEXTS-1:0] other     [N_PORTS];
  logic [N_CONTEXTS-1:0] past_now  [N_PORTS];  // contexts given up, of its key, that lack it
  logic [N_CONTEXTS-1:0] past      [N_PORTS];
  logic [N_PORTS-1:0]    lowest    [N_CONTEXTS];  // the first member that a context lacks
  logic [N_PORTS-1:0] look_valid, look_hit, seen_valid, seen_hit, hit;
  logic [CW-1:0]      look_ctx   [N_PORTS];
  logic [CW-1:0]      seen_ctx   [N_PORTS];
  logic [CW-1:0]      look_past  [N_PORTS];  // the context in which it was waited for
  logic [CW-1:0]      seen_past  [N_PORTS];
  logic [CW-1:0]      hit_ctx    [N_PORTS];
  look_t              look       [N_PORTS];
  look_t              seen       [N_PORTS];
  logic [N_PORTS-1:0] look_group [N_PORTS];
  logic [N_PORTS-1:0] seen_group [N_PORTS];
  logic [3:0]         seen_status[N_PORTS];
  logic [3:0]         hit_status [N_PORTS];
  logic [CW-1:0]      hit_past   [N_PORTS];
  logic [N_PORTS-1:0] seen_row   [N_PORTS];
  logic [N_PORTS-1:0] hit_row    [N_PORTS];
  logic [N_PORTS-1:0] seen_got   [N_PORTS];  // members that are in, with this one
  logic [N_PORTS-1:0] hit_got    [N_PORTS];
  so_far_t            seen_so_far[N_PORTS];  // of this one's contribution, with it
  so_far_t            hit_so_far [N_PORTS];
  logic [N_PORTS-1:0] seen_whole, whole;      // they are all
  logic [CW-1:0]      open_ctx;               // for a context to open
  logic [N_PORTS-1:0] seen_refuse, refuse, able, better, want;
  logic [N_PORTS-1:0] waits, seen_waits;      // for members before it, and no context is open
  logic               announce;               // the context of the first of them is opened
  logic [PW-1:0]      announce_port;
  logic               chosen_valid;                // a head is granted, or announced
  logic               chosen_announce;
  logic [PW-1:0]      chosen_port;                 // of this port
  grant_t             chosen, grant;          // this one
  logic               g_valid;                // and what follows is done
  coll_t              g_coll;
  attr_t              g_attr;
  logic               g_take, g_open, g_refuse, g_fetch, g_first;
  logic [N_PORTS-1:0] g_bit;
  logic               calm;                   // no grant is on its way to a late context
  logic               late;                   // a context waits for too long
  logic [CW-1:0]      late_ctx_q;             // this one
  logic               expire;                 // it is given up

  assign flight_room = !flight_cnt_q[FW];

  // A set is good for a new context if it has a free one, best if it is not being read out.
  always_comb begin
    set_busy  = '0;
    set_free  = '0;
    alloc_ctx = '0;
    for (int unsigned c = 0; c < N_CONTEXTS; c++) if (!busy_q[c]) set_free[c%2] = 1'b1;
    if (job_q) set_busy[job_ctx_q[0]] = 1'b1;
    set_good  = ((set_free & ~set_busy) != '0) ? set_free & ~set_busy : set_free;
    alloc_set = set_good[prefer_q] ? prefer_q : !prefer_q;
    // one that knows nobody who is missing is taken first
    for (int unsigned c = 0; c < N_CONTEXTS; c++) begin
      if (!busy_q[c] && (1'(c % 2) == alloc_set)) alloc_ctx = CW'(c);
    end
    for (int unsigned c = 0; c < N_CONTEXTS; c++) begin
      if (!busy_q[c] && !past_q[c] && (1'(c % 2) == alloc_set)) alloc_ctx = CW'(c);
    end
  end

  always_comb begin
    for (int unsigned c = 0; c < N_CONTEXTS; c++) begin
      automatic logic [N_PORTS-1:0] missing = members_q[c] & ~got_q[c];
      lowest[c] = ORDERED ? missing & (~missing + N_PORTS'(1)) : '0;
    end
  end

  always_comb begin
    for (int unsigned p = 0; p < N_PORTS; p++) begin
      automatic logic in_table = 32'(head_hdr_i[p].cls.coll.group) < (1 << GW);
      for (int unsigned c = 0; c < N_CONTEXTS; c++) begin
        automatic logic named = in_table && (key_q[c] == key_of(head_hdr_i[p].cls.coll));
        same_now[p][c]  = open_q[c] && named;
        past_now[p][c]  = (dead_q[c] || past_q[c]) && named && members_q[c][p] && !got_q[c][p];
        other_now[p][c] = attr_q[c] != attr_of(head_hdr_i[p]);
      end
    end
  end

  always_comb begin
    look_hit = '0;
    for (int unsigned p = 0; p < N_PORTS; p++) begin
      look_ctx[p]   = '0;
      look_past[p]  = '0;
      look_group[p] = '0;
      look[p]       = '0;
      if (look_valid[p]) begin
        automatic hdr_t               h       = head_hdr_i[p];
        automatic logic               reduce  = h.op == OP_REDUCE;
        automatic logic               fetch   = h.op == OP_LOAD_REDUCE;
        automatic logic [N_PORTS-1:0] below   = (N_PORTS'(1) << p) - N_PORTS'(1);
        automatic logic [ROOT_W-1:0]  root    = h.cls.coll.root;
        automatic logic [GROUP_W-1:0] group   = h.cls.coll.group;
        automatic logic               in_root = 32'(root) < N_PORTS;
        automatic so_far_t            old     = '0;
        if (32'(group) < N_GROUPS) look_group[p] = grp_q[GW'(group)];
        look[p].op    = (h.op != OP_ALLREDUCE) && !reduce && (h.op != OP_BARRIER) && !fetch;
        look[p].etype = !type_ok(h);
        look[p].shape = is_part(h) && bad_part(h);
        look[p].late  = !fetch && (past[p] != '0);
        for (int unsigned c = 0; c < N_CONTEXTS; c++) begin
          if (same[p][c]) begin
            look_hit[p] = 1'b1;
            look_ctx[p] |= CW'(c);
            look[p].member    |= members_q[c][p];
            look[p].root      |= !reduce || passes(h) || (in_root && members_q[c][PW'(root)]);
            look[p].duplicate |= got_q[c][p] || fetch;
            look[p].mismatch  |= other[p][c];
            old               |= so_far_q[c][p];
            look[p].others    |= (middle[c] & ~(N_PORTS'(1) << p)) != '0;
            look[p].early     |= !lowest[c][p];
            look[p].close     |= near_q[c];
          end else if (!fetch && past[p][c]) begin
            look_past[p] |= CW'(c);
          end
        end
        if (!in_order(attr_of(h)) || fetch) begin
          look[p].early = 1'b0;
          look[p].close  = 1'b0;
        end
        look[p].grp_early = in_order(attr_of(h)) && !fetch && ((look_group[p] & below) != '0);
        look[p].grp_root   = !reduce || (in_root && look_group[p][PW'(root)]);
        // to whom a partial goes does not contribute
        if (passes(h) && in_root) look_group[p][PW'(root)] = 1'b0;
        look[p].grp_member = look_group[p][p];
        {look[p].more, look[p].so_far} = advance(h, old);
        if (continues(h, old)) look[p].duplicate = 1'b0;
        else if (in_middle(h)) begin
          look[p].mismatch = 1'b1;
          if (old != '0) look[p].duplicate = 1'b0;
        end
      end
    end
  end

  always_comb for (int unsigned p = 0; p < N_PORTS; p++) seen_so_far[p] = seen[p].so_far;

  always_comb begin
    seen_refuse = '0;
    seen_whole  = '0;
    seen_waits  = '0;
    able        = '0;
    better      = '0;
    for (int unsigned p = 0; p < N_PORTS; p++) begin
      seen_status[p] = ST_OK;
      seen_row[p]    = '0;
      seen_got[p]    = '0;
      if (seen_valid[p]) begin
        automatic logic old = seen_hit[p];
        automatic logic fetch = head_hdr_i[p].op == OP_LOAD_REDUCE;
        seen_row[p]   = old ? members_q[seen_ctx[p]] : seen_group[p];
        seen_got[p]   = (old ? got_q[seen_ctx[p]] : '0) | N_PORTS'(1) << p;
        seen_whole[p] = seen_got[p] == seen_row[p];
        if (seen[p].more || seen[p].others) seen_whole[p] = 1'b0;

        if (seen[p].op)                              seen_status[p] = ST_OP;
        else if (seen[p].etype)                      seen_status[p] = ST_TYPE;
        else if (seen[p].shape)                      seen_status[p] = ST_LEN;
        else if (seen[p].late)                       seen_status[p] = ST_TIMEOUT;
        else if (old ? !seen[p].member || !seen[p].root
                     : !seen[p].grp_member || !seen[p].grp_root)
          seen_status[p] = ST_NOT_MEMBER;
        else if (seen[p].duplicate)                  seen_status[p] = ST_DUPLICATE;
        else if (seen[p].mismatch)                   seen_status[p] = ST_MISMATCH;

        seen_refuse[p] = seen_status[p] != ST_OK;
        seen_waits[p] = !seen_refuse[p] && !old && seen[p].grp_early && (set_free != '0);
        // what fetches needs a place for the packet that does, and a context
        able[p] = seen_refuse[p] ? ans_room
                  : old ? !seen[p].early && !seen[p].close
                        : !seen[p].grp_early && (set_free != '0) && (!fetch || ans_room);
        better[p] = able[p] && (seen_refuse[p] || !set_busy[old ? seen_ctx[p][0] : alloc_set]);
      end
    end
    // what would make a read-out wait comes when there is nothing else
    want = !flight_room || pause ? '0 : (better != '0) ? better : able;
  end

  // A contribution that must wait for members before it is not taken; but its reduction is open
  // from the moment in which it is seen, so that who never comes is missed in time.
  always_comb begin
    announce_port = '0;
    for (int unsigned p = N_PORTS; p > 0; p--) if (waits[p-1]) announce_port = PW'(p - 1);
  end

  if (PIPELINED) begin : g_steps
    // Comparison, look, decision, grant and what follows take a cycle each. What they say holds
    // until a head is granted or a context expires; then nothing is wanted until that is seen.
    localparam int unsigned STEPS = 5;
    logic [STEPS-1:0]   after_q;   // ones for the cycles after such an event
    logic [N_PORTS-1:0] want_q;
    logic [N_PORTS-1:0] waits_q;

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
        chosen_valid    <= grant_i || announce;
        g_valid    <= chosen_valid;
        after_q    <= (grant_i || expire || announce) ? '1 : after_q >> 1;
      end
    end

    always_ff @(posedge clk_i) begin
      chosen_port     <= announce ? announce_port : grant_port_i;
      chosen_announce <= announce;
      grant      <= chosen;
      past       <= past_now;
      seen_past  <= look_past;
      hit_past   <= seen_past;
      waits_q    <= seen_waits;
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
      hit_so_far <= seen_so_far;
      whole      <= seen_whole;
      refuse     <= seen_refuse;
      open_ctx   <= alloc_ctx;
    end

    // Before a context is given up, or opened without a grant, nothing more is wanted, and what may
    // have been granted is done: a grant comes two cycles after its head was wanted.
    logic               hold_q;
    logic [2:0]         calm_q;
    logic               held;
    assign held  = late || (waits != '0);
    assign waits = (after_q != '0) ? '0 : waits_q;
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        hold_q <= 1'b0;
        calm_q <= '0;
      end else begin
        hold_q <= held;
        calm_q <= (grant_i || chosen_valid || g_valid || !held) ? '0 : {calm_q[1:0], 1'b1};
      end
    end

    assign calm     = calm_q[2];
    assign announce = calm && !late && (waits != '0);
    assign pause    = 1'b0;
    assign want_o = (after_q != '0 || hold_q) ? '0 : want_q;
  end else begin : g_one_step
    assign look_valid = head_valid_i;
    assign same       = same_now;
    assign other      = other_now;
    assign past       = past_now;
    assign seen_past  = look_past;
    assign hit_past   = seen_past;
    assign waits      = seen_waits;
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
    assign hit_so_far = seen_so_far;
    assign whole      = seen_whole;
    assign refuse     = seen_refuse;
    assign open_ctx   = alloc_ctx;
    assign want_o     = want;
    assign chosen_valid    = grant_i || announce;
    assign chosen_port     = grant_i ? grant_port_i : announce_port;
    assign chosen_announce = !grant_i;
    assign announce        = (waits != '0) && !grant_i;
    assign g_valid    = chosen_valid;
    assign grant      = chosen;
    // A context is opened when nothing is granted; three grants in a row are followed by a rest.
    logic [1:0] waited_q;
    assign pause = waited_q == '1;
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) waited_q <= '0;
      else waited_q <= (waits == '0) || announce ? '0 : waited_q + 2'd1;
    end
    // A grant to a context in the cycle in which it expires goes first.
    assign calm       = !(g_take && (grant.ctx == late_ctx_q));
  end

  // ------------------------------------------------------------------------------------ grant

  logic chosen_bare;  // it opens a context and is none of its contributions
  assign chosen_bare = chosen_announce || (head_hdr_i[chosen_port].op == OP_LOAD_REDUCE);

  assign chosen = '{
      refuse: refuse[chosen_port],
      announce: chosen_announce,
      opens: !refuse[chosen_port] && !hit[chosen_port],
      whole: whole[chosen_port] && !chosen_bare,
      status: hit_status[chosen_port],
      port: chosen_port,
      ctx: (hit_status[chosen_port] == ST_TIMEOUT) ? hit_past[chosen_port]
           : hit[chosen_port] ? hit_ctx[chosen_port] : open_ctx,
      row: hit_row[chosen_port],
      got: chosen_bare ? '0 : hit_got[chosen_port],
      so_far: hit_so_far[chosen_port],
      hdr: head_hdr_i[chosen_port]};

  assign g_coll   = grant.hdr.cls.coll;
  assign g_attr   = (grant.hdr.op == OP_LOAD_REDUCE) ? fetched(attr_of(grant.hdr), grant.port)
                                                     : attr_of(grant.hdr);
  assign g_refuse = g_valid && grant.refuse;
  assign g_fetch  = g_valid && !grant.refuse && (grant.hdr.op == OP_LOAD_REDUCE);
  assign g_take   = g_valid && !grant.refuse && !grant.announce && !g_fetch;
  assign g_open   = g_valid && grant.opens;
  assign g_first  = g_take && (grant.got == g_bit);
  assign g_bit    = N_PORTS'(1) << grant.port;

  assign ev_contribution_o = g_take;
  assign ev_refused_o      = g_refuse;
  assign ev_status_o       = g_refuse ? grant.status : '0;

  // ----------------------------------------------------------- flits: flight queue and lanes

  flight_t       flight_q [FLIGHT];
  logic [FW-1:0] flight_wp_q, flight_rp_q;
  flight_t       fl;
  logic          fl_push, fl_pop;
  logic [BW-1:0] beat, beat_q;

  assign fl     = flight_q[flight_rp_q];
  assign fl_pop  = in_valid_i && in_last_i;
  assign fl_push = g_valid && !grant.announce;
  assign beat   = in_first_i ? '0 : beat_q;

  always_ff @(posedge clk_i) begin
    if (g_valid) begin
      flight_q[flight_wp_q] <= '{
          drop: !g_take, bare: g_attr.kind == KIND_BARRIER, ordered: in_order(g_attr),
          first: g_first, planes: planes_of(grant.hdr), index: PARTIALS ? grant.hdr.tag[5:0] : '0,
          arith: g_attr.arith, ctx: grant.ctx, port: grant.port};
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      flight_wp_q  <= '0;
      flight_rp_q  <= '0;
      flight_cnt_q <= '0;
    end else begin
      if (fl_push) flight_wp_q <= flight_wp_q + FW'(1);
      if (fl_pop) flight_rp_q <= flight_rp_q + FW'(1);
      if (fl_push != fl_pop) flight_cnt_q <= fl_push ? flight_cnt_q + 1'b1 : flight_cnt_q - 1'b1;
    end
  end

  // Planes of a partial: which flit is which. Members take turns in the middle of their partials,
  // but each goes from the first portion on: so the portions of a context that have been begun are
  // all before one, and the first flit of a portion that is not begins a place.
  plane_t        plane;
  logic          first;          // flit of its place
  logic [BW-1:0] place;          // of the flit in a contribution

  if (PARTIALS) begin : g_planes
    logic [6:0]        begun_q [N_CONTEXTS];  // portions
    logic [PLANES-1:0] rest, rest_q;          // planes of the portion, from this flit on
    logic [5:0]        portion, portion_q;
    logic [1:0]        log2;
    logic [6:0]        starts, ends;          // portions that the flit is of
    logic              part, turn;
    logic              unused;

    assign unused  = &{1'b0, fl.first};
    assign part    = fl.planes != '0;
    assign log2    = portions_log2(fl.arith.etype);
    assign rest    = in_first_i ? fl.planes : rest_q;
    assign portion = in_first_i ? fl.index : portion_q;
    assign turn    = (rest & (rest - PLANES'(1))) == '0;   // the portion's last
    assign place   = part ? BW'(portion >> log2) : beat;
    assign starts  = part ? 7'(portion) : 7'(beat) << log2;
    assign ends    = part ? 7'(portion) + 7'd1 : (7'(beat) + 7'd1) << log2;
    assign first   = (starts >= begun_q[fl.ctx]) && (!part || (portion & ~(6'h3F << log2)) == '0);

    always_comb begin
      plane = '{valid: part, plain: !fl.planes[PLANE_SEEN],
                part: 2'(portion & ~(6'h3F << log2)), plane: '0};
      for (int unsigned k = PLANES; k > 0; k--) if (rest[k-1]) plane.plane = 4'(k - 1);
    end

    always_ff @(posedge clk_i) begin
      if (in_valid_i) begin
        rest_q    <= turn ? fl.planes : rest & (rest - PLANES'(1));
        portion_q <= portion + 6'(turn);
      end
    end

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        for (int unsigned c = 0; c < N_CONTEXTS; c++) begun_q[c] <= '0;
      end else begin
        if (in_valid_i && !fl.drop && (ends > begun_q[fl.ctx])) begun_q[fl.ctx] <= ends;
        if (g_open) begun_q[grant.ctx] <= '0;
      end
    end

    always_ff @(posedge clk_i) begin
      for (int unsigned c = 0; c < N_CONTEXTS; c++) begin
        if (g_open && (grant.ctx == CW'(c))) so_far_q[c] <= '0;
        if (g_take && (grant.ctx == CW'(c))) so_far_q[c][grant.port] <= grant.so_far;
      end
    end
  end else begin : g_whole_only
    logic unused;
    assign unused = &{1'b0, grant.so_far, fl.planes, fl.index};
    assign plane = '0;
    assign first = fl.first;
    assign place = beat;
    always_comb for (int unsigned c = 0; c < N_CONTEXTS; c++) so_far_q[c] = '0;
  end

  always_comb begin
    for (int unsigned c = 0; c < N_CONTEXTS; c++) begin
      for (int unsigned p = 0; p < N_PORTS; p++) middle[c][p] = so_far_q[c][p] != '0;
    end
  end

  logic              acc_valid_q, acc_ordered_q, acc_first_q;
  plane_t            acc_plane_q;
  arith_t            acc_arith_q;
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
      acc_valid_q <= in_valid_i && !fl.drop && !fl.bare;
      done_q      <= {done_q[2:0], fl_pop && !fl.drop};
    end
  end

  always_ff @(posedge clk_i) begin
    if (in_valid_i) begin
      beat_q        <= beat + BW'(1);
      acc_first_q   <= first;
      acc_plane_q   <= plane;
      acc_ordered_q <= fl.ordered;
      acc_arith_q   <= fl.arith;
      acc_ctx_q     <= fl.ctx;
      acc_beat_q    <= place;
      acc_data_q    <= in_data_i;
    end
    if (done_q != '0) begin
      done_ctx_q[1] <= acc_ctx_q;
      done_ctx_q[2] <= done_ctx_q[1];
      done_ctx_q[3] <= done_ctx_q[2];
    end
  end

  // -------------------------------------------------------------------------------- time-outs

  logic [32:0]   now_q, age_q;  // two time-outs and what is seen too late
  logic [CW-1:0] scan_q, age_ctx_q;
  logic          age_valid_q, age_past_q, over_q, over;
  logic          scan_go;
  logic          forget;      // a context that was given up is as if it had never been

  // One context a cycle is looked at: its age, whether that is too much. The way stops while one is
  // late. What is on it is of no worth when its context begins another reduction.
  assign over    = age_valid_q && (timeout_i != '0) && (age_q > 33'(timeout_i));
  assign late    = over_q && open_q[late_ctx_q];
  assign expire  = late && calm;
  assign scan_go = !late || expire;
  assign forget  = age_past_q && ((timeout_i == '0) || (age_q > {timeout_i, 1'b0}));

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      now_q       <= '0;
      scan_q      <= '0;
      age_valid_q <= 1'b0;
      age_past_q  <= 1'b0;
      over_q      <= 1'b0;
    end else begin
      if ((busy_q | past_q) != '0) now_q <= now_q + 33'd1;
      if (scan_go) begin
        scan_q      <= (scan_q == CW'(N_CONTEXTS - 1)) ? '0 : scan_q + CW'(1);
        age_valid_q <= open_q[scan_q] && !(g_open && (grant.ctx == scan_q));
        age_past_q  <= past_q[scan_q] && !(g_open && (grant.ctx == scan_q));
        over_q      <= over && !(g_open && (grant.ctx == age_ctx_q));
      end else if (g_open && (grant.ctx == age_ctx_q)) begin
        age_valid_q <= 1'b0;
        age_past_q  <= 1'b0;
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

  // In member order the flits of the next member may come ordered_gap() cycles behind those of a
  // member: its first flit goes along here, until a grant comes late enough.
  localparam int unsigned APART = sp_float_pkg::ordered_gap() - 2;
  logic [APART-1:0] apart_q;
  logic [CW-1:0]    apart_ctx_q [APART];

  logic                  job_start, job_bare, job_free;
  logic                  dead;   // the context that is fetched was given up
  logic [CW-1:0]         pick_ctx;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      busy_q   <= '0;
      open_q   <= '0;
      dead_q   <= '0;
      past_q   <= '0;
      near_q   <= '0;
      prefer_q <= 1'b0;
      for (int unsigned c = 0; c < N_CONTEXTS; c++) pending_q[c] <= '0;
    end else begin
      if (forget) past_q[age_ctx_q] <= 1'b0;
      if (g_take || g_open) open_q[grant.ctx] <= !grant.whole;
      if (g_open) begin
        busy_q[grant.ctx] <= 1'b1;
        past_q[grant.ctx] <= 1'b0;
        prefer_q          <= !grant.ctx[0];
      end
      if (g_take && in_order(g_attr)) near_q[grant.ctx] <= 1'b1;
      if (apart_q[APART-1]) near_q[apart_ctx_q[APART-1]] <= 1'b0;
      if (expire) begin
        open_q[late_ctx_q] <= 1'b0;
        dead_q[late_ctx_q] <= 1'b1;
      end
      if (job_bare) begin
        busy_q[pick_ctx] <= 1'b0;
        dead_q[pick_ctx] <= 1'b0;
        past_q[pick_ctx] <= dead_q[pick_ctx];
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
      attr_q[grant.ctx]    <= g_attr;
      dst_q[grant.ctx]     <= grant.hdr.dst;
      members_q[grant.ctx] <= grant.row;
      opened_q[grant.ctx]  <= now_q;
      poison_q[grant.ctx]  <= 1'b0;
    end
    if (g_take || g_open) got_q[grant.ctx] <= grant.got;
    // who was late has been heard of
    if (g_refuse && (grant.status == ST_TIMEOUT)) got_q[grant.ctx] <= got_q[grant.ctx] | g_bit;
    if (spoils_q) poison_q[spoils_ctx_q] <= 1'b1;
    spoils_ctx_q <= fl.ctx;
  end

  always_comb begin
    for (int unsigned c = 0; c < N_CONTEXTS; c++) drained[c] = pending_q[c] == '0;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) contexts_used_o <= '0;
    else if (g_open != (job_bare || job_free))
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
  arith_t                run_arith_q;
  logic                  run_ordered_q;        // read out of the sums in member order
  logic                  ro_issue_q;
  logic                  res_valid, res_last;
  logic [FLIT_W-1:0]     res_data;
  attr_t                 job_attr;
  arith_t                job_arith_q;
  logic                  job_ordered_q;
  logic [N_CONTEXTS-1:0] job_bit;
  hdr_t                  job_hdr;
  coll_t                 job_coll;
  logic                  job_pass_q;           // it is passed on as a partial
  logic                  run_pass_q;
  logic                  pass_start;
  logic                  pass_ask, pass_done;  // a flit is to be read for it; it is over
  logic [BW-1:0]         pass_beat;
  logic                  pkt_valid;            // a packet of it is announced
  send_t                 pkt;
  logic [BW-1:0]         pkt_last;
  logic                  part_valid, part_last;
  logic [FLIT_W-1:0]     part_data;
  logic                  dig_valid, words_seen_valid;
  logic [2:0]            dig_pair;
  logic [FLIT_W/8-1:0][63:0] dig;
  logic [FLIT_W/8-1:0][3:0]  words_seen;

  // that which is read out is busy, too, but has no turn any more
  assign job_bit  = job_q ? N_CONTEXTS'(1) << job_ctx_q : '0;
  assign ready    = busy_q & ~open_q & drained & ~near_q & ~job_bit;

  // While one is read out the next is chosen and what it needs is fetched. A context that is ready
  // stays so until it is picked.
  logic               next_q, fetched_q;    // one is chosen; all that is known of it is in job_*
  logic [CW-1:0]      next_ctx, next_ctx_q;
  logic [BW-1:0]      job_last_q;           // of its flits
  logic               job_bare_q;           // it has no elements
  logic               job_lost_q;           // because it was given up
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
      job_arith_q   <= job_attr.arith;
      job_ordered_q <= in_order(job_attr);
      job_last_q    <= last_beat(job_attr.len);
      job_bare_q    <= dead || (job_attr.kind == KIND_BARRIER);
      job_lost_q    <= dead;
      job_pass_q    <= PARTIALS && job_attr.pass;
      job_send_q    <= job_send;
    end
  end

  assign pick_ctx  = next_ctx_q;
  assign pick      = fetched_q && !job_q && res_room;
  assign job_bare  = pick && job_bare_q;
  assign job_start = pick && !job_bare_q;

  assign ro_valid = run_pass_q ? pass_ask : job_q && ro_issue_q;
  assign job_free = run_pass_q ? pass_done : job_q && !ro_issue_q && ro_done;
  assign pass_start = PARTIALS && job_start && job_pass_q;

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
        ro_issue_q <= !pass_start;
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
      run_arith_q   <= job_arith_q;
      run_ordered_q <= job_ordered_q;
    end else if (ro_valid && ro_ready) begin
      ro_beat_q <= ro_beat_q + BW'(1);
    end
  end

  if (ORDERED) begin : g_apart
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) apart_q <= '0;
      else apart_q <= APART'({apart_q, in_valid_i && in_first_i && !fl.drop && fl.ordered});
    end
    always_ff @(posedge clk_i) begin
      apart_ctx_q[0] <= fl.ctx;
      for (int unsigned i = 1; i < APART; i++) apart_ctx_q[i] <= apart_ctx_q[i-1];
    end
  end else begin : g_never
    assign apart_q = '0;
    always_comb for (int unsigned i = 0; i < APART; i++) apart_ctx_q[i] = '0;
  end

  sp_reduction_lanes #(
      .FLIT_W    (FLIT_W),
      .N_CONTEXTS(N_CONTEXTS),
      .MEMBERS   (CONTRIBUTIONS),
      .TYPES     (BUILT),
      .ORDERED   (ORDERED),
      .PARTIALS  (PARTIALS)
  ) i_lanes (
      .clk_i,
      .rst_ni,
      .acc_valid_i  (acc_valid_q),
      .acc_ordered_i(acc_ordered_q),
      .acc_ctx_i    (acc_ctx_q),
      .acc_beat_i   (acc_beat_q),
      .acc_first_i  (acc_first_q),
      .acc_arith_i  (acc_arith_q),
      .acc_plane_i  (acc_plane_q),
      .acc_data_i   (acc_data_q),
      .ro_valid_i   (ro_valid),
      .ro_ready_o   (ro_ready),
      .ro_done_o    (ro_done),
      .ro_ordered_i (run_ordered_q),
      .ro_ctx_i     (job_ctx_q),
      .ro_beat_i    (run_pass_q ? pass_beat : ro_beat_q),
      .ro_arith_i   (run_arith_q),
      .ro_part_i    (run_pass_q),
      .ro_last_i    (ro_beat_q == ro_last_q),
      .res_valid_o  (res_valid),
      .res_last_o   (res_last),
      .res_data_o   (res_data),
      .dig_valid_o  (dig_valid),
      .dig_pair_o   (dig_pair),
      .dig_o        (dig),
      .seen_valid_o (words_seen_valid),
      .seen_o       (words_seen)
  );

  if (PARTIALS) begin : g_packer
    logic [5:0]        index;
    logic [PLANES-1:0] planes;
    logic [LEN_W-1:0]  len;
    logic [BW-1:0]     run_last_q;
    send_t             run_send_q;   // what its packets have in common

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) run_pass_q <= 1'b0;
      else if (pass_start || pass_done) run_pass_q <= pass_start;
    end

    always_ff @(posedge clk_i) begin
      if (pass_start) begin
        run_send_q <= job_send_q;
        run_last_q <= job_last_q;
      end
    end

    sp_partial_packer i_packer (
        .clk_i,
        .rst_ni,
        .start_i     (pass_start),
        .etype_i     (job_arith_q.etype),
        .last_i      (job_last_q),
        .ro_valid_o  (pass_ask),
        .ro_ready_i  (ro_ready),
        .ro_beat_o   (pass_beat),
        .dig_valid_i (dig_valid),
        .dig_pair_i  (dig_pair),
        .dig_i       (dig),
        .seen_valid_i(words_seen_valid),
        .seen_i      (words_seen),
        .room_i      (res_room),
        .pkt_valid_o (pkt_valid),
        .pkt_index_o (index),
        .pkt_planes_o(planes),
        .pkt_len_o   (len),
        .flit_valid_o(part_valid),
        .flit_last_o (part_last),
        .flit_data_o (part_data),
        .done_o      (pass_done)
    );

    always_comb begin
      pkt                   = run_send_q;
      pkt.hdr.tag           = {2'b0, 4'(run_last_q), index};
      pkt.hdr.len           = len;
      pkt.hdr.cls.coll.root = ROOT_W'(planes);
    end
    assign pkt_last = BW'(len - LEN_W'(1));
  end else begin : g_no_packer
    logic unused;
    assign unused     = &{1'b0, dig_valid, dig_pair, dig, words_seen_valid, words_seen};
    assign run_pass_q = 1'b0;
    assign pass_ask   = 1'b0;
    assign pass_done  = 1'b0;
    assign pass_beat  = '0;
    assign pkt_valid  = 1'b0;
    assign pkt        = '0;
    assign pkt_last   = '0;
    assign part_valid = 1'b0;
    assign part_last  = 1'b0;
    assign part_data  = '0;
  end

  // ------------------------------------------------------------------- results and answers

  assign job_attr = attr_q[next_ctx_q];
  assign dead     = dead_q[next_ctx_q];

  always_comb begin
    job_coll       = '0;
    job_coll.seq   = key_q[next_ctx_q].seq;
    job_coll.slice = key_q[next_ctx_q].slice;
    job_coll.group = GROUP_W'(key_q[next_ctx_q].group);
    job_coll.root  = job_attr.root;
    job_coll.mode  = '0;
    job_coll.mode[MODE_ORDERED]  = job_attr.ordered;
    job_coll.mode[MODE_SATURATE] = job_attr.arith.saturate;
    job_coll.mode[MODE_PARTIAL]  = job_attr.pass;
    job_coll.redop = job_attr.arith.redop;
    job_coll.etype = job_attr.arith.etype;
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
        mask: (!dead && (job_attr.kind == KIND_ONE)) ? N_PORTS'(1) << PW'(job_attr.root)
                                                     : members_q[next_ctx_q]};
    // who waits for a partial hears as well that it does not come
    if (dead && job_attr.pass) job_send.mask |= N_PORTS'(1) << PW'(job_attr.root);
  end

  coll_t fetch_coll;
  hdr_t  fetch_hdr;   // to all members: contribute
  send_t answer;

  always_comb begin
    fetch_coll        = g_coll;
    fetch_coll.root   = g_attr.root;
    fetch_coll.rsvd   = '0;
    fetch_hdr         = '0;
    fetch_hdr.version = VERSION;
    fetch_hdr.op      = OP_FETCH;
    fetch_hdr.dst     = ID_GROUP;
    fetch_hdr.src     = grant.hdr.dst;
    fetch_hdr.tag     = TAG_W'(g_attr.len);
    fetch_hdr.cls     = fetch_coll;
  end

  assign answer = g_refuse ? '{hdr: error_answer(grant.hdr, grant.status), mask: g_bit}
                           : '{hdr: fetch_hdr, mask: grant.row};
  assign ev_timeout_o = job_bare && job_lost_q;

  sp_reduction_sender #(
      .N_PORTS(N_PORTS),
      .FLIT_W (FLIT_W)
  ) i_sender (
      .clk_i,
      .rst_ni,
      .result_valid_i(pkt_valid || (pick && !pass_start)),
      .result_hdr_i  (pkt_valid ? pkt.hdr : job_send_q.hdr),
      .result_mask_i (pkt_valid ? pkt.mask : job_send_q.mask),
      .result_bare_i (job_bare_q && !pkt_valid),
      .result_last_i (pkt_valid ? pkt_last : job_last_q),
      .result_room_o (res_room),
      .flit_valid_i  (res_valid || part_valid),
      .flit_last_i   (part_valid ? part_last : res_last),
      .flit_data_i   (part_valid ? part_data : res_data),
      .answer_valid_i(g_refuse || g_fetch),
      .answer_hdr_i  (answer.hdr),
      .answer_mask_i (answer.mask),
      .answer_room_o (ans_room),
      .out_valid_o,
      .out_ready_i,
      .out_first_o,
      .out_last_o,
      .out_hdr_o,
      .out_data_o,
      .out_mask_o,
      .ev_result_o
  );

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
      a_calm : assert (!(expire || announce) || !PIPELINED || !(grant_i || chosen_valid || g_valid))
        else $error("a context is opened or given up while a grant is on its way");
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
      a_in_turn : assert (!(g_take && in_order(g_attr))
                          || ((grant.row & ~grant.got & (g_bit - N_PORTS'(1))) == '0))
        else $error("a member came before its turn");
      a_pending : assert (!done_q[3] || (pending_q[done_ctx_q[3]] != '0))
        else $error("more packets came than were granted");
    end
  end
`endif

endmodule
