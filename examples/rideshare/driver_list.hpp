#pragma once
// The list of drivers, behind a spin lock that is held far too long: the fault that the profile of region eu-north shows.

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <thread>

/// A dispatcher keeps the lock while he waits for his drivers to answer. Orders that need it spin, give up after a while and
/// sleep; then he hands the lock over to one of them, which returns it to him. It is never free in between, so an order always
/// spins as often as it is willing to, whatever else the machine does.
class driver_list {
 public:
  driver_list();
  ~driver_list();
  driver_list(const driver_list&) = delete;
  driver_list& operator=(const driver_list&) = delete;

  /// One attempt of a spinning thread. Looks before it writes, so as not to steal the cache line from the others.
  bool try_lock() noexcept {
    return !locked_.load(std::memory_order_relaxed) && !locked_.exchange(true, std::memory_order_acquire);
  }

  /// For a thread that is tired of spinning: sleeps until the lock is handed over.
  void wait_for_lock();

  /// Returns the lock to the dispatcher.
  void unlock();

  /// Reserves a driver for an order. Only with the lock.
  void reserve(std::size_t driver) noexcept {
    last_reserved_ = driver;
    ++reservations_;
  }

 private:
  enum class holder { dispatcher, nobody, order };

  void dispatch();

  std::atomic<bool> locked_{true};  // what spinning threads look at; the rest says whose it is

  std::mutex mutex_;
  std::condition_variable changed_;
  holder holder_ = holder::dispatcher;
  int waiting_ = 0;
  bool closing_ = false;

  std::size_t last_reserved_ = 0;
  std::size_t reservations_ = 0;

  std::thread dispatcher_;
};
