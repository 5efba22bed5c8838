// The gate of `pyro diff --fail-above`: its distributions against tables, its errors and its power by simulation (docs/diff.md quotes the figures).
#include "../../command/gate.hpp"

#include <catch2/catch.hpp>

#include <cstdio>
#include <random>

namespace command_gate_test {

using namespace pyro::command;

TEST_CASE("tails of distributions are those of the tables") {
  CHECK(normal_tail(0) == Approx(0.5));
  CHECK(normal_tail(1.959963985) == Approx(0.025).epsilon(1e-6));
  CHECK(normal_tail(4) == Approx(3.167124e-5).epsilon(1e-5));
  CHECK(student_tail(2.306004135, 8) == Approx(0.025).epsilon(1e-6));
  CHECK(student_tail(-2.306004135, 8) == Approx(0.975).epsilon(1e-6));
  CHECK(student_tail(4.501, 8) == Approx(0.001).epsilon(1e-3));
  CHECK(student_tail(12.706204736, 1) == Approx(0.025).epsilon(1e-6));
  CHECK(student_tail(0, 3) == Approx(0.5));
  CHECK(quantile([](double x) { return student_tail(x, 8); }, 0.025) == Approx(2.306004135).epsilon(1e-6));
  CHECK(quantile(normal_tail, 1e-4) == Approx(3.719016).epsilon(1e-5));
}

TEST_CASE("the binomial tail is the sum of its terms") {
  for (const double p : {0.1, 0.5, 0.93})
    for (int k = 0; k <= 13; ++k) {
      double sum = 0, term = 1;  // C(12, i) p^i q^(12-i)
      for (int i = 0; i <= 12; ++i) {
        const double probability = term * std::pow(p, i) * std::pow(1 - p, 12 - i);
        if (i >= k) sum += probability;
        term = term * (12 - i) / (i + 1);
      }
      CHECK(binomial_tail(k, 12, p) == Approx(sum).epsilon(1e-9).margin(1e-15));
    }
}

TEST_CASE("Holm's correction is that of the textbook") {
  const std::vector<double> adjusted = holm({0.01, 0.04, 0.03, 0.005});
  CHECK(adjusted[0] == Approx(0.03));
  CHECK(adjusted[1] == Approx(0.06));
  CHECK(adjusted[2] == Approx(0.06));  // not below the one before it
  CHECK(adjusted[3] == Approx(0.02));
  CHECK(holm({0.6, 0.9}) == std::vector<double>{1, 1});
  CHECK(holm({}).empty());
}

namespace {

/// A program of functions side by side below one that calls them all, as often each as the whole; costs of a call are the parts.
struct program {
  std::vector<double> cost;
  bool calls = true;
  double machine = 0;   ///< standard deviation of a run's speed
  double own_noise = 0; ///< of each function in each run
  double samples = 5000;
};

run_counts simulate(const program& what, std::mt19937_64& random) {
  std::normal_distribution<double> normal;
  const double speed = std::exp(what.machine * normal(random));
  std::vector<double> cost = what.cost;
  double whole = 0;
  for (double& c : cost) whole += c *= speed * std::exp(what.own_noise * normal(random));
  // As many calls as fit into the CPU time; each sample finds one function or another.
  const double calls = std::floor(100 * what.samples / whole);
  run_counts run;
  run.samples = what.samples;
  std::discrete_distribution<std::size_t> which(cost.begin(), cost.end());
  std::vector<double> hits(cost.size());
  for (double i = 0; i < what.samples; ++i) hits[which(random)] += 1;
  for (std::size_t i = 0; i < cost.size(); ++i) {
    function_counts& f = run.functions["f" + std::to_string(i)];
    f.self = f.total = hits[i];
    if (what.calls) f.calls = calls;
  }
  function_counts& main = run.functions["main"];
  main.total = what.samples;
  if (what.calls) main.calls = calls;
  return run;
}

side_counts simulate(const program& what, std::size_t runs, std::mt19937_64& random) {
  side_counts out;
  for (std::size_t i = 0; i < runs; ++i) out.push_back(simulate(what, random));
  return out;
}

/// How many of so many comparisons fail, by a function of this name where one is given.
int failures(const program& base, const program& now, std::size_t runs, int comparisons, std::uint64_t seed, const char* name = nullptr) {
  std::mt19937_64 random(seed);
  int failed = 0;
  for (int i = 0; i < comparisons; ++i) {
    const side_counts before = simulate(base, runs, random), after = simulate(now, runs, random);
    const gate_result r = judge(before, after, gate_options());
    bool hit = name == nullptr && r.failed;
    for (const judged& j : r.functions) hit = hit || (name != nullptr && j.failed && j.name == name);
    failed += hit ? 1 : 0;
  }
  return failed;
}

std::vector<double> twenty() { return std::vector<double>(20, 0.05); }
std::vector<double> hot() { return {0.70, 0.15, 0.10, 0.05}; }
program with(std::vector<double> cost, bool calls, double machine, double own, double samples) {
  program p;
  p.cost = std::move(cost);
  p.calls = calls;
  p.machine = machine;
  p.own_noise = own;
  p.samples = samples;
  return p;
}

}  // namespace

// The bounds are those of 99.9 % for the probability of error that is promised, 0.002 of all comparisons: at most 7 of 1000, 4 of 300.
TEST_CASE("equal builds pass, whatever their noise, where several runs show it") {
  std::uint64_t seed = 1;
  for (const bool calls : {true, false})
    for (const auto& cost : {twenty(), hot()})
      for (const double machine : {0.0, 0.01, 0.03, 0.10})
        for (const std::size_t runs : {std::size_t{3}, std::size_t{8}}) {
          const program p = with(cost, calls, machine, machine / 3, 300);
          INFO("calls " << calls << ", functions " << cost.size() << ", noise " << machine << ", runs " << runs);
          CHECK(failures(p, p, runs, 300, ++seed) <= 4);
        }
}

TEST_CASE("equal builds pass with a run a side, where the machine is no noisier than assumed") {
  std::uint64_t seed = 100;
  for (const bool calls : {true, false})
    for (const auto& cost : {twenty(), hot()})
      for (const double machine : {0.0, 0.01, 0.02}) {
        const program p = with(cost, calls, machine, 0, 1000);
        INFO("calls " << calls << ", functions " << cost.size() << ", noise " << machine);
        CHECK(failures(p, p, 1, 300, ++seed) <= 4);
      }
}

TEST_CASE("a growth of 10 % is found in 95 of 100") {
  const auto found = [](std::vector<double> cost, bool calls, double machine, double samples, std::size_t runs, const char* name) {
    const program base = with(std::move(cost), calls, machine, machine / 3, samples);
    program now = base;
    now.cost[0] *= 1.1;
    return failures(base, now, runs, 100, 7, name);
  };
  CHECK(found(hot(), true, 0.01, 5000, 5, "f0") >= 95);
  CHECK(found(hot(), true, 0.02, 1000, 10, "f0") >= 95);
  CHECK(found(hot(), false, 0.02, 5000, 10, "f0") >= 95);  // by shares: the speed of the machine does not matter
  const program whole = with(hot(), true, 0.01, 0.003, 100);  // the program as a whole: runs of a quarter of a second are enough
  program slower = whole;
  for (double& c : slower.cost) c *= 1.1;
  CHECK(failures(whole, slower, 5, 100, 7, "main") >= 95);
}

TEST_CASE("what is said to be seen is seen") {
  // A growth as large as `seen_from` must be found in about 95 of 100: in 90 at least.
  const program base = with(hot(), true, 0.01, 0.003, 3000);
  std::mt19937_64 random(11);
  double seen_from = 0;
  for (int i = 0; i < 50; ++i) {
    const gate_result r = judge(simulate(base, 10, random), simulate(base, 10, random), gate_options());
    for (const judged& j : r.functions)
      if (j.name == "f1") seen_from += j.seen_from / 50;
  }
  CHECK(seen_from > 0.05);
  CHECK(seen_from < 0.5);
  program now = base;
  now.cost[1] *= 1 + seen_from;
  CHECK(failures(base, now, 10, 100, 12, "f1") >= 88);
}

TEST_CASE("a function that became faster does not make the others slower") {
  // By shares all others grow from 30 to 46 %: the gate holds them against each other.
  const program base = with(hot(), false, 0, 0, 5000);
  program now = base;
  now.cost[0] /= 2;
  CHECK(failures(base, now, 5, 100, 21) <= 1);
  CHECK(failures(now, base, 5, 100, 22, "f0") >= 95);  // the other way round it is the one that is found
  CHECK(failures(now, base, 5, 100, 23, "f1") <= 1);
}

TEST_CASE("sides without samples, functions that come and go") {
  const program p = with(hot(), true, 0, 0, 1000);
  std::mt19937_64 random(31);
  const side_counts some = simulate(p, 2, random);
  CHECK_FALSE(judge({}, some, gate_options()).failed);
  CHECK_FALSE(judge(some, {}, gate_options()).failed);
  CHECK_FALSE(judge(side_counts(2), some, gate_options()).failed);
  side_counts other = some;
  for (run_counts& run : other) {
    run.functions["new"] = run.functions["f0"];
    run.functions.erase("f0");
  }
  const gate_result r = judge(some, other, gate_options());
  CHECK_FALSE(r.failed);
  CHECK(r.appeared == 1);
  CHECK(r.appeared_share == Approx(0.7).epsilon(0.1));
  // Rates of the sampler may differ: half as many looks, each worth twice as much.
  side_counts half = some;
  for (run_counts& run : half) {
    run.samples /= 2;
    run.worth *= 2;
    for (auto& f : run.functions) f.second.self /= 2, f.second.total /= 2;
  }
  for (const judged& j : judge(some, half, gate_options()).functions) CHECK(std::fabs(j.growth) < 0.02);
}

TEST_CASE("the figures of docs/diff.md", "[.figures]") {
  for (const bool calls : {true, false})
    for (const std::size_t runs : {std::size_t{1}, std::size_t{3}, std::size_t{5}, std::size_t{10}})
      for (const double machine : {0.0, 0.01, 0.02})
        for (const double samples : {300.0, 1000.0, 5000.0, 20000.0}) {
          const program base = with(hot(), calls, machine, machine / 3, samples);
          program now = base;
          now.cost[0] *= 1.1;
          std::printf("%s, noise %.0f %%, %zu runs a side of %.0f samples: found in %d of 100, false alarms %d of 1000\n", calls ? "a call" : "by share", machine * 100, runs, samples,
                      failures(base, now, runs, 100, 2, "f0"), failures(base, base, runs, 1000, 3));
        }
}

}  // namespace command_gate_test
