// SPDX-License-Identifier: Apache-2.0
//
// Verilator's build of sp_lanes_probe, FLIT_W = USED_W = 128, in one of two uses.
//
//   pairs=FILE results=FILE arith=N
// FILE pairs: for each step two flits of 16 bytes. FILE results: a flit for each step, what arith_t
// N makes of the two.
//
//   stimulus=FILE outputs=FILE cycles=N
// FILE stimulus: a 32-bit word for each input but the clock, in the order of the ports, of data the
// lowest 32 bits; N cycles from the same first state, then N of the next run, to the end. FILE
// outputs: a 32-bit word for each output, likewise, just before the clock's edge.
//
// Prints {"steps": N} or {"cycles": N}.

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "../common/program.h"
#include "Vtop.h"
#include "lanes_play.h"
#include "verilated.h"

double sc_time_stamp() { return 0; }

namespace {

constexpr size_t FLIT_BYTES = 16;
constexpr size_t INPUTS = 12, OUTPUTS = 5;

void edge(Vtop& top) {
    top.clk_i = 1;
    top.eval();
    top.clk_i = 0;
    top.eval();
}

struct Device {
    Vtop& top;
    const std::vector<uint8_t>& pairs;
    std::vector<uint8_t> results;
    bool outputs[4] = {};

    void set(Port port, bool value) {
        switch (port) {
            case RST: top.rst_ni = value; break;
            case ACC_VALID: top.acc_valid_i = value; break;
            case ACC_SET: top.acc_set_i = value; break;
            case ACC_FIRST: top.acc_first_i = value; break;
            case RO_VALID: top.ro_valid_i = value; break;
            case RO_SET: top.ro_set_i = value; break;
            default: top.ro_last_i = value; break;
        }
    }
    bool get(Port port) const { return outputs[port - RO_READY]; }
    void data(uint64_t step, bool second) {
        std::memcpy(&top.acc_data_i, pairs.data() + (2 * step + second) * FLIT_BYTES, FLIT_BYTES);
    }
    void cycle() {
        top.eval();
        outputs[0] = top.ro_ready_o;
        outputs[1] = top.ro_done_o;
        outputs[2] = top.res_valid_o;
        outputs[3] = top.res_last_o;
        if (top.res_valid_o) std::memcpy(result, &top.res_data_o, FLIT_BYTES);
        edge(top);
    }
    void take(uint64_t step) {
        std::memcpy(results.data() + step * FLIT_BYTES, result, FLIT_BYTES);
    }

    uint8_t result[FLIT_BYTES] = {};
};

size_t follow(const std::vector<uint8_t>& stimulus, size_t cycles, std::vector<uint32_t>& outputs) {
    const size_t total = stimulus.size() / sizeof(uint32_t) / INPUTS;
    std::unique_ptr<VerilatedContext> context;
    std::unique_ptr<Vtop> top;
    for (size_t t = 0; t < total; ++t) {
        if (t % cycles == 0) {
            top.reset();
            context = std::make_unique<VerilatedContext>();
            context->randReset(0);  // slices begin with zeros as well
            top = std::make_unique<Vtop>(context.get());
            top->clk_i = 0;
        }
        uint32_t in[INPUTS];
        std::memcpy(in, stimulus.data() + t * sizeof in, sizeof in);
        top->rst_ni = in[0] & 1;
        top->acc_valid_i = in[1] & 1;
        top->acc_set_i = in[2] & 1;
        top->acc_elem_i = in[3] & 1;
        top->acc_first_i = in[4] & 1;
        top->acc_arith_i = in[5] & 0x7F;
        top->acc_data_i[0] = in[6];
        top->ro_valid_i = in[7] & 1;
        top->ro_set_i = in[8] & 1;
        top->ro_elem_i = in[9] & 1;
        top->ro_arith_i = in[10] & 0x7F;
        top->ro_last_i = in[11] & 1;
        top->eval();
        const uint32_t out[OUTPUTS] = {top->ro_ready_o, top->ro_done_o, top->res_valid_o,
                                       top->res_last_o, top->res_data_o[0]};
        outputs.insert(outputs.end(), out, out + OUTPUTS);
        edge(*top);
    }
    return total;
}

}  // namespace

int main(int argc, char** argv) {
    auto given = program::arguments(argc, argv);
    if (!given["stimulus"].empty()) {
        std::vector<uint32_t> outputs;
        const auto stimulus = program::read<uint8_t>(given["stimulus"]);
        const size_t cycles = follow(stimulus, std::stoull(given["cycles"]), outputs);
        program::write(given["outputs"], outputs);
        std::printf("{\"cycles\": %zu}\n", cycles);
        return 0;
    }
    const auto pairs = program::read<uint8_t>(given["pairs"]);
    const size_t steps = pairs.size() / FLIT_BYTES / 2;
    VerilatedContext context;
    Vtop top(&context);
    top.clk_i = 0;
    top.acc_arith_i = top.ro_arith_i = uint8_t(std::stoul(given["arith"]));
    Device device{top, pairs, std::vector<uint8_t>(steps * FLIT_BYTES)};
    play(device, 0, steps);
    program::write(given["results"], device.results);
    std::printf("{\"steps\": %zu}\n", steps);
    return 0;
}
