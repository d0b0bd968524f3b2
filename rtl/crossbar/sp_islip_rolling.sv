// SPDX-License-Identifier: Apache-2.0
//
// Rolling iSLIP: several coming slots are matched at once; each gets an iteration in every cycle,
// on the requests of that cycle, and the oldest one leaves. Grant and accept take a cycle each.
//
//   age of a slot   0       1                SLOTS - 1   SLOTS    SLOTS + 1
//                   grant   grant      ...   grant       accept   match_o: it begins
//                           accept           accept
//
// A lone packet asks for the slot that is granted for the last time, and pays one iteration only.
// So that one packet is promised once: a pair with one packet asks for the oldest slot that has
// room for it, and only while nothing is promised to it; with two it asks for all slots, and with
// three even when something is promised. That is a guess that may promise too much; so is what is
// known of the ends of packets. A match may therefore be void in the cycle in which it begins, and
// the one who uses it has to look: whether there is a packet, and whether input and output are
// free.
//
// Guarantees: an output has at most one input, a unicast input at most one output; a match was a
// request when it was granted; a slot in which an input or output is known to be busy has no match
// for it. Proven in formal/crossbar.

module sp_islip_rolling #(
    /// Inputs, 1 or more.
    parameter int unsigned N_IN = 5,
    /// Outputs, 1 or more.
    parameter int unsigned N_OUT = 5,
    /// Slots that are matched at once, 1 to 4: so many iterations each of them gets.
    parameter int unsigned SLOTS = 4,
    /// Inputs from this one on are multicast inputs: they accept every grant.
    parameter int unsigned FIRST_MCAST = N_IN,
    /// Bits of a count of flits.
    parameter int unsigned LEFT_W = 5
) (
    /// Clock.
    input  logic                   clk_i,
    /// Reset, active low, asynchronous.
    input  logic                   rst_ni,
    /// Row i: outputs for which input i has just got its first packet.
    input  logic [N_OUT-1:0]       fresh_i    [N_IN],
    /// Row i: outputs for which input i has a packet that may go.
    input  logic [N_OUT-1:0]       some_i     [N_IN],
    /// Row i: for which it has two.
    input  logic [N_OUT-1:0]       two_i      [N_IN],
    /// Row i: for which it has three.
    input  logic [N_OUT-1:0]       three_i    [N_IN],
    /// Rows i: outputs whose next packet has more than one, two, three flits.
    input  logic [2:0][N_OUT-1:0]  more_i     [N_IN],
    /// Flits that an input still reads, that of this cycle included.
    input  logic [LEFT_W-1:0]      in_left_i  [N_IN],
    /// The same of the packet on its way to an output.
    input  logic [LEFT_W-1:0]      out_left_i [N_OUT],
    /// Row i: the outputs that input i is matched with in the slot that begins.
    output logic [N_OUT-1:0]       match_o    [N_IN],
    /// The same from registers of its own, which may lie where it is used.
    output logic [N_OUT-1:0]       near_o     [N_IN]
);

  if (N_IN < 1) begin : g_bad_in
    $fatal(1, "sp_islip_rolling: N_IN = %0d is not 1 or more", N_IN);
  end
  if (N_OUT < 1) begin : g_bad_out
    $fatal(1, "sp_islip_rolling: N_OUT = %0d is not 1 or more", N_OUT);
  end
  if (SLOTS < 1 || SLOTS > 4) begin : g_bad_slots
    $fatal(1, "sp_islip_rolling: SLOTS = %0d is not in 1..4", SLOTS);
  end

  // By age of the slot.
  logic [N_IN-1:0]  in_taken_q  [SLOTS+1];          // inputs that the slot cannot have
  logic [N_OUT-1:0] out_taken_q [SLOTS+1];          // outputs
  logic [N_IN-1:0]  granted_q   [1:SLOTS][N_OUT];   // grants of the cycle before
  logic [N_OUT-1:0] match_q     [2:SLOTS+1][N_IN];    // matches so far
  logic [N_OUT-1:0] held_q      [N_IN];             // pairs to which something was promised

  // Round-robin state as in sp_rr_arbiter: ones from the first in turn upwards. A slot is granted
  // before that of the cycle before has been accepted; so that it does not repeat what that one has
  // done, slots have two sets of turns by turns. [0] is that of the slot in this step.
  logic [N_IN-1:0]  gnt_first_q [2][N_OUT];
  logic [N_OUT-1:0] acc_first_q [2][N_IN];

  // The first in turn. No sum: on an FPGA a carry chain is longer than these few tables.
  function automatic logic [N_IN-1:0] pick_in(logic [N_IN-1:0] req, logic [N_IN-1:0] first);
    logic [N_IN-1:0] above, up_above, up_all;  // ones from the lowest request upwards
    above    = req & first;
    up_above = above;
    up_all   = req;
    for (int unsigned n = 1; n < N_IN; n *= 2) begin
      up_above |= up_above << n;
      up_all   |= up_all << n;
    end
    return (above != '0) ? up_above & ~(up_above << 1) : up_all & ~(up_all << 1);
  endfunction

  function automatic logic [N_OUT-1:0] pick_out(logic [N_OUT-1:0] req, logic [N_OUT-1:0] first);
    logic [N_OUT-1:0] above, up_above, up_all;
    above    = req & first;
    up_above = above;
    up_all   = req;
    for (int unsigned n = 1; n < N_OUT; n *= 2) begin
      up_above |= up_above << n;
      up_all   |= up_all << n;
    end
    return (above != '0) ? up_above & ~(up_above << 1) : up_all & ~(up_all << 1);
  endfunction

  // ------------------------------------------------------------------------------------- accept

  logic [N_OUT-1:0] offers    [SLOTS+1][N_IN];  // grants that hold
  logic [N_OUT-1:0] accepted  [SLOTS+1][N_IN];
  logic [N_IN-1:0]  got       [SLOTS+1];        // inputs with such a grant
  logic [N_OUT-1:0] out_new   [SLOTS+1];
  logic [N_OUT-1:0] pending   [N_IN];           // pairs with such a grant, in any slot

  always_comb begin
    for (int unsigned i = 0; i < N_IN; i++) pending[i] = '0;
    for (int unsigned a = 0; a <= SLOTS; a++) begin
      got[a]     = '0;
      out_new[a] = '0;
      for (int unsigned i = 0; i < N_IN; i++) begin
        offers[a][i] = '0;
        if (a != 0) begin
          for (int unsigned j = 0; j < N_OUT; j++) offers[a][i][j] = granted_q[a][j][i];
          offers[a][i] &= in_taken_q[a][i] ? '0 : ~out_taken_q[a];
        end
        accepted[a][i] = (i < FIRST_MCAST) ? pick_out(offers[a][i], acc_first_q[0][i])
                                           : offers[a][i];
        got[a][i]      = i < FIRST_MCAST && offers[a][i] != '0;
        out_new[a]    |= accepted[a][i];
        pending[i]    |= offers[a][i];
      end
    end
  end

  // ------------------------------------------------------------------------------------- grant

  logic [N_OUT-1:0] all;                        // outputs that an input asks for in all slots
  logic [N_OUT-1:0] one;                        // in one
  logic [N_OUT-1:0] open      [SLOTS];          // that a slot has for it
  logic [N_OUT-1:0] older;                      // that an older slot has
  logic [N_OUT-1:0] ask;
  logic [N_OUT-1:0] promised;
  logic [N_OUT-1:0] begun     [N_IN];           // pairs to which something is promised, all told
  logic [N_IN-1:0]  column    [SLOTS][N_OUT];   // requests, by output
  logic [N_IN-1:0]  granted   [SLOTS][N_OUT];

  always_comb begin
    for (int unsigned i = 0; i < N_IN; i++) begin
      promised = held_q[i] | pending[i];
      // A single slot is asked for by `one` as it is by two packets.
      all      = ((SLOTS > 1) ? two_i[i] & ~promised : '0) | (three_i[i] & promised);
      one      = some_i[i] & ~promised;
      for (int unsigned a = 0; a < SLOTS; a++) begin
        open[a] = (in_taken_q[a][i] || got[a][i]) ? '0 : ~out_taken_q[a];
      end
      for (int unsigned a = 0; a < SLOTS; a++) begin
        older = '0;
        for (int unsigned b = a + 1; b < SLOTS; b++) older |= open[b];
        ask = open[a] & (all | (one & ~older));
        if (a == SLOTS - 1) ask |= open[a] & fresh_i[i];
        for (int unsigned j = 0; j < N_OUT; j++) column[a][j][i] = ask[j];
      end
    end
    for (int unsigned a = 0; a < SLOTS; a++) begin
      for (int unsigned j = 0; j < N_OUT; j++) begin
        granted[a][j] = pick_in(column[a][j], gnt_first_q[0][j]);
      end
    end
  end

  // -------------------------------------------------------------------------------------- slots

  // A packet of several flits has its input and its output in the slots behind its own, too.
  function automatic logic [N_IN-1:0] in_marks(int unsigned age);
    in_marks = '0;
    for (int unsigned i = 0; i < N_IN; i++) begin
      for (int unsigned b = (age == 0) ? 2 : age + 1; b <= SLOTS + 1; b++) begin
        in_marks[i] |= (match_q[b][i] & more_i[i][(b-age > 3) ? 2 : b-age-1]) != '0;
      end
      in_marks[i] |= 32'(in_left_i[i]) >= SLOTS + 2 - age;
    end
  endfunction

  function automatic logic [N_OUT-1:0] out_marks(int unsigned age);
    out_marks = '0;
    for (int unsigned i = 0; i < N_IN; i++) begin
      for (int unsigned b = (age == 0) ? 2 : age + 1; b <= SLOTS + 1; b++) begin
        out_marks |= match_q[b][i] & more_i[i][(b-age > 3) ? 2 : b-age-1];
      end
    end
    for (int unsigned j = 0; j < N_OUT; j++) begin
      out_marks[j] |= 32'(out_left_i[j]) >= SLOTS + 2 - age;
    end
  endfunction

  always_comb begin
    for (int unsigned i = 0; i < N_IN; i++) begin
      begun[i] = pending[i];
      for (int unsigned a = 2; a <= SLOTS + 1; a++) begun[i] |= match_q[a][i];
    end
  end

  // What match_q[SLOTS+1] gets.
  logic [N_OUT-1:0] begins [N_IN];

  always_comb begin
    for (int unsigned i = 0; i < N_IN; i++) begin
      begins[i] = accepted[SLOTS][i];
      if (SLOTS > 1) begins[i] |= match_q[(SLOTS>1)?SLOTS : 2][i];
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      for (int unsigned a = 0; a <= SLOTS; a++) begin
        in_taken_q[a]  <= '0;
        out_taken_q[a] <= '0;
      end
      for (int unsigned a = 1; a <= SLOTS; a++) begin
        for (int unsigned j = 0; j < N_OUT; j++) granted_q[a][j] <= '0;
        for (int unsigned i = 0; i < N_IN; i++) match_q[a+1][i] <= '0;
      end
      for (int unsigned i = 0; i < N_IN; i++) held_q[i] <= '0;
    end else begin
      for (int unsigned i = 0; i < N_IN; i++) begin
        in_taken_q[0][i] <= 32'(in_left_i[i]) >= SLOTS + 3;
      end
      for (int unsigned j = 0; j < N_OUT; j++) begin
        out_taken_q[0][j] <= 32'(out_left_i[j]) >= SLOTS + 3;
      end
      for (int unsigned a = 0; a < SLOTS; a++) begin
        in_taken_q[a+1]  <= in_taken_q[a] | got[a] | in_marks(a);
        out_taken_q[a+1] <= out_taken_q[a] | out_new[a] | out_marks(a);
        for (int unsigned j = 0; j < N_OUT; j++) granted_q[a+1][j] <= granted[a][j];
      end
      for (int unsigned i = 0; i < N_IN; i++) begin
        match_q[2][i] <= accepted[1][i];
        for (int unsigned a = 2; a <= SLOTS; a++) match_q[a+1][i] <= match_q[a][i] | accepted[a][i];
      end
      for (int unsigned i = 0; i < N_IN; i++) held_q[i] <= begun[i];
    end
  end

  // A turn moves behind the partner of a slot's first iteration, as in sp_islip.
  logic [N_IN-1:0] partner [N_OUT];

  always_comb begin
    for (int unsigned j = 0; j < N_OUT; j++) begin
      for (int unsigned i = 0; i < N_IN; i++) partner[j][i] = accepted[1][i][j];
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      for (int unsigned n = 0; n < 2; n++) begin
        for (int unsigned j = 0; j < N_OUT; j++) gnt_first_q[n][j] <= '1;
        for (int unsigned i = 0; i < N_IN; i++) acc_first_q[n][i] <= '1;
      end
    end else begin
      for (int unsigned j = 0; j < N_OUT; j++) begin
        gnt_first_q[1][j] <= gnt_first_q[0][j];
        gnt_first_q[0][j] <= (partner[j] != '0) ? ~((partner[j] << 1) - N_IN'(1))
                                                : gnt_first_q[1][j];
      end
      for (int unsigned i = 0; i < N_IN; i++) begin
        acc_first_q[0][i] <= acc_first_q[1][i];
        acc_first_q[1][i] <= (i < FIRST_MCAST && accepted[1][i] != '0)
                             ? ~((accepted[1][i] << 1) - N_OUT'(1)) : acc_first_q[0][i];
      end
    end
  end

  assign match_o = match_q[SLOTS+1];

  // What starts is told to inputs that lie all over the part, and is needed here as well.
  (* keep *)
  logic [N_IN-1:0][N_OUT-1:0] near_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) near_q <= '0;
    else begin
      for (int unsigned i = 0; i < N_IN; i++) begin
        near_q[i] <= begins[i];
        assert (near_q[i] == match_q[SLOTS+1][i])
          else $error("sp_islip_rolling: input %0d is told another match", i);
      end
    end
  end

  always_comb for (int unsigned i = 0; i < N_IN; i++) near_o[i] = near_q[i];

endmodule
