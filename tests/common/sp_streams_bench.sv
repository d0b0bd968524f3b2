// SPDX-License-Identifier: Apache-2.0
//
// Four streams: through sp_stage; through sp_skid_buffer; through sp_fifo; through all three.

module sp_streams_bench #(
    /// Streams: four.
    parameter int unsigned N = 4,
    /// Bits of a flit.
    parameter int unsigned W = 128
) (
    /// Clock.
    input  logic                              clk_i,
    /// Reset, active low.
    input  logic                              rst_ni,
    /// Streams in: valid.
    input  logic [N-1:0]                      s_tvalid_i,
    /// Streams in: ready.
    output logic [N-1:0]                      s_tready_o,
    /// Streams in: payload.
    input  logic [N-1:0][W-1:0]               s_tdata_i,
    /// Streams in: {error mark, header}.
    input  logic [N-1:0][sp_pkg::USER_W-1:0]  s_tuser_i,
    /// Streams in: last beat.
    input  logic [N-1:0]                      s_tlast_i,
    /// Streams out: valid.
    output logic [N-1:0]                      m_tvalid_o,
    /// Streams out: ready.
    input  logic [N-1:0]                      m_tready_i,
    /// Streams out: payload.
    output logic [N-1:0][W-1:0]               m_tdata_o,
    /// Streams out: {error mark, header}.
    output logic [N-1:0][sp_pkg::USER_W-1:0]  m_tuser_o,
    /// Streams out: last beat.
    output logic [N-1:0]                      m_tlast_o
);

  import sp_pkg::*;

  localparam int unsigned WordW = W + USER_W + 1;

  if (N != 4) begin : g_bad_n
    $fatal(1, "sp_streams_bench: N = %0d is not 4", N);
  end

  logic [N-1:0][WordW-1:0] word_in, word_out;

  for (genvar n = 0; n < N; n++) begin : g_word
    assign word_in[n] = {s_tlast_i[n], s_tuser_i[n], s_tdata_i[n]};
    assign {m_tlast_o[n], m_tuser_o[n], m_tdata_o[n]} = word_out[n];
  end

  sp_stage #(
      .WIDTH(WordW)
  ) i_stage (
      .clk_i,
      .rst_ni,
      .valid_i(s_tvalid_i[0]),
      .ready_o(s_tready_o[0]),
      .data_i (word_in[0]),
      .valid_o(m_tvalid_o[0]),
      .ready_i(m_tready_i[0]),
      .data_o (word_out[0])
  );

  sp_skid_buffer #(
      .WIDTH(WordW)
  ) i_skid (
      .clk_i,
      .rst_ni,
      .valid_i(s_tvalid_i[1]),
      .ready_o(s_tready_o[1]),
      .data_i (word_in[1]),
      .valid_o(m_tvalid_o[1]),
      .ready_i(m_tready_i[1]),
      .data_o (word_out[1])
  );

  // What is not a power of two, and one that is.
  logic [1:0] full, empty;

  assign s_tready_o[2] = !full[0];
  assign m_tvalid_o[2] = !empty[0];

  sp_fifo #(
      .WIDTH(WordW),
      .DEPTH(5)
  ) i_fifo (
      .clk_i,
      .rst_ni,
      .push_i (s_tvalid_i[2]),
      .data_i (word_in[2]),
      .full_o (full[0]),
      .pop_i  (m_tready_i[2]),
      .data_o (word_out[2]),
      .empty_o(empty[0]),
      .count_o()
  );

  logic             skid_valid, skid_ready, stage_ready;
  logic [WordW-1:0] skid_word, fifo_word;

  sp_skid_buffer #(
      .WIDTH(WordW)
  ) i_row_skid (
      .clk_i,
      .rst_ni,
      .valid_i(s_tvalid_i[3]),
      .ready_o(s_tready_o[3]),
      .data_i (word_in[3]),
      .valid_o(skid_valid),
      .ready_i(skid_ready),
      .data_o (skid_word)
  );

  assign skid_ready = !full[1];

  sp_fifo #(
      .WIDTH(WordW),
      .DEPTH(2)
  ) i_row_fifo (
      .clk_i,
      .rst_ni,
      .push_i (skid_valid),
      .data_i (skid_word),
      .full_o (full[1]),
      .pop_i  (stage_ready),
      .data_o (fifo_word),
      .empty_o(empty[1]),
      .count_o()
  );

  sp_stage #(
      .WIDTH(WordW)
  ) i_row_stage (
      .clk_i,
      .rst_ni,
      .valid_i(!empty[1]),
      .ready_o(stage_ready),
      .data_i (fifo_word),
      .valid_o(m_tvalid_o[3]),
      .ready_i(m_tready_i[3]),
      .data_o (word_out[3])
  );

endmodule
