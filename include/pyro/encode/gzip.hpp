#pragma once
// gzip without a dependency: the container, its checksum, and stored (uncompressed) deflate blocks. A real deflate takes over
// where one is registered: including <pyro/encode/zlib.hpp> in the file that calls `configure` does it.
// Any thread. Formats: RFC 1952 (gzip), RFC 1951 (deflate, section 3.2.4).

#include <array>        // CRC table
#include <atomic>       // the compressor's slot
#include <cstdint>      // wire values
#include <string>       // the bytes
#include <string_view>  // what is summed

namespace pyro {

/// Appends `in` to `out` as one raw deflate stream (RFC 1951, no zlib header). False where it can't; `out` is then ignored.
/// Must be callable from any thread and must not throw.
using compressor = bool (*)(const std::string& in, std::string& out);

namespace detail {

// Hidden: each executable or shared object has a slot of its own, so that none calls into another that has been unloaded.
// It is set while that object's static variables are initialised; constant initialisation makes the order irrelevant.
__attribute__((visibility("hidden"))) inline std::atomic<compressor> compressor_slot{nullptr};

constexpr std::array<std::uint32_t, 256> make_crc_table() noexcept {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit) c = (c & 1U) ? 0xedb88320U ^ (c >> 1U) : c >> 1U;
    table[i] = c;
  }
  return table;
}

inline std::uint32_t crc32(std::string_view data) noexcept {
  static constexpr std::array<std::uint32_t, 256> table = make_crc_table();
  std::uint32_t c = 0xffffffffU;
  for (const char byte : data) c = table[(c ^ static_cast<unsigned char>(byte)) & 0xffU] ^ (c >> 8U);
  return c ^ 0xffffffffU;
}

inline void append_little_endian(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xffU);
}

/// Deflate that doesn't compress: blocks of at most 65,535 bytes, the last one marked as final; an empty one for no data.
inline void append_stored(std::string& out, const std::string& data) {
  constexpr std::size_t largest = 65535;
  std::size_t at = 0;
  do {
    const std::size_t size = data.size() - at < largest ? data.size() - at : largest;
    out += static_cast<char>(at + size == data.size() ? 1 : 0);
    append_little_endian(out, size, 2);
    append_little_endian(out, ~size, 2);
    out.append(data, at, size);
    at += size;
  } while (at < data.size());
}

inline std::string gzip_with(compressor deflate, const std::string& data) {
  // Magic, deflate, no flags, no time (equal input gives equal output), no extra flags, system unknown.
  static constexpr char header[10] = {'\x1f', '\x8b', 8, 0, 0, 0, 0, 0, 0, '\xff'};
  std::string out(header, sizeof header);
  if (deflate == nullptr || !deflate(data, out)) {
    out.resize(sizeof header);
    out.reserve(data.size() + data.size() / 65535 * 5 + 32);
    append_stored(out, data);
  }
  append_little_endian(out, crc32(data), 4);
  append_little_endian(out, data.size(), 4);
  return out;
}

}  // namespace detail

/// `data` as a gzip file of one member: compressed where a compressor is registered, else stored.
inline std::string gzip(const std::string& data) {
  return detail::gzip_with(detail::compressor_slot.load(std::memory_order_acquire), data);
}

}  // namespace pyro
