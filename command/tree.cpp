// pyro tree: the call tree as text, small branches cut off; or all of it, to walk through.

#include "merged_input.hpp"
#include "tree_screen.hpp"

namespace pyro::command {
namespace {

struct tree_options {
  merged_options in;
  std::string from;
  double min_percent = 0.5;
  std::size_t depth = 0, lines = 300;
  bool ascii = false, interactive = false;
};

class tree_printer {
 public:
  tree_printer(const tree_table& rows, const tree_options& options)
      : options_(options), rows_(rows), tree_(rows.tree()), least_(static_cast<double>(rows.whole()) * options.min_percent / 100) {}

  std::string text() {
    detail::text_table table = rows_.table();
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
      if (!any) throw no_name_contains(options_.from);
    }
    if (lines_ >= options_.lines) table.row("", {rows_.dots() + " the tree goes on (--lines, --min-percent)"});
    return with_colours(table.text(line_width(), ""));
  }

 private:
  struct level {
    std::uint32_t node, next, shown_children;
    std::string indent;
  };

  /// Below another one of that name, which shows it already.
  bool inside(std::uint32_t i) const {
    for (i = tree_.nodes[i].parent; i != 0; i = tree_.nodes[i].parent)
      if (tree_.names[tree_.nodes[i].name].find(options_.from) != std::string::npos) return true;
    return false;
  }

  void row(detail::text_table& table, const std::string& indent, std::uint32_t index) {
    ++lines_;
    table.row(indent, rows_.cells(index));
  }

  void below(detail::text_table& table, std::uint32_t root) {
    const char* line = options_.ascii ? "|  " : "\xe2\x94\x82  ";
    const char* tee = options_.ascii ? "|- " : "\xe2\x94\x9c\xe2\x94\x80 ";
    const char* end = options_.ascii ? "`- " : "\xe2\x94\x94\xe2\x94\x80 ";
    const char* on = options_.ascii ? "> " : "\xe2\x86\x92 ";
    const std::size_t widest = line_width() > 75 ? line_width() - 60 : 15;
    std::vector<level> path{{root, 0, tree_.large_children(root, least_), ""}};
    while (!path.empty() && lines_ < options_.lines) {
      level& at = path.back();
      const detail::call_tree::node& parent = tree_.nodes[at.node];
      const bool top = at.node == 0;
      if (at.next == at.shown_children) {
        if (const std::uint32_t hidden = parent.child_count - at.shown_children; hidden != 0) {
          std::int64_t sum = 0;
          for (std::uint32_t i = at.shown_children; i < parent.child_count; ++i) sum += tree_.nodes[tree_.child(at.node, i)].total;
          ++lines_;
          table.row(top ? "" : at.indent + end, rows_.cells_of_sum(rows_.dots() + " " + detail::format_count(hidden) + " smaller", sum));
        }
        path.pop_back();
        continue;
      }
      const std::uint32_t child = tree_.child(at.node, at.next++);
      const bool last = at.next == parent.child_count;
      const bool leads = tree_.leads_on(at.node);
      row(table, top ? "" : at.indent + (leads ? on : last ? end : tee), child);
      std::string indent = top ? "" : leads ? at.indent : at.indent + (last ? "   " : line);
      if (detail::display_width(indent) > widest) indent = at.indent;  // deeper ones stay below each other
      std::uint32_t deeper = tree_.large_children(child, least_);
      if (options_.depth != 0 && path.size() + (root == 0 ? 0 : 1) >= options_.depth) {
        if (tree_.nodes[child].child_count != 0) continue;
        deeper = 0;
      }
      path.push_back({child, 0, deeper, indent});
    }
  }

  const tree_options& options_;
  const tree_table& rows_;
  const detail::call_tree& tree_;
  double least_;
  std::size_t lines_ = 0;
};

int run(const tree_options& options) {
  if (options.interactive) require_terminal();
  const tree_table rows(read_merged(options.in), options.in.type, options.ascii);
  if (options.interactive) browse(rows, options.from);
  else write_output("-", tree_printer(rows, options).text());
  return ok;
}

}  // namespace

void add_tree(CLI::App& pyro, int& exit_code) {
  CLI::App* app = pyro.add_subcommand("tree", "Show the call tree as text");
  const auto options = std::make_shared<tree_options>();
  add_merged_options(*app, options->in);
  app->add_option("--from", options->from, "Begin at functions whose name contains this")->type_name("NAME");
  CLI::Option* share = app->add_option("--min-percent", options->min_percent, "Branches below this share of the whole are summed up in one line")->type_name("P")->check(CLI::Range(0.0, 100.0))->capture_default_str();
  CLI::Option* depth = app->add_option("--depth", options->depth, "Most levels shown (0: all)")->type_name("N")->capture_default_str();
  CLI::Option* lines = app->add_option("-n,--lines", options->lines, "Most lines shown")->type_name("N")->capture_default_str();
  app->add_flag("--ascii", options->ascii, "Lines and dots of ASCII");
  app->add_flag("-i,--interactive", options->interactive, "Walk through all of it in the terminal; ? shows the keys")->excludes(share)->excludes(depth)->excludes(lines);
  app->footer("Examples:\n"
              "  pyro tree profile.pb.gz\n"
              "  pyro tree --from order_car --depth 4 profile.pb.gz\n"
              "  pyro tree --tag vehicle=car --min-percent 2 out/rideshare\n"
              "  pyro tree --type calls profile.pb.gz\n"
              "  pyro tree -i profile.pb.gz");
  app->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace pyro::command
