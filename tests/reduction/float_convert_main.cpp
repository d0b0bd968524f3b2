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
#include <fstream>
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
    const bool wide = given["side"] == "wide";
    std::ifstream in(given["numbers"], std::ios::binary | std::ios::ate);
    std::vector<uint32_t> words(static_cast<size_t>(in.tellg()) / sizeof(uint32_t));
    in.seekg(0);
    in.read(reinterpret_cast<char*>(words.data()),
            static_cast<std::streamsize>(words.size() * sizeof(uint32_t)));
    if (!in) {
        std::fprintf(stderr, "cannot read %s\n", given["numbers"].c_str());
        return 1;
    }

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
    std::ofstream out(given["results"], std::ios::binary);
    out.write(reinterpret_cast<const char*>(results.data()),
              static_cast<std::streamsize>(results.size() * sizeof(uint32_t)));
    if (!out.flush()) {
        std::fprintf(stderr, "cannot write %s\n", given["results"].c_str());
        return 1;
    }
    std::printf("{\"numbers\": %zu}\n", numbers);
    return 0;
}
