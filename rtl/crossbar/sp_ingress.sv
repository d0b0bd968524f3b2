// SPDX-License-Identifier: Apache-2.0
//
// One external input: takes a packet stream, checks each packet, routes it and queues it whole.
// Guarantees: every packet that comes in leaves exactly once, either as it came or as an error
// answer through the port it came from; only refused responses are dropped, and counted, since an
// answer to an answer could circle for ever. A malformed packet changes nothing else. A stream is
// never stopped for longer than its queue, or the answers' queue of its own port, is full.
//
// A flit that comes in cycle 0 of an idle switch leaves it in cycle 4. PIPELINED: in cycle 10,
// since input, checks, room, request, length and egress have a cycle of their own.

module sp_ingress #(
    /// Outputs, external ports first, then engines.
    parameter int unsigned N_OUT = 5,
    /// External ports.
    parameter int unsigned N_PORTS = 4,
    /// Bits of a flit.
    parameter int unsigned FLIT_W = 128,
    /// Flits of each queue.
    parameter int unsigned VOQ_FLITS = 32,
    /// Destination IDs with a forwarding entry.
    parameter int unsigned N_IDS = 16,
    /// 1: registers between the steps of a cycle, for FPGAs; see docs/crossbar.md.
    parameter bit PIPELINED = 1'b0,
    localparam int unsigned OutW = $clog2(N_OUT),
    localparam int unsigned AddrW = $clog2(N_IDS),
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

    /// Queues with a packet to send: by VC, a bit for each output.
    output logic [N_OUT-1:0]          ready_o [sp_pkg::NUM_VC],
    /// A packet can be started.
    output logic                      idle_o,
    /// The packet on its way leaves its output to one that is started now.
    output logic                      ends_o,
    /// Last flit of the packet is being read.
    output logic                      last_o,
    /// Start a packet.
    input  logic                      start_i,
    /// Its VC.
    input  logic [1:0]                start_vc_i,
    /// Its output.
    input  logic [OutW-1:0]           start_out_i,
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
    /// Payload.
    output logic [FLIT_W-1:0]         flit_data_o,

    /// Event: a beat was taken.
    output logic                      ev_beat_o,
    /// Event: the last beat of a packet was taken.
    output logic                      ev_packet_o,
    /// Event: a beat is held up.
    output logic                      ev_stall_o,
    /// Event: a packet was refused.
    output logic                      ev_refused_o,
    /// Why, with ev_refused_o.
    output logic [3:0]                ev_status_o,
    /// Event: it was dropped without an answer.
    output logic                      ev_dropped_o
);
  /* verilator no_inline_module */  // one C++ body for all ports

  import sp_pkg::*;

  localparam int unsigned UnitsPerFlit = FLIT_W / UNIT_W;
  localparam int unsigned PtrW = $clog2(VOQ_FLITS);

  if (FLIT_W != 128 && FLIT_W != 256 && FLIT_W != 512) begin : g_bad_width
    $fatal(1, "sp_ingress: FLIT_W = %0d is not 128, 256 or 512", FLIT_W);
  end

  localparam int unsigned BeatW = 1 + USER_W + FLIT_W;
  localparam int unsigned LookW = 4 + OutW + LEN_W;

  // --------------------------------------------------------------------------------- beat in

  logic              valid;
  logic              ready;
  logic              last;
  logic              err;
  hdr_t              beat_hdr;
  logic [FLIT_W-1:0] data;

  // What a header says, on a first beat.
  /* verilator lint_off UNUSEDSIGNAL */  // what is not looked at goes with the beat
  hdr_t             look_hdr;    // the header that is looked at
  /* verilator lint_on UNUSEDSIGNAL */
  logic [3:0]       look_status;
  logic [OutW-1:0]  look_out;
  logic [LEN_W-1:0] look_flits;
  logic [3:0]       first_status;
  logic [OutW-1:0]  route_out;
  logic [LEN_W-1:0] first_flits;

  if (PIPELINED) begin : g_stages
    logic              in_valid, in_ready;
    logic              skid_valid, skid_ready;
    logic [BeatW-1:0]  in_beat;
    logic [LookW+BeatW-1:0] skid_beat;

    sp_stage #(
        .WIDTH(BeatW)
    ) i_in (
        .clk_i,
        .rst_ni,
        .valid_i(s_tvalid_i),
        .ready_o(s_tready_o),
        .data_i ({s_tlast_i, s_tuser_i, s_tdata_i}),
        .valid_o(in_valid),
        .ready_i(in_ready),
        .data_o (in_beat)
    );

    assign look_hdr = in_beat[FLIT_W+:$bits(hdr_t)];

    sp_skid_buffer #(
        .WIDTH(LookW + BeatW)
    ) i_skid (
        .clk_i,
        .rst_ni,
        .valid_i(in_valid),
        .ready_o(in_ready),
        .data_i ({look_status, look_out, look_flits, in_beat}),
        .valid_o(skid_valid),
        .ready_i(skid_ready),
        .data_o (skid_beat)
    );

    sp_stage #(
        .WIDTH(LookW + BeatW)
    ) i_looked (
        .clk_i,
        .rst_ni,
        .valid_i(skid_valid),
        .ready_o(skid_ready),
        .data_i (skid_beat),
        .valid_o(valid),
        .ready_i(ready),
        .data_o ({first_status, route_out, first_flits, last, err, beat_hdr, data})
    );
  end else begin : g_skid
    sp_skid_buffer #(
        .WIDTH(BeatW)
    ) i_skid (
        .clk_i,
        .rst_ni,
        .valid_i(s_tvalid_i),
        .ready_o(s_tready_o),
        .data_i ({s_tlast_i, s_tuser_i, s_tdata_i}),
        .valid_o(valid),
        .ready_i(ready),
        .data_o ({last, err, beat_hdr, data})
    );

    assign look_hdr     = beat_hdr;
    assign first_status = look_status;
    assign route_out    = look_out;
    assign first_flits  = look_flits;
  end

  // ------------------------------------------------------------------- checks on the first beat

  logic in_packet_q;  // the next beat is not a first one
  logic route_hit;

  sp_route #(
      .N_OUT(N_OUT),
      .N_IDS(N_IDS)
  ) i_route (
      .clk_i,
      .rst_ni,
      .we_i        (fwd_we_i),
      .addr_i      (fwd_addr_i),
      .valid_i     (fwd_valid_i),
      .paths_log2_i(fwd_paths_log2_i),
      .out_i       (fwd_out_i),
      .src_i       (look_hdr.src),
      .dst_i       (look_hdr.dst),
      .hit_o       (route_hit),
      .out_o       (look_out)
  );

  always_comb begin
    look_status = ST_OK;
    if (look_hdr.version != VERSION) look_status = ST_VERSION;
    else if (!op_known(look_hdr.op)) look_status = ST_OP;
    else if (!len_legal(look_hdr.op, look_hdr.len)) look_status = ST_LEN;
    else if (!route_hit) look_status = ST_DST;
    // Only contributions have business with an engine.
    else if (32'(look_out) >= N_PORTS && op_vc(look_hdr.op) != VC_RED) look_status = ST_OP;
    look_flits = num_flits(look_hdr.len, look_hdr.ext, UnitsPerFlit);
  end

  // ----------------------------------------------------------- the packet, on all of its beats

  hdr_t             hdr_q;
  logic [3:0]       status_q;
  logic [OutW-1:0]  out_q;
  logic [LEN_W-1:0] flits_q;   // flits that the header announces
  logic [LEN_W-1:0] offset_q;  // beats taken, stops at the greatest value

  hdr_t             hdr;
  logic [3:0]       status;    // as far as known before the last beat
  logic [OutW-1:0]  out;
  logic [LEN_W-1:0] flits;
  logic [LEN_W-1:0] offset;

  assign hdr    = in_packet_q ? hdr_q : beat_hdr;
  assign status = in_packet_q ? status_q : first_status;
  assign out    = in_packet_q ? out_q : route_out;
  assign flits  = in_packet_q ? flits_q : first_flits;
  assign offset = in_packet_q ? offset_q : '0;

  logic             due_q;     // this beat is the last one that the header announces
  logic             over_q;    // it has come before
  logic             due;
  logic             refuse;    // with the last beat: the packet is refused
  logic [3:0]       reason;
  logic             answer;    // a refused packet is answered
  logic             room;
  logic             take;

  assign due    = in_packet_q ? due_q : first_flits == LEN_W'(1);
  assign refuse = last && ((status != ST_OK) || !due);
  assign reason = (status != ST_OK) ? status : ST_LEN;
  assign answer = refuse && (op_vc(hdr.op) != VC_RSP);

  // ------------------------------------------------------------------------------------ queues

  logic [PtrW:0]    queue_free;
  logic [1:0]       queue_vc;
  logic [OutW-1:0]  queue_out;
  logic [1:0]       open_vc_q;
  logic [OutW-1:0]  open_out_q;
  logic             opens;     // the packet takes room in a queue

  // With the last beat of a refused packet the answer is written instead, in another queue.
  assign queue_vc  = answer ? VC_RSP : op_vc(hdr.op);
  assign queue_out = answer ? own_i : out;

  // Room for the whole packet is there before its first beat is taken. A refused packet needs none
  // but for its answer.
  logic needs;  // this beat is taken only if there is room

  assign needs = answer || (!in_packet_q && status == ST_OK);
  assign room  = queue_free >= (answer ? (PtrW + 1)'(1) : (PtrW + 1)'(flits));

  if (PIPELINED) begin : g_room
    // Room that was there a cycle ago is there still: this port alone writes the queue.
    logic room_q;
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) room_q <= 1'b0;
      else room_q <= valid && needs && room && !take;
    end
    assign ready = !needs || room_q;
  end else begin : g_room
    assign ready = !needs || room;
  end

  assign take  = valid && ready;
  assign opens = valid && (status == ST_OK) && !refuse;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      in_packet_q <= 1'b0;
      open_vc_q   <= '0;
      open_out_q  <= '0;
    end else begin
      if (take) in_packet_q <= !last;
      if (opens) begin
        open_vc_q  <= op_vc(hdr.op);
        open_out_q <= out;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (take) begin
      offset_q <= (offset == '1) ? offset : offset + LEN_W'(1);
      due_q    <= (LEN_W + 1)'(offset) + (LEN_W + 1)'(2) == (LEN_W + 1)'(flits);
      over_q   <= due || (in_packet_q && over_q);
      if (!in_packet_q) begin
        hdr_q    <= beat_hdr;
        status_q <= first_status;
        out_q    <= route_out;
        flits_q  <= flits;
      end
    end
  end

  sp_voq #(
      .N_OUT    (N_OUT),
      .N_PORTS  (N_PORTS),
      .FLIT_W   (FLIT_W),
      .DEPTH    (VOQ_FLITS),
      .PIPELINED(PIPELINED)
  ) i_voq (
      .clk_i,
      .rst_ni,
      .own_i,
      .wr_vc_i       (queue_vc),
      .wr_out_i      (queue_out),
      .wr_free_o     (queue_free),
      .wr_valid_i    (take && (answer || (status == ST_OK && !(in_packet_q && over_q)))),
      .wr_offset_i   (answer ? '0 : offset),
      .wr_hdr_i      (answer ? error_answer(hdr, reason) : hdr),
      .wr_data_i     (answer ? '0 : data),
      .wr_err_i      (err && last && !answer),
      .commit_i      (take && last && (answer || !refuse)),
      .commit_flits_i(answer ? LEN_W'(1) : flits),
      .open_i        (opens),
      .open_vc_i     (opens ? op_vc(hdr.op) : open_vc_q),
      .open_out_i    (opens ? out : open_out_q),
      .open_flits_i  (flits),
      .vc_room_o     (s_vc_room_o),
      .ready_o,
      .idle_o,
      .ends_o,
      .last_o,
      .start_i,
      .start_vc_i,
      .start_out_i,
      .head_valid_o,
      .head_hdr_o,
      .flit_valid_o,
      .flit_first_o,
      .flit_last_o,
      .flit_err_o,
      .flit_vc_o,
      .flit_hdr_o,
      .flit_data_o
  );

  assign ev_beat_o    = take;
  assign ev_packet_o  = take && last;
  assign ev_stall_o   = valid && !ready;
  assign ev_refused_o = take && refuse;
  assign ev_status_o  = reason;
  assign ev_dropped_o = take && refuse && !answer;

endmodule
