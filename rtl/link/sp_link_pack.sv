// SPDX-License-Identifier: Apache-2.0
//
// Packets to beats. Guarantees: every packet that begins is as long as its header says (the rest is
// dropped, or zeros fill it, and POISON follows); of a beat at most one flit ends; POISON lies in
// the beat of the packet's last unit, or with one block a beat in the next, which then is there at
// once. A beat waits for no other: what is there leaves, with NULL behind it.

module sp_link_pack #(
    /// Bits of a flit.
    parameter int unsigned FLIT_W = 128,
    localparam int unsigned K = FLIT_W / sp_pkg::UNIT_W
) (
    /// Clock.
    input  logic                           clk_i,
    /// Reset, active low, asynchronous.
    input  logic                           rst_ni,
    /// Packets may begin.
    input  logic                           up_i,
    /// Packets that begin are dropped.
    input  logic                           discard_i,
    /// Nothing stays, and the rest of the packet that comes is dropped.
    input  logic                           clear_i,

    /// Stream in: valid.
    input  logic                           s_tvalid_i,
    /// Stream in: ready.
    output logic                           s_tready_o,
    /// Stream in: payload.
    input  logic [FLIT_W-1:0]              s_tdata_i,
    /// Stream in: {error mark with the last beat, header with the first}.
    input  logic [sp_pkg::USER_W-1:0]      s_tuser_i,
    /// Stream in: last beat.
    input  logic                           s_tlast_i,

    /// A packet would begin, and does not in this cycle nor is dropped.
    output logic                           head_waits_o,
    /// Its VC.
    output logic [1:0]                     head_vc_o,
    /// Its flits.
    output logic [sp_pkg::LEN_W-1:0]       head_flits_o,
    /// There is room for it at the other end.
    input  logic                           go_i,
    /// It begins.
    output logic                           start_o,

    /// A beat.
    output logic                           valid_o,
    /// It is taken.
    input  logic                           ready_i,
    /// Its blocks: control.
    output logic [K-1:0]                   ctl_o,
    /// Its blocks: units.
    output logic [K-1:0][sp_pkg::UNIT_W-1:0] unit_o,
    /// The last block is free.
    output logic                           free_o,
    /// The next beat begins with the POISON of this one's packet.
    output logic                           hold_o,
    /// The first unit goes on with a packet.
    output logic                           cont_o,
    /// A packet ends in it.
    output logic                           end_o,
    /// When this one is taken another follows at once.
    output logic                           next_o,
    /// The beat that follows leaves its last block free.
    input  logic                           short_i,

    /// A packet has been taken.
    output logic                           done_o,
    /// Event: length of a packet was not what its header says.
    output logic                           ev_length_o,
    /// Event: a packet, or the rest of one, was dropped.
    output logic                           ev_dropped_o
);

  import sp_pkg::*;
  import sp_link_pkg::*;

  localparam int unsigned Flit = K + 2;                     // blocks of a flit, at most
  localparam int unsigned Held = (K == 1) ? 2 : K + 2;      // blocks that may have to wait
  localparam int unsigned All = Held + Flit;
  localparam int unsigned CntW = $clog2(All + 1);

  if (FLIT_W != 128 && FLIT_W != 256 && FLIT_W != 512) begin : g_bad_width
    $fatal(1, "sp_link_pack: FLIT_W = %0d is not 128, 256 or 512", FLIT_W);
  end

  /// A block on its way into a beat.
  typedef struct packed {
    logic              ctl;
    logic              head;  // header of a packet
    logic              tail;  // last unit of a packet
    logic [UNIT_W-1:0] unit;
  } block_t;

  localparam block_t Null = '{ctl: 1'b1, default: '0};
  localparam block_t Poison = '{ctl: 1'b1, unit: UNIT_W'(KIND_POISON), default: '0};

  // ------------------------------------------------------------------------------------ stream in

  logic              s_valid;
  logic              s_ready;
  logic              s_last;
  logic              s_err;
  hdr_t              s_hdr;
  logic [FLIT_W-1:0] s_data;

  sp_skid_buffer #(
      .WIDTH(1 + USER_W + FLIT_W)
  ) i_skid (
      .clk_i,
      .rst_ni,
      .valid_i(s_tvalid_i),
      .ready_o(s_tready_o),
      .data_i ({s_tlast_i, s_tuser_i, s_tdata_i}),
      .valid_o(s_valid),
      .ready_i(s_ready),
      .data_o ({s_last, s_err, s_hdr, s_data})
  );

  // ------------------------------------------------------------------------------------- one flit

  logic             open_q;   // the packet has begun and has units to come
  logic             drop_q;   // what comes up to the last beat is dropped
  logic             fill_q;   // the stream ended before the packet: zeros
  logic [LEN_W-1:0] left_q;   // units to come
  logic             last_q;   // they make one flit

  logic             drop;     // the beat that comes is dropped
  logic             flit;     // there is a flit
  logic [LEN_W-1:0] left;     // units from this flit on
  logic             last;     // it is the packet's last one
  logic             head_last; // the same of a first flit
  logic             alone;    // it is a header and nothing else
  logic             wrong;    // the stream has another length
  logic             poison;   // POISON follows
  logic             take;     // it goes into the beat or behind it
  logic             whole;    // all of it behind it
  logic [CntW-1:0]  units;    // header counted
  logic [CntW-1:0]  blocks;   // POISON counted

  assign head_waits_o = s_valid && !open_q && !s_ready;
  assign head_vc_o    = op_vc(s_hdr.op);
  assign head_flits_o = flits_of(units_of(s_hdr.len, s_hdr.ext), K);

  // With one unit a flit no sum is needed to see it.
  assign head_last = (K > 1) ? units_of(s_hdr.len, s_hdr.ext) <= LEN_W'(K) :
                     (s_hdr.len == '0) ? (s_hdr.ext & (s_hdr.ext - MAX_EXT'(1))) == '0 :
                     (s_hdr.len == LEN_W'(1)) && (s_hdr.ext == '0);

  assign drop  = drop_q || (!open_q && discard_i);
  assign flit  = fill_q || (s_valid && !drop && (open_q || (up_i && go_i)));
  assign left  = open_q ? left_q : units_of(s_hdr.len, s_hdr.ext);
  assign last  = open_q ? last_q : head_last;
  assign wrong = !fill_q && (last != s_last);
  assign poison = last && (fill_q || wrong || s_err);
  assign alone  = !open_q && (s_hdr.len == '0) && (s_hdr.ext == '0);
  assign units  = ((K == 1) ? CntW'(!alone) : CntW'(last ? left : LEN_W'(K))) + CntW'(!open_q);
  assign blocks = units + CntW'(poison);

  assign s_ready = drop || (take && !fill_q);
  assign start_o = take && !open_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      open_q <= 1'b0;
      drop_q <= 1'b0;
      fill_q <= 1'b0;
    end else if (clear_i) begin
      open_q <= 1'b0;
      fill_q <= 1'b0;
      drop_q <= (s_valid && drop) ? !s_last : (drop_q || (open_q && !fill_q));
    end else begin
      if (take) begin
        open_q <= !last;
        fill_q <= !last && (fill_q || s_last);
        drop_q <= wrong && last;
      end
      if (s_valid && drop) drop_q <= !s_last;
    end
  end

  always_ff @(posedge clk_i) begin
    if (take) begin  // looked at if this was not the last
      left_q <= left - LEN_W'(K);
      last_q <= left <= LEN_W'(2 * K);
    end
  end

  // ------------------------------------------------------------------------------------ the beat

  block_t          held_q [Held];
  logic [CntW-1:0] held_count_q;
  logic            load;     // a beat is made in this cycle
  logic            load_data;
  // Twice the same: what many registers look at decides nothing else.
  (* keep *)
  logic            valid_q;  // there is a beat
  (* keep *)
  logic            there_q;
  logic [CntW-1:0] room;     // blocks of the beat
  logic [CntW-1:0] total;    // blocks at hand
  logic [CntW-1:0] emit;     // blocks that go into the beat
  block_t          all [All];
  logic [All-1:0]  controls; // which of them are control
  logic            poison_next;  // the first that finds no place is POISON

  assign load  = !valid_q || ready_i;
  assign load_data = !there_q || ready_i;
  assign room  = (K > 1 && short_i) ? CntW'(K - 1) : CntW'(K);
  // No second flit may end in a beat: one that would, behind what waits, waits as a whole.
  assign take  = load && flit && !clear_i && ((held_count_q == '0) || (held_count_q < room));
  assign whole = take && (held_count_q != '0) && (held_count_q + units <= room);
  assign total = held_count_q + (take ? blocks : '0);

  always_comb begin
    for (int unsigned i = 0; i < All; i++) all[i] = Null;
    // The flit behind the blocks that wait.
    for (int unsigned i = 0; i < Flit; i++) begin
      for (int unsigned at = 0; at < K; at++) begin
        if (CntW'(at) == held_count_q) begin
          // A flit has a unit at least.
          if ((i == 0) || (CntW'(i) < units)) begin
            all[at+i].ctl  = 1'b0;
            all[at+i].head = !open_q && (i == 0);
            all[at+i].tail = last && (CntW'(i + 1) == units);
            all[at+i].unit = s_hdr;
            if (open_q && (i < K)) all[at+i].unit = s_data[UNIT_W*(i%K)+:UNIT_W];
            if (!open_q && (i > 0)) all[at+i].unit = s_data[UNIT_W*((i+K-1)%K)+:UNIT_W];
            if (fill_q) all[at+i].unit = '0;
          end else begin
            all[at+i] = Poison;  // if that is due; else nothing counts from here on
          end
        end
      end
    end
    for (int unsigned i = 0; i < Held; i++) begin
      if (CntW'(i) < held_count_q) all[i] = held_q[i];
    end
  end

  always_comb begin
    for (int unsigned i = 0; i < All; i++) controls[i] = all[i].ctl;
    emit        = whole ? held_count_q : (total < room) ? total : room;
    poison_next = (emit < total) && 1'(controls >> emit);
    // With more than one block POISON stays with the unit that it follows.
    if (K > 1 && poison_next && (emit != '0)) emit = emit - CntW'(1);
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid_q      <= 1'b0;
      there_q      <= 1'b0;
      held_count_q <= '0;
    end else if (clear_i) begin
      valid_q      <= 1'b0;
      there_q      <= 1'b0;
      held_count_q <= '0;
    end else if (load) begin
      valid_q      <= emit != '0;
      there_q      <= emit != '0;
      held_count_q <= total - emit;

      assert (total - emit <= CntW'(Held)) else $error("sp_link_pack: too many blocks wait");
    end
  end

  always_ff @(posedge clk_i) begin
    if (load_data) begin
      end_o  <= 1'b0;
      hold_o <= (K == 1) && poison_next;
      cont_o <= !all[0].head;
      free_o <= emit < CntW'(K);
      for (int unsigned k = 0; k < K; k++) begin
        ctl_o[k]  <= ((k > 0) && (CntW'(k) >= emit)) || all[k].ctl;
        // The first is looked at only if there is one.
        unit_o[k] <= ((k == 0) || (CntW'(k) < emit)) ? all[k].unit : '0;
        if ((CntW'(k) < emit) && all[k].tail) end_o <= 1'b1;
      end
      for (int unsigned i = 0; i < Held; i++) begin
        // With one block it is sent if there is any.
        if (K == 1) held_q[i] <= all[1+i];
        else for (int unsigned e = 0; e <= K; e++) if (CntW'(e) == emit) held_q[i] <= all[e+i];
      end
    end
  end

  assign valid_o      = valid_q;
  assign next_o       = (held_count_q != '0) || flit;
  assign done_o       = take && !fill_q && (last || s_last);
  assign ev_length_o  = take && wrong;
  assign ev_dropped_o = s_valid && drop && s_last;

endmodule
