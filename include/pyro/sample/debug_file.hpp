#pragma once
// Finds the separate debug file of a stripped module, where gdb looks for it as well:
//
//   by build id     /usr/lib/debug/.build-id/ab/cdef….debug
//   by debug link   FOLDER/NAME, FOLDER/.debug/NAME, /usr/lib/debug/FOLDER/NAME, FOLDER being the module's
//
// One that belongs to another build is not used: build ids must agree, or, of modules without, the link's checksum.
// Worker only; not signal safe.

#include <pyro/sample/elf_image.hpp>

#include <array>    // checksum table
#include <cstdint>  // fixed-width integers
#include <string>
#include <vector>

namespace pyro {
namespace sampling PYRO_HIDDEN {

/// The checksum in .gnu_debuglink (CRC-32) of all of a file. False where the file can't be read, or has more than `most` bytes.
inline bool checksum_of(const elf_source& file, std::uint64_t most, std::uint32_t& checksum) {
  static constexpr auto table = [] {
    std::array<std::uint32_t, 256> t{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      std::uint32_t c = i;
      for (int bit = 0; bit < 8; ++bit) c = (c & 1U) != 0 ? 0xedb88320U ^ (c >> 1U) : c >> 1U;
      t[i] = c;
    }
    return t;
  }();
  if (!file.good() || file.size() > most) return false;
  std::vector<unsigned char> part(65536);
  std::uint32_t c = 0xffffffffU;
  for (std::uint64_t at = 0; at < file.size(); at += part.size()) {
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(part.size(), file.size() - at));
    if (!file.read_at(at, part.data(), n)) return false;
    for (std::size_t i = 0; i < n; ++i) c = table[(c ^ part[i]) & 0xffU] ^ (c >> 8U);
  }
  checksum = ~c;
  return true;
}

struct debug_file {
  elf_file file;
  std::string path;
};

/// `module_path`: of the module's file, for its folder; `module_file`: the file itself, for the link; may be not good().
/// Not good(): there is no such file, or none with symbols.
inline debug_file find_debug_file(const std::string& module_path, const elf_file& module_file, const std::string& build_id,
                                  const std::string& root) {
  constexpr std::uint64_t most_checked = std::uint64_t{1} << 30;  // two or three seconds
  debug_file found;
  const auto try_path = [&](std::string path, const elf_file::debug_link* link) {
    elf_file file{elf_source(path)};
    if (!file.good() || file.find(std::uint32_t{SHT_SYMTAB}) == nullptr) return false;
    const std::string id = file.build_id();
    if (!build_id.empty() && !id.empty()) {
      if (id != build_id) return false;
    } else {
      std::uint32_t checksum = 0;
      if (link == nullptr || !checksum_of(file.source(), most_checked, checksum) || checksum != link->crc) return false;
    }
    found.file = std::move(file);
    found.path = std::move(path);
    return true;
  };

  if (build_id.size() > 2 &&
      try_path(root + "/.build-id/" + build_id.substr(0, 2) + '/' + build_id.substr(2) + ".debug", nullptr))
    return found;
  const elf_file::debug_link link = module_file.link();
  const std::size_t slash = module_path.rfind('/');
  if (link.name.empty() || link.name == "." || link.name == ".." || slash == std::string::npos) return found;
  const std::string folder = module_path.substr(0, slash + 1);
  // The module itself may have the name that its link gives.
  if (folder + link.name != module_path && try_path(folder + link.name, &link)) return found;
  if (try_path(folder + ".debug/" + link.name, &link)) return found;
  try_path(root + folder + link.name, &link);
  return found;
}

}  // namespace sampling
}  // namespace pyro
