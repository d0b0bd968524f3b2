// SPDX-License-Identifier: Apache-2.0
//
// Augmenting paths of three steps behind a matching: an input that went empty takes the output of
// another one, which moves to an output that is still free. ROUNDS rounds in the same cycle:
//
//   offer    every free output offers itself to a matched input that asks for it and whose own
//            output is wanted by an input without a match
//   move     such an input accepts one offer; its own output goes to one of the inputs that want it
//   take     an input takes one of the outputs that it gets so; the others stay where they were
//
// Guarantees: an output has at most one input, a unicast input at most one output; a match is a
// request; inputs and outputs that were matched stay matched, and those of multicast inputs with
// the same. Who is served more seldom for it is no concern of this module: see sp_crossbar.

module sp_augment #(
    /// Inputs, 1 or more.
    parameter int unsigned N_IN = 5,
    /// Outputs, 1 or more.
    parameter int unsigned N_OUT = 5,
    /// Rounds in a cycle, 1 or 2: later ones find next to nothing.
    parameter int unsigned ROUNDS = 1,
    /// Inputs from this one on are multicast inputs: their matches stay as they are.
    parameter int unsigned FIRST_MCAST = N_IN
) (
    /// Clock.
    input  logic             clk_i,
    /// Reset, active low, asynchronous.
    input  logic             rst_ni,
    /// Row i: the outputs that input i asks for.
    input  logic [N_OUT-1:0] req_i   [N_IN],
    /// Row i: the outputs that input i is matched with.
    input  logic [N_OUT-1:0] match_i [N_IN],
    /// Column j: the input that output j is matched with, one-hot or zero.
    input  logic [N_IN-1:0]  from_i  [N_OUT],
    /// Row i: the outputs that input i is matched with in the end.
    output logic [N_OUT-1:0] match_o [N_IN],
    /// Column j: the input that output j is matched with in the end, one-hot or zero.
    output logic [N_IN-1:0]  from_o  [N_OUT]
);

  if (N_IN < 1) begin : g_bad_in
    $fatal(1, "sp_augment: N_IN = %0d is not 1 or more", N_IN);
  end
  if (N_OUT < 1) begin : g_bad_out
    $fatal(1, "sp_augment: N_OUT = %0d is not 1 or more", N_OUT);
  end
  if (ROUNDS < 1 || ROUNDS > 2) begin : g_bad_rounds
    $fatal(1, "sp_augment: ROUNDS = %0d is not 1 or 2", ROUNDS);
  end

  // One turn for all: ones from the first in turn upwards. It goes on by itself, so that nobody is
  // first for ever.
  logic [N_IN-1:0]  in_first_q;
  logic [N_OUT-1:0] out_first_q;

  logic [N_IN-1:0]  column  [N_OUT];  // requests, by output
  logic [N_OUT-1:0] offers  [N_IN];   // free outputs that an input is offered
  logic [N_OUT-1:0] gifts   [N_IN];   // outputs that an input without a match may take
  logic [N_OUT-1:0] to      [N_IN];   // where an input moves, if it does
  logic [N_IN-1:0]  free_in;
  logic [N_OUT-1:0] free_out;
  logic [N_OUT-1:0] wanted;           // outputs that free inputs ask for
  logic [N_IN-1:0]  movable;
  logic [N_OUT-1:0] moves;            // outputs whose input can move
  logic [N_OUT-1:0] taken;            // one output that a free input takes
  logic [N_IN-1:0]  picked;

  function automatic logic [N_IN-1:0] pick_in(logic [N_IN-1:0] req, logic [N_IN-1:0] first);
    logic [N_IN-1:0] above;
    above = req & first;
    return (above != '0) ? (above & (~above + N_IN'(1))) : (req & (~req + N_IN'(1)));
  endfunction

  function automatic logic [N_OUT-1:0] pick_out(logic [N_OUT-1:0] req, logic [N_OUT-1:0] first);
    logic [N_OUT-1:0] above;
    above = req & first;
    return (above != '0) ? (above & (~above + N_OUT'(1))) : (req & (~req + N_OUT'(1)));
  endfunction

  always_comb begin
    free_in  = '0;
    free_out = '0;
    wanted   = '0;
    movable  = '0;
    moves    = '0;
    taken    = '0;
    picked   = '0;
    for (int unsigned i = 0; i < N_IN; i++) begin
      match_o[i] = match_i[i];
      offers[i]  = '0;
      gifts[i]   = '0;
      to[i]      = '0;
      free_in[i] = i < FIRST_MCAST && match_i[i] == '0 && req_i[i] != '0;
    end
    for (int unsigned j = 0; j < N_OUT; j++) begin
      from_o[j]   = from_i[j];
      free_out[j] = from_i[j] == '0;
      column[j]   = '0;
    end

    // Where no input is free nothing is to be done; in simulation that saves the time.
    if (free_in != '0) begin
      for (int unsigned j = 0; j < N_OUT; j++) begin
        for (int unsigned i = 0; i < FIRST_MCAST; i++) column[j][i] = req_i[i][j];
      end

      for (int unsigned r = 0; r < ROUNDS; r++) begin
        wanted = '0;
        for (int unsigned i = 0; i < FIRST_MCAST; i++) begin
          if (free_in[i]) wanted |= req_i[i];
        end
        for (int unsigned i = 0; i < FIRST_MCAST; i++) begin
          movable[i] = (match_o[i] & wanted) != '0;
          offers[i]  = '0;
          gifts[i]   = '0;
        end

        // Offers, and who would get what becomes free by them.
        for (int unsigned j = 0; j < N_OUT; j++) begin
          picked = '0;
          if (free_out[j]) picked = pick_in(column[j] & movable, in_first_q);
          for (int unsigned i = 0; i < FIRST_MCAST; i++) offers[i][j] = picked[i];
        end
        moves = '0;
        for (int unsigned i = 0; i < FIRST_MCAST; i++) begin
          to[i] = pick_out(offers[i], out_first_q);
          if (to[i] != '0) moves |= match_o[i];
        end
        for (int unsigned j = 0; j < N_OUT; j++) begin
          picked = '0;
          if (moves[j]) picked = pick_in(column[j] & free_in, in_first_q);
          for (int unsigned i = 0; i < FIRST_MCAST; i++) gifts[i][j] = picked[i];
        end

        // What is taken, and where its input goes.
        taken = '0;
        for (int unsigned i = 0; i < FIRST_MCAST; i++) begin
          if (gifts[i] != '0) begin
            match_o[i] = pick_out(gifts[i], out_first_q);
            taken      |= match_o[i];
            free_in[i] = 1'b0;
          end
        end
        for (int unsigned i = 0; i < FIRST_MCAST; i++) begin
          if (to[i] != '0 && (match_o[i] & taken) != '0) begin
            match_o[i] = to[i];
            free_out  &= ~to[i];
          end
        end
      end

      for (int unsigned j = 0; j < N_OUT; j++) begin
        for (int unsigned i = 0; i < FIRST_MCAST; i++) from_o[j][i] = match_o[i][j];
      end
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      in_first_q  <= '1;
      out_first_q <= '1;
    end else begin
      in_first_q  <= ((in_first_q << 1) == '0) ? '1 : in_first_q << 1;
      out_first_q <= ((out_first_q << 1) == '0) ? '1 : out_first_q << 1;
    end
  end

endmodule
