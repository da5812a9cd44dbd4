import type { TableFacts } from '../schema-facts.ts';
import { because, type ConfigValue, type Reasoned } from './entry.ts';
import type { Subjects } from './subjects.ts';
import { wordsOf } from './words.ts';

/** Returns `checks`: a row belongs to the same subject as the row that it refers to. */
export function proposeChecks(
  { referring, table: ofSubjects }: Subjects,
  tables: readonly TableFacts[],
): Record<string, ConfigValue | Reasoned> {
  const checks = tables.flatMap((table) => {
    const own = referring.get(table.key);
    const key = table.columns.filter(({ name }) => table.primaryKey.includes(name));
    if (!own || key.length === 0) return [];
    return table.columns.flatMap((column) => {
      const { references } = column;
      const target = tables.find((each) => each.key === references?.table);
      const theirs = target && referring.get(target.key);
      const through = target?.columns.find(({ name }) => name === references?.column);
      if (!target || !theirs || !through || target.key === ofSubjects.key) return [];
      // An owner of the one need not be a member of the other.
      if (theirs.name !== own.name || column === own) return [];
      const name = `${table.name}-of-another-${wordsOf(ofSubjects.name).join('-')}`;
      const sql = `select ${[...key, own].map(({ sql: each }) => `r.${each}`).join(', ')}, t.${theirs.sql} as expected from ${table.sql} r join ${target.sql} t on t.${through.sql} = r.${column.sql} where t.${theirs.sql} is distinct from r.${own.sql}`;
      const reason = `${table.name} and ${target.name}, to which it refers, both have ${own.name}`;
      const help = `Set ${table.name}.${own.name} to that of its row in ${target.name}.`;
      return [
        [
          name,
          because(reason, { severity: 'error', key: key.map((each) => each.name), help, sql }),
        ] as const,
      ];
    });
  });
  return Object.fromEntries(checks);
}
