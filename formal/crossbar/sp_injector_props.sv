// SPDX-License-Identifier: Apache-2.0
//
// What the crossbar and an engine rely on from sp_injector. One packet, chosen freely when its
// first flit is taken, is marked in its header and flits, and each flit says which one it is;
// packets before it and behind it are marked as such. Since nothing in sp_injector looks at
// payload, what holds for the marked packet holds for all.

module sp_injector_props
  import sp_pkg::*;
#(
    /// External ports.
    parameter int unsigned N_PORTS = 2,
    /// Bits of a flit: 512 makes packets of up to five flits.
    parameter int unsigned FLIT_W = 512,
    /// Packets held.
    parameter int unsigned SLOTS = 2,
    localparam int unsigned N_OUT = N_PORTS + 1
) (
    /// Clock.
    input logic               clk_i,
    /// Reset.
    input logic               rst_ni,
    /// A flit comes, free.
    input logic               in_valid_i,
    /// Last flit, free up to the longest packet.
    input logic               in_last_i,
    /// Ports that get the packet, free but not empty.
    input logic [N_PORTS-1:0] in_mask_i,
    /// Mark the packet that comes, free.
    input logic               follow_i,
    /// Start the head packet, free when it may be started.
    input logic               start_i,
    /// Outputs that take it, free among those that it asks for.
    input logic [N_OUT-1:0]   start_mask_i
);

  localparam int unsigned MaxFlits = max_flits(FLIT_W);
  localparam int unsigned PosW = $clog2(MaxFlits + 1);

  /// Which packet a flit belongs to: one before the marked one, the marked one, one behind it.
  typedef enum logic [1:0] {BEFORE = 2'd0, MARKED = 2'd1, BEHIND = 2'd2} which_e;

  logic              started_q = 1'b0;
  logic [PosW-1:0]   in_pos_q;       // flits of the packet that comes that were taken
  logic              marked_q;       // there has been a marked packet
  logic              marking_q;      // it is coming now
  logic              whole_q;        // it has come whole
  logic [PosW-1:0]   flits_q;        // its flits
  logic [N_PORTS-1:0] mask_q;        // its ports
  logic [N_PORTS-1:0] served_q;      // ports for which it was started
  logic [1:0]        in_which;
  logic              in_first;

  logic              in_ready;
  logic [N_OUT-1:0]  asks;
  logic              idle;
  logic              last;
  logic              out_first;
  logic              out_last;
  hdr_t              in_hdr;
  hdr_t              out_hdr;
  logic [FLIT_W-1:0] in_data;
  logic [FLIT_W-1:0] out_data;

  assign in_first = in_pos_q == '0;
  assign in_which = marking_q || (in_first && follow_i && !marked_q) ? MARKED
                                                                     : (marked_q ? BEHIND : BEFORE);
  always_comb begin
    in_hdr      = '0;
    in_hdr.tag  = TAG_W'(in_which);
    in_data     = FLIT_W'({in_pos_q, in_which});
  end

  sp_injector #(
      .N_PORTS(N_PORTS),
      .N_OUT  (N_OUT),
      .FLIT_W (FLIT_W),
      .SLOTS  (SLOTS)
  ) dut (
      .clk_i,
      .rst_ni,
      .in_valid_i,
      .in_ready_o  (in_ready),
      .in_first_i  (in_first),
      .in_last_i,
      .in_head_i   (in_hdr),
      .in_flits_i  ('0),
      .in_word_i   (in_data),
      .in_mask_i,
      .ready_o     (asks),
      .idle_o      (idle),
      .last_o      (last),
      .start_i,
      .start_mask_i,
      .flit_valid_o(),
      .flit_first_o(out_first),
      .flit_last_o (out_last),
      .flit_head_o (out_hdr),
      .flit_word_o (out_data)
  );

  always_ff @(posedge clk_i) started_q <= 1'b1;

  // ------------------------------------------------------------------------------- environment

  always_comb begin
    reset_first: assume (started_q || !rst_ni);
    packets_end: assume (32'(in_pos_q) + 1 < MaxFlits || in_last_i);
    somebody_gets_it: assume (in_mask_i != '0);
    starts_when_idle: assume (!start_i || idle);
    starts_what_is_asked: assume (!start_i || (start_mask_i != '0 && (start_mask_i & ~asks) == '0));
  end

  logic take;
  assign take = in_valid_i && in_ready;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      in_pos_q  <= '0;
      marked_q  <= 1'b0;
      marking_q <= 1'b0;
      whole_q   <= 1'b0;
      flits_q   <= '0;
      mask_q    <= '0;
    end else if (take) begin
      in_pos_q <= in_last_i ? '0 : in_pos_q + PosW'(1);
      if (in_which == MARKED) begin
        marked_q  <= 1'b1;
        marking_q <= !in_last_i;
        whole_q   <= in_last_i;
        if (in_first) mask_q <= in_mask_i;
        if (in_last_i) flits_q <= in_pos_q + PosW'(1);
      end
    end
  end

  // -------------------------------------------------------------------------------- what leaves

  logic               first_q;       // started a cycle ago
  logic [N_PORTS-1:0] to_q;          // for these ports
  logic [N_PORTS-1:0] to2_q;         // the same, with the first flit
  logic               out_busy_q;    // in a packet
  logic [PosW-1:0]    out_pos_q;     // place of the next flit
  logic [1:0]         out_which_q;   // packet that is leaving
  logic [1:0]         out_which;
  logic [PosW-1:0]    out_pos;
  logic               out_valid;

  assign out_valid = out_first || out_busy_q;
  assign out_pos   = out_first ? '0 : out_pos_q;
  assign out_which = out_first ? out_hdr.tag[1:0] : out_which_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      first_q     <= 1'b0;
      to_q        <= '0;
      to2_q       <= '0;
      out_busy_q  <= 1'b0;
      out_pos_q   <= '0;
      out_which_q <= '0;
      served_q    <= '0;
    end else begin
      first_q <= start_i;
      if (start_i) to_q <= start_mask_i[N_PORTS-1:0];
      to2_q <= to_q;
      if (out_valid) begin
        out_busy_q  <= !out_last;
        out_pos_q   <= out_pos + PosW'(1);
        out_which_q <= out_which;
      end
      if (out_first && out_which == MARKED) served_q <= served_q | to2_q;
    end
  end

  logic [1:0] data_which;
  logic [PosW-1:0] data_pos;
  assign {data_pos, data_which} = out_data[PosW+1:0];

  always_comb begin
    if (rst_ni) begin
      // A port never gets a result twice.
      never_twice: assert (!(out_first && out_which == MARKED) || (served_q & to2_q) == '0);
      // Only members get it.
      only_its_ports: assert (!(out_first && out_which == MARKED) || (to2_q & ~mask_q) == '0);
      // No member is left out: the next packet starts only when all of them have it.
      nobody_left_out: assert (!(out_first && out_which == BEHIND) || served_q == mask_q);
      // Packets leave in the order in which they came.
      order: assert (!(out_first && out_which == BEFORE) || served_q == '0);
      // A packet is sent only when it is whole, so it never stops half-way.
      only_whole: assert (!(out_valid && out_which == MARKED) || whole_q);
      // Each flit is there, in its place, without a gap, and of the packet of the header.
      every_flit: assert (!out_valid || (data_which == out_which && data_pos == out_pos));
      // It ends with its last flit, not before and not behind.
      right_end: assert (!(out_valid && out_which == MARKED)
                         || out_last == (out_pos + PosW'(1) == flits_q));
      // One packet at a time.
      one_at_a_time: assert (!(out_first && out_busy_q));
    end
  end

  always_comb begin
    // A packet for two ports that needs two passes, of two flits or more.
    splits: cover (rst_ni && mask_q == '1 && served_q == '1 && flits_q >= PosW'(2)
                   && out_which_q == MARKED && out_busy_q && to2_q != '1);
    // The packet behind starts without a free cycle.
    back_to_back: cover (rst_ni && out_which_q == MARKED && out_first && out_which == BEHIND
                         && out_pos_q == flits_q && out_busy_q == 1'b0);
    // All slots are full and one more packet waits.
    full: cover (rst_ni && in_valid_i && !in_ready && marked_q);
  end

endmodule
