import { describe, expect, it } from 'vitest';
import { splitStatements } from '../../src/sql/statements.ts';

const patient = [
  'CREATE INDEX CONCURRENTLY i ON t (x)',
  'DROP INDEX CONCURRENTLY i',
  'REINDEX TABLE CONCURRENTLY t',
  'REINDEX (CONCURRENTLY) DATABASE d',
  'ALTER TABLE p DETACH PARTITION c CONCURRENTLY',
  'VACUUM t',
  'VACUUM (ANALYZE, PARALLEL 0) t',
  'VACUUM (FULL false) t',
  'VACUUM (FULL 0) t',
  'VACUUM (FULL off) t',
];

const limited = [
  'VACUUM FULL t',
  'VACUUM FULL',
  'VACUUM (VERBOSE, FULL on) t',
  'VACUUM (FULL 1) t',
  'CLUSTER',
  'REINDEX SCHEMA s',
  'REINDEX DATABASE d',
  'ALTER DATABASE d SET TABLESPACE x',
];

describe('a statement outside a transaction', () => {
  it.each([
    ...patient.map((sql) => [sql, true] as const),
    ...limited.map((sql) => [sql, false] as const),
  ])('%s blocks no queries while it waits: %s', async (sql, letsPass) => {
    const [statement] = await splitStatements(sql);
    expect(statement).toMatchObject({ standsAlone: true, letsPass });
  });
});
