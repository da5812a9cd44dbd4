import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { menagerie, zoo } from '../catalog/zoo.ts';
import { casesOn, targets, withDatabase } from '../db/targets.ts';
import { projectOn, withProject, type Project } from '../migrate/project.ts';
import { circles, families, names, rights } from './menagerie.ts';

const withoutOperator = Object.fromEntries(
  Object.entries(menagerie).map(([file, sql]) => [file, sql.replace(/CREATE OPERATOR .*;/, '')]),
);

const schemas: [string, Record<string, string>][] = [
  ['every kind of object', { ...zoo, ...withoutOperator }],
  [
    'circles, families, names and rights',
    {
      '0001_a.up.sql': circles,
      '0002_b.up.sql': rights,
      '0003_c.up.sql': families,
      '0004_d.up.sql': names,
    },
  ],
];

/** The columns in their order, which a comparison of catalogs leaves out. */
const columnsOf = ({ query }: Pick<Project, 'query'>) =>
  query(
    `SELECT attrelid::regclass::text AS "table", array_agg(attname::text ORDER BY attnum) AS columns FROM pg_attribute a
      JOIN pg_class c ON c.oid = a.attrelid WHERE c.relkind IN ('r', 'p', 'v', 'm', 'c') AND attnum > 0 AND NOT attisdropped
        AND relnamespace::regnamespace::text !~ '^(pg_|information_schema|dbops)' AND relname <> '_dbops_migrations' GROUP BY 1 ORDER BY 1`,
  );

describe.each(targets)('schema dump on $name', (target) => {
  it.each(casesOn(target, schemas))('restores to the same bytes: %s', (_, files) =>
    withProject(target, files, async (project) => {
      const up = await project.json('migrate', 'up');
      expect(up.error).toBeUndefined();
      const file = join(project.root, 'schema.sql');
      const dumped = await project.dbops('schema', 'dump', 'schema.sql');
      expect(dumped.stderr + dumped.stdout).toContain('✓');
      const sql = readFileSync(file, 'utf8');
      const columns = await columnsOf(project);
      await withDatabase(target, async (url) => {
        const restored = projectOn(url, project.root);
        await restored.query(sql);
        expect(await columnsOf(restored)).toEqual(columns);
        const check = await restored.dbops('schema', 'dump', '--check', 'schema.sql');
        expect(check.stdout).toContain('matches');
      });
      const replayed = await project.dbops('schema', 'dump', '--replayed', '--check', 'schema.sql');
      expect(replayed.stdout).toContain('matches');
    }),
  );
});
