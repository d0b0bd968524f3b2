// SPDX-License-Identifier: Apache-2.0
//
// Plays a program into sp_exact_lanes: one record of commands.bin a clock, results to results.txt.
// Python makes the program and judges the results; no Python runs in between.
module sp_lanes_player #(
    /// Bits of a flit.
    parameter int unsigned FLIT_W  = 128,
    /// Places of one set.
    parameter int unsigned ELEMS   = 64,
    /// Contributions to an element, at most.
    parameter int unsigned MEMBERS = 1024,
    /// Element types that are built in, one bit each.
    parameter int unsigned TYPES   = 3,
    localparam int unsigned EW     = (ELEMS > 1) ? $clog2(ELEMS) : 1
) (
    /// Clock.
    input  logic clk_i,
    /// Reset, active low; the files are opened when it is released.
    input  logic rst_ni,
    /// The program has been played and the pipeline is empty.
    output logic done_o,
    /// Commands that the lanes did not take in time.
    output logic [31:0] late_o
);

  /// A record, most significant byte first in the file.
  typedef struct packed {
    logic              acc_valid;
    logic              acc_set;
    logic              acc_first;
    sp_pkg::arith_t    acc_arith;
    logic [5:0]        acc_spare;
    logic [15:0]       acc_elem;
    logic              ro_valid;
    logic              ro_set;
    logic              ro_last;
    sp_pkg::arith_t    ro_arith;
    logic [5:0]        ro_spare;
    logic [15:0]       ro_elem;
    logic [FLIT_W-1:0] data;
  } record_t;

  localparam int WORDS = $bits(record_t) / 64;

  record_t           now_q;
  logic              ready, res_valid, res_last, done;
  logic [FLIT_W-1:0] res_data;
  int                commands, results;
  logic [5:0]        tail_q;

  sp_exact_lanes #(
      .FLIT_W (FLIT_W),
      .ELEMS  (ELEMS),
      .MEMBERS(MEMBERS),
      .TYPES  (8'(TYPES))
  ) i_lanes (
      .clk_i,
      .rst_ni,
      .acc_valid_i(now_q.acc_valid),
      .acc_set_i  (now_q.acc_set),
      .acc_elem_i (EW'(now_q.acc_elem)),
      .acc_first_i(now_q.acc_first),
      .acc_arith_i(now_q.acc_arith),
      .acc_plane_i('0),
      .acc_data_i (now_q.data),
      .ro_valid_i (now_q.ro_valid),
      .ro_ready_o (ready),
      .ro_done_o  (done),
      .ro_set_i   (now_q.ro_set),
      .ro_elem_i  (EW'(now_q.ro_elem)),
      .ro_arith_i (now_q.ro_arith),
      .ro_part_i  (1'b0),
      .ro_last_i  (now_q.ro_last),
      .res_valid_o(res_valid),
      .res_last_o (res_last),
      .res_data_o (res_data),
      .dig_valid_o(),
      .dig_pair_o (),
      .dig_o      (),
      .seen_valid_o(),
      .seen_o     ()
  );

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      now_q    <= '0;
      tail_q   <= '0;
      late_o   <= '0;
      done_o   <= 1'b0;
      commands <= 0;
    end else if (commands == 0) begin
      commands <= $fopen("commands.bin", "rb");
      results  <= $fopen("results.txt", "w");
    end else if (!done_o) begin
      logic [63:0]             words [WORDS];
      logic [64 * WORDS - 1:0] next;
      int                      got;
      got  = $fread(words, commands);
      next = '0;
      for (int i = 0; i < WORDS; i++) next[64*(WORDS-1-i)+:64] = words[i];
      if (got != 8 * WORDS) begin
        next   = '0;
        tail_q <= tail_q + 6'd1;
      end
      now_q <= record_t'(next);
      if (now_q.ro_valid && !ready) late_o <= late_o + 1;
      if (res_valid) $fwrite(results, "%h%h\n", {3'b0, res_last}, res_data);
      if (&tail_q) begin
        done_o <= 1'b1;
        $fclose(results);
      end
    end
  end

endmodule
