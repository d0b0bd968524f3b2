// SPDX-License-Identifier: Apache-2.0
//
// One AXI4-Lite manager, two subordinates: addresses 0x0000000 to 0x3FFFFFF go to subordinate 0,
// those from 0x4000000 on to subordinate 1; what is beyond is answered with DECERR and reads as
// zero. One write and one read are under way at a time. Guarantee: every access is answered once,
// if its subordinate answers.

module sp_axil_split #(
    /// Bits of a byte address in subordinate 1, up to 26.
    parameter int unsigned HIGH_W = 18,
    localparam int unsigned SubW = 26
) (
    /// Clock.
    input  logic              clk_i,
    /// Reset, active low, asynchronous.
    input  logic              rst_ni,

    /// From the manager, write address: valid.
    input  logic              s_awvalid_i,
    /// From the manager, write address: ready.
    output logic              s_awready_o,
    /// From the manager, write address.
    input  logic [31:0]       s_awaddr_i,
    /// From the manager, write data: valid.
    input  logic              s_wvalid_i,
    /// From the manager, write data: ready.
    output logic              s_wready_o,
    /// From the manager, write data.
    input  logic [31:0]       s_wdata_i,
    /// From the manager, write data: bytes that count.
    input  logic [3:0]        s_wstrb_i,
    /// To the manager, write response: valid.
    output logic              s_bvalid_o,
    /// To the manager, write response: ready.
    input  logic              s_bready_i,
    /// To the manager, write response.
    output logic [1:0]        s_bresp_o,
    /// From the manager, read address: valid.
    input  logic              s_arvalid_i,
    /// From the manager, read address: ready.
    output logic              s_arready_o,
    /// From the manager, read address.
    input  logic [31:0]       s_araddr_i,
    /// To the manager, read data: valid.
    output logic              s_rvalid_o,
    /// To the manager, read data: ready.
    input  logic              s_rready_i,
    /// To the manager, read data.
    output logic [31:0]       s_rdata_o,
    /// To the manager, read data: response.
    output logic [1:0]        s_rresp_o,

    /// To the subordinates, write address: valid.
    output logic [1:0]        m_awvalid_o,
    /// From the subordinates, write address: ready.
    input  logic [1:0]        m_awready_i,
    /// To both, write address.
    output logic [SubW-1:0]   m_awaddr_o,
    /// To the subordinates, write data: valid.
    output logic [1:0]        m_wvalid_o,
    /// From the subordinates, write data: ready.
    input  logic [1:0]        m_wready_i,
    /// To both, write data.
    output logic [31:0]       m_wdata_o,
    /// To both, write data: bytes that count.
    output logic [3:0]        m_wstrb_o,
    /// From the subordinates, write response: valid.
    input  logic [1:0]        m_bvalid_i,
    /// To the subordinates, write response: ready.
    output logic [1:0]        m_bready_o,
    /// From the subordinates, write response.
    input  logic [1:0]        m_bresp_i [2],
    /// To the subordinates, read address: valid.
    output logic [1:0]        m_arvalid_o,
    /// From the subordinates, read address: ready.
    input  logic [1:0]        m_arready_i,
    /// To both, read address.
    output logic [SubW-1:0]   m_araddr_o,
    /// From the subordinates, read data: valid.
    input  logic [1:0]        m_rvalid_i,
    /// To the subordinates, read data: ready.
    output logic [1:0]        m_rready_o,
    /// From the subordinates, read data.
    input  logic [31:0]       m_rdata_i [2],
    /// From the subordinates, read data: response.
    input  logic [1:0]        m_rresp_i [2]
);

  localparam logic [1:0] DecErr = 2'b11;

  if (HIGH_W < 2 || HIGH_W > SubW) begin : g_bad_width
    $fatal(1, "sp_axil_split: HIGH_W = %0d is not in 2..%0d", HIGH_W, SubW);
  end

  function automatic logic nowhere(logic [31:0] address);
    return (address >> (SubW + 1)) != '0
           || (address[SubW] && (address[SubW-1:0] >> HIGH_W) != '0);
  endfunction

  typedef enum logic [1:0] {
    S_IDLE,
    S_ASK,    // the subordinate has not taken all of it
    S_WAIT,   // for its answer
    S_ANSWER
  } state_e;

  // ------------------------------------------------------------------------------ write

  state_e            wr_state_q;
  logic [31:0]       awaddr_q;
  logic              aw_open_q;
  logic              w_open_q;
  logic              wr_to;      // which subordinate
  logic              wr_none;    // no subordinate

  assign wr_to       = awaddr_q[SubW];
  assign wr_none     = nowhere(awaddr_q);
  assign m_awaddr_o  = awaddr_q[SubW-1:0];
  assign s_awready_o = (wr_state_q == S_IDLE) && s_wvalid_i;
  assign s_wready_o  = (wr_state_q == S_IDLE) && s_awvalid_i;
  assign s_bvalid_o  = wr_state_q == S_ANSWER;

  always_comb begin
    m_awvalid_o        = '0;
    m_wvalid_o         = '0;
    m_bready_o         = '0;
    m_awvalid_o[wr_to] = (wr_state_q == S_ASK) && aw_open_q && !wr_none;
    m_wvalid_o[wr_to]  = (wr_state_q == S_ASK) && w_open_q && !wr_none;
    m_bready_o[wr_to]  = wr_state_q == S_WAIT;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      wr_state_q <= S_IDLE;
      awaddr_q   <= '0;
      aw_open_q  <= 1'b0;
      w_open_q   <= 1'b0;
      s_bresp_o  <= '0;
    end else begin
      case (wr_state_q)
        S_IDLE: begin
          if (s_awvalid_i && s_wvalid_i) begin
            awaddr_q   <= s_awaddr_i;
            aw_open_q  <= 1'b1;
            w_open_q   <= 1'b1;
            wr_state_q <= S_ASK;
          end
        end
        S_ASK: begin
          if (m_awready_i[wr_to]) aw_open_q <= 1'b0;
          if (m_wready_i[wr_to]) w_open_q <= 1'b0;
          s_bresp_o <= DecErr;
          if (wr_none) wr_state_q <= S_ANSWER;
          else if ((!aw_open_q || m_awready_i[wr_to]) && (!w_open_q || m_wready_i[wr_to])) begin
            wr_state_q <= S_WAIT;
          end
        end
        S_WAIT: begin
          if (m_bvalid_i[wr_to]) begin
            s_bresp_o  <= m_bresp_i[wr_to];
            wr_state_q <= S_ANSWER;
          end
        end
        default: if (s_bready_i) wr_state_q <= S_IDLE;
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    if (wr_state_q == S_IDLE) begin
      m_wdata_o <= s_wdata_i;
      m_wstrb_o <= s_wstrb_i;
    end
  end

  // ------------------------------------------------------------------------------- read

  state_e            rd_state_q;
  logic [31:0]       araddr_q;
  logic              rd_to;
  logic              rd_none;

  assign rd_to       = araddr_q[SubW];
  assign rd_none     = nowhere(araddr_q);
  assign m_araddr_o  = araddr_q[SubW-1:0];
  assign s_arready_o = rd_state_q == S_IDLE;
  assign s_rvalid_o  = rd_state_q == S_ANSWER;

  always_comb begin
    m_arvalid_o        = '0;
    m_rready_o         = '0;
    m_arvalid_o[rd_to] = (rd_state_q == S_ASK) && !rd_none;
    m_rready_o[rd_to]  = rd_state_q == S_WAIT;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      rd_state_q <= S_IDLE;
      araddr_q   <= '0;
      s_rresp_o  <= '0;
      s_rdata_o  <= '0;
    end else begin
      case (rd_state_q)
        S_IDLE: begin
          if (s_arvalid_i) begin
            araddr_q   <= s_araddr_i;
            rd_state_q <= S_ASK;
          end
        end
        S_ASK: begin
          s_rresp_o <= DecErr;
          s_rdata_o <= '0;
          if (rd_none) rd_state_q <= S_ANSWER;
          else if (m_arready_i[rd_to]) rd_state_q <= S_WAIT;
        end
        S_WAIT: begin
          if (m_rvalid_i[rd_to]) begin
            s_rresp_o  <= m_rresp_i[rd_to];
            s_rdata_o  <= m_rdata_i[rd_to];
            rd_state_q <= S_ANSWER;
          end
        end
        default: if (s_rready_i) rd_state_q <= S_IDLE;
      endcase
    end
  end

endmodule
