// SPDX-License-Identifier: Apache-2.0
//
// Last steps of netlists of the ECP5.

// A memory of fewer than 16 words leaves bits of its address constant, and a constant there takes a
// wire from the one place of the part that drives it: thousands of wires over the whole part, hard
// to route. Such a bit follows one that is used instead, for writes and for reads, so that each word
// has a place of its own still.

(* techmap_celltype = "TRELLIS_DPR16X4" *)
module sp_small_memory (
    input  [3:0] DI,
    input  [3:0] WAD,
    input        WRE,
    input        WCK,
    input  [3:0] RAD,
    output [3:0] DO
);
  parameter WCKMUX = "WCK";
  parameter WREMUX = "WRE";
  parameter [63:0] INITVAL = 64'b0;
  parameter [3:0] _TECHMAP_CONSTMSK_WAD_ = 0;
  parameter [3:0] _TECHMAP_CONSTMSK_RAD_ = 0;
  parameter [3:0] _TECHMAP_CONSTVAL_WAD_ = 0;
  parameter [3:0] _TECHMAP_CONSTVAL_RAD_ = 0;

  // Bits that say nothing, and one that does.
  localparam [3:0] Idle = _TECHMAP_CONSTMSK_WAD_ & _TECHMAP_CONSTMSK_RAD_
                        & ~(_TECHMAP_CONSTVAL_WAD_ ^ _TECHMAP_CONSTVAL_RAD_);
  localparam Used = !Idle[0] ? 0 : !Idle[1] ? 1 : !Idle[2] ? 2 : 3;

  // With contents from the start the words cannot move.
  wire _TECHMAP_FAIL_ = Idle == 0 || Idle == 15 || INITVAL !== 64'b0 && INITVAL !== 64'bx;

  wire [3:0] wad = {Idle[3] ? WAD[Used] : WAD[3], Idle[2] ? WAD[Used] : WAD[2],
                    Idle[1] ? WAD[Used] : WAD[1], Idle[0] ? WAD[Used] : WAD[0]};
  wire [3:0] rad = {Idle[3] ? RAD[Used] : RAD[3], Idle[2] ? RAD[Used] : RAD[2],
                    Idle[1] ? RAD[Used] : RAD[1], Idle[0] ? RAD[Used] : RAD[0]};

  TRELLIS_DPR16X4 #(
      .WCKMUX (WCKMUX),
      .WREMUX (WREMUX),
      .INITVAL(INITVAL)
  ) _TECHMAP_REPLACE_ (
      .DI (DI),
      .WAD(wad),
      .WRE(WRE),
      .WCK(WCK),
      .RAD(rad),
      .DO (DO)
  );
endmodule

// The build word comes in when nothing is made smaller any more, in tables of one value each: an
// image is placed and routed alike whatever the word is.
module sp_build_word (
    output [31:0] word_o
);
  parameter [31:0] WORD = 32'b0;

  genvar i;
  for (i = 0; i < 32; i = i + 1) begin : g_bit
    LUT4 #(
        .INIT({16{WORD[i]}})
    ) bit_table (
        .A(1'b0),
        .B(1'b0),
        .C(1'b0),
        .D(1'b0),
        .Z(word_o[i])
    );
  end
endmodule
