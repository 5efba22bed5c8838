#pragma once
// "Did you mean": the word of a list that is nearest to what was typed. Pure. For settings, and the command's own words.

#include <algorithm>    // min
#include <string>       // words
#include <string_view>  // what was typed
#include <vector>       // a row of distances

namespace pyro::checks {

/// Letters to insert, remove, replace or swap with their neighbour (optimal string alignment), case ignored.
inline std::size_t edit_distance(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
  std::vector<std::size_t> before_last(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]);
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    before_last = last;
    last = row;
  }
  return last[b.size()];
}

/// The nearest word, or an empty one where none is near: at most a third of the letters wrong, or what was typed begins it.
inline std::string nearest(std::string_view typed, const std::vector<std::string>& words) {
  std::string best;
  std::size_t least = std::max<std::size_t>(1, std::min<std::size_t>(typed.size(), 9) / 3) + 1;
  if (typed.size() > 64) return best;
  for (const std::string& word : words) {
    const std::size_t distance = typed.size() >= 2 && word.compare(0, typed.size(), typed) == 0 ? 1 : edit_distance(typed, word);
    if (distance < least) least = distance, best = word;
  }
  return best;
}

}  // namespace pyro::checks
