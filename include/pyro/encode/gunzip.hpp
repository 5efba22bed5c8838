#pragma once
// Reads gzip: members one after the other, checksums checked, never more than a limit. Stored blocks need nothing; real deflate needs a
// decompressor: including <pyro/encode/zlib.hpp> anywhere in the program's file registers one.
// Any thread. Formats: RFC 1952 (gzip), RFC 1951 (deflate, section 3.2.4).

#include <pyro/encode/decode_result.hpp>
#include <pyro/encode/gzip.hpp>

#include <atomic>       // the decompressor's slot
#include <cstddef>      // sizes
#include <cstdint>      // wire values
#include <string>       // the bytes
#include <string_view>  // input

namespace pyro {

enum class inflate_status : std::uint8_t {
  done,       ///< the whole stream
  too_large,  ///< the output would be larger than allowed
  bad,        ///< no deflate stream, or cut
  refused,    ///< can't be decompressed here
};

/// Appends what the raw deflate stream at the begin of `in` holds to `out`, as long as `out` has at most `max_size` bytes then. `used`: how many
/// bytes of `in` the stream takes; where it is bad, about where. Must be callable from any thread and must not throw.
using decompressor = inflate_status (*)(std::string_view in, std::size_t max_size, std::string& out, std::size_t& used);

namespace detail {

// As the compressor's slot: hidden, one for each executable or shared object.
__attribute__((visibility("hidden"))) inline std::atomic<decompressor> decompressor_slot{nullptr};

/// Deflate of stored blocks alone; `refused` at the first other one.
inline inflate_status inflate_stored(std::string_view in, std::size_t max_size, std::string& out, std::size_t& used) {
  const auto byte = [&in](std::size_t i) { return static_cast<unsigned char>(in[i]); };
  for (used = 0;;) {
    if (in.size() - used < 5) return inflate_status::bad;
    const unsigned head = byte(used);
    if ((head & 6U) != 0) return (head & 6U) == 6U ? inflate_status::bad : inflate_status::refused;
    const std::size_t size = byte(used + 1) | std::size_t{byte(used + 2)} << 8U;
    const std::size_t check = byte(used + 3) | std::size_t{byte(used + 4)} << 8U;
    if ((size ^ check) != 0xffffU || in.size() - used - 5 < size) return inflate_status::bad;
    if (size > max_size - out.size()) return inflate_status::too_large;
    out.append(in.substr(used + 5, size));
    used += 5 + size;
    if ((head & 1U) != 0) return inflate_status::done;
  }
}

inline bool is_gzip(std::string_view bytes) noexcept { return bytes.size() >= 2 && bytes[0] == '\x1f' && bytes[1] == '\x8b'; }

/// Reads the members of a gzip file.
class gzip_reader {
 public:
  gzip_reader(std::string_view file, std::size_t max_size, decode_failure& failure) noexcept : in_(file), max_size_(max_size), failure_(failure) {}

  /// All members' contents, one after the other; false where something is wrong with one.
  bool read(std::string& out) {
    do
      if (!header() || !member(out)) return false;
    while (!at_end());
    return true;
  }

 private:
  unsigned byte(std::size_t i) const noexcept { return static_cast<unsigned char>(in_[i]); }
  std::uint32_t number(std::size_t i) const noexcept { return byte(i) | byte(i + 1) << 8U | byte(i + 2) << 16U | byte(i + 3) << 24U; }

  bool needs(std::size_t bytes, const char* what) {
    return in_.size() - at_ >= bytes || failure_.fail(at_, what, std::to_string(in_.size() - at_) + " bytes and the end of the file");
  }

  /// Zeros after the last member are padding, as of tapes and disks.
  bool at_end() noexcept {
    std::size_t zeros = at_;
    while (zeros < in_.size() && in_[zeros] == 0) ++zeros;
    if (zeros == in_.size()) at_ = zeros;
    return at_ == in_.size();
  }

  bool skip_text() {
    const std::size_t end = in_.find('\0', at_);
    if (end == std::string_view::npos) return failure_.fail(at_, "a zero byte at the end of the gzip header's text", "the end of the file");
    at_ = end + 1;
    return true;
  }

  bool header() {
    if (!needs(10, "a gzip header of 10 bytes")) return false;
    if (!is_gzip(in_.substr(at_))) return failure_.fail(at_, "gzip's magic bytes 1f 8b, or the end of the file", "something else");
    if (byte(at_ + 2) != 8) return failure_.fail(at_ + 2, "gzip's method 8 (deflate)", "method " + std::to_string(byte(at_ + 2)));
    const unsigned flags = byte(at_ + 3);
    if ((flags & 0xe0U) != 0) return failure_.fail(at_ + 3, "gzip flags below 32", std::to_string(flags));
    at_ += 10;
    if ((flags & 4U) != 0) {  // extra field
      if (!needs(2, "the length of gzip's extra field")) return false;
      const std::size_t size = byte(at_) | std::size_t{byte(at_ + 1)} << 8U;
      at_ += 2;
      if (!needs(size, "gzip's extra field")) return false;
      at_ += size;
    }
    if ((flags & 8U) != 0 && !skip_text()) return false;   // name
    if ((flags & 16U) != 0 && !skip_text()) return false;  // comment
    if ((flags & 2U) != 0) {                               // checksum of the header
      if (!needs(2, "the gzip header's checksum")) return false;
      at_ += 2;
    }
    return true;
  }

  bool member(std::string& out) {
    const decompressor inflate = decompressor_slot.load(std::memory_order_acquire);
    const std::size_t before = out.size();
    std::size_t used = 0;
    switch ((inflate != nullptr ? inflate : &inflate_stored)(in_.substr(at_), max_size_, out, used)) {
      case inflate_status::done: break;
      case inflate_status::too_large:
        return failure_.fail(at_ + used, "at most " + std::to_string(max_size_) + " bytes after decompression", "more");
      case inflate_status::bad: return failure_.fail(at_ + used, "compressed data", "what is none, or cut");
      case inflate_status::refused:
        return failure_.fail(at_ + used, "stored blocks (this program has no decompressor: include <pyro/encode/zlib.hpp>)", "compressed ones");
    }
    at_ += used;
    if (!needs(8, "gzip's checksum and size")) return false;
    if (number(at_) != crc32(std::string_view(out).substr(before))) return failure_.fail(at_, "the checksum of what was decompressed", "another");
    if (number(at_ + 4) != ((out.size() - before) & 0xffffffffU)) return failure_.fail(at_ + 4, "the size of what was decompressed", "another");
    at_ += 8;
    return true;
  }

  std::string_view in_;
  std::size_t max_size_;
  decode_failure& failure_;
  std::size_t at_ = 0;
};

}  // namespace detail
}  // namespace pyro
