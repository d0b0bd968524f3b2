// SPDX-License-Identifier: Apache-2.0
//
// What an atomic leaves in memory, against one plain expression for each operation and width.

module sp_atomic_alu_props (
    /// Clock.
    input logic        clk_i,
    /// Reset.
    input logic        rst_ni,
    /// Operation, free.
    input logic [3:0]  kind_i,
    /// Width, free.
    input logic        wide_i,
    /// Memory, operand and what is compared, free.
    input logic [63:0] old_i,
    input logic [63:0] operand_i,
    input logic [63:0] compare_i
);

  import sp_pkg::*;

  logic [63:0] next;
  logic        write;

  sp_atomic_alu dut (
      .kind_i,
      .wide_i,
      .old_i,
      .operand_i,
      .compare_i,
      .new_o  (next),
      .write_o(write)
  );

  logic [31:0] want32;
  logic [63:0] want64;

  always_comb begin
    logic signed [31:0] a32;
    logic signed [31:0] b32;
    logic signed [63:0] a64;
    logic signed [63:0] b64;
    a32 = old_i[31:0];
    b32 = operand_i[31:0];
    a64 = old_i;
    b64 = operand_i;
    want32 = old_i[31:0];
    want64 = old_i;
    case (kind_i)
      AO_ADD: begin
        want32 = old_i[31:0] + operand_i[31:0];
        want64 = old_i + operand_i;
      end
      AO_MIN: begin
        if (b32 < a32) want32 = operand_i[31:0];
        if (b64 < a64) want64 = operand_i;
      end
      AO_MAX: begin
        if (b32 > a32) want32 = operand_i[31:0];
        if (b64 > a64) want64 = operand_i;
      end
      AO_UMIN: begin
        if (operand_i[31:0] < old_i[31:0]) want32 = operand_i[31:0];
        if (operand_i < old_i) want64 = operand_i;
      end
      AO_UMAX: begin
        if (operand_i[31:0] > old_i[31:0]) want32 = operand_i[31:0];
        if (operand_i > old_i) want64 = operand_i;
      end
      AO_AND: begin
        want32 = old_i[31:0] & operand_i[31:0];
        want64 = old_i & operand_i;
      end
      AO_OR: begin
        want32 = old_i[31:0] | operand_i[31:0];
        want64 = old_i | operand_i;
      end
      AO_XOR: begin
        want32 = old_i[31:0] ^ operand_i[31:0];
        want64 = old_i ^ operand_i;
      end
      AO_SWAP: begin
        want32 = operand_i[31:0];
        want64 = operand_i;
      end
      default: begin  // AO_CAS
        if (old_i[31:0] == compare_i[31:0]) want32 = operand_i[31:0];
        if (old_i == compare_i) want64 = operand_i;
      end
    endcase
  end

  always_ff @(posedge clk_i) begin
    if (rst_ni && kind_i <= AO_CAS) begin
      // Memory then holds what the operation says; not written, it holds what it held.
      wide: assert (!wide_i || (write ? next : old_i) == want64);
      narrow: assert (wide_i || (write ? next[31:0] : old_i[31:0]) == want32);
      // Memory is left alone only where the comparison fails.
      always_written: assert (write || kind_i == AO_CAS);
    end
    kept: cover (rst_ni && !write);
    swapped: cover (rst_ni && write && kind_i == AO_CAS);
  end

endmodule
