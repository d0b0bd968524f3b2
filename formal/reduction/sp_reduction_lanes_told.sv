// SPDX-License-Identifier: Apache-2.0
//
// In place of sp_reduction_lanes where sums do not matter: it takes a read-out when the prover
// wants, is done with it when the prover wants, and gives as many flits as were asked for, later.
module sp_reduction_lanes #(
    /// As in sp_reduction_lanes.
    parameter int unsigned FLIT_W     = 128,
    /// As there.
    parameter int unsigned N_CONTEXTS = 8,
    /// As there.
    parameter int unsigned MEMBERS    = 1024,
    /// As there.
    parameter logic [7:0]  TYPES      = 8'h03,
    /// As there.
    parameter bit          ORDERED    = 1'b0,
    /// As there; 0.
    parameter bit          PARTIALS   = 1'b0,
    localparam int unsigned BEATS     = 8 * sp_pkg::UNIT_BYTES * sp_pkg::MAX_UNITS / FLIT_W,
    localparam int unsigned BW        = $clog2(BEATS),
    localparam int unsigned CW        = $clog2(N_CONTEXTS),
    localparam int unsigned LANES     = FLIT_W / 8
) (
    /// As in sp_reduction_lanes, all of them.
    input  logic              clk_i,
    input  logic              rst_ni,
    input  logic              acc_valid_i,
    input  logic              acc_ordered_i,
    input  logic [CW-1:0]     acc_ctx_i,
    input  logic [BW-1:0]     acc_beat_i,
    input  logic              acc_first_i,
    input  sp_pkg::arith_t    acc_arith_i,
    input  sp_pkg::plane_t    acc_plane_i,
    input  logic [FLIT_W-1:0] acc_data_i,
    input  logic              ro_valid_i,
    output logic              ro_ready_o,
    output logic              ro_done_o,
    input  logic              ro_ordered_i,
    input  logic [CW-1:0]     ro_ctx_i,
    input  logic [BW-1:0]     ro_beat_i,
    input  sp_pkg::arith_t    ro_arith_i,
    input  logic              ro_part_i,
    input  logic              ro_last_i,
    output logic              res_valid_o,
    output logic              res_last_o,
    output logic [FLIT_W-1:0] res_data_o,
    output logic              dig_valid_o,
    output logic [2:0]        dig_pair_o,
    output logic [LANES-1:0][63:0] dig_o,
    output logic              seen_valid_o,
    output logic [LANES-1:0][3:0] seen_o
);

  assign dig_valid_o  = 1'b0;
  assign dig_pair_o   = '0;
  assign dig_o        = '0;
  assign seen_valid_o = 1'b0;
  assign seen_o       = '0;

  (* anyseq *) logic ready, done, gives;
  logic [3:0] count_q;   // flits that are asked for and were not given
  logic [7:0] last_q;    // which of them are last ones, the oldest first

  assign ro_ready_o  = ready && !count_q[3];
  assign ro_done_o   = done;
  assign res_valid_o = gives && (count_q != '0);
  assign res_last_o  = last_q[0];
  assign res_data_o  = '0;

  logic       take;
  logic [7:0] last;
  logic [3:0] count;
  assign take  = ro_valid_i && ro_ready_o;
  assign last  = res_valid_o ? last_q >> 1 : last_q;
  assign count = count_q - 4'(res_valid_o);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      count_q <= '0;
      last_q  <= '0;
    end else begin
      count_q <= count + 4'(take);
      last_q  <= take ? (last & ~(8'd1 << count)) | (8'(ro_last_i) << count) : last;
    end
  end

endmodule
