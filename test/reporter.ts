import type { SerializedError } from 'vitest';
import type { Reporter, TestModule, TestRunEndReason } from 'vitest/node';

/** Ends a run with one line that scripts can read: `N passed, N failed, N skipped`. */
export default class CountReporter implements Reporter {
  onTestRunEnd(
    modules: readonly TestModule[],
    errors: readonly SerializedError[],
    reason: TestRunEndReason,
  ): void {
    const states = modules.flatMap((module) => [...module.children.allTests()].map(stateOf));
    const count = (wanted: string) => states.filter((state) => state === wanted).length;
    const seen = count('failed') + modules.flatMap(brokenParts).length + errors.length;
    // A failing global setup, or an interruption, leaves no test behind that failed.
    const complete = modules.length > 0 && reason === 'passed';
    const failed = complete ? seen : Math.max(seen, 1);
    const skipped = count('skipped') + count('pending');
    process.stdout.write(`\n${count('passed')} passed, ${failed} failed, ${skipped} skipped\n`);
  }
}

/** The files and suites that failed outside of a test: while loading, or in a hook. */
function brokenParts(module: TestModule) {
  const parts = [module, ...module.children.allSuites()];
  return parts.filter((part) => part.errors().length > 0);
}

function stateOf(test: { result(): { state: string } }): string {
  return test.result().state;
}
