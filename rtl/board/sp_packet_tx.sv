// SPDX-License-Identifier: Apache-2.0
//
// Memory of packets to send. A host writes words of 32 bits, a packet is rows of a flit each:
//
//   row 0         descriptor: word 0 = {beats in bits 4:0, error mark in bit 8}, rest ignored
//   row 1         header in the low 128 bits
//   row 2..       payload, as many rows as there are beats
//
// Guarantees: packets leave in the order in which they were written, each as soon as it is whole, is
// not held and its VC has room, without a gap between its beats while the port is ready; a word for
// which there is no room is not taken and said so. Beats need not agree with the header: that is how a
// host sends bad packets. A descriptor of no beats sends nothing.

module sp_packet_tx #(
    /// Bits of a flit.
    parameter int unsigned FLIT_W = 128,
    /// Rows, a power of two.
    parameter int unsigned ROWS = 512
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
    S_IDLE,    // no row, or the descriptor is being read
    S_DESC,    // the descriptor is there
    S_WAIT,    // for the rest of the packet
    S_HEADER,  // the header is there
    S_ROOM,    // for room on its VC
    S_SEND
  } state_e;

  state_e            state_q;
  logic [PtrW-1:0]   wptr_q;
  logic [PtrW-1:0]   rptr_q;
  logic [PtrW:0]     level_q;   // whole rows
  logic [LaneW-1:0]  lane_q;
  logic [FLIT_W-1:0] row;       // what was read
  logic [4:0]        beats_q;   // beats left to read
  logic              err_q;
  hdr_t              hdr_q;
  logic              read;
  logic              have_q;    // a beat is offered: the row that was read last
  logic              last_q;    // it is the last one
  logic              row_in;
  logic              row_out_q;

  // --------------------------------------------------------------------------------- memory

  assign full_o  = level_q == (PtrW + 1)'(ROWS);
  assign free_o  = (PtrW + 1)'(ROWS) - level_q;
  assign row_in  = push_i && !full_o && (lane_q == LaneW'(Lanes - 1));

  for (genvar l = 0; l < Lanes; l++) begin : g_lane
    (* no_rw_check *)  // a row is never read while it is written
    logic [31:0] mem [ROWS];
    always_ff @(posedge clk_i) begin
      if (push_i && !full_o && lane_q == LaneW'(l)) mem[wptr_q] <= word_i;
      if (read) row[32*l+:32] <= mem[rptr_q];
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      wptr_q    <= '0;
      rptr_q    <= '0;
      level_q   <= '0;
      lane_q    <= '0;
      row_out_q <= 1'b0;
    end else begin
      if (push_i && !full_o) lane_q <= lane_q + LaneW'(1);
      if (row_in) wptr_q <= wptr_q + PtrW'(1);
      if (read) rptr_q <= rptr_q + PtrW'(1);
      // What was read counts a cycle longer.
      row_out_q <= read;
      if (row_in != row_out_q) level_q <= level_q + (row_in ? (PtrW + 1)'(1) : '1);
    end
  end

  // -------------------------------------------------------------------------------- packets

  logic whole_q;  // the rest of the packet is there

  always_comb begin
    case (state_q)
      S_IDLE:  read = level_q != '0;
      S_WAIT:  read = whole_q && !hold_i;
      S_SEND:  read = (!have_q || m_tready_i) && (beats_q != '0);
      default: read = 1'b0;
    endcase
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q <= S_IDLE;
      have_q  <= 1'b0;
      whole_q <= 1'b0;
    end else begin
      have_q  <= (state_q == S_SEND) && (read || (have_q && !m_tready_i));
      whole_q <= (state_q == S_WAIT) && level_q > (PtrW + 1)'(beats_q);
      case (state_q)
        S_IDLE:   if (read) state_q <= S_DESC;
        S_DESC:   state_q <= S_WAIT;
        S_WAIT:   if (read) state_q <= S_HEADER;
        S_HEADER: state_q <= S_ROOM;
        S_ROOM: begin
          if (beats_q == '0) state_q <= S_IDLE;
          else if (vc_room_i[op_vc(hdr_q.op)]) state_q <= S_SEND;
        end
        default: if (have_q && last_q && m_tready_i) state_q <= S_IDLE;
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    case (state_q)
      S_DESC:   {err_q, beats_q} <= {row[8], row[4:0]};
      S_HEADER: hdr_q <= row[HDR_W-1:0];
      S_SEND: begin
        if (read) begin
          beats_q <= beats_q - 5'd1;
          last_q  <= beats_q == 5'd1;
        end
      end
      default: ;
    endcase
  end

  assign m_tvalid_o = have_q;
  assign m_tdata_o  = row;
  assign m_tuser_o  = {err_q && last_q, hdr_q};
  assign m_tlast_o  = last_q;
  assign idle_o     = (state_q == S_IDLE) && (level_q == '0) && (lane_q == '0);

endmodule
