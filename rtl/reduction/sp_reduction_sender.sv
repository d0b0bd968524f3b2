// SPDX-License-Identifier: Apache-2.0
//
// What an engine sends: results, whose flits come from the lanes as they are read out, and answers,
// headers alone. Guarantees: a packet is offered only when all its flits are there; results leave
// in the order in which they were announced, answers likewise, and the two take turns when both
// wait.
module sp_reduction_sender #(
    /// External ports of the switch.
    parameter int unsigned N_PORTS = 8,
    /// Bits of a flit: 128, 256 or 512.
    parameter int unsigned FLIT_W  = 128,
    /// Payload flits of the longest packet.
    localparam int unsigned BEATS  = 8 * sp_pkg::UNIT_BYTES * sp_pkg::MAX_UNITS / FLIT_W,
    localparam int unsigned BW     = $clog2(BEATS)
) (
    /// Clock.
    input  logic               clk_i,
    /// Reset, active low.
    input  logic               rst_ni,
    /// A result is announced; only while `result_room_o`.
    input  logic               result_valid_i,
    /// Its header.
    input  sp_pkg::hdr_t       result_hdr_i,
    /// The ports that it goes to.
    input  logic [N_PORTS-1:0] result_mask_i,
    /// It has no flits but its header.
    input  logic               result_bare_i,
    /// Its flits, less one.
    input  logic [BW-1:0]      result_last_i,
    /// There is room for a result and all flits that it can have.
    output logic               result_room_o,
    /// A flit of a result, in the order of announcements.
    input  logic               flit_valid_i,
    /// It is the last of its result.
    input  logic               flit_last_i,
    /// Payload.
    input  logic [FLIT_W-1:0]  flit_data_i,
    /// An answer; only while `answer_room_o`.
    input  logic               answer_valid_i,
    /// Its header.
    input  sp_pkg::hdr_t       answer_hdr_i,
    /// The ports that it goes to.
    input  logic [N_PORTS-1:0] answer_mask_i,
    /// There is room for an answer.
    output logic               answer_room_o,
    /// A flit. All flits of a packet are there when the first is offered.
    output logic               out_valid_o,
    /// It is taken.
    input  logic               out_ready_i,
    /// First flit of its packet.
    output logic               out_first_o,
    /// Last flit of its packet.
    output logic               out_last_o,
    /// Header, stable through the packet.
    output sp_pkg::hdr_t       out_hdr_o,
    /// Payload.
    output logic [FLIT_W-1:0]  out_data_o,
    /// Ports that the packet goes to, stable through the packet.
    output logic [N_PORTS-1:0] out_mask_o,
    /// Pulse: the last flit of a result was taken.
    output logic               ev_result_o
);

  import sp_pkg::*;

  /// Answers that wait to be sent.
  localparam int unsigned ANSWERS = 4;
  localparam int unsigned AW      = $clog2(ANSWERS);
  /// Results that wait or are under way from the lanes.
  localparam int unsigned RESULTS = 4;
  localparam int unsigned RW      = $clog2(RESULTS);
  /// Flits of the result buffer: two of the longest packets.
  localparam int unsigned BUF     = 2 * BEATS;
  localparam int unsigned BUFW    = $clog2(BUF);

  /// A packet to send.
  typedef struct packed {
    hdr_t               hdr;
    logic [N_PORTS-1:0] mask;
  } send_t;

  /// A result that waits.
  typedef struct packed {
    send_t         send;
    logic          bare;
    logic [BW-1:0] last;
  } result_t;

  typedef enum logic [1:0] {SND_IDLE, SND_RESULT, SND_BARE} snd_e;

  result_t       res_q [RESULTS];
  logic [RW-1:0] res_wp_q, res_rp_q;
  logic [RW:0]   res_cnt_q;
  logic [RW:0]   whole_q;            // results whose flits are all in the buffer
  send_t         ans_q [ANSWERS];
  logic [AW-1:0] ans_wp_q, ans_rp_q;
  logic [AW:0]   ans_cnt_q;
  logic          res_pop, ans_pop;

  // The buffer is written as results come from the lanes and read one flit ahead of the output.
  // a flit is read again after it was written
  (* no_rw_check *) logic [FLIT_W-1:0] buf_mem [BUF];
  logic [FLIT_W-1:0] buf_rdata_q;
  logic [BUFW-1:0]   buf_wp_q, buf_rp_q, buf_rp_d;
  logic [BUFW:0]     buf_cnt_q;
  logic              buf_adv, buf_done;

  snd_e          snd_q;
  logic          snd_ans_q;          // the answer queue is served, not the results
  logic [BW-1:0] left_q;
  logic          first_q, turn_q;
  logic          res_go, ans_go, res_turn, take;
  result_t       res_head;
  send_t         out_q;              // stays through the packet

  assign answer_room_o = !ans_cnt_q[AW];
  assign result_room_o = !res_cnt_q[RW] && (32'(buf_cnt_q) <= BUF - BEATS);

  // ------------------------------------------------------------------------------- the queues

  always_ff @(posedge clk_i) begin
    if (result_valid_i) begin
      res_q[res_wp_q] <= '{send: '{hdr: result_hdr_i, mask: result_mask_i}, bare: result_bare_i,
                           last: result_last_i};
    end
    if (answer_valid_i) ans_q[ans_wp_q] <= '{hdr: answer_hdr_i, mask: answer_mask_i};
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      res_wp_q  <= '0;
      res_rp_q  <= '0;
      res_cnt_q <= '0;
      ans_wp_q  <= '0;
      ans_rp_q  <= '0;
      ans_cnt_q <= '0;
    end else begin
      if (result_valid_i) res_wp_q <= res_wp_q + RW'(1);
      if (res_pop) res_rp_q <= res_rp_q + RW'(1);
      if (result_valid_i != res_pop)
        res_cnt_q <= result_valid_i ? res_cnt_q + 1'b1 : res_cnt_q - 1'b1;
      if (answer_valid_i) ans_wp_q <= ans_wp_q + AW'(1);
      if (ans_pop) ans_rp_q <= ans_rp_q + AW'(1);
      if (answer_valid_i != ans_pop)
        ans_cnt_q <= answer_valid_i ? ans_cnt_q + 1'b1 : ans_cnt_q - 1'b1;
    end
  end

  // ------------------------------------------------------------------------------- the buffer

  assign buf_rp_d = buf_rp_q + BUFW'(buf_adv);

  always_ff @(posedge clk_i) begin
    if (flit_valid_i) buf_mem[buf_wp_q] <= flit_data_i;
  end
  always_ff @(posedge clk_i) begin
    if (res_cnt_q != '0) buf_rdata_q <= buf_mem[buf_rp_d];
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      buf_wp_q  <= '0;
      buf_rp_q  <= '0;
      buf_cnt_q <= '0;
      whole_q   <= '0;
    end else begin
      buf_rp_q <= buf_rp_d;
      if (flit_valid_i) buf_wp_q <= buf_wp_q + BUFW'(1);
      // room is taken when a result is announced
      buf_cnt_q <= buf_cnt_q
          + ((result_valid_i && !result_bare_i) ? (BUFW + 1)'(result_last_i) + 1'b1 : '0)
          - (BUFW + 1)'(buf_adv);
      // SND_IDLE lasts a cycle at least: time to fetch the first flit
      if ((flit_valid_i && flit_last_i) != buf_done)
        whole_q <= buf_done ? whole_q - 1'b1 : whole_q + 1'b1;
    end
  end

  // ------------------------------------------------------------------------------- the output

  assign res_head = res_q[res_rp_q];
  // a notice or a barrier has no flits to wait for
  assign res_go   = (res_cnt_q != '0) && (res_head.bare || (whole_q != '0));
  assign ans_go   = ans_cnt_q != '0;
  assign res_turn = res_go && !(ans_go && turn_q);

  assign out_valid_o = snd_q != SND_IDLE;
  assign out_first_o = first_q;
  assign out_last_o  = left_q == '0;
  assign out_data_o  = (snd_q == SND_RESULT) ? buf_rdata_q : '0;
  assign out_hdr_o   = out_q.hdr;
  assign out_mask_o  = out_q.mask;
  assign take        = out_valid_o && out_ready_i;
  assign buf_adv     = take && (snd_q == SND_RESULT);
  assign res_pop     = take && out_last_o && !snd_ans_q;
  assign ans_pop     = take && out_last_o && snd_ans_q;
  assign buf_done    = take && out_last_o && (snd_q == SND_RESULT);
  assign ev_result_o = take && out_last_o && (out_q.hdr.op == OP_RESULT);

  always_ff @(posedge clk_i) begin
    if (snd_q == SND_IDLE) out_q <= res_turn ? res_head.send : ans_q[ans_rp_q];
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      snd_q     <= SND_IDLE;
      snd_ans_q <= 1'b0;
      left_q    <= '0;
      first_q   <= 1'b0;
      turn_q    <= 1'b0;
    end else if (snd_q == SND_IDLE) begin
      if (res_turn) begin
        snd_q     <= res_head.bare ? SND_BARE : SND_RESULT;
        snd_ans_q <= 1'b0;
        left_q    <= res_head.bare ? '0 : res_head.last;
        first_q   <= 1'b1;
        turn_q    <= 1'b1;
      end else if (ans_go) begin
        snd_q     <= SND_BARE;
        snd_ans_q <= 1'b1;
        left_q    <= '0;
        first_q   <= 1'b1;
        turn_q    <= 1'b0;
      end
    end else if (out_ready_i) begin
      first_q <= 1'b0;
      if (out_last_o) snd_q <= SND_IDLE;
      else left_q <= left_q - BW'(1);
    end
  end

endmodule
