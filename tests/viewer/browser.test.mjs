// The page in a real browser: on generated profiles, whose sums are known, and on the pages named in PYRO_PAGES (written by the library).
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { axeSource, launch, open, settled, tableRows } from './browser.mjs';
import { HOSTILE_NAMES, KINDS } from './generate.mjs';
import { encode, page as pageOf } from './page.mjs';
import { viewerSources as v } from './sources.mjs';

let browser;
const folder = mkdtempSync(join(tmpdir(), 'pyro-viewer-'));
const files = {};
const profiles = {};
before(async () => {
  for (const kind of ['rideshare', 'hostile', 'gaps', 'empty']) {
    const bytes = encode(KINDS[kind]());
    profiles[kind] = new v.Profile(new Uint8Array(bytes));
    files[kind] = join(folder, `${kind}.html`);
    writeFileSync(files[kind], pageOf(bytes, kind === 'rideshare' ? 'gzip' : 'raw'));
  }
  browser = await launch();
});
after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true });
});

/** A test on one page; afterwards, it must have asked for nothing and complained of nothing. */
function pageTest(name, kind, work, options = {}) {
  test(`page: ${name}`, async () => {
    const opened = await open(browser, files[kind], options);
    try {
      await work(opened.page, profiles[kind]);
      assert.deepEqual(opened.requests, [], 'requests');
      assert.deepEqual(opened.problems, [], 'complaints');
    } finally {
      await opened.close();
    }
  });
}

const CPU = 2;
const viewButton = (page, name) => page.locator('.segments').getByRole('button', { name, exact: true });
const select = (page, side, key) => page.locator(`.side.${side} label.tag`, { hasText: key }).locator('select');
const sum = (page, side = 'single') => page.locator(`.side.${side} .sum`).innerText();
const rangeOf = (page, side) => page.locator(`.side.${side} canvas`).getAttribute('aria-valuetext');
const hashOf = (page) => page.evaluate(() => decodeURIComponent(location.hash));

async function choose(page, side, key, value) {
  const list = select(page, side, key);
  const option = await list.locator('option', { hasText: value }).first().getAttribute('value');
  await list.selectOption(option);
  await settled(page);
}

async function drag(page, side, from, to) {
  const box = await page.locator(`.side.${side} .timeline canvas`).boundingBox();
  await page.mouse.move(box.x + box.width * from, box.y + 30);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * ((from + to) / 2), box.y + 30);
  await page.mouse.move(box.x + box.width * to, box.y + 30);
  await page.mouse.up();
  await settled(page);
}

/** What the table must show for a name: from the data, by code that the data tests hold against brute force. */
function expected(profile, selection, name, type = CPU) {
  const values = v.valuesOf(profile, type, selection);
  const names = v.byName(profile, values);
  const n = profile.names.indexOf(name);
  return { self: names.self[n], total: names.total[n], share: names.total[n] / values.total[0], all: values.total[0] };
}

async function rowNamed(page, name) {
  return (await tableRows(page)).find((row) => row.name === name);
}

pageTest('content: title, types, tags, every name', 'rideshare', async (page, profile) => {
  assert.match(await page.title(), /ride-sharing-app/);
  assert.deepEqual(await page.locator('.controls label select option').allInnerTexts(), ['calls', 'samples', 'cpu (nanoseconds)']);
  assert.deepEqual(await page.locator('.side label.tag > span').allInnerTexts(), ['region', 'vehicle']);
  const used = v.byName(profile, v.valuesOf(profile, CPU, v.everything(profile))).total;
  const names = profile.names.filter((_, i) => i && used[i]).sort();
  assert.deepEqual((await tableRows(page)).map((r) => r.name).sort(), names);
  const all = expected(profile, v.everything(profile), 'order_car');
  assert.equal(await sum(page), v.format(all.all, 'nanoseconds'));
  const row = await rowNamed(page, 'order_car');
  assert.equal(row.total.replace(/\s+/g, ' '), v.format(all.total, 'nanoseconds') + v.percent(all.share));
  const calls = v.callsOf(profile, CPU, v.everything(profile), null);
  const n = profile.names.indexOf('order_car');
  assert.equal(row.calls, calls.count[n].toLocaleString('en-US'));
  assert.equal(row.each, v.format(calls.time[n] / calls.count[n], 'nanoseconds'));
});

pageTest('the sums over all values of a tag are the whole', 'rideshare', async (page, profile) => {
  let total = 0;
  for (const region of ['(without)', 'ap-south', 'eu-north', 'us-east']) {
    await choose(page, 'single', 'region', region);
    const s = v.everything(profile);
    s.tags[0] = new Set([region === '(without)' ? 0 : profile.header.tags[0].values.indexOf(region) + 1]);
    const value = v.valuesOf(profile, CPU, s).total[0];
    assert.equal(await sum(page), v.format(value, 'nanoseconds'));
    total += value;
  }
  assert.equal(total, v.valuesOf(profile, CPU, v.everything(profile)).total[0]);
});

pageTest('a tag filter changes table and timeline', 'rideshare', async (page, profile) => {
  await choose(page, 'single', 'vehicle', 'bike');
  assert.equal(await rowNamed(page, 'order_car'), undefined);
  const s = v.everything(profile);
  s.tags[1] = new Set([1]);
  const e = expected(profile, s, 'order_bike');
  assert.ok((await rowNamed(page, 'order_bike')).total.startsWith(v.format(e.total, 'nanoseconds')));
  assert.match(await hashOf(page), /single\.tag\.vehicle=bike/);
});

pageTest('a dragged range selects windows; the keyboard moves it', 'rideshare', async (page, profile) => {
  await drag(page, 'single', 0.501, 0.749);
  assert.equal(await rangeOf(page, 'single'), '2026-11-25 09:05:00 \u2013 09:07:30 UTC');
  const s = { ...v.everything(profile), from: 30, to: 44 };
  assert.equal(await sum(page), v.format(v.valuesOf(profile, CPU, s).total[0], 'nanoseconds'));
  const canvas = page.locator('.side.single .timeline canvas');
  await canvas.focus();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Shift+ArrowLeft');
  await page.keyboard.press('Alt+ArrowRight');
  await settled(page);
  assert.equal(await rangeOf(page, 'single'), '2026-11-25 09:05:20 \u2013 09:07:30 UTC');
  await page.keyboard.press('Escape');
  await settled(page);
  assert.equal(await rangeOf(page, 'single'), '2026-11-25 09:00:00 \u2013 09:10:00 UTC');
});

test('page: begins with the view that its data names; an address with another one wins', async () => {
  const source = KINDS.rideshare();
  source.header.view = 'view=diff&split=1&left.tag.region=us-east&right.tag.region=eu-north';
  const file = join(folder, 'view.html');
  writeFileSync(file, pageOf(encode(source), 'gzip'));
  for (const [hash, sides] of [['', ['left us-east', 'right eu-north']], ['search=lock', ['single any']]]) {
    const { page, close } = await open(browser, file, { hash });
    const shown = await page.$$eval('.side', (all) => all.map((side) => `${side.classList[1]} ${side.querySelector('label.tag select').selectedOptions[0].text.split(' ')[0]}`));
    await close();
    assert.deepEqual(shown, sides);
  }
});

pageTest('comparison: two sides, left pink and right blue; diff keeps both ranges and all tags', 'rideshare', async (page, profile) => {
  await choose(page, 'single', 'region', 'eu-north');
  await viewButton(page, 'Comparison').click();
  await settled(page);
  await drag(page, 'left', 0.001, 0.16);
  await drag(page, 'right', 0.17, 0.33);
  await choose(page, 'right', 'vehicle', 'car');
  assert.equal(await page.locator('.pane canvas:visible').count(), 2);
  const pixel = (side, x) => page.locator(`.side.${side} .timeline canvas`).evaluate((c, at) => [...c.getContext('2d').getImageData(Math.floor(at * c.width), Math.floor(c.height * 0.74), 1, 1).data], x);
  assert.deepEqual((await pixel('left', 0.026)).slice(0, 3), [0xd6, 0x48, 0x8f]);
  assert.deepEqual((await pixel('right', 0.209)).slice(0, 3), [0x2f, 0x7f, 0xd6]);
  const kept = async () => [await rangeOf(page, 'left'), await rangeOf(page, 'right'), await select(page, 'left', 'region').inputValue(), await select(page, 'right', 'region').inputValue(),
    await select(page, 'right', 'vehicle').inputValue(), await sum(page, 'left'), await sum(page, 'right')];
  const before = await kept();
  assert.deepEqual(before.slice(0, 5), ['2026-11-25 09:00:00 \u2013 09:01:40 UTC', '2026-11-25 09:01:40 \u2013 09:03:20 UTC', '2', '2', '2']);
  await viewButton(page, 'Diff').click();
  await settled(page);
  assert.deepEqual(await kept(), before);
  assert.equal(await page.locator('.pane canvas:visible').count(), 1);

  const left = { tags: [new Set([2]), null], from: 0, to: 9 };
  const right = { tags: [new Set([2]), new Set([2])], from: 10, to: 19 };
  const [a, b] = [expected(profile, left, 'mutex_lock'), expected(profile, right, 'mutex_lock')];
  const row = await rowNamed(page, 'mutex_lock');
  assert.deepEqual([row.base, row.other, row.diff.replace('\u2248 ', '')], [v.percent(a.share), v.percent(b.share), v.changeText(a.total, a.all, b.total, b.all)]);
  assert.equal((await rowNamed(page, 'order_bike')).diff, 'gone');
  const moved = (await tableRows(page)).map((r) => Math.abs(parseFloat(r.other) - parseFloat(r.base)));
  for (let i = 1; i < moved.length; i++) assert.ok(moved[i - 1] >= moved[i] - 0.2, 'sorted by absolute change of share');
});

pageTest('a permalink restores view, tags, ranges, search and sandwich', 'rideshare', async (page) => {
  await viewButton(page, 'Diff').click();
  await choose(page, 'left', 'region', 'us-east');
  await choose(page, 'right', 'region', 'eu-north');
  await drag(page, 'right', 0.51, 0.6);
  await page.getByRole('searchbox').fill('mutex');
  await page.getByRole('button', { name: 'mutex_lock', exact: true }).first().click();
  await settled(page);
  const look = async (p) => [await rangeOf(p, 'left'), await rangeOf(p, 'right'), await sum(p, 'left'), await sum(p, 'right'), await p.locator('.trail').innerText(), await p.getByRole('searchbox').inputValue(), await tableRows(p)];
  const url = await page.evaluate(() => location.href);
  const other = await page.context().newPage();
  await other.goto(url);
  await settled(other);
  await settled(other);
  assert.deepEqual(await look(other), await look(page));
  assert.match(await page.locator('.trail').innerText(), /mutex_lock/);
});

pageTest('search: table, matched share, a broken expression', 'rideshare', async (page, profile) => {
  await page.keyboard.press('/');
  await page.keyboard.type('LOCK');
  await settled(page);
  assert.deepEqual((await tableRows(page)).map((r) => r.name).sort(), ['__lll_lock_wait', '__vdso_clock_gettime', 'mutex_lock', 'pthread_mutex_lock', 'std::chrono::_V2::steady_clock::now()'].sort());
  const all = v.everything(profile);
  const [lock, clock] = [expected(profile, all, 'mutex_lock'), expected(profile, all, 'std::chrono::_V2::steady_clock::now()')];
  assert.ok((await page.locator('.matched').innerText()).startsWith(`${v.percent((lock.total + clock.total) / lock.all)} matched`));
  await page.getByRole('searchbox').fill('(');
  await settled(page);
  assert.match(await page.locator('.problem').innerText(), /./);
  assert.ok((await tableRows(page)).length > 10);
  await page.getByRole('searchbox').press('Escape');
  await settled(page);
  assert.equal(await page.locator('.problem').innerText(), '');
});

pageTest('sandwich: from the table, closed by Escape', 'rideshare', async (page) => {
  await page.getByRole('button', { name: 'find_nearest_vehicle', exact: true }).click();
  await settled(page);
  assert.deepEqual(await page.locator('.half h2:visible').allInnerTexts(), ['Callers', 'Callees']);
  assert.match(await hashOf(page), /sandwich=find_nearest_vehicle/);
  await page.locator('.half.under canvas').focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Escape'); // the zoom first, then the sandwich
  await settled(page);
  assert.equal(await page.locator('.half:visible').count(), 2);
  await page.keyboard.press('Escape');
  await settled(page);
  assert.equal(await page.locator('.half:visible').count(), 0);
});

pageTest('keyboard on the graph: walk, read out, zoom, back, sandwich', 'rideshare', async (page, profile) => {
  await page.locator('.pane canvas:visible').focus();
  const said = async () => (await settled(page), page.locator('[aria-live]').innerText());
  await page.keyboard.press('ArrowDown');
  assert.match(await said(), /^main, total 2\.07 min/);
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  assert.match(await said(), /^order_car, total .*kind scope/);
  await page.keyboard.press('ArrowLeft');
  assert.match(await said(), /^order_bike,/);
  await page.keyboard.press('ArrowRight');
  assert.match(await said(), /^order_car,/);
  await page.keyboard.press('Enter');
  await settled(page);
  assert.match(await page.locator('.trail').innerText(), /total.*main.*order_car/s);
  assert.match(await hashOf(page), /zoom=/);
  await page.keyboard.press('Escape');
  await settled(page);
  assert.doesNotMatch(await hashOf(page), /zoom=/);
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('s');
  await settled(page);
  assert.match(await hashOf(page), /sandwich=main/);
  assert.ok(profile.nodes > 10);
});

pageTest('mouse on the graph: tooltip, zoom, breadcrumbs', 'rideshare', async (page) => {
  const canvas = page.locator('.pane canvas:visible');
  const box = await canvas.boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + 3 * 21 + 8);
  const tip = page.locator('.tooltip');
  assert.match(await tip.innerText(), /order_car[\s\S]*total[\s\S]*\u00b1[\s\S]*calls[\s\S]*time a call[\s\S]*car\.cpp:12[\s\S]*rideshare/);
  await page.mouse.click(box.x + box.width / 2, box.y + 3 * 21 + 8);
  await settled(page);
  assert.match(await page.locator('.trail button[aria-current]').innerText(), /order_car/);
  await page.locator('.trail button', { hasText: 'total' }).click();
  await settled(page);
  assert.equal(await page.locator('.trail button').count(), 1);
});

pageTest('table: sorting by each column', 'rideshare', async (page) => {
  const names = async () => (await tableRows(page)).map((r) => r.name);
  await page.getByRole('button', { name: /^Name/ }).click();
  await page.getByRole('button', { name: /^Name/ }).click();
  await settled(page);
  const sorted = await names();
  assert.deepEqual(sorted, [...sorted].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)).reverse());
  await page.getByRole('button', { name: /^Total/ }).click();
  await settled(page);
  assert.equal(await page.locator('th.total').getAttribute('aria-sort'), 'descending');
  const shares = (await tableRows(page)).map((r) => parseFloat(/([\d.]+)%/.exec(r.total)[1]));
  for (let i = 1; i < shares.length; i++) assert.ok(shares[i - 1] >= shares[i]);
});

pageTest('types: calls are counted, without an error', 'rideshare', async (page, profile) => {
  await page.locator('.controls label select').selectOption('0');
  await settled(page);
  assert.equal(await sum(page), v.format(v.valuesOf(profile, 0, v.everything(profile)).total[0], 'count'));
  await page.locator('.trust').click();
  assert.match(await page.locator('dialog').innerText(), /counted, not sampled/);
});

pageTest('how much to trust this: losses, native stacks, own cost, error, notes', 'rideshare', async (page) => {
  assert.match(await page.locator('.trust').innerText(), /12 lost/);
  await page.locator('.trust').click();
  const text = await page.locator('dialog').innerText();
  for (const part of [/thread_timers/, /10\.0 ms/, /50\.0% \u00b1/, /samples, ring full\s+12/, /complete.*\s+9,100/, /91\.0 ms/, /3\.05 MiB/, /web-1/, /vehicle the 3 values/]) assert.match(text, part);
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('dialog').isVisible(), false);
});

pageTest('exports: folded stacks, pprof, a link', 'rideshare', async (page, profile) => {
  await choose(page, 'single', 'region', 'us-east');
  const s = v.everything(profile);
  s.tags[0] = new Set([3]);
  await page.locator('summary', { hasText: 'Export' }).click();
  await page.getByRole('button', { name: 'Copy as folded stacks' }).click();
  await settled(page);
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  assert.equal(copied.trim(), v.folded(profile, v.single(profile, v.valuesOf(profile, CPU, s)), 0, null).trim());
  await page.locator('summary', { hasText: 'Export' }).click();
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download as pprof' }).click()]);
  assert.equal(download.suggestedFilename(), 'ride-sharing-app.pb.gz');
  const bytes = gunzipSync(readFileSync(await download.path()));
  assert.deepEqual(bytes, Buffer.from(v.pprof(profile, s, CPU)));
});

pageTest('settings: order, root, names, colours stay in the link', 'rideshare', async (page) => {
  await page.locator('summary', { hasText: 'Settings' }).click();
  for (const [label, option] of [['Left to right', 'heaviest first'], ['Root', 'below (flame)'], ['Long names', 'show their end'], ['Diff colours', 'green to red'], ['Theme', 'dark']])
    await page.locator('.settings label', { hasText: label }).locator('select').selectOption({ label: option });
  await settled(page);
  assert.equal(await hashOf(page), '#order=heaviest&scale=classic&theme=dark&root=below&elide=start');
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
});

pageTest('dark mode follows the system', 'rideshare', async (page) => {
  const luminance = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  assert.equal(await luminance(), 'rgb(20, 22, 26)');
  await page.emulateMedia({ colorScheme: 'light' });
  await settled(page);
  assert.equal(await luminance(), 'rgb(245, 246, 248)');
}, { colorScheme: 'dark' });

pageTest('hostile names stay text', 'hostile', async (page, profile) => {
  assert.equal(await page.title(), '</title><script>alert(1)</script> \u2013 pyro');
  for (const panel of ['Single', 'Diff', 'Comparison']) {
    await viewButton(page, panel).click();
    await settled(page);
    assert.equal(await page.locator('img, svg, iframe, b:text("bold"), body script:not([src])').count(), 1, 'only the script of the page');
  }
  await viewButton(page, 'Single').click();
  await viewButton(page, 'Table').click();
  await settled(page);
  const titles = new Set(await page.$$eval('td.name button', (list) => list.map((b) => b.title.split('\n')[0])));
  const scroller = page.locator('.scroller');
  for (let y = 0; y < 4000; y += 300) {
    await scroller.evaluate((e, top) => (e.scrollTop = top), y);
    await settled(page);
    for (const title of await page.$$eval('td.name button', (list) => list.map((b) => b.title.split('\n')[0]))) titles.add(title);
  }
  for (const name of HOSTILE_NAMES) assert.ok(titles.has(v.visible(name) || '[no name]'), name.slice(0, 40));
  await page.locator('.trust').click();
  assert.match(await page.locator('dialog').innerText(), /<img src=x onerror=alert\(1\)>/);
  assert.equal(profile.header.names.length > 40, true);
});

pageTest('hostile names: tooltip, sandwich and permalink of a 10 kB template', 'hostile', async (page, profile) => {
  const name = HOSTILE_NAMES.at(-1);
  await page.getByRole('searchbox').fill('^std::vector<vector');
  await settled(page);
  await page.locator('td.name button').first().click();
  await settled(page);
  assert.ok((await hashOf(page)).includes(`sandwich=${name.slice(0, 100)}`));
  const box = await page.locator('.half.under canvas').boundingBox();
  await page.mouse.move(box.x + 100, box.y + 10);
  const tip = await page.locator('.tooltip').boundingBox();
  assert.ok(tip.height < 500 && tip.x >= 0 && tip.x + tip.width <= 1280);
  assert.ok(profile.names.includes(name));
});

pageTest('gaps between windows and windows of different lengths', 'gaps', async (page) => {
  assert.equal(await rangeOf(page, 'single'), '2026-11-25 09:00:00 \u2013 2026-11-26 09:00:11 UTC');
  await drag(page, 'single', 0.9, 0.999);
  assert.match(await rangeOf(page, 'single'), /^2026-11-26/);
});

pageTest('an empty profile says so', 'empty', async (page) => {
  assert.match(await page.locator('.nothing').innerText(), /Nothing was recorded/);
  await viewButton(page, 'Diff').click();
  await settled(page);
  assert.match(await page.locator('.nothing').innerText(), /Nothing was recorded/);
});

test('page: broken data says what is wrong', async () => {
  const file = join(folder, 'broken.html');
  writeFileSync(file, pageOf(encode(KINDS.gaps()).subarray(0, 200)));
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`file://${file}`);
  await page.waitForSelector('.broken');
  assert.match(await page.locator('.broken').innerText(), /could not be shown\s+the header has \d+ bytes/);
  await context.close();
});

for (const [kind, hash, colorScheme, width] of [
  ['rideshare', '', 'light', 1280], ['rideshare', 'search=lock', 'dark', 1280], ['rideshare', 'view=comparison', 'light', 700], ['rideshare', 'view=diff&split=1&left.tag.region=us-east', 'dark', 1280],
  ['rideshare', 'view=diff&split=1&left.tag.region=us-east', 'light', 700], ['rideshare', 'sandwich=mutex_lock', 'light', 1280], ['hostile', '', 'light', 1280],
])
  pageTest(`axe finds nothing: ${kind} ${hash || 'single'}, ${colorScheme}, ${width} wide`, kind, async (page) => {
    const check = async (what) => {
      // evaluate() is not held by the page's policy
      await page.evaluate(readFileSync(axeSource, 'utf8'));
      const { violations } = await page.evaluate(() => globalThis.axe.run());
      assert.deepEqual(violations.map((x) => `${what}: ${x.id}: ${x.nodes.map((n) => n.html.slice(0, 150)).slice(0, 3).join(' | ')}`), []);
    };
    await check('page');
    await page.locator('summary', { hasText: 'Settings' }).click();
    await check('settings');
    await page.keyboard.press('Escape');
    await page.locator('.trust').click();
    await check('dialog');
  }, { hash, colorScheme, width });

// --- pages written by the library

const named = (process.env.PYRO_PAGES ?? '').split('\n').filter(Boolean);
for (const file of named) {
  const data = /data-enc="(raw|gzip)">([^<]*)</.exec(readFileSync(file, 'latin1'));
  test(`given ${basename(file)}: holds data`, () => assert.ok(data));
  if (!data) continue;
  const bytes = Buffer.from(data[2], 'base64');
  const profile = new v.Profile(new Uint8Array(data[1] === 'gzip' ? gunzipSync(bytes) : bytes));
  files[file] = file;
  profiles[file] = profile;
  pageTest(`given ${basename(file)}: sums of each type, tag and range`, file, async (page) => {
    for (let type = 0; type < profile.header.types.length; type++) {
      await page.locator('.controls label select').selectOption(String(type));
      await settled(page);
      const { unit } = profile.header.types[type];
      assert.equal(await sum(page), v.format(v.valuesOf(profile, type, v.everything(profile)).total[0], unit));
      for (let key = 0; key < profile.header.tags.length; key++) {
        const sums = v.tagValuesOf(profile, type, v.groupSums(profile, type), v.everything(profile), key);
        assert.equal(sums.reduce((a, b) => a + b, 0), v.valuesOf(profile, type, v.everything(profile)).total[0]);
      }
    }
    const names = v.byName(profile, v.valuesOf(profile, profile.header.types.length - 1, v.everything(profile)));
    assert.equal(Number(await page.locator('.names table').getAttribute('aria-rowcount')) - 1, names.total.filter((t, i) => i && t).length);
  });
  pageTest(`given ${basename(file)}: comparison, diff, sandwich, search`, file, async (page) => {
    for (const view of ['Comparison', 'Diff', 'Single']) {
      await viewButton(page, view).click();
      await settled(page);
    }
    await page.locator('td.name button').first().click();
    await settled(page);
    assert.ok((await page.locator('.half:visible').count()) === 2);
    await page.getByRole('searchbox').fill('.');
    await settled(page);
    assert.match(await page.locator('.matched').innerText(), /matched/);
  });
}
