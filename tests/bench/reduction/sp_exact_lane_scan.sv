// SPDX-License-Identifier: Apache-2.0
//
// One lane with the control that lanes share, between registers of a scan chain, for place and
// route.

module sp_exact_lane_scan #(
    /// As in sp_exact_lanes.
    parameter int unsigned ELEMS = 64,
    /// As in sp_exact_lanes.
    parameter int unsigned MEMBERS = 1024,
    /// As in sp_exact_lanes.
    parameter int unsigned TYPES = 3
) (
    /// Clock.
    input  logic clk_i,
    /// Reset, active low.
    input  logic rst_ni,
    /// Into the chain.
    input  logic scan_i,
    /// The outputs go into the chain instead of what is there.
    input  logic load_i,
    /// Out of the chain.
    output logic scan_o
);

  localparam int unsigned EW = (ELEMS > 1) ? $clog2(ELEMS) : 1;

  /// Inputs of the lanes.
  typedef struct packed {
    logic           acc_valid;
    logic           acc_set;
    logic [EW-1:0]  acc_elem;
    logic           acc_first;
    sp_pkg::arith_t acc_arith;
    logic [31:0]    acc_data;
    logic           ro_valid;
    logic           ro_set;
    logic [EW-1:0]  ro_elem;
    sp_pkg::arith_t ro_arith;
    logic           ro_last;
  } in_t;

  /// Outputs of the lanes.
  typedef struct packed {
    logic        ro_ready;
    logic        ro_done;
    logic        res_valid;
    logic        res_last;
    logic [31:0] res_data;
  } out_t;

  in_t  in_q;
  out_t out, out_q;

  sp_exact_lanes #(
      .FLIT_W (32),
      .ELEMS  (ELEMS),
      .MEMBERS(MEMBERS),
      .TYPES  (8'(TYPES))
  ) i_lanes (
      .clk_i,
      .rst_ni,
      .acc_valid_i(in_q.acc_valid),
      .acc_set_i  (in_q.acc_set),
      .acc_elem_i (in_q.acc_elem),
      .acc_first_i(in_q.acc_first),
      .acc_arith_i(in_q.acc_arith),
      .acc_plane_i('0),
      .acc_data_i (in_q.acc_data),
      .ro_valid_i (in_q.ro_valid),
      .ro_ready_o (out.ro_ready),
      .ro_done_o  (out.ro_done),
      .ro_set_i   (in_q.ro_set),
      .ro_elem_i  (in_q.ro_elem),
      .ro_arith_i (in_q.ro_arith),
      .ro_part_i  (1'b0),
      .ro_last_i  (in_q.ro_last),
      .res_valid_o(out.res_valid),
      .res_last_o (out.res_last),
      .res_data_o (out.res_data),
      .dig_valid_o(),
      .dig_pair_o (),
      .dig_o      (),
      .seen_valid_o(),
      .seen_o     ()
  );

  always_ff @(posedge clk_i) begin
    in_q   <= {in_q[$bits(in_t)-2:0], scan_i};
    out_q  <= load_i ? out : {out_q[$bits(out_t)-2:0], in_q[$bits(in_t)-1]};
    scan_o <= out_q[$bits(out_t)-1];
  end

endmodule
