// What the page shows, and the same as the hash of its address. Without DOM.
import { hash as hashOf } from './colours';
import type { Scale } from './colours';
import type { Order } from './layout';
import type { Profile } from './profile';
import { copyOf, everything, type Selection } from './selection';

export type View = 'single' | 'comparison' | 'diff';
export type Panel = 'both' | 'table' | 'flame';
export type SideName = 'single' | 'left' | 'right';
export type Theme = 'auto' | 'light' | 'dark';

export interface State {
  type: number;
  view: View;
  panel: Panel;
  sides: Record<SideName, Selection>;
  split: boolean; // whether left and right have been set: by the user, or when the view first had two sides
  search: string;
  focus: number; // name of the sandwich; -1 = none
  zoom: number; // node; 0 = none
  order: Order;
  rootBelow: boolean; // a flame graph proper; else an icicle
  elideStart: boolean; // of names that don't fit, the end is shown
  scale: Scale;
  theme: Theme;
}

export function initialState(profile: Profile): State {
  const all = everything(profile);
  return {
    type: Math.min(Math.max(0, profile.header.default_type), profile.header.types.length - 1),
    view: 'single', panel: 'both', sides: { single: all, left: copyOf(all), right: copyOf(all) }, split: false, search: '', focus: -1, zoom: 0,
    order: 'name', rootBelow: false, elideStart: false, scale: 'blind', theme: 'auto',
  };
}

export function sidesOf(view: View): SideName[] {
  return view === 'single' ? ['single'] : ['left', 'right'];
}

/** The first time two sides are shown, they begin as the single one: its tags, and the halves of its range. */
export function splitSides(state: State): void {
  if (state.split) return;
  state.split = true;
  const { single } = state.sides;
  const left = (state.sides.left = copyOf(single));
  const right = (state.sides.right = copyOf(single));
  if (single.to > single.from) {
    left.to = single.from + Math.ceil((single.to - single.from + 1) / 2) - 1;
    right.from = left.to + 1;
  }
}

// --- the hash: name=value&..., only what differs from the initial state. Windows by their time and nodes with a check, so that a link made
// before the file was written anew finds the same or nothing, never something else.

const CHOICES = {
  view: ['single', 'comparison', 'diff'],
  panel: ['both', 'table', 'flame'],
  order: ['name', 'heaviest'],
  scale: ['blind', 'classic'],
  theme: ['auto', 'light', 'dark'],
} as const;

function typeName(profile: Profile, type: number): string {
  const t = profile.header.types[type];
  return t ? `${t.name}/${t.unit}` : '';
}

/** Tells a node by the names of its stack. */
function nodeCheck(profile: Profile, node: number): string {
  let text = '';
  for (let i = node; i > 0; i = profile.parent[i]!) text += profile.names[profile.name[i]!]! + '\n';
  return hashOf(text).toString(36);
}

function writeSide(out: URLSearchParams, profile: Profile, key: string, s: Selection): void {
  const { windows, tags } = profile.header;
  const from = windows[s.from];
  const to = windows[s.to];
  if (from && to && (s.from > 0 || s.to < windows.length - 1)) out.append(`${key}.range`, `${from[0]}-${to[0] + Math.max(1, to[1])}`);
  s.tags.forEach((set, k) => {
    for (const v of set ?? []) out.append(v ? `${key}.tag.${tags[k]!.key}` : `${key}.without`, v ? tags[k]!.values[v - 1]! : tags[k]!.key);
  });
}

export function toHash(profile: Profile, state: State): string {
  const out = new URLSearchParams();
  const initial = initialState(profile);
  if (state.type !== initial.type) out.append('type', typeName(profile, state.type));
  for (const key of Object.keys(CHOICES) as (keyof typeof CHOICES)[]) if (state[key] !== initial[key]) out.append(key, state[key]);
  if (state.rootBelow) out.append('root', 'below');
  if (state.elideStart) out.append('elide', 'start');
  if (state.search) out.append('search', state.search);
  if (state.focus >= 0) {
    const name = profile.header.names[state.focus]!;
    out.append('sandwich', name);
    if (profile.header.names.indexOf(name) !== state.focus) out.append('kind', profile.header.kinds[state.focus]!); // a name is text and kind
  }
  if (state.zoom > 0) out.append('zoom', `${state.zoom}.${nodeCheck(profile, state.zoom)}`);
  writeSide(out, profile, 'single', state.sides.single);
  if (state.split) {
    out.append('split', '1');
    writeSide(out, profile, 'left', state.sides.left);
    writeSide(out, profile, 'right', state.sides.right);
  }
  return out.toString();
}

function readSide(input: URLSearchParams, profile: Profile, key: string): Selection {
  const { windows, tags } = profile.header;
  const s = everything(profile);
  const range = /^(\d+)-(\d+)$/.exec(input.get(`${key}.range`) ?? '');
  if (range && Number(range[1]) < Number(range[2])) {
    const from = windows.findIndex(([begin, duration]) => begin + Math.max(1, duration) > Number(range[1]));
    const to = windows.filter(([begin]) => begin < Number(range[2])).length - 1;
    if (from >= 0 && to >= from) [s.from, s.to] = [from, to];
  }
  const without = input.getAll(`${key}.without`);
  tags.forEach((tag, k) => {
    const set = new Set<number>();
    for (const value of input.getAll(`${key}.tag.${tag.key}`)) if (tag.values.includes(value)) set.add(tag.values.indexOf(value) + 1);
    if (without.includes(tag.key)) set.add(0);
    if (set.size) s.tags[k] = set;
  });
  return s;
}

export function fromHash(profile: Profile, hash: string): State {
  const input = new URLSearchParams(hash.replace(/^#/, ''));
  const state = initialState(profile);
  const type = profile.header.types.findIndex((_, i) => typeName(profile, i) === input.get('type'));
  if (type >= 0) state.type = type;
  for (const key of Object.keys(CHOICES) as (keyof typeof CHOICES)[]) {
    const value = input.get(key);
    if (value && (CHOICES[key] as readonly string[]).includes(value)) Object.assign(state, { [key]: value });
  }
  state.rootBelow = input.get('root') === 'below';
  state.elideStart = input.get('elide') === 'start';
  state.search = input.get('search') ?? '';
  const kind = input.get('kind');
  state.focus = profile.header.names.findIndex((name, i) => i > 0 && name === input.get('sandwich') && (!kind || profile.header.kinds[i] === kind));
  const [node, check] = (input.get('zoom') ?? '').split('.');
  const zoom = Number(node);
  if (zoom > 0 && zoom < profile.nodes && nodeCheck(profile, zoom) === check) state.zoom = zoom;
  state.sides.single = readSide(input, profile, 'single');
  if (input.has('split')) {
    state.split = true;
    state.sides.left = readSide(input, profile, 'left');
    state.sides.right = readSide(input, profile, 'right');
  }
  if (state.view !== 'single') splitSides(state);
  return state;
}
