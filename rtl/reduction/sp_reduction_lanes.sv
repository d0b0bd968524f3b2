// SPDX-License-Identifier: Apache-2.0
//
// The arithmetic of an engine: exact lanes, and with ORDERED lanes that add in the order of
// arrival, behind one port. Results come in the order of read-outs, whichever lanes they are of: a
// read-out of sums in member order begins so much later that it takes as long as an exact one.
//
// The caller guarantees what sp_exact_lanes and sp_ordered_lanes ask for.
module sp_reduction_lanes #(
    /// Bits of a flit: 128, 256 or 512.
    parameter int unsigned FLIT_W     = 128,
    /// Reductions in flight: even, 2 to 64. Bit 0 of a context is its set.
    parameter int unsigned N_CONTEXTS = 8,
    /// Contributions to an element, at most.
    parameter int unsigned MEMBERS    = 1024,
    /// Bit t: elements of type t (sp_pkg::etype_e) are built in.
    parameter logic [7:0]  TYPES      = 8'h03,
    /// 1: sums in the order of members are built in.
    parameter bit          ORDERED    = 1'b0,
    /// 1: partials are built in.
    parameter bit          PARTIALS   = 1'b0,
    /// Payload flits of the longest packet.
    localparam int unsigned BEATS     = 8 * sp_pkg::UNIT_BYTES * sp_pkg::MAX_UNITS / FLIT_W,
    localparam int unsigned BW        = $clog2(BEATS),
    localparam int unsigned CW        = $clog2(N_CONTEXTS),
    localparam int unsigned LANES     = FLIT_W / 8
) (
    /// Clock.
    input  logic              clk_i,
    /// Reset, active low.
    input  logic              rst_ni,
    /// A flit of contributions is here.
    input  logic              acc_valid_i,
    /// It is added in the order of members.
    input  logic              acc_ordered_i,
    /// Its context.
    input  logic [CW-1:0]     acc_ctx_i,
    /// Its place in its packet.
    input  logic [BW-1:0]     acc_beat_i,
    /// It is of the first contribution: what was there counts as nothing.
    input  logic              acc_first_i,
    /// What is computed of its elements.
    input  sp_pkg::arith_t    acc_arith_i,
    /// It is a plane of a partial, and its context and place are those of the portion.
    input  sp_pkg::plane_t    acc_plane_i,
    /// The elements.
    input  logic [FLIT_W-1:0] acc_data_i,
    /// Read out a flit; held until taken.
    input  logic              ro_valid_i,
    /// The flit is taken.
    output logic              ro_ready_o,
    /// The flit taken last has been read: its context may be used again.
    output logic              ro_done_o,
    /// It is a sum in the order of members; stays until it is done.
    input  logic              ro_ordered_i,
    /// Its context.
    input  logic [CW-1:0]     ro_ctx_i,
    /// Its place in its packet.
    input  logic [BW-1:0]     ro_beat_i,
    /// What was computed.
    input  sp_pkg::arith_t    ro_arith_i,
    /// It is wanted unrounded, as words.
    input  logic              ro_part_i,
    /// Handed through to the result.
    input  logic              ro_last_i,
    /// A flit of results, in the order of read-outs.
    output logic              res_valid_o,
    /// `ro_last_i` of that flit.
    output logic              res_last_o,
    /// The results.
    output logic [FLIT_W-1:0] res_data_o,
    /// Of a flit that is wanted unrounded: as in sp_exact_lanes.
    output logic              dig_valid_o,
    /// As there.
    output logic [2:0]        dig_pair_o,
    /// As there.
    output logic [LANES-1:0][63:0] dig_o,
    /// As there.
    output logic              seen_valid_o,
    /// As there.
    output logic [LANES-1:0][3:0] seen_o
);

  import sp_pkg::*;

  localparam int unsigned ELEMS = (N_CONTEXTS / 2) * BEATS;
  localparam int unsigned EW    = $clog2(ELEMS);

  logic              exact_ready, exact_done, exact_valid, exact_last;
  logic [FLIT_W-1:0] exact_data;
  logic              ord_valid, ord_last;
  logic [FLIT_W-1:0] ord_data;

  /// Place of a flit among those of its set.
  function automatic logic [EW-1:0] elem_of(logic [CW-1:0] ctx, logic [BW-1:0] b);
    return EW'(32'(ctx) >> 1 << BW) | EW'(b);
  endfunction

  sp_exact_lanes #(
      .FLIT_W (FLIT_W),
      .ELEMS  (ELEMS),
      .MEMBERS(MEMBERS),
      .TYPES  (TYPES),
      .PARTIALS(PARTIALS)
  ) i_exact (
      .clk_i,
      .rst_ni,
      .acc_valid_i(acc_valid_i && !(ORDERED && acc_ordered_i)),
      .acc_set_i  (acc_ctx_i[0]),
      .acc_elem_i (elem_of(acc_ctx_i, acc_beat_i)),
      .acc_first_i,
      .acc_arith_i,
      .acc_plane_i,
      .acc_data_i,
      .ro_valid_i (ro_valid_i && !(ORDERED && ro_ordered_i)),
      .ro_ready_o (exact_ready),
      .ro_done_o  (exact_done),
      .ro_set_i   (ro_ctx_i[0]),
      .ro_elem_i  (elem_of(ro_ctx_i, ro_beat_i)),
      .ro_arith_i,
      .ro_part_i,
      .ro_last_i,
      .res_valid_o(exact_valid),
      .res_last_o (exact_last),
      .res_data_o (exact_data),
      .dig_valid_o,
      .dig_pair_o,
      .dig_o,
      .seen_valid_o,
      .seen_o
  );

  if (ORDERED) begin : g_ordered
    localparam int unsigned LATER = sp_float_pkg::exact_read() - sp_float_pkg::ordered_read();

    /// A flit to read.
    typedef struct packed {
      logic          last;
      arith_t        arith;
      logic [CW-1:0] ctx;
      logic [BW-1:0] beat;
    } read_t;
    logic [LATER-1:0] read_valid_q;
    read_t            read_q [LATER];
    read_t            now;

    assign now = read_q[LATER-1];

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) read_valid_q <= '0;
      else read_valid_q <= LATER'({read_valid_q, ro_valid_i && ro_ordered_i});
    end

    always_ff @(posedge clk_i) begin
      read_q[0] <= '{last: ro_last_i, arith: ro_arith_i, ctx: ro_ctx_i, beat: ro_beat_i};
      for (int unsigned i = 1; i < LATER; i++) read_q[i] <= read_q[i-1];
    end

    sp_ordered_lanes #(
        .FLIT_W(FLIT_W),
        .ELEMS (N_CONTEXTS * BEATS),
        .TYPES (TYPES)
    ) i_ordered (
        .clk_i,
        .rst_ni,
        .acc_valid_i(acc_valid_i && acc_ordered_i),
        .acc_elem_i ({acc_ctx_i, acc_beat_i}),
        .acc_first_i,
        .acc_arith_i,
        .acc_data_i,
        .ro_valid_i (read_valid_q[LATER-1]),
        .ro_elem_i  ({now.ctx, now.beat}),
        .ro_arith_i (now.arith),
        .ro_last_i  (now.last),
        .res_valid_o(ord_valid),
        .res_last_o (ord_last),
        .res_data_o (ord_data)
    );

    // What is read so much later is still there: another reduction needs longer than that from the
    // moment in which its context is free to its first sum.
    if (LATER > sp_float_pkg::ordered_gap()) begin : gen_bad_latency
      $fatal(1, "sp_reduction_lanes: sums are overwritten before they are read");
    end
    assign ro_ready_o = ro_ordered_i || exact_ready;
    assign ro_done_o  = ro_ordered_i || exact_done;

`ifndef SYNTHESIS
    logic was_reset_q;  // registers hold anything before the first reset
    initial was_reset_q = 1'b0;
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) was_reset_q <= 1'b1;
      else if (was_reset_q)
        a_one_result : assert (!(exact_valid && ord_valid)) else $error("two results at once");
    end
`endif
  end else begin : g_exact_only
    logic unused;
    assign unused     = &{1'b0, acc_ordered_i, ro_ordered_i};
    assign ord_valid  = 1'b0;
    assign ord_last   = 1'b0;
    assign ord_data   = '0;
    assign ro_ready_o = exact_ready;
    assign ro_done_o  = exact_done;
  end

  assign res_valid_o = exact_valid || ord_valid;
  assign res_last_o  = ord_valid ? ord_last : exact_last;
  assign res_data_o  = ord_valid ? ord_data : exact_data;

endmodule
