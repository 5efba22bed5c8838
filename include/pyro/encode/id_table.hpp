#pragma once
// Finds what has an id in a file: ids are mostly 1, 2, 3 ..., but may be anything. Sorted, not hashed: no file can make it slow. Pure, any thread.

#include <algorithm>  // sort, lower_bound
#include <cstddef>    // size_t
#include <cstdint>    // ids
#include <utility>    // pair
#include <vector>     // entries

namespace pyro::detail {

class id_table {
 public:
  static constexpr std::uint32_t none = 0xffffffffU;

  void add(std::uint64_t id, std::uint32_t place) { entries_.emplace_back(id, place); }

  /// To be called when all are in. The place of an entry whose id another one has, or `none`.
  std::uint32_t finish() {
    std::sort(entries_.begin(), entries_.end());
    for (std::size_t i = 1; i < entries_.size(); ++i)
      if (entries_[i].first == entries_[i - 1].first) return entries_[i].second;
    return none;
  }

  std::uint32_t find(std::uint64_t id) const noexcept {
    if (id - 1 < entries_.size() && entries_[static_cast<std::size_t>(id - 1)].first == id) return entries_[static_cast<std::size_t>(id - 1)].second;
    const auto at = std::lower_bound(entries_.begin(), entries_.end(), std::make_pair(id, std::uint32_t{0}));
    return at != entries_.end() && at->first == id ? at->second : none;
  }

 private:
  std::vector<std::pair<std::uint64_t, std::uint32_t>> entries_;
};

}  // namespace pyro::detail
