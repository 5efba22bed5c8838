// The environment over the code over the defaults; what is not allowed is said by setting, value and what is allowed.
#include <pyro/settings.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <map>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using pyro::config;

namespace {

/// Sets variables for a test and restores what was there. Starts without any of pyro's.
class environment {
 public:
  environment(std::initializer_list<std::pair<const char*, const char*>> wanted = {}) {
    for (const char* name : all) clear(name);
    for (const auto& w : wanted) set(w.first, w.second);
  }
  ~environment() {
    for (const auto& b : before_) {
      if (b.second.first) ::setenv(b.first.c_str(), b.second.second.c_str(), 1);
      else ::unsetenv(b.first.c_str());
    }
  }
  environment(const environment&) = delete;
  environment& operator=(const environment&) = delete;

  void set(const char* name, const char* value) {
    keep(name);
    ::setenv(name, value, 1);
  }
  void clear(const char* name) {
    keep(name);
    ::unsetenv(name);
  }

 private:
  void keep(const char* name) {
    const char* value = std::getenv(name);
    before_.emplace(name, std::make_pair(value != nullptr, std::string(value != nullptr ? value : "")));
  }

  static constexpr const char* all[] = {
      "PYRO", "PYRO_OUTPUTS", "PYRO_APPLICATION_NAME", "PYROSCOPE_APPLICATION_NAME", "OTEL_SERVICE_NAME", "PYRO_SERVER_ADDRESS",
      "PYROSCOPE_SERVER_ADDRESS", "PYRO_TAGS", "PYROSCOPE_LABELS", "PYRO_TAGS_FROM_ENV", "PYRO_SAMPLE_RATE", "PYRO_ENGINE", "PYRO_WINDOW",
      "PYROSCOPE_UPLOAD_INTERVAL", "PYRO_MAX_MEMORY", "PYRO_MAX_TAG_VALUES", "PYRO_MAX_TAG_LENGTH", "PYRO_FILE_COUNT", "PYRO_FILE_BYTES",
      "PYRO_EXIT_TIMEOUT", "PYRO_FLUSH_ON_SIGNALS", "PYRO_TOGGLE_SIGNAL", "PYRO_BACKGROUND", "PYRO_LOG_LEVEL", "PYROSCOPE_LOG_LEVEL"};
  std::map<std::string, std::pair<bool, std::string>> before_;
};

struct outcome {
  config settings;
  pyro::detail::complaints wrong;
};

outcome read(config c = {}) {
  outcome o{std::move(c), {}};
  pyro::detail::settings_reader(o.settings, o.wrong).read();
  return o;
}

std::string joined(const pyro::detail::complaints& wrong) {
  std::string out;
  for (const auto& w : wrong) out += w + "\n";
  return out;
}

bool mentions(const outcome& o, const std::string& text) { return joined(o.wrong).find(text) != std::string::npos; }

std::string tags_of(const config& c) {
  std::string out;
  for (const auto& t : c.tags) out += (out.empty() ? "" : ",") + t.key + "=" + t.value;
  return out;
}

}  // namespace

TEST_CASE("without anything set the documented defaults hold") {
  const environment none;
  const outcome o = read();
  INFO(joined(o.wrong));
  CHECK(o.wrong.empty());
  CHECK_FALSE(o.settings.application_name.empty());  // the program's file name
  CHECK(o.settings.application_name.find('/') == std::string::npos);
  CHECK(o.settings.outputs.empty());
  CHECK(o.settings.server_address.empty());
  CHECK(o.settings.tags.empty());
  CHECK(o.settings.sample_rate == 100);
  CHECK(o.settings.engine == "thread_timers");
  CHECK(o.settings.window == 10s);
  CHECK(o.settings.max_memory == 8U << 20);
  CHECK(o.settings.max_tag_values == 1000);
  CHECK(o.settings.max_tag_length == 64);
  CHECK(o.settings.file_count == 1000);
  CHECK(o.settings.file_bytes == std::size_t{1} << 30);
  CHECK(o.settings.exit_timeout == 2s);
  CHECK_FALSE(o.settings.flush_on_signals);
  CHECK(o.settings.toggle_signal.empty());
  CHECK(o.settings.background);
  CHECK(o.settings.log_level == pyro::log_level::warning);
}

TEST_CASE("every field has its variable") {
  const environment set({{"PYRO_APPLICATION_NAME", "shop"},
                         {"PYRO", "report,text:a.txt"},
                         {"PYRO_SERVER_ADDRESS", "http://localhost:4040"},
                         {"PYRO_TAGS", "region=eu,zone=b"},
                         {"PYRO_TAGS_FROM_ENV", "home:HOME_OF_TEST"},
                         {"HOME_OF_TEST", "here"},
                         {"PYRO_SAMPLE_RATE", "250"},
                         {"PYRO_ENGINE", "none"},
                         {"PYRO_WINDOW", "15s"},
                         {"PYRO_MAX_MEMORY", "2MiB"},
                         {"PYRO_MAX_TAG_VALUES", "77"},
                         {"PYRO_MAX_TAG_LENGTH", "128"},
                         {"PYRO_FILE_COUNT", "5"},
                         {"PYRO_FILE_BYTES", "10MiB"},
                         {"PYRO_EXIT_TIMEOUT", "500ms"},
                         {"PYRO_FLUSH_ON_SIGNALS", "yes"},
                         {"PYRO_TOGGLE_SIGNAL", "USR2"},
                         {"PYRO_BACKGROUND", "off"},
                         {"PYRO_LOG_LEVEL", "debug"}});
  const outcome o = read();
  INFO(joined(o.wrong));
  CHECK(o.wrong.empty());
  CHECK(o.settings.application_name == "shop");
  CHECK(o.settings.outputs == "report,text:a.txt");
  CHECK(o.settings.server_address == "http://localhost:4040");
  CHECK(tags_of(o.settings) == "home=here,region=eu,zone=b");
  CHECK(o.settings.sample_rate == 250);
  CHECK(o.settings.engine == "none");
  CHECK(o.settings.window == 15s);
  CHECK(o.settings.max_memory == 2U << 20);
  CHECK(o.settings.max_tag_values == 77);
  CHECK(o.settings.max_tag_length == 128);
  CHECK(o.settings.file_count == 5);
  CHECK(o.settings.file_bytes == 10U << 20);
  CHECK(o.settings.exit_timeout == 500ms);
  CHECK(o.settings.flush_on_signals);
  CHECK(o.settings.toggle_signal == "USR2");
  CHECK_FALSE(o.settings.background);
  CHECK(o.settings.log_level == pyro::log_level::debug);
}

TEST_CASE("the environment wins over the code, PYRO over PYROSCOPE over OTEL") {
  environment env;
  config coded;
  coded.application_name = "coded";
  coded.sample_rate = 50;
  coded.window = 5s;
  coded.log_level = pyro::log_level::error;
  CHECK(read(coded).settings.application_name == "coded");
  CHECK(read(coded).settings.sample_rate == 50);
  CHECK(read(coded).settings.window == 5s);
  env.set("OTEL_SERVICE_NAME", "otel");
  CHECK(read(coded).settings.application_name == "otel");
  env.set("PYROSCOPE_APPLICATION_NAME", "pyroscope");
  CHECK(read(coded).settings.application_name == "pyroscope");
  env.set("PYRO_APPLICATION_NAME", "pyro");
  CHECK(read(coded).settings.application_name == "pyro");
  env.set("PYROSCOPE_UPLOAD_INTERVAL", "20s");
  CHECK(read(coded).settings.window == 20s);
  env.set("PYRO_WINDOW", "30s");
  CHECK(read(coded).settings.window == 30s);
  env.set("PYROSCOPE_SERVER_ADDRESS", "http://a");
  CHECK(read(coded).settings.server_address == "http://a");
  env.set("PYRO_SERVER_ADDRESS", "http://b");
  CHECK(read(coded).settings.server_address == "http://b");
  env.set("PYROSCOPE_LOG_LEVEL", "info");
  CHECK(read(coded).settings.log_level == pyro::log_level::info);
  env.set("PYRO_LOG_LEVEL", "warn");
  CHECK(read(coded).settings.log_level == pyro::log_level::warning);
  env.set("PYRO_OUTPUTS", "report");
  CHECK(read(coded).settings.outputs == "report");
  env.set("PYRO", "folded");
  CHECK(read(coded).settings.outputs == "folded");
}

TEST_CASE("an empty variable is as one that is not set") {
  const environment env({{"PYRO_APPLICATION_NAME", ""}, {"PYRO_SAMPLE_RATE", ""}, {"PYRO", ""}, {"PYRO_WINDOW", ""}});
  config coded;
  coded.application_name = "coded";
  coded.outputs = "report";
  const outcome o = read(coded);
  CHECK(o.wrong.empty());
  CHECK(o.settings.application_name == "coded");
  CHECK(o.settings.outputs == "report");
  CHECK(o.settings.sample_rate == 100);
}

TEST_CASE("a bad variable is named with its value and what is allowed, and the next lower value stands") {
  struct bad {
    const char* variable;
    const char* value;
    const char* allowed;
  };
  for (const bad& b : {bad{"PYRO_SAMPLE_RATE", "fast", "from 1 to 1000"},
                       bad{"PYRO_SAMPLE_RATE", "0", "from 1 to 1000"},
                       bad{"PYRO_SAMPLE_RATE", "1001", "from 1 to 1000"},
                       bad{"PYRO_SAMPLE_RATE", "-5", "from 1 to 1000"},
                       bad{"PYRO_SAMPLE_RATE", "99.5", "from 1 to 1000"},
                       bad{"PYRO_SAMPLE_RATE", "100Hz", "from 1 to 1000"},
                       bad{"PYRO_SAMPLE_RATE", "99999999999999999999", "from 1 to 1000"},
                       bad{"PYRO_WINDOW", "99ms", "from 100ms to 1h"},
                       bad{"PYRO_WINDOW", "61m", "from 100ms to 1h"},
                       bad{"PYRO_WINDOW", "10 parsecs", "from 100ms to 1h"},
                       bad{"PYROSCOPE_UPLOAD_INTERVAL", "soon", "from 100ms to 1h"},
                       bad{"PYRO_MAX_MEMORY", "255KiB", "from 256KiB to 1GiB"},
                       bad{"PYRO_MAX_MEMORY", "2GiB", "from 256KiB to 1GiB"},
                       bad{"PYRO_MAX_MEMORY", "9999999999GiB", "from 256KiB to 1GiB"},
                       bad{"PYRO_MAX_MEMORY", "lots", "from 256KiB to 1GiB"},
                       bad{"PYRO_MAX_TAG_VALUES", "0", "from 1 to 100000"},
                       bad{"PYRO_MAX_TAG_VALUES", "100001", "from 1 to 100000"},
                       bad{"PYRO_MAX_TAG_LENGTH", "7", "from 8 to 1024"},
                       bad{"PYRO_MAX_TAG_LENGTH", "1025", "from 8 to 1024"},
                       bad{"PYRO_FILE_COUNT", "0", "from 1 to 1000000"},
                       bad{"PYRO_FILE_BYTES", "63KiB", "from 64KiB to 1TiB"},
                       bad{"PYRO_EXIT_TIMEOUT", "61s", "from 0 to 60s"},
                       bad{"PYRO_EXIT_TIMEOUT", "-1s", "from 0 to 60s"},
                       bad{"PYRO_FLUSH_ON_SIGNALS", "maybe", "on or off"},
                       bad{"PYRO_BACKGROUND", "2", "on or off"},
                       bad{"PYRO_LOG_LEVEL", "loud", "debug, info, warning or error"},
                       bad{"PYRO_ENGINE", "magic", "thread_timers"},
                       bad{"PYRO_TOGGLE_SIGNAL", "KILL", "USR1"},
                       bad{"PYRO_TOGGLE_SIGNAL", "9", "USR1"},
                       bad{"PYRO_TOGGLE_SIGNAL", "PROF", "USR1"},
                       bad{"PYRO_TOGGLE_SIGNAL", "65", "USR1"},
                       bad{"PYRO_TOGGLE_SIGNAL", "0", "USR1"},
                       bad{"PYRO_TAGS", "novalue", "key=value"},
                       bad{"PYRO_TAGS", "=x", "key=value"},
                       bad{"PYROSCOPE_LABELS", "novalue", "key=value"},
                       bad{"PYRO_TAGS_FROM_ENV", "novariable", "key=value"}}) {
    const environment env({{b.variable, b.value}});
    INFO(b.variable << "=" << b.value);
    const outcome o = read();
    INFO(joined(o.wrong));
    CHECK(o.wrong.size() == 1);
    CHECK(mentions(o, b.variable));
    CHECK(mentions(o, b.value));
    CHECK(mentions(o, b.allowed));
    const environment without;
    const outcome d = read();
    CHECK(o.settings.sample_rate == d.settings.sample_rate);
    CHECK(o.settings.window == d.settings.window);
    CHECK(o.settings.max_memory == d.settings.max_memory);
    CHECK(o.settings.max_tag_values == d.settings.max_tag_values);
    CHECK(o.settings.max_tag_length == d.settings.max_tag_length);
    CHECK(o.settings.file_count == d.settings.file_count);
    CHECK(o.settings.file_bytes == d.settings.file_bytes);
    CHECK(o.settings.exit_timeout == d.settings.exit_timeout);
    CHECK(o.settings.background == d.settings.background);
    CHECK(o.settings.engine == d.settings.engine);
    CHECK(o.settings.toggle_signal == d.settings.toggle_signal);
    CHECK(o.settings.tags.empty());
  }
}

TEST_CASE("a bad variable does not hide a good one below it") {
  const environment env({{"PYROSCOPE_UPLOAD_INTERVAL", "20s"}, {"PYRO_WINDOW", "never"}, {"PYRO_SAMPLE_RATE", "5000"}});
  config coded;
  coded.sample_rate = 50;
  const outcome o = read(coded);
  CHECK(o.settings.window == 20s);
  CHECK(o.settings.sample_rate == 50);
  CHECK(o.wrong.size() == 2);
}

TEST_CASE("bad values in code are named and the default is used") {
  const environment none;
  const auto check = [](config c, const char* field, const std::string& value) {
    INFO(field);
    const outcome o = read(std::move(c));
    INFO(joined(o.wrong));
    CHECK(o.wrong.size() == 1);
    CHECK(mentions(o, field));
    CHECK(mentions(o, value));
    return o.settings;
  };
  config c;
  c.sample_rate = 0;
  CHECK(check(c, "sample_rate", "0").sample_rate == 100);
  c = config();
  c.sample_rate = 1001;
  CHECK(check(c, "sample_rate", "1001").sample_rate == 100);
  c = config();
  c.window = 1ms;
  CHECK(check(c, "window", "1").window == 10s);
  c = config();
  c.window = -10s;
  CHECK(check(c, "window", "-10").window == 10s);
  c = config();
  c.max_memory = 1;
  CHECK(check(c, "max_memory", "1").max_memory == 8U << 20);
  c = config();
  c.max_memory = ~std::size_t{0};
  CHECK(check(c, "max_memory", "").max_memory == 8U << 20);
  c = config();
  c.max_tag_values = -1;
  CHECK(check(c, "max_tag_values", "-1").max_tag_values == 1000);
  c = config();
  c.max_tag_length = 4;
  CHECK(check(c, "max_tag_length", "4").max_tag_length == 64);
  c = config();
  c.file_count = 0;
  CHECK(check(c, "file_count", "0").file_count == 1000);
  c = config();
  c.file_bytes = 1;
  CHECK(check(c, "file_bytes", "1").file_bytes == std::size_t{1} << 30);
  c = config();
  c.exit_timeout = -1ms;
  CHECK(check(c, "exit_timeout", "-1").exit_timeout == 2s);
  c = config();
  c.log_level = static_cast<pyro::log_level>(9);
  CHECK(check(c, "log_level", "9").log_level == pyro::log_level::warning);
  c = config();
  c.engine = "perf";
  CHECK(check(c, "engine", "perf").engine == "thread_timers");
  c = config();
  c.toggle_signal = "SEGV";
  CHECK(check(c, "toggle_signal", "SEGV").toggle_signal.empty());
  c = config();
  c.tags = {{"", "no key"}};
  CHECK(check(c, "tags", "no key").tags.empty());
}

TEST_CASE("the ends of every range are allowed") {
  environment env;
  const auto good = [&env](const char* name, const char* value) {
    env.set(name, value);
    INFO(name << "=" << value);
    const outcome o = read();
    CHECK(o.wrong.empty());
    env.clear(name);
    return o.settings;
  };
  CHECK(good("PYRO_SAMPLE_RATE", "1").sample_rate == 1);
  CHECK(good("PYRO_SAMPLE_RATE", "1000").sample_rate == 1000);
  CHECK(good("PYRO_WINDOW", "100ms").window == 100ms);
  CHECK(good("PYRO_WINDOW", "1h").window == 1h);
  CHECK(good("PYRO_MAX_MEMORY", "256KiB").max_memory == 256U << 10);
  CHECK(good("PYRO_MAX_MEMORY", "1GiB").max_memory == 1U << 30);
  CHECK(good("PYRO_MAX_TAG_VALUES", "100000").max_tag_values == 100000);
  CHECK(good("PYRO_MAX_TAG_LENGTH", "8").max_tag_length == 8);
  CHECK(good("PYRO_MAX_TAG_LENGTH", "1024").max_tag_length == 1024);
  CHECK(good("PYRO_FILE_COUNT", "1").file_count == 1);
  CHECK(good("PYRO_FILE_BYTES", "1TiB").file_bytes == std::size_t{1} << 40);
  CHECK(good("PYRO_EXIT_TIMEOUT", "0").exit_timeout == 0ms);
  CHECK(good("PYRO_EXIT_TIMEOUT", "60s").exit_timeout == 60s);
}

TEST_CASE("durations and sizes in all their spellings") {
  using namespace pyro::detail;
  const auto ms = [](const char* text) {
    long long out = -1;
    return parse_duration(text, out) ? out : -1;
  };
  CHECK(ms("10s") == 10'000);
  CHECK(ms("100ms") == 100);
  CHECK(ms("2m") == 120'000);
  CHECK(ms("2min") == 120'000);
  CHECK(ms("1h") == 3'600'000);
  CHECK(ms("7") == 7'000);
  CHECK(ms(" 10 s ") == 10'000);
  CHECK(ms("10S") == 10'000);
  CHECK(ms("0") == 0);
  CHECK(ms("") == -1);
  CHECK(ms("s") == -1);
  CHECK(ms("10 s s") == -1);
  CHECK(ms("9223372036854775807h") == -1);
  const auto bytes = [](const char* text) {
    long long out = -1;
    return parse_bytes(text, out) ? out : -1;
  };
  CHECK(bytes("2MiB") == 2 << 20);
  CHECK(bytes("512KiB") == 512 << 10);
  CHECK(bytes("512kb") == 512 << 10);
  CHECK(bytes("1g") == 1 << 30);
  CHECK(bytes("1TiB") == 1LL << 40);
  CHECK(bytes("123") == 123);
  CHECK(bytes("12 MiB") == 12 << 20);
  CHECK(bytes("MiB") == -1);
  CHECK(bytes("1 MiBs") == -1);
  CHECK(bytes("99999999TiB") == -1);
}

TEST_CASE("switches and signals") {
  using namespace pyro::detail;
  for (const char* on : {"1", "true", "on", "yes", "TRUE", " On "}) {
    long long out = -1;
    CHECK((parse_switch(on, out) && out == 1));
  }
  for (const char* off : {"0", "false", "off", "no", "NO"}) {
    long long out = -1;
    CHECK((parse_switch(off, out) && out == 0));
  }
  long long out = 0;
  CHECK_FALSE(parse_switch("", out));
  CHECK(parse_signal("USR1") == SIGUSR1);
  CHECK(parse_signal("sigusr2") == SIGUSR2);
  CHECK(parse_signal("HUP") == SIGHUP);
  CHECK(parse_signal(std::to_string(SIGUSR1)) == SIGUSR1);
  CHECK(parse_signal(std::to_string(SIGRTMAX)) == SIGRTMAX);
  CHECK(parse_signal(std::to_string(SIGSTOP)) == 0);
  CHECK(parse_signal("32") == 0);  // the C library's own
  CHECK(parse_signal("33") == 0);
  CHECK(parse_signal("") == 0);
}

TEST_CASE("tags merge by key, later ones win, and are sorted") {
  environment env;
  config coded;
  coded.tags = {{"region", "coded"}, {"version", "1"}, {"absent", static_cast<const char*>(nullptr)}, {"region", "coded twice"}};
  CHECK(tags_of(read(coded).settings) == "region=coded twice,version=1");
  env.set("PYROSCOPE_LABELS", "region:pyroscope,host:a");
  CHECK(tags_of(read(coded).settings) == "host=a,region=pyroscope,version=1");
  env.set("PYRO_TAGS", " region = pyro , zone = b=c ,");
  CHECK(tags_of(read(coded).settings) == "host=a,region=pyro,version=1,zone=b=c");
  env.set("PYRO_TAGS", "version=");
  CHECK(tags_of(read(coded).settings) == "host=a,region=pyroscope");  // an empty value takes a tag away
}

TEST_CASE("tags from other variables, those that are not set are left out") {
  environment env({{"POD_NAME_OF_TEST", "pod-1"}, {"EMPTY_OF_TEST", ""}});
  env.clear("NODE_NAME_OF_TEST");
  config coded;
  coded.tags_from_env = "pod:POD_NAME_OF_TEST,node=NODE_NAME_OF_TEST,empty:EMPTY_OF_TEST";
  coded.tags = {{"pod", "coded"}};
  const outcome o = read(coded);
  CHECK(o.wrong.empty());
  CHECK(tags_of(o.settings) == "pod=pod-1");
  env.set("PYRO_TAGS_FROM_ENV", "node:POD_NAME_OF_TEST");
  CHECK(tags_of(read(coded).settings) == "node=pod-1,pod=coded");
}
