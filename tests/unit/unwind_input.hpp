#pragma once
// Decodes, or walks by, any bytes; aborts where a promise is broken. For the fuzzers and for the replay of their corpora.

#include <pyro/sample/eh_frame.hpp>
#include <pyro/sample/stub_rows.hpp>
#include <pyro/sample/walk.hpp>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace pyro_test __attribute__((visibility("hidden"))) {

inline void must(bool promise) {
  if (!promise) std::abort();
}

/// The first byte: 1 aarch64, 2 by the header's table, whose length is the next byte times 8. What follows are the bytes.
inline void decode_any(std::string_view input) {
  using namespace pyro::sampling;
  if (input.size() < 2) return;
  const unsigned flags = static_cast<unsigned char>(input[0]);
  std::size_t header_size = (flags & 2) != 0 ? static_cast<unsigned char>(input[1]) * std::size_t{8} : 0;
  input.remove_prefix(2);
  if (header_size > input.size()) header_size = input.size();
  // Copies of their own size: a byte too far is seen by the sanitizer.
  const std::string_view h = input.substr(0, header_size), f = input.substr(header_size);
  const std::unique_ptr<unsigned char[]> header_bytes(new unsigned char[h.size()]), frame_bytes(new unsigned char[f.size()]);
  std::memcpy(header_bytes.get(), h.data(), h.size());
  std::memcpy(frame_bytes.get(), f.data(), f.size());
  constexpr std::uint64_t low = 0x1000, high = 0x80000000, frames_at = 0x3000;
  const bytes_at header{header_bytes.get(), h.size(), 0x2000};
  const frame_registers& registers = (flags & 1) != 0 ? aarch64_registers : x86_64_registers;
  std::vector<unwind_row> rows;
  frame_decoder decoder({frame_bytes.get(), f.size(), frames_at}, low, high, rows, registers);
  if (header_size != 0) decoder.decode(header, frame_index::read(header));
  else decoder.decode();
  must(rows.size() <= f.size() + 16);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    must(i == 0 || rows[i - 1].pc < rows[i].pc);
    must(rows[i].pc <= high - low);
    must(rows[i].rule <= static_cast<unsigned>(cfa_rule::signal_frame));
  }
  std::vector<unwind_row> stubs;
  stub_finder::find(frame_bytes.get(), f.size(), 4 * (flags >> 2), registers, stubs);
  for (std::size_t i = 0; i < stubs.size(); ++i) must((i == 0 || stubs[i - 1].pc < stubs[i].pc) && stubs[i].pc <= 4 * (flags >> 2) + f.size());
}

/// Loads as the handler does, from a stack that must not be left.
class watched_loader {
 public:
  watched_loader(std::uintptr_t sp, const pyro::platform::stack_range& bounds) : direct_(sp, bounds), sp_(sp), bounds_(bounds) {}
  bool contains(std::uintptr_t sp) const noexcept { return direct_.contains(sp); }
  std::uintptr_t high() const noexcept { return direct_.high(); }
  bool resume(std::uintptr_t sp) const noexcept { return direct_.resume(sp); }
  bool word(std::uintptr_t address, std::uintptr_t& into) const noexcept {
    if (!direct_.readable(address)) return false;
    must(address % 8 == 0 && address >= bounds_.low && address <= bounds_.high - 8 && address + 128 >= sp_);
    return direct_.word(address, into);
  }

 private:
  pyro::sampling::direct_loader direct_;
  std::uintptr_t sp_;
  pyro::platform::stack_range bounds_;
};

/// Registers, then some rows, then what is on the stack. Code lies at 0x10000; words of the stack are moved to where the stack really is.
inline void walk_any(std::string_view input) {
  using namespace pyro::sampling;
  constexpr std::uintptr_t code = 0x10000, stack_mark = 0x7f0000000000;
  constexpr std::size_t stack_size = 2048, most_rows = 32;
  const auto take = [&](void* into, std::size_t size) {
    std::memset(into, 0, size);
    const std::size_t n = size < input.size() ? size : input.size();
    std::memcpy(into, input.data(), n);
    input.remove_prefix(n);
  };
  alignas(16) static std::uintptr_t stack[stack_size / 8];
  const auto low = reinterpret_cast<std::uintptr_t>(stack);
  const auto moved = [&](std::uintptr_t v) { return v >= stack_mark - 65536 && v < stack_mark + 65536 ? v - stack_mark + low : v; };

  machine_state state;
  take(&state, sizeof state);
  for (std::uintptr_t* r : {&state.pc, &state.sp, &state.fp, &state.second, &state.rax, &state.r10, &state.r11}) *r = moved(*r);
  std::uint8_t count = 0, flags = 0;
  take(&count, 1);
  take(&flags, 1);
  unwind_row rows[most_rows];
  std::uint32_t pc = 0;
  const auto n = static_cast<unsigned>(count % (most_rows + 1));
  for (unsigned i = 0; i < n; ++i) {
    unsigned char raw[sizeof(unwind_row)];
    take(raw, sizeof raw);
    std::memcpy(static_cast<void*>(&rows[i]), raw, sizeof raw);
    pc += 1 + (rows[i].pc & 0x1f);
    rows[i].pc = pc;
  }
  take(stack, stack_size);
  for (std::uintptr_t& w : stack) w = moved(w);

  unwind_module module;
  module.lo = code;
  module.hi = code + 1024;
  module.rows = rows;
  module.count = n;
  const std::uint32_t index[2] = {0, n};
  module.index = index;
  module.blocks = n != 0 ? 1 : 0;
  module.shift = 16;
  const unwind_snapshot snapshot(&module, 1, (flags & 1) != 0 ? code + 8 : 0);
  const pyro::platform::stack_range bounds{low, low + stack_size};
  if (!bounds.contains(state.sp)) return;
  watched_loader loader(state.sp, bounds);
  unsigned frames = 0;
  std::uintptr_t before = 0;
  const walk_result result = stack_walk<watched_loader>(snapshot, state, loader).run(64, [&](std::uintptr_t at, std::uintptr_t cfa, bool is_return_address) {
    must(++frames <= 64);
    must(frames == 1 || at != 0);
    must(cfa == 0 || (cfa > 8 && cfa <= bounds.high));
    if (is_return_address && before != 0 && cfa != 0) must(cfa > before);
    before = cfa;
    return true;
  });
  must(frames >= 1 && static_cast<unsigned>(result.end) <= static_cast<unsigned>(walk_end::bad_pc));
  if (result.end == walk_end::too_deep) must(frames == 64);
}

}  // namespace pyro_test
