import type { ConfigInput as Settings } from './config-input.ts';
import type { DeclaredRow, SeedCell, RowsInput } from './declared/values.ts';

export { ref, sql } from './declared/values.ts';

type SeedSet = NonNullable<Settings['seeds']>[string];

/** Rows of one table; with a `DB`, of the columns of that table. */
type RowsOf<DB> = {
  [Table in keyof DB & string]: Omit<
    Extract<SeedSet, { rows: unknown }>,
    'table' | 'key' | 'once' | 'keep' | 'rows'
  > & {
    table: Table;
    key: (keyof DB[Table] & string)[];
    once?: (keyof DB[Table] & string)[] | '*';
    keep?: (keyof DB[Table] & string)[] | '*';
    rows:
      | Partial<Record<keyof DB[Table] & string, SeedCell>>[]
      | ((input: RowsInput) => Partial<Record<keyof DB[Table] & string, SeedCell>>[]);
  };
}[keyof DB & string];

/** Any tables and columns: a team without generated types. */
type AnyDatabase = Record<string, DeclaredRow>;

/** The settings of `dbops.config.ts`. `DB` is the schema that Kysely and kysely-codegen write. */
export type Config<DB = AnyDatabase> = Omit<Settings, 'seeds'> & {
  seeds?: Record<string, RowsOf<DB> | Exclude<SeedSet, { rows: unknown }>>;
};

/** Returns the settings, with the types of `dbops.config.ts`: `export default defineConfig({ … })`. */
export function defineConfig<DB = AnyDatabase>(config: Config<DB>): Config<DB> {
  return config;
}
