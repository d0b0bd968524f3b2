// SPDX-License-Identifier: Apache-2.0
//
// One external input: takes a packet stream, checks each packet, routes it and queues it whole.
// Guarantees: every packet that comes in leaves exactly once, either as it came or as an error
// answer through the port it came from; only refused responses are dropped, and counted, since an
// answer to an answer could circle for ever. A malformed packet changes nothing else. A stream is
// never stopped for longer than its queue, or the answers' queue of its own port, is full.
//
// A flit that comes in cycle 0 of an idle switch leaves it in cycle 4; PIPELINED: in cycle 6, since
// it is queued a cycle later, and grant and accept take a cycle each; see docs/crossbar.md.

module sp_ingress #(
    /// Outputs, external ports first, then engines.
    parameter int unsigned N_OUT = 5,
    /// External ports.
    parameter int unsigned N_PORTS = 4,
    /// Bits of a flit.
    parameter int unsigned FLIT_W = 128,
    /// Flits of each queue.
    parameter int unsigned VOQ_FLITS = 32,
    /// Flits of a pool that the VOQs of an input share; 0: none. Not with PIPELINED.
    parameter int unsigned VOQ_SHARED = 0,
    /// Destination IDs with a forwarding entry.
    parameter int unsigned N_IDS = 16,
    /// Rows of the group table.
    parameter int unsigned N_GROUPS = 16,
    /// 1: registers between the steps of a cycle, for FPGAs; see docs/crossbar.md.
    parameter bit PIPELINED = 1'b0,
    /// 1: multicasts, with a queue for them; 0: they are unknown operations.
    parameter bit MCAST = 1'b0,
    /// 1: packets carry the time at which they came.
    parameter bit TIMED = 1'b0,
    /// 1: what is kept of flits has check bits; see sp_flit_code.
    parameter bit ECC = 1'b0,
    /// 1: packets to ports may leave before they have come whole; not with PIPELINED.
    parameter bit CUT_THROUGH = 1'b0,
    localparam int unsigned WordW = sp_ecc_pkg::word_bits(FLIT_W, sp_pkg::HDR_W, ECC),
    localparam int unsigned OutW = $clog2(N_OUT),
    localparam int unsigned AddrW = $clog2(N_IDS),
    localparam int unsigned PortW = $clog2(N_PORTS),
    localparam int unsigned GroupW = (N_GROUPS > 1) ? $clog2(N_GROUPS) : 1,
    localparam int unsigned EngDim = (N_OUT == N_PORTS) ? 1 : N_OUT - N_PORTS
) (
    /// Clock.
    input  logic                      clk_i,
    /// Reset, active low, asynchronous.
    input  logic                      rst_ni,
    /// Number of this port.
    input  logic [OutW-1:0]           own_i,

    /// Stream in: valid.
    input  logic                      s_tvalid_i,
    /// Stream in: ready.
    output logic                      s_tready_o,
    /// Stream in: payload.
    input  logic [FLIT_W-1:0]         s_tdata_i,
    /// Stream in: {error mark with the last beat, header with the first}.
    input  logic [sp_pkg::USER_W-1:0] s_tuser_i,
    /// Stream in: last beat.
    input  logic                      s_tlast_i,
    /// Stream in, with the last beat: the packet is not whole, its port went down: it is refused.
    input  logic                      s_abort_i,
    /// By VC: a longest packet can be taken, whatever its output.
    output logic [sp_pkg::NUM_VC-1:0] s_vc_room_o,

    /// Forwarding table: write.
    input  logic                      fwd_we_i,
    /// Forwarding table: destination ID.
    input  logic [AddrW-1:0]          fwd_addr_i,
    /// Forwarding table: the entry is a route.
    input  logic                      fwd_valid_i,
    /// Forwarding table: logarithm of the number of equal paths.
    input  logic [2:0]                fwd_paths_log2_i,
    /// Forwarding table: first output.
    input  logic [9:0]                fwd_out_i,

    /// Partitions: those of a port change.
    input  logic                      row_we_i,
    /// Partitions: that port.
    input  logic [PortW-1:0]          row_port_i,
    /// Partitions: ports that share one with it.
    input  logic [N_PORTS-1:0]        row_i,
    /// Group table: write, or the same again.
    input  logic                      grp_we_i,
    /// Group table: group.
    input  logic [GroupW-1:0]         grp_addr_i,
    /// Group table: members.
    input  logic [N_PORTS-1:0]        grp_mask_i,
    /// Sources that the packets of this port may name.
    input  sp_pkg::source_t           source_i,
    /// Flits of a queue from which on packets are marked; 0: never.
    input  logic [sp_pkg::LEVEL_W-1:0] threshold_i,
    /// Time.
    input  logic [sp_pkg::STAMP_W-1:0] now_i,
    /// CUT_THROUGH: cycles for which a sender may pause in a packet, all pauses together; 0: any.
    input  sp_pkg::pause_t    pause_i,

    /// Injection of errors into the memory.
    input  sp_pkg::inject_t           inject_i,
    /// Ports that are down: no packet is sent there.
    input  logic [N_PORTS-1:0]        port_down_i,

    /// Queues with a packet to send: by VC, a bit for each output.
    output logic [N_OUT-1:0]          ready_o [sp_pkg::NUM_VC],
    /// Ports that lack the multicast at the head of its queue, PIPELINED at that of the injector.
    output logic [N_PORTS-1:0]        mcast_ready_o,
    /// A packet can be started.
    output logic                      idle_o,
    /// Last flit of the packet is being read.
    output logic                      last_o,
    /// CUT_THROUGH: its next flit has not come.
    output logic                      waits_o,
    /// Start a packet.
    input  logic                      start_i,
    /// Its VC.
    input  logic [1:0]                start_vc_i,
    /// Its output.
    input  logic [OutW-1:0]           start_out_i,
    /// It is the multicast instead; PIPELINED: besides.
    input  logic                      start_mcast_i,
    /// Ports that get it now.
    input  logic [N_PORTS-1:0]        start_ports_i,

    /// PIPELINED, to and from sp_voq_pipelined. By VC: outputs that let a packet start.
    input  logic [N_OUT-1:0]          room_i [sp_pkg::NUM_VC],
    /// Outputs that have just got their first packet.
    output logic [N_OUT-1:0]          fresh_o,
    /// Outputs with a packet that may start.
    output logic [N_OUT-1:0]          some_o,
    /// With two.
    output logic [N_OUT-1:0]          two_o,
    /// With three.
    output logic [N_OUT-1:0]          three_o,
    /// Outputs whose head has more than one, two, three flits.
    output logic [2:0][N_OUT-1:0]     more_o,
    /// Outputs with a head that may be started in this cycle.
    output logic [N_OUT-1:0]          heads_o,
    /// Output that is matched.
    input  logic [N_OUT-1:0]          match_i,
    /// The same if its head starts.
    input  logic [N_OUT-1:0]          go_i,
    /// The packet that starts has more than one flit.
    output logic                      long_o,
    /// Flits of an earlier packet that are still to be read.
    output logic [sp_pkg::LEN_W-1:0]  left_o,
    /// One is read in this cycle.
    output logic                      reads_o,
    /// There will be such a flit in the next cycle.
    output logic                      stays_o,

    /// PIPELINED, multicasts; see sp_injector. The head has more than one, two, three flits.
    output logic [2:0]                mcast_more_o,
    /// Flits of an earlier pass that are still to be read.
    output logic [sp_pkg::LEN_W-1:0]  mcast_left_o,
    /// There will be such a flit in the next cycle.
    output logic                      mcast_stays_o,
    /// A flit is here.
    output logic                      mcast_valid_o,
    /// First flit of a packet.
    output logic                      mcast_first_o,
    /// Last flit of a packet.
    output logic                      mcast_last_o,
    /// Error mark.
    output logic                      mcast_err_o,
    /// Header, with the first flit.
    output sp_pkg::hdr_t              mcast_hdr_o,
    /// Time at which the packet came, with the first flit.
    output logic [sp_pkg::STAMP_W-1:0] mcast_stamp_o,
    /// Word; see sp_flit_code.
    output logic [WordW-1:0]          mcast_word_o,

    /// Contribution at the head of the queue of each engine.
    output logic [EngDim-1:0]         head_valid_o,
    /// Its header.
    output sp_pkg::hdr_t              head_hdr_o [EngDim],
    /// A flit is here.
    output logic                      flit_valid_o,
    /// First flit of a packet.
    output logic                      flit_first_o,
    /// Last flit of a packet.
    output logic                      flit_last_o,
    /// Error mark.
    output logic                      flit_err_o,
    /// VC of the packet.
    output logic [1:0]                flit_vc_o,
    /// Header, with the first flit.
    output sp_pkg::hdr_t              flit_hdr_o,
    /// Time at which the packet came, with the first flit.
    output logic [sp_pkg::STAMP_W-1:0] flit_stamp_o,
    /// Word; see sp_flit_code.
    output logic [WordW-1:0]          flit_word_o,
    /// The flit, PIPELINED that of mcast_*, is one of a multicast.
    output logic                      flit_mcast_o,
    /// It ends with a member set, of which each output is to keep its own destinations.
    output logic                      flit_set_o,
    /// Where these go.
    output sp_pkg::member_ports_t     flit_members_o,

    /// Event: a beat was taken.
    output logic                      ev_beat_o,
    /// Event: the last beat of a packet was taken.
    output logic                      ev_packet_o,
    /// Event: a beat is held up.
    output logic                      ev_stall_o,
    /// Event: a packet was refused; CUT_THROUGH: or found to be bad too late, and marked.
    output logic                      ev_refused_o,
    /// Why, with ev_refused_o.
    output logic [3:0]                ev_status_o,
    /// Event: it was dropped without an answer.
    output logic                      ev_dropped_o,
    /// Event: a multicast was taken.
    output logic                      ev_mcast_o,
    /// Event: the rest, for the counters by VC.
    output sp_pkg::ingress_event_t    event_o
);
  /* verilator no_inline_module */  // one C++ body for all ports

  import sp_pkg::*;

  localparam int unsigned UnitsPerFlit = FLIT_W / UNIT_W;
  localparam int unsigned PtrW = $clog2(VOQ_FLITS);

  if (FLIT_W != 128 && FLIT_W != 256 && FLIT_W != 512) begin : g_bad_width
    $fatal(1, "sp_ingress: FLIT_W = %0d is not 128, 256 or 512", FLIT_W);
  end

  if (PIPELINED && VOQ_SHARED != 0) begin : g_bad_shared
    $fatal(1, "sp_ingress: VOQ_SHARED = %0d is not 0, as PIPELINED asks for", VOQ_SHARED);
  end
  if (CUT_THROUGH && (PIPELINED || VOQ_SHARED != 0)) begin : g_bad_cut
    $fatal(1, "sp_ingress: CUT_THROUGH = 1 is not built with PIPELINED = %0d, VOQ_SHARED = %0d",
           PIPELINED, VOQ_SHARED);
  end

  localparam int unsigned BeatW = 2 + USER_W + FLIT_W;

  /// What the header and the entry of its destination say.
  typedef struct packed {
    logic [3:0]       status;
    logic [2:0]       paths_log2;
    logic [9:0]       out;     // the first of the equal ones
    logic [1:0]       vc;
    logic [LEN_W-1:0] flits;
    logic             single;  // of one flit
    logic             source_ok;  // its source is one of this port
    logic             group_ok;   // its group, if it is a contribution, is all within reach
  } look_t;

  /// What follows from it.
  typedef struct packed {
    logic             ok;      // the packet may pass
    logic [3:0]       status;  // else why not
    logic [OutW-1:0]  out;
    logic [1:0]       vc;
    logic [LEN_W-1:0] flits;
    logic             single;
  } said_t;

  // ------------------------------------------------------------------- checks on the first beat

  /* verilator lint_off UNUSEDSIGNAL */  // what is not looked at goes with the beat
  hdr_t  look_hdr;
  /* verilator lint_on UNUSEDSIGNAL */
  look_t look;
  logic  look_mcast;         // a multicast; not looked up by its destination
  logic  look_set;           // but by its member set
  logic  group_hit;          // its group has a member
  logic  walk;               // destinations of a member set are looked up instead
  logic [ID_W-1:0] walk_id;  // this one
  logic  route_hit;
  logic [2:0] route_paths_log2;
  logic [9:0] route_out;

  sp_route #(
      .N_IDS(N_IDS)
  ) i_route (
      .clk_i,
      .rst_ni,
      .we_i        (fwd_we_i),
      .addr_i      (fwd_addr_i),
      .valid_i     (fwd_valid_i),
      .paths_log2_i(fwd_paths_log2_i),
      .out_i       (fwd_out_i),
      .dst_i       (walk ? walk_id : look_hdr.dst),
      .hit_o       (route_hit),
      .paths_log2_o(route_paths_log2),
      .out_o       (route_out)
  );

  logic [N_PORTS-1:0] reached;   // ports that the packet would go to
  logic               ports_ok;  // all of them are within reach
  logic               group_ok;
  logic [N_PORTS-1:0] look_members; // of the group of a multicast
  logic [N_PORTS-1:0] said_members; // PIPELINED: the same of the packet that is queued

  assign look_mcast = MCAST && look_hdr.op == OP_MCAST_WRITE;
  assign look_set   = PIPELINED ? look_mcast && look_hdr.ext[EXT_SET] : walk;

  sp_partition #(
      .N_PORTS (N_PORTS),
      .N_GROUPS(N_GROUPS)
  ) i_partition (
      .clk_i,
      .rst_ni,
      .own_i     (PortW'(own_i)),
      .row_we_i,
      .row_port_i,
      .row_i,
      .grp_we_i,
      .grp_addr_i,
      .grp_mask_i,
      .ports_i   (reached),
      .ports_ok_o(ports_ok),
      .group_i   (look_hdr.cls.coll.group),
      .group_ok_o(group_ok)
  );

  always_comb begin
    look.status = ST_OK;
    if (look_hdr.version != VERSION) look.status = ST_VERSION;
    else if (!op_known(look_hdr.op)) look.status = ST_OP;
    else if (!MCAST && look_hdr.op == OP_MCAST_WRITE) look.status = ST_OP;
    else if (!len_legal(look_hdr.op, look_hdr.len)) look.status = ST_LEN;
    else if (!(look_mcast ? group_hit || look_hdr.ext[EXT_SET] : route_hit)) look.status = ST_DST;
    look.paths_log2 = route_paths_log2;
    look.out        = route_out;
    look.vc         = op_vc(look_hdr.op);
    look.flits      = num_flits(look_hdr.len, look_hdr.ext, UnitsPerFlit);
    look.single     = look.flits == LEN_W'(1);
    look.source_ok  = ((look_hdr.src ^ source_i.id) & source_i.care) == '0;
    look.group_ok   = group_ok;
  end

  look_t           looked;   // at this packet
  logic [ID_W-1:0] mixed;    // its source and destination
  logic [6:0]      path;
  said_t           now;      // what follows from it
  logic            to_port;  // it goes to one

  // Source and destination choose among equal paths, so that a flow stays on one and in order.
  // Apart from what is concluded of it: a simulator would see a loop through sp_partition.
  logic [OutW-1:0] chosen;
  always_comb begin
    path    = (mixed[ID_W-1:7] ^ mixed[6:0]) & ~(7'h7f << looked.paths_log2);
    chosen  = OutW'(looked.out + 10'(path));
    to_port = 32'(chosen) < N_PORTS;
    reached = to_port ? N_PORTS'(1) << chosen : '0;
    if (look_mcast && !look_set && !walk) reached = look_members;
  end

  always_comb begin
    now.out    = chosen;
    now.status = looked.status;
    if (look_mcast) begin
      // Of a member set each destination is looked at behind the last beat.
      if (looked.status == ST_OK && !(looked.source_ok && (look_set || ports_ok))) begin
        now.status = ST_PARTITION;
      end
    end else if (looked.status == ST_OK) begin
      // Only contributions have business with an engine.
      if (!to_port && looked.vc != VC_RED) now.status = ST_OP;
      else if ((reached & port_down_i) != '0) now.status = ST_DST;
      else if (!looked.source_ok || !ports_ok || !(to_port || looked.group_ok)) begin
        now.status = ST_PARTITION;
      end
    end
    now.ok     = now.status == ST_OK;
    now.vc     = looked.vc;
    now.flits  = looked.flits;
    now.single = looked.single;
  end

  // --------------------------------------------------------------------------------- beat in

  logic              valid;
  logic              ready;
  logic              take;    // the beat goes on
  logic              first;   // first beat of its packet
  logic              last;
  logic              abort;   // with the last beat: the packet is not whole
  logic              err;
  logic [STAMP_W-1:0] stamp;  // time at which the beat came
  logic [FLIT_W-1:0] data;
  hdr_t              hdr;     // of the packet, on all of its beats, and what it says
  said_t             said;

  if (PIPELINED) begin : g_stages
    // Two beats in a small memory, with what was found in the table; registers would take a choice
    // of two for every bit. A header stays for all beats of its packet; two beats are of two
    // packets at most.
    localparam int unsigned KeptW = 4 + (TIMED ? STAMP_W : 0) + FLIT_W;
    localparam int unsigned SaidW = $bits(said_t) + HDR_W;
    localparam int unsigned HeadW = SaidW + (MCAST ? N_PORTS : 0);

    logic             in_first_q;  // the next beat is a first one
    logic             in_take;
    logic             full, empty;
    logic [KeptW-1:0] kept;
    logic [HeadW-1:0] head;

    // While the table is asked for the destinations of a member set no header can be looked up.
    assign look_hdr   = s_tuser_i[HDR_W-1:0];
    assign looked     = look;
    assign mixed      = walk ? hdr.src ^ walk_id : look_hdr.src ^ look_hdr.dst;
    assign s_tready_o = !full && !walk;
    assign in_take    = s_tvalid_i && s_tready_o;
    assign valid      = !empty;

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) in_first_q <= 1'b1;
      else if (in_take) in_first_q <= s_tlast_i;
    end

    logic [1:0] unused_count;
    sp_fifo #(
        .WIDTH(KeptW),
        .DEPTH(2)
    ) i_beats (
        .clk_i,
        .rst_ni,
        .push_i (s_tvalid_i && !walk),
        .data_i (KeptW'({now_i, in_first_q, s_tlast_i, s_abort_i, s_tuser_i[USER_W-1], s_tdata_i})),
        .full_o (full),
        .pop_i  (ready),
        .data_o (kept),
        .empty_o(empty),
        .count_o(unused_count)
    );

    logic       unused_full, unused_empty;
    logic [1:0] unused_heads;
    sp_fifo #(
        .WIDTH(HeadW),
        .DEPTH(2)
    ) i_heads (
        .clk_i,
        .rst_ni,
        .push_i (in_take && in_first_q),
        .data_i (HeadW'({look_members, now, look_hdr})),
        .full_o (unused_full),
        .pop_i  (take && last),
        .data_o (head),
        .empty_o(unused_empty),
        .count_o(unused_heads)
    );

    assign {said, hdr} = head[SaidW-1:0];
    if (MCAST) begin : g_members
      assign said_members = head[HeadW-1-:N_PORTS];
    end else begin : g_no_members
      assign said_members = '0;
    end
    assign {first, last, abort, err, data} = kept[FLIT_W+3:0];
    if (TIMED) begin : g_time
      assign stamp = kept[KeptW-1-:STAMP_W];
    end else begin : g_no_time
      logic unused;
      assign unused = &{1'b0, now_i};
      assign stamp  = '0;
    end
  end else begin : g_skid
    hdr_t  beat_hdr;
    hdr_t  hdr_q;
    said_t said_q;
    logic  in_packet_q;

    sp_skid_buffer #(
        .WIDTH(BeatW)
    ) i_skid (
        .clk_i,
        .rst_ni,
        .valid_i(s_tvalid_i),
        .ready_o(s_tready_o),
        .data_i ({s_tlast_i, s_abort_i, s_tuser_i, s_tdata_i}),
        .valid_o(valid),
        .ready_i(ready),
        .data_o ({last, abort, err, beat_hdr, data})
    );

    if (TIMED) begin : g_time
      logic unused_valid, unused_ready;
      sp_skid_buffer #(
          .WIDTH(STAMP_W)
      ) i_stamp (
          .clk_i,
          .rst_ni,
          .valid_i(s_tvalid_i),
          .ready_o(unused_ready),
          .data_i (now_i),
          .valid_o(unused_valid),
          .ready_i(ready),
          .data_o (stamp)
      );
    end else begin : g_no_time
      logic unused;
      assign unused = &{1'b0, now_i};
      assign stamp  = '0;
    end

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) in_packet_q <= 1'b0;
      else if (valid && ready) in_packet_q <= !last;
    end

    always_ff @(posedge clk_i) begin
      if (valid && ready && first) begin
        hdr_q  <= beat_hdr;
        said_q <= now;
      end
    end

    assign look_hdr = beat_hdr;
    assign looked   = look;
    assign mixed    = walk ? hdr.src ^ walk_id : beat_hdr.src ^ beat_hdr.dst;
    assign first    = !in_packet_q;
    assign hdr      = first ? beat_hdr : hdr_q;
    assign said     = first ? now : said_q;
    assign said_members = '0;
  end

  // -------------------------------------------------------------------------- how a packet ends

  logic [LEN_W-1:0] count_q;   // beats taken, stops at the greatest value
  logic             due_q;     // this beat is the last one that the header announces
  logic             over_q;    // it has come before
  logic             due;
  logic             refuse;    // with the last beat: the packet is refused
  logic             settle_q;  // its last beat waits; what it had taken has been given back
  logic [3:0]       reason_q;  // why: the tables may change before the answer goes
  logic             answered;  // if refused
  logic             mcast;     // the packet goes to the queue of multicasts
  logic             walk_on;   // more destinations of its member set are to be looked up
  logic [3:0]       walk_status; // why the member set is refused, if it is
  logic             ready_beat;
  logic             cut;       // the packet may leave while it comes
  logic             cuts_off;  // it is bad: from here on it is filled
  logic             fill_q;    // a flit that did not come is written
  logic             spoils;    // the flit that is written is its last one, and marked as it is bad

  assign due      = first ? said.single : due_q;
  assign refuse   = last && !cut && !(said.ok && due && !abort && walk_status == ST_OK);
  assign answered = said.vc != VC_RSP;

  // ------------------------------------------------------------------------------------ queues

  // Room for a whole packet is taken with its first beat. A refused one gives it back in the cycle
  // in which its last beat comes, and goes in the next, when its answer takes a flit instead.
  logic [PtrW:0]    sel_free;
  logic [1:0]       sel_vc;
  logic [OutW-1:0]  sel_out;
  logic [LEN_W-1:0] sel_flits;
  logic             fits;       // PIPELINED: room that is seen at once
  logic [PtrW:0]    seen_free;  // free flits of the queue that the packet goes to
  logic [PtrW-1:0]  place;      // of the beat in its queue; PIPELINED in that of multicasts only
  logic             mcast_fits; // the same as `fits` of the queue of multicasts
  logic [PtrW:0]    mcast_free;
  logic [PtrW-1:0]  mcast_place;
  logic             to_mcast;   // the beat is of a multicast, and no answer
  logic             needs;      // this beat is taken only if there is room
  logic             room;
  logic             gives;      // a refused packet's room is free again

  assign sel_vc     = settle_q ? VC_RSP : said.vc;
  assign sel_out    = settle_q ? own_i : said.out;
  assign sel_flits  = settle_q ? LEN_W'(1) : said.flits;
  assign needs      = settle_q ? answered : first && said.ok;
  assign ready_beat = !needs || room;
  assign ready      = ready_beat && (settle_q || !(refuse || walk_on)) && !(cuts_off || fill_q);
  assign to_mcast   = mcast && !settle_q;
  assign seen_free  = to_mcast ? mcast_free : sel_free;
  assign take       = valid && ready;
  assign gives      = valid && refuse && !settle_q && !first && said.ok;
  if (PIPELINED) begin : g_room
    // Most queues are seen to have room at once. To compare takes longer: room that was there is
    // there still, as this port alone takes it, and what the packet before took has been counted in
    // when a beat has waited for two cycles.
    logic          waits;
    logic [1:0]    waits_q;
    logic          found_q;
    logic [PtrW:0] free_q;

    assign waits = valid && needs && !take && (settle_q || !refuse);
    assign room  = (to_mcast ? mcast_fits : fits) || found_q;

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        waits_q <= '0;
        found_q <= 1'b0;
      end else begin
        waits_q <= waits ? {waits_q[0], 1'b1} : '0;
        found_q <= waits && waits_q[1] && (free_q >= (PtrW + 1)'(sel_flits));
      end
    end

    always_ff @(posedge clk_i) free_q <= seen_free;
  end else begin : g_room
    assign room      = seen_free >= (PtrW + 1)'(sel_flits);
    logic unused;
    assign unused = &{1'b0, fits, mcast_fits};
    assign fits   = 1'b0;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) settle_q <= 1'b0;
    else settle_q <= (settle_q || (valid && refuse)) && !take;
  end

  always_ff @(posedge clk_i) begin
    if (!settle_q) reason_q <= !said.ok ? said.status : !(due && !abort) ? ST_LEN : walk_status;
    if (take || fill_q) begin
      count_q <= first ? LEN_W'(1) : (count_q == '1) ? count_q : count_q + LEN_W'(1);
      due_q   <= (LEN_W + 1)'(first ? '0 : count_q) + (LEN_W + 1)'(2)
                 == (LEN_W + 1)'(said.flits);
      over_q  <= due || (!first && over_q);
    end
  end

  // What is known to be bad with its first beat is refused as ever. Later it is too late for an
  // answer: the packet may have begun to leave. If its last beat comes too early, or from the guard
  // of a port that went down, or its sender has paused for too long, flits of zeros stand for this
  // beat and all others that it announced.
  if (CUT_THROUGH) begin : g_cut
    logic               cut_q;
    logic               waits;    // the next beat is not there
    pause_t pause_q;  // cycles for which it may still not be there; 0: no limit

    assign cut      = first ? said.ok && !said.single && !last && 32'(said.out) < N_PORTS && !mcast
                            : cut_q;
    assign waits    = cut_q && !first && !over_q && !fill_q && !valid;
    assign cuts_off = (valid && last && cut && !over_q && !fill_q && (!due || abort))
                      || (waits && pause_q == pause_t'(1));
    assign spoils   = due && (fill_q || (take && cut && !last));

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        cut_q  <= 1'b0;
        fill_q <= 1'b0;
      end else begin
        if (take && first) cut_q <= cut;
        fill_q <= cuts_off || (fill_q && !due);
      end
    end

    always_ff @(posedge clk_i) begin
      if (take && first) pause_q <= pause_i;
      else if (waits && pause_q != '0) pause_q <= pause_q - pause_t'(1);
    end
  end else begin : g_whole
    logic unused;
    assign unused = &{1'b0, pause_i};
    assign {cut, cuts_off, fill_q, spoils} = '0;
  end

  /// What is written into a queue.
  typedef struct packed {
    logic              first;
    logic              mcast; // into the queue of multicasts
    logic [PtrW-1:0]   place; // there, or in a VOQ that does not know it
    logic [1:0]        vc;
    logic [OutW-1:0]   out;
    logic [LEN_W-1:0]  flits;
    logic              err;
    logic              more;  // others follow, though the packet may leave already
    hdr_t              hdr;
    logic [STAMP_W-1:0] stamp;
    logic [FLIT_W-1:0] data;
  } write_t;

  // A packet that comes to a long queue is marked; its answer, if it is refused, is not.
  logic [LEVEL_W-1:0] level;     // flits in the queue
  logic               marking;   // a queue can be as long as that
  logic               mark;
  logic               mark_q;    // the packet at hand has been marked
  hdr_t               marked_hdr;

  // As many bits as a level can have; a threshold beyond them marks nothing.
  localparam int unsigned MarkW = PIPELINED ? PtrW + 1 : LEVEL_W;

  logic [MarkW-1:0] threshold;

  if (PIPELINED) begin : g_near_threshold
    // A register for each port: what all of them look at lies far from most.
    (* keep *)
    logic [MarkW:0] threshold_q;

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) threshold_q <= '0;
      else threshold_q <= {threshold_i != '0 && 32'(threshold_i) < (1 << MarkW),
                           threshold_i[MarkW-1:0]};
    end

    assign {marking, threshold} = threshold_q;
  end else begin : g_threshold
    assign marking   = threshold_i != '0 && 32'(threshold_i) < (1 << MarkW);
    assign threshold = threshold_i[MarkW-1:0];
  end

  assign mark = first ? marking && level[MarkW-1:0] >= threshold && !hdr.ecn : mark_q;

  always_comb begin
    marked_hdr     = hdr;
    marked_hdr.ecn = hdr.ecn || mark;
  end

  always_ff @(posedge clk_i) if (take) mark_q <= mark;

  write_t write;
  logic   writes;
  logic   commits;

  assign writes      = (take && (settle_q ? answered : said.ok && (first || !over_q))) || fill_q;
  assign commits     = take && (cut ? first : last && (!settle_q || answered));
  assign write.first = needs;
  assign write.mcast = to_mcast;
  assign write.place = place;
  assign write.vc    = sel_vc;
  assign write.out   = sel_out;
  assign write.flits = sel_flits;
  assign write.err   = (err && last && !settle_q) || spoils;
  assign write.more  = cut && !due;
  assign write.hdr   = settle_q ? error_answer(hdr, reason_q) : marked_hdr;
  assign write.stamp = stamp;
  assign write.data  = fill_q ? '0 : data;  // an answer has no payload

  logic [NUM_VC-1:0] voq_room;
  logic              voq_idle;
  logic              voq_last;
  logic              voq_valid;
  logic              voq_first_flit;
  logic              voq_last_flit;
  logic              voq_err;
  logic [1:0]        voq_vc;
  hdr_t              voq_hdr;
  logic [STAMP_W-1:0] voq_stamp;
  logic [WordW-1:0]  voq_word;

  write_t written;           // the same, PIPELINED a cycle later
  logic   wr_valid, commit, give;

  if (PIPELINED) begin : g_write_later
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        wr_valid <= 1'b0;
        commit   <= 1'b0;
        give     <= 1'b0;
      end else begin
        wr_valid <= writes;
        commit   <= commits;
        give     <= gives;
      end
    end
    always_ff @(posedge clk_i) written <= write;
  end else begin : g_write_now
    assign wr_valid = writes;
    assign commit   = commits;
    assign give     = gives;
    assign written  = write;
  end

  // Bits that a test turns wrong on their way into memory.
  logic [2:0]       flips;
  hdr_t             hdr_flips;
  logic [WordW-1:0] word;

  sp_flit_code #(
      .FLIT_W(FLIT_W),
      .ECC   (ECC)
  ) i_code (
      .hdr_i (written.hdr),
      .err_i (written.err),
      .data_i(written.data),
      .word_o(word)
  );

  sp_ecc_inject i_inject (
      .clk_i,
      .rst_ni,
      .inject_i,
      .flit_i     (wr_valid),
      .header_i   (written.first),
      .flips_o    (flips),
      .hdr_flips_o(hdr_flips)
  );

  if (PIPELINED) begin : g_queues
    sp_voq_pipelined #(
        .N_OUT  (N_OUT),
        .N_PORTS(N_PORTS),
        .FLIT_W (FLIT_W),
        .DEPTH  (VOQ_FLITS),
        .TIMED  (TIMED),
        .WORD_W (WordW)
    ) i_voq (
        .clk_i,
        .rst_ni,
        .sel_vc_i    (sel_vc),
        .sel_out_i   (sel_out),
        .sel_single_i(settle_q || said.single),
        .fits_o      (fits),
        .sel_free_o  (sel_free),
        .give_i      (give && !mcast),
        .wr_valid_i  (wr_valid && !written.mcast),
        .wr_vc_i     (written.vc),
        .wr_out_i    (written.out),
        .wr_first_i  (written.first),
        .wr_hdr_i    (written.hdr ^ hdr_flips),
        .wr_stamp_i  (written.stamp),
        .wr_flits_i  (written.flits),
        .wr_word_i   (word ^ WordW'(flips)),
        .wr_err_i    (written.err),
        .commit_i    (commit && !written.mcast),
        .vc_room_o   (voq_room),
        .room_i,
        .fresh_o,
        .some_o,
        .two_o,
        .three_o,
        .more_o,
        .ready_o     (heads_o),
        .match_i,
        .go_i,
        .long_o,
        .left_o,
        .reads_o,
        .stays_o,
        .head_valid_o,
        .head_hdr_o,
        .flit_valid_o(voq_valid),
        .flit_first_o(voq_first_flit),
        .flit_last_o (voq_last_flit),
        .flit_err_o  (voq_err),
        .flit_vc_o   (voq_vc),
        .flit_hdr_o  (voq_hdr),
        .flit_stamp_o(voq_stamp),
        .flit_word_o (voq_word)
    );

    logic [PtrW-1:0] place_q;  // of the next flit of a multicast

    assign place = needs ? mcast_place : place_q;
    always_ff @(posedge clk_i) if (take) place_q <= place + PtrW'(1);

    logic unused;
    assign unused = &{1'b0, start_i, start_vc_i, start_out_i, written.more, written.place};
    assign waits_o  = 1'b0;
    assign level    = LEVEL_W'(VOQ_FLITS) - LEVEL_W'(seen_free);
    assign voq_idle = 1'b0;
    assign voq_last = 1'b0;
    always_comb for (int unsigned v = 0; v < NUM_VC; v++) ready_o[v] = '0;
  end else if (VOQ_SHARED != 0) begin : g_queues
    logic [PtrW-1:0]    place_q;   // of the next flit of a multicast
    logic [LEVEL_W-1:0] sel_used;

    assign place = needs ? mcast_place : place_q;
    assign level = to_mcast ? LEVEL_W'(VOQ_FLITS) - LEVEL_W'(mcast_free) : sel_used;
    always_ff @(posedge clk_i) if (take) place_q <= place + PtrW'(1);

    sp_voq_shared #(
        .N_OUT  (N_OUT),
        .N_PORTS(N_PORTS),
        .FLIT_W (FLIT_W),
        .DEPTH  (VOQ_FLITS),
        .SHARED (VOQ_SHARED),
        .TIMED  (TIMED),
        .WORD_W (WordW)
    ) i_voq (
        .clk_i,
        .rst_ni,
        .sel_vc_i      (sel_vc),
        .sel_out_i     (sel_out),
        .sel_free_o    (sel_free),
        .sel_used_o    (sel_used),
        .take_i        (take && needs && !to_mcast),
        .give_i        (give && !mcast),
        .take_flits_i  (sel_flits),
        .wr_valid_i    (wr_valid && !written.mcast),
        .wr_vc_i       (written.vc),
        .wr_out_i      (written.out),
        .wr_first_i    (written.first),
        .wr_hdr_i      (written.hdr ^ hdr_flips),
        .wr_stamp_i    (written.stamp),
        .wr_flits_i    (written.flits),
        .wr_word_i     (word ^ WordW'(flips)),
        .wr_err_i      (written.err),
        .commit_i      (commit && !written.mcast),
        .vc_room_o     (voq_room),
        .ready_o,
        .idle_o        (voq_idle),
        .last_o        (voq_last),
        .start_i       (start_i && !start_mcast_i),
        .start_vc_i,
        .start_out_i,
        .head_valid_o,
        .head_hdr_o,
        .flit_valid_o(voq_valid),
        .flit_first_o(voq_first_flit),
        .flit_last_o (voq_last_flit),
        .flit_err_o  (voq_err),
        .flit_vc_o   (voq_vc),
        .flit_hdr_o  (voq_hdr),
        .flit_stamp_o(voq_stamp),
        .flit_word_o (voq_word)
    );

    logic unused;
    assign unused  = &{1'b0, written.more};
    assign waits_o = 1'b0;
  end else begin : g_queues
    logic [PtrW-1:0] sel_place;
    logic [PtrW-1:0] place_q;  // of the next flit

    assign place = !needs ? place_q : to_mcast ? mcast_place : sel_place;
    always_ff @(posedge clk_i) if (take || fill_q) place_q <= place + PtrW'(1);

    sp_voq #(
        .N_OUT  (N_OUT),
        .N_PORTS(N_PORTS),
        .FLIT_W (FLIT_W),
        .DEPTH  (VOQ_FLITS),
        .TIMED  (TIMED),
        .WORD_W (WordW),
        .CUT_THROUGH(CUT_THROUGH)
    ) i_voq (
        .clk_i,
        .rst_ni,
        .sel_vc_i      (sel_vc),
        .sel_out_i     (sel_out),
        .sel_free_o    (sel_free),
        .sel_place_o   (sel_place),
        .take_i        (take && needs && !to_mcast),
        .give_i        (give && !mcast),
        .take_flits_i  (sel_flits),
        .wr_valid_i    (wr_valid && !written.mcast),
        .wr_vc_i       (written.vc),
        .wr_out_i      (written.out),
        .wr_place_i    (written.place),
        .wr_first_i    (written.first),
        .wr_hdr_i      (written.hdr ^ hdr_flips),
        .wr_stamp_i    (written.stamp),
        .wr_flits_i    (written.flits),
        .wr_word_i     (word ^ WordW'(flips)),
        .wr_err_i      (written.err),
        .wr_more_i     (written.more),
        .commit_i      (commit && !written.mcast),
        .vc_room_o     (voq_room),
        .ready_o,
        .idle_o        (voq_idle),
        .last_o        (voq_last),
        .waits_o,
        .start_i       (start_i && !start_mcast_i),
        .start_vc_i,
        .start_out_i,
        .head_valid_o,
        .head_hdr_o,
        .flit_valid_o(voq_valid),
        .flit_first_o(voq_first_flit),
        .flit_last_o (voq_last_flit),
        .flit_err_o  (voq_err),
        .flit_vc_o   (voq_vc),
        .flit_hdr_o  (voq_hdr),
        .flit_stamp_o(voq_stamp),
        .flit_word_o (voq_word)
    );

    assign level = LEVEL_W'(VOQ_FLITS) - LEVEL_W'(seen_free);
  end

  // What the pipelined scheduler is told, and tells.
  if (!PIPELINED) begin : g_not_told
    logic [NUM_VC-1:0] unused;
    always_comb begin
      for (int unsigned v = 0; v < NUM_VC; v++) unused[v] = &{1'b0, room_i[v], match_i, go_i};
    end
    assign {fresh_o, some_o, two_o, three_o, more_o, heads_o, long_o, left_o, reads_o,
            stays_o} = '0;
  end

  // --------------------------------------------------------------------------------- multicasts

  // The two queues are read in turns: an input starts a packet only when both are idle. PIPELINED:
  // that of multicasts feeds an injector, an input of the crossbar beside that of the VOQs.
  if (MCAST) begin : g_mcast
    logic                              sparse;  // the packet carries its members
    logic [N_GROUPS-1:0]               there_q; // groups with a member
    logic [N_PORTS-1:0]                group_mem [N_GROUPS];
    logic [GroupW-1:0]                 group;
    logic [N_PORTS-1:0]                members; // of the group of the packet that is queued
    logic [N_PORTS-1:0]                ports;   // that get the packet, with its last beat
    member_ports_t                     targets; // of the destinations in its set

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) there_q <= '0;
      else if (grp_we_i) there_q[grp_addr_i] <= grp_mask_i != '0;
    end

    always_ff @(posedge clk_i) if (grp_we_i) group_mem[grp_addr_i] <= grp_mask_i;

    // The members are those of the moment in which the first beat is taken.
    assign mcast     = hdr.op == OP_MCAST_WRITE;
    assign sparse    = mcast && hdr.ext[EXT_SET];
    assign group     = GroupW'(look_hdr.dst);
    assign group_hit = 32'(look_hdr.dst) < N_GROUPS && there_q[group];

    // Behind the last beat of a packet with a member set: one destination a cycle, the lowest
    // first.
    member_set_t                       set;
    logic [MAX_MEMBERS-1:0]            set_there;
    logic [MAX_MEMBERS-1:0]            walk_q;   // destinations still to look up
    logic [MAX_MEMBERS-1:0]            left;
    logic [MAX_MEMBERS-1:0]            one;      // the one that is
    logic                              walks_q;
    logic [N_PORTS-1:0]                ports_q;  // of those looked up
    member_ports_t                     targets_q;
    logic                              good;     // the packet is all right so far
    logic [3:0]                        found;    // what is wrong with that one

    always_comb begin
      set = '0;
      for (int unsigned u = 0; u < UnitsPerFlit; u++) begin
        if (last_unit(hdr.len, hdr.ext, UnitsPerFlit) == 2'(u)) set = data[UNIT_W*u+:UNIT_W];
      end
    end

    always_comb for (int unsigned k = 0; k < MAX_MEMBERS; k++) set_there[k] = set[k].valid;

    // Apart from that: a simulator would see a loop.
    always_comb begin
      walk_id = '0;
      for (int unsigned k = 0; k < MAX_MEMBERS; k++) if (one[k]) walk_id |= set[k].id;
    end

    assign one  = left & (~left + MAX_MEMBERS'(1));
    assign good = said.ok && due && !abort && !settle_q;

    always_comb begin
      found = ST_OK;
      if (left == '0 || !route_hit) found = ST_DST;
      else if (!to_port) found = ST_OP;
      else if (!ports_ok) found = ST_PARTITION;
    end

    if (PIPELINED) begin : g_walk
      // What is found is kept: lookups begin a cycle behind the last beat, and the cycle behind the
      // last one takes the beat. Of n destinations no beat comes in for n cycles.
      logic       done_q;    // all have been looked up, or one was bad
      logic [3:0] status_q;

      assign look_members = group_mem[group];
      assign members      = said_members;
      assign left         = walk_q;
      assign walk         = walks_q;
      assign walk_on      = sparse && last && good && !done_q;
      assign walk_status  = done_q ? status_q : ST_OK;
      assign ports        = sparse ? ports_q : members;
      assign targets      = targets_q;

      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) begin
          walks_q <= 1'b0;
          done_q  <= 1'b0;
        end else begin
          walks_q <= walks_q ? found == ST_OK && left != one : valid && walk_on;
          done_q  <= walks_q ? found != ST_OK || left == one : done_q && !take;
        end
      end

      always_ff @(posedge clk_i) begin
        if (walks_q) begin
          walk_q   <= left & ~one;
          ports_q  <= ports_q | reached;
          status_q <= found;
          for (int unsigned k = 0; k < MAX_MEMBERS; k++) begin
            if (one[k]) targets_q.outs[k] <= ROOT_W'(now.out);
          end
        end else if (!done_q) begin
          walk_q          <= set_there;
          ports_q         <= '0;
          targets_q.unit  <= last_unit(hdr.len, hdr.ext, UnitsPerFlit);
          targets_q.there <= set_there;
        end
      end
    end else begin : g_walk
      // The cycle of the last lookup takes the beat: of n destinations n - 1 cycles are lost.
      logic [N_PORTS-1:0] members_q;

      assign look_members = first ? group_mem[group] : members_q;
      assign members      = look_members;
      assign left         = walks_q ? walk_q : set_there;
      assign walk         = sparse;

      always_ff @(posedge clk_i) if (first) members_q <= members;

      always_comb begin
        walk_status = ST_OK;
        walk_on     = 1'b0;
        ports       = members;
        targets     = targets_q;
        if (sparse && last) begin
          walk_status = found;
          walk_on     = good && found == ST_OK && left != one;
          ports       = (walks_q ? ports_q : '0) | reached;
          targets.unit  = last_unit(hdr.len, hdr.ext, UnitsPerFlit);
          targets.there = set_there;
          for (int unsigned k = 0; k < MAX_MEMBERS; k++) begin
            if (one[k]) targets.outs[k] = ROOT_W'(now.out);
          end
        end
      end

      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) walks_q <= 1'b0;
        else if (valid) walks_q <= (walks_q || walk_on) && !take;
      end

      always_ff @(posedge clk_i) begin
        if (valid && walk_on) begin
          walk_q  <= left & ~one;
          ports_q <= ports;
          targets_q <= targets;
        end
      end
    end

    logic               mc_room;
    logic               mc_idle;
    logic               mc_last;
    logic               unused_mc_read;
    logic [N_PORTS-1:0] mc_ready;
    logic               mc_start;
    logic [N_PORTS-1:0] mc_start_ports;
    logic               mc_valid;
    logic               mc_first_flit;
    logic               mc_last_flit;
    logic               mc_err;
    hdr_t               mc_hdr;
    logic [STAMP_W-1:0] mc_stamp;
    logic [WordW-1:0]   mc_word;
    logic [LEN_W-1:0]   mc_flits;
    logic [N_PORTS-1:0] mc_ports;
    logic               mc_set;
    member_ports_t      mc_members;
    // With the commit.
    logic [N_PORTS-1:0] wr_ports;
    logic               wr_sparse;
    member_ports_t      wr_targets;

    sp_mcast_queue #(
        .N_PORTS  (N_PORTS),
        .FLIT_W   (FLIT_W),
        .DEPTH    (VOQ_FLITS),
        .TIMED    (TIMED),
        .PIPELINED(PIPELINED),
        .WORD_W   (WordW)
    ) i_queue (
        .clk_i,
        .rst_ni,
        .free_o         (mcast_free),
        .place_o        (mcast_place),
        .take_i         (take && needs && to_mcast),
        .give_i         (gives && to_mcast),
        .take_flits_i   (sel_flits),
        .wr_valid_i     (wr_valid && written.mcast),
        .wr_place_i     (written.place),
        .wr_first_i     (written.first),
        .wr_hdr_i       (written.hdr ^ hdr_flips),
        .wr_stamp_i     (written.stamp),
        .wr_flits_i     (written.flits),
        .wr_word_i      (word ^ WordW'(flips)),
        .wr_err_i       (written.err),
        .commit_i       (commit && written.mcast),
        .commit_ports_i (wr_ports),
        .commit_sparse_i(wr_sparse),
        .commit_members_i(wr_targets),
        .room_o         (mc_room),
        .ready_o        (mc_ready),
        .idle_o         (mc_idle),
        .read_o         (unused_mc_read),
        .last_o         (mc_last),
        .start_i        (mc_start),
        .start_ports_i  (mc_start_ports),
        .flit_valid_o   (mc_valid),
        .flit_first_o   (mc_first_flit),
        .flit_last_o    (mc_last_flit),
        .flit_err_o     (mc_err),
        .flit_hdr_o     (mc_hdr),
        .flit_stamp_o   (mc_stamp),
        .flit_flits_o   (mc_flits),
        .flit_word_o    (mc_word),
        .flit_ports_o   (mc_ports),
        .flit_set_o     (mc_set),
        .flit_members_o (mc_members)
    );

    always_comb begin
      s_vc_room_o = voq_room;
      if (!mc_room) s_vc_room_o[VC_REQ] = 1'b0;
    end

    assign ev_mcast_o = commit && written.mcast;

    if (PIPELINED) begin : g_feed
      // Free flits of the queue are counted when they are taken, and compared a cycle later: what
      // may have been taken since is a packet of one flit; one of more keeps the input till then.
      logic short_q;  // a packet of one flit fits
      logic long_q;   // the longest one does

      assign mcast_fits = said.single ? short_q : long_q;

      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) begin
          short_q <= 1'b1;
          long_q  <= 1'b1;
        end else begin
          short_q <= mcast_free >= (PtrW + 1)'(2);
          long_q  <= mcast_free >= (PtrW + 1)'(max_flits(FLIT_W) + 1);
        end
      end

      always_ff @(posedge clk_i) begin
        wr_ports   <= ports;
        wr_sparse  <= sparse;
        wr_targets <= targets;
      end

      // One pass over the packet at the head, for all its ports, when the injector has a place for
      // it: whatever waits for an output waits there.
      localparam int unsigned Slots = 2;
      logic [1:0]         taken_q;   // places that are taken, those of what is on its way too
      logic               takes;     // it has a place
      logic               done;
      logic [N_OUT-1:0]   lacking;
      logic               unused_idle;
      logic               unused_last;

      assign mc_start       = mc_idle && mc_ready != '0 && taken_q != 2'(Slots);
      assign mc_start_ports = mc_ready;
      assign mcast_ready_o  = lacking[N_PORTS-1:0];
      assign flit_mcast_o   = mcast_valid_o;

      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) taken_q <= '0;
        else begin
          taken_q <= taken_q + 2'(mc_start) - 2'(done);
          assert (!mc_valid || takes)
            else $error("sp_ingress: a multicast finds no place in the injector");
        end
      end

      sp_injector #(
          .N_PORTS  (N_PORTS),
          .N_OUT    (N_OUT),
          .FLIT_W   (FLIT_W),
          .WORD_W   (2 + WordW),
          .HEAD_W   ($bits(member_ports_t) + STAMP_W + HDR_W),
          .SLOTS    (Slots),
          .STREAMS  (1'b1),
          .PIPELINED(1'b1)
      ) i_injector (
          .clk_i,
          .rst_ni,
          .in_valid_i  (mc_valid),
          .in_ready_o  (takes),
          .in_first_i  (mc_first_flit),
          .in_last_i   (mc_last_flit),
          .in_head_i   ({mc_members, mc_stamp, mc_hdr}),
          .in_flits_i  (mc_flits),
          .in_word_i   ({mc_set, mc_err, mc_word}),
          .in_mask_i   (mc_ports),
          .ready_o     (lacking),
          .idle_o      (unused_idle),
          .last_o      (unused_last),
          .more_o      (mcast_more_o),
          .left_o      (mcast_left_o),
          .stays_o     (mcast_stays_o),
          .start_i     (start_mcast_i),
          .start_mask_i(N_OUT'(start_ports_i)),
          .done_o      (done),
          .flit_valid_o(mcast_valid_o),
          .flit_first_o(mcast_first_o),
          .flit_last_o (mcast_last_o),
          .flit_head_o ({flit_members_o, mcast_stamp_o, mcast_hdr_o}),
          .flit_word_o ({flit_set_o, mcast_err_o, mcast_word_o})
      );

      logic unused;
      assign unused = &{1'b0, mc_last, lacking};
    end else begin : g_in_turns
      logic unused;
      assign unused         = &{1'b0, mc_flits, mc_ports, said_members};
      assign mcast_fits     = 1'b0;
      assign wr_ports       = ports;
      assign wr_sparse      = sparse;
      assign wr_targets     = targets;
      assign mc_start       = start_i && start_mcast_i;
      assign mc_start_ports = start_ports_i;
      assign mcast_ready_o  = mc_ready;
      assign idle_o         = voq_idle && mc_idle;
      assign last_o         = voq_last || mc_last;
      assign flit_valid_o   = voq_valid || mc_valid;
      assign flit_first_o   = voq_first_flit || mc_first_flit;
      assign flit_last_o    = voq_last_flit || mc_last_flit;
      assign flit_err_o     = mc_valid ? mc_err : voq_err;
      assign flit_vc_o      = mc_valid ? VC_REQ : voq_vc;
      assign flit_hdr_o     = mc_valid ? mc_hdr : voq_hdr;
      assign flit_stamp_o   = mc_valid ? mc_stamp : voq_stamp;
      assign flit_word_o    = mc_valid ? mc_word : voq_word;
      assign flit_mcast_o   = mc_valid;
      assign flit_set_o     = mc_set;
      assign flit_members_o = mc_members;
    end
  end else begin : g_no_mcast
    logic unused;
    assign unused = &{1'b0, grp_we_i, grp_addr_i, grp_mask_i, start_mcast_i, start_ports_i,
                      look_mcast, look_set, mcast_free, mcast_place, said_members};
    assign {mcast, walk, walk_on, group_hit} = '0;
    assign walk_id       = '0;
    assign look_members  = '0;
    assign walk_status   = ST_OK;
    assign mcast_free    = '0;
    assign mcast_place   = '0;
    assign mcast_fits    = 1'b0;
    assign mcast_ready_o = '0;
    assign s_vc_room_o   = voq_room;
    assign flit_mcast_o  = 1'b0;
    assign flit_set_o    = 1'b0;
    assign flit_members_o = '0;
    assign ev_mcast_o    = 1'b0;
  end

  // Where multicasts do not take turns with them, the VOQs alone are read here.
  if (PIPELINED || !MCAST) begin : g_voqs_alone
    assign idle_o       = voq_idle;
    assign last_o       = voq_last;
    assign flit_valid_o = voq_valid;
    assign flit_first_o = voq_first_flit;
    assign flit_last_o  = voq_last_flit;
    assign flit_err_o   = voq_err;
    assign flit_vc_o    = voq_vc;
    assign flit_hdr_o   = voq_hdr;
    assign flit_stamp_o = voq_stamp;
    assign flit_word_o  = voq_word;
  end

  if (!(PIPELINED && MCAST)) begin : g_no_injector
    assign {mcast_more_o, mcast_left_o, mcast_stays_o} = '0;
    assign {mcast_valid_o, mcast_first_o, mcast_last_o, mcast_err_o} = '0;
    assign {mcast_hdr_o, mcast_stamp_o, mcast_word_o} = '0;
  end

  assign ev_beat_o    = take;
  assign ev_packet_o  = take && last;
  assign ev_stall_o   = valid && !ready_beat;
  assign ev_refused_o = (take && settle_q) || spoils;
  assign ev_status_o  = settle_q ? reason_q : ST_LEN;
  assign ev_dropped_o = take && settle_q && !answered;

  always_comb begin
    event_o.vc       = said.vc;
    event_o.marked   = take && last && !settle_q && mark;
    event_o.queued   = take && needs;
    event_o.queue_vc = sel_vc;
    event_o.level    = level + LEVEL_W'(sel_flits);
  end

endmodule
