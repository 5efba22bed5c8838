#pragma once
// Runs programs (mostly this one again, with arguments) and says how they ended, with a deadline that also ends what hangs.

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <poll.h>
#include <set>
#include <string>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

extern char** environ;

namespace pyro_test {

/// A directory of its own, removed at the end.
class temporary_directory {
 public:
  temporary_directory() {
    const char* base = std::getenv("TMPDIR");
    path_ = std::string(base != nullptr && *base != '\0' ? base : "/tmp") + "/pyro-test-XXXXXX";
    if (::mkdtemp(path_.data()) == nullptr) std::abort();
    ::chmod(path_.c_str(), 0777);  // some tests write as another user
  }
  ~temporary_directory() {
    for (const std::string& f : files()) ::unlink((path_ + "/" + f).c_str());
    ::rmdir(path_.c_str());
  }
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  std::set<std::string> files() const {
    std::set<std::string> out;
    if (DIR* d = ::opendir(path_.c_str())) {
      while (const dirent* e = ::readdir(d))
        if (std::strcmp(e->d_name, ".") != 0 && std::strcmp(e->d_name, "..") != 0) out.insert(e->d_name);
      ::closedir(d);
    }
    return out;
  }

 private:
  std::string path_;
};

inline std::string read_whole(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

inline std::string this_program() {
  char path[4096];
  const ssize_t n = ::readlink("/proc/self/exe", path, sizeof path);
  return std::string(path, n > 0 ? static_cast<std::size_t>(n) : 0);
}

struct outcome {
  int status = -1;        ///< as waitpid says it
  bool timed_out = false;
  std::string out, err;
  std::chrono::milliseconds took{0};

  bool exited(int code) const { return !timed_out && WIFEXITED(status) && WEXITSTATUS(status) == code; }
  bool killed_by(int signal) const { return !timed_out && WIFSIGNALED(status) && WTERMSIG(status) == signal; }
  std::string text() const {
    std::string how = timed_out ? "timed out"
                      : WIFEXITED(status) ? "exited " + std::to_string(WEXITSTATUS(status))
                                          : "killed by " + std::to_string(WTERMSIG(status));
    return how + " after " + std::to_string(took.count()) + " ms\n--- stdout\n" + out + "--- stderr\n" + err + "---";
  }
};

/// A program under way. Its own variables named PYRO… come from the test alone.
class process {
 public:
  using variables = std::vector<std::pair<std::string, std::string>>;

  process(const std::vector<std::string>& command, const variables& extra = {}) {
    int out[2], err[2];
    if (::pipe2(out, O_CLOEXEC) != 0 || ::pipe2(err, O_CLOEXEC) != 0) std::abort();
    std::vector<std::string> environment;
    for (char** v = environ; *v != nullptr; ++v)
      if (std::strncmp(*v, "PYRO", 4) != 0 && std::strncmp(*v, "OTEL_", 5) != 0) environment.push_back(*v);
    for (const auto& v : extra) environment.push_back(v.first + "=" + v.second);
    std::vector<char*> argv, envp;
    for (const std::string& a : command) argv.push_back(const_cast<char*>(a.c_str()));
    for (const std::string& e : environment) envp.push_back(const_cast<char*>(e.c_str()));
    argv.push_back(nullptr);
    envp.push_back(nullptr);
    begin_ = std::chrono::steady_clock::now();
    pid_ = ::fork();
    if (pid_ == 0) {
      ::setpgid(0, 0);  // so that what it leaves behind can be ended with it
      ::dup2(out[1], 1);
      ::dup2(err[1], 2);
      ::execve(argv[0], argv.data(), envp.data());
      ::_exit(127);
    }
    ::setpgid(pid_, pid_);
    ::close(out[1]);
    ::close(err[1]);
    out_ = out[0];
    err_ = err[0];
  }
  ~process() {
    if (!waited_) {
      ::kill(-pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    ::close(out_);
    ::close(err_);
  }
  process(const process&) = delete;
  process& operator=(const process&) = delete;

  pid_t pid() const { return pid_; }
  void signal(int number) const { ::kill(pid_, number); }

  /// Reads until the text stood on stdout; false at the deadline or at its end.
  bool wait_for_text(const std::string& text, std::chrono::seconds most = std::chrono::seconds(30)) {
    const auto deadline = std::chrono::steady_clock::now() + most;
    while (outcome_.out.find(text) == std::string::npos)
      if (std::chrono::steady_clock::now() >= deadline || !read_some(100)) return false;
    return true;
  }

  /// What it wrote to stdout so far, as far as it was read.
  const std::string& output() const { return outcome_.out; }

  /// Waits for its end and the end of its output, also by processes that it left behind.
  outcome wait(std::chrono::seconds most = std::chrono::seconds(60)) {
    const auto deadline = begin_ + most;
    while (read_some(100)) {
      if (std::chrono::steady_clock::now() < deadline) continue;
      outcome_.timed_out = true;
      ::kill(-pid_, SIGKILL);
      break;
    }
    // Its end of the pipes may be closed before it ends.
    while (!outcome_.timed_out && ::waitpid(pid_, &outcome_.status, WNOHANG) == 0) {
      ::usleep(1000);
      if (std::chrono::steady_clock::now() < deadline) continue;
      outcome_.timed_out = true;
      ::kill(-pid_, SIGKILL);
    }
    if (outcome_.timed_out) ::waitpid(pid_, &outcome_.status, 0);
    waited_ = true;
    outcome_.took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin_);
    return outcome_;
  }

 private:
  bool read_some(int milliseconds) {
    pollfd ends[2] = {{out_open_ ? out_ : -1, POLLIN, 0}, {err_open_ ? err_ : -1, POLLIN, 0}};
    if (!out_open_ && !err_open_) return false;
    if (::poll(ends, 2, milliseconds) <= 0) return true;
    if (ends[0].revents != 0) out_open_ = take(out_, outcome_.out);
    if (ends[1].revents != 0) err_open_ = take(err_, outcome_.err);
    return out_open_ || err_open_;
  }
  static bool take(int fd, std::string& into) {
    char buffer[4096];
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n > 0) into.append(buffer, static_cast<std::size_t>(n));
    return n > 0 || (n < 0 && errno == EINTR);
  }

  pid_t pid_ = -1;
  int out_ = -1, err_ = -1;
  bool out_open_ = true, err_open_ = true, waited_ = false;
  std::chrono::steady_clock::time_point begin_;
  outcome outcome_;
};

/// This program again, as one of its scenarios.
inline outcome run_self(const std::vector<std::string>& arguments, const process::variables& extra = {},
                        std::chrono::seconds most = std::chrono::seconds(60)) {
  std::vector<std::string> command{this_program()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return process(command, extra).wait(most);
}

/// Ends a program that hangs, with SIGALRM: a test's own last resort.
inline void end_after(unsigned seconds) { ::alarm(seconds); }

}  // namespace pyro_test
