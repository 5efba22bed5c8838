#pragma once
// Reads a pprof: pyro's own, Go's, Rust's, gperftools', perf's; compressed or not. Pure, any thread.
// Format: https://github.com/google/pprof/blob/main/proto/profile.proto
//
// What a profile has no place for is kept as text, or left:
//   labels that are numbers     text: "4096 bytes", "4096"; several values of a key in one row: "a, b"
//   doc_url                     a comment "documentation: URL"
//   the default sample type     becomes the last column
//   static tags, native and own cost of pyro's files    stay labels of rows; are not in the file
//   has_functions..., is_folded, drop_frames, keep_frames    left

#include <pyro/encode/decode_result.hpp>
#include <pyro/encode/gunzip.hpp>
#include <pyro/encode/pprof_tables.hpp>
#include <pyro/encode/protobuf_reader.hpp>
#include <pyro/model/builder.hpp>

#include <algorithm>    // stable_sort
#include <cstddef>      // offsets
#include <cstdint>      // values
#include <string>       // errors, labels
#include <string_view>  // the bytes
#include <utility>      // move
#include <vector>       // one sample

namespace pyro {
namespace detail {

/// Reads one profile, which is not compressed.
class pprof_decoder {
 public:
  pprof_decoder(std::string_view file, const decode_limits& limits, profile& out, decode_failure& failure)
      : file_(file), limits_(limits), out_(out), builder_(out), failure_(failure), tables_(file, limits, out, builder_, failure) {}

  bool decode() {
    if (file_.empty()) return failure_.fail(0, "a profile", "nothing");
    if (!tables_.read()) return false;
    sums_.assign(out_.sample_types.size(), 0);
    protobuf_reader reader(file_, 0, failure_);
    protobuf_field f;
    while (reader.next(f))
      if (f.number == 2 && !sample_of(f)) return false;
    return !failure_.failed();
  }

 private:
  struct label_of_file {
    string_index key = 0;
    std::uint64_t text = 0;  ///< as the file has it; 0 for a number
    std::int64_t number = 0;
    std::uint64_t unit = 0;
    std::size_t offset = 0;
  };

  bool sample_of(const protobuf_field& f) {
    if (++samples_ > limits_.max_samples) return failure_.fail(f.offset, "at most " + std::to_string(limits_.max_samples) + " samples", "more");
    locations_.clear();
    labels_.clear();
    values_.assign(out_.sample_types.size(), 0);
    depth_ = value_count_ = 0;
    protobuf_reader reader(f, failure_);
    protobuf_field part;
    while (reader.next(part)) {
      bool good = true;
      switch (part.number) {
        case 1: good = reader.numbers(part, [this](std::uint64_t id, std::size_t offset) { return add_location(id, offset); }); break;
        case 2: good = reader.numbers(part, [this](std::uint64_t value, std::size_t offset) { return add_value(value, offset); }); break;
        case 3: good = reader.is_bytes(part, "a label") && add_label(part); break;
        default: break;
      }
      if (!good) return false;
    }
    if (failure_.failed()) return false;
    if (value_count_ != values_.size())
      return failure_.fail(f.offset, "a sample of " + std::to_string(values_.size()) + " values, one a type", std::to_string(value_count_));
    if (!add_to_sums(f.offset)) return false;
    std::uint32_t labels = 0;
    if (!label_set_of(labels)) return false;
    builder_.add(stack_of(), labels, values_.data());
    return tables_.has_room(f.offset);
  }

  bool add_location(std::uint64_t id, std::size_t offset) {
    const std::uint32_t location = tables_.location(id);
    if (location == pprof_tables::none) return failure_.fail(offset, "the id of a location", std::to_string(id));
    const auto count = static_cast<std::size_t>(tables_.frames_end(location) - tables_.frames_begin(location));
    depth_ += count;
    tables_.work(count + 1);
    if (depth_ > limits_.max_stack_depth || locations_.size() >= limits_.max_stack_depth)
      return failure_.fail(offset, "a stack of at most " + std::to_string(limits_.max_stack_depth) + " frames", "a deeper one");
    locations_.push_back(location);
    return true;
  }

  bool add_value(std::uint64_t value, std::size_t offset) {
    if (value_count_ == values_.size()) return failure_.fail(offset, std::to_string(values_.size()) + " values a sample, one a type", "more");
    values_[tables_.column(value_count_++)] = static_cast<std::int64_t>(value);
    return true;
  }

  /// Whoever adds rows up later need not fear for the sum.
  bool add_to_sums(std::size_t offset) {
    for (std::size_t i = 0; i < values_.size(); ++i) {
      const std::uint64_t size = values_[i] < 0 ? 0 - static_cast<std::uint64_t>(values_[i]) : static_cast<std::uint64_t>(values_[i]);
      if (size > static_cast<std::uint64_t>(INT64_MAX) - sums_[i]) {
        return failure_.fail(offset, "values that add up to less than 2^63", "larger ones");
      }
      sums_[i] += size;
    }
    return true;
  }

  /// The sample's stack, root first: locations come leaf first, and a location's frames innermost first.
  std::uint32_t stack_of() {
    std::uint32_t at = no_stack;
    for (std::size_t i = locations_.size(); i-- > 0;)
      for (const std::uint32_t* f = tables_.frames_end(locations_[i]); f != tables_.frames_begin(locations_[i]);) at = builder_.add_stack(at, *--f);
    return at;
  }

  // --- labels ---

  bool add_label(const protobuf_field& field) {
    if (labels_.size() == limits_.max_labels)
      return failure_.fail(field.offset, "at most " + std::to_string(limits_.max_labels) + " labels in a sample", "more");
    label_of_file l;
    std::uint64_t key = 0;
    protobuf_reader reader(field, failure_);
    protobuf_field part;
    while (reader.next(part)) {
      bool good = true;
      switch (part.number) {
        case 1: good = reader.number(part, key); break;
        case 2: good = reader.number(part, l.text); break;
        case 3: good = reader.number(part, l.number); break;
        case 4: good = reader.number(part, l.unit); break;
        default: break;
      }
      if (!good) return false;
    }
    l.offset = field.offset;
    if (failure_.failed() || !tables_.string(key, field.offset, l.key)) return false;
    const std::size_t size = out_.strings[l.key].size();
    if (!is_short(size, field.offset)) return false;
    constexpr std::size_t usual = 64;
    tables_.work(size > usual ? size : 1);  // keys are compared as texts
    labels_.push_back(l);
    return true;
  }

  /// The value's text, as it is in the file or made of a number and its unit.
  bool text_of(const label_of_file& l, std::string_view& into) {
    std::string_view unit;
    if (l.text != 0 || (l.number == 0 && l.unit == 0)) return tables_.text(l.text, l.offset, into);
    if (!tables_.text(l.unit, l.offset, unit) || !is_short(unit.size(), l.offset)) return false;
    number_ = std::to_string(l.number);
    if (!unit.empty()) number_.append(" ").append(unit);
    into = number_;
    return true;
  }

  bool is_short(std::size_t bytes, std::size_t offset) {
    constexpr std::size_t most = 65'536;
    return bytes <= most || failure_.fail(offset, "a label's key, unit or joined values of at most " + std::to_string(most) + " bytes", std::to_string(bytes));
  }

  /// Of several values of a key one text is made: here a key is there once.
  bool label_set_of(std::uint32_t& into) {
    std::stable_sort(labels_.begin(), labels_.end(), [](const label_of_file& a, const label_of_file& b) { return a.key < b.key; });
    label_set set;
    for (std::size_t i = 0; i < labels_.size();) {
      std::size_t end = i + 1;
      while (end < labels_.size() && labels_[end].key == labels_[i].key) ++end;
      label l;
      l.key = labels_[i].key;
      if (end - i == 1 && labels_[i].text != 0) {
        if (!tables_.string(labels_[i].text, labels_[i].offset, l.value)) return false;
      } else {
        joined_.clear();
        for (std::size_t k = i; k < end; ++k) {
          std::string_view one;
          if (!text_of(labels_[k], one) || !is_short(joined_.size() + one.size(), labels_[k].offset)) return false;
          joined_.append(k == i ? "" : ", ").append(one);
        }
        tables_.work(joined_.size() / 16);
        l.value = tables_.add_text(joined_);
      }
      set.push_back(l);
      i = end;
    }
    const std::size_t before = out_.label_sets.size();
    const std::size_t count = set.size();
    into = builder_.add_labels(std::move(set));
    if (out_.label_sets.size() != before) tables_.charge(sizeof(label_set) + 32 + count * sizeof(label));
    return true;
  }

  std::string_view file_;
  const decode_limits& limits_;
  profile& out_;
  profile_builder builder_;
  decode_failure& failure_;
  pprof_tables tables_;
  std::vector<std::uint32_t> locations_;
  std::vector<std::int64_t> values_;
  std::vector<std::uint64_t> sums_;  ///< of the values' sizes, a column each
  std::vector<label_of_file> labels_;
  std::string number_, joined_;
  std::size_t samples_ = 0, depth_ = 0, value_count_ = 0;
};

}  // namespace detail

/// The profile in `bytes`, a pprof file as it is, or as gzip (of several members too). Compressed files need zlib: include <pyro/encode/zlib.hpp>.
/// What is no profile, or past a limit, is answered with an error; throws nothing but std::bad_alloc. The default type is the last one.
inline decode_result decode_pprof(std::string_view bytes, const decode_limits& limits = decode_limits()) {
  decode_result result;
  detail::decode_failure failure;
  std::string unpacked;
  const bool packed = detail::is_gzip(bytes);
  const char* where = "";
  if (bytes.size() > limits.max_bytes) {
    failure.fail(0, "a file of at most " + std::to_string(limits.max_bytes) + " bytes", std::to_string(bytes.size()));
  } else if (!packed || detail::gzip_reader(bytes, limits.max_bytes, failure).read(unpacked)) {
    detail::pprof_decoder(packed ? std::string_view(unpacked) : bytes, limits, result.value, failure).decode();
    if (packed) where = " after decompression";
  }
  if (failure.failed()) {
    result.value = profile();
    result.offset = failure.offset();
    result.error = "pprof: byte " + std::to_string(failure.offset()) + where + ": " + failure.what();
  }
  return result;
}

}  // namespace pyro
