// SPDX-License-Identifier: Apache-2.0
//
// The ring pipe: one call a rising edge moves every beat of every port between the simulation and
// rings of packets that numpy shares, with random stalls on both sides and AXI4-Stream checks.
// Plain DPI-C (svdpi.h): any simulator links it. docs/testbench.md tells what it guarantees;
// tb/signal_pipe.py does the same, cycle for cycle, through cocotb handles.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "pipe_layout.h"
#include "svdpi.h"

namespace {

/// xorshift64*: small, and easy to say again in Python.
struct Random {
  uint64_t state = 1;

  void seed(uint64_t seed, uint64_t stream) {
    uint64_t z = seed * 0x9E3779B97F4A7C15ull + (stream + 1) * 0xD1342543DE82EF95ull;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    state = (z ^ (z >> 31)) | 1;
  }

  uint64_t next() {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545F4914F6CDD1Dull;
  }
};

/// A random stall: `busy` says each cycle whether one is on.
struct Stall {
  Random random;
  uint32_t left = 0;

  bool busy(uint32_t p, uint32_t longest) {
    if (left != 0) {
      --left;
      return true;
    }
    if (p == 0) return false;
    const uint64_t draw = random.next();
    if (static_cast<uint32_t>(draw >> 32) >= p) return false;
    left = static_cast<uint32_t>(((draw & 0xFFFFFFFFu) * longest) >> 32);
    return true;
  }
};

inline bool bit(const svBitVecVal* v, unsigned at) { return (v[at / 32] >> (at % 32)) & 1; }

inline void put_bit(svBitVecVal* v, unsigned at, bool value) {
  const svBitVecVal mask = svBitVecVal{1} << (at % 32);
  v[at / 32] = value ? (v[at / 32] | mask) : (v[at / 32] & ~mask);
}

/// 32 bits from any bit position. Never reads a word that holds none of them.
inline uint32_t get32(const svBitVecVal* v, unsigned at) {
  const unsigned word = at / 32, shift = at % 32;
  if (shift == 0) return v[word];
  return (v[word] >> shift) | (v[word + 1] << (32 - shift));
}

inline void put32(svBitVecVal* v, unsigned at, uint32_t value) {
  const unsigned word = at / 32, shift = at % 32;
  if (shift == 0) {
    v[word] = value;
  } else {
    v[word] = (v[word] & ((1u << shift) - 1)) | (value << shift);
    v[word + 1] = (v[word + 1] & ~((1u << shift) - 1)) | (value >> (32 - shift));
  }
}

/// A header field; none crosses a 64-bit word.
inline unsigned field(const uint8_t* header, unsigned lsb, unsigned width) {
  uint64_t word;
  std::memcpy(&word, header + lsb / 64 * 8, sizeof(word));
  return static_cast<unsigned>(word >> (lsb % 64)) & ((1u << width) - 1);
}

/// Copy one flit; the usual widths without a call.
inline void copy_flit(void* to, const void* from, size_t bytes) {
  switch (bytes) {
    case 16: std::memcpy(to, from, 16); break;
    case 32: std::memcpy(to, from, 32); break;
    case 64: std::memcpy(to, from, 64); break;
    default: std::memcpy(to, from, bytes);
  }
}

struct Source {
  Stall gap;
  Packet* packet = nullptr;  // on its way, or null
  uint32_t beat = 0;
  uint32_t vc = 0;
  bool valid = false;
};

struct Sink {
  Stall stall;
  Stall room_stall[kMaxVcs];
  uint32_t beat = 0;      // beats taken of the packet on its way
  uint32_t expected = 0;  // beats that its header announces
  uint32_t used = 0;      // bytes that its header announces
  bool waits = false;     // tvalid without tready in the last cycle
  bool last = false;
  uint32_t room_late[kMaxVcs] = {};  // packets started since vc_room was withdrawn
  bool room_moves = true;           // some channel has no room, or had none of late
};

class Pipe {
 public:
  Pipe(unsigned ports, unsigned data_w, unsigned tuser_w, unsigned probe_w)
      : ports_(ports), tuser_w_(tuser_w), probe_w_(probe_w) {
    const char* folder = std::getenv("SP_RUN_DIR");
    folder_ = folder ? folder : ".";
    const std::string path = folder_ + "/pipes.bin";
    const int file = open(path.c_str(), O_RDWR);
    struct stat status {};
    if (file < 0 || fstat(file, &status) != 0) {
      std::perror(path.c_str());
      std::abort();
    }
    size_ = static_cast<size_t>(status.st_size);
    void* base = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (base == MAP_FAILED) {
      std::perror(path.c_str());
      std::abort();
    }
    base_ = static_cast<uint8_t*>(base);
    ctl_ = reinterpret_cast<Control*>(base_);
    if (ctl_->magic != kMagic || ctl_->ports != ports || ctl_->flit_bytes * 8 != data_w ||
        ctl_->tuser_w != tuser_w || ctl_->probe_w != probe_w) {
      std::fprintf(stderr, "pipe: %s was not made for this harness\n", path.c_str());
      std::abort();
    }
    port_ = reinterpret_cast<PortBlock*>(base_ + sizeof(Control));
    violation_ = reinterpret_cast<Violation*>(port_ + ports);
    bytes_ = ctl_->flit_bytes;
    vcs_ = ctl_->vcs;
    mask_ = ctl_->ring_rows - 1;
    sources_.resize(ports);
    sinks_.resize(ports);
    for (unsigned p = 0; p < ports; ++p) {
      sources_[p].gap.random.seed(ctl_->seed, p * 8);
      sinks_[p].stall.random.seed(ctl_->seed, p * 8 + 1);
      for (unsigned v = 0; v < kMaxVcs; ++v)
        sinks_[p].room_stall[v].random.seed(ctl_->seed, p * 8 + 2 + v);
    }
    s_valid_.resize(words(ports));
    s_last_.resize(words(ports));
    s_data_.resize(words(ports * data_w));
    s_user_.resize(words(ports * tuser_w) + 1);
    m_ready_.resize(words(ports));
    m_room_.resize(words(ports * kMaxVcs));
    old_data_.resize(words(ports * data_w));
    old_user_.resize(ports * words(tuser_w));
    ctl_->open = 1;
  }

  ~Pipe() {
    if (record_ != nullptr) std::fclose(record_);
    munmap(base_, size_);
  }

  bool step(bool reset, const svBitVecVal* s_ready, const svBitVecVal* s_room,
            const svBitVecVal* m_valid, const svBitVecVal* m_last, const svBitVecVal* m_data,
            const svBitVecVal* m_user, const svBitVecVal* probes) {
    const uint64_t cycle = ctl_->cycle;
    if (ctl_->record || record_ != nullptr) record(reset, s_ready, s_room, m_valid, probes);
    reasons_ = 0;
    life_ = false;
    if (reset) {
      hold(m_valid);
    } else {
      in_reset_ = 0;
      for (unsigned p = 0; p < ports_; ++p) {
        if (port_[p].down) {
          forget(p);
          if (bit(m_valid, p)) violate(k_while_down, p, cycle, 0, 1);
          continue;
        }
        source(p, cycle, bit(s_ready, p), s_room);
        sink(p, cycle, bit(m_valid, p), bit(m_last, p), m_data, m_user);
      }
    }
    if (life_) ctl_->quiet_since = cycle;
    ctl_->cycle = cycle + 1;
    if (!ctl_->armed) return false;
    if (cycle + 1 >= ctl_->wake_at) reasons_ |= kWakeTime;
    if (cycle - ctl_->quiet_since >= ctl_->quiet_cycles) reasons_ |= kWakeIdle;
    if ((reasons_ & ctl_->wake_on) == 0) return false;
    ctl_->woke = reasons_ & ctl_->wake_on;
    ctl_->armed = 0;
    return true;
  }

  void outputs(svBitVecVal* s_valid, svBitVecVal* s_last, svBitVecVal* s_data,
               svBitVecVal* s_user, svBitVecVal* m_ready, svBitVecVal* m_room) const {
    copy(s_valid, s_valid_, words(ports_));
    copy(s_last, s_last_, words(ports_));
    copy(s_data, s_data_, s_data_.size());
    copy(s_user, s_user_, words(ports_ * tuser_w_));
    copy(m_ready, m_ready_, words(ports_));
    copy(m_room, m_room_, words(ports_ * kMaxVcs));
  }

 private:
  using Vector = std::vector<svBitVecVal>;

  static unsigned words(unsigned bits) { return (bits + 31) / 32; }
  static void copy(svBitVecVal* to, const Vector& from, size_t count) {
    std::memcpy(to, from.data(), count * sizeof(svBitVecVal));
  }

  Packet* row(unsigned port, unsigned ring, uint32_t index) const {
    const size_t rings = size_t{port} * (vcs_ + 1) + ring;
    return reinterpret_cast<Packet*>(base_ + ctl_->rings_at) + rings * (mask_ + 1) +
           (index & mask_);
  }

  /// What all ports showed and were driven with in this cycle; ring_layout.py has the order.
  void record(bool reset, const svBitVecVal* s_ready, const svBitVecVal* s_room,
              const svBitVecVal* m_valid, const svBitVecVal* probes) {
    if (!ctl_->record) {
      std::fclose(record_);
      record_ = nullptr;
      return;
    }
    if (record_ == nullptr) record_ = std::fopen((folder_ + "/record.bin").c_str(), "ab");
    if (record_ == nullptr) {
      std::perror("record.bin");
      std::abort();
    }
    const unsigned one = words(ports_), each = words(ports_ * kMaxVcs);
    const svBitVecVal in_reset = reset;
    write(&in_reset, 1);
    write(s_valid_.data(), one);
    write(s_ready, one);
    write(m_valid, one);
    write(m_ready_.data(), one);
    write(s_room, each);
    write(m_room_.data(), each);
    write(probes, words(probe_w_));
  }

  void write(const svBitVecVal* from, size_t count) {
    if (std::fwrite(from, sizeof(svBitVecVal), count, record_) != count) {
      std::perror("record.bin");
      std::abort();
    }
  }

  void violate(Kind kind, unsigned port, uint64_t cycle, uint32_t expected, uint32_t seen) {
    const uint64_t at = ctl_->violations++;
    if (at < kMaxViolations) violation_[at] = {cycle, port, kind, expected, seen};
    reasons_ |= kWakeViolation;
  }

  /// In reset: offer nothing, take nothing, forget what was on its way.
  void hold(const svBitVecVal* m_valid) {
    for (unsigned p = 0; p < ports_; ++p) {
      // A synchronous reset needs an edge to take hold, and one more behind a register.
      if (in_reset_ >= 2 && bit(m_valid, p)) violate(k_in_reset, p, ctl_->cycle, 0, 1);
      forget(p);
    }
    life_ = true;
    ++in_reset_;
  }

  /// Offer nothing, take nothing. A packet on its way in is sent anew later, one on its way out
  /// has never been.
  void forget(unsigned p) {
    sources_[p].packet = nullptr;
    sources_[p].valid = false;
    sinks_[p].beat = 0;
    sinks_[p].waits = false;
    sinks_[p].room_moves = true;
    put_bit(s_valid_.data(), p, false);
    put_bit(m_ready_.data(), p, false);
    for (unsigned v = 0; v < kMaxVcs; ++v) put_bit(m_room_.data(), p * kMaxVcs + v, false);
  }

  void source(unsigned p, uint64_t cycle, bool ready, const svBitVecVal* room) {
    Source& s = sources_[p];
    PortBlock& b = port_[p];
    if (s.valid) {
      life_ = true;
      if (!ready) {
        ++b.blocked;
        return;
      }
      ++b.flits_in;
      if (s.beat == 0) s.packet->stamp = cycle;
      if (++s.beat == s.packet->flits) {
        s.packet->stamp_last = cycle;
        s.packet = nullptr;
        ++b.packets_in;
        const uint32_t tail = ++b.in_tail[s.vc];
        if (b.more[s.vc] && b.in_head[s.vc] - tail < ctl_->low_rows) reasons_ |= kWakeLow;
      }
    }
    if (s.packet == nullptr && !pick(s, b, p, cycle, room)) {
      idle(s, p);
      return;
    }
    if (s.gap.busy(b.gap_p, b.gap_longest)) {
      life_ = true;
      ++b.gap;
      idle(s, p);
      return;
    }
    present(s, p);
  }

  /// Take the next packet that is due and has room, virtual channels in turn.
  bool pick(Source& s, PortBlock& b, unsigned p, uint64_t cycle, const svBitVecVal* room) {
    bool waits = false;
    for (unsigned k = 1; k <= vcs_; ++k) {
      const unsigned vc = (s.vc + k) % vcs_;
      if (b.in_head[vc] == b.in_tail[vc]) continue;
      life_ = true;
      Packet* packet = row(p, vc, b.in_tail[vc]);
      if (packet->not_before > cycle + 1) continue;
      if (vcs_ > 1 && !ctl_->hasty && !bit(room, p * kMaxVcs + vc)) {
        waits = true;
        continue;
      }
      s.packet = packet;
      s.beat = 0;
      s.vc = vc;
      return true;
    }
    ++(waits ? b.no_room : b.empty);
    return false;
  }

  void idle(Source& s, unsigned p) {
    if (s.valid && ctl_->junk) {
      put_bit(s_last_.data(), p, true);
      put_bit(s_user_.data(), p * tuser_w_ + ctl_->error_bit, true);
    }
    s.valid = false;
    put_bit(s_valid_.data(), p, false);
  }

  void present(Source& s, unsigned p) {
    const Packet& packet = *s.packet;
    const bool last = s.beat + 1 >= packet.flits;
    const size_t from = size_t{s.beat} * bytes_;
    uint8_t* data = reinterpret_cast<uint8_t*>(s_data_.data()) + size_t{p} * bytes_;
    if (from + bytes_ <= sizeof(packet.data)) {
      copy_flit(data, packet.data + from, bytes_);
    } else {
      const size_t count = from < sizeof(packet.data) ? sizeof(packet.data) - from : 0;
      std::memcpy(data, packet.data + from, count);
      std::memset(data + count, 0, bytes_ - count);
    }
    const unsigned user = p * tuser_w_;
    // tuser holds a header on the first beat only, tuser[error] counts on the last beat only.
    if (s.beat == 0 || (s.beat == 1 && ctl_->junk)) {
      const uint32_t flip = s.beat == 0 ? 0 : ~0u;
      for (unsigned k = 0; k < 4; ++k) {
        uint32_t word;
        std::memcpy(&word, packet.hdr + 4 * k, 4);
        put32(s_user_.data(), user + ctl_->header_lsb + 32 * k, word ^ flip);
      }
    }
    const bool error = last ? (packet.flags & 1) : ctl_->junk;
    put_bit(s_user_.data(), user + ctl_->error_bit, error);
    put_bit(s_last_.data(), p, last);
    put_bit(s_valid_.data(), p, true);
    s.valid = true;
  }

  void sink(unsigned p, uint64_t cycle, bool valid, bool last, const svBitVecVal* m_data,
            const svBitVecVal* m_user) {
    Sink& s = sinks_[p];
    PortBlock& b = port_[p];
    const bool ready = bit(m_ready_.data(), p);
    if (s.waits) check_stable(s, p, cycle, valid, last, m_data, m_user);
    if (valid) {
      life_ = true;
      if (s.beat == 0 && !s.waits && vcs_ > 1) check_room(s, p, cycle, m_user);
      if (ready) {
        take(s, b, p, cycle, last, m_data, m_user);
      } else {
        ++b.stalled;
        if (!s.waits) remember(s, p, last, m_data, m_user);
      }
    }
    s.waits = valid && !ready;

    bool give = !s.stall.busy(b.ready_p, b.ready_longest);
    if (b.out_head - b.out_tail > mask_) {
      ++b.host_full;
      reasons_ |= kWakeHigh;
      give = false;
    }
    put_bit(m_ready_.data(), p, give);
    if (b.room_p != 0 || s.room_moves) give_room(s, b, p);
  }

  void give_room(Sink& s, const PortBlock& b, unsigned p) {
    s.room_moves = false;
    for (unsigned v = 0; v < kMaxVcs; ++v) {
      const bool room = !s.room_stall[v].busy(b.room_p, b.room_longest);
      put_bit(m_room_.data(), p * kMaxVcs + v, room);
      if (room) s.room_late[v] = 0;
      if (!room) s.room_moves = true;
    }
  }

  uint32_t user32(const svBitVecVal* m_user, unsigned p, unsigned at) const {
    return get32(m_user, p * tuser_w_ + at);
  }

  /// After a channel lost its room only so many packets as are on the way may start on it.
  void check_room(Sink& s, unsigned p, uint64_t cycle, const svBitVecVal* m_user) {
    const unsigned at = p * tuser_w_ + ctl_->header_lsb + ctl_->vc_lsb;
    const unsigned vc = bit(m_user, at) | (bit(m_user, at + 1) << 1);
    if (bit(m_room_.data(), p * kMaxVcs + vc)) return;
    if (++s.room_late[vc] > ctl_->room_late) violate(k_no_room, p, cycle, ctl_->room_late, vc);
  }

  void remember(Sink& s, unsigned p, bool last, const svBitVecVal* m_data,
                const svBitVecVal* m_user) {
    const unsigned w = bytes_ / 4;
    std::memcpy(&old_data_[p * w], m_data + p * w, bytes_);
    for (unsigned k = 0; k < tuser_w_; k += 32)
      old_user_[p * words(tuser_w_) + k / 32] = part(m_user, p, k);
    s.last = last;
  }

  uint32_t part(const svBitVecVal* m_user, unsigned p, unsigned at) const {
    const unsigned left = tuser_w_ - at;
    if (left >= 32) return user32(m_user, p, at);
    uint32_t value = 0;
    for (unsigned k = 0; k < left; ++k)
      value |= uint32_t{bit(m_user, p * tuser_w_ + at + k)} << k;
    return value;
  }

  void check_stable(const Sink& s, unsigned p, uint64_t cycle, bool valid, bool last,
                    const svBitVecVal* m_data, const svBitVecVal* m_user) {
    if (!valid) {
      violate(k_tvalid_dropped, p, cycle, 1, 0);
      return;
    }
    const unsigned w = bytes_ / 4;
    bool same = last == s.last && std::memcmp(&old_data_[p * w], m_data + p * w, bytes_) == 0;
    for (unsigned k = 0; same && k < tuser_w_; k += 32)
      same = old_user_[p * words(tuser_w_) + k / 32] == part(m_user, p, k);
    if (!same) violate(k_unstable, p, cycle, 0, s.beat);
  }

  void take(Sink& s, PortBlock& b, unsigned p, uint64_t cycle, bool last,
            const svBitVecVal* m_data, const svBitVecVal* m_user) {
    Packet& packet = *row(p, vcs_, b.out_head);
    ++b.flits_out;
    if (s.beat == 0) {
      packet.not_before = 0;
      packet.stamp = cycle;
      packet.port = p;
      packet.tail = 0;
      for (unsigned k = 0; k < 4; ++k) {
        const uint32_t word = user32(m_user, p, ctl_->header_lsb + 32 * k);
        std::memcpy(packet.hdr + 4 * k, &word, 4);
      }
      const unsigned length = field(packet.hdr, ctl_->len_lsb, ctl_->len_w);
      const unsigned ext = field(packet.hdr, ctl_->ext_lsb, ctl_->ext_w);
      s.used = 16 * (length + static_cast<unsigned>(__builtin_popcount(ext)));
      s.expected = s.used == 0 ? 1 : (s.used + bytes_ - 1) / bytes_;
    }
    const size_t from = size_t{s.beat} * bytes_;
    if (from + bytes_ <= sizeof(packet.data)) {
      copy_flit(packet.data + from, m_data + p * (bytes_ / 4), bytes_);
    } else if (from < sizeof(packet.data)) {
      std::memcpy(packet.data + from, m_data + p * (bytes_ / 4), sizeof(packet.data) - from);
    }
    ++s.beat;
    const uint32_t longest = (sizeof(packet.data) + bytes_ - 1) / bytes_;
    if (!last && s.beat >= longest && ctl_->check_length) {
      violate(k_too_long, p, cycle, longest, s.beat);
      last = true;
    } else if (last && s.beat != s.expected && ctl_->check_length) {
      violate(k_length, p, cycle, s.expected, s.beat);
    }
    if (!last) return;
    packet.flits = s.beat;
    packet.flags = bit(m_user, p * tuser_w_ + ctl_->error_bit);
    packet.stamp_last = cycle;
    // What lies behind the announced units is filler.
    const size_t end = std::min<size_t>({size_t{s.beat} * bytes_, s.used, sizeof(packet.data)});
    std::memset(packet.data + end, 0, sizeof(packet.data) - end);
    s.beat = 0;
    ++b.packets_out;
    if (++b.out_head - b.out_tail >= ctl_->high_rows) reasons_ |= kWakeHigh;
  }

  const unsigned ports_, tuser_w_, probe_w_;
  unsigned bytes_ = 0, vcs_ = 1, reasons_ = 0;
  uint32_t mask_ = 0;
  uint32_t in_reset_ = 0;
  bool life_ = false;
  uint8_t* base_ = nullptr;
  size_t size_ = 0;
  std::string folder_;
  std::FILE* record_ = nullptr;  // while every cycle is recorded
  Control* ctl_ = nullptr;
  PortBlock* port_ = nullptr;
  Violation* violation_ = nullptr;
  std::vector<Source> sources_;
  std::vector<Sink> sinks_;
  Vector s_valid_, s_last_, s_data_, s_user_, m_ready_, m_room_, old_data_, old_user_;
};

}  // namespace

extern "C" {

/// Open the pipe of this run. The file must be there: Python makes it before it asks.
void* sp_pipe_open(int ports, int data_w, int tuser_w, int probe_w) {
  return new Pipe(static_cast<unsigned>(ports), static_cast<unsigned>(data_w),
                  static_cast<unsigned>(tuser_w), static_cast<unsigned>(probe_w));
}

/// Close a pipe.
void sp_pipe_close(void* pipe) { delete static_cast<Pipe*>(pipe); }

/// One rising edge: what the ports showed before it, what they are driven with after it.
/// Returns whether Python is to be woken.
svBit sp_pipe_step(void* pipe, svBit reset, const svBitVecVal* s_ready, const svBitVecVal* s_room,
                   const svBitVecVal* m_valid, const svBitVecVal* m_last,
                   const svBitVecVal* m_data, const svBitVecVal* m_user,
                   const svBitVecVal* probes, svBitVecVal* s_valid, svBitVecVal* s_last,
                   svBitVecVal* s_data, svBitVecVal* s_user, svBitVecVal* m_ready,
                   svBitVecVal* m_room) {
  Pipe& p = *static_cast<Pipe*>(pipe);
  const bool wake = p.step(reset, s_ready, s_room, m_valid, m_last, m_data, m_user, probes);
  p.outputs(s_valid, s_last, s_data, s_user, m_ready, m_room);
  return wake;
}

}  // extern "C"
