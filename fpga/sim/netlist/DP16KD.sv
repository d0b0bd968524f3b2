// SPDX-License-Identifier: Apache-2.0
//
// ECP5 memory of 18 kbit, as far as synthesis uses it: two ports of 9, 18 or 36 bits without output
// registers. A memory is 2048 bytes of 9 bits; a port of 36 bits spreads over the data pins of both
// sides and is only written by side A and only read by side B. For the simulation of netlists.

module DP16KD #(
    /// Bits of each side.
    parameter int    DATA_WIDTH_A        = 18,
    parameter int    DATA_WIDTH_B        = 18,
    /// What a side that writes shows: NORMAL keeps what it showed.
    parameter string WRITEMODE_A         = "NORMAL",
    parameter string WRITEMODE_B         = "NORMAL",
    /// Only these values are known here.
    parameter string REGMODE_A           = "NOREG",
    parameter string REGMODE_B           = "NOREG",
    parameter string CLKAMUX             = "CLKA",
    parameter string CLKBMUX             = "CLKB",
    parameter string CSDECODE_A          = "0b000",
    parameter string CSDECODE_B          = "0b000",
    /// Without effect on a memory that is not reset.
    parameter string RESETMODE           = "SYNC",
    parameter string ASYNC_RESET_RELEASE = "SYNC",
    parameter string GSR                 = "DISABLED",
    /// Contents after configuration, 16 words of 18 bits (and 2 of filler) each; only zero here.
    parameter logic [319:0]
        INITVAL_00 = '0, INITVAL_01 = '0, INITVAL_02 = '0, INITVAL_03 = '0, INITVAL_04 = '0,
        INITVAL_05 = '0, INITVAL_06 = '0, INITVAL_07 = '0, INITVAL_08 = '0, INITVAL_09 = '0,
        INITVAL_0A = '0, INITVAL_0B = '0, INITVAL_0C = '0, INITVAL_0D = '0, INITVAL_0E = '0,
        INITVAL_0F = '0, INITVAL_10 = '0, INITVAL_11 = '0, INITVAL_12 = '0, INITVAL_13 = '0,
        INITVAL_14 = '0, INITVAL_15 = '0, INITVAL_16 = '0, INITVAL_17 = '0, INITVAL_18 = '0,
        INITVAL_19 = '0, INITVAL_1A = '0, INITVAL_1B = '0, INITVAL_1C = '0, INITVAL_1D = '0,
        INITVAL_1E = '0, INITVAL_1F = '0, INITVAL_20 = '0, INITVAL_21 = '0, INITVAL_22 = '0,
        INITVAL_23 = '0, INITVAL_24 = '0, INITVAL_25 = '0, INITVAL_26 = '0, INITVAL_27 = '0,
        INITVAL_28 = '0, INITVAL_29 = '0, INITVAL_2A = '0, INITVAL_2B = '0, INITVAL_2C = '0,
        INITVAL_2D = '0, INITVAL_2E = '0, INITVAL_2F = '0, INITVAL_30 = '0, INITVAL_31 = '0,
        INITVAL_32 = '0, INITVAL_33 = '0, INITVAL_34 = '0, INITVAL_35 = '0, INITVAL_36 = '0,
        INITVAL_37 = '0, INITVAL_38 = '0, INITVAL_39 = '0, INITVAL_3A = '0, INITVAL_3B = '0,
        INITVAL_3C = '0, INITVAL_3D = '0, INITVAL_3E = '0, INITVAL_3F = '0
) (
    /// Side A: data in, address, enables, clock, reset, select.
    input  logic
        DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5,
        DIA4, DIA3, DIA2, DIA1, DIA0, ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5,
        ADA4, ADA3, ADA2, ADA1, ADA0, CEA, OCEA, CLKA, WEA, RSTA, CSA2, CSA1, CSA0,
    /// Side A: data out.
    output logic
        DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5,
        DOA4, DOA3, DOA2, DOA1, DOA0,
    /// Side B: data in, address, enables, clock, reset, select.
    input  logic
        DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5,
        DIB4, DIB3, DIB2, DIB1, DIB0, ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5,
        ADB4, ADB3, ADB2, ADB1, ADB0, CEB, OCEB, CLKB, WEB, RSTB, CSB2, CSB1, CSB0,
    /// Side B: data out.
    output logic
        DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5,
        DOB4, DOB3, DOB2, DOB1, DOB0
);

  localparam logic [64*320-1:0] Init = {
      INITVAL_3F, INITVAL_3E, INITVAL_3D, INITVAL_3C, INITVAL_3B, INITVAL_3A, INITVAL_39,
      INITVAL_38, INITVAL_37, INITVAL_36, INITVAL_35, INITVAL_34, INITVAL_33, INITVAL_32,
      INITVAL_31, INITVAL_30, INITVAL_2F, INITVAL_2E, INITVAL_2D, INITVAL_2C, INITVAL_2B,
      INITVAL_2A, INITVAL_29, INITVAL_28, INITVAL_27, INITVAL_26, INITVAL_25, INITVAL_24,
      INITVAL_23, INITVAL_22, INITVAL_21, INITVAL_20, INITVAL_1F, INITVAL_1E, INITVAL_1D,
      INITVAL_1C, INITVAL_1B, INITVAL_1A, INITVAL_19, INITVAL_18, INITVAL_17, INITVAL_16,
      INITVAL_15, INITVAL_14, INITVAL_13, INITVAL_12, INITVAL_11, INITVAL_10, INITVAL_0F,
      INITVAL_0E, INITVAL_0D, INITVAL_0C, INITVAL_0B, INITVAL_0A, INITVAL_09, INITVAL_08,
      INITVAL_07, INITVAL_06, INITVAL_05, INITVAL_04, INITVAL_03, INITVAL_02, INITVAL_01,
      INITVAL_00
  };

  if (REGMODE_A != "NOREG" || REGMODE_B != "NOREG" || CLKAMUX != "CLKA" || CLKBMUX != "CLKB"
      || CSDECODE_A != "0b000" || CSDECODE_B != "0b000") begin : g_unknown
    $fatal(1, "DP16KD: a mode that this model does not know");
  end
  if (DATA_WIDTH_A != 9 && DATA_WIDTH_A != 18 && DATA_WIDTH_A != 36) begin : g_width_a
    $fatal(1, "DP16KD: DATA_WIDTH_A = %0d is not 9, 18 or 36", DATA_WIDTH_A);
  end
  if (DATA_WIDTH_B != 9 && DATA_WIDTH_B != 18 && DATA_WIDTH_B != 36) begin : g_width_b
    $fatal(1, "DP16KD: DATA_WIDTH_B = %0d is not 9, 18 or 36", DATA_WIDTH_B);
  end
  if (|Init) begin : g_init
    $fatal(1, "DP16KD: this model begins with zeros");
  end

  // Both sides may write.
  /* verilator lint_off MULTIDRIVEN */
  logic [8:0]  mem    [2048];
  /* verilator lint_on MULTIDRIVEN */
  logic [17:0] dia, dib, doa, dob;
  logic [13:0] ada, adb;
  logic [35:0] doa_q, dob_q;

  assign dia = {
      DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4,
      DIA3, DIA2, DIA1, DIA0
  };
  assign dib = {
      DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4,
      DIB3, DIB2, DIB1, DIB0
  };
  assign ada = {
      ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0
  };
  assign adb = {
      ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0
  };
  assign {
      DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4,
      DOA3, DOA2, DOA1, DOA0
  } = doa;
  assign {
      DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4,
      DOB3, DOB2, DOB1, DOB0
  } = dob;

  // A read of 36 bits comes out on both sides, low half on A.
  assign doa = (DATA_WIDTH_B == 36) ? dob_q[17:0] : doa_q[17:0];
  assign dob = (DATA_WIDTH_B == 36) ? dob_q[35:18] : dob_q[17:0];

  // Nothing is selected by CS = 0 alone, no reset is used, and outputs have no register of their
  // own.
  logic unused;
  assign unused = &{1'b0, OCEA, OCEB, RSTA, RSTB, CSA0, CSA1, CSA2, CSB0, CSB1, CSB2};

  initial begin
    for (int i = 0; i < 2048; i++) mem[i] = '0;
    doa_q = '0;
    dob_q = '0;
  end

  // The lowest bits of the address choose bytes of a wide port when it writes.
  function automatic logic [10:0] place(logic [13:0] address, int width, int unsigned byte_);
    return (width == 9) ? address[13:3] : (width == 18) ? {address[13:4], 1'(byte_)}
                                                        : {address[13:5], 2'(byte_)};
  endfunction

  always @(posedge CLKA) begin
    if (CEA) begin
      for (int unsigned k = 0; k < DATA_WIDTH_A / 9; k++) begin
        if (!WEA || WRITEMODE_A == "READBEFOREWRITE") begin
          doa_q[9*k+:9] <= mem[place(ada, DATA_WIDTH_A, k)];
        end
        if (WEA && (DATA_WIDTH_A == 9 || ada[k])) begin
          mem[place(ada, DATA_WIDTH_A, k)] <= 9'(36'({dib, dia}) >> (9 * k));
        end
      end
    end
  end

  always @(posedge CLKB) begin
    if (CEB) begin
      for (int unsigned k = 0; k < DATA_WIDTH_B / 9; k++) begin
        if (!WEB || WRITEMODE_B == "READBEFOREWRITE") begin
          dob_q[9*k+:9] <= mem[place(adb, DATA_WIDTH_B, k)];
        end
        if (WEB && (DATA_WIDTH_B == 9 || adb[k])) begin
          mem[place(adb, DATA_WIDTH_B, k)] <= 9'(36'(dib) >> (9 * k));
        end
      end
    end
  end

endmodule
