#pragma once
// Tag keys, their values and the tag sets of a report, with the weight of each set. Bounded by folding: the values of least weight become
// `[other]`, keys past the bound are left out. Not thread safe, not signal safe.

#include <pyro/encode/report_rows.hpp>

#include <algorithm>      // sort
#include <cstdint>        // ids
#include <functional>     // hash
#include <map>            // look-ups
#include <string>         // texts
#include <unordered_set>  // values left out
#include <utility>        // pair
#include <vector>         // tables

namespace pyro::detail {

class report_tags {
 public:
  /// A value of a key. Sorted by key, each key once.
  struct tag {
    std::uint32_t key = 0;
    std::uint32_t value = 0;
    bool operator<(const tag& o) const noexcept { return key != o.key ? key < o.key : value < o.value; }
  };
  using set = std::vector<tag>;

  struct key {
    std::string name;
    std::vector<std::string> values;
    std::map<std::string, std::uint32_t> ids;
    std::unordered_set<std::uint64_t> left_out;  ///< hashes of the values that were folded
    bool more_left_out = false;                  ///< than are counted there
    bool dropped = false;
  };

  static const char* other() noexcept { return "[other]"; }

  const std::vector<key>& keys() const noexcept { return keys_; }
  const std::vector<set>& sets() const noexcept { return sets_; }

  bool has_key(const std::string& name) const { return key_ids_.count(name) != 0; }
  std::uint32_t key_id(const std::string& name) {
    const auto made = key_ids_.emplace(name, static_cast<std::uint32_t>(keys_.size()));
    if (made.second) {
      keys_.emplace_back();
      keys_.back().name = name;
    }
    return made.first->second;
  }
  std::uint32_t value_id(std::uint32_t key_index, const std::string& value) {
    key& k = keys_[key_index];
    const auto made = k.ids.emplace(value, static_cast<std::uint32_t>(k.values.size()));
    if (made.second) k.values.push_back(value);
    return made.first->second;
  }
  std::uint32_t set_id(set tags) {
    const auto made = set_ids_.emplace(std::move(tags), static_cast<std::uint32_t>(sets_.size()));
    if (made.second) {
      sets_.push_back(made.first->first);
      weights_.emplace_back();
    }
    return made.first->second;
  }

  /// What a set has of a type, in all.
  void add_weight(std::uint32_t set_index, std::uint32_t type, std::uint64_t value) {
    std::vector<std::uint64_t>& w = weights_[set_index];
    if (w.size() <= type) w.resize(type + 1, 0);
    w[type] = add_capped(w[type], value);
  }

  /// Of a key the `most` values with the largest sums of `type` stay, then those with the most of all types; the others become `[other]`, which
  /// does not count. The answer says what each set has become; empty where nothing had to go.
  std::vector<std::uint32_t> keep_heaviest(std::uint32_t key_index, std::size_t most, std::uint32_t type) {
    key& k = keys_[key_index];
    const auto other_at = k.ids.find(other());
    const std::size_t real = k.values.size() - (other_at == k.ids.end() ? 0 : 1);
    if (real <= most) return {};
    struct weight {
      std::uint64_t of_type = 0;
      double of_all = 0;
      std::uint32_t value = 0;
    };
    std::vector<weight> order(k.values.size());
    for (std::uint32_t v = 0; v < order.size(); ++v) order[v].value = v;
    for (std::uint32_t s = 0; s < sets_.size(); ++s)
      for (const tag& t : sets_[s])
        if (t.key == key_index)
          for (std::size_t i = 0; i < weights_[s].size(); ++i) {
            if (i == type) order[t.value].of_type = add_capped(order[t.value].of_type, weights_[s][i]);
            order[t.value].of_all += static_cast<double>(weights_[s][i]);
          }
    if (other_at != k.ids.end()) order.erase(order.begin() + other_at->second);
    std::sort(order.begin(), order.end(), [&](const weight& a, const weight& b) {
      if (a.of_type != b.of_type) return a.of_type > b.of_type;
      if (a.of_all > b.of_all || b.of_all > a.of_all) return a.of_all > b.of_all;
      return k.values[a.value] < k.values[b.value];
    });

    key next;
    next.name = k.name;
    next.left_out = std::move(k.left_out);
    next.more_left_out = k.more_left_out;
    std::vector<std::uint32_t> to(k.values.size(), 0);  // 0 is [other]
    next.values.emplace_back(other());
    for (std::size_t i = 0; i < order.size(); ++i) {
      const std::string& value = k.values[order[i].value];
      if (i < most) {
        to[order[i].value] = static_cast<std::uint32_t>(next.values.size());
        next.values.push_back(value);
      } else if (counted_ < most_counted) {
        counted_ += next.left_out.insert(std::hash<std::string>()(value)).second ? 1 : 0;
      } else {
        next.more_left_out = true;
      }
    }
    for (std::uint32_t v = 0; v < next.values.size(); ++v) next.ids.emplace(next.values[v], v);
    k = std::move(next);
    return rebuild([&](set& tags) {
      for (tag& t : tags)
        if (t.key == key_index) t.value = to[t.value];
    });
  }

  /// No set has this key any more; the key stays, without values. The answer says what each set has become.
  std::vector<std::uint32_t> drop(std::uint32_t key_index) {
    keys_[key_index].values.clear();
    keys_[key_index].ids.clear();
    keys_[key_index].dropped = true;
    return rebuild([&](set& tags) {
      tags.erase(std::remove_if(tags.begin(), tags.end(), [&](const tag& t) { return t.key == key_index; }), tags.end());
    });
  }


 private:
  static constexpr std::size_t most_counted = 100'000;  // values left out, of all keys

  template <class Change>
  std::vector<std::uint32_t> rebuild(Change&& change) {
    std::vector<set> old_sets;
    std::vector<std::vector<std::uint64_t>> old_weights;
    old_sets.swap(sets_);
    old_weights.swap(weights_);
    set_ids_.clear();
    std::vector<std::uint32_t> to;
    to.reserve(old_sets.size());
    for (std::size_t i = 0; i < old_sets.size(); ++i) {
      change(old_sets[i]);
      to.push_back(set_id(std::move(old_sets[i])));
      for (std::uint32_t t = 0; t < old_weights[i].size(); ++t) add_weight(to.back(), t, old_weights[i][t]);
    }
    return to;
  }

  std::vector<key> keys_;
  std::map<std::string, std::uint32_t> key_ids_;
  std::vector<set> sets_;
  std::vector<std::vector<std::uint64_t>> weights_;  // by set, then type
  std::map<set, std::uint32_t> set_ids_;
  std::size_t counted_ = 0;
};

}  // namespace pyro::detail
