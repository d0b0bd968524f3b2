// SPDX-License-Identifier: Apache-2.0
//
// Which planes a request may take, and which of them it takes by its destination and block of 256
// bytes, in strict regions by its destination alone: spread evenly over them.

module sp_requester_plane #(
    /// Planes, 1 to 8.
    parameter int unsigned N_PLANES = 2,
    localparam int unsigned PlaneW  = (N_PLANES > 1) ? $clog2(N_PLANES) : 1
) (
    /// Planes that are up.
    input  logic [N_PLANES-1:0] up_i,
    /// Planes that the destination is not reached by.
    input  logic [N_PLANES-1:0] avoid_i,
    /// Planes that carry nothing while all others do.
    input  logic [N_PLANES-1:0] spare_i,
    /// Name of its way: way_hash().
    input  logic [7:0]          hash_i,
    /// Planes that it may take; some of those that are up.
    output logic [N_PLANES-1:0] allowed_o,
    /// The plane; one that is up if any is.
    output logic [PlaneW-1:0]   plane_o
);

  logic [N_PLANES-1:0] good;
  logic [7:0]          spread;
  logic [3:0]          count;
  logic [3:0]          rank;

  always_comb begin
    good = up_i & ~avoid_i;
    if (good == '0) good = up_i;
    allowed_o = good;
    if ((good | spare_i) == '1 && spare_i != '1) allowed_o = good & ~spare_i;
  end

  always_comb begin
    // Reversed, so that neighbours go to different planes.
    for (int unsigned k = 0; k < 8; k++) spread[k] = hash_i[7-k];
    count = 4'($countones(allowed_o));
    rank  = 4'((12'(spread) * 12'(count)) >> 8);
    plane_o = '0;
    for (int unsigned p = 0; p < N_PLANES; p++) begin
      if (allowed_o[p]) begin
        if (rank == '0) plane_o = PlaneW'(p);
        rank = rank - 4'd1;
      end
    end
  end

endmodule
