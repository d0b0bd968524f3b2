// SPDX-License-Identifier: Apache-2.0
//
// What stands in for sp_collective answers each command once, in order, with ST_OP, and says of each
// packet what it was. Everything from outside is free.

module sp_collective_none_props (
    /// Clock.
    input logic       clk_i,
    /// Reset.
    input logic       rst_ni,
    /// A command, free.
    input logic       cmd_valid_i,
    /// Its name, free.
    input logic [7:0] cmd_id_i,
    /// A result is taken, free.
    input logic       res_ready_i,
    /// A beat, free.
    input logic       in_tvalid_i,
    /// Operation, free.
    input logic [5:0] in_op_i,
    /// Last beat, free.
    input logic       in_tlast_i
);

  logic                                cmd_ready;
  logic                                res_valid;
  sp_endpoint_pkg::collective_result_t res;
  sp_endpoint_pkg::collective_event_t  said;

  sp_collective_none dut (
      .clk_i,
      .rst_ni,
      .cmd_valid_i,
      .cmd_ready_o(cmd_ready),
      .cmd_id_i,
      .res_valid_o(res_valid),
      .res_ready_i,
      .res_o      (res),
      .in_tvalid_i,
      .in_op_i,
      .in_tlast_i,
      .event_o    (said)
  );

  logic started_q = 1'b0;
  always_ff @(posedge clk_i) started_q <= 1'b1;
  always_comb reset_first: assume (started_q || !rst_ni);

  // The model: commands without a result, and packets and what was said of them, all modulo 16.
  logic [3:0] taken_q;
  logic [3:0] given_q;
  logic [7:0] name_q;     // of the last command
  logic [3:0] begun_q;
  logic [3:0] told_q;
  logic       between_q;  // the next beat is the first of its packet

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      taken_q   <= '0;
      given_q   <= '0;
      begun_q   <= '0;
      told_q    <= '0;
      between_q <= 1'b1;
    end else begin
      taken_q <= taken_q + 4'(cmd_valid_i && cmd_ready);
      given_q <= given_q + 4'(res_valid && res_ready_i);
      begun_q <= begun_q + 4'(in_tvalid_i && between_q);
      told_q  <= told_q + 4'(said.late) + 4'(said.fetch_refused);
      if (in_tvalid_i) between_q <= in_tlast_i;
    end
  end

  always_ff @(posedge clk_i) if (cmd_valid_i && cmd_ready) name_q <= cmd_id_i;

  always_comb begin
    if (rst_ni) begin
      // A result for each command, and none without.
      answered: assert (res_valid == (taken_q != given_q));
      refused: assert (!res_valid || (res.status == sp_pkg::ST_OP && res.id == name_q));
      // Another command is taken when the last one is answered, at the latest.
      takes: assert (cmd_ready || (res_valid && !res_ready_i));
      // Each packet is counted once, as what it is.
      told: assert (begun_q == told_q);
      as_it_is: assert (!said.fetch_refused || in_op_i == sp_pkg::OP_FETCH);
      not_fetched: assert (!said.late || in_op_i != sp_pkg::OP_FETCH);
      nothing_else: assert ((said & ~sp_endpoint_pkg::collective_event_t'{
          late: 1'b1, fetch_refused: 1'b1, default: 1'b0}) == '0);
      follows: cover (res_valid && res_ready_i && cmd_valid_i && cmd_ready);
      drops: cover (said.late && !in_tlast_i);
    end
  end

endmodule
