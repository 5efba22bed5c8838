// Draws one bar of a flame graph: fill, mark of its kind, text.
import { changeColour, css, nameColour, type Rgb, type Scale, textOn } from './colours';
import { changeText, changeOf } from './difference';
import { nameOf } from './describe';
import { colour, isDark } from './dom';
import type { Bar } from './layout';
import type { Profile } from './profile';
import type { Tree } from './tree';

export const ROW = 21; // pixels

export interface Look {
  scale: Scale;
  elideStart: boolean;
  match: Uint8Array | null; // of each name, where something is searched for
}

const FONT = '12px system-ui, sans-serif';
const FONTS = { root: `600 ${FONT}`, scope: `600 ${FONT}`, native: FONT, synthetic: `italic ${FONT}` } as const;

export class Painter {
  #colours: string[] = []; // of names
  #dark = false;
  #background: string;
  #faded: string;
  #fadedText: string;
  #outline: string;
  readonly #c: CanvasRenderingContext2D;
  readonly #profile: Profile;
  readonly #tree: Tree;
  readonly #look: Look;

  constructor(c: CanvasRenderingContext2D, profile: Profile, tree: Tree, look: Look, cache: ColourCache) {
    this.#c = c;
    this.#profile = profile;
    this.#tree = tree;
    this.#look = look;
    this.#dark = isDark();
    this.#colours = cache.colours(profile, this.#dark);
    this.#background = colour('--panel');
    this.#faded = colour('--faded');
    this.#fadedText = colour('--faded-text');
    this.#outline = colour('--ink');
    c.textBaseline = 'middle';
  }

  /** `above`: the bar is on the way to the zoomed one; `current`: the keyboard is on it. */
  bar(bar: Bar, y: number, above: boolean, current: boolean): void {
    const c = this.#c;
    const tree = this.#tree;
    if (bar.node < 0) {
      c.fillStyle = this.#faded;
      c.fillRect(bar.x, y, bar.width, ROW - 1);
      return;
    }
    const name = tree.name[bar.node]!;
    const kind = this.#profile.kinds[name]!;
    const width = Math.max(bar.width - (bar.width > 3 ? 1 : 0), 0.5);
    const height = ROW - 1;
    const faded = this.#look.match !== null && !this.#look.match[name];
    let text: string;
    if (faded) {
      c.fillStyle = this.#faded;
      text = this.#fadedText;
    } else if (tree.base) {
      const base = tree.base[bar.node]!;
      const rgb: Rgb = changeColour(this.#look.scale, changeOf(base, tree.baseTotal, tree.total[bar.node]! - base, tree.otherTotal));
      c.fillStyle = css(rgb);
      text = css(textOn(rgb));
    } else {
      c.fillStyle = name === 0 ? colour('--root') : this.#colours[name]!;
      text = '#000';
    }
    c.fillRect(bar.x, y, width, height);
    if (kind === 'scope' && bar.width > 8) {
      c.fillStyle = text;
      c.fillRect(bar.x, y, bar.width > 30 ? 3 : 2, height);
    } else if (kind === 'synthetic' && bar.width > 8) this.#hatch(bar.x, y, width, height, text);
    if (above) {
      c.globalAlpha = 0.35;
      c.fillStyle = this.#background;
      c.fillRect(bar.x, y, width, height);
      c.globalAlpha = 1;
      text = this.#dark && !tree.base ? '#000' : text;
    }
    if (bar.width > 26) this.#text(bar, name, y, text);
    if (current) {
      c.strokeStyle = this.#outline;
      c.lineWidth = 2;
      c.strokeRect(bar.x + 1, y + 1, Math.max(1, width - 2), height - 2);
    }
  }

  #hatch(x: number, y: number, width: number, height: number, ink: string): void {
    const c = this.#c;
    c.save();
    c.beginPath();
    c.rect(x, y, width, height);
    c.clip();
    c.globalAlpha = 0.16;
    c.strokeStyle = ink;
    c.lineWidth = 1;
    c.beginPath();
    for (let at = x - height; at < x + width; at += 6) {
      c.moveTo(at, y + height);
      c.lineTo(at + height, y);
    }
    c.stroke();
    c.restore();
  }

  #text(bar: Bar, name: number, y: number, ink: string): void {
    const c = this.#c;
    const tree = this.#tree;
    const kind = this.#profile.kinds[name]!;
    const middle = y + ROW / 2;
    const left = Math.max(0, bar.x) + (kind === 'scope' ? 8 : 5);
    let room = bar.x + bar.width - left - 5;
    c.fillStyle = ink;
    if (tree.base && bar.width > 110) {
      const base = tree.base[bar.node]!;
      const change = changeText(base, tree.baseTotal, tree.total[bar.node]! - base, tree.otherTotal);
      c.font = FONT;
      c.textAlign = 'right';
      c.fillText(change, bar.x + bar.width - 6, middle);
      room -= c.measureText(change).width + 10;
      c.textAlign = 'left';
    }
    c.font = FONTS[kind];
    c.fillText(elide(c, nameOf(this.#profile, name), room, this.#look.elideStart), left, middle);
  }
}

/** The longest part of a name, from its start or its end, that has room beside an ellipsis. */
export function elide(c: CanvasRenderingContext2D, name: string, room: number, start: boolean): string {
  const most = Math.floor(room / 2.5); // no letter is narrower for long
  if (name.length <= most && c.measureText(name).width <= room) return name;
  let [low, high] = [0, Math.min(name.length, most)];
  const part = (n: number): string => (start ? `\u2026${name.slice(name.length - n)}` : `${name.slice(0, n)}\u2026`);
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (c.measureText(part(middle)).width <= room) low = middle;
    else high = middle - 1;
  }
  return low > 1 ? part(low) : '';
}

/** The colours of all names, made once for light and once for dark. */
export class ColourCache {
  #made: [string[] | null, string[] | null] = [null, null];

  colours(profile: Profile, dark: boolean): string[] {
    return (this.#made[dark ? 1 : 0] ??= profile.names.map((name, i) => css(nameColour(name, profile.moduleOf(i), profile.kinds[i]!, dark))));
  }
}
