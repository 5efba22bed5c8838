// One tooltip for the whole page, beside the pointer.
import type { Description } from './describe';
import { el } from './dom';

export class Tooltip {
  readonly #box = el('div', { className: 'tooltip', hidden: true, 'aria-hidden': 'true' });

  constructor(host: HTMLElement) {
    host.append(this.#box);
  }

  show(d: Description, x: number, y: number, hint = ''): void {
    const list = el('dl');
    for (const [what, value] of d.lines) list.append(el('dt', {}, what), el('dd', {}, value));
    this.#box.replaceChildren(el('strong', {}, d.title.length > 1200 ? `${d.title.slice(0, 1200)}\u2026` : d.title), list);
    if (hint) this.#box.append(el('p', {}, hint));
    this.#box.hidden = false;
    const { width, height } = this.#box.getBoundingClientRect();
    const left = x + 14 + width > innerWidth ? Math.max(4, x - width - 10) : x + 14;
    const top = y + 16 + height > innerHeight ? Math.max(4, y - height - 10) : y + 16;
    this.#box.style.left = `${left}px`;
    this.#box.style.top = `${top}px`;
  }

  hide(): void {
    this.#box.hidden = true;
  }
}
