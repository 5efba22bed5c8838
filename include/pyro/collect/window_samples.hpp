#pragma once
// What the pump gathers in a window: stacks of native frames and scopes with their labels and values, before anything has a name. Addresses
// stand for native frames and for sites. Bounded. One thread at a time, under the collector's lock.
//
// From the root: scopes that no frame claimed, `[truncated]` where the walk did not come to the root, then each native frame and the scopes
// that were entered in it, the outermost first.

#include <pyro/collect/path.hpp>
#include <pyro/sample/walk.hpp>

#include <vector>

namespace pyro {
namespace collect PYRO_HIDDEN {

class window_samples {
 public:
  // About 12 MiB: ten seconds of 64 busy cores, which share most of their stacks.
  static constexpr std::size_t max_stacks = 262144;

  window_samples() : builder_(profile_) {
    profile_.sample_types = {{"calls", "count"}, {"samples", "count"}, {"cpu", "nanoseconds"}};
  }
  window_samples(const window_samples&) = delete;
  window_samples& operator=(const window_samples&) = delete;

  profile_builder& builder() noexcept { return builder_; }
  profile& gathered() noexcept { return profile_; }

  /// Adds the oldest record of the thread's ring. False where there is no room.
  bool add(const sampling::record& r, thread_state& t, registry& threads, path_finder& paths) {
    if (profile_.stacks.size() >= max_stacks) return false;
    auto* innermost = reinterpret_cast<core::node*>(r.at & ~core::in_other);
    if (innermost == nullptr) innermost = t.tree->root();
    find_entries(*innermost, r.entries, paths);
    frames_.clear();
    for (std::uint32_t i = 0; i < r.frames; ++i)
      frames_.push_back(sampling::native_frame::of(t.samples.peek(sampling::record::head_words + i)));

    std::size_t claimed = 0;
    for (const sampling::native_frame& f : frames_) claimed += f.scopes;
    std::size_t left = entries_.size();  // innermost first: those from here on are still to come
    std::uint32_t at = no_stack;
    const auto put_scopes = [&](std::size_t count) {
      for (; count > 0 && left > 0; --count)
        if (entries_[--left] != path_finder::no_frame) at = builder_.add_stack(at, entries_[left]);
    };
    put_scopes(entries_.size() > claimed ? entries_.size() - claimed : 0);
    if (r.end != static_cast<std::uint8_t>(sampling::walk_end::complete)) at = builder_.add_stack(at, synthetic_frame(builder_, "[truncated]"));
    for (auto f = frames_.rbegin(); f != frames_.rend(); ++f) {
      frame native;
      native.address = f->address;
      native.kind = frame_kind::native;
      at = builder_.add_stack(at, builder_.add_frame(native));
      put_scopes(f->scopes);
    }

    label_set labels = paths.thread_label(t, threads);  // first: a tag of the same key wins
    const label_set& tags = paths.find(*innermost).labels;
    labels.insert(labels.end(), tags.begin(), tags.end());
    const std::int64_t values[] = {0, r.weight, r.cpu_ns};
    builder_.add(at, builder_.add_labels(labels), values);
    count(r);
    return true;
  }

 private:
  /// The thread's entries, innermost first; `[other]` stands for those that found no room in the tree.
  void find_entries(const core::node& innermost, std::size_t count, path_finder& paths) {
    entries_.clear();
    if (count > innermost.depth) entries_.assign(count - innermost.depth, path_finder::no_frame);
    if (!entries_.empty()) entries_.back() = synthetic_frame(builder_, "[other]");
    for (const core::node* n = &innermost; n->parent != nullptr; n = n->parent) entries_.push_back(paths.find(*n).entry);
  }

  void count(const sampling::record& r) noexcept {
    native_stacks& n = profile_.native;
    switch (static_cast<sampling::walk_end>(r.end)) {
      case sampling::walk_end::complete: n.complete += r.weight; break;
      case sampling::walk_end::no_rows: n.no_rows += r.weight; break;
      case sampling::walk_end::too_deep: n.too_deep += r.weight; break;
      default: n.out_of_bounds += r.weight; break;
    }
    if (r.guessed) n.guessed += r.weight;
    if (r.by_order) n.by_order += r.weight;
  }

  profile profile_;
  profile_builder builder_;
  std::vector<std::uint32_t> entries_;
  std::vector<sampling::native_frame> frames_;
};

}  // namespace collect
}  // namespace pyro
