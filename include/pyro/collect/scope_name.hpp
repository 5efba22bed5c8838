#pragma once
// What a scope is called: its dynamic name, the name that the macro was given, or the function it stands in. Names of functions are shortened
// once a site. One thread at a time.

#include <pyro/collect/function_name.hpp>
#include <pyro/core/slot.hpp>

#include <string>
#include <string_view>
#include <unordered_map>

namespace pyro {
namespace collect PYRO_HIDDEN {

class scope_names {
 public:
  std::string_view name_of(const core::node& n) {
    if (n.value != nullptr) return {n.value->data(), n.value->size};
    if (n.where->name[0] != '\0') return n.where->name;
    const auto known = by_site_.find(n.where);
    return known != by_site_.end() ? known->second : by_site_.emplace(n.where, function_name(n.where->function)).first->second;
  }

 private:
  std::unordered_map<const core::site*, std::string> by_site_;  // sites stay: their modules pin themselves
};

}  // namespace collect
}  // namespace pyro
