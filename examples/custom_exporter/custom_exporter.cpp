// An exporter of one's own: a line for each window, with the function that took the most CPU itself.
#include <pyro/export/exporter.hpp>
#include <pyro/profiler.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <vector>

class hottest_function : public pyro::exporter {
 public:
  const char* name() const noexcept override { return "hottest function"; }

  pyro::export_result export_profile(const pyro::profile& window) override {
    const int column = window.column("cpu");
    if (column < 0) return pyro::export_result::failure("these profiles have no CPU time");
    std::map<std::string, std::int64_t> cpu_ns;
    for (std::size_t row = 0; row < window.samples.size(); ++row) {
      const pyro::frame& leaf = window.frames[window.stacks[window.samples[row].stack].frame];
      cpu_ns[window.text(window.functions[leaf.function].name)] += window.values_of(row)[column];
    }
    const auto by_cpu = [](const auto& a, const auto& b) { return a.second < b.second; };
    const auto hottest = std::max_element(cpu_ns.begin(), cpu_ns.end(), by_cpu);
    if (hottest != cpu_ns.end()) std::cout << hottest->first << ": " << hottest->second / 1'000'000 << " ms of CPU\n";
    return pyro::export_result::success();
  }
};

static std::vector<unsigned> random_numbers(std::size_t count) {
  PYRO_SCOPE();
  std::vector<unsigned> numbers(count, 1);
  for (std::size_t i = 1; i < count; ++i) numbers[i] = numbers[i - 1] * 1664525U + 1013904223U;
  return numbers;
}

static void sort_numbers() {
  PYRO_SCOPE();
  std::vector<unsigned> numbers = random_numbers(1'000'000);
  std::sort(numbers.begin(), numbers.end());
}

int main() {
  pyro::config config;
  config.application_name = "custom-exporter";
  config.window = std::chrono::seconds(1);
  config.exporters.push_back(std::make_shared<hottest_function>());
  const auto profiler = pyro::configure(config);
  for (int i = 0; i < 40; ++i) sort_numbers();
}
