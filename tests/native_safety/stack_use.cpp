// Shows how much of the program's stack pyro's handler uses beyond the kernel's frame (R2, 1 KiB at most when optimised): paints what lies
// below the stack pointer before each call, and looks afterwards how far the paint is gone. On threads of 16 KiB, on a signal stack of 8 KiB,
// nested in the program's SIGSEGV handler on such a stack, and on a coroutine's.
//
//   stack_use MOST_BYTES
#include "around_handler.hpp"
#include "flood.hpp"
#include "workloads.hpp"

#include "../integration/check.hpp"
#include "../integration/process.hpp"

#include <chrono>
#include <sys/auxv.h>

namespace {

struct range {
  std::uintptr_t low = 0, high = 0;
};

struct measured {
  std::uint64_t signals = 0;
  std::size_t most = 0;
  std::size_t least_room = SIZE_MAX;  ///< what was left of the stack below that
};

// Of the thread that is sampled; two stacks it may be on.
__attribute__((tls_model("initial-exec"))) thread_local range stacks[2];
__attribute__((tls_model("initial-exec"))) thread_local measured found;

constexpr std::uint64_t paint = 0xa5c35a3c96696996ULL;
constexpr std::uintptr_t most_painted = 6144;

}  // namespace

__attribute__((noinline, no_sanitize("address", "thread"))) void around_handler::run(int number, siginfo_t* info, void* context) {
  std::uintptr_t sp = 0;
#if defined(__x86_64__)
  __asm__ volatile("mov %%rsp, %0" : "=r"(sp));
#else
  __asm__ volatile("mov %0, sp" : "=r"(sp));
#endif
  std::uintptr_t low = sp;
  for (const range& r : stacks)
    if (sp >= r.low && sp < r.high) low = sp - r.low > most_painted ? sp - most_painted : r.low;
  low = (low + 7) & ~std::uintptr_t{7};
  for (std::uintptr_t at = low; at + 8 <= sp; at += 8) *reinterpret_cast<volatile std::uint64_t*>(at) = paint;
  inner(number, info, context);
  std::uintptr_t lowest = low;
  while (lowest + 8 <= sp && *reinterpret_cast<volatile std::uint64_t*>(lowest) == paint) lowest += 8;
  if (low == sp) return;
  ++found.signals;
  if (sp - lowest > found.most) found.most = sp - lowest;
  if (lowest - low < found.least_room) found.least_room = lowest - low;
}

namespace {

range own_stack() {
  pthread_attr_t attributes;
  void* low = nullptr;
  std::size_t size = 0;
  ::pthread_getattr_np(::pthread_self(), &attributes);
  ::pthread_attr_getstack(&attributes, &low, &size);
  ::pthread_attr_destroy(&attributes);
  const auto begin = reinterpret_cast<std::uintptr_t>(low);
  return {begin, begin + size};
}

std::chrono::steady_clock::time_point until;
bool time_is_up() { return std::chrono::steady_clock::now() >= until; }

/// Frames and scopes below, then work.
__attribute__((noinline)) int deep(int depth) {
  PYRO_SCOPE("deep");
  if (depth == 0) {
    while (!time_is_up()) workloads::sort_by_callback();
    return 1;
  }
  const int below = deep(depth - 1);
  workloads::sink.store(static_cast<unsigned>(below), std::memory_order_relaxed);
  return below + 1;
}

void on_fault(int, siginfo_t*, void* context) {
  while (!time_is_up()) workloads::spin(1000);
  static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP] += 3;  // behind the load
}

std::size_t signal_stack_bytes = 8192;

/// How much the kernel really pushes for a signal here; AT_MINSIGSTKSZ has room for registers that nobody uses.
std::size_t kernel_frame() {
  static std::uintptr_t interrupted, handler;
  struct sigaction a {}, before {};
  a.sa_sigaction = [](int, siginfo_t*, void* context) {
    interrupted = static_cast<std::uintptr_t>(static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RSP]);
    handler = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  };
  a.sa_flags = SA_SIGINFO;
  ::sigaction(SIGUSR2, &a, &before);
  ::raise(SIGUSR2);
  ::sigaction(SIGUSR2, &before, nullptr);
  return interrupted - handler;
}

void on_own_stack() {
  stacks[0] = own_stack();
  deep(24);
}
void on_signal_stack() {
  const workloads::signal_stack signals(signal_stack_bytes);
  stacks[1] = {signals.low(), signals.high()};
  deep(24);
}
void in_fault_handler() {
  PYRO_SCOPE("faults");
  const workloads::signal_stack signals(signal_stack_bytes);
  stacks[1] = {signals.low(), signals.high()};
  __asm__ volatile("xorl %%eax, %%eax\n\tmovq (%%rax), %%rax" ::: "rax", "memory");  // three bytes
}
void on_coroutine() {
  PYRO_SCOPE("coroutine");
  static thread_local ucontext_t outside, inside;
  constexpr std::size_t size = 16384;
  static thread_local char* memory;
  memory = static_cast<char*>(::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  stacks[1] = {reinterpret_cast<std::uintptr_t>(memory), reinterpret_cast<std::uintptr_t>(memory) + size};
  ::getcontext(&inside);
  inside.uc_stack.ss_sp = memory;
  inside.uc_stack.ss_size = size;
  inside.uc_link = &outside;
  ::makecontext(&inside, [] { deep(24); }, 0);
  ::swapcontext(&outside, &inside);
}

struct scenario {
  const char* name;
  void (*run)();
  measured result;
};

void measure(scenario& s, std::size_t most) {
  until = std::chrono::steady_clock::now() + std::chrono::milliseconds(700);
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  ::pthread_attr_setstacksize(&attributes, 16384);  // PTHREAD_STACK_MIN
  pthread_t made;
  const int error = ::pthread_create(&made, &attributes, [](void* of) -> void* {
    auto& self = *static_cast<scenario*>(of);
    self.run();
    self.result = found;
    return nullptr;
  }, &s);
  ::pthread_attr_destroy(&attributes);
  pyro_test::context = s.name;
  if (!CHECK(error == 0)) return;
  ::pthread_join(made, nullptr);
  std::printf("%-28s %6llu signals, %5zu bytes of stack, %5zu left\n", s.name, static_cast<unsigned long long>(s.result.signals), s.result.most,
              s.result.least_room);
  CHECK(s.result.signals > 200);
  CHECK(s.result.most > 0);
  CHECK(s.result.most <= most);
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t most = argc > 1 ? static_cast<std::size_t>(std::atoi(argv[1])) : 1024;
  pyro_test::end_after(60);
  flood::per_second = 4000;
  // Two frames of the kernel's must fit in, ours and the program's, whatever registers the machine has.
  const std::size_t frame = kernel_frame();
  std::printf("the kernel's frame: %zu bytes; up to %lu, it says\n", frame, ::getauxval(AT_MINSIGSTKSZ));
  while (signal_stack_bytes < 2 * frame + 1024 + 256) signal_stack_bytes += 1024;
  if (signal_stack_bytes != 8192) std::printf("signal stacks of %zu bytes, since two such frames don't fit into 8192\n", signal_stack_bytes);
  struct sigaction faults {};
  faults.sa_sigaction = &on_fault;
  faults.sa_flags = SA_SIGINFO | SA_ONSTACK;
  ::sigaction(SIGSEGV, &faults, nullptr);
  pyro::config config;
  config.sample_rate = 1000;
  config.outputs = "null";
  auto profiler = pyro::configure(config);
  CHECK(profiler);
  scenario all[] = {{"thread of 16 KiB", &on_own_stack, {}},
                    {"signal stack", &on_signal_stack, {}},
                    {"in the program's handler", &in_fault_handler, {}},
                    {"coroutine", &on_coroutine, {}}};
  for (scenario& s : all) measure(s, most);
  return pyro_test::result();
}
