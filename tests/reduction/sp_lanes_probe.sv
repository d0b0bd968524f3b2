// SPDX-License-Identifier: Apache-2.0
//
// sp_exact_lanes with the lowest USED_W bits of its flit in reach, the rest tied to zero. Verilator
// and the bit-sliced simulation (ci/slices.py) both take it; 32 bits have a lane of each kind.
module sp_lanes_probe #(
    /// Bits of a flit.
    parameter int unsigned FLIT_W  = 128,
    /// Bits of it that are in reach.
    parameter int unsigned USED_W  = 32,
    /// Places of one set.
    parameter int unsigned ELEMS   = 1,
    /// Contributions to an element, at most.
    parameter int unsigned MEMBERS = 2,
    /// Element types that are built in, one bit each.
    parameter int unsigned TYPES   = 3,
    localparam int unsigned EW     = (ELEMS > 1) ? $clog2(ELEMS) : 1
) (
    /// Clock.
    input  logic              clk_i,
    /// Reset, active low.
    input  logic              rst_ni,
    /// A flit of contributions is here.
    input  logic              acc_valid_i,
    /// Its set.
    input  logic              acc_set_i,
    /// Its place in the set.
    input  logic [EW-1:0]     acc_elem_i,
    /// It is the first for this place.
    input  logic              acc_first_i,
    /// What is computed of it: sp_pkg::arith_t.
    input  logic [6:0]        acc_arith_i,
    /// The elements in reach.
    input  logic [USED_W-1:0] acc_data_i,
    /// Read out a flit.
    input  logic              ro_valid_i,
    /// The flit is taken.
    output logic              ro_ready_o,
    /// Its place may be used again.
    output logic              ro_done_o,
    /// Set of the flit.
    input  logic              ro_set_i,
    /// Place of the flit.
    input  logic [EW-1:0]     ro_elem_i,
    /// What it holds: sp_pkg::arith_t.
    input  logic [6:0]        ro_arith_i,
    /// Handed through to the result.
    input  logic              ro_last_i,
    /// A flit of results.
    output logic              res_valid_o,
    /// `ro_last_i` of that flit.
    output logic              res_last_o,
    /// The results in reach.
    output logic [USED_W-1:0] res_data_o
);

  // verilator lint_off UNUSEDSIGNAL
  logic [FLIT_W-1:0] data;
  // verilator lint_on UNUSEDSIGNAL

  assign res_data_o = data[USED_W-1:0];

  sp_exact_lanes #(
      .FLIT_W (FLIT_W),
      .ELEMS  (ELEMS),
      .MEMBERS(MEMBERS),
      .TYPES  (8'(TYPES))
  ) i_lanes (
      .clk_i,
      .rst_ni,
      .acc_valid_i,
      .acc_set_i,
      .acc_elem_i,
      .acc_first_i,
      .acc_arith_i(sp_pkg::arith_t'(acc_arith_i)),
      .acc_plane_i('0),
      .acc_data_i (FLIT_W'(acc_data_i)),
      .ro_valid_i,
      .ro_ready_o,
      .ro_done_o,
      .ro_set_i,
      .ro_elem_i,
      .ro_arith_i (sp_pkg::arith_t'(ro_arith_i)),
      .ro_part_i  (1'b0),
      .ro_last_i,
      .res_valid_o,
      .res_last_o,
      .res_data_o (data),
      .dig_valid_o(),
      .dig_pair_o (),
      .dig_o      (),
      .seen_valid_o(),
      .seen_o     ()
  );

endmodule
