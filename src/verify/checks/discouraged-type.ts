import { objectName } from '../../catalog/snapshot.ts';
import type { Check } from '../definition.ts';
import { columnsWhere, type FoundColumn } from '../table-sql.ts';

const sql = columnsWhere(
  "a.atttypid = ANY ('{json,bpchar,money,json[],bpchar[],money[]}'::regtype[])",
);

interface Advice {
  reason: string;
  instead: string;
}

const adviceOn: Readonly<Record<'json' | 'char' | 'money', Advice>> = {
  json: {
    reason: 'it has no equality, so that DISTINCT and GROUP BY fail, and no index on its contents',
    instead: 'jsonb',
  },
  char: {
    reason: 'it pads values with spaces, which comparisons ignore and LIKE does not',
    instead: 'text with a CHECK on its length',
  },
  money: {
    reason: 'its currency and its decimals depend on lc_monetary of the session',
    instead: 'numeric, with the currency in another column',
  },
};

function adviceFor(type: string): Advice {
  if (type.startsWith('json')) return adviceOn.json;
  return type.startsWith('money') ? adviceOn.money : adviceOn.char;
}

export const discouragedType: Check = {
  name: 'discouraged-type',
  group: 'tables',
  severity: 'info',
  isStatic: true,
  summary: 'No column has the type json, char(n) or money.',
  harm: 'json cannot be compared or indexed, char(n) pads values with spaces, and the meaning of money depends on a setting of the session.',
  cure: 'Use jsonb; text or varchar, with a CHECK on the length where it matters; numeric with a column for the currency.',
  example: 'CREATE TABLE orders (details json, country char(2), total money);',
  limits:
    'json preserves spaces, duplicate keys and the order of keys, which a signed document may need: allow such a column in the baseline. The internal type "char" is not reported.',
  async find({ session }) {
    const columns = await session.query<FoundColumn>(sql);
    return columns.map(({ type, ...column }) => {
      const object = { kind: 'column', ...column };
      const { reason, instead } = adviceFor(type);
      return {
        object,
        message: `${objectName(object)} has the type ${type}: ${reason}.`,
        help: `Use ${instead}.`,
      };
    });
  },
};
