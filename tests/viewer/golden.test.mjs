// The viewer reads what the library wrote (tests/golden), and finds in it what the library's other formats have.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { viewerSources as v } from './sources.mjs';

const golden = (name) => readFileSync(new URL(`../golden/${name}`, import.meta.url));

test('golden page: stack by stack what the folded stacks have', () => {
  const profile = new v.Profile(new Uint8Array(golden('rideshare.page-data.bin')));
  const { self, total } = v.valuesOf(profile, profile.header.default_type, v.everything(profile));
  const found = [];
  for (let i = 1; i < profile.nodes; i++) {
    if (self[i] === 0) continue;
    const path = [];
    for (let n = i; n > 0; n = profile.parent[n]) path.unshift(profile.names[profile.name[n]]);
    found.push(`${path.join(';')} ${self[i]}`);
  }
  const lines = golden('rideshare.folded').toString().trim().split('\n');
  assert.deepEqual(found.sort(), lines.sort());
  assert.equal(total[0], lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0));
});

test('golden page: tags, windows, what was lost', () => {
  const { header } = new v.Profile(new Uint8Array(golden('rideshare.page-data.bin')));
  assert.deepEqual(header.tags.map((t) => [t.key, t.values]), [['thread', ['rideshare', 'worker-1', 'worker-2']], ['vehicle', ['bike', 'car', 'scooter']]]);
  assert.deepEqual(header.static_tags, [['region', 'eu-north'], ['version', '2.1']]);
  assert.deepEqual(header.windows, [[1795529700000, 26000]]);
  assert.deepEqual(header.lost, [['samples, ring full', 3], ['calls, to [other]: memory budget or depth', 1234]]);
});
