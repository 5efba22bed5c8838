// Shows that pyro's signal handler allocates nothing, takes no lock, asks the loader for nothing, touches no dynamic thread-local storage
// and binds no function lazily (R1): the program has its own malloc, pthread_mutex_lock and so on, and its own entry to the loader's
// resolver, which end it with the name of the function where they are entered within the handler. Under real work, a few thousand signals
// a second; the program is linked with -z lazy. And errno is what it was.
//
//   purity SECONDS PLUGIN...
#include "around_handler.hpp"
#include "flood.hpp"
#include "workloads.hpp"

#include "../integration/check.hpp"
#include "../integration/process.hpp"

#include <atomic>
#include <chrono>
#include <dlfcn.h>
#include <link.h>
#include <unwind.h>

// ---- within the handler, or not ------------------------------------------------------------------------------------------------

extern "C" {
__attribute__((tls_model("initial-exec"))) __thread int purity_inside = 0;
void* purity_resolver_before = nullptr;
void purity_resolver();
}

namespace {

std::atomic<std::uint64_t> signals{0}, errno_changed{0};

[[noreturn]] void impure(const char* what) {
  purity_inside = 0;
  const char begin[] = "FAILED: within pyro's signal handler: ";
  if (::write(2, begin, sizeof begin - 1) < 0 || ::write(2, what, std::strlen(what)) < 0 || ::write(2, "\n", 1) < 0) ::_exit(3);
  ::signal(SIGABRT, SIG_DFL);
  ::abort();
}
inline void must_be_outside(const char* what) {
  if (__builtin_expect(purity_inside != 0, 0)) impure(what);
}

/// The function of that name that this program's own stands before.
template <class Function>
Function* next(Function*& known, const char* name) {
  Function* f = __atomic_load_n(&known, __ATOMIC_RELAXED);
  if (f == nullptr) {
    f = reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
    __atomic_store_n(&known, f, __ATOMIC_RELAXED);
  }
  return f;
}

}  // namespace

void around_handler::run(int number, siginfo_t* info, void* context) {
  const int before = errno;
  errno = 4711;
  purity_inside = 1;
  inner(number, info, context);
  purity_inside = 0;
  if (errno != 4711) errno_changed.fetch_add(1, std::memory_order_relaxed);
  errno = before;
  signals.fetch_add(1, std::memory_order_relaxed);
}

// ---- what it must not enter -----------------------------------------------------------------------------------------------------

extern "C" {

void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void __libc_free(void*);

void* malloc(std::size_t n) noexcept { return must_be_outside("malloc"), __libc_malloc(n); }
void* calloc(std::size_t n, std::size_t size) noexcept { return must_be_outside("calloc"), __libc_calloc(n, size); }
void* realloc(void* at, std::size_t n) noexcept { return must_be_outside("realloc"), __libc_realloc(at, n); }
void free(void* at) noexcept { must_be_outside("free"), __libc_free(at); }

#define PURITY_LOCK(name, type)                    \
  int name(type* what) noexcept {                  \
    must_be_outside(#name);                        \
    static int (*known)(type*) = nullptr;          \
    return next(known, #name)(what);               \
  }
PURITY_LOCK(pthread_mutex_lock, pthread_mutex_t)
PURITY_LOCK(pthread_mutex_trylock, pthread_mutex_t)
PURITY_LOCK(pthread_mutex_unlock, pthread_mutex_t)
PURITY_LOCK(pthread_rwlock_rdlock, pthread_rwlock_t)
PURITY_LOCK(pthread_rwlock_wrlock, pthread_rwlock_t)
PURITY_LOCK(pthread_rwlock_tryrdlock, pthread_rwlock_t)
PURITY_LOCK(pthread_rwlock_trywrlock, pthread_rwlock_t)
PURITY_LOCK(pthread_rwlock_unlock, pthread_rwlock_t)

int dl_iterate_phdr(int (*visit)(dl_phdr_info*, std::size_t, void*), void* data) {
  must_be_outside("dl_iterate_phdr");
  static int (*known)(int (*)(dl_phdr_info*, std::size_t, void*), void*) = nullptr;
  return next(known, "dl_iterate_phdr")(visit, data);
}
void* dlopen(const char* path, int flags) noexcept {
  must_be_outside("dlopen");
  static void* (*known)(const char*, int) = nullptr;
  return next(known, "dlopen")(path, flags);
}
int dladdr(const void* address, Dl_info* info) noexcept {
  must_be_outside("dladdr");
  static int (*known)(const void*, Dl_info*) = nullptr;
  return next(known, "dladdr")(address, info);
}
_Unwind_Reason_Code _Unwind_Backtrace(_Unwind_Trace_Fn visit, void* data) {
  must_be_outside("_Unwind_Backtrace");
  static _Unwind_Reason_Code (*known)(_Unwind_Trace_Fn, void*) = nullptr;
  return next(known, "_Unwind_Backtrace")(visit, data);
}

}  // extern "C"

// Dynamic thread-local storage and lazy binding have no names that a C++ program could stand before.
#if defined(__x86_64__)
extern "C" {
void* purity_tls_before = nullptr;
[[noreturn]] void purity_lazy_binding(std::uintptr_t number) {
  purity_inside = 0;  // what follows may be bound lazily itself
  const char* names = nullptr;
  const ElfW(Sym)* symbols = nullptr;
  const ElfW(Rela)* slots = nullptr;
  for (const ElfW(Dyn)* d = _DYNAMIC; d->d_tag != DT_NULL; ++d) {
    if (d->d_tag == DT_STRTAB) names = reinterpret_cast<const char*>(d->d_un.d_ptr);
    if (d->d_tag == DT_SYMTAB) symbols = reinterpret_cast<const ElfW(Sym)*>(d->d_un.d_ptr);
    if (d->d_tag == DT_JMPREL) slots = reinterpret_cast<const ElfW(Rela)*>(d->d_un.d_ptr);
  }
  static char text[200] = "lazy binding of ";
  std::strncat(text, names + symbols[ELF64_R_SYM(slots[number].r_info)].st_name, 150);
  impure(text);
}
[[noreturn]] void purity_dynamic_tls() { impure("__tls_get_addr"); }
}
__asm__(R"(
  .text
  .globl purity_resolver
purity_resolver:
  cmpl $0, %fs:purity_inside@tpoff
  jne 1f
  jmp *purity_resolver_before(%rip)
1:
  movq 8(%rsp), %rdi
  andq $-16, %rsp
  call purity_lazy_binding
  .globl __tls_get_addr
  .type __tls_get_addr, @function
__tls_get_addr:
  cmpl $0, %fs:purity_inside@tpoff
  jne 1f
  jmp *purity_tls_before(%rip)
1:
  andq $-16, %rsp
  call purity_dynamic_tls
)");

namespace {
__attribute__((constructor(101))) void stand_before_the_loader() {
  purity_tls_before = ::dlsym(RTLD_NEXT, "__tls_get_addr");
  for (const ElfW(Dyn)* d = _DYNAMIC; d->d_tag != DT_NULL; ++d) {
    if (d->d_tag != DT_PLTGOT) continue;
    auto** table = reinterpret_cast<void**>(d->d_un.d_ptr);
    purity_resolver_before = table[2];
    if (purity_resolver_before != nullptr) table[2] = reinterpret_cast<void*>(&purity_resolver);
  }
}
}  // namespace
#endif

// ---- the work -------------------------------------------------------------------------------------------------------------------

int main(int argc, char** argv) {
  if (argc < 3) return std::fprintf(stderr, "usage: purity SECONDS PLUGIN...\n"), 2;
  const int seconds = std::atoi(argv[1]);
  const std::vector<std::string> plugins(argv + 2, argv + argc);
  pyro_test::end_after(static_cast<unsigned>(seconds) + 60);
#if defined(__x86_64__)
  CHECK(purity_resolver_before != nullptr);  // else nothing is bound lazily, and nothing would be shown
#endif
  flood::per_second = 3000;
  pyro::config config;
  config.sample_rate = 1000;
  config.window = std::chrono::milliseconds(100);
  config.outputs = "null";
  auto profiler = pyro::configure(config);
  CHECK(profiler);
  workloads::install_program_handler();

  std::atomic<bool> over{false};
  std::atomic<std::uint64_t> rounds{0}, wrong{0};
  std::vector<std::thread> threads;
  for (int number = 0; number < 4; ++number) {
    threads.emplace_back([&, number] {
      const workloads::signal_stack own_stack(std::size_t{32} << 10);
      for (std::size_t i = static_cast<std::size_t>(number); !over; ++i) {
        bool good = true;
        switch (i % 9) {
          case 0: good = workloads::throw_and_catch(); break;
          case 1: good = workloads::use_plugin(plugins[i / 9 % plugins.size()]); break;
          case 2: good = workloads::allocate(); break;
          case 3: good = workloads::print(); break;
          case 4: good = workloads::coroutine::round(); break;
          case 5: good = workloads::handle_signal(); break;
          case 6: good = workloads::jump_out(); break;
          case 7: good = workloads::sort_by_callback(); break;
          case 8: good = workloads::short_thread() && workloads::detached_thread(); break;
        }
        ++rounds;
        if (!good) ++wrong;
      }
    });
  }
  std::this_thread::sleep_for(std::chrono::seconds(seconds));
  over = true;
  for (std::thread& t : threads) t.join();
  profiler.flush(std::chrono::seconds(5));
  const pyro::stats s = profiler.stats();
  profiler.stop();
  CHECK_EQUAL(wrong.load(), 0U);
  CHECK_EQUAL(errno_changed.load(), 0U);
  CHECK(signals > 1000U * static_cast<unsigned>(seconds));
  CHECK(s.native.complete > 0);
  std::printf("%llu signals in %d s, %llu rounds of work; stacks: %llu complete, %llu without rows, %llu out of bounds, %llu by order\n",
              static_cast<unsigned long long>(signals), seconds, static_cast<unsigned long long>(rounds),
              static_cast<unsigned long long>(s.native.complete), static_cast<unsigned long long>(s.native.no_rows),
              static_cast<unsigned long long>(s.native.out_of_bounds), static_cast<unsigned long long>(s.native.by_order));
  return pyro_test::result();
}
