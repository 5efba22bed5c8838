#pragma once
// The call tree of one sample type, and its nodes as rows of a table. One thread.

#include "selection.hpp"

#include <pyro/encode/call_tree.hpp>
#include <pyro/encode/text_table.hpp>

#include <string>  // cells
#include <vector>  // rows

namespace pyro::command {

/// What `--from` asks for is not there.
inline failure no_name_contains(const std::string& text) { return failure("--from " + shown(text) + ": no function's name contains this; pyro top shows names"); }

class tree_table {
 public:
  tree_table(const profile& p, const std::string& type, bool ascii) : ascii_(ascii) {
    const std::size_t column = column_of(p, type);
    const int calls = calls_beside(p, column);
    type_ = p.sample_types[column];
    counted_ = calls >= 0;
    whole_ = p.total(column);
    tree_ = detail::make_call_tree(p, column, calls);
  }

  const detail::call_tree& tree() const noexcept { return tree_; }
  std::int64_t whole() const noexcept { return whole_; }
  bool ascii() const noexcept { return ascii_; }
  const std::string& name(std::uint32_t node) const noexcept { return tree_.names[tree_.nodes[node].name]; }
  std::string dots() const { return ascii_ ? "..." : "\xe2\x80\xa6"; }

  /// A table without rows yet. A narrow one has no columns of calls.
  detail::text_table table(bool narrow = false) const {
    const std::string title = title_of(type_);
    std::vector<std::string> head{"Call tree", title, "%", "self %"};
    if (counted_ && !narrow) head.insert(head.end(), {"calls", title + " a call"});
    return {head, ascii_ ? "-" : "\xe2\x94\x80", dots()};
  }
  std::vector<std::string> cells(std::uint32_t node) const {
    const detail::call_tree::node& n = tree_.nodes[node];
    return {name(node), value(n.total), detail::format_percent(n.total, whole_), n.self == 0 ? "" : detail::format_percent(n.self, whole_),
            n.calls == 0 ? "" : detail::format_count(n.calls), n.calls <= 0 || n.total == 0 ? "" : value(n.total / n.calls)};
  }
  std::vector<std::string> cells_of_sum(const std::string& name, std::int64_t sum) const { return {name, value(sum), detail::format_percent(sum, whole_)}; }

 private:
  std::string value(std::int64_t v) const { return format_value(v, type_); }

  bool ascii_, counted_ = false;
  value_type type_;
  std::int64_t whole_ = 0;
  detail::call_tree tree_;
};

}  // namespace pyro::command
