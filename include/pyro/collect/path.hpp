#pragma once
// From nodes of call trees to the profile's terms: frames of scopes, and labels. A node's path is found once and remembered; the memory of nodes
// is used again, so forget where a tree is freed. One thread at a time.

#include <pyro/collect/registry.hpp>
#include <pyro/collect/scope_name.hpp>
#include <pyro/model/builder.hpp>

#include <cstring>        // strlen
#include <unordered_map>  // memo
#include <vector>

namespace pyro {
namespace collect PYRO_HIDDEN {

/// A frame that pyro makes, such as `[no scope]`.
inline std::uint32_t synthetic_frame(profile_builder& builder, const char* name) {
  function f;
  f.name = f.system_name = builder.text(name);
  frame shown;
  shown.function = builder.add_function(f);
  shown.kind = frame_kind::synthetic;
  return builder.add_frame(shown);
}

class path_finder {
 public:
  /// An entry of a thread's stack in the profile's terms: a scope's frame, or `no_frame` for a tag.
  static constexpr std::uint32_t no_frame = 0xffffffffU;
  struct place {
    std::uint32_t entry = no_frame;  ///< of the node itself
    std::uint32_t stack = no_stack;  ///< of all scopes down to it
    label_set labels;
  };

  path_finder(profile_builder& builder, scope_names& names) : builder_(builder), names_(names) {}

  /// Iterative, since paths can be a thousand deep.
  const place& find(const core::node& last) {
    missing_.clear();
    for (const core::node* n = &last; n != nullptr && places_.find(n) == places_.end(); n = n->parent) missing_.push_back(n);
    for (auto it = missing_.rbegin(); it != missing_.rend(); ++it) {
      const core::node& n = **it;
      place at = n.parent != nullptr ? places_[n.parent] : place{};
      at.entry = no_frame;
      if (n.where != nullptr && n.where->kind == core::site_kind::tag) {
        at.labels.push_back({builder_.text(n.where->name), builder_.text({n.value->data(), n.value->size})});
      } else if (n.where != nullptr) {
        at.entry = frame_of(n);
        at.stack = builder_.add_stack(at.stack, at.entry);
      }
      places_[&n] = std::move(at);
    }
    return places_[&last];
  }

  /// The label that a thread's name is; none where it has no name.
  const label_set& thread_label(const thread_state& t, registry& threads) {
    const auto known = threads_.find(&t);
    if (known != threads_.end()) return known->second;
    char name[thread_state::max_name];
    threads.read_name(t, name);
    label_set label;
    if (name[0] != '\0') label.push_back({builder_.text("thread"), builder_.text(name)});
    return threads_.emplace(&t, std::move(label)).first->second;
  }

 private:
  /// Its address is the site's: that of the module it lies in.
  std::uint32_t frame_of(const core::node& n) {
    function f;
    f.name = f.system_name = builder_.text(names_.name_of(n));
    f.file = builder_.text(n.where->file);
    f.start_line = n.where->line;
    frame shown;
    shown.function = builder_.add_function(f);
    shown.line = n.where->line;
    shown.address = reinterpret_cast<std::uintptr_t>(n.where);
    return builder_.add_frame(shown);
  }

  profile_builder& builder_;
  scope_names& names_;
  std::unordered_map<const core::node*, place> places_;
  std::unordered_map<const thread_state*, label_set> threads_;
  std::vector<const core::node*> missing_;
};

}  // namespace collect
}  // namespace pyro
