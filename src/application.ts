import type { SeedDeclaration } from './seed/definition.ts';

/**
 * What an application declares about its own tables. Features receive it and know no table by name.
 * Parts that only some commands need are functions, so that the others do not load them.
 */
export interface Application {
  seeds(): Promise<SeedDeclaration>;
}
