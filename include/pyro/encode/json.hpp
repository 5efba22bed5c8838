#pragma once
// Writes JSON: strings and numbers into arrays and objects, commas by themselves. Pure, any thread. Format: RFC 8259.

#include <pyro/encode/utf8.hpp>

#include <cstdint>      // numbers
#include <string>       // the text
#include <string_view>  // strings
#include <utility>      // move

namespace pyro::detail {

class json_writer {
 public:
  json_writer& begin(char bracket) {  // '{' or '['
    separate();
    out_ += bracket;
    first_ = true;
    return *this;
  }
  json_writer& end(char bracket) {
    out_ += bracket;
    first_ = false;
    return *this;
  }
  json_writer& key(std::string_view name) {
    text(name);
    out_ += ':';
    first_ = true;  // no comma before its value
    return *this;
  }
  json_writer& number(std::uint64_t value) {
    separate();
    out_ += std::to_string(value);
    return *this;
  }
  json_writer& number(std::int64_t value) {
    separate();
    out_ += std::to_string(value);
    return *this;
  }
  json_writer& null() {
    separate();
    out_ += "null";
    return *this;
  }

  /// Any bytes; what is no UTF-8 becomes U+FFFD. `<` is escaped, so that the text may stand in a page as it is.
  json_writer& text(std::string_view s) {
    separate();
    out_ += '"';
    for (std::size_t at = 0; at < s.size();) {
      const utf8_step step = utf8_decode(s, at);
      if (step.bytes == 0) out_ += "\xef\xbf\xbd";
      else if (step.code < 0x20U || step.code == '<' || step.code == 0x7fU) escape(step.code);
      else if (step.code == '"' || step.code == '\\') (out_ += '\\') += static_cast<char>(step.code);
      else out_.append(s.substr(at, step.bytes));
      at += step.bytes == 0 ? 1 : step.bytes;
    }
    out_ += '"';
    return *this;
  }

  const std::string& str() const noexcept { return out_; }
  std::string take() noexcept { return std::move(out_); }

 private:
  void separate() {
    if (!first_) out_ += ',';
    first_ = false;
  }
  void escape(std::uint32_t code) {
    out_ += "\\u00";
    out_ += "0123456789abcdef"[code >> 4U];
    out_ += "0123456789abcdef"[code & 15U];
  }

  std::string out_;
  bool first_ = true;
};

}  // namespace pyro::detail
