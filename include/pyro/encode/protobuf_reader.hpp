#pragma once
// Reads protocol buffers: one field after the other, from bytes that may be anything. Allocates nothing but the text of an error.
// Pure, any thread. Format: https://protobuf.dev/programming-guides/encoding

#include <pyro/encode/decode_result.hpp>

#include <cstddef>      // offsets
#include <cstdint>      // wire values
#include <string>       // errors
#include <string_view>  // the bytes

namespace pyro::detail {

/// How a value is written. Groups (3 and 4) are gone since proto2, and no profile has them.
enum class wire_type : std::uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

struct protobuf_field {
  std::uint32_t number = 0;
  wire_type type = wire_type::varint;
  std::uint64_t value = 0;      ///< of varints; for bytes, nothing
  std::string_view bytes;       ///< of a string, a nested message or packed numbers
  std::size_t offset = 0;       ///< where the field begins
  std::size_t value_offset = 0; ///< where its value or its bytes begin
};

/// One message. `offset` is where it begins in the file, for errors.
class protobuf_reader {
 public:
  protobuf_reader(std::string_view message, std::size_t offset, decode_failure& failure) noexcept
      : message_(message), base_(offset), failure_(failure) {}
  explicit protobuf_reader(const protobuf_field& nested, decode_failure& failure) noexcept
      : protobuf_reader(nested.bytes, nested.value_offset, failure) {}

  /// The next field; false at the end of the message, and where it is no message (then the failure says so).
  bool next(protobuf_field& field) {
    if (at_ >= message_.size() || failure_.failed()) return false;
    field.offset = base_ + at_;
    std::uint64_t tag = 0;
    if (!varint(tag, "a field's tag")) return false;
    const std::uint64_t number = tag >> 3U;
    if (number == 0 || number > 0x1fffffffU) return failure_.fail(field.offset, "a field's number from 1 to 536870911", std::to_string(number));
    field.number = static_cast<std::uint32_t>(number);
    field.bytes = std::string_view();
    field.value = 0;
    switch (tag & 7U) {
      case 0:
        field.type = wire_type::varint;
        field.value_offset = base_ + at_;
        return varint(field.value, "a number");
      case 1:
        field.type = wire_type::fixed64;
        return take(field, 8, field.offset);
      case 2: {
        field.type = wire_type::bytes;
        const std::size_t length_offset = base_ + at_;
        std::uint64_t length = 0;
        return varint(length, "a length") && take(field, length, length_offset);
      }
      case 5:
        field.type = wire_type::fixed32;
        return take(field, 4, field.offset);
      default:
        return failure_.fail(field.offset, "a field of wire type 0, 1, 2 or 5", "wire type " + std::to_string(tag & 7U));
    }
  }

  /// A number in `field`, which must be one.
  bool number(const protobuf_field& field, std::uint64_t& value) {
    if (field.type != wire_type::varint) return wrong(field, "a number");
    value = field.value;
    return true;
  }
  bool number(const protobuf_field& field, std::int64_t& value) {
    value = static_cast<std::int64_t>(field.value);
    return field.type == wire_type::varint || wrong(field, "a number");
  }
  /// That `field` is a string or a nested message.
  bool is_bytes(const protobuf_field& field, const char* what) {
    return field.type == wire_type::bytes || wrong(field, what);
  }

  /// Calls `visit(value, offset)` for the number in `field`, or for all that are packed into it, until it returns false.
  template <class Visit>
  bool numbers(const protobuf_field& field, Visit&& visit) {
    if (field.type == wire_type::varint) return visit(field.value, field.value_offset);
    if (field.type != wire_type::bytes) return wrong(field, "a number, or packed ones");
    protobuf_reader packed(field, failure_);
    while (packed.at_ < packed.message_.size()) {
      const std::size_t offset = packed.base_ + packed.at_;
      std::uint64_t value = 0;
      if (!packed.varint(value, "a packed number") || !visit(value, offset)) return false;
    }
    return true;
  }

 private:
  bool wrong(const protobuf_field& field, const char* expected) {
    return failure_.fail(field.offset, std::string(expected) + " in field " + std::to_string(field.number),
                         "wire type " + std::to_string(static_cast<unsigned>(field.type)));
  }

  bool take(protobuf_field& field, std::uint64_t length, std::size_t length_offset) {
    const std::size_t left = message_.size() - at_;
    if (length > left) {
      return failure_.fail(length_offset, "at most " + std::to_string(left) + " bytes, which are left here, in field " + std::to_string(field.number),
                           std::to_string(length));
    }
    field.value_offset = base_ + at_;
    field.bytes = message_.substr(at_, static_cast<std::size_t>(length));
    at_ += static_cast<std::size_t>(length);
    return true;
  }

  bool varint(std::uint64_t& value, const char* what) {
    const std::size_t begin = at_;
    value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
      if (at_ >= message_.size()) return failure_.fail(base_ + begin, std::string("the rest of ") + what, "the end");
      const auto byte = static_cast<unsigned char>(message_[at_++]);
      if (shift < 64) value |= std::uint64_t{byte & 0x7fU} << shift;  // what is past 64 bits is dropped, as others do
      if ((byte & 0x80U) == 0) return true;
    }
    return failure_.fail(base_ + begin, std::string(what) + " of at most 10 bytes", "a longer one");
  }

  std::string_view message_;
  std::size_t base_;
  decode_failure& failure_;
  std::size_t at_ = 0;
};

}  // namespace pyro::detail
