// SPDX-License-Identifier: Apache-2.0
//
// Sources and sinks around sp_crossbar_bench. What is wanted comes as name=value, what was found
// is one line of JSON; a packet that is lost, repeated, out of order, at the wrong port or wrong in
// a bit ends the run with a message and code 1.
//
//   ports=N width=W             of the switch: ports, bits of a flit
//   write=ADDRESS:DATA          a register, any number of times
//   seed=S warm=W cycles=C      measure packets that arrive in cycles W to W + C, departures too
//   flow=IN,OUT,VC,LOAD,LEN     a flow of packets of LEN payload units, any number of times.
//                               IN is a port, * for each, or M/R for those that are R modulo M
//                               (2/1: odd ones); OUT a port, * for uniformly random ones, or all
//                               for multicasts of group 0, whose members are all ports; VC a
//                               number or * for random ones. LOAD is in flits a cycle; with 1e9
//                               the source always has a packet, which of several such flows of a
//                               VC is drawn
//   obey=1                      a packet starts only while s_vc_room of its VC is up
//   lone=1                      one packet at a time in the whole switch
//
// Each input has an unbounded queue for each VC; they take turns. A packet arrives whole, its first
// beat can be on the port in the same cycle, and its latency is the number of cycles from then to
// its first beat on the egress.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "Vtop.h"
#include "verilated.h"

namespace {

constexpr int NONE = -1;
constexpr int VCS = 4;
constexpr int CONTRIBUTIONS = 2;
// Multicasts are requests in queues of their own: their order among others is free.
constexpr int MULTICAST = VCS;
constexpr int KINDS = VCS + 1;
constexpr double SATURATED = 1e9;
// Longer than any packet can wait while others move.
constexpr uint64_t STUCK = 100000;

[[noreturn]] void die(const std::string& text) {
    std::fprintf(stderr, "%s\n", text.c_str());
    std::exit(1);
}

// A bit of a vector of ports, however Verilator holds it.
template <class T>
bool bit(const T& word, int n) {
    return (word >> n) & 1;
}
template <std::size_t W>
bool bit(const VlWide<W>& words, int n) {
    return (words[n / 32] >> (n % 32)) & 1;
}
template <class T>
void set(T& word, int n, bool value) {
    word = T((word & ~(T(1) << n)) | (T(value) << n));
}
template <std::size_t W>
void set(VlWide<W>& words, int n, bool value) {
    words[n / 32] = (words[n / 32] & ~(1u << (n % 32))) | (uint32_t(value) << (n % 32));
}

struct Random {  // splitmix64
    uint64_t state;
    uint64_t next() {
        uint64_t z = (state += 0x9e3779b97f4a7c15ull);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
        return z ^ (z >> 31);
    }
    uint32_t below(uint32_t n) { return uint32_t(((next() >> 32) * n) >> 32); }
};

struct Packet {
    uint64_t arrived;
    uint64_t number;   // in its flow: input, output, kind
    int next_in_queue;
    int next_in_flow;
    uint16_t in, out;  // out: the group of a multicast
    uint16_t copies;   // that have not come
    uint8_t vc, kind, len, flow;
};

struct List {
    int head = NONE, tail = NONE;
    uint32_t count = 0;
};

struct Flow {
    int every = 1, rest = 0, in = NONE;  // inputs
    int out = NONE;
    int vc = 0, kind = 0, len = 0;
    double load = 0;
    uint64_t chance = 0;     // of a packet in a cycle, of 2^64
    bool saturated = false;
    bool any_vc = false;
    // What was measured.
    uint64_t packets = 0, most = 0, least = ~0ull;
    double sum = 0;
    uint64_t open = 0;       // packets of the window that have not come
    std::vector<uint64_t> histogram;
    std::vector<uint64_t> flits_of_input;

    bool of(int i) const { return in != NONE ? i == in : i % every == rest; }
};

std::map<std::string, std::string> options;
std::vector<Flow> flows;

long long option(const char* name, long long otherwise) {
    const auto found = options.find(name);
    return found == options.end() ? otherwise : std::strtoll(found->second.c_str(), nullptr, 0);
}

Flow parse(const std::string& text, int units_per_flit) {
    Flow flow;
    char in[16], out[16], vc[16];
    if (std::sscanf(text.c_str(), "%15[^,],%15[^,],%15[^,],%lf,%d", in, out, vc, &flow.load,
                    &flow.len) != 5)
        die("flow=" + text + " is not IN,OUT,VC,LOAD,LEN");
    if (std::sscanf(in, "%d/%d", &flow.every, &flow.rest) != 2) {
        flow.every = 1, flow.rest = 0;
        if (in[0] != '*') flow.in = std::atoi(in);
    }
    flow.any_vc = vc[0] == '*';
    if (!flow.any_vc) flow.vc = std::atoi(vc);
    flow.kind = flow.vc;
    if (std::string(out) == "all") flow.kind = MULTICAST;
    else if (out[0] != '*') flow.out = std::atoi(out);
    const int flits = flow.len ? (flow.len + units_per_flit - 1) / units_per_flit : 1;
    flow.saturated = flow.load >= SATURATED;
    if (!flow.saturated) flow.chance = uint64_t(std::min(flow.load / flits, 1 - 1e-16) * 0x1p64);
    return flow;
}

class Bench {
  public:
    Bench(int ports, int width, uint64_t seed)
        : ports_(ports),
          units_per_flit_(width / 128),
          obey_(option("obey", 0)),
          inputs_(ports),
          outputs_(ports),
          of_flow_(std::size_t(ports) * ports * KINDS),
          sent_(of_flow_.size()),
          came_(of_flow_.size()) {
        context_.randReset(2);
        context_.randSeed(int(seed & 0x7fffffff) + 1);
        top_ = std::make_unique<Vtop>(&context_);
        for (int i = 0; i < ports; i++) inputs_[i].random.state = (seed << 20) + i;
        any_.state = seed << 40;
    }

    void reset(const std::vector<std::string>& writes) {
        top_->rst_ni = 0;
        top_->wvalid_i = 0;
        for (int i = 0; i < ports_; i++) set(top_->s_valid_i, i, false);
        for (int n = 0; n < 8; n++) edge();
        top_->rst_ni = 1;
        for (const std::string& write : writes) {
            const auto colon = write.find(':');
            if (colon == std::string::npos) die("write=" + write + " is not ADDRESS:DATA");
            top_->waddr_i = std::strtoul(write.c_str(), nullptr, 0);
            top_->wdata_i = std::strtoul(write.c_str() + colon + 1, nullptr, 0);
            top_->wvalid_i = 1;
            int waited = 0;
            do edge();
            while (!top_->bvalid_o && ++waited < 100000);
            if (!top_->bvalid_o || top_->bresp_o) die("register write " + write + " was refused");
            top_->wvalid_i = 0;
            edge();
        }
    }

    void run(uint64_t warm, uint64_t cycles) {
        from_ = warm;
        to_ = warm + cycles;
        flits_of_output_.assign(ports_, 0);
        const std::clock_t begin = std::clock();
        while (now_ < to_) cycle();
        cps_ = double(to_) * CLOCKS_PER_SEC / double(std::clock() - begin + 1);
        backlog_ = under_way_;
        // The load stays while packets of the window are under way. Those that it keeps from coming
        // must come without it.
        while (open() && now_ < to_ + STUCK) cycle();
        stopped_ = true;
        while (under_way_) cycle();
        // Nothing may come that was not sent.
        for (int n = 0; n < 1000; n++) cycle();
        for (std::size_t f = 0; f < sent_.size(); f++)
            if (sent_[f] != came_[f]) die("a flow has lost packets");
        top_->final();
    }

    void print() const {
        const double cycles = double(to_ - from_);
        std::printf("{\"cps\": %.1f, \"sent\": %llu, \"received\": %llu, \"backlog\": %llu, ", cps_,
                    (unsigned long long)total_sent_, (unsigned long long)total_came_,
                    (unsigned long long)backlog_);
        std::printf("\"by_output\": [");
        for (int j = 0; j < ports_; j++)
            std::printf("%s%.6f", j ? ", " : "", flits_of_output_[j] / cycles);
        std::printf("], \"flows\": [");
        for (std::size_t f = 0; f < flows.size(); f++) {
            const Flow& flow = flows[f];
            uint64_t seen = 0, p99 = 0;
            for (std::size_t k = 0; k < flow.histogram.size(); k++) {
                seen += flow.histogram[k];
                if (seen * 100 >= flow.packets * 99) {
                    p99 = k;
                    break;
                }
            }
            std::printf("%s{\"packets\": %llu, \"mean\": %.4f, \"p99\": %llu, \"least\": %lld, "
                        "\"most\": %llu, \"by_input\": [",
                        f ? ", " : "", (unsigned long long)flow.packets,
                        flow.packets ? flow.sum / flow.packets : 0.0, (unsigned long long)p99,
                        flow.packets ? (long long)flow.least : -1ll,
                        (unsigned long long)flow.most);
            for (int i = 0; i < ports_; i++)
                std::printf("%s%.6f", i ? ", " : "", flow.flits_of_input[i] / cycles);
            std::printf("]}");
        }
        std::printf("]}\n");
    }

  private:
    struct Input {
        Random random{0};
        List queues[VCS];
        int turn = 0;
        int sending = NONE;
        int beat = 0;
        bool shown = false;  // a beat is on the port
    };
    struct Output {
        int coming = NONE;
        int beat = 0;
    };

    void edge() {
        top_->clk_i = 0;
        top_->eval();
        top_->clk_i = 1;
        top_->eval();
    }

    int flits(const Packet& p) const {
        return p.len ? (p.len + units_per_flit_ - 1) / units_per_flit_ : 1;
    }
    std::size_t flow_of(int in, int out, int kind) const {
        return (std::size_t(in) * ports_ + out) * KINDS + kind;
    }

    bool open() const {
        for (const Flow& flow : flows)
            if (flow.open) return true;
        return false;
    }

    void arrive(int i, int f) {
        Flow& flow = flows[f];
        int n;
        if (unused_.empty()) {
            n = int(pool_.size());
            pool_.emplace_back();
        } else {
            n = unused_.back();
            unused_.pop_back();
        }
        Packet& p = pool_[n];
        Input& input = inputs_[i];
        p.arrived = now_;
        p.in = uint16_t(i);
        const bool multicast = flow.kind == MULTICAST;
        p.out = 0;
        if (!multicast) p.out = uint16_t(flow.out != NONE ? flow.out : input.random.below(ports_));
        p.copies = uint16_t(multicast ? ports_ : 1);
        p.vc = uint8_t(flow.any_vc ? input.random.below(VCS) : flow.vc);
        p.kind = uint8_t(multicast ? MULTICAST : p.vc);
        // A contribution has a payload at least.
        p.len = uint8_t(p.vc == CONTRIBUTIONS ? std::max(flow.len, 1) : flow.len);
        p.flow = uint8_t(f);
        p.next_in_queue = p.next_in_flow = NONE;
        append(input.queues[p.vc], n, &Packet::next_in_queue);
        p.number = sent_[flow_of(i, p.out, p.kind)];
        // All multicasts go to all outputs, so that one link to the next serves each of them.
        for (int j = p.out; j < p.out + p.copies; j++) {
            const std::size_t of = flow_of(i, j, p.kind);
            sent_[of]++;
            append(of_flow_[of], n, &Packet::next_in_flow);
        }
        total_sent_ += p.copies;
        under_way_ += p.copies;
        if (now_ >= from_ && now_ < to_) flow.open += p.copies;
    }

    void append(List& list, int n, int Packet::* next) {
        if (list.head == NONE) list.head = n;
        else pool_[list.tail].*next = n;
        list.tail = n;
        list.count++;
    }
    void remove(List& list, int Packet::* next) {
        list.head = pool_[list.head].*next;
        list.count--;
    }

    // One of the flows for which an input always has a packet.
    int draw(int i, int vc) {
        choice_.clear();
        for (std::size_t f = 0; f < flows.size(); f++)
            if (flows[f].saturated && flows[f].vc == vc && flows[f].of(i))
                choice_.push_back(int(f));
        return choice_[inputs_[i].random.below(uint32_t(choice_.size()))];
    }

    void generate() {
        if (stopped_) return;
        if (lone_) {
            if (under_way_) pause_ = 1 + any_.below(64);
            else if (--pause_ == 0) arrive(int(any_.below(ports_)), 0);
            return;
        }
        for (int i = 0; i < ports_; i++) {
            for (std::size_t f = 0; f < flows.size(); f++) {
                const Flow& flow = flows[f];
                if (!flow.of(i)) continue;
                if (flow.saturated) {
                    while (inputs_[i].queues[flow.vc].count < 2) arrive(i, draw(i, flow.vc));
                } else if (inputs_[i].random.next() < flow.chance) {
                    arrive(i, int(f));
                }
            }
        }
    }

    void drive(int i) {
        Input& input = inputs_[i];
        if (input.shown) return;
        if (input.sending == NONE) {
            const unsigned room = obey_ ? top_->s_room_o[i] : 0xf;
            for (int k = 0; k < VCS; k++) {
                const int vc = (input.turn + k) % VCS;
                if (input.queues[vc].head == NONE || !((room >> vc) & 1)) continue;
                input.sending = input.queues[vc].head;
                input.turn = vc + 1;
                input.beat = 0;
                remove(input.queues[vc], &Packet::next_in_queue);
                break;
            }
            if (input.sending == NONE) {
                set(top_->s_valid_i, i, false);
                return;
            }
        }
        const Packet& p = pool_[input.sending];
        top_->s_dst_i[i] = p.out;
        top_->s_kind_i[i] = p.kind;
        top_->s_len_i[i] = p.len;
        top_->s_number_i[i] = p.number;
        top_->s_beat_i[i] = uint8_t(input.beat);
        set(top_->s_last_i, i, input.beat + 1 == flits(p));
        set(top_->s_valid_i, i, true);
        input.shown = true;
    }

    void taken(int i) {
        Input& input = inputs_[i];
        input.shown = false;
        if (++input.beat == flits(pool_[input.sending])) input.sending = NONE;
    }

    [[noreturn]] void wrong(int j, const char* what) {
        die("cycle " + std::to_string(now_) + ", output " + std::to_string(j) + ": " + what);
    }

    void receive(int j) {
        Output& output = outputs_[j];
        if (!bit(top_->m_right_o, j)) wrong(j, "a bit is wrong");
        if (output.coming == NONE) {
            const int src = top_->m_src_o[j], dst = top_->m_dst_o[j], kind = top_->m_kind_o[j];
            if (dst != (kind == MULTICAST ? 0 : j) || src >= ports_ || kind >= KINDS)
                wrong(j, "a packet came to the wrong port");
            const List& list = of_flow_[flow_of(src, j, kind)];
            if (list.head == NONE) wrong(j, "a packet came that was not sent");
            const Packet& p = pool_[list.head];
            if (top_->m_number_o[j] != p.number || top_->m_len_o[j] != p.len)
                wrong(j, "a packet is not the next one of its flow");
            output.coming = list.head;
            output.beat = 0;
            if (inputs_[src].sending == list.head && inputs_[src].beat == 0)
                wrong(j, "a packet came before it was sent");
            begins(p);
        }
        Packet& p = pool_[output.coming];
        if (top_->m_beat_o[j] != output.beat) wrong(j, "a beat is not the next one of its packet");
        const bool last = ++output.beat == flits(p);
        if (bit(top_->m_last_o, j) != last) wrong(j, "a packet does not end where it should");
        if (now_ >= from_ && now_ < to_) {
            flits_of_output_[j]++;
            flows[p.flow].flits_of_input[p.in]++;
        }
        if (!last) return;
        const std::size_t of = flow_of(p.in, j, p.kind);
        came_[of]++;
        total_came_++;
        under_way_--;
        moved_ = now_;
        remove(of_flow_[of], &Packet::next_in_flow);
        if (--p.copies == 0) unused_.push_back(output.coming);
        output.coming = NONE;
    }

    void begins(const Packet& p) {
        if (p.arrived < from_ || p.arrived >= to_) return;
        Flow& flow = flows[p.flow];
        const uint64_t latency = now_ - p.arrived;
        flow.open--;
        flow.packets++;
        flow.sum += double(latency);
        flow.most = std::max(flow.most, latency);
        flow.least = std::min(flow.least, latency);
        if (latency >= flow.histogram.size()) flow.histogram.resize(latency + 1);
        flow.histogram[latency]++;
    }

    void cycle() {
        generate();
        for (int i = 0; i < ports_; i++) drive(i);
        top_->clk_i = 0;
        top_->eval();
        for (int i = 0; i < ports_; i++)
            if (inputs_[i].shown && bit(top_->s_ready_o, i)) taken(i);
        for (int j = 0; j < ports_; j++)
            if (bit(top_->m_valid_o, j)) receive(j);
        top_->clk_i = 1;
        top_->eval();
        if (context_.gotFinish() || context_.gotError()) die("the RTL stopped");
        if (!under_way_) moved_ = now_;
        if (now_ - moved_ > STUCK)
            die(std::to_string(under_way_) + " packets do not come any more");
        now_++;
    }

    int ports_, units_per_flit_;
    bool obey_, lone_ = option("lone", 0), stopped_ = false;
    VerilatedContext context_;
    std::unique_ptr<Vtop> top_;
    Random any_{0};
    std::vector<Input> inputs_;
    std::vector<Output> outputs_;
    std::vector<Packet> pool_;
    std::vector<int> unused_, choice_;
    std::vector<List> of_flow_;            // packets under way, by input, output and VC
    std::vector<uint64_t> sent_, came_;    // the same
    std::vector<uint64_t> flits_of_output_;
    uint64_t now_ = 0, from_ = 0, to_ = 0, moved_ = 0, pause_ = 1;
    uint64_t total_sent_ = 0, total_came_ = 0, under_way_ = 0, backlog_ = 0;
    double cps_ = 0;  // of processor time, since others may run besides
};

}  // namespace

int main(int argc, char** argv) {
    std::vector<std::string> texts, writes;
    for (int n = 1; n < argc; n++) {
        const std::string word = argv[n];
        const auto equals = word.find('=');
        if (equals == std::string::npos) die(word + " is not name=value");
        if (word.compare(0, equals, "flow") == 0) texts.push_back(word.substr(equals + 1));
        else if (word.compare(0, equals, "write") == 0) writes.push_back(word.substr(equals + 1));
        else options[word.substr(0, equals)] = word.substr(equals + 1);
    }
    const int ports = int(option("ports", 0)), width = int(option("width", 128));
    for (const std::string& text : texts) {
        flows.push_back(parse(text, width / 128));
        flows.back().flits_of_input.assign(ports, 0);
    }
    if (ports < 2 || flows.empty() || flows.size() > 255) die("no ports or no flows");
    Bench bench{ports, width, uint64_t(option("seed", 1))};
    bench.reset(writes);
    bench.run(uint64_t(option("warm", 0)), uint64_t(option("cycles", 10000)));
    bench.print();
    return 0;
}
