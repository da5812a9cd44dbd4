import type * as z from 'zod';
import type { Definitions } from './backfill/definition.ts';
import type { Declarations } from './declarations.ts';
import { issueLines } from './output/issues.ts';

/** The parts of `declarationsSchema`. Only those that a file contains are loaded. */
const declarationParts = {
  usage: async () => (await import('./reports/usage/definition.ts')).usageSchema,
  credits: async () => (await import('./reports/credits/definition.ts')).creditsSchema,
  seeds: async () => (await import('./seed/definition.ts')).seedsSchema,
  checks: async () => (await import('./verify/declaration.ts')).dataChecksSchema,
  probes: async () => (await import('./verify/smoke/definition.ts')).probesSchema,
  verify: async () => (await import('./verify/declaration.ts')).verifySchema,
  reports: async () => (await import('./reports/sql/definition.ts')).sqlReportsSchema,
  backfills: async () => (await import('./backfill/definition.ts')).definitionsSchema,
};

/** Returns whether a key of the configuration is a declaration, not a setting. */
export function isDeclaration(key: string): boolean {
  return Object.hasOwn(declarationParts, key);
}

/** Returns what is declared, and what is wrong with it. */
export async function parseDeclarations(
  given: Readonly<Record<string, unknown>>,
): Promise<{ declared: Declarations; backfills?: Definitions; problems: string[] }> {
  const problems: string[] = [];
  const part = async <T>(key: string, load: () => Promise<z.ZodType<T>>) => {
    if (given[key] === undefined) return undefined;
    const { data, error } = (await load()).safeParse(given[key], { jitless: true });
    if (error) problems.push(...issueLines(error, (path) => [key, ...path].map(String).join('.')));
    return data;
  };
  const usage = await part('usage', declarationParts.usage);
  const credits = await part('credits', declarationParts.credits);
  const seeds = await part('seeds', declarationParts.seeds);
  const checks = await part('checks', declarationParts.checks);
  const probes = await part('probes', declarationParts.probes);
  const verify = await part('verify', declarationParts.verify);
  const reports = await part('reports', declarationParts.reports);
  const backfills = await part('backfills', declarationParts.backfills);
  const declared = {
    ...(usage && { usage }),
    ...(credits && { credits }),
    ...(seeds && { seeds }),
    ...(checks && { checks }),
    ...(probes && { probes }),
    ...(verify && { verify }),
    ...(reports && { reports }),
  };
  return { declared, ...(backfills && { backfills }), problems };
}
