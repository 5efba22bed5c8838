// Symbols of this very program and of the libraries it has loaded; nm is the judge.
#include <pyro/sample/symbols.hpp>

#include "tools.hpp"

#include <catch2/catch.hpp>

#include <dlfcn.h>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <sys/mman.h>
#include <vector>

using pyro::sampling::symbol;
using pyro::sampling::symbolizer;
using pyro_test::have;
using pyro_test::output_of;

namespace symbols_test {

#define KEPT __attribute__((noinline, used))

KEPT static int static_function(int x) { return x + 1; }
extern "C" KEPT int symbols_test_c_function(int x) { return x + 2; }
namespace {
KEPT int in_nowhere(int x) { return x + 3; }
}  // namespace
template <typename T>
KEPT T a_template(T x) { return x + 4; }
struct base {
  KEPT virtual ~base() {}
};
struct made : virtual base {
  KEPT explicit made(int x) : n(x) {}
  KEPT made operator+(const made& o) const { return made(n + o.n); }
  KEPT explicit operator int() const { return n; }
  int n;
};

std::uint64_t address_of(const void* p) { return reinterpret_cast<std::uintptr_t>(p); }
template <typename F>
std::uint64_t address_of_function(F* f) { return reinterpret_cast<std::uintptr_t>(f); }

/// One that knows what is loaded now.
struct PYRO_HIDDEN ready {
  ready() { refresh(); }
  void refresh() { symbols.update(modules.refresh()); }
  const symbol& operator()(std::uint64_t address) { return symbols.find(address); }
  pyro::platform::module_list modules;
  symbolizer symbols;
};

}  // namespace symbols_test

using namespace symbols_test;

TEST_CASE("functions of the program are found by name, whatever they are") {
  ready find;
  const auto name = [&](auto* f) { return find(address_of_function(f)).name; };
  CHECK(name(&static_function) == "symbols_test::static_function(int)");
  CHECK(name(&symbols_test_c_function) == "symbols_test_c_function");
  CHECK(name(&in_nowhere) == "symbols_test::(anonymous namespace)::in_nowhere(int)");
  CHECK(name(&a_template<long>) == "long symbols_test::a_template<long>(long)");
  int (*lambda)(int) = [](int x) { return x + 5; };
  INFO(name(lambda));
  CHECK((name(lambda).find("{lambda(int)#") != std::string::npos || name(lambda).find("::$_") != std::string::npos));  // g++; clang++

  const symbol s = find(address_of_function(&static_function));
  CHECK(s.system_name.compare(0, 3, "_ZN") == 0);
  CHECK(s.start == address_of_function(&static_function));
  CHECK(s.size > 0);
  REQUIRE(s.module != nullptr);
  CHECK(s.module->path == pyro::platform::program_path());
  CHECK(find(s.start + s.size - 1).start == s.start);
}

TEST_CASE("constructors, operators and conversions are found") {
  ready find;
  made a(1), b(2);
  REQUIRE(static_cast<int>(a + b) == 3);
  std::set<std::string> seen;
  const symbol first = find(address_of_function(&static_function));
  // Somewhere in the program: by the symbols' own table, through nm.
  REQUIRE(have("nm"));
  std::istringstream lines(output_of("nm /proc/" + std::to_string(::getpid()) + "/exe"));
  const std::uint64_t bias = [&]() -> std::uint64_t {
    std::istringstream again(lines.str());
    for (std::string line; std::getline(again, line);)
      if (line.size() > 19 && line.substr(19) == first.system_name) return first.start - std::stoull(line.substr(0, 16), nullptr, 16);
    return 0;
  }();
  for (std::string line; std::getline(lines, line);)
    if (line.find("symbols_test4made") != std::string::npos && (line[17] == 'W' || line[17] == 't'))
      seen.insert(find(std::stoull(line.substr(0, 16), nullptr, 16) + bias).name);
  CHECK(seen.count("symbols_test::made::made(int)") == 1);
  CHECK(seen.count("symbols_test::made::operator+(symbols_test::made const&) const") == 1);
  CHECK(seen.count("symbols_test::made::operator int() const") == 1);
}

TEST_CASE("functions of the C and C++ libraries are found") {
  ready find;
  for (const char* name : {"qsort", "getenv", "strtol", "fopen", "malloc", "clock_gettime"}) {
    const void* f = ::dlsym(RTLD_NEXT, name);
    REQUIRE(f != nullptr);
    const symbol& s = find(address_of(f));
    INFO(name << " is " << s.system_name);
    CHECK(s.system_name.find(name) != std::string::npos);
    REQUIRE(s.module != nullptr);
    CHECK_FALSE(s.module->build_id.empty());
  }
  const void* terminate = ::dlsym(RTLD_DEFAULT, "_ZSt9terminatev");
  REQUIRE(terminate != nullptr);
  CHECK(find(address_of(terminate)).name == "std::terminate()");
}

TEST_CASE("the linker's jump tables have no name of their own") {
  ready find;
  const pyro::sampling::elf_file file{pyro::sampling::elf_source(std::string("/proc/self/exe"))};
  const symbol known = find(address_of_function(&static_function));
  REQUIRE(known.module != nullptr);
  const auto image = pyro::sampling::elf_image::of(*known.module);
  REQUIRE(image.good());
  REQUIRE(image.is_from(file));
  std::size_t asked = 0;
  for (const char* section : {".plt", ".plt.sec", ".plt.got"}) {
    const auto* plt = file.find(section);
    for (std::uint64_t at = 0; plt != nullptr && at < plt->sh_size; at += 16, ++asked) {
      const symbol& s = find(plt->sh_addr + at + image.bias());
      CHECK(s.name.empty());
      CHECK(s.module == known.module);
    }
  }
  CHECK(asked > 0);
}

TEST_CASE("functions of the vDSO are found") {
  ready find;
  const auto vdso = pyro::sampling::vdso_module();
  if (vdso.path.empty()) return;
  bool found = false;
  for (std::uint64_t a = vdso.start; a < vdso.limit; a += 16) {
    const symbol& s = find(a);
    REQUIRE(s.module != nullptr);
    CHECK(s.module->path == "[vdso]");
    found = found || s.name.find("clock_gettime") != std::string::npos;
  }
  CHECK(found);
}

TEST_CASE("what is no module's has neither module nor name, and data has no name") {
  ready find;
  void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(page != MAP_FAILED);
  for (const std::uint64_t a : {std::uint64_t{0}, std::uint64_t{1}, ~std::uint64_t{0}, address_of(page), address_of(&page)}) {
    CHECK(find(a).name.empty());
    CHECK(find(a).module == nullptr);
  }
  ::munmap(page, 4096);
  static const int number = 1;
  CHECK(find(address_of(&number)).name.empty());
  CHECK(find(address_of(&number)).module != nullptr);
}

TEST_CASE("every function that nm lists is found at its start, in its middle and at its end") {
  REQUIRE(have("nm"));
  ready find;
  struct listed {
    std::uint64_t start, size;
    std::string name;
  };
  std::vector<listed> functions;
  std::map<std::uint64_t, std::set<std::string>> at;
  std::istringstream lines(output_of("nm -S --defined-only /proc/" + std::to_string(::getpid()) + "/exe"));
  const symbol known = find(address_of_function(&static_function));
  std::uint64_t bias = 0;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string start, size, type, name;
    words >> start >> size >> type >> name;
    if (name.empty()) continue;  // without a size
    name = name.substr(0, name.find('@'));
    const listed f{std::stoull(start, nullptr, 16), std::stoull(size, nullptr, 16), name};
    if (name == known.system_name) bias = known.start - f.start;
    if (std::string("tTwWi").find(type) == std::string::npos) continue;
    functions.push_back(f);  // W are weak thread-local variables as well
    at[f.start].insert(name);
  }
  REQUIRE(functions.size() > 1000);
  REQUIRE(bias != 0);
  std::size_t wrong = 0;
  const pyro::platform::loaded_module& program = *known.module;
  const auto check = [&](const listed& f, std::uint64_t address, bool start) {
    if (address + bias < program.start || address + bias >= program.limit) return;
    const symbol s = find(address + bias);
    const std::uint64_t begin = s.start - bias;
    const bool holds = !s.name.empty() && begin <= address && address < begin + s.size;
    // Its own name, or that of another symbol there: one of the same address, or one within.
    const auto names = at.find(begin);
    const bool right = holds && names != at.end() && names->second.count(s.system_name) == 1 && (start ? begin == f.start : begin >= f.start);
    if (right) return;
    if (++wrong < 10) UNSCOPED_INFO(f.name << " at " << std::hex << address << " is " << s.system_name << " at " << begin);
  };
  for (const listed& f : functions) {
    check(f, f.start, true);
    check(f, f.start + f.size / 2, false);
    check(f, f.start + f.size - 1, false);
  }
  CHECK(wrong == 0);
}

TEST_CASE("what has no symbol stays nameless when another module comes") {
  pyro::platform::module_list modules;
  const std::vector<pyro::platform::loaded_module> all = modules.refresh();
  REQUIRE(all.size() > 1);
  symbolizer symbols;
  symbols.update({all.front()});
  CHECK(symbols.find(address_of_function(&static_function)).name == "symbols_test::static_function(int)");
  CHECK(symbols.find(all.front().lowest).name.empty());
  symbols.update(all);
  CHECK(symbols.find(address_of_function(&symbols_test_c_function)).name == "symbols_test_c_function");
  CHECK(symbols.find(address_of_function(&static_function)).name == "symbols_test::static_function(int)");
  CHECK(symbols.find(all.front().lowest).name.empty());
  REQUIRE(symbols.find(all.front().lowest).module != nullptr);
  CHECK(symbols.find(all.front().lowest).module->path == all.front().path);
}

TEST_CASE("a program's symbols cost little, and are forgotten past their limits") {
  pyro::platform::module_list modules;
  pyro::sampling::symbol_limits limits;
  limits.addresses = 100;
  limits.table_bytes = std::size_t{2} << 20;
  symbolizer symbols(limits);
  symbols.update(modules.refresh());
  const std::uint64_t begin = address_of_function(&static_function);
  for (std::uint64_t i = 0; i < 10000; ++i) symbols.find(begin + i);
  CHECK(symbols.bytes() < limits.table_bytes + 1000000);
  CHECK(symbols.find(begin).name == "symbols_test::static_function(int)");

  // Room for one of them: each load drops the other's.
  limits.table_bytes = std::size_t{350} << 10;
  symbolizer tight(limits);
  tight.update(modules.refresh());
  const void* of_c = ::dlsym(RTLD_NEXT, "qsort");
  const void* of_cxx = ::dlsym(RTLD_DEFAULT, "_ZSt9terminatev");
  for (int i = 0; i < 3; ++i) {
    tight.find(address_of(of_c) + static_cast<std::uint64_t>(i));
    tight.find(address_of(of_cxx) + static_cast<std::uint64_t>(i));
    CHECK(tight.table_bytes() <= limits.table_bytes);
  }
}
