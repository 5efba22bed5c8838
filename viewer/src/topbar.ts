// The bar at the top: what is shown, search, and the menus.
import { button, el, segments, select } from './dom';
import { menu } from './menu';
import { visible, type Profile } from './profile';
import type { Panel, State, View } from './state';
import { trustSummary } from './trust';

export interface TopbarActions {
  set: (change: Partial<State>) => void;
  trust: () => void;
  copyFolded: () => void;
  copyLink: () => void;
  downloadPprof: () => void;
}

export class Topbar {
  readonly element = el('header', { className: 'top' });
  readonly #search: HTMLInputElement;
  readonly #problem = el('span', { className: 'problem', role: 'alert' });
  readonly #controls = el('div', { className: 'controls' });
  readonly #settings = el('div', { className: 'settings' });
  readonly #profile: Profile;
  readonly #actions: TopbarActions;

  constructor(profile: Profile, actions: TopbarActions) {
    this.#profile = profile;
    this.#actions = actions;
    this.#search = el('input', { type: 'search', placeholder: 'Search (regex)', 'aria-label': 'Search names by regular expression', spellcheck: false });
    this.#search.oninput = () => actions.set({ search: this.#search.value });
    this.#search.onkeydown = (e) => {
      if (e.key === 'Escape' && this.#search.value) actions.set({ search: '' });
    };
    const summary = trustSummary(profile);
    const trust = button(summary.text, actions.trust, { className: summary.worry ? 'trust worry' : 'trust', title: 'How much to trust this', 'aria-label': `How much to trust this: ${summary.text}` });
    const exports = menu('Export', 'right', button('Copy as folded stacks', actions.copyFolded), button('Download as pprof', actions.downloadPprof), button('Copy a link to this view', actions.copyLink));
    this.element.append(
      el('h1', { title: visible(profile.header.title) }, visible(profile.header.title) || 'Profile'), this.#controls,
      el('div', { className: 'search' }, this.#search, this.#problem), el('div', { className: 'tools' }, trust, exports, menu('Settings', 'right', this.#settings)),
    );
  }

  focusSearch(): void {
    this.#search.focus();
    this.#search.select();
  }

  set(state: State, problem: string): void {
    const { set } = this.#actions;
    if (this.#search.value !== state.search) this.#search.value = state.search;
    this.#problem.textContent = problem;
    this.#search.setAttribute('aria-invalid', String(Boolean(problem)));
    const types = this.#profile.header.types.map((t, i) => ({ value: String(i), text: t.unit === 'count' ? visible(t.name) : `${visible(t.name)} (${visible(t.unit)})` }));
    keepFocus(this.#controls, [
      select('Type', types, String(state.type), (value) => set({ type: Number(value) })),
      segments('View', [{ value: 'single', text: 'Single' }, { value: 'comparison', text: 'Comparison' }, { value: 'diff', text: 'Diff' }], state.view, (view) => set({ view: view as View })),
      segments('Panels', [{ value: 'table', text: 'Table' }, { value: 'both', text: 'Both' }, { value: 'flame', text: 'Flame' }], state.panel, (panel) => set({ panel: panel as Panel })),
    ]);
    const pick = <K extends 'order' | 'scale' | 'theme'>(key: K, label: string, choices: [State[K], string][]): HTMLElement =>
      select(label, choices.map(([value, text]) => ({ value, text })), state[key], (value) => set({ [key]: value } as unknown as Partial<State>));
    keepFocus(this.#settings, [
      pick('order', 'Left to right', [['name', 'by name'], ['heaviest', 'heaviest first']]),
      select('Root', [{ value: 'above', text: 'above (icicle)' }, { value: 'below', text: 'below (flame)' }], state.rootBelow ? 'below' : 'above', (v) => set({ rootBelow: v === 'below' })),
      select('Long names', [{ value: 'end', text: 'show their start' }, { value: 'start', text: 'show their end' }], state.elideStart ? 'start' : 'end', (v) => set({ elideStart: v === 'start' })),
      pick('scale', 'Diff colours', [['blind', 'blue to red'], ['classic', 'green to red']]),
      pick('theme', 'Theme', [['auto', 'as the system'], ['light', 'light'], ['dark', 'dark']]),
    ]);
  }
}

/** New children in place of the old; the one at the same place and with the same value gets the focus back. */
function keepFocus(host: HTMLElement, children: HTMLElement[]): void {
  const all = (): HTMLElement[] => [...host.querySelectorAll<HTMLElement>('button, select')];
  const at = all().indexOf(document.activeElement as HTMLElement);
  host.replaceChildren(...children);
  if (at >= 0) all()[at]?.focus();
}
