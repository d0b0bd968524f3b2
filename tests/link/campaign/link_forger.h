// SPDX-License-Identifier: Apache-2.0
//
// A peer that is none: it trains as one, and then sends frames whose CRC is right and whose
// contents mostly are not, noise, and whatever else a receiver may meet. It knows of each frame
// whether it is good; only what good frames hold may be delivered, and all that the receiver took
// of it must be.

#pragma once

#include "link_users.h"

namespace sp {

// Makes the beats that a side gets instead of those of its peer.
struct Forger {
    virtual ~Forger() = default;
    virtual void hear(const Beat& beat) = 0;
    virtual bool next(Beat& beat) = 0;
    virtual Breach breach_of(const uint32_t* trailer) = 0;
};

// What is done to a frame that was good.
#define LINK_BREACHES(X)                                                                        \
    X(none) X(data_bit) X(cont_bit) X(poison_first) X(poison_twice) X(ahead) X(behind) X(epoch)  \
    X(kind) X(mark) X(trailer_place) X(skip_place) X(crc) X(train_within) X(two_ends) X(ack)     \
    X(freed) X(empty) X(noise) X(anew)
enum Break {
#define X(name) B_##name,
    LINK_BREACHES(X)
#undef X
    N_BREAKS
};
inline const char* break_name(int n) {
    static const char* const names[] = {
#define X(name) #name,
        LINK_BREACHES(X)
#undef X
    };
    return names[n];
}

struct FrameForger : Forger {
    // Where in its packets the sender stands.
    struct Place {
        uint64_t n[NUM_VC] = {};
        bool open = false;
        Packet packet;
        int unit = 0;  // next unit behind the header
    };
    struct Block {
        bool ctl;
        uint32_t unit[4];
    };

    Vtop& top;
    const Book& book;
    Rng rng;
    std::deque<Beat> queue;
    Place at[1 << 13];      // before the frame with a number
    uint64_t cycles = 0, right_crc = 0, wrong_fields = 0, good = 0, frames = 0;
    uint64_t broken[N_BREAKS] = {};
    unsigned state = DOWN;
    uint32_t expected = 0;  // as far as this side knows
    unsigned nonce = 0, nonce_of = 256;
    Beat train_seen;
    bool heard = false;
    int since_frame = 0;
    int noise_left = 0;
    int pending = 0;        // units sent since the receiver last came to rest
    bool greedy = false;    // does not look at credit, and the user takes nothing
    bool frozen = false;    // acknowledges nothing more
    uint32_t frozen_ack = 0;

    FrameForger(Vtop& t, const Book& b, uint64_t seed) : top(t), book(b), rng(seed) {}

    uint32_t mask() const { return (1u << top.seq_w_o) - 1; }
    Place& place(uint32_t seq) { return at[seq & mask()]; }

    // A beat that the receiver's own side sends.
    void hear(const Beat& beat) override {
        if (!valid_train(beat)) return;
        train_seen = beat;
        heard = true;
    }

    void random_unit(uint32_t* unit) { for (int w = 0; w < 4; w++) unit[w] = uint32_t(rng.next()); }

    // A block of a peer that answers; `anew`: one that begins another training amid frames.
    Beat train(bool anew = false) {
        if (!heard) return nothing();
        const uint32_t* said = train_seen.unit;
        if (field(said, 12, 8) != nonce_of) {
            nonce_of = field(said, 12, 8);
            nonce = (nonce + rng.from(1, 100)) & 255;
        }
        if (anew) nonce = (nonce + 101) & 255;
        const unsigned resume = anew ? rng.below(2) : field(said, 11, 1);
        Beat beat = nothing();
        for (int k = 0; k < K; k++) {
            uint32_t* unit = beat.unit + 4 * k;
            set_field(unit, 0, 4, TRAIN);
            set_field(unit, 4, 2, k);
            set_field(unit, 6, 4, (1 << K) - 1);
            set_field(unit, 10, 1, 1);
            set_field(unit, 11, 1, resume);
            set_field(unit, 12, 8, nonce);
            set_field(unit, 20, 8, nonce_of);
            set_field(unit, 28, 13, top.next_o);
            set_field(unit, 41, 13, 64);
            for (int v = 0; v < NUM_VC; v++) set_field(unit, 54 + 12 * v, 12, 40);
            set_field(unit, 102, 2, field(said, 102, 2));
            set_field(unit, 104, 4, field(said, 104, 4));
            set_field(unit, 108, 4, 1);
            // Now and then a peer that does not fit, or one of another training.
            if (lie == 1) set_field(unit, 104, 4, 15);
            if (lie == 2) set_field(unit, 20, 8, nonce_of + 1);
            if (lie == 3) set_field(unit, 10, 1, 0);
            if (lie == 4) set_field(unit, 108, 4, 2);
            if (lie == 5) set_field(unit, 102, 2, 3);
            set_field(unit, 112, 16, crc16(unit));
        }
        return beat;
    }
    int lie = 0;

    void noise() {
        Beat beat;
        switch (rng.below(4)) {
            case 0:  // anything
                beat.mark = uint32_t(rng.next()) & ((1 << 2 * K) - 1);
                for (uint32_t& word : beat.unit) word = uint32_t(rng.next());
                break;
            case 1:  // units without a frame
                for (int k = 0; k < K; k++) beat.set_mark(k, DATA), random_unit(beat.unit + 4 * k);
                break;
            case 2:  // control blocks of any kind
                beat = nothing();
                for (int k = 0; k < K; k++) {
                    random_unit(beat.unit + 4 * k);
                    if (rng.below(4)) set_field(beat.unit + 4 * k, 0, 4, rng.below(5));
                }
                break;
            default: beat = nothing();
        }
        // A TRAIN block of a random training would be right once in 65,536 times: not here.
        if (beat.all(TRAIN)) beat.flip(0);
        queue.push_back(beat);
    }

    // Contents of a frame that goes on at `p`, as blocks; at most one flit ends in a beat.
    std::vector<Beat> contents(Place& p, int units) {
        std::vector<Beat> beats;
        Beat beat = nothing();
        int k = 0;
        bool ended = false;  // a flit ends in this beat
        auto emit = [&] {
            if (k) beats.push_back(beat);
            beat = nothing();
            k = 0;
            ended = false;
        };
        bool poison = false;
        int fill = p.open ? p.unit % K : 0;  // units of the flit so far
        for (int n = 0; n < units || poison; n++) {
            if (poison) {
                // Beside its unit if there is place, else as the end of a beat that has no other.
                if (k == 0) ended = true;
                beat.unit[4 * k++] = POISON;
                poison = false;
                if (k == K) emit();
                continue;
            }
            // Does this unit end a flit?
            uint32_t unit[4];
            bool ends = false, last = false;
            Place next = p;
            if (!p.open) {
                const int vc = rng.below(NUM_VC);
                next.packet = book.packet(2, vc, p.n[vc]);
                next.n[vc]++;
                next.open = true;
                next.unit = 0;
                std::memcpy(unit, next.packet.hdr, 16);
                fill = 0;
                last = next.packet.units == 0;
                ends = last;
            } else {
                for (int w = 0; w < 4; w++) unit[w] = p.packet.word(p.unit, w);
                next.unit++;
                last = next.unit == p.packet.units;
                ends = last || fill == K - 1;
                fill = ends ? 0 : fill + 1;
            }
            if (ends && ended) {
                emit();
            }
            p = next;
            if (last) p.open = false;
            ended |= ends;
            beat.set_mark(k, DATA);
            std::memcpy(beat.unit + 4 * k++, unit, 16);
            poison = last && p.packet.err;
            if (k == K) emit();
            else if (rng.below(20) == 0) {  // NULL stands anywhere
                if (!(poison && k == K)) k++;
                if (k == K) emit();
            }
        }
        emit();
        return beats;
    }

    void frame() {
        frames++;
        // Back to back the number is what it must be if the last frames were taken.
        const bool known = since_frame > 10;
        if (known) expected = top.expected_o;
        Place p = place(expected);
        const Place start = p;
        // Only good frames fill the buffer up.
        Break how = rng.below(greedy ? 3 : 10) == 0 ? B_none : Break(rng.below(B_anew));
        if (!known && (how == B_ahead || how == B_behind || how == B_empty)) how = B_none;
        if (how == B_noise) {
            noise_left = rng.from(1, 15);
            if (rng.below(40) == 0) noise_left = 400;
            broken[how]++;
            return;
        }
        // Of frames that may be taken the pool alone has room for a flit of each unit.
        int units = rng.from(12, 80);
        if (how == B_none || how == B_ack || how == B_freed) {
            if (known) pending = 0;
            int room = top.shared_o - pending;
            for (int v = 0; v < NUM_VC; v++) room -= top.held_o >> (14 * v) & 0x3FFF;
            if (!greedy) units = room > 0 ? rng.from(0, std::min(room, 40)) : 0;
            pending += units;
        }
        const bool was_open = p.open;
        std::vector<Beat> beats = contents(p, units);
        Beat close = nothing();
        uint32_t* t = close.unit + 4 * (K - 1);
        t[0] = t[1] = t[2] = t[3] = 0;
        bool data = !beats.empty(), cont = was_open && data;
        uint32_t seq = expected;
        unsigned epoch = top.epoch_o;
        Breach breach = NONE;
        bool taken = data;
        auto wrong = [&](Breach b) {
            breach = b;
            taken = false;
        };
        auto some = [&]() -> Beat& { return beats[rng.below(uint32_t(beats.size()))]; };
        uint32_t ack = frozen ? frozen_ack : top.next_o, told = 0;
        bool bad_crc = false;
        if (beats.empty() && (how == B_cont_bit || how == B_poison_twice || how == B_mark ||
                              how == B_two_ends || how == B_poison_first))
            how = B_none;
        if (how == B_skip_place && K == 1) how = B_none;
        if (how == B_trailer_place && K == 1) how = B_none;
        if (how == B_two_ends && (K == 1 || start.open)) how = B_none;
        switch (how) {
            case B_data_bit: data = !data; wrong(ALWAYS); break;
            case B_cont_bit: cont = !cont; wrong(IF_EXPECTED); break;
            case B_poison_first: {
                Beat b = nothing();
                b.unit[0] = POISON;
                beats.insert(beats.begin(), b);
                wrong(IF_EXPECTED);
                break;
            }
            case B_poison_twice: {
                for (int i = 0; i < 2; i++) {
                    Beat b = nothing();
                    b.unit[0] = POISON;
                    beats.push_back(b);
                }
                wrong(IF_EXPECTED);
                break;
            }
            case B_ahead:
                seq = (seq + rng.from(1, int(mask() >> 1))) & mask();
                taken = false;
                break;
            case B_behind:
                seq = (seq - rng.from(1, int(mask() >> 1) + 1)) & mask();
                taken = false;
                break;
            case B_epoch: epoch ^= 1 + rng.below(15); taken = false; break;
            case B_kind: {
                Beat b = nothing();
                b.unit[4 * rng.below(K)] = rng.from(5, 15);
                beats.insert(beats.begin() + rng.below(uint32_t(beats.size() + 1)), b);
                taken = false;
                break;
            }
            case B_mark:
                some().set_mark(rng.below(K), rng.next() & 1 ? 0 : 3);
                taken = false;
                break;
            case B_trailer_place: {
                Beat b = nothing();
                b.unit[4 * rng.below(K - 1 ? K - 1 : 1)] = TRAILER;
                beats.insert(beats.begin(), b);
                taken = false;
                break;
            }
            case B_skip_place: {
                Beat b = nothing();
                b.unit[4 * rng.below(K)] = SKIP;
                beats.insert(beats.begin(), b);
                taken = false;
                break;
            }
            case B_crc: bad_crc = true; taken = false; break;
            case B_two_ends: {
                // Two headers of packets without payload, side by side.
                Beat b = nothing();
                for (int k = 0; k < 2; k++) {
                    b.set_mark(k, DATA);
                    b.unit[4 * k] = uint32_t(k) << 6;
                }
                beats.assign(1, b);
                wrong(IF_EXPECTED);
                break;
            }
            case B_ack: ack = uint32_t(rng.next()) & 0x1FFF; break;
            case B_freed: told = 1; break;
            case B_empty: {
                // A control frame that shows that something is missing, or was.
                beats.clear();
                p = start;
                data = cont = taken = false;
                seq = (seq + rng.from(-2, 2)) & mask();
                break;
            }
            default: break;
        }
        broken[how]++;
        set_field(t, 0, 4, TRAILER);
        set_field(t, 4, 1, data);
        set_field(t, 5, 1, rng.below(8) == 0);
        set_field(t, 6, 1, cont);
        set_field(t, 7, 2, rng.below(4) ? 0 : rng.below(4));
        set_field(t, 9, 4, epoch);
        set_field(t, 13, 13, seq);
        set_field(t, 26, 13, ack);
        // All that has come is freed at once, or so it says.
        for (int v = 0; v < NUM_VC; v++)
            set_field(t, 39 + 14 * v, 14,
                      (top.freed_o >> (14 * v)) + (top.used_o >> (14 * v)) + (told ? 0x1FFF : 0));
        set_field(t, 95, 1, rng.next() & 1);
        beats.push_back(close);
        uint32_t crc = ~0u;
        for (const Beat& b : beats) if (!b.idle()) crc = crc32(crc, b);
        crc = ~crc;
        if (bad_crc) crc ^= 1u << rng.below(32);
        else right_crc += beats.size();
        if (!bad_crc && how != B_none) wrong_fields += beats.size();
        beats.back().unit[WORDS - 1] = crc;
        beats.back().breach = breach;
        for (size_t i = 0; i < beats.size(); i++) {
            queue.push_back(beats[i]);
            if (rng.below(30) == 0) queue.push_back(nothing());
            if (rng.below(60) == 0) {
                Beat skip = nothing();
                for (int k = 0; k < K; k++) skip.unit[4 * k] = SKIP;
                queue.push_back(skip);
            }
            if (how == B_train_within && i == 0) {
                Beat b = train();
                if (b.all(TRAIN)) {
                    // Wrong on each lane: one lane's that is right would be ignored with the rest.
                    for (int k = 0; k < K; k++) b.flip(128 * k + rng.from(112, 127));
                    queue.push_back(b);
                    taken = false;
                }
            }
        }
        if (taken) {
            good++;
            expected = (expected + 1) & mask();
            place(expected) = p;
        }
        // Now and then the receiver comes to rest, so that its number is known.
        if (rng.below(7) == 0) for (int i = 0; i < 12; i++) queue.push_back(nothing());
    }

    // What the last frame breaks that has this trailer, of those on their way to the receiver.
    Breach breach_of(const uint32_t* trailer) override {
        for (size_t i = 0; i < told.size(); i++) {
            if (std::memcmp(told[i].unit + WORDS - 4, trailer, 16)) continue;
            const Breach breach = told[i].breach;
            told.erase(told.begin(), told.begin() + i + 1);
            return breach;
        }
        return NONE;
    }
    std::deque<Beat> told;  // trailers that were sent

    bool next(Beat& beat) override {
        cycles++;
        const unsigned was = state;
        state = top.state_o;
        if (state == DOWN || (state == UP && was != UP)) {
            if (state == DOWN && was != DOWN) {
                // What was accepted is closed; new packets begin behind it.
                Place p = place(last_expected);
                p.open = false;
                place(0) = p;
            }
            queue.clear();
            noise_left = 0;
            since_frame = 0;
            greedy = rng.below(6) == 0;
            frozen = !greedy && rng.below(10) == 0;
            frozen_ack = top.next_o;
        }
        if (state != DOWN) last_expected = top.expected_o;
        if (state == UP && was != UP) expected = top.expected_o;
        if (state != UP) {
            if (rng.below(200) == 0) lie = rng.below(12);
            if (rng.below(20) == 0) noise();
            else queue.push_back(train());
        } else if (queue.empty()) {
            if (noise_left) {
                noise_left--;
                noise();
            } else if (rng.below(20) == 0) {
                for (int i = rng.from(1, 12); i; i--) queue.push_back(nothing());
            } else if (rng.below(300) == 0) {
                queue.push_back(train(true));
                broken[B_anew]++;
            } else {
                frame();
            }
        }
        if (queue.empty()) return false;
        beat = queue.front();
        queue.pop_front();
        if (beat.breach != NONE) told.push_back(beat);
        if (told.size() > 64) told.pop_front();
        since_frame = beat.idle() ? since_frame + 1 : 0;
        return true;
    }
    uint32_t last_expected = 0;  // before the last flush

    // Whether a sink has got what the receiver accepted, and no more. Behind a flush.
    bool delivered(const Sink& sink) {
        const Place& p = place(0);
        for (int v = 0; v < NUM_VC; v++)
            if (!sink.missing[v].empty() || sink.next[v] != p.n[v]) return false;
        return true;
    }
};

}  // namespace sp
