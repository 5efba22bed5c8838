#pragma once
// What pyro does not do: the whole hit path at each site, instead of a call to the module's one copy of it. Here to know what it would
// cost and bring; docs/architecture.md has the figures.

#include <pyro/pyro.hpp>

namespace inlined {

namespace core = pyro::core;

class scope {
 public:
  PYRO_INLINE explicit scope(const core::site* where) noexcept {
    if (core::load_relaxed(core::this_module.active) == nullptr) return;
    const core::position saved = enter(where);
    in_ = saved.in;
    top_ = saved.top;
  }
  PYRO_INLINE ~scope() {
    if (in_ != nullptr) core::store_release(in_->top, top_);
  }
  scope(const scope&) = delete;
  scope& operator=(const scope&) = delete;

 private:
  PYRO_INLINE static std::uintptr_t stack_pointer() noexcept {
    std::uintptr_t sp;
#if defined(__x86_64__)
    __asm__("mov %%rsp, %0" : "=r"(sp));
#elif defined(__aarch64__)
    __asm__("mov %0, sp" : "=r"(sp));
#else
#error "benchmarks: how is the stack pointer read here?"
#endif
    return sp;
  }

  PYRO_INLINE static core::position enter(const core::site* where) noexcept {
    core::slot* own = core::this_slot;
    const std::uintptr_t sp = stack_pointer();
    if (PYRO_LIKELY(own != nullptr)) {
      core::entry* top = own->top;
      const std::uintptr_t at = top->at;
      core::node* child = own->cache[core::cache_place(at, where)];
      if (PYRO_LIKELY(reinterpret_cast<std::uintptr_t>(child->parent) == at && child->where == where && core::load_relaxed(top->sp) >= sp))
        return core::push(own, top, child, sp);
    }
    return core::enter(where);
  }

  core::slot* in_ = nullptr;
  core::entry* top_ = nullptr;
};

}  // namespace inlined

#ifndef PYRO_DISABLE
#define INLINED_SCOPE(...) ::inlined::scope PYRO_UNIQUE(inlined_scope_)(PYRO_SITE(scope, __VA_ARGS__))
#else
#define INLINED_SCOPE(...) PYRO_SCOPE(__VA_ARGS__)
#endif
