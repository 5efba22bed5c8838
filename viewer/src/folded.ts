// Folded stacks, "root;frame;leaf value" a line: for flamegraph.pl, inferno, speedscope. Without DOM.
import type { Profile } from './profile';
import { stackOf, type Tree } from './tree';

/** In a name `;` becomes `:`, and a number at its end is tied to it: readers would take it for a value. */
function frame(name: string): string {
  return name.replace(/;/g, ':').trim().replace(/ (?=[\d.]+$)/, '_') || '[unknown]';
}

/** The stacks under a node, in whole units of the type. A diff has two values a line, baseline first, as difffolded.pl writes them. */
export function folded(profile: Profile, tree: Tree, under: number, baseSelf: ArrayLike<number> | null): string {
  const names = profile.names.map(frame);
  const lines: string[] = [];
  for (let i = under; i < tree.end[under]!; i++) {
    const value = tree.self[i]!;
    if (!value) continue;
    const stack = stackOf(tree, i).map((n) => names[n]!).join(';') || '[no frames]';
    const base = baseSelf?.[i] ?? 0;
    lines.push(`${stack} ${baseSelf ? `${Math.round(base)} ${Math.round(value - base)}` : Math.round(value)}\n`);
  }
  return lines.join('');
}
