// SPDX-License-Identifier: Apache-2.0
//
// What users of sp_completer rely on, for any packets of the virtual channel 0, any stalls and any
// order in which the memory answers. One request, chosen freely, is followed to its answer; no
// other has its tag. What banks hold is not looked at, and of addresses and names few bits are
// free: two blocks, two sources, eight tags; operands are zero.

module sp_completer_props
  import sp_pkg::*;
#(
    /// Bits of a flit and of the bus.
    parameter int unsigned FLIT_W = 128
) (
    /// Clock.
    input logic              clk_i,
    /// Reset.
    input logic              rst_ni,
    /// Inputs of the completer, free but for the rules of their channels.
    input logic              req_tvalid_i,
    input logic [FLIT_W-1:0] req_tdata_i,
    input logic [USER_W-1:0] req_tuser_i,
    input logic              req_tlast_i,
    input logic              req_plane_i,
    input logic              rsp_tready_i,
    input logic              awready_i,
    input logic              wready_i,
    input logic              bid_i,
    input logic [1:0]        bresp_i,
    input logic              bvalid_i,
    input logic              arready_i,
    input logic              rid_i,
    input logic [1:0]        rresp_i,
    input logic              rvalid_i,
    /// Follow the request that begins now, free.
    input logic              follow_i
);

  logic              req_ready;
  logic              rsp_valid;
  logic [USER_W-1:0] rsp_user;
  logic              rsp_last;
  logic              rsp_plane;
  logic              awid;
  logic [63:0]       awaddr;
  logic              awvalid;
  logic              wlast;
  logic              wvalid;
  logic              arid;
  logic [63:0]       araddr;
  logic [7:0]        arlen;
  logic              arvalid;
  logic              rlast;

  sp_completer #(
      .FLIT_W   (FLIT_W),
      .DATA_W   (FLIT_W),
      .AXI_ID_W (1),
      .N_ACTIVE (2),
      .N_ATOMICS(2),
      .N_PLANES (2)
  ) dut (
      .clk_i,
      .rst_ni,
      .source_i       (14'd1),
      .remember_i     (32'd1),
      .req_tvalid_i,
      .req_tready_o   (req_ready),
      .req_tdata_i,
      .req_tuser_i,
      .req_tlast_i,
      .req_plane_i,
      .rsp_tvalid_o   (rsp_valid),
      .rsp_tready_i,
      .rsp_tdata_o    (),
      .rsp_tuser_o    (rsp_user),
      .rsp_tlast_o    (rsp_last),
      .rsp_plane_o    (rsp_plane),
      .m_axi_awid_o   (awid),
      .m_axi_awaddr_o (awaddr),
      .m_axi_awlen_o  (),
      .m_axi_awsize_o (),
      .m_axi_awburst_o(),
      .m_axi_awlock_o (),
      .m_axi_awcache_o(),
      .m_axi_awprot_o (),
      .m_axi_awqos_o  (),
      .m_axi_awvalid_o(awvalid),
      .m_axi_awready_i(awready_i),
      .m_axi_wdata_o  (),
      .m_axi_wstrb_o  (),
      .m_axi_wlast_o  (wlast),
      .m_axi_wvalid_o (wvalid),
      .m_axi_wready_i (wready_i),
      .m_axi_bid_i    (bid_i),
      .m_axi_bresp_i  (bresp_i),
      .m_axi_bvalid_i (bvalid_i),
      .m_axi_bready_o (),
      .m_axi_arid_o   (arid),
      .m_axi_araddr_o (araddr),
      .m_axi_arlen_o  (arlen),
      .m_axi_arsize_o (),
      .m_axi_arburst_o(),
      .m_axi_arlock_o (),
      .m_axi_arcache_o(),
      .m_axi_arprot_o (),
      .m_axi_arqos_o  (),
      .m_axi_arvalid_o(arvalid),
      .m_axi_arready_i(arready_i),
      .m_axi_rid_i    (rid_i),
      .m_axi_rdata_i  ({(FLIT_W / 32) {32'd5}}),
      .m_axi_rresp_i  (rresp_i),
      .m_axi_rlast_i  (rlast),
      .m_axi_rvalid_i (rvalid_i),
      .m_axi_rready_o (),
      .event_o        ()
  );

  logic started_q = 1'b0;
  always_ff @(posedge clk_i) started_q <= 1'b1;
  always_comb reset_first: assume (started_q == rst_ni);

  // ------------------------------------------------------------------------------ the memory

  logic [1:0]       r_there_q;         // by ID: a read is under way
  logic [1:0][4:0]  r_left_q;          // beats behind the next one
  logic [1:0]       b_there_q;         // a write whose data have come
  logic [1:0]       w_there_q;         // a write is under way
  logic [1:0][48:0] block_q;           // of what is under way
  logic [1:0]       aw_count_q;        // writes whose data have not come as a whole
  logic [1:0]       aw_ids_q;          // theirs, the oldest at bit 0
  logic [1:0]       w_count_q;         // data whose write has not come
  logic             ar;
  logic             aw;
  logic             w;
  logic             match;

  assign ar    = arvalid && arready_i;
  assign aw    = awvalid && awready_i;
  assign w     = wvalid && wready_i && wlast;
  assign match = aw_count_q != '0 && w_count_q != '0;
  assign rlast = r_left_q[rid_i] == '0;

  always_comb reads_there: assume (!rvalid_i || r_there_q[rid_i]);
  always_comb writes_there: assume (!bvalid_i || b_there_q[bid_i]);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      r_there_q  <= '0;
      r_left_q   <= '0;
      b_there_q  <= '0;
      w_there_q  <= '0;
      block_q    <= '0;
      aw_count_q <= '0;
      aw_ids_q   <= '0;
      w_count_q  <= '0;
    end else begin
      if (rvalid_i) begin
        r_left_q[rid_i] <= r_left_q[rid_i] - 5'd1;
        if (rlast) r_there_q[rid_i] <= 1'b0;
      end
      if (ar) begin
        r_there_q[arid] <= 1'b1;
        r_left_q[arid]  <= arlen[4:0];
        block_q[arid]   <= araddr[56:8];
      end
      if (bvalid_i) begin
        b_there_q[bid_i] <= 1'b0;
        w_there_q[bid_i] <= 1'b0;
      end
      if (match) b_there_q[aw_ids_q[0]] <= 1'b1;
      if (aw) begin
        w_there_q[awid] <= 1'b1;
        block_q[awid]   <= awaddr[56:8];
      end
      aw_count_q <= aw_count_q + 2'(aw) - 2'(match);
      w_count_q  <= w_count_q + 2'(w) - 2'(match);
      if (match) aw_ids_q <= {awid, (aw_count_q == 2'd1) ? awid : aw_ids_q[1]};
      else if (aw) aw_ids_q[aw_count_q[0]] <= awid;
    end
  end

  // ---------------------------------------------------------------------------- the requests

  hdr_t             hdr;
  hdr_t             answer;
  logic             take;
  logic             first_q;
  logic             mine_q;      // the packet that comes is the followed one
  logic             followed_q;
  logic             whole_q;     // it has come
  logic             answered_q;
  logic [TAG_W-1:0] tag_q;
  logic [ID_W-1:0]  src_q;
  logic             plane_q;
  logic             out_first_q;
  logic             for_me;

  assign hdr    = hdr_t'(req_tuser_i[HDR_W-1:0]);
  assign answer = hdr_t'(rsp_user[HDR_W-1:0]);
  assign take   = req_tvalid_i && req_ready;
  assign for_me = rsp_valid && rsp_tready_i && out_first_q && answer.tag == tag_q
                  && answer.dst == src_q;

  always_comb requests_only: assume (op_vc(hdr.op) == VC_REQ);
  always_comb plane_stays: assume (first_q || !mine_q || req_plane_i == plane_q);
  // The followed request has tag 0.
  always_comb my_name: assume ((hdr.tag == '0) == (first_q && follow_i && !followed_q));
  always_comb few_bits: assume (hdr.cls.mem.addr[ADDR_W-1:9] == '0 && hdr.dst == '0
                                && hdr.src[ID_W-1:1] == '0 && hdr.tag[TAG_W-1:3] == '0
                                && hdr.rsvd == '0 && !hdr.ecn && hdr.status == '0
                                && !hdr.cls.mem.rsvd && req_tdata_i[63:0] == '0
                                && req_tdata_i[FLIT_W-1:82] == '0 && req_tdata_i[79:65] == '0);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      first_q     <= 1'b1;
      mine_q      <= 1'b0;
      followed_q  <= 1'b0;
      whole_q     <= 1'b0;
      answered_q  <= 1'b0;
      tag_q       <= '0;
      src_q       <= '0;
      plane_q     <= 1'b0;
      out_first_q <= 1'b1;
    end else begin
      if (rsp_valid && rsp_tready_i) out_first_q <= rsp_last;
      if (take) begin
        first_q <= req_tlast_i;
        if (first_q && follow_i && !followed_q) begin
          followed_q <= 1'b1;
          mine_q     <= 1'b1;
          whole_q    <= req_tlast_i;
          tag_q      <= hdr.tag;
          src_q      <= hdr.src;
          plane_q    <= req_plane_i;
        end else if (mine_q && req_tlast_i) begin
          whole_q <= 1'b1;
        end
        if (req_tlast_i) mine_q <= 1'b0;
      end
      if (followed_q && for_me) answered_q <= 1'b1;
    end
  end

  always_comb begin
    if (rst_ni) begin
      // A request is answered at most once,
      not_twice: assert (!(answered_q && for_me));
      // and not before all of it has come; an answer is to a request.
      not_early: assert (!(followed_q && for_me && !whole_q));
      // It is not forgotten: while it is not answered it has its place, or its answer is offered.
      not_lost: assert (!whole_q || answered_q || dut.used_q != '0 || rsp_valid);
      // The answer goes over the plane by which the request came.
      by_its_plane: assert (!(followed_q && for_me) || rsp_plane == plane_q);
      // The memory never has two accesses to one block at a time,
      read_alone: assert (!arvalid || !((r_there_q[!arid] || w_there_q[!arid])
                                        && block_q[!arid] == araddr[56:8]));
      write_alone: assert (!awvalid || !((r_there_q[!awid] || w_there_q[!awid])
                                         && block_q[!awid] == awaddr[56:8]));
      // nor two of one ID.
      read_id: assert (!arvalid || !(r_there_q[arid] || w_there_q[arid]));
      write_id: assert (!awvalid || !(r_there_q[awid] || w_there_q[awid]));
    end
    load_answered: cover (rst_ni && followed_q && for_me && answer.op == OP_READ_RSP);
    store_answered: cover (rst_ni && followed_q && for_me && answer.op == OP_WRITE_RSP);
    atomic_writes: cover (rst_ni && dut.op_go && dut.op_write);
    refused: cover (rst_ni && followed_q && for_me && answer.status == ST_LEN);
    both_at_work: cover (rst_ni && r_there_q == '1);
  end

endmodule
