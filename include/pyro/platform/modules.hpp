#pragma once
// The modules that the process has loaded, with their build ids, for the mappings of a profile. Called by the worker; not signal safe.
//
// Read from /proc/self/maps and the files themselves, not by dl_iterate_phdr: that takes the loader's lock, which the C library does
// not reset in a forked child, and which a program may hold for long (constructors of a plugin). Formats: proc(5), elf(5).

#include <pyro/core/abi.hpp>

#include <climits>   // PATH_MAX
#include <cstdint>   // fixed-width integers
#include <cstdio>    // sscanf
#include <cstring>   // memcmp
#include <elf.h>     // notes
#include <fcntl.h>   // open
#include <link.h>    // ElfW
#include <map>       // build ids that are known
#include <string>
#include <unistd.h>  // read, readlink
#include <vector>

namespace pyro {
namespace platform PYRO_HIDDEN {

struct loaded_module {
  std::string path;
  std::string build_id;  ///< lower-case hex; empty where the module has none
  std::uint64_t start = 0;        ///< of the executable segment
  std::uint64_t limit = 0;
  std::uint64_t file_offset = 0;
  std::uint64_t lowest = 0;       ///< of the whole image, data included: sites and literals lie there
  std::uint64_t highest = 0;
};

/// The running program's file.
inline std::string program_path() {
  char buffer[PATH_MAX];
  const ssize_t n = ::readlink("/proc/self/exe", buffer, sizeof buffer);
  return n > 0 ? std::string(buffer, static_cast<std::size_t>(n)) : std::string("[program]");
}

/// A descriptor that closes itself.
class file_descriptor {
 public:
  explicit file_descriptor(const char* path) noexcept : fd_(::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~file_descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  file_descriptor(const file_descriptor&) = delete;
  file_descriptor& operator=(const file_descriptor&) = delete;

  bool read_at(std::uint64_t offset, void* into, std::size_t size) const noexcept {
    return fd_ >= 0 && ::pread(fd_, into, size, static_cast<off_t>(offset)) == static_cast<ssize_t>(size);
  }
  std::string read_all() const {
    std::string text;
    char buffer[4096];
    for (ssize_t n; fd_ >= 0 && (n = ::read(fd_, buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<std::size_t>(n));
    return text;
  }

 private:
  int fd_;
};

/// The GNU build id in a segment of notes, as hex.
inline std::string build_id_in(const std::vector<unsigned char>& notes, std::size_t alignment) {
  const auto aligned = [alignment](std::size_t n) { return (n + alignment - 1) / alignment * alignment; };
  for (std::size_t at = 0; at + sizeof(ElfW(Nhdr)) <= notes.size();) {
    ElfW(Nhdr) header;
    std::memcpy(&header, notes.data() + at, sizeof header);
    const std::size_t name = at + sizeof header;
    const std::size_t description = name + aligned(header.n_namesz);
    if (description > notes.size() || header.n_descsz > notes.size() - description) break;
    if (header.n_type == NT_GNU_BUILD_ID && header.n_namesz == 4 && std::memcmp(notes.data() + name, "GNU", 4) == 0) {
      std::string hex;
      for (std::size_t i = 0; i < header.n_descsz; ++i) {
        hex += "0123456789abcdef"[notes[description + i] >> 4];
        hex += "0123456789abcdef"[notes[description + i] & 15];
      }
      return hex;
    }
    at = description + aligned(header.n_descsz);
  }
  return {};
}

/// The build id of an ELF file of this machine's kind; empty where it has none or can't be read.
inline std::string build_id_of_file(const std::string& path) {
  const file_descriptor file(path.c_str());
  ElfW(Ehdr) header;
  if (!file.read_at(0, &header, sizeof header) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
      header.e_phentsize != sizeof(ElfW(Phdr)))
    return {};
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    ElfW(Phdr) segment;
    if (!file.read_at(header.e_phoff + i * sizeof segment, &segment, sizeof segment)) return {};
    if (segment.p_type != PT_NOTE || segment.p_filesz > 65536) continue;
    std::vector<unsigned char> notes(segment.p_filesz);
    if (!file.read_at(segment.p_offset, notes.data(), notes.size())) return {};
    std::string id = build_id_in(notes, segment.p_align == 8 ? 8 : 4);
    if (!id.empty()) return id;
  }
  return {};
}

class module_list {
 public:
  /// The modules now loaded, the main program first, as pprof wants it.
  const std::vector<loaded_module>& refresh() {
    modules_.clear();
    const std::string program = program_path();
    const std::string maps = file_descriptor("/proc/self/maps").read_all();
    for (std::size_t begin = 0; begin < maps.size();) {
      const std::size_t end = maps.find('\n', begin);
      add_line(maps.substr(begin, end == std::string::npos ? end : end - begin));
      begin = end == std::string::npos ? maps.size() : end + 1;
    }
    std::vector<loaded_module> executable;
    for (loaded_module& m : modules_)
      if (m.limit != 0) executable.insert(m.path == program ? executable.begin() : executable.end(), m);
    modules_.swap(executable);
    for (loaded_module& m : modules_) m.build_id = known_build_id(m.path);
    return modules_;
  }

  /// Place of the module that `address` lies in; the main program's where it lies in none.
  std::uint32_t find(const void* address) const noexcept {
    const auto a = reinterpret_cast<std::uintptr_t>(address);
    for (std::size_t i = 0; i < modules_.size(); ++i)
      if (a >= modules_[i].lowest && a < modules_[i].highest) return static_cast<std::uint32_t>(i);
    return 0;
  }

 private:
  /// "55d0-55d4 r-xp 00001000 fe:01 1234   /usr/bin/x"
  void add_line(const std::string& line) {
    unsigned long long low = 0, high = 0, offset = 0;
    char access[5] = "";
    int path_at = 0;
    if (line.find('/') == std::string::npos) return;  // most mappings of a large program
    if (std::sscanf(line.c_str(), "%llx-%llx %4s %llx %*s %*s %n", &low, &high, access, &offset, &path_at) < 4) return;
    if (path_at == 0 || line[static_cast<std::size_t>(path_at)] != '/') return;
    const std::string path = line.substr(static_cast<std::size_t>(path_at));
    if (modules_.empty() || modules_.back().path != path) {
      modules_.emplace_back();
      modules_.back().path = path;
      modules_.back().lowest = low;
    }
    loaded_module& m = modules_.back();
    m.highest = high;
    if (access[2] != 'x') return;
    if (m.limit == 0) {
      m.start = low;
      m.file_offset = offset;
    }
    m.limit = high;
  }

  const std::string& known_build_id(const std::string& path) {
    const auto known = build_ids_.find(path);
    return known != build_ids_.end() ? known->second : build_ids_.emplace(path, build_id_of_file(path)).first->second;
  }

  std::vector<loaded_module> modules_;
  std::map<std::string, std::string> build_ids_;
};

}  // namespace platform
}  // namespace pyro
