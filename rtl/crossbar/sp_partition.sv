// SPDX-License-Identifier: Apache-2.0
//
// What one port may reach: other ports, and groups as a whole. Guarantees: a set of ports passes
// only if this port shares a partition with every one of them, a group only if it did so with every
// member when the group was last written. The registers alone write here.
//
// The registers know in which partitions each port is. When those of a port change they send the
// row of that port: which ports share a partition with it. The relation is symmetric, so the same
// row is a column of all other ports. Then they send every group again, so that it is judged anew.

module sp_partition #(
    /// External ports.
    parameter int unsigned N_PORTS = 4,
    /// Rows of the group table.
    parameter int unsigned N_GROUPS = 16,
    localparam int unsigned PortW = $clog2(N_PORTS),
    localparam int unsigned GroupW = (N_GROUPS > 1) ? $clog2(N_GROUPS) : 1
) (
    /// Clock.
    input  logic                       clk_i,
    /// Reset, active low, asynchronous; all ports may reach each other.
    input  logic                       rst_ni,
    /// Number of this port.
    input  logic [PortW-1:0]           own_i,

    /// The partitions of a port change.
    input  logic                       row_we_i,
    /// That port.
    input  logic [PortW-1:0]           row_port_i,
    /// Ports that share a partition with it.
    input  logic [N_PORTS-1:0]         row_i,
    /// A group is written, or sent again.
    input  logic                       grp_we_i,
    /// That group.
    input  logic [GroupW-1:0]          grp_addr_i,
    /// Its members.
    input  logic [N_PORTS-1:0]         grp_mask_i,

    /// Ports that a packet would go to.
    input  logic [N_PORTS-1:0]         ports_i,
    /// All of them may be reached.
    output logic                       ports_ok_o,
    /// Group whose members would get a result.
    input  logic [sp_pkg::GROUP_W-1:0] group_i,
    /// All of them may be reached, or there is no such group.
    output logic                       group_ok_o
);

  import sp_pkg::GROUP_W;

  if (N_PORTS < 2 || N_PORTS > 512) begin : g_bad_ports
    $fatal(1, "sp_partition: N_PORTS = %0d is not in 2..512", N_PORTS);
  end
  if (N_GROUPS < 1 || N_GROUPS > 2 ** GROUP_W) begin : g_bad_groups
    $fatal(1, "sp_partition: N_GROUPS = %0d is not in 1..%0d", N_GROUPS, 2 ** GROUP_W);
  end

  logic [N_PORTS-1:0]  allowed_q;  // ports that this one may reach
  logic [N_GROUPS-1:0] foreign_q;  // groups with a member that it may not reach

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      allowed_q <= '1;
      foreign_q <= '0;
    end else begin
      if (row_we_i) begin
        if (row_port_i == own_i) allowed_q <= row_i;
        else allowed_q[row_port_i] <= row_i[own_i];
      end
      if (grp_we_i) foreign_q[grp_addr_i] <= (grp_mask_i & ~allowed_q) != '0;
    end
  end

  assign ports_ok_o = (ports_i & ~allowed_q) == '0;
  assign group_ok_o = (32'(group_i) >= N_GROUPS) || !foreign_q[GroupW'(group_i)];

endmodule
