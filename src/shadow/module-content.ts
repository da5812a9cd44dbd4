import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

const specifiers = /\b(?:from|import|require)\s*\(?\s*(['"])(\.{1,2}\/[^'"]*)\1/g;

const endings = ['', '.ts', '.js', '.mts', '.mjs', '.cts', '.cjs', '.json'];

/**
 * Returns the text of a module with those of the files of the project that it imports by a relative
 * path, directly or through others. Packages are not among them.
 */
export function moduleContent(file: string): string {
  const texts = new Map<string, string>();
  const open = [file];
  for (let each = open.pop(); each !== undefined; each = open.pop()) {
    if (texts.has(each)) continue;
    const text = readFileSync(each, 'utf8');
    texts.set(each, text);
    for (const [, , specifier = ''] of text.matchAll(specifiers))
      open.push(...existing(resolve(dirname(each), specifier)));
  }
  return [...texts.values()].join('\0');
}

/** TypeScript names a file by the ending of what is compiled from it: `./tables.js` is `tables.ts`. */
function existing(path: string): string[] {
  const bases = [path, path.replace(/\.([cm]?)js$/, '.$1ts'), `${path}/index`];
  const paths = bases.flatMap((base) => endings.map((ending) => `${base}${ending}`));
  const found = paths.find((each) => statSync(each, { throwIfNoEntry: false })?.isFile());
  return found === undefined ? [] : [found];
}
