// One small program for all configurations (flags: see tests/CMakeLists.txt). Scopes and tags of two files end up in one profile, with exact
// counts and sampled CPU time; with PYRO_DISABLE nothing does. No Catch2: this must build without exceptions and RTTI.

#include <pyro/auto.hpp>
#include <pyro/encode/pprof_decoder.hpp>
#ifdef WITH_ZLIB
#include <pyro/encode/zlib.hpp>
#endif

#include <cstdio>
#include <cstring>
#include <ctime>
#include <string>
#include <thread>

// Every use of the macros once more, with a running profiler.
namespace here {
#include "../macros/uses.hpp"
}

void order(const std::string& vehicle, int milliseconds);  // other.cpp

static int failures = 0;

static void expect(bool ok, const std::string& what) {
  if (ok) return;
  std::printf("failed: %s\n", what.c_str());
  ++failures;
}

static void expect_equal(long long got, long long wanted, const std::string& what) {
  expect(got == wanted, what + " is " + std::to_string(got) + ", not " + std::to_string(wanted));
}

/// Whether a stack's innermost frame is `name`; with `anywhere`, whether it has that frame.
static bool is_in(const pyro::profile& p, std::uint32_t stack, const std::string& name, bool anywhere) {
  for (; stack != pyro::no_stack; stack = p.stacks[stack].parent) {
    if (p.text(p.functions[p.frames[p.stacks[stack].frame].function].name) == name) return true;
    if (!anywhere) return false;
  }
  return false;
}

/// Sum of a column over the rows in `name` (calls: of itself; CPU: with all that it called) that carry the tag vehicle=`vehicle` (with or
/// without, where empty).
static long long sum(const pyro::profile& p, const char* column, const std::string& name, const std::string& vehicle) {
  const auto c = static_cast<std::size_t>(p.column(column));
  long long total = 0;
  for (std::size_t row = 0; row < p.samples.size(); ++row) {
    const pyro::sample& s = p.samples[row];
    if (!is_in(p, s.stack, name, std::strcmp(column, "cpu") == 0)) continue;
    bool found = vehicle.empty();
    for (const pyro::label& l : p.label_sets[s.labels]) found |= p.text(l.key) == "vehicle" && p.text(l.value) == vehicle;
    if (found) total += p.values_of(row)[c];
  }
  return total;
}

/// Calls and samples by the kinds of the frames that they are under.
static std::string by_kind(const pyro::profile& p) {
  long long sums[3][2] = {};
  for (std::size_t row = 0; row < p.samples.size(); ++row)
    for (std::uint32_t s = p.samples[row].stack; s != pyro::no_stack; s = p.stacks[s].parent)
      for (std::size_t c = 0; c < 2; ++c) sums[static_cast<int>(p.frames[p.stacks[s].frame].kind)][c] += p.values_of(row)[c];
  std::string out;
  for (const auto& kind : sums) out += std::to_string(kind[0]) + '/' + std::to_string(kind[1]) + ' ';
  return out;
}

int main() {
#ifdef PYRO_DISABLE
  constexpr int on = 0;
#else
  constexpr int on = 1;
#endif
  std::string messages;
  pyro::config config;
  config.application_name = "config_check";
  config.background = false;
#ifdef PYRO_DISABLE
  config.stacks = "scopes";  // functions have names all the same
#endif
  config.outputs = "null";
  config.tags = {{"region", "test"}, {"absent", nullptr}};
  config.log = [&messages](pyro::log_level, const std::string& message) { messages += message + '\n'; };
  auto profiler = pyro::configure(config);
  expect(static_cast<bool>(profiler), "configure: " + profiler.error());

  {
    PYRO_SCOPE("all");
    for (int i = 0; i < 1000; ++i) {
      order("bike", 0);
      order("car", 0);
    }
    order("car", 200);
    std::thread([] { order("scooter", 0); }).join();
  }
  const pyro::profile p = profiler.collect_now();
  expect_equal(sum(p, "calls", "all", ""), on, "calls of all");
  expect_equal(sum(p, "calls", "order", "bike"), 1000 * on, "calls of order for a bike");
  expect_equal(sum(p, "calls", "order", "car"), 1001 * on, "calls of order for a car");
  expect_equal(sum(p, "calls", "order", "scooter"), on, "calls of order in another thread");
  expect_equal(sum(p, "calls", "order", ""), 2002 * on, "calls of order");
  const long long cpu = sum(p, "cpu", "order", "car");
  if (on) expect(cpu > 100'000'000 && cpu < 400'000'000, "CPU time of an order for a car is " + std::to_string(cpu) + " ns, not about 200 ms");
  else expect_equal(cpu, 0, "CPU time while turned off");

  const std::string text = pyro::encode_text(p), folded = pyro::encode_folded(p), pprof = pyro::encode_pprof(p);
  expect((text.find("order") != std::string::npos) == (on != 0), "text:\n" + text);
  expect((folded.find("all;order") != std::string::npos) == (on != 0), "folded:\n" + folded);
  expect(pprof.size() > 20 && std::memcmp(pprof.data(), "\x1f\x8b", 2) == 0, "pprof is not gzip");
  const pyro::decode_result back = pyro::decode_pprof(pprof);
  expect(static_cast<bool>(back), "decoded: " + back.error);
  expect(pyro::encode_folded(back.value) == folded, "what was decoded is something else:\n" + pyro::encode_folded(back.value));
  expect(by_kind(back.value) == by_kind(p), "kinds of frames: " + by_kind(back.value) + "instead of " + by_kind(p));
#ifndef PYRO_DISABLE
  expect(p.native.complete > 0 && p.native.complete >= 19 * (p.native.no_rows + p.native.out_of_bounds), "native stacks are complete");
  expect(folded.find("main;all;order;") != std::string::npos, "native stacks:\n" + folded);
#endif
#ifdef WITH_ZLIB
  expect((pprof[10] & 6) != 0, "pprof is not compressed");  // the first block's type, 0: stored
#else
  expect((pprof[10] & 6) == 0, "pprof is compressed");
#endif

  expect(here::run_all() != 0, "the uses of the macros");
  expect((profiler.collect_now().total(0) > 50) == (on != 0), "calls of the uses");
  expect(profiler.flush(), "flush");
  profiler.stop();
  expect(messages.empty(), "messages:\n" + messages);
  return failures == 0 ? 0 : 1;
}
