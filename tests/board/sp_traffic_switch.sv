// SPDX-License-Identifier: Apache-2.0
//
// The switch with a generator and a checker at each port, as on a board.
module sp_traffic_switch #(
    /// Ports.
    parameter int unsigned N_PORTS = 4,
    /// Bits of a flit.
    parameter int unsigned FLIT_W = 128,
    localparam int unsigned PW = $clog2(N_PORTS)
) (
    /// Clock.
    input  logic                     clk_i,
    /// Reset, active low.
    input  logic                     rst_ni,
    /// Generators run.
    input  logic [N_PORTS-1:0]       run_i,
    /// Packets of each.
    input  logic [31:0]              count_i,
    /// Destinations.
    input  logic [N_PORTS-1:0][1:0]  dst_mode_i,
    /// Destinations of mode 0.
    input  logic [N_PORTS-1:0][PW-1:0] dst_i,
    /// Shortest.
    input  logic [N_PORTS-1:0][4:0]  len_min_i,
    /// Longest.
    input  logic [N_PORTS-1:0][4:0]  len_max_i,
    /// Operations.
    input  logic [N_PORTS-1:0][2:0]  op_mask_i,
    /// Idle cycles.
    input  logic [N_PORTS-1:0][15:0] gap_i,
    /// Seed of all.
    input  logic [31:0]              seed_i,
    /// Checkers: clear.
    input  logic                     clear_i,
    /// Checkers: how often, in 256ths, they hold.
    input  logic [N_PORTS-1:0][7:0]  stall_p_i,
    /// Generators are done.
    output logic [N_PORTS-1:0]       done_o,
    /// Cycle.
    output logic [31:0]              cycle_o,
    /// Times that all words of all ports were read.
    output logic [N_PORTS-1:0][31:0] rounds_o,
    /// Words of the ports, as a host reads them.
    output logic [N_PORTS-1:0][N_PORTS+'h24-1:0][31:0] words_o,

    /// AXI4-Lite.
    input  logic                     csr_awvalid_i,
    /// AXI4-Lite.
    output logic                     csr_awready_o,
    /// AXI4-Lite.
    input  logic [25:0]              csr_awaddr_i,
    /// AXI4-Lite.
    input  logic [2:0]               csr_awprot_i,
    /// AXI4-Lite.
    input  logic                     csr_wvalid_i,
    /// AXI4-Lite.
    output logic                     csr_wready_o,
    /// AXI4-Lite.
    input  logic [31:0]              csr_wdata_i,
    /// AXI4-Lite.
    input  logic [3:0]               csr_wstrb_i,
    /// AXI4-Lite.
    output logic                     csr_bvalid_o,
    /// AXI4-Lite.
    input  logic                     csr_bready_i,
    /// AXI4-Lite.
    output logic [1:0]               csr_bresp_o,
    /// AXI4-Lite.
    input  logic                     csr_arvalid_i,
    /// AXI4-Lite.
    output logic                     csr_arready_o,
    /// AXI4-Lite.
    input  logic [25:0]              csr_araddr_i,
    /// AXI4-Lite.
    input  logic [2:0]               csr_arprot_i,
    /// AXI4-Lite.
    output logic                     csr_rvalid_o,
    /// AXI4-Lite.
    input  logic                     csr_rready_i,
    /// AXI4-Lite.
    output logic [31:0]              csr_rdata_o,
    /// AXI4-Lite.
    output logic [1:0]               csr_rresp_o
);

  import sp_pkg::*;

  logic [N_PORTS-1:0]             s_tvalid, s_tready, s_tlast, m_tvalid, m_tready, m_tlast;
  logic [N_PORTS-1:0][FLIT_W-1:0] s_tdata, m_tdata;
  logic [N_PORTS-1:0][USER_W-1:0] s_tuser, m_tuser;
  logic [N_PORTS-1:0][NUM_VC-1:0] room;
  logic                           irq;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) cycle_o <= '0;
    else cycle_o <= cycle_o + 1;
  end

  for (genvar p = 0; p < N_PORTS; p++) begin : gen_port
    logic               zero, ev_sent_packet, ev_sent_flit;
    logic               clear, ev_packet, ev_flit, ev_latency, first_valid;
    logic [N_PORTS-1:0] ev_from;
    logic [5:0]         ev_error;
    logic [15:0]        latency_min, latency_max, latency_sum;
    logic [31:0]        signature, first_word;
    logic [2:0]         first_kind;
    logic [4:0]         first_beat;
    logic [3:0]         first_sel;

    sp_traffic_gen #(
        .N_PORTS(N_PORTS),
        .FLIT_W (FLIT_W)
    ) i_gen (
        .clk_i,
        .rst_ni,
        .own_i         (PW'(p)),
        .run_i         (run_i[p]),
        .count_i,
        .dst_mode_i    (dst_mode_i[p]),
        .dst_i         (dst_i[p]),
        .len_min_i     (len_min_i[p]),
        .len_max_i     (len_max_i[p]),
        .op_mask_i     (op_mask_i[p]),
        .gap_i         (gap_i[p]),
        .seed_i,
        .next_i        (cycle_o[15:0] + 16'd1),
        .m_tvalid_o    (s_tvalid[p]),
        .m_tready_i    (s_tready[p]),
        .m_tdata_o     (s_tdata[p]),
        .m_tuser_o     (s_tuser[p]),
        .m_tlast_o     (s_tlast[p]),
        .vc_room_i     (room[p]),
        .done_o        (done_o[p]),
        .zero_o        (zero),
        .ev_packet_o   (ev_sent_packet),
        .ev_flit_o     (ev_sent_flit)
    );

    sp_traffic_check #(
        .N_PORTS(N_PORTS),
        .FLIT_W (FLIT_W)
    ) i_check (
        .clk_i,
        .rst_ni,
        .own_i           (PW'(p)),
        .clear_i,
        .stall_p_i       (stall_p_i[p]),
        .seed_i          (seed_i + 32'(p)),
        .now_i           (cycle_o[15:0]),
        .s_tvalid_i      (m_tvalid[p]),
        .s_tready_o      (m_tready[p]),
        .s_tdata_i       (m_tdata[p]),
        .s_tuser_i       (m_tuser[p]),
        .s_tlast_i       (m_tlast[p]),
        .clear_o         (clear),
        .ev_packet_o     (ev_packet),
        .ev_flit_o       (ev_flit),
        .ev_from_o       (ev_from),
        .ev_error_o      (ev_error),
        .ev_latency_o    (ev_latency),
        .latency_min_o   (latency_min),
        .latency_max_o   (latency_max),
        .latency_sum_o   (latency_sum),
        .signature_o     (signature),
        .first_valid_o   (first_valid),
        .first_kind_o    (first_kind),
        .first_beat_o    (first_beat),
        .first_sel_i     (first_sel),
        .first_word_o    (first_word)
    );

    sp_traffic_reader #(
        .N_PORTS(N_PORTS)
    ) i_reader (
        .clk_i,
        .rst_ni,
        .zero_i          (zero),
        .ev_sent_packet_i(ev_sent_packet),
        .ev_sent_flit_i  (ev_sent_flit),
        .clear_i         (clear),
        .ev_packet_i     (ev_packet),
        .ev_flit_i       (ev_flit),
        .ev_from_i       (ev_from),
        .ev_error_i      (ev_error),
        .ev_latency_i    (ev_latency),
        .latency_min_i   (latency_min),
        .latency_max_i   (latency_max),
        .latency_sum_i   (latency_sum),
        .signature_i     (signature),
        .first_valid_i   (first_valid),
        .first_kind_i    (first_kind),
        .first_beat_i    (first_beat),
        .first_sel_o     (first_sel),
        .first_word_i    (first_word),
        .rounds_o        (rounds_o[p]),
        .words_o         (words_o[p])
    );
  end

  sp_switch_core #(
      .N_PORTS(N_PORTS),
      .FLIT_W (FLIT_W)
  ) i_core (
      .clk_i,
      .rst_ni,
      .s_axis_tvalid_i(s_tvalid),
      .s_axis_tready_o(s_tready),
      .s_axis_tdata_i (s_tdata),
      .s_axis_tuser_i (s_tuser),
      .s_axis_tlast_i (s_tlast),
      .s_vc_room_o    (room),
      .m_axis_tvalid_o(m_tvalid),
      .m_axis_tready_i(m_tready),
      .m_axis_tdata_o (m_tdata),
      .m_axis_tuser_o (m_tuser),
      .m_axis_tlast_o (m_tlast),
      .m_vc_room_i    ('1),
      .link_down_i    ('0),
      .irq_o          (irq),
      .csr_awvalid_i,
      .csr_awready_o,
      .csr_awaddr_i,
      .csr_awprot_i,
      .csr_wvalid_i,
      .csr_wready_o,
      .csr_wdata_i,
      .csr_wstrb_i,
      .csr_bvalid_o,
      .csr_bready_i,
      .csr_bresp_o,
      .csr_arvalid_i,
      .csr_arready_o,
      .csr_araddr_i,
      .csr_arprot_i,
      .csr_rvalid_o,
      .csr_rready_i,
      .csr_rdata_o,
      .csr_rresp_o
  );

  logic unused;
  assign unused = &{1'b0, irq};

endmodule
