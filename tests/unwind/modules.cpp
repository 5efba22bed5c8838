// Modules that come and go: tables follow, rows of those that stay are shared, snapshots are freed and never while one reads them. Then all
// at once: threads that are interrupted and walk, while plugins are loaded and unloaded and the tables are updated without a pause.
//
// usage: modules PLUGIN [MILLISECONDS]
#include "check.hpp"

#include "../sanitizers.hpp"

#include <cstdlib>
#include <dlfcn.h>
#include <sys/wait.h>
#include <thread>
#include <vector>

using namespace unwind_test;

namespace {

const char* plugin_path;
using call = int (*)(void (*)(), int);

struct plugin {
  void* handle = ::dlopen(plugin_path, RTLD_NOW | RTLD_LOCAL);
  call function = handle != nullptr ? reinterpret_cast<call>(::dlsym(handle, "unwind_plugin_call")) : nullptr;
  plugin() {
    if (function == nullptr) std::printf("%s: %s\n", plugin_path, ::dlerror()), std::exit(1);
  }
  ~plugin() { ::dlclose(handle); }
  plugin(const plugin&) = delete;
  plugin& operator=(const plugin&) = delete;
};

template <class... Cells>
std::size_t release(const Cells&... cells) {
  return tables().release_old([&](auto&& held) { (held(cells), ...); });
}

void come_and_go() {
  EXPECT(tables().update());
  EXPECT(!tables().update());
  const std::size_t modules = tables().modules(), rows = tables().rows(), bytes = tables().bytes();
  const unwind_snapshot* before = tables().current();
  const unwind_row* const own = before->find(reinterpret_cast<std::uintptr_t>(&come_and_go));
  EXPECT(own != nullptr);

  std::uintptr_t function = 0;
  {
    const plugin p;
    function = reinterpret_cast<std::uintptr_t>(p.function);
    EXPECT(before->find(function) == nullptr);
    hazard_cell reader = before;  // a handler that is under way
    EXPECT(tables().update());
    EXPECT(tables().modules() == modules + 1 && tables().rows() > rows && tables().bytes() > bytes);
    EXPECT(tables().current()->function_start(function + 1) == function);
    EXPECT(tables().current()->find(reinterpret_cast<std::uintptr_t>(&come_and_go)) == own);  // not decoded again
    EXPECT(release(reader) == 1);
    EXPECT(before->find(reinterpret_cast<std::uintptr_t>(&come_and_go)) == own);  // under ASan: still there
    reader = nullptr;
    EXPECT(release(reader) == 0);

    how.bounds = platform::this_stack();
    p.function(take, 5);
    EXPECT(taken.result == walk_end::complete && !taken.result.guessed);
    EXPECT(taken.find(function) > 0 && taken.find(function, static_cast<unsigned>(taken.find(function)) + 5) > 0);
  }
  EXPECT(tables().update());
  EXPECT(tables().modules() == modules && tables().rows() == rows && tables().bytes() == bytes);
  EXPECT(tables().current()->find(function) == nullptr);

  // Several are withdrawn, one is in use.
  hazard_cell reader = nullptr, other = nullptr;
  {
    const unwind_guard guard(tables(), reader);
    EXPECT(guard.get() == tables().current() && reader == guard.get());
    for (int i = 0; i < 3; ++i) {
      const plugin p;
      tables().update();
    }
    tables().update();
    EXPECT(release(other, reader) == 1);
    EXPECT(guard.get()->find(reinterpret_cast<std::uintptr_t>(&come_and_go)) == own);
  }
  EXPECT(reader == nullptr);
  EXPECT(release(other, reader) == 0);
}

void in_a_child() {
  tables().update();
  const std::size_t modules = tables().modules();
  std::fflush(stdout);
  const pid_t child = ::fork();
  if (child == 0) {
    tables().forget_retired_in_child();
    EXPECT(!tables().update());  // the same modules
    how.bounds = platform::this_stack();
    const plugin p;
    EXPECT(tables().update() && tables().modules() == modules + 1);
    p.function(take, 2);
    EXPECT(taken.result == walk_end::complete);
    EXPECT(release() == 0);
    ::_exit(result());
  }
  int status = 1;
  ::waitpid(child, &status, 0);
  EXPECT(status == 0);
}

void limits() {
  unwind_limits small;
  small.table_bytes = 4096;
  unwind_tables few(small);
  EXPECT(few.update());
  EXPECT(few.bytes() <= 4096 && few.modules_without_rows() > 0 && few.modules() == tables().modules());
}

// --- all at once ----------------------------------------------------------------------------------------------------------------

bool stopping;
long walks, complete, with_rows;

struct worker {
  hazard_cell held;
  platform::stack_range stack;
};
worker workers[4];
thread_local worker* self;

void on_flood(int, siginfo_t*, void* context) {
  if (self == nullptr) return;
  const unwind_guard guard(tables(), self->held);
  if (!guard) return;
  unsigned depth = 0;
  const walk_result r = walk(*guard, state_of(context), self->stack, 128, [&](std::uintptr_t, std::uintptr_t, bool) { return ++depth != 0; });
  pyro::core::add_shared(walks, 1);
  if (r.end == walk_end::complete) pyro::core::add_shared(complete, 1);
  if (depth > 1) pyro::core::add_shared(with_rows, 1);
}

void nothing() {}

thread_local volatile unsigned sink;
__attribute__((noinline)) unsigned deep(unsigned n) { return n == 0 ? sink : deep(n - 1) + n; }

void all_at_once(long milliseconds) {
  handle(SIGUSR2, on_flood);
  std::vector<std::thread> threads;
  std::vector<pthread_t> handles;
  for (worker& w : workers)
    threads.emplace_back([&w] {
      w.stack = platform::this_stack();
      self = &w;
      while (!pyro::core::load_relaxed(stopping)) {
        if (&w == workers) {  // alone: or it would not be unloaded, being loaded by another
          const plugin p;
          for (int i = 0; i < 200; ++i) p.function(nothing, 30);
          p.function([] { ::pthread_kill(::pthread_self(), SIGUSR2); }, 30);
        } else {
          for (int i = 0; i < 200; ++i) sink = sink + deep(30);
          ::pthread_kill(::pthread_self(), SIGUSR2);
        }
      }
      self = nullptr;
    });
  for (std::thread& t : threads) handles.push_back(t.native_handle());
  std::thread flood([&] {
    while (!pyro::core::load_relaxed(stopping)) {
      for (const pthread_t t : handles) ::pthread_kill(t, SIGUSR2);
      const timespec pause{0, 50000};
      ::nanosleep(&pause, nullptr);
    }
  });
  const std::int64_t until = platform::monotonic_ns() + milliseconds * 1000000;
  std::size_t updates = 0, most_left = 0;
  constexpr std::int64_t patience = 30000000000;  // for machines that are busy, or emulated
  for (std::int64_t now; (now = platform::monotonic_ns()) < until || (updates <= 3 && now < until + patience);) {
    updates += tables().update();
    const std::size_t left = tables().release_old([](auto&& held) {
      for (const worker& w : workers) held(w.held);
    });
    if (left > most_left) most_left = left;
  }
  pyro::core::store_relaxed(stopping, true);
  flood.join();
  for (std::thread& t : threads) t.join();
  std::printf("%ld walks, %ld complete, %ld with callers, %zu snapshots, at most %zu kept back\n", walks, complete, with_rows, updates, most_left);
  EXPECT(updates > 3 && walks > 10 && complete > 0);
  EXPECT(most_left <= sizeof workers / sizeof workers[0]);
  tables().update();
  EXPECT(tables().release_old([](auto&& held) {
    for (const worker& w : workers) held(w.held);
  }) == 0);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::puts("usage: modules PLUGIN [MILLISECONDS]"), 2;
  plugin_path = argv[1];
  handle(SIGPROF, on_sample, SA_ONSTACK);
  ::dlclose(::dlopen(nullptr, RTLD_NOW));
  come_and_go();
  in_a_child();
  limits();
  all_at_once(argc > 2 ? std::atol(argv[2]) : 2000);
  return result();
}
