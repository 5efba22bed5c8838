// html:FILE: the page of the run at each window, pages by window, failures and retries, forked children; and a profiler that writes one.
#include <pyro/export/outputs.hpp>
#include <pyro/profiler.hpp>

#include "golden.hpp"
#include "make_profile.hpp"
#include "page_reader.hpp"
#include "tools.hpp"

#include <catch2/catch.hpp>

#include <sys/stat.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <string>

namespace html_file_test {

using namespace pyro;
using namespace pyro_test;

namespace {

constexpr std::int64_t second = 1'000'000'000;

profile window(std::int64_t number, std::int64_t samples = 1) {
  profile_maker m;
  if (samples != 0) m.row({"main"}, {}, 1, samples);
  m.get().time_ns += number * 10 * second;
  return m.get();
}

file_options to(const std::string& path) {
  file_options o;
  o.path = path;
  o.format = file_format::html;
  return o;
}

page page_in(const std::string& path) { return read_page(read_file(path)); }

}  // namespace

TEST_CASE("html file: the page of the run after each window, window by window") {
  scratch d;
  file_exporter e(to(d / "report.html"));
  for (std::int64_t i = 0; i < 3; ++i) {
    REQUIRE(e.export_profile(window(i, i + 1)).ok);
    REQUIRE(e.flush(std::chrono::steady_clock::now()));
    const page p = page_in(d / "report.html");
    REQUIRE(p.header["windows"].size() == static_cast<std::size_t>(i + 1));
    REQUIRE(p.totals()["samples/count"] == static_cast<std::uint64_t>((i + 1) * (i + 2) / 2));
  }
  REQUIRE(e.export_profile(window(3, 0)).ok);  // idle, and part of the time all the same
  REQUIRE(e.finish().ok);
  REQUIRE(page_in(d / "report.html").header["windows"].size() == 4);
}

TEST_CASE("html file: one page a window with %w or %n") {
  scratch d;
  file_exporter e(to(d / "w%n.html"));
  for (std::int64_t i = 0; i < 3; ++i) REQUIRE(e.export_profile(window(i, i + 1)).ok);
  for (std::int64_t i = 0; i < 3; ++i) {
    const page p = page_in(d / "w00000" + std::to_string(i + 1) + ".html");
    REQUIRE(p.header["windows"].size() == 1);
    REQUIRE(p.totals()["samples/count"] == static_cast<std::uint64_t>(i + 1));
  }
}

TEST_CASE("html file: what could not be written is in the next page") {
  for (const std::string name : {"report.html", "w%n.html"}) {
    scratch d;
    REQUIRE(::mkdir((d / "in").c_str(), 0700) == 0);
    file_exporter e(to(d / "in/" + name));
    REQUIRE(::rmdir((d / "in").c_str()) == 0);
    std::ofstream(d / "in") << "in the way";
    for (std::int64_t i = 0; i < 2; ++i) {
      const export_result r = e.export_profile(window(i));
      REQUIRE_FALSE(r.ok);
      REQUIRE(r.kept);
      REQUIRE(r.error.find("a part of the path is a file") != std::string::npos);
    }
    REQUIRE(::unlink((d / "in").c_str()) == 0);
    REQUIRE(e.export_profile(window(2)).ok);
    REQUIRE(e.finish().ok);
    const page p = page_in(d / "in/" + (name == "report.html" ? name : "w000001.html"));
    REQUIRE(p.header["windows"].size() == 3);
    REQUIRE(p.totals()["samples/count"] == 3);
  }
}

TEST_CASE("html file: the limits are handed on") {
  scratch d;
  file_options o = to(d / "report.html");
  o.html.max_windows = 4;
  o.html.title = "rides";
  file_exporter e(o);
  for (std::int64_t i = 0; i < 20; ++i) REQUIRE(e.export_profile(window(i)).ok);
  REQUIRE(e.finish().ok);
  const page p = page_in(d / "report.html");
  REQUIRE(p.header["windows"].size() <= 4);
  REQUIRE(p.header["title"].text == "rides");
  REQUIRE(p.totals()["samples/count"] == 20);
}

TEST_CASE("html file: a profiler writes one, equal to the profile it writes beside it; a forked child has its own") {
  scratch d;
  const std::string report = d / "report.html";
  ::setenv("PYRO", ("html:" + report + ",folded:" + (d / "run.folded")).c_str(), 1);
  config wanted;
  wanted.application_name = "html-test";
  wanted.window = std::chrono::milliseconds(200);
  wanted.tags = {{"region", "eu"}};
  auto profiler = configure(wanted);
  ::unsetenv("PYRO");
  REQUIRE(static_cast<bool>(profiler));
  const auto work = [](const char* vehicle, int calls) {
    PYRO_TAG("vehicle", vehicle);
    for (int i = 0; i < calls; ++i) {
      PYRO_SCOPE("order");
      const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(2);
      while (std::chrono::steady_clock::now() < end) {
      }
    }
  };
  work("bike", 100);
  work("car", 150);
  const pid_t child = ::fork();
  if (child == 0) {
    work("scooter", 30);
    std::exit(0);
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(profiler.flush());
  page p = page_in(report);  // also while it goes on
  REQUIRE(p.totals()["calls/count"] == 250);
  profiler.stop();
  p = page_in(report);
  REQUIRE(p.header["title"].text == "html-test");
  REQUIRE(p.header["static_tags"][0].texts() == std::vector<std::string>{"region", "eu"});
  REQUIRE(p.header["windows"].size() >= 3);
  REQUIRE(p.header["own"].kind == '{');
  std::map<std::string, std::uint64_t> calls;
  for (const page_row& r : p.rows)
    if (p.type(r.type) == "calls/count") {
      REQUIRE(p.header["kinds"].text[p.name[r.node]] == 's');
      calls[r.tags.count("vehicle") != 0 ? r.tags.at("vehicle") : ""] += r.value;
    }
  REQUIRE(calls == std::map<std::string, std::uint64_t>{{"bike", 100}, {"car", 150}});
  std::uint64_t folded = 0;  // CPU time
  std::ifstream lines(d / "run.folded");
  for (std::string line; std::getline(lines, line);) folded += std::strtoull(line.c_str() + line.rfind(' '), nullptr, 10);
  REQUIRE(p.totals()["cpu/nanoseconds"] == folded);

  const page of_child = page_in(d / ("report-" + std::to_string(child) + ".html"));
  REQUIRE(of_child.totals().at("calls/count") == 30);
}

}  // namespace html_file_test
