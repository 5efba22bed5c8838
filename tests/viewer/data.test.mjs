// The data code against brute force: sums over plain rows, stack by stack, with nothing of the viewer's tricks.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { HOSTILE_NAMES, KINDS, randomFrom } from './generate.mjs';
import { encode } from './page.mjs';
import { viewerSources as v } from './sources.mjs';

const SEP = '\u0001';

/** A small random profile: few names, so that recursion, merging and ties happen. */
function randomRows(seed) {
  const random = randomFrom(seed);
  const pick = (list) => list[Math.floor(random() * list.length)];
  const names = ['a|n', 'b|n', 'a|s', 'c|s', 'd|n', '\u00e4|n', '[other]|y'];
  const scopes = ['a|s', 'c|s']; // they alone have calls
  const tags = [{ key: 'k', values: ['x', 'y', 'z'] }, { key: 'l', values: ['1', '2'] }];
  const types = [{ name: 'calls', unit: 'count', scale: 1 }, { name: 'cpu', unit: 'nanoseconds', scale: 10_000_000 }];
  const windows = Array.from({ length: 7 }, (_, i) => [1000 * i * (1 + Math.floor(i / 4)), 1000]);
  const rows = Array.from({ length: 400 }, () => {
    const set = {};
    for (const tag of tags) if (random() < 0.8) set[tag.key] = pick(tag.values);
    const type = random() < 0.3 ? 0 : 1;
    const stack = Array.from({ length: Math.floor(random() * 7) }, () => pick(names));
    if (type === 0) stack.push(pick(scopes));
    return { type, tags: set, window: Math.floor(random() * 7), stack, value: (1 + Math.floor(random() * 5)) * types[type].scale };
  });
  return { rows, header: { types, tags, windows, default_type: 1 } };
}

function randomSelection(profile, random) {
  const s = v.everything(profile);
  profile.header.tags.forEach((tag, k) => {
    if (random() < 0.5) return;
    s.tags[k] = new Set(Array.from({ length: 1 + Math.floor(random() * 2) }, () => Math.floor(random() * (tag.values.length + 1))));
  });
  s.from = Math.floor(random() * profile.header.windows.length);
  s.to = s.from + Math.floor(random() * (profile.header.windows.length - s.from));
  return s;
}

const takes = (profile, s, row) =>
  row.window >= s.from && row.window <= s.to && profile.header.tags.every((tag, k) => !s.tags[k] || s.tags[k].has(row.tags[tag.key] === undefined ? 0 : tag.values.indexOf(row.tags[tag.key]) + 1));

const letter = { native: 'n', scope: 's', synthetic: 'y', root: '-' };
const stackKey = (profile, node) => {
  const path = [];
  for (let i = node; i > 0; i = profile.parent[i]) path.unshift(`${profile.names[profile.name[i]]}|${letter[profile.kinds[profile.name[i]]]}`);
  return path.join(SEP);
};

function each(work) {
  for (let seed = 1; seed <= 25; seed++) {
    const source = randomRows(seed);
    const profile = new v.Profile(new Uint8Array(encode(source)));
    const random = randomFrom(1000 + seed);
    for (let k = 0; k < 4; k++) work(profile, source.rows, randomSelection(profile, random), k % 2, random);
  }
}

test('data: self and total of every stack are those of the rows', () => {
  each((profile, rows, s, type) => {
    const self = new Map();
    for (const row of rows) if (row.type === type && takes(profile, s, row)) self.set(row.stack.join(SEP), (self.get(row.stack.join(SEP)) ?? 0) + row.value);
    const total = new Map();
    for (const [stack, value] of self) {
      const parts = stack === '' ? [] : stack.split(SEP);
      for (let n = 0; n <= parts.length; n++) total.set(parts.slice(0, n).join(SEP), (total.get(parts.slice(0, n).join(SEP)) ?? 0) + value);
    }
    const values = v.valuesOf(profile, type, s);
    for (let i = 0; i < profile.nodes; i++) {
      const key = stackKey(profile, i);
      assert.equal(values.self[i], self.get(key) ?? 0);
      assert.equal(values.total[i], total.get(key) ?? 0);
      self.delete(key);
    }
    assert.equal(self.size, 0);
  });
});

test('data: timeline and tag selectors add up to the rows', () => {
  each((profile, rows, s, type) => {
    const sums = v.groupSums(profile, type);
    const any = { ...s, from: 0, to: profile.header.windows.length - 1 };
    const line = v.timelineOf(profile, type, sums, s);
    line.forEach((value, w) => assert.equal(value, rows.filter((r) => r.type === type && r.window === w && takes(profile, any, r)).reduce((a, r) => a + r.value, 0)));
    profile.header.tags.forEach((tag, key) => {
      const open = { ...s, tags: s.tags.map((set, k) => (k === key ? null : set)) };
      const found = v.tagValuesOf(profile, type, sums, s, key);
      found.forEach((value, place) => {
        const of = rows.filter((r) => r.type === type && takes(profile, open, r) && (r.tags[tag.key] === undefined ? 0 : tag.values.indexOf(r.tags[tag.key]) + 1) === place);
        assert.equal(value, of.reduce((a, r) => a + r.value, 0));
      });
    });
  });
});

test('data: a name counts once where it is under itself', () => {
  each((profile, rows, s, type) => {
    const expected = { self: new Map(), total: new Map() };
    const add = (map, name, value) => map.set(name, (map.get(name) ?? 0) + value);
    for (const row of rows.filter((r) => r.type === type && takes(profile, s, r))) {
      if (row.stack.length) add(expected.self, row.stack.at(-1), row.value);
      for (const name of new Set(row.stack)) add(expected.total, name, row.value);
    }
    const found = v.byName(profile, v.valuesOf(profile, type, s));
    for (let n = 1; n < profile.names.length; n++) {
      const name = `${profile.names[n]}|${letter[profile.kinds[n]]}`;
      assert.equal(found.self[n], expected.self.get(name) ?? 0);
      assert.equal(found.total[n], expected.total.get(name) ?? 0);
    }
  });
});

test('data: sandwich merges all stacks through a name', () => {
  each((profile, rows, s, type, random) => {
    const values = v.valuesOf(profile, type, s);
    const name = 1 + Math.floor(random() * (profile.names.length - 1));
    const text = `${profile.names[name]}|${letter[profile.kinds[name]]}`;
    const { callers, callees } = v.sandwich(profile, v.single(profile, values), name);
    const [up, down] = [new Map(), new Map()];
    const add = (map, path, value) => map.set(path.join(SEP), (map.get(path.join(SEP)) ?? 0) + value);
    for (const row of rows.filter((r) => r.type === type && takes(profile, s, r) && r.stack.includes(text))) {
      const at = row.stack.indexOf(text);
      for (let n = 0; n <= at; n++) add(up, row.stack.slice(at - n, at + 1).reverse(), row.value);
      for (let n = at; n < row.stack.length; n++) add(down, row.stack.slice(at, n + 1), row.value);
    }
    for (const [tree, expected] of [[callers, up], [callees, down]]) {
      if (!expected.size) {
        assert.equal(tree.total[0], 0);
        continue;
      }
      assert.equal(tree.name.length, expected.size);
      for (let i = 0; i < tree.name.length; i++) {
        const path = [];
        for (let k = i; k >= 0; k = tree.parent[k]) path.unshift(`${profile.names[tree.name[k]]}|${letter[profile.kinds[tree.name[k]]]}`);
        assert.equal(tree.total[i], expected.get(path.join(SEP)));
        assert.equal(tree.end[i], i + 1 + [...Array(tree.name.length).keys()].filter((k) => { for (let p = tree.parent[k]; p >= 0; p = tree.parent[p]) if (p === i) return true; return false; }).length);
      }
    }
  });
});

test('data: a sandwich leaves out what is too small to be drawn, and nothing else', () => {
  const stacks = Array.from({ length: 5000 }, (_, i) => [`caller${i}|n`, 'f|n', `callee${i}|n`]);
  const rows = stacks.map((stack, i) => ({ type: 0, tags: {}, window: 0, stack, value: i < 10 ? 100 : 1 }));
  const profile = new v.Profile(new Uint8Array(encode({ rows, header: { types: [{ name: 'cpu', unit: 'nanoseconds', scale: 1 }], tags: [], windows: [[0, 1000]] } })));
  const { callers, callees } = v.sandwich(profile, v.single(profile, v.valuesOf(profile, 0, v.everything(profile))), profile.names.indexOf('f'));
  for (const tree of [callers, callees]) {
    assert.equal(tree.total[0], 10 * 100 + 4990);
    assert.deepEqual(tree.total.slice(1), Array(10).fill(100));
  }
});

test('data: matched share counts a stack once', () => {
  each((profile, rows, s, type) => {
    const values = v.valuesOf(profile, type, s);
    const match = Uint8Array.from(profile.names, (name, i) => (i && /[ac]/.test(name) ? 1 : 0));
    const expected = rows.filter((r) => r.type === type && takes(profile, s, r) && r.stack.some((f) => /[ac]/.test(f.slice(0, -2))) ).reduce((a, r) => a + r.value, 0);
    assert.equal(v.matchedTotal(v.single(profile, values), match), expected);
  });
});

test('data: bars lie within their parents, and both orders draw the same bars', () => {
  each((profile, _rows, s, type) => {
    const tree = v.single(profile, v.valuesOf(profile, type, s));
    const byNode = (order) => new Map(v.layOut(tree, 0, 800, order).flat().filter((bar) => bar.node >= 0).map((bar) => [bar.node, bar]));
    const [a, b] = [byNode('name'), byNode('heaviest')];
    assert.deepEqual([...a.keys()].sort(), [...b.keys()].sort());
    for (const bars of [a, b])
      for (const [node, bar] of bars) {
        assert.ok(Math.abs(bar.width - (800 * tree.total[node]) / tree.total[0]) < 1e-6);
        const parent = bars.get(tree.parent[node]);
        if (parent) assert.ok(bar.x >= parent.x - 1e-6 && bar.x + bar.width <= parent.x + parent.width + 1e-6);
        assert.equal(v.barAt(v.layOut(tree, 0, 800, 'name')[tree.depth[node]], a.get(node).x + a.get(node).width / 2).node, node);
      }
    const order = v.layOut(tree, 0, 800, 'heaviest')[1] ?? [];
    for (let i = 1; i < order.length; i++) assert.ok(order[i - 1].width >= order[i].width - 1e-9);
  });
});

test('data: no room is left blank where there is something, and rows are in order', () => {
  const stacks = Array.from({ length: 3000 }, (_, i) => ['main|n', `f${String(i).padStart(4, '0')}|n`, 'leaf|n']);
  const rows = stacks.map((stack, i) => ({ type: 0, tags: {}, window: 0, stack, value: i % 100 === 0 ? 90 : 1 }));
  const profile = new v.Profile(new Uint8Array(encode({ rows, header: { types: [{ name: 'cpu', unit: 'nanoseconds', scale: 1 }], tags: [], windows: [[0, 1000]] } })));
  const tree = v.single(profile, v.valuesOf(profile, 0, v.everything(profile)));
  for (const order of ['name', 'heaviest']) {
    const rowsOf = v.layOut(tree, 0, 600, order);
    assert.ok(rowsOf[2].length < 200);
    assert.ok(Math.abs(rowsOf[2].reduce((sum, bar) => sum + bar.width, 0) - 600) < 1);
    for (const row of rowsOf) for (let i = 1; i < row.length; i++) assert.ok(row[i].x >= row[i - 1].x + row[i - 1].width - 0.6);
  }
});

test('data: a diff keeps both sides apart', () => {
  each((profile, _rows, s, type, random) => {
    const [a, b] = [v.valuesOf(profile, type, s), v.valuesOf(profile, type, randomSelection(profile, random))];
    const tree = v.diff(profile, a, b);
    for (let i = 0; i < profile.nodes; i++) {
      assert.equal(tree.base[i], a.total[i]);
      assert.equal(tree.total[i] - tree.base[i], b.total[i]);
    }
    const [p, q] = [v.byName(profile, a), v.byName(profile, b)];
    for (const row of v.diffTable(profile, type, p, a.total[0], q, b.total[0]).rows) assert.deepEqual([row.base, row.other], [p.total[row.name], q.total[row.name]]);
  });
});

test('data: changes of share, as numbers and as text', () => {
  assert.ok(Math.abs(v.changeOf(10, 100, 30, 200) - 0.5) < 1e-12);
  assert.equal(v.changeText(10, 100, 30, 200), '+50.0%');
  assert.equal(v.changeText(20, 100, 10, 100), '\u221250.0%');
  assert.equal(v.changeText(0, 100, 10, 100), 'new');
  assert.equal(v.changeText(10, 100, 0, 100), 'gone');
  assert.equal(v.changeOf(10, 100, 0, 0), 0);
  assert.equal(v.changeText(10, 100, 0, 0), '\u2013');
});

test('data: the statistical error covers 95 % of trials', () => {
  const random = randomFrom(7);
  for (const [share, samples] of [[0.3, 400], [0.05, 300], [0.5, 50]]) {
    let inside = 0;
    for (let trial = 0; trial < 2000; trial++) {
      let hits = 0;
      for (let i = 0; i < samples; i++) if (random() < share) hits++;
      if (Math.abs(hits / samples - share) <= v.shareError(hits / samples, samples)) inside++;
    }
    assert.ok(inside / 2000 > 0.92 && inside / 2000 < 0.98, `${share} ${samples}: ${inside / 2000}`);
  }
});

test('data: text on every colour of both scales and of all names has a contrast of 4.5 or more', () => {
  for (const scale of ['blind', 'classic'])
    for (let change = -100; change <= 100; change++) {
      const colour = v.changeColour(scale, change / 100);
      assert.ok(v.contrast(colour, v.textOn(colour)) >= 4.5);
    }
  for (const kind of ['native', 'scope', 'synthetic'])
    for (const dark of [false, true])
      for (let i = 0; i < 500; i++) assert.ok(v.contrast(v.nameColour(`ns${i}::f(int)`, '', kind, dark), [0, 0, 0]) >= 4.5);
});

test('data: units', () => {
  const cases = [[0, 'nanoseconds', '0'], [999, 'nanoseconds', '999 ns'], [1234567, 'nanoseconds', '1.23 ms'], [6e10, 'nanoseconds', '1.00 min'], [2048, 'bytes', '2.00 KiB'], [1234567, 'count', '1,234,567'], [12, 'objects', '12 objects'], [12.34e9, 'nanoseconds', '12.3 s'], [123.4e6, 'nanoseconds', '123 ms'], [999_999, 'nanoseconds', '1.00 ms'], [3.6e12, 'nanoseconds', '1.00 h']];
  for (const [value, unit, text] of cases) assert.equal(v.format(value, unit), text);
  assert.equal(v.format(59.99e9, 'nanoseconds'), '1.00 min');
  assert.equal(v.percent(0.00001), '<0.01%');
  assert.equal(v.percent(1), '100%');
  assert.equal(v.signed(-0.123), '\u221212.3%');
});

test('data: the state survives its hash', () => {
  each((profile, _rows, s, type, random) => {
    const state = v.initialState(profile);
    Object.assign(state, { type, view: ['single', 'comparison', 'diff'][Math.floor(random() * 3)], search: 'a&b=c#%', focus: 1 + Math.floor(random() * (profile.names.length - 1)), zoom: Math.min(3, profile.nodes - 1), order: 'heaviest', rootBelow: true, theme: 'dark', scale: 'classic', split: true });
    state.sides = { single: s, left: randomSelection(profile, random), right: randomSelection(profile, random) };
    assert.deepEqual(v.fromHash(profile, `#${v.toHash(profile, state)}`), state);
  });
});

test('data: a hash of nonsense changes nothing', () => {
  const profile = new v.Profile(new Uint8Array(encode(randomRows(1))));
  for (const hash of ['#', '#%', '#type=x&view=y&zoom=9e9.x&sandwich=none&single.range=5-1&single.tag.k=nope&left.range=a', '#zoom=-1.0&order='])
    assert.equal(v.toHash(profile, v.fromHash(profile, hash)), '');
});

test('data: switching to two sides splits once and keeps the tags', () => {
  const profile = new v.Profile(new Uint8Array(encode(randomRows(1))));
  const state = v.initialState(profile);
  state.sides.single.tags[0] = new Set([2]);
  v.splitSides(state);
  assert.deepEqual([state.sides.left.from, state.sides.left.to, state.sides.right.from, state.sides.right.to], [0, 3, 4, 6]);
  assert.deepEqual(state.sides.right.tags[0], new Set([2]));
  state.sides.left.to = 1;
  v.splitSides(state);
  assert.equal(state.sides.left.to, 1);
});

test('data: broken data is refused with a reason', () => {
  const good = new Uint8Array(encode(randomRows(2)));
  for (const length of [0, 3, 4, 50, good.length - 1]) assert.throws(() => new v.Profile(good.slice(0, length)));
  const length = new DataView(good.buffer).getUint32(0, true);
  for (let i = 4 + length; i < good.length; i += 7) {
    const bad = good.slice();
    bad[i] ^= 0xff;
    try {
      new v.Profile(bad);
    } catch (error) {
      assert.match(String(error.message), /./);
    }
  }
  const few = new Uint8Array(encode(KINDS.gaps())); // 3 nodes
  const header = JSON.parse(Buffer.from(few.slice(4, 4 + new DataView(few.buffer).getUint32(0, true))).toString());
  few[few.length - header.sections[3] - header.sections[2]] = 3;
  assert.throws(() => new v.Profile(few), /names node 3 of 3/);
  assert.throws(() => new v.Profile(new Uint8Array(Buffer.concat([Buffer.from([2, 0, 0, 0]), Buffer.from('{}')]))), /version/);
});

test('data: names show what would turn or hide text', () => {
  assert.equal(v.visible('rtl \u202Egnp.exe'), 'rtl \\u{202e}gnp.exe');
  assert.equal(v.visible('a\nb\0'), 'a\\u{a}b\\u{0}');
  assert.equal(v.visible('\u05E9\u05DC\u05D5\u05DD'), '\u05E9\u05DC\u05D5\u05DD');
});

test('data: a function with exact calls is a scope', () => {
  const types = [{ name: 'calls', unit: 'count', scale: 1 }, { name: 'cpu', unit: 'nanoseconds', scale: 1 }];
  const rows = [['order|n', 0], ['order|n', 1], ['[other]|y', 0], ['plain|n', 1]].map(([frame, type]) => ({ type, tags: {}, window: 0, stack: [frame], value: 1 }));
  const profile = new v.Profile(new Uint8Array(encode({ rows, header: { types, tags: [], windows: [[0, 1000]] } })));
  assert.deepEqual(Object.fromEntries(profile.names.map((name, i) => [name, profile.kinds[i]])), { '': 'root', order: 'scope', '[other]': 'synthetic', plain: 'native' });
});

test('data: gaps on the time axis are shortened, windows stay in order', () => {
  const { windows } = KINDS.gaps().header;
  const axis = v.axisOf(windows);
  for (let i = 0; i < windows.length; i++) {
    assert.ok(axis.left[i] < axis.right[i] && (i === 0 || axis.left[i] >= axis.right[i - 1] - 1e-12));
    assert.equal(v.windowAt(axis, (axis.left[i] + axis.right[i]) / 2), i);
  }
  assert.equal(axis.breaks.length, 2);
  for (let i = 1; i < windows.length; i++) assert.ok(axis.left[i] - axis.right[i - 1] <= 0.0401, 'a gap is at most 4 % of the time in windows');
  assert.ok(Math.abs(axis.right.at(-1) - 1) < 1e-12);
});

test('data: folded stacks add up and hold no semicolon in a name', () => {
  const profile = new v.Profile(new Uint8Array(encode(KINDS.hostile())));
  const values = v.valuesOf(profile, 2, v.everything(profile));
  const lines = v.folded(profile, v.single(profile, values), 0, null).trimEnd().split('\n');
  assert.equal(lines.reduce((sum, line) => sum + Number(/ (\d+)$/.exec(line)[1]), 0), values.total[0]);
  for (const line of lines) assert.ok(line.replace(/ \d+$/, '').split(';').length <= 3);
  assert.ok(lines.length <= 3 * HOSTILE_NAMES.length);
});

const hasGo = spawnSync('go', ['version']).status === 0;
test('data: go tool pprof reads the downloaded pprof and finds the same values', { skip: hasGo ? undefined : 'go is not installed' }, () => {
  const profile = new v.Profile(new Uint8Array(encode(KINDS.rideshare())));
  const s = v.everything(profile);
  s.tags[0] = new Set([2]);
  s.from = 10;
  const values = v.valuesOf(profile, 2, s);
  const names = v.byName(profile, values);
  const folder = mkdtempSync(join(tmpdir(), 'pyro-viewer-'));
  try {
    writeFileSync(join(folder, 'p.pb'), v.pprof(profile, s, 2));
    const run = (...options) => {
      const out = spawnSync('go', ['tool', 'pprof', ...options, join(folder, 'p.pb')], { encoding: 'utf8' });
      assert.equal(out.status, 0, out.stderr);
      return out.stdout;
    };
    const top = run('-top', '-unit=ns', '-nodecount=1000', '-nodefraction=0');
    const found = new Map([...top.matchAll(/^ *(\d+)(?:ns)? +\S+% +\S+% +(\d+)(?:ns)? +\S+% +(.+)$/gm)].map((m) => [m[3].replace(/ \(inline\)$/, ''), [Number(m[1]), Number(m[2])]]));
    let seen = 0;
    for (let n = 1; n < profile.names.length; n++)
      if (names.total[n]) {
        seen++;
        const shortened = profile.names[n].replace(/<.*>(?=::)/, '').replace(/^(?!operator)(.*?)\(.*/, '$1'); // as pprof lists C++ names
        assert.deepEqual(found.get(shortened), [names.self[n], names.total[n]], `${shortened}\n${top}`);
      }
    assert.ok(seen > 8);
    assert.match(run('-tags'), /vehicle: Total .*\n.*car/);
    assert.match(run('-raw'), /PeriodType: cpu nanoseconds\nPeriod: 10000000\nTime: 2026-11-25/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
