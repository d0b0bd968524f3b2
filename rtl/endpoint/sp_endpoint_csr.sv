// SPDX-License-Identifier: Apache-2.0
//
// Registers and counters of an endpoint (docs/endpoint-registers.md) on AXI4-Lite: what the host
// sets goes to its parts, what happens there is counted and may interrupt the host. Guarantees:
// every access is answered; no event is lost, counters stop at their end; a row of a table changes
// as a whole in one cycle; an access to what is not there, or a row that cannot be, is refused and
// counted.

module sp_endpoint_csr #(
    /// Regions of the address map, 1 to 16.
    parameter int unsigned N_REGIONS = 4,
    /// Rows of the fetch table, 0 to 64.
    parameter int unsigned N_GROUPS = 4,
    /// Planes, 1 to 32.
    parameter int unsigned N_PLANES = 2,
    /// Parameters of the endpoint, to be shown; it checks them.
    parameter int unsigned FLIT_W = 128,
    parameter int unsigned DATA_W = 128,
    parameter int unsigned N_TAGS = 64,
    parameter int unsigned N_COMMANDS = 8,
    parameter bit CHECK = 1'b1,
    localparam int unsigned ADDR_W = 11,
    localparam int unsigned GroupW = (N_GROUPS > 1) ? $clog2(N_GROUPS) : 1,
    localparam int unsigned Rows = (N_GROUPS > 0) ? N_GROUPS : 1  // of the fetch table
) (
    /// Clock.
    input  logic                               clk_i,
    /// Reset, active low, asynchronous: settings are what the map says, counters and tables zero.
    input  logic                               rst_ni,

    /// AXI4-Lite write address: valid.
    input  logic                               csr_awvalid_i,
    /// AXI4-Lite write address: ready.
    output logic                               csr_awready_o,
    /// AXI4-Lite write address.
    input  logic [ADDR_W-1:0]                  csr_awaddr_i,
    /// AXI4-Lite write address: protection, ignored.
    input  logic [2:0]                         csr_awprot_i,
    /// AXI4-Lite write data: valid.
    input  logic                               csr_wvalid_i,
    /// AXI4-Lite write data: ready.
    output logic                               csr_wready_o,
    /// AXI4-Lite write data.
    input  logic [31:0]                        csr_wdata_i,
    /// AXI4-Lite write data: bytes that count.
    input  logic [3:0]                         csr_wstrb_i,
    /// AXI4-Lite write response: valid.
    output logic                               csr_bvalid_o,
    /// AXI4-Lite write response: ready.
    input  logic                               csr_bready_i,
    /// AXI4-Lite write response: OKAY or SLVERR.
    output logic [1:0]                         csr_bresp_o,
    /// AXI4-Lite read address: valid.
    input  logic                               csr_arvalid_i,
    /// AXI4-Lite read address: ready.
    output logic                               csr_arready_o,
    /// AXI4-Lite read address.
    input  logic [ADDR_W-1:0]                  csr_araddr_i,
    /// AXI4-Lite read address: protection, ignored.
    input  logic [2:0]                         csr_arprot_i,
    /// AXI4-Lite read data: valid.
    output logic                               csr_rvalid_o,
    /// AXI4-Lite read data: ready.
    input  logic                               csr_rready_i,
    /// AXI4-Lite read data.
    output logic [31:0]                        csr_rdata_o,
    /// AXI4-Lite read data: OKAY or SLVERR.
    output logic [1:0]                         csr_rresp_o,

    /// Level: something happened that `irq_mask` names and software has not cleared.
    output logic                               irq_o,

    /// Packets leave with the end-to-end check.
    output logic                               seal_o,
    /// Packets that come must have it.
    output logic                               require_o,
    /// No new requests.
    output logic                               shut_o,
    /// The accelerator's own ID.
    output logic [sp_pkg::ID_W-1:0]            source_o,
    /// Cycles until a request ends without its answer.
    output logic [31:0]                        tag_timeout_o,
    /// Cycles until what a lost plane had is sent again.
    output logic [31:0]                        reissue_delay_o,
    /// Cycles in which an atomic may be repeated.
    output logic [31:0]                        remember_o,
    /// Cycles until a collective ends without its result.
    output logic [31:0]                        collective_timeout_o,
    /// Cycles until the answer to a request is taken for lost.
    output logic [31:0]                        loss_timeout_o,
    /// Cycles for which a plane is avoided that did not reach a destination.
    output logic [31:0]                        avoid_time_o,
    /// Requests take the plane that has the fewest.
    output logic                               least_o,
    /// Planes that requests use only when another one is not there.
    output logic [N_PLANES-1:0]                spare_o,
    /// Planes that collectives use.
    output logic [N_PLANES-1:0]                planes_o,
    /// Regions of the address map.
    output sp_endpoint_pkg::region_t           region_o [N_REGIONS],
    /// Fetch table: the row counts.
    output logic                               fetch_valid_o [Rows],
    /// Fetch table: first address.
    output logic [sp_endpoint_pkg::AXI_ADDR_W-1:0] fetch_base_o [Rows],
    /// Fetch table: bytes.
    output logic [31:0]                        fetch_bytes_o [Rows],
    /// Fetch table: a row was written; this is the first cycle in which it is so.
    output logic                               fetch_we_o,
    /// Fetch table: which.
    output logic [GroupW-1:0]                  fetch_row_o,

    /// By plane: it carries packets.
    input  logic [N_PLANES-1:0]                plane_up_i,
    /// Events, by event_e.
    input  logic [sp_endpoint_event_pkg::N_EVENTS-1:0] event_i
);

  import sp_endpoint_event_pkg::*;

  if (N_REGIONS < 1 || N_REGIONS > 16) begin : g_bad_regions
    $fatal(1, "sp_endpoint_csr: N_REGIONS = %0d is not in 1..16", N_REGIONS);
  end
  if (N_GROUPS > 64) begin : g_bad_groups
    $fatal(1, "sp_endpoint_csr: N_GROUPS = %0d is not in 0..64", N_GROUPS);
  end
  if (N_PLANES < 1 || N_PLANES > 32) begin : g_bad_planes
    $fatal(1, "sp_endpoint_csr: N_PLANES = %0d is not in 1..32", N_PLANES);
  end

  localparam int unsigned OffsetW = sp_pkg::ADDR_W;
  localparam int unsigned EventW = $clog2(N_EVENTS);
  localparam int unsigned RegionW = (N_REGIONS > 1) ? $clog2(N_REGIONS) : 1;

  sp_endpoint_regs_pkg::sp_endpoint__in_t  hw_in;
  sp_endpoint_regs_pkg::sp_endpoint__out_t hw_out;
  logic                                    clear;
  logic                                    bad_access;
  logic [31:0]                             bad_q;
  logic                                    counter_refused_q;
  logic                                    row_refused_q;

  sp_endpoint_regs i_regs (
      .clk           (clk_i),
      .arst_n        (rst_ni),
      .csr_awready_o,
      .csr_awvalid_i,
      .csr_awaddr_i,
      .csr_awprot_i,
      .csr_wready_o,
      .csr_wvalid_i,
      .csr_wdata_i,
      .csr_wstrb_i,
      .csr_bready_i,
      .csr_bvalid_o,
      .csr_bresp_o,
      .csr_arready_o,
      .csr_arvalid_i,
      .csr_araddr_i,
      .csr_arprot_i,
      .csr_rready_i,
      .csr_rvalid_o,
      .csr_rdata_o,
      .csr_rresp_o,
      .external_err_i(counter_refused_q || row_refused_q),
      .bad_access_o  (bad_access),
      .hwif_in       (hw_in),
      .hwif_out      (hw_out)
  );

  assign clear                = hw_out.command.clear.value;
  assign seal_o               = CHECK && hw_out.control.seal.value;
  assign require_o            = CHECK && hw_out.control.require.value;
  assign shut_o               = hw_out.control.shut.value;
  assign source_o             = hw_out.source.id.value;
  assign tag_timeout_o        = hw_out.tag_timeout.cycles.value;
  assign reissue_delay_o      = hw_out.reissue_delay.cycles.value;
  assign remember_o           = hw_out.remember.cycles.value;
  assign collective_timeout_o = hw_out.collective_timeout.cycles.value;
  assign planes_o             = hw_out.planes.mask.value[N_PLANES-1:0];
  assign loss_timeout_o       = hw_out.loss_timeout.cycles.value;
  assign avoid_time_o         = hw_out.avoid_time.cycles.value;
  assign least_o              = hw_out.control.least.value;
  assign spare_o              = hw_out.spare.mask.value[N_PLANES-1:0];

  // ------------------------------------------------------------------------------------ counters

  logic        take;
  logic        take_done;
  logic [32:0] value;
  logic        counter_write_q;
  logic        counter_done;

  assign take = hw_out.counters.req && !hw_out.counters.req_is_wr &&
                (32'(hw_out.counters.addr[6:2]) < N_EVENTS);

  sp_event_counters #(
      .N     (N_EVENTS),
      .W     (33),
      .STOPS ('1),
      .STOP_W(32)
  ) i_counters (
      .clk_i,
      .rst_ni,
      .clear_i(clear),
      .ev_i   (event_i),
      .take_i (take),
      .sel_i  (EventW'(hw_out.counters.addr[6:2])),
      .done_o (take_done),
      .value_o(value)
  );

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      counter_refused_q <= 1'b0;
      counter_write_q   <= 1'b0;
      bad_q             <= '0;
    end else begin
      counter_refused_q <= hw_out.counters.req && !take;
      if (hw_out.counters.req) counter_write_q <= hw_out.counters.req_is_wr;
      if (clear) bad_q <= 32'(bad_access);
      else if (bad_access) bad_q <= bad_q + 32'd1;
    end
  end

  assign counter_done = take_done || counter_refused_q;

  // -------------------------------------------------------------------------------------- tables
  //
  // The words of a row before the last wait here until that is written; then they and it change
  // the row in one cycle. One row waits at a time: a write to another forgets the words of it.
  //
  //   request | row is read, or found fit and written | answer

  /// Word of a row that changes it.
  localparam logic [2:0] RegionLast = 3'd4;
  localparam logic [2:0] FetchLast  = 3'd3;
  /// Least and greatest window, in bits of an address.
  localparam logic [5:0] LeastLog2 = 6'd8;
  localparam logic [5:0] MostLog2  = 6'(OffsetW);

  typedef struct packed {
    logic       fetch;  // which table
    logic [5:0] index;
  } row_t;

  sp_endpoint_pkg::region_t region_q [N_REGIONS];
  logic                     valid_q [Rows];
  logic [63:0]              base_q [Rows];
  logic [31:0]              bytes_q [Rows];

  logic              asked_q;
  logic              answer_q;
  logic              write_q;
  row_t              row_q;
  logic [2:0]        word_q;
  logic [31:0]       data_q;
  logic              whole_q;     // all bytes are written
  row_t              waits_row_q;
  logic [3:0]        waits_q;     // words that wait
  logic [3:0][31:0]  waiting_q;
  logic [31:0]       read_q;

  logic [3:0]        found;       // words that wait for this row
  logic              there;
  logic              last;
  logic              fit;
  logic              write;       // is taken
  logic [31:0]       read;

  sp_endpoint_pkg::region_t region;      // row that is accessed
  sp_endpoint_pkg::region_t region_new;  // what it becomes
  logic                     valid;
  logic [63:0]              base;
  logic [63:0]              base_new;
  logic [31:0]              bytes;
  logic [31:0]              bytes_new;

  assign last  = word_q == (row_q.fetch ? FetchLast : RegionLast);
  assign there = row_q.fetch ? (N_GROUPS > 0) && (32'(row_q.index) < Rows) &&
                               (word_q <= FetchLast)
                             : (32'(row_q.index) < N_REGIONS) && (word_q <= RegionLast);
  assign found = (waits_row_q == row_q) ? waits_q : '0;
  assign write = asked_q && write_q && there && whole_q && (fit || !last);

  always_comb begin
    region = region_q[RegionW'(row_q.index)];
    valid  = valid_q[GroupW'(row_q.index)];
    base   = base_q[GroupW'(row_q.index)];
    bytes  = bytes_q[GroupW'(row_q.index)];

    region_new = region;
    if (found[0]) region_new.base[31:0] = waiting_q[0];
    if (found[1]) region_new.base[63:32] = waiting_q[1];
    if (found[2]) region_new.offset[31:0] = waiting_q[2];
    if (found[3]) region_new.offset[OffsetW-1:32] = waiting_q[3][OffsetW-33:0];
    region_new.valid       = data_q[31];
    region_new.strict      = data_q[30];
    region_new.size_log2   = data_q[29:24];
    region_new.window_log2 = data_q[21:16];
    region_new.dst         = data_q[13:0];

    base_new  = {found[1] ? waiting_q[1] : base[63:32], found[0] ? waiting_q[0] : base[31:0]};
    bytes_new = found[2] ? waiting_q[2] : bytes;

    // What region_t says of itself; a row that does not count may be anything.
    fit = row_q.fetch || !region_new.valid ||
          ((region_new.size_log2 >= LeastLog2) &&
           (region_new.window_log2 >= LeastLog2) && (region_new.window_log2 <= MostLog2) &&
           ((region_new.base & ~({64{1'b1}} << region_new.size_log2)) == '0));

    read = '0;
    if (row_q.fetch) begin
      case (word_q)
        3'd0:    read = base[31:0];
        3'd1:    read = base[63:32];
        3'd2:    read = bytes;
        default: read = 32'(valid);
      endcase
    end else begin
      case (word_q)
        3'd0:    read = region.base[31:0];
        3'd1:    read = region.base[63:32];
        3'd2:    read = region.offset[31:0];
        3'd3:    read = 32'(region.offset[OffsetW-1:32]);
        default: read = {region.valid, region.strict, region.size_log2, 2'b0, region.window_log2,
                         2'b0, region.dst};
      endcase
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      asked_q       <= 1'b0;
      answer_q      <= 1'b0;
      row_refused_q <= 1'b0;
      fetch_we_o    <= 1'b0;
      waits_q       <= '0;
    end else begin
      asked_q       <= hw_out.region_table.req || hw_out.fetch_table.req;
      answer_q      <= asked_q;
      row_refused_q <= asked_q && (write_q ? !write : !there);
      fetch_we_o    <= write && last && row_q.fetch;
      if (write) waits_q <= last ? '0 : found | (4'b1 << word_q);
    end
  end

  always_ff @(posedge clk_i) begin
    if (hw_out.region_table.req) begin
      write_q <= hw_out.region_table.req_is_wr;
      row_q   <= '{fetch: 1'b0, index: 6'(hw_out.region_table.addr[8:5])};
      word_q  <= hw_out.region_table.addr[4:2];
      data_q  <= hw_out.region_table.wr_data;
      whole_q <= &hw_out.region_table.wr_biten;
    end
    if (hw_out.fetch_table.req) begin
      write_q <= hw_out.fetch_table.req_is_wr;
      row_q   <= '{fetch: 1'b1, index: hw_out.fetch_table.addr[9:4]};
      word_q  <= 3'(hw_out.fetch_table.addr[3:2]);
      data_q  <= hw_out.fetch_table.wr_data;
      whole_q <= &hw_out.fetch_table.wr_biten;
    end
    read_q <= there ? read : '0;
    if (write) begin
      waits_row_q <= row_q;
      if (!last) waiting_q[word_q[1:0]] <= data_q;
    end
  end

  assign fetch_row_o = GroupW'(row_q.index);

  for (genvar r = 0; r < N_REGIONS; r++) begin : g_region
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) region_q[r] <= '0;
      else if (write && last && !row_q.fetch && row_q.index == 6'(r)) region_q[r] <= region_new;
    end
    assign region_o[r] = region_q[r];
  end

  for (genvar g = 0; g < Rows; g++) begin : g_fetch
    if (g < N_GROUPS) begin : g_row
      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) begin
          valid_q[g] <= 1'b0;
          base_q[g]  <= '0;
          bytes_q[g] <= '0;
        end else if (write && last && row_q.fetch && row_q.index == 6'(g)) begin
          valid_q[g] <= data_q[0];
          base_q[g]  <= base_new;
          bytes_q[g] <= bytes_new;
        end
      end
    end else begin : g_none
      assign valid_q[g] = 1'b0;
      assign base_q[g]  = '0;
      assign bytes_q[g] = '0;
    end
    assign fetch_valid_o[g] = valid_q[g];
    assign fetch_base_o[g]  = base_q[g];
    assign fetch_bytes_o[g] = bytes_q[g];
  end

  // ----------------------------------------------------------------------------- state, interrupt

  // One struct for both registers, so that a bit of one is the bit of the same name of the other.
  typedef struct packed {
    logic memory_error;
    logic collective_failed;
    logic plane_down;
    logic broken_check;
    logic atomic_unknown;
    logic tag_timeout;
  } irq_t;

  irq_t irq_status;
  irq_t irq_mask;

  assign irq_status = '{
      memory_error:      hw_out.irq_status.memory_error.value,
      collective_failed: hw_out.irq_status.collective_failed.value,
      plane_down:        hw_out.irq_status.plane_down.value,
      broken_check:      hw_out.irq_status.broken_check.value,
      atomic_unknown:    hw_out.irq_status.atomic_unknown.value,
      tag_timeout:       hw_out.irq_status.tag_timeout.value
  };
  assign irq_mask = '{
      memory_error:      hw_out.irq_mask.memory_error.value,
      collective_failed: hw_out.irq_mask.collective_failed.value,
      plane_down:        hw_out.irq_mask.plane_down.value,
      broken_check:      hw_out.irq_mask.broken_check.value,
      atomic_unknown:    hw_out.irq_mask.atomic_unknown.value,
      tag_timeout:       hw_out.irq_mask.tag_timeout.value
  };
  assign irq_o = |(irq_status & irq_mask);

  always_comb begin
    hw_in.status.up.next = 32'(plane_up_i);
    hw_in.bad_accesses.count.next = bad_q;
    // Bits of planes that are not there go to zero a cycle after reset, or after they were
    // written: before the answer.
    hw_in.planes.mask.next = 32'(planes_o);
    hw_in.planes.mask.we   = hw_out.planes.mask.value != 32'(planes_o);
    hw_in.spare.mask.next  = 32'(spare_o);
    hw_in.spare.mask.we    = hw_out.spare.mask.value != 32'(spare_o);

    // So do those of a check that is not there.
    hw_in.control.seal.next    = 1'b0;
    hw_in.control.seal.we      = !CHECK;
    hw_in.control.require.next = 1'b0;
    hw_in.control.require.we   = !CHECK;

    hw_in.irq_status.tag_timeout.hwset       = event_i[EV_TAG_TIMEOUTS];
    hw_in.irq_status.atomic_unknown.hwset    = event_i[EV_ATOMICS_UNKNOWN];
    hw_in.irq_status.broken_check.hwset      = event_i[EV_BROKEN_CHECKS];
    hw_in.irq_status.plane_down.hwset        = event_i[EV_PLANES_DOWN];
    hw_in.irq_status.collective_failed.hwset = event_i[EV_COLLECTIVE_ERRORS] ||
                                               event_i[EV_COLLECTIVE_TIMEOUTS];
    hw_in.irq_status.memory_error.hwset      = event_i[EV_MEMORY_ERRORS];

    hw_in.regions.value.next     = N_REGIONS;
    hw_in.groups.value.next      = N_GROUPS;
    hw_in.plane_count.value.next = N_PLANES;
    hw_in.flit_width.value.next  = FLIT_W;
    hw_in.data_width.value.next  = DATA_W;
    hw_in.tags.value.next        = N_TAGS;
    hw_in.commands.value.next    = N_COMMANDS;
    hw_in.checks.value.next      = 32'(CHECK);

    hw_in.counters.rd_ack      = counter_done && !counter_write_q;
    hw_in.counters.wr_ack      = counter_done && counter_write_q;
    hw_in.counters.rd_data     = counter_refused_q ? '0 : value[31:0];
    hw_in.region_table.rd_ack  = answer_q && !write_q && !row_q.fetch;
    hw_in.region_table.wr_ack  = answer_q && write_q && !row_q.fetch;
    hw_in.region_table.rd_data = read_q;
    hw_in.fetch_table.rd_ack   = answer_q && !write_q && row_q.fetch;
    hw_in.fetch_table.wr_ack   = answer_q && write_q && row_q.fetch;
    hw_in.fetch_table.rd_data  = read_q;
  end

  // A counter never passes its end; its words are only read. There may be no fetch table.
  logic unused;
  assign unused = &{1'b0, base_new, bytes_new, value[32], hw_out.counters.addr[1:0],
                    hw_out.counters.wr_data,
                    hw_out.counters.wr_biten, hw_out.region_table.addr[1:0],
                    hw_out.fetch_table.addr[1:0]};

endmodule
