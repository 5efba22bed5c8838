#pragma once
// The loss ledger in words, only what is not zero; and back. Pure, any thread.

#include <pyro/encode/units.hpp>
#include <pyro/model/profile.hpp>

#include <cstdint>      // counts
#include <string>       // results
#include <string_view>  // what was written

namespace pyro::detail {

struct loss_cause {
  std::uint64_t losses::*count;
  const char* one;
  const char* many;
  const char* why;
};

inline constexpr loss_cause loss_causes[] = {{&losses::ring_full, "sample", "samples", "ring full"},
                                             {&losses::foreign_signal, "signal", "signals", "not of a thread we time"},
                                             {&losses::handler_replaced, "window", "windows", "another SIGPROF handler"},
                                             {&losses::timer_failed, "thread", "threads", "no timer"},
                                             {&losses::threads, "thread", "threads", "no slot"},
                                             {&losses::budget, "call", "calls", "to [other]: memory budget or depth"},
                                             {&losses::tag_values, "tag value", "tag values", "to [other]: too many of a key"},
                                             {&losses::tag_cut, "tag value", "tag values", "cut: too long"},
                                             {&losses::stacks, "row", "rows", "to [other]: the run is full"}};

/// "3 samples (ring full), 2 threads (no timer)"; empty where nothing was lost.
inline std::string format_losses(const losses& lost) {
  std::string out;
  for (const loss_cause& c : loss_causes) {
    const std::uint64_t count = lost.*c.count;
    if (count == 0) continue;
    if (!out.empty()) out += ", ";
    out += format_count(static_cast<std::int64_t>(count)) + " " + (count == 1 ? c.one : c.many) + " (" + c.why + ")";
  }
  return out;
}

/// Adds what `format_losses` has written to `lost`; false, and nothing added, where `text` is something else.
inline bool parse_losses(std::string_view text, losses& lost) {
  losses read;
  while (!text.empty()) {
    std::uint64_t count = 0;
    std::size_t at = 0;
    for (; at < text.size() && ((text[at] >= '0' && text[at] <= '9') || text[at] == ','); ++at) {
      if (text[at] == ',') continue;
      if (count > (UINT64_MAX >> 1U) / 10) return false;
      count = count * 10 + static_cast<std::uint64_t>(text[at] - '0');
    }
    if (at == 0) return false;
    text.remove_prefix(at);
    bool known = false;
    for (const loss_cause& c : loss_causes) {
      const std::string words = std::string(" ") + (count == 1 ? c.one : c.many) + " (" + c.why + ")";
      if (text.substr(0, words.size()) != words) continue;
      read.*c.count += count;
      text.remove_prefix(words.size());
      known = true;
      break;
    }
    if (!known) return false;
    if (text.empty()) break;
    if (text.substr(0, 2) != ", " || text.size() == 2) return false;
    text.remove_prefix(2);
  }
  for (const loss_cause& c : loss_causes)
    lost.*c.count = read.*c.count > UINT64_MAX - lost.*c.count ? UINT64_MAX : lost.*c.count + read.*c.count;
  return true;
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
