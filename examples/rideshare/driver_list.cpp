#include "driver_list.hpp"

#include <pyro/pyro.hpp>

driver_list::driver_list() : dispatcher_([this] { dispatch(); }) {}

driver_list::~driver_list() {
  {
    const std::lock_guard<std::mutex> guard(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
  dispatcher_.join();
}

void driver_list::wait_for_lock() {
  std::unique_lock<std::mutex> guard(mutex_);
  ++waiting_;
  changed_.notify_all();
  changed_.wait(guard, [this] { return holder_ == holder::nobody; });
  --waiting_;
  holder_ = holder::order;
}

void driver_list::unlock() {
  {
    const std::lock_guard<std::mutex> guard(mutex_);
    holder_ = holder::dispatcher;
  }
  changed_.notify_all();
}

void driver_list::dispatch() {
  PYRO_THREAD("dispatcher");
  PYRO_SCOPE();
  std::unique_lock<std::mutex> guard(mutex_);
  while (!closing_) {
    if (holder_ == holder::dispatcher && waiting_ > 0) {
      holder_ = holder::nobody;
      changed_.notify_all();
    }
    changed_.wait(guard);
  }
}
