// "How much to trust this": what was lost, how complete stacks are, what profiling cost, how far chance reaches.
import { samplesIn } from './describe';
import { shareError } from './difference';
import { button, el } from './dom';
import { visible, type NativeStacks, type Profile } from './profile';
import { digits, format, percent, period } from './units';

type Line = [string, string];

const NATIVE: [keyof NativeStacks, string][] = [
  ['complete', 'complete, to the first function of the thread'],
  ['no_rows', 'cut short: code without unwind tables'],
  ['out_of_bounds', 'cut short: a stack pointer out of bounds'],
  ['too_deep', 'cut short: deeper than the limit'],
  ['guessed', 'with a frame that was guessed'],
  ['by_order', 'with scopes placed by their order, not by address'],
];

/** One line for the button: whether there is anything to look at. */
export function trustSummary(profile: Profile): { text: string; worry: boolean } {
  const lost = profile.header.lost.reduce((sum, [, n]) => sum + n, 0);
  return lost ? { text: `${digits(lost)} lost`, worry: true } : { text: 'nothing lost', worry: false };
}

function samplingLines(profile: Profile, type: number, total: number): Line[] {
  const { period: every, period_unit: unit, engine, types } = profile.header;
  const name = types[type]!.name;
  const lines: Line[] = [];
  if (engine) lines.push(['Engine', visible(engine)]);
  if (every > 0) lines.push(['Period', `${format(every, unit)}${unit === 'nanoseconds' ? ` (${digits(1e9 / every)} a second of ${name === 'wall' ? 'time' : 'CPU time'})` : ''}`]);
  const samples = samplesIn(profile, type, total);
  if (samples) {
    lines.push(['Samples shown', digits(samples)]);
    lines.push(['Statistical error', [0.5, 0.1, 0.01].map((p) => `${percent(p)} \u00b1 ${percent(shareError(p, samples))}`).join(', ') + ' (95 %)']);
  } else lines.push(['Statistical error', `none: ${name} are counted, not sampled`]);
  return lines;
}

function section(title: string, lines: Line[], empty = ''): HTMLElement {
  const list = el('dl');
  for (const [what, value] of lines) list.append(el('dt', {}, what), el('dd', {}, value));
  return el('section', {}, el('h3', {}, title), lines.length ? list : el('p', {}, empty));
}

export class TrustDialog {
  readonly element = el('dialog', { 'aria-label': 'How much to trust this' });
  readonly #profile: Profile;

  constructor(profile: Profile) {
    this.#profile = profile;
    this.element.onclick = (e) => {
      if (e.target === this.element) this.element.close(); // a click beside it
    };
  }

  open(type: number, total: number): void {
    const { header } = this.#profile;
    const parts: HTMLElement[] = [section('Sampling', samplingLines(this.#profile, type, total))];
    parts.push(section('Lost', header.lost.map(([what, n]) => [visible(what), digits(n)]), 'Nothing was lost.'));
    const native = header.native;
    if (native) {
      const all = native.complete + native.no_rows + native.out_of_bounds + native.too_deep;
      parts.push(section('Native stacks', NATIVE.filter(([key]) => native[key] || key === 'complete').map(([key, what]) => [what, `${digits(native[key])}${all ? ` (${percent(native[key] / all)})` : ''}`])));
    } else parts.push(section('Native stacks', [], 'Not told for this profile.'));
    if (header.own) {
      const time = header.windows.reduce((sum, [, duration]) => sum + duration, 0) * 1e6;
      const share = time ? ` (${percent(header.own.cpu_ns / time)} of one CPU)` : '';
      parts.push(section("The profiler's own cost", [['CPU time', format(header.own.cpu_ns, 'nanoseconds') + share], ['Memory', format(header.own.memory_bytes, 'bytes')]]));
    }
    const [first, last] = [header.windows[0], header.windows[header.windows.length - 1]];
    const about: Line[] = header.static_tags.map(([key, value]) => [visible(key), visible(value)]);
    if (first && last) about.unshift(['Time', period(first[0], last[0] + last[1])]);
    if (header.producer) about.push(['Written by', visible(header.producer)]);
    parts.push(section('About', about));
    if (header.notes.length) parts.push(el('section', {}, el('h3', {}, 'Notes'), el('ul', {}, ...header.notes.map((note) => el('li', {}, visible(note))))));
    this.element.replaceChildren(el('header', {}, el('h2', {}, 'How much to trust this'), button('Close', () => this.element.close())), ...parts);
    this.element.showModal();
  }
}
