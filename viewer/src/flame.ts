// A flame graph on a canvas: as large as what is seen of it, so that deep stacks don't reach the browsers' limit of canvas sizes. Click or
// Enter zooms; the arrow keys walk.
import { describeNode, readOut, type Calls, type Description } from './describe';
import { el, prepare } from './dom';
import { type Bar, barAt, layOut, type Order } from './layout';
import { type ColourCache, type Look, Painter, ROW } from './paint';
import type { Profile } from './profile';
import type { Tooltip } from './tooltip';
import type { Tree } from './tree';

/// What all flame graphs of a pane are given.
export interface PaneOptions {
  profile: Profile;
  label: string;
  tooltip: Tooltip;
  cache: ColourCache;
  say: (text: string) => void;
  onZoom: (node: number) => void;
  onFocus: (name: number) => void;
}

export interface FlameOptions extends PaneOptions {
  reversed?: boolean; // the tree of callers: its root is drawn below, and self values have no meaning
  fit?: boolean; // as high as the tree, instead of scrolling
}

export interface FlameContent extends Look {
  tree: Tree;
  type: number;
  zoom: number;
  order: Order;
  rootBelow: boolean;
  calls: Calls | null;
}

export class Flame {
  readonly element: HTMLElement;
  bars = 0; // drawn, for tests and the curious
  readonly #canvas: HTMLCanvasElement;
  readonly #spacer = el('div');
  #content: FlameContent | null = null;
  #rows: Bar[][] = [];
  #current = 0;
  readonly #options: FlameOptions;

  constructor(options: FlameOptions) {
    this.#options = options;
    const label = `${options.label}. Arrow keys walk, Enter zooms, Escape shows all, S shows callers and callees.`;
    this.#canvas = el('canvas', { tabIndex: 0, role: 'application', 'aria-label': label, 'aria-roledescription': 'flame graph' });
    this.element = el('div', { className: options.fit ? 'flame fit' : 'flame' }, this.#spacer);
    this.#spacer.append(this.#canvas); // sticks to what is seen while the spacer scrolls
    this.#canvas.onmousemove = (e) => this.#hover(e);
    this.#canvas.onmouseleave = () => this.#hover(null);
    this.#canvas.onclick = (e) => this.#pick(e, (node) => options.onZoom(node));
    this.#canvas.oncontextmenu = (e) => this.#pick(e, (node) => this.#focusOn(node));
    this.#canvas.onkeydown = (e) => this.#key(e);
    this.#canvas.onfocus = this.#canvas.onblur = () => this.#draw();
    this.element.onscroll = () => {
      options.tooltip.hide();
      this.#draw();
    };
    new ResizeObserver(() => this.#lay()).observe(this.element);
  }

  set(content: FlameContent): void {
    const fresh = !this.#content;
    const turned = this.#content?.rootBelow !== content.rootBelow;
    if (!this.#content || this.#content.tree.name !== content.tree.name || this.#content.zoom !== content.zoom) this.#current = content.zoom;
    this.#content = content;
    this.#lay();
    if ((fresh || turned) && this.#below) this.element.scrollTop = this.element.scrollHeight;
  }

  get #below(): boolean {
    return Boolean(this.#options.reversed) || Boolean(this.#content?.rootBelow);
  }

  #lay(): void {
    if (!this.#content) return;
    const width = this.element.clientWidth;
    if (!width) return;
    this.#rows = layOut(this.#content.tree, this.#content.zoom, width, this.#content.order);
    const height = this.#rows.length * ROW;
    if (this.#options.fit) this.element.style.height = `${Math.min(height, 15 * ROW)}px`;
    this.#spacer.style.height = `${height}px`;
    this.#draw();
  }

  #yOf(row: number): number {
    return (this.#below ? this.#rows.length - 1 - row : row) * ROW + (this.#below ? Math.max(0, this.element.clientHeight - this.#rows.length * ROW) : 0);
  }

  #draw(): void {
    if (!this.#content) return;
    const { clientWidth: width, clientHeight: height, scrollTop: top } = this.element;
    if (!width || !height) return;
    const context = prepare(this.#canvas, width, height);
    const { tree, zoom } = this.#content;
    const painter = new Painter(context, this.#options.profile, tree, this.#content, this.#options.cache);
    const focused = document.activeElement === this.#canvas;
    this.bars = 0;
    this.#rows.forEach((row, i) => {
      const y = this.#yOf(i) - top;
      this.bars += row.length;
      if (y <= -ROW || y >= height) return;
      const above = i < tree.depth[zoom]!;
      for (const bar of row) painter.bar(bar, y, above, focused && bar.node === this.#current);
    });
  }

  #at(e: MouseEvent): number {
    const offset = this.#below ? Math.max(0, this.element.clientHeight - this.#rows.length * ROW) : 0;
    const line = Math.floor((e.offsetY + this.element.scrollTop - offset) / ROW);
    return barAt(this.#rows[this.#below ? this.#rows.length - 1 - line : line], e.offsetX)?.node ?? -1;
  }

  #describe(node: number): Description {
    const { tree, type, calls } = this.#content!;
    return describeNode(this.#options.profile, type, tree, node, !this.#options.reversed, calls);
  }

  #hover(e: MouseEvent | null): void {
    const node = e && this.#content ? this.#at(e) : -1;
    this.#canvas.style.cursor = node >= 0 ? 'pointer' : '';
    if (!e || node < 0) this.#options.tooltip.hide();
    else this.#options.tooltip.show(this.#describe(node), e.clientX, e.clientY, 'click: zoom \u00b7 right click: callers and callees');
  }

  #pick(e: MouseEvent, act: (node: number) => void): void {
    const node = this.#content ? this.#at(e) : -1;
    if (node < 0) return;
    e.preventDefault();
    this.#options.tooltip.hide();
    this.#current = node;
    act(node);
  }

  #focusOn(node: number): void {
    const name = this.#content!.tree.name[node]!;
    if (name) this.#options.onFocus(name);
  }

  #key(e: KeyboardEvent): void {
    if (!this.#content || e.ctrlKey || e.metaKey || e.altKey) return;
    const { tree, zoom } = this.#content;
    const [in_, out] = this.#below ? ['ArrowUp', 'ArrowDown'] : ['ArrowDown', 'ArrowUp'];
    let to = -1;
    if (e.key === 'Enter' || e.key === ' ') this.#options.onZoom(this.#current);
    else if (e.key === 'Escape' && zoom) this.#options.onZoom(0); // else the page's: back from a sandwich
    else if (e.key === 's' || e.key === 'S') this.#focusOn(this.#current);
    else if (e.key === 'Home') to = zoom;
    else if (e.key === in_) to = this.#under(this.#current);
    else if (e.key === out) to = tree.parent[this.#current]!;
    else if (e.key === 'ArrowRight') to = this.#beside(this.#current, 1);
    else if (e.key === 'ArrowLeft') to = this.#beside(this.#current, -1);
    else return;
    e.preventDefault();
    if (to < 0) return;
    this.#current = to;
    this.#reveal();
    this.#options.say(readOut(this.#describe(to)));
  }

  /** The widest bar under one, as far as it is drawn. */
  #under(node: number): number {
    const { tree } = this.#content!;
    let best = -1;
    for (const bar of this.#rowOf(node, 1)) if (tree.parent[bar.node] === node && (best < 0 || tree.total[bar.node]! > tree.total[best]!)) best = bar.node;
    return best;
  }

  #beside(node: number, step: number): number {
    const row = this.#rowOf(node, 0);
    return row[row.findIndex((bar) => bar.node === node) + step]?.node ?? -1;
  }

  #rowOf(node: number, further: number): Bar[] {
    return (this.#rows[this.#content!.tree.depth[node]! + further] ?? []).filter((bar) => bar.node >= 0);
  }

  #reveal(): void {
    const y = this.#yOf(this.#content!.tree.depth[this.#current]!);
    const { scrollTop, clientHeight } = this.element;
    if (y < scrollTop) this.element.scrollTop = y;
    else if (y + ROW > scrollTop + clientHeight) this.element.scrollTop = y + ROW - clientHeight;
    this.#draw();
  }
}
