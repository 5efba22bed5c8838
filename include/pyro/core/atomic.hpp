#pragma once
// Atomics by compiler builtins: <atomic> is 24,000 preprocessed lines under C++20, too many for a header that every file includes.
// Thread safe and signal safe: lock-free for the word-sized types used here.

namespace pyro::core {

template <class T>
__attribute__((always_inline)) inline T load_relaxed(const T& from) noexcept { return __atomic_load_n(&from, __ATOMIC_RELAXED); }

template <class T>
__attribute__((always_inline)) inline T load_acquire(const T& from) noexcept { return __atomic_load_n(&from, __ATOMIC_ACQUIRE); }

template <class T, class V>
__attribute__((always_inline)) inline void store_relaxed(T& to, V value) noexcept {
  __atomic_store_n(&to, static_cast<T>(value), __ATOMIC_RELAXED);
}

template <class T, class V>
__attribute__((always_inline)) inline void store_release(T& to, V value) noexcept {
  __atomic_store_n(&to, static_cast<T>(value), __ATOMIC_RELEASE);
}

/// Adds to a counter that one thread alone writes: a load and a store, no locked instruction.
template <class T, class V>
__attribute__((always_inline)) inline void add_single_writer(T& counter, V amount) noexcept {
  store_relaxed(counter, load_relaxed(counter) + static_cast<T>(amount));
}

/// Adds to a counter that several threads write.
template <class T, class V>
__attribute__((always_inline)) inline void add_shared(T& counter, V amount) noexcept {
  __atomic_fetch_add(&counter, static_cast<T>(amount), __ATOMIC_RELAXED);
}

}  // namespace pyro::core
