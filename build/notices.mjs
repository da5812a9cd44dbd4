import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const postgresLicense = `PostgreSQL License

Portions Copyright (c) 1996-2026, PostgreSQL Global Development Group
Portions Copyright (c) 1994, The Regents of the University of California

Permission to use, copy, modify, and distribute this software and its documentation for any purpose, without
fee, and without a written agreement is hereby granted, provided that the above copyright notice and this
paragraph and the following two paragraphs appear in all copies.

IN NO EVENT SHALL THE UNIVERSITY OF CALIFORNIA BE LIABLE TO ANY PARTY FOR DIRECT, INDIRECT, SPECIAL, INCIDENTAL,
OR CONSEQUENTIAL DAMAGES, INCLUDING LOST PROFITS, ARISING OUT OF THE USE OF THIS SOFTWARE AND ITS DOCUMENTATION,
EVEN IF THE UNIVERSITY OF CALIFORNIA HAS BEEN ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.

THE UNIVERSITY OF CALIFORNIA SPECIFICALLY DISCLAIMS ANY WARRANTIES, INCLUDING, BUT NOT LIMITED TO, THE IMPLIED
WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE. THE SOFTWARE PROVIDED HEREUNDER IS ON AN "AS
IS" BASIS, AND THE UNIVERSITY OF CALIFORNIA HAS NO OBLIGATIONS TO PROVIDE MAINTENANCE, SUPPORT, UPDATES,
ENHANCEMENTS, OR MODIFICATIONS.`;

/** What the package contains beside modules of packages. */
const further = [
  {
    title: 'PostgreSQL (an empty cluster, dist/pglite-cluster.tar)',
    license: 'PostgreSQL',
    text: postgresLicense,
  },
  {
    title: 'pgvector (compiled to WebAssembly, dist/pgvector)',
    license: 'PostgreSQL',
    text: postgresLicense,
  },
];

/**
 * Returns the notices of the packages that these modules belong to: their licenses, as their authors wrote them.
 *
 * @param modules paths of bundled files
 * @throws Error where a package declares no license
 */
export function noticesOf(modules) {
  const folders = new Set(modules.flatMap((path) => folderOf(path) ?? []));
  const packages = [...folders].map(describe);
  const notices = [
    ...packages.toSorted((a, b) => a.title.localeCompare(b.title, 'en')),
    ...further,
  ];
  const sections = notices.map(
    ({ title, license, home = '', text }) =>
      `## ${title}\n\nLicense: ${license}${home}\n\n${text.trim().replaceAll(/^/gm, '    ')}\n`,
  );
  return `# Third-party notices\n\nThe package dbops contains code of these projects.\n\n${sections.join('\n')}`;
}

/** Returns the folder of the package that a file belongs to; undefined for a file of dbops. */
function folderOf(path) {
  return /^.*?(?:^|\/)node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path.replaceAll('\\', '/'))?.[0];
}

function describe(folder) {
  const about = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const { name, version, license, homepage, author } = about;
  if (typeof license !== 'string') throw new Error(`${name} declares no license`);
  const texts = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && /^(?:licen[cs]e|notice|copying)/i.test(entry.name))
    .map((entry) => readFileSync(join(folder, entry.name), 'utf8'));
  const by = typeof author === 'string' ? author : author?.name;
  const home = homepage ? `\nHomepage: ${homepage}` : '';
  const standard = `The package contains no license text. License: ${license}; author: ${by ?? name}.`;
  return { title: `${name} ${version}`, license, home, text: texts.join('\n\n') || standard };
}
