import type { ConnectionCheck } from './db/diagnosis.ts';
import type { Session } from './db/session.ts';
import type { Declarations } from './declarations.ts';
import type { DeclaredExpression, DeclaredPart } from './declared/prepare.ts';
import type { TypedExpression } from './declared/types.ts';
import { DbopsError, exitCodes } from './errors.ts';
import type { Finding } from './report.ts';

/**
 * What a feature makes of its declarations beside its own command. `doctor` prepares the expressions, and
 * `verify` adds the findings to its data checks; both call these inside one READ ONLY transaction.
 */
export interface FeatureDeclarations {
  /** Returns every expression, with the FROM clause that it belongs to. */
  expressions?(declared: Declarations): Promise<readonly (DeclaredExpression | TypedExpression)[]>;
  /** What is prepared as a whole. */
  preparations?: {
    /** The key of the configuration. */
    key: string;
    /** @param root the folder of the configuration */
    list(declared: Declarations, root: string): Promise<readonly DeclaredPart[]>;
  };
  /** Returns what slows down or distorts what is declared, such as the index that a meter lacks. */
  diagnoses?(session: Session, declared: Declarations): Promise<readonly ConnectionCheck[]>;
  findings?: {
    /** Their code, which their keys begin with. */
    code: string;
    isDeclared(declared: Declarations): boolean;
    find(session: Session, declared: Declarations): Promise<readonly Finding[]>;
  };
}

/** The one list of these features; checks and SQL reports are prepared by `doctor` itself. */
export const featureDeclarations: readonly FeatureDeclarations[] = [
  {
    async expressions({ usage }) {
      if (!usage) return [];
      return (await import('./reports/usage/expressions.ts')).usageExpressions(usage);
    },
    async diagnoses(session, { usage }) {
      if (!usage) return [];
      const { missingMeterIndexes } = await import('./reports/usage/indexes.ts');
      const missing = await missingMeterIndexes(session, usage);
      return missing.map(({ place, message, statement }) => ({
        name: place,
        state: 'warn',
        detail: message,
        ...(statement !== undefined && { help: statement }),
      }));
    },
  },
  {
    async expressions({ credits }) {
      if (!credits) return [];
      return (await import('./reports/credits/expressions.ts')).creditsExpressions(credits);
    },
    findings: {
      code: 'reconcile',
      isDeclared: ({ credits }) => credits?.ledger?.equals !== undefined,
      async find(session, { credits }) {
        if (!credits) return [];
        const { reconcileFindings } = await import('./reports/reconcile/findings.ts');
        return reconcileFindings(session, credits);
      },
    },
  },
  {
    preparations: {
      key: 'seeds',
      async list({ seeds }, root) {
        if (!seeds) return [];
        return (await import('./seed/prepare.ts')).seedPreparations(seeds, root);
      },
    },
  },
];

/**
 * Returns the findings that declarations imply, such as balances that are not the sum of their ledger. A
 * declaration that does not run on the database is a finding, too; while migrations are pending, which may create
 * what it names, it is a note.
 */
export async function impliedFindings(
  session: Session,
  declared: Declarations,
  { hasPending, note }: { hasPending: boolean; note: (line: string) => void },
): Promise<Finding[]> {
  const all: Finding[] = [];
  for (const { findings } of featureDeclarations) {
    if (!findings?.isDeclared(declared)) continue;
    try {
      all.push(...(await findings.find(session, declared)));
    } catch (error) {
      if (!(error instanceof DbopsError) || error.exitCode !== exitCodes.usage) throw error;
      if (hasPending)
        note(`not checked  ${findings.code}: ${error.message} Migrations are pending.`);
      else all.push(notRun(findings.code, error));
    }
  }
  return all;
}

function notRun(code: string, { message, hint, reason }: DbopsError): Finding {
  return {
    code,
    severity: 'error',
    message: [message, ...reason].join('\n'),
    help: hint,
    where: { object: `checks.${code}` },
    key: `${code}:error`,
  };
}

/** Returns the codes of these findings, of what is declared. */
export function impliedCodes(declared: Declarations): string[] {
  return featureDeclarations.flatMap(({ findings }) =>
    findings?.isDeclared(declared) ? [findings.code] : [],
  );
}
