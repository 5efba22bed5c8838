#pragma once
// Questions that the writer of mangled names asks about a tree (sample/mangled_writer.hpp). Each takes a bounded number of steps.
// Any thread; not signal safe.

#include <pyro/sample/mangled_types.hpp>

#include <string_view>

namespace pyro {
namespace sampling PYRO_HIDDEN {

namespace mangled {

class shape {
 protected:
  explicit shape(const tree& t) noexcept : t_(t) {}

  static constexpr int most_depth = 512;
  static constexpr int most_steps = 1 << 18;

  const node& at(index n) const noexcept { return t_.nodes[n]; }
  /// What a parameter stands for here; 0 where there is no end to that, or it is nothing.
  index meant(index n) const noexcept {
    for (int steps = 0; steps < most_depth; ++steps) {
      const node& c = at(n);
      if (c.k == kind::parameter) n = c.b;
      else if (c.k == kind::parameter_pack) n = pack_index_ < c.b ? t_.lists[c.a + pack_index_] : 0;
      else return n;
    }
    return 0;
  }

  /// Whether a type is written around what it declares, below qualifiers and pointers.
  bool wraps(index n) const noexcept {
    for (int steps = 0; steps < most_depth; ++steps) {
      const node& c = at(meant(n));
      if (c.k == kind::array || c.k == kind::function) return true;
      if (c.k != kind::qualified) return false;
      n = c.a;
    }
    return false;
  }

  /// References to references are one; where either is an lvalue's it is that.
  index collapsed(index n, std::string_view& mark) const noexcept {
    for (int steps = 0; steps < most_depth && mark != "*"; ++steps) {
      const node& c = at(meant(n));
      if (c.k != kind::pointer || c.text == "*") break;
      if (c.text == "&") mark = "&";
      n = c.a;
    }
    return n;
  }

  /// How many elements the packs below have; -1: there is none.
  int pack_size(index n, int depth) {
    if (n == 0 || depth > 256 || ++steps_ > most_steps) return -1;
    const node& c = at(n);
    const auto in_list = [&](const node& l) {
      for (index i = 0; i < l.b; ++i) {
        const int size = pack_size(t_.lists[l.a + i], depth + 1);
        if (size >= 0) return size;
      }
      return -1;
    };
    switch (c.k) {
      case kind::parameter_pack: return static_cast<int>(c.b);
      case kind::list: case kind::pack: return in_list(c);
      case kind::text: case kind::number: case kind::literal_op: case kind::unnamed: case kind::default_arg: case kind::lambda:
      case kind::expansion: return -1;
      case kind::parameter: return pack_size(c.b, depth + 1);
      default: {
        const int size = pack_size(c.a, depth + 1);
        return size >= 0 || c.b == 0 || c.k == kind::vector ? size : pack_size(c.b, depth + 1);
      }
    }
  }

  /// Whether the left part of a type ends within a declarator, as in "void (*".
  bool declares_inside(index n) const noexcept {
    for (int steps = 0; steps < most_depth; ++steps) {
      const node& c = at(meant(n));
      if (c.k == kind::member) return wraps(c.b);
      if (c.k == kind::pointer && wraps(c.a)) return true;
      if (c.k != kind::qualified && c.k != kind::pointer) return false;
      n = c.a;
    }
    return false;
  }

  /// Whether a type is a function's, or a qualified one's.
  bool at_function(index n) const noexcept {
    for (int steps = 0; steps < most_depth; ++steps) {
      const node& c = at(meant(n));
      if (c.k == kind::function) return true;
      if (c.k != kind::qualified) return false;
      n = c.a;
    }
    return false;
  }

  const tree& t_;
  int steps_ = 0;
  index pack_index_ = 0;  ///< which element of a pack is being written
};

}  // namespace mangled

}  // namespace sampling
}  // namespace pyro
