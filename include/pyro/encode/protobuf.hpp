#pragma once
// Writes protocol buffers: varints, strings, nested messages, packed numbers. What pprof and Pyroscope need, no more.
// Pure, any thread. Format: https://protobuf.dev/programming-guides/encoding

#include <cstdint>      // wire values
#include <string>       // the bytes
#include <string_view>  // strings and nested messages
#include <utility>      // move
#include <vector>       // packed numbers

namespace pyro {

/// One message under construction. A nested message is written by a writer of its own and put in with `bytes`.
class protobuf_writer {
 public:
  /// A number field (int64, uint64, enum), left out where it is 0: that is proto3's default.
  void integer(std::uint32_t field, std::int64_t value) { number(field, static_cast<std::uint64_t>(value)); }
  void number(std::uint32_t field, std::uint64_t value) {
    if (value == 0) return;
    varint(field << 3U);
    varint(value);
  }
  void boolean(std::uint32_t field, bool value) { number(field, value ? 1 : 0); }

  /// A string, a byte string or a nested message; written even where it is empty, as repeated fields need.
  void bytes(std::uint32_t field, std::string_view value) {
    varint(field << 3U | 2U);
    varint(value.size());
    out_.append(value);
  }

  /// Repeated numbers in packed form; nothing where there are none.
  template <class Integer>
  void packed(std::uint32_t field, const std::vector<Integer>& values) {
    if (values.empty()) return;
    std::size_t size = 0;
    for (const Integer v : values) size += varint_size(static_cast<std::uint64_t>(v));
    varint(field << 3U | 2U);
    varint(size);
    for (const Integer v : values) varint(static_cast<std::uint64_t>(v));
  }

  /// Bytes that are already encoded fields.
  void raw(std::string_view fields) { out_.append(fields); }

  const std::string& data() const noexcept { return out_; }
  std::string take() noexcept { return std::move(out_); }
  void clear() noexcept { out_.clear(); }

 private:
  static std::size_t varint_size(std::uint64_t v) noexcept {
    std::size_t size = 1;
    for (; v >= 0x80U; v >>= 7U) ++size;
    return size;
  }

  void varint(std::uint64_t v) {
    for (; v >= 0x80U; v >>= 7U) out_ += static_cast<char>((v & 0x7fU) | 0x80U);
    out_ += static_cast<char>(v);
  }

  std::string out_;
};

}  // namespace pyro
