// The loops that hot_path.cpp times. See rows.hpp: with PYRO_DISABLE the macros vanish and the same loops are the empty ones.

#include "rows.hpp"

#include "inlined.hpp"
#include <pyro/pyro.hpp>

#include <string>
#include <vector>

namespace {

// Keeps the compiler from moving anything across, and costs no instruction. What a scope surrounds in real code is opaque as well.
#define WORK __asm__ volatile("" ::: "memory")
#define APART __attribute__((noinline))

#define SCOPE(name) { PYRO_SCOPE(name); WORK; }
#define SCOPES_4(name) SCOPE(name "a") SCOPE(name "b") SCOPE(name "c") SCOPE(name "d")
#define SCOPES_16(name) SCOPES_4(name "a") SCOPES_4(name "b") SCOPES_4(name "c") SCOPES_4(name "d")

APART void one_site(long rounds) { for (long i = 0; i < rounds; ++i) SCOPE("one") }
APART void four_sites(long rounds) { for (long i = 0; i < rounds; ++i) { SCOPES_4("four") } }
APART void sixteen_sites(long rounds) { for (long i = 0; i < rounds; ++i) { SCOPES_16("sixteen") } }

#define INLINED(name) { INLINED_SCOPE(name); WORK; }
#define INLINED_4(name) INLINED(name "a") INLINED(name "b") INLINED(name "c") INLINED(name "d")
APART void one_site_inlined(long rounds) { for (long i = 0; i < rounds; ++i) INLINED("one") }
APART void sixteen_sites_inlined(long rounds) {
  for (long i = 0; i < rounds; ++i) { INLINED_4("a") INLINED_4("b") INLINED_4("c") INLINED_4("d") }
}

// As programs have them: one scope a function.
template <int N>
APART void function() {
  PYRO_SCOPE();
  WORK;
}
APART void four_functions(long rounds) {
  for (long i = 0; i < rounds; ++i) { function<0>(); function<1>(); function<2>(); function<3>(); }
}
APART void sixteen_functions(long rounds) {
  for (long i = 0; i < rounds; ++i) {
    function<0>(); function<1>(); function<2>(); function<3>(); function<4>(); function<5>(); function<6>(); function<7>();
    function<8>(); function<9>(); function<10>(); function<11>(); function<12>(); function<13>(); function<14>(); function<15>();
  }
}

template <int Depth>
APART void nested() {
  PYRO_SCOPE();
  if constexpr (Depth > 1) nested<Depth - 1>();
  WORK;
}
APART void depth_8(long rounds) { for (long i = 0; i < rounds; ++i) nested<8>(); }

APART void leaf() { PYRO_SCOPE(); WORK; }
APART void first_parent() { PYRO_SCOPE(); leaf(); WORK; }
APART void second_parent() { PYRO_SCOPE(); leaf(); WORK; }
APART void two_parents(long rounds) { for (long i = 0; i < rounds; ++i) { first_parent(); second_parent(); } }

APART void sixteen_under_tag() { SCOPES_16("under tag ") }
APART void two_tag_values(long rounds) {
  for (long i = 0; i < rounds; ++i) {
    { PYRO_TAG("vehicle", "car"); sixteen_under_tag(); }
    { PYRO_TAG("vehicle", "bike"); sixteen_under_tag(); }
  }
}

#define TAG(key, value) { PYRO_TAG(key, value); WORK; }

// Not const, so that the compiler knows nothing of their contents.
std::vector<std::string> plates = [] {
  std::vector<std::string> made;
  for (int i = 0; i < 16; ++i) made.push_back("plate-no-" + std::to_string(1234 + 999 * i));  // 13 bytes
  return made;
}();
const char* plate = "plate-no-1234";
int number = 12345;

APART void literal(long rounds) {
  for (long i = 0; i < rounds; ++i) { TAG("literal", "car") TAG("literal", "bike") TAG("literal", "scooter") TAG("literal", "none") }
}
APART void one_string(long rounds) { for (long i = 0; i < rounds; ++i) TAG("string", plates[0]) }
APART void sixteen_strings(long rounds) { for (long i = 0; i < rounds; ++i) TAG("strings", plates[static_cast<unsigned long>(i) % 16]) }
APART void c_string(long rounds) { for (long i = 0; i < rounds; ++i) TAG("c string", plate) }
APART void integer(long rounds) { for (long i = 0; i < rounds; ++i) TAG("integer", number) }
APART void dynamic_scope(long rounds) { for (long i = 0; i < rounds; ++i) { PYRO_SCOPE_DYNAMIC(plates[0]); WORK; } }

// hot_path.cpp sets the limit of values to 64: past them the slow path finds no room and enters `[other]`.
APART void other_value(long rounds) { for (long i = 0; i < rounds; ++i) TAG("flooded", i) }

// 48 × 48 paths in turn are more than a thread's cache of paths holds: each takes the slow path and finds its node in the tree.
APART void beyond_cache(long rounds) {
  for (long i = 0; i < rounds; ++i) {
    PYRO_TAG("outer", i % 48);
    for (long k = 0; k < 48; ++k) TAG("inner", k)
  }
}

#ifndef PYRO_BENCHMARK_ROWS
#error "PYRO_BENCHMARK_ROWS: the name of this copy"
#endif

const rows::row all[] = {
    {"scope: 1 site", one_site, 1, 0.03, 0.1},
    {"scope: 4 sites", four_sites, 4, 0.03, 0.1},
    {"scope: 16 sites", sixteen_sites, 16, 0.03, 0.1},
    {"scope: 4 functions", four_functions, 4, 0.03, 0.1},
    {"scope: 16 functions", sixteen_functions, 16, 0.03, 0.1},
    {"scope: two parents in turn", two_parents, 4, 0.03, 0.1},
    {"scope: 16 sites, a tag of two values", two_tag_values, 34, 0.03, 0.1},
    {"scope: depth 8", depth_8, 8, 0.03, 0.1},
    {"tag: literal", literal, 4, 0.03, 0.1},
    {"tag: std::string, 13 bytes", one_string, 1, 0.03, 0.6},
    {"tag: std::string, 16 values", sixteen_strings, 1, 0.03, 0.6},
    {"tag: const char*", c_string, 1, 0.03, 0.6},
    {"tag: int", integer, 1, 0.03, 0.6},
    {"scope: dynamic name", dynamic_scope, 1, 0.03, 0.6},
    {"tag: past max_tag_values", other_value, -1, 0, 0},
    {"tag: 2,304 paths in turn", beyond_cache, -49, 0, 0},
    {"(inlined whole) 1 site", one_site_inlined, 1, 0, 0},
    {"(inlined whole) 16 sites", sixteen_sites_inlined, 16, 0, 0},
};

}  // namespace

namespace rows {

table PYRO_BENCHMARK_ROWS() { return {all, static_cast<int>(sizeof all / sizeof all[0])}; }

}  // namespace rows
