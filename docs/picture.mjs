// Draws what a terminal showed: FORCE_COLOR=1 npm run -s demo 2>&1 | node docs/picture.mjs > docs/demo.svg
import { text } from 'node:stream/consumers';
import { stripVTControlCharacters } from 'node:util';

const colors = { 2: '#8b949e', 31: '#ff7b72', 32: '#7ee787', 33: '#e3b341' };
const escapeSequence = new RegExp(String.raw`(\u001b\[\d+m)`);
const line = 17;
const character = 8.2;

const escape = (part) =>
  part.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** The coloured parts of a line as tspans; 22 and 39 end dim and colour. */
function spans(content) {
  let fill = '#e6edf3';
  let weight = 'normal';
  return content
    .split(escapeSequence)
    .map((part) => {
      const code = escapeSequence.test(part) ? part.slice(2, -1) : undefined;
      if (!code)
        return part && `<tspan fill="${fill}" font-weight="${weight}">${escape(part)}</tspan>`;
      if (code === '1') weight = 'bold';
      else [fill, weight] = [colors[code] ?? '#e6edf3', 'normal'];
      return '';
    })
    .join('');
}

const shown = (await text(process.stdin)).trim().split('\n');
const widest = Math.max(...shown.map((content) => stripVTControlCharacters(content).length));
const [width, height] = [Math.ceil(widest * character) + 32, shown.length * line + 32];
const rows = shown.map(
  (content, at) => `<text x="16" y="${28 + at * line}">${spans(content)}</text>`,
);

console.log(`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="ui-monospace, Menlo, Consolas, monospace" font-size="13.5" xml:space="preserve">
<style>text { white-space: pre }</style>
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
${rows.join('\n')}
</svg>`);
