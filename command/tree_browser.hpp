#pragma once
// Walking through a call tree: which rows are open, which one is selected, what is searched for. Knows no terminal. One thread.

#include <pyro/encode/call_tree.hpp>

#include <algorithm>  // min, max, reverse
#include <cstddef>    // ptrdiff_t
#include <string>     // what is searched for
#include <utility>    // move
#include <vector>     // rows

namespace pyro::command {

class tree_browser {
 public:
  struct row {
    std::uint32_t node;
    std::uint32_t depth;  ///< levels of indentation; what a frame merely leads on to stands as far left as that frame
  };

  /// Begins with the outermost frames, and what they lead on to. `tree` must live as long.
  explicit tree_browser(const detail::call_tree& tree) : tree_(tree), open_(tree.nodes.size(), false) {
    open_on(0);
    if (tree.nodes[0].child_count == 1) open_on(tree.child(0, 0));
    show(0);
  }

  /// From the top. None where the profile has no stacks: then nothing below does anything.
  const std::vector<row>& rows() const noexcept { return rows_; }
  std::size_t selected() const noexcept { return selected_; }
  /// Changes whenever `rows()` may have.
  std::size_t version() const noexcept { return version_; }
  bool is_open(std::uint32_t node) const noexcept { return open_[node] && tree_.nodes[node].child_count != 0; }
  const std::string& searched() const noexcept { return searched_; }
  bool is_found(std::uint32_t node) const { return !searched_.empty() && tree_.names[tree_.nodes[node].name].find(searched_) != std::string::npos; }

  /// Rows further down (or up, below 0), as far as there are any.
  void move(std::ptrdiff_t by) noexcept {
    const auto last = static_cast<std::ptrdiff_t>(rows_.size()) - 1;
    selected_ = static_cast<std::size_t>(std::max<std::ptrdiff_t>(0, std::min(last, static_cast<std::ptrdiff_t>(selected_) + by)));
  }

  /// Opens the row and what it leads on to; from an open one to its first child.
  void open() {
    if (rows_.empty()) return;
    const std::uint32_t node = rows_[selected_].node;
    if (is_open(node)) return move(1);
    open_on(node);
    show(node);
  }
  /// Closes the row; from a closed one to its parent.
  void close() {
    if (rows_.empty()) return;
    const std::uint32_t node = rows_[selected_].node;
    if (!is_open(node)) return tree_.nodes[node].parent == 0 ? void() : show(tree_.nodes[node].parent);
    open_[node] = false;
    show(node);
  }
  void toggle() {
    if (!rows_.empty() && is_open(rows_[selected_].node)) close();
    else open();
  }

  /// Down the largest children, to where a function spends more itself than in any that it calls.
  void open_hot_path() {
    if (rows_.empty()) return;
    std::uint32_t at = rows_[selected_].node;
    while (tree_.nodes[at].child_count != 0 && tree_.nodes[tree_.child(at, 0)].total > tree_.nodes[at].self) {
      open_[at] = true;
      at = tree_.child(at, 0);
    }
    show(at);
  }

  /// Selects the first row from here on, open or not, whose name contains the text; after the last one goes on at the top.
  bool search(std::string text) {
    searched_ = std::move(text);
    return find(0);
  }
  /// The next one, or the one before. False where there is none.
  bool search_on(bool forward) { return !searched_.empty() && find(forward ? 1 : -1); }

  /// The first row to be shown where `height` of them fit: scrolls no further than it takes to have the selected one among them.
  std::size_t scroll(std::size_t height) noexcept {
    const std::size_t most = rows_.size() > height ? rows_.size() - height : 0;  // no empty space at the end
    const std::size_t least = selected_ >= height ? selected_ + 1 - height : 0;
    return top_ = std::min({std::max(top_, least), selected_, most});
  }

 private:
  void open_on(std::uint32_t node) {
    for (open_[node] = true; tree_.leads_on(node); open_[node] = true) node = tree_.child(node, 0);
  }

  /// Rows in their order. Not recursive: stacks can be deep.
  std::vector<row> listed(bool closed_as_well) const {
    std::vector<row> out, ahead{{0, 0}};
    while (!ahead.empty()) {
      const row at = ahead.back();
      ahead.pop_back();
      if (at.node != 0) out.push_back(at);
      if (!open_[at.node] && !closed_as_well) continue;
      const std::uint32_t depth = at.depth + (at.node == 0 || tree_.leads_on(at.node) ? 0 : 1);
      for (std::uint32_t i = tree_.nodes[at.node].child_count; i-- > 0;) ahead.push_back({tree_.child(at.node, i), depth});
    }
    return out;
  }

  /// The rows anew, with `node` selected.
  void show(std::uint32_t node) {
    rows_ = listed(false);
    selected_ = index_of(rows_, node);
    ++version_;
  }
  static std::size_t index_of(const std::vector<row>& rows, std::uint32_t node) noexcept {
    std::size_t i = 0;
    while (i < rows.size() && rows[i].node != node) ++i;
    return i < rows.size() ? i : 0;
  }

  bool find(int step) {
    if (rows_.empty()) return false;
    const std::vector<row> all = listed(true);
    const std::size_t by = step < 0 ? all.size() - 1 : 1;
    std::size_t at = index_of(all, rows_[selected_].node);
    if (step != 0) at = (at + by) % all.size();
    for (std::size_t i = 0; i < all.size(); ++i, at = (at + by) % all.size()) {
      if (!is_found(all[at].node)) continue;
      for (std::uint32_t above = tree_.nodes[all[at].node].parent; above != 0; above = tree_.nodes[above].parent) open_[above] = true;
      show(all[at].node);
      return true;
    }
    return false;
  }

  const detail::call_tree& tree_;
  std::vector<bool> open_;  // by node
  std::vector<row> rows_;
  std::size_t selected_ = 0, top_ = 0, version_ = 0;
  std::string searched_;
};

}  // namespace pyro::command
