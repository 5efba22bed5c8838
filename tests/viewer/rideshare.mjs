// Walks through the report of a rideshare run in Chromium, as the guided tour in examples/rideshare/README.md does, and holds what the page says
// against `go tool pprof` and `pyro top` on the same files. Called by tests/rideshare/check_report.sh: RUN PYRO [PICTURES]
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launch, open, settled, tableRows } from './browser.mjs';

const [run, pyro, pictures] = process.argv.slice(2);
const PERIOD = 15; // seconds that eu-north's calm and busy periods take in run.sh
const work = mkdtempSync(join(tmpdir(), 'pyro-report-'));
let failed = 0;
function check(ok, what) {
  if (!ok) failed++;
  console.log(`${ok ? 'ok  ' : 'FAIL'}  ${what}`);
}

// --- what other readers say ----------------------------------------------------------------------------------------------------

const files = readdirSync(run).filter((f) => f.endsWith('.pb.gz')).map((name) => {
  const [, region, y, mo, d, h, mi, s] = /^(.+)-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)([\d.]+)Z\.pb\.gz$/.exec(name);
  return { path: join(run, name), region, begin: Date.UTC(y, mo - 1, d, h, mi) + 1000 * Number(s) };
});
const tell = (program, args) => execFileSync(program, args, { encoding: 'utf8', env: { ...process.env, PPROF_TMPDIR: work, TZ: 'UTC' }, maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'ignore'] });

/** What `go tool pprof` has for these files: { all, total: {function: ns}, self: {function: ns} }. */
function pprof(paths, ...focus) {
  if (!paths.length) return { all: 0, total: {}, self: {} };
  const text = tell('go', ['tool', 'pprof', '-top', '-cum', '-unit=ns', '-nodecount=1000000', '-nodefraction=0', ...focus, ...paths]);
  const result = { all: 0, total: {}, self: {} };
  for (const line of text.split('\n')) {
    const row = /^\s*(-?[\d.]+)(?:ns)?\s+[\d.]+%\s+[\d.]+%\s+(-?[\d.]+)(?:ns)?\s+[\d.]+%\s+(.*)$/.exec(line);
    if (row) {
      result.self[row[3]] = (result.self[row[3]] ?? 0) + Number(row[1]);
      result.total[row[3]] = Math.max(result.total[row[3]] ?? 0, Number(row[2]));
    }
  }
  result.all = Object.values(result.self).reduce((a, b) => a + b, 0);
  return result;
}

const UNITS = { ns: 1, '\u00b5s': 1e3, us: 1e3, ms: 1e6, s: 1e9, min: 6e10, h: 3.6e12 };
function nanoseconds(text) {
  if (/^0\b/.test(text)) return 0;
  const parts = /^([\d.,]+) ?(ns|µs|us|ms|s|min|h)(?![a-z])/.exec(text);
  return parts ? Number(parts[1].replaceAll(',', '')) * UNITS[parts[2]] : NaN;
}
/** A text of three digits says this number. */
const says = (text, ns) => Math.abs(nanoseconds(text) - ns) <= 0.0051 * ns;
const percentOf = (text) => Number(/([\d.]+)%/.exec(text)?.[1] ?? NaN);
const near = (text, share) => Math.abs(percentOf(text) - 100 * share) <= 0.051;

/** `pyro top`: the CPU time of each row, as text. */
function top(...args) {
  const rows = {};
  for (const line of tell(pyro, ['top', '-n', '1000', ...args, ...files.map((f) => f.path)]).split('\n')) {
    const cells = line.trim().split(/\s{2,}/);
    if (cells.length >= 4) rows[cells[0]] = cells.slice(1);
  }
  return rows;
}

// --- what a user does --------------------------------------------------------------------------------------------------------------

const browser = await launch();
const opened = await open(browser, join(run, 'report.html'), { height: 800 });
const { page } = opened;
const view = (name) => page.locator('.segments').getByRole('button', { name, exact: true });
const list = (side, key) => page.locator(`.side.${side} label.tag`, { hasText: key }).locator('select');
const sum = (side = 'single') => page.locator(`.side.${side} .sum`).innerText();
const rangeOf = (side) => page.locator(`.side.${side} canvas`).getAttribute('aria-valuetext');

async function choose(side, key, value) {
  await list(side, key).selectOption(await list(side, key).locator('option', { hasText: value }).first().getAttribute('value'));
  await settled(page);
}
async function rowsLike(expression) {
  await page.getByRole('searchbox').fill(expression);
  await settled(page);
  const rows = await tableRows(page);
  await page.getByRole('searchbox').fill('');
  await settled(page);
  return rows;
}
const rowOf = async (name) => (await rowsLike(`^${name}$`))[0];
async function picture(name, height = 760) {
  if (!pictures) return;
  await page.setViewportSize({ width: 1280, height });
  await page.evaluate(() => document.activeElement?.blur());
  await page.mouse.move(640, height - 5);
  await page.locator('.toast').waitFor({ state: 'hidden', timeout: 10_000 });
  await settled(page);
  await page.screenshot({ path: join(pictures, `report-${name}.png`) });
}

/** The windows of a timeline, by pointing at all of it: what the tooltip says and where. */
async function windowsOf(side) {
  const box = await page.locator(`.side.${side} .timeline canvas`).boundingBox();
  const found = [];
  for (let x = box.x + 1; x < box.x + box.width; x += 4) {
    await page.mouse.move(x, box.y + 40);
    const text = await page.locator('.tooltip').innerText();
    const [, date, clock] = /^(\S+) (\d\d:\d\d:\d\d)/.exec(text);
    const begin = Date.parse(`${date}T${clock}Z`);
    const last = found.at(-1);
    if (last?.begin === begin) last.to = x;
    else found.push({ begin, from: x, to: x, value: /value\s+(.+)/.exec(text)[1], cpus: Number(/rate\s+([\d.]+)/.exec(text)?.[1] ?? 0) });
  }
  return found;
}
async function drag(side, windows) {
  const box = await page.locator(`.side.${side} .timeline canvas`).boundingBox();
  const middle = ({ from, to }) => (from + to) / 2;
  await page.mouse.move(middle(windows[0]), box.y + 40);
  await page.mouse.down();
  await page.mouse.move((middle(windows[0]) + middle(windows.at(-1))) / 2, box.y + 40);
  await page.mouse.move(middle(windows.at(-1)), box.y + 40);
  await page.mouse.up();
  await settled(page);
}
/** A region's files of these windows: one a window, in this order; where a region has missed one, those that begin nearest. */
function filesOf(region, chosen, all) {
  const own = files.filter((f) => f.region === region).sort((a, b) => a.begin - b.begin);
  const nearest = (f) => all.reduce((a, b) => (Math.abs(b.begin - f.begin) < Math.abs(a.begin - f.begin) ? b : a));
  return own.filter((f, i) => chosen.includes(own.length === all.length ? all[i] : nearest(f))).map((f) => f.path);
}

/** The page's selection as a pprof file, as its own menu writes it, read by go tool pprof. */
async function exported() {
  await page.locator('summary', { hasText: 'Export' }).click();
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download as pprof' }).click()]);
  const path = join(work, 'download.pb.gz');
  await download.saveAs(path);
  return pprof([path], '-sample_index=cpu');
}

try {
  // 1. the whole: largest node
  const everything = pprof(files.map((f) => f.path));
  const whole = await exported();
  check(everything.all > 0 && whole.all === everything.all, `everything: ${whole.all / 1e9} s of CPU in the page, ${everything.all / 1e9} s in ${files.length} files`);
  check(says(await sum(), everything.all), `everything: the page says ${await sum()}`);
  await page.getByRole('button', { name: /^Total/ }).click();
  const orders = await rowsLike('^order_');
  const tops = top();
  const order = (row) => row.total.replace(/\s+/g, ' ');
  check(orders[0]?.name === 'order_car' && orders.length === 3, `the largest order is order_car: ${orders.map((r) => `${r.name} ${order(r)}`).join(', ')}`);
  check(orders.every((r) => says(r.total, everything.total[r.name]) && near(r.total, everything.total[r.name] / everything.all)), 'the orders, with go tool pprof');
  check(orders.every((r) => says(tops[r.name]?.[2] ?? '', everything.total[r.name])), 'the orders, with pyro top');
  await page.getByRole('button', { name: /^Self/ }).click();
  await picture('flame');

  // 2. the regions
  const byRegion = top('--by', 'region');
  let regions = 0;
  for (const region of ['us-east', 'eu-north', 'ap-south']) {
    await choose('single', 'region', region);
    const there = pprof(files.filter((f) => f.region === region).map((f) => f.path));
    const here = await exported();
    regions += here.all;
    check(here.all === there.all && says(await sum(), there.all) && says(byRegion[region]?.[0] ?? '', there.all), `${region}: ${await sum()}, in the page, with go tool pprof and with pyro top`);
    const lock = await rowOf('mutex_lock');
    check(region === 'eu-north' ? says(lock?.total ?? '', there.total.mutex_lock) : !lock, `${region}: mutex_lock ${lock?.total.replace(/\s+/g, ' ') ?? 'is not there'}`);
  }
  check(regions === whole.all, 'the regions add up to everything');

  // 3. the timeline of eu-north's cars
  await choose('single', 'region', 'eu-north');
  await picture('region');
  await choose('single', 'vehicle', 'car');
  const windows = await windowsOf('single');
  const cars = '-tagfocus=vehicle=car';
  const each = ['us-east', 'eu-north', 'ap-south'].map((region) => files.filter((f) => f.region === region).length);
  check(windows.length >= 6 && windows.length <= Math.max(...each) + 1, `the three regions share ${windows.length} windows (files: ${each.join(', ')})`);
  check(windows.every((w) => says(w.value, pprof(filesOf('eu-north', [w], windows), cars).all)), 'each bar is what go tool pprof has in its file');
  // The longest calm and busy periods, of those with whole windows that with the most CPU time.
  const periods = new Map();
  for (const w of windows) {
    const at = Math.floor((w.begin + 1000) / 1000 / PERIOD);
    periods.set(at, [...(periods.get(at) ?? []), w]);
  }
  const weight = (list) => list.reduce((a, w) => a + nanoseconds(w.value), 0);
  const most = (busy) => [...periods].filter(([at]) => at % 2 === busy).map(([, list]) => list).sort((a, b) => weight(b) - weight(a))[0] ?? [];
  const [calm, busy] = [most(0), most(1)];
  const rate = (list) => list.reduce((a, w) => a + w.cpus, 0) / list.length;
  console.log(`      bars: ${windows.map((w) => `${Math.floor((w.begin + 1000) / 1000 / PERIOD) % 2 ? 'busy' : 'calm'} ${w.cpus}`).join(', ')} CPUs`);
  check(calm.length && busy.length, `a calm and a busy period are on the timeline: ${rate(calm).toFixed(2)} and ${rate(busy).toFixed(2)} CPUs`);

  const expected = {};
  for (const [name, range, wanted] of [['calm', calm, 0.5], ['busy', busy, 0.8]]) {
    await drag('single', range);
    const there = pprof(filesOf('eu-north', range, windows), cars);
    const here = await exported();
    const lock = await rowOf('mutex_lock');
    expected[name] = there.total.mutex_lock / there.all;
    check(here.all === there.all, `${name}: ${here.all / 1e9} s of CPU in the range and in its ${filesOf('eu-north', range, windows).length} files`);
    check(near(lock.total, expected[name]), `${name}: mutex_lock ${lock.total.replace(/\s+/g, ' ')}, with go tool pprof ${(100 * expected[name]).toFixed(2)} %`);
    const allowed = 0.1 + 4 * Math.sqrt((wanted * (1 - wanted)) / (there.all / 1e7));
    check(Math.abs(expected[name] - wanted) <= allowed, `${name}: ${(100 * expected[name]).toFixed(1)} % is about ${100 * wanted} % (allowed: ${(100 * allowed).toFixed(1)} points)`);
    await picture(name);
  }
  await page.locator('.side.single .timeline canvas').dblclick({ position: { x: 100, y: 40 } });
  await settled(page);

  // 4. the comparison, and 5. the diff
  await view('Comparison').click();
  await settled(page);
  const places = await windowsOf('left'); // the timelines are narrower now
  const there = (range, side) => side.filter((w) => range.some((r) => r.begin === w.begin));
  const onRight = await windowsOf('right');
  await drag('left', there(calm, places));
  await drag('right', there(busy, onRight));
  const pixel = (side, w) => page.locator(`.side.${side} .timeline canvas`).evaluate((c, x) => {
    const scale = c.width / c.clientWidth;
    const copy = Object.assign(document.createElement('canvas'), { width: c.width, height: c.height }).getContext('2d', { willReadFrequently: true });
    copy.drawImage(c, 0, 0);
    return [...copy.getImageData(Math.round((x - c.getBoundingClientRect().x) * scale), Math.round(48 * scale), 1, 1).data].slice(0, 3);
  }, (w.from + w.to) / 2);
  const [pink, blue, off] = [await pixel('left', there(calm, places)[0]), await pixel('right', there(busy, onRight)[0]), await pixel('left', there(busy, places)[0])];
  check(pink[0] > 180 && pink[1] < 120 && pink[2] > 90 && blue[2] > 180 && blue[0] < 100 && Math.max(...off) - Math.min(...off) < 40, `the left range is pink (${pink}), the right one blue (${blue}), others neither (${off})`);
  const kept = async () => [await rangeOf('left'), await rangeOf('right'), await sum('left'), await sum('right'),
    ...(await Promise.all(['left', 'right'].flatMap((side) => ['region', 'vehicle'].map((key) => list(side, key).locator('option:checked').innerText())))).map((t) => t.split(' ')[0])];
  const before = await kept();
  check(before.slice(4).join() === 'eu-north,car,eu-north,car', `both sides have the tags of the single view: ${before.slice(4).join(' ')}`);
  await picture('comparison', 1040);
  await view('Diff').click();
  await settled(page);
  check((await kept()).join() === before.join(), `the diff keeps both ranges and all tags: ${before.slice(0, 4).join(', ')}`);
  const first = (await tableRows(page))[0];
  check(first.name === 'mutex_lock', `what changed most is mutex_lock: ${first.base} to ${first.other}, ${first.diff}`);
  check(near(first.base, expected.calm) && near(first.other, expected.busy), `its shares with go tool pprof: ${(100 * expected.calm).toFixed(2)} % and ${(100 * expected.busy).toFixed(2)} %`);
  await picture('diff', 860);
  await view('Comparison').click();
  await settled(page);
  check((await kept()).join() === before.join(), 'and back again');

  check(opened.requests.length === 0 && opened.problems.length === 0, `the page asks for nothing and complains of nothing ${[...opened.requests, ...opened.problems].join(' ')}`);
} catch (error) {
  check(false, error.stack);
}
await browser.close();
rmSync(work, { recursive: true });
console.log(failed ? `FAIL  ${failed} in the report` : 'ok    the walk through the report is over');
process.exitCode = failed ? 1 : 0;
