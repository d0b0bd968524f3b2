// SPDX-License-Identifier: Apache-2.0
//
// What both ends of a link agree on: blocks, trailer, training block. docs/link.md is the
// specification; names and order of the fields are its own.

package sp_link_pkg;

  import sp_pkg::*;

  /* verilator lint_off UNUSEDPARAM */  // by tops that hold a part of a link
  /// Bits of a mark.
  localparam int unsigned MARK_W = 2;
  localparam logic [MARK_W-1:0] MARK_DATA = 2'b01;
  localparam logic [MARK_W-1:0] MARK_CTRL = 2'b10;
  /// Bits of the sequence fields: the greatest SEQ_W.
  localparam int unsigned SEQ_FIELD_W = 13;
  /// Bits of a count of flits.
  localparam int unsigned COUNT_W = 14;
  /// Bits of R(v) and of S.
  localparam int unsigned RESERVED_W = 12;
  localparam int unsigned SHARED_W = 13;
  localparam int unsigned NONCE_W = 8;
  localparam int unsigned EPOCH_W = 4;
  localparam int unsigned ROUND_W = 2;
  localparam int unsigned KIND_W = 4;
  /// Most lanes of a link.
  localparam int unsigned MAX_LANES = 4;
  /// Version that training tells.
  localparam logic [3:0] LINK_VERSION = 4'd1;
  /// Bits of a block as the CRC sees it: control or data, and the unit.
  localparam int unsigned BLOCK_W = 1 + UNIT_W;
  localparam int unsigned CRC_W = 32;
  localparam logic [CRC_W-1:0] CRC_POLY = 32'h741B_8CD7;
  /// x^107 + x^53 + x^46 + x^37 + x^30 + x^20 + x^5 + 1 is a multiple of it (sp_link_crc).
  localparam int unsigned CRC_FOLD_AT = 107;
  localparam logic [63:0] CRC_FOLD = 64'h0020_4020_4010_0021;
  localparam int unsigned TRAIN_CRC_W = 16;
  localparam logic [TRAIN_CRC_W-1:0] TRAIN_POLY = 16'h3D65;
  /// x^76 + x^11 + x^8 + x^3 + x^2 + 1 is a multiple of it.
  localparam int unsigned TRAIN_FOLD_AT = 76;
  localparam logic [63:0] TRAIN_FOLD = 64'h090D;
  /// Bits of timers.
  localparam int unsigned TIMER_W = 24;
  /* verilator lint_on UNUSEDPARAM */

  /// Kinds of control blocks.
  typedef enum logic [KIND_W-1:0] {
    KIND_NULL    = 4'd0,
    KIND_TRAILER = 4'd1,
    KIND_TRAIN   = 4'd2,
    KIND_SKIP    = 4'd3,
    KIND_POISON  = 4'd4
  } kind_e;

  /// States of a link.
  typedef enum logic [2:0] {
    LINK_DOWN    = 3'd0,
    LINK_TRAIN   = 3'd1,
    LINK_UP      = 3'd2,
    LINK_RETRAIN = 3'd3,
    LINK_FLUSH   = 3'd4
  } state_e;

  /// What becomes of a packet that begins in FLUSH, DOWN or TRAIN.
  typedef enum logic [1:0] {
    POLICY_BLOCK       = 2'd0,
    POLICY_DISCARD     = 2'd1,
    POLICY_BEST_EFFORT = 2'd2
  } policy_e;

  /// Closes a frame.
  typedef struct packed {
    logic [CRC_W-1:0]               crc;
    logic                           heard;  // lowest bit of `round` of the last good frame
    logic [NUM_VC-1:0][COUNT_W-1:0] freed;  // flits freed since training
    logic [SEQ_FIELD_W-1:0]         ack;    // the next number expected
    logic [SEQ_FIELD_W-1:0]         seq;    // of this frame, or of the data frame sent next
    logic [EPOCH_W-1:0]             epoch;
    logic [ROUND_W-1:0]             round;  // replay round of the sender
    logic                           cont;   // the first unit goes on with a packet
    logic                           nack;   // from `ack` on it must be sent again
    logic                           data;   // the frame has units and a number
    kind_e                          kind;
  } trailer_t;

  /// Training block.
  typedef struct packed {
    logic [TRAIN_CRC_W-1:0]            crc;
    logic [3:0]                        version;
    logic [3:0]                        seqw;
    logic [1:0]                        width;     // log2 of K
    logic [NUM_VC-1:0][RESERVED_W-1:0] reserved;  // R(v)
    logic [SHARED_W-1:0]               shared;    // S
    logic [SEQ_FIELD_W-1:0]            ack;
    logic [NONCE_W-1:0]                echo;      // nonce of the peer
    logic [NONCE_W-1:0]                nonce;
    logic                              resume;    // sequence numbers go on
    logic                              seen;      // `echo` is valid
    logic [MAX_LANES-1:0]              good;      // lanes on which TRAIN blocks came
    logic [1:0]                        lane;
    kind_e                             kind;
  } train_t;

  /// What happens at one end of a link, one cycle each.
  typedef struct packed {
    logic tx_frame;        // a data frame left for the first time
    logic tx_again;        // one left again
    logic tx_control;      // a control frame left
    logic tx_nack;         // a NACK left
    logic replay;          // a replay began
    logic replay_timeout;  // for want of progress
    logic nacked;          // on a NACK of the peer
    logic nack_old;        // a NACK that was answered already
    logic ack_bad;         // an acknowledgement outside of the window, ignored
    logic freed_bad;       // a count of freed flits that cannot be, ignored
    logic rx_frame;        // a data frame was taken
    logic rx_duplicate;    // one came again
    logic rx_ahead;        // a frame showed that something is missing
    logic rx_damaged;      // a frame with a damaged block
    logic rx_crc;          // a frame with a wrong CRC
    logic rx_malformed;    // a frame whose CRC is right and whose contents are not
    logic rx_epoch;        // a frame of another epoch
    logic rx_over;         // the peer sent more than it had credit for
    logic retrain;         // retraining
    logic flush;           // FLUSH was entered, a cycle after its cause
    logic dead;            // no good frame for too long
    logic aged;            // no progress for too long
    logic peer;            // the peer retrains or starts anew
    logic length;          // a packet of the user had another length than its header says
    logic dropped;         // a packet of the user, or the rest of one, was dropped
  } events_t;

  /// Lanes that carry beats to a receiver that hears the lanes of a mask: four, the two lowest, or
  /// the lowest of them.
  function automatic logic [MAX_LANES-1:0] carrying(logic [MAX_LANES-1:0] good);
    logic [MAX_LANES-1:0] rest;
    rest = good & (good - MAX_LANES'(1));
    if (good == '1) return good;
    return good & ~(rest & (rest - MAX_LANES'(1)));
  endfunction

  /// Units behind the header, whatever the rest of it says: a link carries malformed packets too.
  function automatic logic [LEN_W-1:0] units_of(logic [LEN_W-1:0] len, logic [MAX_EXT-1:0] ext);
    return (len[LEN_W-1] ? LEN_W'(MAX_UNITS) : len) + LEN_W'($countones(ext));
  endfunction

  /// Flits of a packet of so many units behind the header: at least one.
  function automatic logic [LEN_W-1:0] flits_of(logic [LEN_W-1:0] units, int unsigned per_flit);
    if (units == '0) return LEN_W'(1);
    return LEN_W'((units + LEN_W'(per_flit - 1)) >> $clog2(per_flit));
  endfunction

endpackage
