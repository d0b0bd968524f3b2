// SPDX-License-Identifier: Apache-2.0
//
// Plays pairs of patterns into sp_float_add, one a cycle, and keeps the sums.
//
//   pairs=FILE sums=FILE latency=N
//
// FILE pairs: two 32-bit words for each pair. FILE sums: a word for each. Prints {"pairs": N}.

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "Vtop.h"
#include "verilated.h"

double sc_time_stamp() { return 0; }

int main(int argc, char** argv) {
    std::map<std::string, std::string> given;
    for (int k = 1; k < argc; ++k) {
        const std::string word = argv[k];
        const size_t at = word.find('=');
        if (at != std::string::npos) given[word.substr(0, at)] = word.substr(at + 1);
    }
    const size_t latency = std::stoull(given["latency"]);
    std::ifstream in(given["pairs"], std::ios::binary | std::ios::ate);
    std::vector<uint32_t> words(static_cast<size_t>(in.tellg()) / sizeof(uint32_t));
    in.seekg(0);
    in.read(reinterpret_cast<char*>(words.data()),
            static_cast<std::streamsize>(words.size() * sizeof(uint32_t)));
    if (!in) {
        std::fprintf(stderr, "cannot read %s\n", given["pairs"].c_str());
        return 1;
    }

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
    std::ofstream out(given["sums"], std::ios::binary);
    out.write(reinterpret_cast<const char*>(sums.data()),
              static_cast<std::streamsize>(sums.size() * sizeof(uint32_t)));
    if (!out.flush()) {
        std::fprintf(stderr, "cannot write %s\n", given["sums"].c_str());
        return 1;
    }
    std::printf("{\"pairs\": %zu}\n", pairs);
    return 0;
}
