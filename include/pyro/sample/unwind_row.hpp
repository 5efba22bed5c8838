#pragma once
// One row of an unwind table: from this instruction on, how a frame's caller is found. Twelve bytes, made ahead of time by the worker
// (sample/eh_frame.hpp), read in signal handlers (sample/walk.hpp). Plain data: signal safe, immutable once published.
//
// CFA, the canonical frame address: the stack pointer's value before the call, in the caller (DWARF 5 §6.4).

#include <pyro/core/abi.hpp>

#include <cstdint>

namespace pyro {
namespace sampling PYRO_HIDDEN {

/// How the CFA is found. `n` is unwind_row::offset().
enum class cfa_rule : std::uint8_t {
  none,            ///< not known: code without tables, or with rules that are not understood
  sp,              ///< sp + n
  fp,              ///< fp + n
  plt,             ///< x86-64's lazy PLT: sp + 8, and 8 more where (pc & 15) >= n
  at_sp,           ///< *(sp + n)
  at_sp_plus_8,    ///< *(sp + n) + 8: OpenSSL's assembler
  at_fp,           ///< *(fp + n): frames that realign the stack
  at_fp_plus_8,    ///< *(fp + n) + 8
  rax,             ///< rax + n, known in interrupted frames alone; so are r10 and r11
  rbx,             ///< rbx + n: glibc's lazy binding
  r10,             ///< r10 + n: where the stack is being realigned
  r11,             ///< r11 + n
  signal_frame,    ///< the registers of what was interrupted lie on the stack, in a ucontext
};

/// Where the caller's value of a register is, in 16 bits: not changed, or in memory at a multiple of 8 from the CFA or from fp.
class saved_slot {
 public:
  static constexpr saved_slot same() noexcept { return saved_slot(0); }
  /// The register's value is gone.
  static constexpr saved_slot lost() noexcept { return saved_slot(lost_code); }
  static constexpr bool fits(std::int64_t offset) noexcept { return offset % 8 == 0 && offset / 8 > -16384 && offset / 8 < 16384; }
  static constexpr saved_slot from_cfa(std::int64_t offset) noexcept { return saved_slot(static_cast<std::int16_t>(offset / 8 * 2)); }
  static constexpr saved_slot from_fp(std::int64_t offset) noexcept { return saved_slot(static_cast<std::int16_t>(offset / 8 * 2 + 1)); }

  constexpr saved_slot() noexcept = default;
  constexpr bool is_same() const noexcept { return code_ == 0; }  // nobody saves a register at the CFA itself: it is the caller's
  constexpr bool is_lost() const noexcept { return code_ == lost_code; }
  constexpr bool is_from_fp() const noexcept { return (code_ & 1) != 0; }
  constexpr std::int32_t offset() const noexcept { return (code_ >> 1) * 8; }
  constexpr bool operator==(saved_slot o) const noexcept { return code_ == o.code_; }
  constexpr bool operator!=(saved_slot o) const noexcept { return code_ != o.code_; }

 private:
  static constexpr std::int16_t lost_code = INT16_MIN;
  explicit constexpr saved_slot(std::int16_t code) noexcept : code_(code) {}
  std::int16_t code_ = 0;
};

struct unwind_row {
  std::uint32_t pc = 0;          ///< where it begins to hold, from its module's lowest code; up to the next row
  std::uint32_t cfa : 24;        ///< offset() / 8 in two's complement, or a PLT's threshold
  std::uint32_t rule : 4;        ///< a cfa_rule
  std::uint32_t starts : 1;      ///< a function starts here
  std::uint32_t outermost : 1;   ///< no return address: _start, clone
  std::uint32_t signed_ra : 1;   ///< aarch64: the return address carries a pointer authentication code
  std::uint32_t gap : 1;         ///< no function is here
  saved_slot fp;                 ///< rbp, x29
  saved_slot second;             ///< x86-64: rbx. aarch64: the return address, x30; `same`: still in the register

  constexpr unwind_row() noexcept : cfa(0), rule(0), starts(0), outermost(0), signed_ra(0), gap(0) {}

  constexpr cfa_rule how() const noexcept { return static_cast<cfa_rule>(rule); }
  constexpr std::int32_t offset() const noexcept {
    const auto n = static_cast<std::int32_t>(cfa);
    return how() == cfa_rule::plt ? n : (n < 0x800000 ? n : n - 0x1000000) * 8;
  }
  static constexpr bool fits(std::int64_t offset) noexcept { return offset % 8 == 0 && offset / 8 >= -8388608 && offset / 8 < 8388608; }

  /// Whether callers are found the same way, wherever the rows begin.
  constexpr bool unwinds_like(const unwind_row& o) const noexcept {
    return cfa == o.cfa && rule == o.rule && outermost == o.outermost && signed_ra == o.signed_ra && gap == o.gap &&
           fp == o.fp && second == o.second;
  }
};
static_assert(sizeof(unwind_row) == 12, "tables are sized for this");

/// DWARF's numbers of the registers that matter (psABI x86-64 §3.6.2; DWARF for AArch64 §4.1).
struct frame_registers {
  unsigned sp, fp, second, return_address;
};
inline constexpr frame_registers x86_64_registers{7, 6, 3, 16};
inline constexpr frame_registers aarch64_registers{31, 29, 30, 30};

inline constexpr bool is_x86_64(const frame_registers& r) noexcept { return r.return_address == 16; }

#if defined(__aarch64__)
inline constexpr frame_registers native_registers = aarch64_registers;
#else
inline constexpr frame_registers native_registers = x86_64_registers;
#endif

}  // namespace sampling
}  // namespace pyro
