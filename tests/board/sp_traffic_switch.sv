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
    /// Generators: packets.
    output logic [N_PORTS-1:0][31:0] sent_packets_o,
    /// Generators: beats.
    output logic [N_PORTS-1:0][31:0] sent_flits_o,
    /// Checkers: packets.
    output logic [N_PORTS-1:0][31:0] packets_o,
    /// Checkers: beats.
    output logic [N_PORTS-1:0][31:0] flits_o,
    /// Checkers: packets by source.
    output logic [N_PORTS-1:0][N_PORTS-1:0][31:0] from_o,
    /// Checkers: errors in the order of their codes.
    output logic [N_PORTS-1:0][5:0][31:0] errors_o,
    /// Checkers: least latency.
    output logic [N_PORTS-1:0][15:0] latency_min_o,
    /// Checkers: greatest latency.
    output logic [N_PORTS-1:0][15:0] latency_max_o,
    /// Checkers: signatures.
    output logic [N_PORTS-1:0][31:0] signature_o,

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

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) cycle_o <= '0;
    else cycle_o <= cycle_o + 1;
  end

  for (genvar p = 0; p < N_PORTS; p++) begin : gen_port
    logic [31:0] from [N_PORTS];

    for (genvar q = 0; q < N_PORTS; q++) begin : gen_from
      assign from_o[p][q] = from[q];
    end

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
        .now_i         (cycle_o[15:0]),
        .m_tvalid_o    (s_tvalid[p]),
        .m_tready_i    (s_tready[p]),
        .m_tdata_o     (s_tdata[p]),
        .m_tuser_o     (s_tuser[p]),
        .m_tlast_o     (s_tlast[p]),
        .vc_room_i     (room[p]),
        .done_o        (done_o[p]),
        .sent_packets_o(sent_packets_o[p]),
        .sent_flits_o  (sent_flits_o[p])
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
        .packets_o       (packets_o[p]),
        .flits_o         (flits_o[p]),
        .from_o          (from),
        .error_sequence_o(errors_o[p][0]),
        .error_payload_o (errors_o[p][1]),
        .error_header_o  (errors_o[p][2]),
        .error_length_o  (errors_o[p][3]),
        .error_mark_o    (errors_o[p][4]),
        .foreign_o       (errors_o[p][5]),
        .latency_min_o   (latency_min_o[p]),
        .latency_max_o   (latency_max_o[p]),
        .latency_sum_o   (),
        .signature_o     (signature_o[p]),
        .first_valid_o   (),
        .first_kind_o    (),
        .first_hdr_o     (),
        .first_beat_o    (),
        .first_expected_o(),
        .first_seen_o    ()
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

endmodule
