#pragma once
// A window as requests to Pyroscope's push service: PushRequest{1: series{1: labels{1: name, 2: value}, 2: samples{1: raw_profile, 2: ID}}}.
// Holds the server's limits on our side, where they cost a row at most; on the server's they cost the push. Pure, any thread.
// Format: grafana/pyroscope, api/push/v1/push.proto.
//
// Tags of the process are labels of the series, all others labels of the samples, which the server makes series of too. There a series
// label wins over a sample label of the same name; here the inner tag wins. So a tag of the process that scopes override travels on the samples.

#include <pyro/encode/label_name.hpp>
#include <pyro/encode/pprof.hpp>
#include <pyro/model/builder.hpp>

#include <algorithm>  // min, sort
#include <cstdint>    // sizes
#include <map>        // what was changed
#include <set>        // names that are taken
#include <string>     // the bytes
#include <utility>    // move, pair
#include <vector>     // parts

namespace pyro {

/// What the server takes (its defaults), with some room. Messages name these defaults.
struct push_limits {
  std::size_t samples = 16'000;           ///< of one profile
  std::size_t bytes = 1'800'000;          ///< of one request, uncompressed; the server's burst is 2 MB
  std::size_t labels = 30;                ///< of a series, sample labels and the two of ours included
  std::size_t name_bytes = 1024;          ///< of a label's name
  std::size_t value_bytes = 2048;         ///< of a label's value
  std::size_t function_bytes = 512;       ///< of a function's name; longer ones lose their middle
};

struct push_options {
  std::string profile_name = "process_cpu";  ///< `__name__`: the first part of the profile type
  bool thread_names = false;                 ///< the label `thread` as a series label too
  std::vector<std::pair<std::string, std::string>> labels;  ///< further labels of the series; tags win
  push_limits limits;
};

/// One request.
struct push_part {
  std::string body;              ///< PushRequest, not compressed
  std::uint64_t samples = 0;     ///< expiries of the sampler in it: what the ledger counts
};

/// Changes that the limits made: what happened to what, for one warning each.
using push_changes = std::map<std::string, std::string>;

struct push {
  std::vector<push_part> parts;  ///< none where nothing was sampled
  push_changes changes;
};

namespace detail {

class push_encoder {
 public:
  push_encoder(const profile& window, const push_options& options) : in_(window), options_(options) {}

  push encode() {
    find_overridden();
    make_series_labels();
    make_profile();
    if (!out_.samples.empty()) split(0, out_.samples.size());
    return std::move(result_);
  }

 private:
  void changed(const char* what, const std::string& example) { result_.changes.emplace(what, example); }
  /// For messages.
  static std::string shown(const std::string& text) { return elide(one_line(text), 60); }

  /// Names of threads make a series each: only where they are wanted.
  bool is_sent(const std::string& key) const { return key != "thread" || options_.thread_names; }

  /// `__name__` and its like; not what has underscores alone, as a name in another script gets them.
  static bool is_taken(const std::string& name) {
    if (name.find_first_not_of('_') == std::string::npos) return false;
    return name == "service_name" || (name.compare(0, 2, "__") == 0 && name.compare(name.size() - 2, 2, "__") == 0);
  }

  /// Tags of the process that some sample has as a tag of its own, or as one that gets the same name.
  void find_overridden() {
    std::set<string_index> keys;
    for (const label_set& set : in_.label_sets)
      for (const label& l : set) keys.insert(l.key);
    for (const string_index key : keys)
      if (is_sent(in_.text(key))) inner_.insert(label_name(in_.text(key)));
    for (const auto& tag : in_.static_tags)
      if (inner_.count(label_name(tag.first)) != 0) overridden_.insert(tag.first);
  }

  /// As the server takes it, or empty where it can't be sent at all.
  std::string name_of(const std::string& key) {
    std::string name = label_name(key);
    if (is_taken(name)) {
      changed("a tag of this name is left out of pushes, the name is Pyroscope's own", shown(key));
      return {};
    }
    if (name != key)
      changed("a tag's name is changed in pushes, the server shows letters, digits and _ alone", shown(key) + " to " + shown(name));
    if (name.size() > options_.limits.name_bytes) {
      changed("a tag's name is cut in pushes, the server takes 1,024 bytes", shown(key));
      name.resize(options_.limits.name_bytes);
    }
    return name;
  }

  std::string value_of(const std::string& value) {
    std::string repaired = utf8_repair(value);
    if (repaired.size() <= options_.limits.value_bytes) return repaired;
    changed("a tag's value is cut in pushes, the server takes 2,048 bytes", shown(repaired));
    std::size_t size = options_.limits.value_bytes;
    while (size > 0 && (static_cast<unsigned char>(repaired[size]) & 0xc0U) == 0x80U) --size;
    return repaired.substr(0, size);
  }

  void make_series_labels() {
    series_ = {{"__name__", options_.profile_name}, {"service_name", value_of(in_.application.empty() ? "unknown" : in_.application)}};
    const auto add = [this](const std::string& key, const std::string& value) {
      if (value.empty()) return;
      const std::string name = name_of(key);
      if (name.empty()) return;
      if (series_.count(name) != 0) return changed("two tags have one name in pushes, the second is left out", shown(key));
      if (series_.size() == options_.limits.labels) return changed("a tag is left out of pushes, the server takes 30 labels", shown(key));
      series_.emplace(name, value_of(value));
    };
    for (const auto& tag : in_.static_tags)
      if (overridden_.count(tag.first) == 0) add(tag.first, tag.second);
    for (const auto& extra : options_.labels)
      if (series_.count(extra.first) == 0 && inner_.count(extra.first) == 0 && !value_of(extra.second).empty() && series_.size() < options_.limits.labels)
        series_.emplace(extra.first, value_of(extra.second));  // names of ours: dotted ones are wanted as they are
  }

  /// The window as the server is to see it: the same tables, its own labels, and rows that then are equal added up.
  void make_profile() {
    out_.application = in_.application;
    out_.engine = in_.engine;
    out_.time_ns = in_.time_ns;
    out_.duration_ns = in_.duration_ns;
    out_.period_type = in_.period_type;
    out_.period = in_.period;
    out_.sample_types = in_.sample_types;
    out_.strings = in_.strings;
    out_.mappings = in_.mappings;
    out_.functions = in_.functions;
    out_.frames = in_.frames;
    out_.stacks = in_.stacks;
    out_.lost = in_.lost;
    cut_functions();

    profile_builder builder(out_);
    std::vector<std::uint32_t> sets(in_.label_sets.size(), profile_builder::unknown);
    const int calls = in_.column("calls");
    for (std::size_t row = 0; row < in_.samples.size(); ++row) {
      const std::int64_t* values = in_.values_of(row);
      bool sampled = false;
      for (std::size_t c = 0; c < in_.sample_types.size(); ++c) sampled |= static_cast<int>(c) != calls && values[c] != 0;
      if (!sampled) continue;  // counts alone: the server would drop it
      std::uint32_t& set = sets[in_.samples[row].labels];
      if (set == profile_builder::unknown) set = builder.add_labels(sample_labels(in_.label_sets[in_.samples[row].labels], builder));
      builder.add(in_.samples[row].stack, set, values);
    }
  }

  void cut_functions() {
    profile_builder texts(out_);
    const auto cut = [&](string_index& name) {
      const std::string repaired = utf8_repair(out_.strings[name]);
      if (repaired.size() <= options_.limits.function_bytes) return;
      const std::string shorter = elide_bytes(repaired, options_.limits.function_bytes);
      changed("a function's name is cut in the middle in pushes, to 512 bytes", shown(shorter));
      name = texts.text(shorter);
    };
    for (function& f : out_.functions) {
      // Flame graphs are for reading. The whole name stays in files; tools that want it have the linker's.
      if (out_.strings[f.system_name].compare(0, 2, "_Z") == 0) f.name = texts.text(display_name(out_.strings[f.name]));
      cut(f.name);
      if (f.system_name != f.name && out_.strings[f.system_name].size() > options_.limits.function_bytes) f.system_name = f.name;  // half of one is none
      cut(f.system_name);
    }
  }

  label_set sample_labels(const label_set& from, profile_builder& builder) {
    label_set made;
    std::set<std::string> taken;
    const auto add = [&](const std::string& key, const std::string& value) {
      if (value.empty()) return;
      const std::string name = name_of(key);
      if (name.empty()) return;
      if (series_.count(name) != 0 || !taken.insert(name).second)
        return changed("two tags have one name in pushes, the second is left out", shown(key));
      if (series_.size() + made.size() == options_.limits.labels)
        return changed("a tag is left out of pushes, the server takes 30 labels", shown(key));
      made.push_back({builder.text(name), builder.text(value_of(value))});
    };
    for (const label& l : from)
      if (is_sent(in_.text(l.key))) add(in_.text(l.key), in_.text(l.value));
    for (const auto& tag : in_.static_tags) {
      const auto is_tag = [&](const label& l) { return in_.text(l.key) == tag.first; };
      if (overridden_.count(tag.first) != 0 && std::none_of(from.begin(), from.end(), is_tag)) add(tag.first, tag.second);
    }
    return made;
  }

  void split(std::size_t first, std::size_t count) {
    if (count > options_.limits.samples) return halve(first, count);
    pprof_options how;
    how.static_tags = how.calls = how.gzip = false;
    how.first_row = first;
    how.row_count = count;
    push_part part;
    part.body = request(encode_pprof(out_, how));
    if (part.body.size() > options_.limits.bytes && count > 1) return halve(first, count);
    const int column = out_.column("samples");
    for (std::size_t row = first; column >= 0 && row < first + count; ++row)
      part.samples += static_cast<std::uint64_t>(out_.values_of(row)[column]);
    result_.parts.push_back(std::move(part));
  }

  void halve(std::size_t first, std::size_t count) {
    split(first, count / 2);
    split(first + count / 2, count - count / 2);
  }

  std::string request(const std::string& raw_profile) const {
    protobuf_writer whole, series, part;
    for (const auto& l : series_) {  // sorted by name, as the server wants them
      part.clear();
      part.bytes(1, l.first);
      part.bytes(2, l.second);
      series.bytes(1, part.data());
    }
    part.clear();
    part.bytes(1, raw_profile);
    series.bytes(2, part.data());
    whole.bytes(1, series.data());
    return whole.take();
  }

  const profile& in_;
  const push_options& options_;
  push result_;
  profile out_;
  std::set<std::string> inner_;       ///< names of tags of samples
  std::set<std::string> overridden_;  ///< keys of tags of the process
  std::map<std::string, std::string> series_;
};

}  // namespace detail

/// `window` as push requests, within the limits; without the type `calls`, which the server would keep as a CPU type of its own.
inline push encode_push(const profile& window, const push_options& options = push_options()) {
  return detail::push_encoder(window, options).encode();
}

}  // namespace pyro
