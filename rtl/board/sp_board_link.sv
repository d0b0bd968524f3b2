// SPDX-License-Identifier: Apache-2.0
//
// A pair of linked ends between a port of the board and the switch, and the wires between the two:
//
//   port of the board <--> end 0 (sp_link_port) <== wire ==> end 1 (sp_link_port) <--> switch
//
// Each end has registers (sp_link_csr). All has one clock. Guarantees are those of the link; the
// wire takes a cycle and changes nothing, unless an end's `control.silent` takes the signal away.

module sp_board_link #(
    /// Bits of a flit.
    parameter int unsigned FLIT_W = 128,
    /// Units of the longest frame.
    parameter int unsigned FRAME_UNITS = 32,
    /// Bits of a sequence number.
    parameter int unsigned SEQ_W = 6,
    /// Beats of the replay memory of an end, a power of two.
    parameter int unsigned REPLAY_BEATS = 128,
    /// R(v) of both ends, VC 0 lowest.
    parameter logic [sp_pkg::NUM_VC-1:0][sp_link_pkg::RESERVED_W-1:0] RESERVED = {4{12'd20}},
    /// S of both ends.
    parameter int unsigned SHARED = 44,
    localparam int unsigned AddrW = 8
) (
    /// Clock.
    input  logic                          clk_i,
    /// Reset of the registers, active low, asynchronous.
    input  logic                          rst_ni,
    /// Reset of the link, active low: with the switch.
    input  logic                          core_rst_ni,

    /// By end, AXI4-Lite write address: valid.
    input  logic [1:0]                    csr_awvalid_i,
    /// By end, AXI4-Lite write address: ready.
    output logic [1:0]                    csr_awready_o,
    /// To both, AXI4-Lite write address.
    input  logic [AddrW-1:0]              csr_awaddr_i,
    /// To both, AXI4-Lite write address: protection, ignored.
    input  logic [2:0]                    csr_awprot_i,
    /// By end, AXI4-Lite write data: valid.
    input  logic [1:0]                    csr_wvalid_i,
    /// By end, AXI4-Lite write data: ready.
    output logic [1:0]                    csr_wready_o,
    /// To both, AXI4-Lite write data.
    input  logic [31:0]                   csr_wdata_i,
    /// To both, AXI4-Lite write data: bytes that count.
    input  logic [3:0]                    csr_wstrb_i,
    /// By end, AXI4-Lite write response: valid.
    output logic [1:0]                    csr_bvalid_o,
    /// By end, AXI4-Lite write response: ready.
    input  logic [1:0]                    csr_bready_i,
    /// By end, AXI4-Lite write response.
    output logic [1:0][1:0]               csr_bresp_o,
    /// By end, AXI4-Lite read address: valid.
    input  logic [1:0]                    csr_arvalid_i,
    /// By end, AXI4-Lite read address: ready.
    output logic [1:0]                    csr_arready_o,
    /// To both, AXI4-Lite read address.
    input  logic [AddrW-1:0]              csr_araddr_i,
    /// To both, AXI4-Lite read address: protection, ignored.
    input  logic [2:0]                    csr_arprot_i,
    /// By end, AXI4-Lite read data: valid.
    output logic [1:0]                    csr_rvalid_o,
    /// By end, AXI4-Lite read data: ready.
    input  logic [1:0]                    csr_rready_i,
    /// By end, AXI4-Lite read data.
    output logic [1:0][31:0]              csr_rdata_o,
    /// By end, AXI4-Lite read data: response.
    output logic [1:0][1:0]               csr_rresp_o,

    /// By end, stream into the link: valid.
    input  logic [1:0]                    s_tvalid_i,
    /// By end, stream into the link: ready.
    output logic [1:0]                    s_tready_o,
    /// By end, stream into the link: payload.
    input  logic [1:0][FLIT_W-1:0]        s_tdata_i,
    /// By end, stream into the link: {error mark, header}.
    input  logic [1:0][sp_pkg::USER_W-1:0] s_tuser_i,
    /// By end, stream into the link: last beat.
    input  logic [1:0]                    s_tlast_i,
    /// By end and VC: a longest packet has room at the other end.
    output logic [1:0][sp_pkg::NUM_VC-1:0] s_room_o,
    /// By end, stream out of the link: valid.
    output logic [1:0]                    m_tvalid_o,
    /// By end, stream out of the link: ready.
    input  logic [1:0]                    m_tready_i,
    /// By end, stream out of the link: payload.
    output logic [1:0][FLIT_W-1:0]        m_tdata_o,
    /// By end, stream out of the link: {error mark, header}.
    output logic [1:0][sp_pkg::USER_W-1:0] m_tuser_o,
    /// By end, stream out of the link: last beat.
    output logic [1:0]                    m_tlast_o,
    /// By end and VC: the receiver lets a packet start.
    input  logic [1:0][sp_pkg::NUM_VC-1:0] m_room_i,
    /// By end: it keeps what it is given, now or when it has trained again.
    output logic [1:0]                    up_o
);

  import sp_pkg::*;
  import sp_link_pkg::*;

  localparam int unsigned K = FLIT_W / UNIT_W;

  // Both ends give the same: counts of what is used need no more bits than that.
  localparam int unsigned UsedW = used_w();

  function automatic int unsigned used_w();
    int unsigned most;
    most = SHARED;
    for (int unsigned v = 0; v < NUM_VC; v++) if (32'(RESERVED[v]) > most) most = 32'(RESERVED[v]);
    return (most < 64) ? 7 : (most < 2 ** (COUNT_W - 1)) ? $clog2(most + 1) + 1 : COUNT_W;
  endfunction

  logic [1:0][K-1:0][MARK_W-1:0] tx_mark, wire_mark_q;
  logic [1:0][K-1:0][UNIT_W-1:0] tx_unit, wire_unit_q;
  logic [1:0][K-1:0]             tx_valid, wire_valid_q;

  for (genvar e = 0; e < 2; e++) begin : g_end
    sp_link_end #(
        .FLIT_W      (FLIT_W),
        .FRAME_UNITS (FRAME_UNITS),
        .SEQ_W       (SEQ_W),
        .REPLAY_BEATS(REPLAY_BEATS),
        .RESERVED    (RESERVED),
        .SHARED      (SHARED),
        .USED_W      (UsedW)
    ) i_end (
        .clk_i,
        .rx_clk_i     (clk_i),
        .rst_ni,
        .core_rst_ni,
        .csr_awvalid_i(csr_awvalid_i[e]),
        .csr_awready_o(csr_awready_o[e]),
        .csr_awaddr_i,
        .csr_awprot_i,
        .csr_wvalid_i (csr_wvalid_i[e]),
        .csr_wready_o (csr_wready_o[e]),
        .csr_wdata_i,
        .csr_wstrb_i,
        .csr_bvalid_o (csr_bvalid_o[e]),
        .csr_bready_i (csr_bready_i[e]),
        .csr_bresp_o  (csr_bresp_o[e]),
        .csr_arvalid_i(csr_arvalid_i[e]),
        .csr_arready_o(csr_arready_o[e]),
        .csr_araddr_i,
        .csr_arprot_i,
        .csr_rvalid_o (csr_rvalid_o[e]),
        .csr_rready_i (csr_rready_i[e]),
        .csr_rdata_o  (csr_rdata_o[e]),
        .csr_rresp_o  (csr_rresp_o[e]),
        .s_tvalid_i   (s_tvalid_i[e]),
        .s_tready_o   (s_tready_o[e]),
        .s_tdata_i    (s_tdata_i[e]),
        .s_tuser_i    (s_tuser_i[e]),
        .s_tlast_i    (s_tlast_i[e]),
        .s_room_o     (s_room_o[e]),
        .m_tvalid_o   (m_tvalid_o[e]),
        .m_tready_i   (m_tready_i[e]),
        .m_tdata_o    (m_tdata_o[e]),
        .m_tuser_o    (m_tuser_o[e]),
        .m_tlast_o    (m_tlast_o[e]),
        .m_room_i     (m_room_i[e]),
        .tx_mark_o    (tx_mark[e]),
        .tx_unit_o    (tx_unit[e]),
        .tx_valid_o   (tx_valid[e]),
        .rx_valid_i   (wire_valid_q[1-e]),
        .rx_mark_i    (wire_mark_q[1-e]),
        .rx_unit_i    (wire_unit_q[1-e]),
        .up_o         (up_o[e])
    );
  end

  // The wires.
  always_ff @(posedge clk_i or negedge core_rst_ni) begin
    if (!core_rst_ni) wire_valid_q <= '0;
    else wire_valid_q <= tx_valid;
  end

  always_ff @(posedge clk_i) begin
    wire_mark_q <= tx_mark;
    wire_unit_q <= tx_unit;
  end

endmodule
