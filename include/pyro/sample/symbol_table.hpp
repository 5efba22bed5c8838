#pragma once
// The functions of one module, in twelve bytes each: sorted, so that an address is found by bisection. Worker only; not signal safe.
//
// Several symbols at one address: a global one wins over a local one, one with type and size over a bare label, then the one with
// fewer underscores in front (malloc, not __libc_malloc). Symbols may lie within others, as labels in assembler code do: the innermost
// one that holds the address counts. What no symbol holds has none; the one before is not stretched over a gap.
//
// Names of small modules are kept. Those of large ones are read from the file when they are asked for: a big program's names have
// a hundred megabytes, and a profile shows some hundred of them.

#include <pyro/sample/elf_image.hpp>

#include <algorithm>    // sort, upper_bound
#include <cstdint>      // fixed-width integers
#include <string>
#include <string_view>
#include <tuple>        // tie
#include <vector>

namespace pyro {
namespace sampling PYRO_HIDDEN {

class symbol_table {
 public:
  struct row {
    std::uint32_t start;          ///< from the beginning of the module's image
    std::uint32_t size_and_flag;  ///< highest bit: an earlier row reaches into this one
    std::uint32_t name;           ///< place in the table of strings

    std::uint32_t size() const noexcept { return size_and_flag & ~nested_flag; }
    bool nested() const noexcept { return (size_and_flag & nested_flag) != 0; }
  };

  /// Nothing past this is read of a name; a longer one is cut.
  static constexpr std::size_t longest_name = 65536;
  static constexpr std::size_t kept_strings = std::size_t{1} << 20;

  enum class outcome { loaded, none, too_large };

  /// From the first section of this type (SHT_SYMTAB, SHT_DYNSYM). `path` is where to read names from later on; empty: keep them.
  outcome load(const elf_file& file, const elf_image& image, std::uint32_t type, std::string path, std::size_t most_bytes) {
    const elf_section* symbols = file.find(type);
    if (symbols == nullptr || symbols->sh_entsize != sizeof(elf_symbol) || symbols->sh_link >= file.sections().size()) return outcome::none;
    const elf_section& strings = file.sections()[symbols->sh_link];
    if (strings.sh_type != SHT_STRTAB || !file.source().has(strings.sh_offset, strings.sh_size)) return outcome::none;
    strings_at_ = strings.sh_offset;
    strings_size_ = strings.sh_size;
    base_ = image.extent().begin;
    if (path.empty() || strings_size_ <= kept_strings) {
      if (!file.read(strings, strings_, most_bytes)) return outcome::too_large;
    } else {
      path_ = std::move(path);
      identity_ = file.source().id();
    }
    std::vector<entry> entries;
    const outcome read = read_symbols(file, image, *symbols, entries, most_bytes);
    if (read != outcome::loaded) return read;
    sort(entries, file);
    close_open_ends(entries, file, type == SHT_SYMTAB);
    make_rows(entries);
    return rows_.empty() ? outcome::none : outcome::loaded;
  }

  /// The innermost symbol at an address as the file has it, or nullptr.
  const row* find(std::uint64_t address) const noexcept {
    if (address < base_ || address - base_ > UINT32_MAX) return nullptr;
    const auto at = static_cast<std::uint32_t>(address - base_);
    auto r = std::upper_bound(rows_.begin(), rows_.end(), at, [](std::uint32_t a, const row& b) { return a < b.start; });
    for (int steps = 0; r != rows_.begin() && steps < most_steps; ++steps) {
      --r;
      if (at - r->start < r->size()) return &*r;
      if (!r->nested()) return nullptr;  // nothing before reaches this far
    }
    return nullptr;
  }

  std::uint64_t start_of(const row& r) const noexcept { return base_ + r.start; }

  /// Mangled, without a version ("@@GLIBC_2.14"); empty where the file is no longer the one that was loaded.
  std::string name_of(const row& r) const {
    if (path_.empty()) return without_version(std::string_view(strings_).substr(std::min<std::size_t>(r.name, strings_.size())));
    const elf_source now(path_);
    if (!now.good() || !(now.id() == identity_)) return {};
    std::string name;
    char part[256];
    for (std::uint64_t at = r.name; at < strings_size_ && name.size() < longest_name; at += sizeof part) {
      const std::size_t n = static_cast<std::size_t>(std::min<std::uint64_t>(sizeof part, strings_size_ - at));
      if (!now.read_at(strings_at_ + at, part, n)) return {};
      const std::string_view text(part, n);
      const std::size_t end = text.find('\0');
      name += text.substr(0, end);
      if (end != std::string_view::npos) break;
    }
    return without_version(name);
  }

  const std::vector<row>& rows() const noexcept { return rows_; }
  std::size_t bytes() const noexcept { return rows_.capacity() * sizeof(row) + strings_.capacity() + path_.capacity(); }

 private:
  static constexpr std::uint32_t nested_flag = 0x80000000U;
  static constexpr int most_steps = 1024;  // of symbols within each other; real ones have two or three

  struct entry {
    std::uint32_t start, size, name;
    std::uint32_t section_and_rank;

    std::uint32_t section() const noexcept { return section_and_rank >> 8; }
    std::uint32_t rank() const noexcept { return section_and_rank & 0xffU; }  // less is better
  };
  enum : std::uint32_t { local_rank = 8, label_rank = 4, sizeless_rank = 2, weak_rank = 1 };

  outcome read_symbols(const elf_file& file, const elf_image& image, const elf_section& symbols, std::vector<entry>& entries,
                       std::size_t most_bytes) const {
    constexpr std::size_t at_once = 4096;
    const std::uint64_t count = symbols.sh_size / sizeof(elf_symbol);
    std::vector<elf_symbol> part(static_cast<std::size_t>(std::min<std::uint64_t>(count, at_once)));
    for (std::uint64_t first = 0; first < count; first += at_once) {
      const std::size_t n = static_cast<std::size_t>(std::min<std::uint64_t>(count - first, at_once));
      if (!file.source().read_at(symbols.sh_offset + first * sizeof(elf_symbol), part.data(), n * sizeof(elf_symbol))) return outcome::none;
      for (std::size_t i = 0; i < n; ++i) {
        entry e;
        if (!is_function(part[i], file, image, e)) continue;
        if ((entries.size() + 1) * sizeof(row) + strings_.size() > most_bytes) return outcome::too_large;
        entries.push_back(e);
      }
    }
    return entries.empty() ? outcome::none : outcome::loaded;
  }

  bool is_function(const elf_symbol& s, const elf_file& file, const elf_image& image, entry& e) const noexcept {
    const unsigned type = ELF64_ST_TYPE(s.st_info);
    const unsigned binding = ELF64_ST_BIND(s.st_info);
    const bool typed = type == STT_FUNC || type == STT_GNU_IFUNC;
    const bool label = type == STT_NOTYPE && binding != STB_LOCAL;  // assembler code; local ones are marks within functions
    if ((!typed && !label) || s.st_name == 0 || s.st_name >= strings_size_) return false;
    if (s.st_shndx == SHN_UNDEF || s.st_shndx >= SHN_LORESERVE || s.st_shndx >= file.sections().size()) return false;
    if (label && (file.sections()[s.st_shndx].sh_flags & SHF_EXECINSTR) == 0) return false;
    std::uint64_t most = 0;  // to the end of the segment
    for (const address_range& r : image.code())
      if (s.st_value >= r.begin && s.st_value < r.end) most = r.end - s.st_value;
    if (most == 0 || s.st_value < base_ || s.st_value - base_ > UINT32_MAX) return false;
    e.start = static_cast<std::uint32_t>(s.st_value - base_);
    e.size = static_cast<std::uint32_t>(std::min<std::uint64_t>({s.st_size, most, nested_flag - 1}));
    e.name = s.st_name;
    const std::uint32_t rank = (binding == STB_LOCAL ? local_rank : 0U) | (typed ? 0U : label_rank) | (s.st_size == 0 ? sizeless_rank : 0U) |
                               (binding == STB_WEAK ? weak_rank : 0U);
    e.section_and_rank = static_cast<std::uint32_t>(s.st_shndx) << 8 | rank;
    return true;
  }

  unsigned underscores(const entry& e, const elf_file& file) const noexcept {
    char name[8] = "";
    const std::uint64_t n = std::min<std::uint64_t>(sizeof name, strings_size_ - e.name);
    if (!strings_.empty()) std::memcpy(name, strings_.data() + e.name, static_cast<std::size_t>(n));
    else if (!file.source().read_at(strings_at_ + e.name, name, static_cast<std::size_t>(n))) return 0;
    unsigned count = 0;
    while (count < n && name[count] == '_') ++count;
    return count;
  }

  /// By address, the best last; of the others at an address only one that reaches further is kept.
  void sort(std::vector<entry>& entries, const elf_file& file) const {
    std::sort(entries.begin(), entries.end(), [](const entry& a, const entry& b) { return std::tie(a.start, a.name) < std::tie(b.start, b.name); });
    std::size_t kept = 0;
    for (std::size_t i = 0, end = 0; i < entries.size(); i = end) {
      for (end = i + 1; end < entries.size() && entries[end].start == entries[i].start;) ++end;
      std::size_t best = i, longest = i;
      unsigned best_underscores = end == i + 1 ? 0 : underscores(entries[i], file);
      for (std::size_t k = i + 1; k < end; ++k) {
        if (entries[k].size > entries[longest].size) longest = k;
        const unsigned here = underscores(entries[k], file);
        const auto key = [](const entry& e, unsigned u) {
          return std::make_tuple(e.rank() & ~std::uint32_t{weak_rank}, u, e.rank() & weak_rank, ~e.size);
        };
        if (key(entries[k], here) < key(entries[best], best_underscores)) {
          best = k;
          best_underscores = here;
        }
      }
      entry inner = entries[best];
      if (inner.size == 0) inner.size = entries[longest].size;
      if (entries[longest].size > inner.size) entries[kept++] = entries[longest];
      entries[kept++] = inner;
    }
    entries.resize(kept);
  }

  /// Symbols without a size, as assembler code has them: to the next symbol or the end of the section. Among exported symbols alone, the
  /// next one may be far: there it is one byte.
  void close_open_ends(std::vector<entry>& entries, const elf_file& file, bool all_symbols) const {
    std::uint64_t reached = 0;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      entry e = entries[i];
      if (e.size == 0) {
        if (e.start < reached) continue;  // a mark within a function
        e.size = 1;
        if (all_symbols) {
          const elf_section& section = file.sections()[e.section()];
          const std::uint64_t here = base_ + e.start;
          if (here < section.sh_addr || here - section.sh_addr >= section.sh_size) continue;  // the end of one, such as _etext
          const std::uint64_t next = i + 1 < entries.size() ? entries[i + 1].start - e.start : nested_flag - 1;
          e.size = static_cast<std::uint32_t>(std::min({section.sh_size - (here - section.sh_addr), next, std::uint64_t{nested_flag} - 1}));
        }
      }
      reached = std::max<std::uint64_t>(reached, std::uint64_t{e.start} + e.size);
      entries[kept++] = e;
    }
    entries.resize(kept);
  }

  void make_rows(const std::vector<entry>& entries) {
    rows_.reserve(entries.size());
    std::uint64_t reached = 0;
    for (const entry& e : entries) {
      rows_.push_back({e.start, e.size | (e.start < reached ? nested_flag : 0U), e.name});
      reached = std::max<std::uint64_t>(reached, std::uint64_t{e.start} + e.size);
    }
  }

  static std::string without_version(std::string_view name) {
    name = name.substr(0, std::min(name.find('\0'), longest_name));
    const std::size_t at = name.find('@');
    return std::string(name.substr(0, at == 0 ? std::string_view::npos : at));
  }

  std::vector<row> rows_;
  std::string strings_;
  std::string path_;
  elf_source::identity identity_;
  std::uint64_t strings_at_ = 0;
  std::uint64_t strings_size_ = 0;
  std::uint64_t base_ = 0;
};

}  // namespace sampling
}  // namespace pyro
