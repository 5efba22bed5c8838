// pyro tree --interactive, by ncurses. Keys come from the terminal also where standard input is a profile.

#include "tree_screen.hpp"
#include "tree_browser.hpp"

#include <cerrno>   // why there is no key
#include <clocale>  // characters beyond ASCII
#include <csignal>  // Ctrl-C, Ctrl-Z
#include <cstdio>   // the terminal as a file
#include <utility>  // exchange

#ifdef PYRO_COMMAND_TERMINAL
#define NCURSES_NOMACROS 1  // they are called move, scroll, clear
#include <curses.h>
#endif

namespace pyro::command {

#ifdef PYRO_COMMAND_TERMINAL

namespace {

constexpr int control(char letter) { return letter & 0x1f; }
constexpr int escape = 27;
constexpr short hot_colour = 1, found_colour = 2;
constexpr double hot_share = 0.05;

struct interrupted {};

/// The terminal in the hands of curses, as long as this lives.
class screen {
 public:
  screen() {
    std::setlocale(LC_CTYPE, "");
    if (MB_CUR_MAX == 1) std::setlocale(LC_CTYPE, "C.UTF-8");  // tables are UTF-8 wherever they go
    if (::isatty(STDIN_FILENO) == 0) keys_ = std::fopen("/dev/tty", "re");
    if (keys_ == nullptr) throw failure("tree --interactive: there is no terminal to read keys from: leave -i away");
    screen_ = ::newterm(nullptr, stdout, keys_);
    if (screen_ == nullptr) {
      close_keys();
      throw failure("tree --interactive: ncurses does not know the terminal \"" + shown(std::getenv("TERM")) + "\": set TERM, or leave -i away");
    }
    ::raw();  // Ctrl-C and Ctrl-Z are keys, see key()
    ::noecho();
    ::keypad(stdscr, TRUE);
    ::set_escdelay(25);  // Esc alone leaves, so it is not waited for the rest of a sequence
    ::curs_set(0);
    if (has_colours() && ::has_colors()) {
      ::start_color();
      ::use_default_colors();
      ::init_pair(hot_colour, COLOR_RED, -1);
      ::init_pair(found_colour, COLOR_CYAN, -1);
    }
  }
  ~screen() {
    ::endwin();
    ::delscreen(screen_);
    close_keys();
  }
  screen(const screen&) = delete;
  screen& operator=(const screen&) = delete;

  /// Waits for a key. Ctrl-C leaves by an exception; Ctrl-Z suspends, and comes back with KEY_RESIZE: all is drawn anew.
  static int key() {
    for (;;) {
      errno = 0;
      const int key = ::getch();
      if (key == control('c')) throw interrupted{};
      if (key == control('z')) std::raise(SIGTSTP);
      if (key == control('z') || key == control('l')) ::clearok(curscr, TRUE);
      if (key == control('z') || key == control('l')) return KEY_RESIZE;
      if (key != ERR) return key;
      if (errno != EINTR) throw failure("tree --interactive: the terminal is gone");
    }
  }

 private:
  void close_keys() {
    if (keys_ != stdin) std::fclose(keys_);
  }

  std::FILE* keys_ = stdin;
  SCREEN* screen_ = nullptr;
};

class tree_screen {
 public:
  tree_screen(const tree_table& table, const std::string& from) : table_(table), rows_(table.tree()) {
    if (!from.empty() && !rows_.search(from)) throw no_name_contains(from);
  }

  void run() {
    for (;;) {
      draw(message_.empty() ? position() + "   ? keys   / search   q leave" : message_);
      const int key = screen::key();
      if (key == KEY_RESIZE) continue;
      message_.clear();
      const bool help = std::exchange(help_, false);
      switch (key) {
        case 'q': case escape: return;
        case '?': help_ = !help; break;
        case KEY_UP: case 'k': rows_.move(-1); break;
        case KEY_DOWN: case 'j': rows_.move(1); break;
        case KEY_PPAGE: case control('b'): rows_.move(-page_); break;
        case KEY_NPAGE: case control('f'): rows_.move(page_); break;
        case KEY_HOME: case 'g': rows_.move(-all()); break;
        case KEY_END: case 'G': rows_.move(all()); break;
        case KEY_RIGHT: case 'l': rows_.open(); break;
        case KEY_LEFT: case 'h': rows_.close(); break;
        case KEY_ENTER: case '\n': case '\r': case ' ': rows_.toggle(); break;
        case '*': rows_.open_hot_path(); break;
        case '/': search(); break;
        case 'n': case 'N': found(rows_.search_on(key == 'n')); break;
        default: break;
      }
    }
  }

 private:
  std::ptrdiff_t all() const { return static_cast<std::ptrdiff_t>(rows_.rows().size()); }
  std::string position() const {
    return rows_.rows().empty() ? "no stacks" : detail::format_count(static_cast<std::int64_t>(rows_.selected()) + 1) + " of " + detail::format_count(all()) + " rows";
  }
  void found(bool any) {
    if (!any) message_ = rows_.searched().empty() ? "nothing has been searched for yet: /" : "no function's name contains " + shown(rows_.searched());
  }

  void search() {
    std::string text;
    for (;;) {
      draw("/" + shown(text));
      const int key = screen::key();
      if (key == escape) return;
      if (key == KEY_ENTER || key == '\n' || key == '\r') break;
      if (key == KEY_BACKSPACE || key == 127 || key == '\b') {
        if (text.empty()) return;
        while ((static_cast<unsigned char>(text.back()) & 0xc0U) == 0x80U && text.size() > 1) text.pop_back();
        text.pop_back();
      } else if (key >= ' ' && key < 256) {  // a byte
        text += static_cast<char>(key);
      }
    }
    if (text.empty()) return;
    found(rows_.search(text));
  }

  /// The open rows as a table, and so with the same columns however far it is scrolled.
  void fill() {
    if (lines_version_ == rows_.version() && lines_columns_ == COLS) return;
    lines_version_ = rows_.version();
    lines_columns_ = COLS;
    const auto columns = static_cast<std::size_t>(COLS);
    detail::text_table table = table_.table(columns < 75);
    for (const tree_browser::row& r : rows_.rows()) {
      const bool led_to = table_.tree().leads_on(table_.tree().nodes[r.node].parent);
      std::string mark = led_to ? table_.ascii() ? "> " : "\xe2\x86\x92 " : "";
      if (table_.tree().nodes[r.node].child_count == 0) mark += "  ";
      else if (rows_.is_open(r.node)) mark += table_.ascii() ? "- " : "\xe2\x96\xbe ";
      else mark += table_.ascii() ? "+ " : "\xe2\x96\xb8 ";
      table.row(std::string(std::min(columns / 3, r.depth * std::size_t{2}), ' ') + mark, table_.cells(r.node));
    }
    const std::string text = table.text(columns, "");
    lines_.clear();
    for (std::size_t at = 0, end; (end = text.find('\n', at)) != std::string::npos; at = end + 1) lines_.push_back(text.substr(at, end - at));
  }

  /// What is too long for a line goes on in the next one, which is drawn over it.
  static void line(int y, const std::string& text, attr_t attributes, short colour = 0) {
    if (::move(y, 0) == ERR) return;  // a terminal of a few lines
    ::clrtoeol();
    ::addstr(text.c_str());
    ::mvchgat(y, 0, -1, attributes, colour, nullptr);
  }

  void draw(const std::string& last_line) {
    fill();
    const std::vector<tree_browser::row>& rows = rows_.rows();
    std::string status = help_ ? "Up Down PageUp PageDown Home End or k j g G move. Right or l opens, Left or h closes, Enter and Space do either. * opens the hot path. "
                                 "/ searches, n and N go to the next and the previous. q or Esc leaves. Red: 5 % and more is its own."
                         : rows.empty() ? "" : table_.name(rows[rows_.selected()].node);
    const auto columns = static_cast<std::size_t>(COLS);
    const int status_lines = std::min(std::max(LINES / 3, 1), static_cast<int>((detail::display_width(status) + columns - 1) / columns));
    page_ = std::max(1, LINES - 3 - status_lines);
    const std::size_t top = rows_.scroll(static_cast<std::size_t>(page_));
    ::erase();
    line(0, lines_[0], A_BOLD);
    line(1, lines_[1], A_DIM);
    for (std::size_t i = top; i < rows.size() && i < top + static_cast<std::size_t>(page_); ++i) {
      const std::uint32_t node = rows[i].node;
      const std::int64_t self = table_.tree().nodes[node].self;
      const bool hot = self > 0 && static_cast<double>(self) >= hot_share * static_cast<double>(table_.whole());
      line(static_cast<int>(2 + i - top), lines_[2 + i], i == rows_.selected() ? A_REVERSE : A_NORMAL, rows_.is_found(node) ? found_colour : hot ? hot_colour : short{0});
    }
    line(2 + page_, "", A_NORMAL);  // over what goes on from the last row
    if (status_lines != 0) line(LINES - 1 - status_lines, detail::elide(status, columns * static_cast<std::size_t>(status_lines), table_.dots()), A_NORMAL);
    line(LINES - 1, last_line, A_DIM);
    ::refresh();
  }

  const tree_table& table_;
  tree_browser rows_;
  std::vector<std::string> lines_;
  std::size_t lines_version_ = 0;
  int lines_columns_ = 0;
  int page_ = 1;
  bool help_ = false;
  std::string message_;
};

}  // namespace

void require_terminal() {
  const char* terminal = std::getenv("TERM");
  if (::isatty(STDOUT_FILENO) == 0) throw failure("tree --interactive: standard output is no terminal: leave -i away");
  if (!is_set("TERM") || std::string_view(terminal) == "dumb") throw failure("tree --interactive: the terminal cannot move its cursor (TERM=" + shown(is_set("TERM") ? terminal : "") + "): leave -i away");
}

void browse(const tree_table& table, const std::string& from) {
  try {
    tree_screen tree(table, from);
    const screen terminal;
    tree.run();
  } catch (const interrupted&) {
    std::signal(SIGINT, SIG_DFL);
    std::raise(SIGINT);
  }
}

#else

void require_terminal() {
  throw failure("tree --interactive: this pyro was built without ncurses (Debian: apt-get install libncurses-dev): install it and build again, or leave -i away");
}
void browse(const tree_table&, const std::string&) { require_terminal(); }

#endif

}  // namespace pyro::command
