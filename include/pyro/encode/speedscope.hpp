#pragma once
// speedscope's own file: the page at speedscope.app, or the program `speedscope`, shows it as a flame graph, also offline. Pure, any thread.
// Format: https://www.speedscope.app/file-format-schema.json, profiles of the type "sampled": one for each sample type, the default one is shown
// first.
//
// Stacks stand in the order of the call tree, so that the "time order" there is a flame graph of the whole; times of windows are not in it. Rows of
// one stack under several labels are one. Negative values (of a difference) are left out: weights are sizes.

#include <pyro/encode/json.hpp>
#include <pyro/encode/names.hpp>
#include <pyro/model/profile.hpp>

#include <cstddef>  // columns
#include <cstdint>  // values
#include <string>   // the text
#include <vector>   // index maps

namespace pyro {
namespace detail {

class speedscope_encoder {
 public:
  explicit speedscope_encoder(const profile& p) : p_(p) {}

  std::string encode() {
    sum_rows();
    order_stacks();
    number_frames();
    out_.begin('{');
    out_.key("$schema").text("https://www.speedscope.app/file-format-schema.json");
    out_.key("exporter").text("pyro");
    out_.key("name").text(p_.application.empty() ? "profile" : p_.application);
    out_.key("activeProfileIndex").number(std::uint64_t{p_.sample_types.empty() ? 0 : p_.sample_types.size() - 1});
    out_.key("shared").begin('{').key("frames").begin('[');
    for (const std::uint32_t f : shown_) write_frame(p_.frames[f]);
    if (rootless_) out_.begin('{').key("name").text(empty_stack_name()).end('}');
    out_.end(']').end('}');
    out_.key("profiles").begin('[');
    for (std::size_t c = 0; c < p_.sample_types.size(); ++c) write_profile(c);
    out_.end(']').end('}');
    return out_.take();
  }

 private:
  static constexpr std::uint32_t unused = 0xffffffffU;

  /// By stack, and one entry more for rows without one: labels don't matter.
  void sum_rows() {
    const std::size_t columns = p_.sample_types.size();
    sums_.assign((p_.stacks.size() + 1) * columns, 0);
    for (std::size_t row = 0; row < p_.samples.size(); ++row) {
      const std::size_t at = p_.samples[row].stack == no_stack ? p_.stacks.size() : p_.samples[row].stack;
      for (std::size_t c = 0; c < columns; ++c) {
        std::int64_t& sum = sums_[at * columns + c];
        if (__builtin_add_overflow(sum, p_.values_of(row)[c], &sum)) sum = INT64_MAX;
      }
    }
    rootless_ = is_weighted(p_.stacks.size());
  }

  bool is_weighted(std::size_t stack_index) const noexcept {
    for (std::size_t c = 0; c < p_.sample_types.size(); ++c)
      if (sums_[stack_index * p_.sample_types.size() + c] > 0) return true;
    return false;
  }

  /// Depth first, callees in the order in which they were first seen. A parent has a lower index than its children.
  void order_stacks() {
    const std::size_t count = p_.stacks.size();
    std::vector<std::uint32_t> first(count + 1, unused), next(count, unused), todo;  // first[count]: of the roots
    for (std::size_t s = count; s-- > 0;) {
      const std::uint32_t parent = p_.stacks[s].parent;
      std::uint32_t& head = first[parent == no_stack ? count : parent];
      next[s] = head;
      head = static_cast<std::uint32_t>(s);
    }
    if (first[count] != unused) todo.push_back(first[count]);
    while (!todo.empty()) {
      const std::uint32_t s = todo.back();
      todo.pop_back();
      if (next[s] != unused) todo.push_back(next[s]);
      if (first[s] != unused) todo.push_back(first[s]);
      if (is_weighted(s)) order_.push_back(s);
    }
  }

  /// Only what is in a stack that is written. Lines of one function are one frame: speedscope takes what differs for different functions.
  void number_frames() {
    numbers_.assign(p_.frames.size(), unused);
    std::vector<std::uint32_t> functions(p_.functions.size(), unused);
    std::vector<bool> seen(p_.stacks.size(), false);
    for (const std::uint32_t leaf : order_) {
      for (std::uint32_t s = leaf; s != no_stack && !seen[s]; s = p_.stacks[s].parent) {
        seen[s] = true;
        const std::uint32_t index = p_.stacks[s].frame;
        if (numbers_[index] != unused) continue;
        const std::uint32_t fn = p_.frames[index].function;
        const bool named = p_.functions[fn].name != 0 || p_.functions[fn].system_name != 0;
        if (!named || functions[fn] == unused) {
          numbers_[index] = static_cast<std::uint32_t>(shown_.size());
          shown_.push_back(index);
          if (named) functions[fn] = numbers_[index];
        } else {
          numbers_[index] = functions[fn];
        }
      }
    }
  }

  void write_frame(const frame& f) {
    const function& fn = p_.functions[f.function];
    const std::string& file = p_.text(fn.file);
    out_.begin('{').key("name").text(frame_name(p_, f));
    if (!file.empty()) out_.key("file").text(file);
    if (fn.start_line > 0) out_.key("line").number(fn.start_line);
    out_.end('}');
  }

  void write_profile(std::size_t column) {
    const value_type& t = p_.sample_types[column];
    const std::size_t columns = p_.sample_types.size();
    std::int64_t whole = 0;
    const auto weight = [&](std::size_t s) { return sums_[s * columns + column]; };
    out_.begin('{').key("type").text("sampled").key("name").text(t.type).key("unit").text(unit_of(t.unit)).key("startValue").number(std::uint64_t{0});
    out_.key("samples").begin('[');
    for (const std::uint32_t s : order_)
      if (weight(s) > 0) write_stack(s);
    const bool rootless = rootless_ && weight(p_.stacks.size()) > 0;
    if (rootless) out_.begin('[').number(std::uint64_t{shown_.size()}).end(']');
    out_.end(']').key("weights").begin('[');
    const auto write_weight = [&](std::size_t s) {
      out_.number(weight(s));
      if (__builtin_add_overflow(whole, weight(s), &whole)) whole = INT64_MAX;
    };
    for (const std::uint32_t s : order_)
      if (weight(s) > 0) write_weight(s);
    if (rootless) write_weight(p_.stacks.size());
    out_.end(']').key("endValue").number(whole).end('}');
  }

  void write_stack(std::uint32_t stack_index) {
    path_.clear();
    for (std::uint32_t s = stack_index; s != no_stack; s = p_.stacks[s].parent) path_.push_back(numbers_[p_.stacks[s].frame]);
    out_.begin('[');
    for (std::size_t i = path_.size(); i-- > 0;) out_.number(std::uint64_t{path_[i]});
    out_.end(']');
  }

  /// speedscope knows six units; counts have none.
  static const char* unit_of(const std::string& unit) noexcept {
    for (const char* known : {"nanoseconds", "microseconds", "milliseconds", "seconds", "bytes"})
      if (unit == known) return known;
    return "none";
  }

  const profile& p_;
  json_writer out_;
  std::vector<std::int64_t> sums_;
  std::vector<std::uint32_t> order_;    ///< stacks that have a value
  std::vector<std::uint32_t> numbers_;  ///< by frame: its function's number in the file
  std::vector<std::uint32_t> shown_;    ///< frames in the file
  std::vector<std::uint32_t> path_;
  bool rootless_ = false;
};

}  // namespace detail

/// The profile for speedscope: JSON, UTF-8, on one line. Labels are not in it. Its size is that of all stacks written out.
inline std::string encode_speedscope(const profile& p) { return detail::speedscope_encoder(p).encode(); }

}  // namespace pyro
