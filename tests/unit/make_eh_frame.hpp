#pragma once
// Writes .eh_frame by hand, for tests of what reads it.

#include <pyro/sample/eh_frame.hpp>

#include <cstring>
#include <string>
#include <vector>

namespace pyro_test {

class eh_frame_writer {
 public:
  explicit eh_frame_writer(std::uint64_t address) : address_(address) {}

  eh_frame_writer& u8(unsigned v) { return raw(static_cast<std::uint8_t>(v)); }
  eh_frame_writer& u16(unsigned v) { return raw(static_cast<std::uint16_t>(v)); }
  eh_frame_writer& u32(std::uint64_t v) { return raw(static_cast<std::uint32_t>(v)); }
  eh_frame_writer& u64(std::uint64_t v) { return raw(v); }
  eh_frame_writer& text(const char* s) { return bytes(std::string(s, std::strlen(s) + 1)); }
  eh_frame_writer& bytes(const std::string& s) {
    all_ += s;
    return *this;
  }
  eh_frame_writer& list(std::initializer_list<unsigned> s) {
    for (const unsigned b : s) u8(b);
    return *this;
  }

  /// Where the next byte goes, in memory.
  std::uint64_t here() const { return address_ + all_.size(); }
  std::size_t size() const { return all_.size(); }

  /// Begins an entry; its length is written by `end`.
  std::size_t begin() {
    entry_ = all_.size();
    u32(0);
    return entry_;
  }
  void end() {
    while ((all_.size() - entry_) % 4 != 0) u8(0);
    const auto length = static_cast<std::uint32_t>(all_.size() - entry_ - 4);
    std::memcpy(&all_[entry_], &length, sizeof length);
  }
  /// As compilers write it: version 1, addresses relative to themselves, in four bytes.
  std::size_t usual_cie(std::initializer_list<unsigned> program, const char* augmentation = "zR", unsigned return_address = 16, unsigned data_factor = 0x78) {
    const std::size_t at = begin();
    u32(0).u8(1).text(augmentation).u8(1).u8(data_factor).u8(return_address).u8(1).u8(0x1b).list(program).end();
    return at;
  }
  void fde(std::size_t cie, std::uint64_t pc, std::uint32_t length, std::initializer_list<unsigned> program) {
    begin();
    u32(all_.size() - cie).u32(pc - here()).u32(length).u8(0).list(program).end();
  }
  void terminate() { u32(0); }

  pyro::sampling::bytes_at memory() const { return {reinterpret_cast<const unsigned char*>(all_.data()), all_.size(), address_}; }
  std::string& text() { return all_; }

 private:
  template <class T>
  eh_frame_writer& raw(T v) {
    all_.append(reinterpret_cast<const char*>(&v), sizeof v);
    return *this;
  }
  std::uint64_t address_;
  std::string all_;
  std::size_t entry_ = 0;
};

}  // namespace pyro_test
