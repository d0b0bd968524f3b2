// SPDX-License-Identifier: Apache-2.0
//
// In place of sp_collective in an endpoint without it. Guarantees: every command is answered, with
// ST_OP; packets for collectives are taken and dropped: fetches are counted as refused, all else as
// late.

module sp_collective_none (
    /// Clock.
    input  logic                                clk_i,
    /// Reset, active low, asynchronous.
    input  logic                                rst_ni,

    /// Command: valid.
    input  logic                                cmd_valid_i,
    /// Command: ready.
    output logic                                cmd_ready_o,
    /// Its name, which comes back.
    input  logic [7:0]                          cmd_id_i,
    /// Result of a command: valid.
    output logic                                res_valid_o,
    /// Result of a command: ready.
    input  logic                                res_ready_i,
    /// Result of a command.
    output sp_endpoint_pkg::collective_result_t res_o,

    /// Packets in: valid. They are taken at once.
    input  logic                                in_tvalid_i,
    /// Packets in: operation of the header, with the first beat.
    input  logic [5:0]                          in_op_i,
    /// Packets in: last beat.
    input  logic                                in_tlast_i,

    /// What happened in this cycle.
    output sp_endpoint_pkg::collective_event_t  event_o
);

  import sp_pkg::*;

  logic [7:0] id;

  sp_stage #(
      .WIDTH(8)
  ) u_result (
      .clk_i,
      .rst_ni,
      .valid_i(cmd_valid_i),
      .ready_o(cmd_ready_o),
      .data_i (cmd_id_i),
      .valid_o(res_valid_o),
      .ready_i(res_ready_i),
      .data_o (id)
  );

  always_comb begin
    res_o        = '0;
    res_o.id     = id;
    res_o.status = ST_OP;
  end

  logic inside_q;  // behind the first beat of a packet
  logic first;

  assign first = in_tvalid_i && !inside_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) inside_q <= 1'b0;
    else if (in_tvalid_i) inside_q <= !in_tlast_i;
  end

  always_comb begin
    event_o               = '0;
    event_o.fetch_refused = first && in_op_i == OP_FETCH;
    event_o.late          = first && in_op_i != OP_FETCH;
  end

endmodule
