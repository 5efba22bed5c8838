// Menus behind a button: <details>, closed by Escape and by a click elsewhere.
import { el } from './dom';

export function menu(title: string, className: string, ...content: Node[]): HTMLDetailsElement {
  const summary = el('summary', {}, title);
  const box = el('details', { className: `menu ${className}` }, summary, el('div', { className: 'menu-box' }, ...content));
  document.addEventListener('pointerdown', (e) => {
    if (box.open && !box.contains(e.target as Node)) box.open = false;
  });
  box.addEventListener('keydown', (e) => {
    if (e.key !== 'Escape' || !box.open) return;
    e.stopPropagation();
    box.open = false;
    summary.focus();
  });
  return box;
}
