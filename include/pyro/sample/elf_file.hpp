#pragma once
// Reads ELF files (elf(5)), whoever wrote them: each offset and size is checked, and nothing is mapped, so that a file which is cut short
// while it is read gives an error and not a SIGBUS. 64 bits, this machine's byte order. Worker only; not signal safe.
//
//   elf_source ─ bytes: a file through pread, or text in memory (the vDSO, tests)
//   elf_file   ─ headers, sections, build id, the link to a separate debug file

#include <pyro/platform/modules.hpp>

#include <algorithm>   // min
#include <cstdint>     // fixed-width integers
#include <cstring>     // memcpy
#include <elf.h>       // the format
#include <fcntl.h>     // open
#include <string>
#include <string_view>
#include <sys/stat.h>  // fstat
#include <unistd.h>    // pread
#include <utility>     // exchange
#include <vector>

namespace pyro {
namespace sampling PYRO_HIDDEN {

/// Bytes at offsets. A file's size is that of when it was opened; reading past what is there now fails.
class elf_source {
 public:
  elf_source() noexcept = default;
  /// Text that outlives this source.
  explicit elf_source(std::string_view text) noexcept : text_(text), size_(text.size()) {}
  /// A regular file; `good()` says whether there is one.
  explicit elf_source(const std::string& path) noexcept {
    // Not blocked by a pipe that has taken the file's place.
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return;
    struct stat s;
    if (::fstat(fd, &s) == 0 && S_ISREG(s.st_mode) && s.st_size > 0) {
      fd_ = fd;
      size_ = static_cast<std::uint64_t>(s.st_size);
      identity_ = {static_cast<std::uint64_t>(s.st_dev), static_cast<std::uint64_t>(s.st_ino), size_,
                   static_cast<std::int64_t>(s.st_mtim.tv_sec), static_cast<std::int64_t>(s.st_mtim.tv_nsec)};
    } else {
      ::close(fd);
    }
  }
  elf_source(elf_source&& other) noexcept { swap(other); }
  elf_source& operator=(elf_source&& other) noexcept {
    swap(other);
    return *this;
  }
  ~elf_source() {
    if (fd_ >= 0) ::close(fd_);
  }

  bool good() const noexcept { return size_ != 0; }
  std::uint64_t size() const noexcept { return size_; }
  bool has(std::uint64_t offset, std::uint64_t size) const noexcept { return offset <= size_ && size <= size_ - offset; }

  /// All of [offset, offset + size), or false.
  bool read_at(std::uint64_t offset, void* into, std::size_t size) const noexcept {
    if (!has(offset, size)) return false;
    if (size == 0) return true;
    if (fd_ < 0) {
      std::memcpy(into, text_.data() + offset, size);
      return true;
    }
    for (std::size_t done = 0; done < size;) {  // one call reads 2 GiB at most
      const ssize_t n = ::pread(fd_, static_cast<char*>(into) + done, size - done, static_cast<off_t>(offset + done));
      if (n <= 0) return false;
      done += static_cast<std::size_t>(n);
    }
    return true;
  }

  /// Tells a file from one that has taken its place, or that has been written to.
  struct identity {
    std::uint64_t device = 0, inode = 0, size = 0;
    std::int64_t seconds = 0, nanoseconds = 0;
    bool operator==(const identity& o) const noexcept {
      return device == o.device && inode == o.inode && size == o.size && seconds == o.seconds && nanoseconds == o.nanoseconds;
    }
  };
  const identity& id() const noexcept { return identity_; }

 private:
  void swap(elf_source& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(text_, other.text_);
    std::swap(size_, other.size_);
    std::swap(identity_, other.identity_);
  }

  int fd_ = -1;
  std::string_view text_;
  std::uint64_t size_ = 0;
  identity identity_;
};

using elf_header = Elf64_Ehdr;
using elf_segment = Elf64_Phdr;
using elf_section = Elf64_Shdr;
using elf_symbol = Elf64_Sym;

/// Whether `header` begins a 64-bit executable or shared object of this machine's byte order.
inline bool is_elf_module(const elf_header& header) noexcept {
  constexpr unsigned char order = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
  return std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 && header.e_ident[EI_CLASS] == ELFCLASS64 &&
         header.e_ident[EI_DATA] == order && (header.e_type == ET_EXEC || header.e_type == ET_DYN);
}

/// Longer ids are nobody's (20 bytes are usual), and make file names that are too long.
inline constexpr std::size_t most_build_id_digits = 128;

class elf_file {
 public:
  elf_file() = default;
  explicit elf_file(elf_source source) : source_(std::move(source)) { good_ = read_headers(); }

  bool good() const noexcept { return good_; }
  const elf_source& source() const noexcept { return source_; }
  const elf_header& header() const noexcept { return header_; }
  const std::vector<elf_segment>& segments() const noexcept { return segments_; }
  const std::vector<elf_section>& sections() const noexcept { return sections_; }

  /// The section's bytes; false where it has none in the file, more than `most`, or the file ends before.
  bool read(const elf_section& section, std::string& bytes, std::size_t most) const {
    if (section.sh_type == SHT_NOBITS || section.sh_size > most || !source_.has(section.sh_offset, section.sh_size)) return false;
    bytes.resize(section.sh_size);
    return source_.read_at(section.sh_offset, &bytes[0], bytes.size());
  }

  std::string_view name_of(const elf_section& section) const noexcept {
    if (section.sh_name >= names_.size()) return {};
    return names_.c_str() + section.sh_name;  // ends at a zero, at the last at that of c_str()
  }
  const elf_section* find(std::string_view name) const noexcept {
    for (const elf_section& s : sections_)
      if (name_of(s) == name) return &s;
    return nullptr;
  }
  /// The first section of a type, such as SHT_SYMTAB.
  const elf_section* find(std::uint32_t type) const noexcept {
    for (const elf_section& s : sections_)
      if (s.sh_type == type) return &s;
    return nullptr;
  }

  /// Lower-case hex; empty where there is none. From the sections first: in a separate debug file the segments' offsets mean nothing.
  std::string build_id() const {
    for (const elf_section& s : sections_) {
      if (s.sh_type != SHT_NOTE) continue;
      std::string id = id_in_notes(s.sh_offset, s.sh_size, s.sh_addralign);
      if (!id.empty()) return id;
    }
    for (const elf_segment& s : segments_) {
      if (s.p_type != PT_NOTE) continue;
      std::string id = id_in_notes(s.p_offset, s.p_filesz, s.p_align);
      if (!id.empty()) return id;
    }
    return {};
  }

  struct debug_link {
    std::string name;  ///< of a file, without a folder; empty: there is no link
    std::uint32_t crc = 0;
  };
  /// .gnu_debuglink: the name, zeros up to a multiple of four, the checksum of the file.
  debug_link link() const {
    const elf_section* section = find(".gnu_debuglink");
    std::string bytes;
    if (section == nullptr || !read(*section, bytes, 4096)) return {};
    const std::size_t length = bytes.find('\0');
    if (length == std::string::npos || length == 0) return {};
    const std::size_t crc_at = (length + 4) / 4 * 4;
    debug_link found;
    if (bytes.size() < crc_at + sizeof found.crc || bytes.find('/') < length) return {};
    std::memcpy(&found.crc, bytes.data() + crc_at, sizeof found.crc);
    found.name = bytes.substr(0, length);
    return found;
  }

 private:
  static constexpr std::size_t most_segments = 65535;
  static constexpr std::size_t most_sections = 65536;  // linked files have dozens
  static constexpr std::size_t most_section_names = std::size_t{4} << 20;
  static constexpr std::size_t most_notes = 65536;

  bool read_headers() {
    if (!source_.read_at(0, &header_, sizeof header_) || !is_elf_module(header_)) return false;
    if (header_.e_phnum != 0 && header_.e_phentsize == sizeof(elf_segment) && header_.e_phnum <= most_segments)
      read_table(header_.e_phoff, header_.e_phnum, segments_);
    read_sections();
    return true;
  }

  /// A file without sections is good: it may have a build id in its segments.
  void read_sections() {
    elf_section first;  // has the numbers that do not fit the header
    if (header_.e_shoff == 0 || header_.e_shentsize != sizeof first || !source_.read_at(header_.e_shoff, &first, sizeof first)) return;
    const std::uint64_t count = header_.e_shnum != 0 ? header_.e_shnum : first.sh_size;
    if (count > most_sections || !read_table(header_.e_shoff, count, sections_)) return;
    const std::uint64_t names = header_.e_shstrndx != SHN_XINDEX ? header_.e_shstrndx : first.sh_link;
    if (names >= sections_.size() || !read(sections_[names], names_, most_section_names)) names_.clear();
  }

  template <typename Entry>
  bool read_table(std::uint64_t offset, std::uint64_t count, std::vector<Entry>& table) {
    if (!source_.has(offset, count * sizeof(Entry))) return false;  // count is small: no overflow
    table.resize(count);
    if (source_.read_at(offset, table.data(), count * sizeof(Entry))) return true;
    table.clear();
    return false;
  }

  std::string id_in_notes(std::uint64_t offset, std::uint64_t size, std::uint64_t alignment) const {
    if (size > most_notes || !source_.has(offset, size)) return {};
    std::vector<unsigned char> notes(size);
    if (!source_.read_at(offset, notes.data(), notes.size())) return {};
    std::string id = platform::build_id_in(notes, alignment == 8 ? 8 : 4);
    return id.size() <= most_build_id_digits ? id : std::string();
  }

  elf_source source_;
  bool good_ = false;
  elf_header header_{};
  std::vector<elf_segment> segments_;
  std::vector<elf_section> sections_;
  std::string names_;
};

}  // namespace sampling
}  // namespace pyro
