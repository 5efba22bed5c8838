// Writes pages in the format of viewer/README.md from plain rows: an encoder of the tests' own, independent of the library's.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const template = readFileSync(fileURLToPath(new URL('../../viewer/dist/template.html', import.meta.url)), 'utf8');

class Bytes {
  constructor() { this.bytes = Buffer.alloc(1 << 16); this.length = 0; }
  varint(value) {
    if (!Number.isSafeInteger(value) || value < 0) throw new Error(`no varint: ${value}`);
    if (this.length + 10 > this.bytes.length) this.bytes = Buffer.concat([this.bytes], 2 * this.bytes.length);
    for (; value > 127; value = Math.floor(value / 128)) this.bytes[this.length++] = (value % 128) | 128;
    this.bytes[this.length++] = value;
  }
  done() { return this.bytes.subarray(0, this.length); }
}

/** A tree of stacks: `add(stack)` returns a node; `number()` gives nodes their ids in preorder, siblings by the bytes of their names. */
class Tree {
  constructor() { this.root = { key: '', children: new Map(), id: 0 }; this.size = 1; }
  add(stack) {
    let node = this.root;
    for (const key of stack) {
      let child = node.children.get(key);
      if (!child) { node.children.set(key, (child = { key, children: new Map(), id: 0 })); this.size++; }
      node = child;
    }
    return node;
  }
  number() {
    const order = [];
    const open = [[this.root, 0]];
    while (open.length) {
      const [node, depth] = open.pop();
      node.id = order.length;
      order.push([node, depth]);
      const children = [...node.children.values()].sort((a, b) => Buffer.compare(Buffer.from(b.key), Buffer.from(a.key)));
      for (const child of children) open.push([child, depth + 1]);
    }
    return order;
  }
}

/**
 * rows: { type, tags: {key: value}, window, stack: ["name|kind", ...] (root first), value }; values of equal rows are added.
 * header: what is to be told besides; `tags` (keys and values) and `places` (by "name|kind") are filled in from what is given.
 */
export function encode({ rows, header, places = {} }) {
  const tree = new Tree();
  const tags = header.tags.map((tag) => ({ left_out: 0, ...tag }));
  const tagsetIds = new Map();
  const tagsets = [];
  const groups = new Map(); // type -> "tagset window" -> node -> value
  for (const row of rows) {
    const set = tags.map(({ key, values }) => (row.tags[key] === undefined ? 0 : values.indexOf(row.tags[key]) + 1));
    if (!tagsetIds.has(set.join())) { tagsetIds.set(set.join(), tagsets.length); tagsets.push(set); }
    const ofType = groups.get(row.type) ?? groups.set(row.type, new Map()).get(row.type);
    const key = tagsetIds.get(set.join()) * 1e6 + row.window;
    const values = ofType.get(key) ?? ofType.set(key, new Map()).get(key);
    const node = tree.add(row.stack);
    values.set(node, (values.get(node) ?? 0) + row.value);
  }
  const order = tree.number();

  const names = [''], kinds = ['-'], nameIds = new Map([['', 0]]), modules = [''], files = [''], placeList = [0, 0, 0];
  const indexIn = (list, text) => { if (!list.includes(text)) list.push(text); return list.indexOf(text); };
  const [depths, nameColumn, rowNodes, rowValues] = [new Bytes(), new Bytes(), new Bytes(), new Bytes()];
  let before = 0;
  order.forEach(([node, depth], i) => {
    depths.varint(i ? 1 + before - depth : 0);
    before = depth;
    if (!nameIds.has(node.key)) {
      const at = node.key.lastIndexOf('|');
      nameIds.set(node.key, names.length);
      names.push(node.key.slice(0, at));
      kinds.push(node.key.slice(at + 1));
      const { module = '', file = '', line = 0 } = places[node.key] ?? {};
      placeList.push(indexIn(modules, module), indexIn(files, file), line);
    }
    nameColumn.varint(nameIds.get(node.key));
  });
  const types = header.types.map((type, t) => {
    const list = [];
    let count = 0;
    for (const [key, values] of [...(groups.get(t) ?? new Map())].sort((a, b) => a[0] - b[0])) {
      const sorted = [...values].filter(([, value]) => value).sort((a, b) => a[0].id - b[0].id);
      if (!sorted.length) continue;
      list.push(Math.floor(key / 1e6), key % 1e6, sorted.length);
      count += sorted.length;
      let last = 0;
      for (const [node, value] of sorted) {
        rowNodes.varint(node.id - last);
        last = node.id;
        rowValues.varint(value / type.scale);
      }
    }
    return { ...type, groups: list, rows: count };
  });
  const sections = [depths, nameColumn, rowNodes, rowValues].map((s) => s.done());
  const full = {
    version: 1, title: 'test', producer: 'generate.mjs', engine: 'thread_timers', period: 10_000_000, period_unit: 'nanoseconds', static_tags: [],
    default_type: 0, lost: [], native: null, own: null, notes: [], ...header, types, tags, tagsets, nodes: order.length,
    sections: sections.map((s) => s.length), names, kinds: kinds.join(''), modules, files, places: placeList,
  };
  const json = Buffer.from(JSON.stringify(full));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(json.length);
  return Buffer.concat([length, json, ...sections]);
}

export function page(bytes, enc = 'raw') {
  const data = (enc === 'gzip' ? gzipSync(bytes, { level: 1 }) : bytes).toString('base64');
  const [head, rest] = template.split('@ENC@');
  return head + enc + rest.replace('@DATA@', () => data);
}
