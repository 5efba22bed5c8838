// Asks ride-sharing servers for vehicles: round after round, each region once for each vehicle, in an order drawn from the seed.

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <future>
#include <iostream>
#include <mutex>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using steady = std::chrono::steady_clock;
using milliseconds = std::chrono::duration<double, std::milli>;

static constexpr const char* usage = R"(usage: rideshare_load --target REGION=URL [--target REGION=URL ...] [options]
  --target REGION=URL  a server to ask, such as us-east=http://127.0.0.1:5000
  --seconds N          how long to ask (60); the last round is finished
  --seed S             draws the order of the requests (1)
  --clients N          how many requests are under way at a time (2)
  --verbose            print each request
)";

static constexpr std::array<const char*, 3> vehicles{"bike", "scooter", "car"};

static std::atomic<bool> stopping{false};  // by SIGINT or SIGTERM

struct target {
  std::string region;
  std::string host;
  std::string port;
};

struct options {
  std::vector<target> targets;
  int seconds = 60;
  unsigned seed = 1;
  int clients = 2;
  bool verbose = false;
};

struct request {
  std::size_t target;
  std::size_t vehicle;
};

static target parse_target(const std::string& text) {
  const auto equals = text.find("=http://");
  if (equals == 0 || equals == std::string::npos)
    throw std::runtime_error("--target " + text + ": must be REGION=http://HOST:PORT");
  std::string host = text.substr(equals + 8);
  host = host.substr(0, host.find('/'));
  const auto colon = host.rfind(':');
  if (colon == std::string::npos) return {text.substr(0, equals), host, "80"};
  return {text.substr(0, equals), host.substr(0, colon), host.substr(colon + 1)};
}

static options parse(int argc, char** argv) {
  options result;
  const std::vector<std::string> words(argv + 1, argv + argc);
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& option = words[i];
    const auto value = [&]() -> const std::string& {
      if (i + 1 == words.size()) throw std::runtime_error(option + " needs a value");
      return words[++i];
    };
    const auto number = [&](int lowest) {
      const std::string& text = value();
      char* end = nullptr;
      const long parsed = std::strtol(text.c_str(), &end, 10);
      if (text.empty() || *end || parsed < lowest || parsed > 1'000'000)
        throw std::runtime_error(option + " " + text + ": must be a whole number from " + std::to_string(lowest) + " to 1000000");
      return static_cast<int>(parsed);
    };
    if (option == "--target") result.targets.push_back(parse_target(value()));
    else if (option == "--seconds") result.seconds = number(1);
    else if (option == "--seed") result.seed = static_cast<unsigned>(number(0));
    else if (option == "--clients") result.clients = number(1);
    else if (option == "--verbose") result.verbose = true;
    else if (option == "--help" || option == "-h") std::exit((std::cout << usage, EXIT_SUCCESS));
    else throw std::runtime_error("unknown option " + option + "\n" + usage);
  }
  if (result.targets.empty()) throw std::runtime_error(std::string("no --target\n") + usage);
  return result;
}

/// Hands out the requests, whole rounds of them: at the end, each region has been asked equally often for each vehicle.
class rounds {
 public:
  rounds(const options& asked, steady::time_point start)
      : random_(asked.seed), end_(start + std::chrono::seconds(asked.seconds)) {
    for (std::size_t t = 0; t < asked.targets.size(); ++t)
      for (std::size_t v = 0; v < vehicles.size(); ++v) round_.push_back({t, v});
    next_ = round_.size();
  }

  std::optional<request> next() {
    const std::lock_guard<std::mutex> guard(mutex_);
    if (stopping) return std::nullopt;
    if (next_ == round_.size()) {
      if (steady::now() >= end_) return std::nullopt;
      std::shuffle(round_.begin(), round_.end(), random_);
      next_ = 0;
    }
    return round_[next_++];
  }

 private:
  std::mutex mutex_;
  std::mt19937 random_;
  steady::time_point end_;
  std::vector<request> round_;
  std::size_t next_;
};

/// What came of the requests, by region and vehicle.
class results {
 public:
  results(const options& asked) : asked_(asked), cells_(asked.targets.size() * vehicles.size()) {}

  void add(request what, milliseconds latency, const std::string& error) {
    const std::lock_guard<std::mutex> guard(mutex_);
    cell& here = cells_[what.target * vehicles.size() + what.vehicle];
    if (error.empty()) here.latencies.push_back(latency.count());
    else ++here.errors;
    if (asked_.verbose || (!error.empty() && error != last_error_))
      std::printf("%-12s %-8s %7.1f ms  %s\n", asked_.targets[what.target].region.c_str(), vehicles[what.vehicle],
                  latency.count(), error.empty() ? "ok" : error.c_str());
    last_error_ = error;
  }

  void print_progress(int seconds) {
    const std::lock_guard<std::mutex> guard(mutex_);
    std::printf("%4d s: %zu answers, %zu errors\n", seconds, answers(), errors());
    std::fflush(stdout);
  }

  /// Prints the table; true if there was any answer.
  bool print_table() {
    const std::lock_guard<std::mutex> guard(mutex_);
    std::printf("\n%-12s %-8s %9s %7s %9s %9s %9s\n", "region", "vehicle", "answers", "errors", "mean ms", "p50 ms", "p95 ms");
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      std::vector<double>& sorted = cells_[i].latencies;
      std::sort(sorted.begin(), sorted.end());
      double sum = 0;
      for (const double each : sorted) sum += each;
      const auto quantile = [&](std::size_t percent) {
        return sorted.empty() ? 0 : sorted[(sorted.size() - 1) * percent / 100];
      };
      std::printf("%-12s %-8s %9zu %7zu %9.1f %9.1f %9.1f\n", asked_.targets[i / vehicles.size()].region.c_str(),
                  vehicles[i % vehicles.size()], sorted.size(), cells_[i].errors,
                  sorted.empty() ? 0 : sum / static_cast<double>(sorted.size()), quantile(50), quantile(95));
    }
    return answers() > 0;
  }

 private:
  struct cell {
    std::vector<double> latencies;
    std::size_t errors = 0;
  };

  std::size_t answers() const {
    std::size_t sum = 0;
    for (const cell& each : cells_) sum += each.latencies.size();
    return sum;
  }

  std::size_t errors() const {
    std::size_t sum = 0;
    for (const cell& each : cells_) sum += each.errors;
    return sum;
  }

  const options& asked_;
  std::mutex mutex_;
  std::vector<cell> cells_;
  std::string last_error_;
};

/// Waits for an operation that was started on `io`.
template <class Result>
static Result finish(asio::io_context& io, std::future<Result> operation) {
  io.restart();
  io.run();
  return operation.get();
}

/// Gets a page within ten seconds; anything but 200 is an error.
static void get(const target& server, const std::string& path) {
  asio::io_context io(1);
  beast::tcp_stream stream(io);
  stream.expires_after(std::chrono::seconds(10));
  finish(io, stream.async_connect(tcp::resolver(io).resolve(server.host, server.port), asio::use_future));

  http::request<http::empty_body> question(http::verb::get, path, 11);
  question.set(http::field::host, server.host);
  question.keep_alive(false);
  finish(io, http::async_write(stream, question, asio::use_future));

  beast::flat_buffer buffer;
  http::response<http::string_body> reply;
  finish(io, http::async_read(stream, buffer, reply, asio::use_future));
  if (reply.result() != http::status::ok) throw std::runtime_error("HTTP status " + std::to_string(reply.result_int()));
}

static void wait_for_server(const target& server) {
  constexpr std::chrono::seconds patience(20);
  const auto end = steady::now() + patience;
  while (!stopping) {
    try {
      return get(server, "/");
    } catch (const std::exception& error) {
      if (steady::now() > end)
        throw std::runtime_error("no answer from " + server.region + " at http://" + server.host + ":" + server.port +
                                 " for " + std::to_string(patience.count()) + " s (" + error.what() +
                                 "): is its rideshare_server running?");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

/// One client: asks until there is nothing more to ask.
static void ask(const options& asked, rounds& all, results& got) {
  while (const auto what = all.next()) {
    const auto start = steady::now();
    std::string error;
    try {
      get(asked.targets[what->target], std::string("/") + vehicles[what->vehicle]);
    } catch (const std::exception& failure) {
      error = failure.what();
    }
    got.add(*what, steady::now() - start, error);
    if (!error.empty()) std::this_thread::sleep_for(std::chrono::milliseconds(100));  // don't hammer a server in trouble
  }
}

int main(int argc, char** argv) try {
  const options asked = parse(argc, argv);
  for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, [](int) { stopping = true; });
  for (const target& server : asked.targets) wait_for_server(server);
  if (stopping) return EXIT_FAILURE;
  std::printf("asking %zu region(s) for bike, scooter and car: %d s, %d at a time, seed %u\n", asked.targets.size(),
              asked.seconds, asked.clients, asked.seed);

  const auto start = steady::now();
  rounds all(asked, start);
  results got(asked);
  std::vector<std::future<void>> clients;
  for (int i = 0; i < asked.clients; ++i)
    clients.push_back(std::async(std::launch::async, ask, std::cref(asked), std::ref(all), std::ref(got)));
  int reported = 0;
  for (std::future<void>& client : clients)
    while (client.wait_until(start + std::chrono::seconds(reported + 5)) != std::future_status::ready)
      got.print_progress(reported += 5);
  return got.print_table() ? EXIT_SUCCESS : EXIT_FAILURE;
} catch (const std::exception& error) {
  std::cerr << "rideshare_load: " << error.what() << '\n';
  return EXIT_FAILURE;
}
