// SPDX-License-Identifier: Apache-2.0
//
// Which way a slice goes: plane number (slice mod P) of the P planes of the mask, and there the
// engine (slice / P) mod 2^engines_log2. It depends on nothing but slice and mask, so that all
// members choose alike. Takes a slice in each cycle; the answer is there after three.

module sp_collective_path #(
    /// Planes, 1 to 64.
    parameter int unsigned N_PLANES = 2,
    localparam int unsigned PlaneW = (N_PLANES > 1) ? $clog2(N_PLANES) : 1
) (
    /// Clock.
    input  logic                       clk_i,
    /// Move on.
    input  logic                       en_i,
    /// Planes that are used.
    input  logic [N_PLANES-1:0]        planes_i,
    /// Slice.
    input  logic [sp_pkg::SLICE_W-1:0] slice_i,
    /// There is no plane.
    output logic                       none_o,
    /// Plane.
    output logic [PlaneW-1:0]          plane_o,
    /// Slice divided by the number of planes.
    output logic [sp_pkg::SLICE_W-1:0] turn_o
);

  import sp_pkg::*;

  // floor(slice / P) = floor(slice * ceil(2^22 / P) / 2^22) for all slices below 2^16 and P up to
  // 64.
  localparam int unsigned FracW = SLICE_W + 6;
  localparam int unsigned RecipW = FracW + 1;

  if (N_PLANES < 1 || N_PLANES > 64) begin : g_bad_planes
    $fatal(1, "sp_collective_path: N_PLANES = %0d is not 1 to 64", N_PLANES);
  end

  logic [N_PLANES-1:0]      planes_q;
  logic [6:0]               count_q;
  logic [RecipW-1:0]        recip, recip_q;
  logic [SLICE_W+FracW:0]   product_q;
  logic [SLICE_W-1:0]       slice_q;
  logic [SLICE_W-1:0]       turn, turn_q;
  logic [5:0]               rest_q;  // which of the planes: below 64
  logic [PlaneW-1:0]        plane;

  always_comb begin
    recip = '0;
    for (int unsigned p = 1; p <= N_PLANES; p++) begin
      if (count_q == 7'(p)) recip = RecipW'(((1 << FracW) + p - 1) / p);
    end
  end

  assign turn = product_q[FracW+:SLICE_W];

  always_ff @(posedge clk_i) begin
    planes_q <= planes_i;
    count_q  <= 7'($countones(planes_q));
    recip_q  <= recip;
    if (en_i) begin
      product_q <= (SLICE_W + FracW + 1)'(slice_i) * (SLICE_W + FracW + 1)'(recip_q);
      slice_q   <= slice_i;
      turn_q    <= turn;
      rest_q    <= slice_q[5:0] - 6'(turn[5:0] * count_q[5:0]);
      none_o    <= planes_q == '0;
      plane_o   <= plane;
      turn_o    <= turn_q;
    end
  end

  always_comb begin
    logic [6:0] seen;
    plane = '0;
    seen  = '0;
    for (int unsigned p = 0; p < N_PLANES; p++) begin
      if (planes_q[p]) begin
        if (seen == 7'(rest_q)) plane = PlaneW'(p);
        seen = seen + 7'd1;
      end
    end
  end

  logic unused;
  assign unused = ^{product_q[FracW-1:0], product_q[SLICE_W+FracW], slice_q[SLICE_W-1:6]};

endmodule
