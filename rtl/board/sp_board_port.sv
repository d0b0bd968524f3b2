// SPDX-License-Identifier: Apache-2.0
//
// What sits at a port of the switch on a board: a traffic generator and a checker, or a memory of
// packets to send and one of packets that came, and their registers (`port[]` of
// docs/board-registers.md; a word is 32 bits, numbered from the first of the port).
//
//   sp_traffic_gen --+                                     +--> sp_traffic_check
//                    +--> register --> switch --> (to_check)
//   sp_packet_tx ----+                                     +--> sp_packet_rx
//
// Guarantees: every access is answered, also while core_rst_ni holds all but the settings in reset.

module sp_board_port #(
    /// Ports of the switch, 2 to 4.
    parameter int unsigned N_PORTS = 4,
    /// Bits of a flit: 128, 256 or 512.
    parameter int unsigned FLIT_W = 128,
    /// Rows of each packet memory, a power of two.
    parameter int unsigned MEMORY_ROWS = 128,
    /// This port.
    parameter int unsigned OWN = 0,
    localparam int unsigned OutW = $clog2(N_PORTS),
    localparam int unsigned WordW = 6
) (
    /// Clock.
    input  logic                      clk_i,
    /// Reset of the settings, active low, asynchronous.
    input  logic                      rst_ni,
    /// Reset of all else, active low, asynchronous.
    input  logic                      core_rst_ni,
    /// Nothing is held in core_rst_ni.
    input  logic                      core_up_i,
    /// Generators that are enabled run.
    input  logic                      run_i,
    /// Packets wait in the memory.
    input  logic                      hold_i,
    /// The checker's counters and first error go to zero.
    input  logic                      clear_i,
    /// Time, counts cycles.
    input  logic [31:0]               now_i,
    /// Time in the next cycle, modulo 2^16.
    input  logic [15:0]               next_i,

    /// To the switch: valid.
    output logic                      s_tvalid_o,
    /// To the switch: ready.
    input  logic                      s_tready_i,
    /// To the switch: payload.
    output logic [FLIT_W-1:0]         s_tdata_o,
    /// To the switch: {error mark, header}.
    output logic [sp_pkg::USER_W-1:0] s_tuser_o,
    /// To the switch: last beat.
    output logic                      s_tlast_o,
    /// To the switch: room of its VCs.
    input  logic [sp_pkg::NUM_VC-1:0] s_room_i,
    /// From the switch: valid.
    input  logic                      m_tvalid_i,
    /// From the switch: ready.
    output logic                      m_tready_o,
    /// From the switch: payload.
    input  logic [FLIT_W-1:0]         m_tdata_i,
    /// From the switch: {error mark, header}.
    input  logic [sp_pkg::USER_W-1:0] m_tuser_i,
    /// From the switch: last beat.
    input  logic                      m_tlast_i,
    /// From the switch: room for its VCs.
    output logic [sp_pkg::NUM_VC-1:0] m_room_o,

    /// A word for the memory of packets to send.
    input  logic                      push_i,
    /// That memory has no room for it.
    output logic                      full_o,
    /// Ask for a word of the memory of packets that came.
    input  logic                      pop_i,
    /// The answer.
    output logic                      pop_ack_o,
    /// With the answer: there was no word.
    output logic                      pop_err_o,
    /// With the answer, if there was one: the word.
    output logic [31:0]               pop_word_o,

    /// Write a register; the answer comes in the next cycle.
    input  logic                      write_i,
    /// Read a register; not again before the answer.
    input  logic                      read_i,
    /// Which one; stays until the answer.
    input  logic [WordW-1:0]          word_i,
    /// What is written, also to the memory.
    input  logic [31:0]               data_i,
    /// The answer.
    output logic                      done_o,
    /// With the answer: there is no such register, or it cannot be written.
    output logic                      err_o,
    /// With the answer to a read: the word, zero with an error.
    output logic [31:0]               data_o,

    /// The checker saw an error.
    output logic                      error_o
);

  import sp_pkg::*;

  localparam int unsigned RowsW = $clog2(MEMORY_ROWS) + 1;
  localparam int unsigned Settings = 5;

  typedef enum logic [WordW-1:0] {
    RgMode    = 6'h00,
    RgPattern = 6'h01,
    RgCount   = 6'h02,
    RgPace    = 6'h03,
    RgSeed    = 6'h04,
    RgStatus  = 6'h05,
    RgTxFree  = 6'h06,
    RgRxLevel = 6'h07
  } word_e;  // the rest is that of sp_traffic_state

  // ---------------------------------------------------------------------------------- settings

  typedef struct packed {
    logic        enable;
    logic        to_check;   // the checker takes what comes
    logic        from_gen;   // the generator drives the port
    logic [4:0]  len_max;
    logic [4:0]  len_min;
    logic [2:0]  ops;
    logic [1:0]  dst_mode;
    logic [9:0]  dst;
    logic [31:0] count;
    logic [7:0]  stall;
    logic [15:0] gap;
    logic [31:0] seed;
  } settings_t;

  settings_t set_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      set_q         <= '0;
      set_q.ops     <= 3'd1;
      set_q.len_min <= 5'd16;
      set_q.len_max <= 5'd16;
      set_q.seed    <= 32'd1;
    end else if (write_i) begin
      case (word_i)
        RgMode:    {set_q.enable, set_q.to_check, set_q.from_gen} <= {data_i[16], data_i[8],
                                                                      data_i[0]};
        RgPattern: begin
          set_q.len_max  <= data_i[30:26];
          set_q.len_min  <= data_i[24:20];
          set_q.ops      <= data_i[18:16];
          set_q.dst_mode <= data_i[13:12];
          set_q.dst      <= data_i[9:0];
        end
        RgCount:   set_q.count <= data_i;
        RgPace:    {set_q.stall, set_q.gap} <= data_i[23:0];
        RgSeed:    set_q.seed <= data_i;
        default:   ;
      endcase
    end
  end

  // ----------------------------------------------------------------------------- to the switch

  logic              gen_tvalid, gen_tready, gen_tlast, mem_tvalid, mem_tlast, tready;
  logic [FLIT_W-1:0] gen_tdata, mem_tdata;
  logic [USER_W-1:0] gen_tuser, mem_tuser;
  logic              gen_zero, ev_sent_packet, ev_sent_flit;
  logic              gen_done;
  logic              mem_idle;
  logic [RowsW-1:0]  mem_free;

  sp_traffic_gen #(
      .N_PORTS(N_PORTS),
      .FLIT_W (FLIT_W)
  ) i_gen (
      .clk_i,
      .rst_ni     (core_rst_ni),
      .own_i      (OutW'(OWN)),
      .run_i      (run_i && set_q.enable),
      .count_i    (set_q.count),
      .dst_mode_i (set_q.dst_mode),
      .dst_i      (OutW'(set_q.dst)),
      .len_min_i  (set_q.len_min),
      .len_max_i  (set_q.len_max),
      .op_mask_i  (set_q.ops),
      .gap_i      (set_q.gap),
      .seed_i     (set_q.seed),
      .next_i,
      .m_tvalid_o (gen_tvalid),
      .m_tready_i (gen_tready),
      .m_tdata_o  (gen_tdata),
      .m_tuser_o  (gen_tuser),
      .m_tlast_o  (gen_tlast),
      .vc_room_i  (set_q.from_gen ? s_room_i : '0),
      .done_o     (gen_done),
      .zero_o     (gen_zero),
      .ev_packet_o(ev_sent_packet),
      .ev_flit_o  (ev_sent_flit)
  );

  sp_packet_tx #(
      .FLIT_W(FLIT_W),
      .ROWS  (MEMORY_ROWS)
  ) i_tx (
      .clk_i,
      .rst_ni    (core_rst_ni),
      .push_i,
      .word_i    (data_i),
      .full_o,
      .free_o    (mem_free),
      .hold_i    (hold_i || set_q.from_gen),
      .idle_o    (mem_idle),
      .m_tvalid_o(mem_tvalid),
      .m_tready_i(tready && !set_q.from_gen),
      .m_tdata_o (mem_tdata),
      .m_tuser_o (mem_tuser),
      .m_tlast_o (mem_tlast),
      .vc_room_i (s_room_i)
  );

  assign gen_tready = tready && set_q.from_gen;

  // Generator and memory are wide and far away: from a register to the switch.
  sp_stage #(
      .WIDTH(1 + USER_W + FLIT_W)
  ) i_out (
      .clk_i,
      .rst_ni (core_rst_ni),
      .valid_i(set_q.from_gen ? gen_tvalid : mem_tvalid),
      .ready_o(tready),
      .data_i (set_q.from_gen ? {gen_tlast, gen_tuser, gen_tdata}
                              : {mem_tlast, mem_tuser, mem_tdata}),
      .valid_o(s_tvalid_o),
      .ready_i(s_tready_i),
      .data_o ({s_tlast_o, s_tuser_o, s_tdata_o})
  );

  // --------------------------------------------------------------------------- from the switch

  logic               check_tready, mem_tready, mem_room;
  logic [RowsW-1:0]   mem_level;
  logic               clear, ev_packet, ev_flit, ev_latency;
  logic [N_PORTS-1:0] ev_from;
  logic [5:0]         ev_error;
  logic [15:0]        latency_min, latency_max, latency_sum;
  logic [31:0]        signature;
  logic [2:0]         first_kind;
  logic [4:0]         first_beat;
  logic [3:0]         first_sel;
  logic [31:0]        first_word;

  assign m_tready_o = set_q.to_check ? check_tready : mem_tready;
  assign m_room_o   = (set_q.to_check || mem_room) ? '1 : '0;

  sp_traffic_check #(
      .N_PORTS(N_PORTS),
      .FLIT_W (FLIT_W)
  ) i_check (
      .clk_i,
      .rst_ni       (core_rst_ni),
      .own_i        (OutW'(OWN)),
      .clear_i,
      .stall_p_i    (set_q.stall),
      .seed_i       (set_q.seed),
      .now_i        (now_i[15:0]),
      .s_tvalid_i   (m_tvalid_i && set_q.to_check),
      .s_tready_o   (check_tready),
      .s_tdata_i    (m_tdata_i),
      .s_tuser_i    (m_tuser_i),
      .s_tlast_i    (m_tlast_i),
      .clear_o      (clear),
      .ev_packet_o  (ev_packet),
      .ev_flit_o    (ev_flit),
      .ev_from_o    (ev_from),
      .ev_error_o   (ev_error),
      .ev_latency_o (ev_latency),
      .latency_min_o(latency_min),
      .latency_max_o(latency_max),
      .latency_sum_o(latency_sum),
      .signature_o  (signature),
      .first_valid_o(error_o),
      .first_kind_o (first_kind),
      .first_beat_o (first_beat),
      .first_sel_i  (first_sel),
      .first_word_o (first_word)
  );

  sp_packet_rx #(
      .FLIT_W(FLIT_W),
      .ROWS  (MEMORY_ROWS)
  ) i_rx (
      .clk_i,
      .rst_ni    (core_rst_ni),
      .now_i,
      .s_tvalid_i(m_tvalid_i && !set_q.to_check),
      .s_tready_o(mem_tready),
      .s_tdata_i (m_tdata_i),
      .s_tuser_i (m_tuser_i),
      .s_tlast_i (m_tlast_i),
      .room_o    (mem_room),
      .level_o   (mem_level),
      .pop_i,
      .ack_o     (pop_ack_o),
      .err_o     (pop_err_o),
      .word_o    (pop_word_o)
  );

  // --------------------------------------------------------------------------------- registers

  logic        state_done, state_there;
  logic [31:0] state_word;
  logic        shown;        // a word that is here
  logic [31:0] word_q;
  logic        asked_q;

  sp_traffic_state #(
      .N_PORTS(N_PORTS)
  ) i_state (
      .clk_i,
      .rst_ni          (core_rst_ni),
      .zero_i          (gen_zero),
      .ev_sent_packet_i(ev_sent_packet),
      .ev_sent_flit_i  (ev_sent_flit),
      .clear_i         (clear),
      .ev_packet_i     (ev_packet),
      .ev_flit_i       (ev_flit),
      .ev_from_i       (ev_from),
      .ev_error_i      (ev_error),
      .ev_latency_i    (ev_latency),
      .latency_min_i   (latency_min),
      .latency_max_i   (latency_max),
      .latency_sum_i   (latency_sum),
      .signature_i     (signature),
      .first_valid_i   (error_o),
      .first_kind_i    (first_kind),
      .first_beat_i    (first_beat),
      .first_sel_o     (first_sel),
      .first_word_i    (first_word),
      .read_i          (read_i && !shown),
      .word_i          ({1'b0, word_i}),
      .done_o          (state_done),
      .there_o         (state_there),
      .data_o          (state_word)
  );

  assign shown = word_i <= RgRxLevel;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      asked_q <= 1'b0;
      done_o  <= 1'b0;
    end else begin
      // In reset the state does not answer; it is zero.
      asked_q <= read_i && (shown || !core_up_i);
      done_o  <= write_i || asked_q || state_done;
    end
  end

  always_ff @(posedge clk_i) begin
    case (word_i)
      RgMode:    word_q <= {15'b0, set_q.enable, 7'b0, set_q.to_check, 7'b0, set_q.from_gen};
      RgPattern: word_q <= {1'b0, set_q.len_max, 1'b0, set_q.len_min, 1'b0, set_q.ops, 2'b0,
                            set_q.dst_mode, 2'b0, set_q.dst};
      RgCount:   word_q <= set_q.count;
      RgPace:    word_q <= {8'b0, set_q.stall, set_q.gap};
      RgSeed:    word_q <= set_q.seed;
      RgStatus:  word_q <= {30'b0, mem_idle, gen_done};
      RgTxFree:  word_q <= 32'(mem_free);
      default:   word_q <= 32'(mem_level);
    endcase
    err_o  <= write_i ? 32'(word_i) >= Settings : state_done && !state_there;
    data_o <= asked_q ? (shown ? word_q : '0) : state_there ? state_word : '0;
  end

endmodule
