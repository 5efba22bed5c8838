// fork: the child starts empty and clean, counts its own scopes exactly, writes files of its own, and sends nothing of the parent's.
//
// Each scenario runs in a process of its own with PYRO=pprof:DIR/run.pb.gz; the files that are there in the end are compared whole.
#include "check.hpp"
#include "pprof_file.hpp"
#include "process.hpp"
#include "rows.hpp"

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <spawn.h>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <vector>

using pyro_test::counts;
using files_type = std::map<std::string, counts>;

namespace {

void leaf() { PYRO_SCOPE("leaf"); }

void spin(int milliseconds) {
  const std::int64_t end = pyro::platform::clock_ns(CLOCK_THREAD_CPUTIME_ID) + std::int64_t{milliseconds} * 1'000'000;
  while (pyro::platform::clock_ns(CLOCK_THREAD_CPUTIME_ID) < end) {
  }
}

/// Forks, runs `child` there and ends it by exit(); waits. The child's checks count as the parent's.
pid_t in_child(const std::function<void()>& child) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    child();
    std::exit(pyro_test::failures == 0 ? 0 : 1);
  }
  int status = 0;
  CHECK(::waitpid(pid, &status, 0) == pid);
  CHECK_EQUAL(status, 0);
  return pid;
}

/// Tells the driver which child is which: "name=pid" on stdout.
void tell(const char* name, pid_t pid) {
  std::printf("%s=%d\n", name, static_cast<int>(pid));
  std::fflush(stdout);
}

struct scenario {
  const char* name;
  void (*run)(pyro::profiler& profiler);
  files_type expected;  ///< "" is the parent's file, others are children by the names they were told
};

void silent(pyro::profiler&) {
  leaf();
  tell("child", in_child([] {}));
  leaf();
}

void exact(pyro::profiler&) {
  for (int i = 0; i < 10; ++i) leaf();
  PYRO_SCOPE("outer");
  tell("child", in_child([] {
         for (int i = 0; i < 3; ++i) leaf();
       }));
  leaf();
}

void inside_a_tag(pyro::profiler&) {
  PYRO_TAG("request", "one");
  PYRO_SCOPE("handle");
  leaf();
  pid_t child = 0;
  {
    PYRO_TAG("user", std::string("u"));
    PYRO_SCOPE("inner");
    child = ::fork();
    if (child == 0) leaf();
  }
  leaf();
  if (child == 0) std::exit(0);
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK_EQUAL(status, 0);
  tell("child", child);
}

void grandchild(pyro::profiler&) {
  leaf();
  PYRO_SCOPE("parent's");
  tell("child", in_child([] {
         leaf();
         PYRO_SCOPE("child's");
         tell("grandchild", in_child([] {
                leaf();
                leaf();
              }));
         leaf();
       }));
}

/// The child between has no scope of its own. Other threads of the parent have slots, which the grandchild's threads get.
void silent_between(pyro::profiler&) {
  std::atomic<int> ready{0};
  std::atomic<bool> stop{false};
  std::vector<std::thread> others;
  for (int i = 0; i < 3; ++i)
    others.emplace_back([&] {
      leaf();
      ++ready;
      while (!stop) std::this_thread::yield();
    });
  while (ready != 3) std::this_thread::yield();
  {
    PYRO_SCOPE("outer");
    tell("child", in_child([] {
           tell("grandchild", in_child([] {
                  std::thread worker([] {
                    PYRO_SCOPE("worker");
                    for (int i = 0; i < 1000; ++i) leaf();
                  });
                  { PYRO_SCOPE("of the main thread"); }
                  worker.join();
                }));
         }));
  }
  stop = true;
  for (auto& t : others) t.join();
}

void threads_at_once(pyro::profiler&) {
  leaf();
  tell("child", in_child([] {
         std::atomic<int> ready{0};
         std::vector<std::thread> threads;
         for (int t = 0; t < 4; ++t)
           threads.emplace_back([&] {
             ++ready;
             while (ready != 4) {
             }
             for (int i = 0; i < 1000; ++i) leaf();
           });
         for (auto& t : threads) t.join();
       }));
}

void from_a_thread(pyro::profiler&) {
  leaf();
  std::thread([] {
    PYRO_THREAD("forks");
    leaf();
    PYRO_SCOPE("in thread");
    tell("child", in_child([] {
           leaf();
           std::thread(leaf).join();
         }));
  }).join();
  leaf();
}

void exec_after(pyro::profiler&) {
  leaf();
  const std::string self = pyro_test::this_program();
  const pid_t pid = ::fork();
  if (pid == 0) {
    leaf();  // its open window goes with the exec
    ::execl(self.c_str(), self.c_str(), "burn", nullptr);
    ::_exit(9);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  CHECK_EQUAL(status, 0);
  char burn[] = "burn";
  char* argv[] = {const_cast<char*>(self.c_str()), burn, nullptr};
  pid_t spawned = 0;
  CHECK(::posix_spawn(&spawned, self.c_str(), nullptr, nullptr, argv, environ) == 0);
  ::waitpid(spawned, &status, 0);
  CHECK_EQUAL(status, 0);
  const pid_t quick = ::vfork();
  if (quick == 0) {
    ::execv(self.c_str(), argv);
    ::_exit(9);
  }
  ::waitpid(quick, &status, 0);
  CHECK_EQUAL(status, 0);
  CHECK_EQUAL(std::system("exit 0"), 0);
  leaf();
}

void quick_end(pyro::profiler&) {
  leaf();
  const pid_t pid = ::fork();
  if (pid == 0) {
    leaf();
    ::_exit(0);  // loses its open window, by definition
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  CHECK_EQUAL(status, 0);
}

void stop_in_child(pyro::profiler& profiler) {
  leaf();
  tell("stopped at once", in_child([&] {
         profiler.stop();
         leaf();
       }));
  tell("stopped later", in_child([&] {
         leaf();
         profiler.stop();
         leaf();
       }));
  leaf();
}

void members_in_child(pyro::profiler& profiler) {
  leaf();
  tell("child", in_child([&] {
         // Before its first scope as well: nothing of the parent's, and no lock of its threads.
         CHECK_EQUAL(profiler.stats().samples_exported, 0U);
         CHECK_EQUAL(pyro_test::calls_of(profiler.collect_now()), counts{});
         CHECK(profiler.set_sample_rate(50));
         leaf();
         CHECK_EQUAL(pyro_test::calls_of(profiler.collect_now()), counts{{"leaf", 1}});
         leaf();
         CHECK(profiler.flush(std::chrono::seconds(10)));
         CHECK(profiler.stats().running);
         CHECK_EQUAL(profiler.stats().calls, 2U);
         profiler.pause();
         leaf();
         profiler.resume();
         leaf();
       }));
}

void paused(pyro::profiler& profiler) {
  leaf();
  profiler.pause();
  tell("child", in_child([&] {
         leaf();
         profiler.resume();
         leaf();
         leaf();
       }));
  profiler.resume();
  leaf();
}

void stopped_before(pyro::profiler& profiler) {
  leaf();
  profiler.stop();
  tell("child", in_child([] { leaf(); }));
}


void losses(pyro::profiler& profiler) {
  // Of threads that ended, and of one that lives: none of them is the child's.
  const auto cut = [] {
    for (int i = 0; i < 5; ++i) {
      PYRO_TAG("k", std::string(100, 'x'));
      leaf();
    }
  };
  std::thread(cut).join();
  cut();
  CHECK_EQUAL(profiler.collect_now().lost.tag_cut, 10U);
  tell("child", in_child([&] {
         leaf();
         PYRO_TAG("k", std::string(100, 'x'));
         leaf();
         const pyro::profile w = profiler.collect_now();
         CHECK_EQUAL(w.lost.tag_cut, 1U);
         CHECK_EQUAL(w.lost.budget + w.lost.tag_values + w.lost.threads + w.lost.ring_full + w.lost.timer_failed, 0U);
       }));
}

void sampled(pyro::profiler&) {
  {
    PYRO_SCOPE("parent");
    spin(100);
  }
  tell("child", in_child([] {
         PYRO_SCOPE("child");
         spin(100);
       }));
}

void double_fork(pyro::profiler&) {
  leaf();
  int ends[2];
  CHECK(::pipe(ends) == 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::setsid();
    if (::fork() != 0) ::_exit(0);
    leaf();
    const pid_t me = ::getpid();
    (void)!::write(ends[1], &me, sizeof me);
    std::exit(0);
  }
  ::waitpid(pid, nullptr, 0);
  pid_t daemon = 0;
  CHECK(::read(ends[0], &daemon, sizeof daemon) == sizeof daemon);
  ::close(ends[1]);
  char rest;
  (void)!::read(ends[0], &rest, 1);  // until it has ended
  tell("daemon", daemon);
}

const std::vector<scenario>& scenarios() {
  static const std::vector<scenario> all{
      {"silent", &silent, {{"", {{"leaf", 2}}}}},
      {"exact", &exact, {{"", {{"leaf", 10}, {"outer", 1}, {"outer;leaf", 1}}}, {"child", {{"outer;leaf", 3}}}}},
      {"inside a tag",
       &inside_a_tag,
       {{"", {{"handle {request=one}", 1}, {"handle;leaf {request=one}", 2}, {"handle;inner {request=one,user=u}", 1}}},
        {"child", {{"handle;inner;leaf {request=one,user=u}", 1}, {"handle;leaf {request=one}", 1}}}}},
      {"grandchild",
       &grandchild,
       {{"", {{"leaf", 1}, {"parent's", 1}}},
        {"child", {{"parent's;leaf", 1}, {"parent's;child's", 1}, {"parent's;child's;leaf", 1}}},
        {"grandchild", {{"parent's;child's;leaf", 2}}}}},
      {"silent between",
       &silent_between,
       {{"", {{"leaf", 3}, {"outer", 1}}},
        {"grandchild",
         {{"worker", 1},
          {"worker;leaf", 1000},
          {"outer;of the main thread", 1}}}}},
      {"threads at once", &threads_at_once, {{"", {{"leaf", 1}}}, {"child", {{"leaf", 4000}}}}},
      {"from a thread",
       &from_a_thread,
       {{"", {{"leaf", 2}, {"leaf {thread=forks}", 1}, {"in thread {thread=forks}", 1}}},
        {"child", {{"in thread;leaf {thread=forks}", 1}, {"leaf", 1}}}}},
      {"exec after", &exec_after, {{"", {{"leaf", 2}}}}},
      {"quick end", &quick_end, {{"", {{"leaf", 1}}}}},
      {"stop in child", &stop_in_child, {{"", {{"leaf", 2}}}, {"stopped later", {{"leaf", 1}}}}},
      {"members in child", &members_in_child, {{"", {{"leaf", 1}}}, {"child", {{"leaf", 2}}}}},
      {"paused", &paused, {{"", {{"leaf", 2}}}, {"child", {{"leaf", 2}}}}},
      {"stopped before", &stopped_before, {{"", {{"leaf", 1}}}}},
      {"losses", &losses, {{"", {}}, {"child", {}}}},
      {"sampled", &sampled, {{"", {{"parent", 1}}}, {"child", {{"child", 1}}}}},
      {"double fork", &double_fork, {{"", {{"leaf", 1}}}, {"daemon", {{"leaf", 1}}}}}};
  return all;
}

/// "name=pid" lines to names of files.
std::string file_of(const std::string& told, const std::string& name) {
  if (name.empty()) return "run.pb.gz";
  const std::size_t at = ("\n" + told).find("\n" + name + "=");
  if (at == std::string::npos) return "(nobody told of " + name + ")";
  return "run-" + std::to_string(std::atoi(told.c_str() + at + name.size() + 1)) + ".pb.gz";
}

void compare(const scenario& s) {
  pyro_test::context = s.name;
  const pyro_test::temporary_directory files;
  const auto o = pyro_test::run_self({"scenario", s.name}, {{"PYRO", "pprof:" + files / "run.pb.gz"}, {"PYRO_SAMPLE_RATE", "1000"}, {"PYRO_STACKS", "scopes"}});
  bool good = CHECK(o.exited(0));
  std::set<std::string> names;
  for (const auto& e : s.expected) {
    const std::string name = file_of(o.out, e.first);
    names.insert(name);
    if (std::string(s.name) != "losses") good &= CHECK_EQUAL(pyro_test::calls_in_file(files / name), e.second);
  }
  std::string listed, wanted;
  for (const auto& f : files.files()) listed += f + " ";
  for (const auto& f : names) wanted += f + " ";
  good &= CHECK_EQUAL(listed, wanted);
  if (std::string(s.name) == "sampled" && good) {
    // Each has its own 100 ms of samples at 1000 Hz, and not the other's.
    for (const auto& f : names) {
      const auto samples = pyro_test::pprof_file(files / f).samples();
      good &= CHECK(samples > (PYRO_TEST_TSAN ? 0 : 70) && samples < 150);  // that sanitizer holds signals back
    }
  }
  if (!good) std::fprintf(stderr, "%s\n", o.text().c_str());
}

/// An exporter of the program's own: left to the parent unless it says otherwise.
class told_exporter : public pyro::exporter {
 public:
  told_exporter(const char* name, bool in_child) : name_(name), in_child_(in_child) {}
  const char* name() const noexcept override { return name_; }
  pyro::export_result export_profile(const pyro::profile& window) override {
    std::printf("%s %s %lld\n", name_, parent_ == ::getpid() ? "parent" : "child", static_cast<long long>(window.total(0)));
    std::fflush(stdout);
    return pyro::export_result::success();
  }
  bool after_fork() noexcept override { return in_child_; }

 private:
  const char* name_;
  bool in_child_;
  pid_t parent_ = ::getpid();
};

int own_exporters() {
  pyro::config c;
  c.exporters = {std::make_shared<told_exporter>("stays", false), std::make_shared<told_exporter>("goes along", true)};
  auto profiler = pyro::configure(c);
  leaf();
  in_child([] {
    leaf();
    leaf();
  });
  profiler.stop();
  return pyro_test::result();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  if (what == "burn") {  // after an exec: no timer, no signal of the program before
    spin(50);
    return 0;
  }
  if (what == "own exporters") return own_exporters();
  if (what == "scenario") {
    pyro_test::end_after(60);
    pyro::config c;
    c.window = std::chrono::hours(1);
    auto profiler = pyro::configure(c);
    CHECK(profiler);
    for (const scenario& s : scenarios())
      if (std::string(argv[2]) == s.name) s.run(profiler);
    profiler.stop();
    return pyro_test::result();
  }

  for (const scenario& s : scenarios())
    if (argc == 1 || what == s.name) compare(s);
  pyro_test::context = "own exporters";
  const auto o = pyro_test::run_self({"own exporters"});
  CHECK(o.exited(0));
  CHECK_EQUAL(o.out, std::string("goes along child 2\nstays parent 1\ngoes along parent 1\n"));
  return pyro_test::result();
}
