// SPDX-License-Identifier: Apache-2.0
//
// Plays a stimulus into generated bit-sliced C++ and keeps what comes out.
//
//   stimulus=FILE outputs=FILE
//
// FILE stimulus: for each cycle and each bit of the inputs, in the order of the ports, a bit of
// each slice, slice 0 lowest. FILE outputs: likewise, just before the clock's edge. Prints how many
// slices there are, and does no more without arguments.

#include <cstdio>
#include <fstream>
#include <map>
#include <string>

#include "sliced.h"
#include "slices.inc"

int main(int argc, char** argv) {
    std::map<std::string, std::string> given;
    for (int k = 1; k < argc; ++k) {
        const std::string word = argv[k];
        const size_t at = word.find('=');
        if (at != std::string::npos) given[word.substr(0, at)] = word.substr(at + 1);
    }
    std::printf("%d\n", SLICES);
    if (given.empty()) return 0;
    std::ifstream in(given["stimulus"], std::ios::binary);
    std::ofstream out(given["outputs"], std::ios::binary);
    static Slices dut;
    while (in.read(reinterpret_cast<char*>(dut.in), sizeof dut.in)) {
        dut.cycle();
        out.write(reinterpret_cast<const char*>(dut.out), sizeof dut.out);
    }
    if (!in.eof() || !out.flush()) {
        std::fprintf(stderr, "cannot read stimulus or write outputs\n");
        return 1;
    }
    return 0;
}
