// SPDX-License-Identifier: Apache-2.0
//
// Plays packets into a reduction engine: the records of port<p>.bin are the queue of port p, a
// random scheduler grants what the engine wants, and everything that happens goes to log.txt.
// Rows of the group table come from groups.bin. Python makes the files and judges the log.
module sp_engine_player #(
    /// External ports.
    parameter int unsigned N_PORTS    = 4,
    /// Bits of a flit.
    parameter int unsigned FLIT_W     = 128,
    /// Contexts.
    parameter int unsigned N_CONTEXTS = 4,
    /// Groups.
    parameter int unsigned N_GROUPS   = 16,
    /// Element types, as in sp_reduction_engine.
    parameter int unsigned TYPES      = 63,
    /// Sums in member order, as in sp_reduction_engine.
    parameter bit          ORDERED    = 1'b1,
    /// Partials, as in sp_reduction_engine.
    parameter bit          PARTIALS   = 1'b0,
    /// Pipelined, as in sp_reduction_engine; what is wanted is granted a cycle later.
    parameter bit          PIPELINED  = 1'b0,
    /// Cycles from a grant to the first flit, at least 2.
    parameter int unsigned LATENCY    = 2,
    localparam int unsigned PW        = $clog2(N_PORTS),
    localparam int unsigned GW        = (N_GROUPS > 1) ? $clog2(N_GROUPS) : 1
) (
    /// Clock.
    input  logic        clk_i,
    /// Reset, active low.
    input  logic        rst_ni,
    /// Time-out of a reduction.
    input  logic [31:0] timeout_i,
    /// How often, in 256ths, the scheduler rests.
    input  logic [7:0]  rest_i,
    /// How often, in 256ths, the receiver of results rests.
    input  logic [7:0]  stall_i,
    /// All packets were granted, nothing is left in the engine and the log is closed.
    output logic        done_o,
    /// Cycle.
    output logic [31:0] cycle_o
);

  import sp_pkg::*;

  localparam int MAXF  = max_flits(FLIT_W);
  localparam int FW64  = FLIT_W / 64;
  localparam int WORDS = 4 + MAXF * FW64;

  typedef struct packed {
    logic              valid;
    logic              first;
    logic              last;
    logic              err;
    logic [PW-1:0]     port;
    hdr_t              hdr;
    logic [FLIT_W-1:0] data;
  } flit_t;

  // ------------------------------------------------------------------------------- the queues

  int                 files [N_PORTS];
  int                 groups, log;
  logic               opened_q;
  logic [N_PORTS-1:0] have_q, empty_q, head_valid, want, eligible;
  logic [63:0]        rec_q [N_PORTS][WORDS];
  hdr_t               head_hdr [N_PORTS];
  logic [63:0]        grp_q [3];  // cycle, row, members
  logic               grp_have_q, grp_we;
  logic [31:0]        quiet_q, ended_q;

  for (genvar p = 0; p < N_PORTS; p++) begin : gen_head
    // bits 39:0 the cycle before which it waits, 63:40 the reductions that end first
    assign head_valid[p] = have_q[p] && (40'(cycle_o) >= rec_q[p][0][39:0])
        && (32'(rec_q[p][0][63:40]) <= ended_q);
    assign head_hdr[p]   = {rec_q[p][1], rec_q[p][2]};
  end

  // ---------------------------------------------------------------------------- the scheduler

  logic               grant;
  logic [PW-1:0]      grant_port, start_q;
  logic          rest_q, ready_q;
  logic [5:0]    left_q;       // flits of the packet that is on its way
  logic [5:0]    at_q;
  logic [63:0]   cur_q [WORDS];
  logic [PW-1:0] cur_port_q;
  flit_t         line_q [LATENCY];
  flit_t         now;

  // A pipelined engine sees a grant a cycle later: the head stays for so long, and no grant
  // follows.
  logic               granted_q, taken, log_grant;
  logic [N_PORTS-1:0] want_q;
  logic [PW-1:0]      granted_port_q, taken_port;

  assign eligible   = PIPELINED ? want_q & head_valid & {N_PORTS{!granted_q}} : want & head_valid;
  assign taken      = PIPELINED ? granted_q : grant;
  assign taken_port = PIPELINED ? granted_port_q : grant_port;
  assign log_grant  = PIPELINED ? i_engine.g_valid && !i_engine.grant.announce : grant;

  always_comb begin
    grant      = 1'b0;
    grant_port = '0;
    if ((left_q == '0) && !rest_q) begin
      for (int unsigned i = N_PORTS; i > 0; i--) begin
        automatic int unsigned p = (32'(start_q) + i) % N_PORTS;
        if (eligible[p]) begin
          grant      = 1'b1;
          grant_port = PW'(p);
        end
      end
    end
  end

  // ---------------------------------------------------------------------------------- engine

  logic               out_valid, out_first, out_last, ev_con, ev_res, ev_ref, ev_tmo;
  hdr_t               out_hdr;
  logic [FLIT_W-1:0]  out_data;
  logic [N_PORTS-1:0] out_mask;
  logic [3:0]         ev_status;
  logic [$clog2(N_CONTEXTS+1)-1:0] used;

  assign now    = line_q[LATENCY-1];
  assign grp_we = grp_have_q && (64'(cycle_o) >= grp_q[0]);

  sp_reduction_engine #(
      .N_PORTS   (N_PORTS),
      .FLIT_W    (FLIT_W),
      .N_CONTEXTS(N_CONTEXTS),
      .N_GROUPS  (N_GROUPS),
      .TYPES     (TYPES),
      .ORDERED   (ORDERED),
      .PARTIALS  (PARTIALS),
      .PIPELINED (PIPELINED)
  ) i_engine (
      .clk_i,
      .rst_ni,
      .head_valid_i     (head_valid),
      .head_hdr_i       (head_hdr),
      .want_o           (want),
      .grant_i          (grant),
      .grant_port_i     (grant_port),
      .in_valid_i       (now.valid),
      .in_first_i       (now.first),
      .in_last_i        (now.last),
      .in_err_i         (now.err),
      .in_port_i        (now.port),
      .in_hdr_i         (now.hdr),
      .in_data_i        (now.data),
      .out_valid_o      (out_valid),
      .out_ready_i      (ready_q),
      .out_first_o      (out_first),
      .out_last_o       (out_last),
      .out_hdr_o        (out_hdr),
      .out_data_o       (out_data),
      .out_mask_o       (out_mask),
      .grp_we_i         (grp_we),
      .grp_addr_i       (GW'(grp_q[1])),
      .grp_mask_i       (N_PORTS'(grp_q[2])),
      .timeout_i,
      .ev_contribution_o(ev_con),
      .ev_result_o      (ev_res),
      .ev_refused_o     (ev_ref),
      .ev_status_o      (ev_status),
      .ev_timeout_o     (ev_tmo),
      .contexts_used_o  (used)
  );

  // -------------------------------------------------------------------------------- the play

  // a context that is opened could have been one that remembers nothing
  logic others;
  always_comb begin
    others = 1'b0;
    for (int unsigned c = 0; c < N_CONTEXTS; c++) begin
      if (c % 2 == 32'(i_engine.grant.ctx) % 2)
        others |= !i_engine.busy_q[c] && !i_engine.past_q[c];
    end
  end

  logic was_valid_q, was_ready_q, was_last_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      opened_q    <= 1'b0;
      have_q      <= '0;
      empty_q     <= '0;
      grp_have_q  <= 1'b0;
      left_q      <= '0;
      at_q        <= '0;
      quiet_q     <= '0;
      ended_q     <= '0;
      granted_q   <= 1'b0;
      want_q      <= '0;
      done_o      <= 1'b0;
      cycle_o     <= '0;
      rest_q      <= 1'b1;
      ready_q     <= 1'b0;
      start_q     <= '0;
      was_valid_q <= 1'b0;
      was_ready_q <= 1'b0;
      was_last_q  <= 1'b0;
      for (int unsigned i = 0; i < LATENCY; i++) line_q[i] <= '0;
    end else if (!opened_q) begin
      opened_q <= 1'b1;
      log      <= $fopen("log.txt", "w");
      groups   <= $fopen("groups.bin", "rb");
      for (int unsigned p = 0; p < N_PORTS; p++) begin
        files[p] <= $fopen($sformatf("port%0d.bin", p), "rb");
      end
    end else if (!done_o) begin
      flit_t       next;
      logic [63:0] words [WORDS];
      logic [63:0] row [3];
      cycle_o <= cycle_o + 1;
      rest_q  <= 8'($urandom) < rest_i;
      ready_q <= 8'($urandom) >= stall_i;
      start_q <= (rest_i == '0) ? grant ? grant_port : start_q : PW'($urandom % N_PORTS);

      // heads and rows
      for (int unsigned p = 0; p < N_PORTS; p++) begin
        if ((!have_q[p] || (taken && (taken_port == PW'(p)))) && !empty_q[p]) begin
          if ($fread(words, files[p]) == 8 * WORDS) begin
            rec_q[p]  <= words;
            have_q[p] <= 1'b1;
          end else begin
            have_q[p]  <= 1'b0;
            empty_q[p] <= 1'b1;
          end
        end else if (taken && (taken_port == PW'(p))) begin
          have_q[p] <= 1'b0;
        end
      end
      if (!grp_have_q || grp_we) begin
        grp_have_q <= $fread(row, groups) == 24;
        grp_q      <= row;
      end

      // flits
      next = '0;
      if (grant) begin
        cur_q      <= rec_q[grant_port];
        cur_port_q <= grant_port;
        left_q     <= 6'(rec_q[grant_port][3] >> 1) - 6'd1;
        at_q       <= 6'd1;
        next.valid = 1'b1;
        next.first = 1'b1;
        next.last  = (rec_q[grant_port][3] >> 1) == 64'd1;
        next.err   = next.last && rec_q[grant_port][3][0];
        next.port  = grant_port;
        next.hdr   = head_hdr[grant_port];
        for (int w = 0; w < FW64; w++) next.data[64*w+:64] = rec_q[grant_port][4+w];
      end else if (left_q != '0) begin
        left_q     <= left_q - 6'd1;
        at_q       <= at_q + 6'd1;
        next.valid = 1'b1;
        next.last  = left_q == 6'd1;
        next.err   = next.last && cur_q[3][0];
        next.port  = cur_port_q;
        for (int w = 0; w < FW64; w++) next.data[64*w+:64] = cur_q[4+32'(at_q)*FW64+w];
      end
      line_q[0] <= next;
      for (int unsigned i = 1; i < LATENCY; i++) line_q[i] <= line_q[i-1];

      granted_q      <= grant;
      granted_port_q <= grant_port;
      want_q         <= want;

      // the log
      if (log_grant)
        $fwrite(log, "G %0d %0d %0d %0d %0d\n", cycle_o,
                PIPELINED ? PW'(i_engine.grant.port) : grant_port, ev_con, ev_ref, ev_status);
      if (!log_grant && (ev_con || ev_ref)) $fwrite(log, "E event without a grant\n");
      if (i_engine.announce)
        $fwrite(log, "A %0d %0d\n", cycle_o, i_engine.announce_port);
      // who was missing is not known any more: that was long ago, or the context was wanted
      if (i_engine.forget)
        $fwrite(log, "V %0d %0d %0d %0d %0d\n", cycle_o, i_engine.key_q[i_engine.age_ctx_q].seq,
                i_engine.key_q[i_engine.age_ctx_q].slice,
                i_engine.key_q[i_engine.age_ctx_q].group, timeout_i);
      if (i_engine.g_open && i_engine.past_q[i_engine.grant.ctx])
        $fwrite(log, "V %0d %0d %0d %0d %0d\n", cycle_o, i_engine.key_q[i_engine.grant.ctx].seq,
                i_engine.key_q[i_engine.grant.ctx].slice,
                i_engine.key_q[i_engine.grant.ctx].group, others ? -2 : -1);
      if (i_engine.expire)
        $fwrite(log, "X %0d %0d %0d %0d %0d\n", cycle_o, i_engine.key_q[i_engine.late_ctx_q].seq,
                i_engine.key_q[i_engine.late_ctx_q].slice,
                i_engine.key_q[i_engine.late_ctx_q].group, timeout_i);
      if (grp_we) $fwrite(log, "W %0d %0d %h\n", cycle_o, grp_q[1], grp_q[2]);
      if (ev_tmo) $fwrite(log, "T %0d\n", cycle_o);
      if (ev_res) $fwrite(log, "R %0d\n", cycle_o);
      if (out_valid && ready_q)
        $fwrite(log, "O %0d %0d %0d %h %h %h\n", cycle_o, out_first, out_last, out_mask, out_hdr,
                out_data);
      if (was_valid_q && !(was_ready_q && was_last_q) && !out_valid)
        $fwrite(log, "E the output fell inside a packet, cycle %0d\n", cycle_o);
      was_valid_q <= out_valid;
      was_ready_q <= ready_q;
      was_last_q  <= out_last;

      // of a partial the first packet counts
      ended_q <= ended_q + 32'(ev_tmo)
                 + 32'(ev_res && !(out_hdr.cls.coll.mode[2] && (out_hdr.tag[5:0] != '0)));

      // the end
      quiet_q <= ((&empty_q) && (used == '0) && !out_valid && !grp_have_q) ? quiet_q + 1 : '0;
      if (quiet_q == 32'd100) begin
        done_o <= 1'b1;
        $fclose(log);
      end
    end
  end

endmodule
