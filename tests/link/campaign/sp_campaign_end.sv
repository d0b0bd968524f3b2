// SPDX-License-Identifier: Apache-2.0
//
// One end of a link for campaign_main.cpp, which makes two of it and is the wires and the users:
// a port with its lanes, two clocks and injector, and what of its inside says whether credits and
// numbers add up, which beats the link hears and in which state its receiver is. No assertion looks
// at flip-flops before the first clock of the reset.

module sp_campaign_end #(
    /// As in sp_link_port.
    parameter int unsigned FLIT_W = 128,
    /// As in sp_link_port.
    parameter int unsigned FRAME_UNITS = 64,
    /// As in sp_link_port.
    parameter int unsigned SEQ_W = 13,
    /// As in sp_link_port.
    parameter int unsigned REPLAY_BEATS = 512,
    /// R(v) of each VC.
    parameter int unsigned RESERVED = 32,
    /// S.
    parameter int unsigned SHARED = 128,
    /// As in sp_link_port.
    parameter int unsigned MAX_SKEW = 8,
    /// As in sp_link_port.
    parameter int unsigned CLOCK_DEPTH = 16,
    /// As in sp_link_port.
    parameter bit INJECT = 1'b1,
    localparam int unsigned K = FLIT_W / sp_pkg::UNIT_W,
    localparam int unsigned HeldW = $clog2(4 * RESERVED + SHARED + 1)
) (
    /// Ports of sp_link_port, with its names.
    input  logic                                  clk_i,
    input  logic                                  rst_ni,
    input  logic                                  rx_clk_i,
    input  logic                                  enable_i,
    input  sp_link_pkg::policy_e                  policy_i,
    input  logic [sp_link_pkg::TIMER_W-1:0]       hold_cycles_i,
    input  logic [15:0]                           train_beats_i,
    input  logic [sp_link_pkg::TIMER_W-1:0]       lane_cycles_i,
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
    input  logic [K-1:0]                          rx_valid_i,
    input  logic [K-1:0][sp_link_pkg::MARK_W-1:0] rx_mark_i,
    input  logic [K-1:0][sp_pkg::UNIT_W-1:0]      rx_unit_i,
    input  logic [31:0]                           inject_rate_i,
    input  logic                                  inject_load_i,
    input  logic [31:0]                           inject_seed_i,
    input  logic                                  inject_shot_i,
    output logic [31:0]                           injected_o,
    output logic [K-1:0]                          rx_lanes_o,
    output logic [K-1:0]                          tx_lanes_o,
    output logic                                  ev_dropped_o,
    output logic                                  ev_overflow_o,
    output logic                                  ev_shifted_o,
    output sp_link_pkg::state_e                   state_o,
    output logic [2:0]                            unfit_o,
    output sp_link_pkg::events_t                  events_o,
    output logic [sp_link_pkg::COUNT_W-1:0]       lost_packets_o,

    /// Parameters, for who only sees the ports.
    output logic [3:0]                            seq_w_o,
    output logic [15:0]                           frame_units_o,
    output logic [15:0]                           reserved_o,
    output logic [15:0]                           shared_o,
    /// A beat as the link hears it, behind lanes and clocks.
    output logic                                  beat_valid_o,
    output logic [K-1:0][sp_link_pkg::MARK_W-1:0] beat_mark_o,
    output logic [K-1:0][sp_pkg::UNIT_W-1:0]      beat_unit_o,
    /// Before it there was a cycle in which nothing came.
    output logic                                  beat_lost_o,
    /// Epoch of this training.
    output logic [sp_link_pkg::EPOCH_W-1:0]       epoch_o,
    /// A frame is unacknowledged.
    output logic                                  unacked_o,
    /// Number of the next new frame.
    output logic [sp_link_pkg::SEQ_FIELD_W-1:0]   next_o,
    /// The next number expected.
    output logic [sp_link_pkg::SEQ_FIELD_W-1:0]   expected_o,
    /// By VC: flits sent that the peer has not freed.
    output logic [sp_pkg::NUM_VC-1:0][sp_link_pkg::COUNT_W-1:0] used_o,
    /// By VC: flits that the peer has freed.
    output logic [sp_pkg::NUM_VC-1:0][sp_link_pkg::COUNT_W-1:0] freed_o,
    /// By VC: flits that the buffer holds.
    output logic [sp_pkg::NUM_VC-1:0][sp_link_pkg::COUNT_W-1:0] held_o,
    /// A flit of the frame that comes found no place.
    output logic                                  over_o,
    /// Receiver: {something is missing and was asked for, a packet was handed on in part, a flit
    /// found no place, contents cannot be, a packet has just ended, the frame has units, a packet is
    /// open, a block of the frame was damaged}.
    output logic [7:0]                            rx_state_o
);

  logic awake = 1'b0;

  always_ff @(negedge clk_i) awake <= !rst_ni || awake;

  sp_link_port #(
      .FLIT_W      (FLIT_W),
      .FRAME_UNITS (FRAME_UNITS),
      .SEQ_W       (SEQ_W),
      .REPLAY_BEATS(REPLAY_BEATS),
      .RESERVED    ({4{sp_link_pkg::RESERVED_W'(RESERVED)}}),
      .SHARED      (SHARED),
      .MAX_SKEW    (MAX_SKEW),
      .CLOCK_DEPTH (CLOCK_DEPTH),
      .INJECT      (INJECT)
  ) i_port (
      .rst_ni       (rst_ni && awake),
      .ev_injected_o(),
      .*
  );

  assign beat_valid_o  = i_port.beat_valid;
  assign beat_lost_o   = i_port.i_link.rx_lost_i;
  assign beat_mark_o   = i_port.beat_mark;
  assign beat_unit_o   = i_port.beat_unit;
  assign seq_w_o       = 4'(SEQ_W);
  assign frame_units_o = 16'(FRAME_UNITS);
  assign reserved_o    = 16'(RESERVED);
  assign shared_o      = 16'(SHARED);
  assign epoch_o       = i_port.i_link.epoch;
  assign unacked_o     = i_port.i_link.unacked;
  assign next_o        = sp_link_pkg::SEQ_FIELD_W'(i_port.i_link.i_tx.next_q);
  assign expected_o    = sp_link_pkg::SEQ_FIELD_W'(i_port.i_link.expected);
  assign over_o        = i_port.i_link.i_rx.over;
  assign rx_state_o    = {i_port.i_link.i_rx.nacked_q, i_port.i_link.i_rx.stable_q.open,
                          i_port.i_link.i_rx.over_q, i_port.i_link.i_rx.wrong_q,
                          i_port.i_link.i_rx.ended_q, i_port.i_link.i_rx.units_q,
                          i_port.i_link.i_rx.place_q.open, i_port.i_link.i_rx.broken_q};

  always_comb begin
    for (int unsigned v = 0; v < sp_pkg::NUM_VC; v++) begin
      used_o[v] = i_port.i_link.i_credit.sent_q[v] - i_port.i_link.i_credit.freed_q[v];
      freed_o[v] = i_port.i_link.i_credit.freed_q[v];
      held_o[v] = sp_link_pkg::COUNT_W'(HeldW'(i_port.i_link.i_buffer.stable_q.written[v] -
                                               HeldW'(i_port.i_link.i_buffer.freed_o[v])));
    end
  end

endmodule
