import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';

const sources = globSync('src/**/*.ts').toSorted();

/** Matches imports that exist at run time: not `import type`, not `import(…)`. */
const valueImport = /^(?:import|export) (?!type\b)[^;]*?from '(\.[^']+)'|^import '(\.[^']+)'/gm;

/** Tables of the bundled schema whose names no other text contains. */
function bundledTables(): string[] {
  const schema = readFileSync('src/reference/schema.ts', 'utf8');
  const tables = /export interface DB \{([^}]*)\}/.exec(schema)?.[1] ?? '';
  return [...tables.matchAll(/(\w+_\w+|purchases|posts|workshops):/g)].map(([, name = '']) => name);
}

/** The modules that run as soon as `entry` is imported. */
function loadedBy(entry: string, loaded = new Set<string>()): Set<string> {
  if (loaded.has(entry)) return loaded;
  loaded.add(entry);
  for (const [, from, bare] of readFileSync(entry, 'utf8').matchAll(valueImport))
    loadedBy(normalize(join(dirname(entry), from ?? bare ?? '')), loaded);
  return loaded;
}

describe('the bundled application', () => {
  it('is imported by the default project only', () => {
    const importers = sources.filter(
      (file) =>
        !file.startsWith('src/reference/') &&
        /from '[^']*\/reference\/|import\('[^']*\/reference\//.test(readFileSync(file, 'utf8')),
    );
    expect(importers).toEqual(['src/default-project.ts']);
  });

  it('is not named by the features that run it', () => {
    const tables = bundledTables();
    expect(tables.length).toBeGreaterThan(20);
    const named = new RegExp(String.raw`\b(?:${tables.join('|')})\b`);
    const engines = sources.filter((file) =>
      /^src\/(?:seed|reports|verify|backfill|expand-contract)\//.test(file),
    );
    expect(engines.filter((file) => named.test(readFileSync(file, 'utf8')))).toEqual([]);
  });

  it('has no table of migrations/ in their SQL, whatever its name', () => {
    const created = globSync('migrations/*.up.sql').flatMap((file) => [
      ...readFileSync(file, 'utf8').matchAll(
        /CREATE TABLE (?:IF NOT EXISTS )?(?:public\.)?"?(\w+)/g,
      ),
    ]);
    const tables = [...new Set(created.map(([, name = '']) => name))];
    expect(tables).toEqual(expect.arrayContaining(['users', 'organizations', 'content']));
    const used = new RegExp(
      String.raw`\bpublic\.(?:${tables.join('|')})\b|\b(?:FROM|JOIN|INTO|UPDATE|TABLE) "?(?:${tables.join('|')})\b(?! \()`,
    );
    const engines = sources.filter((file) =>
      /^src\/(?:seed|reports|verify|backfill|declared)\//.test(file),
    );
    expect(engines.filter((file) => used.test(readFileSync(file, 'utf8')))).toEqual([]);
  });

  it('is not loaded by commands that do not need it', () => {
    const loaded = [...loadedBy('src/execute.ts'), ...loadedBy('src/commands/migrate/up.ts')];
    const needless = /^src\/(?:seed|reports|verify|reference\/(?:seeds|reports|checks|schema))/;
    expect(loaded.filter((file) => needless.test(file))).toEqual([]);
  });
});
