// SPDX-License-Identifier: Apache-2.0
//
// Takes and judges the packets that come to one port of a switch from sp_traffic_gen at any port.
// Guarantees: every packet is counted and every bit of it that a generator determines is checked;
// a beat in every cycle while stall_p_i is 0; the first error is kept with what is needed to
// understand it; after an error the rest of the traffic is judged as before.
//
// A packet counts once for each kind of error that it has, but only as foreign when it is not a
// generator's, only as header when its header is wrong, and not as payload when its payload is
// marked bad or its length is wrong. Counters of errors stop at 65,535.

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

    /// Packets that came, of any kind.
    output logic [31:0]               packets_o,
    /// Beats that came.
    output logic [31:0]               flits_o,
    /// By source: packets that are a generator's and have a right header.
    output logic [31:0]               from_o [N_PORTS],
    /// Packets with another sequence number than expected.
    output logic [31:0]               error_sequence_o,
    /// Packets with a wrong bit of payload.
    output logic [31:0]               error_payload_o,
    /// Packets with a wrong version, operation, destination, source, tag, status or extension.
    output logic [31:0]               error_header_o,
    /// Packets with a length out of bounds, or that is not what came.
    output logic [31:0]               error_length_o,
    /// Packets with an error mark or poison.
    output logic [31:0]               error_mark_o,
    /// Packets that are not a generator's.
    output logic [31:0]               foreign_o,
    /// Least latency: cycles from the first beat offered to the first beat taken, modulo 2^16.
    output logic [15:0]               latency_min_o,
    /// Greatest latency.
    output logic [15:0]               latency_max_o,
    /// Sum of the latencies of the packets of from_o.
    output logic [47:0]               latency_sum_o,
    /// Sum over the packets of from_o of a word made of their payload; any order gives the same.
    output logic [31:0]               signature_o,

    /// There was an error; the rest is about the first packet with one.
    output logic                      first_valid_o,
    /// Its kind: 0 sequence, 1 payload, 2 header, 3 length, 4 mark, 5 foreign. Of several the first
    /// of: mark, length, sequence, payload.
    output logic [2:0]                first_kind_o,
    /// Its header as it came.
    output sp_pkg::hdr_t              first_hdr_o,
    /// Its beat: the first wrong one (a wrong sequence number: 0), or the last when none is.
    output logic [4:0]                first_beat_o,
    /// Expected sequence number if that was wrong, else the unit expected there.
    output logic [127:0]              first_expected_o,
    /// The unit that came there.
    output logic [127:0]              first_seen_o
);

  import sp_pkg::*;
  import sp_traffic_pkg::*;

  localparam int unsigned UnitsPerFlit = FLIT_W / UNIT_W;
  localparam int unsigned FlowW = PortW + 2;
  localparam int unsigned ErrW = 16;
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

  // The beat is judged one cycle later; the header stays for the whole packet.
  logic              valid_q;
  logic              first_q;
  logic              last_q;
  logic              err_q;
  logic [FLIT_W-1:0] data_q;
  hdr_t              hdr_q;
  logic [15:0]       latency_q;
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
        hdr_q     <= in_hdr;
        latency_q <= now_i - in_hdr.cls[47:32];
      end
    end
    if (clear_i || clear_q) live_q <= 1'b0;
    else if (take && !in_packet_q) live_q <= 1'b1;
  end

  // --------------------------------------------------------------------------------- judgement

  logic [31:0] seq;
  logic [1:0]  vc;
  logic        first;      // a first beat that counts
  logic        last;       // a last beat that counts
  logic        foreign;
  logic        header_bad;
  logic        ours;       // neither

  assign seq   = hdr_q.cls[31:0];
  assign vc    = op_vc(hdr_q.op);
  assign first = valid_q && live_q && first_q;
  assign last  = valid_q && live_q && last_q;

  always_comb begin
    logic made;
    made       = (hdr_q.op == OP_WRITE) || (hdr_q.op == OP_READ_RSP) || (hdr_q.op == OP_MGT_WRITE);
    foreign    = (hdr_q.cls[63:48] != MARK) || (op_known(hdr_q.op) && !made);
    header_bad = !made || (hdr_q.version != VERSION) || (hdr_q.dst != ID_W'(own_i))
               || (32'(hdr_q.src) >= N_PORTS) || (hdr_q.tag != seq[TAG_W-1:0])
               || (hdr_q.status != ST_OK) || (hdr_q.ext != '0);
    ours       = !foreign && !header_bad;
  end

  // Sequence numbers expected.
  logic [31:0]           seq_mem [1<<FlowW];
  logic [(1<<FlowW)-1:0] used_q;  // flows of which something came
  logic [FlowW-1:0]      flow;
  logic [31:0]           seq_due;
  logic                  seq_bad;

  assign flow    = {hdr_q.src[PortW-1:0], vc};
  assign seq_due = used_q[flow] ? seq_mem[flow] : '0;
  assign seq_bad = first && ours && (seq != seq_due);

  always_ff @(posedge clk_i) begin
    if (first && ours) seq_mem[flow] <= seq + 32'd1;
    if (clear_q) used_q <= '0;
    else if (first && ours) used_q[flow] <= 1'b1;
  end

  // Payload.
  logic [UnitsPerFlit-1:0] counted;   // units that the header announces
  logic [UnitsPerFlit-1:0] differs;
  logic [UNIT_W-1:0]       due  [UnitsPerFlit];
  logic [UNIT_W-1:0]       seen [UnitsPerFlit];
  logic [UNIT_W-1:0]       bad_due;   // the first unit that differs, else the first
  logic [UNIT_W-1:0]       bad_seen;
  logic [31:0]             folded;    // the beat, for the signature
  logic [31:0]             word;

  assign word = flow_word(hdr_q.dst[9:0], hdr_q.src[9:0], vc, hdr_q.len);

  always_comb begin
    folded = '0;
    for (int unsigned i = 0; i < UnitsPerFlit; i++) begin
      logic [6:0] at;
      at         = 7'(beat_q) * 7'(UnitsPerFlit) + 7'(i);
      seen[i]    = data_q[UNIT_W*i+:UNIT_W];
      due[i]     = payload(seq, word, at[4:0]);
      counted[i]  = at < 7'(hdr_q.len);
      differs[i] = counted[i] && (seen[i] != due[i]);
      if (counted[i]) begin
        folded ^= rotl(seen[i][31:0] ^ seen[i][63:32] ^ seen[i][95:64] ^ seen[i][127:96], 8 * i);
      end
    end
    bad_due  = due[0];
    bad_seen = seen[0];
    for (int unsigned i = UnitsPerFlit; i > 0; i--) begin
      if (differs[i-1]) begin
        bad_due  = due[i-1];
        bad_seen = seen[i-1];
      end
    end
  end

  // Over the beats of a packet.
  logic        seq_bad_q;
  logic        payload_bad_q;
  logic [31:0] fold_q;
  logic        seq_err;
  logic        payload_bad;
  logic [31:0] fold;

  assign seq_err     = seq_bad || (seq_bad_q && !first_q);
  assign payload_bad = (differs != '0) || (payload_bad_q && !first_q);
  assign fold        = folded ^ (first_q ? '0 : {fold_q[26:0], fold_q[31:27]});

  always_ff @(posedge clk_i) begin
    if (valid_q) begin
      seq_bad_q     <= seq_err;
      payload_bad_q <= payload_bad;
      fold_q        <= fold;
    end
  end

  // With the last beat.
  logic             length_bad;
  logic             mark_bad;
  logic [Kinds-1:0] errors;

  always_comb begin
    length_bad = (hdr_q.len == '0) || (hdr_q.len > LEN_W'(MAX_UNITS))
               || (beat_q + 5'd1 != num_flits(hdr_q.len, '0, UnitsPerFlit));
    mark_bad   = err_q || hdr_q.poison;
    errors     = '0;
    if (last) begin
      errors[0] = ours && seq_err;
      errors[1] = ours && payload_bad && !length_bad && !mark_bad;
      errors[2] = !foreign && header_bad;
      errors[3] = ours && length_bad;
      errors[4] = ours && mark_bad;
      errors[5] = foreign;
    end
  end

  // ------------------------------------------------------------------------------------- counts

  logic [ErrW-1:0]  errors_q [Kinds];
  logic [Kinds-1:0] found_q;  // errors of a cycle ago: they come from the end of a long path

  always_ff @(posedge clk_i) begin
    found_q <= clear_q ? '0 : errors;
    if (clear_q) begin
      packets_o   <= '0;
      flits_o     <= '0;
      signature_o <= '0;
      for (int unsigned k = 0; k < Kinds; k++) errors_q[k] <= '0;
      for (int unsigned p = 0; p < N_PORTS; p++) from_o[p] <= '0;
    end else begin
      if (last) packets_o <= packets_o + 32'd1;
      if (valid_q && live_q) flits_o <= flits_o + 32'd1;
      if (last && ours) signature_o <= signature_o + fold;
      for (int unsigned k = 0; k < Kinds; k++) begin
        if (found_q[k] && (errors_q[k] != '1)) errors_q[k] <= errors_q[k] + ErrW'(1);
      end
      for (int unsigned p = 0; p < N_PORTS; p++) begin
        if (last && ours && hdr_q.src[PortW-1:0] == PortW'(p)) from_o[p] <= from_o[p] + 32'd1;
      end
    end
  end

  assign error_sequence_o = 32'(errors_q[0]);
  assign error_payload_o  = 32'(errors_q[1]);
  assign error_header_o   = 32'(errors_q[2]);
  assign error_length_o   = 32'(errors_q[3]);
  assign error_mark_o     = 32'(errors_q[4]);
  assign foreign_o        = 32'(errors_q[5]);

  always_ff @(posedge clk_i) begin
    if (clear_q) begin
      latency_min_o <= '1;
      latency_max_o <= '0;
      latency_sum_o <= '0;
    end else if (last && ours) begin
      if (latency_q < latency_min_o) latency_min_o <= latency_q;
      if (latency_q > latency_max_o) latency_max_o <= latency_q;
      latency_sum_o <= latency_sum_o + 48'(latency_q);
    end
  end

  // -------------------------------------------------------------------------------- first error

  logic kept_q;  // a wrong beat of this packet is kept

  always_ff @(posedge clk_i) begin
    if (clear_q) begin
      first_valid_o <= 1'b0;
    end else if (found_q != '0) begin
      first_valid_o <= 1'b1;
    end
    if (!first_valid_o && found_q == '0 && valid_q) begin
      if (!kept_q || first_q) begin
        first_beat_o     <= beat_q;
        first_expected_o <= seq_bad ? 128'(seq_due) : bad_due;
        first_seen_o     <= bad_seen;
      end
      kept_q <= (seq_bad || (differs != '0)) || (kept_q && !first_q);
      if (last_q) begin
        first_hdr_o <= hdr_q;
        first_kind_o   <= errors[5] ? 3'd5 : errors[2] ? 3'd2 : errors[4] ? 3'd4
                        : errors[3] ? 3'd3 : errors[0] ? 3'd0 : 3'd1;
      end
    end
  end

endmodule
