// A program with a profiler and a plugin that brings one: the first to start leads for good, the other is told where it lives,
// and the profile of the leader has the scopes of both.
#include "open_plugin.hpp"

#include <unistd.h>

using dso::expect;
using dso::expect_profile;
using dso::nested;

namespace {

std::string file_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string this_program() {
  char path[4096];
  const ssize_t n = ::readlink("/proc/self/exe", path, sizeof path);
  return n > 0 ? file_of(std::string(path, static_cast<std::size_t>(n))) : std::string("?");
}

void expect_refusal(const std::string& error, const std::string& leader) {
  expect(error.find("the profiler of this process lives in ") == 0 && error.find(leader) != std::string::npos &&
             error.find("configure it there") != std::string::npos,
         "the error names " + leader + ": '" + error + "'");
}

void program_first(const dso::plugin& leader, const dso::plugin& plain) {
  auto profiler = pyro::configure(pyro_test::counting_only());
  if (!dso::expect_runs(profiler)) return;
  dso::nest(leader);
  expect_refusal(leader->start(), this_program());
  dso::nest(leader);
  expect(std::string(leader->counts()) == pyro_test::print({}), "a refused profiler has no counts");
  leader->stop();  // of what never ran
  dso::nest(plain);
  expect(static_cast<bool>(profiler) && profiler.stats().running, "the program's profiler runs on");
  // The two plugins' copies of a place are different places: only sums are compared.
  dso::expect_counts(pyro_test::calls_of(profiler.collect_now()), nested(3), "the program's profile");
  profiler.stop();
  expect_refusal(leader->start(), this_program());  // slots belong to the first one for good
  profiler = pyro::configure(pyro_test::counting_only());
  if (!dso::expect_runs(profiler)) return;
  dso::nest(leader);
  expect_profile(profiler.collect_now(), nested(), "configured again");
}

void plugin_first(const dso::plugin& leader, const dso::plugin& plain, const std::string& path) {
  dso::nest(leader);  // off
  const std::string error = leader->start();
  if (!expect(error.empty(), "the plugin's configure: " + error)) return;
  dso::nest(leader);
  const pyro_test::message_list log;
  pyro::config wanted = pyro_test::counting_only();
  wanted.log = log.callback();
  auto refused = pyro::configure(wanted);
  expect(!refused, "the program is refused");
  expect_refusal(refused.error(), file_of(path));
  expect(log.count("configure it there", pyro::log_level::error) == 1, "one message says so");
  refused.stop();
  dso::nest(plain);
  dso::expect_text(leader->counts(), pyro_test::print(nested(2)), "counted by the plugin");
  leader->work_in_threads(3, &dso::back);
  dso::expect_text(leader->counts(), pyro_test::print(dso::worked("made_by=plugin", 3)), "threads counted by the plugin");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return std::fprintf(stderr, "usage: lead_host scenario local|global leader plain\n"), 2;
  const std::string scenario = argv[1], path = argv[3];
  const int flags = dso::flags_of(argv[2]);
  {
    const dso::plugin plain(argv[4], flags);
    const dso::plugin leader(path, flags);
    if (scenario == "program_first") program_first(leader, plain);
    else if (scenario == "plugin_first") plugin_first(leader, plain, path);
    else expect(false, "no scenario " + scenario);
    if (scenario == "program_first") return dso::result();
  }
  // The leader was closed, and is still there.
  const dso::plugin again(path, flags);
  dso::nest(again);
  dso::expect_text(again->counts(), pyro_test::print(nested()), "counted by the plugin after dlclose");
  return dso::result();
}
