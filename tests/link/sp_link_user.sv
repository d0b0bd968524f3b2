// SPDX-License-Identifier: Apache-2.0
//
// User of one end of a link: plays beats_<side>.bin into the stream and writes what comes out to
// out_<side>.txt, in the records and lines of sp_link_player; anew after each reset.

module sp_link_user #(
    /// Bits of a flit.
    parameter int unsigned FLIT_W = 128,
    /// Side.
    parameter int SIDE = 0
) (
    /// Clock.
    input  logic                      clk_i,
    /// Reset, active low.
    input  logic                      rst_ni,
    /// Cycle.
    input  logic [31:0]               cycle_i,
    /// The source may send.
    input  logic                      run_i,
    /// How often in 256 the sink holds the stream.
    input  logic [7:0]                stall_p_i,
    /// State of the link.
    input  logic [2:0]                state_i,
    /// The file has been played.
    output logic                      played_o,
    /// Beats that came out.
    output logic [31:0]               beats_o,
    /// Into the link.
    output logic                      s_valid_o,
    input  logic                      s_ready_i,
    output logic [FLIT_W-1:0]         s_data_o,
    output logic [sp_pkg::USER_W-1:0] s_user_o,
    output logic                      s_last_o,
    input  logic [sp_pkg::NUM_VC-1:0] s_room_i,
    /// Out of the link.
    input  logic                      m_valid_i,
    output logic                      m_ready_o,
    input  logic [FLIT_W-1:0]         m_data_i,
    input  logic [sp_pkg::USER_W-1:0] m_user_i,
    input  logic                      m_last_i
);

  import sp_pkg::*;

  localparam int FW64 = FLIT_W / 64;
  localparam int WORDS = 4 + FW64;

  int          file, log;
  logic [63:0] rec_q [WORDS];
  logic        open_q, have_q, ended_q, in_packet_q, offered_q;
  logic [31:0] wait_q;
  logic [2:0]  state_was_q;
  hdr_t        hdr;

  always_comb begin
    for (int w = 0; w < FW64; w++) s_data_o[64*w+:64] = rec_q[4+w];
  end
  assign s_user_o  = {rec_q[1][1], rec_q[2], rec_q[3]};
  assign s_last_o  = rec_q[1][0];
  assign hdr       = s_user_o[HDR_W-1:0];
  assign s_valid_o = have_q && (wait_q == '0) && run_i &&
                     (in_packet_q || offered_q || s_room_i[op_vc(hdr.op)]);
  assign played_o  = ended_q && !have_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      open_q      <= 1'b0;
      have_q      <= 1'b0;
      ended_q     <= 1'b0;
      wait_q      <= '0;
      in_packet_q <= 1'b0;
      offered_q   <= 1'b0;
      m_ready_o   <= 1'b0;
      beats_o     <= '0;
      state_was_q <= '0;
    end else begin
      logic [63:0] words [WORDS];
      if (!open_q) begin
        open_q <= 1'b1;
        file = $fopen((SIDE == 0) ? "beats_0.bin" : "beats_1.bin", "rb");
        log  = $fopen((SIDE == 0) ? "out_0.txt" : "out_1.txt", "w");
      end else if ((!have_q || (s_valid_o && s_ready_i)) && !ended_q) begin
        have_q  <= $fread(words, file) == 8 * WORDS;
        ended_q <= $feof(file) != 0;
        rec_q   <= words;
        wait_q  <= words[0][31:0];
      end else if (s_valid_o && s_ready_i) begin
        have_q <= 1'b0;
      end else if ((wait_q != '0) && run_i) begin
        wait_q <= wait_q - 1;
      end
      if (s_valid_o && s_ready_i) in_packet_q <= !s_last_o;
      offered_q <= s_valid_o && !s_ready_i;
      if (s_valid_o && !in_packet_q && !offered_q) $fwrite(log, "I %0d\n", cycle_i);

      m_ready_o <= 8'($urandom) >= stall_p_i;
      if (m_valid_i && m_ready_o) begin
        beats_o <= beats_o + 1;
        $fwrite(log, "B %0d %0d %h %h\n", cycle_i, m_last_i, m_user_i, m_data_i);
      end
      if (open_q && state_was_q != state_i) $fwrite(log, "S %0d %0d\n", cycle_i, state_i);
      state_was_q <= state_i;
      if (m_valid_i || (s_valid_o && !in_packet_q) || state_was_q != state_i) $fflush(log);
    end
  end

endmodule
