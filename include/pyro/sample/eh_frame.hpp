#pragma once
// Decodes `.eh_frame` to rows: copied bytes in, a sorted table out. Pure; the worker's. The bytes are trusted in nothing: offsets are
// checked, work is bounded by `fuel` (some instructions a byte), rows by the number of bytes. What is not understood becomes rows that
// say so. Allocates the rows alone, by std::vector (which may throw).
//
// Formats: LSB Core 5.0 §10.6 (.eh_frame, .eh_frame_hdr); DWARF 5 §6.4. Entries of 64 bits keep a CIE pointer of four, as in LLVM.

#include <pyro/sample/frame_program.hpp>

#include <algorithm>  // sort
#include <cstdint>    // fixed-width integers
#include <vector>

namespace pyro {
namespace sampling PYRO_HIDDEN {

/// `.eh_frame_hdr`: where `.eh_frame` is, and its functions, sorted by address.
struct frame_index {
  std::uint64_t frames = 0;    ///< address of .eh_frame; 0: this is no such header
  std::uint64_t count = 0;     ///< of entries in the table; 0: there is none, or none of the usual kind
  std::size_t table = 0;       ///< its offset: pairs of four bytes, relative to the header

  static frame_index read(const bytes_at& header) noexcept {
    frame_index index;
    dwarf_cursor c(header, 0, header.size);
    const unsigned version = c.byte(), frames = c.byte(), count = c.byte(), table = c.byte();
    const std::uint64_t at = frames == pointer_encoding::omitted ? 0 : c.encoded_address(frames, header.address);
    if (version != 1 || !c.good()) return index;
    index.frames = at;
    constexpr unsigned usual = pointer_encoding::relative_to_data | pointer_encoding::sdata4;
    if (count == pointer_encoding::omitted || table != usual) return index;
    const std::uint64_t n = c.encoded_value(count);
    if (!c.good() || n > c.left() / 8) return index;
    index.count = n;
    index.table = c.offset();
    return index;
  }
};

class frame_decoder {
 public:
  /// Rows are for [low, high), relative to `low`, which they must reach with 32 bits.
  frame_decoder(const bytes_at& frames, std::uint64_t low, std::uint64_t high, std::vector<unwind_row>& rows,
                const frame_registers& registers = native_registers) noexcept
      : frames_(frames), low_(low), high_(high - low > UINT32_MAX ? low + UINT32_MAX : high), rows_(rows), registers_(registers),
        fuel_(1024 + 16 * std::uint64_t{frames.size}), most_rows_(rows.size() + 16 + frames.size) {}

  /// By the header's table, which has to be sorted already.
  void decode(const bytes_at& header, const frame_index& index) {
    for (std::uint64_t i = 0; i < index.count; ++i) {
      dwarf_cursor entry(header, index.table + static_cast<std::size_t>(i) * 8 + 4, header.size);
      const std::uint64_t at = header.address + static_cast<std::uint64_t>(std::int64_t{entry.fixed<std::int32_t>()}) - frames_.address;
      if (at < frames_.size) decode_entry(static_cast<std::size_t>(at));
    }
    finish();
  }

  /// One entry after the other, up to the one that ends them.
  void decode() {
    for (std::size_t at = 0; at < frames_.size;) {
      const std::size_t next = decode_entry(at);
      if (next <= at) break;
      at = next;
    }
    finish();
  }

  /// Entries that were not understood, in all or from some instruction on.
  std::uint64_t refused() const noexcept { return refused_; }

 private:
  struct common {
    std::size_t at = SIZE_MAX;
    bool good = false;
    frame_constants constants;
    frame_state initial;
  };

  /// A length of four bytes, or of eight behind 0xffffffff. The cursor then ends where the entry does.
  dwarf_cursor open(std::size_t at) const noexcept {
    dwarf_cursor c(frames_, at, frames_.size);
    std::uint64_t length = c.fixed<std::uint32_t>();
    if (length == 0xffffffffU) length = c.fixed<std::uint64_t>();
    return c.part(length);
  }

  /// The offset behind the entry at `at`; 0 where entries end, or can't be told apart any more.
  std::size_t decode_entry(std::size_t at) {
    dwarf_cursor c = open(at);
    if (!c.good() || c.left() == 0) return 0;
    const std::size_t next = c.end();
    const std::size_t here = c.offset();
    const std::uint32_t back = c.fixed<std::uint32_t>();
    if (back == 0) return next;  // a CIE: read when a function needs it
    if (!spend(1) || back > here || !read_common(here - back) || !decode_function(c)) ++refused_;
    return next;
  }

  bool spend(std::uint64_t amount) noexcept {
    if (fuel_ < amount) return false;
    fuel_ -= amount;
    return true;
  }

  bool read_common(std::size_t at) {
    if (common_.at == at) return common_.good;
    common_ = common();
    common_.at = at;
    dwarf_cursor c = open(at);
    if (!c.good() || c.fixed<std::uint32_t>() != 0) return false;
    frame_constants& k = common_.constants;
    const unsigned version = c.byte();
    const char* augmentation = c.text();
    if (version != 1 && version != 3 && version != 4) return false;
    if (augmentation[0] == 'e' && augmentation[1] == 'h') {  // gcc 2: a pointer
      c.skip(8);
      augmentation += 2;
    }
    if (version == 4 && (c.byte() != 8 || c.byte() != 0)) return false;  // sizes of addresses and segments
    k.code_factor = c.uleb();
    k.data_factor = c.sleb();
    const std::uint64_t return_address = version == 1 ? c.byte() : c.uleb();
    if (!c.good()) return false;
    k.odd_return = return_address != registers_.return_address;
    if (augmentation[0] == 'z') {
      k.has_augmentation = true;
      if (!read_augmentation(c.part(c.uleb()), augmentation + 1, k)) return false;
    } else if (augmentation[0] != '\0') {
      return false;
    }
    if (!spend(c.left() / 16)) return false;
    const frame_state nothing;
    frame_program program(registers_, k, nothing, fuel_);
    common_.good = program.run(c, 0, [](std::uint64_t, const frame_state&) {});
    common_.initial = program.state();
    return common_.good;
  }

  /// Unknown letters have data of unknown size: fine behind R, whose encoding is needed.
  static bool read_augmentation(dwarf_cursor data, const char* letters, frame_constants& k) noexcept {
    for (; *letters != '\0'; ++letters) {
      switch (*letters) {
        case 'R': k.address_encoding = data.byte(); break;
        case 'L': data.byte(); break;
        case 'P': data.encoded_value(data.byte()); break;  // wherever it points to, its size is that of the number
        case 'S': k.signal_frame = true; break;
        case 'B':         // aarch64: the other key; stripping is the same
        case 'G': break;  // aarch64: tagged memory
        default: return false;
      }
    }
    return data.good();
  }

  bool decode_function(dwarf_cursor c) {
    const frame_constants& k = common_.constants;
    const std::uint64_t begin = c.encoded_address(k.address_encoding, 0);
    const std::uint64_t size = c.encoded_value(k.address_encoding & 0x0f);
    if (k.has_augmentation) c.skip(c.uleb());
    if (!c.good() || (k.address_encoding & pointer_encoding::indirect) != 0) return false;
    if (begin < low_ || begin >= high_ || size == 0) return true;  // of a function that the linker has dropped, or none at all
    const std::uint64_t end = size < high_ - begin ? begin + size : high_;
    const std::size_t first = rows_.size();
    bool starts = true;
    std::uint64_t known_to = begin;
    const auto emit = [&](std::uint64_t pc, const frame_state& state) {
      if (pc < known_to || pc >= end) return;  // hostile: time runs forward
      known_to = pc;
      // The same of its first instruction, which has no slot to tell by.
      if (!starts && state.returns_above(registers_) && rows_.size() == first + 1 && rows_[first].second.is_same())
        rows_[first].cfa = (rows_[first].cfa + 2) & 0xffffffU;
      add(pc, state.row(registers_, k), starts, first);
      starts = false;
    };
    frame_program program(registers_, k, common_.initial, fuel_);
    const bool understood = program.run(c, begin, emit);
    if (!understood) add(program.pc() >= known_to && program.pc() < end ? program.pc() : known_to, unwind_row(), starts, first);
    unwind_row gap;
    gap.gap = 1;
    add(end, gap, false, first);
    return understood;
  }

  void add(std::uint64_t pc, unwind_row row, bool starts, std::size_t first) {
    if (rows_.size() >= most_rows_) return;
    row.pc = static_cast<std::uint32_t>(pc - low_);
    row.starts = starts;
    if (rows_.size() > first && rows_.back().pc == row.pc) {
      row.starts = rows_.back().starts;
      rows_.back() = row;
    } else if (rows_.size() == first || !rows_.back().unwinds_like(row)) {
      rows_.push_back(row);
    }
  }

  /// Sorts where need be; leaves out rows that say what the one before says, and the ends of functions where the next one begins.
  void finish() {
    // At one place: what a function says of itself comes after the end of the one before.
    const auto before = [](const unwind_row& a, const unwind_row& b) { return a.pc != b.pc ? a.pc < b.pc : weight(a) < weight(b); };
    if (!std::is_sorted(rows_.begin(), rows_.end(), before)) std::sort(rows_.begin(), rows_.end(), before);
    std::size_t kept = 0;
    for (const unwind_row& row : rows_) {
      if (kept != 0 && rows_[kept - 1].pc == row.pc) --kept;
      if (kept != 0 && row.starts == 0 && rows_[kept - 1].unwinds_like(row)) continue;
      rows_[kept++] = row;
    }
    rows_.resize(kept);
  }
  static int weight(const unwind_row& r) noexcept { return (r.starts != 0 ? 2 : 0) + (r.rule != 0 ? 1 : 0); }

  const bytes_at frames_;
  const std::uint64_t low_, high_;
  std::vector<unwind_row>& rows_;
  const frame_registers registers_;
  std::uint64_t fuel_;
  const std::size_t most_rows_;
  common common_;
  std::uint64_t refused_ = 0;
};

}  // namespace sampling
}  // namespace pyro
