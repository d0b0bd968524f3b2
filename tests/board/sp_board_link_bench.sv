// SPDX-License-Identifier: Apache-2.0
//
// A pair of linked ends with a source and a sink at each, for test_board_link.py. Sources number their
// packets; sinks say what is not the next one. Events of both ends are counted here too, by themselves.

module sp_board_link_bench #(
    localparam int unsigned N_EVENTS = $bits(sp_link_pkg::events_t)
) (
    /// Clock.
    input  logic                           clk_i,
    /// Reset, active low.
    input  logic                           rst_ni,
    /// Reset of the link alone.
    input  logic                           core_rst_ni,
    /// The end whose registers the bus reaches.
    input  logic                           end_i,
    input  logic                           csr_awvalid_i,
    output logic                           csr_awready_o,
    input  logic [7:0]                     csr_awaddr_i,
    input  logic [2:0]                     csr_awprot_i,
    input  logic                           csr_wvalid_i,
    output logic                           csr_wready_o,
    input  logic [31:0]                    csr_wdata_i,
    input  logic [3:0]                     csr_wstrb_i,
    output logic                           csr_bvalid_o,
    input  logic                           csr_bready_i,
    output logic [1:0]                     csr_bresp_o,
    input  logic                           csr_arvalid_i,
    output logic                           csr_arready_o,
    input  logic [7:0]                     csr_araddr_i,
    input  logic [2:0]                     csr_arprot_i,
    output logic                           csr_rvalid_o,
    input  logic                           csr_rready_i,
    output logic [31:0]                    csr_rdata_o,
    output logic [1:0]                     csr_rresp_o,
    /// By end: the source sends.
    input  logic [1:0]                     run_i,
    /// Some packets have a beat more than their header says.
    input  logic                           odd_i,
    /// How often in 256 a sink takes nothing.
    input  logic [7:0]                     stall_p_i,
    /// By end: packets sent and packets that came.
    output logic [1:0][31:0]               sent_o,
    output logic [1:0][31:0]               came_o,
    /// By end: beats that are not those expected, and packets with an error mark.
    output logic [1:0][31:0]               wrong_o,
    output logic [1:0][31:0]               marked_o,
    /// By end: events of the port, the last field of events_t first; lost packets; wrong bits.
    output logic [1:0][N_EVENTS-1:0][31:0] events_o,
    output logic [1:0][31:0]               lost_o,
    output logic [1:0][31:0]               injected_o
);

  import sp_pkg::*;
  import sp_link_pkg::*;

  logic [1:0]             awready, wready, bvalid, arready, rvalid;
  logic [1:0][1:0]        bresp, rresp;
  logic [1:0][31:0]       rdata;
  logic [1:0]             s_valid, s_ready, s_last, m_valid, m_ready, m_last;
  logic [1:0][UNIT_W-1:0] s_data, m_data;
  logic [1:0][USER_W-1:0] s_user, m_user;
  logic [1:0][NUM_VC-1:0] s_room;
  events_t                events [2];
  logic [COUNT_W-1:0]     lost [2];

  // Before the first clock nothing is known of the resets either.
  logic awake = 1'b0;
  always_ff @(posedge clk_i) awake <= 1'b1;

  assign csr_awready_o = awready[end_i];
  assign csr_wready_o  = wready[end_i];
  assign csr_bvalid_o  = bvalid[end_i];
  assign csr_bresp_o   = bresp[end_i];
  assign csr_arready_o = arready[end_i];
  assign csr_rvalid_o  = rvalid[end_i];
  assign csr_rdata_o   = rdata[end_i];
  assign csr_rresp_o   = rresp[end_i];

  sp_board_link i_link (
      .clk_i,
      .rst_ni       (rst_ni && awake),
      .core_rst_ni  (core_rst_ni && rst_ni && awake),
      .csr_awvalid_i(2'(csr_awvalid_i) << end_i),
      .csr_awready_o(awready),
      .csr_awaddr_i,
      .csr_awprot_i,
      .csr_wvalid_i (2'(csr_wvalid_i) << end_i),
      .csr_wready_o (wready),
      .csr_wdata_i,
      .csr_wstrb_i,
      .csr_bvalid_o (bvalid),
      .csr_bready_i (2'(csr_bready_i) << end_i),
      .csr_bresp_o  (bresp),
      .csr_arvalid_i(2'(csr_arvalid_i) << end_i),
      .csr_arready_o(arready),
      .csr_araddr_i,
      .csr_arprot_i,
      .csr_rvalid_o (rvalid),
      .csr_rready_i (2'(csr_rready_i) << end_i),
      .csr_rdata_o  (rdata),
      .csr_rresp_o  (rresp),
      .s_tvalid_i   (s_valid),
      .s_tready_o   (s_ready),
      .s_tdata_i    (s_data),
      .s_tuser_i    (s_user),
      .s_tlast_i    (s_last),
      .s_room_o     (s_room),
      .m_tvalid_o   (m_valid),
      .m_tready_i   (m_ready),
      .m_tdata_o    (m_data),
      .m_tuser_o    (m_user),
      .m_tlast_o    (m_last),
      .m_room_i     ('1)
  );

  assign events[0] = i_link.g_end[0].i_end.events;
  assign events[1] = i_link.g_end[1].i_end.events;
  assign lost[0]   = i_link.g_end[0].i_end.lost_packets;
  assign lost[1]   = i_link.g_end[1].i_end.lost_packets;
  assign injected_o = {i_link.g_end[1].i_end.injected, i_link.g_end[0].i_end.injected};

  for (genvar e = 0; e < 2; e++) begin : g_user
    logic [31:0] sent_q, came_q, wrong_q, marked_q, lost_q;
    logic [4:0]  beat_q, got_q;
    logic        open_q;
    hdr_t        hdr;
    logic [4:0]  units;
    logic        odd;
    logic [N_EVENTS-1:0][31:0] events_q;

    // 1 to 16 units; the length says the number, modulo 16.
    assign units = 5'(sent_q[3:0]) + 5'd1;
    assign odd   = odd_i && (sent_q[4:0] == 5'd9);

    always_comb begin
      hdr     = '0;
      hdr.op  = OP_WRITE;
      hdr.len = units;
    end

    assign s_valid[e] = open_q || (run_i[e] && s_room[e][VC_REQ]);
    assign s_user[e]  = {1'b0, hdr};
    assign s_data[e]  = {64'h0123_4567_89ab_cdef, sent_q, 27'(e), beat_q};
    assign s_last[e]  = beat_q + 5'd1 == units + 5'(odd);

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        sent_q   <= '0;
        came_q   <= '0;
        wrong_q  <= '0;
        marked_q <= '0;
        lost_q   <= '0;
        beat_q   <= '0;
        got_q    <= '0;
        open_q   <= 1'b0;
        events_q <= '0;
        m_ready[e] <= 1'b0;
      end else begin
        open_q <= s_valid[e] && !(s_ready[e] && s_last[e]);
        if (s_valid[e] && s_ready[e]) begin
          beat_q <= s_last[e] ? '0 : beat_q + 5'd1;
          if (s_last[e]) sent_q <= sent_q + 1;
        end
        m_ready[e] <= 8'($urandom) >= stall_p_i;
        if (m_valid[e] && m_ready[e]) begin
          got_q <= m_last[e] ? '0 : got_q + 5'd1;
          if (m_last[e]) came_q <= came_q + 1;
          if (m_last[e] && m_user[e][USER_W-1]) marked_q <= marked_q + 1;
          if (m_data[e] != {64'h0123_4567_89ab_cdef, came_q, 27'(1 - e), got_q} ||
              m_last[e] != (got_q == 5'(came_q[3:0]))) wrong_q <= wrong_q + 1;
        end
        for (int n = 0; n < N_EVENTS; n++) if (events[e][n]) events_q[n] <= events_q[n] + 1;
        if (events[e].flush) lost_q <= lost_q + 32'(lost[e]);
      end
    end

    assign sent_o[e]   = sent_q;
    assign came_o[e]   = came_q;
    assign wrong_o[e]  = wrong_q;
    assign marked_o[e] = marked_q;
    assign lost_o[e]   = lost_q;
    assign events_o[e] = events_q;
  end

endmodule
