#pragma once
// From the compiler's pretty name (__PRETTY_FUNCTION__) to the qualified name that people write: without return type, parameters,
// template bindings and qualifiers. Pure; called by the worker, once a site.
//
//   double shop::cart<T>::total(int) const [with T = long]   g++      ─►  shop::cart<T>::total
//   auto main()::(anonymous class)::operator()(int) const    clang++  ─►  main::{lambda}

#include <pyro/core/abi.hpp>

#include <cctype>       // isalnum
#include <string>
#include <string_view>

namespace pyro {
namespace collect PYRO_HIDDEN {

namespace naming {

inline bool is_word(char c) noexcept { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$'; }

inline bool starts_with(std::string_view s, std::string_view head) noexcept { return s.substr(0, head.size()) == head; }
inline bool ends_with(std::string_view s, std::string_view tail) noexcept {
  return s.size() >= tail.size() && s.substr(s.size() - tail.size()) == tail;
}

/// Past the bracket that closes the one at `open`; "->" does not close an angle bracket.
inline std::size_t skip_brackets(std::string_view s, std::size_t open) noexcept {
  if (open >= s.size()) return s.size();
  int depth = 0;
  for (std::size_t i = open; i < s.size(); ++i) {
    if (s[i] == '(' || s[i] == '<' || s[i] == '[' || s[i] == '{') ++depth;
    if ((s[i] == ')' || s[i] == ']' || s[i] == '}' || (s[i] == '>' && s[i - 1] != '-')) && --depth == 0) return i + 1;
  }
  return s.size();
}

/// Length of an operator's name that starts at `s`, such as "operator()", "operator<<", "operator bool"; 0 where it is none.
inline std::size_t operator_length(std::string_view s) noexcept {
  if (!starts_with(s, "operator") || (s.size() > 8 && is_word(s[8]))) return 0;
  if (starts_with(s, "operator()")) return 10;
  if (starts_with(s, "operator[]")) return 10;
  if (starts_with(s, "operator\"\"")) {
    std::size_t i = 10;
    while (i < s.size() && (s[i] == ' ' || is_word(s[i]))) ++i;
    return i;
  }
  std::size_t i = 8;
  if (i < s.size() && s[i] == ' ') {  // conversion: up to its parameters
    while (i < s.size() && s[i] != '(') i = s[i] == '<' ? skip_brackets(s, i) : i + 1;
    return i;
  }
  while (i < s.size() && std::string_view("+-*/%^&|~!=<>,").find(s[i]) != std::string_view::npos) ++i;
  return i;
}

}  // namespace naming

inline std::string function_name(std::string_view pretty) {
  using namespace naming;
  // g++: " [with T = …]", clang++: " [T = …]".
  std::size_t end = pretty.size();
  if (ends_with(pretty, "]")) {
    const std::size_t open = pretty.find(" [");
    if (open != std::string_view::npos && pretty.find('=', open) != std::string_view::npos) end = open;
  }
  pretty = pretty.substr(0, end);

  // One pass at bracket depth 0: a blank before the name ends the return type; parameter lists are dropped.
  std::string name;
  for (std::size_t i = 0; i < pretty.size();) {
    const std::string_view rest = pretty.substr(i);
    const bool at_word = i == 0 || !is_word(pretty[i - 1]);
    const std::size_t op = at_word ? operator_length(rest) : 0;
    if (at_word && starts_with(rest, "decltype") && (rest.size() == 8 || !is_word(rest[8]))) {
      i = skip_brackets(pretty, pretty.find('(', i));
    } else if (op != 0) {
      const bool of_lambda = starts_with(rest, "operator()") && ends_with(name, "{lambda}::");
      if (of_lambda) name.resize(name.size() - 2);  // the lambda is name enough
      else name += std::string(rest.substr(0, op));
      i += op;
    } else if (starts_with(rest, "(anonymous class)") || starts_with(rest, "(lambda") || starts_with(rest, "<lambda")) {
      i = skip_brackets(pretty, i);
      name += "{lambda}";
      if (i < pretty.size() && !starts_with(pretty.substr(i), "::")) break;  // " mutable"
    } else if (starts_with(rest, "(anonymous namespace)") || starts_with(rest, "{anonymous}") || starts_with(rest, "<unnamed")) {
      i = skip_brackets(pretty, i);
      name += "(anonymous)";
    } else if (pretty[i] == '(') {
      const std::size_t close = skip_brackets(pretty, i);
      // "int (*f(char))(long)": a function that returns a function pointer has its name inside the first pair.
      if (name.empty() && close < pretty.size() && pretty[close] == '(') return function_name(pretty.substr(i + 2, close - i - 3));
      // After the parameters, perhaps " const" and the like, only "::" goes on: to a local class or a lambda.
      std::size_t next = close;
      while (next < pretty.size() && (pretty[next] == ' ' || pretty[next] == '&' || is_word(pretty[next]))) ++next;
      if (!starts_with(pretty.substr(next), "::")) break;
      i = next;
    } else if (pretty[i] == '<') {
      const std::size_t close = skip_brackets(pretty, i);
      name += std::string(pretty.substr(i, close - i));
      i = close;
    } else if (pretty[i] == ' ' || pretty[i] == '*' || pretty[i] == '&') {
      name.clear();
      ++i;
    } else {
      name += pretty[i++];
    }
  }
  return name.empty() ? std::string(pretty) : name;
}

}  // namespace collect
}  // namespace pyro
