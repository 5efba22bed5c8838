#pragma once
// The first pass over a pprof: everything but the samples, which refer to it and may come before it. Makes the profile's head, mappings,
// functions and frames. Pure, any thread. Format: https://github.com/google/pprof/blob/main/proto/profile.proto

#include <pyro/encode/decode_result.hpp>
#include <pyro/encode/id_table.hpp>
#include <pyro/encode/losses.hpp>
#include <pyro/encode/pprof_kinds.hpp>
#include <pyro/encode/protobuf_reader.hpp>
#include <pyro/model/builder.hpp>

#include <cstddef>      // offsets
#include <cstdint>      // ids
#include <string>       // comments
#include <string_view>  // the string table
#include <vector>       // tables

namespace pyro::detail {

class pprof_tables {
 public:
  static constexpr std::uint32_t none = id_table::none;
  static constexpr std::size_t most_types = 1'000;

  pprof_tables(std::string_view file, const decode_limits& limits, profile& out, profile_builder& builder, decode_failure& failure)
      : file_(file), limits_(limits), out_(out), builder_(builder), failure_(failure) {}

  bool read() { return collect() && finish_ids() && head() && mappings() && functions() && locations(); }

  /// A location's frames, the innermost first, as indices into the profile's; `none` where there is no such location.
  std::uint32_t location(std::uint64_t id) const noexcept { return location_ids_.find(id); }
  const std::uint32_t* frames_begin(std::uint32_t location) const noexcept { return frames_.data() + locations_[location].first; }
  const std::uint32_t* frames_end(std::uint32_t location) const noexcept { return frames_begin(location) + locations_[location].count; }

  /// The bytes of a string of the file; false where it has none such.
  bool text(std::uint64_t index, std::size_t offset, std::string_view& into) {
    if (index == 0 && strings_.empty()) return true;  // a file without strings
    if (index >= strings_.size()) return failure_.fail(offset, "a string's index below " + std::to_string(strings_.size()), std::to_string(static_cast<std::int64_t>(index)));
    into = strings_[static_cast<std::size_t>(index)];
    return true;
  }

  /// The same, put into the profile.
  bool string(std::uint64_t index, std::size_t offset, string_index& into) {
    std::string_view s;
    if (!text(index, offset, s)) return false;
    into = 0;
    if (index == 0) return true;
    std::uint32_t& known = known_[static_cast<std::size_t>(index)];
    if (known == none) known = add_text(s);
    into = known;
    return true;
  }
  string_index add_text(std::string_view s) {
    const std::size_t before = out_.strings.size();
    const string_index at = builder_.text(s);
    if (out_.strings.size() != before) text_bytes_ += s.size() + sizeof(std::string) + 8;
    return at;
  }

  /// The column of the profile that the file's column goes to: the default one is the last.
  std::size_t column(std::size_t in_file) const noexcept {
    return in_file == default_column_ ? out_.sample_types.size() - 1 : in_file > default_column_ ? in_file - 1 : in_file;
  }

  /// False where tables and profile are larger than the limit, or cost more time.
  bool has_room(std::size_t offset) {
    if (work_ > limits_.max_frames) return failure_.fail(offset, "at most " + std::to_string(limits_.max_frames) + " frames in all samples", "more");
    if (builder_.probes() > most_probes(work_ + strings_.size() + 4 * locations_.size()))
      return failure_.fail(offset, "entries of many kinds", "such as were made to be slow");
    const std::size_t used = table_bytes_ + text_bytes_ + bytes_of_tables(out_);
    if (used <= limits_.max_memory) return true;
    return failure_.fail(offset, "a profile of at most " + std::to_string(limits_.max_memory) + " bytes of memory", "more");
  }
  void charge(std::size_t bytes) noexcept { table_bytes_ += bytes; }

  /// Notes time that is spent, in frames.
  void work(std::size_t frames) noexcept { work_ += frames; }

 private:
  struct raw_type {
    std::uint64_t type = 0, unit = 0;
    std::size_t offset = 0;
  };
  struct raw_number {
    std::uint64_t value = 0;
    std::size_t offset = 0;
  };

  // --- everything is noted where it is ---

  bool collect() {
    protobuf_reader reader(file_, 0, failure_);
    protobuf_field f;
    while (reader.next(f))
      if (!top(reader, f) || !has_room(f.offset)) return false;
    return !failure_.failed();
  }

  bool top(protobuf_reader& reader, const protobuf_field& f) {
    switch (f.number) {
      case 1: {
        if (types_.size() == most_types) return failure_.fail(f.offset, "at most " + std::to_string(most_types) + " sample types", "more");
        types_.emplace_back();
        return type(reader, f, types_.back());
      }
      case 2: return reader.is_bytes(f, "a sample");
      case 3: return note(reader, f, "a mapping", raw_mappings_);
      case 4: return note(reader, f, "a location", raw_locations_);
      case 5: return note(reader, f, "a function", raw_functions_);
      case 6:
        if (!reader.is_bytes(f, "a string")) return false;
        if (strings_.empty() && !f.bytes.empty()) return failure_.fail(f.offset, "an empty string as the first one", std::to_string(f.bytes.size()) + " bytes");
        strings_.push_back(f.bytes);
        charge(sizeof(std::string_view) + sizeof(std::uint32_t));
        return true;
      case 9: return reader.number(f, out_.time_ns);
      case 10: return reader.number(f, out_.duration_ns);
      case 11: return type(reader, f, period_type_);
      case 12: return reader.number(f, out_.period);
      case 13:
        return reader.numbers(f, [this](std::uint64_t value, std::size_t offset) {
          comments_.push_back({value, offset});
          charge(sizeof(raw_number));
          return has_room(offset);
        });
      case 14: default_type_.offset = f.offset; return reader.number(f, default_type_.value);
      case 15: doc_url_.offset = f.offset; return reader.number(f, doc_url_.value);
      default: return true;  // drop_frames and keep_frames among them: they say what to show, not what was measured
    }
  }

  bool note(protobuf_reader& reader, const protobuf_field& f, const char* what, std::vector<protobuf_field>& into) {
    into.push_back(f);
    charge(sizeof(protobuf_field) + 32);
    return reader.is_bytes(f, what);
  }

  bool type(protobuf_reader& reader, const protobuf_field& f, raw_type& into) {
    if (!reader.is_bytes(f, "a value type")) return false;
    into.offset = f.offset;
    protobuf_reader message(f, failure_);
    protobuf_field part;
    while (message.next(part)) {
      if (part.number == 1 && !message.number(part, into.type)) return false;
      if (part.number == 2 && !message.number(part, into.unit)) return false;
    }
    return !failure_.failed();
  }

  bool finish_ids() {
    known_.assign(strings_.size(), none);
    return ids(raw_mappings_, "a mapping", mapping_ids_) && ids(raw_functions_, "a function", function_ids_) && ids(raw_locations_, "a location", location_ids_);
  }

  bool ids(const std::vector<protobuf_field>& messages, const char* what, id_table& into) {
    for (std::uint32_t i = 0; i < messages.size(); ++i) {
      protobuf_reader reader(messages[i], failure_);
      protobuf_field part;
      std::uint64_t id = 0;
      while (reader.next(part))
        if (part.number == 1 && !reader.number(part, id)) return false;
      if (failure_.failed()) return false;
      if (id == 0) return failure_.fail(messages[i].offset, std::string(what) + " with an id that is not 0", "none");
      into.add(id, i);
    }
    const std::uint32_t twice = into.finish();
    return twice == none || failure_.fail(messages[twice].offset, std::string(what) + " with an id of its own", "one that another has");
  }

  // --- the profile ---

  bool value_type_of(const raw_type& from, value_type& into) {
    std::string_view type, unit;
    if (!text(from.type, from.offset, type) || !text(from.unit, from.offset, unit)) return false;
    charge(type.size() + unit.size());
    into.type = std::string(type);
    into.unit = std::string(unit);
    return has_room(from.offset);
  }

  bool head() {
    out_.sample_types.clear();
    for (const raw_type& t : types_) {
      out_.sample_types.emplace_back();
      if (!value_type_of(t, out_.sample_types.back())) return false;
    }
    if (!value_type_of(period_type_, out_.period_type)) return false;
    if (out_.time_ns < 0) out_.time_ns = 0;  // before 1970: none was recorded
    if (out_.duration_ns < 0) out_.duration_ns = 0;
    if (out_.duration_ns > INT64_MAX - out_.time_ns) out_.duration_ns = INT64_MAX - out_.time_ns;
    if (out_.period < 0) out_.period = 0;
    if (!find_default()) return false;
    for (const raw_number& n : comments_) {
      std::string_view s;
      if (!text(n.value, n.offset, s) || !comment(s, n.offset)) return false;
    }
    std::string_view url;
    if (!text(doc_url_.value, doc_url_.offset, url)) return false;
    return url.empty() || comment("documentation: " + std::string(url), doc_url_.offset);
  }

  /// The default type is a string's index by the format; some write the type's own. Others leave it out: the last one then.
  bool find_default() {
    default_column_ = types_.empty() ? 0 : types_.size() - 1;
    if (default_type_.value == 0) return true;
    bool found = false;
    std::string_view wanted;
    if (default_type_.value < strings_.size()) wanted = strings_[static_cast<std::size_t>(default_type_.value)];
    for (std::size_t i = types_.size(); i-- > 0 && !found;) {  // of equal names the last, which is the encoder's default
      found = !wanted.empty() && out_.sample_types[i].type == wanted;
      if (found) default_column_ = i;
    }
    if (!found && default_type_.value < types_.size()) default_column_ = static_cast<std::size_t>(default_type_.value);
    if (default_column_ + 1 < types_.size()) {
      value_type t = std::move(out_.sample_types[default_column_]);
      out_.sample_types.erase(out_.sample_types.begin() + static_cast<std::ptrdiff_t>(default_column_));
      out_.sample_types.push_back(std::move(t));
    }
    return true;
  }

  bool comment(std::string_view s, std::size_t offset) {
    const auto tail = [&s](std::string_view head, std::string_view& rest) {
      if (s.substr(0, head.size()) != head) return false;
      rest = s.substr(head.size());
      return true;
    };
    charge(s.size() + sizeof(std::string));
    if (!has_room(offset)) return false;
    std::string_view rest;
    if (tail("pyro application: ", rest)) {
      if (out_.application.empty()) out_.application = std::string(rest);
    } else if (tail("pyro engine: ", rest)) {
      if (out_.engine.find(rest) == std::string::npos) out_.engine += (out_.engine.empty() ? "" : ", ") + std::string(rest);
    } else if (!tail("pyro lost: ", rest) || !parse_losses(rest, out_.lost)) {
      out_.comments.emplace_back(s);
    }
    by_pyro_ = by_pyro_ || s.substr(0, pprof_comment.size()) == pprof_comment;
    return true;
  }

  bool mappings() {
    mapping_places_.assign(raw_mappings_.size(), 0);
    for (std::size_t i = 0; i < raw_mappings_.size(); ++i) {
      protobuf_reader reader(raw_mappings_[i], failure_);
      protobuf_field part;
      mapping m;
      while (reader.next(part)) {
        std::uint64_t value = 0;
        if (part.number < 2 || part.number > 6) continue;
        if (!reader.number(part, value)) return false;
        switch (part.number) {
          case 2: m.memory_start = value; break;
          case 3: m.memory_limit = value; break;
          case 4: m.file_offset = value; break;
          case 5:
            if (!string(value, part.offset, m.filename)) return false;
            break;
          default:
            if (!string(value, part.offset, m.build_id)) return false;
        }
      }
      if (failure_.failed()) return false;
      mapping_places_[i] = builder_.add_mapping(m);
    }
    return true;
  }

  bool functions() {
    function_places_.assign(raw_functions_.size(), 0);
    for (std::size_t i = 0; i < raw_functions_.size(); ++i) {
      protobuf_reader reader(raw_functions_[i], failure_);
      protobuf_field part;
      function f;
      while (reader.next(part)) {
        if (part.number < 2 || part.number > 5) continue;
        std::uint64_t value = 0;
        if (!reader.number(part, value)) return false;
        if (part.number == 5) f.start_line = static_cast<std::int64_t>(value);
        else if (!string(value, part.offset, part.number == 2 ? f.name : part.number == 3 ? f.system_name : f.file)) return false;
      }
      if (failure_.failed()) return false;
      if (f.system_name == 0) f.system_name = f.name;  // the encoder leaves it out where they are equal
      function_places_[i] = builder_.add_function(f);
      if (!has_room(raw_functions_[i].offset)) return false;
    }
    return true;
  }

  bool locations() {
    locations_.reserve(raw_locations_.size());
    for (const protobuf_field& message : raw_locations_)
      if (!location(message) || !has_room(message.offset)) return false;
    return true;
  }

  bool location(const protobuf_field& message) {
    std::uint64_t mapping_id = 0, kind = 0;
    frame f;
    protobuf_reader reader(message, failure_);
    protobuf_field part;
    while (reader.next(part)) {
      if (part.number == 2 && !reader.number(part, mapping_id)) return false;
      if (part.number == 3 && !reader.number(part, f.address)) return false;
      if (part.number == pprof_kind_field && part.type == wire_type::varint) kind = part.value;
    }
    if (failure_.failed()) return false;
    f.mapping = mapping_place(mapping_id);
    location_frames at;
    at.first = frames_.size();
    if (kind != static_cast<std::uint64_t>(pprof_kind::no_frame)) {
      protobuf_reader lines(message, failure_);
      while (lines.next(part))
        if (part.number == 4 && !line(lines, part, f, kind)) return false;
      if (failure_.failed()) return false;
      if (frames_.size() == at.first) {  // an address alone
        f.function = builder_.add_function(function());
        f.line = 0;
        add_frame(f, kind);
      }
    }
    at.count = static_cast<std::uint32_t>(frames_.size() - at.first);
    if (at.count > limits_.max_stack_depth) return failure_.fail(message.offset, "a location of at most " + std::to_string(limits_.max_stack_depth) + " lines", "more");
    locations_.push_back(at);
    charge(sizeof at);
    return true;
  }

  bool line(protobuf_reader& reader, const protobuf_field& field, frame& f, std::uint64_t kind) {
    if (!reader.is_bytes(field, "a line")) return false;
    std::uint64_t function_id = 0;
    f.line = 0;
    protobuf_reader message(field, failure_);
    protobuf_field part;
    while (message.next(part)) {
      if (part.number == 1 && !message.number(part, function_id)) return false;
      if (part.number == 2 && !message.number(part, f.line)) return false;
    }
    if (failure_.failed()) return false;
    const std::uint32_t place = function_ids_.find(function_id);
    if (place == none) return failure_.fail(field.offset, "the id of a function", std::to_string(function_id));
    f.function = function_places_[place];
    add_frame(f, kind);
    return has_room(field.offset);
  }

  void add_frame(frame& f, std::uint64_t kind) {
    switch (static_cast<pprof_kind>(kind < 4 ? kind : 0)) {
      case pprof_kind::scope: f.kind = frame_kind::scope; break;
      case pprof_kind::native: f.kind = frame_kind::native; break;
      case pprof_kind::synthetic: f.kind = frame_kind::synthetic; break;
      default: f.kind = implied_kind(by_pyro_, f.address, out_.strings[out_.functions[f.function].name]);
    }
    frames_.push_back(builder_.add_frame(f));
    charge(sizeof(std::uint32_t));
  }

  /// Places without a module get an empty one: a profile has at least one.
  std::uint32_t mapping_place(std::uint64_t id) {
    const std::uint32_t place = mapping_ids_.find(id);
    return place != none ? mapping_places_[place] : builder_.add_mapping(mapping());
  }

  struct location_frames {
    std::size_t first = 0;  ///< in frames_
    std::uint32_t count = 0;
  };

  std::string_view file_;
  const decode_limits& limits_;
  profile& out_;
  profile_builder& builder_;
  decode_failure& failure_;

  std::vector<raw_type> types_;
  raw_type period_type_;
  raw_number default_type_, doc_url_;
  std::vector<raw_number> comments_;
  std::vector<protobuf_field> raw_mappings_, raw_functions_, raw_locations_;
  std::vector<std::string_view> strings_;
  std::vector<std::uint32_t> known_;  ///< by the file's string: that of the profile
  id_table mapping_ids_, function_ids_, location_ids_;
  std::vector<std::uint32_t> mapping_places_, function_places_;
  std::vector<location_frames> locations_;
  std::vector<std::uint32_t> frames_;
  std::size_t default_column_ = 0;
  std::size_t table_bytes_ = 0, text_bytes_ = 0;
  std::uint64_t work_ = 0;
  bool by_pyro_ = false;
};

}  // namespace pyro::detail
