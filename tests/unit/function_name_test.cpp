// Pretty names of g++ and clang++ become the qualified names that people write.
#include <pyro/collect/function_name.hpp>

#include <catch2/catch.hpp>

#include <string>
#include <utility>
#include <vector>

using pyro::collect::function_name;

namespace {

using cases = std::vector<std::pair<const char*, const char*>>;

void check(const cases& all) {
  for (const auto& c : all) {
    INFO(c.first);
    CHECK(function_name(c.first) == c.second);
  }
}

}  // namespace

TEST_CASE("plain functions lose return type and parameters") {
  check({{"void order_car(double)", "order_car"},
         {"int main()", "main"},
         {"int main(int, char**)", "main"},
         {"void f(void)", "f"},
         {"const char* name()", "name"},
         {"const std::string& shop::name(int)", "shop::name"},
         {"unsigned long long int count()", "count"},
         {"std::vector<std::pair<int, long int> > pairs(std::map<int, int>)", "pairs"},
         {"virtual void shape::draw() const", "shape::draw"},
         {"static void registry::add(int)", "registry::add"},
         {"constexpr int square(int)", "square"}});
}

TEST_CASE("members are qualified, constructors, destructors and qualifiers") {
  check({{"double shop::cart::total(int) const", "shop::cart::total"},
         {"shop::cart::cart(int)", "shop::cart::cart"},
         {"shop::cart::~cart()", "shop::cart::~cart"},
         {"virtual shop::cart::~cart()", "shop::cart::~cart"},
         {"void shop::cart::f() &&", "shop::cart::f"},
         {"void shop::cart::f() const &", "shop::cart::f"},
         {"void shop::cart::f() volatile", "shop::cart::f"},
         {"void shop::cart::f() noexcept", "shop::cart::f"}});
}

TEST_CASE("templates keep their own brackets and lose the bindings") {
  check({{"double shop::cart<T>::total(int) const [with T = long int]", "shop::cart<T>::total"},      // g++
         {"double shop::cart<long>::total(int) const [T = long]", "shop::cart<long>::total"},           // clang++
         {"T largest(T, T) [with T = std::__cxx11::basic_string<char>]", "largest"},
         {"T largest(T, T) [T = int]", "largest"},
         {"void sort(It, It, Cmp) [with It = int*; Cmp = std::less<int>]", "sort"},
         {"void take(int (&)[N]) [with long unsigned int N = 3]", "take"},
         {"auto make(Args&& ...) [with Args = {int, char}]", "make"},
         {"std::enable_if_t<(sizeof (T) > 4), int> big(T) [with T = long int; std::enable_if_t<(sizeof (T) > 4), int> = int]", "big"}});
}

TEST_CASE("anonymous namespaces are told the same way by both compilers") {
  check({{"void {anonymous}::work(int)", "(anonymous)::work"},
         {"void (anonymous namespace)::work(int)", "(anonymous)::work"},
         {"void shop::{anonymous}::work()", "shop::(anonymous)::work"},
         {"void shop::(anonymous namespace)::work()", "shop::(anonymous)::work"},
         {"int {anonymous}::box<T>::get() [with T = int]", "(anonymous)::box<T>::get"}});
}

TEST_CASE("lambdas are named after the function that they stand in") {
  check({{"main()::<lambda(int)>", "main::{lambda}"},
         {"auto main()::(anonymous class)::operator()(int) const", "main::{lambda}"},
         {"void shop::run(int)::<lambda()> mutable", "shop::run::{lambda}"},
         {"auto shop::run(int)::(anonymous class)::operator()() const", "shop::run::{lambda}"},
         {"auto shop::run(int)::(lambda at file.cpp:3:9)::operator()() const", "shop::run::{lambda}"},
         {"main()::<lambda(auto:1)> [with auto:1 = int]", "main::{lambda}"},
         {"auto main()::(anonymous class)::operator()(auto) const [x:auto = int]", "main::{lambda}"}});
}

TEST_CASE("operators keep their symbols") {
  check({{"bool shop::cart::operator==(const shop::cart&) const", "shop::cart::operator=="},
         {"bool operator<(const a&, const b&)", "operator<"},
         {"std::ostream& operator<<(std::ostream&, const shop::cart&)", "operator<<"},
         {"bool shop::operator>(a, b)", "shop::operator>"},
         {"a* shop::ptr::operator->() const", "shop::ptr::operator->"},
         {"int shop::less::operator()(int, int) const", "shop::less::operator()"},
         {"int& shop::array::operator[](std::size_t)", "shop::array::operator[]"},
         {"shop::cart::operator bool() const", "shop::cart::operator bool"},
         {"shop::cart::operator const char*() const", "shop::cart::operator const char*"},
         {"auto shop::order::operator<=>(const shop::order&) const", "shop::order::operator<=>"},
         {"static void* shop::pool::operator new(std::size_t)", "shop::pool::operator new"}});
}

TEST_CASE("functions in local classes, and words that only look like operators") {
  check({{"void main()::worker::run()", "main::worker::run"},
         {"int main()::<unnamed struct>::run()", "main::(anonymous)::run"},
         {"void operators::apply()", "operators::apply"},
         {"void my_operator(int)", "my_operator"},
         {"void decltyped::f()", "decltyped::f"}});
}

TEST_CASE("functions that return pointers to functions, decltype and arrays") {
  check({{"int (*f(char))(long)", "f"},
         {"void (*shop::handler(int))(int)", "shop::handler"},
         {"decltype (a + b) add(A, B) [with A = int; B = long int]", "add"},
         {"decltype(a + b) add(A, B) [A = int, B = long]", "add"},
         {"void call(void (*)(int), int)", "call"},
         {"void shop::f(int (*)(char), std::function<void(int)>)", "shop::f"}});
}

TEST_CASE("nothing that comes in makes it throw, hang or come out empty") {
  for (const char* odd : {"x", "f(", "f(]", "<<<", "((((", "a::b::", "operator", "[with T = int]", "f [", "::", "{", "(", "decltype", "int (*f"}) {
    INFO(odd);
    CHECK_FALSE(function_name(odd).empty());
  }
  CHECK(function_name("").empty());
  CHECK_FALSE(function_name(std::string(10'000, '<')).empty());
  CHECK_FALSE(function_name(std::string(2'000, '(')).empty());
}

namespace shop {
namespace {
template <class T>
struct cart {
  std::string total(T) const { return function_name(__PRETTY_FUNCTION__); }
  std::string operator()() const { return function_name(__PRETTY_FUNCTION__); }
};
}  // namespace
std::string plain(const std::vector<std::pair<int, long>>&) { return function_name(__PRETTY_FUNCTION__); }
}  // namespace shop

TEST_CASE("what this compiler really says") {
  CHECK(shop::plain({}) == "shop::plain");
  const std::string member = shop::cart<int>().total(1);
  CHECK((member == "shop::(anonymous)::cart<T>::total" || member == "shop::(anonymous)::cart<int>::total"));
  const std::string call = shop::cart<int>()();
  CHECK((call == "shop::(anonymous)::cart<T>::operator()" || call == "shop::(anonymous)::cart<int>::operator()"));
  const auto lambda = [](int) { return function_name(__PRETTY_FUNCTION__); };
  const std::string of_lambda = lambda(1);
  CHECK(of_lambda.find("{lambda}") != std::string::npos);
  CHECK(of_lambda.find('(') == of_lambda.npos);
}
