// The table of names: complete, sortable, and what screen readers have instead of the canvas. Only the rows that are seen are in the page.
import { changeColour, css, type Scale } from './colours';
import { KIND_MARKS, KIND_NAMES, nameOf } from './describe';
import { changeText } from './difference';
import { button, el, isDark } from './dom';
import type { Profile } from './profile';
import { type Column, type Row, sortRows, type Table } from './rows';
import { format, percent } from './units';

const HEIGHT = 24; // of a row, pixels; style.css has the same
const MARGIN = 8; // rows above and below what is seen

const TITLES: Record<Column, [string, string]> = {
  name: ['Name', 'Functions and scopes'],
  self: ['Self', 'Without what it calls'],
  total: ['Total', 'With what it calls; recursion counted once'],
  calls: ['Calls', 'Exact count, of scopes'],
  each: ['Time/call', 'Total time over exact calls'],
  base: ['Baseline', 'Share of the left side'],
  other: ['Comparison', 'Share of the right side'],
  diff: ['Diff', 'Relative change of share; sorted by its absolute change. \u2248: within the statistical error'],
};

export interface TableContent {
  table: Table;
  unit: string;
  match: Uint8Array | null;
  focus: number;
  scale: Scale;
}

export class NameTable {
  readonly element = el('section', { className: 'names', 'aria-label': 'Table of names' });
  readonly #scroller = el('div', { className: 'scroller', tabIndex: 0, role: 'region', 'aria-label': 'Table of names, scrolls' });
  readonly #caption = el('div', { className: 'caption' });
  readonly #head = el('thead');
  readonly #body = el('tbody');
  readonly #grid = el('table', {}, this.#head, this.#body);
  #content: TableContent | null = null;
  #rows: Row[] = [];
  #sort: { column: Column; down: boolean } | null = null;
  #shown = '';
  readonly #profile: Profile;
  readonly #onPick: (name: number) => void;

  constructor(profile: Profile, onPick: (name: number) => void) {
    this.#profile = profile;
    this.#onPick = onPick;
    this.#scroller.append(this.#grid);
    this.element.append(this.#caption, this.#scroller);
    this.#scroller.onscroll = () => this.#fill();
    new ResizeObserver(() => this.#fill()).observe(this.#scroller);
  }

  set(content: TableContent): void {
    if (this.#content && this.#content.table.columns.join() !== content.table.columns.join()) this.#sort = null;
    this.#content = content;
    const { columns } = content.table;
    this.#sort ??= { column: columns.includes('diff') ? 'diff' : 'self', down: true };
    const { match, table } = content;
    this.#rows = sortRows(this.#profile, match ? table.rows.filter((r) => match[r.name]) : table.rows, this.#sort.column, this.#sort.down);
    this.#caption.textContent = `${this.#rows.length.toLocaleString('en-US')}${match ? ` of ${table.rows.length.toLocaleString('en-US')}` : ''} ${this.#rows.length === 1 ? 'name' : 'names'}`;
    this.#grid.setAttribute('aria-rowcount', String(this.#rows.length + 1));
    this.#grid.className = columns.includes('diff') ? 'two' : '';
    this.#header(columns);
    this.#shown = '';
    this.#fill();
  }

  #header(columns: Column[]): void {
    const sort = this.#sort!;
    const cells = columns.map((column) => {
      const [title, hint] = TITLES[column];
      const is = sort.column === column;
      const head = el('th', { scope: 'col', className: column, title: hint, 'aria-sort': is ? (sort.down ? 'descending' : 'ascending') : 'none' });
      head.append(button(title + (is ? (sort.down ? ' \u2193' : ' \u2191') : ''), () => this.#sortBy(column)));
      return head;
    });
    const focused = this.#head.contains(document.activeElement) ? [...this.#head.querySelectorAll('button')].indexOf(document.activeElement as HTMLButtonElement) : -1;
    this.#head.replaceChildren(el('tr', {}, ...cells));
    if (focused >= 0) this.#head.querySelectorAll('button')[focused]?.focus();
  }

  #sortBy(column: Column): void {
    const down = this.#sort?.column === column ? !this.#sort.down : true;
    this.#sort = { column, down };
    this.#scroller.scrollTop = 0;
    if (this.#content) this.set(this.#content);
  }

  /** Puts the rows that are seen between two spacers that stand for the others. */
  #fill(): void {
    if (!this.#content) return;
    const from = Math.max(0, Math.floor(this.#scroller.scrollTop / HEIGHT) - MARGIN);
    const to = Math.min(this.#rows.length, from + Math.ceil((this.#scroller.clientHeight || 600) / HEIGHT) + 2 * MARGIN);
    if (this.#shown === `${from} ${to}`) return;
    this.#shown = `${from} ${to}`;
    const spacer = (rows: number): HTMLElement => {
      const row = el('tr', { className: 'spacer', 'aria-hidden': 'true' }, el('td', { colSpan: this.#content!.table.columns.length }));
      row.style.height = `${rows * HEIGHT}px`;
      return row;
    };
    const dark = isDark();
    const lines = this.#rows.slice(from, to).map((row, i) => this.#line(row, from + i, dark));
    this.#body.replaceChildren(...(from ? [spacer(from)] : []), ...lines, ...(to < this.#rows.length ? [spacer(this.#rows.length - to)] : []));
  }

  #line(row: Row, place: number, dark: boolean): HTMLElement {
    const { table, focus } = this.#content!;
    const line = el('tr', { 'aria-rowindex': String(place + 2), className: row.name === focus ? 'focus' : '' });
    for (const column of table.columns) line.append(column === 'name' ? this.#nameCell(row) : this.#cell(row, column, dark));
    return line;
  }

  #nameCell(row: Row): HTMLElement {
    const kind = this.#profile.kinds[row.name]!;
    const name = nameOf(this.#profile, row.name);
    const place = this.#profile.placeOf(row.name);
    const label = button(name.length > 300 ? `${name.slice(0, 300)}\u2026` : name, () => this.#onPick(row.name), { title: place ? `${name}\n${place}` : name });
    const mark = el('span', { className: `kind ${kind}`, title: KIND_NAMES[kind], role: 'img', 'aria-label': KIND_NAMES[kind] }, KIND_MARKS[kind] || '\u0192');
    return el('td', { className: `name ${kind}` }, el('div', {}, mark, label));
  }

  #cell(row: Row, column: Exclude<Column, 'name'>, dark: boolean): HTMLElement {
    const { table, unit, scale } = this.#content!;
    const cell = el('td', { className: column });
    if (column === 'diff') {
      cell.textContent = (row.noise ? '\u2248 ' : '') + changeText(row.base, table.whole, row.other, table.otherWhole);
      if (!row.noise && row.moved) {
        const strong = changeColour(scale, row.change < 0 ? -1 : 1);
        // darker on white, lighter on black: the text is small
        cell.style.color = css([0, 1, 2].map((k) => Math.round(dark ? strong[k]! + (255 - strong[k]!) * 0.45 : strong[k]! * 0.62)) as unknown as [number, number, number]);
      } else cell.classList.add('noise');
      return cell;
    }
    const value = row[column];
    if (column === 'base' || column === 'other') {
      const whole = column === 'base' ? table.whole : table.otherWhole;
      cell.textContent = whole ? percent(value / whole) : '\u2013';
      cell.title = format(value, unit);
      return cell;
    }
    if (!value) cell.classList.add('noise');
    if (column === 'calls' || column === 'each') {
      cell.textContent = value ? format(value, column === 'calls' ? 'count' : 'nanoseconds') : '\u2013';
      return cell;
    }
    const share = table.whole ? value / table.whole : 0;
    cell.style.backgroundSize = `${100 * share}% 100%`; // a bar behind the text
    if (value) cell.append(format(value, unit), el('small', {}, percent(share)));
    else cell.append('\u2013');
    return cell;
  }
}
