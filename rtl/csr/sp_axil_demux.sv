// SPDX-License-Identifier: Apache-2.0
//
// One AXI4-Lite manager, N subordinates, each with 2^SUB_W bytes of addresses, one behind another.
// What is beyond is answered with DECERR and reads as zero. One write and one read are under way at
// a time. Guarantee: every access is answered once, if its subordinate answers.

module sp_axil_demux #(
    /// Subordinates, 1 or more.
    parameter int unsigned N = 2,
    /// Bits of a byte address in a subordinate.
    parameter int unsigned SUB_W = 12,
    /// Bits of a byte address of the manager, more than SUB_W.
    parameter int unsigned ADDR_W = 32
) (
    /// Clock.
    input  logic               clk_i,
    /// Reset, active low, asynchronous.
    input  logic               rst_ni,

    /// From the manager, write address: valid.
    input  logic               s_awvalid_i,
    /// From the manager, write address: ready.
    output logic               s_awready_o,
    /// From the manager, write address.
    input  logic [ADDR_W-1:0]  s_awaddr_i,
    /// From the manager, write data: valid.
    input  logic               s_wvalid_i,
    /// From the manager, write data: ready.
    output logic               s_wready_o,
    /// From the manager, write data.
    input  logic [31:0]        s_wdata_i,
    /// From the manager, write data: bytes that count.
    input  logic [3:0]         s_wstrb_i,
    /// To the manager, write response: valid.
    output logic               s_bvalid_o,
    /// To the manager, write response: ready.
    input  logic               s_bready_i,
    /// To the manager, write response.
    output logic [1:0]         s_bresp_o,
    /// From the manager, read address: valid.
    input  logic               s_arvalid_i,
    /// From the manager, read address: ready.
    output logic               s_arready_o,
    /// From the manager, read address.
    input  logic [ADDR_W-1:0]  s_araddr_i,
    /// To the manager, read data: valid.
    output logic               s_rvalid_o,
    /// To the manager, read data: ready.
    input  logic               s_rready_i,
    /// To the manager, read data.
    output logic [31:0]        s_rdata_o,
    /// To the manager, read data: response.
    output logic [1:0]         s_rresp_o,

    /// To the subordinates, write address: valid.
    output logic [N-1:0]       m_awvalid_o,
    /// From the subordinates, write address: ready.
    input  logic [N-1:0]       m_awready_i,
    /// To all, write address.
    output logic [SUB_W-1:0]   m_awaddr_o,
    /// To the subordinates, write data: valid.
    output logic [N-1:0]       m_wvalid_o,
    /// From the subordinates, write data: ready.
    input  logic [N-1:0]       m_wready_i,
    /// To all, write data.
    output logic [31:0]        m_wdata_o,
    /// To all, write data: bytes that count.
    output logic [3:0]         m_wstrb_o,
    /// From the subordinates, write response: valid.
    input  logic [N-1:0]       m_bvalid_i,
    /// To the subordinates, write response: ready.
    output logic [N-1:0]       m_bready_o,
    /// From the subordinates, write response.
    input  logic [N-1:0][1:0]  m_bresp_i,
    /// To the subordinates, read address: valid.
    output logic [N-1:0]       m_arvalid_o,
    /// From the subordinates, read address: ready.
    input  logic [N-1:0]       m_arready_i,
    /// To all, read address.
    output logic [SUB_W-1:0]   m_araddr_o,
    /// From the subordinates, read data: valid.
    input  logic [N-1:0]       m_rvalid_i,
    /// To the subordinates, read data: ready.
    output logic [N-1:0]       m_rready_o,
    /// From the subordinates, read data.
    input  logic [N-1:0][31:0] m_rdata_i,
    /// From the subordinates, read data: response.
    input  logic [N-1:0][1:0]  m_rresp_i
);

  localparam logic [1:0] DecErr = 2'b11;

  if (N < 1 || SUB_W < 2 || ADDR_W <= SUB_W) begin : g_bad
    $fatal(1, "sp_axil_demux: N = %0d, SUB_W = %0d, ADDR_W = %0d do not go together", N, SUB_W,
           ADDR_W);
  end

  typedef enum logic [1:0] {
    S_IDLE,
    S_ASK,    // the subordinate has not taken all of it
    S_WAIT,   // for its answer
    S_ANSWER
  } state_e;

  // Which subordinate an address is in, one-hot; none beyond them.
  function automatic logic [N-1:0] subordinate(logic [ADDR_W-1:0] address);
    for (int unsigned n = 0; n < N; n++) subordinate[n] = (address >> SUB_W) == ADDR_W'(n);
  endfunction

  // ------------------------------------------------------------------------------ write

  state_e            wr_state_q;
  logic [SUB_W-1:0]  awaddr_q;
  logic [N-1:0]      wr_to_q;
  logic              aw_open_q;
  logic              w_open_q;
  logic              aw_done;
  logic              w_done;
  logic [1:0]        bresp;

  assign m_awaddr_o  = awaddr_q;
  assign s_awready_o = (wr_state_q == S_IDLE) && s_wvalid_i;
  assign s_wready_o  = (wr_state_q == S_IDLE) && s_awvalid_i;
  assign s_bvalid_o  = wr_state_q == S_ANSWER;
  assign m_awvalid_o = wr_to_q & {N{(wr_state_q == S_ASK) && aw_open_q}};
  assign m_wvalid_o  = wr_to_q & {N{(wr_state_q == S_ASK) && w_open_q}};
  assign m_bready_o  = wr_to_q & {N{wr_state_q == S_WAIT}};
  assign aw_done     = !aw_open_q || ((m_awready_i & wr_to_q) != '0);
  assign w_done      = !w_open_q || ((m_wready_i & wr_to_q) != '0);

  always_comb begin
    bresp = '0;
    for (int unsigned n = 0; n < N; n++) if (wr_to_q[n]) bresp |= m_bresp_i[n];
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      wr_state_q <= S_IDLE;
      awaddr_q   <= '0;
      wr_to_q    <= '0;
      aw_open_q  <= 1'b0;
      w_open_q   <= 1'b0;
      s_bresp_o  <= '0;
    end else begin
      case (wr_state_q)
        S_IDLE: begin
          if (s_awvalid_i && s_wvalid_i) begin
            awaddr_q   <= s_awaddr_i[SUB_W-1:0];
            wr_to_q    <= subordinate(s_awaddr_i);
            aw_open_q  <= 1'b1;
            w_open_q   <= 1'b1;
            wr_state_q <= S_ASK;
          end
        end
        S_ASK: begin
          aw_open_q <= !aw_done;
          w_open_q  <= !w_done;
          s_bresp_o <= DecErr;
          if (wr_to_q == '0) wr_state_q <= S_ANSWER;
          else if (aw_done && w_done) wr_state_q <= S_WAIT;
        end
        S_WAIT: begin
          s_bresp_o <= bresp;
          if ((m_bvalid_i & wr_to_q) != '0) wr_state_q <= S_ANSWER;
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
  logic [SUB_W-1:0]  araddr_q;
  logic [N-1:0]      rd_to_q;
  logic [1:0]        rresp;
  logic [31:0]       rdata;

  assign m_araddr_o  = araddr_q;
  assign s_arready_o = rd_state_q == S_IDLE;
  assign s_rvalid_o  = rd_state_q == S_ANSWER;
  assign m_arvalid_o = rd_to_q & {N{rd_state_q == S_ASK}};
  assign m_rready_o  = rd_to_q & {N{rd_state_q == S_WAIT}};

  always_comb begin
    rresp = '0;
    rdata = '0;
    for (int unsigned n = 0; n < N; n++) begin
      if (rd_to_q[n]) begin
        rresp |= m_rresp_i[n];
        rdata |= m_rdata_i[n];
      end
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      rd_state_q <= S_IDLE;
      araddr_q   <= '0;
      rd_to_q    <= '0;
      s_rresp_o  <= '0;
      s_rdata_o  <= '0;
    end else begin
      case (rd_state_q)
        S_IDLE: begin
          if (s_arvalid_i) begin
            araddr_q   <= s_araddr_i[SUB_W-1:0];
            rd_to_q    <= subordinate(s_araddr_i);
            rd_state_q <= S_ASK;
          end
        end
        S_ASK: begin
          s_rresp_o <= DecErr;
          s_rdata_o <= '0;
          if (rd_to_q == '0) rd_state_q <= S_ANSWER;
          else if ((m_arready_i & rd_to_q) != '0) rd_state_q <= S_WAIT;
        end
        S_WAIT: begin
          s_rresp_o <= rresp;
          s_rdata_o <= rdata;
          if ((m_rvalid_i & rd_to_q) != '0) rd_state_q <= S_ANSWER;
        end
        default: if (s_rready_i) rd_state_q <= S_IDLE;
      endcase
    end
  end

endmodule
