// SPDX-License-Identifier: Apache-2.0
//
// Code of every kind in which ci/mutate makes defects; only for its test.

module sp_mutants #(
    /// Bits of a word.
    parameter int unsigned W = 8
) (
    /// Clock.
    input  logic           clk_i,
    /// Reset, active low, asynchronous.
    input  logic           rst_ni,
    /// A word.
    input  logic [W-1:0]   a_i,
    /// Another.
    input  logic [W-1:0]   b_i,
    /// What to do.
    input  logic [1:0]     op_i,
    /// A word comes.
    input  logic           valid_i,
    /// Results.
    output logic [W-1:0]   y_o,
    /// Results that depend on widths.
    output logic [31:0]    wide_o,
    /// State.
    output logic [2*W-1:0] q_o
);

  typedef enum logic [1:0] {ADD, SUB, MIX, NONE} op_e;
  typedef struct packed {
    logic       full;
    logic [2:0] left;
  } state_t;

  localparam int unsigned DEPTH = 4;
  localparam int unsigned AW = width(DEPTH);

  // Called at elaboration: stays as it is.
  function automatic int unsigned width(int unsigned n);
    return $clog2(n + 0);
  endfunction

  function automatic logic [W-1:0] mix(logic [W-1:0] x, logic [W-1:0] y);
    logic [W-1:0] z;
    z = x ^ (y >> 1);
    if (x > y) return z | W'(3);
    return z;
  endfunction

  op_e    op;
  state_t state_q;
  logic   take;

  assign op   = op_e'(op_i);
  assign take = valid_i && !state_q.full;

  always_comb begin
    y_o = '0;
    case (op)
      ADD: y_o = a_i + b_i;
      SUB: y_o = a_i - W'(1);
      MIX: y_o = mix(a_i, b_i);
      default: y_o = (a_i < b_i) ? ~a_i : {b_i[3:0], 4'd9};
    endcase
    for (int unsigned i = 0; i < 2; i++) begin
      if (a_i[i] && (b_i[7] || op != NONE)) y_o[i] |= b_i[i+1];
    end
  end

  // Sums keep their carry, shifts and concatenations their width.
  assign wide_o = {6'b0, op == ADD, 9'({1'b0, a_i} + b_i), &a_i[3:1], 4'(valid_i), a_i - b_i,
                   (a_i & b_i) == '0, a_i[2], 1'b1};

  logic [W-1:0]  mem [DEPTH];
  logic [AW-1:0] ptr_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      ptr_q   <= '0;
      state_q <= '{full: 1'b0, left: 3'd5};
    end else begin
      if (take) ptr_q <= ptr_q + AW'(1);
      state_q.full <= take && (ptr_q >= AW'(2));
      if (valid_i || state_q.full) state_q.left <= state_q.left - 3'd1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (take) mem[ptr_q] <= a_i;
  end

  assign q_o = {mem[ptr_q], state_q, ptr_q, op == MIX ? 2'd1 : 2'd2};

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) a_same : assert (!rst_ni || ptr_q == ptr_q);
`endif

endmodule
