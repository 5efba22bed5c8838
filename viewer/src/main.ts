// Starts the page: reads the data, shows it, or says why not.
import { App } from './app';
import { applyTheme, el } from './dom';
import { loadBytes } from './load';
import { Profile, visible } from './profile';

async function start(): Promise<void> {
  applyTheme('auto');
  const profile = new Profile(await loadBytes());
  if (!profile.header.types.length) throw new Error('the profile has no sample types');
  document.title = `${visible(profile.header.title) || 'Profile'} \u2013 pyro`;
  new App(profile);
  requestAnimationFrame(() => setTimeout(() => performance.mark('pyro:open'))); // after the first picture
}

start().catch((error: unknown) => {
  const text = error instanceof Error ? error.message : String(error);
  document.body.append(el('main', { className: 'broken' }, el('h1', {}, 'This profile could not be shown'), el('p', { role: 'alert' }, text)));
});
