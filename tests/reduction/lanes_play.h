// SPDX-License-Identifier: Apache-2.0
//
// Plays pairs into sp_lanes_probe, a pair in five cycles: one set is accumulated while the other is
// read out. A device has `set(port, value)` for the control inputs, `data(step, second)` for the
// elements of a step, `cycle()`, `get(port)` for the control outputs before the edge, and
// `take(step)` for the results of a step. Nothing here knows how long the pipeline is.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>

enum Port {
    RST, ACC_VALID, ACC_SET, ACC_FIRST, RO_VALID, RO_SET, RO_LAST,   // inputs
    RO_READY, RO_DONE, RES_VALID, RES_LAST                           // outputs
};

/// Cycles from a set's last flit to its read-out (see sp_exact_lanes).
constexpr uint64_t DRAIN = 3;
/// A pipeline that gives nothing for so long is stuck.
constexpr uint64_t PATIENCE = 1000;

/// Plays steps first to end - 1; returns the cycles.
template <class Device>
uint64_t play(Device& device, uint64_t first, uint64_t end) {
    struct Read {
        uint64_t step, due;
        int set;
    };
    std::deque<Read> wanted;    // accumulated, not yet taken by the read-out
    std::deque<int> reading;    // sets that are read out
    std::deque<uint64_t> open;  // steps without a result
    bool busy[2] = {false, false};
    uint64_t next = first, taken = first, quiet = 0, now = 0;
    bool second = false;
    int set = 0;

    device.set(RST, 0);
    device.set(ACC_VALID, 0);
    device.set(RO_VALID, 0);
    for (int k = 0; k < 4; ++k) device.cycle();
    device.set(RST, 1);
    for (; taken < end; ++now) {
        const bool acc = second || (next < end && !busy[set]);
        device.set(ACC_VALID, acc);
        if (acc) {
            busy[set] = true;
            device.set(ACC_SET, set);
            device.set(ACC_FIRST, !second);
            device.data(next, second);
        }
        const bool ask = !wanted.empty() && wanted.front().due <= now;
        device.set(RO_VALID, ask);
        if (ask) {
            device.set(RO_SET, wanted.front().set);
            device.set(RO_LAST, wanted.front().step & 1);
        }
        device.cycle();
        if (device.get(RO_DONE)) {
            if (reading.empty()) std::fprintf(stderr, "read-out of nothing\n"), std::exit(1);
            busy[reading.front()] = false;
            reading.pop_front();
        }
        if (ask && device.get(RO_READY)) {
            reading.push_back(wanted.front().set);
            open.push_back(wanted.front().step);
            wanted.pop_front();
        }
        if (acc && second) {
            wanted.push_back({next++, now + DRAIN, set});
            set = 1 - set;
        }
        second = acc && !second;
        if (device.get(RES_VALID)) {
            if (open.empty()) std::fprintf(stderr, "a result of nothing\n"), std::exit(1);
            if (device.get(RES_LAST) != (open.front() & 1))
                std::fprintf(stderr, "`last` in the wrong place\n"), std::exit(1);
            device.take(open.front());
            open.pop_front();
            ++taken;
            quiet = 0;
        } else if (++quiet > PATIENCE) {
            std::fprintf(stderr, "stuck: no result for %d cycles\n", int(PATIENCE));
            std::exit(1);
        }
    }
    return now;
}
