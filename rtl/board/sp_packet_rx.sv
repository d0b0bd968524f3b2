// SPDX-License-Identifier: Apache-2.0
//
// Memory of packets that came. A host reads words of 32 bits, a packet is rows of a flit each:
//
//   row 0         descriptor: word 0 = {beats in 4:0, error mark in bit 8, cut short in bit 9},
//                 word 1 = time of the first beat, word 2 = time of the last beat, word 3 = 0
//   row 1         header in the low 128 bits
//   row 2..       payload, as many rows as there were beats
//
// Guarantees: packets are read in the order in which they came, and are seen only when they are
// whole; nothing is lost: a port whose memory is full is not ready; what comes of SLACK flits
// behind a fall of room_o, and the rest of its packets, is taken without waiting for the host.
// Beats beyond the longest packet are dropped, and the descriptor says so. A word that is not there
// is answered with an error. The memory is written word by word: a row takes as many cycles as it
// has words.

module sp_packet_rx #(
    /// Bits of a flit.
    parameter int unsigned FLIT_W = 128,
    /// Rows, a power of two.
    parameter int unsigned ROWS = 128,
    /// Flits that may come after room_o fell, and then the rest of their packets.
    parameter int unsigned SLACK = 4
) (
    /// Clock.
    input  logic                      clk_i,
    /// Reset, active low, asynchronous; empties the memory.
    input  logic                      rst_ni,
    /// Time that descriptors show.
    input  logic [31:0]               now_i,
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
    /// There is room for a longest packet and what SLACK allows; from a register.
    output logic                      room_o,
    /// Rows of whole packets.
    output logic [$clog2(ROWS):0]     level_o,
    /// Ask for the next word; not again before the answer.
    input  logic                      pop_i,
    /// The answer, two cycles later.
    output logic                      ack_o,
    /// With the answer: there was no word.
    output logic                      err_o,
    /// With the answer, if there was one: the word.
    output logic [31:0]               word_o
);

  import sp_pkg::*;

  localparam int unsigned Lanes = FLIT_W / 32;
  localparam int unsigned LaneW = $clog2(Lanes);
  localparam int unsigned PtrW = $clog2(ROWS);
  localparam int unsigned Longest = max_flits(FLIT_W);

  // A packet has two rows beside its beats. The level does not know of one that is under way, and
  // room_o is a cycle late: one more than SLACK flits come, of as many packets, one of them
  // longest.
  localparam int unsigned Packet = Longest + 2;
  localparam int unsigned Reserve = Packet + SLACK * 3 + Packet;

  if (ROWS < 64 || (ROWS & (ROWS - 1)) != 0) begin : g_bad_rows
    $fatal(1, "sp_packet_rx: ROWS = %0d is not a power of two of 64 or more", ROWS);
  end
  if (Reserve > ROWS) begin : g_bad_slack
    $fatal(1, "sp_packet_rx: SLACK = %0d is more than %0d rows carry", SLACK, ROWS);
  end

  typedef enum logic [1:0] {
    S_HEADER,  // waits for a packet and writes its header
    S_BEATS,
    S_DESC
  } state_e;

  (* no_rw_check *)  // a word is never read while it is written
  logic [31:0]       mem [ROWS*Lanes];
  state_e            state_q;
  logic [PtrW-1:0]   wptr_q;   // where the descriptor of the packet that comes will be
  logic [PtrW-1:0]   rptr_q;
  logic [PtrW:0]     level_q;
  logic [LaneW-1:0]  wlane_q;
  logic [LaneW-1:0]  rlane_q;
  logic [4:0]        beats_q;
  logic              err_q;
  logic              cut_q;
  logic [31:0]       first_q;
  logic [31:0]       last_q;
  logic              going;    // a word of the row is written, or dropped
  logic              whole;    // its last one
  logic              beat;
  logic              too_long;
  logic              commit;
  logic              fits;     // a longest packet
  logic              row_out;

  // ------------------------------------------------------------------------------ in

  logic              write;
  logic [PtrW-1:0]   wrow;
  logic [FLIT_W-1:0] row;
  logic              write_q;
  logic [PtrW+LaneW-1:0] waddr_q;
  logic [31:0]       word_q;

  assign fits       = level_q <= (PtrW + 1)'(ROWS - Packet);
  assign whole      = going && (wlane_q == LaneW'(Lanes - 1));
  assign s_tready_o = (state_q == S_BEATS) && (wlane_q == LaneW'(Lanes - 1));
  assign beat       = s_tvalid_i && s_tready_o;
  assign too_long   = beats_q == 5'(Longest);
  assign commit     = (state_q == S_DESC) && whole;

  always_comb begin
    case (state_q)
      S_HEADER: begin
        going = s_tvalid_i && fits;
        write = going;
        wrow  = wptr_q + PtrW'(1);
        row   = FLIT_W'(s_tuser_i[HDR_W-1:0]);
      end
      S_BEATS: begin
        going = s_tvalid_i;
        write = going && !too_long;
        wrow  = wptr_q + PtrW'(2) + PtrW'(beats_q);
        row   = s_tdata_i;
      end
      default: begin
        going = 1'b1;
        write = 1'b1;
        wrow  = wptr_q;
        row   = FLIT_W'({last_q, first_q, 22'b0, cut_q, err_q, 3'b0, beats_q});
      end
    endcase
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q <= S_HEADER;
      wptr_q  <= '0;
      wlane_q <= '0;
      write_q <= 1'b0;
      room_o  <= 1'b0;
    end else begin
      room_o  <= level_q <= (PtrW + 1)'(ROWS - Reserve);
      write_q <= write;
      if (going) wlane_q <= wlane_q + LaneW'(1);
      case (state_q)
        S_HEADER: if (whole) state_q <= S_BEATS;
        S_BEATS:  if (beat && s_tlast_i) state_q <= S_DESC;
        default:
          if (whole) begin
            state_q <= S_HEADER;
            wptr_q  <= wptr_q + PtrW'(2) + PtrW'(beats_q);
          end
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    waddr_q <= {wrow, wlane_q};
    word_q  <= row[32*wlane_q+:32];
    if (write_q) mem[waddr_q] <= word_q;
  end

  always_ff @(posedge clk_i) begin
    if (state_q == S_HEADER) begin
      beats_q <= '0;
      cut_q   <= 1'b0;
    end else if (beat) begin
      if (too_long) cut_q <= 1'b1;
      else beats_q <= beats_q + 5'd1;
      if (beats_q == '0) first_q <= now_i;
      last_q <= now_i;
      err_q  <= s_tuser_i[USER_W-1];
    end
  end

  // ------------------------------------------------------------------------------ out

  logic        asked_q;
  logic        none_q;
  logic [31:0] read_q;

  assign level_o = level_q;
  assign row_out = asked_q && !none_q && (rlane_q == LaneW'(Lanes - 1));

  always_ff @(posedge clk_i) begin
    if (pop_i) read_q <= mem[{rptr_q, rlane_q}];
    none_q <= level_q == '0;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      rptr_q  <= '0;
      level_q <= '0;
      rlane_q <= '0;
      asked_q <= 1'b0;
      ack_o   <= 1'b0;
    end else begin
      asked_q <= pop_i;
      ack_o   <= asked_q;
      if (asked_q && !none_q) rlane_q <= rlane_q + LaneW'(1);
      if (row_out) rptr_q <= rptr_q + PtrW'(1);
      level_q <= level_q + (commit ? (PtrW + 1)'(beats_q) + (PtrW + 1)'(2) : '0)
                         - (PtrW + 1)'(row_out);
    end
  end

  always_ff @(posedge clk_i) begin
    if (asked_q) begin
      err_o  <= none_q;
      word_o <= read_q;
    end
  end

endmodule
