// A tree as a flame graph draws it: a profile's own under a selection, two sides together, or one merged for a sandwich. Without DOM.
import type { Values } from './aggregate';
import type { Profile } from './profile';

export interface Tree {
  name: ArrayLike<number>;
  depth: ArrayLike<number>;
  parent: ArrayLike<number>;
  end: ArrayLike<number>;
  self: ArrayLike<number>;
  total: ArrayLike<number>; // of both sides in a diff
  base: ArrayLike<number> | null; // in a diff: the part of `total` that is the baseline's
  baseTotal: number; // in a diff: what shares of each side are taken of
  otherTotal: number;
}

export function single(profile: Profile, v: Values): Tree {
  const { name, depth, parent, end } = profile;
  return { name, depth, parent, end, self: v.self, total: v.total, base: null, baseTotal: v.total[0]!, otherTotal: 0 };
}

export function diff(profile: Profile, base: Values, other: Values): Tree {
  const { name, depth, parent, end } = profile;
  const self = base.self.map((value, i) => value + other.self[i]!);
  const total = base.total.map((value, i) => value + other.total[i]!);
  return { name, depth, parent, end, self, total, base: base.total, baseTotal: base.total[0]!, otherTotal: other.total[0]! };
}

/** What 100 % of the tree is: all of the selection, also where the tree is only the part under or over one name. */
export function wholeOf(tree: Tree): number {
  return tree.baseTotal + tree.otherTotal;
}

/** A stack as names, root first, the root over all left out. */
export function stackOf(tree: Tree, node: number): number[] {
  const path: number[] = [];
  for (let i = node; i >= 0 && (i > 0 || tree.name[0]); i = tree.parent[i]!) path.unshift(tree.name[i]!);
  return path;
}
