#pragma once
// What the sampler knows of a thread: its slot, its ring of samples, its timer. Type-stable: reused for other threads, never unmapped,
// so that a late signal meets valid memory; the generation tells it that it is late.

#include <pyro/core/ring.hpp>
#include <pyro/core/slot.hpp>
#include <pyro/platform/system.hpp>

#include <time.h>  // timer_t

namespace pyro {
namespace sampling PYRO_HIDDEN {

/// A sample in the ring: where the thread stood, and how much CPU time that stands for.
struct record {
  static constexpr std::size_t words = 3;
  std::uint32_t weight;   ///< expiries of the timer: 1 + overruns
  std::int64_t cpu_ns;    ///< weight × period
  std::uintptr_t at;      ///< entry::at of the innermost live entry

  void store(std::uint64_t (&out)[words]) const noexcept {
    out[0] = weight;
    out[1] = static_cast<std::uint64_t>(cpu_ns);
    out[2] = at;
  }
  static record load(const std::uint64_t (&in)[words]) noexcept {
    return {static_cast<std::uint32_t>(in[0]), static_cast<std::int64_t>(in[1]), static_cast<std::uintptr_t>(in[2])};
  }
};

// 341 samples: 3.4 s at 100 Hz while the pump, which drains ten times a second, gets no CPU.
using sample_ring = core::word_ring<1024>;

struct thread : core::slot {
  sample_ring samples;
  std::uint64_t lost_ring_full;   ///< written by the handler, in expiries
  platform::stack_range stack_bounds;
  std::uint32_t index;            ///< place in the registry's table
  std::uint32_t generation;       ///< changes whenever the slot passes to another thread
  pid_t tid;
  bool has_timer;
  timer_t timer;
  std::int64_t first_expiry_ns;   ///< on the thread's CPU clock
  std::uint64_t delivered;        ///< expiries since then; written by the handler

  /// The innermost entry that is alive where the stack pointer is `sp`. Entries below it were left by longjmp; only addresses within
  /// the thread's own stack can be compared (a coroutine or signal stack may lie anywhere). Signal safe.
  core::entry* live_top(core::entry* from, std::uintptr_t sp) const noexcept {
    if (!stack_bounds.contains(sp)) return from;
    while (from > stack && core::load_relaxed(from->sp) < sp && stack_bounds.contains(core::load_relaxed(from->sp))) --from;
    return from;
  }

  /// Writes a sample taken where the stack pointer was `sp`. Signal safe; runs in the thread itself.
  void take_sample(std::uint32_t weight, std::int64_t period_ns, std::uintptr_t sp) noexcept {
    const core::entry* entry = live_top(core::load_relaxed(top), sp);
    core::add_single_writer(delivered, weight);
    write(weight, period_ns, core::load_relaxed(entry->at));
  }

  /// Signal safe; the thread itself alone, with no handler of ours under way.
  void write(std::uint32_t weight, std::int64_t period_ns, std::uintptr_t at) noexcept {
    std::uint64_t words[record::words];
    record{weight, weight * period_ns, at}.store(words);
    if (!samples.push(words, record::words)) core::add_single_writer(lost_ring_full, weight);
  }
};

}  // namespace sampling
}  // namespace pyro
