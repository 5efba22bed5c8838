#pragma once
// Shortens demangled names for people: parameters, return types and long template arguments go. For display alone; files keep whole names.
// Pure; any thread.
//
//   void shop::cart<shop::item, std::allocator<shop::item> >::add<int>(int, char const*)   ─►  shop::cart<...>::add<int>
//   main::{lambda(auto:1&&)#2}::operator()<int>(int&&) const [clone .cold]                 ─►  main::{lambda#2}::operator()<int> [clone .cold]

#include <cctype>       // isalnum
#include <string>
#include <string_view>

namespace pyro {
namespace detail {

__attribute__((visibility("hidden"))) inline bool is_name_char(char c) noexcept {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$';
}

/// Length of an operator's symbol after "operator" at the begin of `s`; 0 where it is none.
__attribute__((visibility("hidden"))) inline std::size_t operator_symbol(std::string_view s) noexcept {
  for (const std::string_view o : {"()", "[]", "<=>", "->*", "<<=", ">>=", "->", "<<", ">>", "<=", ">="})
    if (s.substr(0, o.size()) == o) return o.size();
  std::size_t n = 0;
  if (!s.empty() && (s[0] == '<' || s[0] == '>' || s[0] == ',' || s[0] == '~')) return 1;
  while (n < s.size() && n < 2 && std::string_view("+-*/%^&|!=").find(s[n]) != std::string_view::npos) ++n;
  return n;
}

/// One pass over a demangled name. Brackets nest; those of operators don't count.
class __attribute__((visibility("hidden"))) name_shortener {
 public:
  name_shortener(std::string_view name, std::size_t longest_arguments) noexcept : s_(name), longest_(longest_arguments) {}

  std::string shorten() {
    while (i_ < s_.size()) step();
    return out_.empty() ? std::string(s_) : out_;
  }

 private:
  static bool starts(std::string_view s, std::string_view head) noexcept { return s.substr(0, head.size()) == head; }
  std::string_view rest() const noexcept { return s_.substr(i_); }

  void take(std::size_t n) {
    out_ += s_.substr(i_, n);
    i_ += n;
  }

  void step() {
    const char c = s_[i_];
    const bool at_word = i_ == 0 || !is_name_char(s_[i_ - 1]);
    if (at_word && starts(rest(), "operator") && (i_ + 8 >= s_.size() || !is_name_char(s_[i_ + 8]))) return take_operator();
    for (const std::string_view kept : {"(anonymous namespace)", "(anonymous)"})
      if (starts(rest(), kept)) return take(kept.size());
    // What the compiler makes for a function or class, such as "vtable for shop::cart": words that are no return type.
    for (const std::string_view word : {"for ", "to ", "thunk ", "non-virtual ", "virtual ", "covariant ", "return ", "guard ", "variable ", "vtable ",
                                        "construction ", "VTT ", "typeinfo ", "name ", "TLS ", "init ", "wrapper ", "function ", "transaction ",
                                        "clone ", "reference ", "temporary "}) {
      if (!at_word || !starts(rest(), word) || !only_words_before()) continue;
      made_ += word;
      i_ += word.size();
      out_ = made_;
      return;
    }
    if (starts(rest(), " [clone ") || starts(rest(), "[abi:")) return take_whole(']');
    if (starts(rest(), "{lambda(")) return take_lambda();
    if (c == '{') return take_whole('}');
    if (c == '<') return take_arguments();
    if (c == '(') return skip_parameters();
    if (starts(rest(), "decltype") && at_word) {
      const std::size_t open = s_.find('(', i_);
      i_ = open == std::string_view::npos ? s_.size() : past(open);
      out_ = made_ + "decltype(...)";
      return;
    }
    if (c == ' ' || c == '*' || c == '&') {  // what was before is of the return type, unless only qualifiers follow
      ++i_;
      if (!done_) out_ = made_;
      return;
    }
    if (done_ && !starts(rest(), "::")) {  // const, noexcept and the like after the parameters
      ++i_;
      return;
    }
    done_ = false;
    take(1);
  }

  bool only_words_before() const noexcept { return out_ == made_; }

  /// Past the bracket that closes the one at `open`.
  std::size_t past(std::size_t open) const noexcept {
    int depth = 0;
    for (std::size_t i = open; i < s_.size(); ++i) {
      const char c = s_[i];
      if (starts(s_.substr(i), "operator") && (i == 0 || !is_name_char(s_[i - 1]))) {
        const std::size_t n = operator_symbol(s_.substr(i + 8));
        i += 7 + n;
        continue;
      }
      if (c == '(' || c == '<' || c == '[' || c == '{') ++depth;
      const bool arrow = c == '>' && i > open && s_[i - 1] == '-';
      if ((c == ')' || c == ']' || c == '}' || (c == '>' && !arrow)) && --depth == 0) return i + 1;
    }
    return s_.size();
  }

  void take_operator() {
    take(8);
    const std::size_t symbol = operator_symbol(rest());
    if (symbol != 0) {
      take(symbol);
      if (starts(rest(), " <")) take(1);  // operator< <int>
      return;
    }
    if (starts(rest(), "\"\"")) {
      take(2);
      while (i_ < s_.size() && (s_[i_] == ' ' || is_name_char(s_[i_]))) take(1);
      return;
    }
    // new, delete, a conversion: up to the parameters.
    while (i_ < s_.size() && s_[i_] != '(') {
      if (s_[i_] == '<') take_arguments();
      else if (starts(rest(), "[]")) take(2);
      else take(1);
    }
  }

  void take_whole(char close) {
    const std::size_t end = s_.find(close, i_);
    take(end == std::string_view::npos ? s_.size() - i_ : end + 1 - i_);
  }

  void take_lambda() {
    const std::size_t close = past(i_ + 7);
    out_ += "{lambda";
    i_ = close;
    take_whole('}');
    done_ = false;
  }

  void take_arguments() {
    const std::size_t close = past(i_);
    if (close - i_ <= longest_) return take(close - i_);
    out_ += "<...>";
    i_ = close;
  }

  /// Parameters go. After them only "::" goes on: to what is local to the function.
  void skip_parameters() {
    const std::size_t close = past(i_);
    // "void (*f(int))(char)": the name of a function that returns one is within.
    if (only_words_before() && i_ + 1 < s_.size() && close < s_.size() && s_[close] == '(') {
      i_ += 1;
      return;
    }
    i_ = close;
    done_ = true;
  }

  std::string_view s_;
  const std::size_t longest_;
  std::size_t i_ = 0;
  std::string out_;
  std::string made_;   ///< words in front that stay
  bool done_ = false;  ///< past the parameters
};

}  // namespace detail

/// Template arguments stay up to this length, brackets included.
inline constexpr std::size_t display_arguments = 16;

/// A demangled name, shortened. A name that isn't C++'s stays as it is.
inline std::string display_name(std::string_view name, std::size_t longest_arguments = display_arguments) {
  return detail::name_shortener(name, longest_arguments).shorten();
}

}  // namespace pyro
