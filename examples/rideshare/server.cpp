// The ride-sharing service: /bike, /scooter and /car each order a vehicle; / tells what there is. Settings, from the environment:
//   REGION                    where it runs: the static tag `region`; eu-north is the region with the trouble
//   RIDESHARE_LISTEN_ADDRESS  127.0.0.1; 0.0.0.0 answers other machines too, which a container needs
//   RIDESHARE_LISTEN_PORT     5000; 0 takes any free port
//   RIDESHARE_PERIOD_SECONDS  30: length of the calm and the busy periods of eu-north
// and those that pyro reads itself: PYROSCOPE_APPLICATION_NAME (ride-sharing-app), PYROSCOPE_SERVER_ADDRESS,
// PYROSCOPE_BASIC_AUTH_USER, PYROSCOPE_BASIC_AUTH_PASSWORD, PYRO and all of PYRO_*.

#include "bike.hpp"
#include "car.hpp"
#include "scooter.hpp"
#include "utility.hpp"

#include <pyro/profiler.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;

struct service {
  const char* vehicle;
  double search_radius;
  ride (*order)(double search_radius);
  std::atomic<std::size_t> served{0};
};

static service services[] = {{"bike", 0.2, order_bike}, {"scooter", 0.3, order_scooter}, {"car", 0.4, order_car}};

static std::string region_name() {
  const char* region = std::getenv("REGION");
  return region ? region : "";
}

/// A whole number from the environment.
static int setting(const char* name, int fallback, int lowest, int highest) {
  const char* text = std::getenv(name);
  if (!text || !*text) return fallback;
  char* end = nullptr;
  const long value = std::strtol(text, &end, 10);
  if (*end || value < lowest || value > highest)
    throw std::runtime_error(std::string(name) + "=" + text + ": must be a whole number from " + std::to_string(lowest) + " to " +
                             std::to_string(highest));
  return static_cast<int>(value);
}

static http::response<http::string_body> answer(const http::request<http::string_body>& request) {
  http::response<http::string_body> response(http::status::ok, request.version());
  response.keep_alive(request.keep_alive());
  response.set(http::field::content_type, "text/plain");
  const std::string_view target(request.target().data(), request.target().size());
  const std::string_view path = target.substr(0, target.find('?'));
  if (request.method() != http::verb::get) {
    response.result(http::status::method_not_allowed);
    response.set(http::field::allow, "GET");
  } else if (path == "/") {
    response.body() = "ride-sharing in region " + region_name() + ": ask for /bike, /scooter or /car\n";
  } else {
    response.result(http::status::not_found);
    response.body() = "no such page: ask for /bike, /scooter or /car\n";
    for (service& each : services) {
      if (path.substr(1) != each.vehicle) continue;
      const ride best = each.order(each.search_radius);
      ++each.served;
      response.result(http::status::ok);
      response.body() = std::string(each.vehicle) + " " + std::to_string(best.vehicle) + " is on its way: " +
                        std::to_string(static_cast<int>(best.minutes + 1)) + " min\n";
    }
  }
  response.prepare_payload();
  return response;
}

/// One connection: reads a request, answers it, and again until the client goes away or is silent for too long.
class session : public std::enable_shared_from_this<session> {
 public:
  explicit session(tcp::socket socket) : stream_(std::move(socket)) {}

  void read() {
    request_ = {};
    stream_.expires_after(std::chrono::seconds(30));
    http::async_read(stream_, buffer_, request_, [self = shared_from_this()](beast::error_code error, std::size_t) {
      if (!error) self->handle();
    });
  }

 private:
  void handle() {
    PYRO_SCOPE("handle request");
    response_ = answer(request_);
    stream_.expires_after(std::chrono::seconds(30));
    http::async_write(stream_, response_, [self = shared_from_this()](beast::error_code error, std::size_t) {
      if (!error && self->response_.keep_alive()) self->read();
    });
  }

  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  http::request<http::string_body> request_;
  http::response<http::string_body> response_;
};

static void accept(tcp::acceptor& acceptor) {
  acceptor.async_accept(asio::make_strand(acceptor.get_executor()), [&acceptor](beast::error_code error, tcp::socket socket) {
    if (error == asio::error::operation_aborted) return;
    if (!error) std::make_shared<session>(std::move(socket))->read();
    accept(acceptor);
  });
}

static tcp::acceptor listen(asio::io_context& io) {
  const int port = setting("RIDESHARE_LISTEN_PORT", 5000, 0, 65535);
  const char* text = std::getenv("RIDESHARE_LISTEN_ADDRESS");
  boost::system::error_code wrong;
  const auto address = asio::ip::make_address(text && *text ? text : "127.0.0.1", wrong);
  if (wrong)
    throw std::runtime_error(std::string("RIDESHARE_LISTEN_ADDRESS=") + text +
                             ": must be an address, such as 127.0.0.1 or 0.0.0.0");
  try {
    return {io, {address, static_cast<unsigned short>(port)}};
  } catch (const boost::system::system_error& error) {
    throw std::runtime_error("can't listen on " + address.to_string() + ", port " + std::to_string(port) + " (" +
                             error.code().message() + "): set RIDESHARE_LISTEN_PORT to another port, or to 0 for any free one");
  }
}

static void serve(asio::io_context& io) {
  PYRO_THREAD("http");
  PYRO_SCOPE();
  io.run();
}

int main() try {
  pyro::config config;
  config.application_name = "ride-sharing-app";
  config.tags = {{"region", std::getenv("REGION")}};
  const auto profiler = pyro::configure(config);  // where it can't profile it says why, and the service runs all the same
  PYRO_SCOPE();

  asio::io_context io;
  asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&io](beast::error_code, int) { io.stop(); });  // requests under way are finished
  open_city(region_name(), std::chrono::seconds(setting("RIDESHARE_PERIOD_SECONDS", 30, 1, 86400)));
  tcp::acceptor acceptor = listen(io);
  accept(acceptor);
  std::cout << "listening on http://" << acceptor.local_endpoint() << " region=" << region_name() << std::endl;

  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(serve, std::ref(io));
  for (std::thread& thread : threads) thread.join();

  std::cout << "served";
  for (const service& each : services) std::cout << ' ' << each.vehicle << '=' << each.served;
  std::cout << " cpu_seconds=" << static_cast<double>(std::clock()) / CLOCKS_PER_SEC << std::endl;
  return EXIT_SUCCESS;
} catch (const std::exception& error) {
  std::cerr << "rideshare_server: " << error.what() << '\n';
  return EXIT_FAILURE;
}
