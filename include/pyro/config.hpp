#pragma once
// What can be set, with units, defaults, ranges and the environment variables that override it (the README has a table).
//
// Every field `x_y` is also the variable PYRO_X_Y. Lowest to highest: the defaults here, what the code sets, OTEL_*, PYROSCOPE_*,
// PYRO_*: who operates a program wins over who compiled it. Tags merge by key. A bad value is reported through `log` (setting, value,
// what is allowed), and the value from the next lower place stands. Durations: `10s`, `100ms`, `2m`; sizes: `512KiB`, `2MiB`.

#include <pyro/export/exporter.hpp>

#include <chrono>      // durations
#include <cstddef>     // size_t
#include <functional>  // log
#include <memory>      // exporters
#include <string>
#include <utility>     // move
#include <vector>

namespace pyro {

enum class log_level { debug, info, warning, error };

/// Receives pyro's messages. Called from pyro's threads and from whoever calls `configure`, `flush` or `stop`; one call at a time,
/// with no other lock of pyro held; never from a signal handler or a scope. Must not call pyro and should not throw (it is caught).
using log_callback = std::function<void(log_level, const std::string& message)>;

/// A tag of the whole process. A null value leaves the tag out, so that `{"region", std::getenv("REGION")}` is safe.
struct static_tag {
  std::string key;
  std::string value;

  static_tag(std::string k, std::string v) : key(std::move(k)), value(std::move(v)) {}
  static_tag(std::string k, const char* v) : key(std::move(k)), value(v != nullptr ? v : "") {}
};

struct config {
  /// The service's name. Default: the program's file name.
  /// PYRO_APPLICATION_NAME, PYROSCOPE_APPLICATION_NAME, OTEL_SERVICE_NAME.
  std::string application_name;

  /// Where profiles go, comma separated: `report` (tree and top on stderr at exit), `text[:F]`, `folded[:F]`, `pprof:F`, `html:F`,
  /// `null`, `doctor` (on stderr, what could be better here); `off` turns pyro off. File names may hold %p (process), %h (host), %w (window's begin), %n (number), %%: with %w or %n one
  /// file a window, else one file of the whole run. Default: none. PYRO (or PYRO_OUTPUTS).
  std::string outputs;

  /// Pyroscope server that profiles are pushed to: `http://host:4040`, `https://user:password@host/prefix`, `http://[::1]:4040`,
  /// `unix:/run/pyroscope.sock`. Needs `#include <pyro/export/pyroscope.hpp>` beside this header, and pyro/export/tls.hpp for https.
  /// Default: none. PYRO_SERVER_ADDRESS, PYROSCOPE_SERVER_ADDRESS.
  std::string server_address;

  /// Basic authentication at the server; without a user none. Default: the URL's. PYRO_BASIC_AUTH_USER, PYRO_BASIC_AUTH_PASSWORD,
  /// PYROSCOPE_BASIC_AUTH_USER, PYROSCOPE_BASIC_AUTH_PASSWORD.
  std::string basic_auth_user;
  std::string basic_auth_password;

  /// Bearer token for the server; wins over basic authentication. Default: none. PYRO_AUTH_TOKEN, PYROSCOPE_AUTH_TOKEN.
  std::string auth_token;

  /// Tenant of a server that has several (X-Scope-OrgID). Default: none. PYRO_TENANT_ID, PYROSCOPE_TENANT_ID.
  std::string tenant_id;

  /// Further header fields of every push, {name, value}. Default: none. PYRO_HTTP_HEADERS, PYROSCOPE_HTTP_HEADERS: a JSON object of strings,
  /// `{"X-Team":"rides"}`, or `X-Team=rides,X-Other=1`.
  std::vector<std::pair<std::string, std::string>> http_headers;

  /// PEM files: authorities to trust instead of the system's, and a client certificate with its key (where the certificate's file has not
  /// both). Default: none. PYRO_TLS_CA_FILE, PYRO_TLS_CERTIFICATE_FILE, PYRO_TLS_KEY_FILE.
  std::string tls_ca_file;
  std::string tls_certificate_file;
  std::string tls_key_file;

  /// Longest time of each step to a connection: looking the name up, connecting, agreeing on TLS. Default 5 s, range 100 ms to 60 s.
  /// PYRO_CONNECT_TIMEOUT.
  std::chrono::milliseconds connect_timeout{5000};

  /// Longest time of a push, from the look-up to the answer; at most half of it for sending. Default 10 s, range 100 ms to 120 s.
  /// PYRO_UPLOAD_TIMEOUT.
  std::chrono::milliseconds upload_timeout{10000};

  /// Bytes of pushes that wait for a server that does not answer; the oldest are dropped, and counted. Default 4 MiB, range 64 KiB to 1 GiB.
  /// PYRO_UPLOAD_QUEUE_BYTES.
  std::size_t upload_queue_bytes = std::size_t{4} << 20;

  /// Pushes begin at a random moment of this time after a window has closed, so that a fleet does not arrive at once; 0: at once. Never more
  /// than a window. Default 5 s, range 0 to 60 s. PYRO_UPLOAD_JITTER.
  std::chrono::milliseconds upload_jitter{5000};

  /// Push the names of threads (PYRO_THREAD) as the label `thread`: a series each. Default off. PYRO_UPLOAD_THREAD_NAMES.
  bool upload_thread_names = false;

  /// Push the labels `otel.scope.name` and `otel.scope.version`, as other clients do; names with dots need a recent server to be shown.
  /// Default off. PYRO_UPLOAD_OTEL_LABELS.
  bool upload_otel_labels = false;

  /// Where a live view listens: `127.0.0.1:6060`, `[::1]:6060`, `:6060` (this machine alone), port 0 for any free one; for
  /// `go tool pprof http://127.0.0.1:6060`, a browser, Grafana Alloy. Needs `#include <pyro/export/serve.hpp>` beside this header. Other
  /// addresses than the machine's own need a `serve_token` too. Default: none, nothing listens. PYRO_SERVE_ADDRESS, PYRO_SERVE.
  std::string serve_address;

  /// What clients of the live view must show: `Authorization: Bearer TOKEN`, or `?token=TOKEN`. Default: none. PYRO_SERVE_TOKEN.
  std::string serve_token;

  /// Serve other machines without a token: whoever reaches the port sees the program's functions and tags. Default off.
  /// PYRO_SERVE_WITHOUT_TOKEN.
  bool serve_without_token = false;

  /// Last windows that the live view's report shows; fewer where they take more than 32 MiB. Default 60, range 1 to 360. PYRO_SERVE_WINDOWS.
  int serve_windows = 60;

  /// Tags of the whole process; an empty value leaves a tag out. Default: none.
  /// PYRO_TAGS, PYROSCOPE_LABELS: `key=value` or `key:value`, comma separated.
  std::vector<static_tag> tags;

  /// Tags taken from other variables: `pod:POD_NAME,node:NODE_NAME`; unset variables are left out. Default: none.
  /// PYRO_TAGS_FROM_ENV.
  std::string tags_from_env;

  /// Samples a second of CPU time, for each thread. Default 100, range 1 to 1000; kernels deliver no more than their tick rate (often
  /// 250) and pyro weights what they merge. PYRO_SAMPLE_RATE.
  int sample_rate = 100;

  /// What takes samples: `thread_timers` (a signal, native frames), `observer` (no signal, scopes alone; true shares where threads work in
  /// bursts of a few milliseconds), `auto` (both where that can be: scopes have the observer's CPU time, native frames within them are the timers';
  /// else the one that can) or `none` (scopes and exact counts alone). Default thread_timers. PYRO_ENGINE.
  std::string engine = "thread_timers";

  /// What stacks are made of: `merged` (native frames with the scopes among them), `scopes` (alone; no stack is walked) or `native` (without
  /// scopes; tags are labels all the same). Default merged. PYRO_STACKS.
  std::string stacks = "merged";

  /// Length of a window; windows are aligned to the wall clock. Default 10 s, range 100 ms to 1 h.
  /// PYRO_WINDOW, PYROSCOPE_UPLOAD_INTERVAL.
  std::chrono::milliseconds window{10000};

  /// Budget for call trees and interned texts, in bytes; beyond it calls go to `[other]`. Default 8 MiB, range 256 KiB to 1 GiB.
  /// PYRO_MAX_MEMORY.
  std::size_t max_memory = std::size_t{8} << 20;

  /// Distinct values of one tag key (and distinct dynamic scope names); further ones become `[other]`. Default 1000, range 1 to 100000.
  /// PYRO_MAX_TAG_VALUES.
  int max_tag_values = 1000;

  /// Longest tag value or dynamic name in bytes; longer ones are cut between characters. Default 64, range 8 to 1024.
  /// PYRO_MAX_TAG_LENGTH.
  int max_tag_length = 64;

  /// Files that an output with one file a window keeps; the oldest goes first. Default 1000, range 1 to 1000000. PYRO_FILE_COUNT.
  int file_count = 1000;

  /// Bytes that such an output keeps. Default 1 GiB, range 64 KiB to 1 TiB. PYRO_FILE_BYTES.
  std::size_t file_bytes = std::size_t{1} << 30;

  /// How long stop, the destructor and exit wait for the last window to be delivered. Default 2 s, range 0 to 60 s. PYRO_EXIT_TIMEOUT.
  std::chrono::milliseconds exit_timeout{2000};

  /// Deliver the last window on SIGINT and SIGTERM, then let the signal take its course. Only for signals that the program leaves at
  /// their default. Default off. PYRO_FLUSH_ON_SIGNALS: `1`, `true`, `on`, `yes` and their opposites.
  bool flush_on_signals = false;

  /// A signal that pauses and resumes profiling: `USR1`, `USR2`, `HUP`, `WINCH` or a number, which the program must leave at its default.
  /// Default none. PYRO_TOGGLE_SIGNAL.
  std::string toggle_signal;

  /// Run the pump and the worker. Off: nothing happens by itself, the program calls `profiler::collect_now`; for tests. Default on.
  /// PYRO_BACKGROUND.
  bool background = true;

  /// Least level that is logged: `debug`, `info`, `warning`, `error`. Default warning. PYRO_LOG_LEVEL, PYROSCOPE_LOG_LEVEL.
  pyro::log_level log_level = pyro::log_level::warning;

  /// Exporters of your own, beside `outputs`. No variable.
  std::vector<std::shared_ptr<exporter>> exporters;

  /// Default: lines on stderr, `pyro: warning: …`. No variable.
  log_callback log;
};

}  // namespace pyro
