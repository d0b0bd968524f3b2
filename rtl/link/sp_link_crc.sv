// SPDX-License-Identifier: Apache-2.0
//
// Remainder of a message, most significant bit first, as one XOR of message bits for each bit of
// the remainder. It begins with zero: whoever has a remainder of what came before adds it (XOR) to
// the first W bits of the message.
//
// A multiple of the polynomial that has few terms makes it smaller: the first bits of the message
// are added to others, as the multiple says, and the remainder is made of these.

module sp_link_crc #(
    /// Bits of the remainder.
    parameter int unsigned W = 32,
    /// Polynomial without its highest term.
    parameter logic [W-1:0] POLY = 32'h741B_8CD7,
    /// Bits of the message, W or more.
    parameter int unsigned N = 129,
    /// Highest term of a multiple of the polynomial; 0: none is used.
    parameter int unsigned FOLD_AT = 0,
    /// Its other terms.
    parameter logic [63:0] FOLD = '0
) (
    /// Message.
    input  logic [N-1:0] data_i,
    /// Its remainder.
    output logic [W-1:0] crc_o
);

  if (N < W) begin : g_bad_n
    $fatal(1, "sp_link_crc: N = %0d is not %0d or more", N, W);
  end
  if (FOLD_AT != 0 && term(FOLD_AT) != terms()) begin : g_bad_fold
    $fatal(1, "sp_link_crc: FOLD_AT = %0d is not in a multiple of the polynomial with FOLD = %0h",
           FOLD_AT, FOLD);
  end

  // A message is so many terms; W of them, the lowest, are zero.
  localparam int unsigned Terms = N + W;
  // It is folded if that makes it short enough at once.
  localparam bit Folds = (FOLD_AT != 0) && (Terms > FOLD_AT) &&
                         (Terms - FOLD_AT + highest() <= FOLD_AT);
  localparam int unsigned Left = Folds ? FOLD_AT : Terms;
  localparam logic [W-1:0][Left-1:0] Mask = masks();

  // Remainder of a term.
  function automatic logic [W-1:0] term(int unsigned n);
    term = W'(1);
    for (int unsigned i = 0; i < n; i++) begin
      term = {term[W-2:0], 1'b0} ^ (term[W-1] ? POLY : '0);
    end
  endfunction

  // Remainder of FOLD.
  function automatic logic [W-1:0] terms();
    terms = '0;
    for (int unsigned n = 0; n < 64; n++) if (FOLD[n]) terms ^= term(n);
  endfunction

  function automatic int unsigned highest();
    highest = 0;
    for (int unsigned n = 0; n < 64; n++) if (FOLD[n]) highest = n;
  endfunction

  // Terms of the message that each bit of the remainder is made of.
  function automatic logic [W-1:0][Left-1:0] masks();
    logic [W-1:0] column;  // remainder of term n
    column = W'(1);
    for (int unsigned n = 0; n < Left; n++) begin
      for (int unsigned w = 0; w < W; w++) masks[w][n] = column[w];
      column = {column[W-2:0], 1'b0} ^ (column[W-1] ? POLY : '0);
    end
  endfunction

  // Kept, or synthesis would take the sums apart again, and find them no more.
  (* keep *)
  logic [Left-1:0] left;

  if (Folds) begin : g_folds
    always_comb begin
      left = {data_i[FOLD_AT-W-1:0], W'(0)};
      for (int unsigned n = 0; n < 64; n++) begin
        if (FOLD[n]) left ^= Left'(data_i[N-1:FOLD_AT-W]) << n;
      end
    end
  end else begin : g_whole
    assign left = {data_i, W'(0)};
  end

  always_comb begin
    for (int unsigned w = 0; w < W; w++) crc_o[w] = ^(left & Mask[w]);
  end

endmodule
