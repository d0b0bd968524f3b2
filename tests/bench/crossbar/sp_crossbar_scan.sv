// SPDX-License-Identifier: Apache-2.0
//
// The pipelined crossbar, ports alone, between registers of a scan chain, for place and route:
// every stream and table starts or ends in a register, and the part needs four pins.

module sp_crossbar_scan #(
    /// As in sp_crossbar.
    parameter int unsigned N_PORTS = 8,
    /// As in sp_crossbar.
    parameter int unsigned FLIT_W = 128,
    /// As in sp_crossbar.
    parameter int unsigned ISLIP_ITERS = 4,
    /// As in sp_crossbar.
    parameter int unsigned VOQ_FLITS = 32,
    /// As in sp_crossbar.
    parameter int unsigned EGRESS_FLITS = 64,
    /// As in sp_crossbar.
    parameter int unsigned N_IDS = 16,
    /// As in sp_crossbar.
    parameter int unsigned N_GROUPS = 1,
    localparam int unsigned PortW = $clog2(N_PORTS),
    localparam int unsigned AddrW = $clog2(N_IDS),
    localparam int unsigned GroupW = (N_GROUPS > 1) ? $clog2(N_GROUPS) : 1
) (
    /// Clock.
    input  logic clk_i,
    /// Reset, active low.
    input  logic rst_ni,
    /// Into the chain of the inputs.
    input  logic scan_i,
    /// Out of the chain into which all outputs are folded.
    output logic scan_o
);
  import sp_pkg::*;

  /// Inputs of a port.
  typedef struct packed {
    logic              tvalid;
    logic              tlast;
    logic              abort;
    logic [USER_W-1:0] tuser;
    logic [FLIT_W-1:0] tdata;
    logic              tready;   // of the stream out
    logic [NUM_VC-1:0] vc_room;
    logic              fwd_we;
    logic              down;
    source_t           source;
  } port_in_t;

  /// What is the same for all of them.
  typedef struct packed {
    logic [AddrW-1:0]   fwd_addr;
    logic               fwd_valid;
    logic [2:0]         fwd_paths_log2;
    logic [9:0]         fwd_out;
    logic               row_we;
    logic [PortW-1:0]   row_port;
    logic [N_PORTS-1:0] row;
    logic               grp_we;
    logic [GroupW-1:0]  grp_addr;
    logic [N_PORTS-1:0] grp_mask;
    threshold_t         threshold;
  } table_t;

  typedef struct packed {
    port_in_t [N_PORTS-1:0] ports;
    table_t                 tables;
  } in_t;

  /// Outputs of a port.
  typedef struct packed {
    logic              tvalid;
    logic              tlast;
    logic [USER_W-1:0] tuser;
    logic [FLIT_W-1:0] tdata;
    logic              tready;   // of the stream in
    logic [NUM_VC-1:0] vc_room;
    logic              refused;
    logic [3:0]        status;
  } port_out_t;

  localparam int unsigned OutBits = N_PORTS * $bits(port_out_t);
  // Three outputs and what the chain brings make one table, so that the chain takes few of them.
  localparam int unsigned Fold = 3;
  localparam int unsigned Links = (OutBits + Fold - 1) / Fold;

  in_t                     in_q;
  port_out_t [N_PORTS-1:0] out;
  logic [Links*Fold-1:0]   out_bits;
  logic [Links-1:0]        out_q, out_next;

  logic [N_PORTS-1:0] s_tvalid, s_tready, s_tlast, s_abort, m_tvalid, m_tready, m_tlast;
  logic [N_PORTS-1:0] fwd_we, down, refused;
  logic [FLIT_W-1:0]  s_tdata [N_PORTS];
  logic [USER_W-1:0]  s_tuser [N_PORTS];
  logic [NUM_VC-1:0]  s_vc_room [N_PORTS];
  logic [FLIT_W-1:0]  m_tdata [N_PORTS];
  logic [USER_W-1:0]  m_tuser [N_PORTS];
  logic [NUM_VC-1:0]  m_vc_room [N_PORTS];
  logic [3:0]         status [N_PORTS];
  source_t            source [N_PORTS];
  inject_t            no_inject [N_PORTS];
  hdr_t               no_hdr [1];
  logic [FLIT_W-1:0]  no_data [1];
  logic [N_PORTS-1:0] no_ports [1];

  always_comb begin
    no_hdr[0]   = '0;
    no_data[0]  = '0;
    no_ports[0] = '0;
    for (int unsigned p = 0; p < N_PORTS; p++) begin
      s_tvalid[p]  = in_q.ports[p].tvalid;
      s_tlast[p]   = in_q.ports[p].tlast;
      s_abort[p]   = in_q.ports[p].abort;
      s_tuser[p]   = in_q.ports[p].tuser;
      s_tdata[p]   = in_q.ports[p].tdata;
      m_tready[p]  = in_q.ports[p].tready;
      m_vc_room[p] = in_q.ports[p].vc_room;
      fwd_we[p]    = in_q.ports[p].fwd_we;
      down[p]      = in_q.ports[p].down;
      source[p]    = in_q.ports[p].source;
      no_inject[p] = '0;
      out[p] = '{
          tvalid: m_tvalid[p], tlast: m_tlast[p], tuser: m_tuser[p], tdata: m_tdata[p],
          tready: s_tready[p], vc_room: s_vc_room[p], refused: refused[p], status: status[p]};
    end
  end

  sp_crossbar #(
      .N_PORTS     (N_PORTS),
      .N_ENGINES   (0),
      .FLIT_W      (FLIT_W),
      .ISLIP_ITERS (ISLIP_ITERS),
      .VOQ_FLITS   (VOQ_FLITS),
      .EGRESS_FLITS(EGRESS_FLITS),
      .N_IDS       (N_IDS),
      .N_GROUPS    (N_GROUPS),
      .PIPELINED   (1'b1)
  ) i_crossbar (
      .clk_i,
      .rst_ni,
      .s_tvalid_i      (s_tvalid),
      .s_tready_o      (s_tready),
      .s_tdata_i       (s_tdata),
      .s_tuser_i       (s_tuser),
      .s_tlast_i       (s_tlast),
      .s_abort_i       (s_abort),
      .s_vc_room_o     (s_vc_room),
      .m_tvalid_o      (m_tvalid),
      .m_tready_i      (m_tready),
      .m_tdata_o       (m_tdata),
      .m_tuser_o       (m_tuser),
      .m_tlast_o       (m_tlast),
      .m_vc_room_i     (m_vc_room),
      .fwd_we_i        (fwd_we),
      .fwd_addr_i      (in_q.tables.fwd_addr),
      .fwd_valid_i     (in_q.tables.fwd_valid),
      .fwd_paths_log2_i(in_q.tables.fwd_paths_log2),
      .fwd_out_i       (in_q.tables.fwd_out),
      .row_we_i        (in_q.tables.row_we),
      .row_port_i      (in_q.tables.row_port),
      .row_i           (in_q.tables.row),
      .grp_we_i        (in_q.tables.grp_we),
      .grp_addr_i      (in_q.tables.grp_addr),
      .grp_mask_i      (in_q.tables.grp_mask),
      .source_i        (source),
      .threshold_i     (in_q.tables.threshold),
      .voq_inject_i    (no_inject),
      .egress_inject_i (no_inject),
      .port_down_i     (down),
      .head_valid_o    (),
      .head_hdr_o      (),
      .want_i          (no_ports),
      .grant_o         (),
      .grant_port_o    (),
      .eng_valid_o     (),
      .eng_first_o     (),
      .eng_last_o      (),
      .eng_err_o       (),
      .eng_port_o      (),
      .eng_hdr_o       (),
      .eng_data_o      (),
      .res_valid_i     ('0),
      .res_ready_o     (),
      .res_first_i     ('0),
      .res_last_i      ('0),
      .res_hdr_i       (no_hdr),
      .res_data_i      (no_data),
      .res_mask_i      (no_ports),
      .ev_rx_beat_o    (),
      .ev_rx_packet_o  (),
      .ev_rx_stall_o   (),
      .ev_tx_beat_o    (),
      .ev_tx_packet_o  (),
      .ev_tx_stall_o   (),
      .ev_refused_o    (refused),
      .ev_status_o     (status),
      .ev_dropped_o    (),
      .ev_mcast_o      (),
      .ev_copy_o       (),
      .ev_corrected_o  (),
      .ev_failed_o     (),
      .ev_eng_corrected_o(),
      .ev_eng_failed_o (),
      .ingress_o       (),
      .egress_o        ()
  );

  assign out_bits = (Links * Fold)'(out);

  always_comb begin
    for (int unsigned n = 0; n < Links; n++) begin
      out_next[n] = ^out_bits[Fold*n+:Fold] ^ ((n == 0) ? in_q[$bits(in_t)-1] : out_q[n-1]);
    end
  end

  always_ff @(posedge clk_i) begin
    in_q  <= {in_q[$bits(in_t)-2:0], scan_i};
    out_q <= out_next;
  end

  assign scan_o = out_q[Links-1];

endmodule
