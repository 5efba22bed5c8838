#pragma once
// Makes snapshots (sample/unwind_snapshot.hpp): looks at which modules are loaded, decodes the tables of those that are new, publishes.
// One thread at a time, the worker's; not signal safe, except for what says so. Nothing is thrown. Neither the loader nor its lock is
// asked for anything: modules are found in /proc/self/maps, and their memory is read through the kernel, which gives an error and no
// fault where a module has gone meanwhile.

#include <pyro/platform/exceptions.hpp>
#include <pyro/platform/system.hpp>
#include <pyro/sample/code_mappings.hpp>
#include <pyro/sample/module_rows.hpp>
#include <pyro/sample/unwind_snapshot.hpp>

#include <algorithm>  // sort
#include <cstdint>    // fixed-width integers
#include <cstring>    // memcmp
#include <memory>     // rows are shared by snapshots
#include <string>
#include <vector>

namespace pyro {
namespace sampling PYRO_HIDDEN {

struct unwind_limits {
  std::size_t table_bytes = std::size_t{32} << 20;    ///< rows and indices of all modules; those past it stay without
  std::size_t module_bytes = std::size_t{128} << 20;  ///< of one module's .eh_frame, held while it is decoded
};

class unwind_tables {
 public:
  explicit unwind_tables(unwind_limits limits = {}) noexcept : limits_(limits) {}
  /// No handler may be running, nor run later.
  ~unwind_tables() {
    if (state_ == nullptr) return;
    delete state_->latest;
    while (state_->retired != nullptr) delete take_first(state_->retired);
    delete state_;
  }
  unwind_tables(const unwind_tables&) = delete;
  unwind_tables& operator=(const unwind_tables&) = delete;

  /// Looks at what is loaded; where that has changed, publishes a new snapshot. True where it did. Old ones are kept until `release_old`.
  bool update() noexcept {
    const busy_mark mark(busy_);
    PYRO_TRY {
      if (state_ == nullptr) state_ = new state;
      const bool trampoline = learn_signal_return();
      if (!state_->mappings.changed() && !trampoline) return false;
      build(*state_);
      return true;
    }
    PYRO_CATCH_ALL {}
    if (state_ != nullptr) state_->mappings.look_again();  // no memory: what was published stays
    return false;
  }

  /// Signal safe: what the kernel has made a handler return to, __builtin_return_address(0) there. For systems that have no rows for it and
  /// don't say where it is (aarch64 emulated by qemu). It is believed where its instructions are those of a trampoline.
  void note_signal_return(const void* address) noexcept {
    if (core::load_relaxed(seen_signal_return_) != reinterpret_cast<std::uintptr_t>(address))
      core::store_relaxed(seen_signal_return_, reinterpret_cast<std::uintptr_t>(address));
  }

  /// Signal safe. To be read under an `unwind_guard`, or by the thread that calls `update`.
  const unwind_snapshot* current() const noexcept { return core::load_acquire(published_); }
  const unwind_snapshot* const& published() const noexcept { return published_; }

  /// Frees snapshots that no handler reads, with rows that no other needs. `visit(held)` calls `held(cell)` for the cell of every thread
  /// that may run a handler. Returns how many are left.
  template <class Visit>
  std::size_t release_old(Visit&& visit) noexcept {
    const busy_mark mark(busy_);
    if (state_ == nullptr || state_->retired == nullptr) return 0;
    for (snapshot_node* n = state_->retired; n != nullptr; n = n->next) n->held = false;
    visit([this](const hazard_cell& cell) noexcept {
      const unwind_snapshot* in_use = __atomic_load_n(&cell, __ATOMIC_SEQ_CST);
      for (snapshot_node* n = state_->retired; n != nullptr && in_use != nullptr; n = n->next)
        if (&n->view == in_use) n->held = true;
    });
    std::size_t left = 0;
    for (snapshot_node** at = &state_->retired; *at != nullptr;) {
      if ((*at)->held) {
        ++left;
        at = &(*at)->next;
      } else {
        delete take_first(*at);
      }
    }
    core::store_relaxed(retired_, left);
    return left;
  }

  /// In a forked child, before anything else: allocates and frees nothing. Where the parent's worker was at work, its state is not to be
  /// trusted, and left behind; what is published stays valid. Cells of threads that are not in the child must be cleared, or not visited.
  void forget_retired_in_child() noexcept {
    if (core::load_relaxed(busy_)) {
      state_ = nullptr;
      retired_ = 0;
    }
    core::store_relaxed(busy_, false);
  }

  // Figures of the last snapshot. Any thread, but for `modules`: the one that calls `update`.
  std::size_t bytes() const noexcept { return core::load_relaxed(bytes_); }
  std::size_t rows() const noexcept { return core::load_relaxed(rows_); }
  std::size_t modules() const noexcept { return current() != nullptr ? current()->modules() : 0; }
  /// Of the last snapshot, maps and all.
  std::int64_t build_ns() const noexcept { return core::load_relaxed(build_ns_); }
  std::uint64_t builds() const noexcept { return core::load_relaxed(builds_); }
  /// Snapshots that wait to be freed. Any thread.
  std::size_t retired() const noexcept { return core::load_relaxed(retired_); }
  /// Modules whose code was found without tables, or with tables past the limits.
  std::size_t modules_without_rows() const noexcept { return core::load_relaxed(without_rows_); }

 private:
  struct snapshot_node {
    unwind_snapshot view;
    std::vector<unwind_module> modules;
    std::vector<std::shared_ptr<const module_rows>> rows;  ///< keeps them alive
    snapshot_node* next = nullptr;
    bool held = false;
  };

  struct known_module {
    code_mapping mapping;
    std::shared_ptr<const module_rows> rows;
    int attempts = 0;  ///< to read it: it may be half mapped, or half unmapped
    bool settled = false;
  };

  struct state {
    code_mappings mappings;
    std::vector<known_module> known;  ///< sorted by address
    snapshot_node* latest = nullptr;
    snapshot_node* retired = nullptr;
  };

  class busy_mark {
   public:
    explicit busy_mark(bool& busy) noexcept : busy_(busy) { core::store_relaxed(busy_, true); }
    ~busy_mark() { core::store_relaxed(busy_, false); }
    busy_mark(const busy_mark&) = delete;
    busy_mark& operator=(const busy_mark&) = delete;

   private:
    bool& busy_;
  };

  static constexpr std::size_t most_modules = 65536;
  static constexpr int most_attempts = 8;

  static snapshot_node* take_first(snapshot_node*& list) noexcept {
    snapshot_node* first = list;
    list = first->next;
    return first;
  }

  void build(state& s) {
    const std::int64_t begin = platform::monotonic_ns();
    const std::vector<code_mapping>& mappings = s.mappings.read();
    std::vector<known_module> next;
    next.reserve(mappings.size() + 1);
    for (const code_mapping& m : mappings)
      if (next.size() < most_modules) next.push_back(known(s, m));
    add_vdso(s, next);
    std::sort(next.begin(), next.end(), [](const known_module& a, const known_module& b) { return a.mapping.lo < b.mapping.lo; });

    std::size_t bytes = 0;
    for (const known_module& k : next) bytes += k.rows ? k.rows->bytes() : 0;
    bool again = false;
    for (known_module& k : next) {
      if (!k.settled) read(k, bytes);
      again = again || !k.settled;
    }
    publish(s, next);
    s.known.swap(next);
    if (again) s.mappings.look_again();
    core::store_relaxed(bytes_, bytes);
    core::store_relaxed(build_ns_, platform::monotonic_ns() - begin);
    core::store_relaxed(builds_, builds_ + 1);
  }

  static known_module known(const state& s, const code_mapping& mapping) {
    for (const known_module& k : s.known)  // some dozens
      if (k.mapping.same_as(mapping)) return k;
    known_module k;
    k.mapping = mapping;
    return k;
  }

  static void add_vdso(const state& s, std::vector<known_module>& next) {
    const platform::loaded_module vdso = vdso_module();
    if (vdso.path.empty()) return;
    code_mapping m;
    m.lo = m.lowest = vdso.lowest;
    m.hi = vdso.highest;
    m.path = vdso.path;
    next.push_back(known(s, m));
  }

  void read(known_module& k, std::size_t& bytes) {
    const code_mapping& m = k.mapping;
    elf_image image = elf_image::at(m.lowest);
    if (!image.good()) image = elf_image::at(m.lo - m.file_offset);
    std::vector<unwind_row> rows;
    const module_reader::outcome outcome = module_reader::read(image, m.lo, m.hi, m.path, limits_.module_bytes, rows);
    k.settled = outcome != module_reader::outcome::unreadable || ++k.attempts == most_attempts;
    if (outcome == module_reader::outcome::decoded) add_stub_rows(m.lo, m.hi, rows);
    if (rows.empty()) return;
    const auto made = std::make_shared<const module_rows>(std::move(rows));
    if (bytes + made->bytes() > limits_.table_bytes) return;
    bytes += made->bytes();
    k.rows = made;
  }

  void publish(state& s, const std::vector<known_module>& modules) {
    auto node = std::make_unique<snapshot_node>();
    node->modules.reserve(modules.size());
    node->rows.reserve(modules.size());
    std::size_t rows = 0, without = 0;
    for (const known_module& k : modules) {
      unwind_module m;
      m.lo = static_cast<std::uintptr_t>(k.mapping.lo);
      m.hi = static_cast<std::uintptr_t>(k.mapping.hi);
      if (!node->modules.empty() && node->modules.back().hi > m.lo) node->modules.back().hi = m.lo;  // torn maps: for now
      if (k.rows) k.rows->fill(m);
      rows += k.rows ? k.rows->size() : 0;
      without += k.rows ? 0 : 1;
      node->modules.push_back(m);
      node->rows.push_back(k.rows);
    }
    node->view = unwind_snapshot(node->modules.data(), node->modules.size(), signal_return_, builds_ + 1);
    __atomic_store_n(&published_, &node->view, __ATOMIC_SEQ_CST);  // against the cells: see unwind_guard
    if (s.latest != nullptr) {
      s.latest->next = s.retired;
      s.retired = s.latest;
      core::store_relaxed(retired_, retired_ + 1);
    }
    s.latest = node.release();
    core::store_relaxed(rows_, rows);
    core::store_relaxed(without_rows_, without);
  }

  /// Whether a trampoline has become known that was not.
  bool learn_signal_return() noexcept {
    const std::uintptr_t seen = core::load_relaxed(seen_signal_return_);
    if (seen == signal_return_ || seen == refused_signal_return_) return false;
    if (!is_trampoline(seen)) {
      refused_signal_return_ = seen;
      return false;
    }
    signal_return_ = seen;
    return true;
  }

  /// rt_sigreturn(2), by its number.
  static bool is_trampoline(std::uintptr_t address) noexcept {
#if defined(__x86_64__)
    constexpr unsigned char code[] = {0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05};
#elif defined(__aarch64__)
    constexpr unsigned char code[] = {0x68, 0x11, 0x80, 0xd2, 0x01, 0, 0, 0xd4};
#else
    constexpr unsigned char code[] = {0};
#endif
    unsigned char found[sizeof code];
    return sizeof code > 1 && platform::read_own_memory(address, found, sizeof found) && std::memcmp(found, code, sizeof code) == 0;
  }

  const unwind_snapshot* published_ = nullptr;
  const unwind_limits limits_;
  state* state_ = nullptr;
  bool busy_ = false;
  std::uintptr_t seen_signal_return_ = 0;
  std::uintptr_t signal_return_ = 0;
  std::uintptr_t refused_signal_return_ = 0;
  std::size_t retired_ = 0;
  std::size_t bytes_ = 0;
  std::size_t rows_ = 0;
  std::size_t without_rows_ = 0;
  std::int64_t build_ns_ = 0;
  std::uint64_t builds_ = 0;
};

}  // namespace sampling
}  // namespace pyro
