// A program that ends in the way its argument names, while a detached thread goes on entering scopes, with scopes in a static and a
// thread_local destructor and in an atexit handler. Driven by exits.sh.

#include <pyro/profiler.hpp>

#include <cstdlib>
#include <string>
#include <thread>
#include <unistd.h>

struct last_words {
  ~last_words() { PYRO_SCOPE("destructor"); }
};
static last_words of_program;
static thread_local last_words of_thread;

static void counted() { PYRO_SCOPE(); }

int main(int argc, char** argv) {
  const std::string way = argc > 1 ? argv[1] : "";
  const auto profiler = pyro::configure();
  static_cast<void>(&of_thread);
  static_cast<void>(&of_program);
  PYRO_SCOPE();
  counted();
  std::atexit([] { PYRO_SCOPE("atexit handler"); });
  std::thread([] {
    static_cast<void>(&of_thread);
    for (;;) {
      PYRO_SCOPE("detached");
      ::usleep(10);
    }
  }).detach();
  ::usleep(20000);

  if (way == "exit") {
    PYRO_SCOPE("innermost");
    std::exit(3);
  }
  if (way == "exit_in_thread") std::thread([] { std::exit(4); }).join();
  if (way == "quick_exit") std::quick_exit(5);
  if (way == "_exit") ::_exit(6);
  if (way == "abort") std::abort();
  if (way == "pthread_exit") {
    std::thread([] {
      ::usleep(50000);
      std::exit(7);
    }).detach();
    ::pthread_exit(nullptr);
  }
  return 0;
}
