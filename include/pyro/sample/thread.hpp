#pragma once
// What the sampler knows of a thread: its slot, its ring of samples, its timer. Type-stable: reused for other threads, never unmapped,
// so that a late signal meets valid memory; the generation tells it that it is late.

#include <pyro/core/slot.hpp>
#include <pyro/platform/system.hpp>
#include <pyro/platform/system_call.hpp>
#include <pyro/sample/merge_stack.hpp>
#include <pyro/sample/record.hpp>
#include <pyro/sample/unwind_table.hpp>
#include <pyro/sample/walk_off_stack.hpp>

#include <time.h>  // timer_t

namespace pyro {
namespace sampling PYRO_HIDDEN {

/// What the observer keeps of a thread; under the registry's lock.
struct watched {
  std::int64_t clock_ns;    ///< the thread's CPU clock at the last look
  std::int64_t counted_ns;  ///< CPU time up to here is in `owed_ns`; negative while none is counted
  std::int64_t owed_ns;     ///< spent, and in no profile yet
  std::int64_t weight_ns;   ///< what looks have given to nodes since; under the collector's lock
  std::uint32_t place;      ///< in the list of those that are looked at
  std::uint8_t quiet;       ///< looks in a row that found it asleep
  bool listed;
};

struct thread : core::slot {
  sample_ring samples;
  std::uint64_t lost_ring_full;   ///< written by the handler, in expiries
  platform::stack_range stack_bounds;  ///< empty while unknown: of threads that are timed from outside
  std::uintptr_t seen_sp, seen_thread_pointer;  ///< written by the handler while the bounds are unknown; the pump finds them by these
  std::uint32_t stack_attempts;   ///< of the pump, to find them
  hazard_cell walking;            ///< the unwind tables that the handler reads just now
  row_cache rows;                 ///< of these tables; written by the handler
  std::uint32_t index;            ///< place in the registry's table
  std::uint32_t generation;       ///< changes whenever the slot passes to another thread
  pid_t tid;
  bool has_timer;
  timer_t timer;
  std::int64_t first_expiry_ns;   ///< on the thread's CPU clock
  std::uint64_t delivered;        ///< expiries since then; written by the handler
  watched watch;
  alignas(8) unsigned char copy[copied_loader::most];  ///< of a stack that is not the thread's own; untouched where there is none

  /// The stack's bounds, which the pump may just be about to find: the high end, which it writes last, is looked at first. Signal safe.
  platform::stack_range bounds() const noexcept {
    const std::uintptr_t high = core::load_acquire(stack_bounds.high);
    return high != 0 ? platform::stack_range{core::load_relaxed(stack_bounds.low), high} : platform::stack_range{};
  }

  /// The innermost entry that is alive where the stack pointer is `sp`. Entries below it were left by longjmp; only addresses within
  /// the thread's own stack can be compared (a coroutine or signal stack may lie anywhere). Signal safe.
  core::entry* live_top(core::entry* from, std::uintptr_t sp) const noexcept {
    const platform::stack_range own = bounds();
    if (!own.contains(sp)) return from;
    while (from > stack && core::load_relaxed(from->sp) < sp && own.contains(core::load_relaxed(from->sp))) --from;
    return from;
  }

  /// Writes a sample taken where the handler's `context` says. `tables`: null where no native frames are wanted. Signal safe; runs in the
  /// thread itself.
  void take_sample(std::uint32_t weight, std::int64_t period_ns, const void* context, const unwind_tables* tables) noexcept {
    const machine_state machine = state_of(context);
    const core::entry* entry = live_top(core::load_relaxed(top), machine.sp);
    core::add_single_writer(delivered, weight);
    record r;
    r.weight = weight;
    r.cpu_ns = weight * period_ns;
    r.at = core::load_relaxed(entry->at);
    r.entries = static_cast<std::uint32_t>(entry - stack);
    if (tables != nullptr && core::load_relaxed(stack_bounds.high) == 0) {
      core::store_relaxed(seen_thread_pointer, platform::thread_pointer());
      core::store_release(seen_sp, machine.sp);
    }
    const bool fits = tables == nullptr ? write(r) : write_merged(*tables, machine, r, entry);
    if (!fits) core::add_single_writer(lost_ring_full, weight);
  }

  /// CPU time without native frames. Signal safe; the thread itself alone, with no handler of ours under way.
  void write_settled(std::uint32_t weight, std::int64_t period_ns, std::uintptr_t at) noexcept {
    record r;
    r.weight = weight;
    r.cpu_ns = weight * period_ns;
    r.at = at;
    if (!write(r)) core::add_single_writer(lost_ring_full, weight);
  }

 private:
  void put_head(const record& r) noexcept {
    samples.put(0, r.first_word());
    samples.put(1, static_cast<std::uint64_t>(r.cpu_ns));
    samples.put(2, r.at);
  }

  bool write(const record& r) noexcept {
    if (samples.room() < record::head_words) return false;
    put_head(r);
    samples.commit(record::head_words);
    return true;
  }

  /// Frames go straight into the ring: the handler has no room for them on the program's stack (R2).
  bool write_merged(const unwind_tables& tables, const machine_state& machine, record& r, const core::entry* innermost) noexcept {
    const std::size_t room = samples.room();
    if (room < record::head_words + 1) return false;
    const std::size_t most = room - record::head_words < record::max_frames ? room - record::head_words : record::max_frames;
    const platform::stack_range own = bounds();
    stack_merger merger(stack, innermost, own, machine.sp);
    std::size_t frames = 0;
    const auto put = [&](std::uintptr_t pc, std::uintptr_t cfa, bool is_return_address) {
      native_frame f;
      f.address = is_return_address ? pc - 1 : pc;
      f.scopes = merger.claim(cfa);
      samples.put(record::head_words + frames++, f.word());
      return true;
    };
    walk_result result{walk_end::no_rows, false};
    const unwind_guard snapshot(tables, walking);
    if (!snapshot) put(machine.pc, 0, false);
    else if (own.contains(machine.sp)) result = walk(*snapshot, machine, own, static_cast<unsigned>(most), put, &rows);
    else result = walk_off_stack(*snapshot, machine, own, static_cast<unsigned>(most), copy, sizeof copy, put);
    const walk_end end = result.end;
    // What stopped for want of room in the ring, not for depth, is lost as a whole: a stack cut at random would mislead.
    if (end == walk_end::too_deep && most < record::max_frames) return false;
    r.frames = static_cast<std::uint32_t>(frames);
    r.end = static_cast<std::uint8_t>(end);
    r.by_order = merger.by_order();
    r.guessed = result.guessed;
    put_head(r);
    samples.commit(r.words());
    return true;
  }
};

}  // namespace sampling
}  // namespace pyro
