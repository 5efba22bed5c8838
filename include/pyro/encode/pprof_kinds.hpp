#pragma once
// How a pprof carries what pprof has no field for: the kinds of frames, and stacks without frames. Shared by the encoder and the decoder.
// Pure, any thread.
//
// Most kinds follow from what is there: in a file that pyro wrote, what has an address is native, and of the rest `[...]` is synthetic and all
// else a scope; in other files everything is native. Where a frame's kind is another, its location has one field more, of a number that
// profile.proto does not use; readers skip it.

#include <pyro/model/profile.hpp>

#include <cstdint>      // field numbers
#include <string_view>  // names, comments

namespace pyro::detail {

/// Field of a location: a `pprof_kind`.
inline constexpr std::uint32_t pprof_kind_field = 1000;

enum class pprof_kind : std::uint8_t { implied, scope, native, synthetic, no_frame };

/// What all comments of pyro begin with. A file that has one was written by pyro.
inline constexpr std::string_view pprof_comment = "pyro ";

constexpr frame_kind implied_kind(bool by_pyro, std::uint64_t address, std::string_view name) noexcept {
  if (!by_pyro || address != 0) return frame_kind::native;
  return name.size() > 2 && name.front() == '[' && name.back() == ']' ? frame_kind::synthetic : frame_kind::scope;
}

constexpr pprof_kind pprof_kind_of(frame_kind kind) noexcept {
  return kind == frame_kind::scope ? pprof_kind::scope : kind == frame_kind::native ? pprof_kind::native : pprof_kind::synthetic;
}

}  // namespace pyro::detail
