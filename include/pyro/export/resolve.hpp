#pragma once
// Name look-up with a deadline. getaddrinfo blocks for as long as the system's resolver likes (minutes, where its servers are silent) and
// cannot be cancelled; so it runs in a thread of its own that may be left behind. One at most: while it is out, later calls wait for it.
// Called by the uploader's thread.

#include <pyro/platform/threads.hpp>

#include <chrono>              // deadlines
#include <condition_variable>
#include <csignal>             // mask
#include <memory>              // state that outlives either side
#include <mutex>
#include <string>
#include <vector>

#include <netdb.h>             // getaddrinfo
#include <pthread.h>           // a detached thread

namespace pyro {
namespace detail PYRO_HIDDEN {

struct network_address {
  sockaddr_storage bytes;
  socklen_t size;
};

class name_resolver {
 public:
  using clock = std::chrono::steady_clock;

  /// All addresses of a host; none, and why, where there are none by `deadline`.
  std::vector<network_address> resolve(const std::string& host, const std::string& port, clock::time_point deadline, std::string& why_not) {
    std::unique_lock<std::mutex> hold(state_->mutex);
    if (state_->busy && !wait(hold, deadline)) {
      why_not = "the look-up of its name takes too long (connect_timeout)";
      return {};
    }
    // What an earlier call could not wait for serves this one: a system whose first name server is dead takes longer each time.
    const bool found = state_->late && state_->found != nullptr && state_->host == host && state_->port == port;
    state_->late = false;
    if (!found) {
      state_->host = host;
      state_->port = port;
      state_->forget();
      state_->busy = start_thread();  // it waits for this lock
      if (!state_->busy) {
        why_not = "no thread can be started to look its name up";
        return {};
      }
      if (!wait(hold, deadline)) {
        state_->late = true;
        why_not = "the look-up of its name takes too long (connect_timeout)";
        return {};
      }
    }
    std::vector<network_address> out;
    for (const addrinfo* a = state_->found; a != nullptr; a = a->ai_next) {
      if (a->ai_addrlen > sizeof(sockaddr_storage)) continue;
      network_address address{};
      __builtin_memcpy(&address.bytes, a->ai_addr, a->ai_addrlen);
      address.size = a->ai_addrlen;
      out.push_back(address);
    }
    if (out.empty()) {
      why_not = "its name cannot be looked up";
      if (state_->error != 0 && state_->error != EAI_SYSTEM) why_not += std::string(": ") + ::gai_strerror(state_->error);
    }
    return out;
  }

  /// Ends a look-up that somebody waits for. Any thread.
  void abort() {
    const std::lock_guard<std::mutex> hold(state_->mutex);
    state_->aborted = true;
    state_->done.notify_all();
  }

 private:
  struct shared {
    std::mutex mutex;
    std::condition_variable done;
    bool busy = false;
    bool aborted = false;
    bool late = false;  ///< nobody has waited for what was found
    std::string host, port;
    int error = 0;
    addrinfo* found = nullptr;

    shared() = default;
    shared(const shared&) = delete;
    shared& operator=(const shared&) = delete;
    ~shared() { forget(); }
    void forget() noexcept {
      if (found != nullptr) ::freeaddrinfo(found);
      found = nullptr;
    }
  };

  bool start_thread() {
    auto* argument = new std::shared_ptr<shared>(state_);
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread;
    const bool made = ::pthread_create(&thread, nullptr, &look_up, argument) == 0;
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (made) ::pthread_detach(thread);
    else delete argument;
    return made;
  }

  /// Allocates nothing by itself: nobody would catch what that throws.
  static void* look_up(void* argument) noexcept {
    ::pthread_setname_np(::pthread_self(), "pyro-resolver");
    const platform::own_thread mark;
    const std::unique_ptr<std::shared_ptr<shared>> owned(static_cast<std::shared_ptr<shared>*>(argument));
    shared& state = **owned;
    addrinfo wanted{};
    wanted.ai_family = AF_UNSPEC;
    wanted.ai_socktype = SOCK_STREAM;
    wanted.ai_flags = AI_NUMERICSERV;
    addrinfo* list = nullptr;
    const int error = ::getaddrinfo(state.host.c_str(), state.port.c_str(), &wanted, &list);  // they stay as they are while it is busy
    const std::lock_guard<std::mutex> hold(state.mutex);
    state.error = error;
    state.found = error == 0 ? list : nullptr;
    state.busy = false;
    state.done.notify_all();
    return nullptr;
  }

  /// False at the deadline or where `abort` ends the waiting.
  bool wait(std::unique_lock<std::mutex>& hold, clock::time_point deadline) {
    return state_->done.wait_until(hold, deadline, [this] { return !state_->busy || state_->aborted; }) && !state_->busy;
  }

  const std::shared_ptr<shared> state_ = std::make_shared<shared>();
};

}  // namespace detail
}  // namespace pyro
