#pragma once
// pprof files by hand, for tests of reading them: any field in any form and order; and what any bytes must do to a decoder.

#include <pyro/encode/folded_decoder.hpp>
#include <pyro/encode/pprof.hpp>
#include <pyro/encode/pprof_decoder.hpp>
#include <pyro/encode/protobuf.hpp>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace pyro_test __attribute__((visibility("hidden"))) {

using numbers = std::vector<std::uint64_t>;

/// A message, part by part.
class message_maker {
 public:
  message_maker& number(std::uint32_t field, std::uint64_t value) {  // written even where it is 0
    varint(field << 3U);
    varint(value);
    return *this;
  }
  message_maker& bytes(std::uint32_t field, std::string_view value) {
    varint(field << 3U | 2U);
    varint(value.size());
    text += value;
    return *this;
  }
  message_maker& packed(std::uint32_t field, const numbers& values) {
    message_maker all;
    for (const std::uint64_t v : values) all.varint(v);
    return bytes(field, all.text);
  }
  message_maker& unpacked(std::uint32_t field, const numbers& values) {
    for (const std::uint64_t v : values) number(field, v);
    return *this;
  }
  message_maker& tag(std::uint32_t field, unsigned wire_type) {
    varint(field << 3U | wire_type);
    return *this;
  }
  message_maker& raw(std::string_view more) {
    text += more;
    return *this;
  }
  void varint(std::uint64_t v) {
    for (; v >= 0x80U; v >>= 7U) text += static_cast<char>((v & 0x7fU) | 0x80U);
    text += static_cast<char>(v);
  }

  std::string text;
};

inline message_maker part() { return {}; }

/// What must hold of a profile, whatever it was read from; aborts where it does not.
inline void check_profile(const pyro::profile& p, const pyro::decode_limits& limits) {
  const auto must = [](bool promise) {
    if (!promise) std::abort();
  };
  must(!p.strings.empty() && p.strings[0].empty());
  must(p.values.size() == p.samples.size() * p.sample_types.size());
  must(p.samples.size() <= limits.max_samples);
  must(p.frames.empty() || !p.mappings.empty());
  must(p.time_ns >= 0 && p.duration_ns >= 0 && p.duration_ns <= INT64_MAX - p.time_ns && p.period >= 0);
  for (const pyro::mapping& m : p.mappings) must(m.filename < p.strings.size() && m.build_id < p.strings.size());
  for (const pyro::function& f : p.functions) must(f.name < p.strings.size() && f.system_name < p.strings.size() && f.file < p.strings.size());
  for (const pyro::frame& f : p.frames) must(f.function < p.functions.size() && f.mapping < p.mappings.size());
  for (std::size_t i = 0; i < p.stacks.size(); ++i)
    must(p.stacks[i].frame < p.frames.size() && (p.stacks[i].parent == pyro::no_stack || p.stacks[i].parent < i));
  for (const pyro::label_set& set : p.label_sets)
    for (std::size_t i = 0; i < set.size(); ++i) {
      must(set[i].key < p.strings.size() && set[i].value < p.strings.size());
      must(i == 0 || p.strings[set[i - 1].key] < p.strings[set[i].key]);
    }
  for (const pyro::sample& s : p.samples) must(s.labels < p.label_sets.size() && (s.stack == pyro::no_stack || s.stack < p.stacks.size()));
}

/// Decodes any bytes: an error, or a profile that is right and that, written and read again, has the same sums. Aborts on anything else.
inline void decode_any_profile(std::string_view input) {
  const auto must = [](bool promise) {
    if (!promise) std::abort();
  };
  pyro::decode_limits limits;
  limits.max_bytes = limits.max_memory = 1 << 20;
  limits.max_frames = 1 << 17;
  limits.max_stack_depth = 1 << 12;
  const std::string exact(input);  // of its own size: a byte too far is seen by the sanitizer
  for (const bool folded : {false, true}) {
    const pyro::decode_result r = folded ? pyro::decode_folded(exact, {"samples", "count"}, limits) : pyro::decode_pprof(exact, limits);
    if (!r) {
      must(r.error.compare(0, 7, folded ? "folded:" : "pprof: ") == 0 && r.error.find("expected") != std::string::npos);
      must(r.value.samples.empty() && r.value.strings.size() == 1);
      continue;
    }
    check_profile(r.value, limits);
    limits.max_bytes = limits.max_memory = std::size_t{64} << 20U;
    limits.max_frames *= 4;
    pyro::pprof_options plain;
    plain.gzip = false;
    const pyro::decode_result again = pyro::decode_pprof(pyro::encode_pprof(r.value, plain), limits);
    must(bool(again));
    check_profile(again.value, limits);
    must(again.value.sample_types.size() == r.value.sample_types.size());
    for (std::size_t c = 0; c < r.value.sample_types.size(); ++c) must(again.value.total(c) == r.value.total(c));
    limits.max_bytes = limits.max_memory = 1 << 20;
    limits.max_frames = 1 << 17;
  }
}

}  // namespace pyro_test
