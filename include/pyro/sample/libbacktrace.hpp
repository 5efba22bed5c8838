#pragma once
// Lines and inlined functions by libbacktrace (link with -lbacktrace; g++ has it): include this in the file that calls `configure`, nothing else
// is needed. For programs built with -g. Costs memory, about six times what .debug_info has in the file, and gives none back; docs/symbols.md.
// One thread at a time (the worker's); not signal safe; nothing is thrown.
//
// It knows the modules that were loaded when it was first asked, and never looks for others.

#include <pyro/platform/exceptions.hpp>
#include <pyro/platform/modules.hpp>
#include <pyro/sample/demangle.hpp>
#include <pyro/sample/elf_file.hpp>
#include <pyro/sample/lines.hpp>

#include <backtrace.h>  // libbacktrace

#include <cstring>  // strnlen
#include <string_view>
#include <unistd.h>  // getpid

namespace pyro {
namespace sampling PYRO_HIDDEN {

class backtrace_lines {
 public:
  bool find(std::uint64_t address, std::vector<source_line>& lines) {
    if (!ready()) return false;
    const std::size_t before = lines.size();
    call c{&lines, before, false};
    ::backtrace_pcinfo(state_, static_cast<std::uintptr_t>(address), &take, &ignore, &c);
    if (c.failed) lines.resize(before);
    return lines.size() > before;
  }

 private:
  static constexpr std::size_t most_inlined = 64;
  static constexpr std::size_t longest_file = 4096;
  static constexpr std::uint64_t most_debug_info = std::uint64_t{64} << 20;  // bytes of .debug_info; some 400 MiB of memory

  struct call {
    std::vector<source_line>* lines;
    std::size_t before;
    bool failed;
  };

  /// The state can't be freed: it is made once, and not in a forked child, where the loader's lock may be held for good.
  bool ready() {
    if (tried_) return state_ != nullptr;
    tried_ = true;
    if (::getpid() != started_in_ || debug_info_loaded() > most_debug_info) return false;
    state_ = ::backtrace_create_state(nullptr, 0, &ignore, nullptr);
    return state_ != nullptr;
  }

  static std::uint64_t debug_info_loaded() {
    std::uint64_t sum = 0;
    platform::module_list modules;
    for (const platform::loaded_module& m : modules.refresh()) {
      const elf_file file{elf_source(m.path)};
      const elf_section* section = file.find(std::string_view(".debug_info"));
      if (section != nullptr) sum += section->sh_size;
    }
    return sum;
  }

  static int take(void* data, std::uintptr_t, const char* file, int line, const char* function) {
    call& c = *static_cast<call*>(data);
    if (file == nullptr && function == nullptr) return 0;
    if (c.lines->size() - c.before >= most_inlined) return 1;
    PYRO_TRY {  // through libbacktrace's frames nothing must be thrown
      source_line l;
      if (function != nullptr) l.system_name = std::string(function, ::strnlen(function, longest_mangled));
      l.function = demangle(l.system_name);
      if (file != nullptr) l.file = std::string(file, ::strnlen(file, longest_file));
      l.line = line;
      c.lines->push_back(std::move(l));
      return 0;
    }
    PYRO_CATCH_ALL {}
    c.failed = true;
    return 1;
  }
  static void ignore(void*, const char*, int) {}

  const pid_t started_in_ = ::getpid();
  bool tried_ = false;
  backtrace_state* state_ = nullptr;
};

// Initialised before main: it must know in which process that was.
inline backtrace_lines libbacktrace_finder;

inline bool find_by_libbacktrace(std::uint64_t address, std::vector<source_line>& lines) {
  const std::size_t before = lines.size();
  PYRO_TRY {
    return libbacktrace_finder.find(address, lines);
  }
  PYRO_CATCH_ALL {}
  lines.resize(before);
  return false;
}

// Registers before main, in the executable or shared object that includes this header.
inline const bool libbacktrace_registered = (line_finder_slot.store(&find_by_libbacktrace, std::memory_order_release), true);

}  // namespace sampling
}  // namespace pyro
