#pragma once
// The rows of a report: values by window, sample type, tag set and node, packed: three or four bytes a row, where a map would take fifty.
// Not thread safe, not signal safe.

#include <pyro/encode/varint.hpp>

#include <algorithm>  // sort
#include <cstdint>    // values
#include <string>     // packed rows
#include <tuple>      // orders
#include <vector>     // groups

namespace pyro::detail {

inline constexpr std::uint64_t largest_row_value = 0x7fffffffffffffffU;

inline std::uint64_t add_capped(std::uint64_t a, std::uint64_t b) noexcept { return a > largest_row_value - b ? largest_row_value : a + b; }

struct report_row {
  std::uint32_t node = 0;
  std::uint64_t value = 0;
};

/// Sorts by node and adds up the values of equal ones.
inline void combine(std::vector<report_row>& rows) {
  const auto by_node = [](const report_row& a, const report_row& b) { return a.node < b.node; };
  if (!std::is_sorted(rows.begin(), rows.end(), by_node)) std::sort(rows.begin(), rows.end(), by_node);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (kept != 0 && rows[kept - 1].node == rows[i].node) rows[kept - 1].value = add_capped(rows[kept - 1].value, rows[i].value);
    else rows[kept++] = rows[i];
  }
  rows.resize(kept);
}

/// Rows of one type and tag set in one window, by node. Never empty once rows were put in.
struct report_group {
  std::uint32_t type = 0;
  std::uint32_t tagset = 0;
  std::uint32_t count = 0;
  std::string packed;

  bool before(std::uint32_t other_type, std::uint32_t other_set) const noexcept {
    return std::tie(type, tagset) < std::tie(other_type, other_set);
  }

  template <class Visit>
  void for_each(Visit&& visit) const {
    const char* at = packed.data();
    std::uint32_t node = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      node += static_cast<std::uint32_t>(read_varint(at));
      visit(node, read_varint(at));
    }
  }

  void append_to(std::vector<report_row>& rows) const {
    for_each([&](std::uint32_t node, std::uint64_t value) { rows.push_back({node, value}); });
  }

  /// Instead of what it held. The rows are sorted by node, each node once.
  void assign(const std::vector<report_row>& rows) {
    std::string bytes;
    std::uint32_t last = 0;
    for (const report_row& r : rows) {
      append_varint(bytes, r.node - last);
      append_varint(bytes, r.value);
      last = r.node;
    }
    count = static_cast<std::uint32_t>(rows.size());
    packed.assign(bytes.data(), bytes.size());  // without room to spare
    if (packed.capacity() > 2 * packed.size() + 32) packed.shrink_to_fit();
  }
};

/// A window of the report. Times in nanoseconds since the Unix epoch.
struct report_window {
  std::int64_t anchor = 0;  ///< begin of the first profile in it: others that begin near it are put in as well
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::vector<report_group> groups;  ///< by type, then tag set

  /// Adds rows, which are combined.
  void add(std::uint32_t type, std::uint32_t tagset, std::vector<report_row>& rows) {
    combine(rows);
    if (rows.empty()) return;
    auto at = groups.begin();
    if (!groups.empty() && groups.back().before(type, tagset)) at = groups.end();
    else at = std::lower_bound(groups.begin(), groups.end(), 0, [&](const report_group& g, int) { return g.before(type, tagset); });
    if (at == groups.end() || at->type != type || at->tagset != tagset) {
      at = groups.insert(at, report_group());
      at->type = type;
      at->tagset = tagset;
    } else {
      at->append_to(rows);
      combine(rows);
    }
    at->assign(rows);
  }

  std::size_t rows() const noexcept {
    std::size_t sum = 0;
    for (const report_group& g : groups) sum += g.count;
    return sum;
  }
};

}  // namespace pyro::detail
