#pragma once
// Places where CPU time is burnt, each with the stack that is true there: from the thread's first function to the leaf, written by hand.
//
//   name      a native frame of this function
//   [name]    a scope
//   ![name]   what pyro makes: ![truncated]; [unknown] is a native frame that is in no module
//   =name     one frame of this name, native or scope: a scope named after the function that it stands in, wherever that was inlined
//   ?[name]   a scope, or none: where C++ has no rule (longjmp over a scope)
//   ~text     one frame whose name has this in it
//   ?name     a native frame of this function, or none: inlined, or gone by a tail call
//   *         native frames of libraries, any number
//
// Behind the last one only burning::more and what it calls may follow. A sample taken on the way there or back may see the first part alone.

namespace burning {

inline constexpr long milliseconds = 40;  ///< at each place

void begin() noexcept;  ///< of a place: by the thread's CPU clock
bool more() noexcept;   ///< whether the place's time is not over

/// Burns what is left of the place's time, in the frame of whoever calls it.
__attribute__((always_inline)) inline void here() {
  while (more())
    for (int i = 0; i < 100000; ++i) __asm__ volatile("");
}

/// The same without a call, for functions that make none: about as long.
extern long leaf_rounds;
__attribute__((always_inline)) inline void here_as_leaf() {
  for (long i = leaf_rounds; i > 0; --i) __asm__ volatile("");
}

}  // namespace burning

struct place {
  const char* name;
  void (*run)();
  const char* stack;        ///< behind main / run
  bool by_order = false;    ///< its samples are flagged: scopes on several stacks
  bool off_stack = false;   ///< where that stack came from, its walk may not tell
  const char* on_the_way = nullptr;  ///< samples in this function are of the way to the place
};

extern const place places[];
extern const unsigned place_count;
