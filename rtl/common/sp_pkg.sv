// SPDX-License-Identifier: Apache-2.0
//
// The packet: the one source of its layout. `make layout` reads this file (pyslang) into
// models/layout.json, which every model and testbench loads; a test fails when that file is stale.
// docs/packet.md explains each field; nothing there repeats an offset by hand.

package sp_pkg;

  // ---------------------------------------------------------------------------------- sizes

  /// Bits of the packet header.
  localparam int unsigned HDR_W = 128;
  /// Bytes of a unit, the granule of packet length, extensions and the wire.
  localparam int unsigned UNIT_BYTES = 16;
  /// Bits of a unit.
  localparam int unsigned UNIT_W = 8 * UNIT_BYTES;
  /// Payload units of the longest packet: 256 bytes.
  localparam int unsigned MAX_UNITS = 16;
  /// Extension units that a packet may carry behind its payload, one for each bit of `ext`.
  localparam int unsigned MAX_EXT = 3;
  /// Destinations in a member set.
  localparam int unsigned MAX_MEMBERS = 8;
  /* verilator lint_off UNUSEDPARAM */  // each by the blocks that look at its unit
  /// Bit of `ext` that says that a unit of byte strobes lies behind the payload.
  localparam int unsigned EXT_STROBE = 0;
  /// Bit of `ext` that says that a unit with the end-to-end check lies behind these.
  localparam int unsigned EXT_CHECK = 1;
  /// Bit of `ext` that says that the last unit is a member set.
  localparam int unsigned EXT_SET = 2;
  /// Payload units that a unit of byte strobes is enough for.
  localparam int unsigned STROBE_UNITS = 8;
  /* verilator lint_on UNUSEDPARAM */
  /// Bits of AXI4-Stream tuser: {error mark, header}.
  localparam int unsigned USER_W = HDR_W + 1;
  /// Virtual channels.
  localparam int unsigned NUM_VC = 4;
  /// Layout version that this package describes.
  localparam logic [1:0] VERSION = 2'd0;

  localparam int unsigned ID_W    = 14;
  localparam int unsigned TAG_W   = 12;
  localparam int unsigned LEN_W   = 5;
  localparam int unsigned ADDR_W  = 57;
  localparam int unsigned GROUP_W = 12;
  localparam int unsigned ROOT_W  = 10;
  localparam int unsigned SLICE_W = 16;
  localparam int unsigned SEQ_W   = 16;
  /// Bits of a number of flits in a queue.
  localparam int unsigned LEVEL_W = 13;
  /// Bits of a time stamp: what a packet waits is counted modulo 2^STAMP_W cycles.
  localparam int unsigned STAMP_W = 20;
  /// Cycles for which a sender may pause in a packet that is cut through.
  typedef logic [15:0] pause_t;
  /// Bins of a latency histogram, one for each power of two.
  /* verilator lint_off UNUSEDPARAM */  // by tops without counters
  localparam int unsigned LATENCY_BINS = 16;
  /* verilator lint_on UNUSEDPARAM */

  /// Destination of a packet that goes to the members of a group instead of to one ID.
  /* verilator lint_off UNUSEDPARAM */  // by tops without an engine
  localparam logic [ID_W-1:0] ID_GROUP = '1;
  /* verilator lint_on UNUSEDPARAM */

  // ------------------------------------------------------------------------------ enumerations

  /// Virtual channels; the value is op[5:4].
  typedef enum logic [1:0] {
    VC_REQ = 2'd0,  // requests
    VC_RSP = 2'd1,  // responses: always drain
    VC_RED = 2'd2,  // contributions to a reduction
    VC_MGT = 2'd3   // management
  } vc_e;

  /// Operations. Bits 5:4 are the virtual channel; bit 3 says that the class part is `coll_t`.
  typedef enum logic [5:0] {
    OP_READ        = 6'b00_0000,  // load; `arg` + 1 units are wanted
    OP_WRITE       = 6'b00_0001,  // store
    OP_ATOMIC      = 6'b00_0010,  // `arg` is the atomic operation
    OP_MCAST_WRITE = 6'b00_0011,  // store at all members: of group `dst`, or of the member set
    OP_READ_RSP    = 6'b01_0000,
    OP_WRITE_RSP   = 6'b01_0001,
    OP_ATOMIC_RSP  = 6'b01_0010,
    OP_ERROR       = 6'b01_0111,  // answer to a refused packet of the other classes
    OP_RESULT      = 6'b01_1000,  // result of a reduction
    OP_FETCH       = 6'b01_1001,  // engine to members: contribute `tag` units, for `root`
    OP_COLL_ERROR  = 6'b01_1111,  // answer to a refused contribution, or a group that failed
    OP_ALLREDUCE   = 6'b10_1000,  // contribution; the result goes to all members
    OP_REDUCE      = 6'b10_1001,  // contribution; the result goes to `root`
    OP_BARRIER     = 6'b10_1010,  // contribution without payload; all hear when all have come
    OP_LOAD_REDUCE = 6'b10_1011,  // what all members hold, reduced, to who asks; `root` + 1 units
    OP_MGT_READ    = 6'b11_0000,
    OP_MGT_WRITE   = 6'b11_0001,
    OP_MGT_RSP     = 6'b11_0010
  } op_e;

  /// Why a packet was answered with an error.
  typedef enum logic [3:0] {
    ST_OK         = 4'd0,
    ST_VERSION    = 4'd1,   // version is not VERSION
    ST_OP         = 4'd2,   // unknown operation
    ST_LEN        = 4'd3,   // length impossible for the operation, or not what arrived
    ST_DST        = 4'd4,   // destination has no route
    ST_NOT_MEMBER = 4'd5,   // unknown group, or the port is not a member of it
    ST_TYPE       = 4'd6,   // element type, operation or mode not built in
    ST_MISMATCH   = 4'd7,   // differs from the other contributions of its reduction
    ST_DUPLICATE  = 4'd8,   // this member has already contributed
    ST_TIMEOUT    = 4'd9,   // a member did not come, or came too late
    ST_PARTITION  = 4'd10,  // not for this port: another partition, or a source it is not
    ST_BROKEN     = 4'd11,  // poison, error mark or a wrong end-to-end check: not executed
    ST_MEMORY     = 4'd12,  // the memory at the destination answered with an error
    ST_UNKNOWN    = 4'd13   // atomic that was sent again: nobody knows whether it was executed
  } status_e;

  /// Element types of reductions.
  typedef enum logic [2:0] {
    ET_FP32 = 3'd0,
    ET_BF16 = 3'd1,
    ET_FP16 = 3'd2,
    ET_E4M3 = 3'd3,
    ET_E5M2 = 3'd4,
    ET_INT32 = 3'd5
  } etype_e;

  /// Reduction operations.
  typedef enum logic [2:0] {
    RO_SUM    = 3'd0,
    RO_MIN    = 3'd1,  // IEEE 754-2019 minimum
    RO_MAX    = 3'd2,  // IEEE 754-2019 maximum
    RO_MINNUM = 3'd3,  // minimumNumber
    RO_MAXNUM = 3'd4   // maximumNumber
  } redop_e;

  /// Atomic operations: `arg` of OP_ATOMIC. What was in memory is the first operand.
  typedef enum logic [3:0] {
    AO_ADD  = 4'd0,
    AO_MIN  = 4'd1,  // of signed numbers
    AO_MAX  = 4'd2,
    AO_UMIN = 4'd3,  // of unsigned numbers
    AO_UMAX = 4'd4,
    AO_AND  = 4'd5,
    AO_OR   = 4'd6,
    AO_XOR  = 4'd7,
    AO_SWAP = 4'd8,
    AO_CAS  = 4'd9   // swap if memory holds the value of the second unit
  } atomic_e;

  /// What a reduction computes of its elements.
  typedef struct packed {
    logic       saturate;  // overflow gives the largest number
    logic [2:0] redop;     // redop_e
    logic [2:0] etype;     // etype_e
  } arith_t;

  /// IDs that a port may name as the source of its packets: those equal to `id` where `care` is
  /// one.
  typedef struct packed {
    logic [ID_W-1:0] care;
    logic [ID_W-1:0] id;
  } source_t;

  /// A flit of a partial: one plane of a portion, and where that lies.
  typedef struct packed {
    logic       valid;  // it is one; else elements
    logic       plain;  // no plane tells what was seen: nothing special, and not only -0
    logic [1:0] part;   // which portion of its unit
    logic [3:0] plane;  // which word of a sum; PLANE_SEEN: what was seen
  } plane_t;

  /* verilator lint_off UNUSEDPARAM */  // by tops without an engine
  /// Plane that tells what was seen.
  localparam logic [3:0]  PLANE_SEEN = 4'd9;
  /// Planes of a portion.
  localparam int unsigned PLANES = 10;
  /// Members behind a port that may contribute raw to the tier above.
  localparam int unsigned MAX_RAW = 6;
  /* verilator lint_on UNUSEDPARAM */

  // ---------------------------------------------------------------------------------- counters

  /// Flits from which on a queue marks the packets that come to it; 0: never.
  typedef struct packed {
    logic [LEVEL_W-1:0] egress;  // buffer of a VC
    logic [LEVEL_W-1:0] voq;     // virtual output queue
  } threshold_t;

  /// Event of an ingress, for the counters by VC.
  typedef struct packed {
    logic [1:0]         vc;        // of the packet at hand
    logic               marked;    // it is queued, and has been marked here
    logic               queued;    // it, or its answer, takes room in a queue
    logic [1:0]         queue_vc;  // VC of that queue
    logic [LEVEL_W-1:0] level;     // flits that are taken in it then
  } ingress_event_t;

  /// Event of an egress, for the counters by VC.
  typedef struct packed {
    logic               queued;     // a flit comes into a buffer
    logic [1:0]         in_vc;      // its VC
    logic               marked;     // its packet has been marked here
    logic [LEVEL_W-1:0] level;      // flits in the buffer then
    logic [1:0]         out_vc;     // of the beat on the port
    logic               out_first;  // it is a first one
    logic [STAMP_W-1:0] latency;    // of its packet
  } egress_event_t;

  /// Which counter of a port.
  typedef struct packed {
    logic       latency;  // a bin of the histogram, else a register of the VC
    logic [1:0] vc;
    logic [3:0] index;
  } stat_sel_t;

  /// Injection of errors: bits of what a packet memory keeps next.
  typedef struct packed {
    logic       arm;
    logic       header;  // of a header, not of a payload
    logic [1:0] count;   // how many bits
  } inject_t;

  // ------------------------------------------------------------------------------- the header

  /// Class part of memory packets.
  typedef struct packed {
    logic              rsvd;     // sent as zero, ignored, forwarded
    logic              relaxed;  // may pass other packets of its flow
    logic              wide;     // atomics: 64 bits instead of 32
    logic [3:0]        arg;      // READ: units wanted minus one; ATOMIC: operation
    logic [ADDR_W-1:0] addr;     // byte address in the memory of the destination
  } mem_t;

  /// Class part of collective packets.
  typedef struct packed {
    logic               rsvd;   // sent as zero, ignored, forwarded
    logic [SEQ_W-1:0]   seq;    // which reduction of the group
    logic [SLICE_W-1:0] slice;  // which part of its vector
    logic [ROOT_W-1:0]  root;   // REDUCE: port of result; LOAD_REDUCE: units - 1; partial: planes
    logic [2:0]         mode;   // {partial, saturate, ordered}
    logic [2:0]         redop;  // redop_e
    logic [2:0]         etype;  // etype_e
    logic [GROUP_W-1:0] group;
  } coll_t;

  /// Class part of management packets.
  typedef struct packed {
    logic [31:0] data;
    logic [31:0] addr;
  } mgt_t;

  /// Class part: 64 bits, read by operation.
  typedef union packed {
    mem_t  mem;
    coll_t coll;
    mgt_t  mgt;
  } class_u;

  /// Header. Byte k of a header on a byte stream is bits 8k+7:8k.
  typedef struct packed {
    class_u             cls;      // by operation
    logic [1:0]         rsvd;     // sent as zero, ignored, forwarded
    logic [MAX_EXT-1:0] ext;      // units behind the payload: {member set, check, strobes}
    logic               ecn;      // congestion was met
    logic               poison;   // the payload is not to be trusted
    logic [3:0]         status;   // status_e, in answers
    logic [LEN_W-1:0]   len;      // payload units, extensions not counted
    logic [TAG_W-1:0]   tag;      // chosen by the source, returned in the answer
    logic [ID_W-1:0]    src;
    logic [ID_W-1:0]    dst;
    logic [5:0]         op;       // op_e
    logic [1:0]         version;
  } hdr_t;

  // ------------------------------------------------------------------------------------ atomics

  /// First unit of OP_ATOMIC.
  typedef struct packed {
    logic [45:0] rsvd;     // sent as zero, ignored, forwarded
    logic        quiet;    // the old value is not wanted: the answer is OP_WRITE_RSP
    logic        retry;    // sent before, perhaps executed: see {src, tag, epoch}
    logic [15:0] epoch;    // with src and tag: which atomic this is
    logic [63:0] operand;  // 32 bits: the lower ones
  } atomic_t;

  // --------------------------------------------------------------------------------- member set

  /// One destination of a multicast that carries its members: bits 16k+15:16k of the set.
  typedef struct packed {
    logic            valid;  // there is such a destination
    logic            rsvd;   // sent as zero, ignored, forwarded
    logic [ID_W-1:0] id;     // which
  } member_t;

  /// Member set: the last unit of a packet with ext[EXT_SET].
  typedef member_t [MAX_MEMBERS-1:0] member_set_t;

  /// Where the destinations of a member set go, so that each output can keep its own.
  typedef struct packed {
    logic [1:0]                         unit;   // of its flit, in which the set lies
    logic [MAX_MEMBERS-1:0]             there;  // destinations that it has
    logic [MAX_MEMBERS-1:0][ROOT_W-1:0] outs;   // the port of each
  } member_ports_t;

  // -------------------------------------------------------------------------------- functions

  /// Virtual channel of an operation.
  function automatic logic [1:0] op_vc(logic [5:0] op);
    return 2'(op >> 4);
  endfunction

  /// Whether the operation is one of op_e.
  function automatic logic op_known(logic [5:0] op);
    case (op)
      OP_READ, OP_WRITE, OP_ATOMIC, OP_MCAST_WRITE, OP_READ_RSP, OP_WRITE_RSP, OP_ATOMIC_RSP,
      OP_ERROR, OP_RESULT, OP_FETCH, OP_COLL_ERROR, OP_ALLREDUCE, OP_REDUCE, OP_BARRIER,
      OP_LOAD_REDUCE, OP_MGT_READ, OP_MGT_WRITE, OP_MGT_RSP: return 1'b1;
      default: return 1'b0;
    endcase
  endfunction

  /// Whether `len` payload units are possible for a known operation.
  function automatic logic len_legal(logic [5:0] op, logic [LEN_W-1:0] len);
    case (op)
      OP_READ, OP_WRITE_RSP, OP_ERROR, OP_FETCH, OP_COLL_ERROR, OP_BARRIER, OP_LOAD_REDUCE,
      OP_MGT_READ: return len == '0;
      OP_ATOMIC, OP_ATOMIC_RSP: return (len != '0) && (len <= LEN_W'(2));
      OP_RESULT, OP_MGT_WRITE, OP_MGT_RSP: return len <= LEN_W'(MAX_UNITS);
      default: return (len != '0) && (len <= LEN_W'(MAX_UNITS));
    endcase
  endfunction

  /// Flits of a packet of `len` payload units and the extensions `ext`: at least one.
  function automatic logic [LEN_W-1:0] num_flits(
      logic [LEN_W-1:0] len, logic [MAX_EXT-1:0] ext, int unsigned units_per_flit);
    logic [LEN_W:0] units;
    units = (LEN_W + 1)'(len) + (LEN_W + 1)'($countones(ext));
    if (units == '0) return LEN_W'(1);
    return LEN_W'((units + (LEN_W + 1)'(units_per_flit - 1)) >> $clog2(units_per_flit));
  endfunction

  /// Which unit of its last flit is the last unit of a packet: there the member set lies.
  function automatic logic [1:0] last_unit(
      logic [LEN_W-1:0] len, logic [MAX_EXT-1:0] ext, int unsigned units_per_flit);
    return 2'(len + LEN_W'($countones(ext)) - LEN_W'(1)) & 2'(units_per_flit - 1);
  endfunction

  /// Flits of the longest packet.
  function automatic int unsigned max_flits(int unsigned flit_w);
    return (MAX_UNITS + MAX_EXT + flit_w / UNIT_W - 1) / (flit_w / UNIT_W);
  endfunction

  /// Portions of four elements in a unit, as a power of two.
  function automatic logic [1:0] portions_log2(logic [2:0] etype);
    case (etype)
      ET_BF16, ET_FP16: return 2'd1;
      ET_E4M3, ET_E5M2: return 2'd2;
      default: return 2'd0;
    endcase
  endfunction

  /// The class part of an answer to a refused packet stays as it was; the rest is made here.
  /// `src` and `dst` change places, so that the answer names whom it could not reach.
  function automatic hdr_t error_answer(hdr_t refused, logic [3:0] status);
    error_answer        = refused;
    error_answer.ext    = '0;
    error_answer.ecn    = 1'b0;
    error_answer.poison = 1'b0;
    error_answer.status = status;
    error_answer.len    = '0;
    error_answer.src    = refused.dst;
    error_answer.dst    = refused.src;
    error_answer.op     = (op_vc(refused.op) == VC_RED) ? OP_COLL_ERROR : OP_ERROR;
    error_answer.version = VERSION;
  endfunction

endpackage
