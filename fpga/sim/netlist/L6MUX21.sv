// SPDX-License-Identifier: Apache-2.0
//
// ECP5 multiplexer behind PFUMX or its like: makes one of six inputs or more.

module L6MUX21 (
    /// Inputs.
    input  logic D0, D1,
    /// 1: D1.
    input  logic SD,
    /// Output.
    output logic Z
);

  assign Z = SD ? D1 : D0;

endmodule
