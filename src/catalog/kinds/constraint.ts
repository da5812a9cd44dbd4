import { quoteLiteral } from '../../db/quote.ts';
import { commentOf, relationId, sorted, type Kind } from './kind.ts';

/**
 * A constraint of a table, without those inherited from a parent. `DISABLE TRIGGER ALL` disables a
 * foreign key without a change in pg_constraint.
 */
export const constraint: Kind = {
  name: 'constraint',
  select: `SELECT 'constraint' AS kind, c.schema, c.relname AS parent, o.conname AS name,
      json_build_object(
        'type', o.contype,
        'definition', CASE WHEN o.contype IN ('f', 'p', 'u')
          THEN regexp_replace(pg_get_constraintdef(o.oid), ' NOT VALID$', '') END,
        'operators', CASE WHEN o.contype = 'x' THEN ${sorted('o.conexclop::regoperator[]')} END,
        'deferrable', o.condeferrable,
        'deferred', o.condeferred,
        'no inherit', o.contype = 'c' AND o.connoinherit,
        'validated', o.convalidated,
        'not enforced', CASE WHEN o.contype = 'c' AND NOT o.convalidated
          THEN nullif(pg_get_constraintdef(o.oid) LIKE '% NOT ENFORCED', false) END,
        'disabled', nullif(o.oid IN (SELECT tgconstraint FROM pg_trigger WHERE tgisinternal AND tgenabled <> 'O'), false),
        'comment', m.description) AS properties,
      json_build_object('check', CASE WHEN o.contype = 'c' THEN pg_get_expr(o.conbin, o.conrelid) END) AS expressions
    FROM relations c JOIN pg_constraint o ON o.conrelid = c.oid ${commentOf('pg_constraint', 'o.oid')}
    WHERE o.contype IN ('c', 'f', 'p', 'u', 'x') AND o.conislocal AND o.conparentid = 0`,
  definition: ({ schema, parent, name }) => `SELECT pg_get_constraintdef(oid) FROM pg_constraint
    WHERE conrelid = ${relationId(schema, parent)} AND conname = ${quoteLiteral(name)}`,
};
