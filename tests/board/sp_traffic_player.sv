// SPDX-License-Identifier: Apache-2.0
//
// A generator, or beats from a file, into a checker. Every beat that the checker takes goes to
// log.txt; so do packets that were started without room. A host's words are read all the time. Records of beats.bin: idle cycles,
// {error mark, last}, header (two words, high first), data (lowest word first), 64 bits each.
module sp_traffic_player #(
    /// Ports of the switch that both believe in.
    parameter int unsigned N_PORTS = 4,
    /// Bits of a flit.
    parameter int unsigned FLIT_W = 128,
    localparam int unsigned PW = $clog2(N_PORTS)
) (
    /// Clock.
    input  logic                    clk_i,
    /// Reset, active low.
    input  logic                    rst_ni,
    /// Port of the generator.
    input  logic [PW-1:0]           own_i,
    /// Port of the checker.
    input  logic [PW-1:0]           check_own_i,
    /// Play the file instead of the generator.
    input  logic                    file_i,
    /// Generator: run.
    input  logic                    run_i,
    /// Generator: packets.
    input  logic [31:0]             count_i,
    /// Generator: destinations.
    input  logic [1:0]              dst_mode_i,
    /// Generator: destination.
    input  logic [PW-1:0]           dst_i,
    /// Generator: shortest.
    input  logic [4:0]              len_min_i,
    /// Generator: longest.
    input  logic [4:0]              len_max_i,
    /// Generator: operations.
    input  logic [2:0]              op_mask_i,
    /// Generator: idle cycles.
    input  logic [15:0]             gap_i,
    /// Seed of both.
    input  logic [31:0]             seed_i,
    /// VCs that may lose their room.
    input  logic [3:0]              tight_i,
    /// How often, in 256ths, these have none.
    input  logic [7:0]              no_room_p_i,
    /// Checker: clear.
    input  logic                    clear_i,
    /// Checker: how often, in 256ths, it holds.
    input  logic [7:0]              stall_p_i,
    /// Time at cycle 0.
    input  logic [15:0]             now_i,
    /// Generator is done.
    output logic                    done_o,
    /// The file has been played.
    output logic                    played_o,
    /// Cycle.
    output logic [31:0]             cycle_o,
    /// Packets since the last clear, at once.
    output logic [31:0]             packets_o,
    /// Beats since the last clear, at once.
    output logic [31:0]             flits_o,
    /// Times that all words were read.
    output logic [31:0]             rounds_o,
    /// Words of the port, as a host reads them.
    output logic [N_PORTS+'h24-1:0][31:0] words_o
);

  import sp_pkg::*;

  localparam int FW64 = FLIT_W / 64;
  localparam int WORDS = 4 + FW64;

  int                file, log;
  logic [63:0]       rec_q [WORDS];
  logic              have_q, ended_q;
  logic [15:0]       wait_q;
  logic [3:0]        room_q;
  logic [31:0]       since_q [4];  // cycles without room
  logic              in_packet_q, offered_q;
  logic [15:0]       now;

  logic              gen_valid, gen_ready, gen_last, check_ready;
  logic [FLIT_W-1:0] gen_data, data;
  logic [USER_W-1:0] gen_user, user;
  logic              valid, last;
  hdr_t              gen_hdr;
  logic              zero, ev_sent_packet, ev_sent_flit;
  logic              clear, ev_packet, ev_flit, ev_latency, first_valid;
  logic [N_PORTS-1:0] ev_from;
  logic [5:0]        ev_error;
  logic [15:0]       latency_min, latency_max, latency_sum;
  logic [31:0]       signature, first_word;
  logic [2:0]        first_kind;
  logic [4:0]        first_beat;
  logic [3:0]        first_sel;

  assign now     = now_i + 16'(cycle_o);
  assign gen_hdr = gen_user[HDR_W-1:0];

  always_comb begin
    data = gen_data;
    if (file_i) for (int w = 0; w < FW64; w++) data[64*w+:64] = rec_q[4+w];
  end
  assign valid     = file_i ? have_q && (wait_q == '0) : gen_valid;
  assign user      = file_i ? {rec_q[1][1], rec_q[2], rec_q[3]} : gen_user;
  assign last      = file_i ? rec_q[1][0] : gen_last;
  assign gen_ready = check_ready && !file_i;
  assign played_o  = ended_q && !have_q;

  sp_traffic_gen #(
      .N_PORTS(N_PORTS),
      .FLIT_W (FLIT_W)
  ) i_gen (
      .clk_i,
      .rst_ni,
      .own_i,
      .run_i,
      .count_i,
      .dst_mode_i,
      .dst_i,
      .len_min_i,
      .len_max_i,
      .op_mask_i,
      .gap_i,
      .seed_i,
      .next_i        (now + 16'd1),
      .m_tvalid_o    (gen_valid),
      .m_tready_i    (gen_ready),
      .m_tdata_o     (gen_data),
      .m_tuser_o     (gen_user),
      .m_tlast_o     (gen_last),
      .vc_room_i     (room_q),
      .done_o,
      .zero_o        (zero),
      .ev_packet_o   (ev_sent_packet),
      .ev_flit_o     (ev_sent_flit)
  );

  sp_traffic_check #(
      .N_PORTS(N_PORTS),
      .FLIT_W (FLIT_W)
  ) i_check (
      .clk_i,
      .rst_ni,
      .own_i           (check_own_i),
      .clear_i,
      .stall_p_i,
      .seed_i,
      .now_i           (now),
      .s_tvalid_i      (valid),
      .s_tready_o      (check_ready),
      .s_tdata_i       (data),
      .s_tuser_i       (user),
      .s_tlast_i       (last),
      .clear_o         (clear),
      .ev_packet_o     (ev_packet),
      .ev_flit_o       (ev_flit),
      .ev_from_o       (ev_from),
      .ev_error_o      (ev_error),
      .ev_latency_o    (ev_latency),
      .latency_min_o   (latency_min),
      .latency_max_o   (latency_max),
      .latency_sum_o   (latency_sum),
      .signature_o     (signature),
      .first_valid_o   (first_valid),
      .first_kind_o    (first_kind),
      .first_beat_o    (first_beat),
      .first_sel_i     (first_sel),
      .first_word_o    (first_word)
  );

  sp_traffic_reader #(
      .N_PORTS(N_PORTS)
  ) i_reader (
      .clk_i,
      .rst_ni,
      .zero_i          (zero),
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
      .first_valid_i   (first_valid),
      .first_kind_i    (first_kind),
      .first_beat_i    (first_beat),
      .first_sel_o     (first_sel),
      .first_word_i    (first_word),
      .rounds_o,
      .words_o
  );

  initial begin
    file = $fopen("beats.bin", "rb");
    log  = $fopen("log.txt", "w");
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      cycle_o     <= '0;
      have_q      <= 1'b0;
      ended_q     <= 1'b0;
      wait_q      <= '0;
      room_q      <= '0;
      packets_o   <= '0;
      flits_o     <= '0;
      for (int v = 0; v < 4; v++) since_q[v] <= '0;
      in_packet_q <= 1'b0;
      offered_q   <= 1'b0;
    end else begin
      logic [63:0] words [WORDS];
      cycle_o <= cycle_o + 1;
      packets_o <= (clear ? '0 : packets_o) + 32'(ev_packet);
      flits_o   <= (clear ? '0 : flits_o) + 32'(ev_flit);

      // beats of the file
      if (file_i && (!have_q || (valid && check_ready)) && !ended_q) begin
        if ($fread(words, file) == 8 * WORDS) begin
          rec_q  <= words;
          have_q <= 1'b1;
          wait_q <= words[0][15:0];
        end else begin
          have_q  <= 1'b0;
          ended_q <= 1'b1;
        end
      end else if (wait_q != '0) begin
        wait_q <= wait_q - 16'd1;
      end

      // room, and whether it was there
      for (int v = 0; v < 4; v++) begin
        if (($urandom & 32'hf) == 0) room_q[v] <= !tight_i[v] || (8'($urandom) >= no_room_p_i);
        else if (!tight_i[v]) room_q[v] <= 1'b1;
      end
      for (int v = 0; v < 4; v++) since_q[v] <= room_q[v] ? 32'd0 : since_q[v] + 1;
      // Looked at three cycles before: two without room have gone by since then, or fewer.
      if (!file_i && valid && !offered_q && !in_packet_q && (since_q[op_vc(gen_hdr.op)] > 2))
        $fwrite(log, "E no room for VC %0d, cycle %0d\n", op_vc(gen_hdr.op), cycle_o);
      offered_q <= valid && !check_ready;

      if (offered_q && !valid) $fwrite(log, "E valid fell, cycle %0d\n", cycle_o);
      if (valid && check_ready) begin
        in_packet_q <= !last;
        $fwrite(log, "B %0d %0d %0d %h %h\n", cycle_o, now, last, user, data);
        $fflush(log);
      end
    end
  end

endmodule
