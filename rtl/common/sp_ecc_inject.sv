// SPDX-License-Identifier: Apache-2.0
//
// Turns bits wrong on their way into a packet memory, to show that ECC works: the first bits of the
// payload of the next flit, or of the tag in the next header.

module sp_ecc_inject (
    /// Clock.
    input  logic            clk_i,
    /// Reset, active low, asynchronous.
    input  logic            rst_ni,
    /// What is to be done with what is written next.
    input  sp_pkg::inject_t inject_i,
    /// A flit is written.
    input  logic            flit_i,
    /// With it its header.
    input  logic            header_i,
    /// Wrong bits of the payload.
    output logic [2:0]      flips_o,
    /// Wrong bits of the header.
    output sp_pkg::hdr_t    hdr_flips_o
);

  logic [1:0] count_q;
  logic       header_q;  // in the header
  logic [2:0] bits;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) count_q <= '0;
    else if (inject_i.arm) count_q <= inject_i.count;
    else if (flit_i && (header_i || !header_q)) count_q <= '0;
  end

  always_ff @(posedge clk_i) if (inject_i.arm) header_q <= inject_i.header;

  assign bits    = {count_q == 2'd3, count_q >= 2'd2, count_q >= 2'd1};
  assign flips_o = header_q ? '0 : bits;

  always_comb begin
    hdr_flips_o = '0;
    if (header_q) hdr_flips_o.tag = sp_pkg::TAG_W'(bits);
  end

endmodule
