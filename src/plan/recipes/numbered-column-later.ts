import type { ColumnDef } from 'libpg-query';
import { quoteIdentifier as q, quoteLiteral, quoteName } from '../../db/quote.ts';
import { filledByBackfill, newColumn, partsOf, type NewColumn } from './added-column.ts';
import { together, type Recipe, type RecipeFacts, type RecipeStep } from './recipe.ts';
import { generatedName } from './server-names.ts';

/**
 * A column of serial or GENERATED AS IDENTITY numbers the rows: ADD COLUMN rewrites the table under ACCESS
 * EXCLUSIVE.
 */
export const numberedColumnLater: Recipe = {
  name: 'numbered-column-later',
  summary:
    'Add the column without a value and its sequence, number new rows by default and existing rows in batches, and make the column serial or identity afterwards.',
  async rewrite(statement, facts) {
    const added = await newColumn(statement, facts);
    const numbering = added && (await numberingOf(added, statement.sql, facts));
    if (!numbering) return undefined;
    const { type, sequence, create, last } = numbering;
    const { table, known, column } = added;
    const alter = `ALTER TABLE ${quoteName(table)}`;
    const next = `nextval(${quoteLiteral(quoteName({ schema: known.schema, name: sequence }))}::regclass)`;
    const first = together(
      create,
      `${alter} ADD COLUMN ${q(column.name)} ${type}`,
      `${alter} ALTER COLUMN ${q(column.name)} SET DEFAULT ${next}`,
      `ALTER SEQUENCE ${quoteName({ schema: known.schema, name: sequence })} OWNED BY ${quoteName(known)}.${q(column.name)}`,
    );
    return filledByBackfill(added, { first, expression: next, isRequired: true, last }, facts);
  },
};

interface Numbering {
  type: string;
  /** The sequence that numbers the rows until the last step. */
  sequence: string;
  /** The statement that creates it. */
  create: string;
  last: RecipeStep[];
}

async function numberingOf(
  added: NewColumn,
  sql: string,
  facts: RecipeFacts,
): Promise<Numbering | undefined> {
  const serial = serialType(added.definition);
  const { schema, name: table } = added.known;
  const nameOf = (...columns: string[]) =>
    generatedName(facts.catalog, { schema, table, columns, label: 'seq' });
  const own = await nameOf(added.column.name);
  if (serial !== undefined)
    return {
      type: serial,
      sequence: own,
      create: `CREATE SEQUENCE ${quoteName({ schema, name: own })} AS ${serial}`,
      last: [],
    };
  const identity = identityOf(added, sql);
  if (!identity || added.known.isPartitioned) return undefined;
  const { kind, options } = identity;
  const sequence = await nameOf(added.column.name, 'first');
  const [temporary, final] = [sequence, own].map((name) => quoteName({ schema, name }));
  const alter = `ALTER TABLE ${quoteName(added.table)} ALTER COLUMN ${q(added.column.name)}`;
  const { type } = added.column;
  return {
    type,
    sequence,
    create: `CREATE SEQUENCE ${temporary} AS ${type}${options && ` ${options}`}`,
    last: [
      together(
        `${alter} DROP DEFAULT`,
        `${alter} ADD GENERATED ${kind} AS IDENTITY${options && ` (${options})`}`,
        // Nobody takes a number meanwhile: the table is locked.
        `SELECT setval(${quoteLiteral(final ?? '')}, nextval(${quoteLiteral(temporary ?? '')}), false)`,
        `DROP SEQUENCE ${temporary}`,
      ),
    ],
  };
}

const serialTypes: Record<string, string> = {
  smallserial: 'smallint',
  serial2: 'smallint',
  serial: 'integer',
  serial4: 'integer',
  bigserial: 'bigint',
  serial8: 'bigint',
};

function serialType({ typeName }: ColumnDef): string | undefined {
  const [name, another] = typeName?.names ?? [];
  const text = name && !another && 'String' in name ? name.String.sval : undefined;
  return serialTypes[text ?? ''];
}

/** Returns how an identity column is generated, and the options of its sequence without parentheses. */
function identityOf({ definition }: NewColumn, sql: string) {
  const identity = partsOf(definition).find(({ contype }) => contype === 'CONSTR_IDENTITY');
  if (!identity) return undefined;
  const isNamed = (identity.options ?? []).some(
    (node) => 'DefElem' in node && node.DefElem.defname === 'sequence_name',
  );
  if (isNamed) return undefined;
  const options = /\bas\s+identity\s*\(([^)]*)\)/i.exec(sql)?.[1]?.trim() ?? '';
  return { kind: identity.generated_when === 'a' ? 'ALWAYS' : 'BY DEFAULT', options };
}
