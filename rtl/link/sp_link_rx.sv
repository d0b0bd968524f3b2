// SPDX-License-Identifier: Apache-2.0
//
// Receiver of a link: finds frames, checks them, takes each number once and in order, asks again
// for what is missing. Guarantees: only a good frame of this epoch has any effect; flits of the
// frame with the expected number are committed, all others rolled back; one NACK for each round
// heard while something is missing.
//
//   wire --> blocks --> CRC of the frame --> contents, number --> buffer      registers at -->

module sp_link_rx #(
    /// Bits of a flit.
    parameter int unsigned FLIT_W = 128,
    /// Bits of a sequence number.
    parameter int unsigned SEQ_W = 13,
    localparam int unsigned K = FLIT_W / sp_pkg::UNIT_W
) (
    /// Clock.
    input  logic                                  clk_i,
    /// Reset, active low, asynchronous.
    input  logic                                  rst_ni,
    /// Frames are taken.
    input  logic                                  up_i,
    /// Numbers begin anew.
    input  logic                                  clear_i,
    /// A packet that was partly handed on is filled up.
    input  logic                                  flush_i,
    /// Epoch of this training.
    input  logic [sp_link_pkg::EPOCH_W-1:0]       epoch_i,

    /// A beat from the wire.
    input  logic                                  rx_valid_i,
    /// Its marks.
    input  logic [K-1:0][sp_link_pkg::MARK_W-1:0] rx_mark_i,
    /// Its units.
    input  logic [K-1:0][sp_pkg::UNIT_W-1:0]      rx_unit_i,
    /// One cycle after it: it was a TRAIN block on each lane, and each was right.
    input  logic                                  train_ok_i,
    /// Before what comes now there was a cycle in which nothing came.
    input  logic                                  rx_lost_i,

    /// A flit for the buffer.
    output logic                                  push_o,
    /// Last of its packet.
    output logic                                  push_last_o,
    /// Error mark.
    output logic                                  push_err_o,
    /// VC of its packet, or of the header.
    output logic [1:0]                            push_vc_o,
    /// A header, with the first flit of its packet or before it.
    output logic                                  push_head_o,
    /// The header.
    output sp_pkg::hdr_t                          push_hdr_o,
    /// Payload.
    output logic [FLIT_W-1:0]                     push_data_o,
    /// The flit that was written last gets the error mark.
    output logic                                  poison_o,
    /// What was written since the last commit stays, this flit too.
    output logic                                  commit_o,
    /// It goes, this flit too.
    output logic                                  rollback_o,
    /// It found no place.
    input  logic                                  overflow_i,
    /// A packet was handed on in part.
    output logic                                  open_o,

    /// The next number expected.
    output logic [SEQ_W-1:0]                      expected_o,
    /// A frame came again: acknowledge it again.
    output logic                                  reack_o,
    /// Something is missing: ask for it.
    output logic                                  nack_o,
    /// Lowest bit of `round` of the last good frame.
    output logic                                  heard_o,
    /// A good frame of this epoch came.
    output logic                                  good_o,
    /// Its trailer.
    output sp_link_pkg::trailer_t                 trailer_o,
    /// A good frame held more than there was credit for.
    output logic                                  over_o,

    /// Event: a data frame was taken.
    output logic                                  ev_frame_o,
    /// Event: one came again.
    output logic                                  ev_duplicate_o,
    /// Event: a frame lies ahead of the expected one.
    output logic                                  ev_ahead_o,
    /// Event: a frame with a damaged block.
    output logic                                  ev_damaged_o,
    /// Event: a frame with a wrong CRC, its blocks undamaged.
    output logic                                  ev_crc_o,
    /// Event: a frame whose CRC is right and whose contents are not.
    output logic                                  ev_malformed_o,
    /// Event: a frame of another epoch.
    output logic                                  ev_epoch_o
);

  import sp_pkg::*;
  import sp_link_pkg::*;

  localparam int unsigned FillW = (K > 1) ? $clog2(K) : 1;
  localparam int unsigned Kept = (K > 1) ? K - 1 : 1;  // units that wait for the rest of a flit

  logic [SEQ_W-1:0] expected_q;  // the next number expected
  logic [SEQ_W-1:0] after_q;     // the number behind it
  logic             taken;       // the packets of a frame are handed on

  // -------------------------------------------------------------------------- blocks of the beat

  logic [K-1:0]         is_data;
  logic [K-1:0]         is_poison;
  logic                 idle;      // nothing, as if it were not there
  logic                 train;
  logic                 damaged;
  logic                 closing;   // it has a trailer where one belongs

  always_comb begin
    logic [K-1:0] is_null, is_skip, is_train, is_trailer;
    logic         unknown;
    unknown = 1'b0;
    for (int unsigned k = 0; k < K; k++) begin
      logic  ctl;
      kind_e kind;
      ctl           = rx_mark_i[k] == MARK_CTRL;
      kind          = kind_e'(rx_unit_i[k][KIND_W-1:0]);
      is_data[k]    = rx_mark_i[k] == MARK_DATA;
      is_null[k]    = ctl && (kind == KIND_NULL);
      is_skip[k]    = ctl && (kind == KIND_SKIP);
      is_train[k]   = ctl && (kind == KIND_TRAIN);
      is_trailer[k] = ctl && (kind == KIND_TRAILER);
      is_poison[k]  = ctl && (kind == KIND_POISON);
      if (!is_data[k] && !is_null[k] && !is_poison[k] && !(is_trailer[k] && (k == K - 1)))
        unknown = 1'b1;
    end
    idle    = (&is_null) || (&is_skip);
    train   = &is_train;
    damaged = unknown && !idle && !train;
    closing = is_trailer[K-1];
  end

  // ------------------------------------------------------------------------------ CRC of the frame

  logic                     a_valid_q;    // a beat that is not idle
  logic                     a_train_q;
  logic                     a_damaged_q;
  logic                     a_closing_q;
  logic [K-1:0]             a_data_q;
  logic [K-1:0]             a_poison_q;
  logic [K-1:0][UNIT_W-1:0] a_unit_q;
  /* verilator lint_off UNUSEDSIGNAL */  // the rest is looked at a cycle later
  trailer_t                 a_trailer;    // if it is one
  hdr_t [K-1:0]             a_hdr;        // if they are
  /* verilator lint_on UNUSEDSIGNAL */
  logic [SEQ_W-1:0]         a_ahead;      // numbers by which the frame lies ahead of the expected
  logic [SEQ_W-1:0]         a_behind;     // and of the one behind that

  logic [CRC_W-1:0]         crc_q;        // of the frame so far
  logic [CRC_W-1:0]         crc;          // with this beat
  logic [K*BLOCK_W-1:0]     message;      // the beat, and what the frame has brought so far
  logic                     broken_q;     // a block of the frame was damaged
  logic                     broken;

  always_comb begin
    for (int unsigned k = 0; k < K; k++)
      message[BLOCK_W*(K-1-k)+:BLOCK_W] = {!a_data_q[k], a_unit_q[k]};
    // The field `crc` counts as zero.
    if (a_closing_q) message[UNIT_W-1-:CRC_W] = '0;
    message[K*BLOCK_W-1-:CRC_W] = message[K*BLOCK_W-1-:CRC_W] ^ crc_q;
  end

  sp_link_crc #(
      .W      (CRC_W),
      .POLY   (CRC_POLY),
      .N      (K * BLOCK_W),
      .FOLD_AT(CRC_FOLD_AT),
      .FOLD   (CRC_FOLD)
  ) i_crc (
      .data_i(message),
      .crc_o (crc)
  );

  assign broken = broken_q || a_damaged_q || (a_train_q && !train_ok_i);

  logic                     b_valid_q;    // contents of a frame
  logic                     b_closing_q;
  logic                     b_broken_q;
  logic                     b_crc_ok_q;
  logic                     b_epoch_ok_q;
  logic [SEQ_W-1:0]         b_ahead_q;
  logic                     b_now_q;      // it has the expected number
  logic [K-1:0][LEN_W-1:0]  b_units_q;    // if the block is a header: units behind it
  logic [K-1:0]             b_alone_q;    // there are none
  logic [K-1:0]             b_data_q;
  logic [K-1:0]             b_poison_q;
  logic [K-1:0][UNIT_W-1:0] b_unit_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      a_valid_q   <= 1'b0;
      a_train_q   <= 1'b0;
      a_damaged_q <= 1'b0;
      a_closing_q <= 1'b0;
      b_valid_q   <= 1'b0;
      b_closing_q <= 1'b0;
      crc_q       <= '1;
      broken_q    <= 1'b0;
    end else begin
      a_valid_q   <= up_i && rx_valid_i && !idle && !train;
      a_train_q   <= up_i && rx_valid_i && train;
      a_damaged_q <= up_i && rx_valid_i && damaged;
      a_closing_q <= closing;
      b_valid_q   <= up_i && a_valid_q;
      b_closing_q <= up_i && a_valid_q && a_closing_q;
      if (a_valid_q) crc_q <= a_closing_q ? '1 : crc;
      broken_q <= broken && !(a_valid_q && a_closing_q);
      if (!up_i) begin
        crc_q    <= '1;
        broken_q <= 1'b0;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    a_data_q   <= is_data;
    a_poison_q <= is_poison;
    a_unit_q   <= rx_unit_i;
    b_data_q   <= (up_i && a_valid_q) ? a_data_q : '0;
    b_poison_q <= a_poison_q;
    b_unit_q   <= a_unit_q;
    if (!up_i) b_unit_q <= '0;
    b_broken_q <= broken;
    b_crc_ok_q <= crc == ~a_trailer.crc;
    b_epoch_ok_q <= a_trailer.epoch == epoch_i;
    for (int unsigned k = 0; k < K; k++) begin
      b_units_q[k] <= units_of(a_hdr[k].len, a_hdr[k].ext);
      b_alone_q[k] <= (a_hdr[k].len == '0) && (a_hdr[k].ext == '0);
    end
  end

  assign a_trailer = trailer_t'(a_unit_q[K-1]);
  assign a_hdr     = a_unit_q;
  assign a_ahead   = SEQ_W'(a_trailer.seq) - expected_q;
  assign a_behind  = SEQ_W'(a_trailer.seq) - after_q;

  // The frame before may be taken just now.
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      b_ahead_q <= '0;
      b_now_q   <= 1'b0;
    end else begin
      b_ahead_q <= taken ? a_behind : a_ahead;
      b_now_q   <= taken ? (a_behind == '0) : (a_ahead == '0);
      if (clear_i) begin
        b_ahead_q <= '0;
        b_now_q   <= 1'b0;
      end
    end
  end

  // ------------------------------------------------------------------------------------- contents

  /// Where in a packet the next unit lies.
  typedef struct packed {
    logic                        open;   // in one
    logic                        first;  // in its first flit
    logic [LEN_W-1:0]            left;   // its units to come
    logic [FillW-1:0]            fill;   // units of the flit that came
    hdr_t                        hdr;
    logic [Kept-1:0][UNIT_W-1:0] kept;   // these units
  } place_t;

  place_t       place_q;       // behind the last beat
  place_t       stable_q;      // behind the last frame that was taken
  place_t       place;
  logic         units_q;       // the frame has units
  logic         units;
  logic         ended_q;       // the unit before was the last one of its packet
  logic         ended;
  logic         wrong_q;       // contents that cannot be
  logic         wrong;
  logic         over_q;        // a flit of the frame found no place
  logic         over;
  logic         settled_q;     // nothing comes any more
  logic         filling_q;     // in FLUSH: zeros instead of what would come, every second cycle
  logic [K-1:0] in_data;
  logic         push_first;    // the flit is the first of its packet

  assign in_data = b_data_q | K'(filling_q);

  // With one block a flit is the unit, or zero beside a lone header: that the next unit is one is
  // known by now.
  logic [UNIT_W-1:0] payload;

  if (K == 1) begin : g_payload
    logic [UNIT_W-1:0] payload_q;
    logic              open;       // the next unit goes on with a packet

    assign open    = rollback_o ? stable_q.open : place.open;
    assign payload = payload_q;

    always_ff @(posedge clk_i) payload_q <= (up_i && open) ? a_unit_q[0] : '0;
  end else begin : g_no_payload
    assign payload = '0;
  end

  always_comb begin
    logic              here;  // a packet's last unit lies in this beat
    logic              full;  // the unit completes a flit
    logic              last;  // it is the last of its packet
    logic [K-1:0][UNIT_W-1:0] flit;
    here         = 1'b0;
    full         = 1'b0;
    last         = 1'b0;
    flit         = '0;
    if (K > 1) flit[Kept-1:0] = place_q.kept;
    place        = place_q;
    units        = units_q;
    ended        = ended_q;
    wrong        = wrong_q;
    push_o       = 1'b0;
    push_first   = 1'b0;
    push_last_o  = 1'b0;
    push_err_o   = 1'b0;
    push_hdr_o   = place_q.hdr;
    push_data_o  = '0;
    poison_o     = 1'b0;
    for (int unsigned k = 0; k < K; k++) begin
      if (!place.open) place.hdr = hdr_t'(b_unit_q[k]);
      if (in_data[k]) begin
        units = 1'b1;
        ended = 1'b0;
        full  = 1'b0;
        if (!place.open) begin
          place.open  = 1'b1;
          place.first = 1'b1;
          place.fill  = '0;
          place.left  = b_units_q[k];
          last        = b_alone_q[k];
        end else begin
          flit[place.fill] = b_unit_q[k];
          last             = place.left == LEN_W'(1);
          place.left       = place.left - LEN_W'(1);
          full             = (K == 1) || (place.fill == FillW'(K - 1));
          place.fill       = full ? '0 : place.fill + FillW'(1);
        end
        if (full || last) begin
          wrong |= push_o;
          push_o       = 1'b1;
          push_first   = place.first;
          push_last_o  = last;
          push_err_o   = filling_q;
          push_hdr_o   = place.hdr;
          push_data_o  = flit;
          place.first  = 1'b0;
          place.fill   = '0;
          if (last) begin
            place.open = 1'b0;
            ended      = 1'b1;
            here       = 1'b1;
          end
        end
      end else if (b_valid_q && b_poison_q[k]) begin
        units = 1'b1;
        if (!ended) wrong = 1'b1;
        else if (here) push_err_o = 1'b1;
        else poison_o = !over_q;
        ended = 1'b0;
      end
    end
    place.kept = (K > 1) ? flit[Kept-1:0] : '0;
    if (K == 1) begin
      // There is one that could be pushed, whether it is or not; its header comes before it.
      push_hdr_o  = hdr_t'(b_unit_q[0]);
      push_data_o = FLIT_W'(payload);
    end
    push_vc_o   = op_vc((K == 1) ? place.hdr.op : push_hdr_o.op);
    push_head_o = (K == 1) ? in_data[0] && !place_q.open : push_o && push_first;
    // The mark of an earlier beat's flit counts as the end of one.
    if (poison_o && push_o) wrong = 1'b1;
  end

  // -------------------------------------------------------------------------------------- number

  trailer_t         trailer;
  logic [SEQ_W-1:0] ahead;       // numbers by which the frame lies ahead; top bit: behind
  logic             all_units;   // the same of the whole frame, its last beat counted
  logic             all_wrong;
  logic             all_over;
  logic             sound;       // undamaged, CRC right, of this epoch
  logic             expected;    // data frame with the expected number
  logic             malformed;
  logic             good;
  logic             missing;     // it shows that something is missing
  logic             asked;       // that was asked for in this round
  logic [ROUND_W-1:0] heard_q;   // round of the last good frame
  logic [ROUND_W-1:0] heard;
  logic             nacked_q;    // something is missing and was asked for
  logic [ROUND_W-1:0] nacked_round_q;

  assign trailer  = trailer_t'(b_unit_q[K-1]);
  assign ahead    = b_ahead_q;
  assign sound    = up_i && b_closing_q && !b_broken_q && b_crc_ok_q && b_epoch_ok_q;
  assign expected = trailer.data && b_now_q;
  assign over     = over_q || overflow_i;

  // With one block a beat that of the trailer holds nothing else.
  assign all_units = (K == 1) ? units_q : units;
  assign all_wrong = (K == 1) ? wrong_q : wrong;
  assign all_over  = (K == 1) ? over_q : over;

  // What a frame holds can be judged only if it is the expected one: the packet that it goes on
  // with is known of no other.
  assign malformed = (trailer.data != all_units) ||
                     (expected && (all_wrong || (trailer.cont != stable_q.open)));
  assign good      = sound && !malformed;
  assign taken     = good && expected && !all_over;
  assign commit_o  = taken || filling_q;
  assign rollback_o = (b_closing_q && !commit_o) || (!up_i && !filling_q);
  assign heard     = good ? trailer.round : heard_q;
  assign asked     = nacked_q && (nacked_round_q == heard);
  assign missing   = b_closing_q &&
                     (b_broken_q || !b_crc_ok_q || (sound && malformed) ||
                      (good && !b_now_q && !ahead[SEQ_W-1]));

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      expected_q     <= '0;
      after_q        <= SEQ_W'(1);
      heard_q        <= '0;
      nacked_q       <= 1'b0;
      nacked_round_q <= '0;
      reack_o        <= 1'b0;
      nack_o         <= 1'b0;
      good_o         <= 1'b0;
      over_o         <= 1'b0;
      units_q        <= 1'b0;
      ended_q        <= 1'b0;
      wrong_q        <= 1'b0;
      over_q         <= 1'b0;
      settled_q      <= 1'b0;
      filling_q      <= 1'b0;
      place_q        <= '0;
      stable_q       <= '0;
    end else begin
      settled_q <= !up_i;
      filling_q <= flush_i && settled_q && stable_q.open && !filling_q;
      reack_o <= 1'b0;
      nack_o  <= 1'b0;
      good_o  <= good;
      over_o  <= good && expected && all_over;

      heard_q <= heard;
      if (taken) begin
        expected_q <= after_q;
        after_q    <= after_q + SEQ_W'(1);
      end
      if (good && trailer.data && ahead[SEQ_W-1]) reack_o <= 1'b1;
      if (good && b_now_q) nacked_q <= 1'b0;
      // What was lost may be the end of a frame, or all of one: the next one need not show it. It
      // may be nothing too, so that this NACK does not count.
      if (up_i && rx_lost_i && !asked) nack_o <= 1'b1;
      if (missing && !asked) begin
        nack_o         <= 1'b1;
        nacked_q       <= 1'b1;
        nacked_round_q <= heard;
      end

      units_q <= units;
      ended_q <= ended;
      wrong_q <= wrong;
      over_q  <= over;
      place_q <= place;
      if (commit_o) stable_q <= place;
      if (rollback_o) place_q <= stable_q;
      if (commit_o || rollback_o) begin
        units_q <= 1'b0;
        ended_q <= 1'b0;
        wrong_q <= 1'b0;
        over_q  <= 1'b0;
      end
      if (!up_i) nacked_q <= 1'b0;
      if (clear_i) begin
        expected_q    <= '0;
        after_q       <= SEQ_W'(1);
        heard_q       <= '0;
        place_q.open  <= 1'b0;
        stable_q.open <= 1'b0;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    trailer_o <= trailer;
  end

  assign expected_o = expected_q;
  assign heard_o    = heard_q[0];
  assign open_o     = stable_q.open;

  assign ev_frame_o     = taken;
  assign ev_duplicate_o = good && trailer.data && ahead[SEQ_W-1];
  assign ev_ahead_o     = good && !b_now_q && !ahead[SEQ_W-1];
  assign ev_damaged_o   = b_closing_q && b_broken_q;
  assign ev_crc_o       = b_closing_q && !b_broken_q && !b_crc_ok_q;
  assign ev_malformed_o = sound && malformed;
  assign ev_epoch_o     = b_closing_q && !b_broken_q && b_crc_ok_q && !b_epoch_ok_q;

endmodule
