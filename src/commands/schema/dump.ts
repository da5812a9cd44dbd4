import { relative, resolve } from 'node:path';
import * as z from 'zod';
import { defineCommand } from '../../command.ts';
import { usageError } from '../../errors.ts';
import { placeFolder } from '../../formats/place.ts';
import { folderIfAny, folderOf } from '../../open-project.ts';
import { sqlText } from '../../output/sanitise.ts';
import { shellWord } from '../../output/shell.ts';
import { dumpOf } from '../../schema-dump/dump.ts';
import { readSchemaFile, writeSchemaFile } from '../../schema-dump/file.ts';
import { checkReport, dumpReport, writtenReport } from '../../schema-dump/report.ts';
import { readLive, readReplayed } from '../../schema-dump/sources.ts';

const escaped =
  'control characters of the schema are escaped or removed on stdout; pass a file to write them as they are';

export const command = defineCommand({
  description:
    'Writes the schema of the database as SQL, the same text for the same schema. The text is restored in a shadow database and compared before it is written. Exits with 4 when --check finds that the file differs.',
  arguments: [['[file]', 'file to write or to check (default: stdout)']],
  options: [
    ['--replayed', 'write the schema that the migrations create, without a database'],
    ['--check', 'compare the schema with the file (default: schemaFile of the configuration)'],
    ['--no-proof', 'skip the test restore of the dump'],
  ],
  examples: [
    'dbops schema dump schema.sql',
    'dbops schema dump --replayed --check schema.sql',
    'dbops schema dump | less',
  ],
  flags: z.object({
    arguments: z.tuple([z.string().optional()]),
    replayed: z.boolean().default(false),
    check: z.boolean().default(false),
    proof: z.boolean().default(true),
  }),
  async run(context, { arguments: [asked], replayed, check, proof }) {
    const { settings, io } = context;
    const file =
      asked === undefined ? (check ? settings.schemaFile : undefined) : resolve(io.cwd, asked);
    if (check && file === undefined)
      throw usageError(
        'SCHEMA.NO_FILE',
        'No file is given to compare the schema with.',
        'Pass one: dbops schema dump --check schema.sql, or set schemaFile in dbops.config.ts',
      );
    const live = async () => {
      const folder = await folderIfAny(context);
      const session = await context.session();
      return readLive(context, session, folder && (await placeFolder(session, folder)));
    };
    const source = replayed ? await readReplayed(context, await folderOf(context)) : await live();
    const dump = await dumpOf(context, source, proof);
    if (file === undefined) {
      if (sqlText(dump.text) !== dump.text) context.note(escaped);
      return dumpReport(dump);
    }
    const name = relative(io.cwd, file);
    if (!check) return writtenReport(name, dump, writeSchemaFile(file, dump.text));
    const flags = [...(replayed ? ['--replayed'] : []), ...(proof ? [] : ['--no-proof'])];
    const words = ['dbops schema dump', ...flags, shellWord(name)].join(' ');
    return checkReport({ file: name, found: readSchemaFile(file), command: words }, dump);
  },
});
