// SPDX-License-Identifier: Apache-2.0
//
// An end of a link: the port (sp_link_port) and its registers (sp_link_csr). Guarantees are those
// of the two. `control.silent` takes the signal away, as if the cable were pulled.

module sp_link_end #(
    /// Bits of a flit: 128, 256 or 512.
    parameter int unsigned FLIT_W = 128,
    /// Units of the longest frame, a multiple of FLIT_W / 128.
    parameter int unsigned FRAME_UNITS = 32,
    /// Bits of a sequence number.
    parameter int unsigned SEQ_W = 6,
    /// Beats of the replay memory, a power of two.
    parameter int unsigned REPLAY_BEATS = 128,
    /// R(v), VC 0 lowest.
    parameter logic [sp_pkg::NUM_VC-1:0][sp_link_pkg::RESERVED_W-1:0] RESERVED = {4{12'd20}},
    /// S.
    parameter int unsigned SHARED = 44,
    /// Bits of the flits that a VC uses at the other end (sp_link_credit).
    parameter int unsigned USED_W = sp_link_pkg::COUNT_W,
    /// Cycles that a lane may come later than another.
    parameter int unsigned MAX_SKEW = 0,
    /// Words between receive clock and core clock; 0: one clock.
    parameter int unsigned CLOCK_DEPTH = 0,
    localparam int unsigned AddrW = 8,
    localparam int unsigned K = FLIT_W / sp_pkg::UNIT_W
) (
    /// Clock.
    input  logic                                         clk_i,
    /// Receive clock, if CLOCK_DEPTH is not 0.
    input  logic                                         rx_clk_i,
    /// Reset of the registers, active low, asynchronous.
    input  logic                                         rst_ni,
    /// Reset of the link, active low.
    input  logic                                         core_rst_ni,

    /// AXI4-Lite write address: valid.
    input  logic                                         csr_awvalid_i,
    /// AXI4-Lite write address: ready.
    output logic                                         csr_awready_o,
    /// AXI4-Lite write address.
    input  logic [AddrW-1:0]                             csr_awaddr_i,
    /// AXI4-Lite write address: protection, ignored.
    input  logic [2:0]                                   csr_awprot_i,
    /// AXI4-Lite write data: valid.
    input  logic                                         csr_wvalid_i,
    /// AXI4-Lite write data: ready.
    output logic                                         csr_wready_o,
    /// AXI4-Lite write data.
    input  logic [31:0]                                  csr_wdata_i,
    /// AXI4-Lite write data: bytes that count.
    input  logic [3:0]                                   csr_wstrb_i,
    /// AXI4-Lite write response: valid.
    output logic                                         csr_bvalid_o,
    /// AXI4-Lite write response: ready.
    input  logic                                         csr_bready_i,
    /// AXI4-Lite write response.
    output logic [1:0]                                   csr_bresp_o,
    /// AXI4-Lite read address: valid.
    input  logic                                         csr_arvalid_i,
    /// AXI4-Lite read address: ready.
    output logic                                         csr_arready_o,
    /// AXI4-Lite read address.
    input  logic [AddrW-1:0]                             csr_araddr_i,
    /// AXI4-Lite read address: protection, ignored.
    input  logic [2:0]                                   csr_arprot_i,
    /// AXI4-Lite read data: valid.
    output logic                                         csr_rvalid_o,
    /// AXI4-Lite read data: ready.
    input  logic                                         csr_rready_i,
    /// AXI4-Lite read data.
    output logic [31:0]                                  csr_rdata_o,
    /// AXI4-Lite read data: response.
    output logic [1:0]                                   csr_rresp_o,

    /// Stream into the link: valid.
    input  logic                                         s_tvalid_i,
    /// Stream into the link: ready.
    output logic                                         s_tready_o,
    /// Stream into the link: payload.
    input  logic [FLIT_W-1:0]                            s_tdata_i,
    /// Stream into the link: {error mark, header}.
    input  logic [sp_pkg::USER_W-1:0]                    s_tuser_i,
    /// Stream into the link: last beat.
    input  logic                                         s_tlast_i,
    /// By VC: a longest packet has room at the other end.
    output logic [sp_pkg::NUM_VC-1:0]                    s_room_o,
    /// Stream out of the link: valid.
    output logic                                         m_tvalid_o,
    /// Stream out of the link: ready.
    input  logic                                         m_tready_i,
    /// Stream out of the link: payload.
    output logic [FLIT_W-1:0]                            m_tdata_o,
    /// Stream out of the link: {error mark, header}.
    output logic [sp_pkg::USER_W-1:0]                    m_tuser_o,
    /// Stream out of the link: last beat.
    output logic                                         m_tlast_o,
    /// By VC: the receiver lets a packet start.
    input  logic [sp_pkg::NUM_VC-1:0]                    m_room_i,

    /// To the wire, by lane: mark.
    output logic [K-1:0][sp_link_pkg::MARK_W-1:0]        tx_mark_o,
    /// To the wire, by lane: unit.
    output logic [K-1:0][sp_pkg::UNIT_W-1:0]             tx_unit_o,
    /// To the wire: there is a signal.
    output logic [K-1:0]                                 tx_valid_o,
    /// From the wire, by lane: a block comes.
    input  logic [K-1:0]                                 rx_valid_i,
    /// From the wire, by lane: its mark.
    input  logic [K-1:0][sp_link_pkg::MARK_W-1:0]        rx_mark_i,
    /// From the wire, by lane: its unit.
    input  logic [K-1:0][sp_pkg::UNIT_W-1:0]             rx_unit_i,

    /// The link keeps what it is given: it is up, or trains again and will send it then.
    output logic                                         up_o
);
  /* verilator no_inline_module */  // one C++ body for all

  import sp_pkg::*;
  import sp_link_pkg::*;

  logic               enable;
  policy_e            policy;
  logic [TIMER_W-1:0] hold_cycles, lane_cycles, skip_beats, replay_cycles, keepalive_cycles;
  logic [TIMER_W-1:0] dead_cycles, age_cycles;
  logic [15:0]        train_beats;
  logic [7:0]         replay_limit, retrain_limit;
  logic [31:0]        inject_rate, inject_seed, injected;
  logic               inject_load, inject_shot;
  logic [K-1:0]       rx_lanes, tx_lanes;
  logic               ev_dropped, ev_overflow, ev_shifted, ev_injected;
  state_e             state;
  logic [2:0]         unfit;
  events_t            events;
  logic [COUNT_W-1:0] lost_packets;
  logic [K-1:0]       silent;

  sp_link_csr #(
      .K           (K),
      .FRAME_UNITS (FRAME_UNITS),
      .SEQ_W       (SEQ_W),
      .REPLAY_BEATS(REPLAY_BEATS),
      .RESERVED    (RESERVED),
      .SHARED      (SHARED)
  ) i_csr (
      .clk_i,
      .rst_ni,
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
      .csr_rresp_o,
      .enable_o          (enable),
      .policy_o          (policy),
      .hold_cycles_o     (hold_cycles),
      .train_beats_o     (train_beats),
      .lane_cycles_o     (lane_cycles),
      .skip_beats_o      (skip_beats),
      .replay_cycles_o   (replay_cycles),
      .keepalive_cycles_o(keepalive_cycles),
      .dead_cycles_o     (dead_cycles),
      .age_cycles_o      (age_cycles),
      .replay_limit_o    (replay_limit),
      .retrain_limit_o   (retrain_limit),
      .inject_rate_o     (inject_rate),
      .inject_load_o     (inject_load),
      .inject_seed_o     (inject_seed),
      .inject_shot_o     (inject_shot),
      .silent_o          (silent),
      .ev_injected_i     (ev_injected),
      .rx_lanes_i        (rx_lanes),
      .tx_lanes_i        (tx_lanes),
      .ev_dropped_i      (ev_dropped),
      .ev_overflow_i     (ev_overflow),
      .ev_shifted_i      (ev_shifted),
      .state_i           (state),
      .unfit_i           (unfit),
      .events_i          (events),
      .lost_packets_i    (lost_packets)
  );

  sp_link_port #(
      .FLIT_W      (FLIT_W),
      .FRAME_UNITS (FRAME_UNITS),
      .SEQ_W       (SEQ_W),
      .REPLAY_BEATS(REPLAY_BEATS),
      .RESERVED    (RESERVED),
      .SHARED      (SHARED),
      .USED_W      (USED_W),
      .MAX_SKEW    (MAX_SKEW),
      .CLOCK_DEPTH (CLOCK_DEPTH),
      .INJECT      (1'b1)
  ) i_port (
      .clk_i,
      .rst_ni            (core_rst_ni),
      .rx_clk_i,
      .enable_i          (enable),
      .policy_i          (policy),
      .hold_cycles_i     (hold_cycles),
      .train_beats_i     (train_beats),
      .lane_cycles_i     (lane_cycles),
      .skip_beats_i      (skip_beats),
      .replay_cycles_i   (replay_cycles),
      .keepalive_cycles_i(keepalive_cycles),
      .dead_cycles_i     (dead_cycles),
      .age_cycles_i      (age_cycles),
      .replay_limit_i    (replay_limit),
      .retrain_limit_i   (retrain_limit),
      .s_tvalid_i,
      .s_tready_o,
      .s_tdata_i,
      .s_tuser_i,
      .s_tlast_i,
      .s_vc_room_o       (s_room_o),
      .m_tvalid_o,
      .m_tready_i,
      .m_tdata_o,
      .m_tuser_o,
      .m_tlast_o,
      .m_vc_room_i       (m_room_i),
      .tx_mark_o,
      .tx_unit_o,
      .rx_valid_i,
      .rx_mark_i,
      .rx_unit_i,
      .inject_rate_i     (inject_rate),
      .inject_load_i     (inject_load),
      .inject_seed_i     (inject_seed),
      .inject_shot_i     (inject_shot),
      .injected_o        (injected),
      .ev_injected_o     (ev_injected),
      .rx_lanes_o        (rx_lanes),
      .tx_lanes_o        (tx_lanes),
      .ev_dropped_o      (ev_dropped),
      .ev_overflow_o     (ev_overflow),
      .ev_shifted_o      (ev_shifted),
      .state_o           (state),
      .unfit_o           (unfit),
      .events_o          (events),
      .lost_packets_o    (lost_packets)
  );

  // The registers count by events.
  logic unused;
  assign unused = &{1'b0, injected};

  assign tx_valid_o = ~silent;
  assign up_o       = (state == LINK_UP) || (state == LINK_RETRAIN);

endmodule
