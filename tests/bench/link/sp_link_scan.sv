// SPDX-License-Identifier: Apache-2.0
//
// A link between registers of a scan chain, for place and route: every port is there and starts or
// ends in a register, and the part needs five pins.

module sp_link_scan #(
    /// As in sp_link.
    parameter int unsigned FLIT_W = 128
) (
    /// Clock.
    input  logic clk_i,
    /// Reset, active low.
    input  logic rst_ni,
    /// Into the chain.
    input  logic scan_i,
    /// The outputs go into the chain instead of what is there.
    input  logic load_i,
    /// Out of the chain.
    output logic scan_o
);
  import sp_pkg::*;
  import sp_link_pkg::*;

  localparam int unsigned K = FLIT_W / UNIT_W;

  /// Inputs of a link.
  typedef struct packed {
    logic                      enable;
    policy_e                   policy;
    logic [TIMER_W-1:0]        hold_cycles;
    logic [15:0]               train_beats;
    logic [TIMER_W-1:0]        skip_beats;
    logic [TIMER_W-1:0]        replay_cycles;
    logic [TIMER_W-1:0]        keepalive_cycles;
    logic [TIMER_W-1:0]        dead_cycles;
    logic [TIMER_W-1:0]        age_cycles;
    logic [7:0]                replay_limit;
    logic [7:0]                retrain_limit;
    logic                      s_tvalid;
    logic [FLIT_W-1:0]         s_tdata;
    logic [USER_W-1:0]         s_tuser;
    logic                      s_tlast;
    logic                      m_tready;
    logic [NUM_VC-1:0]         m_vc_room;
    logic                      tx_ready;
    logic                      rx_valid;
    logic [K-1:0][MARK_W-1:0]  rx_mark;
    logic [K-1:0][UNIT_W-1:0]  rx_unit;
  } in_t;

  /// Outputs of a link.
  typedef struct packed {
    logic                      s_tready;
    logic [NUM_VC-1:0]         s_vc_room;
    logic                      m_tvalid;
    logic [FLIT_W-1:0]         m_tdata;
    logic [USER_W-1:0]         m_tuser;
    logic                      m_tlast;
    logic [K-1:0][MARK_W-1:0]  tx_mark;
    logic [K-1:0][UNIT_W-1:0]  tx_unit;
    state_e                    state;
    logic [2:0]                unfit;
    events_t                   events;
    logic [COUNT_W-1:0]        lost_packets;
  } out_t;

  in_t  in_q;
  out_t out, out_q;

  sp_link #(
      .FLIT_W(FLIT_W)
  ) i_link (
      .clk_i,
      .rst_ni,
      .enable_i          (in_q.enable),
      .policy_i          (in_q.policy),
      .hold_cycles_i     (in_q.hold_cycles),
      .train_beats_i     (in_q.train_beats),
      .lane_cycles_i     ('0),
      .skip_beats_i      (in_q.skip_beats),
      .replay_cycles_i   (in_q.replay_cycles),
      .keepalive_cycles_i(in_q.keepalive_cycles),
      .dead_cycles_i     (in_q.dead_cycles),
      .age_cycles_i      (in_q.age_cycles),
      .replay_limit_i    (in_q.replay_limit),
      .retrain_limit_i   (in_q.retrain_limit),
      .s_tvalid_i        (in_q.s_tvalid),
      .s_tready_o        (out.s_tready),
      .s_tdata_i         (in_q.s_tdata),
      .s_tuser_i         (in_q.s_tuser),
      .s_tlast_i         (in_q.s_tlast),
      .s_vc_room_o       (out.s_vc_room),
      .m_tvalid_o        (out.m_tvalid),
      .m_tready_i        (in_q.m_tready),
      .m_tdata_o         (out.m_tdata),
      .m_tuser_o         (out.m_tuser),
      .m_tlast_o         (out.m_tlast),
      .m_vc_room_i       (in_q.m_vc_room),
      .tx_mark_o         (out.tx_mark),
      .tx_unit_o         (out.tx_unit),
      .tx_ready_i        (in_q.tx_ready),
      .rx_valid_i        (in_q.rx_valid),
      .rx_mark_i         (in_q.rx_mark),
      .rx_unit_i         (in_q.rx_unit),
      .rx_train_i        ('0),
      .rx_lane_i         ('0),
      .round_o           (),
      .rx_lanes_o        (),
      .tx_lanes_o        (),
      .state_o           (out.state),
      .unfit_o           (out.unfit),
      .events_o          (out.events),
      .lost_packets_o    (out.lost_packets)
  );

  always_ff @(posedge clk_i) begin
    in_q  <= {in_q[$bits(in_t)-2:0], scan_i};
    out_q <= load_i ? out : {out_q[$bits(out_t)-2:0], in_q[$bits(in_t)-1]};
  end

  assign scan_o = out_q[$bits(out_t)-1];

endmodule
