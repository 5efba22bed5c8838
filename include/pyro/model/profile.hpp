#pragma once
// The profile: what one window (or a merged run of windows) measured, as plain data.
//
// A profile owns everything it refers to and knows nothing of threads, trees or files. All references are indices into its own
// tables, so that it can be copied, moved between threads and merged. Build one with `profile_builder` (model/builder.hpp).
// Thread safety: that of a std::vector. Signal safety: none.

#include <cstddef>   // size_t
#include <cstdint>   // fixed-width integers
#include <string>    // owned text
#include <utility>   // pair
#include <vector>    // tables

namespace pyro {

/// Index of a text in `profile::strings`; 0 is always the empty string.
using string_index = std::uint32_t;

/// What one column of values means, such as {"cpu", "nanoseconds"}. Type and unit are pprof's (profile.proto, ValueType).
struct value_type {
  std::string type;
  std::string unit;
};

/// A loaded module. Addresses are those of the running process; `build_id` is lower-case hex, empty where the module has none.
struct mapping {
  std::uint64_t memory_start = 0;
  std::uint64_t memory_limit = 0;
  std::uint64_t file_offset = 0;
  string_index filename = 0;
  string_index build_id = 0;
};

/// A named place in the source. `name` is for people (demangled, qualified), `system_name` for linkers.
struct function {
  string_index name = 0;
  string_index system_name = 0;
  string_index file = 0;
  std::int64_t start_line = 0;
};

enum class frame_kind : std::uint8_t {
  scope,      ///< entered through PYRO_SCOPE
  native,     ///< found by unwinding
  synthetic,  ///< made by pyro: `[no scope]`, `[other]`
};

/// One step of a stack. `mapping` is an index into `profile::mappings` (a profile has at least one).
struct frame {
  std::uint32_t function = 0;
  std::uint32_t mapping = 0;
  std::uint64_t address = 0;
  std::int64_t line = 0;
  frame_kind kind = frame_kind::scope;
};

inline constexpr std::uint32_t no_stack = 0xffffffffU;

/// Stacks form a prefix tree: a stack is its innermost frame on top of another stack. A parent has a lower index than its
/// children.
struct stack {
  std::uint32_t parent = no_stack;
  std::uint32_t frame = 0;
};

struct label {
  string_index key = 0;
  string_index value = 0;
};

/// Labels of a sample, sorted by the text of the key, each key once.
using label_set = std::vector<label>;

/// One row: a stack under a label set. Its values are `profile::values[row * sample_types.size() + column]`.
struct sample {
  std::uint32_t stack = no_stack;
  std::uint32_t labels = 0;
};

/// What was measured and did not reach this profile, by cause. Counts are of this window alone.
struct losses {
  std::uint64_t ring_full = 0;         ///< samples: the thread's sample ring had no room
  std::uint64_t foreign_signal = 0;    ///< samples: the timer signal carried no valid cookie (slot gone)
  std::uint64_t handler_replaced = 0;  ///< windows in which another SIGPROF handler had replaced ours
  std::uint64_t timer_failed = 0;      ///< threads that got no timer (limit, seccomp, kernel)
  std::uint64_t budget = 0;            ///< calls sent to `[other]`: byte budget or depth
  std::uint64_t tag_values = 0;        ///< tag values replaced by `[other]`: too many values of a key
  std::uint64_t tag_cut = 0;           ///< tag values cut to the longest length allowed
  std::uint64_t threads = 0;           ///< threads that got no slot
  std::uint64_t stacks = 0;            ///< rows folded into `[other]` while merging windows
};

/// How far the native frames of samples reach, in expiries of the timer; all 0 where none were walked. Samples whose walk ended early have the
/// frame `[truncated]` at their root side.
struct native_stacks {
  std::uint64_t complete = 0;       ///< to the thread's first function
  std::uint64_t no_rows = 0;        ///< a frame without unwind information: code made at run time, a module just loaded
  std::uint64_t out_of_bounds = 0;  ///< a frame that is not on the thread's stack, or does not make sense
  std::uint64_t too_deep = 0;       ///< more than 512 frames
  std::uint64_t guessed = 0;        ///< of all: by a frame pointer where there is no unwind information; likely right, not surely
  std::uint64_t by_order = 0;       ///< of all: with scopes entered on another stack (coroutine, signal), placed by their order alone
};

/// What profiling cost in this window.
struct own_cost {
  std::int64_t cpu_ns = 0;             ///< CPU time of pyro's own threads
  std::uint64_t memory_bytes = 0;      ///< memory held for call trees, rings and slots at the end of the window
};

/// a + b, at most and at least what fits: foreign files may hold anything.
constexpr std::int64_t add_values(std::int64_t a, std::int64_t b) noexcept {
  if (b > 0) return a > INT64_MAX - b ? INT64_MAX : a + b;
  return a < INT64_MIN - b ? INT64_MIN : a + b;
}

struct profile {
  std::string application;                        ///< the service's name
  std::vector<std::pair<std::string, std::string>> static_tags;  ///< tags of the whole process, sorted by key
  std::string engine;                             ///< what took the samples, such as "thread_timers"
  std::int64_t time_ns = 0;                       ///< begin of the window, nanoseconds since the Unix epoch
  std::int64_t duration_ns = 0;                   ///< length of the window, monotonic
  value_type period_type{"cpu", "nanoseconds"};
  std::int64_t period = 0;                        ///< sampling period in `period_type`'s unit
  std::vector<value_type> sample_types;           ///< columns; the last one is the default
  std::vector<std::string> strings{std::string()};
  std::vector<mapping> mappings;
  std::vector<function> functions;
  std::vector<frame> frames;
  std::vector<stack> stacks;
  std::vector<label_set> label_sets;
  std::vector<sample> samples;
  std::vector<std::int64_t> values;
  losses lost;
  native_stacks native;
  own_cost cost;
  std::vector<std::string> comments;              ///< what a file that was read says for people; pyro's own profiles have none

  const std::string& text(string_index i) const noexcept { return strings[i]; }
  const std::int64_t* values_of(std::size_t row) const noexcept { return values.data() + row * sample_types.size(); }

  /// Column of a sample type by name, or -1.
  int column(const char* type) const noexcept {
    for (std::size_t i = 0; i < sample_types.size(); ++i)
      if (sample_types[i].type == type) return static_cast<int>(i);
    return -1;
  }

  /// Sum of a column over all rows.
  std::int64_t total(std::size_t column) const noexcept {
    std::int64_t sum = 0;
    for (std::size_t row = 0; row < samples.size(); ++row) sum = add_values(sum, values_of(row)[column]);
    return sum;
  }
};

}  // namespace pyro
