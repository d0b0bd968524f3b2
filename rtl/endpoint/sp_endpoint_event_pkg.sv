// SPDX-License-Identifier: Apache-2.0
//
// Events of an endpoint: what sp_endpoint_csr counts, in the order of sp_endpoint.rdl.

package sp_endpoint_event_pkg;

  /// Events.
  /* verilator lint_off UNUSEDPARAM */  // by tops without an endpoint
  localparam int unsigned N_EVENTS = 28;
  /* verilator lint_on UNUSEDPARAM */

  /// Place of each among them.
  typedef enum logic [4:0] {
    EV_REQUESTS             = 5'd0,
    EV_ANSWERS              = 5'd1,
    EV_LATE_ANSWERS         = 5'd2,
    EV_MALFORMED_ANSWERS    = 5'd3,
    EV_TAG_TIMEOUTS         = 5'd4,
    EV_REISSUED             = 5'd5,
    EV_DECODE_ERRORS        = 5'd6,
    EV_SLAVE_ERRORS         = 5'd7,
    EV_LOADS                = 5'd8,
    EV_STORES               = 5'd9,
    EV_ATOMICS              = 5'd10,
    EV_ATOMICS_REPLAYED     = 5'd11,
    EV_ATOMICS_UNKNOWN      = 5'd12,
    EV_BROKEN_REQUESTS      = 5'd13,
    EV_REFUSED_REQUESTS     = 5'd14,
    EV_MEMORY_ERRORS        = 5'd15,
    EV_CONTRIBUTIONS        = 5'd16,
    EV_RESULTS              = 5'd17,
    EV_COLLECTIVE_ERRORS    = 5'd18,
    EV_UNKNOWN_RESULTS      = 5'd19,
    EV_DROPPED_FETCHES      = 5'd20,
    EV_COLLECTIVE_TIMEOUTS  = 5'd21,
    EV_MULTICASTS           = 5'd22,
    EV_BROKEN_CHECKS        = 5'd23,
    EV_PLANES_DROPPED       = 5'd24,
    EV_PLANES_CLOSED        = 5'd25,
    EV_PLANES_STRAY         = 5'd26,
    EV_PLANES_DOWN          = 5'd27
  } event_e;

endpackage
