#pragma once
// From trees and rings to profiles. Without threads of its own: the pump calls `drain`, the worker `close_window`; tests call both.
//
// drain:         rings ─► stacks of native frames and scopes; samples without frames: sums in the nodes that they stood in
// close_window:  drain, then for every node: calls since the last window, sums of this one ─► rows by (stack, labels) ─► profile
//
// Counts are cumulative with one writer, so the collector keeps the last value and takes differences; it never resets anything that a
// thread writes. The lock covers the walk over the nodes, not the building of the profile. Not signal safe.

#include <pyro/collect/observing.hpp>
#include <pyro/collect/profile_maker.hpp>
#include <pyro/collect/registry.hpp>

#include <cstring>        // strlen
#include <memory>         // what is gathered
#include <optional>       // memo of paths
#include <vector>

namespace pyro {
namespace collect PYRO_HIDDEN {

class collector {
 public:
  explicit collector(registry& threads) noexcept : registry_(threads), observing_(threads), frame_names_(&unwinding::start_of_function, &threads.stacks()) {}

  /// What stacks are made of from now on. `stratified`: looks say how much CPU time scopes have, and native samples how it is divided within them;
  /// else each engine speaks for itself. Before the threads are started.
  void set_view(stack_view view, bool stratified) noexcept {
    platform::lock_guard hold(mutex_);
    view_ = view;
    stratified_ = stratified;
    observing_.set_counting(!stratified);
  }

  /// Empties all rings and takes over what threads have left behind. Bounded by what they hold; about ten times a second.
  void drain() noexcept {
    platform::lock_guard hold(mutex_);
    drain_all();
  }

  /// The observer's: looks at threads where it is time to. Nanoseconds until it is time again. The pump.
  std::int64_t look() noexcept {
    if (observing_.until_next() <= 0) {
      platform::lock_guard hold(mutex_);
      observing_.look([this] { core::store_relaxed(samples_, samples_ + 1); });
    }
    return observing_.until_next();
  }

  /// Modules have come or gone: those that are gone when the window ends shall have names all the same. The pump.
  void see_modules() noexcept { frame_names_.see_modules(); }

  /// All that was counted and sampled since the last call. The caller fills in names, times and static tags.
  profile close_window() {
    profile out;
    auto next = std::make_unique<window_samples>();
    std::vector<row> rows;
    {
      platform::lock_guard hold(mutex_);
      drain_all();
      next.swap(gathered_);
      take_losses(out.lost);
      registry_.each_thread([&](thread_state& t) {
        observing_.settle(t);
        if (registry_.is_outside(t)) return;
        const tree_count counted = take_tree(*core::load_acquire(t.tree), &t, rows);
        if (counted.is_stale() && is_crowded()) ask_for_fresh_tree(t);
      });
      observing_.settle_outside();
      if (registry_.unscoped() != nullptr) take_tree(*registry_.unscoped(), nullptr, rows);
      if (ended_ != nullptr) ended_count_ = take_tree(*ended_, nullptr, rows);
      building_ = true;  // the rows point into trees: until the profile is built `drain` frees none
    }
    const built_mark built(*this);
    if (next == nullptr) next = std::make_unique<window_samples>();
    add_rows(*next, rows);
    profile_maker(*next, out, frame_names_, view_, stratified_).make();
    return out;
  }

  /// Samples seen since the start, in expiries of the timer.
  std::uint64_t samples() const noexcept { return core::load_relaxed(samples_); }
  std::uint64_t calls() const noexcept { return core::load_relaxed(calls_); }

  platform::mutex& fork_lock() noexcept { return mutex_; }

  /// In a forked child, before its first window: what stands in the trees now was the parent's. What the parent's worker was about to
  /// change when the fork came is left as it is, not even destroyed. `restart_threads` frees the parent's other threads.
  template <class Restart>
  void restart_in_child(Restart&& restart_threads) noexcept {
    new (&frame_names_) frame_names(&unwinding::start_of_function, &registry_.stacks());
    new (&worker_names_) scope_names();
    gathered_.reset();
    building_ = false;
    ended_count_ = {};
    if (ended_ != nullptr) call_tree::destroy(ended_, registry_.memory(), registry_.texts());
    ended_ = nullptr;
    const auto forget = [](core::node& n) {
      n.seen_calls = core::load_relaxed(n.calls);
      n.seen_other = core::load_relaxed(n.other);
      n.samples = n.other_samples = 0;
      n.cpu_ns = n.other_cpu_ns = 0;
    };
    registry_.each_thread([&](thread_state& t) {
      each_node(*t.tree, forget);
      for (call_tree* tree = t.left_trees; tree != nullptr; tree = tree->next) each_node(*tree, forget);
    });
    if (registry_.unscoped() != nullptr) each_node(*registry_.unscoped(), forget);
    restart_threads();
    start_run();
  }

  /// Counts from here on: a new run. The paths of threads that ended in an earlier one are nobody's any more.
  void start_run() noexcept {
    platform::lock_guard hold(mutex_);
    drain_all();
    gathered_.reset();
    if (ended_ != nullptr && !building_) {
      call_tree::destroy(ended_, registry_.memory(), registry_.texts());
      ended_ = nullptr;
      ended_count_ = {};
    }
    core::store_relaxed(samples_, std::uint64_t{0});
    core::store_relaxed(calls_, std::uint64_t{0});
    losses ignored;
    take_losses(ignored);
  }

 private:
  /// What a node has to say about this window. Nodes stay in place until `close_window` frees their tree.
  struct row {
    const core::node* node;
    const thread_state* thread;  ///< whose name is a label; nullptr for threads that ended
    std::int64_t calls, samples, cpu_ns;
    std::int64_t other_calls, other_samples, other_cpu_ns;
  };

  /// The rows are no longer needed: a profile was built of them, or there was no memory for it.
  class built_mark {
   public:
    explicit built_mark(collector& self) noexcept : self_(self) {}
    ~built_mark() {
      platform::lock_guard hold(self_.mutex_);
      self_.building_ = false;
      self_.free_ended_if_stale();
    }
    built_mark(const built_mark&) = delete;
    built_mark& operator=(const built_mark&) = delete;

   private:
    collector& self_;
  };

  template <class Visit>
  static void each_node(call_tree& tree, Visit&& visit) {
    for (core::node* n = tree.nodes(); n != nullptr; n = n->next) visit(*n);
  }

  void drain_ring(thread_state& t) noexcept {
    while (t.samples.size() >= sampling::record::head_words) {
      auto record = sampling::record::peek(t.samples);
      core::store_relaxed(samples_, samples_ + record.weight);
      if (record.frames == 0 || !gather(record, t)) {
        if (stratified_) record.cpu_ns = 0;  // what nodes have is the looks'
        add_to_node(record, t);
      }
      t.samples.pop(record.words());
    }
  }

  /// False where there is no room for another stack: then its scopes alone are kept.
  bool gather(const sampling::record& r, thread_state& t) noexcept {
    PYRO_TRY {
      if (gathered_ == nullptr) gathered_ = std::make_unique<window_samples>();
      if (!paths_) paths_.emplace(gathered_->builder(), pump_names_);
      auto* n = reinterpret_cast<core::node*>(r.at & ~core::in_other);
      if (!gathered_->add(r, t, registry_, *paths_)) return false;
      if (n != nullptr) n->idle = 0;  // in use, though its sums don't show it
      return true;
    }
    PYRO_CATCH_ALL {}
    return false;
  }

  static void add_to_node(const sampling::record& r, thread_state& t) noexcept {
    auto* n = reinterpret_cast<core::node*>(r.at & ~core::in_other);
    if (n == nullptr) n = t.tree->root();
    if ((r.at & core::in_other) != 0) {
      n->other_samples += r.weight;
      n->other_cpu_ns += r.cpu_ns;
    } else {
      n->samples += r.weight;
      n->cpu_ns += r.cpu_ns;
    }
  }

  void drain_all() noexcept {
    registry_.each_thread([&](thread_state& t) {
      // Order: what a thread has left or ended before this point has all its samples in the ring already. A thread that still
      // exists may still be in its last signal handler.
      const bool ended = core::load_acquire(t.stage) == thread_stage::gone && !platform::thread_exists(t.tid);
      call_tree* left = building_ ? nullptr : __atomic_exchange_n(&t.left_trees, static_cast<call_tree*>(nullptr), __ATOMIC_ACQ_REL);
      drain_ring(t);
      while (left != nullptr) {
        call_tree* next = left->next;
        observing_.leave(t, *left);
        take_over(*left, t);
        paths_.reset();  // their memory is used again
        call_tree::destroy(left, registry_.memory(), registry_.texts());
        left = next;
      }
      if (ended && !building_) {
        observing_.settle(t);
        if (!registry_.is_outside(t)) take_over(*t.tree, t);
        paths_.reset();
        registry_.recycle(t);
      }
    });
    paths_.reset();
  }

  /// Adds what a tree holds to the tree of ended threads, so that short-lived threads cost a path, not a slot, until the window
  /// ends. The thread's name becomes a tag above everything, which is the label it would have been.
  void take_over(call_tree& tree, const thread_state& t) noexcept {
    if (ended_ == nullptr) ended_ = call_tree::make(registry_.memory());
    if (ended_ == nullptr) {
      each_node(tree, [&](core::node& n) { core::add_shared(registry_.losses().budget, core::load_relaxed(n.calls) - n.seen_calls); });
      return;
    }
    static constexpr core::site thread_site{"thread", "", "", 0, core::site_kind::tag};
    char name[thread_state::max_name];
    registry_.read_name(t, name);
    core::node* top = ended_->root();
    if (name[0] != '\0') {
      bool refused = false;
      core::node* named = ended_->child(top, {&thread_site, name, std::strlen(name), nullptr}, registry_.memory(), registry_.texts(), refused);
      if (named != nullptr) top = named;
    }
    // Nobody enters this tree any more, so its trie's links are free: one reverses the list (parents are older than their children),
    // one remembers where a node went.
    core::node* oldest = nullptr;
    each_node(tree, [&](core::node& n) {
      n.link[0] = oldest;
      oldest = &n;
    });
    for (core::node* n = oldest; n != nullptr; n = n->link[0]) {
      n->children = n->parent == nullptr ? top : counterpart(*n);
      add_window(*n->children, *n);
    }
  }

  /// The node of the ended threads' tree for the same path; its nearest ancestor's where there is no room.
  core::node* counterpart(const core::node& from) noexcept {
    core::node* parent = from.parent->children;
    step how{from.where, nullptr, 0, nullptr};
    if (from.value != nullptr) how = {from.where, from.value->data(), from.value->size, nullptr};
    bool refused = false;
    core::node* to = ended_->child(parent, how, registry_.memory(), registry_.texts(), refused);
    return to != nullptr ? to : parent;
  }

  static void add_window(core::node& to, const core::node& from) noexcept {
    const bool same_path = to.where == from.where;
    const std::uint64_t calls = core::load_relaxed(from.calls) - from.seen_calls;
    std::uint64_t other = core::load_relaxed(from.other) - from.seen_other;
    if (same_path || from.parent == nullptr) {
      to.calls += calls;
      to.samples += from.samples;
      to.cpu_ns += from.cpu_ns;
    } else {
      if (from.where->kind != core::site_kind::tag) other += calls;  // tags are no calls
      to.other_samples += from.samples;
      to.other_cpu_ns += from.cpu_ns;
    }
    to.other += other;
    to.other_samples += from.other_samples;
    to.other_cpu_ns += from.other_cpu_ns;
  }

  void free_ended_if_stale() noexcept {
    if (ended_ == nullptr || !ended_count_.is_stale() || !is_crowded()) return;
    // Between the walk and now the pump may have added to it: those sums must not get lost.
    bool untouched = true;
    each_node(*ended_, [&](core::node& n) {
      untouched &= n.calls == n.seen_calls && n.other == n.seen_other && n.samples == 0 && n.cpu_ns == 0 && n.other_samples == 0 && n.other_cpu_ns == 0;
    });
    if (!untouched) return;
    call_tree::destroy(ended_, registry_.memory(), registry_.texts());
    ended_ = nullptr;
  }

  struct tree_count {
    std::size_t nodes = 0;
    std::size_t stale = 0;
    bool is_stale() const noexcept { return stale > 64 && stale > nodes / 2; }
  };

  tree_count take_tree(call_tree& tree, const thread_state* t, std::vector<row>& rows) {
    tree_count count;
    each_node(tree, [&](core::node& n) {
      const std::uint64_t calls = core::load_relaxed(n.calls);
      const std::uint64_t other = core::load_relaxed(n.other);
      const row r{&n,
                  t,
                  static_cast<std::int64_t>(n.where != nullptr && n.where->kind != core::site_kind::tag ? calls - n.seen_calls : 0),
                  n.samples,
                  n.cpu_ns,
                  static_cast<std::int64_t>(other - n.seen_other),
                  n.other_samples,
                  n.other_cpu_ns};
      const bool idle = calls == n.seen_calls && other == n.seen_other && n.samples == 0 && n.cpu_ns == 0 && n.other_samples == 0 && n.other_cpu_ns == 0;
      n.idle = static_cast<std::uint16_t>(idle ? (n.idle < 0xffff ? n.idle + 1 : n.idle) : 0);
      ++count.nodes;
      if (n.idle >= stale_windows) ++count.stale;
      n.seen_calls = calls;
      n.seen_other = other;
      n.samples = n.other_samples = 0;
      n.cpu_ns = n.other_cpu_ns = 0;
      if (r.calls != 0 || r.samples != 0 || r.cpu_ns != 0 || r.other_calls != 0 || r.other_samples != 0 || r.other_cpu_ns != 0) rows.push_back(r);
      core::store_relaxed(calls_, calls_ + static_cast<std::uint64_t>(r.calls + r.other_calls));
    });
    return count;
  }

  // Stale paths matter only where they keep others out.
  bool is_crowded() const noexcept {
    return registry_.memory().used() > registry_.memory().limit() / 2 || registry_.texts().any_key_full();
  }

  /// The thread looks at the root entry's stack pointer whenever it enters a scope at depth 0; 0 sends it the slow way.
  static void ask_for_fresh_tree(thread_state& t) noexcept { core::store_relaxed(t.stack[0].sp, std::uintptr_t{0}); }

  /// Differences of the counters of all threads since the last window.
  void take_losses(losses& window) noexcept {
    losses total;
    const shared_losses& shared = registry_.losses();
    total.threads = core::load_relaxed(shared.no_slot);
    total.timer_failed = core::load_relaxed(shared.timer_failed);
    total.ring_full = core::load_relaxed(shared.ring_full);
    total.budget = core::load_relaxed(shared.budget);
    total.tag_values = core::load_relaxed(shared.tag_values);
    total.tag_cut = core::load_relaxed(shared.tag_cut);
    total.foreign_signal = registry_.engine().foreign_signals();
    registry_.each_thread([&](thread_state& t) {
      total.ring_full += core::load_relaxed(t.lost_ring_full);
      total.budget += core::load_relaxed(t.lost_budget);
      total.tag_values += core::load_relaxed(t.lost_tag_values);
      total.tag_cut += core::load_relaxed(t.tag_cut);
    });
    const auto take = [&](std::uint64_t losses::*field) {
      window.*field = total.*field - seen_lost_.*field;
      seen_lost_.*field = total.*field;
    };
    take(&losses::threads);
    take(&losses::timer_failed);
    take(&losses::ring_full);
    take(&losses::budget);
    take(&losses::tag_values);
    take(&losses::tag_cut);
    take(&losses::foreign_signal);
  }

  /// What the nodes counted, beside what was gathered of samples. The worker alone, no lock.
  void add_rows(window_samples& to, const std::vector<row>& rows) {
    profile_builder& builder = to.builder();
    path_finder paths(builder, worker_names_);
    for (const row& r : rows) {
      const path_finder::place& at = paths.find(*r.node);
      label_set labels;
      if (r.thread != nullptr) labels = paths.thread_label(*r.thread, registry_);  // first: a tag of the same key wins
      labels.insert(labels.end(), at.labels.begin(), at.labels.end());
      const std::uint32_t set = builder.add_labels(labels);
      if (r.calls != 0 || r.samples != 0 || r.cpu_ns != 0) {
        const std::int64_t values[] = {r.calls, r.samples, r.cpu_ns};
        builder.add(at.stack, set, values);
      }
      if (r.other_calls != 0 || r.other_samples != 0 || r.other_cpu_ns != 0) {
        const std::int64_t values[] = {r.other_calls, r.other_samples, r.other_cpu_ns};
        builder.add(builder.add_stack(at.stack, synthetic_frame(builder, "[other]")), set, values);
      }
    }
  }

  static constexpr std::uint16_t stale_windows = 6;

  registry& registry_;
  observing observing_;
  platform::mutex mutex_;
  std::uint64_t samples_ = 0;
  std::uint64_t calls_ = 0;
  losses seen_lost_;
  call_tree* ended_ = nullptr;      ///< what threads that are gone did in this window
  tree_count ended_count_;
  bool building_ = false;
  stack_view view_ = stack_view::merged;
  bool stratified_ = false;
  std::unique_ptr<window_samples> gathered_;  ///< since the last window's end
  std::optional<path_finder> paths_;          ///< while rings are drained
  scope_names pump_names_, worker_names_;
  frame_names frame_names_;
};

}  // namespace collect
}  // namespace pyro
