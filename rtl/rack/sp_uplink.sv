// SPDX-License-Identifier: Apache-2.0
//
// Between an uplink port of a leaf and the port of a spine: makes one reduction of two tiers of
// them (docs/chip.md, Reductions over two tiers).
//
//   up    a result of the leaf's engine that is for another tier becomes a contribution to the
//         engine above: another op, src and dst, and another VC
//   down  a result of the engine above, or its error, is copied to the members behind the leaf
//
// Both go by a table of the groups, which management writes. All else passes without a cycle, but
// contributions of the leaf's accelerators go up through the store of those that are made here, so
// that one room of the spine is given away once. Guarantees: what waits here for the engine above
// holds back no other VC but, when the store is full, responses up; what comes down waits for
// responses only.

module sp_uplink #(
    /// Bits of a flit.
    parameter int unsigned FLIT_W   = 128,
    /// Rows of the table.
    parameter int unsigned N_GROUPS = 16,
    /// Accelerators behind the leaf, 1 to 32.
    parameter int unsigned N_DOWN   = 2,
    /// Flits that are kept on the way up, a power of two.
    parameter int unsigned UP_FLITS = 128,
    /// The same on the way down.
    parameter int unsigned DOWN_FLITS = 64,
    localparam int unsigned AddrW   = 16
) (
    /// Clock.
    input  logic                      clk_i,
    /// Reset, active low, asynchronous.
    input  logic                      rst_ni,
    /// The link carries no packets: what is kept is forgotten.
    input  logic                      link_down_i,

    /// From the leaf: valid.
    input  logic                      up_s_tvalid_i,
    /// From the leaf: ready.
    output logic                      up_s_tready_o,
    /// From the leaf: payload.
    input  logic [FLIT_W-1:0]         up_s_tdata_i,
    /// From the leaf: {error mark with the last beat, header with the first}.
    input  logic [sp_pkg::USER_W-1:0] up_s_tuser_i,
    /// From the leaf: last beat.
    input  logic                      up_s_tlast_i,
    /// To the leaf: a packet of the VC may start.
    output logic [sp_pkg::NUM_VC-1:0] up_s_room_o,
    /// To the spine: valid.
    output logic                      up_m_tvalid_o,
    /// To the spine: ready.
    input  logic                      up_m_tready_i,
    /// To the spine: payload.
    output logic [FLIT_W-1:0]         up_m_tdata_o,
    /// To the spine: {error mark with the last beat, header with the first}.
    output logic [sp_pkg::USER_W-1:0] up_m_tuser_o,
    /// To the spine: last beat.
    output logic                      up_m_tlast_o,
    /// From the spine: a packet of the VC may start.
    input  logic [sp_pkg::NUM_VC-1:0] up_m_room_i,

    /// From the spine: valid.
    input  logic                      down_s_tvalid_i,
    /// From the spine: ready.
    output logic                      down_s_tready_o,
    /// From the spine: payload.
    input  logic [FLIT_W-1:0]         down_s_tdata_i,
    /// From the spine: {error mark with the last beat, header with the first}.
    input  logic [sp_pkg::USER_W-1:0] down_s_tuser_i,
    /// From the spine: last beat.
    input  logic                      down_s_tlast_i,
    /// To the spine: a packet of the VC may start.
    output logic [sp_pkg::NUM_VC-1:0] down_s_room_o,
    /// To the leaf: valid.
    output logic                      down_m_tvalid_o,
    /// To the leaf: ready.
    input  logic                      down_m_tready_i,
    /// To the leaf: payload.
    output logic [FLIT_W-1:0]         down_m_tdata_o,
    /// To the leaf: {error mark with the last beat, header with the first}.
    output logic [sp_pkg::USER_W-1:0] down_m_tuser_o,
    /// To the leaf: last beat.
    output logic                      down_m_tlast_o,
    /// From the leaf: a packet of the VC may start.
    input  logic [sp_pkg::NUM_VC-1:0] down_m_room_i,

    /// AXI4-Lite, write address: valid.
    input  logic                      csr_awvalid_i,
    /// AXI4-Lite, write address: ready.
    output logic                      csr_awready_o,
    /// AXI4-Lite, write address.
    input  logic [AddrW-1:0]          csr_awaddr_i,
    /// AXI4-Lite, write address: protection, ignored.
    input  logic [2:0]                csr_awprot_i,
    /// AXI4-Lite, write data: valid.
    input  logic                      csr_wvalid_i,
    /// AXI4-Lite, write data: ready.
    output logic                      csr_wready_o,
    /// AXI4-Lite, write data.
    input  logic [31:0]               csr_wdata_i,
    /// AXI4-Lite, write data: bytes that count.
    input  logic [3:0]                csr_wstrb_i,
    /// AXI4-Lite, write response: valid.
    output logic                      csr_bvalid_o,
    /// AXI4-Lite, write response: ready.
    input  logic                      csr_bready_i,
    /// AXI4-Lite, write response.
    output logic [1:0]                csr_bresp_o,
    /// AXI4-Lite, read address: valid.
    input  logic                      csr_arvalid_i,
    /// AXI4-Lite, read address: ready.
    output logic                      csr_arready_o,
    /// AXI4-Lite, read address.
    input  logic [AddrW-1:0]          csr_araddr_i,
    /// AXI4-Lite, read address: protection, ignored.
    input  logic [2:0]                csr_arprot_i,
    /// AXI4-Lite, read data: valid.
    output logic                      csr_rvalid_o,
    /// AXI4-Lite, read data: ready.
    input  logic                      csr_rready_i,
    /// AXI4-Lite, read data.
    output logic [31:0]               csr_rdata_o,
    /// AXI4-Lite, read data: response.
    output logic [1:0]                csr_rresp_o
);

  import sp_pkg::*;

  localparam int unsigned GroupW = (N_GROUPS > 1) ? $clog2(N_GROUPS) : 1;
  /// Bit of `mode` that says that a result is for another tier.
  localparam int unsigned Partial = 2;

  if (N_GROUPS < 1 || N_GROUPS > 4096) begin : g_bad_groups
    $fatal(1, "sp_uplink: N_GROUPS = %0d is not in 1..4096", N_GROUPS);
  end
  if (N_DOWN < 1 || N_DOWN > 32) begin : g_bad_down
    $fatal(1, "sp_uplink: N_DOWN = %0d is not in 1..32", N_DOWN);
  end

  /// Row of the table.
  typedef struct packed {
    logic              valid;
    logic [ID_W-1:0]   dst;
    logic [N_DOWN-1:0] members;
  } row_t;

  row_t [N_GROUPS-1:0] rows_q;
  logic [ID_W-1:0]     base;

  /// The row of a packet; that of a group which is not in the table says that there is none.
  function automatic row_t row_of(logic [GROUP_W-1:0] group, row_t [N_GROUPS-1:0] rows);
    row_of = (32'(group) < N_GROUPS) ? rows[GroupW'(group)] : '0;
  endfunction

  // ------------------------------------------------------------------------------------------ up

  // verilator lint_off UNUSEDSIGNAL
  hdr_t up_first;    // of the packet that comes; some fields tell what it is
  hdr_t down_first;
  // verilator lint_on UNUSEDSIGNAL
  hdr_t up_hdr, up_new;
  row_t up_row_q;
  logic up_take, up_look, up_drop, up_sent, up_dropped, up_made, up_notice;
  logic up_room, up_ample;

  assign up_first = up_s_tuser_i[HDR_W-1:0];

  // what an engine of the leaf has for another tier, a result or that there is none; and, to stay
  // in front of no other packet that the spine has room for, what is for the engine above anyway
  assign up_take   = (op_vc(up_first.op) == VC_RED)
                     || ((up_first.op inside {OP_RESULT, OP_COLL_ERROR})
                         && up_first.cls.coll.mode[Partial] && (up_first.dst == ID_GROUP));
  assign up_made   = op_vc(up_hdr.op) != VC_RED;
  assign up_notice = up_made && (up_hdr.op == OP_COLL_ERROR);
  assign up_drop   = up_made && (up_notice || !up_row_q.valid);

  always_comb begin
    up_new = up_hdr;
    if (up_made) begin
      up_new.op  = (up_hdr.len == '0) ? OP_BARRIER : OP_ALLREDUCE;
      up_new.src = ID_GROUP;
      up_new.dst = up_row_q.dst;
      // what is no partial is a contribution like any other
      if ((up_hdr.len == '0) || (up_hdr.cls.coll.redop != RO_SUM)) begin
        up_new.cls.coll.mode[Partial] = 1'b0;
        up_new.cls.coll.root          = '0;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (up_look) up_row_q <= row_of(up_hdr.cls.coll.group, rows_q);
  end

  sp_uplink_store #(
      .FLIT_W(FLIT_W),
      .DEPTH (UP_FLITS)
  ) i_up (
      .clk_i,
      .rst_ni,
      .clear_i   (link_down_i),
      .s_tvalid_i(up_s_tvalid_i),
      .s_tready_o(up_s_tready_o),
      .s_tdata_i (up_s_tdata_i),
      .s_tuser_i (up_s_tuser_i),
      .s_tlast_i (up_s_tlast_i),
      .take_i    (up_take),
      .room_o    (up_room),
      .ample_o   (up_ample),
      .m_tvalid_o(up_m_tvalid_o),
      .m_tready_i(up_m_tready_i),
      .m_tdata_o (up_m_tdata_o),
      .m_tuser_o (up_m_tuser_o),
      .m_tlast_o (up_m_tlast_o),
      .m_room_i  (up_m_room_i),
      .look_o    (up_look),
      .hdr_o     (up_hdr),
      .drop_i    (up_drop),
      .hdr_i     (up_new),
      .more_i    (1'b0),
      .sent_o    (up_sent),
      .dropped_o (up_dropped)
  );

  // Results have the last place: contributions of accelerators leave it free.
  always_comb begin
    up_s_room_o         = up_m_room_i;
    up_s_room_o[VC_RSP] = up_m_room_i[VC_RSP] && up_room;
    up_s_room_o[VC_RED] = up_ample;
  end

  // ---------------------------------------------------------------------------------------- down

  hdr_t              down_hdr, down_new;
  row_t              down_row;
  logic [N_DOWN-1:0] left_q, after;  // members that lack the packet; and behind this copy
  logic              down_take, down_look, down_sent, down_dropped;
  logic              down_room, down_ample;

  assign down_first = down_s_tuser_i[HDR_W-1:0];
  assign down_take  = (down_first.op inside {OP_RESULT, OP_COLL_ERROR})
                      && (down_first.dst == ID_GROUP);
  assign down_row   = row_of(down_hdr.cls.coll.group, rows_q);
  assign after      = left_q & (left_q - N_DOWN'(1));

  always_comb begin
    down_new = down_hdr;
    for (int unsigned k = N_DOWN; k > 0; k--) begin
      if (left_q[k-1]) down_new.dst = base + ID_W'(k - 1);
    end
  end

  always_ff @(posedge clk_i) begin
    if (down_look) left_q <= down_row.members;
    else if (down_sent) left_q <= after;
  end

  sp_uplink_store #(
      .FLIT_W(FLIT_W),
      .DEPTH (DOWN_FLITS)
  ) i_down (
      .clk_i,
      .rst_ni,
      .clear_i   (link_down_i),
      .s_tvalid_i(down_s_tvalid_i),
      .s_tready_o(down_s_tready_o),
      .s_tdata_i (down_s_tdata_i),
      .s_tuser_i (down_s_tuser_i),
      .s_tlast_i (down_s_tlast_i),
      .take_i    (down_take),
      .room_o    (down_room),
      .ample_o   (down_ample),
      .m_tvalid_o(down_m_tvalid_o),
      .m_tready_i(down_m_tready_i),
      .m_tdata_o (down_m_tdata_o),
      .m_tuser_o (down_m_tuser_o),
      .m_tlast_o (down_m_tlast_o),
      .m_room_i  (down_m_room_i),
      .look_o    (down_look),
      .hdr_o     (down_hdr),
      .drop_i    (left_q == '0),
      .hdr_i     (down_new),
      .more_i    (after != '0),
      .sent_o    (down_sent),
      .dropped_o (down_dropped)
  );

  // Copies and other responses may both have been let in for one room of the leaf. Then the stream
  // waits a while; responses of a leaf always drain.
  always_comb begin
    down_s_room_o         = down_m_room_i;
    down_s_room_o[VC_RSP] = down_m_room_i[VC_RSP] && down_room;
  end

  // ----------------------------------------------------------------------------------- registers

  sp_uplink_regs_pkg::sp_uplink__in_t  hw_in;
  sp_uplink_regs_pkg::sp_uplink__out_t hw_out;
  logic            bad_access;
  logic            req_q, wr_q, down_q, bad;
  logic [GROUP_W-1:0] at_q;
  logic [31:0]     data_q;
  logic            whole_q;      // all four bytes are written
  logic            refused_q, ack_rd_q, ack_wr_q;
  logic [31:0]     read, read_q;
  row_t            row;
  logic [31:0]     bad_q, raised_q, copies_q, given_up_q, lost_q;
  logic            unused;

  sp_uplink_regs i_regs (
      .clk           (clk_i),
      .arst_n        (rst_ni),
      .csr_awready_o,
      .csr_awvalid_i,
      .csr_awaddr_i,
      .csr_awprot_i,
      .csr_wready_o,
      .csr_wvalid_i,
      .csr_wdata_i,
      .csr_wstrb_i,
      .csr_bready_i,
      .csr_bvalid_o,
      .csr_bresp_o,
      .csr_arready_o,
      .csr_arvalid_i,
      .csr_araddr_i,
      .csr_arprot_i,
      .csr_rready_i,
      .csr_rvalid_o,
      .csr_rdata_o,
      .csr_rresp_o,
      .external_err_i(refused_q),
      .bad_access_o  (bad_access),
      .hwif_in       (hw_in),
      .hwif_out      (hw_out)
  );

  assign base = hw_out.base.id.value;

  // A row is looked at a cycle after it is asked for, and answered in the next.
  always_comb begin
    row = row_of(at_q, rows_q);
    bad = (32'(at_q) >= N_GROUPS)
          || (wr_q && (!whole_q || (down_q && ((data_q >> N_DOWN) != '0))));
    read = down_q ? 32'(row.members) : {row.valid, 17'b0, row.dst};
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      req_q     <= 1'b0;
      refused_q <= 1'b0;
      ack_rd_q  <= 1'b0;
      ack_wr_q  <= 1'b0;
      rows_q    <= '0;
    end else begin
      req_q     <= hw_out.rows.req;
      refused_q <= req_q && bad;
      ack_rd_q  <= req_q && !wr_q;
      ack_wr_q  <= req_q && wr_q;
      if (req_q && wr_q && !bad) begin
        if (down_q) rows_q[GroupW'(at_q)].members <= data_q[N_DOWN-1:0];
        else begin
          rows_q[GroupW'(at_q)].valid <= data_q[31];
          rows_q[GroupW'(at_q)].dst   <= data_q[ID_W-1:0];
        end
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (hw_out.rows.req) begin
      wr_q    <= hw_out.rows.req_is_wr;
      at_q    <= hw_out.rows.addr[3+:GROUP_W];
      down_q  <= hw_out.rows.addr[2];
      data_q  <= hw_out.rows.wr_data;
      whole_q <= hw_out.rows.wr_biten == '1;
    end
    if (req_q) read_q <= bad ? '0 : read;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      bad_q      <= '0;
      raised_q   <= '0;
      copies_q   <= '0;
      given_up_q <= '0;
      lost_q     <= '0;
    end else begin
      bad_q      <= bad_q + 32'(bad_access);
      raised_q   <= raised_q + 32'(up_sent && up_made);
      copies_q   <= copies_q + 32'(down_sent);
      given_up_q <= given_up_q + 32'(up_dropped && up_notice);
      lost_q     <= lost_q + 32'(up_dropped && !up_notice) + 32'(down_dropped);
    end
  end

  assign unused = &{1'b0, down_ample, hw_out.rows.addr[1:0], down_row.valid, down_row.dst,
                    up_row_q.members};

  always_comb begin
    hw_in.bad_accesses.count.next = bad_q;
    hw_in.raised.count.next       = raised_q;
    hw_in.copies.count.next       = copies_q;
    hw_in.given_up.count.next     = given_up_q;
    hw_in.lost.count.next         = lost_q;
    hw_in.rows.rd_data            = read_q;
    hw_in.rows.rd_ack             = ack_rd_q;
    hw_in.rows.wr_ack             = ack_wr_q;
  end

endmodule
