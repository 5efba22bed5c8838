#pragma once
#if __has_include(<pyro/encode/html.hpp>)
#include <pyro/encode/html.hpp>
#else
#include <pyro/model/profile.hpp>
namespace pyro {
struct html_options { std::string title; std::size_t max_tag_values = 50; std::size_t max_nodes = 500'000; std::size_t max_rows = 1'000'000; std::size_t max_windows = 360; };
class html_report { public: explicit html_report(const html_options& = {}) {} void add(const profile&) {} std::string str() const { return "<html>"; } };
}
#endif
