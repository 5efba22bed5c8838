#pragma once
// Profile files: finding them, reading them, saying what is wrong with them. One thread. POSIX.

#include "subcommands.hpp"
#include "terminal.hpp"

#include <pyro/encode/folded_decoder.hpp>
#include <pyro/encode/pprof_decoder.hpp>
#include <pyro/encode/zlib.hpp>

#include <algorithm>   // sort
#include <filesystem>  // directories
#include <string>      // paths, bytes
#include <vector>      // files

#include <fcntl.h>     // open
#include <sys/stat.h>  // fstat

namespace pyro::command {

constexpr std::size_t most_file_bytes = std::size_t{512} << 20U;

inline bool ends_with(std::string_view text, std::string_view end) { return text.size() >= end.size() && text.substr(text.size() - end.size()) == end; }

/// What a directory's file is taken for, by its name. What is named one by one is always read.
enum class name_kind { none, folded, pprof };
inline name_kind kind_by_name(std::string_view name) {
  if (name.empty() || name[0] == '.') return name_kind::none;
  for (const std::string_view end : {".pb.gz", ".pb", ".pprof", ".pprof.gz", ".prof"})
    if (ends_with(name, end)) return name_kind::pprof;
  for (const std::string_view end : {".folded", ".collapsed"})
    if (ends_with(name, end)) return name_kind::folded;
  return name_kind::none;
}

/// All files that the paths mean: directories stand for the profiles below them, sorted by name; `-` is standard input. Where a directory has
/// pprof files its folded ones are left out: they are most likely the same profiles once more, without types, tags and times.
inline std::vector<std::string> find_files(const std::vector<std::string>& paths) {
  namespace fs = std::filesystem;
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code error;
    if (path == "-" || !fs::is_directory(path, error)) {
      files.push_back(path);
      continue;
    }
    const std::size_t before = files.size();
    fs::recursive_directory_iterator at(path, fs::directory_options::skip_permission_denied, error), end;
    std::vector<std::string> folded;
    for (; !error && at != end; at.increment(error)) {
      std::error_code ignored;
      const name_kind kind = kind_by_name(at->path().filename().native());
      if (kind != name_kind::none && at->is_regular_file(ignored)) (kind == name_kind::pprof ? files : folded).push_back(at->path().native());
    }
    if (files.size() == before) files.insert(files.end(), folded.begin(), folded.end());
    if (error) throw failure("\"" + shown(path) + "\": the directory cannot be read: " + error.message());
    if (files.size() == before)
      throw failure("\"" + shown(path) + "\": no profile in this directory; taken are *.pb.gz, *.pb, *.pprof, *.prof, *.folded, *.collapsed: name other files one by one");
    std::sort(files.begin() + static_cast<std::ptrdiff_t>(before), files.end());
  }
  return files;
}

/// For messages.
inline std::string name_of_input(const std::string& path) { return path == "-" ? "standard input" : "\"" + shown(path) + "\""; }

inline std::string read_bytes(const std::string& path) {
  const bool standard = path == "-";
  const int fd = standard ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) throw failure(name_of_input(path) + ": cannot be opened: " + detail::error_text(errno));
  if (standard && ::isatty(fd)) throw failure("standard input is a terminal: pipe a profile into it, or name a file");
  std::string bytes;
  int error = 0;
  struct stat info {};
  if (::fstat(fd, &info) == 0 && S_ISDIR(info.st_mode)) error = EISDIR;
  if (error == 0 && S_ISREG(info.st_mode) && info.st_size > 0 && static_cast<std::uint64_t>(info.st_size) <= most_file_bytes) bytes.reserve(static_cast<std::size_t>(info.st_size) + 1);
  constexpr std::size_t step = std::size_t{1} << 18U;
  std::size_t size = 0;
  while (error == 0 && size <= most_file_bytes) {
    if (bytes.size() < size + step) bytes.resize(size + step);
    const ssize_t got = ::read(fd, &bytes[size], step);
    if (got < 0 && errno != EINTR) error = errno;
    if (got == 0) break;
    if (got > 0) size += static_cast<std::size_t>(got);
  }
  if (!standard) ::close(fd);
  if (error != 0) throw failure(name_of_input(path) + ": cannot be read: " + detail::error_text(error));
  if (size > most_file_bytes) throw failure(name_of_input(path) + ": is larger than " + std::to_string(most_file_bytes >> 20U) + " MiB: too large for a profile");
  bytes.resize(size);
  return bytes;
}

/// What to do about a file that is no profile, by what it looks like.
inline std::string hint_for(std::string_view bytes) {
  const auto begins = [&bytes](std::string_view with) { return bytes.substr(0, with.size()) == with; };
  if (begins("\x7f" "ELF")) return "this is a program: run it with PYRO=pprof:profile.pb.gz and read that file";
  if (begins("PERFILE2")) return "this is a recording of perf: convert it first (perf script | stackcollapse-perf.pl > profile.folded)";
  if (begins("<!DOCTYPE") || begins("<!doctype") || begins("<html")) return "this is a web page: a report, or a server's answer; keep the .pb.gz beside it";
  if (begins("{")) return "this is JSON; pprof (.pb.gz) and folded stacks are read";
  if (begins("PK")) return "this is a zip archive: unpack it first";
  return "pprof (plain or gzip) and folded stacks are read";
}

/// Folded stacks are text whose first line ends with a number. Anything else is taken for pprof.
inline bool looks_folded(std::string_view bytes) {
  std::string_view line = bytes.substr(0, bytes.find('\n'));
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  const std::size_t space = line.rfind(' ');
  if (space == std::string_view::npos || space == 0 || space + 1 == line.size()) return false;
  for (const char c : line.substr(space + 1))
    if ((c < '0' || c > '9') && c != '.') return false;
  for (const char c : line)
    if (static_cast<unsigned char>(c) < 0x20 && c != '\t') return false;
  return true;
}

/// `type`: what is asked for. Folded stacks don't say what their numbers are; with `cpu` they are nanoseconds, as pyro writes them.
inline profile read_profile(const std::string& path, const std::string& type = {}) {
  const std::string bytes = read_bytes(path);
  if (bytes.empty()) throw failure(name_of_input(path) + ": is empty: was the program stopped before its first window ended?");
  const bool folded = looks_folded(bytes);
  decode_result result = folded ? decode_folded(bytes) : decode_pprof(bytes);
  if (result && folded && type == "cpu") result.value.sample_types = {{"cpu", "nanoseconds"}};
  if (!result) throw failure(name_of_input(path) + ": " + result.error + "; " + hint_for(bytes));
  return std::move(result.value);
}

/// Reads file after file, with progress, and hands each to `take(profile, path)`.
template <class Take>
void for_each_profile(const std::vector<std::string>& files, Take&& take, const std::string& type = {}) {
  progress shown_progress(files.size(), "files");
  for (const std::string& file : files) {
    take(read_profile(file, type), file);
    shown_progress.step();
  }
}

}  // namespace pyro::command
