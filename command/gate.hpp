#pragma once
// Has something become slower? Judges what several runs of two builds measured. Pure. Why it is done so, and what it can see: docs/diff.md.
//
// A function is judged per call where its calls were counted exactly in both builds (CPU time with all below it, a call), else by its own samples
// against those of the rest. Two tests have to agree that it grew:
//   counting   the difference is larger than the sampler's chance explains, and the assumed noise of the machine
//   runs       the difference is larger than runs of one build differ among themselves (Student); where both sides have two runs or more
// Of both the larger p counts, adjusted by Holm for the number of functions.

#include "statistics.hpp"

#include <cmath>    // log
#include <cstdint>  // counts
#include <map>      // functions
#include <string>   // names
#include <vector>   // runs

namespace pyro::command {

/// One function in one run. `self` and `total` in looks: samples, or fewer where several samples were one look at the program.
struct function_counts {
  double self = 0, total = 0, calls = 0;
};

/// One file of one side.
struct run_counts {
  double samples = 0;  ///< looks, of all functions
  double worth = 1;    ///< what a look stands for, such as nanoseconds: rates of the sampler may differ
  std::map<std::string, function_counts> functions;
};

using side_counts = std::vector<run_counts>;

struct gate_options {
  double fail_above = 0.05;    ///< growth that is allowed, as a part: 0.05 is 5 %
  double error = 0.002;        ///< probability that equal builds fail, over all functions
  double min_share = 0.01;     ///< smaller functions are not judged: each one judged makes the others harder to see
  double noise_once = 0.02;    ///< assumed standard deviation between runs where there is one run a side
  double noise_floor = 0.005;  ///< and the least where there are more
};

struct judged {
  std::string name;
  bool per_call = false;
  double base = 0, now = 0;    ///< worth a call, or share
  double growth = 0;           ///< now / base - 1, of odds where it is by share
  double p = 1, adjusted = 1;
  double seen_from = 0;        ///< growth that would be found in 95 of 100 comparisons like this one
  bool failed = false;
};

struct gate_result {
  std::vector<judged> functions;
  std::size_t appeared = 0;     ///< functions that only the new build has: not judged
  double appeared_share = 0;
  bool by_runs = false;         ///< the second test was possible
  bool failed = false;
};

namespace detail_gate {

/// A function as a rate in each run: samples against an exposure, calls or the rest of the samples.
struct series {
  std::vector<double> samples, exposure, whole;
};

struct evidence {
  double growth_log = 0;  ///< log of the ratio of the two rates
  double p_up = 1, p_any = 1;
  double seen_from_log = 0;
  double strength = 0;    ///< standard deviations, by counting alone: what few runs say of their noise is noisy itself
};

/// How many standard deviations a test needs, for a probability of error of each function.
struct critical {
  double normal = 0, student = 0, freedom = 0;
  critical(std::size_t base_runs, std::size_t now_runs, double level) : normal(quantile(normal_tail, level)) {
    if (base_runs < 2 || now_runs < 2) return;
    freedom = static_cast<double>(base_runs + now_runs - 2);
    student = quantile([this](double x) { return student_tail(x, freedom); }, level);
  }
};
constexpr double in_95_of_100 = 1.645;

inline double sum(const std::vector<double>& v) {
  double out = 0;
  for (const double x : v) out += x;
  return out;
}

/// The counting test. Against calls, which are exact, samples vary as a part of all samples does (binomial: the CPU time as a whole is known); against
/// the rest both vary.
inline double counting_variance(const series& s, bool per_call) {
  const double k = sum(s.samples) + 0.5;
  if (!per_call) return 1 / k + 1 / (sum(s.exposure) + 0.5);
  const double part = std::min(1.0, k / (sum(s.whole) + 1));
  return std::max(1 - part, 0.05) / k;
}

inline evidence weigh(const series& base, const series& now, bool per_call, const gate_options& options, const critical& needed) {
  evidence out;
  const double k0 = sum(base.samples), k1 = sum(now.samples), e0 = sum(base.exposure), e1 = sum(now.exposure);
  if (e0 <= 0 || e1 <= 0) return out;
  const double more = per_call ? 0 : 0.5;  // calls are no chance
  out.growth_log = std::log((k1 + 0.5) / (e1 + more)) - std::log((k0 + 0.5) / (e0 + more));
  const bool several = base.samples.size() >= 2 && now.samples.size() >= 2;
  const double runs = 1.0 / static_cast<double>(base.samples.size()) + 1.0 / static_cast<double>(now.samples.size());
  const double noise = several ? options.noise_floor : options.noise_once;
  const double counting = std::sqrt(counting_variance(base, per_call) + counting_variance(now, per_call) + noise * noise * runs);
  out.strength = std::fabs(out.growth_log) / counting;
  double p_up = normal_tail(out.growth_log / counting), p_down = normal_tail(-out.growth_log / counting);
  if (k0 < 10 || k1 < 10) {  // logarithms of few samples are not normal: of all samples, so many on the new side
    const double part = e1 / (e0 + e1);
    p_up = std::max(p_up, binomial_tail(k1, k0 + k1, part));
    p_down = std::max(p_down, binomial_tail(k0, k0 + k1, 1 - part));
  }
  const double allowed = std::log1p(options.fail_above);
  const auto seen = [allowed](double deviation, double least) { return std::max(deviation * (least + in_95_of_100), allowed + deviation * in_95_of_100); };
  out.seen_from_log = seen(counting, needed.normal);

  if (several) {
    struct center {
      double mean = 0, spread = 0, weight = 0;
    };
    const auto center_of = [more](const series& s, double exposure) {
      center c;
      std::vector<double> rates;
      for (std::size_t i = 0; i < s.samples.size(); ++i) {
        rates.push_back(std::log((s.samples[i] + 0.5) / (s.exposure[i] + more)));
        const double part = s.exposure[i] / exposure;
        c.mean += part * rates.back();
        c.weight += part * part;  // 1 / n where all runs are equally long
      }
      for (std::size_t i = 0; i < rates.size(); ++i)
        c.spread += static_cast<double>(rates.size()) * s.exposure[i] / exposure * (rates[i] - c.mean) * (rates[i] - c.mean);
      return c;
    };
    const center before = center_of(base, e0), after = center_of(now, e1);
    const double freedom = needed.freedom;
    const double between = std::sqrt((before.spread + after.spread) / freedom * (before.weight + after.weight));
    const double t = between > 0 ? (after.mean - before.mean) / between : 1e9 * (after.mean - before.mean);
    p_up = std::max(p_up, student_tail(t, freedom));
    p_down = std::max(p_down, student_tail(-t, freedom));
    out.seen_from_log = std::max(out.seen_from_log, seen(between, needed.student));
  }
  out.p_up = p_up;
  out.p_any = std::min(1.0, 2 * std::min(p_up, p_down));
  return out;
}

inline function_counts of(const run_counts& run, const std::string& name) {
  const auto found = run.functions.find(name);
  return found == run.functions.end() ? function_counts() : found->second;
}

/// Samples of a function's own against the samples of the reference without it.
inline series shares(const side_counts& side, const std::string& name, const std::vector<double>& reference, bool in_reference) {
  series out;
  for (std::size_t i = 0; i < side.size(); ++i) {
    const double k = of(side[i], name).self;
    out.samples.push_back(k);
    out.exposure.push_back(std::max(0.0, reference[i] - (in_reference ? k : 0)));
    out.whole.push_back(side[i].samples);
  }
  return out;
}

inline series calls(const side_counts& side, const std::string& name) {
  series out;
  for (const run_counts& run : side) {
    const function_counts f = of(run, name);
    out.samples.push_back(f.total);
    out.exposure.push_back(f.calls / run.worth);
    out.whole.push_back(run.samples);
  }
  return out;
}

}  // namespace detail_gate

inline gate_result judge(const side_counts& base, const side_counts& now, const gate_options& options) {
  using namespace detail_gate;
  gate_result out;
  out.by_runs = base.size() >= 2 && now.size() >= 2;

  std::map<std::string, function_counts> before, after;
  double all_before = 0, all_after = 0;
  const auto add_up = [](const side_counts& side, std::map<std::string, function_counts>& into, double& whole) {
    for (const run_counts& run : side) {
      whole += run.samples;
      for (const auto& f : run.functions) {
        function_counts& sum_of = into[f.first];
        sum_of.self += f.second.self;
        sum_of.total += f.second.total;
        sum_of.calls += f.second.calls / run.worth;
      }
    }
  };
  add_up(base, before, all_before);
  add_up(now, after, all_after);
  if (all_before <= 0 || all_after <= 0) return out;

  std::vector<std::string> by_share;
  for (const auto& f : after) {
    const auto found = before.find(f.first);
    const bool is_new = found == before.end() || (found->second.total <= 0 && found->second.calls <= 0);
    if (is_new) {
      if (f.second.self / all_after >= options.min_share) ++out.appeared;
      out.appeared_share += f.second.self / all_after;
      continue;
    }
    judged j;
    j.name = f.first;
    bool every_run = found->second.calls > 0 && f.second.calls > 0;
    for (const side_counts* side : {&base, &now})
      for (const run_counts& run : *side) every_run = every_run && of(run, f.first).calls > 0;
    j.per_call = every_run;
    const double share = j.per_call ? std::max(f.second.total / all_after, found->second.total / all_before) : std::max(f.second.self / all_after, found->second.self / all_before);
    if (share < options.min_share) continue;
    j.base = j.per_call ? found->second.total / found->second.calls : found->second.self / all_before;
    j.now = j.per_call ? f.second.total / f.second.calls : f.second.self / all_after;
    if (!j.per_call) by_share.push_back(j.name);
    out.functions.push_back(std::move(j));
  }
  if (out.functions.empty()) return out;
  const double level = options.error / static_cast<double>(out.functions.size());
  const critical needed(base.size(), now.size(), level);

  // What shares are held against: all functions but those that have surely changed, the surest first. Else one function that became faster would
  // make all others look slower. A fifth of the samples has to remain.
  std::vector<double> reference_before, reference_after;
  for (const run_counts& run : base) reference_before.push_back(run.samples);
  for (const run_counts& run : now) reference_after.push_back(run.samples);
  std::map<std::string, bool> changed;
  const auto weigh_share = [&](const std::string& name) {
    const bool in_reference = !changed[name];
    return weigh(shares(base, name, reference_before, in_reference), shares(now, name, reference_after, in_reference), false, options, needed);
  };
  for (std::size_t round = 0; round < by_share.size(); ++round) {
    const std::string* surest = nullptr;
    double strongest = 0;
    for (const std::string& name : by_share) {
      if (changed[name]) continue;
      const evidence e = weigh_share(name);
      if (e.p_any > level) continue;
      if (e.strength > strongest) strongest = e.strength, surest = &name;
    }
    if (surest == nullptr) break;
    if (sum(reference_before) - before[*surest].self < 0.2 * all_before || sum(reference_after) - after[*surest].self < 0.2 * all_after) break;
    changed[*surest] = true;
    for (std::size_t i = 0; i < base.size(); ++i) reference_before[i] -= of(base[i], *surest).self;
    for (std::size_t i = 0; i < now.size(); ++i) reference_after[i] -= of(now[i], *surest).self;
  }

  std::vector<double> p;
  for (judged& j : out.functions) {
    const evidence e = j.per_call ? weigh(calls(base, j.name), calls(now, j.name), true, options, needed) : weigh_share(j.name);
    j.growth = std::exp(e.growth_log) - 1;
    j.p = e.p_up;
    j.seen_from = std::exp(e.seen_from_log) - 1;
    p.push_back(e.p_up);
  }
  const std::vector<double> adjusted = holm(p);
  for (std::size_t i = 0; i < p.size(); ++i) {
    judged& j = out.functions[i];
    j.adjusted = adjusted[i];
    j.failed = j.adjusted < options.error && j.growth > options.fail_above;
    out.failed = out.failed || j.failed;
  }
  return out;
}

}  // namespace pyro::command
