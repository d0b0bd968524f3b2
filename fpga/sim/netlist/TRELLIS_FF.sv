// SPDX-License-Identifier: Apache-2.0
//
// ECP5 flip-flop.

module TRELLIS_FF #(
    /// Only DISABLED is known here.
    parameter string GSR     = "ENABLED",
    /// CE, INV, or 1: always enabled.
    parameter string CEMUX   = "1",
    /// CLK or INV.
    parameter string CLKMUX  = "CLK",
    /// LSR or INV.
    parameter string LSRMUX  = "LSR",
    /// ASYNC, or LSR_OVER_CE: set or reset with the clock.
    parameter string SRMODE  = "LSR_OVER_CE",
    /// SET or RESET.
    parameter string REGSET  = "RESET"
) (
    /// Clock, set or reset, enable, data.
    input  logic CLK, LSR, CE, DI,
    /// State.
    output logic Q
);

  localparam logic Value = REGSET == "SET";
  logic clock, lsr, enable;

  assign clock  = (CLKMUX == "INV") ? !CLK : CLK;
  assign lsr    = (LSRMUX == "INV") ? !LSR : LSR;
  assign enable = (CEMUX == "CE") ? CE : (CEMUX == "INV") ? !CE : 1'b1;

  initial Q = Value;

  if (SRMODE == "ASYNC") begin : g_async
    always_ff @(posedge clock or posedge lsr) begin
      if (lsr) Q <= Value;
      else if (enable) Q <= DI;
    end
  end else begin : g_sync
    always_ff @(posedge clock) begin
      if (lsr) Q <= Value;
      else if (enable) Q <= DI;
    end
  end

endmodule
