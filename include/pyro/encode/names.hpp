#pragma once
// What a frame is called, the same in every format. Pure, any thread.

#include <pyro/encode/display_name.hpp>
#include <pyro/encode/utf8.hpp>
#include <pyro/model/profile.hpp>

#include <string>       // results
#include <string_view>  // linkers' names
#include <utility>      // move
#include <vector>       // label pairs

namespace pyro::detail {

/// The function's name, else its linker name, else the address, else `[unknown]`. Valid UTF-8, never empty.
inline std::string frame_name(const profile& p, const frame& f) {
  const function& fn = p.functions[f.function];
  const std::string& name = p.text(fn.name).empty() ? p.text(fn.system_name) : p.text(fn.name);
  if (!name.empty()) return utf8_repair(name);
  if (f.address == 0) return "[unknown]";
  std::string hex;
  for (std::uint64_t rest = f.address; rest != 0; rest >>= 4U) hex.insert(hex.begin(), "0123456789abcdef"[rest & 15U]);
  return "0x" + hex;
}

/// Whether a linker's name is a C++ function's: what Rust's compiler makes looks alike, but ends in a hash ("...17h0123456789abcdefE").
inline bool is_mangled_cpp(std::string_view linker_name) noexcept {
  if (linker_name.substr(0, 2) != "_Z") return false;
  constexpr std::size_t hash = 20;  // with its length in front and the E behind
  return linker_name.size() < hash || linker_name.back() != 'E' || linker_name.substr(linker_name.size() - hash, 3) != "17h";
}

/// The same for reading: of native C++ functions without parameters, return types and long template arguments. Names of other languages, which
/// files that others wrote are full of, stay whole.
inline std::string short_frame_name(const profile& p, const frame& f) {
  const bool shorten = f.kind == frame_kind::native && is_mangled_cpp(p.text(p.functions[f.function].system_name));
  return shorten ? display_name(frame_name(p, f)) : frame_name(p, f);
}

/// What stands for a stack without frames.
inline const char* empty_stack_name() noexcept { return "[unknown]"; }

/// Calls `visit(frame)` for each frame of a stack, leaf first.
template <class Visit>
void for_each_frame(const profile& p, std::uint32_t stack_index, Visit&& visit) {
  for (; stack_index != no_stack; stack_index = p.stacks[stack_index].parent) visit(p.frames[p.stacks[stack_index].frame]);
}

using label_texts = std::vector<std::pair<std::string, std::string>>;

/// A label set as texts, with the tags of the process where the set has no value for their key. Sorted, valid UTF-8, each key
/// once, no empty key.
inline label_texts labels_of(const profile& p, std::uint32_t label_set_index, bool static_tags) {
  label_texts out;
  const auto put = [&out](const std::string& key, const std::string& value) {
    if (key.empty()) return;
    std::string repaired = utf8_repair(key);
    auto at = out.begin();
    while (at != out.end() && at->first < repaired) ++at;
    if (at == out.end() || at->first != repaired) out.emplace(at, std::move(repaired), utf8_repair(value));
  };
  for (const label& l : p.label_sets[label_set_index]) put(p.text(l.key), p.text(l.value));
  if (static_tags)
    for (const auto& tag : p.static_tags) put(tag.first, tag.second);
  return out;
}

}  // namespace pyro::detail
