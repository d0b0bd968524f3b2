// SPDX-License-Identifier: Apache-2.0
//
// Memory of an endpoint on a board: two AXI4 subordinate ports and, before both, a port for single
// words of the bus (the host's). Bursts are INCR, of whole beats, and lie within the memory or
// outside of it: what begins outside is answered with DECERR, reads as zero and writes nothing.
// Guarantees: every burst is answered; the bursts of a port are executed in order, those of the
// two take turns; a beat is written as a whole, and a read shows what was written before its
// cycle. A word of the host delays bursts by a cycle, and waits for nothing but a beat that is not
// taken and a write to the same word.

module sp_board_ram #(
    /// Bytes, a power of two, 256 or more.
    parameter int unsigned BYTES = 4096,
    /// Bits of the data buses.
    parameter int unsigned DATA_W = 64,
    /// Bits of an AXI ID.
    parameter int unsigned AXI_ID_W = 4,
    /// The second port is used; else nothing comes by it.
    parameter bit SECOND = 1'b1,
    localparam int unsigned Lanes = DATA_W / 8,
    localparam int unsigned RowW = $clog2(BYTES / Lanes)
) (
    /// Clock.
    input  logic                     clk_i,
    /// Reset, active low, asynchronous; what is in the memory stays.
    input  logic                     rst_ni,

    /// By port, write address: ID.
    input  logic [1:0][AXI_ID_W-1:0] awid_i,
    /// By port, write address.
    input  logic [1:0][63:0]         awaddr_i,
    /// By port, write address: valid.
    input  logic [1:0]               awvalid_i,
    /// By port, write address: ready.
    output logic [1:0]               awready_o,
    /// By port, write data.
    input  logic [1:0][DATA_W-1:0]   wdata_i,
    /// By port, write data: bytes that count.
    input  logic [1:0][Lanes-1:0]    wstrb_i,
    /// By port, write data: last beat.
    input  logic [1:0]               wlast_i,
    /// By port, write data: valid.
    input  logic [1:0]               wvalid_i,
    /// By port, write data: ready.
    output logic [1:0]               wready_o,
    /// To both, write response: ID.
    output logic [AXI_ID_W-1:0]      bid_o,
    /// To both, write response.
    output logic [1:0]               bresp_o,
    /// By port, write response: valid.
    output logic [1:0]               bvalid_o,
    /// By port, write response: ready.
    input  logic [1:0]               bready_i,
    /// By port, read address: ID.
    input  logic [1:0][AXI_ID_W-1:0] arid_i,
    /// By port, read address.
    input  logic [1:0][63:0]         araddr_i,
    /// By port, read address: beats less one.
    input  logic [1:0][7:0]          arlen_i,
    /// By port, read address: valid.
    input  logic [1:0]               arvalid_i,
    /// By port, read address: ready.
    output logic [1:0]               arready_o,
    /// To both, read data: ID.
    output logic [AXI_ID_W-1:0]      rid_o,
    /// To both, read data.
    output logic [DATA_W-1:0]        rdata_o,
    /// To both, read data: response.
    output logic [1:0]               rresp_o,
    /// To both, read data: last beat.
    output logic                     rlast_o,
    /// By port, read data: valid.
    output logic [1:0]               rvalid_o,
    /// By port, read data: ready.
    input  logic [1:0]               rready_i,

    /// A word is written; always taken.
    input  logic                     write_i,
    /// Where.
    input  logic [RowW-1:0]          write_row_i,
    /// What.
    input  logic [DATA_W-1:0]        write_data_i,
    /// Bytes of it that are written.
    input  logic [Lanes-1:0]         write_strb_i,
    /// A word is read.
    input  logic                     read_i,
    /// It is taken; the word is there in the next cycle, and in no other.
    output logic                     read_ready_o,
    /// Where.
    input  logic [RowW-1:0]          read_row_i,
    /// The word.
    output logic [DATA_W-1:0]        read_data_o
);

  import sp_endpoint_pkg::RESP_OKAY;
  import sp_endpoint_pkg::RESP_DECERR;

  localparam int unsigned ByteW = $clog2(BYTES);
  localparam int unsigned LaneW = $clog2(Lanes);

  if (BYTES < 256 || BYTES != (1 << ByteW)) begin : g_bad_bytes
    $fatal(1, "sp_board_ram: BYTES = %0d is not a power of two of 256 or more", BYTES);
  end

  (* no_rw_check *)  // a word is never read while it is written
  logic [DATA_W-1:0] mem [BYTES/Lanes];

  // ------------------------------------------------------------------------------------- write

  typedef enum logic [1:0] {
    W_IDLE,
    W_DATA,
    W_RESP
  } write_e;

  write_e              w_q;
  logic                w_port_q;
  logic                w_bad_q;
  logic [AXI_ID_W-1:0] w_id_q;
  logic [RowW-1:0]     w_row_q;
  logic                w_next;    // the port whose burst begins
  logic                beat;
  logic                store;
  logic [RowW-1:0]     store_row;
  logic [DATA_W-1:0]   store_data;
  logic [Lanes-1:0]    store_strb;

  // The other port than the last one, if it asks.
  assign w_next    = SECOND && (awvalid_i[!w_port_q] ? !w_port_q : w_port_q);
  assign awready_o = (w_q == W_IDLE) ? 2'd1 << w_next : '0;
  assign wready_o  = ((w_q == W_DATA) && !write_i) ? 2'd1 << w_port_q : '0;
  assign bvalid_o  = (w_q == W_RESP) ? 2'd1 << w_port_q : '0;
  assign bid_o     = w_id_q;
  assign bresp_o   = w_bad_q ? RESP_DECERR : RESP_OKAY;
  assign beat      = wvalid_i[w_port_q] && wready_o[w_port_q];

  assign store      = write_i || (beat && !w_bad_q);
  assign store_row  = write_i ? write_row_i : w_row_q;
  assign store_data = write_i ? write_data_i : wdata_i[w_port_q];
  assign store_strb = write_i ? write_strb_i : wstrb_i[w_port_q];

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      w_q      <= W_IDLE;
      w_port_q <= 1'b0;
    end else begin
      case (w_q)
        W_IDLE: begin
          if (awvalid_i[w_next]) begin
            w_q      <= W_DATA;
            w_port_q <= w_next;
          end
        end
        W_DATA:  if (beat && wlast_i[w_port_q]) w_q <= W_RESP;
        default: if (bready_i[w_port_q]) w_q <= W_IDLE;
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    if (w_q == W_IDLE) begin
      w_id_q  <= awid_i[w_next];
      w_bad_q <= awaddr_i[w_next][63:ByteW] != '0;
      w_row_q <= awaddr_i[w_next][ByteW-1:LaneW];
    end else if (beat) begin
      w_row_q <= w_row_q + RowW'(1);
    end
  end

  always_ff @(posedge clk_i) begin
    if (store) begin
      for (int unsigned k = 0; k < Lanes; k++) begin
        if (store_strb[k]) mem[store_row][8*k+:8] <= store_data[8*k+:8];
      end
    end
  end

  // -------------------------------------------------------------------------------------- read

  logic                r_busy_q;
  logic                r_port_q;
  logic                r_bad_q;
  logic [AXI_ID_W-1:0] r_id_q;
  logic [RowW-1:0]     r_row_q;
  logic [7:0]          r_left_q;  // beats to read, less one
  logic                r_next;
  logic                free;      // what was read is taken
  logic                issue;
  logic                fetch;
  logic [RowW-1:0]     fetch_row;
  logic                clash;
  logic                out_q;     // a beat is offered
  logic                last_q;
  logic [DATA_W-1:0]   word_q;

  assign r_next       = SECOND && (arvalid_i[!r_port_q] ? !r_port_q : r_port_q);
  // The port stays until its last beat is taken.
  assign arready_o    = (!r_busy_q && !out_q) ? 2'd1 << r_next : '0;
  assign free         = !out_q || rready_i[r_port_q];
  assign fetch_row    = read_i ? read_row_i : r_row_q;
  assign clash        = store && (store_row == fetch_row);
  assign read_ready_o = free && !clash;
  assign issue        = r_busy_q && !read_i && free && !clash;
  assign fetch        = (read_i && read_ready_o) || issue;

  assign rvalid_o    = out_q ? 2'd1 << r_port_q : '0;
  assign rid_o       = r_id_q;
  assign rresp_o     = r_bad_q ? RESP_DECERR : RESP_OKAY;
  assign rdata_o     = r_bad_q ? '0 : word_q;
  assign rlast_o     = last_q;
  assign read_data_o = word_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      r_busy_q <= 1'b0;
      r_port_q <= 1'b0;
      out_q    <= 1'b0;
    end else begin
      if (!r_busy_q && !out_q) begin
        if (arvalid_i[r_next]) begin
          r_busy_q <= 1'b1;
          r_port_q <= r_next;
        end
      end else if (issue && (r_left_q == '0)) begin
        r_busy_q <= 1'b0;
      end
      if (free) out_q <= issue;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!r_busy_q && !out_q) begin
      r_id_q   <= arid_i[r_next];
      r_bad_q  <= araddr_i[r_next][63:ByteW] != '0;
      r_row_q  <= araddr_i[r_next][ByteW-1:LaneW];
      r_left_q <= arlen_i[r_next];
    end else if (issue) begin
      r_row_q  <= r_row_q + RowW'(1);
      r_left_q <= r_left_q - 8'd1;
      last_q   <= r_left_q == '0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (fetch) word_q <= mem[fetch_row];
  end

  // What a memory shows of a word that is written in the same cycle, no two of them agree on.
  always_ff @(posedge clk_i) begin
    assert (!(fetch && store && (store_row == fetch_row)))
    else $error("sp_board_ram: a word is read while it is written");
  end

  // Bursts are of whole beats.
  logic unused;
  assign unused = &{1'b0, awaddr_i[0][LaneW-1:0], awaddr_i[1][LaneW-1:0], araddr_i[0][LaneW-1:0],
                    araddr_i[1][LaneW-1:0]};

endmodule
