// SPDX-License-Identifier: Apache-2.0
//
// The whole switch between sources and sinks in C++ (crossbar_main.cpp). A packet is said by what
// it is to them: source, destination, kind, length, number. Header and payload are made of these
// here, and what comes out is held bit for bit against what the same numbers would make.

module sp_crossbar_bench #(
    /// As in sp_switch_core.
    parameter int unsigned N_PORTS = 16,
    /// As in sp_switch_core.
    parameter int unsigned FLIT_W = 128,
    /// As in sp_switch_core.
    parameter int unsigned ISLIP_ITERS = 4,
    /// As in sp_switch_core.
    parameter int unsigned AUGMENT = 0,
    /// As in sp_switch_core.
    parameter int unsigned VOQ_FLITS = 256,
    /// Flits of a pool that the VOQs of an input share; 0: none. Not with PIPELINED.
    parameter int unsigned VOQ_SHARED = 0,
    /// As in sp_switch_core.
    parameter int unsigned EGRESS_FLITS = 64,
    /// As in sp_switch_core.
    parameter int unsigned N_ENGINES = 1,
    /// As in sp_switch_core.
    parameter int unsigned N_CONTEXTS = 8,
    /// As in sp_switch_core.
    parameter int unsigned N_GROUPS = 64,
    /// As in sp_switch_core.
    parameter int unsigned N_IDS = 16,
    /// As in sp_switch_core.
    parameter bit PIPELINED = 1'b0,
    /// As in sp_switch_core.
    parameter int unsigned COUNTERS = 0,
    /// As in sp_switch_core.
    parameter bit ECC = 1'b0,
    /// As in sp_switch_core.
    parameter bit CUT_THROUGH = 1'b0,
    /// Bit t: the engines have elements of type t.
    parameter int unsigned TYPES = 3,
    /// 1: the engines have sums in the order of members too.
    parameter bit ORDERED = 1'b0,
    /// 1: the engines pass exact sums on unrounded and take such sums; see docs/reduction.md.
    parameter bit PARTIALS = 1'b0,
    /// As in sp_switch_core.
    parameter bit MCAST = 1'b0
) (
    /// Clock.
    input  logic               clk_i,
    /// Reset, active low.
    input  logic               rst_ni,
    /// Register write.
    input  logic               wvalid_i,
    /// Register write: address.
    input  logic [25:0]        waddr_i,
    /// Register write: data.
    input  logic [31:0]        wdata_i,
    /// Register write: answered.
    output logic               bvalid_o,
    /// Register write: the answer.
    output logic [1:0]         bresp_o,

    /// Streams in: valid.
    input  logic [N_PORTS-1:0] s_valid_i,
    /// Streams in: ready.
    output logic [N_PORTS-1:0] s_ready_o,
    /// Streams in: last beat.
    input  logic [N_PORTS-1:0] s_last_i,
    /// Streams in: destination.
    input  logic [13:0]        s_dst_i    [N_PORTS],
    /// Streams in: kind: the VC, or 4 for multicasts of group `dst`.
    input  logic [2:0]         s_kind_i   [N_PORTS],
    /// Streams in: payload units.
    input  logic [4:0]         s_len_i    [N_PORTS],
    /// Streams in: number of the packet in its flow.
    input  logic [63:0]        s_number_i [N_PORTS],
    /// Streams in: beat of the packet.
    input  logic [4:0]         s_beat_i   [N_PORTS],
    /// Streams in: a longest packet of the VC can be taken.
    output logic [3:0]         s_room_o   [N_PORTS],
    /// Streams out: valid.
    output logic [N_PORTS-1:0] m_valid_o,
    /// Streams out: last beat.
    output logic [N_PORTS-1:0] m_last_o,
    /// Streams out: source.
    output logic [13:0]        m_src_o    [N_PORTS],
    /// Streams out: destination.
    output logic [13:0]        m_dst_o    [N_PORTS],
    /// Streams out: kind.
    output logic [2:0]         m_kind_o   [N_PORTS],
    /// Streams out: payload units.
    output logic [4:0]         m_len_o    [N_PORTS],
    /// Streams out: number, that of the first beat on all of them.
    output logic [63:0]        m_number_o [N_PORTS],
    /// Streams out: beat of the packet.
    output logic [4:0]         m_beat_o   [N_PORTS],
    /// Streams out: every bit of the beat follows from the numbers above.
    output logic [N_PORTS-1:0] m_right_o
);
  import sp_pkg::*;

  logic [N_PORTS-1:0][FLIT_W-1:0] s_tdata, m_tdata;
  logic [N_PORTS-1:0][USER_W-1:0] s_tuser, m_tuser;
  logic [N_PORTS-1:0][NUM_VC-1:0] s_vc_room;
  logic                           aw_done_q, w_done_q, awready, wready;
  logic                           irq, arready, rvalid, unused;
  logic [31:0]                    rdata;
  logic [1:0]                     rresp;

  /// What a packet is to sources and sinks.
  typedef struct packed {
    logic [ID_W-1:0]  src;
    logic [ID_W-1:0]  dst;
    logic [2:0]       kind;
    logic [LEN_W-1:0] len;
    logic [63:0]      number;
  } packet_t;

  localparam logic [2:0] Multicast = 3'd4;

  function automatic logic [2:0] kind_of(logic [5:0] op);
    return (op == OP_MCAST_WRITE) ? Multicast : 3'(op_vc(op));
  endfunction

  function automatic hdr_t header(packet_t p);
    header        = '0;
    header.src    = p.src;
    header.dst    = p.dst;
    header.len    = p.len;
    header.tag    = p.number[TAG_W-1:0];
    header.cls    = p.number;
    header.version = VERSION;
    case (p.kind)
      3'(VC_REQ): header.op = (p.len == '0) ? OP_READ : OP_WRITE;
      3'(VC_RSP): header.op = (p.len == '0) ? OP_WRITE_RSP : OP_READ_RSP;
      3'(VC_RED): header.op = OP_ALLREDUCE;  // to a port: a packet like others
      Multicast:  header.op = OP_MCAST_WRITE;
      default:    header.op = (p.len == '0) ? OP_MGT_READ : OP_MGT_WRITE;
    endcase
  endfunction

  // A header alone has a payload that says nothing, and need not come out.
  function automatic logic [FLIT_W-1:0] payload(packet_t p, logic [4:0] beat);
    return {(FLIT_W / 64) {p.number ^ {p.src, p.dst, p.kind, p.len, 23'd0, beat}}};
  endfunction

  for (genvar i = 0; i < N_PORTS; i++) begin : g_port
    packet_t    sent, came, came_q;
    hdr_t       hdr;
    logic       err;
    logic       first;
    logic [4:0] beat_q;

    assign sent        = '{src: ID_W'(i), dst: s_dst_i[i], kind: s_kind_i[i], len: s_len_i[i],
                           number: s_number_i[i]};
    assign s_tdata[i]  = payload(sent, s_beat_i[i]);
    assign s_tuser[i]  = {1'b0, header(sent)};
    assign s_room_o[i] = s_vc_room[i];

    assign {err, hdr} = m_tuser[i];
    assign first      = beat_q == '0;
    assign came       = first ? '{src: hdr.src, dst: hdr.dst, kind: kind_of(hdr.op), len: hdr.len,
                                  number: hdr.cls}
                              : came_q;
    assign {m_src_o[i], m_dst_o[i], m_kind_o[i], m_len_o[i], m_number_o[i]} = came;
    assign m_beat_o[i]  = beat_q;
    assign m_right_o[i] = !err && (!first || hdr == header(came))
                          && (came.len == '0 || m_tdata[i] == payload(came, beat_q));

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) beat_q <= '0;
      else if (m_valid_o[i]) beat_q <= m_last_o[i] ? '0 : beat_q + 5'd1;
    end

    always_ff @(posedge clk_i) if (m_valid_o[i] && first) came_q <= came;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      aw_done_q <= 1'b0;
      w_done_q  <= 1'b0;
    end else begin
      aw_done_q <= wvalid_i && (aw_done_q || awready) && !bvalid_o;
      w_done_q  <= wvalid_i && (w_done_q || wready) && !bvalid_o;
    end
  end

  sp_switch_core #(
      .N_PORTS     (N_PORTS),
      .FLIT_W      (FLIT_W),
      .ISLIP_ITERS (ISLIP_ITERS),
      .AUGMENT     (AUGMENT),
      .VOQ_FLITS   (VOQ_FLITS),
      .VOQ_SHARED  (VOQ_SHARED),
      .EGRESS_FLITS(EGRESS_FLITS),
      .N_ENGINES   (N_ENGINES),
      .N_CONTEXTS  (N_CONTEXTS),
      .N_GROUPS    (N_GROUPS),
      .N_IDS       (N_IDS),
      .PIPELINED   (PIPELINED),
      .COUNTERS    (COUNTERS),
      .ECC         (ECC),
      .CUT_THROUGH (CUT_THROUGH),
      .TYPES       (TYPES),
      .ORDERED     (ORDERED),
      .PARTIALS    (PARTIALS),
      .MCAST       (MCAST)
  ) i_dut (
      .clk_i,
      .rst_ni,
      .s_axis_tvalid_i(s_valid_i),
      .s_axis_tready_o(s_ready_o),
      .s_axis_tdata_i (s_tdata),
      .s_axis_tuser_i (s_tuser),
      .s_axis_tlast_i (s_last_i),
      .s_vc_room_o    (s_vc_room),
      .m_axis_tvalid_o(m_valid_o),
      .m_axis_tready_i('1),
      .m_axis_tdata_o (m_tdata),
      .m_axis_tuser_o (m_tuser),
      .m_axis_tlast_o (m_last_o),
      .m_vc_room_i    ('1),
      .link_down_i    ('0),
      .irq_o          (irq),
      .csr_awvalid_i  (wvalid_i && !aw_done_q),
      .csr_awready_o  (awready),
      .csr_awaddr_i   (waddr_i),
      .csr_awprot_i   ('0),
      .csr_wvalid_i   (wvalid_i && !w_done_q),
      .csr_wready_o   (wready),
      .csr_wdata_i    (wdata_i),
      .csr_wstrb_i    ('1),
      .csr_bvalid_o   (bvalid_o),
      .csr_bready_i   (1'b1),
      .csr_bresp_o    (bresp_o),
      .csr_arvalid_i  (1'b0),
      .csr_arready_o  (arready),
      .csr_araddr_i   ('0),
      .csr_arprot_i   ('0),
      .csr_rvalid_o   (rvalid),
      .csr_rready_i   (1'b1),
      .csr_rdata_o    (rdata),
      .csr_rresp_o    (rresp)
  );

  assign unused = &{1'b0, irq, arready, rvalid, rdata, rresp};

endmodule
