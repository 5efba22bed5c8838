// An executable and two shared libraries that it is linked with: one tree over all three, whoever of them starts the profiler.
#include "check.hpp"
#include "linked.hpp"
#include "process.hpp"
#include "rows.hpp"

#include <thread>

namespace {

void back_in_program(int depth) {
  PYRO_SCOPE("back");
  everywhere();
  if (depth > 0) library_one(depth, &back_in_program);
}

void work() {
  PYRO_TAG("who", "main");
  PYRO_SCOPE("main");
  library_one(2, &back_in_program);
}

const pyro_test::counts& expected() {
  static const pyro_test::counts all{
      {"main {who=main}", 2},
      {"main;one {who=main}", 2},
      {"main;one;everywhere {depth=2,who=main}", 2},
      {"main;one;two {depth=2,who=main}", 2},
      {"main;one;two;everywhere {depth=2,who=main}", 2},
      {"main;one;two;back {depth=2,who=main}", 2},
      {"main;one;two;back;everywhere {depth=2,who=main}", 2},
      {"main;one;two;back;one {depth=2,who=main}", 2},
      {"main;one;two;back;one;everywhere {depth=1,who=main}", 2},
      {"main;one;two;back;one;two {depth=1,who=main}", 2},
      {"main;one;two;back;one;two;everywhere {depth=1,who=main}", 2},
      {"main;one;two;back;one;two;back {depth=1,who=main}", 2},
      {"main;one;two;back;one;two;back;everywhere {depth=1,who=main}", 2}};
  return all;
}

int program_leads() {
  auto profiler = pyro::configure(pyro_test::counting_only());
  CHECK_EQUAL(profiler.error(), std::string());
  work();
  std::thread(work).join();
  CHECK_EQUAL(pyro_test::calls_of(profiler.collect_now()), expected());
  CHECK(start_in_library_one().find("configure it there") != std::string::npos);  // one leads, and the error says which
  return pyro_test::result();
}

int library_leads() {
  work();  // nothing runs yet
  CHECK_EQUAL(start_in_library_one(), std::string());
  work();
  std::thread(work).join();
  CHECK_EQUAL(calls_in_library_one(), pyro_test::print(expected()));
  auto second = pyro::configure(pyro_test::counting_only());
  CHECK(!second);
  CHECK(second.error().find("linked_one") != std::string::npos);
  return pyro_test::result();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string scenario = argc > 1 ? argv[1] : "";
  if (scenario == "program") return program_leads();
  if (scenario == "library") return library_leads();
  for (const char* each : {"program", "library"}) {
    pyro_test::context = each;
    const auto o = pyro_test::run_self({each});
    if (!CHECK(o.exited(0))) std::fprintf(stderr, "%s\n", o.text().c_str());
  }
  return pyro_test::result();
}
