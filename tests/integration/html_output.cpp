// PYRO=html:FILE on a program that only includes pyro/auto.hpp: the page is there when the program has ended, with exact counts, however it
// ends; beside it, what a browser is handed while it runs.
//
// Runs itself again for each scenario.
#include <pyro/auto.hpp>

#include "../runner.hpp"
#include "../unit/page_reader.hpp"
#include "process.hpp"

#include <cstdlib>
#include <map>
#include <string>

namespace {

void order(const char* vehicle, int calls) {
  PYRO_TAG("vehicle", vehicle);
  for (int i = 0; i < calls; ++i) {
    PYRO_SCOPE("order");
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(1);
    while (std::chrono::steady_clock::now() < end) {
    }
  }
}

int scenario(const std::string& name) {
  order("bike", 100);
  order("car", 200);
  if (name == "waits") {
    std::puts("ready");
    std::fflush(stdout);
    for (;;) order("scooter", 10);  // windows without samples are not exported
  }
  if (name == "exit") std::exit(3);
  return 0;
}

std::map<std::string, std::uint64_t> calls_of(const pyro_test::page& p) {
  std::map<std::string, std::uint64_t> out;
  for (const pyro_test::page_row& r : p.rows)
    if (p.type(r.type) == "calls/count" && p.header["names"][p.name[r.node]].text == "order") out[r.tags.at("vehicle")] += r.value;
  return out;
}

const std::map<std::string, std::uint64_t> expected = {{"bike", 100}, {"car", 200}};

pyro_test::process::variables variables(const std::string& scenario, const std::string& output) {
  return {{"TEST_SCENARIO", scenario}, {"PYRO", output}, {"PYRO_TAGS", "region=eu-north"}, {"PYRO_WINDOW", "200ms"}};
}

}  // namespace

TEST_CASE("a program that knows nothing of pages writes one") {
  for (const std::string how : {"returns", "exit"}) {
    pyro_test::temporary_directory d;
    pyro_test::process program({pyro_test::this_program()}, variables(how, "html:" + (d / "report.html")));
    const pyro_test::outcome o = program.wait();
    INFO(o.text());
    REQUIRE(o.exited(how == "exit" ? 3 : 0));
    REQUIRE(o.err.empty());
    REQUIRE(d.files() == std::set<std::string>{"report.html"});
    const pyro_test::page p = pyro_test::read_page(pyro_test::read_whole(d / "report.html"));
    REQUIRE(calls_of(p) == expected);
    REQUIRE(p.header["static_tags"][0].texts() == std::vector<std::string>{"region", "eu-north"});
    REQUIRE(p.header["windows"].size() >= 2);
    REQUIRE(p.totals().at("cpu/nanoseconds") > 100'000'000);
  }
}

TEST_CASE("the page is there while the program runs, whole, and stays when it is killed") {
  pyro_test::temporary_directory d;
  pyro_test::process program({pyro_test::this_program()}, variables("waits", "html:" + (d / "report.html")));
  REQUIRE(program.wait_for_text("ready"));
  std::map<std::string, std::uint64_t> calls;
  const auto read = [&] {
    const std::string text = pyro_test::read_whole(d / "report.html");
    if (!text.empty()) calls = calls_of(pyro_test::read_page(text));
    calls.erase("scooter");
    return calls == expected;
  };
  for (int i = 0; i < 60 && !read(); ++i) ::usleep(500'000);
  REQUIRE(calls == expected);
  program.signal(SIGKILL);
  const pyro_test::outcome o = program.wait();
  REQUIRE(o.killed_by(SIGKILL));
  REQUIRE(read());
}

TEST_CASE("a page that can't be written is said once, with what to do; the program goes on") {
  pyro_test::process program({pyro_test::this_program()}, variables("returns", "html:/proc/no/such/report.html"));
  const pyro_test::outcome o = program.wait();
  INFO(o.text());
  REQUIRE(o.exited(0));
  REQUIRE(o.err.find("cannot write \"/proc/no/such/report.html\"") != std::string::npos);
  REQUIRE(o.err.find("cannot write", o.err.find("cannot write") + 1) == std::string::npos);
}

int main(int argc, char** argv) {
  const char* name = std::getenv("TEST_SCENARIO");
  return name != nullptr ? scenario(name) : pyro_test::run_tests(argc, argv);
}
