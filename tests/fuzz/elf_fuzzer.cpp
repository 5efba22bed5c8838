// libFuzzer: everything that pyro reads of an ELF file, given any bytes. A unit test replays the corpus in elf/.
//
//   clang++-16 -std=c++17 -g -O1 -fsanitize=fuzzer,address,undefined -Iinclude -Itests/unit tests/fuzz/elf_fuzzer.cpp -o build/elf_fuzzer
//   build/elf_fuzzer -max_len=65536 -max_total_time=60 build/elf_corpus tests/fuzz/elf
#include "read_elf.hpp"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  pyro_test::read_elf(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
