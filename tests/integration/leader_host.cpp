// A plugin that has a profiler itself, beside a program that has one: the first leads, the other gets a clear error, nothing is counted
// twice, and the scopes of both are in one tree.
#include "check.hpp"
#include "load_plugin.hpp"
#include "pprof_file.hpp"
#include "process.hpp"
#include "rows.hpp"

#include <string>

using pyro_test::counts;
using pyro_test::loaded_plugin;

namespace {

void back_in_program(int) { PYRO_SCOPE("program"); }

void work(loaded_plugin& plugin) {
  PYRO_SCOPE("outer");
  plugin->work(0, &back_in_program);
}

const counts once{{"outer", 1}, {"outer;plugin", 1}, {"outer;plugin;everywhere", 1}, {"outer;plugin;program", 1}};

/// The program configures, then loads a plugin that would like to.
int program_first(const std::string& path, int flags) {
  auto memory = std::make_shared<pyro_test::memory_exporter>();
  pyro::config config;
  config.exporters = {memory};
  auto profiler = pyro::configure(config);
  CHECK_EQUAL(profiler.error(), std::string());
  loaded_plugin plugin(path, flags);
  work(plugin);
  const std::string error = plugin->start_profiler();
  CHECK(error.find(pyro_test::this_program()) != std::string::npos || error.find("leader_host") != std::string::npos);
  CHECK(error.find("configure it there") != std::string::npos);
  profiler.stop();
  CHECK_EQUAL(memory->calls(), once);
  return pyro_test::result();
}

/// The plugin leads; the program has no profiler running when it comes.
int plugin_first(const std::string& path, int flags) {
  loaded_plugin plugin(path, flags);
  work(plugin);
  const pyro_test::message_list log;
  pyro::config config;
  config.log = log.callback();
  auto profiler = pyro::configure(config);
  CHECK(!profiler);
  CHECK(profiler.error().find(path.substr(path.rfind('/') + 1)) != std::string::npos);
  CHECK(profiler.error().find("configure it there") != std::string::npos);
  CHECK_EQUAL(log.count("configure it there", pyro::log_level::error), 1);
  return pyro_test::result();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 5 && std::string(argv[1]) == "scenario") {
    pyro_test::end_after(60);
    const std::string scenario = argv[2];
    if (scenario == "program first") return program_first(argv[3], pyro_test::flags_of(argv[4]));
    if (scenario == "plugin first") return plugin_first(argv[3], pyro_test::flags_of(argv[4]));
    return 2;
  }
  if (argc < 2) return std::fprintf(stderr, "usage: leader_host plugin...\n"), 2;
  for (int i = 1; i < argc; ++i)
    for (const char* how : {"local", "global"})
      for (const char* scenario : {"program first", "plugin first"}) {
        pyro_test::context = std::string(scenario) + ", " + how + ", " + argv[i];
        const pyro_test::temporary_directory files;
        const auto o = pyro_test::run_self({"scenario", scenario, argv[i], how}, {{"PYRO", "pprof:" + files / "run.pb.gz"}});
        if (!CHECK(o.exited(0))) std::fprintf(stderr, "%s\n", o.text().c_str());
        CHECK_EQUAL(pyro_test::calls_in_file(files / "run.pb.gz"), once);
        CHECK_EQUAL(files.files().size(), 1U);
      }
  return pyro_test::result();
}
