// SPDX-License-Identifier: Apache-2.0
//
// A plain AXI4-Stream crossbar, N x N, the smallest module that the testbench drives: the
// destination in tuser of the first beat names the output, each output serves its inputs round
// robin and keeps one until tlast. No virtual channels, registers, buffers or error answers.

module axis_crossbar #(
  /// Inputs, and outputs.
  parameter int unsigned N      = 4,
  /// Bits of tdata and of tuser.
  parameter int unsigned DATA_W = 128,
  parameter int unsigned USER_W = 129,
  /// Where tuser of a first beat holds the number of the output.
  parameter int unsigned DST_LSB = 8
) (
  input  logic                     aclk,
  input  logic                     aresetn,
  input  logic [N-1:0]             s_axis_tvalid,
  output logic [N-1:0]             s_axis_tready,
  input  logic [N-1:0][DATA_W-1:0] s_axis_tdata,
  input  logic [N-1:0][USER_W-1:0] s_axis_tuser,
  input  logic [N-1:0]             s_axis_tlast,
  output logic [N-1:0]             m_axis_tvalid,
  input  logic [N-1:0]             m_axis_tready,
  output logic [N-1:0][DATA_W-1:0] m_axis_tdata,
  output logic [N-1:0][USER_W-1:0] m_axis_tuser,
  output logic [N-1:0]             m_axis_tlast
);
  localparam int unsigned SEL_W = (N > 1) ? $clog2(N) : 1;

  logic [N-1:0]            mid_q;   // input is in the middle of a packet: tuser is no header
  logic [N-1:0]            busy_q;  // output has shown a packet that has not ended
  logic [N-1:0][SEL_W-1:0] sel_q, sel;

  // An output keeps its input from the first cycle of tvalid on; else the next after the last one.
  always_comb begin
    s_axis_tready = '0;
    for (int unsigned o = 0; o < N; o++) begin
      sel[o]           = sel_q[o];
      m_axis_tvalid[o] = busy_q[o] && s_axis_tvalid[sel_q[o]];
      for (int unsigned k = N; k > 0; k--) begin
        automatic logic [SEL_W-1:0] i = SEL_W'((32'(sel_q[o]) + k) % N);
        if (!busy_q[o] && s_axis_tvalid[i] && !mid_q[i]
            && s_axis_tuser[i][DST_LSB+:SEL_W] == SEL_W'(o)) begin
          sel[o]           = i;
          m_axis_tvalid[o] = 1'b1;
        end
      end
      m_axis_tdata[o] = s_axis_tdata[sel[o]];
      m_axis_tuser[o] = s_axis_tuser[sel[o]];
      m_axis_tlast[o] = s_axis_tlast[sel[o]];
      if (m_axis_tvalid[o]) s_axis_tready[sel[o]] = m_axis_tready[o];
    end
  end

  always_ff @(posedge aclk or negedge aresetn) begin
    if (!aresetn) begin
      mid_q  <= '0;
      busy_q <= '0;
      sel_q  <= '0;
    end else begin
      sel_q  <= sel;
      busy_q <= (busy_q | m_axis_tvalid) & ~(m_axis_tvalid & m_axis_tready & m_axis_tlast);
      mid_q  <= (mid_q | (s_axis_tvalid & s_axis_tready))
                & ~(s_axis_tvalid & s_axis_tready & s_axis_tlast);
    end
  end
endmodule
