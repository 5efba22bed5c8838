#pragma once
// Folded stacks: one line a stack, `root;frame;leaf value`. Read by flamegraph.pl, inferno, speedscope and most others.
// Pure, any thread. Format: https://github.com/brendangregg/FlameGraph#2-fold-stacks
//
// In a name, `;` becomes `:` (as stackcollapse-perf.pl does) and control characters become spaces. Spaces at its ends go, and
// `worker 3` becomes `worker_3`: readers take a number at the end of a line's stack for a value of a differential profile.
//
// Tags are labels, not frames: equal stacks under different labels are one line, with the sum. `labels = true` puts them in
// front as frames `key=value`, for tools that know no labels: one flame graph, split by tag at its root.

#include <pyro/encode/names.hpp>

#include <cstdint>  // values
#include <map>      // lines in a fixed order
#include <string>   // the text
#include <utility>  // move
#include <vector>   // names by frame

namespace pyro {

struct folded_options {
  std::string type = "cpu";  ///< sample type whose values are written; where the profile has none such, its last (default) type
  bool labels = false;       ///< the row's labels as frames `key=value` at the root, sorted by key (tags of the process not)
};

namespace detail {

inline std::string folded_frame(const std::string& text) {
  std::string name = one_line(text);
  for (char& c : name)
    if (c == ';') c = ':';
  const std::size_t first = name.find_first_not_of(' ');
  if (first == std::string::npos) return empty_stack_name();
  name = name.substr(first, name.find_last_not_of(' ') - first + 1);
  const std::size_t space = name.find_last_not_of("0123456789.");
  if (space != std::string::npos && space + 1 < name.size() && name[space] == ' ') name[space] = '_';
  return name;
}

}  // namespace detail

/// The rows of one sample type as folded stacks, sorted by stack; rows of value 0 are left out. Values in the type's own unit.
inline std::string encode_folded(const profile& p, const folded_options& options = folded_options()) {
  if (p.sample_types.empty()) return {};
  const int found = p.column(options.type.c_str());
  const std::size_t column = found < 0 ? p.sample_types.size() - 1 : static_cast<std::size_t>(found);

  std::vector<std::string> names;
  for (const frame& f : p.frames) names.push_back(detail::folded_frame(detail::frame_name(p, f)));
  std::vector<std::string> prefixes(p.label_sets.size());
  if (options.labels)
    for (std::uint32_t i = 0; i < p.label_sets.size(); ++i)
      for (const auto& label : detail::labels_of(p, i, false))
        prefixes[i] += detail::folded_frame(label.first + "=" + label.second) + ";";

  std::map<std::string, std::int64_t> lines;
  std::vector<std::uint32_t> path;
  for (std::size_t row = 0; row < p.samples.size(); ++row) {
    const std::int64_t value = p.values_of(row)[column];
    if (value == 0) continue;
    path.clear();
    for (std::uint32_t s = p.samples[row].stack; s != no_stack; s = p.stacks[s].parent) path.push_back(p.stacks[s].frame);
    std::string line = prefixes[p.samples[row].labels];
    if (path.empty()) line += detail::empty_stack_name();
    for (std::size_t i = path.size(); i-- > 0;) line.append(names[path[i]]).append(i > 0 ? ";" : "");
    lines[std::move(line)] += value;
  }

  std::string out;
  for (const auto& line : lines)
    if (line.second != 0) out.append(line.first).append(" ").append(std::to_string(line.second)).append("\n");
  return out;
}

}  // namespace pyro
