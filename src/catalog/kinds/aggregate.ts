import { standsAlone, type Kind } from './kind.ts';

/** An aggregate function. */
export const aggregate: Kind = {
  name: 'aggregate',
  select: `SELECT 'aggregate' AS kind, n.name AS schema, '' AS parent,
      p.proname || '(' || oidvectortypes(p.proargtypes) || ')' AS name,
      json_build_object(
        'kind', g.aggkind,
        'arguments', pg_get_function_arguments(p.oid),
        'result', pg_get_function_result(p.oid),
        'transition', g.aggtransfn::regprocedure::text,
        'state', format_type(g.aggtranstype, NULL),
        'initial state', g.agginitval,
        'final', nullif(g.aggfinalfn::oid, 0)::regprocedure::text,
        'combine', nullif(g.aggcombinefn::oid, 0)::regprocedure::text,
        'moving transition', nullif(g.aggmtransfn::oid, 0)::regprocedure::text,
        'moving initial state', g.aggminitval,
        'sort operator', nullif(g.aggsortop, 0)::regoperator::text,
        'parallel', p.proparallel,
        'volatility', p.provolatile,
        'comment', obj_description(p.oid, 'pg_proc')) AS properties,
      '{}'::json AS expressions
    FROM pg_aggregate g JOIN pg_proc p ON p.oid = g.aggfnoid JOIN schemas n ON n.oid = p.pronamespace
    WHERE ${standsAlone('pg_proc', 'p.oid')}`,
};
