// SPDX-License-Identifier: Apache-2.0
//
// What users of the floating-point modules must know of them.

package sp_float_pkg;

  /// Steps in which sp_float_add shifts a sum to the left, one a cycle.
  function automatic int unsigned add_steps(int unsigned frac_w);
    return $clog2(frac_w + 5) - 1;
  endfunction

  /// Cycles from two numbers to their sum in sp_float_add: 11 for FP32.
  function automatic int unsigned add_latency(int unsigned frac_w);
    return 7 + add_steps(frac_w);
  endfunction

  /// Cycles from a number to the same as FP32 in sp_float_widen.
  function automatic int unsigned widen_latency();
    return 3;
  endfunction

  /// Cycles from an FP32 number to the same as an element in sp_float_narrow.
  function automatic int unsigned narrow_latency();
    return 6;
  endfunction

  /// Cycles that lie at least between two flits of contributions to the same place of
  /// sp_ordered_lanes, and between the last of them and its read-out: memory, its output register,
  /// adder, memory. 14.
  function automatic int unsigned ordered_gap();
    return 3 + add_latency(23);
  endfunction

  /// Cycles from `ro_valid_i` to `res_valid_o` of sp_ordered_lanes: address, memory, its output
  /// register, narrowing. 9.
  function automatic int unsigned ordered_read();
    return 3 + narrow_latency();
  endfunction

  /// Cycles from `ro_done_o` to `res_valid_o` of sp_exact_lanes.
  function automatic int unsigned exact_read();
    return 16;
  endfunction

endpackage
