// SPDX-License-Identifier: Apache-2.0
//
// What the parts of the requester share.

package sp_requester_pkg;

  import sp_pkg::*;

  /// Kinds of requests: the upper bits of a tag.
  typedef enum logic [1:0] {
    KIND_LOAD   = 2'd0,
    KIND_STORE  = 2'd1,
    KIND_ATOMIC = 2'd2
  } kind_e;

  /* verilator lint_off UNUSEDPARAM */  // by tops without an endpoint
  /// Kinds.
  localparam int unsigned KINDS = 3;
  /// Bits of the number of a request of its kind; the lower ones are its place.
  localparam int unsigned NUM_W = TAG_W - 2;
  /// Bits of what lies beside a request in its ring.
  localparam int unsigned EXTRA_W = UNIT_W + 16;
  /* verilator lint_on UNUSEDPARAM */

  /// A packet to send, but for source and tag.
  typedef struct packed {
    logic              quiet;    // atomics: the old value is not wanted
    logic              strobes;  // a unit of strobes lies behind the payload
    logic [LEN_W-1:0]  len;      // payload units
    logic [ID_W-1:0]   dst;
    mem_t              mem;
  } ask_t;

  /// How a request ended.
  typedef enum logic [1:0] {
    END_INSIDE = 2'd0,  // nothing was to be sent
    END_ANSWER = 2'd1,
    END_UNSENT = 2'd2,  // its time ran out before it was sent
    END_LOST   = 2'd3   // no answer came in time
  } end_e;

  /// What requests do after a change of the planes that are up.
  typedef enum logic [1:0] {
    PHASE_RUN    = 2'd0,
    PHASE_SETTLE = 2'd1,  // what planes have that were not lost is answered; nothing is sent
    PHASE_MARK   = 2'd2,  // what lost planes had is marked
    PHASE_RESEND = 2'd3   // what is marked is sent
  } phase_e;

  /// AXI response for a status.
  function automatic logic [1:0] status_resp(logic [3:0] status);
    case (status)
      ST_OK: return sp_endpoint_pkg::RESP_OKAY;
      ST_DST, ST_NOT_MEMBER, ST_PARTITION: return sp_endpoint_pkg::RESP_DECERR;
      default: return sp_endpoint_pkg::RESP_SLVERR;
    endcase
  endfunction

endpackage
