#pragma once
// What addresses in a window are called: functions of native frames by their symbols, modules of sites. Kept from window to window, since
// symbols are cached in it. The worker alone, but for what says so.

#include <pyro/encode/display_name.hpp>
#include <pyro/model/builder.hpp>
#include <pyro/platform/exceptions.hpp>
#include <pyro/platform/modules.hpp>
#include <pyro/platform/system.hpp>
#include <pyro/sample/lines.hpp>
#include <pyro/sample/symbols.hpp>

#include <string>
#include <unordered_map>  // memo
#include <unordered_set>  // names of scopes
#include <vector>

namespace pyro {
namespace collect PYRO_HIDDEN {

/// What a native frame is shown as: more than one frame where functions were inlined and their lines are known, the outermost first.
struct native_name {
  std::vector<std::uint32_t> frames;
  bool is_own = false;  ///< pyro's
};

/// Without what a compiler adds to a function's name where it keeps several copies or parts: " [clone .constprop.0]".
inline std::string without_clones(std::string shown) {
  const std::size_t at = shown.find(" [clone ");
  if (at != std::string::npos) shown.erase(at);
  return shown;
}

/// A function's name for comparing what the compiler calls it with what the linker does: without parameters, template arguments and numbers of
/// lambdas, which the two write differently. A lambda's function is the lambda: `f::{lambda#1}::operator()`, clang's `f::$_0::operator()`.
inline std::string comparable_name(std::string_view name) {
  const std::string shown = without_clones(display_name(name, 0));
  const auto skip_number = [&](std::size_t& i) {
    while (i + 1 < shown.size() && shown[i + 1] >= '0' && shown[i + 1] <= '9') ++i;
  };
  std::string out;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    if (shown.compare(i, 5, "<...>") == 0) i += 4;
    else if (shown.compare(i, 10, " namespace") == 0) i += 9;
    else if (shown[i] == '#') skip_number(i);
    else if (shown.compare(i, 2, "$_") == 0) out += "{lambda}", skip_number(++i);
    else if (shown.compare(i, 12, "::operator()") == 0 && out.size() >= 8 && out.compare(out.size() - 8, 8, "{lambda}") == 0) i += 11;
    else out += shown[i];
  }
  return out;
}

class frame_names {
 public:
  /// Where a function begins that has no symbol, or 0 (the unwind tables know); by address.
  using function_start = std::uint64_t (*)(void* context, std::uint64_t address);

  frame_names(function_start start_of, void* context) noexcept : start_of_(start_of), context_(context) {}

  /// Held by the worker from `begin` to the last look-up.
  platform::mutex& lock() noexcept { return lock_; }

  /// Notes what is loaded now. The pump; while the worker is at it there is nothing to do, since that has just looked.
  void see_modules() noexcept {
    if (!lock_.lock_for(0)) return;
    PYRO_TRY { symbols_.update(modules_.refresh()); }
    PYRO_CATCH_ALL {}
    lock_.unlock();
  }

  /// A new window: its frames are asked for by their index, and made in `to`.
  void begin(const profile& from, profile_builder& to) {
    from_ = &from;
    to_ = &to;
    natives_.assign(from.frames.size(), native_name());
    scopes_.assign(from.frames.size(), profile_builder::unknown);
    own_names_.clear();
    scope_names_.clear();
    comparable_.clear();
    const std::vector<platform::loaded_module>& loaded = modules_.refresh();
    symbols_.update(loaded);
    for (const platform::loaded_module& m : loaded) to.target().mappings.push_back(mapping_of(m));
    if (to.target().mappings.empty()) to.target().mappings.emplace_back();  // frames refer to one
    for (const frame& f : from.frames)
      if (f.kind == frame_kind::scope) scope_names_.insert(from.text(from.functions[f.function].name));
  }

  /// A scope's frame, or one that pyro makes.
  std::uint32_t of_scope(std::uint32_t index) {
    std::uint32_t& known = scopes_[index];
    if (known == profile_builder::unknown) {
      frame f = from_->frames[index];
      function fn = from_->functions[f.function];
      fn.name = fn.system_name = to_->text(from_->text(fn.name));
      fn.file = to_->text(from_->text(fn.file));
      f.function = to_->add_function(fn);
      f.mapping = modules_.find(reinterpret_cast<const void*>(static_cast<std::uintptr_t>(f.address)));
      f.address = 0;
      known = to_->add_frame(f);
    }
    return known;
  }

  const native_name& of_native(std::uint32_t index) {
    native_name& known = natives_[index];
    if (known.frames.empty() && !known.is_own) resolve(from_->frames[index].address, known);
    return known;
  }

  /// Whether a function of `to` is that which a scope of the window is named after.
  bool is_same(std::uint32_t native_function, std::uint32_t scope) {
    const std::string& name = from_->text(from_->functions[from_->frames[scope].function].name);
    const std::string& native = to_->target().text(to_->target().functions[native_function].name);
    return name == native || comparable(name) == comparable(native);
  }

  std::size_t bytes() const noexcept { return symbols_.bytes(); }

 private:
  mapping mapping_of(const platform::loaded_module& m) {
    mapping shown;
    shown.memory_start = m.start;
    shown.memory_limit = m.limit;
    shown.file_offset = m.file_offset;
    shown.filename = to_->text(m.path);
    shown.build_id = to_->text(m.build_id);
    return shown;
  }

  /// Of a symbol's module, which may be gone, or the vDSO.
  std::uint32_t mapping_index(const platform::loaded_module& m) {
    std::vector<mapping>& all = to_->target().mappings;
    for (std::size_t i = 0; i < all.size(); ++i)
      if (all[i].memory_start == m.start && all[i].memory_limit == m.limit) return static_cast<std::uint32_t>(i);
    all.push_back(mapping_of(m));
    return static_cast<std::uint32_t>(all.size() - 1);
  }

  void resolve(std::uint64_t address, native_name& shown) {
    const sampling::symbol& s = symbols_.find(address);
    function f;
    frame at;
    at.address = address;
    at.kind = frame_kind::native;
    if (s.module != nullptr) at.mapping = mapping_index(*s.module);
    if (s.name.empty()) {
      f.name = f.system_name = to_->text(nameless(address, s.module));
    } else {
      shown.is_own = is_own(s.name);
      if (shown.is_own) return;
      f.name = to_->text(name_of(s.name));
      f.system_name = to_->text(s.system_name);
    }
    lines_.clear();
    if (s.module != nullptr && sampling::find_lines(address, lines_)) {
      for (auto line = lines_.rbegin(); line != lines_.rend(); ++line) {  // the function itself, then what is inlined in it
        if (line != lines_.rbegin()) {
          shown.is_own = is_own(line->function);
          if (shown.is_own) break;  // what pyro is inlined into stays
          f.name = to_->text(name_of(line->function));
          f.system_name = to_->text(line->system_name);
        }
        f.file = to_->text(line->file);
        at.function = to_->add_function(f);
        at.line = line->line;
        shown.frames.push_back(to_->add_frame(at));
      }
      shown.is_own = false;
      return;
    }
    at.function = to_->add_function(f);
    shown.frames.push_back(to_->add_frame(at));
  }

  /// As its scope is called, where it has one: then both are one function in every tool.
  std::string name_of(const std::string& full) {
    std::string shown = without_clones(display_name(full, static_cast<std::size_t>(-1)));
    return scope_names_.count(shown) != 0 ? shown : full;
  }

  bool is_own(const std::string& name) {
    const auto known = own_names_.find(name);
    if (known != own_names_.end()) return known->second;
    return own_names_.emplace(name, display_name(name, 0).compare(0, 6, "pyro::") == 0).first->second;
  }

  /// "libc.so.6+0x27170": the function's begin where it is known, so that all of it is one.
  std::string nameless(std::uint64_t address, const platform::loaded_module* module) const {
    if (module == nullptr) return "[unknown]";
    const std::string file = module->path.substr(module->path.rfind('/') + 1);
    const std::uint64_t start = start_of_(context_, address);
    if (start < module->lowest || start >= module->highest) return "[" + file + "]";
    std::string hex;
    for (std::uint64_t rest = start - module->lowest; rest != 0 || hex.empty(); rest >>= 4) hex.insert(hex.begin(), "0123456789abcdef"[rest & 15]);
    return file + "+0x" + hex;
  }

  const std::string& comparable(const std::string& name) {
    const auto known = comparable_.find(name);
    return known != comparable_.end() ? known->second : comparable_.emplace(name, comparable_name(name)).first->second;
  }

  platform::mutex lock_;
  const function_start start_of_;
  void* const context_;
  platform::module_list modules_;
  sampling::symbolizer symbols_;
  const profile* from_ = nullptr;
  profile_builder* to_ = nullptr;
  std::vector<native_name> natives_;                          ///< by the window's frame
  std::vector<std::uint32_t> scopes_;                         ///< the same
  std::unordered_set<std::string> scope_names_;
  std::unordered_map<std::string, std::string> comparable_;
  std::unordered_map<std::string, bool> own_names_;
  std::vector<sampling::source_line> lines_;
};

}  // namespace collect
}  // namespace pyro
