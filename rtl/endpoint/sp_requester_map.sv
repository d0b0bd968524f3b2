// SPDX-License-Identifier: Apache-2.0
//
// Address map: from an address on the bus to a destination and an address in its memory, for
// several clients in turn. One register. Guarantee: an address in it holds up nobody, as clients
// give one only when they will take what becomes of it.

module sp_requester_map
  import sp_pkg::*;
  import sp_endpoint_pkg::*;
#(
    /// Regions, 1 or more.
    parameter int unsigned N_REGIONS = 4,
    /// Clients.
    parameter int unsigned CLIENTS   = 3
) (
    /// Clock.
    input  logic                    clk_i,
    /// Reset, active low, asynchronous.
    input  logic                    rst_ni,
    /// The map.
    input  region_t [N_REGIONS-1:0] region_i,
    /// By client: an address comes.
    input  logic [CLIENTS-1:0]      valid_i,
    /// It is taken.
    output logic [CLIENTS-1:0]      ready_o,
    /// Addresses on the bus.
    input  logic [CLIENTS-1:0][AXI_ADDR_W-1:0] addr_i,
    /// By client: it is told what has become of its address.
    output logic [CLIENTS-1:0]      valid_o,
    /// It needs that no longer.
    input  logic [CLIENTS-1:0]      ready_i,
    /// It lies in a region.
    output logic                    found_o,
    /// The region keeps all order.
    output logic                    strict_o,
    /// Destination.
    output logic [ID_W-1:0]         dst_o,
    /// Address there.
    output logic [ADDR_W-1:0]       addr_o
);

  /// What is kept of the region.
  typedef struct packed {
    logic [CLIENTS-1:0]    whose;
    logic                  found;
    logic                  strict;
    logic [5:0]            window_log2;
    logic [ID_W-1:0]       dst;
    logic [ADDR_W-1:0]     offset;
    logic [AXI_ADDR_W-1:0] rest;
  } found_t;

  if (N_REGIONS < 1) begin : g_bad_regions
    $fatal(1, "sp_requester_map: N_REGIONS = %0d is not 1 or more", N_REGIONS);
  end

  logic [CLIENTS-1:0]    grant;
  logic                  ready;
  logic                  valid;
  logic [AXI_ADDR_W-1:0] addr;

  sp_rr_arbiter #(
      .N(CLIENTS)
  ) u_arbiter (
      .clk_i,
      .rst_ni,
      .req_i    (valid_i),
      .advance_i(ready),
      .gnt_o    (grant)
  );

  assign ready_o = ready ? grant : '0;

  always_comb begin
    addr = '0;
    for (int unsigned c = 0; c < CLIENTS; c++) if (grant[c]) addr |= addr_i[c];
  end

  found_t               found;
  logic [N_REGIONS-1:0] hit;
  for (genvar r = 0; r < N_REGIONS; r++) begin : g_hit
    // All that is shifted is a constant: a mask is a small part of a shifter.
    assign hit[r] = region_i[r].valid &&
        ((addr ^ region_i[r].base) & ({AXI_ADDR_W{1'b1}} << region_i[r].size_log2)) == '0;
  end

  always_comb begin
    // From the last one on, so that the lowest that matches counts. If none does the rest is that
    // of the last one: nobody looks at it, and it takes no gates to make it zero.
    found       = '0;
    found.whose = grant;
    for (int unsigned r = N_REGIONS; r > 0; r--) begin
      // The upper bits are those of the base: what lies within are the bits that differ.
      if (hit[r-1]) found.found = 1'b1;
      if (hit[r-1] || r == N_REGIONS) begin
        found.strict      = region_i[r-1].strict;
        found.window_log2 = region_i[r-1].window_log2;
        found.dst         = region_i[r-1].dst;
        found.offset      = region_i[r-1].offset;
        found.rest        = addr ^ region_i[r-1].base;
      end
    end
  end

  found_t found_q;
  sp_stage #(
      .WIDTH($bits(found_t))
  ) u_stage (
      .clk_i,
      .rst_ni,
      .valid_i(|grant),
      .ready_o(ready),
      .data_i (found),
      .valid_o(valid),
      .ready_i(|(found_q.whose & ready_i)),
      .data_o (found_q)
  );

  assign valid_o = valid ? found_q.whose : '0;

  logic [ADDR_W-1:0] in_window;
  assign in_window = found_q.rest[ADDR_W-1:0] & ~({ADDR_W{1'b1}} << found_q.window_log2);

  // Number of the destination in its region. By the widest steps first, as few bits are wanted.
  logic [ID_W-1:0] number;
  always_comb begin
    logic [AXI_ADDR_W-1:0] rest;
    rest = found_q.rest;
    for (int unsigned k = 6; k > 0; k--) begin
      if (found_q.window_log2[k-1]) rest >>= 1 << (k - 1);
    end
    number = rest[ID_W-1:0];
  end

  assign found_o  = found_q.found;
  assign strict_o = found_q.strict;
  assign dst_o    = found_q.dst + number;
  // Blocks of 256 bytes stay blocks wherever the window lies.
  assign addr_o   = {found_q.offset[ADDR_W-1:8], 8'd0} + in_window;

endmodule
