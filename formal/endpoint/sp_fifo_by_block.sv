// SPDX-License-Identifier: Apache-2.0
//
// sp_fifo_block in place of sp_fifo, for the proof of that.

module sp_fifo #(
    /// As in sp_fifo.
    parameter int unsigned WIDTH = 8,
    parameter int unsigned DEPTH = 4
) (
    /// As in sp_fifo.
    input  logic                         clk_i,
    input  logic                         rst_ni,
    input  logic                         push_i,
    input  logic [WIDTH-1:0]             data_i,
    output logic                         full_o,
    input  logic                         pop_i,
    output logic [WIDTH-1:0]             data_o,
    output logic                         empty_o,
    output logic [$clog2(DEPTH+1)-1:0]   count_o
);

  sp_fifo_block #(
      .WIDTH(WIDTH),
      .DEPTH(DEPTH)
  ) u_block (
      .clk_i,
      .rst_ni,
      .push_i,
      .data_i,
      .full_o,
      .pop_i,
      .data_o,
      .empty_o,
      .count_o
  );

endmodule
