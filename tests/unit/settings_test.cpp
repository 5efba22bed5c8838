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

namespace settings_test {

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
      "PYROSCOPE_SERVER_ADDRESS", "PYRO_TAGS", "PYROSCOPE_LABELS", "PYRO_TAGS_FROM_ENV", "PYRO_SAMPLE_RATE", "PYRO_ENGINE", "PYRO_STACKS", "PYRO_WINDOW",
      "PYROSCOPE_UPLOAD_INTERVAL", "PYRO_MAX_MEMORY", "PYRO_MAX_TAG_VALUES", "PYRO_MAX_TAG_LENGTH", "PYRO_FILE_COUNT", "PYRO_FILE_BYTES",
      "PYRO_EXIT_TIMEOUT", "PYRO_FLUSH_ON_SIGNALS", "PYRO_TOGGLE_SIGNAL", "PYRO_BACKGROUND", "PYRO_LOG_LEVEL", "PYROSCOPE_LOG_LEVEL",
      "PYRO_BASIC_AUTH_USER", "PYROSCOPE_BASIC_AUTH_USER", "PYRO_BASIC_AUTH_PASSWORD", "PYROSCOPE_BASIC_AUTH_PASSWORD", "PYRO_AUTH_TOKEN",
      "PYROSCOPE_AUTH_TOKEN", "PYRO_TENANT_ID", "PYROSCOPE_TENANT_ID", "PYRO_HTTP_HEADERS", "PYROSCOPE_HTTP_HEADERS", "PYRO_TLS_CA_FILE",
      "PYRO_TLS_CERTIFICATE_FILE", "PYRO_TLS_KEY_FILE", "PYRO_CONNECT_TIMEOUT", "PYRO_UPLOAD_TIMEOUT", "PYRO_UPLOAD_JITTER",
      "PYRO_UPLOAD_QUEUE_BYTES", "PYRO_UPLOAD_THREAD_NAMES", "PYRO_UPLOAD_OTEL_LABELS", "PYRO_SERVE", "PYRO_SERVE_ADDRESS", "PYRO_SERVE_TOKEN",
      "PYRO_SERVE_WITHOUT_TOKEN", "PYRO_SERVE_WINDOWS"};
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

/// "name: value|name: value"
std::string fields_of(const config& c) {
  std::string out;
  for (const auto& f : c.http_headers) out += (out.empty() ? "" : "|") + f.first + ": " + f.second;
  return out;
}

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
  CHECK(o.settings.stacks == "merged");
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
  CHECK(o.settings.basic_auth_user.empty());
  CHECK(o.settings.basic_auth_password.empty());
  CHECK(o.settings.auth_token.empty());
  CHECK(o.settings.tenant_id.empty());
  CHECK(o.settings.http_headers.empty());
  CHECK(o.settings.tls_ca_file.empty());
  CHECK(o.settings.tls_certificate_file.empty());
  CHECK(o.settings.tls_key_file.empty());
  CHECK(o.settings.connect_timeout == 5s);
  CHECK(o.settings.upload_timeout == 10s);
  CHECK(o.settings.upload_jitter == 5s);
  CHECK(o.settings.upload_queue_bytes == 4U << 20);
  CHECK_FALSE(o.settings.upload_thread_names);
  CHECK_FALSE(o.settings.upload_otel_labels);
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
                         {"PYRO_STACKS", " native "},
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
                         {"PYRO_LOG_LEVEL", "debug"},
                         {"PYRO_BASIC_AUTH_USER", " me "},
                         {"PYRO_BASIC_AUTH_PASSWORD", " secret "},
                         {"PYRO_AUTH_TOKEN", " token "},
                         {"PYRO_TENANT_ID", "team-a"},
                         {"PYRO_HTTP_HEADERS", "X-Team=rides"},
                         {"PYRO_TLS_CA_FILE", "/etc/ca.pem"},
                         {"PYRO_TLS_CERTIFICATE_FILE", "/etc/client.pem"},
                         {"PYRO_TLS_KEY_FILE", "/etc/client.key"},
                         {"PYRO_CONNECT_TIMEOUT", "1500ms"},
                         {"PYRO_UPLOAD_TIMEOUT", "30s"},
                         {"PYRO_UPLOAD_JITTER", "250ms"},
                         {"PYRO_UPLOAD_QUEUE_BYTES", "16MiB"},
                         {"PYRO_UPLOAD_THREAD_NAMES", "on"},
                         {"PYRO_UPLOAD_OTEL_LABELS", "1"}});
  const outcome o = read();
  INFO(joined(o.wrong));
  CHECK(o.wrong.empty());
  CHECK(o.settings.application_name == "shop");
  CHECK(o.settings.outputs == "report,text:a.txt");
  CHECK(o.settings.server_address == "http://localhost:4040");
  CHECK(tags_of(o.settings) == "home=here,region=eu,zone=b");
  CHECK(o.settings.sample_rate == 250);
  CHECK(o.settings.engine == "none");
  CHECK(o.settings.stacks == "native");
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
  CHECK(o.settings.basic_auth_user == "me");
  CHECK(o.settings.basic_auth_password == " secret ");  // blanks may be a part of it
  CHECK(o.settings.auth_token == "token");
  CHECK(o.settings.tenant_id == "team-a");
  CHECK(fields_of(o.settings) == "X-Team: rides");
  CHECK(o.settings.tls_ca_file == "/etc/ca.pem");
  CHECK(o.settings.tls_certificate_file == "/etc/client.pem");
  CHECK(o.settings.tls_key_file == "/etc/client.key");
  CHECK(o.settings.connect_timeout == 1500ms);
  CHECK(o.settings.upload_timeout == 30s);
  CHECK(o.settings.upload_jitter == 250ms);
  CHECK(o.settings.upload_queue_bytes == 16U << 20);
  CHECK(o.settings.upload_thread_names);
  CHECK(o.settings.upload_otel_labels);
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

TEST_CASE("what says who the program is to the server: code, then PYROSCOPE, then PYRO") {
  environment env;
  const auto check = [&env](std::string config::* field, const char* lower, const char* higher) {
    INFO(higher);
    config coded;
    coded.*field = "coded";
    CHECK(read(coded).settings.*field == "coded");
    env.set(lower, "pyroscope");
    CHECK(read(coded).settings.*field == "pyroscope");
    env.set(higher, "pyro");
    CHECK(read(coded).settings.*field == "pyro");
    CHECK(read().settings.*field == "pyro");
    env.set(higher, "");
    CHECK(read(coded).settings.*field == "pyroscope");
    env.set(lower, "");
    CHECK(read(coded).settings.*field == "coded");
  };
  check(&config::basic_auth_user, "PYROSCOPE_BASIC_AUTH_USER", "PYRO_BASIC_AUTH_USER");
  check(&config::basic_auth_password, "PYROSCOPE_BASIC_AUTH_PASSWORD", "PYRO_BASIC_AUTH_PASSWORD");
  check(&config::auth_token, "PYROSCOPE_AUTH_TOKEN", "PYRO_AUTH_TOKEN");
  check(&config::tenant_id, "PYROSCOPE_TENANT_ID", "PYRO_TENANT_ID");
}

TEST_CASE("a control character in a user, password, token or tenant: refused by the setting's name, what it is stays a secret") {
  struct row {
    std::string config::* field;
    const char* name;
    const char* lower;
    const char* higher;
  };
  for (const row& r : {row{&config::basic_auth_user, "basic_auth_user", "PYROSCOPE_BASIC_AUTH_USER", "PYRO_BASIC_AUTH_USER"},
                       row{&config::basic_auth_password, "basic_auth_password", "PYROSCOPE_BASIC_AUTH_PASSWORD", "PYRO_BASIC_AUTH_PASSWORD"},
                       row{&config::auth_token, "auth_token", "PYROSCOPE_AUTH_TOKEN", "PYRO_AUTH_TOKEN"},
                       row{&config::tenant_id, "tenant_id", "PYROSCOPE_TENANT_ID", "PYRO_TENANT_ID"}}) {
    for (const char* bad : {"zebra\n", "zebra\r\nX-Injected: 1", "\nzebra", "ze\x01bra", "zebra\x7f", "ze\tbra", "ze\x1f"}) {
      INFO(r.name);
      config coded;
      coded.*r.field = bad;
      environment env;
      outcome o = read(coded);
      REQUIRE(o.wrong.size() == 1);
      CHECK((o.settings.*r.field).empty());
      CHECK(o.wrong[0].compare(0, std::string(r.name).size() + 1, std::string(r.name) + ":") == 0);
      CHECK(mentions(o, "control character"));
      CHECK(mentions(o, "text on one line"));
      CHECK_FALSE(mentions(o, "z"));

      coded.*r.field = "good";
      for (const char* variable : {r.lower, r.higher}) {
        env.set(r.lower, "lower");
        env.set(variable, bad);
        o = read(coded);
        REQUIRE(o.wrong.size() == 1);
        CHECK(o.settings.*r.field == (variable == r.lower ? "good" : "lower"));
        CHECK(o.wrong[0].compare(0, std::string(variable).size() + 1, std::string(variable) + ":") == 0);
        CHECK_FALSE(mentions(o, "z"));
      }
      env.set(r.higher, "");
      env.set(r.lower, "");
    }
    environment env;
    for (const char* good : {"me@example.com", "p\xc3\xa4ss w\xc3\xb6rd", "~!\"#$%&'()*+,-./:;<=>?@[]^_`{|}\\", "\x80\xff"}) {
      env.set(r.higher, good);
      const outcome o = read();
      CHECK(o.wrong.empty());
      CHECK(o.settings.*r.field == good);
    }
  }
  const environment env({{"PYRO_BASIC_AUTH_PASSWORD", "   "}, {"PYRO_BASIC_AUTH_USER", "   "}, {"PYRO_AUTH_TOKEN", "  "}});
  config coded;
  coded.basic_auth_user = "me";
  const outcome o = read(coded);
  CHECK(o.settings.basic_auth_password == "   ");
  CHECK(o.settings.basic_auth_user == "me");  // blanks alone are as nothing
  CHECK(o.settings.auth_token.empty());
}

TEST_CASE("header fields: JSON or name=value, over those of the code, by name in any case") {
  environment env;
  config coded;
  coded.http_headers = {{"X-Team", "coded"}, {"X-Other", "1"}};
  CHECK(fields_of(read(coded).settings) == "X-Team: coded|X-Other: 1");
  env.set("PYROSCOPE_HTTP_HEADERS", "{\"x-team\":\"pyroscope\"}");
  CHECK(fields_of(read(coded).settings) == "X-Other: 1|x-team: pyroscope");
  env.set("PYRO_HTTP_HEADERS", "X-TEAM=pyro,X-New=2");
  CHECK(fields_of(read(coded).settings) == "X-Other: 1|X-TEAM: pyro|X-New: 2");
  env.clear("PYROSCOPE_HTTP_HEADERS");
  const auto fields = [&env](const char* text) {
    env.set("PYRO_HTTP_HEADERS", text);
    INFO(text);
    const outcome o = read();
    INFO(joined(o.wrong));
    CHECK(o.wrong.empty());
    return fields_of(o.settings);
  };
  CHECK(fields("A=1") == "A: 1");
  CHECK(fields(" A = 1 , B = 2 ,") == "A: 1|B: 2");
  CHECK(fields("A=b=c") == "A: b=c");
  CHECK(fields("A=") == "A: ");
  CHECK(fields("A=1,a=2") == "a: 2");
  CHECK(fields("A=x:y z") == "A: x:y z");
  CHECK(fields(" , ") == "");
  CHECK(fields("{}") == "");
  CHECK(fields(" { } ") == "");
  CHECK(fields("{\"A\":\"1\"}") == "A: 1");
  CHECK(fields(" {\n\t\"A\" : \"1\" ,\r\n \"B\":\"2,3=4\" } ") == "A: 1|B: 2,3=4");
  CHECK(fields(R"({"A":"\"\\\/\t\u0041\u007e\u004B\u004b"})") == "A: \"\\/\tA~KK");
  CHECK(fields("{\"A\":\"\xc3\xa9\"}") == "A: \xc3\xa9");
  CHECK(fields("{\"A\":\"\"}") == "A: ");
  CHECK(fields("{\"A\":\"1\",\"a\":\"2\"}") == "a: 2");
}

TEST_CASE("header fields that are malformed are ignored as a whole, by the variable's name, and not shown") {
  environment env;
  config coded;
  coded.http_headers = {{"X-Kept", "1"}};
  for (const char* bad : {"zebra", "=zebra", "A=1,zebra", "A=1,=zebra", "{", "{\"A\"", "{\"A\":", "{\"A\":\"zebra", "{\"A\":\"zebra\"", "{\"A\":\"zebra\",}",
                          "{\"A\":\"zebra\"} x", "{\"A\":\"zebra\"}{}", "{} zebra", "{\"A\":7}", "{\"A\":null}", "{\"A\":[\"zebra\"]}", "{\"A\":{\"B\":\"zebra\"}}",
                          "{A:\"zebra\"}", "{'A':'zebra'}", "{,}", "{\"A\" \"zebra\"}", "{\"A\":\"zebra\" \"B\":\"2\"}", R"({"A":"\n"})", R"({"A":"\x41"})",
                          R"({"A":"\u00e9"})", R"({"A":"\u0000"})", R"({"A":"\u004"})", R"({"A":"\u 41"})", R"({"A":"\u+041"})", R"({"A":"\u0x41"})",
                          R"({"A":"\u004g"})", R"({"A":"\u00)", R"({"A":"\u0041)", R"({"A":"zebra\)", R"({"A":"\ud83d\ude00"})", "[\"zebra\"]", "\"zebra\""}) {
    env.set("PYRO_HTTP_HEADERS", bad);
    INFO(bad);
    const outcome o = read(coded);
    REQUIRE(o.wrong.size() == 1);
    CHECK(mentions(o, "PYRO_HTTP_HEADERS:"));
    CHECK(mentions(o, "JSON object"));
    CHECK(mentions(o, "name=value"));
    CHECK_FALSE(mentions(o, "zebra"));
    CHECK(fields_of(o.settings) == "X-Kept: 1");
  }
}

TEST_CASE("header fields that no request can have are left out, the others stay; neither a value nor a bad name is shown") {
  const auto check = [](const outcome& o, const char* left, const char* shown) {
    INFO(joined(o.wrong));
    REQUIRE(o.wrong.size() == 1);
    CHECK(mentions(o, "http_headers:"));
    CHECK(mentions(o, shown));
    CHECK_FALSE(mentions(o, "zebra"));
    CHECK(fields_of(o.settings) == left);
  };
  environment env;
  for (const char* name : {"", "zebra x", "zebra:", "z\xc3\xa9zebra", "zebra\n", "Authorization: Bearer zebra"}) {
    config coded;
    coded.http_headers = {{name, "v"}, {"X-Good", "1"}};
    check(read(coded), "X-Good: 1", "letters, digits");
  }
  for (const char* value : {"zebra\r\nX-Injected: 1", "zebra\n", "zebra\x7f", "zebra\x01"}) {
    config coded;
    coded.http_headers = {{"X-Bad", value}, {"X-Good", "tab\tis allowed"}};
    check(read(coded), "X-Good: tab\tis allowed", "'X-Bad'");
  }
  env.set("PYRO_HTTP_HEADERS", "Authorization: Bearer zebra==,X-Good=1");  // as one would write it by mistake
  check(read(), "X-Good: 1", "name=value, not name: value");
  env.set("PYRO_HTTP_HEADERS", R"({"X-Bad":"zebra\u000d\u000aX-Injected: 1","X-Good":"1"})");
  check(read(), "X-Good: 1", "'X-Bad'");
}

TEST_CASE("an empty variable is as one that is not set") {
  const environment env({{"PYRO_APPLICATION_NAME", ""}, {"PYRO_SAMPLE_RATE", ""}, {"PYRO", ""}, {"PYRO_WINDOW", ""},
                         {"PYRO_HTTP_HEADERS", ""}, {"PYRO_TLS_CA_FILE", "  "}});
  config coded;
  coded.application_name = "coded";
  coded.outputs = "report";
  coded.tls_ca_file = "ca.pem";
  const outcome o = read(coded);
  CHECK(o.wrong.empty());
  CHECK(o.settings.tls_ca_file == "ca.pem");  // blanks alone are as nothing
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
                       bad{"PYRO_STACKS", "all", "merged, scopes or native"},
                       bad{"PYRO_TOGGLE_SIGNAL", "KILL", "USR1"},
                       bad{"PYRO_TOGGLE_SIGNAL", "9", "USR1"},
                       bad{"PYRO_TOGGLE_SIGNAL", "PROF", "USR1"},
                       bad{"PYRO_TOGGLE_SIGNAL", "65", "USR1"},
                       bad{"PYRO_TOGGLE_SIGNAL", "0", "USR1"},
                       bad{"PYRO_TAGS", "novalue", "key=value"},
                       bad{"PYRO_TAGS", "=x", "key=value"},
                       bad{"PYROSCOPE_LABELS", "novalue", "key=value"},
                       bad{"PYRO_CONNECT_TIMEOUT", "99ms", "from 100ms to 60s"},
                       bad{"PYRO_CONNECT_TIMEOUT", "61s", "from 100ms to 60s"},
                       bad{"PYRO_CONNECT_TIMEOUT", "soon", "from 100ms to 60s"},
                       bad{"PYRO_UPLOAD_TIMEOUT", "99ms", "from 100ms to 120s"},
                       bad{"PYRO_UPLOAD_TIMEOUT", "121s", "from 100ms to 120s"},
                       bad{"PYRO_UPLOAD_JITTER", "-1ms", "from 0 to 60s"},
                       bad{"PYRO_UPLOAD_JITTER", "61s", "from 0 to 60s"},
                       bad{"PYRO_UPLOAD_QUEUE_BYTES", "63KiB", "from 64KiB to 1GiB"},
                       bad{"PYRO_UPLOAD_QUEUE_BYTES", "2GiB", "from 64KiB to 1GiB"},
                       bad{"PYRO_UPLOAD_THREAD_NAMES", "maybe", "on or off"},
                       bad{"PYRO_UPLOAD_OTEL_LABELS", "2", "on or off"},
                       bad{"PYRO_SERVE_WITHOUT_TOKEN", "perhaps", "on or off"},
                       bad{"PYRO_SERVE_WINDOWS", "361", "from 1 to 360"},
                       bad{"PYRO_SERVE_WINDOWS", "0", "from 1 to 360"},
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
    CHECK(o.settings.stacks == d.settings.stacks);
    CHECK(o.settings.toggle_signal == d.settings.toggle_signal);
    CHECK(o.settings.tags.empty());
    CHECK(o.settings.connect_timeout == d.settings.connect_timeout);
    CHECK(o.settings.upload_timeout == d.settings.upload_timeout);
    CHECK(o.settings.upload_jitter == d.settings.upload_jitter);
    CHECK(o.settings.upload_queue_bytes == d.settings.upload_queue_bytes);
    CHECK(o.settings.upload_thread_names == d.settings.upload_thread_names);
    CHECK(o.settings.upload_otel_labels == d.settings.upload_otel_labels);
    CHECK(o.settings.serve_without_token == d.settings.serve_without_token);
    CHECK(o.settings.serve_windows == d.settings.serve_windows);
  }
}

TEST_CASE("the live view's settings; whoever asks for a token is not served without") {
  environment env;
  CHECK(read().settings.serve_address.empty());
  CHECK(read().settings.serve_token.empty());
  CHECK_FALSE(read().settings.serve_without_token);
  CHECK(read().settings.serve_windows == 60);
  env.set("PYRO_SERVE", " :6060 ");
  CHECK(read().settings.serve_address == ":6060");
  env.set("PYRO_SERVE_ADDRESS", "127.0.0.1:7070");
  env.set("PYRO_SERVE_TOKEN", " secret ");
  env.set("PYRO_SERVE_WITHOUT_TOKEN", "yes");
  env.set("PYRO_SERVE_WINDOWS", "360");
  const outcome o = read();
  CHECK(o.wrong.empty());
  CHECK(o.settings.serve_address == "127.0.0.1:7070");
  CHECK(o.settings.serve_token == "secret");
  CHECK(o.settings.serve_without_token);
  CHECK(o.settings.serve_windows == 360);
  for (const char* unusable : {"two\nlines", "   "}) {
    env.set("PYRO_SERVE_TOKEN", unusable);
    const outcome none = read();
    CHECK(none.settings.serve_address.empty());
    CHECK(mentions(none, "there is no live view"));
    CHECK_FALSE(mentions(none, "lines"));
    config coded;
    coded.serve_token = "coded";  // stands where the variable's cannot be used
    CHECK(read(coded).settings.serve_token == "coded");
    CHECK(read(coded).settings.serve_address == "127.0.0.1:7070");
  }
  env.set("PYRO_SERVE_TOKEN", "");
  CHECK(read().settings.serve_address == "127.0.0.1:7070");
  env.set("PYRO_BACKGROUND", "off");
  CHECK(read().settings.serve_address.empty());
  CHECK(mentions(read(), "it needs background"));
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
  c.connect_timeout = 1ms;
  CHECK(check(c, "connect_timeout", "1").connect_timeout == 5s);
  c = config();
  c.upload_timeout = 1h;
  CHECK(check(c, "upload_timeout", "3600000").upload_timeout == 10s);
  c = config();
  c.upload_jitter = -1s;
  CHECK(check(c, "upload_jitter", "-1000").upload_jitter == 5s);
  c = config();
  c.upload_queue_bytes = 1;
  CHECK(check(c, "upload_queue_bytes", "1").upload_queue_bytes == 4U << 20);
  c = config();
  c.log_level = static_cast<pyro::log_level>(9);
  CHECK(check(c, "log_level", "9").log_level == pyro::log_level::warning);
  c = config();
  c.engine = "perf";
  CHECK(check(c, "engine", "perf").engine == "thread_timers");
  for (const char* known : {"thread_timers", "observer", "auto", "none"}) {
    c = config();
    c.engine = known;
    const outcome kept = read(c);
    CHECK(kept.wrong.empty());
    CHECK(kept.settings.engine == known);
  }
  c = config();
  c.stacks = "both";
  CHECK(check(c, "stacks", "both").stacks == "merged");
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
  CHECK(good("PYRO_CONNECT_TIMEOUT", "100ms").connect_timeout == 100ms);
  CHECK(good("PYRO_CONNECT_TIMEOUT", "60s").connect_timeout == 60s);
  CHECK(good("PYRO_UPLOAD_TIMEOUT", "100ms").upload_timeout == 100ms);
  CHECK(good("PYRO_UPLOAD_TIMEOUT", "2m").upload_timeout == 120s);
  CHECK(good("PYRO_UPLOAD_JITTER", "0").upload_jitter == 0s);
  CHECK(good("PYRO_UPLOAD_JITTER", "60s").upload_jitter == 60s);
  CHECK(good("PYRO_UPLOAD_QUEUE_BYTES", "64KiB").upload_queue_bytes == 64U << 10);
  CHECK(good("PYRO_UPLOAD_QUEUE_BYTES", "1GiB").upload_queue_bytes == 1U << 30);
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
  env.set("PYRO_TAGS", "pod=operator");  // wins over what the code asks for
  CHECK(tags_of(read(coded).settings) == "pod=operator");
  env.set("PYRO_TAGS", "");
  env.set("PYRO_TAGS_FROM_ENV", "node:POD_NAME_OF_TEST");
  CHECK(tags_of(read(coded).settings) == "node=pod-1,pod=coded");
}

}  // namespace settings_test
