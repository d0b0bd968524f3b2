// SPDX-License-Identifier: Apache-2.0
//
// A port of a link between registers of scan chains, for place and route: every port is there and
// starts or ends in a register of its clock, and the part needs seven pins.

module sp_link_scan #(
    /// As in sp_link_port.
    parameter int unsigned FLIT_W = 128,
    /// As in sp_link_port.
    parameter int unsigned FRAME_UNITS = 64,
    /// As in sp_link_port.
    parameter int unsigned SEQ_W = 7,
    /// As in sp_link_port.
    parameter int unsigned REPLAY_BEATS = 256,
    /// R(v), the same for each VC.
    parameter int unsigned RESERVED = 32,
    /// As in sp_link_port.
    parameter int unsigned SHARED = 128,
    /// As in sp_link_port.
    parameter int unsigned MAX_SKEW = 0,
    /// As in sp_link_port.
    parameter int unsigned CLOCK_DEPTH = 16,
    /// As in sp_link_port.
    parameter bit INJECT = 1'b1
) (
    /// Core clock.
    input  logic clk_i,
    /// Receive clock.
    input  logic rx_clk_i,
    /// Reset, active low.
    input  logic rst_ni,
    /// Into the chain of the core clock.
    input  logic scan_i,
    /// Into the chain of the receive clock.
    input  logic rx_scan_i,
    /// The outputs go into the chain instead of what is there.
    input  logic load_i,
    /// Out of the chain.
    output logic scan_o
);
  import sp_pkg::*;
  import sp_link_pkg::*;

  localparam int unsigned K = FLIT_W / UNIT_W;

  /// Inputs of a port in the core clock.
  typedef struct packed {
    logic                      enable;
    policy_e                   policy;
    logic [TIMER_W-1:0]        hold_cycles;
    logic [15:0]               train_beats;
    logic [TIMER_W-1:0]        lane_cycles;
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
    logic [31:0]               inject_rate;
    logic                      inject_load;
    logic [31:0]               inject_seed;
    logic                      inject_shot;
  } in_t;

  /// Inputs in the receive clock.
  typedef struct packed {
    logic [K-1:0]              valid;
    logic [K-1:0][MARK_W-1:0]  mark;
    logic [K-1:0][UNIT_W-1:0]  unit;
  } rx_t;

  /// Outputs, all in the core clock.
  typedef struct packed {
    logic                      s_tready;
    logic [NUM_VC-1:0]         s_vc_room;
    logic                      m_tvalid;
    logic [FLIT_W-1:0]         m_tdata;
    logic [USER_W-1:0]         m_tuser;
    logic                      m_tlast;
    logic [K-1:0][MARK_W-1:0]  tx_mark;
    logic [K-1:0][UNIT_W-1:0]  tx_unit;
    logic [31:0]               injected;
    logic [K-1:0]              rx_lanes;
    logic [K-1:0]              tx_lanes;
    logic                      dropped;
    logic                      overflow;
    logic                      shifted;
    state_e                    state;
    logic [2:0]                unfit;
    events_t                   events;
    logic [COUNT_W-1:0]        lost_packets;
  } out_t;

  in_t  in_q;
  rx_t  rx_q;
  out_t out, out_q;

  sp_link_port #(
      .FLIT_W      (FLIT_W),
      .FRAME_UNITS (FRAME_UNITS),
      .SEQ_W       (SEQ_W),
      .REPLAY_BEATS(REPLAY_BEATS),
      .RESERVED    ({NUM_VC{RESERVED_W'(RESERVED)}}),
      .SHARED      (SHARED),
      .MAX_SKEW    (MAX_SKEW),
      .CLOCK_DEPTH (CLOCK_DEPTH),
      .INJECT      (INJECT)
  ) i_port (
      .clk_i,
      .rst_ni,
      .rx_clk_i,
      .enable_i          (in_q.enable),
      .policy_i          (in_q.policy),
      .hold_cycles_i     (in_q.hold_cycles),
      .train_beats_i     (in_q.train_beats),
      .lane_cycles_i     (in_q.lane_cycles),
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
      .rx_valid_i        (rx_q.valid),
      .rx_mark_i         (rx_q.mark),
      .rx_unit_i         (rx_q.unit),
      .inject_rate_i     (in_q.inject_rate),
      .inject_load_i     (in_q.inject_load),
      .inject_seed_i     (in_q.inject_seed),
      .inject_shot_i     (in_q.inject_shot),
      .injected_o        (out.injected),
      .ev_injected_o     (),
      .rx_lanes_o        (out.rx_lanes),
      .tx_lanes_o        (out.tx_lanes),
      .ev_dropped_o      (out.dropped),
      .ev_overflow_o     (out.overflow),
      .ev_shifted_o      (out.shifted),
      .state_o           (out.state),
      .unfit_o           (out.unfit),
      .events_o          (out.events),
      .lost_packets_o    (out.lost_packets)
  );

  always_ff @(posedge clk_i) begin
    in_q  <= {in_q[$bits(in_t)-2:0], scan_i};
    out_q <= load_i ? out : {out_q[$bits(out_t)-2:0], in_q[$bits(in_t)-1]};
  end

  always_ff @(posedge rx_clk_i) rx_q <= {rx_q[$bits(rx_t)-2:0], rx_scan_i};

  assign scan_o = out_q[$bits(out_t)-1];

endmodule
