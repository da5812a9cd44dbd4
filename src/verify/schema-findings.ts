import type { Drift } from '../shadow/drift.ts';
import { describeDetail } from '../catalog/describe.ts';
import { keyOfDifference } from '../catalog/differences.ts';
import { objectName, type ObjectIdentity } from '../catalog/snapshot.ts';
import { quoteName } from '../db/quote.ts';
import type { FoundFinding } from '../findings/locate.ts';
import { repairOf } from './repair.ts';

/** What the comparison of catalogs does not cover; docs/verify.md has the same list. */
export const notCompared: readonly string[] = [
  'the order of columns: a dump and restore preserves it, a column added later does not',
  'owners and their privileges; other privileges without --grants; MAINTAIN always',
  'roles, memberships, and settings of roles and databases (ALTER ROLE … SET, ALTER DATABASE … SET)',
  'tablespaces, versions and schemas of extensions, versions of collations, security labels',
  'the identity of a partition, which has that of its parent since PostgreSQL 17 and none before',
  'the definitions of casts, operators, operator classes, collations, conversions, languages, text search objects, foreign-data wrappers and foreign servers: only whether they exist',
  'subscriptions and user mappings, and extensions and publications that no migration creates',
  'names of NOT NULL constraints, which older versions do not have',
  'the schemas pg_*, information_schema and dbops*, objects of extensions, temporary objects',
  'data: rows, sequence values, whether a materialized view is up to date',
];

function toFinding(drift: Drift): FoundFinding {
  const { change, object, migration, definitions } = drift;
  const key = keyOfDifference(drift);
  const code = key.slice(0, key.indexOf(':'));
  const name = objectName(object);
  return {
    code,
    severity: change === 'extra' ? 'warning' : 'error',
    message: messageOf(drift, name),
    help: helpFor(drift),
    where: { object: name, ...(migration && { migration }) },
    key,
    ...(Object.keys(definitions).length > 0 && { definitions }),
    ...(change !== 'extra' && { identity: object }),
  };
}

function messageOf(drift: Drift, name: string): string {
  const { expected, live } = drift.definitions;
  if (drift.change === 'missing') return `${name} is missing${definitionSuffix(expected)}`;
  if (drift.change === 'extra')
    return `No applied migration creates ${name}${definitionSuffix(live)}`;
  if (expected && live && expected !== live && expected.length + live.length < maxDefinitionLength)
    return `${name} differs: expected ${expected}, found ${live}.`;
  return `${name} differs: ${drift.details.map(describeDetail).join('; ')}`;
}

const maxDefinitionLength = 400;

function definitionSuffix(definition: string | undefined): string {
  return definition && definition.length < maxDefinitionLength ? `: ${definition}` : '.';
}

function helpFor(drift: Drift): string {
  if (drift.dropsRows) return helpWithRows(drift);
  const enabling = enablingTriggers(drift);
  if (enabling) return enabling;
  const repair = repairOf(drift);
  if (drift.change === 'extra')
    return `Add it to a migration (dbops migrate new NAME) or drop it${repair ? `: ${repair};` : '.'}`;
  const isLost = drift.object.kind === 'table' && drift.change === 'missing';
  if (repair && !isLost)
    return drift.change === 'missing'
      ? `Create it: ${repair};`
      : `Change it to what its migration defines: ${repair};`;
  if (isLost)
    return `Restore it with its rows from a backup${repair ? `, or create it empty: ${repair};` : '.'}`;
  return drift.migration
    ? `Change it to what ${drift.migration} defines, or add the change to a migration (dbops migrate new NAME).`
    : 'Change it to what its migration defines, or add the change to a migration (dbops migrate new NAME).';
}

/**
 * Returns how to enable a foreign key whose internal triggers are disabled, on either table. Only ALL
 * enables internal triggers, and only for a superuser (server manual, "ALTER TABLE").
 */
function enablingTriggers(drift: Drift): string | undefined {
  if (drift.change !== 'different') return undefined;
  const { object, details, definitions } = drift;
  const isDisabled = details.some(({ word, live }) => word === 'disabled' && live === true);
  if (!isDisabled || details.length > 1) return undefined;
  const name = String.raw`(?:"(?:[^"]|"")+"|[^\s(."]+)`;
  const [, target] =
    new RegExp(String.raw`REFERENCES (${name}(?:\.${name})?)\s*\(`).exec(
      definitions.expected ?? definitions.live ?? '',
    ) ?? [];
  const table = quoteName({ schema: object.schema, name: object.parent });
  const tables = [table, ...(target === undefined ? [] : [target])];
  const enable = tables.map((each) => `ALTER TABLE ${each} ENABLE TRIGGER ALL;`).join(' ');
  return `Rows that were written meanwhile were not checked. Enable the triggers as a superuser: ${enable}`;
}

/** A command that drops rows is not printed to be pasted. */
function helpWithRows({ change, object, migration }: Drift): string {
  const rows = object.kind === 'column' ? 'Its table holds rows' : 'It holds rows';
  if (change === 'extra')
    return `${rows}. Add it to a migration (dbops migrate new NAME), or exclude it from comparisons: schemas or ignore in dbops.config.ts.`;
  return `${rows}, which the change would drop. Change it by a migration that keeps them (dbops migrate new NAME), or to what ${migration ?? 'its migration'} defines after you have copied them.`;
}

/** Values that a check reports, with a better fix. */
const reportedValues: Readonly<Record<string, { live: unknown; checks: string[] }>> = {
  valid: { live: false, checks: ['invalid-index', 'leftover-index'] },
  ready: { live: false, checks: ['invalid-index', 'leftover-index'] },
  validated: { live: false, checks: ['constraint-not-validated'] },
  'not null not validated': { live: true, checks: ['constraint-not-validated'] },
  disabled: { live: true, checks: ['disabled-trigger'] },
  enabled: { live: 'D', checks: ['disabled-trigger'] },
};

/** Returns whether checks report a difference as a whole, and no part of it is for this comparison alone. */
function isReportedWhole(drift: Drift, isReported: IsReported): boolean {
  if (drift.change !== 'different' || drift.object.kind === 'domain constraint') return false;
  return drift.details.every(({ word, live }) => {
    const value = reportedValues[word];
    return (
      value !== undefined &&
      value.live === live &&
      value.checks.some((check) => isReported(check, drift.object))
    );
  });
}

/** Whether a check reports an object, with a better fix than this comparison. */
export type IsReported = (check: string, object: ObjectIdentity) => boolean;

/** Returns what these findings of checks report; a column by the constraint of its table. */
export function reportedBy(findings: readonly FoundFinding[]): IsReported {
  const names = findings.map(({ code, where }) => `${code} ${where.object}`);
  const reported = new Set([...names, ...names.map((name) => name.replace(/ .* on /, ' on '))]);
  return (check, object) => {
    const { kind, schema, parent } = object;
    const table = objectName({ kind, schema, parent: '', name: parent });
    return reported.has(`${check} ${kind === 'column' ? `on ${table}` : objectName(object)}`);
  };
}

/** An index is invalid while CREATE INDEX CONCURRENTLY builds it. */
function isBeingBuilt(drift: Drift): boolean {
  return drift.change === 'different' && drift.details.some(({ word }) => word === 'being built');
}

/**
 * Returns a finding for each object that differs from what the applied migrations create.
 *
 * @param isReported of the findings of the catalogue
 */
export function schemaFindings(drift: readonly Drift[], isReported: IsReported): FoundFinding[] {
  return drift
    .filter((each) => !isBeingBuilt(each) && !isReportedWhole(each, isReported))
    .map(toFinding);
}
