// Lines and inlined functions by libbacktrace: frames of a profile say where in this file they stand, inlined ones among them, in order.
#include <pyro/profiler.hpp>
#include <pyro/pyro.hpp>
#include <pyro/sample/libbacktrace.hpp>

#include "check.hpp"

#include <ctime>
#include <string>
#include <vector>

namespace {

volatile long sink;

__attribute__((always_inline)) inline void innermost(long n) {
  for (long i = 0; i < n; ++i) sink = sink + i;  // innermost's line
}

constexpr int line_of_innermost = __LINE__ - 3;

__attribute__((always_inline)) inline void between(long n) {
  sink = sink + 1;
  innermost(n);
}
constexpr int line_of_call = __LINE__ - 2;

__attribute__((noinline)) void outer() {
  timespec now{};
  do between(100000);  // so long that the system call beside it is nothing
  while (::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0 && now.tv_sec < 1);
}

/// The frames of a stack, the outermost first, as function:line.
std::vector<std::string> lines_of(const pyro::profile& p, std::uint32_t stack) {
  std::vector<std::string> out;
  for (std::uint32_t s = stack; s != pyro::no_stack; s = p.stacks[s].parent) {
    const pyro::frame& f = p.frames[p.stacks[s].frame];
    const std::string& file = p.text(p.functions[f.function].file);
    if (file.find("lines.cpp") == std::string::npos) continue;
    out.insert(out.begin(), p.text(p.functions[f.function].name) + ":" + std::to_string(f.line));
  }
  return out;
}

}  // namespace

int main() {
  pyro::config c;
  c.background = false;
  c.sample_rate = 1000;
  auto profiler = pyro::configure(c);
  CHECK(profiler);
  outer();
  const pyro::profile p = profiler.collect_now();
  std::int64_t all = 0, good = 0;
  std::string other;
  for (std::size_t row = 0; row < p.samples.size(); ++row) {
    const std::int64_t cpu = p.values_of(row)[p.column("cpu")];
    all += cpu;
    const std::vector<std::string> got = lines_of(p, p.samples[row].stack);
    if (got.size() != 4) {
      for (const std::string& line : got) other += line + " ";
      other += "| ";
      continue;
    }
    const bool chain = got[0].compare(0, 5, "main:") == 0 && got[1].find("outer()") != std::string::npos &&
                       got[2] == "between:" + std::to_string(line_of_call) &&
                       got[3] == "innermost:" + std::to_string(line_of_innermost);
    if (chain) good += cpu;
    else other += got[0] + " " + got[1] + " " + got[2] + " " + got[3] + " | ";
  }
  CHECK(all > 500'000'000);
  if (!CHECK(good > all * 9 / 10)) std::fprintf(stderr, "%s\n", other.c_str());
  return pyro_test::result();
}
