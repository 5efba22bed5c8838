// libFuzzer: profiles, pprof and folded, decoded from any bytes; what is one is written and read again. A unit test replays the corpus in pprof/.
//
//   clang++-16 -std=c++17 -g -O1 -fsanitize=fuzzer,address,undefined -Iinclude -Itests/unit tests/fuzz/pprof_fuzzer.cpp -lz -o build/pprof_fuzzer
//   build/pprof_fuzzer -max_len=65536 -max_total_time=60 build/pprof_corpus tests/fuzz/pprof
#include <pyro/encode/zlib.hpp>

#include "make_pprof.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  pyro_test::decode_any_profile(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
