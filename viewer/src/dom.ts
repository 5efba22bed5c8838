// Elements with little writing. Text only ever reaches the page as text: nothing here parses HTML.

type Props<K extends keyof HTMLElementTagNameMap> = Partial<Omit<HTMLElementTagNameMap[K], 'style' | 'dataset'>> & { [attribute: `aria-${string}`]: string; role?: string };

export function el<K extends keyof HTMLElementTagNameMap>(tag: K, props: Props<K> = {}, ...children: (Node | string)[]): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(props))
    if (key.startsWith('aria-') || key === 'role') element.setAttribute(key, String(value));
    else Object.assign(element, { [key]: value });
  element.append(...children);
  return element;
}

export function button(text: string, onclick: () => void, props: Props<'button'> = {}): HTMLButtonElement {
  return el('button', { type: 'button', onclick, ...props }, text);
}

export interface Choice {
  value: string;
  text: string;
}

/** A drop-down list under a label. */
export function select(label: string, choices: Choice[], value: string, onchange: (value: string) => void): HTMLLabelElement {
  const list = el('select', {}, ...choices.map((c) => el('option', { value: c.value, selected: c.value === value }, c.text)));
  list.onchange = () => onchange(list.value);
  return el('label', {}, el('span', {}, label), list);
}

/** Buttons of which one is pressed. */
export function segments(label: string, choices: Choice[], value: string, onchange: (value: string) => void): HTMLElement {
  const group = el('div', { className: 'segments', role: 'group', 'aria-label': label });
  for (const c of choices) group.append(button(c.text, () => onchange(c.value), { 'aria-pressed': String(c.value === value), value: c.value }));
  return group;
}

/** A colour of the style sheet, by the name of its variable. */
export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Light or dark: as chosen, or as the system has it. */
export function applyTheme(theme: 'auto' | 'light' | 'dark'): void {
  const dark = theme === 'auto' ? matchMedia('(prefers-color-scheme: dark)').matches : theme === 'dark';
  document.documentElement.dataset['theme'] = dark ? 'dark' : 'light';
}

export function isDark(): boolean {
  return document.documentElement.dataset['theme'] === 'dark';
}

/** Fits a canvas to its place in CSS pixels and clears it; drawing is in CSS pixels, too. */
export function prepare(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D {
  const ratio = devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext('2d')!;
  context.scale(ratio, ratio);
  context.direction = 'ltr';
  return context;
}
