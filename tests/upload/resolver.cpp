#include "resolver.hpp"

#include <dlfcn.h>
#include <netdb.h>
#include <unistd.h>

#include <condition_variable>
#include <cstring>
#include <mutex>

namespace {

// Never destroyed: a look-up may still hang when the program ends.
std::mutex& mutex = *new std::mutex;
std::condition_variable& changed = *new std::condition_variable;
int hanging = 0;
unsigned released = 0;

using function = int (*)(const char*, const char*, const addrinfo*, addrinfo**);

function next() { return reinterpret_cast<function>(::dlsym(RTLD_NEXT, "getaddrinfo")); }

}  // namespace

int pyro_test::hanging_lookups() {
  const std::lock_guard<std::mutex> hold(mutex);
  return hanging;
}

void pyro_test::release_resolver() {
  std::unique_lock<std::mutex> hold(mutex);
  ++released;
  changed.notify_all();
  changed.wait(hold, [] { return hanging == 0; });
}

extern "C" __attribute__((visibility("default"))) int getaddrinfo(const char* host, const char* port, const addrinfo* hints, addrinfo** result) {
  if (host == nullptr) return next()(host, port, hints, result);
  if (std::strcmp(host, "hang.test") == 0) {
    std::unique_lock<std::mutex> hold(mutex);
    ++hanging;
    const unsigned now = released;
    changed.wait(hold, [now] { return released != now; });
    --hanging;
    changed.notify_all();
    return EAI_AGAIN;
  }
  if (std::strcmp(host, "slow.test") == 0) {
    ::usleep(450000);
    return next()("127.0.0.1", port, hints, result);
  }
  if (std::strcmp(host, "two.test") == 0) {
    addrinfo* first = nullptr;
    const int error = next()("::1", port, hints, &first);
    if (error != 0) return error;
    addrinfo* second = nullptr;
    next()("127.0.0.1", port, hints, &second);
    first->ai_next = second;
    *result = first;
    return 0;
  }
  return next()(std::strcmp(host, "pyroscope.test") == 0 ? "127.0.0.1" : host, port, hints, result);
}
