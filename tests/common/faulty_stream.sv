// SPDX-License-Identifier: Apache-2.0
//
// Test article: ports that go straight from input to output, and do wrong on demand. The tag in a
// packet's header says what is done to that packet, so that one build serves all faults.

module faulty_stream #(
    /// Ports.
    parameter int unsigned N = 2,
    /// Bits of tdata.
    parameter int unsigned W = 128
) (
    input  logic                clk,
    input  logic                rst_n,
    input  logic [N-1:0]        s_tvalid,
    output logic [N-1:0]        s_tready,
    input  logic [N-1:0][W-1:0] s_tdata,
    input  logic [N-1:0][128:0] s_tuser,
    input  logic [N-1:0]        s_tlast,
    output logic [N-1:0][3:0]   s_room,
    output logic [N-1:0]        m_tvalid,
    input  logic [N-1:0]        m_tready,
    output logic [N-1:0][W-1:0] m_tdata,
    output logic [N-1:0][128:0] m_tuser,
    output logic [N-1:0]        m_tlast,
    input  logic [N-1:0][3:0]   m_room
);
  typedef enum logic [11:0] {
    Clean, TvalidDropped, Unstable, Short, Endless, NoRoom, InReset, Lost, Flipped, Header, Mark
  } fault_e;

  assign s_room = '1;

  for (genvar p = 0; p < N; p++) begin : g_port
    logic        mid_q, started_q, stall_q;
    // Not reset on purpose: a fault that waits for a reset must survive it.
    logic        loud_q;
    logic [11:0] tag, tag_q;
    logic [1:0]  vc;
    logic        go, swallow, fire;

    initial loud_q = 1'b0;

    assign tag = mid_q ? tag_q : s_tuser[p][47:36];
    assign vc  = s_tuser[p][7:6];
    // A packet starts when its channel has room, and goes on whatever becomes of the room.
    assign go  = mid_q || started_q || m_room[p][vc] || tag == NoRoom;
    assign swallow = tag == Lost || (tag == Short && mid_q);

    always_comb begin
      m_tvalid[p] = s_tvalid[p] && go && !swallow;
      if (tag == TvalidDropped && stall_q) m_tvalid[p] = 1'b0;
      if (!rst_n) m_tvalid[p] = loud_q;
      s_tready[p] = go && (swallow || (m_tready[p] && m_tvalid[p]));
      m_tdata[p]  = s_tdata[p];
      m_tuser[p]  = s_tuser[p];
      m_tlast[p]  = s_tlast[p];
      unique case (tag)
        Unstable: m_tdata[p][5] = s_tdata[p][5] ^ stall_q;
        Short:    m_tlast[p] = 1'b1;
        Endless:  m_tlast[p] = 1'b0;
        Flipped:  m_tdata[p][5] = !s_tdata[p][5];
        Header:   m_tuser[p][100] = !s_tuser[p][100];
        Mark:     m_tuser[p][128] = !s_tuser[p][128];
        default:  ;
      endcase
    end

    assign fire = s_tvalid[p] && s_tready[p];
    always_ff @(posedge clk or negedge rst_n) begin
      if (!rst_n) begin
        mid_q     <= 1'b0;
        started_q <= 1'b0;
        stall_q   <= 1'b0;
        tag_q     <= '0;
      end else begin
        tag_q     <= tag;
        stall_q   <= m_tvalid[p] && !m_tready[p] && !stall_q;
        started_q <= (m_tvalid[p] || started_q) && !fire;
        if (fire) mid_q <= !s_tlast[p];
      end
    end
    always_ff @(posedge clk) begin
      if (fire && tag == InReset) loud_q <= 1'b1;
    end
  end
endmodule
