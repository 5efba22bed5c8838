#pragma once
// gzip files read back for tests, by zlib: a test that uses it needs -lz.

#include <zlib.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace pyro_test {

/// Inflates a gzip file of one member; throws on anything wrong in it, also the checksum and bytes after its end.
inline std::string gunzip(const std::string& data) {
  z_stream s{};
  if (inflateInit2(&s, 15 + 16) != Z_OK) throw std::runtime_error("inflateInit2");
  std::string out;
  std::vector<char> buffer(1 << 16);
  s.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  s.avail_in = static_cast<uInt>(data.size());
  int status = Z_OK;
  while (status == Z_OK) {
    s.next_out = reinterpret_cast<Bytef*>(buffer.data());
    s.avail_out = static_cast<uInt>(buffer.size());
    status = inflate(&s, Z_NO_FLUSH);
    out.append(buffer.data(), buffer.size() - s.avail_out);
  }
  const bool whole = status == Z_STREAM_END && s.avail_in == 0;
  inflateEnd(&s);
  if (!whole) throw std::runtime_error("not a whole gzip file");
  return out;
}

}  // namespace pyro_test
