#pragma once
// dlopen for hosts; what a host does with a plugin, and what that counts.

#include "expect.hpp"
#include "plugin.hpp"

#include <cstdlib>
#include <dlfcn.h>

namespace dso {

class plugin {
 public:
  plugin(const std::string& path, int flags) : handle_(::dlopen(path.c_str(), flags)) {
    if (handle_ != nullptr)
      if (const auto entry = reinterpret_cast<plugin_entry>(::dlsym(handle_, "dso_plugin"))) table_ = entry();
    if (table_ != nullptr) return;
    std::fprintf(stderr, "failed: %s\n", ::dlerror());
    std::exit(1);
  }
  plugin(const plugin&) = delete;
  plugin& operator=(const plugin&) = delete;
  ~plugin() { ::dlclose(handle_); }

  const plugin_table* operator->() const { return table_; }

 private:
  void* handle_;
  const plugin_table* table_ = nullptr;
};

inline int flags_of(const std::string& how) { return RTLD_NOW | (how == "global" ? RTLD_GLOBAL : RTLD_LOCAL); }

inline const plugin_table* called = nullptr;

inline void back(int depth) {
  PYRO_SCOPE("back");
  leaf();
  if (depth > 0) called->work(depth - 1, &back);
}

/// Program -> plugin -> program -> plugin -> program, with the program's tag around.
inline void nest(const plugin_table* table) {
  called = table;
  PYRO_TAG("who", "host");
  PYRO_SCOPE("outer");
  branch();
  table->work(1, &back);
}
inline void nest(const plugin& p) { nest(p.operator->()); }

inline counts nested(std::int64_t times = 1) {
  counts all;
  for (const char* path : {"outer {who=host}", "outer;dso::branch {who=host}", "outer;dso::branch;leaf {who=host}",
                           "outer;plugin {who=host}", "outer;plugin;back;plugin {depth=1,who=host}"})
    all[path] = times;
  const struct {
    std::string path, labels;
  } both[] = {{"outer;plugin", " {depth=1,who=host}"}, {"outer;plugin;back;plugin", " {depth=0,who=host}"}};
  for (const auto& p : both)
    for (const char* below : {"dso::branch", "dso::branch;leaf", "templated", "templated;leaf", "back", "back;leaf"})
      all[p.path + ";" + below + p.labels] = times;
  return all;
}

/// What `work(0, back)` counts at the top of a thread.
inline counts worked(const std::string& labels_around, std::int64_t times, bool with_back = true) {
  const std::string before = labels_around.empty() ? "" : " {" + labels_around + "}";
  const std::string inner = " {depth=0" + (labels_around.empty() ? "" : "," + labels_around) + "}";
  counts all{{"plugin" + before, times}};
  for (const char* below : {"dso::branch", "dso::branch;leaf", "templated", "templated;leaf"})
    all[std::string("plugin;") + below + inner] = times;
  if (with_back)
    for (const char* below : {"back", "back;leaf"}) all[std::string("plugin;") + below + inner] = times;
  return all;
}

}  // namespace dso
