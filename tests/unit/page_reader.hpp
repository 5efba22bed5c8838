#pragma once
// Reads the data out of a report's page, the slow and strict way: everything the layout promises is required (encode/report_layout.hpp).

#include <pyro/encode/html_template.hpp>
#include <pyro/encode/utf8.hpp>

#include "gunzip.hpp"

#include <catch2/catch.hpp>

#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace pyro_test {

/// A JSON value. Missing members and wrong types are test failures.
struct json {
  char kind = '0';  // { [ " 0 or n for null
  std::string text;
  std::vector<json> items;
  std::vector<std::string> keys;
  std::vector<json> members;  // beside their keys: a pair of one would need it whole

  const json& operator[](const std::string& key) const {
    for (std::size_t i = 0; i < keys.size(); ++i)
      if (keys[i] == key) return members[i];
    FAIL("no member " << key);
    return *this;
  }
  const json& operator[](std::size_t i) const { return items.at(i); }
  std::size_t size() const { return items.size(); }
  std::uint64_t number() const {
    if (kind != '0' || text.find_first_not_of("0123456789") != std::string::npos) FAIL("no number: " << text);
    return std::strtoull(text.c_str(), nullptr, 10);
  }
  std::vector<std::string> texts() const {
    std::vector<std::string> out;
    for (const json& i : items) out.push_back(i.text);
    return out;
  }
};

class json_reader {
 public:
  explicit json_reader(const std::string& s) : s_(s) {}
  json whole() {
    json v = value();
    REQUIRE(at_ == s_.size());
    return v;
  }

 private:
  char peek() const {
    if (at_ >= s_.size()) FAIL("the header ends too early");  // REQUIRE takes its time, for each character
    return s_[at_];
  }
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void need(char c) {
    INFO("at " << at_ << ": " << s_.substr(at_, 40));
    if (!take(c)) FAIL("expected " << c);
  }
  json value() {
    json v;
    if (take('{')) {
      v.kind = '{';
      if (take('}')) return v;
      do {
        std::string key = string();
        need(':');
        v.keys.push_back(std::move(key));
        v.members.push_back(value());
      } while (take(','));
      need('}');
    } else if (take('[')) {
      v.kind = '[';
      if (take(']')) return v;
      do v.items.push_back(value());
      while (take(','));
      need(']');
    } else if (peek() == '"') {
      v.kind = '"';
      v.text = string();
    } else if (s_.compare(at_, 4, "null") == 0) {
      v.kind = 'n';
      at_ += 4;
    } else {
      const std::size_t end = s_.find_first_not_of("-0123456789", at_);
      v.text = s_.substr(at_, end - at_);
      at_ = end;
      if (v.text.empty()) FAIL("no value at " << at_ << ": " << s_.substr(at_, 40));
    }
    return v;
  }
  std::string string() {
    need('"');
    std::string out;
    for (;;) {
      const char c = peek();
      ++at_;
      if (c == '"') return out;
      if (static_cast<unsigned char>(c) < 0x20) FAIL("a control character in a string");
      if (c != '\\') {
        out += c;
        continue;
      }
      const char escaped = peek();
      ++at_;
      if (escaped == '"' || escaped == '\\') {
        out += escaped;
      } else {
        REQUIRE(escaped == 'u');
        const long code = std::strtol(s_.substr(at_, 4).c_str(), nullptr, 16);
        REQUIRE(code < 0x80);
        out += static_cast<char>(code);
        at_ += 4;
      }
    }
  }

  const std::string& s_;
  std::size_t at_ = 0;
};

inline std::string from_base64(const std::string& s) {
  REQUIRE(s.size() % 4 == 0);
  const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  int value[256];
  for (int& v : value) v = -1;
  for (std::size_t i = 0; i < digits.size(); ++i) value[static_cast<unsigned char>(digits[i])] = static_cast<int>(i);
  std::string out;
  unsigned bits = 0, have = 0;
  for (std::size_t i = 0; i < s.size() && s[i] != '='; ++i) {
    const int v = value[static_cast<unsigned char>(s[i])];
    if (v < 0) FAIL("no digit of base64 at " << i);
    bits = bits << 6 | static_cast<unsigned>(v);
    have += 6;
    if (have >= 8) out += static_cast<char>(bits >> (have -= 8) & 0xff);
  }
  return out;
}

/// One row with everything written out.
struct page_row {
  std::size_t type = 0, window = 0, node = 0;
  std::map<std::string, std::string> tags;
  std::uint64_t value = 0;
};

struct page {
  json header;
  std::vector<std::size_t> parent, name, depth;
  std::vector<page_row> rows;

  /// "s main/n f": kinds and names from the root.
  std::string path(std::size_t node) const {
    std::string out;
    for (; node != 0; node = parent[node]) {
      const std::string step = std::string(1, header["kinds"].text[name[node]]) + ' ' + header["names"][name[node]].text;
      out = out.empty() ? step : step + '/' + out;
    }
    return out;
  }
  std::string type(std::size_t i) const { return header["types"][i]["name"].text + '/' + header["types"][i]["unit"].text; }
  std::map<std::string, std::uint64_t> totals() const {
    std::map<std::string, std::uint64_t> out;
    for (const page_row& r : rows) out[type(r.type)] += r.value;
    return out;
  }
};

inline page read_page_data(const std::string& bytes) {
  page p;
  REQUIRE(bytes.size() > 4);
  std::size_t length = 0;
  for (std::size_t i = 0; i < 4; ++i) length |= static_cast<std::size_t>(static_cast<unsigned char>(bytes[i])) << 8 * i;
  const std::string header = bytes.substr(4, length);
  REQUIRE(header.size() == length);
  REQUIRE(pyro::detail::utf8_repair(header) == header);
  p.header = json_reader(header).whole();
  const json& h = p.header;
  REQUIRE(h["version"].number() == 1);

  std::size_t at = 4 + length;
  const auto section = [&](std::size_t i) {
    const std::size_t size = h["sections"][i].number();
    REQUIRE(bytes.size() - at >= size);
    std::vector<std::uint64_t> out;
    for (const std::size_t end = at + size; at < end;) {
      std::uint64_t v = 0;
      for (unsigned shift = 0;; shift += 7) {
        if (at >= end) FAIL("a number ends behind its section");
        const auto b = static_cast<unsigned char>(bytes[at++]);
        v |= std::uint64_t{b & 0x7fU} << shift;
        if (b < 0x80) break;
      }
      out.push_back(v);
    }
    return out;
  };
  REQUIRE(h["sections"].size() == 4);
  const auto depths = section(0), names = section(1), nodes = section(2), values = section(3);
  REQUIRE(at == bytes.size());
  const std::size_t count = h["nodes"].number();
  REQUIRE(depths.size() == count);
  REQUIRE(names.size() == count);
  const std::vector<std::string> texts = h["names"].texts();
  const std::string kinds = h["kinds"].text;
  REQUIRE(texts.size() == kinds.size());
  REQUIRE(h["places"].size() == 3 * texts.size());
  REQUIRE(texts[0].empty());
  REQUIRE(kinds[0] == '-');
  std::vector<bool> name_used(texts.size(), false);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (texts[i].size() > 4096) FAIL("a name of " << texts[i].size() << " bytes");
    if (pyro::detail::one_line(texts[i]) != texts[i]) FAIL("a control character in " << texts[i]);
    if (h["places"][3 * i].number() >= h["modules"].size() || h["places"][3 * i + 1].number() >= h["files"].size()) FAIL("place of " << texts[i]);
  }
  std::vector<std::size_t> stack, last_child(count, 0);
  for (std::size_t i = 0; i < count; ++i) {
    if (i != 0 && depths[i] > p.depth[i - 1]) FAIL("depth of node " << i);
    p.depth.push_back(i == 0 ? 0 : 1 + p.depth[i - 1] - depths[i]);
    p.name.push_back(names[i]);
    if (names[i] >= texts.size() || (names[i] == 0) != (i == 0)) FAIL("name of node " << i);
    name_used[names[i]] = true;
    stack.resize(p.depth[i]);
    p.parent.push_back(i == 0 ? 0 : stack.back());
    stack.push_back(i);
    if (i == 0) continue;
    std::size_t& before = last_child[p.parent[i]];
    if (before != 0) {
      const std::size_t a = p.name[before], b = p.name[i];
      if (!(std::make_pair(texts[a], kinds[a]) < std::make_pair(texts[b], kinds[b]))) FAIL("siblings " << texts[a] << " and " << texts[b]);
    }
    before = i;
  }
  for (std::size_t i = 0; i < texts.size(); ++i)
    if (!name_used[i]) FAIL("nobody is called " << texts[i]);

  std::vector<std::vector<std::pair<std::string, std::string>>> tagsets;
  std::vector<std::vector<bool>> value_used;
  for (const json& t : h["tags"].items) value_used.emplace_back(t["values"].size(), false);
  for (const json& s : h["tagsets"].items) {
    if (s.size() != h["tags"].size()) FAIL("a tag set of " << s.size());
    tagsets.emplace_back();
    for (std::size_t k = 0; k < s.size(); ++k)
      if (const std::size_t v = s[k].number()) {
        if (v > h["tags"][k]["values"].size()) FAIL("tag value " << v);
        tagsets.back().emplace_back(h["tags"][k]["key"].text, h["tags"][k]["values"][v - 1].text);
        value_used[k][v - 1] = true;
      }
  }
  for (const auto& key : value_used)
    for (const bool used : key)
      if (!used) FAIL("a tag value that no set has");
  for (std::size_t w = 1; w < h["windows"].size(); ++w)
    if (h["windows"][w - 1][0].number() > h["windows"][w][0].number()) FAIL("order of windows");

  std::size_t row = 0;
  std::vector<bool> set_used(tagsets.size(), false);
  for (std::size_t t = 0; t < h["types"].size(); ++t) {
    const json& type = h["types"][t];
    const std::uint64_t scale = type["scale"].number();
    REQUIRE(scale > 0);
    const std::size_t first = row;
    std::pair<std::size_t, std::size_t> last_group{0, 0};
    REQUIRE(type["groups"].size() % 3 == 0);
    for (std::size_t g = 0; g < type["groups"].size(); g += 3) {
      const std::pair<std::size_t, std::size_t> group{type["groups"][g].number(), type["groups"][g + 1].number()};
      if (g != 0 && !(last_group < group)) FAIL("order of groups");
      last_group = group;
      if (group.first >= tagsets.size() || group.second >= h["windows"].size()) FAIL("a group of nothing");
      set_used[group.first] = true;
      const std::size_t rows = type["groups"][g + 2].number();
      if (rows == 0) FAIL("an empty group");
      std::size_t node = 0;
      for (std::size_t i = 0; i < rows; ++i, ++row) {
        if (row >= nodes.size()) FAIL("more rows than the sections have");
        if (i != 0 && nodes[row] == 0) FAIL("a node twice in a group");
        node += nodes[row];
        if (node == 0 || node >= count || values[row] == 0 || values[row] >> 53U != 0) FAIL("row " << row);
        page_row r;
        r.type = t;
        r.window = group.second;
        r.node = node;
        r.value = values[row] * scale;
        for (const auto& tag : tagsets[group.first]) r.tags.insert(tag);
        p.rows.push_back(std::move(r));
      }
    }
    REQUIRE(type["rows"].number() == row - first);
  }
  REQUIRE(row == nodes.size());
  REQUIRE(row == values.size());
  for (const bool used : set_used)
    if (!used) FAIL("a tag set without rows");
  std::vector<bool> needed(count, false);
  needed[0] = true;
  for (const page_row& r : p.rows)
    for (std::size_t n = r.node; !needed[n]; n = p.parent[n]) needed[n] = true;
  for (std::size_t n = 0; n < count; ++n)
    if (!needed[n]) FAIL("nothing is in node " << n << ": " << p.path(n));
  return p;
}

/// The data of a whole page: after the template's head, "raw" or "gzip", and base64 up to the template's tail.
inline std::string data_of_page(const std::string& text) {
  std::string head, tail;
  for (const auto piece : pyro::html_template_head) head += piece;
  for (const auto piece : pyro::html_template_tail) tail += piece;
  REQUIRE(text.size() > head.size() + tail.size());
  REQUIRE(text.compare(0, head.size(), head) == 0);
  REQUIRE(text.compare(text.size() - tail.size(), tail.size(), tail) == 0);
  const std::string middle = text.substr(head.size(), text.size() - head.size() - tail.size());
  const std::size_t quote = middle.find("\">");
  REQUIRE(quote != std::string::npos);
  const std::string enc = middle.substr(0, quote), bytes = from_base64(middle.substr(quote + 2));
  if (enc == "raw") return bytes;
  REQUIRE(enc == "gzip");
  return gunzip(bytes);
}

inline page read_page(const std::string& text) { return read_page_data(data_of_page(text)); }

}  // namespace pyro_test
