// SPDX-License-Identifier: Apache-2.0
//
// Between an endpoint and its planes of switches: what it sends goes to the plane that it names,
// what comes from any plane goes to the part of the endpoint that it is for (docs/endpoint.md).
//
// Guarantees: packets stay whole; those of one source to one plane, and those of one VC from one
// plane, stay in order; answers that come wait for nothing but each other; a plane that is down
// holds nothing up: what is sent to it is dropped, a packet of which a part has come is closed with
// zeros and the error mark.

module sp_planes #(
    /// Bits of a flit: 128, 256 or 512.
    parameter int unsigned FLIT_W = 128,
    /// Planes, 1 to 64.
    parameter int unsigned N_PLANES = 2,
    /// Flits of requests that wait here, for each plane: two longest packets or more.
    parameter int unsigned REQ_FLITS = 64,
    localparam int unsigned PlaneW = (N_PLANES > 1) ? $clog2(N_PLANES) : 1
) (
    /// Clock.
    input  logic                                    clk_i,
    /// Reset, active low, asynchronous.
    input  logic                                    rst_ni,
    /// A plane carries packets; what it had on its way is lost when it does not.
    input  logic [N_PLANES-1:0]                     plane_up_i,

    /// Sources {contributions, answers, requests}: valid.
    input  logic [2:0]                              s_tvalid_i,
    /// Sources: ready.
    output logic [2:0]                              s_tready_o,
    /// Sources: payload.
    input  logic [2:0][FLIT_W-1:0]                  s_tdata_i,
    /// Sources: {error mark with the last beat, header with the first}.
    input  logic [2:0][sp_pkg::USER_W-1:0]          s_tuser_i,
    /// Sources: last beat.
    input  logic [2:0]                              s_tlast_i,
    /// Sources: plane, the same for all of a packet.
    input  logic [2:0][PlaneW-1:0]                  s_plane_i,

    /// Sinks {answers to collectives and multicasts, other answers, requests}: valid.
    output logic [2:0]                              m_tvalid_o,
    /// Sinks: ready. Those of answers never wait for what the endpoint sends.
    input  logic [2:0]                              m_tready_i,
    /// Sinks: payload.
    output logic [2:0][FLIT_W-1:0]                  m_tdata_o,
    /// Sinks: {error mark with the last beat, header with the first}.
    output logic [2:0][sp_pkg::USER_W-1:0]          m_tuser_o,
    /// Sinks: last beat.
    output logic [2:0]                              m_tlast_o,
    /// Sinks, with the last beat: the packet was closed here, since its plane was lost.
    output logic [2:0]                              m_void_o,
    /// Sinks: plane by which the packet came.
    output logic [2:0][PlaneW-1:0]                  m_plane_o,

    /// To the planes: valid.
    output logic [N_PLANES-1:0]                     tx_tvalid_o,
    /// To the planes: ready.
    input  logic [N_PLANES-1:0]                     tx_tready_i,
    /// To the planes: payload.
    output logic [N_PLANES-1:0][FLIT_W-1:0]         tx_tdata_o,
    /// To the planes: {error mark with the last beat, header with the first}.
    output logic [N_PLANES-1:0][sp_pkg::USER_W-1:0] tx_tuser_o,
    /// To the planes: last beat.
    output logic [N_PLANES-1:0]                     tx_tlast_o,
    /// From the planes, by VC: a longest packet can be sent.
    input  logic [N_PLANES-1:0][sp_pkg::NUM_VC-1:0] tx_vc_room_i,

    /// From the planes: valid.
    input  logic [N_PLANES-1:0]                     rx_tvalid_i,
    /// From the planes: ready.
    output logic [N_PLANES-1:0]                     rx_tready_o,
    /// From the planes: payload.
    input  logic [N_PLANES-1:0][FLIT_W-1:0]         rx_tdata_i,
    /// From the planes: {error mark with the last beat, header with the first}.
    input  logic [N_PLANES-1:0][sp_pkg::USER_W-1:0] rx_tuser_i,
    /// From the planes: last beat.
    input  logic [N_PLANES-1:0]                     rx_tlast_i,
    /// To the planes, by VC: a longest packet can be taken.
    output logic [N_PLANES-1:0][sp_pkg::NUM_VC-1:0] rx_vc_room_o,

    /// Event, by plane: a packet to it was dropped, or the rest of it.
    output logic [N_PLANES-1:0]                     ev_dropped_o,
    /// Event, by plane: a packet from it was closed.
    output logic [N_PLANES-1:0]                     ev_closed_o,
    /// Event, by plane: a packet from it was for no part of the endpoint.
    output logic [N_PLANES-1:0]                     ev_stray_o
);

  import sp_pkg::*;

  localparam int unsigned K = FLIT_W / UNIT_W;
  localparam int unsigned Longest = max_flits(FLIT_W);
  // Packets that the sender may have begun before it saw that the room was gone, and what is on its
  // way in the register in front.
  localparam int unsigned Slack = Longest + 6;
  localparam int unsigned CountW = $clog2(REQ_FLITS + 1);
  localparam int unsigned BeatW = FLIT_W + USER_W + 2;
  localparam int unsigned WordW = FLIT_W + USER_W + 1;  // {last, user, data}
  // Flits that may lie between the look at tx_vc_room_i and the plane: row 5 of
  // docs/flow-control.md.
  localparam int unsigned Behind = 3;

  if (N_PLANES < 1 || N_PLANES > 64) begin : g_bad_planes
    $fatal(1, "sp_planes: N_PLANES = %0d is not 1 to 64", N_PLANES);
  end
  if (REQ_FLITS < Slack + Longest) begin : g_bad_flits
    $fatal(1, "sp_planes: REQ_FLITS = %0d is not %0d or more", REQ_FLITS, Slack + Longest);
  end

  /// Parts of the endpoint that packets are for; NOBODY's are dropped.
  localparam logic [1:0] Requests = 2'd0;
  localparam logic [1:0] Answers = 2'd1;
  localparam logic [1:0] Collectives = 2'd2;
  localparam logic [1:0] Nobody = 2'd3;

  /// The tag of a multicast store begins with two ones.
  function automatic logic [1:0] sink_of(logic [5:0] op, logic [1:0] tag_top);
    if (op_vc(op) == VC_REQ) return Requests;
    if (op_vc(op) != VC_RSP) return Nobody;
    return (op[3] || (tag_top == 2'b11)) ? Collectives : Answers;
  endfunction

  // -------------------------------------------------------------------------------- to the planes

  logic [N_PLANES-1:0][2:0] chosen;  // source whose packet is sent
  logic [N_PLANES-1:0]      drop;
  logic [N_PLANES-1:0]      takes;

  for (genvar p = 0; p < N_PLANES; p++) begin : g_tx
    logic [2:0] asks;
    logic [2:0] grant;
    logic [2:0] lock_q;
    logic       drop_q;
    logic       goes;

    for (genvar s = 0; s < 3; s++) begin : g_source
      hdr_t hdr;
      assign hdr = hdr_t'(s_tuser_i[s][HDR_W-1:0]);
      assign asks[s] = s_tvalid_i[s] && (s_plane_i[s] == PlaneW'(p))
                       && (tx_vc_room_i[p][op_vc(hdr.op)] || !plane_up_i[p]);
      /* verilator lint_off UNUSEDSIGNAL */  // only the operation is looked at
      logic unused;
      /* verilator lint_on UNUSEDSIGNAL */
      assign unused = ^hdr;
    end

    sp_rr_arbiter #(
        .N(3)
    ) i_arbiter (
        .clk_i,
        .rst_ni,
        .req_i    (asks),
        .advance_i(lock_q == '0),
        .gnt_o    (grant)
    );

    assign chosen[p] = (lock_q != '0) ? lock_q : grant;
    assign drop[p]   = !plane_up_i[p] || drop_q;
    assign goes      = ((chosen[p] & s_tvalid_i) != '0) && (drop[p] || takes[p]);

    logic             last;
    logic [WordW-1:0] word;

    always_comb begin
      word = '0;
      for (int unsigned s = 0; s < 3; s++) begin
        if (chosen[p][s]) word |= {s_tlast_i[s], s_tuser_i[s], s_tdata_i[s]};
      end
    end
    assign last = word[WordW-1];

    if (N_PLANES == 1) begin : g_straight
      assign takes[p]       = tx_tready_i[p];
      assign tx_tvalid_o[p] = ((chosen[p] & s_tvalid_i) != '0) && !drop[p];
      assign {tx_tlast_o[p], tx_tuser_o[p], tx_tdata_o[p]} = word;
    end else begin : g_behind
      // A link stops its stream for the unit that a header takes. What comes meanwhile waits here,
      // so that the next packet, to another plane, need not wait with it.
      logic [WordW-1:0] mem   [Behind];
      logic [1:0]       rptr_q;
      logic [1:0]       wptr_q;
      logic [1:0]       count_q;
      logic             push;
      logic             pop;

      assign takes[p]       = count_q != 2'(Behind);
      assign tx_tvalid_o[p] = plane_up_i[p] && ((count_q != '0) || (goes && !drop[p]));
      assign {tx_tlast_o[p], tx_tuser_o[p], tx_tdata_o[p]} = (count_q != '0) ? mem[rptr_q] : word;
      assign push = goes && !drop[p] && ((count_q != '0) || !tx_tready_i[p]);
      assign pop  = (count_q != '0) && tx_tready_i[p];

      always_ff @(posedge clk_i) begin
        if (push) mem[wptr_q] <= word;
      end

      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) begin
          rptr_q  <= '0;
          wptr_q  <= '0;
          count_q <= '0;
        end else if (!plane_up_i[p]) begin
          rptr_q  <= '0;
          wptr_q  <= '0;
          count_q <= '0;
        end else begin
          if (push) wptr_q <= (wptr_q == 2'(Behind - 1)) ? '0 : wptr_q + 2'd1;
          if (pop) rptr_q <= (rptr_q == 2'(Behind - 1)) ? '0 : rptr_q + 2'd1;
          count_q <= count_q + 2'(push) - 2'(pop);
        end
      end
    end

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        lock_q <= '0;
        drop_q <= 1'b0;
      end else begin
        // What is offered stays; a plane that has missed a part gets no other part.
        lock_q <= (goes && last) ? '0 : chosen[p];
        drop_q <= drop[p] && (chosen[p] != '0) && !(goes && last);
      end
    end
    assign ev_dropped_o[p] = goes && drop[p] && last;
  end

  always_comb begin
    s_tready_o = '0;
    for (int unsigned p = 0; p < N_PLANES; p++) begin
      s_tready_o |= chosen[p] & {3{drop[p] || takes[p]}};
    end
  end

  // ------------------------------------------------------------------------------ from the planes

  logic [2:0][N_PLANES-1:0]             offered;  // by sink and plane
  logic [2:0][N_PLANES-1:0]             taken;
  logic [2:0][N_PLANES-1:0][BeatW-1:0]  beat;     // {last, void, user, data}

  for (genvar p = 0; p < N_PLANES; p++) begin : g_rx
    hdr_t             hdr;
    logic             inside_q;  // behind the first beat of a packet
    logic             close_q;   // the rest of it is made here
    logic             close;
    logic [LEN_W-1:0] left_q;    // beats that are still to come
    logic [LEN_W-1:0] left;
    logic             in_valid;
    logic             in_ready;
    logic [BeatW-1:0] in_beat;

    // In front of the register: a packet that has begun there is always finished.
    assign hdr      = hdr_t'(rx_tuser_i[p][HDR_W-1:0]);
    assign close    = inside_q && (!plane_up_i[p] || close_q);
    assign left     = inside_q ? left_q : num_flits(hdr.len, hdr.ext, K);
    assign in_valid = close || (rx_tvalid_i[p] && plane_up_i[p]);
    // Who looks at a header does so with the first beat.
    assign in_beat  = close ? {left == LEN_W'(1), 2'b11, hdr, FLIT_W'(0)}
                            : {rx_tlast_i[p], 1'b0, rx_tuser_i[p], rx_tdata_i[p]};
    assign rx_tready_o[p] = !plane_up_i[p] || (in_ready && !close);
    assign ev_closed_o[p] = close && in_ready && (left == LEN_W'(1));

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        inside_q <= 1'b0;
        close_q  <= 1'b0;
        left_q   <= '0;
      end else begin
        if (in_valid && in_ready) begin
          inside_q <= !in_beat[BeatW-1];
          left_q   <= left - LEN_W'(1);
        end
        close_q <= close && !(in_ready && in_beat[BeatW-1]);
      end
    end

    logic             valid;
    logic             ready;
    logic [BeatW-1:0] word;

    sp_stage #(
        .WIDTH(BeatW)
    ) i_stage (
        .clk_i,
        .rst_ni,
        .valid_i(in_valid),
        .ready_o(in_ready),
        .data_i (in_beat),
        .valid_o(valid),
        .ready_i(ready),
        .data_o (word)
    );

    hdr_t       first;
    logic       behind_q;  // the beat is not the first of its packet
    logic [1:0] sink;
    logic [1:0] sink_q;

    assign first = hdr_t'(word[FLIT_W+:HDR_W]);
    assign sink  = behind_q ? sink_q : sink_of(first.op, first.tag[TAG_W-1-:2]);
    /* verilator lint_off UNUSEDSIGNAL */  // only operation and length are looked at
    logic unused;
    /* verilator lint_on UNUSEDSIGNAL */
    assign unused = ^{first, hdr};

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) behind_q <= 1'b0;
      else if (valid && ready) behind_q <= !word[BeatW-1];
    end
    always_ff @(posedge clk_i) sink_q <= sink;

    // Requests wait here, so that answers pass them.
    logic              full;
    logic              empty;
    logic [CountW-1:0] count;

    sp_fifo_block #(
        .WIDTH(BeatW),
        .DEPTH(REQ_FLITS)
    ) i_requests (
        .clk_i,
        .rst_ni,
        .push_i (valid && (sink == Requests)),
        .data_i (word),
        .full_o (full),
        .pop_i  (taken[Requests][p]),
        .data_o (beat[Requests][p]),
        .empty_o(empty),
        .count_o(count)
    );

    assign offered[Requests][p]    = !empty;
    assign offered[Answers][p]     = valid && (sink == Answers);
    assign offered[Collectives][p] = valid && (sink == Collectives);
    assign beat[Answers][p]        = word;
    assign beat[Collectives][p]    = word;
    assign ready = (sink == Requests) ? !full : (sink == Answers) ? taken[Answers][p]
                   : (sink == Collectives) ? taken[Collectives][p] : 1'b1;
    assign ev_stray_o[p] = valid && (sink == Nobody) && word[BeatW-1];

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) rx_vc_room_o[p] <= '0;
      else begin
        rx_vc_room_o[p]         <= '1;
        rx_vc_room_o[p][VC_REQ] <= count <= CountW'(REQ_FLITS - Slack - Longest);
      end
    end
  end

  for (genvar k = 0; k < 3; k++) begin : g_sink
    logic [N_PLANES-1:0] grant;
    logic [N_PLANES-1:0] lock_q;
    logic [N_PLANES-1:0] from;

    sp_rr_arbiter #(
        .N(N_PLANES)
    ) i_arbiter (
        .clk_i,
        .rst_ni,
        .req_i    (offered[k]),
        .advance_i(lock_q == '0),
        .gnt_o    (grant)
    );

    assign from          = (lock_q != '0) ? lock_q : grant;
    assign m_tvalid_o[k] = (from & offered[k]) != '0;
    assign taken[k]      = from & offered[k] & {N_PLANES{m_tready_i[k]}};

    always_comb begin
      // Without a beat that of the first plane is shown, for nobody: no gate where there is one
      // plane.
      {m_tlast_o[k], m_void_o[k], m_tuser_o[k], m_tdata_o[k]} = beat[k][0];
      m_plane_o[k] = '0;
      for (int unsigned p = 1; p < N_PLANES; p++) begin
        if (from[p]) begin
          {m_tlast_o[k], m_void_o[k], m_tuser_o[k], m_tdata_o[k]} = beat[k][p];
          m_plane_o[k] = PlaneW'(p);
        end
      end
    end

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) lock_q <= '0;
      else lock_q <= (m_tvalid_o[k] && m_tready_i[k] && m_tlast_o[k]) ? '0 : from;
    end
  end

endmodule
