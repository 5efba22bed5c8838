#pragma once
// Walks a stack, leaf first, by the rows of a snapshot. Signal safe: no lock, no allocation, no recursion, no buffer; every load is
// checked. Runs in the handler of the thread that it looks at.
//
//   pc ─► row ─► CFA ─► return address, fp ─► pc ─► …     until a row says that there is no caller
//
// What may be read: aligned words in [sp - 128, end of the stack), where sp is that of the interruption. (In epilogues tables still name
// slots that have been popped; the red zone keeps them.) CFAs grow from frame to frame, so that a walk ends. Where rows are missing (code
// made at run time, assembler without tables), a frame pointer that looks like one is followed.
//
// Never used here: _Unwind_Backtrace (it has crashed inside of throw), backtrace(), dl_iterate_phdr.

#include <pyro/platform/system.hpp>
#include <pyro/sample/machine_state.hpp>
#include <pyro/sample/row_cache.hpp>
#include <pyro/sample/unwind_snapshot.hpp>

namespace pyro {
namespace sampling PYRO_HIDDEN {

/// Why a walk ended. All but `complete` and `too_deep` mean that callers are missing because they could not be found.
enum class walk_end : std::uint8_t {
  complete,       ///< the outermost frame was reached
  no_rows,        ///< code without tables, and no frame pointer to go by
  out_of_bounds,  ///< the stack, or a saved register, would lie outside of what may be read
  not_growing,    ///< a caller's frame would lie below its callee's
  too_deep,       ///< as many frames as were asked for, or `frame` had enough
  bad_pc,         ///< a return address that can't be one
};

struct walk_result {
  walk_end end;
  bool guessed;  ///< a frame pointer was followed where rows are missing: likely right, not surely
  constexpr operator walk_end() const noexcept { return end; }
};

/// Words of the stack itself.
class direct_loader {
 public:
  direct_loader(std::uintptr_t sp, const platform::stack_range& bounds) noexcept
      : floor_(sp - bounds.low >= red_zone ? sp - red_zone : bounds.low), high_(bounds.high) {}

  bool contains(std::uintptr_t sp) const noexcept { return sp >= floor_ && sp < high_; }
  std::uintptr_t floor() const noexcept { return floor_; }
  std::uintptr_t high() const noexcept { return high_; }
  bool readable(std::uintptr_t address) const noexcept {
    return address % 8 == 0 && address >= floor_ && address < high_ && high_ - address >= 8;
  }
  /// Other functions' frames: sanitizers have their own opinion of who may read those.
  __attribute__((no_sanitize("address", "thread", "undefined"))) bool word(std::uintptr_t address, std::uintptr_t& into) const noexcept {
    if (!readable(address)) return false;
    into = *reinterpret_cast<const volatile std::uintptr_t*>(address);
    return true;
  }
  /// Whether the walk may go on where a signal interrupted, at `sp`.
  bool resume(std::uintptr_t sp) const noexcept { return contains(sp); }

  static constexpr std::uintptr_t red_zone = 128;

 private:
  std::uintptr_t floor_, high_;
};

template <class Loader>
class stack_walk {
 public:
  stack_walk(const unwind_snapshot& snapshot, const machine_state& start, Loader& loader, row_cache* cache = nullptr) noexcept
      : snapshot_(snapshot), loader_(loader), cache_(cache), m_(start) {
    if (cache_ != nullptr) cache_->use(snapshot_);
  }

  template <class Frame>
  walk_result run(unsigned max_frames, Frame&& frame) {
    for (unsigned n = 0;; ++n) {
      if (n == max_frames) return ended(walk_end::too_deep);
      const std::uintptr_t pc = m_.pc;
      const bool is_return_address = !interrupted_;
      cfa_ = 0;
      trampoline_ = false;
      const step_end end = step();
      if (!frame(pc, cfa_, is_return_address && !trampoline_)) return ended(end == step_end::complete ? walk_end::complete : walk_end::too_deep);
      switch (end) {
        case step_end::caller: break;
        case step_end::complete: return ended(walk_end::complete);
        case step_end::no_rows: return ended(walk_end::no_rows);
        case step_end::out_of_bounds: return ended(walk_end::out_of_bounds);
        case step_end::not_growing: return ended(walk_end::not_growing);
        case step_end::bad_pc: return ended(walk_end::bad_pc);
      }
    }
  }

 private:
  enum class step_end : std::uint8_t { caller, complete, no_rows, out_of_bounds, not_growing, bad_pc };

  walk_result ended(walk_end end) const noexcept { return {end, guessed_}; }

  static constexpr std::uintptr_t lowest_code = 4096;                            // nothing is ever mapped below
  static constexpr std::uintptr_t highest_code = std::uintptr_t{1} << 56;        // of user space, whatever the page tables' depth

  const unwind_row* row_at(std::uintptr_t pc) noexcept {
    if (module_ == nullptr || !module_->contains(pc)) module_ = snapshot_.module_of(pc);
    return module_ != nullptr ? module_->find(pc) : nullptr;
  }
  bool has_rows(std::uintptr_t pc) noexcept {
    const unwind_row* row = row_at(pc);
    return row != nullptr && row->how() != cfa_rule::none;
  }
  static bool is(const unwind_row* row, cfa_rule rule) noexcept { return row != nullptr && row->how() == rule; }

  /// From a frame to its caller: m_ becomes the caller's, cfa_ this frame's.
  step_end step() noexcept {
    // A return address may lie behind its function's end, where the call does not return. Signal trampolines are not called: handlers
    // return to their first instruction.
    if (m_.pc == snapshot_.signal_return()) return step_out_of_signal();
    const std::uintptr_t at = interrupted_ ? m_.pc : m_.pc - 1;
    if (unwind_row known; cache_ != nullptr && cache_->find(at, known)) return step_by_row(known);
    const unwind_row* row = row_at(at);
    if (!interrupted_ && (row == nullptr || row->how() == cfa_rule::none)) {
      const unwind_row* exact = row_at(m_.pc);
      if (is(exact, cfa_rule::signal_frame)) row = exact;
    }
    if (is(row, cfa_rule::signal_frame)) return step_out_of_signal();
    if (row != nullptr && row->outermost != 0) {
      std::uintptr_t last;  // of the frame: if that is on the stack, the CFA may be believed
      if (!find_cfa(*row) || cfa_ <= m_.sp || !loader_.word(cfa_ - 8, last)) cfa_ = 0;
      return step_end::complete;
    }
    if (row == nullptr || row->how() == cfa_rule::none) return step_by_frame_pointer();
    if (cache_ != nullptr) cache_->keep(at, *row);
    return step_by_row(*row);
  }

  bool find_cfa(const unwind_row& row) noexcept {
    const auto n = static_cast<std::uintptr_t>(std::intptr_t{row.offset()});
    switch (row.how()) {
      case cfa_rule::sp: cfa_ = m_.sp + n; return true;
      case cfa_rule::fp: cfa_ = m_.fp + n; return true;
      case cfa_rule::plt: cfa_ = m_.sp + 8 + ((m_.pc & 15) >= n ? 8 : 0); return true;
      case cfa_rule::at_sp: return loader_.word(m_.sp + n, cfa_);
      case cfa_rule::at_fp: return loader_.word(m_.fp + n, cfa_);
      case cfa_rule::at_sp_plus_8:
        if (!loader_.word(m_.sp + n, cfa_)) return false;
        cfa_ += 8;
        return true;
      case cfa_rule::at_fp_plus_8:
        if (!loader_.word(m_.fp + n, cfa_)) return false;
        cfa_ += 8;
        return true;
      case cfa_rule::rbx: cfa_ = m_.second + n; return true;
      case cfa_rule::rax: cfa_ = m_.rax + n; return interrupted_;
      case cfa_rule::r10: cfa_ = m_.r10 + n; return interrupted_;
      case cfa_rule::r11: cfa_ = m_.r11 + n; return interrupted_;
      default: return false;
    }
  }

  bool restore(saved_slot slot, std::uintptr_t cfa, std::uintptr_t fp, std::uintptr_t& value) const noexcept {
    if (slot.is_same()) return true;
    if (slot.is_lost()) {
      value = 0;
      return true;
    }
    // Realigned frames: their tables go on naming places relative to fp behind the instruction that restores it (g++ 12). It is no longer
    // this frame's then, but the caller's already, and so are the others.
    if (slot.is_from_fp() && (fp < m_.sp || fp >= cfa)) return true;
    return loader_.word((slot.is_from_fp() ? fp : cfa) + static_cast<std::uintptr_t>(std::intptr_t{slot.offset()}), value);
  }

#if defined(__aarch64__)
  step_end step_by_row(const unwind_row& row) noexcept {
    // Behind a step by frame pointer sp isn't known, but fp is the address of this frame's record.
    if (m_.sp == 0 && row.how() == cfa_rule::sp) {
      if (row.fp.is_same() || row.fp.is_lost() || row.fp.is_from_fp()) return step_by_frame_pointer();
      cfa_ = m_.fp - static_cast<std::uintptr_t>(std::intptr_t{row.fp.offset()});
    } else if (!find_cfa(row)) {
      return failed(step_end::out_of_bounds);
    }
    const std::uintptr_t cfa = cfa_, fp = m_.fp;
    if (interrupted_ ? cfa < m_.sp : cfa <= m_.sp) return failed(step_end::not_growing);
    if (cfa % 16 != 0 || cfa > loader_.high()) return failed(step_end::out_of_bounds);
    if (row.second.is_same() && !interrupted_) return failed(step_end::no_rows);  // a caller has x30 in memory
    std::uintptr_t to = m_.second;
    if (!restore(row.second, cfa, fp, to) || !restore(row.fp, cfa, fp, m_.fp)) return failed(step_end::out_of_bounds);
    return go_to(row.signed_ra != 0 ? without_signature(to) : to, cfa);
  }
  /// XPACLRI: strips a pointer authentication code; does nothing on machines that have none.
  static std::uintptr_t without_signature(std::uintptr_t address) noexcept {
    register std::uintptr_t x30 __asm__("x30") = address;
    __asm__("hint #7" : "+r"(x30));
    return x30;
  }
#else
  step_end step_by_row(const unwind_row& row) noexcept {
    if (!find_cfa(row)) return failed(is_register(row.how()) ? step_end::no_rows : step_end::out_of_bounds);
    const std::uintptr_t cfa = cfa_, fp = m_.fp;
    if (cfa <= m_.sp) return failed(step_end::not_growing);
    std::uintptr_t to = 0;
    if (!loader_.word(cfa - 8, to) || !restore(row.fp, cfa, fp, m_.fp) || !restore(row.second, cfa, fp, m_.second))
      return failed(step_end::out_of_bounds);
    return go_to(to, cfa);
  }
  static std::uintptr_t without_signature(std::uintptr_t address) noexcept { return address; }
#endif
  static bool is_register(cfa_rule r) noexcept { return r == cfa_rule::rax || r == cfa_rule::r10 || r == cfa_rule::r11; }

  step_end failed(step_end why) noexcept {
    cfa_ = 0;
    return why;
  }

  step_end go_to(std::uintptr_t pc, std::uintptr_t sp) noexcept {
    m_.pc = pc;
    m_.sp = sp;
    interrupted_ = false;
    if (pc == 0) return step_end::complete;
    return pc >= lowest_code && pc < highest_code ? step_end::caller : step_end::bad_pc;
  }

  step_end step_out_of_signal() noexcept {
    trampoline_ = true;
    machine_state before;
    const std::uintptr_t context = m_.sp + in_frame;
    const bool good = read_context(before, [&](std::size_t offset, std::uintptr_t& into) noexcept { return loader_.word(context + offset, into); });
    // It was pushed where the stack was, or on another one, which there may be no access to.
    if (!good || !loader_.resume(before.sp)) return step_end::out_of_bounds;
    if (before.sp > m_.sp) cfa_ = before.sp;
    m_ = before;
    interrupted_ = true;
    if (m_.pc == 0) return step_end::complete;
    return m_.pc >= lowest_code && m_.pc < highest_code ? step_end::caller : step_end::bad_pc;
  }

  /// Both psABIs: fp points to the caller's fp, behind which the return address lies.
  step_end step_by_frame_pointer() noexcept {
    const std::uintptr_t fp = m_.fp;
    std::uintptr_t next = 0, to = 0;
    const bool in_module = module_ != nullptr;
    if (fp < m_.sp || !loader_.word(fp, next) || !loader_.word(fp + 8, to)) return failed(step_end::no_rows);
    to = without_signature(to);
    // Code of a module is called by code of modules; code made at run time, by any.
    if (to < lowest_code || to >= highest_code || (in_module && snapshot_.module_of(to) == nullptr)) return failed(step_end::no_rows);
    // What it has kept for its caller is a frame pointer as well, or anything at all where the caller is compiled code that has none: where
    // compiled code has called code made at run time.
    if (next != 0 && next <= fp && (in_module || !has_rows(to - 1))) return failed(step_end::no_rows);
    guessed_ = true;
    m_.fp = next;
#if defined(__aarch64__)
    return go_to(to, 0);
#else
    cfa_ = fp + 16;
    return go_to(to, cfa_);
#endif
  }

#if defined(__x86_64__) || defined(__aarch64__)
  static constexpr std::uintptr_t in_frame = context_layout::in_frame;
#else
  static constexpr std::uintptr_t in_frame = 0;
#endif

  const unwind_snapshot& snapshot_;
  Loader& loader_;
  row_cache* cache_;
  machine_state m_;
  const unwind_module* module_ = nullptr;  ///< the last one: callers are mostly in the same
  std::uintptr_t cfa_ = 0;
  bool interrupted_ = true;                ///< m_ is what a signal interrupted: pc is exact, all registers are known
  bool trampoline_ = false;
  bool guessed_ = false;
};

/// Calls `bool frame(pc, cfa, is_return_address)` for each frame, leaf first: pc is the raw return address (names lie at pc - 1), but that
/// of the interrupted instruction, exactly, for the leaf and below signal handlers; cfa is 0 where unknown. False from `frame` stops.
/// `bounds` is the stack of the calling thread. Outside of it there is the leaf alone; see walk_off_stack. `cache`: the thread's own; or none.
template <class Frame>
walk_result walk(const unwind_snapshot& snapshot, const machine_state& start, const platform::stack_range& bounds, unsigned max_frames,
                 Frame&& frame, row_cache* cache = nullptr) {
  if (!bounds.contains(start.sp)) {
    if (max_frames != 0) frame(start.pc, std::uintptr_t{0}, false);
    return {walk_end::out_of_bounds, false};
  }
  direct_loader loader(start.sp, bounds);
  return stack_walk<direct_loader>(snapshot, start, loader, cache).run(max_frames, frame);
}

}  // namespace sampling
}  // namespace pyro
