// SPDX-License-Identifier: Apache-2.0
//
// Plays a program into sp_ordered_lanes, a record a cycle, and keeps the results with their
// cycles.
//
//   commands=FILE results=FILE
//
// A record: words flags, place to accumulate, place to read out, and the flit. Flags, from bit 0:
// contribution, first, read-out, last; types of both, 4 bits each; saturation of both. A result:
// words cycle, last, and the flit. Prints {"cycles": N}. Stops where an assertion fails.

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
    const auto words = program::read<uint32_t>(given["commands"]);

    VerilatedContext context;
    Vtop top(&context);
    constexpr size_t kFlit = sizeof(top.acc_data_i) / sizeof(uint32_t);
    constexpr size_t kRecord = 3 + kFlit;
    const auto clock = [&top] {
        top.clk_i = 1;
        top.eval();
        top.clk_i = 0;
        top.eval();
    };
    top.clk_i = 0;
    top.rst_ni = 1;
    top.acc_valid_i = 0;
    top.ro_valid_i = 0;
    top.eval();
    top.rst_ni = 0;
    clock();
    top.rst_ni = 1;

    std::vector<uint32_t> results;
    const size_t cycles = words.size() / kRecord;
    for (size_t t = 0; t < cycles && !context.gotFinish(); ++t) {
        const uint32_t* const record = &words[t * kRecord];
        const uint32_t flags = record[0];
        top.acc_valid_i = flags & 1;
        top.acc_first_i = flags >> 1 & 1;
        top.ro_valid_i = flags >> 2 & 1;
        top.ro_last_i = flags >> 3 & 1;
        // {saturate, operation, type}: the operation is 0, a sum
        top.acc_arith_i = (flags >> 4 & 7) | (flags >> 12 & 1) << 6;
        top.ro_arith_i = (flags >> 8 & 7) | (flags >> 13 & 1) << 6;
        top.acc_elem_i = record[1];
        top.ro_elem_i = record[2];
        for (size_t k = 0; k < kFlit; ++k) top.acc_data_i[k] = record[3 + k];
        top.eval();
        // what is on the outputs in this cycle
        if (top.res_valid_o) {
            results.push_back(static_cast<uint32_t>(t));
            results.push_back(top.res_last_o);
            for (size_t k = 0; k < kFlit; ++k) results.push_back(top.res_data_o[k]);
        }
        clock();
    }
    top.final();
    program::write(given["results"], results);
    std::printf("{\"cycles\": %zu}\n", cycles);
    return 0;
}
