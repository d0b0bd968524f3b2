// SPDX-License-Identifier: Apache-2.0
//
// ECP5 carry: two places of an adder, each with a table that is a sum without carry (all four
// inputs) and, in its lowest quarter, what is generated when that sum is 0.

module CCU2C #(
    /// Tables of the two places.
    parameter logic [15:0] INIT0     = '0,
    parameter logic [15:0] INIT1     = '0,
    /// YES: the place starts a chain of its own.
    parameter string       INJECT1_0 = "YES",
    parameter string       INJECT1_1 = "YES"
) (
    /// Carry in.
    input  logic CIN,
    /// Inputs of the places.
    input  logic A0, B0, C0, D0, A1, B1, C1, D1,
    /// Sums.
    output logic S0, S1,
    /// Carry out.
    output logic COUT
);

  logic sum0, sum1, gen0, gen1, carry;

  assign sum0  = INIT0[{D0, C0, B0, A0}];
  assign sum1  = INIT1[{D1, C1, B1, A1}];
  assign gen0  = (INJECT1_0 != "YES") && INIT0[{2'b0, B0, A0}];
  assign gen1  = (INJECT1_1 != "YES") && INIT1[{2'b0, B1, A1}];
  assign S0    = sum0 ^ ((INJECT1_0 != "YES") && CIN);
  assign carry = sum0 ? CIN : gen0;
  assign S1    = sum1 ^ ((INJECT1_1 != "YES") && carry);
  assign COUT  = sum1 ? carry : gen1;

endmodule
