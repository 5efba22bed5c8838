// A selection as a pprof profile (profile.proto), uncompressed. All sample types, tags as labels. Without DOM.
import { eachGroup } from './aggregate';
import type { Profile } from './profile';
import { matchingTagsets, type Selection } from './selection';

/** Bytes of protobuf, written front to back; messages within messages are made first and copied in. */
class Writer {
  #bytes = new Uint8Array(1024);
  #length = 0;

  #need(n: number): void {
    if (this.#length + n <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#length + n, 2 * this.#bytes.length));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }

  varint(value: number): void {
    this.#need(10);
    for (; value > 127; value = Math.floor(value / 128)) this.#bytes[this.#length++] = (value % 128) | 128;
    this.#bytes[this.#length++] = value;
  }

  number(field: number, value: number): void {
    if (!value) return;
    this.varint(field * 8);
    this.varint(value);
  }

  chunk(field: number, bytes: Uint8Array): void {
    this.varint(field * 8 + 2);
    this.varint(bytes.length);
    this.#need(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  message(field: number, fill: (w: Writer) => void): void {
    const inner = new Writer();
    fill(inner);
    this.chunk(field, inner.finish());
  }

  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }
}

class Strings {
  readonly list: string[] = [''];
  #ids = new Map<string, number>([['', 0]]);

  id(text: string): number {
    let id = this.#ids.get(text);
    if (id === undefined) this.#ids.set(text, (id = this.list.push(text) - 1));
    return id;
  }
}

/** The rows of a selection by stack and tag set, one value a type. */
function samplesOf(profile: Profile, s: Selection): Map<number, Float64Array> {
  const matches = matchingTagsets(profile, s);
  const types = profile.header.types;
  const samples = new Map<number, Float64Array>(); // by tag set * nodes + node
  types.forEach((type, t) =>
    eachGroup(profile, t, (tagset, window, from, to) => {
      if (!matches[tagset] || window < s.from || window > s.to) return;
      for (let r = from; r < to; r++) {
        const key = tagset * profile.nodes + profile.rowNode[r]!;
        let values = samples.get(key);
        if (!values) samples.set(key, (values = new Float64Array(types.length)));
        values[t]! += profile.rowValue[r]! * type.scale;
      }
    }),
  );
  return samples;
}

export function pprof(profile: Profile, s: Selection, type: number): Uint8Array {
  const { header, nodes } = profile;
  const out = new Writer();
  const strings = new Strings();
  const valueType = (name: string, unit: string) => (w: Writer): void => {
    w.number(1, strings.id(name));
    w.number(2, strings.id(unit));
  };
  for (const t of header.types) out.message(1, valueType(t.name, t.unit));

  // location and function ids are the names' (the root has 0 and is in no stack)
  const used = new Uint8Array(profile.names.length);
  for (const [key, values] of samplesOf(profile, s)) {
    out.message(2, (sample) => {
      const stack = new Writer();
      for (let i = key % nodes; i > 0; i = profile.parent[i]!) {
        stack.varint(profile.name[i]!);
        used[profile.name[i]!] = 1;
      }
      sample.chunk(1, stack.finish());
      const list = new Writer();
      values.forEach((v) => list.varint(v));
      sample.chunk(2, list.finish());
      const labels = header.tagsets[Math.floor(key / nodes)]!.flatMap((v, k): [string, string][] => (v ? [[header.tags[k]!.key, header.tags[k]!.values[v - 1]!]] : []));
      for (const [tag, value] of [...header.static_tags, ...labels])
        sample.message(3, (label) => {
          label.number(1, strings.id(tag));
          label.number(2, strings.id(value));
        });
    });
  }
  const modules = header.modules.map((m, i) => (i && m ? i : 0));
  for (const m of modules)
    if (m)
      out.message(3, (mapping) => {
        mapping.number(1, m);
        mapping.number(5, strings.id(header.modules[m]!));
        mapping.number(7, 1); // has functions
      });
  used.forEach((is, name) => {
    if (!is) return;
    const [module, file, line] = [0, 1, 2].map((k) => header.places[3 * name + k] ?? 0) as [number, number, number];
    out.message(4, (location) => {
      location.number(1, name);
      location.number(2, modules[module] ?? 0);
      location.message(4, (w) => {
        w.number(1, name);
        w.number(2, line);
      });
    });
    out.message(5, (fn) => {
      fn.number(1, name);
      fn.number(2, strings.id(profile.names[name]!));
      fn.number(3, strings.id(profile.names[name]!));
      fn.number(4, strings.id(header.files[file] ?? ''));
    });
  });
  const first = header.windows[s.from];
  const last = header.windows[s.to];
  if (first && last) {
    out.number(9, first[0] * 1e6);
    out.number(10, (last[0] + last[1] - first[0]) * 1e6);
  }
  out.message(11, valueType('cpu', header.period_unit));
  out.number(12, header.period);
  out.number(13, strings.id(`pyro application: ${header.title}`));
  out.number(14, strings.id(header.types[type]!.name));
  const encoder = new TextEncoder();
  for (const text of strings.list) out.chunk(6, encoder.encode(text));
  return out.finish();
}
