#pragma once
// Native samples weighted so that each scope has the CPU time that is known for it otherwise (post-stratification: Holt and Smith 1979). A stratum is a
// path of scopes with its labels. Sums are kept exactly. Pure; one thread at a time.
//
// The weight of a sample has a bound: what a stratum has beyond `most_weight` times its samples is left over, and said to have no native sample. Few samples
// would else speak for much. Samples in a stratum for which no time is known belong to the nearest one further out.

#include <pyro/core/abi.hpp>
#include <pyro/model/profile.hpp>

#include <algorithm>      // all_of, any_of
#include <cstdint>        // values
#include <unordered_map>  // strata
#include <vector>

namespace pyro {
namespace collect PYRO_HIDDEN {

class post_stratification {
 public:
  static constexpr std::int64_t most_weight = 8;

  /// The profile whose stacks and label sets the strata are made of.
  explicit post_stratification(const profile& of) noexcept : profile_(of) {}

  /// CPU time of a stratum, which is true.
  void add_known(std::uint32_t path, std::uint32_t labels, std::int64_t ns) { cell_of(path, labels).known += ns; }
  /// CPU time of native samples in it.
  void add_sampled(std::uint32_t path, std::uint32_t labels, std::int64_t ns) { cell_of(path, labels).sampled += ns; }

  /// After all was added.
  void weigh() {
    for (std::size_t i = 0; i < cells_.size(); ++i)
      if (cells_[i].known <= 0 && cells_[i].sampled > 0) cells_[i].into = further_out(cells_[i]);
    for (const cell& c : cells_)
      if (c.into != none) cells_[c.into].sampled += c.sampled;
    for (cell& c : cells_) {
      c.native = c.known <= 0 || c.into != none ? 0 : c.sampled > c.known / most_weight ? c.known : c.sampled * most_weight;
      c.left = c.known > 0 ? c.known - c.native : 0;
    }
  }

  /// CPU time of native samples, weighted. Each of them once, in any order.
  std::int64_t weighted(std::uint32_t path, std::uint32_t labels, std::int64_t ns) {
    cell* c = &cell_of(path, labels);
    if (c->into != none) c = &cells_[c->into];
    if (c->sampled <= 0) return 0;
    c->seen += ns;
    const auto due = static_cast<std::int64_t>(static_cast<long double>(c->native) * static_cast<long double>(c->seen) / static_cast<long double>(c->sampled));
    const std::int64_t share = due - c->given;
    c->given = due;
    return share;
  }

  /// CPU time of a stratum that native samples don't speak for. Once: then it is taken.
  std::int64_t take_left(std::uint32_t path, std::uint32_t labels) {
    cell& c = cell_of(path, labels);
    const std::int64_t left = c.left;
    c.left = 0;
    return left;
  }

 private:
  static constexpr std::size_t none = ~std::size_t{0};
  struct cell {
    std::uint32_t path, labels;
    std::int64_t known = 0, sampled = 0;
    std::int64_t native = 0, left = 0;  ///< of `known`
    std::int64_t seen = 0, given = 0;
    std::size_t into = none;
  };

  static std::uint64_t key_of(std::uint32_t path, std::uint32_t labels) noexcept { return std::uint64_t{path} << 32 | labels; }

  cell& cell_of(std::uint32_t path, std::uint32_t labels) {
    const auto made = places_.try_emplace(key_of(path, labels), cells_.size());
    if (made.second) {
      cells_.push_back({});
      cells_.back().path = path;
      cells_.back().labels = labels;
      of_path_[path].push_back(made.first->second);
    }
    return cells_[made.first->second];
  }

  /// The nearest stratum around it that has time, of those with no label that it has not the one with most of its labels.
  std::size_t further_out(const cell& from) const {
    for (std::uint32_t path = from.path;; path = profile_.stacks[path].parent) {
      std::size_t best = none, most = 0;
      if (const auto found = of_path_.find(path); found != of_path_.end())
        for (const std::size_t i : found->second) {
          const label_set& labels = profile_.label_sets[cells_[i].labels];
          if (cells_[i].known <= 0 || !is_part(labels, profile_.label_sets[from.labels]) || (best != none && labels.size() <= most)) continue;
          best = i;
          most = labels.size();
        }
      if (best != none || path == no_stack) return best;
    }
  }
  static bool is_part(const label_set& some, const label_set& all) noexcept {
    return std::all_of(some.begin(), some.end(), [&](const label& l) {
      return std::any_of(all.begin(), all.end(), [&](const label& other) { return other.key == l.key && other.value == l.value; });
    });
  }

  const profile& profile_;
  std::vector<cell> cells_;
  std::unordered_map<std::uint64_t, std::size_t> places_;
  std::unordered_map<std::uint32_t, std::vector<std::size_t>> of_path_;
};

}  // namespace collect
}  // namespace pyro
