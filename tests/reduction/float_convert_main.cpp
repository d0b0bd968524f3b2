// SPDX-License-Identifier: Apache-2.0
//
// Plays numbers into sp_float_convert_player, one a cycle, and keeps what comes out of one side.
//
//   numbers=FILE results=FILE side=wide|narrow latency=N
//
// FILE numbers: two 32-bit words each, the pattern and {saturate, type}. FILE results: a word
// each. Prints {"numbers": N}.

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
    const bool wide = given["side"] == "wide";
    const auto words = program::read<uint32_t>(given["numbers"]);

    VerilatedContext context;
    Vtop top(&context);
    top.clk_i = 0;
    top.eval();
    const size_t numbers = words.size() / 2;
    std::vector<uint32_t> results(numbers);
    for (size_t t = 0; t < numbers + latency - 1; ++t) {
        if (t < numbers) {
            top.number_i = words[2 * t];
            top.etype_i = words[2 * t + 1] & 7;
            top.saturate_i = words[2 * t + 1] >> 3 & 1;
        }
        top.clk_i = 1;
        top.eval();
        top.clk_i = 0;
        top.eval();
        if (t + 1 >= latency) results[t + 1 - latency] = wide ? top.wide_o : top.narrow_o;
    }
    top.final();
    program::write(given["results"], results);
    std::printf("{\"numbers\": %zu}\n", numbers);
    return 0;
}
