#pragma once
// Says once a run, for each cause, that something is lost, and which setting helps. Counts are in every profile and in `stats`. The worker.

#include <pyro/logger.hpp>

#include <string>

namespace pyro {
namespace collect PYRO_HIDDEN {

class loss_warnings {
 public:
  explicit loss_warnings(detail::logger& log) noexcept : log_(log) {}

  void start_run() noexcept { told_ = 0; }

  void look_at(const losses& window, const config& set) {
    unsigned cause = 0;
    const auto tell = [&](std::uint64_t count, auto&& message) {
      const unsigned bit = 1U << cause++;
      if (count == 0 || (told_ & bit) != 0) return;
      told_ |= bit;
      log_(log_level::warning, message());
    };
    const auto text = [](const std::string& s) { return [s] { return s; }; };
    tell(window.ring_full, text("samples are lost: a thread's ring was full before the pump came to it, the machine has too little CPU; a lower sample_rate helps"));
    tell(window.timer_failed, text("threads run without a CPU timer: the system refused one (the limit of pending signals, ulimit -i, or seccomp); their scopes are counted, not sampled"));
    tell(window.threads, text("threads are not profiled: there is no room for them (16,384 at once, or max_memory)"));
    tell(window.budget, [&] {
      return "calls go to [other]: max_memory (" + std::to_string(set.max_memory >> 10) + " KiB) is used up, or scopes nest deeper than 1,024; raise PYRO_MAX_MEMORY, or use fewer values in tags and dynamic names";
    });
    tell(window.tag_values, [&] {
      return "values of a tag, or dynamic names, become [other]: there are more than max_tag_values (" + std::to_string(set.max_tag_values) + ") of a key; raise PYRO_MAX_TAG_VALUES, or tag with something that has fewer values";
    });
    tell(window.tag_cut, [&] {
      return "values of a tag, or dynamic names, are cut: they are longer than max_tag_length (" + std::to_string(set.max_tag_length) + " bytes); raise PYRO_MAX_TAG_LENGTH";
    });
  }

 private:
  detail::logger& log_;
  unsigned told_ = 0;  ///< a bit a cause
};

}  // namespace collect
}  // namespace pyro
