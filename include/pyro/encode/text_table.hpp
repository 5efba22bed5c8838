#pragma once
// A table for a terminal: first column text, the others numbers with units, aligned by digit and by unit. Pure, any thread.

#include <pyro/encode/utf8.hpp>

#include <algorithm>  // min, max
#include <string>     // cells
#include <utility>    // move
#include <vector>     // rows

namespace pyro::detail {

class text_table {
 public:
  /// `head` has the title of every column. `rule` is drawn below it over the table's width.
  text_table(std::vector<std::string> head, std::string rule, std::string dots)
      : head_(std::move(head)), rule_(std::move(rule)), dots_(std::move(dots)) {}

  /// `indent` is drawn before the first cell and never shortened; the cell is, in its middle, where the line would get too long.
  void row(std::string indent, std::vector<std::string> cells) {
    cells.resize(head_.size());
    rows_.push_back({std::move(indent), std::move(cells)});
  }

  bool empty() const noexcept { return rows_.empty(); }

  /// Lines of at most `width` columns, unless the numbers alone need more. Ends with a newline; no space at the end of a line.
  std::string text(std::size_t width, const std::string& margin) const {
    std::vector<column> columns(head_.size());
    for (std::size_t c = 1; c < head_.size(); ++c) {
      for (const line& l : rows_) {
        const cell parts = split(l.cells[c]);
        columns[c].number = std::max(columns[c].number, display_width(parts.number));
        columns[c].unit = std::max(columns[c].unit, display_width(parts.unit));
      }
      columns[c].width = std::max(display_width(head_[c]), columns[c].number + columns[c].unit);
    }
    std::size_t numbers = 0;
    for (std::size_t c = 1; c < columns.size(); ++c) numbers += gap + columns[c].width;

    std::size_t first = display_width(head_[0]);
    for (const line& l : rows_) first = std::max(first, display_width(l.indent) + display_width(l.cells[0]));
    const std::size_t used = display_width(margin) + numbers;
    first = std::min(first, std::max(smallest_first, width > used ? width - used : 0));

    std::string out = margin + pad_right(elide(head_[0], first, dots_), first);
    for (std::size_t c = 1; c < columns.size(); ++c) out += std::string(gap, ' ') + pad_left(head_[c], columns[c].width);
    out += "\n" + margin;
    for (std::size_t i = 0; i < first + numbers; ++i) out += rule_;
    out += "\n";
    for (const line& l : rows_) {
      const std::size_t indent = display_width(l.indent);
      std::string text = margin + l.indent + elide(l.cells[0], first > indent ? first - indent : 1, dots_);
      text = pad_right(text, display_width(margin) + first);
      for (std::size_t c = 1; c < columns.size(); ++c) {
        const cell parts = split(l.cells[c]);
        const std::string aligned = parts.number + pad_right(parts.unit, columns[c].unit);
        text += std::string(gap, ' ') + pad_left(aligned, columns[c].width);
      }
      text.erase(text.find_last_not_of(' ') + 1);
      out += text + "\n";
    }
    return out;
  }

 private:
  static constexpr std::size_t gap = 2;
  static constexpr std::size_t smallest_first = 20;

  struct line {
    std::string indent;
    std::vector<std::string> cells;
  };
  struct column {
    std::size_t number = 0, unit = 0, width = 0;
  };
  struct cell {
    std::string number, unit;  // the unit with the space before it
  };

  static cell split(const std::string& text) {
    const std::size_t space = text.find(' ');
    return space == std::string::npos ? cell{text, {}} : cell{text.substr(0, space), text.substr(space)};
  }
  static std::string pad_left(const std::string& s, std::size_t width) {
    const std::size_t used = display_width(s);
    return used < width ? std::string(width - used, ' ') + s : s;
  }
  static std::string pad_right(const std::string& s, std::size_t width) {
    const std::size_t used = display_width(s);
    return used < width ? s + std::string(width - used, ' ') : s;
  }

  std::vector<std::string> head_;
  std::string rule_, dots_;
  std::vector<line> rows_;
};

}  // namespace pyro::detail
