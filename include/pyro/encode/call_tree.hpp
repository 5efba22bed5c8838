#pragma once
// The profile as a call tree for reading: all label sets together, frames of one name below one parent as one node, with totals,
// children sorted by total. Pure, any thread.

#include <pyro/encode/names.hpp>

#include <algorithm>      // sort
#include <cstdint>        // values
#include <string>         // names
#include <unordered_map>  // children by name
#include <utility>        // move
#include <vector>         // nodes

namespace pyro::detail {

struct call_tree {
  struct node {
    std::uint32_t parent = 0;
    std::uint32_t name = 0;      ///< index into `names`
    std::int64_t self = 0;       ///< value of the stacks that end here
    std::int64_t total = 0;      ///< with everything below
    std::int64_t calls = 0;      ///< exact; 0 where calls are not counted (native frames)
    std::uint32_t children = 0;  ///< first one in `order`
    std::uint32_t child_count = 0;
  };

  std::vector<std::string> names;    ///< on one line, valid UTF-8
  std::vector<node> nodes;           ///< 0 is the root, which has no name; parents come before their children
  std::vector<std::uint32_t> order;  ///< nodes but the root, grouped by parent, the largest total first

  std::uint32_t child(std::uint32_t parent, std::uint32_t i) const noexcept { return order[nodes[parent].children + i]; }

  /// How many children have a total of at least `least`. They are sorted, so the others are the last ones.
  std::uint32_t large_children(std::uint32_t parent, double least) const noexcept {
    std::uint32_t count = nodes[parent].child_count;
    while (count > 0 && static_cast<double>(nodes[child(parent, count - 1)].total) < least) --count;
    return count;
  }

  /// A frame that only leads on to one other, as most native frames do: that one is not indented, but gets an arrow.
  bool leads_on(std::uint32_t index) const noexcept {
    const node& n = nodes[index];
    return index != 0 && n.calls == 0 && n.self == 0 && n.child_count == 1 && nodes[child(index, 0)].total == n.total;
  }
};

/// `column` is the value that counts; `calls` the column of exact calls or -1.
inline call_tree make_call_tree(const profile& p, std::size_t column, int calls) {
  call_tree tree;
  std::unordered_map<std::string, std::uint32_t> name_ids;
  const auto name_id = [&](std::string text) {
    const auto made = name_ids.emplace(std::move(text), static_cast<std::uint32_t>(tree.names.size()));
    if (made.second) tree.names.push_back(made.first->first);
    return made.first->second;
  };
  name_id(std::string());
  tree.nodes.emplace_back();

  std::unordered_map<std::uint64_t, std::uint32_t> by_parent_and_name;
  const auto node_below = [&](std::uint32_t parent, std::uint32_t name) {
    const auto next = static_cast<std::uint32_t>(tree.nodes.size());
    const auto made = by_parent_and_name.emplace(std::uint64_t{parent} << 32U | name, next);
    if (made.second) {
      call_tree::node n;
      n.parent = parent;
      n.name = name;
      tree.nodes.push_back(n);
    }
    return made.first->second;
  };

  std::vector<std::uint32_t> frame_names;
  for (const frame& f : p.frames) frame_names.push_back(name_id(one_line(short_frame_name(p, f))));
  std::vector<std::uint32_t> node_of;  // parents of stacks have lower indices
  for (const stack& s : p.stacks)
    node_of.push_back(node_below(s.parent == no_stack ? 0 : node_of[s.parent], frame_names[s.frame]));

  for (std::size_t row = 0; row < p.samples.size(); ++row) {
    const std::uint32_t s = p.samples[row].stack;
    call_tree::node& n = tree.nodes[s == no_stack ? node_below(0, name_id(empty_stack_name())) : node_of[s]];
    n.self += p.values_of(row)[column];
    if (calls >= 0) n.calls += p.values_of(row)[calls];
  }
  for (std::size_t i = tree.nodes.size(); i-- > 0;) {
    call_tree::node& n = tree.nodes[i];
    n.total += n.self;
    if (i > 0) tree.nodes[n.parent].total += n.total;
  }

  for (std::uint32_t i = 1; i < tree.nodes.size(); ++i) tree.order.push_back(i);
  std::sort(tree.order.begin(), tree.order.end(), [&](std::uint32_t left, std::uint32_t right) {
    const call_tree::node &a = tree.nodes[left], &b = tree.nodes[right];
    if (a.parent != b.parent) return a.parent < b.parent;
    if (a.total != b.total) return a.total > b.total;
    if (a.calls != b.calls) return a.calls > b.calls;
    return tree.names[a.name] < tree.names[b.name];
  });
  for (std::uint32_t i = 0; i < tree.order.size(); ++i) {
    call_tree::node& parent = tree.nodes[tree.nodes[tree.order[i]].parent];
    if (parent.child_count++ == 0) parent.children = i;
  }
  return tree;
}

struct function_total {
  std::uint32_t name = 0;   ///< index into `call_tree::names`
  std::int64_t self = 0;
  std::int64_t total = 0;   ///< a function that calls itself counts once
  std::int64_t calls = 0;
};

/// One entry a function, the largest self value first.
inline std::vector<function_total> totals_by_function(const call_tree& tree) {
  std::vector<function_total> all(tree.names.size());
  for (std::uint32_t i = 0; i < all.size(); ++i) all[i].name = i;
  std::vector<bool> seen(all.size(), false);
  for (std::size_t i = 1; i < tree.nodes.size(); ++i) {
    const call_tree::node& n = tree.nodes[i];
    all[n.name].self += n.self;
    all[n.name].calls += n.calls;
    seen[n.name] = true;
  }

  // Depth first without recursion, because stacks can be deep: only the outermost node of a function on a path adds its total.
  std::vector<std::uint32_t> on_path(all.size(), 0);
  std::vector<std::uint32_t> next(tree.nodes.size(), 0);  // the child to visit next
  for (std::uint32_t at = 0;;) {
    const call_tree::node& n = tree.nodes[at];
    if (next[at] < n.child_count) {
      at = tree.child(at, next[at]++);
      const call_tree::node& entered = tree.nodes[at];
      if (on_path[entered.name]++ == 0) all[entered.name].total += entered.total;
    } else {
      if (at == 0) break;
      --on_path[n.name];
      at = n.parent;
    }
  }

  std::vector<function_total> out;
  for (const function_total& f : all)
    if (seen[f.name]) out.push_back(f);
  std::sort(out.begin(), out.end(), [&](const function_total& a, const function_total& b) {
    if (a.self != b.self) return a.self > b.self;
    if (a.total != b.total) return a.total > b.total;
    if (a.calls != b.calls) return a.calls > b.calls;
    return tree.names[a.name] < tree.names[b.name];
  });
  return out;
}

}  // namespace pyro::detail
