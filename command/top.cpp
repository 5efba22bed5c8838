// pyro top: the functions, or the values of a tag, with the most of a sample type.

#include "merged_input.hpp"

#include <pyro/encode/call_tree.hpp>
#include <pyro/encode/text_table.hpp>

namespace pyro::command {
namespace {

struct top_options {
  merged_options in;
  std::string by;
  std::string sort = "self";
  std::size_t lines = 25;
};

void functions_table(const profile& p, const top_options& options, std::string& out) {
  const std::size_t column = column_of(p, options.in.type);
  const int calls = calls_beside(p, column);
  if (options.sort == "calls" && calls < 0) throw failure("--sort calls: the profile has no calls beside what is shown");
  const detail::call_tree tree = detail::make_call_tree(p, column, calls);
  std::vector<detail::function_total> all = detail::totals_by_function(tree);
  if (options.sort == "total") std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.total > b.total; });
  if (options.sort == "calls") std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.calls > b.calls; });

  const std::int64_t whole = p.total(column);
  const std::string title = title_of(p.sample_types[column]);
  std::vector<std::string> head{"Function", "self " + title, "self %", "total " + title, "total %"};
  if (calls >= 0) head.insert(head.end(), {"calls", title + " a call"});
  detail::text_table table(head, "\xe2\x94\x80", "\xe2\x80\xa6");
  const auto value = [&](std::int64_t v) { return format_value(v, p.sample_types[column]); };
  std::int64_t rest = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const detail::function_total& f = all[i];
    if (i >= options.lines) {
      rest += f.self;
      continue;
    }
    table.row("", {tree.names[f.name], value(f.self), detail::format_percent(f.self, whole), value(f.total), detail::format_percent(f.total, whole),
                   f.calls == 0 ? "" : detail::format_count(f.calls), f.calls <= 0 || f.total == 0 ? "" : value(f.total / f.calls)});
  }
  if (all.size() > options.lines)
    table.row("", {"\xe2\x80\xa6 " + detail::format_count(static_cast<std::int64_t>(all.size() - options.lines)) + " more (-n)", value(rest), detail::format_percent(rest, whole)});
  out += with_colours(table.text(line_width(), ""));
}

void tag_table(const profile& p, const top_options& options, std::string& out) {
  const std::size_t column = column_of(p, options.in.type);
  const int calls = calls_beside(p, column);
  const auto there = tags_of(p);
  std::vector<std::string> keys;
  for (const auto& tag : there) keys.push_back(tag.first);
  if (there.count(options.by) == 0) {
    const std::string near = checks::nearest(options.by, keys);
    throw failure("--by " + shown(options.by) + ": no sample has this tag; " + (keys.empty() ? "there are no tags at all" : "there are " + listed(keys)) +
                  (near.empty() ? "" : "; did you mean " + shown(near) + "?"));
  }
  struct sums {
    std::string name;
    std::int64_t value = 0, calls = 0;
  };
  std::map<std::string, sums> by_value;
  sums without;
  std::vector<sums*> of_set;
  for (std::uint32_t i = 0; i < p.label_sets.size(); ++i) {
    sums* found = &without;
    for (const auto& label : detail::labels_of(p, i, true))
      if (label.first == options.by) found = &by_value[label.second];
    of_set.push_back(found);
  }
  for (std::size_t row = 0; row < p.samples.size(); ++row) {
    sums& s = *of_set[p.samples[row].labels];
    s.value += p.values_of(row)[column];
    if (calls >= 0) s.calls += p.values_of(row)[calls];
  }
  std::vector<sums> sorted;
  for (auto& value : by_value) {
    value.second.name = value.first.empty() ? "(empty)" : shown(value.first);
    sorted.push_back(value.second);
  }
  std::stable_sort(sorted.begin(), sorted.end(), [&options](const sums& a, const sums& b) { return options.sort == "calls" ? a.calls > b.calls : a.value > b.value; });

  const std::int64_t whole = p.total(column);
  std::vector<std::string> head{"Tag " + shown(options.by), title_of(p.sample_types[column]), "%"};
  if (calls >= 0) head.push_back("calls");
  detail::text_table table(head, "\xe2\x94\x80", "\xe2\x80\xa6");
  const auto row = [&](const sums& s) {
    table.row("", {s.name, format_value(s.value, p.sample_types[column]), detail::format_percent(s.value, whole), s.calls == 0 ? "" : detail::format_count(s.calls)});
  };
  sums rest;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (i < options.lines) row(sorted[i]);
    else rest.value += sorted[i].value, rest.calls += sorted[i].calls;
  }
  if (sorted.size() > options.lines) {
    rest.name = "\xe2\x80\xa6 " + detail::format_count(static_cast<std::int64_t>(sorted.size() - options.lines)) + " more (-n)";
    row(rest);
  }
  without.name = "(not set)";
  if (without.value != 0 || without.calls != 0) row(without);
  out += with_colours(table.text(line_width(), ""));
}

/// What it is a table of: `ride-sharing-app, 1.23 s of cpu, 123 samples, 2026-11-24 14:15:00 UTC, for 10.0 s`.
std::string heading(const profile& p, std::size_t column) {
  std::string out = p.application.empty() ? std::string() : shown(p.application) + ", ";
  out += format_value(p.total(column), p.sample_types[column]) + " of " + type_name(p.sample_types[column]);
  if (const int samples = p.column("samples"); samples >= 0 && static_cast<std::size_t>(samples) != column)
    out += ", " + detail::format_count(p.total(static_cast<std::size_t>(samples))) + " samples";
  if (p.time_ns != 0) out += ", " + detail::format_time(p.time_ns);
  if (p.duration_ns != 0) out += ", for " + detail::format_duration(p.duration_ns);
  return out + "\n\n";
}

int run(const top_options& options) {
  const profile p = read_merged(options.in);
  std::string out = heading(p, column_of(p, options.in.type));
  if (options.by.empty() || options.by == "function") functions_table(p, options, out);
  else tag_table(p, options, out);
  write_output("-", out);
  return ok;
}

}  // namespace

void add_top(CLI::App& pyro, int& exit_code) {
  CLI::App* app = pyro.add_subcommand("top", "Show the functions, or the values of a tag, with the most CPU time");
  const auto options = std::make_shared<top_options>();
  add_merged_options(*app, options->in);
  app->add_option("--by", options->by, "function (default), or the key of a tag, such as vehicle")->type_name("KEY");
  app->add_option("-s,--sort", options->sort, "self, total or calls")->type_name("WHAT")->check(CLI::IsMember({"self", "total", "calls"}))->capture_default_str();
  app->add_option("-n,--lines", options->lines, "Most lines shown")->type_name("N")->capture_default_str();
  app->footer("Examples:\n"
              "  pyro top profile.pb.gz\n"
              "  pyro top --by vehicle out/rideshare\n"
              "  pyro top --tag region=eu-north --sort total profile.pb.gz\n"
              "  curl -s http://localhost:6060/debug/pprof/profile?seconds=10 | pyro top -");
  app->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace pyro::command
