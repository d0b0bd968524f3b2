// SPDX-License-Identifier: Apache-2.0
//
// Plays pairs of patterns into sp_float_add, one a cycle, and keeps the sums.
//
//   pairs=FILE sums=FILE latency=N
//
// FILE pairs: two 32-bit words for each pair. FILE sums: a word for each. Prints {"pairs": N}.

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "../common/program.h"
#include "Vtop.h"
#include "verilated.h"

double sc_time_stamp() { return 0; }

int main(int argc, char** argv) {
    auto given = program::arguments(argc, argv);
    const size_t latency = std::stoull(given["latency"]);
    const auto words = program::read<uint32_t>(given["pairs"]);

    VerilatedContext context;
    Vtop top(&context);
    top.clk_i = 0;
    top.eval();
    const size_t pairs = words.size() / 2;
    std::vector<uint32_t> sums(pairs);
    for (size_t t = 0; t < pairs + latency - 1; ++t) {
        if (t < pairs) {
            top.a_i = words[2 * t];
            top.b_i = words[2 * t + 1];
        }
        top.clk_i = 1;
        top.eval();
        top.clk_i = 0;
        top.eval();
        if (t + 1 >= latency) sums[t + 1 - latency] = top.sum_o;
    }
    top.final();
    program::write(given["sums"], sums);
    std::printf("{\"pairs\": %zu}\n", pairs);
    return 0;
}
