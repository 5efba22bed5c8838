#pragma once
// What the subcommands of `pyro` have in common: how they are added, how they fail, what they answer. One thread.

#include <CLI/CLI.hpp>

#include <stdexcept>  // runtime_error
#include <string>     // messages

namespace pyro::command {

// Exit codes, for scripts and CI jobs.
constexpr int ok = 0;
constexpr int gate_failed = 1;  ///< `diff`: something became slower than allowed; `check`: something is odd
constexpr int unusable = 2;     ///< wrong usage, or what cannot be read or written

/// Ends the command with `unusable`. The text says which file, what is wrong with it, and what to do.
struct failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// One a file, `pyro NAME`. Each adds itself with its options, help and examples; when it has been chosen it runs and sets `exit_code`.
void add_report(CLI::App& pyro, int& exit_code);
void add_top(CLI::App& pyro, int& exit_code);
void add_tree(CLI::App& pyro, int& exit_code);
void add_diff(CLI::App& pyro, int& exit_code);
void add_convert(CLI::App& pyro, int& exit_code);
void add_push(CLI::App& pyro, int& exit_code);
void add_check(CLI::App& pyro, int& exit_code);
void add_completion(CLI::App& pyro, int& exit_code);

}  // namespace pyro::command
