#pragma once
// What two levels of program -> a -> b -> program count, with the program's tag around all of it.

#include "linked.hpp"

namespace linked {

inline void back(int depth) {
  PYRO_SCOPE("back");
  dso::branch();
  if (depth > 0) in_a(depth - 1, &back);
}

inline void run() {
  PYRO_TAG("who", "program");
  PYRO_SCOPE("outer");
  in_a(1, &back);
}

inline constexpr const char* expected[] = {
    "outer {who=program}",
    "outer;a {who=program}",
    "outer;a;dso::branch {who=program}",
    "outer;a;dso::branch;leaf {who=program}",
    "outer;a;b {who=program}",
    "outer;a;b;dso::branch {b=1,who=program}",
    "outer;a;b;dso::branch;leaf {b=1,who=program}",
    "outer;a;b;templated {b=1,who=program}",
    "outer;a;b;templated;leaf {b=1,who=program}",
    "outer;a;b;back {b=1,who=program}",
    "outer;a;b;back;dso::branch {b=1,who=program}",
    "outer;a;b;back;dso::branch;leaf {b=1,who=program}",
    "outer;a;b;back;a {b=1,who=program}",
    "outer;a;b;back;a;dso::branch {b=1,who=program}",
    "outer;a;b;back;a;dso::branch;leaf {b=1,who=program}",
    "outer;a;b;back;a;b {b=1,who=program}",
    "outer;a;b;back;a;b;dso::branch {b=0,who=program}",
    "outer;a;b;back;a;b;dso::branch;leaf {b=0,who=program}",
    "outer;a;b;back;a;b;templated {b=0,who=program}",
    "outer;a;b;back;a;b;templated;leaf {b=0,who=program}",
    "outer;a;b;back;a;b;back {b=0,who=program}",
    "outer;a;b;back;a;b;back;dso::branch {b=0,who=program}",
    "outer;a;b;back;a;b;back;dso::branch;leaf {b=0,who=program}",
};

}  // namespace linked
