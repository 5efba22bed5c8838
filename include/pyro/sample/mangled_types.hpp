#pragma once
// Special names, types and expressions: the second half of sample/mangled_parser.hpp. Any thread; not signal safe.

#include <pyro/sample/mangled_parser.hpp>

namespace pyro {
namespace sampling PYRO_HIDDEN {

namespace mangled {

// --- names of what the compiler makes ------------------------------------------------------------------------------------------------

inline index parser::special_name() {
  static constexpr struct {
    char code[3];
    const char* text;
    bool of_type;
  } specials[] = {{"TV", "vtable for ", true},          {"TT", "VTT for ", true},
                  {"TI", "typeinfo for ", true},        {"TS", "typeinfo name for ", true},
                  {"TH", "TLS init function for ", false}, {"TW", "TLS wrapper function for ", false},
                  {"GV", "guard variable for ", false}, {"GR", "reference temporary #", false}};
  for (const auto& s : specials) {
    if (!eat(std::string_view(s.code, 2))) continue;
    if (s.code[1] == 'R') return 0;
    return on(s.of_type ? type() : name(nullptr), kind::special, 0, s.text);
  }
  if (eat("GTt")) return on(encoding(false), kind::special, 0, "transaction clone for ");
  std::string_view text;
  if (eat("Th")) text = offset() ? "non-virtual thunk to " : "";
  else if (eat("Tv")) text = offset() && offset() ? "virtual thunk to " : "";
  else if (eat("Tc")) text = call_offset() && call_offset() ? "covariant return thunk to " : "";
  return text.empty() ? 0 : on(encoding(false), kind::special, 0, text);
}
inline bool parser::offset() noexcept {
  digits();
  return eat('_');
}
inline bool parser::call_offset() noexcept { return eat('h') ? offset() : eat('v') && offset() && offset(); }

inline index parser::clone_suffix(index n) {
  const std::size_t from = i_++;
  if (!is_lower(peek()) && peek() != '_' && !is_digit(peek())) return 0;
  while (is_lower(peek()) || peek() == '_' || is_digit(peek())) ++i_;
  while (peek() == '.' && is_digit(peek(1))) {
    ++i_;
    while (is_digit(peek())) ++i_;
  }
  return on(n, kind::clone, 0, s_.substr(from, i_ - from));
}

// --- types ----------------------------------------------------------------------------------------------------------------------------

inline std::uint8_t parser::qualifiers() noexcept {
  std::uint8_t flags = 0;
  if (eat('r')) flags |= is_restrict;
  if (eat('V')) flags |= is_volatile;
  if (eat('K')) flags |= is_const;
  return flags;
}

inline index parser::type() {
  const deeper d(*this);
  if (d.too_deep()) return 0;
  const std::uint8_t flags = qualifiers();
  if (flags != 0) {
    if (peek() == 'F' || (peek() == 'D' && (peek(1) == 'o' || peek(1) == 'O' || peek(1) == 'x'))) {  // a member function's own
      const index f = function_type();
      if (f != 0) t_.nodes[f].flags |= flags;
      return remember(f);
    }
    return remember(on(type(), kind::qualified, 0, {}, flags));
  }
  const std::string_view simple = builtin(peek());
  if (!simple.empty()) {
    ++i_;
    return word(simple);
  }
  bool known = false;  // already remembered, or never
  index n = 0;
  switch (peek()) {
    case 'P': ++i_; n = on(type(), kind::pointer, 0, "*"); break;
    case 'R': ++i_; n = on(type(), kind::pointer, 0, "&"); break;
    case 'O': ++i_; n = on(type(), kind::pointer, 0, "&&"); break;
    case 'C': ++i_; n = on(type(), kind::suffixed, 0, " _Complex"); break;
    case 'G': ++i_; n = on(type(), kind::suffixed, 0, " _Imaginary"); break;
    case 'F': n = function_type(); break;
    case 'A': n = array_type(); break;
    case 'M': {
      ++i_;
      const index of = type();
      n = of == 0 ? 0 : on(type(), kind::member, of);
      if (n != 0) std::swap(t_.nodes[n].a, t_.nodes[n].b);  // a: the class, b: the member's type
      break;
    }
    case 'U': n = vendor_type(); break;
    case 'u': ++i_; n = is_digit(peek()) ? source_name() : 0; break;
    case 'D': n = after_d(known); break;
    default: n = class_type(known);
  }
  return known ? n : remember(n);
}

inline index parser::class_type(bool& known) {
  index n = 0;
  if (peek() == 'T' && (peek(1) == 's' || peek(1) == 'u' || peek(1) == 'e')) i_ += 2;  // struct, union, enum
  if (peek() == 'T') {
    n = template_param();
    if (n == 0 || peek() != 'I') return n;
    // A conversion's T_ may be followed by the arguments that it stands for.
    if (in_conversion_) {
      const std::size_t at = i_;
      const index args = template_args(false);
      if (args != 0 && peek() == 'I') {
        remember(n);
        return on(n, kind::with_args, args);
      }
      i_ = at;
      return n;
    }
    remember(n);
    const index args = template_args(false);
    return args == 0 ? 0 : on(n, kind::with_args, args);
  }
  if (peek() == 'S' && peek(1) != 't') {
    bool whole = false;
    n = substitution(whole);
    if (n == 0 || peek() != 'I') {
      known = true;
      return n;
    }
    const index args = template_args(false);
    return args == 0 ? 0 : on(n, kind::with_args, args);
  }
  if (is_digit(peek()) || peek() == 'N' || peek() == 'Z' || peek() == 'S' || peek() == 'L' || (peek() == 'U' && (peek(1) == 'l' || peek(1) == 't')))
    return name(nullptr);
  return 0;
}

inline index parser::after_d(bool& known) {
  const char c = peek(1);
  if (c == 't' || c == 'T') return decltype_type();
  if (c == 'p') {
    i_ += 2;
    return on(type(), kind::expansion);
  }
  if (c == 'o' || c == 'O' || c == 'w' || c == 'x') return function_type();
  if (c == 'v') {
    i_ += 2;
    index size = 0;
    if (eat('_')) {
      size = expression();
    } else {
      const std::string_view n = digits();
      size = n.empty() ? 0 : word(n);
    }
    if (size == 0 || !eat('_')) return 0;
    return on(type(), kind::vector, size);
  }
  if (c == 'F') {  // _Float16, and the like
    i_ += 2;
    const std::string_view bits = digits();
    if (bits.empty()) return 0;
    known = true;
    if (eat('x')) return make(kind::number, 0, static_cast<index>(bits.size()), "_Float…");
    if (!eat('_') && !eat('b')) return 0;
    return on(word(bits), kind::special, 0, "_Float");
  }
  const std::string_view simple = builtin_after_d(c);
  if (simple.empty()) return 0;
  i_ += 2;
  known = true;
  return word(simple);
}

inline index parser::function_type() {
  std::uint8_t flags = 0;
  if (eat("Do")) flags |= is_noexcept;
  else if (eat("DO")) {
    if (expression() == 0 || !eat('E')) return 0;
    flags |= is_noexcept;
  }
  eat("Dx");
  if (!eat('F')) return 0;
  eat('Y');  // extern "C"
  const index returned = type();
  if (returned == 0) return 0;
  const index parameters = types_until_end();
  if (parameters == 0) return 0;
  if (eat('R')) flags |= by_reference;
  else if (eat('O')) flags |= by_rvalue;
  return eat('E') ? make(kind::function, returned, parameters, {}, flags) : 0;
}

inline index parser::array_type() {
  eat('A');
  index size = 0;
  if (is_digit(peek())) {
    size = word(digits());
  } else if (peek() != '_') {
    size = expression();
    if (size == 0) return 0;
  }
  if (!eat('_')) return 0;
  const index of = type();
  return of == 0 ? 0 : make(kind::array, size, of);
}

inline index parser::decltype_type() {
  i_ += 2;
  const index e = expression();
  return eat('E') ? on(e, kind::decltype_of) : 0;
}

inline index parser::vendor_type() {
  if (peek(1) == 'l' || peek(1) == 't') return name(nullptr);
  eat('U');
  const index qualifier = is_digit(peek()) ? source_name() : 0;
  if (qualifier == 0) return 0;
  const std::string_view text = t_.nodes[qualifier].text;
  if (peek() == 'I' && template_args(false) == 0) return 0;
  const index of = type();
  return of == 0 ? 0 : on(on(of, kind::suffixed, 0, " "), kind::suffixed, 0, text);
}

// --- expressions: those that signatures have ------------------------------------------------------------------------------------------

inline bool parser::expressions_until_end(std::vector<index>& items) {
  while (!eat('E')) {
    const index e = expression();
    if (e == 0) return false;
    items.push_back(e);
  }
  return true;
}

inline index parser::expression() {
  const deeper d(*this);
  if (d.too_deep()) return 0;
  if (peek() == 'L') return literal();
  if (peek() == 'T' && (peek(1) == '_' || is_digit(peek(1)))) return template_param();
  if (peek() == 'X') {
    ++i_;
    const index e = expression();
    return eat('E') ? e : 0;
  }
  std::vector<index> items;
  if (eat("fp") || eat("fL")) {  // a parameter: {parm#1}, or "this"
    if (s_[i_ - 1] == 'L' && (digits().empty() || !eat('p'))) return 0;
    if (eat('T')) return word("this");
    qualifiers();
    std::size_t which = 0;
    return sequence(which, false) ? make(kind::number, 1, static_cast<index>(which + 1), "{parm#") : 0;
  }
  if (eat("gs")) return on(expression(), kind::special, 0, "::");
  if (eat("sr")) {
    const std::size_t at = i_, known = substitutions_.size();
    if (is_digit(peek())) {  // names up to an E
      const index of = qualifier_levels();
      const index member = of == 0 ? 0 : unresolved_name();
      if (member != 0) return make(kind::nested, of, member);
      i_ = at;  // older compilers wrote a type instead
      substitutions_.resize(known);
    }
    const index of = type();
    const index member = of == 0 ? 0 : unresolved_name();
    return member == 0 ? 0 : make(kind::nested, of, member);
  }
  if (eat("cv")) {
    const index to = type();
    if (to == 0) return 0;
    if (eat('_')) {
      if (!expressions_until_end(items)) return 0;
    } else {
      const index e = expression();
      if (e == 0) return 0;
      items.push_back(e);
    }
    return on(to, kind::cast, list_of(items));
  }
  if (eat("tl") || eat("il")) {
    const index of = s_[i_ - 2] == 't' ? type() : word("");
    return of != 0 && expressions_until_end(items) ? on(of, kind::braces, list_of(items)) : 0;
  }
  if (eat("cl")) {
    const index callee = expression();
    return callee != 0 && expressions_until_end(items) ? on(callee, kind::call, list_of(items)) : 0;
  }
  if (eat("sZ")) {
    const index of = expression();
    return of == 0 ? 0 : make(kind::named_call, list_of({of}), 0, "sizeof...");
  }
  if (eat("sp")) return on(expression(), kind::expansion);
  if (eat("nx")) {
    const index of = expression();
    return of == 0 ? 0 : make(kind::named_call, list_of({of}), 0, "noexcept");
  }
  if (eat("st") || eat("at") || eat("ti")) {
    const char c = s_[i_ - 2];
    const index of = type();
    return of == 0 ? 0 : make(kind::named_call, list_of({of}), 0, c == 's' ? "sizeof " : c == 'a' ? "alignof " : "typeid ");
  }
  for (const char* named : {"sc", "dc", "rc", "cc"}) {
    if (!eat(named)) continue;
    const index to = type();
    const index e = to == 0 ? 0 : expression();
    return e == 0 ? 0 : make(kind::named_call, list_of({to, e}), 1, named[0] == 's' ? "static_cast" : named[0] == 'd' ? "dynamic_cast" : named[0] == 'r' ? "reinterpret_cast" : "const_cast");
  }
  if (peek() == 'd' && (peek(1) == 't' || peek(1) == 'p')) {
    const std::string_view text = peek(1) == 't' ? "." : "->";
    if (peek(1) == 't') {
      i_ += 2;
      const index of = expression();
      const index member = of == 0 ? 0 : unresolved_name();
      return member == 0 ? 0 : make(kind::binary, of, member, text, 1);
    }
  }
  if (eat("pt")) {
    const index of = expression();
    const index member = of == 0 ? 0 : unresolved_name();
    return member == 0 ? 0 : make(kind::binary, of, member, "->", 1);
  }
  const operator_name* o = find_operator();
  if (o != nullptr && o->operands != 9) {
    i_ += 2;
    return operands_of(*o);
  }
  return unresolved_name();
}

inline index parser::operands_of(const operator_name& o) {
  eat('_');  // ++ and -- in front
  const index a = expression();
  if (a == 0 || o.operands == 1) return on(a, kind::unary, 0, o.text);
  const index b = expression();
  if (b == 0 || o.operands == 2) return b == 0 ? 0 : make(kind::binary, a, b, o.text);
  const index c = expression();
  return c == 0 ? 0 : make(kind::binary, make(kind::binary, a, b, "?"), c, ":", 2);
}

inline index parser::qualifier_levels() {
  index so_far = 0;
  while (!eat('E')) {
    index level = is_digit(peek()) ? source_name() : 0;
    if (level != 0 && peek() == 'I') {
      const index args = template_args(false);
      level = args == 0 ? 0 : on(level, kind::with_args, args);
    }
    so_far = level == 0 || so_far == 0 ? level : make(kind::nested, so_far, level);
    if (so_far == 0) return 0;
  }
  return so_far;
}

/// A name in an expression: of a member, a function, an operator.
inline index parser::unresolved_name() {
  const deeper d(*this);
  if (d.too_deep()) return 0;
  eat("on");
  if (eat("dn")) return on(type(), kind::unary, 0, "~");
  index n = 0;
  if (is_digit(peek())) n = source_name();
  else if (is_lower(peek())) n = operator_of(nullptr);
  if (n != 0 && peek() == 'I') {
    const index args = template_args(false);
    n = args == 0 ? 0 : on(n, kind::with_args, args);
  }
  return n;
}

inline index parser::literal() {
  eat('L');
  if (eat("_Z") || (peek() == 'Z' && eat('Z'))) {
    const index e = encoding(true);
    return eat('E') ? e : 0;
  }
  const index of = type();
  if (of == 0) return 0;
  std::string_view value = digits();
  if (value.empty() || peek() != 'E') {  // a floating point number, in hex
    const std::size_t from = i_ - value.size();
    while (peek() != 'E' && peek() != '\0') ++i_;
    value = s_.substr(from, i_ - from);
  }
  return eat('E') ? make(kind::literal, of, 0, value) : 0;
}

}  // namespace mangled

}  // namespace sampling
}  // namespace pyro
