// SPDX-License-Identifier: Apache-2.0
//
// Sends the requests of all kinds, in turn: header, payload, strobes. Guarantees: a packet is
// offered without gaps of its own; a beat that is offered stays; a request is held until nothing
// of it is needed any more, or it has ended: then the rest of its packet is anything, with an error
// mark.

module sp_requester_send
  import sp_pkg::*;
  import sp_requester_pkg::*;
#(
    /// Bits of a flit: 128, 256 or 512.
    parameter int unsigned FLIT_W   = 128,
    /// Planes, 1 to 8.
    parameter int unsigned N_PLANES = 2,
    /// Buffers of stores.
    parameter int unsigned N_BUFS   = 16,
    localparam int unsigned U       = FLIT_W / UNIT_W,
    localparam int unsigned PlaneW  = (N_PLANES > 1) ? $clog2(N_PLANES) : 1,
    localparam int unsigned BufW    = $clog2(N_BUFS),
    localparam int unsigned RowW    = BufW + $clog2(MAX_UNITS / U)
) (
    /// Clock.
    input  logic                          clk_i,
    /// Reset, active low, asynchronous.
    input  logic                          rst_ni,
    /// ID of this accelerator.
    input  logic [ID_W-1:0]               source_i,
    /// Planes that are up.
    input  logic [N_PLANES-1:0]           up_i,
    /// By row of destinations: planes that they are not reached by.
    input  logic [2**AVOID_W-1:0][N_PLANES-1:0] avoid_i,
    /// Planes that carry nothing while all others do.
    input  logic [N_PLANES-1:0]           spare_i,
    /// Requests that are not strict take the plane that has the fewest.
    input  logic                          least_i,
    /// A request that was sent has ended.
    input  logic                          end_i,
    /// Name of its way.
    input  logic [7:0]                    end_hash_i,
    /// It was not strict.
    input  logic                          end_relaxed_i,
    /// Its plane.
    input  logic [PlaneW-1:0]             end_plane_i,
    /// No request is on the way.
    input  logic                          none_i,
    /// A request of each kind is to be sent.
    input  logic [KINDS-1:0]              offer_i,
    /// Its packet.
    input  ask_t [KINDS-1:0]              ask_i,
    /// Its number.
    input  logic [KINDS-1:0][NUM_W-1:0]   num_i,
    /// It was sent before.
    input  logic [KINDS-1:0]              again_i,
    /// Of the last store that was taken: {buffer, strobes}.
    input  logic [EXTRA_W-1:0]            store_extra_i,
    /// Of the last atomic that was taken: {epoch, value to compare, operand}.
    input  logic [EXTRA_W-1:0]            atomic_extra_i,
    /// It is taken.
    output logic [KINDS-1:0]              take_o,
    /// Plane that it takes.
    output logic [PlaneW-1:0]             take_plane_o,
    /// A request of this kind is being sent.
    output logic [KINDS-1:0]              held_o,
    /// Its number.
    output logic [NUM_W-1:0]              held_num_o,
    /// It ends without an answer, or another one that has its place.
    input  logic                          held_void_i,
    /// Something is under way in here.
    output logic                          busy_o,
    /// Read payload.
    output logic                          read_o,
    /// Row of each bank.
    output logic [U-1:0][RowW-1:0]        read_row_o,
    /// Payload, in the next cycle.
    input  logic [FLIT_W-1:0]             read_data_i,
    /// A beat.
    output logic                          req_tvalid_o,
    /// It is taken.
    input  logic                          req_tready_i,
    /// Units.
    output logic [FLIT_W-1:0]             req_tdata_o,
    /// {error mark, header}.
    output logic [USER_W-1:0]             req_tuser_o,
    /// Last beat.
    output logic                          req_tlast_o,
    /// Plane, constant through a packet.
    output logic [PlaneW-1:0]             req_plane_o
);

  localparam int unsigned UnitW  = $clog2(MAX_UNITS);
  localparam int unsigned RowInW = UnitW - $clog2(U);
  localparam int unsigned BankW  = (U > 1) ? $clog2(U) : 1;

  /// A packet on its way out.
  typedef struct packed {
    kind_e              kind;
    ask_t               ask;
    logic [NUM_W-1:0]   num;
    logic               again;
    logic [PlaneW-1:0]  plane;
  } pick_t;

  // ------------------------------------------------------------------------------------ choose

  logic [KINDS-1:0] grant;
  logic             pick_ready;
  pick_t            pick;

  sp_rr_arbiter #(
      .N(KINDS)
  ) u_arbiter (
      .clk_i,
      .rst_ni,
      .req_i    (offer_i),
      .advance_i(pick_ready),
      .gnt_o    (grant)
  );

  assign take_o = pick_ready ? grant : '0;

  kind_e kind;
  ask_t  ask;

  assign kind = grant[KIND_ATOMIC] ? KIND_ATOMIC : (grant[KIND_STORE] ? KIND_STORE : KIND_LOAD);
  assign ask  = ask_i[kind];

  always_comb begin
    pick.kind  = kind;
    pick.ask   = ask;
    pick.num   = num_i[kind];
    pick.again = again_i[kind];
    pick.plane = take_plane_o;
  end

  logic [7:0]          hash;
  logic [N_PLANES-1:0] allowed;
  logic [PlaneW-1:0]   by_hash;

  assign hash = way_hash(ask.dst, ask.mem.addr[ADDR_W-1:8], ask.mem.relaxed);

  sp_requester_plane #(
      .N_PLANES(N_PLANES)
  ) u_plane (
      .up_i,
      .avoid_i  (avoid_i[ask.dst[AVOID_W-1:0]]),
      .spare_i,
      .hash_i   (hash),
      .allowed_o(allowed),
      .plane_o  (by_hash)
  );

  sp_requester_least #(
      .N_PLANES  (N_PLANES),
      .N_REQUESTS(KINDS * N_BUFS)
  ) u_least (
      .clk_i,
      .rst_ni,
      .least_i,
      .allowed_i    (allowed),
      .by_hash_i    (by_hash),
      .hash_i       (hash),
      .relaxed_i    (ask.mem.relaxed),
      .take_i       (|take_o),
      .plane_o      (take_plane_o),
      .end_i,
      .end_hash_i,
      .end_relaxed_i,
      .end_plane_i,
      .none_i
  );

  // -------------------------------------------------------------------------------------- read

  logic             pick_valid_q;
  pick_t            pick_q;
  logic [LEN_W-1:0] beat_q;
  logic             void_q;   // the request has ended
  logic             is_void;
  logic [LEN_W-1:0] flits;
  logic             go;
  logic             last;
  logic             out_ready;

  assign flits      = num_flits(pick_q.ask.len, MAX_EXT'(pick_q.ask.strobes) << EXT_STROBE, U);
  assign last       = beat_q + LEN_W'(1) == flits;
  assign go         = pick_valid_q && out_ready;
  assign pick_ready = !pick_valid_q || (go && last);
  assign is_void    = void_q || held_void_i;
  assign held_num_o = pick_q.num;
  for (genvar k = 0; k < KINDS; k++) begin : g_held
    assign held_o[k] = pick_valid_q && pick_q.kind == kind_e'(k);
  end

  assign read_o = go;
  always_comb begin
    logic [UnitW-1:0] first;
    logic [UnitW-1:0] ahead;
    // Bank b has the unit at or behind the first of this flit that is b modulo U.
    first = pick_q.ask.mem.addr[4 +: UnitW] + UnitW'(32'(beat_q) * U);
    for (int unsigned b = 0; b < U; b++) begin
      ahead = (U > 1) ? (UnitW'(b) - first) % UnitW'(U) : '0;
      read_row_o[b] = {store_extra_i[UNIT_W +: BufW],
                       RowInW'((first + ahead) >> $clog2(U))};
    end
  end

  // --------------------------------------------------------------------------------------- out

  logic               out_valid_q;
  pick_t              out_q;
  logic [EXTRA_W-1:0] out_extra_q;
  logic [LEN_W-1:0]   out_unit_q;  // first unit of the packet in this flit
  logic               out_last_q;
  logic               out_err_q;

  assign out_ready = !out_valid_q || req_tready_i;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      pick_valid_q <= 1'b0;
      out_valid_q  <= 1'b0;
      beat_q       <= '0;
      void_q       <= 1'b0;
    end else begin
      if (pick_ready) pick_valid_q <= |grant;
      void_q <= is_void && !pick_ready;
      if (go) beat_q <= last ? '0 : beat_q + LEN_W'(1);
      if (out_ready) out_valid_q <= pick_valid_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (pick_ready) pick_q <= pick;
    if (go) begin
      out_q       <= pick_q;
      out_extra_q <= (pick_q.kind == KIND_ATOMIC) ? atomic_extra_i : store_extra_i;
      out_unit_q  <= LEN_W'(32'(beat_q) * U);
      out_last_q  <= last;
      out_err_q   <= is_void && last;
    end
  end

  hdr_t    hdr;
  atomic_t atomic;

  always_comb begin
    hdr         = '0;
    hdr.cls.mem = out_q.ask.mem;
    hdr.ext[EXT_STROBE] = out_q.ask.strobes;
    hdr.len     = out_q.ask.len;
    hdr.tag     = {out_q.kind, out_q.num};
    hdr.src     = source_i;
    hdr.dst     = out_q.ask.dst;
    hdr.version = VERSION;
    case (out_q.kind)
      KIND_STORE:  hdr.op = OP_WRITE;
      KIND_ATOMIC: hdr.op = OP_ATOMIC;
      default:     hdr.op = OP_READ;
    endcase

    atomic         = '0;
    atomic.operand = out_extra_q[63:0];
    atomic.epoch   = out_extra_q[UNIT_W +: 16];
    atomic.quiet   = out_q.ask.quiet;
    atomic.retry   = out_q.again;
  end

  always_comb begin
    logic [LEN_W-1:0] unit;
    logic [BankW-1:0] bank;
    req_tdata_o = '0;
    for (int unsigned j = 0; j < U; j++) begin
      unit = out_unit_q + LEN_W'(j);
      bank = (U > 1) ? BankW'(j) + out_q.ask.mem.addr[4 +: BankW] : '0;
      case (out_q.kind)
        KIND_STORE: begin
          if (unit < out_q.ask.len) begin
            req_tdata_o[UNIT_W*j +: UNIT_W] = read_data_i[UNIT_W*bank +: UNIT_W];
          end else if (unit == out_q.ask.len && out_q.ask.strobes) begin
            req_tdata_o[UNIT_W*j +: UNIT_W] = out_extra_q[UNIT_W-1:0];
          end
        end
        KIND_ATOMIC: begin
          if (unit == '0) req_tdata_o[UNIT_W*j +: UNIT_W] = atomic;
          else if (unit < out_q.ask.len) begin
            req_tdata_o[UNIT_W*j +: UNIT_W] = UNIT_W'(out_extra_q[127:64]);
          end
        end
        default: ;
      endcase
    end
  end

  assign req_tvalid_o = out_valid_q;
  assign req_tuser_o  = {out_err_q, hdr};
  assign req_tlast_o  = out_last_q;
  assign req_plane_o  = out_q.plane;
  assign busy_o       = pick_valid_q || out_valid_q;

endmodule
