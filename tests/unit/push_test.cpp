// Push requests, read back by a reader of its own and held against the server's limits (grafana/pyroscope, pkg/validation).
#include <pyro/encode/push.hpp>

#include "make_profile.hpp"
#include "pprof_reader.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace push_test {

using namespace pyro;
using namespace pyro_test;
using strings = std::vector<std::string>;
using pairs = std::vector<std::pair<std::string, std::string>>;
using tags = profile_maker::tags;

namespace {

bool valid_utf8(const std::string& s) { return detail::utf8_repair(s) == s; }

bool good_name(const std::string& name) {
  return !name.empty() && name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789") == std::string::npos &&
         !(name[0] >= '0' && name[0] <= '9');
}

/// Plays the server: says what it would refuse, drop or hide of a part; empty where all is well. `extra` are the caller's own labels,
/// whose names may have dots.
std::string objection(const push_part& part, const push_options& options = push_options()) {
  if (part.body.size() > options.limits.bytes) return "too many bytes";
  const push_request r = read_push(part.body);
  std::set<std::string> names;
  for (const auto& l : r.labels) {
    bool extra = false;
    for (const auto& e : options.labels) extra = extra || e.first == l.first;
    if (!names.insert(l.first).second) return "a label twice: " + l.first;
    if (names.size() > 1 && *names.rbegin() != l.first) return "labels are not sorted: " + l.first;
    if (!extra && !good_name(l.first)) return "a hidden name: " + l.first;
    if (l.second.empty() || !valid_utf8(l.second)) return "a bad value of " + l.first;
    if (l.first.size() > options.limits.name_bytes || l.second.size() > options.limits.value_bytes) return "too long: " + l.first;
  }
  if (names.count("__name__") == 0 || names.count("service_name") == 0) return "no __name__ or no service_name";
  const pprof_profile& p = r.profile;
  if (p.samples.empty() || p.samples.size() > options.limits.samples) return "no samples, or too many";
  if (p.mappings.empty()) return "no mapping";
  for (const auto& t : p.types)
    if (t.first == "calls") return "the type calls";
  for (const std::string& s : p.strings)
    if (!valid_utf8(s)) return "bad UTF-8";
  for (const pprof_sample& s : p.samples) {
    std::set<std::string> own;
    for (const auto& l : s.labels) {
      if (names.count(l.first) != 0) return "a label of the series again: " + l.first;
      if (!own.insert(l.first).second) return "a label of a sample twice: " + l.first;
      if (!good_name(l.first) || l.second.empty()) return "a bad label of a sample: " + l.first;
      if (l.first.find_first_not_of('_') != std::string::npos && l.first.compare(0, 2, "__") == 0 && l.first.compare(l.first.size() - 2, 2, "__") == 0) return "a reserved name: " + l.first;
      if (l.first.size() > options.limits.name_bytes || l.second.size() > options.limits.value_bytes) return "too long: " + l.first;
    }
    if (names.size() + own.size() > options.limits.labels) return "too many labels";
    bool any = false;
    for (const std::int64_t v : s.values) any = any || v != 0;
    if (!any) return "a sample of zeros";
    for (const pprof_frame& f : s.frames)
      if (f.name.empty() || f.name.size() > options.limits.function_bytes) return "a function's name: " + f.name;
  }
  return {};
}

/// What the server will show: "main;order {region=eu,vehicle=car}" -> values. Labels of the series and of the sample, but for the two
/// that are not tags.
using table = std::map<std::string, std::vector<std::int64_t>>;

void add_row(table& to, const std::string& key, const std::vector<std::int64_t>& values) {
  std::vector<std::int64_t>& row = to[key];
  row.resize(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) row[i] += values[i];
}

std::string key_of(const strings& root_first, const std::map<std::string, std::string>& labels) {
  std::string out;
  for (const std::string& f : root_first) out += (out.empty() ? "" : ";") + f;
  out += " {";
  for (const auto& l : labels) out += (out.back() == '{' ? "" : ",") + l.first + "=" + l.second;
  return out + "}";
}

table shown(const push& made) {
  table out;
  for (const push_part& part : made.parts) {
    const push_request r = read_push(part.body);
    for (const pprof_sample& s : r.profile.samples) {
      std::map<std::string, std::string> labels(s.labels.begin(), s.labels.end());
      for (const auto& l : r.labels)
        if (l.first != "__name__" && l.first != "service_name") labels[l.first] = l.second;  // as the server: that of the series wins
      strings stack;
      for (auto f = s.frames.rbegin(); f != s.frames.rend(); ++f) stack.push_back(f->name);
      add_row(out, key_of(stack, labels), s.values);
    }
  }
  return out;
}

/// The one part of a push that needs no more, and that the server takes.
push_request only(const push& made, const push_options& options = push_options()) {
  REQUIRE(made.parts.size() == 1);
  REQUIRE(objection(made.parts[0], options) == "");
  return read_push(made.parts[0].body);
}

strings kinds(const push& made) {
  strings out;
  for (const auto& change : made.changes) out.push_back(change.first);
  return out;
}

/// The example of the one change that has `text` in it; empty where there is none.
std::string example_of(const push& made, const std::string& text) {
  std::string found;
  for (const auto& change : made.changes)
    if (change.first.find(text) != std::string::npos) found += change.second;
  return found;
}

std::string repeated(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

}  // namespace

TEST_CASE("push: the series has the profile's name, the service, and the tags of the process; samples have their own") {
  const profile window = rideshare();
  const push made = encode_push(window);
  CHECK(made.changes.empty());
  const push_request r = only(made);
  CHECK(r.labels == pairs{{"__name__", "process_cpu"}, {"region", "eu-north"}, {"service_name", "ride-sharing-app"}, {"version", "2.1"}});
  CHECK(r.profile.types == pairs{{"samples", "count"}, {"cpu", "nanoseconds"}});
  CHECK(r.profile.default_type == "cpu");
  CHECK(r.profile.period_type == std::make_pair(std::string("cpu"), std::string("nanoseconds")));  // without it, another type
  CHECK(r.profile.period == 10'000'000);
  CHECK(r.profile.time == window.time_ns);
  CHECK(r.profile.duration == 26'000'000'000);
  REQUIRE(r.profile.mappings.size() == 1);
  CHECK(r.profile.mappings[0].file == "/usr/bin/rideshare");
  const table rows = shown(made);
  CHECK(rows.at("main;order_car;find nearest vehicle;check_driver_availability {region=eu-north,vehicle=car,version=2.1}") ==
        std::vector<std::int64_t>{508, 5'080'000'000});
  CHECK(rows.at("[no scope] {region=eu-north,version=2.1}") == std::vector<std::int64_t>{120, 1'200'000'000});
  CHECK(made.parts[0].samples == static_cast<std::uint64_t>(window.total(1)));
}

TEST_CASE("push: rows that were counted and never sampled are left out") {
  const push_request r = only(encode_push(rideshare()));
  CHECK(r.profile.samples.size() == 9);
  for (const std::string& s : r.profile.strings) CHECK(s != "never sampled");
  profile_maker m;
  m.row({"f"}, {}, 5, 0);
  m.row(m.stack({"g"}), {}, {0, 0, 7});  // CPU time alone is a measurement
  const push made = encode_push(m.get());
  CHECK(shown(made) == table{{"g {}", {0, 7}}});
  CHECK(made.parts[0].samples == 0);
}

TEST_CASE("push: where nothing was sampled there is no part") {
  CHECK(encode_push(profile()).parts.empty());
  CHECK(encode_push(profile_maker().get()).parts.empty());
  profile_maker m;
  m.row({"f"}, {{"a-b", "changed"}}, 5, 0);
  const push made = encode_push(m.get());
  CHECK(made.parts.empty());
  CHECK(made.changes.empty());  // what is not sent was not changed
}

TEST_CASE("push: a profile without mappings gets one, the server hangs metadata on it") {
  profile_maker m;
  m.row({"f"}, {}, 0, 1);
  m.get().mappings.clear();
  m.get().application = "my-app";
  CHECK(only(encode_push(m.get())).profile.mappings.at(0).file == "my-app");
}

TEST_CASE("push: threads are left out, and rows that then are equal are added up; by option they are kept") {
  profile_maker m;
  m.row({"f"}, {{"thread", "one"}, {"vehicle", "car"}}, 1, 2);
  m.row({"f"}, {{"thread", "two"}, {"vehicle", "car"}}, 1, 3);
  m.row({"f"}, {{"thread", "two"}}, 1, 5);
  const push without = encode_push(m.get());
  CHECK(only(without).profile.samples.size() == 2);
  CHECK(shown(without) == table{{"f {vehicle=car}", {5, 50'000'000}}, {"f {}", {5, 50'000'000}}});
  CHECK(without.changes.empty());
  push_options options;
  options.thread_names = true;
  const push with = encode_push(m.get(), options);
  CHECK(only(with).profile.samples.size() == 3);
  CHECK(shown(with) == table{{"f {thread=one,vehicle=car}", {2, 20'000'000}},
                             {"f {thread=two,vehicle=car}", {3, 30'000'000}},
                             {"f {thread=two}", {5, 50'000'000}}});
}

TEST_CASE("push: a tag of the process that a scope overrides travels on the samples, and the inner value wins") {
  profile_maker m;
  m.get().static_tags = {{"region", "eu"}, {"zone", "a"}};
  m.row({"f"}, {{"region", "us"}}, 0, 1);
  m.row({"f"}, {}, 0, 2);
  m.row({"f"}, {{"region", ""}}, 0, 4);  // an empty inner value takes the tag away
  m.row({"g"}, {{"vehicle", "car"}}, 0, 8);
  const push made = encode_push(m.get());
  CHECK(only(made).labels == pairs{{"__name__", "process_cpu"}, {"service_name", "test"}, {"zone", "a"}});
  CHECK(made.changes.empty());
  CHECK(shown(made) == table{{"f {region=us,zone=a}", {1, 10'000'000}},
                             {"f {region=eu,zone=a}", {2, 20'000'000}},
                             {"f {zone=a}", {4, 40'000'000}},
                             {"g {region=eu,vehicle=car,zone=a}", {8, 80'000'000}}});
}

TEST_CASE("push: a tag of the process is overridden as well by one that gets the same name") {
  profile_maker m;
  m.get().static_tags = {{"http.route", "/"}};
  m.row({"f"}, {{"http_route", "/order"}}, 0, 1);
  m.row({"f"}, {}, 0, 2);
  const push made = encode_push(m.get());
  CHECK(shown(made) == table{{"f {http_route=/order}", {1, 10'000'000}}, {"f {http_route=/}", {2, 20'000'000}}});
  CHECK(example_of(made, "one name") == "http.route");
}

TEST_CASE("push: a tag of the process called thread is not overridden by names of threads that are left out") {
  profile_maker m;
  m.get().static_tags = {{"thread", "blue"}};
  m.row({"f"}, {{"thread", "worker"}}, 0, 1);
  m.row({"f"}, {}, 0, 2);
  const push without = encode_push(m.get());
  CHECK(*only(without).label("thread") == "blue");
  CHECK(shown(without) == table{{"f {thread=blue}", {3, 30'000'000}}});
  push_options options;
  options.thread_names = true;
  CHECK(shown(encode_push(m.get(), options)) == table{{"f {thread=worker}", {1, 10'000'000}}, {"f {thread=blue}", {2, 20'000'000}}});
}

TEST_CASE("push: names as the server shows them") {
  using detail::label_name;
  CHECK(label_name("vehicle") == "vehicle");
  CHECK(label_name("Az_09") == "Az_09");
  CHECK(label_name("_") == "_");
  CHECK(label_name("http.route") == "http_route");
  CHECK(label_name("a-b c/d:e") == "a_b_c_d_e");
  CHECK(label_name("1st") == "_1st");
  CHECK(label_name("9") == "_9");
  CHECK(label_name("\xc3\xa9tat") == "_tat");                         // é
  CHECK(label_name("\xe6\xbc\xa2\xe5\xad\x97") == "__");              // two characters
  CHECK(label_name("x\xf0\x9f\x94\xa5") == "x_");                     // four bytes
  CHECK(label_name("bad \xff\xfe") == "bad___");                      // no UTF-8: a byte each
  CHECK(label_name("\x80\x80") == "__");                              // never empty where the name is not
  CHECK(label_name("cut \xe2\x82") == "cut___");
  CHECK(label_name(std::string("a\0b", 3)) == "a_b");
  CHECK(label_name("@[`{/:") == "______");                            // neighbours of what is allowed
  CHECK(label_name("") == "");
}

TEST_CASE("push: names that the server would hide are changed, and that is said once with an example") {
  profile_maker m;
  m.get().static_tags = {{"host.name", "a"}};
  m.row({"f"}, {{"1st", "x"}, {"\xc3\xa9tat", "y"}}, 0, 1);
  const push made = encode_push(m.get());
  CHECK(shown(made) == table{{"f {_1st=x,_tat=y,host_name=a}", {1, 10'000'000}}});
  CHECK(only(made).label("host_name") != nullptr);
  REQUIRE(made.changes.size() == 1);
  CHECK(made.changes.begin()->first.find("name is changed") != std::string::npos);
  CHECK(made.changes.begin()->second == "host.name to host_name");
}

TEST_CASE("push: of two tags that get one name the second is left out, and said") {
  profile_maker m;
  m.get().static_tags = {{"a.b", "dot"}, {"a_b", "line"}};
  m.row({"f"}, {{"c d", "blank"}, {"c_d", "line"}}, 0, 1);
  m.row({"f"}, {{"c_d", "line"}}, 0, 2);
  const push made = encode_push(m.get());
  CHECK(shown(made) == table{{"f {a_b=dot,c_d=blank}", {1, 10'000'000}}, {"f {a_b=dot,c_d=line}", {2, 20'000'000}}});
  CHECK(example_of(made, "two tags have one name") == "a_b");
  CHECK(only(made).labels.size() == 3);
}

TEST_CASE("push: names that are Pyroscope's own are left out, also where they become so, and said") {
  for (const char* key : {"__name__", "__session_id__", "__x__", "service_name", "service.name", "..name..", "__x\xc3\xa9_"}) {
    INFO(key);
    for (const bool of_process : {true, false}) {
      profile_maker m;
      if (of_process) m.get().static_tags = {{key, "mine"}};
      m.row({"f"}, of_process ? tags{} : tags{{key, "mine"}}, 0, 1);
      const push made = encode_push(m.get());
      CHECK(shown(made) == table{{"f {}", {1, 10'000'000}}});
      CHECK(only(made).labels == pairs{{"__name__", "process_cpu"}, {"service_name", "test"}});
      CHECK(kinds(made).size() == 1);
      CHECK(example_of(made, "Pyroscope's own") == key);
    }
  }
  profile_maker m;
  m.row({"f"}, {{"__x", "1"}, {"x__", "2"}, {"___", "3"}, {"name__", "4"}, {"\xd0\xb8\xd0\xbc\xd1\x8f\xd0\xb8", "5"}}, 0, 1);
  const push made = encode_push(m.get());
  CHECK(shown(made) == table{{"f {___=3,____=5,__x=1,name__=4,x__=2}", {1, 10'000'000}}});
  CHECK(kinds(made).size() == 1);  // the name in Cyrillic letters is changed, as it is said
}

TEST_CASE("push: labels without a value are left out, the service always has a name") {
  profile_maker m;
  m.get().application = "";
  m.get().static_tags = {{"empty", ""}, {"full", "x"}};
  m.row({"f"}, {{"a-b", ""}, {"c", ""}}, 0, 1);
  const push made = encode_push(m.get());
  CHECK(only(made).labels == pairs{{"__name__", "process_cpu"}, {"full", "x"}, {"service_name", "unknown"}});
  CHECK(only(made).profile.samples.at(0).labels.empty());
  CHECK(made.changes.empty());
}

TEST_CASE("push: labels of our own come beside the tags; where a tag has the name, the tag wins") {
  profile_maker m;
  m.get().static_tags = {{"process_runtime_name", "mine"}};
  m.row({"f"}, {{"inner", "of a scope"}}, 0, 1);
  push_options options;
  options.profile_name = "wall";
  options.labels = {{"process_runtime_name", "cpp"}, {"otel.scope.name", "pyro"}, {"empty", ""}, {"inner", "ours"}, {"bad", "\xff"}};
  const push_request r = only(encode_push(m.get(), options), options);
  CHECK(r.labels == pairs{{"__name__", "wall"}, {"bad", "\xef\xbf\xbd"}, {"otel.scope.name", "pyro"}, {"process_runtime_name", "mine"}, {"service_name", "test"}});
  CHECK(r.profile.samples.at(0).labels == pairs{{"inner", "of a scope"}});
}

TEST_CASE("push: at most 30 labels, of the series and of a sample together; what is left out is said by name") {
  const auto numbered = [](const char* name, int count) {
    tags out;
    for (int i = 0; i < count; ++i) out.emplace_back(name + std::to_string(100 + i), "v");
    return out;
  };
  for (const int of_process : {0, 10, 27, 28, 29, 40}) {
    for (const int of_sample : {0, 1, 18, 28, 29, 40}) {
      INFO(of_process << " tags of the process, " << of_sample << " of the sample");
      profile_maker m;
      m.get().static_tags = numbered("process", of_process);
      m.row({"f"}, numbered("sample", of_sample), 0, 1);
      m.row({"g"}, {}, 0, 2);
      const push made = encode_push(m.get());
      const push_request r = only(made);
      const int series = std::min(of_process, 28);
      REQUIRE(static_cast<int>(r.labels.size()) == 2 + series);
      REQUIRE(static_cast<int>(r.profile.samples.at(0).labels.size()) == std::min(of_sample, 28 - series));
      const int dropped = of_process + of_sample - 28;
      REQUIRE(kinds(made).size() == (dropped > 0 ? 1U : 0U));
      const std::string first = of_process > 28 ? "process128" : "sample" + std::to_string(100 + 28 - series);
      REQUIRE(example_of(made, "30 labels") == (dropped > 0 ? first : ""));
    }
  }
  push_options options;
  options.labels = {{"a", "1"}, {"b", "2"}};
  profile_maker m;
  m.get().static_tags = numbered("process", 27);
  m.row({"f"}, {}, 0, 1);
  CHECK(only(encode_push(m.get(), options), options).labels.size() == 30);  // of our own as many as there is room for
}

TEST_CASE("push: tags of the process that travel on samples count against the limit there") {
  profile_maker m;
  m.get().static_tags = {{"region", "eu"}, {"zone", "a"}};
  m.row({"f"}, {{"region", "us"}}, 0, 1);
  m.row({"f"}, {{"v", "1"}, {"w", "2"}}, 0, 2);
  push_options options;
  options.limits.labels = 5;
  const push made = encode_push(m.get(), options);
  only(made, options);
  CHECK(shown(made) == table{{"f {region=us,zone=a}", {1, 10'000'000}}, {"f {v=1,w=2,zone=a}", {2, 20'000'000}}});
  CHECK(example_of(made, "30 labels") == "region");
}

TEST_CASE("push: long values are cut between characters") {
  const std::string of_two = "x" + repeated("\xc3\xa9", 1500), of_three = repeated("\xe6\xbc\xa2", 1000), exact(2048, 'e'), longer(2049, 'l');
  profile_maker m;
  m.get().application = of_two;
  m.get().static_tags = {{"static", of_three}};
  m.row({"f"}, {{"exact", exact}, {"longer", longer}, {"bad", std::string(1000, '\xff')}}, 0, 1);
  const push made = encode_push(m.get());
  const push_request r = only(made);
  CHECK(*r.label("service_name") == of_two.substr(0, 2047));
  CHECK(*r.label("static") == of_three.substr(0, 2046));
  const auto labels = std::map<std::string, std::string>(r.profile.samples.at(0).labels.begin(), r.profile.samples.at(0).labels.end());
  CHECK(labels.at("exact") == exact);
  CHECK(labels.at("longer") == longer.substr(0, 2048));
  CHECK(labels.at("bad") == repeated("\xef\xbf\xbd", 682));
  REQUIRE(made.changes.size() == 1);
  CHECK(made.changes.begin()->first.find("2,048 bytes") != std::string::npos);
  CHECK(valid_utf8(made.changes.begin()->second));
  CHECK(made.changes.begin()->second.size() < 200);
}

TEST_CASE("push: values that are cut to the same make one row") {
  profile_maker m;
  const std::string common(2048, 'x');
  m.row({"f"}, {{"key", common + "1"}}, 0, 1);
  m.row({"f"}, {{"key", common + "2"}}, 0, 2);
  const push_request r = only(encode_push(m.get()));
  REQUIRE(r.profile.samples.size() == 1);
  CHECK(r.profile.samples[0].values.at(0) == 3);
}

TEST_CASE("push: long names are cut, and it is said") {
  profile_maker m;
  m.row({"f"}, {{std::string(1024, 'e'), "exact"}, {std::string(1025, 'n'), "cut"}, {"k" + repeated("\xc3\xa9", 1000), "changed alone"}}, 0, 1);
  const push made = encode_push(m.get());
  const push_request r = only(made);
  const auto labels = std::map<std::string, std::string>(r.profile.samples.at(0).labels.begin(), r.profile.samples.at(0).labels.end());
  CHECK(labels.at(std::string(1024, 'e')) == "exact");
  CHECK(labels.at(std::string(1024, 'n')) == "cut");
  CHECK(labels.at("k" + std::string(1000, '_')) == "changed alone");
  CHECK(made.changes.size() == 2);
  CHECK(example_of(made, "1,024 bytes").compare(0, 10, "nnnnnnnnnn") == 0);
  for (const auto& change : made.changes) {
    CHECK(change.second.size() < 200);
    CHECK(valid_utf8(change.second));
  }
}

TEST_CASE("push: names that are one only when they are cut: the series has it, the sample leaves it out") {
  profile_maker m;
  m.get().static_tags = {{std::string(1024, 'n'), "static"}};
  m.row({"f"}, {{std::string(1025, 'n'), "inner"}}, 0, 1);
  const push made = encode_push(m.get());
  CHECK(*only(made).label(std::string(1024, 'n')) == "static");
  CHECK(only(made).profile.samples.at(0).labels.empty());
  CHECK(example_of(made, "two tags have one name") != "");
}

TEST_CASE("push: native functions are shown by their short names, and keep the linker's") {
  profile_maker m;
  pyro::function f;
  f.name = m.builder().text("int shop::cart<shop::item, std::allocator<shop::item> >::add(int)");
  f.system_name = m.builder().text("_ZN4shop4cartIS_E3addEi");
  pyro::frame native;
  native.function = m.builder().add_function(f);
  native.kind = pyro::frame_kind::native;
  m.row(m.builder().add_stack(pyro::no_stack, m.builder().add_frame(native)), {}, {0, 1, 10'000'000});
  const push made = encode_push(m.get());
  const push_request r = only(made);
  const auto& frames = r.profile.samples.at(0).frames;
  REQUIRE(frames.size() == 1);
  CHECK(frames[0].name == "shop::cart<...>::add");
}

TEST_CASE("push: long names of functions lose their middle, both ends can be read") {
  for (const char* filling : {"x", "\xc3\xa9", "\xe6\xbc\xa2", "\xf0\x9f\x94\xa5", "\xcc\x81", "\xe2\x80\x8b", "\xff"}) {
    for (int extra = 0; extra < 5; ++extra) {
      const std::string begin = "namespace_of_mine::first<" + std::string(static_cast<std::size_t>(extra), 'b'), end = ", last>::call(int)";
      INFO(filling);
      profile_maker m;
      m.row({"main", begin + repeated(filling, 600) + end, "leaf"}, {}, 0, 1);
      const push made = encode_push(m.get());
      const push_request r = only(made);
      REQUIRE(r.profile.samples.size() == 1);
      const std::string& name = r.profile.samples[0].frames.at(1).name;
      CHECK(name.size() <= 512);
      CHECK(name.size() >= 512 - 6);  // no more is lost than characters ask for
      CHECK(name.compare(0, begin.size(), begin) == 0);
      CHECK(name.compare(name.size() - end.size(), end.size(), end) == 0);
      CHECK(name.find("\xe2\x80\xa6") != std::string::npos);
      CHECK(valid_utf8(name));
      CHECK(kinds(made).size() == 1);
      CHECK(valid_utf8(example_of(made, "512 bytes")));
      CHECK(example_of(made, "512 bytes").compare(0, 10, begin, 0, 10) == 0);
    }
  }
  for (const std::size_t size : {511U, 512U, 513U}) {
    profile_maker m;
    m.row({std::string(size, 'x')}, {}, 0, 1);
    const push made = encode_push(m.get());
    CHECK(made.changes.size() == (size > 512 ? 1U : 0U));
    CHECK(only(made).profile.samples.at(0).frames.at(0).name.size() == std::min<std::size_t>(size, 512));
  }
}

TEST_CASE("push: a linker's name that is too long is left out, half of one is none; names that are equal stay one") {
  profile_maker m;
  function f;
  f.name = m.builder().text("a::f");
  f.system_name = m.builder().text(std::string(600, 'Z'));
  frame at;
  at.function = m.builder().add_function(f);
  m.row(m.builder().add_stack(no_stack, m.builder().add_frame(at)), {}, {0, 1, 1});
  f.name = f.system_name = m.builder().text(std::string(600, 'Y'));
  at.function = m.builder().add_function(f);
  m.row(m.builder().add_stack(no_stack, m.builder().add_frame(at)), {}, {0, 1, 1});
  const push_request r = only(encode_push(m.get()));
  CHECK(r.profile.samples.at(0).frames.at(0).name == "a::f");
  CHECK(r.profile.samples.at(0).frames.at(0).system_name.empty());
  CHECK(r.profile.samples.at(1).frames.at(0).name.size() == 512);
  CHECK(r.profile.samples.at(1).frames.at(0).system_name.empty());
}

TEST_CASE("push: texts in bytes lose their middle, never a part of a character") {
  using detail::elide_bytes;
  CHECK(elide_bytes("abcdef", 6, "..") == "abcdef");
  CHECK(elide_bytes("abcdefg", 6, "..") == "ab..fg");
  CHECK(elide_bytes("abcdefg", 5, "..") == "ab..g");
  CHECK(elide_bytes("abcdefg", 2, "..") == "..");
  CHECK(elide_bytes("abcdefg", 3) == "\xe2\x80\xa6");
  CHECK(elide_bytes("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 7, ".") == "\xc3\xa9.\xc3\xa9\xc3\xa9");
  CHECK(elide_bytes("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 6, ".") == "\xc3\xa9.\xc3\xa9");
  CHECK(elide_bytes("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 5, ".") == "\xc3\xa9.\xc3\xa9");
  CHECK(elide_bytes("\xf0\x9f\x94\xa5\xf0\x9f\x94\xa5", 7, ".") == ".\xf0\x9f\x94\xa5");
  CHECK(elide_bytes("\xf0\x9f\x94\xa5\xf0\x9f\x94\xa5", 4, ".") == ".");
}

TEST_CASE("push: more rows than a profile may have are split, and nothing is lost or doubled") {
  profile_maker m;
  m.get().static_tags = {{"region", "eu"}};
  for (int i = 0; i < 16'001; ++i) m.row({"f" + std::to_string(i)}, {}, 1, i % 3 + 1);
  const push made = encode_push(m.get());
  REQUIRE(made.parts.size() == 2);
  std::uint64_t samples = 0;
  for (const push_part& part : made.parts) {
    CHECK(objection(part) == "");
    CHECK(read_push(part.body).labels == pairs{{"__name__", "process_cpu"}, {"region", "eu"}, {"service_name", "test"}});
    CHECK(read_push(part.body).profile.time == m.get().time_ns);
    CHECK(part.samples == static_cast<std::uint64_t>(read_push(part.body).profile.total(0)));
    samples += part.samples;
  }
  CHECK(samples == static_cast<std::uint64_t>(m.get().total(1)));
  CHECK(shown(made).size() == 16'001);
  CHECK(made.changes.empty());
  profile_maker fits;
  for (int i = 0; i < 16'000; ++i) fits.row({"f" + std::to_string(i)}, {}, 1, 1);
  CHECK(encode_push(fits.get()).parts.size() == 1);
}

TEST_CASE("push: more bytes than a request may have are split") {
  profile_maker m;
  for (int i = 0; i < 8'000; ++i) m.row({"f" + std::to_string(i) + std::string(400, 'x')}, {{"key", std::to_string(i)}}, 1, 1);
  const push made = encode_push(m.get());
  CHECK(made.parts.size() >= 2);
  std::uint64_t samples = 0;
  for (const push_part& part : made.parts) {
    CHECK(objection(part) == "");
    samples += part.samples;
  }
  CHECK(samples == 8'000);
  CHECK(shown(made).size() == 8'000);

  profile_maker few;
  few.row({"f"}, {}, 0, 1);
  few.row({"g"}, {}, 0, 1);
  push_options options;
  options.limits.bytes = encode_push(few.get()).parts.at(0).body.size();
  CHECK(encode_push(few.get(), options).parts.size() == 1);
  --options.limits.bytes;
  CHECK(encode_push(few.get(), options).parts.size() == 2);
}

TEST_CASE("push: a row that is too large by itself is sent by itself") {
  profile_maker m;
  m.row({"small"}, {}, 0, 1);
  m.row({std::string(500, 'x')}, {}, 0, 2);
  m.row({"small too"}, {}, 0, 4);
  push_options options;
  options.limits.bytes = 400;
  const push made = encode_push(m.get(), options);
  std::uint64_t samples = 0;
  for (const push_part& part : made.parts) {
    CHECK((part.body.size() <= 400 || read_push(part.body).profile.samples.size() == 1));
    samples += part.samples;
  }
  CHECK(samples == 7);
  CHECK(shown(made).size() == 3);
}

TEST_CASE("push: random profiles under random limits: every part is within them, and together they are the whole") {
  for (std::uint32_t seed = 0; seed < 150; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&random](std::size_t n) { return static_cast<std::size_t>(random() % n); };
    const strings keys = {"thread", "region", "zone", "vehicle", "_x", "A9"};
    profile_maker m;
    push_options options;
    options.thread_names = below(2) == 0;
    options.limits.samples = 1 + below(40);
    options.limits.bytes = 2'000 + below(20'000);
    std::map<std::string, std::string> statics;
    for (std::size_t i = below(4); i-- > 0;) statics[keys[below(keys.size())]] = awkward_names()[below(awkward_names().size())];
    for (const auto& t : statics) m.get().static_tags.emplace_back(t);

    // The model: the inner tag, or else that of the process; threads where they are wanted; nothing empty; text repaired.
    table expected;
    for (std::size_t i = below(120); i-- > 0;) {
      strings path, named;
      for (std::size_t depth = below(5); depth-- > 0;) {
        path.push_back(below(2) ? awkward_names()[below(awkward_names().size())] : "f" + std::to_string(below(10)));
        named.push_back(path.back().empty() ? "[unknown]" : detail::utf8_repair(path.back()));
      }
      if (named.empty()) named.push_back("[unknown]");
      std::map<std::string, std::string> inner;
      for (std::size_t n = below(4); n-- > 0;) inner[keys[below(keys.size())]] = awkward_names()[below(awkward_names().size())];
      const auto samples = static_cast<std::int64_t>(below(3) ? below(50) : 0);
      const auto cpu = samples * 10'000'000 + static_cast<std::int64_t>(below(2));
      m.row(m.stack(path), tags(inner.begin(), inner.end()), {static_cast<std::int64_t>(below(100)), samples, cpu});
      if (samples == 0 && cpu == 0) continue;
      std::map<std::string, std::string> labels;
      if (!options.thread_names) inner.erase("thread");
      for (const auto& l : inner) labels.insert(l);
      for (const auto& l : statics) labels.insert(l);
      for (auto l = labels.begin(); l != labels.end();) {
        l->second = detail::utf8_repair(l->second);
        l = l->second.empty() ? labels.erase(l) : std::next(l);
      }
      add_row(expected, key_of(named, labels), {samples, cpu});
    }

    const push made = encode_push(m.get(), options);
    INFO("seed " << seed);
    std::uint64_t samples = 0;
    for (const push_part& part : made.parts) {
      if (part.body.size() <= options.limits.bytes || read_push(part.body).profile.samples.size() > 1) REQUIRE(objection(part, options) == "");
      REQUIRE(part.samples == static_cast<std::uint64_t>(read_push(part.body).profile.total(0)));
      samples += part.samples;
    }
    REQUIRE(samples == static_cast<std::uint64_t>(m.get().total(1)));
    REQUIRE((shown(made) == expected));
    REQUIRE(made.changes.empty());
    REQUIRE(made.parts.empty() == expected.empty());
  }
}

TEST_CASE("push: random profiles with keys that no server takes: nothing is lost, every part is taken") {
  for (std::uint32_t seed = 0; seed < 100; ++seed) {
    profile p = random_profile(seed, 200);
    p.static_tags = {{"a;b", "static"}, {"bad \xff", "x"}, {"main", "y"}};
    push_options options;
    options.limits.samples = 50;
    options.limits.labels = 3 + seed % 5;
    options.limits.bytes = 20'000;
    const push made = encode_push(p, options);
    INFO("seed " << seed);
    std::uint64_t samples = 0;
    std::int64_t cpu = 0;
    for (const push_part& part : made.parts) {
      REQUIRE(objection(part, options) == "");
      samples += part.samples;
      cpu += read_push(part.body).profile.total(1);
    }
    REQUIRE(samples == static_cast<std::uint64_t>(p.total(1)));
    REQUIRE(cpu == p.total(2));
    for (const auto& change : made.changes) {
      REQUIRE(valid_utf8(change.first + change.second));
      REQUIRE((change.first + change.second).find('\n') == std::string::npos);
    }
  }
}

}  // namespace push_test
