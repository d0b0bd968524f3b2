// SPDX-License-Identifier: Apache-2.0
//
// What the parts of an endpoint share; docs/endpoint.md explains it.

package sp_endpoint_pkg;

  import sp_pkg::ID_W;
  import sp_pkg::ADDR_W;

  /// Bits of an address on the AXI4 buses.
  localparam int unsigned AXI_ADDR_W = 64;

  /// AXI4 responses.
  typedef enum logic [1:0] {
    RESP_OKAY   = 2'd0,
    RESP_EXOKAY = 2'd1,
    RESP_SLVERR = 2'd2,
    RESP_DECERR = 2'd3
  } resp_e;

  /// Region of the address map.
  typedef struct packed {
    logic                  valid;
    logic                  strict;       // all packets to a destination keep their order
    logic [5:0]            size_log2;    // bytes of the region, 8 or more
    logic [5:0]            window_log2;  // bytes of a destination, 8 to 57
    logic [ID_W-1:0]       dst;          // destination of the first window
    logic [AXI_ADDR_W-1:0] base;         // first address, a multiple of the region's size
    logic [ADDR_W-1:0]     offset;       // of the window in the memory of its destination, a
                                         // multiple of 256
  } region_t;

  /// Command: what AXI4 cannot say.
  typedef struct packed {
    logic [3:0]            id;       // returned with the result
    logic                  wide;     // 64 bits instead of 32
    logic                  quiet;    // the old value is not wanted
    logic [3:0]            kind;     // sp_pkg::atomic_e
    logic [AXI_ADDR_W-1:0] addr;     // as on the AXI bus: an address in a region
    logic [63:0]           operand;
    logic [63:0]           compare;  // of AO_CAS
  } command_t;

  /// Result of a command.
  typedef struct packed {
    logic [3:0]  id;
    logic        decerr;   // the address is in no region: nothing was sent
    logic        timeout;  // no answer came
    logic [3:0]  status;   // sp_pkg::status_e
    logic [63:0] old;      // what was in memory
  } result_t;

  /// Events of the requester, for counters. Vectors: {atomics, stores, loads}.
  typedef struct packed {
    logic       request;    // a packet is sent, also again
    logic       reissue;    // it is sent again
    logic       answer;     // an answer ends a request
    logic       late;       // an answer came that nobody waits for: dropped
    logic       unknown;    // an answer came to what was not asked here: dropped
    logic       malformed;  // an answer of the wrong kind or length ends a request
    logic [2:0] timeout;    // no answer came in time
    logic [2:0] decerr;     // a request ended with DECERR
    logic [2:0] slverr;     // a request ended with SLVERR
  } requester_event_t;

  /// What became of a request at the completer: one bit for each that is answered.
  typedef struct packed {
    logic memory;    // the memory answered with an error
    logic refused;   // not a request that is executed
    logic broken;    // poison, error mark or a wrong check
    logic unknown;   // atomic that was sent again, perhaps executed
    logic replayed;  // atomic that was sent again, answered from the table
    logic atomic;    // executed
    logic store;     // executed
    logic load;      // executed
  } completer_event_t;

endpackage
