#pragma once
// What a report's page shows, gathered window by window: one tree of all stacks, tag sets, windows, and rows that say how much of a type is
// in a node under a tag set in a window. Bounded at every moment, whatever comes and however long; sums by type never change, except for what
// `left_out` counts. Not thread safe, not signal safe.

#include <pyro/encode/names.hpp>
#include <pyro/encode/report_tags.hpp>
#include <pyro/encode/report_tree.hpp>
#include <pyro/encode/report_windows.hpp>
#include <pyro/model/merge.hpp>

#include <algorithm>  // sort
#include <cstdint>    // values
#include <string>     // texts
#include <tuple>      // orders
#include <utility>    // move
#include <vector>     // tables

namespace pyro::detail {

struct report_limits {
  std::size_t tag_values = 50;
  std::size_t nodes = 500'000;
  std::size_t rows = 1'000'000;
  std::size_t windows = 360;
};

class report_data {
 public:
  using pairs = std::vector<std::pair<std::string, std::string>>;

  /// What was folded or left out, for the page to say.
  struct shortened {
    bool nodes = false;                 ///< places in the tree went to `[other]`
    std::uint64_t deep = 0;             ///< stacks that are deeper than `deepest`
    std::uint64_t windows = 0;          ///< windows added so far, where some were merged
    std::uint64_t negative = 0;         ///< values below 0, which a tree can't show
    std::uint64_t type_values = 0;      ///< values of types past the largest number of types
    std::vector<std::string> keys;      ///< tag keys that are not shown
  };

  explicit report_data(const report_limits& limits)
      : limits_{std::max<std::size_t>(limits.tag_values, 1), std::max<std::size_t>(limits.nodes, 16), std::max<std::size_t>(limits.rows, 64),
                std::max<std::size_t>(limits.windows, 1)},
        windows_(limits_.windows),
        deepest_(static_cast<std::uint32_t>(std::min<std::size_t>(8192, limits_.nodes / 4 - 1))) {}

  void add(const profile& p) {
    add_header(p);
    columns_.clear();
    for (const value_type& t : p.sample_types) columns_.push_back(type_of(t));
    if (default_type_.type.empty() && !p.sample_types.empty()) default_type_ = p.sample_types.back();
    begin_ = p.time_ns;
    length_ = p.duration_ns;
    in_ = &p;
    names_.assign(p.frames.size(), unresolved);
    nodes_.assign(p.stacks.size(), unresolved);
    sets_.assign(p.label_sets.size(), unresolved);
    window();
    for (std::size_t row = 0; row < p.samples.size(); ++row) add_row(p.samples[row], p.values_of(row));
    flush();
    ++added_;
    in_ = nullptr;
  }

  const report_limits& limits() const noexcept { return limits_; }
  const report_tree& tree() const noexcept { return tree_; }
  const report_tags& tags() const noexcept { return tags_; }
  const std::vector<report_window>& windows() const noexcept { return windows_.all(); }
  const std::vector<value_type>& types() const noexcept { return types_; }
  std::uint32_t default_type() const noexcept { return index_of_default(); }
  /// Names of the programs that were added, in the order they came.
  const std::vector<std::string>& applications() const noexcept { return applications_; }
  /// Tags of the process that all profiles have with the same value.
  const pairs& common_tags() const noexcept { return common_tags_; }
  const std::string& engine() const noexcept { return engine_; }
  std::int64_t period() const noexcept { return period_; }
  const std::string& period_unit() const noexcept { return period_unit_; }
  const losses& lost() const noexcept { return lost_; }
  const native_stacks& native() const noexcept { return native_; }
  const own_cost& cost() const noexcept { return cost_; }
  const shortened& left_out() const noexcept { return left_out_; }
  std::uint64_t added() const noexcept { return added_; }
  std::int64_t merged_width() const noexcept { return windows_.width(); }
  std::uint32_t deepest() const noexcept { return deepest_; }

 private:
  static constexpr std::uint32_t unresolved = 0xffffffffU;
  static constexpr std::size_t most_types = 64;
  static constexpr std::size_t most_keys = 64;
  static constexpr std::size_t most_pending = 500'000;
  static constexpr std::size_t tag_bytes = 1024;

  struct pending_row {
    std::uint32_t type, tagset, node;
    std::uint64_t value;
  };

  void add_header(const profile& p) {
    const std::string application = report_text(p.application, tag_bytes);
    if (!application.empty() && std::find(applications_.begin(), applications_.end(), application) == applications_.end() && applications_.size() < 100)
      applications_.push_back(application);
    pairs own;
    for (const auto& t : p.static_tags)
      if (!t.first.empty()) own.emplace_back(report_text(t.first, tag_bytes), report_text(t.second, tag_bytes));
    if (!application.empty()) own.emplace_back("service_name", application);
    if (added_ == 0) common_tags_ = own;
    const auto differs = [&](const auto& tag) { return std::find(own.begin(), own.end(), tag) == own.end(); };
    common_tags_.erase(std::remove_if(common_tags_.begin(), common_tags_.end(), differs), common_tags_.end());
    own_tags_ = std::move(own);

    if (!p.engine.empty() && engine_.find(p.engine) == std::string::npos && engine_.size() < tag_bytes)
      engine_ += (engine_.empty() ? "" : ", ") + report_text(p.engine, tag_bytes);
    period_ = std::max(period_, p.period);
    if (period_unit_.empty()) period_unit_ = report_text(p.period_type.unit, tag_bytes);
    add_losses(lost_, p.lost);
    add_native(native_, p.native);
    cost_.cpu_ns += p.cost.cpu_ns;
    cost_.memory_bytes = std::max(cost_.memory_bytes, p.cost.memory_bytes);
  }

  std::uint32_t type_of(const value_type& wanted) {
    value_type t{report_text(wanted.type, tag_bytes), report_text(wanted.unit, tag_bytes)};
    for (std::uint32_t i = 0; i < types_.size(); ++i)
      if (types_[i].type == t.type && types_[i].unit == t.unit) return i;
    if (types_.size() == most_types) return unresolved;
    types_.push_back(std::move(t));
    totals_.push_back(0);
    return static_cast<std::uint32_t>(types_.size() - 1);
  }
  std::uint32_t index_of_default() const noexcept {
    for (std::uint32_t i = 0; i < types_.size(); ++i)
      if (types_[i].type == default_type_.type && types_[i].unit == default_type_.unit) return i;
    return 0;
  }

  /// The window of the profile that is being added. Not kept: others may be merged meanwhile.
  report_window& window() {
    const std::int64_t width = windows_.width();
    report_window& w = windows_.at(begin_, length_);
    if (windows_.width() != width) count_rows();  // some were merged
    return w;
  }

  void add_row(const sample& row, const std::int64_t* values) {
    bool any = false;
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      if (values[c] < 0) ++left_out_.negative;
      else if (values[c] > 0 && columns_[c] == unresolved) ++left_out_.type_values;
      else any = any || values[c] > 0;
    }
    if (!any) return;
    if (sets_[row.labels] == unresolved) {
      const std::uint32_t made = make_set(row.labels);  // may fold values, and then no set is what it was
      sets_[row.labels] = made;
    }
    const std::uint32_t node = node_of(row.stack);
    const std::uint32_t tagset = sets_[row.labels];
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      if (values[c] <= 0 || columns_[c] == unresolved) continue;
      const auto value = static_cast<std::uint64_t>(values[c]);
      totals_[columns_[c]] = add_capped(totals_[columns_[c]], value);
      tags_.add_weight(tagset, columns_[c], value);
      pending_.push_back({columns_[c], tagset, node, value});
    }
    if (pending_.size() >= most_pending) flush();
  }

  std::uint32_t make_set(std::uint32_t labels) {
    report_tags::set set;
    std::uint32_t full = unresolved;
    const auto put = [&](const std::string& name, const std::string& value) {
      if (tags_.keys().size() >= most_keys && !tags_.has_key(name)) {
        if (left_out_.keys.size() < most_keys && std::find(left_out_.keys.begin(), left_out_.keys.end(), name) == left_out_.keys.end())
          left_out_.keys.push_back(name);
        return;
      }
      const std::uint32_t key = tags_.key_id(name);
      if (tags_.keys()[key].dropped) return;
      for (const report_tags::tag& t : set)
        if (t.key == key) return;  // the row's own goes before the process's
      set.push_back({key, tags_.value_id(key, value)});
      if (tags_.keys()[key].values.size() > 4 * limits_.tag_values + 64) full = key;
    };
    for (const label& l : in_->label_sets[labels])
      if (!in_->text(l.key).empty()) put(report_text(in_->text(l.key), tag_bytes), report_text(in_->text(l.value), tag_bytes));
    for (const auto& t : own_tags_) put(t.first, t.second);
    std::sort(set.begin(), set.end());
    const std::uint32_t made = tags_.set_id(std::move(set));
    if (full == unresolved) return made;
    // Here more values are kept than will be shown: one that is light now may become heavy.
    flush_rows();
    const std::vector<std::uint32_t> to = tags_.keep_heaviest(full, 2 * limits_.tag_values + 32, index_of_default());
    remap_sets(to);
    return to[made];
  }

  std::uint32_t name_of(std::uint32_t frame_index) {
    std::uint32_t& known = names_[frame_index];
    if (known != unresolved) return known;
    const frame& f = in_->frames[frame_index];
    const function& fn = in_->functions[f.function];
    report_name n;
    n.text = report_text(frame_name(*in_, f));
    n.kind = report_kind(f.kind);
    if (f.kind == frame_kind::native && f.mapping < in_->mappings.size()) {
      const std::string& file = in_->text(in_->mappings[f.mapping].filename);
      n.module = tree_.path(std::string_view(file).substr(file.find_last_of('/') + 1));
    }
    n.file = tree_.path(in_->text(fn.file));
    const std::int64_t line = fn.start_line > 0 ? fn.start_line : f.line;
    if (n.file != 0 && line > 0) n.line = static_cast<std::uint64_t>(line);
    return known = tree_.name(std::move(n));
  }

  std::uint32_t node_of(std::uint32_t stack_index) {
    if (stack_index == no_stack) {
      make_room(1);
      return tree_.child(report_tree::root, tree_.synthetic(empty_stack_name()));
    }
    if (nodes_[stack_index] != unresolved) return nodes_[stack_index];
    for (;;) {
      path_.clear();  // from the leaf up to what is known; no recursion: stacks can be deep
      std::uint32_t s = stack_index;
      for (; s != no_stack && nodes_[s] == unresolved; s = in_->stacks[s].parent) path_.push_back(s);
      if (!make_room(std::min<std::size_t>(path_.size(), std::size_t{deepest_} + 1))) break;
    }
    std::uint32_t s = in_->stacks[path_.back()].parent;
    std::uint32_t node = s == no_stack ? report_tree::root : nodes_[s];
    for (; !path_.empty(); path_.pop_back()) {
      const std::uint32_t depth = tree_.nodes()[node].depth;
      if (depth < deepest_) node = tree_.child(node, name_of(in_->stacks[path_.back()].frame));
      else if (depth == deepest_) node = tree_.child(node, tree_.synthetic(report_tags::other()));
      nodes_[path_.back()] = node;
    }
    if (tree_.nodes()[node].depth > deepest_) ++left_out_.deep;
    return node;
  }

  /// Of names, files and modules: 32 MB with the usual limit of nodes.
  std::size_t most_text_bytes() const noexcept { return std::max<std::size_t>(64 * limits_.nodes, std::size_t{64} << 10U); }

  /// True where the tree was pruned: what was known of the profile's stacks and names is gone.
  bool make_room(std::size_t nodes) {
    if (tree_.nodes().size() + nodes <= limits_.nodes && tree_.text_bytes() <= most_text_bytes()) return false;
    const std::size_t before = tree_.nodes().size();
    do {
      flush_rows();
      prune(std::min(limits_.nodes, tree_.nodes().size()) * 3 / 8);
    } while (tree_.text_bytes() > most_text_bytes() / 2 && tree_.nodes().size() > 16);
    return tree_.nodes().size() < before;
  }

  /// Rows to their window, then whatever it takes to be within the limits.
  void flush() {
    flush_rows();
    if (!above(4)) return;
    while (above(3) && shrink_once()) {  // some room for what comes, or the next window would be here again
    }
  }

  void flush_rows() {
    if (pending_.empty()) return;
    const auto order = [](const pending_row& a, const pending_row& b) { return std::tie(a.type, a.tagset, a.node) < std::tie(b.type, b.tagset, b.node); };
    std::sort(pending_.begin(), pending_.end(), order);
    report_window& w = window();
    const std::size_t rows_before = w.rows(), groups_before = w.groups.size();
    std::vector<report_row> rows;
    for (std::size_t i = 0; i < pending_.size();) {
      rows.clear();
      const pending_row first = pending_[i];
      for (; i < pending_.size() && pending_[i].type == first.type && pending_[i].tagset == first.tagset; ++i)
        rows.push_back({pending_[i].node, pending_[i].value});
      w.add(first.type, first.tagset, rows);
    }
    pending_.clear();
    rows_ += w.rows() - rows_before;
    groups_ += w.groups.size() - groups_before;
  }

  /// More than so many quarters of a limit. Groups and sets take more memory than rows.
  bool above(std::size_t quarters) const noexcept {
    const auto more = [quarters](std::size_t size, std::size_t limit) { return size > limit / 4 * quarters; };
    return more(rows_, limits_.rows) || more(groups_, limits_.rows / 4) || more(tags_.sets().size(), std::max<std::size_t>(limits_.rows / 16, 64));
  }

  /// One step towards the limits, by the means that costs the page least. False where nothing is left to do.
  bool shrink_once() {
    const std::size_t windows = windows_.all().size(), nodes = tree_.nodes().size();
    std::uint32_t key = unresolved;
    std::size_t values = 0;
    for (std::uint32_t k = 0; k < tags_.keys().size(); ++k)
      if (tags_.keys()[k].values.size() > values) values = tags_.keys()[key = k].values.size();
    if (rows_ > 8 * groups_ && nodes > 64) {
      prune(nodes * 3 / 8);
    } else if (windows > 30) {
      merge_windows(windows / 2);
    } else if (values > 2) {
      remap_sets(tags_.keep_heaviest(key, (values - 1) / 2, index_of_default()));
    } else if (windows > 1) {
      merge_windows(windows / 2);
    } else if (nodes > 16) {
      prune(nodes * 3 / 8);
    } else if (values > 0) {
      left_out_.keys.push_back(tags_.keys()[key].name);
      remap_sets(tags_.drop(key));
    } else {
      return false;
    }
    return true;
  }

  void merge_windows(std::size_t most) {
    windows_.limit(most);
    count_rows();
  }

  void prune(std::size_t keep) {
    std::vector<double> weight(tree_.nodes().size(), 0.0), share(types_.size(), 0.0);
    for (std::size_t t = 0; t < types_.size(); ++t)
      if (totals_[t] != 0) share[t] = (t == index_of_default() ? 1.0 : 0.25) / static_cast<double>(totals_[t]);
    for (const report_window& w : windows_.all())
      for (const report_group& g : w.groups)
        g.for_each([&](std::uint32_t node, std::uint64_t value) { weight[node] += share[g.type] * static_cast<double>(value); });
    const std::size_t before = tree_.nodes().size();
    const std::vector<std::uint32_t> to = tree_.prune(std::move(weight), keep);
    left_out_.nodes = left_out_.nodes || tree_.nodes().size() < before;
    std::vector<report_row> rows;
    for (report_window& w : windows_.all())
      for (report_group& g : w.groups) {
        rows.clear();
        g.for_each([&](std::uint32_t node, std::uint64_t value) { rows.push_back({to[node], value}); });
        combine(rows);
        g.assign(rows);
      }
    names_.assign(names_.size(), unresolved);
    nodes_.assign(nodes_.size(), unresolved);
    count_rows();
  }

  /// The tag sets have become others; rows that are in one now are added up.
  void remap_sets(const std::vector<std::uint32_t>& to) {
    if (to.empty()) return;
    std::vector<report_row> rows;
    for (report_window& w : windows_.all()) {
      std::vector<report_group> old;
      old.swap(w.groups);
      for (const report_group& g : old) {
        rows.clear();
        g.append_to(rows);
        w.add(g.type, to[g.tagset], rows);
      }
    }
    sets_.assign(sets_.size(), unresolved);
    count_rows();
  }

  void count_rows() noexcept {
    rows_ = groups_ = 0;
    for (const report_window& w : windows_.all()) {
      rows_ += w.rows();
      groups_ += w.groups.size();
    }
  }

  report_limits limits_;
  report_tree tree_;
  report_tags tags_;
  report_windows windows_;
  std::uint32_t deepest_;
  std::vector<value_type> types_;
  std::vector<std::uint64_t> totals_;  // by type
  value_type default_type_;
  std::vector<std::string> applications_;
  pairs common_tags_, own_tags_;
  std::string engine_, period_unit_;
  std::int64_t period_ = 0;
  losses lost_;
  native_stacks native_;
  own_cost cost_;
  shortened left_out_;
  std::uint64_t added_ = 0;
  std::size_t rows_ = 0, groups_ = 0;

  // Of the profile that is being added.
  const profile* in_ = nullptr;
  std::int64_t begin_ = 0, length_ = 0;
  std::vector<std::uint32_t> columns_, names_, nodes_, sets_, path_;
  std::vector<pending_row> pending_;
};

}  // namespace pyro::detail
