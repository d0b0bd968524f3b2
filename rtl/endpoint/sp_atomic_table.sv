// SPDX-License-Identifier: Apache-2.0
//
// The atomics that were executed last, so that one that is sent again is answered and not executed
// again. Guarantees: a key that was kept is found until as many others as there are entries have
// come behind it; when a key is not found and `unknown_o` is low, it was not kept within the last
// `remember_i` cycles.

module sp_atomic_table #(
    /// Entries, 2 or more.
    parameter int unsigned ENTRIES = 16,
    /// Bits of what names an atomic.
    parameter int unsigned KEY_W = 42,
    /// Bits of what it was answered with.
    parameter int unsigned ANSWER_W = 65,
    /// Bits of a time in cycles; times come round.
    parameter int unsigned TIME_W   = 32
) (
    /// Clock.
    input  logic                clk_i,
    /// Reset, active low, asynchronous; forgets all.
    input  logic                rst_ni,
    /// Cycles for which a key may come again, fewer than 2^TIME_W - ENTRIES.
    input  logic [TIME_W-1:0]   remember_i,
    /// Key that is looked for.
    input  logic [KEY_W-1:0]    key_i,
    /// It is in the table.
    output logic                hit_o,
    /// With this answer.
    output logic [ANSWER_W-1:0] answer_o,
    /// If it is not, it may have been: one was pushed out that was no older than `remember_i`.
    output logic                unknown_o,
    /// The key that is looked for names another atomic from now on: its entry goes.
    input  logic                reuse_i,
    /// Keep a key and its answer; the oldest entry makes room.
    input  logic                keep_i,
    /// Key to keep.
    input  logic [KEY_W-1:0]    keep_key_i,
    /// Its answer.
    input  logic [ANSWER_W-1:0] keep_answer_i
);

  localparam int unsigned PtrW = $clog2(ENTRIES);
  localparam int unsigned CntW = $clog2(ENTRIES + 1);

  if (ENTRIES < 2) begin : g_bad_entries
    $fatal(1, "sp_atomic_table: ENTRIES = %0d is not 2 or more", ENTRIES);
  end

  logic [KEY_W-1:0]    keys    [ENTRIES];
  logic [ANSWER_W-1:0] answers [ENTRIES];
  logic [TIME_W-1:0]         times   [ENTRIES];
  logic [ENTRIES-1:0]  valid_q;
  logic [PtrW-1:0]     next_q;     // the oldest entry, replaced next
  logic [CntW-1:0]     young_q;    // so many of the newest entries may come again
  logic [PtrW-1:0]     eldest_q;   // the oldest of these
  logic [TIME_W-1:0]         now_q;
  logic                lost_q;     // one was pushed out that may come again
  logic [TIME_W-1:0]         lost_at_q;  // when it, or the latest of several, was kept

  logic [ENTRIES-1:0]  match;
  logic                full;
  logic                aged;

  function automatic logic [PtrW-1:0] behind(logic [PtrW-1:0] ptr);
    return (ptr == PtrW'(ENTRIES - 1)) ? '0 : ptr + PtrW'(1);
  endfunction

  always_comb begin
    answer_o = '0;
    for (int unsigned i = 0; i < ENTRIES; i++) begin
      match[i] = valid_q[i] && (keys[i] == key_i);
      if (match[i]) answer_o |= answers[i];  // a key is there once: reuse_i
    end
  end

  assign hit_o     = match != '0;
  assign unknown_o = lost_q;
  assign full      = young_q == CntW'(ENTRIES);
  // One entry a cycle, and no more come. So a time of TIME_W bits is enough, as it is looked
  // at before it comes round.
  assign aged      = (young_q != '0) && ((now_q - times[eldest_q]) >= remember_i);

  always_ff @(posedge clk_i) begin
    if (keep_i) begin
      keys[next_q]    <= keep_key_i;
      answers[next_q] <= keep_answer_i;
      times[next_q]   <= now_q;
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid_q   <= '0;
      next_q    <= '0;
      young_q   <= '0;
      eldest_q  <= '0;
      now_q     <= '0;
      lost_q    <= 1'b0;
      lost_at_q <= '0;
    end else begin
      now_q <= now_q + TIME_W'(1);
      if (lost_q && ((now_q - lost_at_q) >= remember_i)) lost_q <= 1'b0;
      if (reuse_i) valid_q <= valid_q & ~match;
      if (aged || (keep_i && full)) eldest_q <= behind(eldest_q);
      if (keep_i) begin
        valid_q[next_q] <= 1'b1;
        next_q          <= behind(next_q);
        if (full && !aged) begin
          lost_q    <= 1'b1;
          lost_at_q <= times[eldest_q];
        end
      end
      if (keep_i && !full && !aged) young_q <= young_q + CntW'(1);
      if (aged && !keep_i) young_q <= young_q - CntW'(1);
    end
  end

endmodule
