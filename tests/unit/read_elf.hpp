#pragma once
// Everything that pyro reads of an ELF file, done to bytes that may be anything: for the fuzzer and the tests of damaged files.

#include <pyro/sample/debug_file.hpp>
#include <pyro/sample/symbol_table.hpp>

#include <string_view>

namespace pyro_test {

/// How many names were found.
inline std::size_t read_elf(std::string_view bytes) {
  using namespace pyro::sampling;
  const elf_file file{elf_source(bytes)};
  file.build_id();
  file.link();
  std::size_t names = 0;
  for (const std::uint32_t type : {std::uint32_t{SHT_SYMTAB}, std::uint32_t{SHT_DYNSYM}}) {
    symbol_table symbols;
    if (symbols.load(file, elf_image::described_by(file), type, {}, 1U << 20) != symbol_table::outcome::loaded) continue;
    for (const symbol_table::row& r : symbols.rows()) {
      if (symbols.bytes() > (2U << 20)) __builtin_trap();
      const std::uint64_t start = symbols.start_of(r);
      const symbol_table::row* found = symbols.find(start);
      if (found == nullptr || found->start != r.start) __builtin_trap();
      symbols.find(start + r.size() / 2);
      symbols.find(start + r.size());
      if (!symbols.name_of(r).empty()) ++names;
    }
    for (const std::uint64_t a : {std::uint64_t{0}, ~std::uint64_t{0}, std::uint64_t{1} << 32}) symbols.find(a);
  }
  return names;
}

}  // namespace pyro_test
