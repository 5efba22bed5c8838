#pragma once
// Builds a profile: interns texts, mappings, functions, frames, stacks and label sets, and adds values of equal rows up.
// Used by the collector for a window and by `merge` for a run of windows. Not thread safe, not signal safe.

#include <pyro/model/index.hpp>
#include <pyro/model/profile.hpp>

#include <algorithm>    // sort
#include <functional>   // hash
#include <string_view>  // look-ups without a copy
#include <vector>       // tables

namespace pyro {

class profile_builder {
 public:
  /// What a frozen builder answers for something it does not have.
  static constexpr std::uint32_t unknown = 0xffffffffU;

  explicit profile_builder(profile& target) : out_(target) {
    index_all(strings_, out_.strings);
    index_all(mappings_, out_.mappings);
    index_all(functions_, out_.functions);
    index_all(frames_, out_.frames);
    index_all(stacks_, out_.stacks);
    index_all(label_sets_, out_.label_sets);
    index_all(rows_, out_.samples);
  }
  profile_builder(const profile_builder&) = delete;
  profile_builder& operator=(const profile_builder&) = delete;

  /// While frozen nothing new is made: what is not there is answered with `unknown`, and `add` returns false.
  void freeze(bool on) noexcept { frozen_ = on; }

  string_index text(std::string_view s) { return intern(strings_, out_.strings, s); }
  std::uint32_t add_mapping(const mapping& m) { return intern(mappings_, out_.mappings, m); }
  std::uint32_t add_function(const function& f) { return intern(functions_, out_.functions, f); }
  std::uint32_t add_frame(const frame& f) { return intern(frames_, out_.frames, f); }

  /// The stack that has `frame` on top of `parent` (`no_stack` for the root).
  std::uint32_t add_stack(std::uint32_t parent, std::uint32_t frame_index) {
    return intern(stacks_, out_.stacks, stack{parent, frame_index});
  }

  /// Sorts the labels by key; of a key that occurs twice the later one stays.
  std::uint32_t add_labels(label_set labels) {
    // Equal texts are one string: their indices tell.
    const auto same_key = [](const label& a, const label& b) { return a.key == b.key; };
    std::stable_sort(labels.begin(), labels.end(), [](const label& a, const label& b) { return a.key < b.key; });
    labels.erase(labels.begin(), std::unique(labels.rbegin(), labels.rend(), same_key).base());
    std::sort(labels.begin(), labels.end(), [&](const label& a, const label& b) { return out_.strings[a.key] < out_.strings[b.key]; });
    return intern(label_sets_, out_.label_sets, labels);
  }

  /// Adds to the values of the row (stack, labels), making it where it is new. `values` has one entry a sample type.
  /// False, and nothing added, where the row is new and the builder frozen.
  bool add(std::uint32_t stack_index, std::uint32_t labels, const std::int64_t* values) {
    const std::size_t columns = out_.sample_types.size();
    const std::uint32_t at = intern(rows_, out_.samples, sample{stack_index, labels});
    if (at == unknown) return false;
    out_.values.resize(out_.samples.size() * columns, 0);
    std::int64_t* row = out_.values.data() + at * columns;
    for (std::size_t i = 0; i < columns; ++i) row[i] = add_values(row[i], values[i]);
    return true;
  }

  profile& target() noexcept { return out_; }

  /// What all look-ups have cost so far; for those that build from what strangers give them.
  std::uint64_t probes() const noexcept {
    return strings_.probes() + mappings_.probes() + functions_.probes() + frames_.probes() + stacks_.probes() + label_sets_.probes() + rows_.probes();
  }

 private:
  static std::uint64_t hash_of(std::string_view s) noexcept { return hash_all(std::hash<std::string_view>()(s), s.size()); }
  static std::uint64_t hash_of(const mapping& m) noexcept {
    return hash_all(m.memory_start, m.memory_limit, m.file_offset, m.filename, m.build_id);
  }
  static std::uint64_t hash_of(const function& f) noexcept {
    return hash_all(f.name, f.system_name, f.file, static_cast<std::uint64_t>(f.start_line));
  }
  static std::uint64_t hash_of(const frame& f) noexcept {
    return hash_all(f.function, f.mapping, f.address, static_cast<std::uint64_t>(f.line), static_cast<std::uint64_t>(f.kind));
  }
  static std::uint64_t hash_of(const stack& s) noexcept { return hash_all(s.parent, s.frame); }
  static std::uint64_t hash_of(const sample& s) noexcept { return hash_all(s.stack, s.labels); }
  static std::uint64_t hash_of(const label_set& labels) noexcept {
    std::uint64_t hash = labels.size();
    for (const label& l : labels) hash = detail::hash_mix(detail::hash_mix(hash, l.key), l.value);
    return hash;
  }
  template <class... Parts>
  static std::uint64_t hash_all(Parts... parts) noexcept {
    std::uint64_t hash = 0;
    ((hash = detail::hash_mix(hash, parts)), ...);
    return hash;
  }

  static bool same(std::string_view a, std::string_view b) noexcept { return a == b; }
  static bool same(const mapping& a, const mapping& b) noexcept {
    return a.memory_start == b.memory_start && a.memory_limit == b.memory_limit && a.file_offset == b.file_offset &&
           a.filename == b.filename && a.build_id == b.build_id;
  }
  static bool same(const function& a, const function& b) noexcept {
    return a.name == b.name && a.system_name == b.system_name && a.file == b.file && a.start_line == b.start_line;
  }
  static bool same(const frame& a, const frame& b) noexcept {
    return a.function == b.function && a.mapping == b.mapping && a.address == b.address && a.line == b.line && a.kind == b.kind;
  }
  static bool same(const stack& a, const stack& b) noexcept { return a.parent == b.parent && a.frame == b.frame; }
  static bool same(const sample& a, const sample& b) noexcept { return a.stack == b.stack && a.labels == b.labels; }
  static bool same(const label_set& a, const label_set& b) noexcept {
    const auto same_label = [](const label& x, const label& y) { return x.key == y.key && x.value == y.value; };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), same_label);
  }

  /// The place of `value` in the table, where it is put unless it is there.
  template <class T, class Value>
  std::uint32_t intern(detail::table_index& index, std::vector<T>& table, const Value& value) {
    const std::uint32_t found = index.find(hash_of(value), [&](std::uint32_t i) { return same(table[i], value); });
    if (found != detail::table_index::none) return found;
    if (frozen_) return unknown;
    table.emplace_back(value);
    index.insert(static_cast<std::uint32_t>(table.size() - 1), [&](std::uint32_t i) { return hash_of(table[i]); });
    return static_cast<std::uint32_t>(table.size() - 1);
  }

  template <class T>
  static void index_all(detail::table_index& index, const std::vector<T>& table) {
    for (std::uint32_t place = 0; place < table.size(); ++place)
      index.insert(place, [&](std::uint32_t i) { return hash_of(table[i]); });
  }

  profile& out_;
  bool frozen_ = false;
  detail::table_index strings_, mappings_, functions_, frames_, stacks_, label_sets_, rows_;
};

}  // namespace pyro
