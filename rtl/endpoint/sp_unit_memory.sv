// SPDX-License-Identifier: Apache-2.0
//
// Memory of units, in as many banks as a flit has units, so that a flit can begin at any unit: each
// bank has a row of its own. What is written can be read from the next cycle on; what is read while
// it is written is not looked at.

module sp_unit_memory #(
    /// Bits of a flit: 128, 256 or 512.
    parameter int unsigned FLIT_W = 128,
    /// Rows of a flit each, 2 or more.
    parameter int unsigned ROWS   = 16,
    localparam int unsigned U     = FLIT_W / sp_pkg::UNIT_W,
    localparam int unsigned RowW  = $clog2(ROWS)
) (
    /// Clock.
    input  logic                    clk_i,
    /// Banks that are written.
    input  logic [U-1:0]            write_i,
    /// Row of each.
    input  logic [U-1:0][RowW-1:0]  write_row_i,
    /// Unit for each.
    input  logic [FLIT_W-1:0]       write_data_i,
    /// Read: `read_data_o` changes in the next cycle.
    input  logic                    read_i,
    /// Row of each bank.
    input  logic [U-1:0][RowW-1:0]  read_row_i,
    /// What was read.
    output logic [FLIT_W-1:0]       read_data_o
);

  import sp_pkg::UNIT_W;

  for (genvar b = 0; b < U; b++) begin : g_bank
    (* no_rw_check *)
    logic [UNIT_W-1:0] mem [ROWS];
    logic [UNIT_W-1:0] read_q;
    always_ff @(posedge clk_i) begin
      if (write_i[b]) mem[write_row_i[b]] <= write_data_i[UNIT_W*b +: UNIT_W];
      if (read_i) read_q <= mem[read_row_i[b]];
    end
    assign read_data_o[UNIT_W*b +: UNIT_W] = read_q;
  end

endmodule
