#pragma once
// Interned texts: tag values and dynamic scope names, shared by all threads' trees and counted by reference.
// Bounded twice: by the arena's budget, and by a number of distinct values for each key; past either, callers use `[other]`.
// Thread safe; not signal safe. The lock is taken when a node is made or freed; values past a full key are refused without it.

#include <pyro/collect/arena.hpp>
#include <pyro/core/slot.hpp>

#include <cstring>  // memcmp, strcmp

namespace pyro {
namespace collect PYRO_HIDDEN {

/// FNV-1a (Fowler, Noll, Vo): values are short, and this is the slow path.
inline std::uint64_t hash_text(const char* data, std::size_t size) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (std::size_t i = 0; i < size; ++i) hash = (hash ^ static_cast<unsigned char>(data[i])) * 0x100000001b3ULL;
  return hash;
}

class intern_table {
 public:
  static constexpr std::uint32_t max_keys = 256;

  explicit intern_table(arena& memory) noexcept : arena_(memory) {}

  void set_values_per_key(std::uint32_t most) noexcept { core::store_relaxed(values_per_key_, most); }

  /// The text, with one more reference; nullptr where the key has its fill of values or the budget is spent.
  /// `key`: the tag's key, a literal; nullptr for dynamic scope names, which are limited like the values of one key.
  core::text* acquire(const char* key, const char* data, std::size_t size) noexcept {
    const std::uint64_t hash = hash_text(data, size);
    const key_record* record = find_key(key);
    if (record != nullptr && is_full(*record) && !perhaps_present(hash)) return nullptr;
    platform::lock_guard hold(mutex_);
    core::text** bucket = &buckets_[hash % bucket_count];
    for (core::text* t = *bucket; t != nullptr; t = t->next)
      if (t->hash == hash && t->size == size && same_key(t->key, key) && std::memcmp(t->data(), data, size) == 0) {
        ++t->references;
        return t;
      }
    key_record* counted = find_or_add_key(key);
    if (counted == nullptr || is_full(*counted)) return nullptr;
    core::text* made = allocate(size);
    if (made == nullptr) return nullptr;
    made->hash = hash;
    made->key = key;
    made->size = static_cast<std::uint32_t>(size);
    made->references = 1;
    made->next = *bucket;
    std::memcpy(made->data(), data, size);
    made->data()[size] = '\0';
    *bucket = made;
    core::store_relaxed(counted->values, counted->values + 1);
    add_to_filter(hash, 1);
    return made;
  }

  void release(core::text* t) noexcept {
    platform::lock_guard hold(mutex_);
    if (--t->references != 0) return;
    core::text** link = &buckets_[t->hash % bucket_count];
    while (*link != t) link = &(*link)->next;
    *link = t->next;
    if (key_record* counted = find_key(t->key)) core::store_relaxed(counted->values, counted->values - 1);
    add_to_filter(t->hash, -1);
    const std::size_t place = size_class(t->size);
    t->next = free_[place];
    free_[place] = t;
  }

  /// True where some key refuses new values.
  bool any_key_full() const noexcept {
    const std::uint32_t n = core::load_acquire(key_count_);
    for (std::uint32_t i = 0; i < n; ++i)
      if (is_full(keys_[i])) return true;
    return false;
  }

  platform::mutex& fork_lock() noexcept { return mutex_; }

 private:
  static constexpr std::size_t bucket_count = 4096;
  static constexpr std::size_t filter_size = 32768;
  static constexpr std::size_t size_step = 32;
  static constexpr std::size_t size_classes = chunk::bytes / size_step;

  struct key_record {
    const char* name;
    std::uint32_t values;
  };

  static bool same_key(const char* a, const char* b) noexcept {
    return a == b || (a != nullptr && b != nullptr && std::strcmp(a, b) == 0);
  }
  bool is_full(const key_record& k) const noexcept { return core::load_relaxed(k.values) >= core::load_relaxed(values_per_key_); }

  // Keys are only ever added, so they are found without the lock.
  key_record* find_key(const char* key) noexcept {
    const std::uint32_t n = core::load_acquire(key_count_);
    for (std::uint32_t i = 0; i < n; ++i)
      if (same_key(keys_[i].name, key)) return &keys_[i];
    return nullptr;
  }
  key_record* find_or_add_key(const char* key) noexcept {
    key_record* found = find_key(key);
    if (found != nullptr || key_count_ == max_keys) return found;
    keys_[key_count_] = {key, 0};
    core::store_release(key_count_, key_count_ + 1);
    return &keys_[key_count_ - 1];
  }

  // A counting filter: "surely absent" is told without the lock, so that floods of new values do not make threads queue.
  bool perhaps_present(std::uint64_t hash) const noexcept { return core::load_relaxed(filter_[hash >> 40 & (filter_size - 1)]) != 0; }
  void add_to_filter(std::uint64_t hash, int by) noexcept {
    std::uint16_t& cell = filter_[hash >> 40 & (filter_size - 1)];
    core::store_relaxed(cell, cell + by);
  }

  static std::size_t size_class(std::size_t size) noexcept { return (sizeof(core::text) + size + 1 + size_step - 1) / size_step; }

  core::text* allocate(std::size_t size) noexcept {
    const std::size_t place = size_class(size);
    if (place * size_step > chunk::bytes - sizeof(chunk)) return nullptr;
    if (core::text* t = free_[place]) {
      free_[place] = t->next;
      return t;
    }
    if (chunk_ == nullptr || chunk_->used + place * size_step > chunk::bytes) {
      chunk* fresh = arena_.take();
      if (fresh == nullptr) return nullptr;
      fresh->next = chunk_;
      chunk_ = fresh;
    }
    char* at = reinterpret_cast<char*>(chunk_) + chunk_->used;
    chunk_->used += static_cast<std::uint32_t>(place * size_step);
    return reinterpret_cast<core::text*>(at);
  }

  arena& arena_;
  platform::mutex mutex_;
  std::uint32_t values_per_key_ = 1000;
  std::uint32_t key_count_ = 0;
  key_record keys_[max_keys] = {};
  chunk* chunk_ = nullptr;
  core::text* free_[size_classes + 1] = {};
  core::text* buckets_[bucket_count] = {};
  std::uint16_t filter_[filter_size] = {};
};

}  // namespace collect
}  // namespace pyro
