// SPDX-License-Identifier: Apache-2.0
//
// Answers: whose they are, whether they are what was asked for, and where their data goes. Always
// takes a beat. Guarantees: an answer touches only the request that it names, and only while that
// waits for it; a request is told its answer once, with the last beat.

module sp_requester_answer
  import sp_pkg::*;
  import sp_endpoint_pkg::*;
  import sp_requester_pkg::*;
#(
    /// Bits of a flit: 128, 256 or 512.
    parameter int unsigned FLIT_W = 128,
    /// Requests of a kind.
    parameter int unsigned N      = 16,
    localparam int unsigned IdxW  = $clog2(N),
    localparam int unsigned U     = FLIT_W / UNIT_W,
    localparam int unsigned RowW  = IdxW + $clog2(MAX_UNITS / U)
) (
    /// Clock.
    input  logic                         clk_i,
    /// Reset, active low, asynchronous.
    input  logic                         rst_ni,
    /// ID of this accelerator.
    input  logic [ID_W-1:0]              source_i,
    /// A beat; it is taken at once.
    input  logic                         rsp_tvalid_i,
    /// Units.
    input  logic [FLIT_W-1:0]            rsp_tdata_i,
    /// {error mark, header}.
    input  logic [USER_W-1:0]            rsp_tuser_i,
    /// Last beat.
    input  logic                         rsp_tlast_i,
    /// With the last beat: the packet was lost on its way; it is as if it had not come.
    input  logic                         rsp_void_i,
    /// Number in the answer.
    output logic [NUM_W-1:0]             num_o,
    /// What it will be in the next cycle.
    output logic [NUM_W-1:0]             num_next_o,
    /// Such a request of each kind waits.
    input  logic [KINDS-1:0]             live_i,
    /// Its packet.
    input  ask_t [KINDS-1:0]             ask_i,
    /// It is answered: it ends.
    output logic [KINDS-1:0]             answer_o,
    /// With it: over another plane the answer may be another one, and to send the request again
    /// does no harm.
    output logic                         again_o,
    /// Response.
    output logic [1:0]                   resp_o,
    /// Of atomics: the status.
    output logic [3:0]                   status_o,
    /// Of atomics: the old value.
    output logic [63:0]                  old_o,
    /// Write banks of the load buffers.
    output logic [U-1:0]                 write_o,
    /// Row of each.
    output logic [U-1:0][RowW-1:0]       write_row_o,
    /// Data.
    output logic [FLIT_W-1:0]            write_data_o,
    /// Pulse: an answer nobody waits for.
    output logic                         ev_late_o,
    /// Pulse: an answer to something that was not asked here.
    output logic                         ev_unknown_o,
    /// Pulse: an answer of the wrong kind or length.
    output logic                         ev_malformed_o
);

  localparam int unsigned UnitW  = $clog2(MAX_UNITS);
  localparam int unsigned RowInW = UnitW - $clog2(U);

  hdr_t              hdr;      // with the first beat
  logic              valid_q;
  logic [FLIT_W-1:0] data_q;
  hdr_t              hdr_q;    // of the packet
  logic              error_q;
  logic              last_q;
  logic              void_q;
  logic              first;    // the beat that comes is the first of its packet
  logic              first_q;
  logic [LEN_W-1:0]  beat_q;   // of the packet, saturates
  logic [63:0]       old_q;

  assign hdr = hdr_t'(rsp_tuser_i[HDR_W-1:0]);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid_q <= 1'b0;
      first   <= 1'b1;
    end else begin
      valid_q <= rsp_tvalid_i;
      if (rsp_tvalid_i) first <= rsp_tlast_i;
    end
  end

  always_ff @(posedge clk_i) begin
    if (rsp_tvalid_i) begin
      data_q  <= rsp_tdata_i;
      error_q <= rsp_tuser_i[HDR_W];
      last_q  <= rsp_tlast_i;
      void_q  <= rsp_void_i;
      first_q <= first;
      beat_q  <= first ? '0 : (beat_q == '1) ? beat_q : beat_q + LEN_W'(1);
      if (first) hdr_q <= hdr;
    end
    if (valid_q && first_q) old_q <= data_q[63:0];
  end

  // ----------------------------------------------------------------------------------- whose

  logic [1:0]       kind;
  logic             live;
  ask_t             ask;
  logic             ours;    // it answers what was asked
  logic             match;
  logic [LEN_W-1:0] wanted;  // units
  logic [5:0]       good_op;
  logic             fits;
  logic             spoilt;

  assign kind  = hdr_q.tag[TAG_W-1 -: 2];
  assign num_o = hdr_q.tag[NUM_W-1:0];
  assign num_next_o = (rsp_tvalid_i && first) ? hdr.tag[NUM_W-1:0] : num_o;

  always_comb begin
    live    = 1'b0;
    ask     = ask_i[KIND_LOAD];
    wanted  = '0;
    good_op = OP_WRITE_RSP;
    case (kind)
      KIND_LOAD: begin
        live    = live_i[KIND_LOAD];
        wanted  = LEN_W'(ask.mem.arg) + LEN_W'(1);
        good_op = OP_READ_RSP;
      end
      KIND_STORE: begin
        live = live_i[KIND_STORE];
        ask  = ask_i[KIND_STORE];
      end
      KIND_ATOMIC: begin
        live = live_i[KIND_ATOMIC];
        ask  = ask_i[KIND_ATOMIC];
        if (!ask.quiet) begin
          wanted  = LEN_W'(1);
          good_op = OP_ATOMIC_RSP;
        end
      end
      default: ;
    endcase
  end

  // An answer keeps the class part of its request and comes from where that went. Collective
  // packets have another class part, and their tag is no number of ours.
  assign ours  = kind != 2'd3 && !hdr_q.op[3] && hdr_q.version == VERSION &&
                 hdr_q.dst == source_i;
  assign match = live && hdr_q.src == ask.dst && hdr_q.cls.mem.relaxed == ask.mem.relaxed &&
                 hdr_q.cls.mem.wide == ask.mem.wide && hdr_q.cls.mem.arg == ask.mem.arg &&
                 hdr_q.cls.mem.addr == ask.mem.addr;

  // An error is a header alone and has a reason; the rest brings what was asked for.
  assign fits = (hdr_q.op == OP_ERROR) ? hdr_q.len == '0 && hdr_q.status != ST_OK :
                hdr_q.op == good_op && hdr_q.len == wanted;
  assign spoilt = !fits || beat_q + LEN_W'(1) != num_flits(hdr_q.len, hdr_q.ext, U);

  logic unused;
  assign unused = &{1'b0, hdr, hdr_q.rsvd, hdr_q.ecn, hdr_q.cls.mem.rsvd, ask.strobes, ask.len,
                    ask.mem.rsvd};

  logic ends;
  assign ends = valid_q && last_q && !void_q;

  for (genvar k = 0; k < KINDS; k++) begin : g_answer
    assign answer_o[k] = ends && ours && match && kind == 2'(k);
  end

  logic trusted;
  assign trusted  = !spoilt && !hdr_q.poison && !error_q;
  assign resp_o   = trusted ? status_resp(hdr_q.status) : RESP_SLVERR;
  assign status_o = trusted ? hdr_q.status : ST_UNKNOWN;
  assign old_o    = first_q ? data_q[63:0] : old_q;

  // Not executed, or spoilt on the way back: then stores can be executed twice, and an atomic is
  // known by its epoch.
  assign again_o = error_q ||
                   (trusted && (hdr_q.status == ST_DST || hdr_q.status == ST_BROKEN));

  assign ev_late_o      = ends && ours && !live;
  assign ev_unknown_o   = ends && (!ours || (live && !match));
  assign ev_malformed_o = ends && ours && match && spoilt;

  // ------------------------------------------------------------------------------------- data

  always_comb begin
    logic [LEN_W-1:0] unit;  // of the packet
    logic [UnitW-1:0] from;  // of the flit
    for (int unsigned b = 0; b < U; b++) begin
      from = (U > 1) ? (UnitW'(b) - ask.mem.addr[4 +: UnitW]) % UnitW'(U) : '0;
      unit = LEN_W'(32'(beat_q) * U) + LEN_W'(from);
      // What lies behind the units that are wanted falls on those of the block that are not.
      write_o[b] = valid_q && ours && match && kind == KIND_LOAD;
      write_row_o[b] = {num_o[IdxW-1:0],
                        RowInW'((LEN_W'(ask.mem.addr[4 +: UnitW]) + unit) >> $clog2(U))};
      write_data_o[UNIT_W*b +: UNIT_W] = data_q[UNIT_W*from +: UNIT_W];
    end
  end

endmodule
