#pragma once
// The windows of a report in the order of time. Profiles of several processes that begin at about the same time share a window, so that they
// line up on one timeline; past the largest number, windows that follow each other are merged. Not thread safe, not signal safe.

#include <pyro/encode/report_rows.hpp>

#include <algorithm>  // lower_bound, nth_element
#include <cstdint>    // times
#include <utility>    // move
#include <vector>     // windows

namespace pyro::detail {

class report_windows {
 public:
  explicit report_windows(std::size_t most) : most_(most == 0 ? 1 : most) {}

  const std::vector<report_window>& all() const noexcept { return windows_; }
  std::vector<report_window>& all() noexcept { return windows_; }

  /// The window of a profile that begins at `begin` and takes `length`, made where there is none. Merges windows where there are too many.
  report_window& at(std::int64_t begin, std::int64_t length) {
    begin = std::min(std::max(begin, std::int64_t{0}), latest);
    const std::int64_t end = begin + std::min(std::max(length, std::int64_t{0}), latest);
    std::size_t found = find(begin, end);
    if (found == windows_.size() || !fits(windows_[found], begin, end)) {
      const auto place = std::lower_bound(windows_.begin(), windows_.end(), begin, [](const report_window& w, std::int64_t b) { return w.anchor < b; });
      found = static_cast<std::size_t>(place - windows_.begin());
      report_window made;
      made.anchor = made.begin = begin;
      made.end = end;
      windows_.insert(place, std::move(made));
    }
    report_window& w = windows_[found];
    w.begin = std::min(w.begin, begin);
    w.end = std::max(w.end, end);
    if (windows_.size() <= most_) return w;
    limit(most_);
    return windows_[find(begin, end)];
  }

  /// Merges windows that follow each other until there are at most `most`. From then on windows have a width, so that those to come are as
  /// long as those that were merged: else the first ones would be merged again and again, and a month would be in the first of them.
  void limit(std::size_t most) {
    while (windows_.size() > std::max<std::size_t>(most, 1)) {
      if (width_ == 0) {
        std::vector<std::int64_t> lengths;
        for (const report_window& w : windows_) lengths.push_back(w.end - w.begin);
        const auto middle = lengths.begin() + static_cast<std::ptrdiff_t>(lengths.size() / 2);
        std::nth_element(lengths.begin(), middle, lengths.end());
        base_ = std::max<std::int64_t>(*middle, 1'000'000);
        width_ = base_;
      }
      if (width_ > latest) break;  // one cell has them all
      width_ *= 2;
      std::size_t cells = 0;
      for (std::size_t i = 0; i < windows_.size(); ++i) cells += i == 0 || cell(windows_[i].anchor) != cell(windows_[i - 1].anchor) ? 1 : 0;
      if (cells <= most || width_ > latest) merge_cells();
    }
  }

  /// Width of merged windows in nanoseconds; 0 where none had to be merged.
  std::int64_t width() const noexcept { return width_; }

 private:
  static constexpr std::int64_t latest = (std::int64_t{1} << 62U) - 1;  // the year 2116; twice as much is still a number

  std::int64_t cell(std::int64_t time) const noexcept { return (time + base_ / 2) / width_; }

  /// The window whose anchor is nearest, the later one of two.
  std::size_t find(std::int64_t begin, std::int64_t end) const noexcept {
    const auto after = std::lower_bound(windows_.begin(), windows_.end(), begin, [](const report_window& w, std::int64_t b) { return w.anchor < b; });
    auto found = static_cast<std::size_t>(after - windows_.begin());
    if (width_ != 0) {
      if (found > 0 && fits(windows_[found - 1], begin, end)) return found - 1;
      return found;
    }
    if (found > 0 && (found == windows_.size() || begin - windows_[found - 1].anchor < windows_[found].anchor - begin)) --found;
    return found;
  }

  bool fits(const report_window& w, std::int64_t begin, std::int64_t end) const noexcept {
    if (width_ != 0) return cell(w.anchor) == cell(begin);
    const std::int64_t distance = w.anchor < begin ? begin - w.anchor : w.anchor - begin;
    return distance == 0 || distance < std::min(w.end - w.begin, end - begin) / 2;
  }

  void merge_cells() {
    std::vector<report_window> merged;
    std::vector<report_row> rows;
    for (report_window& w : windows_) {
      if (merged.empty() || cell(merged.back().anchor) != cell(w.anchor)) {
        merged.push_back(std::move(w));
        continue;
      }
      report_window& into = merged.back();
      into.begin = std::min(into.begin, w.begin);
      into.end = std::max(into.end, w.end);
      for (const report_group& g : w.groups) {
        rows.clear();
        g.append_to(rows);
        into.add(g.type, g.tagset, rows);
      }
      w = report_window();
    }
    windows_ = std::move(merged);
  }

  std::size_t most_;
  std::vector<report_window> windows_;
  std::int64_t base_ = 0;   // usual length before windows were merged
  std::int64_t width_ = 0;
};

}  // namespace pyro::detail
