// SPDX-License-Identifier: Apache-2.0
//
// Takes some packets out of a stream, keeps them until it is known what becomes of them, and sends
// them on among the others: as they came, with another header, as several copies, or not at all.
// Guarantees: what is not taken passes without a cycle; packets that are taken leave in order,
// whole and without a gap of ours; packets never interleave; those that pass and those that were
// kept take turns. A packet that is longer than any can be is dropped.

module sp_uplink_store #(
    /// Bits of a flit.
    parameter int unsigned FLIT_W = 128,
    /// Flits that are kept, a power of two of at least two longest packets and 12.
    parameter int unsigned DEPTH  = 64
) (
    /// Clock.
    input  logic                      clk_i,
    /// Reset, active low, asynchronous.
    input  logic                      rst_ni,
    /// The link is down: all is forgotten, streams begin anew with a first beat.
    input  logic                      clear_i,

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
    /// With the first beat of a packet: it is taken.
    input  logic                      take_i,
    /// A longest packet has room, and what may be on its way.
    output logic                      room_o,
    /// So have two.
    output logic                      ample_o,

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
    /// Stream out: the receiver lets a packet of the VC start. What passes has been let already.
    input  logic [sp_pkg::NUM_VC-1:0] m_room_i,

    /// Look up what becomes of the packet with the header `hdr_o`: it is told from the next cycle
    /// on.
    output logic                      look_o,
    /// Its header, as it came.
    output sp_pkg::hdr_t              hdr_o,
    /// It is dropped.
    input  logic                      drop_i,
    /// Header of the copy that is next.
    input  sp_pkg::hdr_t              hdr_i,
    /// Another copy comes behind it.
    input  logic                      more_i,
    /// A copy has left.
    output logic                      sent_o,
    /// The packet is dropped in this cycle.
    output logic                      dropped_o
);

  import sp_pkg::*;

  localparam int unsigned Longest = max_flits(FLIT_W);
  /// Flits that may still come when there is no room.
  localparam int unsigned OnTheWay = 6;
  localparam int unsigned PtrW = $clog2(DEPTH);

  if (DEPTH < 2 * (Longest + OnTheWay) || (DEPTH & (DEPTH - 1)) != 0) begin : g_bad_depth
    $fatal(1, "sp_uplink_store: DEPTH = %0d is not a power of two of %0d or more", DEPTH,
           2 * (Longest + OnTheWay));
  end

  typedef logic [PtrW:0] ptr_t;  // counts modulo 2 * DEPTH, so that full and empty differ

  // Flits; with the first of a packet its header, and where the packet ends.
  logic [FLIT_W:0] flit_mem [DEPTH];  // {error mark, payload}
  hdr_t            hdr_mem  [DEPTH];
  ptr_t            end_mem  [DEPTH];

  // ----------------------------------------------------------------------------------------- in

  logic in_q;            // within a packet
  logic keep_q, keep;    // that is taken
  logic write;
  logic longer;          // the packet has more flits than any can have
  ptr_t start_q;         // its first flit
  ptr_t wptr_q;          // where the next one goes
  ptr_t head_q;          // first flit of the oldest packet
  ptr_t whole_q;         // packets that are whole
  ptr_t left;            // flits that are free
  ptr_t length;          // flits of the packet that have come before this one
  logic fits;            // a longest packet does
  logic commit, gone;

  assign left    = ptr_t'(DEPTH) - (wptr_q - head_q);
  assign length  = wptr_q - start_q;
  assign fits    = left >= ptr_t'(Longest);
  assign room_o  = left >= ptr_t'(Longest + OnTheWay);
  assign ample_o = left >= ptr_t'(2 * (Longest + OnTheWay));
  assign keep    = in_q ? keep_q : take_i;
  assign write   = s_tvalid_i && s_tready_o && keep;
  assign longer  = in_q && (length >= ptr_t'(Longest));
  assign commit  = write && s_tlast_i && !longer;

  always_ff @(posedge clk_i) begin
    if (write && !longer) begin
      flit_mem[wptr_q[PtrW-1:0]] <= {s_tuser_i[HDR_W], s_tdata_i};
      if (!in_q) hdr_mem[wptr_q[PtrW-1:0]] <= s_tuser_i[HDR_W-1:0];
    end
    if (commit) end_mem[PtrW'(in_q ? start_q : wptr_q)] <= wptr_q + ptr_t'(1);
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      in_q    <= 1'b0;
      keep_q  <= 1'b0;
      start_q <= '0;
      wptr_q  <= '0;
      whole_q <= '0;
    end else if (clear_i) begin
      in_q    <= 1'b0;
      wptr_q  <= '0;
      whole_q <= '0;
    end else begin
      if (s_tvalid_i && s_tready_o) begin
        in_q   <= !s_tlast_i;
        keep_q <= keep;
      end
      if (write) begin
        if (!in_q) start_q <= wptr_q;
        if (!longer) wptr_q <= wptr_q + ptr_t'(1);
        else if (s_tlast_i) wptr_q <= start_q;
      end
      whole_q <= whole_q + ptr_t'(commit) - ptr_t'(gone);
    end
  end

  // --------------------------------------------------------------------------------- what becomes

  typedef enum logic [2:0] {
    HEAD_FETCH,   // the oldest packet
    HEAD_LOOK,    // it is looked up
    HEAD_DECIDE,  // and it is told what becomes of it
    HEAD_SEND     // a copy leaves
  } state_e;

  state_e state_q;
  hdr_t   hdr_q;
  ptr_t   end_q;   // behind its last flit
  ptr_t   rptr_q;  // the flit that is read next

  logic              o_valid_q, o_first_q, o_last_q;
  logic [FLIT_W:0]   o_flit_q;
  logic              o_taken, o_load;

  assign hdr_o     = hdr_q;
  assign look_o    = state_q == HEAD_LOOK;
  assign dropped_o = (state_q == HEAD_DECIDE) && drop_i;
  assign sent_o    = o_taken && o_last_q;
  assign gone      = dropped_o || (sent_o && !more_i);
  assign o_load    = (state_q == HEAD_SEND) && (rptr_q != end_q) && (!o_valid_q || o_taken);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q   <= HEAD_FETCH;
      o_valid_q <= 1'b0;
      head_q    <= '0;
    end else if (clear_i) begin
      state_q   <= HEAD_FETCH;
      o_valid_q <= 1'b0;
      head_q    <= '0;
    end else begin
      case (state_q)
        HEAD_FETCH:  if (whole_q != '0) state_q <= HEAD_LOOK;
        HEAD_LOOK:   state_q <= HEAD_DECIDE;
        HEAD_DECIDE: state_q <= drop_i ? HEAD_FETCH : HEAD_SEND;
        HEAD_SEND:   if (sent_o) state_q <= more_i ? HEAD_DECIDE : HEAD_FETCH;
        default:   state_q <= HEAD_FETCH;
      endcase
      if (o_load) o_valid_q <= 1'b1;
      else if (o_taken) o_valid_q <= 1'b0;
      if (gone) head_q <= end_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (state_q == HEAD_FETCH) begin
      hdr_q <= hdr_mem[head_q[PtrW-1:0]];
      end_q <= end_mem[head_q[PtrW-1:0]];
    end
    if (state_q == HEAD_DECIDE) rptr_q <= head_q;
    if (o_load) begin
      rptr_q    <= rptr_q + ptr_t'(1);
      o_flit_q  <= flit_mem[rptr_q[PtrW-1:0]];
      o_first_q <= rptr_q == head_q;
      o_last_q  <= rptr_q + ptr_t'(1) == end_q;
    end
  end

  // ---------------------------------------------------------------------------------------- out

  logic passes;            // a packet that is not taken waits, or is on its way
  logic ready;             // so does one that was
  logic out_q;             // the stream is within a packet
  logic wait_q;            // a first beat has been shown and was not taken
  logic ours_q, ours;      // it is one that was kept
  logic turn_q;            // it is the turn of those

  assign passes = s_tvalid_i && !keep;
  assign ready  = o_valid_q && (!o_first_q || m_room_i[op_vc(hdr_i.op)]);

  always_comb begin
    if (out_q || (wait_q && (ours_q || passes))) ours = ours_q;
    else ours = ready && (turn_q || !passes);
  end

  assign m_tvalid_o = ours ? o_valid_q : passes;
  assign m_tlast_o  = ours ? o_last_q : s_tlast_i;
  assign m_tdata_o  = ours ? o_flit_q[FLIT_W-1:0] : s_tdata_i;
  assign m_tuser_o  = ours ? {o_last_q && o_flit_q[FLIT_W], hdr_i} : s_tuser_i;
  assign o_taken    = ours && o_valid_q && m_tready_i;
  assign s_tready_o = keep ? in_q || fits : !ours && m_tready_i;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      out_q  <= 1'b0;
      wait_q <= 1'b0;
      ours_q <= 1'b0;
      turn_q <= 1'b0;
    end else if (clear_i) begin
      out_q  <= 1'b0;
      wait_q <= 1'b0;
    end else begin
      wait_q <= m_tvalid_o && !m_tready_i;
      if (m_tvalid_o) begin
        ours_q <= ours;
        if (m_tready_i) out_q <= !m_tlast_o;
        if (m_tready_i && m_tlast_o) turn_q <= !ours;
      end
    end
  end

`ifndef SYNTHESIS
  logic was_reset_q;  // registers hold anything before the first reset
  initial was_reset_q = 1'b0;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) was_reset_q <= 1'b1;
    else if (was_reset_q && !clear_i) begin
      a_room : assert (!(s_tvalid_i && take_i && !in_q) || fits)
        else $error("a packet comes for which there is no room");
      a_full : assert (left <= ptr_t'(DEPTH)) else $error("more is kept than there is room for");
    end
  end
`endif

endmodule
