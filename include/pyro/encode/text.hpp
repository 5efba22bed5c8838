#pragma once
// The report for people: what was measured, the call tree, the functions, the tags. A person's first sight of pyro.
// Pure, any thread. UTF-8, no colours, lines of at most `width` columns.

#include <pyro/encode/call_tree.hpp>
#include <pyro/encode/losses.hpp>
#include <pyro/encode/text_table.hpp>
#include <pyro/encode/units.hpp>

#include <algorithm>  // sort
#include <map>        // values of a tag
#include <string>     // the text
#include <utility>    // move
#include <vector>     // levels of the tree

namespace pyro {

struct text_options {
  std::size_t width = 120;      ///< longest line, in columns
  double min_share = 0.005;     ///< calls below this share of the whole are summed up in one line
  std::size_t tree_lines = 300; ///< longest call tree
  std::size_t functions = 25;   ///< most functions shown
  std::size_t tag_values = 20;  ///< most values shown of each tag
  bool unicode = true;          ///< false: lines and dots of ASCII
};

namespace detail {

class text_report {
 public:
  text_report(const profile& p, const text_options& options) : p_(p), options_(options) {
    const int cpu = p.column("cpu");
    column_ = cpu >= 0 ? static_cast<std::size_t>(cpu) : p.sample_types.size() - 1;
    calls_ = p.column("calls");
    if (calls_ >= 0 && p.total(static_cast<std::size_t>(calls_)) == 0) calls_ = -1;  // a program without scopes
    samples_ = p.column("samples");
    whole_ = p.total(column_);
    title_ = cpu >= 0 ? "CPU" : one_line(p.sample_types[column_].type);
  }

  std::string encode() {
    header();
    const call_tree tree = make_call_tree(p_, column_, calls_);
    if (tree.nodes.size() > 1) {
      call_tree_table(tree);
      function_table(tree);
      tag_tables();
    }
    return std::move(out_);
  }

 private:
  // --- cells ---

  std::string value(std::int64_t v) const {
    const std::string& unit = p_.sample_types[column_].unit;
    return unit == "nanoseconds" ? format_duration(v) : unit == "bytes" ? format_bytes(v) : format_count(v);
  }
  std::string share(std::int64_t v) const { return format_percent(v, whole_); }
  static std::string count(std::int64_t calls) { return calls == 0 ? std::string() : format_count(calls); }
  std::string each(std::int64_t v, std::int64_t calls) const { return calls <= 0 || v == 0 ? std::string() : value(v / calls); }
  std::string dots() const { return options_.unicode ? "\xe2\x80\xa6" : "..."; }
  std::string more(std::size_t count_of, const std::string& what) const {
    return dots() + " " + format_count(static_cast<std::int64_t>(count_of)) + " more" + what;
  }

  text_table table(std::vector<std::string> head) const {
    return {std::move(head), options_.unicode ? "\xe2\x94\x80" : "-", dots()};
  }
  void section(const text_table& t) { out_ += "\n" + t.text(options_.width, "  "); }

  // --- header ---

  void field(const char* name, const std::string& text) {
    std::string left = std::string("  ") + name;
    left.resize(left.size() < 11 ? 12 : left.size() + 1, ' ');
    const std::size_t room = options_.width > 40 ? options_.width - left.size() : 40;
    std::string line;
    std::size_t at = 0;
    while (at < text.size()) {  // parts end with a comma; as many in a line as fit
      const std::size_t comma = text.find(", ", at);
      const std::string part = text.substr(at, comma == std::string::npos ? comma : comma + 2 - at);
      if (!line.empty() && display_width(line) + display_width(part) > room + 1) flush_line(left, line);
      line += part;
      at += part.size();
    }
    flush_line(left, line);
  }
  void flush_line(std::string& left, std::string& line) {
    out_ += left + line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    left.assign(left.size(), ' ');
    line.clear();
  }

  void header() {
    out_ += "pyro report";
    if (!p_.application.empty()) out_ += ": " + elide(one_line(p_.application), options_.width / 2, dots());
    out_ += "\n\n";
    std::string tags;
    for (const auto& tag : p_.static_tags) tags += (tags.empty() ? "" : ", ") + one_line(tag.first + "=" + tag.second);
    if (!tags.empty()) field("tags", tags);
    field("time", format_time(p_.time_ns) + ", for " + format_duration(p_.duration_ns));

    std::string measured = value(whole_);
    const bool is_time = p_.sample_types[column_].unit == "nanoseconds";
    if (is_time && p_.duration_ns > 0) {
      const double cores = static_cast<double>(whole_) / static_cast<double>(p_.duration_ns);
      const auto hundredths = static_cast<std::int64_t>(cores * 100 + 0.5);
      measured += ", " + std::to_string(hundredths / 100) + "." + padded(hundredths % 100, 2) + " cores";
    }
    if (samples_ >= 0) {
      const std::int64_t samples = p_.total(static_cast<std::size_t>(samples_));
      measured += ", " + format_count(samples) + (samples == 1 ? " sample" : " samples");
    }
    field(title_.c_str(), measured);

    std::string how = one_line(p_.engine);
    if (p_.period > 0 && p_.period_type.unit == "nanoseconds") {
      how += std::string(how.empty() ? "" : ", ") + "one sample every " + format_duration(p_.period);
      how += p_.period_type.type == "cpu" ? " of CPU time" : "";
    }
    if (!how.empty()) field("sampler", how);
    if (const std::int64_t n = is_time && samples_ >= 0 ? p_.total(static_cast<std::size_t>(samples_)) : 0; n > 0) {
      const std::string about = options_.unicode ? "\xc2\xb1" : "+-";
      field("error", about + format_share_error(50, n) + " points at a share of 50 %, " + about + format_share_error(10, n) + " at 10 %, 19 times of 20");
    }

    if (p_.cost.cpu_ns != 0 || p_.cost.memory_bytes != 0) {
      std::string cost = format_duration(p_.cost.cpu_ns) + " CPU";
      if (is_time && whole_ > 0) cost += " (" + share(p_.cost.cpu_ns) + " % of the program's)";
      field("own cost", cost + ", " + format_bytes(static_cast<std::int64_t>(p_.cost.memory_bytes)) + " of memory");
    }
    if (const std::string reach = format_native(p_.native); !reach.empty()) field("stacks", reach);
    const std::string lost = format_losses(p_.lost);
    if (!lost.empty()) field("lost", lost);
    if (whole_ == 0 && !p_.samples.empty())
      field("note", "no sample was taken: too little CPU time was used to show up, calls are exact all the same");
    if (p_.samples.empty()) field("note", "nothing was measured");
  }

  // --- call tree ---

  /// Names that have samples at places without their calls: counts are of a path of scopes, and stand at one place (collect/profile_maker.hpp).
  /// There the two cannot be divided.
  std::vector<bool> spread_names(const call_tree& tree) const {
    std::vector<bool> counted(tree.names.size()), uncounted(tree.names.size());
    for (std::size_t i = 1; i < tree.nodes.size(); ++i) {
      const call_tree::node& n = tree.nodes[i];
      if (n.calls != 0) counted[n.name] = true;
      else if (n.total != 0) uncounted[n.name] = true;
    }
    for (std::size_t i = 0; i < counted.size(); ++i) uncounted[i] = uncounted[i] && counted[i];
    return uncounted;
  }

  void call_tree_table(const call_tree& tree) {
    const std::string line = options_.unicode ? "\xe2\x94\x82  " : "|  ";
    const std::string tee = options_.unicode ? "\xe2\x94\x9c\xe2\x94\x80 " : "|- ";
    const std::string end = options_.unicode ? "\xe2\x94\x94\xe2\x94\x80 " : "`- ";
    const std::string on = options_.unicode ? "\xe2\x86\x92 " : "> ";
    const std::size_t levels = options_.width > 75 ? (options_.width - 60) / 3 : 5;  // deeper ones are not indented further
    const double least = static_cast<double>(whole_) * options_.min_share;

    text_table t = table(calls_ >= 0 ? std::vector<std::string>{"Call tree", title_, "%", "calls", title_ + " a call"}
                                     : std::vector<std::string>{"Call tree", title_, "%"});
    struct level {
      std::uint32_t node, next, shown;
      std::string indent;  // of its children
      std::size_t depth;   // levels of indentation
    };
    std::vector<level> path{{0, 0, tree.large_children(0, least), std::string(), 0}};
    const std::vector<bool> spread = spread_names(tree);
    std::size_t lines = 0;
    while (!path.empty()) {
      level& at = path.back();
      const call_tree::node& parent = tree.nodes[at.node];
      const bool top = path.size() == 1;
      if (at.next == at.shown) {
        if (const std::uint32_t hidden = parent.child_count - at.shown) {
          std::int64_t sum = 0;
          for (std::uint32_t i = at.shown; i < parent.child_count; ++i) sum += tree.nodes[tree.child(at.node, i)].total;
          const std::string limit = format_percent(static_cast<std::int64_t>(options_.min_share * 1e6), 1'000'000);
          t.row(top ? "" : at.indent + end, {more(hidden, " below " + limit + " %"), value(sum), share(sum)});
        }
        path.pop_back();
        continue;
      }
      if (lines++ == options_.tree_lines) {
        t.row("", {dots() + " the tree goes on; a file (PYRO=pprof:FILE) has all of it"});
        break;
      }
      const std::uint32_t child = tree.child(at.node, at.next++);
      const call_tree::node& n = tree.nodes[child];
      const bool last = at.next == parent.child_count;
      const bool leads = tree.leads_on(at.node);
      const std::size_t depth = leads ? at.depth : at.depth + 1;
      std::string name = tree.names[n.name];
      if (depth > levels) name.insert(0, "+" + std::to_string(depth - levels) + " ");
      t.row(top ? "" : at.indent + (leads ? on : last ? end : tee), {name, value(n.total), share(n.total), count(n.calls), spread[n.name] ? "" : each(n.total, n.calls)});
      const std::string indent = top ? "" : leads || depth >= levels ? at.indent : at.indent + (last ? "   " : line);
      path.push_back({child, 0, tree.large_children(child, least), indent, depth});
    }
    section(t);
  }

  // --- functions and tags ---

  void function_table(const call_tree& tree) {
    std::vector<std::string> head{"Function", "self " + title_, "self %", "total " + title_, "total %"};
    if (calls_ >= 0) head.insert(head.end(), {"calls", title_ + " a call"});
    text_table t = table(std::move(head));
    const std::vector<function_total> all = totals_by_function(tree);
    std::int64_t rest = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const function_total& f = all[i];
      if (i >= options_.functions) rest += f.self;
      else
        t.row("", {tree.names[f.name], value(f.self), share(f.self), value(f.total), share(f.total), count(f.calls),
                   each(f.total, f.calls)});
    }
    if (all.size() > options_.functions) t.row("", {more(all.size() - options_.functions, ""), value(rest), share(rest)});
    section(t);
  }

  struct sums {
    std::int64_t value = 0, calls = 0;
  };

  void tag_tables() {
    std::vector<sums> by_label_set(p_.label_sets.size());
    for (std::size_t row = 0; row < p_.samples.size(); ++row) {
      sums& s = by_label_set[p_.samples[row].labels];
      s.value += p_.values_of(row)[column_];
      if (calls_ >= 0) s.calls += p_.values_of(row)[calls_];
    }
    sums all;
    std::map<std::string, std::map<std::string, sums>> by_key;
    for (std::uint32_t i = 0; i < p_.label_sets.size(); ++i) {
      all.value += by_label_set[i].value;
      all.calls += by_label_set[i].calls;
      for (const auto& label : labels_of(p_, i, false)) {
        sums& s = by_key[one_line(label.first)][one_line(label.second)];
        s.value += by_label_set[i].value;
        s.calls += by_label_set[i].calls;
      }
    }
    for (const auto& key : by_key) tag_table(key.first, key.second, all);
  }

  void tag_table(const std::string& key, const std::map<std::string, sums>& values, const sums& all) {
    std::vector<std::string> head{"Tag " + key, title_, "%"};
    if (calls_ >= 0) head.push_back("calls");
    text_table t = table(std::move(head));
    const auto row = [&](const std::string& name, const sums& s) {
      t.row("", {name, value(s.value), share(s.value), count(s.calls)});
    };
    std::vector<std::pair<std::string, sums>> sorted(values.begin(), values.end());
    std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
      return a.second.value != b.second.value ? a.second.value > b.second.value : a.second.calls > b.second.calls;
    });
    sums rest, without = all;
    for (std::size_t i = 0; i < sorted.size(); ++i) {
      const sums& s = sorted[i].second;
      without.value -= s.value;
      without.calls -= s.calls;
      if (i < options_.tag_values) row(sorted[i].first.empty() ? "(empty)" : sorted[i].first, s);
      else rest.value += s.value, rest.calls += s.calls;
    }
    if (sorted.size() > options_.tag_values) row(more(sorted.size() - options_.tag_values, ""), rest);
    if (without.value != 0 || without.calls != 0) row("(not set)", without);
    section(t);
  }

  const profile& p_;
  text_options options_;
  std::size_t column_ = 0;
  int calls_ = -1, samples_ = -1;
  std::int64_t whole_ = 0;
  std::string title_;
  std::string out_;
};

}  // namespace detail

/// The report of one profile as text that ends with a newline; empty where the profile has no sample types.
inline std::string encode_text(const profile& p, const text_options& options = text_options()) {
  return p.sample_types.empty() ? std::string() : detail::text_report(p, options).encode();
}

}  // namespace pyro
