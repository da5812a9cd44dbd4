import { quoteIdentifier, quoteLiteral } from '../../db/quote.ts';
import { standsAlone, sorted, type Kind, type SchemaObject } from './kind.ts';

/** A function or procedure. The server parses `BEGIN ATOMIC` bodies; others are compared as text. */
export const routine: Kind = {
  name: 'function',
  select: `SELECT 'function' AS kind, n.name AS schema, '' AS parent,
      p.proname || '(' || oidvectortypes(p.proargtypes) || ')' AS name,
      json_build_object(
        'procedure', p.prokind = 'p',
        'window', p.prokind = 'w',
        'result', pg_get_function_result(p.oid),
        'language', l.lanname,
        'source', CASE WHEN p.prosqlbody IS NULL THEN p.prosrc END,
        'library', p.probin,
        'volatility', p.provolatile,
        'parallel', p.proparallel,
        'strict', p.proisstrict,
        'security definer', p.prosecdef,
        'leakproof', p.proleakproof,
        'cost', p.procost,
        'rows', p.prorows,
        'settings', ${sorted('p.proconfig')},
        'support', nullif(p.prosupport::oid, 0)::regproc::text,
        'comment', obj_description(p.oid, 'pg_proc')) AS properties,
      json_build_object('arguments', pg_get_function_arguments(p.oid), 'body', pg_get_function_sqlbody(p.oid)) AS expressions
    FROM pg_proc p JOIN schemas n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
    WHERE p.prokind <> 'a' AND ${standsAlone('pg_proc', 'p.oid')}`,
  respell: (object, { word, text }, name) =>
    word === 'body'
      ? {
          make: `${head(object, object.expressions['arguments'] ?? '', name)} LANGUAGE sql ${text}`,
          read: readBack('pg_get_function_sqlbody', name),
        }
      : {
          make: `${head(object, text, name)} LANGUAGE plpgsql AS 'BEGIN END'`,
          read: readBack('pg_get_function_arguments', name),
        },
  // The index of pg_proc begins with the name alone.
  definition: ({
    schema,
    name,
  }) => `SELECT pg_get_functiondef(p.oid) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE p.proname = ${quoteLiteral(plainName(name))} AND n.nspname = ${quoteLiteral(schema)}
      AND p.proname || '(' || oidvectortypes(p.proargtypes) || ')' = ${quoteLiteral(name)}`,
};

/** Creates it in a separate schema under its own name: a body may refer to arguments as `function.argument`. */
function head({ name, properties }: SchemaObject, parameters: string, scratch: string): string {
  const routineName = `${scratch}.${quoteIdentifier(plainName(name))}`;
  const result = properties['procedure'] ? '' : ` RETURNS ${String(properties['result'])}`;
  const create = properties['procedure'] ? 'PROCEDURE' : 'FUNCTION';
  return `CREATE SCHEMA ${scratch}; CREATE ${create} ${routineName}(${parameters})${result}`;
}

/** Without the types of its arguments. */
function plainName(name: string): string {
  return name.slice(0, name.lastIndexOf('('));
}

function readBack(reader: string, scratch: string): string {
  return `(SELECT ${reader}(oid) FROM pg_proc WHERE pronamespace = '${scratch}'::regnamespace)`;
}
