// SPDX-License-Identifier: Apache-2.0
//
// sp_banks for proofs in which what memories hold does not matter: zeros.

module sp_banks #(
    /// As in sp_banks.
    parameter int unsigned BANKS = 4,
    parameter int unsigned WIDTH = 128,
    parameter int unsigned DEPTH = 16
) (
    /// As in sp_banks.
    input  logic                                clk_i,
    input  logic [BANKS-1:0]                    write_i,
    input  logic [BANKS-1:0][$clog2(DEPTH)-1:0] waddr_i,
    input  logic [BANKS-1:0][WIDTH-1:0]         wdata_i,
    input  logic                                read_i,
    input  logic [BANKS-1:0][$clog2(DEPTH)-1:0] raddr_i,
    output logic [BANKS-1:0][WIDTH-1:0]         rdata_o
);

  assign rdata_o = '0;

endmodule
