#pragma once
// Entering and leaving: the hot path. About a nanosecond: no lock, no allocation once a path is known, nothing thrown, no clock.
//
// The call site holds a load, a test and a branch (off), and a call (on). The call goes to a copy of `enter` in the same module,
// which keeps a site at about 80 bytes of code; fully inlined it is 200 bytes and only 0.2 ns faster (docs/architecture.md).
// Thread safe: each thread works on its own slot. Not for signal handlers of the user's.

#include <pyro/core/module.hpp>

namespace pyro::core {

PYRO_INLINE std::size_t cache_place(std::uintptr_t parent, const void* where) noexcept {
  // Nodes are 128 bytes apart, sites 32; the second shift keeps siblings of many parents from meeting in one place.
  const auto site_bits = reinterpret_cast<std::uintptr_t>(where);
  return (parent >> 7 ^ site_bits >> 5 ^ site_bits >> 13) % cache_size;
}

/// Counts a call of `child` and makes it the innermost entry.
PYRO_INLINE position push(slot* own, entry* top, node* child, std::uintptr_t sp) noexcept {
  add_single_writer(child->calls, 1);
  store_relaxed(top[1].at, reinterpret_cast<std::uintptr_t>(child));
  store_relaxed(top[1].sp, sp);
  store_release(own->top, top + 1);  // the handler and the observer see whole entries only
  return {own, top};
}

PYRO_HIDDEN PYRO_COLD inline position enter_slow(const site* where, const char* value, std::size_t size, bool literal,
                                                 std::uintptr_t sp) noexcept {
  const hooks* table = load_acquire(this_module.active);
  if (table == nullptr) return {nullptr, nullptr};
  return table->enter({&this_module, &this_slot, where, value, size, literal, sp});
}

/// The stack pointer of the caller at the call: where its frame ends. Orders scopes within a frame and against native frames.
#define PYRO_CALLER_SP() reinterpret_cast<std::uintptr_t>(__builtin_dwarf_cfa())

PYRO_HIDDEN PYRO_NOINLINE inline position enter(const site* where) noexcept {
  slot* own = this_slot;
  const std::uintptr_t sp = PYRO_CALLER_SP();
  if (PYRO_LIKELY(own != nullptr)) {
    entry* top = own->top;
    node* child = own->cache[cache_place(top->at, where)];
    // An entry below the caller's stack pointer was left by longjmp: the slow way drops it.
    if (PYRO_LIKELY(reinterpret_cast<std::uintptr_t>(child->parent) == top->at && child->where == where && load_relaxed(top->sp) >= sp))
      return push(own, top, child, sp);
  }
  return enter_slow(where, nullptr, 0, false, sp);
}

/// Restores the caller's own saved position, whatever happened in between (R17: longjmp, exceptions, unbalanced code).
PYRO_INLINE void leave(const position& saved) noexcept {
  if (PYRO_LIKELY(saved.in != nullptr)) store_release(saved.in->top, saved.top);
}

/// PYRO_SCOPE. Must be destroyed by the thread that made it.
class scope {
 public:
  PYRO_INLINE explicit scope(const site* where) noexcept
      : saved_(PYRO_UNLIKELY(load_relaxed(this_module.active) == nullptr) ? position{nullptr, nullptr} : enter(where)) {}
  PYRO_INLINE ~scope() { leave(saved_); }
  scope(const scope&) = delete;
  scope& operator=(const scope&) = delete;

 private:
  const position saved_;
};

}  // namespace pyro::core
