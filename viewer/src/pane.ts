// One flame graph of the view, with its breadcrumbs; or, for a name, its callers above and its callees below.
import type { Calls } from './describe';
import { nameOf } from './describe';
import { button, el } from './dom';
import { Flame, type FlameContent, type PaneOptions } from './flame';
import { sandwich } from './sandwich';
import type { State } from './state';
import { type Tree, wholeOf } from './tree';
import { matchedTotal } from './aggregate';
import { format, percent } from './units';

export class Pane {
  readonly element: HTMLElement;
  readonly #trail: HTMLElement;
  readonly #matched = el('span', { className: 'matched' });
  readonly #note = el('p', { className: 'nothing', hidden: true }, 'Nothing was recorded in this selection.');
  readonly #main: Flame;
  readonly #over: Flame;
  readonly #under: Flame;
  readonly #overBox: HTMLElement;
  readonly #underBox: HTMLElement;
  #zooms = { over: 0, under: 0 };
  #shownFocus = -1;
  #redraw: (() => void) | null = null;
  readonly #options: PaneOptions;

  constructor(options: PaneOptions) {
    this.#options = options;
    const { profile, tooltip, cache, say, onFocus, label } = options;
    const base = { profile, tooltip, cache, say, onFocus };
    const zoomOf = (which: 'over' | 'under') => (node: number): void => {
      this.#zooms[which] = node;
      this.#redraw?.();
    };
    this.#trail = el('nav', { className: 'trail', 'aria-label': `${label}: path to the zoomed frame` });
    this.#main = new Flame({ ...base, label, onZoom: options.onZoom });
    this.#over = new Flame({ ...base, label: `${label}: callers`, onZoom: zoomOf('over'), reversed: true, fit: true });
    this.#under = new Flame({ ...base, label: `${label}: callees`, onZoom: zoomOf('under') });
    this.#overBox = el('div', { className: 'half over' }, el('h2', {}, 'Callers'), this.#over.element);
    this.#underBox = el('div', { className: 'half under' }, el('h2', {}, 'Callees'), this.#under.element);
    this.element = el('section', { className: 'pane', 'aria-label': label }, el('div', { className: 'pane-head' }, this.#trail, this.#matched), this.#note, this.#main.element, this.#overBox, this.#underBox);
  }

  get bars(): number {
    return this.#main.bars;
  }

  set(state: State, tree: Tree, match: Uint8Array | null, calls: Calls | null): void {
    const { profile } = this.#options;
    const { type, order, rootBelow, elideStart, scale, focus } = state;
    const look = { type, order, elideStart, scale, match, calls };
    const empty = !wholeOf(tree);
    const split = focus >= 0 && !empty;
    this.#note.hidden = !empty;
    this.#main.element.hidden = empty || split;
    this.#overBox.hidden = this.#underBox.hidden = !split;
    const zoom = tree.total[state.zoom] ? state.zoom : 0;
    if (split) {
      if (this.#shownFocus !== focus) this.#zooms = { over: 0, under: 0 };
      const { callers, callees } = sandwich(profile, tree, focus);
      const show = (flame: Flame, t: Tree, z: number, below: boolean): void => flame.set({ ...look, tree: t, zoom: z < t.name.length ? z : 0, rootBelow: below } satisfies FlameContent);
      this.#redraw = () => {
        show(this.#over, callers, this.#zooms.over, true);
        show(this.#under, callees, this.#zooms.under, false);
      };
      this.#redraw();
    } else if (!empty) this.#main.set({ ...look, tree, zoom, rootBelow });
    this.#shownFocus = split ? focus : -1;
    this.#breadcrumbs(state, tree, zoom, split);
    const sum = match && !empty ? matchedTotal(tree, match) : 0;
    this.#matched.textContent = match && !empty ? `${percent(sum / wholeOf(tree))} matched (${format(sum, profile.header.types[type]!.unit)})` : '';
  }

  #breadcrumbs(state: State, tree: Tree, zoom: number, split: boolean): void {
    const { profile, onZoom, onFocus } = this.#options;
    const short = (name: number): string => {
      const text = nameOf(profile, name);
      return text.length > 40 ? `${text.slice(0, 39)}\u2026` : text;
    };
    if (split) {
      const close = button('\u2190 all stacks', () => onFocus(-1));
      this.#trail.replaceChildren(close, el('strong', { title: nameOf(profile, state.focus) }, short(state.focus)));
      return;
    }
    const path: number[] = [];
    for (let i = zoom; i >= 0; i = tree.parent[i]!) path.unshift(i);
    const parts: (Node | string)[] = [];
    const hidden = path.length > 7 ? path.splice(3, path.length - 6) : [];
    path.forEach((node, i) => {
      if (i) parts.push(el('span', { 'aria-hidden': 'true' }, hidden.length && i === 3 ? '\u203a \u2026 \u203a' : '\u203a'));
      const name = tree.name[node]!;
      const last = i === path.length - 1;
      const step = button(short(name), () => onZoom(node), { title: nameOf(profile, name) });
      if (last) step.setAttribute('aria-current', 'true');
      parts.push(step);
    });
    const unit = profile.header.types[state.type]!.unit;
    const amount = tree.base
      ? `${format(tree.base[zoom]!, unit)} \u2192 ${format(tree.total[zoom]! - tree.base[zoom]!, unit)}`
      : format(tree.total[zoom]!, unit);
    parts.push(el('span', { className: 'amount' }, `${amount}${zoom ? ` \u00b7 ${percent(tree.total[zoom]! / wholeOf(tree))}` : ''}`));
    this.#trail.replaceChildren(...parts);
  }
}
