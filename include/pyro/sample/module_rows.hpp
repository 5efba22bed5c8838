#pragma once
// The rows of one module: read from its memory, or where need be by its file, decoded, indexed. The worker's; not signal safe; may throw
// where there is no memory. What a reader in a handler sees of it is unwind_module (sample/unwind_snapshot.hpp).

#include <pyro/sample/eh_frame.hpp>
#include <pyro/sample/elf_image.hpp>
#include <pyro/sample/stub_rows.hpp>
#include <pyro/sample/unwind_snapshot.hpp>

#include <algorithm>    // stable_sort
#include <cstdint>      // fixed-width integers
#include <memory>       // copies of memory
#include <string>
#include <string_view>
#include <vector>

namespace pyro {
namespace sampling PYRO_HIDDEN {

/// A module's rows, and the index that narrows the search for one to about four.
class module_rows {
 public:
  explicit module_rows(std::vector<unwind_row>&& rows) : rows_(rows.begin(), rows.end()) {  // copied: without room to grow
    if (rows_.empty()) return;
    const std::uint64_t extent = std::uint64_t{rows_.back().pc} + 1;
    while ((extent >> shift_) + 1 > rows_.size() / 4 + 1) ++shift_;
    const std::uint64_t blocks = (extent >> shift_) + 1;
    index_.reserve(blocks + 1);
    std::uint32_t row = 0;
    for (std::uint64_t i = 0; i <= blocks; ++i) {
      while (row < rows_.size() && rows_[row].pc <= i << shift_) ++row;
      index_.push_back(row);
    }
  }

  void fill(unwind_module& m) const noexcept {
    m.rows = rows_.data();
    m.index = index_.data();
    m.count = static_cast<std::uint32_t>(rows_.size());
    m.blocks = index_.empty() ? 0 : static_cast<std::uint32_t>(index_.size() - 1);
    m.shift = shift_;
  }
  std::size_t size() const noexcept { return rows_.size(); }
  std::size_t bytes() const noexcept { return rows_.capacity() * sizeof(unwind_row) + index_.capacity() * sizeof(std::uint32_t); }

 private:
  std::vector<unwind_row> rows_;
  std::vector<std::uint32_t> index_;
  std::uint32_t shift_ = 0;
};

/// Adds rows for stubs, where a module's code is said to have no function. Reads its memory.
inline void add_stub_rows(std::uint64_t lo, std::uint64_t hi, std::vector<unwind_row>& rows) {
  constexpr std::size_t most_gaps = 1024, most_bytes = std::size_t{4} << 20;
  std::vector<unwind_row> stubs;
  std::vector<unsigned char> code;
  std::size_t gaps = 0, bytes = 0;
  for (std::size_t i = 0; i <= rows.size() && gaps < most_gaps && hi - lo <= UINT32_MAX; ++i) {
    if (i != 0 && rows[i - 1].gap == 0) continue;
    const std::uint32_t begin = i == 0 ? 0 : rows[i - 1].pc;
    const std::uint32_t end = i == rows.size() ? static_cast<std::uint32_t>(hi - lo) : rows[i].pc;
    if (end - begin < 16 || end < begin || end - begin > most_bytes - bytes) continue;
    ++gaps;
    bytes += end - begin;
    code.resize(end - begin);
    if (platform::read_own_memory(lo + begin, code.data(), code.size())) stub_finder::find(code.data(), code.size(), begin, native_registers, stubs);
  }
  if (stubs.empty()) return;
  rows.insert(rows.end(), stubs.begin(), stubs.end());
  // A stub in place of the gap that began there.
  std::stable_sort(rows.begin(), rows.end(), [](const unwind_row& a, const unwind_row& b) { return a.pc != b.pc ? a.pc < b.pc : a.gap > b.gap; });
  std::size_t kept = 0;
  for (const unwind_row& row : rows) {
    if (kept != 0 && rows[kept - 1].pc == row.pc) --kept;
    if (kept != 0 && row.gap != 0 && rows[kept - 1].gap != 0) continue;
    rows[kept++] = row;
  }
  rows.resize(kept);
}

/// Decodes the tables of a module in memory.
class module_reader {
 public:
  enum class outcome : std::uint8_t { decoded, none, unreadable };

  /// Rows for [lo, hi). Up to `most_bytes` of tables are looked at; `none`: it has none, or more.
  static outcome read(const elf_image& image, std::uint64_t lo, std::uint64_t hi, const std::string& path, std::size_t most_bytes,
                      std::vector<unwind_row>& rows) {
    if (!image.good()) return outcome::none;
    const address_range range = image.frame_header();
    if (range.begin == range.end) return read_section(image, lo, hi, path, most_bytes, rows);
    copy header;
    if (range.end - range.begin > most_bytes) return outcome::none;
    if (!header.read(image.bias() + range.begin, range.end - range.begin)) return outcome::unreadable;
    const frame_index index = frame_index::read(header.bytes);
    if (index.frames == 0) return outcome::none;
    // Where .eh_frame ends is not said; a zero ends it, before its segment does.
    const address_range rest = image.loaded_from(index.frames - image.bias());
    if (rest.begin == rest.end || rest.end - rest.begin > most_bytes) return outcome::none;
    copy frames;
    if (!frames.read(index.frames, rest.end - rest.begin)) return outcome::unreadable;
    frame_decoder decoder(frames.bytes, lo, hi, rows);
    if (index.count != 0) decoder.decode(header.bytes, index);
    else decoder.decode();
    return outcome::decoded;
  }

 private:
  struct copy {
    std::unique_ptr<unsigned char[]> memory;
    bytes_at bytes;
    bool read(std::uint64_t address, std::uint64_t size) {
      memory.reset(new unsigned char[static_cast<std::size_t>(size)]);
      bytes = {memory.get(), static_cast<std::size_t>(size), address};
      return platform::read_own_memory(address, memory.get(), static_cast<std::size_t>(size));
    }
  };

  /// Linked without that header: the file's sections know where .eh_frame was loaded, if it is that file.
  static outcome read_section(const elf_image& image, std::uint64_t lo, std::uint64_t hi, const std::string& path,
                              std::size_t most_bytes, std::vector<unwind_row>& rows) {
    const elf_file file{elf_source(path)};
    const elf_section* section = file.good() && image.is_from(file) ? file.find(std::string_view(".eh_frame")) : nullptr;
    if (section == nullptr || (section->sh_flags & SHF_ALLOC) == 0 || section->sh_size > most_bytes) return outcome::none;
    copy frames;
    if (!frames.read(image.bias() + section->sh_addr, section->sh_size)) return outcome::unreadable;
    frame_decoder(frames.bytes, lo, hi, rows).decode();
    return outcome::decoded;
  }
};

}  // namespace sampling
}  // namespace pyro
