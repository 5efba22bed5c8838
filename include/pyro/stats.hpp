#pragma once
// What the profiler says of itself. Plain data.

#include <pyro/model/profile.hpp>

#include <cstddef>  // size_t
#include <cstdint>  // fixed-width integers
#include <string>

namespace pyro {

/// Sums since `configure`. samples_produced = exported + queued + dropped + uncertain + open + lost.ring_full,
/// always.
struct stats {
  bool running = false;
  bool paused = false;
  std::string engine;                   ///< what takes samples; "none" where it was refused
  std::string engine_refused;           ///< why, where it was
  int sample_rate = 0;                  ///< samples a second of CPU time
  std::uint64_t looks = 0;              ///< engine observer: at a thread, each
  std::uint64_t looks_skipped = 0;      ///< the same: threads that a round left out for want of time (looks take at most 0.5 % of a core)
  std::size_t threads = 0;              ///< threads that have a slot now
  std::uint64_t calls = 0;              ///< scopes entered, up to the last window's end
  std::uint64_t samples_produced = 0;   ///< weights included: one for each period of CPU time
  double share_error = 0;               ///< percentage points: a share of one half of all of them is that near to the truth 19 times of 20; smaller ones
                                        ///< nearer. For their number alone: docs/accuracy.md. 0 without samples
  std::uint64_t samples_exported = 0;   ///< delivered by every exporter
  std::uint64_t samples_queued = 0;     ///< held by an exporter: under way, or to be tried again
  std::uint64_t samples_dropped = 0;    ///< lost by an exporter
  std::uint64_t samples_uncertain = 0;  ///< sent, and no answer said what became of them
  std::uint64_t samples_open = 0;       ///< in the window that is not closed yet
  std::uint64_t windows = 0;            ///< closed and handed to the exporters
  std::uint64_t export_failures = 0;
  losses lost;                          ///< up to the last window's end
  native_stacks native;                 ///< the same
  std::size_t unwind_table_bytes = 0;   ///< of all modules
  std::size_t modules_without_tables = 0;  ///< their stacks can't be walked: they have none, or there was no room
  std::int64_t own_cpu_ns = 0;          ///< CPU time of pyro's own threads
  std::size_t memory_bytes = 0;         ///< call trees, texts, slots, rings
};

}  // namespace pyro
