#pragma once
// Header fields of pushes as an operator writes them: a JSON object of strings (what Pyroscope's clients take), or name=value. Pure, any thread.

#include <algorithm>    // remove_if
#include <string>       // results
#include <string_view>  // input
#include <utility>      // pair
#include <vector>       // fields

namespace pyro::detail {

using header_fields = std::vector<std::pair<std::string, std::string>>;

/// RFC 9110, 5.1, as far as anybody uses it.
inline bool is_header_name(std::string_view name) noexcept {
  for (const char c : name)
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.')) return false;
  return !name.empty();
}

inline bool is_header_value(std::string_view value) noexcept {
  for (const char c : value)
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f) return false;
  return true;
}

/// Reads `{"name":"value", ...}` (RFC 8259). Of escapes those alone that a header field can hold: \" \\ \/ \t, \u below 0080.
class header_object_parser {
 public:
  explicit header_object_parser(std::string_view text) : text_(text) {}

  bool parse(header_fields& out) {
    if (!take('{')) return false;
    if (take('}')) return at_end();
    do {
      std::string name, value;
      if (!string(name) || !take(':') || !string(value)) return false;
      out.emplace_back(std::move(name), std::move(value));
    } while (take(','));
    return take('}') && at_end();
  }

 private:
  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) ++at_;
  }
  bool at_end() {
    skip_blanks();
    return at_ == text_.size();
  }
  bool take(char c) {
    skip_blanks();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool string(std::string& out) {
    if (!take('"')) return false;
    for (; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (text_[at_] != '\\') out += text_[at_];
      else if (!escape(out)) return false;
    }
    if (at_ == text_.size()) return false;
    ++at_;
    return true;
  }
  bool escape(std::string& out) {
    const char c = ++at_ < text_.size() ? text_[at_] : '\0';
    if (c == '"' || c == '\\' || c == '/') return out += c, true;
    if (c == 't') return out += '\t', true;
    if (c != 'u' || at_ + 4 >= text_.size()) return false;
    int code = 0;
    for (int i = 0; i < 4; ++i) {
      const char d = text_[++at_];
      const int digit = d >= '0' && d <= '9' ? d - '0' : d >= 'a' && d <= 'f' ? d - 'a' + 10 : d >= 'A' && d <= 'F' ? d - 'A' + 10 : -1;
      if (digit < 0) return false;
      code = code * 16 + digit;
    }
    if (code == 0 || code >= 0x80) return false;
    return out += static_cast<char>(code), true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

/// `{"name":"value", ...}`, or `name=value,...`. A field replaces an earlier one of its name (in any case). False, and nothing changed,
/// where the text is neither.
inline bool parse_headers(std::string_view text, header_fields& out) {
  const auto trimmed = [](std::string_view s) {
    const std::size_t first = s.find_first_not_of(" \t");
    return first == std::string_view::npos ? std::string_view() : s.substr(first, s.find_last_not_of(" \t") - first + 1);
  };
  const auto lower = [](std::string s) {
    for (char& c : s)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return s;
  };
  header_fields read;
  text = trimmed(text);
  if (!text.empty() && text[0] == '{') {
    if (!header_object_parser(text).parse(read)) return false;
  } else {
    while (!text.empty()) {
      const std::size_t comma = text.find(',');
      const std::string_view item = trimmed(text.substr(0, comma));
      text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
      if (item.empty()) continue;
      const std::size_t equals = item.find('=');
      if (equals == std::string_view::npos || equals == 0) return false;
      read.emplace_back(std::string(trimmed(item.substr(0, equals))), std::string(trimmed(item.substr(equals + 1))));
    }
  }
  for (auto& field : read) {
    const auto same = [&](const header_fields::value_type& f) { return lower(f.first) == lower(field.first); };
    out.erase(std::remove_if(out.begin(), out.end(), same), out.end());
    out.push_back(std::move(field));
  }
  return true;
}

}  // namespace pyro::detail
