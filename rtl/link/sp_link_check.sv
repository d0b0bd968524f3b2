// SPDX-License-Identifier: Apache-2.0
//
// Looks at a block of one lane. Guarantee: it is said to be right when it is a TRAIN block with the
// number of this lane and its CRC holds.

module sp_link_check #(
    /// Number of the lane.
    parameter int unsigned LANE = 0
) (
    /// Mark of the block.
    input  logic [sp_link_pkg::MARK_W-1:0] mark_i,
    /// Its unit.
    input  logic [sp_pkg::UNIT_W-1:0]      unit_i,
    /// It is a TRAIN block, and right.
    output logic                           right_o
);

  import sp_pkg::*;
  import sp_link_pkg::*;

  localparam int unsigned TrainBits = UNIT_W - TRAIN_CRC_W;

  logic [TRAIN_CRC_W-1:0] crc;
  /* verilator lint_off UNUSEDSIGNAL */  // what the block says is for others
  train_t                 block;
  /* verilator lint_on UNUSEDSIGNAL */
  assign block = train_t'(unit_i);

  sp_link_crc #(
      .W      (TRAIN_CRC_W),
      .POLY   (TRAIN_POLY),
      .N      (TrainBits),
      .FOLD_AT(TRAIN_FOLD_AT),
      .FOLD   (TRAIN_FOLD)
  ) i_crc (
      .data_i({~unit_i[TrainBits-1-:TRAIN_CRC_W], unit_i[TrainBits-TRAIN_CRC_W-1:0]}),
      .crc_o (crc)
  );

  assign right_o = (mark_i == MARK_CTRL) && (block.kind == KIND_TRAIN) &&
                   (block.lane == 2'(LANE)) && (crc == ~block.crc);

endmodule
