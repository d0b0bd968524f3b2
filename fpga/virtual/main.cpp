// SPDX-License-Identifier: Apache-2.0
//
// The virtual board: a board's top, Verilated, with the host's UART on a pseudo-terminal.
//
//   sim <link> <clock Hz> <baud> [cycles]
//
// Makes <link> a symbolic link to the terminal, prints "port <terminal>" and runs until it is told
// to stop (SIGTERM, SIGINT, the end of the parent) or `cycles` have passed; then prints
// "cycles <n> seconds <s>". A UART bit lasts clock / baud cycles of the board, so the host talks to it
// as to a real one, only slower. Pins come as macros from the build.

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <termios.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>

#include "Vtop.h"
#include "verilated.h"

namespace {

volatile sig_atomic_t stopped = 0;
void stop(int) { stopped = 1; }

/// Bit times of clock / baud cycles: whole ones that are right on average.
struct BitClock {
  uint64_t clock, baud, rest = 0;
  uint32_t left = 0;

  /// Begins with a whole bit time, which goes on from the one before, or with half of one.
  void start(bool half) {
    if (half) rest = 0;
    load(half ? clock / 2 : clock);
  }
  /// A cycle passes; true at the end of a bit time, when the next one begins.
  bool tick() {
    if (--left != 0) return false;
    load(clock);
    return true;
  }

 private:
  void load(uint64_t length) {
    rest += length;
    left = static_cast<uint32_t>(rest / baud);
    rest %= baud;
  }
};

/// Bytes to the board's input pin.
struct Sender {
  BitClock time;
  unsigned shift = 1, bits = 0;  // stop bit as sentinel

  bool idle() const { return bits == 0; }
  void send(uint8_t byte) {
    shift = (1u << 9) | (unsigned{byte} << 1);
    bits = 10;
    time.start(false);
  }
  bool level() const { return bits == 0 || (shift & 1); }
  void cycle() {
    if (bits != 0 && time.tick()) {
      shift >>= 1;
      --bits;
    }
  }
};

/// Bytes from the board's output pin.
struct Receiver {
  BitClock time;
  unsigned shift = 0, bits = 0;

  /// A cycle with this level; the byte that it completes, or -1.
  int cycle(bool level) {
    if (bits == 0) {
      if (!level) {
        bits = 10;
        time.start(true);
      }
      return -1;
    }
    if (!time.tick()) return -1;
    if (bits == 10 && level) {  // no start bit
      bits = 0;
      return -1;
    }
    shift = (shift >> 1) | (level ? 0x200u : 0);
    return --bits == 0 ? static_cast<int>((shift >> 1) & 0xFF) : -1;
  }
};

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

int open_terminal(const char* link) {
  const int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
  if (terminal < 0 || grantpt(terminal) != 0 || unlockpt(terminal) != 0) fail("pseudo-terminal");
  const char* name = ptsname(terminal);
  // An open slave keeps the terminal alive while no host is there; raw, so that bytes stay bytes.
  const int slave = open(name, O_RDWR | O_NOCTTY);
  termios mode{};
  if (slave < 0 || tcgetattr(slave, &mode) != 0) fail(name);
  cfmakeraw(&mode);
  if (tcsetattr(slave, TCSANOW, &mode) != 0) fail(name);
  unlink(link);
  if (symlink(name, link) != 0) fail(link);
  std::printf("port %s\n", name);
  std::fflush(stdout);
  return terminal;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: %s <link> <clock Hz> <baud> [cycles]\n", argv[0]);
    return 2;
  }
  const uint64_t clock = std::strtoull(argv[2], nullptr, 10);
  const uint64_t baud = std::strtoull(argv[3], nullptr, 10);
  const uint64_t limit = argc > 4 ? std::strtoull(argv[4], nullptr, 10) : ~uint64_t{0};
  if (baud == 0 || clock / baud < 4) {
    std::fprintf(stderr, "a bit of less than 4 cycles: clock %s, baud %s\n", argv[2], argv[3]);
    return 2;
  }
  signal(SIGTERM, stop);
  signal(SIGINT, stop);
  prctl(PR_SET_PDEATHSIG, SIGTERM);

  VerilatedContext context;
  context.commandArgs(argc, argv);
  context.randReset(2);
  Vtop top{&context};
  Sender sender{{clock, baud}};
  Receiver receiver{{clock, baud}};
  uint8_t in[256];
  ssize_t have = 0, next = 0;
  // A look at the terminal is a system call: once in a byte time when nothing is there.
  const uint64_t look_every = 10 * clock / baud;
  uint64_t look = 0, cycle = 0;
  top.BOARD_RX = 1;
  top.btn = 0;
  // As a board does before a host can find it: come out of reset, with the line idle.
  for (uint64_t settle = 100 * clock / baud; settle != 0; --settle, ++cycle) {
    top.BOARD_CLOCK = 1;
    top.eval();
    top.BOARD_CLOCK = 0;
    top.eval();
    context.timeInc(1);
  }
  const int terminal = open_terminal(argv[1]);
  const auto begin = std::chrono::steady_clock::now();
  while (!stopped && cycle < limit && !context.gotFinish()) {
    if (sender.idle()) {
      if (next == have && cycle >= look) {
        have = read(terminal, in, sizeof(in));
        if (have < 0) have = 0;
        next = 0;
        look = cycle + look_every;
      }
      if (next < have) sender.send(in[next++]);
    }
    top.BOARD_RX = sender.level();
    top.BOARD_CLOCK = 1;
    top.eval();
    sender.cycle();
    const int byte = receiver.cycle(top.BOARD_TX);
    if (byte >= 0) {
      const uint8_t out = static_cast<uint8_t>(byte);
      while (write(terminal, &out, 1) != 1 && errno == EAGAIN && !stopped) {
        pollfd room{terminal, POLLOUT, 0};
        poll(&room, 1, 10);
      }
    }
    top.BOARD_CLOCK = 0;
    top.eval();
    context.timeInc(1);
    ++cycle;
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  top.final();
  unlink(argv[1]);
  std::printf("cycles %llu seconds %.3f\n", static_cast<unsigned long long>(cycle), seconds);
  return 0;
}
