// Ties state and page together: a change of state goes into the hash, through the data, and onto the page.
import { byName, valuesOf, type Values } from './aggregate';
import type { Calls } from './describe';
import { applyTheme, el } from './dom';
import { copyText, download } from './files';
import { folded } from './folded';
import { ColourCache } from './paint';
import { Pane } from './pane';
import { pprof } from './pprof';
import type { Profile } from './profile';
import { callsOf, diffTable, singleTable, type Table } from './rows';
import { Side, SumCache } from './side';
import { fromHash, sidesOf, splitSides, toHash, type SideName, type State } from './state';
import { NameTable } from './table';
import { Tooltip } from './tooltip';
import { Topbar } from './topbar';
import { diff, single, type Tree, wholeOf } from './tree';
import { TrustDialog } from './trust';

/** What was computed of a selection; it stays until type, view or a selection changes. */
interface Computed {
  values: Values[]; // of each side
  trees: Tree[]; // one a pane
  calls: (Calls | null)[];
  table: Table;
}

export class App {
  #state: State;
  #computed: Computed | null = null;
  #sides: Side[] = [];
  #panes: Pane[] = [];
  #written = ''; // the hash as this page wrote it
  readonly #sums: SumCache;
  readonly #cache = new ColourCache();
  readonly #tooltip: Tooltip;
  readonly #topbar: Topbar;
  readonly #table: NameTable;
  readonly #trust: TrustDialog;
  readonly #sidesBox = el('div', { className: 'sides' });
  readonly #panesBox = el('div', { className: 'panes' });
  readonly #main = el('main');
  readonly #footer: HTMLElement;
  readonly #live = el('div', { className: 'unseen', role: 'status', 'aria-live': 'polite' });
  readonly #toast = el('div', { className: 'toast', hidden: true });
  readonly #profile: Profile;

  constructor(profile: Profile) {
    this.#profile = profile;
    this.#sums = new SumCache(profile);
    this.#tooltip = new Tooltip(document.body);
    this.#trust = new TrustDialog(profile);
    this.#table = new NameTable(profile, (name) => this.#set({ focus: this.#state.focus === name ? -1 : name }));
    this.#topbar = new Topbar(profile, {
      set: (change) => this.#set(change), trust: () => this.#trust.open(this.#state.type, wholeOf(this.#computed!.trees[0]!)),
      copyFolded: () => void this.#copyFolded(), copyLink: () => void this.#copy(location.href, 'The link'), downloadPprof: () => void this.#downloadPprof(),
    });
    this.#footer = this.#legend();
    this.#main.append(this.#table.element, this.#panesBox);
    document.body.append(this.#topbar.element, this.#sidesBox, this.#main, this.#footer, this.#trust.element, this.#live, this.#toast);
    this.#state = fromHash(profile, location.hash || (profile.header.view ?? ''));
    this.#build();
    this.#refresh();
    addEventListener('hashchange', () => this.#followHash());
    addEventListener('keydown', (e) => this.#key(e));
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#render());
  }

  #legend(): HTMLElement {
    const item = (kind: string, text: string): HTMLElement => el('span', {}, el('i', { className: `swatch ${kind}` }), text);
    const change = el('span', { className: 'change' }, '\u2212100%', el('i', { className: 'swatch' }), '+100% of its share');
    return el('footer', {}, item('scope', 'scope (edge, bold)'), item('native', 'native function'), item('synthetic', 'made by the profiler (hatched)'), change, el('span', { className: 'hint' }, '/ search \u00b7 Esc back'));
  }

  #set(change: Partial<State>): void {
    const before = this.#state;
    this.#state = { ...before, ...change };
    if (this.#state.view !== 'single') splitSides(this.#state);
    if (change.focus !== undefined && change.focus >= 0 && this.#state.panel === 'table') this.#state.panel = 'both';
    if (before.view !== this.#state.view) this.#build();
    if (before.view !== this.#state.view || before.type !== this.#state.type) this.#refresh();
    else this.#render();
  }

  /** The parts of the page that depend on the view. */
  #build(): void {
    const names = sidesOf(this.#state.view);
    this.#sides = names.map((name) => new Side(this.#profile, name, this.#tooltip, () => this.#refresh()));
    this.#sidesBox.replaceChildren(...this.#sides.map((s) => s.element));
    const labels: Record<State['view'], string[]> = { single: ['Flame graph'], comparison: ['Flame graph of the baseline', 'Flame graph of the comparison'], diff: ['Flame graph of the difference'] };
    this.#panes = labels[this.#state.view].map(
      (label) =>
        new Pane({
          profile: this.#profile, label, tooltip: this.#tooltip, cache: this.#cache, say: (text) => (this.#live.textContent = text),
          onZoom: (node) => this.#set({ zoom: node }), onFocus: (name) => this.#set({ focus: name }),
        }),
    );
    this.#panes.forEach((p, i) => p.element.classList.add(names.length > 1 && this.#state.view === 'comparison' ? names[i]! : 'whole'));
    this.#panesBox.replaceChildren(...this.#panes.map((p) => p.element));
  }

  #compute(): Computed {
    const profile = this.#profile;
    const state = this.#state;
    const selections = sidesOf(state.view).map((name) => state.sides[name]);
    const values = selections.map((s) => valuesOf(profile, state.type, s));
    const names = values.map((v) => byName(profile, v));
    const calls = selections.map((s, i) => (profile.header.types[state.type]!.name === 'calls' ? null : callsOf(profile, state.type, s, names[i]!)));
    const [a, b] = values;
    const table = b
      ? diffTable(profile, state.type, names[0]!, a!.total[0]!, names[1]!, b.total[0]!)
      : singleTable(profile, names[0]!, a!.total[0]!, calls[0]!);
    const trees = state.view === 'diff' ? [diff(profile, a!, b!)] : values.map((v) => single(profile, v));
    return { values, trees, calls: state.view === 'diff' ? [null] : calls, table };
  }

  /** After a change of type, view or selection. */
  #refresh(): void {
    performance.mark('pyro:change');
    this.#computed = this.#compute();
    this.#sides.forEach((side, i) => side.set(this.#state.type, this.#state.sides[side.name], this.#computed!.values[i]!.total[0]!, this.#sums));
    this.#render();
    performance.measure('pyro:refresh', 'pyro:change');
  }

  #matches(): { match: Uint8Array | null; problem: string } {
    const { search } = this.#state;
    if (!search) return { match: null, problem: '' };
    try {
      const pattern = new RegExp(search, 'iu');
      return { match: Uint8Array.from(this.#profile.names, (name, i) => (i && pattern.test(name) ? 1 : 0)), problem: '' };
    } catch (error) {
      return { match: null, problem: String(error).replace(/^.*?: (?=\S+$|Invalid)/, '') };
    }
  }

  #render(): void {
    const state = this.#state;
    const computed = this.#computed;
    if (!computed) return;
    performance.mark('pyro:draw');
    applyTheme(state.theme);
    this.#main.className = `${state.view} show-${state.panel}`;
    this.#footer.className = `${state.view} ${state.scale}`;
    const { match, problem } = this.#matches();
    this.#topbar.set(state, problem);
    this.#table.set({ table: computed.table, unit: this.#profile.header.types[state.type]!.unit, match, focus: state.focus, scale: state.scale });
    this.#panes.forEach((pane, i) => pane.set(state, computed.trees[i]!, match, computed.calls[i] ?? null));
    this.#writeHash();
    performance.measure('pyro:render', 'pyro:draw');
  }

  #writeHash(): void {
    const hash = toHash(this.#profile, this.#state);
    if (hash === this.#written) return;
    this.#written = hash;
    try {
      history.replaceState(null, '', hash ? `#${hash}` : location.pathname + location.search);
    } catch {
      // a page that may not change its address; the view works without
    }
  }

  #followHash(): void {
    if (location.hash.slice(1) === this.#written) return;
    this.#state = fromHash(this.#profile, location.hash);
    this.#written = '';
    this.#build();
    this.#refresh();
  }

  #key(e: KeyboardEvent): void {
    const typing = e.target instanceof HTMLInputElement || e.target instanceof HTMLSelectElement || e.target instanceof HTMLTextAreaElement;
    if (typing || e.ctrlKey || e.metaKey || e.altKey) return;
    if (e.key === '/') {
      e.preventDefault();
      this.#topbar.focusSearch();
    } else if (e.key === 'Escape' && !e.defaultPrevented && this.#state.focus >= 0) this.#set({ focus: -1 });
  }

  // --- exports

  #say(text: string): void {
    this.#toast.textContent = this.#live.textContent = text;
    this.#toast.hidden = false;
    setTimeout(() => (this.#toast.hidden = true), 2500);
    for (const open of document.querySelectorAll<HTMLDetailsElement>('details.menu[open]')) open.open = false;
  }

  async #copy(text: string, what: string): Promise<void> {
    this.#say((await copyText(text)) ? `${what} is in the clipboard.` : `${what} could not be copied: the browser refused.`);
  }

  async #copyFolded(): Promise<void> {
    const { trees, values } = this.#computed!;
    const under = this.#state.zoom && trees[0]!.total[this.#state.zoom] ? this.#state.zoom : 0;
    await this.#copy(folded(this.#profile, trees[0]!, under, this.#state.view === 'diff' ? values[0]!.self : null), 'The view as folded stacks');
  }

  async #downloadPprof(): Promise<void> {
    const sides: SideName[] = sidesOf(this.#state.view);
    const base = this.#profile.header.title.replace(/[^\w.-]+/g, '-').slice(0, 60) || 'profile';
    for (const side of sides) await download(`${base}${side === 'single' ? '' : side === 'left' ? '-baseline' : '-comparison'}.pb`, pprof(this.#profile, this.#state.sides[side], this.#state.type));
    this.#say(sides.length > 1 ? 'Both sides were saved as pprof.' : 'Saved as pprof.');
  }
}
