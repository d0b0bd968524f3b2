// SPDX-License-Identifier: Apache-2.0
//
// Requester: loads and stores of an AXI4 bus, and commands, become requests; answers become read
// data, responses and results. docs/endpoint.md says what it does.
//
//   AR -> sp_requester_read  -> ring of loads   -\                      /-> req
//   AW, W -> sp_requester_write -> ring of stores --> sp_requester_send -
//   cmd ----------------------> ring of atomics -/
//   rsp -> sp_requester_answer -> the rings, and the buffers of loads
//
// Guarantees: every transaction and every command ends; answers always drain; requests to one block
// of 256 bytes take one plane and their order, also when planes come and go.

module sp_requester
  import sp_pkg::*;
  import sp_endpoint_pkg::*;
  import sp_requester_pkg::*;
#(
    /// Bits of a flit: 128, 256 or 512.
    parameter int unsigned FLIT_W    = 128,
    /// Bits of the AXI data bus: 64, 128, 256 or 512, at most FLIT_W.
    parameter int unsigned DATA_W    = 128,
    /// Bits of an AXI ID, 1 to 16.
    parameter int unsigned AXI_ID_W  = 4,
    /// Loads that can be on the way, as many stores and as many atomics: a power of two in 4..256.
    parameter int unsigned N_TAGS    = 16,
    /// Regions of the address map, 1 to 64.
    parameter int unsigned N_REGIONS = 4,
    /// Planes, 1 to 8.
    parameter int unsigned N_PLANES  = 2,
    localparam int unsigned PlaneW   = (N_PLANES > 1) ? $clog2(N_PLANES) : 1
) (
    /// Clock.
    input  logic                    clk_i,
    /// Reset, active low, asynchronous.
    input  logic                    rst_ni,
    /// ID of this accelerator.
    input  logic [ID_W-1:0]         source_i,
    /// Address map.
    input  region_t [N_REGIONS-1:0] region_i,
    /// Cycles until a request ends without an answer; 0: never.
    input  logic [31:0]             tag_timeout_i,
    /// Cycles until what a lost plane had is sent again.
    input  logic [31:0]             reissue_delay_i,
    /// Cycles from sending a request until its answer is taken for lost; 0: never.
    input  logic [31:0]             loss_timeout_i,
    /// Cycles for which a plane that failed a destination is avoided; 0: nothing is tried over
    /// another plane but what a lost plane had.
    input  logic [31:0]             avoid_time_i,
    /// Planes that carry nothing while all others do.
    input  logic [N_PLANES-1:0]     spare_i,
    /// Requests take the plane that has the fewest on the way; in strict regions never.
    input  logic                    least_i,
    /// Planes that are up.
    input  logic [N_PLANES-1:0]     plane_up_i,
    /// AXI4 write address.
    input  logic [AXI_ID_W-1:0]     s_axi_awid_i,
    /// First byte.
    input  logic [AXI_ADDR_W-1:0]   s_axi_awaddr_i,
    /// Beats less one.
    input  logic [7:0]              s_axi_awlen_i,
    /// Bytes of a beat, as a power of two.
    input  logic [2:0]              s_axi_awsize_i,
    /// Kind of burst.
    input  logic [1:0]              s_axi_awburst_i,
    /// Ignored: exclusive accesses are answered with OKAY, that is, refused as AXI4 has it.
    input  logic                    s_axi_awlock_i,
    /// Ignored.
    input  logic [3:0]              s_axi_awcache_i,
    /// Ignored.
    input  logic [2:0]              s_axi_awprot_i,
    /// Ignored.
    input  logic [3:0]              s_axi_awqos_i,
    /// An address comes.
    input  logic                    s_axi_awvalid_i,
    /// It is taken.
    output logic                    s_axi_awready_o,
    /// AXI4 write data.
    input  logic [DATA_W-1:0]       s_axi_wdata_i,
    /// Bytes that are written.
    input  logic [DATA_W/8-1:0]     s_axi_wstrb_i,
    /// Ignored: the address says how many beats there are.
    input  logic                    s_axi_wlast_i,
    /// A beat.
    input  logic                    s_axi_wvalid_i,
    /// It is taken.
    output logic                    s_axi_wready_o,
    /// AXI4 write response: ID.
    output logic [AXI_ID_W-1:0]     s_axi_bid_o,
    /// Response.
    output logic [1:0]              s_axi_bresp_o,
    /// A response.
    output logic                    s_axi_bvalid_o,
    /// It is taken.
    input  logic                    s_axi_bready_i,
    /// AXI4 read address.
    input  logic [AXI_ID_W-1:0]     s_axi_arid_i,
    /// First byte.
    input  logic [AXI_ADDR_W-1:0]   s_axi_araddr_i,
    /// Beats less one.
    input  logic [7:0]              s_axi_arlen_i,
    /// Bytes of a beat, as a power of two.
    input  logic [2:0]              s_axi_arsize_i,
    /// Kind of burst.
    input  logic [1:0]              s_axi_arburst_i,
    /// Ignored, as for writes.
    input  logic                    s_axi_arlock_i,
    /// Ignored.
    input  logic [3:0]              s_axi_arcache_i,
    /// Ignored.
    input  logic [2:0]              s_axi_arprot_i,
    /// Ignored.
    input  logic [3:0]              s_axi_arqos_i,
    /// An address comes.
    input  logic                    s_axi_arvalid_i,
    /// It is taken.
    output logic                    s_axi_arready_o,
    /// AXI4 read data: ID.
    output logic [AXI_ID_W-1:0]     s_axi_rid_o,
    /// Data; zero with an error.
    output logic [DATA_W-1:0]       s_axi_rdata_o,
    /// Response.
    output logic [1:0]              s_axi_rresp_o,
    /// Last beat of its burst.
    output logic                    s_axi_rlast_o,
    /// A beat.
    output logic                    s_axi_rvalid_o,
    /// It is taken.
    input  logic                    s_axi_rready_i,
    /// A command comes.
    input  logic                    cmd_valid_i,
    /// It is taken.
    output logic                    cmd_ready_o,
    /// The command.
    input  command_t                cmd_i,
    /// A result, in the order of commands.
    output logic                    res_valid_o,
    /// It is taken.
    input  logic                    res_ready_i,
    /// The result.
    output result_t                 res_o,
    /// A beat of a request.
    output logic                    req_tvalid_o,
    /// It is taken.
    input  logic                    req_tready_i,
    /// Units.
    output logic [FLIT_W-1:0]       req_tdata_o,
    /// {error mark, header}.
    output logic [USER_W-1:0]       req_tuser_o,
    /// Last beat.
    output logic                    req_tlast_o,
    /// Plane, constant through a packet.
    output logic [PlaneW-1:0]       req_plane_o,
    /// A beat of an answer.
    input  logic                    rsp_tvalid_i,
    /// Always up.
    output logic                    rsp_tready_o,
    /// Units.
    input  logic [FLIT_W-1:0]       rsp_tdata_i,
    /// {error mark, header}.
    input  logic [USER_W-1:0]       rsp_tuser_i,
    /// Last beat.
    input  logic                    rsp_tlast_i,
    /// With the last beat: the answer was lost on its way; it is as if it had not come.
    input  logic                    rsp_void_i,
    /// Events.
    output requester_event_t        event_o
);

  localparam int unsigned U       = FLIT_W / UNIT_W;
  localparam int unsigned IdxW    = $clog2(N_TAGS);
  localparam int unsigned RowW    = IdxW + $clog2(MAX_UNITS / U);
  localparam int unsigned LoadW   = AXI_ID_W + 22;
  localparam int unsigned StoreW  = AXI_ID_W + 4;

  if (FLIT_W != 128 && FLIT_W != 256 && FLIT_W != 512) begin : g_bad_flit
    $fatal(1, "sp_requester: FLIT_W = %0d is not 128, 256 or 512", FLIT_W);
  end
  if ((DATA_W != 64 && DATA_W != 128 && DATA_W != 256 && DATA_W != 512) ||
      DATA_W > FLIT_W) begin : g_bad_data
    $fatal(1, "sp_requester: DATA_W = %0d is not 64, 128, 256 or 512, at most FLIT_W = %0d",
           DATA_W, FLIT_W);
  end
  if (AXI_ID_W < 1 || AXI_ID_W > 16) begin : g_bad_id
    $fatal(1, "sp_requester: AXI_ID_W = %0d is not in 1..16", AXI_ID_W);
  end
  if (N_TAGS < 4 || N_TAGS > 256 || (1 << IdxW) != N_TAGS) begin : g_bad_tags
    $fatal(1, "sp_requester: N_TAGS = %0d is not a power of two in 4..256", N_TAGS);
  end
  if (N_REGIONS < 1 || N_REGIONS > 64) begin : g_bad_regions
    $fatal(1, "sp_requester: N_REGIONS = %0d is not in 1..64", N_REGIONS);
  end
  if (N_PLANES < 1 || N_PLANES > 8) begin : g_bad_planes
    $fatal(1, "sp_requester: N_PLANES = %0d is not in 1..8", N_PLANES);
  end

  /// What is kept for the end of an atomic.
  typedef struct packed {
    logic [3:0] id;
    logic       wide;
  } atomic_ret_t;

  /// What an answer to an atomic says.
  typedef struct packed {
    logic [1:0]  resp;
    logic [3:0]  status;
    logic [63:0] old;
  } atomic_answer_t;

  logic [KINDS-1:0]              make;
  logic [KINDS-1:0]              make_ended;
  ask_t [KINDS-1:0]              make_ask;
  logic [KINDS-1:0][IdxW:0]      room;
  logic [KINDS-1:0]              offer;
  ask_t [KINDS-1:0]              offer_ask;
  logic [KINDS-1:0][EXTRA_W-1:0] taken_extra;
  logic [KINDS-1:0][NUM_W-1:0]   offer_num;
  logic [KINDS-1:0]              offer_again;
  logic [KINDS-1:0]              take;
  logic [PlaneW-1:0]             take_plane;
  logic [KINDS-1:0]              held;
  logic [NUM_W-1:0]              held_num;
  logic [KINDS-1:0]              held_void;
  logic                          sending;
  logic [NUM_W-1:0]              answer_num;
  logic [NUM_W-1:0]              answer_next;
  logic [KINDS-1:0]              answer_live;
  ask_t [KINDS-1:0]              answer_ask;
  logic [KINDS-1:0]              answer;
  atomic_answer_t                answer_says;
  logic [KINDS-1:0]              done;
  end_e [KINDS-1:0]              done_end;
  logic [KINDS-1:0][IdxW-1:0]    done_place;
  logic [KINDS-1:0]              pop;
  logic [KINDS-1:0][1:0]         pop_resp;
  logic [KINDS-1:0]              phase_done;
  logic [KINDS-1:0]              timeout;
  logic [KINDS-1:0]              lost_for_good;
  logic [KINDS-1:0][PlaneW-1:0]  answer_plane;
  logic [KINDS-1:0]              answer_more;
  logic                          answer_again;
  logic [KINDS-1:0]              overdue;
  logic [KINDS-1:0][AVOID_W-1:0] overdue_row;
  logic [KINDS-1:0][PlaneW-1:0]  overdue_plane;
  logic [KINDS-1:0]              overdue_take;

  logic unused;
  assign unused = &{1'b0, s_axi_awlock_i, s_axi_awcache_i, s_axi_awprot_i, s_axi_awqos_i,
                    s_axi_wlast_i, s_axi_arlock_i, s_axi_arcache_i, s_axi_arprot_i, s_axi_arqos_i,
                    taken_extra[KIND_LOAD], done_place[KIND_STORE], done_place[KIND_ATOMIC]};

  // ------------------------------------------------------------------------------------ planes

  // When the planes that requests may take change, nothing new is sent until what is on the way is
  // answered or sent again: no request meets one to the same block that took another plane.
  phase_e              phase_q;
  logic [N_PLANES-1:0] up_q;
  logic [N_PLANES-1:0] lost_q;   // went down since the last repetition
  logic [31:0]         waited_q; // since then
  logic [31:0]         now_q;
  logic [N_PLANES-1:0] spare_q;
  logic                least_q;
  logic                changed;
  logic                restart;
  logic                next_phase;
  logic                waited;

  // By row of destinations: planes to avoid, and those of them that lost something since the last
  // repetition.
  logic [2**AVOID_W-1:0][N_PLANES-1:0] avoid_q;
  logic [2**AVOID_W-1:0][N_PLANES-1:0] blamed_q;
  logic [31:0]                         avoided_q;  // cycles since there was the first
  logic [31:0]                         loss_timeout;
  logic [TRIES_W-1:0]                  tries;      // that are worth it
  logic                                bounce;     // a request is answered: try another plane
  logic                                blame;      // a destination is not reached by a plane
  logic [AVOID_W-1:0]                  blame_row;
  logic [PlaneW-1:0]                   blame_plane;
  logic [N_PLANES-1:0]                 blame_bit;
  logic [N_PLANES-1:0]                 blame_all;
  logic                                forget;

  assign loss_timeout = (avoid_time_i != '0) ? loss_timeout_i : '0;
  // With one plane there is no other one: nothing is avoided, and the table of that falls away.
  assign tries        = (N_PLANES > 1 && avoid_time_i != '0 && up_q != '0) ?
                        TRIES_W'($countones(up_q)) - TRIES_W'(1) : '0;

  // One at a time: an answer comes only once, who waits for too long goes on to do so.
  always_comb begin
    bounce       = 1'b0;
    blame_row    = '0;
    blame_plane  = '0;
    overdue_take = '0;
    for (int unsigned k = 0; k < KINDS; k++) begin
      if (answer[k] && answer_again && answer_more[k]) begin
        bounce      = 1'b1;
        blame_row   = answer_ask[k].dst[AVOID_W-1:0];
        blame_plane = answer_plane[k];
      end
    end
    for (int unsigned k = 0; k < KINDS; k++) begin
      if (overdue[k] && !bounce && overdue_take == '0) begin
        overdue_take[k] = 1'b1;
        blame_row       = overdue_row[k];
        blame_plane     = overdue_plane[k];
      end
    end
    blame     = bounce || overdue_take != '0;
    blame_bit = N_PLANES'(1) << blame_plane;
    blame_all = avoid_q[blame_row] | blame_bit;
  end

  assign forget = avoid_q != '0 && avoided_q >= avoid_time_i && phase_q == PHASE_RUN && !blame;
  assign waited = waited_q >= reissue_delay_i;

  // What is lost for good is on no plane any more; that is counted anew.
  assign changed = plane_up_i != up_q || spare_i != spare_q || least_i != least_q || blame ||
                   forget || (least_q && lost_for_good != '0);

  always_comb begin
    case (phase_q)
      PHASE_SETTLE: next_phase = &phase_done && !sending &&
                                 (lost_q == '0 || waited);
      PHASE_MARK:   next_phase = &phase_done;
      PHASE_RESEND: next_phase = &phase_done;
      default:      next_phase = 1'b0;
    endcase
  end
  assign restart = changed || next_phase;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      phase_q  <= PHASE_RUN;
      up_q     <= '0;
      lost_q   <= '0;
      waited_q <= '0;
      now_q    <= '0;
      spare_q  <= '0;
      least_q  <= 1'b0;
      avoid_q  <= '0;
      blamed_q <= '0;
      avoided_q <= '0;
    end else begin
      now_q   <= now_q + 32'd1;
      up_q    <= plane_up_i;
      spare_q <= spare_i;
      least_q <= least_i;
      if (changed) begin
        phase_q <= PHASE_SETTLE;
        lost_q  <= lost_q | (up_q & ~plane_up_i);
      end else if (next_phase) begin
        phase_q <= (phase_q == PHASE_SETTLE) ? PHASE_MARK :
                   (phase_q == PHASE_MARK) ? PHASE_RESEND : PHASE_RUN;
        if (phase_q == PHASE_RESEND) begin
          lost_q   <= '0;
          blamed_q <= '0;
        end
      end
      avoided_q <= (avoid_q == '0) ? '0 : avoided_q + 32'(avoided_q != '1);
      if (forget) avoid_q <= '0;
      if (blame) begin
        // If none is left, the others may be better by now than this one.
        avoid_q[blame_row]  <= ((up_q & ~blame_all) == '0) ? blame_bit : blame_all;
        blamed_q[blame_row] <= blamed_q[blame_row] | blame_bit;
      end
      // What has left the sender by now counts as sent before; the rest leaves later.
      if (sending || blame || (up_q & ~plane_up_i) != '0) waited_q <= '0;
      else if (!waited) waited_q <= waited_q + 32'd1;
    end
  end

  // ------------------------------------------------------------------------------- address map
  // One for all: the sender takes a request a cycle, too. An address comes in only when there is
  // room for what becomes of it, with what is made in this cycle, so that no kind waits for
  // another.

  logic [KINDS-1:0]                 map_asks;
  logic [KINDS-1:0]                 map_fits;
  logic [KINDS-1:0]                 map_takes;
  logic [KINDS-1:0][AXI_ADDR_W-1:0] map_addr;
  logic [KINDS-1:0]                 map_tells;
  logic                             map_two;    // the store may become two requests
  logic                             map_taken;  // the last of them is made
  logic                             map_found;
  logic                             map_strict;
  logic [ID_W-1:0]                  map_dst;
  logic [ADDR_W-1:0]                map_to;

  for (genvar k = 0; k < KINDS; k++) begin : g_map
    logic [IdxW:0] need;
    assign need        = (IdxW + 1)'(make[k]) + (IdxW + 1)'(k == KIND_STORE && map_two) + 1'b1;
    assign map_fits[k] = map_asks[k] && room[k] >= need;
  end

  sp_requester_map #(
      .N_REGIONS(N_REGIONS),
      .CLIENTS  (KINDS)
  ) u_map (
      .clk_i,
      .rst_ni,
      .region_i,
      .valid_i (map_fits),
      .ready_o (map_takes),
      .addr_i  (map_addr),
      .valid_o (map_tells),
      .ready_i ({1'b1, map_taken, 1'b1}),
      .found_o (map_found),
      .strict_o(map_strict),
      .dst_o   (map_dst),
      .addr_o  (map_to)
  );

  // ------------------------------------------------------------------------------------- loads

  logic [LoadW-1:0]         load_make_ret;
  logic [LoadW-1:0]         load_ret;
  logic [1:0]               load_resp;
  logic                     load_read;
  logic [U-1:0][RowW-1:0]   load_read_row;
  logic [FLIT_W-1:0]        load_read_data;
  logic [U-1:0]             load_write;
  logic [U-1:0][RowW-1:0]   load_write_row;
  logic [FLIT_W-1:0]        load_write_data;

  sp_requester_read #(
      .FLIT_W   (FLIT_W),
      .DATA_W   (DATA_W),
      .AXI_ID_W (AXI_ID_W),
      .N        (N_TAGS)
  ) u_read (
      .clk_i,
      .rst_ni,
      .arid_i      (s_axi_arid_i),
      .araddr_i    (s_axi_araddr_i),
      .arlen_i     (s_axi_arlen_i),
      .arsize_i    (s_axi_arsize_i),
      .arburst_i   (s_axi_arburst_i),
      .arvalid_i   (s_axi_arvalid_i),
      .arready_o   (s_axi_arready_o),
      .rid_o       (s_axi_rid_o),
      .rdata_o     (s_axi_rdata_o),
      .rresp_o     (s_axi_rresp_o),
      .rlast_o     (s_axi_rlast_o),
      .rvalid_o    (s_axi_rvalid_o),
      .rready_i    (s_axi_rready_i),
      .make_o      (make[KIND_LOAD]),
      .make_ask_o  (make_ask[KIND_LOAD]),
      .make_ret_o  (load_make_ret),
      .make_ended_o(make_ended[KIND_LOAD]),
      .map_valid_o (map_asks[KIND_LOAD]),
      .map_ready_i (map_takes[KIND_LOAD]),
      .map_addr_o  (map_addr[KIND_LOAD]),
      .map_valid_i (map_tells[KIND_LOAD]),
      .map_found_i (map_found),
      .map_strict_i(map_strict),
      .map_dst_i   (map_dst),
      .map_to_i    (map_to),
      .done_i      (done[KIND_LOAD]),
      .done_end_i  (done_end[KIND_LOAD]),
      .done_ret_i  (load_ret),
      .done_resp_i (load_resp),
      .done_place_i(done_place[KIND_LOAD]),
      .pop_o       (pop[KIND_LOAD]),
      .pop_resp_o  (pop_resp[KIND_LOAD]),
      .read_o      (load_read),
      .read_row_o  (load_read_row),
      .read_data_i (load_read_data)
  );

  sp_unit_memory #(
      .FLIT_W(FLIT_W),
      .ROWS  (N_TAGS * MAX_UNITS / U)
  ) u_load_memory (
      .clk_i,
      .write_i     (load_write),
      .write_row_i (load_write_row),
      .write_data_i(load_write_data),
      .read_i      (load_read),
      .read_row_i  (load_read_row),
      .read_data_o (load_read_data)
  );

  sp_requester_ring #(
      .N       (N_TAGS),
      .RET_W   (LoadW),
      .ANS_W   (2),
      .PLANE_W (PlaneW),
      .N_PLANES(N_PLANES)
  ) u_loads (
      .clk_i,
      .rst_ni,
      .make_i       (make[KIND_LOAD]),
      .make_ask_i   (make_ask[KIND_LOAD]),
      .make_extra_i ('0),
      .make_ret_i   (load_make_ret),
      .make_ended_i (make_ended[KIND_LOAD]),
      .room_o       (room[KIND_LOAD]),
      .offer_o      (offer[KIND_LOAD]),
      .offer_ask_o  (offer_ask[KIND_LOAD]),
      .taken_extra_o(taken_extra[KIND_LOAD]),
      .offer_num_o  (offer_num[KIND_LOAD]),
      .offer_again_o(offer_again[KIND_LOAD]),
      .take_i       (take[KIND_LOAD]),
      .take_plane_i (take_plane),
      .held_i       (held[KIND_LOAD]),
      .held_num_i   (held_num),
      .held_void_o  (held_void[KIND_LOAD]),
      .answer_num_i (answer_num),
      .answer_next_i(answer_next),
      .answer_live_o(answer_live[KIND_LOAD]),
      .answer_ask_o (answer_ask[KIND_LOAD]),
      .answer_plane_o(answer_plane[KIND_LOAD]),
      .answer_more_o(answer_more[KIND_LOAD]),
      .answer_i     (answer[KIND_LOAD]),
      .answer_again_i(bounce),
      .answer_data_i(answer_says.resp),
      .answer_okay_i(answer_says.resp == RESP_OKAY),
      .done_o       (done[KIND_LOAD]),
      .done_end_o   (done_end[KIND_LOAD]),
      .done_ret_o   (load_ret),
      .done_data_o  (load_resp),
      .done_place_o (done_place[KIND_LOAD]),
      .pop_i        (pop[KIND_LOAD]),
      .now_i        (now_q),
      .timeout_i    (tag_timeout_i),
      .loss_timeout_i(loss_timeout),
      .tries_i      (tries),
      .phase_i      (phase_q),
      .restart_i    (restart),
      .up_i         (|up_q),
      .lost_i       (lost_q),
      .blamed_i     (blamed_q),
      .waited_i     (waited),
      .phase_done_o (phase_done[KIND_LOAD]),
      .overdue_o    (overdue[KIND_LOAD]),
      .overdue_row_o(overdue_row[KIND_LOAD]),
      .overdue_plane_o(overdue_plane[KIND_LOAD]),
      .overdue_take_i(overdue_take[KIND_LOAD]),
      .ev_timeout_o (timeout[KIND_LOAD]),
      .ev_lost_o    (lost_for_good[KIND_LOAD])
  );

  // ------------------------------------------------------------------------------------ stores

  logic [EXTRA_W-1:0]       store_make_extra;
  logic [StoreW-1:0]        store_make_ret;
  logic [StoreW-1:0]        store_ret;
  logic [1:0]               store_resp;
  logic [U-1:0]             store_write;
  logic [U-1:0][RowW-1:0]   store_write_row;
  logic [FLIT_W-1:0]        store_write_data;
  logic                     store_read;
  logic [U-1:0][RowW-1:0]   store_read_row;
  logic [FLIT_W-1:0]        store_read_data;

  sp_requester_write #(
      .FLIT_W   (FLIT_W),
      .DATA_W   (DATA_W),
      .AXI_ID_W (AXI_ID_W),
      .N        (N_TAGS)
  ) u_write (
      .clk_i,
      .rst_ni,
      .awid_i      (s_axi_awid_i),
      .awaddr_i    (s_axi_awaddr_i),
      .awlen_i     (s_axi_awlen_i),
      .awsize_i    (s_axi_awsize_i),
      .awburst_i   (s_axi_awburst_i),
      .awvalid_i   (s_axi_awvalid_i),
      .awready_o   (s_axi_awready_o),
      .wdata_i     (s_axi_wdata_i),
      .wstrb_i     (s_axi_wstrb_i),
      .wvalid_i    (s_axi_wvalid_i),
      .wready_o    (s_axi_wready_o),
      .bid_o       (s_axi_bid_o),
      .bresp_o     (s_axi_bresp_o),
      .bvalid_o    (s_axi_bvalid_o),
      .bready_i    (s_axi_bready_i),
      .make_o      (make[KIND_STORE]),
      .make_ask_o  (make_ask[KIND_STORE]),
      .make_extra_o(store_make_extra),
      .make_ret_o  (store_make_ret),
      .make_ended_o(make_ended[KIND_STORE]),
      .map_valid_o (map_asks[KIND_STORE]),
      .map_two_o   (map_two),
      .map_ready_i (map_takes[KIND_STORE]),
      .map_addr_o  (map_addr[KIND_STORE]),
      .map_valid_i (map_tells[KIND_STORE]),
      .map_taken_o (map_taken),
      .map_found_i (map_found),
      .map_strict_i(map_strict),
      .map_dst_i   (map_dst),
      .map_to_i    (map_to),
      .done_i      (done[KIND_STORE]),
      .done_end_i  (done_end[KIND_STORE]),
      .done_ret_i  (store_ret),
      .done_resp_i (store_resp),
      .pop_o       (pop[KIND_STORE]),
      .pop_resp_o  (pop_resp[KIND_STORE]),
      .write_o     (store_write),
      .write_row_o (store_write_row),
      .write_data_o(store_write_data)
  );

  sp_unit_memory #(
      .FLIT_W(FLIT_W),
      .ROWS  (N_TAGS * MAX_UNITS / U)
  ) u_store_memory (
      .clk_i,
      .write_i     (store_write),
      .write_row_i (store_write_row),
      .write_data_i(store_write_data),
      .read_i      (store_read),
      .read_row_i  (store_read_row),
      .read_data_o (store_read_data)
  );

  sp_requester_ring #(
      .N       (N_TAGS),
      .RET_W   (StoreW),
      .ANS_W   (2),
      .ORDERED (1'b1),
      .PLANE_W (PlaneW),
      .N_PLANES(N_PLANES)
  ) u_stores (
      .clk_i,
      .rst_ni,
      .make_i       (make[KIND_STORE]),
      .make_ask_i   (make_ask[KIND_STORE]),
      .make_extra_i (store_make_extra),
      .make_ret_i   (store_make_ret),
      .make_ended_i (make_ended[KIND_STORE]),
      .room_o       (room[KIND_STORE]),
      .offer_o      (offer[KIND_STORE]),
      .offer_ask_o  (offer_ask[KIND_STORE]),
      .taken_extra_o(taken_extra[KIND_STORE]),
      .offer_num_o  (offer_num[KIND_STORE]),
      .offer_again_o(offer_again[KIND_STORE]),
      .take_i       (take[KIND_STORE]),
      .take_plane_i (take_plane),
      .held_i       (held[KIND_STORE]),
      .held_num_i   (held_num),
      .held_void_o  (held_void[KIND_STORE]),
      .answer_num_i (answer_num),
      .answer_next_i(answer_next),
      .answer_live_o(answer_live[KIND_STORE]),
      .answer_ask_o (answer_ask[KIND_STORE]),
      .answer_plane_o(answer_plane[KIND_STORE]),
      .answer_more_o(answer_more[KIND_STORE]),
      .answer_i     (answer[KIND_STORE]),
      .answer_again_i(bounce),
      .answer_data_i(answer_says.resp),
      .answer_okay_i(answer_says.resp == RESP_OKAY),
      .done_o       (done[KIND_STORE]),
      .done_end_o   (done_end[KIND_STORE]),
      .done_ret_o   (store_ret),
      .done_data_o  (store_resp),
      .done_place_o (done_place[KIND_STORE]),
      .pop_i        (pop[KIND_STORE]),
      .now_i        (now_q),
      .timeout_i    (tag_timeout_i),
      .loss_timeout_i(loss_timeout),
      .tries_i      (tries),
      .phase_i      (phase_q),
      .restart_i    (restart),
      .up_i         (|up_q),
      .lost_i       (lost_q),
      .blamed_i     (blamed_q),
      .waited_i     (waited),
      .phase_done_o (phase_done[KIND_STORE]),
      .overdue_o    (overdue[KIND_STORE]),
      .overdue_row_o(overdue_row[KIND_STORE]),
      .overdue_plane_o(overdue_plane[KIND_STORE]),
      .overdue_take_i(overdue_take[KIND_STORE]),
      .ev_timeout_o (timeout[KIND_STORE]),
      .ev_lost_o    (lost_for_good[KIND_STORE])
  );

  // ----------------------------------------------------------------------------------- atomics

  command_t          cmd;
  logic [15:0]       epoch_q;   // counts atomics
  logic [63:0]       cmd_mask;
  atomic_ret_t       atomic_make_ret;
  atomic_ret_t       atomic_ret;
  atomic_answer_t    atomic_says;

  // Beside the map.
  always_ff @(posedge clk_i) begin
    if (cmd_valid_i && cmd_ready_o) cmd <= cmd_i;
  end

  assign map_asks[KIND_ATOMIC]   = cmd_valid_i;
  assign map_addr[KIND_ATOMIC]   = cmd_i.addr;
  assign cmd_ready_o             = map_takes[KIND_ATOMIC];
  assign make[KIND_ATOMIC]       = map_tells[KIND_ATOMIC];
  assign make_ended[KIND_ATOMIC] = !map_found;
  assign cmd_mask                = {{32{cmd.wide}}, {32{1'b1}}};
  logic unused_cmd;
  assign unused_cmd = &{1'b0, cmd.addr};  // the map has turned it into another
  assign atomic_make_ret         = '{id: cmd.id, wide: cmd.wide};

  always_comb begin
    make_ask[KIND_ATOMIC]             = '0;
    make_ask[KIND_ATOMIC].quiet       = cmd.quiet;
    make_ask[KIND_ATOMIC].len         = (cmd.kind == AO_CAS) ? LEN_W'(2) : LEN_W'(1);
    make_ask[KIND_ATOMIC].dst         = map_dst;
    make_ask[KIND_ATOMIC].mem.relaxed = !map_strict;
    make_ask[KIND_ATOMIC].mem.wide    = cmd.wide;
    make_ask[KIND_ATOMIC].mem.arg     = cmd.kind;
    make_ask[KIND_ATOMIC].mem.addr    = map_to;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) epoch_q <= '0;
    else if (make[KIND_ATOMIC]) epoch_q <= epoch_q + 16'd1;
  end

  sp_requester_ring #(
      .N       (N_TAGS),
      .RET_W   ($bits(atomic_ret_t)),
      .ANS_W   ($bits(atomic_answer_t)),
      .PLANE_W (PlaneW),
      .N_PLANES(N_PLANES)
  ) u_atomics (
      .clk_i,
      .rst_ni,
      .make_i       (make[KIND_ATOMIC]),
      .make_ask_i   (make_ask[KIND_ATOMIC]),
      .make_extra_i ({epoch_q, cmd.compare & cmd_mask, cmd.operand & cmd_mask}),
      .make_ret_i   (atomic_make_ret),
      .make_ended_i (make_ended[KIND_ATOMIC]),
      .room_o       (room[KIND_ATOMIC]),
      .offer_o      (offer[KIND_ATOMIC]),
      .offer_ask_o  (offer_ask[KIND_ATOMIC]),
      .taken_extra_o(taken_extra[KIND_ATOMIC]),
      .offer_num_o  (offer_num[KIND_ATOMIC]),
      .offer_again_o(offer_again[KIND_ATOMIC]),
      .take_i       (take[KIND_ATOMIC]),
      .take_plane_i (take_plane),
      .held_i       (held[KIND_ATOMIC]),
      .held_num_i   (held_num),
      .held_void_o  (held_void[KIND_ATOMIC]),
      .answer_num_i (answer_num),
      .answer_next_i(answer_next),
      .answer_live_o(answer_live[KIND_ATOMIC]),
      .answer_ask_o (answer_ask[KIND_ATOMIC]),
      .answer_plane_o(answer_plane[KIND_ATOMIC]),
      .answer_more_o(answer_more[KIND_ATOMIC]),
      .answer_i     (answer[KIND_ATOMIC]),
      .answer_again_i(bounce),
      .answer_data_i(answer_says),
      .answer_okay_i(answer_says.resp == RESP_OKAY),
      .done_o       (done[KIND_ATOMIC]),
      .done_end_o   (done_end[KIND_ATOMIC]),
      .done_ret_o   (atomic_ret),
      .done_data_o  (atomic_says),
      .done_place_o (done_place[KIND_ATOMIC]),
      .pop_i        (pop[KIND_ATOMIC]),
      .now_i        (now_q),
      .timeout_i    (tag_timeout_i),
      .loss_timeout_i(loss_timeout),
      .tries_i      (tries),
      .phase_i      (phase_q),
      .restart_i    (restart),
      .up_i         (|up_q),
      .lost_i       (lost_q),
      .blamed_i     (blamed_q),
      .waited_i     (waited),
      .phase_done_o (phase_done[KIND_ATOMIC]),
      .overdue_o    (overdue[KIND_ATOMIC]),
      .overdue_row_o(overdue_row[KIND_ATOMIC]),
      .overdue_plane_o(overdue_plane[KIND_ATOMIC]),
      .overdue_take_i(overdue_take[KIND_ATOMIC]),
      .ev_timeout_o (timeout[KIND_ATOMIC]),
      .ev_lost_o    (lost_for_good[KIND_ATOMIC])
  );

  // A register, so that a result stays as it is.
  result_t result;
  logic    result_ready;

  always_comb begin
    result         = '0;
    result.id      = atomic_ret.id;
    pop_resp[KIND_ATOMIC] = RESP_SLVERR;
    case (done_end[KIND_ATOMIC])
      END_INSIDE: begin
        result.decerr = 1'b1;
        result.status = ST_DST;
        pop_resp[KIND_ATOMIC] = RESP_DECERR;
      end
      END_ANSWER: begin
        result.status = atomic_says.status;
        pop_resp[KIND_ATOMIC] = atomic_says.resp;
        if (atomic_says.resp == RESP_OKAY) begin
          result.old = atomic_says.old & {{32{atomic_ret.wide}}, {32{1'b1}}};
        end
      end
      END_UNSENT: begin
        result.timeout = 1'b1;
        result.status  = ST_TIMEOUT;
      end
      default: begin
        result.timeout = 1'b1;
        result.status  = ST_UNKNOWN;
      end
    endcase
  end

  assign pop[KIND_ATOMIC] = done[KIND_ATOMIC] && result_ready;

  sp_stage #(
      .WIDTH($bits(result_t))
  ) u_result (
      .clk_i,
      .rst_ni,
      .valid_i(done[KIND_ATOMIC]),
      .ready_o(result_ready),
      .data_i (result),
      .valid_o(res_valid_o),
      .ready_i(res_ready_i),
      .data_o (res_o)
  );

  // ------------------------------------------------------------------------- packets out and in

  ask_t              ended_ask;
  logic [PlaneW-1:0] ended_plane;

  always_comb begin
    ended_ask   = answer_ask[KIND_LOAD];
    ended_plane = answer_plane[KIND_LOAD];
    for (int unsigned k = 1; k < KINDS; k++) begin
      if (answer[k]) begin
        ended_ask   = answer_ask[k];
        ended_plane = answer_plane[k];
      end
    end
  end

  logic unused_ended;
  assign unused_ended = &{1'b0, ended_ask};

  sp_requester_send #(
      .FLIT_W  (FLIT_W),
      .N_PLANES(N_PLANES),
      .N_BUFS  (N_TAGS)
  ) u_send (
      .clk_i,
      .rst_ni,
      .source_i,
      .up_i          (up_q),
      .avoid_i       (avoid_q),
      .spare_i       (spare_q),
      .least_i       (least_q),
      .end_i         (|answer && !bounce),
      .end_hash_i    (way_hash(ended_ask.dst, ended_ask.mem.addr[ADDR_W-1:8],
                               ended_ask.mem.relaxed)),
      .end_relaxed_i (ended_ask.mem.relaxed),
      .end_plane_i   (ended_plane),
      .none_i        (phase_q == PHASE_MARK && next_phase && !changed),
      .offer_i       (offer),
      .ask_i         (offer_ask),
      .num_i         (offer_num),
      .again_i       (offer_again),
      .store_extra_i (taken_extra[KIND_STORE]),
      .atomic_extra_i(taken_extra[KIND_ATOMIC]),
      .take_o        (take),
      .take_plane_o  (take_plane),
      .held_o        (held),
      .held_num_o    (held_num),
      .held_void_i   (|held_void),
      .busy_o        (sending),
      .read_o        (store_read),
      .read_row_o    (store_read_row),
      .read_data_i   (store_read_data),
      .req_tvalid_o,
      .req_tready_i,
      .req_tdata_o,
      .req_tuser_o,
      .req_tlast_o,
      .req_plane_o
  );

  assign rsp_tready_o = 1'b1;

  sp_requester_answer #(
      .FLIT_W(FLIT_W),
      .N     (N_TAGS)
  ) u_answer (
      .clk_i,
      .rst_ni,
      .source_i,
      .rsp_tvalid_i,
      .rsp_tdata_i,
      .rsp_tuser_i,
      .rsp_tlast_i,
      .rsp_void_i,
      .num_o         (answer_num),
      .num_next_o    (answer_next),
      .live_i        (answer_live),
      .ask_i         (answer_ask),
      .answer_o      (answer),
      .again_o       (answer_again),
      .resp_o        (answer_says.resp),
      .status_o      (answer_says.status),
      .old_o         (answer_says.old),
      .write_o       (load_write),
      .write_row_o   (load_write_row),
      .write_data_o  (load_write_data),
      .ev_late_o     (event_o.late),
      .ev_unknown_o  (event_o.unknown),
      .ev_malformed_o(event_o.malformed)
  );

  assign event_o.request = |take;
  assign event_o.reissue = |(take & offer_again);
  assign event_o.answer  = |answer && !bounce;
  assign event_o.detour  = blame;
  assign event_o.timeout = timeout;
  for (genvar k = 0; k < KINDS; k++) begin : g_event
    assign event_o.decerr[k] = pop[k] && pop_resp[k] == RESP_DECERR;
    assign event_o.slverr[k] = pop[k] && pop_resp[k] == RESP_SLVERR;
  end

endmodule
