#pragma once
// One process, one profiler: how the modules (executable, shared libraries, plugins) of a process that use pyro find each other.
//
// Each module has its own hidden copy of everything here. At load time it pins itself (its sites must stay valid after dlclose) and
// joins the list in the process's rendezvous page: an anonymous file mapping that is found by its name in /proc/self/maps. That works
// for executables without -rdynamic, RTLD_LOCAL and any visibility, which an exported symbol does not, and it needs no environment
// variable. The profiler that starts publishes its hooks in the page and in every module; modules that load later take them from there.
//
// Thread safety: a module joins from its load-time constructor (the loader serialises those); the list only grows.

#include <pyro/core/atomic.hpp>
#include <pyro/core/hooks.hpp>

#include <dlfcn.h>     // dladdr, dlopen: pin the module
#include <fcntl.h>     // open
#include <sys/mman.h>  // mmap, memfd_create
#include <unistd.h>    // read, close

namespace pyro::core {

struct module {
  const hooks* active;     ///< hot: nullptr while off
  module* next;
  std::uint32_t abi;
  std::uint32_t joined;
};

struct rendezvous {
  std::uint64_t magic;
  std::uint32_t abi;
  std::uint32_t reserved;
  module* modules;
  const hooks* leader;     ///< hooks of the profiler that owns the process's slots; set once
  const hooks* active;     ///< the same while profiling is on, nullptr while it is off or paused
};

inline constexpr std::uint64_t rendezvous_magic = 0x31306f7279702021ULL;
inline constexpr char rendezvous_name[] = "pyro-rendezvous";

// hot: read by every scope
PYRO_HIDDEN inline module this_module{nullptr, nullptr, PYRO_ABI, 0};
PYRO_HIDDEN inline rendezvous* meeting_point = nullptr;
PYRO_HIDDEN inline rendezvous lonely_meeting_point{rendezvous_magic, PYRO_ABI, 0, nullptr, nullptr, nullptr};
// One initial-exec pointer and nothing else: an initial-exec variable pulls its module's whole TLS segment into static TLS. A plugin that
// has more than about 1.5 KiB of thread-local variables of its own does not load then; it is built with another model.
#ifndef PYRO_TLS_MODEL
#define PYRO_TLS_MODEL "initial-exec"
#endif
PYRO_HIDDEN inline __thread slot* this_slot __attribute__((tls_model(PYRO_TLS_MODEL))) = nullptr;

/// The address of the page in a line of /proc/self/maps ("5500-5600 rw-p … /memfd:pyro-rendezvous (deleted)"), or 0.
PYRO_HIDDEN PYRO_COLD inline std::uintptr_t rendezvous_in_line(const char* line, std::size_t size) noexcept {
  constexpr std::size_t name_size = sizeof rendezvous_name - 1;
  std::size_t at = 0;
  for (; at + name_size <= size; ++at)
    if (line[at] == ':' && at + 1 + name_size <= size && __builtin_memcmp(line + at + 1, rendezvous_name, name_size) == 0) break;
  if (at + name_size > size) return 0;
  std::uintptr_t address = 0;
  for (std::size_t i = 0; i < size && line[i] != '-'; ++i) {
    const char c = line[i];
    address = address * 16 + static_cast<std::uintptr_t>(c <= '9' ? c - '0' : c - 'a' + 10);
  }
  return address;
}

/// Raw reads, no allocation: load-time constructors run before much of the program is ready.
PYRO_HIDDEN PYRO_COLD inline rendezvous* find_rendezvous() noexcept {
  const int file = ::open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (file < 0) return nullptr;
  char line[512];
  char buffer[4096];
  std::size_t length = 0;
  std::uintptr_t address = 0;
  for (long n; address == 0 && (n = ::read(file, buffer, sizeof buffer)) > 0;) {
    for (long i = 0; i < n && address == 0; ++i) {
      if (buffer[i] != '\n') {
        if (length < sizeof line) line[length++] = buffer[i];
        continue;
      }
      address = rendezvous_in_line(line, length);
      length = 0;
    }
  }
  ::close(file);
  auto* page = reinterpret_cast<rendezvous*>(address);
  return page != nullptr && page->magic == rendezvous_magic ? page : nullptr;
}

/// Makes the page; falls back to this module's own, alone, where the system refuses (old kernel, seccomp).
PYRO_HIDDEN PYRO_COLD inline rendezvous* make_rendezvous() noexcept {
  const int file = ::memfd_create(rendezvous_name, MFD_CLOEXEC);
  if (file < 0) return &lonely_meeting_point;
  void* page = MAP_FAILED;
  if (::ftruncate(file, sizeof(rendezvous)) == 0)
    page = ::mmap(nullptr, sizeof(rendezvous), PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
  ::close(file);
  if (page == MAP_FAILED) return &lonely_meeting_point;
  auto* made = static_cast<rendezvous*>(page);
  made->abi = PYRO_ABI;
  made->magic = rendezvous_magic;
  return made;
}

/// Keeps this module loaded for good. Executables need none, and static ones have no dlopen: the reference is weak.
PYRO_HIDDEN PYRO_COLD inline void pin_module() noexcept {
#if defined(__PIC__) && !defined(__PIE__)
  Dl_info info;
  if (::dladdr(&this_module, &info) != 0 && info.dli_fname != nullptr)
    ::dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
#endif
}

/// Runs at load time, before other constructors of the module; again for each file that includes this, then a no-op.
PYRO_HIDDEN __attribute__((constructor(101), cold, noinline)) inline void join_process() noexcept {
  if (this_module.joined != 0) return;
  this_module.joined = 1;
  pin_module();
  rendezvous* page = find_rendezvous();
  if (page == nullptr) page = make_rendezvous();
  meeting_point = page;
  if (page->abi != PYRO_ABI) return;  // another version's profiler: this module stays off, `configure` says why
  module* head = load_relaxed(page->modules);
  do this_module.next = head;
  while (!__atomic_compare_exchange_n(&page->modules, &head, &this_module, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
  // A profiler stores `active` before it walks the list, we join the list before we load it: one of the two sees the other.
  store_release(this_module.active, __atomic_load_n(&page->active, __ATOMIC_SEQ_CST));
}

}  // namespace pyro::core
