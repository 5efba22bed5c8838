#pragma once
// Writes the tree of a mangled name in the spelling of the GNU C++ library. Bounded in bytes, depth and steps: a name of a hundred bytes can
// refer to its own parts so that it has gigabytes. Any thread; not signal safe.

#include <pyro/sample/mangled_shape.hpp>

#include <string>
#include <string_view>

namespace pyro {
namespace sampling PYRO_HIDDEN {

namespace mangled {

/// Writes a tree in the spelling of the C++ library. Types are written in two parts, around what they declare: void (*  )(int).
class writer : private shape {
 public:
  writer(const tree& t, std::size_t most) noexcept : shape(t), most_(most) {}

  /// False: it would be longer than `most`, or too deep.
  bool write(index root, std::string& out) {
    whole(root);
    out.swap(out_);
    return !failed_;
  }

 private:
  struct deeper {
    explicit deeper(writer& w) noexcept : depth(w.depth_) { ++depth; }
    ~deeper() { --depth; }
    deeper(const deeper&) = delete;
    deeper& operator=(const deeper&) = delete;
    int& depth;
  };

  /// False where there is nothing to follow, or where it would take too many levels or steps.
  bool may_follow(index n) noexcept {
    if (!failed_ && (n == 0 || depth_ > most_depth || ++steps_ > most_steps)) failed_ = true;
    return !failed_;
  }

  void put(std::string_view text) {
    if (out_.size() + text.size() > most_) failed_ = true;
    else out_ += text;
  }
  void put(std::size_t n) { put(std::to_string(n)); }

  void whole(index n) {
    left(n);
    right(n);
  }

  /// Packs are what is repeated; a pack without elements writes nothing, not even its comma.
  void comma_separated(index list) {
    const node& l = at(list);
    bool first = true;
    for (index i = 0; i < l.b && !failed_; ++i) {
      const std::size_t before = out_.size();
      if (!first) put(", ");
      const std::size_t after = out_.size();
      whole(t_.lists[l.a + i]);
      if (out_.size() == after && !failed_) out_.resize(before);
      else first = false;
    }
  }

  void arguments(index list) {
    if (!out_.empty() && out_.back() == '<') put(" ");  // operator< <int>
    put("<");
    comma_separated(list);
    put(!out_.empty() && out_.back() == '>' ? " >" : ">");
  }

  /// The last part of a class's name, without arguments: what its constructor is called.
  void last_name(index n) {
    for (int steps = 0; steps < most_depth; ++steps) {
      const node& c = at(n);
      if (c.k == kind::nested || c.k == kind::local) n = c.b;
      else if (c.k == kind::with_args || c.k == kind::tagged) n = c.a;
      else if (c.k == kind::text && c.b == 1 && c.a != 0) return put(abbreviations[c.a - 1].last);
      else return left(n);
    }
    failed_ = true;
  }

  void qualifiers(std::uint8_t flags) {
    if ((flags & is_const) != 0) put(" const");
    if ((flags & is_volatile) != 0) put(" volatile");
    if ((flags & is_restrict) != 0) put(" restrict");
    if ((flags & is_noexcept) != 0) put(" noexcept");
    if ((flags & by_reference) != 0) put(" &");
    if ((flags & by_rvalue) != 0) put(" &&");
  }

  void expansion(const node& c) {
    const int size = pack_size(c.a, 0);
    if (size < 0) {
      operand(c.a);
      put("...");
      return;
    }
    const index outer = pack_index_;
    for (int i = 0; i < size && !failed_; ++i) {
      if (i != 0) put(", ");
      pack_index_ = static_cast<index>(i);
      whole(c.a);
    }
    pack_index_ = outer;
  }

  void function_encoding(const node& c) {
    const node& f = at(c.b);
    if (f.a != 0) {
      left(f.a);
      if (!declares_inside(f.a)) put(" ");
    }
    left(c.a);
    put("(");
    comma_separated(f.b);
    put(")");
    if (f.a != 0) right(f.a);
    qualifiers(f.flags);
  }
  void operand(index n) {
    const kind k = at(n).k;
    const bool plain = k == kind::text || k == kind::nested || k == kind::braces || (k == kind::number && at(n).a == 1);
    if (!plain) put("(");
    whole(n);
    if (!plain) put(")");
  }

  void literal(const node& c) {
    std::string_view value = c.text;
    const node& type = at(meant(c.a));
    const bool negative = !value.empty() && value[0] == 'n';
    if (negative) value.remove_prefix(1);
    const std::string_view name = type.k == kind::text ? type.text : std::string_view();
    if (name == "bool" && (value == "0" || value == "1")) return put(value == "0" ? "false" : "true");
    static constexpr struct {
      const char* type;
      const char* suffix;
    } integers[] = {{"int", ""}, {"unsigned int", "u"}, {"long", "l"}, {"unsigned long", "ul"}, {"long long", "ll"}, {"unsigned long long", "ull"}};
    for (const auto& i : integers) {
      if (name != i.type) continue;
      if (negative) put("-");
      put(value);
      return put(i.suffix);
    }
    put("(");
    whole(c.a);
    put(")");
    const bool floating = name == "float" || name == "double" || name == "long double";
    if (negative) put("-");
    if (floating) put("[");
    put(value);
    if (floating) put("]");
  }

  void pointer_left(const node& c) {
    std::string_view mark = c.text;
    const index to = collapsed(c.a, mark);
    left(to);
    if (wraps(to)) put(at_function(to) ? "(" : " (");
    put(mark);
  }
  void pointer_right(const node& c) {
    std::string_view mark = c.text;
    const index to = collapsed(c.a, mark);
    if (wraps(to)) put(")");
    right(to);
  }

  void left(index n);
  void right(index n);

  const std::size_t most_;
  std::string out_;
  bool failed_ = false;
  int depth_ = 0;
};

inline void writer::left(index n) {
  const deeper d(*this);
  if (!may_follow(n)) return;
  const node& c = at(n);
  switch (c.k) {
    case kind::text: put(c.text); break;
    case kind::number:
      put(c.text);
      put(std::size_t{c.b});
      if (c.a == 1) put("}");
      break;
    case kind::nested:
    case kind::local:
      whole(c.a);
      put("::");
      whole(c.b);
      break;
    case kind::with_args:
      left(c.a);
      arguments(c.b);
      break;
    case kind::tagged:
      left(c.a);
      put("[abi:");
      put(c.text);
      put("]");
      break;
    case kind::destructor: put("~"); last_name(c.a); break;
    case kind::constructor: last_name(c.a); break;
    case kind::conversion:
      put("operator ");
      whole(c.a);
      break;
    case kind::literal_op: {
      if (c.a == 0) {
        put("operator\"\" ");
        put(c.text);
        break;
      }
      put("operator");
      std::string_view text = c.text;
      if (text[0] >= 'a' && text[0] <= 'z') put(" ");
      if (text.back() == ' ') text.remove_suffix(1);
      put(text);
      break;
    }
    case kind::lambda:
      put("{lambda(");
      comma_separated(c.a);
      put(")#");
      put(std::size_t{c.b});
      put("}");
      break;
    case kind::unnamed:
    case kind::default_arg:
      put(c.k == kind::unnamed ? "{unnamed type#" : "{default arg#");
      put(std::size_t{c.b});
      put("}");
      break;
    case kind::binding:
      put("[");
      comma_separated(c.a);
      put("]");
      break;
    case kind::special:
      put(c.text);
      whole(c.a);
      break;
    case kind::clone:
      whole(c.a);
      put(" [clone ");
      put(c.text);
      put("]");
      break;
    case kind::encoding: function_encoding(c); break;
    case kind::qualified:
      left(c.a);
      // const of what is const already is written once.
      qualifiers(static_cast<std::uint8_t>(at(meant(c.a)).k == kind::qualified ? c.flags & ~at(meant(c.a)).flags : c.flags));
      break;
    case kind::pointer: pointer_left(c); break;
    case kind::member:
      left(c.b);
      put(wraps(c.b) ? "(" : " ");
      whole(c.a);
      put("::*");
      break;
    case kind::function:
      if (c.a == 0) break;
      left(c.a);
      if (!declares_inside(c.a)) put(" ");
      break;
    case kind::array: left(c.b); break;
    case kind::suffixed:
      left(c.a);
      put(c.text);
      break;
    case kind::vector:
      whole(c.a);
      put(" __vector(");
      whole(c.b);
      put(")");
      break;
    case kind::list:
    case kind::pack: comma_separated(n); break;
    case kind::parameter_pack:
      if (pack_index_ < c.b) left(t_.lists[c.a + pack_index_]);
      break;
    case kind::expansion: expansion(c); break;
    case kind::parameter: left(c.b); break;
    case kind::decltype_of:
      put("decltype (");
      whole(c.a);
      put(")");
      break;
    case kind::literal: literal(c); break;
    case kind::unary:
      put(c.text);
      // The address of a function needs no parameters.
      operand(c.text == "&" && at(c.a).k == kind::encoding && at(at(c.a).a).k == kind::nested ? at(c.a).a : c.a);
      break;
    case kind::binary:
      if (c.text == ">") put("(");
      operand(c.a);
      put(c.text);
      operand(c.b);
      if (c.text == ">") put(")");
      break;
    case kind::call:
      operand(at(c.a).k == kind::encoding ? at(c.a).a : c.a);
      put("(");
      comma_separated(c.b);
      put(")");
      break;
    case kind::cast:
      put("(");
      whole(c.a);
      put(")(");
      comma_separated(c.b);
      put(")");
      break;
    case kind::braces:
      whole(c.a);
      put("{");
      comma_separated(c.b);
      put("}");
      break;
    case kind::named_call:
      put(c.text);
      put("(");
      comma_separated(c.a);
      put(")");
      break;
  }
}

inline void writer::right(index n) {
  const deeper d(*this);
  if (!may_follow(n)) return;
  const node& c = at(n);
  switch (c.k) {
    case kind::qualified: right(c.a); break;
    case kind::pointer: pointer_right(c); break;
    case kind::member:
      if (wraps(c.b)) put(")");
      right(c.b);
      break;
    case kind::function:
      put("(");
      comma_separated(c.b);
      put(")");
      if (c.a != 0) right(c.a);
      qualifiers(c.flags);
      break;
    case kind::array:
      put(" [");
      if (c.a != 0) whole(c.a);
      put("]");
      right(c.b);
      break;
    case kind::suffixed: right(c.a); break;
    case kind::parameter_pack:
      if (pack_index_ < c.b) right(t_.lists[c.a + pack_index_]);
      break;
    case kind::parameter: right(c.b); break;
    default: break;
  }
}

}  // namespace mangled

}  // namespace sampling
}  // namespace pyro
