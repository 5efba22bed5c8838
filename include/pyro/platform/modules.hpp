#pragma once
// The modules that the process has loaded, with their build ids, for the mappings of a profile.
// Not signal safe: dl_iterate_phdr takes the loader's lock. Called by the worker.

#include <pyro/core/abi.hpp>

#include <climits>   // PATH_MAX
#include <cstdint>   // fixed-width integers
#include <cstring>   // memcmp
#include <elf.h>     // notes
#include <link.h>    // dl_iterate_phdr
#include <string>
#include <unistd.h>  // readlink
#include <vector>

namespace pyro {
namespace platform PYRO_HIDDEN {

/// Address range of a module's executable segments.
struct loaded_module {
  std::string path;
  std::string build_id;  ///< lower-case hex; empty where the module has none
  std::uint64_t start = 0;
  std::uint64_t limit = 0;
  std::uint64_t file_offset = 0;
  std::uint64_t lowest = 0;   ///< whole image, data included: sites and literals lie there
  std::uint64_t highest = 0;
};

/// The running program's file.
inline std::string program_path() {
  char buffer[PATH_MAX];
  const ssize_t n = ::readlink("/proc/self/exe", buffer, sizeof buffer);
  return n > 0 ? std::string(buffer, static_cast<std::size_t>(n)) : std::string("[program]");
}

/// The GNU build id in a segment of notes (elf(5), "Notes"), as hex.
inline std::string build_id_in(const unsigned char* notes, std::size_t size, std::size_t alignment) {
  const auto aligned = [alignment](std::size_t n) { return (n + alignment - 1) / alignment * alignment; };
  for (std::size_t at = 0; at + sizeof(ElfW(Nhdr)) <= size;) {
    ElfW(Nhdr) header;
    std::memcpy(&header, notes + at, sizeof header);
    const std::size_t name = at + sizeof header;
    const std::size_t description = name + aligned(header.n_namesz);
    const std::size_t end = description + aligned(header.n_descsz);
    if (description > size || header.n_descsz > size - description) break;
    if (header.n_type == NT_GNU_BUILD_ID && header.n_namesz == 4 && std::memcmp(notes + name, "GNU", 4) == 0) {
      std::string hex;
      for (std::size_t i = 0; i < header.n_descsz; ++i) {
        hex += "0123456789abcdef"[notes[description + i] >> 4];
        hex += "0123456789abcdef"[notes[description + i] & 15];
      }
      return hex;
    }
    at = end;
  }
  return {};
}

/// The main program first, as pprof wants it.
inline std::vector<loaded_module> loaded_modules() {
  std::vector<loaded_module> found;
  const auto visit = [](dl_phdr_info* info, std::size_t, void* out) -> int {
    auto& list = *static_cast<std::vector<loaded_module>*>(out);
    loaded_module m;
    m.lowest = ~std::uint64_t{0};
    for (int i = 0; i < info->dlpi_phnum; ++i) {
      const auto& segment = info->dlpi_phdr[i];
      const std::uint64_t begin = info->dlpi_addr + segment.p_vaddr;
      const std::uint64_t end = begin + segment.p_memsz;
      if (segment.p_type == PT_LOAD) {
        if (begin < m.lowest) m.lowest = begin;
        if (end > m.highest) m.highest = end;
        if ((segment.p_flags & PF_X) != 0) {
          if (m.limit == 0) {
            m.start = begin;
            m.file_offset = segment.p_offset;
          }
          m.limit = end;
        }
      } else if (segment.p_type == PT_NOTE && m.build_id.empty()) {
        m.build_id = build_id_in(reinterpret_cast<const unsigned char*>(begin), segment.p_memsz, segment.p_align == 8 ? 8 : 4);
      }
    }
    if (m.limit == 0) return 0;
    m.path = list.empty() ? program_path() : info->dlpi_name != nullptr ? info->dlpi_name : "";
    if (m.path.empty()) m.path = "[vdso]";
    list.push_back(std::move(m));
    return 0;
  };
  ::dl_iterate_phdr(visit, &found);
  return found;
}

}  // namespace platform
}  // namespace pyro
