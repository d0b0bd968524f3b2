// SPDX-License-Identifier: Apache-2.0
//
// What sp_ingress and the scheduler rely on from sp_voq_pipelined: room is told as counters of free
// flits tell it, one for each queue, and the length that is shown of a head is the one that was
// written. The writer is that of sp_ingress as far as room goes: a queue is looked at, in the next
// cycle a packet takes its flits there if it has room; it is whole in that cycle or later, or gives
// them back before there is another. Its later flits are not written, as nothing here depends on
// them. Any head that is ready may start where no packet is read.

module sp_voq_pipelined_props
  import sp_pkg::*;
#(
    /// Bits of a flit: 512 makes packets of up to five flits.
    parameter int unsigned FLIT_W = 512,
    /// Flits of each queue.
    parameter int unsigned DEPTH = 16,
    /// Flits of the longest packet that comes. More than a packet can have: a queue is full sooner.
    parameter int unsigned LONGEST = 12
) (
    /// Clock.
    input logic              clk_i,
    /// Reset.
    input logic              rst_ni,
    /// Queue that is looked at, free: VC, one of two.
    input logic              vc_i,
    /// Queue that is looked at, free: output.
    input logic              out_i,
    /// For a packet of one flit, free.
    input logic              single_i,
    /// A packet comes to the queue that was looked at, free where it has room.
    input logic              come_i,
    /// Its flits, free.
    input logic [LEN_W-1:0]  flits_i,
    /// A packet is whole, free.
    input logic              commit_i,
    /// It gives its flits back, free.
    input logic              give_i,
    /// Outputs that let a packet start, free.
    input logic [1:0]        room_i [NUM_VC],
    /// An output is matched, free.
    input logic [1:0]        match_i,
    /// Its head starts, free where it may.
    input logic              go_i
);

  localparam int unsigned PtrW = $clog2(DEPTH);
  localparam int unsigned NumQ = 2 * NUM_VC;
  localparam int unsigned Most = max_flits(FLIT_W);

  logic started_q = 1'b0;
  always_ff @(posedge clk_i) started_q <= 1'b1;

  // --------------------------------------------------------------------------------------- writer

  logic [2:0]        sel, was_q;   // queue that is looked at, that was
  logic              looked_q;     // one was
  logic              open_q;       // a packet is neither whole nor given back
  logic [2:0]        wrote_q;      // its queue
  logic [LEN_W-1:0]  took_q;       // its flits
  logic [2:0]        wr;           // queue that is written or given back to
  logic              takes, gives, commits;

  assign sel     = {out_i, 1'b0, vc_i};
  assign takes   = come_i && !open_q && looked_q;
  assign gives   = give_i && open_q && was_q == wrote_q;
  assign commits = commit_i && (open_q ? !gives : takes);
  assign wr      = open_q ? wrote_q : was_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      open_q   <= 1'b0;
      looked_q <= 1'b0;
    end else begin
      open_q   <= (open_q ? !gives : takes) && !commits;
      looked_q <= 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    was_q <= sel;
    if (takes) begin
      wrote_q <= was_q;
      took_q  <= flits_i;
    end
  end

  // ------------------------------------------------------------------------------------------ dut

  logic              fits;
  logic [PtrW:0]     sel_free;
  logic [NUM_VC-1:0] vc_room;
  logic [1:0]        ready;
  logic              busy;
  logic              long;

  sp_voq_pipelined #(
      .N_OUT  (2),
      .N_PORTS(2),
      .FLIT_W (FLIT_W),
      .DEPTH  (DEPTH),
      .WORD_W (1)
  ) dut (
      .clk_i,
      .rst_ni,
      .sel_vc_i    ({1'b0, vc_i}),
      .sel_out_i   (out_i),
      .sel_single_i(single_i),
      .fits_o      (fits),
      .sel_free_o  (sel_free),
      .give_i      (gives),
      .wr_valid_i  (takes),
      .wr_vc_i     (wr[1:0]),
      .wr_out_i    (wr[2]),
      .wr_first_i  (takes),
      .wr_hdr_i    ('0),
      .wr_stamp_i  ('0),
      .wr_flits_i  (open_q ? took_q : flits_i),
      .wr_word_i   ('0),
      .wr_err_i    (1'b0),
      .commit_i    (commits),
      .vc_room_o   (vc_room),
      .room_i,
      .fresh_o     (),
      .some_o      (),
      .two_o       (),
      .three_o     (),
      .more_o      (),
      .ready_o     (ready),
      .match_i,
      .go_i        (go_i ? match_i : '0),
      .long_o      (long),
      .left_o      (),
      .reads_o     (),
      .stays_o     (),
      .head_valid_o(),
      .head_hdr_o  (),
      .flit_valid_o(),
      .flit_first_o(),
      .flit_last_o (),
      .flit_err_o  (),
      .flit_vc_o   (),
      .flit_hdr_o  (),
      .flit_stamp_o(),
      .flit_word_o ()
  );

  assign busy = dut.later_q;

  // -------------------------------------------------------------------------------- free flits

  // A counter for each queue; a flit is free in the second cycle after it was read.
  logic [PtrW:0]   free_q [NumQ];
  logic            read_q;
  logic [2:0]      read_of_q;
  logic [NumQ-1:0] single_q, longest_q, roomy_q;  // as the counters were in the cycle before

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      read_q    <= 1'b0;
      single_q  <= '1;
      longest_q <= '1;
      roomy_q   <= '1;
      for (int unsigned q = 0; q < NumQ; q++) free_q[q] <= (PtrW + 1)'(DEPTH);
    end else begin
      read_q <= (go_i && match_i != '0) || busy;
      for (int unsigned q = 0; q < NumQ; q++) begin
        free_q[q] <= free_q[q] - ((takes && wr == 3'(q)) ? (PtrW + 1)'(flits_i) : '0)
                     + ((gives && wr == 3'(q)) ? (PtrW + 1)'(took_q) : '0)
                     + (PtrW + 1)'(read_q && read_of_q == 3'(q));
        single_q[q]  <= free_q[q] >= (PtrW + 1)'(3);
        longest_q[q] <= free_q[q] >= (PtrW + 1)'(Most + 2);
        roomy_q[q]   <= free_q[q] >= (PtrW + 1)'(Most + 8);
      end
    end
  end

  always_ff @(posedge clk_i) read_of_q <= dut.rd_sel;

  // ------------------------------------------------------------------------------------ lengths

  logic [2:0] len_q [NumQ*DEPTH];  // by queue and place
  logic [1:0] off;                 // outputs whose head has another length
  logic [1:0] shown;               // outputs whose head is shown

  always_ff @(posedge clk_i) begin
    if (takes) begin
      len_q[{wr, dut.place_q}] <= (flits_i > LEN_W'(7)) ? 3'd7 : 3'(flits_i - LEN_W'(1));
    end
  end

  function automatic logic [1:0] number(logic [NUM_VC-1:0] one_hot);
    return {one_hot[3] | one_hot[2], one_hot[3] | one_hot[1]};
  endfunction

  always_comb begin
    for (int unsigned j = 0; j < 2; j++) begin
      // While a packet is read its queue does not show the next one.
      shown[j] = ready[j] && !(busy && dut.later_out_q[j] && dut.later_vc_q == dut.head_vc[j]);
      off[j]   = shown[j] && dut.head_more[j]
                             != len_q[{1'(j), number(dut.head_vc[j]), dut.head_place[j]}];
    end
  end

  always_comb begin
    reset_first: assume (started_q || !rst_ni);
    length_exists: assume (flits_i != '0 && flits_i <= LEN_W'(LONGEST));
    takes_what_is_free: assume (!takes || free_q[was_q] >= (PtrW + 1)'(flits_i));
    one_output: assume ((match_i & (match_i - 2'd1)) == '0);
    starts_what_is_there: assume (!go_i || (!busy && (match_i & ~shown) == '0));
  end

  always_comb begin
    if (rst_ni) begin
      // Room of a queue is what its counter said in the cycle before.
      fits_is_exact: assert (fits == (single_i ? single_q[sel] : longest_q[sel]));
      // So is that of all queues of a VC.
      vc_room_is_exact: assert (vc_room == (roomy_q[3:0] & roomy_q[7:4]));
      // The flits of a queue that is looked at for the second cycle.
      free_is_exact: assert (!looked_q || was_q != sel || sel_free == free_q[sel]);
      // The length that is shown of a head is the one that was written with it.
      length_is_its_own: assert (off == '0);
      // That it is more than one flit is said apart.
      long_is_its_own: assert ((match_i & ~shown) != '0 || long == (dut.more != '0));
    end
  end

  logic [NumQ-1:0] filled_q;  // queues that have been full
  logic            gave_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      filled_q <= '0;
      gave_q   <= 1'b0;
    end else begin
      for (int unsigned q = 0; q < NumQ; q++) if (free_q[q] == '0) filled_q[q] <= 1'b1;
      if (gives) gave_q <= 1'b1;
    end
  end

  always_comb begin
    // A queue that was full has given a flit back.
    was_full: cover (rst_ni && filled_q[sel] && free_q[sel] == (PtrW + 1)'(1));
    // A packet is shown behind one that was given back.
    after_giving: cover (rst_ni && gave_q && shown != '0);
    // A head of three flits is shown in the cycle after one of the same queue was read.
    behind_another: cover (rst_ni && read_q && shown[1] && dut.head_more[1] == 3'd2
                           && read_of_q == {1'b1, number(dut.head_vc[1])});
  end

endmodule
