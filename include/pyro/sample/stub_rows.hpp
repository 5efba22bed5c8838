#pragma once
// Rows for what linkers make without tables: the stubs through which other modules' functions are called (lld's .plt, all of aarch64's,
// those for IFUNCs of static programs). Told by their instructions, where no function is said to be. Pure; worker only.
//
// Shapes: psABI x86-64 §5.2 (lazy PLT), §13.2 (IBT); ELF for the Arm 64-bit Architecture, and binutils' bfd/elfnn-aarch64.c.

#include <pyro/sample/unwind_row.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>  // memcpy
#include <vector>

namespace pyro {
namespace sampling PYRO_HIDDEN {

class stub_finder {
 public:
  /// Appends rows for the stubs in `code`, which is that of [pc, pc + size), up to pc + size. In order; nothing where there are none.
  static void find(const unsigned char* code, std::size_t size, std::uint32_t pc, const frame_registers& registers,
                   std::vector<unwind_row>& rows) {
    bool in_stub = false;
    for (std::size_t at = 0; at < size;) {
      const std::uint32_t here = pc + static_cast<std::uint32_t>(at);
      const stub s = is_x86_64(registers) ? x86_64(code + at, size - at, here) : aarch64(code + at, size - at, at != 0);
      if (s.size != 0) {
        add(rows, here, s.row);
        at += s.size;
        in_stub = true;
      } else {
        if (in_stub) add_gap(rows, here);
        in_stub = false;
        at += is_x86_64(registers) ? 8 - here % 8 : 4;
      }
    }
    if (in_stub) add_gap(rows, pc + static_cast<std::uint32_t>(size));
  }

 private:
  struct stub {
    std::size_t size = 0;
    unwind_row row;
  };

  static void add(std::vector<unwind_row>& rows, std::uint32_t pc, unwind_row row) {
    row.pc = pc;
    row.starts = 1;
    rows.push_back(row);
  }
  static void add_gap(std::vector<unwind_row>& rows, std::uint32_t pc) {
    unwind_row gap;
    gap.pc = pc;
    gap.gap = 1;
    rows.push_back(gap);
  }

  /// [endbr64] [bnd] jmp *x(%rip), and where that is bound lazily, at the next instruction: push n; jmp .plt
  static stub x86_64(const unsigned char* code, std::size_t size, std::uint32_t pc) noexcept {
    stub s;
    if (pc % 8 != 0 || size < 8) return s;
    constexpr unsigned char endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};
    std::size_t at = std::memcmp(code, endbr64, 4) == 0 ? 4 : 0;
    if (code[at] == 0xf2) ++at;
    if (size < at + 6 || code[at] != 0xff || code[at + 1] != 0x25) return s;
    const bool lazy = at == 0 && size >= 16 && pc % 16 == 0 && code[6] == 0x68 && code[11] == 0xe9;
    s.size = lazy || at != 0 ? 16 : 8;
    if (s.size > size) s.size = size;
    s.row.rule = static_cast<std::uint8_t>(lazy ? cfa_rule::plt : cfa_rule::sp) & 15U;
    s.row.cfa = lazy ? 11 : 1;
    return s;
  }

  /// stp x16, x30, [sp, -16]! and, behind that or alone: [bti c] adrp x16; ldr x17, [x16, n]; add x16, x16, n; [autia1716] br x17
  static stub aarch64(const unsigned char* code, std::size_t size, bool has_before) noexcept {
    constexpr std::uint32_t push = 0xa9bf7bf0U;  // of lazy binding; x30 keeps the return address
    stub s;
    if (word(code, size, 0) == push) {
      s = aarch64(code + 4, size - 4, true);
      if (s.size != 0) s = {4, plain(0)};
      return s;
    }
    std::size_t at = word(code, size, 0) == 0xd503245fU ? 4 : 0;
    if ((word(code, size, at) & 0x9f00001fU) != 0x90000010U || (word(code, size, at + 4) & 0xffc003ffU) != 0xf9400211U ||
        (word(code, size, at + 8) & 0xffc003ffU) != 0x91000210U)
      return s;
    at += 12;
    if (word(code, size, at) == 0xd503219fU) at += 4;
    if (word(code, size, at) != 0xd61f0220U) return s;
    s.size = at + 4;
    s.row = plain(has_before && word(code - 4, 4, 0) == push ? 2 : 0);
    return s;
  }
  static unwind_row plain(unsigned words) noexcept {
    unwind_row row;
    row.rule = static_cast<std::uint8_t>(cfa_rule::sp) & 15U;
    row.cfa = words & 0xffffffU;
    return row;
  }
  static std::uint32_t word(const unsigned char* code, std::size_t size, std::size_t at) noexcept {
    std::uint32_t value = 0;
    if (at + 4 <= size) std::memcpy(&value, code + at, 4);
    return value;
  }
};

}  // namespace sampling
}  // namespace pyro
