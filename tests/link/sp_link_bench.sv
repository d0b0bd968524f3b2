// SPDX-License-Identifier: Apache-2.0
//
// Two ports of a link whose wires both end in the testbench, which joins them or speaks to one.

module sp_link_bench #(
    /// Bits of a flit.
    parameter int unsigned FLIT_W = 128,
    /// Units of the longest frame.
    parameter int unsigned FRAME_UNITS = 8,
    /// Bits of a sequence number.
    parameter int unsigned SEQ_W = 4,
    /// Beats of the replay memory.
    parameter int unsigned REPLAY_BEATS = 64,
    /// R(v).
    parameter int unsigned RESERVED = 32,
    /// S.
    parameter int unsigned SHARED = 64,
    /// Cycles that a lane may come later than another.
    parameter int unsigned MAX_SKEW = 8,
    localparam int unsigned K = FLIT_W / sp_pkg::UNIT_W,
    localparam int unsigned EVENTS_W = $bits(sp_link_pkg::events_t)
) (
    /// Clock of all.
    input  logic                                              clk_i,
    /// Reset, active low.
    input  logic                                              rst_ni,
    /// By side: the link is to be up.
    input  logic [1:0]                                        enable_i,
    /// By side: policy.
    input  logic [1:0][1:0]                                   policy_i,
    /// Timers and limits of both sides.
    input  logic [23:0]                                       hold_cycles_i,
    input  logic [15:0]                                       train_beats_i,
    input  logic [23:0]                                       lane_cycles_i,
    input  logic [23:0]                                       skip_beats_i,
    input  logic [23:0]                                       replay_cycles_i,
    input  logic [23:0]                                       keepalive_cycles_i,
    input  logic [23:0]                                       dead_cycles_i,
    input  logic [23:0]                                       age_cycles_i,
    input  logic [7:0]                                        replay_limit_i,
    input  logic [7:0]                                        retrain_limit_i,
    /// By side: the source does not look at the room of its VCs.
    input  logic [1:0]                                        rude_i,
    /// By side: VCs of which no packet may come out.
    input  logic [1:0][sp_pkg::NUM_VC-1:0]                    held_i,
    /// Rate of both injectors.
    input  logic [31:0]                                       inject_rate_i,
    /// By side: stream in.
    input  logic [1:0]                                        s_tvalid_i,
    output logic [1:0]                                        s_tready_o,
    input  logic [1:0][FLIT_W-1:0]                            s_tdata_i,
    input  logic [1:0][sp_pkg::USER_W-1:0]                    s_tuser_i,
    input  logic [1:0]                                        s_tlast_i,
    output logic [1:0][sp_pkg::NUM_VC-1:0]                    s_vc_room_o,
    /// By side: stream out.
    output logic [1:0]                                        m_tvalid_o,
    input  logic [1:0]                                        m_tready_i,
    output logic [1:0][FLIT_W-1:0]                            m_tdata_o,
    output logic [1:0][sp_pkg::USER_W-1:0]                    m_tuser_o,
    output logic [1:0]                                        m_tlast_o,
    input  logic [1:0][sp_pkg::NUM_VC-1:0]                    m_vc_room_i,
    /// By side and lane: {mark, unit} that leaves.
    output logic [1:0][K-1:0][sp_link_pkg::BLOCK_W:0]         tx_o,
    /// By side and lane: {mark, unit} that comes.
    input  logic [1:0][K-1:0][sp_link_pkg::BLOCK_W:0]         rx_i,
    /// By side and lane: a block comes.
    input  logic [1:0][K-1:0]                                 rx_valid_i,
    /// By side: {state, events} of this cycle.
    output logic [1:0][EVENTS_W+2:0]                          status_o,
    /// By side: what makes the peer unfit.
    output logic [1:0][2:0]                                   unfit_o,
    /// By side: lanes on which beats come, and leave.
    output logic [1:0][K-1:0]                                 rx_lanes_o,
    output logic [1:0][K-1:0]                                 tx_lanes_o,
    /// By side: packets lost in flushes.
    output logic [1:0][31:0]                                  lost_o,
    /// By side: wrong bits injected.
    output logic [1:0][31:0]                                  injected_o
);

  import sp_link_pkg::*;

  for (genvar s = 0; s < 2; s++) begin : g_side
    logic [K-1:0][MARK_W-1:0]         tx_mark, rx_mark;
    logic [K-1:0][sp_pkg::UNIT_W-1:0] tx_unit, rx_unit;
    logic [sp_pkg::NUM_VC-1:0]        room;
    state_e                           state;
    events_t                          events;
    logic [COUNT_W-1:0]               lost;
    logic                             rst_q;  // the injector takes its seed

    for (genvar k = 0; k < K; k++) begin : g_lane
      assign tx_o[s][k] = {tx_mark[k], tx_unit[k]};
      assign {rx_mark[k], rx_unit[k]} = rx_i[s][k];
    end

    assign status_o[s]    = {state, events};
    assign s_vc_room_o[s] = room | {sp_pkg::NUM_VC{rude_i[s]}};

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        lost_o[s] <= '0;
        rst_q     <= 1'b1;
      end else begin
        if (events.flush) lost_o[s] <= lost_o[s] + 32'(lost);
        rst_q <= 1'b0;
      end
    end

    sp_link_port #(
        .FLIT_W      (FLIT_W),
        .FRAME_UNITS (FRAME_UNITS),
        .SEQ_W       (SEQ_W),
        .REPLAY_BEATS(REPLAY_BEATS),
        .RESERVED    ({sp_pkg::NUM_VC{RESERVED_W'(RESERVED)}}),
        .SHARED      (SHARED),
        .MAX_SKEW    (MAX_SKEW),
        .CLOCK_DEPTH (0),
        .INJECT      (1'b1)
    ) i_port (
        .clk_i,
        .rst_ni,
        .rx_clk_i      (1'b0),
        .enable_i      (enable_i[s]),
        .policy_i      (policy_e'(policy_i[s])),
        .hold_cycles_i,
        .train_beats_i,
        .lane_cycles_i,
        .skip_beats_i,
        .replay_cycles_i,
        .keepalive_cycles_i,
        .dead_cycles_i,
        .age_cycles_i,
        .replay_limit_i,
        .retrain_limit_i,
        .s_tvalid_i    (s_tvalid_i[s]),
        .s_tready_o    (s_tready_o[s]),
        .s_tdata_i     (s_tdata_i[s]),
        .s_tuser_i     (s_tuser_i[s]),
        .s_tlast_i     (s_tlast_i[s]),
        .s_vc_room_o   (room),
        .m_tvalid_o    (m_tvalid_o[s]),
        .m_tready_i    (m_tready_i[s]),
        .m_tdata_o     (m_tdata_o[s]),
        .m_tuser_o     (m_tuser_o[s]),
        .m_tlast_o     (m_tlast_o[s]),
        .m_vc_room_i   (m_vc_room_i[s] & ~held_i[s]),
        .tx_mark_o     (tx_mark),
        .tx_unit_o     (tx_unit),
        .rx_valid_i    (rx_valid_i[s]),
        .rx_mark_i     (rx_mark),
        .rx_unit_i     (rx_unit),
        .inject_rate_i,
        .inject_load_i (rst_q),
        .inject_seed_i (32'(s + 1)),
        .inject_shot_i (1'b0),
        .injected_o    (injected_o[s]),
        .ev_injected_o (),
        .rx_lanes_o    (rx_lanes_o[s]),
        .tx_lanes_o    (tx_lanes_o[s]),
        .ev_dropped_o  (),
        .ev_overflow_o (),
        .ev_shifted_o  (),
        .state_o       (state),
        .unfit_o       (unfit_o[s]),
        .events_o      (events),
        .lost_packets_o(lost)
    );
  end

endmodule
