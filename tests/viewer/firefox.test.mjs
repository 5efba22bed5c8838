// The page in Firefox, where Debian's is installed: that it decodes (gzip as well), sums, filters, compares and draws there too. What the page does in
// detail is browser.test.mjs's, in Chromium.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { after, before, test } from 'node:test';
import puppeteer from 'puppeteer-core';
import { HOSTILE_NAMES, KINDS } from './generate.mjs';
import { encode, page as pageOf } from './page.mjs';
import { viewerSources as v } from './sources.mjs';

const executablePath = process.env.FIREFOX ?? '/usr/bin/firefox-esr';
const skip = existsSync(executablePath) ? false : 'no Firefox (Debian: firefox-esr)';
const folder = mkdtempSync(join(tmpdir(), 'pyro-viewer-firefox-'));
let browser;
before(async () => {
  if (!skip) browser = await puppeteer.launch({ browser: 'firefox', executablePath, headless: true });
});
after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true });
});

const CPU = 2;
const textOf = (page, selector) => page.$eval(selector, (e) => e.innerText.trim());
const settled = (page) => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50))));
const totals = (page) => page.$$eval('.names tbody tr:not(.spacer)', (rows) => rows.map((r) => r.innerText.replace(/\s+/g, ' ').trim()));
/** How many colours a canvas shows: a blank one has one. */
const colours = (page, selector) => page.$eval(selector, (canvas) => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  return new Set(new Uint32Array(data.buffer)).size;
});

/** Opens a page of generated data; `work` gets the page and the data. It may complain of nothing. */
function firefoxTest(name, kind, encoding, work, hash = '') {
  test(`firefox: ${name}`, { skip }, async () => {
    const bytes = encode(KINDS[kind]());
    const file = join(folder, `${kind}-${encoding}.html`);
    writeFileSync(file, pageOf(bytes, encoding));
    const page = await browser.newPage();
    const problems = [];
    page.on('console', (m) => { if (['error', 'warn', 'warning'].includes(m.type())) problems.push(m.text()); });
    page.on('pageerror', (e) => problems.push(e.message));
    try {
      await page.setViewport({ width: 1280, height: 800 });
      await page.goto(pathToFileURL(file).href + (hash ? `#${hash}` : ''));
      await page.waitForFunction(() => performance.getEntriesByName('pyro:open').length > 0);
      await settled(page);
      await work(page, new v.Profile(new Uint8Array(bytes)));
      assert.deepEqual(problems, [], 'complaints');
    } finally {
      await page.close();
    }
  });
}

for (const encoding of ['raw', 'gzip'])
  firefoxTest(`sums, names and a graph, ${encoding}`, 'rideshare', encoding, async (page, profile) => {
    const all = v.valuesOf(profile, CPU, v.everything(profile));
    assert.equal(await textOf(page, '.side.single .sum'), v.format(all.total[0], 'nanoseconds'));
    const names = v.byName(profile, all).total;
    assert.equal((await totals(page)).length, profile.names.filter((_, i) => i && names[i]).length);
    assert.ok(await colours(page, '.side.single .timeline canvas') > 2);
  });

firefoxTest('a tag in the link selects, and is taken back by its list', 'rideshare', 'raw', async (page, profile) => {
  const s = v.everything(profile);
  s.tags[1] = new Set([1]);
  assert.equal(await textOf(page, '.side.single .sum'), v.format(v.valuesOf(profile, CPU, s).total[0], 'nanoseconds'));
  assert.ok(!(await totals(page)).some((row) => row.includes('order_car')));
  const list = (await page.$$('.side.single label.tag select'))[1];
  await list.select(await list.$eval('option', (o) => o.value));
  await settled(page);
  assert.equal(await textOf(page, '.side.single .sum'), v.format(v.valuesOf(profile, CPU, v.everything(profile)).total[0], 'nanoseconds'));
}, 'single.tag.vehicle=bike');

firefoxTest('comparison and diff', 'rideshare', 'gzip', async (page) => {
  const view = async (name) => {
    await page.evaluate((wanted) => [...document.querySelectorAll('.segments button')].find((b) => b.innerText.trim() === wanted).click(), name);
    await settled(page);
  };
  await view('Comparison');
  assert.equal((await page.$$('.side .timeline canvas')).length, 2);
  await view('Diff');
  assert.ok((await totals(page)).every((row) => /%/.test(row)));
});

firefoxTest('hostile names stay text', 'hostile', 'raw', async (page) => {
  assert.equal(await page.$('img, iframe, object'), null);
  const shown = (await page.$$eval('.names tbody td.name', (cells) => cells.map((c) => c.textContent))).join('\n');
  assert.ok(HOSTILE_NAMES.some((name) => name.includes('</script>') && shown.includes('</script>')));
});
