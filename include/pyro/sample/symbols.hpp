#pragma once
// From addresses of this process to functions: `symbolizer`. One thread at a time (the worker's); not signal safe; nothing is thrown.
//
//   address ─► cache ─► module ─► its table ─► name, demangled
//                                   └ loaded at first need: .symtab, else that of a separate debug file, else .dynsym
//
// A file is used only where it is the one that was loaded: memory and file must have the same build id (sample/elf_image.hpp).
// Addresses of calls: a return address is that of the next instruction, and may lie in the next function; ask for one less.

#include <pyro/platform/exceptions.hpp>
#include <pyro/sample/debug_file.hpp>
#include <pyro/sample/demangle.hpp>
#include <pyro/sample/symbol_table.hpp>

#include <cstdint>        // fixed-width integers
#include <deque>          // symbols stay where they are
#include <memory>         // modules stay where they are
#include <string>
#include <unordered_map>  // the cache
#include <vector>

namespace pyro {
namespace sampling PYRO_HIDDEN {

struct symbol {
  std::string name;         ///< for people; empty: the module has no symbol there
  std::string system_name;  ///< for linkers
  std::uint64_t start = 0;  ///< in memory
  std::uint64_t size = 0;
  const platform::loaded_module* module = nullptr;  ///< null: no module has this address (code made at run time)
};

struct symbol_limits {
  std::size_t table_bytes = std::size_t{32} << 20;  ///< of all modules' tables; the least recently used one goes first
  std::size_t addresses = 65536;                    ///< that are remembered; then all are forgotten
  std::size_t name_bytes = std::size_t{16} << 20;   ///< of remembered symbols
  std::size_t gone_modules = 64;                    ///< unloaded ones whose addresses are still understood
};

struct symbol_counts {
  std::uint64_t tables_loaded = 0;
  std::uint64_t tables_dropped = 0;   ///< for others, past `table_bytes`
  std::uint64_t tables_refused = 0;   ///< larger than `table_bytes`
  std::uint64_t files_mismatched = 0; ///< not the file that was loaded
};

class symbolizer {
 public:
  explicit symbolizer(symbol_limits limits = {}, std::string debug_root = "/usr/lib/debug")
      : limits_(limits), debug_root_(std::move(debug_root)) {}
  symbolizer(const symbolizer&) = delete;
  symbolizer& operator=(const symbolizer&) = delete;

  /// The modules now loaded (platform::module_list::refresh). Those that are gone since are remembered until another takes their place.
  void update(const std::vector<platform::loaded_module>& loaded) noexcept {
    PYRO_TRY {
      replace_modules(loaded);
      return;
    }
    PYRO_CATCH_ALL {}
    forget();  // no memory: nothing is known until the next time
    modules_.clear();
    table_bytes_ = 0;
  }

  /// What lies at an address. Valid until the next call of `find` or `update`.
  const symbol& find(std::uint64_t address) noexcept {
    const symbol* found = &none_;
    PYRO_TRY { found = &cached(address); }
    PYRO_CATCH_ALL {}
    return *found;
  }

  /// Memory that is held, about.
  std::size_t bytes() const noexcept {
    constexpr std::size_t node = 48;  // of the hash tables, with its place in the array
    return table_bytes_ + symbol_bytes_ + (by_address_.size() + by_start_.size()) * node + modules_.size() * sizeof(entry);
  }
  std::size_t table_bytes() const noexcept { return table_bytes_; }
  const symbol_counts& counts() const noexcept { return counts_; }

 private:
  struct entry {
    platform::loaded_module module;
    elf_image image;
    symbol_table table;
    std::uint64_t used = 0;          ///< tick of the last look-up in the table
    std::uint32_t nameless = 0;      ///< its symbol for addresses without one
    bool tried = false;              ///< the table was looked for
    bool loaded = false;             ///< and is there
    bool gone = false;
    bool is_program = false;
    bool contains(std::uint64_t address) const noexcept { return address >= module.lowest && address < module.highest; }
  };

  // --- modules ------------------------------------------------------------------------------------------------------------------

  void replace_modules(const std::vector<platform::loaded_module>& loaded) {
    const std::string program = platform::program_path();
    std::vector<std::unique_ptr<entry>> next;
    std::size_t kept = 0;
    const auto add = [&](const platform::loaded_module& m, elf_image image) {
      for (std::unique_ptr<entry>& e : modules_) {
        if (!e || e->gone || e->module.path != m.path || e->module.start != m.start || e->module.limit != m.limit ||
            e->image.fingerprint() != image.fingerprint() || e->image.build_id() != image.build_id())
          continue;
        next.push_back(std::move(e));
        ++kept;
        return;
      }
      next.push_back(std::make_unique<entry>());
      entry& e = *next.back();
      e.module = m;
      if (image.good()) e.module.build_id = image.build_id();  // the file's may be another by now
      e.image = std::move(image);
      e.is_program = m.path == program;
    };
    for (const platform::loaded_module& m : loaded) add(m, elf_image::of(m));
    const platform::loaded_module vdso = vdso_module();
    if (!vdso.path.empty()) add(vdso, elf_image::at(vdso.lowest));

    const std::size_t live = next.size();
    for (std::unique_ptr<entry>& e : modules_) {
      if (!e) continue;
      bool replaced = false;
      for (std::size_t i = 0; i < live; ++i)
        replaced = replaced || (e->module.lowest < next[i]->module.highest && next[i]->module.lowest < e->module.highest);
      if (replaced || !e->image.good()) {
        drop_table(*e);
        continue;
      }
      e->gone = true;
      next.push_back(std::move(e));
      ++kept;
    }
    while (next.size() - live > limits_.gone_modules) {
      drop_table(*next[live]);
      next.erase(next.begin() + static_cast<std::ptrdiff_t>(live));  // the longest gone
      --kept;
    }
    const bool same = kept == next.size() && kept == modules_.size();
    modules_.swap(next);
    if (!same) forget();  // of the modules that stay, too
  }

  entry* module_of(std::uint64_t address) noexcept {
    for (std::unique_ptr<entry>& e : modules_)  // some dozens, and only for addresses that are new; those still loaded come first
      if (e && e->contains(address)) return e.get();
    return nullptr;
  }

  // --- tables -------------------------------------------------------------------------------------------------------------------

  void drop_table(entry& e) noexcept {
    if (!e.loaded) return;
    table_bytes_ -= e.table.bytes();
    e.table = symbol_table();
    e.loaded = e.tried = false;
  }

  /// Drops tables until `bytes` more have room, but not that of `spare`.
  void make_room(std::size_t bytes, const entry& spare) noexcept {
    while (table_bytes_ + bytes > limits_.table_bytes) {
      entry* oldest = nullptr;
      for (std::unique_ptr<entry>& e : modules_)
        if (e->loaded && e.get() != &spare && (oldest == nullptr || e->used < oldest->used)) oldest = e.get();
      if (oldest == nullptr) return;
      drop_table(*oldest);
      ++counts_.tables_dropped;
    }
  }

  void load(entry& e) {
    e.tried = true;
    if (!e.image.good()) return;
    symbol_table table;
    const symbol_table::outcome outcome = read_table(e, table);
    if (outcome == symbol_table::outcome::too_large) ++counts_.tables_refused;
    if (outcome != symbol_table::outcome::loaded) return;
    make_room(table.bytes(), e);
    e.table = std::move(table);
    e.loaded = true;
    table_bytes_ += e.table.bytes();
    ++counts_.tables_loaded;
  }

  symbol_table::outcome read_table(entry& e, symbol_table& table) {
    if (e.module.path == "[vdso]") {
      const std::string bytes = read_image(e.module.lowest, e.module.highest - e.module.lowest);
      const elf_file image{elf_source(std::string_view(bytes))};
      return table.load(image, e.image, SHT_DYNSYM, {}, limits_.table_bytes);
    }
    // The program's file is there as long as it runs, whatever has become of its name.
    const std::string path = e.is_program ? "/proc/self/exe" : e.module.path;
    elf_file file{elf_source(path)};
    if (file.good() && !e.image.is_from(file)) {
      ++counts_.files_mismatched;
      file = elf_file();
    }
    symbol_table::outcome outcome = try_table(file, e.image, SHT_SYMTAB, path, table);
    if (outcome != symbol_table::outcome::none) return outcome;
    const debug_file debug = find_debug_file(e.module.path, file, e.image.build_id(), debug_root_);
    outcome = try_table(debug.file, e.image, SHT_SYMTAB, debug.path, table);
    if (outcome != symbol_table::outcome::none) return outcome;
    return try_table(file, e.image, SHT_DYNSYM, path, table);
  }

  symbol_table::outcome try_table(const elf_file& file, const elf_image& image, std::uint32_t type, const std::string& path,
                                  symbol_table& table) const {
    table = symbol_table();
    return file.good() ? table.load(file, image, type, path, limits_.table_bytes) : symbol_table::outcome::none;
  }

  // --- the cache ----------------------------------------------------------------------------------------------------------------

  void forget() noexcept {
    by_address_.clear();
    by_start_.clear();
    symbols_.clear();
    symbol_bytes_ = 0;
    for (std::unique_ptr<entry>& e : modules_)
      if (e) e->nameless = 0;
  }

  const symbol& cached(std::uint64_t address) {
    const auto known = by_address_.find(address);
    if (known != by_address_.end()) return numbered(known->second);
    if (by_address_.size() >= limits_.addresses || symbol_bytes_ > limits_.name_bytes) forget();
    const std::uint32_t index = look_up(address);
    by_address_.emplace(address, index);
    return numbered(index);
  }

  /// 0 is that of addresses in no module.
  const symbol& numbered(std::uint32_t index) const noexcept { return index == 0 ? none_ : symbols_[index - 1]; }

  std::uint32_t look_up(std::uint64_t address) {
    entry* e = module_of(address);
    if (e == nullptr) return 0;
    if (!e->tried) load(*e);
    if (e->loaded) {
      e->used = ++tick_;
      const symbol_table::row* row = e->table.find(address - e->image.bias());
      if (row != nullptr) {
        const std::uint64_t start = e->table.start_of(*row) + e->image.bias();
        const auto known = by_start_.find(start);
        if (known != by_start_.end() && numbered(known->second).size == row->size()) return known->second;
        symbol s;
        s.system_name = e->table.name_of(*row);
        s.name = demangle(s.system_name);
        s.start = start;
        s.size = row->size();
        s.module = &e->module;
        if (!s.name.empty()) {
          const std::uint32_t index = keep(std::move(s));
          by_start_[start] = index;
          return index;
        }
      }
    }
    if (e->nameless == 0) {
      symbol s;
      s.module = &e->module;
      e->nameless = keep(std::move(s));
    }
    return e->nameless;
  }

  std::uint32_t keep(symbol s) {
    symbol_bytes_ += sizeof(symbol) + s.name.capacity() + s.system_name.capacity();
    symbols_.push_back(std::move(s));
    return static_cast<std::uint32_t>(symbols_.size());
  }

  symbol_limits limits_;
  std::string debug_root_;
  std::vector<std::unique_ptr<entry>> modules_;  ///< those loaded, then those gone
  std::size_t table_bytes_ = 0;
  std::uint64_t tick_ = 0;
  std::unordered_map<std::uint64_t, std::uint32_t> by_address_;  ///< to the numbers of symbols
  std::unordered_map<std::uint64_t, std::uint32_t> by_start_;
  const symbol none_;
  std::deque<symbol> symbols_;
  std::size_t symbol_bytes_ = 0;
  symbol_counts counts_;
};

}  // namespace sampling
}  // namespace pyro
