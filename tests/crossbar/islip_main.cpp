// SPDX-License-Identifier: Apache-2.0
//
// Plays request matrices into sp_islip, one a cycle, and keeps what it matches.
//
//   requests=FILE matches=FILE inputs=N outputs=N cycles=N
//
// FILE requests: a 32-bit word for each cycle and input, bit j: it asks output j. FILE matches: a
// word for each cycle and output, bit i: it has input i. Prints {"cycles": N}.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "../common/program.h"
#include "Vtop.h"
#include "verilated.h"

double sc_time_stamp() { return 0; }

namespace {

std::FILE* opened(const std::string& path, const char* mode) {
    std::FILE* file = std::fopen(path.c_str(), mode);
    if (file == nullptr) {
        std::perror(path.c_str());
        std::exit(1);
    }
    return file;
}

}  // namespace

int main(int argc, char** argv) {
    auto given = program::arguments(argc, argv);
    const unsigned inputs = std::stoul(given["inputs"]), outputs = std::stoul(given["outputs"]);
    const uint64_t cycles = std::stoull(given["cycles"]);
    std::FILE* requests = opened(given["requests"], "rb");
    std::FILE* matches = opened(given["matches"], "wb");

    VerilatedContext context;
    Vtop top(&context);
    std::vector<uint32_t> ask(inputs), from(outputs);
    top.clk_i = 0;
    top.rst_ni = 1;
    top.eval();
    top.rst_ni = 0;
    top.eval();
    top.rst_ni = 1;
    for (uint64_t t = 0; t < cycles; ++t) {
        if (std::fread(ask.data(), 4, inputs, requests) != inputs) {
            std::fprintf(stderr, "requests end at cycle %llu\n",
                         static_cast<unsigned long long>(t));
            return 1;
        }
        for (unsigned i = 0; i < inputs; ++i) top.req_i[i] = ask[i];
        top.eval();
        for (unsigned j = 0; j < outputs; ++j) from[j] = top.from_o[j];
        if (std::fwrite(from.data(), 4, outputs, matches) != outputs) {
            std::perror("matches");
            return 1;
        }
        top.clk_i = 1;
        top.eval();
        top.clk_i = 0;
        top.eval();
    }
    top.final();
    if (std::fclose(matches) != 0) {
        std::perror("matches");
        return 1;
    }
    std::printf("{\"cycles\": %llu}\n", static_cast<unsigned long long>(cycles));
    return 0;
}
