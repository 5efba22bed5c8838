// Every way to end a program: no crash, no hang, the exact report where one is promised, and none of it twice.
//
// Each scenario runs in a process of its own with PYRO=pprof:DIR/run.pb.gz.
#include "check.hpp"
#include "pprof_file.hpp"
#include "process.hpp"
#include "rows.hpp"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <optional>
#include <pthread.h>
#include <string>
#include <thread>
#include <vector>

using pyro_test::counts;

namespace {

void leaf() { PYRO_SCOPE("leaf"); }

std::string scenario_under_way() {
  const char* name = std::getenv("TEST_SCENARIO");
  return name != nullptr ? name : "";
}

/// Static objects with scopes in their destructors: one made before the profiler, one after.
struct scopes_at_end {
  explicit scopes_at_end(const char* name) : name_(name) {}
  ~scopes_at_end() {
    if (scenario_under_way().empty()) return;
    PYRO_SCOPE_DYNAMIC(name_);
    leaf();
  }
  const char* name_;
};

scopes_at_end before_profiler("static, made before the profiler");

/// Where the scenario wants it, configured while static objects are made.
pyro::profiler static_profiler;
const bool configured_statically = [] {
  if (scenario_under_way() != "configured statically") return false;
  static_profiler = pyro::configure();
  leaf();
  return true;
}();

scopes_at_end after_profiler("static, made after the profiler");

struct thread_local_scopes {
  ~thread_local_scopes() {
    PYRO_SCOPE("thread_local destructor");
    leaf();
  }
  void touch() {}
};
thread_local thread_local_scopes of_thread;

volatile bool exits = true;  // compilers warn of a recursion without a way back
void nested_exit(int depth) {
  PYRO_SCOPE("nested");
  PYRO_TAG("depth", depth);
  if (depth > 0) nested_exit(depth - 1);
  else if (exits) std::exit(7);
}

void run_forever() {
  for (;;) {
    PYRO_SCOPE("forever");
    PYRO_TAG("k", "v");
    leaf();
  }
}

void start_detached(int threads) {
  for (int i = 0; i < threads; ++i) std::thread(run_forever).detach();
  ::usleep(20'000);
}

std::optional<pyro::profiler> profiler;

void configure() {
  profiler.emplace(pyro::configure());
  CHECK(*profiler);
}

struct scenario {
  const char* name;
  int (*run)();
  bool (*ended)(const pyro_test::outcome&);
  /// What the file must hold; nullopt: no file. Rows that begin with "forever" or "~" are any number.
  std::optional<counts> expected;
};

bool with_0(const pyro_test::outcome& o) { return o.exited(0); }
bool with_7(const pyro_test::outcome& o) { return o.exited(7); }
bool by_abort(const pyro_test::outcome& o) { return o.killed_by(SIGABRT); }
bool by_term(const pyro_test::outcome& o) { return o.killed_by(SIGTERM); }

const std::vector<scenario>& scenarios() {
  static const std::vector<scenario> all{
      {"return from main, handle local", [] {
         auto local = pyro::configure();
         leaf();
         return 0;
       }, &with_0, counts{{"leaf", 1}}},
      {"return from main, handle never destroyed", [] {
         static auto& kept = *new pyro::profiler(pyro::configure());
         leaf();
         return kept ? 0 : 1;
       }, &with_0, counts{{"leaf", 1}}},
      {"exit from a nested scope", [] {
         auto local = pyro::configure();  // exit skips its destructor
         nested_exit(2);
         return 0;
       }, &with_7, counts{{"nested", 1}, {"nested;nested {depth=2}", 1}, {"nested;nested;nested {depth=1}", 1}}},
      {"exit from another thread", [] {
         configure();
         std::thread([] {
           PYRO_SCOPE("other");
           leaf();
           std::exit(7);
         }).join();
         return 0;
       }, &with_7, counts{{"other", 1}, {"other;leaf", 1}}},
      {"quick_exit", [] {
         configure();
         leaf();
         std::quick_exit(7);
         return 0;
       }, &with_7, std::nullopt},
      {"_exit", [] {
         configure();
         leaf();
         ::_exit(7);
         return 0;
       }, &with_7, std::nullopt},
      {"abort", [] {
         configure();
         leaf();
         std::abort();
         return 0;
       }, &by_abort, std::nullopt},
      {"SIGTERM, at its default", [] {
         configure();
         leaf();
         ::raise(SIGTERM);
         return 0;
       }, &by_term, std::nullopt},
      {"an exception that nobody catches", [] {
         configure();
         leaf();
         PYRO_SCOPE("throws");
         throw 1;
         return 0;
       }, &by_abort, std::nullopt},
      {"the main thread ends by pthread_exit, another by exit", [] {
         configure();
         std::thread([] {
           ::usleep(50'000);
           leaf();
           std::exit(7);
         }).detach();
         { PYRO_SCOPE("main"); }
         ::pthread_exit(nullptr);
         return 0;
       }, &with_7, counts{{"leaf", 1}, {"main", 1}}},
      {"detached threads run on", [] {
         configure();
         start_detached(3);
         return 0;
       }, &with_0, counts{{"forever", 0}, {"forever;leaf {k=v}", 0}}},
      {"detached threads run on, exit from a scope", [] {
         configure();
         start_detached(3);
         nested_exit(0);
         return 0;
       }, &with_7, counts{{"forever", 0}, {"forever;leaf {k=v}", 0}, {"nested", 1}}},
      {"static destructors", [] {
         configure();  // its exit hook runs before the destructors of what was made before it
         leaf();
         return 0;
       }, &with_0, counts{{"leaf", 1}}},
      {"configured statically", [] {
         leaf();
         return configured_statically ? 0 : 1;
       }, &with_0, counts{{"leaf", 2}, {"static, made after the profiler", 1}, {"static, made after the profiler;leaf", 1}}},
      {"thread_local destructors", [] {
         configure();
         of_thread.touch();
         std::thread([] {
           of_thread.touch();
           PYRO_SCOPE("thread");
         }).join();
         return 0;
       }, &with_0, counts{{"thread", 1}, {"thread_local destructor", 2}, {"thread_local destructor;leaf", 2}}},
      {"pthread keys' destructors", [] {
         configure();
         static pthread_key_t key;
         ::pthread_key_create(&key, [](void* again) {
           PYRO_SCOPE("key's destructor");
           leaf();
           if (again == &key) ::pthread_setspecific(key, "last");
         });
         for (int i = 0; i < 10; ++i)
           std::thread([] {
             ::pthread_setspecific(key, &key);
             leaf();
           }).join();
         return 0;
       }, &with_0, counts{{"leaf", 10}, {"key's destructor", 20}, {"key's destructor;leaf", 20}}},
      {"atexit handlers", [] {
         std::atexit([] {  // runs after pyro's: not counted
           PYRO_SCOPE("registered before");
           leaf();
         });
         configure();
         std::atexit([] {
           PYRO_SCOPE("registered after");
           leaf();
         });
         return 0;
       }, &with_0, counts{{"registered after", 1}, {"registered after;leaf", 1}}},
      {"a second profiler in an atexit handler", [] {
         configure();
         leaf();
         std::atexit([] {
           profiler->stop();
           profiler.emplace();
         });
         return 0;
       }, &with_0, counts{{"leaf", 1}}},
      {"a slow output", [] {
         class slow : public pyro::exporter {
           const char* name() const noexcept override { return "slow"; }
           pyro::export_result export_profile(const pyro::profile&) override {
             ::sleep(30);
             return pyro::export_result::success();
           }
         };
         pyro::config c;
         c.exporters = {std::make_shared<slow>()};
         c.exit_timeout = std::chrono::milliseconds(300);
         profiler.emplace(pyro::configure(c));
         leaf();
         return 0;
       }, [](const pyro_test::outcome& o) { return o.exited(0) && o.took < std::chrono::seconds(10); }, counts{{"leaf", 1}}}};
  return all;
}

}  // namespace

int main() {
  const std::string name = scenario_under_way();
  for (const scenario& s : scenarios())
    if (name == s.name) {
      pyro_test::end_after(60);
      const int status = s.run();
      return pyro_test::failures == 0 ? status : 1;
    }

  for (const scenario& s : scenarios()) {
    pyro_test::context = s.name;
    const pyro_test::temporary_directory files;
    const auto o = pyro_test::run_self(
        {}, {{"TEST_SCENARIO", s.name}, {"PYRO", "pprof:" + files / "run.pb.gz"}, {"PYRO_WINDOW", "1h"}, {"PYRO_SAMPLE_RATE", "1000"}, {"PYRO_STACKS", "scopes"}});
    bool good = CHECK(s.ended(o));
    CHECK_EQUAL(files.files().size(), s.expected ? 1U : 0U);
    if (s.expected) {
      counts actual = pyro_test::calls_in_file(files / "run.pb.gz");
      for (const auto& e : *s.expected)
        if (e.second == 0 && actual.count(e.first) != 0) actual[e.first] = 0;
      good &= CHECK_EQUAL(actual, *s.expected);
    }
    if (!good) std::fprintf(stderr, "%s\n", o.text().c_str());
  }
  return pyro_test::result();
}
