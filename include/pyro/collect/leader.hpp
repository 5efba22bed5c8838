#pragma once
// Who leads the process, and how its modules are told: the writing side of core/module.hpp.

#include <pyro/core/module.hpp>

#include <string>

namespace pyro {
namespace collect PYRO_HIDDEN {

/// Makes the profiler behind `table` the leader of the process, for good: slots belong to it. Empty, or why it can't be.
inline std::string lead_process(const core::hooks& table) {
  core::rendezvous* page = core::meeting_point;
  if (page->abi != PYRO_ABI)
    return "another version of pyro (ABI " + std::to_string(page->abi) + ", this one has " + std::to_string(PYRO_ABI) +
           ") was loaded first in this process; build all its parts with one version";
  const core::hooks* leader = nullptr;
  if (__atomic_compare_exchange_n(&page->leader, &leader, &table, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) || leader == &table) return {};
  Dl_info where{};
  const bool known = ::dladdr(leader, &where) != 0 && where.dli_fname != nullptr;
  return std::string("the profiler of this process lives in ") + (known ? where.dli_fname : "another module") + "; configure it there";
}

/// Turns the macros of all modules on (the leader's table) or off (nullptr).
inline void publish(const core::hooks* active) noexcept {
  core::rendezvous* page = core::meeting_point;
  __atomic_store_n(&page->active, active, __ATOMIC_SEQ_CST);
  for (core::module* m = __atomic_load_n(&page->modules, __ATOMIC_SEQ_CST); m != nullptr; m = m->next) core::store_release(m->active, active);
}

}  // namespace collect
}  // namespace pyro
