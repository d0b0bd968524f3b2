// SPDX-License-Identifier: Apache-2.0
//
// Two ports of a link and the lanes between them, each way in the clock of its sender. Lanes come
// late, die, come back, and have wrong bits. Users play and write files (sp_link_user).

module sp_link_port_player #(
    /// Bits of a flit.
    parameter int unsigned FLIT_W = 128,
    /// Words between the clocks; 0: both sides have the clock of side 0.
    parameter int unsigned CLOCK_DEPTH = 0,
    /// Cycles by which lanes may be apart.
    parameter int unsigned MAX_SKEW = 8,
    /// Bits of a sequence number.
    parameter int unsigned SEQ_W = 13,
    localparam int unsigned N_EVENTS = $bits(sp_link_pkg::events_t),
    localparam int unsigned K = FLIT_W / sp_pkg::UNIT_W
) (
    /// Clock of side 0.
    input  logic                           clk_i,
    /// Clock of side 1.
    input  logic                           clk_1_i,
    /// Reset, active low.
    input  logic                           rst_ni,
    /// By side: the link is to be up.
    input  logic [1:0]                     enable_i,
    /// By side: the source may send.
    input  logic [1:0]                     run_i,
    /// Timers and limits of both sides.
    input  logic [15:0]                    train_beats_i,
    input  logic [23:0]                    lane_cycles_i,
    input  logic [23:0]                    skip_beats_i,
    input  logic [23:0]                    replay_cycles_i,
    input  logic [23:0]                    keepalive_cycles_i,
    input  logic [23:0]                    dead_cycles_i,
    input  logic [23:0]                    age_cycles_i,
    input  logic [7:0]                     replay_limit_i,
    input  logic [7:0]                     retrain_limit_i,
    /// Cycles of the wire; 0: none at all, and then nothing happens on it either.
    input  logic [7:0]                     latency_i,
    /// By sending side and lane: further cycles.
    input  logic [1:0][3:0][7:0]           skew_i,
    /// By sending side and lane: it carries noise.
    input  logic [1:0][3:0]                dead_i,
    /// By sending side and lane: it carries nothing.
    input  logic [1:0][3:0]                silent_i,
    /// How often in 2^32 a block of a lane has a wrong bit.
    input  logic [31:0]                    flip_p_i,
    /// Injectors: rate, and by side: seed, taken while high; one wrong bit on each rising edge.
    input  logic [31:0]                    inject_rate_i,
    input  logic [1:0]                     inject_load_i,
    input  logic [1:0][31:0]               inject_seed_i,
    input  logic [1:0]                     inject_shot_i,
    /// How often in 256 the sink holds the stream.
    input  logic [7:0]                     stall_p_i,
    /// Cycle of side 0.
    output logic [31:0]                    cycle_o,
    /// By side: state.
    output logic [1:0][2:0]                state_o,
    /// By side: the file has been played.
    output logic [1:0]                     played_o,
    /// By side: beats that came out.
    output logic [1:0][31:0]               beats_o,
    /// By side: each event of sp_link, the last field of events_t first.
    output logic [1:0][N_EVENTS-1:0][31:0] events_o,
    /// By side: lanes on which beats come and leave.
    output logic [1:0][3:0]                rx_lanes_o,
    output logic [1:0][3:0]                tx_lanes_o,
    /// By side: dropped, overflow and shifted, so often.
    output logic [1:0][2:0][31:0]          slips_o,
    /// By side: cycles with SKIP, sent.
    output logic [1:0][31:0]               skips_o,
    /// By side: wrong bits that its injector counts.
    output logic [1:0][31:0]               injected_o
);

  import sp_pkg::*;
  import sp_link_pkg::*;

  localparam int Longest = 64;

  typedef struct packed {
    logic              valid;
    logic [MARK_W-1:0] mark;
    logic [UNIT_W-1:0] unit;
  } lane_t;

  logic [1:0][K-1:0][MARK_W-1:0] tx_mark, rx_mark;
  logic [1:0][K-1:0][UNIT_W-1:0] tx_unit, rx_unit;
  logic [1:0][K-1:0]             rx_valid, rx_lanes, tx_lanes;
  events_t                       events [2];
  logic                          clks [2];

  assign clks[0] = clk_i;
  assign clks[1] = (CLOCK_DEPTH > 0) ? clk_1_i : clk_i;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) cycle_o <= '0;
    else cycle_o <= cycle_o + 1;
  end

  for (genvar s = 0; s < 2; s++) begin : g_side
    logic              clk, rst_n;
    logic              s_valid, s_ready, s_last, m_valid, m_ready, m_last;
    logic [FLIT_W-1:0] s_data, m_data;
    logic [USER_W-1:0] s_user, m_user;
    logic [NUM_VC-1:0] s_room;
    state_e            state;
    logic              dropped, overflow, shifted, shot_q;
    logic [2:0][31:0]  slips_q;
    logic [31:0]       skips_q;
    logic [N_EVENTS-1:0][31:0] events_q;

    // Before the first clock nothing is known of the reset either.
    logic awake = 1'b0;
    assign clk   = clks[s];
    assign rst_n = rst_ni && awake;
    always_ff @(posedge clk) awake <= 1'b1;

    sp_link_port #(
        .FLIT_W     (FLIT_W),
        .SEQ_W      (SEQ_W),
        .MAX_SKEW   (MAX_SKEW),
        .CLOCK_DEPTH(CLOCK_DEPTH)
    ) i_port (
        .clk_i         (clk),
        .rst_ni        (rst_n),
        .rx_clk_i      (clks[1-s]),
        .enable_i      (enable_i[s]),
        .policy_i      (POLICY_BLOCK),
        .hold_cycles_i ('0),
        .train_beats_i,
        .lane_cycles_i,
        .skip_beats_i,
        .replay_cycles_i,
        .keepalive_cycles_i,
        .dead_cycles_i,
        .age_cycles_i,
        .replay_limit_i,
        .retrain_limit_i,
        .s_tvalid_i    (s_valid),
        .s_tready_o    (s_ready),
        .s_tdata_i     (s_data),
        .s_tuser_i     (s_user),
        .s_tlast_i     (s_last),
        .s_vc_room_o   (s_room),
        .m_tvalid_o    (m_valid),
        .m_tready_i    (m_ready),
        .m_tdata_o     (m_data),
        .m_tuser_o     (m_user),
        .m_tlast_o     (m_last),
        .m_vc_room_i   ('1),
        .tx_mark_o     (tx_mark[s]),
        .tx_unit_o     (tx_unit[s]),
        .rx_valid_i    (rx_valid[s]),
        .rx_mark_i     (rx_mark[s]),
        .rx_unit_i     (rx_unit[s]),
        .inject_rate_i,
        .inject_load_i (inject_load_i[s]),
        .inject_seed_i (inject_seed_i[s]),
        .inject_shot_i (inject_shot_i[s] && !shot_q),
        .injected_o    (injected_o[s]),
        .ev_injected_o (),
        .rx_lanes_o    (rx_lanes[s]),
        .tx_lanes_o    (tx_lanes[s]),
        .ev_dropped_o  (dropped),
        .ev_overflow_o (overflow),
        .ev_shifted_o  (shifted),
        .state_o       (state),
        .unfit_o       (),
        .events_o      (events[s]),
        .lost_packets_o()
    );

    assign state_o[s]    = state;
    assign rx_lanes_o[s] = 4'(rx_lanes[s]);
    assign tx_lanes_o[s] = 4'(tx_lanes[s]);

    sp_link_user #(
        .FLIT_W(FLIT_W),
        .SIDE  (s)
    ) i_user (
        .clk_i    (clk),
        .rst_ni   (rst_n),
        .cycle_i  (cycle_o),
        .run_i    (run_i[s]),
        .stall_p_i,
        .state_i  (state),
        .played_o (played_o[s]),
        .beats_o  (beats_o[s]),
        .s_valid_o(s_valid),
        .s_ready_i(s_ready),
        .s_data_o (s_data),
        .s_user_o (s_user),
        .s_last_o (s_last),
        .s_room_i (s_room),
        .m_valid_i(m_valid),
        .m_ready_o(m_ready),
        .m_data_i (m_data),
        .m_user_i (m_user),
        .m_last_i (m_last)
    );

    always_ff @(posedge clk or negedge rst_n) begin
      if (!rst_n) begin
        shot_q   <= 1'b0;
        skips_q  <= '0;
        slips_q  <= '0;
        events_q <= '0;
      end else begin
        shot_q <= inject_shot_i[s];
        for (int e = 0; e < N_EVENTS; e++)
          if (events[s][e]) events_q[e] <= events_q[e] + 1;
        if (dropped) slips_q[0] <= slips_q[0] + 1;
        if (overflow) slips_q[1] <= slips_q[1] + 1;
        if (shifted) slips_q[2] <= slips_q[2] + 1;
        if (tx_mark[s][0] == MARK_CTRL && tx_unit[s][0][3:0] == KIND_SKIP) skips_q <= skips_q + 1;
      end
    end

    assign slips_o[s]  = slips_q;
    assign skips_o[s]  = skips_q;
    assign events_o[s] = events_q;

    // ------------------------------------------------------------------ the wire from this side

    for (genvar k = 0; k < K; k++) begin : g_lane
      lane_t      line [Longest];  // the last cycles
      logic [5:0] at;              // this cycle
      lane_t      sent, came;

      assign sent = '{valid: 1'b1, mark: tx_mark[s][k], unit: tx_unit[s][k]};
      assign came = (latency_i == '0) ? sent :
                    line[at-6'(latency_i)-6'(skew_i[s][k])];
      assign rx_valid[1-s][k] = came.valid;
      assign rx_mark[1-s][k]  = came.mark;
      assign rx_unit[1-s][k]  = came.unit;

      always_ff @(posedge clk or negedge rst_n) begin
        if (!rst_n) begin
          for (int n = 0; n < Longest; n++) line[n] = '0;
          at <= '0;
        end else begin
          lane_t block;
          block = sent;
          if (flip_p_i != '0 && $urandom < flip_p_i) begin
            int b;
            b = $urandom_range(0, UNIT_W + MARK_W - 1);
            if (b >= UNIT_W) block.mark[b-UNIT_W] ^= 1'b1;
            else block.unit[b] ^= 1'b1;
          end
          if (dead_i[s][k]) block = {1'b1, 2'($urandom), $urandom, $urandom, $urandom, $urandom};
          if (silent_i[s][k]) block.valid = 1'b0;
          line[at] = block;
          at <= at + 6'd1;
        end
      end
    end

  end

endmodule
