#pragma once
// Which part of a profile is meant: its sample type, and rows by their tags. One thread.

#include "subcommands.hpp"
#include "terminal.hpp"

#include <pyro/doctor/suggest.hpp>
#include <pyro/encode/names.hpp>
#include <pyro/encode/units.hpp>
#include <pyro/model/merge.hpp>

#include <map>      // wanted values by key
#include <set>      // values, keys there are
#include <string>   // texts
#include <utility>  // move
#include <vector>   // rows

namespace pyro::command {

inline std::string type_name(const value_type& t) { return shown(t.unit.empty() ? t.type : t.type + "/" + t.unit); }

/// A list for people: `a, b, c and 12 others`.
template <class Words>
std::string listed(const Words& words, std::size_t most = 8) {
  std::string out;
  std::size_t i = 0;
  for (const std::string& word : words) {
    if (i == most) return out + " and " + std::to_string(words.size() - most) + " others";
    out += (i++ == 0 ? "" : ", ") + shown(word);
  }
  return out;
}

/// The column that is meant: `cpu`, or `cpu/nanoseconds`; where none is named, CPU if there is such a type, else the file's default, the last one.
inline std::size_t column_of(const profile& p, const std::string& type) {
  if (p.sample_types.empty()) throw failure("the profile has no sample type at all: it holds nothing that could be shown");
  if (type.empty()) {
    const int cpu = p.column("cpu");
    return cpu >= 0 ? static_cast<std::size_t>(cpu) : p.sample_types.size() - 1;
  }
  std::vector<std::string> there;
  for (std::size_t i = 0; i < p.sample_types.size(); ++i) {
    if (p.sample_types[i].type == type || p.sample_types[i].type + "/" + p.sample_types[i].unit == type) return i;
    there.push_back(p.sample_types[i].type);
  }
  const std::string near = checks::nearest(type, there);
  throw failure("--type " + shown(type) + ": the profile has no such type, it has " + listed(there) + (near.empty() ? "" : "; did you mean " + shown(near) + "?"));
}

/// The column of exact calls, to be shown beside another one; -1 where that is the one shown, or nothing was counted.
inline int calls_beside(const profile& p, std::size_t column) {
  const int calls = p.column("calls");
  return calls >= 0 && (static_cast<std::size_t>(calls) == column || p.total(static_cast<std::size_t>(calls)) == 0) ? -1 : calls;
}

/// Above a column of values.
inline std::string title_of(const value_type& type) { return type.type == "cpu" ? "CPU" : shown(type.type); }

inline std::string format_value(std::int64_t value, const value_type& type) {
  if (type.unit == "nanoseconds") return detail::format_duration(value);
  if (type.unit == "bytes") return detail::format_bytes(value);
  return detail::format_count(value);
}

/// `--tag key=value`: values of one key are alternatives, keys are all asked for. `--tag key=` means rows without that tag.
using tag_filter = std::map<std::string, std::set<std::string>>;

inline tag_filter parse_tags(const std::vector<std::string>& texts) {
  tag_filter out;
  for (const std::string& text : texts) {
    const std::size_t sign = text.find('=');
    if (sign == std::string::npos || sign == 0) throw failure("--tag " + shown(text) + ": write it as key=value, such as --tag vehicle=car");
    out[text.substr(0, sign)].insert(text.substr(sign + 1));
  }
  return out;
}

/// The tags there are: values by key. Tags of the process are among them.
inline std::map<std::string, std::set<std::string>> tags_of(const profile& p) {
  std::map<std::string, std::set<std::string>> out;
  for (std::uint32_t i = 0; i < p.label_sets.size(); ++i)
    for (const auto& label : detail::labels_of(p, i, true)) out[label.first].insert(label.second);
  return out;
}

/// Limits that files within those of the decoder do not reach: a command may take what memory it needs.
inline merge_limits all_of_it() {
  merge_limits limits;
  limits.rows = 100'000'000;
  limits.stacks = 100'000'000;
  limits.string_bytes = std::size_t{8} << 30U;
  return limits;
}

/// `p` with the rows alone that have the tags. An error where none has, with what there is instead.
inline profile with_tags(profile p, const tag_filter& wanted) {
  if (wanted.empty()) return p;
  std::vector<bool> kept(p.label_sets.size(), false);
  bool any = false;
  for (std::uint32_t i = 0; i < p.label_sets.size(); ++i) {
    const detail::label_texts labels = detail::labels_of(p, i, true);
    bool all = true;
    for (const auto& want : wanted) {
      std::string value;
      for (const auto& label : labels)
        if (label.first == want.first) value = label.second;
      all = all && want.second.count(value) != 0;
    }
    kept[i] = all;
    any = any || all;
  }
  if (!any) {
    const auto there = tags_of(p);
    for (const auto& want : wanted) {
      const auto found = there.find(want.first);
      std::vector<std::string> keys;
      for (const auto& tag : there) keys.push_back(tag.first);
      if (found == there.end() && want.second.count("") == 0)
        throw failure("--tag " + shown(want.first) + "=...: no sample has this tag; " + (keys.empty() ? "there are no tags at all" : "there are " + listed(keys)));
      if (found == there.end()) continue;
      for (const std::string& value : want.second)
        if (!value.empty() && found->second.count(value) == 0)
          throw failure("--tag " + shown(want.first) + "=" + shown(value) + ": no sample has this value; there are " + listed(found->second));
    }
    throw failure("no sample has all of the tags asked for");
  }
  const std::size_t columns = p.sample_types.size();
  std::size_t to = 0;
  for (std::size_t row = 0; row < p.samples.size(); ++row) {
    if (!kept[p.samples[row].labels]) continue;
    for (std::size_t c = 0; c < columns; ++c) p.values[to * columns + c] = p.values[row * columns + c];
    p.samples[to++] = p.samples[row];
  }
  p.samples.resize(to);
  p.values.resize(to * columns);
  profile out;  // without the stacks that no row has any more
  merge(out, p, all_of_it());
  return out;
}

}  // namespace pyro::command
