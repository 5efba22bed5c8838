#!/usr/bin/env python3
"""The rideshare under Pyroscope's Python client: the same orders, tags and shares as examples/rideshare, without the HTTP server.

usage: REGION=eu-north rideshare.py URL SECONDS
"""
import os
import sys
import time

import pyroscope


def work(radius):
    end = time.process_time() + radius * 0.1
    n = 0
    while time.process_time() < end:
        n += sum(range(200))
    return n


def check_driver_availability(radius):
    return work(radius / 2)


def find_nearest_vehicle(radius, vehicle):
    with pyroscope.tag_wrapper({"vehicle": vehicle}):
        work(radius)
        if vehicle == "car":
            check_driver_availability(radius)


def order_bike():
    find_nearest_vehicle(0.2, "bike")


def order_scooter():
    find_nearest_vehicle(0.3, "scooter")


def order_car():
    find_nearest_vehicle(0.4, "car")


def main():
    url, seconds = sys.argv[1], float(sys.argv[2])
    pyroscope.configure(application_name="ride-sharing-app", server_address=url, sample_rate=100,
                        tags={"region": os.environ.get("REGION", "")})
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for order in (order_bike, order_scooter, order_car):
            order()
    print(f"cpu_seconds={time.process_time():.2f}", flush=True)
    pyroscope.shutdown()


if __name__ == "__main__":
    main()
