#pragma once
// Reads folded stacks: `root;frame;leaf value`, one a line, of any tool. Pure, any thread.
// Format: https://github.com/brendangregg/FlameGraph#2-fold-stacks
//
// The value is the number after the last space or tab of a line; what is in front of it, `;` between frames, is taken as it is (what the encoder
// replaced cannot be told any more). Equal stacks are added up; empty lines are skipped, CR LF is fine. Fractions are rounded. Frames are native
// ones, without place or module; lines with two values, of a difference, are taken for names that end in a number.

#include <pyro/encode/decode_result.hpp>
#include <pyro/encode/gunzip.hpp>
#include <pyro/model/builder.hpp>

#include <algorithm>    // min
#include <cstddef>      // offsets
#include <cstdint>      // values
#include <string>       // errors
#include <string_view>  // the text

namespace pyro {
namespace detail {

class folded_decoder {
 public:
  folded_decoder(std::string_view text, const decode_limits& limits, profile& out, decode_failure& failure)
      : text_(text), limits_(limits), out_(out), builder_(out), failure_(failure), no_labels_(builder_.add_labels({})) {
    builder_.add_mapping(mapping());  // frames refer to one
  }

  bool decode() {
    for (std::size_t at = 0; at < text_.size();) {
      ++line_;
      const std::size_t end = std::min(text_.find('\n', at), text_.size());
      if (!line(text_.substr(at, end - at), at)) return false;
      at = end + 1;
    }
    return true;
  }
  std::size_t line_number() const noexcept { return line_; }

 private:
  static bool is_blank(char c) noexcept { return c == ' ' || c == '\t' || c == '\r'; }

  bool line(std::string_view l, std::size_t offset) {
    while (!l.empty() && is_blank(l.back())) l.remove_suffix(1);
    if (l.empty()) return true;
    std::size_t number = l.size();
    while (number > 0 && !is_blank(l[number - 1])) --number;
    std::int64_t value = 0;
    if (!read_value(l.substr(number), offset + number, value)) return false;
    l = l.substr(0, number);
    while (!l.empty() && is_blank(l.back())) l.remove_suffix(1);
    if (l.empty()) return failure_.fail(offset, "a stack in front of the value", "none");
    if (value == 0) return true;
    if (value > INT64_MAX - sum_) return failure_.fail(offset + number, "values that add up to less than 2^63", "larger ones");
    sum_ += value;

    if (++rows_ > limits_.max_samples) return failure_.fail(offset, "at most " + std::to_string(limits_.max_samples) + " lines", "more");
    std::uint32_t at = no_stack;
    std::size_t depth = 0;
    for (std::size_t begin = 0; begin <= l.size();) {
      const std::size_t end = std::min(l.find(';', begin), l.size());
      ++frames_;
      if (++depth > limits_.max_stack_depth)
        return failure_.fail(offset + begin, "a stack of at most " + std::to_string(limits_.max_stack_depth) + " frames", "a deeper one");
      at = builder_.add_stack(at, frame_of(l.substr(begin, end - begin)));
      begin = end + 1;
    }
    builder_.add(at, no_labels_, &value);
    if (frames_ > limits_.max_frames) return failure_.fail(offset, "at most " + std::to_string(limits_.max_frames) + " frames in all lines", "more");
    if (builder_.probes() > most_probes(frames_)) return failure_.fail(offset, "names of many kinds", "such as were made to be slow");
    if (text_bytes_ + bytes_of_tables(out_) > limits_.max_memory)
      return failure_.fail(offset, "a profile of at most " + std::to_string(limits_.max_memory) + " bytes of memory", "more");
    return true;
  }

  bool read_value(std::string_view digits, std::size_t offset, std::int64_t& value) {
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    std::size_t i = 0;
    std::uint64_t whole = 0;
    for (; i < digits.size() && is_digit(digits[i]); ++i) {
      whole = whole * 10 + static_cast<std::uint64_t>(digits[i] - '0');
      if (i > 18 || whole > static_cast<std::uint64_t>(INT64_MAX) - 1) return failure_.fail(offset, "a value below 2^63", "a larger one");
    }
    bool good = i > 0;
    if (good && i < digits.size() && digits[i] == '.') {
      if (i + 1 < digits.size() && digits[i + 1] >= '5' && is_digit(digits[i + 1])) ++whole;
      for (++i; i < digits.size() && is_digit(digits[i]);) ++i;
    }
    good = good && i == digits.size();
    value = static_cast<std::int64_t>(whole);
    return good || failure_.fail(offset, "a stack, a space and a number", "a line that does not end in a number");
  }

  std::uint32_t frame_of(std::string_view name) {
    const std::size_t before = out_.strings.size();
    function f;
    f.name = f.system_name = builder_.text(name);
    if (out_.strings.size() != before) text_bytes_ += name.size() + sizeof(std::string) + 8;
    frame shown;
    shown.function = builder_.add_function(f);
    shown.kind = frame_kind::native;
    return builder_.add_frame(shown);
  }

  std::string_view text_;
  const decode_limits& limits_;
  profile& out_;
  profile_builder builder_;
  decode_failure& failure_;
  std::uint32_t no_labels_;
  std::size_t line_ = 0, rows_ = 0, text_bytes_ = 0;
  std::uint64_t frames_ = 0;
  std::int64_t sum_ = 0;
};

}  // namespace detail

/// Folded stacks as a profile of one sample type, by default samples; plain or gzip. What is something else is answered with an error, "folded:
/// line 12: expected ..., found ..."; the offset is that of the place in bytes. Throws nothing but std::bad_alloc.
inline decode_result decode_folded(std::string_view text, const value_type& type = value_type{"samples", "count"},
                                   const decode_limits& limits = decode_limits()) {
  decode_result result;
  detail::decode_failure failure;
  std::string unpacked, where;
  const bool packed = detail::is_gzip(text);
  if (text.size() > limits.max_bytes) {
    failure.fail(0, "a file of at most " + std::to_string(limits.max_bytes) + " bytes", std::to_string(text.size()));
    where = "byte 0";
  } else if (packed && !detail::gzip_reader(text, limits.max_bytes, failure).read(unpacked)) {
    where = "byte " + std::to_string(failure.offset());
  } else {
    result.value.sample_types = {type};
    result.value.period_type = value_type();
    detail::folded_decoder decoder(packed ? std::string_view(unpacked) : text, limits, result.value, failure);
    decoder.decode();
    where = "line " + std::to_string(decoder.line_number());
  }
  if (failure.failed()) {
    result.value = profile();
    result.offset = failure.offset();
    result.error = "folded: " + where + ": " + failure.what();
  }
  return result;
}

}  // namespace pyro
