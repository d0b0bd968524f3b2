// SPDX-License-Identifier: Apache-2.0
//
// What one port counts by VC: packets, flits, stalls, refusals, marks, the highest level of a queue
// and of the egress buffer, and latencies. All kinds may come in one cycle, but of each kind only
// one: a port takes one beat in a cycle, and sends one. So each kind is a memory, and an event
// touches one word; nothing happens without one.

module sp_port_stats #(
    /// 1: latencies too.
    parameter bit TIMED = 1'b1
) (
    /// Clock.
    input  logic                   clk_i,
    /// Reset, active low: all counters are zero.
    input  logic                   rst_ni,
    /// All counters go to zero.
    input  logic                   clear_i,

    /// A beat was taken.
    input  logic                   ev_rx_beat_i,
    /// The last beat of a packet was taken.
    input  logic                   ev_rx_packet_i,
    /// A beat is held up.
    input  logic                   ev_rx_stall_i,
    /// A packet was refused.
    input  logic                   ev_refused_i,
    /// Why (sp_pkg::status_e).
    input  logic [3:0]             ev_status_i,
    /// Of which VC, and what happened to its queue.
    input  sp_pkg::ingress_event_t ingress_i,
    /// A beat left.
    input  logic                   ev_tx_beat_i,
    /// The last beat of a packet left.
    input  logic                   ev_tx_packet_i,
    /// The receiver holds up a beat.
    input  logic                   ev_tx_stall_i,
    /// Of which VC, how late, and what happened to the buffer.
    input  sp_pkg::egress_event_t  egress_i,

    /// Take a value.
    input  logic                   take_i,
    /// Which one.
    input  sp_pkg::stat_sel_t      sel_i,
    /// It, from the next cycle on.
    output logic [31:0]            value_o
);
  /* verilator no_inline_module */  // one C++ body for all ports

  import sp_pkg::*;

  // In the order of the registers.
  localparam int unsigned Kinds = 8;
  localparam logic [3:0] FirstReason = 4'd8;
  localparam logic [3:0] VoqHigh = 4'd13;
  localparam logic [3:0] EgressHigh = 4'd14;

  logic [Kinds-1:0] ev;
  logic [1:0]       vc    [Kinds];
  logic [31:0]      count [Kinds];

  always_comb begin
    ev = {egress_i.marked, ingress_i.marked, ev_tx_stall_i, ev_tx_beat_i, ev_tx_packet_i,
          ev_rx_stall_i, ev_rx_beat_i, ev_rx_packet_i};
    vc[0] = ingress_i.vc;
    vc[1] = ingress_i.vc;
    vc[2] = ingress_i.vc;
    vc[3] = egress_i.out_vc;
    vc[4] = egress_i.out_vc;
    vc[5] = egress_i.out_vc;
    vc[6] = ingress_i.vc;
    vc[7] = egress_i.in_vc;
  end

  for (genvar k = 0; k < int'(Kinds); k++) begin : g_kind
    sp_event_memory #(
        .N(NUM_VC)
    ) i_count (
        .clk_i,
        .rst_ni,
        .clear_i,
        .ev_i   (ev[k]),
        .at_i   (vc[k]),
        .sel_i  (sel_i.vc),
        .value_o(count[k])
    );
  end

  // ------------------------------------------------------------------------------------- reasons

  logic [2:0]  reason;
  logic [31:0] refused;

  always_comb begin
    case (ev_status_i)
      ST_VERSION: reason = 3'd0;
      ST_OP:      reason = 3'd1;
      ST_LEN:     reason = 3'd2;
      ST_DST:     reason = 3'd3;
      default:    reason = 3'd4;  // ST_PARTITION
    endcase
  end

  sp_event_memory #(
      .N(8 * NUM_VC)
  ) i_refused (
      .clk_i,
      .rst_ni,
      .clear_i,
      .ev_i   (ev_refused_i),
      .at_i   ({ingress_i.vc, reason}),
      .sel_i  ({sel_i.vc, 3'(sel_i.index - FirstReason)}),
      .value_o(refused)
  );

  // -------------------------------------------------------------------------------------- levels

  logic [LEVEL_W-1:0] voq_high_q    [NUM_VC];
  logic [LEVEL_W-1:0] egress_high_q [NUM_VC];

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      for (int unsigned v = 0; v < NUM_VC; v++) begin
        voq_high_q[v]    <= '0;
        egress_high_q[v] <= '0;
      end
    end else begin
      if (clear_i) begin
        for (int unsigned v = 0; v < NUM_VC; v++) begin
          voq_high_q[v]    <= '0;
          egress_high_q[v] <= '0;
        end
      end
      if (ingress_i.queued && (clear_i || ingress_i.level > voq_high_q[ingress_i.queue_vc])) begin
        voq_high_q[ingress_i.queue_vc] <= ingress_i.level;
      end
      if (egress_i.queued && (clear_i || egress_i.level > egress_high_q[egress_i.in_vc])) begin
        egress_high_q[egress_i.in_vc] <= egress_i.level;
      end
    end
  end

  // ----------------------------------------------------------------------------------- latencies

  logic [31:0] late;

  if (TIMED) begin : g_latency
    // Bin b holds latencies of 2^b .. 2^(b+1) - 1 cycles; the last one all that are longer.
    logic [3:0] bin;
    always_comb begin
      bin = '0;
      for (int unsigned b = 1; b < STAMP_W; b++) begin
        if (egress_i.latency[b]) bin = (b < LATENCY_BINS) ? 4'(b) : 4'(LATENCY_BINS - 1);
      end
    end

    sp_event_memory #(
        .N(LATENCY_BINS * NUM_VC)
    ) i_latency (
        .clk_i,
        .rst_ni,
        .clear_i,
        .ev_i   (ev_tx_beat_i && egress_i.out_first),
        .at_i   ({egress_i.out_vc, bin}),
        .sel_i  ({sel_i.vc, sel_i.index}),
        .value_o(late)
    );
  end else begin : g_no_latency
    logic unused;
    assign unused = &{1'b0, egress_i.latency, egress_i.out_first, sel_i.latency};
    assign late   = '0;
  end

  // ----------------------------------------------------------------------------------- the value

  always_ff @(posedge clk_i) begin
    if (take_i) begin
      if (TIMED && sel_i.latency) value_o <= late;
      else begin
        case (sel_i.index)
          VoqHigh:    value_o <= 32'(voq_high_q[sel_i.vc]);
          EgressHigh: value_o <= 32'(egress_high_q[sel_i.vc]);
          default:    value_o <= (sel_i.index < FirstReason) ? count[sel_i.index[2:0]] : refused;
        endcase
      end
    end
  end

endmodule
