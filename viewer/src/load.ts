// The bytes in the page's <script id="profile">: base64, then gzip where data-enc says so.

function fromBase64(text: string): Uint8Array {
  const native = (Uint8Array as unknown as { fromBase64?: (text: string) => Uint8Array }).fromBase64; // since Chromium 140, Firefox 133
  if (native) return native.call(Uint8Array, text);
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/** Reads the data and takes its text out of the page, so that it isn't kept twice. */
export async function loadBytes(): Promise<Uint8Array> {
  const element = document.getElementById('profile');
  if (!element) throw new Error('the page holds no data');
  const encoding = element.dataset['enc'];
  const bytes = fromBase64((element.textContent ?? '').trim());
  element.remove();
  if (encoding === 'raw') return bytes;
  if (encoding !== 'gzip') throw new Error(`data in the encoding "${encoding}"; this page reads raw and gzip`);
  const stream = new Blob([bytes as BlobPart]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
