// SPDX-License-Identifier: Apache-2.0
//
// What both ends of a link put on the wire, written from docs/link.md and not from the RTL; and a
// wire that does to it whatever it likes. Everything random comes from one seed.

#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "Vtop.h"

namespace sp {

// Blocks of a beat, from the width of the port.
constexpr int K = sizeof(decltype(Vtop::rx_unit_i)) / 16;
constexpr int WORDS = 4 * K;
constexpr unsigned DATA = 1, CTRL = 2;
enum Kind { NUL = 0, TRAILER = 1, TRAIN = 2, SKIP = 3, POISON = 4 };
enum State { DOWN, TRAINING, UP, RETRAIN, FLUSH };

inline uint64_t mix(uint64_t x) {
    x = (x ^ (x >> 31)) * 0x9FB21C651E98DF25u;
    x = (x ^ (x >> 29)) * 0xD6E8FEB86659FD93u;
    x = (x ^ (x >> 33)) * 0xA0761D6478BD642Fu;
    return x ^ (x >> 30);
}

struct Rng {
    uint64_t at;
    explicit Rng(uint64_t seed) : at(mix(seed + 0x1234567)) {}
    uint64_t next() { return mix(at += 0x9E3779B97F4A7C15u); }
    uint32_t below(uint32_t n) { return (uint64_t(uint32_t(next())) * n) >> 32; }
    int from(int low, int high) { return low + int(below(uint32_t(high - low + 1))); }
    // How often in 2^32.
    bool rarely(uint32_t p) { return p && uint32_t(next()) < p; }
};

inline uint32_t share(double p) { return p >= 1 ? 0xFFFFFFFFu : uint32_t(p * 4294967296.0); }

// What a forged frame breaks, told with its trailer to who judges it.
enum Breach : uint8_t { NONE, IF_EXPECTED, ALWAYS };

struct Beat {
    uint32_t mark = 0;  // block k in bits 2k+1:2k
    uint32_t unit[WORDS] = {};
    Breach breach = NONE;

    unsigned marked(int k) const { return mark >> (2 * k) & 3; }
    unsigned kind(int k) const { return unit[4 * k] & 15; }
    bool ctl(int k, unsigned what) const { return marked(k) == CTRL && kind(k) == what; }
    void set_mark(int k, unsigned m) { mark = (mark & ~(3u << (2 * k))) | m << (2 * k); }
    void flip(int bit) {  // of K times 130: first the units, then the marks
        if (bit < 128 * K) unit[bit / 32] ^= 1u << (bit % 32);
        else mark ^= 1u << (bit - 128 * K);
    }
    bool all(unsigned what) const {
        for (int k = 0; k < K; k++) if (!ctl(k, what)) return false;
        return true;
    }
    bool idle() const { return all(NUL) || all(SKIP); }
    bool closing() const { return ctl(K - 1, TRAILER); }
    // Of blocks that come over few lanes: the end of a frame lies on any of them.
    bool any(unsigned what) const {
        for (int k = 0; k < K; k++) if (ctl(k, what)) return true;
        return false;
    }
    void copy(int k, const Beat& from) {
        set_mark(k, from.marked(k));
        std::memcpy(unit + 4 * k, from.unit + 4 * k, 16);
    }
};

constexpr uint32_t ALL_LANES = (1u << K) - 1;

inline Beat nothing() {
    Beat beat;
    for (int k = 0; k < K; k++) beat.set_mark(k, CTRL);
    return beat;
}

// A field of a unit: bits low+width-1:low.
inline uint64_t field(const uint32_t* unit, int low, int width) {
    uint64_t value = 0;
    for (int i = 0; i < width; i++)
        value |= uint64_t(unit[(low + i) / 32] >> ((low + i) % 32) & 1) << i;
    return value;
}

inline void set_field(uint32_t* unit, int low, int width, uint64_t value) {
    for (int i = 0; i < width; i++) {
        const uint32_t bit = 1u << ((low + i) % 32);
        uint32_t& word = unit[(low + i) / 32];
        word = (value >> i & 1) ? word | bit : word & ~bit;
    }
}

// CRC-32 over a block: 1 for control, then bits 127:0, one after the other.
inline uint32_t crc32(uint32_t crc, bool control, const uint32_t* unit) {
    crc = (crc << 1) ^ (((crc >> 31) ^ control) ? 0x741B8CD7u : 0);
    for (int w = 3; w >= 0; w--)
        for (int b = 31; b >= 0; b--)
            crc = (crc << 1) ^ ((((crc >> 31) ^ (unit[w] >> b)) & 1) ? 0x741B8CD7u : 0);
    return crc;
}

// Over a beat; the trailer with zeros for `crc`.
inline uint32_t crc32(uint32_t crc, const Beat& beat) {
    for (int k = 0; k < K; k++) {
        uint32_t unit[4];
        std::memcpy(unit, beat.unit + 4 * k, 16);
        if (k == K - 1 && beat.closing()) unit[3] = 0;
        crc = crc32(crc, beat.marked(k) != DATA, unit);
    }
    return crc;
}

inline uint16_t crc16(const uint32_t* unit) {
    uint16_t crc = 0xFFFF;
    for (int b = 111; b >= 0; b--) {
        const unsigned bit = unit[b / 32] >> (b % 32) & 1;
        crc = uint16_t(crc << 1) ^ (((crc >> 15) ^ bit) ? 0x3D65 : 0);
    }
    return uint16_t(~crc);
}

// TRAIN blocks on every lane, each as it must be.
inline bool valid_train(const Beat& beat) {
    for (int k = 0; k < K; k++) {
        const uint32_t* unit = beat.unit + 4 * k;
        if (!beat.ctl(k, TRAIN) || field(unit, 4, 2) != unsigned(k)) return false;
        if (field(unit, 112, 16) != crc16(unit)) return false;
    }
    return true;
}

// ------------------------------------------------------------------------------------------- wire

// What happens on a wire, on one of its lanes and at its ends; each is counted when it begins.
// inject: a wrong bit of the port's own injector. slip: one clock has a cycle more than the other.
#define LINK_FAULTS(X)                                                                        \
    X(flip) X(burst) X(lose) X(drop) X(damage) X(twice) X(truncate) X(delay) X(cut) X(flap)   \
    X(storm) X(skip) X(gap) X(lane_dies) X(lane_flaps) X(lane_skew) X(inject) X(slip)         \
    X(stall) X(hold) X(pause)
enum Fault {
#define X(name) F_##name,
    LINK_FAULTS(X)
#undef X
    N_FAULTS
};
inline const char* fault_name(int n) {
    static const char* const names[] = {
#define X(name) #name,
        LINK_FAULTS(X)
#undef X
    };
    return names[n];
}

// How often in 2^32: per beat, per frame (drop, damage: a wrong bit in its
// first beat, twice, truncate, delay), per SKIP, per cycle.
struct Rates {
    uint32_t p[N_FAULTS] = {};
    int cut_short = 0, cut_long = 0;  // cycles of a cut, from and to
};

// On the clock of its sender. What leaves the sender in a cycle is called a beat here too when it
// is spread over few lanes; its frames are told by their trailers, wherever these stand.
struct Wire {
    struct Slot {
        uint64_t when;
        uint32_t lanes;        // on which there is something
        Beat beat;
    };
    static constexpr int MAX_SKEW = 8;
    Rng rng;
    Rates rates;
    int latency = 0;
    uint64_t injected[N_FAULTS] = {};
    uint64_t frames = 0;       // that entered
    bool cut = false;          // from outside
    uint32_t dead = 0;         // lanes, from outside
    std::vector<Slot> ring;
    uint64_t first = 0, last = 0;
    std::vector<Beat> frame;   // that is on its way in
    bool in_frame = false, dropping = false, doubling = false;
    int keep = -1;             // beats of a frame that stay when it is truncated
    uint64_t late = 0;
    uint64_t dark_until = 0, storm_until = 0;
    int flaps = 0;
    uint64_t flap_at = 0, flap_for = 0;
    struct Lane {
        uint64_t dark_until = 0;
        bool noisy = false;    // dark: it brings noise, else nothing
        int flaps = 0;
        uint64_t flap_at = 0, flap_for = 0;
        int skew = 0;
    } lane[K];
    bool lanes_fail = false;   // one may be dark
    bool lanes_skewed = false;
    Slot past[MAX_SKEW + 1];   // what left, by cycle
    uint64_t cycle = 0;

    explicit Wire(uint64_t seed) : rng(seed), ring(1 << 15) {}

    bool hit(Fault f) {
        if (!rng.rarely(rates.p[f])) return false;
        injected[f]++;
        return true;
    }
    uint64_t size() const { return last - first; }
    // It is not behind: what is on it left the sender no longer ago than its latency.
    bool on_time() const { return late == 0 && size() <= uint64_t(latency) + 1; }
    // It has fallen behind so far that it drops whole frames.
    bool full() const { return size() > uint64_t(latency) + 600; }
    void push(uint64_t when, const Beat& beat, uint32_t lanes = ALL_LANES) {
        if (size() == ring.size()) {
            std::fprintf(stderr, "a wire overflows\n");
            std::exit(3);
        }
        ring[last++ % ring.size()] = {when, lanes, beat};
    }
    // No fault goes on; lanes stay apart as they are.
    void heal() {
        cut = false;
        dead = 0;
        dark_until = storm_until = 0;
        flaps = 0;
        for (Lane& l : lane) l.dark_until = 0, l.flaps = 0;
        lanes_fail = false;
    }

    // A beat leaves the sender.
    void enter(uint64_t now, Beat beat) {
        const bool idle = beat.idle(), train = beat.all(TRAIN), closing = beat.any(TRAILER);
        bool gone = false;
        if (train) in_frame = false;
        if (!idle && !train && !in_frame) {
            in_frame = true;
            frame.clear();
            frames++;
            dropping = hit(F_drop);
            if (!dropping && full()) dropping = true, injected[F_drop]++;
            doubling = !dropping && hit(F_twice);
            keep = !dropping && !doubling && hit(F_truncate) ? rng.from(0, 6) : -1;
            if (!dropping && hit(F_damage)) beat.flip(128 * K - 1 - rng.below(64));
            if (!dropping && hit(F_delay)) late += rng.from(1, 300);
        }
        const uint64_t when = now + latency + late;
        if (in_frame && !idle && doubling) frame.push_back(beat);
        if (in_frame && !idle && keep >= 0 && (closing || keep-- == 0)) {
            keep = 0;  // from here to the trailer, and that too
            gone = true;
        }
        if (hit(F_flip)) beat.flip(rng.below(130 * K));
        if (hit(F_burst) || now < storm_until) burst(beat);
        if (hit(F_lose)) gone = true;
        if (hit(F_cut)) dark_until = now + rng.from(rates.cut_short, rates.cut_long);
        if (hit(F_storm)) storm_until = now + rng.from(20, 600);
        if (hit(F_flap)) {
            flaps = rng.from(3, 8);
            flap_for = rng.from(5, 200);
            flap_at = now;
        }
        if (flaps && now >= flap_at) {
            dark_until = now + flap_for;
            flap_at = now + 2 * flap_for;
            flaps--;
        }
        if (cut || now < dark_until) gone = true;
        if (dropping && in_frame && !idle) gone = true;
        const bool skip = beat.all(SKIP) && hit(F_skip);
        if (skip && (rng.next() & 1)) gone = true;
        else if (skip) push(when, beat);
        // Idle beats and half of training make up for what came twice or late.
        if ((idle || (train && (now & 1))) && size() && ring[first % ring.size()].when < now)
            gone = true;
        if (late && idle && !in_frame) late--;
        const uint32_t lanes = K > 1 ? over_lanes(now, beat) : ALL_LANES;
        if (!gone) push(when, beat, lanes);
        if (in_frame && closing) {
            if (doubling && now >= dark_until && !cut)
                for (const Beat& again : frame) push(when, again, lanes);
            in_frame = dropping = doubling = false;
            keep = -1;
        }
    }

    // What happens to single lanes; those on which there is something.
    uint32_t over_lanes(uint64_t now, Beat& beat) {
        if (hit(F_lane_dies)) {
            // One, or two at once; long enough for the link to go on without it.
            const int n = 1 + (rng.below(4) == 0);
            for (int i = 0; i < n; i++) {
                Lane& l = lane[rng.below(K)];
                l.dark_until = now + rng.from(1500, 8000);
                l.noisy = rng.next() & 1;
            }
            lanes_fail = true;
        }
        if (hit(F_lane_flaps)) {
            Lane& l = lane[rng.below(K)];
            l.flaps = rng.from(3, 8);
            l.flap_for = rng.from(5, 200);
            l.flap_at = now;
            l.noisy = rng.next() & 1;
            lanes_fail = true;
        }
        if (hit(F_lane_skew)) {
            // The lanes are at most MAX_SKEW apart. What was on its way on it is gone: no frame
            // comes twice on it behind a newer one.
            const int k = rng.below(K);
            lane[k].skew = rng.from(0, MAX_SKEW);
            for (Slot& slot : past) slot.lanes &= ~(1u << k);
            lanes_skewed = true;
        }
        uint32_t lanes = ALL_LANES & ~dead;
        if (!lanes_fail) return lanes;
        for (int k = 0; k < K; k++) {
            Lane& l = lane[k];
            if (l.flaps && now >= l.flap_at) {
                l.dark_until = now + l.flap_for;
                l.flap_at = now + 2 * l.flap_for;
                l.flaps--;
            }
            if (now >= l.dark_until) continue;
            if (l.noisy) noise(beat, k);
            else lanes &= ~(1u << k);
        }
        return lanes;
    }

    // Anything, but no TRAIN block: one of a random training would be right once in 65,536 times.
    void noise(Beat& beat, int k) {
        for (int w = 0; w < 4; w++) beat.unit[4 * k + w] = uint32_t(rng.next());
        beat.set_mark(k, rng.below(4));
        if (beat.ctl(k, TRAIN)) beat.unit[4 * k] &= ~15u;
    }

    // At most 32 wrong bits in a row; in a TRAIN block 16, which its CRC always finds.
    void burst(Beat& beat) {
        const int k = rng.below(K);
        const int length = beat.ctl(k, TRAIN) ? rng.from(2, 16) : rng.from(2, 32);
        const int low = rng.below(128 - length);
        for (int b = 0; b < length; b++)
            if (b == 0 || b == length - 1 || (rng.next() & 1)) beat.flip(128 * k + low + b);
    }

    // What comes to the receiver; the lanes on which there is something.
    uint32_t leave(uint64_t now, Beat& beat) {
        Slot& slot = past[cycle++ % (MAX_SKEW + 1)];
        slot.lanes = 0;
        if (size() && ring[first % ring.size()].when <= now && !hit(F_gap))
            slot = ring[first++ % ring.size()];
        if (!lanes_skewed) {
            if (slot.lanes) beat = slot.beat;
            return slot.lanes;
        }
        uint32_t lanes = 0;
        for (int k = 0; k < K; k++) {
            const uint64_t at = cycle + MAX_SKEW - lane[k].skew;
            const Slot& then = past[at % (MAX_SKEW + 1)];
            beat.copy(k, then.beat);
            lanes |= then.lanes & 1u << k;
        }
        return lanes;
    }
};

// --------------------------------------------------------------------------------------- receiver

// What a receiver must say of each beat, two cycles later (docs/link.md, "Frames", "Retry"). Whether
// the contents of a frame keep to the page is known to who made it, and comes with its trailer.
struct Judge {
    struct Verdict {
        bool damaged = false, crc = false, epoch = false, frame = false, duplicate = false,
             ahead = false, malformed = false;
    };
    struct Stage {
        bool valid = false, closing = false, broken = false, train = false;
        Beat beat;
    };
    Stage a, b;
    bool crc_ok = false, b_closing = false, b_broken = false;
    uint32_t crc = ~0u, expected = 0;
    bool broken = false;

    // One cycle: verdict on what came two cycles ago, then the clock.
    Verdict cycle(unsigned state, unsigned epoch, unsigned seq_w, bool over, const Beat* came) {
        const bool up = state == UP;
        const uint32_t* t = b.beat.unit + 4 * (K - 1);
        Verdict v;
        if (b_closing) {
            v.damaged = b_broken;
            v.crc = !b_broken && !crc_ok;
            if (!v.damaged && !v.crc) {
                v.epoch = field(t, 9, 4) != epoch;
                if (!v.epoch && up) {
                    const uint32_t mask = (1u << seq_w) - 1;
                    const uint32_t gap = (field(t, 13, 13) - expected) & mask;
                    const bool data = field(t, 4, 1);
                    v.malformed = b.beat.breach == ALWAYS ||
                                  (b.beat.breach == IF_EXPECTED && data && gap == 0);
                    const bool good = !v.malformed;
                    v.frame = good && data && gap == 0 && !over;
                    v.duplicate = good && data && gap >> (seq_w - 1);
                    v.ahead = good && gap != 0 && !(gap >> (seq_w - 1));
                    if (v.frame) expected = (expected + 1) & mask;
                }
            }
        }
        if (state == DOWN) expected = 0;
        // The frame so far, with the beat of the last cycle.
        broken |= a.broken || (a.train && !valid_train(a.beat));
        b = a;
        b_closing = up && a.valid && a.closing;
        b_broken = broken;
        if (a.valid) {
            crc = crc32(crc, a.beat);
            crc_ok = crc == ~a.beat.unit[WORDS - 1];
            if (a.closing) {
                crc = ~0u;
                broken = false;
            }
        }
        if (!up) {
            crc = ~0u;
            broken = false;
        }
        a = Stage();
        if (came && up) {
            a.beat = *came;
            a.train = came->all(TRAIN);
            a.valid = !came->idle() && !a.train;
            a.closing = came->closing();
            for (int k = 0; k < K && a.valid; k++) {
                const bool fits = came->marked(k) == DATA || came->ctl(k, NUL) ||
                                  came->ctl(k, POISON) || (came->ctl(k, TRAILER) && k == K - 1);
                if (!fits) a.broken = true;
            }
        }
        return v;
    }
};

}  // namespace sp
