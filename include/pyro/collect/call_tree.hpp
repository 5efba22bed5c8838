#pragma once
// A thread's calling-context tree: finds or makes the node for a path. The slow path of entering a scope.
// One writer, the thread itself; the collector reads nodes that are published in the list. Not signal safe.

#include <pyro/collect/arena.hpp>
#include <pyro/collect/intern.hpp>
#include <pyro/core/slot.hpp>

#include <new>  // placement

namespace pyro {
namespace collect PYRO_HIDDEN {

/// What leads from a parent to a child: a site, and for tags and dynamic names a text.
struct step {
  const core::site* where;
  const char* data;     ///< nullptr for plain scopes
  std::size_t size;
  const char* literal;  ///< the literal's address, where the text is one
};

class call_tree {
 public:
  call_tree* next = nullptr;  ///< of the trees that their threads have left

  explicit call_tree(chunk* first) noexcept : chunks_(first) {
    root_.depth = 0;
    nodes_ = &root_;
  }

  /// A tree in its own first chunk; nullptr past the budget.
  static call_tree* make(arena& memory) noexcept {
    chunk* first = memory.take_reserved();
    if (first == nullptr) return nullptr;
    static_assert(sizeof(chunk) + sizeof(call_tree) <= chunk::bytes, "a tree begins in one chunk");
    void* place = reinterpret_cast<char*>(first) + sizeof(chunk);
    first->used = sizeof(chunk) + sizeof(call_tree);
    return new (place) call_tree(first);
  }

  /// Frees the tree and everything in it. Only when no thread and no waiting sample refers to it.
  static void destroy(call_tree* tree, arena& memory, intern_table& texts) noexcept {
    for (core::node* n = tree->nodes_; n != nullptr; n = n->next)
      if (n->value != nullptr && n->value != other_text()) texts.release(const_cast<core::text*>(n->value));
    for (chunk* c = tree->chunks_; c != nullptr;) {
      chunk* next = c->next;
      memory.give_back(c);
      c = next;
    }
  }

  core::node* root() noexcept { return &root_; }
  /// Newest node; follow `next`. Nodes that are published keep their place.
  core::node* nodes() const noexcept { return core::load_acquire(nodes_); }

  /// The child of `parent` by `how`, made where it is new. Past the limit of values for a key the child with the value `[other]`
  /// (and `refused` is set); past the byte budget nullptr.
  core::node* child(core::node* parent, const step& how, arena& memory, intern_table& texts, bool& refused) noexcept {
    const std::uint32_t hash = hash_of(how);
    if (core::node* found = find(parent, how, hash)) return found;
    const core::text* value = nullptr;
    if (how.data != nullptr) {
      const bool is_tag = how.where->kind == core::site_kind::tag;
      value = texts.acquire(is_tag ? how.where->name : nullptr, how.data, how.size);
      if (value == nullptr) {
        if (memory.full() && chunks_->used + sizeof(core::node) > chunk::bytes) return nullptr;
        refused = true;
        const core::text* other = other_text();
        const step instead{how.where, other->data(), other->size, nullptr};
        const std::uint32_t other_hash = hash_of(instead);
        if (core::node* found = find(parent, instead, other_hash)) return found;
        return add(parent, instead, other_hash, other, memory);
      }
    }
    core::node* made = add(parent, how, hash, value, memory);
    if (made == nullptr && value != nullptr) texts.release(const_cast<core::text*>(value));
    return made;
  }

  /// The one value that stands for all beyond the limit. Constant: in no table, counted by nobody.
  static const core::text* other_text() noexcept {
    struct fixed {
      core::text head;
      char text[8];
    };
    static const fixed other{{0, nullptr, nullptr, 7, 1}, "[other]"};
    return &other.head;
  }

 private:
  static std::uint32_t hash_of(const step& how) noexcept {
    auto bits = reinterpret_cast<std::uintptr_t>(how.where);
    bits ^= how.literal != nullptr ? reinterpret_cast<std::uintptr_t>(how.literal) * 3
            : how.data != nullptr  ? static_cast<std::uintptr_t>(hash_text(how.data, how.size)) : 0;
    return static_cast<std::uint32_t>((bits * 0x9e3779b97f4a7c15ULL) >> 32);
  }

  static bool is(const core::node& n, const step& how, std::uint32_t hash) noexcept {
    if (n.hash != hash || n.where != how.where || n.literal != how.literal) return false;
    if (how.data == nullptr) return n.value == nullptr;
    return n.value != nullptr && n.value->size == how.size && std::memcmp(n.value->data(), how.data, how.size) == 0;
  }

  // Children hang in a binary trie over the bits of their hash: no table to grow, 32 levels at most before it is a list.
  static core::node* find(core::node* parent, const step& how, std::uint32_t hash) noexcept {
    std::uint32_t bits = hash;
    for (core::node* n = parent->children; n != nullptr; n = n->link[bits & 1], bits >>= 1)
      if (is(*n, how, hash)) return n;
    return nullptr;
  }

  core::node* add(core::node* parent, const step& how, std::uint32_t hash, const core::text* value, arena& memory) noexcept {
    if (chunks_->used + sizeof(core::node) > chunk::bytes) {
      chunk* fresh = memory.take();
      if (fresh == nullptr) return nullptr;
      fresh->next = chunks_;
      chunks_ = fresh;
    }
    void* place = reinterpret_cast<char*>(chunks_) + chunks_->used;
    chunks_->used += static_cast<std::uint32_t>(sizeof(core::node));
    auto* made = new (place) core::node{};
    made->parent = parent;
    made->where = how.where;
    made->value = value;
    made->literal = how.literal;
    made->hash = hash;
    made->depth = static_cast<std::uint16_t>(parent->depth + 1);
    std::uint32_t bits = hash;
    core::node** link = &parent->children;
    for (; *link != nullptr; bits >>= 1) link = &(*link)->link[bits & 1];
    *link = made;
    made->next = nodes_;
    core::store_release(nodes_, made);  // publishes to the collector
    return made;
  }

  chunk* chunks_;
  core::node* nodes_ = nullptr;
  core::node root_{};
};

}  // namespace collect
}  // namespace pyro
