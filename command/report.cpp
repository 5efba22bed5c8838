#include "subcommands.hpp"
namespace pyro::command {
void add_report(CLI::App&, int&) {}
}
