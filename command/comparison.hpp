#pragma once
// Two sides, each of some runs, function by function: what `diff` shows and its gate judges. One thread.

#include "gate.hpp"
#include "selection.hpp"

#include <pyro/encode/call_tree.hpp>

#include <algorithm>  // sort
#include <map>        // functions
#include <string>     // names
#include <vector>     // runs

namespace pyro::command {

/// The kernel looks at CPU timers on its tick alone, which comes every 4 ms nearly everywhere: a sampler that is faster gets several samples at once,
/// and these are one look at the program.
constexpr std::int64_t tick_ns = 4'000'000;

struct function_values {
  std::int64_t self = 0, total = 0, calls = 0;
};

/// One side, run by run as the gate wants it and as a whole.
struct side {
  value_type type;
  std::int64_t whole = 0;
  std::map<std::string, function_values> functions;
  side_counts runs;
  bool counted = true;  ///< it is known how many samples the values are

  void add(const profile& p, const std::string& type_wanted) {
    const std::size_t column = column_of(p, type_wanted);
    if (runs.empty()) type = p.sample_types[column];
    if (p.sample_types[column].type != type.type || p.sample_types[column].unit != type.unit)
      throw failure("the files have different types, " + type_name(type) + " and " + type_name(p.sample_types[column]) + ": choose one with --type");
    const int calls = calls_beside(p, column);
    const std::int64_t sum = p.total(column);
    double per_value = 1;  // looks
    const int samples = p.column("samples");
    const bool measured_by_samples = type.unit == "nanoseconds" || type.type == "samples";  // not bytes, not counts of anything else
    if (sum > 0 && measured_by_samples && samples >= 0 && p.total(static_cast<std::size_t>(samples)) > 0)
      per_value = static_cast<double>(p.total(static_cast<std::size_t>(samples))) / static_cast<double>(sum);
    else if (p.period > 0 && type.unit == p.period_type.unit && type.type == p.period_type.type)
      per_value = 1.0 / static_cast<double>(p.period);
    else if (sum > 0)
      counted = false;
    if (p.period_type.unit == "nanoseconds" && p.period > 0 && p.period < tick_ns) per_value *= static_cast<double>(p.period) / static_cast<double>(tick_ns);

    const detail::call_tree tree = detail::make_call_tree(p, column, calls);
    run_counts run;
    run.samples = static_cast<double>(sum) * per_value;
    run.worth = 1 / per_value;
    for (const detail::function_total& f : detail::totals_by_function(tree)) {
      const std::string& name = tree.names[f.name];
      function_values& all = functions[name];
      all.self += f.self;
      all.total += f.total;
      all.calls += f.calls;
      run.functions[name] = {static_cast<double>(f.self) * per_value, static_cast<double>(f.total) * per_value, static_cast<double>(f.calls)};
    }
    whole += sum;
    runs.push_back(std::move(run));
  }
};

/// A line of the table. Shares are parts of their own side.
struct compared {
  std::string name;
  function_values base, now;
  double self_before = 0, self_after = 0, total_before = 0, total_after = 0;
};

/// All functions, the largest change of share first: of their own time, or with what they call.
inline std::vector<compared> compare(const side& base, const side& now, bool by_total) {
  std::map<std::string, compared> all;
  for (const auto& f : base.functions) all[f.first].base = f.second;
  for (const auto& f : now.functions) all[f.first].now = f.second;
  const auto part = [](std::int64_t value, std::int64_t whole) { return whole > 0 ? static_cast<double>(value) / static_cast<double>(whole) : 0.0; };
  std::vector<compared> out;
  for (auto& f : all) {
    compared& c = f.second;
    c.name = f.first;
    c.self_before = part(c.base.self, base.whole);
    c.self_after = part(c.now.self, now.whole);
    c.total_before = part(c.base.total, base.whole);
    c.total_after = part(c.now.total, now.whole);
    out.push_back(std::move(c));
  }
  const auto change = [by_total](const compared& c) { return std::fabs(by_total ? c.total_after - c.total_before : c.self_after - c.self_before); };
  const auto second = [by_total](const compared& c) { return std::fabs(by_total ? c.self_after - c.self_before : c.total_after - c.total_before); };
  std::stable_sort(out.begin(), out.end(), [&](const compared& a, const compared& b) {
    if (change(a) != change(b)) return change(a) > change(b);
    if (second(a) != second(b)) return second(a) > second(b);
    return a.total_after + a.self_after > b.total_after + b.self_after;
  });
  return out;
}

}  // namespace pyro::command
