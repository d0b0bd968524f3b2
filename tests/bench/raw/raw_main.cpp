// SPDX-License-Identifier: Apache-2.0
//
// Clocks raw_bench and says how fast: sim CYCLES ADDRESS0 STRIDE PORTS, where ADDRESS0 is that of the
// forwarding entry of ID 0 in the window of all ports and STRIDE leads to the next.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "Vtop.h"
#include "verilated.h"

int main(int argc, char** argv) {
    if (argc != 5) {
        std::fprintf(stderr, "usage: %s CYCLES ADDRESS0 STRIDE PORTS\n", argv[0]);
        return 2;
    }
    const long cycles = std::strtol(argv[1], nullptr, 0);
    const unsigned address = std::strtoul(argv[2], nullptr, 0);
    const unsigned stride = std::strtoul(argv[3], nullptr, 0);
    const int ports = std::atoi(argv[4]);

    VerilatedContext context;
    context.randReset(2);
    context.randSeed(1);
    Vtop top{&context};
    auto tick = [&] {
        top.clk_i = 0;
        top.eval();
        top.clk_i = 1;
        top.eval();
    };
    top.rst_ni = 0;
    top.run_i = 0;
    top.wvalid_i = 0;
    for (int i = 0; i < 8; i++) tick();
    top.rst_ni = 1;
    for (int id = 0; id < ports; id++) {
        top.waddr_i = address + stride * id;
        top.wdata_i = 0x80000000u | id;
        top.wvalid_i = 1;
        int waited = 0;
        do tick();
        while (!top.bvalid_o && ++waited < 100000);
        if (!top.bvalid_o || top.bresp_o) {
            std::fprintf(stderr, "forwarding entry %d was not taken\n", id);
            return 1;
        }
        top.wvalid_i = 0;
        tick();
    }
    top.run_i = 1;
    for (int i = 0; i < 2000; i++) tick();
    std::unique_ptr<uint32_t[]> before{new uint32_t[ports]};
    for (int p = 0; p < ports; p++) before[p] = top.flits_o[p];
    const auto begin = std::chrono::steady_clock::now();
    for (long i = 0; i < cycles; i++) tick();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    double least = 1.0;
    for (int p = 0; p < ports; p++) {
        const double share = double(uint32_t(top.flits_o[p] - before[p])) / cycles;
        if (share < least) least = share;
    }
    std::printf("{\"cps\": %.1f, \"utilisation\": %.4f}\n", cycles / seconds.count(), least);
    return 0;
}
