// SPDX-License-Identifier: Apache-2.0
//
// Counts of a generator and a checker, read through sp_traffic_state word by word, again and again.
module sp_traffic_reader #(
    /// Ports of the switch.
    parameter int unsigned N_PORTS = 4,
    localparam int unsigned Words = 'h24 + N_PORTS
) (
    /// Clock.
    input  logic                    clk_i,
    /// Reset, active low.
    input  logic                    rst_ni,
    /// From the generator.
    input  logic                    zero_i,
    /// From the generator.
    input  logic                    ev_sent_packet_i,
    /// From the generator.
    input  logic                    ev_sent_flit_i,
    /// From the checker.
    input  logic                    clear_i,
    /// From the checker.
    input  logic                    ev_packet_i,
    /// From the checker.
    input  logic                    ev_flit_i,
    /// From the checker.
    input  logic [N_PORTS-1:0]      ev_from_i,
    /// From the checker.
    input  logic [5:0]              ev_error_i,
    /// From the checker.
    input  logic                    ev_latency_i,
    /// From the checker.
    input  logic [15:0]             latency_min_i,
    /// From the checker.
    input  logic [15:0]             latency_max_i,
    /// From the checker.
    input  logic [15:0]             latency_sum_i,
    /// From the checker.
    input  logic [31:0]             signature_i,
    /// From the checker.
    input  logic                    first_valid_i,
    /// From the checker.
    input  logic [2:0]              first_kind_i,
    /// From the checker.
    input  logic [4:0]              first_beat_i,
    /// To the checker.
    output logic [3:0]              first_sel_o,
    /// From the checker.
    input  logic [31:0]             first_word_i,
    /// Times that all words have been read.
    output logic [31:0]             rounds_o,
    /// Words as they were when they were read last; those that are not there are zero.
    output logic [Words-1:0][31:0]  words_o
);

  logic        read_q;
  logic [6:0]  word_q;
  logic        done, there;
  logic [31:0] data;

  sp_traffic_state #(
      .N_PORTS(N_PORTS)
  ) i_state (
      .clk_i,
      .rst_ni,
      .zero_i,
      .ev_sent_packet_i,
      .ev_sent_flit_i,
      .clear_i,
      .ev_packet_i,
      .ev_flit_i,
      .ev_from_i,
      .ev_error_i,
      .ev_latency_i,
      .latency_min_i,
      .latency_max_i,
      .latency_sum_i,
      .signature_i,
      .first_valid_i,
      .first_kind_i,
      .first_beat_i,
      .first_sel_o,
      .first_word_i,
      .read_i (read_q),
      .word_i (word_q),
      .done_o (done),
      .there_o(there),
      .data_o (data)
  );

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      read_q   <= 1'b1;
      word_q   <= '0;
      rounds_o <= '0;
      words_o  <= '0;
    end else begin
      read_q <= done;
      if (done) begin
        if (there) words_o[word_q] <= data;
        word_q <= (word_q == 7'(Words - 1)) ? '0 : word_q + 7'd1;
        if (word_q == 7'(Words - 1)) rounds_o <= rounds_o + 32'd1;
      end
    end
  end

endmodule
