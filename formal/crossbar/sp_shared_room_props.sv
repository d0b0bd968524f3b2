// SPDX-License-Identifier: Apache-2.0
//
// Properties of sp_shared_room as sp_voq_shared uses it: a packet takes its flits at once and
// writes them later, or gives them back; what is committed is read flit by flit. What queues hold
// is counted beside it.

module sp_shared_room_props #(
    parameter int unsigned N_Q = 3,
    parameter int unsigned RESERVE = 4,
    parameter int unsigned SHARED = 5,
    parameter int unsigned NEED = 3,
    // Flits of the longest packet.
    parameter int unsigned LONGEST = 3,
    localparam int unsigned QW = $clog2(N_Q),
    localparam int unsigned FreeW = $clog2(RESERVE + 1),
    localparam int unsigned UsedW = $clog2(RESERVE + SHARED + 1),
    localparam int unsigned AllW = $clog2(N_Q * (RESERVE + SHARED) + 1)
) (
    input logic                     clk_i,
    input logic                     rst_ni,
    input logic [QW-1:0]            sel_q_i,
    input logic                     take_i,
    input logic                     commit_i,
    input logic                     give_i,
    input logic [sp_pkg::LEN_W-1:0] flits_i,
    input logic                     rd_i,
    input logic [QW-1:0]            rd_q_i
);

  logic             started_q = 1'b0;
  logic [FreeW-1:0] free;
  logic [UsedW-1:0] used;
  logic [N_Q-1:0]   roomy;

  // The packet at hand, or the last one.
  logic                     open_q;   // it has taken flits, and is neither whole nor given up
  logic [QW-1:0]            queue_q;
  logic [sp_pkg::LEN_W-1:0] flits_q;
  logic [AllW-1:0]          held_q [N_Q];  // flits of whole packets that have not been read
  logic [AllW-1:0]          all;           // flits that are taken
  logic [AllW-1:0]          taken [N_Q];   // by queue
  logic [AllW-1:0]          shares;        // of them, beyond the reserves

  sp_shared_room #(
      .N_Q    (N_Q),
      .RESERVE(RESERVE),
      .SHARED (SHARED),
      .NEED   (NEED)
  ) dut (
      .clk_i,
      .rst_ni,
      .sel_q_i,
      .sel_free_o(free),
      .sel_used_o(used),
      .take_i,
      .give_i,
      .flits_i,
      .rd_i,
      .rd_q_i,
      .roomy_o   (roomy)
  );

  always_ff @(posedge clk_i) started_q <= 1'b1;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      open_q <= 1'b0;
      for (int unsigned q = 0; q < N_Q; q++) held_q[q] <= '0;
    end else begin
      if (take_i) open_q <= 1'b1;
      if (commit_i || give_i) open_q <= 1'b0;
      for (int unsigned q = 0; q < N_Q; q++) begin
        held_q[q] <= held_q[q] - AllW'(rd_i && 32'(rd_q_i) == q)
                     + ((commit_i && 32'(sel_q_i) == q) ? AllW'(flits_i) : '0);
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (take_i) begin
      queue_q <= sel_q_i;
      flits_q <= flits_i;
    end
  end

  always_comb begin
    all    = '0;
    shares = '0;
    for (int unsigned q = 0; q < N_Q; q++) begin
      taken[q] = held_q[q] + ((open_q && 32'(queue_q) == q) ? AllW'(flits_q) : '0);
      all += taken[q];
      if (taken[q] > AllW'(RESERVE)) shares += taken[q] - AllW'(RESERVE);
    end
  end

  // ------------------------------------------------------------------------------- environment

  always_comb begin
    reset_first: assume (started_q || !rst_ni);
    queues_exist: assume (32'(sel_q_i) < N_Q && 32'(rd_q_i) < N_Q);
    lengths: assume (flits_i != '0 && 32'(flits_i) <= LONGEST);
    // A packet takes what it finds free; it may be whole in the same cycle.
    takes_what_is_free: assume (!take_i || (!open_q && 32'(flits_i) <= 32'(free)));
    same_packet: assume (!open_q || (queue_q == sel_q_i && flits_q == flits_i));
    ends_what_began: assume (!(commit_i || give_i) || open_q || (take_i && !give_i));
    one_end: assume (!(commit_i && give_i));
    reads_what_is_there: assume (!rd_i || held_q[rd_q_i] != '0);
  end

  // -------------------------------------------------------------------------------- properties

  logic counts_right;  // of all queues
  logic in_bounds;
  always_comb begin
    counts_right = 1'b1;
    in_bounds    = 1'b1;
    for (int unsigned q = 0; q < N_Q; q++) begin
      counts_right &= AllW'(dut.used_q[q]) == taken[q];
      in_bounds    &= 32'(held_q[q]) <= RESERVE + SHARED && 32'(taken[q]) <= RESERVE + SHARED;
    end
  end

  always_comb begin
    if (rst_ni) begin
      // Taken flits are counted right, given back and read or not.
      counted: assert (counts_right);
      hand_is_short: assert (!open_q || (flits_q != '0 && 32'(flits_q) <= LONGEST));
      // A queue never has more than its own and the pool.
      bounded: assert (in_bounds);
      // It always has what is left of its own, whatever the others do.
      own_is_kept: assert (32'(free) + 32'(taken[sel_q_i]) >= RESERVE);
      // Where room is shown there is room.
      room_is_there: assert (!roomy[sel_q_i] || 32'(free) >= NEED);
      // The pool is what the shares leave of it: nothing leaks, nothing is promised twice.
      pool_is_right: assert (32'(dut.pool_q) + 32'(shares) == SHARED);
      // All that is taken fits into the memory.
      fits: assert (32'(all) <= N_Q * RESERVE + SHARED);
      // When nothing is held all is free again.
      empty_is_free: assert (all != '0 || 32'(dut.pool_q) == SHARED);
    end
  end

  always_comb begin
    // The pool is used up.
    used_up: cover (rst_ni && dut.pool_q == '0);
    // All the memory is taken.
    full: cover (rst_ni && 32'(all) == N_Q * RESERVE + SHARED);
    // A queue has its part though the pool has flits.
    limited: cover (rst_ni && free == '0 && dut.pool_q >= UsedW'(2));
    // A packet gives back flits of the pool while another one's are read.
    gives_pool: cover (rst_ni && give_i && rd_i && rd_q_i != sel_q_i
                       && 32'(taken[sel_q_i]) > RESERVE && 32'(taken[rd_q_i]) > RESERVE);
    // The same while the queue itself is read.
    gives_and_reads: cover (rst_ni && give_i && rd_i && rd_q_i == sel_q_i
                            && 32'(taken[sel_q_i]) == RESERVE + 1);
  end

endmodule
