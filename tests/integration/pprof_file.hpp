#pragma once
// Reads the exact calls out of a pprof file that pyro wrote without zlib: stored blocks, and as much of the format as that takes.

#include "process.hpp"
#include "rows.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace pyro_test {

class pprof_file {
 public:
  explicit pprof_file(const std::string& path) {
    const std::string packed = read_whole(path);
    if (packed.empty()) throw std::runtime_error(path + ": empty or missing");
    const std::string data = unpack(packed);
    std::vector<std::string> samples, labels;
    std::map<std::uint64_t, std::uint64_t> function_of_location, name_of_function;
    std::vector<std::string> strings;
    each_field(data, [&](std::uint32_t field, std::uint64_t, const std::string& bytes) {
      if (field == 2) samples.push_back(bytes);
      else if (field == 6) strings.push_back(bytes);
      else if (field == 4) {
        std::uint64_t id = 0, function = 0;
        each_field(bytes, [&](std::uint32_t f, std::uint64_t number, const std::string& line) {
          if (f == 1) id = number;
          if (f == 4) each_field(line, [&](std::uint32_t l, std::uint64_t n, const std::string&) { function = l == 1 ? n : function; });
        });
        function_of_location[id] = function;
      } else if (field == 5) {
        std::uint64_t id = 0, name = 0;
        each_field(bytes, [&](std::uint32_t f, std::uint64_t number, const std::string&) { (f == 1 ? id : f == 2 ? name : number) = number; });
        name_of_function[id] = name;
      }
    });
    for (const std::string& s : samples) {
      std::string path_text;
      std::vector<std::pair<std::string, std::string>> tags;
      std::vector<std::uint64_t> values;
      each_field(s, [&](std::uint32_t field, std::uint64_t, const std::string& bytes) {
        if (field == 1) {
          for (const std::uint64_t location : numbers(bytes)) {
            const std::string& name = strings.at(name_of_function.at(function_of_location.at(location)));
            path_text = path_text.empty() ? name : name + ";" + path_text;
          }
        } else if (field == 2) {
          values = numbers(bytes);
        } else if (field == 3) {
          std::uint64_t key = 0, value = 0;
          each_field(bytes, [&](std::uint32_t f, std::uint64_t number, const std::string&) { (f == 1 ? key : f == 2 ? value : number) = number; });
          tags.emplace_back(strings.at(key), strings.at(value));
        }
      });
      std::sort(tags.begin(), tags.end());
      std::string label_text;
      for (const auto& t : tags) label_text += (label_text.empty() ? "" : ",") + t.first + "=" + t.second;
      if (values.at(0) != 0) calls_[label_text.empty() ? path_text : path_text + " {" + label_text + "}"] += static_cast<std::int64_t>(values[0]);
      samples_ += values.at(1);
    }
  }

  const counts& calls() const { return calls_; }
  std::uint64_t samples() const { return samples_; }

 private:
  static std::string unpack(const std::string& gzip) {
    std::string out;
    for (std::size_t at = 10;;) {
      const auto byte = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(gzip.at(i))); };
      if ((byte(at) & 6) != 0) throw std::runtime_error("a compressed block");
      const bool last = (byte(at) & 1) != 0;
      const std::size_t size = byte(at + 1) | byte(at + 2) << 8;
      out += gzip.substr(at + 5, size);
      at += 5 + size;
      if (!last) continue;
      if (at + 8 != gzip.size()) throw std::runtime_error("not one whole gzip member");
      return out;
    }
  }
  static std::uint64_t varint(const std::string& data, std::size_t& at) {
    std::uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(data.at(at++));
      value |= std::uint64_t{byte & 0x7fU} << shift;
      if ((byte & 0x80U) == 0) return value;
    }
  }
  static std::vector<std::uint64_t> numbers(const std::string& packed) {
    std::vector<std::uint64_t> out;
    for (std::size_t at = 0; at < packed.size();) out.push_back(varint(packed, at));
    return out;
  }
  /// Calls `take(field, number, bytes)` for each field; only numbers and byte strings occur in pprof.
  template <class Take>
  static void each_field(const std::string& data, Take&& take) {
    for (std::size_t at = 0; at < data.size();) {
      const std::uint64_t tag = varint(data, at);
      std::uint64_t number = 0;
      std::string bytes;
      if ((tag & 7) == 0) {
        number = varint(data, at);
      } else {
        const std::uint64_t size = varint(data, at);
        bytes = data.substr(at, size);
        if (bytes.size() != size) throw std::runtime_error("cut short");
        at += size;
      }
      take(static_cast<std::uint32_t>(tag >> 3), number, bytes);
    }
  }

  counts calls_;
  std::uint64_t samples_ = 0;
};

/// Exact calls in a file; what is wrong with the file is itself a row, so that comparisons show it.
inline counts calls_in_file(const std::string& path) {
  try {
    return pprof_file(path).calls();
  } catch (const std::exception& e) {
    return counts{{std::string("unreadable: ") + e.what(), 1}};
  }
}

}  // namespace pyro_test
