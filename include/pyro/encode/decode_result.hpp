#pragma once
// What decoders answer, and how much they take on: profile files come from anywhere. Pure, any thread.

#include <pyro/model/profile.hpp>

#include <cstddef>      // sizes
#include <cstdint>      // limits
#include <string>       // errors
#include <string_view>  // what was expected
#include <utility>      // move

namespace pyro {

/// Bounds of a decoder. Past one of them it stops with an error: never more memory than a small multiple of `max_bytes` + `max_memory`, and time
/// in proportion to `max_bytes` + `max_frames`.
struct decode_limits {
  std::size_t max_bytes = std::size_t{512} << 20U;    ///< of the file, and of what it decompresses to
  std::size_t max_memory = std::size_t{1} << 30U;     ///< bytes of the profile that is made, with the tables it is made by, about
  std::size_t max_samples = 10'000'000;               ///< rows of the file
  std::size_t max_stack_depth = 65'536;               ///< frames of one sample, inlined ones included
  std::uint64_t max_frames = 300'000'000;             ///< of all samples together, which a few bytes of file may multiply
  std::size_t max_labels = 1'000;                     ///< of one sample
};

/// A profile, or what is wrong with the bytes.
struct decode_result {
  profile value;           ///< empty where there is an error
  std::string error;       ///< "pprof: byte 123: expected ..., found ..."; one line, valid UTF-8. Empty: all is well
  std::size_t offset = 0;  ///< of the error, in bytes; after decompression, if there was one and the error is not of its own

  explicit operator bool() const noexcept { return error.empty(); }
};

namespace detail {

/// The first thing that went wrong, shared by the parts of a decoder.
class decode_failure {
 public:
  /// Always false, so that a function can end with it. What comes after the first failure is only its consequence.
  bool fail(std::size_t offset, std::string what) {
    if (what_.empty()) {
      offset_ = offset;
      what_ = std::move(what);
    }
    return false;
  }
  bool fail(std::size_t offset, std::string_view expected, const std::string& found) {
    return fail(offset, "expected " + std::string(expected) + ", found " + found);
  }
  bool failed() const noexcept { return !what_.empty(); }
  const std::string& what() const noexcept { return what_; }
  std::size_t offset() const noexcept { return offset_; }

 private:
  std::string what_;
  std::size_t offset_ = 0;
};

/// About what a profile takes with its index, without texts and label sets: known at any time, at no cost.
inline std::size_t bytes_of_tables(const profile& p) noexcept {
  constexpr std::size_t index = 8;
  return p.mappings.size() * (sizeof(mapping) + index) + p.functions.size() * (sizeof(function) + index) + p.frames.size() * (sizeof(frame) + index) +
         p.stacks.size() * (sizeof(stack) + index) + p.samples.size() * (sizeof(sample) + index) + p.values.size() * sizeof(std::int64_t);
}

/// How many slots of its indices a builder may have looked at after so much work: many times what it takes, unless keys were made to collide.
constexpr std::uint64_t most_probes(std::uint64_t work) noexcept { return 100'000'000 + 50 * work; }

}  // namespace detail
}  // namespace pyro
