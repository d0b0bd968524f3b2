// SPDX-License-Identifier: Apache-2.0
//
// Two links, the wires between them and their users; what is asked for is on the command line as
// name=value, what was found is one line of JSON. ci/link_campaign.py builds it.

#include <algorithm>
#include <chrono>
#include <ctime>
#include <deque>
#include <map>
#include <memory>

#include "link_forger.h"
#include "verilated.h"
#if VM_COVERAGE
#include "verilated_cov.h"
#endif

using namespace sp;

namespace {

// Events of sp_link, bit 0 first: the fields of events_t, last one first.
#define LINK_EVENTS(X)                                                                          \
    X(dropped) X(length) X(peer) X(aged) X(dead) X(flush) X(retrain) X(rx_over) X(rx_epoch)      \
    X(rx_malformed) X(rx_crc) X(rx_damaged) X(rx_ahead) X(rx_duplicate) X(rx_frame) X(freed_bad) \
    X(ack_bad) X(nack_old) X(nacked) X(replay_timeout) X(replay) X(tx_nack) X(tx_control)        \
    X(tx_again) X(tx_frame)
enum Event {
#define X(name) E_##name,
    LINK_EVENTS(X)
#undef X
    N_EVENTS
};
const char* const EVENT_NAMES[] = {
#define X(name) #name,
    LINK_EVENTS(X)
#undef X
};

std::map<std::string, std::string> options;

long long option(const char* name, long long otherwise) {
    const auto found = options.find(name);
    return found == options.end() ? otherwise : std::strtoll(found->second.c_str(), nullptr, 0);
}

double fraction(const char* name, double otherwise) {
    const auto found = options.find(name);
    return found == options.end() ? otherwise : std::strtod(found->second.c_str(), nullptr);
}

// More cycles than lanes and clocks keep a beat.
constexpr uint64_t LONGEST_WAY = 64;

struct Side {
    std::unique_ptr<Vtop> top;
    Source source;
    Sink sink;    // of what the other side sent
    Wire wire;    // from this side
    Judge judge;
    uint64_t events[N_EVENTS] = {};
    uint64_t lost = 0;
    uint64_t cycles = 0;         // of its clock
    uint64_t bad_trailers = 0;   // frames that the judge refused
    uint64_t clocked[3] = {};    // between the clocks: dropped, overflow; of beats: shifted
    uint64_t absent = 0;         // times that nothing came where something was due
    std::deque<uint64_t> closing_at;  // when trailers came that the link has not heard yet
    uint64_t crossings = 0, crossed = 0;  // trailers heard, and the cycles that took in all

    Side(VerilatedContext* context, const Book& book, int n, uint64_t seed)
        : top(new Vtop(context, n ? "side1" : "side0")),
          source(book, n, mix(seed + 10 + n)),
          sink(book, 1 - n, mix(seed + 20 + n)),
          wire(mix(seed + 30 + n)) {}
};

struct Pair {
    VerilatedContext context;
    uint64_t seed;
    Book book;
    Rng rng;
    std::unique_ptr<Side> side[2];
    uint64_t now = 0;
    uint64_t slips = 0;
    int drift = 0;  // ppm by which the clock of side 1 is slower
    int phase = 0;  // in 10^-6 cycles
    bool judging = true;
    Forger* forger = nullptr;  // of what side 0 gets
    uint64_t rx_states[256] = {};  // of side 0 in UP, while there is a forger
    uint64_t states[5] = {};       // of side 0, while there is one
    Sink* forged = nullptr;  // what side 0 hands on is of this sender

    explicit Pair(uint64_t s) : seed(s), book{mix(s)}, rng(mix(s) + 99) {
        context.randReset(2);
        context.randSeed(int(seed & 0x7FFFFFFF) | 1);
    }

    void make(int argc, char** argv) {
        context.commandArgs(argc, argv);
        for (int n = 0; n < 2; n++) side[n].reset(new Side(&context, book, n, mix(seed)));
        for (int n = 0; n < 2; n++) {
            Vtop& top = *side[n]->top;
            top.clk_i = 0;
            top.rx_clk_i = 0;
            top.rst_ni = 0;
            top.enable_i = 1;
            top.policy_i = 0;
            top.hold_cycles_i = 200;
            top.train_beats_i = 8;
            top.inject_rate_i = 0;
            top.inject_shot_i = 0;
            top.inject_load_i = 1;
            top.inject_seed_i = uint32_t(mix(mix(seed) + 40 + n));
            top.skip_beats_i = option("skip_beats", 97);
            top.replay_cycles_i = option("replay_cycles", 500);
            top.keepalive_cycles_i = option("keepalive_cycles", 60);
            top.dead_cycles_i = option("dead_cycles", 1000);
            top.age_cycles_i = option("age_cycles", 0xFFFFFF);
            top.replay_limit_i = option("replay_limit", 6);
            top.retrain_limit_i = option("retrain_limit", 255);
            top.s_tvalid_i = 0;
            top.rx_valid_i = 0;
        }
        for (int i = 0; i < 4; i++) {
            for (int c = 0; c < 2; c++)
                for (int n = 0; n < 2; n++) {
                    side[n]->top->clk_i = c;
                    side[n]->top->rx_clk_i = c;
                    side[n]->top->eval();
                }
        }
        for (int n = 0; n < 2; n++) {
            // The input of sp_link below it has a default, which the first eval() writes here too.
            side[n]->top->lane_cycles_i = 60;
            side[n]->top->rst_ni = 1;
        }
        tick(3);
        for (int n = 0; n < 2; n++) side[n]->top->inject_load_i = 0;
    }

    [[noreturn]] void fail(const std::string& what) {
        std::fprintf(stderr, "FAIL in cycle %llu: %s\n", (unsigned long long)now, what.c_str());
        for (int n = 0; n < 2; n++) {
            std::fprintf(stderr, "  side %d: state %d, room %x, used %llx, held %llx;", n,
                         side[n]->top->state_o, side[n]->top->s_vc_room_o,
                         (unsigned long long)side[n]->top->used_o,
                         (unsigned long long)side[n]->top->held_o);
            for (int e = 0; e < N_EVENTS; e++)
                if (side[n]->events[e])
                    std::fprintf(stderr, " %s %llu", EVENT_NAMES[e],
                                 (unsigned long long)side[n]->events[e]);
            std::fprintf(stderr, "\n");
        }
        std::exit(1);
    }

    // One cycle of side 0, and of side 1 but for the drift of its clock.
    void cycle() {
        if (drift == 0) {
            tick(3);
        } else {
            tick(1);
            phase += drift;
            const bool more = phase <= -1'000'000, less = phase >= 1'000'000;
            if (more || less) {
                slips++;
                phase = 0;
            }
            if (!less) tick(2);
            if (more) tick(2);
        }
        now++;
    }

    // A cycle of the clocks of side 0 (bit 0) and side 1 (bit 1). Each is also that of the wire
    // from that side, and so the receive clock of the other.
    void tick(unsigned clocks) {
        // Off the wires, and on to them.
        for (int n = 0; n < 2; n++) {
            if (!(clocks >> n & 1)) continue;
            Side& s = *side[n];
            Beat beat;
            beat.mark = s.top->tx_mark_o;
            for (int w = 0; w < WORDS; w++) beat.unit[w] = s.top->tx_unit_o[w];
            s.wire.enter(s.cycles, beat);
            if (forger && n == 0) forger->hear(beat);
        }
        for (int n = 0; n < 2; n++) {
            if (!(clocks >> n & 1)) continue;
            Side& s = *side[n];
            Side& hears = *side[1 - n];
            Beat came;
            uint32_t lanes = s.wire.leave(s.cycles, came);
            if (n == 1 && forger) lanes = forger->next(came) ? ALL_LANES : 0;
            hears.top->rx_valid_i = lanes;
            if (lanes) {
                hears.top->rx_mark_i = came.mark;
                for (int w = 0; w < WORDS; w++) hears.top->rx_unit_i[w] = came.unit[w];
                if (came.closing()) hears.closing_at.push_back(now);
            }
            s.source.drive(*s.top, now);
            s.sink.drive(*s.top, now);
        }
        for (int n = 0; n < 2; n++) {
            if (clocks >> n & 1) side[n]->top->clk_i = 0;
            if (clocks >> (1 - n) & 1) side[n]->top->rx_clk_i = 0;
            side[n]->top->eval();
        }
        for (int n = 0; n < 2; n++)
            if (clocks >> n & 1) look(n);
        for (int n = 0; n < 2; n++) {
            if (clocks >> n & 1) side[n]->top->clk_i = 1;
            if (clocks >> (1 - n) & 1) side[n]->top->rx_clk_i = 1;
            side[n]->top->eval();
        }
        for (int n = 0; n < 2; n++) side[n]->cycles += clocks >> n & 1;
    }

    // What a side says in its cycle.
    void look(int n) {
        Side& s = *side[n];
        Vtop& top = *s.top;
        const uint32_t events = top.events_o;
        for (uint32_t left = events; left; left &= left - 1) s.events[__builtin_ctz(left)]++;
        if (events >> E_flush & 1) s.lost += top.lost_packets_o;
        s.clocked[0] += top.ev_dropped_o;
        s.clocked[1] += top.ev_overflow_o;
        s.clocked[2] += top.ev_shifted_o;
        s.absent += top.beat_lost_o;
        if (n == 0 && forger) {
            states[top.state_o]++;
            if (top.state_o == UP) rx_states[top.rx_state_o]++;
        }
        Beat heard;
        if (top.beat_valid_o) {
            heard.mark = top.beat_mark_o;
            for (int w = 0; w < WORDS; w++) heard.unit[w] = top.beat_unit_o[w];
            if (heard.closing()) {
                if (n == 0 && forger)
                    heard.breach = forger->breach_of(heard.unit + WORDS - 4);
                // One whose mark was damaged, or that is made of damage, is in one place only.
                while (!s.closing_at.empty() && s.closing_at.front() + LONGEST_WAY < now)
                    s.closing_at.pop_front();
                if (!s.closing_at.empty()) {
                    s.crossings++, s.crossed += now - s.closing_at.front();
                    s.closing_at.pop_front();
                }
            }
        }
        if (judging) {
            const Judge::Verdict v = s.judge.cycle(top.state_o, top.epoch_o, top.seq_w_o,
                                                   top.over_o,
                                                   top.beat_valid_o ? &heard : nullptr);
            const uint32_t want = uint32_t(v.damaged) << E_rx_damaged | v.crc << E_rx_crc |
                                  v.epoch << E_rx_epoch | v.frame << E_rx_frame |
                                  v.duplicate << E_rx_duplicate | v.ahead << E_rx_ahead |
                                  v.malformed << E_rx_malformed;
            const uint32_t all = 1 << E_rx_damaged | 1 << E_rx_crc | 1 << E_rx_epoch |
                                 1 << E_rx_frame | 1 << E_rx_duplicate | 1 << E_rx_ahead |
                                 1 << E_rx_malformed;
            s.bad_trailers += v.damaged || v.crc;
            if ((events & all) != want) {
                char text[120];
                std::snprintf(text, sizeof text,
                              "side %d calls a frame %#x, the specification %#x", n,
                              events & all, want);
                fail(text);
            }
        }
        s.source.clock(top);
        Sink& sink = n == 0 && forged ? *forged : s.sink;
        sink.ready = s.sink.ready;
        sink.clock(top, now);
        if (!sink.wrong.empty()) fail(sink.wrong);
    }

    // A side in reset, and what is known of it with it.
    void reset(int n) {
        side[n]->top->rst_ni = 0;
        side[n]->judge = Judge();
    }

    bool up() const { return side[0]->top->state_o == UP && side[1]->top->state_o == UP; }

    // Nothing is on its way, nothing is unacknowledged, no credit is away.
    bool quiet() const {
        for (int n = 0; n < 2; n++) {
            const Side& s = *side[n];
            if (!s.source.idle() || s.top->unacked_o || s.top->used_o || s.top->held_o ||
                s.top->m_tvalid_o)
                return false;
        }
        return up();
    }

    uint64_t flits() const { return side[0]->sink.flits + side[1]->sink.flits; }

    uint64_t count(Event e) const { return side[0]->events[e] + side[1]->events[e]; }

    void faults(const Rates& rates) {
        for (auto& s : side) {
            s->wire.rates = rates;
            s->top->inject_rate_i = rates.p[F_inject];
        }
    }

    // Lanes on which beats leave a side, and on which it hears them.
    uint32_t tx_lanes(int n) const { return side[n]->top->tx_lanes_o; }
    uint32_t rx_lanes(int n) const { return side[n]->top->rx_lanes_o; }

    // All, the two lowest or the lowest of those that work.
    static uint32_t carrying(uint32_t good) {
        const uint32_t low = good & -good, rest = good ^ low;
        return good == ALL_LANES ? good : low | (rest & -rest);
    }

    // Both sides train again, and find the lanes that there are.
    void retrain() {
        for (auto& s : side) s->wire.cut = true;
        for (int i = 0; side[0]->top->state_o == UP || side[1]->top->state_o == UP; i++) {
            cycle();
            if (i > 20000) fail("the link does not see that nothing comes");
        }
        for (auto& s : side) s->wire.cut = false;
        for (int i = 0; !up(); i++) {
            cycle();
            if (i > 20000) fail("the link does not train again");
        }
        for (int n = 0; n < 2; n++)
            if (tx_lanes(n) != carrying(ALL_LANES & ~side[n]->wire.dead))
                fail("training does not find the lanes that there are");
    }

    void moods(const Mood& a, const Mood& b) {
        side[0]->source.mood = a;
        side[1]->sink.mood = a;
        side[1]->source.mood = b;
        side[0]->sink.mood = b;
    }

    void stop(bool yes) {
        for (auto& s : side) {
            s->source.stop = yes;
            s->sink.open = yes;
        }
    }

    // Ends all traffic and all faults; everything must come to rest.
    void drain(int limit) {
        faults(Rates());
        stop(true);
        for (auto& s : side) {
            s->wire.heal();
            s->top->enable_i = 1;
        }
        int rest = 0;
        // What came twice or late is on the wire long after all is acknowledged.
        for (int i = 0; rest < 160; i++) {
            cycle();
            rest = quiet() && side[0]->wire.on_time() && side[1]->wire.on_time() ? rest + 1 : 0;
            if (i > limit) fail("the link does not come to rest");
        }
        for (int n = 0; n < 2; n++) {
            if (side[n]->top->epoch_o != side[1 - n]->top->epoch_o) fail("epochs differ");
            if (side[n]->top->next_o != side[1 - n]->top->expected_o) fail("numbers differ");
        }
    }
};

// One of several, each as likely as another.
template <typename T>
T one_of(Rng& rng, std::initializer_list<T> some) {
    return some.begin()[rng.below(uint32_t(some.size()))];
}

Mood random_mood(Rng& rng) {
    Mood m;
    m.start = one_of(rng, {~0u, ~0u, ~0u, ~0u, ~0u, ~0u, share(0.3), share(0.02)});
    m.inside = one_of(rng, {0u, 0u, 0u, share(0.1)});
    m.impolite = one_of(rng, {0u, 0u, share(0.3), ~0u});
    m.vcs = one_of(rng, {15u, 15u, 15u, 1u + rng.below(15)});
    m.stall = one_of(rng, {0u, 0u, 0u, share(0.1), share(0.3)});
    m.stall_long = one_of(rng, {0u, 0u, share(0.001)});
    m.hold = one_of(rng, {0u, 0u, share(0.0002)});
    return m;
}

// What a wire does per beat or per frame, at its worst.
const double WORST[N_FAULTS] = {
    // flip   burst   lose  drop  damage twice truncate delay  cut    flap   storm  skip gap
    0.002,  0.002, 0.002, 0.05, 0.05,  0.05, 0.05,  0.02, 0.0005, 0.0003, 0.0004, 0.5, 0.02,
    // lane_dies lane_flaps lane_skew inject
    0.0002, 0.0003, 0.0003, 0.002};
const int N_WIRE = F_inject + 1;  // kinds that a wire has a rate for

// Of one lane none can fail alone.
bool has(int f) { return K > 1 || f < F_lane_dies || f > F_lane_skew; }

Rates random_rates(Rng& rng) {
    Rates r;
    r.cut_short = 1;
    r.cut_long = one_of(rng, {300, 300, 4000});
    const int how = rng.below(10);
    if (how == 0) return r;  // nothing at all
    if (how <= 4) {
        int f;
        do f = rng.below(N_WIRE);
        while (!has(f));
        r.p[f] = share(WORST[f] * (f == F_cut && r.cut_long > 1000 ? 0.5 : 1));
        return r;
    }
    // All of them, each rarely or never.
    for (int f = 0; f < N_WIRE; f++)
        if (rng.below(3) && has(f)) r.p[f] = share(WORST[f] * one_of(rng, {0.02, 0.1, 0.3}));
    return r;
}

// ------------------------------------------------------------------------------------------ output

std::string json(const std::map<std::string, uint64_t>& figures) {
    std::string text = "{";
    for (const auto& [name, value] : figures) {
        if (text.size() > 1) text += ", ";
        text += "\"" + name + "\": " + std::to_string(value);
    }
    return text + "}";
}

std::map<std::string, uint64_t> events_of(const Pair& pair) {
    std::map<std::string, uint64_t> found;
    for (int e = 0; e < N_EVENTS; e++) found[EVENT_NAMES[e]] = pair.count(Event(e));
    static const char* const names[] = {"clock_dropped", "clock_overflow", "lanes_shifted"};
    for (int i = 0; i < 3; i++)
        found[names[i]] = pair.side[0]->clocked[i] + pair.side[1]->clocked[i];
    return found;
}

std::map<std::string, uint64_t> injected_of(const Pair& pair) {
    std::map<std::string, uint64_t> found;
    for (int f = 0; f < N_FAULTS; f++) {
        uint64_t n = f == F_slip ? pair.slips : 0;
        for (const auto& s : pair.side) {
            n += s->wire.injected[f] + s->source.injected[f] + s->sink.injected[f];
            if (f == F_inject) n += s->top->injected_o;
        }
        if (has(f)) found[fault_name(f)] = n;
    }
    return found;
}

std::string common(const Pair& pair, double seconds) {
    uint64_t lost = 0, duplicated = 0, reordered = 0, corrupted = 0, cut = 0, packets = 0;
    for (int n = 0; n < 2; n++) {
        const Sink& sink = pair.side[n]->sink;
        lost += sink.lost(pair.side[1 - n]->source);
        duplicated += sink.duplicated;
        reordered += sink.reordered;
        corrupted += sink.corrupted;
        cut += sink.cut;
        packets += sink.packets;
    }
    char text[600];
    std::snprintf(text, sizeof text,
                  "\"k\": %d, \"flits\": %llu, \"packets\": %llu, \"cycles\": %llu, "
                  "\"seconds\": %.2f, \"cpu_seconds\": %.2f, \"lost\": %llu, "
                  "\"duplicated\": %llu, \"reordered\": %llu, "
                  "\"corrupted\": %llu, \"cut\": %llu",
                  K, (unsigned long long)pair.flits(), (unsigned long long)packets,
                  (unsigned long long)pair.now, seconds, double(std::clock()) / CLOCKS_PER_SEC,
                  (unsigned long long)lost,
                  (unsigned long long)duplicated, (unsigned long long)reordered,
                  (unsigned long long)corrupted, (unsigned long long)cut);
    return std::string(text) + ", \"events\": " + json(events_of(pair)) +
           ", \"injected\": " + json(injected_of(pair));
}

// --------------------------------------------------------------------------------------- campaign

// Lanes die both ways; over those that are left all comes, at their rate and without damage.
void few_lanes(Pair& pair) {
    for (auto& s : pair.side) {
        s->wire.dead = pair.rng.below(ALL_LANES);
        s->wire.latency = 5;
    }
    pair.retrain();
    std::map<std::string, uint64_t> before;
    const uint64_t cycles = 600, retrains = pair.count(E_retrain);
    uint64_t flits[2];
    for (int again = 0; again < 2; again++) {
        // A wrong alignment shows in data alone, and so the second time counts.
        before = events_of(pair);
        for (int n = 0; n < 2; n++) flits[n] = pair.side[n]->sink.flits;
        pair.stop(false);
        pair.moods(Mood(), Mood());
        for (uint64_t i = 0; i < cycles; i++) pair.cycle();
        pair.drain(40000);
    }
    // Another training would find all lanes again.
    if (pair.count(E_retrain) != retrains) pair.fail("the lanes that are left do not do");
    for (Event e : {E_rx_damaged, E_rx_crc, E_rx_ahead, E_replay})
        if (pair.count(e) != before[EVENT_NAMES[e]])
            pair.fail(std::string("on the lanes that are left: ") + EVENT_NAMES[e]);
    for (int n = 0; n < 2; n++) {
        // Credits and short packets allow for an eighth of the lanes at least.
        const int lanes = __builtin_popcount(pair.tx_lanes(1 - n));
        if ((pair.side[n]->sink.flits - flits[n]) * 8 * K < cycles * lanes)
            pair.fail("too little over the lanes that are left");
    }
}

// Clocks so far apart that SKIP alone keeps the memory between them from overflowing: 2,000 ppm
// against one cycle in 97.
void clocks_apart(Pair& pair) {
    pair.drift = one_of(pair.rng, {2000, -2000});
    pair.stop(false);
    pair.moods(Mood(), Mood());
    for (int i = 0; i < 12000; i++) pair.cycle();
    pair.drain(20000);
    pair.drift = 0;
    const auto found = events_of(pair);
    if (!found.at("clock_dropped")) pair.fail("no SKIP was dropped between the clocks");
    for (const char* name : {"clock_overflow", "rx_damaged", "rx_crc", "replay"})
        if (found.at(name)) pair.fail(std::string("clocks apart: ") + name);
}

// Nothing may be lost: the link never flushes.
void campaign(Pair& pair) {
    const uint64_t flits = option("flits", 100000);
    const int longest = int(option("episode", 20000));
    int clean = 0, episodes = 0, narrow = 0;
    // A side that is up before the other has ever been may have to begin anew, and says so.
    pair.drain(20000);
    clocks_apart(pair);
    while (pair.flits() < flits) {
        Rng& rng = pair.rng;
        const Rates rates = random_rates(rng);
        bool quiet_wire = true;
        for (int f = 0; f < N_WIRE; f++) quiet_wire &= rates.p[f] == 0;
        // For so long that words would be too many or too few between the clocks.
        if (episodes % 16 == 0) pair.drift = one_of(rng, {0, rng.from(-200, 200), 200, -200});
        if (K > 1 && rng.below(4) == 0) few_lanes(pair);
        for (auto& s : pair.side) s->wire.latency = one_of(rng, {0, 1, 5, 20, 60});
        // Lanes that came back or moved are found in another training only.
        if (K > 1 && rng.below(3) == 0) pair.retrain();
        if (quiet_wire) {
            // A wrong alignment shows in data alone; while a wire becomes longer nothing comes.
            pair.stop(false);
            pair.moods(Mood(), Mood());
            for (int i = 0; i < 300; i++) pair.cycle();
            pair.drain(40000);
        }
        narrow += pair.tx_lanes(0) != ALL_LANES || pair.tx_lanes(1) != ALL_LANES;
        pair.stop(false);
        pair.moods(random_mood(rng), random_mood(rng));
        pair.faults(rates);
        std::map<std::string, uint64_t> before = events_of(pair);
        const uint64_t length = rng.from(longest / 10, longest);
        for (uint64_t i = 0; i < length; i++) pair.cycle();
        pair.drain(40000);
        episodes++;

        // What the counters must say at rest.
        for (int n = 0; n < 2; n++) {
            const Side& tx = *pair.side[n];
            const Side& rx = *pair.side[1 - n];
            if (rx.sink.lost(tx.source)) pair.fail("packets are missing at rest");
            if (tx.source.flits != rx.sink.flits) pair.fail("flits in and out differ");
            if (tx.events[E_tx_frame] != rx.events[E_rx_frame])
                pair.fail("frames sent and taken differ");
            if (rx.events[E_rx_damaged] + rx.events[E_rx_crc] != rx.bad_trailers)
                pair.fail("frames refused are not those that were damaged");
            if (rx.events[E_tx_nack] > rx.events[E_rx_damaged] + rx.events[E_rx_crc] +
                                           rx.events[E_rx_ahead] + rx.absent)
                pair.fail("more NACKs than causes for one");
            if (tx.events[E_replay] > tx.events[E_nacked] + tx.events[E_replay_timeout] +
                                          pair.count(E_retrain) + pair.count(E_peer))
                pair.fail("more replays than causes for one");
        }
        for (Event e : {E_flush, E_aged, E_rx_over, E_rx_malformed, E_freed_bad, E_ack_bad,
                        E_dropped, E_length})
            if (pair.count(e)) pair.fail(std::string("this must not happen: ") + EVENT_NAMES[e]);
        for (int n = 0; n < 2; n++) {
            if (pair.side[n]->clocked[1]) pair.fail("words were lost between the clocks");
            if (pair.tx_lanes(n) != pair.rx_lanes(1 - n)) pair.fail("lanes differ");
        }
        if (quiet_wire) {
            clean++;
            for (Event e : {E_rx_damaged, E_rx_crc, E_rx_ahead, E_rx_duplicate, E_rx_epoch,
                            E_tx_nack, E_replay, E_replay_timeout, E_retrain, E_dead})
                if (pair.count(e) != before[EVENT_NAMES[e]])
                    pair.fail(std::string("on a quiet wire: ") + EVENT_NAMES[e]);
        }
    }
    std::printf("\"episodes\": %d, \"quiet_episodes\": %d, \"narrow_episodes\": %d, ", episodes,
                clean, narrow);
}

// ----------------------------------------------------------------------------------------- flushes

// What is taken while the wires are cut, and then flushed, is lost and told to the packet, also what
// is taken in the cycle in which the flush begins. The link is at rest, before and after.
void exact_flush(Pair& pair) {
    uint64_t untold[2];  // packets missing, less those told
    auto now = [&](int n) {
        const Side& tx = *pair.side[n];
        return pair.side[1 - n]->sink.lost(tx.source) - tx.lost - tx.events[E_dropped];
    };
    for (int n = 0; n < 2; n++) {
        untold[n] = now(n);
        pair.side[n]->wire.cut = true;
        pair.side[n]->top->policy_i = 0;
    }
    pair.stop(false);
    pair.moods(Mood(), Mood());
    for (int i = pair.rng.from(1, 60); i; i--) pair.cycle();
    for (auto& s : pair.side) s->top->enable_i = 0;
    for (int i = 0; i < 4; i++) pair.cycle();
    pair.drain(20000);
    for (int n = 0; n < 2; n++)
        if (now(n) != untold[n]) pair.fail("a flush tells of another number of packets");
}

// The link goes down again and again: packets may be lost, but not in silence, none comes twice.
void flushes(Pair& pair) {
    const uint64_t flits = option("flits", 100000);
    const int longest = int(option("episode", 20000));
    int episodes = 0;
    for (auto& s : pair.side) s->sink.may_cut = true;
    while (pair.flits() < flits) {
        Rng& rng = pair.rng;
        Rates rates = random_rates(rng);
        rates.cut_long = 4000;
        if (rng.next() & 1) rates.p[F_cut] = share(0.0003);
        for (auto& s : pair.side) {
            s->wire.latency = one_of(rng, {0, 5, 60});
            s->top->policy_i = rng.below(3);
            s->top->hold_cycles_i = rng.from(0, 2000);
            s->top->replay_limit_i = rng.from(0, 3);
            s->top->retrain_limit_i = rng.from(0, 2);
            s->top->age_cycles_i = one_of(rng, {2000, 6000, 20000});
        }
        pair.stop(false);
        pair.moods(random_mood(rng), random_mood(rng));
        pair.faults(rates);
        pair.drift = one_of(rng, {0, rng.from(-200, 200)});
        const uint64_t length = rng.from(longest / 10, longest);
        for (uint64_t i = 0; i < length; i++) {
            Side& one = *pair.side[rng.below(2)];
            if (rng.below(4000) == 0) one.top->enable_i = !one.top->enable_i;
            if (rng.below(4000) == 0) one.wire.cut = !one.wire.cut;
            pair.cycle();
        }
        pair.drain(200000);
        episodes++;
        for (int n = 0; n < 2; n++) {
            const Side& tx = *pair.side[n];
            const Side& rx = *pair.side[1 - n];
            if (rx.sink.lost(tx.source) > tx.lost + tx.events[E_dropped])
                pair.fail("more packets are missing than the link says it lost or dropped");
            if (rx.sink.cut > rx.events[E_flush]) pair.fail("more packets were cut than flushes");
        }
        for (Event e : {E_rx_over, E_rx_malformed, E_length})
            if (pair.count(e)) pair.fail(std::string("this must not happen: ") + EVENT_NAMES[e]);
        exact_flush(pair);
    }
    std::printf("\"episodes\": %d, \"lost_told\": %llu, ", episodes,
                (unsigned long long)(pair.side[0]->lost + pair.side[1]->lost +
                                     pair.count(E_dropped)));
}

// -------------------------------------------------------------------------------------------- fuzz

// Side 0 gets from a forger what no peer sends, then has to train with side 1 and deliver.
void fuzz(Pair& pair) {
    const uint64_t cycles = option("cycles", 100000);
    const int longest = int(option("episode", 20000));
    Side& dut = *pair.side[0];
    Side& peer = *pair.side[1];
    Sink forged(pair.book, 2, 7);
    forged.may_cut = true;
    std::unique_ptr<FrameForger> forger(new FrameForger(*dut.top, pair.book, mix(pair.seed) + 5));
    uint64_t rounds = 0, recovery = 0;
    auto state = [&] { return dut.top->state_o; };
    for (auto& s : pair.side) {
        s->top->replay_limit_i = 2;
        s->top->retrain_limit_i = 2;
        s->top->age_cycles_i = 3000;
        s->top->dead_cycles_i = 300;
        s->wire.latency = 3;
    }
    while (forger->cycles < cycles) {
        Rng& rng = pair.rng;
        // The receiver begins the round in FLUSH: what it had is told apart from what is forged.
        pair.stop(false);
        Mood mood = random_mood(rng);
        pair.moods(mood, Mood());
        peer.source.stop = true;
        // A frame that it is just hearing is gone with the reset.
        for (int i = 0; i < 200 && !peer.judge.b_closing; i++) pair.cycle();
        pair.reset(1);
        dut.top->enable_i = 0;
        while (state() != DOWN) pair.cycle();
        dut.top->enable_i = 1;
        pair.forger = forger.get();
        pair.forged = &forged;
        const uint64_t until = forger->cycles + rng.from(longest / 10, longest);
        while (forger->cycles < until) {
            dut.sink.blocked = forger->greedy && state() == UP;
            pair.cycle();
        }
        dut.sink.blocked = false;

        // It stops. The peer comes out of its reset.
        pair.stop(true);
        dut.top->enable_i = 0;
        for (int i = 0; state() != DOWN; i++) {
            pair.cycle();
            if (i > 20000) pair.fail("behind the fuzz the link does not go down");
        }
        pair.cycle();
        if (!forger->delivered(forged)) pair.fail("what came is not what good frames held");
        pair.forger = nullptr;
        pair.forged = nullptr;
        peer.top->rst_ni = 1;
        dut.top->enable_i = 1;
        const uint64_t before = pair.now;
        peer.sink.may_cut = true;
        pair.drain(20000);
        recovery = std::max(recovery, pair.now - before);
        peer.sink.may_cut = false;

        // Now all must come.
        for (int v = 0; v < NUM_VC; v++) {
            peer.sink.missing[v].clear();
            peer.sink.next[v] = dut.source.sent[v];
        }
        pair.stop(false);
        pair.moods(Mood(), Mood());
        const uint64_t flits = pair.flits();
        for (int i = 0; i < 1000; i++) pair.cycle();
        pair.drain(20000);
        if (pair.flits() < flits + 500) pair.fail("behind the fuzz the link delivers too little");
        for (int n = 0; n < 2; n++)
            if (pair.side[n]->sink.lost(pair.side[1 - n]->source))
                pair.fail("behind the fuzz packets are missing");
        rounds++;
    }
    static const char* const flags[] = {"damaged", "packet_open", "units", "packet_ended",
                                        "malformed", "no_place", "handed_on_in_part", "asked"};
    static const char* const names[] = {"down", "train", "up", "retrain", "flush"};
    std::map<std::string, uint64_t> reached, breaches;
    uint64_t combinations = 0;
    for (int i = 0; i < 256; i++) {
        combinations += pair.rx_states[i] != 0;
        for (int b = 0; b < 8; b++)
            reached[std::string(i >> b & 1 ? "" : "not_") + flags[b]] += pair.rx_states[i];
    }
    for (int i = 0; i < 5; i++) reached[names[i]] = pair.states[i];
    for (int i = 0; i < N_BREAKS; i++) breaches[break_name(i)] = forger->broken[i];
    std::printf("\"rounds\": %llu, \"fuzz_cycles\": %llu, \"right_crc_cycles\": %llu, "
                "\"wrong_fields_cycles\": %llu, "
                "\"good_frames\": %llu, \"forged_packets\": %llu, \"longest_recovery\": %llu, "
                "\"receiver_states\": %llu, \"reached\": %s, \"breaches\": %s, ",
                (unsigned long long)rounds, (unsigned long long)forger->cycles,
                (unsigned long long)forger->right_crc, (unsigned long long)forger->wrong_fields,
                (unsigned long long)forger->good,
                (unsigned long long)forged.packets, (unsigned long long)recovery,
                (unsigned long long)combinations, json(reached).c_str(), json(breaches).c_str());
}

// -------------------------------------------------------------------------------------------- rate

// Packets of 256 bytes both ways, without a pause or at a load: how much comes, and when.
void rate(Pair& pair) {
    const uint64_t cycles = option("cycles", 100000);
    const double load = fraction("load", 0);
    pair.book.shape = int(option("shape", FULL));
    // The judge knows of no time that is measured.
    pair.judging = false;
    Rates rates;
    rates.p[F_drop] = share(fraction("drop", 0));
    rates.p[F_damage] = share(fraction("damage", 0));
    const Packet one = pair.book.packet(0, 0, 0);
    for (auto& s : pair.side) {
        s->sink.open = true;
        s->wire.latency = int(option("wire", 20));
        s->source.mood.start = ~0u;
        // Beats that a packet takes, its header and its share of trailers counted.
        const double beats = (one.units + 1.0) / K * (1 + double(K) / s->top->frame_units_o);
        if (load > 0) {
            s->source.arrivals = share(load / beats);
            s->source.timed = true;
        }
    }
    for (int n = 0; n < 2; n++) pair.side[n]->sink.source = &pair.side[1 - n]->source;
    pair.stop(true);
    for (int i = 0; !pair.up(); i++) {
        pair.cycle();
        if (i > 50000) pair.fail("the link does not come up");
    }
    for (auto& s : pair.side) s->source.stop = false;
    const uint64_t warm = option("warm", 4000 + 4 * option("wire", 20));
    for (uint64_t i = 0; i < warm; i++) pair.cycle();
    pair.faults(rates);
    for (uint64_t i = 0; i < warm; i++) pair.cycle();
    std::vector<uint32_t> latency;
    double cps = 0;
    uint64_t frames = 0, frames_lost = 0;
    // Payload over what the wires could carry, and what else there was meanwhile.
    auto measure = [&](const char* name) {
        const uint64_t before = pair.flits();
        uint64_t sent = 0, gone = 0;
        auto losses = [&](uint64_t sign) {
            for (const auto& s : pair.side) {
                sent += sign * s->wire.frames;
                gone += sign * (s->wire.injected[F_drop] + s->wire.injected[F_damage]);
            }
        };
        losses(uint64_t(-1));
        for (auto& s : pair.side) s->sink.latency.clear();
        const auto begin = std::chrono::steady_clock::now();
        for (uint64_t i = 0; i < cycles; i++) pair.cycle();
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
        losses(1);
        cps = cycles / took.count();
        frames = sent;
        frames_lost = gone;
        // Two wires, K blocks of 130 bits in each cycle; flits here are full of payload.
        std::printf("\"%s\": %.6f, ", name,
                    double(pair.flits() - before) * 128 / (2.0 * cycles * 130));
    };
    measure("payload_share");
    for (int n = 0; n < 2; n++)
        latency.insert(latency.end(), pair.side[n]->sink.latency.begin(),
                       pair.side[n]->sink.latency.end());
    if (pair.count(E_flush) || pair.count(E_retrain)) pair.fail("the link went down");
    uint64_t crossings = 0, crossed = 0;
    for (const auto& s : pair.side) crossings += s->crossings, crossed += s->crossed;
    std::printf("\"frames\": %llu, \"frames_lost\": %llu, \"cps\": %.0f, \"crossing\": %.3f, ",
                (unsigned long long)frames, (unsigned long long)frames_lost, cps,
                crossings ? double(crossed) / crossings : 0.0);
    std::sort(latency.begin(), latency.end());
    if (!latency.empty()) {
        double sum = 0;
        for (uint32_t l : latency) sum += l;
        std::printf("\"latency_mean\": %.2f, \"latency_least\": %u, \"latency_p99\": %u, ",
                    sum / latency.size() - option("wire", 20),
                    latency.front() - unsigned(option("wire", 20)),
                    latency[latency.size() * 99 / 100] - unsigned(option("wire", 20)));
    }
    if (const uint32_t dead = uint32_t(option("lanes_dead", 0))) {
        // Lanes die both ways; the link goes on with those that are left.
        for (auto& s : pair.side) s->wire.dead = dead;
        for (int i = 0; !pair.up() || pair.tx_lanes(0) == ALL_LANES ||
                        pair.tx_lanes(1) == ALL_LANES; i++) {
            pair.cycle();
            if (i > 500000) pair.fail("the link does not go on with fewer lanes");
        }
        for (uint64_t i = 0; i < warm; i++) pair.cycle();
        measure("payload_share_after");
        if (pair.count(E_flush)) pair.fail("the link went down");
    }
}

}  // namespace

int main(int argc, char** argv) {
    for (int i = 1; i < argc; i++) {
        const std::string word = argv[i];
        const size_t at = word.find('=');
        if (word[0] != '+' && at != std::string::npos)
            options[word.substr(0, at)] = word.substr(at + 1);
    }
    const std::string part = options["part"];
    const uint64_t seed = option("seed", 1);
    Pair pair(seed);
    pair.make(argc, argv);
    const auto begin = std::chrono::steady_clock::now();
    std::printf("{\"part\": \"%s\", \"seed\": %llu, ", part.c_str(), (unsigned long long)seed);
    if (part == "campaign") campaign(pair);
    else if (part == "flush") flushes(pair);
    else if (part == "fuzz") fuzz(pair);
    else if (part == "rate") rate(pair);
    else {
        std::fprintf(stderr, "part=%s is none\n", part.c_str());
        return 2;
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    std::printf("%s}\n", common(pair, took.count()).c_str());
#if VM_COVERAGE
    pair.context.coveragep()->write();
#endif
    return 0;
}
