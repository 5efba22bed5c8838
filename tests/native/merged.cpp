// Golden merged stacks: at each place of places.cpp every sample's whole stack, from the first function to the leaf, is what stands there.
//
//   merged           in main
//   merged thread    in a thread of its own
//   merged list      prints what it sees and compares nothing
//   merged ... NAME  that place alone

#include "chain.hpp"
#include "places.hpp"

#include "../integration/check.hpp"

#include <pyro/profiler.hpp>

#include <cstring>
#include <pthread.h>
#include <string>
#include <time.h>
#include <vector>

namespace burning {

namespace {
std::int64_t began = 0;
__attribute__((always_inline)) inline std::int64_t cpu_now() noexcept {
  timespec t;
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}
}  // namespace

long leaf_rounds = 1000000;
void begin() noexcept { began = cpu_now(); }
__attribute__((noinline)) bool more() noexcept { return cpu_now() - began < milliseconds * 1000000; }

/// How many rounds take as long as a place. Throws once, too: in a static program the first time takes long.
void calibrate() {
  try {
    throw 1;
  } catch (int) {
  }
  std::int64_t fastest = 1LL << 60;
  for (int i = 0; i < 5; ++i) {
    const std::int64_t from = cpu_now();
    here_as_leaf();
    fastest = std::min(fastest, cpu_now() - from);
  }
  leaf_rounds = static_cast<long>(1e6 * static_cast<double>(milliseconds) * 1e6 / static_cast<double>(fastest));
}

}  // namespace burning

namespace test {

__attribute__((noinline)) void run(const place& p) {
  PYRO_TAG("place", p.name);
  burning::begin();
  p.run();
  __asm__ volatile("" ::: "memory");
}

struct sums {
  std::int64_t samples = 0, whole = 0;
  std::uint64_t complete = 0, incomplete = 0, guessed = 0;
};

bool listing = false;

/// Compares what is seen of a place; answers how many samples were whole.
std::int64_t compare(const place& at, const pyro::profile& p, bool in_thread, sums& all) {
  pyro_test::context = at.name;
  const std::string root = in_thread ? "* / test::in_thread / test::run / " : "_start / * / main / test::run / ";
  const pyro_test::stack_pattern expected((at.off_stack ? "" : root) + at.stack, {"at::", "pyro::"});
  std::int64_t samples = 0, whole = 0;
  for (std::size_t row = 0; row < p.samples.size(); ++row) {
    const std::int64_t n = p.values_of(row)[1];
    pyro_test::chain c = pyro_test::chain_of(p, p.samples[row].stack);
    for (const pyro_test::link& l : c) CHECK(l.name.find("pyro::") == std::string::npos);
    if (pyro_test::label_of(p, p.samples[row], "place") != at.name || n == 0) continue;
    if (listing) std::fprintf(stderr, "%-24s %4ld %s\n", at.name, static_cast<long>(n), pyro_test::text_of(c).c_str());
    const auto has = [&](const char* function) {
      return std::any_of(c.begin(), c.end(), [&](const auto& l) { return pyro_test::is_function(l.name, function); });
    };
    if (at.on_the_way != nullptr && has(at.on_the_way)) continue;
    if (at.off_stack) {
      if (has("test::run")) continue;  // not there yet
      c.erase(std::remove_if(c.begin(), c.end(), [](const auto& l) { return l.name == "[truncated]"; }), c.end());
    }
    samples += n;
    if (expected.is_whole(c)) whole += n;
    else pyro_test::check(listing || expected.is_part(c), __FILE__, __LINE__, std::to_string(n) + " samples\n  " + pyro_test::text_of(c));
  }
  if (at.by_order) CHECK(p.native.by_order >= static_cast<std::uint64_t>(whole));
  else CHECK_EQUAL(p.native.by_order, 0U);
  if (at.off_stack) return whole;
  all.samples += samples;
  all.whole += whole;
  all.complete += p.native.complete;
  all.incomplete += p.native.no_rows + p.native.out_of_bounds + p.native.too_deep;
  all.guessed += p.native.guessed;
  return whole;
}

struct job {
  pyro::profiler* profiler;
  const char* only;
  bool in_thread;
  sums all;
};

/// In the frame of whoever calls it.
__attribute__((always_inline)) inline void run_all(job& j) {
  for (unsigned i = 0; i < place_count; ++i) {
    if (j.only != nullptr && std::strcmp(j.only, places[i].name) != 0) continue;
    // On a busy machine the kernel may not look at a timer in all of a place's time: then again.
    std::int64_t seen = 0;
    const int failed = pyro_test::failures;
    for (int attempt = 0; attempt < 30 && seen < burning::milliseconds / 2 && pyro_test::failures == failed; ++attempt) {
      j.profiler->collect_now();
      run(places[i]);
      seen += compare(places[i], j.profiler->collect_now(), j.in_thread, j.all);
    }
    CHECK(seen >= burning::milliseconds / 2);
  }
  pyro_test::context.clear();
}

__attribute__((noinline)) void* in_thread(void* j) {
  run_all(*static_cast<job*>(j));
  return nullptr;
}

}  // namespace test

int main(int count, char** arguments) {
  test::job j{nullptr, nullptr, false, {}};
  for (int i = 1; i < count; ++i) {
    if (std::strcmp(arguments[i], "thread") == 0) j.in_thread = true;
    else if (std::strcmp(arguments[i], "list") == 0) test::listing = true;
    else j.only = arguments[i];
  }
  burning::calibrate();
  pyro::config c;
  c.background = false;
  c.sample_rate = 1000;
  auto p = pyro::configure(c);
  j.profiler = &p;
  if (j.in_thread) {
    pthread_t thread;
    ::pthread_create(&thread, nullptr, &test::in_thread, &j);
    ::pthread_join(thread, nullptr);
  } else {
    test::run_all(j);
  }
  if (test::listing) return 0;
  std::fprintf(stderr, "%ld samples, %ld of them whole; %lu complete, %lu not, %lu guessed\n", static_cast<long>(j.all.samples),
               static_cast<long>(j.all.whole), static_cast<unsigned long>(j.all.complete), static_cast<unsigned long>(j.all.incomplete),
               static_cast<unsigned long>(j.all.guessed));
  CHECK(j.all.incomplete * 1000 <= (j.all.complete + j.all.incomplete) * 5);  // 99.5 %
  CHECK_EQUAL(j.all.guessed, 0U);
  CHECK(j.all.whole * 10 >= j.all.samples * 9);
  return pyro_test::result();
}
