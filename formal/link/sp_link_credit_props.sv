// SPDX-License-Identifier: Apache-2.0
//
// What a user relies on from sp_link_credit: whatever R(v) and S are and whatever counts come, no
// packet begins for which the receiver has not given room, and room that was given can be used.
// (sp_link_count_props: what the sender takes for used is never less than what the receiver holds.)
//
// R(v) and S change only while no flit is used, and not in the four cycles before a packet begins
// (sp_link_train).

module sp_link_credit_props
  import sp_pkg::*;
  import sp_link_pkg::*;
#(
    /// Bits of the greatest R(v) and S.
    parameter int unsigned ROOM_W = 3,
    localparam int unsigned SumW = ROOM_W + 5  // with sign: four times R(v) + S, and a packet
) (
    /// Clock.
    input logic                              clk_i,
    /// Reset.
    input logic                              rst_ni,
    /// Counts begin anew, free.
    input logic                              clear_i,
    /// R(v), free within the above.
    input logic [NUM_VC-1:0][RESERVED_W-1:0] reserved_i,
    /// S, free within the above.
    input logic [SHARED_W-1:0]               shared_i,
    /// VC of a packet, free.
    input logic [1:0]                        vc_i,
    /// Its flits, free.
    input logic [LEN_W-1:0]                  flits_i,
    /// It begins, free when it may.
    input logic                              start_i,
    /// Counts come, free.
    input logic                              told_i,
    /// By VC: by how much they differ from the last ones, free.
    input logic [NUM_VC-1:0][COUNT_W-1:0]    more_i,
    /// By VC: what the receiver holds, free but not more than what is used.
    input logic [NUM_VC-1:0][ROOM_W:0]       held_i
);

  logic started_q = 1'b0;
  always_ff @(posedge clk_i) started_q <= 1'b1;

  logic                           go;
  logic [NUM_VC-1:0]              room;
  logic [NUM_VC-1:0]              bad;
  logic [NUM_VC-1:0][COUNT_W-1:0] came;

  always_comb begin
    for (int unsigned v = 0; v < NUM_VC; v++) came[v] = credit.freed_q[v] + more_i[v];
  end

  sp_link_credit credit (
      .clk_i,
      .rst_ni,
      .clear_i,
      .reserved_i,
      .shared_i,
      .vc_i,
      .flits_i,
      .go_o          (go),
      .start_i,
      .freed_valid_i (told_i),
      .freed_i       (came),
      .room_o        (room),
      .ev_freed_bad_o(bad)
  );

  // --------------------------------------------------------------------- what was true, and when

  /// What the answer depends on.
  typedef struct packed {
    logic [NUM_VC-1:0][ROOM_W:0]   used;
    logic [NUM_VC-1:0][ROOM_W-1:0] reserved;
    logic [ROOM_W-1:0]             shared;
  } view_t;

  /// A packet that begins.
  typedef struct packed {
    logic [1:0]       vc;
    logic [LEN_W-1:0] flits;  // none: none begins
  } begin_t;

  logic [NUM_VC-1:0][ROOM_W:0] used_q;
  view_t  now;
  view_t  held;
  view_t  view_q  [3];  // one, two, three cycles ago
  begin_t begin_q [3];  // one, two, three cycles ago
  logic   settled;      // R and S have not changed since three cycles ago
  logic   quiet;        // nothing at all has, and none began

  function automatic logic signed [SumW-1:0] positive(logic signed [SumW-1:0] x);
    return x[SumW-1] ? '0 : x;
  endfunction

  // Flits of a VC beyond its own.
  function automatic logic signed [SumW-1:0] beyond(view_t view, logic [1:0] v);
    return signed'(SumW'(view.used[v]) - SumW'(view.reserved[v]));
  endfunction

  // Flits in the pool.
  function automatic logic signed [SumW-1:0] pooled(view_t view);
    return (positive(beyond(view, 2'd0)) + positive(beyond(view, 2'd1))) +
           (positive(beyond(view, 2'd2)) + positive(beyond(view, 2'd3)));
  endfunction

  function automatic logic fits(view_t view);
    return pooled(view) <= signed'(SumW'(view.shared));
  endfunction

  // So many flits more of a VC would fit.
  function automatic logic would_fit(view_t view, logic [1:0] v, logic [LEN_W-1:0] flits);
    return pooled(view) - positive(beyond(view, v)) +
           positive(beyond(view, v) + signed'(SumW'(flits))) <= signed'(SumW'(view.shared));
  endfunction

  // Flits of a VC for which there is room.
  function automatic logic signed [SumW-1:0] space(view_t view, logic [1:0] v);
    return positive(-beyond(view, v)) + (signed'(SumW'(view.shared)) - pooled(view));
  endfunction

  function automatic logic same(view_t a, view_t b);
    return (a.reserved == b.reserved) && (a.shared == b.shared);
  endfunction

  // From one view to the next a VC's room falls by no more than what began.
  function automatic logic falls(view_t to, view_t from, begin_t packet, logic [1:0] v);
    return !same(to, from) || (space(to, v) + signed'(SumW'(packet.flits)) >= space(from, v));
  endfunction

  always_comb begin
    now.used   = used_q;
    now.shared = shared_i[ROOM_W-1:0];
    for (int unsigned v = 0; v < NUM_VC; v++) now.reserved[v] = reserved_i[v][ROOM_W-1:0];
    held      = now;
    held.used = held_i;
  end

  assign settled = same(now, view_q[0]) && same(now, view_q[1]) && same(now, view_q[2]);
  assign quiet   = (now == view_q[0]) && (now == view_q[1]) && (now == view_q[2]) &&
                   (begin_q[0].flits == '0) && (begin_q[1].flits == '0) && (begin_q[2].flits == '0);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      used_q <= '0;
      for (int unsigned i = 0; i < 3; i++) begin
        view_q[i]  <= '0;
        begin_q[i] <= '0;
      end
    end else begin
      for (int unsigned v = 0; v < NUM_VC; v++) begin
        if (clear_i) used_q[v] <= '0;
        else used_q[v] <= used_q[v] + ((start_i && vc_i == 2'(v)) ? (ROOM_W + 1)'(flits_i) : '0)
            - ((told_i && more_i[v] <= COUNT_W'(used_q[v])) ? more_i[v][ROOM_W:0] : '0);
      end
      view_q[0]  <= now;
      begin_q[0] <= '{vc: vc_i, flits: start_i ? flits_i : '0};
      for (int unsigned i = 1; i < 3; i++) begin
        view_q[i]  <= view_q[i-1];
        begin_q[i] <= begin_q[i-1];
      end
    end
  end

  // ----------------------------------------------------------------------------------- assumptions

  always_comb begin
    reset_first: assume (started_q || !rst_ni);
    begins_when_it_may: assume (!start_i || (go && !clear_i && settled));
    changes_when_empty: assume (same(now, view_q[0]) || now.used == '0);
    pool_of_size: assume ((shared_i >> ROOM_W) == '0);
  end

  for (genvar v = 0; v < NUM_VC; v++) begin : g_assume
    always_comb begin
      own_of_size: assume ((reserved_i[v] >> ROOM_W) == '0);
      used_is_true: assume (COUNT_W'(credit.sent_q[v] - credit.freed_q[v]) == COUNT_W'(used_q[v]));
      held_is_used: assume (held_i[v] <= used_q[v]);
    end
  end

  // ------------------------------------------------------------------------------------ properties

  always_comb begin
    if (rst_ni) begin
      // What is used never needs more than the pool.
      within_limit: assert (fits(now));
      // The receiver never holds more than it gave.
      never_asked_for_more: assert (fits(held));
      // When things have been quiet for three cycles a packet may begin exactly if it has room.
      exact: assert (!quiet || go == would_fit(now, vc_i, flits_i));
      // Why so: a packet that begins has room.
      begins_with_room: assert (!start_i || would_fit(now, vc_i, flits_i));
      // Why so: the answer is about the pool of three cycles ago.
      pool_is_true: assert (credit.pool_q == signed'(SumW'(view_q[0].shared)) - pooled(view_q[1]));
    end
  end

  for (genvar v = 0; v < NUM_VC; v++) begin : g_vc
    logic signed [SumW-1:0] both;
    assign both = positive(-beyond(view_q[2], 2'(v))) +
                  positive(signed'(SumW'(view_q[1].shared)) - pooled(view_q[2]));
    always_comb begin
      if (rst_ni) begin
        // A VC uses no more than its own and the pool.
        not_over: assert (SumW'(used_q[v]) <= SumW'(reserved_i[v]) + SumW'(shared_i));
        // Why so: the answer is about the VC of three cycles ago.
        over_is_true: assert (credit.over_q[v] == beyond(view_q[0], 2'(v)));
        own_is_true: assert (credit.own_q[v] == positive(-beyond(view_q[1], 2'(v))));
        free_is_true: assert (SumW'(credit.free_q[v]) == ((both > 127) ? SumW'(127) : both));
        // Why so: since then room has become less by no more than what began.
        falls_by_begun: assert (falls(now, view_q[0], begin_q[0], 2'(v))
                                && falls(view_q[0], view_q[1], begin_q[1], 2'(v))
                                && falls(view_q[1], view_q[2], begin_q[2], 2'(v)));
      end
    end
  end

  for (genvar i = 0; i < 3; i++) begin : g_ago
    always_comb begin
      if (rst_ni) begin
        begun_is_true: assert (credit.begun_q[i] == begin_q[i].flits);
        was_within_limit: assert (fits(view_q[i]));
      end
    end
  end

  logic full;        // the pool is exhausted
  logic was_full_q;  // it was
  assign full = (pooled(now) == signed'(SumW'(now.shared))) && (now.shared != '0);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) was_full_q <= 1'b0;
    else if (full) was_full_q <= 1'b1;
  end

  always_comb begin
    // The pool is exhausted, by two VCs.
    pool_exhausted: cover (rst_ni && full && beyond(now, 2'd0) > 0 && beyond(now, 2'd3) > 0);
    // A VC is stalled while another goes on.
    one_stalled: cover (rst_ni && quiet && full && start_i && vc_i == 2'd1 && flits_i != '0
                        && !would_fit(now, 2'd0, LEN_W'(1)));
    // A packet begins with room that was given back.
    given_back: cover (rst_ni && was_full_q && start_i && vc_i == 2'd0 && beyond(now, 2'd0) >= 0
                       && flits_i != '0);
  end

endmodule
