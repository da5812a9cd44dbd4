import type { Finding } from '../report.ts';

/** Findings, and what of them was set aside. */
export interface Sorted {
  findings: Finding[];
  /** So many match a pattern. */
  ignored: number;
  /** So many are in the baseline. */
  known: number;
  /** Keys of the baseline that nothing was found for. */
  stale: string[];
}

/**
 * Sets aside what is ignored or known.
 *
 * @param ignore patterns of whole keys, in which `*` stands for any text
 * @param baseline keys of known findings
 * @param isLookedFor whether the checks that ran could find this key: others are not stale
 */
export function setAside(
  all: readonly Finding[],
  ignore: readonly string[],
  baseline: readonly string[],
  isLookedFor: (key: string) => boolean,
): Sorted {
  const patterns = ignore.map(toExpression);
  const rest = all.filter(({ key }) => !patterns.some((pattern) => pattern.test(key)));
  const known = new Set(baseline);
  const findings = rest.filter(({ key }) => !known.has(key));
  const found = new Set(all.map(({ key }) => key));
  return {
    findings,
    ignored: all.length - rest.length,
    known: rest.length - findings.length,
    stale: baseline.filter((key) => !found.has(key) && isLookedFor(key)),
  };
}

function toExpression(pattern: string): RegExp {
  const literal = pattern.replaceAll(/[\\^$.|?+()[\]{}]/g, String.raw`\$&`);
  return new RegExp(`^${literal.replaceAll('*', '.*')}$`, 's');
}
