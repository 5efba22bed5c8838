// The list of outputs in PYRO: what is made, and what is said about what can't be.
#include <pyro/export/outputs.hpp>

#include "make_profile.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace outputs_test {

using namespace pyro;
using strings = std::vector<std::string>;

namespace {

strings names_of(const outputs& o) {
  strings out;
  for (const auto& e : o.exporters) out.push_back(e->name());
  return out;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("each output by its name, in order") {
  const outputs o = parse_outputs("report,text,folded,text:a,folded:b,pprof:c-%p.pb.gz,html:d.html,null");
  REQUIRE(names_of(o) == strings{"report", "stdout", "stdout", "file", "file", "file", "file", "null"});
  REQUIRE(o.errors.empty());
  REQUIRE_FALSE(o.off);
}

TEST_CASE("nothing, spaces and empty entries are nothing") {
  for (const std::string list : {"", " ", ",", " , ,"}) {
    REQUIRE(parse_outputs(list).exporters.empty());
    REQUIRE(parse_outputs(list).errors.empty());
  }
  REQUIRE(names_of(parse_outputs(" report , null\n")) == strings{"report", "null"});
  REQUIRE(names_of(parse_outputs("text : /tmp/a b ")) == strings{"file"});
}

TEST_CASE("off wins over everything") {
  for (const std::string list : {"off", "report,off", "off,report"}) {
    REQUIRE(parse_outputs(list).off);
    REQUIRE(parse_outputs(list).exporters.empty());
  }
}

TEST_CASE("an unknown output is named, with what there is; the good ones stay") {
  const outputs o = parse_outputs("speedscope:x.json,report,1,html");
  REQUIRE(names_of(o) == strings{"report"});
  const std::string there_are = "; there are report, text, text:FILE, folded, folded:FILE, pprof:FILE, html:FILE, null, doctor and off";
  REQUIRE(o.errors == strings{"output \"speedscope:x.json\": there is no output \"speedscope\"" + there_are,
                              "output \"1\": there is no output \"1\"" + there_are,
                              "output \"html\": html needs a file name: html:FILE, such as html:report.html"});
}

TEST_CASE("a file name where there is none, none where there must be one") {
  const outputs o = parse_outputs("report:r.txt,pprof,pprof:,text:,null:x,off:");
  REQUIRE(o.exporters.empty());
  REQUIRE_FALSE(o.off);
  REQUIRE(o.errors == strings{"output \"report:r.txt\": report takes no file name; for a file say text:FILE",
                              "output \"pprof\": pprof needs a file name: pprof:FILE, such as pprof:cpu-%p.pb.gz",
                              "output \"pprof:\": pprof needs a file name: pprof:FILE, such as pprof:cpu-%p.pb.gz",
                              "output \"text:\": text needs a file name: text:FILE", "output \"null:x\": null takes no file name",
                              "output \"off:\": off takes no file name"});
}

TEST_CASE("a bad placeholder is named") {
  const outputs o = parse_outputs("pprof:cpu-%d.pb.gz");
  REQUIRE(o.exporters.empty());
  REQUIRE(o.errors.size() == 1);
  REQUIRE(has(o.errors[0], "output \"pprof:cpu-%d.pb.gz\""));
  REQUIRE(has(o.errors[0], "unknown placeholder \"%d\""));
  REQUIRE(has(o.errors[0], "%w (window start)"));
}

TEST_CASE("two outputs to one file: the first stays") {
  const outputs o = parse_outputs("text:same,folded:same,folded:other");
  REQUIRE(names_of(o) == strings{"file", "file"});
  REQUIRE(o.errors == strings{"output \"folded:same\": another output writes to the same file"});
}

TEST_CASE("the format follows the output, the limits are handed on") {
  char directory[] = "/tmp/pyro-outputs-test-XXXXXX";
  REQUIRE(::mkdtemp(directory) != nullptr);
  const std::string base = std::string(directory) + "/";
  file_options limits;
  limits.file_count = 1;
  const outputs o = parse_outputs("text:" + base + "t:colon,folded:" + base + "f-%n,pprof:" + base + "p", limits);
  for (int i = 0; i < 2; ++i)
    for (const auto& e : o.exporters) REQUIRE(e->export_profile(pyro_test::rideshare()).ok);
  const auto first_bytes = [](const std::string& path) {
    char bytes[4] = "";
    std::FILE* f = std::fopen(path.c_str(), "rb");
    if (f == nullptr) return std::string("no file");
    const std::size_t n = std::fread(bytes, 1, 2, f);
    std::fclose(f);
    return std::string(bytes, n);
  };
  REQUIRE(first_bytes(base + "t:colon") == "py");
  REQUIRE(first_bytes(base + "f-000001") == "no file");
  REQUIRE(first_bytes(base + "f-000002") == "[n");
  REQUIRE(first_bytes(base + "p") == "\x1f\x8b");
  for (const char* name : {"t:colon", "f-000002", "p"}) REQUIRE(::unlink((base + name).c_str()) == 0);
  REQUIRE(::rmdir(directory) == 0);
}

}  // namespace outputs_test
