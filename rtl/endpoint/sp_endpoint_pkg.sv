// SPDX-License-Identifier: Apache-2.0
//
// What the parts of an endpoint share; docs/endpoint.md explains it.

package sp_endpoint_pkg;

  import sp_pkg::ID_W;
  import sp_pkg::ADDR_W;
  import sp_pkg::GROUP_W;
  import sp_pkg::ROOT_W;
  import sp_pkg::SLICE_W;
  import sp_pkg::SEQ_W;

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
    logic       detour;     // a destination was not reached by a plane; another one is tried
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

  // ------------------------------------------------------------------------------ collectives

  /// Bits of a number of bytes: a vector has up to 2^16 slices of 256 bytes.
  localparam int unsigned VECTOR_W = 25;

  /// What a command of sp_collective does.
  typedef enum logic [2:0] {
    CK_ALLREDUCE   = 3'd0,  // contribute; take the results
    CK_REDUCE      = 3'd1,  // contribute; take the results of which this port is the root
    CK_BARRIER     = 3'd2,  // no memory; one slice
    CK_LOAD_REDUCE = 3'd3,  // ask the members; take the results
    CK_MCAST_STORE = 3'd4   // store the vector at many
  } collective_e;

  /// Command of sp_collective: a vector, which the unit walks over by itself.
  typedef struct packed {
    logic [7:0]            id;            // returned with the result
    logic [2:0]            kind;          // collective_e
    logic [GROUP_W-1:0]    group;         // of the reduction
    logic [SLICE_W-1:0]    slice;         // number of the first slice
    logic [SEQ_W-1:0]      seq;
    logic [2:0]            etype;         // sp_pkg::etype_e
    logic [2:0]            redop;         // sp_pkg::redop_e
    logic [2:0]            mode;          // {partial, saturate, ordered}
    logic [ID_W-1:0]       dst;           // first engine; of a store the group
    logic [2:0]            engines_log2;  // engines dst, dst + 1, ... share the slices
    logic [3:0]            round_log2;    // slices are begun in rounds of so many,
    logic [SLICE_W-1:0]    skew;          // each from this one on: members do not collide
    logic [ROOT_W-1:0]     root;          // of a Reduce: the port that gets the result
    logic                  scatter;       // it gets only the first slices, root + 1 the next ...
    logic [3:0]            root_log2;     // so many
    logic [ROOT_W-1:0]     port;          // our own port
    logic [AXI_ADDR_W-1:0] from;          // contributions, a multiple of 256
    logic [AXI_ADDR_W-1:0] to;            // results, a multiple of 256
    logic [VECTOR_W-1:0]   bytes;         // of the vector
    logic [ADDR_W-1:0]     remote;        // of a store: address there, a multiple of 256
    logic                  sparse;        // of a store: at `members` instead of a group
    logic [ROOT_W:0]       answers;       // of a store: answers to each of its packets
    sp_pkg::member_set_t   members;
  } collective_t;

  /// Result of such a command.
  typedef struct packed {
    logic [7:0]         id;
    logic [3:0]         status;    // of the first slice that failed, sp_pkg::status_e
    logic               timeout;   // there were slices to which no answer came
    logic               poisoned;  // there were results with poison or the error mark: not written
    logic [SLICE_W-1:0] slice;     // the first slice that failed
  } collective_result_t;

  /// Row of the fetch table: where a group's vector lies that others may load reduced.
  typedef struct packed {
    logic                  valid;
    logic [AXI_ADDR_W-1:0] base;   // of slice 0, a multiple of 256
    logic [VECTOR_W-1:0]   bytes;
  } fetch_row_t;

  /// What happened in sp_collective in a cycle, for counters.
  typedef struct packed {
    logic sent;           // a packet of a command has left
    logic fetched;        // the answer to a fetch has left
    logic result;         // a result came that a command waited for
    logic answer;         // an answer to a store came that a command waited for
    logic failed;         // one of both that says error, or is poisoned or broken
    logic late;           // one for which no command waited
    logic timeout;        // a command has waited too long
    logic plane_down;     // a slice whose plane is down was not sent
    logic memory;         // the memory answered with an error
    logic fetch_dropped;  // a fetch found no room
    logic fetch_refused;  // a fetch of what no row of the table covers
  } collective_event_t;

endpackage
