import { quoteLiteral } from '../../db/quote.ts';
import { relationId, type Kind } from './kind.ts';

/** `CREATE RULE name AS …` without the name, which may be quoted and contain ` AS `. */
const withoutName = `substring(pg_get_ruledef(r.oid) FROM length('CREATE RULE ') + length(quote_ident(r.rulename)) + 1)`;

/** A rewrite rule, except the one that defines a view. */
export const rule: Kind = {
  name: 'rule',
  select: `SELECT 'rule' AS kind, c.schema, c.relname AS parent, r.rulename AS name,
      json_build_object(
        'enabled', r.ev_enabled,
        'comment', obj_description(r.oid, 'pg_rewrite')) AS properties,
      json_build_object('definition', ${withoutName}) AS expressions
    FROM relations c JOIN pg_rewrite r ON r.ev_class = c.oid WHERE r.rulename <> '_RETURN'`,
  respell: (_, { text }, name) => ({
    make: `CREATE RULE ${name}${text.replace(/;$/, '')}`,
    read: `(SELECT replace(pg_get_ruledef(oid), '${name}', '') FROM pg_rewrite WHERE rulename = '${name}')`,
  }),
  definition: ({ schema, parent, name }) => `SELECT pg_get_ruledef(oid) FROM pg_rewrite
    WHERE ev_class = ${relationId(schema, parent)} AND rulename = ${quoteLiteral(name)}`,
};
