#pragma once
// A site: the place in the source where a macro stands. One static constexpr object each, passed by pointer, never copied.
// Sites live as long as the process: a shared object that has some pins itself (core/module.hpp).

#include <pyro/core/abi.hpp>

#include <cstdint>  // fixed-width integers

namespace pyro::core {

enum class site_kind : std::uint32_t {
  scope,          ///< PYRO_SCOPE: `name`, or where that is empty the function
  dynamic_scope,  ///< PYRO_SCOPE_DYNAMIC: the name is the node's value
  tag,            ///< PYRO_TAG: `name` is the key, the node's value is the value
};

struct site {
  const char* name;      ///< literal; "" for a scope named after its function
  const char* function;  ///< the compiler's pretty name, shortened off the hot path
  const char* file;
  std::uint32_t line;
  site_kind kind;
};

}  // namespace pyro::core
