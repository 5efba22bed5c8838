// .eh_frame, decoded: every instruction and encoding by hand, damage, and whole libraries against readelf.
#include "make_eh_frame.hpp"
#include "tools.hpp"

#include <pyro/platform/system.hpp>
#include <pyro/sample/elf_image.hpp>

#include <map>
#include <sstream>

namespace eh_frame_test {

using namespace pyro::sampling;
using pyro_test::eh_frame_writer;

namespace {

constexpr std::uint64_t code = 0x10000, code_end = 0x20000, frames_at = 0x40000;

struct decoded {
  std::vector<unwind_row> rows;
  std::uint64_t refused = 0;
  const unwind_row& at(std::uint64_t pc) const {
    static const unwind_row none;
    const unwind_row* found = &none;
    for (const unwind_row& r : rows)
      if (code + r.pc <= pc) found = &r;
    return *found;
  }
};

decoded decode(const eh_frame_writer& w, const frame_registers& registers = x86_64_registers) {
  decoded d;
  frame_decoder decoder(w.memory(), code, code_end, d.rows, registers);
  decoder.decode();
  d.refused = decoder.refused();
  return d;
}

/// A function of 256 bytes at `code`, with these instructions.
decoded one(std::initializer_list<unsigned> program, std::initializer_list<unsigned> initial = {0x0c, 7, 8, 0x90, 1}) {
  eh_frame_writer w(frames_at);
  const std::size_t cie = w.usual_cie(initial);
  w.fde(cie, code, 256, program);
  w.terminate();
  return decode(w);
}

/// "sp+8 fp:c-16 second:same start", to compare at a glance.
std::string print(const unwind_row& r) {
  static const char* const names[] = {"none", "sp", "fp", "plt", "*sp", "*sp+8", "*fp", "*fp+8", "rax", "rbx", "r10", "r11", "signal"};
  std::ostringstream s;
  const auto slot = [&](const char* name, saved_slot v) {
    if (v.is_same()) return;
    s << ' ' << name << ':';
    if (v.is_lost()) s << "lost";
    else s << (v.is_from_fp() ? 'f' : 'c') << std::showpos << v.offset() << std::noshowpos;
  };
  s << names[r.rule];
  if (r.how() != cfa_rule::none && r.how() != cfa_rule::signal_frame) s << std::showpos << r.offset() << std::noshowpos;
  slot("fp", r.fp);
  slot("second", r.second);
  if (r.starts != 0) s << " start";
  if (r.outermost != 0) s << " outermost";
  if (r.signed_ra != 0) s << " signed";
  if (r.gap != 0) s << " gap";
  return s.str();
}
std::string print(const decoded& d) {
  std::ostringstream s;
  for (const unwind_row& r : d.rows) s << std::hex << r.pc << std::dec << ' ' << print(r) << '\n';
  return s.str();
}

}  // namespace

TEST_CASE("a function as compilers write it") {
  // push rbp; mov rbp, rsp; push rbx; ...; leave; ret
  const decoded d = one({0x41, 0x0e, 16, 0x86, 2, 0x43, 0x0d, 6, 0x44, 0x83, 3, 0x02, 100, 0xc6, 0x0c, 7, 8});
  CHECK(print(d) ==
        "0 sp+8 start\n"
        "1 sp+16 fp:c-16\n"
        "4 fp+16 fp:c-16\n"
        "8 fp+16 fp:c-16 second:c-24\n"
        "6c sp+8 second:c-24\n"
        "100 none gap\n");
  CHECK(d.refused == 0);
}

TEST_CASE("each instruction of call frame information") {
  // what comes at 16, behind advance_loc 16
  const auto then = [](std::initializer_list<unsigned> program) {
    std::string bytes;
    eh_frame_writer w(frames_at);
    const std::size_t cie = w.usual_cie({0x0c, 7, 8, 0x90, 1});
    w.begin();
    w.u32(w.size() - cie).u32(code - w.here()).u32(256).u8(0).u8(0x50).list(program).end();
    w.terminate();
    unwind_row row = decode(w).at(code + 16);
    row.starts = 0;  // the first row, where nothing changes
    return print(row);
  };
  CHECK(then({0x0e, 32}) == "sp+32");                                    // def_cfa_offset
  CHECK(then({0x0e, 0x80, 0x02}) == "sp+256");                           // in two bytes
  CHECK(then({0x0d, 6}) == "fp+8");                                      // def_cfa_register
  CHECK(then({0x0c, 6, 16}) == "fp+16");                                 // def_cfa
  CHECK(then({0x12, 7, 0x7e}) == "sp+16");                               // def_cfa_sf: -2 * -8
  CHECK(then({0x13, 0x7d}) == "sp+24");                                  // def_cfa_offset_sf
  CHECK(then({0x0c, 10, 0}) == "r10+0");
  CHECK(then({0x0c, 11, 8}) == "r11+8");
  CHECK(then({0x0c, 0, 8}) == "rax+8");
  CHECK(then({0x0c, 3, 24}) == "rbx+24");
  CHECK(then({0x0c, 12, 8}) == "none");                                  // r12
  CHECK(then({0x0c, 7, 12}) == "none");                                  // no multiple of 8
  CHECK(then({0x86, 2}) == "sp+8 fp:c-16");                              // offset
  CHECK(then({0x05, 6, 2}) == "sp+8 fp:c-16");                           // offset_extended
  CHECK(then({0x11, 6, 2}) == "sp+8 fp:c-16");                           // offset_extended_sf
  CHECK(then({0x11, 6, 0x7e}) == "sp+8 fp:c+16");
  CHECK(then({0x2f, 3, 3}) == "sp+8 second:c+24");                       // GNU_negative_offset_extended
  CHECK(then({0x86, 2, 0xc6}) == "sp+8");                                // restore
  CHECK(then({0x83, 3, 0x06, 3}) == "sp+8");                             // restore_extended
  CHECK(then({0x86, 2, 0x08, 6}) == "sp+8");                             // same_value
  CHECK(then({0x07, 6}) == "sp+8 fp:lost");                              // undefined
  CHECK(then({0x09, 3, 12}) == "sp+8 second:lost");                      // register
  CHECK(then({0x14, 6, 2}) == "sp+8 fp:lost");                           // val_offset
  CHECK(then({0x15, 6, 2}) == "sp+8 fp:lost");                           // val_offset_sf
  CHECK(then({0x16, 6, 2, 0x76, 0}) == "sp+8 fp:lost");                  // val_expression
  CHECK(then({0x07, 16}) == "sp+8 outermost");                           // no return address
  CHECK(then({0x07, 16, 0xd0}) == "sp+8");                               // and again one
  CHECK(then({0x90, 2}) == "none");                                      // elsewhere than it always is
  CHECK(then({0x09, 16, 0}) == "none");                                  // in a register
  CHECK(then({0x10, 16, 2, 0x77, 0}) == "none");                         // at an expression
  CHECK(then({0x0a, 0x0e, 64, 0x0b}) == "sp+8");                         // remember_state, restore_state
  CHECK(then({0x0a, 0x0e, 64, 0x0a, 0x0e, 32, 0x0b}) == "sp+64");
  CHECK(then({0x2e, 16}) == "sp+8");                                     // GNU_args_size
  CHECK(then({0, 0, 0x0e, 16, 0}) == "sp+16");                           // nop
  CHECK(then({0x86, 0x80, 0x80, 0x01}) == "sp+8 fp:lost");               // further than a row reaches: 128 KiB
  CHECK(then({0x0e, 0x80, 0x80, 0x80, 0x20}) == "none");                 // a frame of 64 MiB
  CHECK(then({0x0e, 0xf8, 0xff, 0xff, 0x1f}) == "sp+67108856");          // and the largest that is understood
  CHECK(then({0x8c, 2, 0x8f, 3}) == "sp+8");                             // registers that nobody needs
}

TEST_CASE("restore means what the common entry said") {
  CHECK(print(one({0x08, 6, 0x44, 0xc6}, {0x0c, 7, 8, 0x90, 1, 0x86, 2})) == "0 sp+8 start\n4 sp+8 fp:c-16\n100 none gap\n");
  CHECK(print(one({0x08, 3, 0x44, 0x06, 3}, {0x0c, 7, 8, 0x90, 1, 0x83, 2})) == "0 sp+8 start\n4 sp+8 second:c-16\n100 none gap\n");
}

TEST_CASE("expressions: the known shapes, exactly") {
  const auto cfa = [](std::initializer_list<unsigned> expression) {
    eh_frame_writer w(frames_at);
    const std::size_t cie = w.usual_cie({0x0c, 7, 8, 0x90, 1});
    w.begin();
    w.u32(w.size() - cie).u32(code - w.here()).u32(256).u8(0).u8(0x0f).u8(static_cast<unsigned>(expression.size())).list(expression).end();
    return print(decode(w).at(code));
  };
  CHECK(cfa({0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22}) == "plt+11 start");
  CHECK(cfa({0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x39, 0x2a, 0x33, 0x24, 0x22}) == "plt+9 start");
  CHECK(cfa({0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x4b, 0x2a, 0x33, 0x24, 0x22}) == "none start");  // lit27
  CHECK(cfa({0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24}) == "none start");
  CHECK(cfa({0x77, 16, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22}) == "none start");
  CHECK(cfa({0x76, 0x78, 0x06}) == "*fp-8 start");
  CHECK(cfa({0x77, 0x98, 0x01, 0x06, 0x23, 8}) == "*sp+8+152 start");  // OpenSSL
  CHECK(cfa({0x77, 24, 0x06, 0x38, 0x22}) == "*sp+8+24 start");
  CHECK(cfa({0x77, 24, 0x06, 0x23, 16}) == "none start");
  CHECK(cfa({0x76, 16}) == "fp+16 start");
  CHECK(cfa({0x7a, 0}) == "r10+0 start");
  CHECK(cfa({0x7a, 0, 0x06}) == "none start");
  CHECK(cfa({0x76, 0x78, 0x06, 0x06}) == "none start");
  CHECK(cfa({}) == "none start");
  // def_cfa_offset makes no sense behind an expression
  CHECK(print(one({0x44, 0x0f, 2, 0x76, 16, 0x44, 0x0e, 16}).at(code + 8)) == "fp+16");
  CHECK(print(one({0x44, 0x0f, 3, 0x76, 0x78, 0x06, 0x44, 0x0e, 16, 0x44, 0x0e, 8}).at(code + 12)) == "none");

  CHECK(print(one({0x10, 6, 2, 0x76, 0}).at(code)) == "sp+8 fp:f+0 start");
  CHECK(print(one({0x10, 3, 2, 0x76, 0x68}).at(code)) == "sp+8 second:f-24 start");
  CHECK(print(one({0x10, 6, 2, 0x77, 0}).at(code)) == "sp+8 fp:lost start");
  CHECK(print(one({0x10, 6, 3, 0x76, 0, 0x06}).at(code)) == "sp+8 fp:lost start");
}

TEST_CASE("advances of every width") {
  CHECK(print(one({0x02, 0xc8, 0x0e, 16})) == "0 sp+8 start\nc8 sp+16\n100 none gap\n");
  eh_frame_writer w(frames_at);
  const std::size_t cie = w.usual_cie({0x0c, 7, 8, 0x90, 1});
  w.fde(cie, code, 0x9000, {0x03, 0x34, 0x12, 0x0e, 16, 0x04, 0x00, 0x40, 0, 0, 0x0e, 24});
  w.begin();
  w.u32(w.size() - cie).u32(code + 0xa000 - w.here()).u32(0x100).u8(0).u8(0x01);  // set_loc
  w.u32(code + 0xa020 - w.here()).u8(0x0e).u8(32).end();
  CHECK(print(decode(w)) == "0 sp+8 start\n1234 sp+16\n5234 sp+24\n9000 none gap\na000 sp+8 start\na020 sp+32\na100 none gap\n");
}

TEST_CASE("rows that say the same are one, but functions keep their starts") {
  eh_frame_writer w(frames_at);
  const std::size_t cie = w.usual_cie({0x0c, 7, 8, 0x90, 1});
  w.fde(cie, code, 16, {0x44, 0x8c, 2, 0x44, 0x8d, 3});
  w.fde(cie, code + 16, 16, {});
  w.fde(cie, code + 64, 16, {0x44, 0x0e, 16, 0x44, 0x0e, 8});
  w.terminate();
  CHECK(print(decode(w)) == "0 sp+8 start\n10 sp+8 start\n20 none gap\n40 sp+8 start\n44 sp+16\n48 sp+8\n50 none gap\n");
}

TEST_CASE("augmentations") {
  const auto with = [](auto&& write) {
    eh_frame_writer w(frames_at);
    const std::size_t cie = w.begin();
    w.u32(0);
    write(w);
    w.list({0x0c, 7, 8, 0x90, 1}).end();
    return std::make_pair(w, cie);
  };
  const auto row = [](std::pair<eh_frame_writer, std::size_t> made, bool has_data = true) {
    eh_frame_writer& w = made.first;
    w.begin();
    w.u32(w.size() - made.second).u32(code - w.here()).u32(256);
    if (has_data) w.u8(4).u32(0x12345678);  // the place of exception tables
    w.end();
    return print(decode(w).at(code));
  };
  using writer = eh_frame_writer;
  CHECK(row(with([](writer& w) { w.u8(1).text("zPLR").u8(1).u8(0x78).u8(16).u8(7).u8(0x9b).u32(99).u8(0x1b).u8(0x1b); })) == "sp+8 start");
  CHECK(row(with([](writer& w) { w.u8(1).text("zPLR").u8(1).u8(0x78).u8(16).u8(11).u8(0).u64(99).u8(0).u8(0x1b); })) == "sp+8 start");
  CHECK(row(with([](writer& w) { w.u8(1).text("zRS").u8(1).u8(0x78).u8(16).u8(1).u8(0x1b); })) == "signal start");
  CHECK(row(with([](writer& w) { w.u8(1).text("zRB").u8(1).u8(0x78).u8(16).u8(1).u8(0x1b); })) == "sp+8 start");
  CHECK(row(with([](writer& w) { w.u8(3).text("zR").u8(1).u8(0x78).u8(16).u8(1).u8(0x1b); })) == "sp+8 start");
  CHECK(row(with([](writer& w) { w.u8(4).text("zR").u8(8).u8(0).u8(1).u8(0x78).u8(16).u8(1).u8(0x1b); })) == "sp+8 start");
  CHECK(row(with([](writer& w) { w.u8(2).text("zR").u8(1).u8(0x78).u8(16).u8(1).u8(0x1b); })) == "none");   // no such version
  CHECK(row(with([](writer& w) { w.u8(4).text("zR").u8(4).u8(0).u8(1).u8(0x78).u8(16).u8(1).u8(0x1b); })) == "none");
  CHECK(row(with([](writer& w) { w.u8(1).text("zXR").u8(1).u8(0x78).u8(16).u8(2).u8(0).u8(0x1b); })) == "none");  // unknown, before R
  CHECK(row(with([](writer& w) { w.u8(1).text("Q").u8(1).u8(0x78).u8(16); }), false) == "none");
  CHECK(row(with([](writer& w) { w.u8(1).text("zR").u8(1).u8(0x78).u8(15).u8(1).u8(0x1b); })) == "none start");  // returns by another register
}

TEST_CASE("encodings of addresses") {
  const auto row = [](unsigned encoding, auto&& write) {
    eh_frame_writer w(frames_at);
    const std::size_t cie = w.begin();
    w.u32(0).u8(1).text("zR").u8(1).u8(0x78).u8(16).u8(1).u8(encoding).list({0x0c, 7, 8, 0x90, 1}).end();
    w.begin();
    w.u32(w.size() - cie);
    write(w);
    w.u8(0).end();
    return print(decode(w));
  };
  using writer = eh_frame_writer;
  const std::string right = "0 sp+8 start\n100 none gap\n";
  CHECK(row(0x00, [](writer& w) { w.u64(code).u64(256); }) == right);
  CHECK(row(0x04, [](writer& w) { w.u64(code).u64(256); }) == right);
  CHECK(row(0x0c, [](writer& w) { w.u64(code).u64(256); }) == right);
  CHECK(row(0x03, [](writer& w) { w.u32(code).u32(256); }) == right);
  CHECK(row(0x0b, [](writer& w) { w.u32(code).u32(256); }) == right);
  CHECK(row(0x01, [](writer& w) { w.list({0x80, 0x80, 0x04}).list({0x80, 0x02}); }) == right);
  CHECK(row(0x1b, [](writer& w) { w.u32(code - w.here()).u32(256); }) == right);
  CHECK(row(0x1c, [](writer& w) { w.u64(code - w.here()).u64(256); }) == right);
  CHECK(row(0x19, [](writer& w) { w.list({0xe8, 0xff, 0x74}).list({0x80, 0x02}); }) != right);  // pcrel, but elsewhere
  CHECK(row(0x9b, [](writer& w) { w.u32(code - w.here()).u32(256); }).empty());                 // to be loaded from elsewhere
  CHECK(row(0x3b, [](writer& w) { w.u32(code - w.here()).u32(256); }).empty());                 // relative to data
  CHECK(row(0x2b, [](writer& w) { w.u32(code - w.here()).u32(256); }).empty());                 // relative to text
  CHECK(row(0x50, [](writer& w) { w.u64(code).u64(256); }).empty());                            // aligned
  CHECK(row(0x1f, [](writer& w) { w.u64(code).u64(256); }).empty());
  // Dropped by the linker; empty; cut off by the end of the code.
  CHECK(row(0x00, [](writer& w) { w.u64(0).u64(256); }).empty());
  CHECK(row(0x00, [](writer& w) { w.u64(code).u64(0); }).empty());
  CHECK(row(0x00, [](writer& w) { w.u64(code_end - 16).u64(~std::uint64_t{0}); }) == "fff0 sp+8 start\n10000 none gap\n");
}

TEST_CASE("lengths of eight bytes") {
  eh_frame_writer w(frames_at);
  w.u32(0xffffffff).u64(17).u32(0).u8(1).text("zR").u8(1).u8(0x78).u8(16).u8(1).u8(0x1b).list({0x0c, 7, 8});
  w.list({0});
  // 17: what follows the length
  w.text().resize(12 + 17);
  const std::size_t begin = w.size();
  w.u32(0xffffffff).u64(13).u32(begin + 12).u32(code - w.here()).u32(256).u8(0);
  w.terminate();
  CHECK(print(decode(w)) == "0 sp+8 start\n100 none gap\n");
}

TEST_CASE("the header's table") {
  eh_frame_writer w(frames_at);
  const std::size_t cie = w.usual_cie({0x0c, 7, 8, 0x90, 1});
  const std::size_t second = w.size();
  w.fde(cie, code + 256, 256, {0x44, 0x0e, 16});
  const std::size_t first = w.size();
  w.fde(cie, code, 256, {});
  w.terminate();
  constexpr std::uint64_t header_at = 0x30000;
  eh_frame_writer h(header_at);
  h.u8(1).u8(0x1b).u8(0x03).u8(0x3b).u32(frames_at - h.here()).u32(2);
  h.u32(code - header_at).u32(frames_at + first - header_at).u32(code + 256 - header_at).u32(frames_at + second - header_at);
  const frame_index index = frame_index::read(h.memory());
  REQUIRE(index.frames == frames_at);
  REQUIRE(index.count == 2);
  const auto by_table = [&](const eh_frame_writer& header, const frame_index& i) {
    decoded d;
    frame_decoder(w.memory(), code, code_end, d.rows, x86_64_registers).decode(header.memory(), i);
    return print(d);
  };
  const std::string right = "0 sp+8 start\n100 sp+8 start\n104 sp+16\n200 none gap\n";
  CHECK(by_table(h, index) == right);
  CHECK(print(decode(w)) == right);  // by entries, which are not sorted

  eh_frame_writer none(header_at);
  none.u8(1).u8(0x1b).u8(0xff).u8(0xff).u32(frames_at - none.here());
  CHECK(frame_index::read(none.memory()).frames == frames_at);
  CHECK(frame_index::read(none.memory()).count == 0);
  eh_frame_writer too_many = h;
  too_many.text()[8] = 3;  // entries that are not there
  CHECK(frame_index::read(too_many.memory()).count == 0);
  eh_frame_writer other = h;
  other.text()[0] = 2;
  CHECK(frame_index::read(other.memory()).frames == 0);
  CHECK(frame_index::read({}).frames == 0);
  eh_frame_writer outside = h;
  outside.text()[16] = 0x7f, outside.text()[19] = 0x7f;  // an entry somewhere else
  CHECK(by_table(outside, index).find("0 sp+8 start\n") != 0);
}

TEST_CASE("aarch64: the return address and its signature") {
  eh_frame_writer w(frames_at);
  const std::size_t cie = w.usual_cie({0x0c, 31, 0}, "zR", 30);
  // paciasp; stp x29, x30, [sp, -32]!; ...; ldp; autiasp; ret
  w.fde(cie, code, 256, {0x44, 0x2d, 0x44, 0x0e, 32, 0x9d, 4, 0x9e, 3, 0x44, 0x0d, 29, 0x60, 0xde, 0xdd, 0x0c, 31, 0, 0x44, 0x2d});
  w.fde(cie, code + 256, 256, {0x07, 30});
  // _dl_runtime_resolve: x30 at cfa + 8, from the second instruction on; at the last x30 has been popped.
  w.fde(cie, code + 512, 256, {0x44, 0x11, 30, 0x7f, 0x44, 0x0e, 0xd0, 0x01, 0x44, 0x0e, 0, 0x44, 0x13, 2});
  // longjmp: the registers lie where x0 points to.
  w.fde(cie, code + 768, 256, {0x44, 0x0c, 0, 0, 0x11, 30, 0x75});
  w.terminate();
  CHECK(print(decode(w, aarch64_registers)) ==
        "0 sp+0 start\n"
        "4 sp+0 signed\n"
        "8 sp+32 fp:c-32 second:c-24 signed\n"
        "c fp+32 fp:c-32 second:c-24 signed\n"
        "2c sp+0 signed\n"
        "30 sp+0\n"
        "100 sp+0 start outermost\n"
        "200 sp+16 start\n"
        "204 sp+16 second:c-8\n"
        "208 sp+224 second:c-8\n"
        "20c sp+16 second:c-8\n"
        "210 sp+0\n"
        "300 sp+0 start\n"
        "304 none\n"
        "400 none gap\n");
  CHECK(print(one({0x44, 0x2d}).at(code + 4)) == "none");  // means something else on x86-64
}

TEST_CASE("what is not understood says so, and no more than that") {
  const decoded d = one({0x44, 0x0e, 16, 0x44, 0x3f, 0x44, 0x0e, 32});
  CHECK(print(d) == "0 sp+8 start\n4 sp+16\n8 none\n100 none gap\n");
  CHECK(d.refused == 1);
  CHECK(print(one({0x44, 0x0b})) == "0 sp+8 start\n4 none\n100 none gap\n");                            // restores what was never remembered
  CHECK(print(one({0x44, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a})) == "0 sp+8 start\n4 none\n100 none gap\n");
  CHECK(print(one({0x44, 0x0e, 16, 0x01, 0, 0, 0, 0x80, 0x0e, 24})) == "0 sp+8 start\n4 sp+16\n100 none gap\n");  // out of the function
  CHECK(print(one({0x44, 0x0f, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f, 0x77})) == "0 sp+8 start\n4 none\n100 none gap\n");
}

TEST_CASE("damaged entries") {
  eh_frame_writer good(frames_at);
  const std::size_t cie = good.usual_cie({0x0c, 7, 8, 0x90, 1});
  good.fde(cie, code, 256, {0x44, 0x0e, 16, 0x44, 0x0f, 3, 0x76, 0x78, 0x06, 0x44, 0x0a, 0x0e, 24, 0x0b});
  good.fde(cie, code + 256, 256, {0x44, 0x0e, 16});
  good.terminate();
  const std::size_t all = decode(good).rows.size();
  REQUIRE(all == 7);
  // Cut short anywhere; each byte replaced by each of some values. ASan and UBSan watch.
  for (std::size_t n = 0; n < good.size(); ++n) {
    std::vector<unsigned char> part(good.memory().data, good.memory().data + n);
    std::vector<unwind_row> rows;
    frame_decoder({part.data(), part.size(), frames_at}, code, code_end, rows, x86_64_registers).decode();
    CHECK(rows.size() <= n + 16);
  }
  for (std::size_t i = 0; i < good.size(); ++i)
    for (const unsigned v : {0x00U, 0x01U, 0x7fU, 0x80U, 0xffU, 0x0bU, 0x44U}) {
      eh_frame_writer bad = good;
      bad.text()[i] = static_cast<char>(v);
      const decoded d = decode(bad);
      CHECK(d.rows.size() <= good.size() + 16);
      for (std::size_t k = 1; k < d.rows.size(); ++k) REQUIRE(d.rows[k - 1].pc < d.rows[k].pc);
    }
  eh_frame_writer loop(frames_at);  // an entry that is its own CIE, an entry of no length, a CIE before the beginning
  loop.begin();
  loop.u32(4).u64(0).end();
  loop.begin();
  loop.u32(0x7fffffff).u64(0).end();
  CHECK(decode(loop).rows.empty());
}

TEST_CASE("work is bounded, whatever the entries refer to") {
  // Each function has another CIE than the one before, and each CIE a program as long as the section: quadratic, if one believed it.
  eh_frame_writer w(frames_at);
  std::size_t cies[2];
  for (std::size_t& c : cies) {
    c = w.begin();
    w.u32(0).u8(1).text("zR").u8(1).u8(0x78).u8(16).u8(1).u8(0x1b).bytes(std::string(200000, '\0')).end();
  }
  for (unsigned i = 0; i < 20000; ++i) w.fde(cies[i % 2], code + i, 1, {});
  w.terminate();
  const std::int64_t begin = pyro::platform::monotonic_ns();
  const decoded d = decode(w);
  CHECK(pyro::platform::monotonic_ns() - begin < 2000000000);  // 4 * 10^9 instructions would take longer
  CHECK(d.rows.size() <= w.size() + 16);
  CHECK(d.refused > 0);
}

// --- whole libraries ------------------------------------------------------------------------------------------------------------

namespace {

struct of_file {
  std::vector<unwind_row> rows;
  std::uint64_t low = 0;
  std::uint64_t refused = 0;
  const unwind_row* find(std::uint64_t pc) const {
    const auto at = std::upper_bound(rows.begin(), rows.end(), pc - low, [](std::uint64_t p, const unwind_row& r) { return p < r.pc; });
    return at == rows.begin() ? nullptr : &*(at - 1);
  }
};

of_file decode_file(const std::string& path, const frame_registers& registers, bool by_header) {
  of_file d;
  const elf_file file{elf_source(path)};
  const elf_section* frames = file.find(std::string_view(".eh_frame"));
  const elf_section* header = file.find(std::string_view(".eh_frame_hdr"));
  std::string f, h;
  if (frames == nullptr || header == nullptr || !file.read(*frames, f, 1U << 30) || !file.read(*header, h, 1U << 30)) return d;
  const elf_image image = elf_image::described_by(file);
  d.low = image.code().front().begin;
  frame_decoder decoder({reinterpret_cast<const unsigned char*>(f.data()), f.size(), frames->sh_addr}, d.low, image.code().back().end, d.rows, registers);
  const bytes_at head{reinterpret_cast<const unsigned char*>(h.data()), h.size(), header->sh_addr};
  const frame_index index = frame_index::read(head);
  CHECK(index.frames == frames->sh_addr);
  if (by_header) decoder.decode(head, index);
  else decoder.decode();
  d.refused = decoder.refused();
  return d;
}

/// What readelf says of a place, in the words of `print`; empty where it is nothing to compare with.
std::string translated(const std::map<std::string, std::string>& row, const frame_registers& registers) {
  const bool x86 = is_x86_64(registers);
  const auto column = [&](const char* name) {
    const auto at = row.find(name);
    return at == row.end() ? std::string("u") : at->second;
  };
  const std::string cfa = column("CFA"), ra = column("ra");
  std::string text;
  const std::size_t sign = cfa.find_first_of("+-");
  if (sign == std::string::npos) return {};  // exp, vexp
  const std::string reg = cfa.substr(0, sign), offset = cfa.substr(sign);
  if (reg == (x86 ? "rsp" : "sp")) text = "sp";
  else if (reg == (x86 ? "rbp" : "x29")) text = "fp";
  else if (x86 && (reg == "r10" || reg == "r11" || reg == "rax" || reg == "rbx")) text = reg;
  else return {};
  text += offset;
  const auto slot = [&](const char* name, const std::string& v) {
    if (v == "u" || v == "s") return true;
    if (v[0] != 'c') return false;
    text += std::string(" ") + name + ":" + v;
    return true;
  };
  if (!slot("fp", column(x86 ? "rbp" : "x29"))) return {};
  if (!slot("second", x86 ? column("rbx") : ra)) return {};
  if (x86 && ra != "c-8") return {};
  if (!x86 && ra.size() > 1 && ra[1] == '+') return {};  // lazy binding: put right
  return text;
}

void compare_with_readelf(const std::string& path, const frame_registers& registers, std::size_t at_least) {
  if (!pyro_test::have("readelf")) {
    WARN("SKIPPED: there is no readelf here (Debian: binutils)");
    return;
  }
  if (::access(path.c_str(), R_OK) != 0) {
    WARN("SKIPPED: there is no " << path);
    return;
  }
  INFO(path);
  const of_file ours = decode_file(path, registers, true);
  CHECK(ours.refused == 0);
  const of_file linear = decode_file(path, registers, false);
  REQUIRE(linear.rows.size() == ours.rows.size());
  for (std::size_t i = 0; i < ours.rows.size(); ++i)
    REQUIRE((ours.rows[i].pc == linear.rows[i].pc && ours.rows[i].unwinds_like(linear.rows[i]) && ours.rows[i].starts == linear.rows[i].starts));

  std::istringstream text(pyro_test::output_of("readelf -W --debug-dump=frames-interp '" + path + "' 2>/dev/null || true"));  // it fails where a debug file is missing
  std::map<std::string, bool> is_signal_cie, other_return;
  std::vector<std::string> columns;
  std::string line, cie;
  std::uint64_t end = 0;
  std::size_t compared = 0, expressions = 0, starts = 0, signals = 0;
  while (std::getline(text, line)) {
    std::istringstream words(line);
    std::vector<std::string> word;
    for (std::string w; words >> w;) word.push_back(w);
    if (word.size() >= 5 && word[3] == "CIE") {
      is_signal_cie[word[0]] = word[4].find('S') != std::string::npos;
      other_return[word[0]] = word.back() != "ra=" + std::to_string(registers.return_address);
      cie.clear();
      end = 0;
    } else if (word.size() >= 6 && word[3] == "FDE") {
      cie = word[4].substr(4);
      const std::string range = word[5].substr(3);
      const std::uint64_t begin = std::strtoull(range.c_str(), nullptr, 16);
      end = std::strtoull(range.c_str() + range.find("..") + 2, nullptr, 16);
      if (begin >= end) continue;
      const unwind_row* row = ours.find(begin);
      REQUIRE(row != nullptr);
      CHECK((row->starts != 0 && ours.low + row->pc == begin));
      ++starts;
    } else if (!word.empty() && word[0] == "LOC") {
      columns = word;
    } else if (end != 0 && word.size() == columns.size() && word[0].size() == 16) {
      const std::uint64_t pc = std::strtoull(word[0].c_str(), nullptr, 16);
      if (pc >= end) continue;
      std::map<std::string, std::string> row;
      for (std::size_t i = 1; i < word.size(); ++i) row[columns[i]] = word[i];
      const unwind_row* found = ours.find(pc);
      REQUIRE(found != nullptr);
      if (other_return[cie]) {
        CHECK(found->how() == cfa_rule::none);
        continue;
      }
      if (is_signal_cie[cie]) {
        CHECK(found->how() == cfa_rule::signal_frame);
        ++signals;
        continue;
      }
      if (row["ra"] == "u" && (is_x86_64(registers) || found->outermost != 0)) {
        CHECK(found->outermost != 0);
        continue;
      }
      const std::string theirs = translated(row, registers);
      if (theirs.empty()) {
        ++expressions;
        continue;
      }
      unwind_row plain = *found;
      plain.starts = plain.signed_ra = 0;
      if (print(plain) != theirs) FAIL(path << ": at " << word[0] << ": " << print(plain) << ", but readelf: " << theirs);
      ++compared;
    }
  }
  CHECK(compared >= at_least);
  CHECK(expressions * 20 <= compared);
  UNSCOPED_INFO(compared << " rows of " << starts << " functions, " << expressions << " with expressions, " << signals << " of signal frames");
}

}  // namespace

TEST_CASE("rows of whole libraries are readelf's") {
  compare_with_readelf(pyro::platform::program_path(), native_registers, 5000);
#if defined(__x86_64__)
  compare_with_readelf("/lib/x86_64-linux-gnu/libc.so.6", x86_64_registers, 20000);
  compare_with_readelf("/lib/x86_64-linux-gnu/libstdc++.so.6", x86_64_registers, 20000);
  compare_with_readelf("/lib/x86_64-linux-gnu/libcrypto.so.3", x86_64_registers, 20000);
#endif
  compare_with_readelf("/usr/aarch64-linux-gnu/lib/libc.so.6", aarch64_registers, 5000);
  compare_with_readelf("/usr/aarch64-linux-gnu/lib/libstdc++.so.6", aarch64_registers, 5000);
}

}  // namespace eh_frame_test
