// SPDX-License-Identifier: Apache-2.0
//
// Takes the end-to-end check (docs/endpoint.md) off each packet that has one. Guarantees: packets
// leave in order and as their source made them; one whose check is wrong, or is missing although it
// is wanted, has the error mark. A last beat waits until the check has come.
//
// Packets have as many beats as their header says: switches and links see to that.

module sp_unseal #(
    /// Bits of a flit: 128, 256 or 512.
    parameter int unsigned FLIT_W = 128,
    /// Bits that go along with a packet.
    parameter int unsigned SIDE_W = 1
) (
    /// Clock.
    input  logic                      clk_i,
    /// Reset, active low, asynchronous.
    input  logic                      rst_ni,
    /// Packets must have a check, but for collectives and OP_ERROR, which switches make too.
    input  logic                      require_i,

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
    /// Stream in: what goes along; with the last beat it counts.
    input  logic [SIDE_W-1:0]         s_side_i,

    /// Stream out: valid.
    output logic                      m_tvalid_o,
    /// Stream out: ready.
    input  logic                      m_tready_i,
    /// Stream out: payload.
    output logic [FLIT_W-1:0]         m_tdata_o,
    /// Stream out: {error mark with the last beat, header with the first}.
    output logic [sp_pkg::USER_W-1:0] m_tuser_o,
    /// Stream out: last beat.
    output logic                      m_tlast_o,
    /// Stream out: what goes along.
    output logic [SIDE_W-1:0]         m_side_o,

    /// Event: a check was wrong, or missing.
    output logic                      ev_broken_o
);

  import sp_pkg::*;
  import sp_link_pkg::CRC_W;

  localparam int unsigned K = FLIT_W / UNIT_W;

  if (FLIT_W != 128 && FLIT_W != 256 && FLIT_W != 512) begin : g_bad_width
    $fatal(1, "sp_unseal: FLIT_W = %0d is not 128, 256 or 512", FLIT_W);
  end

  // What comes.
  logic                     inside_q;   // behind the first beat of a packet
  hdr_t                     hdr;
  logic [K-1:0][UNIT_W-1:0] unit;
  logic                     sealed;
  logic                     miss;       // there is no check where there should be one
  logic                     set;
  logic [LEN_W:0]           left;       // units before the check, from this beat on
  logic [LEN_W:0]           left_q;
  logic [CRC_W-1:0]         crc;
  logic                     crc_set;    // it is the next crc_q
  logic [CRC_W-1:0]         crc_now;    // behind all that the check is about, with the last beat
  logic [LEN_W:0]           after;      // units that the packet will have behind this beat

  // The beat that leaves.
  logic                     valid_q;
  logic [K-1:0][UNIT_W-1:0] unit_q;
  hdr_t                     hdr_q;
  logic                     err_q;
  logic                     last_q;
  logic [SIDE_W-1:0]        side_q;
  logic                     sealed_q;
  logic                     miss_q;
  logic                     set_q;
  logic [2:0]               at_q;       // unit of this beat that is the check; K: not in it
  logic [CRC_W-1:0]         crc_q;      // behind this beat; with one unit a flit, in front of it
  logic                     short_q;    // only units that go, or move up, follow in the next beat

  logic                     ready;      // the beat leaves, or there is none
  logic                     merge;      // the last beat is this one and the next

  assign hdr    = hdr_t'(s_tuser_i[HDR_W-1:0]);
  assign unit   = s_tdata_i;
  assign sealed = inside_q ? sealed_q : hdr.ext[EXT_CHECK];
  assign miss   = inside_q ? miss_q
                           : require_i && !hdr.ext[EXT_CHECK] && !hdr.op[3] && (hdr.op != OP_ERROR);
  assign set    = inside_q ? set_q : hdr.ext[EXT_SET];
  assign left   = inside_q ? left_q : (LEN_W + 1)'(hdr.len) + (LEN_W + 1)'(hdr.ext[EXT_STROBE]);
  assign after  = left + (LEN_W + 1)'(set);

  if (K == 1) begin : g_step
    // A step a cycle is enough: for the header when it comes, for a unit when it leaves. The check
    // is a beat of its own, so no header comes while the last unit in front of a check leaves.
    assign crc_set = inside_q ? m_tvalid_o && m_tready_i && (at_q != '0) : ready && s_tvalid_i;
    assign crc_now = (at_q != '0) ? crc : crc_q;

    sp_check_step i_crc (
        .first_i(!inside_q),
        .hdr_i  (hdr),
        .unit_i (unit_q),
        .crc_i  (crc_q),
        .crc_o  (crc)
    );
  end else begin : g_crc
    assign crc_set = ready && s_tvalid_i && !merge;
    assign crc_now = crc_q;

    sp_check_crc #(
        .K(K)
    ) i_crc (
        .first_i(!inside_q),
        .hdr_i  (hdr),
        .left_i (left),
        .unit_i (s_tdata_i),
        .crc_i  (crc_q),
        .crc_o  (crc)
    );
  end

  assign merge      = valid_q && short_q;
  assign ready      = !valid_q || (m_tready_i && (!merge || s_tvalid_i));
  assign s_tready_o = ready;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      inside_q <= 1'b0;
      valid_q  <= 1'b0;
    end else if (ready) begin
      // The beat that goes with the one before it is none of its own.
      valid_q <= s_tvalid_i && !merge;
      if (s_tvalid_i) inside_q <= !s_tlast_i;
    end
  end

  always_ff @(posedge clk_i) begin
    if (ready && s_tvalid_i && !merge) begin
      unit_q      <= unit;
      hdr_q       <= hdr;
      if (!inside_q) hdr_q.ext[EXT_CHECK] <= 1'b0;
      err_q       <= s_tuser_i[USER_W-1];
      last_q      <= s_tlast_i;
      side_q      <= s_side_i;
      sealed_q    <= sealed;
      miss_q      <= miss;
      set_q       <= set;
      at_q        <= (left < (LEN_W + 1)'(K)) ? 3'(left) : 3'(K);
      left_q      <= (left < (LEN_W + 1)'(K)) ? '0 : left - (LEN_W + 1)'(K);
      // Without the check just this beat is full: so the check, or the set, is alone in the next.
      short_q     <= sealed && !s_tlast_i && (after == (LEN_W + 1)'(K));
    end
    if (crc_set) crc_q <= crc;
  end

  // ----------------------------------------------------------------------------------------- out

  logic [UNIT_W-1:0]        check;
  logic [K-1:0][UNIT_W-1:0] unit_d;
  logic                     wrong;

  always_comb begin
    unit_d = unit_q;
    check  = unit[0];
    if (sealed_q && m_tlast_o) begin
      for (int unsigned k = 0; k < K; k++) begin
        if (3'(k) == at_q) check = unit_q[k];
        // A member set moves up. Where nothing does there is nothing: what comes now may be of
        // another packet.
        if (3'(k) >= at_q) begin
          unit_d[k] = (k + 1 < K) ? unit_q[(k + 1 < K) ? k + 1 : k] : merge ? unit[0] : '0;
        end
      end
    end
  end

  assign wrong       = sealed_q ? check != {(UNIT_W - CRC_W)'(0), ~crc_now} : miss_q;
  assign m_tvalid_o  = valid_q && (!merge || s_tvalid_i);
  assign m_tdata_o   = unit_d;
  assign m_tlast_o   = last_q || merge;
  assign m_tuser_o   = {m_tlast_o && (wrong || (merge ? s_tuser_i[USER_W-1] : err_q)), hdr_q};
  assign m_side_o    = merge ? s_side_i : side_q;
  assign ev_broken_o = m_tvalid_o && m_tready_i && m_tlast_o && wrong;

endmodule
