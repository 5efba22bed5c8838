// Modules that are stripped, replaced, unloaded; programs of every kind. The tools make them: without a compiler or binutils, skipped.
#include <pyro/sample/symbols.hpp>

#include "tools.hpp"

#include <catch2/catch.hpp>

#include <dlfcn.h>
#include <string>

namespace debug_file_test {

using pyro::sampling::symbol;
using pyro::sampling::symbolizer;
using pyro_test::have;
using pyro_test::run;
using pyro_test::scratch;

namespace {

bool have_tools() { return have("c++") && have("objcopy") && have("strip"); }

const char* const plugin_source = R"(
  namespace plugin { __attribute__((noinline)) int hidden(int x) { return x * 3; } }
  extern "C" int exported(int x) { return plugin::hidden(x) + 1; }
  extern "C" void* where() { return reinterpret_cast<void*>(&plugin::hidden); }
)";

/// DIR/plugin.so and its address of the function that only .symtab has.
class plugin {
 public:
  explicit plugin(const std::string& path) : handle_(::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
    INFO(path);
    REQUIRE(handle_ != nullptr);
  }
  ~plugin() { ::dlclose(handle_); }
  plugin(const plugin&) = delete;
  plugin& operator=(const plugin&) = delete;
  std::uint64_t hidden() const {
    return reinterpret_cast<std::uintptr_t>(reinterpret_cast<void* (*)()>(::dlsym(handle_, "where"))());
  }
  std::uint64_t exported() const { return reinterpret_cast<std::uintptr_t>(::dlsym(handle_, "exported")); }

 private:
  void* handle_;
};

class PYRO_HIDDEN finder {
 public:
  explicit finder(std::string root = "/nowhere") : symbols({}, std::move(root)) { refresh(); }
  void refresh() { symbols.update(modules.refresh()); }
  const symbol& operator()(std::uint64_t address) { return symbols.find(address); }
  pyro::platform::module_list modules;
  symbolizer symbols;
};

/// A stripped plugin, with its symbols in `debug`.
void split(const scratch& dir, const std::string& flags, const std::string& debug, bool link) {
  dir.write("map", "{ global: exported; where; local: *; };");
  dir.write("plugin.cpp", plugin_source);
  run("c++ -O1 -shared -fPIC " + flags + " -Wl,--version-script='" + dir / "map" + "' '" + dir / "plugin.cpp" + "' -o '" + dir / "whole.so" + "'");
  run("mkdir -p \"$(dirname '" + debug + "')\"");
  run("objcopy --only-keep-debug '" + dir / "whole.so" + "' '" + debug + "'");
  run("strip -o '" + dir / "plugin.so" + "' '" + dir / "whole.so" + "'");
  if (link) run("cd \"$(dirname '" + debug + "')\" && objcopy --add-gnu-debuglink='" + debug + "' '" + dir / "plugin.so" + "'");
}

std::string id_of(const std::string& path) { return pyro::platform::build_id_of_file(path); }

}  // namespace

TEST_CASE("a stripped module shows what it exports, and nothing between") {
  REQUIRE(have_tools());
  const scratch dir;
  split(dir, "", dir / "far/away.debug", false);
  const plugin p(dir / "plugin.so");
  finder find;
  CHECK(find(p.exported()).name == "exported");
  CHECK(find(p.hidden()).name.empty());
  REQUIRE(find(p.hidden()).module != nullptr);
  CHECK(find(p.hidden()).module->path == dir / "plugin.so");
}

TEST_CASE("a separate debug file is found by its build id") {
  REQUIRE(have_tools());
  const scratch dir;
  split(dir, "-Wl,--build-id=sha1", dir / "d", false);
  const std::string id = id_of(dir / "plugin.so");
  REQUIRE(id.size() == 40);
  run("mkdir -p '" + dir / "root/.build-id/" + id.substr(0, 2) + "' && mv '" + dir / "d" + "' '" + dir / "root/.build-id/" + id.substr(0, 2) + "/" +
      id.substr(2) + ".debug'");
  const plugin p(dir / "plugin.so");
  finder find(dir / "root");
  CHECK(find(p.hidden()).name == "plugin::hidden(int)");
  CHECK(find(p.exported()).name == "exported");

  // Also where the module's file has gone: memory says which build it is.
  run("rm '" + dir / "plugin.so" + "'");
  finder later(dir / "root");
  CHECK(later(p.hidden()).name == "plugin::hidden(int)");
}

TEST_CASE("a debug file of another build is not used, though it has the name") {
  REQUIRE(have_tools());
  const scratch dir;
  split(dir, "-Wl,--build-id=sha1", dir / "d", false);
  const std::string id = id_of(dir / "plugin.so");
  const std::string place = dir / "root/.build-id/" + id.substr(0, 2) + "/" + id.substr(2) + ".debug";
  run("c++ -O2 -shared -fPIC -Wl,--build-id=sha1 '" + dir / "plugin.cpp" + "' -o '" + dir / "other.so" + "'");
  run("mkdir -p \"$(dirname '" + place + "')\" && cp '" + dir / "other.so" + "' '" + place + "'");
  const plugin p(dir / "plugin.so");
  finder find(dir / "root");
  CHECK(find(p.hidden()).name.empty());
  CHECK(find(p.exported()).name == "exported");
}

TEST_CASE("a separate debug file is found by its link, in each of the places") {
  REQUIRE(have_tools());
  for (const char* ids : {"sha1", "none"}) {
    const scratch dir;
    for (const std::string& place : {dir / "plugin.so.debug", dir / ".debug/plugin.so.debug", dir / "root" + dir / "plugin.so.debug"}) {
      INFO(ids << ' ' << place);
      split(dir, std::string("-Wl,--build-id=") + ids, place, true);
      {
        const plugin p(dir / "plugin.so");
        finder find(dir / "root");
        CHECK(find(p.hidden()).name == "plugin::hidden(int)");
      }
      run("rm '" + place + "' '" + dir / "plugin.so" + "'");
    }
  }
}

TEST_CASE("a debug file whose checksum is wrong is not used") {
  REQUIRE(have_tools());
  const scratch dir;
  split(dir, "-Wl,--build-id=none", dir / "plugin.so.debug", true);
  run("printf x >>'" + dir / "plugin.so.debug" + "'");
  const plugin p(dir / "plugin.so");
  finder find;
  CHECK(find(p.hidden()).name.empty());
  CHECK(find(p.exported()).name == "exported");
}

TEST_CASE("a file that has replaced the one that was loaded is not used") {
  REQUIRE(have_tools());
  for (const char* ids : {"sha1", "none"}) {
    const scratch dir;
    dir.write("map", "{ global: exported; where; local: *; };");
    const auto make = [&](const std::string& source, const std::string& name) {
      dir.write("plugin.cpp", source);
      run("c++ -O1 -shared -fPIC -Wl,--build-id=" + std::string(ids) + " -Wl,--version-script='" + dir / "map" + "' '" + dir / "plugin.cpp" +
          "' -o '" + dir / name + "'");
    };
    make(plugin_source, "plugin.so");
    make(std::string("extern \"C\" int first(int x) { return x + 7; }") + plugin_source + "int more(int x) { return x / 3; }", "new.so");
    const plugin p(dir / "plugin.so");
    finder before;
    CHECK(before(p.hidden()).name == "plugin::hidden(int)");
    run("mv '" + dir / "new.so" + "' '" + dir / "plugin.so" + "'");
    finder after;
    INFO(ids);
    CHECK(after(p.hidden()).name.empty());
    REQUIRE(after(p.hidden()).module != nullptr);
    CHECK(before(p.exported()).name == "exported");  // what it has read stays
  }
}

TEST_CASE("a plugin that comes and goes is understood, and so is the next one in its place") {
  REQUIRE(have_tools());
  const scratch dir;
  dir.write("map", "{ global: exported; where; local: *; };");
  for (int i = 0; i < 2; ++i) {
    dir.write("plugin.cpp", std::string(plugin_source) + "extern \"C\" int number() { return " + std::to_string(i) + "; }");
    if (i == 1) {
      std::string other = plugin_source;
      while (other.find("hidden") != std::string::npos) other.replace(other.find("hidden"), 6, "secret");
      dir.write("plugin.cpp", other);
    }
    run("c++ -O1 -shared -fPIC -Wl,--version-script='" + dir / "map" + "' '" + dir / "plugin.cpp" + "' -o '" + dir / (i == 0 ? "a.so" : "b.so") + "'");
  }
  finder find;
  std::uint64_t where = 0;
  {
    const plugin a(dir / "a.so");
    where = a.hidden();
    CHECK(find(where).name.empty());  // nobody has said that it is there
    find.refresh();
    CHECK(find(where).name == "plugin::hidden(int)");
  }
  find.refresh();
  CHECK(find(where).name == "plugin::hidden(int)");  // samples taken before are named after
  for (int round = 0; round < 3; ++round) {
    {
      const plugin b(dir / "b.so");
      find.refresh();
      CHECK(find(b.hidden()).name == "plugin::secret(int)");
    }
    const plugin a(dir / "a.so");
    find.refresh();
    CHECK(find(a.hidden()).name == "plugin::hidden(int)");
  }
}

TEST_CASE("programs of every kind know their functions, also stripped of their name on disk") {
  REQUIRE(have("c++"));
  const scratch dir;
  dir.write("program.cpp", R"(
    #include <pyro/sample/symbols.hpp>
    #include <cstdio>
    namespace shop { __attribute__((noinline)) int order(int x) { return x + 1; } }
    int main(int argc, char** argv) {
      if (argc > 1) std::remove(argv[0]);
      pyro::platform::module_list modules;
      pyro::sampling::symbolizer symbols;
      symbols.update(modules.refresh());
      std::printf("%s", symbols.find(reinterpret_cast<std::uintptr_t>(&shop::order)).name.c_str());
    })");
  const std::string include = std::string(PYRO_GOLDEN_DIR) + "/../../include";
  for (const std::string compile : {"-fPIE", "-fno-pie"})
    run("c++ -std=c++17 -O0 -fno-exceptions -fno-rtti " + compile + " -c -I'" + include + "' '" + dir / "program.cpp" + "' -o '" + dir / compile + ".o'");
  for (const std::string kind : {"-fPIE -pie", "-fPIE -static-pie", "-fno-pie -no-pie", "-fno-pie -static", "-fPIE -pie -Wl,--build-id=none"}) {
    INFO(kind);
    const std::string object = dir / kind.substr(0, kind.find(' ')) + ".o";
    run("c++ " + kind + " '" + object + "' -o '" + dir / "program" + "' -pthread");
    CHECK(pyro_test::output_of("'" + dir / "program" + "'") == "shop::order(int)");
    CHECK(pyro_test::output_of("'" + dir / "program" + "' remove") == "shop::order(int)");
  }
}

}  // namespace debug_file_test
