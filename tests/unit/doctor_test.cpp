// What pyro::doctor concludes from what it finds; the rest is tested by programs from which things are really taken away (tests/integration/doctor.cpp).
#include <pyro/profiler.hpp>

#include "../integration/process.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <fstream>
#include <set>
#include <string>
#include <vector>

namespace doctor_test {

using pyro::finding;
using pyro::finding_state;
namespace checks = pyro::checks;

namespace {

void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

std::set<std::string> variables_in(const std::string& source) {
  std::set<std::string> names;
  for (std::size_t at = 0; (at = source.find('"', at)) != std::string::npos;) {
    const std::size_t end = source.find('"', at + 1);
    const std::string word = source.substr(at + 1, end - at - 1);
    const bool variable = word.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == std::string::npos;
    if (variable && (word.compare(0, 4, "PYRO") == 0 || word.compare(0, 5, "OTEL_") == 0)) names.insert(word);
    at = end + 1;
  }
  return names;
}

}  // namespace

TEST_CASE("the doctor knows each variable that is a setting, and no other") {
  const std::string root = std::string(PYRO_GOLDEN_DIR) + "/../../";
  CHECK(variables_in(pyro_test::read_whole(root + "include/pyro/settings.hpp")) == std::set<std::string>(std::begin(checks::known_variables), std::end(checks::known_variables)));
}

TEST_CASE("misspelt variables are named with what is nearest, others' are left in peace") {
  ::setenv("PYRO_SAMPEL_RATE", "1", 1);
  ::setenv("PYRO_QQQQQQQQ", "1", 1);
  ::setenv("PYROSCOPE_LABLES", "1", 1);
  ::setenv("PYROSCOPE_PROFILING_ENABLED", "1", 1);
  ::setenv("PYRO_WINDOW", "10s", 1);
  auto unknown = checks::unknown_variables();
  CHECK(std::set<std::string>(unknown.begin(), unknown.end()) ==
        std::set<std::string>{"PYRO_SAMPEL_RATE is no setting, did you mean PYRO_SAMPLE_RATE?", "PYRO_QQQQQQQQ is no setting",
                              "PYROSCOPE_LABLES is no setting, did you mean PYROSCOPE_LABELS?"});
  for (const char* name : {"PYRO_SAMPEL_RATE", "PYRO_QQQQQQQQ", "PYROSCOPE_LABLES", "PYROSCOPE_PROFILING_ENABLED", "PYRO_WINDOW"}) ::unsetenv(name);
  CHECK(checks::unknown_variables().empty());
}

TEST_CASE("the tightest limit of the control groups above counts") {
  const pyro_test::temporary_directory here;
  const checks::cgroup_paths at{here.path(), here / "list"};
  const auto limits = [&] { return checks::cgroup_limits::read(at); };
  CHECK(limits().cpus == 0);  // no list: no version 2
  write(here / "list", "4:memory:/old\n0::/\n");
  CHECK(limits().cpus == 0);
  write(here / "cpu.max", "max 100000\n");
  write(here / "memory.max", "max\n");
  CHECK(limits().cpus == 0);
  CHECK(limits().memory == 0);

  write(here / "cpu.max", "150000 100000\n");
  write(here / "cpu.stat", "usage_usec 1\nnr_periods 1000\nnr_throttled 9\nthrottled_usec 5\n");
  write(here / "memory.max", "67108864\n");
  write(here / "memory.current", "33554432\n");
  CHECK(limits().cpus == 1.5);
  CHECK(limits().periods == 1000);
  CHECK(limits().memory == 67108864);
  CHECK(limits().memory_used == 33554432);
  finding f = checks::look_at_cpu_quota(limits());
  CHECK(f.state == finding_state::ok);
  CHECK(f.meaning.find("1.50 CPUs") != std::string::npos);
  write(here / "cpu.stat", "nr_periods 1000\nnr_throttled 10\n");
  CHECK(checks::look_at_cpu_quota(limits()).state == finding_state::degraded);
  CHECK(checks::look_at_memory_limit(limits(), std::size_t{16} << 20).state == finding_state::ok);
  f = checks::look_at_memory_limit(limits(), std::size_t{33} << 20);
  CHECK(f.state == finding_state::degraded);
  CHECK_FALSE(f.advice.empty());

  write(here / "list", "0::/a\n");
  ::mkdir((here / "a").c_str(), 0700);
  write(here / "a/cpu.max", "50000 100000\n");
  write(here / "a/memory.max", "134217728\n");
  CHECK(limits().cpus == 0.5);
  CHECK(limits().periods == 0);  // of the group whose quota it is
  CHECK(limits().memory == 67108864);
  for (const char* file : {"a/cpu.max", "a/memory.max"}) ::unlink((here / file).c_str());
  ::rmdir((here / "a").c_str());
}

TEST_CASE("a clock that is not the CPU's counter is said to be slow, and what that means") {
  const pyro_test::temporary_directory sys;
  const std::string folders[] = {"devices", "devices/system", "devices/system/clocksource", "devices/system/clocksource/clocksource0"};
  for (const std::string& folder : folders) ::mkdir((sys / folder).c_str(), 0700);
  const std::string file = sys / (folders[3] + "/current_clocksource");
  write(file, "hpet\n");
  finding f = checks::look_at_clock(sys.path());
  CHECK(f.state == finding_state::degraded);
  CHECK(f.meaning.find("hpet") != std::string::npos);
  write(file, "tsc\n");
  CHECK((checks::look_at_clock(sys.path()).state == finding_state::ok) == checks::has_steady_counter());
  ::unlink(file.c_str());
  for (int i = 3; i >= 0; --i) ::rmdir((sys / folders[i]).c_str());
}

TEST_CASE("why stacks are cut is told by the most frequent cause") {
  const std::vector<checks::module_names> none;
  pyro::stats s;
  CHECK(checks::look_at_stacks(none, s, true).state == finding_state::ok);
  s.native.complete = 9900;
  s.native.no_rows = 100;
  CHECK(checks::look_at_stacks(none, s, true).state == finding_state::ok);  // one in a hundred
  s.native.no_rows = 101;
  CHECK(checks::look_at_stacks(none, s, true).state == finding_state::degraded);
  CHECK(checks::look_at_stacks(none, s, true).meaning.find("without unwind tables") != std::string::npos);
  s.native.out_of_bounds = 200;
  CHECK(checks::look_at_stacks(none, s, true).meaning.find("outside of their thread's stack") != std::string::npos);
  s.native.too_deep = 300;
  CHECK(checks::look_at_stacks(none, s, true).meaning.find("512 frames") != std::string::npos);
  CHECK(checks::look_at_stacks(none, s, false).state == finding_state::ok);  // nobody asked for them
  s = {};
  s.modules_without_tables = 1;
  CHECK(checks::look_at_stacks(none, s, true).state == finding_state::degraded);
  checks::module_names stripped;
  stripped.file = "libx.so";
  CHECK(checks::look_at_stacks({stripped}, pyro::stats(), true).meaning.find("libx.so") != std::string::npos);
}

TEST_CASE("names: of a program that was replaced, of libraries") {
  checks::module_names program, library;
  program.file = "server";
  program.all = program.exported = true;
  library.file = "liba.so";
  library.all = true;
  CHECK(checks::look_at_program_names({program, library}).state == finding_state::ok);
  CHECK(checks::look_at_library_names({program, library}).state == finding_state::ok);
  library.all = false;
  CHECK(checks::look_at_library_names({program, library}).state == finding_state::degraded);
  program.all = false;
  program.replaced = true;
  const finding f = checks::look_at_program_names({program, library});
  CHECK(f.state == finding_state::missing);
  CHECK(f.meaning.find("not the file any more") != std::string::npos);
  CHECK(checks::look_at_program_names({}).state == finding_state::missing);
}

TEST_CASE("a screen: what is wrong first, with what to do; at most 120 columns") {
  pyro::diagnosis d;
  d.heading = "heading";
  d.settings = {{"outputs", "report"}};
  d.findings = {{"good", finding_state::ok, "fine", "never shown"},
                {"half", finding_state::degraded, std::string("it has ") + std::string(30, 'a') + " many words to say, more than fit into one line of the screen, so that it is broken", "do this"},
                {"bad", finding_state::missing, "gone", ""}};
  CHECK(d.text() ==
        "heading\n"
        "          outputs             report\n"
        "MISSING   bad                 gone\n"
        "degraded  half                it has aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa many words to say, more than fit into one line of\n"
        "                              the screen, so that it is broken\n"
        "                          =>  do this\n"
        "ok        good                fine\n"
        "2 of 3 are not as they could be\n");
  CHECK(d.find("half") == &d.findings[1]);
  CHECK(d.find("nothing") == nullptr);
  d.findings.resize(1);
  CHECK(d.text() == "heading\n          outputs             report\nok        good                fine\nall is well\n");
}

TEST_CASE("the doctor as an output is none, and combines with others") {
  CHECK(pyro::parse_outputs("doctor").doctor);
  CHECK(pyro::parse_outputs("doctor").errors.empty());
  CHECK(pyro::parse_outputs("doctor").exporters.empty());
  CHECK(pyro::parse_outputs("report, Doctor").doctor);
  CHECK(pyro::parse_outputs("report,doctor").exporters.size() == 1);
  CHECK_FALSE(pyro::parse_outputs("report").doctor);
  CHECK(pyro::parse_outputs("off,doctor").doctor);
  CHECK(pyro::parse_outputs("doctor:file").errors.size() == 1);
}

}  // namespace doctor_test
