#pragma once
// What programs do to their stacks, threads and modules. Each does one round, with scopes, and says whether the result was right.

#include <pyro/profiler.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csetjmp>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <pthread.h>
#include <spawn.h>
#include <sstream>
#include <stdexcept>
#include <string>
#include <sys/mman.h>
#include <sys/wait.h>
#include <thread>
#include <ucontext.h>
#include <unistd.h>
#include <vector>

extern char** environ;

namespace workloads {

inline std::atomic<unsigned> sink{0};

/// Some microseconds of work in a frame of its own.
__attribute__((noinline)) inline unsigned spin(unsigned rounds) {
  unsigned x = rounds;
  for (unsigned i = 0; i < rounds; ++i) x = x * 1664525U + 1013904223U;
  sink.store(x, std::memory_order_relaxed);
  return x;
}

__attribute__((noinline)) inline int thrower(int depth) {
  PYRO_SCOPE("thrower");
  if (depth == 0) throw std::runtime_error("the end of the stack");
  const int below = thrower(depth - 1);
  sink.store(static_cast<unsigned>(below), std::memory_order_relaxed);
  return below + 1;
}
inline bool throw_and_catch() {
  PYRO_SCOPE("throw and catch");
  try {
    thrower(10);
  } catch (const std::runtime_error& e) {
    return std::strcmp(e.what(), "the end of the stack") == 0;
  }
  return false;
}

inline bool allocate() {
  PYRO_SCOPE("allocate");
  std::vector<std::string> texts;
  for (int i = 0; i < 50; ++i) texts.emplace_back(static_cast<std::size_t>(i * 13 % 300), 'x');
  std::sort(texts.begin(), texts.end());
  std::size_t bytes = 0;
  for (const std::string& t : texts) bytes += t.size();
  std::size_t expected = 0;
  for (int i = 0; i < 50; ++i) expected += static_cast<std::size_t>(i * 13 % 300);
  return bytes == expected;
}

inline bool print() {
  PYRO_SCOPE("print");
  std::ostringstream out;
  for (int i = 0; i < 20; ++i) out << i << ' ' << i * 0.5 << '\n';
  return out.str().compare(0, 12, "0 0\n1 0.5\n2 ") == 0;
}

/// errno belongs to the program: a handler in between must not show.
inline bool keep_errno() {
  PYRO_SCOPE("keep errno");
  bool kept = true;
  for (int i = 1; i <= 20; ++i) {
    errno = 1000 + i;
    spin(500);
    kept = kept && errno == 1000 + i;
  }
  return kept;
}

inline int compare_slowly(const void* a, const void* b) {
  PYRO_SCOPE("compare");
  return *static_cast<const int*>(a) - *static_cast<const int*>(b);
}
/// Callbacks through the C library.
inline bool sort_by_callback() {
  int numbers[64];
  for (int i = 0; i < 64; ++i) numbers[i] = i * 37 % 64;
  std::qsort(numbers, 64, sizeof numbers[0], &compare_slowly);
  for (int i = 0; i < 64; ++i)
    if (numbers[i] != i) return false;
  return true;
}

__attribute__((noinline)) inline int recurse(int depth, std::jmp_buf& out) {
  PYRO_SCOPE("jumper");
  volatile bool jump = depth == 0;
  if (jump) std::longjmp(out, 7);
  return depth == 0 ? 0 : recurse(depth - 1, out) + static_cast<int>(spin(10) & 1U);
}
/// Scopes and frames that are left without a word.
inline bool jump_out() {
  PYRO_SCOPE("jump out");
  std::jmp_buf out;
  const int got = setjmp(out);
  if (got == 0) {
    recurse(12, out);
    return false;
  }
  spin(200);
  return got == 7;
}

/// A coroutine on memory that was just mapped and goes right afterwards; with a page that can't be read in the middle of its stack, above
/// what is used.
class coroutine {
 public:
  static bool round() {
    PYRO_SCOPE("coroutines");
    coroutine c;
    return c.run();
  }

 private:
  bool run() {
    constexpr std::size_t page = 4096, size = 32 * page;
    auto* memory = static_cast<char*>(::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (memory == MAP_FAILED) return false;
    ::mprotect(memory + 24 * page, page, PROT_NONE);
    ::getcontext(&inside_);
    inside_.uc_stack.ss_sp = memory;
    inside_.uc_stack.ss_size = 24 * page;
    inside_.uc_link = &outside_;
    const auto self = reinterpret_cast<std::uintptr_t>(this);
    ::makecontext(&inside_, reinterpret_cast<void (*)()>(&enter), 2, static_cast<unsigned>(self >> 32), static_cast<unsigned>(self));
    for (int i = 0; i < 5; ++i) {
      ::swapcontext(&outside_, &inside_);
      spin(100);
    }
    ::munmap(memory, size);
    return steps_ == 5;
  }
  static void enter(unsigned high, unsigned low) {
    auto& self = *reinterpret_cast<coroutine*>(std::uintptr_t{high} << 32 | low);
    for (int i = 0; i < 4; ++i) {
      self.step();
      ::swapcontext(&self.inside_, &self.outside_);
    }
    self.step();
  }
  __attribute__((noinline)) void step() {
    PYRO_SCOPE("step");
    ++steps_;
    spin(300);
  }
  ucontext_t outside_{}, inside_{};
  int steps_ = 0;
};

/// Gives the calling thread a stack for signals, with a page below that can't be touched.
class signal_stack {
 public:
  explicit signal_stack(std::size_t bytes) : bytes_(bytes) {
    const std::size_t all = bytes + 4096;
    memory_ = static_cast<char*>(::mmap(nullptr, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    ::mprotect(memory_, 4096, PROT_NONE);
    stack_t s{};
    s.ss_sp = memory_ + 4096;
    s.ss_size = bytes;
    set_ = ::sigaltstack(&s, nullptr) == 0;
  }
  ~signal_stack() {
    stack_t off{};
    off.ss_flags = SS_DISABLE;
    ::sigaltstack(&off, nullptr);
    ::munmap(memory_, bytes_ + 4096);
  }
  signal_stack(const signal_stack&) = delete;
  signal_stack& operator=(const signal_stack&) = delete;
  bool set() const noexcept { return set_; }
  std::uintptr_t low() const noexcept { return reinterpret_cast<std::uintptr_t>(memory_) + 4096; }
  std::uintptr_t high() const noexcept { return low() + bytes_; }

 private:
  std::size_t bytes_;
  char* memory_ = nullptr;
  bool set_ = false;
};

inline std::atomic<int> in_program_handler{0};
/// The program's own handler of SIGUSR1, on the thread's signal stack where it has one.
inline void install_program_handler() {
  struct sigaction a {};
  a.sa_handler = [](int) {
    const int kept = errno;
    spin(2000);
    in_program_handler.fetch_add(1, std::memory_order_relaxed);
    errno = kept;
  };
  a.sa_flags = SA_ONSTACK | SA_RESTART;
  ::sigaction(SIGUSR1, &a, nullptr);
}
inline bool handle_signal() {
  PYRO_SCOPE("handle signal");
  return ::raise(SIGUSR1) == 0;
}

inline int refuse(int) {
  spin(300);
  return -1;
}
inline int accept_it(int n) {
  PYRO_SCOPE("called by plugin");
  spin(300);
  return n;
}
/// Opens a plugin, calls it, lets it throw, closes it.
inline bool use_plugin(const std::string& path) {
  PYRO_SCOPE("use plugin");
  void* handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) return false;
  const auto work = reinterpret_cast<int (*)(int, int (*)(int))>(::dlsym(handle, "plugin_work"));
  const auto number = reinterpret_cast<int (*)()>(::dlsym(handle, "plugin_number"));
  bool good = work(1, &accept_it) > 0;
  for (int i = 0; i < 3; ++i) {
    try {
      work(2, &refuse);
      good = false;
    } catch (const std::runtime_error& e) {
      good = good && e.what() == "from plugin " + std::to_string(number());
    }
  }
  ::dlclose(handle);
  return good;
}

inline bool short_thread() {
  PYRO_SCOPE("short thread");
  bool good = false;
  std::thread([&] {
    PYRO_SCOPE("in short thread");
    good = throw_and_catch() && allocate();
  }).join();
  return good;
}

/// One that enters no scope; detached, so that its stack is unmapped by itself or reused, right at its end.
inline bool detached_thread() {
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  ::pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  ::pthread_attr_setstacksize(&attributes, std::size_t{256} << 10);
  pthread_t made;
  const int error = ::pthread_create(&made, &attributes, [](void*) -> void* { return spin(20000), nullptr; }, nullptr);
  ::pthread_attr_destroy(&attributes);
  return error == 0 || error == EAGAIN;
}

/// A stack that the program maps itself, and unmaps as soon as it may.
inline bool thread_on_mapped_stack() {
  constexpr std::size_t size = std::size_t{128} << 10;
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return false;
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  ::pthread_attr_setstack(&attributes, memory, size);
  pthread_t made;
  bool good = false;
  const int error = ::pthread_create(&made, &attributes, [](void* result) -> void* {
    PYRO_SCOPE("on mapped stack");
    *static_cast<bool*>(result) = sort_by_callback();
    return nullptr;
  }, &good);
  ::pthread_attr_destroy(&attributes);
  if (error == 0) ::pthread_join(made, nullptr);
  ::munmap(memory, size);
  return error == 0 && good;
}

/// The lowest address of this thread's stack.
inline std::uintptr_t end_of_stack() {
  pthread_attr_t own;
  void* low = nullptr;
  std::size_t size = 0;
  ::pthread_getattr_np(::pthread_self(), &own);
  ::pthread_attr_getstack(&own, &low, &size);
  ::pthread_attr_destroy(&own);
  return reinterpret_cast<std::uintptr_t>(low);
}
/// Down to about `left` bytes above the end of the thread's stack. No scopes: a new path takes more stack than is there.
__attribute__((noinline)) inline int descend(std::uintptr_t low, std::size_t left) {
  volatile char room[64];
  room[0] = 1;
  const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  int below = 0;
  if (here - low > left + 256) below = descend(low, left);
  else spin(2000);
  return below + room[0];
}

inline bool ended_well(pid_t child, int expected) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return false;
  return WIFEXITED(status) && WEXITSTATUS(status) == expected;
}
/// `in_child` first, for what the test keeps itself.
template <class InChild>
bool fork_and_scope(InChild&& in_child) {
  PYRO_SCOPE("fork");
  const pid_t child = ::fork();
  if (child < 0) return errno == EAGAIN;
  if (child == 0) {
    in_child();
    bool good = true;
    for (int i = 0; i < 3; ++i) good = throw_and_catch() && sort_by_callback() && good;
    ::_exit(good ? 17 : 1);
  }
  return ended_well(child, 17);
}
inline bool fork_and_exec() {
  PYRO_SCOPE("fork and exec");
  const pid_t child = ::fork();
  if (child < 0) return errno == EAGAIN;
  if (child == 0) {
    ::execl("/bin/true", "true", static_cast<char*>(nullptr));
    ::_exit(127);
  }
  return ended_well(child, 0);
}
inline bool vfork_and_exec() {
  PYRO_SCOPE("vfork");
  const pid_t child = ::vfork();
  if (child < 0) return errno == EAGAIN;
  if (child == 0) {
    ::execl("/bin/true", "true", static_cast<char*>(nullptr));
    ::_exit(127);
  }
  return ended_well(child, 0);
}
inline bool spawn() {
  PYRO_SCOPE("spawn");
  pid_t child = 0;
  char name[] = "true";
  char* arguments[] = {name, nullptr};
  const int error = ::posix_spawn(&child, "/bin/true", nullptr, nullptr, arguments, environ);
  return error == EAGAIN || (error == 0 && ended_well(child, 0));
}

}  // namespace workloads
