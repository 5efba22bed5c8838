#pragma once
// What an examination found, as plain data and as a screen of text. Pure.

#include <cstddef>  // size_t
#include <string>
#include <utility>  // pair
#include <vector>

namespace pyro {

enum class finding_state {
  ok,
  degraded,  ///< it works, with less than there could be
  missing,   ///< it does not work
};

/// One capability.
struct finding {
  std::string area;     ///< such as "CPU timers"; each once
  finding_state state;
  std::string meaning;  ///< what was found, and what that means for profiles
  std::string advice;   ///< what to do; empty where it is ok
};

struct diagnosis {
  std::string heading;                                        ///< version, program, system
  std::vector<std::pair<std::string, std::string>> settings;  ///< in force, without secrets
  std::vector<finding> findings;

  /// The first finding of an area, or null.
  const finding* find(const std::string& area) const noexcept {
    for (const finding& f : findings)
      if (f.area == area) return &f;
    return nullptr;
  }

  /// For people, 120 columns wide: the settings, then what is degraded with what to do, then what is ok.
  std::string text() const;
};

namespace checks {

/// Appends words, `width` columns at most, further lines indented.
inline void add_wrapped(std::string& out, const std::string& words, std::size_t indent, std::size_t width) {
  std::size_t column = indent;
  for (std::size_t at = 0; at < words.size();) {
    std::size_t end = words.find(' ', at);
    if (end == std::string::npos) end = words.size();
    if (column > indent && column + 1 + end - at > width) {
      out += '\n';
      out.append(indent, ' ');
      column = indent;
    } else if (column > indent) {
      out += ' ';
      ++column;
    }
    out.append(words, at, end - at);
    column += end - at;
    at = end + 1;
  }
  out += '\n';
}

inline const char* word(finding_state state) noexcept {
  return state == finding_state::ok ? "ok" : state == finding_state::degraded ? "degraded" : "MISSING";
}

inline std::string list_of(const std::vector<std::string>& names, std::size_t most) {
  std::string out;
  for (std::size_t i = 0; i < names.size() && i < most; ++i) out += (i == 0 ? "" : ", ") + names[i];
  return names.size() > most ? out + " and " + std::to_string(names.size() - most) + " more" : out;
}

}  // namespace checks

inline std::string diagnosis::text() const {
  constexpr std::size_t width = 120, states = 10, areas = 30;
  const auto begin = [](std::string& out, const std::string& first, const std::string& second) {
    out += first;
    out.append(first.size() < states ? states - first.size() : 1, ' ');
    out += second;
    out.append(states + second.size() < areas ? areas - states - second.size() : 1, ' ');
  };
  std::string out = heading + '\n';
  for (const auto& s : settings) {
    begin(out, "", s.first);
    checks::add_wrapped(out, s.second, areas, width);
  }
  std::size_t wrong = 0;
  for (const finding_state state : {finding_state::missing, finding_state::degraded, finding_state::ok})
    for (const finding& f : findings) {
      if (f.state != state) continue;
      begin(out, checks::word(state), f.area);
      checks::add_wrapped(out, f.meaning, areas, width);
      if (state == finding_state::ok) continue;
      ++wrong;
      if (f.advice.empty()) continue;
      out.append(areas - 4, ' ');
      out += "=>  ";
      checks::add_wrapped(out, f.advice, areas, width);
    }
  out += wrong == 0 ? "all is well\n" : std::to_string(wrong) + " of " + std::to_string(findings.size()) + " are not as they could be\n";
  return out;
}

}  // namespace pyro
