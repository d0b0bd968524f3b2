// SPDX-License-Identifier: Apache-2.0
//
// Takes and judges the packets that come to one port of a switch from sp_traffic_gen at any port.
// Guarantees: every packet is counted and every bit of it that a generator determines is checked;
// a beat in every cycle while stall_p_i is 0; the first error is kept with what is needed to
// understand it; after an error the rest of the traffic is judged as before.
//
// A packet counts once for each kind of error that it has, but only as foreign when it is not a
// generator's, only as header when its header is wrong, and not as payload when its payload is
// marked bad or its length is wrong. sp_traffic_state counts.
//
//   taken | header looked at; XOR with what is due | number looked up; any bit | errors | counted
//   in        q                                       p                           e

module sp_traffic_check #(
    /// Ports of the switch, 2 to 64: sources and flows.
    parameter int unsigned N_PORTS = 4,
    /// Bits of a flit: 128, 256 or 512.
    parameter int unsigned FLIT_W = 128,
    localparam int unsigned PortW = $clog2(N_PORTS)
) (
    /// Clock.
    input  logic                      clk_i,
    /// Reset, active low, asynchronous.
    input  logic                      rst_ni,

    /// Port at which this checker sits.
    input  logic [PortW-1:0]          own_i,
    /// Everything to zero, flows expect sequence number 0; a packet on its way counts no more.
    input  logic                      clear_i,
    /// Share of cycles, in 256ths, in which the stream is held; random.
    input  logic [7:0]                stall_p_i,
    /// Which cycles are held.
    input  logic [31:0]               seed_i,
    /// Time, counts cycles.
    input  logic [15:0]               now_i,

    /// Stream in: valid.
    input  logic                      s_tvalid_i,
    /// Stream in: ready.
    output logic                      s_tready_o,
    /// Stream in: payload.
    input  logic [FLIT_W-1:0]         s_tdata_i,
    /// Stream in: {error mark with the last beat, header with the first}.
    input  logic [sp_pkg::USER_W-1:0] s_tuser_i,
    /// Stream in: last beat.
    input  logic                      s_tlast_i,

    /// What comes with it and behind it counts, what came before it does not.
    output logic                      clear_o,
    /// A packet came, of any kind.
    output logic                      ev_packet_o,
    /// A beat came.
    output logic                      ev_flit_o,
    /// By source: a packet that is a generator's and has a right header.
    output logic [N_PORTS-1:0]        ev_from_o,
    /// By kind: a packet with an error, in the order of `first_kind_o`.
    output logic [5:0]                ev_error_o,
    /// The sum of latencies passed 2^16.
    output logic                      ev_latency_o,
    /// Least latency: cycles from the first beat offered to the first beat taken, modulo 2^16.
    output logic [15:0]               latency_min_o,
    /// Greatest latency.
    output logic [15:0]               latency_max_o,
    /// Sum of the latencies of the packets of ev_from_o, modulo 2^16.
    output logic [15:0]               latency_sum_o,
    /// Sum over the packets of ev_from_o of a word made of their payload; any order gives the same.
    output logic [31:0]               signature_o,

    /// There was an error; the rest is about the first packet with one.
    output logic                      first_valid_o,
    /// Its kind: 0 sequence, 1 payload, 2 header, 3 length, 4 mark, 5 foreign. Of several the first
    /// of: mark, length, sequence, payload.
    output logic [2:0]                first_kind_o,
    /// Its beat: the first wrong one (a wrong sequence number: 0), or the last when none is.
    output logic [4:0]                first_beat_o,
    /// Word of 32 bits: 0 to 3 of its header as it came; 4 to 7 of the bits that are wrong in a
    /// unit of that beat, the first one with any; 8 the sequence number that was expected.
    input  logic [3:0]                first_sel_i,
    /// That word, two cycles later.
    output logic [31:0]               first_word_o
);

  import sp_pkg::*;
  import sp_traffic_pkg::*;

  localparam int unsigned UnitsPerFlit = FLIT_W / UNIT_W;
  localparam int unsigned FlowW = PortW + 2;
  localparam int unsigned Kinds = 6;

  if (N_PORTS < 2 || N_PORTS > 64) begin : g_bad_ports
    $fatal(1, "sp_traffic_check: N_PORTS = %0d is not in 2..64", N_PORTS);
  end
  if (FLIT_W != 128 && FLIT_W != 256 && FLIT_W != 512) begin : g_bad_width
    $fatal(1, "sp_traffic_check: FLIT_W = %0d is not 128, 256 or 512", FLIT_W);
  end

  // --------------------------------------------------------------------------------- beat in

  logic              clear_q;      // synchronous clear, also after reset
  logic [31:0]       lfsr_q;
  logic [15:0]       mix;
  logic [7:0]        dice;         // when below stall_p_i the stream is held
  logic              in_packet_q;  // the next beat is not a first one
  logic              take;
  hdr_t              in_hdr;

  assign in_hdr = s_tuser_i[HDR_W-1:0];
  assign take   = s_tvalid_i && s_tready_o;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      clear_q     <= 1'b1;
      s_tready_o  <= 1'b0;
      in_packet_q <= 1'b0;
    end else begin
      clear_q    <= clear_i;
      s_tready_o <= dice >= stall_p_i;
      if (take) in_packet_q <= !s_tlast_i;
    end
  end

  // One shift register for all seeds: they choose which of its bits are mixed, which takes fewer
  // LUTs than to load it.
  assign mix  = seed_i[15:0] ^ seed_i[31:16];
  assign dice = lfsr_q[7:0] ^ (lfsr_q[15:8] & mix[7:0]) ^ (lfsr_q[23:16] & mix[15:8]);

  always_ff @(posedge clk_i) begin
    if (clear_q) lfsr_q <= '1;
    else lfsr_q <= lfsr_next(lfsr_q);
  end

  // The beat as it came; the header stays for the whole packet.
  logic              valid_q;
  logic              first_q;
  logic              last_q;
  logic              err_q;
  logic [FLIT_W-1:0] data_q;
  hdr_t              hdr_q;
  logic [15:0]       now_q;     // when the first beat came
  logic [4:0]        beat_q;
  logic              live_q;    // the packet began behind the last clear

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) valid_q <= 1'b0;
    else valid_q <= take;
  end

  always_ff @(posedge clk_i) begin
    if (take) begin
      first_q <= !in_packet_q;
      last_q  <= s_tlast_i;
      err_q   <= s_tuser_i[HDR_W];
      data_q  <= s_tdata_i;
      // Stops at the greatest value, which no right packet has.
      beat_q  <= !in_packet_q ? '0 : (beat_q == '1) ? beat_q : beat_q + 5'd1;
      if (!in_packet_q) begin
        hdr_q <= in_hdr;
        now_q <= now_i;
      end
    end
    if (clear_i || clear_q) live_q <= 1'b0;
    else if (take && !in_packet_q) live_q <= 1'b1;
  end

  // -------------------------------------------------------------- header; what the payload is not

  logic [31:0] seq;
  logic [1:0]  vc;
  logic        foreign;
  logic [2:0]  header_bad;   // in parts
  logic [31:0] word;

  assign seq  = hdr_q.cls[31:0];
  assign vc   = op_vc(hdr_q.op);
  // With another destination or source the header is wrong, and the payload of no interest.
  assign word = flow_word(10'(own_i), 10'(hdr_q.src[PortW-1:0]), vc, hdr_q.len);

  always_comb begin
    logic made;
    made       = (hdr_q.op == OP_WRITE) || (hdr_q.op == OP_READ_RSP) || (hdr_q.op == OP_MGT_WRITE);
    foreign    = (hdr_q.cls[63:48] != MARK) || (op_known(hdr_q.op) && !made);
    header_bad = {!made || (hdr_q.version != VERSION) || (hdr_q.status != ST_OK)
                  || (hdr_q.ext != '0),
                  (hdr_q.dst != ID_W'(own_i)) || (32'(hdr_q.src) >= N_PORTS),
                  hdr_q.tag != seq[TAG_W-1:0]};
  end

  logic                    p_valid_q;   // a beat that counts
  logic                    p_first_q;
  logic                    p_last_q;
  logic                    p_foreign_q;
  logic [2:0]              p_header_q;
  logic                    p_ours;      // neither
  logic                    p_length_q;
  logic                    p_mark_q;
  hdr_t                    p_hdr_q;
  logic [15:0]             p_latency_q;
  logic [4:0]              p_beat_q;
  logic [UnitsPerFlit-1:0] p_counted_q; // units that the header announces
  logic [FLIT_W-1:0]       p_wrong_q;   // bits that are not what they should be
  logic [31:0]             p_fold_q;    // the beat, for the signature
  logic [UnitsPerFlit-1:0] counted;
  logic [31:0]             folded;

  always_comb begin
    folded = '0;
    for (int unsigned i = 0; i < UnitsPerFlit; i++) begin
      logic [UNIT_W-1:0] unit;
      unit       = data_q[UNIT_W*i+:UNIT_W];
      counted[i] = 7'(beat_q) * 7'(UnitsPerFlit) + 7'(i) < 7'(hdr_q.len);
      if (counted[i]) folded ^= rotl(unit[31:0] ^ unit[63:32] ^ unit[95:64] ^ unit[127:96], 8 * i);
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) p_valid_q <= 1'b0;
    else p_valid_q <= valid_q && live_q && !clear_q;
  end

  always_ff @(posedge clk_i) begin
    p_first_q   <= first_q;
    p_last_q    <= last_q;
    p_foreign_q <= foreign;
    p_header_q  <= header_bad;
    p_length_q  <= (hdr_q.len == '0) || (hdr_q.len > LEN_W'(MAX_UNITS))
                || (beat_q + 5'd1 != num_flits(hdr_q.len, '0, UnitsPerFlit));
    p_mark_q    <= err_q || hdr_q.poison;
    p_hdr_q     <= hdr_q;
    p_latency_q <= now_q - hdr_q.cls[47:32];
    p_beat_q    <= beat_q;
    p_counted_q <= counted;
    p_fold_q    <= folded;
    for (int unsigned i = 0; i < UnitsPerFlit; i++) begin
      p_wrong_q[UNIT_W*i+:UNIT_W] <= data_q[UNIT_W*i+:UNIT_W]
          ^ payload(seq, word, beat_q * LEN_W'(UnitsPerFlit) + LEN_W'(i));
    end
  end

  // ----------------------------------------------------- sequence number, payload; over the packet

  logic [31:0]           seq_mem [1<<FlowW];
  logic [(1<<FlowW)-1:0] used_q;  // flows of which something came
  logic [FlowW-1:0]      flow;
  logic [31:0]           p_seq;
  logic [31:0]           seq_due;
  logic                  seq_write;

  assign p_seq     = p_hdr_q.cls[31:0];
  assign flow      = {p_hdr_q.src[PortW-1:0], op_vc(p_hdr_q.op)};
  assign p_ours    = !p_foreign_q && (p_header_q == '0);
  assign seq_due   = used_q[flow] ? seq_mem[flow] : '0;
  assign seq_write = p_valid_q && p_first_q && p_ours;

  always_ff @(posedge clk_i) begin
    if (seq_write) seq_mem[flow] <= p_seq + 32'd1;
    if (clear_q) used_q <= '0;
    else if (seq_write) used_q[flow] <= 1'b1;
  end

  // Of the first unit that differs, else of the first.
  logic [UNIT_W-1:0] bad_wrong;

  always_comb begin
    bad_wrong = p_wrong_q[UNIT_W-1:0];
    for (int unsigned i = UnitsPerFlit; i > 0; i--) begin
      if (p_counted_q[i-1] && (p_wrong_q[UNIT_W*(i-1)+:UNIT_W] != '0)) begin
        bad_wrong = p_wrong_q[UNIT_W*(i-1)+:UNIT_W];
      end
    end
  end

  localparam int unsigned SeqParts = 8;
  localparam int unsigned BitParts = FLIT_W / 16;

  logic                e_valid_q;
  logic                e_first_q;
  logic                e_last_q;
  logic                e_foreign_q;
  logic                e_header_q;
  logic                e_ours_q;
  logic                e_length_q;
  logic                e_mark_q;
  logic                e_numbered_q; // the sequence number counts
  logic [SeqParts-1:0] e_seq_q;      // parts of it that are wrong
  logic [BitParts-1:0] e_bits_q;     // parts of the beat that are wrong
  logic [31:0]         e_fold_q;
  logic [15:0]         e_latency_q;
  logic [PortW-1:0]    e_src_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) e_valid_q <= 1'b0;
    else e_valid_q <= p_valid_q && !clear_q;
  end

  always_ff @(posedge clk_i) begin
    e_first_q   <= p_first_q;
    e_last_q    <= p_last_q;
    e_foreign_q <= p_foreign_q;
    e_header_q  <= !p_foreign_q && (p_header_q != '0);
    e_ours_q    <= p_ours;
    e_length_q  <= p_length_q;
    e_mark_q    <= p_mark_q;
    e_latency_q <= p_latency_q;
    e_src_q     <= p_hdr_q.src[PortW-1:0];
    e_numbered_q <= p_first_q && p_ours;
    for (int unsigned k = 0; k < SeqParts; k++) begin
      e_seq_q[k] <= p_seq[4*k+:4] != seq_due[4*k+:4];
    end
    for (int unsigned k = 0; k < BitParts; k++) begin
      e_bits_q[k] <= p_counted_q[16*k/UNIT_W] && (p_wrong_q[16*k+:16] != '0);
    end
    if (p_valid_q) e_fold_q <= p_fold_q ^ (p_first_q ? '0 : {e_fold_q[26:0], e_fold_q[31:27]});
  end

  // -------------------------------------------------------------------------- with the last beat

  logic             seq_err;      // so far in the packet
  logic             payload_err;
  logic             seq_err_q;    // up to the last beat
  logic             payload_err_q;
  logic             counts;       // a packet of which the source is known
  logic [Kinds-1:0] errors;
  logic             wrong;        // one of them
  logic [16:0]      latency_sum;

  assign counts      = e_valid_q && e_last_q && e_ours_q;
  assign latency_sum = {1'b0, latency_sum_o} + {1'b0, e_latency_q};

  assign seq_err     = e_valid_q ? (e_numbered_q && (e_seq_q != '0)) || (!e_first_q && seq_err_q)
                                 : seq_err_q;
  assign payload_err = e_valid_q ? (e_bits_q != '0) || (!e_first_q && payload_err_q)
                                 : payload_err_q;
  assign wrong       = e_valid_q && e_last_q && (e_foreign_q || e_header_q || seq_err
                                                 || payload_err || e_length_q || e_mark_q);

  always_ff @(posedge clk_i) begin
    seq_err_q     <= seq_err;
    payload_err_q <= payload_err;
  end

  always_comb begin
    errors = '0;
    if (e_valid_q && e_last_q) begin
      errors[0] = e_ours_q && seq_err;
      errors[1] = e_ours_q && payload_err && !e_length_q && !e_mark_q;
      errors[2] = e_header_q;
      errors[3] = e_ours_q && e_length_q;
      errors[4] = e_ours_q && e_mark_q;
      errors[5] = e_foreign_q;
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      clear_o      <= 1'b1;
      ev_packet_o  <= 1'b0;
      ev_flit_o    <= 1'b0;
      ev_from_o    <= '0;
      ev_error_o   <= '0;
      ev_latency_o <= 1'b0;
    end else begin
      clear_o      <= clear_q;
      ev_packet_o  <= e_valid_q && e_last_q && !clear_q;
      ev_flit_o    <= e_valid_q && !clear_q;
      ev_error_o   <= clear_q ? '0 : errors;
      ev_latency_o <= counts && latency_sum[16] && !clear_q;
      for (int unsigned p = 0; p < N_PORTS; p++) begin
        ev_from_o[p] <= counts && (e_src_q == PortW'(p)) && !clear_q;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (clear_q) begin
      signature_o   <= '0;
      latency_min_o <= '1;
      latency_max_o <= '0;
      latency_sum_o <= '0;
    end else if (counts) begin
      signature_o <= signature_o + e_fold_q;
      if (e_latency_q < latency_min_o) latency_min_o <= e_latency_q;
      if (e_latency_q > latency_max_o) latency_max_o <= e_latency_q;
      latency_sum_o <= latency_sum[15:0];
    end
  end

  // -------------------------------------------------------------------------------- first error
  // Kept beat by beat until the packet of a wrong one is over: one cycle after its last beat its
  // errors are known, and what comes behind it is not kept.

  logic              keep;
  hdr_t              first_hdr_q;
  logic [31:0]       first_due_q;
  logic [UNIT_W-1:0] first_wrong_q;

  assign keep = p_valid_q && !first_valid_o && !wrong;

  always_ff @(posedge clk_i) begin
    if (clear_q) begin
      first_valid_o <= 1'b0;
    end else if (!first_valid_o && wrong) begin
      first_valid_o <= 1'b1;
      first_kind_o  <= errors[5] ? 3'd5 : errors[2] ? 3'd2 : errors[4] ? 3'd4
                     : errors[3] ? 3'd3 : errors[0] ? 3'd0 : 3'd1;
    end
    if (keep) begin
      first_hdr_q <= p_hdr_q;
      if (p_first_q) first_due_q <= seq_due;
      // No wrong beat of this packet is kept.
      if (p_first_q || !(seq_err || payload_err)) begin
        first_beat_o  <= p_beat_q;
        first_wrong_q <= bad_wrong;
      end
    end
  end

  // Words of them, in two cycles.
  logic [31:0] hdr_word_q;
  logic [31:0] wrong_word_q;

  always_ff @(posedge clk_i) begin
    hdr_word_q   <= first_hdr_q[32*first_sel_i[1:0]+:32];
    wrong_word_q <= first_wrong_q[32*first_sel_i[1:0]+:32];
    first_word_o <= first_sel_i[3] ? first_due_q : first_sel_i[2] ? wrong_word_q : hdr_word_q;
  end

endmodule
