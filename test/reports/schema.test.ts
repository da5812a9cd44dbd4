import { generate, PostgresDialect } from 'kysely-codegen';
import { format, resolveConfig } from 'prettier';
import { expect, test } from 'vitest';
import { kyselyOf } from '../../src/db/kysely.ts';
import { withSession } from '../db/session.ts';
import { applyMigrations } from './database.ts';

const file = new URL('../../src/reference/schema.ts', import.meta.url);

// What the parsers of src/db/session.ts give; an interval is read as an object of pg's.
const typeMapping = {
  int8: 'bigint',
  timestamp: 'string',
  interval: 'ColumnType<unknown, string, string>',
};

/** The typed schema as the migrations build it, formatted as the project is. */
function generateSchema(): Promise<string> {
  return withSession('pglite:memory', async (session) => {
    await applyMigrations(session);
    const generated = await generate({
      db: kyselyOf(session),
      dialect: new PostgresDialect({ dateParser: 'string' }),
      includePattern: 'public.*',
      outFile: null,
      typeMapping,
    });
    return format(generated, { ...(await resolveConfig(file)), parser: 'typescript' });
  });
}

test('src/reference/schema.ts is what the migrations build (vitest -u writes it)', async () => {
  await expect(await generateSchema()).toMatchFileSnapshot(file.pathname);
});
