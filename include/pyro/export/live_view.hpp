#pragma once
// Where a live view is found that the program has included: pyro/export/serve.hpp puts itself here before main. And what a live view is to the
// runtime: an exporter that may ask for what was measured up to now, without the other exporters noticing.

#include <pyro/config.hpp>
#include <pyro/core/abi.hpp>

#include <atomic>
#include <cstdint>
#include <functional>  // asking for a cut
#include <memory>

namespace pyro {

/// Beside whole windows it gets every piece of one. Whoever wants one to end now takes a ticket by calling `cut` (any thread, at once); the
/// first piece that was closed after that has a number as high.
class live_view : public exporter {
 public:
  /// A piece was closed; `answered`: the last ticket that had been given when it was; `ends_window`: what follows belongs to the next window.
  /// The thread that closes windows; must not block.
  virtual void add_piece(const profile& piece, std::uint64_t answered, bool ends_window) noexcept = 0;
};

namespace detail {

using cut_window = std::function<std::uint64_t()>;

/// A view that listens on `serve_address`. Null, and why, where that can't be. `log` and `cut` may be called from any thread of the view's.
using make_live_view = std::shared_ptr<live_view> (*)(const config& settings, log_callback log, cut_window cut, std::string& why_not);

// Hidden: each executable or shared object has its own, so that none calls into another that has been unloaded.
PYRO_HIDDEN inline std::atomic<make_live_view> live_view_slot{nullptr};

}  // namespace detail
}  // namespace pyro
