// pyro report: one HTML page of everything: processes, regions and windows merged by time.

#include "inputs.hpp"
#include "selection.hpp"

#include <pyro/encode/html.hpp>

namespace pyro::command {
namespace {

struct report_options {
  std::vector<std::string> paths, tags;
  std::string output, title;
  html_options page;
};

int run(const report_options& options) {
  const std::vector<std::string> files = find_files(options.paths);
  const tag_filter tags = parse_tags(options.tags);
  html_options page = options.page;
  page.title = options.title;
  html_report report(page);
  std::int64_t samples = 0, cpu = 0, calls = 0;
  std::size_t empty = 0, damaged = 0;
  const auto add = [](const profile& p, const char* type, std::int64_t& sum) {
    if (const int column = p.column(type); column >= 0) sum += p.total(static_cast<std::size_t>(column));
  };
  const auto add_file = [&](const std::string& file) {
    profile p = read_profile(file);
    if (p.sample_types.empty()) throw failure(name_of_input(file) + ": has no sample types, nothing can be shown of it");
    try {
      p = with_tags(std::move(p), tags);
    } catch (const failure&) {  // other files may have the tag
      ++empty;
      return;
    }
    add(p, "samples", samples);
    add(p, "cpu", cpu);
    add(p, "calls", calls);
    report.add(p);
  };
  progress shown_progress(files.size(), "files");
  for (const std::string& file : files) {
    try {
      add_file(file);
    } catch (const failure& why) {
      // What a directory happens to hold, such as a file that a full disk has cut, must not keep the others back.
      const bool named = std::find(options.paths.begin(), options.paths.end(), file) != options.paths.end();
      if (named || ++damaged == files.size()) throw;
      shown_progress.clear();
      warn(std::string("left out: ") + why.what());
    }
    shown_progress.step();
  }
  shown_progress.clear();
  if (empty + damaged == files.size()) with_tags(read_profile(files[0]), tags);  // says what tags there are
  write_output(options.output, report.str());
  if (options.output != "-")
    warn(shown(options.output) + ": " + detail::format_count(static_cast<std::int64_t>(files.size() - empty - damaged)) + (files.size() - empty - damaged == 1 ? " file, " : " files, ") +
         (cpu != 0 ? detail::format_duration(cpu) + " of CPU, " : "") + detail::format_count(samples) + " samples" + (calls != 0 ? ", " + detail::format_count(calls) + " calls" : ""));
  return ok;
}

}  // namespace

void add_report(CLI::App& pyro, int& exit_code) {
  CLI::App* app = pyro.add_subcommand("report", "Write one HTML page: flame graph, table, timeline, tags, comparison; opens without a server");
  const auto options = std::make_shared<report_options>();
  app->add_option("files", options->paths, "Profiles: files, directories, or - for standard input")->required()->type_name("FILE|DIR");
  app->add_option("-o,--output", options->output, "The page; - for standard output")->required()->type_name("FILE");
  app->add_option("--title", options->title, "Shown above it (default: the application's name)")->type_name("TEXT");
  app->add_option("--tag", options->tags, "Only samples with this tag; repeat for more")->type_name("KEY=VALUE")->allow_extra_args(false);
  app->add_option("--max-tag-values", options->page.max_tag_values, "Values kept of each tag, those with the most CPU time; others become [other]")->type_name("N")->capture_default_str();
  app->footer("Examples:\n"
              "  pyro report profile.pb.gz -o report.html\n"
              "  pyro report out/rideshare -o report.html      # every process, region and window below it\n"
              "  pyro report profiles/ --tag region=eu-north -o eu-north.html");
  app->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace pyro::command
