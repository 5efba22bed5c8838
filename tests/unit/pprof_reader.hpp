#pragma once
// Reads pprof and push requests back for tests, straight from the description of the formats and sharing no code with the encoders.

#include "gunzip.hpp"  // of pushes and files, for who reads them

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace pyro_test {

/// A protobuf message: by field, the numbers and the byte strings in their order. Packed numbers stay bytes.
struct message {
  std::map<std::uint32_t, std::vector<std::uint64_t>> numbers;
  std::map<std::uint32_t, std::vector<std::string>> bytes;

  std::uint64_t number(std::uint32_t field) const {
    const auto found = numbers.find(field);
    return found == numbers.end() ? 0 : found->second.back();
  }
  const std::vector<std::string>& all(std::uint32_t field) const {
    static const std::vector<std::string> none;
    const auto found = bytes.find(field);
    return found == bytes.end() ? none : found->second;
  }
};

inline std::uint64_t read_varint(const std::string& data, std::size_t& at) {
  std::uint64_t value = 0;
  for (unsigned shift = 0;; shift += 7) {
    if (at >= data.size() || shift > 63) throw std::runtime_error("bad varint");
    const auto byte = static_cast<unsigned char>(data[at++]);
    value |= std::uint64_t{byte & 0x7fU} << shift;
    if ((byte & 0x80U) == 0) return value;
  }
}

inline std::vector<std::uint64_t> read_packed(const std::string& data) {
  std::vector<std::uint64_t> out;
  for (std::size_t at = 0; at < data.size();) out.push_back(read_varint(data, at));
  return out;
}

inline message read_message(const std::string& data) {
  message out;
  for (std::size_t at = 0; at < data.size();) {
    const std::uint64_t tag = read_varint(data, at);
    const auto field = static_cast<std::uint32_t>(tag >> 3);
    if ((tag & 7) == 0) {
      out.numbers[field].push_back(read_varint(data, at));
    } else if ((tag & 7) == 2) {
      const std::uint64_t size = read_varint(data, at);
      if (size > data.size() - at) throw std::runtime_error("bad length");
      out.bytes[field].push_back(data.substr(at, size));
      at += size;
    } else {
      throw std::runtime_error("unexpected wire type");
    }
  }
  return out;
}

struct pprof_mapping {
  std::uint64_t id, start, limit, offset;
  std::string file, build_id;
  bool has_functions, has_filenames, has_lines;
};
struct pprof_frame {
  std::string name, system_name, file;
  std::int64_t start_line = 0, line = 0;
  std::uint64_t address = 0, mapping = 0;
};
struct pprof_sample {
  std::vector<pprof_frame> frames;  // leaf first
  std::size_t locations = 0;        // that they are from
  std::vector<std::int64_t> values;
  std::vector<std::pair<std::string, std::string>> labels;
};
struct pprof_profile {
  std::vector<std::pair<std::string, std::string>> types;
  std::vector<pprof_sample> samples;
  std::vector<pprof_mapping> mappings;
  std::vector<std::string> strings, comments;
  std::pair<std::string, std::string> period_type;
  std::int64_t time = 0, duration = 0, period = 0;
  std::string default_type;
  std::size_t locations = 0, functions = 0;

  std::int64_t total(std::size_t column) const {
    std::int64_t sum = 0;
    for (const auto& s : samples) sum += s.values.at(column);
    return sum;
  }
};

/// Reads an uncompressed pprof; throws where ids, indices or counts don't fit together.
inline pprof_profile read_pprof(const std::string& data) {
  const message m = read_message(data);
  pprof_profile p;
  p.strings = m.all(6);
  if (p.strings.empty() || !p.strings[0].empty()) throw std::runtime_error("string 0 is not empty");
  const auto text = [&p](std::uint64_t i) { return p.strings.at(i); };
  const auto type = [&](const std::string& bytes) {
    const message t = read_message(bytes);
    return std::make_pair(text(t.number(1)), text(t.number(2)));
  };
  for (const auto& t : m.all(1)) p.types.push_back(type(t));

  std::map<std::uint64_t, message> functions;
  for (const auto& bytes : m.all(5)) {
    const message f = read_message(bytes);
    if (f.number(1) == 0 || !functions.emplace(f.number(1), f).second) throw std::runtime_error("function id");
  }
  p.functions = functions.size();
  for (const auto& bytes : m.all(3)) {
    const message x = read_message(bytes);
    p.mappings.push_back({x.number(1), x.number(2), x.number(3), x.number(4), text(x.number(5)), text(x.number(6)),
                          x.number(7) != 0, x.number(8) != 0, x.number(9) != 0});
    if (x.number(1) != p.mappings.size()) throw std::runtime_error("mapping id");
  }
  std::map<std::uint64_t, std::vector<pprof_frame>> locations;  // more than one frame where functions are inlined, the innermost first
  for (const auto& bytes : m.all(4)) {
    const message l = read_message(bytes);
    pprof_frame f;
    f.mapping = l.number(2);
    f.address = l.number(3);
    if (f.mapping == 0 || f.mapping > p.mappings.size()) throw std::runtime_error("location without mapping");
    std::vector<pprof_frame> frames;
    for (const auto& line_bytes : l.all(4)) {
      const message line = read_message(line_bytes);
      const message& fn = functions.at(line.number(1));
      f.name = text(fn.number(2));
      f.system_name = text(fn.number(3));
      f.file = text(fn.number(4));
      f.start_line = static_cast<std::int64_t>(fn.number(5));
      f.line = static_cast<std::int64_t>(line.number(2));
      frames.push_back(f);
    }
    if (frames.empty()) frames.push_back(f);
    if (l.number(1) == 0 || !locations.emplace(l.number(1), frames).second) throw std::runtime_error("location id");
  }
  p.locations = locations.size();
  for (const auto& bytes : m.all(2)) {
    const message s = read_message(bytes);
    pprof_sample sample;
    if (s.all(1).size() != 1 || s.all(2).size() != 1) throw std::runtime_error("sample is not packed");
    for (const std::uint64_t id : read_packed(s.all(1)[0])) {
      const std::vector<pprof_frame>& frames = locations.at(id);
      sample.frames.insert(sample.frames.end(), frames.begin(), frames.end());
      ++sample.locations;
    }
    for (const std::uint64_t v : read_packed(s.all(2)[0])) sample.values.push_back(static_cast<std::int64_t>(v));
    if (sample.values.size() != p.types.size()) throw std::runtime_error("wrong number of values");
    for (const auto& label_bytes : s.all(3)) {
      const message l = read_message(label_bytes);
      sample.labels.emplace_back(text(l.number(1)), text(l.number(2)));
    }
    p.samples.push_back(std::move(sample));
  }
  p.time = static_cast<std::int64_t>(m.number(9));
  p.duration = static_cast<std::int64_t>(m.number(10));
  p.period_type = type(m.all(11).at(0));
  p.period = static_cast<std::int64_t>(m.number(12));
  for (const auto& packed : m.all(13))
    for (const std::uint64_t i : read_packed(packed)) p.comments.push_back(text(i));
  p.default_type = text(m.number(14));
  return p;
}

/// A push request as pyro makes them: one series of one profile.
struct push_request {
  std::vector<std::pair<std::string, std::string>> labels;
  pprof_profile profile;

  const std::string* label(const std::string& name) const {
    for (const auto& l : labels)
      if (l.first == name) return &l.second;
    return nullptr;
  }
};

/// Reads a PushRequest (push/v1/push.proto); throws where it is none, or not of one series and one profile.
inline push_request read_push(const std::string& body) {
  const message whole = read_message(body);
  if (!whole.numbers.empty() || whole.bytes.size() != 1 || whole.all(1).size() != 1) throw std::runtime_error("not one series");
  const message series = read_message(whole.all(1)[0]);
  if (!series.numbers.empty() || series.bytes.size() != 2 || series.all(2).size() != 1) throw std::runtime_error("not labels and one profile");
  push_request out;
  for (const auto& bytes : series.all(1)) {
    const message pair = read_message(bytes);
    if (pair.all(1).size() != 1 || pair.all(2).size() != 1) throw std::runtime_error("not a name and a value");
    out.labels.emplace_back(pair.all(1)[0], pair.all(2)[0]);
  }
  const message sample = read_message(series.all(2)[0]);
  if (sample.all(1).size() != 1) throw std::runtime_error("not one profile");
  out.profile = read_pprof(sample.all(1)[0]);
  return out;
}

}  // namespace pyro_test
