// pyro tree: the call tree as text, small branches cut off.

#include "merged_input.hpp"

#include <pyro/encode/call_tree.hpp>
#include <pyro/encode/text_table.hpp>

namespace pyro::command {
namespace {

struct tree_options {
  merged_options in;
  std::string from;
  double min_percent = 0.5;
  std::size_t depth = 0, lines = 300;
  bool ascii = false;
};

class tree_printer {
 public:
  tree_printer(const profile& p, const tree_options& options) : options_(options), column_(column_of(p, options.in.type)), type_(p.sample_types[column_]) {
    calls_ = p.column("calls");
    if (calls_ >= 0 && (static_cast<std::size_t>(calls_) == column_ || p.total(static_cast<std::size_t>(calls_)) == 0)) calls_ = -1;
    tree_ = detail::make_call_tree(p, column_, calls_);
    whole_ = p.total(column_);
  }

  std::string text() {
    const std::string title = type_.type == "cpu" ? "CPU" : shown(type_.type);
    std::vector<std::string> head{"Call tree", title, "%", "self %"};
    if (calls_ >= 0) head.insert(head.end(), {"calls", title + " a call"});
    detail::text_table table(head, options_.ascii ? "-" : "\xe2\x94\x80", dots());
    if (options_.from.empty()) {
      below(table, 0);
    } else {
      bool any = false;
      for (std::uint32_t i = 1; i < tree_.nodes.size() && lines_ < options_.lines; ++i) {
        if (tree_.names[tree_.nodes[i].name].find(options_.from) == std::string::npos || inside(i)) continue;
        any = true;
        row(table, "", i);
        below(table, i);
      }
      if (!any) throw failure("--from " + shown(options_.from) + ": no function's name contains this; pyro top shows names");
    }
    if (lines_ >= options_.lines) table.row("", {dots() + " the tree goes on (--lines, --min-percent)"});
    return with_colours(table.text(line_width(), ""));
  }

 private:
  struct level {
    std::uint32_t node, next, shown_children;
    std::string indent;
  };

  std::string dots() const { return options_.ascii ? "..." : "\xe2\x80\xa6"; }
  /// Below another one of that name, which shows it already.
  bool inside(std::uint32_t i) const {
    for (i = tree_.nodes[i].parent; i != 0; i = tree_.nodes[i].parent)
      if (tree_.names[tree_.nodes[i].name].find(options_.from) != std::string::npos) return true;
    return false;
  }
  std::string value(std::int64_t v) const { return format_value(v, type_); }

  void row(detail::text_table& table, const std::string& indent, std::uint32_t index) {
    const detail::call_tree::node& n = tree_.nodes[index];
    ++lines_;
    table.row(indent, {tree_.names[n.name], value(n.total), detail::format_percent(n.total, whole_), n.self == 0 ? "" : detail::format_percent(n.self, whole_),
                       n.calls == 0 ? "" : detail::format_count(n.calls), n.calls <= 0 || n.total == 0 ? "" : value(n.total / n.calls)});
  }

  /// How many children are large enough. They are sorted, so the others are the last ones.
  std::uint32_t large(const detail::call_tree::node& n) const {
    const double least = static_cast<double>(whole_) * options_.min_percent / 100;
    std::uint32_t count = n.child_count;
    while (count > 0 && static_cast<double>(tree_.nodes[tree_.order[n.children + count - 1]].total) < least) --count;
    return count;
  }

  /// A frame that only leads on to one other: that one gets an arrow instead of a deeper indent.
  bool leads_on(std::uint32_t index) const {
    const detail::call_tree::node& n = tree_.nodes[index];
    return index != 0 && n.calls == 0 && n.self == 0 && n.child_count == 1 && tree_.nodes[tree_.child(index, 0)].total == n.total;
  }

  void below(detail::text_table& table, std::uint32_t root) {
    const char* line = options_.ascii ? "|  " : "\xe2\x94\x82  ";
    const char* tee = options_.ascii ? "|- " : "\xe2\x94\x9c\xe2\x94\x80 ";
    const char* end = options_.ascii ? "`- " : "\xe2\x94\x94\xe2\x94\x80 ";
    const char* on = options_.ascii ? "> " : "\xe2\x86\x92 ";
    const std::size_t widest = line_width() > 75 ? line_width() - 60 : 15;
    std::vector<level> path{{root, 0, large(tree_.nodes[root]), ""}};
    while (!path.empty() && lines_ < options_.lines) {
      level& at = path.back();
      const detail::call_tree::node& parent = tree_.nodes[at.node];
      const bool top = at.node == 0;
      if (at.next == at.shown_children) {
        if (const std::uint32_t hidden = parent.child_count - at.shown_children; hidden != 0) {
          std::int64_t sum = 0;
          for (std::uint32_t i = at.shown_children; i < parent.child_count; ++i) sum += tree_.nodes[tree_.child(at.node, i)].total;
          ++lines_;
          table.row(top ? "" : at.indent + end, {dots() + " " + detail::format_count(hidden) + " smaller", value(sum), detail::format_percent(sum, whole_)});
        }
        path.pop_back();
        continue;
      }
      const std::uint32_t child = tree_.child(at.node, at.next++);
      const bool last = at.next == parent.child_count;
      const bool leads = leads_on(at.node);
      row(table, top ? "" : at.indent + (leads ? on : last ? end : tee), child);
      std::string indent = top ? "" : leads ? at.indent : at.indent + (last ? "   " : line);
      if (detail::display_width(indent) > widest) indent = at.indent;  // deeper ones stay below each other
      std::uint32_t deeper = large(tree_.nodes[child]);
      if (options_.depth != 0 && path.size() + (root == 0 ? 0 : 1) >= options_.depth) {
        if (tree_.nodes[child].child_count != 0) continue;
        deeper = 0;
      }
      path.push_back({child, 0, deeper, indent});
    }
  }

  const tree_options& options_;
  std::size_t column_;
  value_type type_;
  int calls_ = -1;
  detail::call_tree tree_;
  std::int64_t whole_ = 0;
  std::size_t lines_ = 0;
};

int run(const tree_options& options) {
  const profile p = read_merged(options.in);
  write_output("-", tree_printer(p, options).text());
  return ok;
}

}  // namespace

void add_tree(CLI::App& pyro, int& exit_code) {
  CLI::App* app = pyro.add_subcommand("tree", "Show the call tree as text");
  const auto options = std::make_shared<tree_options>();
  add_merged_options(*app, options->in);
  app->add_option("--from", options->from, "Begin at functions whose name contains this")->type_name("NAME");
  app->add_option("--min-percent", options->min_percent, "Branches below this share of the whole are summed up in one line")->type_name("P")->check(CLI::Range(0.0, 100.0))->capture_default_str();
  app->add_option("--depth", options->depth, "Most levels shown (0: all)")->type_name("N")->capture_default_str();
  app->add_option("-n,--lines", options->lines, "Most lines shown")->type_name("N")->capture_default_str();
  app->add_flag("--ascii", options->ascii, "Lines and dots of ASCII");
  app->footer("Examples:\n"
              "  pyro tree profile.pb.gz\n"
              "  pyro tree --from order_car --depth 4 profile.pb.gz\n"
              "  pyro tree --tag vehicle=car --min-percent 2 out/rideshare\n"
              "  pyro tree --type calls profile.pb.gz");
  app->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace pyro::command
