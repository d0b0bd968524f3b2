// SPDX-License-Identifier: Apache-2.0
//
// An endpoint of a board whose way to the switch leads back to itself, for test_board_endpoint.py;
// without the end-to-end check, as that of the image is.

module sp_board_endpoint_bench (
    input  logic        clk_i,
    input  logic        rst_ni,
    input  logic        core_rst_ni,
    input  logic        core_up_i,
    /// The way carries packets.
    input  logic        up_i,
    /// It takes a beat.
    input  logic        take_i,
    /// Headers of packets say that there is an end-to-end check.
    input  logic        sealed_i,
    input  logic        csr_awvalid_i,
    output logic        csr_awready_o,
    input  logic [10:0] csr_awaddr_i,
    input  logic [2:0]  csr_awprot_i,
    input  logic        csr_wvalid_i,
    output logic        csr_wready_o,
    input  logic [31:0] csr_wdata_i,
    input  logic [3:0]  csr_wstrb_i,
    output logic        csr_bvalid_o,
    input  logic        csr_bready_i,
    output logic [1:0]  csr_bresp_o,
    input  logic        csr_arvalid_i,
    output logic        csr_arready_o,
    input  logic [10:0] csr_araddr_i,
    input  logic [2:0]  csr_arprot_i,
    output logic        csr_rvalid_o,
    input  logic        csr_rready_i,
    output logic [31:0] csr_rdata_o,
    output logic [1:0]  csr_rresp_o,
    input  logic        push_i,
    output logic        full_o,
    input  logic        pop_i,
    output logic        pop_ack_o,
    output logic        pop_err_o,
    output logic [31:0] pop_word_o,
    input  logic        write_i,
    input  logic        read_i,
    input  logic [5:0]  word_i,
    input  logic [31:0] data_i,
    output logic        done_o,
    output logic        err_o,
    output logic [31:0] data_o,
    output logic        irq_o
);

  import sp_pkg::*;

  localparam int unsigned FLIT_W = 128;

  logic              s_tvalid, m_tready, tlast;
  logic [FLIT_W-1:0] tdata;
  hdr_t              hdr;    // as it leaves
  hdr_t              back;   // as it comes back
  logic              error;
  logic [NUM_VC-1:0] room;

  always_comb begin
    back = hdr;
    if (sealed_i) back.ext[EXT_CHECK] = 1'b1;
  end

  sp_board_endpoint #(
      .FLIT_W(FLIT_W),
      .BYTES (1024),
      .CHECK (1'b0)
  ) i_dut (
      .clk_i,
      .rst_ni,
      .core_rst_ni,
      .core_up_i,
      .plane_up_i(up_i),
      .s_tvalid_o(s_tvalid),
      .s_tready_i(m_tready && take_i),
      .s_tdata_o (tdata),
      .s_tuser_o ({error, hdr}),
      .s_tlast_o (tlast),
      .s_room_i  (room),
      .m_tvalid_i(s_tvalid && take_i),
      .m_tready_o(m_tready),
      .m_tdata_i (tdata),
      .m_tuser_i ({error, back}),
      .m_tlast_i (tlast),
      .m_room_o  (room),
      .csr_awvalid_i,
      .csr_awready_o,
      .csr_awaddr_i,
      .csr_awprot_i,
      .csr_wvalid_i,
      .csr_wready_o,
      .csr_wdata_i,
      .csr_wstrb_i,
      .csr_bvalid_o,
      .csr_bready_i,
      .csr_bresp_o,
      .csr_arvalid_i,
      .csr_arready_o,
      .csr_araddr_i,
      .csr_arprot_i,
      .csr_rvalid_o,
      .csr_rready_i,
      .csr_rdata_o,
      .csr_rresp_o,
      .push_i,
      .full_o,
      .pop_i,
      .pop_ack_o,
      .pop_err_o,
      .pop_word_o,
      .write_i,
      .read_i,
      .word_i,
      .data_i,
      .done_o,
      .err_o,
      .data_o,
      .irq_o
  );

endmodule
