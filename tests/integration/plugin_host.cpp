// An executable and a dlopened plugin: one tree, whatever the visibility of either and however the plugin is loaded. Scopes nest from
// the program into the plugin and back, tags of the program label scopes of the plugin and the other way round, the plugin's threads
// are counted, and a profile that is built after dlclose still names everything.
#include "check.hpp"
#include "load_plugin.hpp"
#include "process.hpp"
#include "rows.hpp"

#include <string>
#include <vector>

using pyro_test::calls_of;
using pyro_test::counts;
using pyro_test::loaded_plugin;

namespace {

loaded_plugin* current = nullptr;

void back_in_program(int depth) {
  PYRO_SCOPE("program");
  everywhere();
  if (depth > 0) (*current)->work(depth - 1, &back_in_program);
}

void work(loaded_plugin& plugin) {
  current = &plugin;
  PYRO_TAG("who", "host");
  PYRO_SCOPE("outer");
  plugin->work(1, &back_in_program);
  shared_by_name();
}

const counts& nested() {
  static const std::string one = "depth=1,from=plugin", zero = "depth=0,from=plugin";
  static const std::string path1 = "outer;plugin", path0 = "outer;plugin;program;plugin";
  static const counts all{{"outer {who=host}", 1},
                          {"outer;shared_by_name {who=host}", 1},
                          {"outer;shared_by_name;everywhere {shared=yes,who=host}", 1},
                          {path1 + " {who=host}", 1},
                          {path1 + ";everywhere {" + one + ",who=host}", 1},
                          {path1 + ";shared_by_name {" + one + ",who=host}", 1},
                          {path1 + ";shared_by_name;everywhere {" + one + ",shared=yes,who=host}", 1},
                          {path1 + ";program {" + one + ",who=host}", 1},
                          {path1 + ";program;everywhere {" + one + ",who=host}", 1},
                          {path0 + " {" + one + ",who=host}", 1},
                          {path0 + ";everywhere {" + zero + ",who=host}", 1},
                          {path0 + ";shared_by_name {" + zero + ",who=host}", 1},
                          {path0 + ";shared_by_name;everywhere {" + zero + ",shared=yes,who=host}", 1},
                          {path0 + ";program {" + zero + ",who=host}", 1},
                          {path0 + ";program;everywhere {" + zero + ",who=host}", 1}};
  return all;
}

int nests(const std::string& path, int flags, bool loaded_first) {
  pyro::profiler profiler;
  if (!loaded_first) profiler = pyro::configure(pyro_test::counting_only());
  loaded_plugin plugin(path, flags);
  if (loaded_first) {
    work(plugin);  // off
    profiler = pyro::configure(pyro_test::counting_only());
  }
  CHECK_EQUAL(profiler.error(), std::string());
  work(plugin);
  CHECK_EQUAL(calls_of(profiler.collect_now()), nested());
  // Off and on again reaches both modules.
  profiler.pause();
  work(plugin);
  CHECK_EQUAL(calls_of(profiler.collect_now()), counts{});
  profiler.resume();
  work(plugin);
  CHECK_EQUAL(calls_of(profiler.collect_now()), nested());
  profiler.stop();
  work(plugin);
  profiler = pyro::configure(pyro_test::counting_only());
  work(plugin);
  CHECK_EQUAL(calls_of(profiler.collect_now()), nested());
  return pyro_test::result();
}

int threads(const std::string& path, int flags) {
  auto profiler = pyro::configure(pyro_test::counting_only());
  loaded_plugin plugin(path, flags);
  current = &plugin;
  PYRO_TAG("who", "host");  // of this thread alone
  plugin->work_in_thread(&back_in_program);
  plugin->work_in_thread(nullptr);
  const std::string tags = "made=by plugin,thread=plugin's", inner = "depth=0,from=plugin," + tags;
  CHECK_EQUAL(calls_of(profiler.collect_now()), counts{{"plugin {" + tags + "}", 2},
                                                       {"plugin;everywhere {" + inner + "}", 2},
                                                       {"plugin;shared_by_name {" + inner + "}", 2},
                                                       {"plugin;shared_by_name;everywhere {depth=0,from=plugin,made=by plugin,shared=yes,thread=plugin's}", 2},
                                                       {"plugin;program {" + inner + "}", 1},
                                                       {"plugin;program;everywhere {" + inner + "}", 1}});
  return pyro_test::result();
}

int closed(const std::string& path, int flags) {
  auto profiler = pyro::configure(pyro_test::counting_only());
  loaded_plugin plugin(path, flags);
  work(plugin);
  plugin->work_in_thread(nullptr);
  plugin.close();
  loaded_plugin again(path, flags);
  work(again);
  again.close();
  const counts calls = calls_of(profiler.collect_now());
  CHECK_EQUAL(calls.count("outer;plugin {who=host}"), 1U);
  CHECK_EQUAL(calls.at("outer;plugin {who=host}"), 2);
  CHECK_EQUAL(calls.at("outer;plugin;program;plugin;everywhere {depth=0,from=plugin,who=host}"), 2);
  CHECK_EQUAL(calls.at("plugin {made=by plugin,thread=plugin's}"), 1);
  return pyro_test::result();
}

int many_rounds(const std::string& path, int flags) {
  auto profiler = pyro::configure(pyro_test::counting_only());
  long before = 0;
  std::int64_t calls = 0;
  constexpr int rounds = 200, first = 20;
  for (int i = 0; i < rounds; ++i) {
    if (i == first) before = pyro_test::resident_bytes();
    loaded_plugin plugin(path, flags);
    plugin->work(0, nullptr);
    plugin->work_in_thread(nullptr);
    plugin.close();
    calls += pyro_test::sum(calls_of(profiler.collect_now()));
  }
  CHECK_EQUAL(calls, 2 * 4 * rounds);
  const long grown = pyro_test::resident_bytes() - before;
#if PYRO_TEST_ASAN || PYRO_TEST_TSAN
  std::fprintf(stderr, "grown by %ld bytes (of which the sanitizer has its share)\n", grown);
#else
  if (!CHECK(grown < (512 << 10))) std::fprintf(stderr, "grown by %ld bytes\n", grown);
#endif
  return pyro_test::result();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 5 && std::string(argv[1]) == "scenario") {
    pyro_test::end_after(60);
    const std::string scenario = argv[2], path = argv[3];
    const int flags = pyro_test::flags_of(argv[4]);
    if (scenario == "nests") return nests(path, flags, false);
    if (scenario == "nests, loaded first") return nests(path, flags, true);
    if (scenario == "threads") return threads(path, flags);
    if (scenario == "closed") return closed(path, flags);
    if (scenario == "many rounds") return many_rounds(path, flags);
    return 2;
  }
  if (argc < 2) return std::fprintf(stderr, "usage: plugin_host plugin...\n"), 2;
  for (int i = 1; i < argc; ++i)
    for (const char* how : {"local", "global"})
      for (const char* scenario : {"nests", "nests, loaded first", "threads", "closed", "many rounds"}) {
        pyro_test::context = std::string(scenario) + ", " + how + ", " + argv[i];
        const auto o = pyro_test::run_self({"scenario", scenario, argv[i], how});
        if (!CHECK(o.exited(0))) std::fprintf(stderr, "%s\n", o.text().c_str());
      }
  return pyro_test::result();
}
