#pragma once
// Compares with a file in tests/golden. PYRO_UPDATE_GOLDEN=1 writes the files anew: look at the difference before
// it is committed.

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

namespace pyro_test {

inline std::string golden_path(const std::string& name) {
#ifdef PYRO_GOLDEN_DIR
  return std::string(PYRO_GOLDEN_DIR) + "/" + name;
#else
  const std::string here = __FILE__;
  const std::size_t slash = here.rfind('/');
  return (slash == std::string::npos ? std::string() : here.substr(0, slash + 1)) + "../golden/" + name;
#endif
}

inline std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// What the golden file holds, for a comparison with `actual`.
inline std::string golden(const std::string& name, const std::string& actual) {
  if (std::getenv("PYRO_UPDATE_GOLDEN") != nullptr) std::ofstream(golden_path(name), std::ios::binary) << actual;
  return read_file(golden_path(name));
}

}  // namespace pyro_test
