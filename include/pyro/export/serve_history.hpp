#pragma once
// The last windows, for the report of the live view, and what has come since the last of them. Thread safe: filled by the thread that closes
// windows, read by the server's.

#include <pyro/model/merge.hpp>

#include <deque>
#include <memory>
#include <mutex>
#include <vector>

namespace pyro::detail {

/// About what a profile takes.
inline std::size_t bytes_of(const profile& p) noexcept {
  std::size_t bytes = sizeof p + p.mappings.size() * sizeof(mapping) + p.functions.size() * sizeof(function) + p.frames.size() * sizeof(frame) +
                      p.stacks.size() * sizeof(stack) + p.samples.size() * sizeof(sample) + p.values.size() * sizeof(std::int64_t);
  for (const std::string& s : p.strings) bytes += sizeof s + (s.size() > 15 ? s.size() + 1 : 0);
  for (const label_set& l : p.label_sets) bytes += sizeof l + l.size() * sizeof(label);
  return bytes;
}

class window_history {
 public:
  using list = std::vector<std::shared_ptr<const profile>>;

  explicit window_history(std::size_t most_windows, std::size_t most_bytes = std::size_t{32} << 20) : most_windows_(most_windows), most_bytes_(most_bytes) {}

  void add(const profile& window) {
    auto kept = std::make_shared<const profile>(window);
    const std::size_t bytes = bytes_of(*kept);
    const std::lock_guard<std::mutex> hold(mutex_);
    open_.clear();  // this is it
    while (!windows_.empty() && (windows_.size() >= most_windows_ || bytes_ + bytes > most_bytes_)) {
      bytes_ -= windows_.front().second;
      windows_.pop_front();
    }
    if (bytes > most_bytes_) return;
    windows_.emplace_back(std::move(kept), bytes);
    bytes_ += bytes;
  }

  void add_piece(const profile& piece, bool ends_window) {
    const std::lock_guard<std::mutex> hold(mutex_);
    if (ends_window && (open_.empty() || (open_.result().samples.empty() && piece.samples.empty()))) open_.clear();  // nobody has asked, or it is empty
    else open_.add(piece);
  }

  /// The windows, oldest first, and the open one as far as it is known.
  list windows() const {
    const std::lock_guard<std::mutex> hold(mutex_);
    list out;
    for (const auto& w : windows_) out.push_back(w.first);
    if (!open_.empty()) out.push_back(std::make_shared<const profile>(open_.result()));
    return out;
  }

 private:
  const std::size_t most_windows_, most_bytes_;
  mutable std::mutex mutex_;
  std::deque<std::pair<std::shared_ptr<const profile>, std::size_t>> windows_;
  profile_run open_{merge_limits{100'000, 500'000, std::size_t{16} << 20}};
  std::size_t bytes_ = 0;
};

}  // namespace pyro::detail
