// SPDX-License-Identifier: Apache-2.0
//
// What a user relies on from sp_link_credit: whatever R(v) and S are and whatever counts come, no
// packet begins for which the receiver has not given room, and room that was given can be used.
// (sp_link_count_props: what the sender takes for used is never less than what the receiver holds.)
//
// R(v) and S change only while no flit is used. None begins in the four cycles behind that, nor in
// the five behind one in which counts begin anew (sp_link_train). A packet that waits stays as it
// is, and meanwhile none begins (sp_link_pack_props).

module sp_link_credit_props
  import sp_pkg::*;
  import sp_link_pkg::*;
#(
    /// Bits of a flit.
    parameter int unsigned FLIT_W = 1024,
    /// Bits of the greatest R(v) and S.
    parameter int unsigned ROOM_W = 2,
    /// As in sp_link_credit.
    parameter int unsigned USED_W = COUNT_W,
    localparam int unsigned Back = 4,  // cycles from what is counted to what is judged by it
    localparam int unsigned MaxFlits = max_flits(FLIT_W),
    // With sign: four times R(v) + S, and packets.
    localparam int unsigned SumW = ((ROOM_W > 2) ? ROOM_W : 2) + 5
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
    /// A packet waits, free.
    input logic                              waits_i,
    /// VC of a packet, free but that it stays while it waits.
    input logic [1:0]                        vc_i,
    /// Its flits, free as well, but no more than those of the longest.
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

  sp_link_credit #(
      .FLIT_W(FLIT_W),
      .USED_W(USED_W)
  ) credit (
      .clk_i,
      .rst_ni,
      .clear_i,
      .reserved_i,
      .shared_i,
      .waits_i,
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
    logic [NUM_VC-1:0][SumW-1:0]   beyond;    // flits of a VC beyond its own, with sign
    logic signed [SumW-1:0]        pooled;    // flits in the pool
    logic [NUM_VC-1:0][ROOM_W-1:0] reserved;
    logic [ROOM_W-1:0]             shared;
  } view_t;

  /// A packet.
  typedef struct packed {
    logic             waits;
    logic [1:0]       vc;
    logic [LEN_W-1:0] flits;
  } packet_t;

  logic [NUM_VC-1:0][ROOM_W:0] used_q;
  logic [NUM_VC-1:0][ROOM_W:0] used;  // counted
  view_t             now;
  view_t             held;
  view_t             counted;           // now, but for a packet that began in the last cycle
  view_t             counted_q [Back];  // the same one, two, three, four cycles ago
  logic [LEN_W-1:0]  begun_q [Back+1];  // flits that began one to five cycles ago, not before clear
  packet_t           packet_q [2];      // what was asked for one and two cycles ago
  logic [Back:0]     waited_q;          // whether something has waited, by cycles
  logic [Back:0]     cleared_q;         // whether counts began anew, one to five cycles ago
  logic              settled;           // R and S have not changed since, nor counts begun anew
  logic              quiet;             // nothing at all has, and none began in five cycles

  function automatic logic signed [SumW-1:0] positive(logic signed [SumW-1:0] x);
    return x[SumW-1] ? '0 : x;
  endfunction

  function automatic logic signed [SumW-1:0] sum(logic [NUM_VC-1:0][SumW-1:0] beyond);
    return (positive(beyond[0]) + positive(beyond[1])) +
           (positive(beyond[2]) + positive(beyond[3]));
  endfunction

  function automatic view_t look(logic [NUM_VC-1:0][ROOM_W:0] used);
    for (int unsigned v = 0; v < NUM_VC; v++) begin
      look.reserved[v] = reserved_i[v][ROOM_W-1:0];
      look.beyond[v]   = SumW'(used[v]) - SumW'(look.reserved[v]);
    end
    look.shared = shared_i[ROOM_W-1:0];
    look.pooled = sum(look.beyond);
  endfunction

  // Flits of a VC beyond its own.
  function automatic logic signed [SumW-1:0] beyond(view_t view, logic [1:0] v);
    return signed'(view.beyond[v]);
  endfunction

  function automatic logic signed [SumW-1:0] pooled(view_t view);
    return view.pooled;
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

  // A VC's room has become less since by no more than so many flits.
  function automatic logic falls(view_t to, view_t from, logic signed [SumW-1:0] flits,
                                 logic [1:0] v);
    return !same(to, from) || (space(to, v) + flits >= space(from, v));
  endfunction

  function automatic logic signed [SumW-1:0] wide(logic [LEN_W-1:0] flits);
    return signed'(SumW'(flits));
  endfunction

  always_comb begin
    used = used_q;
    used[packet_q[0].vc] = used_q[packet_q[0].vc] - (ROOM_W + 1)'(begun_q[0]);
    now     = look(used_q);
    held    = look(held_i);
    counted = look(used);
  end

  always_comb begin
    settled = cleared_q == '0;
    quiet   = (cleared_q == '0) && (begun_q[Back] == '0);
    for (int unsigned i = 0; i < Back; i++) begin
      settled = settled && same(now, counted_q[i]);
      quiet   = quiet && (now == counted_q[i]) && (begun_q[i] == '0);
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      used_q    <= '0;
      waited_q  <= '0;
      cleared_q <= '0;
      for (int unsigned i = 0; i < Back; i++) counted_q[i] <= '0;
      for (int unsigned i = 0; i <= Back; i++) begun_q[i] <= '0;
    end else begin
      for (int unsigned v = 0; v < NUM_VC; v++) begin
        // A count that would free flits of a packet that began a cycle ago is ignored too.
        if (clear_i) used_q[v] <= '0;
        else used_q[v] <= used_q[v] + ((start_i && vc_i == 2'(v)) ? (ROOM_W + 1)'(flits_i) : '0)
            - ((told_i && more_i[v] <= COUNT_W'(used[v])) ? more_i[v][ROOM_W:0] : '0);
      end
      cleared_q    <= {cleared_q[Back-1:0], clear_i};
      waited_q     <= {waited_q[Back-1:0], waits_i};
      counted_q[0] <= counted;
      for (int unsigned i = 1; i < Back; i++) counted_q[i] <= counted_q[i-1];
      begun_q[0] <= start_i ? flits_i : '0;
      for (int unsigned i = 1; i <= Back; i++) begun_q[i] <= clear_i ? '0 : begun_q[i-1];
    end
  end

  always_ff @(posedge clk_i) begin
    packet_q[0] <= '{waits: rst_ni && waits_i, vc: vc_i, flits: flits_i};
    packet_q[1] <= packet_q[0];
    if (!rst_ni) packet_q[1].waits <= 1'b0;
  end

  // ----------------------------------------------------------------------------------- assumptions

  always_comb begin
    reset_first: assume (started_q || !rst_ni);
    begins_when_it_may: assume (!start_i || (go && !clear_i && settled));
    changes_when_empty: assume (same(now, counted_q[0]) || used_q == '0);
    pool_of_size: assume ((shared_i >> ROOM_W) == '0);
    packet_of_size: assume (32'(flits_i) <= MaxFlits);
    // sp_link_pack_props.
    waits_or_begins: assume (!waits_i || !start_i);
    waits_as_it_is: assume (!packet_q[0].waits ||
                            (vc_i == packet_q[0].vc && flits_i == packet_q[0].flits));
  end

  for (genvar v = 0; v < NUM_VC; v++) begin : g_assume
    always_comb begin
      own_of_size: assume ((reserved_i[v] >> ROOM_W) == '0);
      // sp_link_count_props.
      used_is_true: assume (USED_W'(credit.sent_q[v] - USED_W'(credit.freed_q[v]))
                            == USED_W'(used[v]));
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
      // When things have been quiet, a packet that has waited for two cycles may begin exactly if
      // it has room.
      exact: assert (!quiet || waited_q[1:0] != '1 || go == would_fit(now, vc_i, flits_i));
      // What else happens: a packet that has waited for five cycles, and had room four cycles ago,
      // may begin.
      in_time: assert (waited_q != '1 || !settled
                       || !would_fit(counted_q[Back-1], vc_i, flits_i) || go);
      // Where two longest packets have room none waits.
      at_once: assert (!quiet || space(now, vc_i) < signed'(SumW'(2 * MaxFlits)) || go);
      // Why so: a packet that begins has room.
      begins_with_room: assert (!start_i || would_fit(now, vc_i, flits_i));
      // Why so: the answer is about the pool of four cycles ago.
      pool_is_true: assert (credit.pool_q
                            == signed'(SumW'(counted_q[0].shared)) - pooled(counted_q[1]));
      // Why so: what began since is known.
      before_is_true: assert (SumW'(credit.before_q)
                              == SumW'(begun_q[1]) + SumW'(begun_q[2]) + SumW'(begun_q[3]));
      vc_is_true: assert (credit.begun_vc_q == packet_q[0].vc && credit.vc_q == packet_q[0].vc
                          && credit.flits_q == packet_q[0].flits
                          && credit.waits_q == packet_q[0].waits);
      // Why so: none begins while one waits, which stays as it is.
      waited_is_true: assert (waited_q[1:0] == {packet_q[1].waits, packet_q[0].waits});
      stays: assert (!packet_q[1].waits || (packet_q[0].vc == packet_q[1].vc
                                            && packet_q[0].flits == packet_q[1].flits));
    end
  end

  function automatic logic signed [SumW-1:0] since(int unsigned cycles);
    since = '0;
    for (int unsigned i = 0; i < cycles; i++) since += wide(begun_q[i]);
  endfunction

  // Room of a VC as the answer sees it.
  function automatic logic signed [SumW-1:0] seen(view_t view, logic [ROOM_W-1:0] shared,
                                                  logic [1:0] v);
    seen = positive(-beyond(view, v)) + positive(signed'(SumW'(shared)) - pooled(view));
    if (seen > 127) seen = signed'(SumW'(127));
  endfunction

  for (genvar v = 0; v < NUM_VC; v++) begin : g_vc
    logic signed [SumW-1:0] ago;     // what the answer was about a cycle ago
    assign ago = seen(counted_q[3], counted_q[2].shared, 2'(v));
    always_comb begin
      if (rst_ni) begin
        // A VC uses no more than its own and the pool.
        not_over: assert (SumW'(used_q[v]) <= SumW'(reserved_i[v]) + SumW'(shared_i));
        // Why so: the answer is about the VC of four cycles ago.
        over_is_true: assert (credit.over_q[v] == beyond(counted_q[0], 2'(v)));
        own_is_true: assert (credit.own_q[v] == positive(-beyond(counted_q[1], 2'(v))));
        free_is_true: assert (SumW'(credit.free_q[v])
                              == seen(counted_q[2], counted_q[1].shared, 2'(v)));
        plenty_is_true: assert (credit.plenty_q[v] == (!cleared_q[0] && ago >=
                                since(5) - since(1) + signed'(SumW'(2 * MaxFlits))));
        fits_is_true: assert (packet_q[1].vc != 2'(v) || credit.fits_q
                              == (!cleared_q[0] && packet_q[1].waits && ago >=
                                  since(5) - since(2) + wide(packet_q[1].flits)));
        // Why so: since then room has become less by no more than what began.
        begun_is_used: assert (packet_q[0].vc != 2'(v)
                               || SumW'(begun_q[0]) <= SumW'(used_q[v]));
        falls_now: assert (falls(now, counted, since(1), 2'(v)));
      end
    end
    for (genvar i = 0; i < Back; i++) begin : g_ago
      view_t to;  // a cycle later
      if (i == 0) assign to = counted;
      else assign to = counted_q[i-1];
      always_comb begin
        if (rst_ni) begin
          falls_by_begun: assert (cleared_q[i:0] != '0
                                  || falls(to, counted_q[i], wide(begun_q[i+1]), 2'(v)));
          was_not_over: assert (
              beyond(counted_q[i], 2'(v)) <= signed'(SumW'(counted_q[i].shared))
              && beyond(counted_q[i], 2'(v)) >= -signed'(SumW'(counted_q[i].reserved[v])));
        end
      end
    end
  end

  for (genvar i = 0; i < Back; i++) begin : g_ago
    always_comb begin
      if (rst_ni) begin
        was_within_limit: assert (fits(counted_q[i]));
        pooled_is_true: assert (pooled(counted_q[i]) == sum(counted_q[i].beyond));
      end
    end
  end

  for (genvar i = 0; i < 3; i++) begin : g_begun
    always_comb begin
      if (rst_ni) begun_is_true: assert (credit.begun_q[i] == begun_q[i]);
    end
  end

  for (genvar i = 0; i <= Back; i++) begin : g_waits
    always_comb begin
      if (rst_ni) begin
        none_begins: assert (!waited_q[i] || begun_q[i] == '0);
        begun_of_size: assert (32'(begun_q[i]) <= MaxFlits);
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
    one_stalled: cover (rst_ni && settled && full && start_i && vc_i == 2'd1 && flits_i != '0
                        && !would_fit(now, 2'd0, LEN_W'(1)));
    // A packet begins with room that was given back.
    given_back: cover (rst_ni && was_full_q && start_i && vc_i == 2'd0 && beyond(now, 2'd0) >= 0
                       && flits_i != '0);
  end

endmodule
