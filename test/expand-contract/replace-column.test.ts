import { describe, expect, vi } from 'vitest';
import { inTurn, servers } from '../db/targets.ts';
import { withServerShadow, type Project } from '../migrate/project.ts';
import { succeed } from './succeed.ts';
import { replacedCases, type ReplacedCase } from './cases.ts';

vi.setConfig({ testTimeout: 120_000 });

describe.each(servers)('a replaced column on $name', (server) => {
  const it = inTurn(server, servers);
  it.each(Object.entries(replacedCases))('splits %s', (_, replaced) =>
    withServerShadow(server, { '0001_t.up.sql': replaced.tables }, async (project) => {
      const { migration, words = [] } = replaced;
      await succeed(project, 'migrate', 'up');
      project.write({ '0002_change.up.sql': migration });
      await succeed(project, 'migrate', 'expand-contract', '0002_change', ...words);
      await succeed(project, 'migrate', 'up', '--to', '0002_change');
      await writesFollow(project, replaced);
      await succeed(project, 'migrate', 'up', '--to', '0003_change_prepare');
      await writesFollow(project, replaced, true);
      const { table = 't', value, final } = replaced;
      await project.query(
        `CREATE TABLE dbops_expected AS SELECT id, ${value} AS value FROM ${table}`,
      );
      await succeed(project, 'migrate', 'up');
      const different = await project.query(
        `SELECT * FROM ${table} FULL JOIN dbops_expected e USING (id)
          WHERE ROW(${final})::record *<> ROW(e.value)::record`,
      );
      expect(different).toEqual([]);
      const copies = await project.query(
        `SELECT FROM pg_class WHERE relkind = 'r' AND relnamespace = to_regnamespace('dbops_rescue')`,
      );
      expect(copies.length > 0).toBe(replaced.isLossy === true);
    }),
  );
});

/** Writes values into both columns, half of them into new rows; the other column follows. */
async function writesFollow(
  project: Project,
  { table = 't', old, to, value, writes, isUnique }: ReplacedCase,
  isSecond = false,
): Promise<void> {
  if (isSecond && isUnique) return;
  const ids: number[] = [];
  for (const [column, values] of [
    [old, writes.old],
    [to, writes.to],
  ] as const)
    for (const [at, each] of values.entries()) {
      const isNew = (at % 2 === 0) === isSecond;
      const id = (isNew ? 100 : 10) + ids.length;
      await project.query(
        isNew
          ? `INSERT INTO ${table} (id, ${column}) VALUES (${id + (isSecond ? 100 : 0)}, ${each})`
          : `UPDATE ${table} SET ${column} = ${each} WHERE id = ${id}`,
      );
      ids.push(id);
    }
  const different = await project.query(
    `SELECT id, ${old} AS old, ${to} AS next FROM ${table}
      WHERE (id >= 100 OR id = ANY($1)) AND ROW(${to})::record *<> ROW(${value})::record`,
    [ids],
  );
  expect(different).toEqual([]);
}
