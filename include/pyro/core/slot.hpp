#pragma once
// A thread's slot: the hot half of what pyro knows about a thread. The profiler that leads the process owns it (type-stable: reused,
// never unmapped); every module's thread-local pointer is a cache of it.
//
//   slot.top ─► entry {node, stack pointer}     the innermost open scope or tag; the entry below it is the one around it
//   node     ─► parent ─► … ─► root             the path: all scopes and tags around, so one pointer says a thread's whole context
//   slot.cache[hash(parent, site)] ─► node      the way from a node to its child, when it was gone before
//
// One writer, the thread itself. Read by its signal handler (same thread) and by the collector (other threads: atomics).

#include <pyro/core/site.hpp>

#include <cstddef>  // size_t

namespace pyro::core {

/// An interned text that several nodes share: a tag's value or a dynamic name. `size` bytes follow, then a NUL.
struct text {
  std::uint64_t hash;
  text* next;          ///< chain in the intern table
  const char* key;     ///< tag key, or nullptr for a dynamic scope name
  std::uint32_t size;
  std::uint32_t references;
  const char* data() const noexcept { return reinterpret_cast<const char*>(this + 1); }
  char* data() noexcept { return reinterpret_cast<char*>(this + 1); }
};

/// A scope or tag reached by one path. Never moves; freed only after its thread is gone or has left the tree, and is drained.
/// First cache line: what the hot path touches. Second: look-up on the slow path and the collector's own sums.
struct alignas(64) node {
  node* parent;
  const site* where;        ///< nullptr for the root
  std::uint64_t calls;      ///< cumulative, single writer; the collector takes differences
  const text* value;        ///< tag value or dynamic name; nullptr for plain scopes
  const char* literal;      ///< address of a tag's literal, where it came as one
  std::uint64_t other;      ///< calls below this node that found no room: `[other]`; cumulative
  node* children;           ///< root of a trie over `hash`
  std::uint32_t hash;       ///< of (site, value) among the parent's children
  std::uint16_t depth;      ///< of the root: 0
  std::uint16_t idle;       ///< collector: windows without a call or a sample

  node* link[2];            ///< trie: next node by the next bit of the hash
  node* next;               ///< all nodes of the tree, newest first
  std::uint64_t seen_calls; ///< collector: value at the last window's end
  std::uint64_t seen_other;
  std::int64_t cpu_ns;      ///< collector: sampled CPU time of this window, here and in `[other]` below
  std::int64_t other_cpu_ns;
  std::uint32_t samples;
  std::uint32_t other_samples;
};
static_assert(sizeof(node) == 128, "a node is two cache lines");

/// An open scope or tag. Where there was no room for a node the lowest bit of `at` is set: "in `[other]` below this node".
struct entry {
  std::uintptr_t at;  ///< node*, perhaps | 1
  std::uintptr_t sp;  ///< stack pointer at entry; an entry whose sp lies below the current one is dead (longjmp)
};

inline constexpr std::size_t max_depth = 1024;     ///< open scopes and tags of a thread; deeper ones go to `[other]`
inline constexpr std::size_t cache_sets = 256;   ///< two places each, so that two paths that meet in one hash do not push each other out
inline constexpr std::uintptr_t in_other = 1;

struct slot {
  entry* top;
  std::size_t value_limit;      ///< longest tag value in bytes; longer ones are cut
  node* cache[cache_sets * 2];      ///< never null: empty places hold `no_node`
  node no_node;                 ///< matches nothing
  entry stack[max_depth + 2];   ///< [0] is the root's; one above the deepest for `[other]`
};

/// What a scope keeps to undo itself. Null slot: nothing to undo.
struct position {
  slot* in;
  entry* top;
};

}  // namespace pyro::core
