#pragma once
// Merging: adds windows up to a run, or files of any kind. Sums never change, a sample type is told by name and unit; what no longer fits goes to the stack `[other]` under the same labels.
// Used by exporters that write one file of the whole run. Not thread safe, not signal safe.

#include <pyro/model/builder.hpp>

#include <algorithm>  // min, max, find
#include <optional>   // the merger of a run that starts anew
#include <string>     // engine names
#include <utility>    // move
#include <vector>     // index maps

namespace pyro {

/// How large a run may grow. Past any of these, rows that are new go to `[other]`; label sets keep an eighth on top for that,
/// and past the eighth the label set is the empty one.
struct merge_limits {
  std::size_t rows = 200'000;                         ///< distinct (stack, label set)
  std::size_t stacks = 1'000'000;                     ///< nodes of the prefix tree of stacks
  std::size_t string_bytes = std::size_t{32} << 20U;  ///< names, label sets and mappings, with their index
};

namespace detail {

inline void add_losses(losses& into, const losses& from) noexcept {
  into.ring_full += from.ring_full;
  into.foreign_signal += from.foreign_signal;
  into.handler_replaced += from.handler_replaced;
  into.timer_failed += from.timer_failed;
  into.budget += from.budget;
  into.tag_values += from.tag_values;
  into.tag_cut += from.tag_cut;
  into.threads += from.threads;
  into.stacks += from.stacks;
}

inline void add_native(native_stacks& into, const native_stacks& from) noexcept {
  into.complete += from.complete;
  into.no_rows += from.no_rows;
  into.out_of_bounds += from.out_of_bounds;
  into.too_deep += from.too_deep;
  into.guessed += from.guessed;
  into.by_order += from.by_order;
}

/// Adds profiles to one. Keeps its index of the target alive, so that a window costs what the window holds, not what the run
/// holds. The target must outlive it and must not be changed by others meanwhile.
class merger {
 public:
  merger(profile& into, const merge_limits& limits) : out_(into), limits_(limits), builder_(into) {
    for (const std::string& s : out_.strings) string_bytes_ += cost_of(s);
    for (const label_set& l : out_.label_sets) string_bytes_ += cost_of(l);
    string_bytes_ += out_.mappings.size() * cost_of_mapping;
  }

  void add(const profile& from) {
    add_header(from);
    const std::vector<std::size_t> columns = columns_of(from);
    in_ = &from;
    strings_.assign(from.strings.size(), unresolved);
    mappings_.assign(from.mappings.size(), unresolved);
    functions_.assign(from.functions.size(), unresolved);
    frames_.assign(from.frames.size(), unresolved);
    stacks_.assign(from.stacks.size(), unresolved);
    label_sets_.assign(from.label_sets.size(), unresolved);
    for (std::uint32_t i = 0; i < from.mappings.size(); ++i) {  // all go along, the main binary first
      builder_.freeze(!has_room(0));
      map_mapping(i);
    }

    std::vector<std::int64_t> values(out_.sample_types.size());
    for (std::size_t row = 0; row < from.samples.size(); ++row) {
      for (std::size_t c = 0; c < columns.size(); ++c) values[columns[c]] = from.values_of(row)[c];
      add_row(from.samples[row], values.data());
    }
    in_ = nullptr;
  }

 private:
  static constexpr std::uint32_t unknown = profile_builder::unknown;  // not there, and no room for it
  static constexpr std::uint32_t unresolved = 0xfffffffeU;

  static constexpr std::size_t most_comments = 100;

  // About what each takes with its place in the index.
  static constexpr std::size_t cost_of_mapping = 160;
  static std::size_t cost_of(const std::string& s) noexcept { return s.size() + 64; }
  static std::size_t cost_of(const label_set& l) noexcept { return 2 * l.size() * sizeof(label) + 64; }

  void add_header(const profile& from) {
    if (out_.sample_types.empty()) {  // nothing in it yet
      out_.application = from.application;
      out_.static_tags = from.static_tags;
      out_.engine = from.engine;
      out_.time_ns = from.time_ns;
      out_.duration_ns = from.duration_ns;
      out_.period_type = from.period_type;
      out_.sample_types = from.sample_types;
    } else {
      add_time(from);
      if (!from.engine.empty() && out_.engine.find(from.engine) == std::string::npos)
        out_.engine += (out_.engine.empty() ? "" : ", ") + from.engine;
    }
    if (out_.period == 0) out_.period_type = from.period_type;
    if (same_type(out_.period_type, from.period_type))
      out_.period = std::max(out_.period, from.period);  // as pprof does when the rate changed on the way
    for (const std::string& c : from.comments)
      if (out_.comments.size() < most_comments && std::find(out_.comments.begin(), out_.comments.end(), c) == out_.comments.end())
        out_.comments.push_back(c);
    add_losses(out_.lost, from.lost);
    add_native(out_.native, from.native);
    out_.cost.cpu_ns += from.cost.cpu_ns;
    out_.cost.memory_bytes = std::max(out_.cost.memory_bytes, from.cost.memory_bytes);
  }

  /// The union of both. What has no time, as files of other tools may be, does not change it.
  void add_time(const profile& from) {
    const auto timeless = [](const profile& p) { return p.time_ns == 0 && p.duration_ns == 0; };
    if (timeless(from)) return;
    const std::int64_t end = timeless(out_) ? 0 : out_.time_ns + out_.duration_ns;
    const std::int64_t begin = timeless(out_) ? from.time_ns : out_.time_ns;
    out_.time_ns = std::min(begin, from.time_ns);
    out_.duration_ns = std::max(end, from.time_ns + from.duration_ns) - out_.time_ns;
  }

  static bool same_type(const value_type& a, const value_type& b) noexcept { return a.type == b.type && a.unit == b.unit; }

  /// Where each column of `from` goes: to that of the same type and unit, the second of a kind to the second. Types the run does not have yet
  /// are put in front: the last one stays the default.
  std::vector<std::size_t> columns_of(const profile& from) {
    const std::vector<value_type>& wanted = from.sample_types;
    const auto find = [&](std::size_t column) {
      std::size_t earlier = 0;
      for (std::size_t i = 0; i < column; ++i) earlier += same_type(wanted[i], wanted[column]) ? 1 : 0;
      std::size_t i = 0;
      while (i < out_.sample_types.size() && !(same_type(out_.sample_types[i], wanted[column]) && earlier-- == 0)) ++i;
      return i;
    };
    std::vector<value_type> added;
    for (std::size_t c = 0; c < wanted.size(); ++c)
      if (find(c) == out_.sample_types.size()) added.push_back(wanted[c]);
    if (!added.empty()) widen(added);

    std::vector<std::size_t> columns;
    for (std::size_t c = 0; c < wanted.size(); ++c) columns.push_back(find(c));
    return columns;
  }

  void widen(const std::vector<value_type>& added) {
    const std::size_t old_columns = out_.sample_types.size();
    std::vector<std::int64_t> values;
    values.reserve(out_.samples.size() * (old_columns + added.size()));
    for (std::size_t row = 0; row < out_.samples.size(); ++row) {
      values.insert(values.end(), added.size(), 0);
      values.insert(values.end(), out_.values_of(row), out_.values_of(row) + old_columns);
    }
    out_.values = std::move(values);
    out_.sample_types.insert(out_.sample_types.begin(), added.begin(), added.end());
  }

  void add_row(const sample& row, const std::int64_t* values) {
    builder_.freeze(!has_room(0));
    const std::uint32_t stack_index = map_stack(row.stack);
    const std::uint32_t labels = map_labels(row.labels);
    const bool known = labels != unknown && (row.stack == no_stack || stack_index != unknown);
    if (known && builder_.add(stack_index, labels, values)) return;

    builder_.freeze(false);
    const std::uint32_t other = other_stack();
    if (!has_room(8)) builder_.freeze(true);
    if (label_sets_[row.labels] == unknown) label_sets_[row.labels] = unresolved;  // there may be room in the eighth
    const std::uint32_t its_labels = map_labels(row.labels);
    if (its_labels == unknown || !builder_.add(other, its_labels, values)) {
      builder_.freeze(false);
      builder_.add(other, builder_.add_labels({}), values);
    }
    ++out_.lost.stacks;
  }

  /// Room for a new row; with `part`, as if every limit were larger by one part of so many.
  bool has_room(std::size_t part) const noexcept {
    const auto below = [part](std::size_t size, std::size_t limit) { return size < limit + (part ? limit / part : 0); };
    return below(out_.samples.size(), limits_.rows) && below(string_bytes_, limits_.string_bytes) &&
           (part || out_.stacks.size() < limits_.stacks);
  }

  std::uint32_t other_stack() {
    function f;
    f.name = f.system_name = builder_.text("[other]");  // as the collector's own
    frame fr;
    fr.function = builder_.add_function(f);
    fr.kind = frame_kind::synthetic;
    return builder_.add_stack(no_stack, builder_.add_frame(fr));
  }

  // Each map_… gives the index in the run of what has index `i` in the window: made where it is new, `unknown` where it is new
  // and the builder frozen. Every answer is kept for the rest of the window.

  std::uint32_t map_string(string_index i) {
    std::uint32_t& known = strings_[i];
    if (known == unresolved) {
      const std::size_t before = out_.strings.size();
      known = builder_.text(in_->strings[i]);
      if (out_.strings.size() != before) string_bytes_ += cost_of(in_->strings[i]);
    }
    return known;
  }

  std::uint32_t map_mapping(std::uint32_t i) {
    if (i >= mappings_.size()) return i;  // a profile without mappings: frames say 0
    std::uint32_t& known = mappings_[i];
    if (known == unresolved) {
      mapping m = in_->mappings[i];
      m.filename = map_string(m.filename);
      m.build_id = map_string(m.build_id);
      const std::size_t before = out_.mappings.size();
      known = m.filename == unknown || m.build_id == unknown ? unknown : builder_.add_mapping(m);
      if (out_.mappings.size() != before) string_bytes_ += cost_of_mapping;
    }
    return known;
  }

  std::uint32_t map_function(std::uint32_t i) {
    std::uint32_t& known = functions_[i];
    if (known == unresolved) {
      function f = in_->functions[i];
      f.name = map_string(f.name);
      f.system_name = map_string(f.system_name);
      f.file = map_string(f.file);
      known = f.name == unknown || f.system_name == unknown || f.file == unknown ? unknown : builder_.add_function(f);
    }
    return known;
  }

  std::uint32_t map_frame(std::uint32_t i) {
    std::uint32_t& known = frames_[i];
    if (known == unresolved) {
      frame f = in_->frames[i];
      f.function = map_function(f.function);
      f.mapping = map_mapping(f.mapping);
      known = f.function == unknown || f.mapping == unknown ? unknown : builder_.add_frame(f);
    }
    return known;
  }

  std::uint32_t map_stack(std::uint32_t i) {
    std::vector<std::uint32_t>& path = path_;  // from the leaf up to what is resolved; no recursion: stacks can be deep
    for (path.clear(); i != no_stack && stacks_[i] == unresolved; i = in_->stacks[i].parent) path.push_back(i);
    std::uint32_t parent = no_stack;
    bool lost = false;
    if (i != no_stack) {
      parent = stacks_[i];
      lost = parent == unknown;
    }
    for (; !path.empty(); path.pop_back()) {
      const std::uint32_t frame_index = lost ? unknown : map_frame(in_->stacks[path.back()].frame);
      parent = frame_index == unknown ? unknown : builder_.add_stack(parent, frame_index);
      lost = parent == unknown;
      stacks_[path.back()] = parent;
    }
    return parent;
  }

  std::uint32_t map_labels(std::uint32_t i) {
    std::uint32_t& known = label_sets_[i];
    if (known == unresolved) {
      label_set labels = in_->label_sets[i];
      bool lost = false;
      for (label& l : labels) {
        for (string_index* s : {&l.key, &l.value}) {
          if (strings_[*s] == unknown) strings_[*s] = unresolved;
          *s = map_string(*s);
          lost = lost || *s == unknown;
        }
      }
      const std::size_t before = out_.label_sets.size();
      known = lost ? unknown : builder_.add_labels(labels);
      if (out_.label_sets.size() != before) string_bytes_ += cost_of(labels);
    }
    return known;
  }

  profile& out_;
  merge_limits limits_;
  profile_builder builder_;
  std::size_t string_bytes_ = 0;
  const profile* in_ = nullptr;
  std::vector<std::uint32_t> strings_, mappings_, functions_, frames_, stacks_, label_sets_, path_;
};

}  // namespace detail

/// Adds `from` to `into`: the time range becomes the union (wall clock), values, losses and CPU cost are summed, the memory is
/// the larger one. Application and static tags stay those of `into` unless it is empty. For many windows use `profile_run`.
inline void merge(profile& into, const profile& from, const merge_limits& limits = merge_limits()) {
  detail::merger(into, limits).add(from);
}

/// A run of windows merged as they come. Adding a window costs time in proportion to the window.
class profile_run {
 public:
  explicit profile_run(const merge_limits& limits = merge_limits()) : limits_(limits) { clear(); }
  profile_run(const profile_run&) = delete;
  profile_run& operator=(const profile_run&) = delete;

  void add(const profile& window) {
    merger_->add(window);
    ++windows_;
  }

  const profile& result() const noexcept { return result_; }
  std::size_t windows() const noexcept { return windows_; }
  bool empty() const noexcept { return windows_ == 0; }

  void clear() {
    merger_.reset();
    result_ = profile();
    merger_.emplace(result_, limits_);
    windows_ = 0;
  }

 private:
  merge_limits limits_;
  profile result_;
  std::size_t windows_ = 0;
  std::optional<detail::merger> merger_;
};

}  // namespace pyro
