// SPDX-License-Identifier: Apache-2.0
//
// Sums in the order in which contributions come: each is read as an FP32 number and added,
// rounded, to what its place holds; when it is read out the total is rounded to the element type.
// In every cycle a flit is accumulated and a flit is read out, at places of the caller's choice.
//
// A flit of FLIT_W bits has FLIT_W/8 lanes. Lane k of 4 holds the elements that begin at byte k:
// lane 0 those of 32, 16 and 8 bits, lane 2 those of 16 and 8 bits, lanes 1 and 3 those of 8 bits.
// Lanes that no built-in type needs are not there.
//
//   accumulate  0 take | 1 read | 2 word arrives | 3-13 add | 14 write
//               the element becomes FP32 in 0, 1 and 2
//   read-out    0 take | 1 read | 2 word arrives | 3-8 narrow | 9 result
//
// A sum goes back to where it came from: the next contribution to the same place must read it
// after it was written, that is come ordered_gap() cycles later. The caller guarantees that, and
// that a place is read out no sooner either. What comes with the read-out or later is not in its
// result: a first contribution may come in that very cycle. Each kind of reader has a memory of its
// own, written alike.

module sp_ordered_lanes
  import sp_pkg::*;
#(
    /// Bits of a flit: 128, 256 or 512.
    parameter int unsigned FLIT_W = 128,
    /// Places: flits of elements.
    parameter int unsigned ELEMS = 64,
    /// Element types that are built in: bit t is that of etype_e t. INT32 counts for nothing, it
    /// has no order.
    parameter logic [7:0] TYPES = 8'h03,
    /// Bits of a place's number; follows from ELEMS.
    localparam int unsigned EW = (ELEMS > 1) ? $clog2(ELEMS) : 1
) (
    /// Clock.
    input  logic              clk_i,
    /// Reset, active low: nothing is in the pipelines.
    input  logic              rst_ni,
    /// A flit of contributions is here.
    input  logic              acc_valid_i,
    /// Its place.
    input  logic [EW-1:0]     acc_elem_i,
    /// It is the first for this place: what was there counts as nothing.
    input  logic              acc_first_i,
    // only the type, and saturation of what is read out, are told of all that is computed
    // verilator lint_off UNUSEDSIGNAL
    /// What is computed of it: a sum, of a type that is built in and not INT32.
    input  arith_t            acc_arith_i,
    /// The elements.
    input  logic [FLIT_W-1:0] acc_data_i,
    /// Read out a flit; it is always taken.
    input  logic              ro_valid_i,
    /// Its place.
    input  logic [EW-1:0]     ro_elem_i,
    /// What was computed of it, and whether overflow becomes the largest number (E4M3 and E5M2).
    input  arith_t            ro_arith_i,
    // verilator lint_on UNUSEDSIGNAL
    /// Handed through to the result.
    input  logic              ro_last_i,
    /// A flit of results, ordered_read() cycles after it was asked for.
    output logic              res_valid_o,
    /// `ro_last_i` of that flit.
    output logic              res_last_o,
    /// The results.
    output logic [FLIT_W-1:0] res_data_o
);

  localparam int unsigned Words = FLIT_W / 32;
  localparam int unsigned Gap = sp_float_pkg::ordered_gap();
  localparam int unsigned Read = sp_float_pkg::ordered_read();
  localparam bit Has32 = TYPES[ET_FP32];
  localparam bit Has16 = TYPES[ET_BF16] || TYPES[ET_FP16];
  localparam bit Has8 = TYPES[ET_E4M3] || TYPES[ET_E5M2];
  // Added to the first number instead of what memory holds: the one number that changes none.
  localparam logic [31:0] MinusZero = 32'h8000_0000;

  if (FLIT_W != 128 && FLIT_W != 256 && FLIT_W != 512) begin : g_bad_flit
    $fatal(1, "sp_ordered_lanes: FLIT_W = %0d is not 128, 256 or 512", FLIT_W);
  end
  if (ELEMS < 1 || ELEMS > 4096) begin : g_bad_elems
    $fatal(1, "sp_ordered_lanes: ELEMS = %0d is not in 1..4096", ELEMS);
  end
  if (!(Has32 || Has16 || Has8)) begin : g_bad_types
    $fatal(1, "sp_ordered_lanes: TYPES = %b has no floating-point type", TYPES);
  end

  /// Whether a type has elements in all lanes of four, and in lane 2.
  typedef struct packed {
    logic bytes;
    logic halves;
  } size_t;

  function automatic size_t size_of(logic [2:0] etype);
    size_of.bytes  = Has8 && (etype == ET_E4M3 || etype == ET_E5M2);
    size_of.halves = size_of.bytes || (Has16 && (etype == ET_BF16 || etype == ET_FP16));
  endfunction

  // ------------------------------------------------------------------------------- accumulate
  // [k] is of stage k. Which lanes take part goes along with a flit to where it is written.

  logic  [Gap:1]         a_valid_q;
  logic  [Gap:1][EW-1:0] a_elem_q;
  // verilator lint_off UNUSEDSIGNAL
  size_t [Gap:1]         a_size_q;  // lane 0 takes part in all of them
  // verilator lint_on UNUSEDSIGNAL
  logic  [2:1]           a_first_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) a_valid_q <= '0;
    else a_valid_q <= {a_valid_q[Gap-1:1], acc_valid_i};
  end

  always_ff @(posedge clk_i) begin
    a_elem_q  <= {a_elem_q[Gap-1:1], acc_elem_i};
    a_size_q  <= {a_size_q[Gap-1:1], size_of(acc_arith_i.etype)};
    a_first_q <= {a_first_q[1], acc_first_i};
  end

  // --------------------------------------------------------------------------------- read-out

  logic  [Read:1]      r_valid_q, r_last_q;
  logic  [EW-1:0]      r1_elem_q;
  logic  [3:1][2:0]    r_etype_q;
  logic  [3:1]         r_saturate_q;
  size_t [Read:1]      r_size_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) r_valid_q <= '0;
    else r_valid_q <= {r_valid_q[Read-1:1], ro_valid_i};
  end

  always_ff @(posedge clk_i) begin
    r1_elem_q    <= ro_elem_i;
    r_last_q     <= {r_last_q[Read-1:1], ro_last_i};
    r_etype_q    <= {r_etype_q[2:1], ro_arith_i.etype};
    r_saturate_q <= {r_saturate_q[2:1], ro_arith_i.saturate};
    r_size_q     <= {r_size_q[Read-1:1], size_of(ro_arith_i.etype)};
  end

  assign res_valid_o = r_valid_q[Read];
  assign res_last_o  = r_last_q[Read];

  // ------------------------------------------------------------------------------------ lanes

  for (genvar w = 0; w < int'(Words); w++) begin : g_word
    logic [31:0] res [4];

    for (genvar k = 0; k < 4; k++) begin : g_lane
      // The widest element that can begin here.
      localparam int unsigned Width = (k == 0 && Has32) ? 32 : (k % 2 == 0 && Has16) ? 16 : 8;

      if (k == 0 || Width > 8 || Has8) begin : g_there
        // A place that is read while it is written is never of a flit whose sum is wanted.
        (* no_rw_check, ram_style = "block" *) logic [31:0] mem_a [1 << EW];
        (* no_rw_check, ram_style = "block" *) logic [31:0] mem_r [1 << EW];
        logic             read_a, read_r, write;
        logic [31:0]      number;               // stage 3
        logic [31:0]      word_a, word_r;       // stage 2
        logic [31:0]      old_q, total_q;       // stage 3
        logic [31:0]      sum;                  // stage 14
        logic [Width-1:0] element;

        if (k == 0) begin : g_all
          assign read_a = a_valid_q[1];
          assign read_r = r_valid_q[1];
          assign write  = a_valid_q[Gap];
        end else if (k == 2) begin : g_halves
          assign read_a = a_valid_q[1] && a_size_q[1].halves;
          assign read_r = r_valid_q[1] && r_size_q[1].halves;
          assign write  = a_valid_q[Gap] && a_size_q[Gap].halves;
        end else begin : g_bytes
          assign read_a = a_valid_q[1] && a_size_q[1].bytes;
          assign read_r = r_valid_q[1] && r_size_q[1].bytes;
          assign write  = a_valid_q[Gap] && a_size_q[Gap].bytes;
        end

        sp_float_widen #(
            .WIDTH(Width),
            .TYPES(TYPES)
        ) i_widen (
            .clk_i,
            .etype_i (acc_arith_i.etype),
            .number_i(acc_data_i[32*w+8*k+:Width]),
            .number_o(number)
        );

        sp_float_add i_add (
            .clk_i,
            .a_i  (number),
            .b_i  (old_q),
            .sum_o(sum)
        );

        always_ff @(posedge clk_i) begin
          if (read_a) word_a <= mem_a[a_elem_q[1]];
          if (write) mem_a[a_elem_q[Gap]] <= sum;
        end
        always_ff @(posedge clk_i) begin
          if (read_r) word_r <= mem_r[r1_elem_q];
          if (write) mem_r[a_elem_q[Gap]] <= sum;
        end
        always_ff @(posedge clk_i) begin
          old_q   <= a_first_q[2] ? MinusZero : word_a;
          total_q <= word_r;
        end

        sp_float_narrow #(
            .WIDTH(Width),
            .TYPES(TYPES)
        ) i_narrow (
            .clk_i,
            .etype_i   (r_etype_q[3]),
            .saturate_i(r_saturate_q[3]),
            .number_i  (total_q),
            .number_o  (element)
        );
        assign res[k] = 32'(element);
      end else begin : g_none
        assign res[k] = '0;
      end
    end

    always_comb begin
      if (r_size_q[Read].bytes) begin
        res_data_o[32*w+:32] = {res[3][7:0], res[2][7:0], res[1][7:0], res[0][7:0]};
      end else if (r_size_q[Read].halves) begin
        res_data_o[32*w+:32] = {res[2][15:0], res[0][15:0]};
      end else begin
        res_data_o[32*w+:32] = res[0];
      end
    end
  end

  // ------------------------------------------------------------------------------- assertions

`ifndef SYNTHESIS
  logic           was_reset_q;            // registers hold anything before the first reset
  logic [Gap-1:1] acc_meets, ro_meets;    // a flit of the same place is in a stage
  logic [Gap-1:1] begins_q;               // the flit in a stage is a first one
  // how much later than an engine asks a flit is read: see sp_reduction_lanes
  localparam int unsigned Late = sp_float_pkg::exact_read() - Read;
  initial was_reset_q = 1'b0;

  always_comb begin
    for (int unsigned d = 1; d < Gap; d++) begin
      acc_meets[d] = a_valid_q[d] && a_elem_q[d] == acc_elem_i;
      // What begins anew there while the read-out is on its way is not in memory before the old
      // sum has been read.
      ro_meets[d]  = a_valid_q[d] && a_elem_q[d] == ro_elem_i && !(begins_q[d] && d < Late);
    end
  end

  always_ff @(posedge clk_i) begins_q <= (Gap - 1)'({begins_q, acc_first_i});

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      was_reset_q <= 1'b1;
    end else if (was_reset_q) begin
      // flits of a place are ordered_gap() cycles apart, its first one too
      a_gap : assert (!acc_valid_i || acc_meets == '0);
      // and so is the read-out
      a_read : assert (!ro_valid_i || ro_meets == '0);
      // what comes is a sum in an order, of a type that is built in
      a_type : assert (!acc_valid_i
                       || (TYPES[acc_arith_i.etype] && acc_arith_i.etype != ET_INT32));
    end
  end
`endif

endmodule
