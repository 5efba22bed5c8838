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

/// How far native stacks reach: "99.8 % complete, truncated: 3 samples (no unwind information)"; empty where none were walked.
inline std::string format_native(const native_stacks& n) {
  const std::uint64_t truncated = n.no_rows + n.out_of_bounds + n.too_deep;
  const std::uint64_t all = n.complete + truncated;
  if (all == 0) return {};
  const auto samples = [](std::uint64_t count, const char* why) {
    return count == 0 ? std::string() : ", " + format_count(static_cast<std::int64_t>(count)) + (count == 1 ? " sample (" : " samples (") + why + ")";
  };
  const std::uint64_t tenths = n.complete * 1000 / all;  // rounded down: 100 % means all
  std::string out = std::to_string(tenths / 10) + (tenths % 10 != 0 ? "." + std::to_string(tenths % 10) : "") + " % complete";
  if (truncated != 0) {
    const std::string why = samples(n.no_rows, "no unwind information") + samples(n.out_of_bounds, "the stack's end not known, or left") + samples(n.too_deep, "more than 512 frames");
    out += ", truncated: " + why.substr(2);
  }
  return out + samples(n.guessed, "by frame pointers, where there is no unwind information") + samples(n.by_order, "scopes of other stacks, placed by order");
}

}  // namespace pyro::detail
