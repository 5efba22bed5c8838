// Out of the page: to the clipboard, to a file.
import { el } from './dom';

export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = el('textarea', { value: text, className: 'unseen' }); // where the page may not use the clipboard itself
    document.body.append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    return done;
  }
}

function offer(name: string, blob: Blob): void {
  const address = URL.createObjectURL(blob);
  const link = el('a', { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** Offers bytes as a file; gzipped, where the browser can. */
export async function download(name: string, bytes: Uint8Array): Promise<void> {
  const plain = new Blob([bytes as BlobPart]);
  if (typeof CompressionStream === 'undefined') return offer(name, plain);
  const zipped = await new Response(plain.stream().pipeThrough(new CompressionStream('gzip'))).blob();
  offer(`${name}.gz`, zipped);
}
