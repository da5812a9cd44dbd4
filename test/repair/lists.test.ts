import { describe, expect, it } from 'vitest';
import { servers } from '../db/targets.ts';
import { withServerShadow } from '../migrate/project.ts';

/** A whole migration, one of which only the first statement ran, and what that was. */
const lists: [list: string, base: string, whole: string, begun: string, first: string][] = [
  [
    'labels of an enum type',
    `CREATE TYPE mood AS ENUM ('sad', 'ok')`,
    `ALTER TYPE mood ADD VALUE 'glad'`,
    `-- dbops: no-transaction\nALTER TYPE mood ADD VALUE 'happy';\nALTER TYPE mood RENAME VALUE 'happy' TO 'merry'`,
    `ALTER TYPE mood ADD VALUE 'happy'`,
  ],
  [
    'labels of an enum type, before others',
    `CREATE TYPE mood AS ENUM ('sad', 'ok')`,
    `ALTER TYPE mood ADD VALUE 'glad'`,
    `-- dbops: no-transaction\nALTER TYPE mood ADD VALUE 'so so' BEFORE 'ok';\nALTER TYPE mood ADD VALUE 'merry'`,
    `ALTER TYPE mood ADD VALUE 'so so' BEFORE 'ok'`,
  ],
  [
    'schemas of a publication',
    'CREATE SCHEMA a; CREATE SCHEMA b; CREATE SCHEMA c; CREATE PUBLICATION p FOR TABLES IN SCHEMA b',
    'ALTER PUBLICATION p ADD TABLES IN SCHEMA c',
    'ALTER PUBLICATION p ADD TABLES IN SCHEMA a;\nALTER PUBLICATION p DROP TABLES IN SCHEMA b',
    'ALTER PUBLICATION p ADD TABLES IN SCHEMA a',
  ],
];

describe.each(servers)('a migration that ran, on $name', (server) => {
  it.each(lists)(
    'is called run where the next one has changed the %s in part',
    (...[, base, whole, begun, first]) =>
      withServerShadow(
        server,
        { '0001_base.up.sql': base, '0002_whole.up.sql': whole },
        async (project) => {
          expect(await project.json('migrate', 'up')).toMatchObject({ exitCode: 0 });
          await project.query(first);
          await project.query('DELETE FROM dbops.migrations');
          project.write({ '0003_begun.up.sql': begun });
          const { migrations } = await project.json('repair-tracking');
          const verdicts = migrations.map(({ verdict }) => verdict);
          expect(verdicts.slice(0, 2)).toEqual(['proven', 'proven']);
          expect(verdicts[2]).not.toBe('proven');
        },
      ),
  );
});
