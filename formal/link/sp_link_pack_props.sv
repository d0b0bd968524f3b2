// SPDX-License-Identifier: Apache-2.0
//
// What sp_link_credit relies on from sp_link_pack, whatever the user and sp_link_tx do: a packet
// that waits stays as it is, and neither begins nor is dropped in the same cycle.

module sp_link_pack_props
  import sp_pkg::*;
  import sp_link_pkg::*;
#(
    /// Bits of a flit.
    parameter int unsigned FLIT_W = 128
) (
    /// Clock.
    input logic              clk_i,
    /// Reset.
    input logic              rst_ni,
    /// Packets may begin, free.
    input logic              up_i,
    /// Packets are dropped, free.
    input logic              discard_i,
    /// Nothing stays, free.
    input logic              clear_i,
    /// Stream in, free: valid.
    input logic              valid_i,
    /// Payload.
    input logic [FLIT_W-1:0] data_i,
    /// Error mark and header.
    input logic [USER_W-1:0] user_i,
    /// Last beat.
    input logic              last_i,
    /// There is room, free.
    input logic              go_i,
    /// A beat is taken, free.
    input logic              ready_i,
    /// The next leaves its last block free, free.
    input logic              short_i
);

  logic started_q = 1'b0;
  always_ff @(posedge clk_i) started_q <= 1'b1;

  logic             waits, start;
  logic [1:0]       vc;
  logic [LEN_W-1:0] flits;

  sp_link_pack #(
      .FLIT_W(FLIT_W)
  ) pack (
      .clk_i,
      .rst_ni,
      .up_i,
      .discard_i,
      .clear_i,
      .s_tvalid_i  (valid_i),
      .s_tready_o  (),
      .s_tdata_i   (data_i),
      .s_tuser_i   (user_i),
      .s_tlast_i   (last_i),
      .head_waits_o(waits),
      .head_vc_o   (vc),
      .head_flits_o(flits),
      .go_i,
      .start_o     (start),
      .valid_o     (),
      .ready_i,
      .ctl_o       (),
      .unit_o      (),
      .free_o      (),
      .hold_o      (),
      .cont_o      (),
      .end_o       (),
      .next_o      (),
      .short_i,
      .done_o      (),
      .ev_length_o (),
      .ev_dropped_o()
  );

  logic             waited_q;
  logic [1:0]       vc_q;
  logic [LEN_W-1:0] flits_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) waited_q <= 1'b0;
    else waited_q <= waits;
  end

  always_ff @(posedge clk_i) begin
    vc_q    <= vc;
    flits_q <= flits;
  end

  always_comb begin
    reset_first: assume (started_q || !rst_ni);
    if (rst_ni) begin
      // While one waits none begins.
      waits_or_begins: assert (!waits || !start);
      // A packet that waits is there in the next cycle, with its VC and its flits: it waits on,
      // begins or is dropped.
      stays: assert (!waited_q || (vc == vc_q && flits == flits_q && (waits || pack.s_ready)));
      // Why so: zeros fill only what has begun.
      fills_what_is_open: assert (!pack.fill_q || pack.open_q);
      // A packet begins only if there is room for it.
      begins_if_it_may: assert (!start || (go_i && up_i && !clear_i));
      // No packet is longer than the longest.
      packet_of_size: assert (!(waits || start) || 32'(flits) <= max_flits(FLIT_W));
    end
  end

  always_comb begin
    // A packet that waited begins.
    waited_and_begins: cover (rst_ni && waited_q && start && flits != LEN_W'(1));
    // A packet that waited is dropped.
    waited_and_dropped: cover (rst_ni && waited_q && !waits && !start);
  end

endmodule
