// SPDX-License-Identifier: Apache-2.0
//
// The life of a context, and what members and the scheduler may rely on, whatever comes: any heads,
// grants of what is wanted, time-outs, a receiver and lanes of any pace. Contributions have one
// flit. One group; its row is there from the second cycle on.
//
// FLOW = 0: what is true of the contexts in every state. FLOW = 1: one name, chosen freely, is
// followed from the heads to what leaves, by what the ports of the engine show.

module sp_reduction_engine_props
  import sp_pkg::*;
#(
    /// External ports, all of them members.
    parameter int unsigned N_PORTS = 2,
    /// Contexts.
    parameter int unsigned N_CONTEXTS = 2,
    /// Bits of a flit.
    parameter int unsigned FLIT_W = 512,
    /// 1: a name is followed.
    parameter bit FLOW = 1'b0,
    localparam int unsigned PW = $clog2(N_PORTS),
    localparam int unsigned UW = $clog2(N_CONTEXTS + 1)
) (
    /// Clock.
    input logic               clk_i,
    /// Reset.
    input logic               rst_ni,
    /// Heads of the ports, free but for staying until they are granted.
    input logic [N_PORTS-1:0] head_valid_i,
    /// What they ask for: free of what matters.
    input logic [N_PORTS-1:0][1:0] head_kind_i,
    /// Sequence numbers.
    input logic [N_PORTS-1:0][1:0] head_seq_i,
    /// Mode: in member order.
    input logic [N_PORTS-1:0] head_order_i,
    /// The scheduler grants, free among what is wanted.
    input logic               grant_i,
    /// Whose.
    input logic [PW-1:0]      grant_port_i,
    /// A flit of a granted packet comes, free from two cycles after its grant on.
    input logic               flit_i,
    /// The receiver takes a flit, free.
    input logic               ready_i,
    /// The time-out, free.
    input logic [31:0]        timeout_i,
    /// FLOW: the name that is followed, free but for staying.
    input logic [1:0]         name_i
);

  hdr_t               head_hdr [N_PORTS];
  logic [N_PORTS-1:0] want;
  logic               out_valid, out_first, out_last;
  hdr_t               out_hdr;
  logic [N_PORTS-1:0] out_mask;
  logic               ev_contribution, ev_result, ev_refused, ev_timeout;
  logic [3:0]         ev_status;
  logic [UW-1:0]      used;
  logic               started_q = 1'b0;
  logic [4:0]         granted_q;        // packets granted whose flit has not come
  logic               fresh_q;          // one of them a cycle ago
  logic               flit;
  logic [PW-1:0]      ports_q [16];     // whose, in the order of grants
  logic [3:0]         wp_q, rp_q;

  always_comb begin
    for (int unsigned p = 0; p < N_PORTS; p++) begin
      automatic coll_t c = '0;
      c.seq  = SEQ_W'(head_seq_i[p]);
      c.root = '0;
      c.mode[0] = head_order_i[p];
      head_hdr[p]         = '0;
      head_hdr[p].op      = {VC_RED, 2'b10, head_kind_i[p]};
      head_hdr[p].len     = head_kind_i[p][1] ? '0 : LEN_W'(1);
      head_hdr[p].src     = ID_W'(p);
      head_hdr[p].cls     = c;
    end
  end

  assign flit = flit_i && (granted_q > 5'(fresh_q));

  sp_reduction_engine #(
      .N_PORTS   (N_PORTS),
      .FLIT_W    (FLIT_W),
      .N_CONTEXTS(N_CONTEXTS),
      .N_GROUPS  (1),
      .TYPES     (3),
      .ORDERED   (1'b1)
  ) dut (
      .clk_i,
      .rst_ni,
      .head_valid_i,
      .head_hdr_i       (head_hdr),
      .want_o           (want),
      .grant_i,
      .grant_port_i,
      .in_valid_i       (flit),
      .in_first_i       (flit),
      .in_last_i        (flit),
      .in_err_i         (1'b0),
      .in_port_i        (ports_q[rp_q]),
      .in_hdr_i         ('0),
      .in_data_i        ('0),
      .out_valid_o      (out_valid),
      .out_ready_i      (ready_i),
      .out_first_o      (out_first),
      .out_last_o       (out_last),
      .out_hdr_o        (out_hdr),
      .out_data_o       (),
      .out_mask_o       (out_mask),
      .grp_we_i         (1'b1),
      .grp_addr_i       ('0),
      .grp_mask_i       ('1),
      .timeout_i,
      .ev_contribution_o(ev_contribution),
      .ev_result_o      (ev_result),
      .ev_refused_o     (ev_refused),
      .ev_status_o      (ev_status),
      .ev_timeout_o     (ev_timeout),
      .contexts_used_o  (used)
  );

  always_ff @(posedge clk_i) started_q <= 1'b1;

  // ------------------------------------------------------------------------------- environment

  logic [N_PORTS-1:0] stays_q;
  logic [N_PORTS-1:0][1:0] kind_q, seq_q;
  logic [N_PORTS-1:0] order_q;
  logic [1:0]         name_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      stays_q   <= '0;
      granted_q <= '0;
      fresh_q   <= 1'b0;
      wp_q      <= '0;
      rp_q      <= '0;
    end else begin
      stays_q   <= head_valid_i & ~(grant_i ? N_PORTS'(1) << grant_port_i : '0);
      granted_q <= granted_q + 5'(grant_i) - 5'(flit);
      fresh_q   <= grant_i;
      if (grant_i) wp_q <= wp_q + 4'd1;
      if (flit) rp_q <= rp_q + 4'd1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (grant_i) ports_q[wp_q] <= grant_port_i;
    kind_q  <= head_kind_i;
    seq_q   <= head_seq_i;
    order_q <= head_order_i;
    name_q  <= name_i;
  end

  always_comb begin
    reset_first: assume (started_q || !rst_ni);
    name_stays: assume (!started_q || name_i == name_q);
    grants_what_is_wanted: assume (!grant_i || (want[grant_port_i] && head_valid_i[grant_port_i]));
  end

  for (genvar p = 0; p < int'(N_PORTS); p++) begin : g_head
    always_comb begin
      heads_stay: assume (!stays_q[p] || (head_valid_i[p] && head_kind_i[p] == kind_q[p]
                          && head_seq_i[p] == seq_q[p] && head_order_i[p] == order_q[p]));
    end
  end

  // ----------------------------------------------------------------------------- in every state

  always_comb begin
    if (rst_ni && started_q) begin
      // A context is free, open, complete or given up: one of them.
      one_state: assert ((dut.open_q & ~dut.busy_q) == '0 && (dut.dead_q & ~dut.busy_q) == '0
                         && (dut.dead_q & dut.open_q) == '0);
      // Only a free one remembers who was missing.
      past_is_free: assert ((dut.past_q & dut.busy_q) == '0);
      // What the counter shows are the contexts in use.
      count_is_right: assert (32'(used) == $countones(dut.busy_q));
      // That which is read out is in use, and nobody contributes to it any more.
      job_is_complete: assert (!dut.job_q || (dut.busy_q[dut.job_ctx_q]
                               && !dut.open_q[dut.job_ctx_q] && !dut.dead_q[dut.job_ctx_q]));
      // That which is next is in use and complete or given up, and not what is read out.
      next_is_ready: assert (!dut.next_q || (dut.busy_q[dut.next_ctx_q]
                             && !dut.open_q[dut.next_ctx_q]
                             && !(dut.job_q && dut.job_ctx_q == dut.next_ctx_q)));
      // What is known of it is true of it.
      next_is_known: assert (!dut.fetched_q || (dut.next_q
                             && (dut.job_bare_q || !dut.dead_q[dut.next_ctx_q])));
    end
  end

  // ------------------------------------------------------------------------------ one name

  logic [1:0]         name;
  logic               mine;         // a contribution of the name is taken in this cycle
  logic               fetch;        // a load of it
  logic               gives_up;     // it is given up
  logic               leaves;       // a packet of it leaves that ends a reduction
  logic               open_q;
  logic [N_PORTS-1:0] got_q;
  logic [3:0]         done_q, lost_q;  // reductions that were complete, given up, and not told

  assign name     = name_i;
  assign mine     = ev_contribution && (head_seq_i[grant_port_i] == name);
  assign fetch    = grant_i && !ev_refused && (head_kind_i[grant_port_i] == 2'd3)
                    && (head_seq_i[grant_port_i] == name);
  assign gives_up = dut.expire && (dut.key_q[dut.late_ctx_q].seq == SEQ_W'(name));
  assign leaves   = out_valid && ready_i && out_last && (out_hdr.dst == ID_GROUP)
                    && (out_hdr.op != OP_FETCH) && (out_hdr.cls.coll.seq == SEQ_W'(name));

  logic [N_PORTS-1:0] got;
  logic               complete;
  assign got      = (open_q ? got_q : '0) | N_PORTS'(1) << grant_port_i;
  assign complete = mine && (got == '1);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      open_q <= 1'b0;
      got_q  <= '0;
      done_q <= '0;
      lost_q <= '0;
    end else begin
      if (mine) begin
        open_q <= !complete;
        got_q  <= got;
      end else if (fetch) begin
        open_q <= 1'b1;
        got_q  <= '0;
      end
      if (gives_up) open_q <= 1'b0;
      done_q <= done_q + 4'(complete) - 4'(leaves && out_hdr.op == OP_RESULT);
      lost_q <= lost_q + 4'(gives_up) - 4'(leaves && out_hdr.op == OP_COLL_ERROR);
    end
  end

  always_comb begin
    if (FLOW && rst_ni && started_q) begin
      // A grant is a contribution, a refusal, or a load, and one of them only.
      decided: assert (!grant_i || (ev_contribution ^ ev_refused
                                    ^ (head_kind_i[grant_port_i] == 2'd3 && !ev_refused)));
      // A member contributes once to a reduction.
      once: assert (!(mine && open_q) || !got_q[grant_port_i]);
      // In member order nobody is taken before those with lower ports.
      in_turn: assert (!(mine && head_order_i[grant_port_i] && !head_kind_i[grant_port_i][1])
                       || grant_port_i == '0 || (open_q && got_q[0]));
      // A result leaves once for each time all have contributed, and never before.
      result_is_due: assert (!(leaves && out_hdr.op == OP_RESULT) || done_q != '0);
      // An error to all leaves once for each reduction that was given up.
      error_is_due: assert (!(leaves && out_hdr.op == OP_COLL_ERROR) || lost_q != '0);
    end
  end

  if (FLOW) begin : g_flow_covers
    always_comb begin
      // All have contributed, and the result leaves.
      result_leaves: cover (rst_ni && leaves && out_hdr.op == OP_RESULT);
      // A reduction is given up, and all are told.
      error_leaves: cover (rst_ni && leaves && out_hdr.op == OP_COLL_ERROR);
      // Somebody is late.
      late: cover (rst_ni && ev_refused && ev_status == ST_TIMEOUT);
    end
  end

  always_comb begin
    // All contexts are in use.
    full: cover (rst_ni && dut.busy_q == '1);
  end

endmodule
