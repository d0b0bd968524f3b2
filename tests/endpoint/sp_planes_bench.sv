// SPDX-License-Identifier: Apache-2.0
//
// sp_planes with planes that send back what they get. Stream n is source n and sink n. The plane of a
// packet is what its tag says, and has to be told with it at its sink.

module sp_planes_bench #(
    /// Streams: three.
    parameter int unsigned N = 3,
    /// Bits of a flit.
    parameter int unsigned W = 128,
    /// Planes, up to 4.
    parameter int unsigned N_PLANES = 3
) (
    /// Clock.
    input  logic                              clk_i,
    /// Reset, active low.
    input  logic                              rst_ni,
    /// Planes that are down.
    input  logic [3:0]                        down_i,
    /// Streams in: valid.
    input  logic [N-1:0]                      s_tvalid_i,
    /// Streams in: ready.
    output logic [N-1:0]                      s_tready_o,
    /// Streams in: payload.
    input  logic [N-1:0][W-1:0]               s_tdata_i,
    /// Streams in: {error mark, header}.
    input  logic [N-1:0][sp_pkg::USER_W-1:0]  s_tuser_i,
    /// Streams in: last beat.
    input  logic [N-1:0]                      s_tlast_i,
    /// Streams out: valid.
    output logic [N-1:0]                      m_tvalid_o,
    /// Streams out: ready.
    input  logic [N-1:0]                      m_tready_i,
    /// Streams out: payload.
    output logic [N-1:0][W-1:0]               m_tdata_o,
    /// Streams out: {error mark, header}.
    output logic [N-1:0][sp_pkg::USER_W-1:0]  m_tuser_o,
    /// Streams out: last beat.
    output logic [N-1:0]                      m_tlast_o,
    /// Packets dropped, closed, and for nobody.
    output logic [2:0][15:0]                  count_o,
    /// A packet came by another plane than its tag says.
    output logic                              astray_o
);

  import sp_pkg::*;

  localparam int unsigned PlaneW = (N_PLANES > 1) ? $clog2(N_PLANES) : 1;

  if (N != 3 || N_PLANES > 4) begin : g_bad
    $fatal(1, "sp_planes_bench: N = %0d, N_PLANES = %0d", N, N_PLANES);
  end

  logic [N-1:0]                          in_q, out_q, astray, lost;
  logic [N-1:0][PlaneW-1:0]              plane, plane_q, plane_out;
  logic [N_PLANES-1:0]                   tx_valid, tx_ready, tx_last;
  logic [N_PLANES-1:0]                   rx_valid, rx_ready, rx_last;
  logic [N_PLANES-1:0][W-1:0]            tx_data, rx_data;
  logic [N_PLANES-1:0][USER_W-1:0]       tx_user, rx_user;
  logic [N_PLANES-1:0][NUM_VC-1:0]       room, tx_room;
  logic [N_PLANES-1:0]                   dropped, closed, stray, down;

  assign down = down_i[N_PLANES-1:0];

  for (genvar n = 0; n < N; n++) begin : g_stream
    hdr_t hdr, got;
    assign hdr = hdr_t'(s_tuser_i[n][HDR_W-1:0]);
    assign got = hdr_t'(m_tuser_o[n][HDR_W-1:0]);
    assign plane[n] = in_q[n] ? plane_q[n] : PlaneW'(hdr.tag % N_PLANES);
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        in_q[n]  <= 1'b0;
        out_q[n] <= 1'b0;
      end else begin
        if (s_tvalid_i[n] && s_tready_o[n]) in_q[n] <= !s_tlast_i[n];
        if (m_tvalid_o[n] && m_tready_i[n]) out_q[n] <= !m_tlast_o[n];
      end
    end
    always_ff @(posedge clk_i) plane_q[n] <= plane[n];
    // A void packet has the error mark.
    assign astray[n] = m_tvalid_o[n]
                       && ((!out_q[n] && plane_out[n] != PlaneW'(got.tag % N_PLANES))
                           || (lost[n] && m_tlast_o[n] && !m_tuser_o[n][HDR_W]));
  end

  sp_planes #(
      .FLIT_W  (W),
      .N_PLANES(N_PLANES)
  ) i_planes (
      .clk_i,
      .rst_ni,
      .plane_up_i  (~down),
      .s_tvalid_i,
      .s_tready_o,
      .s_tdata_i,
      .s_tuser_i,
      .s_tlast_i,
      .s_plane_i   (plane),
      .m_tvalid_o,
      .m_tready_i,
      .m_tdata_o,
      .m_tuser_o,
      .m_tlast_o,
      .m_void_o    (lost),
      .m_plane_o   (plane_out),
      .tx_tvalid_o (tx_valid),
      .tx_tready_i (tx_ready),
      .tx_tdata_o  (tx_data),
      .tx_tuser_o  (tx_user),
      .tx_tlast_o  (tx_last),
      .tx_vc_room_i(tx_room),
      .rx_tvalid_i (rx_valid),
      .rx_tready_o (rx_ready),
      .rx_tdata_i  (rx_data),
      .rx_tuser_i  (rx_user),
      .rx_tlast_i  (rx_last),
      .rx_vc_room_o(room),
      .ev_dropped_o(dropped),
      .ev_closed_o (closed),
      .ev_stray_o  (stray)
  );

  // A plane: a few beats on their way, which are lost when it goes down.
  for (genvar p = 0; p < N_PLANES; p++) begin : g_plane
    logic       full, empty;
    logic [3:0] unused_count;
    sp_fifo #(
        .WIDTH(W + USER_W + 1),
        .DEPTH(8)
    ) i_wire (
        .clk_i,
        .rst_ni (rst_ni && !down[p]),
        .push_i (tx_valid[p] && tx_ready[p]),
        .data_i ({tx_last[p], tx_user[p], tx_data[p]}),
        .full_o (full),
        .pop_i  (rx_ready[p]),
        .data_o ({rx_last[p], rx_user[p], rx_data[p]}),
        .empty_o(empty),
        .count_o(unused_count)
    );
    // As a link, it stops its stream for a unit more with the first beat of a packet.
    logic inside_q, header_q;
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        inside_q <= 1'b0;
        header_q <= 1'b0;
      end else if (down[p]) begin
        inside_q <= 1'b0;
        header_q <= 1'b0;
      end else begin
        if (tx_valid[p] && tx_ready[p]) inside_q <= !tx_last[p];
        header_q <= tx_valid[p] && tx_ready[p] && !inside_q;
      end
    end
    assign tx_ready[p] = !full && !header_q && !down[p];
    assign tx_room[p]  = down[p] ? '0 : room[p];  // a plane that is down has no room
    assign rx_valid[p] = !empty;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      count_o  <= '0;
      astray_o <= 1'b0;
    end else begin
      if (astray != '0) astray_o <= 1'b1;
      count_o[0] <= count_o[0] + 16'($countones(dropped));
      count_o[1] <= count_o[1] + 16'($countones(closed));
      count_o[2] <= count_o[2] + 16'($countones(stray));
    end
  end

endmodule
