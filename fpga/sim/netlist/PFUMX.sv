// SPDX-License-Identifier: Apache-2.0
//
// ECP5 multiplexer behind two tables: makes one of five inputs.

module PFUMX (
    /// Tables.
    input  logic ALUT, BLUT,
    /// 1: ALUT.
    input  logic C0,
    /// Output.
    output logic Z
);

  assign Z = C0 ? ALUT : BLUT;

endmodule
