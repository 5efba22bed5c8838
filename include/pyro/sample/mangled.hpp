#pragma once
// Reads mangled names (Itanium C++ ABI, section 5.1) into a tree. Bounded in nodes and depth, whatever the name; what it does not know, it
// refuses. sample/demangle.hpp writes the tree. Any thread; not signal safe.

#include <pyro/core/abi.hpp>

#include <cstdint>      // fixed-width integers
#include <string_view>
#include <vector>

namespace pyro {
namespace sampling PYRO_HIDDEN {

namespace mangled {

using index = std::uint32_t;  ///< of a node; 0: none

enum class kind : std::uint8_t {
  text,          ///< `text`
  number,        ///< a: what is written
  nested,        ///< a::b
  local,         ///< a::b, a being a function
  with_args,     ///< a<b…>
  tagged,        ///< a[abi:text]
  constructor,   ///< of a
  destructor,    ///< of a
  conversion,    ///< operator a
  literal_op,    ///< operator"" text
  lambda,        ///< {lambda(a…)#b}
  unnamed,       ///< {unnamed type#b}
  default_arg,   ///< {default arg#b}
  binding,       ///< [a…]
  special,       ///< text a, such as "vtable for "
  clone,         ///< a [clone text]
  encoding,      ///< a: name, b: function type
  qualified,     ///< a with flags
  pointer,       ///< a with text: * & &&
  member,        ///< b a::*
  function,      ///< a: return type or 0, b: list; flags
  array,         ///< b [a]
  suffixed,      ///< a text, such as "double _Complex"
  vector,        ///< a __vector(b)
  list,          ///< a: first place in `lists`, b: count
  pack,           ///< of template arguments: a list
  parameter_pack, ///< the same, where a parameter stands for one of them
  expansion,     ///< a...
  parameter,     ///< template parameter a, which means b
  decltype_of,   ///< decltype (a)
  literal,       ///< a: type, text: value
  unary, binary, ///< text a, (a)text(b)
  call,          ///< a(b…)
  cast,          ///< (a)(b…)
  braces,        ///< a{b…}
  named_call,    ///< text (a…), such as sizeof
};

enum : std::uint8_t {
  is_const = 1,
  is_volatile = 2,
  is_restrict = 4,
  by_reference = 8,
  by_rvalue = 16,
  is_noexcept = 32,
  has_parameters = 64,  ///< template parameters are below, which mean another thing where the node is referred to from another place
};

struct node {
  kind k = kind::text;
  std::uint8_t flags = 0;
  index a = 0, b = 0;
  std::string_view text{};
};

struct operator_name {
  char code[3];
  std::uint8_t operands;
  const char* text;
};
inline constexpr operator_name operators[] = {
    {"aN", 2, "&="}, {"aS", 2, "="},  {"aa", 2, "&&"}, {"ad", 1, "&"},       {"an", 2, "&"},         {"at", 1, "alignof "}, {"aw", 1, "co_await "},
    {"az", 1, "alignof "}, {"cl", 9, "()"}, {"cm", 2, ","},  {"co", 1, "~"}, {"dV", 2, "/="},        {"da", 1, "delete[] "}, {"de", 1, "*"},
    {"dl", 1, "delete "}, {"ds", 2, ".*"}, {"dt", 2, "."},   {"dv", 2, "/"}, {"eO", 2, "^="},        {"eo", 2, "^"},        {"eq", 2, "=="},
    {"ge", 2, ">="}, {"gt", 2, ">"},  {"ix", 2, "[]"}, {"lS", 2, "<<="},     {"le", 2, "<="},        {"ls", 2, "<<"},       {"lt", 2, "<"},
    {"mI", 2, "-="}, {"mL", 2, "*="}, {"mi", 2, "-"},  {"ml", 2, "*"},       {"mm", 1, "--"},        {"na", 9, "new[]"},    {"ne", 2, "!="},
    {"ng", 1, "-"},  {"nt", 1, "!"},  {"nw", 9, "new"}, {"oR", 2, "|="},     {"oo", 2, "||"},        {"or", 2, "|"},        {"pL", 2, "+="},
    {"pl", 2, "+"},  {"pm", 2, "->*"}, {"pp", 1, "++"}, {"ps", 1, "+"},      {"pt", 2, "->"},        {"qu", 3, "?"},        {"rM", 2, "%="},
    {"rS", 2, ">>="}, {"rm", 2, "%"}, {"rs", 2, ">>"}, {"ss", 2, "<=>"},     {"st", 1, "sizeof "},   {"sz", 1, "sizeof "},
};

inline std::string_view builtin(char c) noexcept {
  switch (c) {
    case 'v': return "void";
    case 'w': return "wchar_t";
    case 'b': return "bool";
    case 'c': return "char";
    case 'a': return "signed char";
    case 'h': return "unsigned char";
    case 's': return "short";
    case 't': return "unsigned short";
    case 'i': return "int";
    case 'j': return "unsigned int";
    case 'l': return "long";
    case 'm': return "unsigned long";
    case 'x': return "long long";
    case 'y': return "unsigned long long";
    case 'n': return "__int128";
    case 'o': return "unsigned __int128";
    case 'f': return "float";
    case 'd': return "double";
    case 'e': return "long double";
    case 'g': return "__float128";
    case 'z': return "...";
    default: return {};
  }
}
inline std::string_view builtin_after_d(char c) noexcept {
  switch (c) {
    case 'd': return "decimal64";
    case 'e': return "decimal128";
    case 'f': return "decimal32";
    case 'h': return "half";
    case 'i': return "char32_t";
    case 's': return "char16_t";
    case 'u': return "char8_t";
    case 'a': return "auto";
    case 'c': return "decltype(auto)";
    case 'n': return "decltype(nullptr)";
    default: return {};
  }
}

/// The standard library's abbreviations; a constructor of one has the long text's name.
struct abbreviation {
  char code;
  const char* text;
  const char* whole;
  const char* last;
};
inline constexpr abbreviation abbreviations[] = {
    {'a', "std::allocator", "std::allocator", "allocator"},
    {'b', "std::basic_string", "std::basic_string", "basic_string"},
    {'s', "std::string", "std::basic_string<char, std::char_traits<char>, std::allocator<char> >", "basic_string"},
    {'i', "std::istream", "std::basic_istream<char, std::char_traits<char> >", "basic_istream"},
    {'o', "std::ostream", "std::basic_ostream<char, std::char_traits<char> >", "basic_ostream"},
    {'d', "std::iostream", "std::basic_iostream<char, std::char_traits<char> >", "basic_iostream"},
};

struct tree {
  std::vector<node> nodes{node()};
  std::vector<index> lists;
};

/// Where the parser is in the name, and what it has made.
class cursor {
 protected:
  cursor(std::string_view name, tree& into) noexcept : s_(name), t_(into) {}

  static constexpr std::size_t most_nodes = 65536;

  // --- text -----------------------------------------------------------------------------------------------------------------------

  char peek(std::size_t ahead = 0) const noexcept { return i_ + ahead < s_.size() ? s_[i_ + ahead] : '\0'; }
  bool eat(char c) noexcept { return peek() == c && c != '\0' ? (++i_, true) : false; }
  bool eat(std::string_view text) noexcept { return s_.substr(i_, text.size()) == text ? (i_ += text.size(), true) : false; }
  static bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
  static bool is_lower(char c) noexcept { return c >= 'a' && c <= 'z'; }

  bool number(std::size_t& n) noexcept {
    if (!is_digit(peek())) return false;
    for (n = 0; is_digit(peek()); ++i_) {
      n = n * 10 + static_cast<std::size_t>(peek() - '0');
      if (n > 1000000000) return false;
    }
    return true;
  }
  std::string_view digits() noexcept {  // with an n for minus
    const std::size_t from = i_;
    eat('n');
    while (is_digit(peek())) ++i_;
    return s_.substr(from, i_ - from);
  }
  /// "_" is 0, "0_" is 1; in base 36 for substitutions.
  bool sequence(std::size_t& n, bool base36) noexcept {
    n = 0;
    if (eat('_')) return true;
    for (; peek() != '_'; ++i_) {
      const char c = peek();
      if (is_digit(c)) n = n * (base36 ? 36 : 10) + static_cast<std::size_t>(c - '0');
      else if (base36 && c >= 'A' && c <= 'Z') n = n * 36 + static_cast<std::size_t>(c - 'A') + 10;
      else return false;
      if (n > 1000000) return false;
    }
    ++i_;
    ++n;
    return true;
  }

  // --- nodes ----------------------------------------------------------------------------------------------------------------------

  index make(kind k, index a = 0, index b = 0, std::string_view text = {}, std::uint8_t flags = 0) {
    if (t_.nodes.size() >= most_nodes) return 0;
    const auto below = [this](index n) { return t_.nodes[n].flags & has_parameters; };
    int refers = 0;
    switch (k) {
      case kind::list:
      case kind::pack:
        for (index i = 0; i < b; ++i) refers |= below(t_.lists[a + i]);
        break;
      case kind::local: refers = below(b); break;  // the function has parameters of its own
      case kind::text: case kind::literal_op: case kind::unnamed: case kind::default_arg: case kind::lambda: case kind::encoding:
      case kind::parameter_pack: case kind::number: case kind::parameter: break;  // no nodes, or they say it themselves
      default: refers = below(a) | below(b);
    }
    flags = static_cast<std::uint8_t>(flags | refers);
    t_.nodes.push_back({k, flags, a, b, text});
    return static_cast<index>(t_.nodes.size() - 1);
  }
  index word(std::string_view text) { return make(kind::text, 0, 0, text); }
  /// As make, but nothing where `a` is nothing.
  index on(index a, kind k, index b = 0, std::string_view text = {}, std::uint8_t flags = 0) { return a == 0 ? 0 : make(k, a, b, text, flags); }
  index list_of(const std::vector<index>& items, kind k = kind::list) {
    const auto first = static_cast<index>(t_.lists.size());
    t_.lists.insert(t_.lists.end(), items.begin(), items.end());
    return make(k, first, static_cast<index>(items.size()));
  }

  std::string_view s_;
  std::size_t i_ = 0;
  tree& t_;
};

}  // namespace mangled

}  // namespace sampling
}  // namespace pyro
