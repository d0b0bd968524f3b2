// SPDX-License-Identifier: Apache-2.0
//
// What the switch and a port rely on, whatever the port, its link and the register do: streams are
// followed from outside, packet by packet, on both sides of the guard.

module sp_port_guard_props (
    /// Clock.
    input logic       clk_i,
    /// Reset.
    input logic       rst_ni,
    /// The link carries no packets, free.
    input logic       link_down_i,
    /// A register shuts the port, free.
    input logic       shut_i,
    /// From the port: valid, free.
    input logic       s_tvalid_i,
    /// From the port: last beat, free.
    input logic       s_tlast_i,
    /// The ingress takes a beat, free.
    input logic       in_tready_i,
    /// From the egress: valid, free.
    input logic       out_tvalid_i,
    /// From the egress: last beat, free.
    input logic       out_tlast_i,
    /// The port takes a beat, free.
    input logic       m_tready_i,
    /// Room at the receiver, free.
    input logic [3:0] m_vc_room_i
);

  logic       down;
  logic       s_tready;
  logic       in_tvalid, in_tlast, in_abort;
  logic       out_tready;
  logic       m_tvalid;
  logic [3:0] out_vc_room;
  logic       discarded, dropped;

  sp_port_guard dut (
      .clk_i,
      .rst_ni,
      .link_down_i,
      .shut_i,
      .down_o        (down),
      .s_tvalid_i,
      .s_tready_o    (s_tready),
      .s_tlast_i,
      .in_tvalid_o   (in_tvalid),
      .in_tready_i,
      .in_tlast_o    (in_tlast),
      .in_abort_o    (in_abort),
      .out_tvalid_i,
      .out_tready_o  (out_tready),
      .out_tlast_i,
      .m_tvalid_o    (m_tvalid),
      .m_tready_i,
      .m_vc_room_i,
      .out_vc_room_o (out_vc_room),
      .ev_discarded_o(discarded),
      .ev_dropped_o  (dropped)
  );

  // Where each of the four streams is, as its reader sees it: a port that was down begins anew.
  logic started_q = 1'b0;
  logic port_in_q;    // the port is within a packet that it sends
  logic ingress_q;    // the ingress is within one
  logic egress_q;     // the egress is within one that it sends
  logic port_out_q;   // the port is within one that it gets
  logic disturbed_q;  // the port was down, and the packet of then has not ended on either side
  logic dropping_q;   // the same, of the other direction
  logic moved_s, moved_in, moved_out, moved_m;
  logic port_in, ingress, egress;

  logic closing_begins, begins_shut;
  assign closing_begins = down && !disturbed_q && ingress_q;
  assign begins_shut    = moved_s && !link_down_i && shut_i && !port_in_q;
  assign moved_s   = s_tvalid_i && s_tready;
  assign moved_in  = in_tvalid && in_tready_i;
  assign moved_out = out_tvalid_i && out_tready;
  assign moved_m   = m_tvalid && m_tready_i;
  assign port_in   = !link_down_i && (moved_s ? !s_tlast_i : port_in_q);
  assign ingress   = moved_in ? !in_tlast : ingress_q;
  assign egress    = moved_out ? !out_tlast_i : egress_q;

  always_ff @(posedge clk_i) started_q <= 1'b1;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      port_in_q   <= 1'b0;
      ingress_q   <= 1'b0;
      egress_q    <= 1'b0;
      port_out_q  <= 1'b0;
      disturbed_q <= 1'b0;
      dropping_q  <= 1'b0;
    end else begin
      port_in_q   <= port_in;
      ingress_q   <= ingress;
      egress_q    <= egress;
      port_out_q  <= !down && (moved_m ? !out_tlast_i : port_out_q);
      disturbed_q <= (down || disturbed_q) && (port_in || ingress);
      dropping_q  <= (down || dropping_q) && egress;
    end
  end

  always_comb reset_first: assume (started_q || !rst_ni);

  always_comb begin
    if (rst_ni) begin
      // A port that is up, and was long enough, has a wire to the switch.
      transparent_in: assert (down || disturbed_q
          || (in_tvalid == s_tvalid_i && s_tready == in_tready_i
              && in_tlast == s_tlast_i && !in_abort));
      transparent_out: assert (down || dropping_q
          || (m_tvalid == out_tvalid_i && out_tready == m_tready_i
              && out_vc_room == m_vc_room_i));
      // A packet in the ingress is closed at once when its port is down.
      closes: assert (!(down && ingress_q) || (in_tvalid && in_tlast && in_abort));
      // A closing beat stays until it is taken: the ingress is never left within a packet.
      nothing_left_open: assert (!(disturbed_q && ingress_q)
                                 || (in_tvalid && in_tlast && in_abort));
      // Nothing begins while the port is down.
      begins_up: assert (!(in_tvalid && !ingress_q) || !down);
      // What begins in the ingress begins at the port: no rest of a packet gets in.
      whole_in: assert (!(in_tvalid && !ingress_q) || (s_tvalid_i && !port_in_q));
      // What the port gets begins with a first beat, and goes on with the same packet.
      whole_out: assert (!m_tvalid || (port_out_q == egress_q));
      // Nobody waits for a port that is down: neither the switch nor its own sender.
      drains: assert (!down || (out_tready && out_vc_room == '1 && !m_tvalid && s_tready));
      // A beat is passed or discarded, never both, never twice.
      passed_once: assert (!(moved_s && !(down || disturbed_q)) || moved_in);
      // Every packet of the egress that is not given whole is counted, once.
      counted: assert (!(moved_out && out_tlast_i) || (dropped != moved_m));
      // So is every packet that is closed, and every one that begins while the port is shut.
      cut_counted: assert (discarded == (closing_begins || begins_shut));
    end
  end

  always_comb begin
    // A packet is cut; the ingress takes the closing beat late, after the port is up again.
    closed_late: cover (rst_ni && moved_in && in_abort && !down && s_tvalid_i);
    // The rest of a packet of a port that was shut is discarded after it is up again.
    rest_discarded: cover (rst_ni && moved_s && !down && disturbed_q && port_in_q && !in_tvalid);
    // A packet to the port is dropped to its end after the port is up again.
    rest_dropped: cover (rst_ni && dropped && !down && dropping_q);
    // Packets pass again, in both directions.
    passes_again: cover (rst_ni && moved_in && moved_m && !down && port_in_q && port_out_q);
    first_discarded: cover (rst_ni && discarded);
  end

endmodule
