// SPDX-License-Identifier: Apache-2.0
//
// What a board relies on from sp_uart_bridge, whatever bytes come, whenever they stop or are lost,
// and however slow bus and line are: an access is made only of a command whose bytes have all come,
// once, at its address and with its data. A second reading of the protocol follows the bytes.

module sp_uart_bridge_props #(
    /// Cycles without a byte after which a command is given up.
    parameter int unsigned TIMEOUT = 3
) (
    /// Clock.
    input logic        clk_i,
    /// Reset.
    input logic        rst_ni,
    /// A byte or a mark comes, free, but stays until it is taken.
    input logic        in_valid_i,
    /// It is the mark of lost bytes, free.
    input logic        in_lost_i,
    /// The byte, free.
    input logic [7:0]  in_data_i,
    /// The line takes a byte, free.
    input logic        out_ready_i,
    /// The bus, free, but it answers only what it was asked.
    input logic        awready_i,
    /// Write data taken, free.
    input logic        wready_i,
    /// Response, free behind address and data.
    input logic        bvalid_i,
    /// Read address taken, free.
    input logic        arready_i,
    /// Read data, free behind the address.
    input logic        rvalid_i,
    /// Read data, free.
    input logic [31:0] rdata_i,
    /// Response, free.
    input logic [1:0]  resp_i
);

  logic        started_q = 1'b0;
  logic        in_ready, out_valid, awvalid, wvalid, bready, arvalid, rready;
  logic        abort, bad, bus_error;
  logic [7:0]  out_data;
  logic [31:0] awaddr, wdata, araddr;
  logic [2:0]  awprot, arprot;
  logic [3:0]  wstrb;

  sp_uart_bridge #(
      .TIMEOUT(TIMEOUT)
  ) dut (
      .clk_i,
      .rst_ni,
      .in_valid_i,
      .in_ready_o      (in_ready),
      .in_lost_i,
      .in_data_i,
      .out_valid_o     (out_valid),
      .out_ready_i,
      .out_data_o      (out_data),
      .m_awvalid_o     (awvalid),
      .m_awready_i     (awready_i),
      .m_awaddr_o      (awaddr),
      .m_awprot_o      (awprot),
      .m_wvalid_o      (wvalid),
      .m_wready_i      (wready_i),
      .m_wdata_o       (wdata),
      .m_wstrb_o       (wstrb),
      .m_bvalid_i      (bvalid_i),
      .m_bready_o      (bready),
      .m_bresp_i       (resp_i),
      .m_arvalid_o     (arvalid),
      .m_arready_i     (arready_i),
      .m_araddr_o      (araddr),
      .m_arprot_o      (arprot),
      .m_rvalid_i      (rvalid_i),
      .m_rready_o      (rready),
      .m_rdata_i       (rdata_i),
      .m_rresp_i       (resp_i),
      .ev_abort_o      (abort),
      .ev_bad_command_o(bad),
      .ev_bus_error_o  (bus_error)
  );

  always_ff @(posedge clk_i) started_q <= 1'b1;

  // ---------------------------------------------------------------------- the protocol once more

  logic        take;        // a byte is taken
  logic [2:0]  head_q;      // bytes of the head that came; 6: all of them
  logic        write_q;     // the command writes
  logic        fixed_q;
  logic [7:0]  left_q;      // words left, 0 for 256
  logic [29:0] addr_q;      // of the word
  logic [2:0]  data_q;      // bytes of the word that came, 4: all
  logic [31:0] word_q;      // the last four bytes that came
  logic        aw_q, w_q, ar_q;  // what the bus has taken of this word
  logic [2:0]  out_q;       // bytes of the answer left
  logic [31:0] answer_q;
  logic [1:0]  silent_q;    // cycles without a byte in the middle of a command
  logic        whole;       // the word may be accessed
  logic        middle;      // the host owes bytes
  logic        over;        // the word is done

  assign take   = in_valid_i && in_ready && !in_lost_i;
  assign whole  = head_q == 3'd6 && out_q == 3'd0 && (!write_q || data_q == 3'd4);
  assign middle = head_q != 3'd0 && (head_q != 3'd6 || (write_q && data_q != 3'd4));
  assign over   = (whole && write_q && bvalid_i && bready)
               || (out_valid && out_ready_i && out_q == 3'd1);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      head_q   <= '0;
      write_q  <= 1'b0;
      fixed_q  <= 1'b0;
      left_q   <= '0;
      addr_q   <= '0;
      data_q   <= '0;
      word_q   <= '0;
      out_q    <= '0;
      answer_q <= '0;
      silent_q <= '0;
      aw_q     <= 1'b0;
      w_q      <= 1'b0;
      ar_q     <= 1'b0;
    end else begin
      silent_q <= middle && !in_valid_i ? silent_q + 2'd1 : '0;
      if (take) begin
        case (head_q)
          3'd0: begin
            if (in_data_i == 8'd1 || in_data_i == 8'd2 || in_data_i == 8'd3
                || in_data_i == 8'd4) head_q <= 3'd1;
            write_q <= in_data_i == 8'd1 || in_data_i == 8'd3;
            fixed_q <= in_data_i == 8'd3 || in_data_i == 8'd4;
            data_q  <= '0;
          end
          3'd6: begin
            data_q <= data_q + 3'd1;
            word_q <= {word_q[23:0], in_data_i};
          end
          3'd1: begin
            head_q <= 3'd2;
            left_q <= in_data_i;
          end
          default: begin
            head_q <= head_q + 3'd1;
            addr_q <= {addr_q[21:0], in_data_i};
          end
        endcase
      end
      if (awvalid && awready_i) aw_q <= 1'b1;
      if (wvalid && wready_i) w_q <= 1'b1;
      if (arvalid && arready_i) ar_q <= 1'b1;
      if (rvalid_i && rready) begin
        out_q    <= 3'd4;
        answer_q <= rdata_i;
      end else if (out_valid && out_ready_i) begin
        out_q    <= out_q - 3'd1;
        answer_q <= answer_q << 8;
      end
      if (over) begin
        {aw_q, w_q, ar_q} <= '0;
        data_q <= '0;
        left_q <= left_q - 8'd1;
        if (!fixed_q) addr_q <= addr_q + 30'd1;
        if (left_q == 8'd1) head_q <= '0;
      end
      // Given up: by a mark, or by silence.
      if (middle && ((in_valid_i && in_lost_i) || (!in_valid_i && silent_q == 2'(TIMEOUT - 1))))
        head_q <= '0;
    end
  end

  // --------------------------------------------------------------------------------- environment

  logic       held_q;       // something was offered and not taken
  logic [8:0] offer_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      held_q <= 1'b0;
    end else begin
      held_q  <= in_valid_i && !in_ready;
      offer_q <= {in_lost_i, in_data_i};
    end
  end

  always_comb begin
    reset_first: assume (started_q || !rst_ni);
    offers_stay: assume (!held_q || (in_valid_i && offer_q == {in_lost_i, in_data_i}));
    write_answer_is_asked_for: assume (!bvalid_i || (aw_q && w_q));
    read_answer_is_asked_for: assume (!rvalid_i || (ar_q && out_q == 3'd0));
  end

  // ---------------------------------------------------------------------------------- properties

  always_comb begin
    if (rst_ni) begin
      // Nothing is written of a word that has not come whole, nor of a command given up.
      writes_only_whole: assert (!(awvalid || wvalid) || (whole && write_q));
      // Nothing is read before the command is whole.
      reads_only_whole: assert (!arvalid || (whole && !write_q));
      // One access for a word.
      once: assert (!(awvalid && aw_q) && !(wvalid && w_q) && !(arvalid && ar_q));
      // At the address of this word of the command, with its bytes.
      right_address: assert ((!awvalid || awaddr == {addr_q, 2'b00})
                             && (!arvalid || araddr == {addr_q, 2'b00}));
      right_data: assert (!wvalid || (wdata == word_q && wstrb == 4'hF));
      // The answer is what was read, four bytes of it, and nothing else is ever sent.
      right_answer: assert (out_valid == (out_q != 3'd0)
                            && (!out_valid || out_data == answer_q[31:24]));
      // It waits for bytes whenever the host owes some, and never while an access is under way.
      always_listens: assert (in_ready == (head_q == 3'd0 || middle));
      // A command is given up exactly when bytes were lost in it or the time is up.
      gives_up: assert (abort == (middle && ((in_valid_i && in_lost_i)
                                             || (!in_valid_i && silent_q == 2'(TIMEOUT - 1)))));
      // Each byte that is no command is counted, and nothing else.
      counts_bad: assert (bad == (take && head_q == 3'd0 && (in_data_i == '0 || in_data_i > 8'd4)));
    end
  end

  always_comb begin
    // The second word of a burst is written, with address and data taken at different times.
    second_word: cover (rst_ni && wvalid && aw_q && left_q == 8'd1 && addr_q == 30'd1 && !fixed_q);
    // The second word of a read leaves.
    second_read: cover (rst_ni && out_valid && !write_q && left_q == 8'd1 && addr_q == 30'd1);
    // A command is given up in a word, after its first was written.
    given_up: cover (rst_ni && abort && write_q && data_q == 3'd1 && addr_q == 30'd1);
  end

endmodule
