// SPDX-License-Identifier: Apache-2.0
//
// Minima and maxima do not depend on the order of contributions, to the bit. Two halves:
//
// - The lane's step, registers and all: what it compares is the number that came, and what it
//   writes back is what the rule `step` says of that number and the word that was there.
// - The rule, for any numbers and any word: it is the minimum or maximum with -0 < +0,
//   associative, commutative, and two contributions may change places behind any others. So all
//   orders of any number of members give one word.
//
// NaNs are not in it: that one was seen is a bit that is ORed. Every type is compared in this way,
// as a pattern of sign and magnitude, and is brought into it in front of the lane.

module sp_extreme_props #(
    /// Contributions that the lane has room for.
    parameter int unsigned MEMBERS = 2
) (
    /// Clock.
    input logic        clk_i,
    // the lane's inputs, free
    input logic [6:0]  a_valid_i,
    input logic [6:1]  a_set_i,
    input logic [5:1]  a_cmp_i,
    input logic [31:0] a0_data_i,
    input logic        a1_stale_i,
    input logic [3:2]  a1_same_i,
    input logic [3:1]  a2_same_i,
    input logic        a5_max_i,
    input logic [1:0]  a6_elem_i,
    input logic [7:1]  r_valid_i,
    input logic [4:1]  r_set_i,
    input logic [7:2][2:0] r_pair_i,
    input logic [15:8] n_valid_i,
    input logic        n15_cmp_i,
    input logic [1:0]  rd_valid_i,
    input logic [1:0]  rd_elem_i [2],
    input logic [12:0] st_i [2],
    input logic [4:1]  a_int_i,
    input logic        r2_num_i,
    input logic        n12_int_i,
    input logic        n12_cmp_i,
    input logic        n12_clamp_i,
    input logic [5:0]  n13_is_i,
    input logic [5:0]  n15_is_i,
    input logic        n15_clamp_i,
    input sp_pkg::plane_t a1_plane_i,
    input logic        a1_null_i,
    /// A maximum, free.
    input logic        max_i,
    /// Whether there were contributions before, free.
    input logic        used_i,
    /// The word that they left, free.
    input logic [31:0] word_i,
    /// Three numbers, free.
    input logic [31:0] x_i,
    input logic [31:0] y_i,
    input logic [31:0] z_i
);

  // -------------------------------------------------------------------------------- the rule

  // What is in a word after a number has come, as the lane decides it: patterns are compared; a
  // sign on either side turns the order round.
  function automatic logic [31:0] step(logic max, logic used, logic [31:0] old, logic [31:0] n);
    return (!used || ((n > old) ^ (old[31] || n[31]) ^ !max)) ? n : old;
  endfunction

  function automatic logic [31:0] of_two(logic max, logic [31:0] a, logic [31:0] b);
    return step(max, 1'b1, a, b);
  endfunction

  // Numbers in their order on one line, another way: -0 is -1, just below +0.
  function automatic logic signed [31:0] rank(logic [31:0] n);
    return n[31] ? {1'b1, ~n[30:0]} : n;
  endfunction

  always_comb begin
    is_the_extreme: assert (rank(of_two(max_i, x_i, y_i))
        == ((max_i == (rank(x_i) > rank(y_i))) ? rank(x_i) : rank(y_i)));
    commutative: assert (of_two(max_i, x_i, y_i) == of_two(max_i, y_i, x_i));
    associative: assert (of_two(max_i, of_two(max_i, x_i, y_i), z_i)
                         == of_two(max_i, x_i, of_two(max_i, y_i, z_i)));
    may_change_places: assert (
        step(max_i, 1'b1, step(max_i, used_i, word_i, x_i), y_i)
        == step(max_i, 1'b1, step(max_i, used_i, word_i, y_i), x_i));
  end

  // -------------------------------------------------------------------------------- the lane

  logic [12:0] st_o;
  logic [31:0] res_o;
  logic [63:0] dig_o;
  logic [3:0]  seen_o;

  // Ports by name: all of them are free, and stay so if there are more.
  sp_exact_lane #(
      .ELEMS  (4),
      .MEMBERS(MEMBERS)
  ) i_lane (
      .*
  );

  logic [5:0][31:0] data;       // what came [n] cycles ago
  logic [5:1]       moved_q;    // [n]: the pipeline was told what it must be told for n cycles
  logic             steps_q;    // a step of a minimum or maximum was made in the last cycle
  logic [31:0]      word_q;     // what it must have left
  logic [6:0]       valid_q;
  logic [5:1]       cmp_q;

  initial begin
    moved_q = '0;
    steps_q = 1'b0;
  end

  assign data[0] = a0_data_i;

  always_ff @(posedge clk_i) begin
    data[5:1] <= data[4:0];
    moved_q   <= {moved_q[4:1], 1'b1};
    valid_q   <= a_valid_i;
    cmp_q     <= a_cmp_i;
    steps_q   <= moved_q[5] && a_valid_i[5] && a_cmp_i[5];
    word_q    <= step(a5_max_i, i_lane.a5_use_q, i_lane.a5_e[31:0], data[5]);
  end

  // What goes along with an addend goes on by a stage in each cycle. A word of a minimum or
  // maximum is one number, with nothing above it.
  always_comb begin
    goes_along: assume (!moved_q[1]
                        || (a_valid_i[6:1] == valid_q[5:0] && a_cmp_i[5:2] == cmp_q[4:1]));
    word_is_a_number: assume (!a_cmp_i[5] || (i_lane.a5_e >> 32) == '0);
  end

  always_comb begin
    compares_what_came: assert (!(moved_q[5] && a_valid_i[5] && a_cmp_i[5])
                                || i_lane.a5_add_e_q == ~data[5]);
    steps_by_the_rule: assert (!steps_q
                               || (i_lane.a6_e[31:0] == word_q && (i_lane.a6_e >> 32) == '0));
  end

  always_comb begin
    takes_minus_zero: cover (steps_q && i_lane.a6_take_q && i_lane.a6_old_q[31:0] == '0
                             && word_q == 32'h8000_0000);
    keeps: cover (steps_q && !i_lane.a6_take_q && word_q == 32'hC000_0001);
  end

endmodule
