#pragma once
// The running profiler: the one state of a process that ties registry, collector, threads and exporters together. Made once, never
// destroyed: detached threads, static destructors and late signals may still come.
//
// Threads: the pump (drains ten times a second, never blocks) and the worker (closes windows, names, encodes, exports; may block).
// Lock order: collector, registry, intern table, arena. Fork holds these; the export lock is held over I/O, so fork does not wait for
// it but makes it anew in the child.

#include <pyro/collect/background.hpp>
#include <pyro/collect/collector.hpp>
#include <pyro/collect/engine_note.hpp>
#include <pyro/collect/engine_watch.hpp>
#include <pyro/collect/exports.hpp>
#include <pyro/collect/flush_requests.hpp>
#include <pyro/collect/leader.hpp>
#include <pyro/collect/loss_warnings.hpp>
#include <pyro/collect/program_signals.hpp>
#include <pyro/collect/run_state.hpp>
#include <pyro/collect/window_meter.hpp>
#include <pyro/collect/window_pieces.hpp>
#include <pyro/export/forked_outputs.hpp>
#include <pyro/settings.hpp>

#include <cstdlib>  // atexit
#include <utility>  // exchange

namespace pyro {
namespace collect PYRO_HIDDEN {

class runtime {
 public:
  static runtime& the() {
    static runtime& one = *new runtime;
    return one;
  }

  /// Starts profiling, or takes over what the environment started; an error's text where that can't be. Empty: it runs.
  std::string start(config wanted, bool from_environment) {
    core::join_process();
    detail::complaints wrong;
    detail::settings_reader(wanted, wrong).read();
    if (std::string refused = lead_process(table()); !refused.empty()) {
      log_.configure(wanted.log, wanted.log_level);  // nothing runs in this module: its user should hear why
      return refused;
    }
    entered_ = this;
    if (pump_.lingers() || worker_.lingers())
      return "the last run's worker is still busy in an exporter that did not return within exit_timeout; try again when it has";
    const bool takes_over = state_.load() == run_state::running && from_environment_ && !from_environment;
    if (!takes_over && !state_.change(run_state::off, run_state::starting)) {
      if (from_environment) return "profiling is running already";
      return "a profiler is running already in this process: stop it, or let it go out of scope, before the next configure";
    }
    log_.configure(wanted.log, wanted.log_level);
    for (const std::string& complaint : wrong) log_(log_level::warning, complaint);
    if (parse_outputs(wanted.outputs).off) {
      if (takes_over) stop();
      else state_.set(run_state::off);
      return "profiling is off: PYRO=off";
    }
    from_environment_ = from_environment;
    if (takes_over) take_over(std::move(wanted));
    else begin(std::move(wanted));
    return {};
  }

  /// Delivers what is there and stops. Bounded by `exit_timeout`. Safe to call at any time, more than once.
  void stop() noexcept {
    if (state_.change(run_state::forked, run_state::off)) {  // a child that never started anew has nothing to deliver
      leave_exporters_to_parent();
      return publish(nullptr);
    }
    if (!state_.change(run_state::running, run_state::stopping))  // somebody else stops, perhaps: exit must not overtake that
      return state_.wait_while(run_state::stopping, exit_timeout_ns() + 1000000000, [this] { return !worker_.is_this() && !pump_.is_this(); });
    publish(nullptr);
    registry_.stop_engine();
    const std::int64_t deadline = platform::monotonic_ns() + exit_timeout_ns();
    core::store_release(stop_deadline_ns_, deadline);
    core::store_release(stop_wanted_, true);
    for (platform::event* wake : {&pump_wake_, &worker_wake_}) wake->set();
    const bool had_worker = worker_.running();
    if (!worker_.is_this() && !worker_.wait_for_end(deadline - platform::monotonic_ns())) {
      exports_.cut_off();  // what they use may end with the process; whoever waits for them comes back now
      log_(log_level::error, "stop: the last window was not delivered within exit_timeout (" + std::to_string(config_.exit_timeout.count()) + " ms); it may be lost");
    }
    if (!worker_.is_this()) worker_.join(200000000);
    if (!pump_.is_this()) pump_.join(1000000000);
    signals_.set_pump_runs(false);
    if (!had_worker) last_window();
    if (!worker_.lingers()) config_.exporters.clear();  // the program's own objects are released now
    state_.set(run_state::off);
  }

  bool flush(std::chrono::milliseconds timeout) noexcept {
    if (!is_on()) return false;
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    if (!worker_.running()) {
      platform::lock_guard hold(export_lock_);
      PYRO_TRY {
        const bool sent = close_and_send(false);
        return exports_.flush(deadline) && sent;
      }
      PYRO_CATCH_ALL { log_.say(log_level::error, "a window is lost: out of memory"); }
      return false;
    }
    const std::int64_t until = platform::monotonic_ns() + std::chrono::nanoseconds(timeout).count();
    const std::uint64_t ticket = flushes_.ask(until);
    worker_wake_.set();
    return flushes_.wait(ticket, until, [this] { return state_.load() == run_state::running || worker_.running(); });
  }

  /// Closes the window and returns it; it goes to no exporter. Deterministic where `background` is off.
  profile collect_now() {
    if (!is_on()) return {};
    platform::lock_guard hold(export_lock_);
    return pieces_.complete(close(true));
  }

  void pause() noexcept {
    if (!is_on() || __atomic_exchange_n(&paused_, true, __ATOMIC_ACQ_REL)) return;
    publish(nullptr);
    registry_.set_period(0);
  }
  void resume() noexcept {
    if (!is_on() || !__atomic_exchange_n(&paused_, false, __ATOMIC_ACQ_REL)) return;
    registry_.set_period(period_ns());
    publish(&table());
  }

  bool set_sample_rate(int hz) noexcept {
    if (hz < 1 || hz > 1000) {
      log_(log_level::warning, "set_sample_rate: " + std::to_string(hz) + " is not a whole number of samples a second from 1 to 1000; it stays at " + std::to_string(core::load_relaxed(sample_rate_)));
      return false;
    }
    core::store_relaxed(sample_rate_, hz);
    if (is_on() && !core::load_relaxed(paused_)) registry_.set_period(period_ns());
    return true;
  }

  stats get_stats() noexcept {
    stats s;
    s.running = state_.load() == run_state::running, s.paused = core::load_relaxed(paused_);
    engine_.fill(s);
    s.sample_rate = core::load_relaxed(sample_rate_);
    s.threads = registry_.live_threads(), s.looks = registry_.observer().looks(), s.looks_skipped = registry_.observer().looks_skipped();
    exports_.fill(s);
    s.calls = collector_.calls();
    exports_.balance(s, collector_.samples());  // read after the exporters' sums, and once: what came in between is in the open window
    s.own_cpu_ns = own_cpu_ns();
    s.memory_bytes = registry_.bytes();
    s.unwind_table_bytes = registry_.stacks().tables().bytes(), s.modules_without_tables = registry_.stacks().tables().modules_without_rows();
    return s;
  }

  detail::logger& log() noexcept { return log_; }

 private:
  runtime() : collector_(registry_), exports_(log_), loss_warnings_(log_), signals_(pump_wake_, log_) {}

  // ---- what modules call ----

  static core::position enter(const core::enter_request& request) noexcept {
    runtime& self = *entered_;
    if (PYRO_UNLIKELY(!self.is_on())) return {nullptr, nullptr};
    return self.registry_.enter(request);
  }
  static void name_thread(core::module*, core::slot** cached, const char* name, std::size_t size) noexcept {
    runtime& self = *entered_;
    if (self.is_on()) self.registry_.name_thread(cached, name, size);
  }
  static const core::hooks& table() noexcept {
    static constexpr core::hooks hooks{PYRO_ABI, sizeof(core::hooks), &enter, &name_thread};
    return hooks;
  }

  // ---- starting ----

  void begin(config wanted) {
    adopt_config(std::move(wanted));
    install_process_hooks();
    forget_parent();  // in a forked child that stopped before its first scope
    collector_.start_run();
    registry_.set_limits(config_.max_memory, static_cast<std::uint32_t>(config_.max_tag_values), static_cast<std::size_t>(config_.max_tag_length));
    meter_.start();
    exports_.start_run();
    loss_warnings_.start_run();
    core::store_relaxed(paused_, false);
    begin_sampling();
    add_live_view(false);
    start_threads();
    state_.set(run_state::running);
    publish(&table());
    if (exports_.empty() && config_.server_address.empty() && config_.serve_address.empty()) log_(log_level::info, "no output is set: profiles are kept for stats and collect_now alone; try PYRO=report");
  }

  void adopt_config(config wanted) {
    config_ = std::move(wanted);
    core::store_relaxed(sample_rate_, config_.sample_rate);
    exports_.replace(config_);
    signals_.install(config_);
  }

  /// Keeps counting; the new exporters get what the environment's profiler has gathered since its last window.
  void take_over(config wanted) {
    platform::lock_guard hold(export_lock_);
    if (exports_.sent_anything()) exports_.finish();  // they say what they could not deliver
    if (wanted.engine != config_.engine || wanted.stacks != config_.stacks) pieces_.keep(close(false));  // each engine divides what it has measured itself
    adopt_config(std::move(wanted));
    registry_.set_limits(config_.max_memory, static_cast<std::uint32_t>(config_.max_tag_values), static_cast<std::size_t>(config_.max_tag_length));
    begin_sampling();
    add_live_view(false);
    if (!worker_.running()) start_threads();
    worker_wake_.set();
  }

  void begin_sampling() {
    std::string refused;
    registry_.start_engine(config_.engine, config_.stacks != "scopes", config_.background, period_ns(), refused);
    collector_.set_view(config_.stacks == "scopes" ? stack_view::scopes : config_.stacks == "native" ? stack_view::native : stack_view::merged, registry_.stratifies());
    if (!refused.empty()) log_(config_.engine == "auto" ? log_level::info : log_level::error, "engine (PYRO_ENGINE) is refused: " + refused + "; instead: " + registry_.engine().name());
    if (pump_.running()) pump_wake_.set();  // it alone looks for threads
    else registry_.discover();              // those that are there already count from now on
    engine_.set(registry_.engine().name(), refused);
    watch_.start();
  }

  void start_threads() noexcept {
    core::store_relaxed(stop_wanted_, false);
    if (!config_.background) return;
    const bool both = pump_.start("pyro-pump", [](void* self) { static_cast<runtime*>(self)->pump(); }, this) &&
                      worker_.start("pyro-worker", [](void* self) { static_cast<runtime*>(self)->work(); }, this);
    signals_.set_pump_runs(pump_.running());
    if (!both) log_(log_level::error, "cannot start background threads (limit on threads?); profiles are delivered at stop and exit alone");
  }

  void install_process_hooks() {
    if (hooked_) return;
    hooked_ = true;
    ::pthread_atfork([] { entered_->before_fork(); }, [] { entered_->after_fork(); }, [] { entered_->after_fork_in_child(); });
    std::atexit([] { entered_->stop(); });
  }

  // ---- windows ----

  profile close(bool ends_window) {
    if (!pump_.running()) registry_.follow_modules();
    const std::uint64_t answered = pieces_.begin_answer();
    const std::int64_t now = platform::monotonic_ns();
    profile window = collector_.close_window();
    meter_.close(window, now, own_cpu_ns());
    window.application = config_.application_name;
    for (const static_tag& t : config_.tags) window.static_tags.emplace_back(t.key, t.value);
    window.engine = engine_.name();
    window.period = period_ns();
    window.cost.memory_bytes = registry_.bytes();
    watch_engine();
    window.lost.handler_replaced = watch_.take_loss() ? 1 : 0;
    exports_.show(window, answered, ends_window);
    return window;
  }

  void watch_engine() noexcept { if (!core::load_relaxed(paused_) && state_.load() == run_state::running) watch_.look(); }

  /// At exit what was added must end before what it uses (OpenSSL).
  void hook_again() { if (!std::exchange(hooked_again_, true)) std::atexit([] { entered_->stop(); }); }

  /// Where nothing happens by itself there is nothing to view.
  void add_live_view(bool give_up) {
    if (config_.background && exports_.add_live_view(config_, [this] { const auto ticket = pieces_.ask(); worker_wake_.set(); return ticket; }, give_up)) hook_again();
  }

  bool close_and_send(bool last) {
    if (exports_.add_uploader(config_)) hook_again();
    add_live_view(true);
    const profile window = pieces_.complete(close(true));
    exports_.count(window);
    loss_warnings_.look_at(window.lost, config_);
    if (window.samples.empty() && !(last && !exports_.sent_anything())) return true;  // it says nothing, except as the only one: then the files should exist
    return exports_.send(window);
  }

  /// True where it is delivered, and all before it.
  bool last_window() noexcept {
    platform::lock_guard hold(export_lock_);
    PYRO_TRY {
      const bool sent = close_and_send(true);
      // A little is kept for the end itself: whoever waits for it should not have to give up.
      const std::int64_t left = core::load_acquire(stop_deadline_ns_) - platform::monotonic_ns();
      const bool flushed = exports_.flush(in(left - std::min<std::int64_t>(left / 5, 100000000)));
      exports_.finish();
      return sent && flushed;
    }
    PYRO_CATCH_ALL { log_.say(log_level::error, "the last window is lost: out of memory"); }
    return false;
  }

  void work() noexcept {
    std::int64_t next = next_boundary();
    for (;;) {
      // At most a second at a time: the wall clock may be set back or forth.
      const std::int64_t left = next - platform::wall_ns();
      worker_wake_.wait(std::max<std::int64_t>(0, std::min<std::int64_t>(left, exports_.awaits_live_view() ? 50000000 : 1000000000)));
      const bool stopping = core::load_acquire(stop_wanted_);
      const auto [ticket, until] = flushes_.pending();
      const std::int64_t now = platform::wall_ns();
      if (stopping) return flushes_.answer(ticket, last_window());
      const bool whole = ticket != 0 || now >= next || next - now > window_ns();
      if (!whole && !pieces_.wanted() && !exports_.awaits_live_view()) continue;
      if (whole) next = next_boundary();
      platform::lock_guard hold(export_lock_);
      PYRO_TRY {
        if (!whole) {
          add_live_view(false);
          if (pieces_.wanted()) pieces_.keep(close(false));
          continue;
        }
        const bool sent = close_and_send(false);
        if (ticket != 0) flushes_.answer(ticket, exports_.flush(in(until - platform::monotonic_ns())) && sent);
      }
      PYRO_CATCH_ALL { log_.say(log_level::error, "a window is lost: out of memory"); }
    }
  }

  void pump() noexcept {
    std::int64_t next = platform::monotonic_ns() + 100000000;
    for (unsigned round = 0; !core::load_acquire(stop_wanted_);) {
      if (!pump_wake_.wait(std::min(next - platform::monotonic_ns(), collector_.look())) && platform::monotonic_ns() < next) continue;
      next = platform::monotonic_ns() + 100000000;
      collector_.drain();
      if (registry_.follow_modules_in_turn()) collector_.see_modules();
      registry_.discover();
      if (round++ % 10 == 0) registry_.reap();
      watch_engine();
      if (signals_.take_toggle()) core::load_relaxed(paused_) ? resume() : pause();
      if (const int number = signals_.ending()) {
        stop();
        return program_signals::end_program(number);
      }
    }
  }

  // ---- fork ----

  void before_fork() noexcept {
    collector_.fork_lock().lock();
    registry_.before_fork();
  }
  void after_fork() noexcept {
    registry_.after_fork();
    collector_.fork_lock().unlock();
  }

  /// Plain stores alone: the child may be about to exec. It starts anew at its next scope, if that comes.
  void after_fork_in_child() noexcept {
    registry_.after_fork_in_child();
    collector_.fork_lock().unlock();
    platform::own_threads::forget();
    new (&export_lock_) platform::mutex();
    engine_.after_fork();
    pieces_.abandon();
    restarting_ = 0;
    log_.after_fork();
    pump_.forget();
    worker_.forget();
    signals_.forget();
    new (&flushes_) flush_requests();
    exports_.abandon();
    inherited_ = true;
    // Whatever the parent was about to do (start, stop), it goes on there. Here only a profiler that ran can run again.
    const run_state_type now = state_.load();
    state_.set(now == run_state::running || now == run_state::forked ? run_state::forked : run_state::off);
    if (state_.load() == run_state::off) leave_exporters_to_parent();
    // The parent may have been about to pause or resume in another thread: what it had decided holds.
    publish(state_.load() == run_state::off || core::load_relaxed(paused_) ? nullptr : &table());
  }

  bool is_on() noexcept { return state_.load() == run_state::running || come_back(state_.load()); }

  /// In a forked child: the program's own exporters are its parent's, not even destroyed here.
  void leave_exporters_to_parent() noexcept { new (&config_.exporters) std::vector<std::shared_ptr<exporter>>(); }

  /// Not running: in a forked child that was, the first scope starts anew, and those of other threads wait for that; not for long, since
  /// it may be waiting for a lock of the program's in a log callback.
  bool come_back(run_state_type now) noexcept {
    if (now == run_state::forked && restart_in_child()) return true;
    // Not for the thread that starts it: its own scopes, inside operator new perhaps.
    state_.wait_while(run_state::starting, 100000000, [this] { return core::load_acquire(restarting_) != platform::thread_id(); });
    return state_.load() == run_state::running;
  }

  void forget_parent() noexcept { if (std::exchange(inherited_, false)) collector_.restart_in_child([this] { registry_.restart_in_child(); }); }

  bool restart_in_child() noexcept {
    if (!state_.change(run_state::forked, run_state::starting)) return false;
    core::store_release(restarting_, platform::thread_id());
    PYRO_TRY {
      forget_parent();
      std::vector<std::shared_ptr<exporter>> kept;
      for (const auto& own : config_.exporters)
        if (own != nullptr && own->after_fork()) kept.push_back(own);
      new (&config_.exporters) std::vector<std::shared_ptr<exporter>>(std::move(kept));
      config_.outputs = outputs_of_child(config_.outputs);
      config_.serve_address.clear();  // the parent's
      exports_.replace(config_);
      meter_.start();
      begin_sampling();
      start_threads();
      if (core::load_relaxed(paused_)) registry_.set_period(0);
    }
    PYRO_CATCH_ALL {}
    state_.set(run_state::running);
    core::store_release(restarting_, 0);
    return true;
  }

  std::int64_t period_ns() const noexcept { return 1000000000 / core::load_relaxed(sample_rate_); }
  std::int64_t window_ns() const noexcept { return std::chrono::nanoseconds(config_.window).count(); }
  std::int64_t exit_timeout_ns() const noexcept { return std::chrono::nanoseconds(config_.exit_timeout).count(); }
  std::int64_t own_cpu_ns() noexcept { return pump_.cpu_ns() + worker_.cpu_ns() + exports_.cpu_ns(); }
  static std::chrono::steady_clock::time_point in(std::int64_t ns) noexcept { return std::chrono::steady_clock::now() + std::chrono::nanoseconds(ns); }
  std::int64_t next_boundary() const noexcept { return (platform::wall_ns() / window_ns() + 1) * window_ns(); }

  static inline runtime* entered_ = nullptr;  ///< for hooks and handlers, which must not take a static's guard

  detail::logger log_;
  config config_;
  registry registry_;
  collector collector_;
  exports exports_;
  loss_warnings loss_warnings_;
  background_thread pump_;
  background_thread worker_;
  platform::event pump_wake_, worker_wake_;
  flush_requests flushes_;
  program_signals signals_;
  platform::mutex export_lock_;
  run_state_cell state_;
  engine_note engine_;
  engine_watch watch_{registry_, engine_, log_};
  window_meter meter_;
  window_pieces pieces_;
  int sample_rate_ = 100;
  pid_t restarting_ = 0;          ///< the thread that starts anew in a forked child
  std::int64_t stop_deadline_ns_ = 0;
  bool stop_wanted_ = false, paused_ = false, from_environment_ = false, hooked_ = false, hooked_again_ = false;
  bool inherited_ = false;  ///< trees and threads are those of the parent of this forked process
};

}  // namespace collect
}  // namespace pyro
