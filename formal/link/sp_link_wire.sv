// SPDX-License-Identifier: Apache-2.0
//
// A wire for proofs, K = 1: it may lose, damage, delay and repeat what it carries, but overtakes
// nothing. Beats wait in a short queue and leave when the prover wants; what finds it full is
// lost. Any beat may be lost or be damaged, a frame that left may leave again. It keeps only the
// bits that differ in these proofs. A frame of which a part is missing has a wrong CRC
// (sp_link_crc_told).

module sp_link_wire
  import sp_pkg::*;
  import sp_link_pkg::*;
#(
    /// Beats on the wire.
    parameter int unsigned DEPTH = 4,
    /// Bits of a sequence number.
    parameter int unsigned SEQ_W = 3,
    /// Beats of the longest frame.
    parameter int unsigned FRAME = 4
) (
    /// Clock.
    input  logic              clk_i,
    /// Reset.
    input  logic              rst_ni,
    /// Beat that comes: mark.
    input  logic [MARK_W-1:0] mark_i,
    /// Its unit.
    input  logic [UNIT_W-1:0] unit_i,
    /// It is lost.
    input  logic              lose_i,
    /// A beat may leave.
    input  logic              move_i,
    /// It is damaged.
    input  logic              damage_i,
    /// The frame that left last leaves again.
    input  logic              repeat_i,
    /// A beat leaves.
    output logic              valid_o,
    /// Its mark.
    output logic [MARK_W-1:0] mark_o,
    /// Its unit.
    output logic [UNIT_W-1:0] unit_o,
    /// Something was lost or damaged just now.
    output logic              hurt_o,
    /// Beats are on the wire.
    output logic              busy_o
);

  localparam int unsigned CntW = $clog2(DEPTH + 1);
  localparam int unsigned PosW = $clog2(FRAME + 1);
  // Bits of a unit that are kept: fields of the trailer up to `seq`, or the number of a packet.
  localparam int unsigned LowW = 13 + SEQ_W;
  localparam int unsigned LenAt = 48;  // lowest bit of `len` of a header

  /// What is kept of a beat.
  typedef struct packed {
    logic            ctl;
    logic            right;  // CRC, of a trailer
    logic            len;
    logic [LowW-1:0] low;
  } beat_t;

  beat_t           queue_q [DEPTH];
  logic [CntW-1:0] count_q;
  beat_t           in;
  logic            idle;      // nothing comes
  logic            closes;    // a trailer comes
  logic            enters;
  logic            leaves;
  logic            part_q;    // a part of a frame has entered, its trailer not
  logic            torn_q;    // of this frame, or of one that runs into it, a beat is missing
  logic            lost_q;    // a beat of this frame was lost
  beat_t           frame_q [FRAME];  // the frame that left last
  logic [PosW-1:0] kept_q;    // its beats
  logic            whole_q;   // it left whole
  logic [PosW-1:0] place;     // of the beat that leaves
  logic            again_q;   // it leaves again
  logic [PosW-1:0] pos_q;     // its next beat
  beat_t           out;

  assign place  = (whole_q || kept_q == PosW'(FRAME)) ? '0 : kept_q;
  assign idle   = (mark_i == MARK_CTRL) && (unit_i[KIND_W-1:0] != KIND_TRAILER);
  assign closes = (mark_i == MARK_CTRL) && (unit_i[KIND_W-1:0] == KIND_TRAILER);
  assign leaves = move_i && !again_q && !(repeat_i && whole_q) && (count_q != '0);
  assign enters = !idle && !lose_i && ((count_q != CntW'(DEPTH)) || leaves);
  assign busy_o = (count_q != '0) || again_q || part_q;

  always_comb begin
    in.ctl   = mark_i == MARK_CTRL;
    in.right = (unit_i[UNIT_W-1-:CRC_W] == '1) && !torn_q && !lost_q;
    in.len   = unit_i[LenAt];
    in.low   = unit_i[LowW-1:0];
  end

  assign out     = again_q ? frame_q[pos_q] : queue_q[0];
  assign valid_o = leaves || again_q;
  assign hurt_o  = (!idle && !enters) || (valid_o && damage_i);

  always_comb begin
    mark_o = damage_i ? MARK_W'(0) : out.ctl ? MARK_CTRL : MARK_DATA;
    unit_o = '0;
    unit_o[LowW-1:0] = out.low;
    unit_o[LenAt]    = out.len;
    if (out.ctl) unit_o[UNIT_W-1-:CRC_W] = out.right ? '1 : '0;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      count_q <= '0;
      part_q  <= 1'b0;
      torn_q  <= 1'b0;
      lost_q  <= 1'b0;
      kept_q  <= '0;
      whole_q <= 1'b0;
      again_q <= 1'b0;
      pos_q   <= '0;
    end else begin
      count_q <= count_q + CntW'(enters) - CntW'(leaves);
      if (!idle) begin
        if (!enters) lost_q <= 1'b1;
        else part_q <= 1'b1;
        if (closes) begin
          lost_q <= 1'b0;
          if (enters) part_q <= 1'b0;
          torn_q <= !enters && part_q;
        end
      end
      // The frame that leaves is kept; one that was repeated leaves no other behind.
      if (leaves) begin
        whole_q <= out.ctl;
        kept_q  <= place + PosW'(1);
      end
      if (repeat_i && whole_q && !again_q) begin
        again_q <= 1'b1;
        pos_q   <= '0;
      end
      if (again_q) begin
        pos_q <= pos_q + PosW'(1);
        if (pos_q + PosW'(1) == kept_q) again_q <= 1'b0;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    for (int unsigned i = 0; i < DEPTH; i++) begin
      if (leaves && i + 1 < DEPTH) queue_q[i] <= queue_q[i+1];
      if (enters && (count_q - CntW'(leaves) == CntW'(i))) queue_q[i] <= in;
    end
    for (int unsigned i = 0; i < FRAME; i++)
      if (leaves && (place == PosW'(i))) frame_q[i] <= out;
  end

endmodule
