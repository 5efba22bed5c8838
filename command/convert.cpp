// pyro convert: from pprof or folded stacks to pprof, folded stacks, speedscope, HTML or text.

#include "merged_input.hpp"

#include <pyro/encode/folded.hpp>
#include <pyro/encode/html.hpp>
#include <pyro/encode/pprof.hpp>
#include <pyro/encode/speedscope.hpp>
#include <pyro/encode/text.hpp>

namespace pyro::command {
namespace {

struct convert_options {
  merged_options in;
  std::string output = "-", to;
  bool labels = false;
};

/// The format that a file's name asks for; empty where it asks for none.
std::string format_of(const std::string& path) {
  static constexpr std::pair<const char*, const char*> endings[] = {
      {".speedscope.json", "speedscope"}, {".json", "speedscope"}, {".html", "html"}, {".htm", "html"}, {".folded", "folded"}, {".collapsed", "folded"},
      {".pb.gz", "pprof"}, {".pprof", "pprof"}, {".pprof.gz", "pprof"}, {".pb", "pprof"}, {".prof", "pprof"}, {".txt", "text"}};
  for (const auto& ending : endings)
    if (ends_with(path, ending.first)) return ending.second;
  return {};
}

int run(const convert_options& options) {
  std::string to = options.to.empty() ? format_of(options.output) : options.to;
  if (to.empty() && options.output != "-")
    throw failure("\"" + shown(options.output) + "\": the name does not tell the format; add --to pprof, folded, speedscope, html or text");
  if (to.empty()) throw failure("convert: name a format (--to pprof, folded, speedscope, html or text), or a file that tells it (-o profile.folded)");
  if (to == "pprof" && options.output == "-" && ::isatty(STDOUT_FILENO) != 0) throw failure("a terminal cannot show pprof: name a file, -o profile.pb.gz");
  profile p = read_merged(options.in);
  const std::size_t column = column_of(p, options.in.type);
  std::string bytes;
  if (to == "folded") {
    folded_options how;
    how.type = p.sample_types[column].type;
    how.labels = options.labels;
    bytes = encode_folded(p, how);
  } else if (to == "speedscope") {
    bytes = encode_speedscope(p);
  } else if (to == "html") {
    html_report page;
    page.add(p);
    bytes = page.str();
  } else if (to == "text") {
    bytes = encode_text(p);
  } else {
    pprof_options how;
    how.gzip = !ends_with(options.output, ".pb");
    bytes = encode_pprof(p, how);
  }
  write_output(options.output, bytes);
  return ok;
}

}  // namespace

void add_convert(CLI::App& pyro, int& exit_code) {
  CLI::App* app = pyro.add_subcommand("convert", "Convert between pprof and folded stacks, or to speedscope, HTML and text");
  const auto options = std::make_shared<convert_options>();
  add_merged_options(*app, options->in);
  app->add_option("-o,--output", options->output, "The file made; its name tells the format")->type_name("FILE")->capture_default_str();
  app->add_option("--to", options->to, "The format, where the name does not tell it")
      ->type_name("FORMAT")->check(CLI::IsMember({"pprof", "folded", "speedscope", "html", "text"}));
  app->add_flag("--labels", options->labels, "In folded stacks: tags as frames key=value at the root");
  app->footer("Several files become one profile. Folded stacks hold one sample type (--type) and no tags.\n\n"
              "Examples:\n"
              "  pyro convert profile.pb.gz -o profile.folded\n"
              "  pyro convert profile.pb.gz --to folded | flamegraph.pl > flame.svg\n"
              "  pyro convert stacks.folded -o profile.pb.gz\n"
              "  pyro convert cpu.folded --type cpu -o profile.pb.gz   # its numbers are nanoseconds\n"
              "  pyro convert profile.pb.gz -o profile.speedscope.json\n"
              "  perf script | stackcollapse-perf.pl | pyro convert - -o profile.html");
  app->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace pyro::command
