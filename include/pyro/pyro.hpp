#pragma once
// pyro: continuous profiling for C++. This header is all that instrumented code needs, and it is light: include it everywhere.
//
//   your threads                       background                          outside
//   PYRO_SCOPE ─► call tree node  ─┐   pump        worker
//   PYRO_TAG   ─► tag node        ─┼─► drains  ─►  windows, names   ─►  encoder  ─►  exporter (stdout, file, …)
//   sampler    ─► sample ring     ─┘
//
//     #include <pyro/pyro.hpp>
//     void order_car(double radius) {
//       PYRO_SCOPE();                            // named after the function
//       PYRO_TAG("vehicle", "car");              // until the end of this block, in this thread; nests, restores the outer value
//       ...
//     }
//
// The profiler itself is started by pyro/profiler.hpp (in code) or pyro/auto.hpp (from the environment); without one of them every
// macro is a load, a test and a branch. Thread safe, allocates nothing on a known path, never throws. Not for constexpr functions,
// not for the program's own signal handlers; a scope must end on the thread where it began (so not across co_await).
//
// -DPYRO_DISABLE (for the whole program) turns the macros into nothing; arguments are still checked.

#include <pyro/core/tag.hpp>

#define PYRO_CONCAT_2(a, b) a##b
#define PYRO_CONCAT(a, b) PYRO_CONCAT_2(a, b)
#define PYRO_UNIQUE(name) PYRO_CONCAT(name, __COUNTER__)

// The address of this place's own site. `"" name` takes literals only.
#define PYRO_SITE(kind, name) __extension__({ \
    static constexpr ::pyro::core::site pyro_site{"" name, __PRETTY_FUNCTION__, __FILE__, __LINE__, ::pyro::core::site_kind::kind}; \
    &pyro_site; })

#ifndef PYRO_DISABLE

/// Marks the rest of the block as a scope: named after the function, or by a literal.
#define PYRO_SCOPE(...) const ::pyro::core::scope PYRO_UNIQUE(pyro_scope_)(PYRO_SITE(scope, __VA_ARGS__))

/// The same with a name known at run time (C string, std::string, std::string_view). Interned and capped: beyond `max_tag_values`
/// distinct names it is `[other]`. Costs a few nanoseconds more.
#define PYRO_SCOPE_DYNAMIC(name) \
  const ::pyro::core::text_scope PYRO_UNIQUE(pyro_scope_)(PYRO_SITE(dynamic_scope, ""), name, __builtin_constant_p(name))

/// Labels all samples and calls in the rest of the block, in this thread. `key` is a literal; values: see pyro/core/value.hpp.
#define PYRO_TAG(key, value) \
  const ::pyro::core::text_scope PYRO_UNIQUE(pyro_tag_)(PYRO_SITE(tag, key), value, __builtin_constant_p(value))

/// Names the calling thread: the label `thread` in files. Cut to 63 bytes. While no profiler runs it does nothing.
#define PYRO_THREAD(name) ::pyro::core::name_thread(name)

#else

#define PYRO_SCOPE(...) static_assert(sizeof("" __VA_ARGS__) != 0, "")
#define PYRO_SCOPE_DYNAMIC(name) static_cast<void>(true ? 0 : ::pyro::core::check_value(name))
#define PYRO_TAG(key, value) static_cast<void>(true ? 0 : (static_cast<void>("" key), ::pyro::core::check_value(value)))
#define PYRO_THREAD(name) static_cast<void>(true ? 0 : ::pyro::core::check_value(name))

#endif
