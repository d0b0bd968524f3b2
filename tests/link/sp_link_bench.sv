// SPDX-License-Identifier: Apache-2.0
//
// A link for test_partner.py: its reset is held until the clock has run, so that no assertion looks at
// flip-flops that begin with anything.

module sp_link_bench #(
    parameter int unsigned FLIT_W = 128,
    parameter int unsigned FRAME_UNITS = 64,
    parameter int unsigned SEQ_W = 13,
    parameter int unsigned REPLAY_BEATS = 512,
    parameter logic [sp_pkg::NUM_VC-1:0][sp_link_pkg::RESERVED_W-1:0] RESERVED = {4{12'd32}},
    parameter int unsigned SHARED = 128,
    localparam int unsigned K = FLIT_W / sp_pkg::UNIT_W
) (
    input  logic                                  clk_i,
    input  logic                                  rst_ni,
    input  logic                                  enable_i,
    input  sp_link_pkg::policy_e                  policy_i,
    input  logic [sp_link_pkg::TIMER_W-1:0]       hold_cycles_i,
    input  logic [15:0]                           train_beats_i,
    input  logic [sp_link_pkg::TIMER_W-1:0]       skip_beats_i,
    input  logic [sp_link_pkg::TIMER_W-1:0]       replay_cycles_i,
    input  logic [sp_link_pkg::TIMER_W-1:0]       keepalive_cycles_i,
    input  logic [sp_link_pkg::TIMER_W-1:0]       dead_cycles_i,
    input  logic [sp_link_pkg::TIMER_W-1:0]       age_cycles_i,
    input  logic [7:0]                            replay_limit_i,
    input  logic [7:0]                            retrain_limit_i,
    input  logic                                  s_tvalid_i,
    output logic                                  s_tready_o,
    input  logic [FLIT_W-1:0]                     s_tdata_i,
    input  logic [sp_pkg::USER_W-1:0]             s_tuser_i,
    input  logic                                  s_tlast_i,
    output logic [sp_pkg::NUM_VC-1:0]             s_vc_room_o,
    output logic                                  m_tvalid_o,
    input  logic                                  m_tready_i,
    output logic [FLIT_W-1:0]                     m_tdata_o,
    output logic [sp_pkg::USER_W-1:0]             m_tuser_o,
    output logic                                  m_tlast_o,
    input  logic [sp_pkg::NUM_VC-1:0]             m_vc_room_i,
    output logic [K-1:0][sp_link_pkg::MARK_W-1:0] tx_mark_o,
    output logic [K-1:0][sp_pkg::UNIT_W-1:0]      tx_unit_o,
    input  logic                                  tx_ready_i,
    input  logic                                  rx_valid_i,
    input  logic [K-1:0][sp_link_pkg::MARK_W-1:0] rx_mark_i,
    input  logic [K-1:0][sp_pkg::UNIT_W-1:0]      rx_unit_i,
    output sp_link_pkg::state_e                   state_o,
    output logic [2:0]                            unfit_o,
    output sp_link_pkg::events_t                  events_o,
    output logic [sp_link_pkg::COUNT_W-1:0]       lost_packets_o
);

  logic awake = 1'b0;

  always_ff @(negedge clk_i) awake <= !rst_ni || awake;

  sp_link #(
      .FLIT_W       (FLIT_W),
      .FRAME_UNITS  (FRAME_UNITS),
      .SEQ_W        (SEQ_W),
      .REPLAY_BEATS (REPLAY_BEATS),
      .RESERVED     (RESERVED),
      .SHARED       (SHARED)
  ) i_link (
      .rst_ni       (rst_ni && awake),
      .lane_cycles_i('0),
      .rx_train_i   ('0),
      .rx_lane_i    ('0),
      .round_o      (),
      .rx_lanes_o   (),
      .tx_lanes_o   (),
      .*
  );

endmodule
