import type { Cell, Column, Tone } from '../../report.ts';
import { formatCount, percent } from '../../output/number.ts';
import { measures, type Feature, type Measure, type Measured } from './usage-measures.ts';

/** The rows that the queries returned. */
export interface UsageFacts {
  organizations: { id: string; name: string; slug: string | null; plan: string }[];
  /** `limit_value`: -1 is unlimited, 0 none allowed, `null` not configured. */
  limits: { plan: string; feature_key: string; limit_value: bigint | null }[];
  /** By requested feature: the organizations that used it. */
  measured: Map<Feature, Measured[]>;
}

const states = ['ok', 'warn', 'over', 'unlimited', 'no-limit-row'] as const;

export type UsageState = (typeof states)[number];

/** One organization and one feature. */
export type UsageLine = {
  organization: string;
  organizationId: string;
  slug: string | null;
  plan: string;
  feature: Feature;
  /** In the unit of the limit. */
  used: bigint;
  limit: bigint | null;
  /** `used` as a percentage of `limit` with one decimal; `null` where no limit is positive. */
  percent: string | null;
  state: UsageState;
  /** Events without a user or id, which are not counted; `null` where the measure needs neither. */
  unnamed: bigint | null;
};

const unlimited = -1n;

/** Returns a line for every organization and measured feature, also where nothing was used. */
export function linesOf({ organizations, limits, measured }: UsageFacts): UsageLine[] {
  const limitOf = new Map(limits.map((row) => [`${row.plan} ${row.feature_key}`, row.limit_value]));
  const usedOf = [...measured].map(([feature, rows]) => ({
    feature,
    byOrganization: new Map(rows.map((row) => [row.organizationId, row])),
  }));
  return organizations.flatMap(({ id, name, slug, plan }) =>
    usedOf.map(({ feature, byOrganization }) => ({
      organization: name,
      organizationId: id,
      slug,
      plan,
      feature,
      ...figuresOf(feature, byOrganization.get(id), limitOf.get(`${plan} ${feature}`) ?? null),
    })),
  );
}

function figuresOf(feature: Feature, found: Measured | undefined, limit: bigint | null) {
  const { unnamed }: Measure = measures[feature];
  const used = BigInt(found?.used ?? 0);
  return {
    used,
    limit,
    percent: limit === null || limit <= 0n ? null : percent(used, limit),
    state: stateOf(used, limit),
    unnamed: unnamed ? (found?.unnamed ?? 0n) : null,
  };
}

/** Returns the state of a figure. A limit of -1 is unlimited, 0 allows none, `null` is not configured. */
export function stateOf(used: bigint, limit: bigint | null): UsageState {
  if (limit === null) return 'no-limit-row';
  if (limit === unlimited) return 'unlimited';
  if (used > limit) return 'over';
  return limit > 0n && used * 100n >= limit * 80n ? 'warn' : 'ok';
}

export type UsageTotals = { organizations: number; lines: number } & Record<UsageState, number>;

/** Returns counts of lines: usage of different features cannot be added up. */
export function totalsOf({ organizations }: UsageFacts, lines: readonly UsageLine[]): UsageTotals {
  const count = (state: UsageState) => lines.filter((line) => line.state === state).length;
  return {
    organizations: organizations.length,
    lines: lines.length,
    ok: count('ok'),
    warn: count('warn'),
    over: count('over'),
    unlimited: count('unlimited'),
    'no-limit-row': count('no-limit-row'),
  };
}

/** Returns `organizations: 3, lines: 24 (20 ok, 1 warn, 3 over)`. */
export function describeTotals(totals: UsageTotals): string {
  const found = states
    .filter((state) => totals[state] > 0)
    .map((state) => `${formatCount(totals[state])} ${state}`);
  const counts = `organizations: ${formatCount(totals.organizations)}, lines: ${formatCount(totals.lines)}`;
  return found.length > 0 ? `${counts} (${found.join(', ')})` : counts;
}

/** Returns the definitions of the measured features and of the states. */
export function legendOf({ measured }: UsageFacts): string[] {
  const shown = [...measured.keys()].map((feature): Measure => measures[feature]);
  return [
    ...shown.map(({ label, definition }) => `${label}: ${definition}`),
    'warn: at least 80 % of the limit; over: more than the limit; ∞: the limit is -1',
    'no-limit-row: plan_features has no limit for the plan; it is not unlimited',
  ];
}

/** Returns how many events were not counted. */
export function notesOf({ measured }: UsageFacts, lines: readonly UsageLine[]): string[] {
  return [...measured.keys()].flatMap((feature) => {
    const { unnamed }: Measure = measures[feature];
    return unnamedNote(feature, unnamed, lines);
  });
}

function unnamedNote(feature: Feature, unnamed: string | undefined, lines: readonly UsageLine[]) {
  const those = lines.filter((line) => line.feature === feature);
  const total = those.reduce((sum, line) => sum + (line.unnamed ?? 0n), 0n);
  return unnamed && total > 0n ? [`not counted, ${unnamed}: ${formatCount(total)}`] : [];
}

const toneOf = new Map<Cell, Tone>([
  ['ok', 'good'],
  ['warn', 'warn'],
  ['over', 'bad'],
  ['unlimited', 'dim'],
  ['no-limit-row', 'warn'],
]);

function limitText(limit: Cell): string {
  if (limit === unlimited) return '∞';
  return typeof limit === 'bigint' ? formatCount(limit) : '–';
}

const labelOf = new Map<Cell, string>(
  Object.entries(measures).map(([feature, { label }]) => [feature, label]),
);

export const columns: Column[] = [
  { key: 'organization', label: 'organization' },
  { key: 'plan', label: 'plan' },
  { key: 'feature', label: 'feature', format: (_value, { feature }) => labelOf.get(feature) ?? '' },
  { key: 'used', label: 'used', align: 'right' },
  { key: 'limit', label: 'limit', align: 'right', format: limitText },
  { key: 'percent', label: '%', align: 'right' },
  { key: 'state', label: 'state', tone: (state) => toneOf.get(state) },
];
