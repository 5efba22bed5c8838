// File exporter: names, one file of the run or one a window, atomic replacement, rotation, and what happens when writing fails.
#include <pyro/export/file.hpp>

#include "golden.hpp"
#include "make_profile.hpp"
#include "pprof_reader.hpp"

#include <catch2/catch.hpp>

#include <dirent.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace file_test {

using namespace pyro;
using namespace pyro_test;
using strings = std::vector<std::string>;

namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t start = 1'795'529'700 * second;

/// An empty directory that goes with its content.
class directory {
 public:
  directory() {
    char name[] = "/tmp/pyro-file-test-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    path_ = name;
  }
  ~directory() { remove(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

  static strings names(const std::string& path) {
    strings out;
    if (DIR* d = ::opendir(path.c_str())) {
      while (const dirent* e = ::readdir(d))
        if (std::string(e->d_name) != "." && std::string(e->d_name) != "..") out.push_back(e->d_name);
      ::closedir(d);
    }
    std::sort(out.begin(), out.end());
    return out;
  }
  strings names() const { return names(path_); }

 private:
  static void remove(const std::string& path) {
    ::chmod(path.c_str(), 0700);
    for (const std::string& n : names(path)) remove(path + "/" + n);
    if (::unlink(path.c_str()) != 0) ::rmdir(path.c_str());
  }
  std::string path_;
};

file_options options_for(const std::string& path, file_format format = file_format::folded) {
  file_options o;
  o.path = path;
  o.format = format;
  return o;
}

/// One window with `samples` samples in one scope; 10 s each, unless told otherwise.
profile window(std::int64_t number, std::int64_t samples = 1, std::int64_t length = 10 * second) {
  profile_maker m;
  if (samples != 0) m.row({"main"}, {}, 1, samples);
  m.get().time_ns = start + number * length;
  m.get().duration_ns = length;
  return m.get();
}

mode_t mode_of(const std::string& path) {
  struct stat info {};
  REQUIRE(::lstat(path.c_str(), &info) == 0);
  return info.st_mode;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// Runs `body` in a child process and gives its exit code, or minus the signal that killed it.
template <class Body>
int in_child(Body&& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

TEST_CASE("a plain name is one file of the whole run, right after each window") {
  directory d;
  file_exporter e(options_for(d / "run.folded"));
  for (std::int64_t i = 0; i < 3; ++i) {
    REQUIRE(e.export_profile(window(i)).ok);
    REQUIRE(read_file(d / "run.folded") == "main " + std::to_string((i + 1) * 10'000'000) + "\n");
    REQUIRE(d.names() == strings{"run.folded"});
  }
  REQUIRE(e.finish().ok);
  REQUIRE((mode_of(d / "run.folded") & 0777) == 0600);
}

TEST_CASE("each format has its content") {
  directory d;
  const profile p = rideshare();
  for (const auto format : {file_format::text, file_format::folded, file_format::pprof}) {
    file_exporter e(options_for(d / "file", format));
    REQUIRE(e.export_profile(p).ok);
    const std::string content = read_file(d / "file");
    if (format == file_format::text) REQUIRE(content == golden("rideshare.txt", content));
    if (format == file_format::folded) REQUIRE(content == golden("rideshare.folded", content));
    if (format == file_format::pprof) REQUIRE(read_pprof(gunzip(content)).total(2) == p.total(2));
  }
}

TEST_CASE("%w and %n make one file a window; names sort by time") {
  directory d;
  file_exporter by_time(options_for(d / "cpu-%w.folded"));
  file_exporter by_number(options_for(d / "n%n%%"));
  for (std::int64_t i = 0; i < 3; ++i) {
    REQUIRE(by_time.export_profile(window(i, i + 1)).ok);
    REQUIRE(by_number.export_profile(window(i, i + 1)).ok);
  }
  REQUIRE(d.names() == strings{"cpu-20261124T141500Z.folded", "cpu-20261124T141510Z.folded", "cpu-20261124T141520Z.folded",
                               "n000001%", "n000002%", "n000003%"});
  REQUIRE(read_file(d / "cpu-20261124T141510Z.folded") == "main 20000000\n");
  REQUIRE(read_file(d / "n000003%") == "main 30000000\n");
}

TEST_CASE("%p and %h alone are still one file of the run") {
  directory d;
  char host[256] = "";
  REQUIRE(::gethostname(host, sizeof host) == 0);
  file_exporter e(options_for(d / "%h-%p"));
  REQUIRE(e.export_profile(window(0)).ok);
  REQUIRE(e.export_profile(window(1)).ok);
  const std::string name = std::string(host) + "-" + std::to_string(::getpid());
  REQUIRE(d.names() == strings{name});
  REQUIRE(read_file(d / name) == "main 20000000\n");
}

TEST_CASE("windows shorter than a second don't collide and still sort") {
  directory d;
  file_exporter e(options_for(d / "%w"));
  for (std::int64_t i = 0; i < 5; ++i) REQUIRE(e.export_profile(window(i, 1, second / 4)).ok);
  REQUIRE(d.names() == strings{"20261124T141500.000Z", "20261124T141500.250Z", "20261124T141500.500Z", "20261124T141500.750Z",
                               "20261124T141501.000Z"});
}

TEST_CASE("a window that begins when another did gets a name of its own") {
  directory d;
  file_exporter e(options_for(d / "%w"));
  for (int i = 0; i < 6; ++i) REQUIRE(e.export_profile(window(0)).ok);  // the clock was set back
  REQUIRE(d.names().size() == 6);
}

TEST_CASE("an unknown placeholder is an error that names it") {
  for (const std::string bad : {"%x", "%", "%d"}) {
    file_exporter e(options_for("dir/a" + bad));
    REQUIRE(has(e.error(), "\"" + bad + "\""));
    REQUIRE(has(e.error(), "dir/a" + bad));
    REQUIRE(has(e.error(), "%p (process)"));
    REQUIRE(e.export_profile(window(0)).error == e.error());
  }
  REQUIRE(has(file_exporter(options_for("")).error(), "empty"));
  REQUIRE(has(file_exporter(options_for("dir/")).error(), "directory"));
  REQUIRE(has(file_exporter(options_for(std::string("a\0b", 3))).error(), "zero byte"));
  REQUIRE(file_exporter(options_for("a%%b")).error().empty());
}

TEST_CASE("directories that are missing are made, again when someone removes them") {
  directory d;
  file_exporter e(options_for(d / "a/b/c/run.folded"));
  REQUIRE(e.export_profile(window(0)).ok);
  REQUIRE((mode_of(d / "a/b") & 0700) == 0700);
  REQUIRE(::unlink((d / "a/b/c/run.folded").c_str()) == 0);
  REQUIRE(::rmdir((d / "a/b/c").c_str()) == 0);
  REQUIRE(e.export_profile(window(1)).ok);
  REQUIRE(read_file(d / "a/b/c/run.folded") == "main 20000000\n");
}

TEST_CASE("the oldest files go when there are too many, and only those this exporter wrote") {
  directory d;
  std::ofstream(d / "0-not-ours") << "x";
  std::ofstream(d / "w-20200101T000000Z") << "of an earlier run";
  file_options o = options_for(d / "w-%w");
  o.file_count = 3;
  file_exporter e(o);
  for (std::int64_t i = 0; i < 6; ++i) REQUIRE(e.export_profile(window(i)).ok);
  REQUIRE(d.names() == strings{"0-not-ours", "w-20200101T000000Z", "w-20261124T141530Z", "w-20261124T141540Z",
                               "w-20261124T141550Z"});
}

TEST_CASE("rotation by size keeps the newest, however large it is; 0 means no limit") {
  directory d;
  file_options o = options_for(d / "%n");
  o.file_bytes = 2 * std::string("main 10000000\n").size();
  {
    file_exporter e(o);
    for (std::int64_t i = 0; i < 5; ++i) REQUIRE(e.export_profile(window(i)).ok);
    REQUIRE(d.names() == strings{"000004", "000005"});
  }
  o.file_bytes = 1;
  {
    file_exporter e(o);
    for (std::int64_t i = 0; i < 3; ++i) REQUIRE(e.export_profile(window(i)).ok);
    REQUIRE(d.names() == strings{"000003", "000004", "000005"});  // two of the first exporter, and the newest of this one
  }
  o.file_bytes = 0;
  o.file_count = 0;
  o.path = d / "all-%n";
  file_exporter e(o);
  for (std::int64_t i = 0; i < 1'200; ++i) REQUIRE(e.export_profile(window(i)).ok);
  REQUIRE(d.names().size() == 1'203);
}

TEST_CASE("an old file that cannot be removed is told once; one that was moved away is no error") {
  directory d;
  file_options o = options_for(d / "%n");
  o.file_count = 1;
  file_exporter e(o);
  REQUIRE(e.export_profile(window(0)).ok);
  REQUIRE(::unlink((d / "000001").c_str()) == 0);
  REQUIRE(e.export_profile(window(1)).ok);
  REQUIRE(::unlink((d / "000002").c_str()) == 0);
  REQUIRE(::mkdir((d / "000002").c_str(), 0700) == 0);  // unlink refuses directories
  const export_result third = e.export_profile(window(2));
  REQUIRE_FALSE(third.ok);
  REQUIRE(has(third.error, "cannot remove the old file \"" + (d / "000002")));
  REQUIRE(read_file(d / "000003") == "main 10000000\n");
  REQUIRE(e.export_profile(window(3)).ok);
  REQUIRE(read_file(d / "000004") == "main 10000000\n");  // the window whose file was written is not written again
}

TEST_CASE("idle windows make no file; the run's file is made by the first window and ends with the last") {
  directory d;
  file_exporter by_window(options_for(d / "w%n"));
  REQUIRE(by_window.export_profile(window(0, 0)).ok);
  REQUIRE(by_window.finish().ok);
  REQUIRE(d.names().empty());

  file_exporter run(options_for(d / "run", file_format::text));
  REQUIRE(run.export_profile(window(0, 0)).ok);
  REQUIRE(has(read_file(d / "run"), "nothing was measured"));
  REQUIRE(run.export_profile(window(1, 5)).ok);
  REQUIRE(has(read_file(d / "run"), "for 20.0 s"));
  REQUIRE(run.export_profile(window(2, 0)).ok);
  REQUIRE(has(read_file(d / "run"), "for 20.0 s"));
  REQUIRE(run.flush(std::chrono::steady_clock::now()));
  REQUIRE(has(read_file(d / "run"), "for 30.0 s"));
  REQUIRE(run.export_profile(window(3, 0)).ok);
  REQUIRE(run.finish().ok);
  REQUIRE(has(read_file(d / "run"), "for 40.0 s"));
}

TEST_CASE("a run that is slow to write is written less often, but always at flush and at the end") {
  directory d;
  file_exporter e(options_for(d / "run"));
  constexpr std::int64_t length = 100;  // nanoseconds: any write takes more than a hundredth of that
  REQUIRE(e.export_profile(window(0, 1, length)).ok);
  REQUIRE(e.export_profile(window(1, 1, length)).ok);
  REQUIRE(read_file(d / "run") == "main 10000000\n");
  REQUIRE(e.flush(std::chrono::steady_clock::now()));
  REQUIRE(read_file(d / "run") == "main 20000000\n");
  REQUIRE(e.export_profile(window(2, 1, length)).ok);
  REQUIRE(read_file(d / "run") == "main 20000000\n");
  REQUIRE(e.finish().ok);
  REQUIRE(read_file(d / "run") == "main 30000000\n");
}

TEST_CASE("a run that could not be written is not said to be, while its next turn is waited for") {
  directory d;
  std::ofstream(d / "file") << "in the way";
  file_exporter e(options_for(d / "file/run"));
  constexpr std::int64_t length = 100;
  const export_result first = e.export_profile(window(0, 1, length));
  REQUIRE_FALSE(first.ok);
  const export_result waits = e.export_profile(window(1, 1, length));
  REQUIRE_FALSE(waits.ok);
  REQUIRE(waits.error == first.error);
  std::remove((d / "file").c_str());
  REQUIRE(e.flush(std::chrono::steady_clock::now()));
  REQUIRE(read_file(d / "file/run") == "main 20000000\n");
  REQUIRE(e.export_profile(window(2, 1, length)).ok);
}

TEST_CASE("readers never see a part of a file") {
  directory d;
  file_exporter e(options_for(d / "run", file_format::pprof));
  REQUIRE(e.export_profile(rideshare()).ok);
  bool stop = false, whole = true;
  std::thread reader([&] {
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
      try {
        whole = whole && !read_pprof(gunzip(read_file(d / "run"))).samples.empty();
      } catch (...) {
        whole = false;
      }
    }
  });
  for (int i = 0; i < 300; ++i) {
    e.export_profile(random_profile(7, 200));
    e.flush(std::chrono::steady_clock::now());
  }
  __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
  reader.join();
  REQUIRE(whole);
  REQUIRE(d.names() == strings{"run"});
}

TEST_CASE("a failure says where, why and what to do; nothing is left behind; the next window has all of it") {
  directory d;
  std::ofstream(d / "file") << "in the way";
  for (const std::string name : {"file/run", "file/deeper/run-%n"}) {
    file_exporter e(options_for(d / name));
    const export_result r = e.export_profile(window(0, 1));
    REQUIRE_FALSE(r.ok);
    REQUIRE(has(r.error, "cannot write \"" + (d / "file/")));
    REQUIRE(has(r.error, "Not a directory; a part of the path is a file"));
    REQUIRE_FALSE(e.flush(std::chrono::steady_clock::now()));
    REQUIRE_FALSE(e.export_profile(window(1, 10)).ok);
    REQUIRE(d.names() == strings{"file"});
    REQUIRE(::rename((d / "file").c_str(), (d / "aside").c_str()) == 0);
    REQUIRE(e.export_profile(window(2, 0)).ok);
    const std::string written = name == "file/run" ? d / name : d / "file/deeper/run-000001";
    REQUIRE(read_file(written) == "main 110000000\n");
    REQUIRE(e.flush(std::chrono::steady_clock::now()));
    REQUIRE(e.finish().ok);
    REQUIRE(read_file(written) == "main 110000000\n");
    if (name != "file/run") {
      REQUIRE(e.export_profile(window(3, 1)).ok);
      REQUIRE(read_file(d / "file/deeper/run-000002") == "main 10000000\n");
      break;
    }
    REQUIRE(::unlink(written.c_str()) == 0);
    REQUIRE(::rmdir((d / "file").c_str()) == 0);
    REQUIRE(::rename((d / "aside").c_str(), (d / "file").c_str()) == 0);
  }
}

TEST_CASE("finish writes what could not be written so far") {
  directory d;
  std::ofstream(d / "file") << "in the way";
  file_exporter e(options_for(d / "file/%w"));
  REQUIRE_FALSE(e.export_profile(window(0)).ok);
  REQUIRE_FALSE(e.finish().ok);
  REQUIRE(::unlink((d / "file").c_str()) == 0);
  REQUIRE(e.finish().ok);
  REQUIRE(directory::names(d / "file") == strings{"20261124T141500Z"});
}

TEST_CASE("a directory in the place of the file is an error, and stays") {
  directory d;
  REQUIRE(::mkdir((d / "run").c_str(), 0700) == 0);
  file_exporter e(options_for(d / "run"));
  REQUIRE(has(e.export_profile(window(0)).error, "add a file name"));
  REQUIRE(d.names() == strings{"run"});
  REQUIRE(S_ISDIR(mode_of(d / "run")));
}

TEST_CASE("without permission: an error, no file") {
  directory d;
  REQUIRE(::chmod((d / "").c_str(), 0555) == 0);
  REQUIRE(in_child([&] {
            if (::geteuid() == 0 && ::seteuid(65534) != 0) return 1;
            file_exporter e(options_for(d / "run"));
            const export_result r = e.export_profile(window(0));
            return !r.ok && has(r.error, "Permission denied; give this process permission") ? 0 : 2;
          }) == 0);
  REQUIRE(d.names().empty());
}

TEST_CASE("a full device is an error, and stays a device") {
  file_exporter e(options_for("/dev/full"));
  const export_result r = e.export_profile(window(0));
  REQUIRE_FALSE(r.ok);
  REQUIRE(has(r.error, "cannot write \"/dev/full\": No space left on device; free some space"));
  REQUIRE(S_ISCHR(mode_of("/dev/full")));
  REQUIRE(file_exporter(options_for("/dev/null")).export_profile(window(0)).ok);
  REQUIRE(S_ISCHR(mode_of("/dev/null")));
}

TEST_CASE("/dev/stdout and its like are written to even where a plain file is behind them") {
  directory d;
  const int fd = ::open((d / "redirected").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  REQUIRE(fd >= 0);
  for (const std::string prefix : {"/dev/fd/", "/proc/self/fd/"}) {
    file_exporter e(options_for(prefix + std::to_string(fd)));
    REQUIRE(e.export_profile(window(0)).error == "");
  }
  ::close(fd);
  REQUIRE(read_file(d / "redirected") == "main 10000000\nmain 10000000\n");
}

TEST_CASE("a pipe is written to, and not replaced; without a reader it is an error at once") {
  directory d;
  REQUIRE(::mkfifo((d / "pipe").c_str(), 0600) == 0);
  file_exporter e(options_for(d / "pipe"));
  REQUIRE_FALSE(e.export_profile(window(0)).ok);
  const int reader = ::open((d / "pipe").c_str(), O_RDONLY | O_NONBLOCK);
  REQUIRE(e.export_profile(window(1)).ok);
  char buffer[100];
  REQUIRE(std::string(buffer, static_cast<std::size_t>(::read(reader, buffer, sizeof buffer))) == "main 20000000\n");
  ::close(reader);
  REQUIRE(S_ISFIFO(mode_of(d / "pipe")));
}

TEST_CASE("a limit of file sizes: an error and no SIGXFSZ, the old file is still there") {
  directory d;
  const int code = in_child([&] {
    std::signal(SIGXFSZ, SIG_DFL);
    file_exporter e(options_for(d / "run"));
    if (!e.export_profile(window(0)).ok) return 1;
    const rlimit small{20, 20};
    if (::setrlimit(RLIMIT_FSIZE, &small) != 0) return 2;
    const export_result r = e.export_profile(random_profile(3));
    if (r.ok || !has(r.error, "ulimit -f")) return 3;
    sigset_t pending;
    ::sigpending(&pending);
    return ::sigismember(&pending, SIGXFSZ) == 0 ? 0 : 4;
  });
  REQUIRE(code == 0);
  REQUIRE(d.names() == strings{"run"});
  REQUIRE(read_file(d / "run") == "main 10000000\n");
}

TEST_CASE("without descriptors: an error; descriptors are not leaked") {
  directory d;
  REQUIRE(in_child([&] {
            file_exporter e(options_for(d / "run"));
            if (!e.export_profile(window(0)).ok) return 1;
            const int next = ::dup(0);
            ::close(next);
            for (std::int64_t i = 0; i < 50; ++i)
              if (!e.export_profile(window(i)).ok) return 2;
            const int after = ::dup(0);
            ::close(after);
            if (after != next) return 3;
            const rlimit none{0, 0};
            ::setrlimit(RLIMIT_NOFILE, &none);
            const export_result r = e.export_profile(window(0));
            return !r.ok && has(r.error, "ulimit -n") ? 0 : 4;
          }) == 0);
}

TEST_CASE("files left by a process that was killed are not in the way, nor removed") {
  directory d;
  const std::string left = ".pyro-" + std::to_string(::getpid()) + "-0.tmp";
  std::ofstream(d / left) << "half";
  file_exporter e(options_for(d / "run"));
  REQUIRE(e.export_profile(window(0)).ok);
  REQUIRE(d.names() == strings{left, "run"});
}

TEST_CASE("sync writes the same file") {
  directory d;
  file_options o = options_for(d / "run");
  o.sync = true;
  REQUIRE(file_exporter(o).export_profile(window(0)).ok);
  REQUIRE(read_file(d / "run") == "main 10000000\n");
}

TEST_CASE("a child of fork writes neither the parent's windows nor over its file, and removes none") {
  directory d;
  file_options o = options_for(d / "%p-%n");
  o.file_count = 1;
  file_exporter rotating(o), plain(options_for(d / "run")), per_process(options_for(d / "of-%p"));
  REQUIRE(rotating.export_profile(window(0, 1)).ok);
  REQUIRE(plain.export_profile(window(0, 1)).ok);
  REQUIRE(per_process.export_profile(window(0, 1)).ok);
  REQUIRE(in_child([&] {
            if (plain.after_fork() || !rotating.after_fork() || !per_process.after_fork()) return 1;
            if (!rotating.export_profile(window(1, 5)).ok || !per_process.export_profile(window(1, 5)).ok) return 2;
            return read_file(d / ("of-" + std::to_string(::getpid()))) == "main 50000000\n" ? 0 : 3;
          }) == 0);
  REQUIRE(in_child([&] {  // the same where nobody told it of the fork
            if (!per_process.export_profile(window(1, 5)).ok) return 2;
            return read_file(d / ("of-" + std::to_string(::getpid()))) == "main 50000000\n" ? 0 : 3;
          }) == 0);
  REQUIRE(d.names().size() == 6);
  REQUIRE(read_file(d / "run") == "main 10000000\n");
}

TEST_CASE("a very long name is an error, a name of 255 bytes is not") {
  directory d;
  REQUIRE(file_exporter(options_for(d / std::string(255, 'n'))).export_profile(window(0)).ok);
  const export_result r = file_exporter(options_for(d / std::string(256, 'n'))).export_profile(window(0));
  REQUIRE(has(r.error, "shorten the name"));
  REQUIRE(d.names().size() == 1);
}

TEST_CASE("a run past its limits still has all of its time") {
  directory d;
  file_options o = options_for(d / "run");
  o.limits.rows = 10;
  file_exporter e(o);
  std::int64_t total = 0;
  for (std::uint32_t i = 0; i < 10; ++i) {
    const profile p = random_profile(i);
    total += p.total(2);
    REQUIRE(e.export_profile(p).ok);
  }
  std::int64_t sum = 0;
  const std::string text = read_file(d / "run");
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1)
    sum += std::stoll(text.substr(text.rfind(' ', text.find('\n', at)) + 1));
  REQUIRE(sum == total);
  REQUIRE(has(text, "[other] "));
}

}  // namespace file_test
