#pragma once
// Runs the tools of a C++ toolchain (c++, nm, objcopy) for tests of what they make. g++ brings them along.

#include <catch2/catch.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <unistd.h>

namespace pyro_test {

/// What a command prints; empty where it fails.
inline std::string output_of(const std::string& command) {
  std::string text;
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return text;
  char part[65536];
  for (std::size_t n; (n = std::fread(part, 1, sizeof part, pipe)) > 0;) text.append(part, n);
  if (::pclose(pipe) != 0) text.clear();
  return text;
}

inline bool have(const char* tool) { return std::system((std::string("command -v ") + tool + " >/dev/null 2>&1").c_str()) == 0; }

inline void run(const std::string& command) {
  INFO(command);
  REQUIRE(std::system(command.c_str()) == 0);
}

/// A folder that goes with the test.
class scratch {
 public:
  scratch() {
    char name[] = "/tmp/pyro-test-XXXXXX";
    path_ = ::mkdtemp(name);
  }
  ~scratch() {
    if (path_.size() > 5) (void)!std::system(("rm -rf '" + path_ + "'").c_str());
  }
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;

  std::string operator/(const std::string& name) const { return path_ + '/' + name; }
  void write(const std::string& name, const std::string& text) const {
    FILE* f = std::fopen((*this / name).c_str(), "w");
    REQUIRE(f != nullptr);
    std::fwrite(text.data(), 1, text.size(), f);
    std::fclose(f);
  }

 private:
  std::string path_;
};

/// What is in a file.
inline std::string contents_of(const std::string& path) {
  std::string text;
  if (FILE* f = std::fopen(path.c_str(), "r")) {
    char part[65536];
    for (std::size_t n; (n = std::fread(part, 1, sizeof part, f)) > 0;) text.append(part, n);
    std::fclose(f);
  }
  return text;
}

}  // namespace pyro_test
