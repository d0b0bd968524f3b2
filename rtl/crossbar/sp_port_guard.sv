// SPDX-License-Identifier: Apache-2.0
//
// Stands between a port and the switch and keeps a port that is down from harming the others.
// Guarantees: while the port is up it is not there (no cycle, no change); once the port is down,
// the packet that is half in is closed, and refused by the ingress, what still comes from the port
// is discarded, what the switch sends to it is taken and dropped, so that nothing waits for the
// port; when it is up again, both directions go on with the first beat of a packet.
//
// Two reasons to be down: the link carries no packets (`link_down_i`: it forgets where it was in a
// packet, and begins with a first beat when it is up again), or a register shuts the port
// (`shut_i`: its partner may not know, so that the rest of its packet is discarded too).

module sp_port_guard (
    /// Clock.
    input  logic                      clk_i,
    /// Reset, active low, asynchronous.
    input  logic                      rst_ni,
    /// The link carries no packets; from a register.
    input  logic                      link_down_i,
    /// A register shuts the port.
    input  logic                      shut_i,
    /// The port is down, for either reason.
    output logic                      down_o,

    /// From the port: valid.
    input  logic                      s_tvalid_i,
    /// From the port: ready.
    output logic                      s_tready_o,
    /// From the port: last beat.
    input  logic                      s_tlast_i,
    /// To the ingress: valid; withdrawn when the port goes down.
    output logic                      in_tvalid_o,
    /// To the ingress: ready.
    input  logic                      in_tready_i,
    /// To the ingress: last beat.
    output logic                      in_tlast_o,
    /// To the ingress, with the last beat: the packet is not whole.
    output logic                      in_abort_o,

    /// From the egress: valid.
    input  logic                      out_tvalid_i,
    /// From the egress: ready.
    output logic                      out_tready_o,
    /// From the egress: last beat.
    input  logic                      out_tlast_i,
    /// To the port: valid; withdrawn when it goes down.
    output logic                      m_tvalid_o,
    /// To the port: ready.
    input  logic                      m_tready_i,
    /// From the port: the receiver lets a packet of the VC start.
    input  logic [sp_pkg::NUM_VC-1:0] m_vc_room_i,
    /// To the egress: the same.
    output logic [sp_pkg::NUM_VC-1:0] out_vc_room_o,

    /// Event: a packet that was half in is closed, or one from a port that is shut is discarded.
    output logic                      ev_discarded_o,
    /// Event: a packet to the port is dropped, or the rest of it.
    output logic                      ev_dropped_o
);
  /* verilator no_inline_module */  // one C++ body for all ports

  logic open_q;   // the port is within a packet
  logic rest_q;   // what is left of it is discarded
  logic inside_q; // the ingress is within a packet
  logic close_q;  // and waits to have it closed
  logic out_q;    // the egress is within a packet
  logic drop_q;   // what is left of it is dropped

  assign down_o = link_down_i || shut_i;

  // ------------------------------------------------------------------------------------------ in

  logic discard;  // what comes from the port
  logic closes;   // the beat for the ingress is ours
  logic open;     // the port is within a packet behind this cycle

  assign discard     = down_o || rest_q;
  assign closes      = inside_q && (discard || close_q);
  assign in_tvalid_o = closes || (s_tvalid_i && !discard);
  assign in_tlast_o  = closes || s_tlast_i;
  assign in_abort_o  = closes;
  assign s_tready_o  = discard || (in_tready_i && !closes);
  assign open        = !link_down_i && ((s_tvalid_i && s_tready_o) ? !s_tlast_i : open_q);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      open_q   <= 1'b0;
      rest_q   <= 1'b0;
      inside_q <= 1'b0;
      close_q  <= 1'b0;
    end else begin
      open_q  <= open;
      rest_q  <= open && discard;
      close_q <= closes && !in_tready_i;
      if (in_tvalid_o && in_tready_i) inside_q <= !in_tlast_o;
    end
  end

  // ----------------------------------------------------------------------------------------- out

  logic drop;
  logic out;  // the egress is within a packet behind this cycle

  assign drop          = down_o || drop_q;
  assign m_tvalid_o    = out_tvalid_i && !drop;
  assign out_tready_o  = drop || m_tready_i;
  assign out_vc_room_o = m_vc_room_i | {sp_pkg::NUM_VC{drop}};
  assign out           = (out_tvalid_i && out_tready_o) ? !out_tlast_i : out_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      out_q  <= 1'b0;
      drop_q <= 1'b0;
    end else begin
      out_q  <= out;
      drop_q <= out && drop;
    end
  end

  assign ev_discarded_o = (closes && !close_q)
                          || (!link_down_i && s_tvalid_i && shut_i && !open_q);
  assign ev_dropped_o   = out_tvalid_i && drop && out_tlast_i;

endmodule
