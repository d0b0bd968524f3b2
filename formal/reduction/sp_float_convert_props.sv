// SPDX-License-Identifier: Apache-2.0
//
// Every element widened, every FP32 number narrowed, of any built-in type in any cycle, against a
// specification that rounds nothing: it says between which midpoints a number must lie to become a
// pattern. What is between two neighbours of a type is a number of the format with one more
// fraction bit, so both it and the elements are made FP32 by one function; and FP32 magnitudes
// compare as patterns.

module sp_float_convert_props
  import sp_pkg::*;
#(
    /// Bits of the widest element.
    parameter int unsigned WIDTH = 32,
    /// Types that are built in.
    parameter logic [7:0] TYPES = 8'h1F
) (
    /// Clock.
    input logic             clk_i,
    /// Type, free among those that are built in.
    input logic [2:0]       etype_i,
    /// Free.
    input logic             saturate_i,
    /// An element, free.
    input logic [WIDTH-1:0] element_i,
    /// A number, free.
    input logic [31:0]      number_i
);

  localparam int unsigned Widen = sp_float_pkg::widen_latency();
  localparam int unsigned Narrow = sp_float_pkg::narrow_latency();
  localparam int unsigned Both = Widen + Narrow;
  localparam logic [30:0] Inf32 = 31'h7F80_0000;

  // --------------------------------------------------------------------------------- the RTL
  // What was told [n] cycles ago is at [n].

  logic [Both:0][2:0]       etype;
  logic [Both:0]            saturate;
  logic [Both:0][WIDTH-1:0] element;
  logic [Narrow:0][31:0]    number;
  logic [31:0]              wide;
  logic [WIDTH-1:0]         back, narrow;
  logic [3:0]               cycles_q;

  assign etype[0]    = etype_i;
  assign saturate[0] = saturate_i;
  assign element[0]  = element_i;
  assign number[0]   = number_i;

  initial cycles_q = '0;

  always_ff @(posedge clk_i) begin
    etype[Both:1]    <= etype[Both-1:0];
    saturate[Both:1] <= saturate[Both-1:0];
    element[Both:1]  <= element[Both-1:0];
    number[Narrow:1] <= number[Narrow-1:0];
    if (32'(cycles_q) < Both) cycles_q <= cycles_q + 4'd1;
  end

  sp_float_widen #(
      .WIDTH(WIDTH),
      .TYPES(TYPES)
  ) i_widen (
      .clk_i,
      .etype_i,
      .number_i(element_i),
      .number_o(wide)
  );

  sp_float_narrow #(
      .WIDTH(WIDTH),
      .TYPES(TYPES)
  ) i_back (
      .clk_i,
      .etype_i   (etype[Widen]),
      .saturate_i(saturate[Widen]),
      .number_i  (wide),
      .number_o  (back)
  );

  sp_float_narrow #(
      .WIDTH(WIDTH),
      .TYPES(TYPES)
  ) i_narrow (
      .clk_i,
      .etype_i,
      .saturate_i,
      .number_i,
      .number_o(narrow)
  );

  // ---------------------------------------------------------------------------- specification

  /// A type as docs/numerics.md has it. Patterns without sign.
  typedef struct packed {
    logic [5:0]  sign;      // where the sign is
    logic [4:0]  fraction;  // bits
    logic [7:0]  bias;
    logic [30:0] largest;
    logic [30:0] inf;       // as the largest number, if there is none
    logic [30:0] nan;
  } format_t;

  function automatic format_t format(logic [2:0] t);
    case (t)
      ET_FP32: return '{6'd31, 5'd23, 8'd127, 31'h7F7F_FFFF, 31'h7F80_0000, 31'h7FC0_0000};
      ET_BF16: return '{6'd15, 5'd7, 8'd127, 31'h7F7F, 31'h7F80, 31'h7FC0};
      ET_FP16: return '{6'd15, 5'd10, 8'd15, 31'h7BFF, 31'h7C00, 31'h7E00};
      ET_E4M3: return '{6'd7, 5'd3, 8'd7, 31'h7E, 31'h7E, 31'h7F};
      default: return '{6'd7, 5'd2, 8'd15, 31'h7B, 31'h7C, 31'h7E};
    endcase
  endfunction

  // The FP32 magnitude of a finite one, twice as fine as those of the type (bit 0 is a half of the
  // last place). FP32 itself has no halves that it could show.
  function automatic logic [30:0] shown(logic [2:0] t, logic [15:0] fine);
    format_t     f;
    logic [15:0] fraction;
    logic [30:0] found;
    f = format(t);
    fraction = fine & ~(16'hFFFF << (f.fraction + 5'd1));
    if (t == ET_BF16) return {fine, 15'b0};
    if ((fine >> (f.fraction + 5'd1)) != '0) begin
      return (31'(fine) << (5'd22 - f.fraction)) + {8'd127 - f.bias, 23'b0};
    end
    found = '0;
    for (int unsigned p = 0; p < 11; p++) begin
      if (fraction[p]) begin
        found[30:23] = 8'd127 - f.bias - 8'(f.fraction) + 8'(p);
        found[22:0]  = 23'(fraction) << (23 - p);
      end
    end
    return found;
  endfunction

  function automatic logic is_widened(logic [2:0] t, logic [31:0] e, logic [31:0] w);
    format_t     f;
    logic [30:0] magnitude;
    f = format(t);
    magnitude = 31'(e) & ~(31'h7FFF_FFFF << f.sign);
    if (magnitude > f.inf) return w[30:0] > Inf32;
    if (w[31] != e[f.sign[4:0]]) return 1'b0;
    if (t == ET_FP32) return w[30:0] == magnitude;
    if (magnitude > f.largest) return w[30:0] == Inf32;
    return w[30:0] == shown(t, {magnitude[14:0], 1'b0});
  endfunction

  function automatic logic is_nearest(logic [2:0] t, logic held, logic [31:0] x, logic [31:0] r);
    format_t     f;
    logic [30:0] size, m;
    logic        sign, beyond;
    f = format(t);
    size   = x[30:0];
    m      = 31'(r) & ~(31'h7FFF_FFFF << f.sign);
    sign   = r[f.sign[4:0]];
    beyond = size > shown(t, {f.largest[14:0], 1'b1})
             || (size == shown(t, {f.largest[14:0], 1'b1}) && f.largest[0]);
    if (t != ET_FP32 && (r >> f.sign >> 1) != '0) return 1'b0;
    if (size > Inf32 || (t == ET_E4M3 && size == Inf32)) return !sign && m == f.nan;
    if (t == ET_E4M3 && beyond && !held) return !sign && m == f.nan;
    if (sign != x[31]) return 1'b0;
    if (t == ET_FP32) return m == size;
    if (size == Inf32) return m == f.inf;
    if (beyond) return m == ((held && (t == ET_E4M3 || t == ET_E5M2)) ? f.largest : f.inf);
    // not below the midpoint to the pattern before, not above that to the one behind
    return m <= f.largest
        && (m == '0 || size > shown(t, 16'(2 * m - 31'd1))
            || (size == shown(t, 16'(2 * m - 31'd1)) && !m[0]))
        && (size < shown(t, 16'(2 * m + 31'd1))
            || (size == shown(t, 16'(2 * m + 31'd1)) && !m[0]));
  endfunction

  function automatic logic is_same(logic [2:0] t, logic [31:0] e, logic [31:0] r);
    format_t     f;
    logic [31:0] pattern;
    f = format(t);
    pattern = e & ~((32'hFFFF_FFFF << f.sign) << 1);
    if ((31'(e) & ~(31'h7FFF_FFFF << f.sign)) > f.inf) return r == 32'(f.nan);
    return r == pattern;
  endfunction

  // -------------------------------------------------------------------------------- properties

  always_comb begin
    type_is_built_in: assume (TYPES[etype_i] && etype_i != ET_INT32
                              && 32'(format(etype_i).sign) < WIDTH);
  end

  always_comb begin
    // an element becomes the same number
    widened: assert (32'(cycles_q) < Widen
                     || is_widened(etype[Widen], 32'(element[Widen]), wide));
    // a number becomes the nearest of the type, the even one of two, or what is said of overflow
    nearest: assert (32'(cycles_q) < Narrow
                     || is_nearest(etype[Narrow], saturate[Narrow], number[Narrow], 32'(narrow)));
    // one after the other they change nothing but NaNs
    same: assert (32'(cycles_q) < Both
                  || is_same(etype[Both], 32'(element[Both]), 32'(back)));
  end

  format_t here;
  assign here = format(etype[Narrow]);

  always_comb begin
    subnormal: cover (32'(cycles_q) == Narrow && etype[Narrow] == ET_E4M3
                      && 31'(narrow) == 31'd5 && number[Narrow][11:0] != '0);
    carries: cover (32'(cycles_q) == Narrow && etype[Narrow] == ET_E4M3
                    && 31'(narrow) == 31'h40 && number[Narrow][30:23] == 8'd127);
    holds: cover (32'(cycles_q) == Narrow && 31'(narrow) == here.largest
                  && number[Narrow][30:23] == 8'd200);
    comes_back: cover (32'(cycles_q) == Both && 32'(back) == 32'd3 && etype[Both] == ET_E4M3);
  end

endmodule
