#pragma once
// What of the live view the tests see.

namespace pyro_test {

/// While it lives, live views are made with short deadlines: 1.5 s for a request, for an answer and for a piece of a window to come.
struct impatient {
  impatient();
  ~impatient();
  impatient(const impatient&) = delete;
  impatient& operator=(const impatient&) = delete;
};

}  // namespace pyro_test
