// What `pyro tree --interactive` shows after which key, without a terminal.
#include "../../command/tree_browser.hpp"

#include "make_profile.hpp"

#include <catch2/catch.hpp>

using namespace pyro;
using pyro::command::tree_browser;

namespace {

/// main ┬ car ─ search ┬ lock ─ wait     lock has more of its own than wait
///      │              └ look
///      ├ bike ─ search
///      └ print
/// below _start and libc_start, which only lead on to it.
detail::call_tree city() {
  pyro_test::profile_maker m;
  const auto row = [&m](pyro_test::profile_maker::names below_main, std::int64_t calls, std::int64_t samples) {
    pyro_test::profile_maker::names all{"_start", "libc_start", "main"};
    all.insert(all.end(), below_main.begin(), below_main.end());
    m.row(all, {}, calls, samples);
  };
  row({}, 1, 0);
  row({"car"}, 4, 10);
  row({"car", "search"}, 4, 5);
  row({"car", "search", "lock"}, 9, 30);
  row({"car", "search", "lock", "wait"}, 9, 5);
  row({"car", "search", "look"}, 9, 15);
  row({"bike"}, 2, 0);
  row({"bike", "search"}, 2, 30);
  row({"print"}, 1, 10);
  return detail::make_call_tree(m.get(), 2, 0);
}

/// `  +car` a level down and closed, `-main` open, ` print` without children; the selected one in brackets.
std::string shown(const tree_browser& b, const detail::call_tree& tree) {
  std::string out;
  for (std::size_t i = 0; i < b.rows().size(); ++i) {
    const tree_browser::row& r = b.rows()[i];
    const detail::call_tree::node& n = tree.nodes[r.node];
    const std::string name = std::string(n.child_count == 0 ? " " : b.is_open(r.node) ? "-" : "+") + tree.names[n.name];
    out += std::string(2 * r.depth, ' ') + (i == b.selected() ? "[" + name + "]" : name) + "\n";
  }
  return out;
}

}  // namespace

TEST_CASE("tree browser: begins at the first choice, and what leads on to it") {
  const detail::call_tree tree = city();
  CHECK(shown(tree_browser(tree), tree) == "[-_start]\n-libc_start\n-main\n  +car\n  +bike\n   print\n");
}

TEST_CASE("tree browser: opens, closes, and goes to the first child and to the parent") {
  const detail::call_tree tree = city();
  tree_browser b(tree);
  b.move(2);
  b.close();
  CHECK(shown(b, tree) == "-_start\n-libc_start\n[+main]\n");
  b.open();
  CHECK(shown(b, tree) == "-_start\n-libc_start\n[-main]\n  +car\n  +bike\n   print\n");
  b.open();
  CHECK(shown(b, tree) == "-_start\n-libc_start\n-main\n  [+car]\n  +bike\n   print\n");
  b.toggle();
  CHECK(shown(b, tree) == "-_start\n-libc_start\n-main\n  [-car]\n    +search\n  +bike\n   print\n");
  b.close();
  b.move(2);
  CHECK(shown(b, tree) == "-_start\n-libc_start\n-main\n  +car\n  +bike\n  [ print]\n");
  const std::size_t version = b.version();
  b.move(-1);
  CHECK(b.version() == version);  // the same rows
  b.toggle();
  CHECK(b.version() != version);
  b.toggle();
  b.close();
  CHECK(shown(b, tree) == "-_start\n-libc_start\n[-main]\n  +car\n  +bike\n   print\n");
  b.move(-100);
  b.close();
  CHECK(shown(b, tree) == "[+_start]\n");
  b.close();  // has no parent
  b.open();   // and what it leads on to is open still
  CHECK(shown(b, tree) == "[-_start]\n-libc_start\n-main\n  +car\n  +bike\n   print\n");
}

TEST_CASE("tree browser: the hot path ends where the time is spent") {
  const detail::call_tree tree = city();
  tree_browser b(tree);
  b.open_hot_path();
  CHECK(shown(b, tree) == "-_start\n-libc_start\n-main\n  -car\n    -search\n      [+lock]\n       look\n  +bike\n   print\n");
  b.open_hot_path();
  CHECK(b.selected() == 5);
}

TEST_CASE("tree browser: finds names below closed rows, in order and around") {
  const detail::call_tree tree = city();
  tree_browser b(tree);
  CHECK_FALSE(b.search_on(true));  // nothing was searched for
  CHECK(b.search("search"));
  const std::string first = "-_start\n-libc_start\n-main\n  -car\n    [+search]\n  +bike\n   print\n";
  const std::string second = "-_start\n-libc_start\n-main\n  -car\n    +search\n  -bike\n    [ search]\n   print\n";
  CHECK(shown(b, tree) == first);
  CHECK(b.is_found(b.rows()[4].node));
  CHECK(b.search("search"));  // where it is already
  CHECK(b.selected() == 4);
  CHECK_FALSE(b.is_found(b.rows()[3].node));
  CHECK(b.search_on(true));
  CHECK(shown(b, tree) == second);
  CHECK(b.search_on(true));
  CHECK(b.selected() == 4);
  CHECK(b.search_on(false));
  CHECK(shown(b, tree) == second);
  CHECK(b.search("print"));
  CHECK(b.selected() == 7);
  CHECK_FALSE(b.search("Print"));
  CHECK(b.selected() == 7);
}

TEST_CASE("tree browser: scrolls as far as it must, and leaves no space below the last row") {
  const detail::call_tree tree = city();
  tree_browser b(tree);
  b.open_hot_path();  // nine rows, the sixth selected
  CHECK(b.scroll(4) == 2);
  b.move(-2);
  CHECK(b.scroll(4) == 2);
  b.move(-3);
  CHECK(b.scroll(4) == 0);
  b.move(100);
  CHECK(b.scroll(4) == 5);
  CHECK(b.scroll(7) == 2);  // the terminal has grown
  CHECK(b.scroll(1) == 8);
  CHECK(b.scroll(100) == 0);
}

TEST_CASE("tree browser: a profile without stacks is empty, and nothing happens") {
  pyro_test::profile_maker m;
  const detail::call_tree tree = detail::make_call_tree(m.get(), 2, 0);
  tree_browser b(tree);
  b.move(1);
  b.open();
  b.close();
  b.toggle();
  b.open_hot_path();
  CHECK_FALSE(b.search("main"));
  CHECK(b.rows().empty());
  CHECK(b.selected() == 0);
  CHECK(b.scroll(10) == 0);
}

TEST_CASE("tree browser: 100,000 frames below each other") {
  pyro_test::profile_maker m;
  m.row(pyro_test::profile_maker::names(100'000, "recurse"), {}, 0, 2);
  m.row({"recurse", "other"}, {}, 0, 1);
  const detail::call_tree tree = detail::make_call_tree(m.get(), 2, 0);
  tree_browser b(tree);
  b.open_hot_path();
  CHECK(b.rows().size() == 100'001);
  CHECK(b.rows()[b.selected()].depth == 1);  // each but the first leads on to the next
  CHECK(b.search("other"));
}
