// The walk's rules, on stacks and rows made by hand; what fuzzers have found interesting; the words of rows.
#include "tools.hpp"
#include "unwind_input.hpp"

#include <dirent.h>

namespace walk_test {

using namespace pyro::sampling;

TEST_CASE("saved slots") {
  CHECK(saved_slot::same().is_same());
  CHECK(saved_slot::lost().is_lost());
  CHECK(!saved_slot::lost().is_same());
  for (const int offset : {-16, 16, -24, 8, -131064, 131064}) {
    CHECK(saved_slot::fits(offset));
    CHECK(saved_slot::from_cfa(offset).offset() == offset);
    CHECK(!saved_slot::from_cfa(offset).is_from_fp());
    CHECK(saved_slot::from_fp(offset).offset() == offset);
    CHECK(saved_slot::from_fp(offset).is_from_fp());
    CHECK(!saved_slot::from_fp(offset).is_lost());
  }
  CHECK(saved_slot::from_fp(0).is_from_fp());
  CHECK(!saved_slot::from_fp(0).is_same());
  CHECK(!saved_slot::fits(131072));
  CHECK(!saved_slot::fits(-131072));
  CHECK(!saved_slot::fits(12));
}

#if defined(__x86_64__)
namespace {

constexpr std::uintptr_t code = 0x10000;

unwind_row make_row(std::uint32_t pc, cfa_rule how, std::int32_t offset, saved_slot fp = {}, saved_slot second = {}) {
  unwind_row r;
  r.pc = pc;
  r.rule = static_cast<unsigned>(how) & 15U;
  const auto words = static_cast<std::uint32_t>(how == cfa_rule::plt ? offset : offset / 8);
  r.cfa = words & 0xffffffU;
  r.fp = fp;
  r.second = second;
  return r;
}

/// A made-up program: one module at `code`, its rows, a stack of 64 words.
struct made {
  std::vector<unwind_row> rows;
  alignas(16) std::uintptr_t stack[64] = {};
  machine_state state;
  std::vector<std::uintptr_t> pcs, cfas;
  std::vector<bool> returns;
  std::uintptr_t signal_return = 0;
  std::uint64_t serial = 1;
  row_cache* cache = nullptr;

  std::uintptr_t at(int word) const { return reinterpret_cast<std::uintptr_t>(stack + word); }
  walk_result run(unsigned most = 100) {
    unwind_module module;
    module.lo = code;
    module.hi = code + 0x1000;
    module.rows = rows.data();
    module.count = static_cast<std::uint32_t>(rows.size());
    const std::uint32_t index[2] = {0, module.count};
    module.index = index;
    module.blocks = 1;
    module.shift = 16;
    const unwind_snapshot snapshot(&module, 1, signal_return, serial);
    pcs.clear(), cfas.clear(), returns.clear();
    return walk(snapshot, state, {at(0), at(64)}, most, [this](std::uintptr_t pc, std::uintptr_t cfa, bool is_return_address) {
      pcs.push_back(pc);
      cfas.push_back(cfa);
      returns.push_back(is_return_address);
      return true;
    }, cache);
  }
};

unwind_row outermost(std::uint32_t pc) {
  unwind_row r = make_row(pc, cfa_rule::sp, 8);
  r.outermost = 1;
  return r;
}

}  // namespace

TEST_CASE("a walk by each kind of row") {
  static row_cache rows;
  made m;
  m.cache = GENERATE(static_cast<row_cache*>(nullptr), &rows);
  // leaf: sp + 16; its caller: fp + 16; that one's: *(fp - 8); then the PLT's, pushed; then the outermost.
  m.rows = {make_row(0, cfa_rule::sp, 16), make_row(0x10, cfa_rule::fp, 16, saved_slot::from_cfa(-16), saved_slot::from_cfa(-24)),
            make_row(0x20, cfa_rule::at_fp, -8, saved_slot::from_fp(0)), make_row(0x30, cfa_rule::plt, 11), outermost(0x40)};
  m.state.pc = code + 5;
  m.state.sp = m.at(20);
  m.state.fp = m.at(26);
  m.stack[21] = code + 0x15;          // returns from the leaf; CFA 22
  m.stack[26] = m.at(32);             // saved fp; CFA 28
  m.stack[27] = code + 0x25;
  m.stack[31] = m.at(36);             // *(fp - 8)
  m.stack[32] = 77;                   // its caller's fp
  m.stack[35] = code + 0x3d;          // in the PLT, 11 or more bytes in: sp + 16
  m.stack[37] = code + 0x45;
  const walk_result r = m.run();
  CHECK(r == walk_end::complete);
  CHECK(!r.guessed);
  CHECK(m.pcs == std::vector<std::uintptr_t>{code + 5, code + 0x15, code + 0x25, code + 0x3d, code + 0x45});
  CHECK(m.cfas == std::vector<std::uintptr_t>{m.at(22), m.at(28), m.at(36), m.at(38), m.at(39)});
  CHECK(m.returns == std::vector<bool>{false, true, true, true, true});
  // At every depth, no more than asked for.
  for (unsigned most = 0; most < 5; ++most) {
    CHECK(m.run(most) == walk_end::too_deep);
    CHECK(m.pcs.size() == most);
  }
  CHECK(m.run(5) == walk_end::complete);
}

TEST_CASE("rows that were found are those of this snapshot and this address") {
  row_cache cache{};
  made m;
  m.cache = &cache;
  m.rows = {make_row(0, cfa_rule::sp, 16), outermost(0x40)};
  m.state.pc = code + 5;
  m.state.sp = m.at(20);
  m.stack[21] = code + 0x45;
  m.stack[23] = code + 0x45;
  CHECK(m.run() == walk_end::complete);
  CHECK(m.cfas[0] == m.at(22));
  unwind_row found;
  CHECK(cache.find(code + 5, found));
  CHECK(found.how() == cfa_rule::sp);
  CHECK(found.offset() == 16);
  CHECK(!cache.find(code + 6, found));
  CHECK(!cache.find(code + 0x44, found));  // the outermost is looked at closely, each time
  // The same memory, other rows: another module came to where this one was.
  m.rows[0] = make_row(0, cfa_rule::sp, 32);
  m.serial = 2;
  CHECK(m.run() == walk_end::complete);
  CHECK(m.cfas[0] == m.at(24));
  // A handler's way back lies behind a function's last instruction, which was interrupted before.
  m.signal_return = code + 6;
  m.state.pc = code + 6;
  CHECK(m.run() != walk_end::complete);
  // More addresses than there is room for.
  for (std::uintptr_t i = 1; i <= 100000; ++i) cache.keep(i * 13, make_row(0, cfa_rule::sp, static_cast<std::int32_t>(i % 1000) * 8));
  std::size_t kept = 0;
  bool right = true;
  for (std::uintptr_t i = 1; i <= 100000; ++i)
    if (cache.find(i * 13, found)) ++kept, right = right && found.offset() == static_cast<std::int32_t>(i % 1000) * 8;
  CHECK(right);
  CHECK(kept > 100);
  CHECK(kept <= 512);
}

TEST_CASE("registers that are known at the top alone") {
  for (const cfa_rule how : {cfa_rule::rax, cfa_rule::r10, cfa_rule::r11}) {
    made m;
    m.rows = {make_row(0, how, 8), outermost(0x40)};
    m.state.pc = code + 1;
    m.state.sp = m.at(20);
    m.state.rax = how == cfa_rule::rax ? m.at(30) : 0;
    m.state.r10 = how == cfa_rule::r10 ? m.at(30) : 0;
    m.state.r11 = how == cfa_rule::r11 ? m.at(30) : 0;
    m.stack[30] = code + 0x41;
    CHECK(m.run() == walk_end::complete);
    CHECK(m.cfas[0] == m.at(31));
    m.stack[30] = code + 1 + 1;  // a caller that would need it
    CHECK(m.run() == walk_end::no_rows);
    CHECK(m.pcs.size() == 2);
  }
  made m;  // rbx is kept by callees
  m.rows = {make_row(0, cfa_rule::sp, 16, {}, saved_slot::from_cfa(-16)), make_row(0x10, cfa_rule::rbx, 24), outermost(0x40)};
  m.state.pc = code;
  m.state.sp = m.at(20);
  m.stack[20] = m.at(30);
  m.stack[21] = code + 0x11;
  m.stack[32] = code + 0x41;
  CHECK(m.run() == walk_end::complete);
  CHECK(m.cfas[1] == m.at(33));
}

TEST_CASE("a walk ends, and says why") {
  made m;
  m.rows = {make_row(0, cfa_rule::sp, 16), make_row(0x10, cfa_rule::fp, 16), make_row(0x20, cfa_rule::sp, 0), make_row(0x30, cfa_rule::sp, 8, saved_slot::from_cfa(-12 * 8)), make_row(0x40, cfa_rule::none, 0)};
  m.state.pc = code + 1;
  m.state.sp = m.at(20);
  const auto end = [&](std::uintptr_t to) {
    m.stack[21] = to;
    return m.run();
  };
  CHECK(end(0) == walk_end::complete);
  CHECK(m.pcs.size() == 1);
  CHECK(end(7) == walk_end::bad_pc);
  CHECK(end(~std::uintptr_t{0}) == walk_end::bad_pc);
  CHECK(m.pcs.size() == 1);
  CHECK(end(0x12345678) == walk_end::no_rows);  // nobody's code
  CHECK(m.pcs.size() == 2);
  CHECK(end(code + 0x41) == walk_end::no_rows);
  CHECK(m.cfas[1] == 0);
  CHECK(end(code + 0x21) == walk_end::not_growing);
  m.state.fp = m.at(10);
  CHECK(end(code + 0x11) == walk_end::not_growing);  // the caller's frame below
  m.state.fp = m.at(63);
  CHECK(end(code + 0x11) == walk_end::out_of_bounds);
  m.state.fp = m.at(40) + 4;
  CHECK(end(code + 0x11) == walk_end::out_of_bounds);  // not aligned
  CHECK(end(code + 1 + 1) == walk_end::complete);      // itself, once: then a zero
  // Popped slots: down to the red zone's end, and no further. 16 words are 128 bytes.
  m.state.pc = code + 0x30;
  m.state.sp = m.at(20);
  m.stack[20] = 0;
  CHECK(m.run() == walk_end::complete);
  m.rows[3].fp = saved_slot::from_cfa(-17 * 8);
  CHECK(m.run() == walk_end::complete);  // word 4: sp - 128
  m.rows[3].fp = saved_slot::from_cfa(-18 * 8);
  CHECK(m.run() == walk_end::out_of_bounds);
  // The end of the stack.
  m.state.sp = m.at(63);
  m.rows[3].fp = {};
  CHECK(m.run() == walk_end::complete);
  m.state.pc = code + 1;
  CHECK(m.run() == walk_end::out_of_bounds);  // its return address would lie just behind
  CHECK(m.pcs.size() == 1);
  m.state.sp = m.at(64);
  CHECK(m.run() == walk_end::out_of_bounds);
  m.state.sp = m.at(0) - 8;
  CHECK(m.run() == walk_end::out_of_bounds);
}

TEST_CASE("behind the instruction that restores fp, realigned frames still say where it was saved") {
  made m;
  m.rows = {make_row(0, cfa_rule::r10, 0, saved_slot::from_fp(0)), make_row(0x10, cfa_rule::fp, 16, saved_slot::from_cfa(-16)), outermost(0x40)};
  m.state.pc = code;
  m.state.sp = m.at(20);
  m.state.r10 = m.at(30);
  m.stack[29] = code + 0x11;
  m.stack[40] = 1;
  m.stack[41] = code + 0x41;
  m.state.fp = m.at(22);  // this frame's: the caller's is saved there
  m.stack[22] = m.at(40);
  CHECK(m.run() == walk_end::complete);
  CHECK(m.cfas[1] == m.at(42));
  m.state.fp = m.at(40);  // the caller's already
  CHECK(m.run() == walk_end::complete);
  CHECK(m.cfas[1] == m.at(42));
}

TEST_CASE("out of a signal handler") {
  made m;
  m.rows = {make_row(0, cfa_rule::sp, 8), make_row(0x10, cfa_rule::signal_frame, 0), make_row(0x20, cfa_rule::none, 0), outermost(0x40)};
  m.state.pc = code;
  m.state.sp = m.at(20);
  m.stack[20] = code + 0x11;
  const auto set = [&](std::size_t offset, std::uintptr_t value) { m.stack[21 + offset / 8] = value; };
  set(context_layout::pc, code + 0x40);
  set(context_layout::sp, m.at(60));
  CHECK(m.run() == walk_end::complete);
  CHECK(m.pcs == std::vector<std::uintptr_t>{code, code + 0x11, code + 0x40});
  CHECK(m.returns == std::vector<bool>{false, false, false});
  CHECK(m.cfas[1] == m.at(60));
  set(context_layout::sp, m.at(64));  // on another stack
  CHECK(m.run() == walk_end::out_of_bounds);
  CHECK(m.cfas[1] == 0);
  set(context_layout::sp, m.at(2));
  CHECK(m.run() == walk_end::out_of_bounds);
  set(context_layout::sp, m.at(60));
  set(context_layout::pc, 0);
  CHECK(m.run() == walk_end::complete);
  CHECK(m.pcs.size() == 2);
  set(context_layout::pc, code + 0x40);
  // A trampoline without rows, or at the very beginning of its rows.
  m.stack[20] = code + 0x28;
  CHECK(m.run() != walk_end::complete);
  m.signal_return = code + 0x28;
  CHECK(m.run() == walk_end::complete);
  m.signal_return = 0;
  m.stack[20] = code + 0x20;
  m.rows[0] = make_row(0, cfa_rule::sp, 8);
  m.rows[1] = make_row(8, cfa_rule::none, 0);
  m.rows[2] = make_row(0x20, cfa_rule::signal_frame, 0);
  CHECK(m.run() == walk_end::complete);
}
#endif

namespace {

template <class Replay>
std::size_t replay(const char* folder, Replay with) {
  const std::string path = std::string(PYRO_GOLDEN_DIR) + "/../fuzz/" + folder;
  std::size_t files = 0;
  DIR* d = ::opendir(path.c_str());
  REQUIRE(d != nullptr);
  while (const dirent* e = ::readdir(d)) {
    if (e->d_name[0] == '.') continue;
    with(pyro_test::contents_of(path + '/' + e->d_name));
    ++files;
  }
  ::closedir(d);
  return files;
}

}  // namespace

TEST_CASE("what fuzzers found interesting in .eh_frame") {
  CHECK(replay("eh_frame", [](const std::string& bytes) { pyro_test::decode_any(bytes); }) >= 20);
}

TEST_CASE("what fuzzers found interesting of stacks") {
  CHECK(replay("walk", [](const std::string& bytes) { pyro_test::walk_any(bytes); }) >= 20);
}

TEST_CASE("stubs are told by their instructions") {
  const auto print = [](const std::vector<unwind_row>& rows) {
    std::string text;
    for (const unwind_row& r : rows)
      text += std::to_string(r.pc) + (r.gap != 0 ? " gap" : r.how() == cfa_rule::plt ? " plt" : " sp+" + std::to_string(r.offset())) + '\n';
    return text;
  };
  const auto find = [&](const std::vector<unsigned char>& code_bytes, const frame_registers& registers) {
    std::vector<unwind_row> rows;
    stub_finder::find(code_bytes.data(), code_bytes.size(), 0x40, registers, rows);
    return print(rows);
  };
  const std::vector<unsigned char> lazy = {0xff, 0x25, 1, 2, 3, 4, 0x68, 0, 0, 0, 0, 0xe9, 5, 6, 7, 8};
  const std::vector<unsigned char> marked = {0xf3, 0x0f, 0x1e, 0xfa, 0xf2, 0xff, 0x25, 1, 2, 3, 4, 0x90, 0x90, 0x90, 0x90, 0x90};
  const std::vector<unsigned char> plain = {0xff, 0x25, 1, 2, 3, 4, 0x66, 0x90};
  std::vector<unsigned char> all = lazy;
  all.insert(all.end(), marked.begin(), marked.end());
  all.insert(all.end(), plain.begin(), plain.end());
  all.insert(all.end(), 8, 0xcc);
  CHECK(find(all, x86_64_registers) == "64 plt\n80 sp+8\n96 sp+8\n104 gap\n");
  CHECK(find({0xcc, 0xff, 0x25, 1, 2, 3, 4, 0x66, 0x90, 0xcc, 0xcc}, x86_64_registers).empty());
  CHECK(find({0xff, 0x25, 1}, x86_64_registers).empty());

  std::vector<unsigned char> arm;
  const auto add = [&](std::uint32_t word) {
    for (int i = 0; i < 4; ++i) arm.push_back(static_cast<unsigned char>(word >> (8 * i)));
  };
  add(0xa9bf7bf0);                                                                        // stp x16, x30, [sp, -16]!
  for (const std::uint32_t w : {0xb0000010U, 0xf9400211U, 0x91000210U, 0xd61f0220U}) add(w);  // adrp; ldr; add; br
  for (const std::uint32_t w : {0xd503201fU, 0xd503201fU}) add(w);                        // nop
  for (const std::uint32_t w : {0xd503245fU, 0x90000010U, 0xf9400611U, 0x91002210U, 0xd61f0220U}) add(w);  // bti c
  for (const std::uint32_t w : {0x90000010U, 0xf9400611U, 0x91002210U, 0xd503219fU, 0xd61f0220U}) add(w);  // autia1716
  add(0xd65f03c0);  // ret
  CHECK(find(arm, aarch64_registers) == "64 sp+0\n68 sp+16\n84 gap\n92 sp+0\n112 sp+0\n132 gap\n");
  CHECK(find(arm, x86_64_registers).empty());
}

}  // namespace walk_test
