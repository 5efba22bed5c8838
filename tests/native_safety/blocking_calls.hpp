#pragma once
// 27 calls that wait, each for as short as it can: a table of makers. A maker prepares what the call needs for one thread; what it makes does the
// call once and says whether it was left alone: neither EINTR nor over too early.

#include <pyro/platform/system_call.hpp>

#include <cerrno>
#include <chrono>
#include <climits>
#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <functional>
#include <linux/futex.h>
#include <memory>
#include <mutex>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <string>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <thread>
#include <time.h>
#include <unistd.h>
#include <utility>

namespace blocking_calls {

inline constexpr long wait_ns = 60000;

inline timespec now(clockid_t clock) {
  timespec t{};
  ::clock_gettime(clock, &t);
  return t;
}
inline timespec after(timespec t, long ns) {
  t.tv_nsec += ns;
  if (t.tv_nsec >= 1000000000) t.tv_nsec -= 1000000000, ++t.tv_sec;
  return t;
}
inline long ns_since(const timespec& begin) {
  const timespec t = now(CLOCK_MONOTONIC);
  return (t.tv_sec - begin.tv_sec) * 1000000000 + t.tv_nsec - begin.tv_nsec;
}

/// Waits for the whole time and then says what a time-out says.
template <class Wait>
bool lasts(long ns, Wait&& wait) {
  const timespec begin = now(CLOCK_MONOTONIC);
  errno = 0;
  return wait() && ns_since(begin) >= ns;
}

inline void must(bool good, const char* what) {
  if (good) return;
  std::perror(what);
  std::_Exit(1);
}

/// The other side of a call that has no time-out: asked before the call, it does what ends it a moment later.
class partner {
 public:
  explicit partner(std::function<void()> act) : act_(std::move(act)) {
    ::sem_init(&asked_, 0, 0);
    thread_ = std::thread([this] {
      for (;;) {
        while (::sem_wait(&asked_) != 0) {
        }
        if (over_) return;
        const timespec moment{0, wait_ns / 2};
        ::nanosleep(&moment, nullptr);
        act_();
      }
    });
  }
  ~partner() {
    over_ = true;
    ask();
    thread_.join();
    ::sem_destroy(&asked_);
  }
  partner(const partner&) = delete;
  partner& operator=(const partner&) = delete;
  void ask() { ::sem_post(&asked_); }

 private:
  std::function<void()> act_;
  sem_t asked_;
  bool over_ = false;  // written before the post that ends the wait
  std::thread thread_;
};

using once = std::function<bool()>;

/// State that lives as long as the call does.
template <class State, class Call>
once with(std::shared_ptr<State> state, Call call) {
  return [state = std::move(state), call = std::move(call)] { return call(*state); };
}

struct descriptors {
  int a = -1, b = -1;
  std::string path;
  std::unique_ptr<partner> other;
  ~descriptors() {
    other.reset();
    if (a >= 0) ::close(a);
    if (b >= 0) ::close(b);
    if (!path.empty()) ::unlink(path.c_str());
  }
};

/// A Unix socket that listens, with as many connections waiting as it takes.
struct full_listener : descriptors {
  sockaddr_un address{};
  socklen_t size = sizeof(sa_family_t);
  explicit full_listener(bool full) {
    a = ::socket(AF_UNIX, SOCK_STREAM, 0);
    address.sun_family = AF_UNIX;
    must(::bind(a, reinterpret_cast<sockaddr*>(&address), size) == 0, "bind");  // the kernel finds it an abstract name
    size = sizeof address;
    must(::getsockname(a, reinterpret_cast<sockaddr*>(&address), &size) == 0 && ::listen(a, 0) == 0, "listen");
    while (full) {
      const int filler = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
      const bool waits = ::connect(filler, reinterpret_cast<sockaddr*>(&address), size) == 0;
      ::close(filler);
      if (!waits) break;
    }
  }
  int connect_once(int fd) const { return ::connect(fd, reinterpret_cast<const sockaddr*>(&address), size); }
};

struct system_v {
  int queue = -1, semaphore = -1;
  std::unique_ptr<partner> other;
  ~system_v() {
    other.reset();
    if (queue >= 0) ::msgctl(queue, IPC_RMID, nullptr);
    if (semaphore >= 0) ::semctl(semaphore, 0, IPC_RMID);
  }
};

// ---- calls with a time-out: a wall-clock signal disturbs these, despite SA_RESTART ----------------------------------------------------

inline once nanosleep_call() {
  return [] { return lasts(wait_ns, [] { const timespec t{0, wait_ns}; return ::nanosleep(&t, nullptr) == 0; }); };
}
inline once clock_nanosleep_call() {
  return [] { return lasts(wait_ns, [] { const timespec t{0, wait_ns}; return ::clock_nanosleep(CLOCK_MONOTONIC, 0, &t, nullptr) == 0; }); };
}
inline once clock_nanosleep_until_call() {
  return [] {
    const timespec until = after(now(CLOCK_MONOTONIC), wait_ns);
    return ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) == 0;
  };
}
inline once usleep_call() {
  return [] { return lasts(wait_ns, [] { return ::usleep(wait_ns / 1000) == 0; }); };
}
inline once sleep_call() {
  return [] { return lasts(999000000, [] { return ::sleep(1) == 0; }); };
}
inline once poll_call() {
  return [] { return lasts(999000, [] { return ::poll(nullptr, 0, 1) == 0; }); };
}
inline once ppoll_call() {
  return [] { return lasts(wait_ns, [] { const timespec t{0, wait_ns}; return ::ppoll(nullptr, 0, &t, nullptr) == 0; }); };
}
inline once select_call() {
  return [] { return lasts(wait_ns, [] { timeval t{0, wait_ns / 1000}; return ::select(0, nullptr, nullptr, nullptr, &t) == 0; }); };
}
inline once epoll_wait_call() {
  auto s = std::make_shared<descriptors>();
  s->a = ::epoll_create1(0);
  return with(s, [](descriptors& d) { return lasts(999000, [&d] { epoll_event e; return ::epoll_wait(d.a, &e, 1, 1) == 0; }); });
}
inline once recv_call() {
  auto s = std::make_shared<descriptors>();
  int ends[2];
  must(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "socketpair");
  s->a = ends[0], s->b = ends[1];
  const timeval shortest{0, 1000};  // the kernel makes a tick of it
  ::setsockopt(s->a, SOL_SOCKET, SO_RCVTIMEO, &shortest, sizeof shortest);
  return with(s, [](descriptors& d) { return lasts(0, [&d] { char c; return ::recv(d.a, &c, 1, 0) == -1 && errno == EAGAIN; }); });
}
inline once connect_timeout_call() {
  return with(std::make_shared<full_listener>(true), [](full_listener& l) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    const timeval shortest{0, 1000};
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &shortest, sizeof shortest);
    errno = 0;
    const bool good = l.connect_once(fd) == -1 && errno == EAGAIN;
    ::close(fd);
    return good;
  });
}
inline once futex_call() {
  return [] {
    return lasts(wait_ns, [] {
      std::uint32_t word = 0;
      const timespec t{0, wait_ns};
      return ::syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &t, nullptr, 0) == -1 && errno == ETIMEDOUT;
    });
  };
}
inline once sem_timedwait_call() {
  return [] {
    sem_t s;
    ::sem_init(&s, 0, 0);
    const timespec until = after(now(CLOCK_REALTIME), wait_ns);
    errno = 0;
    const bool good = ::sem_timedwait(&s, &until) == -1 && errno == ETIMEDOUT;
    ::sem_destroy(&s);
    return good;
  };
}
inline once semtimedop_call() {
  auto s = std::make_shared<system_v>();
  s->semaphore = ::semget(IPC_PRIVATE, 1, 0600);
  must(s->semaphore >= 0, "semget");
  return with(s, [](system_v& v) {
    return lasts(wait_ns, [&v] {
      sembuf take{0, -1, 0};
      const timespec t{0, wait_ns};
      return ::semtimedop(v.semaphore, &take, 1, &t) == -1 && errno == EAGAIN;
    });
  });
}
inline once msgrcv_call() {
  auto s = std::make_shared<system_v>();
  s->queue = ::msgget(IPC_PRIVATE, 0600);
  must(s->queue >= 0, "msgget");
  struct message {
    long type;
    char text;
  };
  system_v& shared = *s;
  s->other = std::make_unique<partner>([&shared] {
    const message m{1, 'x'};
    while (::msgsnd(shared.queue, &m, 1, 0) != 0 && errno == EINTR) {
    }
  });
  return with(s, [](system_v& v) {
    v.other->ask();
    message m{};
    const bool good = ::msgrcv(v.queue, &m, 1, 0, 0) == 1;
    if (!good) (void)!::msgrcv(v.queue, &m, 1, 0, 0);  // what was sent for this call
    return good;
  });
}
inline once sigtimedwait_call() {
  sigset_t waited;
  ::sigemptyset(&waited);
  ::sigaddset(&waited, SIGUSR2);
  ::pthread_sigmask(SIG_BLOCK, &waited, nullptr);
  return [waited] {
    return lasts(wait_ns, [&waited] { const timespec t{0, wait_ns}; return ::sigtimedwait(&waited, nullptr, &t) == -1 && errno == EAGAIN; });
  };
}

// ---- calls that are restarted --------------------------------------------------------------------------------------------------------

/// One end that somebody writes to.
inline once read_call(int read_end, int write_end, std::size_t size) {
  auto s = std::make_shared<descriptors>();
  s->a = read_end, s->b = write_end;
  must(read_end >= 0 && write_end >= 0, "a descriptor to read from");
  s->other = std::make_unique<partner>([write_end, size] {
    const std::uint64_t one = 1;
    (void)!::write(write_end, &one, size);
  });
  return with(s, [size](descriptors& d) {
    d.other->ask();
    std::uint64_t in = 0;
    return ::read(d.a, &in, size) == static_cast<ssize_t>(size);
  });
}
inline once read_pipe_call() {
  int ends[2];
  must(::pipe(ends) == 0, "pipe");
  return read_call(ends[0], ends[1], 1);
}
inline once read_eventfd_call() {
  const int fd = ::eventfd(0, 0);
  return read_call(fd, ::dup(fd), 8);
}
inline once read_timerfd_call() {
  auto s = std::make_shared<descriptors>();
  s->a = ::timerfd_create(CLOCK_MONOTONIC, 0);
  return with(s, [](descriptors& d) {
    const itimerspec t{{0, 0}, {0, wait_ns}};
    ::timerfd_settime(d.a, 0, &t, nullptr);
    std::uint64_t expired = 0;
    return ::read(d.a, &expired, sizeof expired) == sizeof expired && expired == 1;
  });
}
inline once read_inotify_call() {
  auto s = std::make_shared<descriptors>();
  char path[] = "/tmp/pyro-test-XXXXXX";
  s->b = ::mkstemp(path);
  s->path = path;
  s->a = ::inotify_init();
  must(s->b >= 0 && ::inotify_add_watch(s->a, path, IN_MODIFY) >= 0, "inotify_add_watch");
  s->other = std::make_unique<partner>([fd = s->b] { (void)!::pwrite(fd, "x", 1, 0); });
  return with(s, [](descriptors& d) {
    d.other->ask();
    char event[sizeof(inotify_event) + NAME_MAX + 1];
    return ::read(d.a, event, sizeof event) > 0;
  });
}
inline once accept_call() {
  auto s = std::make_shared<full_listener>(false);
  const full_listener& l = *s;
  s->other = std::make_unique<partner>([&l] {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    l.connect_once(fd);
    ::close(fd);
  });
  return with(s, [](full_listener& listener) {
    listener.other->ask();
    const int fd = ::accept(listener.a, nullptr, nullptr);
    ::close(fd);
    return fd >= 0;
  });
}
inline once connect_call() {
  auto s = std::make_shared<full_listener>(true);
  s->other = std::make_unique<partner>([fd = s->a] { ::close(::accept(fd, nullptr, nullptr)); });
  return with(s, [](full_listener& listener) {
    listener.other->ask();
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    const bool good = listener.connect_once(fd) == 0;
    ::close(fd);
    return good;
  });
}
inline once sem_wait_call() {
  struct state {
    sem_t semaphore;
    std::unique_ptr<partner> other;
    state() { ::sem_init(&semaphore, 0, 0); }
    ~state() {
      other.reset();
      ::sem_destroy(&semaphore);
    }
  };
  auto s = std::make_shared<state>();
  state& shared = *s;
  s->other = std::make_unique<partner>([&shared] { ::sem_post(&shared.semaphore); });
  return with(s, [](state& st) {
    st.other->ask();
    return ::sem_wait(&st.semaphore) == 0;
  });
}

/// The child shares all memory, so it keeps to system calls. (fork would copy page tables 100,000 times.)
inline int short_lived(void*) {
  const timespec t{0, wait_ns / 2};
  ::pyro::platform::raw_system_call(SYS_nanosleep, reinterpret_cast<long>(&t), 0, 0, 0, 0, 0);
  ::pyro::platform::raw_system_call(SYS_exit, 0, 0, 0, 0, 0, 0);
  return 0;
}
inline once waitpid_call() {
  struct state {
    alignas(16) char stack[16384];
  };
  return with(std::make_shared<state>(), [](state& s) {
    // Without SIGCHLD: that may interrupt any thread.
    const int child = ::clone(&short_lived, s.stack + sizeof s.stack, CLONE_VM, nullptr);
    must(child > 0, "clone");
    int status = 0;
    const bool good = ::waitpid(child, &status, __WALL) == child;
    while (!good && ::waitpid(child, &status, __WALL) != child && errno == EINTR) {
    }
    return good;
  });
}
inline once flock_call() {
  auto s = std::make_shared<descriptors>();
  char path[] = "/tmp/pyro-test-XXXXXX";
  s->a = ::mkstemp(path);
  s->path = path;
  s->b = ::open(path, O_RDWR | O_CLOEXEC);
  must(s->a >= 0 && s->b >= 0, "a file to lock");
  s->other = std::make_unique<partner>([fd = s->b] { ::flock(fd, LOCK_UN); });
  return with(s, [](descriptors& d) {
    while (::flock(d.b, LOCK_EX) != 0 && errno == EINTR) {
    }
    d.other->ask();
    const bool good = ::flock(d.a, LOCK_EX) == 0;
    ::flock(d.a, LOCK_UN);
    return good;
  });
}
inline once condition_variable_call() {
  return [] {
    std::mutex mutex;
    std::condition_variable changed;
    std::unique_lock<std::mutex> hold(mutex);
    return lasts(wait_ns, [&] { return changed.wait_for(hold, std::chrono::nanoseconds(wait_ns)) == std::cv_status::timeout; });
  };
}
inline once sleep_for_call() {
  return [] { return lasts(wait_ns, [] { std::this_thread::sleep_for(std::chrono::nanoseconds(wait_ns)); return true; }); };
}

struct row {
  const char* name;
  once (*make)();
  bool restarted;  ///< by the kernel or the C library, whatever the signal: SA_RESTART is enough
  int threads;     ///< that share the calls: the shortest wait differs
  bool seconds;    ///< it waits for whole seconds: as often as fits
};

inline constexpr row table[] = {
    {"nanosleep", &nanosleep_call, false, 1, false},
    {"clock_nanosleep", &clock_nanosleep_call, false, 1, false},
    {"clock_nanosleep TIMER_ABSTIME", &clock_nanosleep_until_call, false, 1, false},
    {"usleep", &usleep_call, false, 1, false},
    {"sleep", &sleep_call, false, 16, true},
    {"poll", &poll_call, false, 6, false},
    {"ppoll", &ppoll_call, false, 1, false},
    {"select", &select_call, false, 1, false},
    {"epoll_wait", &epoll_wait_call, false, 6, false},
    {"recv with SO_RCVTIMEO", &recv_call, false, 24, false},
    {"connect with SO_SNDTIMEO", &connect_timeout_call, false, 24, false},
    {"futex with a time-out", &futex_call, false, 1, false},
    {"sem_timedwait", &sem_timedwait_call, false, 1, false},
    {"semtimedop", &semtimedop_call, false, 1, false},
    {"msgrcv", &msgrcv_call, false, 1, false},
    {"sigtimedwait", &sigtimedwait_call, false, 1, false},
    {"read of a pipe", &read_pipe_call, true, 1, false},
    {"read of an eventfd", &read_eventfd_call, true, 1, false},
    {"read of a timerfd", &read_timerfd_call, true, 1, false},
    {"read of inotify", &read_inotify_call, true, 1, false},
    {"accept", &accept_call, true, 1, false},
    {"connect", &connect_call, true, 1, false},
    {"sem_wait", &sem_wait_call, true, 1, false},
    {"waitpid", &waitpid_call, true, 1, false},
    {"flock", &flock_call, true, 1, false},
    {"condition_variable", &condition_variable_call, true, 1, false},
    {"sleep_for", &sleep_for_call, true, 1, false},
};
static_assert(sizeof table / sizeof table[0] == 27);

}  // namespace blocking_calls
