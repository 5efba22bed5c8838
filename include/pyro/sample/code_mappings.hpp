#pragma once
// Which files' code is mapped, and whether that has changed: /proc/self/maps (proc(5)). Not by dl_iterate_phdr: that takes the loader's
// lock, which plugins' constructors may hold for long, and which a forked child may find held for ever. One thread at a time; not signal
// safe.
//
// Maps that change while they are read may show up torn; then the next reading differs, and is right.

#include <pyro/core/abi.hpp>

#include <cerrno>     // ENOENT
#include <cstdint>    // fixed-width integers
#include <cstring>    // memchr, memmove
#include <fcntl.h>    // open
#include <string>
#include <sys/ioctl.h>
#include <unistd.h>   // read
#include <vector>

namespace pyro {
namespace sampling PYRO_HIDDEN {

/// A module's code: from its first executable mapping to its last.
struct code_mapping {
  std::uint64_t lo = 0, hi = 0;
  std::uint64_t lowest = 0;       ///< where its file is mapped from the beginning; 0: nowhere
  std::uint64_t file_offset = 0;  ///< of `lo`
  std::uint64_t file = 0;         ///< a hash of device, inode and path
  std::string path;

  bool same_as(const code_mapping& o) const noexcept {
    return lo == o.lo && hi == o.hi && lowest == o.lowest && file_offset == o.file_offset && file == o.file;
  }
};

class code_mappings {
 public:
  /// Whether code has been mapped or unmapped since the last `read`. Allocates nothing.
  bool changed() noexcept {
    std::uint64_t now = hash_start;
    if (ask_kernel(now)) return now != quick_hash_;
    now = hash_start;
    return !for_each_line([&](const line& l) { now = add_to_hash(now, l); }) ? false : now != hash_;
  }

  /// What is mapped now, in the order of addresses. Keeps what it had where /proc can't be read.
  const std::vector<code_mapping>& read() {
    std::vector<code_mapping> found;
    std::uint64_t quick = hash_start;  // before: what changes meanwhile is seen the next time
    ask_kernel(quick);
    std::uint64_t now = hash_start;
    std::uint64_t lowest = 0, lowest_file = 0;
    const bool done = for_each_line([&](const line& l) {
      now = add_to_hash(now, l);
      if (l.path == nullptr) return;
      const std::uint64_t file = hash_of(l.identity, l.end, hash_start);
      if (l.offset == 0) {
        lowest = l.low;
        lowest_file = file;
      }
      if (!l.executable) return;
      const std::uint64_t begin = lowest_file == file ? lowest : 0;
      if (!found.empty() && found.back().file == file && found.back().lowest == begin) {
        found.back().hi = l.high;
      } else {
        found.emplace_back();
        code_mapping& m = found.back();
        m.lo = l.low;
        m.hi = l.high;
        m.lowest = begin;
        m.file_offset = l.offset;
        m.file = file;
        m.path.assign(l.path, l.end);
      }
    });
    if (done) {
      found_.swap(found);
      hash_ = now;
      quick_hash_ = quick;
    }
    return found_;
  }

  /// `changed` will say yes.
  void look_again() noexcept { hash_ = quick_hash_ = 0; }

 private:
  static constexpr std::uint64_t hash_start = 0xcbf29ce484222325ULL;  // FNV-1a

  struct line {
    const char* begin;
    const char* end;
    std::uint64_t low, high, offset;
    const char* identity;  ///< device, inode, path
    const char* path;      ///< null where no file is mapped
    bool executable;
  };

  static std::uint64_t hash_of(const char* begin, const char* end, std::uint64_t hash) noexcept {
    for (; begin != end; ++begin) hash = (hash ^ static_cast<unsigned char>(*begin)) * 0x100000001b3ULL;
    return hash;
  }
  static std::uint64_t add_to_hash(std::uint64_t hash, const line& l) noexcept {
    return l.executable && l.path != nullptr ? hash_of(l.begin, l.end, hash) : hash;
  }

  static std::uint64_t hex(const char*& at, const char* end) noexcept {
    std::uint64_t value = 0;
    for (; at != end; ++at) {
      const char c = *at;
      const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
      if (digit < 0) break;
      value = value << 4 | static_cast<unsigned>(digit);
    }
    return value;
  }

  /// Adds the mappings of files' code to a hash without having the rest of them printed: PROCMAP_QUERY (include/uapi/linux/fs.h), Linux 6.11.
  /// Programs with ten thousand mappings have some dozens of those. False where the kernel does not know it.
  static bool ask_kernel(std::uint64_t& hash) noexcept {
    struct query {
      std::uint64_t size, flags, address;
      std::uint64_t begin, end, access, page_size, offset, inode;
      std::uint32_t major, minor, name_size, build_id_size;
      std::uint64_t name, build_id;
    };
    constexpr std::uint64_t executable = 4, this_or_next = 16, of_file = 32;
    const descriptor file;
    if (file.fd < 0) return false;
    for (std::uint64_t from = 0;;) {
      query q{};
      q.size = sizeof q;
      q.flags = executable | this_or_next | of_file;
      q.address = from;
      if (::ioctl(file.fd, _IOWR('f', 17, query), &q) != 0) return errno == ENOENT && from != 0;
      for (const std::uint64_t word : {q.begin, q.end, q.offset, q.inode, std::uint64_t{q.major} << 32 | q.minor})
        hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
      hash ^= hash >> 29;
      from = q.end;
    }
  }

  /// "55d0-55d4 r-xp 00001000 fe:01 1234   /usr/bin/x"
  static bool parse(const char* begin, const char* end, line& l) noexcept {
    const char* at = begin;
    l.begin = begin;
    l.end = end;
    l.low = hex(at, end);
    if (at == end || *at++ != '-') return false;
    l.high = hex(at, end);
    if (end - at < 7 || *at != ' ') return false;
    l.executable = at[3] == 'x';
    at += 6;
    l.offset = hex(at, end);
    if (at == end || *at++ != ' ') return false;
    l.identity = at;
    const void* slash = std::memchr(at, '/', static_cast<std::size_t>(end - at));
    const void* bracket = std::memchr(at, '[', static_cast<std::size_t>(end - at));  // "[vdso]", "[anon:a/b]"
    l.path = bracket != nullptr && (slash == nullptr || bracket < slash) ? nullptr : static_cast<const char*>(slash);
    return l.low < l.high;
  }

  /// False where the maps can't be read.
  template <class Visit>
  bool for_each_line(Visit&& visit) noexcept(noexcept(visit(line()))) {
    const descriptor file;
    if (file.fd < 0) return false;
    std::size_t kept = 0;
    bool skipping = false;  // the rest of a line that is longer than the buffer: no path of a module is
    for (ssize_t n; (n = ::read(file.fd, buffer_ + kept, sizeof buffer_ - kept)) > 0;) {
      const char* begin = buffer_;
      const char* const end = buffer_ + kept + n;
      while (const void* newline = std::memchr(begin, '\n', static_cast<std::size_t>(end - begin))) {
        line l{};
        if (!skipping && parse(begin, static_cast<const char*>(newline), l)) visit(l);
        skipping = false;
        begin = static_cast<const char*>(newline) + 1;
      }
      kept = static_cast<std::size_t>(end - begin);
      if (kept == sizeof buffer_) {
        kept = 0;
        skipping = true;
      }
      std::memmove(buffer_, begin, kept);
    }
    return true;
  }

  // Opened anew each time: kept open, it would be the parent's maps in a forked child.
  struct descriptor {
    const int fd = ::open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    descriptor() noexcept = default;
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    ~descriptor() {
      if (fd >= 0) ::close(fd);
    }
  };

  std::vector<code_mapping> found_;
  std::uint64_t hash_ = 0, quick_hash_ = 0;
  char buffer_[16384];
};

}  // namespace sampling
}  // namespace pyro
