import { standsAlone } from '../../catalog/kinds/kind.ts';
import { idOf, selectPieces } from './piece.ts';

const signature = `p.proname || '(' || oidvectortypes(p.proargtypes) || ')'`;

const routine = selectPieces({
  id: idOf('pg_proc', 'p.oid'),
  stage: 'function',
  kind: `'function'`,
  schema: 'n.name',
  name: signature,
  sql: `ARRAY[pg_get_functiondef(p.oid)]`,
  from: `pg_proc p JOIN schemas n ON n.oid = p.pronamespace
    WHERE p.prokind <> 'a' AND ${standsAlone('pg_proc', 'p.oid')}`,
});

/** An option of an aggregate that names a function, where it has one. */
const calls = (option: string, column: string) =>
  `'${option} = ' || nullif(g.${column}::oid, 0)::regproc`;
const modifies = (option: string, column: string, initial: string) =>
  `CASE WHEN g.${column} <> ${initial} THEN '${option} = ' || CASE g.${column} WHEN 'r' THEN 'read_only' WHEN 's' THEN 'shareable' ELSE 'read_write' END END`;
/** An ordered-set aggregate may change its state by default. */
const initialModify = `CASE WHEN g.aggkind = 'n' THEN 'r'::"char" ELSE 'w' END`;

const options = [
  calls('sfunc', 'aggtransfn'),
  `'stype = ' || format_type(g.aggtranstype, NULL)`,
  `'sspace = ' || nullif(g.aggtransspace, 0)`,
  calls('finalfunc', 'aggfinalfn'),
  `CASE WHEN g.aggfinalextra THEN 'finalfunc_extra' END`,
  modifies('finalfunc_modify', 'aggfinalmodify', initialModify),
  calls('combinefunc', 'aggcombinefn'),
  calls('serialfunc', 'aggserialfn'),
  calls('deserialfunc', 'aggdeserialfn'),
  `'initcond = ' || quote_literal(g.agginitval)`,
  calls('msfunc', 'aggmtransfn'),
  calls('minvfunc', 'aggminvtransfn'),
  `'mstype = ' || format_type(nullif(g.aggmtranstype, 0), NULL)`,
  `'msspace = ' || nullif(g.aggmtransspace, 0)`,
  calls('mfinalfunc', 'aggmfinalfn'),
  `CASE WHEN g.aggmfinalextra THEN 'mfinalfunc_extra' END`,
  modifies('mfinalfunc_modify', 'aggmfinalmodify', initialModify),
  `'minitcond = ' || quote_literal(g.aggminitval)`,
  `'sortop = ' || (SELECT format('OPERATOR(%I.%s)', m.nspname, o.oprname) FROM pg_operator o
      JOIN pg_namespace m ON m.oid = o.oprnamespace WHERE o.oid = g.aggsortop)`,
  `CASE p.proparallel WHEN 's' THEN 'parallel = safe' WHEN 'r' THEN 'parallel = restricted' END`,
  `CASE WHEN g.aggkind = 'h' THEN 'hypothetical' END`,
];

const aggregate = selectPieces({
  id: idOf('pg_proc', 'p.oid'),
  stage: 'aggregate',
  kind: `'aggregate'`,
  schema: 'n.name',
  name: signature,
  sql: `ARRAY[format('CREATE AGGREGATE %I.%I(%s) (%s)', n.name, p.proname,
      coalesce(nullif(pg_get_function_arguments(p.oid), ''), '*'), concat_ws(', ', ${options.join(', ')}))]`,
  from: `pg_aggregate g JOIN pg_proc p ON p.oid = g.aggfnoid JOIN schemas n ON n.oid = p.pronamespace
    WHERE ${standsAlone('pg_proc', 'p.oid')}`,
});

const eventTrigger = selectPieces({
  id: idOf('pg_event_trigger', 'g.oid'),
  stage: 'event trigger',
  kind: `'event trigger'`,
  schema: 'n.name',
  name: 'g.evtname',
  sql: `ARRAY[format('CREATE EVENT TRIGGER %I ON %s', g.evtname, g.evtevent)
      || coalesce(' WHEN TAG IN (' || (SELECT string_agg(quote_literal(t), ', ' ORDER BY t COLLATE "C") FROM unnest(g.evttags) t) || ')', '')
      || format(' EXECUTE FUNCTION %s()', g.evtfoid::regproc)]
      || CASE g.evtenabled WHEN 'O' THEN '{}' ELSE ARRAY[format('ALTER EVENT TRIGGER %I ', g.evtname)
        || CASE g.evtenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END] END`,
  from: `pg_event_trigger g JOIN pg_proc p ON p.oid = g.evtfoid JOIN schemas n ON n.oid = p.pronamespace
    WHERE ${standsAlone('pg_event_trigger', 'g.oid')}`,
});

/** Functions, aggregates and event triggers. */
export const routinePieces: readonly string[] = [routine, aggregate, eventTrigger];
