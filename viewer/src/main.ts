import { loadBytes } from './load';
import { Profile } from './profile';

async function start(): Promise<void> {
  const profile = new Profile(await loadBytes());
  document.title = profile.header.title;
  document.body.append(`${profile.header.title}: ${profile.nodes} nodes, ${profile.rowNode.length} rows`);
}

start().catch((error: unknown) => {
  document.body.append(`This profile could not be shown: ${String(error)}`);
  throw error;
});
