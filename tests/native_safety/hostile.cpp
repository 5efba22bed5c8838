// Hunts for what makes the handler read memory that is not there, or the host see that it was sampled: one scenario a process.
//
//   hostile [SCENARIO]
#include "flood.hpp"
#include "workloads.hpp"

#include "../integration/check.hpp"
#include "../integration/process.hpp"
#include "../integration/refuse.hpp"
#include "../integration/rows.hpp"

#include <atomic>
#include <chrono>
#include <linux/futex.h>
#include <memory>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>

namespace {

using clock_type = std::chrono::steady_clock;
clock_type::time_point in(int milliseconds) { return clock_type::now() + std::chrono::milliseconds(milliseconds); }

struct under_test {
  under_test() {
    flood::per_second = 4000;
    pyro::config c;
    c.sample_rate = 1000;
    c.window = std::chrono::milliseconds(200);
    c.exporters = {memory};
    c.log = messages.callback();
    profiler = pyro::configure(c);
    CHECK(profiler);
  }
  /// Of all that was walked.
  pyro::native_stacks stop() {
    profiler.flush(std::chrono::seconds(5));
    const pyro::native_stacks n = profiler.stats().native;
    profiler.stop();
    std::printf("%s: %llu complete, %llu without rows, %llu out of bounds, %llu guessed\n", pyro_test::context.c_str(),
                static_cast<unsigned long long>(n.complete), static_cast<unsigned long long>(n.no_rows),
                static_cast<unsigned long long>(n.out_of_bounds), static_cast<unsigned long long>(n.guessed));
    return n;
  }
  std::shared_ptr<pyro_test::memory_exporter> memory = std::make_shared<pyro_test::memory_exporter>();
  pyro_test::message_list messages;
  pyro::profiler profiler;
};

std::uint64_t all(const pyro::native_stacks& n) { return n.complete + n.no_rows + n.out_of_bounds + n.too_deep; }

#if defined(__x86_64__)
// Functions that spin, whose unwind information is wrong on purpose: saved registers and CFAs where nothing is mapped, or far away.
#define LYING(name, directives)                                                                                                    \
  extern "C" void name(long);                                                                                                      \
  __asm__(".text\n.globl " #name "\n.type " #name ", @function\n" #name ":\n.cfi_startproc\n" directives                            \
          "\n1: subq $1, %rdi\n jne 1b\n ret\n.cfi_endproc\n.size " #name ", .-" #name "\n");
LYING(fp_far_below, ".cfi_offset 6, -69632")
LYING(fp_in_guard, ".cfi_offset 6, -4200")
LYING(fp_far_above, ".cfi_offset 6, 1073741824")
LYING(cfa_far_above, ".cfi_def_cfa 7, 1048576")
LYING(cfa_below, ".cfi_def_cfa 7, -65536")
LYING(cfa_unaligned, ".cfi_def_cfa 7, 13")
LYING(cfa_by_rbx, ".cfi_def_cfa 3, 0")
LYING(cfa_by_rax, ".cfi_def_cfa 0, 16")
LYING(cfa_in_memory, ".cfi_escape 0x0f, 0x05, 0x77, 0x80, 0x80, 0x7c, 0x06")  // what lies 65536 bytes below sp
// Frame pointers that lead nowhere, in code without tables.
extern "C" void no_tables_fp(long rounds, std::uintptr_t fp);
__asm__(".text\n.globl no_tables_fp\n.type no_tables_fp, @function\nno_tables_fp:\n pushq %rbp\n movq %rsi, %rbp\n1: subq $1, %rdi\n jne 1b\n popq %rbp\n ret\n");

void lying_tables() {
  under_test t;
  // A stack between two holes, so that what is read outside of it faults.
  constexpr std::size_t page = 4096, size = 16 * page;
  auto* memory = static_cast<char*>(::mmap(nullptr, size + 2 * 64 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  ::mprotect(memory + 64 * page, size, PROT_READ | PROT_WRITE);
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  ::pthread_attr_setstack(&attributes, memory + 64 * page, size);
  pthread_t made;
  const int error = ::pthread_create(&made, &attributes, [](void* stack) -> void* {
    PYRO_SCOPE("lies");
    const workloads::signal_stack aside(std::size_t{32} << 10);  // so that nothing is written below sp
    const auto low = reinterpret_cast<std::uintptr_t>(stack);
    const std::uintptr_t frame_pointers[] = {8, low - 8, low - 4096, low, low + 65536 - 8, low + 65536, ~std::uintptr_t{7}, 0x123456789abcULL, low + 4097};
    for (int round = 0; round < 100; ++round) {
      for (void (*lie)(long) : {&fp_far_below, &fp_in_guard, &fp_far_above, &cfa_far_above, &cfa_below, &cfa_unaligned, &cfa_by_rbx, &cfa_by_rax, &cfa_in_memory})
        lie(1000000);
      for (const std::uintptr_t fp : frame_pointers) no_tables_fp(1000000, fp);
    }
    return nullptr;
  }, memory + 64 * page);
  CHECK_EQUAL(error, 0);
  ::pthread_join(made, nullptr);
  CHECK(all(t.stop()) > 1000);
}
#endif

/// The end of a stack, within 100 bytes of a page that can't be touched; signals are handled elsewhere.
void end_of_stack() {
  under_test t;
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  ::pthread_attr_setstacksize(&attributes, std::size_t{64} << 10);
  pthread_t made;
  const int error = ::pthread_create(&made, &attributes, [](void*) -> void* {
    const workloads::signal_stack aside(std::size_t{32} << 10);
    const std::uintptr_t low = workloads::end_of_stack();
    const auto until = in(1000);
    for (int i = 0; clock_type::now() < until; ++i) workloads::descend(low, 64 + static_cast<std::size_t>(i % 8) * 64);
    return nullptr;
  }, nullptr);
  CHECK_EQUAL(error, 0);
  ::pthread_join(made, nullptr);
  CHECK(all(t.stop()) > 500);
}

/// Stacks that are unmapped and mapped again at once, while slots go from thread to thread.
void stacks_come_and_go() {
  under_test t;
  std::atomic<std::uint64_t> wrong{0}, made{0};
  std::vector<std::thread> threads;
  const auto until = in(2500);
  for (int i = 0; i < 2; ++i)
    threads.emplace_back([&] {
      while (clock_type::now() < until) {
        if (!workloads::thread_on_mapped_stack() || !workloads::detached_thread() || !workloads::coroutine::round()) ++wrong;
        made += 2;
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK_EQUAL(wrong.load(), 0U);
  CHECK(made > 500);
  CHECK(all(t.stop()) > 1000);
}

// ---- threads that the C library did not make ----------------------------------------------------------------------------------------

std::atomic<bool> raw_over{false};
int raw_ended = 1;  // the kernel clears it at the thread's end
__attribute__((noinline)) int spin_raw(void* rounds) {
  // No function of the C library: the thread has no data of its own there.
  volatile std::uint64_t n = 0;
  while (!raw_over.load(std::memory_order_relaxed)) n = n + 1;
  *static_cast<std::uint64_t*>(rounds) = n;
  ::pyro::platform::raw_system_call(SYS_exit, 0, 0, 0, 0, 0, 0);
  return 0;
}

/// A thread by clone alone. Its thread pointer is its maker's (whose errno it must not touch), or 0.
void raw_thread(int further_flags, int map_flags) {
  under_test t;
  raw_over = false;
  constexpr std::size_t size = std::size_t{128} << 10;
  auto* stack = static_cast<char*>(::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | map_flags, -1, 0));
  CHECK(stack != MAP_FAILED);
  std::uint64_t rounds = 0;
  const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_CHILD_CLEARTID | further_flags;
  const int tid = ::clone(&spin_raw, stack + size, flags, &rounds, nullptr, nullptr, &raw_ended);
  CHECK(tid > 0);
  bool kept = true;
  const auto until = in(1500);
  while (clock_type::now() < until) kept = workloads::keep_errno() && kept;
  raw_over = true;
  while (__atomic_load_n(&raw_ended, __ATOMIC_ACQUIRE) != 0) ::usleep(1000);
  raw_ended = 1;
  CHECK(kept);
  CHECK(rounds > 0);
  ::munmap(stack, size);
  workloads::allocate();
  CHECK(all(t.stop()) > 500);
  std::int64_t of_raw = 0;
  for (const auto& row : t.memory->rows())
    if (row.first.find("spin_raw") != std::string::npos) of_raw += row.second.samples;
  CHECK(of_raw > 100);
}
void raw_clone() { raw_thread(0, 0); }
void raw_clone_grows_down() { raw_thread(0, MAP_GROWSDOWN | MAP_STACK); }
void raw_clone_without_thread_pointer() { raw_thread(CLONE_SETTLS, 0); }

// ---- modules and signals ------------------------------------------------------------------------------------------------------------

std::string plugin_path() { return pyro_test::this_program().substr(0, pyro_test::this_program().rfind('/')) + "/native_safety_plugin_0.so"; }

/// A part of a library's code goes, and its tables with it, while it is sampled.
void unmapped_library() {
  under_test t;
  void* handle = ::dlopen(plugin_path().c_str(), RTLD_NOW);
  if (!CHECK(handle != nullptr)) return;
  const auto work = reinterpret_cast<int (*)(int, int (*)(int))>(::dlsym(handle, "plugin_work"));
  const auto until = in(500);
  while (clock_type::now() < until) work(1, &workloads::accept_it);
  // Its last segments before the code's end are not used again: read-only data, where the tables lie.
  std::ifstream maps("/proc/self/maps");
  std::uintptr_t low = 0, high = 0;
  for (std::string line; std::getline(maps, line);)
    if (line.find("native_safety_plugin_0") != std::string::npos && line.find(" r--p ") != std::string::npos && line.find(" 00000000 ") == std::string::npos && low == 0)
      std::sscanf(line.c_str(), "%lx-%lx", &low, &high);
  if (!CHECK(low != 0)) return;
  ::munmap(reinterpret_cast<void*>(low), high - low);
  for (int i = 0; i < 3; ++i) {
    void* other = ::dlopen("libm.so.6", RTLD_NOW);  // something changes: modules are looked at again
    const auto later = in(300);
    while (clock_type::now() < later) workloads::sort_by_callback();
    if (other != nullptr) ::dlclose(other);
  }
  CHECK(all(t.stop()) > 1000);
  std::fflush(nullptr);
  ::_exit(pyro_test::result());  // the loader would not expect that
}

/// The program takes SIGPROF for itself later. What pyro's timers still send goes to it, once or twice; then they have stopped.
void signal_taken() {
  under_test t;
  static std::atomic<std::uint64_t> theirs{0};
  workloads::sort_by_callback();
  struct sigaction own {};
  own.sa_handler = [](int) { theirs.fetch_add(1, std::memory_order_relaxed); };
  ::sigaction(SIGPROF, &own, nullptr);
  const auto until = in(1500);
  while (clock_type::now() < until) workloads::sort_by_callback();
  const std::uint64_t then = theirs;
  const auto later = in(500);
  while (clock_type::now() < later) workloads::sort_by_callback();
  CHECK_EQUAL(theirs.load(), then);
  CHECK_EQUAL(t.messages.count("another SIGPROF handler", pyro::log_level::error), 1);
  t.stop();
}

// ---- what the system may refuse -----------------------------------------------------------------------------------------------------

/// Reading one's own memory through the kernel is forbidden: stacks of threads are complete all the same, those of coroutines have their leaf.
void refused_reads() {
  CHECK(pyro_test::refuse(SYS_process_vm_readv, EPERM));
  under_test t;
  const auto until = in(1000);
  bool good = true;
  while (clock_type::now() < until) good = workloads::coroutine::round() && workloads::sort_by_callback() && workloads::keep_errno() && good;
  CHECK(good);
  const pyro::native_stacks n = t.stop();
  CHECK(n.complete > 100);
  CHECK(n.out_of_bounds > 0);
}

void refused_from_now_on() {
  under_test t;
  const auto until = in(500);
  bool good = true;
  while (clock_type::now() < until) good = workloads::coroutine::round() && good;
  CHECK(pyro_test::refuse(SYS_process_vm_readv, ENOSYS));
  const auto later = in(800);
  while (clock_type::now() < later) good = workloads::coroutine::round() && workloads::keep_errno() && good;
  CHECK(good);
  CHECK(t.stop().complete > 100);
}

/// No memory to be had: threads get no slot, tables are not built; the program goes on.
void no_memory() {
  under_test t;
  const std::string path = plugin_path();
  std::ifstream pages("/proc/self/statm");
  std::size_t size = 0;
  pages >> size;
  rlimit limit{};
  ::getrlimit(RLIMIT_AS, &limit);
  rlimit tight = limit;
  tight.rlim_cur = size * 4096 + (std::size_t{1} << 20);
  CHECK(::setrlimit(RLIMIT_AS, &tight) == 0);
  bool good = true;
  int opened = 0, refused = 0;
  const auto until = in(1500);
  while (clock_type::now() < until) {
    void* handle = ::dlopen(path.c_str(), RTLD_NOW);
    handle != nullptr ? ++opened : ++refused;
    if (handle != nullptr) ::dlclose(handle);
    workloads::detached_thread();
    good = workloads::sort_by_callback() && good;
  }
  ::setrlimit(RLIMIT_AS, &limit);
  CHECK(good);
  std::printf("plugins: %d opened, %d refused\n", opened, refused);
  t.stop();
}

/// /proc is not there (a chroot): no module is found, no thread without scopes; samples have their leaf, scopes all they have.
void no_proc() {
  if (::unshare(CLONE_NEWUSER) != 0 && ::geteuid() != 0) return void(std::printf("no_proc: skipped\n"));
  const pyro_test::temporary_directory empty;
  if (::chroot(empty.path().c_str()) != 0) return void(std::printf("no_proc: skipped\n"));
  under_test t;
  bool good = true;
  const auto until = in(1000);
  std::thread other([&] {
    while (clock_type::now() < until) workloads::spin(1000);
  });
  while (clock_type::now() < until) good = workloads::coroutine::round() && workloads::sort_by_callback() && good;
  other.join();
  CHECK(good);
  t.stop();
  CHECK(!t.memory->rows().empty());
}

struct scenario {
  const char* name;
  void (*run)();
};
const scenario scenarios[] = {
#if defined(__x86_64__)
    {"lying_tables", &lying_tables},
    {"raw_clone_without_thread_pointer", &raw_clone_without_thread_pointer},
#endif
    {"end_of_stack", &end_of_stack},
    {"stacks_come_and_go", &stacks_come_and_go},
    {"raw_clone", &raw_clone},
    {"raw_clone_grows_down", &raw_clone_grows_down},
    {"unmapped_library", &unmapped_library},
    {"signal_taken", &signal_taken},
    {"refused_reads", &refused_reads},
    {"refused_from_now_on", &refused_from_now_on},
    {"no_memory", &no_memory},
    {"no_proc", &no_proc},
};

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) {
    pyro_test::end_after(60);
    pyro_test::context = argv[1];
    for (const scenario& s : scenarios)
      if (std::strcmp(s.name, argv[1]) == 0) return s.run(), pyro_test::result();
    return std::fprintf(stderr, "hostile: no scenario %s\n", argv[1]), 2;
  }
  for (const scenario& s : scenarios) {
    const pyro_test::outcome o = pyro_test::run_self({s.name});
    std::fputs(o.out.c_str(), stdout);
    if (!CHECK(o.exited(0))) std::fprintf(stderr, "%s: %s\n", s.name, o.text().c_str());
  }
  return pyro_test::result();
}
