// A plugin without pyro, so that it really goes at dlclose: deep enough to be sampled in, and it throws through the program's frames.
// PLUGIN_NUMBER makes several, of different sizes, so that one comes to lie where another was, with other rows.
#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

template <int Levels>
struct nested {
  __attribute__((noinline)) static int run(int n, int (*back)(int)) {
    std::vector<int> order(8);
    for (int i = 0; i < 8; ++i) order[static_cast<std::size_t>(i)] = (i * 5 + n) % 8;
    std::sort(order.begin(), order.end(), [](int a, int b) { return a < b; });
    return order[static_cast<std::size_t>(n & 7)] + nested<Levels - 1>::run(n + 1, back);
  }
};
template <>
struct nested<0> {
  __attribute__((noinline)) static int run(int n, int (*back)(int)) {
    const int got = back(n);
    if (got < 0) throw std::runtime_error("from plugin " + std::to_string(PLUGIN_NUMBER));
    return got;
  }
};

}  // namespace

/// Calls back from a few frames further in; throws what says its number where the callback returns less than 0.
extern "C" __attribute__((visibility("default"))) int plugin_work(int n, int (*back)(int)) { return nested<4 + PLUGIN_NUMBER * 3>::run(n, back); }
extern "C" __attribute__((visibility("default"))) int plugin_number() { return PLUGIN_NUMBER; }
