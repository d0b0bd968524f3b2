// SPDX-License-Identifier: Apache-2.0
//
// Which of the planes that a request may take it does take: that of its hash, or the one that has
// the fewest requests on the way. Guarantees: requests of one way (block of 256 bytes) that are on
// the way at the same time have taken one plane, as long as what they may take does not change
// while some are; strict ones take that of their hash.
//
// A row of the table stands for the ways whose names are equal in the lowest bits. While requests
// of a row are on the way, the next ones take the plane of the first, or, if they may not, that of
// their hash: so do all of that way, since none of them can have been the first.

module sp_requester_least #(
    /// Planes, 1 to 8.
    parameter int unsigned N_PLANES   = 2,
    /// Requests on the way at a time.
    parameter int unsigned N_REQUESTS = 48,
    localparam int unsigned PlaneW    = (N_PLANES > 1) ? $clog2(N_PLANES) : 1
) (
    /// Clock.
    input  logic                clk_i,
    /// Reset, active low, asynchronous.
    input  logic                rst_ni,
    /// Take the plane with the fewest requests.
    input  logic                least_i,
    /// Planes that the request may take.
    input  logic [N_PLANES-1:0] allowed_i,
    /// Its plane by its hash, one of these.
    input  logic [PlaneW-1:0]   by_hash_i,
    /// The name of its way.
    input  logic [7:0]          hash_i,
    /// It is not strict.
    input  logic                relaxed_i,
    /// It is sent.
    input  logic                take_i,
    /// The plane that it takes.
    output logic [PlaneW-1:0]   plane_o,
    /// A request has ended that was sent.
    input  logic                end_i,
    /// The name of its way.
    input  logic [7:0]          end_hash_i,
    /// It was not strict.
    input  logic                end_relaxed_i,
    /// Its plane.
    input  logic [PlaneW-1:0]   end_plane_i,
    /// No request is on the way.
    input  logic                none_i
);

  /// Bits of a row.
  localparam int unsigned RowW   = 6;
  localparam int unsigned Rows   = 1 << RowW;
  localparam int unsigned CountW = $clog2(N_REQUESTS + 1);

  if (N_PLANES < 1 || N_PLANES > 8) begin : g_bad_planes
    $fatal(1, "sp_requester_least: N_PLANES = %0d is not in 1..8", N_PLANES);
  end

  logic [Rows-1:0][CountW-1:0]     row_q;    // requests on the way
  logic [Rows-1:0][PlaneW-1:0]     first_q;  // plane of the first of them
  logic [N_PLANES-1:0][CountW-1:0] load_q;   // requests on the way by plane

  logic [RowW-1:0]   row;
  logic [RowW-1:0]   end_row;
  logic              follows;  // others of its row are on the way
  logic [PlaneW-1:0] least;

  logic unused;
  assign unused = &{1'b0, hash_i[7:RowW], end_hash_i[7:RowW]};

  assign row     = hash_i[RowW-1:0];
  assign end_row = end_hash_i[RowW-1:0];
  assign follows = row_q[row] != '0;

  // The plane of the hash, unless another one has fewer.
  always_comb begin
    least = by_hash_i;
    for (int unsigned p = 0; p < N_PLANES; p++) begin
      if (allowed_i[p] && load_q[p] < load_q[least]) least = PlaneW'(p);
    end
  end

  always_comb begin
    if (!least_i || !relaxed_i) plane_o = by_hash_i;
    else if (!follows) plane_o = least;
    else if (allowed_i[first_q[row]]) plane_o = first_q[row];
    else plane_o = by_hash_i;
  end

  logic counted;
  logic uncounted;
  // With one plane nothing is counted, and the table falls away.
  assign counted   = take_i && relaxed_i && N_PLANES > 1;
  assign uncounted = end_i && end_relaxed_i && N_PLANES > 1;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      row_q  <= '0;
      load_q <= '0;
    end else if (none_i) begin
      row_q  <= '0;
      load_q <= '0;
    end else begin
      for (int unsigned r = 0; r < Rows; r++) begin
        row_q[r] <= row_q[r] + CountW'(counted && row == RowW'(r)) -
                    CountW'(uncounted && end_row == RowW'(r));
      end
      for (int unsigned p = 0; p < N_PLANES; p++) begin
        load_q[p] <= load_q[p] + CountW'(take_i && plane_o == PlaneW'(p) && N_PLANES > 1) -
                     CountW'(end_i && end_plane_i == PlaneW'(p) && N_PLANES > 1);
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (counted && !follows) first_q[row] <= plane_o;
  end

endmodule
