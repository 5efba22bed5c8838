// Ground truth: what each function really used, by the thread's own CPU clock around it, beside its share of the profile; and call chains
// beside those that libgcc's unwinder finds, outside of signals.
//
// The bound. Weights make 1,000 samples of a second of CPU, but the kernel delivers on its tick alone: only so many of them are independent
// (deliveries.hpp), and that is measured. A share p of n independent samples has the standard deviation sqrt(p (1 - p) / n): 4 of these, and
// the largest sample's weight for where the clock was read.
#include "chain.hpp"
#include "deliveries.hpp"

#include "../integration/check.hpp"

#include <pyro/profiler.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <dlfcn.h>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <time.h>
#include <unwind.h>
#include <vector>

#define NOINLINE __attribute__((noinline))
#define NOT_THE_LAST_CALL() __asm__ volatile("" ::: "memory")

namespace {

constexpr long long thread_cpu_ns = 3'500'000'000;
constexpr int thread_count = 3;

long long cpu_now() noexcept {
  timespec t;
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

// --- accounts ----------------------------------------------------------------------------------------------------------------------

struct account {
  long long total = 0, self = 0;
};
std::mutex accounts_mutex;
std::map<std::string, account> truth;                       ///< by function
std::map<std::string, std::set<std::vector<std::uintptr_t>>> unwound;  ///< by function: libgcc's chains of its callers, innermost first

/// CPU time between its begin and its end goes to a function, once: recursion does not occur here.
class measured {
 public:
  explicit measured(const char* function) : function_(function), around_(current()), begin_(cpu_now()) { current() = this; }
  ~measured() {
    const long long used = cpu_now() - begin_;
    if (around_ != nullptr) around_->inner_ += used;
    current() = around_;
    const std::lock_guard<std::mutex> hold(accounts_mutex);
    account& a = truth[function_];
    a.total += used;
    a.self += used - inner_;
  }
  measured(const measured&) = delete;
  measured& operator=(const measured&) = delete;

 private:
  static measured*& current() {
    static thread_local measured* innermost = nullptr;
    return innermost;
  }
  const char* function_;
  measured* around_;
  long long begin_, inner_ = 0;
};

// --- libgcc ------------------------------------------------------------------------------------------------------------------------

_Unwind_Reason_Code take_frame(_Unwind_Context* context, void* into) {
  int before = 0;
  const auto ip = static_cast<std::uintptr_t>(_Unwind_GetIPInfo(context, &before));
  if (ip != 0) static_cast<std::vector<std::uintptr_t>*>(into)->push_back(before != 0 ? ip : ip - 1);
  return _URC_NO_REASON;
}

/// The callers of the function that calls this, by libgcc, kept under its name. Once for each chain.
NOINLINE void unwind_here(const char* function) {
  static thread_local std::map<std::pair<const char*, std::uintptr_t>, int> times;
  if (++times[{function, reinterpret_cast<std::uintptr_t>(__builtin_return_address(0))}] > 40) return;
  std::vector<std::uintptr_t> chain;
  _Unwind_Backtrace(&take_frame, &chain);
  if (chain.size() < 2) return;
  chain.erase(chain.begin(), chain.begin() + 2);  // this one, and where in the function it was called
  const std::lock_guard<std::mutex> hold(accounts_mutex);
  unwound[function].insert(chain);
}

thread_local unsigned long long random_state = 88172645463325252ULL;
unsigned random_below(unsigned n) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return static_cast<unsigned>(random_state % n);
}

NOINLINE bool over(long long end) noexcept { return cpu_now() >= end; }

/// 0.5 to 1.5 times so long, in the frame of the caller.
__attribute__((always_inline)) inline void spend(long long us) {
  const long long end = cpu_now() + us * 500 + us * random_below(1000);
  while (!over(end))
    for (int i = 0; i < 20000; ++i) __asm__ volatile("");
}

}  // namespace

// --- the work ------------------------------------------------------------------------------------------------------------------------

namespace work {

NOINLINE void alpha() {
  const measured m("work::alpha");
  PYRO_SCOPE();
  unwind_here("work::alpha");
  spend(9000);
}
NOINLINE void beta() {
  const measured m("work::beta");
  unwind_here("work::beta");
  spend(5000);
}
NOINLINE void gamma() {
  const measured m("work::gamma");
  PYRO_SCOPE("third letter");
  unwind_here("work::gamma");
  spend(2500);
}
NOINLINE void between() {
  const measured m("work::between");
  beta();
  spend(700);
  PYRO_TAG("part", "second");
  gamma();
  NOT_THE_LAST_CALL();
}
NOINLINE void outer() {
  const measured m("work::outer");
  PYRO_SCOPE("outer scope");
  alpha();
  between();
  spend(3000);
}

NOINLINE int compare(const void* a, const void* b) {
  const measured m("work::compare");
  unwind_here("work::compare");
  spend(400);
  return *static_cast<const int*>(a) - *static_cast<const int*>(b);
}
NOINLINE void c_sort() {
  const measured m("work::c_sort");
  PYRO_SCOPE();
  int numbers[] = {6, 3, 1, 2, 5, 4, 8, 7};
  std::qsort(numbers, 8, sizeof(int), &compare);
}
NOINLINE bool less(int a, int b) {
  const measured m("work::less");
  PYRO_SCOPE("less");
  unwind_here("work::less");
  spend(300);
  return a < b;
}
NOINLINE void std_sort() {
  const measured m("work::std_sort");
  std::vector<int> numbers = {6, 3, 1, 2, 5, 4, 8, 7};
  std::sort(numbers.begin(), numbers.end(), &less);
  const std::function<bool(int, int)> as_function = &less;
  numbers[0] = as_function(1, 2) ? 1 : 0;
}

NOINLINE void from_plugin_in_scope() {
  const measured m("work::from_plugin_in_scope");
  unwind_here("work::from_plugin_in_scope");
  spend(2000);
}
NOINLINE void from_plugin() {
  const measured m("work::from_plugin");
  unwind_here("work::from_plugin");
  spend(4000);
}

using plugin_function = void (*)(void (*)(), void (*)());
plugin_function plugin_work;

NOINLINE void in_plugin() {
  const measured m("work::in_plugin");
  plugin_work(&from_plugin_in_scope, &from_plugin);
  NOT_THE_LAST_CALL();
}

NOINLINE void all(int number) {
  random_state += static_cast<unsigned>(number) * 7919;
  PYRO_THREAD("number " + std::to_string(number));
  const long long end = cpu_now() + thread_cpu_ns;
  while (cpu_now() < end) {
    outer();
    for (int i = 0; i < number; ++i) beta();  // threads differ
    c_sort();
    std_sort();
    in_plugin();
  }
}

}  // namespace work

namespace {

// --- what the profile says -----------------------------------------------------------------------------------------------------------

struct seen {
  std::map<std::string, long long> total, self;
  std::map<std::string, long long> by_thread;
  std::map<std::string, std::map<std::vector<std::uintptr_t>, long long>> callers;  ///< as `unwound`, with samples
  long long all = 0, samples = 0;
};

seen read(const pyro::profile& p, const std::map<std::string, account>& functions) {
  seen out;
  for (std::size_t row = 0; row < p.samples.size(); ++row) {
    const long long ns = p.values_of(row)[2];
    if (ns == 0) continue;
    out.samples += p.values_of(row)[1];
    out.all += ns;
    out.by_thread[pyro_test::label_of(p, p.samples[row], "thread")] += ns;
    const pyro_test::chain c = pyro_test::chain_of(p, p.samples[row].stack);
    std::string innermost;
    std::size_t where = 0;
    std::set<std::string> met;
    for (std::size_t i = 0; i < c.size(); ++i) {
      if (!c[i].is_native()) continue;
      for (const auto& f : functions)
        if (pyro_test::is_function(c[i].name, f.first)) {
          innermost = f.first;
          where = i;
          if (met.insert(f.first).second) out.total[f.first] += ns;
        }
    }
    if (innermost.empty()) continue;
    out.self[innermost] += ns;
    // At work itself: nothing but the clock is further in.
    bool at_work = true;
    for (std::size_t i = where + 1; i < c.size(); ++i) at_work &= c[i].is_scope() || pyro_test::is_function(c[i].name, "(anonymous namespace)::over");
    if (!at_work) continue;
    std::vector<std::uintptr_t> chain;
    for (std::size_t i = where; i-- > 0;)
      if (c[i].is_native()) chain.push_back(static_cast<std::uintptr_t>(c[i].address));
    out.callers[innermost][chain] += p.values_of(row)[1];
  }
  return out;
}

void compare_share(const char* what, const std::string& name, long long is, long long sum, long long should, long long should_sum, double n, double tick) {
  const double p = static_cast<double>(should) / static_cast<double>(should_sum);
  const double seen = static_cast<double>(is) / static_cast<double>(sum);
  const double bound = 4 * std::sqrt(p * (1 - p) / n) + tick;
  std::fprintf(stderr, "  %-34s %-5s truly %6.2f %%, seen %6.2f %%, bound %.2f\n", name.c_str(), what, 100 * p, 100 * seen, 100 * bound);
  pyro_test::check(std::abs(seen - p) <= bound, __FILE__, __LINE__, std::string(what) + " of " + name);
}

std::string text_of(const std::vector<std::uintptr_t>& chain) {
  std::string out;
  for (const std::uintptr_t a : chain) {
    Dl_info info{};
    const bool known = ::dladdr(reinterpret_cast<void*>(a), &info) != 0;
    char text[512];
    std::snprintf(text, sizeof text, "    %#lx %s %s\n", static_cast<unsigned long>(a), known && info.dli_fname != nullptr ? info.dli_fname : "?",
                  known && info.dli_sname != nullptr ? info.dli_sname : "?");
    out += text;
  }
  return out;
}

/// Names of a profile's frames, where the dynamic linker has one for their address.
void compare_names(const pyro::profile& p) {
  int compared = 0;
  for (const pyro::frame& f : p.frames) {
    if (f.kind != pyro::frame_kind::native) continue;
    Dl_info info{};
    if (::dladdr(reinterpret_cast<void*>(static_cast<std::uintptr_t>(f.address)), &info) == 0 || info.dli_sname == nullptr) continue;
    const std::string& name = p.text(p.functions[f.function].system_name);
    // One address has several names at times (clock_gettime, __clock_gettime): the one must be where the other is.
    void* other = ::dlsym(RTLD_DEFAULT, name.c_str());
    if (name != info.dli_sname && other != nullptr) CHECK(other == info.dli_saddr);
    ++compared;
  }
  std::fprintf(stderr, "%d names compared with the dynamic linker's\n", compared);
  CHECK(compared >= 10);
}

}  // namespace

int main(int, char** arguments) {
  void* plugin = ::dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
  if (plugin == nullptr) {
    std::fprintf(stderr, "%s\n", ::dlerror());
    return 1;
  }
  work::plugin_work = reinterpret_cast<work::plugin_function>(::dlsym(plugin, "plugin_work"));

  pyro::config c;
  c.sample_rate = 1000;
  c.window = std::chrono::hours(1);
  auto p = pyro::configure(c);
  pyro_test::delivery_meter deliveries;
  std::vector<std::thread> threads;
  for (int i = 1; i < thread_count; ++i) threads.emplace_back(&work::all, i);
  work::all(0);
  for (auto& t : threads) t.join();
  deliveries.end();
  const pyro::profile w = p.collect_now();

  const seen s = read(w, truth);
  long long sum = 0, in_work = 0;
  for (const auto& f : truth) sum += f.second.self;
  for (const auto& f : s.self) in_work += f.second;
  const double n = deliveries.independent();
  const double tick = static_cast<double>(deliveries.largest_weight()) / static_cast<double>(s.samples);
  std::fprintf(stderr, "%lld samples of %.2f s of CPU in %lld signals, the largest with %lld: %.0f independent\n", s.samples,
               static_cast<double>(sum) / 1e9, deliveries.count(), deliveries.largest_weight(), n);
  CHECK(s.samples >= 10000);
  CHECK(std::abs(static_cast<double>(in_work - sum)) <= 0.02 * static_cast<double>(sum));
  for (const auto& f : truth) {
    compare_share("self", f.first, s.self.count(f.first) != 0 ? s.self.at(f.first) : 0, in_work, f.second.self, sum, n, tick);
    compare_share("total", f.first, s.total.count(f.first) != 0 ? s.total.at(f.first) : 0, in_work, f.second.total, sum, n, tick);
  }
  for (int i = 0; i < thread_count; ++i) {
    const auto found = s.by_thread.find("number " + std::to_string(i));
    if (CHECK(found != s.by_thread.end())) CHECK(std::abs(static_cast<double>(found->second - thread_cpu_ns)) <= 0.04 * thread_cpu_ns);
  }

  // Chains: each one that was seen at work is one that libgcc found there, and the other way round.
  for (const auto& f : unwound) {
    pyro_test::context = f.first;
    const auto seen_here = s.callers.find(f.first);
    if (!CHECK(seen_here != s.callers.end())) continue;
    for (const auto& chain : seen_here->second) {
      if (f.second.count(chain.first) == 0) {
        pyro_test::check(false, __FILE__, __LINE__, std::to_string(chain.second) + " samples of a chain that libgcc does not know\n" + text_of(chain.first) +
                                                        "  libgcc's first\n" + text_of(*f.second.begin()));
      }
    }
    std::size_t met = 0;
    for (const auto& chain : f.second) met += seen_here->second.count(chain);
    CHECK(met >= 1);
    std::fprintf(stderr, "  %-34s %zu of libgcc's %zu chains seen, %zu in all\n", f.first.c_str(), met, f.second.size(), seen_here->second.size());
  }
  pyro_test::context.clear();
  compare_names(w);

  const pyro::native_stacks& native = w.native;
  const std::uint64_t incomplete = native.no_rows + native.out_of_bounds + native.too_deep;
  std::fprintf(stderr, "%lu complete, %lu without rows, %lu out of bounds, %lu too deep, %lu guessed, %lu by order; %lu lost for room\n",
               static_cast<unsigned long>(native.complete), static_cast<unsigned long>(native.no_rows), static_cast<unsigned long>(native.out_of_bounds),
               static_cast<unsigned long>(native.too_deep), static_cast<unsigned long>(native.guessed), static_cast<unsigned long>(native.by_order),
               static_cast<unsigned long>(w.lost.ring_full));
  CHECK(incomplete * 1000 <= (native.complete + incomplete) * 5);  // 99.5 %
  return pyro_test::result();
}
