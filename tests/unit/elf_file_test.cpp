// ELF files that are cut short, damaged, hostile: whatever is in them, reading them is harmless.
#include <pyro/sample/debug_file.hpp>
#include <pyro/sample/symbol_table.hpp>

#include "read_elf.hpp"
#include "tools.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <dirent.h>
#include <random>
#include <string>

namespace elf_file_test {

using pyro::sampling::elf_file;
using pyro::sampling::elf_source;

namespace {

/// A small module with everything: sections, symbols, a build id, a link.
std::string sample_file() { return pyro_test::contents_of(std::string(PYRO_GOLDEN_DIR) + "/../fuzz/elf/plugin.so"); }

}  // namespace

TEST_CASE("a module's headers, build id, link and symbols are read") {
  const std::string bytes = sample_file();
  REQUIRE(bytes.size() > 1000);
  const elf_file file{elf_source(std::string_view(bytes))};
  REQUIRE(file.good());
  CHECK(file.build_id().size() == 40);
  CHECK(file.find(".text") != nullptr);
  CHECK(file.find(".no such section") == nullptr);
  CHECK(file.link().name == "plugin.debug");
  CHECK(file.link().crc != 0);
  CHECK(pyro_test::read_elf(bytes) > 3);
}

TEST_CASE("of several symbols at one address the best is taken; those without a size reach to the next") {
  const std::string bytes = sample_file();
  const elf_file file{elf_source(std::string_view(bytes))};
  pyro::sampling::symbol_table table;
  REQUIRE(table.load(file, pyro::sampling::elf_image::described_by(file), SHT_SYMTAB, {}, 1U << 20) == pyro::sampling::symbol_table::outcome::loaded);
  std::vector<std::string> names;
  for (const auto& row : table.rows()) names.push_back(table.name_of(row));
  const auto has = [&](const char* name) { return std::count(names.begin(), names.end(), name) == 1; };
  CHECK(has("hidden"));
  CHECK(has("exported") != has("other_name"));  // the same place, and as good
  CHECK(has("chosen"));            // an indirect function, global
  CHECK_FALSE(has("pick"));        // its resolver, local
  CHECK(has("weak_one"));
  CHECK(has("_start_up"));
}

TEST_CASE("tables past their budget are refused") {
  const std::string bytes = sample_file();
  const elf_file file{elf_source(std::string_view(bytes))};
  pyro::sampling::symbol_table table;
  CHECK(table.load(file, pyro::sampling::elf_image::described_by(file), SHT_SYMTAB, {}, 100) == pyro::sampling::symbol_table::outcome::too_large);
}

TEST_CASE("the checksum of a file is that of its link") {
  const pyro_test::scratch dir;
  dir.write("a", "123456789");
  std::uint32_t checksum = 0;
  REQUIRE(pyro::sampling::checksum_of(elf_source(dir / "a"), 1000, checksum));
  CHECK(checksum == 0xcbf43926U);
  CHECK_FALSE(pyro::sampling::checksum_of(elf_source(dir / "a"), 8, checksum));
  CHECK_FALSE(pyro::sampling::checksum_of(elf_source(dir / "b"), 1000, checksum));
}

TEST_CASE("what is no file, or no ELF file, is not good") {
  const pyro_test::scratch dir;
  for (const char* path : {"/", "/dev/null", "/dev/zero", "/no/such/file", ""}) CHECK_FALSE(elf_source(std::string(path)).good());
  pyro_test::run("mkfifo '" + dir / "pipe" + "'");
  CHECK_FALSE(elf_source(dir / "pipe").good());
  for (const std::string& text : {std::string("x"), std::string("\x7f" "ELF"), std::string(64, '\0'), std::string(4096, '\xff')})
    CHECK_FALSE(elf_file{elf_source(std::string_view(text))}.good());
}

TEST_CASE("a file that shrinks while it is read gives an error") {
  const pyro_test::scratch dir;
  dir.write("plugin.so", sample_file());
  elf_source source(dir / "plugin.so");
  REQUIRE(source.good());
  REQUIRE(::truncate((dir / "plugin.so").c_str(), 100) == 0);
  char byte = 0;
  CHECK(source.read_at(99, &byte, 1));
  CHECK_FALSE(source.read_at(100, &byte, 1));
  const elf_file file(std::move(source));
  CHECK(file.segments().empty());
  CHECK(file.sections().empty());
}

TEST_CASE("a file cut short anywhere is read without harm") {
  const std::string bytes = sample_file();
  for (std::size_t n = 0; n < bytes.size(); n += n < 2048 ? 1 : 37) pyro_test::read_elf(bytes.substr(0, n));
}

TEST_CASE("a hundred thousand damaged files are read without harm") {
  const std::string original = sample_file();
  std::mt19937 random(1);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  // Where it matters: the header, the section headers, the symbols.
  elf_file file{elf_source(std::string_view(original))};
  std::vector<std::pair<std::size_t, std::size_t>> places{{0, 64}, {64, 64 + 56 * file.header().e_phnum}, {file.header().e_shoff, original.size()}};
  for (const auto& s : file.sections())
    if (s.sh_type == SHT_SYMTAB || s.sh_type == SHT_DYNSYM || s.sh_type == SHT_STRTAB || s.sh_type == SHT_NOTE)
      places.emplace_back(s.sh_offset, s.sh_offset + s.sh_size);
  std::string bytes = original;
  for (int round = 0; round < 100000; ++round) {
    std::pair<std::size_t, std::size_t> changed[4];
    const std::size_t changes = 1 + below(4);
    for (std::size_t i = 0; i < changes; ++i) {
      const auto& place = places[below(places.size())];
      const std::size_t size = std::size_t{1} << below(4);
      const std::size_t at = place.first + below(place.second - place.first) / size * size;
      static constexpr std::uint64_t values[] = {0, 1, 0xff, 0x7fffffff, 0xffffffff, 0x100000000, ~std::uint64_t{0}, ~std::uint64_t{0} >> 1, 1 << 20};
      const std::uint64_t value = below(2) == 0 ? values[below(9)] : random() >> below(32);
      if (at + size > bytes.size()) continue;
      std::memcpy(&bytes[at], &value, size);
      changed[i] = {at, size};
    }
    pyro_test::read_elf(bytes);
    for (std::size_t i = 0; i < changes; ++i) bytes.replace(changed[i].first, changed[i].second, original, changed[i].first, changed[i].second);
  }
}

TEST_CASE("the fuzzer's corpus is read without harm") {
  const std::string folder = std::string(PYRO_GOLDEN_DIR) + "/../fuzz/elf";
  std::size_t files = 0;
  DIR* d = ::opendir(folder.c_str());
  REQUIRE(d != nullptr);
  while (const dirent* e = ::readdir(d)) {
    if (e->d_name[0] == '.') continue;
    pyro_test::read_elf(pyro_test::contents_of(folder + '/' + e->d_name));
    ++files;
  }
  ::closedir(d);
  CHECK(files >= 4);
}

}  // namespace elf_file_test
