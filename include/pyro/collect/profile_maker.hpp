#pragma once
// From what a window has gathered to the profile that is exported: addresses get names, pyro's own frames go, a scope and the function that it
// names become one frame, and exact counts find their place among native frames. The worker alone, no lock.

#include <pyro/collect/frame_names.hpp>
#include <pyro/collect/post_stratification.hpp>
#include <pyro/collect/window_samples.hpp>

#include <map>            // weights
#include <unordered_map>  // memo
#include <vector>

namespace pyro {
namespace collect PYRO_HIDDEN {

enum class stack_view { merged, scopes, native };

class profile_maker {
 public:
  /// `stratified`: rows of scopes have true CPU times, to which the native samples within them are weighted.
  profile_maker(window_samples& from, profile& to, frame_names& names, stack_view view, bool stratified)
      : raw_(from.gathered()), raw_builder_(from.builder()), builder_(to), names_(names), view_(view), stratified_(stratified), strata_(raw_) {}

  void make() {
    profile& out = builder_.target();
    out.sample_types = raw_.sample_types;
    out.native = raw_.native;
    const platform::lock_guard hold(names_.lock());
    names_.begin(raw_, builder_);
    stacks_.assign(raw_.stacks.size(), translated());
    label_sets_.assign(raw_.label_sets.size(), profile_builder::unknown);
    find_native();
    for (std::uint32_t i = 0; i < stacks_.size(); ++i)
      if (stacks_[i].has_native) translate(i);
    weigh();
    if (stratified_) stratify();
    for (std::size_t row = 0; row < raw_.samples.size(); ++row) add_row(row);
  }

 private:
  struct translated {
    std::uint32_t to = no_stack;
    std::uint32_t path = no_stack;  ///< its scopes alone: a stack of the window's own
    bool has_native = false;
    bool is_sample = false;         ///< with native frames of its own
    bool cut = false;               ///< within pyro: whatever comes further in is left out
  };

  void find_native() {
    for (std::size_t i = 0; i < stacks_.size(); ++i) {
      const stack& s = raw_.stacks[i];
      stacks_[i].has_native = raw_.frames[s.frame].kind == frame_kind::native || (s.parent != no_stack && stacks_[s.parent].has_native);
      stacks_[i].is_sample = stacks_[i].has_native;
    }
    // Scopes further out than the native frames, and [truncated]: parts of stacks that have some.
    for (std::size_t i = stacks_.size(); i-- > 0;)
      if (stacks_[i].has_native && raw_.stacks[i].parent != no_stack) stacks_[raw_.stacks[i].parent].has_native = true;
  }

  /// Parents have lower indices: theirs is done.
  void translate(std::uint32_t i) {
    const stack s = raw_.stacks[i];
    translated& t = stacks_[i];
    if (s.parent != no_stack) {
      t.to = stacks_[s.parent].to;
      t.path = stacks_[s.parent].path;
      t.cut = stacks_[s.parent].cut;
    }
    const frame f = raw_.frames[s.frame];
    if (f.kind == frame_kind::native) {
      const native_name& name = names_.of_native(s.frame);
      t.cut = t.cut || name.is_own;
      if (!t.cut)
        for (const std::uint32_t shown : name.frames) t.to = builder_.add_stack(t.to, shown);
      return;
    }
    if (f.kind == frame_kind::scope) t.path = raw_builder_.add_stack(t.path, s.frame);
    if (t.cut || (view_ == stack_view::native && f.kind == frame_kind::scope)) return;
    if (f.kind == frame_kind::scope && is_same_function(t.to, s.frame)) return;
    t.to = builder_.add_stack(t.to, names_.of_scope(s.frame));
  }

  /// A scope named after the function that it stands in says nothing new.
  bool is_same_function(std::uint32_t around, std::uint32_t scope) {
    if (around == no_stack) return false;
    const frame& f = builder_.target().frames[builder_.target().stacks[around].frame];
    return f.kind == frame_kind::native && names_.is_same(f.function, scope);
  }

  /// Where each path of scopes was seen most: there its counts belong.
  void weigh() {
    std::vector<std::int64_t> total(stacks_.size(), 0);
    for (std::size_t row = 0; row < raw_.samples.size(); ++row) {
      const std::uint32_t s = raw_.samples[row].stack;
      if (s != no_stack && s < stacks_.size() && stacks_[s].has_native) total[s] += raw_.values_of(row)[2];
    }
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::int64_t> weights;  // by path and stack
    for (std::size_t i = stacks_.size(); i-- > 0;) {
      const stack& s = raw_.stacks[i];
      if (s.parent != no_stack) total[s.parent] += total[i];
      if (stacks_[i].has_native && !stacks_[i].cut && raw_.frames[s.frame].kind == frame_kind::scope) weights[{stacks_[i].path, stacks_[i].to}] += total[i];
    }
    std::int64_t most = 0;
    std::uint32_t path = no_stack;
    for (const auto& w : weights) {
      if (w.first.first != path) most = -1;
      path = w.first.first;
      if (w.second <= most) continue;
      most = w.second;
      placed_[path] = w.first.second;
    }
  }

  void stratify() {
    for (std::size_t row = 0; row < raw_.samples.size(); ++row) {
      const sample& s = raw_.samples[row];
      const std::int64_t cpu_ns = raw_.values_of(row)[2];
      if (is_sample(s.stack)) strata_.add_sampled(stacks_[s.stack].path, s.labels, cpu_ns);
      else strata_.add_known(scopes_of(s.stack), s.labels, cpu_ns);
    }
    strata_.weigh();
  }
  bool is_sample(std::uint32_t stack_index) const { return stack_index < stacks_.size() && stacks_[stack_index].is_sample; }
  /// Without the `[other]` at its end.
  std::uint32_t scopes_of(std::uint32_t stack_index) const {
    while (stack_index != no_stack && raw_.frames[raw_.stacks[stack_index].frame].kind != frame_kind::scope) stack_index = raw_.stacks[stack_index].parent;
    return stack_index;
  }

  /// The stack for scopes alone; iterative, since paths can be a thousand deep.
  std::uint32_t place(std::uint32_t path) {
    std::vector<std::uint32_t> missing;
    std::uint32_t at = no_stack;
    for (; path != no_stack; path = raw_.stacks[path].parent) {
      const auto known = placed_.find(path);
      if (known != placed_.end()) {
        at = known->second;
        break;
      }
      missing.push_back(path);
    }
    for (; !missing.empty(); missing.pop_back()) {
      const std::uint32_t frame_index = raw_.stacks[missing.back()].frame;
      const bool hidden = view_ == stack_view::native && raw_.frames[frame_index].kind == frame_kind::scope;
      if (!hidden) at = builder_.add_stack(at, names_.of_scope(frame_index));
      placed_[missing.back()] = at;
    }
    return at;
  }

  void add_row(std::size_t row) {
    const sample& s = raw_.samples[row];
    std::int64_t values[] = {raw_.values_of(row)[0], raw_.values_of(row)[1], raw_.values_of(row)[2]};
    if (view_ == stack_view::native) values[0] = 0;  // calls are those of scopes
    if (stratified_) values[2] = is_sample(s.stack) ? strata_.weighted(stacks_[s.stack].path, s.labels, values[2]) : add_left(s);
    if (values[0] == 0 && values[1] == 0 && values[2] == 0) return;
    const bool has_native = s.stack < stacks_.size() && stacks_[s.stack].has_native;
    std::uint32_t to = has_native ? stacks_[s.stack].to : place(s.stack);
    if (to == no_stack) to = builder_.add_stack(no_stack, synthetic_frame(builder_, "[no scope]"));
    builder_.add(to, labels(s.labels), values);
  }

  /// What of a scope's CPU time no native sample speaks for gets a row of its own; 0 remains.
  std::int64_t add_left(const sample& s) {
    const std::uint32_t path = scopes_of(s.stack);
    const std::int64_t values[] = {0, 0, strata_.take_left(path, s.labels)};
    if (values[2] == 0) return 0;
    if (path == no_stack) return values[2];  // `[no scope]` says it
    builder_.add(builder_.add_stack(place(path), synthetic_frame(builder_, "[no native sample]")), labels(s.labels), values);
    return 0;
  }

  std::uint32_t labels(std::uint32_t index) {
    std::uint32_t& known = label_sets_[index];
    if (known == profile_builder::unknown) {
      label_set made;
      for (const label& l : raw_.label_sets[index]) made.push_back({builder_.text(raw_.text(l.key)), builder_.text(raw_.text(l.value))});
      known = builder_.add_labels(made);
    }
    return known;
  }

  profile& raw_;
  profile_builder& raw_builder_;
  profile_builder builder_;
  frame_names& names_;
  const stack_view view_;
  const bool stratified_;
  post_stratification strata_;
  std::vector<translated> stacks_;                            ///< by the window's stack
  std::unordered_map<std::uint32_t, std::uint32_t> placed_;   ///< by the window's stack of scopes alone
  std::vector<std::uint32_t> label_sets_;
};

}  // namespace collect
}  // namespace pyro
