// SPDX-License-Identifier: Apache-2.0
//
// That what sp_link_credit takes for used is never less than what the receiver holds, and never
// negative: by VC, known here to be freed <= freed <= taken by the receiver <= sent, counted modulo
// 2^14 for any number of turns.
//
// The receiver and all that lies between are counters. Flits come and are freed when the prover
// wants, as many as it wants. A count that comes is one that was true now or at an earlier time,
// back to so many flits ago that it cannot be taken for a new one: 2^14 less what the VC can hold,
// which is half of all counts or more as long as R(v) + S is at most half. With a smaller USED_W the
// sender counts modulo 2^USED_W, which R(v) + S is below.

module sp_link_count_props
  import sp_pkg::*;
  import sp_link_pkg::*;
#(
    /// The VC.
    parameter int unsigned V = 0,
    /// As in sp_link_credit.
    parameter int unsigned USED_W = COUNT_W
) (
    /// Clock.
    input logic                              clk_i,
    /// Reset.
    input logic                              rst_ni,
    /// Both ends begin anew, free.
    input logic                              clear_i,
    /// R(v), free.
    input logic [NUM_VC-1:0][RESERVED_W-1:0] reserved_i,
    /// S, free.
    input logic [SHARED_W-1:0]               shared_i,
    /// VC of a packet, free.
    input logic [1:0]                        vc_i,
    /// Its flits, free.
    input logic [LEN_W-1:0]                  flits_i,
    /// It begins, free within R(v) + S.
    input logic                              start_i,
    /// Flits that the receiver takes, free.
    input logic [COUNT_W-1:0]                take_i,
    /// Flits that it frees, free.
    input logic [COUNT_W-1:0]                free_i,
    /// Counts come, free.
    input logic                              told_i,
    /// Flits that were freed since, free within the above.
    input logic [COUNT_W-1:0]                lag_i,
    /// Counts of the other VCs, free.
    input logic [NUM_VC-1:0][COUNT_W-1:0]    others_i
);

  logic started_q = 1'b0;
  always_ff @(posedge clk_i) started_q <= 1'b1;

  logic                           go;
  logic [NUM_VC-1:0]              room;
  logic [NUM_VC-1:0]              bad;
  logic [NUM_VC-1:0][COUNT_W-1:0] came;
  logic [COUNT_W-1:0]             freed_q;    // by the receiver
  logic [COUNT_W-1:0]             taken_q;    // by it
  logic [COUNT_W-1:0]             used;
  logic [COUNT_W-1:0]             untold, taken;  // freed, taken since what is known to be freed
  logic [COUNT_W-1:0]             held, way;
  logic [COUNT_W-1:0]             late, other_late;  // flits that began a cycle ago
  logic [COUNT_W:0]               limit;
  logic [COUNT_W-1:0]             flits;      // that begin now

  always_comb begin
    came    = others_i;
    came[V] = freed_q - lag_i;
  end

  sp_link_credit #(
      .USED_W(USED_W)
  ) credit (
      .clk_i,
      .rst_ni,
      .clear_i,
      .reserved_i,
      .shared_i,
      .waits_i       (1'b0),
      .vc_i,
      .flits_i,
      .go_o          (go),
      .start_i,
      .freed_valid_i (told_i),
      .freed_i       (came),
      .room_o        (room),
      .ev_freed_bad_o(bad)
  );

  assign flits  = (start_i && (vc_i == 2'(V))) ? COUNT_W'(flits_i) : '0;
  assign late   = (credit.begun_vc_q == 2'(V)) ? COUNT_W'(credit.begun_q[0]) : '0;
  assign used   = COUNT_W'(USED_W'(COUNT_W'(credit.sent_q[V]) + late - credit.freed_q[V]));
  assign untold = freed_q - credit.freed_q[V];
  assign taken  = taken_q - credit.freed_q[V];
  assign held   = taken_q - freed_q;
  assign way    = COUNT_W'(USED_W'(COUNT_W'(credit.sent_q[V]) + late - taken_q));
  assign limit  = (COUNT_W + 1)'(reserved_i[V]) + (COUNT_W + 1)'(shared_i);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      freed_q <= '0;
      taken_q <= '0;
    end else begin
      freed_q <= clear_i ? '0 : freed_q + free_i;
      taken_q <= clear_i ? '0 : taken_q + take_i;
    end
  end

  // The next VC hears any counts.
  localparam int unsigned Other = (V + 1) % NUM_VC;
  logic [COUNT_W-1:0] other_q;  // what it uses
  logic [COUNT_W-1:0] more;     // what is freed of it, if that can be

  assign more       = others_i[Other] - credit.freed_q[Other];
  assign other_late = (credit.begun_vc_q == 2'(Other)) ? COUNT_W'(credit.begun_q[0]) : '0;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) other_q <= '0;
    else if (clear_i) other_q <= '0;
    else other_q <= other_q + ((start_i && (vc_i == 2'(Other))) ? COUNT_W'(flits_i) : '0)
                            - ((told_i && (more <= other_q - other_late)) ? more : '0);
  end

  // Instead of a reset: at rest after any number of flits.
  logic rest;
  assign rest = (used == '0) && (untold == '0) && (held == '0) && (other_q == '0)
                && (credit.sent_q[Other] == USED_W'(credit.freed_q[Other]))
                && (credit.begun_q == '0);

  always_comb begin
    reset_or_rest: assume (started_q || !rst_ni || rest);
    // sp_link_credit_props: a VC uses no more than its own and the pool.
    not_over: assume ((COUNT_W + 1)'(used) + (COUNT_W + 1)'(flits) <= limit);
    counts_are_wide_enough: assume (32'(limit) < 2 ** USED_W);
    other_is_within: assume ((USED_W == COUNT_W) || !start_i || (vc_i != 2'(Other))
                             || (32'(other_q) + 32'(flits_i) < 2 ** USED_W));
    take_what_was_sent: assume (take_i <= way);
    free_what_was_taken: assume (free_i <= held);
    not_too_old: assume ((COUNT_W + 1)'(lag_i) + limit < (COUNT_W + 1)'(2 ** COUNT_W));
    clear_without: assume (!clear_i || !start_i);
  end


  always_comb begin
    if (rst_ni) begin
      // Whatever counts come, a VC's use grows by what begins, falls by what is freed, and a count
      // that would make it negative is ignored, as if what began a cycle ago were not used yet.
      used_is_true: assert (USED_W'(COUNT_W'(credit.sent_q[Other]) + other_late
                                    - credit.freed_q[Other]) == USED_W'(other_q));
      // Why so: it is no more than the counts have bits for.
      other_is_counted: assert ((USED_W == COUNT_W) || ((other_late <= other_q)
                                                        && (32'(other_q) < 2 ** USED_W)));
      // Never negative.
      never_negative: assert (late <= used);
      // Conserved: known to be freed <= freed <= taken <= sent, none of them a turn ahead.
      conserved: assert (untold <= taken && taken <= used);
      // Never less than what the receiver holds.
      holds_no_more: assert (held <= used);
    end
  end

  always_comb begin
    // Numbers have begun anew, at this side and not yet at the other.
    wraps: cover (rst_ni && credit.sent_q[V] < credit.freed_q[V] && taken_q > freed_q);
    // An old count comes and is ignored.
    old_count: cover (rst_ni && bad[V] && used != '0);
  end

endmodule
