#pragma once
// pprof: the profile as a gzipped protocol buffer, for `go tool pprof`, Pyroscope, Perfetto, speedscope and others.
// Pure, any thread. Format: https://github.com/google/pprof/blob/main/proto/profile.proto

#include <pyro/encode/gzip.hpp>
#include <pyro/encode/losses.hpp>
#include <pyro/encode/names.hpp>
#include <pyro/encode/pprof_kinds.hpp>
#include <pyro/encode/protobuf.hpp>
#include <pyro/encode/units.hpp>

#include <algorithm>      // find, any_of
#include <cstddef>        // rows
#include <cstdint>        // values
#include <map>            // groups of frames
#include <string>         // the bytes
#include <unordered_map>  // string table
#include <utility>        // move
#include <vector>         // index maps

namespace pyro {

struct pprof_options {
  bool static_tags = true;  ///< tags of the process as labels of each sample; pushes send them as labels of the series
  bool calls = true;        ///< the type `calls`; servers that know CPU types only are better off without
  bool gzip = true;         ///< false: the bare protocol buffer
  std::size_t first_row = 0;                            ///< rows before this one are left out,
  std::size_t row_count = static_cast<std::size_t>(-1); ///< and those after so many
};

namespace detail {

/// Writes one profile. Rows whose values are all 0, and frames and functions that no row then needs, are left out.
class pprof_encoder {
 public:
  pprof_encoder(const profile& p, const pprof_options& options) : p_(p), options_(options) { string_id(std::string()); }

  std::string encode() {
    for (std::size_t c = 0; c < p_.sample_types.size(); ++c)
      if (options_.calls || p_.sample_types[c].type != "calls") columns_.push_back(c);
    for (const std::size_t c : columns_) out_.bytes(1, value_type_of(p_.sample_types[c]));

    frame_used_.assign(p_.frames.size(), false);
    frame_alone_.assign(p_.frames.size(), false);
    labels_.assign(p_.label_sets.size(), std::string());
    labels_known_.assign(p_.label_sets.size(), false);
    for (std::size_t row = options_.first_row; row < p_.samples.size() && row - options_.first_row < options_.row_count; ++row) write_sample(row);
    write_mappings();
    write_locations();
    write_functions();

    out_.integer(9, p_.time_ns);
    out_.integer(10, p_.duration_ns);
    out_.bytes(11, value_type_of(p_.period_type));
    out_.integer(12, p_.period);
    write_comments();
    if (!columns_.empty()) out_.integer(14, string_id(p_.sample_types[columns_.back()].type));
    for (const std::string* s : strings_) out_.bytes(6, *s);  // last, when all are known: fields may come in any order
    return options_.gzip ? gzip(out_.data()) : out_.take();
  }

 private:
  std::int64_t string_id(std::string&& text) {
    const auto made = string_ids_.emplace(std::move(text), static_cast<std::int64_t>(strings_.size()));
    if (made.second) strings_.push_back(&made.first->first);
    return made.first->second;
  }
  std::int64_t string_id(const std::string& text) { return string_id(utf8_repair(text)); }

  std::string value_type_of(const value_type& t) {
    protobuf_writer w;
    w.integer(1, string_id(t.type));
    w.integer(2, string_id(t.unit));
    return w.take();
  }

  void write_sample(std::size_t row) {
    values_.clear();
    bool any = false;
    for (const std::size_t c : columns_) {
      values_.push_back(p_.values_of(row)[c]);
      any = any || values_.back() != 0;
    }
    if (!any) return;
    find_locations(p_.samples[row].stack);
    if (locations_.empty()) {
      locations_.push_back(p_.frames.size() + 1);
      empty_stack_used_ = true;
    }
    part_.clear();
    part_.packed(1, locations_);
    part_.packed(2, values_);
    part_.raw(labels_field(p_.samples[row].labels));
    out_.bytes(2, part_.data());
  }

  /// A location a frame, but one for all frames that are inlined in each other: those have one address, the innermost first.
  void find_locations(std::uint32_t stack_index) {
    locations_.clear();
    std::vector<std::uint32_t>& inlined = inlined_;
    const auto finish = [&] {
      if (inlined.size() == 1) {
        frame_alone_[inlined[0]] = true;
        locations_.push_back(std::uint64_t{inlined[0]} + 1);
      } else if (!inlined.empty()) {
        locations_.push_back(groups_.emplace(inlined, p_.frames.size() + 2 + groups_.size()).first->second);
      }
      inlined.clear();
    };
    for (std::uint32_t s = stack_index; s != no_stack; s = p_.stacks[s].parent) {
      const std::uint32_t index = p_.stacks[s].frame;
      frame_used_[index] = true;
      // A function that calls itself has the same address again, and the same frame.
      const bool again = std::find(inlined.begin(), inlined.end(), index) != inlined.end();
      if (!inlined.empty() && (again || !is_one_place(p_.frames[index], p_.frames[inlined.back()]))) finish();
      inlined.push_back(index);
    }
    finish();
  }

  bool is_one_place(const frame& a, const frame& b) const noexcept {
    return a.address != 0 && a.address == b.address && a.mapping == b.mapping && a.kind == b.kind && is_named(a) && is_named(b);
  }
  bool is_named(const frame& f) const noexcept { return p_.functions[f.function].name != 0 || p_.functions[f.function].system_name != 0; }

  /// The label fields of a sample, encoded once a label set. Keys that begin with `pprof::` are pprof's own: left out.
  const std::string& labels_field(std::uint32_t label_set_index) {
    if (!labels_known_[label_set_index]) {
      protobuf_writer fields, one;
      for (auto& label : labels_of(p_, label_set_index, options_.static_tags)) {
        if (label.first.compare(0, 7, "pprof::") == 0) continue;
        one.clear();
        one.integer(1, string_id(std::move(label.first)));
        one.integer(2, string_id(std::move(label.second)));
        fields.bytes(3, one.data());
      }
      labels_[label_set_index] = fields.take();
      labels_known_[label_set_index] = true;
    }
    return labels_[label_set_index];
  }

  /// What is known of the frames in a mapping; tools look up the rest themselves.
  struct resolved {
    bool any = false, functions = true, files = true, lines = true;
  };

  void write_mappings() {
    std::vector<resolved> known(p_.mappings.empty() ? 1 : p_.mappings.size());
    for (std::size_t i = 0; i < p_.frames.size(); ++i) {
      const frame& f = p_.frames[i];
      if (!frame_used_[i] || f.kind == frame_kind::synthetic || f.mapping >= known.size()) continue;
      const function& fn = p_.functions[f.function];
      resolved& k = known[f.mapping];
      k.any = true;
      k.functions = k.functions && (fn.name != 0 || fn.system_name != 0);
      k.files = k.files && fn.file != 0;
      k.lines = k.lines && f.line != 0;
    }
    for (std::size_t i = 0; i < known.size(); ++i) {
      const mapping m = p_.mappings.empty() ? mapping() : p_.mappings[i];  // at least one: servers hang metadata on it
      part_.clear();
      part_.number(1, i + 1);
      part_.number(2, m.memory_start);
      part_.number(3, m.memory_limit);
      part_.number(4, m.file_offset);
      part_.integer(5, string_id(p_.mappings.empty() ? p_.application : p_.text(m.filename)));
      part_.integer(6, string_id(p_.text(m.build_id)));
      part_.boolean(7, known[i].functions);  // true as well where no frame is in it: there is nothing to look up
      part_.boolean(8, known[i].any && known[i].files);
      part_.boolean(9, known[i].any && known[i].lines);
      out_.bytes(3, part_.data());
    }
  }

  void begin_location(std::uint64_t id, const frame& f) {
    part_.clear();
    part_.number(1, id);
    part_.number(2, f.mapping < p_.mappings.size() ? std::uint64_t{f.mapping} + 1 : 1);
    part_.number(3, f.address);
  }
  void add_line(std::uint64_t function_id, std::int64_t line_number) {
    protobuf_writer line;
    line.number(1, function_id);
    line.integer(2, line_number);
    part_.bytes(4, line.data());
  }
  void add_line(const frame& f) {
    // A frame with an address and no name has no line: pprof shows, or looks up, the address.
    if (!is_named(f) && f.address != 0) return;
    function_used_[f.function] = true;
    add_line(std::uint64_t{f.function} + 1, f.line);
  }

  /// The frame's kind, where a reader would take it for another.
  void add_kind(const frame& f) {
    if (f.kind != implied_kind(says_pyro(), f.address, frame_name(p_, f))) add_kind(pprof_kind_of(f.kind));
  }
  void add_kind(pprof_kind kind) { part_.number(pprof_kind_field, static_cast<std::uint64_t>(kind)); }

  /// Whether a comment will tell that pyro wrote the file.
  bool says_pyro() const noexcept {
    const auto by_pyro = [](const std::string& s) { return s.compare(0, pprof_comment.size(), pprof_comment) == 0; };
    return !p_.application.empty() || !p_.engine.empty() || any_lost_ || std::any_of(p_.comments.begin(), p_.comments.end(), by_pyro);
  }

  void write_locations() {
    any_lost_ = !format_losses(p_.lost).empty();
    function_used_.assign(p_.functions.size(), false);
    for (std::size_t i = 0; i < p_.frames.size(); ++i) {
      if (!frame_alone_[i]) continue;
      begin_location(i + 1, p_.frames[i]);
      add_line(p_.frames[i]);
      add_kind(p_.frames[i]);
      out_.bytes(4, part_.data());
    }
    for (const auto& group : groups_) {
      begin_location(group.second, p_.frames[group.first[0]]);
      for (const std::uint32_t inlined : group.first) add_line(p_.frames[inlined]);
      add_kind(p_.frames[group.first[0]]);
      out_.bytes(4, part_.data());
    }
    if (!empty_stack_used_) return;
    begin_location(p_.frames.size() + 1, frame());
    add_line(p_.functions.size() + 1, 0);
    add_kind(pprof_kind::no_frame);
    out_.bytes(4, part_.data());
  }

  void write_functions() {
    for (std::size_t i = 0; i < p_.functions.size(); ++i) {
      if (!function_used_[i]) continue;
      const function& fn = p_.functions[i];
      frame named;
      named.function = static_cast<std::uint32_t>(i);
      part_.clear();
      part_.number(1, i + 1);
      part_.integer(2, string_id(frame_name(p_, named)));
      // pprof takes equal names for one still to be demangled, and cuts templates and parameters off it.
      if (fn.system_name != fn.name) part_.integer(3, string_id(p_.text(fn.system_name)));
      part_.integer(4, string_id(p_.text(fn.file)));
      part_.integer(5, fn.start_line);
      out_.bytes(5, part_.data());
    }
    if (!empty_stack_used_) return;
    part_.clear();
    part_.number(1, p_.functions.size() + 1);
    part_.integer(2, string_id(std::string(empty_stack_name())));
    out_.bytes(5, part_.data());
  }

  /// For people, and for our decoder. Texts that differ in every file are left to encode_text: readers that merge files
  /// print each one.
  void write_comments() {
    std::vector<std::int64_t> comments;
    const auto comment = [&](const char* what, const std::string& text) {
      if (!text.empty()) comments.push_back(string_id(std::string("pyro ") + what + ": " + text));
    };
    comment("application", p_.application);
    comment("engine", p_.engine);
    comment("lost", format_losses(p_.lost));
    for (const std::string& other : p_.comments) comments.push_back(string_id(other));
    out_.packed(13, comments);
  }

  const profile& p_;
  pprof_options options_;
  protobuf_writer out_, part_;
  std::unordered_map<std::string, std::int64_t> string_ids_;
  std::vector<const std::string*> strings_;  // keys of the map: they don't move
  std::vector<std::size_t> columns_;
  std::vector<std::int64_t> values_;
  std::vector<std::uint64_t> locations_;
  std::vector<std::uint32_t> inlined_;
  std::map<std::vector<std::uint32_t>, std::uint64_t> groups_;  ///< locations of several frames
  std::vector<std::string> labels_;
  std::vector<bool> labels_known_, frame_used_, frame_alone_, function_used_;
  bool empty_stack_used_ = false;
  bool any_lost_ = false;
};

}  // namespace detail

/// The profile as pprof: all sample types (the last is the default), one location an address, leaf first, labels on each sample.
/// Frames without an address get a mapping as well; there is always at least one, the main binary first.
inline std::string encode_pprof(const profile& p, const pprof_options& options = pprof_options()) {
  return detail::pprof_encoder(p, options).encode();
}

}  // namespace pyro
