// SPDX-License-Identifier: Apache-2.0
//
// Accelerators of a supernode: sim CONFIG... < SCRIPT, where CONFIG is endpoints=, planes=, width=,
// seed=. Each line of the script is a command, and what it finds is printed as JSON:
//
//   w ADDRESS VALUE       write a register               r NAME ADDRESS    read one
//   cut MASK              wires that carry nothing, endpoint * planes + plane
//   up MASK LIMIT         wait until just these ways are up
//   stores E MASK         endpoint E stores at these, blocks of 256 bytes at random, always; 0: stops
//   loads E MASK          the same with loads
//   atomic E WORD         E sends this command again and again; 0: stops
//   run CYCLES
//   open                  counts begin anew              close NAME        print them
//   settle NAME LIMIT     until all that is under way now is answered, the traffic goes on
//   drain LIMIT           stop; until nothing is under way; then the memories are looked at
//   lone NAME E DST N     loads one at a time: cycles from the address to the first beat
//   vectors BYTES SEED    FP32 numbers in the memories, whose sums are exact in any order
//   collective E WORD     E's next command               collectives NAME LIMIT   run them to their end
//   sums                  the sums lie in all memories
//   ring NAME BYTES LIMIT AllReduce by stores around a ring, members add in no time
//
// Of each block one endpoint is the owner, which alone stores and loads it. It knows what it stored
// last and what was answered, so a load must bring one of the versions between. What is wrong, is
// answered with an error or is never answered is counted, not fatal: a benchmark says what it wants.

#include <algorithm>
#include <array>
#include <chrono>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "Vtop.h"
#include "svdpi.h"
#include "verilated.h"

namespace {

constexpr uint64_t REGION = uint64_t(1) << 32;  // where the address map begins
constexpr int WINDOW_LOG2 = 23;
constexpr int BLOCK = 256;
constexpr int BLOCKS = 8192;  // of loads and stores, from address 0 on; what follows:
constexpr uint64_t FROM = 2 << 20, TO = 4 << 20;
constexpr int ST_UNKNOWN = 13;
constexpr uint64_t STUCK = 200000;

[[noreturn]] void die(const std::string& text) {
    std::fprintf(stderr, "%s\n", text.c_str());
    std::exit(1);
}

class Random {
  public:
    explicit Random(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 1) {}
    uint64_t next() {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        return state_ * 0x2545f4914f6cdd1du;
    }
    uint32_t below(uint32_t n) { return uint32_t((next() >> 32) * n >> 32); }

  private:
    uint64_t state_;
};

// Word k (64 bits) of a version of a block.
uint64_t pattern(int dst, int block, uint32_t version, int k) {
    uint64_t x = (uint64_t(dst) << 52) ^ (uint64_t(block) << 36) ^ (uint64_t(version) << 8) ^ k;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

struct Burst {
    int id;
    uint64_t addr;
    int dst, block;
    uint32_t version;            // of a store; of a load, the last that was answered before it began
    bool found = false;          // load: the version is known, and it is that
    int beat = 0;
    uint64_t begun = 0;
    const uint8_t* data = nullptr;  // explicit, instead of a pattern
};

struct Port {
    struct Write {
        int id;
        uint64_t addr;
    };
    struct Read {
        int id, beats;
        uint64_t addr;
    };
    std::deque<Write> writes;
    std::deque<std::vector<uint8_t>> data;  // whole bursts that wait for an address
    std::deque<int> answers;
    std::deque<Read> reads;
};

struct Endpoint {
    std::unique_ptr<uint8_t[]> memory;
    std::vector<uint32_t> issued, acked;  // by destination and block: versions, of the owner alone
    Port ports[2];
    Random random{1};
    uint64_t stores = 0, loads = 0;  // masks of destinations
    std::deque<Burst> to_store;      // explicit ones
    std::deque<Burst> beats, stored, loaded;
    uint64_t begun_stores = 0, ended_stores = 0, begun_loads = 0, ended_loads = 0;
    int next_store_id = 0, next_load_id = 0;
    std::vector<uint32_t> atomic;
    bool atomic_open = false;
    uint64_t begun_atomics = 0, ended_atomics = 0;
    std::deque<std::vector<uint32_t>> commands;
    uint64_t collectives_open = 0;
    // counts of a stretch
    uint64_t store_bytes = 0, load_bytes = 0;
    uint64_t written = 0;  // bytes that came into the memory, ever
    int lone_dst = -1, lone_left = 0, lone_pause = 0;
    std::vector<uint64_t> latencies;
};

int endpoints, planes, width, bytes_of_beat, beats_of_block;
std::vector<Endpoint> all;
uint64_t now, last_write, last_result;
// What is wrong, of all endpoints.
uint64_t errors, wrong, strange, unknown, unanswered;
std::map<std::string, std::string> options;
std::string json;

void say(const std::string& name, const std::string& value) {
    json += (json.empty() ? "" : ", ") + ("\"" + name + "\": " + value);
}
void say(const std::string& name, double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.10g", value);
    say(name, std::string(text));
}

uint64_t address(int dst, uint64_t offset) {
    return REGION + (uint64_t(dst) << WINDOW_LOG2) + offset;
}

// One of the destinations of a mask, and a block of ours there.
void draw(int e, uint64_t mask, int& dst, int& block) {
    Endpoint& own = all[e];
    uint32_t n = own.random.below(uint32_t(__builtin_popcountll(mask)));
    while (n--) mask &= mask - 1;
    dst = __builtin_ctzll(mask);
    block = int(own.random.below(BLOCKS / endpoints)) * endpoints + e;
}

std::vector<uint32_t> words(std::string hex) {
    if (hex.rfind("0x", 0) == 0) hex = hex.substr(2);
    std::vector<uint32_t> result(16);
    for (std::size_t n = 0; n < hex.size(); n++) {
        const uint32_t digit = std::stoul(hex.substr(hex.size() - 1 - n, 1), nullptr, 16);
        result.at(n / 8) |= digit << (4 * (n % 8));
    }
    return result;
}

}  // namespace

extern "C" {

int chip_store(int e, long long* addr) {
    Endpoint& own = all[e];
    Burst burst{};
    if (!own.to_store.empty()) {
        burst = own.to_store.front();
        own.to_store.pop_front();
    } else if (own.stores) {
        // A few ahead of the beats: addresses never wait for data.
        if (own.beats.size() > 8) return -1;
        draw(e, own.stores, burst.dst, burst.block);
        burst.addr = address(burst.dst, uint64_t(burst.block) * BLOCK);
        burst.version = ++own.issued[burst.dst * BLOCKS + burst.block];
    } else {
        return -1;
    }
    burst.id = own.next_store_id = (own.next_store_id + 1) & 15;
    own.beats.push_back(burst);
    own.stored.push_back(burst);
    own.begun_stores++;
    *addr = (long long)burst.addr;
    return burst.id;
}

int chip_store_beat(int e, svBitVecVal* data) {
    Endpoint& own = all[e];
    if (own.beats.empty()) return -1;
    Burst& burst = own.beats.front();
    const int at = burst.beat * bytes_of_beat;
    if (burst.data) {
        std::memcpy(data, burst.data + at, bytes_of_beat);
    } else {
        for (int k = 0; k < bytes_of_beat / 8; k++) {
            const uint64_t word = pattern(burst.dst, burst.block, burst.version, at / 8 + k);
            std::memcpy(data + 2 * k, &word, 8);
        }
    }
    if (++burst.beat < beats_of_block) return 1;
    own.beats.pop_front();
    return 3;
}

void chip_stored(int e, int id, int resp) {
    Endpoint& own = all[e];
    if (own.stored.empty() || own.stored.front().id != id) {
        strange++;
        return;
    }
    const Burst& burst = own.stored.front();
    // What is answered counts: what the bus takes fills the endpoint's memory for a while.
    own.store_bytes += BLOCK;
    if (resp) errors++;
    else if (!burst.data) own.acked[burst.dst * BLOCKS + burst.block] = burst.version;
    own.stored.pop_front();
    own.ended_stores++;
}

int chip_load(int e, long long* addr) {
    Endpoint& own = all[e];
    Burst burst{};
    if (own.lone_dst >= 0) {
        if (!own.lone_left || !own.loaded.empty() || own.lone_pause-- > 0) return -1;
        own.lone_pause = 20 + int(own.random.below(64));
        own.lone_left--;
        draw(e, uint64_t(1) << own.lone_dst, burst.dst, burst.block);
    } else if (own.loads) {
        draw(e, own.loads, burst.dst, burst.block);
    } else {
        return -1;
    }
    burst.addr = address(burst.dst, uint64_t(burst.block) * BLOCK);
    burst.version = own.acked[burst.dst * BLOCKS + burst.block];
    burst.id = own.next_load_id = (own.next_load_id + 1) & 15;
    own.loaded.push_back(burst);
    own.begun_loads++;
    *addr = (long long)burst.addr;
    return burst.id;
}

void chip_load_taken(int e) { all[e].loaded.back().begun = now; }

void chip_loaded(int e, int id, int resp, int last, const svBitVecVal* data) {
    Endpoint& own = all[e];
    if (own.loaded.empty() || own.loaded.front().id != id) {
        strange++;
        return;
    }
    Burst& burst = own.loaded.front();
    if (burst.beat == 0 && own.lone_dst >= 0) own.latencies.push_back(now - burst.begun);
    own.load_bytes += bytes_of_beat;
    if (!resp) {
        const int at = burst.beat * bytes_of_beat / 8;
        uint64_t word;
        std::memcpy(&word, data, 8);
        if (!burst.found) {
            const uint32_t high = own.issued[burst.dst * BLOCKS + burst.block];
            while (pattern(burst.dst, burst.block, burst.version, at) != word
                   && burst.version < high)
                burst.version++;
            burst.found = true;
        }
        for (int k = 0; k < bytes_of_beat / 8; k++) {
            std::memcpy(&word, data + 2 * k, 8);
            if (word != pattern(burst.dst, burst.block, burst.version, at + k)) {
                wrong++;
                break;
            }
        }
    }
    burst.beat++;
    if ((burst.beat == beats_of_block) != bool(last)) strange++;
    if (!last) return;
    if (resp) errors++;
    own.loaded.pop_front();
    own.ended_loads++;
}

int chip_atomic(int e, svBitVecVal* word) {
    Endpoint& own = all[e];
    if (own.atomic.empty() || own.atomic_open) return -1;
    std::copy(own.atomic.begin(), own.atomic.end(), word);
    own.atomic_open = true;
    own.begun_atomics++;
    return 1;
}

// {id, decerr, timeout, status, old}
void chip_atomic_done(int e, const svBitVecVal* word) {
    Endpoint& own = all[e];
    if (!own.atomic_open) strange++;
    own.atomic_open = false;
    own.ended_atomics++;
    const unsigned status = word[2] & 15, marks = (word[2] >> 4) & 3;
    if (status == ST_UNKNOWN) unknown++;
    else if (status || marks) errors++;
}

int chip_collective(int e, svBitVecVal* word) {
    Endpoint& own = all[e];
    if (own.commands.empty()) return -1;
    std::copy(own.commands.front().begin(), own.commands.front().end(), word);
    own.commands.pop_front();
    return 1;
}

// {id, status, timeout, poisoned, slice}
void chip_collective_done(int e, const svBitVecVal* word) {
    Endpoint& own = all[e];
    if (!own.collectives_open) strange++;
    own.collectives_open--;
    last_result = now;
    if ((word[0] >> 16) & 63) errors++;
}

void chip_memory_aw(int e, int port, long long addr, int id) {
    all[e].ports[port].writes.push_back({id, uint64_t(addr)});
}

void chip_memory_w(int e, int port, int last, const svBitVecVal* strb, const svBitVecVal* data) {
    Endpoint& own = all[e];
    Port& p = own.ports[port];
    if (p.writes.empty()) die("a memory gets data before an address");
    Port::Write& write = p.writes.front();
    uint64_t enable;
    std::memcpy(&enable, strb, 8);
    const uint8_t* bytes = reinterpret_cast<const uint8_t*>(data);
    const uint64_t base = write.addr & ~uint64_t(bytes_of_beat - 1);
    if (base + bytes_of_beat > (uint64_t(1) << WINDOW_LOG2)) die("a memory has no such address");
    for (int k = 0; k < bytes_of_beat; k++) {
        if ((enable >> k) & 1) {
            own.memory[base + k] = bytes[k];
            own.written++;
        }
    }
    write.addr = base + bytes_of_beat;
    last_write = now;
    if (!last) return;
    p.answers.push_back(write.id);
    p.writes.pop_front();
}

int chip_memory_b(int e, int port) {
    Port& p = all[e].ports[port];
    if (p.answers.empty()) return -1;
    const int id = p.answers.front();
    p.answers.pop_front();
    return id;
}

void chip_memory_ar(int e, int port, long long addr, int id, int beats) {
    all[e].ports[port].reads.push_back({id, beats, uint64_t(addr)});
}

int chip_memory_r(int e, int port, svBitVecVal* data) {
    Endpoint& own = all[e];
    Port& p = own.ports[port];
    if (p.reads.empty()) return -1;
    Port::Read& read = p.reads.front();
    const uint64_t base = read.addr & ~uint64_t(bytes_of_beat - 1);
    if (base + bytes_of_beat > (uint64_t(1) << WINDOW_LOG2)) die("a memory has no such address");
    std::memcpy(data, own.memory.get() + base, bytes_of_beat);
    read.addr = base + bytes_of_beat;
    const int id = read.id;
    if (--read.beats) return id;
    p.reads.pop_front();
    return id | 256;
}

}  // extern "C"

namespace {

class Bench {
  public:
    Bench() {
        context_.randReset(2);
        context_.randSeed(1);
        top_ = std::make_unique<Vtop>(&context_);
        // From the first edge on: accelerators must not see what registers begin with.
        top_->rst_ni = 0;
        top_->cut_i = 0;
        top_->awvalid_i = top_->wvalid_i = top_->arvalid_i = 0;
        for (int n = 0; n < 8; n++) tick();
        top_->rst_ni = 1;
        for (int n = 0; n < 8; n++) tick();
    }
    ~Bench() { top_->final(); }

    void command(const std::string& line) {
        std::istringstream in(line);
        std::string what, name, hex;
        in >> what;
        if (what == "w") {
            const uint64_t at = number(in);
            write(at, uint32_t(number(in)));
        } else if (what == "r") {
            in >> name;
            say(name, double(read(number(in))));
        } else if (what == "cut") {
            top_->cut_i = number(in);
        } else if (what == "up") {
            const uint64_t mask = number(in), limit = number(in);
            until(limit, [&] { return uint64_t(top_->up_o) == mask; }, "planes are not up");
        } else if (what == "stores") {
            const int e = int(number(in));
            all.at(e).stores = number(in);
        } else if (what == "loads") {
            const int e = int(number(in));
            all.at(e).loads = number(in);
        } else if (what == "atomic") {
            const int e = int(number(in));
            in >> hex;
            all.at(e).atomic = hex == "0" ? std::vector<uint32_t>() : words(hex);
        } else if (what == "run") {
            for (uint64_t n = number(in); n; n--) tick();
        } else if (what == "open") {
            open();
        } else if (what == "close") {
            in >> name;
            close(name);
        } else if (what == "settle") {
            in >> name;
            settle(name, number(in));
        } else if (what == "drain") {
            drain(number(in));
        } else if (what == "lone") {
            in >> name;
            lone(name, in);
        } else if (what == "vectors") {
            const uint64_t bytes = number(in);
            vectors(bytes, number(in));
        } else if (what == "collective") {
            const int e = int(number(in));
            in >> hex;
            all.at(e).commands.push_back(words(hex));
            all.at(e).collectives_open++;
        } else if (what == "collectives") {
            in >> name;
            const uint64_t begin = now, limit = number(in);
            auto done = [] {
                return std::all_of(all.begin(), all.end(),
                                   [](const Endpoint& own) { return !own.collectives_open; });
            };
            until(limit, done, "collectives do not end");
            say(name, double(last_result - begin));
        } else if (what == "sums") {
            for (const Endpoint& own : all)
                for (std::size_t k = 0; k < sums_.size(); k++)
                    if (float_at(own, TO, k) != sums_[k]) wrong++;
        } else if (what == "ring") {
            in >> name;
            const uint64_t bytes = number(in);
            ring(name, bytes, number(in));
        } else {
            die("no command: " + line);
        }
        if (in.fail()) die("what does it mean: " + line);
    }

    void end() {
        say("errors", double(errors));
        say("wrong", double(wrong));
        say("strange", double(strange));
        say("unknown", double(unknown));
        say("unanswered", double(unanswered));
        say("cycles", double(now));
        std::printf("{%s}\n", json.c_str());
    }

  private:
    static uint64_t number(std::istream& in) {
        std::string text;
        in >> text;
        if (text.empty()) die("a number is missing");
        return std::stoull(text, nullptr, 0);
    }

    void tick() {
        top_->clk_i = 0;
        top_->eval();
        top_->clk_i = 1;
        top_->eval();
        now++;
        if (context_.gotFinish() || context_.gotError()) die("the RTL stopped");
    }

    template <typename Condition>
    void until(uint64_t limit, Condition condition, const char* what) {
        for (uint64_t n = 0; !condition(); n++) {
            if (n == limit) die(std::string(what) + " in " + std::to_string(limit) + " cycles");
            tick();
        }
    }

    void write(uint64_t at, uint32_t value) {
        top_->awaddr_i = at;
        top_->wdata_i = value;
        top_->awvalid_i = top_->wvalid_i = 1;
        // Ready is looked at before the edge that takes it.
        for (uint64_t n = 0; top_->awvalid_i || top_->wvalid_i; n++) {
            if (n == STUCK) die("a register is not written");
            top_->clk_i = 0;
            top_->eval();
            const bool aw = top_->awready_o, w = top_->wready_o;
            tick();
            if (aw) top_->awvalid_i = 0;
            if (w) top_->wvalid_i = 0;
        }
        until(STUCK, [&] { return top_->bvalid_o; }, "a write of a register is not answered");
        if (top_->bresp_o) die("register " + std::to_string(at) + " is refused");
        tick();
    }

    uint32_t read(uint64_t at) {
        top_->araddr_i = at;
        top_->arvalid_i = 1;
        for (uint64_t n = 0; top_->arvalid_i; n++) {
            if (n == STUCK) die("a register is not read");
            top_->clk_i = 0;
            top_->eval();
            const bool ar = top_->arready_o;
            tick();
            if (ar) top_->arvalid_i = 0;
        }
        until(STUCK, [&] { return top_->rvalid_o; }, "a read of a register is not answered");
        if (top_->rresp_o) die("register " + std::to_string(at) + " is refused");
        const uint32_t value = top_->rdata_o;
        tick();
        return value;
    }

    void open() {
        for (Endpoint& own : all) own.store_bytes = own.load_bytes = 0;
        opened_ = now;
        atomics_ = ended_atomics();
        wall_ = std::chrono::steady_clock::now();
    }

    static uint64_t ended_atomics() {
        uint64_t sum = 0;
        for (const Endpoint& own : all) sum += own.ended_atomics;
        return sum;
    }

    void close(const std::string& name) {
        const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - wall_;
        std::ostringstream text;
        text << "{\"cycles\": " << now - opened_ << ", \"cps\": " << (now - opened_) / seconds.count()
             << ", \"atomics\": " << ended_atomics() - atomics_ << ", \"stored\": [";
        for (int e = 0; e < endpoints; e++) text << (e ? ", " : "") << all[e].store_bytes;
        text << "], \"loaded\": [";
        for (int e = 0; e < endpoints; e++) text << (e ? ", " : "") << all[e].load_bytes;
        text << "]}";
        say(name, text.str());
    }

    static uint64_t under_way() {
        uint64_t sum = 0;
        for (const Endpoint& own : all)
            sum += own.stored.size() + own.loaded.size() + own.to_store.size() + own.atomic_open;
        return sum;
    }

    // Answers come in the order of the requests of a kind, so counts tell which have come.
    void settle(const std::string& name, uint64_t limit) {
        std::vector<std::array<uint64_t, 3>> wanted;
        for (const Endpoint& own : all)
            wanted.push_back({own.begun_stores, own.begun_loads, own.begun_atomics});
        const uint64_t begin = now, count = under_way();
        auto done = [&] {
            for (int e = 0; e < endpoints; e++) {
                const Endpoint& own = all[e];
                if (own.ended_stores < wanted[e][0] || own.ended_loads < wanted[e][1] ||
                    own.ended_atomics < wanted[e][2])
                    return false;
            }
            return true;
        };
        until(limit, done, "requests are not answered");
        say(name, double(now - begin));
        say(name + "_requests", double(count));
    }

    void drain(uint64_t limit) {
        for (Endpoint& own : all) {
            own.stores = own.loads = 0;
            own.atomic.clear();
        }
        for (uint64_t n = 0; n < limit && under_way(); n++) tick();
        unanswered += under_way();
        for (int n = 0; n < 200; n++) tick();
        for (int e = 0; e < endpoints; e++) {
            for (int dst = 0; dst < endpoints; dst++) {
                for (int block = e; block < BLOCKS; block += endpoints) {
                    const uint32_t version = all[e].issued[dst * BLOCKS + block];
                    if (version != all[e].acked[dst * BLOCKS + block]) continue;  // counted already
                    for (int k = 0; k < BLOCK / 8; k++) {
                        uint64_t word;
                        std::memcpy(&word, all[dst].memory.get() + block * BLOCK + 8 * k, 8);
                        if (word != pattern(dst, block, version, k)) {
                            wrong++;
                            break;
                        }
                    }
                }
            }
        }
    }

    void lone(const std::string& name, std::istream& in) {
        Endpoint& own = all.at(number(in));
        own.lone_dst = int(number(in));
        const uint64_t count = number(in);
        own.lone_left = int(count);
        own.latencies.clear();
        until(STUCK, [&] { return own.latencies.size() == count && own.loaded.empty(); },
              "lone loads do not end");
        own.lone_dst = -1;
        std::sort(own.latencies.begin(), own.latencies.end());
        std::ostringstream text;
        double sum = 0;
        for (uint64_t latency : own.latencies) sum += double(latency);
        text << "{\"least\": " << own.latencies.front() << ", \"mean\": " << sum / double(count)
             << ", \"most\": " << own.latencies.back() << "}";
        say(name, text.str());
    }

    static float float_at(const Endpoint& own, uint64_t base, std::size_t k) {
        float value;
        std::memcpy(&value, own.memory.get() + base + 4 * k, 4);
        return value;
    }

    // Integers below 2^19 with a common factor: sums of 16 are exact.
    void vectors(uint64_t bytes, uint64_t seed) {
        if (bytes > TO - FROM) die("vectors are too long");
        Random random{seed};
        sums_.assign(bytes / 4, 0.0f);
        for (Endpoint& own : all) {
            for (std::size_t k = 0; k < sums_.size(); k++) {
                const float value = float(int(random.below(1 << 20)) - (1 << 19)) / 4096;
                std::memcpy(own.memory.get() + FROM + 4 * k, &value, 4);
                sums_[k] += value;
            }
            std::memset(own.memory.get() + TO, 0xff, bytes);
        }
    }

    // 2 (N - 1) steps of 1/N of the vector. A step begins when all of the one before lies in the
    // memories; it lasts from there to the last beat that is written.
    void ring(const std::string& name, uint64_t bytes, uint64_t limit) {
        const uint64_t part = bytes / endpoints;
        if (part % BLOCK) die("a part is not of whole blocks");
        std::vector<std::vector<uint8_t>> held(endpoints);
        for (int e = 0; e < endpoints; e++) {
            const uint8_t* from = all[e].memory.get() + FROM;
            held[e].assign(from, from + bytes);
        }
        uint64_t cycles = 0;
        for (int step = 0; step < 2 * (endpoints - 1); step++) {
            const bool adds = step < endpoints - 1;
            const uint64_t begin = now;
            std::vector<uint64_t> goal;
            for (int e = 0; e < endpoints; e++) {
                const int to = (e + 1) % endpoints;
                const int which = ((e - step) % endpoints + endpoints) % endpoints;
                for (uint64_t at = part * which; at < part * (which + 1); at += BLOCK) {
                    Burst burst{};
                    burst.addr = address(to, TO + at);
                    burst.data = held[e].data() + at;
                    all[e].to_store.push_back(burst);
                }
                goal.push_back(all[e].written + part);
            }
            auto came = [&] {
                for (int e = 0; e < endpoints; e++)
                    if (all[e].written < goal[e]) return false;
                return true;
            };
            until(limit, came, "a step of the ring does not end");
            cycles += last_write - begin + 1;
            until(limit, [] { return under_way() == 0; }, "stores of the ring are not answered");
            for (int e = 0; e < endpoints; e++) {
                const int which = ((e - 1 - step) % endpoints + endpoints) % endpoints;
                for (uint64_t at = part * which; at < part * (which + 1); at += 4) {
                    float own, other;
                    std::memcpy(&own, held[e].data() + at, 4);
                    std::memcpy(&other, all[e].memory.get() + TO + at, 4);
                    own = adds ? own + other : other;
                    std::memcpy(held[e].data() + at, &own, 4);
                }
            }
        }
        for (int e = 0; e < endpoints; e++) {
            for (std::size_t k = 0; k < sums_.size(); k++) {
                float value;
                std::memcpy(&value, held[e].data() + 4 * k, 4);
                if (value != sums_[k]) wrong++;
            }
        }
        say(name, double(cycles));
    }

    VerilatedContext context_;
    std::unique_ptr<Vtop> top_;
    std::vector<float> sums_;
    uint64_t opened_ = 0, atomics_ = 0;
    std::chrono::steady_clock::time_point wall_;
};

}  // namespace

int main(int argc, char** argv) {
    for (int n = 1; n < argc; n++) {
        const std::string word = argv[n];
        const auto equals = word.find('=');
        if (equals == std::string::npos) die(word + " is not name=value");
        options[word.substr(0, equals)] = word.substr(equals + 1);
    }
    auto option = [](const char* name) { return std::stoi("0" + options[name]); };
    endpoints = option("endpoints");
    planes = option("planes");
    width = option("width");
    if (endpoints < 2 || endpoints * planes > 64 || BLOCKS % endpoints) die("how many endpoints?");
    if (width != 128 && width != 256 && width != 512) die("how wide?");
    bytes_of_beat = width / 8;
    beats_of_block = BLOCK / bytes_of_beat;
    all.resize(endpoints);
    for (int e = 0; e < endpoints; e++) {
        Endpoint& own = all[e];
        own.memory.reset(new uint8_t[std::size_t(1) << WINDOW_LOG2]());
        own.issued.assign(endpoints * BLOCKS, 0);
        own.acked.assign(endpoints * BLOCKS, 0);
        own.random = Random{uint64_t(option("seed")) * 64 + e};
        for (int block = 0; block < BLOCKS; block++) {
            for (int k = 0; k < BLOCK / 8; k++) {
                const uint64_t word = pattern(e, block, 0, k);
                std::memcpy(own.memory.get() + block * BLOCK + 8 * k, &word, 8);
            }
        }
    }
    Bench bench;
    std::string line;
    while (std::getline(std::cin, line))
        if (!line.empty()) bench.command(line);
    bench.end();
    return 0;
}
