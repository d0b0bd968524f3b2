// SPDX-License-Identifier: Apache-2.0
//
// Who may take how much of a memory that queues share: each has RESERVE flits of its own, and all
// together a pool of SHARED. A queue may hold as many flits as its reserve and what is free in the
// pool: u + flits <= RESERVE + free. So it always has its reserve, whatever the others do; one
// that is stuck stops at half of the pool, k of them leave 1 / (k + 1) of it to the rest; and the
// pool is never promised twice, as what a queue adds to its share is at most what is free.

module sp_shared_room #(
    /// Queues.
    parameter int unsigned N_Q = 8,
    /// Flits of each queue's own.
    parameter int unsigned RESERVE = 32,
    /// Flits of the pool.
    parameter int unsigned SHARED = 64,
    /// Flits for which roomy_o looks, RESERVE or less.
    parameter int unsigned NEED = 17,
    localparam int unsigned QW = $clog2(N_Q),
    localparam int unsigned FreeW = $clog2(RESERVE + 1),
    localparam int unsigned UsedW = $clog2(RESERVE + SHARED + 1)
) (
    /// Clock.
    input  logic                     clk_i,
    /// Reset, active low, asynchronous; all is free.
    input  logic                     rst_ni,
    /// Queue that is looked at.
    input  logic [QW-1:0]            sel_q_i,
    /// Flits that it may take at once, RESERVE at most.
    output logic [FreeW-1:0]         sel_free_o,
    /// Flits that it holds.
    output logic [UsedW-1:0]         sel_used_o,
    /// It takes flits.
    input  logic                     take_i,
    /// It gives them back.
    input  logic                     give_i,
    /// So many.
    input  logic [sp_pkg::LEN_W-1:0] flits_i,
    /// A flit of a queue is free again.
    input  logic                     rd_i,
    /// That queue.
    input  logic [QW-1:0]            rd_q_i,
    /// Queues that may take NEED flits.
    output logic [N_Q-1:0]           roomy_o
);

  if (NEED > RESERVE) begin : g_bad_need
    $fatal(1, "sp_shared_room: NEED = %0d is more than RESERVE = %0d", NEED, RESERVE);
  end

  logic [UsedW-1:0] used_q [N_Q];  // flits of each queue
  logic [UsedW-1:0] pool_q;        // free flits of the pool
  logic [UsedW-1:0] limit;         // what a queue may hold
  logic [UsedW-1:0] left;
  logic [UsedW-1:0] sel_used;      // of the queue that is looked at, from the next cycle on
  logic             rd_sel;        // a flit of it is free again
  logic             rd_share;      // a flit of another one's share is

  /// Flits of the pool that a queue holds.
  function automatic logic [UsedW-1:0] share(logic [UsedW-1:0] used);
    return (used > UsedW'(RESERVE)) ? used - UsedW'(RESERVE) : '0;
  endfunction

  assign limit      = UsedW'(RESERVE) + pool_q;
  assign sel_used_o = used_q[sel_q_i];
  assign left       = (sel_used_o < limit) ? limit - sel_used_o : '0;
  assign sel_free_o = (left > UsedW'(RESERVE)) ? FreeW'(RESERVE) : FreeW'(left);
  assign rd_sel     = rd_i && rd_q_i == sel_q_i;
  assign rd_share   = rd_i && !rd_sel && used_q[rd_q_i] > UsedW'(RESERVE);

  always_comb begin
    sel_used = sel_used_o - UsedW'(rd_sel);
    if (take_i) sel_used += UsedW'(flits_i);
    if (give_i) sel_used -= UsedW'(flits_i);
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      for (int unsigned q = 0; q < N_Q; q++) used_q[q] <= '0;
      pool_q <= UsedW'(SHARED);
    end else begin
      if (rd_i) used_q[rd_q_i] <= used_q[rd_q_i] - UsedW'(1);
      if (take_i || give_i) used_q[sel_q_i] <= sel_used;
      if (take_i || give_i || rd_i) begin
        pool_q <= pool_q + share(sel_used_o) - share(sel_used) + UsedW'(rd_share);
      end
    end
  end

  always_comb begin
    for (int unsigned q = 0; q < N_Q; q++) roomy_o[q] = used_q[q] <= limit - UsedW'(NEED);
  end

endmodule
