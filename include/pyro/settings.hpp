#pragma once
// Reads the environment over a `config` and checks every value. Never fails as a whole: a value that is not allowed is reported, with
// what is, and the one from the next lower place stands.

#include <pyro/config.hpp>
#include <pyro/core/abi.hpp>
#include <pyro/http_headers.hpp>

#include <algorithm>     // sort
#include <cerrno>        // strtoll
#include <cstdlib>       // getenv
#include <csignal>       // signal numbers
#include <initializer_list>
#include <string>
#include <string_view>
#include <unistd.h>      // readlink

namespace pyro {
namespace detail PYRO_HIDDEN {

/// What was wrong, a line each.
using complaints = std::vector<std::string>;

inline std::string_view trim(std::string_view s) noexcept {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}

inline std::string lower(std::string_view s) {
  std::string out(s);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

/// A whole number and what follows it; false where there is no number or it does not fit.
inline bool split_number(std::string_view text, long long& number, std::string& unit) {
  const std::string owned(trim(text));
  char* end = nullptr;
  errno = 0;
  number = std::strtoll(owned.c_str(), &end, 10);
  if (end == owned.c_str() || errno != 0) return false;
  unit = lower(trim(end));
  return true;
}

inline bool parse_scaled(std::string_view text, std::initializer_list<std::pair<const char*, long long>> units, long long& out) {
  long long number = 0;
  std::string unit;
  if (!split_number(text, number, unit)) return false;
  for (const auto& u : units)
    if (unit == u.first) {
      if (number > 0 && number > 0x7fffffffffffffffLL / u.second) return false;
      out = number * u.second;
      return true;
    }
  return false;
}

inline bool parse_whole(std::string_view text, long long& out) { return parse_scaled(text, {{"", 1}}, out); }
/// Milliseconds; a bare number is seconds.
inline bool parse_duration(std::string_view text, long long& out) {
  return parse_scaled(text, {{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"min", 60000}, {"h", 3600000}}, out);
}
inline bool parse_bytes(std::string_view text, long long& out) {
  return parse_scaled(text,
                      {{"", 1}, {"b", 1}, {"k", 1024}, {"kb", 1024}, {"kib", 1024}, {"m", 1 << 20}, {"mb", 1 << 20}, {"mib", 1 << 20},
                       {"g", 1 << 30}, {"gb", 1 << 30}, {"gib", 1 << 30}, {"tib", 1LL << 40}},
                      out);
}
inline bool parse_switch(std::string_view text, long long& out) {
  const std::string word = lower(trim(text));
  if (word == "1" || word == "true" || word == "on" || word == "yes") return out = 1, true;
  if (word == "0" || word == "false" || word == "off" || word == "no") return out = 0, true;
  return false;
}
inline bool parse_level(std::string_view text, long long& out) {
  const std::string word = lower(trim(text));
  const char* const names[] = {"debug", "info", "warning", "error"};
  for (int i = 0; i < 4; ++i)
    if (word == names[i]) return out = i, true;
  if (word == "warn") return out = 2, true;
  return false;
}

/// A signal's number by name (with or without SIG) or as a number; 0 where it is none.
inline int parse_signal(std::string_view text) {
  std::string word = lower(trim(text));
  if (word.compare(0, 3, "sig") == 0) word.erase(0, 3);
  const std::pair<const char*, int> names[] = {{"hup", SIGHUP}, {"usr1", SIGUSR1}, {"usr2", SIGUSR2}, {"winch", SIGWINCH}};
  for (const auto& n : names)
    if (word == n.first) return n.second;
  long long number = 0;
  const bool whole = parse_whole(word, number);
  const bool usable = whole && number >= 1 && number <= SIGRTMAX && number != SIGKILL && number != SIGSTOP && number != SIGPROF &&
                      number != SIGSEGV && number != SIGBUS && number != SIGILL && number != SIGFPE && number != SIGABRT &&
                      (number < 32 || number >= SIGRTMIN);  // the C library keeps two for itself
  return usable ? static_cast<int>(number) : 0;
}

inline void set_tag(std::vector<static_tag>& tags, std::string_view key, std::string_view value) {
  for (static_tag& t : tags)
    if (t.key == key) {
      t.value = std::string(value);
      return;
    }
  tags.emplace_back(std::string(key), std::string(value));
}

/// `key=value` or `key:value`, comma separated.
inline void parse_tags(const std::string& source, std::string_view text, std::vector<static_tag>& tags, complaints& wrong) {
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view item = trim(text.substr(0, comma));
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
    if (item.empty()) continue;
    const std::size_t split = item.find_first_of("=:");
    const std::string_view key = trim(item.substr(0, split));
    if (split == std::string_view::npos || key.empty()) {
      wrong.push_back(source + ": '" + std::string(item) + "' is not key=value or key:value; left out");
      continue;
    }
    set_tag(tags, key, trim(item.substr(split + 1)));
  }
}

/// One number-like setting: how to read it, what is allowed, and what to say where it is not.
struct number_setting {
  const char* field;
  std::initializer_list<const char*> variables;  ///< lowest precedence first
  bool (*parse)(std::string_view, long long&);
  long long least, most;
  const char* allowed;
};

class settings_reader {
 public:
  settings_reader(config& target, complaints& wrong) : target_(target), wrong_(wrong) {}

  void read() {
    text(target_.application_name, {"OTEL_SERVICE_NAME", "PYROSCOPE_APPLICATION_NAME", "PYRO_APPLICATION_NAME"});
    text(target_.outputs, {"PYRO_OUTPUTS", "PYRO"});
    text(target_.server_address, {"PYROSCOPE_SERVER_ADDRESS", "PYRO_SERVER_ADDRESS"});
    credential(target_.basic_auth_user, "basic_auth_user", {"PYROSCOPE_BASIC_AUTH_USER", "PYRO_BASIC_AUTH_USER"}, trim);
    credential(target_.basic_auth_password, "basic_auth_password", {"PYROSCOPE_BASIC_AUTH_PASSWORD", "PYRO_BASIC_AUTH_PASSWORD"}, as_it_is);
    credential(target_.auth_token, "auth_token", {"PYROSCOPE_AUTH_TOKEN", "PYRO_AUTH_TOKEN"}, trim);
    credential(target_.tenant_id, "tenant_id", {"PYROSCOPE_TENANT_ID", "PYRO_TENANT_ID"}, trim);
    text(target_.serve_address, {"PYRO_SERVE", "PYRO_SERVE_ADDRESS"});
    serve_token();
    text(target_.tls_ca_file, {"PYRO_TLS_CA_FILE"});
    text(target_.tls_certificate_file, {"PYRO_TLS_CERTIFICATE_FILE"});
    text(target_.tls_key_file, {"PYRO_TLS_KEY_FILE"});
    text(target_.tags_from_env, {"PYRO_TAGS_FROM_ENV"});
    text(target_.engine, {"PYRO_ENGINE"});
    text(target_.stacks, {"PYRO_STACKS"});
    text(target_.toggle_signal, {"PYRO_TOGGLE_SIGNAL"});

    number(&config::sample_rate, {"sample_rate", {"PYRO_SAMPLE_RATE"}, parse_whole, 1, 1000, "a whole number of samples a second from 1 to 1000"});
    number(&config::window, {"window", {"PYROSCOPE_UPLOAD_INTERVAL", "PYRO_WINDOW"}, parse_duration, 100, 3600000, "a duration from 100ms to 1h, such as 10s"});
    number(&config::max_memory, {"max_memory", {"PYRO_MAX_MEMORY"}, parse_bytes, 256 << 10, 1 << 30, "a size from 256KiB to 1GiB, such as 8MiB"});
    number(&config::max_tag_values, {"max_tag_values", {"PYRO_MAX_TAG_VALUES"}, parse_whole, 1, 100000, "a whole number from 1 to 100000"});
    number(&config::max_tag_length, {"max_tag_length", {"PYRO_MAX_TAG_LENGTH"}, parse_whole, 8, 1024, "a number of bytes from 8 to 1024"});
    number(&config::file_count, {"file_count", {"PYRO_FILE_COUNT"}, parse_whole, 1, 1000000, "a whole number from 1 to 1000000"});
    number(&config::file_bytes, {"file_bytes", {"PYRO_FILE_BYTES"}, parse_bytes, 64 << 10, 1LL << 40, "a size from 64KiB to 1TiB, such as 1GiB"});
    number(&config::exit_timeout, {"exit_timeout", {"PYRO_EXIT_TIMEOUT"}, parse_duration, 0, 60000, "a duration from 0 to 60s, such as 2s"});
    number(&config::connect_timeout, {"connect_timeout", {"PYRO_CONNECT_TIMEOUT"}, parse_duration, 100, 60000, "a duration from 100ms to 60s, such as 5s"});
    number(&config::upload_timeout, {"upload_timeout", {"PYRO_UPLOAD_TIMEOUT"}, parse_duration, 100, 120000, "a duration from 100ms to 120s, such as 10s"});
    number(&config::upload_jitter, {"upload_jitter", {"PYRO_UPLOAD_JITTER"}, parse_duration, 0, 60000, "a duration from 0 to 60s, such as 5s"});
    number(&config::upload_queue_bytes, {"upload_queue_bytes", {"PYRO_UPLOAD_QUEUE_BYTES"}, parse_bytes, 64 << 10, 1 << 30, "a size from 64KiB to 1GiB, such as 4MiB"});
    number(&config::upload_thread_names, {"upload_thread_names", {"PYRO_UPLOAD_THREAD_NAMES"}, parse_switch, 0, 1, "on or off"});
    number(&config::upload_otel_labels, {"upload_otel_labels", {"PYRO_UPLOAD_OTEL_LABELS"}, parse_switch, 0, 1, "on or off"});
    number(&config::serve_without_token, {"serve_without_token", {"PYRO_SERVE_WITHOUT_TOKEN"}, parse_switch, 0, 1, "on or off"});
    number(&config::serve_windows, {"serve_windows", {"PYRO_SERVE_WINDOWS"}, parse_whole, 1, 360, "a whole number from 1 to 360"});
    number(&config::flush_on_signals, {"flush_on_signals", {"PYRO_FLUSH_ON_SIGNALS"}, parse_switch, 0, 1, "on or off"});
    number(&config::background, {"background", {"PYRO_BACKGROUND"}, parse_switch, 0, 1, "on or off"});
    number(&config::log_level, {"log_level", {"PYROSCOPE_LOG_LEVEL", "PYRO_LOG_LEVEL"}, parse_level, 0, 3, "debug, info, warning or error"});

    tags();
    headers();
    if (!target_.background && !target_.serve_address.empty()) {
      wrong_.push_back("serve_address (PYRO_SERVE): it needs background (PYRO_BACKGROUND), whose thread closes windows; there is no live view");
      target_.serve_address.clear();
    }
    if (target_.engine != "thread_timers" && target_.engine != "observer" && target_.engine != "auto" && target_.engine != "none") {
      wrong_.push_back("engine (PYRO_ENGINE): '" + target_.engine + "' is not auto, thread_timers, observer or none; using thread_timers");
      target_.engine = "thread_timers";
    }
    if (target_.stacks != "merged" && target_.stacks != "scopes" && target_.stacks != "native") {
      wrong_.push_back("stacks (PYRO_STACKS): '" + target_.stacks + "' is not merged, scopes or native; using merged");
      target_.stacks = "merged";
    }
    if (target_.stacks == "native" && target_.engine == "observer") {
      wrong_.push_back("stacks (PYRO_STACKS): engine observer sees scopes alone; showing these");
      target_.stacks = "scopes";
    }
    if (!target_.toggle_signal.empty() && parse_signal(target_.toggle_signal) == 0) {
      wrong_.push_back("toggle_signal (PYRO_TOGGLE_SIGNAL): '" + target_.toggle_signal +
                       "' is not USR1, USR2, HUP, WINCH or the number of a signal that a program may handle; no signal toggles profiling");
      target_.toggle_signal.clear();
    }
    if (target_.application_name.empty()) target_.application_name = program_name();
  }

 private:
  static void text(std::string& field, std::initializer_list<const char*> variables) {
    for (const char* name : variables)
      if (const char* value = std::getenv(name); value != nullptr && !trim(value).empty()) field = std::string(trim(value));
  }

  static std::string_view as_it_is(std::string_view s) noexcept { return s; }

  /// What says who the program is to the server. It goes into header fields, so without control characters; no message shows it.
  void credential(std::string& field, const char* field_name, std::initializer_list<const char*> variables, std::string_view (*cleaned)(std::string_view)) {
    const auto good = [this](const char* name, std::string_view value, const char* then) {
      for (const char c : value)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
          wrong_.push_back(std::string(name) + ": it has a control character, a line break at its end perhaps; it must be text on one line; " + then);
          return false;
        }
      return true;
    };
    if (!good(field_name, field, "it is left out")) field.clear();
    for (const char* name : variables)
      if (const char* value = std::getenv(name); value != nullptr && !cleaned(value).empty() && good(name, cleaned(value), "it is ignored"))
        field = std::string(cleaned(value));
  }

  /// Whoever asks for a token shall not be served without.
  void serve_token() {
    const char* const value = std::getenv("PYRO_SERVE_TOKEN");
    const bool asked = !target_.serve_token.empty() || (value != nullptr && *value != '\0');
    credential(target_.serve_token, "serve_token", {"PYRO_SERVE_TOKEN"}, trim);
    if (!asked || !target_.serve_token.empty() || target_.serve_address.empty()) return;
    wrong_.push_back("serve_token (PYRO_SERVE_TOKEN): it cannot be used, so there is no live view");
    target_.serve_address.clear();
  }

  /// Starts from what the code set, or from the default where that is out of range, and lets each variable override in turn.
  template <class T>
  void number(T config::*field, const number_setting& setting) {
    target_.*field = static_cast<T>(number(static_cast<long long>(target_.*field), static_cast<long long>(defaults_.*field), setting));
  }
  void number(std::chrono::milliseconds config::*field, const number_setting& setting) {
    target_.*field = std::chrono::milliseconds(number((target_.*field).count(), (defaults_.*field).count(), setting));
  }
  long long number(long long value, long long fallback, const number_setting& setting) {
    if (value < setting.least || value > setting.most) {
      wrong_.push_back(std::string(setting.field) + ": " + std::to_string(value) + " is not " + setting.allowed + "; using the default");
      value = fallback;
    }
    for (const char* name : setting.variables) {
      const char* text = std::getenv(name);
      if (text == nullptr || *text == '\0') continue;
      long long parsed = 0;
      if (setting.parse(text, parsed) && parsed >= setting.least && parsed <= setting.most) value = parsed;
      else wrong_.push_back(std::string(name) + ": '" + text + "' is not " + setting.allowed + "; it is ignored");
    }
    return value;
  }

  void tags() {
    std::vector<static_tag> merged;
    for (const static_tag& t : target_.tags) {
      if (t.key.empty()) wrong_.push_back("tags: a tag with the value '" + t.value + "' has no key; left out");
      else set_tag(merged, t.key, t.value);
    }
    const auto add_named = [&] {
      std::vector<static_tag> named;
      parse_tags("tags_from_env (PYRO_TAGS_FROM_ENV)", target_.tags_from_env, named, wrong_);
      for (const static_tag& t : named)
        if (const char* value = std::getenv(t.value.c_str()); value != nullptr && *value != '\0') set_tag(merged, t.key, value);
    };
    // What the code asks for comes before what the operator says; what the operator asks for, after.
    const char* const asked = std::getenv("PYRO_TAGS_FROM_ENV");
    const bool by_operator = asked != nullptr && *asked != '\0';
    if (!by_operator) add_named();
    for (const char* name : {"PYROSCOPE_LABELS", "PYRO_TAGS"})
      if (const char* value = std::getenv(name)) parse_tags(name, value, merged, wrong_);
    if (by_operator) add_named();
    merged.erase(std::remove_if(merged.begin(), merged.end(), [](const static_tag& t) { return t.value.empty(); }), merged.end());
    std::sort(merged.begin(), merged.end(), [](const static_tag& a, const static_tag& b) { return a.key < b.key; });
    target_.tags = std::move(merged);
  }

  void headers() {
    for (const char* name : {"PYROSCOPE_HTTP_HEADERS", "PYRO_HTTP_HEADERS"})
      if (const char* value = std::getenv(name); value != nullptr && *value != '\0' && !parse_headers(value, target_.http_headers))
        wrong_.push_back(std::string(name) + ": it is neither a JSON object of strings, such as {\"X-Team\":\"rides\"}, nor name=value, comma separated; it is ignored");
    const auto bad = [this](const std::pair<std::string, std::string>& field) {
      const bool name = is_header_name(field.first), value = is_header_value(field.second);
      if (!name) wrong_.push_back("http_headers: the name of a field has other than letters, digits, - _ and . (it is name=value, not name: value); the field is left out");
      else if (!value) wrong_.push_back("http_headers: the value of '" + field.first + "' has a control character; the field is left out");
      return !name || !value;
    };
    auto& fields = target_.http_headers;
    fields.erase(std::remove_if(fields.begin(), fields.end(), bad), fields.end());
  }

  static std::string program_name() {
    char path[4096];
    const ssize_t n = ::readlink("/proc/self/exe", path, sizeof path);
    const std::string whole(path, n > 0 ? static_cast<std::size_t>(n) : 0);
    const std::string name = whole.substr(whole.find_last_of('/') + 1);
    return name.empty() ? "unknown" : name;
  }

  config& target_;
  const config defaults_;
  complaints& wrong_;
};

}  // namespace detail
}  // namespace pyro
