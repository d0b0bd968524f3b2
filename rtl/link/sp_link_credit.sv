// SPDX-License-Identifier: Apache-2.0
//
// What the sender knows of the room at the other end. Guarantees: a packet begins only when
// afterwards the sum over all VCs of max(0, used - R) is at most S. Where two longest packets have
// room, and what has begun lately, one begins at once; otherwise it waits two cycles for the exact
// answer. Packets that began in the last four cycles count against the VC that asks, whatever their
// own.

module sp_link_credit #(
    /// Bits of a flit.
    parameter int unsigned FLIT_W = 128,
    /// Bits of the flits that a VC uses, 7 or more: of each R(v) and of S no more than
    /// 2^(USED_W - 1) - 1 is asked for. COUNT_W: all that there can be.
    parameter int unsigned USED_W = sp_link_pkg::COUNT_W
) (
    /// Clock.
    input  logic                                                    clk_i,
    /// Reset, active low, asynchronous.
    input  logic                                                    rst_ni,
    /// Counts begin anew.
    input  logic                                                    clear_i,
    /// R(v) of the peer.
    input  logic [sp_pkg::NUM_VC-1:0][sp_link_pkg::RESERVED_W-1:0]  reserved_i,
    /// S of the peer.
    input  logic [sp_link_pkg::SHARED_W-1:0]                        shared_i,

    /// A packet would begin, and does not in this cycle nor is dropped.
    input  logic                                                    waits_i,
    /// VC of a packet that would begin.
    input  logic [1:0]                                              vc_i,
    /// Its flits.
    input  logic [sp_pkg::LEN_W-1:0]                                flits_i,
    /// It may.
    output logic                                                    go_o,
    /// It does.
    input  logic                                                    start_i,

    /// Counts came with a good frame.
    input  logic                                                    freed_valid_i,
    /// Flits that the peer has freed.
    input  logic [sp_pkg::NUM_VC-1:0][sp_link_pkg::COUNT_W-1:0]     freed_i,

    /// By VC: a longest packet has room, and what may be on its way before it.
    output logic [sp_pkg::NUM_VC-1:0]                               room_o,
    /// Event: a count that would make `used` negative was ignored.
    output logic [sp_pkg::NUM_VC-1:0]                               ev_freed_bad_o
);

  import sp_pkg::*;
  import sp_link_pkg::*;

  // From a packet's begin to the answer that counts it.
  localparam int unsigned Late = 4;
  // Flits that may come before a packet for which `room_o` was looked at: three that the switch has
  // behind its port, and those of the cycles in which the answer is late.
  localparam int unsigned Slack = 3 + Late + 2;
  localparam int unsigned FreeW = 7;                // room, up to the greatest value
  localparam int unsigned OverW = USED_W + 1;       // of one VC, with sign
  localparam int unsigned SumW = USED_W + 3;        // sums, with sign

  if (USED_W < FreeW || USED_W > COUNT_W) begin : g_bad_used
    $fatal(1, "sp_link_credit: USED_W = %0d is not in %0d..%0d", USED_W, FreeW, COUNT_W);
  end

  logic [USED_W-1:0]         sent_q  [NUM_VC];
  logic [COUNT_W-1:0]        freed_q [NUM_VC];
  logic [USED_W-1:0]         used    [NUM_VC];
  logic [COUNT_W-1:0]        more    [NUM_VC];      // freed since the last count
  logic signed [OverW-1:0]   over_q  [NUM_VC];      // used - R
  logic signed [OverW-1:0]   own_q   [NUM_VC];      // room of the VC's own
  logic signed [SumW-1:0]    pool_q;                // room for all
  logic [FreeW-1:0]          free_q  [NUM_VC];      // both
  logic [Late-2:0][LEN_W-1:0] begun_q;              // flits of packets that began lately
  logic [1:0]                begun_vc_q;            // VC of the last one
  logic [FreeW-1:0]          before_q;              // of those before the last cycle
  logic [NUM_VC-1:0]         plenty_q;              // no need to look at the packet's length
  logic                      waits_q;               // the packet has waited for a cycle
  logic [1:0]                vc_q;                  // its VC
  logic [LEN_W-1:0]          flits_q;               // its flits
  logic                      fits_q;                // there is room for it

  // What is positive of a number with sign.
  function automatic logic [USED_W-1:0] positive(logic signed [OverW-1:0] x);
    return x[OverW-1] ? '0 : x[USED_W-1:0];
  endfunction

  // What is asked for of what the peer gives.
  function automatic logic [USED_W-2:0] asked(logic [SHARED_W-1:0] given);
    return ((32'(given) >> (USED_W - 1)) != '0) ? '1 : (USED_W - 1)'(given);
  endfunction

  // ------------------------------------------------------------------------------------- counts

  always_comb begin
    for (int unsigned v = 0; v < NUM_VC; v++) begin
      used[v] = sent_q[v] - USED_W'(freed_q[v]);
      more[v] = freed_i[v] - freed_q[v];
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      for (int unsigned v = 0; v < NUM_VC; v++) begin
        sent_q[v]  <= '0;
        freed_q[v] <= '0;
      end
      ev_freed_bad_o <= '0;
    end else begin
      ev_freed_bad_o <= '0;
      for (int unsigned v = 0; v < NUM_VC; v++) begin
        if (begun_vc_q == 2'(v)) sent_q[v] <= sent_q[v] + USED_W'(begun_q[0]);
        if (freed_valid_i) begin
          if (((32'(more[v]) >> USED_W) == '0) && (USED_W'(more[v]) <= used[v]))
            freed_q[v] <= freed_i[v];
          else ev_freed_bad_o[v] <= 1'b1;
        end
        if (clear_i) begin
          sent_q[v]  <= '0;
          freed_q[v] <= '0;
        end
      end
    end
  end

  // --------------------------------------------------------------------------------------- room

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      for (int unsigned v = 0; v < NUM_VC; v++) begin
        over_q[v] <= '0;
        own_q[v]  <= '0;
        free_q[v] <= '0;
      end
      pool_q  <= '0;
      room_o  <= '0;
    end else begin
      for (int unsigned v = 0; v < NUM_VC; v++) begin
        logic [USED_W:0] free;
        over_q[v] <= OverW'(used[v]) - OverW'(asked(SHARED_W'(reserved_i[v])));
        own_q[v]  <= OverW'(positive(-over_q[v]));
        // What the pool has is no more than S.
        free = (USED_W + 1)'(own_q[v]) + (pool_q[SumW-1] ? '0 : (USED_W + 1)'(pool_q));
        free_q[v] <= (free[USED_W:FreeW] != '0) ? '1 : free[FreeW-1:0];
        room_o[v] <= free_q[v] >= FreeW'(max_flits(FLIT_W) + Slack);
      end
      pool_q <= SumW'(asked(shared_i)) -
                ((SumW'(positive(over_q[0])) + SumW'(positive(over_q[1]))) +
                 (SumW'(positive(over_q[2])) + SumW'(positive(over_q[3]))));
      if (clear_i) room_o <= '0;
    end
  end

  // ---------------------------------------------------------------------------------- the answer

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      begun_q  <= '0;
      before_q <= '0;
      plenty_q <= '0;
      waits_q  <= 1'b0;
      fits_q   <= 1'b0;
    end else begin
      begun_q  <= {begun_q[Late-3:0], start_i ? flits_i : LEN_W'(0)};
      before_q <= (FreeW'(begun_q[0]) + FreeW'(begun_q[1])) + FreeW'(begun_q[2]);
      // One may begin in this very cycle.
      for (int unsigned v = 0; v < NUM_VC; v++)
        plenty_q[v] <= {1'b0, free_q[v]} >= ({1'b0, before_q} + (FreeW + 1)'(begun_q[0])) +
                                            (FreeW + 1)'(2 * max_flits(FLIT_W));
      // While one waits none begins.
      waits_q <= waits_i;
      fits_q  <= waits_q && ({1'b0, free_q[vc_q]} >= {1'b0, before_q} + (FreeW + 1)'(flits_q));
      if (clear_i) begin
        begun_q  <= '0;
        before_q <= '0;
        plenty_q <= '0;
        fits_q   <= 1'b0;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    begun_vc_q <= vc_i;
    vc_q       <= vc_i;
    flits_q    <= flits_i;
  end

  // A packet that began, or was dropped, is not the one that waits now.
  assign go_o = plenty_q[vc_i] || (fits_q && waits_q);

endmodule
