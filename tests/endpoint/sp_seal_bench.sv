// SPDX-License-Identifier: Apache-2.0
//
// Five streams: through sp_seal; through sp_unseal; through both; through sp_unseal that wants a
// check; through sp_check_none.

module sp_seal_bench #(
    /// Streams: five.
    parameter int unsigned N = 5,
    /// Bits of a flit.
    parameter int unsigned W = 128
) (
    /// Clock.
    input  logic                              clk_i,
    /// Reset, active low.
    input  logic                              rst_ni,
    /// Streams in: valid.
    input  logic [N-1:0]                      s_tvalid_i,
    /// Streams in: ready.
    output logic [N-1:0]                      s_tready_o,
    /// Streams in: payload.
    input  logic [N-1:0][W-1:0]               s_tdata_i,
    /// Streams in: {error mark, header}.
    input  logic [N-1:0][sp_pkg::USER_W-1:0]  s_tuser_i,
    /// Streams in: last beat.
    input  logic [N-1:0]                      s_tlast_i,
    /// Streams out: valid.
    output logic [N-1:0]                      m_tvalid_o,
    /// Streams out: ready.
    input  logic [N-1:0]                      m_tready_i,
    /// Streams out: payload.
    output logic [N-1:0][W-1:0]               m_tdata_o,
    /// Streams out: {error mark, header}.
    output logic [N-1:0][sp_pkg::USER_W-1:0]  m_tuser_o,
    /// Streams out: last beat.
    output logic [N-1:0]                      m_tlast_o,
    /// Packets whose check was wrong or missing, by stream.
    output logic [N-1:0][15:0]                broken_o,
    /// What went along was not what came, or came with a header alone, by stream.
    output logic [N-1:0]                      astray_o
);

  import sp_pkg::*;

  if (N != 5) begin : g_bad_n
    $fatal(1, "sp_seal_bench: N = %0d is not 5", N);
  end

  logic [N-1:0]             valid, ready, last;
  logic [N-1:0][W-1:0]      data;
  logic [N-1:0][USER_W-1:0] user;
  logic [N-1:0][11:0]       side, side_out;
  logic [N-1:0]             broken;
  hdr_t                     hdr [N];
  hdr_t                     out [N];
  logic [N-1:0][11:0]       tag_q;   // of the packet that comes
  logic [N-1:0][11:0]       tag;
  logic [N-1:0]             in_q, out_q;

  for (genvar n = 0; n < N; n++) begin : g_stream
    assign hdr[n] = hdr_t'(s_tuser_i[n][HDR_W-1:0]);
    assign out[n] = hdr_t'(m_tuser_o[n][HDR_W-1:0]);
    assign tag[n] = in_q[n] ? tag_q[n] : hdr[n].tag;
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        in_q[n]     <= 1'b0;
        out_q[n]    <= 1'b0;
        broken_o[n] <= '0;
        astray_o[n] <= 1'b0;
      end else begin
        if (s_tvalid_i[n] && s_tready_o[n]) in_q[n] <= !s_tlast_i[n];
        if (m_tvalid_o[n] && m_tready_i[n]) begin
          out_q[n] <= !m_tlast_o[n];
          // What goes along is the tag, so that it can be told.
          if (!out_q[n] && side_out[n] != out[n].tag) astray_o[n] <= 1'b1;
          // A header alone comes with nothing, whatever is behind it.
          if (n != 0 && !out_q[n] && out[n].len == '0 && out[n].ext == '0 &&
              m_tdata_o[n] != '0) astray_o[n] <= 1'b1;
        end
        broken_o[n] <= broken_o[n] + 16'(broken[n]);
      end
    end
    always_ff @(posedge clk_i) tag_q[n] <= tag[n];
    if (n == 0 || n == 2) begin : g_seal
      sp_seal #(
          .FLIT_W(W),
          .SIDE_W(12)
      ) i_seal (
          .clk_i,
          .rst_ni,
          .enable_i  (1'b1),
          .s_tvalid_i(s_tvalid_i[n]),
          .s_tready_o(s_tready_o[n]),
          .s_tdata_i (s_tdata_i[n]),
          .s_tuser_i (s_tuser_i[n]),
          .s_tlast_i (s_tlast_i[n]),
          .s_side_i  (tag[n]),
          .m_tvalid_o(valid[n]),
          .m_tready_i(ready[n]),
          .m_tdata_o (data[n]),
          .m_tuser_o (user[n]),
          .m_tlast_o (last[n]),
          .m_side_o  (side[n])
      );
    end else begin : g_no_seal
      assign {valid[n], data[n], user[n]} = {s_tvalid_i[n], s_tdata_i[n], s_tuser_i[n]};
      assign {last[n], side[n]} = {s_tlast_i[n], tag[n]};
      assign s_tready_o[n] = ready[n];
    end
    if (n == 4) begin : g_none
      sp_check_none i_none (
          .clk_i,
          .rst_ni,
          .tvalid_i   (valid[n]),
          .tready_i   (ready[n]),
          .tuser_i    (user[n]),
          .tlast_i    (last[n]),
          .tuser_o    (m_tuser_o[n]),
          .ev_broken_o(broken[n])
      );
      assign {m_tvalid_o[n], m_tdata_o[n]} = {valid[n], data[n]};
      assign {m_tlast_o[n], side_out[n]} = {last[n], side[n]};
      assign ready[n] = m_tready_i[n];
    end else if (n != 0) begin : g_unseal
      sp_unseal #(
          .FLIT_W(W),
          .SIDE_W(12)
      ) i_unseal (
          .clk_i,
          .rst_ni,
          .require_i  (n == 3),
          .s_tvalid_i (valid[n]),
          .s_tready_o (ready[n]),
          .s_tdata_i  (data[n]),
          .s_tuser_i  (user[n]),
          .s_tlast_i  (last[n]),
          .s_side_i   (side[n]),
          .m_tvalid_o (m_tvalid_o[n]),
          .m_tready_i (m_tready_i[n]),
          .m_tdata_o  (m_tdata_o[n]),
          .m_tuser_o  (m_tuser_o[n]),
          .m_tlast_o  (m_tlast_o[n]),
          .m_side_o   (side_out[n]),
          .ev_broken_o(broken[n])
      );
    end else begin : g_no_unseal
      assign {m_tvalid_o[n], m_tdata_o[n], m_tuser_o[n]} = {valid[n], data[n], user[n]};
      assign {m_tlast_o[n], side_out[n]} = {last[n], side[n]};
      assign ready[n] = m_tready_i[n];
      assign broken[n] = 1'b0;
    end
  end

endmodule
