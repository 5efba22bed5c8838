#pragma once
// Profiles of "the next N seconds", for clients that wait for one. Each is the sum of the pieces between two cuts; any number of windows may end
// on the way. Thread safe: the server's thread begins and ends them, the thread that closes windows fills them.
//
//   begin: ticket ──► first piece with a number as high: from here on ──► pieces are added ──► end: ticket ──► last piece ──► done

#include <pyro/export/live_view.hpp>
#include <pyro/model/merge.hpp>

#include <algorithm>   // remove
#include <functional>  // what to tell the client's connection
#include <memory>
#include <mutex>
#include <vector>

namespace pyro::detail {

/// One of them. The client's connection owns it too, and reads `run` when it is done.
struct recording {
  std::function<void(bool done)> tell;  ///< has begun; is done, or has failed. Called by the thread that closes windows; must not block.
  std::uint64_t first = 0, last = 0;    ///< tickets; 0: not asked for yet
  bool begun = false, failed = false;
  profile_run run{merge_limits{100'000, 500'000, std::size_t{16} << 20}};
};

class recordings {
 public:
  static constexpr std::size_t most = 4;

  explicit recordings(cut_window cut) : cut_(std::move(cut)) {}

  /// False where there are as many as may be.
  bool begin(const std::shared_ptr<recording>& r) {
    const std::lock_guard<std::mutex> hold(mutex_);
    if (list_.size() >= most) return false;
    list_.push_back(r);
    r->first = cut_();
    return true;
  }

  void end(recording& r) {
    const std::lock_guard<std::mutex> hold(mutex_);
    r.last = cut_();
  }

  /// The client has gone. `tell` is not called afterwards.
  void forget(const recording& r) noexcept {
    const std::lock_guard<std::mutex> hold(mutex_);
    list_.erase(std::remove_if(list_.begin(), list_.end(), [&](const auto& own) { return own.get() == &r; }), list_.end());
  }

  void add_piece(const profile& piece, std::uint64_t answered) noexcept {
    const std::lock_guard<std::mutex> hold(mutex_);
    for (std::size_t i = 0; i < list_.size();) {
      recording& r = *list_[i];
      const bool was_begun = r.begun;
      bool done = false;
      try {
        if (was_begun) r.run.add(piece);
        r.begun = was_begun || answered >= r.first;
        done = was_begun && r.last != 0 && answered >= r.last;
      } catch (...) {  // out of memory: half a profile is none
        r.failed = done = true;
      }
      if (done || r.begun != was_begun) {
        try {
          r.tell(done);
        } catch (...) {  // it has a deadline of its own
        }
      }
      if (done) list_.erase(list_.begin() + static_cast<std::ptrdiff_t>(i));
      else ++i;
    }
  }

 private:
  const cut_window cut_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<recording>> list_;
};

}  // namespace pyro::detail
