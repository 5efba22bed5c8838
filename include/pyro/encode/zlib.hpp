#pragma once
// Real compression by zlib (link with -lz): include this in the file that calls `configure` or decodes, nothing else is needed.
// Files and pushes become three to five times smaller, and compressed files can be read. Any thread.

#include <pyro/encode/gunzip.hpp>
#include <pyro/encode/gzip.hpp>

#include <zlib.h>  // deflate, inflate

#include <algorithm>  // min
#include <limits>     // zlib counts in unsigned int

namespace pyro::detail {

__attribute__((visibility("hidden"))) inline bool deflate_by_zlib(const std::string& in, std::string& out) {
  if (in.size() > std::numeric_limits<uInt>::max() / 2) return false;
  z_stream stream{};
  constexpr int level = 1;          // a profile is written in the program's own time: speed first
  constexpr int raw_deflate = -15;  // negative: no zlib header; 32 KiB of history
  constexpr int memory = 8;
  if (::deflateInit2(&stream, level, Z_DEFLATED, raw_deflate, memory, Z_DEFAULT_STRATEGY) != Z_OK) return false;
  const std::size_t before = out.size();
  const uLong bound = ::deflateBound(&stream, static_cast<uLong>(in.size()));
  out.resize(before + bound);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));  // zlib does not write there
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(&out[before]);
  stream.avail_out = static_cast<uInt>(bound);
  const bool done = ::deflate(&stream, Z_FINISH) == Z_STREAM_END;
  out.resize(before + stream.total_out);
  ::deflateEnd(&stream);
  return done;
}

/// Grows the output in steps of at most a quarter of what there is: a file that says little costs little, a large one no more than it holds.
__attribute__((visibility("hidden"))) inline inflate_status inflate_by_zlib(std::string_view in, std::size_t max_size, std::string& out, std::size_t& used) {
  constexpr std::size_t most_in = std::size_t{1} << 30U;  // zlib counts in unsigned int
  constexpr int raw_deflate = -15;
  z_stream stream{};
  used = 0;
  if (::inflateInit2(&stream, raw_deflate) != Z_OK) return inflate_status::refused;
  inflate_status status = inflate_status::bad;
  unsigned char spare = 0;
  for (int code = Z_OK; code == Z_OK || code == Z_BUF_ERROR;) {
    const std::size_t before = out.size();
    const std::size_t room = std::min(max_size - before, std::max<std::size_t>(before / 4, 65536));
    if (room == 0) {  // full: the stream may still have its end to say
      stream.next_out = &spare;
      stream.avail_out = 1;
    } else {
      out.resize(before + room);
      stream.next_out = reinterpret_cast<Bytef*>(&out[before]);
      stream.avail_out = static_cast<uInt>(std::min(room, most_in));
    }
    const uInt given_out = stream.avail_out;
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data() + used));  // zlib does not write there
    stream.avail_in = static_cast<uInt>(std::min(in.size() - used, most_in));
    const uInt given_in = stream.avail_in;
    code = ::inflate(&stream, Z_NO_FLUSH);
    used += given_in - stream.avail_in;
    const uInt made = given_out - stream.avail_out;
    if (room != 0) out.resize(before + made);
    if (room == 0 && made != 0) {
      status = inflate_status::too_large;
      break;
    }
    if (code == Z_STREAM_END) status = inflate_status::done;
    else if (made == 0 && given_in == stream.avail_in) break;  // neither read nor written: cut
  }
  ::inflateEnd(&stream);
  return status;
}

// Registers zlib before main, in the executable or shared object that includes this header.
__attribute__((visibility("hidden"))) inline const bool zlib_registered =
    (compressor_slot.store(&deflate_by_zlib, std::memory_order_release), decompressor_slot.store(&inflate_by_zlib, std::memory_order_release), true);

}  // namespace pyro::detail
