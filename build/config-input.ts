import type { ConfigInput } from '../src/config-input.ts';
import type { RowsInput, SeedCell, DeclaredRow } from '../src/declared/values.ts';

type Named = SeedCell | undefined | ((...input: never[]) => unknown) | readonly unknown[];

/** The same type, without the names of the library that made it. Inference spells it out; an annotation would not. */
type SpeltOut<T> = [T] extends [Named]
  ? T
  : T extends Named
    ? T
    : { [Key in keyof T]: SpeltOut<T[Key]> } & {};

declare const input: SpeltOut<ConfigInput>;
/** Never run: `build/types.mjs` takes its declaration. */
export const configInput = input;
/** The names that the declaration needs. */
export type Names = [DeclaredRow, RowsInput];
