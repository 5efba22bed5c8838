#pragma once
// A module as it lies in memory: where it was loaded, which segments hold code, and which file it was loaded from (its build id).
// Memory is the truth; the file of that name may be another one by now. Worker only; not signal safe.

#include <pyro/platform/own_memory.hpp>
#include <pyro/sample/elf_file.hpp>

#include <cstdint>     // fixed-width integers
#include <cstring>     // memcpy, memcmp
#include <string>
#include <sys/auxv.h>  // the vDSO's place
#include <vector>

namespace pyro {
namespace sampling PYRO_HIDDEN {

struct address_range {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

class elf_image {
 public:
  /// What lies at `address`, where an ELF header ought to be. `good()` says whether there is one.
  static elf_image at(std::uint64_t address) {
    elf_image image;
    image.good_ = image.read(address);
    return image;
  }

  /// Of a module in the list. Where the lowest mapping of the file is not its beginning, the one with code has to do.
  static elf_image of(const platform::loaded_module& m) {
    elf_image image = at(m.lowest);
    if (!image.good_ || !image.holds_code(m.start)) image = at(m.start - m.file_offset);
    if (image.good_ && !image.holds_code(m.start)) image = elf_image();
    return image;
  }

  /// As it would lie in memory, were `file` loaded at the addresses that it names.
  static elf_image described_by(const elf_file& file) {
    elf_image image;
    image.good_ = file.good() && image.take(file.header(), file.segments(), 0);
    image.bias_ = 0;
    image.build_id_ = file.build_id();
    return image;
  }

  bool good() const noexcept { return good_; }
  /// Address in memory minus address in the file.
  std::uint64_t bias() const noexcept { return bias_; }
  /// Of all segments, as the file has it.
  address_range extent() const noexcept { return extent_; }
  /// Segments with code, as the file has them.
  const std::vector<address_range>& code() const noexcept { return code_; }
  /// `.eh_frame_hdr` (PT_GNU_EH_FRAME), as the file has it; empty where there is none.
  address_range frame_header() const noexcept { return frame_header_; }
  /// From `address` to the end of what is loaded of the file there; empty where nothing is. As the file has it.
  address_range loaded_from(std::uint64_t address) const noexcept {
    for (const address_range& r : loaded_)
      if (address >= r.begin && address < r.end) return {address, r.end};
    return {};
  }
  /// Lower-case hex; empty where it has none.
  const std::string& build_id() const noexcept { return build_id_; }
  /// Header and program headers, byte by byte, and the build id: what tells this image from another.
  const std::string& fingerprint() const noexcept { return fingerprint_; }

  /// Whether `file` is what was loaded. Build ids say it; of modules without, the headers: they differ after nearly every change.
  bool is_from(const elf_file& file) const {
    if (!good_ || !file.good()) return false;
    if (!build_id_.empty()) return file.build_id() == build_id_;
    std::string headers(reinterpret_cast<const char*>(&file.header()), sizeof(elf_header));
    headers.append(reinterpret_cast<const char*>(file.segments().data()), file.segments().size() * sizeof(elf_segment));
    return headers == fingerprint_;
  }

 private:
  static constexpr std::size_t most_notes = 65536;

  bool read(std::uint64_t address) {
    elf_header header;
    if (address == 0 || !platform::read_own_memory(address, &header, sizeof header) || !is_elf_module(header) ||
        header.e_phentsize != sizeof(elf_segment))
      return false;
    std::vector<elf_segment> segments(header.e_phnum);
    if (segments.empty() ||
        !platform::read_own_memory(address + header.e_phoff, segments.data(), segments.size() * sizeof(elf_segment)))
      return false;
    if (!take(header, segments, address)) return false;
    read_build_id(segments);
    return true;
  }

  bool take(const elf_header& header, const std::vector<elf_segment>& segments, std::uint64_t address) {
    bool found = false;
    for (const elf_segment& s : segments) {
      if (s.p_type == PT_GNU_EH_FRAME && s.p_memsz <= UINT64_MAX - s.p_vaddr) frame_header_ = {s.p_vaddr, s.p_vaddr + s.p_memsz};
      if (s.p_type != PT_LOAD || s.p_memsz > UINT64_MAX - s.p_vaddr) continue;
      if (!found) {
        extent_.begin = s.p_vaddr;
        bias_ = address - (s.p_vaddr - s.p_offset);  // segments are sorted; the first one has the header
        found = true;
      }
      extent_.end = s.p_vaddr + s.p_memsz;
      if (s.p_filesz != 0 && s.p_filesz <= s.p_memsz) loaded_.push_back({s.p_vaddr, s.p_vaddr + s.p_filesz});
      if ((s.p_flags & PF_X) != 0) code_.push_back({s.p_vaddr, s.p_vaddr + s.p_memsz});
    }
    fingerprint_.assign(reinterpret_cast<const char*>(&header), sizeof header);
    fingerprint_.append(reinterpret_cast<const char*>(segments.data()), segments.size() * sizeof(elf_segment));
    return found;
  }

  void read_build_id(const std::vector<elf_segment>& segments) {
    for (const elf_segment& s : segments) {
      if (s.p_type != PT_NOTE || s.p_filesz > most_notes || !build_id_.empty()) continue;
      std::vector<unsigned char> notes(s.p_filesz);
      if (!platform::read_own_memory(bias_ + s.p_vaddr, notes.data(), notes.size())) continue;
      build_id_ = platform::build_id_in(notes, s.p_align == 8 ? 8 : 4);
      if (build_id_.size() > most_build_id_digits) build_id_.clear();
    }
  }

  /// Whether the mapping that begins at `start` is one of this image's segments with code.
  bool holds_code(std::uint64_t start) const noexcept {
    constexpr std::uint64_t page = 65536;  // the largest there is
    for (const address_range& r : code_)
      if (start - bias_ + page > r.begin && start - bias_ < r.end) return true;
    return false;
  }

  bool good_ = false;
  std::uint64_t bias_ = 0;
  address_range extent_;
  address_range frame_header_;
  std::vector<address_range> code_;
  std::vector<address_range> loaded_;
  std::string build_id_;
  std::string fingerprint_;
};

/// The vDSO, which no file is behind: its image as a module, and its bytes. Empty path: there is none.
inline platform::loaded_module vdso_module() {
  platform::loaded_module m;
#if defined(AT_SYSINFO_EHDR)
  const std::uint64_t address = ::getauxval(AT_SYSINFO_EHDR);
  const elf_image image = elf_image::at(address);
  if (!image.good()) return m;
  m.path = "[vdso]";
  m.build_id = image.build_id();
  m.start = m.lowest = address;
  m.limit = m.highest = image.bias() + image.extent().end;
#endif
  return m;
}

/// All of an image that is mapped as a whole, such as the vDSO; up to 1 MiB.
inline std::string read_image(std::uint64_t address, std::uint64_t size) {
  // The section headers lie behind the last segment, in the same page.
  constexpr std::uint64_t page = 4096;
  size = (size + page - 1) / page * page;
  std::string bytes(size <= (1U << 20) ? static_cast<std::size_t>(size) : 0, '\0');
  if (!platform::read_own_memory(address, &bytes[0], bytes.size())) bytes.clear();
  return bytes;
}

}  // namespace sampling
}  // namespace pyro
