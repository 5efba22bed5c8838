#pragma once
// Entering and leaving: the hot path. About a nanosecond: no lock, no allocation once a path is known, nothing thrown, no clock.
//
// The call site holds a load, a test and a branch (off), and a call (on). The call goes to a copy of `enter` in the same module,
// which keeps a site at about 80 bytes of code; fully inlined it is 200 bytes and only 0.2 ns faster (docs/architecture.md).
// Thread safe: each thread works on its own slot. Not for signal handlers of the user's.

#include <pyro/core/module.hpp>

namespace pyro::core {

/// Nodes are 128 bytes apart in the order of their making, sites 32. Both walk in steps through nested or repeated scopes, so they are
/// added with different strides: their exclusive or would send all levels of a nest to one place. Gives the first of two
/// places that belong to a hash.
PYRO_INLINE std::size_t cache_place(std::uintptr_t parent, const void* where) noexcept {
  return ((parent >> 7) * 9 + (reinterpret_cast<std::uintptr_t>(where) >> 5)) % cache_sets * 2;
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
    const std::size_t place = cache_place(top->at, where);
    const auto is_child = [&](const node* n) { return reinterpret_cast<std::uintptr_t>(n->parent) == top->at && n->where == where; };
    node* child = own->cache[place];
    // An entry below the caller's stack pointer was left by longjmp: the slow way drops it.
    if (PYRO_LIKELY((PYRO_LIKELY(is_child(child)) || is_child(child = own->cache[place + 1])) && load_relaxed(top->sp) >= sp))
      return push(own, top, child, sp);
  }
  return enter_slow(where, nullptr, 0, false, sp);
}

/// What a scope of either kind keeps: where to go back to. Restores its own saved position, whatever happened in between (longjmp,
/// exceptions, unbalanced code). Two plain members, so that compilers keep them in registers.
class restorer {
 public:
  restorer(const restorer&) = delete;
  restorer& operator=(const restorer&) = delete;

 protected:
  PYRO_INLINE restorer() noexcept = default;
  PYRO_INLINE ~restorer() {
    if (in_ != nullptr) store_release(in_->top, top_);
  }
  PYRO_INLINE void keep(const position& saved) noexcept {
    in_ = saved.in;
    top_ = saved.top;
  }
  PYRO_INLINE static bool profiling() noexcept { return load_relaxed(this_module.active) != nullptr; }

 private:
  slot* in_ = nullptr;
  entry* top_ = nullptr;
};

/// PYRO_SCOPE. Must be destroyed by the thread that made it.
class scope : restorer {
 public:
  PYRO_INLINE explicit scope(const site* where) noexcept {
    if (PYRO_LIKELY(profiling())) keep(enter(where));
  }
};

}  // namespace pyro::core
