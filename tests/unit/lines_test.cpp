// Lines and inlined functions by libbacktrace: a program is built with -g and asked about itself. Without g++'s libbacktrace, skipped.
#include <pyro/sample/lines.hpp>

#include "tools.hpp"

#include <catch2/catch.hpp>

#include <string>

TEST_CASE("without a library nobody knows lines") {
  std::vector<pyro::sampling::source_line> lines;
  CHECK_FALSE(pyro::sampling::find_lines(reinterpret_cast<std::uintptr_t>(&pyro::sampling::find_lines), lines));
  CHECK(lines.empty());
}

TEST_CASE("inlined functions are told, the innermost first, with their files and lines") {
  const pyro_test::scratch dir;
  dir.write("program.cpp", R"(#include <pyro/sample/libbacktrace.hpp>
#include <cstdio>
namespace shop {
volatile int sink;
template <typename T> __attribute__((always_inline)) inline void* innermost(T x) { sink = x;
  void* here; asm volatile("lea -1(%%rip), %0" : "=r"(here)); return here; }
__attribute__((always_inline)) inline void* middle(int x) {
  return innermost<long>(x + 1);
}
__attribute__((noinline)) void* order(int x) {
  return middle(x * 2);
}
}
int main() {
  void* at = shop::order(3);
  std::vector<pyro::sampling::source_line> lines;
  const bool found = pyro::sampling::find_lines(reinterpret_cast<std::uintptr_t>(at), lines);
  for (const auto& l : lines) std::printf("%s|%s:%d\n", l.function.c_str(), l.file.substr(l.file.rfind('/') + 1).c_str(), l.line);
  lines.clear();
  std::printf("%d %d %d\n", found, pyro::sampling::find_lines(1, lines), pyro::sampling::find_lines(~std::uint64_t{0}, lines));
})");
#if defined(__x86_64__)
  const std::string build = "g++ -std=c++17 -O2 -g -fno-exceptions -fno-rtti -I'" + std::string(PYRO_GOLDEN_DIR) + "/../../include' '" + dir / "program.cpp" +
                            "' -o '" + dir / "program" + "' -pthread ";
  if (!pyro_test::have("g++") || std::system("echo '#include <backtrace.h>' | g++ -E -x c++ - >/dev/null 2>&1") != 0) return;
  pyro_test::run(build + "-lbacktrace");
  CHECK(pyro_test::output_of("'" + dir / "program" + "'") ==
        "void* shop::innermost<long>(long)|program.cpp:6\n"
        "shop::middle(int)|program.cpp:8\n"
        "shop::order(int)|program.cpp:11\n"
        "1 0 0\n");
  pyro_test::run("strip '" + dir / "program" + "'");
  CHECK(pyro_test::output_of("'" + dir / "program" + "'") == "0 0 0\n");
#endif
}
