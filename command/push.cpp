// pyro push: sends profile files to a Pyroscope server, by the library's own uploader: its limits, its retries, its credentials.

#include "inputs.hpp"
#include "selection.hpp"

#include <pyro/platform/system.hpp>

#if defined(PYRO_COMMAND_PUSH)
#include <pyro/export/pyroscope.hpp>
#include <pyro/settings.hpp>
#endif
#if defined(PYRO_COMMAND_TLS)
#include <pyro/export/tls.hpp>
#endif

namespace pyro::command {
namespace {

struct push_command_options {
  std::vector<std::string> paths, labels;
  std::string server, application;
  bool now = false, thread_names = false;
  double timeout = 30;
};

constexpr std::int64_t a_second = 1'000'000'000, an_hour = 3600 * a_second;

/// When a profile ended. The server looks at its begin.
std::int64_t end_of(const profile& p) { return p.time_ns + std::max<std::int64_t>(p.duration_ns, 0); }

#if defined(PYRO_COMMAND_PUSH)

std::string ago(std::int64_t ns) {
  if (ns < 48 * an_hour) return detail::format_duration(ns) + " ago";
  return detail::format_count(ns / (24 * an_hour)) + " days ago";
}

/// CPU profiles as the server knows them have a count of samples beside the CPU time; the ledger of pushes counts those.
profile as_cpu_profile(profile p, const std::string& file) {
  const int cpu = p.column("cpu");
  const int samples = p.column("samples");
  if (cpu < 0 && samples < 0) {
    std::vector<std::string> types;
    for (const value_type& t : p.sample_types) types.push_back(type_name(t));
    throw failure(name_of_input(file) + ": holds " + (types.empty() ? "no sample type" : listed(types)) + "; only CPU profiles can be pushed (types cpu or samples)");
  }
  if (samples >= 0) return p;
  const auto column = static_cast<std::size_t>(cpu);
  const std::int64_t period = p.period > 0 ? p.period : 10'000'000;
  std::vector<std::int64_t> values;
  for (std::size_t row = 0; row < p.samples.size(); ++row) {
    values.push_back(std::max<std::int64_t>(1, (p.values_of(row)[column] + period / 2) / period));
    values.insert(values.end(), p.values_of(row), p.values_of(row) + p.sample_types.size());
  }
  p.values = std::move(values);
  p.sample_types.insert(p.sample_types.begin(), value_type{"samples", "count"});
  return p;
}

/// What moves all files so that the latest ends now; 0 where none is moved. Their distances stay.
std::int64_t moved_by(const std::vector<std::string>& files, const std::vector<std::pair<std::int64_t, std::int64_t>>& times, bool wanted) {
  const std::int64_t now = platform::wall_ns();
  std::size_t old = files.size(), future = files.size(), timeless = files.size();
  std::int64_t first = INT64_MAX, last = INT64_MIN;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const std::int64_t begin = times[i].first;
    if (begin == 0) timeless = i;
    else if (now - begin > an_hour - 60 * a_second && (old == files.size() || begin < times[old].first)) old = i;
    else if (begin > now + 600 * a_second) future = i;
    if (begin != 0) first = std::min(first, begin), last = std::max(last, times[i].second);
  }
  if (wanted) {
    if (last == INT64_MIN) return 0;  // none has a time: `run` gives them one
    if (last - first > an_hour - 120 * a_second)
      throw failure("--now: the files span " + detail::format_duration(last - first) + ", the server takes an hour; push fewer at a time");
    return now - last;
  }
  const auto message = [&](std::size_t i, const std::string& what) { return failure(name_of_input(files[i]) + ": " + what + "; --now dates the files so that the latest ends now"); };
  if (timeless != files.size()) throw message(timeless, "has no time, the server would not know where to put it");
  if (old != files.size()) throw message(old, "is from " + detail::format_time(times[old].first) + ", " + ago(now - times[old].first) + ": the server refuses what is older than an hour");
  if (future != files.size()) throw message(future, "is from " + detail::format_time(times[future].first) + ", in the future");
  return 0;
}

int run(const push_command_options& options) {
  config settings;
  detail::complaints wrong;
  detail::settings_reader(settings, wrong).read();  // credentials, certificates, tenant, header fields
  for (const std::string& w : wrong) warn(w);
  if (!options.server.empty()) settings.server_address = options.server;
  if (settings.server_address.empty()) throw failure("push: no server; --server http://pyroscope:4040, or PYROSCOPE_SERVER_ADDRESS");
  settings.upload_jitter = std::chrono::milliseconds(0);
  settings.upload_queue_bytes = std::size_t{64} << 20U;
  settings.upload_thread_names = settings.upload_thread_names || options.thread_names;
  std::vector<std::pair<std::string, std::string>> labels;
  for (const std::string& text : options.labels) {
    const std::size_t sign = text.find('=');
    if (sign == std::string::npos || sign == 0) throw failure("--label " + shown(text) + ": write it as key=value, such as --label commit=1ab2c3d");
    labels.emplace_back(text.substr(0, sign), text.substr(sign + 1));
  }

  // All are read before the first one goes: either nothing is sent, or nothing is wrong with what is.
  const std::vector<std::string> files = find_files(options.paths);
  std::vector<profile> kept;  // standard input can be read once; and few files need not be read twice
  const bool keep = files.size() <= 16 || std::find(files.begin(), files.end(), "-") != files.end();
  std::vector<std::pair<std::int64_t, std::int64_t>> times;
  for_each_profile(files, [&](profile p, const std::string& file) {
    p = as_cpu_profile(std::move(p), file);
    times.emplace_back(p.time_ns, end_of(p));
    if (keep) kept.push_back(std::move(p));
  });
  const std::int64_t move = moved_by(files, times, options.now);
  if (options.now && move != 0)
    warn(std::string("all times are moved by ") + (move > 0 ? "+" : "-") + (std::abs(move) < 48 * an_hour ? detail::format_duration(std::abs(move)) : detail::format_count(std::abs(move) / (24 * an_hour)) + " days") +
         ", so that the latest ends now");

  const auto say = [](log_level, const std::string& message) { warn(message); };
  pyroscope_exporter exporter(settings, say);
  if (!exporter.error().empty()) throw failure(exporter.error());
  std::uint64_t given = 0, requests = 0;
  bool all = true;
  progress shown_progress(files.size(), "files");
  for (std::size_t i = 0; i < files.size() && all; ++i) {
    profile p = keep ? std::move(kept[i]) : as_cpu_profile(read_profile(files[i]), files[i]);
    if (p.time_ns == 0) p.time_ns = platform::wall_ns() - std::max<std::int64_t>(p.duration_ns, 0);
    else p.time_ns += move;
    if (!options.application.empty()) p.application = options.application;
    if (p.application.empty()) throw failure(name_of_input(files[i]) + ": does not tell which program it is of; name it with --application");
    for (const auto& label : labels) {
      p.static_tags.erase(std::remove_if(p.static_tags.begin(), p.static_tags.end(), [&label](const auto& tag) { return tag.first == label.first; }), p.static_tags.end());
      p.static_tags.push_back(label);
    }
    std::sort(p.static_tags.begin(), p.static_tags.end());
    const int samples = p.column("samples");
    given += static_cast<std::uint64_t>(std::max<std::int64_t>(0, p.total(static_cast<std::size_t>(samples))));
    exporter.export_profile(p);
    ++requests;
    all = exporter.flush(std::chrono::steady_clock::now() + std::chrono::milliseconds(static_cast<std::int64_t>(options.timeout * 1000)));
    shown_progress.step();
  }
  shown_progress.clear();
  delivery ledger;
  exporter.report(ledger);
  const std::uint64_t missing = ledger.queued + ledger.dropped;
  exporter.cut_off();
  std::string sum = detail::format_count(static_cast<std::int64_t>(ledger.sent)) + " samples of " + detail::format_count(static_cast<std::int64_t>(requests)) + (requests == 1 ? " file" : " files") + " pushed";
  if (ledger.uncertain != 0) sum += ", " + detail::format_count(static_cast<std::int64_t>(ledger.uncertain)) + " may have arrived";
  if (missing != 0) sum += ", " + detail::format_count(static_cast<std::int64_t>(missing)) + " not delivered";
  warn(sum);
  if (all && given == 0) warn("there were no samples in " + std::string(files.size() == 1 ? "it" : "them") + ", so nothing was sent");
  return all && missing == 0 && ledger.uncertain == 0 ? ok : unusable;
}

#else

int run(const push_command_options&) {
  (void)end_of;
  throw failure("push: this pyro was built without Boost (Debian: apt-get install libboost-dev libssl-dev), so it cannot speak to servers; build it again, or push with curl");
}

#endif

}  // namespace

void add_push(CLI::App& pyro, int& exit_code) {
  CLI::App* app = pyro.add_subcommand("push", "Send profiles to a Pyroscope server");
  const auto options = std::make_shared<push_command_options>();
  app->add_option("files", options->paths, "CPU profiles: files, directories, or - for standard input")->required()->type_name("FILE|DIR");
  app->add_option("--server", options->server, "Address: http://host:4040, https://user:password@host/prefix, unix:/path (default: PYROSCOPE_SERVER_ADDRESS)")->type_name("URL");
  app->add_flag("--now", options->now, "Date the files so that the latest ends now: the server refuses what is older than an hour");
  app->add_option("--application", options->application, "service_name (default: what the file says)")->type_name("NAME");
  app->add_option("--label", options->labels, "A further label of all samples; repeat for more")->type_name("KEY=VALUE")->allow_extra_args(false);
  app->add_flag("--thread-names", options->thread_names, "Names of threads as the label thread");
  app->add_option("--timeout", options->timeout, "Longest time for each file, retries included")->type_name("SECONDS")->check(CLI::Range(0.1, 3600.0))->capture_default_str();
  app->footer("Credentials, certificates, tenant and header fields come from the environment, as for programs: PYRO_AUTH_TOKEN, PYRO_BASIC_AUTH_USER, PYRO_TENANT_ID, ...\n"
              "Exit codes: 0 all arrived; 2 not all did, or a file cannot be used.\n\n"
              "Examples:\n"
              "  pyro push profile.pb.gz --server http://localhost:4040\n"
              "  pyro push out/rideshare --server http://localhost:4040 --now\n"
              "  PYRO_AUTH_TOKEN=... pyro push *.pb.gz --server https://pyroscope.example --label commit=$(git rev-parse --short HEAD)");
  app->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace pyro::command
