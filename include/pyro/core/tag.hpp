#pragma once
// Tags and dynamic names: nodes of the same call tree, found by site and text. A literal is found by its address, which is as cheap
// as a scope; any other text is compared by content, so that a buffer that changes makes another tag.
// Thread safe: a tag in one thread is never seen in another. Not for signal handlers of the user's.

#include <pyro/core/scope.hpp>
#include <pyro/core/value.hpp>

namespace pyro::core {

PYRO_HIDDEN PYRO_NOINLINE inline position enter_literal(const site* where, const char* value) noexcept {
  slot* own = this_slot;
  const std::uintptr_t sp = PYRO_CALLER_SP();
  if (PYRO_LIKELY(own != nullptr)) {
    entry* top = own->top;
    const std::size_t place = cache_place(top->at, where);
    const auto is_child = [&](const node* n) {
      return reinterpret_cast<std::uintptr_t>(n->parent) == top->at && n->where == where && n->literal == value;
    };
    node* child = own->cache[place];
    if (PYRO_LIKELY((PYRO_LIKELY(is_child(child)) || is_child(child = own->cache[place + 1])) && load_relaxed(top->sp) >= sp))
      return push(own, top, child, sp);
  }
  return enter_slow(where, value, __builtin_strlen(value), true, sp);
}

/// First and last bytes tell most texts apart; the comparison that follows tells all. For the cache's place only.
PYRO_INLINE std::uintptr_t quick_hash(const char* data, std::size_t size) noexcept {
  std::uint64_t bits = 0;
  if (size >= 8) {
    std::uint64_t tail;
    __builtin_memcpy(&bits, data, 8);
    __builtin_memcpy(&tail, data + size - 8, 8);
    bits ^= tail * 3;
  } else if (size >= 4) {
    std::uint32_t head, tail;
    __builtin_memcpy(&head, data, 4);
    __builtin_memcpy(&tail, data + size - 4, 4);
    bits = std::uint64_t{head} << 32 | tail;
  } else if (size > 0) {
    bits = static_cast<std::uint64_t>(static_cast<unsigned char>(data[0])) << 16 |
           static_cast<std::uint64_t>(static_cast<unsigned char>(data[size / 2])) << 8 | static_cast<unsigned char>(data[size - 1]);
  }
  return static_cast<std::uintptr_t>(((bits + size) * 0x9e3779b97f4a7c15ULL) >> 51);
}

PYRO_INLINE std::size_t cache_place(std::uintptr_t parent, const void* where, const char* data, std::size_t size) noexcept {
  return cache_place(parent, where) ^ quick_hash(data, size) % cache_sets * 2;
}

/// `sp`: of the frame that holds the tag. Not of a helper below it: the next scope in that frame would take the tag for a dead entry.
PYRO_INLINE position enter_text_at(const site* where, const char* data, std::size_t size, std::uintptr_t sp) noexcept {
  slot* own = this_slot;
  if (PYRO_LIKELY(own != nullptr && size <= load_relaxed(own->value_limit))) {
    entry* top = own->top;
    const std::size_t place = cache_place(top->at, where, data, size);
    const auto is_child = [&](const node* n) {
      return reinterpret_cast<std::uintptr_t>(n->parent) == top->at && n->where == where && n->value != nullptr &&
             n->value->size == size && __builtin_memcmp(n->value->data(), data, size) == 0;
    };
    node* child = own->cache[place];
    if (PYRO_LIKELY((PYRO_LIKELY(is_child(child)) || is_child(child = own->cache[place + 1])) && load_relaxed(top->sp) >= sp))
      return push(own, top, child, sp);
  }
  return enter_slow(where, data, size, false, sp);
}

PYRO_HIDDEN PYRO_NOINLINE inline position enter_text(const site* where, const char* data, std::size_t size) noexcept {
  return enter_text_at(where, data, size, PYRO_CALLER_SP());
}

/// PYRO_TAG and PYRO_SCOPE_DYNAMIC. Must be destroyed by the thread that made it.
class text_scope : restorer {
 public:
  /// `literal`: the macro's word that a `const char[N]` is a string literal and not some array of that type.
  template <std::size_t N>
  PYRO_INLINE text_scope(const site* where, const char (&value)[N], bool literal) noexcept {
    if (PYRO_LIKELY(profiling())) keep(literal ? enter_literal(where, value) : enter_text(where, value, bounded_length(value, N)));
  }

  template <class T>
  PYRO_INLINE text_scope(const site* where, const T& value, bool) noexcept {
    if (PYRO_LIKELY(profiling())) keep(enter_value(where, value));
  }

 private:
  // Converted out of line: a site of its own costs no code for digits or lengths.
  template <class T>
  PYRO_HIDDEN PYRO_NOINLINE static position enter_value(const site* where, const T& value) noexcept {
    const std::uintptr_t sp = PYRO_CALLER_SP();
    return with_text(value, [where, sp](const char* data, std::size_t size) noexcept {
      return data == nullptr ? position{nullptr, nullptr} : enter_text_at(where, data, size, sp);
    });
  }
};

/// PYRO_THREAD.
template <class T>
PYRO_HIDDEN inline void name_thread(const T& name) noexcept {
  const hooks* table = load_acquire(this_module.active);
  if (table == nullptr) return;
  with_text(name, [table](const char* data, std::size_t size) noexcept {
    if (data != nullptr) table->name_thread(&this_module, &this_slot, data, size);
  });
}

/// Compiles where a value is acceptable; for macros that are turned off.
template <class T>
inline int check_value(const T& value) noexcept {
  return with_text(value, [](const char*, std::size_t) noexcept { return 0; });
}

}  // namespace pyro::core
