// SPDX-License-Identifier: Apache-2.0
//
// Puts the end-to-end check (docs/endpoint.md) behind payload and strobes of each packet.
// Guarantees: packets leave in order, one cycle later, without gaps that did not come; a packet
// takes a beat more if the check does not fit its last one; packets of collectives, and those that
// have a check, go through as they are.

module sp_seal #(
    /// Bits of a flit: 128, 256 or 512.
    parameter int unsigned FLIT_W = 128,
    /// Bits that go along with a packet.
    parameter int unsigned SIDE_W = 1
) (
    /// Clock.
    input  logic                      clk_i,
    /// Reset, active low, asynchronous.
    input  logic                      rst_ni,
    /// Packets get a check; may change between packets.
    input  logic                      enable_i,

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
    /// Stream in: what goes along.
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
    output logic [SIDE_W-1:0]         m_side_o
);

  import sp_pkg::*;
  import sp_link_pkg::CRC_W;

  localparam int unsigned K = FLIT_W / UNIT_W;

  if (FLIT_W != 128 && FLIT_W != 256 && FLIT_W != 512) begin : g_bad_width
    $fatal(1, "sp_seal: FLIT_W = %0d is not 128, 256 or 512", FLIT_W);
  end

  // What comes.
  logic           inside_q;  // behind the first beat of a packet
  hdr_t           hdr;
  logic           seal;
  logic           set;
  logic [LEN_W:0] left;      // units before the check, from this beat on
  logic [LEN_W:0] left_q;
  logic [CRC_W-1:0] crc;
  logic           crc_set;   // it is the next crc_q

  // The beat that leaves.
  logic                        valid_q;
  logic [K-1:0][UNIT_W-1:0]    unit_q;
  hdr_t                        hdr_q;
  logic                        err_q;
  logic                        last_q;
  logic [SIDE_W-1:0]           side_q;
  logic                        seal_q;
  logic                        set_q;
  logic [2:0]                  at_q;      // unit of this beat that the check goes before; K: none
  logic [CRC_W-1:0]            crc_q;     // behind this beat; with one unit a flit, in front of it
  logic                        extra;     // a beat more follows
  logic                        second_q;  // it leaves

  assign hdr  = hdr_t'(s_tuser_i[HDR_W-1:0]);
  assign seal = inside_q ? seal_q : enable_i && !hdr.ext[EXT_CHECK] && !hdr.op[3];
  assign set  = inside_q ? set_q : hdr.ext[EXT_SET];
  assign left = inside_q ? left_q : (LEN_W + 1)'(hdr.len) + (LEN_W + 1)'(hdr.ext[EXT_STROBE]);

  if (K == 1) begin : g_step
    // A check has a beat of its own behind the units of its packet, so a step a cycle is enough:
    // for the header when it comes, for a unit when it leaves. A header comes while a unit of
    // another packet leaves only if that has no check.
    logic of_header;
    assign of_header = !inside_q && !(valid_q && extra && !second_q);
    assign crc_set   = of_header ? s_tready_o && s_tvalid_i
                                 : m_tvalid_o && m_tready_i && !second_q && (at_q != '0);

    sp_check_step i_crc (
        .first_i(of_header),
        .hdr_i  (hdr),
        .unit_i (unit_q),
        .crc_i  (crc_q),
        .crc_o  (crc)
    );
  end else begin : g_crc
    assign crc_set = s_tready_o && s_tvalid_i;

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

  assign extra      = seal_q && last_q && ((at_q == 3'(K)) || (set_q && (at_q == 3'(K - 1))));
  assign s_tready_o = !valid_q || (m_tready_i && (!extra || second_q));

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      inside_q <= 1'b0;
      valid_q  <= 1'b0;
      second_q <= 1'b0;
    end else begin
      if (s_tready_o) begin
        valid_q <= s_tvalid_i;
        if (s_tvalid_i) inside_q <= !s_tlast_i;
      end
      if (m_tvalid_o && m_tready_i) second_q <= extra && !second_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (s_tready_o && s_tvalid_i) begin
      unit_q    <= s_tdata_i;
      hdr_q     <= hdr;
      if (seal && !inside_q) hdr_q.ext[EXT_CHECK] <= 1'b1;
      err_q     <= s_tuser_i[USER_W-1];
      last_q    <= s_tlast_i;
      side_q    <= s_side_i;
      seal_q    <= seal;
      set_q     <= set;
      at_q      <= (left < (LEN_W + 1)'(K)) ? 3'(left) : 3'(K);
      left_q    <= (left < (LEN_W + 1)'(K)) ? '0 : left - (LEN_W + 1)'(K);
    end
    if (crc_set) crc_q <= crc;
  end

  // ----------------------------------------------------------------------------------------- out

  logic [UNIT_W-1:0]        check;
  logic [K-1:0][UNIT_W-1:0] unit_d;

  assign check = {(UNIT_W - CRC_W)'(0), ~crc_q};

  always_comb begin
    unit_d = unit_q;
    if (second_q) begin
      unit_d    = '0;
      unit_d[0] = set_q ? unit_q[K-1] : check;
    end else if (seal_q && last_q) begin
      for (int unsigned k = 0; k < K; k++) begin
        if (3'(k) == at_q) unit_d[k] = check;
        // A member set makes way.
        if (k > 0 && 3'(k) > at_q) unit_d[k] = unit_q[(k > 0) ? k - 1 : 0];
      end
    end
  end

  assign m_tvalid_o = valid_q;
  assign m_tdata_o  = unit_d;
  assign m_tlast_o  = last_q && (!extra || second_q);
  assign m_tuser_o  = {err_q && m_tlast_o, hdr_q};
  assign m_side_o   = side_q;

endmodule
