#pragma once
// What may stand as a tag's value or a dynamic name, and its text. No allocation, no locale.
//
// Accepted: literals, char arrays, C strings (a null pointer leaves the tag out), anything with data() and size() over char
// (std::string, std::string_view), bool ("true", "false"), char, integers, enums (their number). For types of your own, or to give an
// enum names, overload `pyro_tag_value(your_type)` in the type's namespace; it returns any of the above.

#include <pyro/core/abi.hpp>

#include <cstddef>  // size_t
#include <cstdint>  // fixed-width integers

namespace pyro::core {

PYRO_INLINE std::size_t bounded_length(const char* data, std::size_t most) noexcept {
  std::size_t n = 0;
  while (n < most && data[n] != '\0') ++n;
  return n;
}

/// Eight decimal digits as bytes, the first one lowest; n < 10^8. Halves, quarters and eighths are taken side by side in one register
/// (the multiply-and-shift divisions are exact in these ranges), so that the text is one store: the look-up that follows reads it back
/// at once, which it could not from bytes that were stored one by one.
PYRO_INLINE std::uint64_t eight_digits(std::uint64_t n) noexcept {
  const std::uint64_t fours = n / 10000 | n % 10000 << 32;
  const std::uint64_t hundreds = (fours * 10486 >> 20) & 0x0000007f0000007fULL;
  const std::uint64_t twos = hundreds | (fours - 100 * hundreds) << 16;
  const std::uint64_t tens = (twos * 103 >> 10) & 0x000f000f000f000fULL;
  return tens | (twos - 10 * tens) << 8;
}

template <class Then>
inline auto with_digits(unsigned long long magnitude, bool negative, Then&& then) noexcept {
  char digits[24];
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  if (magnitude < 100000000 && !negative) {
    const std::uint64_t bytes = eight_digits(magnitude);
    const int blank = __builtin_ctzll(bytes | 1ULL << 56) & ~7;  // bits of leading zeros; the last digit always stays
    const std::uint64_t text = (bytes | 0x3030303030303030ULL) >> blank;
    __builtin_memcpy(digits, &text, 8);
    return then(static_cast<const char*>(digits), static_cast<std::size_t>(8 - blank / 8));
  }
#endif
  char* first = digits + sizeof digits;
  do *--first = static_cast<char>('0' + magnitude % 10);
  while ((magnitude /= 10) != 0);
  if (negative) *--first = '-';
  return then(static_cast<const char*>(first), static_cast<std::size_t>(digits + sizeof digits - first));
}

// Small traits of our own: <type_traits> alone would double what this header costs.
struct yes { static constexpr bool value = true; };
struct no { static constexpr bool value = false; };
template <class T>
auto is_converted_by_user(const T& v, int) -> decltype(pyro_tag_value(v), yes{});
template <class T>
no is_converted_by_user(const T&, ...);
template <class T>
auto has_text(const T& v, int) -> decltype(static_cast<const char*>(v.data()), static_cast<std::size_t>(v.size()), yes{});
template <class T>
no has_text(const T&, ...);
template <class T>
auto is_integer(const T& v, int) -> decltype(v % 2, yes{});
template <class T>
no is_integer(const T&, ...);
template <class T>
struct array_size { static constexpr std::size_t value = 0; };
template <std::size_t N>
struct array_size<char[N]> { static constexpr std::size_t value = N; };

/// Calls `then(data, size)` with the value's text; (nullptr, 0) where the value is a null pointer.
template <class T, class Then>
inline auto with_text(const T& value, Then&& then) noexcept {
  if constexpr (decltype(is_converted_by_user(value, 0))::value) {
    const auto& converted = pyro_tag_value(value);
    return with_text(converted, then);
  } else if constexpr (array_size<T>::value != 0) {
    return then(static_cast<const char*>(value), bounded_length(value, array_size<T>::value));
  } else if constexpr (__is_same(T, const char*) || __is_same(T, char*)) {
    return then(static_cast<const char*>(value), value == nullptr ? std::size_t{0} : __builtin_strlen(value));
  } else if constexpr (__is_same(T, decltype(nullptr))) {
    return then(static_cast<const char*>(nullptr), std::size_t{0});
  } else if constexpr (__is_same(T, bool)) {
    return value ? then("true", std::size_t{4}) : then("false", std::size_t{5});
  } else if constexpr (__is_same(T, char)) {
    return then(&value, std::size_t{1});
  } else if constexpr (__is_enum(T)) {
    const auto number = +static_cast<__underlying_type(T)>(value);  // +: also of an enum over char or bool
    return with_text(number, then);
  } else if constexpr (decltype(has_text(value, 0))::value) {
    return then(static_cast<const char*>(value.data()), static_cast<std::size_t>(value.size()));
  } else {
    static_assert(decltype(is_integer(value, 0))::value,
                  "pyro: a value is text, an integer, a bool or an enum; overload pyro_tag_value(your_type) for other types");
    const bool negative = !(value > T(0) || value == T(0));
    const auto bits = static_cast<unsigned long long>(value);
    return with_digits(negative ? 0ULL - bits : bits, negative, then);
  }
}

}  // namespace pyro::core
