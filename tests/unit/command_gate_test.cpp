// The gate of `pyro diff --fail-above`: its distributions against tables, its errors and its power by simulation (docs/diff.md quotes the figures).
#include "../../command/gate.hpp"

#include <catch2/catch.hpp>

#include <cstdio>
#include <random>

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

TEST_CASE("equal builds pass", "[.calibrate]") {
  for (const bool calls : {true, false})
    for (const auto& cost : {twenty(), hot()})
      for (const double machine : {0.0, 0.01, 0.03, 0.10})
        for (const std::size_t runs : {std::size_t{1}, std::size_t{3}, std::size_t{5}, std::size_t{10}})
          for (const double samples : {300.0, 5000.0}) {
            const program p = with(cost, calls, machine, machine / 3, samples);
            std::printf("calls %d functions %zu machine %.2f runs %zu samples %.0f: %d of 1000 fail\n", calls, cost.size(), machine, runs, samples,
                        failures(p, p, runs, 1000, 1));
          }
}

TEST_CASE("growth is found", "[.calibrate]") {
  for (const bool calls : {true, false})
    for (const std::size_t runs : {std::size_t{1}, std::size_t{3}, std::size_t{5}, std::size_t{10}})
      for (const double machine : {0.0, 0.01, 0.02})
        for (const double samples : {300.0, 1000.0, 5000.0, 20000.0}) {
          const program base = with(hot(), calls, machine, machine / 3, samples);
          program now = base;
          now.cost[0] *= 1.1;
          std::printf("calls %d machine %.2f runs %zu samples %.0f: f0 found in %d of 100\n", calls, machine, runs, samples, failures(base, now, runs, 100, 2, "f0"));
        }
}
