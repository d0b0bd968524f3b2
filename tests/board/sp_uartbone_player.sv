// SPDX-License-Identifier: Apache-2.0
//
// Plays a script of bytes, levels and waits to sp_uartbone over its line and serves its bus with a
// memory of 1,024 words and random wait states. The script is script.bin, three 64-bit words a
// record; every access, event and edge of the line back goes to log.txt. Python makes the one and
// judges the other. With `live_i` a test drives the line itself.
module sp_uartbone_player #(
    /// Of sp_uartbone.
    parameter int unsigned CLK_HZ     = 50_000_000,
    /// Of sp_uartbone.
    parameter int unsigned BAUD       = 3_000_000,
    /// Of sp_uartbone.
    parameter int unsigned TIMEOUT_US = 100,
    /// Of sp_uartbone.
    parameter int unsigned RX_DEPTH   = 64
) (
    /// Clock.
    input  logic        clk_i,
    /// Reset, active low; the files are opened when it is first released.
    input  logic        rst_ni,
    /// How often, in 256ths, the bus waits.
    input  logic [7:0]  stall_i,
    /// Start of the random sequence of waits, not 0.
    input  logic [31:0] seed_i,
    /// The line is `live_rx_i` instead of the script.
    input  logic        live_i,
    /// The line, when live.
    input  logic        live_rx_i,
    /// The line back.
    output logic        tx_o,
    /// The script is played; the log is closed.
    output logic        done_o,
    /// Cycle.
    output logic [31:0] cycle_o
);

  /// What a record says; see script.py in test_uartbone.py.
  typedef enum logic [7:0] {
    SEND    = 8'd0,  // byte `data`, bit time `span` in 1/65536 cycles, `stop` is its stop bit
    LEVEL   = 8'd1,  // hold the line at data[0] for `span` / 65536 cycles
    ANSWERS = 8'd2,  // wait until `span` bytes were sent back in all, and their last bit is over
    RESET   = 8'd3   // reset for `span` / 65536 cycles, the line held
  } kind_e;

  logic [63:0] record_q [3];
  kind_e       kind;
  logic [7:0]  data;
  logic        stop;
  logic [63:0] span;

  assign kind = kind_e'(record_q[0][7:0]);
  assign data = record_q[0][15:8];
  assign stop = record_q[0][16];
  assign span = record_q[1];

  int          script, log;
  logic        opened_q, have_q, line_q, hold_reset_q;
  logic [3:0]  bit_q;
  logic [63:0] now_q;        // cycles since the beginning, in 1/65536
  logic [63:0] until_q;      // end of what is on the line, in the same unit
  logic [31:0] sent_back_q;  // bytes
  logic [31:0] quiet_q;      // cycles since the last of them was given to the sender
  logic [31:0] tail_q;

  logic rst_n, rx;
  assign rst_n = rst_ni && !hold_reset_q;
  assign rx    = live_i ? live_rx_i : line_q;

  // --------------------------------------------------------------------------------- the bridge

  logic        awvalid, awready, wvalid, wready, bvalid, bready, arvalid, arready, rvalid, rready;
  logic [31:0] awaddr, araddr, wdata, rdata;
  logic [2:0]  awprot, arprot;
  logic [3:0]  wstrb;
  logic [1:0]  bresp, rresp;
  logic        ev_rx, ev_tx, ev_frame_error, ev_abort, ev_bad_command, ev_overflow, ev_bus_error;

  sp_uartbone #(
      .CLK_HZ    (CLK_HZ),
      .BAUD      (BAUD),
      .TIMEOUT_US(TIMEOUT_US),
      .RX_DEPTH  (RX_DEPTH)
  ) i_uartbone (
      .clk_i,
      .rst_ni          (rst_n),
      .rx_i            (rx),
      .tx_o,
      .m_awvalid_o     (awvalid),
      .m_awready_i     (awready),
      .m_awaddr_o      (awaddr),
      .m_awprot_o      (awprot),
      .m_wvalid_o      (wvalid),
      .m_wready_i      (wready),
      .m_wdata_o       (wdata),
      .m_wstrb_o       (wstrb),
      .m_bvalid_i      (bvalid),
      .m_bready_o      (bready),
      .m_bresp_i       (bresp),
      .m_arvalid_o     (arvalid),
      .m_arready_i     (arready),
      .m_araddr_o      (araddr),
      .m_arprot_o      (arprot),
      .m_rvalid_i      (rvalid),
      .m_rready_o      (rready),
      .m_rdata_i       (rdata),
      .m_rresp_i       (rresp),
      .ev_rx_o         (ev_rx),
      .ev_tx_o         (ev_tx),
      .ev_frame_error_o(ev_frame_error),
      .ev_abort_o      (ev_abort),
      .ev_bad_command_o(ev_bad_command),
      .ev_overflow_o   (ev_overflow),
      .ev_bus_error_o  (ev_bus_error)
  );

  // ------------------------------------------------------------------------------------ the bus

  logic [31:0] mem [1024];
  logic [31:0] lfsr_q;
  logic        aw_have_q, w_have_q, ar_have_q;
  logic [31:0] aw_q, w_q, ar_q;
  logic [3:0]  strb_q;
  logic [1:0]  aw_resp, ar_resp;
  logic [4:0]  go;      // this channel moves in this cycle

  // Random bits of a xorshift: five bytes, one a channel.
  always_comb begin
    for (int unsigned i = 0; i < 5; i++) go[i] = 8'(lfsr_q >> (5 * i + 3)) >= stall_i;
  end

  // The fourth nibble of an address says how the bus answers.
  assign aw_resp = aw_q[15:12] == 4'hF ? 2'b11 : (aw_q[15:12] == 4'hE ? 2'b10 : 2'b00);
  assign ar_resp = ar_q[15:12] == 4'hF ? 2'b11 : (ar_q[15:12] == 4'hE ? 2'b10 : 2'b00);

  initial begin
    for (int i = 0; i < 1024; i++) mem[i] = 32'(i) * 32'h9E37_79B1 + 32'h0123_4567;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      lfsr_q <= seed_i | 32'd1;
      {awready, wready, arready, bvalid, rvalid} <= '0;
      {aw_have_q, w_have_q, ar_have_q} <= '0;
    end else begin
      logic [31:0] next;
      next = lfsr_q ^ (lfsr_q << 13);
      next = next ^ (next >> 17);
      lfsr_q <= next ^ (next << 5);
      awready <= go[0] && !aw_have_q && !(awvalid && awready) && !bvalid;
      wready  <= go[1] && !w_have_q && !(wvalid && wready) && !bvalid;
      arready <= go[2] && !ar_have_q && !(arvalid && arready) && !rvalid;
      if (awvalid && awready) begin
        aw_have_q <= 1'b1;
        aw_q      <= awaddr;
        if (awprot != 3'd0) $error("awprot");
      end
      if (wvalid && wready) begin
        w_have_q <= 1'b1;
        w_q      <= wdata;
        strb_q   <= wstrb;
      end
      if (arvalid && arready) begin
        ar_have_q <= 1'b1;
        ar_q      <= araddr;
        if (arprot != 3'd0) $error("arprot");
      end
      if (bvalid && bready) bvalid <= 1'b0;
      if (rvalid && rready) rvalid <= 1'b0;
      if (aw_have_q && w_have_q && !bvalid && go[3]) begin
        {aw_have_q, w_have_q} <= '0;
        bvalid <= 1'b1;
        bresp  <= aw_resp;
        if (!aw_resp[1]) mem[aw_q[11:2]] <= w_q;
        $fwrite(log, "W %0d %h %h %h %0d\n", cycle_o, aw_q, w_q, strb_q, aw_resp);
      end
      if (ar_have_q && !rvalid && go[4]) begin
        ar_have_q <= 1'b0;
        rvalid    <= 1'b1;
        rresp     <= ar_resp;
        rdata     <= ar_resp[1] ? ~ar_q : mem[ar_q[11:2]];
        $fwrite(log, "R %0d %h %0d\n", cycle_o, ar_q, ar_resp);
      end
      // A reset of the bridge alone is a reset of the bus too.
      if (!rst_n) begin
        {awready, wready, arready, bvalid, rvalid} <= '0;
        {aw_have_q, w_have_q, ar_have_q} <= '0;
      end
    end
  end

  // What was offered stays until it is taken. A clock edge may come before the first reset.
  logic        aw_wait_q = 1'b0;
  logic        w_wait_q = 1'b0;
  logic        ar_wait_q = 1'b0;
  logic [31:0] awaddr_q, wdata_q, araddr_q;

  always_ff @(posedge clk_i or negedge rst_n) begin
    if (!rst_n) begin
      {aw_wait_q, w_wait_q, ar_wait_q} <= '0;
    end else begin
      aw_wait_q <= awvalid && !awready;
      w_wait_q  <= wvalid && !wready;
      ar_wait_q <= arvalid && !arready;
      awaddr_q  <= awaddr;
      wdata_q   <= wdata;
      araddr_q  <= araddr;
      assert (!aw_wait_q || (awvalid && awaddr == awaddr_q)) else $error("write address changed");
      assert (!w_wait_q || (wvalid && wdata == wdata_q)) else $error("write data changed");
      assert (!ar_wait_q || (arvalid && araddr == araddr_q)) else $error("read address changed");
    end
  end

  // --------------------------------------------------------------------------------- the script

  localparam logic [63:0] FRAME = 64'd65536 * 64'(CLK_HZ) * 11 / 64'(BAUD);
  logic tx_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      opened_q     <= 1'b0;
      have_q       <= 1'b0;
      line_q       <= 1'b1;
      hold_reset_q <= 1'b0;
      bit_q        <= '0;
      now_q        <= '0;
      until_q      <= '0;
      sent_back_q  <= '0;
      quiet_q      <= '0;
      tail_q       <= '0;
      tx_q         <= 1'b1;
      done_o       <= 1'b0;
      cycle_o      <= '0;
    end else if (!opened_q) begin
      opened_q <= 1'b1;
      script   <= $fopen("script.bin", "rb");
      log      <= $fopen("log.txt", "w");
    end else if (!done_o) begin
      logic [63:0] next [3];
      logic        over;
      cycle_o <= cycle_o + 1;
      now_q   <= now_q + 64'd65536;
      quiet_q <= ev_tx ? '0 : quiet_q + 1;
      if (ev_tx) sent_back_q <= sent_back_q + 1;
      tx_q <= tx_o;
      if (tx_o != tx_q) $fwrite(log, "T %0d %0d\n", cycle_o, tx_o);
      if (ev_rx) $fwrite(log, "E %0d rx\n", cycle_o);
      if (ev_frame_error) $fwrite(log, "E %0d frame_error\n", cycle_o);
      if (ev_abort) $fwrite(log, "E %0d abort\n", cycle_o);
      if (ev_bad_command) $fwrite(log, "E %0d bad_command\n", cycle_o);
      if (ev_overflow) $fwrite(log, "E %0d overflow\n", cycle_o);
      if (ev_bus_error) $fwrite(log, "E %0d bus_error\n", cycle_o);
      if (ev_tx) $fwrite(log, "E %0d tx\n", cycle_o);

      // What is on the line is over; the rest of its last cycle goes to what follows.
      over = !have_q;
      if (have_q) begin
        case (kind)
          SEND: begin
            if (now_q + 64'd65536 > until_q) begin
              if (bit_q == 4'd10) begin
                over = 1'b1;
                $fwrite(log, "S %0d\n", cycle_o);
              end else begin
                line_q  <= bit_q == 4'd9 ? stop : data[bit_q[2:0] - 3'd1];
                bit_q   <= bit_q + 4'd1;
                until_q <= until_q + span;
              end
            end
          end
          LEVEL, RESET: over = now_q + 64'd65536 > until_q;
          default: over = 64'(sent_back_q) >= span && (64'(quiet_q) << 16) > FRAME;
        endcase
      end
      if (over) begin
        hold_reset_q <= 1'b0;
        if ($fread(next, script) == 24) begin
          record_q     <= next;
          have_q       <= 1'b1;
          bit_q        <= 4'd1;
          hold_reset_q <= next[0][7:0] == 8'(RESET);
          if (next[0][7:0] == 8'(SEND)) line_q <= 1'b0;
          if (next[0][7:0] == 8'(LEVEL)) line_q <= next[0][8];
          // What is left of a cycle goes to what follows, so that bit times are right on average.
          until_q <= (have_q && kind != ANSWERS ? until_q : now_q) + next[1];
        end else begin
          have_q <= 1'b0;
          tail_q <= tail_q + 1;
          if (tail_q == 32'd1500 && !live_i) begin
            done_o <= 1'b1;
            $fclose(log);
          end
        end
      end
    end
  end

endmodule
