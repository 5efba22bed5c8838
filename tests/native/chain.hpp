#pragma once
// Stacks of a profile from the root to the leaf, and whether they are what places.hpp's language says.

#include <pyro/model/profile.hpp>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace pyro_test {

struct link {
  pyro::frame_kind kind = pyro::frame_kind::native;
  std::string name, system_name;
  std::uint64_t address = 0;

  bool is_scope() const { return kind == pyro::frame_kind::scope; }
  bool is_native() const { return kind == pyro::frame_kind::native; }
};
using chain = std::vector<link>;

inline chain chain_of(const pyro::profile& p, std::uint32_t at) {
  chain out;
  for (; at != pyro::no_stack; at = p.stacks[at].parent) {
    const pyro::frame& f = p.frames[p.stacks[at].frame];
    const pyro::function& fn = p.functions[f.function];
    out.push_back({f.kind, p.text(fn.name), p.text(fn.system_name), f.address});
  }
  std::reverse(out.begin(), out.end());
  return out;
}

inline std::string text_of(const chain& c) {
  std::string out;
  for (const link& l : c) out += (out.empty() ? "" : " / ") + (l.is_scope() ? "[" + l.name + "]" : l.name);
  return out;
}

inline bool starts_with(const std::string& text, const std::string& with) { return text.compare(0, with.size(), with) == 0; }

/// "f", as the compiler or the linker writes it: with parameters, template arguments, a clone's suffix, a template's result.
inline bool is_function(const std::string& shown, const std::string& f) {
  for (std::size_t at = shown.find(f); at != std::string::npos; at = shown.find(f, at + 1)) {
    if (at != 0 && (shown[at - 1] != ' ' || shown.find('(') < at)) continue;
    const std::string rest = shown.substr(at + f.size());
    if (rest.empty() || rest[0] == '(' || rest[0] == '<' || rest[0] == '[' || starts_with(rest, " [clone") || rest[0] == '.') return true;
  }
  return false;
}

inline std::string label_of(const pyro::profile& p, const pyro::sample& s, const std::string& key) {
  for (const pyro::label& l : p.label_sets[s.labels])
    if (p.text(l.key) == key) return p.text(l.value);
  return {};
}

class stack_pattern {
 public:
  /// `own`: the namespaces that are never a library's: "at::".
  stack_pattern(const std::string& text, std::vector<std::string> own) : own_(std::move(own)) {
    for (std::size_t at = 0; at <= text.size();) {
      const std::size_t end = std::min(text.find(" / ", at), text.size());
      tokens_.push_back(text.substr(at, end - at));
      at = end + 3;
    }
  }

  bool is_whole(const chain& c) const { return match(c, 0, 0, false); }
  bool is_part(const chain& c) const { return match(c, 0, 0, true); }

 private:
  bool is_library(const link& l) const {
    if (!l.is_native()) return false;
    for (const std::string& space : own_)
      if (l.name.find(space) != std::string::npos) return false;
    return true;
  }
  bool all_libraries(const chain& c, std::size_t from) const {
    for (; from < c.size(); ++from)
      if (!is_library(c[from])) return false;
    return true;
  }
  bool match(const chain& c, std::size_t i, std::size_t t, bool part) const {
    if (part && all_libraries(c, i)) return true;
    if (t == tokens_.size()) return i == c.size() || (is_function(c[i].name, "burning::more") && all_libraries(c, i + 1));
    std::string token = tokens_[t];
    if (token == "*") {
      for (;; ++i) {
        if (match(c, i, t + 1, part)) return true;
        if (i == c.size() || !is_library(c[i])) return false;
      }
    }
    if (token[0] == '?') {
      if (match(c, i, t + 1, part)) return true;
      token.erase(0, 1);
    }
    if (i == c.size()) return false;
    bool good = false;
    if (token[0] == '!') good = c[i].kind == pyro::frame_kind::synthetic && c[i].name == token.substr(1);
    else if (token == "[unknown]") good = c[i].is_native() && c[i].name == token;
    else if (token[0] == '~') good = c[i].name.find(token.substr(1)) != std::string::npos;
    else if (token[0] == '[') good = c[i].is_scope() && "[" + c[i].name + "]" == token;
    else if (token[0] == '=') good = (c[i].is_native() || c[i].is_scope()) && is_function(c[i].name, token.substr(1));
    else good = c[i].is_native() && is_function(c[i].name, token);
    return good && match(c, i + 1, t + 1, part);
  }

  std::vector<std::string> tokens_, own_;
};

}  // namespace pyro_test
