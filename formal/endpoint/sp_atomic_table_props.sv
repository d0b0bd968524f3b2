// SPDX-License-Identifier: Apache-2.0
//
// What a completer relies on from sp_atomic_table. One key, chosen freely when it is kept, is
// followed. A key is kept only when it is not there, or was used anew.

module sp_atomic_table_props #(
    /// Entries.
    parameter int unsigned ENTRIES = 2,
    /// Bits of a time: few, so that times come round.
    parameter int unsigned TIME_W  = 3
) (
    /// Clock.
    input logic        clk_i,
    /// Reset.
    input logic        rst_ni,
    /// Cycles for which a key may come again, free but constant and small.
    input logic [TIME_W-1:0] remember_i,
    /// Key that is looked for, free.
    input logic [1:0]  key_i,
    /// It is used anew, free.
    input logic        reuse_i,
    /// Keep, free.
    input logic        keep_i,
    /// Key to keep, free within the above.
    input logic [1:0]  keep_key_i,
    /// Its answer, free.
    input logic        keep_answer_i,
    /// Follow the key that is kept now, free.
    input logic        follow_i
);

  logic hit;
  logic answer;
  logic unknown;

  sp_atomic_table #(
      .ENTRIES (ENTRIES),
      .KEY_W   (2),
      .ANSWER_W(1),
      .TIME_W  (TIME_W)
  ) dut (
      .clk_i,
      .rst_ni,
      .remember_i,
      .key_i,
      .hit_o        (hit),
      .answer_o     (answer),
      .unknown_o    (unknown),
      .reuse_i,
      .keep_i,
      .keep_key_i,
      .keep_answer_i
  );

  logic        started_q = 1'b0;
  logic [TIME_W-1:0] remember_q;
  always_ff @(posedge clk_i) begin
    started_q  <= 1'b1;
    remember_q <= remember_i;
  end
  always_comb reset_first: assume (started_q || !rst_ni);
  always_comb constant: assume (!started_q || remember_i == remember_q);
  always_comb not_long: assume (32'(remember_i) < (1 << TIME_W) - ENTRIES);

  logic       followed_q;
  logic [1:0] key_q;
  logic       answer_q;
  logic [3:0] others_q;  // keys kept behind it
  logic [5:0] age_q;     // cycles since it was kept
  logic       pushed_q;

  always_comb once: assume (!(keep_i && followed_q && keep_key_i == key_q));

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      followed_q <= 1'b0;
      key_q      <= '0;
      answer_q   <= 1'b0;
      others_q   <= '0;
      age_q      <= '0;
      pushed_q   <= 1'b0;
    end else begin
      if (followed_q) begin
        if (keep_i && others_q != '1) others_q <= others_q + 4'd1;
        if (age_q != '1) age_q <= age_q + 6'd1;
        if (reuse_i && key_i == key_q) followed_q <= 1'b0;
        if (keep_i && others_q >= 4'(ENTRIES - 1)) pushed_q <= 1'b1;
      end else if (keep_i && follow_i && !pushed_q) begin
        followed_q <= 1'b1;
        key_q      <= keep_key_i;
        answer_q   <= keep_answer_i;
        others_q   <= '0;
        age_q      <= 6'd1;
      end
    end
  end

  // The followed key is the only one of its name: none was kept before it.
  logic [3:0] before_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) before_q <= '0;
    else if (keep_i) before_q <= before_q | 4'(4'd1 << keep_key_i);
  end
  always_comb new_name: assume (!(keep_i && follow_i && before_q[keep_key_i]));

  logic [8:0] keeps_q;  // the last cycles in which a key was kept
  logic [3:0] recent;   // keys kept while the table remembers, the last one included
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) keeps_q <= '0;
    else keeps_q <= {keeps_q[7:0], keep_i};
  end
  always_comb begin
    recent = '0;
    for (int unsigned i = 0; i < 9; i++) begin
      if (i < 32'(remember_i)) recent += 4'(keeps_q[i]);
    end
  end

  always_comb begin
    if (rst_ni) begin
      // The table does not know only when more were kept of late than there are places.
      not_for_nothing: assert (!unknown || recent > 4'(ENTRIES));
    end
    if (rst_ni && followed_q && key_i == key_q) begin
      // It is found, with its answer, until as many others as there are entries came behind it.
      found: assert (others_q >= 4'(ENTRIES) || (hit && answer == answer_q));
      // While it may come again, it is found, or the table says that it does not know.
      known_or_not: assert (hit || unknown || age_q > 6'(remember_i));
    end
    // Pushed out long ago: what is not found was not executed.
    forgotten: cover (rst_ni && followed_q && key_i == key_q && !hit && !unknown);
    pushed_out: cover (rst_ni && followed_q && key_i == key_q && !hit && unknown);
  end

endmodule
