// What the table lists: one row a name, with its columns and their order. Without DOM.
import { byName, valuesOf, type Values } from './aggregate';
import { type Calls, nameOf, samplesIn } from './describe';
import { changeOf, isNoise } from './difference';
import type { Profile } from './profile';
import type { Selection } from './selection';

export type Column = 'name' | 'self' | 'total' | 'calls' | 'each' | 'base' | 'other' | 'diff';

export interface Row {
  name: number;
  self: number;
  total: number;
  calls: number;
  each: number; // time a call
  base: number;
  other: number;
  change: number; // relative, of the share; Infinity = new
  moved: number; // absolute change of the share
  noise: boolean; // chance explains the change
}

export interface Table {
  rows: Row[];
  columns: Column[];
  whole: number; // of the single side, or the baseline
  otherWhole: number;
}

/** Exact calls and the time of each name: from the type `calls`, beside the shown type where that is a time, else the first type that is one. */
export function callsOf(profile: Profile, type: number, s: Selection, shown: Values | null): Calls | null {
  const types = profile.header.types;
  const calls = types.findIndex((t) => t.name === 'calls');
  if (calls < 0 || !types[calls]!.rows) return null;
  const isTime = (t: number): boolean => types[t]!.unit === 'nanoseconds';
  const time = isTime(type) ? type : types.findIndex((_, t) => isTime(t));
  const count = byName(profile, valuesOf(profile, calls, s)).self;
  return {
    count,
    time: time < 0 ? null : (time === type && shown ? shown : byName(profile, valuesOf(profile, time, s))).total,
    unit: time < 0 ? '' : types[time]!.unit,
  };
}

function emptyRow(name: number): Row {
  return { name, self: 0, total: 0, calls: 0, each: 0, base: 0, other: 0, change: 0, moved: 0, noise: false };
}

export function singleTable(profile: Profile, values: Values, whole: number, calls: Calls | null): Table {
  const rows: Row[] = [];
  for (let name = 1; name < profile.names.length; name++) {
    if (!values.total[name]) continue;
    const count = calls?.count[name] ?? 0;
    const each = count && calls?.time ? calls.time[name]! / count : 0;
    rows.push({ ...emptyRow(name), self: values.self[name]!, total: values.total[name]!, calls: count, each });
  }
  const columns: Column[] = ['name', 'self', 'total', ...(calls ? (['calls'] as const) : []), ...(calls?.time ? (['each'] as const) : [])];
  return { rows, columns, whole, otherWhole: 0 };
}

export function diffTable(profile: Profile, type: number, base: Values, baseWhole: number, other: Values, otherWhole: number): Table {
  const rows: Row[] = [];
  const [m, n] = [samplesIn(profile, type, baseWhole), samplesIn(profile, type, otherWhole)];
  for (let name = 1; name < profile.names.length; name++) {
    const [b, o] = [base.total[name]!, other.total[name]!];
    if (!b && !o) continue;
    const [p, q] = [baseWhole ? b / baseWhole : 0, otherWhole ? o / otherWhole : 0];
    rows.push({
      ...emptyRow(name), base: b, other: o, change: changeOf(b, baseWhole, o, otherWhole), moved: baseWhole && otherWhole ? q - p : 0,
      noise: m > 0 && n > 0 && isNoise(p, m, q, n),
    });
  }
  return { rows, columns: ['name', 'base', 'other', 'diff'], whole: baseWhole, otherWhole };
}

/** Sorted; equal rows in the order of their names. The diff is sorted by the absolute change of share. */
export function sortRows(profile: Profile, rows: Row[], column: Column, down: boolean): Row[] {
  const byText = (a: Row, b: Row): number => {
    const [x, y] = [nameOf(profile, a.name), nameOf(profile, b.name)];
    return x < y ? -1 : x > y ? 1 : a.name - b.name;
  };
  const sign = down ? -1 : 1;
  if (column === 'name') return [...rows].sort((a, b) => -sign * byText(a, b));
  const value = (r: Row): number => (column === 'diff' ? Math.abs(r.moved) : r[column]);
  return [...rows].sort((a, b) => sign * (value(a) - value(b)) || byText(a, b));
}
