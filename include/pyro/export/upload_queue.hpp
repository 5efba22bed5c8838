#pragma once
// Pushes that wait for their server, bounded in bytes, and the ledger: given = sent + queued + dropped + uncertain, always.
// Not thread safe: its user locks.

#include <pyro/export/exporter.hpp>

#include <chrono>   // when due
#include <cstddef>  // sizes
#include <cstdint>  // samples, times
#include <deque>
#include <string>   // the bytes
#include <utility>  // move

namespace pyro::detail {

/// One request.
struct upload {
  std::string body;            ///< as it goes out
  bool gzipped = false;
  std::size_t raw_bytes = 0;   ///< before compression: what the server's limits count
  std::uint64_t samples = 0;
  std::int64_t time_ns = 0;    ///< begin of its window, wall clock
  std::chrono::steady_clock::time_point due{};
};

class upload_queue {
 public:
  explicit upload_queue(std::size_t most_bytes) : most_bytes_(most_bytes) {}

  /// Takes it in; the oldest go where there is no room. True where all is as it was, false where something was dropped.
  bool add(upload u) {
    if (u.body.size() > most_bytes_) {  // no room however many go
      ledger_.dropped += u.samples;
      return false;
    }
    bytes_ += u.body.size();
    ledger_.queued += u.samples;
    waiting_.push_back(std::move(u));
    return make_room();
  }

  bool empty() const noexcept { return waiting_.empty(); }
  bool idle() const noexcept { return waiting_.empty() && !under_way_; }
  const upload& front() const noexcept { return waiting_.front(); }
  std::size_t bytes() const noexcept { return bytes_; }
  const delivery& ledger() const noexcept { return ledger_; }

  /// Takes the oldest out to send it. It stays `queued` until one of the next four says what became of it.
  upload take() {
    upload u = std::move(waiting_.front());
    waiting_.pop_front();
    bytes_ -= u.body.size();
    under_way_ = true;
    return u;
  }
  void sent(const upload& u) noexcept { settle(u, ledger_.sent); }
  void dropped(const upload& u) noexcept { settle(u, ledger_.dropped); }
  void uncertain(const upload& u) noexcept { settle(u, ledger_.uncertain); }
  /// Back to the front. False where it was the oldest to go for want of room.
  bool put_back(upload u) {
    under_way_ = false;
    bytes_ += u.body.size();
    waiting_.push_front(std::move(u));
    return make_room();
  }

  /// No more time.
  void drop_all() noexcept {
    while (!waiting_.empty()) drop_oldest();
  }

 private:
  void settle(const upload& u, std::uint64_t& to) noexcept {
    under_way_ = false;
    ledger_.queued -= u.samples;
    to += u.samples;
  }
  bool make_room() noexcept {
    bool all = true;
    for (; bytes_ > most_bytes_ && !waiting_.empty(); all = false) drop_oldest();
    return all;
  }
  void drop_oldest() noexcept {
    bytes_ -= waiting_.front().body.size();
    ledger_.queued -= waiting_.front().samples;
    ledger_.dropped += waiting_.front().samples;
    waiting_.pop_front();
  }

  const std::size_t most_bytes_;
  std::size_t bytes_ = 0;
  bool under_way_ = false;
  std::deque<upload> waiting_;
  delivery ledger_;
};

}  // namespace pyro::detail
