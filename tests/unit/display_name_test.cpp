// Names shortened for people.
#include <pyro/encode/display_name.hpp>
#include <pyro/encode/names.hpp>
#include <pyro/sample/demangle.hpp>

#include "tools.hpp"

#include <catch2/catch.hpp>

#include <random>
#include <sstream>
#include <string>

namespace display_name_test {

using pyro::display_name;

TEST_CASE("parameters, return types and qualifiers go") {
  CHECK(display_name("main") == "main");
  CHECK(display_name("shop::order(int, char const*)") == "shop::order");
  CHECK(display_name("shop::cart::total() const") == "shop::cart::total");
  CHECK(display_name("shop::cart::take() &&") == "shop::cart::take");
  CHECK(display_name("void shop::sort<int>(int*)") == "shop::sort<int>");
  CHECK(display_name("std::vector<int> const& shop::items<int>(int)") == "shop::items<int>");
  CHECK(display_name("unsigned long shop::size<int>()") == "shop::size<int>");
  CHECK(display_name("void (*shop::handler<int>(int))(char)") == "shop::handler<int>");
  CHECK(display_name("decltype (f(std::declval<int>())) shop::call<int>(int)") == "shop::call<int>");
  CHECK(display_name("shop::cart::~cart()") == "shop::cart::~cart");
  CHECK(display_name("(anonymous namespace)::f(int)") == "(anonymous namespace)::f");
  CHECK(display_name("void (anonymous namespace)::f<int>(int)") == "(anonymous namespace)::f<int>");
}

TEST_CASE("long template arguments go, short ones stay") {
  CHECK(display_name("std::vector<int, std::allocator<int> >::push_back(int const&)") == "std::vector<...>::push_back");
  CHECK(display_name("std::vector<int>::push_back(int const&)") == "std::vector<int>::push_back");
  CHECK(display_name("a<b<c<d<(e)1> > >, f<g> >::h<i>::j()") == "a<...>::h<i>::j");
  CHECK(display_name("void f<(1>2)>(int)") == "f<(1>2)>");
  CHECK(display_name("f<&(operator<(int, int))>(g)", 4) == "f<...>");
  CHECK(display_name("f<decltype(a->b)>()", 100) == "f<decltype(a->b)>");
  CHECK(display_name("a::b<12345678901234>::c()") == "a::b<12345678901234>::c");
  CHECK(display_name("a::b<123456789012345>::c()") == "a::b<...>::c");
}

TEST_CASE("operators keep their names") {
  CHECK(display_name("shop::operator<(shop::item const&, shop::item const&)") == "shop::operator<");
  CHECK(display_name("bool shop::operator< <int>(int, int)") == "shop::operator< <int>");
  CHECK(display_name("std::ostream& std::operator<< <std::char_traits<char> >(std::ostream&, char const*)") == "std::operator<< <...>");
  CHECK(display_name("shop::operator>>(int)") == "shop::operator>>");
  CHECK(display_name("shop::item::operator->() const") == "shop::item::operator->");
  CHECK(display_name("shop::item::operator()(int) const") == "shop::item::operator()");
  CHECK(display_name("shop::item::operator[](int)") == "shop::item::operator[]");
  CHECK(display_name("shop::item::operator<=>(int) const") == "shop::item::operator<=>");
  CHECK(display_name("shop::item::operator+=(int)") == "shop::item::operator+=");
  CHECK(display_name("shop::item::operator bool() const") == "shop::item::operator bool");
  CHECK(display_name("shop::item::operator std::vector<int, std::allocator<int> >() const") == "shop::item::operator std::vector<...>");
  CHECK(display_name("operator new(unsigned long)") == "operator new");
  CHECK(display_name("operator delete[](void*)") == "operator delete[]");
  CHECK(display_name("operator\"\" _s(char const*, unsigned long)") == "operator\"\" _s");
  CHECK(display_name("shop::operator_of(int)") == "shop::operator_of");
}

TEST_CASE("lambdas and what is local to functions") {
  CHECK(display_name("main::{lambda(int)#1}::operator()(int) const") == "main::{lambda#1}::operator()");
  CHECK(display_name("main::{lambda()#1}::operator()() const::{lambda(int)#2}::operator()(int) const") ==
        "main::{lambda#1}::operator()::{lambda#2}::operator()");
  CHECK(display_name("shop::order(int)::{lambda(auto:1&&)#2}::operator()<char>(char&&) const") == "shop::order::{lambda#2}::operator()<char>");
  CHECK(display_name("shop::order(int) const::local::f(long)") == "shop::order::local::f");
  CHECK(display_name("void run<shop::order(int)::{lambda()#1}>(shop::order(int)::{lambda()#1}&&)") == "run<...>");
  CHECK(display_name("{unnamed type#1}::f()") == "{unnamed type#1}::f");
}

TEST_CASE("clones, tags and what the compiler makes") {
  CHECK(display_name("shop::order(int) [clone .cold]") == "shop::order [clone .cold]");
  CHECK(display_name("f(int) [clone .isra.0] [clone .cold]") == "f [clone .isra.0] [clone .cold]");
  CHECK(display_name("std::ios_base::failure[abi:cxx11]::what() const") == "std::ios_base::failure[abi:cxx11]::what");
  CHECK(display_name("shop::name[abi:cxx11](int)") == "shop::name[abi:cxx11]");
  CHECK(display_name("vtable for shop::cart") == "vtable for shop::cart");
  CHECK(display_name("guard variable for shop::get()::x") == "guard variable for shop::get::x");
  CHECK(display_name("non-virtual thunk to shop::cart::total(int)") == "non-virtual thunk to shop::cart::total");
  CHECK(display_name("virtual thunk to shop::cart::~cart()") == "virtual thunk to shop::cart::~cart");
  CHECK(display_name("TLS wrapper function for x") == "TLS wrapper function for x");
}

TEST_CASE("names that are mangled, of C or of no language stay") {
  for (const char* name : {"", "_Z1fv", "memcpy", "__libc_start_call_main", "foo.cold", "f.part.0", "[vdso]", "_start"})
    CHECK(display_name(name) == name);
}

TEST_CASE("a shortened name is short, balanced, and shortened no further") {
  REQUIRE(pyro_test::have("nm"));
  std::istringstream lines(pyro_test::output_of("nm --defined-only /proc/" + std::to_string(::getpid()) + "/exe"));
  std::size_t count = 0, wrong = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.size() < 20 || std::string("tTwW").find(line[17]) == std::string::npos) continue;
    const std::string whole = pyro::sampling::demangle(line.substr(19));
    const std::string name = display_name(whole);
    const bool right = !name.empty() && name.size() <= whole.size() && display_name(name) == name &&
                       (name.find('(') == std::string::npos || name.find("operator()") != std::string::npos || name.find("(anonymous") != std::string::npos ||
                        name.find("decltype(") != std::string::npos || name.find('<') != std::string::npos);
    ++count;
    if (!right && ++wrong < 10) UNSCOPED_INFO(whole << "\n  " << name << "\n  " << display_name(name));
  }
  CHECK(wrong == 0);
  CHECK(count > 1000);
}

TEST_CASE("any text is harmless") {
  std::mt19937 random(1);
  const std::string alphabet = "ab:<>()[]{}*& ~,-operator";
  for (int round = 0; round < 100000; ++round) {
    std::string text;
    for (std::size_t n = random() % 40; n != 0; --n) text += alphabet[random() % alphabet.size()];
    display_name(text);
  }
  for (const char* part : {"(", "<", "operator", "{lambda(", "a<", "[abi:", " [clone "}) {
    std::string deep;
    while (deep.size() < 60000) deep += part;
    CHECK(display_name(deep).size() <= deep.size() + 16);
  }
}

TEST_CASE("only what C++'s linker names is shortened: other languages' brackets mean other things") {
  using pyro::detail::is_mangled_cpp;
  CHECK(is_mangled_cpp("_Z1fv"));
  CHECK(is_mangled_cpp("_ZN4shop4cart5totalEi"));
  CHECK(is_mangled_cpp("_ZN4shop4cart17h12345EvE"));
  CHECK_FALSE(is_mangled_cpp(""));
  CHECK_FALSE(is_mangled_cpp("encoding/json.(*decodeState).object"));
  CHECK_FALSE(is_mangled_cpp("_RNvCs1234_7mycrate3foo"));
  CHECK_FALSE(is_mangled_cpp("_ZN4core5slice4sort6stable14driftsort_main17h087f1625d734445fE"));
  pyro::profile p;
  p.strings = {"", "encoding/json.(*decodeState).object", "void shop::f<int>(int)", "_ZN4shop1fIiEEvT_"};
  p.functions = {{1, 1, 0, 0}, {2, 3, 0, 0}, {2, 2, 0, 0}};
  pyro::frame f;
  f.kind = pyro::frame_kind::native;
  CHECK(pyro::detail::short_frame_name(p, f) == "encoding/json.(*decodeState).object");
  f.function = 1;
  CHECK(pyro::detail::short_frame_name(p, f) == "shop::f<int>");
  f.function = 2;
  CHECK(pyro::detail::short_frame_name(p, f) == "void shop::f<int>(int)");
}

}  // namespace display_name_test
