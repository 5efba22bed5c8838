#pragma once
// The bytes in a report's page: a JSON header, then columns of varints. The viewer (viewer/src) reads them.
// Pure, any thread.
//
//   u32 little endian   length of the header
//   header              JSON: types, tags, tag sets, windows, names, what was lost, notes
//   depths              a node: 1 + depth of the node before - its own; 0 for the root. Preorder, siblings by name, then kind
//   names               a node: place in the header's names
//   row nodes           a row: node less the node of the row before in its group. Groups by type, tag set, window
//   row values          a row: value / scale of its type; the value is that of the stack that ends at the node

#include <pyro/core/abi.hpp>
#include <pyro/encode/gzip.hpp>
#include <pyro/encode/json.hpp>
#include <pyro/encode/losses.hpp>
#include <pyro/encode/report_data.hpp>
#include <pyro/encode/report_notes.hpp>

#include <algorithm>  // sort
#include <cstdint>    // values
#include <numeric>    // gcd
#include <string>     // the bytes
#include <tuple>      // orders
#include <utility>    // move
#include <vector>     // columns

namespace pyro::detail {

class report_layout {
 public:
  /// The bytes. `title`: instead of the names of the programs. `view`: what the page shows first, as the hash of an address; empty: all.
  static std::string encode(const report_data& data, const std::string& title, const std::string& view) { return report_layout(data, title, view).encode(); }

 private:
  /// Rows of one tag set as the page has it, in one window: one group of the data or several.
  struct part {
    std::uint32_t type, tagset, window;
    const report_group* group;
  };

  report_layout(const report_data& data, const std::string& title, const std::string& view) : data_(data), title_(title), view_(view), tags_(data.tags()) {}

  std::string encode() {
    order_names();
    order_nodes();
    order_tags();
    find_groups();
    find_scales();
    write_rows();
    const std::string header = write_header();
    std::string out;
    out.reserve(4 + header.size() + depths_.size() + names_.size() + row_nodes_.size() + row_values_.size());
    append_little_endian(out, header.size(), 4);
    out += header;
    for (std::string* section : {&depths_, &names_, &row_nodes_, &row_values_}) {
      out += *section;
      *section = std::string();
    }
    return out;
  }

  /// Names by text, then kind; the root's empty one stays first.
  void order_names() {
    const std::vector<report_name>& names = data_.tree().names();
    name_order_.resize(names.size());
    std::iota(name_order_.begin(), name_order_.end(), 0U);
    std::sort(name_order_.begin() + 1, name_order_.end(),
              [&](std::uint32_t a, std::uint32_t b) { return std::tie(names[a].text, names[a].kind) < std::tie(names[b].text, names[b].kind); });
    name_rank_.resize(names.size());
    for (std::uint32_t i = 0; i < name_order_.size(); ++i) name_rank_[name_order_[i]] = i;
  }

  /// Preorder. Nodes are put into their parents' lists in the order of names, the last one first, so that each list begins with the first.
  void order_nodes() {
    const std::vector<report_tree::node>& nodes = data_.tree().nodes();
    constexpr std::uint32_t none = 0xffffffffU;
    std::vector<std::uint32_t> first_of_name(name_order_.size(), none), next_of_name(nodes.size(), none);
    for (std::uint32_t i = 1; i < nodes.size(); ++i) {
      const std::uint32_t rank = name_rank_[nodes[i].name];
      next_of_name[i] = first_of_name[rank];
      first_of_name[rank] = i;
    }
    std::vector<std::uint32_t> first_child(nodes.size(), none), next_sibling(nodes.size(), none);
    for (std::size_t rank = first_of_name.size(); rank-- > 0;)
      for (std::uint32_t i = first_of_name[rank]; i != none; i = next_of_name[i]) {
        next_sibling[i] = first_child[nodes[i].parent];
        first_child[nodes[i].parent] = i;
      }
    place_.resize(nodes.size());
    std::uint32_t count = 0, depth_before = 0;
    for (std::uint32_t at = report_tree::root;;) {
      const std::uint32_t depth = nodes[at].depth;
      append_varint(depths_, at == report_tree::root ? 0 : 1 + depth_before - depth);
      append_varint(names_, name_rank_[nodes[at].name]);
      place_[at] = count++;
      depth_before = depth;
      if (first_child[at] != none) {
        at = first_child[at];
        continue;
      }
      while (at != report_tree::root && next_sibling[at] == none) at = nodes[at].parent;
      if (at == report_tree::root) break;
      at = next_sibling[at];
    }
  }

  /// The heaviest values alone, keys and values by name, and tags of the process out of the sets.
  void order_tags() {
    set_to_.resize(tags_.sets().size());
    std::iota(set_to_.begin(), set_to_.end(), 0U);
    const auto change = [this](const std::vector<std::uint32_t>& to) {
      if (!to.empty())
        for (std::uint32_t& s : set_to_) s = to[s];
    };
    for (std::uint32_t k = 0; k < tags_.keys().size(); ++k) change(tags_.keep_heaviest(k, data_.limits().tag_values, data_.default_type()));
    for (const auto& tag : data_.common_tags()) {
      if (tags_.has_key(tag.first)) {
        const std::uint32_t key = tags_.key_id(tag.first);
        const auto same = [&](const report_tags::set& set) {
          return std::any_of(set.begin(), set.end(), [&](const report_tags::tag& t) { return t.key == key && tags_.keys()[key].values[t.value] == tag.second; });
        };
        if (!std::all_of(tags_.sets().begin(), tags_.sets().end(), same)) continue;
        change(tags_.drop(key));
      }
      if (tag.first != "service_name") static_tags_.push_back(tag);  // the title says it
    }
    std::sort(static_tags_.begin(), static_tags_.end());

    for (std::uint32_t k = 0; k < tags_.keys().size(); ++k)
      if (!tags_.keys()[k].values.empty()) key_order_.push_back(k);
    std::sort(key_order_.begin(), key_order_.end(), [&](std::uint32_t a, std::uint32_t b) { return tags_.keys()[a].name < tags_.keys()[b].name; });
    value_order_.resize(tags_.keys().size());
    value_place_.resize(tags_.keys().size());
    for (const std::uint32_t k : key_order_) {
      const std::vector<std::string>& values = tags_.keys()[k].values;
      value_order_[k].resize(values.size());
      std::iota(value_order_[k].begin(), value_order_[k].end(), 0U);
      std::sort(value_order_[k].begin(), value_order_[k].end(), [&](std::uint32_t a, std::uint32_t b) {
        const bool a_last = values[a] == report_tags::other(), b_last = values[b] == report_tags::other();
        return a_last != b_last ? b_last : values[a] < values[b];
      });
      value_place_[k].resize(values.size());
      for (std::uint32_t i = 0; i < values.size(); ++i) value_place_[k][value_order_[k][i]] = i + 1;
    }
    set_values_.assign(tags_.sets().size(), std::vector<std::uint32_t>(key_order_.size(), 0));
    std::vector<std::size_t> column(tags_.keys().size(), 0);
    for (std::size_t i = 0; i < key_order_.size(); ++i) column[key_order_[i]] = i;
    for (std::size_t s = 0; s < tags_.sets().size(); ++s)
      for (const report_tags::tag& t : tags_.sets()[s]) set_values_[s][column[t.key]] = value_place_[t.key][t.value];
    set_order_.resize(tags_.sets().size());
    std::iota(set_order_.begin(), set_order_.end(), 0U);
    std::sort(set_order_.begin(), set_order_.end(), [&](std::uint32_t a, std::uint32_t b) { return set_values_[a] < set_values_[b]; });
    std::vector<std::uint32_t> rank(set_order_.size());
    for (std::uint32_t i = 0; i < set_order_.size(); ++i) rank[set_order_[i]] = i;
    for (std::uint32_t& s : set_to_) s = rank[s];
  }

  void find_groups() {
    for (std::uint32_t w = 0; w < data_.windows().size(); ++w)
      for (const report_group& g : data_.windows()[w].groups) parts_.push_back({g.type, set_to_[g.tagset], w, &g});
    std::sort(parts_.begin(), parts_.end(), [](const part& a, const part& b) {
      return std::tie(a.type, a.tagset, a.window, a.group->tagset) < std::tie(b.type, b.tagset, b.window, b.group->tagset);
    });
  }

  /// What divides all values of a type: samples of CPU time are multiples of the period.
  void find_scales() {
    scales_.assign(data_.types().size(), 0);
    for (const part& p : parts_) {
      std::uint64_t& scale = scales_[p.type];
      if (scale != 1) p.group->for_each([&](std::uint32_t, std::uint64_t value) { scale = value == largest_row_value ? 1 : scale == 0 ? value : scale == 1 ? 1 : gcd(scale, value); });
    }
    for (std::uint64_t& scale : scales_)
      if (scale == 0) scale = 1;
  }
  static std::uint64_t gcd(std::uint64_t a, std::uint64_t b) noexcept { return b % a == 0 ? a : std::gcd(a, b); }

  void write_rows() {
    groups_.resize(data_.types().size());
    type_rows_.assign(data_.types().size(), 0);
    std::vector<report_row> rows;
    for (std::size_t i = 0; i < parts_.size();) {
      const part first = parts_[i];
      rows.clear();
      for (; i < parts_.size() && std::tie(parts_[i].type, parts_[i].tagset, parts_[i].window) == std::tie(first.type, first.tagset, first.window); ++i)
        parts_[i].group->for_each([&](std::uint32_t node, std::uint64_t value) { rows.push_back({place_[node], value}); });
      combine(rows);
      std::uint32_t last = 0;
      for (const report_row& r : rows) {
        append_varint(row_nodes_, r.node - last);
        std::uint64_t value = r.value / scales_[first.type];
        if (value > largest_number) {
          value = largest_number;
          ++cut_;
        }
        append_varint(row_values_, value);
        last = r.node;
      }
      groups_[first.type].push_back({first.tagset, first.window, static_cast<std::uint32_t>(rows.size())});
      type_rows_[first.type] += rows.size();
    }
  }

  std::string write_header() const {
    json_writer j;
    j.begin('{').key("version").number(std::uint64_t{1});
    j.key("title").text(title());
    j.key("producer").text("pyro " PYRO_VERSION);
    j.key("engine").text(data_.engine());
    j.key("period").number(data_.period()).key("period_unit").text(data_.period_unit());
    j.key("static_tags").begin('[');
    for (const auto& tag : static_tags_) j.begin('[').text(tag.first).text(tag.second).end(']');
    j.end(']').key("windows").begin('[');
    for (const report_window& w : data_.windows()) j.begin('[').number(w.begin / 1'000'000).number(w.end / 1'000'000 - w.begin / 1'000'000).end(']');
    j.end(']');
    write_types(j);
    write_tags(j);
    write_names(j);
    write_trust(j);
    j.key("notes").begin('[');
    for (const std::string& note : report_notes(data_, tags_, cut_)) j.text(note);
    j.end(']');
    if (!view_.empty()) j.key("view").text(view_);
    j.end('}');
    return j.take();
  }

  std::string title() const {
    if (!title_.empty()) return report_text(title_);
    std::string out;
    for (std::size_t i = 0; i < data_.applications().size() && i < 3; ++i) out += (i == 0 ? "" : ", ") + data_.applications()[i];
    if (data_.applications().size() > 3) out += ", \xe2\x80\xa6";
    return out.empty() ? "profile" : out;
  }

  void write_types(json_writer& j) const {
    j.key("types").begin('[');
    for (std::size_t t = 0; t < data_.types().size(); ++t) {
      j.begin('{').key("name").text(data_.types()[t].type).key("unit").text(data_.types()[t].unit).key("scale").number(scales_[t]).key("groups").begin('[');
      for (const group& g : groups_[t]) j.number(std::uint64_t{g.tagset}).number(std::uint64_t{g.window}).number(std::uint64_t{g.rows});
      j.end(']').key("rows").number(std::uint64_t{type_rows_[t]}).end('}');
    }
    j.end(']').key("default_type").number(std::uint64_t{data_.default_type()});
  }

  void write_tags(json_writer& j) const {
    j.key("tags").begin('[');
    for (const std::uint32_t k : key_order_) {
      const report_tags::key& key = tags_.keys()[k];
      j.begin('{').key("key").text(key.name).key("values").begin('[');
      for (const std::uint32_t v : value_order_[k]) j.text(key.values[v]);
      j.end(']').key("left_out").number(std::uint64_t{key.left_out.size()}).end('}');
    }
    j.end(']').key("tagsets").begin('[');
    for (const std::uint32_t s : set_order_) {
      j.begin('[');
      for (const std::uint32_t v : set_values_[s]) j.number(std::uint64_t{v});
      j.end(']');
    }
    j.end(']');
  }

  void write_names(json_writer& j) const {
    j.key("nodes").number(std::uint64_t{data_.tree().nodes().size()}).key("sections").begin('[');
    for (const std::string* section : {&depths_, &names_, &row_nodes_, &row_values_}) j.number(std::uint64_t{section->size()});
    j.end(']').key("names").begin('[');
    const std::vector<report_name>& names = data_.tree().names();
    const std::vector<std::string>& paths = data_.tree().paths();
    std::vector<std::uint64_t> module_ids(paths.size(), 0), file_ids(paths.size(), 0);
    std::vector<std::uint32_t> modules{0}, files{0};
    const auto number = [](std::vector<std::uint64_t>& ids, std::vector<std::uint32_t>& list, std::uint32_t path) {
      if (path != 0 && ids[path] == 0) {
        ids[path] = list.size();
        list.push_back(path);
      }
    };
    std::string kinds;
    for (const std::uint32_t n : name_order_) {
      j.text(names[n].text);
      kinds += names[n].kind;
      number(module_ids, modules, names[n].module);
      number(file_ids, files, names[n].file);
    }
    j.end(']').key("kinds").text(kinds).key("modules").begin('[');
    for (const std::uint32_t m : modules) j.text(paths[m]);
    j.end(']').key("files").begin('[');
    for (const std::uint32_t f : files) j.text(paths[f]);
    j.end(']').key("places").begin('[');
    for (const std::uint32_t n : name_order_)
      j.number(module_ids[names[n].module]).number(file_ids[names[n].file]).number(std::min(names[n].line, largest_number));
    j.end(']');
  }

  /// What was lost, and what profiling cost.
  void write_trust(json_writer& j) const {
    j.key("lost").begin('[');
    for (const loss_cause& c : loss_causes)
      if (data_.lost().*c.count != 0) j.begin('[').text(std::string(c.many) + ", " + c.why).number(data_.lost().*c.count).end(']');
    j.end(']').key("native");
    const native_stacks& n = data_.native();
    if ((n.complete | n.no_rows | n.out_of_bounds | n.too_deep) == 0) {
      j.null();
    } else {
      j.begin('{').key("complete").number(n.complete).key("no_rows").number(n.no_rows).key("out_of_bounds").number(n.out_of_bounds);
      j.key("too_deep").number(n.too_deep).key("guessed").number(n.guessed).key("by_order").number(n.by_order).end('}');
    }
    j.key("own");
    if (data_.cost().cpu_ns == 0 && data_.cost().memory_bytes == 0) j.null();
    else j.begin('{').key("cpu_ns").number(data_.cost().cpu_ns).key("memory_bytes").number(data_.cost().memory_bytes).end('}');
  }

  static constexpr std::uint64_t largest_number = (std::uint64_t{1} << 53U) - 1;  // that JavaScript has

  struct group {
    std::uint32_t tagset, window, rows;
  };

  const report_data& data_;
  const std::string &title_, &view_;
  report_tags tags_;
  report_data::pairs static_tags_;
  std::vector<std::uint32_t> name_order_, name_rank_, place_;      // names as they are written; a name's and a node's place there
  std::vector<std::uint32_t> key_order_, set_order_, set_to_;      // keys and sets as they are written; a set's place there
  std::vector<std::vector<std::uint32_t>> value_order_, value_place_, set_values_;
  std::vector<part> parts_;
  std::vector<std::uint64_t> scales_;
  std::vector<std::vector<group>> groups_;  // by type
  std::vector<std::size_t> type_rows_;
  std::uint64_t cut_ = 0;
  std::string depths_, names_, row_nodes_, row_values_;
};

}  // namespace pyro::detail
