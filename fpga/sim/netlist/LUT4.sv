// SPDX-License-Identifier: Apache-2.0
//
// ECP5 table of four inputs.

module LUT4 #(
    /// Output for each input, A in the lowest place.
    parameter logic [15:0] INIT = '0
) (
    /// Inputs.
    input  logic A, B, C, D,
    /// Output.
    output logic Z
);

  assign Z = INIT[{D, C, B, A}];

endmodule
