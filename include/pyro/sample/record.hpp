#pragma once
// A sample in a thread's ring: where the thread stood, how much CPU time that stands for, and its native frames with the scopes between
// them. Variable length. Written by the thread's signal handler, read by the pump; signal safe.
//
//   word 0    weight 32 bits | frames 12 | entries 12 | end of the walk 4 | by order 1 | guessed 1
//   word 1    CPU time in ns
//   word 2    entry::at of the innermost live entry
//   then a word a frame, leaf first:   scopes 16 bits | address 48
//
// `scopes`: so many of the entries that are left, innermost first, were entered within this frame: they come on its leaf side. What no
// frame claims was entered further out than the walk came.

#include <pyro/core/ring.hpp>
#include <pyro/core/slot.hpp>

namespace pyro {
namespace sampling PYRO_HIDDEN {

// 64 KiB: at 100 samples a second with 30 frames each 2.4 s while the pump, which drains ten times a second, gets no CPU. Pages that no
// sample reaches stay untouched.
using sample_ring = core::word_ring<8192>;

struct record {
  static constexpr std::size_t head_words = 3;
  static constexpr unsigned max_frames = 512;
  static constexpr unsigned address_bits = 48;

  std::uint32_t weight = 0;     ///< expiries of the timer: 1 + overruns
  std::uint32_t frames = 0;
  std::uint32_t entries = 0;    ///< open scopes and tags
  std::uint8_t end = 0;         ///< why the walk ended: walk_end
  bool by_order = false;        ///< some scope was entered on another stack: placed by order alone
  bool guessed = false;         ///< a frame pointer was followed where there was no row
  std::int64_t cpu_ns = 0;      ///< weight × period
  std::uintptr_t at = 0;        ///< entry::at of the innermost live entry

  std::uint64_t first_word() const noexcept {
    return std::uint64_t{weight} | std::uint64_t{frames} << 32 | std::uint64_t{entries} << 44 | std::uint64_t{end} << 56 |
           std::uint64_t{by_order} << 60 | std::uint64_t{guessed} << 61;
  }
  /// The oldest record. Consumer, where the ring is not empty.
  static record peek(const sample_ring& ring) noexcept {
    const std::uint64_t first = ring.peek(0);
    record r;
    r.weight = static_cast<std::uint32_t>(first);
    r.frames = static_cast<std::uint32_t>(first >> 32 & 0xfff);
    r.entries = static_cast<std::uint32_t>(first >> 44 & 0xfff);
    r.end = static_cast<std::uint8_t>(first >> 56 & 0xf);
    r.by_order = (first >> 60 & 1) != 0;
    r.guessed = (first >> 61 & 1) != 0;
    r.cpu_ns = static_cast<std::int64_t>(ring.peek(1));
    r.at = static_cast<std::uintptr_t>(ring.peek(2));
    return r;
  }
  std::size_t words() const noexcept { return head_words + frames; }
};

struct native_frame {
  std::uint64_t address = 0;  ///< of the instruction; of a caller, within its call
  std::uint32_t scopes = 0;

  std::uint64_t word() const noexcept { return (address & ((1ULL << record::address_bits) - 1)) | std::uint64_t{scopes} << record::address_bits; }
  static native_frame of(std::uint64_t word) noexcept {
    return {word & ((1ULL << record::address_bits) - 1), static_cast<std::uint32_t>(word >> record::address_bits)};
  }
};

}  // namespace sampling
}  // namespace pyro
