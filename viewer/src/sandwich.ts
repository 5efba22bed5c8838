// Sandwich: all stacks through one name, merged above it (callers) and below it (callees). Without DOM.
//
// Where a name is under itself, only its outermost frame counts, so that the sandwich's total is the table's. Branches that are too small to be
// drawn are left out before they are made: a name with 15,000 places has most of its callers and callees in such branches.
import type { Profile } from './profile';
import type { Tree } from './tree';

const LEAST = 1 / 4000; // of the name's total: under half a pixel of the widest view

/** A frame of a merged tree before it is written out, and what it was merged from: a list of items through Gatherer.next. */
interface Branch {
  name: number;
  self: number;
  total: number;
  base: number;
  items: number; // first one; -1 ends a list
  parent: number;
  depth: number;
}

/** Sums items by name. Arrays in place of maps: this is where a sandwich spends its time. */
class Gatherer {
  readonly next: Int32Array;
  readonly #first: Int32Array;
  readonly #sums: Float64Array; // self, total, base of each name
  #names: number[] = [];

  constructor(names: number, items: number) {
    this.next = new Int32Array(items);
    this.#first = new Int32Array(names).fill(-1);
    this.#sums = new Float64Array(3 * names);
  }

  add(name: number, item: number, self: number, total: number, base: number): void {
    if (this.#first[name]! < 0) this.#names.push(name);
    this.next[item] = this.#first[name]!;
    this.#first[name] = item;
    this.#sums[3 * name]! += self;
    this.#sums[3 * name + 1]! += total;
    this.#sums[3 * name + 2]! += base;
  }

  /** The branches that hold at least `least`; begins anew. */
  take(least: number, parent: number, depth: number): Branch[] {
    const found: Branch[] = [];
    for (const name of this.#names) {
      const [self, total, base] = this.#sums.subarray(3 * name, 3 * name + 3) as unknown as [number, number, number];
      if (total >= least) found.push({ name, self, total, base, items: this.#first[name]!, parent, depth });
      this.#sums.fill(0, 3 * name, 3 * name + 3);
      this.#first[name] = -1;
    }
    this.#names = [];
    return found;
  }
}

/** Writes the tree out in preorder, siblings by their names. `expand` gathers what is next to a branch's items. */
function merged(profile: Profile, tree: Tree, gatherer: Gatherer, expand: (branch: Branch) => void): Tree {
  const out = { name: [] as number[], depth: [] as number[], parent: [] as number[], end: [] as number[], self: [] as number[], total: [] as number[], base: [] as number[] };
  const open = gatherer.take(0, -1, 0);
  const least = (open[0]?.total ?? 0) * LEAST;
  for (let branch = open.pop(); branch; branch = open.pop()) {
    const i = out.name.push(branch.name) - 1;
    out.depth.push(branch.depth);
    out.parent.push(branch.parent);
    out.self.push(branch.self);
    out.total.push(branch.total);
    out.base.push(branch.base);
    out.end.push(i + 1);
    expand(branch);
    const next = gatherer.take(least, i, branch.depth + 1);
    const { names } = profile;
    next.sort((a, b) => (names[a.name]! < names[b.name]! ? 1 : names[a.name]! > names[b.name]! ? -1 : b.name - a.name));
    open.push(...next);
  }
  for (let i = out.end.length - 1; i > 0; i--) out.end[out.parent[i]!] = Math.max(out.end[out.parent[i]!]!, out.end[i]!);
  return { ...out, base: tree.base ? out.base : null, baseTotal: tree.baseTotal, otherTotal: tree.otherTotal };
}

/** The outermost nodes of a name that hold anything. */
export function outermost(profile: Profile, total: ArrayLike<number>, name: number): number[] {
  const found: number[] = [];
  for (let i = 0; i < profile.nodes; i++) {
    if (total[i] && profile.name[i] !== name) continue;
    if (total[i]) found.push(i);
    i = profile.end[i]! - 1;
  }
  return found;
}

function callers(profile: Profile, tree: Tree, places: number[], name: number): Tree {
  const gatherer = new Gatherer(profile.names.length, places.length); // an item is a place; `at` is how far up it has come
  const at = Int32Array.from(places);
  const add = (item: number, callerName: number): void => gatherer.add(callerName, item, 0, tree.total[places[item]!]!, tree.base?.[places[item]!] ?? 0);
  places.forEach((_, item) => add(item, name));
  return merged(profile, tree, gatherer, (branch) => {
    for (let item = branch.items, next; item >= 0; item = next) {
      next = gatherer.next[item]!;
      const parent = (at[item] = profile.parent[at[item]!]!);
      if (parent > 0) add(item, profile.name[parent]!); // the root over all calls nobody
    }
  });
}

function callees(profile: Profile, tree: Tree, places: number[], name: number): Tree {
  const gatherer = new Gatherer(profile.names.length, profile.nodes); // an item is a node
  const add = (node: number, calleeName: number): void => gatherer.add(calleeName, node, tree.self[node]!, tree.total[node]!, tree.base?.[node] ?? 0);
  for (const node of places) add(node, name);
  return merged(profile, tree, gatherer, (branch) => {
    for (let item = branch.items, next; item >= 0; item = next) {
      next = gatherer.next[item]!;
      for (let k = item + 1; k < profile.end[item]!; k = profile.end[k]!) if (tree.total[k]) add(k, profile.name[k]!);
    }
  });
}

export interface Sandwich {
  callers: Tree;
  callees: Tree;
}

export function sandwich(profile: Profile, tree: Tree, name: number): Sandwich {
  const places = outermost(profile, tree.total, name);
  if (!places.length) {
    const none: Tree = { ...tree, name: [name], depth: [0], parent: [-1], end: [1], self: [0], total: [0], base: tree.base ? [0] : null };
    return { callers: none, callees: none };
  }
  return { callers: callers(profile, tree, places, name), callees: callees(profile, tree, places, name) };
}
