// SPDX-License-Identifier: Apache-2.0
//
// Which plane a request takes: by its destination and block of 256 bytes, in strict regions by its
// destination alone, spread evenly over the planes that are up.

module sp_requester_plane
  import sp_pkg::*;
#(
    /// Planes, 1 to 8.
    parameter int unsigned N_PLANES = 2,
    localparam int unsigned PlaneW  = (N_PLANES > 1) ? $clog2(N_PLANES) : 1
) (
    /// Planes that are up.
    input  logic [N_PLANES-1:0] up_i,
    /// Destination.
    input  logic [ID_W-1:0]     dst_i,
    /// Address there.
    input  logic [ADDR_W-1:0]   addr_i,
    /// Packets may pass each other.
    input  logic                relaxed_i,
    /// The plane; one that is up if any is.
    output logic [PlaneW-1:0]   plane_o
);

  logic [63:0] name;
  logic [7:0]  hash;
  logic [7:0]  spread;
  logic [3:0]  count;
  logic [3:0]  rank;

  logic unused;
  assign unused = &{1'b0, addr_i[7:0]};

  assign name = {1'b0, dst_i, relaxed_i ? addr_i[ADDR_W-1:8] : (ADDR_W - 8)'(0)};
  assign hash = name[63:56] ^ name[55:48] ^ name[47:40] ^ name[39:32] ^ name[31:24] ^
                name[23:16] ^ name[15:8] ^ name[7:0];

  always_comb begin
    // Reversed, so that neighbours go to different planes.
    for (int unsigned k = 0; k < 8; k++) spread[k] = hash[7-k];
    count = 4'($countones(up_i));
    rank  = 4'((12'(spread) * 12'(count)) >> 8);
    plane_o = '0;
    for (int unsigned p = 0; p < N_PLANES; p++) begin
      if (up_i[p]) begin
        if (rank == '0) plane_o = PlaneW'(p);
        rank = rank - 4'd1;
      end
    end
  end

endmodule
