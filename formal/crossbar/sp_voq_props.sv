// SPDX-License-Identifier: Apache-2.0
//
// What sp_ingress and the crossbar rely on from sp_voq with CUT_THROUGH = 1. The writer is
// sp_ingress as it is there: one packet at a time, with any pauses, whose flits are taken with the
// first one; it is committed with its first flit and is then written to its end, or with its last
// one, or given back. The reader starts what is offered when it may. Each flit says which it is:
// the number of its packet, counted modulo, and its place in it. Two queues are used, of one VC.

module sp_voq_props
  import sp_pkg::*;
#(
    /// Bits of a flit: 512 makes packets of up to five flits.
    parameter int unsigned FLIT_W = 512,
    /// Flits of each queue.
    parameter int unsigned DEPTH = 16,
    /// Flits of the longest packet that comes.
    parameter int unsigned LONGEST = 3
) (
    /// Clock.
    input logic             clk_i,
    /// Reset.
    input logic             rst_ni,
    /// A beat comes, free.
    input logic             valid_i,
    /// Queue of a new packet, free.
    input logic             out_i,
    /// Its flits, free up to LONGEST.
    input logic [LEN_W-1:0] flits_i,
    /// It is cut through, free.
    input logic             cut_i,
    /// It is given back at its end, free.
    input logic             refuse_i,
    /// A packet is started, free where one is offered.
    input logic             start_i,
    /// Of this queue, free.
    input logic             start_out_i
);

  localparam int unsigned PtrW = $clog2(DEPTH);
  localparam int unsigned NumQ = 2 * NUM_VC;
  localparam int unsigned NumW = 3;  // packets are counted modulo 8

  typedef struct packed {
    logic [1:0]       vc;
    logic             out;
    logic [NumW-1:0]  number;
    logic [LEN_W-1:0] place;
    logic             last;
  } flit_t;

  logic started_q = 1'b0;
  always_ff @(posedge clk_i) started_q <= 1'b1;

  // --------------------------------------------------------------------------------------- writer

  logic             open_q;     // within a packet
  logic [1:0]       vc_q, vc;
  logic             out_q, out;
  logic [LEN_W-1:0] flits_q, flits;
  logic [LEN_W-1:0] place_q, place;
  logic [PtrW-1:0]  at_q;       // place of the next flit
  logic             cut_q, cut;
  logic             give_q;     // the packet is given back
  logic [NumW-1:0]  number_q [NumQ];  // packets of each queue
  logic [PtrW:0]    free;
  logic [PtrW-1:0]  first_at;
  logic [PtrW-1:0]  at;
  logic             take, write, last, gives;
  flit_t            flit;
  logic [2:0]       queue;

  assign vc    = open_q ? vc_q : '0;
  assign out   = open_q ? out_q : out_i;
  assign flits = open_q ? flits_q : flits_i;
  assign place = open_q ? place_q : '0;
  assign cut   = open_q ? cut_q : cut_i;
  assign queue = {out, vc};
  assign take  = valid_i && !open_q && !give_q && (free >= (PtrW + 1)'(flits_i));
  assign write = take || (valid_i && open_q);
  assign last  = place + LEN_W'(1) == flits;
  assign at    = take ? first_at : at_q;
  assign gives = give_q;
  assign flit  = '{vc: vc, out: out, number: number_q[queue], place: place, last: last};

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      open_q <= 1'b0;
      give_q <= 1'b0;
      for (int unsigned q = 0; q < NumQ; q++) number_q[q] <= '0;
    end else begin
      give_q <= write && last && !cut && refuse_i;
      if (write) begin
        open_q <= !last;
        if (last && (cut || !refuse_i)) number_q[queue] <= number_q[queue] + NumW'(1);
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (write) begin
      vc_q    <= vc;
      out_q   <= out;
      flits_q <= flits;
      place_q <= place + LEN_W'(1);
      cut_q   <= cut;
      at_q    <= at + PtrW'(1);
    end
  end

  // ------------------------------------------------------------------------------------------ dut

  logic [1:0]       ready [NUM_VC];
  logic             idle, rd_last, waits;
  logic             flit_valid, flit_first, flit_last;
  flit_t            read;
  logic [NUM_VC-1:0] unused_room;
  logic             unused_head, unused_err;
  hdr_t             unused_heads [1];
  hdr_t             unused_hdr;
  logic [1:0]       unused_vc;
  logic [STAMP_W-1:0] unused_stamp;

  sp_voq #(
      .N_OUT      (2),
      .N_PORTS    (2),
      .FLIT_W     (FLIT_W),
      .DEPTH      (DEPTH),
      .WORD_W     ($bits(flit_t)),
      .CUT_THROUGH(1'b1)
  ) dut (
      .clk_i,
      .rst_ni,
      .sel_vc_i    (give_q ? vc_q : vc),
      .sel_out_i   (give_q ? out_q : out),
      .sel_free_o  (free),
      .sel_place_o (first_at),
      .take_i      (take),
      .give_i      (gives),
      .take_flits_i(give_q ? flits_q : flits),
      .wr_valid_i  (write),
      .wr_vc_i     (vc),
      .wr_out_i    (out),
      .wr_place_i  (at),
      .wr_first_i  (take),
      .wr_hdr_i    ('0),
      .wr_stamp_i  ('0),
      .wr_flits_i  (flits),
      .wr_word_i   (flit),
      .wr_err_i    (1'b0),
      .wr_more_i   (cut && !last),
      .commit_i    (write && (cut ? take : last && !refuse_i)),
      .vc_room_o   (unused_room),
      .ready_o     (ready),
      .idle_o      (idle),
      .last_o      (rd_last),
      .waits_o     (waits),
      .start_i     (start_i),
      .start_vc_i  ('0),
      .start_out_i (start_out_i),
      .head_valid_o(unused_head),
      .head_hdr_o  (unused_heads),
      .flit_valid_o(flit_valid),
      .flit_first_o(flit_first),
      .flit_last_o (flit_last),
      .flit_err_o  (unused_err),
      .flit_vc_o   (unused_vc),
      .flit_hdr_o  (unused_hdr),
      .flit_stamp_o(unused_stamp),
      .flit_word_o (read)
  );

  always_comb begin
    reset_first: assume (started_q || !rst_ni);
    length_exists: assume (flits_i != '0 && flits_i <= LEN_W'(LONGEST));
    starts_what_is_there: assume (!start_i || (idle && ready[0][start_out_i]));
  end

  // --------------------------------------------------------------------------------------- reader

  logic             inside_q;   // a packet is being read
  logic [2:0]       of_q;       // of this queue
  logic [LEN_W-1:0] next_q;     // its next flit
  logic [NumW-1:0]  due_q [NumQ];  // number of the next packet
  logic [2:0]       of;
  logic [LEN_W-1:0] next;

  assign of   = inside_q ? of_q : {read.out, read.vc};
  assign next = inside_q ? next_q : '0;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      inside_q <= 1'b0;
      for (int unsigned q = 0; q < NumQ; q++) due_q[q] <= '0;
    end else if (flit_valid) begin
      inside_q <= !flit_last;
      if (flit_last) due_q[of] <= due_q[of] + NumW'(1);
    end
  end

  always_ff @(posedge clk_i) begin
    if (flit_valid) begin
      of_q   <= of;
      next_q <= next + LEN_W'(1);
    end
  end

  // Flits that are taken in a queue: those of whole packets and of the one that is written, less
  // those that have been read, by a count of its own.
  logic [PtrW:0] taken_q [NumQ];
  logic [2:0]    reads_of;
  assign reads_of = dut.rd_sel_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      for (int unsigned q = 0; q < NumQ; q++) taken_q[q] <= '0;
    end else begin
      for (int unsigned q = 0; q < NumQ; q++) begin
        taken_q[q] <= taken_q[q] + ((take && queue == 3'(q)) ? (PtrW + 1)'(flits) : '0)
                      - ((gives && {out_q, vc_q} == 3'(q)) ? (PtrW + 1)'(flits_q) : '0)
                      - (PtrW + 1)'(dut.rd && reads_of == 3'(q));
      end
    end
  end

  logic [NumQ-1:0] wrong;
  always_comb begin
    for (int unsigned q = 0; q < NumQ; q++) begin
      wrong[q] = (PtrW + 2)'(dut.free_q[q]) + (PtrW + 2)'(taken_q[q]) != (PtrW + 2)'(DEPTH);
    end
  end

  always_comb begin
    if (rst_ni && flit_valid) begin
      // A flit is the next one of its packet, and that the next of its queue: what has not been
      // written cannot be so.
      written_before_read: assert ({read.out, read.vc} == of && read.place == next
                                   && read.number == due_q[of]);
      // First and last flits are marked as such.
      ends_are_right: assert (flit_first == !inside_q && flit_last == read.last);
    end
    if (rst_ni) begin
      // Room is what nothing has taken: given back with each flit that is read, and not otherwise.
      room_is_exact: assert (wrong == '0);
      // The reader waits for nothing but a flit that has not been written.
      waits_for_its_own: assert (!waits || (open_q && cut_q && reads_of == {out_q, vc_q}));
    end
  end

  logic       waited_q;
  logic       gave_q;
  logic [2:0] gave_of_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      waited_q <= 1'b0;
      gave_q   <= 1'b0;
    end else begin
      waited_q <= waits || (waited_q && !(flit_valid && flit_last));
      if (gives) gave_q <= 1'b1;
    end
  end
  always_ff @(posedge clk_i) if (gives) gave_of_q <= {out_q, vc_q};

  always_comb begin
    // The reader waits, and goes on.
    waits_once: cover (rst_ni && flit_valid && flit_last && read.place == LEN_W'(2) && waited_q);
    // A packet is read behind one that was given back in the same queue.
    behind_refused: cover (rst_ni && flit_valid && gave_q && {read.out, read.vc} == gave_of_q);
  end

endmodule
