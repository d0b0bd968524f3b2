// SPDX-License-Identifier: Apache-2.0
//
// What keeps partitions apart, from the tables to the queues, at one port. The environment is the
// management side and the port: any packets, any routes, any partitions of any port, any groups, at
// any time. It sends the row of a port when its partitions change, as sp_csr does. Then no packet
// is queued for a port that shares no partition with this one, nor a contribution for an engine
// whose group has such a member, nor a multicast with such a port among those that get it.
//
// The foreign port and the group are chosen freely and stay, so that what holds for them holds for
// all.

module sp_partition_props
  import sp_pkg::*;
#(
    /// External ports.
    parameter int unsigned N_PORTS = 3,
    /// Rows of the group table.
    parameter int unsigned N_GROUPS = 2,
    /// Bits of a flit: 512 makes the queues short.
    parameter int unsigned FLIT_W = 512,
    /// 1: multicasts too.
    parameter bit MCAST = 1'b0,
    localparam int unsigned N_OUT = N_PORTS + 1,
    localparam int unsigned OutW = $clog2(N_OUT),
    localparam int unsigned PortW = $clog2(N_PORTS),
    localparam int unsigned GroupW = (N_GROUPS > 1) ? $clog2(N_GROUPS) : 1,
    localparam int unsigned Partitions = 2
) (
    /// Clock.
    input logic                  clk_i,
    /// Reset.
    input logic                  rst_ni,
    /// Stream in, free.
    input logic                  tvalid_i,
    /// Header, free.
    input hdr_t                  hdr_i,
    /// Payload, free: a member set may be in it.
    input logic [FLIT_W-1:0]     tdata_i,
    /// Last beat, free.
    input logic                  tlast_i,
    /// The packet is given up, free.
    input logic                  abort_i,
    /// Forwarding table: write, free.
    input logic                  fwd_we_i,
    /// Forwarding table: ID, free.
    input logic                  fwd_addr_i,
    /// Forwarding table: paths, free but for outputs that are not there.
    input logic [2:0]            fwd_paths_log2_i,
    /// Forwarding table: first output, free.
    input logic [9:0]            fwd_out_i,
    /// The partitions of a port change, free.
    input logic                  mask_we_i,
    /// That port, free.
    input logic [PortW-1:0]      mask_port_i,
    /// Its partitions, free.
    input logic [Partitions-1:0] mask_i,
    /// A group is written, free.
    input logic                  grp_we_i,
    /// That group, free.
    input logic [GroupW-1:0]     grp_addr_i,
    /// Its members, free.
    input logic [N_PORTS-1:0]    grp_mask_i,
    /// Sources of this port, free.
    input source_t               source_i,
    /// Ports that are down, free.
    input logic [N_PORTS-1:0]    port_down_i,
    /// The multicast at the head is started for these ports, free.
    input logic [N_PORTS-1:0]    start_ports_i,
    /// A packet is started, free.
    input logic                  start_i,
    /// Its VC, free.
    input logic [1:0]            start_vc_i,
    /// Its output, free.
    input logic [OutW-1:0]       start_out_i,
    /// This port, free and constant.
    input logic [PortW-1:0]      own_i,
    /// A foreign port, free and constant.
    input logic [PortW-1:0]      other_i,
    /// A group, free and constant.
    input logic [GroupW-1:0]     group_i
);

  logic started_q = 1'b0;
  logic [PortW-1:0]  own_q, other_q;
  logic [GroupW-1:0] group_q;

  always_ff @(posedge clk_i) begin
    started_q <= 1'b1;
    own_q     <= own_i;
    other_q   <= other_i;
    group_q   <= group_i;
  end

  always_comb begin
    reset_first: assume (started_q || !rst_ni);
    ports_exist: assume (32'(own_i) < N_PORTS && 32'(other_i) < N_PORTS
                         && 32'(mask_port_i) < N_PORTS);
    groups_exist: assume (32'(group_i) < N_GROUPS && 32'(grp_addr_i) < N_GROUPS);
    they_stay: assume (!started_q || (own_i == own_q && other_i == other_q && group_i == group_q));
    // The registers do one thing at a time.
    one_write: assume (!(mask_we_i && grp_we_i));
  end

  // ------------------------------------------------------------------------- the management side

  logic [Partitions-1:0] mask_q    [N_PORTS];  // partitions of each port
  logic [N_PORTS-1:0]    members_q;            // members of the group
  logic                  sent_q;               // as they are: no partition has changed since
  logic [N_PORTS-1:0]    row;
  logic [N_PORTS-1:0]    shares;               // ports that share a partition with this one
  logic                  apart;                // the port and the foreign one
  logic                  barred;               // the port and the group

  always_comb begin
    for (int unsigned p = 0; p < N_PORTS; p++) begin
      row[p]    = (mask_q[p] & mask_i) != '0;
      shares[p] = (mask_q[own_i] & mask_q[p]) != '0;
    end
    row[mask_port_i] = mask_i != '0;
    apart  = (mask_q[own_i] & mask_q[other_i]) == '0;
    barred = sent_q && apart && members_q[other_i];
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      for (int unsigned p = 0; p < N_PORTS; p++) mask_q[p] <= Partitions'(1);
      members_q <= '0;
      sent_q    <= 1'b0;
    end else begin
      if (mask_we_i) begin
        mask_q[mask_port_i] <= mask_i;
        sent_q <= 1'b0;
      end
      if (grp_we_i && grp_addr_i == group_i) begin
        members_q <= grp_mask_i;
        sent_q    <= 1'b1;
      end
    end
  end

  // ------------------------------------------------------------------------------------ the port

  logic [NUM_VC-1:0]   unused_room;
  logic [N_OUT-1:0]    unused_ready [NUM_VC];
  hdr_t                unused_heads [1];
  hdr_t                unused_hdr;
  logic [FLIT_W-1:0]   unused_data;
  logic [STAMP_W-1:0]  unused_stamp;
  ingress_event_t      unused_event;
  logic [1:0]          unused_vc;
  logic [3:0]          unused_status;
  logic                tready;
  logic                idle;
  logic [N_PORTS-1:0]  lacking;
  member_ports_t       unused_members;
  // Of the pipelined form.
  logic [N_OUT-1:0]    no_room [NUM_VC];
  logic [N_OUT-1:0]    unused_steps [5];
  logic [2:0][N_OUT-1:0] unused_more;
  logic [LEN_W-1:0]    unused_left;
  always_comb for (int unsigned v = 0; v < NUM_VC; v++) no_room[v] = '0;
  logic [2:0]          unused_mcast_more;
  logic [LEN_W-1:0]    unused_mcast_left;
  logic                unused_mcast_stays;
  logic [3:0]          unused_mcast_flit;
  hdr_t                unused_mcast_hdr;
  logic [STAMP_W-1:0]  unused_mcast_stamp;
  logic [FLIT_W-1:0]   unused_mcast_data;
  logic [15:0]         unused;
  logic                unused_waits;

  sp_ingress #(
      .N_OUT    (N_OUT),
      .N_PORTS  (N_PORTS),
      .FLIT_W   (FLIT_W),
      .VOQ_FLITS(16),
      .N_IDS    (2),
      .N_GROUPS (N_GROUPS),
      .MCAST    (MCAST)
  ) dut (
      .clk_i,
      .rst_ni,
      .own_i           (OutW'(own_i)),
      .s_tvalid_i      (tvalid_i),
      .s_tready_o      (tready),
      .s_tdata_i       (tdata_i),
      .s_tuser_i       ({1'b0, hdr_i}),
      .s_tlast_i       (tlast_i),
      .s_abort_i       (abort_i),
      .s_vc_room_o     (unused_room),
      .fwd_we_i,
      .fwd_addr_i,
      .fwd_valid_i     (1'b1),
      .fwd_paths_log2_i,
      .fwd_out_i,
      .row_we_i        (mask_we_i),
      .row_port_i      (mask_port_i),
      .row_i           (row),
      .grp_we_i,
      .grp_addr_i,
      .grp_mask_i,
      .source_i,
      .threshold_i     ('0),
      .now_i           ('0),
      .pause_i         ('0),
      .inject_i        ('0),
      .port_down_i,
      .ready_o         (unused_ready),
      .mcast_ready_o   (lacking),
      .idle_o          (idle),
      .last_o          (unused[1]),
      .waits_o         (unused_waits),
      .start_i         (start_i && idle),
      .start_mcast_i   (start_ports_i != '0),
      .start_ports_i   (start_ports_i & lacking),
      .start_vc_i,
      .start_out_i,
      .room_i          (no_room),
      .fresh_o         (unused_steps[0]),
      .some_o          (unused_steps[1]),
      .two_o           (unused_steps[2]),
      .three_o         (unused_steps[3]),
      .more_o          (unused_more),
      .heads_o         (unused_steps[4]),
      .match_i         ('0),
      .go_i            ('0),
      .long_o          (unused[0]),
      .left_o          (unused_left),
      .stays_o         (unused[2]),
      .mcast_more_o    (unused_mcast_more),
      .mcast_left_o    (unused_mcast_left),
      .mcast_stays_o   (unused_mcast_stays),
      .mcast_valid_o   (unused_mcast_flit[0]),
      .mcast_first_o   (unused_mcast_flit[1]),
      .mcast_last_o    (unused_mcast_flit[2]),
      .mcast_err_o     (unused_mcast_flit[3]),
      .mcast_hdr_o     (unused_mcast_hdr),
      .mcast_stamp_o   (unused_mcast_stamp),
      .mcast_word_o    (unused_mcast_data),
      .head_valid_o    (unused[3]),
      .head_hdr_o      (unused_heads),
      .flit_valid_o    (unused[4]),
      .flit_first_o    (unused[5]),
      .flit_last_o     (unused[6]),
      .flit_err_o      (unused[7]),
      .flit_vc_o       (unused_vc),
      .flit_hdr_o      (unused_hdr),
      .flit_stamp_o    (unused_stamp),
      .flit_word_o     (unused_data),
      .flit_mcast_o    (unused[13]),
      .flit_set_o      (unused[14]),
      .flit_members_o  (unused_members),
      .ev_beat_o       (unused[8]),
      .ev_packet_o     (unused[9]),
      .ev_stall_o      (unused[10]),
      .ev_refused_o    (unused[11]),
      .ev_status_o     (unused_status),
      .ev_dropped_o    (unused[12]),
      .ev_mcast_o      (unused[15]),
      .event_o         (unused_event)
  );

  // --------------------------------------------------------------------- the packet that comes in

  // What was true when its first beat was taken.
  logic apart_q, barred_q, false_q;
  logic names;    // it names the group
  logic false_now; // it names a source that is not the port's
  logic taken;    // a flit of it is queued
  logic queued;   // in a VOQ

  assign names     = dut.hdr.cls.coll.group == GROUP_W'(group_i);
  assign false_now = ((dut.hdr.src ^ source_i.id) & source_i.care) != '0;
  assign taken     = dut.wr_valid && !dut.settle_q;
  assign queued    = taken && !dut.mcast;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      apart_q  <= 1'b0;
      barred_q <= 1'b0;
      false_q  <= 1'b0;
    end else if (dut.take && dut.first) begin
      apart_q  <= apart;
      barred_q <= barred && names;
      false_q  <= false_now;
    end
  end

  always_comb begin
    if (rst_ni) begin
      // No flit is queued for a port that shared no partition with this one when the packet came.
      nothing_crosses: assert (!(queued && 32'(dut.written.out) == 32'(other_i)
                                 && (dut.first ? apart : apart_q)));
      // Nor for an engine, if such a port is a member of the group.
      no_group_crosses: assert (!(queued && 32'(dut.written.out) >= N_PORTS
                                  && (dut.first ? barred && names : barred_q)));
      // Nor from a source that is not this port's.
      no_false_source: assert (!(taken && (dut.first ? false_now : false_q)));
      // An answer goes back through this port, and is one.
      answers_go_home: assert (!(dut.wr_valid && dut.settle_q)
                               || (32'(dut.written.out) == 32'(own_i)
                                   && dut.written.flits == LEN_W'(1)));
      // Why so: the port knows its row,
      row_is_known: assert (dut.i_partition.allowed_q == shares);
      // and what it holds of a group that was sent.
      group_is_known: assert (!sent_q || dut.i_partition.foreign_q[group_i]
                              == ((members_q & ~dut.i_partition.allowed_q) != '0));
      // What was found with the first beat holds for the others.
      found_once: assert (!(dut.g_skid.in_packet_q && dut.g_skid.said_q.ok
                            && ((!dut.mcast && 32'(dut.g_skid.said_q.out) == 32'(other_i)
                                 && apart_q)
                                || (!dut.mcast && 32'(dut.g_skid.said_q.out) >= N_PORTS
                                    && barred_q)
                                || false_q)));
    end
  end

  // Partitions were changed, and ports of one and the same go on to talk.
  logic changed_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) changed_q <= 1'b0;
    else if (mask_we_i && mask_port_i == own_i && mask_i != Partitions'(1)) changed_q <= 1'b1;
  end

  if (MCAST) begin : g_mcast
    // The port and the foreign one have been apart since the packet came, or its first destination
    // was looked up.
    logic since, since_q;
    logic walks;     // destinations have been looked up
    logic by_group;  // the members are those of a group

    assign walks    = dut.g_mcast.walks_q;
    assign since    = (dut.first && !walks) ? apart : since_q && apart;
    assign by_group = dut.mcast && !dut.g_mcast.sparse;

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) since_q <= 1'b0;
      else since_q <= since;
    end

    always_comb begin
      if (rst_ni) begin
        // A multicast is queued for no port that shared no partition with this one meanwhile.
        no_copy_crosses: assert (!(dut.commit && dut.to_mcast && dut.g_mcast.ports[other_i]
                                   && since));
        // Why so: the members of a group were found within reach with the first beat,
        members_found: assert (!(dut.g_skid.in_packet_q && dut.g_skid.said_q.ok && by_group
                                 && dut.g_mcast.g_walk.members_q[other_i] && since_q));
        // and each destination of a set when it was looked up.
        set_found: assert (!(walks && dut.g_mcast.ports_q[other_i] && since_q));
      end
    end

    always_comb begin
      group_copies: cover (rst_ni && changed_q && dut.commit && dut.to_mcast && by_group
                           && dut.g_mcast.ports == '1);
      set_copies: cover (rst_ni && changed_q && dut.commit && dut.to_mcast && !by_group && walks
                         && dut.g_mcast.ports[other_i] && other_i != own_i);
      copies_refused: cover (rst_ni && dut.wr_valid && dut.settle_q && dut.mcast && walks
                             && dut.reason_q == ST_PARTITION);
    end
  end

  always_comb begin
    within_passes: cover (rst_ni && changed_q && queued && !dut.first
                          && 32'(dut.written.out) == 32'(other_i) && other_i != own_i && !apart_q);
    group_passes: cover (rst_ni && changed_q && queued && 32'(dut.written.out) >= N_PORTS && sent_q
                         && names && members_q == '1);
    refused: cover (rst_ni && dut.wr_valid && dut.settle_q && dut.reason_q == ST_PARTITION
                    && barred_q && !false_q);
  end

endmodule
