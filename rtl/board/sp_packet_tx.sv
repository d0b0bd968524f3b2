// SPDX-License-Identifier: Apache-2.0
//
// Memory of packets to send. A host writes words of 32 bits, a packet is rows of a flit each:
//
//   row 0         descriptor: word 0 = {beats in bits 4:0, error mark in bit 8}, rest ignored
//   row 1         header in the low 128 bits
//   row 2..       payload, as many rows as there are beats
//
// Guarantees: packets leave in the order in which they were written, each as soon as it is whole,
// is not held and its VC has room; a word for which there is no room is not taken and said so.
// Beats need not agree with the header: that is how a host sends bad packets. A descriptor of no
// beats sends nothing. The memory is read word by word: a beat takes as many cycles as it has
// words, and two more.

module sp_packet_tx #(
    /// Bits of a flit.
    parameter int unsigned FLIT_W = 128,
    /// Rows, a power of two.
    parameter int unsigned ROWS = 128
) (
    /// Clock.
    input  logic                      clk_i,
    /// Reset, active low, asynchronous; empties the memory.
    input  logic                      rst_ni,
    /// A word from the host.
    input  logic                      push_i,
    /// The word.
    input  logic [31:0]               word_i,
    /// There is no room for a word; a push now is ignored.
    output logic                      full_o,
    /// Free rows.
    output logic [$clog2(ROWS):0]     free_o,
    /// Packets wait.
    input  logic                      hold_i,
    /// Nothing waits and nothing is on its way.
    output logic                      idle_o,
    /// Stream out: valid.
    output logic                      m_tvalid_o,
    /// Stream out: ready.
    input  logic                      m_tready_i,
    /// Stream out: payload.
    output logic [FLIT_W-1:0]         m_tdata_o,
    /// Stream out: {error mark with the last beat, header with every beat}.
    output logic [sp_pkg::USER_W-1:0] m_tuser_o,
    /// Stream out: last beat.
    output logic                      m_tlast_o,
    /// A packet of the VC may start.
    input  logic [sp_pkg::NUM_VC-1:0] vc_room_i
);

  import sp_pkg::*;

  localparam int unsigned Lanes = FLIT_W / 32;
  localparam int unsigned LaneW = $clog2(Lanes);
  localparam int unsigned PtrW = $clog2(ROWS);

  if (ROWS < 64 || (ROWS & (ROWS - 1)) != 0) begin : g_bad_rows
    $fatal(1, "sp_packet_tx: ROWS = %0d is not a power of two of 64 or more", ROWS);
  end

  typedef enum logic [2:0] {
    S_IDLE,    // no row
    S_DESC,    // the descriptor is being read
    S_WAIT,    // for the rest of the packet
    S_HEADER,  // the header is being read
    S_ROOM,    // for room on its VC
    S_SEND     // a beat is being read or offered
  } state_e;

  (* no_rw_check *)  // a word is never read while it is written
  logic [31:0]       mem [ROWS*Lanes];
  state_e            state_q;
  logic [PtrW-1:0]   wptr_q;
  logic [PtrW-1:0]   rptr_q;
  logic [PtrW:0]     level_q;    // whole rows
  logic [LaneW-1:0]  wlane_q;
  logic [LaneW-1:0]  rlane_q;
  logic [31:0]       word_q;     // what was read
  logic [FLIT_W-1:0] row_q;      // the last words that were
  logic              fetch;      // begin to read a row
  logic              reading_q;
  logic              came_q;     // word_q is new
  logic              got_q;      // row_q is a whole row
  logic [4:0]        beats_q;    // beats left to read
  logic              err_q;
  hdr_t              hdr_q;
  logic              last_q;     // the beat offered is the last one
  logic              row_in;
  logic              row_out;

  // --------------------------------------------------------------------------------- memory

  assign full_o  = level_q == (PtrW + 1)'(ROWS);
  assign free_o  = (PtrW + 1)'(ROWS) - level_q;
  assign row_in  = push_i && !full_o && (wlane_q == LaneW'(Lanes - 1));
  assign row_out = reading_q && (rlane_q == LaneW'(Lanes - 1));

  always_ff @(posedge clk_i) begin
    if (push_i && !full_o) mem[{wptr_q, wlane_q}] <= word_i;
    if (reading_q) word_q <= mem[{rptr_q, rlane_q}];
    if (came_q) row_q <= {word_q, row_q[FLIT_W-1:32]};
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      wptr_q    <= '0;
      rptr_q    <= '0;
      level_q   <= '0;
      wlane_q   <= '0;
      rlane_q   <= '0;
      reading_q <= 1'b0;
      came_q    <= 1'b0;
      got_q     <= 1'b0;
    end else begin
      if (push_i && !full_o) wlane_q <= wlane_q + LaneW'(1);
      if (reading_q) rlane_q <= rlane_q + LaneW'(1);
      if (row_in) wptr_q <= wptr_q + PtrW'(1);
      if (row_out) rptr_q <= rptr_q + PtrW'(1);
      if (row_in != row_out) level_q <= level_q + (row_in ? (PtrW + 1)'(1) : '1);
      reading_q <= fetch || (reading_q && !row_out);
      came_q    <= reading_q;
      got_q     <= came_q && !reading_q;
    end
  end

  // -------------------------------------------------------------------------------- packets

  logic whole_q;  // the rest of the packet is there
  logic room;     // for it
  logic taken;

  assign room  = (beats_q != '0) && vc_room_i[op_vc(hdr_q.op)];
  assign taken = m_tvalid_o && m_tready_i;

  always_comb begin
    case (state_q)
      S_IDLE:  fetch = level_q != '0;
      S_WAIT:  fetch = whole_q && !hold_i;
      S_ROOM:  fetch = room;
      S_SEND:  fetch = taken && !last_q;
      default: fetch = 1'b0;
    endcase
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q    <= S_IDLE;
      m_tvalid_o <= 1'b0;
      whole_q    <= 1'b0;
    end else begin
      m_tvalid_o <= (m_tvalid_o && !m_tready_i) || (got_q && state_q == S_SEND);
      whole_q    <= (state_q == S_WAIT) && level_q > (PtrW + 1)'(beats_q);
      case (state_q)
        S_IDLE:   if (fetch) state_q <= S_DESC;
        S_DESC:   if (got_q) state_q <= S_WAIT;
        S_WAIT:   if (fetch) state_q <= S_HEADER;
        S_HEADER: if (got_q) state_q <= S_ROOM;
        S_ROOM: begin
          if (beats_q == '0) state_q <= S_IDLE;
          else if (room) state_q <= S_SEND;
        end
        default: if (taken && last_q) state_q <= S_IDLE;
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    if (got_q) begin
      case (state_q)
        S_DESC:   {err_q, beats_q} <= {row_q[8], row_q[4:0]};
        S_HEADER: hdr_q <= row_q[HDR_W-1:0];
        S_SEND: begin
          beats_q <= beats_q - 5'd1;
          last_q  <= beats_q == 5'd1;
        end
        default: ;
      endcase
    end
  end

  assign m_tdata_o  = row_q;
  assign m_tuser_o  = {err_q && last_q, hdr_q};
  assign m_tlast_o  = last_q;
  assign idle_o     = (state_q == S_IDLE) && (level_q == '0) && (wlane_q == '0);

endmodule
