// The viewer's modules without DOM, for node: types stripped by esbuild, nothing else changed.
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const viewer = fileURLToPath(new URL('../../viewer/', import.meta.url));
const { buildSync } = createRequire(`${viewer}build.mjs`)('esbuild');
const names = ['aggregate', 'colours', 'describe', 'difference', 'folded', 'layout', 'pprof', 'profile', 'rows', 'sandwich', 'selection', 'state', 'time_axis', 'tree', 'units'];
const result = buildSync({
  stdin: { contents: names.map((name) => `export * from './${name}';`).join('\n'), resolveDir: `${viewer}src` }, bundle: true, format: 'esm', write: false,
});
export const viewerSources = await import(`data:text/javascript;base64,${Buffer.from(result.outputFiles[0].text).toString('base64')}`);
