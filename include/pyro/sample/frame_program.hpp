#pragma once
// The little programs of call frame information: instructions that say, from one machine instruction to the next, how the CFA and saved
// registers are found. Runs them to rows. Pure: bounded by its input and by `fuel`. Worker only.
//
// Instructions: DWARF 5 §6.4.2; GNU's: LSB Core 5.0 §10.5.2; aarch64's: DWARF for the Arm 64-bit Architecture §5.

#include <pyro/sample/dwarf_cursor.hpp>
#include <pyro/sample/unwind_row.hpp>

namespace pyro {
namespace sampling PYRO_HIDDEN {

/// What a common information entry says for its functions.
struct frame_constants {
  std::uint64_t code_factor = 1;
  std::int64_t data_factor = 1;
  unsigned address_encoding = pointer_encoding::absolute;
  bool has_augmentation = false;  ///< functions have augmentation data, to be skipped
  bool signal_frame = false;
  bool odd_return = false;        ///< the return address is in another register than always
};

/// How callers are found at one place.
struct frame_state {
  enum class cfa_kind : std::uint8_t { unknown, reg, deref, plt };
  cfa_kind cfa = cfa_kind::unknown;
  bool deref_plus_8 = false;
  bool outermost = false;
  bool odd = false;          ///< the return address isn't where it always is
  bool signed_ra = false;
  std::uint64_t cfa_register = 0;
  std::int64_t cfa_offset = 0;
  saved_slot fp, second;

  /// aarch64's lazy binding (glibc's _dl_runtime_resolve) leaves out what its PLT has pushed, x16 and x30: the return address lies above
  /// the CFA, which lies 16 higher in truth. (longjmp's lies above one as well, which is not the stack's.)
  bool returns_above(const frame_registers& registers) const noexcept {
    return !is_x86_64(registers) && rule(registers) == cfa_rule::sp && !second.is_same() && !second.is_lost() && !second.is_from_fp() && second.offset() > 0;
  }

  unwind_row row(const frame_registers& registers, const frame_constants& constants) const noexcept {
    unwind_row r;
    if (constants.signal_frame) {
      r.rule = static_cast<std::uint8_t>(cfa_rule::signal_frame) & 15U;
      return r;
    }
    const cfa_rule how = rule(registers);
    r.outermost = outermost;
    if (how == cfa_rule::none || odd || constants.odd_return || (how != cfa_rule::plt && !unwind_row::fits(cfa_offset))) return r;
    r.rule = static_cast<std::uint8_t>(how) & 15U;
    r.cfa = static_cast<std::uint32_t>(how == cfa_rule::plt ? cfa_offset : cfa_offset / 8) & 0xffffffU;
    r.signed_ra = signed_ra;
    r.fp = fp;
    r.second = second;
    if (returns_above(registers)) {
      if (!unwind_row::fits(cfa_offset + 16)) return unwind_row();
      r.cfa = (r.cfa + 2) & 0xffffffU;
      const bool popped = cfa_offset + second.offset() < 0;  // then x30 has it, and a signal's frame lies there
      r.second = popped ? saved_slot() : saved_slot::from_cfa(second.offset() - 16);
      if (!fp.is_same() && !fp.is_lost() && !fp.is_from_fp()) r.fp = saved_slot::from_cfa(fp.offset() - 16);
    }
    return r;
  }

 private:
  cfa_rule rule(const frame_registers& registers) const noexcept {
    const bool sp = cfa_register == registers.sp, frame = cfa_register == registers.fp;
    switch (cfa) {
      case cfa_kind::unknown: return cfa_rule::none;
      case cfa_kind::plt: return cfa_rule::plt;
      case cfa_kind::deref:
        if (sp) return deref_plus_8 ? cfa_rule::at_sp_plus_8 : cfa_rule::at_sp;
        return !frame ? cfa_rule::none : deref_plus_8 ? cfa_rule::at_fp_plus_8 : cfa_rule::at_fp;
      case cfa_kind::reg: break;
    }
    if (sp) return cfa_rule::sp;
    if (frame) return cfa_rule::fp;
    if (!is_x86_64(registers)) return cfa_rule::none;
    switch (cfa_register) {
      case 0: return cfa_rule::rax;
      case 3: return cfa_rule::rbx;
      case 10: return cfa_rule::r10;
      case 11: return cfa_rule::r11;
      default: return cfa_rule::none;
    }
  }
};

class frame_program {
 public:
  frame_program(const frame_registers& registers, const frame_constants& constants, const frame_state& initial,
                std::uint64_t& fuel) noexcept
      : registers_(registers), constants_(constants), initial_(initial), state_(initial), fuel_(fuel) {}

  const frame_state& state() const noexcept { return state_; }

  /// Runs `code` for a function at `pc`; calls `emit(pc, state)` with each place where a state ends: where it began to hold, and what it
  /// was. False where an instruction is not understood: from there on nothing is known.
  template <class Emit>
  bool run(dwarf_cursor code, std::uint64_t pc, Emit&& emit) {
    pc_ = pc;
    while (!code.done()) {
      if (fuel_ == 0) return false;
      --fuel_;
      if (!step(code, emit) || !code.good()) return false;
    }
    emit(pc_, state_);
    return true;
  }
  std::uint64_t pc() const noexcept { return pc_; }

 private:
  static constexpr unsigned most_remembered = 8;  // compilers go to 1, hand-written code to 2

  template <class Emit>
  void advance(std::uint64_t to, Emit& emit) {
    if (to != pc_) emit(pc_, state_);
    pc_ = to;
  }

  template <class Emit>
  bool step(dwarf_cursor& code, Emit& emit) {
    const unsigned op = code.byte();
    const std::uint64_t low = op & 63;
    switch (op >> 6) {
      case 1: advance(pc_ + low * constants_.code_factor, emit); return true;     // advance_loc
      case 2: save(low, factored(code.uleb())); return true;                       // offset
      case 3: restore(low); return true;                                           // restore
      default: break;
    }
    switch (op) {
      case 0x00: return true;                                                                                  // nop
      case 0x01: advance(code.encoded_address(constants_.address_encoding, 0), emit); return true;             // set_loc
      case 0x02: advance(pc_ + code.byte() * constants_.code_factor, emit); return true;                       // advance_loc1
      case 0x03: advance(pc_ + code.fixed<std::uint16_t>() * constants_.code_factor, emit); return true;       // advance_loc2
      case 0x04: advance(pc_ + code.fixed<std::uint32_t>() * constants_.code_factor, emit); return true;       // advance_loc4
      case 0x05: return with_register(code, [&](std::uint64_t r) { save(r, factored(code.uleb())); });         // offset_extended
      case 0x06: restore(code.uleb()); return true;                                                            // restore_extended
      case 0x07: undefined(code.uleb()); return true;                                                          // undefined
      case 0x08: same(code.uleb()); return true;                                                               // same_value
      case 0x09: lose(code.uleb()), code.uleb(); return true;                                                  // register
      case 0x0a: return remember();
      case 0x0b: return recall();
      case 0x0c: return with_register(code, [&](std::uint64_t r) { define(r, static_cast<std::int64_t>(code.uleb())); });  // def_cfa
      case 0x0d: return redefine(code.uleb(), state_.cfa_offset);                                              // def_cfa_register
      case 0x0e: return redefine(state_.cfa_register, static_cast<std::int64_t>(code.uleb()));                 // def_cfa_offset
      case 0x0f: define_by(code.part(code.uleb())); return true;                                               // def_cfa_expression
      case 0x10: return with_register(code, [&](std::uint64_t r) { save_by(r, code.part(code.uleb())); });     // expression
      case 0x11: return with_register(code, [&](std::uint64_t r) { save(r, factored(code.sleb())); });         // offset_extended_sf
      case 0x12: return with_register(code, [&](std::uint64_t r) { define(r, factored(code.sleb())); });       // def_cfa_sf
      case 0x13: return redefine(state_.cfa_register, factored(code.sleb()));                                  // def_cfa_offset_sf
      case 0x14: lose(code.uleb()), code.uleb(); return true;                                                  // val_offset
      case 0x15: lose(code.uleb()), code.sleb(); return true;                                                  // val_offset_sf
      case 0x16: lose(code.uleb()), code.skip(code.uleb()); return true;                                       // val_expression
      case 0x2c:                                                                                               // AARCH64_negate_ra_state_with_pc
      case 0x2d:                                                                                               // AARCH64_negate_ra_state
        state_.signed_ra = !state_.signed_ra;
        return !is_x86_64(registers_);
      case 0x2e: code.uleb(); return true;                                                                     // GNU_args_size
      case 0x2f: return with_register(code, [&](std::uint64_t r) { save(r, -factored(code.uleb())); });        // GNU_negative_offset_extended
      default: return false;
    }
  }

  /// Operands are read in their order, which a call's arguments would not be.
  template <class Act>
  static bool with_register(dwarf_cursor& code, Act&& act) {
    const std::uint64_t r = code.uleb();
    act(r);
    return true;
  }

  std::int64_t factored(std::uint64_t n) const noexcept {
    return static_cast<std::int64_t>(n * static_cast<std::uint64_t>(constants_.data_factor));  // wraps; `fits` has the last word
  }
  std::int64_t factored(std::int64_t n) const noexcept { return factored(static_cast<std::uint64_t>(n)); }

  // --- the CFA ------------------------------------------------------------------------------------------------------------------

  void define(std::uint64_t reg, std::int64_t offset) noexcept {
    state_.cfa = frame_state::cfa_kind::reg;
    state_.cfa_register = reg;
    state_.cfa_offset = offset;
  }
  /// Half a definition makes sense after a whole one only.
  bool redefine(std::uint64_t reg, std::int64_t offset) noexcept {
    const bool whole = state_.cfa == frame_state::cfa_kind::reg;
    define(reg, offset);
    return whole;
  }

  /// DW_OP_bregN n, for registers below 32.
  static bool base_register(dwarf_cursor& e, std::uint64_t& reg, std::int64_t& offset) noexcept {
    const unsigned op = e.byte();
    if (op < 0x70 || op > 0x8f) return false;
    reg = op - 0x70;
    offset = e.sleb();
    return e.good();
  }

  void define_by(dwarf_cursor e) noexcept {
    state_.cfa = frame_state::cfa_kind::unknown;
    std::uint64_t reg = 0;
    std::int64_t offset = 0;
    if (define_plt(e) || !base_register(e, reg, offset)) return;
    if (e.done()) return define(reg, offset);
    if (e.byte() != 0x06) return;  // deref
    bool plus_8 = false;
    if (!e.done()) {
      const unsigned op = e.byte();
      plus_8 = op == 0x23 ? e.uleb() == 8 : op == 0x38 && e.byte() == 0x22;  // plus_uconst 8; lit8 plus
      if (!plus_8 || !e.good() || !e.done()) return;
    }
    define(reg, offset);
    state_.cfa = frame_state::cfa_kind::deref;
    state_.deref_plus_8 = plus_8;
  }

  /// What linkers write for .plt: rsp + 8 + ((rip & 15) >= N) * 8. N is 11, less where entries begin otherwise.
  bool define_plt(dwarf_cursor e) noexcept {
    constexpr unsigned char shape[] = {0x77, 8, 0x80, 0, 0x3f, 0x1a, 0, 0x2a, 0x33, 0x24, 0x22};
    if (!is_x86_64(registers_) || e.left() != sizeof shape) return false;
    unsigned threshold = 0;
    for (std::size_t i = 0; i < sizeof shape; ++i) {
      const unsigned b = e.byte();
      if (i == 6) threshold = b - 0x30;
      else if (b != shape[i]) return false;
    }
    if (threshold > 15) return false;
    state_.cfa = frame_state::cfa_kind::plt;
    state_.cfa_offset = static_cast<std::int64_t>(threshold);
    return true;
  }

  // --- registers ----------------------------------------------------------------------------------------------------------------

  saved_slot* slot_of(std::uint64_t reg) noexcept {
    return reg == registers_.fp ? &state_.fp : reg == registers_.second ? &state_.second : nullptr;
  }
  bool is_plain_return_address(std::uint64_t reg) const noexcept {
    return is_x86_64(registers_) && reg == registers_.return_address;
  }

  void save(std::uint64_t reg, std::int64_t offset) noexcept {
    if (is_plain_return_address(reg)) {
      state_.odd = offset != -8;
      state_.outermost = false;
    } else if (saved_slot* slot = slot_of(reg)) {
      *slot = saved_slot::fits(offset) && offset != 0 ? saved_slot::from_cfa(offset) : saved_slot::lost();
      if (reg == registers_.return_address) state_.outermost = false;
    }
  }
  void save_by(std::uint64_t reg, dwarf_cursor e) noexcept {
    std::uint64_t base = 0;
    std::int64_t offset = 0;
    if (is_plain_return_address(reg)) {
      state_.odd = true;
    } else if (saved_slot* slot = slot_of(reg)) {
      const bool known = base_register(e, base, offset) && e.done() && base == registers_.fp && saved_slot::fits(offset);
      *slot = known ? saved_slot::from_fp(offset) : saved_slot::lost();
    }
  }
  void lose(std::uint64_t reg) noexcept {
    if (is_plain_return_address(reg)) state_.odd = true;
    if (saved_slot* slot = slot_of(reg)) *slot = saved_slot::lost();
  }
  void undefined(std::uint64_t reg) noexcept {
    if (reg == registers_.return_address) state_.outermost = true;
    else if (saved_slot* slot = slot_of(reg)) *slot = saved_slot::lost();
  }
  void same(std::uint64_t reg) noexcept {
    if (is_plain_return_address(reg)) state_.odd = true;
    if (saved_slot* slot = slot_of(reg)) *slot = saved_slot::same();
  }
  void restore(std::uint64_t reg) noexcept {
    if (reg == registers_.return_address) {
      state_.outermost = initial_.outermost;
      state_.odd = initial_.odd;
    }
    if (reg == registers_.fp) state_.fp = initial_.fp;
    if (reg == registers_.second) state_.second = initial_.second;
  }

  bool remember() noexcept {
    if (remembered_ == most_remembered) return false;
    stack_[remembered_++] = state_;
    return true;
  }
  bool recall() noexcept {
    if (remembered_ == 0) return false;
    state_ = stack_[--remembered_];
    return true;
  }

  const frame_registers& registers_;
  const frame_constants& constants_;
  const frame_state& initial_;
  frame_state state_;
  std::uint64_t& fuel_;
  std::uint64_t pc_ = 0;
  frame_state stack_[most_remembered];
  unsigned remembered_ = 0;
};

}  // namespace sampling
}  // namespace pyro
