// SPDX-License-Identifier: Apache-2.0
//
// What a host reads of the generator and the checker of a port: counts their events and shows words
// of 32 bits, numbered as in the register map of a port (docs/board-registers.md). Guarantees: no
// event is lost; every read is answered. Counters of errors stop at 65,535, the others wrap.

module sp_traffic_state #(
    /// Ports of the switch, 2 to 64.
    parameter int unsigned N_PORTS = 4,
    localparam int unsigned WordW = 7
) (
    /// Clock.
    input  logic               clk_i,
    /// Reset, active low, asynchronous: all is zero.
    input  logic               rst_ni,

    /// From the generator: a run begins.
    input  logic               zero_i,
    /// From the generator: a packet was sent.
    input  logic               ev_sent_packet_i,
    /// From the generator: a beat was sent.
    input  logic               ev_sent_flit_i,

    /// From the checker: its counters go to zero; events of this cycle are the first that count.
    input  logic               clear_i,
    /// From the checker: a packet came.
    input  logic               ev_packet_i,
    /// From the checker: a beat came.
    input  logic               ev_flit_i,
    /// From the checker: a right packet, by source.
    input  logic [N_PORTS-1:0] ev_from_i,
    /// From the checker: an error, by kind.
    input  logic [5:0]         ev_error_i,
    /// From the checker: latency_sum_i passed its end.
    input  logic               ev_latency_i,
    /// From the checker: least latency.
    input  logic [15:0]        latency_min_i,
    /// From the checker: greatest latency.
    input  logic [15:0]        latency_max_i,
    /// From the checker: sum of latencies, modulo 2^16.
    input  logic [15:0]        latency_sum_i,
    /// From the checker: signature.
    input  logic [31:0]        signature_i,
    /// From the checker: there was an error.
    input  logic               first_valid_i,
    /// From the checker: its kind.
    input  logic [2:0]         first_kind_i,
    /// From the checker: its beat.
    input  logic [4:0]         first_beat_i,
    /// To the checker: which word of it.
    output logic [3:0]         first_sel_o,
    /// From the checker: that word, two cycles later.
    input  logic [31:0]        first_word_i,

    /// Read a word; not again before done_o.
    input  logic               read_i,
    /// Which one; stays until done_o.
    input  logic [WordW-1:0]   word_i,
    /// It is there, 6 to 21 cycles later.
    output logic               done_o,
    /// With done_o: there is such a word.
    output logic               there_o,
    /// With done_o: the word; zero if there is none.
    output logic [31:0]        data_o
);

  if (N_PORTS < 2 || N_PORTS > 64) begin : g_bad_ports
    $fatal(1, "sp_traffic_state: N_PORTS = %0d is not in 2..64", N_PORTS);
  end

  // Words of a port.
  localparam int unsigned SentPackets = 'h08;
  localparam int unsigned SentFlits = 'h09;
  localparam int unsigned Packets = 'h0A;  // behind it flits and the kinds of errors
  localparam int unsigned Signature = 'h12;
  localparam int unsigned Latency = 'h13;
  localparam int unsigned SumLow = 'h14;
  localparam int unsigned SumHigh = 'h15;
  localparam int unsigned FirstError = 'h16;
  localparam int unsigned FirstWords = 'h18;
  localparam int unsigned FirstDue = 'h20;  // the last of them
  localparam int unsigned From = 'h24;

  // Counters: packets, flits, errors, ends of the sum of latencies, sources.
  localparam int unsigned Kinds = 6;
  localparam int unsigned CountSum = 2 + Kinds;
  localparam int unsigned CountFrom = CountSum + 1;
  localparam int unsigned Counts = CountFrom + N_PORTS;
  localparam int unsigned CountW = $clog2(Counts);

  logic [31:0]       sent_packets_q;
  logic [31:0]       sent_flits_q;
  logic [CountW-1:0] count;
  logic [31:0]       value;
  logic              done;

  always_comb begin
    if (32'(word_i) >= From) count = CountW'(CountFrom) + CountW'(word_i - WordW'(From));
    else if (word_i[4]) count = (32'(word_i) >= SumLow) ? CountW'(CountSum)
                                                        : CountW'(word_i - WordW'(Packets));
    else count = CountW'(word_i - WordW'(Packets));
  end

  sp_event_counters #(
      .N     (Counts),
      .STOPS (Counts'(((1 << Kinds) - 1) << 2)),
      .STOP_W(16)
  ) i_counters (
      .clk_i,
      .rst_ni,
      .clear_i(clear_i),
      .ev_i   ({ev_from_i, ev_latency_i, ev_error_i, ev_flit_i, ev_packet_i}),
      .take_i (read_i),
      .sel_i  (count),
      .done_o (done),
      .value_o(value)
  );

  always_ff @(posedge clk_i) begin
    if (zero_i) sent_packets_q <= '0;
    else if (ev_sent_packet_i) sent_packets_q <= sent_packets_q + 32'd1;
    if (zero_i) sent_flits_q <= '0;
    else if (ev_sent_flit_i) sent_flits_q <= sent_flits_q + 32'd1;
  end

  // The counters take longer to answer than the checker. A register at each port, although all hold
  // the same: 300 multiplexers hang on it.
  (* keep *)
  logic [3:0] first_sel_q;

  always_ff @(posedge clk_i) first_sel_q <= {word_i[5], word_i[2:0]};

  assign first_sel_o = first_sel_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) done_o <= 1'b0;
    else done_o <= done;
  end

  always_ff @(posedge clk_i) begin
    there_o <= (32'(word_i) >= SentPackets) && (32'(word_i) != FirstError + 1)
            && !(32'(word_i) inside {[FirstDue+1:From-1]}) && (32'(word_i) < From + N_PORTS);
    case (32'(word_i)) inside
      SentPackets: data_o <= sent_packets_q;
      SentFlits:   data_o <= sent_flits_q;
      Signature:   data_o <= signature_i;
      Latency:     data_o <= {latency_max_i, latency_min_i};
      SumLow:      data_o <= {value[15:0], latency_sum_i};
      SumHigh:     data_o <= 32'(value[31:16]);
      FirstError:  data_o <= {19'b0, first_beat_i, 1'b0, first_kind_i, 3'b0, first_valid_i};
      [FirstWords:FirstDue]: data_o <= first_word_i;
      default:     data_o <= value;
    endcase
  end

endmodule
