// libFuzzer: walks from any registers, by any rows, over any stack. A unit test replays the corpus in walk/.
//
//   clang++-16 -std=c++17 -g -O1 -fsanitize=fuzzer,address,undefined -Iinclude -Itests/unit tests/fuzz/walk_fuzzer.cpp -o build/walk_fuzzer
//   build/walk_fuzzer -max_len=2560 -max_total_time=60 build/walk_corpus tests/fuzz/walk
#include "unwind_input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  pyro_test::walk_any(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
