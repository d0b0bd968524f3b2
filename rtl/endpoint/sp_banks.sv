// SPDX-License-Identifier: Apache-2.0
//
// Memory of banks side by side, each with an address of its own to write and one to read, so that
// neighbouring words are reached wherever they begin. What is written can be read from the next
// cycle on; a word that is read while it is written is not looked at.

module sp_banks #(
    /// Banks, 1 or more.
    parameter int unsigned BANKS = 4,
    /// Bits of a word.
    parameter int unsigned WIDTH = 128,
    /// Words of a bank, 2 or more.
    parameter int unsigned DEPTH = 16
) (
    /// Clock.
    input  logic                                clk_i,
    /// Banks that are written.
    input  logic [BANKS-1:0]                    write_i,
    /// Where, by bank.
    input  logic [BANKS-1:0][$clog2(DEPTH)-1:0] waddr_i,
    /// What, by bank.
    input  logic [BANKS-1:0][WIDTH-1:0]         wdata_i,
    /// Read: `rdata_o` changes in the next cycle.
    input  logic                                read_i,
    /// Which words, by bank.
    input  logic [BANKS-1:0][$clog2(DEPTH)-1:0] raddr_i,
    /// What was read.
    output logic [BANKS-1:0][WIDTH-1:0]         rdata_o
);

  if (DEPTH < 2) begin : g_bad_depth
    $fatal(1, "sp_banks: DEPTH = %0d is not 2 or more", DEPTH);
  end

  for (genvar b = 0; b < BANKS; b++) begin : g_bank
    (* no_rw_check, ram_style = "block" *)
    logic [WIDTH-1:0] mem [DEPTH];

    always_ff @(posedge clk_i) begin
      if (write_i[b]) mem[waddr_i[b]] <= wdata_i[b];
      if (read_i) rdata_o[b] <= mem[raddr_i[b]];
    end
  end

endmodule
