// Sandwich: all stacks through one name, merged above it (callers) and below it (callees). Without DOM.
//
// Where a name is under itself, only its outermost frame counts, so that the sandwich's total is the table's. Both trees are pruned to what
// can be drawn: a branch that holds less than `least` of the total ends up in its parent alone.
import type { Profile } from './profile';
import type { Tree } from './tree';

const LEAST = 1 / 4000; // of the name's total: under half a pixel of the widest view

interface Node {
  name: number;
  self: number;
  total: number;
  base: number;
  children: Map<number, Node> | null;
}

const nodeOf = (name: number): Node => ({ name, self: 0, total: 0, base: 0, children: null });

function childOf(parent: Node, name: number): Node {
  const children = (parent.children ??= new Map<number, Node>());
  let child = children.get(name);
  if (!child) children.set(name, (child = nodeOf(name)));
  return child;
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

function callers(profile: Profile, tree: Tree, places: number[], name: number): Node {
  const root = nodeOf(name);
  for (const i of places) {
    let node = root;
    for (let p = i; ; ) {
      node.total += tree.total[i]!;
      if (tree.base) node.base += tree.base[i]!;
      p = profile.parent[p]!;
      if (p <= 0) break; // the root over all calls nobody
      node = childOf(node, profile.name[p]!);
    }
    node.self += tree.total[i]!;
  }
  return root;
}

/**
 * Callees are merged level by level: the places of a merged node are known before its children are made, so that small branches are never
 * walked into.
 */
function callees(profile: Profile, tree: Tree, places: number[], name: number): Node {
  const root = nodeOf(name);
  let least = 0;
  const open: [Node, number[]][] = [[root, places]];
  for (const i of places) {
    root.total += tree.total[i]!;
    root.self += tree.self[i]!;
    if (tree.base) root.base += tree.base[i]!;
  }
  least = root.total * LEAST;
  for (let next = open.pop(); next; next = open.pop()) {
    const [node, at] = next;
    const byChild = new Map<Node, number[]>();
    for (const i of at)
      for (let k = i + 1; k < profile.end[i]!; k = profile.end[k]!) {
        if (!tree.total[k]) continue;
        const child = childOf(node, profile.name[k]!);
        child.total += tree.total[k]!;
        child.self += tree.self[k]!;
        if (tree.base) child.base += tree.base[k]!;
        const list = byChild.get(child);
        if (list) list.push(k);
        else byChild.set(child, [k]);
      }
    for (const [child, list] of byChild) if (child.total >= least) open.push([child, list]);
  }
  return root;
}

/** A preorder tree of a merged one; children in the order of their names. */
function flat(profile: Profile, root: Node, tree: Tree): Tree {
  const out = { name: [] as number[], depth: [] as number[], parent: [] as number[], end: [] as number[], self: [] as number[], total: [] as number[], base: [] as number[] };
  const least = root.total * LEAST;
  const walk: { node: Node; depth: number; parent: number; close: number }[] = [{ node: root, depth: 0, parent: -1, close: -1 }];
  for (let next = walk.pop(); next; next = walk.pop()) {
    if (next.close >= 0) {
      out.end[next.close] = out.name.length;
      continue;
    }
    const { node, depth, parent } = next;
    const i = out.name.length;
    out.name.push(node.name);
    out.depth.push(depth);
    out.parent.push(parent);
    out.self.push(node.self);
    out.total.push(node.total);
    out.base.push(node.base);
    out.end.push(i + 1);
    walk.push({ node, depth, parent, close: i });
    const children = node.children ? [...node.children.values()].filter((c) => c.total >= least) : [];
    children.sort((a, b) => (profile.names[a.name]! < profile.names[b.name]! ? 1 : profile.names[a.name] === profile.names[b.name] ? b.name - a.name : -1));
    for (const child of children) walk.push({ node: child, depth: depth + 1, parent: i, close: -1 });
  }
  return { ...out, base: tree.base ? out.base : null, baseTotal: tree.baseTotal, otherTotal: tree.otherTotal };
}

export interface Sandwich {
  callers: Tree;
  callees: Tree;
}

export function sandwich(profile: Profile, tree: Tree, name: number): Sandwich {
  const places = outermost(profile, tree.total, name);
  return { callers: flat(profile, callers(profile, tree, places, name), tree), callees: flat(profile, callees(profile, tree, places, name), tree) };
}
