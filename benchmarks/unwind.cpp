// What native stacks cost: tables of given files (time, rows, bytes), the check whether modules have changed, walks of 30 frames.
//
//   g++ -std=c++17 -O2 -Iinclude benchmarks/unwind.cpp -o build/unwind -pthread
//   build/unwind build/rideshare_server /usr/lib/x86_64-linux-gnu/libstdc++.so.6 /usr/lib/x86_64-linux-gnu/libc.so.6
//   build/unwind --linked build/rideshare_server           the same, with all libraries that ldd(1) names, and their sum
#include "timing.hpp"

#include <pyro/sample/unwind_table.hpp>
#include <pyro/sample/walk.hpp>
#include <pyro/sample/walk_off_stack.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <sys/syscall.h>
#include <vector>

using namespace pyro::sampling;
namespace platform = pyro::platform;

namespace {

// --- tables of files ------------------------------------------------------------------------------------------------------------

std::size_t total_rows, total_bytes;
double total_seconds;

void of_file(const std::string& path) {
  const elf_file file{elf_source(path)};
  const elf_section* frames = file.find(std::string_view(".eh_frame"));
  const elf_section* header = file.find(std::string_view(".eh_frame_hdr"));
  std::string frame_bytes, header_bytes;
  if (frames == nullptr || !file.read(*frames, frame_bytes, std::size_t{1} << 30)) return void(std::printf("%-50s no .eh_frame\n", path.c_str()));
  if (header != nullptr) file.read(*header, header_bytes, std::size_t{1} << 30);
  const elf_image image = elf_image::described_by(file);
  const auto bytes = [](const std::string& s, const elf_section* at) {
    return bytes_at{reinterpret_cast<const unsigned char*>(s.data()), s.size(), at != nullptr ? at->sh_addr : 0};
  };
  std::size_t rows = 0, size = 0;
  std::uint64_t refused = 0, functions = 0;
  const double seconds = fastest(5, [&] {
    std::vector<unwind_row> decoded;
    frame_decoder decoder(bytes(frame_bytes, frames), image.code().front().begin, image.code().back().end, decoded);
    const bytes_at h = bytes(header_bytes, header);
    const frame_index index = frame_index::read(h);
    functions = index.count;
    if (index.count != 0) decoder.decode(h, index);
    else decoder.decode();
    refused = decoder.refused();
    const module_rows made(std::move(decoded));
    rows = made.size();
    size = made.bytes();
  });
  std::printf("%-50.50s .eh_frame %8zu B, %6llu functions, %7zu rows, %8zu B, %6.2f ms, not understood %llu\n", path.c_str(), frame_bytes.size(),
              static_cast<unsigned long long>(functions), rows, size, seconds * 1e3, static_cast<unsigned long long>(refused));
  total_rows += rows;
  total_bytes += size;
  total_seconds += seconds;
}

void with_libraries(const std::string& path) {
  of_file(path);
  FILE* pipe = ::popen(("ldd '" + path + "'").c_str(), "r");
  char line[4096];
  while (pipe != nullptr && std::fgets(line, sizeof line, pipe) != nullptr) {
    char* begin = std::strchr(line, '/');
    if (begin == nullptr) continue;
    begin[std::strcspn(begin, " \n")] = '\0';
    of_file(begin);
  }
  if (pipe != nullptr) ::pclose(pipe);
  std::printf("together: %zu rows, %.2f MiB, decoded in %.1f ms\n", total_rows, static_cast<double>(total_bytes) / (1 << 20), total_seconds * 1e3);
}

// --- this process ---------------------------------------------------------------------------------------------------------------

unwind_tables& tables() {
  static unwind_tables t;
  return t;
}
platform::stack_range bounds;
hazard_cell cell;
std::vector<double> walks;
std::vector<char> evict;
unsigned frames_walked;
std::uintptr_t addresses[256];
bool make_cold;

void on_signal(int, siginfo_t*, void* context) {
  if (make_cold)
    for (std::size_t i = 0; i < evict.size(); i += 64) evict[i] = static_cast<char>(evict[i] + 1);
  const auto begin = std::chrono::steady_clock::now();
  frames_walked = 0;
  {
    const unwind_guard guard(tables(), cell);
    walk(*guard, state_of(context), bounds, 256, [](std::uintptr_t pc, std::uintptr_t, bool) {
      addresses[frames_walked++] = pc;
      return true;
    });
  }
  const double ns = std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - begin).count();
  if (walks.size() < walks.capacity()) walks.push_back(ns);
}

volatile int keep_frame;

__attribute__((noinline)) void descend(int depth) {
  volatile char frame[64];
  frame[depth] = 1;
  if (depth > 0) descend(depth - 1);
  else ::syscall(SYS_tgkill, ::getpid(), platform::thread_id(), SIGPROF);
  keep_frame = frame[depth];
}

void of_walks(const char* what, int count) {
  walks.clear();
  walks.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) descend(24);
  std::sort(walks.begin(), walks.end());
  std::printf("%s: %u frames, p50 %.0f ns, p99 %.0f ns, of which the clock %.0f ns\n", what, frames_walked, walks[walks.size() / 2],
              walks[walks.size() * 99 / 100], fastest(1000, [] {}) * 1e9);
}

void of_this_process() {
  bounds = platform::this_stack();
  {
    unwind_tables fresh;
    fresh.update();
    std::printf("this process: %zu modules, %zu rows, %.0f KiB, built in %.2f ms\n", fresh.modules(), fresh.rows(),
                static_cast<double>(fresh.bytes()) / 1024, static_cast<double>(fresh.build_ns()) / 1e6);
  }
  tables().update();
  const std::string maps = platform::file_descriptor("/proc/self/maps").read_all();
  const auto mappings = static_cast<std::size_t>(std::count(maps.begin(), maps.end(), '\n'));
  std::printf("check for changes: %.1f us with %zu lines in /proc/self/maps\n", fastest(2000, [] { tables().update(); }) * 1e6, mappings);
  struct sigaction action {};
  action.sa_sigaction = on_signal;
  action.sa_flags = SA_RESTART | SA_SIGINFO;
  ::sigaction(SIGPROF, &action, nullptr);
  of_walks("walk, tables in the cache", 100000);
  evict.resize(std::size_t{64} << 20);
  make_cold = true;
  of_walks("walk, nothing in the cache", 300);
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--linked") == 0 && i + 1 < argc) with_libraries(argv[++i]);
    else of_file(argv[i]);
  }
  of_this_process();
}
