// SPDX-License-Identifier: Apache-2.0
//
// Cuts a sum that is passed on unrounded into packets (docs/reduction.md, Partials). The sum is
// read out twice. The first time it is only noted which words of each portion are in use; then
// packets are planned, as long as they can be, and their flits made as portions are read again.
//
//   words of a sum, two's complement -> balanced, by a carry -> in use?  -> planes of each portion
//                                                            -> kept, of a few flits of elements
//                                                               -> one plane a cycle -> flits
//
// Balanced words are between -2^31 and 2^31 - 1, so that each can be added by itself, and small
// negative sums need no more of them than positive ones. Reading is ahead of what is made of it, as
// far as there is room for words.
module sp_partial_packer #(
    /// Lanes of a flit.
    localparam int unsigned LANES = sp_pkg::UNIT_BYTES,
    /// Bits of the number of a unit.
    localparam int unsigned BW    = $clog2(sp_pkg::MAX_UNITS)
) (
    /// Clock.
    input  logic                   clk_i,
    /// Reset, active low.
    input  logic                   rst_ni,
    /// Begin, with what follows; not before the last one is done. What was read out before it must
    /// have come from the lanes within 16 cycles.
    input  logic                   start_i,
    /// Element type.
    input  logic [2:0]             etype_i,
    /// Units of a contribution, less one.
    input  logic [BW-1:0]          last_i,
    /// Read out a flit of elements; held until taken.
    output logic                   ro_valid_o,
    /// It is taken.
    input  logic                   ro_ready_i,
    /// Its place in a contribution.
    output logic [BW-1:0]          ro_beat_o,
    /// Two words of each lane's sum are here; as in sp_exact_lanes.
    input  logic                   dig_valid_i,
    /// Which two.
    input  logic [2:0]             dig_pair_i,
    /// The words.
    input  logic [LANES-1:0][63:0] dig_i,
    /// What each lane saw is here.
    input  logic                   seen_valid_i,
    /// What.
    input  logic [LANES-1:0][3:0]  seen_i,
    /// There is room for a packet.
    input  logic                   room_i,
    /// A packet is announced; its flits follow.
    output logic                   pkt_valid_o,
    /// Number of its first portion.
    output logic [5:0]             pkt_index_o,
    /// Its planes.
    output logic [sp_pkg::PLANES-1:0] pkt_planes_o,
    /// Its units.
    output logic [sp_pkg::LEN_W-1:0] pkt_len_o,
    /// A flit.
    output logic                   flit_valid_o,
    /// It is the last of its packet.
    output logic                   flit_last_o,
    /// Payload.
    output logic [sp_pkg::UNIT_W-1:0] flit_data_o,
    /// All flits have left.
    output logic                   done_o
);

  import sp_pkg::*;

  /// Elements of a portion.
  localparam int unsigned ELEMS = 4;
  /// Pairs of words of a sum.
  localparam int unsigned PAIRS = 5;
  /// Portions of a unit, at most.
  localparam int unsigned PARTS = 4;
  /// The last pair.
  localparam logic [2:0]  TOP   = 3'd4;

  /// A set of planes.
  typedef logic [PLANES-1:0] planes_t;
  /// Planes of the portions of a unit.
  typedef planes_t [PARTS-1:0] unit_t;

  /// Lane of an element of a portion.
  function automatic logic [3:0] lane_of(logic [1:0] part, logic [1:0] elem, logic [1:0] log2);
    case (log2)
      2'd0: return {elem, 2'b0};
      2'd1: return {part[0], elem, 1'b0};
      default: return {part, elem};
    endcase
  endfunction

  /// Flits of elements whose words are kept, at most.
  localparam int unsigned SLOTS = 3;

  typedef enum logic [2:0] {
    PCK_IDLE,
    PCK_LOOK,   // the first reading
    PCK_FIRST,  // a packet begins with a portion
    PCK_PLAN,   // and gets more
    PCK_SEND,   // it is announced when there is room
    PCK_EMIT    // planes
  } pck_e;

  pck_e          state_q;
  logic [1:0]    log2_q;       // portions of a unit
  logic          int_q;        // of integers, of which nothing special is seen
  logic [BW-1:0] last_q;
  logic [6:0]    total;        // portions
  // units in the order in which they are read, the second time behind the first
  logic [BW+1:0] units;        // all of them
  logic [BW+1:0] asked_q;      // those that are read, or are being
  logic [BW+1:0] came_q;       // those whose words and what was seen are here
  logic [BW+1:0] made_q;       // those that are flits
  logic          again;        // it is the second time
  logic [1:0]    put_q, get_q; // slot of the unit that comes next, and of that which is made now
  unit_t         masks_q [MAX_UNITS];
  logic [6:0]    at_q;         // first portion of the packet
  logic [4:0]    count_q;      // its portions
  planes_t       planes_q;     // their planes
  logic [LEN_W-1:0] len_q;
  logic [6:0]    next;         // the portion that could be in the packet too
  logic [5:0]    here;         // the one that is looked up
  unit_t         here_masks;
  planes_t       here_mask, both;
  logic [8:0]    length;
  logic [5:0]    portion_q;    // that which is made into flits
  logic [4:0]    left_q;       // portions after it
  planes_t       rest_q;       // its planes that are left
  logic [3:0]    plane;        // the lowest of them
  logic          portion_end;

  // ------------------------------------------------------------------- balanced words, and use

  logic [LANES-1:0]       carry_q, carry;
  logic [LANES-1:0][63:0] bal, bal_q;
  logic                   bal_valid_q;
  logic [2:0]             bal_pair_q;
  logic [63:0]            words_q [LANES][SLOTS*PAIRS];
  logic [1:0]             slot_q;    // of the words that come next
  logic [LANES-1:0][3:0]  seen_q [SLOTS];
  unit_t                  used, used_q, found;

  always_comb begin
    for (int unsigned l = 0; l < LANES; l++) begin
      automatic logic [32:0] low, high;
      low  = {1'b0, dig_i[l][31:0]} + 33'((dig_pair_i != '0) && carry_q[l]);
      high = {1'b0, dig_i[l][63:32]} + 33'(low[32] || low[31]);
      bal[l]   = {high[31:0], low[31:0]};
      carry[l] = high[32] || high[31];
    end
  end

  always_comb begin
    used = (bal_pair_q == '0) ? '0 : used_q;
    for (int unsigned p = 0; p < PARTS; p++) begin
      for (int unsigned e = 0; e < ELEMS; e++) begin
        automatic logic [63:0] both_words = bal_q[lane_of(2'(p), 2'(e), log2_q)];
        for (int unsigned k = 0; k < PAIRS; k++) begin
          if (bal_pair_q == 3'(k)) begin
            used[p][2*k] |= both_words[31:0] != '0;
            if (k < PAIRS - 1) used[p][2*k+1] |= both_words[63:32] != '0;
          end
        end
      end
    end
  end

  // with what was seen the planes of the portions are known
  always_comb begin
    found = used_q;
    for (int unsigned p = 0; p < PARTS; p++) begin
      for (int unsigned e = 0; e < ELEMS; e++) begin
        found[p][PLANE_SEEN] |= !int_q && seen_i[lane_of(2'(p), 2'(e), log2_q)] != 4'b1000;
      end
      if (found[p] == '0) found[p][0] = 1'b1;
    end
  end

  /// The slot after one.
  function automatic logic [1:0] after(logic [1:0] slot);
    return (slot == 2'(SLOTS - 1)) ? '0 : slot + 2'd1;
  endfunction

  /// Where a pair of a slot lies.
  function automatic logic [3:0] at_of(logic [1:0] slot, logic [2:0] pair);
    return {slot, 2'b0} + 4'(slot) + 4'(pair);
  endfunction

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) bal_valid_q <= 1'b0;
    else bal_valid_q <= dig_valid_i;
  end

  always_ff @(posedge clk_i) begin
    if (dig_valid_i) begin
      carry_q    <= carry;
      bal_q      <= bal;
      bal_pair_q <= dig_pair_i;
    end
    if (bal_valid_q) begin
      used_q <= used;
      for (int unsigned l = 0; l < LANES; l++) words_q[l][at_of(slot_q, bal_pair_q)] <= bal_q[l];
      if (bal_pair_q == TOP) slot_q <= after(slot_q);
    end
    if (seen_valid_i) begin
      seen_q[put_q] <= seen_i;
      put_q         <= after(put_q);
    end
    if (start_i) begin
      slot_q <= '0;
      put_q  <= '0;
    end
  end

  // ---------------------------------------------------------------------------------- the plan

  assign total      = (7'(last_q) + 7'd1) << log2_q;
  assign next       = at_q + 7'(count_q);
  assign here       = (state_q == PCK_PLAN) ? next[5:0] : at_q[5:0];
  assign here_masks = masks_q[BW'(here >> log2_q)];
  assign here_mask  = here_masks[2'(here & ~(6'h3F << log2_q))];
  assign both       = planes_q | here_mask;
  assign length     = 9'($countones(both)) * (9'(count_q) + 9'd1);

  always_comb begin
    plane = '0;
    for (int unsigned k = PLANES; k > 0; k--) if (rest_q[k-1]) plane = 4'(k - 1);
  end
  assign portion_end = (rest_q & (rest_q - PLANES'(1))) == '0;

  // Words of the first reading are kept too, but nobody looks at them.
  assign units        = ((BW + 2)'(last_q) + 1'b1) << 1;
  assign again        = asked_q > (BW + 2)'(last_q);
  assign ro_valid_o   = (state_q != PCK_IDLE) && (asked_q != units)
                        && (!again || (asked_q - made_q < (BW + 2)'(SLOTS)));
  assign ro_beat_o    = BW'(again ? asked_q - (BW + 2)'(last_q) - 1'b1 : asked_q);
  assign pkt_valid_o  = (state_q == PCK_SEND) && room_i;
  assign pkt_index_o  = at_q[5:0];
  assign pkt_planes_o = planes_q;
  assign pkt_len_o    = len_q;
  assign flit_valid_o = (state_q == PCK_EMIT) && (came_q > made_q);
  assign flit_last_o  = portion_end && (left_q == '0);
  assign done_o       = flit_valid_o && flit_last_o && (next == total);

  always_comb begin
    flit_data_o = '0;
    for (int unsigned e = 0; e < ELEMS; e++) begin
      automatic logic [3:0]  lane = lane_of(2'(portion_q & ~(6'h3F << log2_q)), 2'(e), log2_q);
      automatic logic [63:0] pair = words_q[lane][at_of(get_q, 3'(plane >> 1))];
      flit_data_o[32*e+:32] = (plane == PLANE_SEEN) ? 32'(seen_q[get_q][lane])
                              : plane[0] ? pair[63:32] : pair[31:0];
    end
  end

  // the last portion of its unit
  logic unit_end;
  assign unit_end = (2'(portion_q & ~(6'h3F << log2_q))) == 2'((3'd1 << log2_q) - 3'd1);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q <= PCK_IDLE;
    end else begin
      case (state_q)
        PCK_IDLE:  if (start_i) state_q <= PCK_LOOK;
        PCK_LOOK:  if (seen_valid_i && (came_q == (BW + 2)'(last_q))) state_q <= PCK_FIRST;
        PCK_FIRST: state_q <= PCK_PLAN;
        PCK_PLAN:  if ((next == total) || (length > 9'(MAX_UNITS))) state_q <= PCK_SEND;
        PCK_SEND:  if (room_i) state_q <= PCK_EMIT;
        PCK_EMIT:  if (flit_valid_o && flit_last_o) state_q <= done_o ? PCK_IDLE : PCK_FIRST;
        default:   state_q <= PCK_IDLE;
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    if (ro_valid_o && ro_ready_i) asked_q <= asked_q + 1'b1;
    if (seen_valid_i) came_q <= came_q + 1'b1;
    if (start_i) begin
      log2_q  <= portions_log2(etype_i);
      int_q   <= etype_i == ET_INT32;
      last_q  <= last_i;
      asked_q <= '0;
      came_q  <= '0;
      made_q  <= (BW + 2)'(last_i) + 1'b1;
      at_q    <= '0;
    end
    case (state_q)
      // the slots go round: the first unit of the second reading is not always in the first one
      PCK_LOOK: begin
        if (seen_valid_i) begin
          masks_q[BW'(came_q)] <= found;
          get_q <= after(put_q);
        end
      end
      PCK_FIRST: begin
        count_q  <= 5'd1;
        planes_q <= here_mask;
        len_q    <= LEN_W'($countones(here_mask));
      end
      PCK_PLAN: begin
        if ((next != total) && (length <= 9'(MAX_UNITS))) begin
          count_q  <= count_q + 5'd1;
          planes_q <= both;
          len_q    <= LEN_W'(length);
        end
      end
      PCK_SEND: begin
        portion_q <= at_q[5:0];
        left_q    <= count_q - 5'd1;
        rest_q    <= planes_q;
      end
      PCK_EMIT: begin
        if (flit_valid_o) rest_q <= rest_q & (rest_q - PLANES'(1));
        if (flit_valid_o && portion_end) begin
          rest_q    <= planes_q;
          portion_q <= portion_q + 6'd1;
          left_q    <= left_q - 5'd1;
          if (left_q == '0) at_q <= next;
          if (unit_end) begin
            made_q <= made_q + 1'b1;
            get_q  <= after(get_q);
          end
        end
      end
      default: ;
    endcase
  end

`ifndef SYNTHESIS
  logic was_reset_q;  // registers hold anything before the first reset
  logic [4:0] age_q;
  initial was_reset_q = 1'b0;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      was_reset_q <= 1'b1;
      age_q       <= '0;
    end else if (was_reset_q) begin
      age_q <= start_i ? '0 : age_q + 5'(age_q != '1);
      a_start : assert (!start_i || (state_q == PCK_IDLE)) else $error("a partial in a partial");
      a_slot : assert (!(bal_valid_q && flit_valid_o) || (slot_q != get_q))
        else $error("words come to where they are read");
      a_order : assert (!flit_valid_o || (age_q >= 5'(sp_float_pkg::exact_read())))
        else $error("a flit while those of the result before may come");
    end
  end
`endif

endmodule
