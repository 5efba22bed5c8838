// Macro uses that must compile, in every place where a statement may stand. No #pragma once: files include it in namespaces of their
// own, so that one translation unit holds every use twice.
//
// `value`, `name`, `key`, `where`, `own`, `top` are local variables on purpose: nothing that a macro declares may shadow, or be shadowed.

enum class colour : unsigned char { red, green };
enum unscoped { small = -3, large = 7 };

struct length {
  int metres;
};
inline const char* pyro_tag_value(const length& l) { return l.metres > 100 ? "long" : "short"; }

enum class planet { earth, mars };
constexpr const char* pyro_tag_value(planet p) { return p == planet::earth ? "earth" : "mars"; }

struct view {  // what string_view looks like, without paying for <string_view>
  const char* first;
  std::size_t count;
  const char* data() const { return first; }
  std::size_t size() const { return count; }
};

inline int plain(int value, const char* name, const char* key) {
  PYRO_SCOPE();
  PYRO_SCOPE("two in one block");
  PYRO_TAG("value", value);
  PYRO_TAG("name", name);
  PYRO_TAG("key", key);
  return value;
}

inline int on_one_line(int where) {
  PYRO_SCOPE(); PYRO_SCOPE("second"); PYRO_TAG("a", where); PYRO_TAG("b", where);
  return where;
}

inline void unbraced(bool own, int top) {
  if (own) PYRO_SCOPE();
  else PYRO_SCOPE("else");
  if (own) PYRO_TAG("own", top);
  else PYRO_TAG("own", "no");
  if (!own) PYRO_SCOPE_DYNAMIC("dynamic");
  else if (top > 1) PYRO_THREAD("worker");
  else PYRO_TAG("top", top);
  for (int i = 0; i < 2; ++i) PYRO_SCOPE("loop");
  while (top-- > 0) PYRO_TAG("top", top);
  do PYRO_SCOPE("do");
  while (own && top > 0);
}

inline void braced(int value) {
  switch (value) {
    case 0: {
      PYRO_SCOPE("zero");
      break;
    }
    case 1: {
      PYRO_TAG("value", value);
      break;
    }
    default: {
      PYRO_SCOPE_DYNAMIC("many");
      break;
    }
  }
  {
    PYRO_SCOPE("block");
    {
      PYRO_SCOPE("inner block");
      PYRO_TAG("inner", true);
    }
  }
}

inline void all_values(bool flag, const char* maybe_null, const view& text) {
  char buffer[8] = "abc";
  const char fixed[] = "fixed";
  char letter = 'x';
  long long big = -1;
  unsigned long long bigger = ~0ULL;
  std::uint8_t byte = 255;
  std::int16_t half = -2;
  PYRO_TAG("literal", "yes");
  PYRO_TAG("empty", "");
  PYRO_TAG("buffer", buffer);
  PYRO_TAG("fixed", fixed);
  PYRO_TAG("pointer", maybe_null);
  PYRO_TAG("mutable pointer", &buffer[1]);
  PYRO_TAG("null", nullptr);
  PYRO_TAG("text", text);
  PYRO_TAG("temporary", (view{"tmp", 3}));
  PYRO_TAG("flag", flag);
  PYRO_TAG("letter", letter);
  PYRO_TAG("int", 42);
  PYRO_TAG("negative", -42);
  PYRO_TAG("big", big);
  PYRO_TAG("bigger", bigger);
  PYRO_TAG("byte", byte);
  PYRO_TAG("half", half);
  PYRO_TAG("size", sizeof(int));
  PYRO_TAG("enum class", colour::green);
  PYRO_TAG("enum", large);
  PYRO_TAG("own type", length{3});
  PYRO_TAG("own enum", planet::mars);
  PYRO_TAG("conditional", flag ? "yes" : "no");
  PYRO_TAG("con" "catenated", "val" "ue");
  PYRO_SCOPE_DYNAMIC(buffer);
  PYRO_SCOPE_DYNAMIC(maybe_null);
  PYRO_SCOPE_DYNAMIC(text);
  PYRO_SCOPE_DYNAMIC(flag ? "a" : "b");
  PYRO_THREAD("literal");
  PYRO_THREAD(buffer);
  PYRO_THREAD(text);
}

template <class T>
T in_template(T value) {
  PYRO_SCOPE();
  PYRO_TAG("value", value);
  return value;
}

template <int N, class... Rest>
int variadic(Rest... rest) {
  PYRO_SCOPE("variadic");
  PYRO_TAG("count", sizeof...(rest));
  PYRO_TAG("n", N);
  if constexpr (N > 0) {
    PYRO_SCOPE("recursion");
    return variadic<N - 1>(rest..., N);
  } else {
    return (0 + ... + rest);
  }
}

template <class T>
struct class_template {
  T value;
  explicit class_template(T v) : value(v) { PYRO_SCOPE(); }
  template <class U>
  U convert() const {
    PYRO_SCOPE();
    PYRO_TAG("value", value);
    return static_cast<U>(value);
  }
};

inline int lambdas(int value) {
  PYRO_SCOPE();
  auto simple = [] { PYRO_SCOPE(); };
  auto capturing = [&value](int key) {
    PYRO_SCOPE("capturing");
    PYRO_TAG("key", key);
    return value + key;
  };
  auto generic = [](auto name) {
    PYRO_SCOPE();
    PYRO_TAG("name", name);
    auto nested = [name] {
      PYRO_SCOPE("nested");
      PYRO_TAG("name", name);
      return name;
    };
    return nested();
  };
  simple();
  PYRO_TAG("lambda in a value", [&] { PYRO_SCOPE("in a value"); return value; }());
  PYRO_TAG("lambda in a lambda", [&] {
    PYRO_TAG("inner", [] { PYRO_SCOPE(); return 1; }());
    return [&] { PYRO_TAG("innermost", value); return "text"; }();
  }());
  PYRO_SCOPE_DYNAMIC([] { PYRO_SCOPE("in a name"); return "made"; }());
  return capturing(1) + generic(2) + static_cast<int>(sizeof generic("text"));
}

class everything {
 public:
  everything() { PYRO_SCOPE(); }
  explicit everything(int value) : value_(value) {
    PYRO_SCOPE("constructor");
    PYRO_TAG("value", value);
  }
  everything(const everything& other) noexcept : value_(other.value_) { PYRO_SCOPE(); }
  ~everything() {
    PYRO_SCOPE();
    PYRO_TAG("value", value_);
  }
  everything& operator=(const everything& other) {
    PYRO_SCOPE();
    value_ = other.value_;
    return *this;
  }
  int operator()(int value) const {
    PYRO_SCOPE();
    return value_ + value;
  }
  bool operator<(const everything& other) const noexcept {
    PYRO_SCOPE();
    return value_ < other.value_;
  }
  bool operator,(const everything&) const {
    PYRO_SCOPE();
    return false;
  }
  explicit operator bool() const {
    PYRO_SCOPE();
    return value_ != 0;
  }
  static int fixed() {
    PYRO_SCOPE();
    return 1;
  }
  int member() const volatile {
    PYRO_SCOPE();
    PYRO_TAG("value", 1);
    return 2;
  }
  virtual int overridable() & noexcept {
    PYRO_SCOPE();
    return value_;
  }
  friend int befriended(const everything& e) {
    PYRO_SCOPE();
    return e.value_;
  }

 private:
  int value_ = 0;
};

static inline int static_function() noexcept {
  PYRO_SCOPE();
  return 3;
}

namespace inner {
namespace {
int anonymous() {
  PYRO_SCOPE();
  PYRO_TAG("where", "anonymous");
  return 4;
}
}  // namespace
inline int named(int name) {
  PYRO_SCOPE();
  struct local {
    int key;
    int run() const {
      PYRO_SCOPE();
      PYRO_TAG("key", key);
      return key;
    }
  };
  return local{name}.run() + anonymous();
}
}  // namespace inner

inline auto trailing(int value) -> int {
  PYRO_SCOPE();
  return value;
}

inline int early_return(int value) {
  PYRO_SCOPE();
  if (value > 2) return value;
  PYRO_TAG("value", value);
  for (int key = 0; key < 4; ++key) {
    PYRO_TAG("key", key);
    if (key == 1) continue;
    if (key == 2) break;
  }
  goto end;
end:
  return 0;
}

#if defined(__cpp_exceptions)
inline int throwing(int value) try {
  PYRO_SCOPE();
  PYRO_TAG("value", value);
  if (value > 1) throw value;
  return 0;
} catch (int caught) {
  PYRO_SCOPE("caught");
  PYRO_TAG("caught", caught);
  return caught;
}
#endif

/// Runs them all; the sum is the same with and without PYRO_DISABLE.
inline long run_all() {
  long sum = plain(1, "n", "k") + on_one_line(2);
  for (int i = 0; i < 3; ++i) {
    unbraced(i % 2 == 0, i);
    braced(i);
    sum += early_return(i + 1);
  }
  all_values(true, "text", view{"view", 4});
  all_values(false, nullptr, view{nullptr, 0});
  sum += in_template(5) + in_template(6L) + in_template('\1') + variadic<3>();
  sum += class_template<int>(7).convert<long>();
  sum += lambdas(8);
  everything one, two(9);
  one = two;
  everything three(one);
  sum += three(10) + (one < two) + (one ? 1 : 0) + everything::fixed() + one.member() + one.overridable() + befriended(one) + one.operator,(two);
  sum += static_function() + inner::named(11) + trailing(12);
#if defined(__cpp_exceptions)
  sum += throwing(0) + throwing(2);
#else
  sum += 2;
#endif
  return sum;
}
