#pragma once
// The loss ledger in words, only what is not zero. Pure, any thread.

#include <pyro/encode/units.hpp>
#include <pyro/model/profile.hpp>

#include <string>  // results

namespace pyro::detail {

/// "3 samples (ring full), 2 threads (no timer)"; empty where nothing was lost.
inline std::string format_losses(const losses& lost) {
  struct cause {
    std::uint64_t count;
    const char* one;
    const char* many;
    const char* why;
  };
  const cause causes[] = {{lost.ring_full, "sample", "samples", "ring full"},
                          {lost.foreign_signal, "signal", "signals", "not of a thread we time"},
                          {lost.handler_replaced, "window", "windows", "another SIGPROF handler"},
                          {lost.timer_failed, "thread", "threads", "no timer"},
                          {lost.threads, "thread", "threads", "no slot"},
                          {lost.budget, "call", "calls", "to [other]: memory budget or depth"},
                          {lost.tag_values, "tag value", "tag values", "to [other]: too many of a key"},
                          {lost.tag_cut, "tag value", "tag values", "cut: too long"},
                          {lost.stacks, "row", "rows", "to [other]: the run is full"}};
  std::string out;
  for (const cause& c : causes) {
    if (c.count == 0) continue;
    if (!out.empty()) out += ", ";
    out += format_count(static_cast<std::int64_t>(c.count)) + " " + (c.count == 1 ? c.one : c.many) + " (" + c.why + ")";
  }
  return out;
}

}  // namespace pyro::detail
