/** One line of a diff: kept, removed or added. */
interface Line {
  mark: ' ' | '-' | '+';
  text: string;
}

/** Lines before and after a change. */
const context = 3;

/**
 * Returns the unified diff of two texts, without the names of files.
 *
 * @param most number of lines, after which the rest is only counted
 */
export function unifiedDiff(before: string, after: string, most: number): string[] {
  const lines = diffLines(before.split('\n'), after.split('\n'));
  const shown = new Set(
    lines.flatMap(({ mark }, at) =>
      mark === ' ' ? [] : Array.from({ length: 2 * context + 1 }, (_, step) => at - context + step),
    ),
  );
  const output: string[] = [];
  let [old, fresh] = [1, 1];
  for (const [at, { mark, text }] of lines.entries()) {
    if (shown.has(at)) {
      if (!shown.has(at - 1)) output.push(`@@ -${old} +${fresh} @@`);
      output.push(`${mark}${text}`);
    }
    if (mark !== '+') old++;
    if (mark !== '-') fresh++;
  }
  const rest = output.length - most;
  return rest > 0 ? [...output.slice(0, most), `… and ${rest} more lines`] : output;
}

function diffLines(before: readonly string[], after: readonly string[]): Line[] {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start++;
  let [endBefore, endAfter] = [before.length, after.length];
  while (endBefore > start && endAfter > start && before[endBefore - 1] === after[endAfter - 1]) {
    endBefore--;
    endAfter--;
  }
  const kept = (lines: readonly string[]) => lines.map((text): Line => ({ mark: ' ', text }));
  return [
    ...kept(before.slice(0, start)),
    ...middle(before.slice(start, endBefore), after.slice(start, endAfter)),
    ...kept(before.slice(endBefore)),
  ];
}

/** A table of longer parts would take too much memory; then the whole part is one change. */
const largest = 4_000_000;

/** Keeps a longest common subsequence of lines. */
function middle(before: readonly string[], after: readonly string[]): Line[] {
  const lengthAt = before.length * after.length > largest ? () => 0 : lengthsOf(before, after);
  const lines: Line[] = [];
  let [one, other] = [0, 0];
  while (one < before.length || other < after.length) {
    const [removed, added] = [before[one], after[other]];
    if (removed !== undefined && removed === added) {
      lines.push({ mark: ' ', text: removed });
      one++;
      other++;
    } else if (
      removed !== undefined &&
      (added === undefined || lengthAt(one + 1, other) >= lengthAt(one, other + 1))
    ) {
      lines.push({ mark: '-', text: removed });
      one++;
    } else {
      lines.push({ mark: '+', text: added ?? '' });
      other++;
    }
  }
  return lines;
}

/** Returns the length of the longest common subsequence of what follows two lines. */
function lengthsOf(before: readonly string[], after: readonly string[]) {
  const width = after.length + 1;
  const lengths = new Uint32Array((before.length + 1) * width);
  const at = (one: number, other: number) => lengths[one * width + other] ?? 0;
  for (let one = before.length - 1; one >= 0; one--)
    for (let other = after.length - 1; other >= 0; other--)
      lengths[one * width + other] =
        before[one] === after[other]
          ? at(one + 1, other + 1) + 1
          : Math.max(at(one + 1, other), at(one, other + 1));
  return at;
}
