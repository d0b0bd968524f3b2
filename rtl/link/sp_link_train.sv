// SPDX-License-Identifier: Apache-2.0
//
// States of a link: training with a handshake, up, retraining, flush. Guarantees: a side is up only
// when the peer has echoed the nonce of this very training, agrees on `resume` and has the same
// width, sequence numbers and version; every way out of UP but a retraining leads through FLUSH,
// and FLUSH ends when both directions have closed what was open. The lanes that carry beats to this
// side are settled before the peer is answered, and change in training only.

module sp_link_train #(
    /// Blocks of a beat.
    parameter int unsigned K = 1,
    /// Bits of a sequence number.
    parameter int unsigned SEQ_W = 13,
    /// R(v) of this side, VC 0 lowest.
    parameter logic [sp_pkg::NUM_VC-1:0][sp_link_pkg::RESERVED_W-1:0] RESERVED = {4{12'd32}},
    /// S of this side.
    parameter int unsigned SHARED = 32,
    /// Beats can do without some of the lanes.
    parameter bit LANES = 1'b0
) (
    /// Clock.
    input  logic                                      clk_i,
    /// Reset, active low, asynchronous.
    input  logic                                      rst_ni,
    /// The link is to be up.
    input  logic                                      enable_i,
    /// Training beats to be sent with the peer's nonce.
    input  logic [15:0]                               train_beats_i,
    /// Cycles after the first TRAIN block in which other lanes are waited for.
    input  logic [sp_link_pkg::TIMER_W-1:0]           lane_cycles_i,
    /// Cycles without a good frame.
    input  logic [sp_link_pkg::TIMER_W-1:0]           dead_cycles_i,
    /// Cycles without progress.
    input  logic [sp_link_pkg::TIMER_W-1:0]           age_cycles_i,
    /// Retrainings without progress.
    input  logic [7:0]                                retrain_limit_i,

    /// By lane: a TRAIN block that is right comes.
    input  logic [K-1:0]                              rx_train_i,
    /// Its unit.
    input  logic [K-1:0][sp_pkg::UNIT_W-1:0]          rx_lane_i,
    /// One cycle after it: a TRAIN block came.
    output logic                                      train_ok_o,
    /// Training blocks to the wire.
    output logic [K-1:0][sp_pkg::UNIT_W-1:0]          train_o,
    /// A beat of them leaves.
    input  logic                                      train_sent_i,

    /// The next number expected.
    input  logic [SEQ_W-1:0]                          expected_i,
    /// A good frame came.
    input  logic                                      good_i,
    /// A good frame asked for more room than there was.
    input  logic                                      over_i,
    /// A frame is unacknowledged.
    input  logic                                      unacked_i,
    /// An acknowledgement freed a frame.
    input  logic                                      progress_i,
    /// More replays than the limit.
    input  logic                                      exhausted_i,
    /// Nothing that came is open or waits for the user.
    input  logic                                      drained_i,

    /// State.
    output sp_link_pkg::state_e                       state_o,
    /// It is UP: a register.
    output logic                                      up_o,
    /// Changes with each training.
    output logic                                      round_o,
    /// Lanes on which beats come; none until that is settled.
    output logic [K-1:0]                              rx_lanes_o,
    /// Lanes on which beats leave.
    output logic [K-1:0]                              tx_lanes_o,
    /// Epoch of this training.
    output logic [sp_link_pkg::EPOCH_W-1:0]           epoch_o,
    /// R(v) of the peer.
    output logic [sp_pkg::NUM_VC-1:0][sp_link_pkg::RESERVED_W-1:0] reserved_o,
    /// S of the peer.
    output logic [sp_link_pkg::SHARED_W-1:0]          shared_o,
    /// A retraining ends: an acknowledgement as any other.
    output logic                                      resume_o,
    /// Its number.
    output logic [SEQ_W-1:0]                          resume_ack_o,
    /// The peer has another width.
    output logic                                      bad_width_o,
    /// The peer has other sequence numbers.
    output logic                                      bad_seqw_o,
    /// The peer has another version.
    output logic                                      bad_version_o,

    /// Event: retraining, on a cause of this side.
    output logic                                      ev_retrain_o,
    /// Event: no good frame for too long.
    output logic                                      ev_dead_o,
    /// Event: no progress for too long.
    output logic                                      ev_aged_o,
    /// Event: the peer retrains or starts anew.
    output logic                                      ev_peer_o
);

  import sp_pkg::*;
  import sp_link_pkg::*;

  localparam int unsigned TrainBits = UNIT_W - TRAIN_CRC_W;
  localparam int unsigned NonceAt = 12;
  // From a change of what the block says to the first beat that says it.
  localparam int unsigned Late = 3;

  logic [NONCE_W-1:0] peer_q;  // nonce of the peer's last block

  // ------------------------------------------------------------------------------ blocks that come

  /* verilator lint_off UNUSEDSIGNAL */  // fields that were looked at before
  train_t                        first;         // on the lowest lane
  train_t                        came_q;        // the same
  /* verilator lint_on UNUSEDSIGNAL */
  logic                          ok_q;
  logic                          other;         // with another nonce than the block before
  logic                          again_q;       // such a one goes on
  logic                          anew_q;        // such a one begins anew
  logic [K-1:0]                  right_q;
  logic [K-1:0][NONCE_W-1:0]     lane_nonce_q;
  logic [K-1:0]                  from;          // lanes on which it came

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      ok_q    <= 1'b0;
      again_q <= 1'b0;
      anew_q  <= 1'b0;
    end else begin
      ok_q    <= rx_train_i != '0;
      again_q <= (rx_train_i != '0) && other && first.resume;
      anew_q  <= (rx_train_i != '0) && other && !first.resume;
    end
  end

  always_comb begin
    first = train_t'(rx_lane_i[0]);
    for (int unsigned k = K; k > 0; k--) if (rx_train_i[k-1]) first = train_t'(rx_lane_i[k-1]);
  end

  assign other = first.nonce != peer_q;

  always_ff @(posedge clk_i) begin
    right_q <= rx_train_i;
    for (int unsigned k = K; k > 0; k--) begin
      lane_nonce_q[k-1] <= rx_lane_i[k-1][NonceAt+:NONCE_W];
    end
    if (rx_train_i != '0) came_q <= first;
  end

  // With skew the last block of one training may stand beside the first of the next.
  always_comb begin
    for (int unsigned k = 0; k < K; k++)
      from[k] = right_q[k] && (lane_nonce_q[k] == came_q.nonce);
  end

  assign train_ok_o = ok_q;

  // ------------------------------------------------------------------------------------- states

  state_e               state_q;
  state_e               state;
  logic                 up_q;       // state_q is UP
  logic [NONCE_W-1:0]   nonce_q;
  logic                 seen_q;     // there was one in this training
  logic                 match_q;    // it answers this training
  logic [15:0]          beats_q;    // training beats sent that echo it
  logic                 enough_q;   // they are as many as are wanted
  logic [K-1:0]         good_q;     // lanes on which its blocks came in this training
  logic [TIMER_W-1:0]   first_q;    // cycles since the first did
  logic                 settled_q;  // these lanes it is
  logic [K-1:0]         peer_good_q;
  logic [SEQ_W-1:0]     ack_q;      // what it acknowledged
  logic [7:0]           retrains_q; // retrainings without progress
  logic                 spent_q;    // there may be no more
  logic [TIMER_W-1:0]   dead_q;
  logic                 dead_over_q;  // it has reached its limit
  logic [TIMER_W-1:0]   age_q;
  logic                 age_over_q;

  logic training;
  logic resume;
  logic fits;
  logic heard;                      // the peer hears what is needed
  logic ready;                      // this side may go up
  logic peer_new;                   // the peer is in another training
  logic dead;
  logic aged;
  logic tired;                      // a cause to retrain
  logic leave;                      // FLUSH

  assign training = (state_q == LINK_TRAIN) || (state_q == LINK_RETRAIN);
  assign resume   = state_q == LINK_RETRAIN;
  assign fits     = (came_q.width == 2'($clog2(K))) && (came_q.seqw == 4'(SEQ_W)) &&
                    (came_q.version == LINK_VERSION);
  // Without lanes of their own beats need all of them.
  assign heard    = LANES ? (came_q.good[K-1:0] != '0) : (&came_q.good[K-1:0]);
  assign ready    = training && match_q && enough_q;
  assign peer_new = up_q && (again_q || anew_q);
  assign dead     = up_q && dead_over_q;
  assign aged     = age_over_q;
  assign tired    = up_q &&
                    (exhausted_i || dead_over_q || again_q);

  always_comb begin
    leave = 1'b0;
    case (state_q)
      LINK_UP:      leave = !enable_i || aged || over_i || anew_q ||
                            (tired && spent_q);
      LINK_RETRAIN: leave = !enable_i || aged || (ok_q && !came_q.resume);
      default:      ;
    endcase
  end

  always_comb begin
    state = state_q;
    if (leave) state = LINK_FLUSH;
    else if ((state_q == LINK_TRAIN) && !enable_i) state = LINK_DOWN;
    else if (tired) state = LINK_RETRAIN;
    else if (ready) state = LINK_UP;
    else if ((state_q == LINK_FLUSH) && drained_i) state = LINK_DOWN;
    else if ((state_q == LINK_DOWN) && enable_i) state = LINK_TRAIN;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q    <= LINK_DOWN;
      up_q       <= 1'b0;
      nonce_q    <= '0;
      peer_q     <= '0;
      seen_q     <= 1'b0;
      match_q    <= 1'b0;
      beats_q    <= '0;
      enough_q   <= 1'b0;
      good_q     <= '0;
      first_q    <= '0;
      settled_q  <= 1'b0;
      peer_good_q <= '0;
      tx_lanes_o <= '1;
      ack_q      <= '0;
      retrains_q <= '0;
      spent_q    <= 1'b0;
      dead_q     <= '0;
      dead_over_q <= 1'b0;
      age_q      <= '0;
      age_over_q <= 1'b0;
      epoch_o    <= '0;
      reserved_o <= '0;
      shared_o   <= '0;
      bad_width_o   <= 1'b0;
      bad_seqw_o    <= 1'b0;
      bad_version_o <= 1'b0;
    end else begin
      enough_q <= 32'(beats_q) >= 32'(train_beats_i) + Late;
      // What the last block said.
      if (training) begin
        if (train_sent_i && settled_q && (beats_q != '1)) beats_q <= beats_q + 16'd1;
        if (seen_q && !settled_q) first_q <= first_q + TIMER_W'(1);
        // A lone lane is not waited for: a TRAIN block came on it.
        if (seen_q && ((K == 1) || (&good_q) || (first_q >= lane_cycles_i))) settled_q <= 1'b1;
        if (ok_q) begin
          if (!settled_q) good_q <= good_q | from;
          peer_good_q <= came_q.good[K-1:0];
          seen_q  <= 1'b1;
          peer_q  <= came_q.nonce;
          match_q <= came_q.seen && (came_q.echo == nonce_q) && (came_q.resume == resume) && fits &&
                     heard;
          ack_q   <= SEQ_W'(came_q.ack);
          if (!seen_q || (came_q.nonce != peer_q)) begin
            beats_q   <= '0;
            enough_q  <= 1'b0;
            good_q    <= from;
            first_q   <= '0;
            settled_q <= 1'b0;
          end
          reserved_o    <= came_q.reserved;
          shared_o      <= came_q.shared;
          bad_width_o   <= came_q.width != 2'($clog2(K));
          bad_seqw_o    <= came_q.seqw != 4'(SEQ_W);
          bad_version_o <= came_q.version != LINK_VERSION;
        end
      end

      // Timers.
      spent_q     <= retrains_q >= retrain_limit_i;
      dead_q      <= dead_q + TIMER_W'(1);
      dead_over_q <= dead_q >= dead_cycles_i;
      if (good_i || !up_q) begin
        dead_q      <= '0;
        dead_over_q <= 1'b0;
      end
      age_q      <= age_q + TIMER_W'(1);
      age_over_q <= age_q >= age_cycles_i;
      if (progress_i || (!unacked_i && !resume)) begin
        age_q      <= '0;
        age_over_q <= 1'b0;
      end
      if (progress_i || (good_i && !unacked_i)) retrains_q <= '0;

      // Where next.
      state_q <= state;
      up_q    <= state == LINK_UP;
      if (tired && !leave) retrains_q <= retrains_q + 8'd1;
      if (training && (state == LINK_UP)) begin
        epoch_o <= EPOCH_W'(nonce_q) + EPOCH_W'(peer_q);
        // What left before went over the lanes of before.
        tx_lanes_o <= K'(carrying(MAX_LANES'(peer_good_q)));
      end
      if ((tired && !leave) || (state_q == LINK_DOWN && enable_i)) begin
        nonce_q <= nonce_q + NONCE_W'(1);
        seen_q  <= 1'b0;
        match_q <= 1'b0;
        beats_q <= '0;
        enough_q <= 1'b0;
        good_q  <= '0;
        first_q <= '0;
        settled_q <= 1'b0;
      end
      if (state_q == LINK_DOWN) begin
        retrains_q <= '0;
        age_q      <= '0;
        age_over_q <= 1'b0;
      end
    end
  end

  assign state_o      = state_q;
  assign up_o         = up_q;
  assign round_o      = nonce_q[0];
  assign rx_lanes_o   = settled_q ? K'(carrying(MAX_LANES'(good_q))) : '0;
  assign resume_o     = ready && !leave && resume;
  assign resume_ack_o = ack_q;

  assign ev_retrain_o = tired && !leave;
  assign ev_dead_o    = dead;
  assign ev_aged_o    = aged && (up_q || (state_q == LINK_RETRAIN));
  assign ev_peer_o    = peer_new;

  // --------------------------------------------------------------------------- blocks that leave

  train_t                 say_q;
  train_t                 said_q;  // the same, with its CRC
  logic [TRAIN_CRC_W-1:0] say_crc;
  logic [TrainBits-1:0]   say_bits;

  always_ff @(posedge clk_i) begin
    say_q          <= '0;
    say_q.kind     <= KIND_TRAIN;
    say_q.good     <= MAX_LANES'(good_q);
    say_q.seen     <= seen_q && settled_q;
    say_q.resume   <= resume;
    say_q.nonce    <= nonce_q;
    say_q.echo     <= peer_q;
    say_q.ack      <= resume ? SEQ_FIELD_W'(expected_i) : '0;
    say_q.shared   <= SHARED_W'(SHARED);
    say_q.reserved <= RESERVED;
    say_q.width    <= 2'($clog2(K));
    say_q.seqw     <= 4'(SEQ_W);
    say_q.version  <= LINK_VERSION;
    said_q         <= say_q;
    said_q.crc     <= ~say_crc;
  end

  assign say_bits = TrainBits'(say_q);

  sp_link_crc #(
      .W      (TRAIN_CRC_W),
      .POLY   (TRAIN_POLY),
      .N      (TrainBits),
      .FOLD_AT(TRAIN_FOLD_AT),
      .FOLD   (TRAIN_FOLD)
  ) i_say_crc (
      .data_i({~say_bits[TrainBits-1-:TRAIN_CRC_W], say_bits[TrainBits-TRAIN_CRC_W-1:0]}),
      .crc_o (say_crc)
  );

  // A lane's number changes the CRC by a constant.
  function automatic logic [UNIT_W-1:0] lane_bits(logic [1:0] lane);
    logic [TRAIN_CRC_W-1:0] crc;
    crc = '0;
    for (int n = TrainBits - 1; n >= 0; n--) begin
      logic bit_in;
      bit_in = ((n == 4) && lane[0]) || ((n == 5) && lane[1]);
      crc    = {crc[TRAIN_CRC_W-2:0], 1'b0} ^ ((crc[TRAIN_CRC_W-1] ^ bit_in) ? TRAIN_POLY : '0);
    end
    return {crc, (TrainBits-6)'(0), lane, 4'd0};
  endfunction

  for (genvar k = 0; k < K; k++) begin : g_say
    localparam logic [UNIT_W-1:0] LaneBits = lane_bits(2'(k));
    assign train_o[k] = said_q ^ LaneBits;
  end

endmodule
