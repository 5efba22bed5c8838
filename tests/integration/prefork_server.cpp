// A prefork server: the master listens, four workers accept and serve, each writes its own report in the end, exact and its own alone.
#include "check.hpp"
#include "pprof_file.hpp"
#include "process.hpp"
#include "rows.hpp"

#include <chrono>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <vector>

namespace {

constexpr int workers = 4;
constexpr int requests = 200;

void answer(char what) {
  PYRO_SCOPE("answer");
  PYRO_TAG("what", what);
  PYRO_SCOPE("render");
}

/// Accepts until it is told to quit; each of its threads serves. Answers how many requests it served.
int serve(int listener) {
  int served = 0;
  for (bool quit = false; !quit;) {
    const int connection = ::accept(listener, nullptr, nullptr);
    if (connection < 0) continue;
    char what = 0;
    if (::read(connection, &what, 1) == 1) {
      if (what == 'q') {
        quit = true;
      } else {
        PYRO_SCOPE("request");
        if (served % 3 == 0) std::thread([what] { answer(what); }).join();
        else answer(what);
        ++served;
      }
      (void)!::write(connection, &what, 1);
    }
    ::close(connection);
  }
  return served;
}

int server() {
  pyro_test::end_after(60);
  auto profiler = pyro::configure();
  CHECK(profiler);
  PYRO_SCOPE("master");  // open while it forks: the workers' scopes lie below it
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  CHECK(::listen(listener, 64) == 0);
  socklen_t size = sizeof address;
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  // AddressSanitizer's allocator (LLVM 16) does not hold its locks over fork: one that another thread holds at that moment hangs the child in
  // the sanitizer's own start of a thread. pyro's threads are quiet when they have started, until a window ends.
  if (PYRO_TEST_ASAN) std::this_thread::sleep_for(std::chrono::milliseconds(500));
  std::vector<pid_t> children;
  for (int i = 0; i < workers; ++i) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      const int served = serve(listener);
      std::printf("served %d %d\n", static_cast<int>(::getpid()), served);
      std::exit(0);
    }
    children.push_back(pid);
  }
  std::printf("port %d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  for (const pid_t pid : children) {
    int status = 0;
    ::waitpid(pid, &status, 0);
    CHECK_EQUAL(status, 0);
  }
  return pyro_test::result();
}

bool ask(int port, char what) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  const int s = ::socket(AF_INET, SOCK_STREAM, 0);
  char answer_byte = 0;
  const bool good = ::connect(s, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 && ::write(s, &what, 1) == 1 &&
                    ::read(s, &answer_byte, 1) == 1 && answer_byte == what;
  ::close(s);
  return good;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string(argv[1]) == "serve") return server();
  const pyro_test::temporary_directory files;
  pyro_test::process under_test({pyro_test::this_program(), "serve"}, {{"PYRO", "pprof:" + files / "run.pb.gz"}, {"PYRO_WINDOW", PYRO_TEST_ASAN ? "10s" : "200ms"}, {"PYRO_STACKS", "scopes"}});
  CHECK(under_test.wait_for_text("\n"));
  int port = 0;
  CHECK_EQUAL(std::sscanf(under_test.output().c_str(), "port %d", &port), 1);
  for (int i = 0; i < requests; ++i) CHECK(ask(port, i % 2 == 0 ? 'a' : 'b'));
  for (int i = 0; i < workers; ++i) CHECK(ask(port, 'q'));
  const auto o = under_test.wait();
  if (!CHECK(o.exited(0))) std::fprintf(stderr, "%s\n", o.text().c_str());

  pyro_test::counts sums;
  int found = 0;
  for (std::size_t at = 0; (at = o.out.find("served ", at)) != std::string::npos; ++at) {
    int pid = 0, served = 0;
    std::sscanf(o.out.c_str() + at, "served %d %d", &pid, &served);
    ++found;
    const auto calls = pyro_test::calls_in_file(files / ("run-" + std::to_string(pid) + ".pb.gz"));
    if (served == 0) continue;  // no scope, no file
    CHECK_EQUAL(calls.count("master"), 0U);
    CHECK_EQUAL(calls.count("master;request"), 1U);
    CHECK_EQUAL(calls.count("master;request") == 1 ? calls.at("master;request") : 0, served);
    for (const auto& c : calls) sums[c.first] += c.second;
  }
  CHECK_EQUAL(found, workers);
  // A third is served in threads, where the master's scope is not around.
  const auto in_either = [&](const std::string& path) {
    std::int64_t sum = 0;
    for (const char* prefix : {"", "master;request;"})
      if (const auto c = sums.find(prefix + path); c != sums.end()) sum += c->second;
    return sum;
  };
  CHECK_EQUAL(in_either("answer"), requests);
  CHECK_EQUAL(in_either("answer;render {what=a}"), requests / 2);
  CHECK_EQUAL(in_either("answer;render {what=b}"), requests / 2);
  CHECK_EQUAL(pyro_test::calls_in_file(files / "run.pb.gz"), pyro_test::counts{{"master", 1}});
  return pyro_test::result();
}
