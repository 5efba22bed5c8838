// How far an engine's shares are from the truth: threads that work in bursts, three tenths of each in scope `a` and the rest in scope `b`,
// and sleep in between. What each thread's own clock says of `a` and `b` is the truth.
//
//   bias ENGINE BURST_MS DUTY_PERCENT THREADS SECONDS RUNS [pinned]
//
// Prints a tab-separated line: the arguments, the true share of `a` in percent, the mean over the runs of what the profile says, the standard
// deviation of a run, the mean CPU time of the profile over the true one, the engine that ran. `pinned`: the whole process on one CPU.

#include <pyro/profiler.hpp>

#include <sched.h>

#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace {

std::int64_t cpu_ns() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

struct spent {
  std::int64_t a = 0, b = 0;
};

/// About a microsecond from look to look at the clock: it is a system call, and what is in the kernel not every engine sees.
void work_until(std::int64_t end) {
  thread_local volatile double sink = 1;
  while (cpu_ns() < end) {
    double x = sink;
    for (int i = 0; i < 1500; ++i) x = x * 1.0000001 + 1e-9;
    sink = x;
  }
}

/// What a thread spends, until `stop`. Threads begin apart, so that they don't sleep in step.
void work(double burst_ns, double duty, unsigned seed, const std::atomic<bool>& stop, spent& out) {
  std::mt19937 random(seed);
  std::this_thread::sleep_for(std::chrono::nanoseconds(static_cast<std::int64_t>(burst_ns / duty * std::uniform_real_distribution<>()(random))));
  while (!stop.load(std::memory_order_relaxed)) {
    const std::int64_t begin = cpu_ns();
    const auto middle = begin + static_cast<std::int64_t>(0.3 * burst_ns);
    {
      PYRO_SCOPE("a");
      work_until(middle);
    }
    const std::int64_t between = cpu_ns();
    {
      PYRO_SCOPE("b");
      work_until(begin + static_cast<std::int64_t>(burst_ns));
    }
    out.a += between - begin;
    out.b += cpu_ns() - between;
    if (duty < 1) std::this_thread::sleep_for(std::chrono::nanoseconds(static_cast<std::int64_t>(burst_ns * (1 - duty) / duty)));
  }
}

/// CPU time of the innermost scope of each stack, by its name.
spent in_profile(const pyro::profile& p) {
  spent out;
  const int cpu = p.column("cpu");
  for (std::size_t row = 0; row < p.samples.size(); ++row) {
    for (std::uint32_t at = p.samples[row].stack; at != pyro::no_stack; at = p.stacks[at].parent) {
      const pyro::frame& f = p.frames[p.stacks[at].frame];
      if (f.kind != pyro::frame_kind::scope) continue;
      const std::string name = p.text(p.functions[f.function].name);
      (name == "a" ? out.a : out.b) += p.values_of(row)[cpu];
      break;
    }
  }
  return out;
}

double share(const spent& s) { return s.a + s.b == 0 ? 0 : 100.0 * static_cast<double>(s.a) / static_cast<double>(s.a + s.b); }

}  // namespace

int main(int count, char** arguments) {
  if (count < 7) {
    std::fprintf(stderr, "usage: bias ENGINE BURST_MS DUTY_PERCENT THREADS SECONDS RUNS [pinned]\n");
    return 2;
  }
  const double burst_ns = std::atof(arguments[2]) * 1e6, duty = std::atof(arguments[3]) / 100, seconds = std::atof(arguments[5]);
  const int threads = std::atoi(arguments[4]), runs = std::atoi(arguments[6]);
  const bool pinned = count > 7 && std::strcmp(arguments[7], "pinned") == 0;
  if (pinned) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    if (::sched_setaffinity(0, sizeof one, &one) != 0) return std::perror("bias: sched_setaffinity"), 1;
  }
  pyro::config c;
  c.engine = arguments[1];
  c.outputs = "null";
  c.window = std::chrono::hours(1);
  pyro::profiler profiler = pyro::configure(c);
  if (!profiler) return 1;

  double sum = 0, squares = 0, cpu_ratio = 0;
  spent truth;
  for (int run = 0; run < runs; ++run) {
    std::atomic<bool> stop{false};
    std::vector<spent> each(static_cast<std::size_t>(threads));
    std::vector<std::thread> workers;
    profiler.collect_now();
    for (int i = 0; i < threads; ++i)
      workers.emplace_back([&, i] { work(burst_ns, duty, static_cast<unsigned>(run * 1000 + i), stop, each[static_cast<std::size_t>(i)]); });
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    stop = true;
    for (std::thread& w : workers) w.join();
    const spent seen = in_profile(profiler.collect_now());
    spent spent_now;
    for (const spent& s : each) {
      spent_now.a += s.a;
      spent_now.b += s.b;
    }
    truth.a += spent_now.a;
    truth.b += spent_now.b;
    sum += share(seen);
    squares += share(seen) * share(seen);
    cpu_ratio += static_cast<double>(seen.a + seen.b) / static_cast<double>(spent_now.a + spent_now.b);
  }
  const double mean = sum / runs;
  std::printf("%s\t%s\t%s\t%s\t%s\t%s\t%s\t%.2f\t%.2f\t%.2f\t%.3f\t%s\n", arguments[1], arguments[2], arguments[3], arguments[4], arguments[5], arguments[6],
              pinned ? "pinned" : "free", share(truth), mean, std::sqrt(std::max(0.0, squares / runs - mean * mean)), cpu_ratio / runs,
              profiler.stats().engine.c_str());
  return 0;
}
