#pragma once
// pyro tree --interactive: the tree in a terminal. One thread.

#include "tree_table.hpp"

namespace pyro::command {

/// Fails where there is no terminal that could show it, before anything is read.
void require_terminal();

/// Returns when the user leaves; Ctrl-C ends the process as it would anywhere else. The terminal is as it was before then, whatever happens.
/// Begins at the first function whose name contains `from`, where that isn't empty.
void browse(const tree_table& table, const std::string& from);

}  // namespace pyro::command
