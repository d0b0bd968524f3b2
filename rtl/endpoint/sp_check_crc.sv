// SPDX-License-Identifier: Apache-2.0
//
// Running CRC of the end-to-end check (docs/endpoint.md) behind one more beat: of the header, if it
// is the first, and then of those of its units that come before the check.

module sp_check_crc #(
    /// Units of a beat: 1, 2 or 4.
    parameter int unsigned K = 1
) (
    /// The beat is the first of its packet.
    input  logic                         first_i,
    /// Its header.
    input  sp_pkg::hdr_t                 hdr_i,
    /// Units of the packet before the check, from this beat on.
    input  logic [sp_pkg::LEN_W:0]       left_i,
    /// Units of the beat.
    input  logic [K-1:0][sp_pkg::UNIT_W-1:0] unit_i,
    /// CRC so far; not looked at with the first beat.
    input  logic [sp_link_pkg::CRC_W-1:0] crc_i,
    /// CRC behind this beat.
    output logic [sp_link_pkg::CRC_W-1:0] crc_o
);

  import sp_pkg::*;
  import sp_link_pkg::CRC_W;

  hdr_t                    sent;      // header as its source sent it
  logic [K:0][UNIT_W-1:0]  message;   // header and units
  logic [K:0][CRC_W-1:0]   so_far;    // CRC in front of each
  logic [K:0][CRC_W-1:0]   rest;      // and behind it
  logic [K:0]              counts;

  always_comb begin
    sent        = hdr_i;
    sent.ecn    = 1'b0;
    sent.poison = 1'b0;
    sent.ext[EXT_CHECK] = 1'b1;
  end

  assign so_far[0]  = first_i ? '1 : crc_i;
  assign message[0] = sent;
  assign counts[0]  = first_i;
  for (genvar k = 0; k < K; k++) begin : g_unit
    assign message[k+1] = unit_i[k];
    assign counts[k+1]  = (LEN_W + 1)'(k) < left_i;
    assign so_far[k+1]  = counts[k] ? rest[k] : so_far[k];
  end
  for (genvar k = 0; k <= K; k++) begin : g_step
    sp_link_crc #(
        .W   (CRC_W),
        .POLY(sp_link_pkg::CRC_POLY),
        .N   (UNIT_W)
    ) i_crc (
        .data_i(message[k] ^ {so_far[k], (UNIT_W - CRC_W)'(0)}),
        .crc_o (rest[k])
    );
  end
  assign crc_o = counts[K] ? rest[K] : so_far[K];

endmodule
