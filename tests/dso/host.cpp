// A program without -rdynamic and plugins of several kinds: one tree, wherever scopes and tags are; what a plugin counted stays
// after dlclose.
#include "../sanitizers.hpp"
#include "open_plugin.hpp"

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

using dso::counts;
using dso::expect;
using dso::expect_profile;
using dso::nested;
using dso::worked;

namespace {

bool is_mapped(const std::string& path) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);)
    if (line.find(path) != std::string::npos) return true;
  return false;
}

long resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  long pages = 0, resident = 0;
  statm >> pages >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

counts operator+(counts a, const counts& b) {
  for (const auto& r : b) a[r.first] += r.second;
  return a;
}

void opened_after(const std::string& path, int flags, pyro::profiler& profiler) {
  const dso::plugin p(path, flags);
  dso::nest(p);
  expect_profile(profiler.collect_now(), nested(), "first calls");
  expect(p->is_fast_here(), "the plugin knows this thread");
  for (int i = 0; i < 1000; ++i) dso::nest(p);
  expect_profile(profiler.collect_now(), nested(1000), "known paths");
}

void opened_before(const std::string& path, int flags) {
  const dso::plugin p(path, flags);
  dso::nest(p);  // off
  expect(!p->is_fast_here(), "nothing is known while off");
  auto profiler = pyro::configure(pyro_test::counting_only());
  if (!dso::expect_runs(profiler)) return;
  expect_profile(profiler.collect_now(), {}, "what was before");
  dso::nest(p);
  expect_profile(profiler.collect_now(), nested(), "configured after dlopen");
  profiler.pause();
  dso::nest(p);
  expect_profile(profiler.collect_now(), {}, "paused");
  profiler.resume();
  dso::nest(p);
  expect_profile(profiler.collect_now(), nested(), "resumed");
  profiler.stop();
  dso::nest(p);
  profiler = pyro::configure(pyro_test::counting_only());
  dso::nest(p);
  expect_profile(profiler.collect_now(), nested(), "configured again");
}

void threads(const std::string& path, int flags, pyro::profiler& profiler) {
  const dso::plugin p(path, flags);
  PYRO_TAG("who", "host");  // of this thread alone
  p->work_in_threads(8, &dso::back);
  expect_profile(profiler.collect_now(), worked("made_by=plugin", 8), "threads that the plugin made");
  // First in the plugin, then here; known to both sides after one scope in each.
  for (int round = 0; round < 3; ++round)
    std::thread([&] {
      p->work(0, nullptr);
      expect(p->is_fast_here(), "the plugin knows a thread that began there");
      dso::nest(p);
      p->work(0, nullptr);
    }).join();
  expect_profile(profiler.collect_now(), worked("", 6, false) + nested(3), "first in the plugin, then in the program");
  std::thread([&] {
    dso::branch();
    p->work(0, nullptr);
    dso::branch();
  }).join();
  expect_profile(profiler.collect_now(), worked("", 1, false) + counts{{"dso::branch", 2}, {"dso::branch;leaf", 2}},
                 "first in the program, then in the plugin");
  // A slot that others had before: nobody is where an earlier thread left off.
  std::vector<std::thread> all;
  for (int i = 0; i < 16; ++i)
    all.emplace_back([&] {
      for (int k = 0; k < 50; ++k) p->work(0, &dso::back);
    });
  for (std::thread& t : all) t.join();
  expect_profile(profiler.collect_now(), worked("", 16 * 50), "threads at once");
}

void closed(const std::string& path, int flags, pyro::profiler& profiler) {
  {
    const dso::plugin p(path, flags);
    dso::nest(p);
    p->work_in_threads(2, nullptr);
  }
  expect(is_mapped(path), "the plugin stays in memory after dlclose");
  const pyro::profile first = profiler.collect_now();
  expect_profile(first, nested() + worked("made_by=plugin", 2, false), "after dlclose");
  bool mapped = false;
  std::set<std::string> framed;
  for (const pyro::mapping& m : first.mappings)
    if (first.text(m.filename) == path) {
      mapped = true;
      expect(first.text(m.build_id) == PLUGIN_BUILD_ID, "the mapping's build id is " + first.text(m.build_id));
      expect(m.memory_start < m.memory_limit, "the mapping has a range");
    }
  expect(mapped, "a mapping names the plugin");
  for (const pyro::frame& f : first.frames)
    if (first.text(first.mappings[f.mapping].filename) == path) framed.insert(first.text(first.functions[f.function].name));
  expect(framed.count("plugin") == 1, "the plugin's scope is in the plugin's mapping");
  expect(framed.count("outer") == 0, "the program's scope is not");
  {
    const dso::plugin again(path, flags);
    dso::nest(again);
  }
  expect_profile(profiler.collect_now(), nested(), "opened again");
  expect_profile(profiler.collect_now(), {}, "an empty window");
}

void rounds(const std::string& path, int flags, pyro::profiler& profiler) {
  constexpr int total = 200, settled = 20, each = 3;
  long before = 0;
  for (int i = 0; i < total; ++i) {
    if (i == settled) before = resident_bytes();
    {
      const dso::plugin p(path, flags);
      for (int k = 0; k < each; ++k) dso::nest(p);
      p->work_in_threads(1, nullptr);
    }
    if (i % 10 != 9) continue;
    expect_profile(profiler.collect_now(), nested(10 * each) + worked("made_by=plugin", 10, false), "ten rounds");
  }
  const long grown = resident_bytes() - before;
#if !PYRO_TEST_ASAN && !PYRO_TEST_TSAN
  expect(grown < (1 << 20), "resident memory grew by " + std::to_string(grown) + " bytes");
#else
  std::fprintf(stderr, "grown by %ld bytes, with the sanitizer's own\n", grown);
#endif
}

/// The child's first scope is in the plugin, along a path that the parent knew: it must not count into what the parent left.
void fork_into_plugin(const std::string& path, int flags, pyro::profiler& profiler) {
  const dso::plugin p(path, flags);
  for (int i = 0; i < 5; ++i) p->work(0, nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    expect(!p->is_fast_here(), "in the child the plugin has let go of the parent's thread");
    for (int i = 0; i < 3; ++i) p->work(0, nullptr);
    expect_profile(profiler.collect_now(), worked("", 3, false), "the child's own");
    ::_exit(dso::result());
  }
  int status = -1;
  expect(child > 0 && ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child");
  expect_profile(profiler.collect_now(), worked("", 5, false), "the parent's own");
}

/// More modules than a thread remembers: those beyond take the slow way, and count no worse.
void many(const std::string& path, int flags, pyro::profiler& profiler) {
  constexpr int copies = 40;
  std::string directory = (std::filesystem::temp_directory_path() / "pyro_dso_XXXXXX").string();
  if (!expect(::mkdtemp(directory.data()) != nullptr, "a directory for copies")) return;
  {
    std::vector<std::unique_ptr<dso::plugin>> all;
    for (int i = 0; i < copies; ++i) {
      const std::string copy = directory + "/plugin_" + std::to_string(i) + ".so";
      std::filesystem::copy_file(path, copy);
      all.push_back(std::make_unique<dso::plugin>(copy, flags));
    }
    const auto all_work = [&] {
      for (const auto& p : all) (*p)->work(0, &dso::back);
    };
    all_work();
    all_work();
    for (int i = 0; i < 3; ++i) std::thread(all_work).join();
    // One row a module: their copies of a place are different places. So only sums are compared.
    dso::expect_counts(pyro_test::calls_of(profiler.collect_now()), worked("", 5 * copies), "copies of a plugin");
    all_work();
  }
  std::error_code ignored;
  std::filesystem::remove_all(directory, ignored);
  dso::expect_counts(pyro_test::calls_of(profiler.collect_now()), worked("", copies), "copies that are closed and deleted");
}

void together(const std::vector<std::string>& paths, int flags, pyro::profiler& profiler) {
  std::vector<std::unique_ptr<dso::plugin>> all;
  for (const std::string& path : paths) all.push_back(std::make_unique<dso::plugin>(path, flags));
  for (int i = 0; i < 10; ++i)
    for (const auto& p : all) dso::nest(*p);
  const auto times = 10 * static_cast<std::int64_t>(paths.size());
  dso::expect_counts(pyro_test::calls_of(profiler.collect_now()), nested(times), "all at once");
}

void churn(const std::vector<std::string>& paths, int flags) {
  auto memory = std::make_shared<pyro_test::memory_exporter>();
  pyro::config config;
  config.exporters = {memory};
  config.sample_rate = 1000;
  config.window = std::chrono::milliseconds(100);  // module lists are read while they change
  config.log = [](pyro::log_level, const std::string&) {};
  auto profiler = pyro::configure(config);
  if (!dso::expect_runs(profiler)) return;
  std::atomic<bool> over{false};
  std::atomic<std::int64_t> worked_times{0}, opened{0};
  std::vector<std::thread> all;
  for (int i = 0; i < 2; ++i)
    all.emplace_back([&, i] {
      for (std::size_t k = static_cast<std::size_t>(i); !over; ++k) {
        PYRO_SCOPE("churn");
        void* handle = ::dlopen(paths[k % paths.size()].c_str(), flags);
        if (handle == nullptr) continue;
        ++opened;
        if (const auto entry = reinterpret_cast<plugin_entry>(::dlsym(handle, "dso_plugin"))) {
          entry()->work(0, nullptr);
          ++worked_times;
        } else if (const auto bare = reinterpret_cast<int (*)(int)>(::dlsym(handle, "dso_bare"))) {
          bare(1000);
        }
        ::dlclose(handle);
      }
    });
  std::this_thread::sleep_for(std::chrono::seconds(2));
  over = true;
  for (std::thread& t : all) t.join();
  profiler.stop();
  const pyro_test::table rows = memory->rows();
  std::int64_t plugin_calls = 0, samples = 0;
  for (const auto& r : rows) {
    const std::string end = ";plugin";  // below native frames
    if (r.first.size() > end.size() && r.first.compare(r.first.size() - end.size(), end.size(), end) == 0) plugin_calls += r.second.calls;
    samples += r.second.samples;
  }
  expect(opened > 100, "plugins were opened " + std::to_string(opened) + " times");
  expect(plugin_calls == worked_times, std::to_string(plugin_calls) + " calls of " + std::to_string(worked_times));
  expect(samples > 50, "samples: " + std::to_string(samples));
  expect(!is_mapped(paths[0]), "the plugin without pyro was really unloaded");
}

/// A plugin that is gone when the window ends: its functions have names all the same.
void unloaded(const std::string& path, int flags) {
  pyro::config config;
  config.sample_rate = 1000;
  config.window = std::chrono::hours(1);
  auto profiler = pyro::configure(config);
  if (!dso::expect_runs(profiler)) return;
  void* handle = ::dlopen(path.c_str(), flags);
  if (!expect(handle != nullptr, "dlopen")) return;
  const auto bare = reinterpret_cast<int (*)(int)>(::dlsym(handle, "dso_bare"));
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(600);  // it is found within 100 ms
  while (std::chrono::steady_clock::now() < end) bare(1'000'000);
  ::dlclose(handle);
  expect(!is_mapped(path), "the plugin was really unloaded");
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  const pyro::profile p = profiler.collect_now();
  std::int64_t named = 0, unknown = 0;
  for (std::size_t row = 0; row < p.samples.size(); ++row) {
    const std::string& leaf = p.text(p.functions[p.frames[p.stacks[p.samples[row].stack].frame].function].name);
    if (leaf.compare(0, 8, "dso_bare") == 0) named += p.values_of(row)[1];
    if (leaf == "[unknown]") unknown += p.values_of(row)[1];
  }
  expect(named > 200 && unknown == 0, std::to_string(named) + " samples in dso_bare, " + std::to_string(unknown) + " in unknown code");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return std::fprintf(stderr, "usage: host scenario local|global plugin...\n"), 2;
  const std::string scenario = argv[1];
  const int flags = dso::flags_of(argv[2]);
  const std::vector<std::string> paths(argv + 3, argv + argc);
  if (scenario == "churn") return churn(paths, flags), dso::result();
  if (scenario == "unloaded") return unloaded(paths[0], flags), dso::result();
  if (scenario == "opened_before") return opened_before(paths[0], flags), dso::result();
  auto profiler = pyro::configure(pyro_test::counting_only());
  if (!dso::expect_runs(profiler)) return dso::result();
  if (scenario == "opened_after") opened_after(paths[0], flags, profiler);
  else if (scenario == "threads") threads(paths[0], flags, profiler);
  else if (scenario == "closed") closed(paths[0], flags, profiler);
  else if (scenario == "rounds") rounds(paths[0], flags, profiler);
  else if (scenario == "fork") fork_into_plugin(paths[0], flags, profiler);
  else if (scenario == "many") many(paths[0], flags, profiler);
  else if (scenario == "together") together(paths, flags, profiler);
  else expect(false, "no scenario " + scenario);
  return dso::result();
}
