// The command `pyro`: works on profile files. Every subcommand has a file of its own.
// Exit codes: 0 done, 1 a gate failed or something is odd (diff, check), 2 wrong usage, or what cannot be read or written.

#include "subcommands.hpp"
#include "terminal.hpp"

#include <pyro/core/abi.hpp>
#include <pyro/doctor/suggest.hpp>

#include <csignal>    // SIGPIPE
#include <exception>  // what went wrong
#include <iostream>   // help
#include <new>        // out of memory
#include <sstream>    // help as text

namespace pyro::command {
namespace {

void add_all(CLI::App& pyro, int& exit_code) {
  add_report(pyro, exit_code);
  add_top(pyro, exit_code);
  add_tree(pyro, exit_code);
  add_diff(pyro, exit_code);
  add_convert(pyro, exit_code);
  add_push(pyro, exit_code);
  add_check(pyro, exit_code);
  add_completion(pyro, exit_code);
}

/// A word that is no subcommand, before the parser says less about it. Empty where all is well.
std::string wrong_subcommand(const CLI::App& pyro, int count, char** arguments) {
  if (count < 2 || arguments[1][0] == '-') return {};
  const std::string typed = arguments[1];
  std::vector<std::string> names;
  for (const CLI::App* sub : pyro.get_subcommands([](const CLI::App*) { return true; })) names.push_back(sub->get_name());
  if (typed == "help" || std::find(names.begin(), names.end(), typed) != names.end()) return {};
  const std::string near = checks::nearest(typed, names);
  std::string message = "\"" + shown(typed) + "\" is no subcommand";
  if (!near.empty()) return message + "; did you mean \"pyro " + near + "\"?";
  std::error_code ignored;
  if (typed.find('.') != std::string::npos || typed.find('/') != std::string::npos) return message + "; for a file: pyro top " + shown(typed);
  message += "; there are ";
  for (std::size_t i = 0; i < names.size(); ++i) message += (i == 0 ? "" : ", ") + names[i];
  return message;
}

/// An option that the chosen subcommand does not know.
std::string with_suggestion(const CLI::App& pyro, std::string message, int count, char** arguments) {
  const std::vector<CLI::App*> chosen = pyro.get_subcommands();
  if (chosen.empty()) return message;
  std::vector<std::string> names;
  for (const CLI::Option* option : chosen[0]->get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  for (int i = 2; i < count; ++i) {
    std::string typed = arguments[i];
    typed = typed.substr(0, typed.find('='));
    if (typed.compare(0, 2, "--") != 0 || std::find(names.begin(), names.end(), typed) != names.end()) continue;
    if (const std::string near = checks::nearest(typed, names); !near.empty()) message += "; did you mean " + near + "?";
    break;
  }
  return message;
}

int run(int count, char** arguments) {
  CLI::App pyro("Works on profiles of CPU time: reports, tables, comparisons, a gate for CI. Reads pprof (pyro's own, Go's, Rust's, any other) and folded stacks.", "pyro");
  int exit_code = ok;
  pyro.set_version_flag("--version", "pyro " PYRO_VERSION);
  pyro.require_subcommand(1);
  pyro.get_formatter()->column_width(34);
  add_all(pyro, exit_code);
  pyro.footer("Each has its own help: pyro top --help\n\n"
              "Exit codes: 0 done; 1 a gate failed (diff --fail-above) or something is odd (check); 2 wrong usage, or a file that cannot be read or written.");

  if (const std::string wrong = wrong_subcommand(pyro, count, arguments); !wrong.empty()) {
    warn(wrong + "\nSee: pyro --help");
    return unusable;
  }
  std::vector<std::string> words(arguments + 1, arguments + count);
  if (words.empty()) words = {"--help"};
  if (words[0] == "help") {  // pyro help diff
    words.erase(words.begin());
    words.resize(std::min<std::size_t>(words.size(), 1));
    words.push_back("--help");
  }
  const bool asked = count > 1;
  std::reverse(words.begin(), words.end());  // as the parser wants them
  try {
    pyro.parse(words);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) {  // --help, --version
      std::ostringstream text, ignored;
      pyro.exit(e, text, ignored);
      write_output("-", text.str());
      return asked ? ok : unusable;
    }
    const std::vector<CLI::App*> chosen = pyro.get_subcommands();
    const std::string name = chosen.empty() ? "pyro" : "pyro " + chosen[0]->get_name();
    warn(with_suggestion(pyro, (chosen.empty() ? "" : chosen[0]->get_name() + ": ") + shown(e.what()), count, arguments) + "\nSee: " + name + " --help");
    return unusable;
  }
  return exit_code;
}

}  // namespace
}  // namespace pyro::command

int main(int count, char** arguments) {
  using namespace pyro::command;
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return run(count, arguments);
  } catch (const std::bad_alloc&) {
    warn("out of memory: name fewer files, or raise the limit (ulimit -v)");
  } catch (const std::exception& e) {
    warn(e.what());
  }
  return unusable;
}
