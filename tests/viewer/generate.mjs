// Synthetic profiles for the viewer's tests and benchmark. Same arguments, same bytes.
//
// usage: node generate.mjs KIND FILE [raw|gzip]
//   rideshare  3 regions, 3 vehicles, 60 windows, scopes over native frames; region eu-north alternates between calm and busy
//   hostile    names that try to break out of the page or to lie about what they are
//   gaps       windows of different lengths on two days
//   empty      a profile with no rows
//   large      78,000 nodes, 100,000 rows        huge  468,000 nodes, 600,000 rows
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { encode, page } from './page.mjs';

/** Numbers in [0, 1), the same at each run. */
export function randomFrom(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const PERIOD = 10_000_000;
const START = Date.UTC(2026, 10, 25, 9, 0, 0);
const TYPES = [
  { name: 'calls', unit: 'count', scale: 1 },
  { name: 'samples', unit: 'count', scale: 1 },
  { name: 'cpu', unit: 'nanoseconds', scale: PERIOD },
];
const [CALLS, SAMPLES, CPU] = [0, 1, 2];

function rideshare() {
  const random = randomFrom(1);
  const rows = [];
  const regions = ['ap-south', 'eu-north', 'us-east'];
  const vehicles = ['bike', 'car', 'scooter'];
  const weight = { bike: 8, car: 34, scooter: 12 };
  const top = ['main|n', 'ride::server::serve(int)|n'];
  const leaves = [
    [['std::chrono::_V2::steady_clock::now()|n', '__vdso_clock_gettime|n'], 0.5],
    [['ride::distance(ride::point const&, ride::point const&)|n'], 0.35],
    [['std::vector<ride::driver, std::allocator<ride::driver> >::push_back(ride::driver&&)|n', 'operator new(unsigned long)|n', 'malloc|n'], 0.1],
    [[], 0.05],
  ];
  for (let window = 0; window < 60; window++)
    for (const region of regions)
      for (const vehicle of vehicles) {
        const tags = { region, vehicle };
        const handler = [...top, `order_${vehicle}|s`, 'find_nearest_vehicle|s'];
        const add = (stack, samples) => {
          if (!samples) return;
          rows.push({ type: SAMPLES, tags, window, stack, value: samples }, { type: CPU, tags, window, stack, value: samples * PERIOD });
        };
        for (const [leaf, share] of leaves) add([...handler, ...leaf], Math.round(weight[vehicle] * share * (0.8 + 0.4 * random())));
        const calls = 40 + Math.floor(20 * random());
        rows.push({ type: CALLS, tags, window, stack: handler.slice(0, 3), value: calls }, { type: CALLS, tags, window, stack: handler, value: calls });
        const busy = region === 'eu-north' && window % 20 >= 10;
        if (vehicle === 'car') {
          const lock = [...handler, 'check_driver_availability|s', 'mutex_lock|s'];
          add([...lock, 'pthread_mutex_lock|n', '__lll_lock_wait|n'], Math.round((busy ? 60 : 6) * (0.8 + 0.4 * random())));
          rows.push({ type: CALLS, tags, window, stack: lock.slice(0, 5), value: calls }, { type: CALLS, tags, window, stack: lock, value: 3 * calls });
        }
      }
  for (let window = 0; window < 60; window++) {
    const stack = ['[no scope]|y', 'std::thread::_Invoker<std::tuple<void (*)()> >::operator()()|n', 'ride::reaper()|n'];
    rows.push({ type: SAMPLES, tags: {}, window, stack, value: 3 }, { type: CPU, tags: {}, window, stack, value: 3 * PERIOD });
  }
  const places = {
    'main|n': { module: 'rideshare', file: 'examples/rideshare/main.cpp', line: 41 },
    'ride::server::serve(int)|n': { module: 'rideshare', file: 'examples/rideshare/server.cpp', line: 77 },
    'order_car|s': { module: 'rideshare', file: 'examples/rideshare/car.cpp', line: 12 },
    'order_bike|s': { module: 'rideshare', file: 'examples/rideshare/bike.cpp', line: 12 },
    'order_scooter|s': { module: 'rideshare', file: 'examples/rideshare/scooter.cpp', line: 12 },
    'find_nearest_vehicle|s': { module: 'rideshare', file: 'examples/rideshare/utility.cpp', line: 30 },
    'mutex_lock|s': { module: 'rideshare', file: 'examples/rideshare/utility.cpp', line: 18 },
    'check_driver_availability|s': { module: 'rideshare', file: 'examples/rideshare/utility.cpp', line: 22 },
    'malloc|n': { module: 'libc.so.6' },
    'pthread_mutex_lock|n': { module: 'libc.so.6' },
    '__lll_lock_wait|n': { module: 'libc.so.6' },
  };
  const header = {
    title: 'ride-sharing-app', types: TYPES, default_type: CPU, windows: Array.from({ length: 60 }, (_, i) => [START + 10_000 * i, 10_000]),
    tags: [{ key: 'region', values: regions }, { key: 'vehicle', values: vehicles, left_out: 12 }], static_tags: [['hostname', 'web-1'], ['env', 'staging']],
    lost: [['samples, ring full', 12]], native: { complete: 9_100, no_rows: 31, out_of_bounds: 2, too_deep: 0, guessed: 5, by_order: 7 },
    own: { cpu_ns: 91_000_000, memory_bytes: 3_200_000 }, notes: ['Of the tag vehicle the 3 values with the most CPU time are shown; 12 others are [other].'],
  };
  return { rows, header, places };
}

export const HOSTILE_NAMES = [
  '</script><script>document.title="broken out"</script>', '<img src=x onerror=alert(1)>', '"><svg onload=alert(1)>', "it's \"quoted\" & <b>bold</b>",
  'javascript:alert(1)', '${document.title="broken out"}', 'tab\there', 'line\nbreak', 'nul\u0000byte', 'esc\u001b[31mred', 'a;b;c 12', ' 42', '',
  'rtl \u202Egnp.exe', '\u05E9\u05DC\u05D5\u05DD\u05E2\u05D5\u05DC\u05DD', '\u0645\u0631\u062D\u0628\u0627 function(int)', '\uD83D\uDE80 launch', '__proto__', 'constructor', '%s%n%x',
  `std::${'vector<'.repeat(1200)}int${'>'.repeat(1200)}`,
];

function hostile() {
  const rows = [];
  HOSTILE_NAMES.forEach((name, i) => {
    for (const kind of ['n', 's', 'y']) {
      rows.push({ type: CPU, tags: { ['<b>key</b>']: name.slice(0, 300) }, window: i % 3, stack: ['main|n', `${name}|${kind}`, 'leaf|n'], value: PERIOD * (i + 1) });
    }
  });
  const places = Object.fromEntries(HOSTILE_NAMES.map((name) => [`${name}|n`, { module: `</script>${name.slice(0, 50)}`, file: `"${name.slice(0, 50)}`, line: 7 }]));
  const header = {
    title: '</title><script>alert(1)</script>', types: TYPES, default_type: CPU, windows: [0, 1, 2].map((i) => [START + 1000 * i, 1000]),
    tags: [{ key: '<b>key</b>', values: [...new Set(HOSTILE_NAMES.map((n) => n.slice(0, 300)))] }], static_tags: [['</p>', '<i>x</i>']],
    lost: [['<script>', 3]], notes: ['<img src=x onerror=alert(1)>'],
  };
  return { rows, header, places };
}

function gaps() {
  const windows = [[START, 10_000], [START + 10_000, 10_000], [START + 60_000, 30_000], [START + 86_400_000, 10_000], [START + 86_410_000, 1_000]];
  const rows = windows.map(([, duration], window) => ({ type: CPU, tags: {}, window, stack: ['main|n', 'work|s'], value: (duration / 10) * PERIOD }));
  return { rows, header: { title: 'two days', types: TYPES, default_type: CPU, windows, tags: [] } };
}

function empty() {
  return { rows: [], header: { title: 'nothing', types: TYPES, default_type: CPU, windows: [[START, 10_000]], tags: [] } };
}

/** A random tree of C++-like names with some deep recursion, and rows spread over 60 windows, 9 tag sets and 3 types. */
function big(nodes, rowCount, seed) {
  const random = randomFrom(seed);
  const parts = ['std', 'boost::asio', 'ride', 'detail', 'db', 'geo', 'fmt::v10', 'json', 'absl', 'route'];
  const verbs = ['find', 'insert', 'lock', 'serialize', 'hash', 'resize', 'wait', 'visit', 'dispatch', 'do_complete'];
  const things = ['vehicle', 'driver', 'table', 'map', 'buffer', 'request', 'heap', 'route', 'string', 'executor'];
  const pick = (list) => list[Math.floor(random() * list.length)];
  const names = Array.from({ length: 3600 }, (_, i) =>
    i < 120 ? `${pick(verbs)}_${pick(things)}_${i}|s` : `${pick(parts)}::${pick(things)}<${pick(parts)}::${pick(things)}>::${pick(verbs)}_${i}(${pick(things)} const&)|n`);
  const name = () => names[Math.floor(names.length * random() ** 3)];
  const stacks = [['main|n']];
  let count = 1;
  const seen = new Set(['main|n']);
  while (count < nodes - 1) {
    const from = stacks[Math.floor(stacks.length * random() ** 1.5)];
    const deep = random() < 0.002 ? 150 : 2 + Math.floor(14 * random() ** 2);
    let stack = from.slice(0, 1 + Math.floor(from.length * random()));
    for (let i = 0; i < deep && stack.length < 400 && count < nodes - 1; i++) {
      stack = [...stack, deep === 150 ? names[200 + (i % 3)] : name()];
      const key = stack.join('\n');
      if (seen.has(key)) continue;
      seen.add(key);
      count++;
    }
    stacks.push(stack);
  }
  seen.clear();
  const regions = ['ap-south', 'eu-north', 'us-east'];
  const vehicles = ['bike', 'car', 'scooter'];
  const rows = [];
  const used = new Set();
  const add = (k) => {
    const key = k % 3 === 0 && used.size < stacks.length * 3 ? Math.floor(k / 3) % stacks.length : Math.floor(stacks.length * random() ** 2);
    const row = [k % 2 ? CPU : SAMPLES, Math.floor(random() * 9), Math.floor(random() * 60), key];
    const id = row.join();
    if (used.has(id)) return;
    used.add(id);
    rows.push({ type: row[0], tags: { region: regions[row[1] % 3], vehicle: vehicles[Math.floor(row[1] / 3)] }, window: row[2], stack: stacks[key],
      value: (1 + Math.floor(8 * random() ** 4)) * (row[0] === CPU ? PERIOD : 1) });
  };
  for (let s = 0; s < stacks.length && rows.length < rowCount; s++) add(3 * s + 3 * stacks.length * (s % 2)); // each stack once
  for (let k = 1; rows.length < rowCount; k++) add(k);
  const header = { title: `${nodes.toLocaleString('en')} nodes`, types: TYPES, default_type: CPU, windows: Array.from({ length: 60 }, (_, i) => [START + 10_000 * i, 10_000]),
    tags: [{ key: 'region', values: regions }, { key: 'vehicle', values: vehicles }] };
  return { rows, header };
}

export const KINDS = { rideshare, hostile, gaps, empty, large: () => big(78_000, 100_000, 2), huge: () => big(468_000, 600_000, 3) };

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [kind, file, enc = 'raw'] = process.argv.slice(2);
  if (!KINDS[kind] || !file) {
    console.error(`usage: node generate.mjs ${Object.keys(KINDS).join('|')} FILE [raw|gzip]`);
    process.exit(2);
  }
  writeFileSync(file, page(encode(KINDS[kind]()), enc));
}
