// SPDX-License-Identifier: Apache-2.0
//
// ECP5 memory of 16 words of 4 bits in logic: written with the clock, read without.

module TRELLIS_DPR16X4 #(
    /// Only these values are known here.
    parameter string       WCKMUX  = "WCK",
    parameter string       WREMUX  = "WRE",
    /// Contents after configuration.
    parameter logic [63:0] INITVAL = '0
) (
    /// Data and address to write.
    input  logic [3:0] DI,
    input  logic [3:0] WAD,
    /// Write, with this clock.
    input  logic       WRE,
    input  logic       WCK,
    /// Address to read.
    input  logic [3:0] RAD,
    /// Data.
    output logic [3:0] DO
);

  if (WCKMUX != "WCK" || WREMUX != "WRE") begin : g_unknown
    $fatal(1, "TRELLIS_DPR16X4: a mode that this model does not know");
  end

  logic [3:0] mem [16];

  initial for (int i = 0; i < 16; i++) mem[i] = INITVAL[4*i+:4];
  always_ff @(posedge WCK) if (WRE) mem[WAD] <= DI;
  assign DO = mem[RAD];

endmodule
