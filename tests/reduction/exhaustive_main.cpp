// SPDX-License-Identifier: Apache-2.0
//
// All pairs of a type of 8 or 16 bits through bit-sliced lanes, against the processor's arithmetic.
//
//   etype=N redop=N saturate=0|1 from=N end=N [table=FILE] [dump=FILE]
//
// Pair number n is {first, second}; from and end are multiples of STEP pairs. FILE table: for a
// type of 8 bits the results of all pairs, a byte each; for FP16 its numbers as FP32. FILE dump:
// the oracle's results, 16 bits each, instead of playing anything. Prints {"pairs", "mismatches",
// "cycles", "first": [a, b, element, got, wanted]}, the last only if there is a mismatch.

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "../common/program.h"
#include "lanes_play.h"
#include "sliced.h"
#include "slices.inc"

namespace {

enum { FP32, BF16, FP16, E4M3, E5M2 };
enum { SUM, MIN, MAX, MINNUM, MAXNUM };

/// Pairs of a step: one a slice.
constexpr int STEP = SLICES;
constexpr int LOG = STEP == 512 ? 9 : STEP == 256 ? 8 : 7;
static_assert(1 << LOG == STEP);
/// Results lie in rows: slice s in row s % 16, at place s / 16.
constexpr int ROWS = 16, PLACES = STEP / ROWS;

struct Task {
    int etype, redop, saturate, width;
    std::vector<uint8_t> results;  // of each pair
    std::vector<float> numbers;    // of each pattern
};

// ------------------------------------------------------------------------------------ oracle

inline float as_float(uint32_t bits) {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

inline uint32_t as_bits(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}

/// To nearest, ties to even; carries make the next binade and infinity.
inline uint32_t round_at(uint32_t bits, int drop) {
    return (bits + ((1u << (drop - 1)) - 1) + ((bits >> drop) & 1)) >> drop;
}

// A sum of two is rounded to 24 bits and then to 8 or 11: that is the same as once, since
// 24 >= 2 * 11 + 2 (Figueroa, "When is double rounding innocuous?"). Where the result is subnormal
// the first sum is exact.
inline uint32_t bf16_of(float value) { return round_at(as_bits(value), 16); }

inline uint32_t fp16_of(float value) {
    const uint32_t bits = as_bits(value), sign = bits >> 16 & 0x8000, mag = bits & 0x7FFFFFFF;
    // below 2^-14 the sum is a multiple of 2^-24, and 0.5 + it has just these places
    const uint32_t tiny = as_bits(as_float(mag) + 0.5f) - as_bits(0.5f);
    const uint32_t usual = round_at(mag - (112u << 23), 13);
    const uint32_t size = mag < (113u << 23) ? tiny : mag >= (143u << 23) ? 0x7C00u : usual;
    return sign | std::min(size, 0x7C00u);
}

template <int ETYPE, int REDOP>
inline uint16_t answer(uint32_t a, uint32_t b, float x, float y) {
    constexpr uint32_t NAN_BITS = ETYPE == BF16 ? 0x7FC0 : 0x7E00;
    const bool x_nan = x != x, y_nan = y != y;
    if constexpr (REDOP == SUM) {
        const float sum = x + y;
        const uint32_t bits = ETYPE == BF16 ? bf16_of(sum) : fp16_of(sum);
        return uint16_t(sum != sum ? NAN_BITS : bits);
    } else {
        constexpr bool least = REDOP == MIN || REDOP == MINNUM;
        constexpr bool passes = REDOP == MINNUM || REDOP == MAXNUM;
        const bool first = least ? x < y : x > y;
        // equal numbers are one pattern, or zeros of both signs: -0 is below +0
        const uint32_t equal = least ? a | b : a & b;
        uint32_t bits = first ? a : x == y ? equal : b;
        if (passes) {
            bits = x_nan ? b : y_nan ? a : bits;
            return uint16_t(x_nan && y_nan ? NAN_BITS : bits);
        }
        return uint16_t(x_nan || y_nan ? NAN_BITS : bits);
    }
}

template <int ETYPE, int REDOP>
void answers_of(const Task& task, uint64_t base, uint16_t* want) {
    for (int r = 0; r < ROWS; ++r) {
        uint32_t a[PLACES], b[PLACES];
        float x[PLACES], y[PLACES];
        for (int c = 0; c < PLACES; ++c) {
            const uint32_t n = uint32_t(base) + uint32_t(c * ROWS + r);
            a[c] = n >> 16;
            b[c] = n & 0xFFFF;
            x[c] = ETYPE == BF16 ? as_float(a[c] << 16) : task.numbers[a[c]];
            y[c] = ETYPE == BF16 ? as_float(b[c] << 16) : task.numbers[b[c]];
        }
        for (int c = 0; c < PLACES; ++c)
            want[r * PLACES + c] = answer<ETYPE, REDOP>(a[c], b[c], x[c], y[c]);
    }
}

template <int ETYPE>
void answers_of(const Task& task, uint64_t base, uint16_t* want) {
    switch (task.redop) {
        case SUM: return answers_of<ETYPE, SUM>(task, base, want);
        case MIN: return answers_of<ETYPE, MIN>(task, base, want);
        case MAX: return answers_of<ETYPE, MAX>(task, base, want);
        case MINNUM: return answers_of<ETYPE, MINNUM>(task, base, want);
        default: return answers_of<ETYPE, MAXNUM>(task, base, want);
    }
}

/// What each slice of a step must give; elements of 8 bits twice.
void answers(const Task& task, uint64_t step, uint16_t* want) {
    const uint64_t base = step * STEP;
    if (task.width == 16) {
        if (task.etype == BF16) answers_of<BF16>(task, base, want);
        else answers_of<FP16>(task, base, want);
        return;
    }
    for (int r = 0; r < ROWS; ++r)
        for (int c = 0; c < PLACES; ++c)
            want[r * PLACES + c] = uint16_t(task.results[base + size_t(c * ROWS + r)] * 0x0101);
}

// ------------------------------------------------------------------------------------ device

/// Turns 16 vectors of bits into rows of 16-bit words: 16 x 16 bits in each place.
void transpose(V* rows) {
    const uint64_t masks[] = {0x00FF00FF00FF00FF, 0x0F0F0F0F0F0F0F0F, 0x3333333333333333,
                              0x5555555555555555};
    int k = 0;
    for (int half = 8; half; half /= 2, ++k) {
        const V mask = V{} + masks[k];
        for (int i = 0; i < 16; ++i) {
            if (i & half) continue;
            const V swap = ((rows[i] >> half) ^ rows[i + half]) & mask;
            rows[i] ^= swap << half;
            rows[i + half] ^= swap;
        }
    }
}

struct Device {
    const Task& task;
    Slices dut;
    V number[LOG];  // bit k of each slice's own number
    uint64_t mismatches = 0, cycles = 0;
    unsigned first[5] = {};

    explicit Device(const Task& of) : task(of) {
        for (int k = 0; k < LOG; ++k)
            for (int s = 0; s < STEP; ++s)
                if (s >> k & 1) number[k][s / 64] |= uint64_t{1} << (s % 64);
                else number[k][s / 64] &= ~(uint64_t{1} << (s % 64));
        const int arith = task.saturate << 6 | task.redop << 3 | task.etype;
        for (int k = 0; k < 7; ++k) {
            dut.in[Slices::acc_arith_i + k] = all(arith >> k & 1);
            dut.in[Slices::ro_arith_i + k] = all(arith >> k & 1);
        }
    }

    static V all(bool bit) { return bit ? ones() : V{}; }

    void set(Port port, bool value) {
        static const int at[] = {Slices::rst_ni,     Slices::acc_valid_i, Slices::acc_set_i,
                                 Slices::acc_first_i, Slices::ro_valid_i,  Slices::ro_set_i,
                                 Slices::ro_last_i};
        dut.in[at[port]] = all(value);
    }

    bool get(Port port) {
        static const int at[] = {Slices::ro_ready_o, Slices::ro_done_o, Slices::res_valid_o,
                                 Slices::res_last_o};
        const V value = dut.out[at[port - RO_READY]];
        if (any(value) && any(~value)) {
            std::fprintf(stderr, "control output %d depends on data\n", int(port));
            std::exit(1);
        }
        return any(value);
    }

    /// Odd elements get the pair the other way round.
    void data(uint64_t step, bool second) {
        for (int bit = 0; bit < Slices::acc_data_i_w; ++bit) {
            const int element = bit / task.width;
            const bool high = second == bool(element & 1);  // the pair's first pattern
            const int k = bit % task.width + (high ? task.width : 0);
            dut.in[Slices::acc_data_i + bit] = k < LOG ? number[k] : all(step >> (k - LOG) & 1);
        }
    }

    void cycle() {
        dut.cycle();
        ++cycles;
    }

    void take(uint64_t step) {
        alignas(64) uint16_t want[STEP];
        answers(task, step, want);
        V wrong{};
        V rows[2][ROWS];
        for (int half = 0; half < 2; ++half) {
            std::memcpy(rows[half], dut.out + Slices::res_data_o + 16 * half, sizeof rows[half]);
            transpose(rows[half]);
            for (int r = 0; r < ROWS; ++r) {
                V wanted;
                std::memcpy(&wanted, want + r * PLACES, sizeof wanted);
                wrong |= rows[half][r] ^ wanted;
            }
        }
        if (any(wrong)) [[unlikely]] blame(step, want, rows);
    }

    void blame(uint64_t step, const uint16_t* want, const V (*rows)[ROWS]) {
        for (int s = 0; s < STEP; ++s) {
            const uint16_t wanted = want[s % ROWS * PLACES + s / ROWS];
            bool bad = false;
            for (int half = 0; half < 2; ++half) {
                uint16_t words[PLACES];
                std::memcpy(words, &rows[half][s % ROWS], sizeof words);
                for (int at = 0; at < 16; at += task.width) {
                    const unsigned mask = (1u << task.width) - 1;
                    const unsigned got = words[s / ROWS] >> at & mask;
                    if (got == (wanted & mask)) continue;
                    if (!mismatches && !bad) {
                        const uint64_t n = step * STEP + uint64_t(s);
                        const unsigned found[] = {unsigned(n >> task.width), unsigned(n & mask),
                                                  unsigned((16 * half + at) / task.width), got,
                                                  wanted & mask};
                        std::copy(found, found + 5, first);
                    }
                    bad = true;
                }
            }
            mismatches += bad;
        }
    }
};

/// What a function of two bytes, or of a number of 16 bits, gives for each.
template <class T>
std::vector<T> table(const std::string& path) {
    auto values = program::read<T>(path);
    if (values.size() != size_t{1} << 16) program::fail("use the table in", path);
    return values;
}

}  // namespace

int main(int argc, char** argv) {
    auto given = program::arguments(argc, argv);
    const auto number = [&](const char* name) { return std::stoull(given[name]); };
    Task task{int(number("etype")), int(number("redop")), int(number("saturate")), 16, {}, {}};
    if (task.etype == E4M3 || task.etype == E5M2) {
        task.width = 8;
        task.results = table<uint8_t>(given["table"]);
    } else if (task.etype == FP16) {
        task.numbers = table<float>(given["table"]);
    } else if (task.etype != BF16) {
        std::fprintf(stderr, "etype=%d has no pairs to play\n", task.etype);
        return 1;
    }
    const uint64_t from = number("from"), end = number("end");
    if (from % STEP || end % STEP || from >= end || end > uint64_t{1} << 2 * task.width) {
        std::fprintf(stderr, "from and end are no multiples of %d in order\n", STEP);
        return 1;
    }
    if (!given["dump"].empty()) {
        std::ofstream out(given["dump"], std::ios::binary);
        for (uint64_t step = from / STEP; step < end / STEP; ++step) {
            uint16_t want[STEP], flat[STEP];
            answers(task, step, want);
            for (int s = 0; s < STEP; ++s) flat[s] = want[s % ROWS * PLACES + s / ROWS];
            out.write(reinterpret_cast<const char*>(flat), sizeof flat);
        }
        return out.flush() ? 0 : 1;
    }
    Device device(task);
    play(device, from / STEP, end / STEP);
    std::printf("{\"pairs\": %llu, \"mismatches\": %llu, \"cycles\": %llu",
                static_cast<unsigned long long>(end - from),
                static_cast<unsigned long long>(device.mismatches),
                static_cast<unsigned long long>(device.cycles));
    if (device.mismatches)
        std::printf(", \"first\": [%u, %u, %u, %u, %u]", device.first[0], device.first[1],
                    device.first[2], device.first[3], device.first[4]);
    std::printf("}\n");
    return 0;
}
