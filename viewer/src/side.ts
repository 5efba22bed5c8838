// One side of the view: its tag selectors and its timeline.
import { groupSums, tagValuesOf, timelineOf } from './aggregate';
import { el, select, type Choice } from './dom';
import { visible, type Profile } from './profile';
import type { Selection } from './selection';
import type { SideName } from './state';
import { Timeline } from './timeline';
import type { Tooltip } from './tooltip';
import { format, percent } from './units';

const TITLES: Record<SideName, string> = { single: '', left: 'Baseline', right: 'Comparison' };

/** The sums of groups of rows, made once for each type. */
export class SumCache {
  readonly #made = new Map<number, Float64Array>();
  readonly #profile: Profile;

  constructor(profile: Profile) {
    this.#profile = profile;}

  of(type: number): Float64Array {
    let sums = this.#made.get(type);
    if (!sums) this.#made.set(type, (sums = groupSums(this.#profile, type)));
    return sums;
  }
}

export class Side {
  readonly element: HTMLElement;
  readonly #tags = el('div', { className: 'tags' });
  readonly #total = el('span', { className: 'sum' });
  readonly #timeline: Timeline;
  #selection: Selection | null = null;
  readonly #profile: Profile;
  readonly #onChange: () => void;

  constructor(profile: Profile, readonly name: SideName, tooltip: Tooltip, onChange: () => void) {
    this.#profile = profile;
    this.#onChange = onChange;
    const title = TITLES[name];
    this.#timeline = new Timeline(profile, title ? `Time range of the ${title.toLowerCase()}` : 'Time range', `--${name}`, tooltip, ({ from, to }) => {
      if (this.#selection) Object.assign(this.#selection, { from, to });
      onChange();
    });
    const head = el('div', { className: 'side-head' }, ...(title ? [el('h2', {}, title)] : []), this.#total, this.#tags);
    this.element = el('section', { className: `side ${name}`, 'aria-label': title || 'Selection' }, head, this.#timeline.element);
  }

  set(type: number, selection: Selection, total: number, sums: SumCache): void {
    const profile = this.#profile;
    const { unit, name } = profile.header.types[type]!;
    this.#selection = selection;
    this.#timeline.set(timelineOf(profile, type, sums.of(type), selection), selection, unit, name);
    this.#total.textContent = format(total, unit);
    const focused = [...this.#tags.querySelectorAll('select')].indexOf(document.activeElement as HTMLSelectElement);
    this.#tags.replaceChildren(...profile.header.tags.map((_, key) => this.#selector(type, selection, key, sums)));
    if (focused >= 0) this.#tags.querySelectorAll('select')[focused]?.focus();
  }

  #selector(type: number, selection: Selection, key: number, sums: SumCache): HTMLElement {
    const tag = this.#profile.header.tags[key]!;
    const values = tagValuesOf(this.#profile, type, sums.of(type), selection, key);
    const whole = values.reduce((a, b) => a + b, 0);
    const share = (v: number): string => (whole ? ` \u2013 ${percent(values[v]! / whole)}` : '');
    const chosen = selection.tags[key];
    const choices: Choice[] = [{ value: 'any', text: 'any' }];
    if (chosen && chosen.size !== 1) choices.push({ value: 'several', text: `${chosen.size} values` });
    const short = (text: string): string => (text.length > 60 ? `${text.slice(0, 60)}\u2026` : text);
    const byWeight = tag.values.map((_, i) => i + 1).sort((a, b) => values[b]! - values[a]! || (tag.values[a - 1]! < tag.values[b - 1]! ? -1 : 1));
    for (const v of byWeight) choices.push({ value: String(v), text: short(visible(tag.values[v - 1]!) || '(empty)') + share(v) });
    if (values[0] || chosen?.has(0)) choices.push({ value: '0', text: `(without)${share(0)}` });
    const now = !chosen ? 'any' : chosen.size === 1 ? String([...chosen][0]) : 'several';
    const list = select(visible(tag.key), choices, now, (value) => {
      if (value !== 'several') selection.tags[key] = value === 'any' ? null : new Set([Number(value)]);
      this.#onChange();
    });
    list.className = chosen ? 'tag chosen' : 'tag';
    if (tag.left_out) list.title = `${tag.left_out.toLocaleString('en-US')} more values are in [other]`;
    return list;
  }
}
