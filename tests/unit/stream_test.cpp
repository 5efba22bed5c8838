// Exporters that write to streams: no signal, no endless wait, nothing left in the program's buffers.
#include <pyro/encode/folded.hpp>
#include <pyro/export/null.hpp>
#include <pyro/export/report.hpp>
#include <pyro/export/stdout.hpp>

#include "golden.hpp"
#include "make_profile.hpp"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/wait.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>

namespace stream_test {

using namespace pyro;
using namespace pyro_test;
using namespace std::chrono_literals;

namespace {

struct pipe_pair {
  int in = -1, out = -1;
  pipe_pair() {
    int fds[2];
    REQUIRE(::pipe(fds) == 0);
    in = fds[0];
    out = fds[1];
  }
  ~pipe_pair() {
    close_in();
    if (out >= 0) ::close(out);
  }
  void close_in() {
    if (in >= 0) ::close(in);
    in = -1;
  }
  std::string read_all() {
    std::string text;
    char buffer[4096];
    for (ssize_t n; (n = ::read(in, buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<std::size_t>(n));
    return text;
  }
};

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// What `body` writes to a stream.
template <class Body>
std::string written(Body&& body) {
  std::FILE* file = std::tmpfile();
  REQUIRE(file != nullptr);
  body(file);
  std::rewind(file);
  std::string text;
  for (int c; (c = std::fgetc(file)) != EOF;) text += static_cast<char>(c);
  std::fclose(file);
  return text;
}

sigset_t blocked_now() {
  sigset_t set;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &set);
  return set;
}

}  // namespace

TEST_CASE("null counts and keeps nothing") {
  null_exporter e;
  REQUIRE(e.export_profile(rideshare()).ok);
  REQUIRE(e.export_profile(rideshare()).ok);
  REQUIRE(e.profiles() == 2);
  REQUIRE(e.rows() == 2 * rideshare().samples.size());
  REQUIRE((e.flush(std::chrono::steady_clock::now()) && e.finish().ok));
}

TEST_CASE("text and folded go to the stream, a window at a time, after what the program wrote") {
  REQUIRE(written([](std::FILE* f) {
            std::fputs("the program's own line\n", f);
            stdout_exporter e(stream_format::folded, f);
            REQUIRE(e.export_profile(rideshare()).ok);
            REQUIRE(e.finish().ok);
          }) == "the program's own line\n" + encode_folded(rideshare()));
  REQUIRE(written([](std::FILE* f) {
            stdout_exporter e(stream_format::text, f);
            REQUIRE(e.export_profile(rideshare()).ok);
            REQUIRE(e.export_profile(rideshare()).ok);
          }) == encode_text(rideshare()) + "\n" + encode_text(rideshare()) + "\n");
}

TEST_CASE("idle windows print nothing, an idle run prints that it was") {
  const profile idle = profile_maker().get();
  const std::string text = written([&](std::FILE* f) {
    stdout_exporter e(stream_format::text, f);
    REQUIRE(e.export_profile(idle).ok);
    REQUIRE(e.export_profile(idle).ok);
    REQUIRE(std::ftell(f) == 0);
    REQUIRE(e.finish().ok);
    REQUIRE(e.finish().ok);
  });
  REQUIRE(has(text, "nothing was measured"));
  REQUIRE(text == encode_text(idle));
}

TEST_CASE("the report comes at the end, once, for the whole run") {
  const std::string text = written([](std::FILE* f) {
    report_exporter e(f);
    for (int i = 0; i < 3; ++i) REQUIRE(e.export_profile(rideshare()).ok);
    REQUIRE(std::ftell(f) == 0);
    REQUIRE(e.finish().ok);
    REQUIRE(e.finish().ok);
  });
  profile_run run;
  for (int i = 0; i < 3; ++i) run.add(rideshare());
  REQUIRE(text == "\n" + encode_text(run.result()));
  REQUIRE(has(text, "8,529 samples"));
}

TEST_CASE("a reader that is gone is an error and no signal; the thread's signal mask is as before") {
  struct sigaction kill {};
  kill.sa_handler = SIG_DFL;
  struct sigaction before {};
  REQUIRE(::sigaction(SIGPIPE, &kill, &before) == 0);
  pipe_pair p;
  p.close_in();
  std::FILE* file = ::fdopen(::dup(p.out), "w");
  stdout_exporter e(stream_format::text, file);
  const export_result r = e.export_profile(rideshare());
  REQUIRE_FALSE(r.ok);
  REQUIRE(has(r.error, "cannot write to the stream: Broken pipe; write to a file instead"));
  REQUIRE(e.export_profile(profile_maker().get()).error == r.error);  // an idle window does not mend it
  REQUIRE(e.finish().error == r.error);
  sigset_t pending;
  REQUIRE(::sigpending(&pending) == 0);
  REQUIRE(::sigismember(&pending, SIGPIPE) == 0);
  const sigset_t blocked = blocked_now();
  REQUIRE(::sigismember(&blocked, SIGPIPE) == 0);
  std::fclose(file);  // nothing of ours is in its buffer: this raises nothing either
  REQUIRE(::sigaction(SIGPIPE, &before, nullptr) == 0);
}

TEST_CASE("a SIGPIPE that the program holds back stays pending") {
  sigset_t pipe_signal, before, pending;
  ::sigemptyset(&pipe_signal);
  ::sigaddset(&pipe_signal, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  ::pthread_kill(::pthread_self(), SIGPIPE);
  pipe_pair p;
  p.close_in();
  REQUIRE(detail::write_stream(p.out, "x") == EPIPE);
  ::sigpending(&pending);
  REQUIRE(::sigismember(&pending, SIGPIPE) == 1);
  const timespec now{0, 0};
  REQUIRE(::sigtimedwait(&pipe_signal, nullptr, &now) == SIGPIPE);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST_CASE("a slow reader gets everything, from a blocking pipe and a non-blocking one") {
  const std::string text(300'000, 'x');
  for (const bool non_blocking : {false, true}) {
    pipe_pair p;
    if (non_blocking) REQUIRE(::fcntl(p.out, F_SETFL, O_NONBLOCK) == 0);
    int error = -1;
    std::thread writer([&] {
      error = detail::write_stream(p.out, text, 20s);
      ::close(p.out);
      p.out = -1;
    });
    std::this_thread::sleep_for(20ms);
    const std::string read = p.read_all();
    writer.join();
    REQUIRE(error == 0);
    REQUIRE(read == text);
  }
}

TEST_CASE("a reader that has stopped costs no more than the patience") {
  for (const bool non_blocking : {false, true}) {
    pipe_pair p;
    if (non_blocking) REQUIRE(::fcntl(p.out, F_SETFL, O_NONBLOCK) == 0);
    const auto begin = std::chrono::steady_clock::now();
    REQUIRE(detail::write_stream(p.out, std::string(1'000'000, 'x'), 100ms) == ETIMEDOUT);
    REQUIRE(std::chrono::steady_clock::now() - begin < 5s);
  }
}

TEST_CASE("signals that arrive while writing don't cut the text") {
  struct sigaction count {};
  count.sa_handler = [](int) {};
  struct sigaction before {};
  ::sigaction(SIGUSR1, &count, &before);
  pipe_pair p;
  std::string read;
  std::thread reader([&] {
    std::this_thread::sleep_for(50ms);
    read = p.read_all();
  });
  std::atomic<bool> stop{false};
  const pthread_t self = ::pthread_self();
  std::thread disturber([&] {
    while (!stop) {
      ::pthread_kill(self, SIGUSR1);
      std::this_thread::sleep_for(1ms);
    }
  });
  const std::string text(500'000, 'y');
  const int error = detail::write_stream(p.out, text, 20s);
  stop = true;
  ::close(p.out);
  p.out = -1;
  disturber.join();
  reader.join();
  ::sigaction(SIGUSR1, &before, nullptr);
  REQUIRE(error == 0);
  REQUIRE(read == text);
}

TEST_CASE("a stream whose lock another thread keeps is written to all the same") {
  pipe_pair p;
  std::FILE* file = ::fdopen(::dup(p.out), "w");
  std::atomic<bool> locked{false}, done{false};
  std::thread holder([&] {
    ::flockfile(file);
    locked = true;
    while (!done) std::this_thread::sleep_for(1ms);
    ::funlockfile(file);
  });
  while (!locked) std::this_thread::sleep_for(1ms);
  REQUIRE(detail::write_stream(file, "report\n") == 0);
  done = true;
  holder.join();
  std::fclose(file);
  ::close(p.out);
  p.out = -1;
  REQUIRE(p.read_all() == "report\n");
}

TEST_CASE("a stream in memory works; a closed descriptor is an error") {
  char* text = nullptr;
  std::size_t size = 0;
  std::FILE* memory = ::open_memstream(&text, &size);
  REQUIRE(detail::write_stream(memory, "in memory") == 0);
  std::fclose(memory);
  REQUIRE(std::string(text, size) == "in memory");
  std::free(text);

  std::FILE* file = std::tmpfile();
  ::close(::fileno(file));
  REQUIRE(detail::write_stream(file, "x") == EBADF);
  std::fclose(file);
}

TEST_CASE("errors have the system's words") {
  REQUIRE(detail::error_text(ENOSPC) == "No space left on device");
  REQUIRE(has(detail::error_text(99'999), "99999"));
}

}  // namespace stream_test
