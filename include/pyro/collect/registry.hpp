#pragma once
// The threads of the process: who has a slot, and what samples them.
//
// A slot is claimed by a thread's first scope and given back by a pthread key's destructor in that thread (after its thread_local
// destructors), or by the pump where that never ran. The collector drains a slot that was given back, frees its tree and only then
// lets another thread have it. Lock order: registry, then intern table or arena.

#include <pyro/collect/engines.hpp>
#include <pyro/collect/outside_threads.hpp>
#include <pyro/collect/slow_path.hpp>
#include <pyro/collect/unwinding.hpp>

#include <algorithm>  // max
#include <pthread.h>  // key

namespace pyro {
namespace collect PYRO_HIDDEN {

class registry {
 public:
  registry() noexcept : texts_(memory_), slow_path_(memory_, texts_), engines_(table_) { instance() = this; }

  // ---- configuration, by the runtime ----

  void set_limits(std::size_t memory, std::uint32_t values_per_key, std::size_t value_bytes) noexcept {
    // What an earlier run with a larger budget has left in the trees of threads that still live goes when it is stale, not now; the new run
    // has half of its own budget to begin with all the same.
    memory_.set_limit(std::max(memory, memory_.used() + memory / 2));
    texts_.set_values_per_key(values_per_key);
    platform::lock_guard hold(mutex_);
    value_limit_ = value_bytes;
    each_live([&](thread_state& t) { core::store_relaxed(t.value_limit, value_bytes); });
  }

  /// Starts the engine of this name, or what takes its place, and attaches all live threads. `refused` says what could not start and why.
  /// `native`: samples get native frames where the engine can have them; `can_look`: there is a pump.
  void start_engine(std::string_view wanted, bool native, bool can_look, std::int64_t period_ns, std::string& refused) {
    set_native(native && wanted != "none" && wanted != "observer");  // first: the tables are there when the first sample comes
    {
      platform::lock_guard hold(mutex_);
      if (!have_key_) have_key_ = ::pthread_key_create(&key_, &thread_ends) == 0;
      sampling::engine& chosen = engines_.start(wanted, native, can_look, refused);
      if (&chosen != engine_) each_live([&](thread_state& t) { engine_->detach(t); });
      core::store_release(engine_, &chosen);
      core::store_relaxed(period_ns_, period_ns);
      outside_.begin();
      each_live([&](thread_state& t) { attach(t); });
    }
    set_native(native && engines_.walks(engine()));
  }

  void set_period(std::int64_t period_ns) noexcept {
    platform::lock_guard hold(mutex_);
    core::store_relaxed(period_ns_, period_ns);
    each_live([&](thread_state& t) { engine_->set_period(t, period_ns); });
  }

  void stop_engine() noexcept {
    platform::lock_guard hold(mutex_);
    each_live([&](thread_state& t) { engine_->detach(t); });
    core::store_release(engine_, static_cast<sampling::engine*>(&engines_.none()));
  }

  sampling::engine& engine() noexcept { return *core::load_acquire(engine_); }
  arena& memory() noexcept { return memory_; }
  intern_table& texts() noexcept { return texts_; }
  shared_losses& losses() noexcept { return losses_; }
  std::size_t bytes() const noexcept { return memory_.used() + core::load_relaxed(slot_count_) * slot_bytes() + sizeof(registry); }
  std::size_t live_threads() const noexcept { return core::load_relaxed(live_count_); }

  unwinding& stacks() noexcept { return unwinding_; }

  /// True where modules have come or gone. The pump, and whoever closes windows where there is none.
  bool follow_modules_in_turn() noexcept { return unwinding_.follow_in_turn([this](auto&& visit) { each_walk(visit); }); }
  bool follow_modules() noexcept { return unwinding_.follow([this](auto&& visit) { each_walk(visit); }); }

  /// Gives a slot and a timer to threads that have entered no scope yet, so that their time is seen as well. The pump.
  void discover() noexcept {
    if (&engine() == &engines_.none() || core::load_relaxed(period_ns_) == 0 || !outside_.list()) return;
    {
      platform::lock_guard hold(mutex_);
      if (unscoped_ == nullptr) core::store_release(unscoped_, call_tree::make(memory_));
      if (unscoped_ == nullptr) return;
      each_live([&](thread_state& t) {
        if (unwinding_.wanted() && is_outside(t)) outside_.add_unplaced(t);
      });
    }
    outside_.place_stacks();
    platform::lock_guard hold(mutex_);
    each_live([&](thread_state& t) { outside_.add_known(t.tid); });
    outside_.each_placed([&](thread_state& t, std::uintptr_t low, std::uintptr_t high) {
      if (!is_outside(t)) return;  // it has entered a scope since, and knows better
      core::store_relaxed(t.stack_bounds.low, low);
      core::store_release(t.stack_bounds.high, high);  // last: this tells the handler that they are known
    });
    outside_.each_unknown([&](pid_t tid) { claim_outside(tid); });
  }

  /// True for a thread that `discover` found and that has entered no scope since: it has no tree of its own.
  bool is_outside(const thread_state& t) const noexcept { return core::load_acquire(t.tree) == unscoped(); }

  /// The one tree of all those threads, also of such as have ended or entered a scope since; null as long as there was none.
  call_tree* unscoped() const noexcept { return core::load_acquire(unscoped_); }

  /// Under the collector's lock: `use(observer&)` with what it keeps of threads.
  const sampling::observer& observer() const noexcept { return engines_.watcher(); }
  bool observes() noexcept { return engines_.looks(engine()); }
  bool stratifies() noexcept { return engines_.is_both(engine()); }
  template <class Use>
  auto observe(Use&& use) noexcept {
    platform::lock_guard hold(mutex_);
    return use(engines_.watcher());
  }

  // ---- the slow path, by application threads ----

  /// The calling thread's slot, claimed where it has none yet; nullptr where there is none to be had.
  thread_state* adopt(core::slot** cached) noexcept {
    auto* t = static_cast<thread_state*>(core::this_slot);
    if (t == nullptr) {
      t = claim();
      if (t == nullptr) return nullptr;
    }
    if (*cached != t) remember(*t, cached);
    return t;
  }

  core::position enter(const core::enter_request& request) noexcept {
    thread_state* t = adopt(request.cached);
    if (t == nullptr) return {nullptr, nullptr};
    return slow_path_.enter(*t, request);
  }

  void name_thread(core::slot** cached, const char* data, std::size_t size) noexcept {
    thread_state* t = adopt(cached);
    if (t == nullptr) return;
    if (size >= thread_state::max_name) size = slow_path::cut_text(data, thread_state::max_name - 1);
    platform::lock_guard hold(mutex_);
    std::memcpy(t->name, data, size);
    t->name[size] = '\0';
  }

  /// The thread's name; empty where it has none.
  void read_name(const thread_state& t, char (&name)[thread_state::max_name]) noexcept {
    platform::lock_guard hold(mutex_);
    std::memcpy(name, t.name, sizeof name);
  }

  // ---- by the collector, under its own lock ----

  template <class Visit>
  void each_thread(Visit&& visit) {
    const std::uint32_t n = core::load_acquire(slot_count_);
    for (std::uint32_t i = 0; i < n; ++i)
      if (auto* t = static_cast<thread_state*>(core::load_acquire(table_.threads[i])))
        if (core::load_acquire(t->stage) != thread_stage::free) visit(*t);
  }

  /// Frees the tree of a thread that is gone, after it was drained, and lets another thread have its slot.
  void recycle(thread_state& t) noexcept {
    core::add_shared(losses_.ring_full, t.lost_ring_full);
    core::add_shared(losses_.budget, t.lost_budget);
    core::add_shared(losses_.tag_values, t.lost_tag_values);
    core::add_shared(losses_.tag_cut, t.tag_cut);
    if (!is_outside(t)) call_tree::destroy(t.tree, memory_, texts_);
    t.tree = nullptr;
    for (call_tree* left = t.left_trees; left != nullptr;) {
      call_tree* next = left->next;
      call_tree::destroy(left, memory_, texts_);
      left = next;
    }
    t.left_trees = nullptr;
    platform::lock_guard hold(mutex_);
    core::store_release(t.generation, t.generation + 1);
    core::store_release(t.stage, thread_stage::free);
    t.next_free = free_;
    free_ = &t;
    core::store_relaxed(freed_, freed_ + 1);
  }

  /// Gives back the slots of threads that ended without running their key's destructor.
  void reap() noexcept {
    platform::lock_guard hold(mutex_);
    each_live([&](thread_state& t) {
      if (!platform::thread_exists(t.tid)) retire(t);
    });
  }

  // ---- fork: see collect/runtime.hpp ----

  void before_fork() noexcept {
    mutex_.lock();
    texts_.fork_lock().lock();
    memory_.fork_lock().lock();
  }
  void after_fork() noexcept {
    memory_.fork_lock().unlock();
    texts_.fork_lock().unlock();
    mutex_.unlock();
  }

  /// In the child, from the fork handler: plain stores alone. The one thread left comes by `enter` at its next scope.
  void after_fork_in_child() noexcept {
    if (have_key_ && is_refusal(::pthread_getspecific(key_))) ::pthread_setspecific(key_, nullptr);
    forked_ = own_state();  // by the key: a child that forks again before its first scope has no thread-local pointer
    if (forked_ != nullptr) {
      forget(*forked_);
      forked_->has_timer = false;  // not inherited, and its number may soon be another timer's
      forked_->watch = {};
    }
    engines_.watcher().forget();
    unwinding_.after_fork_in_child();
    after_fork();
  }

  /// In the child, at its first scope: the parent's threads and what they counted are not the child's.
  void restart_in_child() noexcept {
    unwinding_.restart_in_child();
    each_thread([&](thread_state& t) {
      t.has_timer = false;  // timers are not inherited
      t.watch = {};
      t.samples.clear();
      t.walking = nullptr;
      if (&t == forked_) {
        core::store_release(t.generation, t.generation + 1);
        t.tid = ::getpid();
        return;
      }
      t.cached_count = 0;
      recycle(t);
    });
    live_count_ = forked_ != nullptr ? 1 : 0;
    outside_count_ = forked_ != nullptr && is_outside(*forked_) ? 1 : 0;
    losses_ = shared_losses{};
  }

 private:
  static std::size_t slot_bytes() noexcept { return (sizeof(thread_state) + 4095) / 4096 * 4096; }

  static registry*& instance() noexcept {
    static registry* the_one = nullptr;
    return the_one;
  }

  template <class Visit>
  void each_live(Visit&& visit) noexcept {
    for (std::uint32_t i = 0; i < slot_count_; ++i) {
      auto& t = *static_cast<thread_state*>(table_.threads[i]);
      if (t.stage == thread_stage::live) visit(t);
    }
  }

  template <class Visit>
  void each_walk(Visit&& visit) noexcept {
    each_thread([&](thread_state& t) { visit(t.walking); });
  }

  /// Samples get native frames from now on, or not.
  void set_native(bool wanted) noexcept {
    unwinding_.want(wanted);
    follow_modules();
    engines_.set_tables(wanted ? &unwinding_.tables() : nullptr);
  }

  void attach(thread_state& t) noexcept {
    // One that was found from outside may have ended since; it is given up at the next round.
    if (!engine_->attach(t, period_ns_) && platform::thread_exists(t.tid)) core::add_shared(losses_.timer_failed, 1);
  }

  /// The calling thread's state by its key, also where its modules' pointers were cleared; nullptr where it has none.
  thread_state* own_state() const noexcept {
    if (!have_key_) return nullptr;
    void* specific = ::pthread_getspecific(key_);
    return is_refusal(specific) ? nullptr : static_cast<thread_state*>(specific);
  }

  // A thread that got no slot has an odd number in the key: it asks again when a slot has come free since.
  void* refusal() const noexcept { return reinterpret_cast<void*>(core::load_relaxed(freed_) << 1 | 1); }
  static bool is_refusal(const void* specific) noexcept { return (reinterpret_cast<std::uintptr_t>(specific) & 1) != 0; }

  // The order matters: once this_slot is set, scopes inside what registration calls (malloc, perhaps) take the ordinary way.
  thread_state* claim() noexcept {
    if (have_key_ && ::pthread_getspecific(key_) == refusal()) return nullptr;  // counted once, and costs no lock again
    thread_state* t = nullptr;
    {
      platform::lock_guard hold(mutex_);
      const pid_t tid = platform::thread_id();
      if (forked_ != nullptr && tid == forked_->tid) {
        t = forked_;
        forked_ = nullptr;
      } else if (!adopt_outside(tid, t)) {
        t = take_slot();
        if (t == nullptr || (t->tree = call_tree::make(memory_)) == nullptr) {
          if (t != nullptr) {
            t->next_free = free_;
            free_ = t;
          }
          core::add_shared(losses_.no_slot, 1);
          if (have_key_) ::pthread_setspecific(key_, refusal());
          return nullptr;
        }
        t->tid = tid;
        clear(*t);
        core::store_release(t->stage, thread_stage::live);
        core::store_relaxed(live_count_, live_count_ + 1);
      }
    }
    remember(*t, &core::this_slot);
    const platform::stack_range bounds = platform::this_stack();
    core::store_relaxed(t->stack_bounds.low, bounds.low);
    core::store_release(t->stack_bounds.high, bounds.high);
    if (have_key_) ::pthread_setspecific(key_, t);
    platform::lock_guard hold(mutex_);
    attach(*t);
    return t;
  }

  /// Under the lock, for a thread that is not there yet. Its stack is unknown until it enters a scope itself.
  void claim_outside(pid_t tid) noexcept {
    thread_state* t = take_slot();
    if (t == nullptr) return core::add_shared(losses_.no_slot, 1);
    t->tree = unscoped_;
    t->tid = tid;
    clear(*t);
    if (!engine_->attach(*t, period_ns_)) {  // it has ended meanwhile, or the system refuses
      if (platform::thread_exists(tid)) core::add_shared(losses_.timer_failed, 1);
      t->tree = nullptr;
      t->next_free = free_;
      free_ = t;
      return;
    }
    ++outside_count_;
    core::store_release(t->stage, thread_stage::live);
    core::store_relaxed(live_count_, live_count_ + 1);
  }

  /// Under the lock: the calling thread takes over the slot that `discover` gave it. False where it has none; with `t` null where there is
  /// one and no memory for a tree.
  bool adopt_outside(pid_t tid, thread_state*& t) noexcept {
    if (outside_count_ == 0) return false;
    each_live([&](thread_state& other) {
      if (other.tid == tid && is_outside(other)) t = &other;
    });
    if (t == nullptr) return false;
    call_tree* own = call_tree::make(memory_);
    if (own == nullptr) {
      t = nullptr;
      return false;
    }
    engine_->detach(*t);  // perhaps of an earlier thread of this number
    engines_.watcher().leave_outside(*t);
    core::store_release(t->tree, own);
    slow_path::lead_to_root(*t);
    --outside_count_;
    return true;
  }

  thread_state* take_slot() noexcept {
    if (thread_state* t = free_) {
      free_ = t->next_free;
      return t;
    }
    if (slot_count_ == sampling::thread_table::capacity) return nullptr;
    void* pages = platform::map_pages(slot_bytes());
    if (pages == nullptr) return nullptr;
    auto* t = new (pages) thread_state;  // default-initialised: the pages are zero and stay untouched where not needed
    t->index = slot_count_;
    core::store_release(table_.threads[slot_count_], static_cast<sampling::thread*>(t));
    core::store_release(slot_count_, slot_count_ + 1);
    return t;
  }

  void clear(thread_state& t) noexcept {
    t.value_limit = value_limit_;
    t.cached_count = 0;
    t.left_trees = nullptr;
    t.has_timer = false;
    t.watch = {};
    // Atomic, for the thread sanitizer's sake: it does not see that the handler comes after the timer is made.
    core::store_relaxed(t.stack_bounds.low, std::uintptr_t{0});
    core::store_relaxed(t.stack_bounds.high, std::uintptr_t{0});  // found when it is first sampled, where the thread does not say them itself
    core::store_relaxed(t.seen_sp, std::uintptr_t{0});
    t.stack_attempts = 0;
    core::store_relaxed(t.lost_ring_full, std::uint64_t{0});
    t.lost_budget = t.lost_tag_values = t.tag_cut = 0;
    t.name[0] = '\0';
    slow_path::lead_to_root(t);
  }

  static void remember(thread_state& t, core::slot** cached) noexcept {
    if (t.cached_count == thread_state::max_modules) return;  // such a module takes the slow path always
    t.cached[t.cached_count++] = cached;
    core::store_relaxed(*cached, static_cast<core::slot*>(&t));
  }

  static void forget(thread_state& t) noexcept {
    for (std::uint32_t i = 0; i < t.cached_count; ++i) core::store_relaxed(*t.cached[i], static_cast<core::slot*>(nullptr));
    t.cached_count = 0;
  }

  static void thread_ends(void* specific) noexcept {
    if (is_refusal(specific)) return;
    auto& t = *static_cast<thread_state*>(specific);
    forget(t);
    registry& self = *instance();
    platform::lock_guard hold(self.mutex_);
    self.engine_->settle(t);
    self.retire(t);
  }

  void retire(thread_state& t) noexcept {
    engine_->detach(t);
    if (is_outside(t)) --outside_count_;
    core::store_release(t.stage, thread_stage::gone);
    core::store_relaxed(live_count_, live_count_ - 1);
  }

  platform::mutex mutex_;
  arena memory_;
  intern_table texts_;
  slow_path slow_path_;
  shared_losses losses_;
  sampling::thread_table table_{};
  engines engines_;
  sampling::engine* engine_ = &engines_.none();
  std::int64_t period_ns_ = 0;
  std::size_t value_limit_ = 64;
  std::uint32_t slot_count_ = 0;
  std::size_t live_count_ = 0;
  std::size_t outside_count_ = 0;
  call_tree* unscoped_ = nullptr;   ///< of all threads that `discover` found: its root alone is used
  outside_threads outside_;
  unwinding unwinding_;
  thread_state* free_ = nullptr;
  thread_state* forked_ = nullptr;
  std::uintptr_t freed_ = 0;        ///< slots that came free so far
  pthread_key_t key_{};
  bool have_key_ = false;
};

}  // namespace collect
}  // namespace pyro
