// SPDX-License-Identifier: Apache-2.0
//
// Two links and the wires between them. Each side plays beats_<side>.bin into its stream and writes
// out_<side>.txt; the wires damage what they carry, at the rates set.
// Records of beats: idle cycles, {error mark, last}, header (two words, high first), data (lowest
// word first), 64 bits each. The CRC of every frame is made again here, bit by bit. Lines of the
// log: B cycle last user data; S cycle state; I cycle in which a packet is offered.
module sp_link_player #(
    /// Bits of a flit.
    parameter int unsigned FLIT_W = 128,
    /// Units of the longest frame.
    parameter int unsigned FRAME_UNITS = 64,
    /// Bits of a sequence number.
    parameter int unsigned SEQ_W = 13,
    /// Beats of the replay memory.
    parameter int unsigned REPLAY_BEATS = 512,
    /// R(v).
    parameter int unsigned RESERVED = 32,
    /// S.
    parameter int unsigned SHARED = 128,
    /// Both at side 1.
    parameter int unsigned RESERVED_1 = RESERVED,
    parameter int unsigned SHARED_1 = SHARED,
    localparam int unsigned N_EVENTS = $bits(sp_link_pkg::events_t),
    localparam int unsigned N_KINDS = 7
) (
    /// Clock.
    input  logic                           clk_i,
    /// Reset, active low.
    input  logic                           rst_ni,
    /// By side: the link is to be up.
    input  logic [1:0]                     enable_i,
    /// By side: the source may send.
    input  logic [1:0]                     run_i,
    /// By side: policy.
    input  logic [1:0][1:0]                policy_i,
    /// Timers and limits of both sides.
    input  logic [23:0]                    hold_cycles_i,
    input  logic [15:0]                    train_beats_i,
    input  logic [23:0]                    skip_beats_i,
    input  logic [23:0]                    replay_cycles_i,
    input  logic [23:0]                    keepalive_cycles_i,
    input  logic [23:0]                    dead_cycles_i,
    input  logic [23:0]                    age_cycles_i,
    input  logic [7:0]                     replay_limit_i,
    input  logic [7:0]                     retrain_limit_i,
    /// Cycles of the wire; 0: none at all, and then no errors either.
    input  logic [15:0]                    latency_i,
    /// By sending side: the wire is cut.
    input  logic [1:0]                     cut_i,
    /// How often in 2^32 a beat has a wrong bit, a burst of wrong bits, or is lost.
    input  logic [31:0]                    flip_p_i,
    input  logic [31:0]                    burst_p_i,
    input  logic [31:0]                    lose_p_i,
    /// How often in 2^32 a frame is dropped, comes twice, or stays away for a while.
    input  logic [31:0]                    drop_p_i,
    input  logic [31:0]                    twice_p_i,
    input  logic [31:0]                    delay_p_i,
    /// The source looks at the room of its VCs.
    input  logic                           polite_i,
    /// How often in 256 the sink holds the stream, and a VC.
    input  logic [7:0]                     stall_p_i,
    input  logic [7:0]                     no_room_p_i,
    /// By side: VCs that may never start.
    input  logic [1:0][3:0]                held_i,
    /// Cycle.
    output logic [31:0]                    cycle_o,
    /// By side: state.
    output logic [1:0][2:0]                state_o,
    /// By side: the file has been played.
    output logic [1:0]                     played_o,
    /// By side: what makes the peer unfit.
    output logic [1:0][2:0]                unfit_o,
    /// By side: beats that came out.
    output logic [1:0][31:0]               beats_o,
    /// By side: beats on the wire that were not NULL or SKIP since reset.
    output logic [1:0][31:0]               busy_o,
    /// By side: each event of sp_link, the last field of events_t first.
    output logic [1:0][N_EVENTS-1:0][31:0] events_o,
    /// By side: packets lost in flushes.
    output logic [1:0][31:0]               lost_o,
    /// By sending side: flips, bursts, beats lost, frames dropped, doubled, delayed, cut.
    output logic [1:0][N_KINDS-1:0][31:0]  injected_o
);

  import sp_pkg::*;
  import sp_link_pkg::*;

  localparam int unsigned K = FLIT_W / UNIT_W;
  localparam int FW64 = FLIT_W / 64;
  localparam int WORDS = 4 + FW64;

  typedef struct packed {
    logic [31:0]                when;
    logic [K-1:0][MARK_W-1:0]   mark;
    logic [K-1:0][UNIT_W-1:0]   unit;
  } wire_t;

  logic [1:0]                    s_valid, s_ready, s_last, m_valid, m_ready, m_last;
  logic [1:0][FLIT_W-1:0]        s_data, m_data;
  logic [1:0][USER_W-1:0]        s_user, m_user;
  logic [1:0][NUM_VC-1:0]        s_room, m_room;
  logic [1:0][K-1:0][MARK_W-1:0] tx_mark, rx_mark;
  logic [1:0][K-1:0][UNIT_W-1:0] tx_unit, rx_unit;
  logic [1:0]                    rx_valid;
  logic [1:0][COUNT_W-1:0]       lost;
  events_t                       events [2];
  state_e                        state [2];

  // Before the first clock nothing is known of the reset either.
  logic awake, rst_n;
  initial awake = 1'b0;
  always_ff @(posedge clk_i) awake <= 1'b1;
  assign rst_n = rst_ni && awake;

  for (genvar s = 0; s < 2; s++) begin : g_side

    sp_link #(
        .FLIT_W      (FLIT_W),
        .FRAME_UNITS (FRAME_UNITS),
        .SEQ_W       (SEQ_W),
        .REPLAY_BEATS(REPLAY_BEATS),
        .RESERVED    ({4{RESERVED_W'((s == 0) ? RESERVED : RESERVED_1)}}),
        .SHARED      ((s == 0) ? SHARED : SHARED_1)
    ) i_link (
        .clk_i,
        .rst_ni        (rst_n),
        .enable_i      (enable_i[s]),
        .policy_i      (policy_e'(policy_i[s])),
        .hold_cycles_i,
        .train_beats_i,
        .skip_beats_i,
        .replay_cycles_i,
        .keepalive_cycles_i,
        .dead_cycles_i,
        .age_cycles_i,
        .replay_limit_i,
        .retrain_limit_i,
        .s_tvalid_i    (s_valid[s]),
        .s_tready_o    (s_ready[s]),
        .s_tdata_i     (s_data[s]),
        .s_tuser_i     (s_user[s]),
        .s_tlast_i     (s_last[s]),
        .s_vc_room_o   (s_room[s]),
        .m_tvalid_o    (m_valid[s]),
        .m_tready_i    (m_ready[s]),
        .m_tdata_o     (m_data[s]),
        .m_tuser_o     (m_user[s]),
        .m_tlast_o     (m_last[s]),
        .m_vc_room_i   (m_room[s]),
        .tx_mark_o     (tx_mark[s]),
        .tx_unit_o     (tx_unit[s]),
        .tx_ready_i    (1'b1),
        .rx_valid_i    (rx_valid[s]),
        .rx_mark_i     (rx_mark[s]),
        .rx_unit_i     (rx_unit[s]),
        .round_o       (),
        .rx_lanes_o    (),
        .tx_lanes_o    (),
        .state_o       (state[s]),
        .unfit_o       (unfit_o[s]),
        .events_o      (events[s]),
        .lost_packets_o(lost[s])
    );

    assign state_o[s] = state[s];

    // ------------------------------------------------------------------------- source and sink

    int          file, log;
    logic [63:0] rec_q [WORDS];
    logic        have_q, ended_q, in_packet_q, offered_q;
    logic [31:0] wait_q;
    logic [2:0]  state_was_q;
    logic        ready_q;
    logic [3:0]  room_q;
    hdr_t        hdr;

    initial begin
      file = $fopen((s == 0) ? "beats_0.bin" : "beats_1.bin", "rb");
      log  = $fopen((s == 0) ? "out_0.txt" : "out_1.txt", "w");
    end

    always_comb begin
      for (int w = 0; w < FW64; w++) s_data[s][64*w+:64] = rec_q[4+w];
    end
    assign s_user[s]  = {rec_q[1][1], rec_q[2], rec_q[3]};
    assign s_last[s]  = rec_q[1][0];
    assign hdr        = s_user[s][HDR_W-1:0];
    assign s_valid[s] = have_q && (wait_q == '0) && run_i[s] &&
                        (in_packet_q || offered_q || !polite_i || s_room[s][op_vc(hdr.op)]);
    assign m_ready[s] = ready_q;
    assign m_room[s]  = room_q & ~held_i[s];
    assign played_o[s] = ended_q && !have_q;

    always_ff @(posedge clk_i or negedge rst_n) begin
      if (!rst_n) begin
        have_q      <= 1'b0;
        ended_q     <= 1'b0;
        wait_q      <= '0;
        in_packet_q <= 1'b0;
        offered_q   <= 1'b0;
        ready_q     <= 1'b0;
        room_q      <= '0;
        beats_o[s]  <= '0;
        lost_o[s]   <= '0;
        state_was_q <= '0;
        for (int e = 0; e < N_EVENTS; e++) events_o[s][e] <= '0;
      end else begin
        logic [63:0] words [WORDS];
        if ((!have_q || (s_valid[s] && s_ready[s])) && !ended_q) begin
          if ($fread(words, file) == 8 * WORDS) begin
            rec_q  <= words;
            have_q <= 1'b1;
            wait_q <= words[0][31:0];
          end else begin
            have_q  <= 1'b0;
            ended_q <= 1'b1;
          end
        end else if (have_q && s_valid[s] && s_ready[s]) begin
          have_q <= 1'b0;
        end else if ((wait_q != '0) && run_i[s]) begin
          wait_q <= wait_q - 1;
        end
        if (s_valid[s] && s_ready[s]) in_packet_q <= !s_last[s];
        offered_q <= s_valid[s] && !s_ready[s];
        if (s_valid[s] && !in_packet_q && !offered_q) begin
          $fwrite(log, "I %0d\n", cycle_o);
          $fflush(log);
        end

        ready_q <= 8'($urandom) >= stall_p_i;
        if (($urandom & 15) == 0) for (int v = 0; v < 4; v++)
          room_q[v] <= 8'($urandom) >= no_room_p_i;
        if (m_valid[s] && m_ready[s]) begin
          beats_o[s] <= beats_o[s] + 1;
          $fwrite(log, "B %0d %0d %h %h\n", cycle_o, m_last[s], m_user[s], m_data[s]);
          $fflush(log);
        end
        if (state_was_q != state_o[s]) begin
          $fwrite(log, "S %0d %0d\n", cycle_o, state_o[s]);
          $fflush(log);
        end
        state_was_q <= state_o[s];
        for (int e = 0; e < N_EVENTS; e++)
          if (events[s][e]) events_o[s][e] <= events_o[s][e] + 1;
        if (events[s].flush) lost_o[s] <= lost_o[s] + 32'(lost[s]);
      end
    end

    // ------------------------------------------------------------------ the wire from this side

    wire_t       pipe [$];
    wire_t       frame [$];     // the frame so far, as it goes onto the wire
    logic        in_frame;      // what comes belongs to a frame
    logic        dropping, doubling;
    logic [31:0] crc;           // of the frame
    logic [31:0] late;          // further cycles
    wire_t       out_q;
    logic        out_valid_q;

    assign rx_valid[1-s] = (latency_i == '0) ? 1'b1 : out_valid_q;
    assign rx_mark[1-s]  = (latency_i == '0) ? tx_mark[s] : out_q.mark;
    assign rx_unit[1-s]  = (latency_i == '0) ? tx_unit[s] : out_q.unit;

    function automatic logic [31:0] crc_on(logic [31:0] so_far, logic [BLOCK_W-1:0] block);
      logic [31:0] value;
      value = so_far;
      for (int b = BLOCK_W - 1; b >= 0; b--)
        value = {value[30:0], 1'b0} ^ ((value[31] ^ block[b]) ? 32'h741B_8CD7 : 32'h0);
      return value;
    endfunction

    function automatic logic rarely(logic [31:0] p);
      return (p != '0) && ($urandom < p);
    endfunction

    always_ff @(posedge clk_i or negedge rst_n) begin
      if (!rst_n) begin
        in_frame    = 1'b0;
        dropping    = 1'b0;
        doubling    = 1'b0;
        late        = '0;
        busy_o[s]   <= '0;
        out_valid_q <= 1'b0;
        for (int n = 0; n < N_KINDS; n++) injected_o[s][n] = '0;
      end else begin
        wire_t beat;
        logic  idle, train, closing, gone;
        beat    = '{when: cycle_o + 32'(latency_i) + late, mark: tx_mark[s], unit: tx_unit[s]};
        idle    = 1'b1;
        train   = beat.unit[0][3:0] == KIND_TRAIN && beat.mark[0] == MARK_CTRL;
        for (int k = 0; k < K; k++)
          if (beat.mark[k] != MARK_CTRL ||
              (beat.unit[k][3:0] != KIND_NULL && beat.unit[k][3:0] != KIND_SKIP)) idle = 1'b0;
        closing = beat.mark[K-1] == MARK_CTRL && beat.unit[K-1][3:0] == KIND_TRAILER;
        gone    = 1'b0;
        if (!idle) busy_o[s] <= busy_o[s] + 1;

        // A frame begins.
        if (!idle && !train && !in_frame) begin
          in_frame = 1'b1;
          crc      = '1;
          frame.delete();
          dropping = 1'b0;
          doubling = 1'b0;
          if (rarely(drop_p_i)) begin
            dropping = 1'b1;
            injected_o[s][3]++;
          end
          if (rarely(twice_p_i)) begin
            doubling = 1'b1;
            injected_o[s][4]++;
          end
          if (rarely(delay_p_i)) begin
            late = $urandom_range(1, 200);
            injected_o[s][5]++;
          end
          beat.when = cycle_o + 32'(latency_i) + late;
        end
        if (in_frame && !idle) begin
          logic [31:0] field;
          field = beat.unit[K-1][127:96];
          if (closing) beat.unit[K-1][127:96] = '0;
          for (int k = 0; k < K; k++) crc = crc_on(crc, {beat.mark[k][1], beat.unit[k]});
          if (closing) begin
            assert (field == ~crc) else $error("side %0d sends a wrong CRC", s);
            beat.unit[K-1][127:96] = field;
          end
        end
        if (in_frame && !idle) frame.push_back(beat);

        // What happens to a beat.
        if (rarely(flip_p_i)) begin
          int k, b;
          k = $urandom_range(0, K - 1);
          b = $urandom_range(0, UNIT_W + 1);
          if (b >= UNIT_W) beat.mark[k][b-UNIT_W] ^= 1'b1;
          else beat.unit[k][b] ^= 1'b1;
          injected_o[s][0]++;
        end
        if (rarely(burst_p_i)) begin
          int k, b;
          k = $urandom_range(0, K - 1);
          b = $urandom_range(0, UNIT_W - 32);
          beat.unit[k][b+:32] ^= $urandom | 32'h1;
          if (b < 8) beat.mark[k] ^= 2'($urandom);
          injected_o[s][1]++;
        end
        if (rarely(lose_p_i)) begin
          gone = 1'b1;
          injected_o[s][2]++;
        end
        if (cut_i[s]) begin
          gone = 1'b1;
          injected_o[s][6]++;
        end
        if (dropping && in_frame && !idle) gone = 1'b1;
        // Idle beats make up for what came twice or late.
        if (idle && pipe.size() != 0 && pipe[0].when < cycle_o) gone = 1'b1;
        if (late != '0 && !in_frame && idle) late = late - 1;
        if (!gone) pipe.push_back(beat);
        if (in_frame && closing) begin
          if (doubling && !cut_i[s]) foreach (frame[i]) pipe.push_back(frame[i]);
          in_frame = 1'b0;
          dropping = 1'b0;
          doubling = 1'b0;
        end
        if (train) in_frame = 1'b0;

        out_valid_q <= 1'b0;
        if (pipe.size() != 0 && pipe[0].when <= cycle_o + 1) begin
          out_q       <= pipe.pop_front();
          out_valid_q <= 1'b1;
        end
      end
    end

  end

  always_ff @(posedge clk_i or negedge rst_n) begin
    if (!rst_n) cycle_o <= '0;
    else cycle_o <= cycle_o + 1;
  end

endmodule
