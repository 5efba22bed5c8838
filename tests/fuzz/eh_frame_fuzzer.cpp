// libFuzzer: .eh_frame and stubs, decoded from any bytes. A unit test replays the corpus in eh_frame/.
//
//   clang++-16 -std=c++17 -g -O1 -fsanitize=fuzzer,address,undefined -Iinclude -Itests/unit tests/fuzz/eh_frame_fuzzer.cpp -o build/eh_frame_fuzzer
//   build/eh_frame_fuzzer -max_len=65536 -max_total_time=60 build/eh_frame_corpus tests/fuzz/eh_frame
#include "unwind_input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  pyro_test::decode_any(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
