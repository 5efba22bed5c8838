#pragma once
// What the observer's looks become: marks in the nodes where threads were seen to run, and at a window's end the thread's CPU time, divided among
// its nodes by these marks. All under the collector's lock.

#include <pyro/collect/registry.hpp>

#include <algorithm>  // max
#include <cstdint>    // fixed-width integers

namespace pyro {
namespace collect PYRO_HIDDEN {

class observing {
 public:
  explicit observing(registry& threads) noexcept : registry_(threads) {}

  /// Whether looks are the samples, or say only where CPU time belongs.
  void set_counting(bool on) noexcept { counting_ = on; }

  /// Looks, where it is time to. `seen` hears of each sample. The pump.
  template <class Seen>
  void look(Seen&& seen) noexcept {
    const std::int64_t now = platform::monotonic_ns();
    if (!registry_.observes() || now < next_ns_) return;
    const auto credit = [&](sampling::thread& seen_thread, std::uintptr_t at, std::int64_t weight) {
      auto& t = static_cast<thread_state&>(seen_thread);
      auto* n = reinterpret_cast<core::node*>(at & ~core::in_other);
      if (n == nullptr) n = core::load_acquire(t.tree)->root();
      const bool other = (at & core::in_other) != 0;
      if (counting_) {
        (other ? n->other_samples : n->samples) += 1;
        seen();
      }
      if (!registry_.is_outside(t)) {  // these share a node, which gets their whole time
        (other ? n->other_cpu_ns : n->cpu_ns) += weight;
        t.watch.weight_ns += weight;
      }
    };
    const std::int64_t interval = registry_.observe([&](sampling::observer& o) {
      o.look(credit);
      if (now >= next_move_ns_) o.keep_fair(), next_move_ns_ = now + 10000000;
      return o.next_interval();
    });
    next_ns_ = (now - next_ns_ > 100000000 ? now : next_ns_) + interval;
  }

  /// Nanoseconds until it is time again.
  std::int64_t until_next() noexcept { return registry_.observes() ? next_ns_ - platform::monotonic_ns() : 1000000000; }

  /// Divides the CPU time of a thread since the last call, or leaves it for the next one where no look has found it and it is little.
  void settle(thread_state& t) noexcept {
    call_tree& tree = *core::load_acquire(t.tree);
    const std::int64_t owed = registry_.observe([&](sampling::observer& o) {
      const bool is_enough = !t.watch.listed || registry_.is_outside(t) || t.watch.weight_ns > 0 || o.owed(t) > unseen_periods * o.period_ns();
      const std::int64_t due = is_enough ? std::max<std::int64_t>(0, o.owed(t)) : 0;  // a debt stays: see `leave`
      t.watch.owed_ns -= due;
      return due;
    });
    if (registry_.is_outside(t)) {
      registry_.unscoped()->root()->cpu_ns += owed;
    } else if (t.watch.weight_ns > 0) {
      divide(tree, owed, t.watch.weight_ns);
    } else if (owed > 0) {
      outermost_of_late(t, tree).cpu_ns += owed;
    }
    t.watch.weight_ns = 0;
  }

  /// What threads have spent before they entered a scope.
  void settle_outside() noexcept {
    if (registry_.unscoped() != nullptr) registry_.unscoped()->root()->cpu_ns += registry_.observe([](sampling::observer& o) { return o.take_outside(); });
  }

  /// A tree that its thread has left, before it is taken over: what looks have given to it is final.
  void leave(thread_state& t, call_tree& tree) noexcept {
    if (t.watch.weight_ns == 0) return;
    std::int64_t given = 0;
    for (core::node* n = tree.nodes(); n != nullptr; n = n->next) given += n->cpu_ns + n->other_cpu_ns;
    registry_.observe([&](sampling::observer&) { t.watch.owed_ns -= given; });
    t.watch.weight_ns -= given;
  }

 private:
  /// Where nobody saw a thread run: the outermost scope of late was around it. Entries above the innermost one are what was there last; they are
  /// followed by way of the tree's nodes, since what an entry points to may be made or left just now.
  static core::node& outermost_of_late(const thread_state& t, call_tree& tree) noexcept {
    core::node* at = tree.root();
    for (std::size_t i = 1; i <= core::max_depth && (at->where == nullptr || at->where->kind == core::site_kind::tag); ++i) {
      const auto wanted = core::load_relaxed(t.stack[i].at) & ~core::in_other;
      core::node* next = tree.nodes();
      while (next != nullptr && (reinterpret_cast<std::uintptr_t>(next) != wanted || next->parent != at)) next = next->next;
      if (next == nullptr) break;
      at = next;
    }
    return *at;
  }

  /// Sums are exact: each node gets what is due down to it, less what went to those before.
  static void divide(call_tree& tree, std::int64_t total, std::int64_t weights) noexcept {
    std::int64_t weight = 0, given = 0;
    const auto give = [&](std::int64_t& ns) {
      if (ns == 0) return;
      weight += ns;
      const std::int64_t due = weight >= weights ? total : static_cast<std::int64_t>(static_cast<long double>(total) * static_cast<long double>(weight) / static_cast<long double>(weights));
      ns = due - given;
      given = due;
    };
    for (core::node* n = tree.nodes(); n != nullptr; n = n->next) {
      give(n->cpu_ns);
      give(n->other_cpu_ns);
    }
  }

  static constexpr std::int64_t unseen_periods = 3;  ///< of CPU time without a look: one in twenty such threads

  registry& registry_;
  std::int64_t next_ns_ = 0, next_move_ns_ = 0;
  bool counting_ = true;
};

}  // namespace collect
}  // namespace pyro
