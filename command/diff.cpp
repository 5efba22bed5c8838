// pyro diff: what has changed between two builds, two hours, two machines; and a gate for CI. docs/diff.md tells what the gate tests.

#include "comparison.hpp"
#include "inputs.hpp"

#include <pyro/encode/html.hpp>
#include <pyro/encode/text_table.hpp>

namespace pyro::command {
namespace {

struct diff_options {
  std::vector<std::string> paths, base, now, tags;
  std::string type, html;
  std::string by = "self";
  std::size_t lines = 25;
  double fail_above = -1, noise = -1, min_share = 1;
};

std::string decimals(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}
std::string points(double part) {
  const std::string text = decimals(part * 100, 1);
  return text == "0.0" || text == "-0.0" ? "0.0" : part > 0 ? "+" + text : text;
}
std::string growth(double ratio) {  // +12.3 %, -4.5 %, x 12.3
  if (ratio >= 9.995) return "x " + decimals(ratio + 1, 1);
  return points(ratio) + " %";
}
std::string probability(double p) {
  char text[32];
  std::snprintf(text, sizeof text, p < 0.001 ? "%.0e" : "%.3f", p);
  return p < 1e-12 ? "<1e-12" : text;
}

void table(const side& base, const side& now, const diff_options& options, std::string& out) {
  const std::vector<compared> all = compare(base, now, options.by == "total");
  bool calls = false;
  for (const compared& c : all) calls = calls || (c.base.calls > 0 && c.now.calls > 0);
  const bool total = options.by == "total";
  std::vector<std::string> head{"Function", "base " + options.by + " %", "new " + options.by + " %", "points"};
  if (calls) head.insert(head.end(), {"base a call", "new a call", "change"});
  detail::text_table t(head, "\xe2\x94\x80", "\xe2\x80\xa6");
  std::size_t shown_lines = 0, hidden = 0;
  for (const compared& c : all) {
    if (c.base.total == 0 && c.now.total == 0) continue;
    if (shown_lines == options.lines) {
      ++hidden;
      continue;
    }
    ++shown_lines;
    const std::int64_t before = total ? c.base.total : c.base.self, after = total ? c.now.total : c.now.self;
    std::vector<std::string> cells{c.name, detail::format_percent(before, base.whole), detail::format_percent(after, now.whole),
                                   points(total ? c.total_after - c.total_before : c.self_after - c.self_before)};
    const bool known = c.base.calls > 0 && c.now.calls > 0 && c.base.total > 0 && c.now.total > 0;
    if (known) {
      const double once_before = static_cast<double>(c.base.total) / static_cast<double>(c.base.calls);
      const double once_after = static_cast<double>(c.now.total) / static_cast<double>(c.now.calls);
      cells.insert(cells.end(), {format_value(c.base.total / c.base.calls, base.type), format_value(c.now.total / c.now.calls, now.type), growth(once_after / once_before - 1)});
    }
    t.row("", std::move(cells));
  }
  if (hidden != 0) t.row("", {"\xe2\x80\xa6 " + detail::format_count(static_cast<std::int64_t>(hidden)) + " more (-n)"});
  out += with_colours(t.text(line_width(), ""));
}

std::string side_line(const char* name, const side& s) {
  return std::string(name) + format_value(s.whole, s.type) + " of " + type_name(s.type) + " in " + std::to_string(s.runs.size()) + (s.runs.size() == 1 ? " file\n" : " files\n");
}

std::string rate(const judged& j, const value_type& type, double value) {
  return j.per_call ? format_value(static_cast<std::int64_t>(value + 0.5), type) : decimals(value * 100, 1) + " %";
}

/// The verdict, for people; true where the gate fails.
bool gate(const side& base, const side& now, const diff_options& options, std::string& out) {
  for (const side* s : {&base, &now})
    if (!s->counted && (base.runs.size() < 2 || now.runs.size() < 2))
      throw failure("--fail-above: how many samples " + type_name(base.type) + " stands for is not known, so chance cannot be told from change; give two or more files a side, or choose --type cpu");
  if (base.whole <= 0 || now.whole <= 0)
    throw failure(std::string("--fail-above: the ") + (base.whole <= 0 ? "base" : "new") + " side has no samples, there is nothing to judge: measure longer");
  gate_options settings;
  settings.fail_above = options.fail_above / 100;
  settings.min_share = options.min_share / 100;
  if (options.noise >= 0) settings.noise_once = settings.noise_floor = options.noise / 100;
  const gate_result result = judge(base.runs, now.runs, settings);

  std::vector<const judged*> failed;
  std::size_t seen = 0;
  constexpr double interesting = 0.10;
  for (const judged& j : result.functions) {
    if (j.failed) failed.push_back(&j);
    if (j.seen_from <= interesting) ++seen;
  }
  std::sort(failed.begin(), failed.end(), [](const judged* a, const judged* b) { return a->now > b->now; });
  const std::string limit = decimals(options.fail_above, options.fail_above == std::floor(options.fail_above) ? 0 : 1) + " %";
  const std::string judged_count = std::to_string(result.functions.size()) + (result.functions.size() == 1 ? " function" : " functions");
  const char* red = has_colours() ? "\033[31m" : "";
  const char* green = has_colours() ? "\033[32m" : "";
  const char* plain = has_colours() ? "\033[0m" : "";
  if (result.failed) {
    out += std::string("\n") + red + "gate: FAILED" + plain + ": " + std::to_string(failed.size()) + " of " + judged_count + " judged " + (failed.size() == 1 ? "is" : "are") + " more than " + limit + " slower\n";
    for (const judged* j : failed)
      out += "  " + j->name + ": " + growth(j->growth) + (j->per_call ? " CPU a call, " : " against the rest, ") + rate(*j, base.type, j->base) + " -> " + rate(*j, base.type, j->now) +
             ", by chance with probability " + probability(j->adjusted) + "\n";
  } else {
    out += std::string("\n") + green + "gate: passed" + plain + ": none of " + judged_count + " judged is surely more than " + limit + " slower\n";
  }
  out += "  A growth of 10 % would be found in 95 of 100 comparisons like this one in " + std::to_string(seen) + " of them";
  out += seen < result.functions.size() ? "; for more: longer runs, or more files a side (docs/diff.md)\n" : "\n";
  if (!result.by_runs)
    out += "  One file on a side: that runs of one build differ by " + decimals(settings.noise_once * 100, 1) + " % is assumed (--noise); with several files a side it is measured\n";
  if (result.appeared != 0)
    out += "  " + std::to_string(result.appeared) + (result.appeared == 1 ? " function is" : " functions are") + " new, with " + decimals(result.appeared_share * 100, 1) + " % of the samples: not judged\n";
  return result.failed;
}

int run(const diff_options& options) {
  std::vector<std::string> before = options.base, after = options.now;
  if (!options.paths.empty()) {
    if (!before.empty() || !after.empty()) throw failure("diff: either BASE NEW, or --base FILES --new FILES");
    if (options.paths.size() != 2) throw failure("diff: takes two files or directories, BASE and NEW; for more files a side: --base FILES --new FILES");
    before = {options.paths[0]};
    after = {options.paths[1]};
  }
  if (before.empty() || after.empty()) throw failure("diff: two sides are needed: pyro diff BASE NEW, each a file or a directory");
  const tag_filter tags = parse_tags(options.tags);
  html_options page;
  page.title = "base and new";
  page.view = "view=diff&split=1&left.tag.side=base&right.tag.side=new";
  html_report report(page);
  const bool html = !options.html.empty();
  const auto read = [&](const std::vector<std::string>& paths, const char* name) {
    side s;
    for_each_profile(find_files(paths), [&](profile p, const std::string&) {
      p = with_tags(std::move(p), tags);
      s.add(p, options.type);
      if (!html) return;
      p.static_tags.emplace_back("side", name);
      std::sort(p.static_tags.begin(), p.static_tags.end());
      report.add(p);
    });
    return s;
  };
  const side base = read(before, "base"), now = read(after, "new");
  if (base.type.type != now.type.type || base.type.unit != now.type.unit)
    throw failure("the two sides have different types, " + type_name(base.type) + " and " + type_name(now.type) + ": choose one with --type");

  std::string out = side_line("base  ", base) + side_line("new   ", now) + "\n";
  table(base, now, options, out);
  const bool failed = options.fail_above >= 0 && gate(base, now, options, out);
  if (html) {
    write_output(options.html, report.str());
    if (options.html != "-") out += "\nreport: " + shown(options.html) + " (opens with the difference of the two sides)\n";
  }
  if (options.html != "-") write_output("-", out);
  return failed ? gate_failed : ok;
}

}  // namespace

void add_diff(CLI::App& pyro, int& exit_code) {
  CLI::App* app = pyro.add_subcommand("diff", "Compare two sides, function by function; a gate for CI with --fail-above");
  const auto options = std::make_shared<diff_options>();
  app->add_option("sides", options->paths, "BASE and NEW: files, or directories with a file a run")->type_name("BASE NEW");
  app->add_option("--base", options->base, "Files of the base side, instead of BASE")->type_name("FILE|DIR");
  app->add_option("--new", options->now, "Files of the new side, instead of NEW")->type_name("FILE|DIR");
  app->add_option("-t,--type", options->type, "Sample type: cpu, samples, ... (default: cpu, else the file's own default)")->type_name("TYPE");
  app->add_option("--tag", options->tags, "Only samples with this tag; repeat for more")->type_name("KEY=VALUE")->allow_extra_args(false);
  app->add_option("--by", options->by, "Sort by the change of: self (own time) or total (with what is called)")->type_name("WHAT")->check(CLI::IsMember({"self", "total"}))->capture_default_str();
  app->add_option("-n,--lines", options->lines, "Most lines shown")->type_name("N")->capture_default_str();
  app->add_option("--html", options->html, "Write a page with both sides as well, for the flame graph of the difference")->type_name("FILE");
  app->add_option("--fail-above", options->fail_above, "Exit with 1 if a function has surely become more than this slower")->type_name("PERCENT")->check(CLI::Range(0.0, 10000.0));
  app->add_option("--noise", options->noise, "How much runs of one build differ, at least (default: 2 with one file a side, else 0.5, and what is measured)")->type_name("PERCENT")->check(CLI::Range(0.0, 100.0));
  app->add_option("--min-share", options->min_share, "Functions with less are not judged")->type_name("PERCENT")->check(CLI::Range(0.0, 100.0))->capture_default_str();
  app->footer("Each file is a run. With five or more a side, taken in turns, the gate knows how much runs differ by themselves.\n"
              "Exit codes: 0 passed, 1 the gate failed, 2 wrong usage or unreadable files.\n\n"
              "Examples:\n"
              "  pyro diff yesterday.pb.gz today.pb.gz\n"
              "  pyro diff main/ branch/ --fail-above 5\n"
              "  pyro diff --base m1.pb.gz m2.pb.gz --new b1.pb.gz b2.pb.gz --by total\n"
              "  pyro diff base.pb.gz new.pb.gz --html diff.html");
  app->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace pyro::command
