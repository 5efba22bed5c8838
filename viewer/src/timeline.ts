// The timeline of one side: bars of what each window held a second, and the range that is selected. Drag selects; so do the arrow keys.
import { colour, el, prepare } from './dom';
import type { Profile } from './profile';
import { type Axis, axisOf, windowAt } from './time_axis';
import { clock, day, digits, format, formatRate, period } from './units';
import type { Tooltip } from './tooltip';

const HEIGHT = 68;
const LABELS = 16; // pixels below the bars
const STEPS = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 21_600]; // seconds

export interface Range {
  from: number;
  to: number;
}

export class Timeline {
  readonly element: HTMLElement;
  readonly #canvas: HTMLCanvasElement;
  readonly #axis: Axis;
  readonly #rates: Float64Array;
  #values: Float64Array = new Float64Array(0);
  #unit = '';
  #typeName = '';
  #range: Range;
  #anchor = -1; // of a drag
  readonly #profile: Profile;
  readonly #accent: string;
  readonly #tooltip: Tooltip;
  readonly #onRange: (r: Range) => void;

  constructor(profile: Profile, label: string, accent: string, tooltip: Tooltip, onRange: (r: Range) => void) {
    this.#profile = profile;
    this.#accent = accent;
    this.#tooltip = tooltip;
    this.#onRange = onRange;
    const { windows } = profile.header;
    this.#axis = axisOf(windows);
    this.#rates = new Float64Array(windows.length);
    this.#range = { from: 0, to: windows.length - 1 };
    this.#canvas = el('canvas', {
      tabIndex: 0, role: 'slider', 'aria-valuemin': '0', 'aria-valuemax': String(Math.max(0, windows.length - 1)),
      'aria-label': `${label}: left and right move it, with Shift its end, with Alt its start; Escape selects all`,
    });
    this.element = el('div', { className: 'timeline' }, this.#canvas);
    this.#canvas.onpointerdown = (e) => this.#press(e);
    this.#canvas.onpointermove = (e) => this.#move(e);
    this.#canvas.onpointerup = () => this.#release();
    this.#canvas.onpointercancel = () => (this.#anchor = -1);
    this.#canvas.onpointerleave = () => tooltip.hide();
    this.#canvas.ondblclick = () => this.#onRange({ from: 0, to: windows.length - 1 });
    this.#canvas.onkeydown = (e) => this.#key(e);
    new ResizeObserver(() => this.#draw()).observe(this.element);
  }

  set(values: Float64Array, range: Range, unit: string, typeName: string): void {
    this.#values = values;
    this.#unit = unit;
    this.#typeName = typeName;
    this.#range = { from: range.from, to: range.to };
    this.#profile.header.windows.forEach(([, duration], i) => (this.#rates[i] = values[i]! / (Math.max(1, duration) / 1000)));
    this.#draw();
  }

  get #span(): string {
    const from = this.#profile.header.windows[this.#range.from];
    const to = this.#profile.header.windows[this.#range.to];
    return from && to ? period(from[0], to[0] + to[1]) : '';
  }

  #draw(): void {
    const width = this.element.clientWidth;
    if (!width) return;
    const c = prepare(this.#canvas, width, HEIGHT);
    const { left, right, breaks } = this.#axis;
    const { from, to } = this.#range;
    const base = HEIGHT - LABELS;
    const accent = colour(this.#accent);
    const most = this.#rates.reduce((a, b) => Math.max(a, b), 0);
    if (left.length) {
      c.fillStyle = colour(`${this.#accent}-wash`);
      c.fillRect(left[from]! * width, 0, (right[to]! - left[from]!) * width, base);
    }
    for (let i = 0; i < left.length; i++) {
      const x = left[i]! * width;
      const w = (right[i]! - left[i]!) * width;
      const h = most ? Math.max(this.#rates[i] ? 1 : 0, (this.#rates[i]! / most) * (base - 14)) : 0;
      c.fillStyle = i >= from && i <= to ? accent : colour('--bar-off');
      c.fillRect(x, base - h, w > 3 ? w - 1 : w, h);
    }
    c.fillStyle = colour('--line');
    c.fillRect(0, base, width, 1);
    c.font = '11px system-ui, sans-serif';
    c.fillStyle = colour('--muted');
    for (const x of breaks) c.fillText('\u2244', x * width - 3, base - 2);
    c.fillText(most ? `${formatRate(most, this.#unit, this.#typeName)} at most` : 'nothing', 2, 10);
    this.#labels(c, width);
    this.#canvas.setAttribute('aria-valuenow', String(this.#range.from));
    this.#canvas.setAttribute('aria-valuetext', this.#span);
  }

  #labels(c: CanvasRenderingContext2D, width: number): void {
    const { windows } = this.#profile.header;
    let free = 0;
    // ticks at round times, at least 90 pixels apart
    const time = windows.reduce((sum, [, duration]) => sum + duration, 0);
    const step = STEPS.find((s) => (s * 1000 * width) / time >= 90) ?? 86_400;
    const tick = (i: number): number => Math.floor(windows[i]![0] / 1000 / step);
    const last = windows[windows.length - 1];
    const end = last ? clock(last[0] + last[1]) : '';
    const reserved = width - c.measureText(end).width - 8;
    windows.forEach(([begin], i) => {
      const x = this.#axis.left[i]! * width;
      const text = i === 0 || day(begin) !== day(windows[i - 1]![0]) ? `${day(begin)} ${clock(begin)}` : clock(begin);
      if ((i && tick(i) === tick(i - 1)) || x < free || x + c.measureText(text).width > reserved) return;
      c.fillText(text, x, HEIGHT - 4);
      free = x + c.measureText(text).width + 16;
    });
    c.textAlign = 'right';
    c.fillText(end, width - 1, HEIGHT - 4);
    c.textAlign = 'left';
  }

  #windowOf(e: PointerEvent): number {
    return windowAt(this.#axis, e.offsetX / Math.max(1, this.#canvas.clientWidth));
  }

  #press(e: PointerEvent): void {
    if (e.button || !this.#axis.left.length) return;
    this.#anchor = this.#windowOf(e);
    this.#range = { from: this.#anchor, to: this.#anchor };
    this.#canvas.setPointerCapture(e.pointerId);
    this.#draw();
  }

  #move(e: PointerEvent): void {
    if (!this.#axis.left.length) return;
    const at = this.#windowOf(e);
    if (this.#anchor >= 0) {
      this.#range = { from: Math.min(at, this.#anchor), to: Math.max(at, this.#anchor) };
      this.#draw();
    }
    const [begin, duration] = this.#profile.header.windows[at]!;
    const lines: [string, string][] = [['value', format(this.#values[at]!, this.#unit)], ['rate', formatRate(this.#rates[at]!, this.#unit, this.#typeName)]];
    if (this.#anchor >= 0) lines.push(['range', `${this.#span} (${digits(this.#range.to - this.#range.from + 1)} windows)`]);
    this.#tooltip.show({ title: period(begin, begin + duration), lines }, e.clientX, e.clientY, 'drag: select \u00b7 double click: everything');
  }

  #release(): void {
    if (this.#anchor < 0) return;
    this.#anchor = -1;
    this.#onRange(this.#range);
  }

  #key(e: KeyboardEvent): void {
    const last = this.#profile.header.windows.length - 1;
    const step = e.key === 'ArrowRight' || e.key === 'ArrowUp' ? 1 : e.key === 'ArrowLeft' || e.key === 'ArrowDown' ? -1 : 0;
    let { from, to } = this.#range;
    if (e.key === 'Escape') [from, to] = [0, last];
    else if (e.key === 'Home') [from, to] = [0, to - from];
    else if (e.key === 'End') [from, to] = [last - (to - from), last];
    else if (!step) return;
    else if (e.shiftKey) to = Math.max(from, Math.min(last, to + step));
    else if (e.altKey) from = Math.min(to, Math.max(0, from + step));
    else if (from + step >= 0 && to + step <= last) [from, to] = [from + step, to + step];
    e.preventDefault();
    if (from !== this.#range.from || to !== this.#range.to) this.#onRange({ from, to });
  }
}
