// SPDX-License-Identifier: Apache-2.0
//
// Running CRC of the end-to-end check (docs/endpoint.md) behind one block more: the header, with
// which it begins, or a unit. Streams of one unit a flit need no more than one such step a cycle,
// half of what sp_check_crc takes.

module sp_check_step (
    /// The block is the header.
    input  logic                          first_i,
    /// The header.
    input  sp_pkg::hdr_t                  hdr_i,
    /// The unit.
    input  logic [sp_pkg::UNIT_W-1:0]     unit_i,
    /// CRC so far; not looked at with the header.
    input  logic [sp_link_pkg::CRC_W-1:0] crc_i,
    /// CRC behind the block.
    output logic [sp_link_pkg::CRC_W-1:0] crc_o
);

  import sp_pkg::*;
  import sp_link_pkg::CRC_W;

  hdr_t              sent;   // header as its source sent it
  logic [UNIT_W-1:0] block;
  logic [CRC_W-1:0]  so_far;

  always_comb begin
    sent        = hdr_i;
    sent.ecn    = 1'b0;
    sent.poison = 1'b0;
    sent.ext[EXT_CHECK] = 1'b1;
  end

  assign block  = first_i ? sent : unit_i;
  assign so_far = first_i ? '1 : crc_i;

  sp_link_crc #(
      .W   (CRC_W),
      .POLY(sp_link_pkg::CRC_POLY),
      .N   (UNIT_W)
  ) i_crc (
      .data_i(block ^ {so_far, (UNIT_W - CRC_W)'(0)}),
      .crc_o
  );

endmodule
