// merged, scopes, native: three views of the same program. CPU by label and exact calls agree, each shows what it should and nothing else;
// and where a stack cannot be walked to its end, the scopes that are left stand outside of [truncated].
#include "chain.hpp"
#include "deliveries.hpp"

#include "../integration/check.hpp"

#include <pyro/profiler.hpp>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <sys/mman.h>
#include <thread>
#include <time.h>
#include <vector>

#define NOINLINE __attribute__((noinline))

namespace {

long long cpu_now() noexcept {
  timespec t;
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}
std::map<std::string, long long> used;  ///< by label

NOINLINE void spend(const char* label, int ms) {
  const long long begin = cpu_now();
  while (cpu_now() - begin < ms * 1000000LL) {
  }
  used[label] += cpu_now() - begin;
}

}  // namespace

namespace program {

NOINLINE int compare(const void* a, const void* b) {
  PYRO_SCOPE("compare");
  spend("car", 2);
  return *static_cast<const int*>(a) - *static_cast<const int*>(b);
}
NOINLINE void order(const char* vehicle) {
  PYRO_SCOPE();
  PYRO_TAG("vehicle", vehicle);
  PYRO_SCOPE("find");
  spend(vehicle, 13);
}
NOINLINE void sorts() {
  PYRO_TAG("vehicle", "car");
  PYRO_SCOPE();
  int numbers[] = {4, 2, 3, 1};
  std::qsort(numbers, 4, sizeof(int), &compare);
}
NOINLINE void unscoped() { spend("", 11); }
NOINLINE void all() {
  for (int i = 0; i < 10; ++i) {
    order("car");
    order("bike");
    for (int k = 0; k < 3; ++k) order("scooter");
    sorts();
    unscoped();
    for (int k = 0; k < 1000; ++k) {
      PYRO_SCOPE("never sampled, or hardly");
    }
  }
}

}  // namespace program

namespace {

struct sums {
  std::map<std::string, long long> cpu;    ///< by label
  std::map<std::string, long long> calls;  ///< by path of scopes, with the label
};

sums run(const char* view) {
  pyro_test::context = view;
  used.clear();
  pyro::config c;
  c.background = false;
  c.sample_rate = 1000;
  c.stacks = view;
  auto p = pyro::configure(c);
  CHECK(p);
  sums out;
  pyro_test::delivery_meter deliveries;
  std::thread([] { program::all(); }).join();
  deliveries.end();
  const pyro::profile w = p.collect_now();
  const bool merged = std::strcmp(view, "merged") == 0, native = std::strcmp(view, "native") == 0;
  long long scopes = 0, natives = 0, calls = 0;
  for (std::size_t row = 0; row < w.samples.size(); ++row) {
    const pyro_test::chain chain = pyro_test::chain_of(w, w.samples[row].stack);
    const std::string label = pyro_test::label_of(w, w.samples[row], "vehicle");
    std::string path;
    for (const pyro_test::link& l : chain) {
      scopes += l.is_scope();
      natives += l.is_native();
      CHECK(l.name.find("pyro::") == std::string::npos);
      // A scope that is shown as its function is a scope all the same.
      if (l.is_scope() || l.name == "program::order" || l.name == "program::sorts") path += (path.empty() ? "" : ";") + l.name;
    }
    if (!native && w.values_of(row)[0] != 0) out.calls[path + " {" + label + "}"] += w.values_of(row)[0];
    calls += w.values_of(row)[0];
    if (w.values_of(row)[2] != 0 && !merged) CHECK(chain.size() >= 1);
    out.cpu[label] += w.values_of(row)[2];
  }
  CHECK((scopes != 0) == !native);
  CHECK((natives != 0) == (merged || native));
  CHECK((w.native.complete != 0) == (merged || native));
  if (native) CHECK_EQUAL(calls, 0);
  double all = 0;
  for (const auto& u : used) all += static_cast<double>(u.second) / 1e9;
  for (const auto& u : used) {
    // As in truth.cpp.
    const double is = static_cast<double>(out.cpu[u.first]) / 1e9, should = static_cast<double>(u.second) / 1e9, share = should / all;
    const double bound = 4 * std::sqrt(share * (1 - share) / deliveries.independent()) * all + static_cast<double>(deliveries.largest_weight()) / 1000;
    std::fprintf(stderr, "%-8s %-8s truly %.3f s, seen %.3f s, bound %.3f\n", view, u.first.c_str(), should, is, bound);
    CHECK(std::abs(is - should) <= bound);
  }
  pyro_test::context.clear();
  return out;
}

void compare_views() {
  const sums merged = run("merged"), scopes = run("scopes");
  run("native");
  const std::map<std::string, long long> expected = {{"program::order {}", 50},
                                                     {"program::order;find {car}", 10},
                                                     {"program::order;find {bike}", 10},
                                                     {"program::order;find {scooter}", 30},
                                                     {"program::sorts {car}", 10},
                                                     {"never sampled, or hardly {}", 10000}};
  for (const sums* s : {&merged, &scopes})
    for (const auto& e : expected) {
      const auto found = s->calls.find(e.first);
      if (CHECK(found != s->calls.end())) CHECK_EQUAL(found->second, e.second);
      else for (const auto& c : s->calls) std::fprintf(stderr, "  %lld %s\n", c.second, c.first.c_str());
    }
  CHECK(merged.calls == scopes.calls);
}

// --- code that has no tables -----------------------------------------------------------------------------------------------------------

#if defined(__x86_64__)

using trampoline = void (*)(void (*)());

/// A page with a function that calls its argument; `frame`: with a frame pointer, else with none that would lead anywhere.
trampoline made_at_run_time(bool frame) {
  static const unsigned char with[] = {0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3};       // push rbp; mov rbp,rsp; call rdi; pop rbp; ret
  static const unsigned char without[] = {0x55, 0x31, 0xed, 0xff, 0xd7, 0x5d, 0xc3};          // push rbp; xor ebp,ebp; call rdi; pop rbp; ret
  void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (frame) std::memcpy(page, with, sizeof with);
  else std::memcpy(page, without, sizeof without);
  ::mprotect(page, 4096, PROT_READ | PROT_EXEC);
  return reinterpret_cast<trampoline>(page);
}

NOINLINE void called() {
  PYRO_SCOPE("inside");
  spend("", 250);
}
NOINLINE void calls(trampoline t) {
  PYRO_SCOPE("outside");
  t(&called);
  __asm__ volatile("" ::: "memory");
}
NOINLINE void holder(trampoline t) {
  PYRO_SCOPE("outermost");
  calls(t);
  __asm__ volatile("" ::: "memory");
}

void run_truncated(bool frame) {
  pyro_test::context = frame ? "run-time code with a frame pointer" : "run-time code without a frame pointer";
  pyro::config c;
  c.background = false;
  c.sample_rate = 1000;
  auto p = pyro::configure(c);
  holder(made_at_run_time(frame));
  const pyro::profile w = p.collect_now();
  const pyro_test::stack_pattern expected(
      frame ? "_start / * / main / ?(anonymous namespace)::run_truncated / (anonymous namespace)::holder / [outermost] / (anonymous namespace)::calls / "
              "[outside] / [unknown] / (anonymous namespace)::called / [inside] / (anonymous namespace)::spend / *"
            : "[outermost] / [outside] / ![truncated] / [unknown] / (anonymous namespace)::called / [inside] / (anonymous namespace)::spend / *",
      {"at::"});
  long long whole = 0, other = 0;
  for (std::size_t row = 0; row < w.samples.size(); ++row) {
    const pyro_test::chain chain = pyro_test::chain_of(w, w.samples[row].stack);
    if (w.values_of(row)[1] == 0) continue;
    if (expected.is_whole(chain)) whole += w.values_of(row)[1];
    else {
      other += w.values_of(row)[1];
      std::fprintf(stderr, "  %lld %s\n", static_cast<long long>(w.values_of(row)[1]), pyro_test::text_of(chain).c_str());
    }
  }
  CHECK(whole >= 100);
  CHECK(other * 5 <= whole);
  if (frame) CHECK(w.native.guessed >= 100);
  else CHECK(w.native.no_rows >= 100);
  CHECK((w.native.guessed != 0) == frame);
  // Calls of scopes are where they were seen.
  long long calls = 0;
  for (std::size_t row = 0; row < w.samples.size(); ++row) calls += w.values_of(row)[0];
  CHECK_EQUAL(calls, 3);
  pyro_test::context.clear();
}

#endif

}  // namespace

int main() {
  compare_views();
#if defined(__x86_64__)
  run_truncated(true);
  run_truncated(false);
#endif
  return pyro_test::result();
}
