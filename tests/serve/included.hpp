#pragma once
// What of the live view the tests see.

namespace pyro_test {

/// While it lives, live views are made with short deadlines: 1.5 s for a request and for an answer, so many for a piece of a window to come.
struct impatient {
  explicit impatient(int cut_ms = 1500);
  ~impatient();
  impatient(const impatient&) = delete;
  impatient& operator=(const impatient&) = delete;
};

}  // namespace pyro_test
