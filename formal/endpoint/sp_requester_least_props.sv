// SPDX-License-Identifier: Apache-2.0
//
// What the order of requests relies on in the choice of planes by load: as long as a request of a
// way (a block) is on the way, the next ones of that way take its plane. One way is followed, others
// come and go freely, with the same name, too, and other planes that they may take.

module sp_requester_least_props #(
    /// Planes.
    parameter int unsigned N_PLANES = 3,
    /// Requests on the way.
    parameter int unsigned SLOTS = 3,
    localparam int unsigned PlaneW = $clog2(N_PLANES),
    localparam int unsigned SlotW = $clog2(SLOTS)
) (
    /// Clock.
    input logic                clk_i,
    /// Reset.
    input logic                rst_ni,
    /// A request is sent, free.
    input logic                take_i,
    /// It is of the way that is followed, free.
    input logic                mine_i,
    /// Name of its way, free.
    input logic [7:0]          hash_i,
    /// It is not strict, free.
    input logic                relaxed_i,
    /// Planes that it may take, free.
    input logic [N_PLANES-1:0] allowed_i,
    /// Plane of its hash, free.
    input logic [PlaneW-1:0]   by_hash_i,
    /// A request ends, free.
    input logic                end_i,
    /// Which, free.
    input logic [SlotW-1:0]    end_slot_i
);

  /// A request on the way.
  typedef struct packed {
    logic              valid;
    logic              mine;
    logic              relaxed;
    logic [7:0]        hash;
    logic [PlaneW-1:0] plane;
  } slot_t;

  slot_t [SLOTS-1:0]   slot_q;
  logic                known_q;    // the followed way has been seen
  logic [7:0]          hash_q;     // what is known of it
  logic [N_PLANES-1:0] allowed_q;
  logic [PlaneW-1:0]   by_hash_q;
  logic [PlaneW-1:0]   plane;
  logic                room;
  logic [SlotW-1:0]    free;
  logic                take;
  logic                ends;

  always_comb begin
    room = 1'b0;
    free = '0;
    for (int unsigned s = 0; s < SLOTS; s++) begin
      if (!slot_q[s].valid) begin
        room = 1'b1;
        free = SlotW'(s);
      end
    end
  end

  assign take = take_i && room;
  assign ends = end_i && 32'(end_slot_i) < SLOTS && slot_q[end_slot_i].valid;

  sp_requester_least #(
      .N_PLANES  (N_PLANES),
      .N_REQUESTS(SLOTS)
  ) dut (
      .clk_i,
      .rst_ni,
      .least_i      (1'b1),
      .allowed_i,
      .by_hash_i,
      .hash_i,
      .relaxed_i,
      .take_i       (take),
      .plane_o      (plane),
      .end_i        (ends),
      .end_hash_i   (slot_q[end_slot_i].hash),
      .end_relaxed_i(slot_q[end_slot_i].relaxed),
      .end_plane_i  (slot_q[end_slot_i].plane),
      .none_i       (1'b0)
  );

  logic started_q = 1'b0;
  always_ff @(posedge clk_i) started_q <= 1'b1;
  always_comb reset_first: assume (started_q || !rst_ni);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      slot_q    <= '0;
      known_q   <= 1'b0;
      hash_q    <= '0;
      allowed_q <= '0;
      by_hash_q <= '0;
    end else begin
      if (ends) slot_q[end_slot_i].valid <= 1'b0;
      if (take) begin
        slot_q[free] <= '{valid: 1'b1, mine: mine_i, relaxed: relaxed_i, hash: hash_i,
                          plane: plane};
      end
      if (take && mine_i && !known_q) begin
        known_q   <= 1'b1;
        hash_q    <= hash_i;
        allowed_q <= allowed_i;
        by_hash_q <= by_hash_i;
      end
    end
  end

  // The plane of a hash is one that may be taken; all requests of a way are alike, and not strict.
  always_comb begin
    // Rows are alike: two of them, and two names for each, are enough.
    few_names: assume (hash_i[5:1] == '0 && !hash_i[7]);
    in_range: assume (32'(by_hash_i) < N_PLANES && allowed_i[by_hash_i]);
    alike: assume (!mine_i || (relaxed_i && (!known_q || (hash_i == hash_q &&
                   allowed_i == allowed_q && by_hash_i == by_hash_q))));
  end

  logic [SLOTS-1:0] met;    // a request of the followed way is on the way
  logic [SLOTS-1:0] apart;  // by another plane than the next one takes
  for (genvar s = 0; s < SLOTS; s++) begin : g_slot
    assign met[s]   = slot_q[s].valid && slot_q[s].mine;
    assign apart[s] = met[s] && slot_q[s].plane != plane;
  end

  always_comb begin
    if (rst_ni) begin
      may_take: assert (!take || (32'(plane) < N_PLANES && allowed_i[plane]));
      one_way: assert (!(take && mine_i && apart != '0));
      strict_by_hash: assert (!(take && !relaxed_i) || plane == by_hash_i);
    end
  end

  always_comb begin
    // It follows one of its own over a plane that is not that of its hash.
    follows: cover (rst_ni && take && mine_i && met != '0 && plane != by_hash_i);
    // It cannot follow the first of its row.
    cannot: cover (rst_ni && take && mine_i && met != '0 && slot_q[0].valid && !slot_q[0].mine &&
                   slot_q[0].relaxed && slot_q[0].hash == hash_i && !allowed_i[slot_q[0].plane]);
  end

endmodule
