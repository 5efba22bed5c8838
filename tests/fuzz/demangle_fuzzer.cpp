// libFuzzer: demangling of any bytes stays within its bounds.
//
//   clang++-16 -std=c++17 -g -O1 -fsanitize=fuzzer,address,undefined -Iinclude tests/fuzz/demangle_fuzzer.cpp -o build/demangle_fuzzer
//   build/demangle_fuzzer -max_len=4096 -max_total_time=60 -timeout=5
#include <pyro/sample/demangle.hpp>

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text = pyro::sampling::demangle_bounded("_Z" + std::string(reinterpret_cast<const char*>(data), size));
  if (text.size() > pyro::sampling::longest_demangled) __builtin_trap();
  return 0;
}
