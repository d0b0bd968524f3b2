// SPDX-License-Identifier: Apache-2.0
//
// Makes traffic for one ingress port on chip: packets of UNITS units at full rate to uniformly
// random ports, on VCs that take turns at random.

module traffic_gen
  import sp_pkg::*;
#(
    /// Bits of a flit.
    parameter int unsigned FLIT_W = 128,
    /// Ports to send to; a power of two.
    parameter int unsigned N_PORTS = 16,
    /// Payload units of a packet.
    parameter int unsigned UNITS = 16
) (
    /// Clock.
    input  logic              clk_i,
    /// Reset, active low.
    input  logic              rst_ni,
    /// Start packets.
    input  logic              run_i,
    /// Number of this port: source ID and seed.
    input  logic [ID_W-1:0]   id_i,
    /// Stream.
    output logic              tvalid_o,
    /// Stream.
    input  logic              tready_i,
    /// Stream.
    output logic [FLIT_W-1:0] tdata_o,
    /// Stream.
    output logic [USER_W-1:0] tuser_o,
    /// Stream.
    output logic              tlast_o,
    /// VCs in which a packet may start.
    input  logic [NUM_VC-1:0] vc_room_i
);

  localparam int unsigned FlitBeats = UNITS * UNIT_W / FLIT_W;
  localparam int unsigned Beats = (FlitBeats == 0) ? 1 : FlitBeats;

  logic [31:0]      random_q;
  logic [LEN_W-1:0] left_q;
  hdr_t             hdr;
  logic [1:0]       vc;

  function automatic logic [31:0] xorshift(logic [31:0] x);
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return x;
  endfunction

  // The first VC with room at or after a random one.
  always_comb begin
    vc = random_q[1:0];
    for (int unsigned k = 0; k < NUM_VC; k++) if (!vc_room_i[vc]) vc = vc + 2'd1;
    hdr     = '0;
    hdr.src = id_i;
    hdr.dst = ID_W'(random_q[9:2] & 8'(N_PORTS - 1));
    hdr.len = LEN_W'(UNITS);
    case (vc)
      VC_REQ:  hdr.op = OP_WRITE;
      VC_RSP:  hdr.op = OP_READ_RSP;
      VC_RED:  hdr.op = OP_ALLREDUCE;
      default: hdr.op = OP_MGT_WRITE;
    endcase
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      tvalid_o <= 1'b0;
      tlast_o  <= 1'b0;
      tuser_o  <= '0;
      tdata_o  <= '0;
      left_q   <= '0;
      random_q <= 32'h9e3779b9 ^ (32'(id_i) << 16) ^ 32'(id_i);
    end else if (!tvalid_o || tready_i) begin
      random_q <= xorshift(random_q);
      tdata_o  <= {(FLIT_W / 32) {random_q}};
      if (left_q != '0) begin
        left_q  <= left_q - LEN_W'(1);
        tlast_o <= left_q == LEN_W'(1);
        tuser_o <= '0;
      end else begin
        tvalid_o <= run_i && vc_room_i[vc];
        tuser_o  <= {1'b0, hdr};
        tlast_o  <= Beats == 1;
        if (run_i && vc_room_i[vc]) left_q <= LEN_W'(Beats - 1);
      end
    end
  end

endmodule
