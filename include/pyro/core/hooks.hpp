#pragma once
// The versioned table of functions behind which all cold paths live. The profiler that leads the process installs it in every module;
// where it is absent every macro is a load, a test and a branch.

#include <pyro/core/slot.hpp>

namespace pyro::core {

struct module;

/// What a module asks of the profiler when the hot path does not know the way.
struct enter_request {
  module* from;
  slot** cached;          ///< the module's thread-local pointer of this thread
  const site* where;
  const char* value;      ///< tag value or dynamic name (not NUL-terminated); nullptr for plain scopes
  std::size_t size;
  bool literal;           ///< `value` is a literal: same address, same text, for as long as the process lives
  std::uintptr_t sp;      ///< stack pointer at entry
};

struct hooks {
  std::uint32_t abi;
  std::uint32_t size;
  /// Registers the thread where needed, finds or makes the node, counts and enters. Thread safe, not signal safe, never throws.
  position (*enter)(const enter_request&) noexcept;
  /// Names the calling thread. Thread safe, not signal safe, never throws.
  void (*name_thread)(module*, slot** cached, const char* name, std::size_t size) noexcept;
};

}  // namespace pyro::core
