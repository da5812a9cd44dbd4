import type { CheckInput } from './definition.ts';

/** Returns a reader that several checks share: it reads once in a run, and again after a failure. */
export function oncePerInput<T>(
  read: (input: CheckInput) => Promise<T>,
): (input: CheckInput) => Promise<T> {
  const answers = new WeakMap<CheckInput, T>();
  return async (input) => {
    const known = answers.get(input);
    if (known !== undefined) return known;
    const answer = await read(input);
    answers.set(input, answer);
    return answer;
  };
}
