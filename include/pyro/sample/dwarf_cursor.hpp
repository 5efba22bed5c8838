#pragma once
// Reads DWARF's numbers from bytes that nobody vouches for: past the end, or too long, everything reads as 0 and `good()` is false from
// then on. Pure; worker only.
//
// Pointer encodings (DW_EH_PE_*): LSB Core 5.0 §10.5.1.

#include <pyro/core/abi.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>  // memcpy

namespace pyro {
namespace sampling PYRO_HIDDEN {

/// A copy of memory, and where the original lies: pointers in it are relative to that.
struct bytes_at {
  const unsigned char* data = nullptr;
  std::size_t size = 0;
  std::uint64_t address = 0;
};

namespace pointer_encoding {
inline constexpr unsigned absolute = 0x00, uleb128 = 0x01, udata2 = 0x02, udata4 = 0x03, udata8 = 0x04, sleb128 = 0x09, sdata2 = 0x0a,
                          sdata4 = 0x0b, sdata8 = 0x0c;
inline constexpr unsigned relative_to_pc = 0x10, relative_to_data = 0x30, indirect = 0x80, omitted = 0xff;
}  // namespace pointer_encoding

class dwarf_cursor {
 public:
  dwarf_cursor() noexcept = default;
  /// [begin, end) of `all`; `end` is cut to what there is.
  dwarf_cursor(const bytes_at& all, std::size_t begin, std::size_t end) noexcept
      : all_(all), at_(begin), end_(end < all.size ? end : all.size), good_(begin <= end_) {}

  bool good() const noexcept { return good_; }
  bool done() const noexcept { return !good_ || at_ >= end_; }
  std::size_t offset() const noexcept { return at_; }
  std::size_t end() const noexcept { return end_; }
  std::size_t left() const noexcept { return good_ ? end_ - at_ : 0; }

  template <class T>
  T fixed() noexcept {
    T value{};
    if (left() < sizeof value) return fail<T>();
    std::memcpy(&value, all_.data + at_, sizeof value);
    at_ += sizeof value;
    return value;
  }
  std::uint8_t byte() noexcept { return fixed<std::uint8_t>(); }

  /// Bits past the 64th are lost, as everywhere; zeros for padding are allowed.
  std::uint64_t uleb() noexcept {
    std::uint64_t value = 0;
    for (unsigned shift = 0; left() != 0; shift += 7) {
      const std::uint64_t b = all_.data[at_++];
      if (shift < 64) value |= (b & 127) << shift;
      if ((b & 128) == 0) return value;
    }
    return fail<std::uint64_t>();
  }
  std::int64_t sleb() noexcept {
    std::uint64_t value = 0;
    for (unsigned shift = 0; left() != 0;) {
      const std::uint64_t b = all_.data[at_++];
      if (shift < 64) value |= (b & 127) << shift;
      shift += 7;
      if ((b & 128) != 0) continue;
      if (shift < 64 && (b & 64) != 0) value |= ~std::uint64_t{0} << shift;
      return static_cast<std::int64_t>(value);
    }
    return fail<std::int64_t>();
  }

  void skip(std::uint64_t count) noexcept {
    if (count > left()) return void(fail<int>());
    at_ += static_cast<std::size_t>(count);
  }
  /// A part of `count` bytes from here, which is then behind.
  dwarf_cursor part(std::uint64_t count) noexcept {
    dwarf_cursor sub = *this;
    skip(count);
    sub.good_ = good_;
    sub.end_ = at_;
    return sub;
  }
  /// Text up to a zero byte, which is then behind.
  const char* text() noexcept {
    const void* zero = left() != 0 ? std::memchr(all_.data + at_, 0, left()) : nullptr;
    if (zero == nullptr) return fail<int>(), "";
    const char* begin = reinterpret_cast<const char*>(all_.data + at_);
    at_ = static_cast<std::size_t>(static_cast<const unsigned char*>(zero) - all_.data) + 1;
    return begin;
  }

  /// The number alone, whatever it is relative to.
  std::uint64_t encoded_value(unsigned encoding) noexcept {
    using namespace pointer_encoding;
    switch (encoding & 0x0f) {
      case absolute:
      case udata8: return fixed<std::uint64_t>();
      case uleb128: return uleb();
      case udata2: return fixed<std::uint16_t>();
      case udata4: return fixed<std::uint32_t>();
      case sleb128: return static_cast<std::uint64_t>(sleb());
      case sdata2: return static_cast<std::uint64_t>(std::int64_t{fixed<std::int16_t>()});
      case sdata4: return static_cast<std::uint64_t>(std::int64_t{fixed<std::int32_t>()});
      case sdata8: return static_cast<std::uint64_t>(fixed<std::int64_t>());
      default: return fail<std::uint64_t>();
    }
  }
  /// An address. What is relative to text or a function, aligned, or to be loaded from elsewhere, is not for tables of code.
  std::uint64_t encoded_address(unsigned encoding, std::uint64_t data_base) noexcept {
    using namespace pointer_encoding;
    const std::uint64_t here = all_.address + at_;
    const std::uint64_t value = encoded_value(encoding);
    switch (encoding & 0xf0) {
      case 0: return value;
      case relative_to_pc: return value + here;
      case relative_to_data: return data_base != 0 ? value + data_base : fail<std::uint64_t>();
      default: return fail<std::uint64_t>();
    }
  }

 private:
  template <class T>
  T fail() noexcept {
    good_ = false;
    return T{};
  }

  bytes_at all_;
  std::size_t at_ = 0;
  std::size_t end_ = 0;
  bool good_ = false;
};

}  // namespace sampling
}  // namespace pyro
