// The process around the live view: how it starts, ends, forks.
#include "fixture.hpp"

using namespace pyro_test;

namespace {

const process::variables serves{{"PYRO_SERVE", ":0"}, {"PYRO_LOG_LEVEL", "info"}, {"PYRO_WINDOW", "1h"}};

int port_of(process& p) {
  REQUIRE(p.wait_for_text("/debug/pprof/profile"));
  return port_in(p.output());
}

}  // namespace

TEST_CASE("the end of the program does not wait for clients") {
  const std::string how = GENERATE("exit", "return");
  process p({this_program(), "scenario", how}, serves);
  const int port = port_of(p);
  std::vector<client> clients;
  for (int i = 0; i < 12; ++i) {
    clients.emplace_back(port);
    if (i % 3 != 0) clients.back().send("GET " + std::string(i % 3 == 1 ? "/debug/pprof/profile?seconds=600" : "/debug/pprof/") + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  }
  std::this_thread::sleep_for(milliseconds(100));
  p.signal(SIGUSR1);
  REQUIRE(p.wait_for_text("ending"));
  const auto begin = steady::now();
  const outcome o = p.wait();
  INFO(o.text());
  CHECK(o.exited(0));
  CHECK(since(begin) < margin);
}

TEST_CASE("every signal is blocked in the server's thread") {
  process p({this_program(), "scenario", "signals"}, serves);
  const outcome o = p.wait();
  INFO(o.text());
  CHECK(o.exited(0));
  const std::size_t at = o.out.find("SigBlk:\t");
  REQUIRE(at != std::string::npos);
  const unsigned long long mask = std::strtoull(o.out.c_str() + at + 8, nullptr, 16);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGUSR1, SIGCHLD, SIGALRM, SIGPROF}) CHECK((mask >> (signal - 1) & 1) == 1);
}

TEST_CASE("a forked child neither serves nor keeps the port or a connection") {
  process p({this_program(), "scenario", "fork"}, serves);
  const int port = port_of(p);
  REQUIRE(p.wait_for_text("child has "));
  REQUIRE(p.wait_for_text("child is "));
  CHECK(p.output().find("child has 0 sockets") != std::string::npos);
  CHECK(p.output().find("live view", p.output().find("live view") + 1) == std::string::npos);  // said once: by the parent
  CHECK(get(port, "/debug/pprof/").status == 200);
  const pid_t child = std::atoi(p.output().c_str() + p.output().find("child is ") + 9);
  p.signal(SIGUSR1);
  REQUIRE(p.wait_for_text("ending"));
  CHECK(wait_until([&] { return !client(port).connected(); }));  // though the child lives
  pyro::config c;
  c.serve_address = ":" + std::to_string(port);
  served again(c);
  CHECK(again.port == port);
  CHECK(::kill(child, SIGUSR1) == 0);
  CHECK(p.wait().exited(0));
}

TEST_CASE("pyro/auto.hpp finds the live view that is included after it, and says where there is none") {
  {
    int input[2];
    REQUIRE(::pipe2(input, O_CLOEXEC) == 0);
    const int own = ::dup(0);
    ::dup2(input[0], 0);
    process p({SERVE_AUTO_FIRST}, serves);
    ::dup2(own, 0);
    int port = 0;
    // It speaks on stderr, which is read when it ends: look for what it listens on.
    const auto listening = [&] {
      const std::string table = read_whole("/proc/" + std::to_string(p.pid()) + "/net/tcp");
      std::set<std::string> inodes;
      if (DIR* const d = ::opendir(("/proc/" + std::to_string(p.pid()) + "/fd").c_str())) {
        while (const dirent* e = ::readdir(d)) {
          char target[64];
          const ssize_t size = ::readlinkat(::dirfd(d), e->d_name, target, sizeof target);
          const std::string text(target, size > 0 ? static_cast<std::size_t>(size) : 0);
          if (text.compare(0, 8, "socket:[") == 0) inodes.insert(" " + text.substr(8, text.size() - 9) + " ");
        }
        ::closedir(d);
      }
      for (std::size_t line = 0; (line = table.find('\n', line)) != std::string::npos; ++line) {
        const std::string row = table.substr(line + 1, table.find('\n', line + 1) - line - 1);
        for (const std::string& i : inodes)
          if (row.find(i) != std::string::npos && row.find(": 0100007F:") != std::string::npos) port = static_cast<int>(std::strtol(row.c_str() + row.find("0100007F:") + 9, nullptr, 16));
      }
      return port != 0;
    };
    CHECK(wait_until(listening));
    CHECK(get(port, "/debug/pprof/").status == 200);
    ::close(input[0]);
    ::close(input[1]);
    ::close(own);
    const outcome o = p.wait();
    INFO(o.text());
    CHECK(o.exited(0));
    CHECK(o.err.find("live view: at http://127.0.0.1:") != std::string::npos);
  }
  const outcome without = process({SERVE_WITHOUT_HEADER}, serves).wait();
  INFO(without.text());
  CHECK(without.exited(0));
  CHECK(without.err.find("pyro: warning: serve_address (PYRO_SERVE) is set, but the live view is not included: #include <pyro/export/serve.hpp>") != std::string::npos);
}
