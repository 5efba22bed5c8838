# Whether the compiler comes with libbacktrace, as g++ does: it lies among the compiler's own files, where no find_package looks.
include(CheckCXXSourceCompiles)
set(CMAKE_REQUIRED_LIBRARIES backtrace)
check_cxx_source_compiles("#include <backtrace.h>
int main() { return backtrace_create_state(nullptr, 0, nullptr, nullptr) == nullptr; }" PYRO_HAS_LIBBACKTRACE)
unset(CMAKE_REQUIRED_LIBRARIES)
