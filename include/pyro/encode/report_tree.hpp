#pragma once
// The one tree of all stacks of a report, over all its windows. Nodes are numbered as they come: a parent before its children.
// Not thread safe, not signal safe.

#include <pyro/encode/report_text.hpp>
#include <pyro/model/index.hpp>
#include <pyro/model/profile.hpp>

#include <algorithm>      // nth_element
#include <cstdint>        // ids
#include <functional>     // hash
#include <numeric>        // iota
#include <string>         // names
#include <string_view>    // look-ups
#include <unordered_map>  // files and modules
#include <utility>        // move
#include <vector>         // tables

namespace pyro::detail {

/// What a node is called. Two frames of one name and kind are one, wherever they are: the place is that of the first one known.
struct report_name {
  std::string text;
  char kind = '-';  ///< n native, s scope, y synthetic, - the root
  std::uint32_t module = 0;
  std::uint32_t file = 0;
  std::uint64_t line = 0;
};

inline char report_kind(frame_kind kind) noexcept {
  return kind == frame_kind::native ? 'n' : kind == frame_kind::scope ? 's' : 'y';
}

class report_tree {
 public:
  struct node {
    std::uint32_t parent = 0;
    std::uint32_t name = 0;
    std::uint32_t depth = 0;  ///< 0 for the root
  };
  static constexpr std::uint32_t root = 0;

  report_tree() {
    names_.emplace_back();
    nodes_.emplace_back();
    path(std::string_view());
  }

  const std::vector<node>& nodes() const noexcept { return nodes_; }
  const std::vector<report_name>& names() const noexcept { return names_; }
  /// Modules and files; 0 is the empty one.
  const std::vector<std::string>& paths() const noexcept { return paths_; }
  /// About what names, paths and their indexes take.
  std::size_t text_bytes() const noexcept { return text_bytes_; }

  std::uint32_t path(std::string_view text) {
    std::string clean = report_text(text);
    const auto made = path_ids_.emplace(clean, static_cast<std::uint32_t>(paths_.size()));
    if (made.second) {
      text_bytes_ += 2 * clean.size() + 128;
      paths_.push_back(std::move(clean));
    }
    return made.first->second;
  }

  /// The name's id. Where it is known without a file, the place is taken over.
  std::uint32_t name(report_name wanted) {
    const auto same = [&](std::uint32_t i) { return names_[i].kind == wanted.kind && names_[i].text == wanted.text; };
    const std::uint32_t found = name_index_.find(hash_of(wanted), same);
    if (found != table_index::none) {
      report_name& known = names_[found];
      if (known.file == 0 && wanted.file != 0) {
        known.file = wanted.file;
        known.line = wanted.line;
      }
      if (known.module == 0) known.module = wanted.module;
      return found;
    }
    text_bytes_ += wanted.text.size() + 64;
    names_.push_back(std::move(wanted));
    const auto id = static_cast<std::uint32_t>(names_.size() - 1);
    name_index_.insert(id, [this](std::uint32_t i) { return hash_of(names_[i]); });
    return id;
  }
  std::uint32_t synthetic(std::string_view text) {
    report_name n;
    n.text = text;
    n.kind = 'y';
    return name(std::move(n));
  }

  /// The child of that name, made where there is none.
  std::uint32_t child(std::uint32_t parent, std::uint32_t name_id) {
    const auto same = [&](std::uint32_t i) { return nodes_[i].parent == parent && nodes_[i].name == name_id; };
    const std::uint32_t found = node_index_.find(hash_of(node{parent, name_id, 0}), same);
    if (found != table_index::none) return found;
    nodes_.push_back({parent, name_id, nodes_[parent].depth + 1});
    const auto id = static_cast<std::uint32_t>(nodes_.size() - 1);
    node_index_.insert(id, [this](std::uint32_t i) { return hash_of(nodes_[i]); });
    return id;
  }

  /// Keeps the `keep` nodes of most weight and puts the others into `[other]` below the deepest ancestor that stays, which makes it at most
  /// twice as many. `weight`: one a node, of its rows alone, not negative. The answer says where each node's rows go.
  std::vector<std::uint32_t> prune(std::vector<double> weight, std::size_t keep) {
    for (std::size_t i = nodes_.size(); i-- > 1;) weight[nodes_[i].parent] += weight[i];
    std::vector<std::uint32_t> order(nodes_.size());
    std::iota(order.begin(), order.end(), 0U);
    // A parent weighs at least what its child does, and comes first where they weigh the same: what stays is a tree.
    const auto heavier = [&](std::uint32_t a, std::uint32_t b) { return weight[a] > weight[b] || (!(weight[b] > weight[a]) && a < b); };
    keep = keep == 0 ? 1 : keep;
    if (keep < order.size()) std::nth_element(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(keep), order.end(), heavier);
    else keep = order.size();
    std::vector<char> stays(nodes_.size(), 0);
    for (std::size_t i = 0; i < keep; ++i) stays[order[i]] = 1;
    stays[root] = 1;

    report_tree next;  // names and paths that nothing needs any more go as well
    const std::uint32_t other = next.synthetic("[other]");
    std::vector<std::uint32_t> to(nodes_.size(), root), name_to(names_.size(), 0);
    for (std::uint32_t i = 1; i < nodes_.size(); ++i) {
      const node& n = nodes_[i];
      if (stays[i] != 0) {
        if (name_to[n.name] == 0) name_to[n.name] = next.take_over(*this, n.name);
        to[i] = next.child(to[n.parent], name_to[n.name]);
      } else {
        to[i] = stays[n.parent] != 0 ? next.child(to[n.parent], other) : to[n.parent];
      }
    }
    *this = std::move(next);
    return to;
  }

 private:
  static std::uint64_t hash_of(const report_name& n) noexcept {
    return hash_mix(std::hash<std::string_view>()(n.text), static_cast<unsigned char>(n.kind));
  }
  static std::uint64_t hash_of(const node& n) noexcept { return hash_mix(hash_mix(0, n.parent), n.name); }

  std::uint32_t take_over(const report_tree& from, std::uint32_t id) {
    report_name n = from.names_[id];
    n.module = path(from.paths_[n.module]);
    n.file = path(from.paths_[n.file]);
    return name(std::move(n));
  }

  std::vector<node> nodes_;
  std::vector<report_name> names_;
  std::vector<std::string> paths_;
  table_index node_index_, name_index_;
  std::unordered_map<std::string, std::uint32_t> path_ids_;
  std::size_t text_bytes_ = 0;
};

}  // namespace pyro::detail
