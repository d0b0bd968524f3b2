// SPDX-License-Identifier: Apache-2.0
//
// Radiona ULX3S (Lattice ECP5): clock, reset and pins around sp_board. The 25 MHz of the board
// become the clock of the image; the host's UART is the USB serial converter of the board. Button
// FIRE1 resets.

module ulx3s #(
    /// Word that a register shows: the commit, or any other word of the builder.
    parameter logic [31:0] BUILD = '0,
    /// Clock of the image in Hz: 25 or 50 million.
    parameter int unsigned CLK_HZ = 50_000_000,
    /// These are the switch's; the build flow sets them from the board's named configuration.
    parameter int unsigned N_PORTS = 4,
    parameter int unsigned FLIT_W = 128,
    parameter int unsigned ISLIP_ITERS = 1,
    parameter int unsigned AUGMENT = 0,
    parameter int unsigned VOQ_FLITS = 32,
    parameter int unsigned VOQ_SHARED = 0,
    parameter int unsigned EGRESS_FLITS = 64,
    parameter int unsigned N_ENGINES = 1,
    parameter int unsigned N_CONTEXTS = 4,
    parameter int unsigned N_GROUPS = 16,
    parameter int unsigned N_IDS = 16,
    parameter bit PIPELINED = 1'b1,
    /// 1: multicasts; not with PIPELINED.
    parameter bit MCAST = 1'b0,
    parameter int unsigned COUNTERS = 0,
    parameter bit ECC = 1'b0,
    parameter bit CUT_THROUGH = 1'b0,
    /// Bit t: the engines have elements of type t.
    parameter int unsigned TYPES = 3,
    /// 1: the engines have sums in the order of members too.
    parameter bit ORDERED = 1'b0,
    /// 1: the engines pass exact sums on unrounded and take such sums; see docs/reduction.md.
    parameter bit PARTIALS = 1'b0,
    /// Ports with a pair of links in front of them.
    parameter int unsigned N_LINKS = 0,
    /// Ports with an endpoint.
    parameter int unsigned N_ENDPOINTS = 0,
    /// 1: endpoints have the end-to-end check.
    parameter bit CHECK = 1'b1
) (
    /// Oscillator, 25 MHz.
    input  logic       clk_25mhz,
    /// Buttons, high while pressed: FIRE1.
    input  logic [1:1] btn,
    /// From the USB serial converter.
    input  logic       ftdi_txd,
    /// To the USB serial converter.
    output logic       ftdi_rxd,
    /// Lights.
    output logic [7:0] led,
    /// High, so that the board's ESP32 leaves the FPGA alone.
    output logic       wifi_gpio0
);

  logic       clk;
  logic       locked;
  logic [3:0] start_q;
  logic       rst_n;

  if (CLK_HZ != 25_000_000 && CLK_HZ != 50_000_000) begin : g_bad_clock
    $fatal(1, "ulx3s: CLK_HZ = %0d is not 25 or 50 million", CLK_HZ);
  end

  // The PLL runs at 600 MHz: 25 MHz * 2 * 12, or 25 MHz * 1 * 24. It is divided by the last factor.
  localparam int unsigned Multiple = CLK_HZ / 25_000_000;
  localparam int unsigned Divider  = 24 / Multiple;
  EHXPLLL #(
      .PLLRST_ENA   ("DISABLED"),
      .INTFB_WAKE   ("DISABLED"),
      .STDBY_ENABLE ("DISABLED"),
      .DPHASE_SOURCE("DISABLED"),
      .CLKI_DIV     (1),
      .CLKFB_DIV    (Multiple),
      .CLKOP_DIV    (Divider),
      .CLKOP_ENABLE ("ENABLED"),
      .CLKOP_CPHASE (Divider / 2 - 1),
      .CLKOP_FPHASE (0),
      .FEEDBK_PATH  ("CLKOP")
  ) i_pll (
      .CLKI        (clk_25mhz),
      .CLKFB       (clk),
      .PHASESEL1   (1'b0),
      .PHASESEL0   (1'b0),
      .PHASEDIR    (1'b0),
      .PHASESTEP   (1'b0),
      .PHASELOADREG(1'b0),
      .STDBY       (1'b0),
      .PLLWAKESYNC (1'b0),
      .RST         (1'b0),
      .ENCLKOP     (1'b0),
      .ENCLKOS     (1'b0),
      .ENCLKOS2    (1'b0),
      .ENCLKOS3    (1'b0),
      .CLKOP       (clk),
      .LOCK        (locked)
  );

  // Reset comes at once and goes with the clock.
  logic reset;
  assign reset = !locked || btn[1];

  always_ff @(posedge clk or posedge reset) begin
    if (reset) start_q <= '0;
    else start_q <= {start_q[2:0], 1'b1};
  end

  assign rst_n      = start_q[3];
  assign wifi_gpio0 = 1'b1;

  sp_board #(
      .CLK_HZ      (CLK_HZ),
      .BAUD        (3_000_000),
      .BOARD       ("ULX3"),
      .BUILD       (BUILD),
      .N_PORTS     (N_PORTS),
      .FLIT_W      (FLIT_W),
      .ISLIP_ITERS (ISLIP_ITERS),
      .AUGMENT     (AUGMENT),
      .VOQ_FLITS   (VOQ_FLITS),
      .VOQ_SHARED  (VOQ_SHARED),
      .EGRESS_FLITS(EGRESS_FLITS),
      .N_ENGINES   (N_ENGINES),
      .N_CONTEXTS  (N_CONTEXTS),
      .N_GROUPS    (N_GROUPS),
      .N_IDS       (N_IDS),
      .PIPELINED   (PIPELINED),
      .MCAST       (MCAST),
      .COUNTERS    (COUNTERS),
      .ECC         (ECC),
      .CUT_THROUGH (CUT_THROUGH),
      .TYPES       (TYPES),
      .ORDERED     (ORDERED),
      .PARTIALS    (PARTIALS),
      .N_LINKS     (N_LINKS),
      .N_ENDPOINTS (N_ENDPOINTS),
      .CHECK       (CHECK)
  ) i_board (
      .clk_i    (clk),
      .rst_ni   (rst_n),
      .uart_rx_i(ftdi_txd),
      .uart_tx_o(ftdi_rxd),
      .led_o    (led)
  );

endmodule
