#pragma once
// The settings in force, in words and without secrets, and what is wrong with the variables that should have set them. Any thread but a handler.

#include <pyro/doctor/finding.hpp>
#include <pyro/doctor/suggest.hpp>
#include <pyro/encode/gzip.hpp>
#include <pyro/encode/units.hpp>
#include <pyro/export/live_view.hpp>
#include <pyro/export/uploader.hpp>
#include <pyro/export/url.hpp>
#include <pyro/platform/exceptions.hpp>
#include <pyro/platform/system.hpp>
#include <pyro/sample/lines.hpp>
#include <pyro/settings.hpp>
#include <pyro/stats.hpp>

#include <algorithm>  // find
#include <iterator>   // begin, end
#include <string>
#include <unistd.h>   // environ
#include <vector>

extern "C" char** environ;

namespace pyro {
namespace checks PYRO_HIDDEN {

/// Every variable that settings_reader looks at.
inline constexpr const char* known_variables[] = {
    "PYRO", "PYRO_APPLICATION_NAME", "PYRO_AUTH_TOKEN", "PYRO_BACKGROUND", "PYRO_BASIC_AUTH_PASSWORD", "PYRO_BASIC_AUTH_USER",
    "PYRO_CONNECT_TIMEOUT", "PYRO_ENGINE", "PYRO_EXIT_TIMEOUT", "PYRO_FILE_BYTES", "PYRO_FILE_COUNT", "PYRO_FLUSH_ON_SIGNALS", "PYRO_HTTP_HEADERS",
    "PYRO_LOG_LEVEL", "PYRO_MAX_MEMORY", "PYRO_MAX_TAG_LENGTH", "PYRO_MAX_TAG_VALUES", "PYRO_OUTPUTS", "PYRO_SAMPLE_RATE", "PYRO_SERVE",
    "PYRO_SERVER_ADDRESS", "PYRO_SERVE_ADDRESS", "PYRO_SERVE_TOKEN", "PYRO_SERVE_WINDOWS", "PYRO_SERVE_WITHOUT_TOKEN", "PYRO_STACKS", "PYRO_TAGS",
    "PYRO_TAGS_FROM_ENV", "PYRO_TENANT_ID", "PYRO_TLS_CA_FILE", "PYRO_TLS_CERTIFICATE_FILE", "PYRO_TLS_KEY_FILE", "PYRO_TOGGLE_SIGNAL",
    "PYRO_UPLOAD_JITTER", "PYRO_UPLOAD_OTEL_LABELS", "PYRO_UPLOAD_QUEUE_BYTES", "PYRO_UPLOAD_THREAD_NAMES", "PYRO_UPLOAD_TIMEOUT", "PYRO_WINDOW",
    "PYROSCOPE_APPLICATION_NAME", "PYROSCOPE_AUTH_TOKEN", "PYROSCOPE_BASIC_AUTH_PASSWORD", "PYROSCOPE_BASIC_AUTH_USER", "PYROSCOPE_HTTP_HEADERS",
    "PYROSCOPE_LABELS", "PYROSCOPE_LOG_LEVEL", "PYROSCOPE_SERVER_ADDRESS", "PYROSCOPE_TENANT_ID", "PYROSCOPE_UPLOAD_INTERVAL", "OTEL_SERVICE_NAME"};

/// What the last `configure` (or pyro/auto.hpp) of this module asked for.
struct last_start {
  config settings;  ///< the environment over it; the program's own objects left out
  detail::complaints wrong;
  std::string error;              ///< why it did not start
  std::size_t own_exporters = 0;
  bool happened = false;
  bool from_environment = false;  ///< before main: what the program includes may not be there yet
};

/// Keeps it. Thread safe.
class start_note {
 public:
  static void set(last_start now) {
    now.happened = true;
    now.own_exporters = now.settings.exporters.size();
    now.settings.exporters.clear();
    now.settings.log = nullptr;
    start_note& note = the();
    if (!note.mutex_.lock_for(longest_wait_ns)) return;  // held by a thread that a fork has left behind
    note.last_ = std::move(now);
    note.mutex_.unlock();
  }

  /// Where nothing was ever started: the environment over the defaults.
  static last_start get() {
    last_start found;
    start_note& note = the();
    if (note.mutex_.lock_for(longest_wait_ns)) {
      PYRO_TRY { found = note.last_; }
      PYRO_CATCH_ALL {}
      note.mutex_.unlock();
    }
    if (!found.happened) detail::settings_reader(found.settings, found.wrong).read();
    return found;
  }

 private:
  static constexpr std::int64_t longest_wait_ns = 500000000;
  static start_note& the() {
    static start_note& one = *new start_note;
    return one;
  }

  platform::mutex mutex_;
  last_start last_;
};

/// "PYRO_SAMPEL_RATE is no setting, did you mean PYRO_SAMPLE_RATE?" for each variable that looks like one. Others' variables named PYROSCOPE_…
/// are left in peace, unless they are misspelt ones of pyro's.
PYRO_COLD inline std::vector<std::string> unknown_variables() {
  std::vector<std::string> unknown;
  const std::vector<std::string> known(std::begin(known_variables), std::end(known_variables));
  for (char** v = environ; v != nullptr && *v != nullptr; ++v) {
    const std::string_view whole(*v);
    const std::string name(whole.substr(0, whole.find('=')));
    const bool ours = name.compare(0, 5, "PYRO_") == 0, theirs = name.compare(0, 10, "PYROSCOPE_") == 0;
    if ((!ours && !theirs) || std::find(known.begin(), known.end(), name) != known.end()) continue;
    const std::string near = nearest(name, known);
    if (theirs && near.compare(0, 10, "PYROSCOPE_") != 0) continue;
    unknown.push_back(name + " is no setting" + (near.empty() ? "" : ", did you mean " + near + "?"));
  }
  return unknown;
}

PYRO_COLD inline finding look_at_settings(const last_start& start) {
  finding f{"settings", finding_state::ok, "each variable that is set is one, and has a value that is allowed", {}};
  std::vector<std::string> wrong = unknown_variables();
  wrong.insert(wrong.end(), start.wrong.begin(), start.wrong.end());
  if (wrong.empty()) return f;
  f.state = finding_state::degraded;
  f.meaning = list_of(wrong, 8);
  f.advice = "the README has a table of all settings";
  return f;
}

inline std::string words_of(std::chrono::milliseconds time) { return detail::format_duration(std::chrono::nanoseconds(time).count()); }

inline bool has_uploader() noexcept { return detail::uploader_slot.load() != nullptr; }
inline bool has_live_view() noexcept { return detail::live_view_slot.load() != nullptr; }
inline bool has_tls() noexcept { return detail::tls_slot.load() != nullptr; }

PYRO_COLD inline std::vector<std::pair<std::string, std::string>> settings_in_force(const last_start& start, const stats& running) {
  const config& c = start.settings;
  std::vector<std::pair<std::string, std::string>> lines;
  const auto or_none = [](const std::string& s) { return s.empty() ? std::string("none") : s; };
  const std::string engine = running.running ? running.engine : c.engine;
  lines.emplace_back("sampling", engine + ", " + std::to_string(running.running ? running.sample_rate : c.sample_rate) +
                                     " samples a second of CPU time, stacks " + (engine == "observer" ? "scopes" : c.stacks) + ", windows of " + words_of(c.window));
  lines.emplace_back("outputs", or_none(c.outputs) + (start.own_exporters == 0 ? "" : ", and " + std::to_string(start.own_exporters) + " of the program's own"));
  std::string server = "none";
  if (!c.server_address.empty()) {
    const detail::url parsed = detail::parse_url(c.server_address);
    server = parsed.error.empty() ? parsed.text() : "not usable: " + parsed.error;
    if (!c.auth_token.empty()) server += ", with a token";
    else if (!c.basic_auth_user.empty() || !parsed.user.empty()) server += ", with a user and a password";
    if (!c.tenant_id.empty()) server += ", with a tenant";
  }
  lines.emplace_back("server", server);
  lines.emplace_back("live view", or_none(c.serve_address) + (c.serve_token.empty() ? "" : ", with a token"));
  std::string tags;
  for (const static_tag& t : c.tags) tags += (tags.empty() ? "" : ", ") + t.key + "=" + t.value;
  lines.emplace_back("application", c.application_name + (tags.empty() ? "" : "; " + tags));
  std::string in, out;
  const auto part = [&](bool included, const char* name) { (included ? in : out) += std::string((included ? in : out).empty() ? "" : ", ") + name; };
  part(has_uploader(), "uploader");
  part(has_tls(), "TLS");
  part(has_live_view(), "live view");
  part(detail::compressor_slot.load() != nullptr, "zlib");
  part(sampling::line_finder_slot.load() != nullptr, "lines by libbacktrace");
  lines.emplace_back("in the program", or_none(in) + (out.empty() ? "" : std::string(start.from_environment ? "; not seen before main: " : "; not: ") + out));
  return lines;
}

/// Whether a profiler runs and somebody gets its profiles.
PYRO_COLD inline finding look_at_profiler(const last_start& start, const stats& running) {
  finding f{"profiler", finding_state::ok, {}, {}};
  const config& c = start.settings;
  const bool tls = detail::parse_url(c.server_address).scheme == "https";
  if (!running.running) {
    f.state = finding_state::missing;
    f.meaning = start.error.empty() ? (start.happened ? "it has stopped" : "it was not started here") : "it does not run: " + start.error;
    f.advice = "call pyro::configure, or #include <pyro/auto.hpp> in one file and set PYRO=report";
  } else if (running.paused) {
    f.state = finding_state::degraded;
    f.meaning = "it is paused";
    f.advice = "call resume, or send the signal that toggles it";
  } else if (running.engine == "none" && !running.engine_refused.empty()) {
    f.state = finding_state::missing;
    f.meaning = "no samples are taken: " + running.engine_refused + "; scopes are counted";
    f.advice = "see the other findings for what refuses it";
  } else if (!running.engine_refused.empty()) {
    f.state = finding_state::degraded;
    f.meaning = "the engine that was asked for is refused: " + running.engine_refused + "; " + running.engine + " takes its place";
    f.advice = "mend what refuses it, or set engine=" + running.engine;
  } else if (!c.server_address.empty() && !start.from_environment && (!has_uploader() || (tls && !has_tls()))) {
    f.state = finding_state::missing;
    f.meaning = has_uploader() ? "profiles are not pushed: the server's address has https, and TLS is not in the program" : "profiles are not pushed: the uploader is not in the program";
    f.advice = has_uploader() ? "#include <pyro/export/tls.hpp> in one file, link -lssl -lcrypto" : "#include <pyro/export/pyroscope.hpp> in one file, linked into the program itself";
  } else if (!c.serve_address.empty() && !start.from_environment && !has_live_view()) {
    f.state = finding_state::missing;
    f.meaning = "nothing listens: the live view is not in the program";
    f.advice = "#include <pyro/export/serve.hpp> in one file, linked into the program itself";
  } else if (c.outputs == "doctor" && c.server_address.empty() && c.serve_address.empty() && start.own_exporters == 0) {
    f.meaning = "it runs; no profile goes anywhere, PYRO=doctor,report would print one at the end";
  } else if (c.outputs.empty() && c.server_address.empty() && c.serve_address.empty() && start.own_exporters == 0) {
    f.state = finding_state::degraded;
    f.meaning = "it runs, and no profile goes anywhere";
    f.advice = "set outputs (PYRO=report), a server's address, or a live view";
  } else {
    f.meaning = "it runs: " + std::to_string(running.samples_produced) + " samples of " + std::to_string(running.threads) + " threads so far";
  }
  return f;
}

}  // namespace checks
}  // namespace pyro
