// SPDX-License-Identifier: Apache-2.0
//
// Users of a link: packets that follow from (seed, side, VC, number) alone, so that who gets one
// knows each of its bits from the number in its header, whatever was lost before it.

#pragma once

#include <deque>
#include <map>

#include "link_wire.h"

namespace sp {

constexpr int NUM_VC = 4;

enum Shape { MIXED, LONGEST, SHORTEST, ANY, FULL };  // FULL: 256 bytes, nothing else

struct Packet {
    uint64_t key;
    uint32_t hdr[4];
    int vc, units, flits;
    bool err;
    uint32_t word(int unit, int w) const { return uint32_t(mix(key + 4 * unit + w + 1)); }
};

inline int flits_of(int units) { return units ? (units + K - 1) / K : 1; }

// What each packet is. Lengths change every 512 packets of a VC.
struct Book {
    uint64_t seed;
    int shape = -1;  // always this one

    Packet packet(int side, int vc, uint64_t n) const {
        Packet p;
        p.key = mix(mix(seed) + (uint64_t(side) << 62) + (uint64_t(vc) << 60) + n * 128);
        const uint64_t h = mix(p.key);
        const int how = shape >= 0 ? shape
                                   : int(mix(seed + side * 8 + vc + (n >> 9) * 64) % 4);
        int length = (h >> 8) % 17;
        if (how == MIXED && (h >> 20 & 3) == 0) length = 0;
        if (how == MIXED && (h >> 20 & 3) == 1) length = 16;
        if (how == LONGEST || how == FULL) length = 16;
        if (how == SHORTEST) length = 0;
        unsigned ext = (h >> 24) % 5 == 0 ? h >> 28 & 7 : 0;
        p.err = (h >> 32) % 20 == 0;
        if (how == FULL) ext = 0, p.err = false;
        for (int w = 0; w < 4; w++) p.hdr[w] = uint32_t(mix(p.key - 1 - w));
        set_field(p.hdr, 6, 2, vc);
        // More than 16 counts as 16.
        set_field(p.hdr, 48, 5, length == 16 && how != FULL ? 16 | (h >> 40 & 15) : length);
        set_field(p.hdr, 59, 3, ext);
        set_field(p.hdr, 64, 40, n);
        p.vc = vc;
        p.units = length + __builtin_popcount(ext);
        p.flits = flits_of(p.units);
        return p;
    }
};

// How a source and a sink behave for a while.
struct Mood {
    uint32_t start = ~0u;    // how often in 2^32 a packet starts
    uint32_t inside = 0;     // how often it pauses in a packet
    uint32_t impolite = 0;   // how often it does not look at room
    unsigned vcs = 15;       // on which VCs it sends
    uint32_t stall = 0, stall_long = 0;
    uint32_t hold = 0;       // how often a VC is held, for a while
};

struct Source {
    const Book& book;
    int side;
    Rng rng;
    Mood mood;
    uint64_t injected[N_FAULTS] = {};
    uint64_t sent[NUM_VC] = {};      // packets begun
    uint64_t flits = 0;
    bool stop = false, valid = false, inside = false;
    Packet now;
    int beat = 0;
    uint64_t pause_until = 0;
    uint64_t owed = 0;               // with arrivals of their own: packets that wait
    uint32_t arrivals = 0;
    std::deque<uint64_t> arrived;    // when, of those that wait
    std::deque<uint64_t> begun[NUM_VC];  // when, of those on their way; only if `timed`
    bool timed = false;

    Source(const Book& b, int s, uint64_t seed) : book(b), side(s), rng(seed) {}

    bool idle() const { return !valid && !inside; }

    void drive(Vtop& top, uint64_t cycle) {
        if (arrivals && rng.rarely(arrivals)) arrived.push_back(cycle);
        if (!valid && inside) {
            if (!rng.rarely(mood.inside)) valid = true;
        } else if (!valid && !stop && cycle >= pause_until) {
            const bool may = arrivals ? !arrived.empty()
                                      : mood.start == ~0u || rng.rarely(mood.start);
            const int vc = rng.below(NUM_VC);
            const bool room = (top.s_vc_room_o >> vc & 1) || rng.rarely(mood.impolite);
            if (may && room && (mood.vcs >> vc & 1)) {
                now = book.packet(side, vc, sent[vc]++);
                beat = 0;
                valid = true;
                if (timed) begun[vc].push_back(arrivals ? arrived.front() : cycle);
                if (arrivals) arrived.pop_front();
            }
            if (mood.start != ~0u && rng.rarely(mood.start >> 6)) {
                pause_until = cycle + rng.from(50, 500);
                injected[F_pause]++;
            }
        }
        top.s_tvalid_i = valid;
        if (!valid) return;
        const bool last = beat == now.flits - 1;
        top.s_tlast_i = last;
        for (int w = 0; w < 4; w++) top.s_tuser_i[w] = now.hdr[w];
        top.s_tuser_i[4] = last && now.err;
        for (int w = 0; w < WORDS; w++)
            top.s_tdata_i[w] = now.word(beat * K + w / 4, w % 4);
    }

    void clock(const Vtop& top) {
        if (!valid || !top.s_tready_o) return;
        flits++;
        beat++;
        inside = beat < now.flits;
        valid = inside && !rng.rarely(mood.inside);
    }
};

// Numbers that did not come, as runs: a link that was down may have lost millions in a row.
class Gaps {
public:
    // Add begin .. end - 1, which lie behind all that are here.
    void add(uint64_t begin, uint64_t end) {
        if (begin == end) return;
        runs[begin] = end;
        total += end - begin;
    }
    // Take one out; false if it is not here.
    bool erase(uint64_t n) {
        auto run = runs.upper_bound(n);
        if (run == runs.begin() || (--run)->second <= n) return false;
        const uint64_t end = run->second;
        if (run->first == n) runs.erase(run);
        else run->second = n;
        if (n + 1 < end) runs[n + 1] = end;
        total--;
        return true;
    }
    void clear() {
        runs.clear();
        total = 0;
    }
    uint64_t size() const { return total; }
    bool empty() const { return total == 0; }

private:
    std::map<uint64_t, uint64_t> runs;  // begin to end, which is behind the last
    uint64_t total = 0;
};

struct Sink {
    const Book& book;
    int from;                 // side that sent
    Rng rng;
    Mood mood;
    Source* source = nullptr; // for times
    uint64_t injected[N_FAULTS] = {};
    uint64_t next[NUM_VC] = {}, flits = 0, packets = 0;
    uint64_t duplicated = 0, reordered = 0, corrupted = 0, cut = 0;
    Gaps missing[NUM_VC];
    bool may_cut = false;     // the link goes down: packets end early, with zeros and a mark
    bool ready = false, inside = false, zeros = false;
    Packet now;
    int beat = 0;
    unsigned held = 0;
    uint64_t stall_until = 0, hold_until[NUM_VC] = {};
    bool open = false;        // takes everything
    bool blocked = false;     // takes nothing
    std::vector<uint32_t> latency;
    std::string wrong;        // the first thing that was wrong

    Sink(const Book& b, int f, uint64_t seed) : book(b), from(f), rng(seed) {}

    void drive(Vtop& top, uint64_t cycle) {
        if (mood.stall_long && rng.rarely(mood.stall_long)) {
            stall_until = cycle + rng.from(20, 400);
            injected[F_stall]++;
        }
        ready = !blocked && (open || (cycle >= stall_until && !rng.rarely(mood.stall)));
        unsigned room = 0;
        for (int v = 0; v < NUM_VC; v++) {
            if (mood.hold && rng.rarely(mood.hold)) {
                hold_until[v] = cycle + rng.from(20, 1500);
                injected[F_hold]++;
            }
            if (open || cycle >= hold_until[v]) room |= 1u << v;
        }
        top.m_tready_i = ready;
        top.m_vc_room_i = room;
    }

    void bad(uint64_t& count, const char* what, int vc, uint64_t n) {
        count++;
        if (!wrong.empty()) return;
        char text[160];
        std::snprintf(text, sizeof text, "%s: from side %d, VC %d, packet %llu, next %llu", what,
                      from, vc, (unsigned long long)n, (unsigned long long)next[vc]);
        wrong = text;
    }

    void clock(const Vtop& top, uint64_t cycle) {
        if (!top.m_tvalid_o || !ready) return;
        flits++;
        uint32_t hdr[5];
        for (int w = 0; w < 5; w++) hdr[w] = top.m_tuser_o[w];
        if (!inside) {
            const int vc = field(hdr, 6, 2);
            const uint64_t n = field(hdr, 64, 40);
            now = book.packet(from, vc, n);
            if (std::memcmp(now.hdr, hdr, 16)) {
                bad(corrupted, "header", vc, n);
            } else if (n < next[vc]) {
                if (missing[vc].erase(n)) bad(reordered, "reordered", vc, n);
                else bad(duplicated, "duplicated", vc, n);
            } else {
                // In a link that does not go down this is caught at the end, if not before.
                missing[vc].add(next[vc], n);
                next[vc] = n + 1;
            }
            if (source && source->timed) {
                latency.push_back(uint32_t(cycle - source->begun[vc].front()));
                source->begun[vc].pop_front();
            }
            packets++;
            beat = 0;
            zeros = false;
        }
        const bool last = top.m_tlast_o, err = hdr[4] & 1;
        bool same = last == (beat == now.flits - 1);
        for (int w = 0; w < WORDS && beat * K + w / 4 < now.units; w++) {
            const uint32_t want = now.word(beat * K + w / 4, w % 4), got = top.m_tdata_o[w];
            if (want == got && !zeros) continue;
            if (got != 0 || !may_cut) same = false;
            else zeros = true;
        }
        if (last && zeros) {
            if (!err) same = false;
            cut++;
        } else if (last && err != now.err) {
            if (may_cut && err) cut++;  // its end alone was lost, and that held zeros or nothing
            else same = false;
        }
        if (!same) bad(corrupted, "contents", now.vc, field(now.hdr, 64, 40));
        beat++;
        inside = !last;
    }

    uint64_t lost(const Source& sender) const {
        uint64_t count = 0;
        for (int v = 0; v < NUM_VC; v++) count += missing[v].size() + (sender.sent[v] - next[v]);
        return count;
    }
};

}  // namespace sp
