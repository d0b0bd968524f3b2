// SPDX-License-Identifier: Apache-2.0
//
// Packets of sp_collective: reads their payload from the accelerator's memory and sends them in the
// order in which they were given. Guarantees: a packet is offered only when all of it is there, so
// it has no gaps; no more is asked of the memory than there is room for; what the memory answered
// with an error is sent as poison, so that all who wait for it learn of it.

module sp_collective_send #(
    /// Bits of a flit: 128, 256 or 512.
    parameter int unsigned FLIT_W = 128,
    /// Bits of the memory's data bus: a power of two, 32 to FLIT_W.
    parameter int unsigned DATA_W = FLIT_W,
    /// Packets that are being read or wait to be sent: 2 or more.
    parameter int unsigned PACKETS = 8,
    /// Bits of what belongs to a packet besides.
    parameter int unsigned SIDE_W = 8
) (
    /// Clock.
    input  logic                                    clk_i,
    /// Reset, active low, asynchronous.
    input  logic                                    rst_ni,

    /// A packet is given.
    input  logic                                    valid_i,
    /// It is taken.
    output logic                                    ready_o,
    /// Its header; `len` units are read if `load_i` is set, else it has none.
    input  logic [sp_pkg::HDR_W-1:0]                hdr_i,
    /// It has a payload.
    input  logic                                    load_i,
    /// Address of the payload, a multiple of 256.
    input  logic [sp_endpoint_pkg::AXI_ADDR_W-1:0]  addr_i,
    /// What belongs to it.
    input  logic [SIDE_W-1:0]                       side_i,

    /// The last flit of a packet is on its way.
    output logic                                    sent_o,
    /// The memory answered with an error.
    output logic                                    broken_o,
    /// What belongs to the packet that is sent.
    output logic [SIDE_W-1:0]                       side_o,
    /// The member set of that packet, if its header says that it has one.
    input  logic [sp_pkg::UNIT_W-1:0]               set_i,

    /// Packets: valid.
    output logic                                    m_tvalid_o,
    /// Packets: ready.
    input  logic                                    m_tready_i,
    /// Packets: payload.
    output logic [FLIT_W-1:0]                       m_tdata_o,
    /// Packets: header.
    output logic [sp_pkg::HDR_W-1:0]                m_hdr_o,
    /// Packets: last beat.
    output logic                                    m_tlast_o,
    /// What belongs to the packet.
    output logic [SIDE_W-1:0]                       m_side_o,

    /// Memory, read address: valid.
    output logic                                    arvalid_o,
    /// Memory, read address: ready.
    input  logic                                    arready_i,
    /// Memory, read address.
    output logic [sp_endpoint_pkg::AXI_ADDR_W-1:0]  araddr_o,
    /// Memory, read address: beats less one.
    output logic [7:0]                              arlen_o,
    /// Memory, read data: valid.
    input  logic                                    rvalid_i,
    /// Memory, read data.
    input  logic [DATA_W-1:0]                       rdata_i,
    /// Memory, read data: response.
    input  logic [1:0]                              rresp_i,
    /// Memory, read data: last beat.
    input  logic                                    rlast_i
);

  import sp_pkg::*;
  import sp_endpoint_pkg::*;

  localparam int unsigned K = FLIT_W / UNIT_W;          // units of a flit
  localparam int unsigned Flits = MAX_UNITS / K;        // flits of a longest payload
  localparam int unsigned FlitW = $clog2(Flits);
  localparam int unsigned Parts = FLIT_W / DATA_W;      // beats of a flit
  localparam int unsigned PartW = (Parts > 1) ? $clog2(Parts) : 1;
  localparam int unsigned SlotW = $clog2(PACKETS);
  localparam int unsigned CountW = $clog2(PACKETS + 1);

  if (FLIT_W != 128 && FLIT_W != 256 && FLIT_W != 512) begin : g_bad_flit
    $fatal(1, "sp_collective_send: FLIT_W = %0d is not 128, 256 or 512", FLIT_W);
  end
  if (DATA_W < 32 || DATA_W > FLIT_W || 2 ** $clog2(DATA_W) != DATA_W) begin : g_bad_data
    $fatal(1, "sp_collective_send: DATA_W = %0d is no power of two of 32 to %0d", DATA_W, FLIT_W);
  end
  if (PACKETS < 2) begin : g_bad_packets
    $fatal(1, "sp_collective_send: PACKETS = %0d is not 2 or more", PACKETS);
  end

  function automatic logic [SlotW-1:0] next_slot(logic [SlotW-1:0] slot);
    return (slot == SlotW'(PACKETS - 1)) ? '0 : slot + SlotW'(1);
  endfunction

  // ------------------------------------------------------------------------------- packets given

  logic               give;
  logic               full;
  logic               reads_full;
  logic [SlotW-1:0]   give_q;    // slot of the next packet
  hdr_t               given;
  logic [HDR_W-1:0]   hdr_word;
  hdr_t               head;      // of the packet that is sent
  logic               none;
  logic [PACKETS-1:0] there_q;   // all of it is in its slot
  logic [PACKETS-1:0] broken_q;
  logic               done;      // last flit of the head

  assign given   = hdr_t'(hdr_i);
  assign ready_o = !full && !reads_full && (!arvalid_o || arready_i);
  assign give    = valid_i && ready_o;
  assign head    = hdr_t'(hdr_word);

  logic [CountW-1:0] unused_count, unused_reads;

  sp_fifo #(
      .WIDTH(HDR_W + SIDE_W),
      .DEPTH(PACKETS)
  ) i_packets (
      .clk_i,
      .rst_ni,
      .push_i (give),
      .data_i ({hdr_i, side_i}),
      .full_o (full),
      .pop_i  (done),
      .data_o ({hdr_word, side_o}),
      .empty_o(none),
      .count_o(unused_count)
  );

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) arvalid_o <= 1'b0;
    else if (give) arvalid_o <= load_i;
    else if (arready_i) arvalid_o <= 1'b0;
  end
  always_ff @(posedge clk_i) begin
    if (give) begin
      araddr_o <= addr_i;
      arlen_o  <= 8'((9'({given.len, 4'd0}) + 9'(DATA_W / 8 - 1)) / 9'(DATA_W / 8)) - 8'd1;
    end
  end

  // --------------------------------------------------------------------------- what memory brings

  logic [SlotW-1:0]  fill;       // slot that the data are for
  logic [FlitW-1:0]  fill_flit_q;
  logic [PartW-1:0]  fill_part_q;
  logic              fill_last;
  logic              unused_none;

  sp_fifo #(
      .WIDTH(SlotW),
      .DEPTH(PACKETS)
  ) i_reads (
      .clk_i,
      .rst_ni,
      .push_i (give && load_i),
      .data_i (give_q),
      .full_o (reads_full),
      .pop_i  (rvalid_i && rlast_i),
      .data_o (fill),
      .empty_o(unused_none),
      .count_o(unused_reads)
  );

  logic [FLIT_W-1:0] mem [PACKETS * Flits];

  assign fill_last = (Parts == 1) || (fill_part_q == PartW'(Parts - 1));

  always_ff @(posedge clk_i) begin
    for (int unsigned p = 0; p < Parts; p++) begin
      if (rvalid_i && (Parts == 1 || fill_part_q == PartW'(p))) begin
        mem[{fill, fill_flit_q}][p*DATA_W+:DATA_W] <= rdata_i;
      end
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      give_q      <= '0;
      fill_flit_q <= '0;
      fill_part_q <= '0;
      there_q     <= '0;
      broken_q    <= '0;
    end else begin
      if (rvalid_i) begin
        fill_part_q <= (fill_last || rlast_i) ? '0 : fill_part_q + PartW'(1);
        if (rlast_i) fill_flit_q <= '0;
        else if (fill_last) fill_flit_q <= fill_flit_q + FlitW'(1);
        if (rlast_i) there_q[fill] <= 1'b1;
        if (rresp_i != RESP_OKAY) broken_q[fill] <= 1'b1;
      end
      if (give) begin
        there_q[give_q]  <= !load_i;
        broken_q[give_q] <= 1'b0;
        give_q           <= next_slot(give_q);
      end
    end
  end

  // -------------------------------------------------------------------------------- what is sent

  logic [SlotW-1:0] send_q;     // slot of the packet that is sent
  logic [LEN_W-1:0] flit_q;     // of it
  logic [LEN_W-1:0] set_flit;   // in which the set lies
  logic             load;       // a flit goes to the output
  logic             last;
  hdr_t             out;
  logic             set_here_q;
  logic [1:0]       set_unit_q;
  logic [UNIT_W-1:0] set_q;
  logic [FLIT_W-1:0] data_q;

  assign last     = flit_q == num_flits(head.len, head.ext, K) - LEN_W'(1);
  assign load     = !none && there_q[send_q] && (!m_tvalid_o || m_tready_i);
  assign done     = load && last;
  assign sent_o   = done;
  assign broken_o = broken_q[send_q];
  assign set_flit = head.len / LEN_W'(K);

  always_comb begin
    out        = head;
    out.poison = broken_q[send_q];
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      send_q     <= '0;
      flit_q     <= '0;
      m_tvalid_o <= 1'b0;
    end else begin
      if (load) begin
        flit_q     <= last ? '0 : flit_q + LEN_W'(1);
        m_tvalid_o <= 1'b1;
      end else if (m_tready_i) begin
        m_tvalid_o <= 1'b0;
      end
      if (done) send_q <= next_slot(send_q);
    end
  end

  always_ff @(posedge clk_i) begin
    if (load) begin
      data_q     <= mem[{send_q, flit_q[FlitW-1:0]}];
      m_hdr_o    <= out;
      m_side_o   <= side_o;
      m_tlast_o  <= last;
      set_here_q <= head.ext[EXT_SET] && (flit_q == set_flit);
      set_unit_q <= last_unit(head.len, head.ext, K);
      set_q      <= set_i;
    end
  end

  // The set lies behind the payload, in a flit that holds the end of it or in one of its own.
  always_comb begin
    m_tdata_o = data_q;
    for (int unsigned u = 0; u < K; u++) begin
      if (set_here_q && set_unit_q == 2'(u)) m_tdata_o[u*UNIT_W+:UNIT_W] = set_q;
    end
  end

  logic unused;
  assign unused = ^{given, unused_count, unused_reads, unused_none};

endmodule
