#pragma once
// All that pyro knows of a thread, and what was lost of threads that are no more.

#include <pyro/collect/call_tree.hpp>
#include <pyro/sample/thread.hpp>

namespace pyro {
namespace collect PYRO_HIDDEN {

// Constants, not an enum: clang++'s atomic builtins take integers and pointers alone.
using thread_stage_type = std::uint32_t;
namespace thread_stage {
inline constexpr thread_stage_type free = 0, live = 1, gone = 2;
}

/// All that pyro knows of a thread.
struct thread_state : sampling::thread {
  static constexpr std::size_t max_modules = 32;
  static constexpr std::size_t max_name = 64;

  thread_stage_type stage;
  call_tree* tree;                     ///< the tree in use; written by the thread
  call_tree* left_trees;               ///< trees that the thread has left; pushed by the thread, taken by the collector
  core::slot** cached[max_modules];    ///< the modules' thread-local pointers to this slot
  std::uint32_t cached_count;
  char name[max_name];                 ///< under the registry's lock
  std::uint64_t lost_budget;           ///< calls; each counter has one writer, the thread
  std::uint64_t lost_tag_values;
  std::uint64_t tag_cut;
  thread_state* next_free;
};

/// Losses that belong to no live thread; written by several.
struct shared_losses {
  std::uint64_t no_slot = 0;        ///< threads
  std::uint64_t timer_failed = 0;   ///< threads
  std::uint64_t ring_full = 0;      ///< of threads that are gone, like the next three
  std::uint64_t budget = 0;
  std::uint64_t tag_values = 0;
  std::uint64_t tag_cut = 0;
};

}  // namespace collect
}  // namespace pyro
