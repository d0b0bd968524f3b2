// SPDX-License-Identifier: Apache-2.0
//
// Forwarding table of one input: destination ID to output, read in the cycle of the look-up.
// Guarantees: after reset no ID has a route; an ID that the table does not hold has none. An entry
// names 2^paths_log2 neighbouring outputs that are equally good; sp_ingress chooses among them.

module sp_route #(
    /// Destination IDs that the table holds, 2 to 16384.
    parameter int unsigned N_IDS = 16,
    localparam int unsigned AddrW = $clog2(N_IDS)
) (
    /// Clock.
    input  logic                    clk_i,
    /// Reset, active low, asynchronous; forgets every route.
    input  logic                    rst_ni,
    /// Write an entry.
    input  logic                    we_i,
    /// Destination ID that it is for.
    input  logic [AddrW-1:0]        addr_i,
    /// The entry is a route.
    input  logic                    valid_i,
    /// Logarithm of the number of equal paths.
    input  logic [2:0]              paths_log2_i,
    /// First of their outputs.
    input  logic [9:0]              out_i,
    /// Look up: destination.
    input  logic [sp_pkg::ID_W-1:0] dst_i,
    /// There is a route.
    output logic                    hit_o,
    /// Logarithm of the number of equal paths.
    output logic [2:0]              paths_log2_o,
    /// First of their outputs.
    output logic [9:0]              out_o
);

  import sp_pkg::ID_W;

  if (N_IDS < 2 || N_IDS > 16384) begin : g_bad_ids
    $fatal(1, "sp_route: N_IDS = %0d is not in 2..16384", N_IDS);
  end

  logic [N_IDS-1:0] valid_q;
  logic [12:0]      entry_mem [N_IDS];  // {paths_log2, out}

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) valid_q <= '0;
    else if (we_i) valid_q[addr_i] <= valid_i;
  end

  always_ff @(posedge clk_i) begin
    if (we_i) entry_mem[addr_i] <= {paths_log2_i, out_i};
  end

  logic [AddrW-1:0] index;

  assign index = AddrW'(dst_i);
  assign {paths_log2_o, out_o} = entry_mem[index];
  assign hit_o = (32'(dst_i) < N_IDS) && valid_q[index];

endmodule
