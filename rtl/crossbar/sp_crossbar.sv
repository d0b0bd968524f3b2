// SPDX-License-Identifier: Apache-2.0
//
// Crossbar: N_PORTS external ports and N_ENGINES engine ports. Ingresses queue packets by output
// and VC, iSLIP matches inputs with outputs in every cycle, a match is held to the end of its
// packet. Guarantees: packets of a flow (input, output, VC) leave in the order in which they came;
// packets never interleave on an output; a match is made only when the whole packet can stream and
// its output has room for the longest one, so nothing stalls half-way; a VC that is held back
// anywhere holds back no other; a request that stands is served within a bound (below).
// CUT_THROUGH: a packet streams as it comes, and holds its output while its sender pauses, so far
// as pause_i lets it.
//
//   cycle   0          1               2               3               4
//           ingress    queued,         queue memory    switched into   on the egress
//           port       matched         is read         the egress      port
//
// PIPELINED: it is queued a cycle later, and grant and accept take a cycle each, so that it is on
// the egress port in cycle 6; see docs/crossbar.md.

module sp_crossbar #(
    /// External ports, 2 or more.
    parameter int unsigned N_PORTS = 4,
    /// Engines, 0 or more.
    parameter int unsigned N_ENGINES = 1,
    /// Bits of a flit: 128, 256 or 512.
    parameter int unsigned FLIT_W = 128,
    /// iSLIP iterations of a slot, 1 to 4: in one cycle, PIPELINED in cycles that follow each
    /// other.
    parameter int unsigned ISLIP_ITERS = 1,
    /// Rounds of augmenting paths behind them, 0 to 2.
    parameter int unsigned AUGMENT = 0,
    /// Flits of each VOQ.
    parameter int unsigned VOQ_FLITS = 32,
    /// Flits of a pool that the VOQs of an input share; 0: none. Not with PIPELINED.
    parameter int unsigned VOQ_SHARED = 0,
    /// Flits of the egress buffer of each VC.
    parameter int unsigned EGRESS_FLITS = 64,
    /// Destination IDs with a forwarding entry.
    parameter int unsigned N_IDS = 16,
    /// Rows of the group table.
    parameter int unsigned N_GROUPS = 16,
    /// 1: registers between the steps of a cycle, for FPGAs; see docs/crossbar.md.
    parameter bit PIPELINED = 1'b0,
    /// 1: multicasts, with a queue for them at each input.
    parameter bit MCAST = 1'b0,
    /// 1: packets carry the time at which they came, for the histogram of latencies.
    parameter bit TIMED = 1'b0,
    /// 1: what is kept of flits has check bits; see sp_flit_code.
    parameter bit ECC = 1'b0,
    /// 1: packets to ports may leave before they have come whole; not with PIPELINED.
    parameter bit CUT_THROUGH = 1'b0,
    localparam int unsigned WordW = sp_ecc_pkg::word_bits(FLIT_W, sp_pkg::HDR_W, ECC),
    localparam int unsigned NE = (N_ENGINES == 0) ? 1 : N_ENGINES,
    localparam int unsigned PortW = $clog2(N_PORTS),
    localparam int unsigned AddrW = $clog2(N_IDS),
    localparam int unsigned GroupW = (N_GROUPS > 1) ? $clog2(N_GROUPS) : 1
) (
    /// Clock.
    input  logic                      clk_i,
    /// Reset, active low, asynchronous.
    input  logic                      rst_ni,

    /// Streams in: valid.
    input  logic [N_PORTS-1:0]        s_tvalid_i,
    /// Streams in: ready.
    output logic [N_PORTS-1:0]        s_tready_o,
    /// Streams in: payload.
    input  logic [FLIT_W-1:0]         s_tdata_i   [N_PORTS],
    /// Streams in: {error mark with the last beat, header with the first}.
    input  logic [sp_pkg::USER_W-1:0] s_tuser_i   [N_PORTS],
    /// Streams in: last beat.
    input  logic [N_PORTS-1:0]        s_tlast_i,
    /// Streams in, with the last beat: the packet is not whole, its port went down.
    input  logic [N_PORTS-1:0]        s_abort_i,
    /// Streams in: a longest packet of the VC can be taken.
    output logic [sp_pkg::NUM_VC-1:0] s_vc_room_o [N_PORTS],
    /// Streams out: valid.
    output logic [N_PORTS-1:0]        m_tvalid_o,
    /// Streams out: ready.
    input  logic [N_PORTS-1:0]        m_tready_i,
    /// Streams out: payload.
    output logic [FLIT_W-1:0]         m_tdata_o   [N_PORTS],
    /// Streams out: {error mark with the last beat, header with the first}.
    output logic [sp_pkg::USER_W-1:0] m_tuser_o   [N_PORTS],
    /// Streams out: last beat.
    output logic [N_PORTS-1:0]        m_tlast_o,
    /// Streams out: the receiver lets a packet of the VC start.
    input  logic [sp_pkg::NUM_VC-1:0] m_vc_room_i [N_PORTS],

    /// Forwarding tables: write that of a port.
    input  logic [N_PORTS-1:0]        fwd_we_i,
    /// Forwarding tables: destination ID.
    input  logic [AddrW-1:0]          fwd_addr_i,
    /// Forwarding tables: the entry is a route.
    input  logic                      fwd_valid_i,
    /// Forwarding tables: logarithm of the number of equal paths.
    input  logic [2:0]                fwd_paths_log2_i,
    /// Forwarding tables: first output.
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
    /// Sources that the packets of a port may name.
    input  sp_pkg::source_t           source_i    [N_PORTS],
    /// Flits from which on queues mark packets.
    input  sp_pkg::threshold_t        threshold_i,
    /// CUT_THROUGH: cycles for which a sender may pause in a packet, all pauses together; 0: any.
    input  sp_pkg::pause_t    pause_i,

    /// Injection of errors into the memories of the ingresses.
    input  sp_pkg::inject_t           voq_inject_i [N_PORTS],
    /// Injection of errors into those of the egresses.
    input  sp_pkg::inject_t           egress_inject_i [N_PORTS],
    /// Ports that are down: no packet is sent there.
    input  logic [N_PORTS-1:0]        port_down_i,

    /// Engines: contribution at the head of the queue of each port.
    output logic [N_PORTS-1:0]        head_valid_o [NE],
    /// Engines: headers of the heads.
    output sp_pkg::hdr_t              head_hdr_o   [NE][N_PORTS],
    /// Engines: ports whose head may come.
    input  logic [N_PORTS-1:0]        want_i       [NE],
    /// Engines: a head is granted in this cycle.
    output logic [NE-1:0]             grant_o,
    /// Engines: its port.
    output logic [PortW-1:0]          grant_port_o [NE],
    /// Engines: a flit comes.
    output logic [NE-1:0]             eng_valid_o,
    /// Engines: first flit of its packet.
    output logic [NE-1:0]             eng_first_o,
    /// Engines: last flit of its packet.
    output logic [NE-1:0]             eng_last_o,
    /// Engines: error mark.
    output logic [NE-1:0]             eng_err_o,
    /// Engines: port it came from.
    output logic [PortW-1:0]          eng_port_o   [NE],
    /// Engines: header, with the first flit.
    output sp_pkg::hdr_t              eng_hdr_o    [NE],
    /// Engines: payload.
    output logic [FLIT_W-1:0]         eng_data_o   [NE],
    /// Results: a flit comes.
    input  logic [NE-1:0]             res_valid_i,
    /// Results: it is taken.
    output logic [NE-1:0]             res_ready_o,
    /// Results: first flit of its packet.
    input  logic [NE-1:0]             res_first_i,
    /// Results: last flit of its packet.
    input  logic [NE-1:0]             res_last_i,
    /// Results: header, with the first flit.
    input  sp_pkg::hdr_t              res_hdr_i    [NE],
    /// Results: payload.
    input  logic [FLIT_W-1:0]         res_data_i   [NE],
    /// Results: ports that get the packet, with the first flit.
    input  logic [N_PORTS-1:0]        res_mask_i   [NE],

    /// Events, by port: a beat was taken.
    output logic [N_PORTS-1:0]        ev_rx_beat_o,
    /// Events, by port: the last beat of a packet was taken.
    output logic [N_PORTS-1:0]        ev_rx_packet_o,
    /// Events, by port: a beat that came is held up.
    output logic [N_PORTS-1:0]        ev_rx_stall_o,
    /// Events, by port: a beat left.
    output logic [N_PORTS-1:0]        ev_tx_beat_o,
    /// Events, by port: the last beat of a packet left.
    output logic [N_PORTS-1:0]        ev_tx_packet_o,
    /// Events, by port: the receiver holds up a beat.
    output logic [N_PORTS-1:0]        ev_tx_stall_o,
    /// Events, by port: a packet was refused.
    output logic [N_PORTS-1:0]        ev_refused_o,
    /// Why, with ev_refused_o.
    output logic [3:0]                ev_status_o  [N_PORTS],
    /// Events, by port: it was dropped without an answer.
    output logic [N_PORTS-1:0]        ev_dropped_o,
    /// Events, by port: a multicast came in.
    output logic [N_PORTS-1:0]        ev_mcast_o,
    /// Events, by port: a copy of one begins to go to it.
    output logic [N_PORTS-1:0]        ev_copy_o,
    /// Events, by port: wrong bits of a flit that leaves were mended.
    output logic [N_PORTS-1:0]        ev_corrected_o,
    /// Events, by port: there were more than can be mended.
    output logic [N_PORTS-1:0]        ev_failed_o,
    /// Events, by engine: the same of a flit that it gets.
    output logic [NE-1:0]             ev_eng_corrected_o,
    /// Events, by engine.
    output logic [NE-1:0]             ev_eng_failed_o,
    /// Events, by port: what the counters by VC need besides.
    output sp_pkg::ingress_event_t    ingress_o   [N_PORTS],
    /// Events, by port: the same of what leaves.
    output sp_pkg::egress_event_t     egress_o    [N_PORTS]
);

  import sp_pkg::*;

  // Inputs are the ports, the engines, and PIPELINED once more the ports for their multicasts.
  localparam int unsigned N_OUT = N_PORTS + N_ENGINES;
  localparam int unsigned FirstMcast = (PIPELINED && MCAST) ? N_OUT : 0;
  localparam int unsigned N_IN = (PIPELINED && MCAST) ? N_OUT + N_PORTS : N_OUT;
  localparam int unsigned InW = $clog2(N_IN);
  localparam int unsigned OutW = $clog2(N_OUT);

  if (N_PORTS < 2 || N_PORTS > 512) begin : g_bad_ports
    $fatal(1, "sp_crossbar: N_PORTS = %0d is not in 2..512", N_PORTS);
  end
  if (ISLIP_ITERS < 1 || ISLIP_ITERS > 4) begin : g_bad_iters
    $fatal(1, "sp_crossbar: ISLIP_ITERS = %0d is not in 1..4", ISLIP_ITERS);
  end
  if (PIPELINED && VOQ_SHARED != 0) begin : g_bad_shared
    $fatal(1, "sp_crossbar: VOQ_SHARED = %0d is not 0, as PIPELINED asks for", VOQ_SHARED);
  end
  if (CUT_THROUGH && (PIPELINED || VOQ_SHARED != 0)) begin : g_bad_cut
    $fatal(1, "sp_crossbar: CUT_THROUGH = 1 is not built with PIPELINED = %0d, VOQ_SHARED = %0d",
           PIPELINED, VOQ_SHARED);
  end
  if (AUGMENT > 2) begin : g_bad_augment
    $fatal(1, "sp_crossbar: AUGMENT = %0d is not in 0..2", AUGMENT);
  end
  if (PIPELINED && AUGMENT != 0) begin : g_bad_pipelined_augment
    $fatal(1, "sp_crossbar: AUGMENT = %0d is not 0, as PIPELINED asks for", AUGMENT);
  end
  if (N_ENGINES > 512) begin : g_bad_engines
    $fatal(1, "sp_crossbar: N_ENGINES = %0d is not in 0..512", N_ENGINES);
  end

  // One-hot to binary: bit b of the number is up when a line with that bit in its number is.
  typedef logic [InW-1:0][N_IN-1:0] lines_t;
  function automatic lines_t numbers_with_bit();
    lines_t lines;
    for (int unsigned b = 0; b < InW; b++) begin
      for (int unsigned n = 0; n < N_IN; n++) lines[b][n] = n[b];
    end
    return lines;
  endfunction
  localparam lines_t Lines = numbers_with_bit();

  function automatic logic [InW-1:0] number(logic [N_IN-1:0] onehot);
    logic [InW-1:0] binary;
    for (int unsigned b = 0; b < InW; b++) binary[b] = |(onehot & Lines[b]);
    return binary;
  endfunction

  // --------------------------------------------------------------------------- inputs, outputs

  logic [N_OUT-1:0]  in_ready    [N_PORTS][NUM_VC];
  logic [N_PORTS-1:0] in_mcast   [N_PORTS];   // ports that lack the multicast at the head
  logic [N_IN-1:0]   in_idle;
  logic [N_IN-1:0]   in_last;
  logic [N_IN-1:0]   in_waits;             // CUT_THROUGH: the next flit of its packet has not come
  logic [N_IN-1:0]   start;
  logic [1:0]        start_vc    [N_PORTS];
  logic [OutW-1:0]   start_out   [N_PORTS];
  logic [N_OUT-1:0]  match       [N_IN];
  logic [N_OUT-1:0]  near        [N_IN];   // PIPELINED: the same from registers near the input
  logic [N_OUT-1:0]  near_go     [N_PORTS];
  logic [N_OUT-1:0]  matched     [N_IN];   // what is started
  logic [N_PORTS-1:0] start_mcast;         // it is a multicast; not PIPELINED
  logic [N_IN-1:0]   from        [N_OUT];
  logic [N_OUT-1:0]  res_pending [NE];     // ports that lack the result at the head
  logic [N_IN-1:0]   flit_valid;
  logic [N_IN-1:0]   flit_first;
  logic [N_IN-1:0]   flit_last;
  logic [N_IN-1:0]   flit_err;
  logic [1:0]        flit_vc     [N_IN];
  hdr_t              flit_hdr    [N_IN];
  logic [STAMP_W-1:0] flit_stamp [N_IN];
  logic [STAMP_W-1:0] now;               // time
  logic [WordW-1:0]  flit_word   [N_IN];
  logic [N_PORTS-1:0] flit_mcast;           // it, or that of FirstMcast + i, is one of a multicast
  logic [N_PORTS-1:0] flit_set;             // and ends with a member set
  member_ports_t      flit_members [N_PORTS]; // of which these are the destinations
  logic [NUM_VC-1:0] out_room    [N_PORTS];

  logic [NUM_VC-1:0] seen_room   [N_PORTS];  // the same, PIPELINED a cycle later
  logic [N_OUT-1:0]  room        [NUM_VC];  // outputs with room, by VC
  logic [N_OUT-1:0]  wanted      [N_PORTS]; // outputs that take the head of this port

  // PIPELINED: what the scheduler is told, by input.
  logic [N_OUT-1:0]  room_for    [N_PORTS][NUM_VC];  // outputs that let a packet of the VC start
  logic [N_OUT-1:0]  fresh       [N_IN];   // outputs that have just got their first packet
  logic [N_OUT-1:0]  told        [N_PORTS]; // that have one, two, three
  logic [N_OUT-1:0]  two         [N_IN];
  logic [N_OUT-1:0]  three       [N_IN];
  logic [2:0][N_OUT-1:0] more    [N_IN];   // whose next packet has more than one flit, two, three
  logic [N_OUT-1:0]  heads       [N_IN];   // outputs for which a packet may start now
  logic [LEN_W-1:0]  in_left     [N_IN];   // flits of a packet that started before
  logic [N_IN-1:0]   in_reads;             // one is read in this cycle
  logic [N_IN-1:0]   in_stays;             // there will be one in the next cycle
  logic [2:0]        mcast_more [N_PORTS]; // that of a multicast has more than one, two, three
  logic [N_IN-1:0]   in_long;              // the packet that starts has more than one

  logic [NE-1:0]     port_head_valid [N_PORTS];
  hdr_t              port_head_hdr   [N_PORTS][NE];

  if (TIMED) begin : g_time
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) now <= '0;
      else now <= now + STAMP_W'(1);
    end
  end else begin : g_no_time
    assign now = '0;
  end

  for (genvar i = 0; i < N_PORTS; i++) begin : g_ingress
    // Between an egress and an input lies half of the part: each has registers of its own, whose
    // only wire this is.
    if (PIPELINED) begin : g_room
      (* keep *)
      logic [NUM_VC-1:0][N_PORTS-1:0] room_q;

      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) room_q <= '0;
        else begin
          for (int unsigned v = 0; v < NUM_VC; v++) begin
            for (int unsigned j = 0; j < N_PORTS; j++) room_q[v][j] <= out_room[j][v];
          end
        end
      end

      always_comb begin
        for (int unsigned v = 0; v < NUM_VC; v++) room_for[i][v] = N_OUT'(room_q[v]);
        // What an engine wants it takes; nothing but contributions is queued for it.
        for (int unsigned j = N_PORTS; j < N_OUT; j++) room_for[i][VC_RED][j] = 1'b1;
        room_for[i][VC_RED] &= wanted[i];
      end
    end else begin : g_no_room
      always_comb for (int unsigned v = 0; v < NUM_VC; v++) room_for[i][v] = '0;
    end

    logic               mcast_stays;
    logic [LEN_W-1:0]   mcast_left;
    logic               mcast_valid, mcast_first, mcast_last, mcast_err;
    hdr_t               mcast_hdr;
    logic [STAMP_W-1:0] mcast_stamp;
    logic [WordW-1:0]   mcast_word;

    sp_ingress #(
        .N_OUT    (N_OUT),
        .N_PORTS  (N_PORTS),
        .FLIT_W   (FLIT_W),
        .VOQ_FLITS(VOQ_FLITS),
        .VOQ_SHARED(VOQ_SHARED),
        .N_IDS    (N_IDS),
        .N_GROUPS (N_GROUPS),
        .PIPELINED(PIPELINED),
        .MCAST    (MCAST),
        .TIMED    (TIMED),
        .ECC      (ECC),
        .CUT_THROUGH(CUT_THROUGH)
    ) i_ingress (
        .clk_i,
        .rst_ni,
        .own_i           (OutW'(i)),
        .s_tvalid_i      (s_tvalid_i[i]),
        .s_tready_o      (s_tready_o[i]),
        .s_tdata_i       (s_tdata_i[i]),
        .s_tuser_i       (s_tuser_i[i]),
        .s_tlast_i       (s_tlast_i[i]),
        .s_abort_i       (s_abort_i[i]),
        .s_vc_room_o     (s_vc_room_o[i]),
        .fwd_we_i        (fwd_we_i[i]),
        .fwd_addr_i,
        .fwd_valid_i,
        .fwd_paths_log2_i,
        .fwd_out_i,
        .row_we_i,
        .row_port_i,
        .row_i,
        .grp_we_i,
        .grp_addr_i,
        .grp_mask_i,
        .source_i        (source_i[i]),
        .threshold_i     (threshold_i.voq),
        .now_i           (now),
        .pause_i,
        .inject_i        (voq_inject_i[i]),
        .port_down_i,
        .ready_o         (in_ready[i]),
        .mcast_ready_o   (in_mcast[i]),
        .idle_o          (in_idle[i]),
        .last_o          (in_last[i]),
        .waits_o         (in_waits[i]),
        .start_i         (start[i]),
        .start_vc_i      (start_vc[i]),
        .start_out_i     (start_out[i]),
        .start_mcast_i   (PIPELINED ? MCAST && start[FirstMcast+i] : start_mcast[i]),
        .start_ports_i   (matched[FirstMcast+i][N_PORTS-1:0]),
        .room_i          (room_for[i]),
        .fresh_o         (fresh[i]),
        .some_o          (told[i]),
        .two_o           (two[i]),
        .three_o         (three[i]),
        .more_o          (more[i]),
        .heads_o         (heads[i]),
        .match_i         (near[i]),
        .go_i            (near_go[i]),
        .long_o          (in_long[i]),
        .left_o          (in_left[i]),
        .reads_o         (in_reads[i]),
        .stays_o         (in_stays[i]),
        .mcast_more_o    (mcast_more[i]),
        .mcast_left_o    (mcast_left),
        .mcast_stays_o   (mcast_stays),
        .mcast_valid_o   (mcast_valid),
        .mcast_first_o   (mcast_first),
        .mcast_last_o    (mcast_last),
        .mcast_err_o     (mcast_err),
        .mcast_hdr_o     (mcast_hdr),
        .mcast_stamp_o   (mcast_stamp),
        .mcast_word_o    (mcast_word),
        .head_valid_o    (port_head_valid[i]),
        .head_hdr_o      (port_head_hdr[i]),
        .flit_valid_o    (flit_valid[i]),
        .flit_first_o    (flit_first[i]),
        .flit_last_o     (flit_last[i]),
        .flit_err_o      (flit_err[i]),
        .flit_vc_o       (flit_vc[i]),
        .flit_hdr_o      (flit_hdr[i]),
        .flit_stamp_o    (flit_stamp[i]),
        .flit_word_o     (flit_word[i]),
        .flit_mcast_o    (flit_mcast[i]),
        .flit_set_o      (flit_set[i]),
        .flit_members_o  (flit_members[i]),
        .ev_beat_o       (ev_rx_beat_o[i]),
        .ev_packet_o     (ev_rx_packet_o[i]),
        .ev_stall_o      (ev_rx_stall_o[i]),
        .ev_refused_o    (ev_refused_o[i]),
        .ev_status_o     (ev_status_o[i]),
        .ev_dropped_o    (ev_dropped_o[i]),
        .ev_mcast_o      (ev_mcast_o[i]),
        .event_o         (ingress_o[i])
    );

    if (FirstMcast != 0) begin : g_mcast
      assign in_idle[FirstMcast+i]    = 1'b0;
      assign in_last[FirstMcast+i]    = 1'b0;
      assign in_waits[FirstMcast+i]   = 1'b0;
      assign in_long[FirstMcast+i]    = mcast_more[i][0];
      assign in_left[FirstMcast+i]    = mcast_left;
      assign in_reads[FirstMcast+i]   = mcast_left != '0;
      assign in_stays[FirstMcast+i]   = mcast_stays;
      assign flit_valid[FirstMcast+i] = mcast_valid;
      assign flit_first[FirstMcast+i] = mcast_first;
      assign flit_last[FirstMcast+i]  = mcast_last;
      assign flit_err[FirstMcast+i]   = mcast_err;
      assign flit_vc[FirstMcast+i]    = VC_REQ;
      assign flit_hdr[FirstMcast+i]   = mcast_hdr;
      assign flit_stamp[FirstMcast+i] = mcast_stamp;
      assign flit_word[FirstMcast+i]  = mcast_word;
    end else begin : g_no_mcast
      logic unused;
      assign unused = &{1'b0, mcast_more[i], mcast_left, mcast_stays, mcast_valid, mcast_first,
                        mcast_last, mcast_err, mcast_hdr, mcast_stamp, mcast_word};
    end
  end

  for (genvar e = 0; e < NE; e++) begin : g_injector
    if (e < N_ENGINES) begin : g_used
      logic [WordW-1:0] res_word;
      logic             unused_done;
      logic [1:0]       unused_more;
      assign in_waits[N_PORTS+e] = 1'b0;
      assign in_reads[N_PORTS+e] = in_left[N_PORTS+e] != '0;

      sp_flit_code #(
          .FLIT_W(FLIT_W),
          .ECC   (ECC)
      ) i_code (
          .hdr_i (res_hdr_i[e]),
          .err_i (1'b0),
          .data_i(res_data_i[e]),
          .word_o(res_word)
      );

      sp_injector #(
          .N_PORTS  (N_PORTS),
          .N_OUT    (N_OUT),
          .FLIT_W   (FLIT_W),
          .WORD_W   (WordW),
          .PIPELINED(PIPELINED)
      ) i_injector (
          .clk_i,
          .rst_ni,
          .in_valid_i  (res_valid_i[e]),
          .in_ready_o  (res_ready_o[e]),
          .in_first_i  (res_first_i[e]),
          .in_last_i   (res_last_i[e]),
          .in_head_i   (res_hdr_i[e]),
          .in_flits_i  ('0),
          .in_word_i   (res_word),
          .in_mask_i   (res_mask_i[e]),
          .ready_o     (res_pending[e]),
          .idle_o      (in_idle[N_PORTS+e]),
          .last_o      (in_last[N_PORTS+e]),
          .more_o      ({unused_more, in_long[N_PORTS+e]}),
          .left_o      (in_left[N_PORTS+e]),
          .stays_o     (in_stays[N_PORTS+e]),
          .start_i     (start[N_PORTS+e]),
          .start_mask_i(matched[N_PORTS+e]),
          .done_o      (unused_done),
          .flit_valid_o(flit_valid[N_PORTS+e]),
          .flit_first_o(flit_first[N_PORTS+e]),
          .flit_last_o (flit_last[N_PORTS+e]),
          .flit_head_o (flit_hdr[N_PORTS+e]),
          .flit_word_o (flit_word[N_PORTS+e])
      );
      assign flit_err[N_PORTS+e] = 1'b0;  // a result that is not to be trusted has `poison` set
      assign flit_vc[N_PORTS+e]  = VC_RSP;
      // Its time begins when it is sent into the crossbar: what came before is that of a reduction.
      assign flit_stamp[N_PORTS+e] = now;
    end else begin : g_none
      logic unused;
      assign unused         = &{1'b0, res_valid_i[e], res_first_i[e], res_last_i[e], res_hdr_i[e],
                                res_data_i[e], res_mask_i[e], res_pending[e]};
      assign res_ready_o[e] = 1'b0;
      assign res_pending[e] = '0;
    end
  end

  // ------------------------------------------------------------------------------------ matching

  logic [N_OUT-1:0]  asked    [N_PORTS][NUM_VC];
  logic [N_OUT-1:0]  wish     [N_PORTS];  // what an input would ask for if all were free
  logic [N_OUT-1:0]  mcast_wish [N_IN];   // the same of its multicast, or of an engine's result
  logic [N_OUT-1:0]  due_wish [N_IN];     // those that take their turn in this round
  logic              mcast_due_q;         // multicasts do
  logic [N_IN-1:0]   overdue;             // inputs to which their due output is kept free
  logic [N_OUT-1:0]  kept;                // those outputs
  logic [OutW-1:0]   due_q    [N_IN];     // due output of each input

  if (PIPELINED) begin : g_seen
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) for (int unsigned j = 0; j < N_PORTS; j++) seen_room[j] <= '0;
      else for (int unsigned j = 0; j < N_PORTS; j++) seen_room[j] <= out_room[j];
    end
  end else begin : g_seen
    assign seen_room = out_room;
  end

  always_comb begin
    for (int unsigned v = 0; v < NUM_VC; v++) begin
      room[v] = '0;
      for (int unsigned j = 0; j < N_PORTS; j++) room[v][j] = seen_room[j][v];
    end
    // What an engine wants it takes; nothing but contributions is queued for it.
    for (int unsigned j = N_PORTS; j < N_OUT; j++) room[VC_RED][j] = 1'b1;

    for (int unsigned i = 0; i < N_IN; i++) mcast_wish[i] = '0;
    for (int unsigned i = 0; i < N_PORTS; i++) begin
      wanted[i] = '1;
      for (int e = 0; e < int'(N_ENGINES); e++) wanted[i][N_PORTS+e] = want_i[e][i];
      mcast_wish[FirstMcast+i] = N_OUT'(in_mcast[i]) & room[VC_REQ];
      wish[i] = '0;
      for (int unsigned v = 0; v < NUM_VC; v++) begin
        asked[i][v] = in_ready[i][v] & room[v];
        if (v == 32'(VC_RED)) asked[i][v] &= wanted[i];
        wish[i] |= asked[i][v];
      end
      if (PIPELINED) wish[i] = told[i];
    end
    for (int e = 0; e < int'(N_ENGINES); e++) begin
      mcast_wish[N_PORTS+e] = res_pending[e] & room[VC_RSP];
    end
  end

  logic [N_OUT-1:0] arrives;                     // a flit is here
  logic [InW-1:0]   source   [N_OUT];            // of this input
  hdr_t             out_hdr  [N_OUT];            // its header
  logic [WordW-1:0] out_word  [N_OUT];           // its word
  logic [WordW-1:0] not_own   [N_OUT];           // by so much it differs at this output

  always_comb begin
    kept = '0;
    if (overdue != '0) begin
      for (int unsigned i = 0; i < N_IN; i++) begin
        if (overdue[i]) kept[due_q[i]] = 1'b1;
      end
    end
  end

  // iSLIP is fair to requests that stand, but a request is only seen while its input and its output
  // are free at once, and with packets of several flits these moments can miss each other for ever.
  // So pairs take turns: in every phase each input has another due output. A pair that still waits
  // at the end of its phase is noted; if it has not been matched when its next phase comes, both
  // sides are kept free for it, and meet within the longest packet. A request is therefore served
  // within 2 * (N_OUT + 1) phases for each VC of its pair. Under load hardly a pair waits so long.
  // With multicasts rounds of N_OUT phases alternate: in one unicasts have their turn, in the next
  // multicasts; that makes 2 * (2 * N_OUT + 1) phases. PIPELINED: multicasts have inputs of
  // their own, with the due outputs of their ports; of the two only one wishes in a round.
  // CUT_THROUGH: while one side waits for a sender that pauses the other is not kept free, but the
  // phase does not end before the pair has met, unless it is its own input that waits.
  // From the end of a packet, PIPELINED of one promised before, to the next start.
  localparam int unsigned Steps = PIPELINED ? 2 * ISLIP_ITERS + 10 : 4;
  localparam int unsigned Phase = 1 << $clog2(max_flits(FLIT_W) + Steps);
  localparam int unsigned PhaseW = $clog2(Phase);

  logic [PhaseW-1:0] tick_q;
  logic [N_OUT-1:0]  waited_q [2][N_IN]; // pairs that waited in their last phase; [1]: multicasts
  logic [N_IN-1:0]   force_q;          // due pairs that have waited since then
  logic [N_IN-1:0]   served;           // due pairs that are matched
  logic [N_OUT-1:0]  out_waits;        // CUT_THROUGH: outputs that wait for a flit
  logic              ends;             // the phase does, after this cycle

  always_comb begin
    for (int unsigned i = 0; i < N_IN; i++) due_wish[i] = mcast_wish[i];
    for (int unsigned i = 0; i < N_PORTS; i++) begin
      if (!mcast_due_q && FirstMcast != 0) due_wish[FirstMcast+i] = '0;
      if (!mcast_due_q) due_wish[i] = wish[i];
    end
    overdue = '0;
    if (force_q != '0) begin
      for (int unsigned i = 0; i < N_IN; i++) begin
        overdue[i] = force_q[i] && due_wish[i][due_q[i]];
        if (CUT_THROUGH) overdue[i] &= !in_waits[i] && !out_waits[due_q[i]];
      end
    end
  end

  // Apart from that: a simulator would see a loop through the match.
  always_comb begin
    for (int unsigned i = 0; i < N_IN; i++) served[i] = matched[i][due_q[i]];
    served[N_PORTS-1:0] &= ~(start_mcast ^ {N_PORTS{mcast_due_q}});
    ends = tick_q == '1;
    if (CUT_THROUGH) begin
      for (int unsigned i = 0; i < N_IN; i++) begin
        if (force_q[i] && due_wish[i][due_q[i]] && !in_waits[i] && !served[i]) ends = 1'b0;
      end
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      tick_q  <= '0;
      force_q <= '0;
      mcast_due_q <= 1'b0;
      for (int unsigned i = 0; i < N_IN; i++) begin
        due_q[i]       <= OutW'(i % N_OUT);
        waited_q[0][i] <= '0;
        waited_q[1][i] <= '0;
      end
    end else begin
      assert ($countones(overdue) == $countones(kept))
        else $error("sp_crossbar: an output is kept free for two inputs");
      if (tick_q != '1 || ends) tick_q <= tick_q + PhaseW'(1);
      if (MCAST && ends && due_q[0] == OutW'(N_OUT - 1)) mcast_due_q <= !mcast_due_q;
      for (int unsigned i = 0; i < N_IN; i++) begin
        automatic logic kind = mcast_due_q && (i < N_PORTS);
        if (matched[i] != '0) begin
          if (i < N_PORTS && start_mcast[i]) waited_q[1][i] <= waited_q[1][i] & ~matched[i];
          else waited_q[0][i] <= waited_q[0][i] & ~matched[i];
          if (served[i]) force_q[i] <= 1'b0;
        end
        if (tick_q == '0) force_q[i] <= waited_q[kind][i][due_q[i]] && !served[i];
        if (ends) begin
          force_q[i] <= 1'b0;
          if (due_wish[i][due_q[i]] && !served[i]) waited_q[kind][i][due_q[i]] <= 1'b1;
          due_q[i] <= (due_q[i] == OutW'(N_OUT - 1)) ? '0 : due_q[i] + OutW'(1);
        end
      end
    end
  end

  // A match is held until its packet leaves the output to another.
  if (PIPELINED) begin : g_rolling
    //   cycle   1         2       3        4                5
    //           queued    grant   accept   match, matched   arrives
    //                                      memory is read
    logic [N_OUT-1:0] allowed_q [N_IN];
    logic [N_OUT-1:0] ask_fresh [N_IN];   // what may be asked for
    logic [N_OUT-1:0] ask_some  [N_IN];
    logic [N_OUT-1:0] ask_two   [N_IN];
    logic [N_OUT-1:0] ask_three [N_IN];
    logic [N_OUT-1:0] busy_q;             // a later flit of a packet is read for the output
    logic [N_OUT-1:0] taken_q;            // an engine has just been granted a head
    // Who is chosen does not wait for what makes a match void: then nothing arrives.
    logic [N_IN-1:0]  offered  [N_OUT];   // inputs matched with the output, one-hot or zero
    logic [N_IN-1:0]  by_q     [N_OUT];   // input whose flits it gets, one-hot
    logic [LEN_W-1:0] out_left [N_OUT];
    logic [N_OUT-1:0] arrives_q;
    logic [InW-1:0]   source_q [N_OUT];

    sp_islip_rolling #(
        .N_IN       (N_IN),
        .N_OUT      (N_OUT),
        .SLOTS      (ISLIP_ITERS),
        .FIRST_MCAST(N_PORTS),
        .LEFT_W     (LEN_W)
    ) i_islip (
        .clk_i,
        .rst_ni,
        .fresh_i   (ask_fresh),
        .some_i    (ask_some),
        .two_i     (ask_two),
        .three_i   (ask_three),
        .more_i    (more),
        .in_left_i (in_left),
        .out_left_i(out_left),
        .match_o   (match),
        .near_o    (near)
    );

    for (genvar i = int'(N_PORTS); i < int'(N_IN); i++) begin : g_injected
      // A copy of the packet at the head is one packet of the output.
      assign fresh[i] = '0;
      assign two[i]   = '0;
      assign three[i] = '0;
      assign heads[i] = mcast_wish[i];
      if (i < int'(N_OUT)) begin : g_result
        // Those of several flits are nearly all long ones.
        assign more[i] = {3{in_long[i] ? mcast_wish[i] : '0}};
      end else begin : g_mcast
        always_comb begin
          for (int unsigned n = 0; n < 3; n++) begin
            more[i][n] = mcast_more[i-int'(N_OUT)][n] ? mcast_wish[i] : '0;
          end
        end
      end
    end

    // A match is void if the scheduler has promised too much: see there.
    always_comb begin
      for (int unsigned i = 0; i < N_IN; i++) begin
        ask_fresh[i] = fresh[i] & allowed_q[i];
        ask_some[i]  = ((i < N_PORTS) ? wish[i] : mcast_wish[i]) & allowed_q[i];
        ask_two[i]   = two[i] & allowed_q[i];
        ask_three[i] = three[i] & allowed_q[i];
        matched[i]   = in_reads[i] ? '0 : match[i] & heads[i] & ~busy_q & ~taken_q;
      end
      for (int unsigned i = 0; i < N_PORTS; i++) begin
        near_go[i] = in_reads[i] ? '0 : near[i] & heads[i] & ~busy_q & ~taken_q;
      end
      for (int unsigned j = 0; j < N_OUT; j++) begin
        out_left[j] = '0;
        for (int unsigned i = 0; i < N_IN; i++) begin
          offered[j][i] = match[i][j];
          from[j][i]    = matched[i][j];
          if (by_q[j][i]) out_left[j] |= in_left[i];
        end
        if (!busy_q[j]) out_left[j] = '0;
      end
    end

    assign start_mcast = '0;
    assign arrives     = arrives_q;
    assign source      = source_q;

    // The source once more for each part of header and payload: one register for all of them is a
    // wire over the whole part. Yosys keeps equal registers apart when it is told to.
    localparam int unsigned PartW = 32;
    localparam int unsigned Used = HDR_W + WordW;
    localparam int unsigned Wide = (Used + PartW - 1) / PartW * PartW;
    // Inputs go in pairs: a pair that is chosen passes the one input or the other by what comes
    // from the pair before, else that. So eight inputs are four tables of four inputs for each bit;
    // an ordinary choice takes six. Each chain of four pairs gives zero unless it has the input.
    localparam int unsigned Pairs = (N_IN + 1) / 2;
    localparam int unsigned Chain = 4;
    localparam int unsigned Chains = (Pairs + Chain - 1) / Chain;
    typedef struct packed {
      logic [Chains-1:0] odd;   // the second input of a pair is the one
      logic [Pairs-1:0]  pair;
    } choice_t;
    choice_t choice [N_OUT];
    (* keep *)
    choice_t [N_OUT-1:0][Wide/PartW-1:0] part_choice_q;

    logic [Wide-1:0] flits [2*Pairs];  // {header, word} of each input

    always_comb begin
      for (int unsigned i = 0; i < 2 * Pairs; i++) flits[i] = '0;
      for (int unsigned i = 0; i < N_IN; i++) flits[i] = Wide'({flit_hdr[i], flit_word[i]});
    end

    always_comb begin
      for (int unsigned j = 0; j < N_OUT; j++) begin
        logic [PartW-1:0] chosen;
        logic [Wide-1:0]  all;
        /* verilator lint_off UNUSEDSIGNAL */
        logic [Wide-Used:0] padding;  // what the last part has beyond the word
        /* verilator lint_on UNUSEDSIGNAL */
        all = '0;
        for (int unsigned k = 0; k < Wide / PartW; k++) begin
          for (int unsigned c = 0; c < Chains; c++) begin
            chosen = {PartW{part_choice_q[j][k].odd[c]}};
            for (int unsigned p = Chain * c; p < Pairs && p < Chain * (c + 1); p++) begin
              if (part_choice_q[j][k].pair[p]) begin
                chosen = (chosen & flits[2*p+1][PartW*k+:PartW])
                         | (~chosen & flits[2*p][PartW*k+:PartW]);
              end
            end
            all[PartW*k+:PartW] |= chosen;
          end
        end
        {padding, out_hdr[j], out_word[j]} = (Wide + 1)'(all) ^ (Wide + 1)'(not_own[j]);
      end
    end

    always_comb begin
      for (int unsigned j = 0; j < N_OUT; j++) begin
        choice[j] = '0;
        for (int unsigned i = 0; i < N_IN; i++) begin
          choice[j].pair[i/2] |= offered[j][i];
          if (i % 2 == 1) choice[j].odd[i/(2*Chain)] |= offered[j][i];
        end
      end
    end

    always_ff @(posedge clk_i) begin
      for (int unsigned j = 0; j < N_OUT; j++) begin
        if (!busy_q[j]) begin
          part_choice_q[j] <= {Wide / PartW{choice[j]}};
          source_q[j]      <= number(offered[j]);
        end
      end
    end

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        for (int unsigned i = 0; i < N_IN; i++) allowed_q[i] <= '1;
        busy_q    <= '0;
        taken_q   <= '0;
        arrives_q <= '0;
        for (int unsigned j = 0; j < N_OUT; j++) by_q[j] <= '0;
      end else begin
        for (int unsigned i = 0; i < N_IN; i++) begin
          allowed_q[i] <= overdue[i] ? N_OUT'(1) << due_q[i] : ~kept;
        end
        for (int unsigned j = 0; j < N_OUT; j++) begin
          if (!busy_q[j]) by_q[j] <= offered[j];
          busy_q[j]    <= busy_q[j] ? (by_q[j] & in_stays) != '0 : (from[j] & in_long) != '0;
          arrives_q[j] <= busy_q[j] || from[j] != '0;
          taken_q[j]   <= j >= N_PORTS && from[j] != '0;
        end
      end
    end

    always_comb begin
      for (int unsigned i = 0; i < N_IN; i++) start[i] = matched[i] != '0;
    end

    logic unused;
    assign unused = &{1'b0, flit_valid, in_idle, in_last, in_waits};
    assign out_waits = '0;
    always_comb begin
      for (int unsigned i = 0; i < N_PORTS; i++) begin
        start_vc[i]  = '0;
        start_out[i] = '0;
      end
    end
  end else begin : g_one_step
    logic [N_OUT-1:0]   request [N_PORTS];
    logic [N_OUT-1:0]   mcast_request [N_IN];
    logic [N_OUT-1:0]   may_ask [N_IN];
    logic [N_OUT-1:0]   out_free;
    logic [N_OUT-1:0]   open;              // outputs that all may ask for to whom none is kept free
    logic [N_OUT-1:0]   busy_q;
    logic [InW-1:0]     src_q   [N_OUT];
    logic [N_OUT-1:0]   busy2_q;           // a cycle later
    logic [InW-1:0]     src2_q  [N_OUT];
    logic [N_OUT-1:0]   unicast;           // outputs that a unicast asks for
    logic [N_OUT-1:0]   ask     [N_PORTS]; // what the multicasts leave
    logic [N_OUT-1:0]   islip_match [N_PORTS];
    logic [N_PORTS-1:0] islip_from  [N_OUT];
    logic [N_OUT-1:0]   uni_match   [N_PORTS];
    logic [N_PORTS-1:0] uni_from    [N_OUT];
    logic [N_OUT-1:0]   mcast_match [N_IN];
    logic [N_IN-1:0]    mcast_in;
    logic [N_OUT-1:0]   mcast_out;
    logic [InW-1:0]     mcast_source [N_OUT];

    always_comb begin
      unicast = '0;
      for (int unsigned i = 0; i < N_PORTS; i++) unicast |= request[i];
    end

    sp_mcast_match #(
        .N_IN (N_IN),
        .N_OUT(N_OUT)
    ) i_mcast_match (
        .clk_i,
        .rst_ni,
        .req_i    (mcast_request),
        .unicast_i(unicast),
        .match_o  (mcast_match),
        .in_o     (mcast_in),
        .out_o    (mcast_out),
        .source_o (mcast_source)
    );

    always_comb begin
      for (int unsigned i = 0; i < N_PORTS; i++) begin
        ask[i] = mcast_in[i] ? '0 : request[i] & ~mcast_out;
      end
    end

    sp_islip #(
        .N_IN (N_PORTS),
        .N_OUT(N_OUT),
        .ITERS(ISLIP_ITERS)
    ) i_islip (
        .clk_i,
        .rst_ni,
        .req_i  (ask),
        .match_o(islip_match),
        .from_o (islip_from)
    );

    if (AUGMENT == 0) begin : g_as_it_is
      assign uni_match = islip_match;
      assign uni_from  = islip_from;
    end else begin : g_augment
      sp_augment #(
          .N_IN  (N_PORTS),
          .N_OUT (N_OUT),
          .ROUNDS(AUGMENT)
      ) i_augment (
          .clk_i,
          .rst_ni,
          .req_i  (ask),
          .match_i(islip_match),
          .from_i (islip_from),
          .match_o(uni_match),
          .from_o (uni_from)
      );
    end

    always_comb begin
      match = mcast_match;
      for (int unsigned i = 0; i < N_PORTS; i++) if (!mcast_in[i]) match[i] = uni_match[i];
      for (int unsigned j = 0; j < N_OUT; j++) from[j] = N_IN'(uni_from[j]);
    end

    always_comb begin
      for (int unsigned j = 0; j < N_OUT; j++) out_waits[j] = busy_q[j] && in_waits[src_q[j]];
    end

    always_comb begin
      for (int unsigned j = 0; j < N_OUT; j++) out_free[j] = !busy_q[j] || in_last[src_q[j]];
      open = out_free & ~kept;
      // Of an input whose turn it is only the request in turn is seen.
      for (int unsigned i = 0; i < N_IN; i++) begin
        may_ask[i] = open;
        if (overdue[i]) may_ask[i] = out_free & (N_OUT'(1) << due_q[i]);
        mcast_request[i] = '0;
        if (in_idle[i] && !(overdue[i] && i < N_PORTS && !mcast_due_q)) begin
          mcast_request[i] = mcast_wish[i] & may_ask[i];
        end
      end
      for (int unsigned i = 0; i < N_PORTS; i++) begin
        request[i] = '0;
        if (in_idle[i] && !(overdue[i] && mcast_due_q)) request[i] = wish[i] & may_ask[i];
      end
    end

    assign matched     = match;
    always_comb for (int unsigned i = 0; i < N_IN; i++) near[i] = '0;
    always_comb for (int unsigned i = 0; i < N_PORTS; i++) near_go[i] = '0;
    assign start_mcast = mcast_in[N_PORTS-1:0];
    assign source      = src2_q;

    // While the sender of a packet pauses nothing arrives.
    always_comb begin
      arrives = busy2_q;
      if (CUT_THROUGH) begin
        for (int unsigned j = 0; j < N_OUT; j++) arrives[j] = busy2_q[j] && flit_valid[src2_q[j]];
      end
    end

    always_comb begin
      for (int unsigned j = 0; j < N_OUT; j++) begin
        out_hdr[j]  = flit_hdr[source[j]];
        out_word[j] = flit_word[source[j]] ^ not_own[j];
      end
    end

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        busy_q  <= '0;
        busy2_q <= '0;
        for (int unsigned j = 0; j < N_OUT; j++) begin
          src_q[j]  <= '0;
          src2_q[j] <= '0;
        end
      end else begin
        busy2_q <= busy_q;
        for (int unsigned j = 0; j < N_OUT; j++) begin
          if (out_free[j]) busy_q[j] <= mcast_out[j] || from[j] != '0;
          else if (in_last[src_q[j]]) busy_q[j] <= 1'b0;
          if (mcast_out[j]) src_q[j] <= mcast_source[j];
          else if (from[j] != '0) src_q[j] <= number(from[j]);
          src2_q[j] <= src_q[j];
        end
      end
    end

    // The VCs of a matched input take turns.
    logic [NUM_VC-1:0] first_vc_q [N_PORTS];  // as in sp_rr_arbiter
    logic [NUM_VC-1:0] vc_gnt [N_PORTS];      // VC of the packet that is started, one-hot or zero
    logic [NUM_VC-1:0] vc_req;
    logic [NUM_VC-1:0] vc_above;

    always_comb begin
      vc_req   = '0;
      vc_above = '0;
      for (int unsigned i = 0; i < N_IN; i++) start[i] = matched[i] != '0;
      for (int unsigned i = 0; i < N_PORTS; i++) begin
        vc_gnt[i]    = '0;
        start_out[i] = '0;
        if (start[i] && !start_mcast[i]) begin
          start_out[i] = OutW'(number(matched[i]));
          for (int unsigned v = 0; v < NUM_VC; v++) vc_req[v] = (asked[i][v] & matched[i]) != '0;
          vc_above  = vc_req & first_vc_q[i];
          vc_gnt[i] = (vc_above != '0) ? (vc_above & (~vc_above + NUM_VC'(1)))
                                       : (vc_req & (~vc_req + NUM_VC'(1)));
        end
        start_vc[i] = {vc_gnt[i][3] | vc_gnt[i][2], vc_gnt[i][3] | vc_gnt[i][1]};
      end
    end

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        for (int unsigned i = 0; i < N_PORTS; i++) first_vc_q[i] <= '1;
      end else begin
        for (int unsigned i = 0; i < N_PORTS; i++) begin
          if (vc_gnt[i] != '0) first_vc_q[i] <= ~((vc_gnt[i] << 1) - NUM_VC'(1));
          assert (!start[i] || start_mcast[i] || vc_gnt[i] != '0)
            else $error("sp_crossbar: input %0d was matched and has no packet to send", i);
        end
      end
    end

    for (genvar i = 0; i < int'(N_IN); i++) begin : g_not_told
      if (i >= int'(N_PORTS)) begin : g_result
        assign fresh[i] = '0;
        assign two[i]   = '0;
        assign three[i] = '0;
        assign heads[i] = '0;
        assign more[i]  = '0;
      end
    end

    logic [N_IN-1:0] unused;
    always_comb begin
      for (int unsigned i = 0; i < N_IN; i++) begin
        unused[i] = &{1'b0, flit_valid[i], in_long[i], in_stays[i], in_reads[i], in_left[i],
                      fresh[i], two[i], three[i], more[i], heads[i]};
      end
    end
  end

  // ------------------------------------------------------------------------------------ datapath

  // Multicasts at the outputs. A copy begins with the first flit of its packet.
  logic [N_PORTS-1:0] of_mcast;              // the flit that is here is one
  logic [PortW-1:0]   mcast_from [N_PORTS];  // of this port

  always_comb begin
    for (int unsigned j = 0; j < N_PORTS; j++) begin
      mcast_from[j] = PortW'(32'(source[j]) - FirstMcast);
      of_mcast[j]   = MCAST && arrives[j] && 32'(source[j]) - FirstMcast < N_PORTS
                      && flit_mcast[mcast_from[j]];
      ev_copy_o[j]  = of_mcast[j] && flit_first[source[j]];
    end
  end

  // Of a member set each output keeps its own destinations. Check bits are sums, so those of the
  // bits that go are the difference.
  logic [FLIT_W-1:0] gone [N_OUT];

  always_comb begin
    for (int unsigned j = 0; j < N_OUT; j++) gone[j] = '0;
    if (MCAST && flit_set != '0) begin
      for (int unsigned j = 0; j < N_PORTS; j++) begin
        if (of_mcast[j] && flit_set[mcast_from[j]]) begin
          automatic member_ports_t members = flit_members[mcast_from[j]];
          for (int unsigned k = 0; k < MAX_MEMBERS; k++) begin
            for (int unsigned u = 0; u < FLIT_W / UNIT_W; u++) begin
              if (members.unit == 2'(u) && members.outs[k] != ROOT_W'(j)) begin
                gone[j][UNIT_W*u+$bits(member_t)*(k+1)-1] = members.there[k];
              end
            end
          end
        end
      end
    end
  end

  for (genvar j = 0; j < N_OUT; j++) begin : g_own
    sp_flit_code #(
        .FLIT_W(FLIT_W),
        .ECC   (ECC)
    ) i_difference (
        .hdr_i ('0),
        .err_i (1'b0),
        .data_i(gone[j]),
        .word_o(not_own[j])
    );
  end

  // With one slot the pipelined form is the smallest one: to pass the buffers by takes a choice of
  // two for every bit, and saves a packet that waits for none four cycles.
  localparam bit Pass = !PIPELINED || ISLIP_ITERS > 1;

  for (genvar j = 0; j < N_PORTS; j++) begin : g_egress
    sp_egress #(
        .FLIT_W   (FLIT_W),
        .DEPTH    (EGRESS_FLITS),
        .PIPELINED(PIPELINED),
        .PASS     (Pass),
        .TIMED    (TIMED),
        .ECC      (ECC)
    ) i_egress (
        .clk_i,
        .rst_ni,
        .valid_i    (arrives[j]),
        .first_i    (flit_first[source[j]]),
        .last_i     (flit_last[source[j]]),
        .err_i      (flit_err[source[j]]),
        .vc_i       (flit_vc[source[j]]),
        .hdr_i      (out_hdr[j]),
        .stamp_i    (flit_stamp[source[j]]),
        .word_i     (out_word[j]),
        .room_o     (out_room[j]),
        .threshold_i(threshold_i.egress),
        .now_i      (now),
        .m_tvalid_o (m_tvalid_o[j]),
        .m_tready_i (m_tready_i[j]),
        .m_tdata_o  (m_tdata_o[j]),
        .m_tuser_o  (m_tuser_o[j]),
        .m_tlast_o  (m_tlast_o[j]),
        .m_vc_room_i(m_vc_room_i[j]),
        .inject_i   (egress_inject_i[j]),
        .ev_corrected_o(ev_corrected_o[j]),
        .ev_failed_o(ev_failed_o[j]),
        .event_o    (egress_o[j])
    );
  end

  assign ev_tx_beat_o   = m_tvalid_o & m_tready_i;
  assign ev_tx_packet_o = m_tvalid_o & m_tready_i & m_tlast_o;
  assign ev_tx_stall_o  = m_tvalid_o & ~m_tready_i;

  for (genvar e = 0; e < NE; e++) begin : g_engine
    if (e < N_ENGINES) begin : g_used
      always_comb begin
        for (int unsigned i = 0; i < N_PORTS; i++) begin
          head_valid_o[e][i] = port_head_valid[i][e];
          head_hdr_o[e][i]   = port_head_hdr[i][e];
        end
      end
      assign grant_o[e]      = from[N_PORTS+e] != '0;
      assign grant_port_o[e] = PortW'(number(from[N_PORTS+e]));
      logic             late_valid;  // the flit that the engine gets
      logic             late_first;
      logic             late_last;
      logic             late_err;
      logic [PortW-1:0] late_port;
      hdr_t             late_hdr;
      logic [WordW-1:0] late_word;

      if (PIPELINED) begin : g_later
        // A flit comes a cycle after its head is granted; the engine needs two more by then.
        typedef struct packed {
          logic             first;
          logic             last;
          logic             err;
          logic [PortW-1:0] port;
          hdr_t             hdr;
          logic [WordW-1:0] word;
        } flit_t;
        flit_t      flit_q [2];
        logic [1:0] valid_q;

        always_ff @(posedge clk_i or negedge rst_ni) begin
          if (!rst_ni) valid_q <= '0;
          else valid_q <= {valid_q[0], arrives[N_PORTS+e]};
        end

        always_ff @(posedge clk_i) begin
          flit_q[0] <= '{first: flit_first[source[N_PORTS+e]], last: flit_last[source[N_PORTS+e]],
                         err: flit_err[source[N_PORTS+e]], port: PortW'(source[N_PORTS+e]),
                         hdr: out_hdr[N_PORTS+e], word: out_word[N_PORTS+e]};
          flit_q[1] <= flit_q[0];
        end

        assign late_valid = valid_q[1];
        assign {late_first, late_last, late_err, late_port, late_hdr, late_word} = flit_q[1];
      end else begin : g_now
        assign late_valid = arrives[N_PORTS+e];
        assign late_first = flit_first[source[N_PORTS+e]];
        assign late_last  = flit_last[source[N_PORTS+e]];
        assign late_err   = flit_err[source[N_PORTS+e]];
        assign late_port  = PortW'(source[N_PORTS+e]);
        assign late_hdr   = out_hdr[N_PORTS+e];
        assign late_word  = out_word[N_PORTS+e];
      end

      assign eng_valid_o[e] = late_valid;
      assign eng_first_o[e] = late_first;
      assign eng_last_o[e]  = late_last;
      assign eng_port_o[e]  = late_port;

      sp_flit_check #(
          .FLIT_W(FLIT_W),
          .ECC   (ECC)
      ) i_check (
          .clk_i,
          .rst_ni,
          .valid_i       (late_valid),
          .first_i       (late_first),
          .last_i        (late_last),
          .hdr_i         (late_hdr),
          .err_i         (late_err),
          .word_i        (late_word),
          .hdr_o         (eng_hdr_o[e]),
          .err_o         (eng_err_o[e]),
          .data_o        (eng_data_o[e]),
          .ev_corrected_o(ev_eng_corrected_o[e]),
          .ev_failed_o   (ev_eng_failed_o[e])
      );
    end else begin : g_none
      logic unused;
      always_comb begin
        unused = &{1'b0, want_i[e]};
        for (int unsigned i = 0; i < N_PORTS; i++) begin
          unused &= &{port_head_valid[i], port_head_hdr[i][e]};
        end
      end
      assign head_valid_o[e] = '0;
      always_comb begin
        for (int unsigned i = 0; i < N_PORTS; i++) head_hdr_o[e][i] = '0;
      end
      assign grant_o[e]      = 1'b0;
      assign grant_port_o[e] = '0;
      assign eng_valid_o[e]  = 1'b0;
      assign eng_first_o[e]  = 1'b0;
      assign eng_last_o[e]   = 1'b0;
      assign eng_err_o[e]    = 1'b0;
      assign ev_eng_corrected_o[e] = 1'b0;
      assign ev_eng_failed_o[e]    = 1'b0;
      assign eng_port_o[e]   = '0;
      assign eng_hdr_o[e]    = '0;
      assign eng_data_o[e]   = '0;
    end
  end

endmodule
