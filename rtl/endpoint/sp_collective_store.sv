// SPDX-License-Identifier: Apache-2.0
//
// Results of sp_collective on their way into the accelerator's memory. Guarantees: nothing is
// written of a packet that is taken back with its last flit; results are written in the order in
// which they came, each in one burst that has no gap of ours; `done_o` follows when the memory has
// answered.

module sp_collective_store #(
    /// Bits of a flit: 128, 256 or 512.
    parameter int unsigned FLIT_W = 128,
    /// Bits of the memory's data bus: a power of two, 32 to FLIT_W.
    parameter int unsigned DATA_W = FLIT_W,
    /// Results that wait here, of 256 bytes each: a power of two from 2 on.
    parameter int unsigned RESULTS = 4,
    /// Writes that the memory may owe an answer for: 2 or more.
    parameter int unsigned WRITES = 16,
    /// Bits of what belongs to a result besides.
    parameter int unsigned SIDE_W = 8
) (
    /// Clock.
    input  logic                                    clk_i,
    /// Reset, active low, asynchronous.
    input  logic                                    rst_ni,

    /// There is room for a flit, and for the end of a result.
    output logic                                    ready_o,
    /// A flit of a result comes.
    input  logic                                    push_i,
    /// The flit.
    input  logic [FLIT_W-1:0]                       data_i,
    /// The result ends, with this flit if one comes.
    input  logic                                    end_i,
    /// With the end: it is to be written.
    input  logic                                    keep_i,
    /// With the end: address, a multiple of 256.
    input  logic [sp_endpoint_pkg::AXI_ADDR_W-1:0]  addr_i,
    /// With the end: bytes, 1 to 256.
    input  logic [8:0]                              bytes_i,
    /// With the end: what belongs to it.
    input  logic [SIDE_W-1:0]                       side_i,

    /// The memory has answered.
    output logic                                    done_o,
    /// With an error.
    output logic                                    broken_o,
    /// What belongs to the result.
    output logic [SIDE_W-1:0]                       side_o,

    /// Memory, write address: valid.
    output logic                                    awvalid_o,
    /// Memory, write address: ready.
    input  logic                                    awready_i,
    /// Memory, write address.
    output logic [sp_endpoint_pkg::AXI_ADDR_W-1:0]  awaddr_o,
    /// Memory, write address: beats less one.
    output logic [7:0]                              awlen_o,
    /// Memory, write data: valid.
    output logic                                    wvalid_o,
    /// Memory, write data: ready.
    input  logic                                    wready_i,
    /// Memory, write data.
    output logic [DATA_W-1:0]                       wdata_o,
    /// Memory, write data: bytes that are written.
    output logic [DATA_W/8-1:0]                     wstrb_o,
    /// Memory, write data: last beat.
    output logic                                    wlast_o,
    /// Memory, answer: valid.
    input  logic                                    bvalid_i,
    /// Memory, answer: response.
    input  logic [1:0]                              bresp_i
);

  import sp_pkg::*;
  import sp_endpoint_pkg::*;

  localparam int unsigned Depth = RESULTS * MAX_UNITS * UNIT_W / FLIT_W;
  localparam int unsigned PtrW = $clog2(Depth);
  localparam int unsigned Parts = FLIT_W / DATA_W;
  localparam int unsigned PartW = (Parts > 1) ? $clog2(Parts) : 1;
  localparam int unsigned Strobes = DATA_W / 8;

  if (FLIT_W != 128 && FLIT_W != 256 && FLIT_W != 512) begin : g_bad_flit
    $fatal(1, "sp_collective_store: FLIT_W = %0d is not 128, 256 or 512", FLIT_W);
  end
  if (DATA_W < 32 || DATA_W > FLIT_W || 2 ** $clog2(DATA_W) != DATA_W) begin : g_bad_data
    $fatal(1, "sp_collective_store: DATA_W = %0d is no power of two of 32 to %0d", DATA_W, FLIT_W);
  end
  if (RESULTS < 2 || WRITES < 2 || 2 ** $clog2(RESULTS) != RESULTS) begin : g_bad_depth
    $fatal(1, "sp_collective_store: RESULTS = %0d is no power of two from 2 on, or WRITES = %0d is "
           , RESULTS, WRITES, "below 2");
  end

  // ---------------------------------------------------------------------------------- the buffer

  logic [FLIT_W-1:0] mem [Depth];
  logic [PtrW:0]     begin_q;  // where the result that comes began
  logic [PtrW:0]     put_q;
  logic [PtrW:0]     put;
  logic [PtrW:0]     get_q;
  logic              ends_full;
  logic              writes_full;

  // Behind the last flit that is written: a result that is taken back leaves nothing.
  assign put     = put_q + (PtrW + 1)'(push_i);
  assign ready_o = ((put_q - get_q) != (PtrW + 1)'(Depth)) && !ends_full;

  always_ff @(posedge clk_i) begin
    if (push_i) mem[put_q[PtrW-1:0]] <= data_i;
  end

  // ------------------------------------------------------------------------------- what is written

  logic [AXI_ADDR_W-1:0]       addr;
  logic [8:0]                  bytes;
  logic [SIDE_W-1:0]           side;
  logic                        none;
  logic                        inside_q;   // a burst has begun and not ended
  logic [8:0]                  bytes_q;    // that are left of it
  logic [8:0]                  left;
  logic                        load;       // a beat goes to the output
  logic                        start;
  logic                        last;
  logic [PartW-1:0]            part_q;
  logic                        part_last;
  logic [PartW-1:0]            out_part_q;
  logic [FLIT_W-1:0]           word_q;
  logic [$clog2(RESULTS+1)-1:0] unused_ends;
  logic [$clog2(WRITES+1)-1:0]  unused_writes;
  logic                        unused_none;

  sp_fifo #(
      .WIDTH(AXI_ADDR_W + 9 + SIDE_W),
      .DEPTH(RESULTS)
  ) i_ends (
      .clk_i,
      .rst_ni,
      .push_i (end_i && keep_i),
      .data_i ({addr_i, bytes_i, side_i}),
      .full_o (ends_full),
      .pop_i  (start),
      .data_o ({addr, bytes, side}),
      .empty_o(none),
      .count_o(unused_ends)
  );

  sp_fifo #(
      .WIDTH(SIDE_W),
      .DEPTH(WRITES)
  ) i_writes (
      .clk_i,
      .rst_ni,
      .push_i (start),
      .data_i (side),
      .full_o (writes_full),
      .pop_i  (bvalid_i),
      .data_o (side_o),
      .empty_o(unused_none),
      .count_o(unused_writes)
  );

  assign done_o   = bvalid_i;
  assign broken_o = bresp_i != RESP_OKAY;

  assign left  = inside_q ? bytes_q : bytes;
  assign load  = (!wvalid_o || wready_i)
                 && (inside_q || (!none && !writes_full && (!awvalid_o || awready_i)));
  assign start = load && !inside_q;
  assign last  = left <= 9'(Strobes);
  assign part_last = last || (Parts == 1) || (part_q == PartW'(Parts - 1));

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      begin_q   <= '0;
      put_q     <= '0;
      get_q     <= '0;
      part_q    <= '0;
      inside_q  <= 1'b0;
      awvalid_o <= 1'b0;
      wvalid_o  <= 1'b0;
    end else begin
      put_q <= (end_i && !keep_i) ? begin_q : put;
      if (end_i && keep_i) begin_q <= put;
      if (load) begin
        inside_q <= !last;
        part_q   <= part_last ? '0 : part_q + PartW'(1);
        if (part_last) get_q <= get_q + (PtrW + 1)'(1);
      end
      if (start) awvalid_o <= 1'b1;
      else if (awready_i) awvalid_o <= 1'b0;
      if (load) wvalid_o <= 1'b1;
      else if (wready_i) wvalid_o <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (start) begin
      awaddr_o <= addr;
      awlen_o  <= 8'((bytes + 9'(Strobes - 1)) / 9'(Strobes)) - 8'd1;
    end
    if (load) begin
      bytes_q    <= left - 9'(Strobes);
      word_q     <= mem[get_q[PtrW-1:0]];
      out_part_q <= part_q;
      wlast_o    <= last;
      for (int unsigned b = 0; b < Strobes; b++) wstrb_o[b] <= left > 9'(b);
    end
  end

  if (Parts == 1) begin : g_whole
    assign wdata_o = word_q;
    logic unused_part;
    assign unused_part = ^out_part_q;
  end else begin : g_parts
    assign wdata_o = word_q[out_part_q*DATA_W+:DATA_W];
  end

  logic unused;
  assign unused = ^{unused_ends, unused_writes, unused_none};

endmodule
