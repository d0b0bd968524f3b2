// SPDX-License-Identifier: Apache-2.0
//
// What an atomic puts into memory; atomics of docs/packet.md. Combinational. Proven in
// formal/endpoint.

module sp_atomic_alu (
    /// Operation: sp_pkg::atomic_e. Of others the results mean nothing.
    input  logic [3:0]  kind_i,
    /// 64 bits instead of the lower 32.
    input  logic        wide_i,
    /// What memory holds, in the lower bits.
    input  logic [63:0] old_i,
    /// Operand of the packet.
    input  logic [63:0] operand_i,
    /// What AO_CAS compares with.
    input  logic [63:0] compare_i,
    /// What memory holds next; of 32 bits the upper ones mean nothing.
    output logic [63:0] new_o,
    /// Memory is written: always, but for an AO_CAS that finds something else.
    output logic        write_o
);

  import sp_pkg::*;

  logic        is_signed;
  logic [64:0] a;  // both as signed numbers of 65 bits: one comparison serves all
  logic [64:0] b;
  logic        less;
  logic        equal;

  assign is_signed = (kind_i == AO_MIN) || (kind_i == AO_MAX);
  assign a = wide_i ? {is_signed && old_i[63], old_i}
                    : {{33{is_signed && old_i[31]}}, old_i[31:0]};
  assign b = wide_i ? {is_signed && operand_i[63], operand_i}
                    : {{33{is_signed && operand_i[31]}}, operand_i[31:0]};
  assign less  = $signed(a) < $signed(b);
  assign equal = (old_i[31:0] == compare_i[31:0])
                 && (!wide_i || (old_i[63:32] == compare_i[63:32]));

  assign write_o = (kind_i != AO_CAS) || equal;

  always_comb begin
    case (kind_i)
      AO_ADD:          new_o = old_i + operand_i;
      AO_MIN, AO_UMIN: new_o = less ? old_i : operand_i;
      AO_MAX, AO_UMAX: new_o = less ? operand_i : old_i;
      AO_AND:          new_o = old_i & operand_i;
      AO_OR:           new_o = old_i | operand_i;
      AO_XOR:          new_o = old_i ^ operand_i;
      default:         new_o = operand_i;  // AO_SWAP, AO_CAS
    endcase
  end

endmodule
