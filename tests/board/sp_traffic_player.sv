// SPDX-License-Identifier: Apache-2.0
//
// A generator, or beats from a file, into a checker. Every beat that the checker takes goes to
// log.txt; so do packets that were started without room. Records of beats.bin: idle cycles,
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
    /// Generator: packets sent.
    output logic [31:0]             sent_packets_o,
    /// Generator: beats sent.
    output logic [31:0]             sent_flits_o,
    /// Checker: packets.
    output logic [31:0]             packets_o,
    /// Checker: beats.
    output logic [31:0]             flits_o,
    /// Checker: packets by source.
    output logic [N_PORTS-1:0][31:0] from_o,
    /// Checker: errors, sequence lowest, in the order of their codes.
    output logic [5:0][31:0]        errors_o,
    /// Checker: {sum, greatest, least latency}.
    output logic [79:0]             latency_o,
    /// Checker: signature.
    output logic [31:0]             signature_o,
    /// Checker: {valid, kind, beat} of the first error.
    output logic [8:0]              first_o,
    /// Checker: {seen, expected, header} of the first error.
    output logic [383:0]            first_words_o
);

  import sp_pkg::*;

  localparam int FW64 = FLIT_W / 64;
  localparam int WORDS = 4 + FW64;

  int                file, log;
  logic [63:0]       rec_q [WORDS];
  logic              have_q, ended_q;
  logic [15:0]       wait_q;
  logic [3:0]        room_q, room_was_q;
  logic              in_packet_q, offered_q;
  logic [15:0]       now;

  logic              gen_valid, gen_ready, gen_last, check_ready;
  logic [FLIT_W-1:0] gen_data, data;
  logic [USER_W-1:0] gen_user, user;
  logic              valid, last;
  logic [31:0]       from [N_PORTS];
  hdr_t              first_hdr, gen_hdr;

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
      .now_i         (now),
      .m_tvalid_o    (gen_valid),
      .m_tready_i    (gen_ready),
      .m_tdata_o     (gen_data),
      .m_tuser_o     (gen_user),
      .m_tlast_o     (gen_last),
      .vc_room_i     (room_q),
      .done_o,
      .sent_packets_o,
      .sent_flits_o
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
      .packets_o,
      .flits_o,
      .from_o          (from),
      .error_sequence_o(errors_o[0]),
      .error_payload_o (errors_o[1]),
      .error_header_o  (errors_o[2]),
      .error_length_o  (errors_o[3]),
      .error_mark_o    (errors_o[4]),
      .foreign_o       (errors_o[5]),
      .latency_min_o   (latency_o[15:0]),
      .latency_max_o   (latency_o[31:16]),
      .latency_sum_o   (latency_o[79:32]),
      .signature_o,
      .first_valid_o   (first_o[8]),
      .first_kind_o    (first_o[7:5]),
      .first_hdr_o     (first_hdr),
      .first_beat_o    (first_o[4:0]),
      .first_expected_o(first_words_o[255:128]),
      .first_seen_o    (first_words_o[383:256])
  );

  assign first_words_o[127:0] = first_hdr;
  for (genvar p = 0; p < N_PORTS; p++) begin : gen_from
    assign from_o[p] = from[p];
  end

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
      room_was_q  <= '0;
      in_packet_q <= 1'b0;
      offered_q   <= 1'b0;
    end else begin
      logic [63:0] words [WORDS];
      cycle_o <= cycle_o + 1;

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
      room_was_q <= room_q;
      if (!file_i && valid && !offered_q && !in_packet_q && !room_was_q[op_vc(gen_hdr.op)])
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
