// What is said of a bar or a name: in tooltips, in the readout for screen readers. Without DOM.
import { changeText, isNoise, shareError } from './difference';
import type { Kind, Profile } from './profile';
import { type Tree, wholeOf } from './tree';
import { format, percent } from './units';

export const KIND_NAMES: Record<Kind, string> = { root: 'all stacks', native: 'native function', scope: 'scope', synthetic: 'made by the profiler' };
export const KIND_MARKS: Record<Kind, string> = { root: '', native: '', scope: '\u25c6', synthetic: '\u2591' };

/** Exact calls of each name under the selection, and the CPU or wall time they took; null where there is no count of calls. */
export interface Calls {
  count: ArrayLike<number>;
  time: ArrayLike<number> | null;
  unit: string;
}

/** How many samples a value stands for; 0 where it was counted, not sampled. */
export function samplesIn(profile: Profile, type: number, value: number): number {
  const t = profile.header.types[type];
  if (!t || t.name === 'calls') return 0;
  if (t.name === 'samples' && t.unit === 'count') return value;
  return t.unit === profile.header.period_unit && profile.header.period > 0 ? value / profile.header.period : 0;
}

export interface Description {
  title: string;
  lines: [string, string][];
}

export function nameOf(profile: Profile, name: number): string {
  return name === 0 ? 'total' : profile.names[name] || '[no name]';
}

function sideText(value: number, whole: number, unit: string): string {
  return `${format(value, unit)} (${percent(whole ? value / whole : 0)})`;
}

function errorText(profile: Profile, type: number, value: number, whole: number): string {
  const samples = samplesIn(profile, type, whole);
  return samples && value < whole ? ` \u00b1 ${percent(shareError(value / whole, samples))}` : '';
}

export function describeNode(profile: Profile, type: number, tree: Tree, node: number, showSelf: boolean, calls: Calls | null): Description {
  const unit = profile.header.types[type]!.unit;
  const name = tree.name[node]!;
  const kind = profile.kinds[name]!;
  const lines: [string, string][] = [];
  const total = tree.total[node]!;
  if (tree.base) {
    const base = tree.base[node]!;
    const other = total - base;
    lines.push(['baseline', sideText(base, tree.baseTotal, unit) + errorText(profile, type, base, tree.baseTotal)]);
    lines.push(['comparison', sideText(other, tree.otherTotal, unit) + errorText(profile, type, other, tree.otherTotal)]);
    const [m, n] = [samplesIn(profile, type, tree.baseTotal), samplesIn(profile, type, tree.otherTotal)];
    const noise = m && n && isNoise(base / tree.baseTotal, m, other / tree.otherTotal, n);
    lines.push(['change of share', changeText(base, tree.baseTotal, other, tree.otherTotal) + (noise ? ', within the statistical error' : '')]);
  } else {
    lines.push(['total', sideText(total, wholeOf(tree), unit) + errorText(profile, type, total, wholeOf(tree))]);
    if (showSelf) lines.push(['self', sideText(tree.self[node]!, wholeOf(tree), unit)]);
  }
  if (calls && calls.count[name]) {
    lines.push(['calls', `${format(calls.count[name]!, 'count')} (exact, all stacks)`]);
    if (calls.time) lines.push(['time a call', format(calls.time[name]! / calls.count[name]!, calls.unit)]);
  }
  const place = profile.placeOf(name);
  const module = profile.moduleOf(name);
  if (place) lines.push(['source', place]);
  if (module) lines.push(['module', module]);
  if (kind !== 'root') lines.push(['kind', KIND_NAMES[kind]]);
  return { title: nameOf(profile, name), lines };
}

export function readOut(d: Description): string {
  return [d.title.slice(0, 300), ...d.lines.map(([what, value]) => `${what} ${value}`)].join(', ');
}
