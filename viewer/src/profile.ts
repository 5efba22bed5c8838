// The data in the page, decoded: header, tree of stacks, rows of values. Without DOM. The layout is described in viewer/README.md.

export interface SampleType {
  name: string;
  unit: string;
  scale: number; // row values are multiples of it
  groups: number[]; // tag set, window, rows; tag set, window, rows; ...
  rows: number;
}

export interface TagKey {
  key: string;
  values: string[];
  left_out: number; // values that were folded into "[other]"
}

export interface NativeStacks {
  complete: number;
  no_rows: number;
  out_of_bounds: number;
  too_deep: number;
  guessed: number;
  by_order: number;
}

export interface Header {
  version: number;
  title: string;
  producer: string;
  engine: string;
  period: number;
  period_unit: string;
  static_tags: [string, string][];
  windows: [number, number][]; // begin (ms since the Unix epoch), duration (ms)
  types: SampleType[];
  default_type: number;
  tags: TagKey[];
  tagsets: number[][]; // one number a key: 0 = the key is absent, else index into values + 1
  nodes: number;
  sections: number[]; // bytes of depths, of names, of row nodes, of row values
  names: string[];
  kinds: string;
  modules: string[];
  files: string[];
  places: number[]; // module, file, line of each name
  lost: [string, number][];
  native: NativeStacks | null;
  own: { cpu_ns: number; memory_bytes: number } | null;
  notes: string[];
  view?: string; // what the page shows first, as the hash of its address
}

/** What a frame is: the root, native code, a scope of the program, or something the profiler made up ("[other]"). */
export type Kind = 'root' | 'native' | 'scope' | 'synthetic';
const KINDS: Record<string, Kind> = { '-': 'root', n: 'native', s: 'scope', y: 'synthetic' };

/**
 * A name as it may be shown: control characters and those that turn the direction of text (they could make one name look like
 * another) are written out as \u{...}.
 */
export function visible(name: string): string {
  return name.replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g, (c) => `\\u{${c.charCodeAt(0).toString(16)}}`);
}

export class FormatError extends Error {}

function varints<T extends Uint32Array | Float64Array>(bytes: Uint8Array, from: number, length: number, out: T, what: string): T {
  const end = from + length;
  let at = from;
  for (let i = 0; i < out.length; i++) {
    let byte = bytes[at++]!;
    let value = byte & 127;
    for (let place = 128; byte > 127; place *= 128) {
      byte = bytes[at++]!;
      value += (byte & 127) * place;
    }
    out[i] = value;
  }
  if (at !== end) throw new FormatError(`${what}: ${length} bytes were announced, ${at - from} were read`);
  return out;
}

/** Stacks as a tree in preorder: the nodes under i are i+1 ... end[i]-1. Node 0 is the root over all. */
export class Profile {
  readonly header: Header;
  readonly nodes: number;
  readonly names: string[]; // as shown
  readonly kinds: Kind[]; // of each name
  readonly name: Uint32Array; // of each node
  readonly depth: Uint32Array;
  readonly parent: Int32Array; // -1 for the root
  readonly end: Uint32Array;
  readonly rowNode: Uint32Array;
  readonly rowValue: Float64Array; // in units of the type's scale
  readonly firstRow: number[] = []; // of each type

  constructor(bytes: Uint8Array) {
    if (bytes.length < 4) throw new FormatError('the data ends before its header');
    const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
    if (4 + length > bytes.length) throw new FormatError(`the header has ${length} bytes, but only ${bytes.length - 4} are there`);
    const header: Header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
    if (header.version !== 1) throw new FormatError(`data of version ${header.version}; this page reads version 1`);
    this.header = header;
    this.nodes = header.nodes;
    this.names = header.names.map(visible);
    this.kinds = Array.from(header.kinds, (c) => KINDS[c] ?? 'native');

    const sections = header.sections;
    const total = sections.reduce((sum, n) => sum + n, 4 + length);
    if (sections.length !== 4 || total !== bytes.length) throw new FormatError(`the sections need ${total} bytes; ${bytes.length} are there`);
    let at = 4 + length;
    const section = <T extends Uint32Array | Float64Array>(k: number, out: T, what: string): T => {
      varints(bytes, at, sections[k]!, out, what);
      at += sections[k]!;
      return out;
    };
    const up = section(0, new Uint32Array(this.nodes), 'depths');
    this.name = section(1, new Uint32Array(this.nodes), 'names');
    let rows = 0;
    for (const type of header.types) {
      this.firstRow.push(rows);
      rows += type.rows;
    }
    this.rowNode = section(2, new Uint32Array(rows), 'row nodes');
    this.rowValue = section(3, new Float64Array(rows), 'row values');
    this.#sumRowNodes();

    this.depth = new Uint32Array(this.nodes);
    this.parent = new Int32Array(this.nodes);
    this.end = new Uint32Array(this.nodes);
    this.#buildTree(up);
    this.#markScopes();
  }

  /** Row nodes are stored as differences within a group. */
  #sumRowNodes(): void {
    let row = 0;
    for (const type of this.header.types)
      for (let g = 0; g < type.groups.length; g += 3) {
        let node = 0;
        for (let left = type.groups[g + 2]!; left > 0; left--, row++) this.rowNode[row] = node += this.rowNode[row]!;
        if (node >= this.nodes) throw new FormatError(`a row of ${type.name} names node ${node} of ${this.nodes}`);
      }
    if (row !== this.rowNode.length) throw new FormatError(`the groups have ${row} rows, the types ${this.rowNode.length}`);
  }

  #buildTree(up: Uint32Array): void {
    const { depth, parent, end, nodes } = this;
    const path: number[] = [];
    for (let i = 0; i < nodes; i++) {
      const d = i ? 1 + depth[i - 1]! - up[i]! : 0;
      if (d < (i ? 1 : 0)) throw new FormatError(`node ${i} has depth ${d}`);
      if (this.name[i]! >= this.names.length) throw new FormatError(`node ${i} has name ${this.name[i]} of ${this.names.length}`);
      depth[i] = d;
      parent[i] = d ? path[d - 1]! : -1;
      path[d] = i;
    }
    for (let i = nodes - 1; i >= 0; i--) {
      if (!end[i]) end[i] = i + 1;
      const p = parent[i]!;
      if (p >= 0 && end[p]! < end[i]!) end[p] = end[i]!;
    }
  }

  /** Only scopes have exact calls: a function that has them holds a scope of its own name, and the two are one frame. */
  #markScopes(): void {
    let row = 0;
    for (const type of this.header.types) {
      const end = row + type.rows;
      if (type.name === 'calls')
        for (let r = row; r < end; r++) {
          const name = this.name[this.rowNode[r]!]!;
          if (this.kinds[name] === 'native') this.kinds[name] = 'scope';
        }
      row = end;
    }
  }

  /** Where a name is defined, as "file:line", or "" where that isn't known. */
  placeOf(name: number): string {
    const file = visible(this.header.files[this.header.places[3 * name + 1] ?? 0] ?? '');
    const line = this.header.places[3 * name + 2] ?? 0;
    return file && line ? `${file}:${line}` : file;
  }

  moduleOf(name: number): string {
    return visible(this.header.modules[this.header.places[3 * name] ?? 0] ?? '');
  }
}
