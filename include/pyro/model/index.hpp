#pragma once
// A hash index over a table: finds the place of an equal entry. It keeps four bytes a slot and no copy of any key, because a
// long run has hundreds of thousands of stacks. Not thread safe, not signal safe.

#include <cstddef>  // size_t
#include <cstdint>  // places
#include <vector>   // slots

namespace pyro::detail {

/// Mixes a number into a hash (multiplication by 2^64 / golden ratio, high bits folded down).
constexpr std::uint64_t hash_mix(std::uint64_t hash, std::uint64_t value) noexcept {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15U;
  return hash ^ hash >> 32U;
}

/// Open addressing with linear probing, at most two thirds full. Entries are never removed.
class table_index {
 public:
  static constexpr std::uint32_t none = 0xffffffffU;

  /// The place of the entry for which `same(place)` holds, or `none`.
  template <class Same>
  std::uint32_t find(std::uint64_t hash, const Same& same) const {
    if (slots_.empty()) return none;
    for (std::size_t i = slot_of(hash);; i = (i + 1) & (slots_.size() - 1)) {
      ++probes_;
      if (slots_[i] == none || same(slots_[i])) return slots_[i];
    }
  }

  /// Slots looked at so far: a few a search, unless somebody has chosen keys that collide.
  std::uint64_t probes() const noexcept { return probes_; }

  /// Adds the place of a new entry. `hash_of(place)` gives the hash of any entry, this one included.
  template <class HashOf>
  void insert(std::uint32_t place, const HashOf& hash_of) {
    if ((used_ + 1) * 3 > slots_.size() * 2) {
      std::vector<std::uint32_t> larger(slots_.empty() ? 16 : slots_.size() * 2, none);
      larger.swap(slots_);
      for (const std::uint32_t p : larger)  // now the smaller one
        if (p != none) put(p, hash_of(p));
    }
    put(place, hash_of(place));
    ++used_;
  }

 private:
  std::size_t slot_of(std::uint64_t hash) const noexcept { return static_cast<std::size_t>(hash) & (slots_.size() - 1); }

  void put(std::uint32_t place, std::uint64_t hash) noexcept {
    std::size_t i = slot_of(hash);
    while (slots_[i] != none) i = (i + 1) & (slots_.size() - 1);
    slots_[i] = place;
  }

  std::vector<std::uint32_t> slots_;  // a power of two
  std::size_t used_ = 0;
  mutable std::uint64_t probes_ = 0;
};

}  // namespace pyro::detail
