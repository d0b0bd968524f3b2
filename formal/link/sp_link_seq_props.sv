// SPDX-License-Identifier: Apache-2.0
//
// What both ends rely on from sequence numbers: sp_link_tx and sp_link_rx compare numbers of
// SEQ_W bits, and no comparison takes an old number for a new one. Beside them true numbers are
// counted, which never come again within what can be on its way; the wire brings any frame and
// any acknowledgement, with the lowest bits of their true numbers.
//
// The wire may lose, repeat and overtake. It is assumed to bring no number that was not sent yet,
// and none so old that more than half of all numbers were passed since. Wires that keep the order
// keep that too: what is on its way lies behind by WINDOW at most, which is one less. When frames
// are sent, and which, is free.

module sp_link_seq_props
  import sp_pkg::*;
  import sp_link_pkg::*;
#(
    /// Bits of a sequence number.
    parameter int unsigned SEQ_W = 4,
    /// Blocks of a beat.
    parameter int unsigned K = 1,
    localparam int unsigned TrueW = SEQ_W + 2
) (
    /// Clock.
    input logic                         clk_i,
    /// Reset.
    input logic                         rst_ni,
    /// Both sides are up, free.
    input logic                         up_i,
    /// A beat of packets, free.
    input logic                         pack_valid_i,
    /// Its last block is free, free.
    input logic                         pack_free_i,
    /// POISON follows, free.
    input logic                         pack_hold_i,
    /// Another follows, free.
    input logic                         pack_next_i,
    /// The wire takes a beat, free.
    input logic                         tx_ready_i,
    /// A NACK is to leave, free.
    input logic                         nack_i,
    /// An acknowledgement comes, free.
    input logic                         ack_valid_i,
    /// Its true number, free within what the wire may do.
    input logic [TrueW-1:0]             ack_i,
    /// It is a NACK, free.
    input logic                         ack_nack_i,
    /// What it heard, free.
    input logic                         ack_heard_i,
    /// A beat comes from the wire, free.
    input logic                         rx_valid_i,
    /// Its marks, free.
    input logic [K-1:0][MARK_W-1:0]     rx_mark_i,
    /// A trailer closes it, free.
    input logic                         rx_closes_i,
    /// The trailer: of a data frame, whose CRC is right, that goes on with a packet; all free.
    input logic                         rx_data_i,
    /// Its CRC is right.
    input logic                         rx_right_i,
    /// It goes on with a packet.
    input logic                         rx_cont_i,
    /// Its number.
    input logic [SEQ_W-1:0]             rx_seq_i,
    /// True number of the frame that the receiver judges now, free within what the wire may do.
    input logic [TrueW-1:0]             frame_i
);

  localparam int unsigned Window = 2 ** (SEQ_W - 1) - 1;
  localparam logic [TrueW-1:0] Half = TrueW'(2 ** (SEQ_W - 1));

  logic started_q = 1'b0;
  always_ff @(posedge clk_i) started_q <= 1'b1;

  // A beat of the wire: what says nothing of numbers is zero.
  logic [K-1:0][UNIT_W-1:0] rx_unit;
  trailer_t                 trailer;

  always_comb begin
    trailer      = '0;
    trailer.kind = KIND_TRAILER;
    trailer.data = rx_data_i;
    trailer.cont = rx_cont_i;
    trailer.seq  = SEQ_FIELD_W'(rx_seq_i);
    trailer.crc  = rx_right_i ? '1 : '0;
    rx_unit      = '0;
    if (rx_closes_i) rx_unit[K-1] = trailer;
  end

  // ------------------------------------------------------------------------------------ both ends

  logic pack_ready;
  logic closes;
  logic progress;
  logic ack_bad;

  sp_link_tx #(
      .K           (K),
      .FRAME_UNITS (2 * K),
      .SEQ_W       (SEQ_W),
      .REPLAY_BEATS(64)
  ) tx (
      .clk_i,
      .rst_ni,
      .state_i           (up_i ? LINK_UP : LINK_RETRAIN),
      .clear_i           (1'b0),
      .epoch_i           ('0),
      .train_i           ('0),
      .skip_beats_i      ('0),
      .replay_cycles_i   ('1),
      .keepalive_cycles_i('0),
      .replay_limit_i    ('1),
      .pack_valid_i,
      .pack_ready_o      (pack_ready),
      .pack_ctl_i        ('0),
      .pack_unit_i       ('0),
      .pack_free_i,
      .pack_hold_i,
      .pack_cont_i       (1'b0),
      .pack_end_i        (1'b0),
      .pack_next_i,
      .pack_short_o      (),
      .expected_i        ('0),
      .reack_i           (1'b0),
      .nack_i,
      .heard_i           (1'b0),
      .freed_i           ('0),
      .ack_valid_i,
      .ack_i             (ack_i[SEQ_W-1:0]),
      .ack_nack_i,
      .ack_heard_i,
      .tx_mark_o         (),
      .tx_unit_o         (),
      .tx_ready_i,
      .unacked_o         (),
      .progress_o        (progress),
      .exhausted_o       (),
      .train_sent_o      (),
      .acked_o           (),
      .ev_frame_o        (closes),
      .ev_control_o      (),
      .ev_replay_o       (),
      .ev_again_o        (),
      .ev_nack_o         (),
      .ev_nacked_o       (),
      .ev_nack_old_o     (),
      .ev_timeout_o      (),
      .ev_ack_bad_o      (ack_bad)
  );

  logic taken;
  logic again;
  logic ahead;

  sp_link_rx #(
      .FLIT_W(K * UNIT_W),
      .SEQ_W (SEQ_W)
  ) rx (
      .clk_i,
      .rst_ni,
      .up_i,
      .clear_i       (1'b0),
      .flush_i       (1'b0),
      .epoch_i       ('0),
      .rx_valid_i,
      .rx_mark_i,
      .rx_unit_i     (rx_unit),
      .train_ok_i    (1'b1),
      .rx_lost_i     (1'b0),
      .push_o        (),
      .push_last_o   (),
      .push_err_o    (),
      .push_vc_o     (),
      .push_head_o   (),
      .push_hdr_o    (),
      .push_data_o   (),
      .poison_o      (),
      .commit_o      (),
      .rollback_o    (),
      .overflow_i    (1'b0),
      .open_o        (),
      .expected_o    (),
      .reack_o       (),
      .nack_o        (),
      .heard_o       (),
      .good_o        (),
      .trailer_o     (),
      .over_o        (),
      .ev_frame_o    (taken),
      .ev_duplicate_o(again),
      .ev_ahead_o    (ahead),
      .ev_damaged_o  (),
      .ev_crc_o      (),
      .ev_malformed_o(),
      .ev_epoch_o    ()
  );

  // --------------------------------------------------------------------------------- true numbers

  logic [TrueW-1:0] next_q;      // of the next new frame
  logic [TrueW-1:0] oldest_q;    // of the oldest unacknowledged one
  logic [TrueW-1:0] expected_q;  // of the one that the receiver waits for
  logic [TrueW-1:0] ack_q;       // acknowledgement that is judged now

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      next_q     <= '0;
      oldest_q   <= '0;
      expected_q <= '0;
      ack_q      <= '0;
    end else begin
      if (closes) next_q <= next_q + TrueW'(1);
      if (taken) expected_q <= expected_q + TrueW'(1);
      ack_q <= ack_i;
      if (progress) oldest_q <= ack_q;
    end
  end

  // a - b for numbers that are not far from each other, with sign.
  function automatic logic signed [TrueW-1:0] minus(logic [TrueW-1:0] a, logic [TrueW-1:0] b);
    return signed'(a - b);
  endfunction

  logic             judged;  // a frame is judged
  logic             due_q;   // POISON is due
  logic [SEQ_W-1:0] known;   // frames of which the sender thinks that they may be acknowledged
  logic [SEQ_W-1:0] known_q; // the number behind them, as the acknowledgement came
  assign judged = rx.good;
  assign known  = known_q - tx.oldest_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) known_q <= '0;
    else known_q <= tx.next_q;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) due_q <= 1'b0;
    else if (pack_valid_i && pack_ready) due_q <= pack_hold_i;
  end

  always_comb begin
    reset_first: assume (started_q || !rst_ni);
    // The packer has the POISON at hand that it told of.
    poison_is_there: assume (!due_q || pack_valid_i);
    if (judged) begin
      number_is_true: assume (frame_i[SEQ_W-1:0] == rx.trailer.seq[SEQ_W-1:0]);
      was_sent: assume (minus(frame_i, next_q) < (rx.trailer.data ? 0 : 1));
      not_too_old: assume (minus(frame_i, expected_q) >= -signed'(Half));
    end
    if (ack_valid_i) has_come: assume (minus(ack_i, expected_q) <= 0);
    if (tx.ack_valid_q) ack_not_too_old: assume (minus(ack_q, oldest_q) >= -signed'(Half));
  end

  always_comb begin
    if (rst_ni) begin
      // A frame is taken when it is the next one, and only then: never an old one for a new one.
      takes_the_next: assert (!judged || !rx.trailer.data || rx.over
                              || taken == (frame_i == expected_q));
      // What has come already is known as such.
      knows_the_old: assert (!judged || again == (rx.trailer.data
                                                  && minus(frame_i, expected_q) < 0));
      // What shows that something is missing is known as such, control frames too.
      knows_the_ahead: assert (!judged || ahead == (minus(frame_i, expected_q) > 0));
      // An acknowledgement is ignored only when it is older than what is known.
      heeds_the_new: assert (ack_bad == (tx.ack_valid_q && minus(ack_q, oldest_q) < 0));
      // No frame is given up before it has come.
      frees_only_what_came: assert (expected_q - oldest_q <= TrueW'(Window));
      // At most WINDOW frames are unacknowledged.
      keeps_the_window: assert (next_q - oldest_q <= TrueW'(Window));
      // Why so: nothing is expected that was not sent, or will be next.
      expects_what_can_come: assert (expected_q - oldest_q <= next_q - oldest_q);
      // Why so: the numbers of both ends are the lowest bits of the true ones.
      numbers_agree: assert (tx.next_q == next_q[SEQ_W-1:0] && tx.oldest_q == oldest_q[SEQ_W-1:0]
                             && rx.expected_q == expected_q[SEQ_W-1:0]);
      // Why so: how far ahead a frame lies is known a cycle before it is judged.
      ahead_is_true: assert (rx.after_q == SEQ_W'(rx.expected_q + SEQ_W'(1))
                             && (!rx.b_closing_q
                                 || (rx.b_ahead_q
                                     == SEQ_W'(rx.trailer.seq[SEQ_W-1:0] - rx.expected_q)
                                     && rx.b_now_q == (rx.b_ahead_q == '0))));
      // Why so: a frame is begun only with a number that is free.
      opens_with_room: assert (!(tx.open_q || tx.may_open_q)
                               || next_q - oldest_q < TrueW'(Window));
      // Why so: an acknowledgement is judged by what had been sent when it came.
      ack_is_true: assert (!tx.ack_valid_q
                           || (tx.ack_fits_q == (SEQ_W'(tx.ack_q - tx.oldest_q) <= known)
                               && tx.ack_moves_q == (tx.ack_q != tx.oldest_q)
                               && tx.ack_q == ack_q[SEQ_W-1:0] && minus(ack_q, expected_q) <= 0
                               && minus(ack_q, oldest_q) <= signed'(TrueW'(known))
                               && known <= SEQ_W'(next_q - oldest_q)));
    end
  end

  always_comb begin
    // Numbers have begun anew.
    wraps: cover (rst_ni && tx.oldest_q == '0 && oldest_q != '0);
    // The window is full.
    full: cover (rst_ni && next_q - oldest_q == TrueW'(Window));
    // The oldest frame that can be comes again while the window is full.
    oldest_comes: cover (rst_ni && judged && again && minus(frame_i, expected_q) == -signed'(Half));
    // A control frame shows that a whole window was lost.
    window_lost: cover (rst_ni && judged && ahead && frame_i - expected_q == TrueW'(Window));
    // An old acknowledgement is ignored.
    ack_ignored: cover (rst_ni && ack_bad);
  end

endmodule
