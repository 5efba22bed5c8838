#pragma once
// Builds a profile: interns texts, functions, frames, stacks and label sets, and adds values of equal rows up.
// Used by the collector for a window and by `merge` for a run of windows. Not thread safe, not signal safe.

#include <pyro/model/profile.hpp>

#include <algorithm>      // sort
#include <functional>     // hash
#include <string>         // keys of the indexes
#include <string_view>    // look-ups without a copy
#include <unordered_map>  // interning
#include <utility>        // forward
#include <vector>         // tables

namespace pyro {

class profile_builder {
 public:
  /// What a frozen builder answers for something it does not have.
  static constexpr std::uint32_t unknown = 0xffffffffU;

  explicit profile_builder(profile& target) : out_(target) {
    for (std::size_t i = 0; i < out_.strings.size(); ++i) strings_.emplace(hash_of(out_.strings[i]), id(i));
    for (std::size_t i = 0; i < out_.mappings.size(); ++i) mappings_.emplace(key_of(out_.mappings[i]), id(i));
    for (std::size_t i = 0; i < out_.functions.size(); ++i) functions_.emplace(key_of(out_.functions[i]), id(i));
    for (std::size_t i = 0; i < out_.frames.size(); ++i) frames_.emplace(key_of(out_.frames[i]), id(i));
    for (std::size_t i = 0; i < out_.stacks.size(); ++i)
      stacks_.emplace(pair_key(out_.stacks[i].parent, out_.stacks[i].frame), id(i));
    for (std::size_t i = 0; i < out_.label_sets.size(); ++i) label_sets_.emplace(key_of(out_.label_sets[i]), id(i));
    for (std::size_t i = 0; i < out_.samples.size(); ++i)
      rows_.emplace(pair_key(out_.samples[i].stack, out_.samples[i].labels), id(i));
  }
  profile_builder(const profile_builder&) = delete;
  profile_builder& operator=(const profile_builder&) = delete;

  /// While frozen nothing new is made: what is not there is answered with `unknown`, and `add` returns false.
  void freeze(bool on) noexcept { frozen_ = on; }

  string_index text(std::string_view s) {
    const std::size_t hash = hash_of(s);
    const auto same_hash = strings_.equal_range(hash);
    for (auto it = same_hash.first; it != same_hash.second; ++it)
      if (out_.strings[it->second] == s) return it->second;
    if (frozen_) return unknown;
    const auto index = id(out_.strings.size());
    out_.strings.emplace_back(s);
    strings_.emplace(hash, index);
    return index;
  }

  std::uint32_t add_mapping(const mapping& m) { return intern(mappings_, key_of(m), out_.mappings, m); }
  std::uint32_t add_function(const function& f) { return intern(functions_, key_of(f), out_.functions, f); }
  std::uint32_t add_frame(const frame& f) { return intern(frames_, key_of(f), out_.frames, f); }

  /// The stack that has `frame` on top of `parent` (`no_stack` for the root).
  std::uint32_t add_stack(std::uint32_t parent, std::uint32_t frame_index) {
    return intern(stacks_, pair_key(parent, frame_index), out_.stacks, stack{parent, frame_index});
  }

  /// Sorts the labels by key; of a key that occurs twice the later one stays.
  std::uint32_t add_labels(label_set labels) {
    label_set kept;
    for (auto it = labels.rbegin(); it != labels.rend(); ++it) {
      const auto same_key = [&](const label& l) { return l.key == it->key; };
      if (std::none_of(kept.begin(), kept.end(), same_key)) kept.push_back(*it);
    }
    const auto by_key = [&](const label& a, const label& b) { return out_.strings[a.key] < out_.strings[b.key]; };
    std::sort(kept.begin(), kept.end(), by_key);
    return intern(label_sets_, key_of(kept), out_.label_sets, kept);
  }

  /// Adds to the values of the row (stack, labels), making it where it is new. `values` has one entry a sample type.
  /// False, and nothing added, where the row is new and the builder frozen.
  bool add(std::uint32_t stack_index, std::uint32_t labels, const std::int64_t* values) {
    const std::size_t columns = out_.sample_types.size();
    const std::uint64_t key = pair_key(stack_index, labels);
    auto found = rows_.find(key);
    if (found == rows_.end()) {
      if (frozen_) return false;
      found = rows_.emplace(key, id(out_.samples.size())).first;
      out_.samples.push_back(sample{stack_index, labels});
      out_.values.resize(out_.values.size() + columns, 0);
    }
    std::int64_t* row = out_.values.data() + found->second * columns;
    for (std::size_t i = 0; i < columns; ++i) row[i] += values[i];
    return true;
  }

  profile& target() noexcept { return out_; }

 private:
  static std::uint32_t id(std::size_t i) noexcept { return static_cast<std::uint32_t>(i); }
  static std::size_t hash_of(std::string_view s) noexcept { return std::hash<std::string_view>()(s); }
  static std::uint64_t pair_key(std::uint32_t a, std::uint32_t b) noexcept { return std::uint64_t{a} << 32 | b; }

  template <class T>
  static void append(std::string& key, T value) {
    key.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  static std::string key_of(const mapping& m) {
    std::string key;
    append(key, m.memory_start);
    append(key, m.memory_limit);
    append(key, m.file_offset);
    append(key, m.filename);
    append(key, m.build_id);
    return key;
  }
  static std::string key_of(const function& f) {
    std::string key;
    append(key, f.name);
    append(key, f.system_name);
    append(key, f.file);
    append(key, f.start_line);
    return key;
  }
  static std::string key_of(const frame& f) {
    std::string key;
    append(key, f.function);
    append(key, f.mapping);
    append(key, f.address);
    append(key, f.line);
    append(key, f.kind);
    return key;
  }
  static std::string key_of(const label_set& labels) {
    std::string key;
    for (const label& l : labels) {
      append(key, l.key);
      append(key, l.value);
    }
    return key;
  }

  template <class Map, class Key, class T>
  std::uint32_t intern(Map& index, Key&& key, std::vector<T>& table, const T& value) {
    const auto found = index.find(key);
    if (found != index.end()) return found->second;
    if (frozen_) return unknown;
    index.emplace(std::forward<Key>(key), id(table.size()));
    table.push_back(value);
    return id(table.size() - 1);
  }

  profile& out_;
  bool frozen_ = false;
  std::unordered_multimap<std::size_t, string_index> strings_;  // by hash: the texts themselves are kept once, in the profile
  std::unordered_map<std::string, std::uint32_t> mappings_;
  std::unordered_map<std::string, std::uint32_t> functions_;
  std::unordered_map<std::string, std::uint32_t> frames_;
  std::unordered_map<std::uint64_t, std::uint32_t> stacks_;
  std::unordered_map<std::string, std::uint32_t> label_sets_;
  std::unordered_map<std::uint64_t, std::uint32_t> rows_;
};

}  // namespace pyro
