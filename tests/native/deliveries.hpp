#pragma once
// How many samples of a run are independent of each other. Expiries that the kernel merges are one sample with their number for its weight, so n
// expiries in samples of the weights w are worth (Σ w)² / Σ w² of them (Kish, Survey Sampling, 1965): a quarter where the kernel looks
// 250 times a second at timers of 1000 Hz, and less on a busy machine.

#include "../native_safety/around_handler.hpp"

#include <atomic>

namespace pyro_test {

/// Counts signals between its begin and its end, around pyro's handler. One at a time.
class delivery_meter {
 public:
  delivery_meter() {
    sum() = squares() = largest() = signals() = 0;
    counting() = 1;
  }
  ~delivery_meter() { end(); }
  delivery_meter(const delivery_meter&) = delete;
  delivery_meter& operator=(const delivery_meter&) = delete;

  void end() { counting() = 0; }
  double independent() const {
    const auto n = static_cast<double>(sum());
    return squares() != 0 ? n * n / static_cast<double>(squares()) : 0;
  }
  long long count() const { return signals(); }
  long long largest_weight() const { return largest(); }

  static void count(const siginfo_t& info) {
    if (counting() == 0) return;
    const long long weight = 1 + static_cast<long long>(info.si_overrun);
    sum() += weight;
    squares() += weight * weight;
    ++signals();
    long long before = largest();
    while (weight > before && !largest().compare_exchange_weak(before, weight)) {
    }
  }

 private:
  using counter = std::atomic<long long>;
  template <int Which>
  static counter& the() {
    static counter c{0};  // constant-initialised: no guard for the handler to take
    return c;
  }
  static counter& sum() { return the<0>(); }
  static counter& squares() { return the<1>(); }
  static counter& largest() { return the<2>(); }
  static counter& signals() { return the<3>(); }
  static counter& counting() { return the<4>(); }
};

}  // namespace pyro_test

void around_handler::run(int number, siginfo_t* info, void* context) {
  pyro_test::delivery_meter::count(*info);
  inner(number, info, context);
}
