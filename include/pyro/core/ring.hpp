#pragma once
// A bounded single-producer single-consumer ring of 8-byte words, for records of variable length.
// Producer: a thread's signal handler (or that thread). Consumer: the pump. Lock-free and signal safe; a full ring refuses the record
// whole, the producer counts it. Indices are free-running, so full and empty need no spare word.

#include <pyro/core/atomic.hpp>

#include <cstddef>  // size_t
#include <cstdint>  // fixed-width integers

namespace pyro::core {

template <std::size_t Words>
class word_ring {
  static_assert((Words & (Words - 1)) == 0, "a power of two, so that indices wrap by masking");

 public:
  /// Copies `count` words in, or nothing: false where there is no room.
  bool push(const std::uint64_t* words, std::size_t count) noexcept {
    const std::uint64_t head = load_relaxed(head_);
    // Acquire: the consumer is done with the words that this record overwrites.
    if (head + count - load_acquire(tail_) > Words) return false;
    for (std::size_t i = 0; i < count; ++i) store_relaxed(words_[(head + i) % Words], words[i]);
    store_release(head_, head + count);  // commits: the consumer sees the words before the index
    return true;
  }

  /// For a record whose length is known at its end alone: how many words there is room for, one after the other `put` at its place, then
  /// `commit` of so many, or nothing. Producer only.
  std::size_t room() const noexcept { return static_cast<std::size_t>(Words - (load_relaxed(head_) - load_acquire(tail_))); }
  void put(std::size_t place, std::uint64_t word) noexcept { store_relaxed(words_[(load_relaxed(head_) + place) % Words], word); }
  void commit(std::size_t count) noexcept { store_release(head_, load_relaxed(head_) + count); }

  /// The word `ahead` places after the oldest one. Consumer only, while `size() > ahead`.
  std::uint64_t peek(std::size_t ahead) const noexcept { return load_relaxed(words_[(load_relaxed(tail_) + ahead) % Words]); }

  /// Words waiting. Consumer only.
  std::size_t size() const noexcept { return static_cast<std::size_t>(load_acquire(head_) - load_relaxed(tail_)); }

  /// Frees the oldest `count` words. Consumer only.
  void pop(std::size_t count) noexcept { store_release(tail_, load_relaxed(tail_) + count); }

  /// Drops everything. Only where producer and consumer are known to be at rest.
  void clear() noexcept { store_relaxed(tail_, load_relaxed(head_)); }

 private:
  alignas(64) std::uint64_t head_ = 0;  // written by the producer
  alignas(64) std::uint64_t tail_ = 0;  // written by the consumer; on its own line, so that draining does not disturb the producer
  alignas(64) std::uint64_t words_[Words];  // not initialised: pages that no sample reaches stay untouched
};

}  // namespace pyro::core
