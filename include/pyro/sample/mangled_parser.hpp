#pragma once
// From a mangled name to its tree: a recursive descent over the grammar of the Itanium C++ ABI. Depth, nodes and work are bounded.
// Any thread; not signal safe.

#include <pyro/sample/mangled.hpp>

#include <algorithm>  // min
#include <utility>    // exchange

namespace pyro {
namespace sampling PYRO_HIDDEN {

namespace mangled {

class parser : private cursor {
 public:
  parser(std::string_view name, tree& into) noexcept : cursor(name, into) {}

  /// The root; 0 where the name is not understood to its end.
  index parse() {
    if (!eat("_Z")) return 0;
    index root = encoding(true);
    while (root != 0 && peek() == '.') root = clone_suffix(root);
    return root != 0 && i_ == s_.size() ? root : 0;
  }

 private:
  static constexpr int most_depth = 192;
  static constexpr int most_steps = 1 << 17;  // where it has to try twice, it might try for ever

  struct deeper {
    explicit deeper(parser& p) noexcept : depth(p.depth_), steps(p.steps_) {
      ++depth;
      ++steps;
    }
    ~deeper() { --depth; }
    deeper(const deeper&) = delete;
    deeper& operator=(const deeper&) = delete;
    bool too_deep() const noexcept { return depth > most_depth || steps > most_steps; }
    int& depth;
    int& steps;
  };

  /// What the name of an encoding says of its function.
  struct name_facts {
    bool ends_with_args = false;
    bool without_return = false;  ///< constructors, destructors, conversions
    std::uint8_t flags = 0;       ///< of the member function
  };

  // --- encodings ------------------------------------------------------------------------------------------------------------------

  index encoding(bool outermost) {
    const deeper d(*this);
    if (d.too_deep()) return 0;
    if (peek() == 'G' || (peek() == 'T' && !is_digit(peek(1)) && peek(1) != '_')) return special_name();
    const std::vector<index> outer_params = params_;
    const std::size_t first_forward = forwards_.size();
    name_facts facts;
    const index n = name(&facts);
    bool known = n != 0;
    for (std::size_t f = first_forward; f < forwards_.size() && known; ++f) {
      node& forward = t_.nodes[forwards_[f]];
      known = forward.a < params_.size();
      if (known) forward.b = params_[forward.a];
    }
    forwards_.resize(std::min(first_forward, forwards_.size()));
    if (!known) return 0;
    index result = n;
    if (peek() != '\0' && peek() != 'E' && peek() != '.') {
      index returned = 0;
      if (facts.ends_with_args && !facts.without_return) {
        returned = type();
        if (returned == 0) return 0;
        if (!outermost) returned = 0;  // not written
      }
      const index parameters = types_until_end();
      if (parameters == 0) return 0;
      result = on(n, kind::encoding, make(kind::function, returned, parameters, {}, facts.flags));
    }
    params_ = outer_params;
    return result;
  }

  /// Parameter types, up to E, '.', or the end of the name.
  index types_until_end() {
    std::vector<index> types;
    while (peek() != 'E' && peek() != '\0' && peek() != '.' && !((peek() == 'R' || peek() == 'O') && peek(1) == 'E')) {
      const index t = type();
      if (t == 0) return 0;
      types.push_back(t);
    }
    if (types.size() == 1 && t_.nodes[types[0]].k == kind::text && t_.nodes[types[0]].text == "void") types.clear();
    return list_of(types);
  }

  // --- names ----------------------------------------------------------------------------------------------------------------------

  index name(name_facts* facts) {
    const deeper d(*this);
    if (d.too_deep()) return 0;
    if (peek() == 'N') return nested_name(facts);
    if (peek() == 'Z') return local_name(facts);
    index n = 0;
    if (peek() == 'S' && peek(1) != 't') {
      bool whole = false;
      n = substitution(whole);
      if (n == 0 || peek() != 'I') return 0;
    } else {
      index scope = 0;
      if (eat("St")) scope = word("std");
      n = unqualified(0, facts);
      if (n != 0 && scope != 0) n = make(kind::nested, scope, n);
      if (n == 0 || peek() != 'I') return n;
      remember(n);
    }
    n = with_arguments(n, facts);
    return n;
  }

  index with_arguments(index n, name_facts* facts) {
    const index args = template_args(facts != nullptr);
    if (facts != nullptr) facts->ends_with_args = true;
    return args == 0 ? 0 : on(n, kind::with_args, args);
  }

  index nested_name(name_facts* facts) {
    eat('N');
    std::uint8_t flags = qualifiers();
    if (eat('R')) flags |= by_reference;
    else if (eat('O')) flags |= by_rvalue;
    if (facts != nullptr) facts->flags = flags;
    index so_far = 0;
    bool last_remembered = false;
    while (!eat('E')) {
      if (facts != nullptr && peek() != 'I') facts->ends_with_args = false;
      last_remembered = true;
      if (eat('M')) {  // the member whose initialiser a lambda is in
        if (so_far == 0) return 0;
        continue;
      }
      if (peek() == 'S' && peek(1) != 't') {
        if (so_far != 0) return 0;
        bool whole = false;
        so_far = substitution(whole);
        if (so_far == 0) return 0;
        last_remembered = false;
        continue;
      }
      if (peek() == 'S') {
        i_ += 2;
        if (so_far != 0) return 0;
        so_far = word("std");
        last_remembered = false;
        continue;
      }
      if (peek() == 'I') {
        if (so_far == 0) return 0;
        so_far = with_arguments(so_far, facts);
      } else if (peek() == 'T' && (peek(1) == '_' || is_digit(peek(1)))) {
        if (so_far != 0) return 0;
        so_far = template_param();
      } else if (peek() == 'D' && (peek(1) == 't' || peek(1) == 'T')) {
        if (so_far != 0) return 0;
        so_far = decltype_type();
      } else {
        const index next = unqualified(so_far, facts);
        so_far = so_far == 0 || next == 0 ? next : make(kind::nested, so_far, next);
      }
      if (remember(so_far) == 0) return 0;
    }
    if (last_remembered && !substitutions_.empty()) substitutions_.pop_back();  // the whole is remembered as a type, or not at all
    return so_far;
  }

  index local_name(name_facts* facts) {
    eat('Z');
    const index function = encoding(false);
    if (function == 0 || !eat('E')) return 0;
    if (eat('s')) {
      discriminator();
      return on(function, kind::local, word("string literal"));
    }
    if (eat('d')) {
      std::size_t n = 0;
      std::size_t which = 1;
      if (peek() != '_') {
        if (!number(n)) return 0;
        which = n + 2;
      }
      if (!eat('_')) return 0;
      const index argument = make(kind::default_arg, 0, static_cast<index>(which));
      const index inner = name(facts);
      return inner == 0 ? 0 : on(function, kind::local, on(argument, kind::nested, inner));
    }
    const index inner = name(facts);
    discriminator();
    return inner == 0 ? 0 : on(function, kind::local, inner);
  }

  void discriminator() noexcept {
    if (peek() != '_') return;
    if (is_digit(peek(1))) {
      i_ += 2;
    } else if (peek(1) == '_' && is_digit(peek(2))) {
      i_ += 2;
      while (is_digit(peek())) ++i_;
      eat('_');
    }
  }

  index unqualified(index scope, name_facts* facts) {
    index n = 0;
    const char c = peek();
    eat('L');  // internal linkage
    if (is_digit(peek())) {
      n = source_name();
    } else if (c == 'U' && peek(1) == 'l') {
      i_ += 2;
      n = lambda();
    } else if (c == 'U' && peek(1) == 't') {
      i_ += 2;
      std::size_t which = 0;
      if (!sequence(which, false)) return 0;
      n = make(kind::unnamed, 0, static_cast<index>(which + 1));
    } else if ((c == 'C' && (is_digit(peek(1)) || peek(1) == 'I')) || (c == 'D' && is_digit(peek(1)))) {
      if (scope == 0) return 0;
      ++i_;
      const bool inherited = c == 'C' && eat('I');
      ++i_;
      if (inherited && (scope = type()) == 0) return 0;  // that of a base is called like the base
      if (facts != nullptr) facts->without_return = true;
      n = make(c == 'C' ? kind::constructor : kind::destructor, scope);
    } else if (eat("DC")) {
      std::vector<index> names;
      while (!eat('E')) {
        const index part = is_digit(peek()) ? source_name() : 0;
        if (part == 0) return 0;
        names.push_back(part);
      }
      n = on(list_of(names), kind::binding);
    } else if (is_lower(c)) {
      n = operator_of(facts);
    }
    while (n != 0 && eat('B')) {
      const index tag = is_digit(peek()) ? source_name() : 0;
      n = tag == 0 ? 0 : make(kind::tagged, n, 0, t_.nodes[tag].text);
    }
    return n;
  }

  index source_name() {
    std::size_t n = 0;
    if (!number(n) || n == 0 || n > s_.size() - i_) return 0;
    std::string_view text = s_.substr(i_, n);
    i_ += n;
    if (n >= 10 && text.substr(0, 8) == "_GLOBAL_" && (text[8] == '.' || text[8] == '_' || text[8] == '$') && text[9] == 'N')
      text = "(anonymous namespace)";
    return word(text);
  }

  index lambda() {
    const bool outer = std::exchange(in_lambda_, true);
    const index parameters = types_until_end();
    in_lambda_ = outer;
    std::size_t which = 0;
    if (parameters == 0 || !eat('E') || !sequence(which, false)) return 0;
    return make(kind::lambda, parameters, static_cast<index>(which + 1));
  }

  index operator_of(name_facts* facts) {
    if (eat("cv")) {
      const bool outer = std::exchange(in_conversion_, facts != nullptr);
      const index to = type();
      in_conversion_ = outer;
      if (facts != nullptr) facts->without_return = true;
      return on(to, kind::conversion);
    }
    if (eat("li")) {
      const index suffix = is_digit(peek()) ? source_name() : 0;
      return suffix == 0 ? 0 : make(kind::literal_op, 0, 0, t_.nodes[suffix].text);
    }
    const operator_name* o = find_operator();
    if (o == nullptr) return 0;
    i_ += 2;
    return make(kind::literal_op, 1, 0, o->text);
  }
  const operator_name* find_operator() const noexcept {
    for (const operator_name& o : operators)
      if (o.code[0] == peek() && o.code[1] == peek(1)) return &o;
    return nullptr;
  }

  // --- substitutions, template parameters and arguments -----------------------------------------------------------------------------

  /// `whole`: nothing to remember, unless arguments follow.
  index substitution(bool& whole) {
    whole = true;
    if (!eat('S')) return 0;
    for (const abbreviation& a : abbreviations) {
      if (!eat(a.code)) continue;
      // Before a constructor or destructor the class is written whole.
      const bool spelled = (peek() == 'C' || peek() == 'D') && is_digit(peek(1));
      index n = make(kind::text, 0, 1, spelled ? a.whole : a.text);
      if (n != 0) t_.nodes[n].a = static_cast<index>(&a - abbreviations) + 1;
      while (n != 0 && eat('B')) {
        const index tag = is_digit(peek()) ? source_name() : 0;
        n = tag == 0 ? 0 : remember(make(kind::tagged, n, 0, t_.nodes[tag].text));
      }
      return n;
    }
    std::size_t which = 0;
    if (!sequence(which, true) || which >= substitutions_.size()) return 0;
    return here(substitutions_[which]);
  }

  index template_param() {
    std::size_t which = 0;
    return eat('T') && sequence(which, false) ? parameter(static_cast<index>(which)) : 0;
  }
  index parameter(index which) {
    if (in_lambda_) return make(kind::number, 0, which + 1, "auto:", has_parameters);
    if (which < params_.size()) return make(kind::parameter, which, params_[which], {}, has_parameters);
    if (!in_conversion_) return 0;
    const index n = make(kind::parameter, which, 0, {}, has_parameters);
    if (n != 0) forwards_.push_back(n);
    return n;
  }

  /// What a node means that was first read in another place: a substitution stands for text, and T_ in it is the parameter of here.
  index here(index n) {
    const deeper d(*this);
    const node c = t_.nodes[n];
    if ((c.flags & has_parameters) == 0) return n;
    if (d.too_deep()) return 0;
    if (c.k == kind::number || c.k == kind::parameter) return parameter(c.k == kind::number ? c.b - 1 : c.a);
    if (c.k == kind::list || c.k == kind::pack) {
      std::vector<index> items(t_.lists.begin() + c.a, t_.lists.begin() + c.a + c.b);
      for (index& i : items)
        if ((i = here(i)) == 0) return 0;
      return list_of(items, c.k);
    }
    const index a = c.k == kind::local || c.a == 0 ? c.a : here(c.a);
    const index b = c.b == 0 || c.k == kind::vector || c.k == kind::suffixed ? c.b : here(c.b);
    if ((a == 0) != (c.a == 0) || (b == 0) != (c.b == 0)) return 0;
    return make(c.k, a, b, c.text, static_cast<std::uint8_t>(c.flags & ~has_parameters));
  }

  index template_args(bool of_encoding) {
    const deeper d(*this);
    if (d.too_deep() || !eat('I')) return 0;
    if (of_encoding) params_.clear();
    const bool outer = std::exchange(in_lambda_, false);
    std::vector<index> args;
    while (!eat('E')) {
      const index a = template_arg();
      if (a == 0) return 0;
      args.push_back(a);
      if (of_encoding) params_.push_back(t_.nodes[a].k == kind::pack ? make(kind::parameter_pack, t_.nodes[a].a, t_.nodes[a].b) : a);
    }
    in_lambda_ = outer;
    return list_of(args);
  }

  index template_arg() {
    const deeper d(*this);
    if (d.too_deep()) return 0;
    if (eat('X')) {
      const index e = expression();
      return eat('E') ? e : 0;
    }
    if (peek() == 'L') return literal();
    if (eat('J')) {
      std::vector<index> args;
      while (!eat('E')) {
        const index a = template_arg();
        if (a == 0) return 0;
        args.push_back(a);
      }
      return list_of(args, kind::pack);
    }
    return type();
  }

  index remember(index n) {
    if (n != 0) substitutions_.push_back(n);
    return n;
  }

  // --- special names, types, expressions: sample/mangled_types.hpp ----------------------------------------------------------------------------

  index special_name();
  bool offset() noexcept;
  bool call_offset() noexcept;
  index clone_suffix(index n);
  std::uint8_t qualifiers() noexcept;
  index type();
  index class_type(bool& known);
  index after_d(bool& known);
  index function_type();
  index array_type();
  index decltype_type();
  index vendor_type();
  index expression();
  index operands_of(const operator_name& o);
  index qualifier_levels();
  index unresolved_name();
  index literal();
  bool expressions_until_end(std::vector<index>& items);

  int depth_ = 0;
  int steps_ = 0;
  bool in_lambda_ = false;
  bool in_conversion_ = false;
  std::vector<index> substitutions_;
  std::vector<index> params_;    ///< template arguments that T_ means
  std::vector<index> forwards_;  ///< T_ before its arguments
};

}  // namespace mangled

}  // namespace sampling
}  // namespace pyro
