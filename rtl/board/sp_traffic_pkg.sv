// SPDX-License-Identifier: Apache-2.0
//
// What sp_traffic_gen and sp_traffic_check must agree on: the mark of a packet, its payload, and
// the random bits. docs/board-traffic.md gives the reasons.

package sp_traffic_pkg;

  /// Upper 16 bits of the class part: addr[56:48] = 0x1A5, the bits above it zero.
  localparam logic [15:0] MARK = 16'h01A5;

  /// Fresh bits of one step of the shift register.
  localparam int unsigned STEP = 20;

  /// What identifies a flow and a length, for the payload.
  function automatic logic [31:0] flow_word(
      logic [9:0] dst, logic [9:0] src, logic [1:0] vc, logic [4:0] len);
    return {len, vc, 5'b0, src, dst};
  endfunction

  /// Rotate left by a constant.
  function automatic logic [31:0] rotl(logic [31:0] word, int unsigned by);
    return (word << by) | (word >> (32 - by));
  endfunction

  /// Payload unit `unit` of a packet. Each bit is the XOR of one bit of each of: sequence number,
  /// its lowest seven bits, flow word, unit number; the map is one-to-one.
  function automatic logic [127:0] payload(logic [31:0] seq, logic [31:0] flow, logic [4:0] unit);
    logic [31:0] low;
    logic [31:0] num;
    low = {1'b0, seq[2:0], {4{seq[6:0]}}};
    num = {unit[1:0], {6{unit}}};
    return {
      rotl(seq, 24) ^ rotl(low, 31) ^ rotl(flow, 11) ^ rotl(num, 16) ^ 32'hE817_FBD3,
      rotl(seq, 1) ^ rotl(low, 3) ^ rotl(flow, 30) ^ rotl(num, 25) ^ 32'h5A3C_6D91,
      rotl(seq, 12) ^ rotl(low, 18) ^ rotl(flow, 11) ^ rotl(num, 24) ^ 32'h94D0_49BB,
      rotl(seq, 25) ^ rotl(low, 30) ^ rotl(flow, 19) ^ rotl(num, 18) ^ 32'h2545_F491
    };
  endfunction

  /// STEP bits of the sequence s[n] = s[n-32] ^ s[n-30] ^ s[n-26] ^ s[n-25], whose period is
  /// 2^32 - 1; the newest bit is bit 0. No tap is among the newest 24, so a step is one XOR deep.
  function automatic logic [31:0] lfsr_next(logic [31:0] state);
    return {state[31-STEP:0],
            state[31-:STEP] ^ state[29-:STEP] ^ state[25-:STEP] ^ state[24-:STEP]};
  endfunction

endpackage
