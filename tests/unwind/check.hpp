#pragma once
// What the programs here check with: they print what is wrong and return 1. No test library: they are also built for other machines.

#include <pyro/sample/unwind_table.hpp>
#include <pyro/sample/walk.hpp>
#include <pyro/sample/walk_off_stack.hpp>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <pthread.h>
#include <unistd.h>

namespace unwind_test __attribute__((visibility("hidden"))) {

namespace platform = pyro::platform;
using namespace pyro::sampling;

inline int failures = 0;

inline bool expect(bool ok, const char* what, int line) {
  if (ok) return true;
  ++failures;
  std::printf("failed, line %d: %s\n", line, what);
  return false;
}
#define EXPECT(...) ::unwind_test::expect((__VA_ARGS__), #__VA_ARGS__, __LINE__)

inline int result() {
  if (failures != 0) std::printf("%d checks failed\n", failures);
  return failures != 0;
}

inline unwind_tables& tables() {
  static unwind_tables t;
  return t;
}

struct sample {
  static constexpr unsigned most = 256;
  machine_state state;
  walk_result result{walk_end::no_rows, false};
  unsigned depth = 0;
  std::uintptr_t pc[most];
  std::uintptr_t cfa[most];
  bool is_return_address[most];

  /// Place of the first frame of a function, from `from` on; -1 where there is none.
  int find(std::uintptr_t function, unsigned from = 0) const {
    for (unsigned i = from; i < depth; ++i)
      if (tables().current()->function_start(pc[i] - is_return_address[i]) == function) return static_cast<int>(i);
    return -1;
  }
  template <class R, class... A>
  int find(R (*function)(A...), unsigned from = 0) const { return find(reinterpret_cast<std::uintptr_t>(function), from); }

  auto keep(unsigned limit = most) {
    return [this, limit](std::uintptr_t p, std::uintptr_t c, bool r) {
      pc[depth] = p;
      cfa[depth] = c;
      is_return_address[depth++] = r;
      return depth < limit;
    };
  }
};

struct settings {
  platform::stack_range bounds;
  unsigned max_frames = sample::most;
  unsigned stop_after = sample::most + 1;
  bool off_stack = false;
  std::size_t copy_size = 16384;
};
inline thread_local settings how;
inline thread_local hazard_cell cell;
inline sample taken;

inline void on_sample(int, siginfo_t*, void* context) {
  alignas(8) static char copy[16384];
  tables().note_signal_return(__builtin_return_address(0));
  taken.depth = 0;
  taken.state = state_of(context);
  const unwind_guard guard(tables(), cell);
  taken.result = how.off_stack ? walk_off_stack(*guard, taken.state, how.bounds, how.max_frames, copy, how.copy_size, taken.keep(how.stop_after))
                               : walk(*guard, taken.state, how.bounds, how.max_frames, taken.keep(how.stop_after));
}

/// Takes a sample here: of a frame of the C library's, and its callers.
__attribute__((noinline)) inline void take() {
  ::pthread_kill(::pthread_self(), SIGPROF);
  __asm__ volatile("" ::: "memory");  // no tail call
}

inline void handle(int number, void (*handler)(int, siginfo_t*, void*), int flags = 0) {
  struct sigaction action {};
  action.sa_sigaction = handler;
  action.sa_flags = SA_RESTART | SA_SIGINFO | flags;
  ::sigaction(number, &action, nullptr);
}

}  // namespace unwind_test
