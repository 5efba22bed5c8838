// The viewer's gates: size, opening, filtering, sandwich. Times are the page's own: opening from the start of navigation to the first picture,
// a filter or a sandwich from the event to the picture drawn.
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launch, open } from './browser.mjs';
import { KINDS } from './generate.mjs';
import { encode, page as pageOf } from './page.mjs';

const RUNS = 5;
const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
let missed = 0;
function gate(what, value, limit, unit) {
  const ok = value <= limit;
  if (!ok) missed++;
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${what}: ${Math.round(value).toLocaleString('en')} ${unit} (at most ${limit.toLocaleString('en')})`);
}

/** CPU time of the page's thread so far, in ms: what an action costs where the machine has other work, too. */
async function cpuMeter(page) {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  return async () => 1000 * (await session.send('Performance.getMetrics')).metrics.find((m) => m.name === 'TaskDuration').value;
}

/** From an action in the page to the second frame after it: computed, drawn and shown. */
const timed = (page, action, argument) =>
  page.evaluate(
    ([source, value]) =>
      new Promise((done) => {
        const begin = performance.now();
        new Function('value', source)(value);
        requestAnimationFrame(() => setTimeout(() => done(performance.now() - begin)));
      }),
    [action, argument],
  );

const template = readFileSync(new URL('../../viewer/dist/template.html', import.meta.url)).length;
gate('viewer without data', template, 60_000, 'bytes');
const folder = mkdtempSync(join(tmpdir(), 'pyro-viewer-'));
const browser = await launch();
try {
  for (const [kind, label, limits] of [['large', '78,000 nodes x 100,000 rows', { open: 800, size: 3e6 }], ['huge', '468,000 nodes x 600,000 rows', { open: 1200 }]]) {
    const bytes = encode(KINDS[kind]());
    for (const enc of ['raw', 'gzip']) {
      const file = join(folder, `${kind}.${enc}.html`);
      writeFileSync(file, pageOf(bytes, enc));
      if (limits.size && enc === 'raw') gate(`${label}: file, ${enc}`, statSync(file).size, limits.size, 'bytes');
      const times = { open: [], filter: [], sandwich: [], diff: [], search: [], filterCpu: [], sandwichCpu: [] };
      for (let run = 0; run < RUNS; run++) {
        const { page, close } = await open(browser, file);
        times.open.push(await page.evaluate(() => performance.getEntriesByName('pyro:open')[0].startTime));
        const pick = `const list = document.querySelector('label.tag select'); list.selectedIndex = value; list.dispatchEvent(new Event('change'));`;
        const cpu = await cpuMeter(page);
        const atFilter = await cpu();
        times.filter.push(await timed(page, pick, 1));
        times.filterCpu.push((await cpu()) - atFilter);
        await timed(page, pick, 0);
        const atSandwich = await cpu(); // of the heaviest of the names that are everywhere
        times.sandwich.push(await timed(page, `[...document.querySelectorAll('td.name button')].find((b) => b.textContent !== 'main').click()`));
        times.sandwichCpu.push((await cpu()) - atSandwich);
        await timed(page, `document.querySelector('.trail button').click()`);
        times.search.push(await timed(page, `const box = document.querySelector('input'); box.value = value; box.dispatchEvent(new Event('input'));`, 'lock|hash'));
        times.diff.push(await timed(page, `document.querySelector('.segments button[value=diff]').click()`));
        await close();
      }
      gate(`${label}, ${enc}: open`, median(times.open), limits.open, 'ms');
      const slow = kind === 'large' || enc === 'raw';
      if (!slow) continue;
      gate(`${label}, ${enc}: filter by a tag`, median(times.filter), 150, 'ms');
      gate(`${label}, ${enc}: sandwich`, median(times.sandwich), 200, 'ms');
      console.log(`     ${label}, ${enc}: to the diff ${Math.round(median(times.diff))} ms, search ${Math.round(median(times.search))} ms; CPU time of the filter ${Math.round(median(times.filterCpu))} ms, of the sandwich ${Math.round(median(times.sandwichCpu))} ms`);
    }
  }
} finally {
  await browser.close();
  rmSync(folder, { recursive: true });
}
console.log(missed ? `${missed} gates missed` : 'all gates held');
process.exit(missed ? 1 : 0);
