// pyro check: is this a profile, and is anything odd about it?

#include "inputs.hpp"
#include "selection.hpp"

#include <pyro/encode/call_tree.hpp>
#include <pyro/encode/losses.hpp>
#include <pyro/platform/system.hpp>

namespace pyro::command {
namespace {

struct check_options {
  std::vector<std::string> paths;
  bool quiet = false;
};

struct findings {
  std::vector<std::string> odd;   ///< changes the exit code
  std::vector<std::string> told;  ///< only worth knowing
};

std::string percent(std::int64_t part, std::int64_t whole) { return detail::format_percent(part, whole) + " %"; }
std::string count(std::uint64_t n) { return detail::format_count(static_cast<std::int64_t>(std::min<std::uint64_t>(n, INT64_MAX))); }

void check_times(const profile& p, std::int64_t now_ns, findings& out) {
  constexpr std::int64_t second = 1'000'000'000, day = 86'400 * second;
  if (p.time_ns == 0) return out.told.push_back("no time: servers and the timeline cannot place it");
  if (p.time_ns > now_ns + 60 * second) out.odd.push_back("time in the future, " + detail::format_time(p.time_ns) + ": a wrong clock here or there");
  else if (p.time_ns < 1'000'000'000 * second) out.odd.push_back("time before 2001, " + detail::format_time(p.time_ns) + ": is it nanoseconds?");
  if (p.duration_ns < 0) out.odd.push_back("negative duration, " + detail::format_duration(p.duration_ns));
  else if (p.duration_ns > 366 * day) out.odd.push_back("duration of more than a year, " + detail::format_duration(p.duration_ns));
  else if (p.duration_ns == 0) out.told.push_back("no duration: shares of a core cannot be told");
  const int cpu = p.column("cpu");
  if (cpu >= 0 && p.sample_types[static_cast<std::size_t>(cpu)].unit == "nanoseconds" && p.duration_ns > 0) {
    const std::int64_t cores = p.total(static_cast<std::size_t>(cpu)) / p.duration_ns;
    if (cores > 4096) out.odd.push_back("more CPU time than " + count(4096) + " cores have in its duration: wrong unit?");
  }
}

void check_values(const profile& p, findings& out) {
  bool negative = false;
  for (const std::int64_t v : p.values) negative = negative || v < 0;
  if (negative) out.odd.push_back("negative values: is this a difference of two profiles?");
  const int samples = p.column("samples"), cpu = p.column("cpu");
  if (samples < 0 || cpu < 0 || p.period <= 0 || p.period_type.type != "cpu") return;
  const std::int64_t by_samples = p.total(static_cast<std::size_t>(samples)), value = p.total(static_cast<std::size_t>(cpu));
  const double expected = static_cast<double>(by_samples) * static_cast<double>(p.period);
  if (std::abs(static_cast<double>(value) - expected) > expected * 0.01 + 1)
    out.odd.push_back("CPU time is not samples times period: " + format_value(value, p.sample_types[static_cast<std::size_t>(cpu)]) + " against " + count(static_cast<std::uint64_t>(by_samples)) + " samples every " +
                      detail::format_duration(p.period) + "; was the rate changed on the way?");
}

void check_frames(const profile& p, std::size_t column, findings& out) {
  const std::int64_t whole = p.total(column);
  std::vector<bool> unnamed(p.frames.size()), cut(p.frames.size()), other(p.frames.size());
  for (std::size_t i = 0; i < p.frames.size(); ++i) {
    const frame& f = p.frames[i];
    const function& fn = p.functions[f.function];
    const std::string& name = p.text(fn.name).empty() ? p.text(fn.system_name) : p.text(fn.name);
    unnamed[i] = name.empty() || name == "[unknown]" || name == "??" || name.compare(0, 2, "0x") == 0;
    cut[i] = name == "[truncated]";
    other[i] = name == "[other]";
  }
  std::int64_t without_name = 0, truncated = 0, folded = 0, no_stack_value = 0;
  for (std::size_t row = 0; row < p.samples.size(); ++row) {
    const std::int64_t value = p.values_of(row)[column];
    const std::uint32_t leaf = p.samples[row].stack;
    if (leaf == no_stack) {
      no_stack_value += value;
      continue;
    }
    if (unnamed[p.stacks[leaf].frame]) without_name += value;
    bool is_cut = false, is_other = false;
    for (std::uint32_t s = leaf; s != no_stack; s = p.stacks[s].parent) {
      is_cut = is_cut || cut[p.stacks[s].frame];
      is_other = is_other || other[p.stacks[s].frame];
    }
    if (is_cut) truncated += value;
    if (is_other) folded += value;
  }
  const auto at_least = [whole](std::int64_t part, double share) { return whole > 0 && static_cast<double>(part) >= share * static_cast<double>(whole); };
  const auto say = [&](std::int64_t part, double odd_from, const std::string& what) {
    if (part <= 0) return;
    (at_least(part, odd_from) ? out.odd : out.told).push_back(percent(part, whole) + what);
  };
  say(without_name, 0.05, " ends in functions without a name: programs and libraries without symbols (install debug symbols, don't strip)");
  say(truncated, 0.05, " has stacks that are cut off (see docs/unwinding.md)");
  say(folded, 0.05, " went to [other], by a limit on memory, rows or tag values");
  say(no_stack_value, 0.01, " has no stack at all");
}

void check_mappings(const profile& p, findings& out) {
  std::size_t outside = 0, addressed = 0, without_build_id = 0, backwards = 0, overlapping = 0;
  for (const frame& f : p.frames) {
    if (f.address == 0 || f.mapping >= p.mappings.size()) continue;
    const mapping& m = p.mappings[f.mapping];
    if (m.memory_limit == 0) continue;
    ++addressed;
    if (f.address < m.memory_start || f.address >= m.memory_limit) ++outside;
  }
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
  for (const mapping& m : p.mappings) {
    if (m.memory_limit == 0) continue;
    if (m.memory_limit <= m.memory_start) ++backwards;
    else ranges.emplace_back(m.memory_start, m.memory_limit);
    const std::string& file = p.text(m.filename);
    if (m.build_id == 0 && !file.empty() && file[0] == '/') ++without_build_id;
  }
  std::sort(ranges.begin(), ranges.end());
  for (std::size_t i = 1; i < ranges.size(); ++i) overlapping += ranges[i].first < ranges[i - 1].second ? 1 : 0;
  if (backwards != 0) out.odd.push_back(count(backwards) + " mappings end before they begin");
  if (outside != 0) out.odd.push_back(count(outside) + " of " + count(addressed) + " addresses lie outside their mapping: mappings of another process?");
  if (overlapping != 0) out.told.push_back(count(overlapping) + " mappings overlap: several processes in one file, or libraries that came and went");
  if (without_build_id != 0) out.told.push_back(count(without_build_id) + " modules have no build id: symbols cannot be looked up later");
}

findings check(const profile& p, std::int64_t now_ns) {
  findings out;
  if (p.sample_types.empty()) {
    out.odd.push_back("no sample types: it cannot hold anything");
    return out;
  }
  if (p.samples.empty()) out.odd.push_back("no samples: nothing ran, or profiling was off");
  else {
    const std::size_t column = column_of(p, "");
    if (p.total(column) == 0) out.odd.push_back("no " + type_name(p.sample_types[column]) + " at all: too little CPU time to show up");
    else check_frames(p, column, out);
  }
  check_times(p, now_ns, out);
  check_values(p, out);
  check_mappings(p, out);
  const losses& lost = p.lost;
  if (const std::string text = detail::format_losses(lost); !text.empty()) {
    const int samples = p.column("samples");
    const std::int64_t taken = samples >= 0 ? p.total(static_cast<std::size_t>(samples)) : 0;
    const bool serious = lost.handler_replaced != 0 || lost.timer_failed != 0 || lost.threads != 0 || lost.ring_full * 100 > static_cast<std::uint64_t>(std::max<std::int64_t>(taken, 0));
    (serious ? out.odd : out.told).push_back("lost: " + text);
  }
  return out;
}

std::string summary(const profile& p) {
  std::string out;
  for (std::size_t c = 0; c < p.sample_types.size(); ++c) out += (c == 0 ? "" : ", ") + type_name(p.sample_types[c]) + " " + format_value(p.total(c), p.sample_types[c]);
  out += "; " + count(p.samples.size()) + " rows, " + count(p.functions.size()) + " functions, " + count(p.mappings.size()) + " mappings";
  if (p.time_ns != 0) out += "; " + detail::format_time(p.time_ns) + ", " + detail::format_duration(p.duration_ns);
  return out;
}

int run(const check_options& options) {
  const std::int64_t now_ns = platform::wall_ns();
  int code = ok;
  std::string out;
  for (const std::string& file : find_files(options.paths)) {
    profile p;
    try {
      p = read_profile(file);
    } catch (const failure& e) {  // the others are still looked at
      warn(e.what());
      code = unusable;
      continue;
    }
    const findings found = check(p, now_ns);
    if (!found.odd.empty() && code == ok) code = gate_failed;
    if (options.quiet && found.odd.empty()) continue;
    out += (file == "-" ? "standard input" : shown(file)) + ": " + (found.odd.empty() ? "good" : "odd") + (options.quiet ? "" : "; " + summary(p)) + "\n";
    for (const std::string& line : found.odd) out += "  odd: " + line + "\n";
    if (!options.quiet)
      for (const std::string& line : found.told) out += "  note: " + line + "\n";
  }
  write_output("-", out);
  return code;
}

}  // namespace

void add_check(CLI::App& pyro, int& exit_code) {
  CLI::App* app = pyro.add_subcommand("check", "Tell whether files are profiles, and what is odd about them");
  const auto options = std::make_shared<check_options>();
  app->add_option("files", options->paths, "Profiles: files, directories, or - for standard input")->required()->type_name("FILE|DIR");
  app->add_flag("-q,--quiet", options->quiet, "Only what is odd");
  app->footer("Exit codes: 0 all good; 1 something is odd (no samples, no names, cut stacks, losses, times or mappings that cannot be); 2 a file is no profile.\n\n"
              "Examples:\n"
              "  pyro check profile.pb.gz\n"
              "  pyro check --quiet out/rideshare || exit 1");
  app->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace pyro::command
