// Builds the viewer: dist/template.html (the page without its data) and include/pyro/encode/html_template.hpp (the same, for C++).
// Same sources, same bytes: no date, no path; every byte is ASCII.
//
// usage: node build.mjs [DIR]    writes DIR/template.html and DIR/html_template.hpp instead (for tests/viewer/check_build.sh)
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const MAX_PIECE = 15_000; // MSVC refuses string literals over 16,380 bytes
const MAX_PAGE = 60_000; // the gate for the viewer's size

// Own property names that are shortened in the bundle. None may be a name of the browser's, of the data's header, or used as a string.
const OWN = [
  'baseTotal', 'breaks', 'cache', 'callees', 'callers', 'change', 'columns', 'copyFolded', 'copyLink', 'count', 'depth', 'downloadPprof', 'element', 'elideStart',
  'firstRow', 'header', 'items', 'lines', 'moduleOf', 'moved', 'node', 'noise', 'onFocus', 'onZoom', 'otherTotal', 'otherWhole', 'parent', 'placeOf', 'reversed',
  'rootBelow', 'rowNode', 'rowValue', 'sides', 'tooltip', 'trees', 'trust', 'whole', 'worry', 'zoom',
];
const bundle = async (entry, options = {}) => {
  const result = await build({
    entryPoints: [join(here, 'src', entry)], bundle: true, minify: true, charset: 'ascii', legalComments: 'none', write: false,
    absWorkingDir: here, mangleProps: new RegExp(`^(${OWN.join('|')})$`),
    target: entry.endsWith('.css') ? ['chrome111', 'firefox113', 'safari16.4'] : 'es2022', ...options,
  });
  return result.outputFiles[0].text.trim();
};
const hash = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

const script = await bundle('main.ts', { format: 'iife' }); // esbuild writes </script> in strings as <\/script>
const style = await bundle('style.css');
if (/<\/(script|style)|<!--/i.test(script + style)) throw new Error('the bundle holds a tag that would end its element');

// Nothing may be loaded; only this very script and this very style sheet may run.
const policy = `default-src 'none';script-src ${hash(script)};style-src ${hash(style)};base-uri 'none';form-action 'none'`;
const head =
  '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">' +
  `<meta http-equiv="Content-Security-Policy" content="${policy}"><title>Profile</title><style>${style}</style></head>\n` +
  '<body><noscript>This page draws a profile with JavaScript, from the data in this file alone: allow it for this file.</noscript>\n' +
  '<script type="application/octet-stream" id="profile" data-enc="';
const tail = `</script>\n<script>${script}</script></body></html>\n`;
const page = head + '">' + tail;
if (/[^\n\x20-\x7e]/.test(page)) throw new Error('the page must be ASCII');
if (page.length > MAX_PAGE) throw new Error(`the page has ${page.length} bytes; at most ${MAX_PAGE} are allowed`);

// --- the C++ header

const DELIMITER = 'pyro';
const pieces = (text) => {
  const list = [];
  for (let at = 0; at < text.length; at += MAX_PIECE) list.push(`    R"${DELIMITER}(${text.slice(at, at + MAX_PIECE)})${DELIMITER}"`);
  if (list.some((piece) => piece.indexOf(`)${DELIMITER}"`) !== piece.length - DELIMITER.length - 2)) throw new Error('delimiter in the page');
  return list.join(',\n');
};
const header = `#pragma once
// The viewer of HTML reports. Generated from viewer/ by \`npm run build\` there: change it there.
//
// page = all of html_template_head + "raw" or "gzip" + '">' + the data in base64 + all of html_template_tail. In pieces, because MSVC
// refuses string literals over 16,380 bytes. Data only, any thread.

#include <string_view>  // the pieces

namespace pyro {

inline constexpr std::string_view html_template_head[] = {
${pieces(head)}};

inline constexpr std::string_view html_template_tail[] = {
${pieces(tail)}};

}  // namespace pyro
`;

const [template, cpp] = process.argv[2]
  ? [join(process.argv[2], 'template.html'), join(process.argv[2], 'html_template.hpp')]
  : [join(here, 'dist/template.html'), join(here, '../include/pyro/encode/html_template.hpp')];
mkdirSync(dirname(template), { recursive: true });
writeFileSync(template, head + '@ENC@">@DATA@' + tail);
writeFileSync(cpp, header);
console.log(`viewer: ${page.length} bytes (script ${script.length}, style ${style.length})`);
