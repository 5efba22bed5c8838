#pragma once
// The slow path of the macros: a path that the thread's cache does not know, or something that is not ordinary (longjmp, no room). Runs in
// the thread that enters; not signal safe.

#include <pyro/collect/thread_state.hpp>
#include <pyro/core/tag.hpp>

namespace pyro {
namespace collect PYRO_HIDDEN {

class slow_path {
 public:
  slow_path(arena& memory, intern_table& texts) noexcept : memory_(memory), texts_(texts) {}

  core::position enter(thread_state& t, const core::enter_request& request) noexcept {
    core::entry* top = t.live_top(t.top, request.sp);
    if (top == t.stack && core::load_relaxed(top->sp) == 0) renew_tree(t);
    if (top->at == 0) top->at = reinterpret_cast<std::uintptr_t>(t.tree->root());

    step how{request.where, request.value, request.size, request.literal ? request.value : nullptr};
    if (how.data != nullptr && !fit(t, how)) return {nullptr, nullptr};
    auto* parent = reinterpret_cast<core::node*>(top->at & ~core::in_other);
    if ((top->at & core::in_other) != 0) return count_other(t, *parent, top, request);
    if (parent->depth >= core::max_depth) return enter_other(t, *parent, top, request);
    bool refused = false;
    core::node* child = t.tree->child(parent, how, memory_, texts_, refused);
    if (child == nullptr) return enter_other(t, *parent, top, request);
    if (refused) core::add_single_writer(t.lost_tag_values, 1);
    else remember_way(t, place_of(top->at, how), child);
    return core::push(&t, top, child, request.sp);
  }

  /// Entries above the root are wiped: a scope that outlived its thread's slot may still point there (0 reads as the root).
  static void lead_to_root(thread_state& t) noexcept {
    for (core::node*& n : t.cache) n = &t.no_node;
    for (core::entry& e : t.stack) {
      if (e.at == 0) break;  // nothing was ever above: leave those pages untouched
      core::store_relaxed(e.at, std::uintptr_t{0});
    }
    core::store_relaxed(t.stack[0].sp, ~std::uintptr_t{0});
    core::store_relaxed(t.stack[0].at, reinterpret_cast<std::uintptr_t>(t.tree->root()));
    core::store_release(t.top, t.stack);
  }

  /// So many bytes of a text that is longer than `most`, whole characters where it is UTF-8.
  static std::size_t cut_text(const char* data, std::size_t most) noexcept {
    const auto continues = [data](std::size_t at) { return (static_cast<unsigned char>(data[at]) & 0xc0) == 0x80; };
    std::size_t size = most;
    while (size > 0 && most - size < 4 && continues(size)) --size;
    return size == 0 || continues(size) ? most : size;  // no UTF-8: cut anywhere
  }

 private:
  /// A long-lived thread whose paths went stale starts a fresh tree; the collector asked for it through the root entry.
  void renew_tree(thread_state& t) noexcept {
    core::store_relaxed(t.stack[0].sp, ~std::uintptr_t{0});
    call_tree* fresh = call_tree::make(memory_);
    if (fresh == nullptr) return;
    call_tree* old = t.tree;
    core::store_release(t.tree, fresh);
    lead_to_root(t);
    old->next = core::load_relaxed(t.left_trees);
    while (!__atomic_compare_exchange_n(&t.left_trees, &old->next, old, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED)) {}
  }

  /// False where the text is left out: an empty tag. Cuts what is too long, between UTF-8 characters.
  static bool fit(thread_state& t, step& how) noexcept {
    if (how.size == 0) {
      if (how.where->kind == core::site_kind::tag) return false;
      how.data = "[unnamed]";
      how.size = 9;
      how.literal = nullptr;
    }
    if (how.size > t.value_limit) {
      how.size = cut_text(how.data, t.value_limit);
      core::add_single_writer(t.tag_cut, 1);
    }
    return true;
  }
  /// The newest way takes the first place; what was there moves beside it.
  static void remember_way(thread_state& t, std::size_t place, core::node* child) noexcept {
    t.cache[place + 1] = t.cache[place];
    t.cache[place] = child;
  }

  static std::size_t place_of(std::uintptr_t at, const step& how) noexcept {
    return how.data == nullptr || how.literal != nullptr ? core::cache_place(at, how.where)
                                                         : core::cache_place(at, how.where, how.data, how.size);
  }

  static core::position count_other(thread_state& t, core::node& below, core::entry* top, const core::enter_request& request) noexcept {
    if (request.where->kind == core::site_kind::tag) return {&t, top};  // tags are no calls
    core::add_single_writer(below.other, 1);
    core::add_single_writer(t.lost_budget, 1);
    return {&t, top};
  }
  static core::position enter_other(thread_state& t, core::node& below, core::entry* top, const core::enter_request& request) noexcept {
    core::store_relaxed(top[1].at, reinterpret_cast<std::uintptr_t>(&below) | core::in_other);
    core::store_relaxed(top[1].sp, request.sp);
    core::store_release(t.top, top + 1);
    return count_other(t, below, top, request);
  }

  arena& memory_;
  intern_table& texts_;
};

}  // namespace collect
}  // namespace pyro
