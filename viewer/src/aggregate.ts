// From rows to values: of each node, of each window, of each name. Without DOM; tested against brute force.
import type { Profile } from './profile';
import { matchingTagsets, type Selection } from './selection';

export interface Values {
  self: Float64Array;
  total: Float64Array;
}

/** Calls `visit` for each group of rows of a type: tag set, window, rows [from, to). */
export function eachGroup(profile: Profile, type: number, visit: (tagset: number, window: number, from: number, to: number) => void): void {
  const groups = profile.header.types[type]!.groups;
  let row = profile.firstRow[type]!;
  for (let g = 0; g < groups.length; g += 3) {
    const next = row + groups[g + 2]!;
    visit(groups[g]!, groups[g + 1]!, row, next);
    row = next;
  }
}

/** Self and total of each node under a selection, in the type's unit. */
export function valuesOf(profile: Profile, type: number, s: Selection): Values {
  const { rowNode, rowValue, parent } = profile;
  const scale = profile.header.types[type]!.scale;
  const matches = matchingTagsets(profile, s);
  const self = new Float64Array(profile.nodes);
  eachGroup(profile, type, (tagset, window, from, to) => {
    if (!matches[tagset] || window < s.from || window > s.to) return;
    for (let r = from; r < to; r++) self[rowNode[r]!]! += rowValue[r]!;
  });
  if (scale !== 1) for (let i = 0; i < self.length; i++) self[i]! *= scale;
  const total = self.slice();
  for (let i = total.length - 1; i > 0; i--) total[parent[i]!]! += total[i]!;
  return { self, total };
}

/** Each group's sum, once for a type: what the timeline and the tag selectors add up. */
export function groupSums(profile: Profile, type: number): Float64Array {
  const { rowValue } = profile;
  const scale = profile.header.types[type]!.scale;
  const sums: number[] = [];
  eachGroup(profile, type, (_tagset, _window, from, to) => {
    let sum = 0;
    for (let r = from; r < to; r++) sum += rowValue[r]!;
    sums.push(sum * scale);
  });
  return Float64Array.from(sums);
}

/** The value of each window under the selection's tags (its range left aside). */
export function timelineOf(profile: Profile, type: number, sums: Float64Array, s: Selection): Float64Array {
  const matches = matchingTagsets(profile, s);
  const out = new Float64Array(profile.header.windows.length);
  let g = 0;
  eachGroup(profile, type, (tagset, window) => {
    const sum = sums[g++]!;
    if (matches[tagset]) out[window]! += sum;
  });
  return out;
}

/** For one tag key, what each of its values (place 0: absent) holds under the selection of the other keys and the range. */
export function tagValuesOf(profile: Profile, type: number, sums: Float64Array, s: Selection, key: number): Float64Array {
  const matches = matchingTagsets(profile, s, key);
  const out = new Float64Array(profile.header.tags[key]!.values.length + 1);
  let g = 0;
  eachGroup(profile, type, (tagset, window) => {
    const sum = sums[g++]!;
    if (matches[tagset] && window >= s.from && window <= s.to) out[profile.header.tagsets[tagset]![key]!]! += sum;
  });
  return out;
}

/** Self and total of each name. A name under itself (recursion) counts once in its total. */
export function byName(profile: Profile, values: Values): Values {
  const { name, end } = profile;
  const self = new Float64Array(profile.names.length);
  const total = new Float64Array(profile.names.length);
  const open = new Uint32Array(profile.names.length); // nodes of the name on the path
  const path: number[] = [];
  for (let i = 0; i < profile.nodes; i++) {
    if (!values.total[i]) {
      i = end[i]! - 1;
      continue;
    }
    while (path.length && end[path[path.length - 1]!]! <= i) open[name[path.pop()!]!]!--;
    const n = name[i]!;
    self[n]! += values.self[i]!;
    if (!open[n]!++) total[n]! += values.total[i]!;
    path.push(i);
  }
  return { self, total };
}

/** The sum of all stacks that hold a matching name: nodes under a match are not counted again. */
export function matchedTotal(tree: { name: ArrayLike<number>; end: ArrayLike<number>; total: ArrayLike<number> }, match: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < tree.name.length; i++)
    if (match[tree.name[i]!]) {
      sum += tree.total[i]!;
      i = tree.end[i]! - 1;
    }
  return sum;
}
