// Debian's Chromium, driven by playwright-core, and a page of the viewer in it.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

export const axeSource = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
}

/** Opens a file; what it asks for besides itself and what it complains of is gathered in `requests` and `problems`. */
export async function open(browser, file, { hash = '', width = 1280, height = 800, colorScheme = 'light' } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme, acceptDownloads: true });
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const page = await context.newPage();
  const requests = [];
  const problems = [];
  const url = pathToFileURL(file).href;
  page.on('request', (r) => { if (r.url().split('#')[0] !== url && !r.url().startsWith('blob:')) requests.push(r.url()); });
  page.on('console', (m) => { if (m.type() === 'error' || m.type() === 'warning') problems.push(m.text()); });
  page.on('pageerror', (e) => problems.push(e.message));
  page.on('dialog', (d) => { problems.push(`dialog: ${d.message()}`); d.dismiss(); });
  await page.goto(url + (hash ? `#${hash}` : ''));
  await page.waitForFunction(() => performance.getEntriesByName('pyro:open').length > 0);
  return { page, requests, problems, close: () => context.close() };
}

/** The rows of the table that are in the page, as texts by column class. */
export function tableRows(page) {
  return page.$$eval('.names tbody tr:not(.spacer)', (rows) => rows.map((row) => Object.fromEntries([...row.cells].map((c) => [c.classList[0], (c.querySelector('button') ?? c).innerText.trim()]))));
}

export const settled = (page) => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 30))));
